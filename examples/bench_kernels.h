/* bench_kernels.h - the part of bench that times kernels one by one: bench --kernels

   Every slot of llm__ops that takes time, in each table that llm__ops_at offers, on one thread, against what this
   machine can do: how fast memory and the second-level cache are read, and how many products a core makes.  A kernel
   is bound by that of the two that takes longer for what it has to do; the share is that time over the one it took.
   Weights and stored caches come from memory, one copy after another; all else fits into the second-level cache. */

/* ---- the limits of this machine: the best of many short runs */

typedef struct limits {
    double memory, cache; /* bytes/s that one thread reads */
    double floats, words, bytes; /* multiplications and additions a second: of float32, and of 16 and 8 bits with sums
                                    of 32 */
} limits;

enum { CACHE_BYTES = 128 << 10, BURST = 1 << 16, BURSTS = 40, CHAINS = 12 };

static volatile float float_sink;
static volatile int32_t int_sink;

/* Chains that do not wait for each other: number i begins as from(i), each of `steps` makes next(a) of its a, and of(a)
   goes to the sink.  keep: a statement at the end of each step. */
#define EACH_CHAIN(X, ...)                                                                                    \
    X(0, __VA_ARGS__) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__) X(4, __VA_ARGS__)                 \
    X(5, __VA_ARGS__) X(6, __VA_ARGS__) X(7, __VA_ARGS__) X(8, __VA_ARGS__) X(9, __VA_ARGS__)                 \
    X(10, __VA_ARGS__) X(11, __VA_ARGS__)
#define CHAIN_BEGIN(i, type, from) type a##i = from(i);
#define CHAIN_STEP(i, next) a##i = next(a##i);
#define CHAIN_END(i, sink, of) sink = of(a##i);
#define RUN_CHAINS(type, from, next, keep, sink, of)                                                          \
    EACH_CHAIN(CHAIN_BEGIN, type, from)                                                                       \
    for (; steps > 0; steps--) {                                                                              \
        EACH_CHAIN(CHAIN_STEP, next)                                                                          \
        keep;                                                                                                 \
    }                                                                                                         \
    EACH_CHAIN(CHAIN_END, sink, of)

#if defined(LLM__HAVE_AVX2) && (defined(__GNUC__) || defined(__clang__))
#define WIDE __attribute__((target("avx2,fma")))
#define UNKNOWN(x) __asm__ volatile("" : "+x"(x)) /* keeps a product that is always the same from being made once */

WIDE static void burst_floats(int steps) {
    __m256 x = _mm256_set1_ps(1.0f), y = _mm256_set1_ps(1e-9f);
#define NEXT(a) _mm256_fmadd_ps(x, y, a)
    RUN_CHAINS(__m256, _mm256_set1_ps, NEXT, UNKNOWN(x), float_sink, _mm256_cvtss_f32)
#undef NEXT
}

WIDE static void burst_words(int steps) {
    __m256i x = _mm256_set1_epi16(3), y = _mm256_set1_epi16(-2);
#define NEXT(a) _mm256_add_epi32(a, _mm256_madd_epi16(x, y)); UNKNOWN(x)
    RUN_CHAINS(__m256i, _mm256_set1_epi32, NEXT, (void)0, int_sink, _mm256_cvtsi256_si32)
#undef NEXT
}

/* Four products of bytes are added up in 16 bits before they go to 32. */
WIDE static void burst_bytes(int steps) {
    const __m256i y = _mm256_set1_epi8(-2), one = _mm256_set1_epi16(1);
    __m256i a = y, b = y, x = _mm256_set1_epi8(3), x1 = x, x2 = x, x3 = x;
#define FOUR                                                                                                  \
    _mm256_madd_epi16(one, _mm256_add_epi16(_mm256_add_epi16(_mm256_maddubs_epi16(x, y),                      \
                                                             _mm256_maddubs_epi16(x1, y)),                    \
                                            _mm256_add_epi16(_mm256_maddubs_epi16(x2, y),                     \
                                                             _mm256_maddubs_epi16(x3, y))))
    for (; steps > 0; steps--) {
        a = _mm256_add_epi32(a, FOUR);
        UNKNOWN(x);
        UNKNOWN(x1);
        UNKNOWN(x2);
        UNKNOWN(x3);
        b = _mm256_add_epi32(b, FOUR);
        UNKNOWN(x);
        UNKNOWN(x1);
        UNKNOWN(x2);
        UNKNOWN(x3);
    }
#undef FOUR
    int_sink = _mm256_cvtsi256_si32(_mm256_add_epi32(a, b));
}

WIDE static void burst_reads(const uint8_t *p, size_t bytes) {
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    size_t i;
    for (i = 0; i < bytes; i += 128) {
        a = _mm256_xor_si256(a, _mm256_loadu_si256((const __m256i *)(const void *)(p + i)));
        b = _mm256_xor_si256(b, _mm256_loadu_si256((const __m256i *)(const void *)(p + i + 32)));
        c = _mm256_xor_si256(c, _mm256_loadu_si256((const __m256i *)(const void *)(p + i + 64)));
        d = _mm256_xor_si256(d, _mm256_loadu_si256((const __m256i *)(const void *)(p + i + 96)));
    }
    int_sink = _mm256_cvtsi256_si32(_mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, d)));
}

