"""Makes fixtures from random changes of known ones.  usage: toggle_configs.py ORACLE OUT [options] [NAME ...]

ORACLE is a folder with the scripts that the given fixtures were made with (Python with mlx and mlx-lm).  Every listed
fixture without packed weights whose name begins with a NAME (default: all) gets --count changed configs: flags turned,
sizes changed, options that mlx-lm's ModelArgs knows and the config lacks.  What mlx-lm cannot run is passed over.
Then `build/golden --once OUT` shows where the engine disagrees.

--original  each config with the layout of a fixture of its model_type in the original layout, so that mlx-lm's
            sanitize() converts it; model types without such a fixture are left out
--packed    a random form for the file, and another for some of the modules, some of them plain (with --original: one
            form for all maps); sizes are rounded up to multiples of 32 first
--long      long prompts in random chunks, some with bounded attention caches
"""

import argparse
import contextlib
import copy
import dataclasses
import importlib
import io
import json
import random
import re
import shutil
import sys
import tempfile
from pathlib import Path

arguments = argparse.ArgumentParser()
arguments.add_argument("oracle")
arguments.add_argument("out")
arguments.add_argument("--count", type=int, default=4)
arguments.add_argument("--seed", type=int, default=1)
arguments.add_argument("--original", action="store_true")
arguments.add_argument("--packed", action="store_true")
arguments.add_argument("--long", action="store_true")
arguments.add_argument("names", nargs="*")
args = arguments.parse_intermixed_args()
sys.path.insert(0, args.oracle)
import fixture
import mlx.core as mx
import pack
from mlx_lm.models.cache import CacheList, KVCache, RotatingKVCache, make_prompt_cache

KEPT = {"model_type", "quantization", "quantization_config", "torch_dtype", "architectures", "vocab_size"}
SCALINGS = [
    {"type": "linear", "factor": 2.0},
    {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
     "original_max_position_embeddings": 16},
    {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 32, "beta_slow": 1},
]
FORMS = [("affine", bits, group) for bits in (2, 3, 4, 5, 6, 8) for group in (32, 64, 128)]
FORMS += [("mxfp4", 4, 32), ("mxfp8", 8, 32), ("nvfp4", 4, 16)] * 3
PLAIN = r"(gate|router|wg|classifier|layer)\.weight$|conv|norm|visi|visual|mtp|eh_proj"


def known(config):
    """Options of mlx-lm's dataclasses for this model, with their defaults."""
    Model, Args = fixture.load_class(config)
    module = importlib.import_module(Model.__module__)
    found = {}
    for value in vars(module).values():
        if isinstance(value, type) and dataclasses.is_dataclass(value):
            for f in dataclasses.fields(value):
                if f.default is not dataclasses.MISSING:
                    found[f.name] = f.default
    return found


