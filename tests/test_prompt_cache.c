/* test_prompt_cache - mlx-lm's tests of its caches by their names, with the public calls of llm_cache.h alone, and
   those that generate with a real checkpoint.  tests/README.md says where the others are. */
#define LLM_IMPLEMENTATION
#include "llm.h"
#include "stories.h"
#include "test.h"

enum { HEADS = 2, WIDTH = 32, ROW = HEADS * WIDTH, MOST = 64 };

/* ---- caches whose numbers follow from where they are */

static llm_cache_layer plain(void) {
    llm_cache_layer l;
    memset(&l, 0, sizeof l);
    l.heads = HEADS;
    l.key_width = l.value_width = WIDTH;
    return l;
}

static llm_cache_layer rotating(int64_t window, int64_t keep) {
    llm_cache_layer l = plain();
    l.window = window;
    l.keep = keep;
    return l;
}

static llm_cache_layer chunked(int64_t chunk) {
    llm_cache_layer l = plain();
    l.chunk = chunk;
    return l;
}

static llm_cache_layer coded(int bits) {
    llm_cache_layer l = plain();
    l.keys.bits = l.values.bits = bits;
    l.keys.group = l.values.group = 32;
    return l;
}

static llm_cache_layer arrays(void) {
    llm_cache_layer l;
    memset(&l, 0, sizeof l);
    l.kind = LLM_CACHE_RECURRENT;
    l.shapes[0][0] = 2;
    l.shapes[0][1] = 3;
    l.shapes[1][0] = 4;
    return l;
}

static llm_cache_layer list_of(int items) {
    llm_cache_layer l;
    memset(&l, 0, sizeof l);
    l.kind = LLM_CACHE_LIST;
    l.items = items;
    return l;
}

static llm_cache *open_layers(const llm_cache_layer *layers, size_t count) {
    llm_cache_desc d;
    llm_cache *cache = NULL;
    llm_error error;
    memset(&d, 0, sizeof d);
    d.layers = layers;
    d.layer_count = count;
    d.dtype = LLM_F32;
    if (!CHECK_EQ(llm_cache_open(&cache, &d, &error), LLM_OK)) printf("  %s\n", error.message);
    return cache;
}

static llm_cache *open_one(llm_cache_layer layer) { return open_layers(&layer, 1); }

static float number(size_t layer, int64_t position, int part, int i) {
    return (float)((position * 31 + i * 7 + (int64_t)layer * 3 + part * 11) % 97) / 64 - 0.5f;
}

static int put_rows(llm_cache *cache, size_t layer, int64_t count) {
    float rows[2][MOST * ROW];
    int64_t first = llm_cache_length(cache), t;
    int part, i;
    for (part = 0; part < 2; part++)
        for (t = 0; t < count; t++)
            for (i = 0; i < ROW; i++) rows[part][t * ROW + i] = number(layer, first + t, part, i);
    return !llm_cache_put(cache, layer, count, rows[0], rows[1], NULL);
}

static int put_arrays(llm_cache *cache, size_t layer, int64_t count) {
    float numbers[6];
    int i, a;
    for (i = 0; i < 6; i++) numbers[i] = number(layer, llm_cache_length(cache) + count, 2, i);
    for (a = 0; a < 2; a++)
        if (llm_cache_put_state(cache, layer, a, numbers, NULL)) return 0;
    return 1;
}

/* Adds tokens to every layer, up to MOST of them. */
static void update(llm_cache *cache, int64_t count) {
    size_t i;
    int ok = !llm_cache_begin(cache, count, NULL);
    for (i = 0; i < llm_cache_layers(cache) && ok; i++) {
        llm_cache_kind kind = llm_cache_layer_info(cache, i).kind;
        if (kind == LLM_CACHE_ATTENTION) ok = put_rows(cache, i, count);
        if (kind == LLM_CACHE_RECURRENT) ok = put_arrays(cache, i, count);
    }
    CHECK(ok && !llm_cache_commit(cache, NULL));
}

