"""check_grammar.py BUILD [SEEDS [MODEL]] - what build/json writes for many schemas, held against PyPI's jsonschema

Needs: pip install "jsonschema[format]".  Opt-in: it runs a model for each schema and seed.
"""
import itertools
import json
import subprocess
import sys

import jsonschema

BASES = [
    {"type": "integer", "minimum": -7, "maximum": 1234},
    {"type": "integer", "exclusiveMinimum": 3, "multipleOf": 7, "maximum": 700},
    {"type": "number", "minimum": -0.25, "exclusiveMaximum": 12.5},
    {"type": "string", "minLength": 2, "maxLength": 9},
    {"type": "string", "pattern": "^[A-Z][a-z]+( [A-Z]\\.)?$", "maxLength": 20},
    {"type": "string", "pattern": "[0-9]{2}", "maxLength": 12},
    {"enum": ["red", "green", 3, None, [1, {"a": True}]]},
    {"type": ["boolean", "null"]},
    {"anyOf": [{"type": "integer", "maximum": 99, "minimum": 0}, {"const": "none"}]},
    {"type": "object", "patternProperties": {"^n": {"type": "null"}}, "properties": {"name": {}},
     "additionalProperties": False},
] + [{"type": "string", "format": name} for name in
     ("date", "time", "date-time", "duration", "uuid", "email", "hostname", "ipv4", "ipv6", "uri")]


def schemas():
    for base in BASES:
        yield base
        yield {"type": "array", "items": base, "minItems": 1, "maxItems": 3}
    for first, second in itertools.combinations(BASES, 2):
        yield {"type": "object", "properties": {"first": first, "second": second}, "required": ["second"]}
    yield {"$defs": {"tree": {"type": "object", "properties": {
        "value": {"type": "integer", "minimum": 0, "maximum": 9},
        "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2}}, "required": ["value"]}},
        "$ref": "#/$defs/tree"}


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    model = sys.argv[3] if len(sys.argv) > 3 else "tests/golden/models/stories260K"
    formats = jsonschema.Draft202012Validator.FORMAT_CHECKER
    valid = cut = wrong = 0
    for number, schema in enumerate(schema for _ in range(seeds) for schema in schemas()):
        run = subprocess.run([build + "/json", "--model", model, "--temp", "1", "--seed", str(number), "--max-tokens",
                              "300", json.dumps(schema)], capture_output=True, check=False)
        if b"cut off" in run.stderr:
            cut += 1
            continue
        try:
            value = json.loads(run.stdout.decode("utf-8"))
            jsonschema.validate(value, schema, format_checker=formats)
            valid += 1
        except (ValueError, jsonschema.ValidationError) as problem:
            wrong += 1
            print("FAIL", json.dumps(schema), run.stdout, run.stderr, str(problem).splitlines()[0])
    print(f"check_grammar: {valid} valid, {cut} cut off, {wrong} wrong")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
