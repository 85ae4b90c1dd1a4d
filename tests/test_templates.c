/* test_templates - chat templates: statements, expressions, filters, tests and methods one by one; mistakes with line
   and column; bounds; refused allocations; broken sources; what transformers does around a template; a long chat */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "stories.h"
#include "test.h"

static const llm_date now = {2026, 1, 2, 3, 4, 5, 678};

/* Renders a source with variables into a text of `size`: the result, or the error message behind "! ". */
static const char *rendered(const char *source, const char *variables, const llm_template_desc *bounds) {
    static char text[4096];
    llm_template_desc td;
    llm_render_desc rd;
    llm_template *t = NULL;
    llm_rendering *out = NULL;
    llm_error error;
    memset(&td, 0, sizeof td);
    memset(&rd, 0, sizeof rd);
    if (bounds) td = *bounds;
    td.source = source;
    rd.variables = variables;
    rd.now = &now;
    if (llm_template_open(&t, &td, &error) || llm_template_render(&out, t, &rd, &error))
        snprintf(text, sizeof text, "! %s", error.message);
    else
        snprintf(text, sizeof text, "%.*s", (int)out->bytes, out->text);
    llm_rendering_close(out);
    llm_template_close(t);
    return text;
}

static const char sample[] = "{\"s\": \"Hi, You\", \"l\": [3, 1, 2], \"d\": {\"b\": 1, \"a\": [true, null]}}";

#define RENDERS(source, expected) CHECK_STR(rendered(source, sample, NULL), expected)
#define FAILS(source, message) CHECK_STR(rendered(source, NULL, NULL), "! chat_template.jinja:" message)

