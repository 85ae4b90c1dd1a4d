/* test_record - caches as files, the chapter >>record of llm_cache.h.  What was saved comes back to the bit and goes on
   as the original does; whatever is wrong with a file is an error that says what; a file is replaced as a whole,
   whoever is killed.  Usage: test_record [FOLDER], where a temporary folder is made and removed; else in TMPDIR, else
   beside the program. */
#define LLM_CACHE_IMPLEMENTATION
#include "llm_cache.h"

#include "common.h"
#include "test.h"

#if defined(__unix__) || defined(__APPLE__)
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#define HAVE_POSIX 1
#endif

static void add(llm__text *t, const void *data, size_t bytes) {
    t->allocator = llm__allocator_or_default(t->allocator);
    if (!llm__text_add(t, (const char *)data, bytes)) exit(2);
}

static void add_text(llm__text *t, const char *text) { add(t, text, strlen(text)); }

/* ---- caches of every kind, with numbers that follow from layer and position alone */

enum { MOST_LAYERS = 6, ROW = 600 };

typedef struct shape {
    llm_cache_layer layers[MOST_LAYERS];
    llm_dtype dtype;
} shape;

#define ATTENTION(heads, keys, values, window, keep, bits, group) \
    { LLM_CACHE_ATTENTION, heads, keys, values, window, keep, 0, {bits, group}, {bits, group}, 0, {{0}} }
#define LATENT(keys, values, window, keep) \
    { LLM_CACHE_LATENT, 1, keys, values, window, keep, 0, {0, 0}, {0, 0}, 0, {{0}} }
#define RECURRENT(first, second) \
    { LLM_CACHE_RECURRENT, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}, 0, {{first}, {second, 2, 1}} }

#define CHUNK(heads, keys, values, chunk, key_bits, value_bits) \
    { LLM_CACHE_ATTENTION, heads, keys, values, 0, 0, chunk, {key_bits, 32}, {value_bits, 32}, 0, {{0}} }
#define MIXED_CODES(keys, key_bits, values, value_bits) \
    { LLM_CACHE_ATTENTION, 1, keys, values, 0, 0, 0, {key_bits, 32}, {value_bits, 32}, 0, {{0}} }
#define CODED_LATENT(keys, values, bits) \
    { LLM_CACHE_LATENT, 1, keys, values, 0, 0, 0, {bits, 32}, {0, 0}, 0, {{0}} }
#define LIST(items) { LLM_CACHE_LIST, 0, 0, 0, 0, 0, 0, {0, 0}, {0, 0}, items, {{0}} }

static const shape shapes[] = {
    {{ATTENTION(2, 4, 6, 0, 0, 0, 0), ATTENTION(1, 3, 3, 0, 0, 0, 0)}, LLM_F32},
    {{ATTENTION(3, 5, 4, 0, 0, 0, 0)}, LLM_F16},
    {{ATTENTION(2, 5, 2, 0, 0, 0, 0)}, LLM_BF16},
    {{ATTENTION(2, 3, 0, 0, 0, 0, 0), ATTENTION(1, 2, 0, 50, 2, 0, 0)}, LLM_F16},
    {{ATTENTION(2, 4, 6, 100, 0, 0, 0), ATTENTION(1, 3, 1, 1, 0, 0, 0), ATTENTION(1, 2, 2, 64, 0, 0, 0)}, LLM_F32},
    {{ATTENTION(2, 4, 6, 100, 4, 0, 0), ATTENTION(1, 3, 1, 150, 65, 0, 0), ATTENTION(1, 1, 1, 2, 1, 0, 0)}, LLM_BF16},
    {{ATTENTION(2, 64, 32, 0, 0, 8, 32), ATTENTION(1, 32, 32, 0, 0, 4, 32), ATTENTION(1, 64, 0, 0, 0, 2, 64)}, LLM_F16},
    {{ATTENTION(1, 64, 64, 100, 0, 3, 64), ATTENTION(2, 32, 64, 70, 4, 6, 32)}, LLM_F32},
    {{LATENT(9, 3, 0, 0), LATENT(5, 0, 64, 1), LATENT(8, 2, 100, 0)}, LLM_F16},
    {{RECURRENT(7, 30), RECURRENT(12, 0)}, LLM_F32},
    {{ATTENTION(2, 4, 6, 0, 0, 0, 0), ATTENTION(1, 32, 32, 100, 4, 5, 32), RECURRENT(7, 30), LATENT(9, 3, 0, 0),
      ATTENTION(1, 128, 128, 0, 0, 4, 128), ATTENTION(1, 3, 3, 64, 0, 0, 0)}, LLM_F16},
    {{LIST(3), RECURRENT(7, 3), LIST(1), ATTENTION(1, 3, 3, 64, 2, 0, 0), CHUNK(2, 3, 2, 40, 0, 0),
      ATTENTION(1, 3, 3, 0, 0, 0, 0)}, LLM_F32},
    {{CHUNK(2, 3, 2, 40, 0, 0), CHUNK(1, 32, 64, 100, 4, 0), CHUNK(1, 32, 32, 64, 0, 6), MIXED_CODES(32, 4, 32, 8),
      MIXED_CODES(64, 0, 32, 2), CODED_LATENT(64, 32, 5)}, LLM_F16},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, PLAIN = 0, QUANTIZED = 6, LATENTS = 8, STATES = 9, MIXED = 10,
       CHUNKED = 12 };

static const int64_t lengths[] = {0, 1, 63, 64, 65, 300};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

static llm_cache_desc desc_of(const shape *s, tally *t) {
    llm_cache_desc d;
    memset(&d, 0, sizeof d);
    d.layers = s->layers;
    while (d.layer_count < MOST_LAYERS && (s->layers[d.layer_count].heads || s->layers[d.layer_count].items ||
                                           s->layers[d.layer_count].shapes[0][0]))
        d.layer_count++;
    d.dtype = s->dtype;
    if (t) d.allocator = tally_allocator(t);
    return d;
}

static void fill_row(float *row, size_t n, size_t layer, int64_t position, uint32_t salt) {
    size_t i;
    uint32_t seed = mix((uint32_t)position * 31u + (uint32_t)layer * 7919u + salt);
    for (i = 0; i < n; i++, seed = seed * 1664525u + 1013904223u) row[i] = (float)(int32_t)seed / 2147483648.0f;
}

/* Starts a pass of `count` tokens, which is a call of its own. */
static void begin(llm_cache *c, int64_t count) {
    float keys[ROW], values[ROW];
    int64_t p;
    size_t i, f;
    int a;
    if (llm__cache_begin(c, count, c->length, count, NULL)) exit(2);
    for (i = 0; i < llm_cache_layers(c); i++) {
        const llm_cache_layer *l = llm__cache_layer_desc(c, i);
        for (p = c->length; llm__holds_tokens(l->kind) && p < c->length + count; p++) {
            fill_row(keys, (size_t)(l->heads * l->key_width), i, p, 1);
            fill_row(values, (size_t)(l->heads * l->value_width), i, p, 2);
            llm__cache_put(c, i, p, keys, values);
        }
        for (a = 0; l->kind == LLM_CACHE_RECURRENT && a < 2; a++) {
            const float *old = llm__cache_state(c, i, a);
            float *next = llm__cache_next_state(c, i, a);
            fill_row(keys, llm__array_floats(l, a), i, c->length + count, (uint32_t)a);
            for (f = 0; f < llm__array_floats(l, a); f++) next[f] = keys[f] + 0.5f * old[f];
        }
    }
}

static void append(llm_cache *c, int64_t count) {
    begin(c, count);
    llm__cache_commit(c);
}

static llm_cache *make(const shape *s, int64_t length, int64_t pass, tally *t) {
    llm_cache_desc d = desc_of(s, t);
    llm_cache *c = NULL;
    if (llm_cache_open(&c, &d, NULL)) exit(2);
    while (c->length < length) append(c, length - c->length < pass ? length - c->length : pass);
    return c;
}

/* ---- two caches compared */

static int same_row(const llm_cache *a, const llm_cache *b, size_t layer, int64_t position) {
    const llm_cache_layer *l = llm__cache_layer_desc(a, layer);
    int part, head;
    for (part = 0; part < (l->kind == LLM_CACHE_LATENT ? 1 : 2); part++)
        for (head = 0; head < l->heads; head++) {
            llm_rows x = llm__cache_rows(a, layer, part, head, position / LLM_PAGE_TOKENS);
            llm_rows y = llm__cache_rows(b, layer, part, head, position / LLM_PAGE_TOKENS);
            size_t t = (size_t)(position % LLM_PAGE_TOKENS), factors = x.group_stride * sizeof(float);
            if (x.stride != y.stride || (!x.bits && x.dtype != y.dtype)) return 0;
            if (memcmp(x.data + t * x.stride, y.data + t * y.stride, x.stride)) return 0;
            if (x.bits && (memcmp(x.scales + t * x.group_stride, y.scales + t * y.group_stride, factors) ||
                           memcmp(x.biases + t * x.group_stride, y.biases + t * y.group_stride, factors)))
                return 0;
        }
    return 1;
}

static int same_states(const llm_cache *a, const llm_cache *b, size_t layer) {
    const llm_cache_layer *l = llm__cache_layer_desc(a, layer);
    int i;
    for (i = 0; i < LLM_CACHE_MAX_ARRAYS && l->shapes[i][0]; i++)
        if (memcmp(llm__cache_state(a, layer, i), llm__cache_state(b, layer, i),
                   llm__array_floats(l, i) * sizeof(float)))
            return 0;
    return 1;
}

static int same_layers(const llm_cache *a, const llm_cache *b) {
    size_t i;
    if (llm_cache_layers(a) != llm_cache_layers(b) || a->length != b->length) return 0;
    for (i = 0; i < llm_cache_layers(a); i++) {
        const llm_cache_layer *x = llm__cache_layer_desc(a, i), *y = llm__cache_layer_desc(b, i);
        if (x->kind != y->kind || x->heads != y->heads || x->key_width != y->key_width ||
            x->value_width != y->value_width || x->window != y->window || x->keep != y->keep ||
            x->chunk != y->chunk || x->items != y->items || !llm__same_codes(x->keys, y->keys) ||
            !llm__same_codes(x->values, y->values) || !llm__same_arrays(x, y))
            return 0;
    }
    return 1;
}

/* What both hold: the same tokens, to the bit.  The oldest of a window, which no query sees any more, may be lost. */
static int same_content(const llm_cache *a, const llm_cache *b) {
    size_t i;
    int s;
    int64_t p;
    llm_span spans[2];
    if (!same_layers(a, b)) return 0;
    for (i = 0; i < llm_cache_layers(a); i++) {
        if (!llm__is_attention(&a->layers[i])) {
            if (!same_states(a, b, i)) return 0;
            continue;
        }
        llm__record_spans(&a->layers[i], a->length, spans);
        for (s = 0; s < 2; s++)
            for (p = spans[s].begin; p < spans[s].end; p++) {
                int lost = llm__lacks(&a->layers[i], p) || llm__lacks(&b->layers[i], p);
                if (lost ? !s || p > spans[s].begin || !a->layers[i].desc.window : !same_row(a, b, i, p)) return 0;
            }
    }
    return 1;
}

/* Whether every query of the pass under way sees the same in both. */
static int same_view(const llm_cache *a, const llm_cache *b) {
    llm_span x[2], y[2];
    size_t i;
    int64_t q, p;
    int n, s;
    for (i = 0; i < llm_cache_layers(a); i++)
        for (q = a->length; llm__is_attention(&a->layers[i]) && q < a->length + a->pending; q++) {
            n = llm__cache_visible(a, i, q, x);
            if (n != llm__cache_visible(b, i, q, y)) return 0;
            for (s = 0; s < n; s++) {
                if (x[s].begin != y[s].begin || x[s].end != y[s].end) return 0;
                for (p = x[s].begin; p < x[s].end; p++)
                    if (!same_row(a, b, i, p)) return 0;
            }
        }
    return 1;
}

/* Appends the same tokens to both, singly and together, each time taking one back: both always show the same. */
static int go_on_alike(llm_cache *a, llm_cache *b) {
    static const int64_t counts[] = {1, 1, 5, 1, 70, 1};
    int same = 1;
    size_t i;
    for (i = 0; i < sizeof counts / sizeof *counts; i++) {
        begin(a, counts[i]);
        begin(b, counts[i]);
        same = same && same_view(a, b);
        llm__cache_commit(a);
        llm__cache_commit(b);
        if (llm_cache_trim(a, 1, NULL, NULL) != llm_cache_trim(b, 1, NULL, NULL)) return 0;
    }
    return same && same_content(a, b);
}

/* ---- saving to and loading from memory */

static const llm_note some_notes[] = {{"model", "tiny"},
                                      {"template", "{\"a\\b\"}\n\t\x01\x7F \xC3\xA9 \xF0\x9F\x8C\x8D"}};

static llm_cache_load_desc from_memory(const void *data, size_t bytes, const llm_cache_desc *want) {
    llm_cache_load_desc d;
    memset(&d, 0, sizeof d);
    d.data = data;
    d.bytes = bytes;
    d.want = want;
    return d;
}

/* Loads and looks at what every load must keep: status and message agree, NULL on failure, nothing leaks. */
static llm_cache *load_with(llm_cache_load_desc d, tally *t, llm_error *error) {
    llm_cache *c = (llm_cache *)(void *)t; /* anything but NULL */
    llm_status status;
    memset(t, 0, sizeof *t);
    d.allocator = tally_allocator(t);
    status = llm_cache_load(&c, &d, error);
    if (status == error->status && (status == LLM_OK) == (c != NULL) && (status == LLM_OK) == !error->message[0] &&
        (c || !t->live))
        return c;
    test_failed++;
    printf("a load left what it must not: status %d and %d, cache %p, %lld bytes, \"%s\"\n", (int)status,
           (int)error->status, (void *)c, (long long)t->live, error->message);
    return c;
}

static llm_cache *load(const void *data, size_t bytes, const llm_cache_desc *want, tally *t, llm_error *error) {
    uint8_t *copy = (uint8_t *)exactly(data, bytes);
    llm_cache *c = load_with(from_memory(copy, bytes, want), t, error);
    free(copy);
    return c;
}

static llm_cache *must_load(const llm__text *file, const llm_cache_desc *want, tally *t) {
    llm_error error;
    llm_cache *c = load(file->data, file->length, want, t, &error);
    if (!c) printf("loading: %s\n", error.message);
    return c;
}

static void close_checked(llm_cache *c, const tally *t) {
    llm_cache_close(c);
    if (t->live) CHECK_EQ(t->live, 0);
}

/* ---- round trips */

static int round_trip(const shape *s, int64_t length, int64_t pass, int64_t trim) {
    llm_cache_desc want = desc_of(s, NULL);
    llm_cache *c = make(s, length, pass, NULL), *loaded, *copy = NULL;
    llm__text file, again;
    const char *step = "loading";
    llm_note notes[2];
    tally t;
    int ok, n;
    for (; trim && !llm_cache_trim(c, 1, NULL, NULL); trim--) continue;
    file = file_of_cache(c, some_notes, 2);
    loaded = must_load(&file, &want, &t);
    ok = loaded && same_content(c, loaded) && loaded->dtype == s->dtype;
    for (n = 0; n < 2 && ok; n++) {
        notes[n].key = some_notes[n].key;
        notes[n].value = llm_cache_note(loaded, notes[n].key);
        ok = notes[n].value && !strcmp(notes[n].value, some_notes[n].value);
    }
    if (ok) {
        step = "saving again";
        again = file_of_cache(loaded, notes, 2);
        ok = again.length == file.length && !memcmp(again.data, file.data, file.length);
        llm__text_free(&again);
    }
    if (ok) step = "going on";
    ok = ok && !llm_cache_fork(&copy, loaded, NULL) && same_content(c, copy) && !llm_cache_note(copy, "model");
    llm_cache_close(copy);
    ok = ok && go_on_alike(c, loaded);
    if (!ok) printf("%s of length %lld in passes of %lld\n", step, (long long)length, (long long)pass);
    llm_cache_close(c);
    if (loaded) close_checked(loaded, &t);
    llm__text_free(&file);
    return ok;
}

