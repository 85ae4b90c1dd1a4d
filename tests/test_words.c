/* test_words - text to token ids and back.

   Without arguments: the golden styles of tests/golden/tokenizers, and what no golden shows (broken files and texts,
   long texts, refused allocations, mutated files).  `test_words FOLDER STYLE...` runs styles of another folder: each is
   a folder with tokenizer.json, cases.json and decode.json as tests/golden/tokenizers/README.md describes them.
   `test_words --save FOLDER` writes seeds for the fuzzers of tokenizers, texts and ids. */
#include <stdlib.h>
#include <time.h>

#define LLM_IMPLEMENTATION
#include "llm.h"

#include "common.h"
#include "styles.h"
#include "test.h"

static const char *folder = "tests/golden/tokenizers";

#if defined(__SANITIZE_ADDRESS__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOW 1
#endif
#endif
#ifdef SLOW /* instrumented */
#define LONG 250000
#else
#define LONG 1000000 /* bytes of a long text */
#endif

/* ---- an allocator that counts, refuses call number `refuse` (0: none), and is told the true size of each block */

typedef struct meter {
    long calls, refuse;
    long live; /* blocks */
    int wrong; /* sizes that are not those of the block */
} meter;

enum { HEAD = 16 };

static void *meter_reallocate(void *user, void *block, size_t old_bytes, size_t new_bytes) {
    meter *m = (meter *)user;
    char *base = block ? (char *)block - HEAD : NULL;
    size_t known;
    if (base) {
        memcpy(&known, base, sizeof known);
        if (known != old_bytes) m->wrong++;
    }
    if (!new_bytes) {
        if (base) m->live--;
        free(base);
        return NULL;
    }
    if (++m->calls == m->refuse) return NULL;
    base = (char *)realloc(base, new_bytes + HEAD);
    if (!base) return NULL;
    if (!block) m->live++;
    memcpy(base, &new_bytes, sizeof new_bytes);
    return base + HEAD;
}

static llm_allocator metered(meter *m) {
    llm_allocator a;
    a.user = m;
    a.reallocate = meter_reallocate;
    return a;
}

static llm_allocator libc; /* set by main */

static int settled(const meter *m) { return m->live == 0 && m->wrong == 0; }

/* ---- numbers and texts by chance, the same in every run */

static uint32_t chance_state = 1;

static uint32_t chance(uint32_t below) {
    chance_state = chance_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)chance_state * below >> 32);
}

static uint32_t any_char(void) {
    static const uint32_t likely[] = {' ', ' ', '\n', 'a', 'e', 't', 'Z', '0', '7', '\'', '.', 0x301, 0xE9, 0x4E2D,
                                      0x3000, 0x2581, 0x200D, 0x1F600, 0xAC01, 0x627, 0xFFFD};
    uint32_t c;
    if (chance(2)) return likely[chance(LLM__LENGTH(likely))];
    do c = chance(chance(3) ? 0x800 : 0x110000);
    while (c >= 0xD800 && c < 0xE000);
    return c;
}

static size_t any_text(char *out, size_t room) {
    size_t n = 0;
    while (n + 4 <= room) n += llm__char_put(any_char(), out + n);
    return n;
}

/* ---- a tokenizer, and the memory behind it */

typedef struct tokenizer {
    llm__arena arena;
    llm__words *words;
    llm_status status;
    llm_error error;
} tokenizer;

static void open_text(tokenizer *t, const char *text, size_t bytes, llm_allocator allocator) {
    memset(t, 0, sizeof *t);
    t->arena.allocator = allocator;
    t->status = llm__words_open(&t->words, &t->arena, "tokenizer.json", text, bytes, NULL, &t->error);
}

static void close_tokenizer(tokenizer *t) { llm__arena_free(&t->arena); }

typedef struct id_list {
    int32_t *ids;
    size_t count, capacity;
} id_list;

static llm_status encode(const llm__words *w, const llm_allocator *a, const char *text, size_t bytes, int special,
                         id_list *out, llm_error *e) {
    memset(out, 0, sizeof *out);
    return llm__words_encode(w, a, text, bytes, special, &out->ids, &out->count, &out->capacity, e);
}

static void free_ids(const llm_allocator *a, id_list *list) {
    llm__free(a, list->ids, list->capacity * sizeof *list->ids);
}

static llm__text empty_text(llm_allocator a) {
    llm__text text;
    memset(&text, 0, sizeof text);
    text.allocator = a;
    return text;
}

static int same_text(const llm__text *text, const char *expected, size_t bytes) {
    return text->length == bytes && (!bytes || memcmp(text->data, expected, bytes) == 0);
}

/* Adds one token; false if that failed or its text is not made of whole characters. */
static int add_whole(llm__detok *d, int32_t id, llm__text *out) {
    size_t at = out->length, n;
    if (llm__detok_add(d, id, out) != LLM_OK) return 0;
    for (; at < out->length; at += n)
        if (llm__char_check(out->data + at, out->length - at, &n) != 1) return 0;
    return 1;
}

/* Whether ids come out as the text, at once and token by token. */
static int decodes(const llm__words *w, const int32_t *ids, size_t count, int skip, const char *expected,
                   size_t bytes) {
    llm__text whole = empty_text(libc), parts = empty_text(libc);
    llm__detok d;
    size_t i;
    int good = llm__words_decode(w, ids, count, skip, &whole, NULL) == LLM_OK && same_text(&whole, expected, bytes);
    llm__detok_init(&d, w, skip, libc);
    for (i = 0; i < count; i++) good &= add_whole(&d, ids[i], &parts);
    good &= llm__detok_finish(&d, &parts) == LLM_OK && same_text(&parts, expected, bytes);
    llm__detok_free(&d);
    llm__text_free(&whole);
    llm__text_free(&parts);
    return good;
}

/* ---- golden styles: everything that is asked of each of them */

enum { ENCODING, OFFSETS, DECODING, ANY_IDS, ROUND_TRIP, REFUSED, QUIET, MUTATED, KINDS };

static const char *const kind_names[KINDS] = {"encoding", "offsets", "decoding",           "any ids",      "round trip",
                                              "refused memory",  "quiet detokenizer",  "mutated files"};

typedef struct style {
    const char *name;
    char *file; /* tokenizer.json */
    size_t bytes;
    llm__arena arena;
    const llm__json *root, *cases, *sequences;
    tokenizer t;
    int failed[KINDS];
} style;

static void count(style *s, int kind, int good) {
    if (good) test_passed++;
    else test_failed++, s->failed[kind]++;
}

static const llm__json *read_json(style *s, const char *name, char **keep, size_t *keep_bytes) {
    char path[600];
    size_t bytes = 0;
    char *text;
    const llm__json *root = NULL;
    llm_error e;
    snprintf(path, sizeof path, "%s/%s/%s", folder, s->name, name);
    text = (char *)read_file(path, &bytes);
    if (llm__json_parse(&s->arena, path, text, bytes, &root, &e) != LLM_OK) printf("%s\n", e.message);
    if (keep) *keep = text, *keep_bytes = bytes;
    else free(text);
    return root;
}

static int same_ids(const llm__json *expected, const id_list *list) {
    const llm__json *v = llm__json_first(expected);
    size_t i;
    if (!llm__json_is(expected, LLM__JSON_ARRAY) || expected->length != list->count) return 0;
    for (i = 0; i < list->count; i++, v = llm__json_next(v))
        if ((int32_t)v->as.number != list->ids[i]) return 0;
    return 1;
}

static int encodes(const style *s, const llm__json *text, const llm__json *expected, int special) {
    id_list list;
    int good = encode(s->t.words, &libc, text->as.text, text->length, special, &list, NULL) == LLM_OK &&
               same_ids(expected, &list);
    free_ids(&libc, &list);
    return good;
}

/* Whether the tokens lie where the golden, which counts characters, says. */
static int lies(const style *s, const llm__json *text, const llm__json *expected) {
    llm__encoded out;
    const llm__json *v = llm__json_first(expected);
    size_t i;
    int good;
    memset(&out, 0, sizeof out);
    out.want_spans = 1;
    good = llm__words_encode_as(s->t.words, &libc, text->as.text, text->length, 0, &out, NULL) == LLM_OK &&
           out.count == expected->length;
    for (i = 0; good && i < out.count; i++, v = llm__json_next(v)) {
        good = out.spans[i].from <= out.spans[i].to && out.spans[i].to <= text->length &&
               (double)llm__char_count(text->as.text, out.spans[i].from) == llm__json_at(v, 0)->as.number &&
               (double)llm__char_count(text->as.text, out.spans[i].to) == llm__json_at(v, 1)->as.number;
    }
    llm__free(&libc, out.ids, out.capacity * sizeof *out.ids);
    llm__free(&libc, out.spans, out.span_capacity * sizeof *out.spans);
    return good;
}

static int decodes_golden(const style *s, const llm__json *list, const llm__json *expected, int skip) {
    const llm__json *v = llm__json_first(list);
    size_t n = list ? list->length : 0, i;
    int32_t *ids = (int32_t *)malloc((n + 1) * sizeof *ids);
    int good = ids && list && llm__json_is(expected, LLM__JSON_STRING);
    for (i = 0; good && i < n; i++, v = llm__json_next(v)) ids[i] = (int32_t)v->as.number;
    good = good && decodes(s->t.words, ids, n, skip, expected->as.text, expected->length);
    free(ids);
    return good;
}

static void golden_cases(style *s) {
    const llm__json *c = llm__json_first(s->cases);
    uint32_t i;
    count(s, ENCODING, c != NULL);
    for (i = 0; c && i < s->cases->length; i++, c = llm__json_next(c)) {
        const llm__json *text = llm__json_get(c, "text"), *ids = llm__json_get(c, "ids");
        const llm__json *plain = llm__json_get(c, "ids_no_special");
        count(s, ENCODING, encodes(s, text, ids, 1));
        count(s, ENCODING, encodes(s, text, plain, 0));
        if (llm__json_get(c, "offsets")) count(s, OFFSETS, lies(s, text, llm__json_get(c, "offsets")));
        count(s, DECODING, decodes_golden(s, plain, llm__json_get(c, "decoded"), 0));
        if (llm__json_get(c, "decoded_skip")) /* the longest texts have it only in the other form */
            count(s, DECODING, decodes_golden(s, ids, llm__json_get(c, "decoded_skip"), 1));
    }
    c = llm__json_first(s->sequences);
    count(s, DECODING, c != NULL);
    for (i = 0; c && i < s->sequences->length; i++, c = llm__json_next(c)) {
        const llm__json *ids = llm__json_get(c, "ids");
        count(s, DECODING, decodes_golden(s, ids, llm__json_get(c, "decoded"), 0));
        count(s, DECODING, decodes_golden(s, ids, llm__json_get(c, "decoded_skip"), 1));
    }
}

/* Ids by chance, some of which do not exist. */
static size_t any_ids(const style *s, int32_t *ids, size_t most) {
    static const int32_t none[] = {-1, INT32_MIN, INT32_MAX};
    uint32_t known = (uint32_t)llm__words_count(s->t.words);
    size_t n = 1 + chance((uint32_t)most), i;
    for (i = 0; i < n; i++) ids[i] = chance(20) ? (int32_t)chance(known + 2) : none[chance(3)];
    return n;
}

/* What one call gives, the stream gives, in whole characters; ids that do not exist give nothing. */
static void any_sequences(style *s) {
    int32_t ids[40], known[40];
    int round;
    for (round = 0; round < 150; round++) {
        size_t n = any_ids(s, ids, LLM__LENGTH(ids)), i, m = 0;
        llm__text whole = empty_text(libc);
        int skip = (int)chance(2);
        for (i = 0; i < n; i++)
            if (llm__words_text(s->t.words, ids[i], NULL, NULL)) known[m++] = ids[i];
        count(s, ANY_IDS,
              llm__words_decode(s->t.words, known, m, skip, &whole, NULL) == LLM_OK &&
                  decodes(s->t.words, ids, n, skip, whole.length ? whole.data : "", whole.length));
        llm__text_free(&whole);
    }
}

