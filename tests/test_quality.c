/* test_quality - what quantized activations cost: on trained models with quantized weights, the default against
   `exact`.  Texts are sampled from each model at temperature 1, so that their perplexity is the model's own.  Weights
   read as they lie must give the same bits as those laid out for the kernels. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "stories.h"
#include "test.h"

enum { TEXTS = 12, LENGTH = 200 };

static llm_model *open_model(const char *folder, int no_pack) {
    llm_model_desc desc;
    llm_model *model = NULL;
    llm_error error;
    memset(&desc, 0, sizeof desc);
    desc.path = folder;
    desc.weights_only = 1;
    desc.no_pack = no_pack;
    if (llm_model_open(&model, &desc, &error)) printf("%s: %s\n", folder, error.message);
    return model;
}

/* The logits of all tokens of a text, [count, vocabulary]. */
static int read_text(const llm_model *model, const int32_t *ids, size_t count, int exact, float *logits) {
    llm_session_desc sd;
    llm_model_cache_desc cd;
    reading r;
    int good;
    memset(&sd, 0, sizeof sd);
    memset(&cd, 0, sizeof cd);
    sd.exact = cd.exact = exact;
    good = reading_open(&r, model, &sd, &cd);
    r.sequence.tokens = ids;
    r.sequence.count = count;
    r.sequence.want = LLM_LOGITS_ALL;
    r.sequence.logits = logits;
    good = good && !llm_forward(r.session, &r.sequence, 1, NULL);
    reading_close(&r);
    return good;
}

static size_t write_text(const llm_model *model, int32_t first, uint64_t seed, int32_t *ids) {
    llm_generation_desc desc;
    llm_generation *generation = NULL;
    llm_piece piece;
    size_t count = 1;
    memset(&desc, 0, sizeof desc);
    desc.ids = ids;
    desc.id_count = 1;
    desc.max_tokens = LENGTH - 1;
    desc.sampling.temperature = 1;
    desc.sampling.seed = seed;
    ids[0] = first;
    if (llm_generation_open(&generation, model, &desc, NULL)) return 0;
    while (llm_generation_next(generation, &piece, NULL) == LLM_OK && count < LENGTH)
        if (piece.token != LLM_NO_TOKEN) ids[count++] = piece.token;
    llm_generation_close(generation);
    return count;
}

static double cosine(const float *a, const float *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    size_t i;
    for (i = 0; i < n; i++) ab += (double)a[i] * b[i], aa += (double)a[i] * a[i], bb += (double)b[i] * b[i];
    return ab / sqrt(aa * bb);
}

static double surprise(const float *logits, int n, int32_t id) {
    double max = logits[0], sum = 0;
    int i;
    for (i = 1; i < n; i++) max = logits[i] > max ? (double)logits[i] : max;
    for (i = 0; i < n; i++) sum += exp((double)logits[i] - max);
    return log(sum) + max - (double)logits[id];
}

static void check_model(const char *folder, int32_t first) {
    llm_model *model = open_model(folder, 0), *as_it_lies = open_model(folder, 1);
    const int vocabulary = model ? llm_model_get_info(model).vocabulary : 0;
    const size_t floats = LENGTH * (size_t)vocabulary;
    float *exact = (float *)malloc(3 * floats * sizeof *exact), *int8 = exact + floats, *unpacked = int8 + floats;
    int32_t ids[LENGTH];
    double whole, lowest = 1, lowest_token = 1, loss = 0, loss8 = 0, tokens = 0;
    size_t count, i;
    int text;
    CHECK(model && as_it_lies && exact);
    for (text = 0; model && as_it_lies && exact && text < TEXTS; text++) {
        count = write_text(model, first, (uint64_t)text + 1, ids);
        CHECK(count > 1);
        CHECK(read_text(model, ids, count, 1, exact) && read_text(model, ids, count, 0, int8));
        CHECK(read_text(as_it_lies, ids, count, 0, unpacked));
        CHECK(!memcmp(int8, unpacked, count * (size_t)vocabulary * sizeof *int8));
        whole = cosine(exact, int8, count * (size_t)vocabulary);
        lowest = whole < lowest ? whole : lowest;
        for (i = 0; i + 1 < count; i++, tokens++) {
            const float *a = exact + i * (size_t)vocabulary, *b = int8 + i * (size_t)vocabulary;
            const double c = cosine(a, b, (size_t)vocabulary);
            lowest_token = c < lowest_token ? c : lowest_token;
            loss += surprise(a, vocabulary, ids[i + 1]);
            loss8 += surprise(b, vocabulary, ids[i + 1]);
        }
    }
    printf("%s: %.0f tokens, cosine of a text's logits at least %.6f, of a token's %.6f\n", folder, tokens, lowest,
           lowest_token);
    printf("    perplexity %.4f exact, %.4f by default\n", exp(loss / tokens), exp(loss8 / tokens));
    CHECK(lowest >= 0.9995 && lowest_token >= 0.998);
    CHECK(fabs(exp((loss8 - loss) / tokens) - 1) <= 0.005);
    free(exact);
    llm_model_close(model);
    llm_model_close(as_it_lies);
}

static void test_examples_model(void) { check_model("examples/model", 0); }
static void test_stories_q4(void) { check_model("tests/golden/models/stories260K-q4", 1); }
static void test_stories_q8(void) { check_model("tests/golden/models/stories260K-q8", 1); }

int main(void) {
    TEST(test_examples_model);
    TEST(test_stories_q4);
    TEST(test_stories_q8);
    return test_summary("quality");
}
