/* golden - holds the engine against numbers from independent implementations

       build/golden [--list] [--verbose] [--once] [--isa NAME] [--save FOLDER] PATH...

   A path is a fixture or a folder of them (tests/README.md describes the format).  Every model goes through the public
   loader, from memory; the JSON and safetensors readers of the header serve to read the fixture itself. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include <dirent.h>

#include "fixture.h"

enum { MEMBERS = 3, MAIN = 0 };

typedef struct options {
    int list, verbose, once;
    const char *isa, *save;
} options;

typedef struct totals {
    int passed, failed, skipped;
} totals;

#include "runs.h"

/* What else happens to the cache of the fixture's own prompt once it is read. */
typedef enum turn { GO_ON, SAVE_AND_LOAD, TAKE_BACK } turn;

/* One way to feed a fixture's tokens. */
typedef struct plan {
    const char *name;
    int every;    /* prompt tokens in one call; 0: as the fixture says; -1: all of them */
    int threads, max_rows;
    int members;  /* bit 0: the fixture's own prompt; bits 1 and 2: other prompts beside it */
    turn then;
} plan;

typedef struct member {
    llm_cache *cache;
    int64_t fed;
    int32_t tokens[8];
    float *logits; /* main: [prompt + decode, vocabulary]; others: [calls, vocabulary] */
} member;

/* ---- cache files */

static llm_cache *load_cache(fixture *f, const llm_model *model, const void *data, size_t bytes) {
    llm_model_cache_desc cd;
    llm_cache_load_desc from;
    llm_cache *cache = NULL;
    llm_error error;
    memset(&cd, 0, sizeof cd);
    memset(&from, 0, sizeof from);
    cd.exact = 1;
    from.data = data;
    from.bytes = bytes;
    if (llm_model_cache_load(&cache, model, &cd, &from, &error)) say(f, "llm_model_cache_load: %s", error.message);
    return cache;
}

static int append(void *user, const void *data, size_t bytes) {
    return !llm__text_add((llm__text *)user, (const char *)data, bytes);
}

static const llm_note notes[] = {{"model", "golden"}, {"note", "quotes \" and \\ and \n and \xC3\xA9"}};

/* Into `file`, and into a folder if one is given. */
static int save_cache(fixture *f, const llm_cache *cache, const char *folder, llm__text *file) {
    llm_cache_save_desc to;
    llm_error error;
    char path[1000];
    memset(file, 0, sizeof *file);
    memset(&to, 0, sizeof to);
    file->allocator = f->arena.allocator;
    to.notes = notes;
    to.note_count = 2;
    to.sink.user = file;
    to.sink.write = append;
    if (llm_cache_save(cache, &to, &error)) return say(f, "llm_cache_save: %s", error.message);
    if (!folder) return 1;
    memset(&to.sink, 0, sizeof to.sink);
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, f->name);
    to.path = path;
    return !llm_cache_save(cache, &to, &error) || say(f, "llm_cache_save: %s", error.message);
}

/* ---- running */

static int number_of(const llm__json *object, const char *key, int otherwise) {
    double n;
    return llm__json_float(llm__json_get(object, key), &n) ? (int)n : otherwise;
}

/* How many prompt tokens the n-th call takes, `left` of them being left. */
static int chunk(const fixture *f, const plan *p, int call, int left) {
    const llm__json *chunks = llm__json_get(f->about, "chunks");
    double n = left;
    if (p->every > 0) n = p->every;
    else if (p->every == 0 && chunks) llm__json_float(llm__json_at(chunks, (uint32_t)call), &n);
    return n < 1 || n > left ? left : (int)n;
}

/* The other prompts of a batch: their own walk through the prompt's ids, one to four of them in a call. */
static void feed_other(const fixture *f, member *m, int who, int call, int vocabulary, llm_sequence *s) {
    int i, n = 1 + (call * 3 + who * 2) % 4;
    for (i = 0; i < n; i++) m->tokens[i] = f->prompt[(size_t)(m->fed * 5 + i * 5 + who) % (size_t)f->prompt_count];
    s->cache = m->cache;
    s->tokens = m->tokens;
    s->count = (size_t)n;
    s->want = LLM_LOGITS_LAST;
    s->logits = m->logits + (size_t)call * (size_t)vocabulary;
    m->fed += n;
}

static void feed_main(const fixture *f, member *m, int n, int vocabulary, llm_sequence *s) {
    s->cache = m->cache;
    s->tokens = m->fed < f->prompt_count ? f->prompt + m->fed : f->decode + (m->fed - f->prompt_count);
    s->count = (size_t)n;
    s->want = LLM_LOGITS_ALL;
    s->logits = m->logits + (size_t)m->fed * (size_t)vocabulary;
    m->fed += n;
}

static int quantize_caches(fixture *f, member *members) {
    const llm__json *kv = llm__json_get(f->about, "kv_quantization");
    llm_error error;
    const llm_cache_codes codes = {number_of(kv, "bits", 0), number_of(kv, "group_size", 64)};
    int i;
    for (i = 0; codes.bits && i < MEMBERS; i++)
        if (members[i].cache && llm_cache_quantize(members[i].cache, codes, codes, 0, &error))
            return say(f, "llm_cache_quantize: %s", error.message);
    return 1;
}

/* The cache goes through a file and back. */
static int save_and_load(fixture *f, const llm_model *model, member *m) {
    llm__text file;
    llm_cache *copy = NULL;
    int ok = save_cache(f, m->cache, NULL, &file) && (copy = load_cache(f, model, file.data, file.length)) != NULL;
    llm__text_free(&file);
    if (!ok) return 0;
    llm_cache_close(m->cache);
    m->cache = copy;
    return 1;
}

