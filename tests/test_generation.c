/* test_generation - prompts in, text out, the chapter >>generation of llm.h: mlx-lm's tests of its generate by their
   names; stops, log-probabilities, embeddings; drafts of every kind, which must change nothing; ends in the middle of
   everything; what makes no sense.  mlx-lm's own runs are the golden runner's. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "fixture.h"
#include "stories.h"
#include "test.h"

static llm_model *stories;

/* ---- models by formula: windows, recurrences and whatever else layers do */

typedef struct other {
    fixture f;
    llm_model *model;
} other;

enum { GEMMA3, MAMBA, QWEN3_NEXT, GEMMA3N, GPT2, LLAMA, OTHERS };
static other others[OTHERS];

static void open_others(void) {
    static const char *const names[OTHERS] = {"gemma3", "mamba", "qwen3_next", "gemma3n", "gpt2", "llama-kv8g32"};
    int i;
    for (i = 0; i < OTHERS; i++) {
        fixture *f = &others[i].f;
        llm_model_desc md;
        llm_error error;
        char path[80];
        memset(&md, 0, sizeof md);
        snprintf(path, sizeof path, "tests/golden/logits/%s.safetensors", names[i]);
        if (open_fixture(f, path) && read_expectations(f) && build_checkpoint(f)) {
            md.memory = f->checkpoint;
            md.memory_count = 2;
            md.weights_only = 1;
            if (llm_model_open(&others[i].model, &md, &error)) say(f, "%s", error.message);
        }
        CHECK(!f->problem[0]);
        if (!f->problem[0]) continue;
        printf("%s: %s\n", path, f->problem);
        exit(2);
    }
}

static void close_others(void) {
    int i;
    for (i = 0; i < OTHERS; i++) {
        llm_model_close(others[i].model);
        close_fixture(&others[i].f);
    }
}

static llm_generation_desc other_desc(const other *o, int64_t max_tokens) {
    llm_generation_desc d;
    memset(&d, 0, sizeof d);
    d.ids = o->f.prompt;
    d.id_count = (size_t)o->f.prompt_count;
    d.max_tokens = max_tokens;
    d.ignore_end = 1;
    return d;
}

/* ---- mlx-lm's tests, by their names */

static void test_generate(void) {
    static told t;
    llm_generation_desc d = prompt_desc("hello", 5);
    tell(stories, &d, &t);
    CHECK(t.status == LLM_END && t.count == 5 && t.bytes > 0);
}

static void test_generate_with_logit_bias(void) {
    static told t;
    const llm_token_bias bias = {llm_token_id(stories, "!"), 2000};
    llm_generation_desc d = prompt_desc("hello", 5);
    d.penalties.biases = &bias;
    d.penalties.bias_count = 1;
    tell(stories, &d, &t);
    CHECK_STR(t.text, "!!!!!");
}

static void test_stream_generate_max_tokens(void) {
    static told t;
    llm_generation_desc d = prompt_desc("Once upon a time", 4);
    tell(stories, &d, &t);
    CHECK(t.count == 4 && t.finish == LLM_FINISH_LENGTH);
}

typedef struct seen {
    size_t calls, first, last;
} seen;

static void look(void *user, const int32_t *tokens, size_t count, float *logits, int vocabulary) {
    seen *s = (seen *)user;
    (void)tokens;
    (void)logits;
    (void)vocabulary;
    if (!s->calls++) s->first = count;
    s->last = count;
}

/* It hears of each token once, also of those that were proposed. */
static void test_generate_with_processor(void) {
    static told t;
    int drafts;
    for (drafts = 0; drafts < 2; drafts++) {
        seen s = {0, 0, 0};
        llm_generation_desc d = prompt_desc("Once upon a time", 6);
        d.penalties.process = look;
        d.penalties.process_user = &s;
        if (drafts) d.draft_model = stories;
        tell(stories, &d, &t);
        CHECK(s.calls == 6 && s.first == 5 && s.last == 5 + 5);
    }
}

typedef struct began {
    int32_t ids[8];
    size_t count;
} began;

static void look_at_prompt(void *user, const int32_t *tokens, size_t count, float *logits, int vocabulary) {
    began *b = (began *)user;
    (void)logits;
    (void)vocabulary;
    b->count = count;
    memcpy(b->ids, tokens, (count < 8 ? count : 8) * sizeof *tokens);
}

