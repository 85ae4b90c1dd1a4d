/* test_quantize - llm_quantize gives mlx's bits, small floats are the nearest ones, and a model says which tensors of
   its checkpoint can be quantized. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "fixture.h"
#include "test.h"

/* A fixture of tests/golden/quantization: what mlx's quantize() made of `input`. */
static void check_golden(const char *mode, int bits, int group) {
    fixture f;
    char path[200];
    llm_quantize_desc d;
    llm_error error;
    const llm__tensor *input, *packed, *scales, *biases;
    uint8_t *codes, *my_scales, *my_biases;
    snprintf(path, sizeof path, "tests/golden/quantization/%s-%d-%d.safetensors", mode, bits, group);
    CHECK(open_fixture(&f, path));
    input = llm__tensor_find(&f.tensors, "input");
    packed = llm__tensor_find(&f.tensors, "packed");
    scales = llm__tensor_find(&f.tensors, "scales");
    biases = llm__tensor_find(&f.tensors, "biases");
    CHECK(input && packed && scales && !biases == (strcmp(mode, "affine") != 0));
    if (input && packed && scales) {
        const uint8_t *from = fetch(&f, (llm__tensor *)(uintptr_t)input);
        codes = (uint8_t *)need(malloc((size_t)packed->bytes));
        my_scales = (uint8_t *)need(malloc((size_t)scales->bytes));
        my_biases = biases ? (uint8_t *)need(malloc((size_t)biases->bytes)) : NULL;
        memset(&d, 0, sizeof d);
        d.mode = mode;
        d.bits = bits;
        d.group = group;
        CHECK_EQ(llm_quantize(&d, from, (size_t)input->bytes / 4, codes, my_scales, my_biases, &error), LLM_OK);
        CHECK(!memcmp(codes, fetch(&f, (llm__tensor *)(uintptr_t)packed), (size_t)packed->bytes));
        CHECK(!memcmp(my_scales, fetch(&f, (llm__tensor *)(uintptr_t)scales), (size_t)scales->bytes));
        CHECK(!biases || !memcmp(my_biases, fetch(&f, (llm__tensor *)(uintptr_t)biases), (size_t)biases->bytes));
        free(codes);
        free(my_scales);
        free(my_biases);
    }
    close_fixture(&f);
}

static void test_golden(void) {
    static const int bits[] = {2, 3, 4, 5, 6, 8}, groups[] = {32, 64, 128};
    int b, g;
    for (b = 0; b < 6; b++)
        for (g = 0; g < 3; g++) check_golden("affine", bits[b], groups[g]);
    check_golden("mxfp4", 4, 32);
    check_golden("mxfp8", 8, 32);
    check_golden("nvfp4", 4, 16);
}

/* ---- small floats: none of the others is nearer */

static void test_nearest(void) {
    uint32_t random = 5;
    int i, k, bad = 0;
    for (i = 0; i < 256; i++) {
        if ((i & 127) != 127) bad += llm__f32_to_e4m3(llm__e4m3_to_f32((uint8_t)i)) != i;
        if (i < 255) bad += llm__f32_to_e8m0(llm__e8m0_to_f32((uint8_t)i)) != i;
        if (i < 16 && i != 8) bad += llm__f32_to_e2m1(llm__e2m1_to_f32((unsigned)i)) != (unsigned)i;
    }
    CHECK_EQ(bad, 0);
    for (i = 0; i < 20000; i++) {
        const float x = ((float)(random_bits(&random) >> 8) / 8388608.0f - 1) * 7;
        const float y = ldexpf(x, (int)(random_bits(&random) % 20) - 10), z = fabsf(y);
        const float e2m1 = llm__e2m1_to_f32(llm__f32_to_e2m1(x)), e4m3 = llm__e4m3_to_f32(llm__f32_to_e4m3(y));
        const uint8_t power = llm__f32_to_e8m0(z);
        for (k = 0; k < 16; k++) bad += fabsf(llm__e2m1_to_f32((unsigned)k) - x) < fabsf(e2m1 - x);
        for (k = 0; k < 256; k++) bad += fabsf(llm__e4m3_to_f32((uint8_t)k) - y) < fabsf(e4m3 - y); /* not of NaNs */
        bad += !(llm__e8m0_to_f32(power) >= z) || (power && llm__e8m0_to_f32((uint8_t)(power - 1)) >= z);
    }
    CHECK_EQ(bad, 0);
    CHECK_EQ(llm__f32_to_e8m0(0), 127);
    CHECK_EQ(llm__f32_to_e8m0(1e-45f), 0);
    CHECK_EQ(llm__f32_to_e8m0(HUGE_VALF), 255);
    CHECK_EQ(llm__f32_to_e8m0(3e38f), 254);
    CHECK_EQ(llm__f32_to_e4m3(1e30f), 0x7E);
    CHECK_EQ(llm__f32_to_e4m3(-1e30f), 0xFE);
    CHECK_EQ(llm__f32_to_e2m1(-0.2f), 0);
}

/* ---- rows of codes as mlx's dequantize() gives them, product and sum each rounded: number by number */

