/* test_mtp.c - layers that predict further tokens (multi-token prediction): against the numbers in tests/golden/mtp,
   which make_mtp.py computed, whatever the calls, the batch and the threads; text with them as drafters against text
   without; checkpoints and calls that are wrong. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "test.h"
#include "stories.h"

#include "fixture.h"

static const char *const families[] = {"deepseek_v3", "glm4_moe", "glm4_moe_lite", "mimo", "qwen3_next", "mimo-q4"};
enum { FAMILIES = 6 };

/* A fixture with its model. */
typedef struct opened {
    fixture f;
    llm_model *model;
    const llm_model *drafter;
    const float *hidden, *draft_logits; /* [prompt, width], [prompt - 1, vocabulary] */
    int width, vocabulary;
} opened;

/* Where a tensor's numbers lie in a checkpoint's image, by its header; NULL: there is none of that name. */
static uint8_t *image_tensor(const fixture *f, const char *name, llm_dtype *dtype, size_t *count) {
    uint8_t *image = (uint8_t *)f->checkpoint[1].data;
    char key[120], type[8];
    unsigned long long from, to;
    const char *at, *header = (const char *)image + 8;
    snprintf(key, sizeof key, "\"%s\":{\"dtype\":\"", name);
    at = strstr(header, key);
    if (!at) return NULL;
    at += strlen(key);
    snprintf(type, sizeof type, "%.*s", (int)strcspn(at, "\""), at);
    sscanf(strstr(at, "data_offsets"), "data_offsets\":[%llu,%llu", &from, &to);
    llm__dtype_from_name(type, dtype);
    *count = (size_t)(to - from) / llm__dtype_bytes(*dtype);
    return image + 8 + image[0] + 256u * image[1] + 65536u * image[2] + from;
}

static void copy_tensor(const fixture *f, const char *to, const char *from) {
    llm_dtype dtype;
    size_t count;
    uint8_t *target = image_tensor(f, to, &dtype, &count), *source = image_tensor(f, from, &dtype, &count);
    if (target && source) memcpy(target, source, count * llm__dtype_bytes(dtype));
}

/* The map that joins embedding and state passes the embedding on, and nothing else. */
static void pass_tokens(const fixture *f, const char *name, size_t side) {
    llm_dtype dtype;
    size_t count, i, width;
    uint8_t *map = image_tensor(f, name, &dtype, &count);
    float one = 1, zero = 0;
    if (!map) return;
    for (width = 1; 2 * width * width < count;) width++;
    for (i = 0; i < count; i++)
        llm__from_f32(dtype, i % (2 * width) == i / (2 * width) + side * width ? &one : &zero, 1,
                      map + i * llm__dtype_bytes(dtype));
}

/* Makes layers add little to the stream, and the drafter read tokens as the model does, so that it often guesses well:
   what is random guesses badly. */
static void make_alike(const fixture *f) {
    const char *const adding[] = {"o_proj.weight", "down_proj.weight", "out_proj.weight"};
    const llm__json *key = llm__json_first(f->formulas);
    llm_dtype dtype;
    size_t count, i, k;
    uint32_t n;
    for (n = 0; n < f->formulas->length; n++, key = llm__json_next(llm__json_next(key)))
        for (k = 0; k < 3; k++) {
            const char *at = strstr(key->as.text, adding[k]);
            uint8_t *data = at && !at[strlen(adding[k])] ? image_tensor(f, key->as.text, &dtype, &count) : NULL;
            for (i = 0; data && i < count; i++) {
                float x;
                llm__to_f32(dtype, data + i * llm__dtype_bytes(dtype), 1, &x);
                x *= 0.1f;
                llm__from_f32(dtype, &x, 1, data + i * llm__dtype_bytes(dtype));
            }
        }
    pass_tokens(f, "model.layers.3.eh_proj.weight", 0);
    pass_tokens(f, "model.mtp_layers.0.input_proj.weight", 1);
    pass_tokens(f, "mtp.fc.weight", 0);
    copy_tensor(f, "model.layers.3.shared_head.norm.weight", "model.norm.weight");
    copy_tensor(f, "model.layers.3.shared_head.head.weight", "lm_head.weight");
    copy_tensor(f, "model.mtp_layers.0.final_layernorm.weight", "model.norm.weight");
    copy_tensor(f, "mtp.norm.weight", "model.norm.weight");
}