/* Two tokens are taken back, or as many as a checkpoint wants; they come again. */
static int take_back(fixture *f, member *m, int *at) {
    int64_t trimmed = 0;
    llm_error error;
    int want = *at < 2 ? *at : 2;
    if (llm_cache_trim(m->cache, want, &trimmed, &error)) return say(f, "llm_cache_trim: %s", error.message);
    if (trimmed < want || trimmed > *at) return say(f, "a trim of 2 took %d back", (int)trimmed);
    m->fed -= trimmed;
    *at -= (int)trimmed;
    return 1;
}

static int run_calls(fixture *f, const llm_model *model, const plan *p, llm_session *session, member *members,
                     int vocabulary) {
    turn then = p->then;
    int at = 0, call = 0, total = f->prompt_count + f->decode_count;
    while (at < total) {
        llm_sequence batch[MEMBERS];
        llm_error error;
        size_t n = 0;
        int take_now = at < f->prompt_count ? chunk(f, p, call, f->prompt_count - at) : 1;
        memset(batch, 0, sizeof batch);
        if (p->members & 2) feed_other(f, &members[1], 1, call, vocabulary, &batch[n++]);
        if (p->members & 1) feed_main(f, &members[MAIN], take_now, vocabulary, &batch[n++]);
        if (p->members & 4) feed_other(f, &members[2], 2, call, vocabulary, &batch[n++]);
        if (llm_forward(session, batch, n, &error)) return say(f, "%s: %s", p->name, error.message);
        at += take_now;
        call++;
        if (at < f->prompt_count) continue;
        if (at == f->prompt_count && !quantize_caches(f, members)) return 0;
        if (then == SAVE_AND_LOAD && !save_and_load(f, model, &members[MAIN])) return 0;
        if (then == TAKE_BACK && !take_back(f, &members[MAIN], &at)) return 0;
        then = GO_ON;
    }
    return 1;
}

/* Runs one plan; logits[i] is where member i's go. */
static int run_plan(fixture *f, const llm_model *model, const plan *p, float *const *logits) {
    llm_session_desc sd;
    llm_model_cache_desc cd;
    llm_session *session = NULL;
    llm_error error;
    member members[MEMBERS];
    int i, ok, vocabulary = llm_model_get_info(model).vocabulary;
    memset(&sd, 0, sizeof sd);
    memset(&cd, 0, sizeof cd);
    memset(members, 0, sizeof members);
    sd.exact = cd.exact = 1;
    sd.threads = p->threads;
    sd.max_rows = p->max_rows;
    cd.max_kv_size = number_of(f->about, "max_kv_size", 0);
    cd.checkpoint_every = p->then == TAKE_BACK ? 3 : 0;
    ok = !llm_session_open(&session, model, &sd, &error) || say(f, "%s: %s", p->name, error.message);
    for (i = 0; ok && i < MEMBERS; i++) {
        members[i].logits = logits[i];
        if ((p->members >> i & 1) && llm_model_cache_open(&members[i].cache, model, &cd, &error))
            ok = say(f, "%s: %s", p->name, error.message);
    }
    ok = ok && run_calls(f, model, p, session, members, vocabulary);
    llm_session_close(session);
    for (i = 0; i < MEMBERS; i++) llm_cache_close(members[i].cache);
    return ok;
}

/* ---- judging */

static int compare_rows(fixture *f, const char *what, const float *got, const float *golden, int rows, int vocabulary) {
    int r, c, ok = 1;
    for (r = 0; r < rows; r++)
        for (c = 0; c < f->width; c++) {
            int id = f->columns ? f->columns[c] : c;
            double x = got[(size_t)r * (size_t)vocabulary + (size_t)id];
            double y = golden[(size_t)r * (size_t)f->width + (size_t)c], e = fabs(x - y);
            if (!(e <= f->worst)) f->worst = e;
            if (!(e <= f->tolerance) && ok) ok = say(f, "first at %s %d, id %d: %.8g, golden %.8g", what, r, id, x, y);
        }
    return ok;
}

static int compare_golden(fixture *f, const float *got, int vocabulary) {
    if (f->columns ? f->column_count != f->width : vocabulary != f->width)
        return say(f, "the model's vocabulary is %d, the golden logits have %d", vocabulary, f->width);
    return compare_rows(f, "prompt", got, f->prompt_logits, f->prompt_count, vocabulary) &
           compare_rows(f, "decode", got + (size_t)f->prompt_count * (size_t)vocabulary, f->decode_logits,
                        f->decode_count, vocabulary);
}

static int same_bits(fixture *f, const char *plan_name, const float *a, const float *b, int rows, int vocabulary) {
    size_t i, n = (size_t)rows * (size_t)vocabulary;
    for (i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a))
            return say(f, "%s differs from the first run, first at token %d, id %d: %.9g, not %.9g", plan_name,
                       (int)(i / (size_t)vocabulary), (int)(i % (size_t)vocabulary), b[i], a[i]);
    return 1;
}

/* Why other ways to cut the prompt must differ by design; NULL: they must not. */
static const char *depends_on_calls(fixture *f) {
    const llm__json *config = read_nested(f, "config"), *inner = llm__json_get(config, "text_config");
    const llm__json *rope = llm__json_get(inner ? inner : config, "rope_scaling"), *type;
    if (!rope) rope = llm__json_get(inner ? inner : config, "rope_parameters");
    type = llm__json_get(rope, "rope_type") ? llm__json_get(rope, "rope_type") : llm__json_get(rope, "type");
    if (llm__json_text_is(type, "dynamic")) return "dynamic NTK";
    if (llm__json_text_is(type, "longrope") || llm__json_text_is(type, "su")) return "longrope";
    if (number_of(f->about, "max_kv_size", 0)) return "max_kv_size";
    return NULL;
}

static int calls_of(const fixture *f) {
    static const plan golden = {"", 0, 1, 0, 1, GO_ON};
    int at = 0, calls = 0;
    while (at < f->prompt_count) at += chunk(f, &golden, calls++, f->prompt_count - at);
    return calls + f->decode_count;
}

