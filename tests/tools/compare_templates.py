"""Renders random templates with Jinja2, as transformers sets it up, and with llm.h: texts must be equal, or both must
refuse.

    python compare_templates.py build/golden [--count N] [--seed N] [--venv FOLDER] [--keep FILE]

Needs the packages jinja2 and transformers: a Python that lacks them makes a virtual environment in FOLDER (build/venv)
and goes on there.  Templates come from a grammar of Jinja's statements, expressions, filters, tests and methods, with
random JSON values.  What cannot be equal is passed over: addresses of objects, random choices, texts beyond a megabyte.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

STRINGS = ["", "a", "Hello World", "hello-world foo_bar", " padded\t", "two\nlines\n", "caf\u00e9", "stra\u00dfe",
           "\u0130\u0131", "\u4f60\u597d", "\U0001F600!", "<b>bold</b> &amp; x", "1", "-2.5", "0x1f", "1e3", "true",
           "a,b,,c", "it's \"quoted\"", "http://example.com/a?b=c&d=e", "see www.example.org, or me@mail.com.",
           "%s %d %%", "{} {0} {a}", "{:>5}", "\u0391\u03a3 \u03c3", "tab\tsep", "MixedCASE", "x" * 40, "\\n", "\u00a0x\u00a0",
           "mailto:a@b.co ftp://x (https://y.org/z)", "123abc", "\u0661\u0662", "\x1c", "e\u0301", "a b  c   d", "user", "assistant"]
NAMES = ["s", "t", "i", "j", "f", "b", "n", "l", "m", "d", "e", "u", "msgs"]
KEYS = ["a", "b", "c", "role", "content", "items", "x y", "0"]

# name: argument makers; "?" any expression, others as below
FILTERS = {
    "abs": [], "attr": ["key"], "batch": ["small", "?"], "capitalize": [], "center": ["small"], "count": [], "d": ["?", "bool"],
    "default": ["?", "bool"], "dictsort": ["bool", "by", "bool"], "e": [], "escape": [], "filesizeformat": ["bool"], "first": [],
    "float": ["?"], "forceescape": [], "format": ["?", "?"], "groupby": ["key"], "indent": ["width", "bool", "bool"],
    "int": ["?", "base"], "items": [], "join": ["str", "key"], "last": [], "length": [], "list": [], "lower": [],
    "map": ["mapped"], "max": ["bool"], "min": ["bool"], "pprint": [], "reject": ["test"], "rejectattr": ["key", "test"],
    "replace": ["str", "str", "small"], "reverse": [], "round": ["small", "method"], "safe": [], "select": ["test"],
    "selectattr": ["key", "test"], "slice": ["small", "?"], "sort": ["bool", "bool"], "string": [], "striptags": [], "sum": [],
    "title": [], "tojson": [], "trim": ["str"], "truncate": ["small", "bool", "str", "small"], "unique": ["bool"], "upper": [],
    "urlencode": [], "urlize": ["small", "bool"], "wordcount": [], "wordwrap": ["width", "bool", "str", "bool"], "xmlattr": ["bool"]}
TESTS = {"boolean": 0, "callable": 0, "defined": 0, "divisibleby": 1, "eq": 1, "escaped": 0, "even": 0, "false": 0, "filter": 0,
         "float": 0, "ge": 1, "gt": 1, "in": 1, "integer": 0, "iterable": 0, "le": 1, "lower": 0, "lt": 1, "mapping": 0, "ne": 1,
         "none": 0, "number": 0, "odd": 0, "sameas": 1, "sequence": 0, "string": 0, "test": 0, "true": 0, "undefined": 0, "upper": 0}
METHODS = {
    "capitalize": [], "casefold": [], "center": ["small", "char"], "count": ["str"], "encode": [], "endswith": ["str"],
    "expandtabs": ["small"], "find": ["str", "small", "small"], "index": ["str"], "isalnum": [], "isalpha": [], "isascii": [],
    "isdecimal": [], "isdigit": [], "isidentifier": [], "islower": [], "isnumeric": [], "isprintable": [], "isspace": [],
    "istitle": [], "isupper": [], "join": ["?"], "ljust": ["small", "char"], "lower": [], "lstrip": ["str"], "partition": ["str"],
    "removeprefix": ["str"], "removesuffix": ["str"], "replace": ["str", "str", "small"], "rfind": ["str"], "rindex": ["str"],
    "rjust": ["small", "char"], "rpartition": ["str"], "rsplit": ["str", "small"], "rstrip": ["str"], "split": ["str", "small"],
    "splitlines": ["bool"], "startswith": ["str"], "strip": ["str"], "swapcase": [], "title": [], "upper": [], "zfill": ["small"],
    "format": ["?", "?"], "translate": ["table"], "get": ["key", "?"], "keys": [], "values": [], "items": [], "copy": [],
    "bit_length": [], "append": ["?"], "bit_count": [], "conjugate": [], "as_integer_ratio": [], "hex": []}


# What a filter or method most likely is applied to: s text, n number, l list, d dict, * anything; and what it gives.
KINDS = {"s": "s t ns.q", "n": "i j f m[0]", "l": "l m msgs e", "d": "d msgs[0]"}
ON = {"n": "abs filesizeformat float int round bit_length bit_count conjugate as_integer_ratio",
      "l": "batch first groupby join last map max min reject rejectattr reverse select selectattr slice sort sum unique",
      "d": "dictsort items xmlattr get keys values copy", "*": "attr count d default e escape forceescape length list pprint "
      "safe string tojson random lower upper"}
GIVES = {"s": "capitalize center e escape filesizeformat forceescape format indent join lower pprint replace safe string striptags "
         "title tojson trim truncate upper urlencode urlize wordwrap xmlattr casefold expandtabs ljust lstrip removeprefix "
         "removesuffix rjust rstrip strip swapcase translate zfill", "n": "abs count float int length round sum wordcount find "
         "index rfind rindex bit_length bit_count conjugate", "l": "batch dictsort groupby items list map reject rejectattr reverse "
         "select selectattr slice sort unique split rsplit splitlines partition rpartition keys values", "d": "copy"}


def kinds_of(table, name, otherwise):
    return next((kind for kind, names in table.items() if name in names.split()), otherwise)


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, *options):
        return self.r.choice(options)

    def quoted(self, text):
        return json.dumps(text, ensure_ascii=False) if self.r.random() < 0.7 else repr(text)

    def value(self, depth=0):
        kind = self.r.randrange(10 if depth < 2 else 6)
        if kind < 3:
            return self.r.choice(STRINGS)
        if kind < 6:
            return self.pick(0, 1, -1, 3, 7, 100, 2 ** 40, 10 ** 20, 0.5, -2.5, 1e16, 3.0, True, False, None, 1234567.891)
        if kind < 8:
            return [self.value(depth + 1) for _ in range(self.r.randrange(4))]
        return {self.r.choice(KEYS): self.value(depth + 1) for _ in range(self.r.randrange(4))}

    def context(self):
        r = self.r
        return {"s": r.choice(STRINGS), "t": r.choice(STRINGS), "i": r.randrange(-5, 20), "j": self.pick(0, 10 ** 20, 255),
                "f": self.pick(0.1, -2.5, 1e300, 2.675, 3.0), "b": r.random() < 0.5, "n": None,
                "l": [self.value(1) for _ in range(r.randrange(5))], "m": [r.randrange(9) for _ in range(r.randrange(5))],
                "d": {r.choice(KEYS): self.value(1) for _ in range(r.randrange(4))}, "e": self.pick([], {}, "", [[1, 2], [3]]),
                "msgs": [{"role": self.pick("user", "assistant"), "content": r.choice(STRINGS), "a": r.randrange(5)}
                         for _ in range(r.randrange(4))]}

    def argument(self, kind):
        if self.r.random() < 0.02:
            kind = "?"
        if kind == "small":
            return str(self.pick(-1, 0, 1, 2, 3, 5, 8, 20))
        if kind == "width":
            return self.pick("0", "2", "4", "10", "'> '", "79")
        if kind == "bool":
            return self.pick("true", "false")
        if kind == "str":
            return self.quoted(self.pick("", "a", " ", "l", ",", "-", "\n", "...", "\u00e9", "lo", "&", *STRINGS[:4]))
        if kind == "char":
            return self.quoted(self.pick("*", " ", "0", "\u00e9"))
        if kind == "key":
            return self.quoted(self.pick("a", "b", "role", "content", "0", "a.b", "zz"))
        if kind == "by":
            return self.pick("'key'", "'value'")
        if kind == "base":
            return self.pick("10", "16", "0", "2")
        if kind == "method":
            return self.pick("'common'", "'ceil'", "'floor'")
        if kind == "test":
            name = self.r.choice(list(TESTS))
            return self.quoted(name) + (", " + self.expression(1) if TESTS[name] else "")
        if kind == "mapped":
            if self.r.random() < 0.3:
                return "attribute=" + self.argument("key")
            return self.quoted(self.pick("upper", "length", "string", "trim", "int", "abs", "first", "tojson", "nosuch", "list"))
        if kind == "table":
            return self.pick("{97: 'X'}", "{'a': 'b'}", "s.maketrans('abc', 'xyz')", "''.maketrans({'l': none, 'o': '00'})",
                             "{108: none, 111: 48}", "s.maketrans('ab', 'cd', 'l')")
        return self.expression(1)

    def arguments(self, kinds):
        least = bool(kinds) and kinds[0] in ("key", "mapped", "table")
        count = self.r.randrange(least, len(kinds) + 1) if kinds and self.r.random() < 0.85 else len(kinds)
        return [self.argument(k) for k in kinds[:count]]

    def call(self, name, kinds):
        kind = self.kind
        arguments = self.arguments(kinds)
        self.kind = kind
        return f"{name}({', '.join(arguments)})"

    def atom(self):
        r = self.r.random()
        if r < 0.5:
            return self.r.choice(NAMES)
        if r < 0.65:
            return self.quoted(self.r.choice(STRINGS))
        if r < 0.8:
            return self.pick("0", "1", "2", "-3", "7", "1.5", "0.1", "1e3", "true", "false", "none", "10", "1_000", "0x1F", "True")
        if r < 0.87:
            return "[" + ", ".join(self.expression(2) for _ in range(self.r.randrange(3))) + "]"
        if r < 0.92:
            return "{" + ", ".join(f"{self.argument('key')}: {self.expression(2)}" for _ in range(self.r.randrange(3))) + "}"
        if r < 0.96:
            return "(" + "".join(self.expression(2) + ", " for _ in range(self.r.randrange(3))) + ")"
        return self.pick("range(3)", "range(1, 9, 2)", "dict(a=1, b=s)", "loop", "namespace(a=1)", "range(i)", "cycler(1, 2).next()")

    def fitting(self, table, text):
        """A name out of the table that suits the text, most of the time."""
        for _ in range(40):
            name = self.r.choice(list(table))
            on = kinds_of(ON, name, "s")
            if self.r.random() < 0.02 or on in ("*", self.kind):
                break
        self.kind = kinds_of(GIVES, name, "?")
        return name

    def postfix(self, text, depth):
        r = self.r.random()
        if r < 0.4:
            name = self.fitting(FILTERS, text)
            kinds = FILTERS[name]
            if not kinds and self.r.random() < 0.98:
                return f"{text} | {name}"
            return f"{text} | {self.call(name, kinds)}"
        if r < 0.7:
            name = self.fitting(METHODS, text)
            return f"{text}.{self.call(name, METHODS[name])}"
        if r < 0.9 and self.kind in "n?" and self.r.random() < 0.8:
            return text
        if r < 0.72:
            return f"{text}.{self.pick('a', 'b', 'role', 'content', 'items', 'zz')}"
        if r < 0.82:
            return f"{text}[{self.pick('0', '-1', '1', '9', self.argument('key'), self.expression(depth + 2))}]"
        if r < 0.9 and text[-1] not in "})\"'0123456789":
            parts = [self.pick("", "", "0", "1", "-1", "2", "99") for _ in range(self.pick(2, 3))]
            if len(parts) == 3 and self.r.random() < 0.5:
                parts[2] = "-1"
            return f"{text}[{':'.join(parts)}]"
        name = self.r.choice(list(TESTS))
        return f"({text} is {self.pick('', 'not ')}{name}" + (f"({self.expression(depth + 1)})" if TESTS[name] else "") + ")"

    def expression(self, depth=0):
        text = self.atom()
        self.kind = next((k for k, names in KINDS.items() if text in names.split()),
                         "s" if text[0] in "\"'" else "l" if text[0] == "[" or text[:5] == "range" else "d" if text[0] == "{" else
                         "n" if text[0] in "-0123456789" else "?")
        for _ in range(self.pick(0, 1, 1, 2, 3) if depth < 3 else self.pick(0, 0, 1)):
            text = self.postfix(text if text.isidentifier() or text[-1] in ")]\"'" else f"({text})", depth)
        if depth < 3 and self.r.random() < 0.3:
            op = self.pick("~", "==", "!=", "and", "or", "~")
            if self.kind == "n":
                op = self.pick("+", "-", "*", "/", "//", "%", "<", "<=", ">", "**")
            elif self.kind in "sl":
                op = self.pick("+", "*", "in", "not in", "~", "==")
            other = {"n": self.pick("2", "3", "-1", "0.5", "0", "i", "f"), "s": "s", "l": "l"}.get(self.kind, "")
            if not other or self.r.random() < 0.1:
                other = self.expression(depth + 1) if op != "**" else "2"
            if op == "*" and self.kind != "n":
                other = self.pick("2", "0", "i")
            text = f"{text} {op} {other}"
        if depth < 2 and self.r.random() < 0.06:
            text = f"{text} if {self.expression(depth + 1)}" + (f" else {self.expression(depth + 1)}" if self.r.random() < 0.8 else "")
        if self.r.random() < 0.05:
            text = self.pick("not ", "-", "+") + text if self.kind == "n" else "not " + text
        return f"({text})" if depth and self.r.random() < 0.4 else text

    def tag(self, body):
        left, right = self.pick("", "", "", "-", "+"), self.pick("", "", "", "-")
        return f"{{%{left} {body} {right}%}}"

    def show(self):
        return f"{{{{{self.pick('', '', '-')} {self.expression()} {self.pick('', '', '-')}}}}}"

    def body(self, depth):
        parts = []
        for _ in range(self.r.randrange(1, 4)):
            parts.append(self.statement(depth + 1))
            parts.append(self.pick("", "\n", "  \n", " text ", "  ", "|"))
        return "".join(parts)

    def statement(self, depth=0):
        r = self.r.random()
        if depth > 2 or r < 0.5:
            return self.show()
        if r < 0.6:
            text = self.tag("if " + self.expression(1)) + self.body(depth)
            if self.r.random() < 0.3:
                text += self.tag("elif " + self.expression(1)) + self.body(depth)
            if self.r.random() < 0.4:
                text += self.tag("else") + self.body(depth)
            return text + self.tag("endif")
        if r < 0.74:
            target = self.pick("x", "x", "k, v", "s")
            over = self.pick("l", "m", "msgs", "d", "d.items()", "d | items", "e", self.expression(1), "range(3)")
            head = f"for {target} in {over}" + (f" if {self.expression(2)}" if self.r.random() < 0.2 else "")
            inner = self.pick("{{ loop.index }}", "{{ loop.last }}{{ x }}", "{{ loop.length }}", "{{ loop.previtem }}", "{{ x }}",
                              "{{ loop.cycle(1, 2) }}", "{{ loop.revindex0 }}", "{{ loop.changed(x) }}", "{{ k }}={{ v }}",
                              "{% if loop.index > 1 %}{% break %}{% endif %}", "{% if loop.first %}{% continue %}{% endif %}", "")
            return self.tag(head) + inner + self.body(depth) + (self.tag("else") + "none" if self.r.random() < 0.2 else "") + \
                self.tag("endfor")
        if r < 0.82:
            name = self.pick("x", "y", "s", "a, b")
            if self.r.random() < 0.2:
                return self.tag("set y" + self.pick("", " | upper", " | trim")) + self.body(depth) + self.tag("endset") + "{{ y }}"
            return self.tag(f"set {name} = {self.expression()}") + self.pick("{{ x }}", "{{ y }}", "{{ a }}", "")
        if r < 0.86:
            return self.tag("set ns = namespace(a=0, q='')") + self.tag("for x in m") + \
                self.tag(f"set ns.a = ns.a + {self.pick('x', '1', 'loop.index')}") + self.tag("endfor") + "{{ ns.a }}"
        if r < 0.9:
            return self.tag("macro mac(p, q=2)") + "{{ p }}{{ q }}{{ varargs }}{{ kwargs }}" + self.body(depth) + \
                self.tag("endmacro") + self.pick("{{ mac(1) }}", "{{ mac(s, q=l) }}", "{{ mac(1, 2, 3, k=4) }}", "{{ mac() }}", "{{ mac | string | length > 0 }}")
        if r < 0.92:
            return self.tag("macro c(x)") + "<{{ caller(x) }}>" + self.tag("endmacro") + self.tag("call(z) c(s)") + "{{ z }}" + \
                self.tag("endcall")
        if r < 0.95:
            return self.tag("filter " + self.pick("upper", "trim", "e", "replace('a', 'b')", "indent(2)", "length", "wordcount")) + \
                self.body(depth) + self.tag("endfilter")
        if r < 0.97:
            return self.tag(f"with x = {self.expression(1)}, w = i") + "{{ x }}" + self.body(depth) + self.tag("endwith")
        return self.pick("{# comment #}", "{#- c -#}", "{% raw %}{{ x }}{% endraw %}", "{% generation %}{{ s }}{% endgeneration %}",
                         "{{ strftime_now('%Y-%m-%d') }}", "{% autoescape true %}{{ s }}{{ '<' ~ s }}{% endautoescape %}")

    def template(self):
        return "".join(self.statement() + self.pick("", " ", "\n", " - ", "\n\n  ") for _ in range(self.pick(1, 1, 2, 3)))


def environment():
    import datetime

    import jinja2.ext
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from transformers.utils import chat_template_utils

    class Generation(jinja2.ext.Extension):
        tags = {"generation"}

        def parse(self, parser):
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return jinja2.nodes.CallBlock(self.call_method("_run"), [], [], body).set_lineno(line)

        def _run(self, caller):
            return caller()

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    assert chat_template_utils
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = datetime.datetime(2026, 1, 2, 3, 4, 5).strftime
    return env


def make_case(env, maker):
    template, context = maker.template(), maker.context()
    case = {"group": "random", "template": template, "context": context}
    try:
        expected = env.from_string(template).render(**context)
        expected.encode()
    except UnicodeError:
        return None
    except (MemoryError, RecursionError):
        return None
    except Exception as e:
        case["error"] = str(e)[:80]
        case["kind"] = type(e).__name__.replace("TemplateError", "Error")
        return case
    if " at 0x" in expected or "<generator" in expected or "<built-in" in expected or "<class" in expected:
        return None
    if "&lt;generator" in expected or len(expected) > 1000000 or "method" in expected or "function" in expected:
        return None
    case["expected"] = expected
    return case


def ensure_packages(folder):
    try:
        import jinja2  # noqa: F401
        import transformers  # noqa: F401
    except ImportError:
        python = Path(folder) / "bin" / "python"
        if Path(sys.prefix).resolve() == Path(folder).resolve():
            raise
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "jinja2", "transformers"], check=True)
        os.execv(python, [str(python), *sys.argv])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("golden")
    arguments.add_argument("--count", type=int, default=10000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--venv", default="build/venv")
    arguments.add_argument("--keep")
    o = arguments.parse_args()
    ensure_packages(o.venv)
    warnings.filterwarnings("ignore")
    env = environment()
    maker = Maker(o.seed)
    cases = [c for c in (make_case(env, maker) for _ in range(o.count)) if c]
    fails = sum("error" in c for c in cases)
    print(f"{len(cases)} templates, {fails} of which Jinja2 refuses")
    path = Path(o.keep) if o.keep else Path(tempfile.mkdtemp()) / "random.json"
    path.write_text(json.dumps(cases, ensure_ascii=False), encoding="utf-8")
    sys.exit(subprocess.run([o.golden, str(path)]).returncode)


main()