/* A prompt that begins with the begin token, as templates write it, gets no other one; `no_special`: none at all. */
static void one_begin_token(void) {
    static const char *const texts[] = {"Once", "<s>Once", "<s>", "<s> Once", "Once<s>"};
    static const size_t begins[] = {1, 1, 1, 1, 2};
    static told t;
    size_t i, k, n;
    for (i = 0; i < 5; i++) {
        began b;
        llm_generation_desc d = prompt_desc(texts[i], 1);
        d.penalties.process = look_at_prompt;
        d.penalties.process_user = &b;
        tell(stories, &d, &t);
        CHECK(b.count >= 1 && b.count < 8 && b.ids[0] == 1);
        for (k = n = 0; k < b.count; k++) n += b.ids[k] == 1;
        CHECK_EQ(n, begins[i]);
        if (i) continue;
        d.no_special = 1;
        tell(stories, &d, &t);
        CHECK(b.count >= 1 && b.ids[0] != 1);
    }
}

static void test_stream_generate_speculative(void) {
    static const int expected[] = {1, 1, 0, 1, 1};
    static told t;
    llm_generation_desc d = prompt_desc("Once upon a time", 5);
    llm_generation *g = NULL;
    llm_piece piece;
    int n = 0;
    d.draft_model = stories;
    d.num_draft_tokens = 2;
    tell(stories, &d, &t);
    CHECK_EQ(t.count, 5);
    CHECK(llm_generation_open(&g, stories, &d, NULL) == LLM_OK);
    for (; llm_generation_next(g, &piece, NULL) == LLM_OK && n < 5; n++) CHECK_EQ(piece.from_draft, expected[n]);
    CHECK(llm_generation_get_stats(g).accepted_tokens == 4 && llm_generation_get_stats(g).drafted_tokens == 4);
    llm_generation_close(g);
}

/* The rows of the embedding table, as ids would look them up. */
static float *rows_of(const llm_model *m, const int32_t *ids, size_t count) {
    float *rows = (float *)malloc(count * (size_t)m->hidden * sizeof *rows);
    size_t i;
    if (!rows) exit(2);
    for (i = 0; i < count; i++) llm__matrix_row(&m->embedding, ids[i], rows + i * (size_t)m->hidden);
    return rows;
}

static void count_calls(void *user, size_t done, size_t total) {
    (void)done;
    (void)total;
    ++*(int *)user;
}

static void test_stream_generate_input_embeddings(void) {
    static told plain, t;
    const int32_t prompt[] = {1, 403, 407, 261, 378};
    float *rows = rows_of(stories, prompt, 5);
    llm_generation_desc d = prompt_desc(NULL, 20);
    int with_ids;
    d.ids = prompt;
    d.id_count = 5;
    tell(stories, &d, &plain);
    d.embeddings = rows;
    d.embedding_count = 5;
    d.embedding_width = 64;
    for (with_ids = 0; with_ids < 2; with_ids++) {
        d.id_count = with_ids ? 5 : 0;
        tell(stories, &d, &t);
        CHECK(t.count == 20 && !memcmp(t.ids, plain.ids, 20 * sizeof *t.ids));
        if (with_ids) CHECK(same_told(&plain, &t)); /* without ids, it is not known that a space comes before */
        d.lookup.count = 3;
        tell(stories, &d, &t);
        CHECK(t.count == 20 && !memcmp(t.ids, plain.ids, 20 * sizeof *t.ids));
        d.lookup.count = 0;
    }
    free(rows);
}

static void test_stream_generate_input_embeddings_prefill(void) {
    static told plain, t;
    static int32_t prompt[47];
    float *rows;
    llm_generation_desc d = prompt_desc(NULL, 10);
    int calls = 0, i;
    for (i = 0; i < 47; i++) prompt[i] = 260 + i * 7 % 200;
    rows = rows_of(stories, prompt, 47);
    d.ids = prompt;
    d.id_count = 47;
    tell(stories, &d, &plain);
    d.embeddings = rows;
    d.embedding_count = 47;
    d.embedding_width = 64;
    d.prefill_step = 5;
    d.progress = count_calls;
    d.progress_user = &calls;
    tell(stories, &d, &t);
    CHECK(same_told(&plain, &t));
    CHECK_EQ(calls, 1 + 10 + 1); /* none yet, 46 tokens in fives, the last one */
    free(rows);
}

/* ---- embeddings in every architecture: the rows of the table give what the ids give */

static void embeddings_as_ids(void) {
    int i;
    for (i = 0; i < OTHERS; i++) {
        const other *o = &others[i];
        const llm_model *m = o->model;
        size_t vocabulary = (size_t)m->vocabulary, count = (size_t)o->f.prompt_count;
        float *rows = rows_of(m, o->f.prompt, count), *logits = (float *)malloc(2 * vocabulary * sizeof *logits);
        llm_session *session = NULL;
        llm_sequence s;
        llm_error error;
        int round;
        memset(&s, 0, sizeof s);
        s.tokens = o->f.prompt;
        s.count = count;
        CHECK(logits && llm_session_open(&session, m, NULL, NULL) == LLM_OK);
        for (round = 0; round < 3; round++) {
            CHECK(llm_model_cache_open(&s.cache, m, NULL, NULL) == LLM_OK);
            s.logits = logits + (round ? vocabulary : 0);
            if (round) s.embeddings = rows;
            if (round == 2) s.tokens = NULL;
            if (round == 2 && i == GEMMA3N) {
                CHECK(llm_forward(session, &s, 1, &error) == LLM_UNSUPPORTED && says(&error, "gemma3n"));
            } else {
                CHECK(llm_forward(session, &s, 1, &error) == LLM_OK);
                CHECK(!memcmp(logits, s.logits, vocabulary * sizeof *logits));
            }
            llm_cache_close(s.cache);
        }
        llm_session_close(session);
        free(logits);
        free(rows);
    }
}

