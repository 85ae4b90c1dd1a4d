/* runs.h - golden generations, samplers and stops, for the golden runner (golden.c includes it behind fixture.h). */
#ifndef RUNS_H
#define RUNS_H

#include "samples.h"

enum { RUN_MOST = 64 };

/* ---- generations: mlx-lm's runs, then the same tokens and bits in other ways */

/* One generation as it came, token by token. */
typedef struct run {
    int32_t tokens[RUN_MOST];
    float logprobs[RUN_MOST];
    int from_draft[RUN_MOST];
    int count;
    int progress[RUN_MOST][2], progress_count;
    llm_finish finish;
} run;

/* What a fixture's runs share. */
typedef struct runner {
    fixture *f;
    llm_model *model, *draft;
    const llm__json *golden; /* the run at hand */
    const char *title;
    int32_t prompt[RUN_MOST], stop[RUN_MOST];
    llm_ids stops[1];
    llm_token_bias biases[SAMPLE_MOST];
    float *embeddings;
} runner;

static void run_progress(void *user, size_t done, size_t total) {
    run *r = (run *)user;
    if (r->progress_count == RUN_MOST) return;
    r->progress[r->progress_count][0] = (int)done;
    r->progress[r->progress_count++][1] = (int)total;
}

/* Opens the checkpoint whose config and formulas have these names in the metadata. */
static llm_model *run_model_of(fixture *f, const char *config, const char *tensors, const char *isa) {
    llm_model_desc md;
    llm_model *model = NULL;
    llm_error error;
    f->config = llm__json_get(f->metadata, config);
    f->formulas = read_nested(f, tensors);
    if (f->problem[0] || !f->config || !build_checkpoint(f)) return NULL;
    memset(&md, 0, sizeof md);
    md.memory = (llm_memory_file *)take(f, 2, sizeof *md.memory);
    memcpy((void *)(uintptr_t)md.memory, f->checkpoint, 2 * sizeof *md.memory);
    md.memory_count = 2;
    md.weights_only = 1;
    md.isa = isa;
    if (llm_model_open(&model, &md, &error)) say(f, "llm_model_open: %s", error.message);
    return model;
}

/* Row i is the mean of the embeddings of prompt[i] and prompt[i-1], or the last one. */
static float *run_embeddings(runner *u, int count) {
    const llm__matrix *table = &u->model->embedding;
    float *rows = (float *)take(u->f, (size_t)count * (size_t)table->cols, sizeof *rows);
    float *other = (float *)take(u->f, (size_t)table->cols, sizeof *other);
    int i, c;
    for (i = 0; i < count; i++) {
        float *row = rows + (size_t)i * (size_t)table->cols;
        llm__matrix_row(table, u->prompt[i], row);
        llm__matrix_row(table, u->prompt[(i + count - 1) % count], other);
        for (c = 0; c < table->cols; c++) row[c] = (row[c] + other[c]) / 2;
    }
    return rows;
}

/* What the golden run asked for. */
static llm_generation_desc run_desc(runner *u, const llm__json *prompt) {
    const llm__json *o = llm__json_get(u->golden, "options");
    llm_generation_desc d;
    memset(&d, 0, sizeof d);
    d.session.exact = 1;
    d.ids = u->prompt;
    d.id_count = (size_t)sample_ids(prompt, u->prompt);
    d.ignore_end = 1;
    d.max_tokens = (int64_t)sample_option(o, "max_tokens", 0);
    d.max_kv_size = (int64_t)sample_option(o, "max_kv_size", 0);
    d.prefill_step = (int)sample_option(o, "prefill_step_size", 0);
    d.kv_bits = (int)sample_option(o, "kv_bits", 0);
    d.kv_group_size = (int)sample_option(o, "kv_group_size", 0);
    d.quantized_kv_start = (int64_t)sample_option(o, "quantized_kv_start", 0);
    d.num_draft_tokens = (int)sample_option(o, "num_draft_tokens", 0);
    if (d.num_draft_tokens) d.draft_model = llm__json_get(o, "draft") ? u->model : u->draft;
    sample_penalties(&d.penalties, o, u->biases);
    if (llm__json_get(o, "input_embeddings")) {
        d.embeddings = run_embeddings(u, (int)d.id_count);
        d.embedding_count = d.id_count;
        d.embedding_width = u->model->hidden;
        d.id_count = 0;
    }
    u->stops[0].ids = u->stop;
    u->stops[0].count = (size_t)sample_ids(llm__json_at(llm__json_get(o, "stop_tokens"), 0), u->stop);
    d.stop_ids = u->stops;
    d.stop_id_count = u->stops[0].count ? 1 : 0;
    return d;
}