WIDE static void burst_adds(float *y, const float *x, int n) {
    int i;
    for (i = 0; i < n; i += 16) {
        _mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(y + i), _mm256_loadu_ps(x + i)));
        _mm256_storeu_ps(y + i + 8, _mm256_add_ps(_mm256_loadu_ps(y + i + 8), _mm256_loadu_ps(x + i + 8)));
    }
}

enum { FLOATS_A_STEP = 2 * 8 * CHAINS, WORDS_A_STEP = 2 * 16 * CHAINS, BYTES_A_STEP = 2 * 4 * 64 };
static int wide(void) { return (llm__cpu() & LLM__CPU_AVX2) != 0; }

#elif defined(LLM__HAVE_NEON)

#if defined(__GNUC__) || defined(__clang__)
#define UNKNOWN(x) __asm__ volatile("" : "+w"(x))
#else
#define UNKNOWN(x) (void)(x)
#endif

static void burst_floats(int steps) {
    const float32x4_t x = vdupq_n_f32(1.0f), y = vdupq_n_f32(1e-9f);
#define NEXT(a) vfmaq_f32(a, x, y)
#define OF(a) vgetq_lane_f32(a, 0)
    RUN_CHAINS(float32x4_t, vdupq_n_f32, NEXT, (void)0, float_sink, OF)
#undef NEXT
#undef OF
}

static void burst_words(int steps) {
    int16x4_t x = vdup_n_s16(3), y = vdup_n_s16(-2);
#define NEXT(a) vmlal_s16(a, x, y)
#define OF(a) vgetq_lane_s32(a, 0)
    RUN_CHAINS(int32x4_t, vdupq_n_s32, NEXT, UNKNOWN(x), int_sink, OF)
#undef NEXT
#undef OF
}

#ifdef __ARM_FEATURE_DOTPROD
#define DOT(a) vdotq_s32(a, x, y)
enum { BYTES_A_STEP = 2 * 16 * CHAINS };
#else
#define DOT(a) vpadalq_s16(a, vmull_s8(vget_low_s8(x), vget_low_s8(y)))
enum { BYTES_A_STEP = 2 * 8 * CHAINS };
#endif
static void burst_bytes(int steps) {
    int8x16_t x = vdupq_n_s8(3), y = vdupq_n_s8(-2);
#define OF(a) vgetq_lane_s32(a, 0)
    RUN_CHAINS(int32x4_t, vdupq_n_s32, DOT, UNKNOWN(x), int_sink, OF)
#undef OF
}
#undef DOT

static void burst_reads(const uint8_t *p, size_t bytes) {
    uint8x16_t a = vdupq_n_u8(0), b = a;
    size_t i;
    for (i = 0; i < bytes; i += 32) a = veorq_u8(a, vld1q_u8(p + i)), b = veorq_u8(b, vld1q_u8(p + i + 16));
    int_sink = vgetq_lane_u8(veorq_u8(a, b), 0);
}

static void burst_adds(float *y, const float *x, int n) {
    int i;
    for (i = 0; i < n; i += 4) vst1q_f32(y + i, vaddq_f32(vld1q_f32(y + i), vld1q_f32(x + i)));
}

enum { FLOATS_A_STEP = 2 * 4 * CHAINS, WORDS_A_STEP = 2 * 4 * CHAINS };
static int wide(void) { return 1; }

#else
enum { FLOATS_A_STEP = 0, WORDS_A_STEP = 0, BYTES_A_STEP = 0 };
static int wide(void) { return 0; }
static void burst_floats(int steps) { (void)steps; }
static void burst_words(int steps) { (void)steps; }
static void burst_bytes(int steps) { (void)steps; }
static void burst_reads(const uint8_t *p, size_t bytes) { (void)p, (void)bytes; }
static void burst_adds(float *y, const float *x, int n) { (void)y, (void)x, (void)n; }
#endif

/* Without vector instructions that are known here. */
static void plain_floats(int steps) {
    volatile float seed = 1e-9f;
    const float y = seed;
#define FROM(i) y + i
#define NEXT(a) a * y + y
    RUN_CHAINS(float, FROM, NEXT, (void)0, float_sink, )
#undef FROM
#undef NEXT
}

static void plain_bytes(int steps) {
    volatile int32_t seed = 3;
    const int32_t y = seed;
#define FROM(i) (uint32_t)(y + i)
#define NEXT(a) a * (uint32_t)y + (uint32_t)y
    RUN_CHAINS(uint32_t, FROM, NEXT, (void)0, int_sink, (int32_t))
#undef FROM
#undef NEXT
}

static double best_burst(void (*burst)(int steps), int a_step) {
    double best = 0, rate;
    int i;
    for (i = 0; i < BURSTS; i++) {
        double start = now();
        burst(BURST);
        rate = (double)a_step * (double)BURST / (now() - start);
        if (rate > best) best = rate;
    }
    return best;
}

/* Reading alone, or reading two rows and writing one: what is more. */
static double best_cache(void) {
    enum { TURNS = 20, FLOATS_EACH = CACHE_BYTES / 8 };
    float *block = (float *)calloc(CACHE_BYTES, 1);
    double best = 0, rate;
    int i, k;
    for (i = 0; block && wide() && i < BURSTS; i++) {
        double start = now();
        for (k = 0; k < TURNS; k++) burst_reads((const uint8_t *)block, CACHE_BYTES);
        rate = (double)(TURNS * CACHE_BYTES) / (now() - start);
        if (rate > best) best = rate;
        start = now();
        for (k = 0; k < TURNS; k++) burst_adds(block, block + FLOATS_EACH, FLOATS_EACH);
        rate = (double)(12 * TURNS * FLOATS_EACH) / (now() - start);
        if (rate > best) best = rate;
    }
    free(block);
    return best;
}

