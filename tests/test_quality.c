/* test_quality - what activations as codes cost: on trained models with quantized weights and with half floats, the
   default against `exact`.  Texts are sampled from each model at temperature 1, so that their perplexity is the model's
   own.  Quantized weights read as they lie must give the same bits as those laid out for the kernels. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "stories.h"
#include "test.h"

enum { TEXTS = 12, LENGTH = 200 };

/* Files: a checkpoint in memory; NULL: the folder. */
static llm_model *open_model(const char *folder, const llm_memory_file *files, int no_pack) {
    llm_model_desc desc;
    llm_model *model = NULL;
    llm_error error;
    memset(&desc, 0, sizeof desc);
    if (files) desc.memory = files, desc.memory_count = 2;
    else desc.path = folder;
    desc.weights_only = 1;
    desc.no_pack = no_pack;
    if (llm_model_open(&model, &desc, &error)) printf("%s: %s\n", folder, error.message);
    return model;
}

/* A safetensors file whose tensors are all F32, in half floats: each pair of offsets is halved.  Uses the file up. */
static uint8_t *in_halves(uint8_t *file, size_t *bytes, llm_dtype type) {
    const char *name = type == LLM_F16 ? "F16" : "BF16", *at = (const char *)file + 8, *end;
    const size_t header = (size_t)file[0] | (size_t)file[1] << 8 | (size_t)file[2] << 16;
    const size_t numbers = (*bytes - 8 - header) / 4;
    uint8_t *out = (uint8_t *)calloc(*bytes, 1);
    char *to = (char *)out + 8;
    if (!out) return NULL;
    for (end = at + header; at < end; at++) {
        if (!strncmp(at, "\"F32\"", 5)) to += sprintf(to, "\"%s\"", name), at += 4;
        else if (at[0] == '[' && at[-1] == ':' && at[-2] == '"' && at[-3] == 's' && at[-4] == 't') {
            long begin = 0, last = 0;
            if (sscanf(at, "[%ld,%ld]", &begin, &last) != 2) return free(out), (uint8_t *)NULL;
            to += sprintf(to, "[%ld,%ld]", begin / 2, last / 2), at = strchr(at, ']');
        } else *to++ = *at;
    }
    while ((to - (char *)out) % 8) *to++ = ' ';
    out[0] = (uint8_t)(to - (char *)out - 8), out[1] = (uint8_t)((to - (char *)out - 8) >> 8);
    out[2] = (uint8_t)((to - (char *)out - 8) >> 16);
    memmove(file, file + 8 + header, 4 * numbers); /* aligned */
    llm__from_f32(type, (const float *)(const void *)file, numbers, to);
    *bytes = (size_t)(to - (char *)out) + 2 * numbers;
    return out;
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

/* floor: of the cosine of a text's logits.  packed_alike: weights as they lie give the same bits. */
static void check_model(const char *folder, const llm_memory_file *files, int32_t first, double floor,
                        int packed_alike) {
    llm_model *model = open_model(folder, files, 0), *as_it_lies = open_model(folder, files, 1);
    const int vocabulary = model ? llm_model_get_info(model).vocabulary : 0;
    const size_t floats = LENGTH * (size_t)vocabulary;
    float *exact = (float *)malloc(3 * floats * sizeof *exact), *coded = exact + floats, *unpacked = coded + floats;
    int32_t ids[LENGTH];
    double whole, lowest = 1, lowest_token = 1, loss = 0, loss_coded = 0, tokens = 0;
    size_t count, i;
    int text;
    CHECK(model && as_it_lies && exact);
    for (text = 0; model && as_it_lies && exact && text < TEXTS; text++) {
        count = write_text(model, first, (uint64_t)text + 1, ids);
        CHECK(count > 1);
        CHECK(read_text(model, ids, count, 1, exact) && read_text(model, ids, count, 0, coded));
        CHECK(read_text(as_it_lies, ids, count, 0, unpacked));
        if (packed_alike) CHECK(!memcmp(coded, unpacked, count * (size_t)vocabulary * sizeof *coded));
        else CHECK(cosine(coded, unpacked, count * (size_t)vocabulary) >= floor);
        whole = cosine(exact, coded, count * (size_t)vocabulary);
        lowest = whole < lowest ? whole : lowest;
        for (i = 0; i + 1 < count; i++, tokens++) {
            const float *a = exact + i * (size_t)vocabulary, *b = coded + i * (size_t)vocabulary;
            const double c = cosine(a, b, (size_t)vocabulary);
            lowest_token = c < lowest_token ? c : lowest_token;
            loss += surprise(a, vocabulary, ids[i + 1]);
            loss_coded += surprise(b, vocabulary, ids[i + 1]);
        }
    }
    printf("%s: %.0f tokens, cosine of a text's logits at least %.6f, of a token's %.6f\n", folder, tokens, lowest,
           lowest_token);
    printf("    perplexity %.4f exact, %.4f by default\n", exp(loss / tokens), exp(loss_coded / tokens));
    CHECK(lowest >= floor && lowest_token >= 1 - 4 * (1 - floor));
    CHECK(fabs(exp((loss_coded - loss) / tokens) - 1) <= 0.005);
    free(exact);
    llm_model_close(model);
    llm_model_close(as_it_lies);
}

static void test_examples_model(void) { check_model("examples/model", NULL, 0, 0.9995, 1); }
static void test_stories_q4(void) { check_model("tests/golden/models/stories260K-q4", NULL, 1, 0.9995, 1); }
static void test_stories_q8(void) { check_model("tests/golden/models/stories260K-q8", NULL, 1, 0.9995, 1); }

/* Without panels half floats are multiplied as they are, with float32. */
static void check_halves(llm_dtype type, const char *name) {
    llm_memory_file files[2] = {{"config.json", NULL, 0}, {"model.safetensors", NULL, 0}};
    void *config = read_file("tests/golden/models/stories260K/config.json", &files[0].bytes);
    uint8_t *floats = (uint8_t *)read_file("tests/golden/models/stories260K/model.safetensors", &files[1].bytes);
    uint8_t *halves = floats ? in_halves(floats, &files[1].bytes, type) : NULL;
    CHECK(config && halves);
    files[0].data = config, files[1].data = halves;
    if (config && halves) check_model(name, files, 1, 0.99999, 0);
    free(config), free(floats), free(halves);
}

static void test_halves(void) {
    check_halves(LLM_F16, "stories260K in float16");
    check_halves(LLM_BF16, "stories260K in bfloat16");
}

int main(void) {
    TEST(test_examples_model);
    TEST(test_stories_q4);
    TEST(test_stories_q8);
    TEST(test_halves);
    return test_summary("quality");
}
