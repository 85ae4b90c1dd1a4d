/* bench - how fast prompts are read and tokens written, and how near that is to what the memory allows

       build/bench --shape qwen2.5-0.5b --format q4          random weights of a known shape, made in memory
       build/bench --model FOLDER                            a checkpoint
       build/bench --cache                                   what caches cost: forks, files, the store, depth
       build/bench --sampling                                what choosing tokens costs, and what looking them up saves

   Writing a token reads every weight once, so tokens/s times bytes per token, over the bandwidth measured here with a
   plain read loop, is the share of the possible that is reached. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include <pthread.h>

enum { MAX_REPEAT = 101, GROUP = 64 };

typedef struct shape {
    const char *name, *config; /* config.json without the closing brace */
    int layers, hidden, inner, heads, kv_heads, head, vocabulary, tied, qkv_bias;
} shape;

static const shape shapes[] = {
    {"qwen2.5-0.5b",
     "{\"model_type\":\"qwen2\",\"rms_norm_eps\":1e-6,\"rope_theta\":1000000.0,\"max_position_embeddings\":32768", 24,
     896, 4864, 14, 2, 64, 151936, 1, 1},
    {"llama-3.2-1b",
     "{\"model_type\":\"llama\",\"rms_norm_eps\":1e-5,\"rope_theta\":500000.0,\"max_position_embeddings\":131072", 16,
     2048, 8192, 32, 8, 64, 128256, 1, 0},
    {"llama-3.1-8b",
     "{\"model_type\":\"llama\",\"rms_norm_eps\":1e-5,\"rope_theta\":500000.0,\"max_position_embeddings\":131072", 32,
     4096, 14336, 32, 8, 128, 128256, 0, 0},
};

typedef struct options {
    const char *model, *shape, *format, *isa;
    int prompt, generate, threads, repeat, exact, cache, sampling;
} options;

static const char help[] =
    "usage: bench [options]\n"
    "  --shape NAME     qwen2.5-0.5b, llama-3.2-1b, llama-3.1-8b or all (default qwen2.5-0.5b)\n"
    "  --format NAME    f16, q8, q4 (MLX affine, groups of 64) or all (default q4)\n"
    "  --model FOLDER   a checkpoint instead\n"
    "  --prompt N       prompt tokens (default 512)\n"
    "  --generate N     tokens written after it (default 64)\n"
    "  --threads N      threads (default: one for each core)\n"
    "  --repeat N       runs, of which the median is shown (default 5)\n"
    "  --cache          forks, files, the prompt store, and writing behind 4096 tokens\n"
    "  --sampling       choosing a token, against a step; drafts looked up in a text that repeats itself\n"
    "  --isa NAME       kernels: scalar, avx2, neon\n"
    "  --exact          float32 activations\n";

static double now(void) {
    llm_clock clock = llm_system_clock();
    return (double)clock.now_us(clock.user) * 1e-6;
}

static int fail(const char *what) {
    fprintf(stderr, "bench: %s\n", what);
    return 0;
}

/* ---- random checkpoints: a safetensors image that the model is opened from in place */

typedef struct image {
    llm_memory_file files[2];
    char config[1500];
    llm__text header;
    uint8_t *block, *data; /* data: 64-byte aligned, after the header */
    size_t data_bytes, skipped_bytes; /* skipped: an embedding table of which a token reads one row only */
    uint64_t random;
    int bits;              /* 16: float16 */
} image;

static void put(image *m, const char *format, ...) LLM__PRINTF(2, 3);
static void put(image *m, const char *format, ...) {
    char line[300];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    llm__text_add(&m->header, line, strlen(line));
}

static uint64_t next_random(image *m) {
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return m->random;
}

/* The tensors are listed twice: first into the header, while data is NULL, then into the data. */
static uint8_t *add_tensor(image *m, const char *name, const char *dtype, int rows, int cols, size_t bytes) {
    uint8_t *at = m->data ? m->data + m->data_bytes : NULL;
    if (!at) {
        char size[40];
        if (rows) snprintf(size, sizeof size, "%d,%d", rows, cols);
        else snprintf(size, sizeof size, "%d", cols);
        put(m, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", m->header.length > 1 ? "," : "",
            name, dtype, size, m->data_bytes, m->data_bytes + bytes);
    }
    m->data_bytes += bytes;
    return at;
}

/* Four float16 at a time: a random sign and mantissa under one exponent. */
static void fill_f16(image *m, uint8_t *out, size_t count, int exponent) {
    const uint64_t exponents = (uint64_t)(15 - exponent) << 10;
    const uint64_t all = exponents | exponents << 16 | exponents << 32 | exponents << 48;
    size_t i;
    for (i = 0; i + 4 <= count; i += 4) {
        uint64_t four = (next_random(m) & UINT64_C(0x83FF83FF83FF83FF)) | all;
        memcpy(out + 2 * i, &four, 8);
    }
    for (; i < count; i++) memcpy(out + 2 * i, &all, 2);
}