static limits measure_limits(const options *o) {
    limits l;
    int large;
    for (large = 0; large < 2; large++) {
        const double one = bandwidth(1, large), all = bandwidth(o->threads, large);
        printf("memory, %-16s %6.1f GB/s by one thread, %6.1f by %d\n", large ? "pages of 2 MB" : "small pages",
               one / 1e9, all / 1e9, o->threads);
        l.memory = one;
    }
    l.cache = best_cache();
    l.floats = wide() ? best_burst(burst_floats, FLOATS_A_STEP) : best_burst(plain_floats, 2 * CHAINS);
    l.bytes = wide() ? best_burst(burst_bytes, BYTES_A_STEP) : best_burst(plain_bytes, 2 * CHAINS);
    l.words = wide() ? best_burst(burst_words, WORDS_A_STEP) : best_burst(plain_bytes, 2 * CHAINS);
    printf("second-level cache       %6.1f GB/s\nfloat32                  %6.1f GFLOP/s a core\n"
           "int16                    %6.1f GOP/s a core\nint8                     %6.1f GOP/s a core\n\n",
           l.cache / 1e9, l.floats / 1e9, l.words / 1e9, l.bytes / 1e9);
    return l;
}

/* ---- timing a kernel */

typedef enum place { IN_CACHE, IN_MEMORY } place;
typedef enum unit { FLOATS, WORDS, BYTES } unit;

typedef struct timing {
    const char *kernel, *format, *isa;
    char shape[24];
    int rows;
    double bytes, work; /* of one run; work: multiplications and additions */
    place from;
    unit arithmetic;
} timing;

/* Seconds of one run: the best of many.  prepare, not timed, comes before each. */
static double best_run(void (*prepare)(void *), void (*run)(void *), void *user) {
    enum { LEAST = 3, MOST = 400 };
    const double begin = now();
    double best = 1e9, took;
    int i;
    for (i = 0; i < LEAST || (i < MOST && now() - begin < 0.02); i++) {
        double start;
        if (prepare) prepare(user);
        start = now();
        run(user);
        if ((took = now() - start) < best) best = took;
    }
    return best;
}

static void show_timings(void) {
    printf("%-14s %-7s %-12s %5s %-8s %10s %8s %8s %-7s %6s\n", "kernel", "format", "shape", "rows", "kernels", "us",
           "GB/s", "GOP/s", "bound", "share");
}

static void show_timing(const limits *l, const timing *t, double seconds) {
    const double reads = t->bytes / (t->from == IN_MEMORY ? l->memory : l->cache);
    const double rates[] = {l->floats, l->words, l->bytes}, works = t->work / rates[t->arithmetic];
    static const char *const units[] = {"float32", "int16", "int8"};
    const char *place_name = t->from == IN_MEMORY ? "memory" : "cache";
    printf("%-14s %-7s %-12s %5d %-8s %10.2f %8.2f %8.2f %-7s %5.1f%%\n", t->kernel, t->format, t->shape, t->rows,
           t->isa, seconds * 1e6, t->bytes / seconds / 1e9, t->work / seconds / 1e9,
           reads > works ? place_name : units[t->arithmetic],
           100 * (reads > works ? reads : works) / seconds);
    fflush(stdout);
}

static int wanted(const options *o, const char *kernel) {
    return !o->only || !strncmp(kernel, o->only, strlen(o->only));
}

/* ---- products */

/* Of a model's head, with its many rows, prompts need few rows of the product. */
enum { MOST_ROWS = 512, MOST_HEAD_ROWS = 16, HEAD_OUT = 100000, WEIGHT_BYTES = 160 << 20 };

/* Some copies of a matrix, gone through in turn, and rows of activations. */
typedef struct product {
    const llm__ops *ops;
    llm__matrix w;
    llm__coded_rows coded;
    uint8_t *weights, *scratch, *codes;
    uint8_t *panels;   /* of each copy; NULL: the products read the weights themselves */
    size_t copy_bytes; /* of weights or, if there are some, of panels */
    float *x, *y;
    int copies, copy, n, rows, begin; /* rows: of the matrix, at a time */
    int bits;          /* of the activations' codes; 0: floats */
} product;

static void run_product(void *user) {
    product *p = (product *)user;
    llm__matrix w = p->w;
    const size_t offset = (size_t)p->copy * p->copy_bytes;
    if (p->begin + p->rows > w.rows) p->begin = 0;
    w.data = p->weights + (p->panels ? 0 : offset);
    w.scales = w.data + w.row_bytes * (size_t)w.rows;
    w.biases = w.scales + w.scale_row_bytes * (size_t)w.rows;
    w.panels = p->panels ? p->panels + offset : NULL;
    if (p->bits)
        p->ops->coded_product(&w, &p->coded, p->y, (size_t)w.rows, p->begin, p->begin + p->rows, p->scratch);
    else
        p->ops->product(&w, p->x, (size_t)w.cols, p->n, p->y, (size_t)w.rows, p->begin, p->begin + p->rows, p->scratch);
    p->begin += p->rows;
    if (p->begin + p->rows > w.rows) p->copy = (p->copy + 1) % p->copies;
}

