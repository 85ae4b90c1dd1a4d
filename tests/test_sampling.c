/* test_sampling - from logits to a token, the chapter >>sampling of llm.h: mlx-lm's filters and penalties by the names
   of its tests (their golden numbers are the golden runner's), the others by their definitions, what is drawn by its
   frequencies. */
#define LLM_IMPLEMENTATION
#include "llm.h"
#include "samples.h"
#include "stories.h"
#include "test.h"

enum { MOST = SAMPLE_MOST };

static llm_sampling options(float temperature) {
    llm_sampling s;
    memset(&s, 0, sizeof s);
    s.temperature = temperature;
    return s;
}

/* ---- mlx-lm's tests, by their names */

static const float four[] = {-0.105361f, -2.302585f, -HUGE_VALF, -HUGE_VALF}; /* 0.9, 0.1, 0, 0 */
static const float some[] = {-2.302585f, -0.693147f, -1.203973f, -2.302585f}; /* 0.1, 0.5, 0.3, 0.1 */

static void test_apply_top_p(void) {
    llm_sampling s = options(1);
    float kept[4];
    s.top_p = 0.3f;
    CHECK(sample_keeps(&s, four, 4, kept) == 1 && kept[0] > -1);
    s.top_p = 0.95f;
    CHECK(sample_keeps(&s, four, 4, kept) == 2);
    s.top_p = 0.4f;
    CHECK(sample_keeps(&s, some, 4, kept) == 1 && kept[1] > -1);
    s.top_p = 0.6f;
    CHECK(sample_keeps(&s, some, 4, kept) == 2 && kept[2] > -2);
    s.top_p = 0.95f;
    CHECK(sample_keeps(&s, some, 4, kept) == 4); /* the two last are equally likely */
}

static void test_apply_min_p(void) {
    llm_sampling s = options(1);
    float kept[4];
    s.min_p = 0.8f;
    CHECK(sample_keeps(&s, four, 4, kept) == 1 && kept[0] > -1);
    s.min_p = 0.05f;
    CHECK(sample_keeps(&s, four, 4, kept) == 2);
    s.min_p = 1;
    s.min_keep = 3;
    CHECK(sample_keeps(&s, some, 4, kept) == 3 && kept[1] > -1 && kept[2] > -2);
}

static void test_apply_top_k(void) {
    llm_sampling s = options(1);
    float kept[4];
    int k;
    for (k = 1; k <= 4; k++) {
        s.top_k = k;
        CHECK(sample_keeps(&s, some, 4, kept) == k && kept[1] > -1);
    }
    s.top_k = 1000; /* more than there are: all */
    CHECK(sample_keeps(&s, some, 4, kept) == 4);
}

static void test_apply_xtc(void) {
    static const int32_t second[] = {1};
    llm_sampling s = options(1);
    float kept[4];
    s.xtc_probability = 1;
    s.xtc_threshold = 0.2f; /* 0.5 and 0.3 lie above: the better one goes */
    CHECK(sample_keeps(&s, some, 4, kept) == 3 && kept[1] == -HUGE_VALF);
    s.xtc_threshold = 0.05f; /* all lie above; the two least likely are equal, and stay */
    CHECK(sample_keeps(&s, some, 4, kept) == 2 && kept[0] > -3 && kept[3] > -3);
    s.xtc_protected = second;
    s.xtc_protected_count = 1;
    CHECK(sample_keeps(&s, some, 4, kept) == 3 && kept[1] > -1);
    s.xtc_threshold = 0.45f; /* one above: it is the least likely of them */
    CHECK(sample_keeps(&s, some, 4, kept) == 4);
    s.xtc_probability = 0;
    s.xtc_threshold = 0;
    CHECK(sample_keeps(&s, some, 4, kept) == 4);
}

static void test_presence_penalty(void) {
    static const int32_t history[] = {0, 0, 3};
    float logits[4] = {-0.5f, 0.5f, 1, 2};
    float scratch[3 * 4];
    llm_penalties p;
    memset(&p, 0, sizeof p);
    p.presence = 0.5f;
    llm_penalize(&p, history, 3, logits, 4, scratch);
    CHECK(logits[0] == -1 && logits[1] == 0.5f && logits[2] == 1 && logits[3] == 1.5f);
}

