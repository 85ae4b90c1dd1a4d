"""Writes tests/golden/tools: what mlx-lm's tool parsers and its text state machine make of many texts.

    python make_tools.py OUT [SEED [COUNT]]      (any Python with mlx-lm)

Each dialect gets the cases written below and COUNT more from SEED: calls with random arguments in the dialect's own
spelling, and the same with random damage.  A case holds `calls`, or `error`: the exception.  Exceptions that are no
ValueError are mistakes of mlx-lm's, which end a request there; those cases have `ours` in place of `calls`, what is
expected here, or are left out if they are random.
"""
import importlib
import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace

from mlx_lm.generate import TextStateMachine, make_text_state_machine

MULTIPLY = [{"type": "function", "function": {"name": "multiply", "parameters": {"type": "object", "properties": {
    "a": {"type": "integer"}, "b": {"type": "integer"}}}}}]
TYPED = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {
    "type": "object", "required": ["s"], "properties": {
        "s": {"type": "string"}, "i": {"type": "integer"}, "n": {"type": "number"}, "b": {"type": "boolean"},
        "o": {"type": "object"}, "l": {"type": "array", "items": {"type": "integer"}}, "u": {},
        "z": {"type": ["integer", "null"]}, "e": {"enum": ["x", "y", 3]}, "any": {"anyOf": [{"type": "integer"},
        {"type": "string"}]}, "all": {"description": "?"}, "w": {"type": "Int32"}, "fl": {"type": "float"},
        "d": {"type": "dict"}, "odd": {"type": "thing"}, "t": {"type": "null"}}}}},
    {"type": "function", "function": {"name": "g", "parameters": None}},
    {"type": "function", "function": {"name": "get-weather", "parameters": {"type": "object", "properties": {
        "city": {"type": "string"}}}}}]
VALUES = ["1", "-7", "12234585", "48838483920", "3.5", "1e3", "5.0", "0", "true", "True", "FALSE", "null", "None",
          "nil", "yes", "off", "text", "", " padded ", "two\nlines", "\nwrapped\n", "\n\ntwice\n\n", '{"a": 1}',
          "{'a': [1, True, None]}", "[1, 2, 3]", "[1, 'b', (2, 3)]", "{'x'}", "b'x'", "1+2j", "1,2", "(1)", "(1,)",
          "2024-12-31T23:59:59Z", "3.10.5-beta", "007", "1_000", "0x1F", "'quoted'", '"quoted"', "'a' \"b\"",
          "caf\u00e9 \u4f60\u597d \U0001F600", "a < b & c > d", 'say "hi"', "it's", "back\\slash", "'tab\\t\\x41\\u00e9'",
          "- 5", "+3", "--3", "-(2)", "1 # note", "[1, # one\n 2]", "{}", "[]", "()", "{1: 2, None: 3}", "nan",
          "Infinity", "-inf", "1e400", '{"tab": "a\tb"}', '{"a": 1', "[1, 2", '{"a": {"b": [{"c": null}]}}', "1.", ".5",
          "r'raw\\n'", "'''tri\nple'''", "'open", "...", "True and False", "f'x'", "12345678901234567890",
          "{'k': 'v',}", "[1,,2]", "\"\\ud83d\\ude00\"", "<b>bold</b>", "a=b", "a, b", "x=1, y=2", "1\n2", "\n  5", "5\n"]


def spell_json(name, args):
    return json.dumps({"name": name, "arguments": args}, ensure_ascii=False)


def as_text(v):
    return v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)


def spell_gemma4(name, args):
    def value(v):
        if isinstance(v, str):
            return '<|"|>' + v + '<|"|>'
        if isinstance(v, dict):
            return "{" + ",".join(f"{k}:{value(x)}" for k, x in v.items()) + "}"
        if isinstance(v, list):
            return "[" + ",".join(map(value, v)) + "]"
        return json.dumps(v)
    return f"call:{name}{value(args)}"


def spell_function_gemma(name, args):
    return "call:" + name.replace("-", "_") + "{" + ",".join(
        f"{k}:<escape>{v}<escape>" if isinstance(v, str) else f"{k}:{json.dumps(v)}" for k, v in args.items()) + "}"