/* So many rows of the matrix that a run takes about a millisecond with fast kernels, as a busy machine allows. */
static int rows_at_a_time(const product *p) {
    const double most = 4e7 / ((double)p->w.cols * p->n);
    const int rows = most > p->w.rows ? p->w.rows : (int)most / 64 * 64;
    return rows < 64 ? 64 : rows;
}

static void quantize_rows(product *p) {
    const int cols = p->w.cols, group = llm__coded_group(&p->w);
    llm__coded_rows *to = &p->coded;
    int i;
    *to = llm__coded_place(p->codes, p->n, cols, p->bits, group, llm__coded_paired(&p->w));
    for (i = 0; i < p->n; i++) {
        uint8_t *scales = p->codes + ((const uint8_t *)to->scales - p->codes);
        uint8_t *sums = p->codes + ((const uint8_t *)to->sums - p->codes);
        uint8_t *totals = p->codes + ((const uint8_t *)to->totals - p->codes);
        const size_t at = (size_t)i * to->scale_stride;
        p->ops->quantize_row(p->x + (size_t)i * (size_t)cols, cols, group, p->bits, to->paired,
                             p->codes + (size_t)i * to->code_stride, (float *)(void *)scales + at,
                             (float *)(void *)sums + at, (int32_t *)(void *)totals + at);
    }
}

static void time_product(const limits *l, product *p, const char *format) {
    timing t;
    p->rows = rows_at_a_time(p);
    p->begin = p->copy = 0;
    if (p->bits) quantize_rows(p);
    memset(&t, 0, sizeof t);
    t.kernel = p->panels ? "coded panels" : p->bits ? "coded" : "product";
    t.format = format;
    t.isa = p->ops->name;
    t.rows = p->n;
    snprintf(t.shape, sizeof t.shape, "%dx%d", p->w.rows, p->w.cols);
    t.bytes = (double)p->rows * (double)p->copy_bytes / p->w.rows +
              (double)p->n * ((double)p->w.cols * (p->bits ? p->bits / 8 : 4) + 4.0 * p->rows);
    t.work = 2.0 * p->n * p->rows * p->w.cols;
    t.from = IN_MEMORY;
    t.arithmetic = p->bits == 8 ? BYTES : p->bits ? WORDS : FLOATS;
    show_timing(l, &t, best_run(NULL, run_product, p));
}

typedef struct stored {
    const char *name;
    llm__format format;
    llm_dtype dtype;
    int bits, group;
    int codes, codes_of_panels; /* bits of activations: as stored, and of panels if there are some */
} stored;

static const stored stored_formats[] = {
    {"q4", LLM__AFFINE, LLM_F16, 4, 64, 8, 8},    {"q4-32", LLM__AFFINE, LLM_F16, 4, 32, 8, 8},
    {"q6", LLM__AFFINE, LLM_F16, 6, 64, 8, 8},    {"q8", LLM__AFFINE, LLM_F16, 8, 64, 8, 8},
    {"q8-32", LLM__AFFINE, LLM_F16, 8, 32, 8, 8}, {"q4", LLM__AFFINE, LLM_F16, 4, 64, 0, 0},
    {"q8", LLM__AFFINE, LLM_F16, 8, 64, 0, 0},    {"f16", LLM__FLOAT, LLM_F16, 16, 0, 0, 16},
    {"bf16", LLM__FLOAT, LLM_BF16, 16, 0, 0, 16}, {"f32", LLM__FLOAT, LLM_F32, 32, 0, 0, 0},
};

/* Floats of every kind around 0.01, codes all over their range, scales of 0.01. */
static void fill_weights(product *p, const stored *f) {
    uint64_t random = 1;
    int i;
    for (i = 0; i < p->copies; i++) {
        uint8_t *at = p->weights + (size_t)i * p->copy_bytes;
        const size_t codes = p->w.row_bytes * (size_t)p->w.rows, factors = p->w.scale_row_bytes * (size_t)p->w.rows;
        if (f->format == LLM__FLOAT && f->bits == 16)
            fill_halves(&random, at, codes / 2, 7, f->dtype == LLM_BF16);
        else if (f->format == LLM__FLOAT) fill_halves(&random, at, codes / 2, 7, 1); /* two bf16 are a float32 */
        else fill_words(&random, at, codes);
        fill_constant(at + codes, factors / 2, 0.01f);
        fill_constant(at + codes + factors, factors / 2, -0.05f);
    }
}

static int open_product(product *p, const stored *f, int rows, int cols) {
    memset(p, 0, sizeof *p);
    p->bits = f->codes;
    p->w.format = f->format;
    p->w.dtype = f->dtype;
    p->w.rows = rows;
    p->w.cols = cols;
    p->w.bits = f->bits;
    p->w.group = f->group;
    p->w.row_bytes = (size_t)cols * (size_t)f->bits / 8;
    p->w.scale_row_bytes = f->group ? (size_t)(cols / f->group) * 2 : 0;
    p->copy_bytes = (p->w.row_bytes + 2 * p->w.scale_row_bytes) * (size_t)rows;
    p->copies = 1 + (int)(WEIGHT_BYTES / p->copy_bytes);
    p->weights = (uint8_t *)take_pages((size_t)p->copies * p->copy_bytes, 1);
    if (p->weights) fill_weights(p, f);
    return p->weights != NULL;
}

