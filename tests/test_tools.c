/* test_tools - tool calls and thoughts: mlx-lm's readings of every dialect, whole and streamed in every cut; the marks
   of thoughts; bounds; refused allocations; what a checkpoint says

       build/test_tools [FILE...]        other files of tests/golden/make_tools.py
       build/test_tools --save FOLDER    the golden texts as seeds for the fuzzer */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "stories.h"
#include "test.h"

/* ---- what a splitter gave, put together */
typedef struct gathered {
    llm__text content, reasoning, tools; /* tools: each call's text and calls, a line each */
    int begins, ends;
} gathered;

static void put(llm__text *to, const char *text, size_t bytes) {
    to->allocator = llm__allocator_or_default(to->allocator);
    llm__text_add(to, text, bytes);
}

static void put_line(llm__text *to, const char *text) {
    put(to, text ? text : "-", strlen(text ? text : "-"));
    put(to, "\n", 1);
}

static const char *shown(const llm__text *t) { return t->data ? t->data : ""; }

static void put_calls(llm__text *to, const llm_tool_call *calls, size_t count, const llm_error *problem) {
    size_t i;
    if (problem) put_line(to, "error");
    for (i = 0; i < count; i++) {
        put_line(to, calls[i].name);
        put_line(to, calls[i].arguments);
        put_line(to, calls[i].id);
    }
}

static void forget(gathered *g) {
    llm__text_free(&g->content);
    llm__text_free(&g->reasoning);
    llm__text_free(&g->tools);
}

/* All segments there are; *tool_texts: put the calls' texts in place of the calls. */
static llm_status drain(llm_splitter *s, gathered *g, int tool_texts) {
    llm_segment piece;
    llm_status status;
    while ((status = llm_splitter_next(s, &piece, NULL)) == LLM_OK) {
        if (piece.kind == LLM_CONTENT) put(&g->content, piece.text, piece.bytes);
        if (piece.kind == LLM_REASONING) put(&g->reasoning, piece.text, piece.bytes);
        g->begins += piece.kind == LLM_TOOL_BEGIN;
        g->ends += piece.kind == LLM_TOOL_END;
        if (piece.kind != LLM_TOOL_END) continue;
        if (tool_texts) {
            put(&g->tools, piece.text, piece.bytes);
            put(&g->tools, "\n", 1);
        } else {
            put_calls(&g->tools, piece.calls, piece.call_count, piece.problem);
        }
    }
    return status;
}

/* A text through a splitter, in pieces: cut once at `cut`, or everywhere if it is negative. */
static llm_status gather(const llm_splitter_desc *d, const char *text, size_t bytes, int64_t cut, int tool_texts,
                         gathered *g) {
    llm_splitter *s = NULL;
    llm_status status = llm_splitter_open(&s, d, NULL);
    size_t at, n;
    memset(g, 0, sizeof *g);
    for (at = 0; status == LLM_OK && at < bytes; at += n) {
        n = cut < 0 ? 1 : at ? bytes - at : cut ? (size_t)cut : bytes;
        status = llm_splitter_feed(s, text + at, n, NULL);
        if (status == LLM_OK && (status = drain(s, g, tool_texts)) == LLM_END) status = LLM_OK;
    }
    llm_splitter_finish(s, 0);
    if (status == LLM_OK) status = drain(s, g, tool_texts);
    llm_splitter_close(s);
    return status;
}

static int same(const gathered *a, const gathered *b) {
    return !strcmp(shown(&a->content), shown(&b->content)) && !strcmp(shown(&a->reasoning), shown(&b->reasoning)) &&
           !strcmp(shown(&a->tools), shown(&b->tools)) && a->begins == a->ends && a->ends == b->ends;
}

/* Byte by byte it gives the same, and cut in two at every `step`th place, from another one each time. */
static int every_cut(const llm_splitter_desc *d, const char *text, size_t bytes, size_t step, int tool_texts,
                     const gathered *whole) {
    static size_t turn;
    int64_t cut;
    int ok = 1;
    for (cut = -1; cut < (int64_t)bytes && ok; cut += cut < 0 ? 2 + (int64_t)(turn++ % step) : (int64_t)step) {
        gathered g;
        ok = gather(d, text, bytes, cut, tool_texts, &g) == LLM_END && same(&g, whole);
        if (!ok) printf("  cut at %lld: tools [%s] content [%s]\n", (long long)cut, shown(&g.tools), shown(&g.content));
        forget(&g);
    }
    return ok;
}