static int run_variants(fixture *f, const llm_model *model, float *const *first, float *const *again, int vocabulary) {
    static const plan plans[] = {
        {"token by token", 1, 1, 0, 1, GO_ON},
        {"in one call", -1, 1, 0, 1, GO_ON},
        {"in threes", 3, 1, 0, 1, GO_ON},
        {"in passes of 2 rows", 0, 1, 2, 1, GO_ON},
        {"on 2 threads", 0, 2, 0, 1, GO_ON},
        {"in a batch", 0, 1, 0, 7, GO_ON},
        {"in a batch on 2 threads", 0, 2, 0, 7, GO_ON},
        {"in a batch in passes of 3 rows", 0, 2, 3, 7, GO_ON},
        {"with its cache saved and loaded", 0, 1, 0, 1, SAVE_AND_LOAD},
        {"with tokens taken back", -1, 1, 0, 1, TAKE_BACK},
        {"with tokens taken back beside others", 0, 2, 5, 7, TAKE_BACK}};
    const char *fixed = depends_on_calls(f);
    int quantized = number_of(llm__json_get(f->about, "kv_quantization"), "bits", 0);
    int ok = 1, rows = f->prompt_count + f->decode_count;
    size_t i, k;
    for (i = 0; ok && i < sizeof plans / sizeof *plans; i++) {
        const plan *p = &plans[i];
        if (fixed && (p->every || p->max_rows)) continue;
        if (quantized && p->then == TAKE_BACK) continue; /* the prompt saw itself plain, and would not any more */
        ok = run_plan(f, model, p, again) && same_bits(f, p->name, first[MAIN], again[MAIN], rows, vocabulary);
        for (k = 1; ok && p->members == 7 && k < MEMBERS; k++)
            ok = same_bits(f, "another prompt of the batch", first[k], again[k], calls_of(f), vocabulary);
    }
    return ok;
}

static int run_model(fixture *f, const llm_model *model, const options *o) {
    static const plan alone[] = {
        {"as the golden", 0, 1, 0, 1, GO_ON}, {"another", 0, 1, 0, 2, GO_ON}, {"a third", 0, 1, 0, 4, GO_ON}};
    float *first[MEMBERS], *again[MEMBERS];
    int i, ok = 1, vocabulary = llm_model_get_info(model).vocabulary;
    size_t rows = (size_t)(f->prompt_count + f->decode_count + 8); /* 8: calls for tokens that come again */
    size_t floats = rows * (size_t)vocabulary;
    for (i = 0; i < MEMBERS; i++) {
        first[i] = (float *)take(f, floats, sizeof(float));
        again[i] = (float *)take(f, floats, sizeof(float));
    }
    for (i = 0; ok && i < (o->once ? 1 : MEMBERS); i++) ok = run_plan(f, model, &alone[i], first);
    ok = ok && compare_golden(f, first[MAIN], vocabulary);
    return ok && (o->once || run_variants(f, model, first, again, vocabulary));
}

/* ---- prompt caches: mlx-lm's file goes on as the golden does; so does what is saved from it, to the bit, and what is
   saved after reading the prompt here */

static int decode_from(fixture *f, const llm_model *model, llm_cache *cache, float *logits) {
    llm_session_desc sd;
    llm_session *session = NULL;
    llm_sequence s;
    llm_error error;
    int i, ok, vocabulary = llm_model_get_info(model).vocabulary;
    memset(&sd, 0, sizeof sd);
    memset(&s, 0, sizeof s);
    sd.exact = 1;
    s.cache = cache;
    s.count = 1;
    ok = !llm_session_open(&session, model, &sd, &error) || say(f, "%s", error.message);
    for (i = 0; ok && i < f->decode_count; i++) {
        s.tokens = f->decode + i;
        s.logits = logits + (size_t)i * (size_t)vocabulary;
        ok = !llm_forward(session, &s, 1, &error) || say(f, "decode %d: %s", i, error.message);
    }
    llm_session_close(session);
    return ok;
}

/* Saves the cache, loads it again and decodes from the copy. */
static int decode_from_copy(fixture *f, const llm_model *model, const llm_cache *cache, const char *folder,
                            float *logits) {
    llm__text file;
    llm_cache *copy = NULL;
    const char *note;
    int ok = save_cache(f, cache, folder, &file) && (copy = load_cache(f, model, file.data, file.length)) != NULL;
    note = llm_cache_note(copy, notes[1].key);
    if (ok && (!note || strcmp(note, notes[1].value))) ok = say(f, "a note came back changed");
    ok = ok && decode_from(f, model, copy, logits);
    llm_cache_close(copy);
    llm__text_free(&file);
    return ok;
}

/* The first `count` tokens of the prompt as the golden read it: in one call, or token by token until the ring had
   turned. */
static llm_cache *read_prompt(fixture *f, const llm_model *model, int64_t count) {
    llm_model_cache_desc cd;
    llm_session_desc sd;
    llm_session *session = NULL;
    llm_sequence s;
    llm_cache *cache = NULL;
    llm_error error;
    const llm__json *kv = llm__json_get(f->about, "kv_quantization");
    const llm_cache_codes codes = {number_of(kv, "bits", 0), number_of(kv, "group_size", 64)};
    memset(&cd, 0, sizeof cd);
    memset(&sd, 0, sizeof sd);
    memset(&s, 0, sizeof s);
    sd.exact = cd.exact = 1;
    cd.max_kv_size = number_of(f->about, "max_kv_size", 0);
    if (llm_model_cache_open(&cache, model, &cd, &error) || llm_session_open(&session, model, &sd, &error)) {
        say(f, "%s", error.message);
        return cache;
    }
    s.cache = cache;
    s.tokens = f->prompt;
    s.count = strstr(f->name, "turned") ? 1 : (size_t)count;
    s.want = LLM_LOGITS_NONE;
    for (; s.tokens < f->prompt + count; s.tokens += s.count)
        if (llm_forward(session, &s, 1, &error)) say(f, "%s", error.message);
    if (codes.bits && llm_cache_quantize(cache, codes, codes, 0, &error)) say(f, "%s", error.message);
    llm_session_close(session);
    return cache;
}