/* What all products need besides weights, for the largest of them. */
static int open_rows(product *p, const product *rows) {
    p->x = rows->x, p->y = rows->y, p->codes = rows->codes, p->scratch = rows->scratch;
    return p->x && p->y && p->codes && p->scratch;
}

static int panel_count(const llm__matrix *w) { return (w->rows + LLM__PANEL_ROWS - 1) / LLM__PANEL_ROWS; }

/* Those of one copy of the weights, the next one each time. */
static void make_panels(void *user) {
    product *p = (product *)user;
    llm__matrix w = p->w;
    uint8_t *out = p->panels + (size_t)p->copy * p->copy_bytes;
    int i;
    w.data = p->weights + (size_t)p->copy * (w.row_bytes + 2 * w.scale_row_bytes) * (size_t)w.rows;
    w.scales = w.data + w.row_bytes * (size_t)w.rows;
    w.biases = w.scales + w.scale_row_bytes * (size_t)w.rows;
    for (i = 0; i < panel_count(&w); i++)
        p->ops->panel(&w, i * LLM__PANEL_ROWS, out + (size_t)i * llm__panel_bytes(&w), p->scratch);
    p->copy = (p->copy + 1) % p->copies;
}

/* From here on the product reads panels; how long making them took is a line of its own. */
static int use_panels(const limits *l, product *p, const char *format) {
    timing t;
    int i;
    memset(&t, 0, sizeof t);
    t.kernel = "panel";
    t.format = format;
    t.isa = p->ops->name;
    t.rows = 1;
    snprintf(t.shape, sizeof t.shape, "%dx%d", p->w.rows, p->w.cols);
    t.bytes = (double)p->copy_bytes;
    p->copy_bytes = llm__panel_bytes(&p->w) * (size_t)panel_count(&p->w);
    t.bytes += (double)p->copy_bytes;
    t.from = IN_MEMORY;
    p->panels = (uint8_t *)take_pages((size_t)p->copies * p->copy_bytes, 1);
    if (!p->panels) return 0;
    p->copy = 0;
    for (i = 0; i < p->copies; i++) make_panels(p);
    show_timing(l, &t, best_run(NULL, make_panels, p));
    return 1;
}

static void time_counts(const limits *l, product *p, const char *format) {
    static const int counts[] = {1, 2, 4, 8, 16, 64, MOST_ROWS};
    size_t i;
    for (i = 0; i < sizeof counts / sizeof *counts; i++) {
        p->n = counts[i];
        if (p->n <= MOST_HEAD_ROWS || p->w.rows < HEAD_OUT) time_product(l, p, format);
    }
}

static int time_products_of(const options *o, const limits *l, const stored *f, int rows, int cols,
                            const product *room) {
    const llm__ops *ops;
    product p;
    size_t n, plain;
    int ok = open_product(&p, f, rows, cols) && open_rows(&p, room);
    for (n = 0; ok && (ops = llm__ops_at(n)) != NULL; n++) {
        if (o->isa && strcmp(o->isa, ops->name)) continue;
        p.ops = ops;
        plain = p.copy_bytes;
        p.bits = f->codes;
        if (wanted(o, f->codes ? "coded" : "product")) time_counts(l, &p, f->name);
        if (!f->codes_of_panels || !wanted(o, "coded")) continue;
        p.bits = f->codes_of_panels;
        ok = use_panels(l, &p, f->name);
        if (ok) time_counts(l, &p, f->name);
        free(p.panels);
        p.panels = NULL;
        p.copy_bytes = plain;
    }
    free(p.weights);
    return ok || fail("out of memory");
}

static int time_products(const options *o, const limits *l) {
    static const struct { int rows, cols; } sizes[] = {{4864, 896}, {896, 4864}, {8192, 2048}, {151936, 896}};
    const size_t floats = (size_t)MOST_ROWS * 8192;
    product room;
    size_t i, k, s;
    int ok = 1;
    memset(&room, 0, sizeof room);
    room.w.format = LLM__AFFINE;
    room.w.cols = 8192;
    room.w.bits = 8;
    room.w.group = 32;
    room.x = (float *)take_pages(floats * sizeof(float), 1);
    room.y = (float *)take_pages(floats * sizeof(float), 1);
    room.codes = (uint8_t *)take_pages(llm__coded_bytes(MOST_ROWS, 8192, 16), 1);
    room.scratch = (uint8_t *)take_pages(llm__product_scratch(&room.w), 1);
    for (i = 0; room.x && i < floats; i++) room.x[i] = (float)(i % 8191 * 37 % 101) * 0.02f - 1;
    for (k = 0; ok && k < sizeof stored_formats / sizeof *stored_formats; k++)
        for (s = 0; ok && s < sizeof sizes / sizeof *sizes; s++)
            if (wanted(o, "product") || wanted(o, "coded"))
                ok = time_products_of(o, l, &stored_formats[k], sizes[s].rows, sizes[s].cols, &room);
    free(room.x);
    free(room.y);
    free(room.codes);
    free(room.scratch);
    return ok;
}