/* ---- stops */

/* Where the first of some texts begins; NULL: nowhere. */
static const char *first_of(const char *text, const char *const *stops, size_t count) {
    const char *best = NULL, *at;
    size_t i;
    for (i = 0; i < count; i++)
        if ((at = strstr(text, stops[i])) != NULL && (!best || at < best)) best = at;
    return best;
}

/* Any parts of the text as stops: what comes out ends before the first of them. */
static void stop_texts(void) {
    static told whole, t;
    llm_generation_desc d = prompt_desc("Once upon a time", 120);
    uint32_t x = 7;
    int round, i;
    tell(stories, &d, &whole);
    for (round = 0; round < 24; round++) {
        char texts[3][24];
        const char *stops[3], *end;
        for (i = 0; i < 3; i++) {
            size_t at, n;
            x = x * 1664525U + 1013904223U;
            n = 1 + (x >> 8) % 20;
            at = (x >> 16) % (whole.bytes - n);
            memcpy(texts[i], whole.text + at, n);
            texts[i][n] = 0;
            if (i == 1) texts[i][n - 1] = '#'; /* begins as the text does, and goes on otherwise */
            stops[i] = texts[i];
        }
        d.stops = stops + round % 2;
        d.stop_count = 1 + (size_t)round % 3;
        if (d.stop_count > 2) d.stops = stops;
        d.lookup.count = round % 4;
        tell(stories, &d, &t);
        end = first_of(whole.text, d.stops, d.stop_count);
        CHECK_EQ(t.bytes, end ? (size_t)(end - whole.text) : whole.bytes);
        CHECK(!memcmp(t.text, whole.text, t.bytes));
        CHECK(t.finish == (end ? LLM_FINISH_STOP : LLM_FINISH_LENGTH));
    }
}

/* What is held back comes as soon as it is decided, and at the end. */
static void held_text_comes(void) {
    static const char *const stops[] = {"Lily and a dragon"};
    llm_generation_desc d = prompt_desc("Once upon a time", 60);
    llm_generation *g = NULL;
    llm_piece piece;
    char text[1000];
    size_t bytes = 0, late = 0;
    static told plain;
    tell(stories, &d, &plain);
    d.stops = stops;
    d.stop_count = 1;
    CHECK(llm_generation_open(&g, stories, &d, NULL) == LLM_OK);
    while (llm_generation_next(g, &piece, NULL) == LLM_OK) {
        memcpy(text + bytes, piece.text, piece.bytes);
        bytes += piece.bytes;
        late += piece.text[0] == 0;
    }
    llm_generation_close(g);
    CHECK(bytes == plain.bytes && !memcmp(text, plain.text, bytes));
    CHECK(late > 0 && late < 20); /* only where "L", "Li", ... stand */
}

static void stop_tokens(void) {
    static told whole, t;
    llm_generation_desc d = prompt_desc("Once upon a time", 60);
    size_t at, n;
    tell(stories, &d, &whole);
    for (at = 0; at < 50; at += 7)
        for (n = 1; n <= 5; n += 2) {
            int32_t near[5];
            llm_ids stops[2];
            size_t end;
            char text[4096];
            size_t bytes = 0;
            memcpy(near, whole.ids + at + 1, n * sizeof *near);
            near[n - 1]++; /* all but the last one come */
            stops[0].ids = near;
            stops[1].ids = whole.ids + at;
            stops[0].count = stops[1].count = n;
            d.stop_ids = stops;
            d.stop_id_count = 2;
            d.lookup.count = (int)n;
            tell(stories, &d, &t);
            for (end = 0; llm__stop_length(stops, 2, whole.ids, end) == 0; end++) continue;
            CHECK(t.finish == LLM_FINISH_STOP && t.count == end);
            CHECK(llm_decode(stories, whole.ids, end - n, 0, text, sizeof text, &bytes, NULL) == LLM_OK);
            CHECK(t.bytes >= bytes && t.bytes <= bytes + 1); /* the first token's space */
            CHECK(!memcmp(t.text, whole.text, t.bytes));
        }
}