static void fill_words(image *m, uint8_t *out, size_t bytes) {
    size_t i;
    for (i = 0; i + 8 <= bytes; i += 8) {
        uint64_t word = next_random(m);
        memcpy(out + i, &word, 8);
    }
}

static void fill_constant(uint8_t *out, size_t count, float value) {
    uint16_t h = llm__f32_to_f16(value);
    size_t i;
    for (i = 0; i < count; i++) memcpy(out + 2 * i, &h, 2);
}

static void add_vector(image *m, const char *name, int n, float value) {
    uint8_t *out = add_tensor(m, name, "F16", 0, n, (size_t)n * 2);
    if (out) fill_constant(out, (size_t)n, value);
}

/* Entries of standard deviation 1/sqrt(cols): a product is as large as what goes in. */
static void add_float_matrix(image *m, const char *name, int rows, int cols) {
    size_t count = (size_t)rows * (size_t)cols;
    uint8_t *out = add_tensor(m, name, "F16", rows, cols, count * 2);
    if (out) fill_f16(m, out, count, (int)(log2(1.53 * sqrt(cols)) + 0.5));
}

static void add_quantized_matrix(image *m, const char *path, int rows, int cols) {
    size_t count = (size_t)rows * (size_t)cols, packed = count * (size_t)m->bits / 8, groups = count / GROUP;
    const float top = (float)((1 << m->bits) - 1), scale = (float)(sqrt(12.0 / cols)) / top;
    char name[120];
    uint8_t *out;
    snprintf(name, sizeof name, "%s.weight", path);
    out = add_tensor(m, name, "U32", rows, cols * m->bits / 32, packed);
    if (out) fill_words(m, out, packed);
    snprintf(name, sizeof name, "%s.scales", path);
    out = add_tensor(m, name, "F16", rows, cols / GROUP, groups * 2);
    if (out) fill_constant(out, groups, scale);
    snprintf(name, sizeof name, "%s.biases", path);
    out = add_tensor(m, name, "F16", rows, cols / GROUP, groups * 2);
    if (out) fill_constant(out, groups, -0.5f * top * scale);
}

static void add_matrix(image *m, const char *path, int rows, int cols) {
    char name[120];
    snprintf(name, sizeof name, "%s.weight", path);
    if (m->bits == 16) add_float_matrix(m, name, rows, cols);
    else add_quantized_matrix(m, path, rows, cols);
}

static void add_projection(image *m, const shape *s, int layer, const char *which, int rows) {
    char path[100];
    snprintf(path, sizeof path, "model.layers.%d.self_attn.%s", layer, which);
    add_matrix(m, path, rows, s->hidden);
    snprintf(path, sizeof path, "model.layers.%d.self_attn.%s.bias", layer, which);
    if (s->qkv_bias) add_vector(m, path, rows, 0.01f);
}

static void add_layer(image *m, const shape *s, int layer) {
    char path[100];
    snprintf(path, sizeof path, "model.layers.%d.input_layernorm.weight", layer);
    add_vector(m, path, s->hidden, 1);
    snprintf(path, sizeof path, "model.layers.%d.post_attention_layernorm.weight", layer);
    add_vector(m, path, s->hidden, 1);
    add_projection(m, s, layer, "q_proj", s->heads * s->head);
    add_projection(m, s, layer, "k_proj", s->kv_heads * s->head);
    add_projection(m, s, layer, "v_proj", s->kv_heads * s->head);
    snprintf(path, sizeof path, "model.layers.%d.self_attn.o_proj", layer);
    add_matrix(m, path, s->hidden, s->heads * s->head);
    snprintf(path, sizeof path, "model.layers.%d.mlp.gate_proj", layer);
    add_matrix(m, path, s->inner, s->hidden);
    snprintf(path, sizeof path, "model.layers.%d.mlp.up_proj", layer);
    add_matrix(m, path, s->inner, s->hidden);
    snprintf(path, sizeof path, "model.layers.%d.mlp.down_proj", layer);
    add_matrix(m, path, s->hidden, s->inner);
}

static void add_tensors(image *m, const shape *s) {
    int layer;
    m->data_bytes = 0;
    add_matrix(m, "model.embed_tokens", s->vocabulary, s->hidden);
    m->skipped_bytes = s->tied ? 0 : m->data_bytes;
    for (layer = 0; layer < s->layers; layer++) add_layer(m, s, layer);
    add_vector(m, "model.norm.weight", s->hidden, 1);
    if (!s->tied) add_matrix(m, "lm_head", s->vocabulary, s->hidden);
}