/* ---- golden files */
static const char *text_of(const llm__json *v) { return llm__json_is(v, LLM__JSON_STRING) ? v->as.text : NULL; }

static void put_expected(llm__text *to, const llm__json *item) {
    const llm__json *calls = llm__json_get(item, "ours") ? llm__json_get(item, "ours") : llm__json_get(item, "calls");
    uint32_t i;
    if (llm__json_get(item, "error")) put_line(to, "error");
    for (i = 0; calls && i < calls->length; i++) {
        const llm__json *call = llm__json_at(calls, i);
        put_line(to, text_of(llm__json_get(call, "name")));
        put_line(to, text_of(llm__json_get(call, "arguments")));
        put_line(to, text_of(llm__json_get(call, "id")));
    }
}

/* A call as a model writes it, with words around it. */
static int streamed(const llm__dialect *dialect, const char *tools, const llm__json *text, const char *expected) {
    llm_splitter_desc d;
    llm__text whole;
    gathered g;
    int ok, ends = *dialect->end != 0;
    if (strstr(text->as.text, dialect->begin) || (ends && strstr(text->as.text, dialect->end))) return 1;
    memset(&d, 0, sizeof d);
    memset(&whole, 0, sizeof whole);
    d.dialect = dialect->name;
    d.tools = tools;
    put(&whole, "A <", 3);
    if (strcmp(d.dialect, "muse_spark") == 0) put(&whole, "to=user<|message|>A <<|eom|>", 28);
    put(&whole, dialect->begin, strlen(dialect->begin));
    put(&whole, text->as.text, text->length);
    put(&whole, dialect->end, strlen(dialect->end));
    if (ends) put(&whole, " B", 2);
    ok = gather(&d, whole.data, whole.length, 0, 0, &g) == LLM_END && !strcmp(shown(&g.tools), expected) &&
         !strcmp(shown(&g.content), ends ? "A < B" : "A <") && g.begins == 1 &&
         every_cut(&d, whole.data, whole.length, 23, 0, &g);
    if (!ok) printf("  streamed: [%s] and [%s]\n", shown(&g.tools), shown(&g.content));
    forget(&g);
    llm__text_free(&whole);
    return ok;
}

static int golden_case(const char *dialect, const char *tools, const llm__json *item) {
    const llm__json *text = llm__json_get(item, "text");
    llm_tool_desc d;
    llm_tool_calls *calls = NULL;
    llm_error error;
    llm__text expected, got;
    llm_status status;
    int ok;
    memset(&d, 0, sizeof d);
    memset(&expected, 0, sizeof expected);
    memset(&got, 0, sizeof got);
    d.dialect = dialect;
    d.tools = tools;
    put_expected(&expected, item);
    status = llm_tool_parse(&calls, &d, text->as.text, text->length, &error);
    put_calls(&got, calls ? calls->calls : NULL, calls ? calls->count : 0, status == LLM_OK ? NULL : &error);
    ok = !strcmp(shown(&got), shown(&expected)) && (status == LLM_OK) == (calls != NULL);
    if (!ok)
        printf("  %s, tools %d: %s\n  expected [%s]\n  got      [%s] %s\n", dialect, tools != NULL, text->as.text,
               shown(&expected), shown(&got), error.message);
    ok = ok && streamed(llm__find_dialect(dialect), tools, text, shown(&expected));
    llm_tool_calls_close(calls);
    llm__text_free(&expected);
    llm__text_free(&got);
    return ok;
}