/* Whether every text comes back as it was: bytes as tokens, nothing rewritten, nothing dropped. */
static int is_lossless(const llm__words *w) {
    int i, bytes = 0;
    char c[4];
    for (i = 0; i < w->splitter.count; i++) {
        const llm__step *step = w->splitter.items + i;
        if (step->kind == LLM__STEP_BYTE_LEVEL) bytes = !step->prepend;
        else if (step->kind != LLM__STEP_SPLIT && step->kind != LLM__STEP_DIGITS) return 0;
        if (step->kind == LLM__STEP_SPLIT && step->behavior == LLM__SPLIT_REMOVED) return 0;
    }
    if (!bytes || w->normalizer.count || w->model != LLM__MODEL_BPE || w->prefix.bytes || w->suffix.bytes) return 0;
    for (i = 0; i < 256; i++)
        if (llm__model_id(w, c, llm__char_put(llm__byte_to_char((uint8_t)i), c)) < 0) return 0;
    for (i = 0; i < w->added_count; i++) { /* one named by a byte's character comes out as that byte */
        const llm__added *token = w->added + i;
        if (!decodes(w, &token->id, 1, 0, token->content.text, token->content.bytes)) return 0;
    }
    return w->decoder.count == 1 && w->decoder.items[0].kind == LLM__STEP_BYTES_TO_TEXT;
}

static int lossless;

static void round_trips(style *s) {
    char text[400];
    int round;
    if (!is_lossless(s->t.words)) return;
    lossless++;
    for (round = 0; round < 100; round++) {
        size_t bytes = any_text(text, 1 + chance(sizeof text));
        id_list list;
        count(s, ROUND_TRIP,
              encode(s->t.words, &libc, text, bytes, 0, &list, NULL) == LLM_OK &&
                  decodes(s->t.words, list.ids, list.count, 0, text, bytes));
        free_ids(&libc, &list);
    }
}

/* ---- every allocation refused in turn: an error and nothing left behind, then success */

enum { ENOUGH = 10000 }; /* allocations that no call needs */

static void refuse_opening(style *s) {
    meter m;
    long n;
    int done = 0, good = 1;
    for (n = 1; !done && n < ENOUGH; n++) {
        tokenizer t;
        memset(&m, 0, sizeof m);
        m.refuse = n;
        open_text(&t, s->file, s->bytes, metered(&m));
        done = t.status == LLM_OK;
        good &= done ? t.words != NULL : t.status == LLM_OUT_OF_MEMORY && !t.words && t.error.message[0];
        close_tokenizer(&t);
        good &= settled(&m);
    }
    count(s, REFUSED, good && done);
}

/* A text in which much happens: from several golden ones. */
static size_t rich_text(const style *s, char *out, size_t room) {
    const llm__json *c = llm__json_first(s->cases);
    size_t n = 0;
    uint32_t i;
    for (i = 0; c && i < s->cases->length; i++, c = llm__json_next(c)) {
        const llm__json *text = llm__json_get(c, "text");
        if (i % 3 || text->length > 120 || n + text->length > room) continue;
        memcpy(out + n, text->as.text, text->length);
        n += text->length;
    }
    return n;
}

static void refuse_coding(style *s) {
    char text[900];
    size_t bytes = rich_text(s, text, sizeof text);
    meter m;
    llm_allocator a = metered(&m);
    id_list list, spare;
    long n;
    int done = 0, good = 1;
    count(s, REFUSED, encode(s->t.words, &libc, text, bytes, 1, &list, NULL) == LLM_OK);
    for (n = 1; !done && n < ENOUGH; n++) {
        llm_error e;
        llm_status status;
        memset(&m, 0, sizeof m);
        m.refuse = n;
        status = encode(s->t.words, &a, text, bytes, 1, &spare, &e);
        done = status == LLM_OK;
        good &= done ? spare.count == list.count : status == LLM_OUT_OF_MEMORY && !spare.count && e.message[0];
        free_ids(&a, &spare);
        good &= settled(&m);
    }
    count(s, REFUSED, good && done);
    for (n = 1, done = 0; !done && n < ENOUGH; n++) {
        llm__text out;
        llm_status status;
        memset(&m, 0, sizeof m);
        m.refuse = n;
        out = empty_text(a);
        status = llm__words_decode(s->t.words, list.ids, list.count, 0, &out, NULL);
        done = status == LLM_OK;
        good &= done || status == LLM_OUT_OF_MEMORY;
        llm__text_free(&out);
        good &= settled(&m);
    }
    count(s, REFUSED, good && done);
    free_ids(&libc, &list);
}

/* With room reserved, adding tokens allocates nothing, and neither does starting over. */
static void quiet_detokenizer(style *s) {
    meter m;
    llm__detok d;
    llm__text out;
    int32_t ids[40];
    long before;
    int round, good;
    memset(&m, 0, sizeof m);
    out = empty_text(metered(&m));
    llm__detok_init(&d, s->t.words, 0, metered(&m));
    good = llm__detok_reserve(&d, 256) && llm__text_reserve(&out, 100000);
    before = m.calls;
    for (round = 0; round < 50; round++) {
        size_t n = any_ids(s, ids, LLM__LENGTH(ids)), i;
        out.length = 0;
        for (i = 0; i < n; i++) good &= llm__detok_add(&d, ids[i], &out) == LLM_OK;
        good &= llm__detok_finish(&d, &out) == LLM_OK;
    }
    count(s, QUIET, good && m.calls == before);
    llm__detok_free(&d);
    llm__text_free(&out);
    count(s, QUIET, settled(&m));
}

/* ---- files with some bytes changed: an error that says something, or a tokenizer that works somehow */

static size_t mutate(char *text, size_t bytes, size_t room) {
    static const char *const words[] = {"null", "-1", "[]", "{}", "\"\"", "true", "1e400", "\\u0000", "\"(\"", "99999",
                                        "\"Sequence\"", "\xFF", "]", "}", "\"\\ud800\""};
    size_t at = chance((uint32_t)bytes), n;
    const char *word = words[chance(LLM__LENGTH(words))];
    switch (chance(5)) {
    case 0: text[at] = (char)(uint8_t)chance(256); return bytes;
    case 1: text[at] = (char)(text[at] ^ (1 << chance(7))); return bytes;
    case 2: /* a piece left out */
        n = 1 + chance(30);
        if (at + n > bytes) n = bytes - at;
        memmove(text + at, text + at + n, bytes - at - n);
        return bytes - n;
    case 3: /* a piece twice */
        n = 1 + chance(60);
        if (at + n > bytes || bytes + n > room) return bytes;
        memmove(text + at + n, text + at, bytes - at);
        return bytes + n;
    default: /* a value, or a piece of one, replaced */
        while (at && !strchr(":,[", text[at])) at--;
        for (n = 0; at + 1 + n < bytes && !strchr(",]}", text[at + 1 + n]);) n++;
        if (bytes - n + strlen(word) > room) return bytes;
        memmove(text + at + 1 + strlen(word), text + at + 1 + n, bytes - at - 1 - n);
        memcpy(text + at + 1, word, strlen(word));
        return bytes - n + strlen(word);
    }
}

/* Half of the changes go where the components are, which a vocabulary would hide. */
static size_t mutate_file(const style *s, char *text, size_t room) {
    const char *vocab = strstr(s->file, "\"vocab\""), *model = strstr(s->file, "\"model\"");
    size_t head = vocab && model && chance(2) ? (size_t)((vocab < model ? model : vocab) - s->file) : s->bytes, n;
    memcpy(text, s->file, head);
    n = mutate(text, head, room - (s->bytes - head));
    memcpy(text + n, s->file + head, s->bytes - head);
    return n + s->bytes - head;
}

static void mutated_files(style *s) {
    size_t room = s->bytes + 200, bytes;
    char *text = (char *)malloc(room);
    int rounds = s->bytes > 100000 ? 20 : 300;
    meter m;
    llm_allocator a = metered(&m);
    while (text && rounds--) {
        tokenizer t;
        id_list list;
        llm_error e;
        char *exact; /* so that reading past the end shows */
        int good;
        memset(&m, 0, sizeof m);
        bytes = mutate_file(s, text, room);
        exact = (char *)malloc(bytes ? bytes : 1);
        if (!exact) break;
        memcpy(exact, text, bytes);
        open_text(&t, exact, bytes, a);
        free(exact);
        good = t.status == LLM_OK ? t.words != NULL : !t.words && strncmp(t.error.message, "tokenizer.json", 14) == 0;
        if (t.status == LLM_OK) {
            static const char sample[] = "Hello, w\xC3\xB6rld 123  \xE4\xBD\xA0\xE5\xA5\xBD <s>e\xCC\x81\n\n"
                                         "\xF0\x9F\x98\x80";
            llm_status status = encode(t.words, &a, sample, sizeof sample - 1, 1, &list, &e);
            llm__text out = empty_text(a);
            good &= status == LLM_OK || e.message[0];
            good &= status != LLM_OUT_OF_MEMORY;
            status = llm__words_decode(t.words, list.ids, list.count, 0, &out, &e);
            good &= status == LLM_OK || status == LLM_TOO_LARGE;
            llm__text_free(&out);
            free_ids(&a, &list);
        }
        close_tokenizer(&t);
        count(s, MUTATED, good && settled(&m));
    }
    free(text);
}

/* What the fixtures say and is not asked here, with the reason. */
static void note_differences(const style *s) {
    const llm__json *c;
    uint32_t i;
    int others = 0;
    for (c = llm__json_first(s->cases), i = 0; c && i < s->cases->length; i++, c = llm__json_next(c))
        others += llm__json_get(c, "hf_ids") || llm__json_get(c, "hf_ids_no_special");
    for (c = llm__json_first(s->sequences), i = 0; c && i < s->sequences->length; i++, c = llm__json_next(c))
        others += llm__json_get(c, "hf_decoded") != NULL;
    if (others)
        printf("known difference: %s: %d cases come out otherwise in transformers 5, which rebuilds the tokenizer that "
               "the configuration names; here the file counts\n", s->name, others);
}

static void run_style(const char *name, int golden_only) {
    style s;
    int kind, failed = 0;
    memset(&s, 0, sizeof s);
    s.name = name;
    s.arena.allocator = libc;
    chance_state = 1;
    s.root = read_json(&s, "tokenizer.json", &s.file, &s.bytes);
    s.cases = read_json(&s, "cases.json", NULL, NULL);
    s.sequences = read_json(&s, "decode.json", NULL, NULL);
    if (s.root && s.cases && s.sequences) open_text(&s.t, s.file, s.bytes, libc);
    if (s.t.words) {
        golden_cases(&s);
        any_sequences(&s);
        round_trips(&s);
        quiet_detokenizer(&s);
        if (!golden_only) {
            refuse_opening(&s);
            refuse_coding(&s);
            mutated_files(&s);
        }
        note_differences(&s);
    } else {
        printf("%s: %s\n", name, s.t.error.message);
        test_failed++;
    }
    for (kind = 0; kind < KINDS; kind++) {
        if (!s.failed[kind]) continue;
        if (!failed++) printf("%s: failed", name);
        printf(" %s %d", kind_names[kind], s.failed[kind]);
    }
    if (failed) printf("\n");
    close_tokenizer(&s.t);
    llm__arena_free(&s.arena);
    free(s.file);
}

/* ---- files that are wrong, each with what is said about it.  ' stands for ". */

static char *quoted(const char *text) {
    char *copy = (char *)malloc(strlen(text) + 1), *c;
    if (!copy) exit(2);
    strcpy(copy, text);
    for (c = copy; *c; c++)
        if (*c == '\'') *c = '"';
    return copy;
}

