/* test_scheduler - many generations in one batch: every request writes what it would write alone, whatever is inserted,
   removed or fails beside it. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "fixture.h"
#include "stories.h"
#include "test.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SOAK = 150 };
#else
enum { SOAK = 2000 };
#endif
enum { MANY = 8, SOAK_ALIVE = 12 };

static llm_model *stories;
static const char *const prompts[MANY] = {
    "Once upon a time", "There was a little girl named Lily", "One day, a dog", "The sun",
    "Tom had a big red ball. He", "In a small house by the sea", "A", "She said, \"I want to play",
};

/* ---- running requests */

static llm_scheduler *open_scheduler(const llm_model *model, llm_scheduler_desc desc) {
    llm_scheduler *s = NULL;
    llm_error error;
    CHECK(llm_scheduler_open(&s, model, &desc, &error) == LLM_OK);
    return s;
}

static llm_scheduler_desc batches(int completion, int prefill, int step) {
    llm_scheduler_desc d;
    memset(&d, 0, sizeof d);
    d.completion_batch_size = completion;
    d.prefill_batch_size = prefill;
    d.prefill_step = step;
    return d;
}

static uint64_t insert(llm_scheduler *s, const llm_generation_desc *d) {
    uint64_t id;
    llm_error error;
    llm_status status = llm_scheduler_insert(s, d, &id, &error);
    if (status != LLM_OK) printf("insert: %s\n", error.message);
    CHECK(status == LLM_OK && id);
    return id;
}

static void run_all(llm_scheduler *s, uint64_t first, told *out, size_t most) {
    const llm_event *events;
    llm_error error;
    size_t count;
    llm_status status;
    while ((status = llm_scheduler_next(s, &events, &count, &error)) == LLM_OK) hear(events, count, first, out, most);
    if (status != LLM_END) printf("next: %s\n", error.message);
    CHECK_EQ(status, LLM_END);
}

/* The requests together write what each writes alone. */
static void check_requests(const llm_model *model, llm_scheduler_desc batch, const llm_generation_desc *requests,
                           size_t count) {
    llm_scheduler *s = open_scheduler(model, batch);
    told *together = (told *)calloc(count, sizeof *together), *alone = (told *)calloc(1, sizeof *alone);
    uint64_t first = 0;
    size_t i;
    for (i = 0; i < count; i++) {
        uint64_t id = insert(s, &requests[i]);
        if (!i) first = id;
    }
    run_all(s, first, together, count);
    for (i = 0; i < count; i++) {
        tell(model, &requests[i], alone);
        CHECK(same_told(alone, &together[i]));
    }
    llm_scheduler_close(s);
    free(together);
    free(alone);
}

/* ---- mlx-lm's tests of its batch generator */

/* Log-probabilities of the first tokens equal those of single runs. */
static void test_batch_matches_single(void) {
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 0));
    const llm_event *events;
    float first[MANY];
    uint64_t id = 0;
    llm_error error;
    size_t i, k, count, heard = 0;
    for (i = 0; i < MANY; i++) {
        llm_generation_desc d = prompt_desc(prompts[i], 1);
        id = insert(s, &d);
    }
    id -= MANY - 1;
    while (llm_scheduler_next(s, &events, &count, &error) == LLM_OK)
        for (k = 0; k < count; k++)
            if (events[k].kind == LLM_EVENT_PIECE) {
                first[events[k].id - id] = events[k].piece.logprob;
                heard++;
            }
    CHECK_EQ(heard, MANY);
    for (i = 0; i < MANY; i++) {
        llm_generation_desc d = prompt_desc(prompts[i], 1);
        llm_generation *g = NULL;
        llm_piece piece;
        CHECK(!llm_generation_open(&g, stories, &d, &error) && !llm_generation_next(g, &piece, &error));
        CHECK(piece.logprob == first[i]);
        llm_generation_close(g);
    }
    llm_scheduler_close(s);
}

/* More prompts than the batches hold: one piece a request in each step, and more than one step. */
static void test_many_batches(void) {
    llm_scheduler *s = open_scheduler(stories, batches(3, 2, 0));
    const llm_event *events;
    llm_generation_desc requests[MANY];
    llm_error error;
    size_t i, k, j, count, steps = 0;
    for (i = 0; i < MANY; i++) {
        requests[i] = prompt_desc(prompts[i], 6);
        insert(s, &requests[i]);
    }
    while (llm_scheduler_next_generated(s, &events, &count, &error) == LLM_OK) {
        llm_scheduler_stats stats = llm_scheduler_get_stats(s);
        CHECK(stats.reading <= 2 && stats.reading + stats.writing <= 3);
        for (k = 0; k < count; k++) {
            CHECK_EQ(events[k].kind, LLM_EVENT_PIECE);
            for (j = 0; j < k; j++) CHECK(events[j].id != events[k].id);
        }
        steps++;
    }
    CHECK(steps > 1);
    llm_scheduler_close(s);
    check_requests(stories, batches(3, 2, 0), requests, MANY);
    check_requests(stories, batches(3, 2, 3), requests, MANY);
}

