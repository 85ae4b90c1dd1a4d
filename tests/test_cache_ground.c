/* test_cache_ground - the lower half of llm_cache.h: numbers in every storage against double arithmetic and independent
   goldens; JSON, files and safetensors that are cut short, lie or run out of memory. */
#define LLM_CACHE_IMPLEMENTATION
#include "llm_cache.h"

#include "common.h"
#include "test.h"

/* ---- a folder over memory files */

typedef struct world {
    tally memory;
    llm__arena arena;
    llm__folder folder;
    llm__tensors tensors;
    llm_error error;
} world;

static void begin(world *w, const llm_memory_file *files, size_t count, const char *path, int refuse) {
    memset(w, 0, sizeof *w);
    w->memory.refuse = refuse;
    w->arena.allocator = tally_allocator(&w->memory);
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

static uint32_t random_state = 1;

static uint32_t any_bits(void) { return random_bits(&random_state); }

/* ================================================================================ numbers */

/* A float format by its definition, in doubles: fraction bits, exponent bits, whether the top exponent is special. */
static double by_definition(unsigned code, int exponent_bits, int fraction_bits, int ieee) {
    int bias = (1 << (exponent_bits - 1)) - 1;
    unsigned exponent = code >> fraction_bits & ((1u << exponent_bits) - 1),
             fraction = code & ((1u << fraction_bits) - 1);
    double sign = code >> (exponent_bits + fraction_bits) & 1 ? -1 : 1;
    if (ieee && exponent == (1u << exponent_bits) - 1) return fraction ? (double)NAN : sign * HUGE_VAL;
    if (!exponent) return sign * ldexp((double)fraction, 1 - bias - fraction_bits);
    return sign * ldexp(1 + ldexp((double)fraction, -fraction_bits), (int)exponent - bias);
}

static int same(double a, double b) { return (a != a && b != b) || (a == b && (a != 0 || !signbit(a) == !signbit(b))); }

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
    } rows[] = {{LLM_F32, {0, 0, 0x80, 0x3F}, 1},
                {LLM_F16, {0, 0x3C}, 1},
                {LLM_BF16, {0x80, 0x3F}, 1},
                {LLM_F64, {0, 0, 0, 0, 0, 0, 0xF8, 0x3F}, 1.5f},
                {LLM_F8_E4M3, {0x38}, 1},
                {LLM_F8_E5M2, {0x3C}, 1},
                {LLM_F8_E8M0, {128}, 2},
                {LLM_BOOL, {1}, 1},
                {LLM_U8, {255}, 255},
                {LLM_I8, {0xFF}, -1},
                {LLM_U16, {0xFF, 0xFF}, 65535},
                {LLM_I16, {0xFE, 0xFF}, -2},
                {LLM_U32, {0, 0, 0, 0x80}, 2147483648.0f},
                {LLM_I32, {0, 0, 0, 0x80}, -2147483648.0f},
                {LLM_U64, {0, 0, 0, 0, 1}, 4294967296.0f},
                {LLM_I64, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, -1}};
    llm_dtype none;
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
    CHECK(!llm__dtype_from_name("F4", &none));
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
    if (!CHECK_EQ(llm__safetensors_add(&w.folder, name, &w.tensors, &w.error), LLM_OK))
        printf("  %s\n", w.error.message);
    input = golden_floats(&w, "input", &n);
    scales = golden_floats(&w, "scales", &groups);
    biases = golden_floats(&w, "biases", &groups);
    output = golden_floats(&w, "output", &m);
    CHECK(input && scales && biases && output && n == m && groups * (size_t)group == n);
    if (!input || !scales || !biases || !output ||
        llm__tensor_fetch(&w.folder, llm__tensor_find(&w.tensors, "packed"), &packed, NULL)) {
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

/* ================================================================================ JSON */

static llm_status parse_in(world *w, const char *text, size_t bytes, const llm__json **root) {
    char *copy = (char *)exactly(text, bytes);
    llm_status status = llm__json_parse(&w->arena, "t.json", copy, bytes, root, &w->error);
    free(copy);
    return status;
}

static llm_status parses(const char *text, size_t bytes) {
    const llm__json *root = NULL;
    world w;
    llm_status status;
    begin(&w, NULL, 0, NULL, 0);
    status = parse_in(&w, text, bytes, &root);
    CHECK((status == LLM_OK) == (root != NULL));
    if (status != LLM_OK) CHECK(w.error.status == status && says(&w.error, "t.json: line "));
    end(&w);
    return status;
}

static void json_accepts(void) {
    static const char *const good[] = {"null",
                                       "true",
                                       "false",
                                       "0",
                                       "-0",
                                       "1",
                                       "-1",
                                       "12",
                                       "1.5",
                                       "1e3",
                                       "1E+3",
                                       "1e-3",
                                       "0.0",
                                       "0e0",
                                       "\"\"",
                                       "\"a\"",
                                       "[]",
                                       "{}",
                                       " [ ] ",
                                       "\t\n\r {}",
                                       "[1]",
                                       "[1,2]",
                                       "[[],[[]]]",
                                       "{\"\":0}",
                                       "{\"a\":{\"b\":[]}}",
                                       "{\"a\":1,\"a\":2}",
                                       "[null, 1, \"1\", {}]",
                                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                       "\"\\u0041\"",
                                       "\"\\u0000\"",
                                       "\"\\uD834\\uDD1E\"",
                                       "\"\\ud800\"",
                                       "\"\\udc00x\"",
                                       "\"\\uD800\\u0041\"",
                                       "\"\\uD800\\uD800\"",
                                       "\"\xC3\xA9\"",
                                       "\"\xE2\x82\xAC\"",
                                       "\"\xF0\x9D\x84\x9E\"",
                                       "\"\x7F\"",
                                       "\"\xEF\xBF\xBF\"",
                                       "\"\xF4\x8F\xBF\xBF\"",
                                       "NaN",
                                       "Infinity",
                                       "-Infinity",
                                       "[NaN]",
                                       "1e999",
                                       "-1e-999",
                                       "123456789012345678901234567890"};
    static const char *const bad[] = {"",
                                      " ",
                                      "[",
                                      "]",
                                      "{",
                                      "}",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[,]",
                                      "[1,,2]",
                                      "[1 2]",
                                      "[1}",
                                      "{]",
                                      "{\"a\"",
                                      "{\"a\":",
                                      "{\"a\":1",
                                      "{\"a\":1,",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{a:1}",
                                      "{1:1}",
                                      "{\"a\" 1}",
                                      "{\"a\":1 \"b\":2}",
                                      "{'a':1}",
                                      "{\"a\"::1}",
                                      "{null:1}",
                                      "[\"a\":1]",
                                      "nul",
                                      "nulll",
                                      "True",
                                      "tru",
                                      "TRUE",
                                      "falsy",
                                      "Inf",
                                      "-Inf",
                                      "+Infinity",
                                      "Infinit",
                                      "-NaN",
                                      "nan",
                                      "+1",
                                      "-",
                                      "--1",
                                      "01",
                                      "-01",
                                      "00",
                                      "1.",
                                      ".5",
                                      "-.5",
                                      "1.e1",
                                      "1e",
                                      "1e+",
                                      "1E-",
                                      "0x10",
                                      "1a",
                                      "1_000",
                                      "1 2",
                                      "[] []",
                                      "{}x",
                                      "[]]",
                                      "[1]\"",
                                      "\"",
                                      "\"a",
                                      "\"\\\"",
                                      "\"\\",
                                      "\"\\x41\"",
                                      "\"\\u\"",
                                      "\"\\u12\"",
                                      "\"\\u123g\"",
                                      "\"\\U0041\"",
                                      "\"\\a\"",
                                      "\"\\'\"",
                                      "\"\n\"",
                                      "\"\t\"",
                                      "\"\x01\"",
                                      "\"\x1F\"",
                                      "\"\x80\"",
                                      "\"\xC0\x80\"",
                                      "\"\xC1\xBF\"",
                                      "\"\xE0\x80\x80\"",
                                      "\"\xED\xA0\x80\"",
                                      "\"\xED\xBF\xBF\"",
                                      "\"\xF0\x80\x80\x80\"",
                                      "\"\xF4\x90\x80\x80\"",
                                      "\"\xF5\x80\x80\x80\"",
                                      "\"\xFF\"",
                                      "\"\xC3\"",
                                      "\"\xE2\x82\"",
                                      "\"\xC3(\"",
                                      "\xEF\xBB\xBF{}",
                                      "\xFE\xFF",
                                      "'a'",
                                      "/**/1",
                                      "1//",
                                      "#",
                                      "[1]#",
                                      "\v1",
                                      "\f[]",
                                      "\xC2\xA0[]",
                                      "*",
                                      "[-]",
                                      "[1.]",
                                      "[\"\\ud83\"]",
                                      "[\"\xE5\"]",
                                      "a",
                                      "[a]",
                                      "undefined"};
    size_t i;
    for (i = 0; i < sizeof good / sizeof *good; i++)
        if (!CHECK_EQ(parses(good[i], strlen(good[i])), LLM_OK)) printf("  %s\n", good[i]);
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!CHECK_EQ(parses(bad[i], strlen(bad[i])), LLM_BAD_FORMAT)) printf("  %s\n", bad[i]);
    CHECK_EQ(parses("[1]\0", 4), LLM_BAD_FORMAT); /* a NUL is no white space */
    CHECK_EQ(parses("\"\0\"", 3), LLM_BAD_FORMAT);
    CHECK_EQ(parses("\0", 1), LLM_BAD_FORMAT);
}