def changed(random, key, value):
    """Another value of the same kind, or None if there is none to try."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice([value * 2, value // 2, value + 1, value - 1, 1, 2, 3])
    if isinstance(value, float):
        return random.choice([value * 2, value / 2, 1.0, value * 0.9, value * 1.3])
    if "rope_scaling" in key:
        return random.choice(SCALINGS)
    if isinstance(value, list) and value and all(isinstance(v, (int, float, str)) for v in value):
        return random.choice([value[::-1], value[1:] + value[:1], value[:1] * len(value)])
    if isinstance(value, dict):
        inner = {k: v for k, v in value.items() if k not in ("type", "rope_type")}
        if inner:
            pick = random.choice(sorted(inner))
            new = changed(random, pick, inner[pick])
            return None if new is None else {**value, pick: new}
    return None


def mutate(random, config):
    config = copy.deepcopy(config)
    target = config.get("text_config") if isinstance(config.get("text_config"), dict) else config
    options = {**known(config), **target}
    log = {}
    for key in random.sample(sorted(options), len(options)):
        new = None if key in KEPT else changed(random, key, options[key])
        if new is None or new == options[key]:
            continue
        target[key] = log[key] = new
        if len(log) >= random.choice([1, 1, 2, 3]):
            break
    return config, log


def rounded_up(config):
    """With sizes that divide into groups."""
    named = lambda k: any(w in k for w in ("size", "dim", "rank", "hidden", "d_model")) and "num_" not in k
    sizes = lambda k, v: type(v) is int and v > 3 and named(k)
    up = lambda k, v: rounded_up(v) if isinstance(v, dict) else -(-v // 32) * 32 if sizes(k, v) else v
    return {k: v if k == "vocab_size" or "window" in k else up(k, v) for k, v in config.items()}


def packed_original(random, config, options):
    """The same for the original layout, every map of the checkpoint in one form; mlx-lm stacks and splits the parts.

    Numbers are float32, as it shifts norms in theirs.
    """
    mode, bits, group = random.choice([f for f in FORMS if f[0] == "affine" and f[2] == 32])

    def store(raw):
        out = dict(raw)
        for name, w in raw.items():
            plain = re.search(PLAIN, name)
            if name.endswith(".weight") and not plain and w.ndim == 2 and w.shape[-1] % group == 0:
                for part, x in zip(("weight", "scales", "biases"), mx.quantize(w, group, bits)):
                    out[name.removesuffix("weight") + part] = x
        return out

    return {**config, "quantization": {"group_size": group, "bits": bits}}, {**options, "store": store, "dtype": "F32"}


def packed(random, config, options):
    """The config with a "quantization", and options that store the modules in those forms."""
    as_dict = lambda f: dict(zip(("mode", "bits", "group_size"), f))
    first, second = random.sample(FORMS, 2)
    share, plain = random.choice([0.0, 0.3]), random.choice([0.0, 0.2])
    model = fixture.build(config)
    chosen = {}
    for path, module in sorted(model.named_modules()):
        if hasattr(module, "to_quantized") and hasattr(module, "weight"):
            form = second if random.random() < share else first
            if "Embedding" in type(module).__name__ and form[0] != "affine":
                continue  # mlx looks these up as bfloat16, and goes on in it
            if random.random() >= plain and module.weight.shape[-1] % form[2] == 0:
                chosen[path] = form
    own = {p: as_dict(f) for p, f in chosen.items() if f != first}

    def store(raw):
        out = dict(raw)
        for path, (mode, bits, group) in chosen.items():
            w = out.pop(path + ".weight")
            for name, part in zip(("weight", "scales", "biases"), mx.quantize(w, group, bits, mode=mode)):
                out[f"{path}.{name}"] = part
        return out

    if not chosen:
        raise ValueError("nothing to pack")
    dtype = random.choice(["F32", "BF16", "F16"])
    return {**config, "quantization": {**as_dict(first), **own}}, {**options, "store": store, "dtype": dtype}


def bounded_cache(model, max_kv_size=None):
    """Every unbounded attention cache is bounded, also where a model's make_cache() leaves it alone."""
    bound = lambda c: RotatingKVCache(max_kv_size, keep=4) if max_kv_size and type(c) is KVCache else c
    return [bound(c) for c in make_prompt_cache(model)]


fixture.make_cache = bounded_cache


def lengthened(random, config, options):
    """A model whose layers have lists of caches is not bounded: mlx-lm has no such form."""
    lists = any(type(c) is CacheList for c in make_prompt_cache(fixture.build(config)))
    n = random.choice([37, 70, 131, 270])
    chunks, left = [], n
    while left:
        chunks.append(min(left, random.choice([1, 2, 7, 16, 33, 64, 128])))
        left -= chunks[-1]
    bound = None if lists else random.choice([None, None, 16, 24])
    return {**options, "prompt_len": n, "chunks": random.choice([None, chunks]), "max_kv_size": bound,
            "decode_len": random.choice([6, 20])}


listed = [entry for path in sorted(Path(args.oracle).glob("public_*.py"))
          for entry in importlib.import_module(path.stem).FIXTURES]
layouts = {}
for name, config, options in listed:
    if options.get("hf") and not options.get("store"):
        layouts.setdefault(config["model_type"], []).append(options["hf"])
folders = Path(tempfile.mkdtemp())
made = passed_over = 0
for name, config, options in listed:
    plain = not ({"store", "quantization", "kv"} & options.keys())
    if not plain or (args.names and not any(name.startswith(n) for n in args.names)):
        continue
    if config["model_type"] not in layouts if args.original else args.packed and options.get("hf"):
        continue
    for i in range(args.count):
        generator = random.Random(f"{args.seed} {name} {i}")
        kinds = [k for k in ("original", "packed", "long") if getattr(args, k)]
        title = "-".join([name, *kinds, str(args.seed), str(i)])
        try:
            other, log = mutate(generator, rounded_up(config) if args.packed else config)
            how = dict(options)
            if args.original:
                how["hf"] = options.get("hf") or generator.choice(layouts[config["model_type"]])
            if args.packed:
                other, how = (packed_original if args.original else packed)(generator, other, how)
            if args.long:
                how = lengthened(generator, other, how)
            with contextlib.redirect_stdout(io.StringIO()):
                line = fixture.make(folders, title, other, **how)
        except Exception as error:
            passed_over += 1
            print(f"{title}: passed over, {type(error).__name__} {str(error)[:80]!r}", file=sys.stderr, flush=True)
            continue
        if "STEPS DIFFER" in line or "JITTER" in line:
            passed_over += 1
            continue
        pack.pack(folders / title, Path(args.out))
        shutil.rmtree(folders / title)
        made += 1
        print(f"{title}: {json.dumps(log)}", flush=True)
shutil.rmtree(folders)
print(f"{made} made, {passed_over} passed over")