static void test_frequency_penalty(void) {
    static const int32_t history[] = {0, 0, 3};
    float logits[4] = {-0.5f, 0.5f, 1, 2};
    float scratch[3 * 4];
    llm_penalties p;
    memset(&p, 0, sizeof p);
    p.frequency = 0.5f;
    llm_penalize(&p, history, 3, logits, 4, scratch);
    CHECK(logits[0] == -1.5f && logits[1] == 0.5f && logits[2] == 1 && logits[3] == 1.5f);
}

/* Bias, repetition, presence, frequency, in that order. */
static void test_make_logits_processors(void) {
    static const llm_token_bias biases[] = {{0, -1}, {1, -1}, {2, 1}};
    static const int32_t history[] = {0, 1, 1};
    float logits[4] = {2, 0.5f, -1, 0};
    float scratch[3 * 4];
    llm_penalties p;
    memset(&p, 0, sizeof p);
    p.biases = biases;
    p.bias_count = 3;
    p.repetition = 2;
    p.presence = 0.25f;
    p.frequency = 0.125f;
    llm_penalize(&p, history, 3, logits, 4, scratch);
    CHECK(logits[0] == 1.0f / 2 - 0.25f - 0.125f);
    CHECK(logits[1] == -0.5f * 2 - 0.25f - 0.25f);
    CHECK(logits[2] == 0 && logits[3] == 0);
}

static void windows(void) {
    static const int32_t history[] = {0, 1, 2, 3};
    float scratch[3 * 4];
    llm_penalties p;
    int window;
    memset(&p, 0, sizeof p);
    p.presence = 1;
    for (window = -1; window <= 5; window++) {
        float logits[4] = {0, 0, 0, 0}, sum;
        p.presence_window = window;
        llm_penalize(&p, history, 4, logits, 4, scratch);
        sum = logits[0] + logits[1] + logits[2] + logits[3];
        CHECK(sum == (float)-(window < 1 || window > 4 ? 4 : window) && logits[3] == -1);
    }
}

/* ---- the other filters */

static void top_n_sigma(void) {
    llm_sampling s = options(1);
    float logits[100], kept[100];
    int i;
    for (i = 0; i < 100; i++) logits[i] = i < 3 ? 10.0f - (float)i : (float)(i % 2); /* sigma is about 1.6 */
    s.top_n_sigma = 1;
    CHECK(sample_keeps(&s, logits, 100, kept) == 2 && kept[0] > -2 && kept[1] > -3);
    s.top_n_sigma = 0.01f;
    CHECK(sample_keeps(&s, logits, 100, kept) == 1);
    s.top_n_sigma = 100;
    CHECK(sample_keeps(&s, logits, 100, kept) == 100);
}

/* The best token surprises much less than expected, so that it is not typical. */
static void typical(void) {
    llm_sampling s = options(1);
    float logits[11], kept[11];
    int i;
    logits[0] = logf(0.4f);
    for (i = 1; i < 11; i++) logits[i] = logf(0.06f);
    s.typical_p = 0.33f; /* entropy 2.06 nats; surprises 0.92 and 2.81 */
    CHECK(sample_keeps(&s, logits, 11, kept) == 10 && kept[0] == -HUGE_VALF); /* equals stay together */
    for (i = 1; i < 11; i++) logits[i] = logf(0.06f) + 0.001f * (float)i;
    CHECK(sample_keeps(&s, logits, 11, kept) == 6 && kept[0] == -HUGE_VALF && kept[10] > -4 && kept[4] == -HUGE_VALF);
    s.typical_p = 0.99f;
    CHECK(sample_keeps(&s, logits, 11, kept) == 11);
    s.top_k = 1; /* after it, tokens are in the order of likelihood again */
    CHECK(sample_keeps(&s, logits, 11, kept) == 1 && kept[0] > -1);
}

