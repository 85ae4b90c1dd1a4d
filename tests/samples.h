/* samples.h - golden numbers of samplers and penalties, and what ours make of the same logits: for the golden runner
   and for test_sampling. */
#ifndef SAMPLES_H
#define SAMPLES_H

enum { SAMPLE_MOST = 512 };

typedef struct sample {
    llm_sampling sampling;
    llm_penalties penalties;
    int32_t protected_ids[SAMPLE_MOST], history[SAMPLE_MOST];
    llm_token_bias biases[SAMPLE_MOST];
    int history_count, count, argmax;
    float logits[SAMPLE_MOST], processed[SAMPLE_MOST], kept[SAMPLE_MOST], probabilities[SAMPLE_MOST];
} sample;

/* Choices that nobody else works on; scratch as for llm_sample. */
static llm__choices sample_open(void *scratch, const float *logits, int n) {
    static const llm_jobs alone = {NULL, 1, llm__run_alone};
    return llm__choices_open(llm__ops_choose(NULL), &alone, scratch, logits, n);
}

/* What the filters keep: log-probabilities by id, minus infinity where a token went; returns how many stay. */
static int sample_keeps(const llm_sampling *s, const float *logits, int n, float *kept) {
    static float scratch[3 * SAMPLE_MOST];
    llm__choices p = sample_open(scratch, logits, n);
    int i, count;
    llm__filter(s, &p, 0);
    for (i = 0; i < n; i++) kept[i] = -HUGE_VALF;
    count = llm__choices_list(&p, llm__choices_band(&p, -HUGE_VALF), llm__no_band());
    for (i = 0; i < count; i++) kept[p.ids[i]] = llm__key(&p, p.x[p.ids[i]]);
    return count;
}

/* How the drawn tokens are distributed, without drawing. */
static void sample_shares(const sample *c, const float *kept, float *out) {
    double total = 0;
    int i;
    for (i = 0; i < c->count; i++) total += exp((double)kept[i] / (double)c->sampling.temperature);
    for (i = 0; i < c->count; i++) out[i] = (float)(exp((double)kept[i] / (double)c->sampling.temperature) / total);
}

/* ---- reading a case */

static LLM__UNUSED float sample_number(const llm__json *v) {
    double x;
    return llm__json_float(v, &x) ? (float)x : -HUGE_VALF; /* null: removed */
}

static LLM__UNUSED int sample_numbers(const llm__json *list, float *out) {
    int i, n = list ? (int)list->length : 0;
    for (i = 0; i < n && i < SAMPLE_MOST; i++) out[i] = sample_number(llm__json_at(list, (uint32_t)i));
    return n;
}

static LLM__UNUSED int sample_ids(const llm__json *list, int32_t *out) {
    int i, n = list ? (int)list->length : 0;
    for (i = 0; i < n && i < SAMPLE_MOST; i++) out[i] = (int32_t)sample_number(llm__json_at(list, (uint32_t)i));
    return n;
}

static LLM__UNUSED float sample_option(const llm__json *object, const char *key, float fallback) {
    double x;
    return llm__json_float(llm__json_get(object, key), &x) ? (float)x : fallback;
}

/* {"3": 2.5, ...}: `biases` has room for SAMPLE_MOST. */
static LLM__UNUSED void sample_biases(llm_penalties *p, const llm__json *object, llm_token_bias *biases) {
    const llm__json *key = llm__json_first(object);
    uint32_t i;
    for (i = 0; key && i < object->length && i < SAMPLE_MOST; i++, key = llm__json_next(key + 1)) {
        biases[i].id = (int32_t)strtol(key->as.text, NULL, 10);
        biases[i].bias = sample_number(key + 1);
        p->bias_count = i + 1;
    }
    p->biases = biases;
}

/* Penalties by mlx-lm's names. */
static LLM__UNUSED void sample_penalties(llm_penalties *p, const llm__json *by, llm_token_bias *biases) {
    p->repetition = sample_option(by, "repetition_penalty", 0);
    p->presence = sample_option(by, "presence_penalty", 0);
    p->frequency = sample_option(by, "frequency_penalty", 0);
    p->repetition_window = (int)sample_option(by, "repetition_context_size", 20);
    p->presence_window = (int)sample_option(by, "presence_context_size", 20);
    p->frequency_window = (int)sample_option(by, "frequency_context_size", 20);
    sample_biases(p, llm__json_get(by, "logit_bias"), biases);
}

static LLM__UNUSED void sample_read(sample *c, const llm__json *v) {
    const llm__json *p = llm__json_get(v, "params");
    memset(c, 0, sizeof *c);
    c->count = sample_numbers(llm__json_get(v, "logits"), c->logits);
    sample_numbers(llm__json_get(v, "processed"), c->processed);
    sample_numbers(llm__json_get(v, "kept"), c->kept);
    sample_numbers(llm__json_get(v, "probabilities"), c->probabilities);
    c->history_count = sample_ids(llm__json_get(v, "history"), c->history);
    c->argmax = (int)sample_number(llm__json_get(v, "argmax"));
    c->sampling.temperature = sample_option(p, "temp", 0);
    c->sampling.top_p = sample_option(p, "top_p", 0);
    c->sampling.min_p = sample_option(p, "min_p", 0);
    c->sampling.min_keep = (int)sample_option(p, "min_tokens_to_keep", 1);
    c->sampling.top_k = (int)sample_option(p, "top_k", 0);
    c->sampling.xtc_probability = sample_option(p, "xtc_probability", 0);
    c->sampling.xtc_threshold = sample_option(p, "xtc_threshold", 0);
    c->sampling.xtc_protected = c->protected_ids;
    c->sampling.xtc_protected_count = (size_t)sample_ids(llm__json_get(p, "xtc_special_tokens"), c->protected_ids);
    sample_penalties(&c->penalties, p, c->biases);
}

#endif /* SAMPLES_H */