/* Opens `text` in metered memory; on success *t stays open. */
static llm_status open_quoted(tokenizer *t, const char *text, meter *m) {
    char *copy = quoted(text);
    memset(m, 0, sizeof *m);
    open_text(t, copy, strlen(copy), metered(m));
    free(copy);
    return t->status;
}

static void check_refused(const char *text, llm_status status, const char *message) {
    tokenizer t;
    meter m;
    llm_status found = open_quoted(&t, text, &m);
    int good = found == status && !t.words && strncmp(t.error.message, "tokenizer.json: ", 16) == 0 &&
               strstr(t.error.message, message) != NULL;
    if (!good)
        printf("%.200s\n   gives %d \"%s\", expected %d \"%s\"\n", text, found, t.error.message, status, message);
    close_tokenizer(&t);
    CHECK(good && settled(&m));
}

typedef struct wrong_file {
    const char *text;
    llm_status status;
    const char *message;
} wrong_file;

#define MODEL "'model':{'type':'BPE','vocab':{'a':0,'b':1,'ab':2},'merges':['a b']}"
#define BPE(rest) "{'model':{'type':'BPE'," rest "}}"
#define WITH(stage, json) "{" MODEL ",'" stage "':" json "}"
#define PATTERN(p) WITH("pre_tokenizer", "{'type':'Split','behavior':'Isolated','pattern':{'Regex':'" p "'}}")

static const wrong_file wrong_files[] = {
    /* JSON */
    {"", LLM_BAD_FORMAT, "expected a value"},
    {"{'model':", LLM_BAD_FORMAT, "expected a value, found the end"},
    {"{'model':'\xC3'}", LLM_BAD_FORMAT, "valid UTF-8"},
    {"[]", LLM_BAD_FORMAT, "the whole: expected an object"},
    /* model and vocabulary */
    {"{}", LLM_BAD_FORMAT, "model: expected an object"},
    {"{'model':[]}", LLM_BAD_FORMAT, "model: expected an object"},
    {"{'model':{'type':'Neural','vocab':{}}}", LLM_UNSUPPORTED, "model of type \"Neural\" is not supported"},
    {"{'model':{'type':7,'vocab':{}}}", LLM_BAD_FORMAT, "model: expected an object with a type"},
    {BPE("'merges':[]"), LLM_BAD_FORMAT, "model.vocab: expected an object"},
    {BPE("'vocab':[],'merges':[]"), LLM_BAD_FORMAT, "model.vocab: expected an object"},
    {BPE("'vocab':{'a':'0'},'merges':[]"), LLM_BAD_FORMAT, "model.vocab[\"a\"]: expected an id"},
    {BPE("'vocab':{'a':-1},'merges':[]"), LLM_BAD_FORMAT, "model.vocab[\"a\"]: expected an id"},
    {BPE("'vocab':{'a':0.5},'merges':[]"), LLM_BAD_FORMAT, "model.vocab[\"a\"]: expected an id"},
    {BPE("'vocab':{'a':2147483647},'merges':[]"), LLM_BAD_FORMAT, "model.vocab[\"a\"]: expected an id"},
    {BPE("'vocab':{'a':2147483646},'merges':[]"), LLM_TOO_LARGE, "model.vocab: id 2147483646, but only 1 tokens"},
    {BPE("'vocab':{'a':0,'b':0},'merges':[]"), LLM_BAD_FORMAT, "model.vocab: \"a\" and \"b\" both have id 0"},
    {BPE("'vocab':{'a':0,'a':1},'merges':[]"), LLM_BAD_FORMAT, "model.vocab: \"a\" comes twice"},
    {BPE("'vocab':{'a':0},'merges':[],'vocab':{'a':0,}"), LLM_BAD_FORMAT, "expected a value behind ','"},
    {BPE("'vocab':{'a' 0},'merges':[]"), LLM_BAD_FORMAT, "expected ':', found '0'"},
    {BPE("'vocab':{a:0},'merges':[]"), LLM_BAD_FORMAT, "expected a text in quotes, found 'a'"},
    {BPE("'vocab':{'a':0 'b':1},'merges':[]"), LLM_BAD_FORMAT, "expected ',' or '}', found '\"'"},
    {BPE("'vocab':{'a':0],'merges':[]"), LLM_BAD_FORMAT, "expected ',' or '}', found ']'"},
    {BPE("'vocab':{'\\u12g4':0},'merges':[]"), LLM_BAD_FORMAT, "expected a valid escape"},
    {BPE("'vocab':{'a':{'b':0}},'merges':[]"), LLM_BAD_FORMAT, "model.vocab[\"a\"]: expected an id"},
    {BPE("'vocab':{'a':0},'merges':[['a','a']"), LLM_BAD_FORMAT, "found the end"},
    {BPE("'vocab':{'a':0},'merges':[{}]"), LLM_BAD_FORMAT, "model.merges[0]: expected \"left right\""},
    {BPE("'vocab':{'a':0}"), LLM_BAD_FORMAT, "model.merges: expected an array"},
    {BPE("'vocab':{'a':0},'merges':{}"), LLM_BAD_FORMAT, "model.merges: expected an array"},
    {BPE("'vocab':{'a':0},'merges':['a']"), LLM_BAD_FORMAT, "model.merges[0]: expected \"left right\""},
    {BPE("'vocab':{'a':0},'merges':['a a a']"), LLM_BAD_FORMAT, "model.merges[0]: expected \"left right\""},
    {BPE("'vocab':{'a':0},'merges':[['a']]"), LLM_BAD_FORMAT, "model.merges[0]: expected \"left right\""},
    {BPE("'vocab':{'a':0},'merges':[['a',0]]"), LLM_BAD_FORMAT, "model.merges[0]: expected \"left right\""},
    {BPE("'vocab':{'a':0},'merges':[['a','b']]"), LLM_BAD_FORMAT, "model.merges[0]: \"b\" is not in the vocabulary"},
    {BPE("'vocab':{'a':0},'merges':['a a']"), LLM_BAD_FORMAT, "model.merges[0]: \"aa\" is not in the vocabulary"},
    {BPE("'vocab':{'a':0,'aa':1},'merges':['a a'],'continuing_subword_prefix':'##'"), LLM_BAD_FORMAT,
     "model.merges: expected the prefix of continuing tokens"},
    {BPE("'vocab':{},'merges':[],'byte_fallback':1"), LLM_BAD_FORMAT, "byte_fallback: expected true or false"},
    {BPE("'vocab':{},'merges':[],'fuse_unk':'no'"), LLM_BAD_FORMAT, "fuse_unk: expected true or false"},
    {BPE("'vocab':{},'merges':[],'unk_token':3"), LLM_BAD_FORMAT, "unk_token: expected a string"},
    {BPE("'vocab':{},'merges':[],'dropout':'x'"), LLM_BAD_FORMAT, "model.dropout: expected a number"},
    {"{'model':{'type':'Unigram','vocab':{}}}", LLM_BAD_FORMAT, "model.vocab: expected an array"},
    {"{'model':{'type':'Unigram','vocab':['a']}}", LLM_BAD_FORMAT, "model.vocab[0]: expected [text, score]"},
    {"{'model':{'type':'Unigram','vocab':[['a',0],['a']]}}", LLM_BAD_FORMAT, "model.vocab[1]: expected [text, score]"},
    {"{'model':{'type':'Unigram','vocab':[['a','0']]}}", LLM_BAD_FORMAT, "model.vocab[0]: expected [text, score]"},
    {"{'model':{'type':'Unigram','vocab':[['a',0]],'unk_id':1}}", LLM_BAD_FORMAT, "model.unk_id: expected an id"},
    {"{'model':{'type':'Unigram','vocab':[['a',0]],'unk_id':'a'}}", LLM_BAD_FORMAT, "model.unk_id: expected an id"},
    {"{'model':{'type':'WordPiece','vocab':{},'max_input_chars_per_word':'x'}}", LLM_BAD_FORMAT,
     "model.max_input_chars_per_word: expected a number"},
    {"{'model':{'type':'WordPiece','vocab':{},'max_input_chars_per_word':5000}}", LLM_TOO_LARGE,
     "model.max_input_chars_per_word: 5000, at most 4096"},
    /* added tokens */
    {WITH("added_tokens", "{}"), LLM_BAD_FORMAT, "added_tokens: expected an array"},
    {WITH("added_tokens", "['a']"), LLM_BAD_FORMAT, "added_tokens: expected objects"},
    {WITH("added_tokens", "[{}]"), LLM_BAD_FORMAT, "added_tokens: expected a content"},
    {WITH("added_tokens", "[{'content':1}]"), LLM_BAD_FORMAT, "content: expected a string"},
    {WITH("added_tokens", "[{'content':'x','lstrip':1}]"), LLM_BAD_FORMAT, "lstrip: expected true or false"},
    /* normalizers */
    {WITH("normalizer", "'NFC'"), LLM_BAD_FORMAT, "normalizer: expected an object with a type"},
    {WITH("normalizer", "{}"), LLM_BAD_FORMAT, "normalizer: expected an object with a type"},
    {WITH("normalizer", "{'type':'Rot13'}"), LLM_UNSUPPORTED, "normalizer of type \"Rot13\" is not supported"},
    {WITH("normalizer", "{'type':'Sequence'}"), LLM_BAD_FORMAT, "normalizers: expected an array"},
    {WITH("normalizer", "{'type':'Sequence','normalizers':[{'type':'NFC'},{'type':'X'}]}"), LLM_UNSUPPORTED,
     "normalizer of type \"X\""},
    {WITH("normalizer", "{'type':'Prepend','prepend':1}"), LLM_BAD_FORMAT, "prepend: expected a string"},
    {WITH("normalizer", "{'type':'Replace','content':''}"), LLM_BAD_FORMAT, "Replace: expected a pattern"},
    {WITH("normalizer", "{'type':'Strip','strip_left':0}"), LLM_BAD_FORMAT, "strip_left: expected true or false"},
    {WITH("normalizer", "{'type':'BertNormalizer','lowercase':0}"), LLM_BAD_FORMAT, "lowercase: expected true or"},
    {WITH("normalizer", "{'type':'Precompiled'}"), LLM_BAD_FORMAT, "precompiled_charsmap: expected a string"},
    {WITH("normalizer", "{'type':'Precompiled','precompiled_charsmap':'A?=='}"), LLM_BAD_FORMAT, "expected base64"},
    {WITH("normalizer", "{'type':'Precompiled','precompiled_charsmap':''}"), LLM_BAD_FORMAT, "a table and texts"},
    {WITH("normalizer", "{'type':'Precompiled','precompiled_charsmap':'/////wAA'}"), LLM_BAD_FORMAT, "a table and"},
    {WITH("normalizer", "{'type':'Precompiled','precompiled_charsmap':'BAAAAAAAAAD/'}"), LLM_BAD_FORMAT, "in UTF-8"},
    /* pre-tokenizers */
    {WITH("pre_tokenizer", "{'type':'Scissors'}"), LLM_UNSUPPORTED, "pre_tokenizer of type \"Scissors\""},
    {WITH("pre_tokenizer", "{'type':'Sequence','pretokenizers':1}"), LLM_BAD_FORMAT, "pretokenizers: expected an"},
    {WITH("pre_tokenizer", "{'type':'Split','pattern':{'String':'x'}}"), LLM_BAD_FORMAT, "behavior: expected Removed"},
    {WITH("pre_tokenizer", "{'type':'Split','behavior':'Glue'}"), LLM_BAD_FORMAT, "behavior: expected Removed"},
    {WITH("pre_tokenizer", "{'type':'Split','behavior':'Isolated','pattern':'x'}"), LLM_BAD_FORMAT, "a pattern"},
    {WITH("pre_tokenizer", "{'type':'ByteLevel','add_prefix_space':1}"), LLM_BAD_FORMAT, "add_prefix_space: expected"},
    {WITH("pre_tokenizer", "{'type':'Metaspace','replacement':'__'}"), LLM_BAD_FORMAT, "replacement: expected one"},
    {WITH("pre_tokenizer", "{'type':'Metaspace','replacement':'_','prepend_scheme':'last'}"), LLM_BAD_FORMAT,
     "prepend_scheme: expected always, first or never"},
    {WITH("pre_tokenizer", "{'type':'Metaspace','replacement':'_','prepend_scheme':'first','add_prefix_space':false}"),
     LLM_BAD_FORMAT, "prepend_scheme: expected never"},
    /* patterns */
    {PATTERN("a)"), LLM_UNSUPPORTED, "the pattern \"a)\" has a parenthesis too many"},
    {PATTERN("(a"), LLM_UNSUPPORTED, "has a group without its closing parenthesis"},
    {PATTERN("(?P<n>a)"), LLM_UNSUPPORTED, "has a group that is not supported"},
    {PATTERN("(?<=ab)c"), LLM_UNSUPPORTED, "looks behind for more than one character"},
    {PATTERN("*a"), LLM_UNSUPPORTED, "repeats nothing"},
    {PATTERN("a{3,2}"), LLM_UNSUPPORTED, "has a repetition that makes no sense"},
    {PATTERN("a{5000}"), LLM_UNSUPPORTED, "has a repetition that makes no sense or is too long"},
    {PATTERN("((((a{99}){99}){99}){99}"), LLM_UNSUPPORTED, "has a group without"},
    {PATTERN("(((ab){99}){99}){99}"), LLM_UNSUPPORTED, "is too long"},
    {PATTERN("[a"), LLM_UNSUPPORTED, "has a set without its closing bracket"},
    {PATTERN("[b-a]"), LLM_UNSUPPORTED, "has a range that runs backwards"},
    {PATTERN("[a-\\\\d]"), LLM_UNSUPPORTED, "has a range without an end"},
    {PATTERN("[[:vowel:]]"), LLM_UNSUPPORTED, "names a class that is not supported"},
    {PATTERN("\\\\pL"), LLM_UNSUPPORTED, "has a property without braces"},
    {PATTERN("\\\\p{L"), LLM_UNSUPPORTED, "has a property without its closing brace"},
    {PATTERN("\\\\p{Klingon}"), LLM_UNSUPPORTED, "names a property that is not supported"},
    {PATTERN("(a)\\\\1"), LLM_UNSUPPORTED, "has an escape that is not supported"},
    {PATTERN("a\\\\"), LLM_UNSUPPORTED, "ends with a backslash"},
    {PATTERN("\\\\xZ"), LLM_UNSUPPORTED, "has a wrong hexadecimal number"},
    {PATTERN("\\\\x{41"), LLM_UNSUPPORTED, "has a number without its closing brace"},
    {PATTERN("[0123456789012345678901234567890123456789012345678901234567\xC3\xA9\xC3\xA9"), LLM_UNSUPPORTED,
     "1234567...\" has a set"}, /* shown up to a whole character */
    /* decoders */
    {WITH("decoder", "{'type':'Ring'}"), LLM_UNSUPPORTED, "decoder of type \"Ring\" is not supported"},
    {WITH("decoder", "{'type':'Sequence','decoders':{}}"), LLM_BAD_FORMAT, "decoders: expected an array"},
    {WITH("decoder", "{'type':'Strip','content':' '}"), LLM_BAD_FORMAT, "decoder.Strip: expected start and stop"},
    {WITH("decoder", "{'type':'Strip','content':'ab','start':1,'stop':0}"), LLM_BAD_FORMAT, "expected one character"},
    {WITH("decoder", "{'type':'Strip','content':' ','start':1,'stop':65}"), LLM_TOO_LARGE, "more than 64"},
    {WITH("decoder", "{'type':'WordPiece','prefix':1}"), LLM_BAD_FORMAT, "prefix: expected a string"},
    {WITH("decoder", "{'type':'BPEDecoder','suffix':1}"), LLM_BAD_FORMAT, "suffix: expected a string"},
    /* post-processors */
    {WITH("post_processor", "{'type':'Glue'}"), LLM_UNSUPPORTED, "post_processor of type \"Glue\" is not supported"},
    {WITH("post_processor", "{}"), LLM_BAD_FORMAT, "post_processor: expected an object with a type"},
    {WITH("post_processor", "{'type':'Sequence'}"), LLM_BAD_FORMAT, "post_processor.processors: expected an array"},
    {WITH("post_processor", "{'type':'BertProcessing','cls':['a',0]}"), LLM_BAD_FORMAT, "sep: expected [token, id]"},
    {WITH("post_processor", "{'type':'RobertaProcessing','sep':['a',0]}"), LLM_BAD_FORMAT, "cls: expected [token, id]"},
    {WITH("post_processor", "{'type':'TemplateProcessing'}"), LLM_BAD_FORMAT, "post_processor.single: expected an"},
    {WITH("post_processor", "{'type':'TemplateProcessing','single':[]}"), LLM_BAD_FORMAT, "single: expected one seq"},
    {WITH("post_processor", "{'type':'TemplateProcessing','single':[{'Sequence':{}},{'Sequence':{}}]}"),
     LLM_BAD_FORMAT, "single: expected one sequence with the text"},
    {WITH("post_processor", "{'type':'TemplateProcessing','single':[{'SpecialToken':{}},{'Sequence':{}}]}"),
     LLM_BAD_FORMAT, "single: expected SpecialToken.id"},
    {WITH("post_processor", "{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'<s>'}},{'Sequence':{}}]}"),
     LLM_BAD_FORMAT, "post_processor.special_tokens[\"<s>\"]: expected ids"},
};