static void statements(void) {
    RENDERS("{% if l %}a{% elif s %}b{% else %}c{% endif %}", "a");
    RENDERS("{% for x in l if x > 1 %}{{ loop.index }}{{ x }}{% else %}none{% endfor %}", "1322");
    RENDERS("{% for x in l %}{% if loop.first %}{% continue %}{% endif %}{{ x }}{% break %}{% endfor %}", "1");
    RENDERS("{% for x in [[1, [2]]] recursive %}{{ x if x is integer else '(' ~ loop(x) ~ ')' }}{% endfor %}",
            "(1(2))");
    RENDERS("{% set a, b = l[:2] %}{{ a }}{{ b }}{% set c %}x{{ a }}{% endset %}{{ c }}", "31x3");
    RENDERS("{% set n = namespace(i=0) %}{% for x in l %}{% set n.i = n.i + x %}{% endfor %}{{ n.i }}", "6");
    RENDERS("{% macro m(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, k=4) }}",
            "12(3,){'k': 4}");
    RENDERS("{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) m(7) %}{{ y }}{% endcall %}", "<7>");
    RENDERS("{% filter upper | replace('A', 'b') %}a{{ s }}{% endfilter %}", "bHI, YOU");
    RENDERS("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "3");
    RENDERS("{% block t %}x{% endblock %}{{ self.t() }}", "xx");
    RENDERS("{% raw %}{{ x }}{% endraw %}{# no #}!", "{{ x }}!");
    RENDERS("{% autoescape true %}{{ '<' }}{% endautoescape %}{{ '<' }}", "&lt;<");
    RENDERS("  {% if true %}\n  a\n  {%- endif +%}\nb\n", "  a\nb");
}

static void expressions(void) {
    RENDERS("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 70 }} {{ 2 ** -1 }}",
            "-4 2 3.5 1180591620717411303424 0.5");
    RENDERS("{{ (2 ** 70) // 3 }} {{ -(2 ** 70) % 1000 }} {{ 2 ** 64 - 2 ** 64 }}", "393530540239137101141 576 0");
    RENDERS("{{ 0.1 + 0.2 }} {{ 1e16 }} {{ 5e-324 }} {{ 2 ** -44 }}",
            "0.30000000000000004 1e+16 5e-324 5.684341886080802e-14");
    RENDERS("{{ 1 < 2 < 3 }} {{ not 1 in l }} {{ 9 not in l }} {{ 'x' if s else 'y' }}", "True False True x");
    RENDERS("{{ l[::-1] }} {{ s[-3:] }} {{ s[1] }} {{ d['a'][0] }} {{ d.a[1] }} {{ d.zz }}|",
            "[2, 1, 3] You i True None |");
    RENDERS("{{ [1, 'a\\n', none, 2.0, (1,), {'k': undefined}] }}", "[1, 'a\\n', None, 2.0, (1,), {'k': Undefined}]");
    RENDERS("{{ 'a' ~ 1 ~ none }} {{ 'ab' * 2 }} {{ '%05.1f|%-4s|%x' % (2.25, 'a', 255) }}",
            "a1None abab 002.2|a   |ff");
    RENDERS("{{ 'caf\\u00e9 \\U0001F600'|length }} {{ 'a' 'b' }}", "6 ab");
    RENDERS("{{ strftime_now('%Y-%m-%d %H:%M:%S %f %j %-d %a %U %V') }}", "2026-01-02 03:04:05 000678 002 2 Fri 00 01");
}

static void filters(void) {
    RENDERS("{{ l | sort }} {{ l | sum }} {{ l | max }} {{ l | first }} {{ l | last }}", "[1, 2, 3] 6 3 3 2");
    RENDERS("{{ l | map('string') | join('-') }} {{ [{'a': 1}] | map(attribute='a') | list }}", "3-1-2 [1]");
    RENDERS("{{ l | select('odd') | list }} {{ l | reject('gt', 2) | list }}", "[3, 1] [1, 2]");
    RENDERS("{{ d | tojson }} {{ d | tojson(indent=1, sort_keys=true) }}",
            "{\"b\": 1, \"a\": [true, null]} {\n \"a\": [\n  true,\n  null\n ],\n \"b\": 1\n}");
    RENDERS("{{ s | upper }} {{ s | title }} {{ ' x ' | trim }} {{ 'a\nb' | indent(2) }}", "HI, YOU Hi, You x a\n  b");
    RENDERS("{{ 'one two three four' | truncate(9) }} {{ 'a b c d' | wordwrap(3) }}", "one... a b\nc d");
    RENDERS("{{ x | default('d') }} {{ 2.5 | round }} {{ 2.675 | round(2) }} {{ '3.9' | int }}", "d 2.0 2.67 3");
    RENDERS("{{ d | dictsort }} {{ d | items | list }}",
            "[('a', [True, None]), ('b', 1)] [('b', 1), ('a', [True, None])]");
    RENDERS("{{ 1500 | filesizeformat }} {{ 'a b' | urlencode }} {{ '<b>x</b> &amp; y' | striptags }}",
            "1.5 kB a%20b x & y");
    RENDERS("{{ 'stra\xC3\x9F"
            "e' | upper }} {{ '\xCE\x91\xCE\xA3' | lower }}",
            "STRASSE \xCE\xB1\xCF\x82");
}

static void tests_and_methods(void) {
    RENDERS("{{ s is string }} {{ l is sequence }} {{ d is mapping }} {{ x is defined }}", "True True True False");
    RENDERS("{{ 3 is divisibleby 3 }} {{ 1 is sameas true }} {{ 'upper' is filter }}", "True False True");
    RENDERS("{{ s.split(', ') }} {{ s.startswith(('x', 'H')) }} {{ s.find('Y') }} {{ s.replace('i', 'o') }}",
            "['Hi', 'You'] True 4 Ho, You");
    RENDERS("{{ d.get('q', 5) }} {{ d.keys() | list }} {{ d.items() }}",
            "5 ['b', 'a'] dict_items([('b', 1), ('a', [True, None])])");
    RENDERS("{{ '{:>5}|{0.x}'.format }}", "<method>");
    RENDERS("{{ '{:>5}|{:,.2f}|{!r}'.format('a', 1234.5, 'q') }}", "    a|1,234.50|'q'");
    RENDERS("{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(1) }}{{ loop.nextitem }}{% endfor %}",
            "aTrue1bFalse2aFalse");
}

/* Everything that Jinja2's documentation and Python's list for these, so far as the sandbox lets it be called: name, a
   template and what it writes. */
static void everything_listed(void) {
    static const struct {
        const char *name, *source, *expected;
    } rows[] = {
        {"filter abs", "{{ -3 | abs }}", "3"},
        {"filter attr", "{{ d | attr('zz') }}", ""},
        {"filter batch", "{{ l | batch(2, 0) | list }}", "[[3, 1], [2, 0]]"},
        {"filter capitalize", "{{ 'aB' | capitalize }}", "Ab"},
        {"filter center", "{{ 'a' | center(3) }}|", " a |"},
        {"filter count", "{{ l | count }}", "3"},
        {"filter d", "{{ u | d('x') }}", "x"},
        {"filter default", "{{ '' | default('x', true) }}", "x"},
        {"filter dictsort", "{{ d | dictsort | first | first }}", "a"},
        {"filter e", "{{ '<' | e }}", "&lt;"},
        {"filter escape", "{{ '\"' | escape }}", "&#34;"},
        {"filter filesizeformat", "{{ 2048 | filesizeformat(true) }}", "2.0 KiB"},
        {"filter first", "{{ l | first }}", "3"},
        {"filter float", "{{ '1.5x' | float(2) }}", "2"},
        {"filter forceescape", "{{ '<' | safe | forceescape }}", "&lt;"},
        {"filter format", "{{ '%s-%d' | format('a', 2) }}", "a-2"},
        {"filter groupby", "{{ [{'k': 1}, {'k': 1}] | groupby('k') | length }}", "1"},
        {"filter indent", "{{ 'a\nb' | indent(1) }}", "a\n b"},
        {"filter int", "{{ '0x1f' | int(0, 16) }}", "31"},
        {"filter items", "{{ d | items | list | length }}", "2"},
        {"filter join", "{{ l | join(',') }}", "3,1,2"},
        {"filter last", "{{ l | last }}", "2"},
        {"filter length", "{{ 'ab' | length }}", "2"},
        {"filter list", "{{ 'ab' | list }}", "['a', 'b']"},
        {"filter lower", "{{ 'AB' | lower }}", "ab"},
        {"filter map", "{{ ['a'] | map('upper') | list }}", "['A']"},
        {"filter max", "{{ l | max }}", "3"},
        {"filter min", "{{ l | min }}", "1"},
        {"filter pprint", "{{ {'b': 1, 'a': ['x' * 40, 'y' * 40]} | pprint }}",
         "{'a': ['xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',\n       'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'],\n "
         "'b': 1}"},
        {"filter random", "{{ [7] | random }}", "7"},
        {"filter reject", "{{ l | reject('odd') | list }}", "[2]"},
        {"filter rejectattr", "{{ [{'a': 0}] | rejectattr('a') | list }}", "[{'a': 0}]"},
        {"filter replace", "{{ 'aa' | replace('a', 'b', 1) }}", "ba"},
        {"filter reverse", "{{ 'ab' | reverse }}", "ba"},
        {"filter round", "{{ 2.5 | round(0, 'ceil') }}", "3.0"},
        {"filter safe", "{{ '<' | safe }}", "<"},
        {"filter select", "{{ l | select('odd') | list }}", "[3, 1]"},
        {"filter selectattr", "{{ [{'a': 1}] | selectattr('a', 'eq', 1) | list }}", "[{'a': 1}]"},
        {"filter slice", "{{ l | slice(2) | list }}", "[[3, 1], [2]]"},
        {"filter sort", "{{ l | sort(reverse=true) }}", "[3, 2, 1]"},
        {"filter string", "{{ 1 | string + 'a' }}", "1a"},
        {"filter striptags", "{{ '<b>a</b>' | striptags }}", "a"},
        {"filter sum", "{{ l | sum }}", "6"},
        {"filter title", "{{ 'ab cd' | title }}", "Ab Cd"},
        {"filter tojson", "{{ [none, true] | tojson }}", "[null, true]"},
        {"filter trim", "{{ ' a ' | trim }}", "a"},
        {"filter truncate", "{{ 'abcdefghij' | truncate(5, true, '.', 0) }}", "abcd."},
        {"filter unique", "{{ [1, 1, 2] | unique | list }}", "[1, 2]"},
        {"filter upper", "{{ 'a' | upper }}", "A"},
        {"filter urlencode", "{{ {'a': 'b c'} | urlencode }}", "a=b+c"},
        {"filter urlize", "{{ '(www.x.org), me@x.org' | urlize(5, true, '_top') }}",
         "(<a href=\"https://www.x.org\" rel=\"nofollow noopener\" target=\"_top\">www.x...</a>), <a "
         "href=\"mailto:me@x.org\">me@x.org</a>"},
        {"filter wordcount", "{{ 'a b' | wordcount }}", "2"},
        {"filter wordwrap", "{{ 'a b' | wordwrap(1) }}", "a\nb"},
        {"filter xmlattr", "{{ {'a': 1} | xmlattr }}", " a=\"1\""},
        {"test boolean", "{{ true is boolean }}", "True"},
        {"test callable", "{{ range is callable }}", "True"},
        {"test defined", "{{ u is defined }}", "False"},
        {"test divisibleby", "{{ 4 is divisibleby 2 }}", "True"},
        {"test eq", "{{ 1 is eq 1 }}", "True"},
        {"test equalto", "{{ 1 is equalto 2 }}", "False"},
        {"test escaped", "{{ '' | e is escaped }}", "True"},
        {"test even", "{{ 1 is even }}", "False"},
        {"test false", "{{ 0 is false }}", "False"},
        {"test filter", "{{ 'urlize' is filter }}", "True"},
        {"test float", "{{ 1.0 is float }}", "True"},
        {"test ge", "{{ 1 is ge 1 }}", "True"},
        {"test greaterthan", "{{ 2 is greaterthan 1 }}", "True"},
        {"test gt", "{{ 1 is gt 1 }}", "False"},
        {"test in", "{{ 1 is in l }}", "True"},
        {"test integer", "{{ true is integer }}", "False"},
        {"test iterable", "{{ '' is iterable }}", "True"},
        {"test le", "{{ 1 is le 1 }}", "True"},
        {"test lessthan", "{{ 1 is lessthan 1 }}", "False"},
        {"test lower", "{{ 'a' is lower }}", "True"},
        {"test lt", "{{ 1 is lt 2 }}", "True"},
        {"test mapping", "{{ d is mapping }}", "True"},
        {"test ne", "{{ 1 is ne 2 }}", "True"},
        {"test none", "{{ none is none }}", "True"},
        {"test number", "{{ true is number }}", "True"},
        {"test odd", "{{ 1 is odd }}", "True"},
        {"test sameas", "{{ l is sameas l }}", "True"},
        {"test sequence", "{{ l is sequence }}", "True"},
        {"test string", "{{ s is string }}", "True"},
        {"test test", "{{ 'odd' is test }}", "True"},
        {"test true", "{{ 1 is true }}", "False"},
        {"test undefined", "{{ u is undefined }}", "True"},
        {"test upper", "{{ 'A' is upper }}", "True"},
        {"global range", "{{ range(3) | list }}", "[0, 1, 2]"},
        {"global dict", "{{ dict(a=1) }}", "{'a': 1}"},
        {"global cycler", "{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.current }}", "121"},
        {"global joiner", "{% set j = joiner() %}{{ j() }}a{{ j() }}b", "a, b"},
        {"global namespace", "{% set n = namespace(a=1) %}{% set n.a = 2 %}{{ n.a }}", "2"},
        {"str translate", "{{ 'abcd'.translate({97: 'A', 98: none, 99: 67}) }}", "ACd"},
        {"str maketrans", "{{ 'abcd'.translate(''.maketrans('ab', 'xy', 'c')) }}{{ ''.maketrans({'a': 1}) }}",
         "xyd{97: 1}"},
        {"str encode, bytes decode, hex", "{{ 'a\xC3\xA9'.encode().decode() }} {{ 'a\xC3\xA9'.encode().hex() }}",
         "a\xC3\xA9 61c3a9"},
        {"int methods", "{{ (5).bit_length() }}{{ (5).bit_count() }}{{ true.conjugate() }}{{ (3).as_integer_ratio() }}",
         "321(3, 1)"},
        {"float methods",
         "{{ 0.75.as_integer_ratio() }}{{ 5e-324.as_integer_ratio()[0] }}{{ 2.0.is_integer() }}{{ 1.5.conjugate() }}",
         "(3, 4)1True1.5"},
        {"dict methods", "{{ d.copy() == d }}{{ {}.fromkeys('ab', 1) }}{{ d.get('b') }}", "True{'a': 1, 'b': 1}1"},
        {"list methods", "{{ l.count(1) }}{{ l.index(2) }}{{ l.copy() }}{{ (1, 1).count(1) }}", "12[3, 1, 2]2"},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!RENDERS(rows[i].source, rows[i].expected)) printf("  %s\n", rows[i].name);
    for (i = 0; i < LLM__LENGTH(llm__filters); i++) { /* each has a row above, or is another's name */
        char name[40];
        size_t k = 0;
        snprintf(name, sizeof name, "filter %s", llm__filters[i].name);
        while (k < sizeof rows / sizeof *rows && strcmp(rows[k].name, name)) k++;
        CHECK(k < sizeof rows / sizeof *rows);
    }
    RENDERS(
        "{{ 'http://a.com/x_(y) xy.org. http://[::1]/ 1.com mailto:a@b.co a@b &lt;http://q.de&gt;' | urlize }}",
        "<a href=\"http://a.com/x_(y)\" rel=\"noopener\">http://a.com/x_(y)</a> <a href=\"https://xy.org\" "
        "rel=\"noopener\">xy.org</a>. "
        "<a href=\"http://[::1]/\" rel=\"noopener\">http://[::1]/</a> 1.com <a href=\"mailto:a@b.co\">a@b.co</a> a@b "
        "&amp;lt;http://q.de&amp;gt;");
    RENDERS("{{ 'tel:1 x' | urlize(extra_schemes=['tel:']) }}", "<a href=\"tel:1\" rel=\"noopener\">tel:1</a> x");
    FAILS("{{ 'a' | urlize(extra_schemes=['x']) }}", "1:10: 'x' cannot begin an address");
    FAILS("{{ [1] is filter }}", "1:11: list cannot be a key");
    FAILS("{{ lipsum() }}", "1:10: lipsum is random text, which prompts cannot use here");
    FAILS("{% filter length %}x{% endfilter %}", "1:11: what is written is a string, found int");
    FAILS("{{ 2.0 ** 5000 }}", "1:8: the power is too large for a float");
    FAILS("{{ u | attr('x') }}", "1:8: 'u' is undefined");
    RENDERS("{{ u | truncate(3) }}{{ ('x' | safe) | list }}", "['x']");
}

static void mistakes(void) {
    FAILS("a\n {% if x %}\n", "2:10: the template ends within 'if'; expected one of: elif else endif");
    FAILS("{{ 1 +\n* }}", "2:1: expected an expression, found '*'");
    FAILS("x\n{{ 'a' | nosuch }}", "2:10: there is no filter named 'nosuch'");
    FAILS("{{ x.y }}", "1:5: 'x' is undefined");
    FAILS("{% for i in [1] %}\n  {{ raise_exception('no ' ~ i) }}{% endfor %}", "2:21: no 1");
    FAILS("{{ [1].append(2) }}", "1:14: access to the attribute 'append' is not safe");
    FAILS("{{ 1 / 0 }}", "1:6: division by zero");
    FAILS("{% include 'x' %}", "1:4: 'include' needs other templates, and there are none");
    FAILS("{% break %}", "1:4: 'break' outside a loop");
    FAILS("{{ 'a' ? 1 }}", "1:8: unexpected character '?'");
    FAILS("{# open", "1:1: this comment has no end");
}

static void bounded(void) {
    llm_template_desc d;
    memset(&d, 0, sizeof d);
    d.max_steps = 10000;
    CHECK(strstr(rendered("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", NULL, &d),
                 "more than 10000 steps") != NULL);
    CHECK(strstr(rendered("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", NULL, NULL), "deep") != NULL);
    CHECK(strstr(rendered("{{ 'x' * 10 ** 12 }}", NULL, NULL), "more than") != NULL);
    CHECK(strstr(rendered("{{ [0] * 10 ** 12 }}", NULL, NULL), "more than") != NULL);
    CHECK(strstr(rendered("{{ range(100001) }}", NULL, NULL), "more than 100000 numbers") != NULL);
    CHECK(strstr(rendered("{{ 9 ** 99999 }}", NULL, NULL), "digits") != NULL);
    CHECK(strstr(rendered("{{ '%99999999999d' % 1 }}{{ '{:99999999999}'.format(1) }}", NULL, NULL), "more than") !=
          NULL);
    CHECK(strstr(rendered("{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ "
                          "n.x }}",
                          NULL, NULL),
                 "deep") != NULL);
    CHECK(strstr(rendered("{% set n = namespace(g=[1]) %}{% for i in range(9999) %}{% set n.g = n.g | map('abs') %}{% "
                          "endfor %}{{ n.g | list }}",
                          NULL, NULL),
                 "deep") != NULL);
    memset(&d, 0, sizeof d);
    d.max_memory_bytes = 1 << 20;
    CHECK(strstr(rendered("{% set n = namespace(s='x') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor "
                          "%}",
                          NULL, &d),
                 "more than") != NULL);
    d.max_output_bytes = 100;
    CHECK(strstr(rendered("{% for i in range(99) %}ab{% endfor %}", NULL, &d), "more than 100 bytes") != NULL);
    {
        char deep[2000];
        memset(deep, '(', sizeof deep);
        memcpy(deep, "{{ ", 3);
        deep[sizeof deep - 1] = 0;
        CHECK(strstr(rendered(deep, NULL, NULL), "200") != NULL);
    }
}

/* ---- around a template */

static const char chatml[] =
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}{% generation %}{{ m.content | trim }}"
    "{{ eos_token }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}";

