/* bench - how fast prompts are read and tokens written, and how near that is to what the memory allows

       build/bench --shape qwen2.5-0.5b --format q4          random weights of a known shape, made in memory
       build/bench --model FOLDER                            a checkpoint
       build/bench --cache                                   what caches cost: forks, files, the store, depth
       build/bench --chat                                    chats of 100 messages to prompts, and texts taken apart
       build/bench --sampling                                what choosing tokens costs, and what looking them up saves
       build/bench --words --model FOLDER --text FILE        a tokenizer: opening, encoding, decoding
       build/bench --batch                                   many texts at once, and steps with a time budget
       build/bench --recurrent                               what recurrences cost in prompts
       build/bench --kernels                                 every kernel of every instruction set that this CPU has
       build/bench --against "NAME=LLAMA_BENCH"              the same measurements, in turn with another engine's

   Writing a token reads every weight once, so tokens/s times bytes per token, over the bandwidth measured here with a
   plain read loop, is the share of the possible that is reached. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* for which cores threads run on */
#endif
#define LLM_IMPLEMENTATION
#include "llm.h"

#include <pthread.h>
#ifdef __linux__
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#endif

#define TOOL "bench"
#include "tool.h"

enum { MAX_REPEAT = 101 };

typedef enum shape_kind { LLAMA, MAMBA2, QWEN3_NEXT } shape_kind;

typedef struct shape {
    const char *name, *config; /* config.json without the closing brace */
    int layers, hidden, inner, heads, kv_heads, head, vocabulary, tied, qkv_bias;
    shape_kind kind;
} shape;

/* Of the recurrent shapes besides: mamba2-1.3b as published; qwen3-next has the published widths, but 8 layers with 16
   experts, of which 4 are chosen. */
enum {
    SSD_HEADS = 64,
    SSD_WIDTH = 64,
    SSD_STATE = 128,
    DELTA_KEY_HEADS = 16,
    DELTA_VALUE_HEADS = 32,
    DELTA_WIDTH = 128,
    CONV_KERNEL = 4,
    FULL_INTERVAL = 4,
    EXPERTS = 16
};

static const shape shapes[] = {
    {"qwen2.5-0.5b",
     "{\"model_type\":\"qwen2\",\"rms_norm_eps\":1e-6,\"rope_theta\":1000000.0,\"max_position_embeddings\":32768", 24,
     896, 4864, 14, 2, 64, 151936, 1, 1, LLAMA},
    {"llama-3.2-1b",
     "{\"model_type\":\"llama\",\"rms_norm_eps\":1e-5,\"rope_theta\":500000.0,\"max_position_embeddings\":131072", 16,
     2048, 8192, 32, 8, 64, 128256, 1, 0, LLAMA},
    {"llama-3.1-8b",
     "{\"model_type\":\"llama\",\"rms_norm_eps\":1e-5,\"rope_theta\":500000.0,\"max_position_embeddings\":131072", 32,
     4096, 14336, 32, 8, 128, 128256, 0, 0, LLAMA},
    {"mamba2-1.3b",
     "{\"model_type\":\"mamba2\",\"num_heads\":64,\"head_dim\":64,\"state_size\":128,\"n_groups\":1,"
     "\"conv_kernel\":4,\"use_bias\":false,\"use_conv_bias\":true,\"layer_norm_epsilon\":1e-5,"
     "\"time_step_rank\":128", 48, 2048, 0, 0, 0, 0, 50288, 1, 0, MAMBA2},
    {"qwen3-next-1b",
     "{\"model_type\":\"qwen3_next\",\"rms_norm_eps\":1e-6,\"rope_theta\":10000000.0,"
     "\"partial_rotary_factor\":0.25,\"max_position_embeddings\":262144,\"linear_num_key_heads\":16,"
     "\"linear_num_value_heads\":32,\"linear_key_head_dim\":128,\"linear_value_head_dim\":128,"
     "\"linear_conv_kernel_dim\":4,\"full_attention_interval\":4,\"num_experts\":16,\"num_experts_per_tok\":4,"
     "\"decoder_sparse_step\":1,\"mlp_only_layers\":[],\"moe_intermediate_size\":512,"
     "\"shared_expert_intermediate_size\":512,\"norm_topk_prob\":true", 8, 2048, 512, 16, 2, 256, 151936, 1, 0,
     QWEN3_NEXT},
};

/* How weights are kept here, and in the GGUF file that has the nearest to as many bits for each. */
typedef struct recipe {
    const char *name;
    int bits, group; /* MLX affine; 16 bits: floats of this dtype */
    int more_bits;   /* of the head, and in some layers of values and of what leaves the MLP: see bits_of */
    const char *dtype;
    const char *gguf, *more_gguf;
} recipe;

static const recipe recipes[] = {
    {"f16", 16, 0, 16, "F16", "F16", "F16"},
    {"bf16", 16, 0, 16, "BF16", "BF16", "BF16"},
    {"q8", 8, 64, 8, NULL, "Q8_0", "Q8_0"},
    {"q4", 4, 64, 4, NULL, "Q4_0", "Q4_0"},
    {"q4-32", 4, 32, 4, NULL, "Q4_1", "Q4_1"},
    {"q4-6", 4, 64, 6, NULL, "Q4_K", "Q6_K"},
};

enum { MOST_RIVALS = 4 };

/* Another engine: shell commands that run its llama-bench, and its llama-batched-bench or NULL. */
typedef struct rival {
    const char *bench, *batched;
} rival;

typedef struct options {
    const char *model, *shape, *format, *isa, *text, *ids, *only;
    int prompt, generate, threads, repeat, exact, no_pack, pin, small_pages, depth;
    rival rivals[MOST_RIVALS];
    int rival_count;
    int (*table)(const struct options *o); /* one of the tables below instead */
} options;

static const char help[] =
    "usage: bench [options]\n"
    "  --shape NAMES    qwen2.5-0.5b, llama-3.2-1b, llama-3.1-8b, mamba2-1.3b, qwen3-next-1b, with commas between,\n"
    "                   or all (default qwen2.5-0.5b)\n"
    "  --format NAMES   f16, bf16, q8, q4 (MLX affine, groups of 64), q4-32 (groups of 32), q4-6 (part of it in 6\n"
    "                   bits) or all (default q4)\n"
    "  --model FOLDER   a checkpoint instead\n"
    "  --prompt N       prompt tokens (default 512)\n"
    "  --generate N     tokens written after it (default 64)\n"
    "  --threads N      threads (default: one for each core)\n"
    "  --pin            all but the first of them on a core of their own\n"
    "  --small-pages    without pages of 2 MB, on Linux: what those save\n"
    "  --repeat N       runs, of which the median is shown (default 5)\n"
    "  --cache          forks, files, the prompt store, and writing behind 4096 tokens\n"
    "  --chat           rendering chats of 100 messages, taking apart what models answer\n"
    "  --sampling       choosing a token, and masking by a schema, against a step; drafts looked up\n"
    "  --words          the tokenizer of --model, or a made-up one of 150,000 tokens\n"
    "  --text FILE      what --words encodes (default: made-up text of 1 MB)\n"
    "  --ids FILE       where --words puts the ids, as 32-bit integers\n"
    "  --batch          many texts at once, and how long steps with a time budget take\n"
    "  --recurrent      recurrent shapes, and what part of a prompt's time the recurrences take\n"
    "  --load           opening quantized models with and without a packed file, which it writes here and removes\n"
    "  --kernels        every kernel of every instruction set, and the limits of this machine\n"
    "  --only NAME      kernels whose name begins so\n"
    "  --against TEXT   NAME=COMMAND: another engine's llama-bench, for the same shapes and formats (qwen2 and llama\n"
    "                   ones), in turn with this one; writes a GGUF file of that size here and removes it\n"
    "  --batched TEXT   the llama-batched-bench of the engine before, for texts written together\n"
    "  --depth N        tokens behind which --against writes, too (default 4096; 0: not)\n"
    "  --isa NAME       kernels: scalar, sse4, avx2, neon, ...; a wrong name lists those that there are\n"
    "  --exact          float32 activations\n"
    "  --no-pack        weights as the checkpoint has them, without a copy in the order of the products\n";

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int fail(const char *what) {
    fprintf(stderr, "bench: %s\n", what);
    return 0;
}

/* ---- random checkpoints: a safetensors image that the model is opened from in place */

typedef struct image {
    llm_memory_file files[3];
    llm__text header, config, words;
    uint8_t *block, *data; /* data: 64-byte aligned, after the header */
    size_t data_bytes, skipped_bytes; /* skipped: an embedding table of which a token reads one row only */
    uint64_t random;
    const recipe *how;
} image;

static void put_to(llm__text *text, const char *format, ...) LLM__PRINTF(2, 3);
static void put_to(llm__text *text, const char *format, ...) {
    char line[300];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    llm__text_add(text, line, strlen(line));
}

#define put(m, ...) put_to(&(m)->header, __VA_ARGS__)

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
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

/* Four numbers of 16 bits at a time: a random sign and mantissa under one exponent. */
static void fill_halves(uint64_t *random, uint8_t *out, size_t count, int exponent, int bf16) {
    const uint64_t one = bf16 ? (uint64_t)(127 - exponent) << 7 : (uint64_t)(15 - exponent) << 10;
    const uint64_t all = one | one << 16 | one << 32 | one << 48;
    const uint64_t free_bits = bf16 ? UINT64_C(0x807F807F807F807F) : UINT64_C(0x83FF83FF83FF83FF);
    for (; count > 0; count -= count < 4 ? count : 4, out += 8) {
        const uint64_t four = (next_random(random) & free_bits) | all;
        memcpy(out, &four, count < 4 ? 2 * count : 8);
    }
}

static void fill_words(uint64_t *random, uint8_t *out, size_t bytes) {
    size_t i;
    for (i = 0; i + 8 <= bytes; i += 8) {
        uint64_t word = next_random(random);
        memcpy(out + i, &word, 8);
    }
}