static void round_trips(void) {
    static const int64_t passes[] = {1, 7, 1000};
    size_t i, n, p;
    for (i = 0; i < SHAPES; i++)
        for (n = 0; n < LENGTHS; n++)
            for (p = 0; p < 3; p++) CHECK(round_trip(&shapes[i], lengths[n], passes[p], 0));
}

static void every_quantization(void) {
    static const int bits[] = {2, 3, 4, 5, 6, 8}, groups[] = {32, 64, 128};
    size_t b, g, n;
    shape s;
    memset(&s, 0, sizeof s);
    s.dtype = LLM_F16;
    for (b = 0; b < 6; b++)
        for (g = 0; g < 3; g++)
            for (n = 0; n < LENGTHS; n++) {
                llm_cache_layer plain = ATTENTION(2, 128, 256, 0, 0, bits[b], groups[g]);
                llm_cache_layer window = ATTENTION(1, 256, 128, 90, 4, bits[b], groups[g]);
                s.layers[0] = plain;
                s.layers[1] = window;
                CHECK(round_trip(&s, lengths[n], 1000, 0));
            }
}

/* Saved after tokens were taken back: a window may then lack the oldest of those that it would have. */
static void trimmed(void) {
    int64_t length, trim;
    for (length = 120; length < 330; length++)
        for (trim = 1; trim < 3; trim++) CHECK(round_trip(&shapes[4 + length % 2], length, 60, trim));
}

/* Trims after loading: taken back is at most what the original takes back, what is shown then is what it shows, and
   one token goes always. */
static void trims_after_loading(void) {
    uint32_t round;
    for (round = 0; round < 600; round++) {
        const shape *s = &shapes[4 + round % 2];
        llm_cache *c = make(s, 90 + (int64_t)(mix(round) % 250), 60, NULL), *loaded;
        llm__text file = file_of_cache(c, NULL, 0);
        int64_t trim = 1 + (int64_t)(mix(round + 1) % (round % 4 ? 20 : 90));
        tally t;
        loaded = must_load(&file, NULL, &t);
        if (!llm_cache_trim(loaded, trim, NULL, NULL)) {
            CHECK_EQ(llm_cache_trim(c, trim, NULL, NULL), LLM_OK);
            begin(c, 3);
            begin(loaded, 3);
            CHECK(same_view(c, loaded));
            llm__cache_commit(c);
            llm__cache_commit(loaded);
            CHECK(same_content(c, loaded));
        } else CHECK(trim > 1);
        close_checked(loaded, &t);
        llm__text_free(&file);
        llm_cache_close(c);
    }
}

/* A random list of random layers. */
static void random_shape(shape *s, uint32_t *r) {
    static const int bits[] = {0, 0, 2, 3, 4, 5, 6, 8}, groups[] = {32, 64, 128};
    size_t i, n = 1 + mix((*r)++) % MOST_LAYERS;
    memset(s, 0, sizeof *s);
    s->dtype = (llm_dtype)(mix((*r)++) % 3);
    for (i = 0; i < n; i++) {
        llm_cache_layer *l = &s->layers[i];
        uint32_t kind = mix((*r)++) % 6;
        if (kind == 0) {
            llm_cache_layer states = RECURRENT(1 + (int64_t)(mix(*r) % 40), (int64_t)(mix(*r + 1) % 9));
            *l = states;
            *r += 2;
            continue;
        }
        l->kind = kind == 1 ? LLM_CACHE_LATENT : LLM_CACHE_ATTENTION;
        l->heads = kind == 1 ? 1 : 1 + (int)(mix((*r)++) % 3);
        l->keys.bits = bits[mix((*r)++) % 8];
        l->values.bits = kind == 1 ? 0 : kind == 2 ? l->keys.bits : bits[mix((*r)++) % 8];
        l->keys.group = l->keys.bits ? groups[mix((*r)++) % 3] : 0;
        l->values.group = kind == 2 ? l->keys.group : l->values.bits ? groups[mix((*r)++) % 3] : 0;
        l->key_width = l->keys.bits ? l->keys.group : 1 + (int)(mix((*r)++) % 20);
        l->value_width = l->values.bits || (kind == 1 && l->keys.bits)
                             ? (l->values.bits ? l->values.group : l->keys.group) * (int)(mix((*r)++) % 2)
                             : (int)(mix((*r)++) % 20);
        l->window = mix((*r)++) % 2 ? 0 : 1 + (int64_t)(mix((*r)++) % 200);
        l->chunk = l->window || mix((*r)++) % 2 ? 0 : 1 + (int64_t)(mix((*r)++) % 200);
        l->keep = l->window && mix((*r)++) % 2 ? (int64_t)(mix((*r)++) % (uint32_t)l->window) : 0;
    }
}

static void random_lists(void) {
    uint32_t r = 1, round;
    for (round = 0; round < 150; round++) {
        shape s;
        random_shape(&s, &r);
        r += 3;
        CHECK(round_trip(&s, (int64_t)(mix(r - 1) % 400), 1 + (int64_t)(mix(r - 2) % 300), (int64_t)(mix(r - 3) % 40)));
    }
}

/* Without `want` the file says it all, but for what latent layers are. */
static void without_want(void) {
    size_t i;
    tally t;
    for (i = 0; i < SHAPES; i++) {
        llm_cache *c = make(&shapes[i], 130, 50, NULL), *loaded;
        llm__text file = file_of_cache(c, NULL, 0);
        loaded = must_load(&file, NULL, &t);
        CHECK(loaded != NULL);
        if (i == LATENTS || i == MIXED || i == CHUNKED) {
            const llm_cache_layer *l = llm__cache_layer_desc(loaded, i == MIXED ? 3 : i == CHUNKED ? 5 : 0);
            CHECK(l->kind == LLM_CACHE_ATTENTION && l->key_width == (i == CHUNKED ? 64 : 9));
        } else CHECK(loaded && same_content(c, loaded));
        close_checked(loaded, &t);
        llm_cache_close(c);
        llm__text_free(&file);
    }
}

/* `want` says how to store: the numbers are converted. */
static void other_dtypes(void) {
    shape s = shapes[PLAIN];
    llm_cache *wide = make(&s, 70, 70, NULL), *narrow, *loaded;
    llm_cache_desc want;
    llm__text file = file_of_cache(wide, NULL, 0);
    tally t;
    s.dtype = LLM_F16;
    want = desc_of(&s, NULL);
    narrow = make(&s, 70, 70, NULL);
    loaded = must_load(&file, &want, &t);
    CHECK(loaded && same_content(loaded, narrow));
    close_checked(loaded, &t);
    llm_cache_close(narrow);
    llm_cache_close(wide);
    llm__text_free(&file);
}

/* The first tokens alone: as if the others had been taken back. */
static void partial_loads(void) {
    static const shape windows = {{ATTENTION(1, 3, 3, 0, 0, 0, 0), ATTENTION(1, 2, 2, 300, 4, 0, 0)}, LLM_F16};
    const shape *all[] = {&shapes[PLAIN], &shapes[QUANTIZED], &windows};
    static const int64_t counts[] = {1, 63, 64, 65, 128, 199, 200, 500};
    size_t i, n;
    tally t;
    llm_error error;
    for (i = 0; i < 3; i++)
        for (n = 0; n < 8; n++) {
            llm_cache *c = make(all[i], 200, 200, NULL), *loaded;
            llm__text file = file_of_cache(c, NULL, 0);
            llm_cache_load_desc d = from_memory(file.data, file.length, NULL);
            d.tokens = counts[n];
            loaded = load_with(d, &t, &error);
            if (counts[n] < 200) CHECK_EQ(llm_cache_trim(c, 200 - counts[n], NULL, NULL), LLM_OK);
            CHECK(loaded && same_content(c, loaded) && go_on_alike(c, loaded));
            close_checked(loaded, &t);
            llm_cache_close(c);
            llm__text_free(&file);
        }
}

static void partial_refusals(void) {
    llm_cache *c = make(&shapes[4], 101, 1, NULL);
    llm__text file = file_of_cache(c, NULL, 0);
    llm_cache_load_desc d = from_memory(file.data, file.length, NULL);
    tally t;
    llm_error error;
    d.tokens = 5;
    CHECK(!load_with(d, &t, &error) && error.status == LLM_UNSUPPORTED && says(&error, "window has moved on"));
    llm__text_free(&file);
    llm_cache_close(c);
    c = make(&shapes[STATES], 9, 1, NULL);
    file = file_of_cache(c, NULL, 0);
    d = from_memory(file.data, file.length, NULL);
    d.tokens = 5;
    CHECK(!load_with(d, &t, &error) && error.status == LLM_UNSUPPORTED && says(&error, "layer 0") &&
          says(&error, "recurrent"));
    d.tokens = 9;
    close_checked(load_with(d, &t, &error), &t);
    CHECK_EQ(error.status, LLM_OK);
    llm__text_free(&file);
    llm_cache_close(c);
}

/* ---- notes */

static void refused_notes(const llm_note *notes, size_t count, llm_status status, const char *word) {
    llm_cache *c = make(&shapes[PLAIN], 3, 3, NULL);
    llm__text file;
    llm_cache_save_desc d = into_text(&file, notes, count);
    llm_error error;
    CHECK_EQ(llm_cache_save(c, &d, &error), status);
    CHECK(says(&error, word) && !file.length);
    llm_cache_close(c);
}

static void bad_notes(void) {
    static const llm_note bad[][2] = {
        {{"a.b", "x"}, {NULL, NULL}},       {{"", "x"}, {NULL, NULL}},          {{NULL, "x"}, {NULL, NULL}},
        {{"a", NULL}, {NULL, NULL}},        {{"a", "\xFF"}, {NULL, NULL}},      {{"\xC3", "x"}, {NULL, NULL}},
        {{"a", "\xED\xA0\x80"}, {NULL, NULL}}, {{"llm_tokens", "5"}, {NULL, NULL}},
        {{"llm_checksum", ""}, {NULL, NULL}}, {{"same", "x"}, {"same", "y"}},
    };
    static const char *const words[] = {"without dots", "without dots", "without dots",  "a value", "UTF-8",
                                        "UTF-8",        "UTF-8",        "by the library", "by the library", "twice"};
    char *large = (char *)malloc(101u << 20);
    llm_note huge;
    size_t i;
    if (!large) exit(2);
    for (i = 0; i < sizeof words / sizeof *words; i++)
        refused_notes(bad[i], bad[i][1].key ? 2 : 1, LLM_BAD_ARGUMENT, words[i]);
    refused_notes(NULL, 1, LLM_BAD_ARGUMENT, "notes is NULL");
    memset(large, 'x', (101u << 20) - 1);
    large[(101u << 20) - 1] = 0;
    huge.key = "huge";
    huge.value = large;
    refused_notes(&huge, 1, LLM_TOO_LARGE, "limit");
    free(large);
}

/* Every character that UTF-8 can write but NUL, in keys and values; many notes; a long one. */
static void any_notes(void) {
    llm_cache *c = make(&shapes[PLAIN], 3, 3, NULL), *loaded;
    enum { COUNT = 300, EACH = 4000 };
    char *texts = (char *)malloc((size_t)2 * COUNT * EACH);
    llm_note notes[COUNT];
    llm__text file;
    tally t;
    uint32_t i, code = 1;
    int same = 1;
    if (!texts) exit(2);
    for (i = 0; i < COUNT; i++) {
        char *key = texts + (size_t)2 * i * EACH, *value = key + EACH;
        size_t n = 0;
        for (; n < EACH - 5 && code < 0x110000; code += code < 0x3000 ? 1 : 7) {
            if (code >= 0xD800 && code < 0xE000) code = 0xE000;
            n += llm__char_put(code, value + n);
        }
        value[n] = 0;
        n = (size_t)snprintf(key, EACH, "%u \" \\ / \xC3\xA9 ", i);
        if (i && i < 128 && i != '.') key[n++] = (char)i;
        key[n] = 0;
        notes[i].key = key;
        notes[i].value = value;
    }
    file = file_of_cache(c, notes, COUNT);
    loaded = must_load(&file, NULL, &t);
    for (i = 0; i < COUNT && same; i++) {
        const char *value = llm_cache_note(loaded, notes[i].key);
        same = value && !strcmp(value, notes[i].value);
    }
    CHECK(same);
    CHECK(!llm_cache_note(loaded, "llm_tokens") && !llm_cache_note(loaded, "llm_checksum"));
    CHECK(!llm_cache_note(loaded, "") && !llm_cache_note(loaded, NULL) && !llm_cache_note(NULL, "x"));
    close_checked(loaded, &t);
    llm__text_free(&file);
    llm_cache_close(c);
    free(texts);
}

/* ---- files that continue others */

enum { MOST_PARTS = 12 };

/* A cache's files since the last whole one. */
typedef struct chain {
    llm__text files[MOST_PARTS];
    size_t count;
} chain;

static void chain_free(chain *x) {
    while (x->count) llm__text_free(&x->files[--x->count]);
}

/* Saves what is new; a whole file begins the chain anew. */
static int64_t save_more(llm_cache *c, chain *x) {
    llm__text file;
    llm_cache_save_desc d = into_text(&file, some_notes, 2);
    llm_error error;
    int64_t after = -1;
    if (llm_cache_save_more(c, &d, &after, &error) || x->count == MOST_PARTS) {
        printf("saving more: %s\n", error.message);
        exit(2);
    }
    if (!after) chain_free(x);
    x->files[x->count++] = file;
    return after;
}

/* Loads the files in the given order, a digit for each. */
static llm_cache *load_order(const chain *x, const char *order, const llm_cache_desc *want, int64_t tokens, tally *t,
                             llm_error *error) {
    uint8_t *copies[MOST_PARTS] = {NULL};
    llm_cache_part parts[MOST_PARTS];
    llm_cache_load_desc d;
    llm_cache *c;
    size_t i, count = strlen(order);
    memset(parts, 0, sizeof parts);
    for (i = 0; i < count; i++) {
        const llm__text *file = &x->files[order[i] - 'a'];
        parts[i].data = copies[i] = (uint8_t *)exactly(file->data, file->length);
        parts[i].bytes = file->length;
    }
    d = from_memory(parts[0].data, parts[0].bytes, want);
    d.parts = parts + 1;
    d.part_count = count - 1;
    d.tokens = tokens;
    c = load_with(d, t, error);
    for (i = 0; i < count; i++) free(copies[i]);
    return c;
}

static llm_cache *load_chain(const chain *x, const llm_cache_desc *want, int64_t tokens, tally *t, llm_error *error) {
    char order[MOST_PARTS + 1] = "abcdefghijkl";
    order[x->count] = 0;
    return load_order(x, order, want, tokens, t, error);
}

/* Whether the files together give what one whole file gives, to the byte, and go on as it does. */
static int chain_holds(const chain *x, const llm_cache *c, const llm_cache_desc *want) {
    llm__text whole = file_of_cache(c, some_notes, 2), again;
    llm_cache *one, *many;
    tally t[2];
    llm_error error;
    int ok;
    one = load(whole.data, whole.length, want, &t[0], &error);
    many = load_chain(x, want, 0, &t[1], &error);
    if (!many) printf("loading a chain: %s\n", error.message);
    ok = one && many && same_content(one, many) && one->dtype == many->dtype;
    if (ok) {
        again = file_of_cache(many, some_notes, 2);
        ok = again.length == whole.length && !memcmp(again.data, whole.data, whole.length);
        llm__text_free(&again);
    }
    ok = ok && go_on_alike(one, many);
    llm_cache_close(one);
    llm_cache_close(many);
    llm__text_free(&whole);
    return ok && !t[0].live && !t[1].live;
}

/* Random caches that grow and take tokens back, saved now and then: what was not touched is never written again, and
   a whole file comes exactly when tokens that a file holds were replaced. */