static void test_batch_unique_max_toks(void) {
    llm_generation_desc requests[4];
    size_t i;
    for (i = 0; i < 4; i++) requests[i] = prompt_desc(prompts[i], (int64_t)i + 2);
    check_requests(stories, batches(0, 0, 0), requests, 4);
}

typedef struct seen {
    size_t calls, first_count;
    int32_t first[64];
} seen;

static void remember_first(void *user, const int32_t *tokens, size_t count, float *logits, int vocabulary) {
    seen *s = (seen *)user;
    (void)logits;
    (void)vocabulary;
    if (s->calls++ || count > 64) return;
    memcpy(s->first, tokens, count * sizeof *tokens);
    s->first_count = count;
}

static void only_token(void *user, const int32_t *tokens, size_t count, float *logits, int vocabulary) {
    int i;
    (void)tokens;
    (void)count;
    for (i = 0; i < vocabulary; i++)
        if (i != *(const int *)user) logits[i] = -HUGE_VALF;
}

static void test_batch_generate_with_logits_processors(void) {
    llm_generation_desc requests[3];
    static int token[2] = {300, 301};
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 0));
    static told out[3];
    uint64_t id = 0;
    size_t i;
    memset(out, 0, sizeof out);
    for (i = 0; i < 3; i++) {
        requests[i] = prompt_desc(prompts[i], 5);
        if (i) requests[i].penalties.process = only_token;
        if (i) requests[i].penalties.process_user = &token[i - 1];
        id = insert(s, &requests[i]);
    }
    run_all(s, id - 2, out, 3);
    for (i = 0; i < 5; i++) CHECK(out[1].ids[i] == 300 && out[2].ids[i] == 301);
    llm_scheduler_close(s);
    check_requests(stories, batches(0, 0, 0), requests, 3);
}

static void test_batch_generate_processor_tokens_match_prompt_on_first_step(void) {
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 2));
    llm_generation_desc d = prompt_desc(NULL, 3);
    static told out;
    const int32_t ids[] = {1, 403, 407, 261, 378};
    seen seen_by = {0, 0, {0}};
    d.ids = ids;
    d.id_count = 5;
    d.penalties.process = remember_first;
    d.penalties.process_user = &seen_by;
    run_all(s, insert(s, &d), &out, 1);
    CHECK_EQ(seen_by.calls, 3);
    CHECK(seen_by.first_count == 5 && !memcmp(seen_by.first, ids, sizeof ids));
    llm_scheduler_close(s);
}

static void test_batch_generate_with_samplers(void) {
    llm_generation_desc requests[MANY];
    size_t i;
    for (i = 0; i < MANY; i++) {
        requests[i] = prompt_desc(prompts[i % 2], 12);
        requests[i].sampling.temperature = i % 3 ? 0.9f : 0;
        requests[i].sampling.top_p = i % 2 ? 0.9f : 0;
        requests[i].sampling.seed = i / 2;
    }
    check_requests(stories, batches(0, 0, 0), requests, MANY);
}

static void test_batch_generate_with_stop_matchers(void) {
    llm_generation_desc requests[3];
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 0));
    static const char *const stop[] = {"named"};
    static told out[3], alone;
    llm_ids sequence;
    uint64_t id = 0;
    size_t i;
    memset(out, 0, sizeof out);
    tell(stories, (requests[2] = prompt_desc(prompts[0], 12), &requests[2]), &alone);
    sequence.ids = alone.ids + 5;
    sequence.count = 2;
    for (i = 0; i < 3; i++) requests[i] = prompt_desc(prompts[0], 40);
    requests[1].stops = stop;
    requests[1].stop_count = 1;
    requests[2].stop_ids = &sequence;
    requests[2].stop_id_count = 1;
    for (i = 0; i < 3; i++) id = insert(s, &requests[i]);
    run_all(s, id - 2, out, 3);
    CHECK_EQ(out[0].finish, LLM_FINISH_LENGTH);
    CHECK_EQ(out[1].finish, LLM_FINISH_STOP);
    CHECK(!strstr(out[1].text, "named") && !strncmp(out[1].text, out[0].text, out[1].bytes));
    CHECK_EQ(out[2].finish, LLM_FINISH_STOP);
    CHECK_EQ(out[2].count, 7);
    llm_scheduler_close(s);
    check_requests(stories, batches(0, 0, 0), requests, 3);
}

/* Taking one out while prompts are read leaves the others' as they were. */
static void test_remove_prompt_batch_updates_currently_processing(void) {
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 2));
    static told out[3], alone;
    const llm_event *events;
    uint64_t id[3];
    llm_error error;
    size_t i, count;
    memset(out, 0, sizeof out);
    for (i = 0; i < 3; i++) {
        llm_generation_desc d = prompt_desc(prompts[i], 9);
        id[i] = insert(s, &d);
    }
    CHECK(!llm_scheduler_next(s, &events, &count, &error));
    hear(events, count, id[0], out, 3);
    CHECK(llm_scheduler_get_stats(s).reading == 3);
    CHECK(!llm_scheduler_remove(s, id[1], NULL, &error));
    CHECK(llm_scheduler_remove(s, id[1], NULL, &error) == LLM_BAD_ARGUMENT);
    run_all(s, id[0], out, 3);
    CHECK(out[1].count == 0 && out[1].status == LLM_OK);
    for (i = 0; i < 3; i += 2) {
        llm_generation_desc d = prompt_desc(prompts[i], 9);
        tell(stories, &d, &alone);
        CHECK(same_told(&alone, &out[i]));
    }
    llm_scheduler_close(s);
}