/* `before`, `middle` many times, `after`. */
static char *repeated(const char *before, const char *middle, size_t times, const char *after) {
    size_t n = strlen(before), m = strlen(middle), i;
    char *text = (char *)malloc(n + m * times + strlen(after) + 1), *at;
    if (!text) exit(2);
    memcpy(text, before, n);
    for (at = text + n, i = 0; i < times; i++, at += m) memcpy(at, middle, m);
    strcpy(at, after);
    return text;
}

static void check_repeated(const char *before, const char *middle, size_t times, const char *after, llm_status status,
                           const char *message) {
    char *text = repeated(before, middle, times, after);
    check_refused(text, status, message);
    free(text);
}

static void test_wrong_files(void) {
    size_t i;
    for (i = 0; i < LLM__LENGTH(wrong_files); i++)
        check_refused(wrong_files[i].text, wrong_files[i].status, wrong_files[i].message);
    check_repeated("", "[", 300, "", LLM_BAD_FORMAT, "expected at most 200 containers within each other");
    check_repeated("{" MODEL ",'normalizer':{'type':'Sequence','normalizers':[{'type':'NFC'}", ",{'type':'NFC'}", 60,
                   "]}}", LLM_TOO_LARGE, "normalizer has more than 47 steps");
    check_repeated("{" MODEL ",'decoder':{'type':'Sequence','decoders':[{'type':'Fuse'}", ",{'type':'Fuse'}", 12, "]}}",
                   LLM_TOO_LARGE, "decoder has more than 12 steps");
    check_repeated("{" MODEL ",'added_tokens':[{'content':'", "x", 1025, "'}]}", LLM_TOO_LARGE,
                   "content: a text of more than 1024 bytes");
    check_repeated("{'model':{'type':'Unigram','vocab':[['", "x", 1025, "',0]]}}", LLM_TOO_LARGE,
                   "model.vocab: a text of more than 1024 bytes");
    check_repeated("{" MODEL ",'normalizer':{'type':'Replace','content':'','pattern':{'String':'", "x", 1025, "'}}}",
                   LLM_TOO_LARGE, "Replace: a text of more than 1024 bytes");
    check_repeated("{" MODEL ",'post_processor':{'type':'Sequence','processors':[{'type':'ByteLevel'}",
                   ",{'type':'BertProcessing','cls':['a',0],'sep':['b',1]}", 300, "]}}", LLM_TOO_LARGE,
                   "post_processor adds more than 256 tokens");
    check_repeated("{" MODEL ",'normalizer':{'type':'Replace','content':'','pattern':{'Regex':'", "(", 100, "'}}}",
                   LLM_UNSUPPORTED, "is nested too deeply");
    check_repeated("{" MODEL ",'normalizer':{'type':'Replace','content':'','pattern':{'Regex':'[a", "&&a", 100, "]'}}}",
                   LLM_UNSUPPORTED, "is nested too deeply");
    check_repeated("{" MODEL ",'normalizer':{'type':'Replace','content':'','pattern':{'Regex':'", "(ab)*", 40, "'}}}",
                   LLM_UNSUPPORTED, "has too many loops");
    check_repeated("{" MODEL ",'normalizer':{'type':'Replace','content':'','pattern':{'Regex':'", "a", 9000, "'}}}",
                   LLM_UNSUPPORTED, "is too long");
}

/* ---- patterns: every match replaced by a slash, as Oniguruma finds them */

static void test_patterns(void) {
    static const struct {
        const char *pattern, *text, *expected;
    } rows[] = {
        {"a|ab", "xabab", "x/b/b"},
        {"ab|a", "xabab", "x//"},
        {"a*", "baac", "/b/c/"},
        {"a*?", "aab", "/a/a/b/"},
        {"a+?b", "aaab", "/"},
        {"a++a", "aaa", "aaa"},
        {"(?>a+)a", "aaa", "aaa"},
        {"a{2}", "aaaaa", "//a"},
        {"a{2,3}?", "aaaaaa", "///"},
        {"a{,2}", "aaaa", "//"},
        {"a{2,}b", "aaab", "/"},
        {"a{x", "a{x", "/"},
        {"(ab)+", "xababx", "x/x"},
        {"(a|b)*c", "xabacx", "x/x"},
        {"(?:a?)*b", "aab", "/"},
        {"(?<n>a)b", "xab", "x/"},
        {"(a*)*", "aa", "/"},
        {"(a|ab)(c|bcd)", "abcd", "/"},
        {"x(?=y)", "xyxz", "/yxz"},
        {"x(?!y)", "xyxz", "xy/z"},
        {"(?<=x)y", "xyzy", "x/zy"},
        {"(?<!x)y", "xyzy", "xyz/"},
        {"\\s+(?!\\S)|\\s+", "a   b  ", "a//b/"},
        {"^a", "aba\na", "/ba\n/"},
        {"a$", "aba\na", "ab/\n/"},
        {"\\Aa", "aa", "/a"},
        {"a\\z", "aa\n", "aa\n"},
        {"a\\Z", "aa\n", "a/\n"},
        {"\\bfoo\\b", "foo foobar", "/ foobar"},
        {"\\Boo", "foo oo", "f/ oo"},
        {".", "a\nb", "/\n/"},
        {"(?m).", "a\nb", "///"},
        {"(?i)ab", "ABaBAb", "///"},
        {"(?i:'s)", "'S's'\305\277", "///"},
        {"(?i)k", "kK\342\204\252", "///"},
        {"a(?i)b|c", "aBCab", "/C/"},
        {"(?i)[^a]", "aAb", "aA/"},
        {"[a-c&&b-d]", "abcd", "a//d"},
        {"[^a-c]", "abcd", "abc/"},
        {"[[a][c]]", "abc", "/b/"},
        {"[a-]", "a-b", "//b"},
        {"[]a]", "]a", "//"},
        {"[\\]a]", "]ab", "//b"},
        {"[^\\s\\p{L}]", "a b1", "a b/"},
        {"[[:space:]]", "a b", "a/b"},
        {"[[:^digit:]]", "1a2", "1/2"},
        {"[\\w&&[^a]]", "ab", "a/"},
        {"\\p{Lu}\\p{Ll}+", "Hello World", "/ /"},
        {"\\p{^L}", "a1", "a/"},
        {"\\P{L}+", "ab12", "ab/"},
        {"\\p{Han}+", "a\346\274\242\345\255\227\343\200\205b", "a/b"},
        {"\\p{Letter}", "1\303\251", "1/"},
        {"\\d+", "1\331\243\302\262x", "/\302\262x"},
        {"\\w+", "a\302\262_\342\200\277b-c", "/-/"},
        {"\\x41\\x{1F600}", "A\360\237\230\200", "/"},
        {"\\u00e9", "\303\251", "/"},
        {"\\S+", "a\302\205b\034c\357\273\277", "/\302\205/"},
        {"\303\251|\346\227\245\346\234\254", "\346\227\245\346\234\254\303\251", "//"},
        {"\\.\\*", "a.*b", "a/b"},
        {"\\r\\n|\\n", "a\r\nb\n", "a/b/"},
        {"(?:)", "ab", "/a/b/"},
        {"a||b", "ab", "/b/"},
        {"(?<=\\s)\\w", "a b", "a /"},
        {"[\\r\\n]+", " \n\r\n", " /"},
    };
    llm__arena arena;
    llm__matcher m;
    size_t i;
    memset(&arena, 0, sizeof arena);
    arena.allocator = libc;
    llm__matcher_open(&m, libc);
    for (i = 0; i < LLM__LENGTH(rows); i++) {
        llm__step step;
        llm__text out = empty_text(libc);
        const char *problem;
        memset(&step, 0, sizeof step);
        step.regex = llm__regex_open(&arena, rows[i].pattern, strlen(rows[i].pattern), &problem);
        step.content.text = "/";
        step.content.bytes = 1;
        if (!step.regex) printf("\"%s\" %s\n", rows[i].pattern, problem);
        CHECK(step.regex != NULL);
        if (!step.regex) continue;
        llm__matcher_allow(&m, strlen(rows[i].text));
        CHECK(llm__replace(NULL, &m, &step, rows[i].text, strlen(rows[i].text), &out));
        if (!CHECK_STR(out.data, rows[i].expected)) printf("   for \"%s\"\n", rows[i].pattern);
        llm__text_free(&out);
    }
    llm__matcher_close(&m);
    llm__arena_free(&arena);
}

