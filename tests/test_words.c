/* test_words.c - the tokenizer against the golden cases: ids, decoded text, streamed pieces. */
#include <stdlib.h>
#define LLM_IMPLEMENTATION
#ifdef WORDS_ALONE
#include "../llm_cache.h"
#include WORDS_ALONE
#else
#include "../llm.h"
#endif
#include "test.h"

static const char *folder = "tests/golden/tokenizers";
static int verbose;

static char *read_file(const char *path, size_t *bytes) {
    FILE *f = fopen(path, "rb");
    char *text;
    long n;
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    n = ftell(f);
    fseek(f, 0, SEEK_SET);
    text = (char *)malloc((size_t)n + 1);
    *bytes = fread(text, 1, (size_t)n, f);
    text[*bytes] = 0;
    fclose(f);
    return text;
}

static const llm__json *read_json(llm__arena *arena, const char *style, const char *name) {
    char path[500];
    size_t bytes = 0;
    char *text;
    const llm__json *root = NULL;
    llm_error e;
    snprintf(path, sizeof path, "%s/%s/%s", folder, style, name);
    text = read_file(path, &bytes);
    if (!text) return NULL;
    if (llm__json_parse(arena, path, text, bytes, &root, &e) != LLM_OK) printf("%s\n", e.message);
    free(text);
    return root;
}

/* An opened tokenizer and the memory behind it. */
typedef struct tokenizer {
    llm__arena arena;
    llm__words *words;
    llm_error error;
} tokenizer;

static llm_status open_tokenizer(tokenizer *t, const char *style) {
    const llm__json *file, *config;
    memset(t, 0, sizeof *t);
    t->arena.allocator = llm__allocator_or_default(t->arena.allocator);
    file = read_json(&t->arena, style, "tokenizer.json");
    config = read_json(&t->arena, style, "tokenizer_config.json");
    return llm__words_open(&t->words, &t->arena, "tokenizer.json", file, &t->error);
}

static llm_status open_text(tokenizer *t, const char *text) {
    const llm__json *root = NULL;
    memset(t, 0, sizeof *t);
    t->arena.allocator = llm__allocator_or_default(t->arena.allocator);
    if (llm__json_parse(&t->arena, "tokenizer.json", text, strlen(text), &root, &t->error) != LLM_OK)
        return LLM_BAD_FORMAT;
    return llm__words_open(&t->words, &t->arena, "tokenizer.json", root, &t->error);
}

static void close_tokenizer(tokenizer *t) { llm__arena_free(&t->arena); }

static int same_ids(const llm__json *want, const int32_t *ids, size_t count) {
    const llm__json *v;
    size_t i;
    if (want->length != count) return 0;
    for (i = 0, v = llm__json_first(want); i < count; i++, v = llm__json_next(v))
        if ((int32_t)v->as.number != ids[i]) return 0;
    return 1;
}

static void show(const char *style, const char *what, const llm__json *text, const int32_t *ids, size_t count,
                 const char *got) {
    size_t i;
    if (!verbose) return;
    printf("%s: %s: text \"%.80s\"\n   got", style, what, text && text->type == LLM__JSON_STRING ? text->as.text : "");
    for (i = 0; i < count && i < 60; i++) printf(" %d", (int)ids[i]);
    printf(" %s\n", got ? got : "");
}

static int encodes(const tokenizer *t, const char *style, const llm__json *text, const llm__json *want, int special) {
    int32_t *ids = NULL;
    size_t count = 0, capacity = 0;
    llm_error e;
    int good = llm__words_encode(t->words, &t->arena.allocator, text->as.text, text->length, special, &ids, &count,
                                 &capacity, &e) == LLM_OK &&
               same_ids(want, ids, count);
    if (!good) show(style, special ? "ids" : "ids_no_special", text, ids, count, NULL);
    llm__free(&t->arena.allocator, ids, capacity * sizeof *ids);
    return good;
}