static void write_config(image *m, const shape *s) {
    int n = snprintf(m->config, sizeof m->config,
                     "%s,\"hidden_size\":%d,\"num_hidden_layers\":%d,\"intermediate_size\":%d,"
                     "\"num_attention_heads\":%d,\"num_key_value_heads\":%d,\"head_dim\":%d,\"vocab_size\":%d,"
                     "\"hidden_act\":\"silu\",\"tie_word_embeddings\":%s",
                     s->config, s->hidden, s->layers, s->inner, s->heads, s->kv_heads, s->head, s->vocabulary,
                     s->tied ? "true" : "false");
    if (m->bits < 16)
        n += snprintf(m->config + n, sizeof m->config - (size_t)n, ",\"quantization\":{\"group_size\":%d,\"bits\":%d}",
                      GROUP, m->bits);
    snprintf(m->config + n, sizeof m->config - (size_t)n, "}");
}

/* 0: unknown. */
static double machine_bytes(void) {
#if defined(_SC_PHYS_PAGES) && defined(_SC_PAGESIZE)
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
#else
    return 0;
#endif
}

static void free_image(image *m) {
    free(m->block);
    llm__text_free(&m->header);
}

static int make_image(image *m, const shape *s, int bits) {
    size_t i, head;
    uint8_t *start;
    memset(m, 0, sizeof *m);
    m->header.allocator = llm__allocator_or_default(m->header.allocator);
    m->random = UINT64_C(88172645463325252);
    m->bits = bits;
    write_config(m, s);
    put(m, "{");
    add_tensors(m, s);
    put(m, "}");
    while ((8 + m->header.length) % 64) put(m, " ");
    head = 8 + m->header.length;
    if (machine_bytes() > 0 && (double)m->data_bytes > 0.85 * machine_bytes())
        return fail("too large for this machine's memory");
    m->block = (uint8_t *)malloc(head + m->data_bytes + 64);
    if (!m->block || m->header.failed) return fail("out of memory");
    start = m->block + (64 - (uintptr_t)m->block % 64) % 64;
    for (i = 0; i < 8; i++) start[i] = (uint8_t)((uint64_t)m->header.length >> 8 * i);
    memcpy(start + 8, m->header.data, m->header.length);
    m->data = start + head;
    add_tensors(m, s);
    m->files[0].name = "config.json";
    m->files[0].data = m->config;
    m->files[0].bytes = strlen(m->config);
    m->files[1].name = "model.safetensors";
    m->files[1].data = start;
    m->files[1].bytes = head + m->data_bytes;
    return 1;
}

/* ---- bandwidth: the best of some passes over more than any cache holds */

enum { READ_BYTES = 512 << 20, READ_PASSES = 5, READ_THREADS = 64 };

typedef struct reader {
    pthread_t thread;
    const uint64_t *from;
    size_t words;
    uint64_t sum;
} reader;

static void *read_words(void *argument) {
    reader *r = (reader *)argument;
    const uint64_t *p = r->from, *end = r->from + r->words / 8 * 8;
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (; p < end; p += 8) {
        a ^= p[0] ^ p[4];
        b ^= p[1] ^ p[5];
        c ^= p[2] ^ p[6];
        d ^= p[3] ^ p[7];
    }
    r->sum = a ^ b ^ c ^ d;
    return NULL;
}

static double read_once(const uint64_t *block, int threads, volatile uint64_t *sink) {
    reader readers[READ_THREADS];
    size_t words = (size_t)READ_BYTES / 8 / (size_t)threads;
    int i, started = 0;
    double start = now();
    for (i = 0; i < threads; i++) {
        readers[i].from = block + (size_t)i * words;
        readers[i].words = words;
        if (i && pthread_create(&readers[i].thread, NULL, read_words, &readers[i])) break;
        started = i + 1;
    }
    read_words(&readers[0]);
    for (i = 1; i < started; i++) pthread_join(readers[i].thread, NULL);
    for (i = 0; i < started; i++) *sink ^= readers[i].sum;
    return (double)words * 8 * started / (now() - start);
}

static double bandwidth(int threads) {
    uint64_t *block = (uint64_t *)malloc(READ_BYTES);
    volatile uint64_t sink = 0;
    double best = 0, got;
    int i;
    if (!block) return 0;
    memset(block, 1, READ_BYTES);
    if (threads > READ_THREADS) threads = READ_THREADS;
    for (i = 0; i < READ_PASSES; i++)
        if ((got = read_once(block, threads, &sink)) > best) best = got;
    free(block);
    return best;
}

/* ---- measuring */

typedef struct speeds {
    double load_ms; /* CPU time of opening the model */
    double prompt[MAX_REPEAT], generate[MAX_REPEAT];
} speeds;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int forward(llm_session *session, llm_cache *cache, const int32_t *tokens, size_t count, float *logits) {
    llm_sequence s;
    llm_error error;
    s.cache = cache;
    s.tokens = tokens;
    s.count = count;
    s.want = LLM_LOGITS_LAST;
    s.logits = logits;
    return llm_forward(session, &s, 1, &error) ? fail(error.message) : 1;
}