/* Whether tokens [begin, end) of a layer are there with the numbers that they came with. */
static int holds(const llm_cache *cache, size_t layer, int64_t begin, int64_t end) {
    float keys[ROW], values[ROW];
    int i;
    for (; begin < end; begin++) {
        if (llm_cache_fetch(cache, layer, begin, 1, keys, values, NULL)) return 0;
        for (i = 0; i < ROW; i++)
            if (keys[i] != number(layer, begin, 0, i) || values[i] != number(layer, begin, 1, i)) return 0;
    }
    return 1;
}

static int has_state(const llm_cache *cache, size_t layer) {
    int i;
    for (i = 0; i < 6; i++)
        if (llm_cache_state(cache, layer, 0)[i] != number(layer, llm_cache_length(cache), 2, i)) return 0;
    return llm_cache_state(cache, layer, 1)[3] == number(layer, llm_cache_length(cache), 2, 3);
}

/* How many positions the next token sees, itself included. */
static int64_t sees(const llm_cache *cache, size_t layer, int64_t position) {
    llm_span spans[2];
    int64_t sum = 0;
    int n = llm_cache_visible(cache, layer, position, spans), i;
    for (i = 0; i < n; i++) sum += spans[i].end - spans[i].begin;
    return sum;
}

static int sees_exactly(const llm_cache *cache, size_t layer, int64_t position, int64_t a, int64_t b, int64_t c,
                        int64_t d) {
    llm_span s[2] = {{0, 0}, {0, 0}};
    int n = llm_cache_visible(cache, layer, position, s);
    return s[0].begin == a && s[0].end == b && n == (d > c ? 2 : 1) && (n == 1 || (s[1].begin == c && s[1].end == d));
}

/* ---- core */

static void test_kv_cache(void) {
    llm_cache *cache = open_one(plain());
    CHECK(llm_cache_layer_info(cache, 0).empty);
    update(cache, 10);
    CHECK_EQ(llm_cache_layer_info(cache, 0).offset, 10);
    CHECK_EQ(llm_cache_layer_info(cache, 0).length, 10);
    CHECK(holds(cache, 0, 0, 10) && !llm_cache_layer_info(cache, 0).empty);
    update(cache, 1);
    update(cache, 60);
    CHECK_EQ(llm_cache_layer_info(cache, 0).offset, 71);
    CHECK(holds(cache, 0, 0, 71));
    CHECK(!holds(cache, 0, 71, 72));
    llm_cache_close(cache);
}

static void test_rotating_kv_cache(void) {
    llm_cache *cache = open_one(rotating(8, 0));
    int64_t t;
    update(cache, 10); /* a prompt longer than the ring sees itself: query 9 the last 8 */
    CHECK_EQ(llm_cache_layer_info(cache, 0).offset, 10);
    CHECK_EQ(llm_cache_layer_info(cache, 0).length, 8);
    for (t = 10; t < 30; t++) {
        CHECK(sees_exactly(cache, 0, t, t - 7, t + 1, 0, 0) && holds(cache, 0, t - 7, t));
        update(cache, 1);
        CHECK_EQ(llm_cache_layer_info(cache, 0).length, 8);
    }
    llm_cache_close(cache);
    cache = open_one(rotating(8, 2));
    for (t = 0; t < 30; t++) {
        if (t < 8) CHECK(sees_exactly(cache, 0, t, 0, t + 1, 0, 0) && holds(cache, 0, 0, t));
        else CHECK(sees_exactly(cache, 0, t, 0, 2, t - 5, t + 1) && holds(cache, 0, 0, 2) && holds(cache, 0, t - 5, t));
        update(cache, 1);
    }
    llm_cache_close(cache);
}

