/* test_batch - batches of caches, the chapter >>batch of llm_cache.h, and with them everything that can be done to a
   cache: random sequences of operations against a reference that keeps each token's numbers in plain arrays and knows
   no pages, windows that move, or sharing. */
#define LLM_PAGE_TOKENS 4 /* many pages in short sequences */
#define LLM_CACHE_IMPLEMENTATION
#include "llm_cache.h"
#include "common.h"
#include "test.h"

enum { SEQUENCES = 10000, STEPS = 10, MOST_ROWS = 6, MOST_TOKENS = 48, MOST_LAYERS = 4, ROW = 128, STATE = 15 };

static uint32_t random_state;

static int below(int n) { return (int)(random_bits(&random_state) % (uint32_t)n); }

/* ---- kinds of caches */

typedef struct shape {
    llm_dtype dtype;
    size_t layers;
    llm_cache_layer layer[MOST_LAYERS];
} shape;

#define PLAIN {LLM_CACHE_ATTENTION, 2, 32, 32, 0, 0, 0, {0, 0}, {0, 0}, 0, {{0}}}
#define WINDOW(w, k) {LLM_CACHE_ATTENTION, 1, 32, 64, w, k, 0, {0, 0}, {0, 0}, 0, {{0}}}
#define CHUNK(n) {LLM_CACHE_ATTENTION, 1, 32, 32, 0, 0, n, {0, 0}, {0, 0}, 0, {{0}}}
#define CODED(k, v) {LLM_CACHE_ATTENTION, 1, 32, 32, 0, 0, 0, {k, 32}, {v, 32}, 0, {{0}}}
#define CODED_WINDOW(w) {LLM_CACHE_ATTENTION, 1, 32, 32, w, 0, 0, {8, 32}, {8, 32}, 0, {{0}}}
#define LATENT {LLM_CACHE_LATENT, 1, 64, 32, 0, 0, 0, {0, 0}, {0, 0}, 0, {{0}}}
#define KEYS_ONLY {LLM_CACHE_ATTENTION, 1, 32, 0, 0, 0, 0, {0, 0}, {0, 0}, 0, {{0}}}
#define STATES {LLM_CACHE_RECURRENT, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}, 0, {{3, 4}, {3}}}
#define LIST(n) {LLM_CACHE_LIST, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}, n, {{0}}}