/* max_kv_size of the scheduler holds for requests that have none. */
static void test_batch_max_kv_size_limits_cache_growth(void) {
    llm_scheduler_desc batch = batches(0, 0, 0);
    llm_scheduler *s;
    llm_generation_desc d = prompt_desc(prompts[1], 30);
    const llm_event *events;
    size_t count;
    llm_error error;
    int k;
    for (k = 0; k < 2; k++) {
        llm_cache *cache = NULL;
        uint64_t id;
        batch.max_kv_size = k ? 16 : 0;
        s = open_scheduler(stories, batch);
        id = insert(s, &d);
        while (llm_scheduler_next(s, &events, &count, &error) == LLM_OK)
            if (events[count - 1].piece.finish != LLM_RUNNING) break;
        CHECK(!llm_scheduler_remove(s, id, &cache, &error) && cache);
        CHECK_EQ(llm__cache_layer_desc(cache, 0)->window, k ? 16 : 0);
        llm_cache_close(cache);
        llm_scheduler_close(s);
    }
}

/* ---- other models: every cache kind, and on with what finished rows give back */

typedef struct borrowed {
    fixture f;
    llm_model *model;
} borrowed;

static llm_model *open_borrowed(borrowed *b, const char *path) {
    llm_model_desc desc;
    llm_error error;
    memset(b, 0, sizeof *b);
    memset(&desc, 0, sizeof desc);
    if (!open_fixture(&b->f, path) || !read_expectations(&b->f) || !build_checkpoint(&b->f)) {
        printf("%s: %s\n", path, b->f.problem);
        exit(2);
    }
    desc.memory = b->f.checkpoint;
    desc.memory_count = 2;
    desc.weights_only = 1;
    if (llm_model_open(&b->model, &desc, &error)) {
        printf("%s: %s\n", path, error.message);
        exit(2);
    }
    return b->model;
}

static void close_borrowed(borrowed *b) {
    llm_model_close(b->model);
    close_fixture(&b->f);
}

static const char *const kinds[] = {
    "tests/golden/logits/llama-chunks.safetensors",      "tests/golden/logits/gemma3_text-chunks.safetensors",
    "tests/golden/logits/llama4-chunks.safetensors",     "tests/golden/logits/mamba2.safetensors",
    "tests/golden/logits/qwen3_next.safetensors",        "tests/golden/logits/deepseek_v3-chunks.safetensors",
    "tests/golden/logits/deepseek_v41-chunks.safetensors", "tests/golden/logits/rwkv7.safetensors",
    "tests/golden/logits/falcon_h1-chunks.safetensors",  "tests/golden/logits/gpt_oss-chunks.safetensors",
    "tests/golden/logits/gemma3n-chunks.safetensors",    "tests/golden/logits/longcat_flash_ngram.safetensors",
};

/* Ids with which a fixture's model is asked; each request has others. */
static void fill_ids(int32_t *ids, size_t count, size_t salt, int vocabulary) {
    size_t i;
    for (i = 0; i < count; i++) ids[i] = (int32_t)((i * 7 + salt * 13 + i * i * salt) % (size_t)vocabulary);
}

static void every_cache_kind(void) {
    size_t k, i;
    for (k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        borrowed b;
        llm_generation_desc requests[5];
        int32_t ids[5][24];
        open_borrowed(&b, kinds[k]);
        for (i = 0; i < 5; i++) {
            requests[i] = prompt_desc(NULL, 8 + (int64_t)i);
            requests[i].ids = ids[i];
            requests[i].id_count = 3 + 5 * i;
            requests[i].ignore_end = 1;
            requests[i].sampling.temperature = i % 2 ? 1.0f : 0;
            if (i == 3) requests[i].lookup.count = 4;
            fill_ids(ids[i], 24, i + k, llm_model_get_info(b.model).vocabulary);
        }
        check_requests(b.model, batches(0, 0, 0), requests, 5);
        check_requests(b.model, batches(3, 2, 5), requests, 5);
        close_borrowed(&b);
    }
}