static void test_rotating_kv_cache_chat_mode(void) {
    static const int64_t counts[] = {8, 1, 2, 3, 6, 2}, offsets[] = {8, 9, 11, 14, 20, 22};
    llm_cache *cache = open_one(rotating(18, 4));
    int i;
    for (i = 0; i < 6; i++) {
        update(cache, counts[i]);
        CHECK_EQ(llm_cache_layer_info(cache, 0).offset, offsets[i]);
        CHECK(holds(cache, 0, 0, 4));
        CHECK(holds(cache, 0, offsets[i] <= 18 ? 0 : offsets[i] - 13, offsets[i]));
    }
    llm_cache_close(cache);
}

static void test_llama4_chunked_kv_cache(void) {
    llm_cache *cache = open_one(chunked(8)), *steps = open_one(chunked(8));
    int64_t t;
    for (t = 0; t < 20; t++) {
        CHECK(sees_exactly(steps, 0, t, t - t % 8, t + 1, 0, 0) && holds(steps, 0, t - t % 8, t));
        update(steps, 1);
    }
    CHECK(!llm_cache_begin(cache, 20, NULL)); /* across two boundaries at once */
    for (t = 0; t < 20; t++) CHECK(sees_exactly(cache, 0, t, t - t % 8, t + 1, 0, 0));
    llm_cache_abandon(cache);
    CHECK(llm_cache_layer_info(cache, 0).empty);
    update(cache, 20);
    CHECK(holds(cache, 0, 16, 20) && holds(steps, 0, 16, 20));
    llm_cache_close(cache);
    llm_cache_close(steps);
}

/* ---- persistence */

/* Through a file with a note; layers: what is in it, for those that are empty. */
static llm_cache *through_a_file(const llm_cache *cache, const llm_cache_layer *layers) {
    static const llm_note note = {"model", "t\xC3\xAAst"};
    llm_cache_desc want;
    llm_cache_load_desc from;
    llm_cache *loaded = NULL;
    llm_error error;
    llm__text file = file_of_cache(cache, &note, 1);
    memset(&want, 0, sizeof want);
    memset(&from, 0, sizeof from);
    want.layers = layers;
    want.layer_count = llm_cache_layers(cache);
    want.dtype = LLM_F32;
    from.data = file.data;
    from.bytes = file.length;
    from.want = &want;
    if (!CHECK_EQ(llm_cache_load(&loaded, &from, &error), LLM_OK)) printf("  %s\n", error.message);
    CHECK_STR(llm_cache_note(loaded, "model"), note.value);
    llm__text_free(&file);
    return loaded;
}

static void test_save_load(void) {
    llm_cache_layer layers[4];
    llm_cache *cache, *loaded;
    size_t i;
    for (i = 0; i < 4; i++) layers[i] = plain();
    cache = open_layers(layers, 4);
    update(cache, 10);
    loaded = through_a_file(cache, layers);
    CHECK_EQ(llm_cache_layers(loaded), 4);
    for (i = 0; i < 4; i++) CHECK(llm_cache_layer_info(loaded, i).offset == 10 && holds(loaded, i, 0, 10));
    llm_cache_close(cache);
    llm_cache_close(loaded);
}

/* Before and after the ring has turned, and what follows. */
static void test_save_load_rotating_cache(void) {
    static const int64_t lengths[] = {0, 4, 8, 10, 27};
    int i, t;
    for (i = 0; i < 5; i++) {
        llm_cache_layer layer = rotating(8, 2);
        llm_cache *cache = open_one(layer), *loaded;
        if (lengths[i]) update(cache, lengths[i]);
        loaded = through_a_file(cache, &layer);
        CHECK_EQ(llm_cache_layer_info(loaded, 0).offset, lengths[i]);
        for (t = 0; t < 12; t++) {
            int64_t at = lengths[i] + t;
            if (at < 8) CHECK(sees_exactly(loaded, 0, at, 0, at + 1, 0, 0) && holds(loaded, 0, 0, at));
            else CHECK(sees_exactly(loaded, 0, at, 0, 2, at - 5, at + 1) && holds(loaded, 0, at - 5, at));
            update(loaded, 1);
        }
        llm_cache_close(cache);
        llm_cache_close(loaded);
    }
}