/* Runs it, in steps of a budget (below 0: without one). */
static int run_once(runner *u, llm_generation_desc d, int64_t budget_us, run *out) {
    llm_generation *g = NULL;
    llm_piece piece;
    llm_error error;
    llm_status status;
    memset(out, 0, sizeof *out);
    d.progress = run_progress;
    d.progress_user = out;
    status = llm_generation_open(&g, u->model, &d, &error);
    while (!status && (status = llm_generation_step(g, budget_us, &piece, &error)) != LLM_END) {
        if (status == LLM_PENDING) status = LLM_OK;
        else if (!status) {
            if (out->count == RUN_MOST) break;
            out->tokens[out->count] = piece.token;
            out->logprobs[out->count] = piece.logprob;
            out->from_draft[out->count++] = piece.from_draft;
            out->finish = piece.finish;
        }
    }
    llm_generation_close(g);
    return status == LLM_END || say(u->f, "%s: %s", u->title, error.message);
}

static int run_tokens(runner *u, const llm__json *golden, const run *got) {
    int32_t tokens[SAMPLE_MOST];
    int i, n = sample_ids(golden, tokens);
    for (i = 0; i < n && i < got->count; i++)
        if (got->tokens[i] != tokens[i])
            return say(u->f, "%s: token %d is %d, golden %d", u->title, i, (int)got->tokens[i], (int)tokens[i]);
    return n == got->count || say(u->f, "%s: %d tokens, golden %d", u->title, got->count, n);
}

/* The run as mlx-lm had it: tokens, their log-probabilities, which of them were drafts, and the progress. */
static int run_compare(runner *u, const run *got) {
    static float logprobs[SAMPLE_MOST];
    const llm__json *drafts = llm__json_get(u->golden, "from_draft"), *progress = llm__json_get(u->golden, "progress");
    int i, k;
    if (!run_tokens(u, llm__json_get(u->golden, "tokens"), got)) return 0;
    if (sample_numbers(llm__json_get(u->golden, "logprobs"), logprobs) != got->count)
        return say(u->f, "%s: the golden's log-probabilities are too few", u->title);
    for (i = 0; i < got->count; i++) {
        double e = fabs((double)got->logprobs[i] - (double)logprobs[i]);
        int draft = drafts && drafts->length ? llm__json_at(drafts, (uint32_t)i)->type == LLM__JSON_TRUE : 0;
        if (!(e <= u->f->worst)) u->f->worst = e;
        if (!(e <= u->f->tolerance))
            return say(u->f, "%s: log-probability %d is %.8g, golden %.8g", u->title, i, (double)got->logprobs[i],
                       (double)logprobs[i]);
        if (draft != got->from_draft[i]) return say(u->f, "%s: from_draft of token %d is wrong", u->title, i);
    }
    if (!progress || !progress->length) return 1;
    if ((int)progress->length != got->progress_count)
        return say(u->f, "%s: %d calls of progress, golden %d", u->title, got->progress_count, (int)progress->length);
    for (i = 0; i < got->progress_count; i++)
        for (k = 0; k < 2; k++)
            if (got->progress[i][k] !=
                (int)sample_number(llm__json_at(llm__json_at(progress, (uint32_t)i), (uint32_t)k)))
                return say(u->f, "%s: call %d of progress is (%d, %d)", u->title, i, got->progress[i][0],
                           got->progress[i][1]);
    return 1;
}

/* In other ways: drafts of every kind, budgets, threads.  Every bit must be the same. */
static int run_ways(runner *u, const llm_generation_desc *asked, const run *first) {
    static run again;
    int way;
    for (way = 0; way < 7; way++) {
        static const char *const names[] = {"with a lookup of 1", "with a lookup of 5", "with drafts of its own",
                                            "with drafts of another", "in steps", "on 2 threads", "without drafts"};
        llm_generation_desc d = *asked;
        int same;
        if (way < 4 || way == 6) d.draft_model = NULL, d.num_draft_tokens = 0;
        if (way < 2) d.lookup.count = way ? 5 : 1;
        if (way == 1 || way == 5) d.session.threads = 2;
        if (way == 2 || way == 3) d.draft_model = way == 2 ? u->model : u->draft;
        if (d.draft_model && d.embeddings) continue;
        if (!run_once(u, d, way == 4 && !d.max_kv_size ? 0 : -1, &again)) return 0;
        same = again.count == first->count && !memcmp(again.tokens, first->tokens, sizeof again.tokens) &&
               !memcmp(again.logprobs, first->logprobs, sizeof again.logprobs) && again.finish == first->finish;
        if (!same) return say(u->f, "%s: not the same %s", u->title, names[way]);
    }
    return 1;
}