static void mirostat(void) {
    llm_sampling s = options(1);
    static float logits[MOST];
    static float scratch[3 * MOST];
    float mu = 6, kept[MOST];
    double surprise = 0;
    int i;
    for (i = 0; i < MOST; i++) logits[i] = -logf((float)(i + 1)); /* Zipf's law */
    s.mirostat_tau = 3;
    s.mirostat_mu = &mu;
    sample_keeps(&s, logits, MOST, kept);
    for (i = 0; i < MOST; i++) /* the sum of 1/1 to 1/512 is 6.8165 */
        CHECK((kept[i] > -HUGE_VALF) == (i == 0 || log2(6.8165) + log2(i + 1.0) <= 6));
    for (i = 0; i < 3000; i++) {
        float before = mu;
        llm_sample(&s, logits, MOST, i, scratch, NULL);
        surprise += (double)((before - mu) / 0.1f + s.mirostat_tau);
    }
    CHECK(fabs(surprise / 3000 - 3) < 0.1);
}

/* The flatter what is left, the hotter. */
static void dynamic_temperature(void) {
    llm_sampling s = options(1);
    float flat[4] = {0, 0, 0, 0}, steep[4] = {0, -40, -40, -40};
    float scratch[3 * 4];
    llm__choices p = sample_open(scratch, flat, 4);
    s.dynamic_range = 0.5f;
    CHECK(fabs(llm__temperature(&s, &p) - 1.5) < 1e-6);
    p = sample_open(scratch, steep, 4);
    CHECK(fabs(llm__temperature(&s, &p) - 0.5) < 1e-6);
    s.dynamic_range = 5; /* never below zero */
    CHECK(llm__temperature(&s, &p) > 0 && llm__temperature(&s, &p) < 1e-3);
}

static void dry(void) {
    static const int32_t history[] = {1, 2, 3, 4, 9, 1, 2, 3}; /* 4 would make four in a row */
    static const int32_t breaker[] = {2};
    static float scratch[3 * 10];
    llm_penalties p;
    float logits[10] = {0};
    memset(&p, 0, sizeof p);
    p.dry_multiplier = 1;
    p.dry_base = 2;
    p.dry_window = -1;
    llm_penalize(&p, history, 8, logits, 10, scratch);
    CHECK(logits[4] == -2 && logits[3] == 0 && logits[9] == 0); /* 1 * 2^(3 - 2) */
    logits[4] = 0;
    p.dry_allowed = 4;
    llm_penalize(&p, history, 8, logits, 10, scratch);
    CHECK(logits[4] == 0);
    p.dry_allowed = 1;
    p.dry_breakers = breaker;
    p.dry_breaker_count = 1;
    llm_penalize(&p, history, 8, logits, 10, scratch);
    CHECK(logits[4] == -1); /* only the 3 behind the breaker counts */
}

/* A text of few words against the definition, with breakers and windows, whatever the scratch held before. */
static void dry_by_definition(void) {
    static int32_t text[300];
    static float got[16], want[16], scratch[3 * 16];
    uint32_t x = 5;
    int round, i, id;
    for (round = 0; round < 60; round++) {
        int32_t breaker = 3;
        llm_penalties p;
        memset(&p, 0, sizeof p);
        p.dry_multiplier = 0.5f;
        p.dry_base = 1.25f;
        p.dry_window = round % 2 ? -1 : 100;
        p.dry_breakers = &breaker;
        p.dry_breaker_count = (size_t)(round % 3 == 0);
        for (i = 0; i < 300; i++) {
            x = x * 1664525u + 1013904223u;
            text[i] = x >> 28 ? (round % 4 ? i % (2 + round % 7) : 2) : (int32_t)(x >> 20 & 31) - 4;
        }
        for (id = 0; id < 16; id++) {
            int first = round % 2 ? 0 : 200, best = 0, end, n;
            for (end = first + 1; end < 300; end++) {
                if (text[end] != id) continue;
                for (n = 0; n < 64 && first + n < end && text[end - 1 - n] == text[299 - n]; n++)
                    if (p.dry_breaker_count && text[299 - n] == breaker) break;
                if (n > best) best = n;
            }
            want[id] = best >= 2 ? -0.5f * powf(1.25f, (float)(best - 2)) : 0;
        }
        memset(got, 0, sizeof got);
        memset(scratch, 0x55, sizeof scratch);
        llm_penalize(&p, text, 300, got, 16, scratch);
        CHECK(!memcmp(got, want, sizeof got));
    }
}

/* ---- drawing */