static void more_ends(void) {
    static told whole, t;
    llm_generation_desc d = prompt_desc("Once upon a time", 60);
    tell(stories, &d, &whole);
    d.extra_ends = whole.ids + 20;
    d.extra_end_count = 3;
    d.ignore_end = 1;
    tell(stories, &d, &t);
    CHECK(t.finish == LLM_FINISH_STOP && t.count <= 21 && !memcmp(t.ids, whole.ids, t.count * sizeof *t.ids));
    CHECK(llm__is_listed(d.extra_ends, 3, t.ids[t.count - 1]) && !llm__is_listed(d.extra_ends, 3, t.ids[t.count - 2]));
}

/* ---- log-probabilities */

static int likelier(const void *a, const void *b) {
    const llm_choice *x = (const llm_choice *)a, *y = (const llm_choice *)b;
    return x->logprob != y->logprob ? (x->logprob < y->logprob ? 1 : -1) : x->id - y->id;
}

static void log_probabilities(void) {
    static llm_choice all[20][512];
    llm_generation_desc d = prompt_desc("Once upon a time", 20);
    llm_piece piece;
    int most, drafts;
    for (drafts = 0; drafts < 2; drafts++)
        for (most = LLM_ALL_LOGPROBS; most < 8; most += 4) {
            llm_generation *g = NULL;
            int n = 0, i;
            d.top_logprobs = most;
            d.lookup.count = drafts * 3;
            CHECK(llm_generation_open(&g, stories, &d, NULL) == LLM_OK);
            for (; llm_generation_next(g, &piece, NULL) == LLM_OK; n++) {
                double sum = 0;
                CHECK_EQ(piece.top_count, most < 0 ? 512 : most);
                CHECK(piece.logprob <= 0);
                for (i = 0; i < (int)piece.top_count; i++) sum += exp((double)piece.top[i].logprob);
                if (most < 0) {
                    CHECK(fabs(sum - 1) < 1e-4 && piece.top[piece.token].logprob == piece.logprob);
                    for (i = 0; i < 512; i++) CHECK(piece.top[i].id == i);
                    memcpy(all[n], piece.top, sizeof all[n]);
                    qsort(all[n], 512, sizeof all[n][0], likelier);
                } else {
                    CHECK(piece.top[0].id == piece.token && piece.top[0].logprob == piece.logprob && sum <= 1.0001);
                    CHECK(!memcmp(piece.top, all[n], piece.top_count * sizeof *piece.top));
                }
            }
            CHECK_EQ(n, 20);
            llm_generation_close(g);
        }
}

/* ---- drafts change nothing: neither what is likeliest nor what is drawn */

/* Samplers and penalties that remember what came. */
static void sampler(llm_generation_desc *d, int which, float *mu) {
    memset(&d->sampling, 0, sizeof d->sampling);
    memset(&d->penalties, 0, sizeof d->penalties);
    d->sampling.seed = (uint64_t)which * 31;
    if (which % 4) d->sampling.temperature = 0.3f * (float)(which % 4);
    if (which == 2) d->sampling.top_p = 0.8f, d->sampling.xtc_probability = 0.5f, d->sampling.xtc_threshold = 0.1f;
    if (which == 3) d->sampling.mirostat_tau = 3, d->sampling.mirostat_mu = mu;
    if (which == 4 || which == 5) d->penalties.repetition = 1.3f, d->penalties.frequency = 0.2f;
    if (which == 6) d->penalties.dry_multiplier = 0.8f;
    *mu = 6;
}

static void drafts_change_nothing(void) {
    static told plain, t;
    size_t drafted = 0, accepted = 0;
    int which, way, k;
    for (k = -1; k < QWEN3_NEXT + 1; k++)
        for (which = 0; which < 8; which++) {
            const llm_model *m = k < 0 ? stories : others[k].model;
            llm_generation_desc d = k < 0 ? prompt_desc("Once upon a time", 40) : other_desc(&others[k], 20);
            float mu;
            sampler(&d, which, &mu);
            tell(m, &d, &plain);
            for (way = 0; way < 4; way++) {
                llm_generation *g = NULL;
                llm_piece piece;
                d.lookup.count = way < 2 ? 2 + 4 * way : 0;
                d.draft_model = way < 2 ? NULL : m;
                d.num_draft_tokens = way == 3 ? 5 : 0;
                sampler(&d, which, &mu);
                memset(&t, 0, sizeof t);
                CHECK(llm_generation_open(&g, m, &d, &t.error) == LLM_OK);
                while ((t.status = llm_generation_next(g, &piece, &t.error)) == LLM_OK) told_piece(&t, &piece);
                drafted += llm_generation_get_stats(g).drafted_tokens;
                accepted += llm_generation_get_stats(g).accepted_tokens;
                llm_generation_close(g);
                CHECK(same_told(&plain, &t));
            }
        }
    CHECK(drafted > 500 && accepted > drafted / 4 && accepted < drafted);
}