static int open_made(opened *o, const char *name, int drafts, int alike) {
    char path[80];
    llm_error error;
    llm_model_desc md;
    int64_t rows, columns;
    memset(o, 0, sizeof *o);
    snprintf(path, sizeof path, "tests/golden/mtp/%s.safetensors", name);
    if (!open_fixture(&o->f, path) || !read_expectations(&o->f) || !build_checkpoint(&o->f)) return 0;
    o->hidden = read_floats(&o->f, "hidden", &rows, &columns);
    o->draft_logits = read_floats(&o->f, "draft_logits", &rows, &columns);
    if (alike) make_alike(&o->f);
    memset(&md, 0, sizeof md);
    md.memory = o->f.checkpoint;
    md.memory_count = 2;
    md.weights_only = 1;
    md.drafts = drafts;
    if (llm_model_open(&o->model, &md, &error)) return say(&o->f, "%s", error.message);
    o->drafter = llm_model_drafter(o->model);
    o->width = llm_model_get_info(o->model).hidden;
    o->vocabulary = llm_model_get_info(o->model).vocabulary;
    return !o->f.problem[0];
}

static int open_family(opened *o, const char *name, int drafts) { return open_made(o, name, drafts, 0); }

static void close_family(opened *o) {
    if (o->f.problem[0]) printf("%s: %s\n", o->f.name, o->f.problem);
    llm_model_close(o->model);
    close_fixture(&o->f);
}

/* How a run cuts its calls, and what it runs on. */
typedef struct way {
    int every, max_rows, threads, batch; /* batch: another sequence beside each call */
} way;

/* Runs tokens[count] through a model in so many calls; logits are [count, vocabulary], hidden [count, width]. */
static int run_rows(opened *o, const llm_model *model, llm_cache *cache, const way *w, const int32_t *tokens,
                    const float *given, int count, float *logits, float *hidden) {
    llm_session_desc sd;
    llm_model_cache_desc cd;
    llm_session *session = NULL;
    llm_cache *beside = NULL;
    llm_error error;
    float *spare = (float *)take(&o->f, (size_t)o->vocabulary, sizeof *spare);
    int at, n, ok;
    memset(&sd, 0, sizeof sd);
    memset(&cd, 0, sizeof cd);
    sd.exact = cd.exact = 1;
    sd.max_rows = w->max_rows;
    sd.threads = w->threads;
    ok = !llm_session_open(&session, model, &sd, &error) && !llm_model_cache_open(&beside, model, &cd, &error);
    for (at = 0; ok && at < count; at += n) {
        llm_sequence s[2];
        memset(s, 0, sizeof s);
        n = !w->every || w->every > count - at ? count - at : w->every;
        s[1].cache = cache;
        s[1].tokens = tokens + at;
        s[1].given = given ? given + (size_t)at * (size_t)o->width : NULL;
        s[1].count = (size_t)n;
        s[1].want = LLM_LOGITS_ALL;
        s[1].logits = logits + (size_t)at * (size_t)o->vocabulary;
        s[1].hidden = hidden ? hidden + (size_t)at * (size_t)o->width : NULL;
        s[0] = s[1];
        s[0].cache = beside;
        s[0].count = 1;
        s[0].want = LLM_LOGITS_LAST;
        s[0].logits = spare;
        s[0].hidden = NULL;
        ok = !llm_forward(session, s + !w->batch, (size_t)(1 + w->batch), &error);
    }
    if (!ok) say(&o->f, "%s", error.message);
    llm_cache_close(beside);
    llm_session_close(session);
    return ok;
}

/* What one run gives: the model's logits and hidden states, the drafter's logits after each of them and after a chain
   of its own hidden states. */
typedef struct results {
    float *logits, *hidden, *drafts, *chain;
} results;

