/* test_cache_ground - the lower half of llm_cache.h: numbers in every storage against double arithmetic and independent
   goldens; JSON, files and safetensors that are cut short, lie or run out of memory. */
#define LLM_CACHE_IMPLEMENTATION
#include "llm_cache.h"

#include "test.h"

/* ---- shared: an allocator that counts what lives and refuses its nth call, a folder over memory files */

typedef struct tally {
    long calls, refuse; /* refuse: number of the call to refuse, from 1; 0: none */
    long long live;     /* bytes */
} tally;

static void *tally_reallocate(void *user, void *block, size_t old_bytes, size_t new_bytes) {
    tally *t = (tally *)user;
    void *moved;
    if (!new_bytes) {
        t->live -= (long long)old_bytes;
        free(block);
        return NULL;
    }
    if (++t->calls == t->refuse) return NULL;
    moved = realloc(block, new_bytes);
    if (moved) t->live += (long long)new_bytes - (long long)(block ? old_bytes : 0);
    return moved;
}

typedef struct world {
    tally memory;
    llm__arena arena;
    llm__folder folder;
    llm__tensors tensors;
    llm_error error;
} world;

static void begin(world *w, const llm_memory_file *files, size_t count, const char *path, long refuse) {
    memset(w, 0, sizeof *w);
    w->memory.refuse = refuse;
    w->arena.allocator.user = &w->memory;
    w->arena.allocator.reallocate = tally_reallocate;
    w->folder.path = path;
    w->folder.files = llm__files_or_default(w->folder.files);
    w->folder.memory = files;
    w->folder.memory_count = count;
    w->folder.arena = &w->arena;
}

static void end(world *w) {
    llm__tensors_free(&w->arena.allocator, &w->tensors);
    llm__folder_close(&w->folder);
    llm__arena_free(&w->arena);
    CHECK_EQ(w->memory.live, 0);
}

static int says(const llm_error *error, const char *word) {
    if (strstr(error->message, word)) return 1;
    printf("the message \"%s\" does not say \"%s\"\n", error->message, word);
    return 0;
}

/* A copy in a block of exactly that size, so that the address sanitizer sees a read past its end. */
static void *exactly(const void *data, size_t bytes) {
    void *copy = malloc(bytes ? bytes : 1);
    if (!copy) exit(2);
    if (bytes) memcpy(copy, data, bytes);
    return copy;
}

static uint32_t random_state = 1;

