/* llm_cache.h stands alone: it needs nothing of llm.h. */
#define LLM_CACHE_IMPLEMENTATION
#include "llm_cache.h"

int main(void) {
    llm_cache *cache = NULL;
    llm_cache_desc desc;
    llm_error error;
    memset(&desc, 0, sizeof desc);
    if (llm_cache_open(&cache, &desc, &error) == LLM_OK) llm_cache_close(cache);
    return 0;
}
