/* The one file that implements both headers, after something else has included them plainly. */
#include "llm.h"
#define LLM_IMPLEMENTATION
#include "llm.h"
#include "llm.h"