static int run_single(runner *u, const options *o) {
    static run first;
    llm_generation_desc d = run_desc(u, llm__json_get(u->golden, "prompt"));
    if (!run_once(u, d, -1, &first) || !run_compare(u, &first)) return 0;
    return o->once || run_ways(u, &d, &first);
}

/* All rows of a batch together, in batches as mlx-lm had them: to the bit what each was alone. */
static int run_together(runner *u, const llm_generation_desc *rows, const run *alone, size_t count) {
    const llm__json *o = llm__json_get(u->golden, "options");
    run *got = (run *)take(u->f, count, sizeof *got);
    llm_scheduler_desc sd;
    llm_scheduler *s = NULL;
    const llm_event *events = NULL;
    llm_error error;
    llm_status status;
    size_t i, n = 0;
    memset(&sd, 0, sizeof sd);
    sd.session.exact = 1;
    sd.completion_batch_size = (int)sample_option(o, "completion_batch_size", 0);
    sd.prefill_batch_size = (int)sample_option(o, "prefill_batch_size", 0);
    sd.prefill_step = (int)sample_option(o, "prefill_step_size", 0);
    status = llm_scheduler_open(&s, u->model, &sd, &error);
    for (i = 0; i < count && !status; i++) status = llm_scheduler_insert(s, &rows[i], NULL, &error);
    while (!status && !(status = llm_scheduler_next_generated(s, &events, &n, &error)))
        for (i = 0; i < n; i++) {
            run *r = &got[events[i].id - 1];
            r->tokens[r->count] = events[i].piece.token;
            r->logprobs[r->count++] = events[i].piece.logprob;
            r->finish = events[i].piece.finish;
        }
    llm_scheduler_close(s);
    if (status != LLM_END) return say(u->f, "%s: %s", u->title, error.message);
    for (i = 0; i < count; i++)
        if (got[i].count != alone[i].count || got[i].finish != alone[i].finish ||
            memcmp(got[i].tokens, alone[i].tokens, sizeof got[i].tokens) ||
            memcmp(got[i].logprobs, alone[i].logprobs, sizeof got[i].logprobs))
            return say(u->f, "%s: row %d is not what it is alone", u->title, (int)i);
    return 1;
}

static int run_batch(runner *u) {
    const llm__json *prompts = llm__json_get(u->golden, "prompts"), *most = llm__json_get(u->golden, "max_tokens");
    const llm__json *reasons = llm__json_get(u->golden, "finish_reason");
    llm_generation_desc *rows = (llm_generation_desc *)take(u->f, prompts->length, sizeof *rows);
    run *alone = (run *)take(u->f, prompts->length, sizeof *alone);
    uint32_t i;
    for (i = 0; i < prompts->length; i++) {
        int stops = llm__json_text_is(llm__json_at(reasons, i), "stop");
        int32_t *ids = (int32_t *)take(u->f, RUN_MOST, sizeof *ids);
        rows[i] = run_desc(u, llm__json_at(prompts, i));
        rows[i].max_tokens = (int64_t)sample_number(llm__json_at(most, i));
        rows[i].ids = (int32_t *)memcpy(ids, rows[i].ids, rows[i].id_count * sizeof *ids);
        if (!run_once(u, rows[i], -1, &alone[i]) ||
            !run_tokens(u, llm__json_at(llm__json_get(u->golden, "tokens"), i), &alone[i]))
            return 0;
        if (alone[i].finish != (stops ? LLM_FINISH_STOP : LLM_FINISH_LENGTH))
            return say(u->f, "%s: row %d ends for another reason", u->title, (int)i);
        alone[i].progress_count = 0;
    }
    return run_together(u, rows, alone, prompts->length);
}

static int run_generation(fixture *f, const options *o) {
    const llm__json *runs = read_nested(f, "generation");
    runner u;
    uint32_t i;
    int ok;
    memset(&u, 0, sizeof u);
    u.f = f;
    f->tolerance = 1e-4;
    u.model = run_model_of(f, "config", "tensors", o->isa);
    if (u.model && llm__json_get(f->metadata, "draft_config"))
        u.draft = run_model_of(f, "draft_config", "draft_tensors", o->isa);
    ok = !f->problem[0] && runs && runs->length;
    if (!u.draft) u.draft = u.model;
    for (i = 0; ok && i < runs->length; i++) {
        u.golden = llm__json_at(runs, i);
        u.title = llm__json_get(u.golden, "title")->as.text;
        if (!strcmp(u.title, "batch")) ok = run_batch(&u);
        else ok = run_single(&u, o);
    }
    if (u.draft != u.model) llm_model_close(u.draft);
    llm_model_close(u.model);
    return ok;
}