static int measure_once(const options *o, llm_session *session, llm_cache *cache, const int32_t *ids, float *logits,
                        double *prompt, double *generate) {
    double start = now();
    int i;
    llm_cache_clear(cache);
    if (!forward(session, cache, ids, (size_t)o->prompt, logits)) return 0;
    *prompt = o->prompt / (now() - start);
    start = now();
    for (i = 0; i < o->generate; i++)
        if (!forward(session, cache, ids + o->prompt + i, 1, logits)) return 0;
    *generate = o->generate / (now() - start);
    return 1;
}

static int measure(const options *o, const llm_model *model, speeds *out) {
    llm_session_desc sd;
    llm_model_cache_desc cd;
    llm_session *session = NULL;
    llm_cache *cache = NULL;
    llm_error error;
    int i, ok, n = o->prompt + o->generate, vocabulary = llm_model_get_info(model).vocabulary;
    int32_t *ids = (int32_t *)malloc((size_t)n * sizeof *ids);
    float *logits = (float *)malloc((size_t)vocabulary * sizeof *logits);
    memset(&sd, 0, sizeof sd);
    memset(&cd, 0, sizeof cd);
    sd.threads = o->threads;
    sd.exact = cd.exact = o->exact;
    ok = (ids && logits) || fail("out of memory");
    for (i = 0; ok && i < n; i++) ids[i] = (int32_t)((uint64_t)i * UINT64_C(2654435761) % (uint64_t)vocabulary);
    if (ok && llm_session_open(&session, model, &sd, &error)) ok = fail(error.message);
    if (ok && llm_model_cache_open(&cache, model, &cd, &error)) ok = fail(error.message);
    for (i = 0; ok && i < o->repeat; i++)
        ok = measure_once(o, session, cache, ids, logits, &out->prompt[i], &out->generate[i]);
    llm_session_close(session);
    llm_cache_close(cache);
    free(ids);
    free(logits);
    return ok;
}

static void show_header(void) {
    printf("%-14s %-6s %-7s %7s %8s %12s %26s %9s %11s %6s\n", "shape", "format", "kernels", "threads", "load ms",
           "prompt t/s", "generation t/s (min..max)", "MB/token", "memory GB/s", "share");
}

static void show(const options *o, const llm_model *model, const char *name, const char *format, size_t skipped,
                 speeds *s) {
    llm_model_info info = llm_model_get_info(model);
    double bytes = (double)(info.weight_bytes - skipped), memory = bandwidth(o->threads);
    size_t n = (size_t)o->repeat;
    char range[60];
    qsort(s->prompt, n, sizeof *s->prompt, by_value);
    qsort(s->generate, n, sizeof *s->generate, by_value);
    snprintf(range, sizeof range, "%.2f (%.2f..%.2f)", s->generate[n / 2], s->generate[0], s->generate[n - 1]);
    printf("%-14s %-6s %-7s %7d %8.1f %12.1f %26s %9.1f %11.2f %5.1f%%\n", name, format, info.isa, o->threads,
           s->load_ms, s->prompt[n / 2], range, bytes / 1e6, memory / 1e9,
           memory > 0 ? 100 * s->generate[n / 2] * bytes / memory : 0);
    fflush(stdout);
}

static int bench_model(const options *o, llm_model_desc *md, const char *name, const char *format, size_t skipped) {
    llm_model *model = NULL;
    llm_error error;
    speeds s;
    clock_t start = clock();
    int ok;
    md->isa = o->isa;
    md->weights_only = 1;
    if (llm_model_open(&model, md, &error)) return fail(error.message);
    s.load_ms = 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC;
    ok = measure(o, model, &s);
    if (ok) show(o, model, name, format, skipped, &s);
    llm_model_close(model);
    return ok;
}

static int bench_shape(const options *o, const shape *s, const char *format, int bits) {
    llm_model_desc md;
    image m;
    int ok = make_image(&m, s, bits);
    memset(&md, 0, sizeof md);
    md.memory = m.files;
    md.memory_count = 2;
    if (ok) ok = bench_model(o, &md, s->name, format, m.skipped_bytes);
    free_image(&m);
    return ok;
}

