/* test_speculation [PATH...] - drafts change nothing, whatever a model's caches are: the tokens of a generation and
   their log-probabilities, to the bit, with drafts that are always right, mostly wrong and looked up.  PATH: other
   fixtures. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "test.h"

#include "fixture.h"

/* One or two of each kind of cache; and learned positions, whose end stops drafts before it stops the text. */
static const char *const usual[] = {
    "llama", "gpt_bigcode", "llama-kv8g32", "llama-sliding", "gemma3", "gemma3n", "llama4_text", "deepseek_v2",
    "deepseek_v3", "deepseek_v32", "deepseek_v41", "minimax_m3_vl", "longcat_flash_ngram", "mamba", "mamba2",
    "qwen3_next", "kimi_linear", "rwkv7", "recurrent_gemma", "lfm2", "falcon_h1", "jamba", "baichuan_m1",
    "bailing_moe_linear", "gear", "afm7", "gpt_oss"};

enum { TEXT = 24 };

/* What a generation gave. */
typedef struct text {
    int32_t tokens[TEXT];
    float logprobs[TEXT];
    int count;
    size_t drafted, accepted;
} text;

static int number(const llm__json *object, const char *key) {
    double n;
    return llm__json_float(llm__json_get(object, key), &n) ? (int)n : 0;
}

/* As much text as the model has positions for. */
static int length_of(const fixture *f, const llm_model *model) {
    int most = model->position_count - f->prompt_count + 1;
    return model->position_count && most < TEXT ? most : (int)TEXT;
}

static int write_text(fixture *f, const llm_model *model, const llm_generation_desc *changes, text *out) {
    llm_generation_desc d = *changes;
    const llm__json *codes = llm__json_get(f->about, "kv_quantization");
    llm_generation *g = NULL;
    llm_generation_stats stats;
    llm_piece piece;
    llm_error error;
    llm_status status;
    memset(out, 0, sizeof *out);
    d.ids = f->prompt;
    d.id_count = (size_t)f->prompt_count;
    d.max_tokens = length_of(f, model);
    d.ignore_end = 1;
    if (!d.max_kv_size) d.max_kv_size = number(f->about, "max_kv_size");
    d.kv_bits = number(codes, "bits");
    d.kv_group_size = number(codes, "group_size");
    if (llm_generation_open(&g, model, &d, &error)) return say(f, "%s", error.message);
    while ((status = llm_generation_next(g, &piece, &error)) == LLM_OK) {
        out->tokens[out->count] = piece.token;
        out->logprobs[out->count++] = piece.logprob;
    }
    stats = llm_generation_get_stats(g);
    out->drafted = stats.drafted_tokens;
    out->accepted = stats.accepted_tokens;
    if (out->count != d.max_tokens || llm_cache_length(llm_generation_cache(g)) != f->prompt_count + out->count - 1)
        status = LLM_BAD_ARGUMENT;
    llm_generation_close(g);
    return status == LLM_END || say(f, "a text or a cache of the wrong length, or: %s", error.message);
}

static int open_model(fixture *f, const char *path, char salt, llm_model **model) {
    llm_model_desc md;
    llm_error error;
    const llm__json *salted;
    *model = NULL;
    if (!open_fixture(f, path) || !read_expectations(f)) return 0;
    salted = llm__json_get(f->formulas, "");
    if (salt && salted && salted->length) ((char *)salted->as.text)[0] = salt;
    if (!build_checkpoint(f)) return 0;
    memset(&md, 0, sizeof md);
    md.memory = f->checkpoint;
    md.memory_count = 2;
    md.weights_only = 1;
    return !llm_model_open(model, &md, &error) || say(f, "%s", error.message);
}

static int same(const text *a, const text *b) {
    return a->count == b->count && !memcmp(a->tokens, b->tokens, sizeof a->tokens) &&
           !memcmp(a->logprobs, b->logprobs, sizeof a->logprobs);
}

/* Drafts of each kind, under one way of sampling and one bound of the caches. */
static void all_drafts(fixture *f, const llm_model *model, const llm_model *wrong, llm_generation_desc d, size_t *right,
                       size_t *drafted) {
    text plain, with;
    CHECK(write_text(f, model, &d, &plain));
    d.draft_model = model;
    d.num_draft_tokens = 4;
    CHECK(write_text(f, model, &d, &with));
    CHECK(same(&plain, &with));
    *right += with.accepted;
    *drafted += with.drafted;
    d.draft_model = wrong;
    d.num_draft_tokens = 3;
    CHECK(write_text(f, model, &d, &with));
    CHECK(same(&plain, &with));
    *right += with.accepted;
    *drafted += with.drafted;
    d.draft_model = NULL;
    d.lookup.count = 5;
    CHECK(write_text(f, model, &d, &with));
    CHECK(same(&plain, &with));
    *right += with.accepted;
    *drafted += with.drafted;
}

/* speculates: some drafts must come, right ones and wrong ones; they cannot where a token more in a call makes another
   result. */
static void one_fixture(const char *path, int speculates) {
    fixture f, g;
    llm_model *model = NULL, *wrong = NULL;
    size_t right = 0, drafted = 0, bounded = 0, bounded_right = 0;
    int ok = open_model(&f, path, 0, &model);
    ok = open_model(&g, path, 'Z', &wrong) && ok;
    CHECK(ok);
    if (ok) {
        llm_generation_desc d;
        memset(&d, 0, sizeof d);
        d.session.exact = 1;
        all_drafts(&f, model, wrong, d, &right, &drafted);
        d.sampling.temperature = 1;
        d.sampling.seed = 11;
        d.session.exact = 0;
        all_drafts(&f, model, wrong, d, &right, &drafted);
        d.max_kv_size = f.prompt_count + 6;
        all_drafts(&f, model, wrong, d, &bounded_right, &bounded);
        printf("%-28s %4lu of %4lu drafts were right; %4lu of %4lu with max_kv_size\n", f.name, (unsigned long)right,
               (unsigned long)drafted, (unsigned long)bounded_right, (unsigned long)bounded);
        if (speculates) CHECK(right > 0 && drafted > right);
    }
    if (f.problem[0] || g.problem[0]) printf("%s: %s\n", path, f.problem[0] ? f.problem : g.problem);
    llm_model_close(model);
    llm_model_close(wrong);
    close_fixture(&f);
    close_fixture(&g);
}

int main(int count, char **arguments) {
    int i;
    char path[200];
    size_t k;
    for (i = 1; i < count; i++) one_fixture(arguments[i], 0);
    for (k = 0; count == 1 && k < sizeof usual / sizeof *usual; k++) {
        snprintf(path, sizeof path, "tests/golden/logits/%s.safetensors", usual[k]);
        one_fixture(path, 1);
    }
    return test_summary("test_speculation");
}