def spell_tags(tag):
    def spell(name, args):
        return name + "\n" + "\n".join(f"<{tag}arg_key>{k}</{tag}arg_key>\n<{tag}arg_value>{as_text(v)}</{tag}arg_value>"
                                       for k, v in args.items()) + "\n"
    return spell


def spell_kimi_k2(name, args):
    return (f"<|tool_call_begin|>functions.{name}:0<|tool_call_argument_begin|>" + json.dumps(args) +
            "<|tool_call_end|>")


def spell_kimi_k3(name, args):
    body = "".join(f'<|open|>argument key="{k}" type="{"string" if isinstance(v, str) else "object"}"<|sep|>'
                   f"{as_text(v)}<|close|>argument<|sep|>" for k, v in args.items())
    return f'<|open|>call tool="{name}" index="1"<|sep|>{body}<|close|>call<|sep|>'


def spell_minimax(name, args):
    return f'<invoke name="{name}">\n' + "".join(f'<parameter name="{k}">{as_text(v)}</parameter>\n'
                                                for k, v in args.items()) + "</invoke>"


def spell_minicpm5(name, args):
    return f'"{name}">' + "".join(f'<param name="{k}"><![CDATA[{as_text(v)}]]></param>' if "<" in as_text(v) else
                                  f'<param name="{k}">{as_text(v)}</param>' for k, v in args.items())


def spell_qwen(name, args):
    return f"\n<function={name}>\n" + "".join(f"<parameter={k}>\n{as_text(v)}\n</parameter>\n" for k, v in
                                              args.items()) + "</function>\n"


def spell_muse(name, args):
    return f'<atem:invoke name="{name}">\n' + "".join(
        f'<atem:parameter name="{k}" string="{isinstance(v, str)}">{as_text(v)}</atem:parameter>\n' for k, v in
        args.items()) + "</atem:invoke>"


def spell_python(name, args):
    return "[" + name.replace("-", "_") + "(" + ", ".join(f"{k}={v!r}" for k, v in args.items()) + ")]"


def spell_mistral(name, args):
    return f"{name}[ARGS]" + json.dumps(args, ensure_ascii=False)


# dialect: spelling of one call, what stands between several
SPELLINGS = {
    "json_tools": (spell_json, None), "mistral": (spell_mistral, "[TOOL_CALLS]"),
    "function_gemma": (spell_function_gemma, "\n"), "gemma4": (spell_gemma4, ""), "glm47": (spell_tags(""), None),
    "laguna": (spell_tags(""), None), "longcat": (spell_tags("longcat_"), None), "kimi_k2": (spell_kimi_k2, "\n"),
    "kimi_k3": (spell_kimi_k3, ""), "minimax_m2": (spell_minimax, "\n"), "minicpm5": (spell_minicpm5, "</function>\n"
    "<function name="), "muse_spark": (spell_muse, "\n"), "pythonic": (spell_python, None),
    "qwen3_coder": (spell_qwen, None),
}