/* A pass has one guess more than were right in the one before, or twice as many: few where words come by chance. */
static void few_guesses_where_they_fail(void) {
    enum { GUESSES = 24, TOKENS = 200 };
    llm_generation_desc d = prompt_desc("Once upon a time", TOKENS);
    llm_generation_stats s;
    llm_generation *g = NULL;
    llm_piece piece;
    d.sampling.temperature = 1.5f;
    d.sampling.seed = 3;
    d.ignore_end = 1;
    d.lookup.count = GUESSES;
    CHECK(llm_generation_open(&g, stories, &d, NULL) == LLM_OK);
    while (llm_generation_next(g, &piece, NULL) == LLM_OK) continue;
    s = llm_generation_get_stats(g);
    printf("%lu of %lu guesses were right\n", (unsigned long)s.accepted_tokens, (unsigned long)s.drafted_tokens);
    CHECK(s.generated_tokens == TOKENS && s.drafted_tokens > TOKENS / 4);
    CHECK(s.drafted_tokens <= GUESSES + s.generated_tokens + s.accepted_tokens);
    llm_generation_close(g);
}

/* What is drawn where a draft was proposed has the model's distribution: tokens that are expected 8 times or more, and
   the others together.  99.99 % of fair draws have a chi-square below n + 3.72 sqrt(2 n) + 9.2. */
static void drawn_as_without_drafts(void) {
    enum { DRAWS = 600 };
    static double share[512];
    static int count[512];
    llm_generation_desc d = prompt_desc("Tim saw a dog. Tim saw a cat. Tim saw a", 1);
    llm_generation *g = NULL;
    llm_session *session = NULL;
    llm_piece piece;
    double sum = 0, rest = 0;
    int draw, i, bins = 0, rest_count = 0, drafted = 0, accepted = 0;
    CHECK(llm_session_open(&session, stories, NULL, NULL) == LLM_OK);
    d.use_session = session;
    d.sampling.temperature = 1;
    d.top_logprobs = LLM_ALL_LOGPROBS;
    d.lookup.count = 2;
    for (draw = 0; draw < DRAWS; draw++) {
        d.sampling.seed = (uint64_t)draw;
        if (llm_generation_open(&g, stories, &d, NULL) || llm_generation_next(g, &piece, NULL)) break;
        for (i = 0; !draw && i < 512; i++) share[i] = exp((double)piece.top[i].logprob);
        count[piece.token]++;
        drafted += llm_generation_get_stats(g).drafted_tokens > 0;
        accepted += piece.from_draft;
        llm_generation_close(g);
    }
    CHECK(drafted == DRAWS && accepted > 0 && accepted < DRAWS);
    for (i = 0; i < 512; i++) {
        double expected = share[i] * DRAWS;
        if (expected < 8) {
            rest += expected;
            rest_count += count[i];
            continue;
        }
        sum += (count[i] - expected) * (count[i] - expected) / expected;
        bins++;
    }
    if (rest > 0) sum += (rest_count - rest) * (rest_count - rest) / rest;
    CHECK(bins > 4 && sum < bins + 3.72 * sqrt(2.0 * bins) + 9.2);
    llm_session_close(session);
}

/* ---- ends in the middle: the cache holds what came out but for the newest token, and goes on from there */

/* Goes on from a cache with what it lacks of prompt and text; the whole text must come out the same. */
static void goes_on(const llm_model *m, const llm_generation_desc *asked, llm_cache *cache, const told *whole,
                    size_t given) {
    static int32_t all[2048];
    static told rest;
    llm_generation_desc d;
    size_t length = (size_t)llm_cache_length(cache), prompt = asked->id_count;
    memcpy(all, asked->ids, prompt * sizeof *all);
    memcpy(all + prompt, whole->ids, given * sizeof *all);
    CHECK(length < prompt + given);
    memset(&d, 0, sizeof d);
    d.ids = all + length;
    d.id_count = prompt + given - length;
    d.use_cache = cache;
    d.ignore_end = 1;
    d.max_tokens = (int64_t)(whole->count - given);
    tell(m, &d, &rest);
    CHECK(rest.count == whole->count - given);
    CHECK(!memcmp(rest.ids, whole->ids + given, rest.count * sizeof *rest.ids));
}

