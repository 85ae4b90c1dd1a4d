/* test_config_edits - random edits of every fixture's config.json: an error, or a model that runs; never a crash

       build/test_config_edits                            a few edits of each fixture, the same ones every time
       build/test_config_edits --seconds 600 --seed 7 [PATH...]   as many as there is time for

   A value becomes another of any type, or moves a little; a key is dropped, doubled or renamed; a list loses or repeats
   a member.  What opens is run over a few tokens.  After a crash the configuration is on standard error. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include <dirent.h>
#include <signal.h>
#include <time.h>
#ifdef __unix__
#include <unistd.h>
#endif

#define PROGRAM "test_config_edits"
#include "fixture.h"
#include "stories.h"
#include "test.h"

enum { QUICK = 40, MOST_EDITS = 3, LONGEST = 60, MEMORY = 512 << 20 };

static uint64_t state = 1;
static llm__text config;      /* that is being tried */
static char now[NAME_BYTES];  /* the fixture that it came from */
static long opened, refused;

static uint64_t draw(uint64_t below) {
    return (splitmix(++state) >> 11) % below;
}

/* ---- what a crash leaves */

static void last_words(int number) {
    fprintf(stderr, "%s: signal %d after an edit of %s:\n%.*s\n", PROGRAM, number, now, (int)config.length,
            (const char *)config.data);
    _Exit(1);
}

/* A trial that takes longer than this many seconds hangs. */
static void watch(int seconds) {
#ifdef __unix__
    alarm((unsigned)seconds);
#else
    (void)seconds;
#endif
}

static void listen_for_crashes(void) {
#ifdef __unix__
    signal(SIGALRM, last_words);
#endif
#ifndef __SANITIZE_ADDRESS__
    signal(SIGSEGV, last_words);
    signal(SIGFPE, last_words);
    signal(SIGABRT, last_words);
#endif
}

/* ---- memory with an end: a configuration must not make the library ask for all there is */

static size_t in_use;

static void *limited(void *user, void *block, size_t old_bytes, size_t new_bytes) {
    llm_allocator *plain = (llm_allocator *)user;
    void *got;
    if (new_bytes > MEMORY || in_use - old_bytes > MEMORY - new_bytes) return NULL;
    got = plain->reallocate(plain->user, block, old_bytes, new_bytes);
    if (got || !new_bytes) in_use += new_bytes - old_bytes;
    return got;
}

/* ---- edits */

typedef struct edit {
    long target; /* the value that is changed, counted from the root */
    uint64_t how;
} edit;

typedef struct writer {
    const edit *edits;
    int count;
    long at;
} writer;

static const char *const other_values[] = {
    "null", "true", "false", "0", "1", "-1", "2", "3", "5", "64", "1000000007", "2147483647", "4294967296",
    "-2147483648", "1e300", "-1e300", "1e-300", "0.5", "0.0", "1.5", "NaN", "Infinity", "-Infinity", "\"\"",
    "\"zebra\"", "[]", "{}",
    "[1, 2]", "[null]", "[[1]]", "{\"rope_theta\": -1}", "{\"type\": \"yarn\"}", "{\"rope_type\": 7}", "1048576",
    "4097", "9223372036854775807", "\"auto\"", "{\"__float__\": \"Infinity\"}"};

