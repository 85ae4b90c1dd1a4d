#define LLM_IMPLEMENTATION
#include "llm.h"
int main(void) {
    llm_error error;
    llm_piece piece;
    llm_model *model;
    llm_generation *story;
    llm_model_desc md = {0};
    llm_generation_desc gd = {0};
    md.path = "examples/model", gd.prompt = "Once upon a time";
    if (llm_model_open(&model, &md, &error)) return puts(error.message);
    if (llm_generation_open(&story, model, &gd, &error)) return puts(error.message);
    while (llm_generation_next(story, &piece, &error) == LLM_OK) fputs(piece.text, stdout);
    llm_generation_close(story), llm_model_close(model);
}
