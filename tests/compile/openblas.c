/* openblas - LLM_USE_OPENBLAS: which products go there, with which arguments, and that they come to the same.

   Built with the header in tests/compile/blas it brings a stand-in for the library; without, it takes the real one. */
#define LLM_USE_OPENBLAS
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "../stories.h"
#include "../test.h"

enum { VOCABULARY = 512, PROMPT = 300 };

#ifdef STAND_IN_BLAS
static llm__atomic calls, odd_calls, threads_set; /* what it was asked for */

void openblas_set_num_threads(int threads) { llm__atomic_set(&threads_set, threads); }

void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transpose_a, enum CBLAS_TRANSPOSE transpose_b,
                 int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta,
                 float *c, int ldc) {
    int i, j, l;
    llm__atomic_add(&calls, 1);
    if (order != CblasRowMajor || transpose_a != CblasNoTrans || transpose_b != CblasTrans || m < LLM__BLAS_ROWS ||
        n < 1 || k < 1 || lda < k || ldb < k || ldc < n || alpha < 1 || alpha > 1 || beta < 0 || beta > 0)
        llm__atomic_add(&odd_calls, 1);
    for (i = 0; i < m; i++)
        for (j = 0; j < n; j++) {
            double sum = 0;
            for (l = 0; l < k; l++) sum += (double)a[(size_t)i * (size_t)lda + (size_t)l] *
                                           (double)b[(size_t)j * (size_t)ldb + (size_t)l];
            c[(size_t)i * (size_t)ldc + (size_t)j] = (float)sum;
        }
}
#endif

/* The logits of all tokens, read so many at a time. */
static void read_prompt(const llm_model *model, int threads, size_t step, float *logits) {
    static int32_t ids[PROMPT];
    llm_session_desc sd;
    llm_model_cache_desc cd;
    reading r;
    size_t at;
    memset(&sd, 0, sizeof sd);
    memset(&cd, 0, sizeof cd);
    sd.threads = threads;
    cd.exact = 1;
    for (at = 0; at < PROMPT; at++) ids[at] = (int32_t)(3 + at * 7919 % 500);
    CHECK(reading_open(&r, model, &sd, &cd));
    for (at = 0; at < PROMPT; at += r.sequence.count) {
        r.sequence.tokens = ids + at;
        r.sequence.count = PROMPT - at < step ? PROMPT - at : step;
        r.sequence.want = LLM_LOGITS_ALL;
        r.sequence.logits = logits + at * VOCABULARY;
        CHECK(llm_forward(r.session, &r.sequence, 1, NULL) == LLM_OK);
    }
    reading_close(&r);
}

static double farthest(const float *a, const float *b, size_t count) {
    double most = 0;
    size_t i;
    for (i = 0; i < count; i++) {
        const double far = fabs((double)a[i] - (double)b[i]);
        if (!(far <= most)) most = far;
    }
    return most;
}

/* Fewer rows than LLM__BLAS_ROWS are the engine's own. */
static void prompts(void) {
    static float own[PROMPT * VOCABULARY], theirs[PROMPT * VOCABULARY];
    llm_model *model = stories_open();
    int threads;
    read_prompt(model, 1, LLM__BLAS_ROWS - 1, own);
#ifdef STAND_IN_BLAS
    CHECK_EQ(calls, 0);
#endif
    for (threads = 1; threads <= 2; threads++) {
        memset(theirs, 0, sizeof theirs);
        read_prompt(model, threads, PROMPT, theirs);
        CHECK(farthest(own, theirs, PROMPT * VOCABULARY) < 2e-4);
    }
#ifdef STAND_IN_BLAS
    CHECK(calls > 0);
    CHECK_EQ(odd_calls, 0);
    CHECK_EQ(threads_set, 1);
#endif
    llm_model_close(model);
}

/* A map with a bias, some of its rows at a time, into rows of y that are longer. */
static void one_map(void) {
    enum { ROWS = 37, COLS = 53, N = LLM__BLAS_ROWS + 3, STRIDE = 41 };
    static float data[ROWS * COLS], bias[ROWS], x[N * COLS], y[N * STRIDE];
    llm__matrix w;
    llm__task t;
    uint32_t random = 1;
    int i, k, r, wrong = 0;
    memset(&w, 0, sizeof w);
    w.format = LLM__FLOAT;
    w.dtype = LLM_F32;
    w.rows = ROWS;
    w.cols = COLS;
    w.data = (const uint8_t *)data;
    w.row_bytes = COLS * sizeof(float);
    w.bias = bias;
    for (i = 0; i < ROWS * COLS; i++) data[i] = (float)(random_bits(&random) % 2001) * 1e-3f - 1;
    for (i = 0; i < N * COLS; i++) x[i] = (float)(random_bits(&random) % 2001) * 1e-3f - 1;
    for (i = 0; i < ROWS; i++) bias[i] = (float)i;
    for (i = 0; i < N * STRIDE; i++) y[i] = -1000;
    t = llm__task_of(&w, x, COLS, y, STRIDE, N);
    CHECK(llm__blas_takes(&t));
    llm__blas_product(llm__ops_choose(NULL), &t, 0, 16);
    llm__blas_product(llm__ops_choose(NULL), &t, 16, ROWS);
    for (i = 0; i < N; i++)
        for (r = 0; r < STRIDE; r++) {
            double sum = r;
            for (k = 0; r < ROWS && k < COLS; k++) sum += (double)data[r * COLS + k] * (double)x[i * COLS + k];
            wrong += fabs((r < ROWS ? sum : -1000) - (double)y[i * STRIDE + r]) > 1e-4;
        }
    CHECK_EQ(wrong, 0);
    t.n = LLM__BLAS_ROWS - 1;
    CHECK(!llm__blas_takes(&t));
    t.n = N;
    w.dtype = LLM_F16;
    CHECK(!llm__blas_takes(&t));
    w.dtype = LLM_F32;
    w.data += 2;
    CHECK(!llm__blas_takes(&t)); /* not where floats lie */
}

int main(void) {
    stories_read();
    TEST(prompts);
    TEST(one_map);
    stories_free();
    return test_summary("openblas");
}
