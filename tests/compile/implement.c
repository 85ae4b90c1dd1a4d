/* The one file that implements both headers. */
#define LLM_IMPLEMENTATION
#include "llm.h"
#include "llm.h"