static void closed_at_any_time(void) {
    enum { TOKENS = 14 };
    static told whole;
    int k, way, forked;
    size_t stop;
    for (k = 0; k <= QWEN3_NEXT; k++) {
        const llm_model *m = others[k].model;
        llm_generation_desc d = other_desc(&others[k], TOKENS);
        tell(m, &d, &whole);
        for (way = 0; way < 3; way++)
            for (stop = 0; stop < TOKENS; stop += 1 + stop / 4) {
                llm_generation *g = NULL;
                llm_cache *cache = NULL, *fork = NULL;
                llm_piece piece;
                size_t i;
                d.lookup.count = way == 1 ? 4 : 0;
                d.draft_model = way == 2 ? m : NULL;
                forked = stop % 2;
                CHECK(llm_model_cache_open(&cache, m, NULL, NULL) == LLM_OK);
                d.use_cache = cache;
                CHECK(llm_generation_open(&g, m, &d, NULL) == LLM_OK);
                for (i = 0; i < stop; i++) CHECK(llm_generation_next(g, &piece, NULL) == LLM_OK);
                if (forked) { /* looked at, and then it goes on */
                    CHECK(llm_cache_fork(&fork, llm_generation_cache(g), NULL) == LLM_OK);
                    for (; i < TOKENS; i++) {
                        CHECK(llm_generation_next(g, &piece, NULL) == LLM_OK);
                        CHECK_EQ(piece.token, whole.ids[i]);
                    }
                    CHECK_EQ(llm_cache_length(cache), (int64_t)d.id_count + TOKENS - 1);
                } else if (stop > 1) { /* a pass is left where it is */
                    llm_generation_step(g, 0, &piece, NULL);
                    if (piece.token != LLM_NO_TOKEN) i++;
                }
                llm_generation_close(g);
                if (way == 0 && i) CHECK_EQ(llm_cache_length(cache), (int64_t)(d.id_count + i) - 1);
                goes_on(m, &d, forked ? fork : cache, &whole, forked ? stop : i);
                llm_cache_close(fork);
                llm_cache_close(cache);
            }
    }
}

/* A long prompt is left within its first pass, by steps of no time and a cancel; what was read stays. */
static void cancelled_in_the_prompt(void) {
    static int32_t prompt[300];
    static told whole, rest;
    llm_generation_desc d = prompt_desc(NULL, 10);
    llm_cache *cache = NULL;
    llm_generation *g = NULL;
    llm_piece piece;
    int i;
    for (i = 0; i < 300; i++) prompt[i] = 260 + i * 7 % 200;
    d.ids = prompt;
    d.id_count = 300;
    tell(stories, &d, &whole);
    CHECK(llm_model_cache_open(&cache, stories, NULL, NULL) == LLM_OK);
    d.use_cache = cache;
    CHECK(llm_generation_open(&g, stories, &d, NULL) == LLM_OK);
    for (i = 0; i < 33; i++) CHECK(llm_generation_step(g, 0, &piece, NULL) == LLM_PENDING);
    llm_generation_cancel(g);
    CHECK(llm_generation_step(g, 0, &piece, NULL) == LLM_OK && piece.finish == LLM_FINISH_CANCELLED);
    llm_generation_close(g);
    CHECK(llm_cache_length(cache) > 0 && llm_cache_length(cache) < 200);
    d.ids = prompt + llm_cache_length(cache);
    d.id_count = 300 - (size_t)llm_cache_length(cache);
    tell(stories, &d, &rest);
    CHECK(rest.count == 10 && !memcmp(rest.ids, whole.ids, 10 * sizeof *rest.ids));
    llm_cache_close(cache);
}

/* ---- caches of codes: they begin with a call, however it is cut into passes */

static void quantized_by_calls(void) {
    static told first, t;
    llm_generation_desc d = other_desc(&others[LLAMA], 12);
    int rows;
    d.kv_bits = 8;
    d.kv_group_size = 32;
    d.use_cache = NULL;
    tell(stories, &d, &t); /* heads of 8 numbers */
    CHECK(t.status == LLM_BAD_ARGUMENT && t.error.message[0]);
    for (rows = 0; rows < 4; rows++) {
        d.session.max_rows = rows;
        tell(others[LLAMA].model, &d, rows ? &t : &first);
        CHECK((rows ? &t : &first)->status == LLM_END);
        if (rows) CHECK(same_told(&first, &t));
    }
}

/* ---- figures */

static void peak_memory(void) {
    llm_generation_desc d = prompt_desc("Once upon a time", 100);
    llm_generation *g = NULL;
    llm_generation_stats s;
    llm_piece piece;
    CHECK(llm_generation_open(&g, stories, &d, NULL) == LLM_OK);
    while (llm_generation_next(g, &piece, NULL) == LLM_OK) continue;
    s = llm_generation_get_stats(g);
    CHECK(s.peak_bytes >= s.memory_bytes && s.peak_bytes < 2 * s.memory_bytes);
    CHECK(s.drafted_tokens == 0 && s.accepted_tokens == 0);
    llm_generation_close(g);
}

/* ---- memory */