/* Caches of finished rows, put in again with more of a prompt, go on as one run would. */
static void continued(const char *path, int64_t max_kv_size) {
    borrowed b;
    llm_scheduler_desc batch = batches(0, 0, 4);
    llm_scheduler *s;
    static told turns[2][3], single;
    int32_t ids[3][2][10];
    uint64_t id[3];
    llm_cache *caches[3] = {NULL, NULL, NULL};
    const llm_event *events;
    llm_error error;
    size_t i, k, turn, count;
    memset(turns, 0, sizeof turns);
    open_borrowed(&b, path);
    batch.max_kv_size = max_kv_size;
    s = open_scheduler(b.model, batch);
    for (turn = 0; turn < 2; turn++) {
        for (i = 0; i < 3; i++) {
            llm_generation_desc d = prompt_desc(NULL, 4);
            fill_ids(ids[i][turn], 10, i + 3 * turn, llm_model_get_info(b.model).vocabulary);
            d.ids = ids[i][turn];
            d.id_count = 4 + 2 * i;
            d.ignore_end = 1;
            d.use_cache = caches[i];
            id[i] = insert(s, &d);
        }
        while (llm_scheduler_next(s, &events, &count, &error) == LLM_OK) {
            hear(events, count, id[0], turns[turn], 3);
            for (k = 0; k < count; k++)
                if (!turn && events[k].piece.finish != LLM_RUNNING) {
                    llm_cache **cache = &caches[events[k].id - id[0]];
                    CHECK(!llm_scheduler_remove(s, events[k].id, cache, &error) && *cache);
                }
        }
    }
    for (i = 0; i < 3; i++) {
        int32_t all[40];
        llm_generation_desc d = prompt_desc(NULL, 4);
        llm_model_cache_desc cd;
        llm_cache *cache = NULL;
        size_t n = 4 + 2 * i;
        memset(&cd, 0, sizeof cd);
        cd.max_kv_size = max_kv_size;
        CHECK(!llm_model_cache_open(&cache, b.model, &cd, &error));
        memcpy(all, ids[i][0], n * sizeof *all);
        memcpy(all + n, turns[0][i].ids, 3 * sizeof *all); /* the newest token was never fed */
        memcpy(all + n + 3, ids[i][1], n * sizeof *all);
        d.ids = all;
        d.id_count = 2 * n + 3;
        d.ignore_end = 1;
        d.use_cache = cache;
        tell(b.model, &d, &single);
        CHECK(single.count == 4 && !memcmp(single.ids, turns[1][i].ids, 4 * sizeof *single.ids));
        llm_cache_close(cache);
        llm_cache_close(caches[i]);
    }
    llm_scheduler_close(s);
    close_borrowed(&b);
}

static void test_batch_continued_generation(void) {
    continued("tests/golden/logits/llama-chunks.safetensors", 0);
    continued("tests/golden/logits/llama-chunks.safetensors", 4);
}

static void test_batch_continued_generation_ssm(void) { continued("tests/golden/logits/mamba2.safetensors", 0); }

static void test_batch_continued_generation_gated_delta(void) {
    continued("tests/golden/logits/qwen3_next.safetensors", 0);
}

static void test_batch_sliding_window(void) {
    llm_scheduler_desc batch = batches(0, 0, 5);
    llm_generation_desc requests[3];
    size_t i;
    for (i = 0; i < 3; i++) {
        requests[i] = prompt_desc(prompts[i], 10);
        requests[i].max_kv_size = 4;
    }
    check_requests(stories, batch, requests, 3);
}

/* ---- what mlx-lm's do not ask */

/* Segments end calls, the cache can be forked there, and the text is that of the whole prompt. */
static void segments_end_calls(void) {
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 64));
    static told out, alone;
    const int32_t ids[] = {1, 403, 407, 261, 378, 320, 292};
    const llm_ids parts[] = {{ids, 3}, {ids, 0}, {ids + 3, 2}, {ids + 5, 2}};
    llm_generation_desc d = prompt_desc(NULL, 10), whole = prompt_desc(NULL, 10);
    llm_cache *fork = NULL;
    const llm_event *events;
    llm_error error;
    size_t count, i, ends = 0;
    uint64_t id;
    memset(&out, 0, sizeof out);
    d.segments = parts;
    d.segment_count = 4;
    id = insert(s, &d);
    while (llm_scheduler_next(s, &events, &count, &error) == LLM_OK) {
        hear(events, count, id, &out, 1);
        for (i = 0; i < count; i++)
            if (events[i].kind == LLM_EVENT_PROMPT && events[i].end_of_segment) {
                CHECK(events[i].prompt_done == 3 || events[i].prompt_done == 5 || events[i].end_of_prompt);
                if (!ends++) CHECK(!llm_cache_fork(&fork, llm_scheduler_cache(s, id), &error));
            }
    }
    CHECK_EQ(ends, 3);
    CHECK_EQ(llm_cache_length(fork), 3);
    whole.ids = ids;
    whole.id_count = 7;
    tell(stories, &whole, &alone);
    CHECK(same_told(&alone, &out));
    d.use_cache = fork;
    d.segments = parts + 1;
    d.segment_count = 3;
    tell(stories, &d, &out);
    CHECK(same_told(&alone, &out));
    llm_cache_close(fork);
    llm_scheduler_close(s);
}

/* No step reads more of the prompts than it may, and those who write get a piece in each. */
static void writers_do_not_wait_for_readers(void) {
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 8));
    llm_generation_desc d = prompt_desc(prompts[0], 60);
    static int32_t ids[200];
    const llm_event *events;
    llm_error error;
    size_t count, i, read = 0;
    uint64_t first = insert(s, &d), id;
    do CHECK(!llm_scheduler_next(s, &events, &count, &error));
    while (events[0].kind != LLM_EVENT_PIECE);
    fill_ids(ids, 200, 1, 512);
    d = prompt_desc(NULL, 2);
    d.ids = ids;
    d.id_count = 100;
    insert(s, &d);
    d.ids = ids + 100;
    id = insert(s, &d);
    while (read < 200 && !llm_scheduler_next(s, &events, &count, &error)) {
        size_t before = read, pieces = 0;
        for (i = 0; i < count; i++) {
            pieces += events[i].id == first;
            if (events[i].kind == LLM_EVENT_PROMPT) read += events[i].prompt_done;
            if (events[i].kind == LLM_EVENT_PROMPT && events[i].prompt_done > 8) read -= before;
        }
        CHECK_EQ(pieces, 1);
        if (events[count - 1].id == id && events[count - 1].end_of_prompt) break;
        read = before;
        CHECK(llm_scheduler_get_stats(s).steps < 200);
    }
    CHECK(llm_scheduler_get_stats(s).prompt_tokens >= 200);
    llm_scheduler_close(s);
}