/* What makes entries of standard deviation 1/sqrt(cols): a product is then as large as what goes in. */
static int exponent_for(int cols) { return (int)(log2(1.53 * sqrt(cols)) + 0.5); }

static void fill_constant(uint8_t *out, size_t count, float value) {
    uint16_t h = llm__f32_to_f16(value);
    size_t i;
    for (i = 0; i < count; i++) memcpy(out + 2 * i, &h, 2);
}

static void add_vector(image *m, const char *name, int n, float value) {
    uint8_t *out = add_tensor(m, name, "F16", 0, n, (size_t)n * 2);
    if (out) fill_constant(out, (size_t)n, value);
}

static void add_float_matrix(image *m, const char *name, int rows, int cols) {
    size_t count = (size_t)rows * (size_t)cols;
    uint8_t *out = add_tensor(m, name, m->how->dtype, rows, cols, count * 2);
    if (out) fill_halves(&m->random, out, count, exponent_for(cols), !strcmp(m->how->dtype, "BF16"));
}

static void add_quantized_matrix(image *m, const char *path, int rows, int cols, int bits) {
    const int group = m->how->group;
    size_t count = (size_t)rows * (size_t)cols, packed = count * (size_t)bits / 8, groups = count / (size_t)group;
    const float top = (float)((1 << bits) - 1), scale = (float)(sqrt(12.0 / cols)) / top;
    char name[120];
    uint8_t *out;
    snprintf(name, sizeof name, "%s.weight", path);
    out = add_tensor(m, name, "U32", rows, cols * bits / 32, packed);
    if (out) fill_words(&m->random, out, packed);
    snprintf(name, sizeof name, "%s.scales", path);
    out = add_tensor(m, name, "F16", rows, cols / group, groups * 2);
    if (out) fill_constant(out, groups, scale);
    snprintf(name, sizeof name, "%s.biases", path);
    out = add_tensor(m, name, "F16", rows, cols / group, groups * 2);
    if (out) fill_constant(out, groups, -0.5f * top * scale);
    if (!m->data && bits != m->how->bits)
        put_to(&m->config, ",\"%s\":{\"group_size\":%d,\"bits\":%d}", path, group, bits);
}

static void add_matrix(image *m, const char *path, int rows, int cols, int bits) {
    char name[120];
    snprintf(name, sizeof name, "%s.weight", path);
    if (bits == 16) add_float_matrix(m, name, rows, cols);
    else add_quantized_matrix(m, path, rows, cols, bits);
}

/* As llama.cpp's mixes have it: the first and the last eighth of the layers, and every third between, keep more of the
   values and of what leaves the MLP. */
static int keeps_more(const shape *s, int layer) {
    const int eighth = s->layers / 8;
    return layer < eighth || layer >= 7 * s->layers / 8 || (layer - eighth) % 3 == 2;
}

static int bits_of(const image *m, const shape *s, int layer, const char *name) {
    const int more = keeps_more(s, layer) && (strstr(name, "v_proj") || strstr(name, "down_proj"));
    return more ? m->how->more_bits : m->how->bits;
}

/* model.layers.LAYER.NAME; mamba2's checkpoints say backbone.layers.LAYER.NAME. */
static const char *in_layer(char *path, const shape *s, int layer, const char *name) {
    snprintf(path, 120, "%s.layers.%d.%s", s->kind == MAMBA2 ? "backbone" : "model", layer, name);
    return path;
}

static void add_in_layer(image *m, const shape *s, int layer, const char *name, int rows, int cols) {
    char path[120];
    add_matrix(m, in_layer(path, s, layer, name), rows, cols, bits_of(m, s, layer, name));
}

static void add_numbers(image *m, const shape *s, int layer, const char *name, int n, float value) {
    char path[120];
    add_vector(m, in_layer(path, s, layer, name), n, value);
}

/* A convolution over each channel, whose numbers are about 1/2. */
static void add_convolution(image *m, const shape *s, int layer, const char *name, int channels) {
    size_t count = (size_t)channels * CONV_KERNEL;
    char path[120];
    uint8_t *out = add_tensor(m, in_layer(path, s, layer, name), "F16", channels, CONV_KERNEL, count * 2);
    if (out) fill_halves(&m->random, out, count, 2, 0);
}

static void add_projection(image *m, const shape *s, int layer, const char *which, int rows) {
    char name[60];
    snprintf(name, sizeof name, "self_attn.%s", which);
    add_in_layer(m, s, layer, name, rows, s->hidden);
    snprintf(name, sizeof name, "self_attn.%s.bias", which);
    if (s->qkv_bias) add_numbers(m, s, layer, name, rows, 0.01f);
}

static void add_attention(image *m, const shape *s, int layer) {
    int gated = s->kind == QWEN3_NEXT;
    add_projection(m, s, layer, "q_proj", s->heads * s->head * (gated ? 2 : 1));
    add_projection(m, s, layer, "k_proj", s->kv_heads * s->head);
    add_projection(m, s, layer, "v_proj", s->kv_heads * s->head);
    add_in_layer(m, s, layer, "self_attn.o_proj", s->hidden, s->heads * s->head);
    if (!gated) return;
    add_numbers(m, s, layer, "self_attn.q_norm.weight", s->head, 1);
    add_numbers(m, s, layer, "self_attn.k_norm.weight", s->head, 1);
}

static void add_mlp(image *m, const shape *s, int layer, const char *place) {
    char name[80];
    snprintf(name, sizeof name, "%s.gate_proj", place);
    add_in_layer(m, s, layer, name, s->inner, s->hidden);
    snprintf(name, sizeof name, "%s.up_proj", place);
    add_in_layer(m, s, layer, name, s->inner, s->hidden);
    snprintf(name, sizeof name, "%s.down_proj", place);
    add_in_layer(m, s, layer, name, s->hidden, s->inner);
}

static void add_delta(image *m, const shape *s, int layer) {
    int keys = DELTA_KEY_HEADS * DELTA_WIDTH, values = DELTA_VALUE_HEADS * DELTA_WIDTH;
    add_in_layer(m, s, layer, "linear_attn.in_proj_qkvz", 2 * keys + 2 * values, s->hidden);
    add_in_layer(m, s, layer, "linear_attn.in_proj_ba", 2 * DELTA_VALUE_HEADS, s->hidden);
    add_in_layer(m, s, layer, "linear_attn.out_proj", s->hidden, values);
    add_convolution(m, s, layer, "linear_attn.conv1d.weight", 2 * keys + values);
    add_numbers(m, s, layer, "linear_attn.A_log", DELTA_VALUE_HEADS, -2);
    add_numbers(m, s, layer, "linear_attn.dt_bias", DELTA_VALUE_HEADS, -1);
    add_numbers(m, s, layer, "linear_attn.norm.weight", DELTA_WIDTH, 1);
}

static void add_experts(image *m, const shape *s, int layer) {
    char name[60];
    int i;
    add_in_layer(m, s, layer, "mlp.gate", EXPERTS, s->hidden);
    for (i = 0; i < EXPERTS; i++) {
        snprintf(name, sizeof name, "mlp.experts.%d", i);
        add_mlp(m, s, layer, name);
    }
    add_mlp(m, s, layer, "mlp.shared_expert");
    add_in_layer(m, s, layer, "mlp.shared_expert_gate", 1, s->hidden);
}

static void add_ssd(image *m, const shape *s, int layer) {
    int inner = SSD_HEADS * SSD_WIDTH, channels = inner + 2 * SSD_STATE;
    add_numbers(m, s, layer, "norm.weight", s->hidden, 1);
    add_in_layer(m, s, layer, "mixer.in_proj", inner + channels + SSD_HEADS, s->hidden);
    add_in_layer(m, s, layer, "mixer.out_proj", s->hidden, inner);
    add_convolution(m, s, layer, "mixer.conv1d.weight", channels);
    add_numbers(m, s, layer, "mixer.conv1d.bias", channels, 0.01f);
    add_numbers(m, s, layer, "mixer.A_log", SSD_HEADS, 0);
    add_numbers(m, s, layer, "mixer.D", SSD_HEADS, 1);
    add_numbers(m, s, layer, "mixer.dt_bias", SSD_HEADS, -2);
    add_numbers(m, s, layer, "mixer.norm.weight", inner, 1);
}

static void add_layer(image *m, const shape *s, int layer) {
    if (s->kind == MAMBA2) {
        add_ssd(m, s, layer);
        return;
    }
    add_numbers(m, s, layer, "input_layernorm.weight", s->hidden, 1);
    add_numbers(m, s, layer, "post_attention_layernorm.weight", s->hidden, 1);
    if (s->kind == QWEN3_NEXT && (layer + 1) % FULL_INTERVAL) add_delta(m, s, layer);
    else add_attention(m, s, layer);
    if (s->kind == QWEN3_NEXT) add_experts(m, s, layer);
    else add_mlp(m, s, layer, "mlp");
}

static void add_tensors(image *m, const shape *s) {
    int layer, recurrent = s->kind == MAMBA2;
    m->data_bytes = 0;
    add_matrix(m, recurrent ? "backbone.embeddings" : "model.embed_tokens", s->vocabulary, s->hidden,
               m->how->more_bits);
    m->skipped_bytes = s->tied ? 0 : m->data_bytes;
    for (layer = 0; layer < s->layers; layer++) add_layer(m, s, layer);
    add_vector(m, recurrent ? "backbone.norm_f.weight" : "model.norm.weight", s->hidden, 1);
    if (!s->tied) add_matrix(m, "lm_head", s->vocabulary, s->hidden, m->how->more_bits);
}