static double chi_square(const llm_sampling *s, const float *logits, int n, const float *share, int draws) {
    static int seen[MOST];
    static float scratch[3 * MOST];
    double sum = 0;
    int i;
    memset(seen, 0, sizeof seen);
    for (i = 0; i < draws; i++) seen[llm_sample(s, logits, n, i, scratch, NULL)]++;
    for (i = 0; i < n; i++) {
        double expected = (double)share[i] * draws;
        if (share[i] <= 0 && seen[i]) return HUGE_VAL;
        if (share[i] > 0) sum += (seen[i] - expected) * (seen[i] - expected) / expected;
    }
    return sum;
}

/* 99.99 % of fair draws with 15 degrees of freedom stay below 44.3. */
static void drawn_as_promised(void) {
    static sample c;
    float share[16], kept[16];
    int round, i;
    for (round = 0; round < 6; round++) {
        memset(&c, 0, sizeof c);
        c.count = 16;
        c.sampling = options(round % 2 ? 0.7f : 1.5f);
        c.sampling.seed = (uint64_t)round * 77;
        if (round >= 2) c.sampling.top_k = 16;
        if (round >= 4) c.sampling.xtc_probability = 1, c.sampling.xtc_threshold = 0.1f;
        for (i = 0; i < 16; i++) c.logits[i] = (float)(i * 37 % 16) / 5;
        sample_keeps(&c.sampling, c.logits, 16, kept);
        sample_shares(&c, kept, share);
        CHECK(chi_square(&c.sampling, c.logits, 16, share, 20000) < 44.3);
    }
}

static void removed_and_broken_logits(void) {
    float logits[5] = {NAN, -HUGE_VALF, 1, NAN, 0}, all_bad[3] = {NAN, NAN, NAN}, none[2] = {-HUGE_VALF, -HUGE_VALF};
    float scratch[3 * 5];
    llm_sampling s = options(1);
    int i;
    for (i = 0; i < 200; i++) {
        int32_t id = llm_sample(&s, logits, 5, i, scratch, NULL);
        CHECK(id == 2 || id == 4);
        s.top_p = i % 2 ? 0.9f : 0;
    }
    CHECK(llm_sample(&s, all_bad, 3, 0, scratch, NULL) == 0);
    s.temperature = 1e-40f; /* its inverse is not finite */
    CHECK(llm_sample(&s, logits, 5, 0, scratch, NULL) == 2);
    CHECK(llm_sample(&s, none, 2, 0, scratch, NULL) == 0);
}

/* ---- the filters must find in a large vocabulary what a full sort finds */

enum { LARGE = 70001 };

typedef struct ranked {
    float logprob;
    int32_t id;
} ranked;

static int by_likelihood(const void *a, const void *b) {
    const ranked *x = (const ranked *)a, *y = (const ranked *)b;
    return x->logprob != y->logprob ? (x->logprob < y->logprob ? 1 : -1) : x->id - y->id;
}

/* Logits as texts have them, spread evenly, with many equals, with a few that have most, all equal, with most removed,
   very far from each other, with NaNs. */
static void make_logits(float *logits, int n, int kind) {
    uint32_t x = 1;
    int i;
    for (i = 0; i < n; i++) {
        x = x * 1664525U + 1013904223U;
        switch (kind) {
        case 0: logits[i] = -1.5f * logf((float)((x >> 8) % (uint32_t)n + 1)); break;
        case 1: logits[i] = 4 * (float)(x >> 8) / 16777216; break;
        case 2: logits[i] = (float)(x >> 16 & 63) / 16 - (i % 3 ? 0 : 40); break;
        case 3: logits[i] = i % 9973 == 77 ? 11 : (float)(x >> 8) / 16777216; break;
        case 4: logits[i] = 2.5f; break;
        case 5: logits[i] = i % 641 ? -HUGE_VALF : (float)(x >> 8) / 4194304; break;
        case 6: logits[i] = 60000 * ((float)(x >> 8) / 16777216 - 0.5f); break;
        default: logits[i] = i % 5 ? (float)(x >> 8) / 2097152 : NAN; break;
        }
    }
}

/* How many tokens of the order stay, by the definition of each filter.  slack: of the probability, as sums in another
   order are rounded otherwise. */