# Written by hand: (text, tools), or (text, tools, what is expected here where mlx-lm falls over or says less)
CASES = {
    "json_tools": [
        ('{"name": "multiply", "arguments": {"a": 12234585, "b": 48838483920}}', MULTIPLY), ("", None), ("{", None),
        (' \n{"name": "f", "arguments": {}, "id": "c1"}\n', None), ("[1]", None, "error"), ("5", None, "error"),
        ('[{"name": "f", "arguments": {}}, {"name": "g", "arguments": {"x": [1.5e300, -0.0]}}]', None),
        ('{"name": "f"}', None, "error"), ('{"name": "f", "arguments": "{\\"a\\": 1}"}', None),
        ('{"name": "f", "arguments": {"n": NaN, "i": -Infinity, "big": 123456789012345678901234567890}}', None),
        ('{"name": "f", "arguments": {"a": 1, "a": 2}}', None), ('{"name": "f", "arguments": {"a": "\\u00e9\\n"}} x', None)],
    "mistral": [
        ('multiply[ARGS]{"a": 12234585, "b": 48838483920}', MULTIPLY), ("no call", None), ("f[ARGS]", None),
        ('f[ARGS]{"a": 1', None), ('f [ARGS] {"a": 1} g-h_2[ARGS]{}', None), ('[ARGS]{"a": 1}', None),
        ('[{"name": "f", "arguments": "{\\"a\\": 1}", "id": "abc"}, {"name": "g"}]', None), ("[]", None), ("[1]", None),
        ('[{"name": "f", "arguments": 3}]', None), ('{"name": "f", "arguments": {}}', None), ("f[ARGS][1, 2]", None),
        ('f[ARGS]{"a": "[TOOL_CALLS]g[ARGS]{}"}[TOOL_CALLS]g[ARGS]{}', None), ('f[CALL_ID]xyz[ARGS]{"q": "]["}', None),
        ("f[ARGS]null", None), ('f[ARGS]"text"', None), ("\u00e9t\u00e9[ARGS]{}", None)],
    "function_gemma": [
        ("call:multiply{a:12234585,b:48838483920}", MULTIPLY), ("", None), ("call:f", None), ("call:f{}", None),
        ("call:f{a:<escape>x,y:{z}<escape>,b:true,c:word}", None), ("call:f{a}", None), ("call:f{a:<escape>x}", None),
        ("call:f{a:[1, 2],b:2}", None), ("call:f{a:{b:1}}", None), ("xcall:f{a:1}call:g{b:2}", None), ("call:f{a:,b:}", None),
        ("call:call:f{a:1}", None), ("call:f-g{a:1}", None), ("call:f{a:<escape><escape>}", None)],
    "gemma4": [
        ("call:multiply{a:12234585,b:48838483920}", MULTIPLY), ("", None), ("call:f", None), ("call:f{}", None),
        ('call:f{o:{a:{b:[1,{c:<|"|>x<|"|>}]}}}', None), ('call:f{s:<|"|>braces } { and "quotes" \\ \n<|"|>}', None),
        ('call:f{a:1}call:get-weather{city:<|"|>Paris<|"|>,o:{k:null}}', None), ("call:f{a:1, b:2}", None), ("call:f{a:1", None),
        ("call:f{a:1}}", None), ('call:f{a:<|"|>open}', None), ('call:f{s:<|"|>a,b:c<|"|>}', None), ('call:f{"a":1}', None),
        ("call:f{a:<b>}", None), ("call:{a:1}", None), ("call:call:f{a:1}", None), ("call:f{a:true,b:false,c:-1.5}", None),
        ("call:f{a:[<|\"|>x<|\"|>,<|\"|>y<|\"|>]} trailing", None), ("call:x{ call:f{a:1}", None), ("call:f{\u00e9:1}", None)],
    "glm47": [
        ("multiply<arg_key>a</arg_key><arg_value>12234585</arg_value><arg_key>b</arg_key>\\n<arg_value>48838483920"
         "</arg_value>", MULTIPLY), ('{"name": "multiply", "arguments": {"a": 12234585, "b": 48838483920}}', MULTIPLY),
        ("multiply a=12234585 b=48838483920", MULTIPLY), ("", None), (" \n", None), ("f", None), ("f some text", None),
        ('f {"s": 5, "i": "7"}', TYPED), ('f\n{"s": [1, true, null], "i": "7"}', TYPED), ("f s=5 i=5 'u=a b' e=\"x y\"", TYPED),
        ("f s=5 open='x", TYPED), ("f a=1 b", None), ("f =1", None), ('{"function": "f", "arguments": "{\'a\': 1}"}', None),
        ('{"tool": {"name": "f", "arguments": {"s": 1}}}', TYPED), ('{"tool": {"name": "f"}}', None), ('{"name": "f"}', None),
        ('{"name": {"name": "f", "arguments": {"s": 1.5}}, "arguments": null}', TYPED), ('[{"name": "f", "arguments": {}}]', None),
        ('{"name": "f", "arguments": null}', None), ('{"name": "f", "arguments": [1]}', None), ("[]", None), ("5", None),
        ("f<arg_key>s</arg_key><arg_value>5</arg_value>", TYPED), ("f<arg_key> i </arg_key> <arg_value> 5 </arg_value>", TYPED),
        ("f<arg_key>a</arg_key>junk<arg_key>b</arg_key><arg_value>1</arg_value>", None), ("f<arg_key>a", None),
        ("f<arg_key>a</arg_key><arg_value>1", None), ("a\\ b c=d\\ e", None), ("f\n\nx=1", None), ("\nf x=1\ty='2'", None),
        ('{"name": "f", "arguments": {"s": {"a": [1, "b", null, true, 1.0]}}}', TYPED), ('f x="a\\"b\\c"', None)],
    "longcat": [
        ("multiply<longcat_arg_key>a</longcat_arg_key><longcat_arg_value>12234585</longcat_arg_value><longcat_arg_key>b"
         "</longcat_arg_key><longcat_arg_value>48838483920</longcat_arg_value>", MULTIPLY),
        ('{"name": "multiply", "arguments": {"a": 12234585, "b": 48838483920}}', MULTIPLY), ("", None, "error"),
        ("f", None, "error"), ('{"name": "f", "arguments": {', None, "error"), (' {"name": "f", "arguments": {"a": 1}} ', None),
        ('f<longcat_arg_key>s</longcat_arg_key>\\n<longcat_arg_value>5</longcat_arg_value>', TYPED)],
    "kimi_k2": [
        ('functions.multiply:0<|tool_call_argument_begin|>{"a": 12234585, "b": 48838483920}', MULTIPLY), ("", None),
        ('<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"a": 1}<|tool_call_end|><|tool_call_begin|>g:12'
         '<|tool_call_argument_begin|>{}<|tool_call_end|>', None), ("functions.f<|tool_call_argument_begin|>{}", None),
        ("functions.f:0", None), (" \nf.g:h:3 <|tool_call_argument_begin|> {'a': True} ", None),
        ("f:1<|tool_call_argument_begin|>not json", None), ("functions.:0<|tool_call_argument_begin|>{}", None),
        (":0<|tool_call_argument_begin|>{}", None), ("<|tool_call_begin|>bad<|tool_call_end|>", None),
        ("f:1<|tool_call_argument_begin|>", None)],
    "kimi_k3": [
        ('<|open|>call tool="multiply" index="1"<|sep|><|open|>argument key="a" type="number"<|sep|>12234585<|close|>'
         'argument<|sep|><|open|>argument key="b" type="number"<|sep|>48838483920<|close|>argument<|sep|><|close|>call'
         '<|sep|>', MULTIPLY), ("", None), ('<|open|>call<|sep|><|close|>call<|sep|>', None),
        ('<|open|>call tool="f"<|sep|><|open|>json type="object"<|sep|>{"a": [1]}<|close|>json<|sep|><|close|>call<|sep|>', None),
        ('<|open|>call tool="f"<|sep|><|open|>json<|sep|>[1]<|close|>json<|sep|><|close|>call<|sep|>', None),
        ('<|open|>call tool="a&quot;b&amp;quot;"<|sep|><|open|>argument key="k"<|sep|>5<|close|>argument<|sep|><|close|>call<|sep|>', None),
        ('<|open|>call tool="f"<|sep|><|open|>argument type="number"<|sep|>5<|close|>argument<|sep|><|close|>call<|sep|>'
         '<|open|>call tool="g"<|sep|><|close|>call<|sep|>', None), ('<|open|>call tool="f" x', None),
        ('<|open|>call tool="f"<|sep|><|open|>argument key="k" type="x"<|sep|>{bad<|close|>argument<|sep|><|close|>call<|sep|>', None)],
    "minimax_m2": [
        ('<invoke name="multiply"><parameter name="a">12234585</parameter><parameter name="b">48838483920</parameter>'
         '</invoke>', MULTIPLY), ("", None), ("<invoke name=\"f\">", None), ("<invoke name='f'></invoke>", None),
        ('<invoke name=f><parameter name=i>5</parameter><parameter name="s">5</parameter></invoke><invoke name="g">'
         '<parameter name="x">y</parameter></invoke>', TYPED), ("<invoke name=></invoke>", None), ("<invoke name=f</invoke>", None),
        ('<invoke name="f"><parameter name="i"</parameter><parameter name=>x</parameter></invoke>', None)],
    "minicpm5": [
        ('"multiply"><param name="a">12234585</param><param name="b">48838483920</param>', MULTIPLY), ("", None), ("f", None),
        ('<function name="f"><param name="s"><![CDATA[a < b]]></param></function><function name=\'g\'></function>', TYPED),
        ('"f"><param name="s">\n<![CDATA[x]]>y]]> \n</param><param name=i>5</param>', TYPED), (' name = f ><param name="i">5</param>', TYPED),
        ('"f"><param name="s">open', None), ('junk "f" ><param  name = "s" >x</param></function> more', TYPED), ("a>b>", None),
        ('"f"><param>x</param><param name="s">x</param>\n', TYPED), ("namename=f>", None), ('xname="f">', None), ('""></function>', None)],
    "muse_spark": [
        ('<atem:invoke name="multiply"><atem:parameter name="a">12234585</atem:parameter><atem:parameter name="b">48838483920'
         '</atem:parameter></atem:invoke>', MULTIPLY), ("", None), ('<atem:invoke name="f">', None), ('<atem:invoke name="">', None),
        ('<atem:invoke x="1" name="f"><atem:parameter a="b" name="s" c="d">text </atem:invoke></atem:parameter></atem:invoke>', None),
        ('<atem:invoke name="f" x="1"></atem:invoke>', None), ('<atem:invoked name="f"></atem:invoke>', None),
        ('<atem:invoke name="f"><atem:parameter name="s">open\n', None), ('<atem:invoke rename="f"></atem:invoke>', None),
        ('<atem:invoke name="f"><atem:parameters name="s">1</atem:parameter></atem:invoke><atem:invoke name="g">', None)],
    "pythonic": [
        ("[multiply(a=12234585, b=48838483920)]", MULTIPLY), ("", None), ("[]", None), ("f(a=1)", None), ("[f(1)]", None),
        ("[f(a=1), g.h(b=[true, false, null, {'x': -1.5}])]", None), ("[f(a=1,),]", None), ("[ f ( a = 'x' 'y' ) ]", None),
        ("text [f(a=\"b ] c\")] more", None), ("[f(a=unquoted text, b='5')]", None), ("[f(a=1, a=2)]", None), ("[f(a=b'x')]", None, [{"name": "f", "arguments": '{"a": "b\'x\'"}'}]),
        ("[f(a={1, 2})]", None, [{"name": "f", "arguments": '{"a": "{1"}'}]), ("[f(**{'a': 1})]", None), ("[f(a=1)", None),
        ("[f(a=\"x, y=1\", b=2", None), ("[f(a='it\\'s', b=\"\"\"t\nq\"\"\")]", None), ("[f()]", None), ("[f(), g()]", None),
        ("[f(from='a', in_=1, class=[1, 2])]", None, [{"name": "f", "arguments": '{"from": "a", "in_": 1, "class": [1, 2]}'}]),
        ("[f(a=1 + 2)]", None), ("[f(a=(1, 2), b=())]", None), ("[f(a={'k': 1, 2: 'x'})]", None), ("[1, f(a=1)]", None),
        ("[f(a=\n1, # c\n b=2)]", None), ("[f(\u00e9='\u4f60')]", None), ("[f(a=True, b=None, c=1e5, d=0x10)]", None)],
    "qwen3_coder": [
        ("<function=multiply>\n<parameter=a>\n12234585\n</parameter>\n<parameter=b>\n48838483920\n</parameter>\n</function>",
         MULTIPLY), ("<function=f>\n<parameter=o>\n{'k': 'v', 'n': [1, True]}\n</parameter>\n<parameter=l>\n['a', 'b']\n"
         "</parameter>\n</function>", TYPED), ('<function=f>\n<parameter=o>\n{"k": "v"}\n</parameter>\n</function>', TYPED),
        ("<function=f>\n<parameter=s>\n2024-12-31T23:59:59Z\n</parameter>\n</function>", TYPED),
        ("<function=f>\n<parameter=s>\n3.10.5-beta\n</parameter>\n</function>", TYPED), ("", None), ("<function=f>", None), ("<function=></function>", None), ("<function=f></function>", None),
        ("\n<function=f>\n</function>\n", None), ("<function=f>\n</function>\n\n", None), ("<function= f ></function>", None),
        ("<function=f><parameter=s>a</parameter></function><function=g><parameter=x>1</parameter></function>", TYPED),
        ("<function=f><parameter=>x</parameter></function>", TYPED), ("<function=f><parameter=i>3.5</parameter></function>", TYPED),
        ("<function=f><parameter=i>12345678901234567</parameter></function>", TYPED, [{"name": "f", "arguments":
         '{"i": 12345678901234567}'}]), ("<function=f><parameter=n>inf</parameter></function>", TYPED, "error"),
        ("<function=f><parameter=s>a</parameter></function> x", TYPED), ("<function=f<parameter=s>a</parameter></function>", TYPED)],
}
CASES["laguna"] = CASES["glm47"][:4]