static void json_values(void) {
    static const char text[] =
        "{\"n\":[0,-7,2.5,-1e2],\"s\":\"a\\u0000\\n\\u00e9\\uD834\\uDD1E\\uD800\",\"t\":true,\"d\":1,\"d\":{\"x\":2},"
        "\"f\":[{\"__float__\":\"Infinity\"},{\"__float__\":\"-Infinity\"},{\"__float__\":\"NaN\"},Infinity,\"1\"]}";
    const llm__json *root = NULL, *v, *k;
    world w;
    double d = 0;
    uint32_t i;
    begin(&w, NULL, 0, NULL, 0);
    CHECK_EQ(parse_in(&w, text, sizeof text - 1, &root), LLM_OK);
    if (root) {
        CHECK(sizeof(void *) != 8 || sizeof(llm__json) == 24);
        CHECK_EQ(root->length, 6);
        v = llm__json_get(root, "n");
        CHECK(llm__json_is(v, LLM__JSON_ARRAY) && v->length == 4);
        CHECK(llm__json_is(llm__json_at(v, 1), LLM__JSON_INTEGER) && llm__json_at(v, 1)->as.number == -7);
        CHECK(llm__json_is(llm__json_at(v, 2), LLM__JSON_NUMBER) && llm__json_at(v, 2)->as.number == 2.5);
        CHECK(llm__json_is(llm__json_at(v, 3), LLM__JSON_NUMBER) && llm__json_at(v, 3)->as.number == -100);
        CHECK(!llm__json_at(v, 4) && !llm__json_at(root, 0) && !llm__json_at(NULL, 0));
        v = llm__json_get(root, "s");
        CHECK(llm__json_is(v, LLM__JSON_STRING) && v->length == 12);
        if (v) CHECK(!memcmp(v->as.text, "a\0\n\xC3\xA9\xF0\x9D\x84\x9E\xEF\xBF\xBD", 13)); /* its NUL included */
        CHECK(
            llm__json_is(llm__json_get(llm__json_get(root, "d"), "x"), LLM__JSON_INTEGER)); /* the last of duplicates */
        CHECK(!llm__json_get(root, "zz") && !llm__json_get(NULL, "n") && !llm__json_get(llm__json_get(root, "n"), "n"));
        v = llm__json_get(root, "f");
        CHECK(llm__json_float(llm__json_at(v, 0), &d) && d == HUGE_VAL);
        CHECK(llm__json_float(llm__json_at(v, 1), &d) && d == -HUGE_VAL);
        CHECK(llm__json_float(llm__json_at(v, 2), &d) && d != d);
        CHECK(llm__json_float(llm__json_at(v, 3), &d) && d == HUGE_VAL);
        CHECK(!llm__json_float(llm__json_at(v, 4), &d) && !llm__json_float(NULL, &d) && !llm__json_float(root, &d));
        for (i = 0, k = llm__json_first(root); i < root->length; i++, k = llm__json_next(llm__json_next(k)))
            CHECK(llm__json_is(k, LLM__JSON_STRING));
        CHECK(k == root + root->span);
    }
    end(&w);
}