/* Ends within the description of the quantization, to which the tensors add what they have of their own. */
static void begin_config(image *m, const shape *s) {
    llm__text_add(&m->config, s->config, strlen(s->config));
    put_to(&m->config,
           ",\"hidden_size\":%d,\"num_hidden_layers\":%d,\"vocab_size\":%d,\"hidden_act\":\"silu\","
           "\"tie_word_embeddings\":%s", s->hidden, s->layers, s->vocabulary, s->tied ? "true" : "false");
    if (s->heads)
        put_to(&m->config,
               ",\"intermediate_size\":%d,\"num_attention_heads\":%d,\"num_key_value_heads\":%d,\"head_dim\":%d",
               s->inner, s->heads, s->kv_heads, s->head);
    if (m->how->bits < 16)
        put_to(&m->config, ",\"quantization\":{\"group_size\":%d,\"bits\":%d", m->how->group, m->how->bits);
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
    llm__text_free(&m->config);
    llm__text_free(&m->words);
}

static int make_image(image *m, const shape *s, const recipe *f) {
    size_t i, head;
    uint8_t *start;
    memset(m, 0, sizeof *m);
    m->header.allocator = m->config.allocator = llm__allocator_or_default(m->header.allocator);
    m->random = UINT64_C(88172645463325252);
    m->how = f;
    begin_config(m, s);
    put(m, "{");
    add_tensors(m, s);
    put(m, "}");
    put_to(&m->config, f->bits < 16 ? "}}" : "}");
    while ((8 + m->header.length) % 64) put(m, " ");
    head = 8 + m->header.length;
    if (machine_bytes() > 0 && (double)m->data_bytes > 0.85 * machine_bytes())
        return fail("too large for this machine's memory");
    m->block = (uint8_t *)malloc(head + m->data_bytes + 64);
    if (!m->block || m->header.failed || m->config.failed) return fail("out of memory");
    start = m->block + (64 - (uintptr_t)m->block % 64) % 64;
    for (i = 0; i < 8; i++) start[i] = (uint8_t)((uint64_t)m->header.length >> 8 * i);
    memcpy(start + 8, m->header.data, m->header.length);
    m->data = start + head;
    add_tensors(m, s);
    m->files[0].name = "config.json";
    m->files[0].data = m->config.data;
    m->files[0].bytes = m->config.length;
    m->files[1].name = "model.safetensors";
    m->files[1].data = start;
    m->files[1].bytes = head + m->data_bytes;
    return 1;
}

/* ---- bandwidth: of some passes over more than any cache holds, the best moment in which all threads were at work

   Each thread notes when it was through with each burst.  While one of them reads a burst, the others read what their
   own times say; a machine that does other things, too, is found free in some of many short moments. */

enum { READ_BYTES = 512 << 20, READ_PASSES = 3, READ_THREADS = 64, BURST_BYTES = 2 << 20 };

typedef struct reader {
    pthread_t thread;
    const uint64_t *from;
    int bursts;
    uint64_t sum;
    double at[READ_BYTES / BURST_BYTES + 1];
} reader;

static void *read_bursts(void *argument) {
    reader *r = (reader *)argument;
    const uint64_t *p = r->from, *end;
    uint64_t a = 0, b = 0, c = 0, d = 0;
    int i;
    r->at[0] = now();
    for (i = 1; i <= r->bursts; i++) {
        for (end = p + BURST_BYTES / 8; p < end; p += 8) {
            a ^= p[0] ^ p[4];
            b ^= p[1] ^ p[5];
            c ^= p[2] ^ p[6];
            d ^= p[3] ^ p[7];
        }
        r->at[i] = now();
    }
    r->sum = a ^ b ^ c ^ d;
    return NULL;
}

/* Bytes that a thread read from one moment to another. */
static double bytes_between(const reader *r, double from, double to) {
    double sum = 0;
    int i;
    for (i = 1; i <= r->bursts && r->at[i - 1] < to; i++) {
        const double begin = r->at[i - 1] > from ? r->at[i - 1] : from, end = r->at[i] < to ? r->at[i] : to;
        if (end > begin) sum += (double)BURST_BYTES * (end - begin) / (r->at[i] - r->at[i - 1]);
    }
    return sum;
}

static double best_moment(const reader *readers, int count) {
    double best = 0, sum;
    int i, k;
    for (i = 1; i <= readers[0].bursts; i++) {
        const double from = readers[0].at[i - 1], to = readers[0].at[i];
        for (sum = k = 0; k < count; k++) sum += bytes_between(&readers[k], from, to);
        if (sum > best * (to - from)) best = sum / (to - from);
    }
    return best;
}

static double read_once(const uint64_t *block, int threads, volatile uint64_t *sink) {
    static reader readers[READ_THREADS];
    const int bursts = READ_BYTES / BURST_BYTES / threads;
    int i;
    for (i = threads - 1; i >= 0; i--) {
        readers[i].from = block + (size_t)i * (size_t)bursts * (BURST_BYTES / 8);
        readers[i].bursts = bursts;
        if (i && pthread_create(&readers[i].thread, NULL, read_bursts, &readers[i])) readers[i].bursts = 0;
    }
    read_bursts(&readers[0]);
    for (i = 1; i < threads; i++)
        if (readers[i].bursts) pthread_join(readers[i].thread, NULL);
    for (i = 0; i < threads; i++) *sink ^= readers[i].sum;
    return best_moment(readers, threads);
}

/* Memory to be freed, in pages of 2 MB or in small ones if that can be chosen: each page has to be looked up. */
static void *take_pages(size_t bytes, int large) {
#ifdef MADV_HUGEPAGE
    void *block;
    if (posix_memalign(&block, 2 << 20, bytes)) return NULL;
    madvise(block, bytes, large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return block;
#else
    (void)large;
    return malloc(bytes);
#endif
}

static double bandwidth(int threads, int large_pages) {
    uint64_t *block = (uint64_t *)take_pages(READ_BYTES, large_pages);
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
    double prompt_cpus[MAX_REPEAT], generate_cpus[MAX_REPEAT]; /* how many CPUs were at work */
} speeds;

/* A moment in wall time and in CPU time of this process. */
typedef struct moment {
    double wall, cpu;
} moment;

static moment moment_now(void) {
    moment m;
    m.wall = now();
    m.cpu = (double)clock() / CLOCKS_PER_SEC;
    return m;
}

static double cpus_since(moment start) { return (moment_now().cpu - start.cpu) / (now() - start.wall); }

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n) {
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 2];
}

static int forward(llm_session *session, llm_cache *cache, const int32_t *tokens, size_t count, float *logits) {
    llm_sequence s;
    llm_error error;
    memset(&s, 0, sizeof s);
    s.cache = cache;
    s.tokens = tokens;
    s.count = count;
    s.want = LLM_LOGITS_LAST;
    s.logits = logits;
    return llm_forward(session, &s, 1, &error) ? fail(error.message) : 1;
}

static int measure_once(const options *o, llm_session *session, llm_cache *cache, const int32_t *ids, float *logits,
                        speeds *out, int run) {
    moment start = moment_now();
    int i;
    llm_cache_clear(cache);
    if (!forward(session, cache, ids, (size_t)o->prompt, logits)) return 0;
    out->prompt[run] = o->prompt / (now() - start.wall);
    out->prompt_cpus[run] = cpus_since(start);
    start = moment_now();
    for (i = 0; i < o->generate; i++)
        if (!forward(session, cache, ids + o->prompt + i, 1, logits)) return 0;
    out->generate[run] = o->generate / (now() - start.wall);
    out->generate_cpus[run] = cpus_since(start);
    return 1;
}

static int measure_session(const options *o, const llm_model *model, llm_session *session, speeds *out) {
    llm_model_cache_desc cd;
    llm_cache *cache = NULL;
    llm_error error;
    int i, ok, n = o->prompt + o->generate, vocabulary = llm_model_get_info(model).vocabulary;
    int32_t *ids = (int32_t *)malloc((size_t)n * sizeof *ids);
    float *logits = (float *)malloc((size_t)vocabulary * sizeof *logits);
    memset(&cd, 0, sizeof cd);
    cd.exact = o->exact;
    ok = (ids && logits) || fail("out of memory");
    for (i = 0; ok && i < n; i++) ids[i] = (int32_t)((uint64_t)i * UINT64_C(2654435761) % (uint64_t)vocabulary);
    if (ok && llm_model_cache_open(&cache, model, &cd, &error)) ok = fail(error.message);
    for (i = 0; ok && i < o->repeat; i++)
        ok = measure_once(o, session, cache, ids, logits, out, i);
    llm_cache_close(cache);
    free(ids);
    free(logits);
    return ok;
}

static int open_session(const options *o, const llm_model *model, llm_session **out) {
    llm_session_desc sd;
    llm_error error;
    memset(&sd, 0, sizeof sd);
    sd.threads = o->threads;
    sd.exact = o->exact;
    sd.pin_threads = o->pin;
    if (llm_session_open(out, model, &sd, &error)) return fail(error.message);
    if (!o->pin || llm_session_pinned(*out) == o->threads - 1) return 1;
    llm_session_close(*out);
    *out = NULL;
    return fail("there is no core for each thread");
}

static int measure(const options *o, const llm_model *model, speeds *out) {
    llm_session *session = NULL;
    int ok;
    if (!open_session(o, model, &session)) return 0;
    ok = measure_session(o, model, session, out);
    llm_session_close(session);
    return ok;
}

static void show_header(void) {
    printf("%-14s %-6s %-7s %7s %8s %12s %26s %9s %11s %6s\n", "shape", "format", "kernels", "threads", "load ms",
           "prompt t/s", "generation t/s (min..max)", "MB/token", "memory GB/s", "share");
}