static llm_rendering *chat(const char *source, const llm_render_desc *d, llm_error *error) {
    llm_template_desc td;
    llm_template *t = NULL;
    llm_rendering *out = NULL;
    memset(&td, 0, sizeof td);
    td.source = source;
    if (llm_template_open(&t, &td, error) == LLM_OK) llm_template_render(&out, t, d, error);
    llm_template_close(t);
    return out;
}

static void chats(void) {
    static const llm_note eos = {"eos_token", "</s>"};
    llm_render_desc d;
    llm_error error;
    llm_rendering *r;
    memset(&d, 0, sizeof d);
    d.messages = "[{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": \"Yes \"}]";
    d.tokens = &eos;
    d.token_count = 1;
    d.add_generation_prompt = 1;
    r = chat(chatml, &d, &error);
    CHECK(r && !strcmp(r->text, "<|user|>Hi<|assistant|>Yes</s><|assistant|>"));
    CHECK(r && r->generation_count == 1 && !strncmp(r->text + r->generations[0].from, "Yes</s><", 8) &&
          r->generations[0].to - r->generations[0].from == 7);
    llm_rendering_close(r);
    d.add_generation_prompt = 0;
    d.continue_final_message = 1;
    r = chat(chatml, &d, &error); /* the template strips the message: so is the end */
    CHECK(r && !strcmp(r->text, "<|user|>Hi<|assistant|>Yes"));
    llm_rendering_close(r);
    r = chat("{% for m in messages %}{{ m.content }};{% endfor %}", &d, &error);
    CHECK(r && !strcmp(r->text, "Hi;Yes "));
    llm_rendering_close(r);
    r = chat("{{ messages[0].content }}{# content #}", &d, &error);
    CHECK(!r && error.status == LLM_BAD_ARGUMENT);
    d.continue_final_message = 0;
    d.messages = "[{\"role\": \"assistant\", \"reasoning\": \"hm\", \"content\": \"x\"}]";
    r = chat("{{ messages[0] | tojson }}", &d, &error);
    CHECK(r &&
          !strcmp(r->text, "{\"thinking\": \"hm\", \"role\": \"assistant\", \"reasoning\": \"hm\", \"content\": \"x\", "
                           "\"reasoning_content\": \"hm\"}"));
    llm_rendering_close(r);
    d.messages = "[1]";
    CHECK(!chat(chatml, &d, &error) && strstr(error.message, "a list of objects"));
    d.messages = "[{]";
    CHECK(!chat(chatml, &d, &error) && strstr(error.message, "messages: line 1"));
}