def parse(dialect, text, tools):
    module = importlib.import_module(f"mlx_lm.tool_parsers.{dialect}")
    parsed = module.parse_tool_call(text, tools)
    calls = []
    for call in parsed if isinstance(parsed, list) else [parsed]:
        calls.append({"name": call["name"], "arguments": json.dumps(call["arguments"], ensure_ascii=False)})
        if not isinstance(call["name"], str):
            raise TypeError("a name that is no string")
        if isinstance(call.get("id"), str):
            calls[-1]["id"] = call["id"]
    json.dumps(calls, ensure_ascii=False).encode()
    return calls


def case(dialect, text, tools, ours=None):
    result = {"text": text}
    if tools is not None:
        result["tools"] = "typed" if tools is TYPED else "multiply"
    try:
        result["calls"] = parse(dialect, text, tools)
    except ValueError as e:
        if isinstance(e, UnicodeError):
            return None
        result["error"] = str(e)[:80]
    except Exception as e:
        if ours is None:
            return None
        result["mlx-lm"] = f"{type(e).__name__}: {e}"[:80]
    if ours == "error":
        result.pop("calls", None)
        result["error"] = "expected here"
    elif ours is not None:
        result["mlx-lm"] = result.pop("calls", result.get("mlx-lm"))
        result["ours"] = ours
    return result