/* ---- texts that are not as they should be */

static void expect_ids(const char *file, const char *text, size_t bytes, const char *expected) {
    tokenizer t;
    meter m;
    id_list list;
    char found[200] = "";
    size_t i, n = 0;
    if (open_quoted(&t, file, &m) != LLM_OK) printf("%s\n", t.error.message);
    CHECK(t.status == LLM_OK);
    if (t.status == LLM_OK) {
        CHECK_EQ(encode(t.words, &t.arena.allocator, text, bytes, 0, &list, &t.error), LLM_OK);
        for (i = 0; i < list.count && n < sizeof found - 12; i++)
            n += (size_t)snprintf(found + n, 12, "%s%d", i ? " " : "", (int)list.ids[i]);
        CHECK_STR(found, expected);
        free_ids(&t.arena.allocator, &list);
    }
    close_tokenizer(&t);
    CHECK(settled(&m));
}

/* One U+FFFD for each longest beginning of a character, as the Unicode standard recommends: here id 1. */
static void test_broken_texts(void) {
    static const char file[] = BPE("'vocab':{'a':0,'\xEF\xBF\xBD':1,'\xC3\xA9':2,'\\u0000':3},'merges':[]");
    expect_ids(file, "", 0, "");
    expect_ids(file, "a\0a", 3, "0 3 0");
    expect_ids(file, "\xC3\xA9", 2, "2");
    expect_ids(file, "\xC3", 1, "1");
    expect_ids(file, "\xA9", 1, "1");
    expect_ids(file, "a\xC3" "a", 3, "0 1 0");
    expect_ids(file, "\xC0\x80", 2, "1 1");             /* overlong */
    expect_ids(file, "\xE0\x80\x80", 3, "1 1 1");
    expect_ids(file, "\xED\xA0\x80", 3, "1 1 1");       /* a surrogate */
    expect_ids(file, "\xE2\x82", 2, "1");               /* cut off */
    expect_ids(file, "\xE2\x82" "a", 3, "1 0");
    expect_ids(file, "\xF0\x9F\x98", 3, "1");
    expect_ids(file, "\xF4\x90\x80\x80", 4, "1 1 1 1"); /* above U+10FFFF */
    expect_ids(file, "\xFF\xFE", 2, "1 1");
}

/* A vocabulary without an unknown token. */
static void test_no_unknown(void) {
    tokenizer t;
    meter m;
    id_list list;
    static const char *const files[] = {"{'model':{'type':'Unigram','vocab':[['a',0]],'unk_id':null}}",
                                        "{'model':{'type':'WordPiece','vocab':{'a':0},'unk_token':'?'}}",
                                        "{'model':{'type':'WordLevel','vocab':{'a':0},'unk_token':'?'}}",
                                        BPE("'vocab':{'a':0},'merges':[],'unk_token':'?'")};
    size_t i;
    for (i = 0; i < LLM__LENGTH(files); i++) {
        CHECK_EQ(open_quoted(&t, files[i], &m), LLM_OK);
        CHECK_EQ(encode(t.words, &t.arena.allocator, "b", 1, 0, &list, &t.error), LLM_BAD_FORMAT);
        CHECK_STR(t.error.message,
                  "tokenizer.json: the text needs the unknown token, which the vocabulary lacks");
        CHECK_EQ(list.count, 0);
        free_ids(&t.arena.allocator, &list);
        close_tokenizer(&t);
        CHECK(settled(&m));
    }
}

/* Ids and texts of tokens; ids that do not exist. */
static void test_lookup(void) {
    tokenizer t;
    meter m;
    size_t bytes = 7;
    int special = 7;
    CHECK_EQ(open_quoted(&t, "{'added_tokens':[{'id':9,'content':'<s>','special':true},{'content':'ab'}],"
                             "'model':{'type':'BPE','vocab':{'a':0,'b':1,'ab':5},'merges':[]}}", &m), LLM_OK);
    CHECK_EQ(llm__words_count(t.words), 6);
    CHECK_EQ(llm__words_id(t.words, "b", 1), 1);
    CHECK_EQ(llm__words_id(t.words, "ab", 2), 5);
    CHECK_EQ(llm__words_id(t.words, "<s>", 3), 3); /* the next free one, as in the reference, whatever the file says */
    CHECK_EQ(llm__words_id(t.words, "c", 1), -1);
    CHECK_EQ(llm__words_id(t.words, "", 0), -1);
    CHECK_STR(llm__words_text(t.words, 3, &bytes, &special), "<s>");
    CHECK_EQ(bytes, 3);
    CHECK_EQ(special, 1);
    CHECK_STR(llm__words_text(t.words, 5, &bytes, &special), "ab");
    CHECK_EQ(special, 0);
    CHECK(!llm__words_text(t.words, 4, &bytes, &special) && bytes == 0); /* a gap */
    CHECK(!llm__words_text(t.words, -1, NULL, NULL) && !llm__words_text(t.words, 6, NULL, NULL));
    CHECK(!llm__words_text(t.words, INT32_MAX, NULL, NULL) && !llm__words_text(t.words, INT32_MIN, NULL, NULL));
    close_tokenizer(&t);
    CHECK(settled(&m));
}

/* ---- short ways give what the long ways give */

/* Opens a style; false (and a failed check) if that cannot be done. */
static int open_style(style *s, const char *name) {
    memset(s, 0, sizeof *s);
    s->name = name;
    s->arena.allocator = libc;
    s->root = read_json(s, "tokenizer.json", &s->file, &s->bytes);
    if (s->root) open_text(&s->t, s->file, s->bytes, libc);
    CHECK(s->t.words != NULL);
    return s->t.words != NULL;
}

static void close_style(style *s) {
    close_tokenizer(&s->t);
    llm__arena_free(&s->arena);
    free(s->file);
}

/* Merging few symbols in place and many with a heap: any ids that can be merged. */
static void test_few_merges(void) {
    static const char *const names[] = {"qwen2", "llama2", "openai_gpt", "phi3"};
    size_t i, k;
    int round, equal;
    for (i = 0; i < LLM__LENGTH(names); i++) {
        style s;
        llm__encoder x;
        if (!open_style(&s, names[i])) return;
        llm__encoder_open(&x, s.t.words, &libc, NULL);
        chance_state = 9;
        for (equal = 1, round = 0; round < 3000; round++) {
            int32_t ids[LLM__FEW];
            size_t count = chance(LLM__FEW + 1), few, many = 0;
            uint32_t range = chance(2) ? 60 : (uint32_t)llm__words_count(s.t.words);
            x.symbol_count = 0;
            for (k = 0; k < count; k++) {
                ids[k] = (int32_t)chance(range);
                equal &= llm__symbol_add(&x, ids[k]);
            }
            few = llm__merge_few(s.t.words, ids, count);
            equal &= llm__merge_all(&x);
            for (k = 0; k < count; k++)
                if (x.symbols[k].id >= 0) equal &= many < few && x.symbols[k].id == ids[many], many++;
            equal &= many == few;
        }
        CHECK(equal);
        llm__encoder_close(&x);
        close_style(&s);
    }
}

/* Words, spaces and whatever, so that some pieces come often, and some are long. */
static size_t any_lines(char *out, size_t room) {
    static const char *const words[] = {"the ", "of", " and", "\n", "tokenizer's ", "12345 ",
                                        "\xE4\xBD\xA0\xE5\xA5\xBD", "  ", "caf\xC3\xA9 ", "\xF0\x9F\x98\x80"};
    size_t n = 0;
    while (n + 300 < room) {
        const char *word = words[chance(LLM__LENGTH(words))];
        size_t bytes = strlen(word), k = chance(40) ? 1 : 20;
        if (!chance(12)) n += any_text(out + n, 4 + chance(60));
        for (; k; k--, n += bytes) memcpy(out + n, word, bytes);
    }
    return n;
}

/* A long text, whose pieces are remembered and stay bytes, against the same without either. */
static void test_known_pieces(void) {
    enum { ROOM = 20000 };
    char *text = (char *)malloc(ROOM);
    size_t i, bytes;
    if (!text) exit(2);
    for (i = 0; i < LLM__LENGTH(styles); i++) {
        style s;
        llm__encoder x;
        id_list list, plain;
        memset(&plain, 0, sizeof plain);
        if (!open_style(&s, styles[i])) break;
        chance_state = (uint32_t)i + 3;
        bytes = any_lines(text, ROOM);
        CHECK_EQ(encode(s.t.words, &libc, text, bytes, 0, &list, NULL), LLM_OK);
        llm__encoder_open(&x, s.t.words, &libc, NULL);
        x.ids = &plain.ids;
        x.count = &plain.count;
        x.capacity = &plain.capacity;
        llm__matcher_allow(&x.matcher, bytes);
        CHECK(llm__encode_all(&x, text, bytes, 0));
        CHECK(list.count == plain.count && memcmp(list.ids, plain.ids, list.count * sizeof *list.ids) == 0);
        llm__encoder_close(&x);
        free_ids(&libc, &list);
        free_ids(&libc, &plain);
        close_style(&s);
    }
    free(text);
}