static int bench_shapes(const options *o) {
    static const struct { const char *name; int bits; } formats[] = {{"f16", 16}, {"q8", 8}, {"q4", 4}};
    size_t i, k, found = 0;
    int ok = 1;
    for (i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (k = 0; k < sizeof formats / sizeof *formats; k++) {
            if (strcmp(o->shape, "all") && strcmp(o->shape, shapes[i].name)) continue;
            if (strcmp(o->format, "all") && strcmp(o->format, formats[k].name)) continue;
            if (!found++) show_header();
            ok &= bench_shape(o, &shapes[i], formats[k].name, formats[k].bits);
        }
    return found ? ok : fail("no such shape or format (--help lists them)");
}

static int bench_folder(const options *o) {
    llm_model_desc md;
    const char *slash = strrchr(o->model, '/');
    memset(&md, 0, sizeof md);
    md.path = o->model;
    show_header();
    return bench_model(o, &md, slash && slash[1] ? slash + 1 : o->model, "-", 0);
}

/* ---- the first shape in 4 bits, ready to run */

typedef struct bed {
    image m;
    llm_model *model;
    llm_session *session;
} bed;

static int open_bed(bed *b, const options *o) {
    llm_model_desc md;
    llm_session_desc sd;
    llm_error error;
    memset(b, 0, sizeof *b);
    memset(&md, 0, sizeof md);
    memset(&sd, 0, sizeof sd);
    if (!make_image(&b->m, &shapes[0], 4)) return 0;
    md.memory = b->m.files;
    md.memory_count = 2;
    md.isa = o->isa;
    md.weights_only = 1;
    sd.threads = o->threads;
    sd.exact = o->exact;
    return (!llm_model_open(&b->model, &md, &error) && !llm_session_open(&b->session, b->model, &sd, &error)) ||
           fail(error.message);
}

static void close_bed(bed *b) {
    llm_session_close(b->session);
    llm_model_close(b->model);
    free_image(&b->m);
}

/* ---- caches */

enum { DEPTH = 4096, CACHE_LAYERS = 24, STORE_ENTRIES = 10000, STORE_TOKENS = 1000, STORE_SHARED = 500 };

static double median(double *x, int n) {
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 2];
}

/* A cache of so many layers that has seen so many tokens; what they were does not matter here. */
static llm_cache *filled_cache(int layers, int heads, int width, int64_t tokens) {
    llm_cache_layer list[CACHE_LAYERS];
    llm_cache_desc d;
    llm_cache *cache = NULL;
    llm_error error;
    int i, ok;
    memset(list, 0, sizeof list);
    memset(&d, 0, sizeof d);
    for (i = 0; i < layers; i++) {
        list[i].heads = heads;
        list[i].key_width = list[i].value_width = width;
    }
    d.layers = list;
    d.layer_count = (size_t)layers;
    d.dtype = LLM_F16;
    ok = !llm_cache_open(&cache, &d, &error) && !llm__cache_begin(cache, tokens, 0, tokens, &error);
    if (ok) llm__cache_commit(cache);
    else fail(error.message);
    if (ok) return cache;
    llm_cache_close(cache);
    return NULL;
}

static int bench_fork(const options *o) {
    llm_cache *cache = filled_cache(CACHE_LAYERS, 2, 64, DEPTH), *fork = NULL;
    double us[MAX_REPEAT];
    llm_error error;
    int i, k, ok = cache != NULL, each = 100;
    for (i = 0; ok && i < o->repeat; i++) {
        double start = now();
        for (k = 0; ok && k < each; k++) {
            ok = !llm_cache_fork(&fork, cache, &error) || fail(error.message);
            llm_cache_close(fork);
        }
        us[i] = 1e6 * (now() - start) / each;
    }
    if (ok) printf("fork and close, %d layers, %d tokens: %.1f us\n", CACHE_LAYERS, DEPTH, median(us, o->repeat));
    llm_cache_close(cache);
    return ok;
}

/* The plain speed of the same disk: a file of as many bytes, written in pieces and synced. */
static double plain_write(const char *path, size_t bytes) {
    static const uint8_t piece[16384];
    double start = now();
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666), ok = file >= 0;
    size_t at;
    for (at = 0; ok && at < bytes; at += sizeof piece) ok = write(file, piece, sizeof piece) == (ssize_t)sizeof piece;
    ok = ok && !fsync(file);
    if (file >= 0) close(file);
    remove(path);
    return ok ? (double)bytes / (now() - start) : 0;
}

static double plain_copy(const uint8_t *from, size_t bytes) {
    uint8_t *to = (uint8_t *)malloc(bytes);
    volatile uint8_t last = 0; /* so that the copy is not left out */
    double start;
    if (!to) return 0;
    memset(to, 1, bytes);
    start = now();
    memcpy(to, from, bytes);
    last = to[bytes - 1];
    start = now() - start + (double)(last & 0);
    free(to);
    return (double)bytes / start;
}

typedef struct target {
    uint8_t *data;
    size_t bytes, capacity;
} target;

static int write_memory(void *user, const void *data, size_t bytes) {
    target *t = (target *)user;
    if (bytes > t->capacity - t->bytes) return 1;
    memcpy(t->data + t->bytes, data, bytes);
    t->bytes += bytes;
    return 0;
}