/* ---- rows: a run takes some rows of which all fit into the cache, and begins with the same numbers every time */

enum { ROW_FLOATS = 16384 };

typedef struct row_job {
    const llm__ops *ops;
    void (*call)(const llm__ops *ops, float *a, float *b, float *c, int n);
    float *start, *a, *b, *c; /* [ROW_FLOATS] */
    int width;
} row_job;

static void prepare_rows(void *user) {
    row_job *r = (row_job *)user;
    memcpy(r->a, r->start, ROW_FLOATS * sizeof(float));
}

static void run_rows(void *user) {
    row_job *r = (row_job *)user;
    int at;
    for (at = 0; at + r->width <= ROW_FLOATS; at += r->width)
        r->call(r->ops, r->a + at, r->b + at, r->c + at, r->width);
}

#define ROW(name, statement)                                                                      \
    static void row_##name(const llm__ops *ops, float *a, float *b, float *c, int n) {            \
        (void)a, (void)b, (void)c;                                                                \
        statement;                                                                                \
    }
ROW(quantize_row, ops->quantize_row(a, n, 32, 8, 0, b, c, c + n / 32, (int32_t *)(void *)(c + n / 16)))
ROW(dot, float_sink = ops->dot(a, b, n))
ROW(max, float_sink = ops->max(a, n))
ROW(add, ops->add(a, b, n))
ROW(mul, ops->mul(a, b, n))
ROW(scale, ops->scale(a, 0.5f, n))
ROW(add_scaled, ops->add_scaled(a, b, 0.5f, n))
ROW(add_product, ops->add_product(a, b, c, n))
ROW(rms_norm, ops->rms_norm(a, a, b, 1e-6f, n))
ROW(layer_norm, ops->layer_norm(a, a, b, c, 1e-6f, n))
ROW(exp_sum, float_sink = ops->exp_sum(a, n, 1))
ROW(exp_weigh, float_sink = ops->exp_weigh(a, n, 1, 1, NULL))
ROW(softmax, ops->softmax(a, n))
ROW(silu, ops->silu(a, n))
ROW(silu_mul, ops->silu_mul(a, b, n))
ROW(gelu, ops->gelu(a, n))
ROW(gelu_mul, ops->gelu_mul(a, b, n))
ROW(gelu_tanh, ops->gelu_tanh(a, n))
ROW(gelu_tanh_mul, ops->gelu_tanh_mul(a, b, n))
ROW(sigmoid, ops->sigmoid(a, n))
ROW(sigmoid_mul, ops->sigmoid_mul(a, b, n))
ROW(from_f16, ops->to_f32(LLM_F16, b, (size_t)n, a))
ROW(from_bf16, ops->to_f32(LLM_BF16, b, (size_t)n, a))
ROW(to_f16, ops->from_f32(LLM_F16, a, (size_t)n, b))
ROW(to_bf16, ops->from_f32(LLM_BF16, a, (size_t)n, b))
ROW(unpack, ops->unpack((const uint8_t *)a, (size_t)n, 4, (uint8_t *)b))
#undef ROW

/* What each number takes: bytes read and written, and operations, of which an exponential has 26 and erf 40. */
static const struct {
    const char *name;
    void (*call)(const llm__ops *ops, float *a, float *b, float *c, int n);
    double bytes, work;
} row_kernels[] = {
    {"quantize_row", row_quantize_row, 5.25, 5}, {"dot", row_dot, 8, 2}, {"max", row_max, 4, 1},
    {"add", row_add, 12, 1}, {"mul", row_mul, 12, 1}, {"scale", row_scale, 8, 1},
    {"add_scaled", row_add_scaled, 12, 2}, {"add_product", row_add_product, 16, 2},
    {"rms_norm", row_rms_norm, 16, 4}, {"layer_norm", row_layer_norm, 24, 7},
    {"exp_sum", row_exp_sum, 8, 28}, {"exp_weigh", row_exp_weigh, 4, 30}, {"softmax", row_softmax, 20, 30},
    {"silu", row_silu, 8, 29},
    {"silu_mul", row_silu_mul, 12, 30}, {"gelu", row_gelu, 8, 43}, {"gelu_mul", row_gelu_mul, 12, 44},
    {"gelu_tanh", row_gelu_tanh, 8, 34}, {"gelu_tanh_mul", row_gelu_tanh_mul, 12, 35},
    {"sigmoid", row_sigmoid, 8, 29}, {"sigmoid_mul", row_sigmoid_mul, 12, 30},
    {"to_f32 f16", row_from_f16, 6, 0}, {"to_f32 bf16", row_from_bf16, 6, 0},
    {"from_f32 f16", row_to_f16, 6, 0}, {"from_f32 bf16", row_to_bf16, 6, 0}, {"unpack", row_unpack, 1.5, 0},
};

static void time_row(const limits *l, row_job *r, size_t kernel, int width) {
    timing t;
    double count = ROW_FLOATS / width * width;
    memset(&t, 0, sizeof t);
    r->width = width;
    r->call = row_kernels[kernel].call;
    t.kernel = row_kernels[kernel].name;
    t.format = "f32";
    t.isa = r->ops->name;
    t.rows = ROW_FLOATS / width;
    t.bytes = row_kernels[kernel].bytes * count;
    t.work = row_kernels[kernel].work * count;
    snprintf(t.shape, sizeof t.shape, "%d", width);
    show_timing(l, &t, best_run(prepare_rows, run_rows, r));
}