static uint32_t random_bits(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* ================================================================================ numbers */

/* A float format by its definition, in doubles: fraction bits, exponent bits, whether the top exponent is special. */
static double by_definition(unsigned code, int exponent_bits, int fraction_bits, int ieee) {
    int bias = (1 << (exponent_bits - 1)) - 1;
    unsigned exponent = code >> fraction_bits & ((1u << exponent_bits) - 1), fraction = code & ((1u << fraction_bits) - 1);
    double sign = code >> (exponent_bits + fraction_bits) & 1 ? -1 : 1;
    if (ieee && exponent == (1u << exponent_bits) - 1) return fraction ? (double)NAN : sign * HUGE_VAL;
    if (!exponent) return sign * ldexp((double)fraction, 1 - bias - fraction_bits);
    return sign * ldexp(1 + ldexp((double)fraction, -fraction_bits), (int)exponent - bias);
}

static int same(double a, double b) {
    return (a != a && b != b) || (a == b && (a != 0 || !signbit(a) == !signbit(b)));
}

static void halves_decode(void) {
    unsigned h, bad = 0, back = 0;
    for (h = 0; h < 65536; h++) {
        float f16 = llm__f16_to_f32((uint16_t)h), bf16 = llm__bf16_to_f32((uint16_t)h);
        bad += !same((double)f16, by_definition(h, 5, 10, 1)) || !same((double)bf16, by_definition(h, 8, 7, 1));
        back += f16 == f16 ? llm__f32_to_f16(f16) != h : (llm__f32_to_f16(f16) & 0x7FFF) <= 0x7C00;
        back += bf16 == bf16 ? llm__f32_to_bf16(bf16) != h : (llm__f32_to_bf16(bf16) & 0x7FFF) <= 0x7F80;
    }
    CHECK_EQ(bad, 0);
    CHECK_EQ(back, 0);
}

/* Between neighbours a and b of the same format: below the middle gives a, above it b, the middle the even one. */
static void halves_round(void) {
    unsigned h, bad = 0;
    for (h = 0; h < 0x7C00; h++) {
        float a = llm__f16_to_f32((uint16_t)h), b = h == 0x7BFF ? 65536.0f : llm__f16_to_f32((uint16_t)(h + 1));
        float middle = (float)(((double)a + (double)b) / 2);
        unsigned even = h & 1 ? h + 1 : h;
        bad += llm__f32_to_f16(middle) != even || llm__f32_to_f16(-middle) != (even | 0x8000);
        bad += llm__f32_to_f16(nextafterf(middle, 0)) != h || llm__f32_to_f16(nextafterf(middle, 1e9f)) != h + 1;
    }
    for (h = 0; h < 0x7F80; h++) {
        float middle = llm__bits_float(h << 16 | 0x8000);
        bad += llm__f32_to_bf16(middle) != (h & 1 ? h + 1 : h);
        bad += llm__f32_to_bf16(llm__bits_float(h << 16 | 0x7FFF)) != h;
        bad += llm__f32_to_bf16(llm__bits_float(h << 16 | 0x8001)) != h + 1;
    }
    CHECK_EQ(bad, 0);
    CHECK_EQ(llm__f32_to_f16(HUGE_VALF), 0x7C00);
    CHECK_EQ(llm__f32_to_f16(-1e30f), 0xFC00);
    CHECK_EQ(llm__f32_to_f16(1e-30f), 0);
    CHECK_EQ(llm__f32_to_f16(-1e-30f), 0x8000);
}

static void small_floats(void) {
    static const double e2m1[8] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
    unsigned b, bad = 0;
    for (b = 0; b < 256; b++) {
        double e4m3 = (b & 0x7F) == 0x7F ? (double)NAN : by_definition(b, 4, 3, 0);
        bad += !same((double)llm__e4m3_to_f32((uint8_t)b), e4m3);
        bad += !same((double)llm__e5m2_to_f32((uint8_t)b), by_definition(b, 5, 2, 1));
        bad += !same((double)llm__e8m0_to_f32((uint8_t)b), b == 255 ? (double)NAN : ldexp(1, (int)b - 127));
    }
    for (b = 0; b < 16; b++) bad += !same((double)llm__e2m1_to_f32(b), b & 8 ? -e2m1[b & 7] : e2m1[b & 7]);
    CHECK_EQ(bad, 0);
}

static void any_dtype(void) {
    static const struct {
        llm_dtype t;
        uint8_t bytes[8];
        float value;
    } rows[] = {{LLM_F32, {0, 0, 0x80, 0x3F}, 1},       {LLM_F16, {0, 0x3C}, 1},        {LLM_BF16, {0x80, 0x3F}, 1},
                {LLM_F64, {0, 0, 0, 0, 0, 0, 0xF8, 0x3F}, 1.5f}, {LLM_F8_E4M3, {0x38}, 1}, {LLM_F8_E5M2, {0x3C}, 1},
                {LLM_F8_E8M0, {128}, 2},                {LLM_BOOL, {1}, 1},             {LLM_U8, {255}, 255},
                {LLM_I8, {0xFF}, -1},                   {LLM_U16, {0xFF, 0xFF}, 65535}, {LLM_I16, {0xFE, 0xFF}, -2},
                {LLM_U32, {0, 0, 0, 0x80}, 2147483648.0f}, {LLM_I32, {0, 0, 0, 0x80}, -2147483648.0f},
                {LLM_U64, {0, 0, 0, 0, 1}, 4294967296.0f}, {LLM_I64, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, -1}};
    size_t i;
    CHECK_EQ(sizeof rows / sizeof *rows, LLM_DTYPE_COUNT);
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t size = llm__dtype_bytes(rows[i].t);
        uint8_t *odd = (uint8_t *)malloc(1 + 3 * size);
        float out[3] = {0, 0, 0};
        llm_dtype t = LLM_DTYPE_COUNT;
        int k;
        if (!odd) exit(2);
        for (k = 0; k < 3; k++) memcpy(odd + 1 + (size_t)k * size, rows[i].bytes, size);
        llm__to_f32(rows[i].t, odd + 1, 3, out);
        for (k = 0; k < 3; k++) CHECK(out[k] == rows[i].value);
        CHECK(llm__dtype_from_name(llm__dtype_name(rows[i].t), &t) && t == rows[i].t);
        if (i < 3) { /* F32 F16 BF16 */
            memset(odd, 0xAA, 1 + 3 * size);
            llm__from_f32(rows[i].t, out, 3, odd + 1);
            for (k = 0; k < 3; k++) CHECK(!memcmp(odd + 1 + (size_t)k * size, rows[i].bytes, size));
        }
        free(odd);
    }
    CHECK_EQ(llm__dtype_bytes(LLM_DTYPE_COUNT), 0);
    CHECK(!llm__dtype_from_name("F4", (llm_dtype *)&i));
}

/* ---- affine groups against what MLX made */