static void parts_round_trips(void) {
    uint32_t r = 1000, round, step;
    for (round = 0; round < 120; round++) {
        shape s;
        chain x;
        llm_cache_desc want;
        llm_cache *c;
        int64_t low = 0, saved = 0;
        if (round < SHAPES) s = shapes[round];
        else random_shape(&s, &r);
        want = desc_of(&s, NULL);
        c = make(&s, 0, 1, NULL);
        memset(&x, 0, sizeof x);
        for (step = 0; step < 10; step++) {
            int64_t trim = mix(r++) % 4 ? 0 : 1 + (int64_t)(mix(r++) % 9), after;
            if (trim <= c->length && !llm_cache_trim(c, trim, NULL, NULL) && c->length < low) low = c->length;
            append(c, 1 + (int64_t)(mix(r) % (mix(r + 1) % 3 ? 5 : 150)));
            r += 2;
            if (mix(r++) % 2) continue;
            after = save_more(c, &x);
            CHECK_EQ(after, low < saved ? 0 : saved);
            CHECK(chain_holds(&x, c, &want));
            low = saved = c->length;
        }
        chain_free(&x);
        llm_cache_close(c);
    }
}

/* A part of a long cache is small; nothing new is a part, too; and a loaded cache, a fork and a quantized one go on. */
static void parts_in_life(void) {
    const llm_cache_codes eight = {8, 32};
    shape s = shapes[PLAIN];
    llm_cache_layer coded = ATTENTION(2, 32, 32, 0, 0, 0, 0);
    llm_cache *c, *copy = NULL, *loaded;
    llm_cache_desc want;
    llm_error error;
    tally t;
    chain x, y;
    memset(&x, 0, sizeof x);
    memset(&y, 0, sizeof y);
    s.layers[0] = coded;
    s.layers[1].heads = 0;
    want = desc_of(&s, NULL);
    c = make(&s, 1000, 300, NULL);
    CHECK_EQ(save_more(c, &x), 0);
    append(c, 2);
    CHECK_EQ(save_more(c, &x), 1000);
    CHECK(x.files[1].length < 4000 && x.files[0].length > 500000 && chain_holds(&x, c, &want));
    CHECK_EQ(save_more(c, &x), 1002);
    CHECK(chain_holds(&x, c, &want));
    CHECK_EQ(llm_cache_fork(&copy, c, NULL), LLM_OK);
    loaded = load_chain(&x, &want, 0, &t, &error);
    append(loaded, 70);
    append(copy, 70);
    append(c, 1);
    CHECK_EQ(save_more(loaded, &x), 1002);
    CHECK(chain_holds(&x, copy, &want) && chain_holds(&x, loaded, &want));
    llm__text_free(&x.files[--x.count]);
    CHECK_EQ(save_more(copy, &x), 1002);
    CHECK(chain_holds(&x, copy, &want) && save_more(c, &y) == 1002);
    CHECK_EQ(llm_cache_quantize(copy, eight, eight, 0, NULL), LLM_OK);
    CHECK_EQ(save_more(copy, &x), 0);
    append(copy, 5);
    CHECK_EQ(save_more(copy, &x), 1072);
    s.layers[0].keys = s.layers[0].values = eight;
    CHECK(chain_holds(&x, copy, &want));
    llm_cache_clear(copy);
    append(copy, 2000);
    CHECK_EQ(save_more(copy, &x), 0);
    close_checked(loaded, &t);
    chain_free(&x);
    chain_free(&y);
    llm_cache_close(c);
    llm_cache_close(copy);
}

/* Up to n tokens: files behind those are not needed, and where a file ends even states can be had. */
static void parts_in_part(void) {
    static const int64_t counts[] = {1, 60, 64, 100, 101, 130, 131, 199, 200};
    llm_cache_desc want = desc_of(&shapes[PLAIN], NULL);
    llm_cache *c = make(&shapes[PLAIN], 0, 1, NULL), *states = make(&shapes[STATES], 0, 1, NULL), *short_one, *loaded;
    llm_error error;
    tally t;
    chain x, y;
    size_t i;
    memset(&x, 0, sizeof x);
    memset(&y, 0, sizeof y);
    for (i = 0; i < 3; i++) {
        append(c, i ? 100 - 40 * (int64_t)i + 10 : 100); /* 100, 170, 200 */
        append(states, 10);
        save_more(c, &x);
        save_more(states, &y);
    }
    for (i = 0; i < sizeof counts / sizeof *counts; i++) {
        loaded = load_chain(&x, &want, counts[i], &t, &error);
        short_one = make(&shapes[PLAIN], counts[i], 60, NULL);
        CHECK(loaded && same_content(short_one, loaded) && go_on_alike(short_one, loaded));
        close_checked(loaded, &t);
        llm_cache_close(short_one);
    }
    x.files[2].data[x.files[2].length - 1] ^= 1; /* is not read */
    loaded = load_chain(&x, &want, 170, &t, &error);
    CHECK(loaded && loaded->length == 170);
    llm_cache_close(loaded);
    CHECK(!load_chain(&x, &want, 171, &t, &error) && says(&error, "damaged"));
    loaded = load_chain(&y, NULL, 20, &t, &error);
    CHECK(loaded && loaded->length == 20);
    llm_cache_close(loaded);
    CHECK(!load_chain(&y, NULL, 19, &t, &error) && error.status == LLM_UNSUPPORTED && says(&error, "recurrent"));
    chain_free(&x);
    chain_free(&y);
    llm_cache_close(c);
    llm_cache_close(states);
}

static void refused_order(const chain *x, const char *order, llm_status status, const char *word) {
    llm_error error;
    tally t;
    llm_cache *c = load_order(x, order, NULL, 0, &t, &error);
    CHECK(!c && error.status == status && says(&error, word));
    llm_cache_close(c);
}