/* Decodes at once and token by token. */
static int decodes(const tokenizer *t, const char *style, const llm__json *list, const llm__json *want, int skip) {
    llm__text whole, parts;
    llm__detok d;
    int32_t *ids = (int32_t *)malloc(((list ? list->length : 0) + 1) * sizeof *ids);
    const llm__json *v = llm__json_first(list);
    uint32_t i;
    size_t n, before;
    int good;
    if (!want || !list) return free(ids), 1;
    memset(&whole, 0, sizeof whole);
    whole.allocator = t->arena.allocator;
    parts = whole;
    for (i = 0; i < list->length; i++, v = llm__json_next(v)) ids[i] = (int32_t)v->as.number;
    good = llm__words_decode(t->words, ids, list->length, skip, &whole, NULL) == LLM_OK &&
           whole.length == want->length && memcmp(whole.length ? whole.data : "", want->as.text, whole.length) == 0;
    if (!good) show(style, "decode", want, ids, list->length, whole.data);
    llm__detok_init(&d, t->words, skip, t->arena.allocator);
    for (i = 0; i < list->length; i++) {
        before = parts.length;
        if (llm__detok_add(&d, ids[i], &parts) != LLM_OK) good = 0;
        while (before < parts.length) { /* whole code points only */
            if (llm__char_check(parts.data + before, parts.length - before, &n) != 1) good = 0;
            before += n;
        }
    }
    llm__detok_finish(&d, &parts);
    if (parts.length != want->length || memcmp(parts.length ? parts.data : "", want->as.text, parts.length) != 0)
        good = 0;
    llm__text_free(&whole);
    llm__text_free(&parts);
    free(ids);
    return good;
}

static const llm__json *expected(const llm__json *c, const char *hf, const char *plain) {
    const llm__json *v = llm__json_get(c, hf);
    return v ? v : llm__json_get(c, plain);
}

static int run_style(const char *style) {
    tokenizer t;
    llm__arena arena;
    const llm__json *cases, *c;
    uint32_t i;
    int failed[4] = {0, 0, 0, 0}, all;
    memset(&arena, 0, sizeof arena);
    arena.allocator = llm__allocator_or_default(arena.allocator);
    if (open_tokenizer(&t, style) != LLM_OK) {
        printf("%s: %s\n", style, t.error.message);
        close_tokenizer(&t);
        return 0;
    }
    cases = read_json(&arena, style, "cases.json");
    for (i = 0, c = llm__json_first(cases); cases && i < cases->length; i++, c = llm__json_next(c)) {
        const llm__json *text = llm__json_get(c, "text");
        failed[0] += !encodes(&t, style, text, expected(c, "hf_ids", "ids"), 1);
        failed[1] += !encodes(&t, style, text, expected(c, "hf_ids_no_special", "ids_no_special"), 0);
        failed[2] += !decodes(&t, style, llm__json_get(c, "ids_no_special"), llm__json_get(c, "decoded"), 0);
        failed[2] += !decodes(&t, style, llm__json_get(c, "ids"), llm__json_get(c, "decoded_skip"), 1);
    }
    cases = read_json(&arena, style, "decode.json");
    for (i = 0, c = llm__json_first(cases); cases && i < cases->length; i++, c = llm__json_next(c)) {
        failed[3] += !decodes(&t, style, llm__json_get(c, "ids"), llm__json_get(c, "decoded"), 0);
        failed[3] += !decodes(&t, style, llm__json_get(c, "ids"), llm__json_get(c, "decoded_skip"), 1);
    }
    all = failed[0] + failed[1] + failed[2] + failed[3];
    if (all)
        printf("%s: failed ids %d, ids_no_special %d, decoded %d, decode.json %d\n", style, failed[0], failed[1],
               failed[2], failed[3]);
    llm__arena_free(&arena);
    close_tokenizer(&t);
    return all == 0;
}

int main(int argc, char **argv) {
    int i;
    if (argc > 1) folder = argv[1];
    verbose = argc == 3 || getenv("V") != NULL;
    for (i = 2; i < argc; i++) CHECK(run_style(argv[i]));
    return test_summary("test_words");
}
