/* stories.h - what the tests of the engine share: a real checkpoint in memory, a session with a cache, a generation as
   one call. */
#ifndef STORIES_H
#define STORIES_H

#include "common.h"

#define STORIES "tests/golden/models/stories260K"

/* ---- the checkpoint */

enum { CONFIG, WEIGHTS, TOKENIZER, TOKENIZER_CONFIG, FILES };

/* The folder's files, by name; index with the names above. */
static llm_memory_file stories_files[FILES] = {{"config.json", NULL, 0},
                                               {"model.safetensors", NULL, 0},
                                               {"tokenizer.json", NULL, 0},
                                               {"tokenizer_config.json", NULL, 0}};

static LLM__UNUSED void stories_read(void) {
    char path[200];
    int i;
    for (i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", STORIES, stories_files[i].name);
        stories_files[i].data = read_file(path, &stories_files[i].bytes);
    }
}

static LLM__UNUSED void stories_free(void) {
    int i;
    for (i = 0; i < FILES; i++) free((void *)(uintptr_t)stories_files[i].data);
}

static LLM__UNUSED llm_model_desc stories_desc(void) {
    llm_model_desc desc;
    memset(&desc, 0, sizeof desc);
    desc.memory = stories_files;
    desc.memory_count = FILES;
    return desc;
}

static LLM__UNUSED llm_model *stories_open(void) {
    llm_model *model = NULL;
    llm_model_desc desc = stories_desc();
    llm_error error;
    if (llm_model_open(&model, &desc, &error)) {
        printf("the stories model does not open: %s\n", error.message);
        exit(2);
    }
    return model;
}

/* ---- a session with a cache, and a sequence that reads into it */

typedef struct reading {
    llm_session *session;
    llm_cache *cache;
    llm_sequence sequence;
} reading;

/* Either description may be NULL.  0: something could not be opened; to be closed all the same. */
static LLM__UNUSED int reading_open(reading *r, const llm_model *model, const llm_session_desc *session,
                                    const llm_model_cache_desc *cache) {
    memset(r, 0, sizeof *r);
    if (llm_session_open(&r->session, model, session, NULL) || llm_model_cache_open(&r->cache, model, cache, NULL))
        return 0;
    r->sequence.cache = r->cache;
    return 1;
}

static LLM__UNUSED void reading_close(reading *r) {
    llm_cache_close(r->cache);
    llm_session_close(r->session);
}

/* ---- a generation as one call */

typedef struct told {
    char text[4096];
    int32_t ids[1024];
    size_t bytes, count;
    llm_status status; /* LLM_END when all went well */
    llm_finish finish;
    llm_error error;
} told;

static LLM__UNUSED void told_piece(told *t, const llm_piece *piece) {
    if (piece->token != LLM_NO_TOKEN && t->count < sizeof t->ids / sizeof *t->ids) t->ids[t->count++] = piece->token;
    if (t->bytes + piece->bytes < sizeof t->text) {
        memcpy(t->text + t->bytes, piece->text, piece->bytes);
        t->bytes += piece->bytes;
        t->text[t->bytes] = 0;
    }
    if (piece->finish != LLM_RUNNING) t->finish = piece->finish;
}

static LLM__UNUSED void tell(const llm_model *model, const llm_generation_desc *desc, told *t) {
    llm_generation *generation = NULL;
    llm_piece piece;
    memset(t, 0, sizeof *t);
    t->status = llm_generation_open(&generation, model, desc, &t->error);
    if (t->status) return;
    while ((t->status = llm_generation_next(generation, &piece, &t->error)) == LLM_OK) told_piece(t, &piece);
    llm_generation_close(generation);
}

/* What came for request `first + i` goes to told[i]. */
static LLM__UNUSED void hear(const llm_event *events, size_t count, uint64_t first, told *out, size_t most) {
    size_t i;
    for (i = 0; i < count; i++) {
        told *t;
        if (events[i].kind != LLM_EVENT_PIECE || events[i].id < first || events[i].id - first >= most) continue;
        t = &out[events[i].id - first];
        told_piece(t, &events[i].piece);
        if (t->finish != LLM_RUNNING) t->status = LLM_END;
        if (t->finish == LLM_FINISH_FAILED) t->error = events[i].error;
    }
}

static LLM__UNUSED int same_told(const told *a, const told *b) {
    return a->status == LLM_END && b->status == LLM_END && a->bytes == b->bytes && a->count == b->count &&
           a->finish == b->finish && !memcmp(a->text, b->text, a->bytes) &&
           !memcmp(a->ids, b->ids, a->count * sizeof *a->ids);
}

static LLM__UNUSED llm_generation_desc prompt_desc(const char *prompt, int64_t max_tokens) {
    llm_generation_desc desc;
    memset(&desc, 0, sizeof desc);
    desc.prompt = prompt;
    desc.max_tokens = max_tokens;
    return desc;
}

/* The library still works: called after everything that was refused. */
static LLM__UNUSED int still_works(void) {
    static told first;
    static told again;
    llm_generation_desc desc = prompt_desc("Once upon a time", 8);
    llm_model *model = stories_open();
    told *t = first.count ? &again : &first;
    tell(model, &desc, t);
    llm_model_close(model);
    return same_told(&first, t);
}

#endif /* STORIES_H */