static void proposing_allocates_nothing(void) {
    tally t;
    llm_model_desc md = stories_desc();
    llm_generation_desc d = prompt_desc("Once upon a time", 200);
    llm_generation *g = NULL;
    llm_model *model = NULL;
    llm_piece piece;
    int before;
    md.allocator = tally_start(&t);
    d.lookup.count = 4;
    d.ignore_end = 1;
    d.top_logprobs = 5;
    CHECK(llm_model_open(&model, &md, NULL) == LLM_OK && llm_generation_open(&g, model, &d, NULL) == LLM_OK);
    CHECK(llm_generation_next(g, &piece, NULL) == LLM_OK);
    before = llm__atomic_get(&t.calls);
    while (llm_generation_next(g, &piece, NULL) == LLM_OK) continue;
    CHECK_EQ(llm__atomic_get(&t.calls), before);
    CHECK(llm_generation_get_stats(g).accepted_tokens > 0);
    llm_generation_close(g);
    llm_model_close(model);
    CHECK(t.live == 0);
}

/* Memory is refused once, anywhere in a life with drafts, checkpoints and stops; the call is made again, and the text
   is the same. */
static void refused_and_tried_again(void) {
    static const int32_t never[] = {1, 1, 1, 1};
    static const llm_ids stops[] = {{never, 4}};
    static told plain, again;
    int k, refuse = 1, done = 0;
    for (k = 0; k < 2; k++, refuse = 1, done = 0) {
        const other *o = &others[k ? QWEN3_NEXT : GEMMA3];
        llm_generation_desc d = other_desc(o, 12);
        tell(o->model, &d, &plain);
        for (; !done; refuse += 1 + refuse / 15) {
            tally t;
            llm_generation *g = NULL;
            llm_piece piece;
            llm_status status;
            int refused = 0;
            d.session.allocator = tally_start(&t);
            d.draft_model = o->model;
            d.top_logprobs = 2;
            d.stop_ids = stops;
            d.stop_id_count = 1;
            llm__atomic_set(&t.refuse, refuse);
            memset(&again, 0, sizeof again);
            while ((status = llm_generation_open(&g, o->model, &d, &again.error)) == LLM_OUT_OF_MEMORY) refused++;
            CHECK(status == LLM_OK);
            while ((status = llm_generation_next(g, &piece, &again.error)) != LLM_END && refused < 3) {
                if (status == LLM_OK) told_piece(&again, &piece);
                else CHECK(status == LLM_OUT_OF_MEMORY && ++refused);
            }
            again.status = status;
            llm_generation_close(g);
            CHECK(refused <= 1 && same_told(&plain, &again));
            CHECK(t.live == 0);
            done = !refused;
        }
        CHECK(refuse > 20);
    }
}

/* ---- what makes no sense */

static void make_nan(void *user, const int32_t *tokens, size_t count, float *logits, int vocabulary) {
    (void)tokens;
    if (count < 8) return;
    if (user) logits[vocabulary - 3] = NAN;
    else
        while (vocabulary--) logits[vocabulary] = -HUGE_VALF;
}

static void broken_callbacks(void) {
    static told t;
    int nan, drafts;
    for (nan = 0; nan < 2; nan++)
        for (drafts = 0; drafts < 2; drafts++) {
            llm_generation_desc d = prompt_desc("Once upon a time", 20);
            llm_generation *g = NULL;
            llm_piece piece;
            d.penalties.process = make_nan;
            d.penalties.process_user = nan ? &nan : NULL;
            if (drafts) d.draft_model = stories;
            memset(&t, 0, sizeof t);
            CHECK(llm_generation_open(&g, stories, &d, NULL) == LLM_OK);
            while ((t.status = llm_generation_next(g, &piece, &t.error)) == LLM_OK) told_piece(&t, &piece);
            CHECK(t.status == LLM_BAD_ARGUMENT && t.count == 3 && says(&t.error, nan ? "id 509" : "no token"));
            CHECK(llm_generation_next(g, &piece, NULL) == LLM_END && piece.finish == LLM_FINISH_FAILED);
            CHECK(llm_generation_get_stats(g).finish == LLM_FINISH_FAILED);
            llm_generation_close(g);
        }
}