static int golden_split(const llm__json *item) {
    const llm__json *text = llm__json_get(item, "text"), *think = llm__json_get(item, "think");
    const llm__json *tools = llm__json_get(item, "tools");
    llm_splitter_desc d;
    gathered g;
    llm__text expected;
    uint32_t i;
    int ok;
    memset(&d, 0, sizeof d);
    memset(&expected, 0, sizeof expected);
    d.dialect = text_of(llm__json_get(item, "dialect"));
    d.think_start = text_of(llm__json_at(think, 0));
    d.think_end = text_of(llm__json_at(think, 1));
    d.reasoning = llm__json_is(llm__json_get(item, "open"), LLM__JSON_TRUE);
    for (i = 0; i < tools->length; i++) put_line(&expected, text_of(llm__json_at(tools, i)));
    ok = gather(&d, text->as.text, text->length, 0, 1, &g) == LLM_END &&
         !strcmp(shown(&g.content), text_of(llm__json_get(item, "content"))) &&
         !strcmp(shown(&g.reasoning), text_of(llm__json_get(item, "reasoning"))) &&
         (!strcmp(shown(&g.tools), shown(&expected)) ||
          (expected.length + 1 == g.tools.length &&
           !strncmp(shown(&g.tools), shown(&expected), expected.length))) && /* an empty call at the end is one here */
         every_cut(&d, text->as.text, text->length, 1, 1, &g);
    if (!ok)
        printf("  %s %s: [%s]\n  content [%s] reasoning [%s] tools [%s]\n", d.dialect ? d.dialect : "none",
               d.think_start ? d.think_start : "", text->as.text, shown(&g.content), shown(&g.reasoning),
               shown(&g.tools));
    forget(&g);
    llm__text_free(&expected);
    return ok;
}

static void golden_file(const char *path) {
    llm__arena arena;
    const llm__json *root, *cases, *item, *lists;
    const char *dialect, *tools;
    size_t bytes;
    char *text = (char *)read_file(path, &bytes);
    uint32_t i;
    int failed = 0;
    memset(&arena, 0, sizeof arena);
    arena.allocator = llm__allocator_or_default(arena.allocator);
    CHECK_EQ(llm__json_parse(&arena, path, text, bytes, &root, NULL), LLM_OK);
    dialect = text_of(llm__json_get(root, "dialect"));
    lists = llm__json_get(root, "tools");
    cases = llm__json_get(root, "cases");
    CHECK(cases && cases->length > 10);
    for (i = 0, item = llm__json_first(cases); i < cases->length; i++, item = llm__json_next(item)) {
        int is_split = !strcmp(dialect, "splitter");
        tools = text_of(llm__json_get(item, "tools"));
        if (tools && !is_split) tools = text_of(llm__json_get(lists, tools));
        if (is_split ? !golden_split(item) : !golden_case(dialect, tools, item)) failed++;
    }
    printf("%s: %d of %u cases\n", dialect, (int)cases->length - failed, (unsigned)cases->length);
    test_passed += (int)cases->length - failed;
    test_failed += failed;
    llm__arena_free(&arena);
    free(text);
}

static void golden_dialects(void) {
    const char *name;
    char path[200];
    size_t n;
    for (n = 0; (name = llm_tool_dialect(n)) != NULL; n++) {
        snprintf(path, sizeof path, "tests/golden/tools/%s.json", name);
        golden_file(path);
    }
    CHECK_EQ(n, 14);
}

static void golden_splits(void) { golden_file("tests/golden/tools/splitter.json"); }

/* ---- mlx-lm's tests of its server's text state machine */

/* One splitter's segments as text: c(..) r(..) < t(..) >NAME. */
static const char *segments(llm_splitter *s, const char *text) {
    static char out[1000];
    llm_segment g;
    size_t n = 0, i;
    out[0] = 0;
    if (text) llm_splitter_feed(s, text, strlen(text), NULL);
    while (llm_splitter_next(s, &g, NULL) == LLM_OK) {
        if (g.kind == LLM_TOOL_BEGIN)
            n += (size_t)snprintf(out + n, sizeof out - n, "<");
        else if (g.kind != LLM_TOOL_END)
            n += (size_t)snprintf(out + n, sizeof out - n, "%c(%.*s)",
                                  "crt"[g.kind == LLM_REASONING   ? 1
                                        : g.kind == LLM_TOOL_TEXT ? 2
                                                                  : 0],
                                  (int)g.bytes, g.text);
        else {
            n += (size_t)snprintf(out + n, sizeof out - n, ">%s", g.problem ? "error" : "");
            for (i = 0; i < g.call_count; i++)
                n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", g.calls[i].name, g.calls[i].arguments);
        }
    }
    return out;
}

static llm_splitter *open_splitter(const char *dialect, int think, int reasoning, size_t most) {
    llm_splitter_desc d;
    llm_splitter *s = NULL;
    memset(&d, 0, sizeof d);
    d.dialect = dialect;
    d.think_start = think ? "<think>" : NULL;
    d.think_end = think ? "</think>" : NULL;
    d.reasoning = reasoning;
    d.max_call_bytes = most;
    CHECK_EQ(llm_splitter_open(&s, &d, NULL), LLM_OK);
    return s;
}

