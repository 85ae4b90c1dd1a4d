/* >>kernels against >>formats and against themselves: every instruction set that this CPU has.
   Usage: test_kernels [--isa NAME] [folder with the quantization fixtures] */
#define LLM_IMPLEMENTATION
#include "llm.h"
#include "test.h"

static uint32_t state = 12345;

static uint32_t random_bits(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static int random_below(int n) { return (int)(random_bits() % (uint32_t)n); }
static float random_float(void) { return (float)(random_bits() >> 8) / 8388608.0f - 1.0f; }

/* Memory whose start is aligned to 64 plus `off`, with a guard of bytes behind it that must not change. */
enum { GUARD = 64 };
typedef struct block {
    uint8_t *memory, *at;
    size_t bytes;
} block;

static block block_open(size_t bytes, size_t off) {
    block b;
    b.bytes = bytes;
    b.memory = (uint8_t *)malloc(bytes + off + 64 + GUARD);
    b.at = b.memory + (64 - (uintptr_t)b.memory % 64) % 64 + off;
    memset(b.at, 0, bytes);
    memset(b.at + bytes, 0xa5, GUARD);
    return b;
}

static void block_close(block *b) {
    int i, same = 1;
    for (i = 0; i < GUARD; i++) same &= b->at[b->bytes + (size_t)i] == 0xa5;
    CHECK(same);
    free(b->memory);
}

static block floats(size_t n, float size) {
    block b = block_open(n * sizeof(float), 4);
    size_t i;
    for (i = 0; i < n; i++) ((float *)(void *)b.at)[i] = random_float() * size;
    return b;
}

#define F(b) ((float *)(void *)(b).at)

/* ---- a matrix of any format with random content, at an odd address */
typedef struct matrix {
    llm__matrix w;
    block data, scales, biases, bias;
} matrix;

static void fill_factors(block *b, llm_dtype t, size_t n, float low, float high) {
    size_t i;
    for (i = 0; i < n; i++) {
        float f = low + (high - low) * (random_float() * 0.5f + 0.5f);
        llm__from_f32(t, &f, 1, b->at + i * llm__dtype_bytes(t));
    }
}

static void fill_bytes(block *b, uint32_t below) {
    size_t i;
    for (i = 0; i < b->bytes; i++) b->at[i] = (uint8_t)(random_bits() >> 7 % below);
}

static matrix matrix_open(llm__format format, llm_dtype dtype, int rows, int cols, int bits, int group, int with_bias) {
    matrix m;
    const size_t r = (size_t)rows, c = (size_t)cols, size = llm__dtype_bytes(dtype);
    size_t i, count;
    memset(&m, 0, sizeof m);
    m.w.format = format;
    m.w.dtype = dtype;
    m.w.rows = rows;
    m.w.cols = cols;
    m.w.bits = bits;
    m.w.group = group;
    m.w.row_bytes = format == LLM__FLOAT ? c * size : c * (size_t)bits / 8;
    m.data = block_open(r * m.w.row_bytes, 1);
    if (format == LLM__FLOAT) {
        fill_factors(&m.data, dtype, r * c, -1.0f, 1.0f);
    } else {
        fill_bytes(&m.data, 255);
        if (format == LLM__FP8_BLOCK || format == LLM__MXFP8)
            for (i = 0; i < m.data.bytes; i++) m.data.at[i] &= 0xbf; /* no NaN, no huge numbers */
    }
    if (format == LLM__AFFINE) {
        count = c / (size_t)group;
        m.w.scale_row_bytes = count * size;
        m.scales = block_open(r * m.w.scale_row_bytes, 1);
        m.biases = block_open(r * m.w.scale_row_bytes, 1);
        fill_factors(&m.scales, dtype, r * count, 0.001f, 0.02f);
        fill_factors(&m.biases, dtype, r * count, -0.2f, 0.0f);
        m.w.biases = m.biases.at;
    } else if (format == LLM__FP8_BLOCK) {
        count = (c + 127) / 128;
        m.w.scale_row_bytes = count * 4;
        m.w.first_row = 100;
        m.scales = block_open((r + 100 + 127) / 128 * count * 4, 1);
        fill_factors(&m.scales, LLM_F32, m.scales.bytes / 4, 0.01f, 0.1f);
    } else if (format != LLM__FLOAT) {
        m.w.scale_row_bytes = c / (size_t)group;
        m.scales = block_open(r * m.w.scale_row_bytes, 1);
        for (i = 0; i < m.scales.bytes; i++)
            m.scales.at[i] = (uint8_t)(format == LLM__NVFP4 ? 40 + random_below(20) : 118 + random_below(6));
    }
    m.w.data = m.data.at;
    m.w.scales = m.scales.at;
    if (with_bias) {
        m.bias = floats(r, 1.0f);
        m.w.bias = F(m.bias);
    }
    return m;
}

static void matrix_close(matrix *m) {
    block_close(&m->data);
    if (m->scales.memory) block_close(&m->scales);
    if (m->biases.memory) block_close(&m->biases);
    if (m->bias.memory) block_close(&m->bias);
}

/* ---- products */

/* The tolerance of a float sum of n terms whose magnitudes add up to `size`. */
static float bound(double size, int n) { return (float)(size * 1.2e-7 * (4 + sqrt((double)n)) + 1e-30); }

/* Two decodes of n numbers: the same bits, but for affine codes with float32 factors, where a compiler may have fused
   the reference's multiplication and addition. */
static int same_decode(const llm__matrix *w, const float *a, const float *b) {
    float largest = 0, apart = 0;
    int i;
    if (w->format != LLM__AFFINE || w->dtype != LLM_F32) return !memcmp(a, b, (size_t)w->cols * sizeof(float));
    for (i = 0; i < w->cols; i++) {
        if (fabsf(a[i]) > largest) largest = fabsf(a[i]);
        if (fabsf(a[i] - b[i]) > apart) apart = fabsf(a[i] - b[i]);
    }
    return apart <= largest * 2e-7f;
}

static void check_decode(const llm__ops *ops, const matrix *m, void *scratch) {
    block a = block_open((size_t)m->w.cols * 4, 4), b = block_open((size_t)m->w.cols * 4, 4);
    int row;
    for (row = 0; row < m->w.rows; row++) {
        llm__matrix_row(&m->w, row, F(a));
        ops->decode_rows(&m->w, row, row + 1, F(b), scratch);
        CHECK(same_decode(&m->w, F(a), F(b)));
    }
    block_close(&a);
    block_close(&b);
}

static void check_against_double(const matrix *m, const float *x, size_t stride, int n, const float *y) {
    block row = block_open((size_t)m->w.cols * 4, 4);
    int o, i, k, bad = 0;
    for (o = 0; o < m->w.rows; o++) {
        llm__matrix_row(&m->w, o, F(row));
        for (i = 0; i < n; i++) {
            double sum = 0, size = 0, term;
            for (k = 0; k < m->w.cols; k++) {
                term = (double)F(row)[k] * (double)x[(size_t)i * stride + (size_t)k];
                sum += term;
                size += fabs(term);
            }
            if (m->w.bias) sum += (double)m->w.bias[o], size += fabs((double)m->w.bias[o]);
            if (fabs(sum - (double)y[i * m->w.rows + o]) > (double)bound(size, m->w.cols)) bad++;
        }
    }
    CHECK(bad == 0);
    block_close(&row);
}

static void check_product(const llm__ops *ops, const matrix *m, int n) {
    const int rows = m->w.rows, cols = m->w.cols, cut = random_below(rows + 1);
    const size_t stride = (size_t)cols + 3;
    block x = floats((size_t)n * stride, 2.0f), scratch = block_open(llm__product_scratch(&m->w), 0);
    block all = block_open((size_t)n * (size_t)rows * 4, 4), one = block_open((size_t)n * (size_t)rows * 4, 4);
    int i;
    check_decode(ops, m, scratch.at);
    ops->product(&m->w, F(x), stride, n, F(all), (size_t)rows, 0, rows, scratch.at);
    check_against_double(m, F(x), stride, n, F(all));
    for (i = 0; i < n; i++) {
        ops->product(&m->w, F(x) + (size_t)i * stride, stride, 1, F(one) + i * rows, (size_t)rows, 0, cut, scratch.at);
        ops->product(&m->w, F(x) + (size_t)i * stride, stride, 1, F(one) + i * rows, (size_t)rows, cut, rows,
                     scratch.at);
    }
    CHECK(!memcmp(all.at, one.at, all.bytes));
    block_close(&x), block_close(&scratch), block_close(&all), block_close(&one);
}

static void quantize(const llm__ops *ops, const llm__coded_rows *x, const float *from, size_t stride, void *memory) {
    int i;
    (void)memory;
    for (i = 0; i < x->n; i++)
        ops->quantize_row(from + (size_t)i * stride, x->cols, x->group, x->bits, x->paired,
                          (int8_t *)x->codes + (size_t)i * x->code_stride,
                          (float *)x->scales + (size_t)i * x->scale_stride,
                          (float *)x->sums + (size_t)i * x->scale_stride,
                          (int32_t *)x->totals + (size_t)i * x->scale_stride);
}

/* What the int8 product promises to the bit, in the plainest words. */
static float exact8(const llm__matrix *w, const llm__coded_rows *x, int row, int i) {
    float acc = 0, bias = 0, scale, offset;
    int c, k;
    const int zero = w->bits == 8 ? 128 : 0;
    const size_t size = llm__dtype_bytes(w->dtype);
    for (c = 0; c < w->cols / x->group; c++) {
        const size_t at = (size_t)row * w->scale_row_bytes + (size_t)(c * x->group / w->group) * size;
        volatile float product, factor;
        int sum = 0;
        llm__to_f32(w->dtype, w->scales + at, 1, &scale);
        llm__to_f32(w->dtype, w->biases + at, 1, &offset);
        for (k = c * x->group; k < (c + 1) * x->group; k++)
            sum += ((int)llm__affine_code(w->data + (size_t)row * w->row_bytes, (size_t)k, w->bits) - zero) *
                   x->codes[(size_t)i * x->code_stride + (size_t)(k / 8 * 8 + k % 2 * 4 + k % 8 / 2)];
        factor = scale * x->scales[(size_t)i * x->scale_stride + (size_t)c];
        product = (float)sum * factor;
        acc += product;
        product = 128.0f * scale;
        if (zero) offset += product;
        product = offset * x->sums[(size_t)i * x->scale_stride + (size_t)c];
        bias += product;
    }
    acc += bias;
    return w->bias ? acc + w->bias[row] : acc;
}

/* The same of half floats, whose codes have 16 bits; what their scale is, too. */
static float exact16(const llm__matrix *w, const llm__coded_rows *x, int row, int i) {
    const int16_t *codes = (const int16_t *)(const void *)(x->codes + (size_t)i * x->code_stride);
    block numbers = block_open((size_t)w->cols * 4, 4);
    float acc = 0;
    int c, k;
    llm__matrix_row(w, row, F(numbers));
    for (c = 0; c < w->cols; c += 64) {
        volatile float most = 0, scale, inverse, code, product, factor;
        int64_t sum = 0;
        for (k = c; k < c + 64; k++) most = fabsf(F(numbers)[k]) > most ? fabsf(F(numbers)[k]) : most;
        most /= 8191;
        scale = llm__bf16_to_f32(llm__f32_to_bf16(most));
        if (scale < most) scale = llm__bf16_to_f32((uint16_t)(llm__f32_to_bf16(most) + 1));
        inverse = scale > 0 ? 1 / scale : 0;
        for (k = c; k < c + 64; k++) {
            code = F(numbers)[k] * inverse;
            sum += (int64_t)nearbyintf(code) * codes[k];
        }
        CHECK(sum == (int32_t)sum);
        factor = scale * x->scales[(size_t)i * x->scale_stride + (size_t)(c / 64)];
        product = (float)sum * factor;
        acc += product;
    }
    block_close(&numbers);
    return w->bias ? acc + w->bias[row] : acc;
}

static float exact_coded(const llm__matrix *w, const llm__coded_rows *x, int row, int i) {
    return x->bits == 8 ? exact8(w, x, row, i) : exact16(w, x, row, i);
}

/* w with its panels. */
static llm__matrix with_panels(const llm__ops *ops, const llm__matrix *w, block *panels) {
    const size_t count = (size_t)(w->rows + LLM__PANEL_ROWS - 1) / LLM__PANEL_ROWS, bytes = llm__panel_bytes(w);
    block scratch = block_open(llm__product_scratch(w), 0);
    llm__matrix ready = *w;
    size_t p;
    *panels = block_open(count * bytes, 64);
    for (p = 0; p < count; p++) ops->panel(w, (int)p * LLM__PANEL_ROWS, (uint8_t *)panels->at + p * bytes, scratch.at);
    ready.panels = (const uint8_t *)panels->at;
    block_close(&scratch);
    return ready;
}

/* With panels made beforehand, and rows of which some are left out. */
static void check_panels(const llm__ops *ops, const llm__matrix *ready, const llm__coded_rows *x,
                         const float *expected) {
    const int begin = random_below(ready->rows), end = begin + 1 + random_below(ready->rows - begin);
    block scratch = block_open(llm__product_scratch(ready), 0);
    block y = block_open((size_t)x->n * (size_t)ready->rows * 4, 4);
    int i, o;
    for (i = 0; i < x->n * ready->rows; i++) F(y)[i] = 42;
    ops->coded_product(ready, x, F(y), (size_t)ready->rows, begin, end, scratch.at);
    for (i = 0; i < x->n; i++)
        for (o = 0; o < ready->rows; o++)
            CHECK(F(y)[i * ready->rows + o] == (o >= begin && o < end ? expected[i * ready->rows + o] : 42));
    block_close(&scratch), block_close(&y);
}

/* How far codes may take a product: each activation and, in 16 bits, each weight is off by half a step of its group;
   paired, a step is the 127th part of two numbers. */
static double coding_error(const llm__coded_rows *x, const float *row) {
    const double most = x->paired ? 63.5 : x->bits == 8 ? 127 : 4095;
    double size = 1e-4, weight = 0;
    int c, k;
    for (c = 0; c < x->cols; c += x->group, weight = 0)
        for (k = c; k < c + x->group; k++) {
            size += fabs((double)row[k]) * 2.0 / most * 0.51;
            weight = fabs((double)row[k]) > weight ? fabs((double)row[k]) : weight;
            if (x->bits == 16 && k == c + x->group - 1) size += x->group * weight / 8191 * 1.01 * 0.51 * 2.0;
        }
    return size;
}

static void check_coded(const llm__ops *ops, const matrix *m, int n) {
    block panels;
    const llm__matrix ready = with_panels(ops, &m->w, &panels);
    const llm__matrix *w = m->w.format == LLM__FLOAT ? &ready : &m->w;
    const int rows = w->rows, cols = w->cols, cut = random_below(rows + 1), bits = llm__code_bits(w);
    const int group = llm__coded_group(w), paired = llm__coded_paired(w);
    block from = floats((size_t)n * (size_t)cols, 2.0f), scratch = block_open(llm__product_scratch(w), 0);
    block memory = block_open(llm__coded_bytes(n, cols, bits), 0);
    block memory1 = block_open(llm__coded_bytes(1, cols, bits), 0);
    block all = block_open((size_t)n * (size_t)rows * 4, 4), one = block_open((size_t)rows * 4, 4);
    block row = block_open((size_t)cols * 4, 4);
    llm__coded_rows x = llm__coded_place(memory.at, n, cols, bits, group, paired);
    llm__coded_rows x1 = llm__coded_place(memory1.at, 1, cols, bits, group, paired);
    int i, o;
    quantize(ops, &x, F(from), (size_t)cols, memory.at);
    ops->coded_product(w, &x, F(all), (size_t)rows, 0, rows, scratch.at);
    for (i = 0; i < n; i++) {
        quantize(ops, &x1, F(from) + i * cols, (size_t)cols, memory1.at);
        ops->coded_product(w, &x1, F(one), (size_t)rows, cut, rows, scratch.at);
        ops->coded_product(w, &x1, F(one), (size_t)rows, 0, cut, scratch.at);
        CHECK(!memcmp(one.at, all.at + (size_t)(i * rows) * 4, one.bytes));
        for (o = 0; o < rows; o++) CHECK(F(one)[o] == exact_coded(w, &x, o, i));
    }
    check_panels(ops, &ready, &x, F(all));
    /* and the whole is near the float product */
    for (i = 0; i < n && i < 2; i++) {
        ops->product(w, F(from) + i * cols, (size_t)cols, 1, F(one), (size_t)rows, 0, rows, scratch.at);
        for (o = 0; o < rows; o++) {
            llm__matrix_row(w, o, F(row));
            CHECK(fabs((double)F(one)[o] - (double)F(all)[i * rows + o]) <= coding_error(&x, F(row)));
        }
    }
    block_close(&from), block_close(&scratch), block_close(&memory), block_close(&memory1), block_close(&all);
    block_close(&one), block_close(&row), block_close(&panels);
}

static void test_products(const llm__ops *ops) {
    static const llm_dtype types[] = {LLM_F32, LLM_F16, LLM_BF16};
    static const int bits[] = {2, 3, 4, 5, 6, 8}, groups[] = {32, 64, 128};
    int t, b, g, round;
    matrix m;
    for (t = 0; t < 3; t++)
        for (round = 0; round < 12; round++) {
            m = matrix_open(LLM__FLOAT, types[t], 1 + random_below(13), 1 + random_below(90), 0, 0, round % 2);
            check_product(ops, &m, 1 + random_below(15));
            matrix_close(&m);
        }
    m = matrix_open(LLM__FLOAT, LLM_F16, 7, 3001, 0, 0, 1);
    check_product(ops, &m, 50);
    matrix_close(&m);
    for (t = 0; t < 3; t++)
        for (b = 0; b < 6; b++)
            for (g = 0; g < 3; g++) {
                m = matrix_open(LLM__AFFINE, types[t], 1 + random_below(40), groups[g] * (1 + random_below(5)), bits[b],
                                groups[g], g % 2);
                check_product(ops, &m, 1 + random_below(15));
                CHECK(llm__int8_able(&m.w));
                check_coded(ops, &m, 1);
                check_coded(ops, &m, 2 + random_below(20));
                matrix_close(&m);
            }
    m = matrix_open(LLM__AFFINE, LLM_F16, 9, 64 * 50, 4, 64, 0);
    check_coded(ops, &m, 130);
    matrix_close(&m);
    for (t = 1; t < 3; t++)
        for (round = 0; round < 8; round++) {
            m = matrix_open(LLM__FLOAT, types[t], 1 + random_below(40), 64 * (1 + random_below(5)), 0, 0, round % 2);
            CHECK(!llm__code_bits(&m.w) && llm__panel_able(&m.w));
            check_coded(ops, &m, 1 + random_below(round < 4 ? 3 : 20));
            matrix_close(&m);
        }
    m = matrix_open(LLM__FLOAT, LLM_BF16, 17, 64 * 40, 0, 0, 0);
    check_coded(ops, &m, 70);
    matrix_close(&m);
    m = matrix_open(LLM__FLOAT, LLM_F16, 3, 65, 0, 0, 0);
    CHECK(!llm__panel_able(&m.w));
    matrix_close(&m);
    for (round = 0; round < 8; round++) {
        m = matrix_open(LLM__FP8_BLOCK, LLM_F32, 30 + random_below(13), 1 + random_below(300), 8, 0, 0);
        check_product(ops, &m, 1 + random_below(6));
        matrix_close(&m);
        m = matrix_open(LLM__MXFP4, LLM_U8, 1 + random_below(9), 32 * (1 + random_below(9)), 4, 32, 0);
        check_product(ops, &m, 1 + random_below(6));
        matrix_close(&m);
        m = matrix_open(LLM__MXFP8, LLM_U8, 1 + random_below(9), 32 * (1 + random_below(9)), 8, 32, 1);
        check_product(ops, &m, 1 + random_below(6));
        matrix_close(&m);
        m = matrix_open(LLM__NVFP4, LLM_U8, 1 + random_below(9), 16 * (1 + random_below(9)), 4, 16, 0);
        check_product(ops, &m, 1 + random_below(6));
        matrix_close(&m);
    }
}

/* The largest codes and activations: nothing may saturate. */
static void test_extremes(const llm__ops *ops) {
    static const int bits[] = {2, 3, 4, 5, 6, 8}, groups[] = {32, 64, 128};
    int b, g, i, fill, n;
    for (b = 0; b < 6; b++)
        for (g = 0; g < 3; g++)
            for (fill = 0; fill < 2; fill++) {
                matrix m = matrix_open(LLM__AFFINE, LLM_F32, 5, groups[g] * 2, bits[b], groups[g], 0);
                block from = block_open((size_t)m.w.cols * 3 * 4, 4);
                block memory = block_open(llm__coded_bytes(3, m.w.cols, 8), 0);
                block y = block_open(5 * 3 * 4, 4), scratch = block_open(llm__product_scratch(&m.w), 0);
                llm__coded_rows x = llm__coded_place(memory.at, 3, m.w.cols, 8, llm__coded_group(&m.w),
                                                     llm__coded_paired(&m.w));
                uint8_t *tight = (uint8_t *)malloc(m.data.bytes); /* so that a sanitizer sees a read past a row */
                memset(tight, fill ? 255 : 0, m.data.bytes);
                m.w.data = tight;
                for (i = 0; i < m.w.cols * 3; i++)
                    F(from)[i] = i < m.w.cols ? 1e30f : i < m.w.cols * 2 ? -1e30f : (float)(i % 4 / 2);
                quantize(ops, &x, F(from), (size_t)m.w.cols, memory.at);
                for (n = 1; n <= 3; n += 2) {
                    x.n = n;
                    ops->coded_product(&m.w, &x, F(y), 5, 0, 5, scratch.at);
                    for (i = 0; i < 5 * n; i++) CHECK(F(y)[i] == exact8(&m.w, &x, i % 5, i / 5));
                }
                ops->decode_rows(&m.w, 4, 5, F(from), scratch.at);
                free(tight);
                matrix_close(&m);
                block_close(&from), block_close(&memory), block_close(&y), block_close(&scratch);
            }
}

/* The same for half floats; weights that are no numbers make products that are none, and nothing else does. */
static void test_extreme_floats(const llm__ops *ops) {
    static const uint16_t fills[] = {0x7bff, 0xfbff, 0x0001, 0x0000, 0x3c00}; /* 65504, -65504, 6e-8, 0, 1 */
    static const uint16_t strange[] = {0x7c00, 0xfc00, 0x7e00};              /* infinities, NaN */
    int f, i, k;
    for (f = 0; f < 8; f++) {
        matrix m = matrix_open(LLM__FLOAT, LLM_F16, 5, 128, 0, 0, 0);
        uint16_t *numbers = (uint16_t *)malloc(m.data.bytes); /* so that a sanitizer sees a read past a row */
        block from = block_open(128 * 3 * 4, 4), memory = block_open(llm__coded_bytes(3, 128, 16), 0), panels;
        block y = block_open(5 * 3 * 4, 4), scratch = block_open(llm__product_scratch(&m.w), 0);
        llm__coded_rows x = llm__coded_place(memory.at, 3, 128, 16, 64, 0);
        llm__matrix w;
        for (i = 0; i < 5 * 128; i++) numbers[i] = f < 5 ? fills[f] : (uint16_t)(0x3000 + random_below(2048));
        if (f >= 5) numbers[2 * 128 + random_below(128)] = strange[f - 5];
        m.w.data = (const uint8_t *)numbers;
        w = with_panels(ops, &m.w, &panels);
        for (k = 0; k < 128 * 3; k++) F(from)[k] = k < 128 ? 1e30f : k < 256 ? -1e30f : k % 2 ? 1e-3f : 0;
        quantize(ops, &x, F(from), 128, memory.at);
        ops->coded_product(&w, &x, F(y), 5, 0, 5, scratch.at);
        for (i = 0; i < 15; i++) {
            if (f >= 5 && i % 5 == 2) CHECK(F(y)[i] != F(y)[i]);
            else CHECK(F(y)[i] == exact16(&w, &x, i % 5, i / 5));
        }
        free(numbers);
        matrix_close(&m);
        block_close(&from), block_close(&memory), block_close(&y), block_close(&scratch), block_close(&panels);
    }
}

static void test_quantize(const llm__ops *ops, const llm__ops *plain) {
    static const float specials[] = {0.0f, -0.0f, 1e-38f, 1e-45f, 3e38f, -3e38f, 2e-30f, 127.5f, 0.5f};
    float x[128], scales[4], sums[4], scales2[4], sums2[4];
    int32_t totals[4], totals2[4];
    int16_t codes[128], codes2[128];
    const int8_t *bytes = (const int8_t *)codes;
    int round, i, group, bits, paired;
    for (round = 0; round < 900; round++) {
        group = round % 2 ? 32 : 64;
        bits = round < 600 ? 8 : 16;
        paired = round / 300 == 1;
        for (i = 0; i < 128; i++) x[i] = round % 3 ? random_float() : specials[random_below(9)];
        if (round % 300 > 280) x[random_below(128)] = round % 3 == 0 ? NAN : round % 3 == 1 ? INFINITY : -INFINITY;
        ops->quantize_row(x, 128, group, bits, paired, codes, scales, sums, totals);
        plain->quantize_row(x, 128, group, bits, paired, codes2, scales2, sums2, totals2);
        CHECK(!memcmp(codes, codes2, (size_t)(16 * bits)));
        for (i = 0; i < 128 / group; i++) {
            CHECK(scales[i] == scales2[i] || (scales[i] != scales[i] && scales2[i] != scales2[i]));
            if (bits == 16) continue;
            CHECK_EQ(totals[i], totals2[i]);
            CHECK(sums[i] == sums2[i] || (sums[i] != sums[i] && sums2[i] != sums2[i]));
        }
        for (i = 0; i < 128; i++) {
            float s = scales[i / group];
            const int place = i / 8 * 8 + i % 2 * 4 + i % 8 / 2, code = bits == 8 ? bytes[place] : codes[i];
            CHECK(abs(code) <= (bits == 8 ? 127 : 4095));
            if (paired) CHECK(abs(code) + abs(bytes[place ^ 1]) <= 128); /* they are added in 16 bits */
            /* the number is a float, with an error of its own, before it is rounded */
            if (s == s) CHECK(fabs((double)x[i] - (double)s * code) <= (double)s * (0.5 + abs(code) * 2e-7) + 1e-30);
        }
    }
}

/* ---- rows */

static double ulps(float got, double want) {
    float w = (float)want;
    int e;
    if (got != got || want != want) return got != got && want != want ? 0 : 1e9;
    if (isinf(got) || isinf(w)) return got == w ? 0 : fabs(want) > 3.402e38 && fabs((double)got) > 3.402e38 ? 1 : 1e9;
    frexp(want, &e);
    if (e < -125) e = -125;
    return fabs((double)got - want) / ldexp(1.0, e - 24);
}

static void test_exp(const llm__ops *ops) {
    static const float points[] = {0.0f, -0.0f, -INFINITY, INFINITY, NAN, 88.72f, 88.73f, 100.0f, 1e30f, -87.0f,
                                   -88.0f, -100.0f, -103.9f, -104.1f, -1e30f, 1e-40f, 1.0f, -1.0f};
    double worst = 0, u;
    float x[1], sum;
    int i;
    for (i = 0; i < 400000; i++) {
        float at = i < 18 ? points[i] : -104.0f + 193.0f * (float)i / 400000.0f;
        x[0] = at;
        sum = ops->exp_sum(x, 1, 0.0f);
        u = ulps(x[0], exp((double)at));
        if (u > worst) worst = u;
        CHECK(sum == x[0] || sum != sum);
    }
    printf("%s: exp within %.2f ulp\n", ops->name, worst);
    CHECK(worst <= 2.0);
}

static int near(float got, double want, double tolerance) {
    if (got != got || want != want) return got != got && want != want;
    return fabs((double)got - want) <= tolerance * (1e-30 + fabs(want)) + 1e-37;
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* What lies between two numbers, also with a NaN, which does not. */
static void test_within(const llm__ops *ops, const float *a, int n) {
    float x[300], y[300], best = -INFINITY;
    int32_t ids[300];
    int i, k = 0, wrong = 0, count;
    if (n > 300) return;
    for (i = 0; i < n; i++) x[i] = i % 5 == 4 ? NAN : a[i];
    for (i = 0; i < n; i++) best = x[i] >= -0.5f && x[i] <= 0.4f && x[i] > best ? x[i] : best;
    CHECK(ops->within(y, x, -0.5f, 0.4f, n) == best);
    count = ops->list(x, n, -0.5f, 0.4f, 7, ids);
    for (i = 0; i < n; i++) {
        wrong += y[i] != (x[i] >= -0.5f && x[i] <= 0.4f ? x[i] : -INFINITY);
        if (x[i] >= -0.5f && x[i] < 0.4f) wrong += k >= count || ids[k] != i + 7, k++;
    }
    CHECK(!wrong && k == count);
}

/* Sums of exp(by (x - best)), and of that times its logarithm, with numbers that count for nothing among them. */
static void test_exp_weigh(const llm__ops *ops, const float *a, int n, float best) {
    float x[300], weighed = 0;
    int i, round;
    if (n > 300) return;
    for (round = 0; round < 4; round++) {
        double by = round * 0.75, sum = 0, sums = 0, size = 0;
        for (i = 0; i < n; i++) x[i] = round < 3 ? a[i] : i % 3 ? a[i] : i % 2 ? NAN : i % 4 ? -INFINITY : -1e30f;
        for (i = 0; i < n; i++) {
            double d = by * ((double)x[i] - (double)best);
            if (!(d > -80)) continue;
            sum += exp(d);
            sums += d * exp(d);
            size -= d * exp(d);
        }
        CHECK(fabs((double)ops->exp_weigh(x, n, best, (float)by, NULL) - sum) <= 2e-6 * sum);
        CHECK(ops->exp_weigh(x, n, best, (float)by, &weighed) == ops->exp_weigh(x, n, best, (float)by, NULL));
        CHECK(fabs((double)weighed - sums) <= 4e-6 * size);
        for (sum = 0, i = 0; i < n; i++) sum += x[i] > -INFINITY;
        CHECK(ops->exp_weigh(x, n, 0, 0, NULL) == (float)sum);
    }
}

/* Pairs turned by angles of which the sines lie behind the cosines. */
static void test_rotate(const llm__ops *ops, const float *a, const float *b, int n) {
    float x[300], y[300], angles[600] = {0};
    int i;
    if (n > 300) return;
    for (i = 0; i < n; i++) {
        x[i] = a[i], y[i] = b[i];
        angles[i] = cosf((float)i), angles[n + i] = sinf((float)i);
    }
    ops->rotate(x, y, angles, 1.5f, n);
    for (i = 0; i < n; i++) {
        double cosine = (double)angles[i] * 1.5, sine = (double)angles[n + i] * 1.5;
        CHECK(fabs((double)x[i] - ((double)a[i] * cosine - (double)b[i] * sine)) <= 4e-6);
        CHECK(fabs((double)y[i] - ((double)a[i] * sine + (double)b[i] * cosine)) <= 4e-6);
    }
}

static void test_rows(const llm__ops *ops) {
    static const int sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 257};
    int s, i;
    for (s = 0; s < 16; s++) {
        const int n = sizes[s];
        block a = floats((size_t)n, 8.0f), b = floats((size_t)n, 3.0f), c = floats((size_t)n, 1.0f);
        block y = block_open((size_t)n * 4, 4);
        double sum = 0, size = 0, squares = 0, mean = 0, variance = 0, best = -INFINITY;
        float got;
        for (i = 0; i < n; i++) {
            sum += (double)F(a)[i] * (double)F(b)[i];
            size += fabs((double)F(a)[i] * (double)F(b)[i]);
            squares += (double)F(a)[i] * (double)F(a)[i];
            mean += (double)F(a)[i];
            if ((double)F(a)[i] > best) best = (double)F(a)[i];
        }
        mean /= n ? n : 1;
        for (i = 0; i < n; i++) variance += ((double)F(a)[i] - mean) * ((double)F(a)[i] - mean);
        CHECK(fabs((double)ops->dot(F(a), F(b), n) - sum) <= (double)bound(size, n));
        CHECK((double)ops->max(F(a), n) == best);
        test_within(ops, F(a), n);
        test_rotate(ops, F(a), F(b), n);
#define TRY(call, want, tolerance)                                               \
        memcpy(y.at, a.at, a.bytes);                                             \
        call;                                                                    \
        for (i = 0; i < n; i++) CHECK(near(F(y)[i], want, tolerance))
#define A ((double)F(a)[i])
#define B ((double)F(b)[i])
        TRY(ops->add(F(y), F(b), n), (double)(F(a)[i] + F(b)[i]), 0);
        TRY(ops->mul(F(y), F(b), n), (double)(F(a)[i] * F(b)[i]), 0);
        TRY(ops->scale(F(y), 0.3f, n), (double)(F(a)[i] * 0.3f), 0);
        TRY(ops->add_scaled(F(y), F(b), 0.25f, n), A + 0.25 * B, 1e-5);
        memcpy(y.at, a.at, a.bytes);
        ops->add_product(F(y), F(b), F(c), n);
        for (i = 0; i < n; i++) {
            double product = B * (double)F(c)[i];
            CHECK(fabs((double)F(y)[i] - (A + product)) <= 1e-6 * (fabs(A) + fabs(product)));
        }
        TRY(ops->silu(F(y), n), A * sigmoid(A), 1e-6);
        TRY(ops->silu_mul(F(y), F(b), n), A * sigmoid(A) * B, 1e-6);
        TRY(ops->sigmoid(F(y), n), sigmoid(A), 1e-6);
        TRY(ops->sigmoid_mul(F(y), F(b), n), A * sigmoid(B), 1e-6);
#define GELU_TANH(x) ((x) * sigmoid(2 * 0.7978845608028654 * ((x) + 0.044715 * (x) * (x) * (x))))
        TRY(ops->gelu_tanh(F(y), n), GELU_TANH(A), 3e-5);
        TRY(ops->gelu_tanh_mul(F(y), F(b), n), GELU_TANH(A) * B, 3e-5);
        for (i = 0; i < n; i++) {
            memcpy(y.at, a.at, a.bytes);
            ops->gelu(F(y), n);
            CHECK(fabs((double)F(y)[i] - 0.5 * A * (1 + erf(A * 0.70710678118654752))) < 1e-6);
            ops->gelu_mul(F(c), F(b), 0);
        }
        TRY(ops->rms_norm(F(y), F(y), F(b), 1e-5f, n), A / sqrt(squares / n + 1e-5) * B, 2e-6);
        TRY(ops->rms_norm(F(y), F(a), NULL, 1e-5f, n), A / sqrt(squares / n + 1e-5), 2e-6);
        memcpy(y.at, a.at, a.bytes);
        ops->layer_norm(F(y), F(y), F(b), F(c), 1e-5f, n);
        for (i = 0; i < n; i++)
            CHECK(fabs((double)F(y)[i] - ((A - mean) / sqrt(variance / n + 1e-5) * B + (double)F(c)[i])) < 2e-5);
        memcpy(y.at, a.at, a.bytes);
        got = ops->exp_sum(F(y), n, (float)best);
        for (sum = 0, i = 0; i < n; i++) sum += exp(A - best);
        CHECK(n == 0 ? got == 0.0f : near(got, sum, 1e-5));
        test_exp_weigh(ops, F(a), n, n ? (float)best : 0);
        for (i = 0; i < n; i++) CHECK(near(F(y)[i], exp((double)(F(a)[i] - (float)best)), 3e-7));
        TRY(ops->softmax(F(y), n), exp(A - best) / sum, 1e-5);
        for (i = 0; i < n; i++) F(y)[i] = -INFINITY;
        ops->softmax(F(y), n);
        for (i = 0; i < n; i++) CHECK(F(y)[i] == 0.0f);
        block_close(&a), block_close(&b), block_close(&c), block_close(&y);
    }
}

/* A number gets the same bits wherever it stands in a row. */
static void test_places(const llm__ops *ops) {
    float x[40], y[40], z[1];
    int i;
    for (i = 0; i < 40; i++) x[i] = y[i] = random_float() * 20.0f;
    x[3] = y[3] = NAN;
    x[9] = y[9] = -INFINITY;
    x[17] = y[17] = INFINITY;
    x[38] = y[38] = 1e-41f;
    ops->silu(y, 39);
    for (i = 0; i < 39; i++) {
        z[0] = x[i];
        ops->silu(z, 1);
        CHECK(!memcmp(z, y + i, 4) || (z[0] != z[0] && y[i] != y[i]));
    }
    CHECK(y[39] == x[39]);
}

static void test_conversions(const llm__ops *ops) {
    static const llm_dtype types[] = {LLM_F16, LLM_BF16};
    block half = block_open(65536 * 4, 1), back = block_open(65536 * 4, 1);
    block a = block_open(65536 * 4, 4), b = block_open(65536 * 4, 4);
    uint32_t i;
    int t, bad;
    for (i = 0; i < 65536; i++) {
        uint16_t h = (uint16_t)i;
        memcpy(half.at + 2 * i, &h, 2);
    }
    for (t = 0; t < 2; t++) {
        ops->to_f32(types[t], half.at, 65535, F(a));
        llm__to_f32(types[t], half.at, 65535, F(b));
        for (bad = 0, i = 0; i < 65535; i++)
            bad += F(a)[i] != F(b)[i] && !(F(a)[i] != F(a)[i] && F(b)[i] != F(b)[i]);
        CHECK(bad == 0);
        for (i = 0; i < 65536; i++) {
            uint32_t bits = random_bits();
            if (types[t] == LLM_F16 && i % 2) bits = (bits & 0x87ffffff) | 0x38000000; /* where halves live */
            if (i % 8 > 4) bits = (bits & 0xffff0000) | 0x8000;                /* ties of bf16 */
            if (i % 8 < 2) bits = (bits & 0xffffe000) | 0x1000;                /* and of f16 */
            memcpy(a.at + 4 * i, &bits, 4);
            if (F(a)[i] != F(a)[i]) F(a)[i] = 1.0f;
        }
        F(a)[5] = INFINITY, F(a)[6] = -INFINITY, F(a)[7] = 65519.0f, F(a)[8] = 65520.0f, F(a)[9] = 3.4e38f;
        ops->from_f32(types[t], F(a), 65535, half.at);
        llm__from_f32(types[t], F(a), 65535, back.at);
        CHECK(!memcmp(half.at, back.at, 65535 * 2));
        for (i = 0; i < 65536; i++) {
            uint16_t h = (uint16_t)i;
            memcpy(half.at + 2 * i, &h, 2);
        }
    }
    F(a)[0] = NAN;
    ops->from_f32(LLM_BF16, F(a), 16, half.at);
    ops->to_f32(LLM_BF16, half.at, 16, F(b));
    CHECK(F(b)[0] != F(b)[0]);
    block_close(&half), block_close(&back), block_close(&a), block_close(&b);
}

/* Every code of the small floats, special ones included. */
static void test_codes(const llm__ops *ops) {
    uint8_t codes[256], factors[16];
    float out[256], want[256], scratch[16384];
    llm__matrix w;
    int i, bad = 0;
    memset(&w, 0, sizeof w);
    memset(factors, 130, sizeof factors);
    for (i = 0; i < 256; i++) codes[i] = (uint8_t)i;
    w.rows = 1, w.cols = 256, w.data = codes, w.scales = factors;
    for (w.format = LLM__MXFP4; w.format <= LLM__NVFP4; w.format = (llm__format)(w.format + 1)) {
        for (i = 0; i < 16; i++) factors[i] = (uint8_t)(w.format == LLM__NVFP4 ? 17 * i : i % 8 ? 118 + i : i * 31);
        llm__matrix_row(&w, 0, want);
        ops->decode_rows(&w, 0, 1, out, scratch);
        for (i = 0; i < 256; i++) bad += memcmp(out + i, want + i, 4) && !(out[i] != out[i] && want[i] != want[i]);
    }
    CHECK(bad == 0);
}

static void test_attention(const llm__ops *ops) {
    int round;
    for (round = 0; round < 30; round++) {
        const int rows = 1 + random_below(8), keys = 1 + random_below(20), width = 1 + random_below(130);
        block q = floats((size_t)(rows * width), 1.0f), k = floats((size_t)(keys * width), 1.0f);
        block out = block_open((size_t)(rows * keys) * 4, 4), p = floats((size_t)(rows * keys), 1.0f);
        block o = floats((size_t)(rows * width), 1.0f), o2 = block_open((size_t)(rows * width) * 4, 4);
        int i, j, c;
        ops->scores(F(q), rows, (size_t)width, F(k), keys, (size_t)width, width, 0.5f, F(out), (size_t)keys);
        for (i = 0; i < rows; i++)
            for (j = 0; j < keys; j++) {
                double sum = 0;
                float one;
                for (c = 0; c < width; c++) sum += (double)F(q)[i * width + c] * (double)F(k)[j * width + c];
                CHECK(fabs((double)F(out)[i * keys + j] - 0.5 * sum) < (double)bound(width, width));
                ops->scores(F(q) + i * width, 1, 0, F(k) + j * width, 1, 0, width, 0.5f, &one, 0);
                CHECK(one == F(out)[i * keys + j]);
            }
        memcpy(o2.at, o.at, o.bytes);
        ops->weigh(F(o), (size_t)width, F(p), (size_t)keys, rows, LLM_F32, k.at, keys, (size_t)width * 4, width, 0,
                   q.at, q.bytes);
        for (i = 0; i < rows; i++)
            for (c = 0; c < width; c++) {
                double sum = (double)F(o2)[i * width + c];
                for (j = 0; j < keys; j++) sum += (double)F(p)[i * keys + j] * (double)F(k)[j * width + c];
                CHECK(fabs((double)F(o)[i * width + c] - sum) < (double)bound(keys + 1, keys));
            }
        for (i = 0; i < rows; i++)
            for (j = 0; j < keys; j++)
                ops->weigh(F(o2) + i * width, 0, F(p) + i * keys + j, 0, 1, LLM_F32, (uint8_t *)(F(k) + j * width), 1,
                           0, width, 0, NULL, 0);
        CHECK(!memcmp(o.at, o2.at, o.bytes));
        block_close(&q), block_close(&k), block_close(&out), block_close(&p), block_close(&o), block_close(&o2);
    }
}

/* Rows as a cache has them, and what they are as float32. */
typedef struct stored {
    llm_rows rows;
    block data, scales, biases, numbers;
} stored;

static stored stored_open(int keys, int groups, int group, llm_dtype dtype, int bits) {
    const size_t n = (size_t)(keys * groups * group);
    stored s;
    size_t i;
    memset(&s, 0, sizeof s);
    s.rows.width = groups * group;
    s.rows.dtype = dtype;
    s.rows.bits = bits;
    s.rows.group = group;
    s.rows.group_stride = (size_t)groups;
    s.rows.stride = (size_t)s.rows.width * (bits ? 1 : llm__dtype_bytes(dtype));
    s.numbers = floats(n, 2.0f);
    s.data = block_open((size_t)keys * s.rows.stride, dtype == LLM_F32 && !bits ? 4 : 2);
    s.scales = floats((size_t)(keys * groups), 0.1f);
    s.biases = floats((size_t)(keys * groups), 3.0f);
    s.rows.data = s.data.at;
    s.rows.scales = F(s.scales), s.rows.biases = F(s.biases);
    if (bits) fill_bytes(&s.data, 1);
    else llm__from_f32(dtype, F(s.numbers), n, s.data.at);
    if (!bits) llm__to_f32(dtype, s.data.at, n, F(s.numbers));
    for (i = 0; i < n && bits; i++)
        F(s.numbers)[i] = F(s.scales)[i / (size_t)group] * (float)s.data.at[i] + F(s.biases)[i / (size_t)group];
    return s;
}

static void stored_close(stored *s) {
    block_close(&s->numbers), block_close(&s->data), block_close(&s->scales), block_close(&s->biases);
}

/* Keys by columns: each number, or pair of codes, in its lane. */
static void test_turn(const llm__ops *ops) {
    static const llm_dtype types[] = {LLM_F32, LLM_F16, LLM_BF16, LLM_F32};
    int round;
    for (round = 0; round < 40; round++) {
        const int bits = round % 4 == 3 ? 8 : 0, width = bits ? 32 * (1 + random_below(5)) : 1 + random_below(100);
        const int begin = random_below(LLM_PAGE_TOKENS), end = begin + 1 + random_below(LLM_PAGE_TOKENS - begin);
        stored s = stored_open(LLM_PAGE_TOKENS, bits ? width / 32 : 1, bits ? 32 : width, types[round % 4], bits);
        const size_t size = bits ? 2 : llm__dtype_bytes(types[round % 4]), units = (size_t)width / (bits ? 2 : 1);
        block panels = block_open(LLM__PAGE_LANES * units * size, 0);
        int r, bad = 0;
        size_t c;
        ops->turn(&s.rows, begin, end, panels.at);
        for (r = begin; r < end; r++)
            for (c = 0; c < units; c++)
                bad += memcmp(panels.at + (((size_t)(r / LLM__KEY_LANES) * units + c) * LLM__KEY_LANES +
                                           (size_t)(r % LLM__KEY_LANES)) * size,
                              s.data.at + (size_t)r * s.rows.stride + c * size, size) != 0;
        CHECK(bad == 0);
        block_close(&panels), stored_close(&s);
    }
}

/* Half floats give the bits of the float32 that they are. */
static void test_stored_attention(const llm__ops *ops) {
    static const llm_dtype types[] = {LLM_F32, LLM_F16, LLM_BF16};
    int round;
    for (round = 0; round < 60; round++) {
        const int rows = 1 + random_below(9), keys = 1 + random_below(round % 5 ? 20 : 150);
        const int width = 1 + random_below(130), few = 1 + random_below(width);
        stored s = stored_open(keys, 1, width, types[round % 3], 0);
        block p = floats((size_t)(rows * keys), 1.0f), o = floats((size_t)(rows * width), 1.0f);
        block o2 = block_open(o.bytes, 4), o3 = block_open(o.bytes, 4);
        int i, fresh = round % 4 == 3;
        memcpy(o2.at, o.at, o.bytes), memcpy(o3.at, o.at, o.bytes);
        ops->weigh(F(o2), (size_t)width, F(p), (size_t)keys, rows, LLM_F32, s.numbers.at, keys, (size_t)width * 4, few,
                   fresh, NULL, 0);
        ops->weigh(F(o), (size_t)width, F(p), (size_t)keys, rows, types[round % 3], s.data.at, keys, s.rows.stride, few,
                   fresh, p.at, p.bytes);
        CHECK(!memcmp(o.at, o2.at, o.bytes));
        for (i = 0; i < rows; i++) {
            if (fresh) memset(F(o3) + i * width, 0, (size_t)few * sizeof(float));
            ops->weigh(F(o3) + i * width, 0, F(p) + i * keys, 0, 1, types[round % 3], s.data.at, keys, s.rows.stride,
                       few, 0, NULL, 0);
        }
        CHECK(!memcmp(o.at, o3.at, o.bytes));
        block_close(&p), block_close(&o), block_close(&o2), block_close(&o3), stored_close(&s);
    }
}

enum { MOST_QUERIES = 9, MOST_GROUPS = 3, MOST_WIDTH = 128 * MOST_GROUPS };

/* Scores of codes against what the 16-bit queries are, in doubles; the same bits for each query and key alone. */
static void check_scores(const llm__ops *ops, const stored *s, int rows, int begin, int end) {
    static int16_t codes[MOST_QUERIES * MOST_WIDTH];
    static float factors[MOST_QUERIES * 2 * MOST_WIDTH / 32];
    const int width = s->rows.width, group = s->rows.group, groups = width / group;
    block q = floats((size_t)(rows * width), 1.0f), panels = block_open(LLM__PAGE_LANES * (size_t)width, 0);
    block out = block_open((size_t)rows * LLM__PAGE_LANES * 4, 4), one = block_open(LLM__PAGE_LANES * 4, 4);
    llm__queries16 all;
    int i, j, c;
    all.rows = rows, all.codes = codes, all.factors = factors;
    for (i = 0; i < rows * groups; i++) {
        double sum = 0;
        factors[2 * i] = ops->round16(F(q) + i * group, group, codes + i * group, &factors[2 * i + 1]);
        for (c = i * group; c < (i + 1) * group; c++) {
            sum += (double)F(q)[c];
            /* half a step and three roundings of 32767 */
            CHECK(fabsf(F(q)[c] - factors[2 * i] * (float)codes[c]) <= factors[2 * i] * 0.51f);
        }
        CHECK(fabs(sum - (double)factors[2 * i + 1]) < (double)bound(group, group));
    }
    ops->turn(&s->rows, begin, end, panels.at);
    ops->scores_codes(F(out), LLM__PAGE_LANES, &all, &s->rows, panels.at, begin, end);
    for (i = 0; i < rows; i++)
        for (j = begin; j < end; j++) {
            llm__queries16 single;
            double sum = 0;
            float got = F(out)[i * LLM__PAGE_LANES + j];
            for (c = 0; c < width; c++)
                sum += (double)F(q)[i * width + c] * (double)F(s->numbers)[j * width + c];
            CHECK(fabs((double)got - sum) < (double)bound(width, width) * 30 + (double)width * 30 / 32767);
            single.rows = 1, single.codes = codes + i * width, single.factors = factors + 2 * i * groups;
            ops->scores_codes(F(one), LLM__PAGE_LANES, &single, &s->rows, panels.at, j, j + 1);
            CHECK(F(one)[j] == got);
        }
    block_close(&q), block_close(&panels), block_close(&out), block_close(&one);
}

/* Weights, of a run of tokens for each row, times codes. */
static void check_weigh(const llm__ops *ops, const stored *s, int rows, int begin, int end) {
    const int width = s->rows.width, few = s->rows.group * (1 + random_below(width / s->rows.group)) - random_below(9);
    block p = floats((size_t)rows * LLM__PAGE_LANES, 1.0f), o = floats((size_t)(rows * width), 1.0f);
    block o2 = block_open(o.bytes, 4), o3 = block_open(o.bytes, 4);
    block scratch = block_open(LLM__PAGE_LANES * (size_t)width, 0);
    int runs[2 * MOST_QUERIES], i, j, c;
    memcpy(o2.at, o.at, o.bytes), memcpy(o3.at, o.at, o.bytes);
    for (i = 0; i < rows; i++) {
        runs[2 * i] = begin + random_below(end - begin);
        runs[2 * i + 1] = runs[2 * i] + random_below(end - runs[2 * i] + 1);
    }
    ops->weigh_codes(F(o), (size_t)width, F(p), LLM__PAGE_LANES, runs, rows, &s->rows, begin, end, few, scratch.at);
    for (i = 0; i < rows; i++) {
        const int from = runs[2 * i], to = runs[2 * i + 1] > from ? runs[2 * i + 1] : from + 1;
        ops->weigh_codes(F(o3) + i * width, 0, F(p) + i * LLM__PAGE_LANES, 0, runs + 2 * i, 1, &s->rows, from, to, few,
                         scratch.at);
        for (c = 0; c < width; c++) {
            double sum = (double)F(o2)[i * width + c];
            for (j = runs[2 * i]; j < runs[2 * i + 1] && c < few; j++)
                sum += (double)F(p)[i * LLM__PAGE_LANES + j] * (double)F(s->numbers)[j * width + c];
            CHECK(fabs((double)F(o)[i * width + c] - sum) <
                  (double)bound(end - begin + 1, end - begin) * 30 + (double)(end - begin) * 26 / 32767);
        }
    }
    CHECK(!memcmp(o.at, o3.at, o.bytes));
    block_close(&p), block_close(&o), block_close(&o2), block_close(&o3), block_close(&scratch);
}

static void test_attention_codes(const llm__ops *ops) {
    int round;
    for (round = 0; round < 24; round++) {
        const int group = 32 << random_below(3), groups = 1 + random_below(MOST_GROUPS);
        const int rows = 1 + random_below(MOST_QUERIES), begin = round % 3 ? random_below(LLM_PAGE_TOKENS) : 0;
        const int end = round % 3 ? begin + 1 + random_below(LLM_PAGE_TOKENS - begin) : LLM_PAGE_TOKENS;
        stored s = stored_open(LLM_PAGE_TOKENS, groups, group, LLM_F32, 8);
        check_scores(ops, &s, rows, begin, end);
        check_weigh(ops, &s, rows, begin, end);
        stored_close(&s);
    }
}

/* Steps of an online softmax against doubles; each row alone gives the same bits; what is masked weighs nothing. */
static void test_soften(const llm__ops *ops) {
    int round, step, i, j;
    for (round = 0; round < 40; round++) {
        const int rows = 1 + random_below(MOST_QUERIES);
        float together[2 * MOST_QUERIES], alone[2 * MOST_QUERIES], shrink[MOST_QUERIES], one;
        double sums[MOST_QUERIES] = {0};
        for (i = 0; i < rows; i++) {
            together[2 * i] = alone[2 * i] = -INFINITY;
            together[2 * i + 1] = alone[2 * i + 1] = 0;
        }
        for (step = 0; step < 3; step++) {
            const int begin = random_below(LLM_PAGE_TOKENS), end = begin + 1 + random_below(LLM_PAGE_TOKENS - begin);
            block from = floats((size_t)rows * LLM__PAGE_LANES, round % 4 ? 8.0f : 300.0f);
            block x = block_open(from.bytes, 4), y = block_open(from.bytes, 4);
            for (i = 0; i < rows && round % 5 == 0; i++)
                for (j = 0; j < LLM__PAGE_LANES; j += 1 + i) F(from)[i * LLM__PAGE_LANES + j] = -INFINITY;
            memcpy(x.at, from.at, x.bytes), memcpy(y.at, from.at, y.bytes);
            ops->soften(F(x), LLM__PAGE_LANES, rows, begin, end, together, shrink);
            for (i = 0; i < rows; i++) {
                const float *row = F(x) + i * LLM__PAGE_LANES, old = alone[2 * i];
                ops->soften(F(y) + i * LLM__PAGE_LANES, 0, 1, begin, end, alone + 2 * i, &one);
                CHECK(one == shrink[i]);
                if (alone[2 * i] > old) sums[i] *= exp((double)old - (double)alone[2 * i]);
                for (j = begin; j < end; j++) {
                    const float number = F(from)[i * LLM__PAGE_LANES + j], below = number - alone[2 * i];
                    const double want = number == -INFINITY ? 0 : exp((double)below); /* the difference is rounded */
                    CHECK(fabs((double)row[j] - want) <= 3e-7 * want + 1e-37);
                    sums[i] += want;
                }
                CHECK(fabs(sums[i] - (double)alone[2 * i + 1]) <= 1e-5 * sums[i]);
            }
            CHECK(!memcmp(x.at, y.at, x.bytes) && !memcmp(together, alone, (size_t)rows * 2 * sizeof(float)));
            block_close(&from), block_close(&x), block_close(&y);
        }
    }
}

static void test_unpack(const llm__ops *ops) {
    static const int widths[] = {2, 3, 4, 5, 6, 8};
    int round;
    for (round = 0; round < 60; round++) {
        const int bits = widths[round % 6];
        const size_t n = 32 * (size_t)(1 + random_below(40));
        block codes = block_open(n * (size_t)bits / 8, 3), out = block_open(n, 1), want = block_open(n, 2);
        fill_bytes(&codes, 1);
        ops->unpack(codes.at, n, bits, out.at);
        llm__affine_unpack(codes.at, n, bits, want.at);
        CHECK(!memcmp(out.at, want.at, n));
        block_close(&codes), block_close(&out), block_close(&want);
    }
}

/* ---- recurrences: a run of tokens is held against the equation in doubles, and to the bit against runs that cut it */

enum { MOST_ROWS = 41, MOST_COLS = 75 };

typedef enum recurrence { SSD, DELTA, DELTA_COLUMNS, FADING, SCAN, RWKV, RECURRENCES } recurrence;

/* What the tokens bring: in[i] is [tokens, cols] of numbers within 1, or [tokens, rows] for v and y. */
typedef struct tokens {
    recurrence kind;
    int rows, cols;
    size_t stride; /* of all that is in */
    block in[5], v, decay, beta, y;
} tokens;

static void run_tokens(const llm__ops *ops, const tokens *s, int first, int count, const float *from, float *to) {
    const size_t at = (size_t)first * s->stride;
    llm__ssd_run ssd;
    llm__delta_run delta;
    llm__fading_run fading;
    llm__scan_run scan;
    llm__rwkv_run rwkv;
    float *y = F(s->y) + at;
    switch (s->kind) {
    case SSD:
        ssd.tokens = count, ssd.rows = s->rows, ssd.cols = s->cols;
        ssd.x = F(s->v) + at, ssd.b = F(s->in[0]) + at, ssd.c = F(s->in[1]) + at, ssd.decay = F(s->decay) + first;
        ssd.y = y, ssd.x_stride = ssd.b_stride = ssd.y_stride = s->stride;
        ops->ssd_run(&ssd, from, to);
        break;
    case DELTA:
    case DELTA_COLUMNS:
        delta.tokens = count, delta.rows = s->rows, delta.cols = s->cols, delta.columns = s->kind == DELTA_COLUMNS;
        delta.k = F(s->in[0]) + at, delta.q = F(s->in[1]) + at, delta.v = F(s->v) + at;
        delta.decay = F(s->decay) + first * (delta.columns ? s->cols : 1), delta.beta = F(s->beta) + first;
        delta.y = y, delta.k_stride = delta.v_stride = delta.y_stride = s->stride;
        ops->delta_run(&delta, from, to);
        break;
    case FADING:
        fading.tokens = count, fading.rows = s->rows, fading.cols = s->cols, fading.decay = 0.9f;
        fading.k = F(s->v) + at, fading.q = F(s->in[0]) + at, fading.v = F(s->in[1]) + at;
        fading.y = y, fading.stride = s->stride;
        ops->fading_run(&fading, from, to);
        break;
    case SCAN:
        scan.tokens = count, scan.cols = s->cols, scan.a = F(s->in[2]), scan.dt = F(s->decay) + first;
        scan.x = F(s->beta) + first, scan.b = F(s->in[0]) + at, scan.c = F(s->in[1]) + at;
        scan.y = F(s->y) + first, scan.b_stride = s->stride;
        ops->scan_run(&scan, from, to);
        break;
    default:
        rwkv.tokens = count, rwkv.cols = s->cols, rwkv.w = F(s->in[0]) + at, rwkv.l = F(s->in[1]) + at;
        rwkv.a = F(s->in[2]) + at, rwkv.k = F(s->in[3]) + at, rwkv.r = F(s->in[4]) + at, rwkv.v = F(s->v) + at;
        rwkv.y = F(s->y) + first * s->cols, rwkv.stride = s->stride;
        ops->rwkv_run(&rwkv, from, to);
    }
}

/* A row of the state by one token, in doubles; returns what y gets of it, where y is S times something. */
static double token_row(const tokens *s, int t, int row, double *numbers) {
    const size_t at = (size_t)t * s->stride;
    const float *a = F(s->in[0]) + at, *b = F(s->in[1]) + at, *v = F(s->v) + at;
    double seen = 0, y = 0, decay = (double)F(s->decay)[t];
    int c;
    for (c = 0; c < s->cols; c++) {
        if (s->kind == DELTA_COLUMNS) decay = (double)F(s->decay)[t * s->cols + c];
        if (s->kind == FADING) decay = (double)0.9f;
        if (s->kind == SCAN) decay = exp((double)F(s->decay)[t] * (double)F(s->in[2])[c]);
        if (s->kind == RWKV) seen += numbers[c] * (double)b[c], decay = (double)a[c];
        numbers[c] *= decay;
        if (s->kind == DELTA || s->kind == DELTA_COLUMNS) seen += numbers[c] * (double)a[c];
    }
    for (c = 0; c < s->cols; c++) {
        if (s->kind == SSD) numbers[c] += (double)v[row] * (double)a[c];
        else if (s->kind == FADING) numbers[c] += (double)v[row] * (double)b[c];
        else if (s->kind == SCAN) numbers[c] += (double)F(s->beta)[t] * (double)a[c];
        else if (s->kind == RWKV)
            numbers[c] += (double)v[row] * (double)F(s->in[3])[at + (size_t)c] -
                          seen * (double)F(s->in[2])[at + (size_t)c];
        else numbers[c] += ((double)v[row] - seen) * (double)F(s->beta)[t] * (double)a[c];
        y += numbers[c] * (double)(s->kind == RWKV ? F(s->in[4]) + at : b)[c];
    }
    return y;
}

static void check_equation(const tokens *s, int count, const float *from, const float *to) {
    static double numbers[MOST_ROWS * MOST_COLS];
    int t, row, c, bad = 0;
    for (c = 0; c < s->rows * s->cols; c++) numbers[c] = (double)from[c];
    for (t = 0; t < count; t++) {
        const size_t y_stride = s->kind == SCAN ? 1 : s->kind == RWKV ? (size_t)s->cols : s->stride;
        const float *y = F(s->y) + (size_t)t * y_stride;
        double sums[MOST_COLS] = {0};
        for (row = 0; row < s->rows; row++) {
            double got = token_row(s, t, row, numbers + row * s->cols);
            if (s->kind != FADING) bad += fabs(got - (double)y[row]) > 2e-4;
            for (c = 0; c < s->cols; c++)
                sums[c] += numbers[row * s->cols + c] * (double)F(s->in[0])[(size_t)t * s->stride + (size_t)row];
        }
        for (c = 0; s->kind == FADING && c < s->cols; c++) bad += fabs(sums[c] - (double)y[c]) > 2e-4;
    }
    for (c = 0; c < s->rows * s->cols; c++) bad += fabs(numbers[c] - (double)to[c]) > 2e-5;
    CHECK(bad == 0);
}

static void check_recurrence(const llm__ops *ops, recurrence kind) {
    const int count = 1 + random_below(LLM__RUN);
    block from, to, again, y;
    tokens s;
    int i, t, n;
    s.kind = kind;
    s.cols = 1 + random_below(MOST_COLS);
    s.rows = kind == SCAN ? 1 : kind == RWKV ? s.cols : 1 + random_below(MOST_ROWS);
    if (s.rows > MOST_ROWS) s.rows = s.cols = MOST_ROWS;
    s.stride = (size_t)(s.rows > s.cols ? s.rows : s.cols) + (size_t)random_below(5);
    for (i = 0; i < 5; i++) s.in[i] = floats(LLM__RUN * s.stride, 0.2f);
    s.v = floats(LLM__RUN * s.stride, 1.0f);
    s.decay = floats((size_t)(LLM__RUN * s.cols), 1.0f);
    s.beta = floats(LLM__RUN, 1.0f);
    s.y = block_open(LLM__RUN * s.stride * 4, 4);
    from = floats((size_t)(s.rows * s.cols), 1.0f);
    to = block_open(from.bytes, 4), again = block_open(from.bytes, 4), y = block_open(s.y.bytes, 4);
    run_tokens(ops, &s, 0, count, F(from), F(to));
    check_equation(&s, count, F(from), F(to));
    memcpy(y.at, s.y.at, y.bytes);
    memcpy(again.at, from.at, from.bytes);
    for (t = 0; t < count; t += n) {
        n = 1 + random_below(3);
        if (n > count - t) n = count - t;
        run_tokens(ops, &s, t, n, F(again), F(again));
    }
    CHECK(!memcmp(again.at, to.at, to.bytes));
    CHECK(!memcmp(y.at, s.y.at, y.bytes));
    for (i = 0; i < 5; i++) block_close(&s.in[i]);
    block_close(&s.v), block_close(&s.decay), block_close(&s.beta), block_close(&s.y);
    block_close(&from), block_close(&to), block_close(&again), block_close(&y);
}

static void test_recurrences(const llm__ops *ops) {
    int round, kind;
    for (round = 0; round < 40; round++)
        for (kind = 0; kind < RECURRENCES; kind++) check_recurrence(ops, (recurrence)kind);
}

/* ---- fixtures of quantized weights: the decode gives mlx's numbers */

static const uint8_t *fixture_tensor(const uint8_t *file, size_t bytes, const char *name) {
    char key[64];
    size_t begin = 0, i;
    uint64_t header = 0;
    const char *at, *text = (const char *)file + 8;
    for (i = 0; i < 8; i++) header |= (uint64_t)file[i] << (8 * i);
    sprintf(key, "\"%s\":{\"data_offsets\":[", name);
    for (at = text; at + strlen(key) < text + header && strncmp(at, key, strlen(key)); at++) {}
    if (at + strlen(key) >= text + header) return NULL;
    for (at += strlen(key); *at >= '0' && *at <= '9'; at++) begin = begin * 10 + (size_t)(*at - '0');
    return begin < bytes ? file + 8 + header + begin : NULL;
}

static int test_fixture(const char *folder, const char *format, int bits, int group) {
    static uint8_t file[65536];
    static float row[256];
    char path[512];
    const uint8_t *output, *packed;
    llm__matrix w;
    FILE *f;
    size_t bytes, n;
    int r;
    block scratch;
    snprintf(path, sizeof path, "%s/%s-%d-%d.safetensors", folder, format, bits, group);
    f = fopen(path, "rb");
    if (!f) return 0;
    bytes = fread(file, 1, sizeof file, f);
    fclose(f);
    memset(&w, 0, sizeof w);
    w.format = format[0] == 'a' ? LLM__AFFINE : format[0] == 'n' ? LLM__NVFP4 : bits == 8 ? LLM__MXFP8 : LLM__MXFP4;
    w.rows = 7, w.cols = 256, w.bits = bits, w.group = group;
    packed = fixture_tensor(file, bytes, "packed");
    output = fixture_tensor(file, bytes, "output");
    w.data = packed;
    w.row_bytes = (size_t)(256 * bits / 8);
    w.scales = fixture_tensor(file, bytes, "scales");
    w.biases = fixture_tensor(file, bytes, "biases");
    w.scale_row_bytes = (size_t)(256 / group * (w.format == LLM__AFFINE ? 4 : 1));
    CHECK(packed && output && w.scales && (w.biases || w.format != LLM__AFFINE));
    if (!packed || !output || !w.scales || (!w.biases && w.format == LLM__AFFINE)) return 1;
    scratch = block_open(llm__product_scratch(&w), 0);
    for (r = 0; r < 7; r++) {
        const llm__ops *ops;
        float want[256];
        int i;
        memcpy(want, output + (size_t)r * sizeof want, sizeof want);
        llm__matrix_row(&w, r, row);
        if (w.format == LLM__AFFINE) CHECK(same_decode(&w, want, row));
        else for (i = 0; i < 256; i++) CHECK(want[i] == row[i]);
        for (n = 0; (ops = llm__ops_at(n)) != NULL; n++) {
            ops->decode_rows(&w, r, r + 1, want, scratch.at);
            CHECK(same_decode(&w, want, row));
        }
    }
    block_close(&scratch);
    return 1;
}

/* A table has every slot of its own, or, built on another, its int8 product and all else from there. */
static void test_coverage(const llm__ops *ops) {
    const char *name;
    size_t n;
    printf("%s: ", ops->name);
    if (ops->base) printf("of its own, on %s:", ops->base->name);
    else printf("a set of its own");
    for (n = 0; (name = llm__slot_name(n)) != NULL; n++) {
        CHECK(llm__slot_own(ops, n) == (!ops->base || !strcmp(name, "coded_product")));
        if (ops->base && llm__slot_own(ops, n)) printf(" %s", name);
    }
    printf("\n");
    CHECK(n * sizeof(void (*)(void)) == offsetof(llm__ops, name)); /* none is forgotten */
    CHECK(!ops->base || !ops->base->base);
}

int main(int argc, char **argv) {
    static const int bits[] = {2, 3, 4, 5, 6, 8}, groups[] = {32, 64, 128};
    const char *only = argc > 2 && !strcmp(argv[1], "--isa") ? argv[2] : NULL;
    const char *folder = argc > (only ? 3 : 1) ? argv[argc - 1] : "tests/golden/quantization";
    const llm__ops *ops;
    size_t n;
    int b, g, found = 0;
    for (n = 0; (ops = llm__ops_at(n)) != NULL; n++) {
        CHECK(llm__ops_choose(ops->name) == ops);
        if (only && strcmp(only, ops->name)) continue;
        test_coverage(ops);
        test_products(ops);
        test_extremes(ops);
        test_extreme_floats(ops);
        test_quantize(ops, llm__ops_at(0));
        test_exp(ops);
        test_rows(ops);
        test_places(ops);
        test_conversions(ops);
        test_codes(ops);
        test_attention(ops);
        test_turn(ops);
        test_stored_attention(ops);
        test_attention_codes(ops);
        test_soften(ops);
        test_unpack(ops);
        test_recurrences(ops);
    }
    CHECK(llm__ops_choose("no such table") == NULL);
    CHECK(llm__ops_choose(NULL) == llm__ops_at(n - 1));
    for (b = 0; b < 6; b++)
        for (g = 0; g < 3; g++) found += test_fixture(folder, "affine", bits[b], groups[g]);
    found += test_fixture(folder, "mxfp4", 4, 32) + test_fixture(folder, "mxfp8", 8, 32);
    found += test_fixture(folder, "nvfp4", 4, 16);
    printf("%d fixtures\n", found);
    CHECK(!only || llm__ops_choose(only));
    return test_summary("kernels");
}