static void check_rounded(const llm__ops *ops, llm_dtype dtype, int bits, int group) {
    enum { ROWS = 3, COLS = 256 };
    static uint8_t codes[ROWS * COLS], scales[ROWS * COLS], biases[ROWS * COLS], scratch[5 * COLS];
    uint32_t random = (uint32_t)(bits * 1000 + group);
    float out[COLS], x;
    llm__matrix w;
    int r, c, bad = 0;
    memset(&w, 0, sizeof w);
    w.format = LLM__AFFINE;
    w.dtype = dtype;
    w.rows = ROWS, w.cols = COLS, w.bits = bits, w.group = group;
    w.row_bytes = (size_t)(COLS * bits / 8);
    w.scale_row_bytes = (size_t)(COLS / group) * llm__dtype_bytes(dtype);
    w.data = codes, w.scales = scales, w.biases = biases;
    for (c = 0; c < ROWS * COLS; c++) codes[c] = (uint8_t)random_bits(&random);
    for (c = 0; c < ROWS * COLS / group; c++) {
        x = (float)(random_bits(&random) >> 8) * 1e-9f;
        llm__from_f32(dtype, &x, 1, scales + (size_t)c * llm__dtype_bytes(dtype));
        x *= -7.3f;
        llm__from_f32(dtype, &x, 1, biases + (size_t)c * llm__dtype_bytes(dtype));
    }
    for (r = 0; r < ROWS; r++) {
        llm__rounded_row(ops, &w, r, out, scratch);
        for (c = 0; c < COLS; c++) {
            size_t at = (size_t)r * w.scale_row_bytes + (size_t)(c / group) * llm__dtype_bytes(dtype);
            const unsigned code = llm__affine_code(codes + (size_t)r * w.row_bytes, (size_t)c, bits);
            const volatile float product = llm__rounded(dtype, llm__number_at(dtype, scales + at) * (float)code);
            const float want = llm__rounded(dtype, product + llm__number_at(dtype, biases + at));
            bad += memcmp(&want, &out[c], sizeof want) != 0;
        }
    }
    CHECK_EQ(bad, 0);
}

static void test_rounded_rows(void) {
    static const int bits[] = {2, 3, 4, 5, 6, 8}, groups[] = {32, 64, 128};
    const llm__ops *ops;
    size_t n;
    int b, g, t;
    for (n = 0; (ops = llm__ops_at(n)) != NULL; n++)
        for (b = 0; b < 6; b++)
            for (g = 0; g < 3; g++)
                for (t = LLM_F32; t <= LLM_BF16; t++) check_rounded(ops, (llm_dtype)t, bits[b], groups[g]);
}

/* ---- descriptions that make no sense */

static void refused(const char *mode, int bits, int group, int from, size_t count, const char *word) {
    static const float numbers[256] = {0};
    static uint8_t codes[256], scales[256], biases[256];
    llm_quantize_desc d;
    llm_error error;
    memset(&d, 0, sizeof d);
    d.mode = mode;
    d.bits = bits;
    d.group = group;
    d.from = (llm_dtype)from;
    CHECK_EQ(llm_quantize(&d, numbers, count, codes, scales, mode ? NULL : biases, &error), LLM_BAD_ARGUMENT);
    CHECK(says(&error, word));
}