static int run_way(opened *o, const way *w, results *r) {
    const fixture *f = &o->f;
    size_t vocabulary = (size_t)o->vocabulary, width = (size_t)o->width, rows = (size_t)f->prompt_count;
    float *states = (float *)take(&o->f, (rows + 1) * width, sizeof *states);
    llm_model_cache_desc cd;
    llm_cache *cache = NULL, *drafter_cache = NULL;
    llm_error error;
    int i, ok;
    memset(&cd, 0, sizeof cd);
    cd.exact = 1;
    r->logits = (float *)take(&o->f, rows * vocabulary, sizeof(float));
    r->hidden = (float *)take(&o->f, rows * width, sizeof(float));
    r->drafts = (float *)take(&o->f, rows * vocabulary, sizeof(float));
    r->chain = (float *)take(&o->f, (size_t)f->decode_count * vocabulary, sizeof(float));
    ok = !llm_model_cache_open(&cache, o->model, &cd, &error) &&
         !llm_model_cache_open(&drafter_cache, o->drafter, &cd, &error) &&
         run_rows(o, o->model, cache, w, f->prompt, NULL, f->prompt_count, r->logits, r->hidden) &&
         run_rows(o, o->drafter, drafter_cache, w, f->prompt + 1, r->hidden, f->prompt_count - 1, r->drafts, states);
    memcpy(states, states + (rows - 2) * width, width * sizeof *states);
    for (i = 0; ok && i < f->decode_count; i++)
        ok = run_rows(o, o->drafter, drafter_cache, w, f->decode + i, states, 1, r->chain + (size_t)i * vocabulary,
                      states);
    llm_cache_close(cache);
    llm_cache_close(drafter_cache);
    return ok;
}

static double worst(const float *a, const float *b, size_t count) {
    double most = 0;
    size_t i;
    for (i = 0; i < count; i++) {
        double e = fabs((double)a[i] - b[i]);
        if (!(e <= most)) most = e;
    }
    return most;
}

static void golden_numbers(void) {
    static const way once = {0, 0, 1, 0};
    int k;
    for (k = 0; k < FAMILIES; k++) {
        opened o;
        results r;
        int ok = open_family(&o, families[k], 1);
        CHECK(ok);
        CHECK(o.drafter != NULL);
        ok = ok && o.drafter && run_way(&o, &once, &r);
        CHECK(ok);
        if (ok) {
            size_t rows = (size_t)o.f.prompt_count, vocabulary = (size_t)o.vocabulary;
            double logits = worst(r.logits, o.f.prompt_logits, rows * vocabulary);
            double hidden = worst(r.hidden, o.hidden, rows * (size_t)o.width);
            double drafts = worst(r.drafts, o.draft_logits, (rows - 1) * vocabulary);
            double chain = worst(r.chain, o.f.decode_logits, (size_t)o.f.decode_count * vocabulary);
            printf("%-14s logits %.1e, hidden %.1e, drafts %.1e, chain %.1e of %.1e\n", families[k], logits, hidden,
                   drafts, chain, o.f.tolerance);
            CHECK(logits <= o.f.tolerance);
            CHECK(hidden <= o.f.tolerance);
            CHECK(drafts <= o.f.tolerance);
            CHECK(chain <= o.f.tolerance);
        }
        close_family(&o);
    }
}

/* The bits do not depend on calls, passes, threads and company. */
static void any_way(void) {
    static const way ways[] = {{0, 0, 1, 0}, {1, 0, 1, 0}, {3, 2, 1, 0}, {0, 0, 2, 1}, {2, 3, 2, 1}};
    int k, i;
    for (k = 0; k < FAMILIES; k++) {
        opened o;
        results first, again;
        int ok = open_family(&o, families[k], 1) && run_way(&o, &ways[0], &first);
        CHECK(ok);
        for (i = 1; ok && i < 5; i++) {
            size_t rows = (size_t)o.f.prompt_count, bytes = (size_t)o.vocabulary * sizeof(float);
            CHECK(run_way(&o, &ways[i], &again));
            CHECK(!memcmp(first.hidden, again.hidden, rows * (size_t)o.width * sizeof(float)));
            CHECK(!memcmp(first.drafts, again.drafts, (rows - 1) * bytes));
            CHECK(!memcmp(first.chain, again.chain, (size_t)o.f.decode_count * bytes));
        }
        close_family(&o);
    }
}