static int bench_files(const options *o) {
    static const char *path = "bench-cache.safetensors";
    llm_cache *cache = filled_cache(CACHE_LAYERS, 2, 64, DEPTH), *loaded = NULL;
    llm_cache_save_desc sd;
    llm_cache_load_desc ld;
    llm_error error;
    target t;
    double to_memory[MAX_REPEAT], to_disk[MAX_REPEAT], from_memory[MAX_REPEAT], disk[MAX_REPEAT], copy[MAX_REPEAT];
    int i, ok = cache != NULL;
    memset(&t, 0, sizeof t);
    t.capacity = ok ? llm_cache_bytes(cache) + (1 << 20) : 0;
    ok = ok && ((t.data = (uint8_t *)malloc(t.capacity)) != NULL || fail("out of memory"));
    for (i = 0; ok && i < o->repeat; i++) {
        double start = now();
        memset(&sd, 0, sizeof sd);
        sd.sink.user = &t;
        sd.sink.write = write_memory;
        t.bytes = 0;
        ok = !llm_cache_save(cache, &sd, &error);
        to_memory[i] = (double)t.bytes / (now() - start);
        memset(&ld, 0, sizeof ld);
        ld.data = t.data;
        ld.bytes = t.bytes;
        start = now();
        ok = ok && !llm_cache_load(&loaded, &ld, &error);
        from_memory[i] = (double)t.bytes / (now() - start);
        llm_cache_close(loaded);
        loaded = NULL;
        memset(&sd, 0, sizeof sd);
        sd.path = path;
        start = now();
        ok = (ok && !llm_cache_save(cache, &sd, &error)) || fail(error.message);
        to_disk[i] = (double)t.bytes / (now() - start);
        disk[i] = plain_write("bench-plain.part", t.bytes);
        copy[i] = plain_copy(t.data, t.bytes);
    }
    if (ok) {
        printf("save to memory %.2f GB/s, load from memory %.2f GB/s; copying the bytes once: %.2f GB/s\n",
               median(to_memory, o->repeat) / 1e9, median(from_memory, o->repeat) / 1e9, median(copy, o->repeat) / 1e9);
        printf("save to disk %.2f GB/s; a plain file of %.0f MB, synced: %.2f GB/s\n",
               median(to_disk, o->repeat) / 1e9, (double)t.bytes / 1e6, median(disk, o->repeat) / 1e9);
    }
    remove(path);
    free(t.data);
    llm_cache_close(cache);
    return ok;
}

static int fetch_all(llm_store *store, int32_t *tokens, double *us) {
    double start = now();
    int i;
    for (i = 0; i < STORE_ENTRIES; i++) {
        llm_cache *found = NULL;
        llm_error error;
        size_t used = 0;
        tokens[STORE_SHARED] = i;
        if (llm_store_fetch(store, 0, tokens, STORE_TOKENS, &found, &used, &error)) return fail(error.message);
        llm_cache_close(found);
        if (used != STORE_TOKENS) return fail("the store has lost an entry");
    }
    *us = 1e6 * (now() - start) / STORE_ENTRIES;
    return 1;
}

/* Entries that share their first half. */
static int bench_store(const options *o) {
    llm_cache *cache = filled_cache(1, 1, 32, STORE_TOKENS);
    int32_t *tokens = (int32_t *)malloc(STORE_TOKENS * sizeof *tokens);
    double us[MAX_REPEAT];
    llm_store_desc d;
    llm_store *store = NULL;
    llm_error error;
    int i, ok = (cache && tokens) || fail("out of memory");
    memset(&d, 0, sizeof d);
    d.max_entries = STORE_ENTRIES;
    if (ok && llm_store_open(&store, &d, &error)) ok = fail(error.message);
    for (i = 0; ok && i < STORE_TOKENS; i++) tokens[i] = i * 7;
    for (i = 0; ok && i < STORE_ENTRIES; i++) {
        tokens[STORE_SHARED] = i;
        if (llm_store_insert(store, 0, tokens, STORE_TOKENS, cache, LLM_ENTRY_USER, &error)) ok = fail(error.message);
    }
    for (i = 0; ok && i < o->repeat; i++) ok = fetch_all(store, tokens, &us[i]);
    if (ok)
        printf("fetch among %d entries of %d tokens: %.1f us\n", STORE_ENTRIES, STORE_TOKENS, median(us, o->repeat));
    llm_store_close(store);
    llm_cache_close(cache);
    free(tokens);
    return ok;
}

