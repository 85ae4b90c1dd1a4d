/* test_requests - what a request may not ask for: each mistake by its sentence, alone and beside requests that are
   being read and written, which do not notice; and what it brought is left as it was. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#define PROGRAM "test_requests"
#include "stories.h"
#include "test.h"

enum { KEPT = 20, OTHERS = 3 };

static llm_model *stories;
static const int32_t ids[] = {5, 6, 512, -1};
static const llm_ids sequences[] = {{ids, 2}, {ids, 0}, {ids, 3}, {NULL, 2}};
static const llm_ids doubled[] = {{ids, 2}, {ids, 2}};
static const char *const empty[] = {""}, *const broken[] = {"\xC3("}, *const missing[] = {"a", NULL};
static const llm_token_bias far_off[] = {{512, 1}}, no_number[] = {{7, NAN}};
static float rows[2 * 64];

/* A request goes wrong in one way; NULL: there are no more. */
static const char *spoil(int which, llm_generation_desc *d) {
    llm_sampling *s = &d->sampling;
    llm_penalties *p = &d->penalties;
    switch (which) {
    /* sampling */
    case 0: s->temperature = -1; return "temperature is -1; expected 0 to 1e+06";
    case 1: s->temperature = NAN; return "temperature is nan; expected 0 to 1e+06";
    case 2: s->top_p = 1.5f; return "top_p is 1.5; expected 0 to 1";
    case 3: s->min_p = -0.25f; return "min_p is -0.25; expected 0 to 1";
    case 4: s->min_keep = -1; return "min_keep is -1; expected 0 to 2.14748e+09";
    case 5: s->top_k = -3; return "top_k is -3; expected 0 to 2.14748e+09";
    case 6: s->typical_p = 2; return "typical_p is 2; expected 0 to 1";
    case 7: s->top_n_sigma = -1; return "top_n_sigma is -1; expected 0 to 1e+06";
    case 8: s->xtc_probability = 1.5f; return "xtc_probability is 1.5; expected 0 to 1";
    case 9: s->xtc_threshold = 0.75f; return "xtc_threshold is 0.75; expected 0 to 0.5";
    case 10: s->xtc_protected_count = 1; return "xtc_protected: a count is given, but no ids";
    case 11: s->xtc_protected = ids + 2, s->xtc_protected_count = 1; return "xtc_protected: id 512; expected 0 to 511";
    case 12: s->dynamic_range = -1; return "dynamic_range is -1; expected 0 to 1e+06";
    case 13: s->dynamic_exponent = 1001; return "dynamic_exponent is 1001; expected 0 to 1000";
    case 14: s->mirostat_tau = -1; return "mirostat_tau is -1; expected 0 to 1000";
    case 15: s->mirostat_eta = 2; return "mirostat_eta is 2; expected 0 to 1";
    /* penalties */
    case 16: p->bias_count = 1; return "biases: a count is given, but no list";
    case 17: p->biases = far_off, p->bias_count = 1; return "biases: id 512; expected 0 to 511";
    case 18: p->biases = no_number, p->bias_count = 1; return "biases: that of id 7 is not a number";
    case 19: p->repetition = -1; return "repetition is -1; expected 0 to 1e+06";
    case 20: p->repetition_window = -2; return "repetition_window is -2; expected -1 to 2.14748e+09";
    case 21: p->presence = INFINITY; return "presence is inf; expected -1e+06 to 1e+06";
    case 22: p->presence_window = -2; return "presence_window is -2; expected -1 to 2.14748e+09";
    case 23: p->frequency = -INFINITY; return "frequency is -inf; expected -1e+06 to 1e+06";
    case 24: p->frequency_window = -5; return "frequency_window is -5; expected -1 to 2.14748e+09";
    case 25: p->dry_multiplier = -1; return "dry_multiplier is -1; expected 0 to 1e+06";
    case 26: p->dry_base = -1; return "dry_base is -1; expected 0 to 1000";
    case 27: p->dry_allowed = -1; return "dry_allowed is -1; expected 0 to 2.14748e+09";
    case 28: p->dry_window = -2; return "dry_window is -2; expected -1 to 2.14748e+09";
    case 29: p->dry_breaker_count = 2; return "dry_breakers: a count is given, but no ids";
    case 30: p->dry_breakers = ids + 3, p->dry_breaker_count = 1; return "dry_breakers: id -1; expected 0 to 511";
    /* stops and ends */
    case 31: d->extra_end_count = 1; return "extra_ends: a count is given, but no ids";
    case 32: d->extra_ends = ids, d->extra_end_count = 3; return "extra_ends: id 512; expected 0 to 511";
    case 33: d->stop_count = 1; return "stops: a count is given, but no texts";
    case 34: d->stops = empty, d->stop_count = 1; return "stop 0 is empty";
    case 35: d->stops = missing, d->stop_count = 2; return "stop 1 is empty";
    case 36: d->stops = broken, d->stop_count = 1; return "stop 0 is not valid UTF-8";
    case 37: d->stop_id_count = 1; return "stop_ids: a count is given, but no sequences";
    case 38: d->stop_ids = sequences, d->stop_id_count = 2; return "stop sequence 1 is empty";
    case 39: d->stop_ids = sequences + 2, d->stop_id_count = 1; return "stop_ids: id 512; expected 0 to 511";
    case 40: d->stop_ids = sequences + 3, d->stop_id_count = 1; return "stop_ids: a count is given, but no ids";
    /* drafts */
    case 41: d->num_draft_tokens = 65; return "num_draft_tokens is 65; expected 0 to 64";
    case 42: d->lookup.count = -1; return "lookup.count is -1; expected 0 to 64";
    case 43: d->lookup.longest = -1; return "lookup.longest is -1; expected 0 to 2.14748e+09";
    case 44: d->lookup.shortest = -1; return "lookup.shortest is -1; expected 0 to 2.14748e+09";
    case 45: d->lookup.count = 2, d->lookup.shortest = 4; return "lookup: shortest is 4, longest 3";
    case 46: d->draft_model = stories, d->lookup.count = 2;
        return "drafts come from draft_model or from lookup, not from both";
    case 47: d->draft_model = stories, d->embeddings = rows, d->embedding_count = 2, d->embedding_width = 64;
        return "a draft model cannot read a prompt of embeddings";
    /* sizes */
    case 48: d->max_tokens = -3; return "max_tokens is -3; expected 0 or more, -1 or LLM_PROMPT_ONLY";
    case 49: d->prefill_step = -1; return "prefill_step is -1; expected 0 or more";
    case 50: d->max_kv_size = -1; return "max_kv_size is -1; expected 0 or more";
    case 51: d->top_logprobs = -2; return "top_logprobs is -2; expected 0 or more, or LLM_ALL_LOGPROBS";
    case 52: d->kv_bits = 7; return "kv_bits 7 in groups of 64; expected 2, 3, 4, 5, 6 or 8 and 32, 64 or 128";
    case 53: d->kv_bits = 4, d->kv_group_size = 48;
        return "kv_bits 4 in groups of 48; expected 2, 3, 4, 5, 6 or 8 and 32, 64 or 128";
    case 54: d->quantized_kv_start = -1; return "quantized_kv_start is -1; expected 0 or more";
    /* the prompt */
    case 55: d->id_count = 2; return "id_count is given but ids is NULL";
    case 56: d->ids = ids, d->id_count = 3; return "prompt token 2: id 512; expected 0 to 511";
    case 57: d->ids = ids + 3, d->id_count = 1; return "prompt token 0: id -1; expected 0 to 511";
    case 58: d->prompt = "", d->no_special = 1; return "the prompt is empty: expected at least one token";
    case 59: d->prompt = NULL; return "the prompt is empty: expected at least one token";
    case 60: d->prompt = "caf\xE9!"; return "the text is not valid UTF-8: byte 0xE9 at 3";
    case 61: d->segment_count = 1; return "segments: expected a list, as a count is given";
    case 62: d->segments = sequences + 3, d->segment_count = 1; return "segment 0 has a count, but no ids";
    case 63: d->segments = doubled, d->segment_count = 2, d->ids = ids, d->id_count = 2;
        return "segments: expected neither ids nor embeddings with them";
    case 64: d->prompt = NULL, d->embeddings = rows, d->embedding_count = 2, d->embedding_width = 63;
        return "embeddings: rows of width 63; expected rows of 64 numbers";
    case 65: d->prompt = NULL, d->embedding_count = 2, d->embedding_width = 64, d->ids = ids, d->id_count = 2;
        return "embeddings: none of width 64; expected rows of 64 numbers";
    case 66: d->prompt = NULL, d->embeddings = rows, d->embedding_width = 64;
        return "the prompt is empty: expected at least one token";
    case 67: d->prompt = NULL, d->embeddings = rows, d->embedding_count = 2, d->embedding_width = 64;
        d->ids = sequences[0].ids, d->id_count = 1;
        return "2 embeddings for 1 ids; expected as many, or no ids";
    default: return NULL;
    }
}