/* Normal forms part by part and of the whole; and no part ends where characters would have been joined. */
static void test_inert_characters(void) {
    static const int kinds[] = {LLM__STEP_NFC, LLM__STEP_NFD, LLM__STEP_NFKC, LLM__STEP_NFKD};
    style s;
    llm__encoder x;
    llm__text parts = empty_text(libc), whole = empty_text(libc);
    char text[400];
    uint32_t c;
    size_t k, n;
    int round, equal;
    if (!open_style(&s, "unigram_nfkc_whitespace_split")) return; /* one that has the table of compositions */
    llm__encoder_open(&x, s.t.words, &libc, NULL);
    for (k = 0; k < LLM__LENGTH(kinds); k++) {
        for (equal = 1, c = 0; c < 0x20000; c++) {
            if (!llm__is_inert(kinds[k], c)) continue;
            whole.length = 0;
            text[0] = 'a'; /* behind a letter that takes many marks */
            n = 1 + llm__char_put(c, text + 1);
            equal &= llm__normal_part(&x, kinds[k], text, n, &whole) && same_text(&whole, text, n);
        }
        for (n = 0; n < LLM__LENGTH(llm__canonical); n += 3)
            equal &= !llm__canonical[n + 2] || !llm__is_inert(kinds[k], llm__canonical[n + 2]);
        CHECK(equal);
        chance_state = 77;
        for (equal = 1, round = 0; round < 300; round++) {
            n = any_text(text, 4 + chance(sizeof text - 4));
            parts.length = whole.length = 0;
            equal &= llm__normal_form(&x, kinds[k], text, n, &parts) &&
                     llm__normal_part(&x, kinds[k], text, n, &whole) &&
                     same_text(&parts, whole.data, whole.length);
        }
        CHECK(equal);
    }
    llm__text_free(&parts);
    llm__text_free(&whole);
    llm__encoder_close(&x);
    close_style(&s);
}

/* Matches at every place of a text, as many as `ends` has room for; SIZE_MAX: none. */
static void match_all(const llm__regex *r, const char *text, size_t bytes, size_t *ends) {
    llm__matcher m;
    size_t at, n;
    uint32_t c;
    llm__matcher_open(&m, libc);
    llm__matcher_allow(&m, 100000);
    for (at = 0; at <= bytes; at += n) {
        if (!llm__regex_match(&m, r, text, bytes, at, &ends[at])) ends[at] = m.failed ? SIZE_MAX - 1 : SIZE_MAX;
        n = at < bytes ? llm__char_get(text + at, &c) : 1;
    }
    llm__matcher_close(&m);
}

/* What rules ways out before they are tried, and what decides by categories, changes nothing. */
static void test_pattern_shortcuts(void) {
    static const char *const patterns[] = {
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        ("(?i:'s|'t|'re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+"
         "|\\s+(?!\\S)"),
        "[\\p{Lu}\\p{Lt}\\p{M}]*[\\p{Ll}\\p{Lo}]+|(?:a|\\d)*?e|(?>a|aa)e|(?=a)[^\\s]|(?!t)\\w|.\\b|$",
        "(?:[a-z&&[^aeiou]]|\\P{L})+t?|(?<=a) |(?<!a)e|^[\\W\\d]*+7|(?:)|(?:e|)+",
        "[^\\S\\n]|[[:^space:]&&\\p{P}]|\\p{^L}Z"};
    size_t i, k;
    int round;
    for (i = 0; i < LLM__LENGTH(patterns); i++) {
        llm__arena arena;
        llm__matcher m;
        const char *problem;
        llm__regex *r, plain;
        uint32_t c;
        int equal = 1;
        memset(&arena, 0, sizeof arena);
        arena.allocator = libc;
        r = llm__regex_open(&arena, patterns[i], strlen(patterns[i]), &problem);
        CHECK(r != NULL);
        if (!r) continue;
        plain = *r;
        plain.first = (llm__regex_first *)llm__arena_alloc(&arena, r->code_count, sizeof *plain.first);
        if (!plain.first) exit(2);
        memset(plain.first, 0xFF, r->code_count * sizeof *plain.first);
        chance_state = (uint32_t)i + 1;
        for (round = 0; round < 200; round++) {
            char text[60];
            size_t ends[61], more[61], n = any_text(text, 4 + chance(sizeof text - 4));
            memset(ends, 0, sizeof ends);
            memset(more, 0, sizeof more);
            match_all(r, text, n, ends);
            match_all(&plain, text, n, more);
            equal &= memcmp(ends, more, sizeof ends) == 0;
        }
        CHECK(equal);
        llm__matcher_open(&m, libc);
        for (equal = 1, k = 0; k < r->set_count; k++)
            for (c = 0; c < 0x110000; c += c < 0x3200 ? 1 : 31)
                equal &= llm__matcher_set(&m, r, (uint32_t)k, c) == llm__set_has(r, (int32_t)k, c);
        CHECK(equal);
        llm__matcher_close(&m);
        llm__arena_free(&arena);
    }
}

/* An added token that comes out otherwise than the model's text of that id: both are found. */
static void test_renamed_token(void) {
    tokenizer t;
    meter m;
    id_list list;
    size_t bytes;
    CHECK_EQ(open_quoted(&t, "{'added_tokens':[{'content':'AB','normalized':true}],'normalizer':{'type':'Lowercase'},"
                             "'model':{'type':'BPE','vocab':{'a':0,'b':1,'AB':2,'ab':3},'merges':['a b']}}", &m),
             LLM_OK);
    CHECK_STR(llm__words_text(t.words, 2, &bytes, NULL), "ab");
    CHECK_EQ(llm__model_id(t.words, "AB", 2), 2);
    CHECK_EQ(llm__model_id(t.words, "ab", 2), 3);
    CHECK_EQ(encode(t.words, &t.arena.allocator, "aab", 3, 0, &list, NULL), LLM_OK);
    CHECK(list.count == 2 && list.ids[0] == 0 && list.ids[1] == 2);
    free_ids(&t.arena.allocator, &list);
    close_tokenizer(&t);
    CHECK(settled(&m));
}

/* A large vocabulary takes no more than three times its file, with ids in order or not.  Gaps take more. */
static void test_memory(void) {
    enum { TOKENS = 60000 };
    llm__text file = empty_text(libc);
    int order;
    uint32_t i, n;
    char word[60];
    for (order = 0; order < 3; order++) {
        int32_t step = order < 2 ? 1 : 2, last = order ? step * (TOKENS - 1) : 0;
        tokenizer t;
        meter m;
        memset(&m, 0, sizeof m);
        file.length = 0;
        n = (uint32_t)snprintf(word, sizeof word, "{\"model\":{\"type\":\"BPE\",\"vocab\":{");
        llm__text_add(&file, word, n);
        for (i = 0; i < TOKENS; i++) {
            unsigned long id = order ? (TOKENS - 1 - i) * (unsigned long)step : i;
            n = (uint32_t)snprintf(word, sizeof word, "%s\"%05x%s\": %lu", i ? ", " : "", (unsigned)i,
                                   i % 3 ? "" : "\\u00e9", id);
            llm__text_add(&file, word, n);
        }
        llm__text_add(&file, "},\"merges\":[]}}", 15);
        open_text(&t, file.data, file.length, metered(&m));
        CHECK_EQ(t.status, LLM_OK);
        if (t.status != LLM_OK) break;
        CHECK(order == 2 || t.arena.bytes <= 3 * file.length);
        CHECK_EQ(llm__words_id(t.words, "0000a", 5), order ? last - 10 * step : 10);
        CHECK_EQ(llm__words_id(t.words, "00003\xC3\xA9", 7), order ? last - 3 * step : 3);
        CHECK_EQ(llm__words_id(t.words, "00003", 5), -1);
        CHECK_EQ(llm__words_count(t.words), order ? last + 1 : TOKENS);
        close_tokenizer(&t);
        CHECK(settled(&m));
    }
    llm__text_free(&file);
}

/* ---- what could take long: time is in proportion to the text, or there is an error */

/* Encodes and decodes `bytes` of a repeated text; what is quadratic would take minutes. */
static void check_fast(const char *name, const llm__words *w, const char *piece, size_t piece_bytes, size_t bytes) {
    size_t i;
    char *text = (char *)malloc(bytes + piece_bytes);
    llm__text out = empty_text(libc);
    id_list list;
    clock_t start = clock();
    double seconds;
    if (!text) exit(2);
    for (i = 0; i < bytes; i += piece_bytes) memcpy(text + i, piece, piece_bytes);
    CHECK_EQ(encode(w, &libc, text, i, 1, &list, NULL), LLM_OK);
    CHECK_EQ(llm__words_decode(w, list.ids, list.count, 0, &out, NULL), LLM_OK);
    seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (seconds > 8) printf("%s: %.1f s for \"%.20s\"...\n", name, seconds, piece);
    CHECK(seconds <= 8);
    llm__text_free(&out);
    free_ids(&libc, &list);
    free(text);
}

static void test_long_texts(void) {
    static const char *const few[] = {"qwen2", "llama2", "unigram_precompiled_nmt", "bert_uncased", "deepseek_v3"};
    static const char *const pieces[] = {"a", " ", "\n", "e\xCC\x81\xCC\xA3", "\xE4\xBD\xA0"};
    char mixed[4096];
    size_t i, k, bytes;
    for (i = 0; i < LLM__LENGTH(few); i++) {
        style s;
        if (!open_style(&s, few[i])) continue;
        chance_state = 5;
        bytes = any_text(mixed, sizeof mixed);
        for (k = 0; k < (i < 3 ? LLM__LENGTH(pieces) : 1); k++)
            check_fast(few[i], s.t.words, pieces[k], strlen(pieces[k]), k ? LONG / 4 : LONG);
        check_fast(few[i], s.t.words, mixed, bytes, LONG);
        close_style(&s);
    }
}

#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10
#define SPACES "'added_tokens':[{'content':'\\n','lstrip':true,'rstrip':true},{'content':' ','lstrip':true}],"

/* Components that could be made to look at everything again and again. */
static void test_hostile_files(void) {
    static const struct {
        const char *file, *piece;
    } rows[] = {
        {"{" SPACES MODEL "}", "\n"},
        {"{" SPACES MODEL "}", " "},
        {WITH("decoder", "{'type':'Sequence','decoders':[{'type':'Fuse'},"
                         "{'type':'Strip','content':'a','start':0,'stop':64}]}"), "a"},
        {WITH("normalizer", "{'type':'Sequence','normalizers':[{'type':'NFD'},{'type':'NFC'},{'type':'NFKC'}]}"),
         "\xCC\x81\xCC\xA3"},
        {"{'pre_tokenizer':{'type':'WhitespaceSplit'},'model':{'type':'WordPiece','unk_token':'a',"
         "'vocab':{'a':0,'##a':2,'##" A10 "':1},'max_input_chars_per_word':4096}}", A100 "b "},
        {"{'decoder':{'type':'Sequence','decoders':[{'type':'ByteFallback'},{'type':'Fuse'}]},'model':{'type':'BPE',"
         "'vocab':{'<0xFF>':0,'<0xC3>':1,'<0xA9>':2},'merges':[],'byte_fallback':true}}", "\xC3\xA9"},
    };
    tokenizer t;
    meter m;
    id_list list;
    size_t i;
    char *text;
    llm__text out = empty_text(libc);
    int32_t ids[2] = {0, 0};
    for (i = 0; i < LLM__LENGTH(rows); i++) {
        CHECK_EQ(open_quoted(&t, rows[i].file, &m), LLM_OK);
        if (t.words) check_fast(rows[i].file, t.words, rows[i].piece, strlen(rows[i].piece), LONG / 2);
        close_tokenizer(&t);
        CHECK(settled(&m));
    }
    /* a pattern that backtracks without end, and a text that every step makes longer */
    text = repeated("", "a", 5000, "b");
    CHECK_EQ(open_quoted(&t, PATTERN("(a|a)*$"), &m), LLM_OK);
    CHECK_EQ(encode(t.words, &libc, text, 5001, 0, &list, &t.error), LLM_TOO_LARGE);
    CHECK_STR(t.error.message, "tokenizer.json: a pattern of the tokenizer takes too many steps on this text");
    free_ids(&libc, &list);
    close_tokenizer(&t);
    free(text);
    text = repeated("{" MODEL ",'normalizer':{'type':'Sequence','normalizers':[{'type':'NFC'}",
                    ",{'type':'Replace','pattern':{'String':'a'},'content':'aaaaaaaaaaaaaaaa'}", 20, "]}}");
    CHECK_EQ(open_quoted(&t, text, &m), LLM_OK);
    CHECK_EQ(encode(t.words, &libc, "a", 1, 0, &list, &t.error), LLM_TOO_LARGE);
    free_ids(&libc, &list);
    close_tokenizer(&t);
    free(text);
    text = repeated("{" MODEL ",'decoder':{'type':'Sequence','decoders':[{'type':'Fuse'}",
                    ",{'type':'Replace','pattern':{'String':'a'},'content':'aaaaaaaaaaaaaaaa'}", 10, "]}}");
    CHECK_EQ(open_quoted(&t, text, &m), LLM_OK);
    CHECK_EQ(llm__words_decode(t.words, ids, 2, 0, &out, &t.error), LLM_TOO_LARGE);
    CHECK_STR(t.error.message, "tokenizer.json: a pattern of the tokenizer takes too many steps while decoding");
    close_tokenizer(&t);
    llm__text_free(&out);
    free(text);
}