/* Steps of a microsecond come to the same text. */
static void budgets_change_nothing(void) {
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 0));
    static told out[3], alone;
    const llm_event *events;
    llm_error error;
    size_t count, i, pending = 0;
    llm_status status;
    uint64_t id = 0;
    memset(out, 0, sizeof out);
    for (i = 0; i < 3; i++) {
        llm_generation_desc d = prompt_desc(prompts[i], 12);
        id = insert(s, &d);
    }
    do {
        status = llm_scheduler_step(s, 1, &events, &count, &error);
        pending += status == LLM_PENDING;
        hear(events, count, id - 2, out, 3);
    } while (status == LLM_OK || status == LLM_PENDING);
    CHECK_EQ(status, LLM_END);
    CHECK(pending > 10);
    for (i = 0; i < 3; i++) {
        llm_generation_desc d = prompt_desc(prompts[i], 12);
        tell(stories, &d, &alone);
        CHECK(same_told(&alone, &out[i]));
    }
    llm_scheduler_close(s);
}

/* A draft model for some of the rows; drafts are only ever a matter of speed. */
static void drafts_in_company(void) {
    llm_scheduler_desc batch = batches(0, 0, 6);
    llm_generation_desc requests[5];
    size_t i;
    batch.draft_model = stories;
    for (i = 0; i < 5; i++) {
        requests[i] = prompt_desc(prompts[i], 20);
        requests[i].sampling.temperature = i % 2 ? 0.7f : 0;
        if (i < 3) requests[i].draft_model = stories;
        if (i < 3) requests[i].num_draft_tokens = (int)i + 1;
        if (i == 3) requests[i].lookup.count = 5;
    }
    check_requests(stories, batch, requests, 5);
}

static void make_nan(void *user, const int32_t *tokens, size_t count, float *logits, int vocabulary) {
    (void)tokens;
    (void)vocabulary;
    if (count > *(const size_t *)user) logits[3] = NAN;
}

/* What one request does wrong is its own end. */
static void failures_stay_alone(void) {
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 0));
    llm_generation_desc good = prompt_desc(prompts[0], 10), bad = prompt_desc(prompts[1], 10), d;
    static told out[3], alone;
    static const size_t after = 12;
    llm_error error;
    uint64_t id, none;
    memset(out, 0, sizeof out);
    bad.penalties.process = make_nan;
    bad.penalties.process_user = (void *)(uintptr_t)&after;
    id = insert(s, &good);
    insert(s, &bad);
    insert(s, &good);
    d = prompt_desc("", 4);
    d.no_special = 1;
    CHECK(llm_scheduler_insert(s, &d, &none, &error) == LLM_BAD_ARGUMENT && !none);
    d = prompt_desc("x", 4);
    d.sampling.top_p = 2;
    CHECK(llm_scheduler_insert(s, &d, &none, &error) == LLM_BAD_ARGUMENT && strstr(error.message, "top_p"));
    d = prompt_desc("x", 4);
    d.draft_model = stories;
    CHECK(llm_scheduler_insert(s, &d, &none, &error) == LLM_BAD_ARGUMENT && strstr(error.message, "draft"));
    CHECK(llm_scheduler_insert(NULL, &d, &none, &error) == LLM_BAD_ARGUMENT);
    run_all(s, id, out, 3);
    CHECK_EQ(out[1].finish, LLM_FINISH_FAILED);
    CHECK_EQ(out[1].error.status, LLM_BAD_ARGUMENT);
    tell(stories, &good, &alone);
    CHECK(same_told(&alone, &out[0]) && same_told(&alone, &out[2]));
    llm_scheduler_close(s);
}

/* One that goes beyond the positions that its model has learned ends; the others do not notice. */
static void too_long_ends_alone(void) {
    borrowed b;
    llm_scheduler *s;
    static told out[2], alone;
    int32_t ids[6];
    llm_generation_desc d = prompt_desc(NULL, -1), other;
    int positions;
    uint64_t id;
    open_borrowed(&b, "tests/golden/logits/gpt2.safetensors");
    positions = (int)llm_model_get_info(b.model).context;
    s = open_scheduler(b.model, batches(0, 0, 0));
    memset(out, 0, sizeof out);
    fill_ids(ids, 6, 2, llm_model_get_info(b.model).vocabulary);
    d.ids = ids;
    d.id_count = 6;
    d.ignore_end = 1;
    other = d;
    other.max_tokens = 12;
    id = insert(s, &d);
    insert(s, &other);
    run_all(s, id, out, 2);
    CHECK_EQ(out[0].finish, LLM_FINISH_FAILED);
    CHECK_EQ(out[0].error.status, LLM_TOO_LARGE);
    CHECK(positions > 0 && out[0].count + 5 == (size_t)positions);
    tell(b.model, &other, &alone);
    CHECK(same_told(&alone, &out[1]));
    llm_scheduler_close(s);
    close_borrowed(&b);
}