static void test_save_load_mixed_cache(void) {
    llm_cache_layer layers[4];
    llm_cache *cache, *loaded;
    layers[0] = arrays();
    layers[1] = plain();
    layers[2] = rotating(8, 2);
    layers[3] = chunked(256);
    cache = open_layers(layers, 4);
    update(cache, 4);
    loaded = through_a_file(cache, layers);
    CHECK_EQ(llm_cache_layer_info(loaded, 0).kind, LLM_CACHE_RECURRENT);
    CHECK(has_state(loaded, 0) && holds(loaded, 1, 0, 4) && holds(loaded, 2, 0, 4) && holds(loaded, 3, 0, 4));
    update(loaded, 1);
    CHECK(has_state(loaded, 0) && holds(loaded, 1, 0, 5) && holds(loaded, 2, 0, 5) && holds(loaded, 3, 0, 5));
    llm_cache_close(cache);
    llm_cache_close(loaded);
}

static void test_save_load_cache_list(void) {
    llm_cache_layer layers[8];
    llm_cache *cache, *loaded;
    layers[0] = list_of(2);
    layers[1] = plain();
    layers[2] = rotating(8, 0);
    layers[3] = list_of(2);
    layers[4] = arrays();
    layers[5] = list_of(1);
    layers[6] = plain();
    layers[7] = chunked(16);
    cache = open_layers(layers, 8);
    update(cache, 4);
    loaded = through_a_file(cache, layers);
    CHECK_EQ(llm_cache_layer_info(loaded, 0).kind, LLM_CACHE_LIST);
    CHECK_EQ(llm_cache_layer_info(loaded, 5).kind, LLM_CACHE_LIST);
    CHECK(holds(loaded, 1, 0, 4) && holds(loaded, 2, 0, 4) && has_state(loaded, 4) && holds(loaded, 6, 0, 4));
    CHECK(holds(loaded, 7, 0, 4));
    llm_cache_close(cache);
    llm_cache_close(loaded);
}

static void test_save_load_arrays_cache(void) {
    llm_cache_layer layer = arrays();
    llm_cache *cache = open_one(layer), *loaded;
    update(cache, 7);
    loaded = through_a_file(cache, &layer);
    CHECK(has_state(loaded, 0) && llm_cache_length(loaded) == 7);
    update(loaded, 3);
    CHECK(has_state(loaded, 0) && llm_cache_length(loaded) == 10);
    llm_cache_close(cache);
    llm_cache_close(loaded);
}

static int same_fetch(const llm_cache *a, const llm_cache *b, int64_t count) {
    float x[2][MOST * ROW], y[2][MOST * ROW];
    size_t n = (size_t)(count * ROW) * sizeof(float);
    return !llm_cache_fetch(a, 0, 0, count, x[0], x[1], NULL) && !llm_cache_fetch(b, 0, 0, count, y[0], y[1], NULL) &&
           !memcmp(x[0], y[0], n) && !memcmp(x[1], y[1], n);
}

static void test_save_load_quantized_cache(void) {
    llm_cache_layer layer = coded(4);
    llm_cache *cache = open_one(layer), *loaded;
    llm_cache_info info;
    update(cache, 10);
    loaded = through_a_file(cache, &layer);
    info = llm_cache_layer_info(loaded, 0);
    CHECK(info.keys.bits == 4 && info.keys.group == 32 && info.values.bits == 4 && info.offset == 10);
    CHECK(same_fetch(cache, loaded, 10));
    update(cache, 2);
    update(loaded, 2);
    CHECK(same_fetch(cache, loaded, 12));
    llm_cache_close(cache);
    llm_cache_close(loaded);
}