static void test_refused(void) {
    static const float numbers[128] = {0};
    uint8_t codes[128], scales[16], biases[16];
    llm_quantize_desc d;
    llm_error error;
    refused("mxfp3", 0, 0, LLM_F32, 64, "mxfp3");
    refused("mxfp4", 8, 0, LLM_F32, 64, "4 bits");
    refused("nvfp4", 0, 32, LLM_F32, 64, "groups of 16");
    refused("affine", 4, 64, LLM_F32, 64, "biases");
    refused(NULL, 7, 64, LLM_F32, 64, "7 bits");
    refused(NULL, 1, 64, LLM_F32, 64, "1 bits");
    refused(NULL, -4, 64, LLM_F32, 64, "-4 bits");
    refused(NULL, 4, 16, LLM_F32, 64, "groups of 16");
    refused(NULL, 4, -64, LLM_F32, 64, "groups of -64");
    refused(NULL, 4, 64, LLM_U8, 64, "F16");
    refused(NULL, 4, 64, LLM_F32, 63, "63 numbers");
    memset(&d, 0, sizeof d);
    CHECK_EQ(llm_quantize(NULL, numbers, 64, codes, scales, biases, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_quantize(&d, NULL, 64, codes, scales, biases, NULL), LLM_BAD_ARGUMENT);
    d.mode = "mxfp4";
    CHECK_EQ(llm_quantize(&d, numbers, 64, codes, scales, biases, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_quantize(&d, numbers, 64, codes, scales, NULL, &error), LLM_OK);
}

/* ---- tensors of checkpoints */

static llm_model *describe(const char *folder) {
    llm_model_desc d;
    llm_model *model = NULL;
    llm_error error;
    memset(&d, 0, sizeof d);
    d.path = folder;
    d.describe = 1;
    if (llm_model_open(&model, &d, &error)) printf("%s\n", error.message);
    return model;
}

static llm_tensor_info tensor_named(const llm_model *model, const char *name) {
    llm_tensor_info t;
    size_t i;
    for (i = 0; (t = llm_model_get_tensor(model, i)).name && strcmp(t.name, name) != 0; i++) continue;
    return t;
}

/* Every map of the float checkpoint, quantized here, is what mlx-lm's convert made of it. */
static void test_as_converted(void) {
    llm_model *floats = describe("tests/golden/models/stories260K");
    llm_model *converted = describe("tests/golden/models/stories260K-q4");
    llm_tensor_info t, want[3];
    llm_quantize_desc d;
    llm_error error;
    char name[200];
    size_t i, maps = 0;
    CHECK(floats && converted);
    memset(&d, 0, sizeof d);
    d.group = 32;
    for (i = 0; (t = llm_model_get_tensor(floats, i)).name; i++) {
        static uint8_t codes[65536], scales[65536], biases[65536];
        const int n = (int)(strlen(t.name) - strlen(".weight"));
        CHECK_EQ(t.role, t.dims == 2 ? LLM_TENSOR_MAP : LLM_TENSOR_OTHER);
        CHECK(t.data && t.bytes);
        if (t.role != LLM_TENSOR_MAP || t.shape[1] % 32) continue;
        want[0] = tensor_named(converted, t.name);
        snprintf(name, sizeof name, "%.*s.scales", n, t.name);
        want[1] = tensor_named(converted, name);
        snprintf(name, sizeof name, "%.*s.biases", n, t.name);
        want[2] = tensor_named(converted, name);
        CHECK(want[0].name && want[1].name && want[2].name && want[0].role == LLM_TENSOR_OTHER);
        if (!want[2].name || t.bytes / 4 > sizeof codes) continue;
        CHECK_EQ(llm_quantize(&d, t.data, t.bytes / 4, codes, scales, biases, &error), LLM_OK);
        CHECK(!memcmp(codes, want[0].data, want[0].bytes));
        CHECK(!memcmp(scales, want[1].data, want[1].bytes) && !memcmp(biases, want[2].data, want[2].bytes));
        maps++;
    }
    CHECK_EQ(i, 47);
    CHECK_EQ(maps, 1 + 5 * 6);
    CHECK(!llm_model_get_tensor(floats, i).name && !llm_model_get_tensor(NULL, 0).name);
    llm_model_close(floats);
    llm_model_close(converted);
}

/* Routers, stacks, and what looks like a map but is none. */
static void test_roles(void) {
    static const struct {
        const char *file, *name;
        llm_tensor_role role;
    } rows[] = {
        {"qwen3_moe-plain", "model.layers.1.mlp.gate.weight", LLM_TENSOR_ROUTER},
        {"qwen3_moe-plain", "model.layers.1.mlp.switch_mlp.up_proj.weight", LLM_TENSOR_MAP},
        {"qwen3_moe-plain", "model.embed_tokens.weight", LLM_TENSOR_MAP},
        {"qwen3_moe-plain", "model.layers.0.self_attn.q_norm.weight", LLM_TENSOR_OTHER},
        {"gpt2-hf", "h.0.attn.c_attn.weight", LLM_TENSOR_OTHER}, /* lies the other way round */
        {"mamba2", "backbone.layers.0.mixer.conv1d.weight", LLM_TENSOR_OTHER},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture f;
        char path[200];
        llm_model_desc d;
        llm_model *model = NULL;
        llm_error error;
        llm_tensor_info t;
        snprintf(path, sizeof path, "tests/golden/logits/%s.safetensors", rows[i].file);
        CHECK(open_fixture(&f, path) && read_expectations(&f) && build_checkpoint(&f));
        memset(&d, 0, sizeof d);
        d.memory = f.checkpoint;
        d.memory_count = 2;
        d.describe = 1;
        CHECK_EQ(llm_model_open(&model, &d, &error), LLM_OK);
        t = tensor_named(model, rows[i].name);
        CHECK_STR(t.name, rows[i].name);
        CHECK_EQ(t.role, rows[i].role);
        llm_model_close(model);
        close_fixture(&f);
    }
}

static void test_convert(void) {
    static const float numbers[4] = {1, -2.5f, 65504, 1e-8f};
    uint16_t half[4], brain[4];
    float back[4];
    llm_convert(LLM_F32, numbers, 4, LLM_F16, half);
    llm_convert(LLM_F32, numbers, 4, LLM_BF16, brain);
    CHECK(half[0] == 0x3C00 && half[1] == 0xC100 && half[2] == 0x7BFF && half[3] == 0);
    CHECK(brain[0] == 0x3F80 && brain[1] == 0xC020 && brain[2] == 0x4780 && brain[3] == 0x322C);
    llm_convert(LLM_F16, half, 4, LLM_F32, back);
    CHECK(back[0] == 1 && back[1] == -2.5f && back[2] == 65504 && back[3] == 0);
}

int main(void) {
    TEST(test_golden);
    TEST(test_nearest);
    TEST(test_rounded_rows);
    TEST(test_refused);
    TEST(test_as_converted);
    TEST(test_roles);
    TEST(test_convert);
    return test_summary("test_quantize");
}