static const shape shapes[] = {
    {LLM_F16, 2, {PLAIN, PLAIN}},
    {LLM_F32, 2, {PLAIN, WINDOW(9, 0)}},
    {LLM_BF16, 2, {WINDOW(10, 3), WINDOW(5, 1)}},
    {LLM_F16, 2, {CHUNK(7), PLAIN}},
    {LLM_F32, 3, {CODED(8, 8), CODED(4, 8), CODED(0, 2)}},
    {LLM_F16, 2, {CODED_WINDOW(11), PLAIN}},
    {LLM_F16, 2, {LATENT, KEYS_ONLY}},
    {LLM_F32, 2, {STATES, PLAIN}},
    {LLM_F16, 4, {LIST(2), STATES, PLAIN, WINDOW(6, 0)}},
    {LLM_F32, 1, {STATES}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int has_rows(const llm_cache_layer *l) { return l->kind == LLM_CACHE_ATTENTION || l->kind == LLM_CACHE_LATENT; }
static int key_floats(const llm_cache_layer *l) { return l->heads * l->key_width; }
static int value_floats(const llm_cache_layer *l) { return l->heads * l->value_width; }

static llm_cache_desc desc_of(const shape *s, tally *t) {
    llm_cache_desc d;
    memset(&d, 0, sizeof d);
    d.layers = s->layer;
    d.layer_count = s->layers;
    d.dtype = s->dtype;
    d.allocator = tally_allocator(t);
    return d;
}

/* ---- the reference */

typedef struct row {
    llm_cache *cache;
    const shape *shape;
    int length;
    llm_cache_codes codes[MOST_LAYERS][2];          /* as they are now */
    float stored[MOST_LAYERS][MOST_TOKENS][2][ROW]; /* keys and values, as the cache must give them back */
    float states[MOST_LAYERS][2][STATE];
} row;

/* What storing makes of one head's numbers. */
static void as_stored(llm_dtype dtype, llm_cache_codes codes, int width, float *x) {
    uint8_t bytes[4 * ROW] = {0};
    float scales[ROW], biases[ROW];
    if (!width) return;
    if (!codes.bits) {
        llm__from_f32(dtype, x, (size_t)width, bytes);
        llm__to_f32(dtype, bytes, (size_t)width, x);
        return;
    }
    llm__affine_encode(x, (size_t)width, codes.bits, codes.group, bytes, scales, biases);
    llm__affine_decode(bytes, scales, biases, (size_t)width, codes.bits, codes.group, x);
}

static void store(row *r, int layer, int position) {
    const llm_cache_layer *l = &r->shape->layer[layer];
    int part, head;
    for (part = 0; part < 2; part++) {
        int width = part ? l->value_width : l->key_width;
        llm_cache_codes codes = r->codes[layer][l->kind == LLM_CACHE_LATENT ? 0 : part];
        for (head = 0; head < l->heads; head++)
            as_stored(r->shape->dtype, codes, width, r->stored[layer][position][part] + head * width);
    }
}

static void row_open(row *r, const shape *s, tally *t) {
    llm_cache_desc d = desc_of(s, t);
    size_t i;
    memset(r, 0, sizeof *r);
    r->shape = s;
    for (i = 0; i < s->layers; i++) {
        r->codes[i][0] = s->layer[i].keys;
        r->codes[i][1] = s->layer[i].values;
    }
    CHECK(!llm_cache_open(&r->cache, &d, NULL));
}

/* The same memory for another cache. */
static void row_copy(row *to, const row *from, llm_cache *cache) {
    memcpy(to, from, sizeof *to);
    to->cache = cache;
}

/* Whether the next token may see a position. */
static int visible(const llm_cache_layer *l, int64_t next, int64_t position) {
    if (l->chunk) return position / l->chunk == next / l->chunk;
    if (!l->window || next < l->window) return 1;
    return position < l->keep || position > next - (l->window - l->keep);
}

/* ---- comparing */

static int same_token(const row *r, size_t layer, int64_t position) {
    const llm_cache_layer *l = &r->shape->layer[layer];
    float keys[ROW], values[ROW];
    llm_error error;
    if (llm_cache_fetch(r->cache, layer, position, 1, keys, values, &error)) {
        printf("  layer %d, token %d: %s\n", (int)layer, (int)position, error.message);
        return 0;
    }
    return !memcmp(keys, r->stored[layer][position][0], (size_t)key_floats(l) * sizeof(float)) &&
           !memcmp(values, r->stored[layer][position][1], (size_t)value_floats(l) * sizeof(float));
}

static int same_view(const row *r, size_t layer) {
    llm_span spans[2];
    int64_t p;
    int n = llm_cache_visible(r->cache, layer, r->length, spans), i;
    for (p = 0; p < r->length; p++) {
        int seen = 0;
        for (i = 0; i < n; i++) seen |= p >= spans[i].begin && p < spans[i].end;
        if (seen != visible(&r->shape->layer[layer], r->length, p)) return 0;
        if (seen && !same_token(r, layer, p)) return 0;
    }
    return 1;
}

/* Whether a cache holds what its reference does, as the next token would see it. */
static int remembers(const row *r) {
    size_t i;
    int a, ok = llm_cache_length(r->cache) == r->length;
    for (i = 0; i < r->shape->layers && ok; i++) {
        const llm_cache_layer *l = &r->shape->layer[i];
        llm_cache_info info = llm_cache_layer_info(r->cache, i);
        ok = info.offset == r->length && info.empty == !r->length && info.kind == l->kind;
        if (has_rows(l)) ok = ok && same_view(r, i);
        for (a = 0; l->kind == LLM_CACHE_RECURRENT && a < 2 && ok; a++)
            ok = !memcmp(llm_cache_state(r->cache, i, a), r->states[i][a], (a ? 3 : 12) * sizeof(float));
    }
    return ok;
}

/* ---- operations */

static float number(void) { return (float)(int32_t)random_bits(&random_state) / 2147483648.0f; }

static int put_tokens(row *r, size_t layer, int count) {
    const llm_cache_layer *l = &r->shape->layer[layer];
    float keys[MOST_TOKENS * ROW], values[MOST_TOKENS * ROW];
    int i, n, k = key_floats(l), v = value_floats(l), first = below(count + 1);
    for (i = 0; i < count; i++) {
        for (n = 0; n < k; n++) r->stored[layer][r->length + i][0][n] = keys[i * k + n] = number();
        for (n = 0; n < v; n++) r->stored[layer][r->length + i][1][n] = values[i * v + n] = number();
        store(r, (int)layer, r->length + i);
    }
    return !llm_cache_put(r->cache, layer, first, keys, values, NULL) &&
           !llm_cache_put(r->cache, layer, count - first, keys + first * k, values + first * v, NULL);
}

static int put_states(row *r, size_t layer) {
    int a, n, ok = 1;
    for (a = 0; a < 2; a++) {
        for (n = 0; n < (a ? 3 : 12); n++) r->states[layer][a][n] = r->states[layer][a][n] * 0.5f + number();
        ok = ok && !llm_cache_put_state(r->cache, layer, a, r->states[layer][a], NULL);
    }
    return ok;
}

static int append(row *r, int count) {
    size_t i;
    int ok;
    if (count > MOST_TOKENS - r->length) count = MOST_TOKENS - r->length;
    if (!count) return 1;
    ok = !llm_cache_begin(r->cache, count, NULL);
    for (i = 0; i < r->shape->layers && ok; i++) {
        if (has_rows(&r->shape->layer[i])) ok = put_tokens(r, i, count);
        else if (r->shape->layer[i].kind == LLM_CACHE_RECURRENT) ok = put_states(r, i);
    }
    ok = ok && !llm_cache_commit(r->cache, NULL);
    r->length += count;
    return ok;
}

/* Takes tokens back if that is possible; where no layer forgets anything it must be. */
static int trim(row *r, int count) {
    int forgets = 0, recurrent = 0;
    int64_t back = llm_cache_can_trim(r->cache, count), trimmed = -1;
    llm_status status = llm_cache_trim(r->cache, count, &trimmed, NULL);
    size_t i;
    for (i = 0; i < r->shape->layers; i++) {
        recurrent |= r->shape->layer[i].kind == LLM_CACHE_RECURRENT;
        forgets |= r->shape->layer[i].window || r->shape->layer[i].chunk;
    }
    if (status) return back == -1 && status == LLM_UNSUPPORTED && (recurrent || forgets) && count && count < r->length;
    if (recurrent && count && count < r->length) return 0;
    if (trimmed != count || back != count) return 0;
    r->length -= count;
    if (!r->length) memset(r->states, 0, sizeof r->states);
    return 1;
}

static int quantize(row *r) {
    static const int bits[] = {0, 2, 3, 4, 5, 6, 8};
    llm_cache_codes codes[2] = {{bits[below(7)], 32}, {bits[1 + below(6)], 32}};
    size_t i;
    int part, p;
    llm_error error;
    if (llm_cache_quantize(r->cache, codes[0], codes[1], 0, &error)) return printf("  %s\n", error.message), 0;
    for (i = 0; i < r->shape->layers; i++) {
        int changed = 0;
        if (!has_rows(&r->shape->layer[i])) continue;
        for (part = 0; part < 2; part++)
            if (codes[part].bits && !r->codes[i][part].bits) {
                if (part && r->shape->layer[i].kind == LLM_CACHE_LATENT) continue;
                r->codes[i][part] = codes[part];
                changed |= 1 << part;
            }
        for (p = 0; p < r->length && changed; p++) {
            float kept[2][ROW];
            memcpy(kept, r->stored[i][p], sizeof kept);
            store(r, (int)i, p);
            if (r->shape->layer[i].kind == LLM_CACHE_LATENT) continue;
            for (part = 0; part < 2; part++) /* what had codes before is not encoded again */
                if (!(changed >> part & 1)) memcpy(r->stored[i][p][part], kept[part], sizeof kept[part]);
        }
    }
    return 1;
}

/* Through a file and back. */
static int save_and_load(row *r, tally *t) {
    llm_cache_layer want[MOST_LAYERS];
    llm_cache_desc d = desc_of(r->shape, t);
    llm_cache_load_desc ld;
    llm_cache *loaded = NULL;
    llm_error error;
    llm__text file = file_of_cache(r->cache, NULL, 0);
    memset(&ld, 0, sizeof ld);
    memcpy(want, r->shape->layer, sizeof want);
    d.layers = want;
    ld.want = &d;
    ld.allocator = d.allocator;
    ld.data = file.data;
    ld.bytes = file.length;
    if (llm_cache_load(&loaded, &ld, &error)) printf("  %s\n", error.message);
    llm__text_free(&file);
    if (!loaded) return 0;
    llm_cache_close(r->cache);
    r->cache = loaded;
    return 1;
}

/* Rows become a batch, which is filtered and extended, and become rows again. */
static int through_a_batch(row *rows, int *count, tally *t) {
    static row next[MOST_ROWS];
    llm_cache *caches[MOST_ROWS];
    size_t keep[MOST_ROWS], n = 0, i, from[2 * MOST_ROWS];
    llm_batch *batch = NULL;
    llm_allocator a = tally_allocator(t);
    int merged = 1 + below(*count), ok;
    for (i = 0; i < (size_t)*count; i++) caches[i] = rows[i].cache;
    ok = !llm_batch_open(&batch, caches, (size_t)merged, &a, NULL);
    while (ok && n < 1 + (size_t)below(MOST_ROWS / 2)) from[n] = keep[n] = (size_t)below(merged), n++;
    ok = ok && !llm_batch_filter(batch, keep, n, NULL);
    for (i = 0; ok && (int)i < *count && n < MOST_ROWS && below(2); i++) {
        ok = !llm_batch_extend(batch, caches + i, 1, NULL);
        from[n++] = i;
    }
    ok = ok && llm_batch_get_info(batch).rows == n;
    for (i = 0; ok && i < n; i++) {
        llm_cache *cache = NULL;
        ok = !llm_batch_extract(batch, i, &cache, NULL);
        row_copy(&next[i], &rows[from[i]], cache);
    }
    llm_batch_close(batch);
    for (i = 0; i < (size_t)*count; i++) llm_cache_close(rows[i].cache);
    *count = ok ? (int)n : 0;
    if (ok) memcpy(rows, next, n * sizeof *rows);
    return ok;
}

static int fork_or_copy(row *rows, int *count, int which) {
    llm_cache *cache = NULL;
    int copy = below(3) == 0;
    if (*count == MOST_ROWS) return 1;
    if ((copy ? llm_cache_copy : llm_cache_fork)(&cache, rows[which].cache, NULL)) return 0;
    row_copy(&rows[(*count)++], &rows[which], cache);
    return 1;
}

static int step(row *rows, int *count, tally *t) {
    int which = below(*count);
    row *r = &rows[which];
    switch (below(10)) {
    case 0: return trim(r, below(r->length + 1));
    case 1: return trim(r, r->length > 0);
    case 2: return fork_or_copy(rows, count, which);
    case 3: return below(3) ? append(r, 1 + below(3)) : quantize(r);
    case 4: return save_and_load(r, t);
    case 5: return through_a_batch(rows, count, t);
    case 6: return append(r, 1 + below(16));
    default: return append(r, 1);
    }
}

static void random_sequences(void) {
    static row rows[MOST_ROWS];
    tally t;
    int n, s, i;
    memset(&t, 0, sizeof t);
    for (n = 0; n < SEQUENCES; n++) {
        const shape *sh = &shapes[n % SHAPES];
        int count = 1, ok = 1;
        random_state = (uint32_t)n * 7919U;
        row_open(&rows[0], sh, &t);
        for (s = 0; s < STEPS && ok; s++) {
            ok = step(rows, &count, &t);
            for (i = 0; i < count && ok; i++) ok = remembers(&rows[i]);
        }
        CHECK(ok);
        if (!ok) printf("  sequence %d (shape %d) at step %d\n", n, n % SHAPES, s);
        for (i = 0; i < count; i++) llm_cache_close(rows[i].cache);
        CHECK_EQ(t.live, 0);
        if (!ok) return;
    }
}

/* ---- mlx-lm's tests of its batch caches, by their names */

static void open_rows(row *rows, int count, const shape *s, const int *lengths, tally *t) {
    int i;
    for (i = 0; i < count; i++) {
        row_open(&rows[i], s, t);
        CHECK(append(&rows[i], lengths[i]));
    }
}

static void close_rows(row *rows, int count) {
    int i;
    for (i = 0; i < count; i++) llm_cache_close(rows[i].cache);
}

static llm_batch *merge(row *rows, int count) {
    llm_cache *caches[MOST_ROWS];
    llm_batch *batch = NULL;
    int i;
    for (i = 0; i < count; i++) caches[i] = rows[i].cache;
    CHECK(!llm_batch_open(&batch, caches, (size_t)count, NULL, NULL));
    return batch;
}

/* Whether row i of a batch holds what r does. */
static int row_is(const llm_batch *batch, size_t i, const row *r) {
    static row copy;
    row_copy(&copy, r, llm_batch_rows(batch)[i]);
    return remembers(&copy);
}

static void test_batch_kv_cache(void) {
    static row rows[5];
    static const int first[] = {6, 7}, second[] = {6, 1, 4};
    static const size_t others[] = {2, 0};
    tally t = {0};
    llm_batch *batch, *more;
    open_rows(rows, 2, &shapes[0], first, &t);
    open_rows(rows + 2, 3, &shapes[0], second, &t);
    batch = merge(rows, 2);
    more = merge(rows + 2, 3);
    CHECK(!llm_batch_extend(batch, llm_batch_rows(more), 3, NULL));
    CHECK_EQ(llm_batch_get_info(batch).rows, 5);
    CHECK_EQ(llm_batch_get_info(batch).longest, 7);
    CHECK_EQ(llm_batch_get_info(batch).shortest, 1);
    CHECK(row_is(batch, 0, &rows[0]) && row_is(batch, 1, &rows[1]) && row_is(batch, 2, &rows[2]));
    CHECK(row_is(batch, 3, &rows[3]) && row_is(batch, 4, &rows[4]));
    CHECK(!llm_batch_filter(batch, others, 2, NULL));
    CHECK(row_is(batch, 0, &rows[2]) && row_is(batch, 1, &rows[0]));
    CHECK(!llm_batch_trim(batch, 4, NULL));
    rows[0].length -= 4;
    CHECK(row_is(batch, 1, &rows[0]));
    CHECK_EQ(llm_cache_length(rows[2].cache), 6); /* the caches that were merged stay as they are */
    llm_batch_close(batch);
    llm_batch_close(more);
    rows[0].length += 4;
    CHECK(remembers(&rows[0]) && remembers(&rows[2]));
    close_rows(rows, 5);
    CHECK_EQ(t.live, 0);
}

/* A window that has turned in one row and not in another; prompt, single tokens, prompt. */
static void test_batch_rotating_kv_cache(void) {
    static row rows[3], alone[3];
    static const int lengths[] = {3, 9, 20};
    tally t = {0};
    llm_batch *batch;
    int i, s;
    for (s = 1; s <= 2; s++) {
        open_rows(rows, 3, &shapes[s], lengths, &t);
        batch = merge(rows, 3);
        for (i = 0; i < 3; i++) row_copy(&alone[i], &rows[i], llm_batch_rows(batch)[i]);
        for (i = 0; i < 3; i++) CHECK(append(&alone[i], 1) && append(&alone[i], 1) && append(&alone[i], 5));
        for (i = 0; i < 3; i++) CHECK(remembers(&alone[i]) && remembers(&rows[i]));
        llm_batch_close(batch);
        close_rows(rows, 3);
        CHECK_EQ(t.live, 0);
    }
}

static void test_merge_with_empty_caches(void) {
    static row rows[2];
    static const int lengths[] = {0, 5};
    tally t = {0};
    size_t s;
    for (s = 0; s < SHAPES; s++) {
        llm_batch *batch;
        open_rows(rows, 2, &shapes[s], lengths, &t);
        batch = merge(rows, 2);
        CHECK_EQ(llm_batch_get_info(batch).rows, 2);
        CHECK_EQ(llm_batch_get_info(batch).longest, 5);
        CHECK(row_is(batch, 0, &rows[0]) && row_is(batch, 1, &rows[1]));
        llm_batch_close(batch);
        close_rows(rows, 2);
    }
    CHECK_EQ(t.live, 0);
}

static void test_extend_with_empty_and_nonempty_batch_caches(void) {
    static row rows[2];
    static const int lengths[] = {0, 5};
    tally t = {0};
    size_t s;
    int turn;
    for (s = 0; s < SHAPES; s++)
        for (turn = 0; turn < 2; turn++) {
            llm_batch *batch;
            open_rows(rows, 2, &shapes[s], lengths, &t);
            batch = merge(rows + turn, 1);
            CHECK(!llm_batch_extend(batch, &rows[!turn].cache, 1, NULL));
            CHECK(row_is(batch, 0, &rows[turn]) && row_is(batch, 1, &rows[!turn]));
            llm_batch_close(batch);
            close_rows(rows, 2);
        }
    CHECK_EQ(t.live, 0);
}

static void test_arrays_cache_extend_with_empty(void) {
    static row rows[2];
    static const int lengths[] = {4, 0};
    tally t = {0};
    llm_batch *batch;
    int i;
    open_rows(rows, 2, &shapes[9], lengths, &t);
    batch = merge(rows, 1);
    for (i = 0; i < 3; i++) CHECK(!llm_batch_extend(batch, &rows[1].cache, 1, NULL));
    CHECK_EQ(llm_batch_get_info(batch).rows, 4);
    CHECK(row_is(batch, 0, &rows[0]) && row_is(batch, 1, &rows[1]) && row_is(batch, 3, &rows[1]));
    llm_batch_close(batch);
    close_rows(rows, 2);
    CHECK_EQ(t.live, 0);
}

/* Lists of different lengths merge, and each comes back as it was. */
static void test_cache_list(void) {
    static row rows[3];
    static const int lengths[] = {8, 0, 3};
    tally t = {0};
    llm_batch *batch;
    size_t i;
    open_rows(rows, 3, &shapes[8], lengths, &t);
    batch = merge(rows, 3);
    for (i = 0; i < 3; i++) {
        llm_cache *out = NULL;
        static row copy;
        CHECK(!llm_batch_extract(batch, i, &out, NULL));
        row_copy(&copy, &rows[i], out);
        CHECK(remembers(&copy));
        llm_cache_close(out);
    }
    CHECK(!llm_cache_layer_info(rows[0].cache, 0).trimmable); /* one of its members is recurrent */
    llm_batch_close(batch);
    close_rows(rows, 3);
    CHECK_EQ(t.live, 0);
}

/* mlx-lm's test_save_load_batch_caches: rows of different lengths through a file and back. */
static void test_save_load_batch_caches(void) {
    static row rows[3];
    static const int lengths[] = {4, 11, 1};
    static const int shapes_of_mlx[] = {0, 1, 6, 7, 9}; /* those that mlx-lm has batches of */
    tally t = {0};
    size_t s, i, n;
    for (s = 0; s < sizeof shapes_of_mlx / sizeof *shapes_of_mlx; s++)
        for (n = 1; n <= 3; n += 2) {
            llm__text file;
            llm_cache_save_desc to = into_text(&file, NULL, 0);
            llm_cache_load_desc from;
            llm_cache_desc want = desc_of(&shapes[shapes_of_mlx[s]], &t);
            llm_batch *batch, *loaded = NULL;
            llm_error error;
            memset(&from, 0, sizeof from);
            open_rows(rows, (int)n, &shapes[shapes_of_mlx[s]], lengths, &t);
            batch = merge(rows, (int)n);
            CHECK(!llm_batch_save(batch, &to, NULL));
            from.data = file.data;
            from.bytes = file.length;
            from.want = &want;
            from.allocator = want.allocator;
            if (llm_batch_load(&loaded, &from, &error)) printf("  %s\n", error.message);
            CHECK(loaded && llm_batch_get_info(loaded).rows == n);
            for (i = 0; loaded && i < n; i++) CHECK(row_is(loaded, i, &rows[i]));
            llm_batch_close(loaded);
            llm_batch_close(batch);
            llm__text_free(&file);
            close_rows(rows, (int)n);
            CHECK_EQ(t.live, 0);
        }
}

/* ---- the rest */

static void wrong_calls(void) {
    static row rows[2];
    static const int lengths[] = {3, 5};
    static const size_t numbers[] = {0, 2};
    tally t = {0};
    llm_batch *batch, *none = (llm_batch *)&t;
    llm_cache *other = NULL, *nothing = NULL;
    llm_cache_desc d = desc_of(&shapes[1], &t);
    llm_error error;
    open_rows(rows, 2, &shapes[0], lengths, &t);
    CHECK(!llm_cache_open(&other, &d, NULL));
    CHECK(llm_batch_open(NULL, NULL, 0, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_batch_open(&none, NULL, 2, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL") && !none);
    CHECK(llm_batch_open(&none, &nothing, 1, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "cache 0") && !none);
    batch = merge(rows, 2);
    CHECK(llm_batch_extend(batch, &other, 1, &error) == LLM_BAD_ARGUMENT && says(&error, "layer 1"));
    CHECK(llm_batch_extend(NULL, &other, 1, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_batch_filter(batch, numbers, 2, &error) == LLM_BAD_ARGUMENT && says(&error, "row 2"));
    CHECK(llm_batch_filter(batch, NULL, 2, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_batch_extract(batch, 2, &nothing, &error) == LLM_BAD_ARGUMENT && says(&error, "row 2"));
    CHECK(llm_batch_extract(batch, 0, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_batch_trim(batch, 4, &error) == LLM_BAD_ARGUMENT && says(&error, "4 tokens"));
    CHECK(llm_batch_trim(NULL, 4, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(row_is(batch, 0, &rows[0]) && row_is(batch, 1, &rows[1]));
    CHECK_EQ(llm_batch_get_info(NULL).rows, 0);
    CHECK(!llm_batch_rows(NULL));
    CHECK(llm_batch_save(NULL, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "rows"));
    CHECK(llm_batch_load(&none, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "path") && !none);
    CHECK(llm_batch_load(NULL, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(!llm_batch_filter(batch, NULL, 0, NULL));
    CHECK_EQ(llm_batch_get_info(batch).rows, 0);
    CHECK(!llm_batch_extend(batch, &other, 1, NULL)); /* an empty batch takes any kind */
    llm_batch_close(batch);
    llm_batch_close(NULL);
    llm_cache_close(other);
    close_rows(rows, 2);
    CHECK_EQ(t.live, 0);
}

/* Every allocation refused in turn: an error, nothing changed, nothing lost. */
static void refused_allocations(void) {
    static row rows[2];
    static const int lengths[] = {6, 11};
    static const size_t twice[] = {1, 0, 1};
    tally t = {0};
    llm_allocator a = tally_allocator(&t);
    int call;
    for (call = 0; call < 4; call++) {
        int n, done = 0;
        for (n = 1; !done && n < 200; n++) {
            llm_cache *caches[2];
            llm_batch *batch = NULL;
            llm_status status = LLM_OK;
            open_rows(rows, 2, &shapes[0], lengths, &t);
            caches[0] = rows[0].cache;
            caches[1] = rows[1].cache;
            if (call) CHECK(!llm_batch_open(&batch, caches, 2, &a, NULL));
            t.refuse = t.calls + n;
            if (call == 0) status = llm_batch_open(&batch, caches, 2, &a, NULL);
            else if (call == 1) status = llm_batch_extend(batch, caches, 2, NULL);
            else if (call == 2) status = llm_batch_filter(batch, twice, 3, NULL);
            else status = llm_batch_trim(batch, 2, NULL);
            done = t.calls < t.refuse; /* fewer requests than that */
            t.refuse = 0;
            CHECK_EQ(status, done ? LLM_OK : LLM_OUT_OF_MEMORY);
            if (!done && call) CHECK(llm_batch_get_info(batch).rows == 2 && row_is(batch, 1, &rows[1]));
            if (!done && !call) CHECK(!batch);
            llm_batch_close(batch);
            close_rows(rows, 2);
            CHECK_EQ(t.live, 0);
        }
        CHECK(done && n > 2);
    }
}

int main(void) {
    TEST(test_batch_kv_cache);
    TEST(test_batch_rotating_kv_cache);
    TEST(test_merge_with_empty_caches);
    TEST(test_extend_with_empty_and_nonempty_batch_caches);
    TEST(test_arrays_cache_extend_with_empty);
    TEST(test_cache_list);
    TEST(test_save_load_batch_caches);
    TEST(wrong_calls);
    TEST(refused_allocations);
    TEST(random_sequences);
    return test_summary("test_batch");
}