static void time_rows(const options *o, const limits *l, const llm__ops *ops, float *block) {
    static const int widths[] = {896, 4864};
    row_job r;
    size_t i, k;
    memset(&r, 0, sizeof r);
    r.ops = ops;
    r.start = block, r.a = block + ROW_FLOATS, r.b = r.a + ROW_FLOATS, r.c = r.b + ROW_FLOATS;
    for (i = 0; i < ROW_FLOATS; i++) r.start[i] = r.b[i] = r.c[i] = (float)(i % 8191 * 37 % 101) * 0.02f - 1;
    for (k = 0; k < sizeof row_kernels / sizeof *row_kernels; k++)
        for (i = 0; i < 2 && wanted(o, row_kernels[k].name); i++) time_row(l, &r, k, widths[i]);
}

/* ---- attention: pages of keys or values of one head, as a cache has them, against the queries that share it */

enum { QUERIES = 7, HEAD_WIDTH = 64, PAGES = 4096 };

typedef struct attention {
    const llm__ops *ops;
    llm_rows rows;      /* of the first page; the others follow */
    float *q, *p, *out;
    uint8_t *panels;
    int page, weighs;
} attention;

enum { PAGES_A_RUN = 64 };

static void run_pages(void *user) {
    attention *a = (attention *)user;
    llm_rows page = a->rows;
    const size_t size = llm__dtype_bytes(page.dtype);
    int i, lane;
    for (i = 0; i < PAGES_A_RUN; i++, a->page = (a->page + 1) % PAGES) {
        page.data = a->rows.data + (size_t)a->page * LLM_PAGE_TOKENS * a->rows.stride;
        if (!a->weighs) a->ops->turn(&page, 0, LLM_PAGE_TOKENS, a->panels);
        for (lane = 0; !a->weighs && lane < LLM_PAGE_TOKENS; lane += LLM__KEY_LANES)
            a->ops->weigh(a->p + lane, LLM_PAGE_TOKENS, a->q, HEAD_WIDTH, QUERIES, page.dtype,
                          a->panels + (size_t)(lane * HEAD_WIDTH) * size, HEAD_WIDTH, LLM__KEY_LANES * size,
                          LLM__KEY_LANES, 1, NULL, 0);
        if (a->weighs)
            a->ops->weigh(a->out, HEAD_WIDTH, a->p, LLM_PAGE_TOKENS, QUERIES, page.dtype, page.data, LLM_PAGE_TOKENS,
                          page.stride, HEAD_WIDTH, 0, NULL, 0);
    }
}

static void prepare_pages(void *user) {
    attention *a = (attention *)user;
    int i;
    for (i = 0; i < QUERIES * LLM_PAGE_TOKENS; i++) a->p[i] = 0.01f;
    for (i = 0; i < QUERIES * HEAD_WIDTH; i++) a->out[i] = 0, a->q[i] = (float)(i % 101 - 50) * 0.02f;
}

static void time_pages(const options *o, const limits *l, attention *a, const char *format) {
    timing t;
    for (a->weighs = 0; a->weighs < 2; a->weighs++) {
        memset(&t, 0, sizeof t);
        t.kernel = a->weighs ? "weigh" : "turn, weigh"; /* values, keys */
        t.format = format;
        t.isa = a->ops->name;
        t.rows = QUERIES;
        t.from = IN_MEMORY;
        t.bytes = (double)PAGES_A_RUN * LLM_PAGE_TOKENS * (double)a->rows.stride;
        t.work = 2.0 * (double)(PAGES_A_RUN * LLM_PAGE_TOKENS * HEAD_WIDTH) * (double)QUERIES;
        snprintf(t.shape, sizeof t.shape, "%dx%d", LLM_PAGE_TOKENS, HEAD_WIDTH);
        if (wanted(o, t.kernel)) show_timing(l, &t, best_run(prepare_pages, run_pages, a));
    }
}

static int time_attention(const options *o, const limits *l, const llm__ops *ops, float *block) {
    static const struct { const char *name; llm_dtype dtype; } formats[] = {
        {"f32", LLM_F32}, {"f16", LLM_F16}, {"bf16", LLM_BF16}};
    const size_t bytes = (size_t)PAGES * LLM_PAGE_TOKENS * HEAD_WIDTH * 4;
    uint8_t *pages = (uint8_t *)take_pages(bytes, 1);
    uint64_t random = 1;
    attention a;
    size_t i;
    if (!pages) return fail("out of memory");
    memset(&a, 0, sizeof a);
    a.ops = ops;
    a.q = block, a.p = block + 1024, a.out = block + 4096, a.panels = (uint8_t *)(block + 8192);
    a.rows.width = HEAD_WIDTH;
    for (i = 0; i < sizeof formats / sizeof *formats; i++) {
        a.rows.data = pages;
        a.rows.dtype = formats[i].dtype;
        a.rows.stride = (size_t)HEAD_WIDTH * llm__dtype_bytes(formats[i].dtype);
        fill_halves(&random, pages, bytes / 2, 7, formats[i].dtype != LLM_F16);
        time_pages(o, l, &a, formats[i].name);
    }
    free(pages);
    return 1;
}

/* ---- recurrences: a run of LLM__RUN tokens of one head, whose state stays in the cache */

