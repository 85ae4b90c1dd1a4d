/* LLM_STATIC: both floors inside one file, nothing exported. */
#define LLM_STATIC
#define LLM_IMPLEMENTATION
#include "llm.h"

int main(void) { return llm_status_text(LLM_OK) ? 0 : 1; }