/* Files in the wrong order, missing, of another sequence, twice; parts without the whole, and the other way round. */
static void parts_refused(void) {
    llm_cache *c = make(&shapes[PLAIN], 80, 80, NULL), *other = make(&shapes[PLAIN], 80, 1, NULL);
    llm_cache *small = make(&shapes[STATES], 80, 80, NULL);
    llm_cache_load_desc d;
    llm_cache_part nothing;
    llm_error error;
    tally t;
    chain x, y;
    size_t n, bad = 0;
    int64_t after = 7;
    memset(&x, 0, sizeof x);
    memset(&y, 0, sizeof y);
    memset(&nothing, 0, sizeof nothing);
    for (n = 0; n < 3; n++, append(c, 3)) CHECK_EQ(save_more(c, &x), n ? 77 + 3 * (int64_t)n : 0);
    append(other, 1);
    save_more(other, &y);
    x.files[3] = y.files[0];
    y.count = 0;
    save_more(small, &y);
    x.files[4] = y.files[0];
    x.count = 5;
    refused_order(&x, "b", LLM_BAD_ARGUMENT, "continues another file, after 80 tokens; expected the file that holds");
    refused_order(&x, "cba", LLM_BAD_ARGUMENT, "continues another file, after 83 tokens");
    refused_order(&x, "ac", LLM_BAD_ARGUMENT, "continues a file of 83 tokens with checksum");
    refused_order(&x, "acb", LLM_BAD_ARGUMENT, "continues a file of 83 tokens with checksum");
    refused_order(&x, "abb", LLM_BAD_ARGUMENT, "continues a file of 80 tokens");
    refused_order(&x, "aa", LLM_BAD_ARGUMENT, "continues no file");
    refused_order(&x, "ad", LLM_BAD_ARGUMENT, "continues no file");
    refused_order(&x, "db", LLM_BAD_ARGUMENT, "continues a file of 80 tokens");
    refused_order(&x, "eb", LLM_BAD_ARGUMENT, "continues a file of 80 tokens");
    CHECK(strstr(x.files[1].data + 8, "\"1.0\":\"ContinuedKVCache\"") && !strstr(x.files[1].data + 8, "\"KVCache"));
    d = from_memory(x.files[0].data, x.files[0].length, NULL);
    d.part_count = 1;
    CHECK(!load_with(d, &t, &error) && error.status == LLM_BAD_ARGUMENT && says(&error, "parts"));
    d.parts = &nothing;
    CHECK(!load_with(d, &t, &error) && error.status == LLM_BAD_ARGUMENT && says(&error, "part 0"));
    d.part_count = SIZE_MAX;
    CHECK(!load_with(d, &t, &error) && error.status != LLM_OK);
    x.count = 2;
    for (n = 0; n < x.files[1].length; n++) { /* a part cut short */
        llm__text file = x.files[1];
        llm_cache *loaded;
        x.files[1].length = n;
        loaded = load_chain(&x, NULL, 0, &t, &error);
        bad += loaded || error.status != LLM_BAD_FORMAT;
        llm_cache_close(loaded);
        x.files[1] = file;
    }
    CHECK_EQ(bad, 0);
    CHECK(llm_cache_save_more(NULL, NULL, &after, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_cache_save_more(c, NULL, &after, &error) == LLM_BAD_ARGUMENT && after == 7);
    x.count = 5;
    chain_free(&x);
    llm_cache_close(c);
    llm_cache_close(other);
    llm_cache_close(small);
}

/* A save that fails leaves the next one to continue the same file; every allocation of a load with parts refused. */
static void parts_failing(void) {
    llm_cache *c = make(&shapes[MIXED], 70, 70, NULL), *loaded;
    llm_cache_desc want = desc_of(&shapes[MIXED], NULL);
    llm_cache_save_desc d;
    llm_error error;
    tally t;
    chain x;
    int64_t after = 5;
    int n, last;
    memset(&x, 0, sizeof x);
    memset(&d, 0, sizeof d);
    save_more(c, &x);
    append(c, 10);
    d.path = "no/such/folder/x";
    CHECK(llm_cache_save_more(c, &d, &after, &error) == LLM_BAD_FILE && after == 5);
    CHECK_EQ(save_more(c, &x), 70);
    CHECK(chain_holds(&x, c, &want));
    loaded = load_chain(&x, &want, 0, &t, &error);
    last = t.calls;
    llm_cache_close(loaded);
    for (n = 1; n <= last; n++) {
        llm_cache_part part;
        llm_cache_load_desc l = from_memory(x.files[0].data, x.files[0].length, &want);
        memset(&part, 0, sizeof part);
        part.data = x.files[1].data;
        part.bytes = x.files[1].length;
        l.parts = &part;
        l.part_count = 1;
        memset(&t, 0, sizeof t);
        t.refuse = n;
        l.allocator = tally_allocator(&t);
        CHECK(llm_cache_load(&loaded, &l, &error) == LLM_OUT_OF_MEMORY && !loaded && !t.live);
    }
    chain_free(&x);
    llm_cache_close(c);
}

/* ---- several sequences in one file */

enum { MOST_ROWS = 6 };

static llm__text save_rows(llm_cache *const *rows, size_t count) {
    const llm_cache *list[MOST_ROWS];
    llm__text file;
    llm_cache_save_desc d = into_text(&file, some_notes, 2);
    llm_error error;
    memcpy(list, rows, count * sizeof *list);
    if (llm_cache_save_rows(list, count, &d, &error)) {
        printf("saving rows: %s\n", error.message);
        exit(2);
    }
    return file;
}

/* Loads what must be `count` sequences, or fails; what of `out` lies behind them is NULL in any case. */
static int load_rows(const llm__text *file, const llm_cache_desc *want, llm_cache *out[MOST_ROWS], size_t count,
                     tally *t, llm_error *error) {
    uint8_t *copy = (uint8_t *)exactly(file->data, file->length);
    llm_cache_load_desc d = from_memory(copy, file->length, want);
    size_t found = 77, i;
    llm_status status;
    for (i = 0; i < MOST_ROWS; i++) out[i] = (llm_cache *)(void *)t; /* anything but NULL */
    memset(t, 0, sizeof *t);
    d.allocator = tally_allocator(t);
    status = llm_cache_load_rows(out, MOST_ROWS, &found, &d, error);
    CHECK(status == error->status && (status || found == count) && (!status || !t->live));
    for (i = 0; i < MOST_ROWS; i++) CHECK((out[i] != NULL) == (!status && i < count));
    free(copy);
    return !status;
}

/* Random rows of random layers of the kinds that mlx-lm has batches of. */
static void rows_round_trips(void) {
    uint32_t r = 5000, round;
    for (round = 0; round < 150; round++) {
        shape s;
        llm_cache_desc want;
        llm_cache *rows[MOST_ROWS] = {NULL}, *loaded[MOST_ROWS];
        size_t count = 1 + mix(r++) % MOST_ROWS, i;
        llm__text file, again;
        llm_error error;
        tally t;
        random_shape(&s, &r);
        for (i = 0; i < MOST_LAYERS; i++) {
            memset(&s.layers[i].keys, 0, sizeof s.layers[i].keys);
            s.layers[i].values = s.layers[i].keys;
            s.layers[i].keep = s.layers[i].chunk = 0;
        }
        want = desc_of(&s, NULL);
        for (i = 0; i < count; i++) {
            rows[i] = make(&s, (int64_t)(mix(r) % (round % 9 ? 300 : 1)), 1 + (int64_t)(mix(r + 1) % 90), NULL);
            llm_cache_trim(rows[i], (int64_t)(mix(r + 2) % 3), NULL, NULL);
            r += 3;
        }
        file = save_rows(rows, count);
        if (!load_rows(&file, &want, loaded, count, &t, &error)) {
            printf("loading rows: %s\n", error.message);
            exit(2);
        }
        again = save_rows(loaded, count);
        CHECK(again.length == file.length && !memcmp(again.data, file.data, file.length));
        for (i = 0; i < count; i++) {
            CHECK(same_content(rows[i], loaded[i]) && go_on_alike(rows[i], loaded[i]));
            CHECK_STR(llm_cache_note(loaded[i], "model"), "tiny");
            llm_cache_close(rows[i]);
            llm_cache_close(loaded[i]);
        }
        CHECK_EQ(t.live, 0);
        llm__text_free(&file);
        llm__text_free(&again);
    }
}

static void refused_rows(llm_cache *const *rows, size_t count, llm_status status, const char *word) {
    const llm_cache *list[MOST_ROWS];
    llm__text file;
    llm_cache_save_desc d = into_text(&file, NULL, 0);
    llm_error error;
    memcpy(list, rows, count * sizeof *list);
    CHECK(llm_cache_save_rows(list, count, &d, &error) == status && says(&error, word) && !file.length);
}

/* What cannot be a row beside others, or a row at all; more rows than there is room for; truncated and refused. */
static void rows_refused(void) {
    static const shape kept = {{ATTENTION(1, 3, 3, 50, 2, 0, 0)}, LLM_F16};
    static const shape good = {{ATTENTION(2, 4, 6, 0, 0, 0, 0), RECURRENT(7, 30),
                                ATTENTION(1, 2, 2, 5, 0, 0, 0)}, LLM_F32};
    shape other = good;
    llm_cache *rows[MOST_ROWS] = {NULL}, *out[MOST_ROWS], *c;
    llm_cache_load_desc d;
    llm_error error;
    llm__text file;
    size_t n, found, bad = 0;
    tally t;
    long last;
    rows[0] = make(&shapes[QUANTIZED], 9, 9, NULL);
    refused_rows(rows, 1, LLM_UNSUPPORTED, "layer 0 is attention, 2 heads of 64 and 32, 8 bits; expected what");
    llm_cache_close(rows[0]);
    rows[0] = make(&shapes[CHUNKED], 9, 9, NULL);
    refused_rows(rows, 1, LLM_UNSUPPORTED, "chunks");
    llm_cache_close(rows[0]);
    rows[0] = make(&kept, 9, 9, NULL);
    refused_rows(rows, 1, LLM_UNSUPPORTED, "kept tokens");
    llm_cache_close(rows[0]);
    rows[0] = make(&good, 9, 9, NULL);
    refused_rows(rows, 2, LLM_BAD_ARGUMENT, "row 1 of those to save is NULL");
    refused_rows(rows, 0, LLM_BAD_ARGUMENT, "1 to 2^24 caches, not 0");
    other.layers[2].window = 6;
    rows[1] = make(&other, 9, 9, NULL);
    refused_rows(rows, 2, LLM_BAD_ARGUMENT, "layer 2: row 1 is attention, 1 heads of 2 and 2, window 6, row 0");
    llm_cache_close(rows[1]);
    other.dtype = LLM_F16;
    rows[1] = make(&other, 9, 9, NULL);
    refused_rows(rows, 2, LLM_BAD_ARGUMENT, "row 1 has 3 layers of F16, row 0 has 3 of F32");
    llm_cache_close(rows[1]);
    rows[1] = make(&good, 4, 4, NULL);
    begin(rows[1], 1);
    refused_rows(rows, 2, LLM_BAD_ARGUMENT, "forward pass");
    llm__cache_commit(rows[1]);
    file = save_rows(rows, 2);
    CHECK(!load(file.data, file.length, NULL, &t, &error) && error.status == LLM_TOO_LARGE &&
          says(&error, "holds 2 sequences; expected at most 1"));
    d = from_memory(file.data, file.length, NULL);
    CHECK(llm_cache_load_rows(out, 1, &found, &d, &error) == LLM_TOO_LARGE && found == 2 && !out[0]);
    CHECK(llm_cache_load_rows(NULL, 1, &found, &d, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_cache_load_rows(out, 0, &found, &d, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_cache_load_rows(out, 1, NULL, &d, &error) == LLM_BAD_ARGUMENT && !out[0]);
    for (n = 0; n < file.length; n++) {
        llm__text cut = file;
        cut.length = n;
        bad += load_rows(&cut, NULL, out, 2, &t, &error) || error.status != LLM_BAD_FORMAT;
    }
    CHECK_EQ(bad, 0);
    CHECK(load_rows(&file, NULL, out, 2, &t, &error));
    last = t.calls;
    for (n = 0; n < 2; n++) llm_cache_close(out[n]);
    for (n = 1; n <= (size_t)last; n++) {
        memset(&t, 0, sizeof t);
        t.refuse = (int)n;
        d.allocator = tally_allocator(&t);
        CHECK(llm_cache_load_rows(out, MOST_ROWS, &found, &d, &error) == LLM_OUT_OF_MEMORY && !out[0] && !t.live);
    }
    llm__text_free(&file);
    file = save_rows(rows, 1); /* a batch of one is a sequence */
    c = must_load(&file, NULL, &t);
    CHECK(c && same_content(c, rows[0]));
    llm_cache_close(c);
    llm__text_free(&file);
    file = file_of_cache(rows[0], some_notes, 2); /* and a sequence a batch of one */
    CHECK(load_rows(&file, NULL, out, 1, &t, &error) && same_content(out[0], rows[0]));
    llm_cache_close(out[0]);
    llm__text_free(&file);
    llm_cache_close(rows[0]);
    llm_cache_close(rows[1]);
}

/* ---- files written by hand, a line for each thing in them:
        m KEY VALUE           an entry of the metadata
        t NAME DTYPE SHAPE    a tensor with some numbers, its shape as 1,2,3
        i NAME NUMBER         a number, int32;  l: int64;  b: bool
        n NAME NUMBERS        an array of int32, as 1,2,3
        o NAME                the empty array that stands for none */

static void add_offsets(llm__text *t, const char *name, const char *dtype, const char *shape_text, size_t at,
                        size_t bytes) {
    char line[400];
    snprintf(line, sizeof line, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%lu,%lu]}", name, dtype,
             shape_text, (unsigned long)at, (unsigned long)(at + bytes));
    add_text(t, line);
}

static size_t tensor_bytes(const char *dtype, const char *shape_text) {
    llm_dtype type = LLM_F32;
    size_t n;
    if (!llm__dtype_from_name(dtype, &type)) exit(2);
    for (n = llm__dtype_bytes(type); *shape_text; shape_text += *shape_text == ',') {
        char *end;
        n *= (size_t)strtoul(shape_text, &end, 10);
        shape_text = end;
    }
    return n;
}

static void add_tensor(llm__text *t, llm__text *data, const char *name, const char *dtype, const char *shape_text) {
    size_t bytes = tensor_bytes(dtype, shape_text), i;
    char c;
    add_offsets(t, name, dtype, shape_text, data->length, bytes);
    for (i = 0; i < bytes; i++) add(data, (c = (char)(mix((uint32_t)data->length) & 0x3B), &c), 1);
}

static void add_numbers(llm__text *t, llm__text *data, const char *name, const char *numbers) {
    char shape_text[16], *end;
    int32_t list[16];
    int n = 0;
    for (; *numbers; numbers = *end ? end + 1 : end) list[n++] = (int32_t)strtol(numbers, &end, 10);
    snprintf(shape_text, sizeof shape_text, "%d", n);
    add_offsets(t, name, "I32", shape_text, data->length, (size_t)n * 4);
    if (n) add(data, list, (size_t)n * 4);
}

static llm__text file_of(const char *spec) {
    llm__text metadata, tensors, data, file;
    char kind[4], name[64], a[64], b[64], line[160];
    uint8_t head[8];
    uint64_t bytes;
    int i;
    memset(&metadata, 0, sizeof metadata);
    tensors = data = file = metadata;
    for (; *spec; spec += *spec == '\n') {
        size_t n = strcspn(spec, "\n");
        a[0] = b[0] = 0;
        snprintf(line, sizeof line, "%.*s", (int)n, spec);
        spec += n;
        if (sscanf(line, "%3s %63s %63s %63s", kind, name, a, b) < 2) continue;
        if (*kind == 't') add_tensor(&tensors, &data, name, a, b);
        else if (*kind == 's') {
            snprintf(line, sizeof line, "%d", (int)strlen(a));
            add_offsets(&tensors, name, "I32", line, data.length, 4 * strlen(a));
            for (i = 0; a[i]; i++) add(&data, (bytes = (uint8_t)a[i], &bytes), 4);
        } else if (*kind == 'n') add_numbers(&tensors, &data, name, a);
        else if (*kind == 'b') {
            add_offsets(&tensors, name, "BOOL", "", data.length, 1);
            add(&data, *a == '1' ? "\1" : "\0", 1);
        } else if (*kind == 'o') add_offsets(&tensors, name, "F32", "0", data.length, 0);
        else if (*kind == 'm') {
            snprintf(line, sizeof line, "%s\"%s\":\"%s\"", metadata.length ? "," : "", name, a);
            add_text(&metadata, line);
        } else {
            int64_t number = (int64_t)strtoll(a, NULL, 10);
            bytes = *kind == 'l' ? 8 : 4;
            add_offsets(&tensors, name, *kind == 'l' ? "I64" : "I32", "", data.length, (size_t)bytes);
            add(&data, &number, (size_t)bytes);
        }
    }
    bytes = sizeof "{\"__metadata__\":{}}" - 1 + metadata.length + tensors.length;
    for (i = 0; i < 8; i++) head[i] = (uint8_t)(bytes >> 8 * i);
    add(&file, head, 8);
    add_text(&file, "{\"__metadata__\":{");
    if (metadata.length) add(&file, metadata.data, metadata.length);
    add_text(&file, "}");
    if (tensors.length) add(&file, tensors.data, tensors.length);
    add_text(&file, "}");
    if (data.length) add(&file, data.data, data.length);
    llm__text_free(&metadata);
    llm__text_free(&tensors);
    llm__text_free(&data);
    return file;
}

#define PLAIN_FILE "m 1.0 KVCache\nm 2.0\nt 0.0 F16 1,2,9,4\nt 0.1 F16 1,2,9,3\ni 0.2 9\n"
#define RING_FILE \
    "m 1.0 RotatingKVCache\nm 2.0\nt 0.0 F16 1,1,8,4\nt 0.1 F16 1,1,8,3\ni 0.2 30\ni 0.3 2\ni 0.4 8\ni 0.5 5\n"
#define CODES_FILE                                                                                                   \
    "m 1.0 QuantizedKVCache\nm 2.0\nt 0.0.0 U32 1,1,9,8\nt 0.0.1 F16 1,1,9,2\nt 0.0.2 F16 1,1,9,2\n"                 \
    "t 0.1.0 U32 1,1,9,4\nt 0.1.1 F16 1,1,9,1\nt 0.1.2 F16 1,1,9,1\ni 0.2 9\ni 0.3 32\ni 0.4 4\n"
#define STATES_FILE "m 1.0 ArraysCache\nm 2.0\nt 0.0.0 F32 1,3,5\nt 0.0.1 F16 1,2,2,2\no 0.1\no 0.2\n"
#define OLD_PLAIN_FILE "m 0.0\nm 1.model x\nm 2.0 KVCache\nt 0.0 F16 1,2,9,4\nt 0.1 F16 1,2,9,3\n"
#define OLD_RING_FILE \
    "m 0.0.0 2\nm 0.0.1 8\nm 0.0.2 30\nm 0.0.3 5\nm 2.0 RotatingKVCache\nt 0.0 F16 1,1,8,4\nt 0.1 F16 1,1,8,3\n"
#define OLD_CODES_FILE                                                                                               \
    "m 0.0.0 9\nm 0.0.1 32\nm 0.0.2 4\nm 2.0 QuantizedKVCache\nt 0.0.0 U32 1,1,9,8\nt 0.0.1 F16 1,1,9,2\n"           \
    "t 0.0.2 F16 1,1,9,2\nt 0.1.0 U32 1,1,9,4\nt 0.1.1 F16 1,1,9,1\nt 0.1.2 F16 1,1,9,1\n"
#define OLD_STATES_FILE "m 0.0\nm 2.0 MambaCache\nt 0.0 F32 1,3,5\nt 0.1 F16 1,2,2,2\n"

#define CHUNK_FILE \
    "m 1.0 ChunkedKVCache\nm 2.0\nt 0.0 F16 1,1,9,4\nt 0.1 F16 1,1,9,3\ni 0.2 30\ni 0.3 8\ni 0.4 22\n"
#define OLD_CHUNK_FILE "m 0.0.0 8\nm 0.0.1 0\nm 2.0 ChunkedKVCache\nt 0.0 F16 1,1,9,4\nt 0.1 F16 1,1,9,3\n"
#define LIST_FILE                                                                                                    \
    "m 1.0 CacheList\nm 1.1 KVCache\nm 2.0\nt 0.0.0.0.0 F32 1,3,5\nt 0.0.0.0.1 F16 1,2,2,2\no 0.0.0.1\no 0.0.0.2\n"  \
    "s 0.0.1 ArraysCache\nt 0.1.0.0.0.0 F16 1,2,9,4\nt 0.1.0.0.0.1 F16 1,2,9,3\ni 0.1.0.0.0.2 9\n"                   \
    "s 0.1.0.0.1 KVCache\ns 0.1.1 CacheList\nt 1.0 F16 1,2,9,4\nt 1.1 F16 1,2,9,3\ni 1.2 9\n"
#define OLD_LIST_FILE                                                                                                \
    "m 0.0.0.0 ArraysCache\nm 0.0.0.1 CacheList\nm 0.0.1.0\nm 0.0.1.1.0.0 RotatingKVCache\nm 0.0.1.1.1.0.0 2\n"      \
    "m 0.0.1.1.1.0.1 8\nm 0.0.1.1.1.0.2 30\nm 0.0.1.1.1.0.3 5\nm 2.0 CacheList\n"                                   \
    "t 0.0.0 F32 1,3,5\nt 0.0.1 F16 1,2,2,2\nt 0.1.0.0 F16 1,1,8,4\nt 0.1.0.1 F16 1,1,8,3\n"

/* Two sequences: of 7 and 9 tokens in 9 of 12 rows; of 30 and 5 in a turned ring of 8. */
#define BATCH_FILE                                                                                                   \
    "m 1.0 BatchKVCache\nm 2.0\nt 0.0 F16 2,1,12,4\nt 0.1 F16 2,1,12,3\nn 0.2 7,9\nn 0.3 2,0\ni 0.4 9\n"
#define BATCH_RING_FILE                                                                                              \
    "m 1.0 BatchRotatingKVCache\nm 2.0\nt 0.0 F16 2,1,8,4\nt 0.1 F16 2,1,8,3\nn 0.2 30,5\nn 0.3 -22,3\ni 0.4 8\n" \
    "i 0.5 30\ni 0.6 5\nb 0.7 1\n"
#define BATCH_STATES_FILE "m 1.0 ArraysCache\nm 2.0\nm 0.llm_tokens 4,6\nt 0.0.0 F32 2,3,5\nn 0.1 -3,0\no 0.2\n"
#define OLD_BATCH_FILE "m 0.0\nm 2.0 BatchKVCache\nt 0.0 F16 2,1,9,4\nt 0.1 F16 2,1,9,3\nn 0.2 7,9\nn 0.3 2,0\n"
#define OLD_BATCH_RING_FILE                                                                                          \
    "m 0.0.0 8\nm 0.0.1 30\nm 0.0.2 5\nm 0.0.3 True\nm 2.0 BatchRotatingKVCache\nt 0.0 F16 2,1,8,4\n"              \
    "t 0.1 F16 2,1,8,3\nn 0.2 30,5\nn 0.3 -22,3\n"

/* `text` with its first `find` replaced. */
static llm__text replaced(const char *text, const char *find, const char *by) {
    const char *at = strstr(text, find);
    llm__text out;
    memset(&out, 0, sizeof out);
    if (!at) {
        printf("the text to replace, %s, is not there\n", find);
        exit(2);
    }
    add(&out, text, (size_t)(at - text));
    add_text(&out, by);
    add_text(&out, at + strlen(find));
    return out;
}

static llm__text edited_file(const char *spec, const char *find, const char *by) {
    llm__text edited = replaced(spec, find, by), file = file_of(edited.data);
    llm__text_free(&edited);
    return file;
}

/* Nothing that a file says makes us take more than a few times its size, the blocks of arenas apart. */
static void check_modest(const tally *t, const llm__text *file) {
    if (t->most > 100000 + 40 * (long long)file->length) CHECK_EQ(t->most, 0);
}

static llm_cache *load_edit(const char *spec, const char *find, const char *by, const llm_cache_desc *want, tally *t,
                            llm_error *error) {
    llm__text file = edited_file(spec, find, by);
    llm_cache *c = load(file.data, file.length, want, t, error);
    check_modest(t, &file);
    llm__text_free(&file);
    return c;
}

/* The files above load as they are, and edited in ways that mlx-lm's own differ in. */
static void good_by_hand(void) {
    static const char *const good[][3] = {
        {PLAIN_FILE, "m", "m"},
        {RING_FILE, "m", "m"},
        {CODES_FILE, "m", "m"},
        {STATES_FILE, "m", "m"},
        {OLD_PLAIN_FILE, "m", "m"},
        {OLD_RING_FILE, "m", "m"},
        {OLD_CODES_FILE, "m", "m"},
        {OLD_STATES_FILE, "m", "m"},
        {CHUNK_FILE, "m", "m"},
        {OLD_CHUNK_FILE, "m", "m"},
        {LIST_FILE, "m", "m"},
        {OLD_LIST_FILE, "m", "m"},
        {CHUNK_FILE, "i 0.4 22", "i 0.4 24"},                     /* the present chunk is enough */
        {OLD_PLAIN_FILE, "2.0 KVCache", "2.0 ConcatenateKVCache"},
        {PLAIN_FILE "m 1.1 ConcatenateKVCache\nt 1.0 F16 1,2,9,4\nt 1.1 F16 1,2,9,3\n", "m", "m"},
        {PLAIN_FILE, "i 0.2 9", "l 0.2 9"},                       /* a larger integer */
        {PLAIN_FILE, "i 0.2 9", "i 0.2 5"},                       /* mlx-lm's buffers are longer than what is used */
        {PLAIN_FILE, "i 0.2 9", "i 0.2 0"},                       /* all was trimmed */
        {PLAIN_FILE, "t 0.1 F16 1,2,9,3", "t 0.1 F16 1,2,9,0"},   /* latent attention keeps no values */
        {PLAIN_FILE, "t 0.1 F16", "t 0.1 BF16"},
        {RING_FILE, "i 0.5 5", "i 0.5 8"},                        /* goes on at its beginning */
        {RING_FILE, "i 0.5 5", "i 0.5 2"},
        {RING_FILE, "i 0.2 30", "i 0.2 5"},                       /* not turned yet */
        {RING_FILE, "i 0.4 8\ni 0.5 5", "i 0.4 6\ni 0.5 8"},      /* a long call leaves more than the window */
        {STATES_FILE, "o 0.1\no 0.2\n", ""},
        {STATES_FILE, "o 0.1\no 0.2\n", "n 0.1 2\nn 0.2 -5\n"}, /* of a prompt of which a part was read */
        {PLAIN_FILE, "m 2.0", "m 2.0\nm 2.1.0 0.2\nm 2.1.1 scalar"},
    };
    size_t i;
    tally t;
    llm_error error;
    for (i = 0; i < sizeof good / sizeof *good; i++) {
        llm_cache *c = load_edit(good[i][0], good[i][1], good[i][2], NULL, &t, &error);
        CHECK(c != NULL);
        if (c) append(c, 3);
        else printf("  case %d: %s\n", (int)i, error.message);
        if (c) close_checked(c, &t);
    }
}

typedef struct lie {
    const char *file, *find, *by, *word;
} lie;

static const lie lies[] = {
    /* the list of layers */
    {PLAIN_FILE, "m 1.0 KVCache\nm 2.0\n", "", "no prompt cache"},
    {PLAIN_FILE, "m 2.0\n", "", "no prompt cache"},
    {PLAIN_FILE, "m 1.0 KVCache\n", "", "lists no layers"},
    {PLAIN_FILE, "m 1.0 KVCache\n", "m 1.1 KVCache\n", "lists no layers"},
    {PLAIN_FILE, "m 2.0", "m 2.0 KVCache", "belongs to none of its 1 layers"}, /* both layouts: number 0.2 is unread */
    {OLD_PLAIN_FILE, "m 2.0 KVCache", "m 2.0", "lists no layers"},
    {OLD_RING_FILE, "m 2.0 RotatingKVCache", "m 2.0\nm 1.0 RotatingKVCache", "\"0.2\": expected a whole number"},
    {OLD_RING_FILE, "m 2.0 RotatingKVCache", "m 2.0 RotatingQuantizedKVCache", "not known here"},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 CacheList", "layer 0: a list without members"},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0", "\"\" is a kind"},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 KVCache\nm 1.0 KVCache", "in its metadata twice"},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 KVCache\nm 1.\\u0000 x", "holds a NUL"},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 KVCache\nm 1.1 KVCache", "\"1.2\": expected a whole number"},
    {PLAIN_FILE, "t 0.0", "t 1.0 F16 1,2,9,4\nt 0.0", "tensor \"1.0\" belongs to none of its 1 layers"},
    {PLAIN_FILE, "t 0.0", "t extra F16 1\nt 0.0", "tensor \"extra\" belongs to none"},
    {PLAIN_FILE, "t 0.0", "t 0.0 F16 1\nt 0.0", "there twice"},
    /* keys and values */
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4\n", "", "no keys"},
    {PLAIN_FILE, "t 0.1 F16 1,2,9,3\n", "", "tensor \"0.1\" is missing"},
    {PLAIN_FILE, "t 0.1 F16 1,2,9,3\n", "o 0.1\n", "tensor \"0.1\" is missing"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4\nt 0.1 F16 1,2,9,3\n", "o 0.0\no 0.1\n", "no keys"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4\nt 0.1 F16 1,2,9,3\n", "", "no keys"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4", "t 0.0 F16 72", "is F16 [72]; expected F32, F16 or BF16 [1, heads"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4", "t 0.0 F16 2,9,4", "is F16 [2, 9, 4]"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4", "t 0.0 F16 1,1,2,9,4", "is F16 [1, 1, 2, 9, 4]"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4", "t 0.0 F16 2,2,9,4", "is F16 [2, 2, 9, 4]"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4", "t 0.0 F16 0,2,9,4", "is F16 [0, 2, 9, 4]"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4", "t 0.0 F16 1,0,9,4", "is F16 [1, 0, 9, 4]"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4", "t 0.0 F16 1,2,9,0", "is F16 [1, 2, 9, 0]"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4", "t 0.0 F16 1,2,0,16777217", "16777217"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4", "t 0.0 F16 1,16777217,0,4", "16777217"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4", "t 0.0 F16 ", "is F16 []"},
    {PLAIN_FILE, "t 0.0 F16", "t 0.0 I32", "is I32"},
    {PLAIN_FILE, "t 0.1 F16", "t 0.1 F64", "is F64"},
    {PLAIN_FILE, "t 0.1 F16 1,2,9,3", "t 0.1 F16 1,1,9,3", "expected 2 heads and 9 tokens as in \"0.0\""},
    {PLAIN_FILE, "t 0.1 F16 1,2,9,3", "t 0.1 F16 1,2,8,3", "expected 2 heads and 9 tokens as in \"0.0\""},
    {PLAIN_FILE, "t 0.1 F16 1,2,9,3", "t 0.1 F16 1,2,1125899906842624,0", "[1, 2, 1125899906842624, 0]"},
    {PLAIN_FILE, "t 0.0 F16 1,2,9,4\nt 0.1 F16 1,2,9,3", "t 0.0 F16 1,2,0,4\nt 0.1 F16 1,2,0,3", "its 0 rows"},
    /* numbers */
    {PLAIN_FILE, "i 0.2 9\n", "", "\"0.2\": expected a whole number"},
    {PLAIN_FILE, "i 0.2 9", "i 0.2 -1", "\"0.2\": expected a whole number"},
    {PLAIN_FILE, "i 0.2 9", "i 0.2 -2147483648", "\"0.2\": expected a whole number"},
    {PLAIN_FILE, "i 0.2 9", "l 0.2 1099511627777", "\"0.2\": expected a whole number from 0 to 2^40"},
    {PLAIN_FILE, "i 0.2 9", "l 0.2 9223372036854775807", "\"0.2\": expected a whole number"},
    {PLAIN_FILE, "i 0.2 9", "t 0.2 I32 1", "\"0.2\": expected a whole number"},
    {PLAIN_FILE, "i 0.2 9", "t 0.2 F32 ", "\"0.2\": expected a whole number"},
    {PLAIN_FILE, "i 0.2 9", "o 0.2", "\"0.2\": expected a whole number"},
    {PLAIN_FILE, "i 0.2 9", "i 0.2 10", "its 9 rows do not hold what is left of 10 tokens"},
    {PLAIN_FILE, "i 0.2 9", "l 0.2 1099511627776", "its 9 rows do not hold"},
    {OLD_RING_FILE, "m 0.0.0 2", "m 0.0.0", "\"0.0.0\": expected a whole number"},
    {OLD_RING_FILE, "m 0.0.0 2\n", "", "\"0.0.0\": expected a whole number"},
    {OLD_RING_FILE, "m 0.0.1 8", "m 0.0.1 8x", "\"0.0.1\": expected a whole number"},
    {OLD_RING_FILE, "m 0.0.2 30", "m 0.0.2 -30", "\"0.0.2\": expected a whole number"},
    {OLD_RING_FILE, "m 0.0.3 5", "m 0.0.3 99999999999999999999999999", "\"0.0.3\": expected a whole number"},
    {OLD_CODES_FILE, "m 0.0.0 9", "m 0.0.0 10", "its 9 rows"},
    {OLD_CODES_FILE, "m 0.0.1 32", "m 0.0.1 33", "groups of 32, 64 or 128"},
    {OLD_CODES_FILE, "m 0.0.2 4", "m 0.0.2 1", "expected 2, 3, 4, 5, 6 or 8 bits"},
    /* rings: 8 rows, 30 tokens seen, 2 kept, a window of 8, going on at 5 */
    {RING_FILE, "i 0.3 2", "i 0.3 8", "fewer kept"},
    {RING_FILE, "i 0.3 2", "l 0.3 1099511627776", "fewer kept"},
    {RING_FILE, "i 0.4 8", "i 0.4 0", "fewer kept"},
    {RING_FILE, "i 0.4 8", "i 0.4 2", "fewer kept"},
    {RING_FILE, "i 0.4 8", "i 0.4 9", "its 8 rows do not hold what is left of 30 tokens"},
    {RING_FILE, "i 0.4 8", "l 0.4 1099511627776", "its 8 rows do not hold"},
    {RING_FILE, "i 0.4 8", "i 0.4 7", "window of 7 has seen 30 tokens and cannot go on at 5"},
    {RING_FILE, "i 0.5 5", "i 0.5 1", "cannot go on at 1"},
    {RING_FILE, "i 0.5 5", "i 0.5 0", "cannot go on at 0"},
    {RING_FILE, "i 0.5 5", "i 0.5 9", "cannot go on at 9"},
    {RING_FILE, "i 0.5 5", "l 0.5 1099511627776", "cannot go on at 1099511627776"},
    {RING_FILE, "i 0.5 5", "i 0.5 -1", "\"0.5\": expected a whole number"},
    {RING_FILE, "i 0.2 30", "i 0.2 7", "has seen 7 tokens and cannot go on at 5"},
    {RING_FILE, "i 0.2 30", "i 0.2 0", "has seen 0 tokens and cannot go on at 5"},
    {RING_FILE, "i 0.2 30\ni 0.3 2\ni 0.4 8\ni 0.5 5", "i 0.2 9\ni 0.3 2\ni 0.4 20\ni 0.5 8", "its 8 rows"},
    {RING_FILE, "i 0.2 30\ni 0.3 2\ni 0.4 8\ni 0.5 5", "i 0.2 8\ni 0.3 2\ni 0.4 20\ni 0.5 5", "cannot go on at 5"},
    {RING_FILE, "i 0.4 8\n", "", "\"0.4\": expected a whole number"},
    {RING_FILE, "i 0.5 5", "i 0.5 5\ni 0.6 5", "\"0.6\" belongs to none"},
    {RING_FILE, "t 0.0 F16 1,1,8,4\nt 0.1 F16 1,1,8,3\n", "o 0.0\no 0.1\n", "no keys"},
    /* codes: 9 tokens, keys of 64 and values of 32 numbers in 4 bits, groups of 32 */
    {CODES_FILE, "t 0.0.0 U32", "t 0.0.0 I32", "is I32 [1, 1, 9, 8]; expected U32 [1, heads"},
    {CODES_FILE, "t 0.0.1 F16", "t 0.0.1 U16", "is U16"},
    {CODES_FILE, "t 0.0.0 U32 1,1,9,8\n", "", "no keys"},
    {CODES_FILE, "t 0.1.2 F16 1,1,9,1\n", "", "\"0.1.2\" is missing"},
    {CODES_FILE, "t 0.0.1 F16 1,1,9,2", "t 0.0.1 F16 1,1,8,2", "9 tokens as in \"0.0.0\""},
    {CODES_FILE, "t 0.0.1 F16 1,1,9,2", "t 0.0.1 F16 1,1,9,3", "\"0.0\": 8 words of codes, 3 scales and 2 biases"},
    {CODES_FILE, "t 0.0.2 F16 1,1,9,2", "t 0.0.2 F16 1,1,9,1", "8 words of codes, 2 scales and 1 biases"},
    {CODES_FILE, "t 0.1.0 U32 1,1,9,4", "t 0.1.0 U32 1,1,9,5", "\"0.1\": 5 words of codes"},
    {CODES_FILE, "t 0.1.0 U32 1,1,9,4\nt 0.1.1 F16 1,1,9,1\nt 0.1.2 F16 1,1,9,1", "t 0.1.0 U32 1,1,9,0\nt 0.1.1 F16 "
     "1,1,9,1\nt 0.1.2 F16 1,1,9,1", "\"0.1\": 0 words of codes"},
    {CODES_FILE, "i 0.3 32", "i 0.3 0", "groups of 32, 64 or 128"},
    {CODES_FILE, "i 0.3 32", "l 0.3 4294967328", "groups of 32, 64 or 128"}, /* 2^32 + 32 */
    {CODES_FILE, "i 0.3 32", "i 0.3 64", "do not fit 4 bits in groups of 64"},
    {CODES_FILE, "i 0.4 4", "i 0.4 7", "expected 2, 3, 4, 5, 6 or 8 bits"},
    {CODES_FILE, "i 0.4 4", "l 0.4 4294967300", "expected 2, 3, 4, 5, 6 or 8 bits"},
    {CODES_FILE, "i 0.4 4", "i 0.4 8", "do not fit 8 bits"},
    {CODES_FILE, "i 0.4 4\n", "", "\"0.4\": expected a whole number"},
    {CODES_FILE, "m 1.0 QuantizedKVCache", "m 1.0 KVCache", "no keys"},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 QuantizedKVCache", "\"0.3\": expected a whole number"},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 RotatingKVCache", "\"0.3\": expected a whole number"},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 ArraysCache", "expected I32 or I64 [sequences]"},
    /* chunks: 9 rows from position 22 on of 30 tokens, in chunks of 8 */
    {CHUNK_FILE, "i 0.3 8", "i 0.3 0", "expected a chunk of 1 token or more"},
    {CHUNK_FILE, "i 0.3 8", "i 0.3 -8", "\"0.3\": expected a whole number"},
    {CHUNK_FILE, "i 0.3 8", "i 0.3 16", "its 9 rows do not hold what is left of 30 tokens"},
    {CHUNK_FILE, "i 0.4 22", "i 0.4 20", "its 9 rows do not hold what is left of 30 tokens"},
    {CHUNK_FILE, "i 0.4 22", "i 0.4 25", "its 9 rows do not hold what is left of 30 tokens"},
    {CHUNK_FILE, "i 0.4 22", "i 0.4 31", "its 9 rows do not hold what is left of 30 tokens"},
    {CHUNK_FILE, "i 0.4 22\n", "", "\"0.4\": expected a whole number"},
    {CHUNK_FILE, "t 0.0 F16 1,1,9,4\nt 0.1 F16 1,1,9,3\ni 0.2 30\n", "o 0.0\no 0.1\ni 0.2 0\n", "no keys"},
    {OLD_CHUNK_FILE, "m 0.0.1 0", "m 0.0.1 3", "its first tokens are gone and, in 0.31's layout, how many"},
    {OLD_CHUNK_FILE, "m 2.0 ChunkedKVCache", "m 2.0 ChunkedQuantizedKVCache", "not known here"},
    /* codes of keys and values apart */
    {PLAIN_FILE "i 0.3 0\ni 0.4 0\ni 0.5 0\ni 0.6 3\n", "m 1.0 KVCache", "m 1.0 MixedQuantizedKVCache",
     "expected 2, 3, 4, 5, 6 or 8 bits"},
    {PLAIN_FILE "i 0.3 0\ni 0.4 0\ni 0.5 32\ni 0.6 4\n", "m 1.0 KVCache", "m 1.0 MixedQuantizedKVCache",
     "\"0.1.0\" is missing"},
    /* lists: states and a list of one attention cache, then attention */
    {LIST_FILE, "s 0.0.1 ArraysCache\n", "", "layer 0: a list without members"},
    {LIST_FILE, "s 0.0.1 ArraysCache", "s 0.0.1 ArraysCash", "layer 0.0.0: \"ArraysCash\" is a kind"},
    {LIST_FILE, "s 0.0.1 ArraysCache", "t 0.0.1 I32 1,11", "is I32 [1, 11]; expected I32 [1 to 39]"},
    {LIST_FILE, "s 0.0.1 ArraysCache", "t 0.0.1 I32 40", "is I32 [40]; expected"},
    {LIST_FILE, "s 0.0.1 ArraysCache", "t 0.0.1 U8 11", "is U8 [11]; expected"},
    {LIST_FILE, "s 0.1.1 CacheList\n", "", "belongs to none"},
    {LIST_FILE, "s 0.1.0.0.1 KVCache", "s 0.1.0.0.1 RotatingKVCache", "\"0.1.0.0.0.3\": expected a whole number"},
    {LIST_FILE, "i 0.1.0.0.0.2 9", "i 0.1.0.0.0.2 8", "layer 1: it has seen another number of tokens"},
    {LIST_FILE, "m 1.0 CacheList\n", "", "lists no layers"},
    {LIST_FILE, "m 1.0 CacheList\nm 1.1 KVCache\n", "m 1.0 KVCache\n", "\"0.2\": expected a whole number"},
    {OLD_LIST_FILE, "m 0.0.0.1 CacheList\n", "", "belongs to none"},
    {OLD_LIST_FILE, "m 0.0.1.1.1.0.3 5\n", "", "\"0.0.1.1.1.0.3\": expected a whole number"},
    {OLD_LIST_FILE, "m 0.0.1.1.0.0 RotatingKVCache", "m 0.0.1.1.0.0 CacheList", "layer 0.1.0: a list without members"},
    /* states */
    {STATES_FILE, "t 0.0.0 F32 1,3,5", "t 0.0.0 F32 2,3,5", "it is of 1 sequences; expected 2"},
    {STATES_FILE, "t 0.0.0 F32 1,3,5", "t 0.0.0 F32 0,3,5", "it is of 0 sequences"},
    {STATES_FILE, "t 0.0.0 F32 1,3,5", "t 0.0.0 F32 15", "is F32 [15]; expected"},
    {STATES_FILE, "t 0.0.0 F32 1,3,5", "t 0.0.0 F32 1,3,1,1,5", "further axes"},
    {STATES_FILE, "t 0.0.0 F32 1,3,5", "t 0.0.0 F32 1,0,5", "is F32 [1, 0, 5]; expected"},
    {STATES_FILE, "t 0.0.0 F32 1,3,5", "t 0.0.0 F32 1,3,0", "is F32 [1, 3, 0]; expected"},
    {STATES_FILE, "t 0.0.0 F32 1,3,5", "t 0.0.0 F32 1,16777217,0", "is F32 [1, 16777217, 0]"},
    {STATES_FILE, "t 0.0.0 F32 1,3,5", "t 0.0.0 U32 1,3,5", "is U32"},
    {STATES_FILE, "t 0.0.0 F32 1,3,5", "o 0.0.0", "the one before it is missing"},
    {STATES_FILE, "o 0.1", "t 0.1 I32 2", "it is of 2 sequences; expected 1"},
    {STATES_FILE, "o 0.2", "t 0.2 F32 1", "expected I32 or I64 [sequences]"},
    {STATES_FILE, "o 0.2", "i 0.2 1", "expected I32 or I64 [sequences]"},
    /* batches */
    {BATCH_FILE, "n 0.2 7,9\n", "", "tensor \"0.2\" is missing"},
    {BATCH_FILE, "n 0.3 2,0\n", "", "tensor \"0.3\" is missing"},
    {BATCH_FILE, "i 0.4 9\n", "", "\"0.4\": expected a whole number"},
    {BATCH_FILE, "n 0.2 7,9", "n 0.2 7", "is I32 [2]; expected as many numbers as there are offsets"},
    {BATCH_FILE, "n 0.3 2,0", "n 0.3 2", "as many numbers as there are offsets"},
    {BATCH_FILE, "n 0.2 7,9\nn 0.3 2,0", "n 0.2 7\nn 0.3 2", "expected F32, F16 or BF16 [1, heads"},
    {BATCH_FILE, "n 0.2 7,9", "t 0.2 F32 2", "expected I32 or I64"},
    {BATCH_FILE, "n 0.2 7,9", "t 0.2 I32 2,1", "expected I32 or I64"},
    {BATCH_FILE, "n 0.2 7,9", "n 0.2 8,9", "sequence 0: 8 tokens seen and padding of 2 do not fit 12 rows that"},
    {BATCH_FILE, "n 0.3 2,0", "n 0.3 1,0", "sequence 0: 7 tokens seen and padding of 1"},
    {BATCH_FILE, "i 0.4 9", "i 0.4 13", "rows that end at 13"},
    {BATCH_FILE, "n 0.3 2,0", "n 0.3 -2147483648,0", "sequence 0"},
    {BATCH_FILE, "t 0.1 F16 2,1,12,3", "t 0.1 F16 1,1,12,3", "expected F32, F16 or BF16 [2, heads"},
    {BATCH_FILE, "t 0.0 F16 2,1,12,4\nt 0.1 F16 2,1,12,3", "o 0.0\no 0.1", "sequence 0: 7 tokens"},
    {BATCH_FILE "m 1.1 KVCache\nt 1.0 F16 1,1,9,4\nt 1.1 F16 1,1,9,3\ni 1.2 9\n", "m", "m",
     "it is of 1 sequences; expected 2"},
    {BATCH_FILE "m 1.1 ArraysCache\nt 1.0.0 F32 3,4\no 1.1\no 1.2\n", "m", "m", "it is of 3 sequences; expected 2"},
    {BATCH_FILE "m 1.1 BatchKVCache\nt 1.0 F16 2,1,9,4\nt 1.1 F16 2,1,9,3\nn 1.2 9,7\nn 1.3 0,2\ni 1.4 9\n", "m",
     "m", "layer 1: it has seen another number"},
    {BATCH_RING_FILE, "i 0.4 8", "i 0.4 0", "expected a window of 1 token or more"},
    {BATCH_RING_FILE, "i 0.4 8", "i 0.4 9", "sequence 0"},
    {BATCH_RING_FILE, "i 0.6 5", "i 0.6 9", "rows that end at 9"},
    {BATCH_RING_FILE, "i 0.6 5", "i 0.6 0", "rows that end at 0"},
    {BATCH_RING_FILE, "b 0.7 1", "b 0.7 0", "sequence 0: 30 tokens seen"},
    {BATCH_RING_FILE, "n 0.3 -22,3", "n 0.3 -22,2", "sequence 1: 5 tokens seen and padding of 2"},
    {BATCH_RING_FILE, "b 0.7 1\n", "", "\"0.7\": expected a whole number"},
    {BATCH_STATES_FILE, "4,6", "4", "\"llm_tokens\" is \"4\"; expected a whole number"},
    {BATCH_STATES_FILE, "4,6", "4,", "\"llm_tokens\" is \"4,\""},
    {BATCH_STATES_FILE, "4,6", "4,6000000000000000000000000000", "\"llm_tokens\" is"},
    {BATCH_STATES_FILE, "n 0.1 -3,0", "n 0.1 -3", "it is of 1 sequences; expected 2"},
    {OLD_BATCH_FILE, "n 0.2 7,9", "n 0.2 7,8", "sequence 1: 8 tokens"},
    {OLD_BATCH_RING_FILE, "m 0.0.3 True\n", "", "sequence 0: 30 tokens"},
    /* what was no array, and what claims to continue */
    {PLAIN_FILE, "m 2.0", "m 2.0\nm 2.1.0 0.2\nm 2.1.1 complex", "\"0.2\" is of kind \"complex\"; expected scalar"},
    {PLAIN_FILE, "m 2.0", "m 2.0\nm 2.1.0 0.2", "tensor \"0.2\" is of kind \"\""},
    {PLAIN_FILE, "m 2.0", "m 2.0\nm 2.1.0 0.2\nm 2.1.1 none", "is I32 []; expected none"},
    {PLAIN_FILE, "m 2.0", "m 2.0\nm 2.1.0 0.2\nm 2.1.1 string", "is I32 []; expected string"},
    {PLAIN_FILE, "m 2.0", "m 2.0\nm 2.1.0 0.1\nm 2.1.1 scalar", "expected scalar"},
    {PLAIN_FILE, "m 2.0", "m 2.0\nm 2.1.0 0.9\nm 2.1.1 none", "tensor \"0.9\", which its metadata list, is missing"},
    {PLAIN_FILE, "i 0.2 9", "s 0.2 nine", "\"0.2\": expected a whole number"},
    {PLAIN_FILE, "m 2.0", "m 2.0\nm 0.llm_after 0", "\"llm_after\" is \"0\"; expected a whole number from 1"},
    {PLAIN_FILE, "m 2.0", "m 2.0\nm 0.llm_after x", "\"llm_after\" is \"x\""},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 ContinuedKVCache", "\"ContinuedKVCache\" is a kind"},
    {STATES_FILE, "t 0.0.1 F16 1,2,2,2", "t 0.0.1 F16 1,2\nt 0.0.2 F16 1,2\nt 0.0.3 F16 1,2\nt 0.0.4 F16 1,2",
     "tensor \"0.0.4\" belongs to none"},
    {STATES_FILE, "m 2.0", "m 2.0\nm 0.llm_tokens 5x", "\"llm_tokens\" is \"5x\"; expected a whole number"},
    {STATES_FILE, "m 2.0", "m 2.0\nm 0.llm_tokens -5", "\"llm_tokens\" is \"-5\""},
    {STATES_FILE, "m 2.0", "m 2.0\nm 0.llm_tokens 1099511627777", "from 0 to 2^40"},
    {OLD_STATES_FILE, "t 0.1 F16 1,2,2,2", "t 0.1 F16 1,2\nt 0.4 F16 1,2", "\"0.4\" belongs to none"},
    /* layers that contradict each other */
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 KVCache\nm 1.1 KVCache\nt 1.0 F16 1,1,8,1\nt 1.1 F16 1,1,8,1\ni 1.2 8",
     "layer 1: it has seen another number of tokens"},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 KVCache\nm 1.1 KVCache\no 1.0\no 1.1\ni 1.2 0", "another number of tokens"},
    {PLAIN_FILE, "m 1.0 KVCache", "m 1.0 KVCache\nm 1.1 ArraysCache\no 1.0.0\no 1.1\no 1.2", "layer 1: it is empty"},
};