/* Two requests may not share a cache, and the caller's stays the caller's. */
static void given_caches(void) {
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 0));
    llm_generation_desc d = prompt_desc(prompts[0], 5);
    llm_cache *cache = NULL, *back = NULL;
    static told out;
    llm_error error;
    uint64_t id, none;
    CHECK(!llm_model_cache_open(&cache, stories, NULL, &error));
    d.use_cache = cache;
    id = insert(s, &d);
    CHECK(llm_scheduler_insert(s, &d, &none, &error) == LLM_BAD_ARGUMENT && strstr(error.message, "already"));
    CHECK(!llm_scheduler_remove(s, id, &back, &error) && back == cache);
    id = insert(s, &d);
    memset(&out, 0, sizeof out);
    run_all(s, id, &out, 1);
    CHECK_EQ(out.count, 5);
    CHECK(llm_cache_length(cache) > 5);
    llm_scheduler_close(s);
    llm_cache_close(cache);
}

/* Whichever allocation is refused, nothing is lost: the call can be made again and the text is the same. */
static void refused_memory_loses_nothing(void) {
    llm_generation_desc d = prompt_desc(prompts[0], 8);
    static told out, alone;
    int refuse;
    tell(stories, &d, &alone);
    for (refuse = 1; refuse < 60; refuse++) {
        llm_scheduler_desc batch = batches(0, 0, 0);
        llm_scheduler *s = NULL;
        const llm_event *events;
        llm_error error;
        size_t count;
        uint64_t id;
        llm_status status;
        tally t;
        batch.session.allocator = tally_start(&t);
        llm__atomic_set(&t.refuse, refuse);
        memset(&out, 0, sizeof out);
        status = llm_scheduler_open(&s, stories, &batch, &error);
        if (status == LLM_OUT_OF_MEMORY) status = llm_scheduler_open(&s, stories, &batch, &error);
        CHECK_EQ(status, LLM_OK);
        status = llm_scheduler_insert(s, &d, &id, &error);
        if (status == LLM_OUT_OF_MEMORY) status = llm_scheduler_insert(s, &d, &id, &error);
        CHECK_EQ(status, LLM_OK);
        do {
            status = llm_scheduler_next(s, &events, &count, &error);
            hear(events, count, id, &out, 1);
        } while (status == LLM_OK || status == LLM_OUT_OF_MEMORY);
        if (out.finish == LLM_FINISH_FAILED) CHECK_EQ(out.error.status, LLM_OUT_OF_MEMORY);
        else CHECK(same_told(&alone, &out));
        llm_scheduler_close(s);
        CHECK_EQ(t.live, 0);
    }
}

/* ---- the soak */

static uint64_t dice_state = 88172645463325252u;

static size_t dice(size_t sides) {
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (size_t)(dice_state >> 33) % sides;
}

/* What requests are made of. */
typedef struct soil {
    llm_model *model;
    llm_cache *base;          /* what some of them go on from, each from a fork of its own */
    llm_grammar *grammars[2]; /* NULL: the model has no texts */
    int codes;                /* caches of codes, in groups of 32; 0: keys are too short for it */
} soil;

/* A request, and what it must come to. */
typedef struct soaked {
    uint64_t id;
    llm_generation_desc desc;
    llm_cache *cache; /* a fork */
    int32_t ids[40];
    size_t bad_after;
    told heard;
} soaked;

static const char *const soak_stops[] = {" the", "!", "Lily", ". "};

static void soak_fork(const soil *from, llm_cache **cache) {
    CHECK(llm_cache_fork(cache, from->base, NULL) == LLM_OK);
}

static void soak_request(const soil *from, soaked *q) {
    llm_generation_desc *d = &q->desc;
    int texts = from->grammars[0] != NULL;
    memset(q, 0, sizeof *q);
    *d = prompt_desc(texts && dice(2) ? prompts[dice(MANY)] : NULL, (int64_t)dice(14) + 1);
    if (!d->prompt) {
        d->ids = q->ids;
        d->id_count = 1 + dice(40);
        fill_ids(q->ids, d->id_count, dice(1000), llm_model_get_info(from->model).vocabulary);
    }
    if (!dice(5)) soak_fork(from, &q->cache);
    d->use_cache = q->cache;
    if (texts && !dice(5)) d->grammar = from->grammars[dice(2)];
    if (from->codes && dice(3)) {
        d->kv_bits = dice(2) ? 8 : 4;
        d->kv_group_size = 32;
        d->quantized_kv_start = (int64_t)dice(50);
    }
    if (dice(2)) d->sampling.temperature = 0.2f + 0.2f * (float)dice(6);
    d->sampling.seed = dice(1000);
    if (!dice(3)) d->sampling.top_k = 1 + (int)dice(30);
    if (!dice(3)) d->sampling.min_p = 0.05f;
    if (!dice(4)) d->penalties.repetition = 1.2f;
    if (!dice(5)) d->penalties.frequency = 0.5f;
    if (texts && !dice(3)) d->stops = soak_stops + dice(3);
    if (d->stops) d->stop_count = 1 + dice(2) % 2;
    if (!dice(4)) d->lookup.count = 1 + (int)dice(6);
    else if (!dice(6)) d->draft_model = from->model;
    if (!dice(6)) d->max_kv_size = 8 + (int64_t)dice(20);
    if (!dice(6)) d->top_logprobs = (int)dice(5);
    if (!dice(10)) d->max_tokens = LLM_PROMPT_ONLY;
    if (!dice(4)) d->prefill_step = 1 + (int)dice(9);
    if (!dice(12)) {
        q->bad_after = 1 + dice(50);
        d->penalties.process = make_nan;
        d->penalties.process_user = &q->bad_after;
    }
}