static const float *golden_floats(world *w, const char *name, size_t *count) {
    llm__tensor *x = llm__tensor_find(&w->tensors, name);
    const uint8_t *data = NULL;
    float *out;
    size_t n = 0;
    if (!x || llm__tensor_fetch(&w->folder, x, &data, &w->error) != LLM_OK) return NULL;
    n = (size_t)x->bytes / llm__dtype_bytes(x->dtype);
    out = (float *)llm__arena_alloc(&w->arena, n, sizeof *out);
    if (out) llm__to_f32(x->dtype, data, n, out);
    *count = n;
    return out;
}

static void affine_golden(int bits, int group) {
    char name[64];
    world w;
    const float *input, *scales, *biases, *output;
    float *my_scales, *my_biases, *decoded;
    uint8_t *codes, *unpacked;
    const uint8_t *packed = NULL;
    size_t n = 0, groups = 0, m = 0, i, bytes, bad = 0;
    snprintf(name, sizeof name, "affine-%d-%d.safetensors", bits, group);
    begin(&w, NULL, 0, "tests/golden/quantization", 0);
    if (!CHECK_EQ(llm__safetensors_add(&w.folder, name, &w.tensors, &w.error), LLM_OK)) printf("  %s\n", w.error.message);
    input = golden_floats(&w, "input", &n);
    scales = golden_floats(&w, "scales", &groups);
    biases = golden_floats(&w, "biases", &groups);
    output = golden_floats(&w, "output", &m);
    CHECK(input && scales && biases && output && n == m && groups * (size_t)group == n);
    if (!input || !scales || !biases || !output || llm__tensor_fetch(&w.folder, llm__tensor_find(&w.tensors, "packed"), &packed, NULL)) {
        end(&w);
        return;
    }
    bytes = n * (size_t)bits / 8;
    CHECK_EQ(llm__tensor_find(&w.tensors, "packed")->bytes, bytes);
    codes = (uint8_t *)exactly(packed, bytes);
    unpacked = (uint8_t *)exactly(output, n);
    my_scales = (float *)exactly(scales, groups * sizeof(float));
    my_biases = (float *)exactly(biases, groups * sizeof(float));
    decoded = (float *)exactly(output, n * sizeof(float));
    llm__affine_unpack(codes, n, bits, unpacked);
    for (i = 0; i < n; i++) bad += llm__affine_code(codes, i, bits) != unpacked[i];
    CHECK_EQ(bad, 0);
    llm__affine_decode(codes, scales, biases, n, bits, group, decoded);
    for (i = 0, bad = 0; i < n; i++) { /* exact, unless the compiler fuses scale * code + bias */
        float s = scales[i / (size_t)group], b = biases[i / (size_t)group];
        bad += decoded[i] != output[i] && decoded[i] != fmaf(s, (float)unpacked[i], b);
    }
    CHECK_EQ(bad, 0);
    for (i = 0, bad = 0; i < n; i++) {
        volatile float product = scales[i / (size_t)group] * (float)unpacked[i];
        volatile float sum = product + biases[i / (size_t)group];
        bad += sum != output[i];
    }
    CHECK_EQ(bad, 0);
    memset(codes, 0xAA, bytes);
    llm__affine_encode(input, n, bits, group, codes, my_scales, my_biases);
    CHECK(!memcmp(codes, packed, bytes));
    CHECK(!memcmp(my_scales, scales, groups * sizeof(float)));
    CHECK(!memcmp(my_biases, biases, groups * sizeof(float)));
    free(codes);
    free(unpacked);
    free(my_scales);
    free(my_biases);
    free(decoded);
    end(&w);
}

static void affine_goldens(void) {
    static const int bits[] = {2, 3, 4, 5, 6, 8}, groups[] = {32, 64, 128};
    int b, g;
    for (b = 0; b < 6; b++)
        for (g = 0; g < 3; g++) affine_golden(bits[b], groups[g]);
}

/* Groups that make no sense stay defined: constants, zeroes, infinities, NaN. */
static void affine_odd(void) {
    static const float odd[] = {0, -0.0f, 1, -1, 1e-30f, 3e38f, -3e38f, HUGE_VALF, NAN};
    float x[32], scale, bias, out[32];
    size_t a, b, i;
    for (a = 0; a < sizeof odd / sizeof *odd; a++)
        for (b = 0; b < sizeof odd / sizeof *odd; b++) {
            uint8_t *codes = (uint8_t *)malloc(12);
            if (!codes) exit(2);
            for (i = 0; i < 32; i++) x[i] = i & 1 ? odd[a] : odd[b];
            llm__affine_encode(x, 32, 3, 32, codes, &scale, &bias);
            llm__affine_decode(codes, &scale, &bias, 32, 3, 32, out);
            for (i = 0; i < 32; i++) CHECK(llm__affine_code(codes, i, 3) < 8);
            if (a == b && odd[a] == odd[a] && fabsf(odd[a]) < 1e38f) CHECK(fabsf(out[0] - odd[a]) <= 1e-6f);
            free(codes);
        }
}