static void numbers_from_json(void) {
    CHECK_STR(rendered("{{ a }} {{ b }} {{ c + 1 }} {{ e }} {{ f }}",
                       "{\"x\\\"1\": [-1.50], \"a\": 12345678901234567, \"b\": 1e22, \"c\": 12345678901234567890, "
                       "\"e\": -0.1, \"f\": [1, 2.0, NaN]}",
                       NULL),
              "12345678901234567 1e+22 12345678901234567891 -0.1 [1, 2.0, nan]");
}

static void families(void) {
    llm_template_desc td;
    llm_render_desc d;
    llm_template *t;
    llm_rendering *r;
    llm_error error;
    size_t n;
    memset(&d, 0, sizeof d);
    d.messages = "[{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": \"U\"}]";
    d.add_generation_prompt = 1;
    memset(&td, 0, sizeof td);
    for (n = 0; (td.family = llm_template_family(n)) != NULL; n++) {
        r = NULL;
        CHECK(llm_template_open(&t, &td, &error) == LLM_OK && llm_template_render(&r, t, &d, &error) == LLM_OK);
        CHECK(r && strstr(r->text, "S") && strstr(r->text, "U"));
        if (r && !strcmp(td.family, "chatml"))
            CHECK_STR(r->text,
                      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n");
        llm_rendering_close(r);
        llm_template_close(t);
    }
    CHECK(n >= 8);
    td.family = "nosuch";
    CHECK(llm_template_open(&t, &td, &error) == LLM_BAD_ARGUMENT && !t);
}

/* ---- hostility */

static const char *golden_template(const char *name) {
    static llm__arena arena;
    const llm__json *root;
    llm_error error;
    size_t bytes;
    char path[200];
    char *text;
    snprintf(path, sizeof path, "tests/golden/templates/%s.json", name);
    text = (char *)read_file(path, &bytes);
    arena.allocator = llm__allocator_or_default(arena.allocator);
    if (llm__json_parse(&arena, name, text, bytes, &root, &error)) return "";
    free(text);
    return llm__json_get(root, "template")->as.text;
}

static const char tools[] = "[{\"type\": \"function\", \"function\": {\"name\": \"f\", \"description\": \"d\", "
                            "\"parameters\": "
                            "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\", \"enum\": "
                            "[\"x\"]}}, \"required\": [\"a\"]}}}]";
static const char messages[] = "[{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": \"U\"}, "
                               "{\"role\": \"assistant\", \"content\": \"<think>t</think>A\"}, {\"role\": \"user\", "
                               "\"content\": \"V\"}]";

static llm_status try_render(const char *source, size_t bytes, llm_allocator a) {
    llm_template_desc td;
    llm_render_desc d;
    llm_template *t = NULL;
    llm_rendering *r = NULL;
    llm_status status;
    memset(&td, 0, sizeof td);
    memset(&d, 0, sizeof d);
    td.source = source;
    td.source_bytes = bytes;
    td.allocator = a;
    td.max_steps = 100000;
    d.messages = messages;
    d.tools = tools;
    d.now = &now;
    d.add_generation_prompt = 1;
    status = llm_template_open(&t, &td, NULL);
    if (status == LLM_OK) status = llm_template_render(&r, t, &d, NULL);
    llm_rendering_close(r);
    llm_template_close(t);
    return status;
}

static void refused_allocations(void) {
    static const char *const names[] = {"xml-tools", "typescript", "thinking", "generation"};
    size_t i;
    for (i = 0; i < 4; i++) {
        const char *source = golden_template(names[i]);
        tally memory;
        llm_allocator a = tally_start(&memory);
        int n, calls;
        CHECK(try_render(source, 0, a) == LLM_OK && !memory.live);
        calls = memory.calls;
        for (n = 1; n <= calls; n++) {
            a = tally_start(&memory);
            memory.refuse = n;
            CHECK(try_render(source, 0, a) == LLM_OUT_OF_MEMORY && !memory.live);
        }
    }
}

/* Cut at every byte, and with every byte changed: it works or fails, and gives all memory back. */
static void broken_sources(void) {
    static const char *const names[] = {"xml-tools", "thinking", "recursive_schema"};
    static const char odd[] = "{}%#'\"(|-\n";
    size_t i, n;
    int all_back = 1;
    for (i = 0; i < 3; i++) {
        const char *source = golden_template(names[i]);
        size_t bytes = strlen(source);
        char *copy = (char *)malloc(bytes + 1);
        for (n = 1; n < bytes; n++) {
            tally memory;
            llm_allocator a = tally_start(&memory);
            try_render(source, n, a);
            memcpy(copy, source, bytes + 1);
            copy[n] = odd[n % (sizeof odd - 1)];
            try_render(copy, bytes, a);
            all_back = all_back && !memory.live;
        }
        free(copy);
    }
    CHECK(all_back);
}

/* ---- checkpoints */

/* What one of a model's templates writes, or "!" */
static const char *written(const llm_model *model, const char *name, const llm_render_desc *d) {
    static char text[100];
    llm_model_template_desc which;
    llm_rendering *r;
    memset(&which, 0, sizeof which);
    which.name = name;
    snprintf(text, sizeof text, "%s", llm_model_render(&r, model, &which, d, NULL) == LLM_OK ? r->text : "!");
    llm_rendering_close(r);
    return text;
}

/* Files of their own, and chat_template.json as a text, a list and an object. */
static void named_templates(llm_memory_file *files, llm_model_desc *md, llm_render_desc *d) {
    static const char *const jsons[] = {
        "{\"chat_template\": \"J\"}",
        "{\"chat_template\": [{\"name\": \"default\", \"template\": \"J\"}, {\"name\": \"rag\", \"template\": \"R\"}]}",
        "{\"chat_template\": {\"default\": \"J\", \"rag\": \"R\"}}"};
    llm_memory_file more[FILES + 2];
    llm_model *model;
    llm_error error;
    size_t i;
    memcpy(more, files, FILES * sizeof *more);
    more[TOKENIZER_CONFIG].data = "{\"chat_template\": null}";
    more[TOKENIZER_CONFIG].bytes = 23;
    more[FILES].name = "chat_template.json";
    more[FILES + 1].name = "additional_chat_templates/tool_use.jinja";
    more[FILES + 1].data = "U{{ tools | length }}";
    more[FILES + 1].bytes = 21;
    md->memory = more;
    md->memory_count = FILES + 2;
    for (i = 0; i < 3; i++) {
        more[FILES].data = jsons[i];
        more[FILES].bytes = strlen(jsons[i]);
        CHECK_STR(llm_model_open(&model, md, &error) == LLM_OK ? "" : error.message, "");
        d->tools = NULL;
        CHECK_STR(written(model, NULL, d), "J");
        CHECK_STR(written(model, "default", d), "J");
        CHECK_STR(written(model, "rag", d), i ? "R" : "!");
        CHECK_STR(written(model, "../chat_template", d), "!");
        d->tools = "[1, 2]";
        CHECK_STR(written(model, NULL, d), "U2");
        CHECK_STR(written(model, "tool_use", d), "U2");
        llm_model_close(model);
    }
}

/* enable_thinking as mlx-lm sets it: whether the vocabulary has marks of thinking, unless something else is said. */
static void thinking_is_set(llm_memory_file *files, llm_model_desc *md) {
    static const char source[] = "{{ enable_thinking is defined }} {{ enable_thinking }}";
    static const char marks[] = "{\"added_tokens_decoder\":{\"600\":{\"content\":\"<think>\",\"special\":true},"
                                "\"601\":{\"content\":\"</think>\",\"special\":true}}}";
    const char *configs[2] = {"{}", marks};
    llm_memory_file more[FILES + 1];
    llm_template_desc td;
    llm_template *t = NULL;
    llm_render_desc d;
    llm_rendering *r;
    llm_model *model;
    int i;
    memcpy(more, files, FILES * sizeof *more);
    more[FILES].name = "chat_template.jinja";
    more[FILES].data = source;
    more[FILES].bytes = sizeof source - 1;
    md->memory = more;
    md->memory_count = FILES + 1;
    for (i = 0; i < 2; i++) {
        more[TOKENIZER_CONFIG].data = configs[i];
        more[TOKENIZER_CONFIG].bytes = strlen(configs[i]);
        memset(&d, 0, sizeof d);
        CHECK(!llm_model_open(&model, md, NULL) && !llm_model_get_info(model).think_start == !i);
        CHECK_STR(written(model, NULL, &d), i ? "True True" : "True False");
        d.thinking = i ? -1 : 1;
        CHECK_STR(written(model, NULL, &d), i ? "True False" : "True True");
        d.variables = i ? "{\"enable_thinking\": 5}" : "{\"x\": 5}";
        CHECK_STR(written(model, NULL, &d), i ? "True 5" : "True True");
        llm_model_close(model);
    }
    memset(&td, 0, sizeof td);
    memset(&d, 0, sizeof d);
    td.source = source;
    CHECK(!llm_template_open(&t, &td, NULL) && !llm_template_render(&r, t, &d, NULL));
    CHECK_STR(r->text, "False ");
    llm_rendering_close(r);
    llm_template_close(t);
}

static void of_a_model(void) {
    static const char jinja[] = "{{ bos_token }}{% for m in messages %}[{{ m.content }}]{% endfor %}";
    static const char list[] = "{\"bos_token\": \"<s>\", \"chat_template\": [{\"name\": \"default\", \"template\": "
                               "\"D\"}, "
                               "{\"name\": \"tool_use\", \"template\": \"T{{ tools | length }}\"}]}";
    llm_memory_file files[FILES + 1];
    llm_model_desc md;
    llm_model_template_desc which;
    llm_render_desc d;
    llm_model *model;
    llm_rendering *r;
    llm_error error;
    memset(&md, 0, sizeof md);
    memset(&d, 0, sizeof d);
    memset(&which, 0, sizeof which);
    memcpy(files, stories_files, sizeof stories_files);
    d.messages = "[{\"role\": \"user\", \"content\": \"U\"}]";
    md.memory = files;
    md.memory_count = FILES;
    CHECK_STR(llm_model_open(&model, &md, &error) == LLM_OK ? "" : error.message, "");
    CHECK(model && !llm_model_get_info(model).chat_template);
    CHECK(llm_model_render(&r, model, NULL, &d, &error) == LLM_UNSUPPORTED && !r);
    which.family = "auto";
    CHECK(llm_model_render(&r, model, &which, &d, &error) == LLM_OK && strstr(r->text, "<|start_header_id|>user"));
    llm_rendering_close(r);
    llm_model_close(model);
    files[FILES].name = "chat_template.jinja";
    files[FILES].data = jinja;
    files[FILES].bytes = sizeof jinja - 1;
    md.memory_count = FILES + 1;
    CHECK(llm_model_open(&model, &md, &error) == LLM_OK && llm_model_get_info(model).chat_template);
    CHECK(llm_model_render(&r, model, NULL, &d, &error) == LLM_OK && strstr(r->text, "[U]"));
    llm_rendering_close(r);
    llm_model_close(model);
    md.memory_count = FILES;
    files[TOKENIZER_CONFIG].data = list;
    files[TOKENIZER_CONFIG].bytes = sizeof list - 1;
    CHECK(llm_model_open(&model, &md, &error) == LLM_OK);
    CHECK(llm_model_render(&r, model, NULL, &d, &error) == LLM_OK && !strcmp(r->text, "D"));
    llm_rendering_close(r);
    d.tools = "[1, 2]";
    CHECK(llm_model_render(&r, model, NULL, &d, &error) == LLM_OK && !strcmp(r->text, "T2"));
    llm_rendering_close(r);
    which.family = NULL;
    which.name = "nosuch";
    CHECK(llm_model_render(&r, model, &which, &d, &error) == LLM_UNSUPPORTED);
    llm_model_close(model);
    named_templates(files, &md, &d);
    thinking_is_set(files, &md);
}

/* ---- a long chat */

static void hundred_messages(void) {
    const char *source = golden_template("thinking");
    llm__text text;
    llm_template_desc td;
    llm_render_desc d;
    llm_template *t = NULL;
    llm_rendering *r = NULL;
    llm_clock clock = llm_system_clock();
    int64_t start, best = INT64_MAX;
    int i;
    memset(&text, 0, sizeof text);
    text.allocator = llm__allocator_or_default(text.allocator);
    for (i = 0; i < 100; i++) {
        char line[400];
        int n = snprintf(line, sizeof line,
                         "%c{\"role\": \"%s\", \"content\": \"%sThis is message %d, some words long, as people write "
                         "them: it asks, answers, or goes on about the matter for two or three lines, and then "
                         "stops.\"}",
                         i ? ',' : '[', i % 2 ? "assistant" : "user", i % 2 ? "<think>\\nhm\\n</think>\\n\\n" : "", i);
        llm__text_add(&text, line, (size_t)n);
    }
    llm__text_add(&text, "]", 1);
    memset(&td, 0, sizeof td);
    memset(&d, 0, sizeof d);
    td.source = source;
    d.messages = text.data;
    d.add_generation_prompt = 1;
    CHECK(llm_template_open(&t, &td, NULL) == LLM_OK);
    for (i = 0; i < 20; i++) {
        start = clock.now_us(clock.user);
        CHECK(llm_template_render(&r, t, &d, NULL) == LLM_OK && r->bytes > 10000);
        if (clock.now_us(clock.user) - start < best) best = clock.now_us(clock.user) - start;
        llm_rendering_close(r);
    }
    printf("100 messages: %lld us\n", (long long)best);
    llm_template_close(t);
    llm__text_free(&text);
}

int main(void) {
    stories_read();
    TEST(statements);
    TEST(expressions);
    TEST(filters);
    TEST(tests_and_methods);
    TEST(everything_listed);
    TEST(mistakes);
    TEST(bounded);
    TEST(chats);
    TEST(numbers_from_json);
    TEST(families);
    TEST(refused_allocations);
    TEST(broken_sources);
    TEST(of_a_model);
    TEST(hundred_messages);
    return test_summary("test_templates");
}