static double number(const char *text) {
    const llm__json *root = NULL;
    world w;
    double value = -12345;
    begin(&w, NULL, 0, NULL, 0);
    if (parse_in(&w, text, strlen(text), &root) == LLM_OK) value = root->as.number;
    end(&w);
    return value;
}

/* Up to 19 digits and exponents up to 22: to the bit.  Beyond: within a few units of the last place. */
static void json_numbers(void) {
    static const char *const hard[] = {"9007199254740993",
                                       "9007199254740993.0",
                                       "9223372036854775807",
                                       "1.7976931348623157",
                                       "0.1",
                                       "0.3",
                                       "123456789012345678e22",
                                       "9999999999999999999e-22",
                                       "9007199254740993e-1",
                                       "2.2250738585072014",
                                       "8.442911973260991817",
                                       "1.000000000000000111",
                                       "9.007199254740993e15"};
    char text[64], *many;
    size_t i;
    int round;
    unsigned bad = 0, far = 0;
    for (i = 0; i < sizeof hard / sizeof *hard; i++)
        if (number(hard[i]) != strtod(hard[i], NULL)) bad++, printf("  %s\n", hard[i]);
    for (round = 0; round < 20000; round++) {
        uint64_t m = ((uint64_t)any_bits() << 32 | any_bits()) % 10000000000000000000u >> any_bits() % 60;
        double mine, right;
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)m, (int)(any_bits() % 45) - 22);
        if (number(text) != strtod(text, NULL)) bad++, printf("  %s\n", text);
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)m, (int)(any_bits() % 580) - 300);
        mine = number(text);
        right = strtod(text, NULL);
        if (!(fabs(mine - right) <= fabs(right) * 4e-15) && mine != right) far++, printf("  %s\n", text);
    }
    CHECK_EQ(bad, 0);
    CHECK_EQ(far, 0);
    CHECK(number("1e999") == HUGE_VAL && number("-1e999") == -HUGE_VAL && number("1e-999") == 0);
    CHECK(number("1e99999999999999999999") == HUGE_VAL && number("0e99999999999999999999") == 0 &&
          number("1e-99999999999999999999") == 0);
    CHECK(signbit(number("-0")) && signbit(number("-0.0")));
    many = (char *)malloc(100100);
    if (!many) exit(2);
    memset(many, '9', 100000); /* the exponent takes all the digits back */
    memcpy(many + 100000, "e-100000", 9);
    CHECK(fabs(number(many) - 1) < 1e-14);
    memset(many, '0', 100000);
    many[1] = '.';
    memcpy(many + 100000, "1e99999", 8);
    CHECK(fabs(number(many) - 1) < 1e-14 || fabs(number(many) - 10) < 1e-13);
    free(many);
}

static void json_depth(void) {
    static const int depths[] = {1, 199, 200, 201, 1000000};
    size_t i;
    int object;
    for (i = 0; i < sizeof depths / sizeof *depths; i++)
        for (object = 0; object < 2; object++) {
            size_t d = (size_t)depths[i], unit = object ? 5 : 1, k;
            char *text = (char *)malloc(d * (unit + 1) + 1);
            if (!text) exit(2);
            for (k = 0; k < d; k++) memcpy(text + k * unit, object ? "{\"a\":" : "[", unit);
            if (object) memcpy(text + d * unit - unit, "   {}", 5); /* the innermost one is empty */
            memset(text + d * unit, object ? '}' : ']', d);
            CHECK_EQ(parses(text, d * (unit + 1) - (object ? 1 : 0)), d <= 200 ? LLM_OK : LLM_BAD_FORMAT);
            CHECK_EQ(parses(text, d * unit - (object ? 2 : 0)), LLM_BAD_FORMAT);
            free(text);
        }
}

static const char sample[] = "{\"a\": [1, -2.5e1, \"x\\u00e9\\uD834\\uDD1E\xC3\xA9\"], \"b\": {\"c\": null, \"d\": "
                             "[true, false, {}]}, \"e\": NaN}";

static void json_cut(void) {
    size_t n;
    for (n = 0; n < sizeof sample - 1; n++) CHECK_EQ(parses(sample, n), LLM_BAD_FORMAT);
    CHECK_EQ(parses(sample, n), LLM_OK);
}

/* Any byte anywhere: an answer, no crash; sanitizers watch. */
static void json_noise(void) {
    size_t i;
    int byte;
    char text[sizeof sample];
    for (i = 0; i < sizeof sample - 1; i++)
        for (byte = 0; byte < 256; byte++) {
            const llm__json *root;
            world w;
            memcpy(text, sample, sizeof sample);
            text[i] = (char)byte;
            begin(&w, NULL, 0, NULL, 0);
            (void)parse_in(&w, text, sizeof sample - 1, &root);
            llm__arena_free(&w.arena);
            if (w.memory.live) CHECK_EQ(w.memory.live, 0);
        }
    CHECK(1);
}