/* For mlx-lm to go on from, where it has batches: the whole prompt, and all but its last 3 tokens (or none). */
static int save_pair(fixture *f, const llm_model *model, const llm_cache *cache, const char *folder) {
    enum { FEWER = 3 };
    llm_cache *shorter = read_prompt(f, model, f->prompt_count < FEWER ? 0 : f->prompt_count - FEWER);
    const llm_cache *rows[2] = {cache, shorter};
    llm_cache_save_desc to;
    llm_error error;
    char path[4096];
    llm_status status;
    memset(&to, 0, sizeof to);
    snprintf(path, sizeof path, "%s/%s.batch", folder, f->name);
    to.path = path;
    status = llm_cache_save_rows(rows, 2, &to, &error);
    llm_cache_close(shorter);
    return !status || status == LLM_UNSUPPORTED || say(f, "llm_cache_save_rows: %s", error.message);
}

/* Whether some layers of the golden were quantized and others not, which llm_cache_quantize does not do. */
static int is_mixed(const fixture *f) {
    const llm__json *types = llm__json_get(f->about, "cache_types"), *first = llm__json_first(types), *v = first;
    uint32_t i;
    if (!number_of(llm__json_get(f->about, "kv_quantization"), "bits", 0)) return 0;
    for (i = 0; types && i < types->length; i++, v = llm__json_next(v))
        if (!llm__json_text_is(v, first->as.text)) return 1;
    return 0;
}

static int run_cachefile(fixture *f, const llm_model *model, const options *o) {
    llm__tensor *t = llm__tensor_find(&f->tensors, "cache_file");
    const uint8_t *bytes = t ? fetch(f, t) : NULL;
    int vocabulary = llm_model_get_info(model).vocabulary, ok;
    size_t floats = (size_t)f->decode_count * (size_t)vocabulary;
    float *first = (float *)take(f, floats, sizeof *first), *again = (float *)take(f, floats, sizeof *again);
    llm_cache *cache;
    if (!bytes) return say(f, "it has no cache_file");
    cache = load_cache(f, model, bytes, (size_t)t->bytes);
    ok = cache && decode_from_copy(f, model, cache, o->save, again) &&
         (!o->save || is_mixed(f) || save_pair(f, model, cache, o->save)) && decode_from(f, model, cache, first) &&
         compare_rows(f, "decode", first, f->decode_logits, f->decode_count, vocabulary) &&
         same_bits(f, "the saved cache", first, again, f->decode_count, vocabulary);
    llm_cache_close(cache);
    if (!ok || is_mixed(f)) return ok;
    cache = read_prompt(f, model, f->prompt_count);
    ok = cache && !f->problem[0] && decode_from_copy(f, model, cache, NULL, again);
    llm_cache_close(cache);
    return ok && compare_rows(f, "decode from our own file", again, f->decode_logits, f->decode_count, vocabulary);
}

static int run_logits(fixture *f, const options *o) {
    llm_model_desc md;
    llm_model *model = NULL;
    llm_error error;
    int ok;
    if (!read_expectations(f) || !build_checkpoint(f)) return 0;
    memset(&md, 0, sizeof md);
    md.memory = f->checkpoint;
    md.memory_count = 2;
    md.weights_only = 1;
    md.isa = o->isa;
    if (llm_model_open(&model, &md, &error)) return say(f, "llm_model_open: %s", error.message);
    ok = f->prompt_logits ? run_model(f, model, o) : run_cachefile(f, model, o);
    llm_model_close(model);
    return ok;
}

/* ---- quantization: the reference decode gives the golden output; the affine encoder gives the golden codes */

static int matrix_of(fixture *f, llm__matrix *w, const char *mode) {
    llm__tensor *packed = llm__tensor_find(&f->tensors, "packed"), *scales = llm__tensor_find(&f->tensors, "scales");
    llm__tensor *biases = llm__tensor_find(&f->tensors, "biases");
    const llm__json *bits = llm__json_get(f->metadata, "bits"), *group = llm__json_get(f->metadata, "group_size");
    if (!packed || !scales || packed->dims != 2 || scales->dims != 2 || !bits || !group)
        return say(f, "its arrays are incomplete");
    w->format = !strcmp(mode, "mxfp4")   ? LLM__MXFP4
                : !strcmp(mode, "mxfp8") ? LLM__MXFP8
                : !strcmp(mode, "nvfp4") ? LLM__NVFP4
                                         : LLM__AFFINE;
    w->bits = atoi(bits->as.text);
    w->group = atoi(group->as.text);
    w->rows = (int)packed->shape[0];
    w->cols = (int)scales->shape[1] * w->group;
    w->dtype = scales->dtype;
    w->data = fetch(f, packed);
    w->row_bytes = (size_t)packed->shape[1] * 4;
    w->scales = fetch(f, scales);
    w->biases = biases ? fetch(f, biases) : NULL;
    w->scale_row_bytes = (size_t)scales->shape[1] * llm__dtype_bytes(scales->dtype);
    return !f->problem[0];
}

/* An affine output is scale * code + bias: one rounding more or less is no error, so a row's tolerance is an ulp of its
   largest number.  The others are products of powers of two or of two short floats: exact. */
static int compare_decode(fixture *f, const llm__matrix *w, const float *golden) {
    float *row = (float *)take(f, (size_t)w->cols, sizeof *row);
    int r, c, ok = 1;
    for (r = 0; r < w->rows; r++) {
        const float *want = golden + (size_t)r * (size_t)w->cols;
        double largest = 0, limit;
        for (c = 0; c < w->cols; c++)
            if (fabs((double)want[c]) > largest) largest = fabs((double)want[c]);
        limit = w->format == LLM__AFFINE ? largest / 8388608 : 0;
        llm__matrix_row(w, r, row);
        for (c = 0; c < w->cols; c++) {
            double e = fabs((double)row[c] - want[c]);
            if (!(e <= f->worst)) f->worst = e;
            if (limit > f->tolerance) f->tolerance = limit;
            if (!(e <= limit) && ok)
                ok = say(f, "first at row %d, column %d: %.9g, golden %.9g", r, c, row[c], want[c]);
        }
    }
    return ok;
}

