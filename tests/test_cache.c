/* test_cache - the upper half of llm_cache.h: pages, kinds and calls.  Random sequences of operations against a
   reference that keeps every token in plain arrays and every window as mlx-lm's ring; every allocation refused in turn;
   bytes counted to the last one; forks on several threads. */
#define LLM_CACHE_IMPLEMENTATION
#include "llm_cache.h"

#include "common.h"
#include "test.h"

#if (defined(__unix__) || defined(__APPLE__)) && !defined(LLM_NO_THREADS)
#include <pthread.h>
#define HAVE_THREADS 1
#endif

static int64_t below(uint32_t *state, int64_t n) { return (int64_t)(random_bits(state) % (uint32_t)n); }

/* ---- shapes of caches */

enum { MOST_LAYERS = 6, PAGE = LLM_PAGE_TOKENS };

typedef struct shape {
    llm_cache_layer layers[MOST_LAYERS];
    llm_dtype dtype;
    int64_t every, most; /* checkpoints */
} shape;

#define ATTENTION(heads, keys, values, window, keep, bits, group) \
    { LLM_CACHE_ATTENTION, heads, keys, values, window, keep, 0, {bits, group}, {bits, group}, 0, {{0}} }
#define LATENT(keys, values, window, keep) \
    { LLM_CACHE_LATENT, 1, keys, values, window, keep, 0, {0, 0}, {0, 0}, 0, {{0}} }
#define RECURRENT(first, second) \
    { LLM_CACHE_RECURRENT, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}, 0, {{first}, {second, 1}} }
#define CHUNK(heads, keys, values, chunk, key_bits, value_bits) \
    { LLM_CACHE_ATTENTION, heads, keys, values, 0, 0, chunk, {key_bits, 32}, {value_bits, 32}, 0, {{0}} }
#define CODED_LATENT(keys, values, window, bits) \
    { LLM_CACHE_LATENT, 1, keys, values, window, 0, 0, {bits, 32}, {0, 0}, 0, {{0}} }
#define LIST(items) { LLM_CACHE_LIST, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}, items, {{0}} }