static void lying_files(void) {
    size_t i;
    for (i = 0; i < sizeof lies / sizeof *lies; i++) {
        tally t;
        llm_error error;
        llm_cache *out[MOST_ROWS];
        llm__text file = edited_file(lies[i].file, lies[i].find, lies[i].by);
        int taken = load_rows(&file, NULL, out, 2, &t, &error);
        CHECK(!taken && error.status == LLM_BAD_FORMAT && says(&error, lies[i].word));
        if (taken) printf("  \"%s\" for \"%s\" was taken\n", lies[i].by, lies[i].find);
        check_modest(&t, &file);
        llm__text_free(&file);
    }
}

/* Layers without end, and a million entries that none is: refused, soon and at little cost. */
static void countless(void) {
    static const char *const kinds[] = {"m 1.%u MambaCache\n", "m 0.%u x\n"};
    static const char *const words[] = {"too many layers", "lists no layers"};
    int k;
    for (k = 0; k < 2; k++) {
        llm__text spec, file;
        char line[40];
        uint32_t i;
        tally t;
        llm_error error;
        memset(&spec, 0, sizeof spec);
        add_text(&spec, "m 2.0\n");
        for (i = 0; i < 100000; i++) add(&spec, line, (size_t)snprintf(line, sizeof line, kinds[k], i));
        file = file_of(spec.data);
        CHECK(!load(file.data, file.length, NULL, &t, &error) && says(&error, words[k]));
        CHECK(t.most < 16 * (long long)file.length);
        llm__text_free(&spec);
        llm__text_free(&file);
    }
}