static void strips_control_sequences(void) {
    llm_splitter *s = open_splitter("json_tools", 1, 0, 0);
    CHECK_STR(segments(s, "a<think>b</think>c"), "c(a)r(b)c(c)");
    CHECK_STR(segments(s, "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>d"),
              "<t({\"name\": \"f\", \"arguments\": {}})>f{}c(d)");
    llm_splitter_close(s);
}

static void back_to_back_tool_calls(void) {
    llm_splitter *s = open_splitter("json_tools", 0, 0, 0);
    CHECK_STR(segments(s, "<tool_call>{\"name\":\"f\",\"arguments\":{\"a\":1}}</tool_call><tool_call>{\"name\":"),
              "<t({\"name\":\"f\",\"arguments\":{\"a\":1}})>f{\"a\": 1}<t({\"name\":)");
    CHECK_STR(segments(s, "\"g\",\"arguments\":{}}</tool_call>"), "t(\"g\",\"arguments\":{}})>g{}");
    llm_splitter_close(s);
}

static void partial_match_buffered_then_flushed(void) {
    llm_splitter *s = open_splitter(NULL, 1, 1, 0);
    CHECK_STR(segments(s, "a</"), "r(a)");
    CHECK_STR(segments(s, "thin"), "");
    CHECK_STR(segments(s, "g</"), "r(</thing)");
    llm_splitter_finish(s, 0);
    CHECK_STR(segments(s, NULL), "r(</)");
    CHECK(llm_splitter_feed(s, "x", 1, NULL) == LLM_BAD_ARGUMENT);
    llm_splitter_close(s);
}

static void discard_drops_buffer(void) {
    llm_splitter *s = open_splitter(NULL, 1, 0, 0);
    CHECK_STR(segments(s, "a<thi"), "c(a)");
    llm_splitter_finish(s, 1);
    CHECK_STR(segments(s, NULL), "");
    llm_splitter_close(s);
}

static void reasoning_to_tool_transition(void) {
    llm_splitter *s = open_splitter("qwen3_coder", 1, 1, 0);
    CHECK_STR(segments(s, "hm<tool_call>\n<function=f>\n</function>\n</tool_call>ok"),
              "r(hm)<t(\n<function=f>\n</function>\n)>f{}c(ok)");
    llm_splitter_close(s);
}

static void empty_end_marker_stays_in_tool(void) {
    llm_splitter *s = open_splitter("mistral", 0, 0, 0);
    CHECK_STR(segments(s, "x[TOOL_CALLS]f[ARGS]{}"), "c(x)<t(f[ARGS]{})");
    CHECK_STR(segments(s, "[TOOL_CALLS]g[ARGS]{\"a\":[]}"), "t([TOOL_CALLS]g[ARGS]{\"a\":[]})");
    llm_splitter_finish(s, 1);
    CHECK_STR(segments(s, NULL), ">f{}g{\"a\": []}");
    llm_splitter_close(s);
}

/* ---- mistakes and bounds */

static const char *problem(const char *dialect, const char *text, size_t bytes) {
    static llm_error error;
    llm_tool_desc d;
    llm_tool_calls *calls = NULL;
    memset(&d, 0, sizeof d);
    d.dialect = dialect;
    CHECK(llm_tool_parse(&calls, &d, text, bytes, &error) != LLM_OK && !calls);
    return error.message;
}