static void show(const options *o, const llm_model *model, const char *name, const char *format, size_t skipped,
                 speeds *s) {
    llm_model_info info = llm_model_get_info(model);
    double bytes = (double)(info.weight_bytes - skipped), memory = bandwidth(o->threads, 1);
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

static int bench_model(const options *o, llm_model_desc *md, const char *name, const char *format, size_t skipped,
                       speeds *s) {
    llm_model *model = NULL;
    llm_error error;
    clock_t start = clock();
    int ok;
    md->isa = o->isa;
    md->no_pack = o->no_pack;
    md->weights_only = 1;
    if (llm_model_open(&model, md, &error)) return fail(error.message);
    s->load_ms = 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC;
    ok = measure(o, model, s);
    if (ok) show(o, model, name, format, skipped, s);
    llm_model_close(model);
    return ok;
}

static int bench_shape(const options *o, const shape *s, const recipe *f, speeds *out) {
    llm_model_desc md;
    image m;
    int ok = make_image(&m, s, f);
    memset(&md, 0, sizeof md);
    md.memory = m.files;
    md.memory_count = 2;
    if (ok) ok = bench_model(o, &md, s->name, f->name, m.skipped_bytes, out);
    free_image(&m);
    return ok;
}

/* Whether a name is in a list with commas, or the list is "all". */
static int listed(const char *list, const char *name) {
    size_t n = strlen(name);
    const char *at;
    if (!strcmp(list, "all")) return 1;
    for (at = strstr(list, name); at; at = strstr(at + 1, name))
        if ((at == list || at[-1] == ',') && (!at[n] || at[n] == ',')) return 1;
    return 0;
}

/* Calls for all shapes and formats that are asked for. */
static int each_listed(const options *o, int (*run)(const options *o, const shape *s, const recipe *f)) {
    size_t i, k, found = 0;
    int ok = 1;
    for (i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (k = 0; k < sizeof recipes / sizeof *recipes; k++)
            if (listed(o->shape, shapes[i].name) && listed(o->format, recipes[k].name)) {
                ok &= run(o, &shapes[i], &recipes[k]);
                found++;
            }
    return found ? ok : fail("no such shape or format (--help lists them)");
}

static int bench_listed(const options *o, const shape *s, const recipe *f) {
    speeds speed;
    return bench_shape(o, s, f, &speed);
}

static int bench_shapes(const options *o) {
    show_header();
    return each_listed(o, bench_listed);
}

static const recipe *recipe_named(const char *name) {
    size_t i = 0;
    while (strcmp(recipes[i].name, name)) i++;
    return &recipes[i];
}

static int bench_folder(const options *o) {
    llm_model_desc md;
    const char *slash = strrchr(o->model, '/');
    speeds speed;
    memset(&md, 0, sizeof md);
    md.path = o->model;
    show_header();
    return bench_model(o, &md, slash && slash[1] ? slash + 1 : o->model, "-", 0, &speed);
}

/* ---- what opening costs, with weights laid out for the kernels or not, and what writing then gains */

#define PACK_PATH "bench.pack"

typedef struct load_way {
    const char *name;
    int no_pack, from_file, unchecked, no_map;
} load_way;

static const load_way load_ways[] = {
    {"as they lie", 1, 0, 0, 0},       {"laid out", 0, 0, 0, 0},          {"packed file, mapped", 0, 1, 0, 0},
    {"  and not checked", 0, 1, 1, 0}, {"packed file, read", 0, 1, 0, 1},
};

enum { LOAD_WAYS = sizeof load_ways / sizeof *load_ways };

static int open_way(const options *o, const load_way *w, llm_model_desc *md, llm_model **out, double *ms) {
    llm_error error;
    double start = now();
    md->isa = o->isa;
    md->weights_only = 1;
    md->no_pack = w->no_pack;
    md->pack_file = w->from_file ? PACK_PATH : NULL;
    md->pack_unchecked = w->unchecked;
    md->no_map = w->no_map;
    if (llm_model_open(out, md, &error)) return fail(error.message);
    *ms = 1e3 * (now() - start);
    return !w->from_file || !llm_model_get_info(*out).pack_note || fail(llm_model_get_info(*out).pack_note);
}

static int write_pack(const options *o, llm_model_desc *md, double *ms) {
    llm_model *model = NULL;
    llm_error error;
    int ok = open_way(o, &load_ways[1], md, &model, ms);
    double start = now();
    if (ok && llm_model_save_pack(model, PACK_PATH, NULL, &error)) ok = fail(error.message);
    *ms = 1e3 * (now() - start);
    llm_model_close(model);
    return ok;
}

static int measure_way(const options *o, llm_model_desc *md, const load_way *w, double *ms, double *tokens,
                       llm_model_info *info) {
    options one = *o;
    llm_model *model = NULL;
    speeds s;
    int ok;
    one.prompt = one.repeat = 1;
    ok = open_way(o, w, md, &model, ms) && measure(&one, model, &s);
    if (ok) *tokens = s.generate[0], *info = llm_model_get_info(model);
    llm_model_close(model);
    return ok;
}

static int bench_loading(const options *o, const shape *s, const recipe *f) {
    static double ms[LOAD_WAYS][MAX_REPEAT], tokens[LOAD_WAYS][MAX_REPEAT];
    llm_model_desc md;
    llm_model_info info[LOAD_WAYS];
    image m;
    double written;
    int i, w, ok = make_image(&m, s, f);
    memset(&md, 0, sizeof md);
    md.memory = m.files;
    md.memory_count = 2;
    ok = ok && write_pack(o, &md, &written);
    for (i = 0; ok && i < o->repeat; i++)
        for (w = 0; ok && w < LOAD_WAYS; w++)
            ok = measure_way(o, &md, &load_ways[w], &ms[w][i], &tokens[w][i], &info[w]);
    remove(PACK_PATH);
    free_image(&m);
    if (!ok) return 0;
    printf("%s %s, %.0f MB laid out, %d threads; the file was written in %.0f ms\n", s->name, f->name,
           (double)info[1].pack_bytes / 1e6, o->threads, written);
    printf("  %-22s %9s %9s %10s %8s\n", "weights", "open ms", "s/GB", "memory MB", "tokens/s");
    for (w = 0; w < LOAD_WAYS; w++)
        printf("  %-22s %9.1f %9.3f %10.1f %8.2f\n", load_ways[w].name, median(ms[w], o->repeat),
               median(ms[w], o->repeat) * 1e6 / (double)info[1].pack_bytes, (double)info[w].memory_bytes / 1e6,
               median(tokens[w], o->repeat));
    return 1;
}

static int bench_loads(const options *o) { return each_listed(o, bench_loading); }

/* ---- the first shape in 4 bits, ready to run */

typedef struct bed {
    image m;
    llm_model *model;
    llm_session *session;
} bed;

/* A byte-level vocabulary for it: all bytes, then words, of which some begin with a space or hold a quote. */
static int add_words(image *m, int vocabulary) {
    static const char begin[] =
        "{\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{";
    char word[64], line[100];
    int i, k, n;
    m->words.allocator = m->header.allocator;
    m->random = 99;
    llm__text_add(&m->words, begin, strlen(begin));
    for (i = 0; i < vocabulary; i++) {
        uint64_t random = next_random(&m->random);
        for (n = 0, k = i; k > 0 || n < 2 + (int)(random & 7); k /= 23, n++) word[n] = (char)('a' + (k + n % 2) % 23);
        word[n] = 0;
        if (i < 94) snprintf(word, sizeof word, i + 33 == '"' || i + 33 == '\\' ? "\\%c" : "%c", i + 33);
        n = snprintf(line, sizeof line, "%s\"%s%s%s\":%d", i ? "," : "",
                     i > 94 && (random >> 8 & 3) ? "\xC4\xA0" : "", i == 94 ? "\xC4\xA0" : word,
                     i > 94 && !(random >> 16 & 31) ? "\\\"," : "", i);
        llm__text_add(&m->words, line, (size_t)n);
    }
    llm__text_add(&m->words, "}}}", 3);
    m->files[2].name = "tokenizer.json";
    m->files[2].data = m->words.data;
    m->files[2].bytes = m->words.length;
    return !m->words.failed || fail("out of memory");
}

static int open_bed(bed *b, const options *o) {
    llm_model_desc md;
    llm_error error;
    memset(b, 0, sizeof *b);
    memset(&md, 0, sizeof md);
    if (!make_image(&b->m, &shapes[0], recipe_named("q4")) || !add_words(&b->m, shapes[0].vocabulary)) return 0;
    md.memory = b->m.files;
    md.memory_count = 3;
    md.isa = o->isa;
    if (llm_model_open(&b->model, &md, &error)) return fail(error.message);
    return open_session(o, b->model, &b->session);
}

static void close_bed(bed *b) {
    llm_session_close(b->session);
    llm_model_close(b->model);
    free_image(&b->m);
}

/* ---- caches */

enum { DEPTH = 4096, CACHE_LAYERS = 24, STORE_ENTRIES = 10000, STORE_TOKENS = 1000, STORE_SHARED = 500 };

/* Makes room for tokens behind those that are there and fills it with half floats around 0.1: memory that was never
   written would be one page of zeros to the CPU. */
static int add_tokens(llm_cache *cache, int64_t tokens, llm_error *error) {
    uint32_t random = 1;
    size_t i, k;
    int64_t page;
    if (llm__cache_begin(cache, tokens, 0, tokens, error)) return 0;
    for (i = 0; i < cache->layer_count; i++)
        for (page = 0; page < cache->layers[i].count; page++) {
            uint8_t *data = llm__page_data(cache->layers[i].pages[page]);
            for (k = 0; k + 2 <= cache->layers[i].layout.bytes; k += 2) {
                uint16_t half = (uint16_t)((random >> 16 & 0x83ff) | 0x2c00);
                memcpy(data + k, &half, sizeof half);
                random = random * 1664525u + 1013904223u;
            }
        }
    llm__cache_commit(cache);
    return 1;
}

/* A cache of so many layers that has seen so many tokens. */
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
    ok = !llm_cache_open(&cache, &d, &error) && add_tokens(cache, tokens, &error);
    if (!ok) fail(error.message);
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

/* The plain speed of the same disk: a file of as many bytes, written in pieces, synced, and put in the place of another
   one. */
static double plain_write(const char *path, const char *part, size_t bytes) {
    static const uint8_t piece[16384] = {0};
    double start = now();
    int file = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0666), ok = file >= 0;
    size_t at;
    for (at = 0; ok && at < bytes; at += sizeof piece) ok = write(file, piece, sizeof piece) == (ssize_t)sizeof piece;
    ok = ok && !fsync(file);
    if (file >= 0) close(file);
    return ok && !rename(part, path) ? (double)bytes / (now() - start) : 0;
}

/* Copies the bytes once, into memory that was used before or that the system has to find first. */
static double plain_copy(const uint8_t *from, size_t bytes, int fresh) {
    double start = now();
    uint8_t *to = (uint8_t *)malloc(bytes);
    volatile uint8_t last = 0; /* so that the copy is not left out */
    if (!to) return 0;
    if (!fresh) {
        memset(to, 1, bytes);
        start = now();
    }
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

static int patch_memory(void *user, uint64_t at, const void *data, size_t bytes) {
    memcpy(((target *)user)->data + at, data, bytes);
    return 0;
}

/* An allocator over memory that was used before; it takes nothing back. */
static void *take_used(void *user, void *block, size_t old_bytes, size_t new_bytes) {
    target *t = (target *)user;
    uint8_t *at = t->data + t->bytes;
    size_t bytes = (new_bytes + 63) & ~(size_t)63;
    if (!new_bytes || bytes > t->capacity - t->bytes) return NULL;
    t->bytes += bytes;
    if (block) memcpy(at, block, old_bytes < new_bytes ? old_bytes : new_bytes);
    return at;
}

enum { SAVE, LOAD, LOAD_USED, COPY, COPY_FRESH, SAVE_DISK, DISK, WAYS };

static int time_load(const target *file, target *used, double *speed) {
    llm_cache_load_desc d;
    llm_cache *loaded = NULL;
    llm_error error;
    double start;
    memset(&d, 0, sizeof d);
    d.data = file->data;
    d.bytes = file->bytes;
    if (used) {
        used->bytes = 0;
        d.allocator.user = used;
        d.allocator.reallocate = take_used;
    }
    start = now();
    if (llm_cache_load(&loaded, &d, &error)) return fail(error.message);
    *speed = (double)file->bytes / (now() - start);
    llm_cache_close(loaded);
    return 1;
}

/* To memory, or to a path. */
static int time_save(const llm_cache *cache, target *file, const char *path, double *speed) {
    llm_cache_save_desc d;
    llm_error error;
    double start = now();
    memset(&d, 0, sizeof d);
    d.path = path;
    if (!path) {
        file->bytes = 0;
        d.sink.user = file;
        d.sink.write = write_memory;
        d.sink.patch = patch_memory;
    }
    if (llm_cache_save(cache, &d, &error)) return fail(error.message);
    *speed = (double)file->bytes / (now() - start);
    return 1;
}

static int bench_files(const options *o) {
    static const char *path = "bench-cache.safetensors", *plain = "bench-plain", *part = "bench-plain.part";
    llm_cache *cache = filled_cache(CACHE_LAYERS, 2, 64, DEPTH);
    target file, used;
    double speed[WAYS][MAX_REPEAT], m[WAYS];
    int i, ok = cache != NULL;
    memset(&file, 0, sizeof file);
    file.capacity = ok ? llm_cache_bytes(cache) + (1 << 20) : 0;
    used = file;
    ok = ok && (((file.data = (uint8_t *)calloc(1, file.capacity)) != NULL &&
                 (used.data = (uint8_t *)malloc(used.capacity)) != NULL) || fail("out of memory"));
    if (ok) memset(used.data, 1, used.capacity);
    for (i = 0; ok && i < o->repeat; i++) {
        ok = time_save(cache, &file, NULL, &speed[SAVE][i]) && time_load(&file, NULL, &speed[LOAD][i]) &&
             time_load(&file, &used, &speed[LOAD_USED][i]) && time_save(cache, &file, path, &speed[SAVE_DISK][i]);
        if (!ok) break;
        speed[COPY][i] = plain_copy(file.data, file.bytes, 0);
        speed[COPY_FRESH][i] = plain_copy(file.data, file.bytes, 1);
        speed[DISK][i] = plain_write(plain, part, file.bytes);
    }
    for (i = 0; ok && i < WAYS; i++) m[i] = median(speed[i], o->repeat) / 1e9;
    if (ok) {
        printf("a file of %.0f MB, GB/s:\n", (double)file.bytes / 1e6);
        printf("  save to memory                 %6.2f    copy once                    %6.2f\n", m[SAVE], m[COPY]);
        printf("  load into used memory          %6.2f    copy once                    %6.2f\n", m[LOAD_USED], m[COPY]);
        printf("  load into fresh memory         %6.2f    copy once into fresh memory  %6.2f\n", m[LOAD],
               m[COPY_FRESH]);
        printf("  save to disk                   %6.2f    plain file, synced, renamed  %6.2f\n", m[SAVE_DISK], m[DISK]);
    }
    remove(path);
    remove(plain);
    free(file.data);
    free(used.data);
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
    *us = 1e6 * (now() - start) / (double)STORE_ENTRIES;
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
    if (ok && depth && !add_tokens(cache, depth, &error)) ok = fail(error.message);
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

/* ---- chats: messages to a prompt, and answers to content, thoughts and calls */
enum { CHAT_MESSAGES = 100, CHAT_RUNS = 200 };

static char *make_chat(void) {
    char *text = (char *)malloc(CHAT_MESSAGES * 400), *at = text;
    int i;
    for (i = 0; text && i < CHAT_MESSAGES; i++)
        at += sprintf(at,
                      "%s{\"role\": \"%s\", \"content\": \"This is message %d, some words long, as people write them: "
                      "it asks, answers, or goes on about the matter for two or three lines, and then stops.\"}%s",
                      i ? ", " : "[", i % 2 ? "assistant" : "user", i, i + 1 == CHAT_MESSAGES ? "]" : "");
    return text;
}

static int bench_render(const char *family, const char *messages) {
    llm_template_desc td;
    llm_render_desc rd;
    llm_template *t = NULL;
    llm_rendering *r;
    llm_error error;
    double start, took, best = 1e9;
    size_t bytes = 0;
    int i, ok;
    memset(&td, 0, sizeof td);
    memset(&rd, 0, sizeof rd);
    td.family = family;
    rd.messages = messages;
    rd.add_generation_prompt = 1;
    ok = llm_template_open(&t, &td, &error) == LLM_OK || fail(error.message);
    for (i = 0; ok && i < CHAT_RUNS; i++) {
        start = now();
        ok = llm_template_render(&r, t, &rd, &error) == LLM_OK || fail(error.message);
        took = now() - start;
        if (took < best) best = took;
        if (ok) bytes = r->bytes;
        llm_rendering_close(r);
    }
    if (ok)
        printf("a chat of %d messages by %-8s %4.0f us to %u bytes\n", CHAT_MESSAGES, family, best * 1e6,
               (unsigned)bytes);
    llm_template_close(t);
    return ok;
}

/* An answer with thoughts and a call, in pieces of four bytes. */
static int bench_split(void) {
    static const char answer[] =
        "<think>It asks for the weather; there is a tool for that.</think>Let me see.\n<tool_call>\n"
        "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\", \"days\": [1, 2, 3]}}\n</tool_call>";
    llm_splitter_desc sd;
    llm_splitter *s = NULL;
    llm_segment g;
    llm_error error;
    double start, took, best = 1e9;
    size_t at, n, calls = 0;
    int i, ok = 1;
    memset(&sd, 0, sizeof sd);
    sd.dialect = "json_tools";
    sd.think_start = "<think>";
    sd.think_end = "</think>";
    for (i = 0; ok && i < CHAT_RUNS; i++) {
        start = now();
        ok = llm_splitter_open(&s, &sd, &error) == LLM_OK || fail(error.message);
        for (at = 0; ok && at < sizeof answer - 1; at += n) {
            n = sizeof answer - 1 - at < 4 ? sizeof answer - 1 - at : 4;
            ok = llm_splitter_feed(s, answer + at, n, &error) == LLM_OK || fail(error.message);
            while (ok && llm_splitter_next(s, &g, &error) == LLM_OK) calls += g.call_count;
        }
        llm_splitter_close(s);
        took = now() - start;
        if (took < best) best = took;
    }
    if (ok)
        printf("an answer of %u bytes with a call, in pieces of 4: %.1f us (%u calls)\n", (unsigned)sizeof answer - 1,
               best * 1e6, (unsigned)(calls / CHAT_RUNS));
    return ok;
}

static int bench_chats(const options *o) {
    char *messages = make_chat();
    int ok = messages ? 1 : fail("not enough memory");
    const char *family;
    size_t n;
    (void)o;
    for (n = 0; ok && (family = llm_template_family(n)) != NULL; n++) ok = bench_render(family, messages);
    free(messages);
    return ok && bench_split();
}

/* ---- sampling and drafts */

enum { SAMPLES = 40, PERIOD = 24, REPEATS = 12 };

/* Logits by Zipf's law, as texts have it (the best token has 38 %, 90 % lie with 60), or spread evenly. */
static void fill_logits(float *logits, int vocabulary, int even) {
    uint64_t random = UINT64_C(88172645463325252);
    int i;
    for (i = 0; i < vocabulary; i++) logits[i] = even ? 4 * (float)i / (float)vocabulary : -1.5f * logf((float)(i + 1));
    for (i = vocabulary - 1; i > 0; i--) {
        float x = logits[i];
        int k;
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        k = (int)((random >> 33) % (uint64_t)(i + 1));
        logits[i] = logits[k];
        logits[k] = x;
    }
}

/* Ways to choose: what the options are called, how they are set. */
typedef struct choice {
    const char *name;
    llm_sampling sampling;
    int penalties;
} choice;

enum { CHOICES = 10 };

static void list_choices(choice *choices) {
    static const char *const names[CHOICES] = {
        "greedy", "temperature", "top_p 0.9", "top_k 40, min_p 0.05", "typical_p 0.9", "top_n_sigma 1", "xtc 0.5, 0.1",
        "mirostat 5", "dynamic temperature", "top_p 0.9, penalties and DRY"};
    int i;
    memset(choices, 0, CHOICES * sizeof *choices);
    for (i = 0; i < CHOICES; i++) {
        llm_sampling *s = &choices[i].sampling;
        choices[i].name = names[i];
        if (i) s->temperature = 0.8f;
        if (i == 2 || i == 9) s->top_p = 0.9f;
        if (i == 3) s->top_k = 40, s->min_p = 0.05f;
        if (i == 4) s->typical_p = 0.9f;
        if (i == 5) s->top_n_sigma = 1;
        if (i == 6) s->xtc_probability = 1, s->xtc_threshold = 0.1f;
        if (i == 7) s->mirostat_tau = 5;
        if (i == 8) s->dynamic_range = 0.5f;
        choices[i].penalties = i == 9;
    }
}

/* Milliseconds for one choice, behind a text of 512 tokens. */
static double sampling_ms(const bed *b, const choice *c, const float *from, float *logits, void *scratch) {
    static int32_t history[512];
    int vocabulary = llm_model_get_info(b->model).vocabulary, i;
    double ms[SAMPLES], start;
    llm_penalties p;
    memset(&p, 0, sizeof p);
    p.repetition = 1.1f;
    p.presence = 0.1f;
    p.dry_multiplier = 0.8f;
    p.dry_window = -1;
    for (i = 0; i < 512; i++) history[i] = i * i % 389;
    for (i = 0; i < SAMPLES; i++) {
        memcpy(logits, from, (size_t)vocabulary * sizeof *logits);
        start = now();
        if (c->penalties) llm_penalize(&p, history, 512, logits, vocabulary, scratch);
        llm__sample(b->model->ops, &b->session->jobs, &c->sampling, logits, vocabulary, i, scratch, NULL);
        ms[i] = 1e3 * (now() - start);
    }
    return median(ms, SAMPLES);
}

static int bench_choices(const options *o, const bed *b) {
    int vocabulary = llm_model_get_info(b->model).vocabulary, i, even, ok;
    float *logits = (float *)malloc((size_t)vocabulary * sizeof *logits);
    float *from = (float *)malloc((size_t)vocabulary * sizeof *from);
    void *scratch = malloc(llm_sample_scratch(vocabulary));
    double step = 0;
    choice choices[CHOICES];
    list_choices(choices);
    ok = (logits && from && scratch) || fail("out of memory");
    if (ok) ok = decode_behind(o, b->model, b->session, 0, 0, &step);
    if (ok) printf("choosing one of %d tokens, against a step of %.1f ms:\n", vocabulary, 1e3 / step);
    for (i = 0; ok && i < CHOICES; i++) {
        double ms[2];
        for (even = 0; even < 2; even++) {
            fill_logits(from, vocabulary, even);
            ms[even] = sampling_ms(b, &choices[i], from, logits, scratch);
        }
        printf("  %-30s %6.3f ms %5.2f%%    all about as likely: %6.3f ms %5.2f%%\n", choices[i].name, ms[0],
               ms[0] * step / 10, ms[1], ms[1] * step / 10);
    }
    free(logits);
    free(from);
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

enum { MASKS = 400, MASK_TEXTS = 10 };

/* The time of each mask along random texts of the grammar; *count of them. */
static int walk_texts(const bed *b, const llm_grammar *g, float *logits, double *ms, int *count) {
    int vocabulary = llm_model_get_info(b->model).vocabulary, i, k, id;
    uint64_t random = 7;
    for (*count = i = 0; i < MASK_TEXTS; i++) {
        llm_guide *guide;
        llm_error error;
        if (llm_guide_open(&guide, g, NULL, &error)) return fail(error.message);
        for (k = 0; k < MASKS / MASK_TEXTS && !llm_guide_is_done(guide); k++) {
            double start;
            memset(logits, 0, (size_t)vocabulary * sizeof *logits);
            start = now();
            if (llm_guide_mask(guide, logits, vocabulary, &error)) return fail(error.message);
            ms[(*count)++] = 1e3 * (now() - start);
            random = random * 6364136223846793005u + 1442695040888963407u;
            for (id = (int)((random >> 33) % (uint64_t)vocabulary); logits[id] < 0;) id = (id + 1) % vocabulary;
            if (llm_guide_accept(guide, id, &error)) return fail(error.message);
        }
        llm_guide_close(guide);
    }
    qsort(ms, (size_t)*count, sizeof *ms, by_value);
    return 1;
}

static int bench_grammar(const options *o, const bed *b) {
    static double ms[MASKS];
    int vocabulary = llm_model_get_info(b->model).vocabulary, count = 0, ok, pass;
    float *logits = (float *)malloc((size_t)vocabulary * sizeof *logits);
    llm_grammar_desc d;
    llm_grammar *g = NULL;
    llm_error error;
    double step = 0, start;
    memset(&d, 0, sizeof d);
    d.schema = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"maxLength\":200},\"age\":"
               "{\"type\":\"integer\",\"minimum\":0,\"maximum\":120},\"story\":{\"type\":\"string\"},\"tags\":"
               "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},\"required\":[\"name\",\"age\",\"story\"]}";
    d.model = b->model;
    ok = logits ? decode_behind(o, b->model, b->session, 0, 0, &step) : fail("out of memory");
    if (ok) printf("what a schema leaves of %d tokens, against a step of %.1f ms:\n", vocabulary, 1e3 / step);
    for (pass = 0; ok && pass < 2; pass++) {
        start = now();
        llm_grammar_close(g);
        ok = !llm_grammar_open(&g, &d, &error) || fail(error.message);
        printf("  %-32s %6.1f ms\n", pass ? "the schema compiled" : "the vocabulary sorted, and that",
               1e3 * (now() - start));
    }
    for (pass = 0; ok && pass < 2; pass++) {
        ok = walk_texts(b, g, logits, ms, &count);
        if (!ok) break;
        printf("  %-32s %6.3f ms  %5.2f%%   longest %.3f ms\n",
               pass ? "masks of the same texts again" : "masks along texts", ms[count / 2],
               ms[count / 2] * step / 10, ms[count - 1]);
    }
    llm_grammar_close(g);
    free(logits);
    return ok;
}

static int bench_sampling(const options *o) {
    bed b;
    int ok = open_bed(&b, o);
    ok = ok && bench_choices(o, &b) && bench_grammar(o, &b) && bench_lookup(o, &b);
    close_bed(&b);
    return ok;
}

/* ---- tokenizers */

/* What the tokenizer takes from its allocator. */
typedef struct meter {
    size_t now, most;
} meter;

static void *metered(void *user, void *block, size_t old_bytes, size_t new_bytes) {
    meter *m = (meter *)user;
    void *result = NULL;
    if (new_bytes) result = realloc(block, new_bytes);
    else free(block);
    if (new_bytes && !result) return NULL;
    m->now += new_bytes - old_bytes;
    if (m->now > m->most) m->most = m->now;
    return result;
}

/* The word of four letters that a number stands for. */
static void spell(uint32_t n, char word[5]) {
    int i;
    for (i = 0; i < 4; i++, n /= 26) word[i] = (char)('a' + n % 26);
    word[4] = 0;
}

/* tokenizer.json of 256 bytes, 676 pairs of letters and words made of two pairs. */
static void make_tokenizer(image *m) {
    enum { PAIRS = 676, TOKENS = 151643 };
    uint32_t i, id = 0;
    char word[5], byte[4];
    put(m, "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
           "\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"vocab\":{");
    for (i = 0; i < 256; i++) {
        size_t n = llm__char_put(llm__byte_to_char((uint8_t)i), byte);
        put(m, "%s\"%s%.*s\":%u", id ? "," : "", i == '"' || i == '\\' ? "\\" : "", (int)n, byte, (unsigned)i);
        id++;
    }
    for (i = 0; i < PAIRS; i++) spell(i, word), put(m, ",\"%.2s\":%u", word, (unsigned)id++);
    for (i = 0; id < TOKENS; i++) spell(i, word), put(m, ",\"%s\":%u", word, (unsigned)id++);
    put(m, "},\"merges\":[");
    for (i = 0; i < PAIRS; i++) spell(i, word), put(m, "%s\"%c %c\"", i ? "," : "", word[0], word[1]);
    for (i = 0; i < TOKENS - 256 - PAIRS; i++) spell(i, word), put(m, ",\"%.2s %.2s\"", word, word + 2);
    put(m, "]}}");
}

/* Words, numbers, Chinese and emoji. */
static void make_text(image *m, size_t bytes) {
    while (m->header.length < bytes) {
        uint32_t chance = (uint32_t)next_random(&m->random), sort = chance % 16;
        char word[5], c[4];
        spell((uint32_t)(next_random(&m->random) % (sort < 8 ? 4096 : 456976)), word);
        if (sort < 12) put(m, " %.*s", 2 + (int)(chance >> 4) % 3, word);
        else if (sort == 12) put(m, " %u", (unsigned)(chance >> 8));
        else if (sort == 13) put(m, ", %.*s\n", 4, word);
        else put(m, "%.*s", (int)llm__char_put((sort == 14 ? 0x4E00u : 0x1F300u) + (chance >> 8) % 512, c), c);
    }
}

/* The bytes of a file, or NULL. */
static char *read_all(const char *path, size_t *bytes) {
    FILE *f = fopen(path, "rb");
    char *text = f ? read_text(f, bytes) : NULL;
    if (f) fclose(f);
    return text;
}

/* What is measured, in seconds: the least of all runs. */
typedef struct words_times {
    double open, encode, decode, stream;
} words_times;

static void least(double *best, double start) {
    double seconds = now() - start;
    if (*best == 0 || seconds < *best) *best = seconds;
}

static int stream_all(const llm_tokenizer *words, const int32_t *ids, size_t count, size_t *bytes, llm_error *error) {
    llm_detokenizer *d = NULL;
    const char *text;
    size_t i, n = 0;
    llm_status status = llm_detokenizer_open(&d, words, 0, NULL, error);
    *bytes = 0;
    for (i = 0; i < count && !status; i++, *bytes += n) status = llm_detokenizer_add(d, ids[i], &text, &n, error);
    if (!status) status = llm_detokenizer_finish(d, &text, &n, error);
    *bytes += n;
    llm_detokenizer_close(d);
    return !status;
}

/* One run of everything; encode->ids has room for a token per byte, out for the text.  *held: what the open tokenizer
   has, *most: what opening it took. */
static int run_words(const llm_tokenizer_desc *desc, const llm_encode_desc *encode, char *out, size_t room,
                     size_t *count, words_times *best, size_t *held, size_t *most) {
    const meter *m = (const meter *)desc->allocator.user;
    llm_tokenizer *words = NULL;
    llm_error error;
    size_t bytes, streamed;
    double start = now();
    int ok = !llm_tokenizer_open(&words, desc, &error);
    least(&best->open, start);
    *held = m->now;
    if (!*most) *most = m->most;
    start = now();
    ok = ok && !llm_tokenizer_encode(words, encode, count, &error);
    least(&best->encode, start);
    start = now();
    ok = ok && !llm_tokenizer_decode(words, encode->ids, *count, 0, out, room, &bytes, &error);
    least(&best->decode, start);
    start = now();
    ok = ok && stream_all(words, encode->ids, *count, &streamed, &error);
    least(&best->stream, start);
    llm_tokenizer_close(words);
    if (ok && bytes != streamed) return fail("decoding and streaming differ");
    return ok || fail(error.message);
}

static int write_ids(const char *path, const int32_t *ids, size_t count) {
    FILE *f = fopen(path, "wb");
    size_t written = f ? fwrite(ids, sizeof *ids, count, f) : 0;
    if (!f || fclose(f) || written < count) return fail("the ids cannot be written");
    return 1;
}

static int measure_words(const options *o, llm_tokenizer_desc *desc, size_t file_bytes, const char *text,
                         size_t bytes) {
    meter m;
    words_times best;
    llm_encode_desc encode;
    size_t count = 0, held = 0, most = 0, room = 4 * bytes + 1;
    char *out = (char *)malloc(room);
    int i, ok = 1;
    memset(&m, 0, sizeof m);
    memset(&best, 0, sizeof best);
    memset(&encode, 0, sizeof encode);
    desc->allocator.user = &m;
    desc->allocator.reallocate = metered;
    encode.text = text;
    encode.bytes = bytes;
    encode.plain = 1;
    encode.capacity = bytes;
    encode.ids = (int32_t *)malloc(bytes * sizeof *encode.ids);
    if (!encode.ids || !out || !bytes) ok = fail("no text, or no memory for it");
    for (i = 0; ok && i < o->repeat; i++) ok = run_words(desc, &encode, out, room, &count, &best, &held, &most);
    if (ok && o->ids) ok = write_ids(o->ids, encode.ids, count);
    if (ok)
        printf("opening, ms  memory, MB  of the file  encoding, MB/s  decoding  streaming  tokens\n"
               "%11.1f  %10.2f  %10.2fx  %14.1f  %8.1f  %9.1f  %6llu of %.2f MB\n",
               best.open * 1e3, (double)held / 1e6, (double)most / (double)file_bytes,
               (double)bytes / 1e6 / best.encode, (double)bytes / 1e6 / best.decode, (double)bytes / 1e6 / best.stream,
               (unsigned long long)count, (double)bytes / 1e6);
    free(encode.ids);
    free(out);
    return ok;
}

static int bench_words(const options *o) {
    llm_tokenizer_desc desc;
    image m, made;
    size_t bytes = 0, file_bytes = 0;
    char path[1000], *text = o->text ? read_all(o->text, &bytes) : NULL, *file = NULL;
    int ok = 1;
    memset(&desc, 0, sizeof desc);
    memset(&m, 0, sizeof m);
    memset(&made, 0, sizeof made);
    m.header.allocator = made.header.allocator = llm__allocator_or_default(m.header.allocator);
    made.random = 1;
    if (o->text && !text) return fail("the text cannot be read");
    if (!text) make_text(&made, 1000000);
    if (o->model) {
        snprintf(path, sizeof path, "%s/tokenizer.json", o->model);
        file = read_all(path, &file_bytes);
        if (!file) ok = fail("the folder has no tokenizer.json");
        desc.path = o->model;
    } else {
        make_tokenizer(&m);
        m.files[0].name = "tokenizer.json";
        m.files[0].data = m.header.data;
        m.files[0].bytes = file_bytes = m.header.length;
        desc.memory = m.files;
        desc.memory_count = 1;
    }
    if (m.header.failed || made.header.failed) ok = fail("not enough memory");
    ok = ok && measure_words(o, &desc, file_bytes, text ? text : made.header.data, text ? bytes : made.header.length);
    llm__text_free(&m.header);
    llm__text_free(&made.header);
    free(text);
    free(file);
    return ok;
}

/* ---- recurrences: one head's kernel over a prompt, against a plain loop over the tokens

   A number of the state takes 5 operations a token in a state space, 7 in a delta rule.  It stays in a register, or in
   the first-level cache, for 16 tokens: what bounds the kernels is how many products the machine makes in a cycle. */

typedef struct head {
    shape_kind kind;
    int rows, cols, tokens;
    float *state, *k, *q, *v, *y; /* [rows, cols]; [tokens, cols] twice; [tokens, rows] twice */
    float decay[LLM__RUN], beta[LLM__RUN];
} head;

/* As the equations are written. */
static void plain_token(const head *h, const float *k, const float *q, const float *v, float *y) {
    int r, c;
    for (r = 0; r < h->rows; r++) {
        float *s = h->state + (size_t)r * (size_t)h->cols, in = v[r], seen = 0, sum = 0;
        for (c = 0; c < h->cols; c++) s[c] *= h->decay[0];
        for (c = 0; h->kind == QWEN3_NEXT && c < h->cols; c++) seen += s[c] * k[c];
        if (h->kind == QWEN3_NEXT) in = (in - seen) * h->beta[0];
        for (c = 0; c < h->cols; c++) {
            s[c] += in * k[c];
            sum += s[c] * q[c];
        }
        y[r] = sum;
    }
}

static void run_tokens(const llm__ops *ops, const head *h, int first, int count) {
    size_t key = (size_t)first * (size_t)h->cols, value = (size_t)first * (size_t)h->rows;
    llm__ssd_run ssd;
    llm__delta_run delta;
    if (h->kind == MAMBA2) {
        ssd.tokens = count, ssd.rows = h->rows, ssd.cols = h->cols, ssd.decay = h->decay;
        ssd.b = h->k + key, ssd.c = h->q + key, ssd.x = h->v + value, ssd.y = h->y + value;
        ssd.b_stride = (size_t)h->cols, ssd.x_stride = ssd.y_stride = (size_t)h->rows;
        ops->ssd_run(&ssd, h->state, h->state);
        return;
    }
    delta.tokens = count, delta.rows = h->rows, delta.cols = h->cols, delta.columns = 0;
    delta.k = h->k + key, delta.q = h->q + key, delta.v = h->v + value, delta.y = h->y + value;
    delta.decay = h->decay, delta.beta = h->beta;
    delta.k_stride = (size_t)h->cols, delta.v_stride = delta.y_stride = (size_t)h->rows;
    ops->delta_run(&delta, h->state, h->state);
}

enum { STRETCH = 64 };

/* Seconds for all tokens, from the best of many stretches too short to be interrupted: `run` tokens at a time; 0: the
   plain loop. */
static double time_head(const llm__ops *ops, const head *h, int run) {
    double best = 1e9;
    int i, t;
    memset(h->state, 0, (size_t)h->rows * (size_t)h->cols * sizeof(float));
    for (i = 0; i < 200; i++) {
        int first = i * STRETCH % (h->tokens / STRETCH * STRETCH);
        double start = now(), took;
        for (t = 0; run && t < STRETCH; t += run) run_tokens(ops, h, first + t, run);
        for (t = first; !run && t < first + STRETCH; t++)
            plain_token(h, h->k + (size_t)t * (size_t)h->cols, h->q + (size_t)t * (size_t)h->cols,
                        h->v + (size_t)t * (size_t)h->rows, h->y + (size_t)t * (size_t)h->rows);
        if ((took = now() - start) < best) best = took;
    }
    return best * h->tokens / (double)STRETCH;
}

static void show_recurrence(const options *o, const llm__ops *ops, const head *h, int heads, double prompt_seconds) {
    double plain = time_head(ops, h, 0), single = time_head(ops, h, 1), runs = time_head(ops, h, LLM__RUN);
    double work = (h->kind == MAMBA2 ? 5.0 : 7.0) * h->rows * h->cols * h->tokens;
    printf("  its %d heads over %d tokens, on one thread: %.0f ms, %.1f GFLOP/s, %.1f%% of the prompt's time;\n"
           "  with a call for each token %.0f ms, with a plain loop over tokens %.0f ms, %.1f times as long\n", heads,
           h->tokens, heads * runs * 1e3, work / runs / 1e9, 100 * heads * runs / (prompt_seconds * o->threads),
           heads * single * 1e3, heads * plain * 1e3, plain / runs);
    fflush(stdout);
}

static int bench_recurrence(const options *o, const shape *s) {
    int delta = s->kind == QWEN3_NEXT, heads, i;
    const llm__ops *ops = llm__ops_choose(o->isa);
    size_t floats, keys, values;
    speeds speed;
    float *block;
    head h;
    if (!ops) return fail("this CPU cannot run these kernels");
    if (!bench_shape(o, s, recipe_named("q4"), &speed)) return 0;
    h.kind = s->kind;
    h.rows = delta ? DELTA_WIDTH : SSD_WIDTH;
    h.cols = delta ? DELTA_WIDTH : SSD_STATE;
    h.tokens = o->prompt > STRETCH ? o->prompt : (int)STRETCH;
    heads = delta ? (s->layers - s->layers / FULL_INTERVAL) * DELTA_VALUE_HEADS : s->layers * SSD_HEADS;
    floats = (size_t)h.rows * (size_t)h.cols;
    keys = (size_t)h.tokens * (size_t)h.cols;
    values = (size_t)h.tokens * (size_t)h.rows;
    block = (float *)malloc((floats + 2 * keys + 2 * values) * sizeof *block);
    if (!block) return fail("out of memory");
    h.state = block, h.k = block + floats, h.q = h.k + keys, h.v = h.q + keys, h.y = h.v + values;
    for (i = 0; (size_t)i < 2 * keys + values; i++) h.k[i] = (float)(i % 8191 * 37 % 101 - 50) * 0.002f;
    for (i = 0; i < LLM__RUN; i++) h.decay[i] = 0.97f, h.beta[i] = 0.4f;
    show_recurrence(o, ops, &h, heads, o->prompt / median(speed.prompt, o->repeat));
    free(block);
    return 1;
}

static int bench_recurrent(const options *o) {
    size_t i;
    show_header();
    for (i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (shapes[i].kind != LLAMA && !bench_recurrence(o, &shapes[i])) return 0;
    return 1;
}

/* ---- many at once, and under a budget */

enum { MOST_TOGETHER = 16, STEPS_MOST = 20000, BUDGET_US = 2000, BUDGET_PROMPT = 200 };

/* Tokens/s of so many texts that are written together. */
static int write_together(const options *o, const bed *b, int texts, double *speed) {
    llm_scheduler_desc sd;
    llm_scheduler *s = NULL;
    llm_generation_desc d;
    const llm_event *events;
    llm_error error;
    double start = 0;
    size_t count = 0, written = 0;
    int32_t id = 1;
    int i, ok;
    memset(&sd, 0, sizeof sd);
    memset(&d, 0, sizeof d);
    sd.use_session = b->session;
    sd.prefill_batch_size = texts;
    d.ids = &id;
    d.id_count = 1;
    d.max_tokens = o->generate;
    d.ignore_end = 1;
    ok = !llm_scheduler_open(&s, b->model, &sd, &error);
    for (i = 0; ok && i < texts; i++) ok = !llm_scheduler_insert(s, &d, NULL, &error);
    while (ok && !llm_scheduler_next_generated(s, &events, &count, &error)) {
        if (start > 0) written += count;
        else start = now();
    }
    *speed = (double)written / (now() - start);
    llm_scheduler_close(s);
    return ok || fail(error.message);
}

static int bench_together(const options *o, const bed *b) {
    static const int texts[] = {1, 2, 4, 8, MOST_TOGETHER};
    double speed[MAX_REPEAT], one = 0, all;
    size_t i;
    int k;
    printf("texts written together:\n");
    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (k = 0; k < o->repeat; k++)
            if (!write_together(o, b, texts[i], &speed[k])) return 0;
        all = median(speed, o->repeat);
        if (!i) one = all;
        printf("  %2d: %7.2f t/s, %5.2f times one\n", texts[i], all, all / one);
    }
    return 1;
}

/* The longest that the system keeps a loop waiting which only looks at the clock: what no budget can prevent. */
static double longest_wait(double seconds) {
    double start = now(), last = start, longest = 0, at;
    for (; last - start < seconds; last = at) {
        at = now();
        if (at - last > longest) longest = at - last;
    }
    return longest;
}

/* How long steps take that may take BUDGET_US. */
static int bench_budget(const options *o, const bed *b) {
    static double ms[2][STEPS_MOST];
    static int32_t ids[BUDGET_PROMPT];
    llm_generation_desc d;
    llm_generation *g = NULL;
    llm_piece piece;
    llm_error error;
    llm_status status;
    int counts[2] = {0, 0}, i;
    double began = now(), took;
    memset(&d, 0, sizeof d);
    for (i = 0; i < BUDGET_PROMPT; i++) ids[i] = 1 + i * 37;
    d.ids = ids;
    d.id_count = BUDGET_PROMPT;
    d.use_session = b->session;
    d.max_tokens = o->generate;
    d.ignore_end = 1;
    if (llm_generation_open(&g, b->model, &d, &error)) return fail(error.message);
    do {
        int writing = llm_generation_get_stats(g).prompt_tokens == BUDGET_PROMPT;
        double start = now();
        status = llm_generation_step(g, BUDGET_US, &piece, &error);
        if (counts[writing] < STEPS_MOST) ms[writing][counts[writing]++] = 1e3 * (now() - start);
    } while (status == LLM_OK || status == LLM_PENDING);
    llm_generation_close(g);
    if (status != LLM_END) return fail(error.message);
    took = now() - began;
    printf("steps with a budget of %.1f ms:\n", (double)BUDGET_US * 1e-3);
    for (i = 0; i < 2; i++) {
        double middle = median(ms[i], counts[i]);
        printf("  %s %6d: median %5.2f ms, 99 %% within %5.2f ms, longest %5.2f ms\n",
               i ? "writing" : "reading", counts[i], middle, ms[i][counts[i] * 99 / 100], ms[i][counts[i] - 1]);
    }
    printf("  as long again, a loop that only looks at the clock: longest wait %5.2f ms\n", 1e3 * longest_wait(took));
    return 1;
}

static int bench_batches(const options *o) {
    bed b;
    int ok = open_bed(&b, o);
    ok = ok && bench_together(o, &b) && bench_budget(o, &b);
    close_bed(&b);
    return ok;
}

#include "bench_kernels.h"
#include "bench_against.h"

/* ---- options */

static int read_count(const char *text, int low, int high, int *out) {
    char *end;
    long n = strtol(text, &end, 10);
    *out = (int)n;
    return (end != text && !*end && n >= low && n <= high) || fail("an option wants another number");
}

/* Asked for or not, this process gets no pages of 2 MB from here on. */
static int refuse_large_pages(void) {
#ifdef PR_SET_THP_DISABLE
    if (!prctl(PR_SET_THP_DISABLE, 1L, 0L, 0L, 0L)) return 1;
#endif
    return fail("the system cannot be told to give small pages only");
}

/* 1: it was a switch; 0: it was none. */
static int read_switch(options *o, const char *flag) {
    static const struct { const char *flag; int (*run)(const options *o); } tables[] = {
        {"--cache", bench_caches},
        {"--sampling", bench_sampling},
        {"--recurrent", bench_recurrent},
        {"--words", bench_words},
        {"--chat", bench_chats},
        {"--batch", bench_batches},
        {"--kernels", bench_kernels},
        {"--load", bench_loads},
    };
    size_t i;
    if (!strcmp(flag, "--exact")) return o->exact = 1;
    if (!strcmp(flag, "--no-pack")) return o->no_pack = 1;
    if (!strcmp(flag, "--pin")) return o->pin = 1;
    if (!strcmp(flag, "--small-pages")) return o->small_pages = 1;
    for (i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!strcmp(flag, tables[i].flag)) return o->table = tables[i].run, 1;
    return 0;
}

static int add_rival(options *o, const char *text) {
    if (o->rival_count == MOST_RIVALS) return fail("no more than 4 engines at once");
    o->table = bench_against;
    o->rivals[o->rival_count].batched = NULL;
    o->rivals[o->rival_count++].bench = text;
    return 1;
}

static int add_batched(options *o, const char *text) {
    if (!o->rival_count) return fail("--batched belongs to the --against before it");
    o->rivals[o->rival_count - 1].batched = text;
    return 1;
}

static int read_option(options *o, const char *flag, const char *text) {
    if (!strcmp(flag, "--against")) return add_rival(o, text);
    if (!strcmp(flag, "--batched")) return add_batched(o, text);
    if (!strcmp(flag, "--only")) return o->only = text, 1;
    if (!strcmp(flag, "--depth")) return read_count(text, 0, 1 << 20, &o->depth);
    if (!strcmp(flag, "--model")) return o->model = text, 1;
    if (!strcmp(flag, "--shape")) return o->shape = text, 1;
    if (!strcmp(flag, "--format")) return o->format = text, 1;
    if (!strcmp(flag, "--isa")) return o->isa = text, 1;
    if (!strcmp(flag, "--text")) return o->text = text, 1;
    if (!strcmp(flag, "--ids")) return o->ids = text, 1;
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
    options o;
    int i;
    memset(&o, 0, sizeof o);
    o.shape = "qwen2.5-0.5b";
    o.format = "q4";
    o.prompt = 512;
    o.generate = 64;
    o.depth = DEPTH;
    o.repeat = 5;
    o.threads = core_count();
    for (i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--help")) return fputs(help, stdout) < 0;
        if (read_switch(&o, arguments[i])) continue;
        if (i + 1 == count) return !fail("unknown option, or no value, at the end (--help lists them)");
        if (!read_option(&o, arguments[i], arguments[i + 1])) return 1;
        i++;
    }
    if (o.small_pages && !refuse_large_pages()) return 1;
    if (o.table) return !o.table(&o);
    return o.model ? !bench_folder(&o) : !bench_shapes(&o);
}