static void json_place(void) {
    const llm__json *root;
    world w;
    begin(&w, NULL, 0, NULL, 0);
    CHECK_EQ(parse_in(&w, "{\n  \"a\": [1,\n 2 x]}", 18, &root), LLM_BAD_FORMAT);
    CHECK(says(&w.error, "t.json: line 3 column 4: expected ',' or ']', found 'x'"));
    end(&w);
}

static void json_no_memory(void) {
    const llm__json *root;
    char text[40000]; /* more than one block of the arena */
    size_t i;
    int nth, failures = 0;
    text[0] = '[';
    for (i = 1; i + 2 < sizeof text; i += 2) memcpy(text + i, "1,", 2);
    memcpy(text + i - 1, "]", 1);
    for (nth = 1;; nth++) {
        world w;
        llm_status status;
        begin(&w, NULL, 0, NULL, nth);
        status = parse_in(&w, text, i, &root);
        CHECK((status == LLM_OK) == (root != NULL));
        if (status != LLM_OK) CHECK_EQ(w.error.status, LLM_OUT_OF_MEMORY);
        failures += status != LLM_OK;
        end(&w);
        if (status == LLM_OK) break;
    }
    CHECK(failures >= 3);
}

/* ================================================================================ safetensors */

/* A file of a header text (its true length unless `length` is given) and `data` bytes; caller frees. */
static char *file_of(const char *header, size_t header_bytes, uint64_t length, size_t data, size_t *bytes) {
    char *file = (char *)malloc(8 + header_bytes + data + 1);
    size_t i;
    if (!file) exit(2);
    for (i = 0; i < 8; i++) file[i] = (char)(length >> 8 * i & 255);
    memcpy(file + 8, header, header_bytes);
    for (i = 0; i < data; i++) file[8 + header_bytes + i] = (char)i;
    *bytes = 8 + header_bytes + data;
    return file;
}

static llm_status loads(const char *file, size_t bytes, llm_error *error) {
    llm_memory_file memory;
    world w;
    llm_status status;
    char *copy = (char *)exactly(file, bytes);
    memory.name = "model.safetensors";
    memory.data = copy;
    memory.bytes = bytes;
    begin(&w, &memory, 1, NULL, 0);
    status = llm__safetensors_open(&w.folder, &w.tensors, &w.error);
    if (status != LLM_OK) {
        CHECK(w.error.status == status && w.error.message[0]);
        CHECK_EQ(w.tensors.count, 0); /* one bad tensor refuses the whole file */
    }
    if (error) *error = w.error;
    end(&w);
    free(copy);
    return status;
}

static llm_status loads_header(const char *header, size_t data, llm_error *error) {
    size_t bytes;
    char *file = file_of(header, strlen(header), strlen(header), data, &bytes);
    llm_status status = loads(file, bytes, error);
    free(file);
    return status;
}

#define T(shape, begin, end) "{\"dtype\":\"U8\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static void tensors_good(void) {
    static const char *const good[] = {"{}",
                                       "{\"__metadata__\":{}}",
                                       "{\"__metadata__\":{\"a\":\"b\"}}",
                                       "{\"a\":" T("[4]", "0", "4") "}",
                                       "{\"a\":" T("[]", "0", "1") "}",
                                       "{\"a\":" T("[0]", "0", "0") "}",
                                       "{\"a\":" T("[7,0,9]", "0",
                                                   "0") ",\"b\":" T("[2]", "0", "2") ",\"c\":" T("[0]", "2", "2") "}",
                                       "{\"b\":" T("[1]", "3", "4") ",\"a\":" T("[3]", "0", "3") "}",
                                       "{\"a\":" T("[1,1,1,1,1,1,1,2]", "0", "2") "}",
                                       "{\"a\":{\"shape\":[2],\"data_offsets\":[0,4],\"dtype\":\"BF16\"}}  "};
    static const size_t data[] = {0, 0, 0, 4, 1, 0, 2, 4, 2, 4};
    size_t i;
    int t;
    char header[200];
    llm_error error;
    for (i = 0; i < sizeof good / sizeof *good; i++)
        if (!CHECK_EQ(loads_header(good[i], data[i], &error), LLM_OK)) printf("  %s: %s\n", good[i], error.message);
    for (t = 0; t < LLM_DTYPE_COUNT; t++) {
        size_t size = llm__dtype_bytes((llm_dtype)t);
        snprintf(header, sizeof header, "{\"a\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%d]}}",
                 llm__dtype_name((llm_dtype)t), (int)(3 * size));
        CHECK_EQ(loads_header(header, 3 * size, NULL), LLM_OK);
    }
}