static void test_cache_copying(void) {
    llm_cache *cache = open_one(plain()), *copy = NULL;
    update(cache, 10);
    CHECK(!llm_cache_copy(&copy, cache, NULL));
    update(copy, 5);
    CHECK(llm_cache_length(cache) == 10 && llm_cache_length(copy) == 15);
    CHECK(holds(cache, 0, 0, 10) && holds(copy, 0, 0, 15) && !holds(cache, 0, 10, 11));
    llm_cache_close(cache);
    CHECK(holds(copy, 0, 0, 15));
    llm_cache_close(copy);
}

/* ---- trimming */

static void test_trim_cache(void) {
    llm_cache_layer mixed[2];
    llm_cache *cache = open_one(plain());
    int64_t trimmed = -1;
    update(cache, 10);
    CHECK_EQ(llm_cache_can_trim(cache, 7), 7);
    CHECK(!llm_cache_trim(cache, 7, &trimmed, NULL) && trimmed == 7);
    CHECK_EQ(llm_cache_layer_info(cache, 0).offset, 3);
    CHECK(llm_cache_trim(cache, 4, NULL, NULL) == LLM_BAD_ARGUMENT && llm_cache_length(cache) == 3);
    CHECK(!llm_cache_trim(cache, 3, NULL, NULL) && llm_cache_layer_info(cache, 0).empty);
    llm_cache_close(cache);
    mixed[0] = arrays();
    mixed[1] = plain();
    cache = open_layers(mixed, 2);
    update(cache, 10);
    CHECK(llm_cache_can_trim(cache, 7) == -1 && !llm_cache_layer_info(cache, 0).trimmable);
    CHECK(llm_cache_trim(cache, 7, NULL, NULL) == LLM_UNSUPPORTED && llm_cache_length(cache) == 10);
    llm_cache_close(cache);
    cache = open_one(rotating(6, 0));
    update(cache, 5);
    CHECK(!llm_cache_trim(cache, 4, NULL, NULL) && llm_cache_length(cache) == 1); /* it has not turned */
    for (trimmed = 0; trimmed < 200; trimmed++) update(cache, 1);
    CHECK(llm_cache_trim(cache, 70, NULL, NULL) == LLM_UNSUPPORTED && llm_cache_length(cache) == 201);
    llm_cache_close(cache);
    cache = open_one(coded(8));
    update(cache, 10);
    CHECK(!llm_cache_trim(cache, 7, NULL, NULL) && llm_cache_length(cache) == 3);
    llm_cache_close(cache);
}

/* ---- with a model */

static llm_cache *model_cache(const llm_model *m) {
    llm_cache *cache = NULL;
    CHECK(!llm_model_cache_open(&cache, m, NULL, NULL));
    return cache;
}

/* Two tokens into a cache, then on from the last one: as if nothing had happened between. */
static void test_cache_with_generate(void) {
    static told whole, first, rest;
    llm_model *m = stories_open();
    llm_cache *cache = model_cache(m);
    llm_generation_desc d = prompt_desc("this is a prompt", 6);
    tell(m, &d, &whole);
    d.max_tokens = 2;
    d.use_cache = cache;
    tell(m, &d, &first);
    d = prompt_desc(NULL, 4);
    d.use_cache = cache;
    d.ids = &first.ids[1];
    d.id_count = 1;
    tell(m, &d, &rest);
    CHECK(first.count == 2 && rest.count == 4 && whole.count == 6);
    CHECK(!memcmp(whole.ids, first.ids, 2 * sizeof(int32_t)) && !memcmp(whole.ids + 2, rest.ids, 4 * sizeof(int32_t)));
    llm_cache_close(cache);
    llm_model_close(m);
}

/* What was generated is taken back, and comes again. */
static void test_trim_cache_with_generate(void) {
    static told first, again;
    llm_model *m = stories_open();
    llm_cache *cache = model_cache(m);
    llm_generation_desc d = prompt_desc("this is a prompt", LLM_PROMPT_ONLY);
    int32_t last;
    int64_t length;
    d.use_cache = cache;
    tell(m, &d, &first);
    length = llm_cache_length(cache);
    d = prompt_desc(" of mine", 5);
    d.no_special = 1;
    d.use_cache = cache;
    tell(m, &d, &first);
    CHECK(!llm_cache_trim(cache, llm_cache_length(cache) - length, NULL, NULL));
    tell(m, &d, &again);
    last = again.ids[4];
    CHECK(same_told(&first, &again) && last == first.ids[4]);
    llm_cache_close(cache);
    llm_model_close(m);
}