/* ---- a cache that must stay as it is */

static llm_cache *kept_cache(void) {
    static int32_t read[KEPT];
    static told out;
    llm_generation_desc d = prompt_desc(NULL, LLM_PROMPT_ONLY);
    llm_cache *cache = NULL;
    int i;
    for (i = 0; i < KEPT; i++) read[i] = 300 + i;
    CHECK(llm_model_cache_open(&cache, stories, NULL, NULL) == LLM_OK);
    d.ids = read;
    d.id_count = KEPT;
    d.use_cache = cache;
    tell(stories, &d, &out);
    CHECK_EQ(llm_cache_length(cache), KEPT);
    return cache;
}

/* ---- mistakes */

static llm_generation_desc other_desc(int i) {
    static const char *const texts[OTHERS] = {"Once upon a time", "There was a little girl named Lily and", "The sun"};
    llm_generation_desc d = prompt_desc(texts[i], 50);
    d.prefill_step = 2;
    if (i == 1) d.sampling.temperature = 0.8f;
    if (i == 2) d.lookup.count = 4;
    return d;
}

/* Between any two steps of others, one of them in the middle of a pass. */
static void every_mistake_by_its_sentence(void) {
    static told alone, out[OTHERS];
    llm_scheduler_desc sd;
    llm_scheduler *s = NULL;
    llm_cache *cache = kept_cache();
    const llm_event *events;
    llm_status status = LLM_OK;
    llm_error error;
    size_t count;
    int which, i;
    memset(&sd, 0, sizeof sd);
    sd.draft_model = stories;
    sd.prefill_step = 4;
    CHECK(llm_scheduler_open(&s, stories, &sd, NULL) == LLM_OK);
    for (i = 0; i < OTHERS; i++) {
        llm_generation_desc d = other_desc(i);
        CHECK(llm_scheduler_insert(s, &d, NULL, NULL) == LLM_OK);
    }
    for (which = 0;; which++) {
        llm_generation_desc d = prompt_desc("Once", 4);
        llm_generation *g = NULL;
        const char *sentence;
        uint64_t id = 1;
        d.use_cache = cache;
        sentence = spoil(which, &d);
        if (!sentence) break;
        CHECK_EQ(llm_generation_open(&g, stories, &d, &error), LLM_BAD_ARGUMENT);
        CHECK(!g && error.status == LLM_BAD_ARGUMENT);
        CHECK_STR(error.message, sentence);
        CHECK_EQ(llm_scheduler_insert(s, &d, &id, &error), LLM_BAD_ARGUMENT);
        CHECK(!id && error.status == LLM_BAD_ARGUMENT);
        CHECK_STR(error.message, sentence);
        CHECK_EQ(llm_cache_length(cache), KEPT);
        status = llm_scheduler_step(s, which % 3 ? 0 : -1, &events, &count, &error);
        hear(events, count, 1, out, OTHERS);
    }
    CHECK_EQ(which, 68);
    while (status == LLM_OK || status == LLM_PENDING) {
        status = llm_scheduler_next(s, &events, &count, &error);
        hear(events, count, 1, out, OTHERS);
    }
    for (i = 0; i < OTHERS; i++) {
        llm_generation_desc d = other_desc(i);
        tell(stories, &d, &alone);
        CHECK(same_told(&alone, &out[i]));
    }
    llm_scheduler_close(s);
    llm_cache_close(cache);
}