static void wrong_options(void) {
    static const char *const words[] = {
        "top_logprobs", "kv_bits", "kv_bits", "quantized_kv_start", "stop 0 is empty", "stop sequence 1", "stop_ids",
        "extra_ends", "not valid UTF-8", "num_draft_tokens", "lookup.count", "shortest is 4", "not from both",
        "draft_cache", "cannot read a prompt of embeddings", "width 63", "2 embeddings for 3 ids", "none of width",
        "the prompt is empty", "a count is given, but no texts"};
    static const char *const empty[] = {""}, *const broken[] = {"\xC3"};
    static const int32_t ids[] = {5, 6, 512};
    static const llm_ids sequences[] = {{ids, 2}, {ids, 0}, {ids, 3}};
    static float rows[2 * 64];
    llm_generation *g = NULL;
    llm_error error;
    size_t i;
    for (i = 0; i < sizeof words / sizeof *words; i++) {
        llm_generation_desc d = prompt_desc(i < 15 ? "Once" : NULL, 4);
        if (i == 0) d.top_logprobs = -2;
        if (i == 1) d.kv_bits = 7;
        if (i == 2) d.kv_bits = 4, d.kv_group_size = 63;
        if (i == 3) d.quantized_kv_start = -1;
        if (i == 4) d.stops = empty, d.stop_count = 1;
        if (i == 5) d.stop_ids = sequences, d.stop_id_count = 2;
        if (i == 6) d.stop_ids = sequences + 2, d.stop_id_count = 1;
        if (i == 7) d.extra_ends = ids, d.extra_end_count = 3;
        if (i == 8) d.stops = broken, d.stop_count = 1;
        if (i == 9) d.draft_model = stories, d.num_draft_tokens = 65;
        if (i == 10) d.lookup.count = -1;
        if (i == 11) d.lookup.count = 2, d.lookup.shortest = 4;
        if (i == 12) d.lookup.count = 2, d.draft_model = stories;
        if (i == 13) CHECK(llm_model_cache_open(&d.draft_cache, stories, NULL, NULL) == LLM_OK);
        if (i >= 14 && i < 18) d.embeddings = rows, d.embedding_count = 2, d.embedding_width = 64;
        if (i == 14) d.draft_model = stories;
        if (i == 15) d.embedding_width = 63;
        if (i == 16) d.ids = sequences[0].ids, d.id_count = 2, d.prompt = "a", d.no_special = 1;
        if (i == 17) d.embeddings = NULL, d.ids = ids, d.id_count = 1;
        if (i == 18) d.embeddings = rows, d.embedding_width = 64;
        if (i == 19) d.prompt = "Once", d.stop_count = 1;
        CHECK(llm_generation_open(&g, stories, &d, &error) == LLM_BAD_ARGUMENT && !g);
        CHECK(says(&error, words[i]));
        llm_cache_close(d.draft_cache);
    }
}

/* A draft model must have the same tokens; one other letter in one of them is enough. */
static void another_vocabulary(void) {
    llm_memory_file files[FILES];
    llm_model_desc md = stories_desc();
    llm_generation_desc d = prompt_desc("Once", 4);
    llm_generation *g = NULL;
    llm_model *model = NULL;
    llm_error error;
    char *text = (char *)malloc(stories_files[TOKENIZER].bytes + 1), *at;
    if (!text) exit(2);
    memcpy(text, stories_files[TOKENIZER].data, stories_files[TOKENIZER].bytes + 1);
    at = strstr(text, "\"<0x41>\"");
    CHECK(at != NULL);
    if (at) at[3] = 'y';
    memcpy(files, stories_files, sizeof stories_files);
    files[TOKENIZER].data = text;
    md.memory = files;
    if (llm_model_open(&model, &md, &error)) {
        printf("%s\n", error.message);
    } else {
        d.draft_model = model;
        CHECK(llm_generation_open(&g, stories, &d, &error) == LLM_BAD_ARGUMENT && says(&error, "another vocabulary"));
    }
    CHECK(model != NULL);
    d.draft_model = others[MAMBA].model;
    CHECK(llm_generation_open(&g, stories, &d, &error) == LLM_BAD_ARGUMENT && says(&error, "tokens"));
    llm_model_close(model);
    free(text);
}

int main(void) {
    stories_read();
    stories = stories_open();
    open_others();
    TEST(test_generate);
    TEST(test_generate_with_logit_bias);
    TEST(test_stream_generate_max_tokens);
    TEST(test_generate_with_processor);
    TEST(one_begin_token);
    TEST(test_stream_generate_speculative);
    TEST(test_stream_generate_input_embeddings);
    TEST(test_stream_generate_input_embeddings_prefill);
    TEST(embeddings_as_ids);
    TEST(stop_texts);
    TEST(held_text_comes);
    TEST(stop_tokens);
    TEST(more_ends);
    TEST(log_probabilities);
    TEST(drafts_change_nothing);
    TEST(drawn_as_without_drafts);
    TEST(few_guesses_where_they_fail);
    TEST(closed_at_any_time);
    TEST(cancelled_in_the_prompt);
    TEST(quantized_by_calls);
    TEST(peak_memory);
    TEST(proposing_allocates_nothing);
    TEST(refused_and_tried_again);
    TEST(broken_callbacks);
    TEST(wrong_options);
    TEST(another_vocabulary);
    close_others();
    llm_model_close(stories);
    stories_free();
    return test_summary("test_generation");
}