/* ---- vocabularies in other files */

static size_t put_base64(char *out, const char *bytes, size_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t i, k, n = 0;
    for (i = 0; i < count; i += 3) {
        uint32_t word = 0;
        for (k = 0; k < 3; k++) word = word << 8 | (i + k < count ? (uint8_t)bytes[i + k] : 0);
        for (k = 0; k < 4; k++) out[n++] = i + k > count ? '=' : digits[word >> (18 - 6 * k) & 63];
    }
    return n;
}

static const char *const joined[] = {"ab", "abc", " a", "  "}; /* tokens behind the bytes */

/* The text of a vocabulary of all bytes and `joined`: lines of a .tiktoken file, or tekken.json. */
static size_t byte_vocabulary(char *out, int tekken) {
    size_t n = 0;
    int i;
    if (tekken)
        n = (size_t)sprintf(out, "{\"config\":{\"pattern\":\"\\\\s?\\\\w+|\\\\s+|.\",\"default_vocab_size\":264,"
                                 "\"default_num_special_tokens\":4},\"vocab\":[");
    for (i = 0; i < 256 + (int)LLM__LENGTH(joined); i++) {
        char one = (char)i;
        if (tekken) n += (size_t)sprintf(out + n, "%s{\"rank\":%d,\"token_bytes\":\"", i ? "," : "", i);
        n += i < 256 ? put_base64(out + n, &one, 1) : put_base64(out + n, joined[i - 256], strlen(joined[i - 256]));
        n += (size_t)sprintf(out + n, tekken ? "\"}" : " %d\n", i);
    }
    if (tekken) n += (size_t)sprintf(out + n, "]}");
    return n;
}

/* A SentencePiece model of few pieces: with bytes, "ab" and "abc" made by merges, "<u>" and two spaces the user's. */
static size_t sentence_model(char *out, int bpe) {
    static const struct {
        const char *text;
        int kind;
        float score;
    } pieces[] = {{"<unk>", 2, 0}, {"<s>", 3, 0}, {"</s>", 3, 0}, {"<u>", 4, 0}, {"<0x41>", 6, 0}, {"ab", 1, -1},
                  {"abc", 1, -2}, {"a", 1, -3}, {"b", 1, -4}, {"c", 1, -5}, {"\xE2\x96\x81", 1, -6},
                  {"\xE2\x96\x81\xE2\x96\x81", 4, 0}};
    size_t i, n = 0;
    for (i = 0; i < LLM__LENGTH(pieces); i++) {
        size_t length = strlen(pieces[i].text);
        out[n++] = 10;
        out[n++] = (char)(length + 9);
        out[n++] = 10;
        out[n++] = (char)length;
        memcpy(out + n, pieces[i].text, length);
        n += length;
        out[n++] = 21;
        memcpy(out + n, &pieces[i].score, 4);
        n += 4;
        out[n++] = 24;
        out[n++] = (char)pieces[i].kind;
    }
    memcpy(out + n, "\x12\x05\x18\x02\x98\x02\x01", 7); /* BPE, byte fallback */
    if (!bpe) out[n + 3] = 1;
    return n + 7;
}

static llm_status open_other(llm_tokenizer **t, const char *name, const char *text, size_t bytes, meter *m,
                             llm_error *error) {
    llm_memory_file file;
    llm_tokenizer_desc d;
    memset(&file, 0, sizeof file);
    memset(&d, 0, sizeof d);
    memset(m, 0, sizeof *m);
    file.name = name;
    file.data = text;
    file.bytes = bytes;
    d.memory = &file;
    d.memory_count = 1;
    d.allocator = metered(m);
    return llm_tokenizer_open(t, &d, error);
}

/* The ids of a text in words. */
static void expect_other(const char *name, const char *file, size_t bytes, const char *text, int plain,
                         const char *expected) {
    llm_tokenizer *t;
    llm_encode_desc d;
    llm_error error;
    int32_t ids[40];
    llm_text_span spans[40];
    char got[400] = "";
    size_t count = 0, i, n = 0;
    meter m;
    llm_status status = open_other(&t, name, file, bytes, &m, &error);
    memset(&d, 0, sizeof d);
    d.text = text;
    d.plain = plain;
    d.special = 1;
    d.ids = ids;
    d.spans = spans;
    d.capacity = 40;
    if (status != LLM_OK || llm_tokenizer_encode(t, &d, &count, &error) != LLM_OK) printf("%s\n", error.message);
    for (i = 0; i < count && i < 40; i++) n += (size_t)snprintf(got + n, sizeof got - n, i ? " %d" : "%d", (int)ids[i]);
    if (strcmp(got, expected)) printf("%s: %s: %s, expected %s\n", name, text, got, expected);
    CHECK(status == LLM_OK && !strcmp(got, expected));
    for (i = 0; i < count; i++) CHECK(spans[i].from <= spans[i].to && spans[i].to <= strlen(text));
    if (status == LLM_OK) llm_tokenizer_close(t);
    CHECK(settled(&m));
}

/* Cut short anywhere, and with bytes changed, a file opens or says what is wrong, and gives back what it took. */
static void check_broken(const char *name, char *file, size_t bytes) {
    llm_tokenizer *t;
    llm_error error;
    size_t i, step = bytes / 400 + 1;
    int good = 1;
    meter m;
    for (i = 0; i < bytes; i += step) {
        char kept = file[i];
        if (open_other(&t, name, file, i, &m, &error) == LLM_OK) llm_tokenizer_close(t);
        else good &= t == NULL && error.message[0] != 0;
        good &= settled(&m);
        file[i] = (char)chance(256);
        if (open_other(&t, name, file, bytes, &m, &error) == LLM_OK) llm_tokenizer_close(t);
        else good &= t == NULL && error.message[0] != 0;
        file[i] = kept;
        good &= settled(&m);
    }
    CHECK(good);
}

static void test_other_files(void) {
    char *file = (char *)malloc(1 << 16);
    size_t bytes = byte_vocabulary(file, 0);
    expect_other("qwen.tiktoken", file, bytes, "abc ab<|im_start|>", 0, "257 32 256 261");
    expect_other("qwen.tiktoken", file, bytes, "<|im_start|>", 1, "60 124 105 109 95 115 116 97 114 116 124 62");
    check_broken("qwen.tiktoken", file, bytes);
    expect_other("qwen.tiktoken", file, bytes, "<|extra_0|><|extra_204|>", 0, "263 467");
    expect_other("tokenizer.model", file, bytes, "ab<|reserved_special_token_3|><|start_header_id|><|eot_id|>"
                 "<|reserved_special_token_5|><|reserved_special_token_250|>", 0, "260 256 265 266 269 270 515");
    bytes = byte_vocabulary(file, 1);
    expect_other("tekken.json", file, bytes, "abc ab</s>", 0, "1 261 36 260 2");
    check_broken("tekken.json", file, bytes);
    bytes = sentence_model(file, 1);
    expect_other("tokenizer.model", file, bytes, "abcab  c</s><u>a", 0, "1 10 6 5 10 9 2 3 7");
    expect_other("tokenizer.model", file, bytes, "A</s>", 1, "1 10 4 0");
    check_broken("tokenizer.model", file, bytes);
    free(file);
}

/* Spaces, signs for them (here ~), and a user's piece of two of these, at the ends and elsewhere: the ids are
   sentencepiece's. */
static void test_sentence_spaces(void) {
    static const struct {
        const char *text, *expected[2]; /* BPE, Unigram */
    } cases[] = {
        {"a~", {"1 10 7", "1 10 7"}},
        {"~", {"1", "1"}},
        {"a ~~ b", {"1 10 7 11 11 8", "1 10 7 11 11 8"}},
        {"  a   b  ", {"1 10 7 10 8", "1 10 7 10 8"}},
        {"~~ a", {"1 11 11 7", "1 11 11 7"}},
        {"a~~~~~b", {"1 10 7 11 11 10 8", "1 10 7 10 11 11 8"}},
        {"<u>abc~~", {"1 10 3 6", "1 10 3 6"}}
    };
    char file[1000], text[60];
    size_t i, k, n;
    int unigram;
    for (unigram = 0; unigram < 2; unigram++)
        for (i = 0; i < LLM__LENGTH(cases); i++) {
            for (k = n = 0; cases[i].text[k]; k++)
                if (cases[i].text[k] == '~') n += (size_t)sprintf(text + n, "\xE2\x96\x81");
                else text[n++] = cases[i].text[k];
            text[n] = 0;
            n = sentence_model(file, !unigram);
            expect_other("tokenizer.model", file, n, text, 0, cases[i].expected[unigram]);
        }
}

/* A tokenizer of some letters; `parts` are members of tokenizer.json between commas, config is the other file. */
static llm_tokenizer *letters(const char *parts, const char *config) {
    static char file[4000];
    llm_memory_file files[2] = {{"tokenizer.json", file, 0}, {"tokenizer_config.json", config, 0}};
    llm_tokenizer_desc d;
    llm_tokenizer *t = NULL;
    llm_error error;
    files[0].bytes = (size_t)snprintf(
        file, sizeof file,
        "{%s\"model\":{\"type\":\"BPE\",\"unk_token\":\"\\ufffd\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"d\":3,"
        "\"z\":4,"
        "\"\\u0431\":5,\"\\ufffd\":6,\" \":7,\"ab\":8,\"bc\":9,\"a\\u0431\":10,\"<pad>\":11,\"|\":12},"
        "\"merges\":[\"b c\",\"a \\u0431\"]}}", parts);
    memset(&d, 0, sizeof d);
    d.memory = files;
    d.memory_count = config ? 2 : 1;
    if (config) files[1].bytes = strlen(config);
    if (llm_tokenizer_open(&t, &d, &error)) printf("%s: %s\n", parts, error.message);
    CHECK(t != NULL);
    return t;
}