typedef struct recurrence {
    const llm__ops *ops;
    int rows, cols;
    float *state, *start, *x; /* [rows, cols] twice; inputs, LLM__RUN of each: [8, LLM__RUN, 128] */
} recurrence;

enum { MOST_WIDTH = 128, INPUT = LLM__RUN * MOST_WIDTH };

static void prepare_state(void *user) {
    recurrence *r = (recurrence *)user;
    memcpy(r->state, r->start, (size_t)r->rows * (size_t)r->cols * sizeof(float));
}

static void run_ssd(void *user) {
    const recurrence *r = (const recurrence *)user;
    llm__ssd_run run = {LLM__RUN, r->rows, r->cols, r->x, r->x + INPUT, r->x + 2 * INPUT, r->x + 3 * INPUT,
                        r->x + 4 * INPUT, MOST_WIDTH, MOST_WIDTH, MOST_WIDTH};
    r->ops->ssd_run(&run, r->state, r->state);
}

static void run_delta(void *user) {
    const recurrence *r = (const recurrence *)user;
    llm__delta_run run = {LLM__RUN, r->rows, r->cols, 0, r->x, r->x + INPUT, r->x + 2 * INPUT, r->x + 3 * INPUT,
                          r->x + 5 * INPUT, r->x + 4 * INPUT, MOST_WIDTH, MOST_WIDTH, MOST_WIDTH};
    r->ops->delta_run(&run, r->state, r->state);
}

static void run_fading(void *user) {
    const recurrence *r = (const recurrence *)user;
    llm__fading_run run = {LLM__RUN, r->rows, r->cols, r->x, r->x + INPUT, r->x + 2 * INPUT, 0.9f, r->x + 4 * INPUT,
                           MOST_WIDTH};
    r->ops->fading_run(&run, r->state, r->state);
}

static void run_scan(void *user) {
    const recurrence *r = (const recurrence *)user;
    llm__scan_run run = {LLM__RUN, r->cols, r->x, r->x + INPUT, r->x + 2 * INPUT, r->x + 3 * INPUT, r->x + 5 * INPUT,
                         r->x + 4 * INPUT, MOST_WIDTH};
    r->ops->scan_run(&run, r->state, r->state);
}

static void run_rwkv(void *user) {
    const recurrence *r = (const recurrence *)user;
    llm__rwkv_run run = {LLM__RUN, r->cols, r->x, r->x + INPUT, r->x + 2 * INPUT, r->x + 3 * INPUT, r->x + 5 * INPUT,
                         r->x + 6 * INPUT, r->x + 4 * INPUT, (size_t)r->cols};
    r->ops->rwkv_run(&run, r->state, r->state);
}

/* work: operations for each number of the state and token. */
static const struct { const char *name; void (*run)(void *); int rows, cols; double work; } recurrences[] = {
    {"ssd_run", run_ssd, 64, 128, 5}, {"delta_run", run_delta, 128, 128, 7}, {"fading_run", run_fading, 128, 128, 5},
    {"scan_run", run_scan, 1, 16, 32}, {"rwkv_run", run_rwkv, 64, 64, 9}};

static void time_recurrences(const options *o, const limits *l, const llm__ops *ops, float *block) {
    recurrence r;
    timing t;
    size_t i;
    r.ops = ops;
    r.state = block, r.start = block + MOST_WIDTH * MOST_WIDTH, r.x = r.start + MOST_WIDTH * MOST_WIDTH;
    for (i = 0; i < MOST_WIDTH * MOST_WIDTH + 8 * INPUT; i++) r.start[i] = (float)(i % 8191 * 37 % 101) * 0.0008f;
    for (i = 0; i < sizeof recurrences / sizeof *recurrences; i++) {
        const double numbers = (double)recurrences[i].rows * recurrences[i].cols;
        if (!wanted(o, recurrences[i].name)) continue;
        memset(&t, 0, sizeof t);
        r.rows = recurrences[i].rows;
        r.cols = recurrences[i].cols;
        t.kernel = recurrences[i].name;
        t.format = "f32";
        t.isa = ops->name;
        t.rows = LLM__RUN;
        t.bytes = 8 * numbers;
        t.work = recurrences[i].work * numbers * (double)LLM__RUN;
        snprintf(t.shape, sizeof t.shape, "%dx%d", r.rows, r.cols);
        show_timing(l, &t, best_run(prepare_state, recurrences[i].run, &r));
    }
}

static int bench_kernels(const options *o) {
    const llm__ops *ops = llm__ops_choose(o->isa);
    float *block = ops ? (float *)take_pages((size_t)4 * ROW_FLOATS * sizeof *block, 1) : NULL;
    limits l;
    size_t n;
    int ok = block != NULL || fail(ops ? "out of memory" : "this CPU cannot run these kernels");
    memset(&l, 0, sizeof l);
    if (ok) {
        l = measure_limits(o);
        show_timings();
    }
    ok = ok && time_products(o, &l);
    for (n = 0; ok && (ops = llm__ops_at(n)) != NULL; n++) {
        if (o->isa && strcmp(o->isa, ops->name)) continue;
        time_rows(o, &l, ops, block);
        ok = time_attention(o, &l, ops, block);
        time_recurrences(o, &l, ops, block);
    }
    free(block);
    return ok;
}