/* Each lie with the word that its message must hold; 8 bytes of data. */
static void tensors_lies(void) {
    static const char *const lies[][2] = {
        {"{\"a\":" T("[9]", "0", "9") "}", "8"}, /* past the end */
        {"{\"a\":" T("[8]", "8", "16") "}", "16"},
        {"{\"a\":" T("[4]", "18446744073709551612", "18446744073709551616") "}", "data_offsets"},
        {"{\"a\":" T("[8]", "18446744073709551615", "7") "}", "data_offsets"}, /* wraps back inside */
        {"{\"a\":" T("[8]", "0", "36893488147419103240") "}", "data_offsets"},
        {"{\"a\":" T("[8]", "0", "4294967304") "}", "4294967304"},
        {"{\"a\":" T("[8]", "-1", "7") "}", "data_offsets"},
        {"{\"a\":" T("[8]", "0.0", "8.0") "}", "data_offsets"},
        {"{\"a\":" T("[8]", "0", "8e0") "}", "data_offsets"},
        {"{\"a\":" T("[8]", "\"0\"", "8") "}", "data_offsets"},
        {"{\"a\":" T("[8]", "null", "8") "}", "data_offsets"},
        {"{\"a\":" T("[8]", "[0", "8]") "}", "data_offsets"},
        {"{\"a\":" T("[8]", "0", "8,8") "}", "data_offsets"},
        {"{\"a\":" T("[8]", "NaN", "Infinity") "}", "data_offsets"},
        {"{\"a\":" T("[8]", "8", "0") "}", "8"},      /* begins behind its end */
        {"{\"a\":" T("[7]", "0", "8") "}", "need 7"}, /* shape against size */
        {"{\"a\":" T("[2,2]", "0", "8") "}", "need 4"},
        {"{\"a\":" T("[0]", "0", "8") "}", "need 0"},
        {"{\"a\":" T("[]", "0", "8") "}", "need 1"},
        {"{\"a\":" T("[4398046511105,4194304]", "0", "8") "}", "elements"}, /* products that wrap */
        {"{\"a\":" T("[4294967296,4294967296]", "0", "8") "}", "elements"},
        {"{\"a\":" T("[4,1073741823,1073741825]", "0", "8") "}", "elements"},
        {"{\"a\":" T("[18446744073709551615,2]", "0", "8") "}", "dimension 0"},
        {"{\"a\":" T("[2,9223372036854775808]", "0", "8") "}", "dimension 1"},
        {"{\"a\":" T("[-8]", "0", "8") "}", "dimension 0"},
        {"{\"a\":" T("[8.0]", "0", "8") "}", "dimension 0"},
        {"{\"a\":" T("[\"8\"]", "0", "8") "}", "dimension 0"},
        {"{\"a\":" T("[[8]]", "0", "8") "}", "dimension 0"},
        {"{\"a\":" T("[NaN]", "0", "8") "}", "dimension 0"},
        {"{\"a\":" T("[true]", "0", "8") "}", "dimension 0"},
        {"{\"a\":" T("8", "0", "8") "}", "shape"},
        {"{\"a\":" T("{}", "0", "8") "}", "shape"},
        {"{\"a\":" T("[1,1,1,1,1,1,1,1,8]", "0", "8") "}", "9 dimensions"},
        {"{\"a\":" T("[4]", "0", "4") ",\"b\":" T("[5]", "3", "8") "}", "no overlap"}, /* overlap, hole, twice */
        {"{\"a\":" T("[3]", "0", "3") ",\"b\":" T("[4]", "4", "8") "}", "no hole"},
        {"{\"a\":" T("[7]", "1", "8") "}", "begins at"},
        {"{\"a\":" T("[7]", "0", "7") "}", "end at"}, /* bytes left over */
        {"{\"a\":" T("[8]", "0", "8") ",\"b\":" T("[8]", "0", "8") "}", "no overlap"},
        {"{}", "end at"},
        {"{\"a\":" T("[4]", "0", "4") ",\"a\":" T("[4]", "4", "8") "}", "twice"},
        {"{\"a\":" T("[4]", "0", "4") ",\"\\u0061\":" T("[4]", "4", "8") "}", "twice"},
        {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"I8\",\"shape\":[8],\"data_offsets\":[0,8]}}", "twice"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"shape\":[8],\"data_offsets\":[0,8]}}", "twice"},
        {"{\"a\":{\"shape\":[8],\"data_offsets\":[0,8]}}", "dtype"}, /* missing and wrong fields */
        {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,8]}}", "shape"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8]}}", "data_offsets"},
        {"{\"a\":{\"dtype\":8,\"shape\":[8],\"data_offsets\":[0,8]}}", "dtype"},
        {"{\"a\":{\"dtype\":\"F4\",\"shape\":[16],\"data_offsets\":[0,8]}}", "\"F4\"; known are F32"},
        {"{\"a\":{\"dtype\":\"F6_E2M3\",\"shape\":[3],\"data_offsets\":[0,8]}}", "F6_E2M3"},
        {"{\"a\":{\"dtype\":\"\",\"shape\":[8],\"data_offsets\":[0,8]}}", "unknown dtype"},
        {"{\"a\":{\"dtype\":\"u8\",\"shape\":[8],\"data_offsets\":[0,8]}}", "I64"},
        {"{\"a\":{\"dtype\":\"U8\\u0000\",\"shape\":[8],\"data_offsets\":[0,8]}}", "unknown dtype"},
        {"{\"a\":null}", "needs"},
        {"{\"a\":[]}", "needs"},
        {"{\"a\":\"U8\"}", "needs"},
        {"{\"\":" T("[8]", "0", "8") "}", "name"},
        {"{\"a\\u0000b\":" T("[8]", "0", "8") "}", "NUL"},
        {"{\"__metadata__\":[],\"a\":" T("[8]", "0", "8") "}", "__metadata__"},
        {"{\"__metadata__\":null,\"a\":" T("[8]", "0", "8") "}", "__metadata__"},
        {"{\"__metadata__\":{\"k\":1},\"a\":" T("[8]", "0", "8") "}", "\"k\""},
        {"{\"__metadata__\":{\"k\":{}},\"a\":" T("[8]", "0", "8") "}", "\"k\""},
        {"{\"__metadata__\":{},\"__metadata__\":{},\"a\":" T("[8]", "0", "8") "}", "twice"},
        {"[]", "object"},
        {"null", "object"},
        {"", "line 1"},
        {"{\"a\":" T("[8]", "0", "8") ",}", "line 1"},
        {"{\"a\":" T("[8]", "0", "8") "}x", "line 1"},
        {"\xEF\xBB\xBF{}", "0xEF"},
        {"{\"\xFF\":" T("[8]", "0", "8") "}", "UTF-8"}};
    size_t i;
    llm_error error;
    for (i = 0; i < sizeof lies / sizeof *lies; i++) {
        if (!CHECK_EQ(loads_header(lies[i][0], 8, &error), LLM_BAD_FORMAT)) printf("  %s\n", lies[i][0]);
        CHECK(says(&error, lies[i][1]) && says(&error, "model.safetensors"));
    }
}