static float *logits_of(const llm_model *m, llm_session *s, llm_cache *cache, const int32_t *ids, size_t count) {
    float *logits = (float *)calloc((size_t)llm_model_get_info(m).vocabulary, sizeof *logits);
    llm_sequence q;
    memset(&q, 0, sizeof q);
    q.cache = cache;
    q.tokens = ids;
    q.count = count;
    q.want = LLM_LOGITS_LAST;
    q.logits = logits;
    CHECK(logits && !llm_forward(s, &q, 1, NULL));
    return logits;
}

static int32_t best_of(const float *logits, int n) {
    int i, best = 0;
    for (i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* Largest difference over the largest logit. */
static double far_apart(const float *a, const float *b, int n) {
    double worst = 0, largest = 0;
    int i;
    for (i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        largest = fmax(largest, fabs((double)a[i]));
    }
    return worst / largest;
}

/* 8-bit codes in groups of 32: the same next token, logits within 4e-2.  The checkpoint's heads have 8 numbers, which
   no group divides, so the bundled model takes its place. */
static void test_cache_to_quantized(void) {
    llm_model_desc md;
    llm_session_desc sd;
    llm_model *m = NULL;
    llm_session *s = NULL;
    llm_cache *cache, *codes;
    const llm_cache_codes eight = {8, 32};
    int32_t ids[12], next;
    float *a, *b;
    int i, n;
    memset(&md, 0, sizeof md);
    memset(&sd, 0, sizeof sd);
    md.path = "examples/model";
    CHECK(!llm_model_open(&m, &md, NULL) && !llm_session_open(&s, m, &sd, NULL));
    n = llm_model_get_info(m).vocabulary;
    for (i = 0; i < 12; i++) ids[i] = 40 + i * 13;
    cache = model_cache(m);
    free(logits_of(m, s, cache, ids, 11));
    CHECK(!llm_cache_fork(&codes, cache, NULL));
    CHECK(!llm_cache_quantize(codes, eight, eight, 0, NULL));
    CHECK_EQ(llm_cache_layer_info(codes, 0).keys.bits, 8);
    a = logits_of(m, s, cache, ids + 11, 1);
    b = logits_of(m, s, codes, ids + 11, 1);
    CHECK(far_apart(a, b, n) < 4e-2 && best_of(a, n) == best_of(b, n));
    next = best_of(a, n);
    free(a);
    free(b);
    a = logits_of(m, s, cache, &next, 1); /* test_quantized_sdpa: one token after both */
    b = logits_of(m, s, codes, &next, 1);
    CHECK(far_apart(a, b, n) < 4e-2);
    free(a);
    free(b);
    llm_cache_close(cache);
    llm_cache_close(codes);
    llm_session_close(s);
    llm_model_close(m);
}

/* ---- arrays and lists */

/* Lengths and offsets advance by what came, and nothing grows. */
static void test_arrays_cache_advance(void) {
    llm_cache *cache = open_one(arrays());
    size_t bytes = llm_cache_bytes(cache);
    int i;
    for (i = 0; i < 256; i++) update(cache, 1 + i % 2);
    CHECK_EQ(llm_cache_layer_info(cache, 0).offset, 384);
    CHECK_EQ(llm_cache_bytes(cache), bytes);
    llm_cache_close(cache);
}

/* ---- masks */

static void test_make_mask_with_cache(void) {
    llm_cache *cache = open_one(plain());
    int64_t t;
    CHECK_EQ(sees(cache, 0, 0), 1);
    CHECK(!llm_cache_begin(cache, 4, NULL)); /* causal */
    for (t = 0; t < 4; t++) CHECK_EQ(sees(cache, 0, t), t + 1);
    llm_cache_abandon(cache);
    update(cache, 16);
    CHECK(!llm_cache_begin(cache, 4, NULL));
    for (t = 16; t < 20; t++) CHECK_EQ(sees(cache, 0, t), t + 1);
    CHECK_EQ(sees(cache, 0, 20), 0);
    llm_cache_abandon(cache);
    llm_cache_close(cache);
}

static void test_mask_with_window(void) {
    int64_t offset, t;
    for (offset = 0; offset < 3; offset++) {
        llm_cache *cache = open_one(rotating(3, 0));
        if (offset) update(cache, offset);
        CHECK(!llm_cache_begin(cache, 5, NULL));
        for (t = offset; t < offset + 5; t++) CHECK_EQ(sees(cache, 0, t), t < 3 ? t + 1 : 3);
        llm_cache_abandon(cache);
        llm_cache_close(cache);
    }
}

static void test_rotating_cache_mask(void) {
    llm_cache *cache = open_one(rotating(8, 0));
    int64_t t;
    CHECK(!llm_cache_begin(cache, 8, NULL)); /* causal while the prompt fits */
    for (t = 0; t < 8; t++) CHECK_EQ(sees(cache, 0, t), t + 1);
    llm_cache_abandon(cache);
    CHECK(!llm_cache_begin(cache, 20, NULL));
    for (t = 0; t < 20; t++) CHECK_EQ(sees(cache, 0, t), t < 8 ? t + 1 : 8);
    llm_cache_abandon(cache);
    update(cache, 10);
    update(cache, 1);
    CHECK(!llm_cache_begin(cache, 5, NULL));
    for (t = 11; t < 16; t++) CHECK(sees_exactly(cache, 0, t, t - 7, t + 1, 0, 0));
    llm_cache_abandon(cache);
    llm_cache_close(cache);
}

/* A single query is windowed, too. */
static void test_window_mask_with_full_kv_cache(void) {
    llm_cache *cache = open_one(rotating(4, 0));
    update(cache, 20);
    CHECK(sees_exactly(cache, 0, 20, 17, 21, 0, 0));
    llm_cache_close(cache);
}

/* 10 tokens, three singles, then three more on a ring of 8: the first of the last three sees 8, the ring never more. */
static void test_rotating_cache_updates(void) {
    llm_cache *cache = open_one(rotating(8, 0));
    int i;
    update(cache, 10);
    for (i = 0; i < 3; i++) update(cache, 1);
    CHECK(!llm_cache_begin(cache, 3, NULL));
    CHECK(sees_exactly(cache, 0, 13, 6, 14, 0, 0) && sees_exactly(cache, 0, 15, 8, 16, 0, 0));
    llm_cache_abandon(cache);
    update(cache, 3);
    CHECK(llm_cache_layer_info(cache, 0).length == 8 && holds(cache, 0, 8, 16));
    llm_cache_close(cache);
}

int main(void) {
    stories_read();
    TEST(test_kv_cache);
    TEST(test_rotating_kv_cache);
    TEST(test_rotating_kv_cache_chat_mode);
    TEST(test_llama4_chunked_kv_cache);
    TEST(test_save_load);
    TEST(test_save_load_rotating_cache);
    TEST(test_save_load_mixed_cache);
    TEST(test_save_load_cache_list);
    TEST(test_save_load_arrays_cache);
    TEST(test_save_load_quantized_cache);
    TEST(test_cache_copying);
    TEST(test_trim_cache);
    TEST(test_cache_with_generate);
    TEST(test_trim_cache_with_generate);
    TEST(test_cache_to_quantized);
    TEST(test_arrays_cache_advance);
    TEST(test_make_mask_with_cache);
    TEST(test_mask_with_window);
    TEST(test_rotating_cache_mask);
    TEST(test_window_mask_with_full_kv_cache);
    TEST(test_rotating_cache_updates);
    stories_free();
    return test_summary("test_prompt_cache");
}