/* Lists within each other: as many as may be, and one more. */
static void deep_lists(void) {
    int depth, i;
    for (depth = 7; depth < 12; depth++) {
        llm__text spec, file;
        char path[60] = "0", line[300];
        tally t;
        llm_error error;
        llm_cache *c;
        memset(&spec, 0, sizeof spec);
        add_text(&spec, "m 1.0 CacheList\nm 2.0\n");
        for (i = 1; i <= depth; i++) {
            add(&spec, line, (size_t)snprintf(line, sizeof line, "s %s.0.1 %s\n", path,
                                              i < depth ? "CacheList" : "KVCache"));
            strcat(path, ".0.0");
        }
        add(&spec, line, (size_t)snprintf(line, sizeof line, "t %s.0 F16 1,1,2,3\nt %s.1 F16 1,1,2,3\ni %s.2 2\n",
                                          path, path, path));
        file = file_of(spec.data);
        c = load(file.data, file.length, NULL, &t, &error);
        CHECK(depth <= LLM_CACHE_MAX_DEPTH ? c && llm_cache_layers(c) == (size_t)depth + 1
                                           : !c && error.status == LLM_BAD_FORMAT && says(&error, "at most 8 lists"));
        llm_cache_close(c);
        llm__text_free(&spec);
        llm__text_free(&file);
    }
}

/* A ring that goes on in its middle, in both layouts: rows 2 to 4 are the newest, then come 5 to 7, the oldest. */
static void turned_ring(void) {
    static const int64_t rows[] = {0, 1, 5, 6, 7, 2, 3, 4}, positions[] = {0, 1, 24, 25, 26, 27, 28, 29};
    const char *const specs[] = {RING_FILE, OLD_RING_FILE};
    int k, j, i;
    for (k = 0; k < 2; k++) {
        llm__text file = file_of(specs[k]);
        tally t;
        llm_cache *c = must_load(&file, NULL, &t);
        const uint8_t *keys = (const uint8_t *)file.data + file.length - 8 * 7 * 2 - (k ? 0 : 16);
        CHECK(c && c->length == 30 && c->layers[0].desc.keep == 2 && c->layers[0].desc.window == 8);
        for (j = 0; c && j < 8; j++) {
            llm_rows key = llm__cache_keys(c, 0, 0, positions[j] / LLM_PAGE_TOKENS);
            llm_rows value = llm__cache_values(c, 0, 0, positions[j] / LLM_PAGE_TOKENS);
            size_t row = (size_t)(positions[j] % LLM_PAGE_TOKENS);
            i = (int)rows[j];
            CHECK(!memcmp(key.data + row * key.stride, keys + i * 8, 8));
            CHECK(!memcmp(value.data + row * value.stride, keys + 8 * 8 + i * 6, 6));
        }
        close_checked(c, &t);
        llm__text_free(&file);
    }
}

/* The two sequences of a batch, in the order of their tokens. */
static void batches_by_hand(void) {
    static const struct {
        const char *spec;
        int64_t lengths[2], window, rows;  /* of the tensors */
        int64_t row, position, last;       /* where a token of the second sequence lies, and of its newest */
    } all[] = {
        {BATCH_FILE, {7, 9}, 0, 12, 3, 3, 8},
        {OLD_BATCH_FILE, {7, 9}, 0, 9, 3, 3, 8},
        {BATCH_RING_FILE, {30, 5}, 8, 8, 0, 0, 4},
        {OLD_BATCH_RING_FILE, {30, 5}, 8, 8, 0, 0, 4},
    };
    size_t i;
    for (i = 0; i < sizeof all / sizeof *all; i++) {
        llm__text file = file_of(all[i].spec);
        llm_cache *out[MOST_ROWS];
        llm_error error;
        tally t;
        const llm_cache_layer *l;
        llm_rows key;
        const uint8_t *keys;
        uint64_t header;
        if (!load_rows(&file, NULL, out, 2, &t, &error)) {
            printf("%s\n", error.message);
            exit(2);
        }
        memcpy(&header, file.data, 8);
        keys = (const uint8_t *)file.data + 8 + header;
        l = llm__cache_layer_desc(out[1], 0);
        CHECK(out[0]->length == all[i].lengths[0] && out[1]->length == all[i].lengths[1] && l->window == all[i].window);
        key = llm__cache_keys(out[1], 0, 0, 0);
        CHECK(!memcmp(key.data + (size_t)all[i].position * key.stride,
                      keys + (size_t)(all[i].rows + all[i].row) * 8, 8));
        append(out[0], 3);
        append(out[1], 1);
        llm_cache_close(out[0]);
        llm_cache_close(out[1]);
        CHECK_EQ(t.live, 0);
        llm__text_free(&file);
    }
}