static void mistakes(void) {
    static const char bad[] = "{\"name\": \"f\",\n \"arguments\": }",
                      typed[] = "<function=f><parameter=n>x</parameter></function>";
    llm_splitter_desc sd;
    llm_splitter *s = NULL;
    llm_tool_desc d;
    llm_tool_calls *calls;
    llm_error error;
    CHECK_STR(problem("json_tools", bad, sizeof bad - 1), "tool call: line 2 column 15: expected a value, found '}'");
    CHECK_STR(problem("gemma4", "hm", 2), "tool call:1:1: no tool call can be read; expected call:NAME{...}");
    CHECK(strstr(problem("nosuch", "", 0), "no tool dialect \"nosuch\"") != NULL);
    CHECK(strstr(problem("json_tools", "\xFF", 1), "UTF-8") != NULL);
    memset(&d, 0, sizeof d);
    d.dialect = "qwen3_coder";
    d.tools = "[{\"function\": {\"name\": \"f\", \"parameters\": {\"properties\": {\"n\": {\"type\": \"int\"}}}}}]";
    CHECK(llm_tool_parse(&calls, &d, typed, sizeof typed - 1, &error) == LLM_BAD_FORMAT);
    CHECK_STR(error.message, "tool call:1:24: the argument \"n\" is \"x\"; expected a whole number");
    d.tools = "{}";
    CHECK(llm_tool_parse(&calls, &d, typed, sizeof typed - 1, &error) == LLM_BAD_ARGUMENT && !calls);
    d.tools = "[";
    CHECK(llm_tool_parse(&calls, &d, typed, sizeof typed - 1, &error) == LLM_BAD_FORMAT && !calls);
    memset(&sd, 0, sizeof sd);
    sd.think_start = "<think>";
    CHECK(llm_splitter_open(&s, &sd, &error) == LLM_BAD_ARGUMENT && !s);
    sd.think_start = NULL;
    sd.reasoning = 1;
    CHECK(llm_splitter_open(&s, &sd, &error) == LLM_BAD_ARGUMENT && !s);
    sd.reasoning = 0;
    sd.dialect = "nosuch";
    CHECK(llm_splitter_open(&s, &sd, &error) == LLM_BAD_ARGUMENT && !s);
    llm_splitter_close(NULL);
    llm_tool_calls_close(NULL);
}

static void too_long(void) {
    llm_splitter *s = open_splitter("json_tools", 0, 0, 10);
    llm_segment g;
    llm_error error;
    CHECK_EQ(llm_splitter_feed(s, "<tool_call>0123456789", 21, NULL), LLM_OK);
    CHECK_EQ(llm_splitter_next(s, &g, NULL), LLM_OK);
    CHECK_EQ(llm_splitter_next(s, &g, NULL), LLM_OK);
    CHECK_EQ(g.bytes, 10);
    CHECK_EQ(llm_splitter_feed(s, "x", 1, NULL), LLM_OK);
    CHECK_EQ(llm_splitter_next(s, &g, &error), LLM_TOO_LARGE);
    CHECK(strstr(error.message, "more than 10 bytes") != NULL);
    llm_splitter_close(s);
}

/* Texts that would cost the square of their length, or the stack, in a careless reader. */
static void long_and_deep(void) {
    static const struct {
        const char *dialect, *head, *part;
    } rows[] = {{"gemma4", "", "call:f{"},
                {"gemma4", "call:f{a:", "["},
                {"pythonic", "[f(a=", "["},
                {"pythonic", "", "[f("},
                {"pythonic", "[f(", "a=\"x\","},
                {"minicpm5", "", "name"},
                {"minicpm5", "", "name="},
                {"minicpm5", "", "<function "},
                {"minicpm5", "\"f\">", "<param name="},
                {"muse_spark", "", "<atem:invoke name=\""},
                {"muse_spark", "<atem:invoke name=\"f\">", "<atem:parameter "},
                {"glm47", "f<arg_key>", "</arg_key>"},
                {"glm47", "f ", "a=1 "},
                {"glm47", "f ", "("},
                {"glm47", "", "<arg_key></arg_key><arg_value>"},
                {"kimi_k2", "", ":0"},
                {"mistral", "", "[ARGS] "},
                {"mistral", "f[ARGS]", "["},
                {"kimi_k3", "", "<|open|>call<|sep|>"},
                {"json_tools", "", "{\"a\":"},
                {"minimax_m2", "", "<invoke name="},
                {"qwen3_coder", "<function=", "<parameter=a>"},
                {"function_gemma", "", "call:f"},
                {"longcat", "", "<longcat_arg_key>"},
                {"kimi_k2", "f:0<|tool_call_argument_begin|>", "-"}};
    size_t i, n, length;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        llm__text text;
        llm_tool_desc d;
        llm_tool_calls *calls = NULL;
        llm_clock clock = llm_system_clock();
        int64_t start = clock.now_us(clock.user);
        memset(&text, 0, sizeof text);
        memset(&d, 0, sizeof d);
        d.dialect = rows[i].dialect;
        put(&text, rows[i].head, strlen(rows[i].head));
        length = strlen(rows[i].part);
        for (n = 0; n < 100000; n += length) put(&text, rows[i].part, length);
        llm_tool_parse(&calls, &d, text.data, text.length, NULL);
        llm_tool_calls_close(calls);
        llm__text_free(&text);
        if (clock.now_us(clock.user) - start > 10000000) printf("  %s %s is slow\n", rows[i].dialect, rows[i].part);
        CHECK(clock.now_us(clock.user) - start < 10000000);
    }
}