/* Tokens a second behind `depth` others. */
static int decode_behind(const options *o, const llm_model *model, llm_session *session, int depth, int bits,
                         double *out) {
    int vocabulary = llm_model_get_info(model).vocabulary, i, k, ok = 1;
    float *logits = (float *)malloc((size_t)vocabulary * sizeof *logits);
    llm_model_cache_desc cd;
    llm_cache *cache = NULL;
    llm_error error;
    double speed[MAX_REPEAT];
    int32_t id = 1;
    llm_cache_codes codes = {0, 64};
    memset(&cd, 0, sizeof cd);
    cd.exact = o->exact;
    if (!logits || llm_model_cache_open(&cache, model, &cd, &error)) ok = fail("the cache cannot be opened");
    if (ok && depth && !llm__cache_begin(cache, depth, 0, depth, &error)) llm__cache_commit(cache);
    codes.bits = bits;
    if (ok && bits && llm_cache_quantize(cache, codes, codes, 0, &error)) ok = fail(error.message);
    for (i = 0; ok && i < o->repeat; i++) {
        double start;
        ok = forward(session, cache, &id, 1, logits);
        start = now();
        for (k = 1; ok && k < o->generate; k++) ok = forward(session, cache, &id, 1, logits);
        speed[i] = (o->generate - 1) / (now() - start);
        if (ok && llm_cache_trim(cache, o->generate, NULL, &error)) ok = fail(error.message);
    }
    if (ok) *out = median(speed, o->repeat);
    llm_cache_close(cache);
    free(logits);
    return ok;
}

static int bench_depth(const options *o) {
    static const int bits[] = {0, 8, 4};
    bed b;
    double shallow, deep;
    size_t i;
    int ok = open_bed(&b, o);
    for (i = 0; ok && i < sizeof bits / sizeof *bits; i++) {
        ok = decode_behind(o, b.model, b.session, 0, bits[i], &shallow) &&
             decode_behind(o, b.model, b.session, DEPTH, bits[i], &deep);
        if (ok)
            printf("writing with %s q4 and a cache of %d bits, %d threads: %.1f t/s behind no token, %.1f behind %d\n",
                   shapes[0].name, bits[i] ? bits[i] : 16, o->threads, shallow, deep, DEPTH);
    }
    close_bed(&b);
    return ok;
}

static int bench_caches(const options *o) {
    return bench_fork(o) && bench_store(o) && bench_files(o) && bench_depth(o);
}

/* ---- sampling and drafts */

enum { SAMPLES = 40, PERIOD = 24, REPEATS = 12 };

/* Milliseconds for one choice from logits as a model gives them, spread by 3. */
static double sampling_ms(const bed *b, const llm_sampling *s, const llm_penalties *p, float *logits, void *scratch) {
    static int32_t history[512];
    int vocabulary = llm_model_get_info(b->model).vocabulary, i, k;
    double ms[SAMPLES], start;
    uint64_t random = 88172645463325252u;
    for (i = 0; i < SAMPLES; i++) {
        for (k = 0; k < vocabulary; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            logits[k] = 6 * sqrtf(-2 * logf((float)((random >> 40) + 1) / 16777216)) *
                        (float)cos(6.28 * (double)(random >> 20 & 1048575) / 1048576) / 2;
        }
        start = now();
        if (p) llm_penalize(p, history, 512, logits, vocabulary, scratch);
        llm_sample(s, logits, vocabulary, i, scratch, NULL);
        ms[i] = 1e3 * (now() - start);
    }
    return median(ms, SAMPLES);
}

static int bench_choices(const options *o, const bed *b) {
    static const char *const names[] = {"greedy", "temperature", "top_p 0.9", "top_k 40, min_p 0.05",
                                        "typical_p 0.9", "top_p 0.9, penalties and DRY"};
    int vocabulary = llm_model_get_info(b->model).vocabulary, i, ok;
    float *logits = (float *)malloc((size_t)vocabulary * sizeof *logits);
    void *scratch = malloc(llm_sample_scratch(vocabulary));
    double step = 0;
    ok = (logits && scratch) || fail("out of memory");
    if (ok) ok = decode_behind(o, b->model, b->session, 0, 0, &step);
    if (ok) printf("choosing one of %d tokens, against a step of %.1f ms:\n", vocabulary, 1e3 / step);
    for (i = 0; ok && i < 6; i++) {
        llm_sampling s;
        llm_penalties p;
        double ms;
        memset(&s, 0, sizeof s);
        memset(&p, 0, sizeof p);
        if (i) s.temperature = 0.8f;
        if (i == 2 || i == 5) s.top_p = 0.9f;
        if (i == 3) s.top_k = 40, s.min_p = 0.05f;
        if (i == 4) s.typical_p = 0.9f;
        p.repetition = 1.1f;
        p.presence = 0.1f;
        p.dry_multiplier = 0.8f;
        ms = sampling_ms(b, &s, i == 5 ? &p : NULL, logits, scratch);
        printf("  %-32s %6.3f ms  %5.2f%%\n", names[i], ms, ms * step / 10);
    }
    free(logits);
    free(scratch);
    return ok;
}