/* A row's answer is that of its single run; one that was removed has written the beginning of it. */
static void soak_check(const soil *from, const soaked *q, int removed) {
    static told alone;
    llm_generation_desc d = q->desc;
    d.use_cache = NULL;
    if (q->cache) soak_fork(from, &d.use_cache);
    tell(from->model, &d, &alone);
    llm_cache_close(d.use_cache);
    if (removed) {
        CHECK(q->heard.count <= alone.count && !memcmp(q->heard.ids, alone.ids, q->heard.count * sizeof *alone.ids));
    } else if (q->heard.finish == LLM_FINISH_FAILED) {
        CHECK_EQ(alone.status, q->heard.error.status);
        CHECK_STR(alone.error.message, q->heard.error.message);
        CHECK(alone.count == q->heard.count && !memcmp(q->heard.ids, alone.ids, alone.count * sizeof *alone.ids));
    } else {
        CHECK(same_told(&alone, &q->heard));
    }
}

static void soak_in(const char *name, const soil *from, size_t requests) {
    static soaked alive[SOAK_ALIVE];
    llm_scheduler_desc batch = batches(6, 3, 24);
    llm_scheduler *s;
    const llm_event *events;
    llm_error error;
    size_t inserted = 0, living = 0, i, k, count, ended = 0;
    int64_t at_start;
    tally t;
    batch.session.allocator = tally_start(&t);
    batch.draft_model = from->model;
    s = open_scheduler(from->model, batch);
    at_start = t.live;
    while (inserted < requests || living) {
        llm_status status;
        while (inserted < requests && living < SOAK_ALIVE && dice(3)) {
            soaked *q = alive;
            while (q->id) q++;
            soak_request(from, q);
            q->id = insert(s, &q->desc);
            inserted++;
            living++;
        }
        if (!living) continue;
        status = llm_scheduler_step(s, dice(3) ? -1 : (int64_t)dice(200), &events, &count, &error);
        CHECK(status == LLM_OK || status == LLM_PENDING);
        for (i = 0; i < SOAK_ALIVE; i++)
            if (alive[i].id) hear(events, count, alive[i].id, &alive[i].heard, 1);
        for (i = 0; i < SOAK_ALIVE; i++) {
            soaked *q = &alive[i];
            int removed = q->id && q->heard.finish == LLM_RUNNING && !dice(60);
            if (!q->id || (!removed && q->heard.finish == LLM_RUNNING)) continue;
            if (removed || q->cache || dice(2)) {
                llm_cache *cache = NULL;
                CHECK(!llm_scheduler_remove(s, q->id, dice(2) ? &cache : NULL, &error));
                if (cache != q->cache) llm_cache_close(cache);
            }
            soak_check(from, q, removed);
            llm_cache_close(q->cache);
            q->id = 0;
            living--;
            ended++;
        }
    }
    CHECK_EQ(ended, requests);
    CHECK_EQ(llm_scheduler_next(s, &events, &count, &error), LLM_END);
    k = llm_scheduler_get_stats(s).waiting + llm_scheduler_get_stats(s).reading + llm_scheduler_get_stats(s).writing;
    CHECK_EQ(k, 0);
    CHECK_EQ(llm_scheduler_get_stats(s).cache_bytes, 0);
    CHECK(t.live - at_start < 200000); /* lists and logits that were grown, whatever the number of requests */
    llm_scheduler_close(s);
    CHECK_EQ(t.live, 0);
    printf("soak: %d requests of %s\n", (int)requests, name);
}

/* A cache that holds a few tokens. */
static llm_cache *soak_base(const llm_model *model) {
    static told out;
    llm_generation_desc d = prompt_desc(NULL, LLM_PROMPT_ONLY);
    llm_model_cache_desc cd;
    llm_cache *cache = NULL;
    int32_t ids[24];
    memset(&cd, 0, sizeof cd);
    cd.checkpoint_every = 8;
    fill_ids(ids, 24, 3, llm_model_get_info(model).vocabulary);
    CHECK(llm_model_cache_open(&cache, model, &cd, NULL) == LLM_OK);
    d.ids = ids;
    d.id_count = 24;
    d.use_cache = cache;
    tell(model, &d, &out);
    CHECK_EQ(llm_cache_length(cache), 24);
    return cache;
}

