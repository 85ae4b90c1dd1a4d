/* A file that uses the headers and implements neither: declarations only, in C and C++. */
#include "llm.h"
#include "llm.h"

int main(void) {
    llm_error error;
    llm_model *model = NULL;
    llm_model_desc desc;
    size_t i;
    unsigned char *bytes = (unsigned char *)&desc;
    for (i = 0; i < sizeof desc; i++) bytes[i] = 0;
    /* No path and no memory: a failure that says so, and nothing to close. */
    if (llm_model_open(&model, &desc, &error) != LLM_BAD_ARGUMENT || model || !error.message[0]) return 1;
    llm_model_close(model);
    return llm_status_text(LLM_OK) ? 0 : 2;
}