static const char two[] =
    "{\"__metadata__\":{\"format\":\"mlx\"},\"a\":{\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[0,4]},"
    "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[4,7]}}";

static void tensors_lengths(void) {
    size_t n = sizeof two - 1, bytes, i;
    static const uint64_t odd[] = {0,
                                   1,
                                   7,
                                   8,
                                   104857600,
                                   104857601,
                                   0x7FFFFFFF,
                                   0x80000000u,
                                   0xFFFFFFFFu,
                                   0x100000000u,
                                   0x7FFFFFFFFFFFFFFFu,
                                   0x8000000000000000u,
                                   0xFFFFFFFFFFFFFFF8u,
                                   0xFFFFFFFFFFFFFFFFu};
    char *file = file_of(two, n, n, 7, &bytes);
    CHECK_EQ(loads(file, bytes, NULL), LLM_OK);
    for (i = 0; i < bytes; i++) CHECK_EQ(loads(file, i, NULL), LLM_BAD_FORMAT); /* cut at every length */
    free(file);
    for (i = 0; i <= 8; i++) { /* bytes behind the last tensor, or too few */
        file = file_of(two, n, n, i, &bytes);
        CHECK_EQ(loads(file, bytes, NULL), i == 7 ? LLM_OK : LLM_BAD_FORMAT);
        free(file);
    }
    for (i = 0; i < sizeof odd / sizeof *odd; i++) {
        file = file_of(two, n, odd[i], 7, &bytes);
        CHECK_EQ(loads(file, bytes, NULL), LLM_BAD_FORMAT);
        free(file);
    }
    for (i = n - 3; i <= n + 7; i++) { /* a length that is off by a few */
        file = file_of(two, n, i, 7, &bytes);
        CHECK_EQ(loads(file, bytes, NULL), i == n ? LLM_OK : LLM_BAD_FORMAT);
        free(file);
    }
}

/* Every byte of the header replaced: never a crash, and never a tensor outside the file. */
static void tensors_noise(void) {
    static const char bytes_to_try[] = "09-.\"\\{}[],:ex \x80\xFF";
    size_t n = sizeof two - 1, bytes, i, k;
    char *file = file_of(two, n, n, 7, &bytes);
    for (i = 0; i < 8 + n; i++)
        for (k = 0; k < sizeof bytes_to_try; k++) {
            char before = file[i];
            file[i] = bytes_to_try[k];
            (void)loads(file, bytes, NULL);
            file[i] = before;
        }
    CHECK_EQ(loads(file, bytes, NULL), LLM_OK);
    free(file);
}

/* ---- folders */

static llm_memory_file memory_text(const char *name, const char *text) {
    llm_memory_file f;
    f.name = name;
    f.data = text;
    f.bytes = strlen(text);
    return f;
}

static llm_memory_file memory_tensors(const char *name, const char *header, size_t data) {
    llm_memory_file f;
    f.name = name;
    f.data = file_of(header, strlen(header), strlen(header), data, &f.bytes);
    return f;
}

static llm_status opens(const llm_memory_file *files, size_t count, world *w) {
    begin(w, files, count, NULL, 0);
    return llm__safetensors_open(&w->folder, &w->tensors, &w->error);
}

#define INDEX "model.safetensors.index.json"

static void shards(void) {
    static const char *const bad[][2] = {{"{\"weight_map\":{\"a\":\"1.st\",\"b\":\"3.st\"}}",
                                          "3.st"}, /* no such shard */
                                         {"{\"weight_map\":{\"a\":\"1.st\",\"b\":\"1.st\"}}", "\"b\""}, /* not in it */
                                         {"{\"weight_map\":{\"b\":\"2.st\",\"a\":\"2.st\"}}", "\"a\""},
                                         {"{\"weight_map\":{\"a\":\"1.st\",\"b\":\"2.st\",\"c\":\"2.st\"}}", "\"c\""},
                                         {"{\"weight_map\":{\"b\":\"2.st\",\"a\":\"1.st\",\"b\":\"1.st\"}}", "\"b\""},
                                         {"{\"weight_map\":{\"a\":\"../1.st\"}}", "../1.st"},
                                         {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "/etc/passwd"},
                                         {"{\"weight_map\":{\"a\":\"..\"}}", ".."},
                                         {"{\"weight_map\":{\"a\":\"x\\\\1.st\"}}", "no file name"},
                                         {"{\"weight_map\":{\"a\":\"x/1.st\"}}", "x/1.st"},
                                         {"{\"weight_map\":{\"a\":\"\"}}", "no file name"},
                                         {"{\"weight_map\":{\"a\":\"1.st\\u0000\"}}", "no file name"},
                                         {"{\"weight_map\":{\"a\":7}}", "no file name"},
                                         {"{\"weight_map\":{\"a\\u0000\":\"1.st\"}}", "not in"},
                                         {"{\"weight_map\":{\"a\":\"" INDEX "\"}}", INDEX}, /* itself */
                                         {"{\"weight_map\":[]}", "weight_map"},
                                         {"{}", "weight_map"},
                                         {"[]", "weight_map"},
                                         {"{\"weight_map\":", "line 1"}};
    llm_memory_file files[4];
    world w;
    size_t i;
    files[0] = memory_text(INDEX, "{\"metadata\":{},\"weight_map\":{\"a\":\"1.st\",\"b\":\"2.st\"}}");
    files[1] = memory_tensors("1.st", "{\"a\":" T("[4]", "0", "4") "}", 4);
    files[2] = memory_tensors("2.st", "{\"b\":" T("[2]", "0", "2") "}", 2);
    if (!CHECK_EQ(opens(files, 3, &w), LLM_OK)) printf("  %s\n", w.error.message);
    CHECK_EQ(w.tensors.count, 2);
    CHECK(llm__tensor_find(&w.tensors, "a") && !llm__tensor_find(&w.tensors, "c"));
    if (llm__tensor_find(&w.tensors, "b")) CHECK_STR(llm__tensor_find(&w.tensors, "b")->blob->name, "2.st");
    end(&w);
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        files[0] = memory_text(INDEX, bad[i][0]);
        if (!CHECK_EQ(opens(files, 3, &w) != LLM_OK, 1)) printf("  %s\n", bad[i][0]);
        CHECK(says(&w.error, bad[i][1]));
        end(&w);
    }
    files[0] = memory_text(INDEX, "{\"weight_map\":{\"a\":\"1.st\",\"b\":\"2.st\"}}");
    free((void *)(uintptr_t)files[2].data);
    files[2] = memory_tensors("2.st", "{\"b\":" T("[2]", "0", "2") ",\"a\":" T("[2]", "2", "4") "}",
                              4); /* the same tensor in both */
    CHECK_EQ(opens(files, 3, &w), LLM_BAD_FORMAT);
    CHECK(says(&w.error, "\"a\" is there twice"));
    end(&w);
    free((void *)(uintptr_t)files[1].data);
    free((void *)(uintptr_t)files[2].data);
    CHECK_EQ(opens(NULL, 0, &w), LLM_BAD_ARGUMENT);
    end(&w);
    files[0] = memory_text("config.json", "{}");
    CHECK_EQ(opens(files, 1, &w), LLM_BAD_FILE);
    CHECK(says(&w.error, "model.safetensors"));
    end(&w);
    files[0] = memory_tensors("weights.safetensors", "{\"a\":" T("[4]", "0", "4") "}", 4);
    CHECK_EQ(opens(files, 1, &w), LLM_OK);
    CHECK_EQ(w.tensors.count, 1);
    end(&w);
    free((void *)(uintptr_t)files[0].data);
}