static int sorted_count(const llm_sampling *s, const ranked *sorted, int n, double slack) {
    double above = 0, most = (double)s->top_p + slack;
    int k;
    if (s->top_k) return s->top_k < n ? s->top_k : n;
    if (s->min_p > 0) {
        float low = sorted[0].logprob + logf(s->min_p);
        for (k = 0; k < n && (sorted[k].logprob >= low || k < s->min_keep); k++) continue;
        return k;
    }
    for (k = 0; k < n && !(above >= most && sorted[k].logprob < sorted[k - 1].logprob); k++)
        above += exp((double)sorted[k].logprob);
    return k;
}

static void as_a_full_sort(void) {
    static float logits[LARGE], scratch[3 * LARGE];
    static ranked sorted[LARGE];
    static uint8_t stays[LARGE];
    static const float top_ps[] = {0.001f, 0.3f, 0.9f, 0.999f};
    static const int top_ks[] = {1, 40, 100, 1000, 30000, 69999}, keeps[] = {1, 3000};
    static const float min_ps[] = {0.001f, 0.7f};
    int kind, round, i, n, count, least, most;
    for (kind = 0; kind < 8; kind++) {
        double norm;
        make_logits(logits, LARGE, kind);
        norm = sample_open(scratch, logits, LARGE).norm;
        for (i = n = 0; i < LARGE; i++)
            if (logits[i] > -HUGE_VALF) sorted[n].id = i, sorted[n++].logprob = (float)(logits[i] - norm);
        qsort(sorted, (size_t)n, sizeof *sorted, by_likelihood);
        for (round = 0; round < 14; round++) {
            llm_sampling s = options(1);
            llm__choices p = sample_open(scratch, logits, LARGE);
            int wrong = 0;
            if (round < 4) s.top_p = top_ps[round];
            else if (round < 10) s.top_k = top_ks[round - 4];
            else s.min_p = min_ps[round % 2], s.min_keep = keeps[round / 2 % 2];
            llm__filter(&s, &p, 0);
            count = llm__choices_list(&p, llm__choices_band(&p, -HUGE_VALF), llm__no_band());
            least = sorted_count(&s, sorted, n, -1e-6);
            most = sorted_count(&s, sorted, n, 1e-6);
            CHECK(count >= least && count <= most);
            memset(stays, 0, sizeof stays);
            for (i = 0; i < count; i++) stays[p.ids[i]] = 1;
            for (i = 0; i < count; i++) wrong += !stays[sorted[i].id];
            CHECK_EQ(wrong, 0);
        }
    }
}

/* Ways to choose, one after the other. */
static llm_sampling way(int n) {
    llm_sampling s = options(n ? 0.9f : 0);
    if (n == 2) s.top_p = 0.8f;
    if (n == 3) s.top_k = 500, s.min_p = 0.01f;
    if (n == 4) s.typical_p = 0.7f;
    if (n == 5) s.top_n_sigma = 1;
    if (n == 6) s.xtc_probability = 1, s.xtc_threshold = 0;
    if (n == 7) s.mirostat_tau = 4;
    if (n == 8) s.dynamic_range = 0.5f;
    if (n == 9) s.top_n_sigma = 2, s.typical_p = 0.9f, s.top_p = 0.9f, s.dynamic_range = 0.5f;
    return s;
}

static void last_job_first(void *user, int count, llm_job_fn fn, void *argument) {
    (void)user;
    while (count--) fn(argument, count, 0);
}

/* Who works on which logits, and when, changes nothing. */
static void same_for_any_threads(void) {
    static float logits[LARGE], scratch[3 * LARGE];
    const llm__ops *ops = llm__ops_choose(NULL);
    llm__arena arena;
    llm_jobs jobs[3];
    int kind, n, i, k, wrong = 0;
    memset(&arena, 0, sizeof arena);
    memset(jobs, 0, sizeof jobs);
    arena.allocator = llm__allocator_or_default(arena.allocator);
    jobs[0].run = last_job_first;
    for (i = 1; i < 3; i++) {
        jobs[i].run = llm__pool_run;
        jobs[i].user = llm__pool_open(&arena, i == 1 ? 2 : 5, 0);
        CHECK(jobs[i].user != NULL);
    }
    for (kind = 0; kind < 8; kind++)
        for (n = 0; n < 10; n++) {
            const llm_sampling s = way(n);
            make_logits(logits, LARGE, kind);
            for (k = 0; k < 4; k++) {
                float want, got;
                int32_t id = llm_sample(&s, logits, LARGE, k, scratch, &want);
                for (i = 0; i < 3; i++) {
                    memset(scratch, 0xff, sizeof scratch); /* NaNs, which nothing must look at */
                    wrong += llm__sample(ops, &jobs[i], &s, logits, LARGE, k, scratch, &got) != id;
                    wrong += memcmp(&got, &want, sizeof got) != 0;
                }
            }
        }
    CHECK_EQ(wrong, 0);
    for (i = 1; i < 3; i++) llm__pool_close((llm__pool *)jobs[i].user);
    llm__arena_free(&arena);
}