static int compare_encode(fixture *f, const llm__matrix *w, const float *input) {
    size_t groups = (size_t)(w->cols / w->group);
    uint8_t *codes = (uint8_t *)take(f, w->row_bytes, 1);
    float *scales = (float *)take(f, groups, sizeof *scales), *biases = (float *)take(f, groups, sizeof *biases);
    int r;
    for (r = 0; r < w->rows; r++) {
        llm__affine_encode(input + (size_t)r * (size_t)w->cols, (size_t)w->cols, w->bits, w->group, codes, scales,
                           biases);
        if (memcmp(scales, w->scales + (size_t)r * w->scale_row_bytes, w->scale_row_bytes))
            return say(f, "the encoder's scales differ in row %d", r);
        if (memcmp(biases, w->biases + (size_t)r * w->scale_row_bytes, w->scale_row_bytes))
            return say(f, "the encoder's biases differ in row %d", r);
        if (memcmp(codes, w->data + (size_t)r * w->row_bytes, w->row_bytes))
            return say(f, "the encoder's codes differ in row %d", r);
    }
    return 1;
}

static int run_quantization(fixture *f, const char *mode) {
    int64_t rows = 0, columns = 0;
    const float *output = read_floats(f, "output", &rows, &columns), *input = read_floats(f, "input", &rows, &columns);
    llm__matrix w;
    memset(&w, 0, sizeof w);
    if (f->problem[0] || !matrix_of(f, &w, mode)) return 0;
    if (rows != w.rows || columns != w.cols) return say(f, "its arrays contradict each other");
    if (!compare_decode(f, &w, output)) return 0;
    return w.format != LLM__AFFINE || compare_encode(f, &w, input);
}

/* ---- chat templates: JSON files of cases, whose values are handed on as they stand in the file */

static const char *json_space(const char *at) { return at + strspn(at, " \t\r\n"); }