/* Says the same again and again, as a text with lists or code does: forbids what does not go on with the period. */
static void repeat_text(void *user, const int32_t *tokens, size_t count, float *logits, int vocabulary) {
    (void)user;
    (void)vocabulary;
    logits[tokens[count - PERIOD]] += 1000;
}

static int lookup_once(const options *o, const bed *b, int count, double *speed, double *accepted) {
    static int32_t ids[PERIOD * 2];
    llm_generation_desc d;
    llm_generation *g = NULL;
    llm_generation_stats s;
    llm_piece piece;
    llm_error error;
    int i;
    memset(&d, 0, sizeof d);
    for (i = 0; i < PERIOD * 2; i++) ids[i] = 1000 + i % PERIOD * 77;
    d.ids = ids;
    d.id_count = PERIOD * 2;
    d.use_session = b->session;
    d.max_tokens = PERIOD * REPEATS;
    d.ignore_end = 1;
    d.penalties.process = repeat_text;
    d.lookup.count = count;
    (void)o;
    if (llm_generation_open(&g, b->model, &d, &error)) return fail(error.message);
    while (llm_generation_next(g, &piece, &error) == LLM_OK) continue;
    s = llm_generation_get_stats(g);
    *speed = s.generated_per_second;
    *accepted = s.drafted_tokens ? 100.0 * (double)s.accepted_tokens / (double)s.drafted_tokens : 0;
    llm_generation_close(g);
    return s.finish == LLM_FINISH_LENGTH || fail(error.message);
}

static int bench_lookup(const options *o, const bed *b) {
    static const int counts[] = {0, 1, 3, 5, 7, 11, 15};
    double speed[MAX_REPEAT], plain = 0, accepted = 0, fast;
    size_t i;
    int k, ok = 1;
    printf("a text with a period of %d tokens, drafts looked up:\n", PERIOD);
    for (i = 0; ok && i < sizeof counts / sizeof *counts; i++) {
        for (k = 0; ok && k < o->repeat; k++) ok = lookup_once(o, b, counts[i], &speed[k], &accepted);
        if (!ok) break;
        fast = median(speed, o->repeat);
        if (!i) plain = fast;
        printf("  %2d at once: %7.2f t/s, %5.2f times, %3.0f%% of the drafts taken\n", counts[i], fast, fast / plain,
               accepted);
    }
    return ok;
}

static int bench_sampling(const options *o) {
    bed b;
    int ok = open_bed(&b, o);
    ok = ok && bench_choices(o, &b) && bench_lookup(o, &b);
    close_bed(&b);
    return ok;
}

/* ---- options */

static int read_count(const char *text, int low, int high, int *out) {
    char *end;
    long n = strtol(text, &end, 10);
    *out = (int)n;
    return (end != text && !*end && n >= low && n <= high) || fail("an option wants another number");
}

/* 1: it was a switch; 0: it was none. */
static int read_switch(options *o, const char *flag) {
    if (!strcmp(flag, "--exact")) return o->exact = 1;
    if (!strcmp(flag, "--cache")) return o->cache = 1;
    if (!strcmp(flag, "--sampling")) return o->sampling = 1;
    return 0;
}

static int read_option(options *o, const char *flag, const char *text) {
    if (!strcmp(flag, "--model")) return o->model = text, 1;
    if (!strcmp(flag, "--shape")) return o->shape = text, 1;
    if (!strcmp(flag, "--format")) return o->format = text, 1;
    if (!strcmp(flag, "--isa")) return o->isa = text, 1;
    if (!strcmp(flag, "--prompt")) return read_count(text, 1, 1 << 20, &o->prompt);
    if (!strcmp(flag, "--generate")) return read_count(text, 1, 1 << 20, &o->generate);
    if (!strcmp(flag, "--threads")) return read_count(text, 1, 1024, &o->threads);
    if (!strcmp(flag, "--repeat")) return read_count(text, 1, MAX_REPEAT, &o->repeat);
    return fail("unknown option (--help lists them)");
}

static int core_count(void) {
#ifdef _SC_NPROCESSORS_ONLN
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 && n < 1024 ? (int)n : 1;
#else
    return 1;
#endif
}

int main(int count, char **arguments) {
    options o = {NULL, "qwen2.5-0.5b", "q4", NULL, 512, 64, 0, 5, 0, 0, 0};
    int i;
    o.threads = core_count();
    for (i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--help")) return fputs(help, stdout) < 0;
        if (read_switch(&o, arguments[i])) continue;
        if (i + 1 == count) return !fail("unknown option, or no value, at the end (--help lists them)");
        if (!read_option(&o, arguments[i], arguments[i + 1])) return 1;
        i++;
    }
    if (o.cache) return !bench_caches(&o);
    if (o.sampling) return !bench_sampling(&o);
    return o.model ? !bench_folder(&o) : !bench_shapes(&o);
}