/* Log-probabilities and entropy against sums in double. */
static void measured(void) {
    static float logits[LARGE], scratch[3 * LARGE];
    int kind, i;
    for (kind = 0; kind < 8; kind++) {
        double total = 0, entropy = 0, norm;
        llm__choices p;
        make_logits(logits, LARGE, kind);
        p = sample_open(scratch, logits, LARGE);
        for (i = 0; i < LARGE; i++) total += logits[i] > -HUGE_VALF ? exp((double)(logits[i] - p.best)) : 0;
        norm = p.best + log(total);
        for (i = 0; i < LARGE; i++)
            if (logits[i] > -HUGE_VALF) entropy -= exp(logits[i] - norm) * (logits[i] - norm);
        CHECK(fabs(p.norm - norm) < 1e-6 && fabs(p.entropy - entropy) < 1e-5);
        CHECK(fabs(llm__choices_entropy(&p) - entropy) < 1e-5);
        llm__choices_keep(&p, llm__logits_from(-FLT_MAX), LARGE, llm__logits_from(-FLT_MAX)); /* nothing goes */
        CHECK(fabs(llm__choices_entropy(&p) - entropy) < 1e-5 && fabs(llm__choices_mass(&p) - 1) < 1e-6);
        for (total = 0, i = 0; i < LARGE; i++) total += logits[i] > -HUGE_VALF;
        CHECK(llm__choices_count(&p) == total);
    }
}

/* The n best come in order. */
static void best_in_order(void) {
    static float logits[LARGE], scratch[3 * LARGE];
    static const int ks[] = {1, 7, 300, 20000};
    int kind, round, i, n;
    for (kind = 0; kind < 5; kind++)
        for (round = 0; round < 4; round++) {
            llm__choices p;
            int wrong = 0;
            make_logits(logits, LARGE, kind);
            p = sample_open(scratch, logits, LARGE);
            p.norm = 1;
            n = llm__choices_best(&p, ks[round]);
            CHECK_EQ(n, ks[round]);
            for (i = 1; i < n; i++) {
                float x = logits[p.ids[i - 1]] - 1, y = logits[p.ids[i]] - 1;
                wrong += !(x > y || (x == y && p.ids[i - 1] < p.ids[i]));
            }
            CHECK(!wrong && logits[p.ids[0]] == p.peak);
        }
}

/* Typical: what stays is nearer to the entropy than what goes, and has the share asked for, but for the last. */
static void typical_of_many(void) {
    static float logits[LARGE], scratch[3 * LARGE];
    int kind, i;
    for (kind = 0; kind < 4; kind++) {
        llm_sampling s = options(1);
        llm__choices p;
        double entropy = 0, mass = 0, last = 0, farthest = -1, nearest = 1e9;
        make_logits(logits, LARGE, kind);
        p = sample_open(scratch, logits, LARGE);
        for (i = 0; i < LARGE; i++) entropy -= exp(logits[i] - p.norm) * (logits[i] - p.norm);
        s.typical_p = 0.8f;
        llm__filter(&s, &p, 0);
        for (i = 0; i < LARGE; i++) {
            double far_off = fabs(logits[i] - p.norm + entropy);
            if (p.tops[i / LLM__CHUNK] == -HUGE_VALF || p.x[i] == -HUGE_VALF) {
                if (far_off < nearest) nearest = far_off;
                continue;
            }
            mass += exp(logits[i] - p.norm);
            if (far_off > farthest) farthest = far_off;
        }
        for (i = 0; i < LARGE; i++)
            if (fabs(fabs(logits[i] - p.norm + entropy) - farthest) < 1e-5) last += exp(logits[i] - p.norm);
        CHECK(nearest > farthest - 1e-5);
        CHECK(mass >= (double)s.typical_p - 1e-5 && mass - last < (double)s.typical_p + 1e-5);
    }
}