static void refused_allocations(void) {
    static const char text[] =
        "x<think>y</think><tool_call>f<arg_key>a</arg_key><arg_value>[1, {\"b\": 2}]</arg_value></tool_call>z";
    llm_splitter_desc d;
    tally memory;
    gathered g;
    int n, calls;
    memset(&d, 0, sizeof d);
    d.dialect = "glm47";
    d.tools = "[{\"function\": {\"name\": \"g\"}}]";
    d.think_start = "<think>";
    d.think_end = "</think>";
    d.allocator = tally_start(&memory);
    CHECK_EQ(gather(&d, text, sizeof text - 1, 9, 0, &g), LLM_END);
    CHECK_STR(shown(&g.tools), "f\n{\"a\": [1, {\"b\": 2}]}\n-\n");
    forget(&g);
    CHECK(!memory.live);
    calls = memory.calls;
    for (n = 1; n <= calls; n++) {
        d.allocator = tally_start(&memory);
        memory.refuse = n;
        CHECK_EQ(gather(&d, text, sizeof text - 1, 9, 0, &g), LLM_OUT_OF_MEMORY);
        forget(&g);
        CHECK(!memory.live);
    }
    printf("%d allocations refused\n", calls);
}

/* ---- which dialect */

static void of_templates(void) {
    static const struct {
        const char *source, *dialect;
    } rows[] = {{"<minimax:tool_call>", "minimax_m2"},
                {"<|tool_call> <tool_call|>", "gemma4"},
                {"<|tool_call>", NULL},
                {"<start_function_call>", "function_gemma"},
                {"<longcat_tool_call>", "longcat"},
                {"<tool_call><arg_key>", "glm47"},
                {"<|tool_list_start|>", "pythonic"},
                {"<|tool_call_start|>", "pythonic"},
                {"'<tool_call>\\n<function='", "qwen3_coder"},
                {"<tool_call>\n<function=", "qwen3_coder"},
                {"<|tool_calls_section_begin|>", "kimi_k2"},
                {"<function name=\"f\"><param name=\"p\">", "minicpm5"},
                {"[TOOL_CALLS]", "mistral"},
                {"<atem:function_calls>", "muse_spark"},
                {"<tool_call>{{ tool_call.name }}", "json_tools"},
                {"<tool_call>", NULL},
                {"", NULL}};
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *found = llm_tool_dialect_of(rows[i].source);
        CHECK(found == rows[i].dialect || (found && rows[i].dialect && !strcmp(found, rows[i].dialect)));
    }
    CHECK(!llm_tool_dialect_of(NULL));
}