/* Without being asked for, the layer is left where it is; with it, the rest of the model is the same. */
static void left_out(void) {
    int k;
    for (k = 0; k < FAMILIES; k++) {
        opened with, without;
        CHECK(open_family(&with, families[k], 1));
        CHECK(open_family(&without, families[k], 0));
        if (with.model && without.model && with.drafter) {
            llm_model_info a = llm_model_get_info(with.model), b = llm_model_get_info(without.model);
            llm_model_info d = llm_model_get_info(with.drafter);
            llm_layer_info layer = llm_model_get_layer(with.drafter, 0);
            CHECK(without.drafter == NULL);
            CHECK_EQ(a.layers, b.layers);
            CHECK_EQ(a.parameters - b.parameters, d.parameters);
            CHECK_EQ(a.weight_bytes - b.weight_bytes, d.weight_bytes);
            CHECK_EQ(d.layers, 1);
            CHECK_EQ(layer.parameters, d.parameters);
            CHECK(strstr(layer.mixer, "attention") != NULL);
            CHECK(llm_model_drafter(with.drafter) == NULL);
            CHECK_EQ(llm_model_cache_bytes(with.model, NULL, 100), llm_model_cache_bytes(without.model, NULL, 100));
        }
        close_family(&with);
        close_family(&without);
    }
    CHECK(llm_model_drafter(NULL) == NULL);
}