/* ---- calls that do not fit together */

static void sessions_and_caches(void) {
    llm_model *twin = stories_open();
    llm_session *session = NULL, *foreign = NULL;
    llm_cache *cache = kept_cache(), *again = kept_cache();
    llm_generation_desc d = prompt_desc("Once", 4);
    llm_generation *g = NULL, *other = NULL;
    llm_scheduler_desc sd;
    llm_scheduler *s = NULL;
    llm_piece piece;
    llm_error error;
    CHECK(llm_session_open(&session, stories, NULL, NULL) == LLM_OK);
    CHECK(llm_session_open(&foreign, twin, NULL, NULL) == LLM_OK);
    memset(&sd, 0, sizeof sd);
    d.use_cache = cache;
    d.use_session = foreign;
    CHECK_EQ(llm_generation_open(&g, stories, &d, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "use_session belongs to another model");
    CHECK_EQ(llm_cache_length(cache), KEPT);
    sd.use_session = foreign;
    CHECK_EQ(llm_scheduler_open(&s, stories, &sd, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "use_session belongs to another model");
    d.use_session = session;
    CHECK_EQ(llm_generation_open(&g, stories, &d, &error), LLM_OK);
    CHECK_EQ(llm_generation_step(g, 0, &piece, &error), LLM_PENDING);
    d.use_cache = again;
    CHECK_EQ(llm_generation_open(&other, stories, &d, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "use_session is in the middle of a call");
    CHECK_EQ(llm_cache_length(again), KEPT);
    sd.use_session = session;
    CHECK_EQ(llm_scheduler_open(&s, stories, &sd, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "use_session is in the middle of a call");
    CHECK_EQ(llm_generation_next(g, &piece, &error), LLM_OK);
    CHECK_EQ(llm_generation_open(&other, stories, &d, &error), LLM_OK);
    CHECK_EQ(llm_generation_step(g, 0, &piece, &error), LLM_PENDING);
    CHECK_EQ(llm_generation_next(other, &piece, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "the generation's session is in the middle of another call");
    CHECK_EQ(llm_generation_next(g, &piece, &error), LLM_OK);
    CHECK_EQ(llm_generation_next(other, &piece, &error), LLM_OK);
    llm_generation_close(other);
    llm_generation_close(g);
    llm_session_close(session);
    llm_session_close(foreign);
    llm_cache_close(cache);
    llm_cache_close(again);
    llm_model_close(twin);
}

/* A cache that cannot be written as codes (heads of 8 numbers), or that is another model's, is refused as it is. */
static void caches_that_do_not_fit(void) {
    static told out;
    llm_cache *cache = kept_cache();
    llm_generation_desc d = prompt_desc("Once", 4);
    tally t;
    int refuse;
    d.use_cache = cache;
    d.kv_bits = 8;
    tell(stories, &d, &out);
    CHECK_EQ(out.status, LLM_BAD_ARGUMENT);
    printf("%s\n", out.error.message);
    CHECK_EQ(llm_cache_length(cache), KEPT);
    d.kv_bits = 0;
    for (refuse = 1; refuse < 100; refuse++) {
        llm_generation *g = NULL;
        d.session.allocator = tally_start(&t);
        llm__atomic_set(&t.refuse, refuse);
        out.status = llm_generation_open(&g, stories, &d, &out.error);
        CHECK(out.status == LLM_OK || out.status == LLM_OUT_OF_MEMORY);
        llm_generation_close(g);
        CHECK_EQ(llm_cache_length(cache), KEPT);
        CHECK_EQ(t.live, 0);
        if (out.status == LLM_OK) break;
    }
    CHECK(refuse > 5 && refuse < 100);
    llm_cache_close(cache);
}

/* Requests that never got their turn give back what they brought. */
static void waiting_in_vain(void) {
    llm_cache *caches[2], *back = NULL;
    llm_generation_desc d = prompt_desc("Once", 40);
    llm_scheduler_desc sd;
    llm_scheduler *s = NULL;
    const llm_event *events;
    llm_error error;
    uint64_t id[2];
    size_t count;
    int i;
    memset(&sd, 0, sizeof sd);
    sd.completion_batch_size = 1;
    CHECK(llm_scheduler_open(&s, stories, &sd, NULL) == LLM_OK);
    CHECK(llm_scheduler_insert(s, &d, NULL, NULL) == LLM_OK);
    for (i = 0; i < 2; i++) {
        d.use_cache = caches[i] = kept_cache();
        CHECK(llm_scheduler_insert(s, &d, &id[i], NULL) == LLM_OK);
    }
    for (i = 0; i < 5; i++) CHECK_EQ(llm_scheduler_next(s, &events, &count, &error), LLM_OK);
    CHECK_EQ(llm_scheduler_get_stats(s).waiting, 2);
    CHECK_EQ(llm_scheduler_insert(s, &d, NULL, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "request 3 already uses that cache");
    CHECK_EQ(llm_scheduler_remove(s, id[0], &back, &error), LLM_OK);
    CHECK(back == caches[0]);
    CHECK_EQ(llm_scheduler_remove(s, id[0], &back, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "there is no request 2");
    llm_scheduler_close(s);
    for (i = 0; i < 2; i++) {
        CHECK_EQ(llm_cache_length(caches[i]), KEPT);
        llm_cache_close(caches[i]);
    }
}

static void nothing_where_something_is_needed(void) {
    llm_generation_desc d = prompt_desc("Once", 4);
    llm_generation *g = NULL;
    llm_scheduler *s = NULL;
    const llm_event *events;
    llm_cache *cache = NULL;
    llm_piece piece;
    llm_error error;
    uint64_t id = 1;
    size_t count;
    CHECK_EQ(llm_generation_open(NULL, stories, &d, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "a generation cannot be opened into a NULL pointer");
    CHECK_EQ(llm_generation_open(&g, NULL, &d, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "a generation needs a model and a descriptor");
    CHECK_EQ(llm_generation_open(&g, stories, NULL, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "a generation needs a model and a descriptor");
    CHECK_EQ(llm_generation_next(NULL, &piece, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "a step needs a generation");
    CHECK_EQ(llm_generation_next(NULL, NULL, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "a step needs a piece to fill");
    CHECK_EQ(llm_scheduler_insert(NULL, &d, &id, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "a scheduler and a request are needed");
    CHECK_EQ(id, 0);
    CHECK(llm_scheduler_next(NULL, &events, &count, &error) == LLM_BAD_ARGUMENT && error.message[0]);
    CHECK(llm_scheduler_remove(NULL, 1, &cache, &error) == LLM_BAD_ARGUMENT && !cache);
    CHECK(llm_scheduler_open(&s, NULL, NULL, &error) == LLM_BAD_ARGUMENT && !s && error.message[0]);
    CHECK(!llm_scheduler_cache(NULL, 1) && !llm_generation_cache(NULL));
    CHECK_EQ(llm_scheduler_get_stats(NULL).steps, 0);
    CHECK_EQ(llm_generation_get_stats(NULL).prompt_tokens, 0);
    llm_generation_cancel(NULL);
    llm_generation_close(NULL);
    llm_scheduler_close(NULL);
}

static void wrong_schedulers(void) {
    static const char *const sentences[] = {
        "completion_batch_size is -1; expected 0 to 65536", "prefill_batch_size is 65537; expected 0 to 65536",
        "prefill_step is -1; expected 0 to 2.14748e+09", "max_kv_size is -1; expected 0 to 9e+18"};
    llm_scheduler *s = NULL;
    llm_error error;
    int i;
    for (i = 0; i < 4; i++) {
        llm_scheduler_desc d;
        memset(&d, 0, sizeof d);
        if (i == 0) d.completion_batch_size = -1;
        if (i == 1) d.prefill_batch_size = 65537;
        if (i == 2) d.prefill_step = -1;
        if (i == 3) d.max_kv_size = -1;
        CHECK_EQ(llm_scheduler_open(&s, stories, &d, &error), LLM_BAD_ARGUMENT);
        CHECK(!s);
        CHECK_STR(error.message, sentences[i]);
    }
}

int main(void) {
    stories_read();
    stories = stories_open();
    TEST(every_mistake_by_its_sentence);
    TEST(sessions_and_caches);
    TEST(caches_that_do_not_fit);
    TEST(waiting_in_vain);
    TEST(nothing_where_something_is_needed);
    TEST(wrong_schedulers);
    llm_model_close(stories);
    stories_free();
    return test_summary("test_requests");
}