/* ---- within a generation */

static int calls, last_count;

static void forbid_the_best(void *user, const int32_t *tokens, size_t count, float *logits, int vocabulary) {
    int i, best = 0;
    (void)tokens;
    for (i = 1; i < vocabulary; i++)
        if (logits[i] > logits[best]) best = i;
    if (user) logits[best] = -HUGE_VALF;
    calls++;
    last_count = (int)count;
}

static void penalties_in_a_generation(void) {
    static const llm_token_bias never = {395, -HUGE_VALF};
    static told plain, other;
    llm_model *m = stories_open();
    llm_generation_desc d = prompt_desc("Once upon a time", 32);
    size_t i;
    tell(m, &d, &plain);
    CHECK_EQ(plain.count, 32);
    d.penalties.process = forbid_the_best;
    tell(m, &d, &other);
    CHECK(same_told(&plain, &other) && calls == 32 && last_count > 32); /* prompt and text */
    d.penalties.process_user = &calls;
    tell(m, &d, &other);
    CHECK(other.count && other.ids[0] != plain.ids[0]);
    memset(&d.penalties, 0, sizeof d.penalties);
    d.penalties.presence = 1e6f;
    d.penalties.presence_window = -1;
    tell(m, &d, &other);
    CHECK_EQ(other.count, 32);
    for (i = 0; i < other.count; i++) CHECK(!llm__is_listed(other.ids, i, other.ids[i])); /* nothing comes twice */
    CHECK(llm__is_listed(plain.ids, plain.count, 395));
    memset(&d.penalties, 0, sizeof d.penalties);
    d.penalties.biases = &never;
    d.penalties.bias_count = 1;
    tell(m, &d, &other);
    CHECK(other.count && !llm__is_listed(other.ids, other.count, 395));
    llm_model_close(m);
}

static void wrong_options(void) {
    static const llm_token_bias far = {100000, 1};
    static const int32_t negative = -1;
    llm_model *m = stories_open();
    llm_generation *g = NULL;
    llm_error error;
    int i;
    for (i = 0; i < 9; i++) {
        static const char *const words[] = {"typical_p", "xtc_threshold", "mirostat_eta", "biases", "dry_breakers",
                                            "repetition", "presence_window", "xtc_protected", "biases"};
        llm_generation_desc d;
        memset(&d, 0, sizeof d);
        d.prompt = "Once";
        if (i == 0) d.sampling.typical_p = 1.5f;
        if (i == 1) d.sampling.xtc_threshold = 0.6f;
        if (i == 2) d.sampling.mirostat_eta = -1;
        if (i == 3) d.penalties.biases = &far, d.penalties.bias_count = 1;
        if (i == 4) d.penalties.dry_breakers = &negative, d.penalties.dry_breaker_count = 1;
        if (i == 5) d.penalties.repetition = NAN;
        if (i == 6) d.penalties.presence_window = -2;
        if (i == 7) d.sampling.xtc_protected_count = 2;
        if (i == 8) d.penalties.bias_count = 3;
        CHECK(llm_generation_open(&g, m, &d, &error) == LLM_BAD_ARGUMENT && says(&error, words[i]) && !g);
    }
    llm_model_close(m);
}

int main(void) {
    stories_read();
    TEST(test_apply_top_p);
    TEST(test_apply_min_p);
    TEST(test_apply_top_k);
    TEST(test_apply_xtc);
    TEST(test_presence_penalty);
    TEST(test_frequency_penalty);
    TEST(test_make_logits_processors);
    TEST(windows);
    TEST(top_n_sigma);
    TEST(typical);
    TEST(mirostat);
    TEST(dynamic_temperature);
    TEST(dry);
    TEST(dry_by_definition);
    TEST(drawn_as_promised);
    TEST(removed_and_broken_logits);
    TEST(as_a_full_sort);
    TEST(same_for_any_threads);
    TEST(measured);
    TEST(best_in_order);
    TEST(typical_of_many);
    TEST(penalties_in_a_generation);
    TEST(wrong_options);
    stories_free();
    return test_summary("test_sampling");
}