/* ---- samplers and stops: JSON files that are lists of cases */

static int sample_near(fixture *f, const char *what, const float *got, const float *golden, int n) {
    int i;
    for (i = 0; i < n; i++) {
        if (got[i] == golden[i] || fabsf(got[i] - golden[i]) <= 1e-5f) continue;
        return say(f, "%s %d is %.9g, golden %.9g", what, i, (double)got[i], (double)golden[i]);
    }
    return 1;
}

static int run_sample(fixture *f, const llm__json *v) {
    static sample c;
    static float kept[SAMPLE_MOST], share[SAMPLE_MOST];
    static float scratch[3 * SAMPLE_MOST];
    sample_read(&c, v);
    llm_penalize(&c.penalties, c.history, (size_t)c.history_count, c.logits, c.count, scratch);
    if (!sample_near(f, "processed logit", c.logits, c.processed, c.count)) return 0;
    sample_keeps(&c.sampling, c.logits, c.count, kept);
    if (!sample_near(f, "kept log-probability", kept, c.kept, c.count)) return 0;
    sample_shares(&c, kept, share);
    if (c.sampling.temperature > 0 && !sample_near(f, "probability", share, c.probabilities, c.count)) return 0;
    c.sampling.temperature = 0;
    return llm_sample(&c.sampling, c.logits, c.count, 0, scratch, NULL) == c.argmax || say(f, "another argmax");
}

/* The stream's tokens one by one; the matcher starts anew behind each stop. */
static int run_stop(fixture *f, const llm__json *v) {
    static int32_t ids[16][SAMPLE_MOST], stream[SAMPLE_MOST], ends[SAMPLE_MOST];
    const llm__json *stops = llm__json_get(v, "stops");
    llm_ids list[16];
    size_t count = stops ? stops->length : 0, i, start = 0, found = 0;
    size_t n = (size_t)sample_ids(llm__json_get(v, "stream"), stream);
    size_t golden = (size_t)sample_ids(llm__json_get(v, "ends"), ends);
    if (!count || count > 16) return say(f, "it has no stops, or more than 16");
    for (i = 0; i < count; i++) {
        list[i].ids = ids[i];
        list[i].count = (size_t)sample_ids(llm__json_at(stops, (uint32_t)i), ids[i]);
    }
    for (i = 0; i < n; i++) {
        size_t length = llm__stop_length(list, count, stream + start, i + 1 - start);
        if (!length) continue;
        if (found == golden || (size_t)ends[found] != i) return say(f, "a stop ends at token %d", (int)i);
        found++;
        start = i + 1;
    }
    return found == golden || say(f, "%d stops, golden %d", (int)found, (int)golden);
}

/* A list of cases, each of which has a member of this name; 0: it is none. */
static int is_cases(const llm__json *root, const char *member) {
    return llm__json_is(root, LLM__JSON_ARRAY) && root->length && llm__json_get(llm__json_at(root, 0), member);
}

/* A file of samplers or stops: 1 it was one, 0 it is some other JSON. */
static int run_cases(const char *path, const options *o, totals *t) {
    const char *slash = strrchr(path, '/');
    const llm__json *root = NULL;
    int failed = 0, samples = 0, stops = 0;
    uint32_t i;
    fixture f;
    memset(&f, 0, sizeof f);
    snprintf(f.name, sizeof f.name, "%s", slash ? slash + 1 : path);
    f.arena.allocator = llm__allocator_or_default(f.arena.allocator);
    if (read_whole(&f, path) && !llm__json_parse(&f.arena, f.name, (const char *)f.source.data, f.source.bytes, &root,
                                                 NULL)) {
        samples = is_cases(root, "processed");
        stops = is_cases(root, "stream");
    }
    for (i = 0; (samples || stops) && i < root->length && !o->list; i++) {
        const llm__json *v = llm__json_at(root, i);
        f.problem[0] = 0;
        if (samples ? run_sample(&f, v) : run_stop(&f, v)) continue;
        printf("%-34s FAIL  case %d: %s\n", f.name, (int)i + 1, f.problem);
        failed++;
    }
    if (samples || stops) {
        if (o->list) printf("%-34s %s\n", f.name, samples ? "samplers" : "stops");
        else printf("%-34s %-5s %d of %d cases\n", f.name, failed ? "FAIL" : "ok", (int)root->length - failed,
                    (int)root->length);
        t->passed += o->list ? 0 : (int)root->length - failed;
        t->failed += failed;
    }
    llm__arena_free(&f.arena);
    return samples || stops;
}

#endif /* RUNS_H */