/* The stories model with a word of its vocabulary renamed to <think> and one to </think>. */
static void of_a_model(void) {
    static const char config[] = "{\"chat_template\": \"<tool_call>{{ tool_call.name }}\"}";
    static const char named[] =
        "{\"chat_template\": \"<tool_call>{{ tool_call.name }}\", \"tool_parser_type\": \"kimi_k2\"}";
    static const char added[] =
        "\"added_tokens\": [{\"id\": 300, \"content\": \"<think>\"}, {\"id\": 301, \"content\": \"</think>\"}, ";
    llm_memory_file files[FILES];
    llm_model_desc md;
    llm_model_splitter_desc sd;
    llm_model *model;
    llm_splitter *s = NULL;
    llm_error error;
    llm__text tokenizer;
    const char *at, *list;
    memset(&md, 0, sizeof md);
    memset(&sd, 0, sizeof sd);
    memset(&tokenizer, 0, sizeof tokenizer);
    memcpy(files, stories_files, sizeof stories_files);
    md.memory = files;
    md.memory_count = FILES;
    CHECK(llm_model_open(&model, &md, &error) == LLM_OK && !llm_model_get_info(model).tool_dialect &&
          !llm_model_get_info(model).think_start);
    CHECK_EQ(llm_model_splitter(&s, model, NULL, &error), LLM_OK);
    CHECK_STR(segments(s, "<think>x</think>"), "c(<think>x</think>)");
    llm_splitter_close(s);
    llm_model_close(model);
    at = (const char *)files[TOKENIZER].data;
    list = strstr(at, "\"added_tokens\": [");
    if (!list) list = strstr(at, "\"added_tokens\":[");
    CHECK(list != NULL);
    if (!list) return;
    put(&tokenizer, at, (size_t)(list - at));
    put(&tokenizer, added, sizeof added - 1);
    list = strchr(list, '[') + 1;
    put(&tokenizer, list, strlen(list));
    files[TOKENIZER].data = tokenizer.data;
    files[TOKENIZER].bytes = tokenizer.length;
    files[TOKENIZER_CONFIG].data = config;
    files[TOKENIZER_CONFIG].bytes = sizeof config - 1;
    CHECK_STR(llm_model_open(&model, &md, &error) == LLM_OK ? "" : error.message, "");
    CHECK_STR(llm_model_get_info(model).tool_dialect, "json_tools");
    CHECK_STR(llm_model_get_info(model).think_start, "<think>");
    CHECK_STR(llm_model_get_info(model).think_end, "</think>");
    sd.prompt = "<think>a</think> user: b assistant: <think>\n";
    CHECK_EQ(llm_model_splitter(&s, model, &sd, &error), LLM_OK);
    CHECK_STR(segments(s, "x</think>y<tool_call>{\"name\":\"f\",\"arguments\":1}</tool_call>"),
              "r(x)c(y)<t({\"name\":\"f\",\"arguments\":1})>f1");
    llm_splitter_close(s);
    sd.prompt = "<think>a</think>";
    sd.dialect = "";
    CHECK_EQ(llm_model_splitter(&s, model, &sd, &error), LLM_OK);
    CHECK_STR(segments(s, "x<tool_call>"), "c(x<tool_call>)");
    llm_splitter_close(s);
    llm_model_close(model);
    files[TOKENIZER_CONFIG].data = named;
    files[TOKENIZER_CONFIG].bytes = sizeof named - 1;
    CHECK_EQ(llm_model_open(&model, &md, &error), LLM_OK);
    CHECK_STR(llm_model_get_info(model).tool_dialect, "kimi_k2");
    llm_model_close(model);
    llm__text_free(&tokenizer);
}

/* 'h', the dialect's number from 'A', the text. */
static int save_seeds(const char *folder) {
    const char *name;
    size_t n;
    for (n = 0; (name = llm_tool_dialect(n)) != NULL; n++) {
        llm__arena arena;
        const llm__json *root, *cases, *text;
        char path[600];
        uint32_t i;
        size_t bytes;
        char *file;
        snprintf(path, sizeof path, "tests/golden/tools/%s.json", name);
        file = (char *)read_file(path, &bytes);
        memset(&arena, 0, sizeof arena);
        arena.allocator = llm__allocator_or_default(arena.allocator);
        if (llm__json_parse(&arena, path, file, bytes, &root, NULL)) return 1;
        cases = llm__json_get(root, "cases");
        for (i = 0; i < cases->length; i++) {
            char head[2] = {'h', 0};
            head[1] = (char)('A' + (int)n);
            text = llm__json_get(llm__json_at(cases, i), "text");
            snprintf(path, sizeof path, "%s-%u", name, (unsigned)i);
            if (!write_file(folder, path, head, 2, text->as.text, text->length)) return 1;
        }
        llm__arena_free(&arena);
        free(file);
    }
    return 0;
}

int main(int count, char **arguments) {
    int i;
    if (count == 3 && !strcmp(arguments[1], "--save")) return save_seeds(arguments[2]);
    for (i = 1; i < count; i++) golden_file(arguments[i]);
    if (count > 1) return test_summary("test_tools");
    stories_read();
    TEST(golden_dialects);
    TEST(golden_splits);
    TEST(strips_control_sequences);
    TEST(back_to_back_tool_calls);
    TEST(partial_match_buffered_then_flushed);
    TEST(discard_drops_buffer);
    TEST(reasoning_to_tool_transition);
    TEST(empty_end_marker_stays_in_tool);
    TEST(mistakes);
    TEST(too_long);
    TEST(long_and_deep);
    TEST(refused_allocations);
    TEST(of_templates);
    TEST(of_a_model);
    stories_free();
    return test_summary("test_tools");
}