/* Many tensors: every one is found again, and a name that is not there is not. */
static void many_tensors(void) {
    enum { COUNT = 5000 };
    char *header = (char *)malloc(COUNT * 80), name[16];
    size_t at = 0;
    llm_memory_file file;
    world w;
    int i, found = 0;
    if (!header) exit(2);
    for (i = 0; i < COUNT; i++)
        at += (size_t)snprintf(header + at, 80, "%c\"t%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                               i ? ',' : '{', i, i, i + 1);
    memcpy(header + at, "}", 2);
    file = memory_tensors("model.safetensors", header, COUNT);
    CHECK_EQ(opens(&file, 1, &w), LLM_OK);
    for (i = 0; i < COUNT; i++) {
        llm__tensor *x;
        snprintf(name, sizeof name, "t%d", i);
        x = llm__tensor_find(&w.tensors, name);
        found += x && x->data && x->data[0] == (uint8_t)i;
    }
    CHECK_EQ(found, COUNT);
    CHECK(!llm__tensor_find(&w.tensors, "t5000"));
    end(&w);
    free((void *)(uintptr_t)file.data);
    free(header);
}

static void tensors_no_memory(void) {
    llm_memory_file files[3];
    int nth;
    files[0] = memory_text(INDEX, "{\"weight_map\":{\"a\":\"1.st\",\"b\":\"2.st\"}}");
    files[1] = memory_tensors("1.st", "{\"a\":" T("[4]", "0", "4") "}", 4);
    files[2] = memory_tensors("2.st", "{\"b\":" T("[2]", "0", "2") "}", 2);
    for (nth = 1;; nth++) {
        world w;
        llm_status status;
        begin(&w, files, 3, NULL, nth);
        status = llm__safetensors_open(&w.folder, &w.tensors, &w.error);
        if (status != LLM_OK) CHECK_EQ(w.error.status, LLM_OUT_OF_MEMORY);
        end(&w);
        if (status == LLM_OK) break;
    }
    CHECK(nth > 5);
    free((void *)(uintptr_t)files[1].data);
    free((void *)(uintptr_t)files[2].data);
}

/* ---- disks: mapped, read, and hooks that fail */

static void disk(void) {
    static const char name[] = "affine-4-64.safetensors", *const folders[] = {"tests/golden/quantization",
                                                                              "tests/golden/quantization/"};
    const uint8_t *data[2] = {NULL, NULL};
    world w[2];
    int i;
    for (i = 0; i < 2; i++) {
        llm__tensor *x;
        begin(&w[i], NULL, 0, folders[i], 0);
        w[i].folder.no_map = i;
        CHECK_EQ(llm__safetensors_add(&w[i].folder, name, &w[i].tensors, &w[i].error), LLM_OK);
        x = llm__tensor_find(&w[i].tensors, "packed");
        CHECK(x && (!i || !x->data));
        if (i) CHECK(w[i].memory.live < 100000); /* only the header is in memory */
        if (x) CHECK_EQ(llm__tensor_fetch(&w[i].folder, x, &data[i], &w[i].error), LLM_OK);
        if (x && i) {
            const uint8_t *again = NULL;
            CHECK(llm__tensor_fetch(&w[i].folder, x, &again, NULL) == LLM_OK && again == data[i]);
            CHECK((uintptr_t)again % 64 == 0);
        }
    }
    CHECK(data[0] && data[1] && !memcmp(data[0], data[1], (size_t)llm__tensor_find(&w[0].tensors, "packed")->bytes));
    for (i = 0; i < 2; i++) end(&w[i]);
}

/* What is no regular file is refused at once: a folder, and a pipe that nobody writes to. */
static void no_files(void) {
    llm__blob *b = NULL, *again = NULL;
    world w;
    const char *text;
    size_t bytes;
    begin(&w, NULL, 0, "tests", 0);
    CHECK_EQ(llm__folder_open(&w.folder, "golden", &b, 0, &w.error), LLM_BAD_FILE);
    CHECK(!b && says(&w.error, "tests/golden"));
    CHECK_EQ(llm__folder_open(&w.folder, "no such file", &b, 0, &w.error), LLM_BAD_FILE);
    CHECK(says(&w.error, "tests/no such file"));
    CHECK_EQ(llm__folder_open(&w.folder, "no such file", &b, 1, &w.error), LLM_OK);
    CHECK(!b);
    CHECK_EQ(llm__folder_open(&w.folder, "../Makefile", &b, 1, &w.error), LLM_BAD_FORMAT);
    CHECK_EQ(llm__folder_open(&w.folder, "test.h", &b, 0, &w.error), LLM_OK);
    CHECK(llm__folder_open(&w.folder, "test.h", &again, 0, &w.error) == LLM_OK && b == again);
    CHECK_EQ(llm__folder_text(&w.folder, "test.h", 1 << 20, &text, &bytes, 0, &w.error), LLM_OK);
    CHECK(text && bytes == strlen(text) && strstr(text, "TEST_H"));
    CHECK_EQ(llm__folder_text(&w.folder, "test.h", 10, &text, &bytes, 0, &w.error), LLM_TOO_LARGE);
    CHECK(!text && says(&w.error, "10"));
    if (b) {
        char into[4];
        CHECK_EQ(llm__folder_read(&w.folder, b, b->bytes, into, 0, &w.error), LLM_OK);
        CHECK_EQ(llm__folder_read(&w.folder, b, b->bytes - 3, into, 4, &w.error), LLM_BAD_FORMAT);
        CHECK_EQ(llm__folder_read(&w.folder, b, b->bytes + 1, into, 0, &w.error), LLM_BAD_FORMAT);
        CHECK_EQ(llm__folder_read(&w.folder, b, UINT64_MAX, into, 4, &w.error), LLM_BAD_FORMAT);
        CHECK_EQ(llm__folder_read(&w.folder, b, UINT64_MAX - 1, into, 4, &w.error), LLM_BAD_FORMAT);
    }
    end(&w);
#if defined(__unix__) || defined(__APPLE__)
    {
        const char *in = getenv("TMPDIR");
        char folder[1000], pipe_path[1100];
        snprintf(folder, sizeof folder, "%s/test_cache_ground.XXXXXX", in ? in : ".");
        CHECK(mkdtemp(folder) != NULL);
        snprintf(pipe_path, sizeof pipe_path, "%s/config.json", folder);
        CHECK(!mkfifo(pipe_path, 0600));
        begin(&w, NULL, 0, folder, 0);
        CHECK_EQ(llm__folder_open(&w.folder, "config.json", &b, 0, &w.error), LLM_BAD_FILE);
        end(&w);
        unlink(pipe_path);
        rmdir(folder);
    }
#endif
}

typedef struct hooked {
    const char *data;
    size_t bytes;
    int opened, closed, reads, refuse;
} hooked;

static int hooked_open(void *user, const char *path, void **handle, uint64_t *bytes) {
    hooked *h = (hooked *)user;
    if (strcmp(path, "there/model.safetensors") != 0) return -1;
    h->opened++;
    *handle = h;
    *bytes = h->bytes;
    return 0;
}

static int hooked_read(void *user, void *handle, uint64_t offset, void *into, size_t bytes) {
    hooked *h = (hooked *)user;
    CHECK(handle == user && offset <= h->bytes && bytes <= h->bytes - offset);
    if (++h->reads == h->refuse) return -1;
    memcpy(into, h->data + offset, bytes);
    return 0;
}

static void hooked_close(void *user, void *handle) {
    CHECK(user == handle);
    ((hooked *)user)->closed++;
}

static void hooks(void) {
    hooked h;
    int refuse;
    char *file = file_of(two, sizeof two - 1, sizeof two - 1, 7, &h.bytes);
    for (refuse = 0; refuse < 4; refuse++) {
        world w;
        llm_status status;
        h.data = file;
        h.opened = h.closed = h.reads = 0;
        h.refuse = refuse;
        begin(&w, NULL, 0, "there", 0);
        w.folder.files.user = &h;
        w.folder.files.open = hooked_open;
        w.folder.files.read = hooked_read;
        w.folder.files.map = NULL;
        w.folder.files.close = hooked_close;
        status = llm__safetensors_open(&w.folder, &w.tensors, &w.error);
        if (status == LLM_OK) {
            const uint8_t *data = NULL;
            llm__tensor *b = llm__tensor_find(&w.tensors, "b");
            CHECK(b && llm__json_text_is(llm__json_get(w.tensors.metadata, "format"), "mlx"));
            if (b) status = llm__tensor_fetch(&w.folder, b, &data, &w.error);
            if (status == LLM_OK) CHECK(data && data[0] == 4 && data[2] == 6);
        }
        CHECK_EQ(status, refuse ? LLM_BAD_FILE : LLM_OK);
        if (refuse) CHECK(says(&w.error, "model.safetensors: reading"));
        end(&w);
        CHECK_EQ(h.opened, 1);
        CHECK_EQ(h.closed, 1);
    }
    free(file);
}

int main(void) {
    TEST(halves_decode);
    TEST(halves_round);
    TEST(small_floats);
    TEST(any_dtype);
    TEST(affine_goldens);
    TEST(affine_odd);
    TEST(json_accepts);
    TEST(json_values);
    TEST(json_numbers);
    TEST(json_depth);
    TEST(json_cut);
    TEST(json_noise);
    TEST(json_place);
    TEST(json_no_memory);
    TEST(tensors_good);
    TEST(tensors_lies);
    TEST(tensors_lengths);
    TEST(tensors_noise);
    TEST(shards);
    TEST(many_tensors);
    TEST(tensors_no_memory);
    TEST(disk);
    TEST(no_files);
    TEST(hooks);
    return test_summary("test_cache_ground");
}