static void expect_encoded(const char *parts, const char *config, const char *text, int plain, int special,
                           const char *expected) {
    llm_tokenizer *t = letters(parts, config);
    llm_encode_desc d;
    int32_t ids[20];
    char found[200] = "";
    size_t count = 0, i;
    memset(&d, 0, sizeof d);
    d.text = text;
    d.plain = plain;
    d.special = special;
    d.ids = ids;
    d.capacity = 20;
    CHECK(!llm_tokenizer_encode(t, &d, &count, NULL) && count <= 20);
    for (i = 0; i < count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%d", i ? " " : "", (int)ids[i]);
    CHECK_STR(found, expected);
    llm_tokenizer_close(t);
}

static void expect_letters(const char *parts, const char *config, const char *text, int plain, const char *expected) {
    expect_encoded(parts, config, text, plain, 0, expected);
}

/* In a long text, where pieces are known again: what the model makes special tokens of stays plain everywhere. */
static void test_long_plain_text(void) {
    enum { TIMES = 600 };
    llm_tokenizer *t = letters("\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"added_tokens\":[{\"id\":9,"
                               "\"content\":\"bc\",\"special\":true,\"normalized\":false}],", NULL);
    static char text[3 * TIMES + 1];
    static int32_t ids[2 * TIMES + 1];
    llm_encode_desc d;
    size_t count = 0, i;
    int wrong = 0;
    memset(&d, 0, sizeof d);
    for (i = 0; i < TIMES; i++) memcpy(text + 3 * i, i % 3 ? "bc " : "cb ", 3);
    d.text = text;
    d.plain = 1;
    d.ids = ids;
    d.capacity = LLM__LENGTH(ids);
    CHECK(!llm_tokenizer_encode(t, &d, &count, NULL));
    CHECK_EQ(count, 2 * TIMES);
    for (i = 0; i < 2 * TIMES; i++) wrong += ids[i] != (i / 2 % 3 ? 1 : 2) + (int)(i % 2) * (i / 2 % 3 ? 1 : -1);
    CHECK_EQ(wrong, 0);
    llm_tokenizer_close(t);
}

/* Steps that few tokenizers have. */
static void test_rare_steps(void) {
    const int32_t heard[] = {0, 0, 11, 0, 12, 1};
    llm_tokenizer *t = letters("\"decoder\":{\"type\":\"CTC\",\"pad_token\":\"<pad>\",\"word_delimiter_token\":\"|\","
                               "\"cleanup\":true},", NULL);
    char text[40];
    size_t bytes;
    expect_letters("", NULL, "abcd", 0, "0 9 3");
    expect_letters("\"pre_tokenizer\":{\"type\":\"FixedLength\",\"length\":2},", NULL, "abcd", 0, "0 1 2 3");
    expect_letters("", NULL, "a\xd0\xb1" "c", 0, "10 2");
    expect_letters("\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"},", NULL, "a\xd0\xb1" "c", 0, "0 5 2");
    expect_letters("\"normalizer\":{\"type\":\"Append\",\"append\":\"z\"},", NULL, "a", 0, "0 4");
    CHECK(!llm_tokenizer_decode(t, heard, 6, 0, text, sizeof text, &bytes, NULL));
    CHECK_STR(text, "aa b");
    llm_tokenizer_close(t);
}

#define AROUND(single, pair) \
    "{\"type\":\"TemplateProcessing\",\"single\":[" single "],\"pair\":[" pair "],\"special_tokens\":{" \
    "\"z\":{\"ids\":[4]},\"c\":{\"ids\":[2]},\"d\":{\"ids\":[3]}}}"
#define SPECIAL_TOKEN(name) "{\"SpecialToken\":{\"id\":\"" name "\"}}"
#define SEQUENCE(name) "{\"Sequence\":{\"id\":\"" name "\"}}"

/* A template behind one that leaves one part, or two; what the reference does, which gives up at three. */
static void test_template_behind_template(void) {
    static const char last[] = AROUND(SPECIAL_TOKEN("c") "," SEQUENCE("A"),
                                      SPECIAL_TOKEN("c") "," SEQUENCE("A") "," SPECIAL_TOKEN("d") "," SEQUENCE("B"));
    static const struct {
        const char *first, *expected;
    } cases[] = {{AROUND(SEQUENCE("A"), SEQUENCE("A")), "2 0"},
                 {AROUND(SPECIAL_TOKEN("z") "," SEQUENCE("A"), SEQUENCE("A")), "2 4 3 0"},
                 {AROUND(SEQUENCE("A") "," SPECIAL_TOKEN("z"), SEQUENCE("A")), "2 0 3 4"}};
    char parts[1500];
    size_t i;
    for (i = 0; i < LLM__LENGTH(cases); i++) {
        snprintf(parts, sizeof parts, "\"post_processor\":{\"type\":\"Sequence\",\"processors\":[%s,%s]},",
                 cases[i].first, last);
        expect_encoded(parts, NULL, "a", 0, 1, cases[i].expected);
    }
}

/* Paths that are worth the same but for the last bit of a score, as the reference reads it, and scores that no double
   holds; the ids are those of the tokenizers package. */
static void test_scores(void) {
    static const struct {
        const char *scores[4]; /* of x 9, 14, 1 and 2 times; NULL: no such piece */
        int length;
        const char *expected;
    } cases[] = {{{"-2.5918804561633966", "-3.313937405618368", "-30", NULL}, 37, "1 2 2"},
                 {{"-2.59188045616339661234567", "-3.3139374056183681234567e0", "-3e1", NULL}, 37, "2 2 1"},
                 {{"0e999999999999999999999", "-2e-999999999999999999999", "-1", NULL}, 14, "2"},
                 {{"-1e-25", "-3000000000000000000000000e-24", "-1E+1", "-25e-1"}, 13, "4 4 1"}};
    static const int lengths[] = {9, 14, 1, 2};
    char file[1000], text[40], expected[60];
    size_t i, k, n;
    for (i = 0; i < LLM__LENGTH(cases); i++) {
        n = (size_t)sprintf(file, "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"?\",0]");
        for (k = 0; k < 4 && cases[i].scores[k]; k++)
            n += (size_t)sprintf(file + n, ",[\"%.*s\",%s]", lengths[k], "xxxxxxxxxxxxxx", cases[i].scores[k]);
        n += (size_t)sprintf(file + n, "]}}");
        memset(text, 'x', sizeof text);
        text[cases[i].length] = 0;
        snprintf(expected, sizeof expected, "%s", cases[i].expected);
        expect_other("tokenizer.json", file, n, text, 0, expected);
    }
}

/* What tokenizer_config.json adds to a vocabulary, and what becomes special by it. */
static void test_tokenizer_config(void) {
    static const char config[] = "{\"added_tokens_decoder\":{\"13\":{\"content\":\"<x>\",\"lstrip\":false,"
                                 "\"rstrip\":false,"
                                 "\"single_word\":false,\"normalized\":false,\"special\":true}}}";
    static const char parts[] = "\"decoder\":{\"type\":\"Fuse\"},";
    const int32_t ids[] = {0, 13, 1};
    llm_tokenizer *t = letters(parts, config);
    char text[40];
    size_t bytes;
    expect_letters(parts, NULL, "a<x>b", 0, "0 6 6 6 1");
    expect_letters(parts, config, "a<x>b", 0, "0 13 1");
    expect_letters(parts, config, "a<x>b", 1, "0 6 6 6 1");
    CHECK(!llm_tokenizer_decode(t, ids, 3, 0, text, sizeof text, &bytes, NULL));
    CHECK_STR(text, "a<x>b");
    CHECK(!llm_tokenizer_decode(t, ids, 3, 1, text, sizeof text, &bytes, NULL));
    CHECK_STR(text, "ab");
    llm_tokenizer_close(t);
}

/* Bytes that are no UTF-8: refused if that is asked for, else one U+FFFD each, which lies where they do. */
static void test_broken_bytes(void) {
    llm_tokenizer *t = letters("", NULL);
    llm_encode_desc d;
    llm_text_span spans[8];
    int32_t ids[8];
    llm_error error;
    size_t count;
    memset(&d, 0, sizeof d);
    d.text = "a\xff" "bc\xd0";
    d.ids = ids;
    d.spans = spans;
    d.capacity = 8;
    d.refuse_broken = 1;
    CHECK_EQ(llm_tokenizer_encode(t, &d, &count, &error), LLM_BAD_ARGUMENT);
    CHECK(strstr(error.message, "0xFF") != NULL);
    d.refuse_broken = 0;
    CHECK(!llm_tokenizer_encode(t, &d, &count, &error));
    CHECK_EQ(count, 4);
    CHECK(ids[0] == 0 && ids[1] == 6 && ids[2] == 9 && ids[3] == 6);
    CHECK(spans[0].from == 0 && spans[0].to == 1 && spans[1].from == 1 && spans[1].to == 2);
    CHECK(spans[2].from == 2 && spans[2].to == 4 && spans[3].from == 4 && spans[3].to == 5);
    llm_tokenizer_close(t);
}

/* ---- seeds for the fuzzers */

/* Of a style: its tokenizer.json behind 'k', and behind 'i', 'I' and its number texts, and their ids. */
static int save_style(const char *to, size_t number) {
    enum { MOST = 4000 };
    style s;
    char name[100], head[2], *file;
    llm__text text = empty_text(libc), ids = empty_text(libc);
    size_t bytes;
    uint32_t i, k;
    int wrong;
    memset(&s, 0, sizeof s);
    s.name = styles[number];
    s.arena.allocator = libc;
    wrong = !read_json(&s, "tokenizer.json", &file, &bytes);
    s.cases = read_json(&s, "cases.json", NULL, NULL);
    for (i = 0; s.cases && i < s.cases->length && text.length < MOST; i++) {
        const llm__json *c = llm__json_at(s.cases, i), *t = llm__json_get(c, "text"), *list = llm__json_get(c, "ids");
        if (t->length < MOST) wrong |= !llm__text_add(&text, t->as.text, t->length);
        for (k = 0; t->length < MOST && k < list->length; k++) {
            int id = (int)llm__json_at(list, k)->as.number + 1; /* the fuzzer takes it off again */
            char two[2];
            two[0] = (char)(id & 255);
            two[1] = (char)(id >> 8 & 255);
            wrong |= !llm__text_add(&ids, two, 2);
        }
    }
    head[1] = (char)number;
    snprintf(name, sizeof name, "style-%s", styles[number]);
    wrong |= !write_file(to, name, "k", 1, file ? file : "", file ? bytes : 0);
    snprintf(name, sizeof name, "text-%s", styles[number]);
    wrong |= !write_file(to, name, (head[0] = 'i', head), 2, text.data, text.length);
    snprintf(name, sizeof name, "ids-%s", styles[number]);
    wrong |= !write_file(to, name, (head[0] = 'I', head), 2, ids.data, ids.length);
    free(file);
    llm__text_free(&text);
    llm__text_free(&ids);
    llm__arena_free(&s.arena);
    return wrong || !s.cases;
}

static int save_seeds(const char *to) {
    char *file = (char *)malloc(1 << 16);
    size_t i;
    int wrong = !file;
    for (i = 0; i < LLM__LENGTH(styles); i++) wrong |= save_style(to, i);
    wrong = wrong || !write_file(to, "sentence", "l", 1, file, sentence_model(file, 1)) ||
            !write_file(to, "tekken", "m", 1, file, byte_vocabulary(file, 1)) ||
            !write_file(to, "tiktoken", "n", 1, file, byte_vocabulary(file, 0)) ||
            !write_file(to, "kimi", "o", 1, file, byte_vocabulary(file, 0));
    if (wrong) printf("%s: the seeds cannot be written\n", to);
    free(file);
    return wrong;
}

int main(int argc, char **argv) {
    size_t i;
    libc = llm__allocator_or_default(libc);
    if (argc == 3 && !strcmp(argv[1], "--save")) return save_seeds(argv[2]);
    if (argc > 1) folder = argv[1];
    for (i = 2; i < (size_t)argc; i++) run_style(argv[i], 1);
    if (argc > 1) return test_summary("test_words");
    for (i = 0; i < LLM__LENGTH(styles); i++) run_style(styles[i], 0);
    CHECK(lossless >= 8);
    printf("known difference: where mlx-lm cuts a text into pieces (`stream`) is not compared: it drops a leading "
           "space and garbles U+0000; here pieces are whole characters that join to `decoded`\n");
    TEST(test_wrong_files);
    TEST(test_patterns);
    TEST(test_broken_texts);
    TEST(test_no_unknown);
    TEST(test_lookup);
    TEST(test_few_merges);
    TEST(test_known_pieces);
    TEST(test_inert_characters);
    TEST(test_pattern_shortcuts);
    TEST(test_renamed_token);
    TEST(test_memory);
    TEST(test_long_texts);
    TEST(test_hostile_files);
    TEST(test_other_files);
    TEST(test_sentence_spaces);
    TEST(test_long_plain_text);
    TEST(test_rare_steps);
    TEST(test_template_behind_template);
    TEST(test_scores);
    TEST(test_tokenizer_config);
    TEST(test_broken_bytes);
    return test_summary("test_words");
}