/* ---- batches that mlx-lm wrote, and what its extract() says of their sequences */

typedef struct golden {
    llm__arena arena;
    llm__folder folder;
    llm__tensors tensors;
} golden;

static const llm__tensor *golden_tensor(golden *g, const char *name) {
    llm__tensor *x = llm__tensor_find(&g->tensors, name);
    const uint8_t *data;
    if (x && llm__tensor_fetch(&g->folder, x, &data, NULL)) exit(2);
    return x;
}

/* Whether the newest tokens of a layer are those of a tensor [1, heads, tokens, width]. */
static int golden_rows(const llm_cache *c, size_t layer, int part, const llm__tensor *x) {
    const llm_cache_layer *l = llm__cache_layer_desc(c, layer);
    int64_t tokens = x->shape[2], t;
    size_t bytes = (size_t)x->shape[3] * llm__dtype_bytes(x->dtype);
    int head;
    if (x->shape[1] != l->heads || x->shape[3] != (part ? l->value_width : l->key_width)) return 0;
    for (head = 0; head < l->heads; head++)
        for (t = llm__oldest_held(l, c->length) - (c->length - tokens); t < tokens; t++) {
            int64_t position = c->length - tokens + t;
            llm_rows rows;
            if (t < 0) continue; /* the oldest of a window, which padding stands for */
            rows = llm__cache_rows(c, layer, part, head, position / LLM_PAGE_TOKENS);
            if (rows.dtype != x->dtype || memcmp(rows.data + (size_t)(position % LLM_PAGE_TOKENS) * rows.stride,
                                                 x->data + (size_t)(head * tokens + t) * bytes, bytes))
                return 0;
        }
    return 1;
}

static int golden_sequence(golden *g, const llm_cache *c, size_t row) {
    char name[64];
    const llm__tensor *offsets = golden_tensor(g, "offsets"), *x;
    size_t i, leaf = 0, a;
    int recurrent = 0, same = 1;
    for (i = 0; i < llm_cache_layers(c); i++) {
        if (llm__cache_layer_desc(c, i)->kind == LLM_CACHE_LIST) continue;
        recurrent = llm__cache_layer_desc(c, i)->kind == LLM_CACHE_RECURRENT;
        for (a = 0; a < 2 && same; a++) {
            snprintf(name, sizeof name, recurrent ? "%lu.%lu.%d" : a ? "%lu.%lu.values" : "%lu.%lu.keys",
                     (unsigned long)row, (unsigned long)leaf, (int)a);
            x = golden_tensor(g, name);
            same = x && (recurrent ? !memcmp(x->data, llm__cache_state(c, i, (int)a), (size_t)x->bytes)
                                   : golden_rows(c, i, (int)a, x));
        }
        leaf++;
    }
    snprintf(name, sizeof name, "%lu.%lu.keys", (unsigned long)row, (unsigned long)leaf);
    return same && !golden_tensor(g, name) && c->length == llm__whole_in(offsets, (int64_t)row);
}

static void golden_batches(void) {
    static const char *const names[] = {"kv", "kv-went-on", "rotating", "rotating-turned", "rotating-twice-turned",
                                        "rotating-long-call", "rotating-both", "states", "list", "left-padded",
                                        "right-padded", "filtered"};
    size_t i, row, rows;
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        char path[60];
        golden g;
        const llm__tensor *x;
        llm__text file, again;
        llm_cache *out[MOST_ROWS];
        llm_error error;
        tally t;
        memset(&g, 0, sizeof g);
        snprintf(path, sizeof path, "%s.safetensors", names[i]);
        g.arena.allocator = llm__allocator_or_default(g.arena.allocator);
        g.folder.path = "tests/golden/cachefiles-batch";
        g.folder.files = llm__files_or_default(g.folder.files);
        g.folder.arena = &g.arena;
        if (llm__safetensors_add(&g.folder, path, &g.tensors, &error) || !(x = golden_tensor(&g, "cache_file"))) {
            printf("%s: %s\n", path, error.message);
            exit(2);
        }
        memset(&file, 0, sizeof file);
        add(&file, x->data, (size_t)x->bytes);
        rows = (size_t)golden_tensor(&g, "offsets")->shape[0];
        if (!load_rows(&file, NULL, out, rows, &t, &error)) printf("%s: %s\n", path, error.message);
        for (row = 0; row < rows && out[row]; row++) {
            CHECK(golden_sequence(&g, out[row], row));
            if (!golden_sequence(&g, out[row], row)) printf("  row %d of %s\n", (int)row, path);
        }
        CHECK(row == rows);
        again = save_rows(out, rows);
        for (row = 0; row < rows; row++) llm_cache_close(out[row]);
        if (load_rows(&again, NULL, out, rows, &t, &error))
            for (row = 0; row < rows; row++) CHECK(golden_sequence(&g, out[row], row));
        for (row = 0; row < rows; row++) llm_cache_close(out[row]);
        CHECK_EQ(t.live, 0);
        llm__text_free(&file);
        llm__text_free(&again);
        llm__folder_close(&g.folder);
        llm__tensors_free(&g.arena.allocator, &g.tensors);
        llm__arena_free(&g.arena);
    }
}

/* Layers of several dtypes are kept in one that holds them all. */
static void mixed_dtypes(void) {
    tally t;
    llm_error error;
    llm_cache *c = load_edit(PLAIN_FILE, "t 0.1 F16", "t 0.1 F32", NULL, &t, &error);
    CHECK(c && c->dtype == LLM_F32);
    close_checked(c, &t);
    c = load_edit(PLAIN_FILE, "m 1.0 KVCache", "m 1.0 KVCache\nm 1.1 KVCache\nt 1.0 BF16 1,1,9,1\nt 1.1 BF16 1,1,9,1\n"
                  "i 1.2 9", NULL, &t, &error);
    CHECK(c && c->dtype == LLM_F32);
    close_checked(c, &t);
    c = load_edit(PLAIN_FILE, "m", "m", NULL, &t, &error);
    CHECK(c && c->dtype == LLM_F16);
    close_checked(c, &t);
}

/* ---- files cut short and damaged */

static void truncated(void) {
    llm_cache *c = make(&shapes[MIXED], 5, 5, NULL), *loaded;
    llm__text file = file_of_cache(c, some_notes, 2);
    size_t n, bad = 0;
    tally t;
    llm_error error;
    for (n = 0; n < file.length; n++) {
        loaded = load(file.data, n, NULL, &t, &error);
        bad += loaded != NULL || (error.status != LLM_BAD_FORMAT);
        llm_cache_close(loaded);
    }
    CHECK_EQ(bad, 0);
    CHECK(file.length > 3000);
    llm__text_free(&file);
    llm_cache_close(c);
}

/* Every bit of the header and some of the data, one at a time: an error, or what was there. */
static void flipped(void) {
    llm_cache *c = make(&shapes[MIXED], 5, 5, NULL), *loaded;
    llm_cache_desc want = desc_of(&shapes[MIXED], NULL);
    llm__text file = file_of_cache(c, some_notes, 2);
    size_t header = 8 + (size_t)(uint8_t)file.data[0] + ((size_t)(uint8_t)file.data[1] << 8), n, taken = 0, bad = 0;
    uint32_t bit;
    tally t;
    llm_error error;
    for (n = 0; n < file.length; n += n < header ? 1 : 5)
        for (bit = n < header ? 0 : mix((uint32_t)n) % 8; bit < 8; bit += n < header ? 1 : 8) {
            file.data[n] = (char)(file.data[n] ^ (1 << bit));
            loaded = load(file.data, file.length, &want, &t, &error);
            file.data[n] = (char)(file.data[n] ^ (1 << bit));
            if (!loaded) continue;
            taken++;
            bad += !same_content(c, loaded) || !llm_cache_note(loaded, "model") ||
                   strcmp(llm_cache_note(loaded, "model"), "tiny") || n >= LLM__CHECKSUM_AT;
            llm_cache_close(loaded);
        }
    CHECK_EQ(bad, 0);
    CHECK(taken > 0 && taken < 8 * LLM__CHECKSUM_AT); /* only what names the checksum itself */
    llm__text_free(&file);
    llm_cache_close(c);
}

static void damaged(void) {
    llm_cache *c = make(&shapes[PLAIN], 300, 300, NULL);
    llm__text file = file_of_cache(c, some_notes, 2);
    char *note = strstr(file.data + 8, "tiny");
    tally t;
    llm_error error;
    file.data[file.length - 9] ^= 1;
    CHECK(!load(file.data, file.length, NULL, &t, &error) && says(&error, "damaged") && says(&error, "expected"));
    file.data[file.length - 9] ^= 1;
    if (note) *note ^= 1;
    CHECK(note && !load(file.data, file.length, NULL, &t, &error) && says(&error, "damaged"));
    if (note) *note ^= 1;
    file.data[LLM__CHECKSUM_AT] = 'x';
    CHECK(!load(file.data, file.length, NULL, &t, &error) && says(&error, "damaged") && says(&error, "expected x"));
    llm__text_free(&file);
    llm_cache_close(c);
}

/* What another program made of a cache of ours keeps our notes, but not our bytes. */
static void notes_carried_over(void) {
    tally t;
    llm_error error;
    llm_cache *c = load_edit(PLAIN_FILE, "m 1.0", "m 0.llm_tokens 4\nm 0.llm_checksum 0123456789abcdef\nm 0.model x\n"
                             "m 1.0", NULL, &t, &error);
    CHECK(c && c->length == 9 && !strcmp(llm_cache_note(c, "model"), "x") && !llm_cache_note(c, "llm_checksum"));
    close_checked(c, &t);
    c = load_edit(OLD_PLAIN_FILE, "m", "m", NULL, &t, &error);
    CHECK(c && llm_cache_note(c, "model") && !strcmp(llm_cache_note(c, "model"), "x"));
    close_checked(c, &t);
}

/* ---- files of another model */

static void expect_mismatch(const llm__text *file, const llm_cache_desc *want, const char *word, const char *other) {
    tally t;
    llm_error error;
    llm_cache *c = load(file->data, file->length, want, &t, &error);
    CHECK(!c && error.status == LLM_BAD_ARGUMENT && says(&error, word) && says(&error, other));
    llm_cache_close(c);
}

static void other_models(void) {
    llm_cache *c = make(&shapes[MIXED], 90, 90, NULL), *loaded;
    llm__text file = file_of_cache(c, NULL, 0);
    shape s = shapes[MIXED];
    const llm_cache_codes plain = {0, 0};
    llm_cache_desc want = desc_of(&s, NULL);
    tally t;
    want.layer_count--;
    expect_mismatch(&file, &want, "has 6 layers", "expected 5");
    want.layer_count++;
    s.layers[0].heads = 3;
    expect_mismatch(&file, &want, "layer 0 is attention, 2 heads of 4 and 6", "expected attention, 3 heads of 4 and 6");
    s.layers[0].heads = 2;
    s.layers[0].key_width = 5;
    expect_mismatch(&file, &want, "layer 0", "expected attention, 2 heads of 5 and 6");
    s.layers[0].key_width = 4;
    s.layers[0].value_width = 0;
    expect_mismatch(&file, &want, "layer 0", "expected attention, 2 heads of 4 and 0");
    s.layers[0].value_width = 6;
    s.layers[0].window = 100;
    expect_mismatch(&file, &want, "layer 0", "window 100");
    s.layers[0].window = 0;
    s.layers[1].window = 99;
    expect_mismatch(&file, &want, "layer 1 is attention, 1 heads of 32 and 32, window 100, 5 bits", "window 99");
    s.layers[1].window = 100;
    s.layers[2].shapes[1][1] = 3;
    expect_mismatch(&file, &want, "layer 2 is recurrent 7 30x2x1", "expected recurrent 7 30x3x1");
    s.layers[2] = s.layers[0];
    expect_mismatch(&file, &want, "layer 2 is recurrent", "expected attention");
    s.layers[2] = shapes[MIXED].layers[2];
    s.layers[0] = s.layers[2];
    expect_mismatch(&file, &want, "layer 0 is attention", "expected recurrent");
    s.layers[0] = shapes[MIXED].layers[0];
    s.layers[4].kind = LLM_CACHE_LATENT;
    s.layers[4].key_width = 64;
    expect_mismatch(&file, &want, "layer 4 is latent, 1 heads of 128", "expected latent, 1 heads of 64");
    s.layers[4] = shapes[MIXED].layers[4];
    s.layers[5].kind = LLM_CACHE_LIST;
    expect_mismatch(&file, &want, "layer 5 is attention", "expected a list of 0");
    s.layers[5] = shapes[MIXED].layers[5];
    s.layers[0].chunk = 8;
    expect_mismatch(&file, &want, "layer 0 is attention", "chunks of 8");
    s.layers[0].chunk = 0;
    want.layers = NULL;
    expect_mismatch(&file, &want, "no layers", "wanted");
    want.layers = s.layers;
    want.dtype = LLM_I8;
    expect_mismatch(&file, &want, "stored as F32", "I8");
    want.dtype = LLM_F16;
    /* a window that is not given, kept tokens and bits are the file's; what stands behind a shape's 0 says nothing */
    s.layers[1].window = s.layers[1].keep = 0;
    s.layers[1].keys = s.layers[1].values = s.layers[4].keys = s.layers[4].values = plain;
    s.layers[2].shapes[0][2] = 77;
    s.layers[2].shapes[3][0] = 0;
    s.layers[2].shapes[3][1] = 5;
    loaded = must_load(&file, &want, &t);
    CHECK(loaded && same_content(c, loaded));
    CHECK(loaded->layers[1].desc.keep == 4 && loaded->layers[4].desc.keys.bits == 4);
    close_checked(loaded, &t);
    llm__text_free(&file);
    llm_cache_close(c);
}

/* Empty caches: the file says which kinds, the description how large they are. */
static void empty_caches(void) {
    llm_cache *c = make(&shapes[MIXED], 0, 1, NULL), *loaded;
    llm__text file = file_of_cache(c, NULL, 0);
    shape s = shapes[MIXED];
    llm_cache_desc want = desc_of(&s, NULL);
    tally t;
    expect_mismatch(&file, NULL, "layer 0 is empty", "`want`");
    s.layers[1].window = s.layers[1].keep = s.layers[1].keys.bits = s.layers[1].values.bits = 0;
    loaded = must_load(&file, &want, &t);
    CHECK(loaded && same_content(c, loaded) && go_on_alike(c, loaded));
    close_checked(loaded, &t);
    s.layers[1].window = 50;
    expect_mismatch(&file, &want, "layer 1 is empty", "window 50");
    s.layers[1].window = 0;
    s.layers[2] = s.layers[0];
    expect_mismatch(&file, &want, "layer 2 is recurrent", "expected attention");
    s.layers[2] = shapes[MIXED].layers[2];
    s.layers[0] = s.layers[2];
    expect_mismatch(&file, &want, "layer 0 is empty", "expected recurrent");
    llm__text_free(&file);
    llm_cache_close(c);
}

/* ---- memory that is refused, sinks and files that fail */