def random_value(rng, depth=0):
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind < 3:
        return rng.choice(VALUES)
    if kind < 6:
        return rng.choice([rng.randrange(-1000, 1000), rng.random(), True, False, None, 10 ** 15 + rng.randrange(99), 1e22])
    if kind < 8:
        return {rng.choice(["k", "a b", "\u00e9", "x", "1"]): random_value(rng, depth + 1) for _ in range(rng.randrange(4))}
    return [random_value(rng, depth + 1) for _ in range(rng.randrange(4))]


def damage(rng, text):
    pieces = ["<", ">", '"', "'", "{", "}", "[", "]", ":", ",", "=", " ", "\n", "\\", "name", "</", "1", "&quot;", "(", ")"]
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        end = min(len(text), at + rng.randrange(1, 9))
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:at] + text[end:]
        elif kind == 1:
            text = text[:at] + rng.choice(pieces) + text[at:]
        elif kind == 2:
            text = text[:at] + text[at:end] + text[at:]
        else:
            text = text[:at]
    return text


def make(dialect, rng, count):
    spell, joint = SPELLINGS[dialect]
    cases = [case(dialect, *c) for c in CASES[dialect]]
    assert None not in cases, [c for c, r in zip(CASES[dialect], cases) if r is None]
    keys = list(TYPED[0]["function"]["parameters"]["properties"]) + ["a", "unknown"]
    texts = [("f", {key: v}) for v in VALUES for key in (rng.choice(keys), "s")][:count // 3 * 2]
    while len(texts) < count:
        texts.append((rng.choice(["f", "g", "get-weather", "h"]), {rng.choice(keys): random_value(rng) for _ in
                      range(rng.randrange(4))}))
    for name, args in texts:
        text = spell(name, args)
        if joint is not None and rng.random() < 0.2:
            text += joint + spell("g", {"x": random_value(rng)})
        if rng.random() < 0.35:
            text = damage(rng, text)
        made = case(dialect, text, TYPED if rng.random() < 0.7 else None)
        if made and "12345678901234567168" not in str(made.get("calls")):  # rounded by mlx-lm, exact here
            cases.append(made)
    return cases


def machine(dialect, think):
    module = importlib.import_module(f"mlx_lm.tool_parsers.{dialect}") if dialect else None
    response = {}
    if dialect == "muse_spark":
        response = importlib.import_module("mlx_lm.chat_templates.muse_spark").RESPONSE_FORMAT
    xtml = ("<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>")
    tokenizer = SimpleNamespace(
        has_thinking=bool(think), think_start=think and think[0], think_end=think and think[1],
        has_tool_calling=bool(module), tool_call_start=module and module.tool_call_start,
        tool_call_end=module and module.tool_call_end, response_transitions=response.get("transitions", {}),
        structural_markers=xtml if dialect == "kimi_k3" else ())
    return tokenizer, make_text_state_machine(tokenizer), response.get("initial_state")


def split(dialect, think, reasoning, text):
    tokenizer, sm, initial = machine(dialect, think)
    state = sm.make_state(initial or ("reasoning" if reasoning else "normal"))
    state, segments = TextStateMachine.split(state, text)
    state, rest, name = TextStateMachine.flush(state)
    segments.append((name, rest))
    result = {"content": "", "reasoning": "", "tools": []}
    before, tool = None, ""
    for name, piece in segments:
        if name == "tool":
            tool += piece
        elif name == "reasoning":
            result["reasoning"] += piece
        elif name == "normal":
            if before == "tool":
                result["tools"].append(tool)
                tool = ""
            result["content"] += piece
        before = name
    if before == "tool" and tool:
        result["tools"].append(tool)
    return result


def splits(rng, count):
    thinks = [None, ("<think>", "</think>"), ("<|channel>thought", "<channel|>"), ("<|open|>think<|sep|>",
              "<|close|>think<|sep|>")]
    cases = []
    for dialect in [None, *SPELLINGS]:
        tokenizer, _, _ = machine(dialect, None)
        spell = SPELLINGS[dialect][0] if dialect else spell_json
        for i in range(count // 10):
            think = rng.choice(thinks)
            marks = [*(think or ()), tokenizer.tool_call_start or "<tool_call>", tokenizer.tool_call_end or "</tool_call>",
                     "<|open|>response<|sep|>", "<|close|>message<|sep|>", "to=self<|message|>", "to=user<|message|>",
                     "<|eom|>", "<|eot|>", "<", "<|", "</", "<tool", "[", "word ", "\n", "caf\u00e9 ",
                     spell("f", {"a": rng.choice(VALUES)})]
            text = "".join(rng.choice(marks) for _ in range(rng.randrange(1, 12)))
            cases.append({"dialect": dialect, "think": think, "open": bool(think) and rng.random() < 0.4, "text": text})
            cases[-1].update(split(dialect, think, cases[-1]["open"], text))
    return cases


def write(path, cases):
    tools = json.dumps({"multiply": json.dumps(MULTIPLY), "typed": json.dumps(TYPED)})
    lines = ",\n".join(json.dumps(v, ensure_ascii=False) for v in cases)
    path.write_text(f'{{"dialect": "{path.stem}", "tools": {tools},\n"cases": [\n{lines}\n]}}\n', encoding="utf-8")


def main():
    out, seed, count = Path(sys.argv[1]), int((sys.argv[2:] or [1])[0]), int((sys.argv[3:] or [150])[0])
    out.mkdir(parents=True, exist_ok=True)
    for dialect in SPELLINGS:
        write(out / f"{dialect}.json", make(dialect, random.Random(f"{dialect} {seed}"), count))
    write(out / "splitter.json", splits(random.Random(seed), count))


main()