static const char *const words[] = {
    "sliding_attention", "full_attention", "linear_attention", "attention", "mamba", "conv", "moe", "dense", "sparse",
    "yarn", "linear", "dynamic", "llama3", "longrope", "su", "default", "mrope", "proportional", "silu", "gelu", "relu",
    "relu2", "sigmoid", "softmax", "noaux_tc", "greedy", "group_limited_greedy", "recurrent", "gelu_pytorch_tanh",
    "gptq", "awq", "bitnet", "compressed-tensors", "fp8", "nvfp4", "mxfp4", "affine", "LLLG", "M*-E", "nope", "rope"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void write_value(writer *w, const llm__json *v);

static void write_text(const llm__json *v) {
    uint32_t i;
    put(&config, "\"");
    for (i = 0; i < v->length; i++) {
        unsigned char c = (unsigned char)v->as.text[i];
        if (c < 32 || c == '"' || c == '\\') put(&config, "\\u%04x", c);
        else put(&config, "%c", c);
    }
    put(&config, "\"");
}

static void write_number(double n) {
    if (n != n) put(&config, "NaN");
    else if (n > 1e308 || n < -1e308) put(&config, n > 0 ? "Infinity" : "-Infinity");
    else put(&config, n == floor(n) && fabs(n) < 1e15 ? "%.0f" : "%.17g", n);
}

/* A value in the place of v. */
static void write_other(const llm__json *v, uint64_t how) {
    if (v->type == LLM__JSON_STRING && how % 4) {
        size_t types = 0, pick = (size_t)(how / 4);
        while (llm_architecture(types)) types++;
        pick %= COUNT(words) + types;
        put(&config, "\"%s\"", pick < COUNT(words) ? words[pick] : llm_architecture(pick - COUNT(words)));
    } else if ((v->type == LLM__JSON_INTEGER || v->type == LLM__JSON_NUMBER) && how % 2) {
        static const double factors[] = {1, 1, -1, 2, 0.5, 3, 1.0 / 3, 16}, steps[] = {1, -1, 0, 0, 0, 0, 0, 0};
        double n = v->as.number * factors[how / 2 % 8] + steps[how / 2 % 8];
        write_number(v->type == LLM__JSON_INTEGER ? floor(n) : n);
    } else {
        put(&config, "%s", other_values[how / 8 % COUNT(other_values)]);
    }
}

/* A member of an object, perhaps not, twice, or under another key. */
static void write_member(writer *w, const llm__json *key, int *first) {
    const edit *e = NULL;
    int i, copies = 1, renamed = 0;
    for (i = 0; i < w->count; i++)
        if (w->edits[i].target == w->at && w->edits[i].how % 8 < 3) e = &w->edits[i];
    if (e) copies = e->how % 8 == 0 ? 0 : e->how % 8 == 1 ? 2 : 1, renamed = e->how % 8 == 2;
    if (!copies) {
        size_t length = config.length; /* what is written here is dropped again, but its values are counted */
        write_value(w, key + 1);
        config.length = length;
    }
    while (copies-- > 0) {
        long at = w->at;
        put(&config, "%s", *first ? "" : ",");
        *first = 0;
        if (renamed) put(&config, "\"other_%.60s\"", key->as.text);
        else write_text(key);
        put(&config, ":");
        write_value(w, key + 1);
        if (copies) w->at = at;
    }
}

static void write_value(writer *w, const llm__json *v) {
    const llm__json *member = llm__json_first(v);
    uint32_t i;
    int k, first = 1;
    long own = w->at++;
    for (k = 0; k < w->count; k++)
        if (w->edits[k].target == own && w->edits[k].how % 8 >= 3) {
            write_other(v, w->edits[k].how / 8);
            return;
        }
    if (v->type == LLM__JSON_OBJECT) {
        put(&config, "{");
        for (i = 0; i < v->length; i++, member = llm__json_next(member + 1)) write_member(w, member, &first);
        put(&config, "}");
    } else if (v->type == LLM__JSON_ARRAY) {
        put(&config, "[");
        for (i = 0; i < v->length; i++, member = llm__json_next(member)) {
            put(&config, "%s", i ? "," : "");
            write_value(w, member);
        }
        put(&config, "]");
    } else if (v->type == LLM__JSON_STRING) {
        write_text(v);
    } else if (v->type == LLM__JSON_INTEGER || v->type == LLM__JSON_NUMBER) {
        write_number(v->as.number);
    } else {
        put(&config, v->type == LLM__JSON_TRUE ? "true" : v->type == LLM__JSON_FALSE ? "false" : "null");
    }
}

/* ---- trials */

static void run_model(const llm_model *model, const fixture *f) {
    llm_session_desc sd;
    llm_model_cache_desc cd;
    reading r;
    int vocabulary = llm_model_get_info(model).vocabulary, call;
    float *logits = (float *)need(malloc((size_t)vocabulary * sizeof *logits));
    float *given = (float *)need(calloc(6 * (size_t)llm_model_get_info(model).hidden, sizeof *given));
    int32_t tokens[8];
    memset(&sd, 0, sizeof sd);
    memset(&cd, 0, sizeof cd);
    sd.max_rows = 4;
    sd.exact = draw(2) != 0;
    if (draw(4) == 0) cd.max_kv_size = 3;
    if (reading_open(&r, model, &sd, &cd))
        for (call = 0; call < 4; call++) {
            size_t i;
            r.sequence.tokens = tokens;
            r.sequence.count = call ? 1 : 6;
            r.sequence.logits = logits;
            r.sequence.given = model->entrance.map.data ? given : NULL;
            for (i = 0; i < r.sequence.count; i++) tokens[i] = (int32_t)draw((uint64_t)vocabulary);
            if (f->prompt_count && f->prompt[0] < vocabulary) tokens[0] = f->prompt[0];
            if (llm_forward(r.session, &r.sequence, 1, NULL)) break;
        }
    reading_close(&r);
    free(given);
    free(logits);
}

static void try_config(fixture *f, llm_allocator *allocator) {
    llm_model_desc md;
    llm_model *model = NULL;
    llm_error error;
    memset(&md, 0, sizeof md);
    memset(&error, 0, sizeof error);
    f->checkpoint[0].data = config.data;
    f->checkpoint[0].bytes = config.length;
    md.memory = f->checkpoint;
    md.memory_count = 2;
    md.weights_only = 1;
    md.drafts = 1;
    md.describe = draw(4) == 0; /* which must look at the same and run nothing */
    md.allocator.user = allocator;
    md.allocator.reallocate = limited;
    in_use = 0;
    watch(LONGEST);
    if (llm_model_open(&model, &md, &error)) {
        CHECK(!model && error.message[0]);
        refused++;
    } else {
        run_model(model, f);
        if (llm_model_drafter(model)) run_model(llm_model_drafter(model), f);
        CHECK(llm_model_get_layer(model, 0).mixer[0] || llm_model_get_layer(model, 0).ffn[0]);
        opened++;
    }
    llm_model_close(model);
    watch(0);
    CHECK_EQ(in_use, 0);
}

static void try_fixture(const char *path, int trials) {
    llm_allocator plain = llm__allocator_or_default(config.allocator);
    fixture f;
    const llm__json *root = NULL;
    writer w;
    int i, k;
    if (open_fixture(&f, path) && (llm__json_text_is(llm__json_get(f.metadata, "kind"), "logits") ||
                                   llm__json_text_is(llm__json_get(f.metadata, "kind"), "mtp")))
        if (read_expectations(&f) && build_checkpoint(&f)) root = read_nested(&f, "config");
    snprintf(now, sizeof now, "%s", f.name);
    for (i = 0; root && i < trials; i++) {
        edit edits[MOST_EDITS];
        long values;
        memset(&w, 0, sizeof w);
        w.edits = edits;
        config.length = 0;
        write_value(&w, root);
        values = w.at;
        w.at = 0;
        w.count = 1 + (int)draw(MOST_EDITS);
        for (k = 0; k < w.count; k++) edits[k].target = 1 + (long)draw((uint64_t)values), edits[k].how = draw(1 << 30);
        config.length = 0;
        write_value(&w, root);
        try_config(&f, &plain);
    }
    close_fixture(&f);
}

static void try_folder(const char *folder, int trials, time_t end) {
    DIR *entries = opendir(folder);
    struct dirent *item;
    char path[1200];
    if (!entries) {
        try_fixture(folder, trials);
        return;
    }
    while ((item = readdir(entries)) != NULL && (!end || time(NULL) < end)) {
        snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
        if (strstr(item->d_name, ".safetensors")) try_fixture(path, trials);
    }
    closedir(entries);
}

int main(int count, char **arguments) {
    static const char *const folders[] = {"tests/golden/logits", "tests/golden/mine", "tests/golden/mtp"};
    long seconds = 0;
    time_t end;
    int i, first = 1;
    for (; first + 1 < count && arguments[first][0] == '-'; first += 2) {
        if (!strcmp(arguments[first], "--seconds")) seconds = strtol(arguments[first + 1], NULL, 10);
        else if (!strcmp(arguments[first], "--seed")) state = strtoull(arguments[first + 1], NULL, 10);
        else return fprintf(stderr, "%s: unknown option %s\n", PROGRAM, arguments[first]), 2;
    }
    end = seconds ? time(NULL) + seconds : 0;
    config.allocator = llm__allocator_or_default(config.allocator);
    listen_for_crashes();
    do {
        for (i = first; i < count; i++) try_folder(arguments[i], QUICK, end);
        for (i = 0; first == count && i < (int)COUNT(folders); i++) try_folder(folders[i], QUICK, end);
    } while (end && time(NULL) < end);
    CHECK(opened > 0 && refused > 0);
    printf("%ld configurations opened, %ld refused\n", opened, refused);
    llm__text_free(&config);
    return test_summary("config_edits");
}