static const shape shapes[] = {
    {{ATTENTION(2, 4, 6, 0, 0, 0, 0), ATTENTION(1, 3, 3, 100, 0, 0, 0), ATTENTION(1, 2, 5, 70, 4, 0, 0),
      RECURRENT(7, 30), LATENT(9, 3, 0, 0)}, LLM_F32, 0, 0},
    {{ATTENTION(3, 5, 0, 0, 0, 0, 0), ATTENTION(1, 2, 2, 1, 0, 0, 0), ATTENTION(2, 2, 1, 150, 70, 0, 0),
      LATENT(5, 0, 64, 1), ATTENTION(1, 1, 1, 2, 1, 0, 0)}, LLM_F16, 0, 0},
    {{ATTENTION(1, 32, 64, 0, 0, 0, 0), ATTENTION(2, 32, 32, 129, 0, 0, 0), ATTENTION(1, 64, 32, 90, 65, 0, 0)},
     LLM_BF16, 0, 0},
    {{ATTENTION(2, 64, 0, 65, 64, 0, 0), RECURRENT(12, 0), ATTENTION(1, 32, 32, 300, 0, 5, 32),
      ATTENTION(1, 64, 64, 0, 0, 0, 0)}, LLM_F16, 0, 0},
    {{ATTENTION(1, 64, 64, 200, 4, 3, 64), ATTENTION(2, 32, 32, 0, 0, 0, 0)}, LLM_F32, 0, 0},
    {{LIST(2), RECURRENT(7, 5), LIST(2), ATTENTION(1, 32, 32, 90, 4, 0, 0), CHUNK(2, 32, 32, 100, 0, 0),
      ATTENTION(1, 32, 64, 0, 0, 0, 0)}, LLM_F16, 0, 0},
    {{CHUNK(1, 3, 2, 1, 0, 0), CHUNK(1, 2, 2, 64, 0, 0), CHUNK(2, 32, 64, 150, 4, 8), CODED_LATENT(64, 32, 0, 5),
      CODED_LATENT(32, 64, 70, 2)}, LLM_F32, 0, 0},
    {{CHUNK(2, 64, 32, 77, 0, 3), CHUNK(1, 32, 64, 0, 6, 0), LATENT(64, 32, 0, 0), LIST(1), LIST(1), RECURRENT(3, 0)},
     LLM_BF16, 0, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static size_t layer_count(const shape *s) {
    size_t n = 0;
    while (n < MOST_LAYERS && (s->layers[n].heads || s->layers[n].items || s->layers[n].shapes[0][0])) n++;
    return n;
}

static llm_cache_desc desc_of(const shape *s, tally *t) {
    llm_cache_desc d;
    memset(&d, 0, sizeof d);
    d.layers = s->layers;
    d.layer_count = layer_count(s);
    d.dtype = s->dtype;
    d.checkpoint_every = s->every;
    d.checkpoints_max = s->most;
    if (t) d.allocator = tally_allocator(t);
    return d;
}

static llm_cache *open_shape(const shape *s, tally *t) {
    llm_cache_desc d = desc_of(s, t);
    llm_cache *cache = NULL;
    llm_error error;
    if (llm_cache_open(&cache, &d, &error) == LLM_OK) return cache;
    printf("%s\n", error.message);
    exit(2);
}

/* ---- a window as mlx-lm has it: RotatingKVCache of mlx_lm/models/cache.py and its mask, with positions for keys */

enum { RING_SLOTS = 4096, RING_STEP = 256 };

typedef struct ring {
    int64_t max_size, keep, offset, index, size; /* size: of the buffer */
    int64_t slots[RING_SLOTS];
} ring;

static void ring_cut(ring *r, int64_t count) {
    if (count <= 0) return;
    memmove(r->slots + r->keep, r->slots + r->keep + count, (size_t)(r->size - r->keep - count) * sizeof *r->slots);
    r->size -= count;
}

static void ring_put_in_place(ring *r) {
    if (r->offset >= r->size && r->size < r->max_size) {
        int64_t left = r->max_size - r->offset, more = left < RING_STEP ? left : (int64_t)RING_STEP;
        for (; more; more--) r->slots[r->size++] = -1;
        r->index = r->offset;
    }
    if (r->size > r->max_size) {
        ring_cut(r, r->size - r->max_size);
        r->index = r->max_size;
    }
    if (r->index == r->max_size) r->index = r->keep;
    r->slots[r->index++] = r->offset++;
}

static void ring_order(ring *r) {
    int64_t newest[RING_SLOTS], count = r->index - r->keep, rest = r->size - r->index;
    if (r->index == r->size) return;
    if (r->index >= r->offset) {
        r->size = r->index;
        return;
    }
    memcpy(newest, r->slots + r->keep, (size_t)count * sizeof *newest);
    memmove(r->slots + r->keep, r->slots + r->index, (size_t)rest * sizeof *newest);
    memcpy(r->slots + r->keep + rest, newest, (size_t)count * sizeof *newest);
}

static void ring_put(ring *r, int64_t count) {
    if (count == 1) {
        ring_put_in_place(r);
        return;
    }
    ring_order(r);
    ring_cut(r, r->size - r->max_size + 1);
    for (; count; count--) r->slots[r->size++] = r->offset++;
    r->index = r->size;
}

/* Whether the query number i of the call of `count` tokens that was just put sees a slot. */
static int ring_sees(const ring *r, int64_t slot, int64_t i, int64_t count) {
    int64_t before = r->offset - count, row = (before < r->max_size - 1 ? before : r->max_size - 1) + i;
    if (count == 1) return slot < r->offset; /* the buffer's unused end is cut off */
    return slot <= row && row < slot + r->max_size;
}

/* The ring that has seen so many tokens one by one. */
static void ring_replay(ring *r, int64_t length) {
    r->offset = r->index = r->size = 0;
    while (r->offset < length) ring_put_in_place(r);
}

/* mlx-lm's trim, which it offers as long as the ring has not turned; ours goes on as if the tokens had come singly. */
static void ring_trim(ring *r, int64_t count) {
    if (r->offset >= r->max_size) {
        ring_replay(r, r->offset - count);
        return;
    }
    r->offset -= count;
    r->index -= count;
}

/* Whether the spans of a query are what its ring shows. */
static int same_view(const ring *r, int64_t i, int64_t count, const llm_span *spans, int n) {
    int64_t seen = 0, spanned = 0, slot;
    int j, inside;
    for (slot = 0; slot < r->size; slot++) {
        if (!ring_sees(r, slot, i, count)) continue;
        for (inside = 0, j = 0; j < n; j++) inside |= r->slots[slot] >= spans[j].begin && r->slots[slot] < spans[j].end;
        if (!inside) return 0;
        seen++;
    }
    for (j = 0; j < n; j++) {
        if (spans[j].begin >= spans[j].end || (j && spans[j].begin < spans[j - 1].end)) return 0;
        spanned += spans[j].end - spans[j].begin;
    }
    return seen == spanned;
}

/* ---- the reference: what a cache must remember */

enum { MOST_TOKENS = 1100 };

/* A checkpoint: what the tokens before it leave is as it is now, but for states and what windows have dropped. */
typedef struct past {
    int64_t length, gone[MOST_LAYERS];
    float *states[MOST_LAYERS];
} past;

enum { MOST_PASTS = 10 };

typedef struct memory {
    llm_cache *cache; /* NULL: not in use */
    shape as;         /* with the bits that quantizing has set */
    size_t layers;
    int64_t length;
    uint32_t random;
    float *rows[MOST_LAYERS];   /* attention: [MOST_TOKENS, row_floats] as they are stored; recurrent: the states */
    int64_t gone[MOST_LAYERS];  /* windows: pages before this one are not there, but for those with kept tokens */
    ring *rings[MOST_LAYERS];   /* windows only */
    past *pasts[MOST_PASTS];    /* [past_count] by length */
    int past_count;
    llm_cache_codes wish[2];    /* of 0 bits: none */
    int64_t wish_from;
} memory;

static int is_attention(const llm_cache_layer *l) {
    return l->kind == LLM_CACHE_ATTENTION || l->kind == LLM_CACHE_LATENT;
}

/* The first position that a query sees, which is not one of the pinned ones. */
static int64_t first_seen(const llm_cache_layer *l, int64_t position) {
    if (l->chunk) return position / l->chunk * l->chunk;
    return l->window && position + 1 > l->window ? position + 1 - l->window : 0;
}

static size_t row_floats(const llm_cache_layer *l) {
    if (l->kind == LLM_CACHE_LIST) return 0;
    if (!is_attention(l)) return llm__array_floats(l, 0) + llm__array_floats(l, 1);
    return (size_t)l->heads * (size_t)(l->key_width + l->value_width);
}

static float *row_of(const memory *m, size_t layer, int64_t position) {
    return m->rows[layer] + (size_t)position * row_floats(&m->as.layers[layer]);
}

static void memory_open(memory *m, const shape *s, llm_cache *cache, uint32_t seed) {
    size_t i;
    memset(m, 0, sizeof *m);
    m->cache = cache;
    m->as = *s;
    m->layers = layer_count(s);
    m->random = seed;
    for (i = 0; i < m->layers; i++) {
        const llm_cache_layer *l = &s->layers[i];
        m->rows[i] = (float *)need(calloc(row_floats(l) * (is_attention(l) ? (size_t)MOST_TOKENS : 1), sizeof(float)));
        if (!l->window) continue;
        m->rings[i] = (ring *)need(calloc(1, sizeof(ring)));
        m->rings[i]->max_size = l->window;
        m->rings[i]->keep = l->keep;
    }
}

static void past_free(memory *m, int at) {
    size_t i;
    for (i = 0; i < m->layers; i++) free(m->pasts[at]->states[i]);
    free(m->pasts[at]);
    memmove(&m->pasts[at], &m->pasts[at + 1], (size_t)(--m->past_count - at) * sizeof *m->pasts);
}

static float *states_copied(const memory *m, size_t layer, const float *from) {
    const llm_cache_layer *l = &m->as.layers[layer];
    float *to = NULL;
    if (is_attention(l)) return NULL;
    to = (float *)need(calloc(row_floats(l), sizeof(float)));
    if (row_floats(l)) memcpy(to, from, row_floats(l) * sizeof(float));
    return to;
}

static int forgets(const memory *m) {
    size_t i;
    for (i = 0; i < m->layers; i++)
        if (m->as.layers[i].kind == LLM_CACHE_RECURRENT || m->as.layers[i].window || m->as.layers[i].chunk) return 1;
    return 0;
}

/* What a checkpoint at the present length is to remember. */
static void past_add(memory *m) {
    int64_t most = m->as.most ? m->as.most : 8, least = INT64_MAX;
    past *p;
    size_t i;
    int k, worst = 0;
    if (!m->length || !forgets(m) || (m->past_count && m->pasts[m->past_count - 1]->length == m->length)) return;
    p = (past *)need(calloc(1, sizeof *p));
    p->length = m->length;
    memcpy(p->gone, m->gone, sizeof p->gone);
    for (i = 0; i < m->layers; i++) p->states[i] = states_copied(m, i, m->rows[i]);
    m->pasts[m->past_count++] = p;
    if (m->past_count <= most) return;
    for (k = m->past_count - 2; k >= 0; k--) {
        int64_t gap = m->pasts[k + 1]->length - (k ? m->pasts[k - 1]->length : 0);
        if (gap > least) continue;
        least = gap;
        worst = k;
    }
    past_free(m, worst);
}

static void memory_close(memory *m) {
    size_t i;
    llm_cache_close(m->cache);
    while (m->past_count) past_free(m, m->past_count - 1);
    for (i = 0; i < m->layers; i++) {
        free(m->rows[i]);
        free(m->rings[i]);
    }
    memset(m, 0, sizeof *m);
}

static void memory_copy(memory *to, const memory *from, llm_cache *cache) {
    size_t i;
    memory_open(to, &from->as, cache, mix(from->random));
    to->length = from->length;
    to->wish[0] = from->wish[0];
    to->wish[1] = from->wish[1];
    to->wish_from = from->wish_from;
    for (; to->past_count < from->past_count; to->past_count++) {
        past *p = (past *)need(calloc(1, sizeof *p));
        *p = *from->pasts[to->past_count];
        for (i = 0; i < from->layers; i++) p->states[i] = states_copied(from, i, p->states[i]);
        to->pasts[to->past_count] = p;
    }
    for (i = 0; i < from->layers; i++) {
        const llm_cache_layer *l = &from->as.layers[i];
        memcpy(to->rows[i], from->rows[i],
               row_floats(l) * (is_attention(l) ? (size_t)from->length : 1) * sizeof(float));
        to->gone[i] = from->gone[i];
        if (from->rings[i]) *to->rings[i] = *from->rings[i];
    }
}

static llm_cache_codes codes_of(const llm_cache_layer *l, int value) {
    return value && l->kind != LLM_CACHE_LATENT ? l->values : l->keys;
}

/* One row of one head there and back. */
static void quantized(float *x, int width, int bits, int group) {
    uint8_t codes[64];
    float scales[2], biases[2];
    llm__affine_encode(x, (size_t)width, bits, group, codes, scales, biases);
    llm__affine_decode(codes, scales, biases, (size_t)width, bits, group, x);
}

/* What becomes of a token's keys or values when they are stored. */
static void part_as_stored(const llm_cache_layer *l, llm_dtype dtype, int value, float *part) {
    const llm_cache_codes c = codes_of(l, value);
    int width = value ? l->value_width : l->key_width, head;
    uint8_t halves[4 * 256];
    for (head = 0; width && head < l->heads; head++, part += width) {
        if (c.bits) quantized(part, width, c.bits, c.group);
        else {
            llm__from_f32(dtype, part, (size_t)width, halves);
            llm__to_f32(dtype, halves, (size_t)width, part);
        }
    }
}

/* All keys, then all values. */
static void as_stored(const llm_cache_layer *l, llm_dtype dtype, float *row) {
    part_as_stored(l, dtype, 0, row);
    part_as_stored(l, dtype, 1, row + (size_t)l->heads * (size_t)l->key_width);
}

/* Whether storing changed the numbers, which are in [-1, 1), by no more than the storage's rounding.  Codes are at most
   2 / levels apart, a little more where the scale is rounded; at the far edge they may miss by a whole one. */
static int near_enough(const llm_cache_layer *l, llm_dtype dtype, const float *row, const float *stored) {
    size_t i, n = row_floats(l), keys = (size_t)l->heads * (size_t)l->key_width;
    float part = dtype == LLM_F32 ? 0.0f : dtype == LLM_F16 ? 1 / 2048.0f : 1 / 256.0f;
    for (i = 0; i < n; i++) {
        int bits = codes_of(l, i >= keys).bits;
        float least = bits ? 2.1f / (float)((1 << bits) - 1) : dtype == LLM_F32 ? 0.0f : 1e-7f;
        if (!(fabsf(row[i] - stored[i]) <= fabsf(row[i]) * part + least)) return 0;
    }
    return 1;
}

static float number(uint32_t *state) { return (float)(int32_t)random_bits(state) / 2147483648.0f; }

/* What the cache holds at a position, as attention reads it. */
static void read_row(const llm_cache *c, size_t layer, int64_t position, float *row) {
    const llm_cache_layer *l = llm__cache_layer_desc(c, layer);
    int64_t number_of_page = position / PAGE, token = position % PAGE;
    int value, head, values = !llm__cache_is_latent(c, layer);
    for (value = 0; value <= values; value++)
        for (head = 0; head < l->heads; head++) {
            llm_rows r = value ? llm__cache_values(c, layer, head, number_of_page)
                                : llm__cache_keys(c, layer, head, number_of_page);
            const uint8_t *data = r.data + (size_t)token * r.stride;
            if (r.bits)
                llm__affine_decode(data, r.scales + (size_t)token * r.group_stride,
                                   r.biases + (size_t)token * r.group_stride, (size_t)r.width, r.bits, r.group, row);
            else
                llm__to_f32(r.dtype, data, (size_t)r.width, row);
            row += r.width;
        }
}

/* The same through the public calls, all heads of a token at once. */
static int fetch_row(const llm_cache *c, size_t layer, int64_t position, float *row) {
    const llm_cache_layer *l = llm__cache_layer_desc(c, layer);
    return llm_cache_fetch(c, layer, position, 1, row, row + (size_t)l->heads * (size_t)l->key_width, NULL) == LLM_OK;
}

static int same_row(const memory *m, size_t layer, int64_t position) {
    float row[256];
    int by_hand = m->cache->by_hand || !m->cache->pending; /* the calls do not read a session's pass */
    read_row(m->cache, layer, position, row);
    if (by_hand && position % 5 == 0 && !fetch_row(m->cache, layer, position, row)) return 0;
    return !memcmp(row, row_of(m, layer, position), row_floats(&m->as.layers[layer]) * sizeof(float));
}

static int same_states(const memory *m, size_t layer) {
    const llm_cache_layer *l = &m->as.layers[layer];
    size_t first = llm__array_floats(l, 0), second = llm__array_floats(l, 1);
    if (l->kind == LLM_CACHE_LIST) return !llm_cache_state(m->cache, layer, 0);
    return !memcmp(llm_cache_state(m->cache, layer, 0), m->rows[layer], first * sizeof(float)) &&
           (!second ||
            !memcmp(llm_cache_state(m->cache, layer, 1), m->rows[layer] + first, second * sizeof(float)));
}

/* Everything that a token appended now could see, without appending it; the rows of every visible position. */
static int remembers(memory *m) {
    size_t i;
    int64_t p;
    int bad = llm_cache_length(m->cache) != m->length;
    for (i = 0; i < m->layers; i++) {
        const llm_cache_layer *l = &m->as.layers[i];
        int64_t first = first_seen(l, m->length);
        if (!is_attention(l)) {
            bad += !same_states(m, i);
            continue;
        }
        for (p = 0; p < l->keep && p < first && p < m->length; p++) bad += !same_row(m, i, p);
        for (p = first; p < m->length; p++) bad += !same_row(m, i, p);
    }
    return !bad;
}

/* ---- operations on both */

static void put_token(memory *m, size_t layer, int64_t position, int *bad) {
    const llm_cache_layer *l = &m->as.layers[layer];
    float row[256], *stored = row_of(m, layer, position);
    size_t i, n = row_floats(l);
    for (i = 0; i < n; i++) row[i] = number(&m->random);
    i = (size_t)l->heads * (size_t)l->key_width;
    if (!m->cache->by_hand) llm__cache_put(m->cache, layer, position, row, row + i);
    else *bad += llm_cache_put(m->cache, layer, 1, row, l->value_width ? row + i : NULL, NULL) != LLM_OK;
    memcpy(stored, row, n * sizeof *row);
    as_stored(l, m->as.dtype, stored);
    *bad += !near_enough(l, m->as.dtype, row, stored);
}

static void next_states(memory *m, size_t layer) {
    const llm_cache_layer *l = &m->as.layers[layer];
    size_t i;
    int a;
    float *to = m->rows[layer];
    for (a = 0; l->kind == LLM_CACHE_RECURRENT && a < 2 && llm__array_floats(l, a); a++) {
        float *next = llm__cache_next_state(m->cache, layer, a);
        for (i = 0; i < llm__array_floats(l, a); i++) to[i] = number(&m->random);
        if (!m->cache->by_hand) memcpy(next, to, i * sizeof *to);
        else llm_cache_put_state(m->cache, layer, a, to, NULL);
        to += i;
    }
}

/* Whether a query of the pass sees the positions it must, and on them, at every `stride`, what was stored. */
static int sees_right(const memory *m, size_t layer, int64_t position, int64_t call_start, int64_t call_count,
                      int64_t stride) {
    llm_span spans[2];
    int n = llm_cache_visible(m->cache, layer, position, spans), ok, j;
    int64_t p;
    if (m->rings[layer]) ok = same_view(m->rings[layer], position - call_start, call_count, spans, n);
    else ok = n == 1 && spans[0].begin == first_seen(&m->as.layers[layer], position) && spans[0].end == position + 1;
    for (j = 0; ok && stride && j < n; j++) {
        ok = same_row(m, layer, spans[j].begin) && same_row(m, layer, spans[j].end - 1);
        for (p = spans[j].begin; ok && p < spans[j].end; p += stride) ok = same_row(m, layer, p);
    }
    return ok;
}

/* Whether a layer's keys or values are to be codes that do not divide their width. */
static int straddles(const llm_cache_layer *l, llm_cache_codes keys, llm_cache_codes values) {
    int latent = l->kind == LLM_CACHE_LATENT;
    int key_group = !l->keys.bits && keys.bits ? keys.group : 1, value_group = key_group;
    if (!latent) value_group = !l->values.bits && values.bits ? values.group : 1;
    return is_attention(l) && (l->key_width % key_group || l->value_width % value_group);
}

/* What converting means. */
static void convert(memory *m, llm_cache_codes keys, llm_cache_codes values) {
    size_t i;
    int64_t p;
    for (i = 0; i < m->layers; i++) {
        llm_cache_layer *l = &m->as.layers[i];
        int new_keys = is_attention(l) && !l->keys.bits && keys.bits;
        int new_values = l->kind == LLM_CACHE_ATTENTION && !l->values.bits && values.bits;
        size_t skip = (size_t)l->heads * (size_t)l->key_width;
        if (new_keys) l->keys = keys;
        if (new_values) l->values = values;
        for (p = 0; p < m->length; p++) {
            if (new_keys) part_as_stored(l, m->as.dtype, 0, row_of(m, i, p));
            if (new_values || (new_keys && l->kind == LLM_CACHE_LATENT))
                part_as_stored(l, m->as.dtype, 1, row_of(m, i, p) + skip);
        }
    }
    memset(m->wish, 0, sizeof m->wish);
}

/* One pass of a call, whose rings have moved on already.  Every query's view is looked at, what the first and the last
   one see in samples, and all that the last one of the call sees. */
static int pass(memory *m, int64_t count, int64_t call_start, int64_t call_count) {
    int64_t p, end = m->length + count;
    int bad = 0, by_hand = count == call_count && random_bits(&m->random) % 2;
    size_t i;
    if ((m->wish[0].bits || m->wish[1].bits) && m->length == call_start && m->length >= m->wish_from)
        convert(m, m->wish[0], m->wish[1]);
    if ((by_hand ? llm_cache_begin(m->cache, count, NULL)
                 : llm__cache_begin(m->cache, count, call_start, call_count, NULL)) != LLM_OK)
        return 0;
    for (i = 0; i < m->layers; i++) {
        if (!is_attention(&m->as.layers[i])) {
            bad += !same_states(m, i);
            next_states(m, i);
            continue;
        }
        for (p = m->length; p < end; p++) put_token(m, i, p, &bad);
        for (p = m->length; p < end; p++) {
            int64_t stride = p == m->length || p == end - 1 ? 37 : 0;
            if (p + 1 == call_start + call_count) stride = 1;
            bad += !sees_right(m, i, p, call_start, call_count, stride);
        }
    }
    if (by_hand) bad += llm_cache_commit(m->cache, NULL) != LLM_OK;
    else llm__cache_commit(m->cache);
    m->length = end;
    for (i = 0; i < m->layers; i++) {
        int64_t page = first_seen(&m->as.layers[i], m->length - 1) / PAGE;
        if (page > m->gone[i]) m->gone[i] = page;
    }
    if (m->as.every && m->length % m->as.every == 0) past_add(m);
    return !bad;
}

/* A call of `count` tokens in passes of at most `most`, that ends after the pass with token number `last`. */
static int append_some(memory *m, int64_t count, int64_t most, int64_t last) {
    int64_t start = m->length, end = start + count;
    size_t i;
    int ok = end <= MOST_TOKENS;
    for (i = 0; ok && i < m->layers; i++)
        if (m->rings[i]) ring_put(m->rings[i], count);
    while (ok && m->length < start + last) {
        int64_t limit = m->as.every && forgets(m) ? m->as.every - m->length % m->as.every : INT64_MAX;
        ok = llm__cache_pass_limit(m->cache) == limit;
        if (limit > most || m->random % 4 == 0) limit = most;
        ok = ok && pass(m, end - m->length < limit ? end - m->length : limit, start, count);
    }
    for (i = 0; m->length < end && i < m->layers; i++)
        if (m->rings[i]) ring_replay(m->rings[i], m->length); /* the rest was not to come */
    return ok;
}

static int append(memory *m, int64_t count, int64_t most) {
    return append_some(m, count, most, count);
}

/* A pass that is left after some of its tokens: nothing has happened. */
static int abandon(memory *m, int64_t count, int64_t stored) {
    size_t i;
    int64_t p;
    if ((m->wish[0].bits || m->wish[1].bits) && m->length >= m->wish_from) convert(m, m->wish[0], m->wish[1]);
    if (llm__cache_begin(m->cache, count, m->length, count, NULL) != LLM_OK) return 0;
    for (i = 0; i < m->layers; i++) {
        const llm_cache_layer *l = &m->as.layers[i];
        float noise[256];
        size_t j;
        for (j = 0; j < 256; j++) noise[j] = number(&m->random);
        if (is_attention(l))
            for (p = m->length; p < m->length + stored; p++) llm__cache_put(m->cache, i, p, noise, noise);
        else if (l->kind == LLM_CACHE_RECURRENT)
            memcpy(llm__cache_next_state(m->cache, i, 0), noise, llm__array_floats(l, 0) * sizeof(float));
    }
    llm__cache_abandon(m->cache);
    return 1;
}

static int checkpoint(memory *m) {
    if (llm_cache_checkpoint(m->cache, NULL) != LLM_OK) return 0;
    past_add(m);
    return 1;
}

/* What clearing means. */
static int forget(memory *m) {
    size_t i;
    m->length = 0;
    while (m->past_count) past_free(m, m->past_count - 1);
    for (i = 0; i < m->layers; i++) {
        m->gone[i] = 0;
        if (m->rings[i]) ring_replay(m->rings[i], 0);
        if (!is_attention(&m->as.layers[i])) memset(m->rows[i], 0, row_floats(&m->as.layers[i]) * sizeof(float));
    }
    return 1;
}

/* Whether a layer still has what the next token would see if `count` were taken back. */
static int can_trim(const memory *m, size_t layer, int64_t count) {
    const llm_cache_layer *l = &m->as.layers[layer];
    int64_t length = m->length - count, p = first_seen(l, length);
    if (!count || !length || l->kind == LLM_CACHE_LIST) return 1;
    if (!is_attention(l)) return 0;
    for (p = p > l->keep ? p : l->keep; p < length; p++)
        if (p / PAGE < m->gone[layer] && p / PAGE >= (l->keep + PAGE - 1) / PAGE) return 0;
    return 1;
}

/* Goes back to the last checkpoint. */
static int go_back(memory *m) {
    const past *p = m->pasts[m->past_count - 1];
    size_t i;
    m->length = p->length;
    memcpy(m->gone, p->gone, sizeof m->gone);
    for (i = 0; i < m->layers; i++) {
        if (m->rings[i]) ring_replay(m->rings[i], m->length);
        if (p->states[i]) memcpy(m->rows[i], p->states[i], row_floats(&m->as.layers[i]) * sizeof(float));
    }
    return 1;
}

static int trim(memory *m, int64_t count) {
    int exact = 1, newest_only = 1, pasts = m->past_count, further = random_bits(&m->random) % 2, done;
    int64_t trimmed = -7, expected;
    size_t i;
    llm_status status;
    llm_error error;
    for (i = 0; i < m->layers; i++) exact = exact && can_trim(m, i, count);
    for (i = 0; i < m->layers; i++) newest_only = newest_only && m->as.layers[i].kind != LLM_CACHE_RECURRENT;
    while (pasts && m->pasts[pasts - 1]->length > m->length - count) pasts--;
    expected = exact ? count : pasts ? m->length - m->pasts[pasts - 1]->length : -1;
    if (llm_cache_can_trim(m->cache, count) != expected) return 0;
    done = expected == count || (further && expected >= 0);
    status = llm_cache_trim(m->cache, count, further ? &trimmed : NULL, &error);
    if (status != (done ? LLM_OK : LLM_UNSUPPORTED) || (!exact && newest_only && count == 1 && m->length)) return 0;
    if (trimmed != (done && further ? expected : -7)) return 0;
    if (!done) return error.message[0] != 0;
    if (expected == m->length) return forget(m);
    while (m->past_count > pasts) past_free(m, m->past_count - 1);
    if (!exact) return go_back(m);
    m->length -= count;
    for (i = 0; i < m->layers; i++) {
        if (m->length <= (m->as.layers[i].keep + PAGE - 1) / PAGE * PAGE) m->gone[i] = 0;
        if (m->rings[i]) ring_trim(m->rings[i], count);
    }
    return 1;
}

static int quantize_from(memory *m, llm_cache_codes keys, llm_cache_codes values, int64_t from) {
    int refused = !keys.bits && !values.bits;
    size_t i;
    llm_status status = llm_cache_quantize(m->cache, keys, values, from, NULL);
    for (i = 0; i < m->layers; i++) refused |= straddles(&m->as.layers[i], keys, values);
    if (refused || status != LLM_OK) return refused && status != LLM_OK;
    m->wish[0] = keys;
    m->wish[1] = values;
    m->wish_from = from;
    if (m->length >= from) convert(m, keys, values);
    return 1;
}

static llm_cache_codes codes(int bits, int group) {
    llm_cache_codes c;
    c.bits = bits;
    c.group = group;
    return c;
}

static int quantize(memory *m, int bits, int group) {
    return quantize_from(m, codes(bits, group), codes(bits, group), 0);
}

/* ================================================================================ windows */

/* Traces of mlx-lm 0.32's own RotatingKVCache and masks: what each query of each call sees. */
static const struct trace {
    int64_t window, keep;
    int calls[9];
    const char *seen;
} traces[] = {
    {6, 2, {4, 1, 5, 1, 1, 7, 3, 1},
     "0-0,0-1,0-2,0-3,0-4,0-5,1-6,2-7,3-8,4-9,0-1 7-10,0-1 8-11,0-1 9-12,1-1 9-13,9-14,10-15,11-16,12-17,13-18,"
     "0-1 16-19,1-1 16-20,16-21,0-1 19-22,"},
    {5, 0, {3, 4, 1, 1, 9, 2, 1},
     "0-0,0-1,0-2,0-3,0-4,1-5,2-6,3-7,4-8,5-9,6-10,7-11,8-12,9-13,10-14,11-15,12-16,13-17,14-18,15-19,16-20,"},
    {4, 3, {1, 1, 1, 1, 1, 2, 5, 1, 1},
     "0-0,0-1,0-2,0-3,0-2 4-4,0-2 5-5,1-2 5-6,0-2 7-7,1-2 7-8,2-2 7-9,7-10,8-11,0-2 12-12,0-2 13-13,"},
    {8, 4, {20, 1, 1, 3, 1},
     "0-0,0-1,0-2,0-3,0-4,0-5,0-6,0-7,1-8,2-9,3-10,4-11,5-12,6-13,7-14,8-15,9-16,10-17,11-18,12-19,0-3 17-20,"
     "0-3 18-21,0-3 19-22,1-3 19-23,2-3 19-24,0-3 22-25,"},
};

static llm_cache *open_window(int64_t window, int64_t keep) {
    shape s;
    memset(&s, 0, sizeof s);
    s.layers[0].heads = s.layers[0].key_width = s.layers[0].value_width = 1;
    s.layers[0].window = window;
    s.layers[0].keep = keep;
    return open_shape(&s, NULL);
}

static void windows_as_traced(void) {
    size_t t;
    for (t = 0; t < sizeof traces / sizeof *traces; t++) {
        llm_cache *cache = open_window(traces[t].window, traces[t].keep);
        char seen[600];
        size_t at = 0;
        int call, i, n, j;
        for (call = 0; call < 9 && traces[t].calls[call]; call++) {
            int count = traces[t].calls[call];
            int64_t start = llm_cache_length(cache);
            llm_span spans[2];
            CHECK(llm__cache_begin(cache, count, start, count, NULL) == LLM_OK);
            for (i = 0; i < count; i++)
                for (n = llm__cache_visible(cache, 0, start + i, spans), j = 0; j < n; j++)
                    at += (size_t)snprintf(seen + at, sizeof seen - at, "%d-%d%c", (int)spans[j].begin,
                                           (int)spans[j].end - 1, j + 1 < n ? ' ' : ',');
            llm__cache_commit(cache);
        }
        CHECK_STR(seen, traces[t].seen);
        llm_cache_close(cache);
    }
}

/* A call on a window, in passes of at most `most` tokens; how many of its queries do not see what the ring shows. */
static int window_call(llm_cache *cache, ring *r, int64_t count, int64_t most) {
    int64_t start = llm_cache_length(cache), i;
    int wrong = 0;
    llm_span spans[2];
    ring_put(r, count);
    for (i = 0; i < count; i++) {
        if (i % most == 0) {
            if (i) llm__cache_commit(cache);
            wrong += llm__cache_begin(cache, count - i < most ? count - i : most, start, count, NULL) != LLM_OK;
        }
        wrong += !same_view(r, i, count, spans, llm__cache_visible(cache, 0, start + i, spans));
    }
    llm__cache_commit(cache);
    return wrong;
}

/* Every mix of four calls of telling lengths, in one pass or several, on every small window. */
static void windows_as_rings(void) {
    enum { LENGTHS = 6 };
    static const int64_t windows[] = {1, 2, 3, 5, 8};
    static ring r;
    size_t w;
    long wrong = 0;
    for (w = 0; w < 5; w++) {
        int64_t window = windows[w], keep, lengths[LENGTHS];
        lengths[0] = 1;
        lengths[1] = 2;
        lengths[2] = window > 1 ? window - 1 : 1;
        lengths[3] = window;
        lengths[4] = window + 1;
        lengths[5] = 2 * window + 3;
        for (keep = 0; keep < window; keep++) {
            llm_cache *cache = open_window(window, keep);
            int mixture, call, digits;
            r.max_size = window;
            r.keep = keep;
            for (mixture = 0; mixture < LENGTHS * LENGTHS * LENGTHS * LENGTHS; mixture++) {
                llm_cache_clear(cache);
                ring_replay(&r, 0);
                for (call = 0, digits = mixture; call < 4; call++, digits /= LENGTHS)
                    wrong += window_call(cache, &r, lengths[digits % LENGTHS], 1 + (mixture + call) % 4);
            }
            llm_cache_close(cache);
        }
    }
    CHECK_EQ(wrong, 0);
}

/* ================================================================================ random operations */

enum { ALIVE = 4 };

/* A call of one token or many, sometimes after a reservation, which must then do. */
static int random_append(memory *m, uint32_t *random, tally *t) {
    int64_t count = below(random, 3) ? 1 + below(random, 3) : 1 + below(random, 300);
    int64_t most = below(random, 2) ? 300 : 1 + below(random, 130), last = count;
    long calls = -1;
    if (m->length + count > MOST_TOKENS) return trim(m, m->length);
    if (!below(random, 9)) last = below(random, count + 1);
    if (!below(random, 3)) {
        if (llm_cache_reserve(m->cache, count, NULL) != LLM_OK) return 0;
        calls = m->as.every || m->wish[0].bits || m->wish[1].bits ? -1 : t->calls;
    }
    return append_some(m, count, most, last) && (calls < 0 || calls == t->calls);
}

static int random_fork(memory all[ALIVE], memory *m) {
    llm_cache *fork = NULL;
    int place = 0;
    while (place < ALIVE && all[place].cache) place++;
    if (place == ALIVE) {
        memory_close(m); /* a crowd: one leaves */
        return 1;
    }
    if ((m->random % 3 ? llm_cache_fork(&fork, m->cache, NULL) : llm_cache_copy(&fork, m->cache, NULL)) != LLM_OK)
        return 0;
    memory_copy(&all[place], m, fork);
    return 1;
}

static int random_quantize(memory *m, uint32_t *random) {
    static const int bits[] = {2, 3, 4, 5, 6, 8, 0, 0}, groups[] = {32, 64, 128};
    llm_cache_codes keys = codes(bits[below(random, 8)], groups[below(random, 3)]);
    llm_cache_codes values = codes(bits[below(random, 8)], groups[below(random, 3)]);
    if (below(random, 2)) values = keys = codes(keys.bits, 32);
    return quantize_from(m, keys, values, below(random, 2) ? 0 : below(random, 500));
}

static int random_step(memory all[ALIVE], memory *m, uint32_t *random, tally *t) {
    int64_t some = m->length < 90 ? m->length : 90, count = 1 + below(random, 300);
    switch (below(random, 24)) {
    case 0: return trim(m, below(random, m->length + 1));
    case 1: return trim(m, below(random, some + 1));
    case 2:
    case 3: return random_fork(all, m);
    case 4: return random_quantize(m, random);
    case 8:
    case 9: return checkpoint(m);
    case 5:
    case 6: return abandon(m, count, below(random, count + 1));
    case 7: llm_cache_clear(m->cache); return forget(m);
    default: return random_append(m, random, t);
    }
}

static void random_operations(void) {
    enum { ROUNDS = 300, STEPS = 40 };
    int round, step, i;
    for (round = 0; round < ROUNDS; round++) {
        uint32_t random = (uint32_t)round * 77 + 1;
        shape with = shapes[round % SHAPES];
        const shape *s = &with;
        memory all[ALIVE];
        tally t;
        int ok = 1;
        memset(all, 0, sizeof all);
        memset(&t, 0, sizeof t);
        with.every = round % 3 ? 1 + below(&random, 120) : 0;
        with.most = below(&random, 5);
        memory_open(&all[0], s, open_shape(s, &t), mix(random));
        for (step = 0; ok && step < STEPS; step++) {
            int at = (int)below(&random, ALIVE);
            while (!all[at].cache) at = (at + 1) % ALIVE;
            ok = random_step(all, &all[at], &random, &t);
            for (i = 0; ok && i < ALIVE; i++) ok = !all[i].cache || below(&random, 3) || remembers(&all[i]);
        }
        for (i = 0; ok && i < ALIVE; i++) ok = !all[i].cache || remembers(&all[i]);
        if (!CHECK_EQ(ok, 1)) printf("  round %d, step %d\n", round, step);
        for (i = 0; i < ALIVE; i++) memory_close(&all[(i + round) % ALIVE]);
        CHECK_EQ(t.live, 0);
    }
}

/* ================================================================================ passes that come to nothing */

static void abandoned(void) {
    size_t i;
    for (i = 0; i < SHAPES; i++) {
        memory m, f;
        llm_cache *fork = NULL;
        memory_open(&m, &shapes[i], open_shape(&shapes[i], NULL), 5);
        CHECK(abandon(&m, 200, 150) && remembers(&m)); /* on an empty cache */
        CHECK(append(&m, PAGE + 7, 30));
        CHECK(llm_cache_fork(&fork, m.cache, NULL) == LLM_OK);
        memory_copy(&f, &m, fork);
        CHECK(abandon(&m, 3 * PAGE, 2 * PAGE)); /* over a page that the fork shares */
        CHECK(remembers(&m) && remembers(&f));
        CHECK(abandon(&f, 1, 0) && abandon(&f, 1, 1));
        CHECK(remembers(&m) && remembers(&f));
        CHECK(append(&f, 5, 5) && append(&m, 200, 90));
        CHECK(abandon(&m, 1, 1) && remembers(&m) && remembers(&f));
        memory_close(&m);
        CHECK(append(&f, 1, 1) && remembers(&f));
        memory_close(&f);
    }
}

/* While a pass is under way, what would pull the pages away is refused. */
static void busy(void) {
    memory m;
    llm_cache *fork = (llm_cache *)&m;
    llm_error error;
    memory_open(&m, &shapes[4], open_shape(&shapes[4], NULL), 3);
    CHECK(append(&m, 10, 10));
    CHECK(llm__cache_begin(m.cache, 5, 10, 5, &error) == LLM_OK);
    CHECK(llm__cache_begin(m.cache, 5, 10, 5, &error) == LLM_BAD_ARGUMENT && says(&error, "pass"));
    CHECK(llm_cache_fork(&fork, m.cache, &error) == LLM_BAD_ARGUMENT && says(&error, "pass") && !fork);
    CHECK(llm_cache_trim(m.cache, 1, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "pass"));
    CHECK(llm_cache_quantize(m.cache, codes(4, 32), codes(4, 32), 0, &error) == LLM_BAD_ARGUMENT);
    CHECK(says(&error, "pass"));
    llm_cache_clear(m.cache);
    CHECK(llm_cache_reserve(m.cache, 100, &error) == LLM_OK);
    llm__cache_abandon(m.cache);
    CHECK(remembers(&m));
    CHECK(append(&m, 10, 10) && remembers(&m));
    llm__cache_abandon(m.cache); /* nothing to abandon */
    CHECK(remembers(&m));
    memory_close(&m);
}

/* ================================================================================ memory */

/* Every operation with its nth allocation refused, for every n: it fails, nothing has changed, and the retry works. */
typedef enum op { OPEN, FORK, COPY, BEGIN, RESERVE, CHECKPOINT, GO_BACK, QUANTIZE, OPS } op;

static llm_status do_op(op which, const shape *s, tally *t, memory *m, llm_cache **made, llm_error *error) {
    llm_cache_desc d = desc_of(s, t);
    int64_t trimmed;
    switch (which) {
    case OPEN: return llm_cache_open(made, &d, error);
    case FORK: return llm_cache_fork(made, m->cache, error);
    case COPY: return llm_cache_copy(made, m->cache, error);
    case CHECKPOINT: return llm_cache_checkpoint(m->cache, error);
    case GO_BACK: return llm_cache_trim(m->cache, 1030, &trimmed, error);
    case BEGIN: return llm__cache_begin(m->cache, 20 * PAGE, m->length, 20 * PAGE, error);
    case RESERVE: return llm_cache_reserve(m->cache, 20 * PAGE, error);
    default: return llm_cache_quantize(m->cache, codes(4, 32), codes(4, 32), 0, error);
    }
}

static void refused_allocations(void) {
    int which;
    size_t i;
    for (which = 0; which < OPS; which++)
        for (i = 0; i < SHAPES; i++) {
            llm_cache *other, *made = NULL;
            llm_status status = LLM_OUT_OF_MEMORY;
            llm_error error;
            memory m;
            tally t;
            int n = 0, bad = 0;
            memset(&t, 0, sizeof t);
            memory_open(&m, &shapes[i], open_shape(&shapes[i], &t), 11);
            for (n = 0, bad = 0; n < (int)m.layers; n++) bad |= straddles(&m.as.layers[n], codes(4, 32), codes(4, 32));
            if ((which == QUANTIZE && bad) || ((which == GO_BACK || which == CHECKPOINT) && !forgets(&m))) {
                memory_close(&m);
                continue;
            }
            n = bad = 0;
            CHECK(append(&m, 60, 40) && checkpoint(&m) && append(&m, 90, 40));
            if (which == GO_BACK) CHECK(append(&m, 940, 300));
            CHECK(llm_cache_fork(&other, m.cache, NULL) == LLM_OK); /* so that pages are shared */
            while (status != LLM_OK) {
                long long live = t.live;
                size_t bytes = llm_cache_bytes(m.cache);
                t.refuse = t.calls + ++n;
                made = m.cache;
                status = do_op((op)which, &shapes[i], &t, &m, &made, &error);
                t.refuse = 0;
                if (status == LLM_OK) break;
                bad += status != LLM_OUT_OF_MEMORY || error.status != status || !strstr(error.message, "memory");
                bad += (which == OPEN || which == FORK || which == COPY) && (made || t.live != live);
                bad += (which == QUANTIZE || which == CHECKPOINT) && t.live > live + 128;
                bad += (which == BEGIN || which == RESERVE) && t.live - live > 8192 + (which == BEGIN) * (1 << 20);
                bad += which != BEGIN && which != RESERVE && llm_cache_bytes(m.cache) > bytes + 128;
                bad += !remembers(&m);
            }
            CHECK_EQ(bad, 0);
            CHECK(n > 2 || which == GO_BACK);
            if (which == OPEN || which == FORK || which == COPY) llm_cache_close(made);
            if (which == BEGIN) llm__cache_abandon(m.cache);
            if (which == GO_BACK) CHECK_EQ(llm_cache_length(m.cache), 60);
            if (which == QUANTIZE) convert(&m, codes(4, 32), codes(4, 32));
            if (which != GO_BACK) CHECK(remembers(&m));
            llm_cache_close(other);
            memory_close(&m);
            CHECK_EQ(t.live, 0);
        }
}

/* After a reservation, appending that many tokens in whatever passes asks the allocator for nothing. */
static void reserved(void) {
    static const int64_t passes[] = {1, 17, 64, 100, 300, 512};
    static const int64_t before[] = {0, 1, 63, 64, 150, 333};
    size_t i, p, b;
    for (i = 0; i < SHAPES; i++)
        for (p = 0; p < 6; p++)
            for (b = 0; b < 6; b++) {
                int64_t more = 1 + (int64_t)((i * 131 + p * 57 + b * 211) % 600);
                memory m, f;
                tally t;
                llm_cache *fork = NULL;
                long calls;
                memset(&t, 0, sizeof t);
                memory_open(&m, &shapes[i], open_shape(&shapes[i], &t), (uint32_t)more);
                CHECK(!before[b] || append(&m, before[b], 512));
                CHECK(llm_cache_reserve(m.cache, more, NULL) == LLM_OK);
                calls = t.calls;
                CHECK(append(&m, more, passes[p]));
                CHECK_EQ(t.calls, calls);
                CHECK(llm_cache_reserve(m.cache, 0, NULL) == LLM_OK);
                CHECK_EQ(t.calls, calls);
                /* both sides of a fork, with everything shared */
                CHECK(llm_cache_fork(&fork, m.cache, NULL) == LLM_OK);
                memory_copy(&f, &m, fork);
                more = MOST_TOKENS - m.length < 260 ? MOST_TOKENS - m.length : 260;
                CHECK(llm_cache_reserve(m.cache, more, NULL) == LLM_OK);
                CHECK(llm_cache_reserve(fork, more, NULL) == LLM_OK);
                calls = t.calls;
                CHECK(append(&f, more, passes[p]) && append(&m, more, passes[5 - p]));
                CHECK_EQ(t.calls, calls);
                CHECK(remembers(&m) && remembers(&f));
                memory_close(&m);
                memory_close(&f);
                CHECK_EQ(t.live, 0);
            }
}

/* A cache that is not shared uses its memory again: after abandon, clear and trim the same tokens allocate nothing. */
static void used_again(void) {
    size_t i;
    for (i = 0; i < SHAPES; i++) {
        memory m;
        tally t;
        long calls;
        int round;
        memset(&t, 0, sizeof t);
        memory_open(&m, &shapes[i], open_shape(&shapes[i], &t), 21);
        CHECK(llm_cache_reserve(m.cache, 700, NULL) == LLM_OK);
        calls = t.calls;
        CHECK(abandon(&m, 512, 0) && llm_cache_reserve(m.cache, 700, NULL) == LLM_OK);
        for (round = 0; round < 4; round++) {
            CHECK(append(&m, 650, 512) && append(&m, 50, 1) && remembers(&m));
            if (round & 1) {
                CHECK(trim(&m, m.length));
            } else {
                llm_cache_clear(m.cache);
                forget(&m);
            }
        }
        CHECK_EQ(t.calls, calls);
        memory_close(&m);
        CHECK_EQ(t.live, 0);
    }
}

/* Bytes foreseen, bytes reported and bytes taken are one number; what grows unreserved takes no more. */
static void bytes_foreseen(void) {
    static const int64_t tokens[] = {0, 1, PAGE - 1, PAGE, PAGE + 1, 200, 333, 640, 999};
    size_t i, n;
    for (i = 0; i < SHAPES; i++)
        for (n = 0; n < sizeof tokens / sizeof *tokens; n++) {
            llm_cache_desc d = desc_of(&shapes[i], NULL);
            size_t bytes = llm_cache_bytes_for(&d, tokens[n]), sum = 0, layer;
            int reserve;
            for (reserve = 0; reserve < 2; reserve++) {
                memory m;
                tally t;
                memset(&t, 0, sizeof t);
                memory_open(&m, &shapes[i], open_shape(&shapes[i], &t), 1);
                if (reserve) {
                    CHECK(llm_cache_reserve(m.cache, tokens[n], NULL) == LLM_OK);
                    CHECK_EQ(llm_cache_bytes(m.cache), bytes);
                }
                CHECK(!tokens[n] || append(&m, tokens[n], 60));
                CHECK_EQ(t.live, llm_cache_bytes(m.cache));
                if (reserve) CHECK_EQ(t.live, bytes);
                CHECK(t.live <= (long long)bytes);
                CHECK(shapes[i].layers[0].key_width % 32 || quantize(&m, 4, 32));
                CHECK_EQ(t.live, llm_cache_bytes(m.cache));
                for (sum = 0, layer = 0; layer < m.layers; layer = llm__entry_end(m.cache, layer))
                    sum += llm_cache_layer_info(m.cache, layer).bytes;
                CHECK(sum < llm_cache_bytes(m.cache) && sum + 4000 > llm_cache_bytes(m.cache));
                memory_close(&m);
                CHECK_EQ(t.live, 0);
            }
        }
}

static void bytes_refused(void) {
    llm_cache_desc d = desc_of(&shapes[0], NULL);
    llm_cache_layer wide = ATTENTION(1 << 24, 1 << 24, 1 << 24, 0, 0, 0, 0);
    CHECK_EQ(llm_cache_bytes_for(NULL, 1), 0);
    CHECK_EQ(llm_cache_bytes_for(&d, -1), 0);
    CHECK_EQ(llm_cache_bytes_for(&d, INT64_MAX), 0);
    CHECK_EQ(llm_cache_bytes_for(&d, ((int64_t)1 << 40) + 1), 0);
    CHECK(sizeof(size_t) < 8 || llm_cache_bytes_for(&d, (int64_t)1 << 40) >> 20 > 1 << 20);
    d.dtype = LLM_I8;
    CHECK_EQ(llm_cache_bytes_for(&d, 1), 0);
    d.dtype = LLM_F32;
    d.layers = &wide;
    d.layer_count = 1;
    CHECK(sizeof(size_t) < 8 || llm_cache_bytes_for(&d, 1) >> 30 > 1 << 18);
    CHECK_EQ(llm_cache_bytes_for(&d, (int64_t)1 << 20), 0); /* 2^76 bytes */
}

/* A page that cannot be had: the pass fails, the cache stays. */
static void too_wide(void) {
    llm_cache_layer wide = ATTENTION(1 << 10, 1 << 24, 1 << 24, 0, 0, 0, 0);
    llm_cache_desc d;
    llm_cache *cache = NULL;
    llm_error error;
    tally t;
    memset(&t, 0, sizeof t);
    memset(&d, 0, sizeof d);
    d.layers = &wide;
    d.layer_count = 1;
    d.allocator = tally_allocator(&t);
    if (llm_cache_open(&cache, &d, &error) == LLM_OK) {
        CHECK(llm__cache_begin(cache, 1, 0, 1, &error) == LLM_OUT_OF_MEMORY && says(&error, "memory"));
        CHECK(llm_cache_reserve(cache, 1, &error) == LLM_OUT_OF_MEMORY);
        CHECK(llm_cache_reserve(cache, (int64_t)1 << 40, &error) == LLM_OUT_OF_MEMORY);
        CHECK(llm_cache_length(cache) == 0);
    } else {
        CHECK(error.status == LLM_TOO_LARGE); /* where size_t is small */
    }
    llm_cache_close(cache);
    CHECK_EQ(t.live, 0);
}

/* ================================================================================ forks */

/* 24 layers with 4,096 tokens: a fork costs next to nothing, and its first token one page a layer. */
static void forks_share(void) {
    enum { LAYERS = 24, TOKENS = 4096 };
    llm_cache_layer layers[LAYERS];
    const llm_cache_layer one = ATTENTION(2, 32, 32, 0, 0, 0, 0);
    llm_cache_desc d;
    llm_cache *cache = NULL, *fork = NULL;
    tally t;
    long long live, page;
    int i;
    memset(&t, 0, sizeof t);
    memset(&d, 0, sizeof d);
    for (i = 0; i < LAYERS; i++) layers[i] = one;
    d.layers = layers;
    d.layer_count = LAYERS;
    d.dtype = LLM_F16;
    d.allocator = tally_allocator(&t);
    CHECK(llm_cache_open(&cache, &d, NULL) == LLM_OK);
    CHECK(llm__cache_begin(cache, TOKENS - 1, 0, TOKENS - 1, NULL) == LLM_OK);
    llm__cache_commit(cache);
    live = t.live;
    page = live / LAYERS / (TOKENS / PAGE);
    CHECK(llm_cache_fork(&fork, cache, NULL) == LLM_OK);
    CHECK(t.live - live < live / 50);
    CHECK_EQ(llm_cache_bytes(fork), llm_cache_bytes(cache));
    live = t.live;
    CHECK(llm__cache_begin(fork, 1, TOKENS - 1, 1, NULL) == LLM_OK);
    llm__cache_commit(fork);
    CHECK(t.live - live > 0 && t.live - live <= LAYERS * page);
    live = t.live;
    CHECK(llm__cache_begin(cache, 1, TOKENS - 1, 1, NULL) == LLM_OK); /* the parent's page is its own again */
    llm__cache_commit(cache);
    CHECK_EQ(t.live, live);
    llm_cache_close(cache);
    CHECK(t.live > live / 2);
    llm_cache_close(fork);
    CHECK_EQ(t.live, 0);
}

/* A hundred forks of forks that go their own ways and leave in any order. */
static void hundred_forks(void) {
    enum { FORKS = 100 };
    static memory all[FORKS];
    size_t s;
    for (s = 0; s < SHAPES; s++) {
        uint32_t random = 99 + (uint32_t)s;
        tally t;
        int i, bad = 0, order[FORKS];
        memset(&t, 0, sizeof t);
        memory_open(&all[0], &shapes[s], open_shape(&shapes[s], &t), 8);
        CHECK(append(&all[0], 170, 99));
        for (i = 1; i < FORKS; i++) {
            memory *parent = &all[below(&random, i)];
            llm_cache *fork = NULL;
            bad += llm_cache_fork(&fork, parent->cache, NULL) != LLM_OK;
            memory_copy(&all[i], parent, fork);
            bad += !append(&all[i], 1 + below(&random, 4), 2);
            if (i % 9 == 0) bad += !quantize(&all[i], 8, 32);
        }
        for (i = 0; i < FORKS; i++) order[i] = i;
        for (i = FORKS - 1; i > 0; i--) {
            int j = (int)below(&random, i + 1), swap = order[i];
            order[i] = order[j];
            order[j] = swap;
        }
        for (i = 0; i < FORKS; i++) bad += !remembers(&all[i]);
        for (i = 0; i < FORKS; i++) {
            memory_close(&all[order[i]]);
            if (i + 1 < FORKS) bad += !remembers(&all[order[i + 1]]) || !append(&all[order[i + 1]], 1, 1);
        }
        CHECK_EQ(bad, 0);
        CHECK_EQ(t.live, 0);
    }
}

#ifdef HAVE_THREADS
typedef struct life {
    memory m;
    int ok;
} life;

static void *lead(void *argument) {
    life *l = (life *)argument;
    int i;
    for (i = 0; i < 30 && l->ok; i++) {
        l->ok = append(&l->m, 1 + i % 7, 3) && remembers(&l->m);
        if (i % 11 == 5) l->ok = l->ok && trim(&l->m, 1);
        if (i == 20) l->ok = l->ok && quantize(&l->m, 4, 32);
    }
    memory_close(&l->m);
    return NULL;
}

/* Forks that share everything, each on its own thread, while their parent goes. */
static void forks_on_threads(void) {
    enum { THREADS = 4 };
    memory parent;
    life lives[THREADS];
    pthread_t threads[THREADS];
    size_t s;
    for (s = 0; s < SHAPES; s++) {
        int i;
        memory_open(&parent, &shapes[s], open_shape(&shapes[s], NULL), 4);
        CHECK(append(&parent, 333, 100));
        for (i = 0; i < THREADS; i++) {
            llm_cache *fork = NULL;
            CHECK(llm_cache_fork(&fork, parent.cache, NULL) == LLM_OK);
            memory_copy(&lives[i].m, &parent, fork);
            lives[i].m.random += (uint32_t)i;
            lives[i].ok = 1;
        }
        for (i = 0; i < THREADS; i++) CHECK(!pthread_create(&threads[i], NULL, lead, &lives[i]));
        memory_close(&parent);
        for (i = 0; i < THREADS; i++) CHECK(!pthread_join(threads[i], NULL) && lives[i].ok);
    }
}
#endif

/* ================================================================================ checkpoints and copies */

/* Hybrids: every checkpoint that is kept can be gone back to, from forks too, and the bytes are counted to the last. */
static void checkpoints_bring_back(void) {
    size_t i;
    for (i = 0; i < SHAPES; i++) {
        shape s = shapes[i];
        memory m, f;
        llm_cache *fork = NULL;
        llm_cache_desc d;
        tally t;
        int step;
        memset(&t, 0, sizeof t);
        s.every = 50;
        s.most = 4;
        d = desc_of(&s, &t);
        memory_open(&m, &s, open_shape(&s, &t), 3);
        CHECK(append(&m, 730, 90) && remembers(&m));
        if (!forgets(&m)) {
            memory_close(&m);
            continue;
        }
        CHECK_EQ(m.past_count, 4);
        CHECK_EQ(m.pasts[3]->length, 700);
        CHECK_EQ(t.live, llm_cache_bytes(m.cache));
        CHECK(t.live <= (long long)llm_cache_bytes_for(&d, 730));
        CHECK(llm_cache_fork(&fork, m.cache, NULL) == LLM_OK);
        memory_copy(&f, &m, fork);
        for (step = 0; step < 20 && m.past_count; step++) {
            CHECK(trim(&m, m.length - m.pasts[m.past_count - 1]->length) && remembers(&m));
            CHECK(append(&m, 30, 30) && remembers(&m));
            CHECK(trim(&m, 31) && remembers(&m));
        }
        CHECK(m.past_count <= 1); /* the first one has none before it to go back to */
        memory_close(&m);
        CHECK(remembers(&f) && append(&f, 5, 5) && remembers(&f));
        CHECK(quantize(&f, 4, 32) && remembers(&f));
        CHECK(trim(&f, 60) && trim(&f, 1) && remembers(&f));
        memory_close(&f);
        CHECK_EQ(t.live, 0);
    }
}

/* A deep copy shares no page, neither with the original nor more among its checkpoints than the original does. */
static void copies_share_nothing(void) {
    size_t i, layer;
    int64_t k;
    for (i = 0; i < SHAPES; i++) {
        shape s = shapes[i];
        memory m;
        llm_cache *copy = NULL;
        tally t;
        long long live;
        int shared = 0;
        memset(&t, 0, sizeof t);
        s.every = 64;
        memory_open(&m, &s, open_shape(&s, &t), 3);
        CHECK(append(&m, 400, 90));
        live = t.live;
        CHECK(llm_cache_copy(&copy, m.cache, NULL) == LLM_OK);
        CHECK_EQ(t.live - live, llm_cache_bytes(copy));
        CHECK(llm_cache_bytes(copy) <= llm_cache_bytes(m.cache));
        for (layer = 0; layer < m.layers; layer++)
            for (k = 0; k < copy->layers[layer].count; k++)
                shared += copy->layers[layer].pages[k] == m.cache->layers[layer].pages[k];
        CHECK_EQ(shared, 0);
        llm_cache_close(m.cache);
        m.cache = copy;
        CHECK(remembers(&m) && append(&m, 99, 30) && trim(&m, 70) && remembers(&m));
        memory_close(&m);
        CHECK_EQ(t.live, 0);
    }
}

/* ================================================================================ caches without a model */

static void passes_by_hand(void) {
    static const shape s = {{ATTENTION(1, 2, 0, 0, 0, 0, 0), RECURRENT(3, 2), LIST(1), ATTENTION(1, 2, 2, 70, 0, 0, 0)},
                            LLM_F32, 0, 0};
    float x[200] = {1, 2, 3, 4}, y[4];
    llm_cache *c = open_shape(&s, NULL);
    llm_error error;
    llm_span spans[2];
    llm_rows rows;
    CHECK(llm_cache_begin(NULL, 1, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_cache_begin(c, 0, &error) == LLM_BAD_ARGUMENT && says(&error, "0 tokens"));
    CHECK(llm_cache_begin(c, INT64_MAX, &error) == LLM_BAD_ARGUMENT && says(&error, "2^40"));
    CHECK(llm_cache_put(c, 0, 1, x, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "no pass"));
    CHECK(llm_cache_commit(c, &error) == LLM_BAD_ARGUMENT && says(&error, "no pass"));
    CHECK(llm_cache_commit(NULL, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_cache_visible(c, 0, 0, spans) == 1 && spans[0].begin == 0 && spans[0].end == 1);
    CHECK(llm_cache_visible(c, 0, 1, spans) == 0 && llm_cache_visible(c, 1, 0, spans) == 0);
    CHECK(llm__cache_begin(c, 2, 0, 2, NULL) == LLM_OK); /* a session's: not for our hands */
    CHECK(llm_cache_put(c, 0, 1, x, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "no pass"));
    CHECK(llm_cache_commit(c, &error) == LLM_BAD_ARGUMENT && says(&error, "no pass"));
    llm_cache_abandon(c);
    CHECK_EQ(c->pending, 2);
    llm__cache_abandon(c);
    CHECK(llm_cache_begin(c, 2, &error) == LLM_OK && llm_cache_begin(c, 2, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_cache_put(c, 4, 1, x, x, &error) == LLM_BAD_ARGUMENT && says(&error, "has 4"));
    CHECK(llm_cache_put(c, 1, 1, x, x, &error) == LLM_BAD_ARGUMENT && says(&error, "layer 1 is not an attention"));
    CHECK(llm_cache_put(c, 2, 1, x, x, &error) == LLM_BAD_ARGUMENT && says(&error, "layer 2 is not"));
    CHECK(llm_cache_put(c, 0, 3, x, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "3 tokens; expected 0 to 2"));
    CHECK(llm_cache_put(c, 0, -1, x, NULL, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_cache_put(c, 0, 1, NULL, x, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_cache_put(c, 3, 1, x, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_cache_put_state(c, 0, 0, x, &error) == LLM_BAD_ARGUMENT && says(&error, "not recurrent"));
    CHECK(llm_cache_put_state(c, 1, 2, x, &error) == LLM_BAD_ARGUMENT && says(&error, "array 2"));
    CHECK(llm_cache_put_state(c, 1, -1, x, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_cache_put_state(c, 1, 0, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_cache_commit(c, &error) == LLM_BAD_ARGUMENT && says(&error, "layer 0: 0 of the pass's 2 tokens"));
    CHECK(llm_cache_put(c, 0, 1, x, NULL, &error) == LLM_OK);
    CHECK(llm_cache_fetch(c, 0, 0, 1, y, NULL, &error) == LLM_OK && !memcmp(x, y, 2 * sizeof *x));
    CHECK(llm_cache_fetch(c, 0, 0, 2, y, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "there are 1"));
    CHECK(llm_cache_put(c, 0, 1, x + 2, NULL, &error) == LLM_OK && llm_cache_put(c, 3, 2, x, x, &error) == LLM_OK);
    CHECK(llm_cache_put_state(c, 1, 1, x, &error) == LLM_OK);
    CHECK(llm_cache_commit(c, &error) == LLM_BAD_ARGUMENT && says(&error, "layer 1: not all"));
    CHECK(llm_cache_put_state(c, 1, 0, x + 1, &error) == LLM_OK && llm_cache_commit(c, &error) == LLM_OK);
    CHECK(llm_cache_state(c, 1, 0)[0] == 2 && llm_cache_state(c, 1, 1)[1] == 2);
    CHECK(!llm_cache_state(c, 1, 2) && !llm_cache_state(c, 1, -1) && !llm_cache_state(c, 0, 0));
    CHECK(!llm_cache_state(c, 4, 0) && !llm_cache_state(NULL, 0, 0));
    CHECK(llm_cache_rows(c, 3, 1, 0, 1, &rows, &error) == LLM_OK && rows.width == 2 && !rows.bits);
    CHECK(!memcmp(rows.data + rows.stride, x + 2, 2 * sizeof *x));
    CHECK(llm_cache_rows(c, 3, 1, 0, 2, &rows, &error) == LLM_BAD_ARGUMENT && says(&error, "there are 2"));
    CHECK(llm_cache_rows(c, 3, 2, 0, 1, &rows, &error) == LLM_BAD_ARGUMENT && says(&error, "rows 2"));
    CHECK(llm_cache_rows(c, 3, 0, 1, 1, &rows, &error) == LLM_BAD_ARGUMENT && says(&error, "head 1"));
    CHECK(llm_cache_begin(c, 198, NULL) == LLM_OK);
    CHECK(llm_cache_put(c, 0, 99, x, x, NULL) == LLM_OK && llm_cache_put(c, 0, 99, x, x, NULL) == LLM_OK);
    CHECK(llm_cache_put(c, 3, 99, x, x, NULL) == LLM_OK && llm_cache_put(c, 3, 99, x, x, NULL) == LLM_OK);
    CHECK(llm_cache_put_state(c, 1, 0, x, NULL) == LLM_OK && llm_cache_put_state(c, 1, 1, x, NULL) == LLM_OK);
    CHECK(llm_cache_commit(c, NULL) == LLM_OK);
    CHECK(llm_cache_fetch(c, 3, 10, 1, y, NULL, &error) == LLM_UNSUPPORTED && says(&error, "position 10 any more"));
    CHECK(llm_cache_fetch(c, 1, 0, 1, y, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "attention"));
    CHECK(llm_cache_fetch(NULL, 0, 0, 1, y, NULL, &error) == LLM_BAD_ARGUMENT);
    llm_cache_close(c);
}

/* ================================================================================ questions and bad arguments */

static void questions(void) {
    memory m;
    llm_cache_info info;
    memory_open(&m, &shapes[0], open_shape(&shapes[0], NULL), 2);
    CHECK_EQ(llm_cache_layers(m.cache), 5);
    CHECK_EQ(llm_cache_layer_info(m.cache, 0).trimmable, 0);
    CHECK_EQ(llm_cache_layer_info(m.cache, 0).empty, 1);
    CHECK(append(&m, 90, 50));
    info = llm_cache_layer_info(m.cache, 0);
    CHECK(info.kind == LLM_CACHE_ATTENTION && info.length == 90 && info.offset == 90 && info.trimmable && !info.empty);
    info = llm_cache_layer_info(m.cache, 2);
    CHECK(info.kind == LLM_CACHE_ATTENTION && info.length == 70 && info.offset == 90 && info.trimmable);
    info = llm_cache_layer_info(m.cache, 3);
    CHECK(info.kind == LLM_CACHE_RECURRENT && info.offset == 90 && !info.trimmable);
    CHECK_EQ(info.bytes, 2 * 37 * sizeof(float));
    CHECK_EQ(llm_cache_layer_info(m.cache, 4).kind, LLM_CACHE_LATENT);
    info = llm_cache_layer_info(m.cache, 5);
    CHECK(!info.bytes && !info.offset && !info.length && !info.trimmable);
    CHECK(llm_cache_layer_info(m.cache, SIZE_MAX).bytes == 0);
    CHECK(llm_cache_length(NULL) == 0 && llm_cache_layers(NULL) == 0 && llm_cache_bytes(NULL) == 0);
    CHECK(llm_cache_layer_info(NULL, 0).bytes == 0);
    llm_cache_close(NULL);
    llm_cache_clear(NULL);
    memory_close(&m);
}

static const struct wrong_layer {
    llm_cache_layer layer;
    const char *word;
} wrong_layers[] = {
    {ATTENTION(0, 4, 4, 0, 0, 0, 0), "0 heads"},
    {ATTENTION(-1, 4, 4, 0, 0, 0, 0), "-1 heads"},
    {ATTENTION(1 << 30, 4, 4, 0, 0, 0, 0), "2^24"},
    {ATTENTION(1, 0, 4, 0, 0, 0, 0), "width 0"},
    {ATTENTION(1, -4, 4, 0, 0, 0, 0), "width -4"},
    {ATTENTION(1, 4, -4, 0, 0, 0, 0), "width -4"},
    {ATTENTION(1, 4, 1 << 30, 0, 0, 0, 0), "2^24"},
    {ATTENTION(1, 4, 4, -1, 0, 0, 0), "-1"},
    {ATTENTION(1, 4, 4, INT64_MAX, 0, 0, 0), "2^40"},
    {ATTENTION(1, 4, 4, 0, 1, 0, 0), "fewer"},
    {ATTENTION(1, 4, 4, 4, 4, 0, 0), "fewer"},
    {ATTENTION(1, 4, 4, 4, -1, 0, 0), "-1"},
    {ATTENTION(1, 64, 64, 0, 0, 7, 64), "7 bits"},
    {ATTENTION(1, 64, 64, 0, 0, -4, 64), "-4 bits"},
    {ATTENTION(1, 64, 64, 0, 0, 4, 0), "groups of 0"},
    {ATTENTION(1, 64, 64, 0, 0, 4, 48), "groups of 48"},
    {ATTENTION(1, 96, 64, 0, 0, 4, 64), "keys of width 96"},
    {ATTENTION(1, 64, 65, 0, 0, 4, 32), "65"},
    {LATENT(0, 4, 0, 0), "width 0"},
    {{LLM_CACHE_LATENT, 2, 4, 4, 0, 0, 0, {0, 0}, {0, 0}, 0, {{0}}}, "latent"},
    {{LLM_CACHE_LATENT, 1, 64, 32, 0, 0, 0, {4, 64}, {0, 0}, 0, {{0}}}, "values of width 32"},
    {{LLM_CACHE_LATENT, 1, 32, 64, 0, 0, 0, {4, 64}, {0, 0}, 0, {{0}}}, "keys of width 32"},
    {{LLM_CACHE_ATTENTION, 1, 32, 64, 0, 0, 0, {0, 0}, {4, 48}, 0, {{0}}}, "groups of 48"},
    {{LLM_CACHE_ATTENTION, 1, 64, 32, 0, 0, 0, {4, 64}, {4, 64}, 0, {{0}}}, "values of width 32"},
    {{LLM_CACHE_ATTENTION, 1, 4, 4, 5, 0, 5, {0, 0}, {0, 0}, 0, {{0}}}, "one of them"},
    {{LLM_CACHE_ATTENTION, 1, 4, 4, 0, 0, -5, {0, 0}, {0, 0}, 0, {{0}}}, "chunks of -5"},
    {{LLM_CACHE_ATTENTION, 1, 4, 4, 0, 1, 5, {0, 0}, {0, 0}, 0, {{0}}}, "fewer"},
    {{LLM_CACHE_LIST, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}, 1, {{0}}}, "1 members more"},
    {{LLM_CACHE_LIST, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}, 0, {{0}}}, "0 members"},
    {{LLM_CACHE_LIST, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}, -1, {{0}}}, "-1 members"},
    {RECURRENT(0, 0), "array"},
    {RECURRENT(0, 5), "array"},
    {RECURRENT(INT64_MAX, 1), "large"},
    {RECURRENT(INT64_MAX / 33, INT64_MAX / 33), "large"},
    {{(llm_cache_kind)77, 1, 4, 4, 0, 0, 0, {0, 0}, {0, 0}, 0, {{0}}}, "kind 77"},
};

static void wrong_descriptions(void) {
    llm_cache_desc d;
    llm_cache *cache;
    llm_error error;
    size_t i;
    for (i = 0; i < sizeof wrong_layers / sizeof *wrong_layers; i++) {
        llm_cache_layer two[2];
        tally t;
        memset(&t, 0, sizeof t);
        two[0] = shapes[0].layers[3];
        two[1] = wrong_layers[i].layer;
        memset(&d, 0, sizeof d);
        d.layers = two;
        d.layer_count = 2;
        d.allocator = tally_allocator(&t);
        cache = (llm_cache *)&d;
        CHECK(llm_cache_open(&cache, &d, &error) != LLM_OK && error.status != LLM_OK && !cache);
        CHECK(says(&error, wrong_layers[i].word) && says(&error, "layer 1"));
        CHECK_EQ(llm_cache_bytes_for(&d, 10), 0);
        CHECK_EQ(t.live, 0);
    }
    cache = (llm_cache *)&d;
    CHECK(llm_cache_open(&cache, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "layers") && !cache);
    d = desc_of(&shapes[0], NULL);
    CHECK(llm_cache_open(NULL, &d, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    d.dtype = LLM_U8;
    CHECK(llm_cache_open(&cache, &d, &error) == LLM_BAD_ARGUMENT && says(&error, "U8"));
    d.dtype = (llm_dtype)1000;
    CHECK(llm_cache_open(&cache, &d, NULL) == LLM_BAD_ARGUMENT);
    d = desc_of(&shapes[0], NULL);
    d.layer_count = 0;
    CHECK(llm_cache_open(&cache, &d, &error) == LLM_BAD_ARGUMENT && says(&error, "not 0"));
    d.layer_count = SIZE_MAX;
    CHECK(llm_cache_open(&cache, &d, &error) == LLM_BAD_ARGUMENT && says(&error, "65536"));
    d.layers = NULL;
    CHECK(llm_cache_open(&cache, &d, &error) == LLM_BAD_ARGUMENT);
    d = desc_of(&shapes[0], NULL);
    d.checkpoint_every = -1;
    CHECK(llm_cache_open(&cache, &d, &error) == LLM_BAD_ARGUMENT && says(&error, "every -1"));
    d.checkpoint_every = 1;
    d.checkpoints_max = 1 << 20;
    CHECK(llm_cache_open(&cache, &d, &error) == LLM_BAD_ARGUMENT && says(&error, "1048576 at most"));
}

static void wrong_calls(void) {
    const llm_cache_codes four = codes(4, 64), none = codes(0, 0);
    memory m, plain;
    llm_cache *fork = (llm_cache *)&m;
    llm_error error;
    memory_open(&m, &shapes[0], open_shape(&shapes[0], NULL), 2);
    memory_open(&plain, &shapes[2], open_shape(&shapes[2], NULL), 2);
    CHECK(append(&m, 100, 100) && append(&plain, 100, 100));
    CHECK(llm_cache_fork(&fork, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL") && !fork);
    CHECK(llm_cache_fork(NULL, m.cache, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_cache_trim(NULL, 0, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_cache_trim(m.cache, -1, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "-1"));
    CHECK(llm_cache_trim(m.cache, 101, NULL, &error) == LLM_BAD_ARGUMENT && says(&error, "101") && says(&error, "100"));
    CHECK(llm_cache_trim(m.cache, INT64_MIN, NULL, NULL) == LLM_BAD_ARGUMENT);
    CHECK(llm_cache_trim(m.cache, 1, NULL, &error) == LLM_UNSUPPORTED);
    CHECK(says(&error, "layer 3") && says(&error, "recurrent"));
    CHECK(llm_cache_trim(m.cache, 0, NULL, &error) == LLM_OK && !error.message[0]);
    CHECK(llm_cache_reserve(NULL, 1, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_cache_reserve(m.cache, -1, &error) == LLM_BAD_ARGUMENT && says(&error, "-1"));
    CHECK(llm_cache_reserve(m.cache, (int64_t)1 << 40, &error) == LLM_BAD_ARGUMENT && says(&error, "100"));
    CHECK(llm_cache_reserve(m.cache, INT64_MAX, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_cache_quantize(NULL, four, four, 0, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_cache_quantize(plain.cache, codes(7, 64), four, 0, &error) == LLM_BAD_ARGUMENT && says(&error, "7 bits"));
    CHECK(llm_cache_quantize(plain.cache, none, none, 0, &error) == LLM_BAD_ARGUMENT && says(&error, "needs bits"));
    CHECK(llm_cache_quantize(plain.cache, none, codes(4, 0), 0, &error) == LLM_BAD_ARGUMENT);
    CHECK(says(&error, "groups of 0"));
    CHECK(llm_cache_quantize(plain.cache, four, none, 0, &error) == LLM_BAD_ARGUMENT);
    CHECK(says(&error, "layer 0: keys of width 32"));
    CHECK(llm_cache_quantize(m.cache, codes(4, 32), none, 0, &error) == LLM_BAD_ARGUMENT && says(&error, "layer 0"));
    CHECK(remembers(&m) && remembers(&plain));
    CHECK(quantize(&plain, 4, 32) && remembers(&plain) && append(&plain, 3, 3));
    CHECK(quantize(&plain, 8, 128) && remembers(&plain)); /* nothing is plain any more, so no width is in the way */
    memory_close(&m);
    memory_close(&plain);
}

/* A layer behind others whose width no group divides: refused before anything is converted. */
static void one_that_does_not_fit(void) {
    static const shape s = {{ATTENTION(1, 32, 32, 0, 0, 0, 0), LATENT(32, 16, 0, 0)}, LLM_F16, 0, 0};
    memory m;
    llm_error error;
    memory_open(&m, &s, open_shape(&s, NULL), 2);
    CHECK(append(&m, 70, 70));
    CHECK(llm_cache_quantize(m.cache, codes(4, 32), codes(4, 32), 0, &error) == LLM_BAD_ARGUMENT);
    CHECK(says(&error, "layer 1: values of width 16"));
    CHECK(remembers(&m) && append(&m, 70, 1) && remembers(&m));
    memory_close(&m);
}

/* Taking back what a window has dropped is refused, also where pinned tokens are still there. */
static void turned_windows(void) {
    static const struct {
        int64_t window, keep, length, most;
    } cases[] = {{100, 0, 1000, 60}, {100, 4, 1000, 60}, {65, 64, 500, 60}, {70, 1, 64, 64}, {2, 1, 900, 60}};
    size_t i;
    int64_t n;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        shape s;
        memory whole;
        memset(&s, 0, sizeof s);
        s.layers[0] = shapes[0].layers[2];
        s.layers[0].window = cases[i].window;
        s.layers[0].keep = cases[i].keep;
        memory_open(&whole, &s, open_shape(&s, NULL), 3);
        CHECK(append(&whole, cases[i].length, cases[i].most));
        for (n = 0; n <= cases[i].length; n += n < 130 ? 1 : 29) {
            memory m;
            llm_cache *fork = NULL;
            CHECK(llm_cache_fork(&fork, whole.cache, NULL) == LLM_OK);
            memory_copy(&m, &whole, fork);
            CHECK(trim(&m, n) && remembers(&m));
            CHECK(append(&m, n < 99 ? n + 1 : 99, 33) && append(&m, 1, 1) && remembers(&m));
            memory_close(&m);
        }
        CHECK(trim(&whole, cases[i].length) && remembers(&whole));
        memory_close(&whole);
    }
}

int main(void) {
    TEST(windows_as_traced);
    TEST(windows_as_rings);
    TEST(random_operations);
    TEST(abandoned);
    TEST(busy);
    TEST(refused_allocations);
    TEST(reserved);
    TEST(used_again);
    TEST(bytes_foreseen);
    TEST(bytes_refused);
    TEST(too_wide);
    TEST(forks_share);
    TEST(hundred_forks);
#ifdef HAVE_THREADS
    TEST(forks_on_threads);
#endif
    TEST(checkpoints_bring_back);
    TEST(copies_share_nothing);
    TEST(passes_by_hand);
    TEST(questions);
    TEST(wrong_descriptions);
    TEST(wrong_calls);
    TEST(one_that_does_not_fit);
    TEST(turned_windows);
    return test_summary("test_cache");
}