static void wrong_calls(void) {
    opened o;
    llm_cache *cache = NULL;
    llm_session *session = NULL;
    llm_sequence s;
    llm_error error;
    float given[64] = {0}, logits[128];
    CHECK(open_family(&o, "mimo", 1));
    memset(&s, 0, sizeof s);
    s.tokens = o.f.prompt;
    s.count = 1;
    s.logits = logits;
    CHECK_EQ(llm_model_cache_open(&cache, o.drafter, NULL, &error), LLM_OK);
    CHECK_EQ(llm_session_open(&session, o.drafter, NULL, &error), LLM_OK);
    s.cache = cache;
    CHECK_EQ(llm_forward(session, &s, 1, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "sequence 0: given is NULL; drafters need it, no other model does");
    s.given = given;
    CHECK_EQ(llm_forward(session, &s, 1, &error), LLM_OK);
    CHECK_EQ(llm_cache_length(cache), 1);
    llm_session_close(session);
    llm_cache_close(cache);
    CHECK_EQ(llm_model_cache_open(&cache, o.model, NULL, &error), LLM_OK);
    CHECK_EQ(llm_session_open(&session, o.model, NULL, &error), LLM_OK);
    s.cache = cache;
    CHECK_EQ(llm_forward(session, &s, 1, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "sequence 0: given is not NULL; drafters need it, no other model does");
    llm_session_close(session);
    llm_cache_close(cache);
    close_family(&o);
}

/* ---- text */

enum { TEXT = 36 };

/* What a generation gave: its tokens, and which of them were proposed before. */
typedef struct text {
    int32_t tokens[TEXT];
    int proposed[TEXT], count;
    size_t drafted, accepted;
} text;

/* How it is asked for. */
typedef struct asking {
    int drafts, prefill_step, threads, max_rows;
    float temperature;
    int64_t budget_us; /* 0: none */
    int int8;          /* quantized weights take int8 activations */
} asking;

static llm_generation_desc describe(const opened *o, const asking *a) {
    llm_generation_desc gd;
    memset(&gd, 0, sizeof gd);
    gd.ids = o->f.prompt;
    gd.id_count = (size_t)o->f.prompt_count;
    gd.max_tokens = TEXT;
    gd.ignore_end = gd.no_special = 1;
    gd.session.exact = !a->int8;
    gd.session.threads = a->threads;
    gd.session.max_rows = a->max_rows;
    gd.prefill_step = a->prefill_step;
    gd.sampling.temperature = a->temperature;
    gd.sampling.seed = 7;
    gd.draft_model = a->drafts ? o->drafter : NULL;
    gd.num_draft_tokens = a->drafts;
    return gd;
}

static int write_text(opened *o, const asking *a, text *out) {
    llm_generation_desc gd = describe(o, a);
    llm_generation *g = NULL;
    llm_generation_stats stats;
    llm_piece piece;
    llm_error error;
    llm_status status;
    memset(out, 0, sizeof *out);
    if (llm_generation_open(&g, o->model, &gd, &error)) return say(&o->f, "%s", error.message);
    do {
        status = llm_generation_step(g, a->budget_us ? a->budget_us : -1, &piece, &error);
        if (status != LLM_OK || piece.token == LLM_NO_TOKEN) continue;
        out->proposed[out->count] = piece.from_draft;
        out->tokens[out->count++] = piece.token;
    } while (status == LLM_PENDING || (status == LLM_OK && piece.finish == LLM_RUNNING));
    stats = llm_generation_get_stats(g);
    out->drafted = stats.drafted_tokens;
    out->accepted = stats.accepted_tokens;
    CHECK_EQ(llm_cache_length(llm_generation_cache(g)), o->f.prompt_count + TEXT - 1);
    llm_generation_close(g);
    return status == LLM_OK || say(&o->f, "%s", error.message);
}

/* With drafts, in whatever way, the text is the one without. */
static void same_text(void) {
    static const asking ways[] = {{3, 0, 1, 0, 0, 0, 0},    {1, 0, 1, 0, 0, 0, 1},    {8, 4, 1, 2, 0, 0, 0},
                                  {2, 1, 1, 0, 0, 1, 0},    {3, 5, 2, 0, 0, 0, 0},    {3, 0, 1, 0, 1.0f, 0, 1},
                                  {6, 3, 1, 2, 1.0f, 1, 1}};
    int k, alike;
    size_t i;
    for (k = 0; k < FAMILIES; k++)
        for (alike = 0; alike < 2; alike++) {
            opened o;
            CHECK(open_made(&o, families[k], 1, alike));
            for (i = 0; o.drafter && i < sizeof ways / sizeof *ways; i += alike ? 1 : 5) {
                asking without = {0, 0, 1, 0, 0, 0, 0};
                text plain, with;
                without.temperature = ways[i].temperature;
                without.int8 = ways[i].int8;
                CHECK(write_text(&o, &without, &plain));
                CHECK(write_text(&o, &ways[i], &with));
                CHECK_EQ(plain.count, TEXT);
                CHECK_EQ(with.count, TEXT);
                CHECK(!memcmp(plain.tokens, with.tokens, sizeof plain.tokens));
                CHECK(with.drafted > 0);
                CHECK_EQ(plain.drafted, 0);
                if (alike && i == 0)
                    printf("%-14s alike: %lu of %lu drafts were right\n", families[k], (unsigned long)with.accepted,
                           (unsigned long)with.drafted);
                if (alike) CHECK(with.accepted > 0);
            }
            close_family(&o);
        }
}

/* How many of `room` guesses behind tokens[known] are what follows there: the drafter reads every pair anew. */
static int right_guesses(opened *o, const int32_t *tokens, const float *hidden, int known, int room) {
    static const way once = {0, 0, 1, 0};
    size_t vocabulary = (size_t)o->vocabulary, width = (size_t)o->width;
    float *logits = (float *)take(&o->f, (size_t)known * vocabulary, sizeof *logits);
    float *states = (float *)take(&o->f, (size_t)known * width, sizeof *states), *last;
    llm_model_cache_desc cd;
    llm_cache *cache = NULL;
    llm_error error;
    int right, ok;
    memset(&cd, 0, sizeof cd);
    cd.exact = 1;
    ok = !llm_model_cache_open(&cache, o->drafter, &cd, &error) &&
         run_rows(o, o->drafter, cache, &once, tokens + 1, hidden, known - 1, logits, states);
    last = logits + (size_t)(known - 2) * vocabulary;
    memcpy(states, states + (size_t)(known - 2) * width, width * sizeof *states);
    for (right = 0; ok && right < room; right++) {
        int32_t best = 0, id;
        for (id = 1; id < o->vocabulary; id++)
            if (last[id] > last[best]) best = id;
        if (best != tokens[known + right]) break;
        last = logits;
        ok = run_rows(o, o->drafter, cache, &once, tokens + known + right, states, 1, last, states);
    }
    llm_cache_close(cache);
    return right;
}

/* Which tokens were proposed: as they must be when each guess is made from all that is known by then.  Where layers are
   recurrent, what was right comes again after a wrong draft, and with it one token that nobody guessed. */
static void proposals(void) {
    static const way once = {0, 0, 1, 0};
    static const asking threes = {3, 0, 1, 0, 0, 0, 0};
    int k, alike;
    for (k = 0; k < FAMILIES; k++)
        for (alike = 0; alike < 2; alike++) {
            opened o;
            text with;
            int32_t *all;
            float *logits, *hidden;
            llm_cache *cache = NULL;
            llm_model_cache_desc cd;
            llm_error error;
            int prompt, n, again = 0, i, recurrent = !strcmp(families[k], "qwen3_next"), expected[TEXT] = {0};
            CHECK(open_made(&o, families[k], 1, alike));
            CHECK(o.drafter && write_text(&o, &threes, &with));
            prompt = o.f.prompt_count;
            all = (int32_t *)take(&o.f, (size_t)(prompt + TEXT), sizeof *all);
            memcpy(all, o.f.prompt, (size_t)prompt * sizeof *all);
            memcpy(all + prompt, with.tokens, sizeof with.tokens);
            logits = (float *)take(&o.f, (size_t)(prompt + TEXT) * (size_t)o.vocabulary, sizeof *logits);
            hidden = (float *)take(&o.f, (size_t)(prompt + TEXT) * (size_t)o.width, sizeof *hidden);
            memset(&cd, 0, sizeof cd);
            cd.exact = 1;
            CHECK_EQ(llm_model_cache_open(&cache, o.model, &cd, &error), LLM_OK);
            CHECK(run_rows(&o, o.model, cache, &once, all, NULL, prompt + TEXT, logits, hidden));
            for (n = 0; n < TEXT;) {
                int room = again ? 0 : TEXT - n < 3 ? TEXT - n : 3;
                int right = room ? right_guesses(&o, all, hidden, prompt + n, room) : 0;
                for (i = 0; i < right; i++) expected[n + i] = 1;
                again = recurrent && right < room && n > 0; /* a prompt's last token comes alone */
                n += right + 1;
            }
            CHECK(!memcmp(expected, with.proposed, sizeof expected));
            llm_cache_close(cache);
            close_family(&o);
        }
}

/* Three requests in one batch, each with the drafter, or one without. */
static void in_a_batch(void) {
    enum { REQUESTS = 3 };
    int k, i;
    for (k = 0; k < FAMILIES; k++) {
        static const asking asked[REQUESTS] = {
            {3, 0, 1, 0, 0, 0, 0}, {0, 0, 1, 0, 1.0f, 0, 0}, {2, 3, 1, 0, 1.0f, 0, 0}};
        opened o;
        text alone[REQUESTS];
        int32_t together[REQUESTS][TEXT];
        int counts[REQUESTS] = {0, 0, 0};
        llm_scheduler *s = NULL;
        llm_scheduler_desc sd;
        const llm_event *events;
        size_t count, e;
        llm_error error;
        CHECK(open_made(&o, families[k], 1, 1));
        memset(&sd, 0, sizeof sd);
        sd.session.exact = 1;
        sd.draft_model = o.drafter;
        sd.prefill_step = 7;
        CHECK_EQ(llm_scheduler_open(&s, o.model, &sd, &error), LLM_OK);
        for (i = 0; i < REQUESTS; i++) {
            llm_generation_desc gd = describe(&o, &asked[i]);
            CHECK(write_text(&o, &asked[i], &alone[i]));
            CHECK_EQ(llm_scheduler_insert(s, &gd, NULL, &error), LLM_OK);
        }
        while (llm_scheduler_next_generated(s, &events, &count, &error) == LLM_OK)
            for (e = 0; e < count; e++)
                if (events[e].piece.token != LLM_NO_TOKEN && counts[events[e].id - 1] < TEXT)
                    together[events[e].id - 1][counts[events[e].id - 1]++] = events[e].piece.token;
        for (i = 0; i < REQUESTS; i++) {
            CHECK_EQ(counts[i], TEXT);
            CHECK(!memcmp(together[i], alone[i].tokens, sizeof alone[i].tokens));
        }
        llm_scheduler_close(s);
        close_family(&o);
    }
}

/* ---- what is drawn */

/* Probabilities of the tokens after some, at a temperature. */
static void chances(opened *o, const int32_t *tokens, int count, double temperature, double *p) {
    static const way once = {0, 0, 1, 0};
    float *logits = (float *)take(&o->f, (size_t)count * (size_t)o->vocabulary, sizeof *logits), *last;
    llm_model_cache_desc cd;
    llm_cache *cache = NULL;
    double sum = 0;
    int i;
    memset(&cd, 0, sizeof cd);
    cd.exact = 1;
    CHECK_EQ(llm_model_cache_open(&cache, o->model, &cd, NULL), LLM_OK);
    CHECK(run_rows(o, o->model, cache, &once, tokens, NULL, count, logits, NULL));
    last = logits + (size_t)(count - 1) * (size_t)o->vocabulary;
    for (i = 0; i < o->vocabulary; i++) sum += p[i] = exp((double)last[i] / temperature);
    for (i = 0; i < o->vocabulary; i++) p[i] /= sum;
    llm_cache_close(cache);
}

/* How far counts are from what p leads one to expect: chi-square over the value that it exceeds once in 10,000 times.
   Tokens that are expected fewer than five times are one. */
static double surprise(const int *counts, const double *p, int tokens, int draws) {
    double chi = 0, expected = 0, found = 0, freedom = -1, root;
    int i;
    for (i = 0; i < tokens; i++) {
        double e = p[i] * draws;
        if (e < 5) {
            expected += e;
            found += counts[i];
            continue;
        }
        chi += (counts[i] - e) * (counts[i] - e) / e;
        freedom++;
    }
    if (expected > 0) chi += (found - expected) * (found - expected) / expected, freedom++;
    root = 1 - 2 / (9 * freedom) + 3.719 * sqrt(2 / (9 * freedom)); /* Wilson and Hilferty */
    return chi / (freedom * root * root * root);
}

/* The first two tokens of texts with many seeds, guessed by the drafter, by a draft model that is another model, and by
   lookup, are distributed as the model's probabilities say; and not as those of another temperature. */
static void what_is_drawn(void) {
    enum { DRAWS = 900, MOST = 128 };
    static const char *const kinds[] = {"drafter", "draft model", "lookup"};
    static double first[MOST], second[MOST], after[MOST], warm[MOST];
    static int32_t tokens[8] = {5, 9, 33, 5, 9, 33, 5};
    opened o, other;
    llm_session *session = NULL;
    llm_session_desc sd;
    int kind, seed, i, k;
    CHECK(open_made(&o, "mimo", 1, 1));
    CHECK(open_made(&other, "mimo", 0, 0));
    memset(&sd, 0, sizeof sd);
    sd.exact = 1;
    sd.max_rows = 8;
    CHECK_EQ(llm_session_open(&session, o.model, &sd, NULL), LLM_OK);
    chances(&o, tokens, 7, 0.8, first);
    chances(&o, tokens, 7, 1.6, warm);
    memset(second, 0, sizeof second);
    for (i = 0; i < o.vocabulary; i++) {
        tokens[7] = i;
        chances(&o, tokens, 8, 0.8, after);
        for (k = 0; k < o.vocabulary; k++) second[k] += first[i] * after[k];
    }
    for (kind = 0; kind < 3; kind++) {
        int counts[2][MOST] = {{0}};
        size_t drafted = 0, accepted = 0;
        double far[3];
        for (seed = 0; seed < DRAWS; seed++) {
            llm_generation_desc gd;
            llm_generation *g = NULL;
            llm_generation_stats stats;
            llm_piece piece;
            memset(&gd, 0, sizeof gd);
            gd.ids = tokens;
            gd.id_count = 7;
            gd.max_tokens = 2;
            gd.ignore_end = 1;
            gd.session = sd;
            gd.use_session = session;
            gd.prefill_step = 8;
            gd.sampling.temperature = 0.8f;
            gd.sampling.seed = (uint64_t)(seed + kind * DRAWS);
            if (kind == 2) gd.lookup.count = 2;
            else gd.draft_model = kind ? other.model : o.drafter;
            gd.num_draft_tokens = 2;
            CHECK_EQ(llm_generation_open(&g, o.model, &gd, NULL), LLM_OK);
            for (i = 0; i < 2 && llm_generation_next(g, &piece, NULL) == LLM_OK; i++) counts[i][piece.token]++;
            stats = llm_generation_get_stats(g);
            drafted += stats.drafted_tokens;
            accepted += stats.accepted_tokens;
            llm_generation_close(g);
        }
        far[0] = surprise(counts[0], first, o.vocabulary, DRAWS);
        far[1] = surprise(counts[1], second, o.vocabulary, DRAWS);
        far[2] = surprise(counts[0], warm, o.vocabulary, DRAWS);
        printf("%-12s %lu of %lu right; chi-square %.2f and %.2f of what is allowed, %.1f if it were warmer\n",
               kinds[kind], (unsigned long)accepted, (unsigned long)drafted, far[0], far[1], far[2]);
        CHECK(far[0] < 1 && far[1] < 1 && far[2] > 1);
        CHECK(accepted > 0 && accepted < drafted);
    }
    llm_session_close(session);
    close_family(&o);
    close_family(&other);
}

/* A drafter drafts for its own model only. */
static void wrong_drafter(void) {
    opened a, b;
    llm_generation *g = NULL;
    llm_generation_desc gd;
    llm_error error;
    CHECK(open_family(&a, "mimo", 1));
    CHECK(open_family(&b, "mimo", 1));
    memset(&gd, 0, sizeof gd);
    gd.ids = a.f.prompt;
    gd.id_count = 1;
    gd.draft_model = b.drafter;
    CHECK_EQ(llm_generation_open(&g, a.model, &gd, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "draft_model is the drafter of another model");
    CHECK(g == NULL);
    close_family(&a);
    close_family(&b);
}

/* Each tensor of the layer under another name: an error that says which. */
static void wrong_tensors(void) {
    static const char *const parts[] = {"token_layernorm", "hidden_layernorm", "final_layernorm", "self_attn.o_proj",
                                        "mlp.up_proj"};
    opened o;
    llm_error error;
    size_t i;
    CHECK(open_family(&o, "mimo", 1));
    for (i = 0; i < 5; i++) {
        char name[80];
        uint8_t *image = (uint8_t *)o.f.checkpoint[1].data, *at = image;
        llm_model *model = NULL;
        llm_model_desc md;
        size_t length = (size_t)snprintf(name, sizeof name, "model.mtp_layers.0.%s.weight", parts[i]);
        memset(&md, 0, sizeof md);
        md.memory = o.f.checkpoint;
        md.memory_count = 2;
        md.weights_only = md.drafts = 1;
        while (memcmp(at, name, length)) at++;
        at[length - 1] = 'x';
        CHECK_EQ(llm_model_open(&model, &md, &error), LLM_BAD_TENSOR);
        CHECK(strstr(error.message, parts[i]) != NULL);
        CHECK(model == NULL);
        md.drafts = 0;
        CHECK_EQ(llm_model_open(&model, &md, &error), LLM_OK);
        llm_model_close(model);
        at[length - 1] = 't';
    }
    close_family(&o);
}

/* Each allocation of opening a model with its drafter refused in turn: an error, and nothing stays. */
static void refused_allocations(void) {
    opened o;
    tally t;
    llm_error error;
    int refuse, calls = 1;
    CHECK(open_family(&o, "qwen3_next", 1));
    for (refuse = 0; refuse <= calls; refuse++) {
        llm_model *model = NULL;
        llm_model_desc md;
        llm_status status;
        memset(&md, 0, sizeof md);
        md.memory = o.f.checkpoint;
        md.memory_count = 2;
        md.weights_only = md.drafts = 1;
        md.allocator = tally_start(&t);
        t.refuse = refuse;
        status = llm_model_open(&model, &md, &error);
        CHECK_EQ(status, refuse ? LLM_OUT_OF_MEMORY : LLM_OK);
        if (!refuse) calls = t.calls;
        llm_model_close(model);
        CHECK_EQ(t.live, 0);
    }
    close_family(&o);
}

int main(void) {
    TEST(golden_numbers);
    TEST(any_way);
    TEST(left_out);
    TEST(same_text);
    TEST(proposals);
    TEST(in_a_batch);
    TEST(what_is_drawn);
    TEST(wrong_drafter);
    TEST(wrong_calls);
    TEST(wrong_tensors);
    TEST(refused_allocations);
    return test_summary("test_mtp");
}