static void refused_memory(void) {
    int n, last;
    tally mine, t;
    llm_cache *c = make(&shapes[MIXED], 70, 70, &mine), *loaded;
    llm_cache_desc want = desc_of(&shapes[MIXED], NULL);
    llm_cache_save_desc to;
    llm_error error;
    llm__text file, again;
    long long live;
    memset(&mine, 0, sizeof mine);
    llm_cache_close(c); /* opened only to learn that the tally works from its first call */
    memset(&mine, 0, sizeof mine);
    c = make(&shapes[MIXED], 70, 70, &mine);
    live = mine.live;
    memset(&to, 0, sizeof to);
    to.notes = some_notes;
    to.note_count = 2;
    to.sink.write = collect;
    file = file_of_cache(c, some_notes, 2);
    for (n = 1;; n++) {
        memset(&again, 0, sizeof again);
        to.sink.user = &again;
        mine.refuse = mine.calls + n;
        if (!llm_cache_save(c, &to, &error)) break;
        CHECK(error.status == LLM_OUT_OF_MEMORY && !again.length && mine.live == live);
    }
    CHECK(n > 4 && again.length == file.length && !memcmp(again.data, file.data, file.length) && mine.live == live);
    llm__text_free(&again);
    mine.refuse = 0;
    loaded = load(file.data, file.length, &want, &t, &error);
    last = t.calls;
    close_checked(loaded, &t);
    for (n = 1; n <= last; n++) {
        llm_cache_load_desc d = from_memory(file.data, file.length, &want);
        loaded = NULL;
        memset(&t, 0, sizeof t);
        t.refuse = n;
        d.allocator = tally_allocator(&t);
        CHECK(llm_cache_load(&loaded, &d, &error) == LLM_OUT_OF_MEMORY && !loaded && !t.live);
    }
    CHECK(last > 10);
    llm__text_free(&file);
    llm_cache_close(c);
    CHECK_EQ(mine.live, 0);
}

typedef struct weak_sink {
    long calls, refuse;
} weak_sink;

static int weak_write(void *user, const void *data, size_t bytes) {
    weak_sink *s = (weak_sink *)user;
    (void)data;
    (void)bytes;
    return ++s->calls == s->refuse;
}

static void failing_sinks(void) {
    llm_cache *c = make(&shapes[MIXED], 300, 300, NULL);
    llm_cache_save_desc d;
    weak_sink s;
    llm_error error;
    long n;
    memset(&d, 0, sizeof d);
    d.sink.user = &s;
    d.sink.write = weak_write;
    for (n = 1;; n++) {
        s.calls = 0;
        s.refuse = n;
        if (!llm_cache_save(c, &d, &error)) break;
        CHECK(error.status == LLM_BAD_FILE && says(&error, "sink") && s.calls == n); /* it is not asked again */
    }
    CHECK(n > 5 && s.calls == n - 1 && !error.message[0]);
    llm_cache_close(c);
}

static int patch_text(void *user, uint64_t at, const void *data, size_t bytes) {
    llm__text *t = (llm__text *)user;
    CHECK(at + bytes <= t->length);
    memcpy(t->data + at, data, bytes);
    return 0;
}

static int weak_patch(void *user, uint64_t at, const void *data, size_t bytes) {
    (void)at;
    return weak_write(user, data, bytes);
}

/* A sink that can patch gets the same file, in one go. */
static void patching_sinks(void) {
    llm_cache *c = make(&shapes[MIXED], 300, 300, NULL);
    llm__text file = file_of_cache(c, some_notes, 2), patched;
    llm_cache_save_desc d;
    weak_sink s;
    llm_error error;
    long n;
    memset(&patched, 0, sizeof patched);
    memset(&d, 0, sizeof d);
    d.sink.user = &patched;
    d.sink.write = collect;
    d.sink.patch = patch_text;
    d.notes = some_notes;
    d.note_count = 2;
    CHECK(!llm_cache_save(c, &d, &error) && patched.length == file.length);
    CHECK(!memcmp(patched.data, file.data, file.length));
    d.sink.user = &s;
    d.sink.write = weak_write;
    d.sink.patch = weak_patch;
    for (n = 1;; n++) {
        s.calls = 0;
        s.refuse = n;
        if (!llm_cache_save(c, &d, &error)) break;
        CHECK(error.status == LLM_BAD_FILE && says(&error, "sink") && s.calls == n);
    }
    CHECK(n > 5 && s.calls == n - 1);
    llm__text_free(&file);
    llm__text_free(&patched);
    llm_cache_close(c);
}

/* Files that the host brings: one that opens, reads and maps as it is told. */
typedef struct weak_files {
    const llm__text *file;
    long reads, refuse;
    int open, maps;
    const char *path;
} weak_files;

static int weak_open(void *user, const char *path, void **handle, uint64_t *bytes) {
    weak_files *w = (weak_files *)user;
    w->path = path;
    if (!w->file) return -1;
    *handle = w;
    *bytes = w->file->length;
    w->open++;
    return 0;
}

static int weak_read(void *user, void *handle, uint64_t offset, void *into, size_t bytes) {
    weak_files *w = (weak_files *)user;
    if (handle != user || ++w->reads == w->refuse || offset + bytes > w->file->length) return -1;
    memcpy(into, w->file->data + offset, bytes);
    return 0;
}

static const void *weak_map(void *user, void *handle, uint64_t bytes) {
    weak_files *w = (weak_files *)user;
    return handle == user && w->maps && bytes == w->file->length ? w->file->data : NULL;
}

static void weak_close(void *user, void *handle) { ((weak_files *)user)->open -= handle == user; }

static llm_cache *load_weak(weak_files *w, const char *path, tally *t, llm_error *error) {
    llm_cache_load_desc d;
    llm_cache *c;
    memset(&d, 0, sizeof d);
    d.path = path;
    d.files.user = w;
    d.files.open = weak_open;
    d.files.read = weak_read;
    d.files.map = weak_map;
    d.files.close = weak_close;
    c = load_with(d, t, error);
    CHECK(!w->open && w->path == path); /* the host sees the very path that it gave */
    return c;
}

static void files_of_the_host(void) {
    static const char *const path = "pre/some..where/a cache..safetensors";
    llm_cache *c = make(&shapes[4], 300, 300, NULL), *loaded;
    llm__text file = file_of_cache(c, NULL, 0);
    weak_files w;
    tally t;
    llm_error error;
    long n;
    memset(&w, 0, sizeof w);
    CHECK(!load_weak(&w, path, &t, &error) && error.status == LLM_BAD_FILE && says(&error, path));
    w.file = &file;
    for (w.maps = 0; w.maps < 2; w.maps++) {
        w.reads = 0;
        loaded = load_weak(&w, path, &t, &error);
        CHECK(loaded && same_content(c, loaded));
        close_checked(loaded, &t);
        CHECK((w.reads == 0) == w.maps);
    }
    w.maps = 0;
    for (n = 1;; n++) {
        w.reads = 0;
        w.refuse = n;
        loaded = load_weak(&w, path, &t, &error);
        if (loaded) break;
        CHECK(error.status == LLM_BAD_FILE && says(&error, "a cache..safetensors"));
    }
    CHECK(n > 10);
    close_checked(loaded, &t);
    llm__text_free(&file);
    llm_cache_close(c);
}

static void bad_calls(void) {
    llm_cache *c = make(&shapes[PLAIN], 3, 3, NULL), *out = c;
    llm_cache_save_desc to;
    llm_cache_load_desc from;
    llm_error error;
    memset(&to, 0, sizeof to);
    memset(&from, 0, sizeof from);
    CHECK(llm_cache_save(c, &to, &error) == LLM_BAD_ARGUMENT && says(&error, "path or a sink"));
    CHECK(llm_cache_save(NULL, &to, NULL) == LLM_BAD_ARGUMENT && llm_cache_save(c, NULL, NULL) == LLM_BAD_ARGUMENT);
    to.sink.write = weak_write;
    begin(c, 1);
    CHECK(llm_cache_save(c, &to, &error) == LLM_BAD_ARGUMENT && says(&error, "under way"));
    llm__cache_abandon(c);
    CHECK(llm_cache_load(&out, &from, &error) == LLM_BAD_ARGUMENT && says(&error, "path or data") && !out);
    CHECK(llm_cache_load(NULL, &from, &error) == LLM_BAD_ARGUMENT && says(&error, "NULL"));
    CHECK(llm_cache_load(&out, NULL, &error) == LLM_BAD_ARGUMENT);
    from.data = "";
    CHECK(llm_cache_load(&out, &from, &error) == LLM_BAD_FORMAT && says(&error, "too few"));
    from.tokens = -1;
    CHECK(llm_cache_load(&out, &from, &error) == LLM_BAD_ARGUMENT && !out);
    llm_cache_close(c);
}

/* ---- files that are replaced */

#if HAVE_POSIX
static char folder[3000];

/* A path in the folder, until the next is asked for. */
static const char *in_folder(const char *name) {
    static char path[4000];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static llm_status save_file(const llm_cache *c, const char *path, llm_error *error) {
    llm_cache_save_desc d;
    memset(&d, 0, sizeof d);
    d.path = path;
    return llm_cache_save(c, &d, error);
}

static llm_cache *load_file(const char *path, tally *t, llm_error *error) {
    llm_cache_load_desc d;
    memset(&d, 0, sizeof d);
    d.path = path;
    return load_with(d, t, error);
}

static int holds(const char *path, const llm_cache *c) {
    tally t;
    llm_error error;
    llm_cache *loaded = load_file(path, &t, &error);
    int same = loaded && same_content(c, loaded);
    if (!loaded) printf("%s\n", error.message);
    llm_cache_close(loaded);
    return same && !t.live;
}

static int is_there(const char *path) { return !access(path, F_OK); }

static void files_on_disk(void) {
    llm_cache *a = make(&shapes[PLAIN], 65, 65, NULL), *b = make(&shapes[STATES], 9, 1, NULL);
    llm_error error;
    tally t;
    char here[sizeof folder];
    CHECK_EQ(save_file(a, in_folder("x"), &error), LLM_OK);
    CHECK(holds(in_folder("x"), a) && !is_there(in_folder("x.part")));
    CHECK_EQ(save_file(b, in_folder("x"), &error), LLM_OK);
    CHECK(holds(in_folder("x"), b) && !is_there(in_folder("x.part")));
    if (getcwd(here, sizeof here) && !chdir(folder)) { /* a path without a folder */
        CHECK_EQ(save_file(a, "y", &error), LLM_OK);
        CHECK(holds("y", a));
        if (chdir(here)) exit(2);
    }
    CHECK(!load_file(in_folder("none"), &t, &error) && error.status == LLM_BAD_FILE);
    CHECK(says(&error, "none: cannot be opened"));
    CHECK(!load_file(folder, &t, &error) && error.status == LLM_BAD_FILE);
    CHECK(!truncate(in_folder("y"), 100) && !load_file(in_folder("y"), &t, &error) && error.status == LLM_BAD_FORMAT);
    CHECK(!truncate(in_folder("y"), 0) && !load_file(in_folder("y"), &t, &error) && error.status == LLM_BAD_FORMAT);
    remove(in_folder("x"));
    remove(in_folder("y"));
    llm_cache_close(a);
    llm_cache_close(b);
}

/* Whatever stops a save, the file that was there stays, and no part of another beside it. */
static void saves_that_fail(void) {
    llm_cache *a = make(&shapes[PLAIN], 65, 65, NULL), *b = make(&shapes[PLAIN], 300, 300, NULL);
    llm__text file = file_of_cache(b, NULL, 0);
    char path[4000];
    struct rlimit all, little;
    llm_error error;
    char longest[4200];
    size_t n;
    snprintf(path, sizeof path, "%s", in_folder("x"));
    CHECK_EQ(save_file(a, path, &error), LLM_OK);
    getrlimit(RLIMIT_FSIZE, &all);
    little = all;
    signal(SIGXFSZ, SIG_IGN);
    for (n = 0; n < file.length; n += 997) { /* the disk is full after so many bytes */
        little.rlim_cur = n;
        setrlimit(RLIMIT_FSIZE, &little);
        CHECK_EQ(save_file(b, path, &error), LLM_BAD_FILE);
        setrlimit(RLIMIT_FSIZE, &all);
        CHECK(says(&error, "untouched") && holds(path, a) && !is_there(in_folder("x.part")));
    }
    signal(SIGXFSZ, SIG_DFL);
    CHECK(!mkdir(in_folder("x.part"), 0777));
    CHECK(save_file(b, path, &error) == LLM_BAD_FILE && says(&error, "x.part: cannot be written") && holds(path, a));
    CHECK(!rmdir(in_folder("x.part")));
    CHECK(!mkdir(in_folder("d"), 0777)); /* a folder in its place */
    CHECK(save_file(b, in_folder("d"), &error) == LLM_BAD_FILE && !is_there(in_folder("d.part")));
    CHECK(!rmdir(in_folder("d")));
    CHECK(save_file(b, in_folder("no/x"), &error) == LLM_BAD_FILE && says(&error, "cannot be written"));
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    CHECK(save_file(b, longest, &error) == LLM_TOO_LARGE && says(&error, "4199 bytes; the limit is 4095"));
    longest[4095] = 0;
    CHECK(save_file(b, longest, &error) == LLM_BAD_FILE);
    remove(path);
    llm__text_free(&file);
    llm_cache_close(a);
    llm_cache_close(b);
}

/* A saver that is killed, 200 times at random moments: the file is always one of the two that it saves in turn. */
static void killed_savers(void) {
    llm_cache *a = make(&shapes[PLAIN], 65, 65, NULL), *b = make(&shapes[PLAIN], 300, 300, NULL);
    const char *path = in_folder("x");
    llm_error error;
    int i, bad = 0;
    CHECK_EQ(save_file(a, path, &error), LLM_OK);
    for (i = 0; i < 200; i++) {
        struct timespec moment;
        tally t;
        llm_cache *c;
        pid_t child;
        int how = 0;
        fflush(stdout);
        child = fork();
        if (!child)
            for (;;)
                if (save_file(b, path, &error) || save_file(a, path, &error)) _exit(1);
        moment.tv_sec = 0;
        moment.tv_nsec = (long)(mix((uint32_t)i) % 4000000);
        nanosleep(&moment, NULL);
        bad += child < 0 || kill(child, SIGKILL) || waitpid(child, &how, 0) != child || !WIFSIGNALED(how);
        c = load_file(path, &t, &error);
        if (!c || !same_content(c, c->length == 65 ? a : b)) {
            printf("after kill %d: %s\n", i, error.message);
            bad++;
        }
        llm_cache_close(c);
    }
    CHECK_EQ(bad, 0);
    remove(path);
    remove(in_folder("x.part"));
    llm_cache_close(a);
    llm_cache_close(b);
}

static void on_disk(const char *program, const char *argument) {
    const char *in = argument ? argument : getenv("TMPDIR"), *slash = strrchr(program, '/');
    if (in) snprintf(folder, sizeof folder, "%s/record-XXXXXX", in);
    else snprintf(folder, sizeof folder, "%.*s/record-XXXXXX", slash ? (int)(slash - program) : 1,
                  slash ? program : ".");
    if (!mkdtemp(folder)) {
        printf("no folder %s can be made\n", folder);
        exit(2);
    }
    TEST(files_on_disk);
    TEST(saves_that_fail);
    TEST(killed_savers);
    CHECK(!rmdir(folder)); /* nothing is left in it */
}
#else
static void on_disk(const char *program, const char *argument) {
    (void)program;
    (void)argument;
    printf("files on a disk are not tested here: that needs fork, kill and resource limits\n");
}
#endif

int main(int argc, char **argv) {
    TEST(round_trips);
    TEST(every_quantization);
    TEST(trimmed);
    TEST(trims_after_loading);
    TEST(random_lists);
    TEST(without_want);
    TEST(other_dtypes);
    TEST(partial_loads);
    TEST(partial_refusals);
    TEST(parts_round_trips);
    TEST(parts_in_life);
    TEST(parts_in_part);
    TEST(parts_refused);
    TEST(parts_failing);
    TEST(rows_round_trips);
    TEST(rows_refused);
    TEST(bad_notes);
    TEST(any_notes);
    TEST(good_by_hand);
    TEST(lying_files);
    TEST(countless);
    TEST(deep_lists);
    TEST(turned_ring);
    TEST(batches_by_hand);
    TEST(golden_batches);
    TEST(mixed_dtypes);
    TEST(truncated);
    TEST(flipped);
    TEST(damaged);
    TEST(notes_carried_over);
    TEST(other_models);
    TEST(empty_caches);
    TEST(refused_memory);
    TEST(failing_sinks);
    TEST(patching_sinks);
    TEST(files_of_the_host);
    TEST(bad_calls);
    on_disk(argv[0], argc > 1 ? argv[1] : NULL);
    return test_summary("test_record");
}