/* Behind the value at `at`. */
static const char *json_skip(const char *at) {
    int depth = 0;
    do {
        at = json_space(at);
        if (*at == '"') {
            for (at++; *at && *at != '"'; at++)
                if (*at == '\\' && at[1]) at++;
            if (*at) at++;
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (*at == ',' || *at == ':') {
            at++;
        } else {
            at += strcspn(at, ",:]} \t\r\n\"");
        }
    } while (*at && depth > 0);
    return at;
}

/* The value of an object's member as it stands, or NULL where it is absent or null. */
static char *json_member(fixture *f, const char *object, const char *key) {
    const char *at = json_space(object), *end, *value;
    size_t length = strlen(key);
    if (*at++ != '{') return NULL;
    for (at = json_space(at); *at == '"'; at = json_space(at + (*at == ','))) {
        const char *name = at + 1;
        at = json_space(json_skip(at));
        value = json_space(at + 1);
        at = json_space(end = json_skip(value));
        if (strncmp(name, key, length) || name[length] != '"') continue;
        if (!strncmp(value, "null", 4)) return NULL;
        {
            char *copy = (char *)take(f, (size_t)(end - value) + 1, 1);
            memcpy(copy, value, (size_t)(end - value));
            return copy;
        }
    }
    return NULL;
}

/* The same for a string, read. */
static const char *json_text(fixture *f, const char *object, const char *key, size_t *bytes) {
    const char *value = json_member(f, object, key);
    const llm__json *root;
    llm_error error;
    *bytes = 0;
    if (!value || *value != '"') return NULL;
    if (llm__json_parse(&f->arena, key, value, strlen(value), &root, &error)) {
        say(f, "%s", error.message);
        return NULL;
    }
    *bytes = root->length;
    return root->as.text;
}

/* "chat_template.jinja:3:5: what": the line, and what. */
static const char *error_parts(const llm_error *error, long *line) {
    const char *at = strstr(error->message, ".jinja:");
    char *end;
    *line = at ? strtol(at + 7, &end, 10) : 0;
    at = at ? strstr(at, ": ") : NULL;
    return at ? at + 2 : error->message;
}

static int case_fails(fixture *f, const char *item, const llm_error *error) {
    size_t bytes, length;
    const char *kind = json_text(f, item, "kind", &bytes), *expected = json_text(f, item, "error", &bytes), *got;
    const char *line = json_member(f, item, "line");
    long found;
    got = error_parts(error, &found);
    if (!expected) return say(f, "%s", error->message);
    if (line && strtol(line, NULL, 10) != found) return say(f, "line %s expected: %s", line, error->message);
    length = strlen(got);
    if (kind && !strcmp(kind, "TemplateError") && (strncmp(got, expected, length) || (expected[length] &&
        length < 200)))
        return say(f, "'%s' expected: %s", expected, error->message);
    return 1;
}

static void save_part(FILE *file, const char *text, size_t bytes) {
    if (bytes) fwrite(text, 1, bytes, file);
    fputc(0, file);
}

/* Seeds for the fuzzer: the template, and what it is rendered with, each part up to a NUL. */
static void save_case(const fixture *f, const char *folder, int number, const llm_template_desc *td,
                      const llm_render_desc *rd, int shared) {
    const char *const parts[] = {rd->messages, rd->tools, rd->documents, rd->variables};
    char path[600];
    FILE *file;
    size_t i;
    snprintf(path, sizeof path, "%s/%s-%d.source", folder, f->name, number);
    file = fopen(path, "wb");
    if (file) {
        fwrite(td->source, 1, td->source_bytes, file);
        fclose(file);
    }
    snprintf(path, sizeof path, "%s/%s-%d.data", folder, f->name, number);
    file = shared ? fopen(path, "wb") : NULL;
    if (!file) return;
    save_part(file, f->name, strlen(f->name));
    for (i = 0; i < 4; i++) save_part(file, parts[i], parts[i] ? strlen(parts[i]) : 0);
    fclose(file);
}

/* One case; `shared` is the template of the whole file, or NULL. */
static int run_case(fixture *f, const char *shared, size_t shared_bytes, const char *item, const char *folder,
                    int number) {
    static const llm_date now = {2026, 1, 2, 3, 4, 5, 0};
    llm_template_desc td;
    llm_render_desc rd;
    llm_template *t = NULL;
    llm_rendering *out = NULL;
    llm_note tokens[2];
    llm_error error;
    const char *expected, *token;
    size_t bytes, i, k;
    int ok;
    memset(&td, 0, sizeof td);
    memset(&rd, 0, sizeof rd);
    td.source = shared;
    td.source_bytes = shared_bytes;
    if (!shared) td.source = json_text(f, item, "template", &td.source_bytes);
    rd.messages = json_member(f, item, "messages");
    rd.tools = json_member(f, item, "tools");
    rd.documents = json_member(f, item, "documents");
    rd.variables = json_member(f, item, shared ? "kwargs" : "context");
    rd.tokens = tokens;
    rd.messages_as_given = 1;
    rd.now = &now;
    for (i = 0; i < 2; i++) {
        token = json_text(f, item, i ? "eos_token" : "bos_token", &bytes);
        if (!token) continue;
        tokens[rd.token_count].key = i ? "eos_token" : "bos_token";
        tokens[rd.token_count++].value = token;
    }
    if (!td.source) return say(f, "a case has no template");
    if (folder) save_case(f, folder, number, &td, &rd, shared != NULL);
    expected = json_text(f, item, "expected", &bytes);
    ok = llm_template_open(&t, &td, &error) == LLM_OK && llm_template_render(&out, t, &rd, &error) == LLM_OK;
    if (!ok) {
        ok = case_fails(f, item, &error);
    } else if (!expected) {
        ok = say(f, "no error; got '%.200s'", out->text);
    } else {
        for (k = 0; k < bytes && k < out->bytes && expected[k] == out->text[k];) k++;
        ok = k == bytes && k == out->bytes ? 1 : say(f, "'%.100s' expected at byte %lu, got '%.100s'", expected + k,
                                                     (unsigned long)k, out->text + k);
    }
    llm_rendering_close(out);
    llm_template_close(t);
    return ok;
}

/* A file of template cases: 1 it was one, 0 it is some other JSON. */
static int run_templates(const char *path, const options *o, totals *t) {
    const char *slash = strrchr(path, '/'), *at, *shared = NULL;
    size_t bytes = 0;
    int number = 0, failed = 0, is_list;
    fixture f;
    memset(&f, 0, sizeof f);
    snprintf(f.name, sizeof f.name, "%s", slash ? slash + 1 : path);
    f.arena.allocator = llm__allocator_or_default(f.arena.allocator);
    if (!read_whole(&f, path)) return 0;
    {
        char *text = (char *)take(&f, f.source.bytes + 1, 1);
        memcpy(text, f.source.data, f.source.bytes);
        at = json_space(text);
    }
    is_list = *at == '[';
    if (!is_list) {
        shared = json_text(&f, at, "template", &bytes);
        at = shared ? json_member(&f, at, "cases") : NULL;
    }
    if (!at || *at != '[' || (!shared && !json_text(&f, json_space(at + 1), "template", &bytes))) {
        llm__arena_free(&f.arena);
        return 0;
    }
    if (!shared) bytes = 0;
    for (at = json_space(at + 1); *at == '{' && !o->list; at = json_space(at + (*at == ','))) {
        number++;
        f.problem[0] = 0;
        if (!run_case(&f, shared, bytes, at, o->save, number)) {
            printf("%-34s FAIL  case %d: %s\n", f.name, number, f.problem);
            failed++;
        }
        at = json_space(json_skip(at));
    }
    if (o->list) printf("%-34s templates\n", f.name);
    else printf("%-34s %-5s %d of %d cases\n", f.name, failed ? "FAIL" : "ok", number - failed, number);
    t->passed += number - failed;
    t->failed += failed;
    llm__arena_free(&f.arena);
    return 1;
}

/* ---- tokenizers: folders with tokenizer.json, tokenizer_config.json, cases.json and perhaps decode.json */

typedef struct token_list {
    int32_t *ids;
    llm_text_span *spans;
    size_t count;
} token_list;

/* The numbers of a list as it stands. */
static token_list json_ids(fixture *f, const char *list) {
    token_list out;
    size_t most = 1;
    const char *at;
    char *end;
    memset(&out, 0, sizeof out);
    for (at = list; at && *at; at++) most += *at == ',';
    out.ids = (int32_t *)take(f, most, sizeof *out.ids);
    for (at = list ? list + 1 : ""; *at; at = end + strspn(end, ", \n\r\t")) {
        out.ids[out.count] = (int32_t)strtol(at, &end, 10);
        if (end == at) break;
        out.count++;
    }
    return out;
}

static size_t characters(const char *text, size_t bytes) {
    size_t i, n = 0;
    for (i = 0; i < bytes; i++) n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

/* Whether tokens lie where a list of [first, end), counted in characters, says. */
static int same_offsets(fixture *f, const char *text, const token_list *got, const char *offsets) {
    size_t i, k, bound[2];
    char *end;
    for (i = 0; i < got->count; i++) {
        for (k = 0; k < 2; k++) {
            offsets += strcspn(offsets, "0123456789");
            bound[k] = (size_t)strtol(offsets, &end, 10);
            offsets = end;
        }
        if (characters(text, got->spans[i].from) == bound[0] && characters(text, got->spans[i].to) == bound[1])
            continue;
        return say(f, "'%.60s': token %lu lies at bytes %lu to %lu, not characters %lu to %lu", text, (unsigned long)i,
                   (unsigned long)got->spans[i].from, (unsigned long)got->spans[i].to, (unsigned long)bound[0],
                   (unsigned long)bound[1]);
    }
    return 1;
}

/* Encodes a case's text and holds the ids, and where they lie, against what the case says. */
static int run_encoding(fixture *f, const llm_tokenizer *t, const char *item, int special) {
    size_t i;
    const char *offsets = special ? NULL : json_member(f, item, "offsets");
    token_list expected = json_ids(f, json_member(f, item, special ? "ids" : "ids_no_special")), got;
    llm_encode_desc d;
    llm_error error;
    memset(&d, 0, sizeof d);
    memset(&got, 0, sizeof got);
    d.text = json_text(f, item, "text", &d.bytes);
    d.special = special;
    d.capacity = expected.count + 1;
    d.ids = got.ids = (int32_t *)take(f, d.capacity, sizeof *got.ids);
    d.spans = got.spans = (llm_text_span *)take(f, d.capacity, sizeof *got.spans);
    if (llm_tokenizer_encode(t, &d, &got.count, &error)) return say(f, "%s", error.message);
    for (i = 0; i < got.count && i < expected.count && got.ids[i] == expected.ids[i];) i++;
    if (i < got.count || i < expected.count)
        return say(f, "'%.60s': %lu ids, not %lu; they differ at %lu", d.text, (unsigned long)got.count,
                   (unsigned long)expected.count, (unsigned long)i);
    return !offsets || same_offsets(f, d.text, &got, offsets);
}

/* Decodes a case's ids, at once and one by one. */
static int run_decoding(fixture *f, const llm_tokenizer *t, const char *item, const char *from, const char *key,
                        int skip) {
    size_t bytes, length, i, done = 0;
    token_list list = json_ids(f, json_member(f, item, from));
    const char *expected = json_text(f, item, key, &bytes), *piece;
    char *text = (char *)take(f, bytes + 1, 1);
    llm_detokenizer *d;
    llm_error error;
    if (!expected) return 1;
    if (llm_tokenizer_decode(t, list.ids, list.count, skip, text, bytes + 1, &length, &error))
        return say(f, "'%.60s': %s", expected, error.message);
    if (length != bytes || memcmp(text, expected, bytes))
        return say(f, "ids that are '%.60s' come out as '%.60s'", expected, text);
    if (llm_detokenizer_open(&d, t, skip, NULL, &error)) return say(f, "%s", error.message);
    for (i = 0; i <= list.count; i++) {
        if (i < list.count ? llm_detokenizer_add(d, list.ids[i], &piece, &length, &error)
                           : llm_detokenizer_finish(d, &piece, &length, &error)) break;
        if (length > bytes - done || memcmp(expected + done, piece, length)) break;
        done += length;
    }
    llm_detokenizer_close(d);
    return i > list.count && done == bytes ? 1 : say(f, "the pieces of '%.60s' are not it", expected);
}

static int run_token_case(fixture *f, const llm_tokenizer *t, const char *item) {
    if (!json_member(f, item, "text"))
        return run_decoding(f, t, item, "ids", "decoded", 0) && run_decoding(f, t, item, "ids", "decoded_skip", 1);
    return run_encoding(f, t, item, 1) && run_encoding(f, t, item, 0) &&
           run_decoding(f, t, item, "ids_no_special", "decoded", 0) &&
           run_decoding(f, t, item, "ids", "decoded_skip", 1);
}

/* The cases of one file of a tokenizer's folder: how many there are, and how many of them failed. */
static int run_token_cases(const char *folder, const char *style, const char *file, const llm_tokenizer *t,
                           int *failed) {
    fixture f, one; /* one: what a case takes is given back after it */
    char *text;
    const char *at;
    char path[1200];
    int number = 0;
    memset(&f, 0, sizeof f);
    f.arena.allocator = llm__allocator_or_default(f.arena.allocator);
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (!read_whole(&f, path)) return 0;
    text = (char *)take(&f, f.source.bytes + 1, 1);
    memcpy(text, f.source.data, f.source.bytes);
    at = json_space(text);
    for (at = json_space(at + (*at == '[')); *at == '{'; at = json_space(at + (*at == ','))) {
        memset(&one, 0, sizeof one);
        one.arena.allocator = f.arena.allocator;
        number++;
        if (!run_token_case(&one, t, at)) {
            printf("%-34s FAIL  %s, case %d: %s\n", style, file, number, one.problem);
            ++*failed;
        }
        llm__arena_free(&one.arena);
        at = json_space(json_skip(at));
    }
    llm__arena_free(&f.arena);
    return number;
}

/* A folder of a tokenizer: 1 it was one, 0 it is some other folder.  The answers are those of the tokenizers package,
   which reads tokenizer.json alone, and so does this. */
static int run_tokenizer(const char *path, const options *o, totals *t) {
    const char *slash = strrchr(path, '/'), *style = slash ? slash + 1 : path;
    llm_tokenizer_desc td;
    llm_memory_file file;
    llm_tokenizer *tokenizer = NULL;
    llm_error error;
    char name[1200];
    fixture f;
    int number, failed = 0;
    FILE *there;
    snprintf(name, sizeof name, "%s/cases.json", path);
    there = fopen(name, "rb");
    if (!there) return 0;
    fclose(there);
    if (o->list) return printf("%-34s tokenizer\n", style), 1;
    memset(&td, 0, sizeof td);
    memset(&f, 0, sizeof f);
    f.arena.allocator = llm__allocator_or_default(f.arena.allocator);
    snprintf(name, sizeof name, "%s/tokenizer.json", path);
    if (!read_whole(&f, name)) need(NULL);
    file = f.source;
    file.name = "tokenizer.json";
    td.memory = &file;
    td.memory_count = 1;
    if (llm_tokenizer_open(&tokenizer, &td, &error)) {
        printf("%-34s FAIL  %s\n", style, error.message);
        t->failed++;
        llm__arena_free(&f.arena);
        return 1;
    }
    number = run_token_cases(path, style, "cases.json", tokenizer, &failed);
    number += run_token_cases(path, style, "decode.json", tokenizer, &failed);
    printf("%-34s %-5s %d of %d cases\n", style, failed || !number ? "FAIL" : "ok", number - failed, number);
    t->passed += number - failed;
    t->failed += failed + !number;
    llm_tokenizer_close(tokenizer);
    llm__arena_free(&f.arena);
    return 1;
}

/* ---- paths */

static void judge(fixture *f, const options *o, totals *t, int passed) {
    const char *fixed;
    printf("%-34s %-5s error %8.2e of %8.2e", f->name, passed ? "ok" : "FAIL", f->worst, f->tolerance);
    if (!passed) printf("  %s", f->problem);
    fixed = passed && o->verbose && f->about ? depends_on_calls(f) : NULL;
    if (fixed) printf("  (only the golden's calls: %s depends on them)", fixed);
    printf("\n");
    fflush(stdout);
    if (passed) t->passed++;
    else t->failed++;
}

static void run_file(const char *path, const options *o, totals *t) {
    fixture f;
    const llm__json *kind, *mode;
    if (!open_fixture(&f, path)) {
        judge(&f, o, t, 0);
        close_fixture(&f);
        return;
    }
    kind = llm__json_get(f.metadata, "kind");
    mode = llm__json_get(f.metadata, "mode");
    if (o->list) printf("%-34s %s\n", f.name, kind ? kind->as.text : mode ? "quantization" : "unknown");
    else if (llm__json_text_is(kind, "logits") || llm__json_text_is(kind, "cachefile"))
        judge(&f, o, t, run_logits(&f, o));
    else if (llm__json_text_is(kind, "generation")) judge(&f, o, t, run_generation(&f, o));
    else if (!kind && mode) judge(&f, o, t, run_quantization(&f, mode->as.text));
    else {
        printf("%-34s skipped: fixtures of kind %s are not run yet\n", f.name, kind ? kind->as.text : "unknown");
        t->skipped++;
    }
    close_fixture(&f);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void run_path(const char *path, const options *o, totals *t);

static void run_folder(const char *path, DIR *folder, const options *o, totals *t) {
    struct dirent *item;
    void *names = NULL;
    size_t count = 0, capacity = 0, i;
    llm_allocator memory;
    memset(&memory, 0, sizeof memory);
    memory = llm__allocator_or_default(memory);
    while ((item = readdir(folder)) != NULL) {
        size_t bytes = strlen(path) + strlen(item->d_name) + 2;
        char *full;
        if (item->d_name[0] == '.') continue;
        full = (char *)need(malloc(bytes));
        snprintf(full, bytes, "%s/%s", path, item->d_name);
        if (!llm__grow(&memory, &names, &capacity, count + 1, sizeof(char *))) need(NULL);
        ((char **)names)[count++] = full;
    }
    if (count) qsort(names, count, sizeof(char *), by_name);
    for (i = 0; i < count; i++) {
        run_path(((char **)names)[i], o, t);
        free(((char **)names)[i]);
    }
    free(names);
}

/* *.safetensors are fixtures, and so are *.json that hold cases of templates, samplers or stops, and folders that hold
   tokenizer cases. */
static void run_path(const char *path, const options *o, totals *t) {
    DIR *folder = opendir(path);
    const char *dot = strrchr(path, '.');
    if (folder) {
        if (!run_tokenizer(path, o, t)) run_folder(path, folder, o, t);
        closedir(folder);
    } else if (dot && !strcmp(dot, ".safetensors")) {
        run_file(path, o, t);
    } else if (dot && !strcmp(dot, ".json")) {
        if (!run_cases(path, o, t)) run_templates(path, o, t);
    }
}

static int usage(FILE *out, int code) {
    fputs("usage: golden [--list] [--verbose] [--once] [--isa NAME] [--save FOLDER] PATH...\n"
          "Runs fixture files, or folders of them: one line each, then the totals.\n"
          "  --list     names and kinds only\n"
          "  --verbose  more about fixtures that pass, too\n"
          "  --once     only as the golden was made: no other cuts, batches, threads or caches\n"
          "  --isa      the kernel table: scalar, sse4, avx2, ... (default: the best this CPU has)\n"
          "  --save     where prompt caches are saved, for mlx-lm to go on from, and templates, for the fuzzer\n",
          out);
    return code;
}

int main(int count, char **arguments) {
    options o;
    totals t;
    FILE *probe;
    int i;
    memset(&o, 0, sizeof o);
    memset(&t, 0, sizeof t);
    if (count < 2) return usage(stderr, 2);
    for (i = 1; i < count; i++) {
        const char *a = arguments[i];
        if (!strcmp(a, "--help")) return usage(stdout, 0);
        else if (!strcmp(a, "--list")) o.list = 1;
        else if (!strcmp(a, "--verbose")) o.verbose = 1;
        else if (!strcmp(a, "--once")) o.once = 1;
        else if (!strcmp(a, "--isa") && i + 1 < count) o.isa = arguments[++i];
        else if (!strcmp(a, "--save") && i + 1 < count) o.save = arguments[++i];
        else if (a[0] == '-') return usage(stderr, 2);
        else if ((probe = fopen(a, "rb")) == NULL) {
            fprintf(stderr, "golden: cannot open %s\n", a);
            t.failed++;
        } else {
            fclose(probe);
            run_path(a, &o, &t);
        }
    }
    if (o.list) return t.failed != 0;
    if (!t.passed && !t.failed && !t.skipped) printf("there is no fixture (*.safetensors, *.json) in what was named\n");
    printf("golden: %d passed, %d failed", t.passed, t.failed);
    printf(t.skipped ? ", %d skipped\n" : "\n", t.skipped);
    return t.failed != 0 || t.passed + t.skipped == 0;
}
