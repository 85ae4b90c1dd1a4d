/* test_grammar - the chapter >>grammar of llm.h: which texts schemas, regular expressions and GBNF allow; masks against
   trying every token; random walks whose texts are validated; other tokenizations; generations; bad input, bounds. */
#define LLM_IMPLEMENTATION
#include "llm.h"
#include "stories.h"
#include "test.h"

#include <pthread.h>

enum { SCHEMA, COMPACT, REGEX, GBNF, MOST_TEXTS = 14 };

typedef struct texts {
    int kind;
    const char *source;
    const char *yes[MOST_TEXTS], *no[MOST_TEXTS]; /* `no` also of texts that are only beginnings */
} texts;

static const texts table[] = {
    /* any JSON */
    {SCHEMA,
     "{}",
     {"null", "true", "-0", "12.5e-3", "\"\"", "\"\\u00e9\\n\\ud83d\\ude00\"", "[]", "[ ]", "[1, [2,\n  3]]", "{}",
      "{\"a\": {\"b\": [null]}, \"a\":1}", "\"\xC3\xA9\xE6\xBC\xA2\xF0\x9F\x98\x80\""},
     {"", "nul", "01", "1.", ".5", "+1", "[1,]", "{a:1}", "{\"a\" :1}", "\"\\ud83d\"", "\"\\x\"", "\"\n\"", " 1",
      "NaN"}},
    {SCHEMA, "true", {"1", "[[[[]]]]"}, {"[[[[]]]"}},
    {COMPACT, "{}", {"{\"a\":[1,2]}"}, {"{\"a\": 1}", "[1, 2]", "[ ]"}},
    /* types */
    {SCHEMA, "{\"type\":\"null\",\"title\":\"t\",\"x-y\":1}", {"null"}, {"true", "\"null\""}},
    {SCHEMA, "{\"type\":\"boolean\"}", {"true", "false"}, {"null", "1"}},
    {SCHEMA, "{\"type\":\"integer\"}", {"0", "-12", "123456789012345678901"}, {"1.0", "1e3", "-", "00"}},
    {SCHEMA, "{\"type\":\"number\"}", {"0", "-1.5", "1E+9"}, {"\"1\"", "1e", "-.5"}},
    {SCHEMA, "{\"type\":[\"string\",\"null\"]}", {"null", "\"x\""}, {"1", "{}"}},
    {SCHEMA, "{\"type\":\"array\"}", {"[]", "[{}, 1]"}, {"{}", "1"}},
    {SCHEMA, "{\"type\":\"object\"}", {"{}", "{\"\": []}"}, {"[]"}},
    /* given values */
    {SCHEMA, "{\"const\":\"a\\\"b\\n\"}", {"\"a\\\"b\\n\""}, {"\"a\"", "a"}},
    {SCHEMA,
     "{\"enum\":[1,2.5,\"x\",null,[1,{\"k\":true}],0.1,-3]}",
     {"1", "2.5", "\"x\"", "null", "[1,{\"k\":true}]", "[ 1, {\"k\": true} ]", "0.1", "-3"},
     {"2", "\"y\"", "[1]", "[]"}},
    {SCHEMA, "{\"enum\":[1,\"x\",2.5,3.0],\"type\":[\"integer\",\"null\"]}", {"1", "3"}, {"\"x\"", "2.5", "null"}},
    {SCHEMA,
     "{\"enum\":[\"a\",\"ab\",\"ba\",1,7],\"minLength\":2,\"pattern\":\"^a\",\"maximum\":5}",
     {"\"ab\"", "1"},
     {"\"a\"", "\"ba\"", "7"}},
    {SCHEMA, "{\"allOf\":[{\"enum\":[1,2,3]},{\"enum\":[2,3,4]},{\"const\":3}]}", {"3"}, {"1", "2", "4"}},
    /* strings */
    {SCHEMA,
     "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}",
     {"\"ab\"", "\"\xC3\xA9\xF0\x9F\x98\x80\\n\"", "\"\\\"\\\\\\u0001\""},
     {"\"a\"", "\"abcd\"", "\"\\u0041b\"", "\"ab"}},
    {SCHEMA, "{\"type\":\"string\",\"minLength\":3}", {"\"abc\"", "\"abcdefgh\""}, {"\"ab\""}},
    {SCHEMA, "{\"type\":\"string\",\"maxLength\":0}", {"\"\""}, {"\"a\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"pattern\":\"^[a-c]+\\\\d{2}$\"}",
     {"\"a12\"", "\"abc00\""},
     {"\"a1\"", "\"d12\"", "\"a123\"", "\"\""}},
    {SCHEMA, "{\"type\":\"string\",\"pattern\":\"b\"}", {"\"b\"", "\"abc\"", "\"\\nb\xC3\xA9\""}, {"\"ac\"", "\"\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"pattern\":\"^a|z$\",\"maxLength\":3}",
     {"\"abc\"", "\"xz\"", "\"a\""},
     {"\"xa\"", "\"abcd\"", "\"za\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"pattern\":\"^[^\\\"x]\\\\\\\\$\"}",
     {"\"a\\\\\"", "\"\\t\\\\\"", "\"\\\\\\\\\""},
     {"\"x\\\\\"", "\"\\\"\\\\\"", "\"a\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"pattern\":\"^(?i:ab|\\\\W)[[\\\\]]$\"}",
     {"\"aB[\"", "\"AB]\"", "\"\xC3\xA9]\"", "\"-[\""},
     {"\"a[\"", "\"ab\"", "\"_]\""}},
    {SCHEMA, /* objects that a required property tells apart: oneOf is exact */
     "{\"oneOf\":[{\"type\":\"object\",\"properties\":{\"is\":{\"const\":\"dot\"},\"r\":{\"type\":\"integer\"}},"
     "\"required\":[\"is\",\"r\"]},{\"type\":\"object\",\"properties\":{\"is\":{\"enum\":[\"box\",\"bar\"]},"
     "\"w\":{\"type\":\"integer\"}},\"required\":[\"is\"]}]}",
     {"{\"is\":\"dot\",\"r\":1}", "{\"is\":\"box\"}", "{\"is\":\"bar\",\"w\":2}"},
     {"{\"is\":\"dot\"}", "{\"is\":\"dot\",\"w\":1}", "{\"is\":\"box\",\"r\":1}", "{\"r\":1}", "{\"is\":\"cat\"}"}},
    {SCHEMA,
     "{\"type\":\"string\",\"format\":\"date\"}",
     {"\"2024-02-29\"", "\"1999-12-31\"", "\"2000-02-29\""},
     {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"2024-04-31\"", "\"24-01-01\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"format\":\"time\"}",
     {"\"23:59:59Z\"", "\"00:00:00.5+02:00\""},
     {"\"24:00:00Z\"", "\"12:00:00\"", "\"1:00:00Z\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"format\":\"date-time\"}",
     {"\"2024-01-31T12:30:00Z\""},
     {"\"2024-01-31 12:30:00Z\"", "\"2024-01-32T12:30:00Z\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"format\":\"duration\"}",
     {"\"P1Y2M3DT4H5M6S\"", "\"PT5M\"", "\"P3W\""},
     {"\"P\"", "\"PT\"", "\"P1S\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"format\":\"uuid\"}",
     {"\"123e4567-e89b-12d3-a456-426614174000\""},
     {"\"123e4567e89b12d3a456426614174000\"", "\"g23e4567-e89b-12d3-a456-426614174000\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"format\":\"email\"}",
     {"\"a.b+c@d-e.org\""},
     {"\"a@b\"", "\".a@b.c\"", "\"a b@c.d\""}},
    {SCHEMA, "{\"type\":\"string\",\"format\":\"hostname\"}", {"\"example.org\"", "\"a\"", "\"a.b.c.d.e\""},
     {"\"-a\"", "\"a..b\"", "\"a.b.c.d.e.f.g.h.i\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"format\":\"ipv4\"}",
     {"\"192.168.0.1\"", "\"255.255.255.255\""},
     {"\"256.0.0.1\"", "\"1.2.3\"", "\"01.2.3.4\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"format\":\"ipv6\"}",
     {"\"::1\"", "\"2001:db8::8a2e:370:7334\"", "\"1:2:3:4:5:6:7:8\"", "\"::\""},
     {"\"1:2:3\"", "\"1::2::3\"", "\"12345::\"", "\"1:2:3:4:5:6:7:8:9\""}},
    {SCHEMA,
     "{\"type\":\"string\",\"format\":\"uri\"}",
     {"\"https://a.org/b?c=d#e\"", "\"mailto:x@y.z\"", "\"a:%20b\""},
     {"\"//a.org\"", "\"a b:c\"", "\"http:\""}},
    {SCHEMA, "{\"type\":\"integer\",\"format\":\"int64\"}", {"5"}, {"5.5"}},
    /* numbers */
    {SCHEMA,
     "{\"type\":\"integer\",\"minimum\":-5,\"maximum\":120}",
     {"-5", "-1", "0", "7", "99", "100", "120"},
     {"-6", "121", "200", "-0", "1000", "05", "-10"}},
    {SCHEMA,
     "{\"type\":\"integer\",\"exclusiveMinimum\":9,\"exclusiveMaximum\":1000}",
     {"10", "99", "999"},
     {"9", "1000", "8", "1"}},
    {SCHEMA, "{\"type\":\"integer\",\"minimum\":1}", {"1", "10", "999999999999"}, {"0", "-1"}},
    {SCHEMA, "{\"type\":\"integer\",\"maximum\":-3}", {"-3", "-10", "-333"}, {"-2", "0", "3", "-1"}},
    {SCHEMA, "{\"type\":\"integer\",\"minimum\":1.5,\"maximum\":3.7}", {"2", "3"}, {"1", "4", "2.0"}},
    {SCHEMA,
     "{\"type\":\"integer\",\"minimum\":0,\"exclusiveMinimum\":0,\"maximum\":30,\"multipleOf\":7}",
     {"7", "14", "21", "28"},
     {"0", "35", "8", "07"}},
    {SCHEMA, "{\"type\":\"number\",\"multipleOf\":4}", {"0", "-4", "12", "100"}, {"2", "4.5", "1e1"}},
    {SCHEMA,
     "{\"type\":\"number\",\"minimum\":0.25,\"exclusiveMaximum\":10}",
     {"0.25", "0.250", "0.3", "1", "9.999", "9", "0.2501"},
     {"0.2", "0.24999", "10", "10.0", "-1", "0", "1e0"}},
    {SCHEMA,
     "{\"type\":\"number\",\"exclusiveMinimum\":-1.5,\"maximum\":0}",
     {"-1.4", "-1", "-0.1", "0", "0.0", "-1.4999", "0.00"},
     {"-1.5", "-1.50", "0.1", "-2", "-1.51", "0.001"}},
    {SCHEMA,
     "{\"type\":\"number\",\"minimum\":1000000000000000000000}",
     {"1000000000000000000000", "2000000000000000000000.5"},
     {"999999999999999999999"}},
    /* lists */
    {SCHEMA,
     "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":1,\"maxItems\":3}",
     {"[1]", "[1,2, 3]"},
     {"[]", "[1,2,3,4]", "[\"a\"]"}},
    {SCHEMA,
     "{\"type\":\"array\",\"items\":{\"const\":1},\"minItems\":2}",
     {"[1,1]", "[1,1,1,1,1]"},
     {"[1]", "[]", "[1,2]"}},
    {SCHEMA,
     "{\"type\":\"array\",\"prefixItems\":[{\"const\":1},{\"const\":2}],\"items\":{\"const\":3},\"minItems\":1}",
     {"[1]", "[1,2]", "[1,2,3]", "[1,2,3,3,3]"},
     {"[]", "[2]", "[1,3]", "[1,2,2]"}},
    {SCHEMA, "{\"type\":\"array\",\"prefixItems\":[{\"const\":1}],\"items\":false}", {"[]", "[1]"}, {"[1,1]", "[2]"}},
    {SCHEMA,
     "{\"type\":\"array\",\"items\":[{\"const\":1}],\"additionalItems\":{\"const\":2}}",
     {"[1,2,2]"},
     {"[1,1]", "[2]"}},
    {SCHEMA, "{\"type\":\"array\",\"items\":{},\"maxItems\":0,\"uniqueItems\":false}", {"[]"}, {"[1]"}},
    /* objects */
    {SCHEMA,
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"const\":true},\"c\":{}},\"required\":["
     "\"b\"]}",
     {"{\"b\":true}", "{\"a\":1,\"b\":true}", "{\"a\": 1, \"b\": true, \"c\": []}", "{\n  \"b\": true,\n  \"c\": 1\n}"},
     {"{}", "{\"a\":1}", "{\"b\":true,\"a\":1}", "{\"b\":true,\"d\":1}", "{\"b\":false}", "{\"b\":true,}"}},
    {SCHEMA,
     "{\"type\":\"object\",\"properties\":{\"a\":{\"const\":1},\"ab\":{\"const\":2}},\"additionalProperties\":{"
     "\"type\":\"null\"}}",
     {"{}", "{\"a\":1}", "{\"a\":1,\"ab\":2,\"x\":null,\"abc\":null,\"\":null}", "{\"b\":null}"},
     {"{\"a\":null}", "{\"x\":1}", "{\"\\u0061\":null}", "{\"x\":null,\"a\":1}", "{\"ab\":null}"}},
    {SCHEMA, "{\"type\":\"object\",\"additionalProperties\":false}", {"{}", "{ }"}, {"{\"a\":1}"}},
    {SCHEMA, "{\"type\":\"object\",\"required\":[\"q\"]}", {"{\"q\":1}", "{\"q\":[],\"r\":2}"}, {"{}", "{\"r\":2}"}},
    {SCHEMA,
     "{\"type\":\"object\",\"patternProperties\":{\"^n\":{\"type\":\"integer\"},\"s$\":{\"type\":\"string\"}},"
     "\"properties\":{\"name\":{\"minimum\":5}},\"additionalProperties\":false}",
     {"{\"name\":7,\"nb\":1,\"as\":\"x\"}", "{}"},
     {"{\"name\":3}", "{\"nb\":\"x\"}", "{\"ns\":1}", "{\"q\":1}", "{\"as\":1}"}},
    {SCHEMA,
     "{\"type\":\"object\",\"properties\":{\"\\u00e9\\\"\":{\"const\":1}}}",
     {"{\"\xC3\xA9\\\"\":1}"},
     {"{\"e\":1}"}},
    {SCHEMA,
     "{\"type\":\"object\",\"properties\":{\"a\":false,\"b\":{\"const\":1}}}",
     {"{}", "{\"b\":1}"},
     {"{\"a\":1}"}},
    /* several schemas for one value */
    {SCHEMA,
     "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":5},{\"const\":\"x\"},false]}",
     {"5", "\"x\""},
     {"4", "\"y\""}},
    {SCHEMA,
     "{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"array\",\"items\":{\"const\":1}}]}",
     {"null", "[1,1]"},
     {"[2]", "1"}},
    {SCHEMA,
     "{\"type\":\"object\",\"properties\":{\"a\":{\"const\":1},\"b\":{\"const\":2}},"
     "\"anyOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}",
     {"{\"a\":1}", "{\"b\":2}", "{\"a\":1,\"b\":2}"},
     {"{}"}},
    {SCHEMA,
     "{\"allOf\":[{\"properties\":{\"a\":{\"minimum\":3}},\"required\":[\"a\"]},{\"type\":\"object\","
     "\"properties\":{\"a\":{\"type\":\"integer\",\"maximum\":5},\"b\":{}}}]}",
     {"{\"a\":3}", "{\"a\":5,\"b\":0}"},
     {"{\"a\":2}", "{\"a\":6}", "{}", "{\"b\":0}"}},
    {SCHEMA,
     "{\"type\":\"integer\",\"anyOf\":[{\"maximum\":3},{\"minimum\":7}],\"oneOf\":[{\"minimum\":0},{\"const\":-9}]}",
     {"0", "3", "7"},
     {"5", "-1", "-8"}},
    /* references */
    {SCHEMA,
     "{\"$defs\":{\"n\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},\"next\":{\"$ref\":\"#/$defs/"
     "n\"}},"
     "\"required\":[\"v\"]}},\"$ref\":\"#/$defs/n\"}",
     {"{\"v\":1}", "{\"v\":1,\"next\":{\"v\":2,\"next\":{\"v\":3}}}"},
     {"{\"next\":{}}", "{\"v\":1,\"next\":1}"}},
    {SCHEMA, "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}", {"[]", "[[],[[]]]"}, {"[1]", "[[]"}},
    {SCHEMA, "{\"definitions\":{\"a/b%\":{\"const\":1}},\"$ref\":\"#/definitions/a~1b%25\"}", {"1"}, {"2"}},
    {SCHEMA,
     "{\"$ref\":\"#/$defs/a\",\"maximum\":5,\"$defs\":{\"a\":{\"type\":\"integer\",\"minimum\":3}}}",
     {"3", "5"},
     {"2", "6"}},
    /* regular expressions */
    {REGEX, "(\\+?1-)?\\d{3}-\\d{4}", {"555-1234", "+1-555-1234", "1-555-1234"}, {"555-12345", "x555-1234", ""}},
    {REGEX, "[^a]|b*", {"", "bb", "\xC3\xA9", "c"}, {"a", "cc", "\xC3"}},
    {REGEX, "^(a|b)+?c{2,}$", {"acc", "babccc"}, {"cc", "ac"}},
    {REGEX, ".{2}\\n\\x41\\u00e9", {"\xE6\xBC\xA2z\nA\xC3\xA9"}, {"\n\n\nA\xC3\xA9"}},
    {REGEX, "\\p{Lu}\\w+\\s?", {"\xC3\x89tude ", "Ab"}, {"ab", "A"}},
    {REGEX, "(a*)*", {"", "aaaa"}, {"b"}},
    {REGEX, "(a|ab)(c|bcd)(d*)", {"abcd", "acd", "abcddd", "ac"}, {"ab", "abd"}},
    /* GBNF */
    {GBNF,
     "root ::= \"a\"* [b-d]+ \"\\\"\" | # or\n  other\nother ::= (\"x\" | \"y\"){2,3}",
     {"b\"", "aab\"", "xy", "xyx"},
     {"a\"", "x", "xyxy", "ab"}},
    {GBNF,
     "root ::= list\nlist ::= \"[\" (root (\",\" root)*)? \"]\" | \"1\"",
     {"[]", "1", "[1,[1,[]]]"},
     {"[1,]", "["}},
    {GBNF, "root ::= item (\", \" root)?\nitem ::= [^,\\n]{1,3} .", {"ab", "ab, cd", "a\xC3\xA9"}, {"a", "", "abcde"}},
    {GBNF,
     "root ::= \"\\x41\\u00e9\\U0001F600\" [\\]\\^-]?",
     {"A\xC3\xA9\xF0\x9F\x98\x80", "A\xC3\xA9\xF0\x9F\x98\x80]", "A\xC3\xA9\xF0\x9F\x98\x80^",
      "A\xC3\xA9\xF0\x9F\x98\x80-"},
     {"A\xC3\xA9", "A\xC3\xA9\xF0\x9F\x98\x80["}},
    {GBNF, "root ::= empty \"a\" empty\nempty ::= \"\"*", {"a"}, {"", "aa"}},
    {GBNF, "root ::= (b? )* \"a\"\nb ::= \"b\"?", {"a", "bbba"}, {"b", "ab"}},
    {GBNF, "root ::= s\ns ::= \"(\" s \")\" s | \"\"", {"", "()", "(())()"}, {"(", ")(", "(()"}},
};

enum { TEXTS = sizeof table / sizeof *table };

static llm_grammar_desc desc_of(const texts *t, const llm_model *model) {
    llm_grammar_desc d;
    memset(&d, 0, sizeof d);
    if (t->kind == REGEX)
        d.regex = t->source;
    else if (t->kind == GBNF)
        d.gbnf = t->source;
    else
        d.schema = t->source;
    d.compact = t->kind == COMPACT;
    d.model = model;
    return d;
}

/* NULL, and a line, if it does not open. */
static llm_grammar *open_grammar(const llm_grammar_desc *d) {
    llm_grammar *g = NULL;
    llm_error error;
    if (llm_grammar_open(&g, d, &error))
        printf("  %.60s: %s\n", d->schema ? d->schema : d->regex ? d->regex : d->gbnf, error.message);
    return g;
}

static int is_whole(const llm_grammar *g, const char *text, size_t bytes) {
    size_t fits;
    int whole;
    return llm_grammar_match(g, text, bytes, &fits, &whole, NULL) == LLM_OK && whole && fits == bytes;
}

static void texts_match(void) {
    size_t i, k;
    for (i = 0; i < TEXTS; i++) {
        llm_grammar_desc d = desc_of(table + i, NULL);
        llm_grammar *g = open_grammar(&d);
        CHECK(g != NULL);
        for (k = 0; g && k < MOST_TEXTS && table[i].yes[k]; k++) {
            int good = is_whole(g, table[i].yes[k], strlen(table[i].yes[k]));
            if (!good) printf("  refused: %s of %s\n", table[i].yes[k], table[i].source);
            CHECK(good);
        }
        for (k = 0; g && k < MOST_TEXTS && table[i].no[k]; k++) {
            int good = !is_whole(g, table[i].no[k], strlen(table[i].no[k]));
            if (!good) printf("  allowed: %s of %s\n", table[i].no[k], table[i].source);
            CHECK(good);
        }
        llm_grammar_close(g);
    }
}

static void how_far_a_text_fits(void) {
    llm_grammar_desc d = desc_of(table, NULL);
    llm_grammar *g = open_grammar(&d);
    size_t fits = 9;
    int whole = 9;
    CHECK_EQ(llm_grammar_match(g, "[1,]", 4, &fits, &whole, NULL), LLM_OK);
    CHECK_EQ(fits, 3);
    CHECK_EQ(whole, 0);
    CHECK_EQ(llm_grammar_match(g, "[1,", 3, &fits, &whole, NULL), LLM_OK);
    CHECK(fits == 3 && !whole);
    CHECK_EQ(llm_grammar_match(g, "[1]x", 4, &fits, &whole, NULL), LLM_OK);
    CHECK(fits == 3 && !whole);
    CHECK_EQ(llm_grammar_match(g, "", 0, &fits, &whole, NULL), LLM_OK);
    CHECK(fits == 0 && !whole);
    CHECK_EQ(llm_grammar_match(NULL, "", 0, &fits, &whole, NULL), LLM_BAD_ARGUMENT);
    llm_grammar_close(g);
}

/* Every whole number near the bounds, for many bounds. */
static void numbers_within_bounds(void) {
    static const int bounds[] = {-1200, -100, -99, -10, 0, 9, 10, 105, 999, 1000};
    size_t a, b, n = sizeof bounds / sizeof *bounds;
    char schema[200], text[40];
    int v, wrong = 0;
    for (a = 0; a < n; a++)
        for (b = a; b < n; b++) {
            llm_grammar_desc d;
            llm_grammar *g;
            memset(&d, 0, sizeof d);
            snprintf(schema, sizeof schema, "{\"type\":\"number\",\"minimum\":%d,\"maximum\":%d}", bounds[a],
                     bounds[b]);
            d.schema = schema;
            g = open_grammar(&d);
            CHECK(g != NULL);
            for (v = -1300; g && v <= 1300; v += v % 50 > 3 ? 9 : 1) {
                int good = v >= bounds[a] && v <= bounds[b], half;
                snprintf(text, sizeof text, "%d", v);
                wrong += is_whole(g, text, strlen(text)) != good;
                snprintf(text, sizeof text, "%d.50", v); /* v + 0.5 away from zero */
                half = v < 0 ? 2 * v - 1 : 2 * v + 1;
                wrong += is_whole(g, text, strlen(text)) != (half >= 2 * bounds[a] && half <= 2 * bounds[b]);
            }
            llm_grammar_close(g);
        }
    CHECK_EQ(wrong, 0);
}

/* ---- guides */

typedef struct walker {
    const llm_model *model;
    const llm_grammar *grammar;
    float *logits;
    uint64_t random;
    char text[4096];
    size_t bytes;
} walker;

static uint32_t roll(walker *w, uint32_t sides) {
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % sides;
}

static const char *token_text(const walker *w, int32_t id, size_t *bytes) {
    const llm__lexicon *x = w->grammar->lexicon;
    *bytes = x->starts[id + 1] - x->starts[id];
    return x->texts + x->starts[id];
}

static int mask(walker *w, llm_guide *guide) {
    int i;
    for (i = 0; i < w->model->vocabulary; i++) w->logits[i] = 1;
    return llm_guide_mask(guide, w->logits, w->model->vocabulary, NULL) == LLM_OK;
}

/* A token that the mask has left; late in a text rather one that closes something. */
static int32_t pick(walker *w, int closing) {
    int i, count = 0, n;
    for (i = 0; i < w->model->vocabulary; i++) {
        size_t bytes;
        const char *text = token_text(w, i, &bytes);
        if (w->logits[i] != 1) continue;
        count++;
        if (closing && (llm_token_is_end(w->model, i) || (bytes == 1 && strchr("\"]}", *text)))) return i;
    }
    n = count ? (int)roll(w, (uint32_t)count) : -1;
    for (i = 0; i < w->model->vocabulary && n >= 0; i++)
        if (w->logits[i] == 1 && !n--) return i;
    return LLM_NO_TOKEN;
}

/* A random text by its masks: 1 if it came to its end, 0 if it is not there yet, -1 if something went wrong. */
static int walk(walker *w, int most) {
    llm_guide *guide = NULL;
    int steps, result = -1;
    w->bytes = 0;
    if (llm_guide_open(&guide, w->grammar, NULL, NULL)) return -1;
    for (steps = 0; steps < most; steps++) {
        size_t bytes;
        const char *text;
        int32_t id;
        if (llm_guide_is_done(guide)) break;
        if (!mask(w, guide) || (id = pick(w, steps > most / 3)) < 0) goto out;
        if (llm_guide_accept(guide, id, NULL)) goto out;
        if (llm_token_is_end(w->model, id)) break;
        text = token_text(w, id, &bytes);
        if (w->bytes + bytes >= sizeof w->text) break;
        memcpy(w->text + w->bytes, text, bytes);
        w->bytes += bytes;
    }
    result = llm_guide_can_end(guide);
out:
    w->text[w->bytes] = 0;
    llm_guide_close(guide);
    return result;
}

/* ---- a validator of its own, for what the walks' schemas use */

static int is_type(const char *name, const llm__json *v) {
    int integer = v->type == LLM__JSON_INTEGER, number = integer || v->type == LLM__JSON_NUMBER;
    if (!strcmp(name, "null")) return v->type == LLM__JSON_NULL;
    if (!strcmp(name, "boolean")) return v->type == LLM__JSON_TRUE || v->type == LLM__JSON_FALSE;
    if (!strcmp(name, "integer")) return integer;
    if (!strcmp(name, "number")) return number;
    if (!strcmp(name, "string")) return v->type == LLM__JSON_STRING;
    if (!strcmp(name, "array")) return v->type == LLM__JSON_ARRAY;
    return !strcmp(name, "object") && v->type == LLM__JSON_OBJECT;
}

static double bound(const llm__json *schema, const char *key, double otherwise) {
    const llm__json *v = llm__json_get(schema, key);
    return v ? v->as.number : otherwise;
}

static int length_of(const llm__json *v) {
    int n = 0;
    uint32_t i;
    for (i = 0; i < v->length; i++) n += ((uint8_t)v->as.text[i] & 0xC0) != 0x80;
    return n;
}

static int validates(const llm__json *root, const llm__json *schema, const llm__json *v);

static int validates_object(const llm__json *root, const llm__json *schema, const llm__json *v) {
    const llm__json *properties = llm__json_get(schema, "properties"), *key,
                    *required = llm__json_get(schema, "required");
    const llm__json *more = llm__json_get(schema, "additionalProperties");
    uint32_t i;
    for (i = 0, key = v + 1; i < v->length; i++, key = llm__json_next(key + 1)) {
        const llm__json *own = llm__json_get(properties, key->as.text);
        if (!own && properties && !more) return 0; /* what the documentation says */
        if ((own || more) && !validates(root, own ? own : more, key + 1)) return 0;
    }
    for (i = 0; required && i < required->length; i++)
        if (!llm__json_get(v, llm__json_at(required, i)->as.text)) return 0;
    return 1;
}

static int validates(const llm__json *root, const llm__json *schema, const llm__json *v) {
    const llm__json *type = llm__json_get(schema, "type"), *list = llm__json_get(schema, "enum"), *ref, *any, *items;
    uint32_t i, good;
    if (schema->type == LLM__JSON_TRUE) return 1;
    if (schema->type == LLM__JSON_FALSE) return 0;
    if ((ref = llm__json_get(schema, "$ref")) != NULL)
        if (!validates(root,
                       strcmp(ref->as.text, "#") ? llm__json_get(llm__json_get(root, "$defs"), ref->as.text + 8) : root,
                       v))
            return 0;
    if (type && type->type == LLM__JSON_STRING && !is_type(type->as.text, v)) return 0;
    if (type && type->type == LLM__JSON_ARRAY) {
        for (i = good = 0; i < type->length; i++) good |= (uint32_t)is_type(llm__json_at(type, i)->as.text, v);
        if (!good) return 0;
    }
    for (i = 0, good = !list; list && i < list->length; i++) good |= (uint32_t)llm__json_same(llm__json_at(list, i), v);
    if (!good) return 0;
    if ((any = llm__json_get(schema, "anyOf")) != NULL) {
        for (i = good = 0; i < any->length; i++) good |= (uint32_t)validates(root, llm__json_at(any, i), v);
        if (!good) return 0;
    }
    if (v->type == LLM__JSON_INTEGER || v->type == LLM__JSON_NUMBER)
        return v->as.number >= bound(schema, "minimum", -HUGE_VAL) &&
               v->as.number <= bound(schema, "maximum", HUGE_VAL) &&
               (!llm__json_get(schema, "multipleOf") || fmod(v->as.number, bound(schema, "multipleOf", 1)) == 0);
    if (v->type == LLM__JSON_STRING)
        return length_of(v) >= bound(schema, "minLength", 0) && length_of(v) <= bound(schema, "maxLength", HUGE_VAL);
    if (v->type == LLM__JSON_OBJECT) return validates_object(root, schema, v);
    if (v->type != LLM__JSON_ARRAY) return 1;
    items = llm__json_get(schema, "items");
    for (i = 0; items && i < v->length; i++)
        if (!validates(root, items, llm__json_at(v, i))) return 0;
    return v->length >= bound(schema, "minItems", 0) && v->length <= bound(schema, "maxItems", HUGE_VAL);
}

static const char *const walked[] = {
    "{}",
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":8},"
    "\"age\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":120},\"kind\":{\"enum\":[\"cat\",\"dog\",null]},"
    "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":3},\"minItems\":1,\"maxItems\":3}},"
    "\"required\":[\"age\",\"tags\"]}",
    "{\"$defs\":{\"tree\":{\"type\":\"object\",\"properties\":{\"value\":{\"type\":[\"integer\",\"boolean\"],"
    "\"maximum\":99},"
    "\"children\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/"
    "tree\"},\"maxItems\":2}},\"required\":[\"value\"]}},"
    "\"$ref\":\"#/$defs/tree\"}",
    "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\",\"minimum\":-2.5,\"maximum\":17.25}},"
    "\"required\":[\"x\"],\"additionalProperties\":{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"integer\","
    "\"multipleOf\":6,"
    "\"maximum\":999999,\"minimum\":-999999}]}}",
    "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"enum\":[\"yes\",\"yesterday\",\"no\"]},{\"type\":\"boolean\"}]},"
    "\"minItems\":2,\"maxItems\":5}",
};

/* What random walks give is valid; the same with so little memory that all is forgotten again and again. */
static void walks_validate(const llm_model *model, size_t memory) {
    static walker w;
    size_t i;
    int k, ended = 0, broken = 0, invalid = 0;
    int64_t forgotten = 0;
    w.model = model;
    w.logits = (float *)malloc((size_t)model->vocabulary * sizeof(float));
    w.random = 7;
    for (i = 0; i < sizeof walked / sizeof *walked; i++) {
        llm__arena arena;
        const llm__json *schema = NULL, *value = NULL;
        llm_grammar_desc d;
        llm_error error;
        llm_grammar *g;
        memset(&d, 0, sizeof d);
        memset(&arena, 0, sizeof arena);
        arena.allocator = model->allocator;
        d.schema = walked[i];
        d.model = model;
        d.max_memory_bytes = memory;
        w.grammar = g = open_grammar(&d);
        CHECK(g != NULL);
        CHECK_EQ(llm__json_parse(&arena, "schema", walked[i], strlen(walked[i]), &schema, NULL), LLM_OK);
        for (k = 0; g && schema && k < 10; k++) {
            int end = walk(&w, 100);
            broken += end < 0;
            if (end <= 0) continue;
            ended++;
            if (llm__json_parse(&arena, "text", w.text, w.bytes, &value, &error) || !validates(schema, schema, value)) {
                printf("  not valid: %s of %s\n", w.text, walked[i]);
                invalid++;
            }
            if (!is_whole(g, w.text, w.bytes)) invalid++;
        }
        forgotten += g ? g->machine->age : 0;
        llm__arena_free(&arena);
        llm_grammar_close(g);
    }
    CHECK_EQ(broken, 0);
    CHECK_EQ(invalid, 0);
    CHECK((forgotten > 0) == (memory != 0));
    CHECK(ended > 30);
    free(w.logits);
}

/* The mask has exactly the tokens that can be accepted, wherever a walk comes. */
static void masks_are_exact(const llm_model *model) {
    static walker w;
    size_t i;
    int steps, wrong = 0;
    w.model = model;
    w.logits = (float *)malloc((size_t)model->vocabulary * sizeof(float));
    for (i = 0; i < TEXTS; i += 6) {
        llm_grammar_desc d = desc_of(table + i, model);
        llm_grammar *g = open_grammar(&d);
        llm_guide *guide = NULL;
        int32_t id;
        w.grammar = g;
        w.random = i;
        CHECK_EQ(llm_guide_open(&guide, g, NULL, NULL), LLM_OK);
        for (steps = 0; guide && steps < 8 && !llm_guide_is_done(guide); steps++) {
            if (!mask(&w, guide)) break;
            for (id = 0; id < model->vocabulary; id++) {
                int fits = llm_guide_accept(guide, id, NULL) == LLM_OK;
                if (fits) wrong += llm_guide_rewind(guide, 1, NULL) != LLM_OK;
                wrong += fits != (w.logits[id] == 1);
            }
            id = pick(&w, 0);
            if (llm_guide_accept(guide, id, NULL) || llm_token_is_end(model, id)) break;
        }
        llm_guide_close(guide);
        llm_grammar_close(g);
    }
    CHECK_EQ(wrong, 0);
    free(w.logits);
}

/* A valid text is accepted however it is cut into tokens, and no other than a valid one can end. */
static void any_tokenization(const llm_model *model) {
    static walker w;
    size_t i, k;
    int round, wrong = 0, cuts = 0;
    w.model = model;
    w.random = 3;
    for (i = 0; i < TEXTS; i++) {
        llm_grammar_desc d = desc_of(table + i, model);
        llm_grammar *g = open_grammar(&d);
        w.grammar = g;
        for (k = 0; g && k < MOST_TEXTS && table[i].yes[k]; k++)
            for (round = 0; round < (model->vocabulary < 1000 ? 2 : 1); round++) {
                const char *text = table[i].yes[k], *end = text + strlen(text);
                llm_guide *guide = NULL;
                wrong += llm_guide_open(&guide, g, NULL, NULL) != LLM_OK;
                while (text < end && guide) {
                    int32_t id, chosen = LLM_NO_TOKEN;
                    int n = 0;
                    for (id = 0; id < model->vocabulary; id++) {
                        size_t bytes;
                        const char *token = token_text(&w, id, &bytes);
                        if (!bytes || bytes > (size_t)(end - text) || memcmp(token, text, bytes) ||
                            (g->lexicon->control[id / 32] >> id % 32 & 1))
                            continue;
                        if (!roll(&w, (uint32_t)++n)) chosen = id;
                    }
                    if (chosen < 0 || llm_guide_accept(guide, chosen, NULL)) {
                        printf("  token %ld at \"%s\" of %s\n", (long)chosen, text, table[i].yes[k]);
                        wrong++;
                        break;
                    }
                    text += g->lexicon->starts[chosen + 1] - g->lexicon->starts[chosen];
                    cuts++;
                }
                wrong += !llm_guide_can_end(guide);
                llm_guide_close(guide);
            }
        llm_grammar_close(g);
    }
    CHECK_EQ(wrong, 0);
    CHECK(cuts > 1000);
}

static void guides_go_back_and_end(const llm_model *model) {
    llm_grammar_desc d;
    llm_grammar *g;
    llm_guide *guide = NULL;
    llm_error error;
    float *logits = (float *)calloc((size_t)model->vocabulary, sizeof *logits);
    int32_t ids[40], end = model->ends[0], i;
    size_t count = 0;
    memset(&d, 0, sizeof d);
    d.regex = "ab{1,3}";
    d.model = model;
    g = open_grammar(&d);
    CHECK_EQ(llm_encode(model, "abb", 3, 0, ids, 40, &count, NULL), LLM_OK);
    CHECK_EQ(llm_guide_open(&guide, g, NULL, &error), LLM_OK);
    CHECK_EQ(llm_guide_accept(guide, end, &error), LLM_BAD_ARGUMENT);
    CHECK(!llm_guide_can_end(guide) && !llm_guide_is_done(guide));
    for (i = 0; i < model->vocabulary; i++) { /* the whole text at once, or piece by piece */
        const llm__lexicon *x = g->lexicon;
        size_t n = x->starts[i + 1] - x->starts[i];
        if (n == 1 && x->texts[x->starts[i]] == 'a' && !(x->control[i / 32] >> i % 32 & 1)) ids[0] = i;
        if (n == 1 && x->texts[x->starts[i]] == 'b' && !(x->control[i / 32] >> i % 32 & 1)) ids[1] = i;
    }
    CHECK_EQ(llm_guide_accept(guide, ids[1], &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_guide_accept(guide, ids[0], &error), LLM_OK);
    CHECK_EQ(llm_guide_accept(guide, ids[1], &error), LLM_OK);
    CHECK(llm_guide_can_end(guide) && !llm_guide_is_done(guide));
    CHECK_EQ(llm_guide_accept(guide, ids[1], &error), LLM_OK);
    CHECK_EQ(llm_guide_accept(guide, ids[1], &error), LLM_OK);
    CHECK(llm_guide_can_end(guide) && llm_guide_is_done(guide));
    CHECK_EQ(llm_guide_mask(guide, logits, model->vocabulary, &error), LLM_OK);
    for (i = 0; i < model->vocabulary; i++) CHECK((logits[i] == 0) == llm_token_is_end(model, i));
    CHECK_EQ(llm_guide_rewind(guide, 2, &error), LLM_OK);
    CHECK_EQ(llm_guide_accept(guide, end, &error), LLM_OK);
    CHECK_EQ(llm_guide_mask(guide, logits, model->vocabulary, &error), LLM_END);
    CHECK_EQ(llm_guide_accept(guide, ids[1], &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_guide_rewind(guide, 4, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_guide_rewind(guide, 3, &error), LLM_OK);
    CHECK_EQ(llm_guide_accept(guide, ids[0], &error), LLM_OK);
    /* what other processors have taken away comes back, alike */
    for (i = 0; i < model->vocabulary; i++) logits[i] = -HUGE_VALF;
    CHECK_EQ(llm_guide_mask(guide, logits, model->vocabulary, &error), LLM_OK);
    CHECK(logits[ids[1]] == 0 && logits[ids[0]] == -HUGE_VALF);
    for (i = 0; i < model->vocabulary; i++) logits[i] = NAN;
    CHECK_EQ(llm_guide_mask(guide, logits, model->vocabulary, &error), LLM_OK);
    CHECK(logits[ids[1]] == 0 && logits[ids[0]] == -HUGE_VALF);
    CHECK_EQ(llm_guide_mask(guide, logits, model->vocabulary - 1, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_guide_accept(guide, model->vocabulary, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_guide_accept(NULL, 0, &error), LLM_BAD_ARGUMENT);
    llm_guide_close(guide);
    llm_guide_close(NULL);
    llm_grammar_close(g);
    llm_grammar_close(NULL);
    free(logits);
}

/* Free up to the trigger, whose last token may not go on wrongly. */
static void triggers(const llm_model *model) {
    llm_grammar_desc d;
    llm_grammar *g;
    size_t fits;
    int whole;
    memset(&d, 0, sizeof d);
    d.schema = "{\"type\":\"array\",\"items\":{\"const\":1}}";
    d.trigger = "aabaaab";
    d.model = model;
    g = open_grammar(&d);
    CHECK(is_whole(g, "[2] aab aabaabaaab[1]", 21));
    CHECK(is_whole(g, "aabaaab\n\n[1, 1]", 15));
    CHECK(!is_whole(g, "aabaab [1]", 10));
    CHECK_EQ(llm_grammar_match(g, "\xFF\x80 aabaaab[2", 12, &fits, &whole, NULL), LLM_OK);
    CHECK_EQ(fits, 11);
    if (model) {
        static walker w;
        llm_guide *guide = NULL;
        int32_t ids[40], i;
        size_t count, k;
        int refused = 0, allowed = 0;
        w.model = model;
        w.grammar = g;
        w.logits = (float *)malloc((size_t)model->vocabulary * sizeof(float));
        CHECK_EQ(llm_guide_open(&guide, g, NULL, NULL), LLM_OK);
        CHECK(mask(&w, guide));
        for (i = 0; i < model->vocabulary; i++) allowed += w.logits[i] == 1;
        CHECK_EQ(allowed, model->vocabulary); /* the end, special tokens and half characters among them */
        CHECK_EQ(llm_encode(model, "aabaaab", 7, 0, ids, 40, &count, NULL), LLM_OK);
        for (k = 0; k < count; k++) CHECK_EQ(llm_guide_accept(guide, ids[k], NULL), LLM_OK);
        CHECK(mask(&w, guide));
        for (i = 0; i < model->vocabulary; i++) refused += w.logits[i] != 1;
        CHECK(refused > model->vocabulary / 2);
        CHECK(!llm_guide_can_end(guide));
        llm_guide_close(guide);
        free(w.logits);
    }
    llm_grammar_close(g);
}

/* ---- generations */

static void generations_keep_to_it(const llm_model *model) {
    llm_generation_desc gd = prompt_desc("Once upon a time", 80);
    static told plain, drafted;
    size_t i;
    for (i = 0; i < 6; i++) {
        llm_grammar_desc d;
        llm_grammar *g;
        memset(&d, 0, sizeof d);
        d.schema = walked[1 + i % 4];
        d.model = model;
        d.compact = (int)(i & 1);
        gd.grammar = g = open_grammar(&d);
        gd.sampling.temperature = i < 2 ? 0 : 0.9f;
        gd.sampling.seed = i;
        gd.lookup.count = 0;
        tell(model, &gd, &plain);
        CHECK_EQ(plain.status, LLM_END);
        if (plain.finish == LLM_FINISH_STOP) CHECK(is_whole(g, plain.text, plain.bytes));
        gd.lookup.count = 4;
        tell(model, &gd, &drafted);
        CHECK(same_told(&plain, &drafted));
        gd.lookup.count = 0;
        gd.draft_model = model;
        tell(model, &gd, &drafted);
        CHECK(same_told(&plain, &drafted));
        gd.draft_model = NULL;
        llm_grammar_close(g);
    }
}

/* A generation's memory holds where it is in its grammar: the mask, and two numbers for each token. */
static void guides_are_counted(const llm_model *model) {
    size_t bytes[2], i;
    llm_grammar_desc d;
    llm_grammar *g;
    memset(&d, 0, sizeof d);
    d.regex = "[a-z ]*";
    d.model = model;
    g = open_grammar(&d);
    for (i = 0; i < 2; i++) {
        llm_generation_desc gd = prompt_desc("Once", 40);
        llm_generation *generation = NULL;
        llm_piece piece;
        gd.grammar = i ? g : NULL;
        CHECK(llm_generation_open(&generation, model, &gd, NULL) == LLM_OK);
        while (llm_generation_next(generation, &piece, NULL) == LLM_OK) continue;
        bytes[i] = llm_generation_get_stats(generation).memory_bytes;
        if (i) CHECK(llm__guide_bytes(generation->row.guide) >= (size_t)model->vocabulary / 8);
        if (i) CHECK(bytes[1] > bytes[0]);
        llm_generation_close(generation);
    }
    llm_grammar_close(g);
}

static void only_e(void *user, const int32_t *tokens, size_t count, float *logits, int vocabulary) {
    int i;
    (void)tokens;
    (void)count;
    for (i = 0; i < vocabulary; i++)
        if (i != *(const int32_t *)user) logits[i] = -HUGE_VALF;
}

static void the_grammar_has_the_last_word(const llm_model *model) {
    llm_generation_desc gd = prompt_desc("Once", 20);
    llm_grammar_desc d;
    llm_grammar *g;
    llm_model *other = stories_open();
    llm_generation *generation = NULL;
    llm_error error;
    static told t;
    int32_t id = 100;
    memset(&d, 0, sizeof d);
    d.regex = "[0-9]{5}";
    d.model = model;
    gd.grammar = g = open_grammar(&d);
    gd.penalties.process = only_e;
    gd.penalties.process_user = &id;
    tell(model, &gd, &t);
    CHECK_EQ(t.status, LLM_END);
    CHECK_EQ(t.finish, LLM_FINISH_STOP);
    CHECK(is_whole(g, t.text, t.bytes));
    gd.sampling.temperature = 2;
    gd.ignore_end = 1;
    tell(model, &gd, &t);
    CHECK(t.finish == LLM_FINISH_STOP && is_whole(g, t.text, t.bytes));
    CHECK_EQ(llm_generation_open(&generation, other, &gd, &error), LLM_BAD_ARGUMENT);
    CHECK(strstr(error.message, "grammar") != NULL);
    llm_grammar_close(g);
    llm_model_close(other);
}

/* ---- threads */

typedef struct worker {
    const llm_grammar *grammar;
    const llm_model *model;
    uint64_t seed, sum;
    pthread_t thread;
} worker;

static void *work(void *argument) {
    worker *k = (worker *)argument;
    walker *w = (walker *)calloc(1, sizeof *w);
    int i;
    size_t n;
    w->model = k->model;
    w->grammar = k->grammar;
    w->logits = (float *)malloc((size_t)k->model->vocabulary * sizeof(float));
    w->random = k->seed;
    for (i = 0, k->sum = 0; i < 10; i++) {
        walk(w, 60);
        for (n = 0; n < w->bytes; n++) k->sum = k->sum * 31 + (uint8_t)w->text[n];
    }
    free(w->logits);
    free(w);
    return NULL;
}

static void threads_share_a_grammar(const llm_model *model) {
    enum { WORKERS = 4 };
    worker alone[WORKERS], together[WORKERS];
    llm_grammar_desc d;
    llm_grammar *g;
    int i;
    memset(&d, 0, sizeof d);
    d.schema = walked[1];
    d.model = model;
    for (i = 0; i < WORKERS; i++) {
        alone[i].grammar = g = open_grammar(&d);
        alone[i].model = model;
        alone[i].seed = (uint64_t)i;
        work(alone + i);
        llm_grammar_close(g);
    }
    d.max_memory_bytes = 300000; /* so that one forgets what another uses */
    g = open_grammar(&d);
    for (i = 0; i < WORKERS; i++) {
        together[i] = alone[i];
        together[i].grammar = g;
        pthread_create(&together[i].thread, NULL, work, together + i);
    }
    for (i = 0; i < WORKERS; i++) {
        pthread_join(together[i].thread, NULL);
        CHECK(together[i].sum == alone[i].sum);
    }
    llm_grammar_close(g);
}

/* ---- bad input */

typedef struct bad {
    int kind;
    const char *source;
    llm_status status;
    const char *says;
} bad;

static const bad refused[] = {
    {SCHEMA, "", LLM_BAD_FORMAT, "line 1"},
    {SCHEMA, "{\"type\":", LLM_BAD_FORMAT, "schema: line 1 column 9"},
    {SCHEMA, "[]", LLM_BAD_FORMAT, "schema: #: expected a schema"},
    {SCHEMA, "{\"type\":\"strin\"}", LLM_BAD_FORMAT, "#/type"},
    {SCHEMA, "{\"type\":[\"string\",5]}", LLM_BAD_FORMAT, "#/type/1"},
    {SCHEMA, "{\"properties\":{\"a\":{\"items\":{\"frob\":1}}}}", LLM_UNSUPPORTED,
     "#/properties/a/items/frob: keyword \"frob\""},
    {SCHEMA, "{\"not\":{}}", LLM_UNSUPPORTED, "\"not\""},
    {SCHEMA, "{\"uniqueItems\":true}", LLM_UNSUPPORTED, "uniqueItems"},
    {SCHEMA, "{\"type\":\"string\",\"format\":\"zip\"}", LLM_UNSUPPORTED, "\"zip\""},
    {SCHEMA, "{\"minLength\":-1}", LLM_BAD_FORMAT, "#/minLength"},
    {SCHEMA, "{\"minItems\":\"1\"}", LLM_BAD_FORMAT, "#/minItems"},
    {SCHEMA, "{\"required\":[1]}", LLM_BAD_FORMAT, "#/required"},
    {SCHEMA, "{\"anyOf\":[]}", LLM_BAD_FORMAT, "#/anyOf"},
    {SCHEMA, "{\"properties\":{\"a\":3}}", LLM_BAD_FORMAT, "#/properties"},
    {SCHEMA, "{\"$ref\":\"#/nowhere\"}", LLM_BAD_FORMAT, "#/nowhere"},
    {SCHEMA, "{\"$ref\":\"http://a.b/c\"}", LLM_UNSUPPORTED, "http://a.b/c"},
    {SCHEMA, "{\"type\":\"number\",\"multipleOf\":0.01}", LLM_UNSUPPORTED, "multipleOf"},
    {SCHEMA, "{\"pattern\":\"(\"}", LLM_BAD_FORMAT, "#/pattern"},
    {SCHEMA, "{\"pattern\":\"(?=a)b\"}", LLM_BAD_FORMAT, "looks around"},
    {SCHEMA, "{\"enum\":[[1]],\"minItems\":1}", LLM_UNSUPPORTED, "minItems"},
    {SCHEMA, "{\"enum\":[\"ab\"],\"minLength\":3}", LLM_BAD_FORMAT, "no text"},
    {SCHEMA, "false", LLM_BAD_FORMAT, "no text satisfies it"},
    {SCHEMA, "{\"type\":\"integer\",\"minimum\":5,\"maximum\":4}", LLM_BAD_FORMAT, "no text"},
    {SCHEMA, "{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[]}},\"required\":[\"a\"]}", LLM_BAD_FORMAT,
     "no text"},
    {SCHEMA, "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}", LLM_BAD_FORMAT,
     "no text"},
    {SCHEMA, "{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}", LLM_BAD_FORMAT, "no text"},
    {SCHEMA, "{\"type\":\"string\",\"pattern\":\"^a$\",\"minLength\":2}", LLM_BAD_FORMAT, "no text"},
    {SCHEMA, "{\"type\":\"array\",\"minItems\":3,\"maxItems\":2}", LLM_BAD_FORMAT, "no text"},
    {SCHEMA, "{\"type\":\"string\",\"maxLength\":100000000}", LLM_TOO_LARGE, "states"},
    {SCHEMA, "{\"type\":\"array\",\"minItems\":900000000000}", LLM_TOO_LARGE, "schema"},
    {SCHEMA, "{\"allOf\":[{\"$ref\":\"#\"}],\"$ref\":\"#\",\"enum\":[]}", LLM_BAD_FORMAT, "no text"},
    {REGEX, "a{2", LLM_OK, ""}, /* a brace that repeats nothing is a brace */
    {REGEX, "*a", LLM_BAD_FORMAT, "repeats nothing"},
    {REGEX, "[a", LLM_BAD_FORMAT, "bracket"},
    {REGEX, "a)", LLM_BAD_FORMAT, "parenthesis"},
    {REGEX, "a\\b", LLM_BAD_FORMAT, "edge of a word"},
    {REGEX, "(a)\\1", LLM_BAD_FORMAT, "escape"},
    {REGEX, "a*+", LLM_BAD_FORMAT, "possessive"},
    {REGEX, "[z-a]", LLM_BAD_FORMAT, "backwards"},
    {REGEX, "a{5,2}", LLM_BAD_FORMAT, "repetition"},
    {REGEX, "((((a{1000}){1000}){1000}){1000}){1000}", LLM_TOO_LARGE, "regex"},
    {REGEX, "((((){1000}){1000}){1000}){1000}", LLM_TOO_LARGE, "regex"},
    {REGEX, "(a|b)*a(a|b){30}", LLM_TOO_LARGE, "regex"},
    {REGEX, "\xC3(", LLM_BAD_ARGUMENT, "UTF-8"},
    {REGEX, "a^b", LLM_BAD_FORMAT, "no text"},
    {GBNF, "", LLM_BAD_FORMAT, "no rule \"root\""},
    {GBNF, "a ::= \"b\"", LLM_BAD_FORMAT, "no rule \"root\""},
    {GBNF, "root = \"b\"", LLM_BAD_FORMAT, "gbnf:1:1"},
    {GBNF, "root ::= \"b\n", LLM_BAD_FORMAT, "gbnf:1:12"},
    {GBNF, "root ::= \"b\"\n  | (\"c\"\n", LLM_BAD_FORMAT, "gbnf:3:1"},
    {GBNF, "root ::= [a", LLM_BAD_FORMAT, "gbnf:1:12"},
    {GBNF, "root ::= \"\\q\"", LLM_BAD_FORMAT, "escape"},
    {GBNF, "root ::= \"\\u12\"", LLM_BAD_FORMAT, "hexadecimal"},
    {GBNF, "root ::= a\n\nb ::= a", LLM_BAD_FORMAT, "gbnf:1:10: rule \"a\" is not defined"},
    {GBNF, "root ::= \"a\"\nroot ::= \"b\"", LLM_BAD_FORMAT, "gbnf:2:1"},
    {GBNF, "root ::= root \"a\" | \"b\"", LLM_UNSUPPORTED, "left recursion"},
    {GBNF, "root ::= a \"x\"\na ::= \"\"* b\nb ::= a? \"c\"", LLM_UNSUPPORTED, "left recursion"},
    {GBNF, "root ::= \"a\" root", LLM_BAD_FORMAT, "no text"},
    {GBNF, "root ::= )", LLM_BAD_FORMAT, "gbnf:1:10"},
    {GBNF, "root ::= \"a\"{1,2000000000}", LLM_BAD_FORMAT, "gbnf:1:13"},
    {GBNF, "root ::= \"a\"{1,2000}", LLM_BAD_FORMAT, "repetition"},
};

static void bad_sources_are_refused(void) {
    size_t i;
    for (i = 0; i < sizeof refused / sizeof *refused; i++) {
        texts t;
        llm_grammar_desc d;
        llm_grammar *g = NULL;
        llm_error error;
        llm_status status;
        memset(&t, 0, sizeof t);
        t.kind = refused[i].kind;
        t.source = refused[i].source;
        d = desc_of(&t, NULL);
        error.message[0] = 0;
        status = llm_grammar_open(&g, &d, &error);
        if (!CHECK_EQ(status, refused[i].status) || !strstr(error.message, refused[i].says))
            printf("  %s: \"%s\"\n", refused[i].source, error.message);
        CHECK(strstr(error.message, refused[i].says) != NULL);
        CHECK((g == NULL) == (status != LLM_OK));
        llm_grammar_close(g);
    }
}

/* Whole sentences: where, what, and what was expected. */
static const bad sentences[] = {
    {SCHEMA, "{\"type\":5}", LLM_BAD_FORMAT, "schema: #/type: expected the name of a type"},
    {SCHEMA, "{\"items\":5}", LLM_BAD_FORMAT, "schema: #/items: expected a schema, or a list of schemas"},
    {SCHEMA, "{\"properties\":[]}", LLM_BAD_FORMAT, "schema: #/properties: expected an object of schemas"},
    {SCHEMA, "{\"allOf\":{}}", LLM_BAD_FORMAT, "schema: #/allOf: expected a list of schemas"},
    {SCHEMA, "{\"enum\":5}", LLM_BAD_FORMAT, "schema: #/enum: expected a list"},
    {SCHEMA, "{\"pattern\":5}", LLM_BAD_FORMAT, "schema: #/pattern: expected a string"},
    {SCHEMA, "{\"required\":\"a\"}", LLM_BAD_FORMAT, "schema: #/required: expected a list of strings"},
    {SCHEMA, "{\"minimum\":1e40}", LLM_BAD_FORMAT, "schema: #/minimum: expected a number between -1e30 and 1e30"},
    {SCHEMA, "{\"maximum\":\"5\"}", LLM_BAD_FORMAT, "schema: #/maximum: expected a number between -1e30 and 1e30"},
    {SCHEMA, "{\"minLength\":1.5}", LLM_BAD_FORMAT, "schema: #/minLength: expected a whole number, 0 or more"},
    {SCHEMA, "{\"multipleOf\":0}", LLM_UNSUPPORTED, "schema: #/multipleOf: expected a whole number from 1 to 100000"},
    {SCHEMA, "{\"multipleOf\":100001}", LLM_UNSUPPORTED,
     "schema: #/multipleOf: expected a whole number from 1 to 100000"},
    {SCHEMA, "{\"const\":[1],\"minItems\":1}", LLM_UNSUPPORTED,
     "schema: #/minItems: keyword \"minItems\" is not supported beside enum or const"},
    {SCHEMA, "{\"type\":\"strin\"}", LLM_BAD_FORMAT, "schema: #/type: expected the name of a type"},
    {SCHEMA, "{\"format\":\"zip\"}", LLM_UNSUPPORTED, "schema: #/format: format \"zip\" is not supported"},
    {SCHEMA, "{\"$ref\":\"#/$defs/a\"}", LLM_BAD_FORMAT, "schema: #/$ref: \"#/$defs/a\" leads to no schema"},
    {SCHEMA, "{\"properties\":{\"a b\":{\"not\":{}}}}", LLM_UNSUPPORTED,
     "schema: #/properties/a b/not: keyword \"not\" is not supported"},
    {SCHEMA, "{\"patternProperties\":{\"(\":{}}}", LLM_BAD_FORMAT,
     "schema: #/patternProperties/(: the pattern has a group without its closing parenthesis"},
    {SCHEMA, "false", LLM_BAD_FORMAT, "schema: no text satisfies it"},
    {REGEX, "(a", LLM_BAD_FORMAT, "regex: it has a group without its closing parenthesis"},
    {REGEX, "a)", LLM_BAD_FORMAT, "regex: it has a parenthesis too many"},
    {REGEX, "a++", LLM_BAD_FORMAT, "regex: it has a possessive repetition, which is not supported"},
    {REGEX, "a^b", LLM_BAD_FORMAT, "regex: no text satisfies it"},
    {GBNF, "root ::= x\nx := \"a\"", LLM_BAD_FORMAT,
     "gbnf:2:3: the grammar needs a name, a text in quotes, a class, '.' or '('"},
    {GBNF, "root ::= \"a\" ]", LLM_BAD_FORMAT,
     "gbnf:1:14: the grammar needs a name, a text in quotes, a class, '.' or '('"},
    {GBNF, "root ::= \"\\U00110000\"", LLM_BAD_FORMAT, "gbnf:1:21: the grammar has a character above 10FFFF"},
    {GBNF, "root ::= [z-a]", LLM_BAD_FORMAT, "gbnf:1:14: the grammar has a range that runs backwards"},
    {GBNF, "root ::= [a\n]", LLM_BAD_FORMAT,
     "gbnf:1:12: the grammar has a text or class that goes over the end of a line"},
    {GBNF, "root ::= (\"a\"", LLM_BAD_FORMAT, "gbnf:1:14: the grammar has a group without its closing parenthesis"},
    {GBNF, "root ::= \"a\"\nroot ::= \"b\"", LLM_BAD_FORMAT, "gbnf:2:1: rule \"root\" is there twice"},
    {GBNF, "root ::= root \"a\" | \"b\"", LLM_UNSUPPORTED,
     "gbnf: rule \"root\" can begin with itself (left recursion)"},
    {GBNF, "a ::= \"b\"", LLM_BAD_FORMAT, "gbnf: there is no rule \"root\" to begin with"},
};

static void bad_sources_by_their_sentences(void) {
    size_t i;
    for (i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        texts t;
        llm_grammar_desc d;
        llm_grammar *g = NULL;
        llm_error error;
        memset(&t, 0, sizeof t);
        t.kind = sentences[i].kind;
        t.source = sentences[i].source;
        d = desc_of(&t, NULL);
        CHECK_EQ(llm_grammar_open(&g, &d, &error), sentences[i].status);
        CHECK(!g && error.status == sentences[i].status);
        CHECK_STR(error.message, sentences[i].says);
    }
}

/* Texts of one character, many times over: nothing in the compilers may go as deep as they do. */
static void deep_sources_are_refused(void) {
    static const char *const units[] = {"(", "a*", "[", "{\"items\":", "[[", "root::=(", "\"\"*", "a|", "*", "(?:a"};
    enum { BYTES = 200000 };
    char *text = (char *)malloc(BYTES + 1);
    size_t i, n;
    int kind;
    for (i = 0; i < sizeof units / sizeof *units; i++)
        for (kind = 0; kind < 8; kind++) {
            texts t;
            llm_grammar_desc d;
            llm_grammar *g = NULL;
            size_t unit = strlen(units[i]), most = kind & 4 ? BYTES : 8000;
            memset(&t, 0, sizeof t);
            t.kind = kind & 3;
            for (n = 0; n + unit <= most; n += unit) memcpy(text + n, units[i], unit);
            text[n] = 0;
            if (t.kind == GBNF) memcpy(text, "root::=", 7);
            t.source = text;
            d = desc_of(&t, NULL);
            if (llm_grammar_open(&g, &d, NULL) == LLM_OK)
                CHECK(g != NULL);
            else
                CHECK(g == NULL);
            llm_grammar_close(g);
        }
    free(text);
}

static void descriptors_are_checked(const llm_model *model) {
    llm_grammar_desc d;
    llm_grammar *g = NULL;
    llm_guide *guide = NULL;
    llm_error error;
    memset(&d, 0, sizeof d);
    CHECK_EQ(llm_grammar_open(&g, &d, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_grammar_open(&g, NULL, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_grammar_open(NULL, &d, &error), LLM_BAD_ARGUMENT);
    d.regex = "a";
    d.schema = "{}";
    CHECK_EQ(llm_grammar_open(&g, &d, &error), LLM_BAD_ARGUMENT);
    d.schema = NULL;
    d.trigger = "";
    CHECK_EQ(llm_grammar_open(&g, &d, &error), LLM_BAD_ARGUMENT);
    d.trigger = NULL;
    d.max_states = 1;
    CHECK_EQ(llm_grammar_open(&g, &d, &error), LLM_TOO_LARGE);
    d.max_states = 0;
    CHECK_EQ(llm_grammar_open(&g, &d, &error), LLM_OK);
    CHECK_EQ(llm_guide_open(&guide, g, NULL, &error), LLM_BAD_ARGUMENT); /* it has no model */
    llm_grammar_close(g);
    d.model = model;
    d.max_memory_bytes = 10;
    CHECK_EQ(llm_grammar_open(&g, &d, &error), LLM_OK);
    CHECK_EQ(llm_guide_open(&guide, g, NULL, &error), LLM_OK);
    CHECK_EQ(llm_guide_accept(guide, 0, &error), LLM_TOO_LARGE);
    CHECK(strstr(error.message, "10 bytes") != NULL);
    llm_guide_close(guide);
    llm_grammar_close(g);
}

/* Every allocation refused in turn: an error, nothing leaks, and what is there goes on to work. */
static void refused_memory(const llm_model *model) {
    tally memory;
    llm_grammar_desc d;
    llm_error error;
    float *logits = (float *)calloc((size_t)model->vocabulary, sizeof *logits);
    int refuse, done = 0, wrong = 0;
    memset(&d, 0, sizeof d);
    d.schema = walked[1];
    d.model = model;
    for (refuse = 1; !done && refuse < 3000; refuse += refuse < 60 ? 1 : 7) {
        llm_grammar *g = NULL;
        llm_guide *guide = NULL;
        llm_status status;
        d.allocator = tally_start(&memory);
        memory.refuse = refuse;
        status = llm_grammar_open(&g, &d, &error);
        if (status == LLM_OK) status = llm_guide_open(&guide, g, NULL, &error);
        if (status == LLM_OK) status = llm_guide_mask(guide, logits, model->vocabulary, &error);
        if (status == LLM_OUT_OF_MEMORY && guide) /* once more, and it works */
            wrong += llm_guide_mask(guide, logits, model->vocabulary, &error) != LLM_OK;
        done = status == LLM_OK;
        wrong += !done && status != LLM_OUT_OF_MEMORY;
        llm_guide_close(guide);
        llm_grammar_close(g);
        wrong += memory.live != 0;
    }
    CHECK(done);
    CHECK_EQ(wrong, 0);
    free(logits);
}

static void the_vocabulary_can_be_refused_memory(void) {
    tally memory;
    llm_model_desc md = stories_desc();
    llm_model *model = NULL;
    llm_grammar_desc d;
    llm_error error;
    int refuse, done = 0, wrong = 0, base;
    memset(&d, 0, sizeof d);
    d.regex = "a";
    md.allocator = tally_start(&memory);
    CHECK_EQ(llm_model_open(&model, &md, &error), LLM_OK);
    d.model = model;
    for (refuse = 1; !done && refuse < 500; refuse++) {
        llm_grammar *g = NULL;
        base = memory.calls;
        memory.refuse = base + refuse;
        done = llm_grammar_open(&g, &d, &error) == LLM_OK;
        wrong += !done && error.status != LLM_OUT_OF_MEMORY;
        llm_grammar_close(g);
    }
    CHECK(done);
    CHECK_EQ(wrong, 0);
    llm_model_close(model);
    CHECK_EQ(memory.live, 0);
}

int main(void) {
    llm_model *stories, *bundled = NULL;
    llm_model_desc md;
    stories_read();
    stories = stories_open();
    memset(&md, 0, sizeof md);
    md.path = "examples/model";
    CHECK_EQ(llm_model_open(&bundled, &md, NULL), LLM_OK);
    TEST(texts_match);
    TEST(how_far_a_text_fits);
    TEST(numbers_within_bounds);
    TEST(bad_sources_are_refused);
    TEST(bad_sources_by_their_sentences);
    TEST(deep_sources_are_refused);
    descriptors_are_checked(stories);
    guides_go_back_and_end(stories);
    guides_go_back_and_end(bundled);
    masks_are_exact(stories);
    masks_are_exact(bundled);
    any_tokenization(stories);
    any_tokenization(bundled);
    walks_validate(stories, 0);
    walks_validate(bundled, 0);
    walks_validate(stories, 60000);
    triggers(NULL);
    triggers(stories);
    triggers(bundled);
    generations_keep_to_it(stories);
    guides_are_counted(stories);
    the_grammar_has_the_last_word(stories);
    threads_share_a_grammar(stories);
    refused_memory(stories);
    TEST(the_vocabulary_can_be_refused_memory);
    llm_model_close(bundled);
    llm_model_close(stories);
    CHECK(still_works());
    CHECK(still_works());
    stories_free();
    return test_summary("test_grammar");
}