/* Texts with grammars; and fixtures: caches of codes, recurrent layers, windows. */
static void soak(void) {
    static const char *const names[] = {"llama-kv8g32", "qwen3_next", "gemma3"};
    llm_grammar_desc gd;
    soil from;
    size_t i;
    memset(&from, 0, sizeof from);
    memset(&gd, 0, sizeof gd);
    from.model = stories;
    gd.model = stories;
    from.base = soak_base(stories);
    gd.regex = " ?[a-zA-Z ,.!]{3,60}";
    CHECK(llm_grammar_open(&from.grammars[0], &gd, NULL) == LLM_OK);
    gd.regex = NULL;
    gd.schema = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}}}";
    CHECK(llm_grammar_open(&from.grammars[1], &gd, NULL) == LLM_OK);
    soak_in("stories", &from, SOAK);
    for (i = 0; i < 2; i++) llm_grammar_close(from.grammars[i]);
    llm_cache_close(from.base);
    for (i = 0; i < 3; i++) {
        borrowed b;
        char path[80];
        snprintf(path, sizeof path, "tests/golden/logits/%s.safetensors", names[i]);
        memset(&from, 0, sizeof from);
        from.model = open_borrowed(&b, path);
        from.base = soak_base(from.model);
        from.codes = i == 0;
        soak_in(names[i], &from, SOAK / 8);
        llm_cache_close(from.base);
        close_borrowed(&b);
    }
}

/* A request that has ended is done with the cache that it was given: it can go on at once, here or elsewhere, and what
   happens to it then is not undone. */
static void a_given_cache_goes_on(void) {
    static told first, second, whole;
    llm_scheduler *s = open_scheduler(stories, batches(0, 0, 0));
    llm_generation_desc d = prompt_desc(prompts[0], 6);
    llm_generation *g = NULL;
    llm_cache *cache = NULL;
    const llm_event *events;
    llm_error error;
    llm_piece piece;
    int32_t last;
    size_t count;
    int here;
    tell(stories, &d, &whole);
    for (here = 0; here < 2; here++) {
        memset(&first, 0, sizeof first);
        memset(&second, 0, sizeof second);
        CHECK(!llm_model_cache_open(&cache, stories, NULL, &error));
        d = prompt_desc(prompts[0], 3);
        d.use_cache = cache;
        insert(s, &d);
        while (first.finish == LLM_RUNNING && !llm_scheduler_next(s, &events, &count, &error))
            hear(events, count, events[0].id, &first, 1);
        CHECK(first.count == 3 && first.finish == LLM_FINISH_LENGTH);
        last = first.ids[2];
        d = prompt_desc(NULL, 3);
        d.ids = &last;
        d.id_count = 1;
        d.use_cache = cache;
        if (here) {
            uint64_t id = insert(s, &d);
            run_all(s, id, &second, 1);
        } else {
            tell(stories, &d, &second);
            CHECK_EQ(llm_scheduler_next(s, &events, &count, &error), LLM_END);
        }
        CHECK(second.count == 3 && !memcmp(second.ids, whole.ids + 3, 3 * sizeof *whole.ids));
        CHECK_EQ(llm_cache_length(cache), 5 + 5);
        llm_cache_close(cache);
    }
    CHECK(!llm_model_cache_open(&cache, stories, NULL, &error));
    d = prompt_desc(prompts[0], 3);
    d.use_cache = cache;
    CHECK(!llm_generation_open(&g, stories, &d, &error));
    while (llm_generation_next(g, &piece, &error) == LLM_OK) last = piece.token;
    d = prompt_desc(NULL, 3);
    d.ids = &last;
    d.id_count = 1;
    d.use_cache = cache;
    tell(stories, &d, &second);
    llm_generation_close(g);
    CHECK_EQ(llm_cache_length(cache), 5 + 5);
    llm_cache_close(cache);
    llm_scheduler_close(s);
}

int main(void) {
    stories_read();
    stories = stories_open();
    TEST(test_batch_matches_single);
    TEST(test_many_batches);
    TEST(test_batch_unique_max_toks);
    TEST(test_batch_sliding_window);
    TEST(test_batch_generate_with_logits_processors);
    TEST(test_batch_generate_processor_tokens_match_prompt_on_first_step);
    TEST(test_batch_generate_with_samplers);
    TEST(test_batch_generate_with_stop_matchers);
    TEST(test_remove_prompt_batch_updates_currently_processing);
    TEST(test_batch_max_kv_size_limits_cache_growth);
    TEST(every_cache_kind);
    TEST(test_batch_continued_generation);
    TEST(test_batch_continued_generation_ssm);
    TEST(test_batch_continued_generation_gated_delta);
    TEST(segments_end_calls);
    TEST(writers_do_not_wait_for_readers);
    TEST(budgets_change_nothing);
    TEST(drafts_in_company);
    TEST(failures_stay_alone);
    TEST(too_long_ends_alone);
    TEST(given_caches);
    TEST(a_given_cache_goes_on);
    TEST(refused_memory_loses_nothing);
    TEST(soak);
    llm_model_close(stories);
    stories_free();
    return test_summary("test_scheduler");
}
