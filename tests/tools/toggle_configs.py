"""Makes fixtures from random changes of known ones.  usage: toggle_configs.py ORACLE OUT [--count N] [--seed N] [NAME ...]

ORACLE is a folder with the scripts that the given fixtures were made with (Python with mlx and mlx-lm).  Every listed
fixture without packed weights whose name begins with a NAME (default: all) gets N changed configs: flags turned, sizes
changed, options that mlx-lm's ModelArgs knows and the config lacks.  What mlx-lm cannot run is passed over.  Then:
`build/golden --once OUT` shows where the engine disagrees.
"""

import argparse
import contextlib
import copy
import dataclasses
import importlib
import io
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

arguments = argparse.ArgumentParser()
arguments.add_argument("oracle")
arguments.add_argument("out")
arguments.add_argument("--count", type=int, default=4)
arguments.add_argument("--seed", type=int, default=1)
arguments.add_argument("names", nargs="*")
args = arguments.parse_args()
sys.path.insert(0, args.oracle)
import fixture
import pack

KEPT = {"model_type", "quantization", "quantization_config", "torch_dtype", "architectures", "vocab_size"}
SCALINGS = [
    {"type": "linear", "factor": 2.0},
    {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
     "original_max_position_embeddings": 16},
    {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 32, "beta_slow": 1},
]


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


folders = Path(tempfile.mkdtemp())
made = passed_over = 0
for path in sorted(Path(args.oracle).glob("public_*.py")):
    for name, config, options in importlib.import_module(path.stem).FIXTURES:
        plain = not ({"store", "quantization", "kv"} & options.keys())
        if not plain or (args.names and not any(name.startswith(n) for n in args.names)):
            continue
        for i in range(args.count):
            generator = random.Random(f"{args.seed} {name} {i}")
            title = f"{name}-toggled-{args.seed}-{i}"
            try:
                other, log = mutate(generator, config)
                with contextlib.redirect_stdout(io.StringIO()):
                    line = fixture.make(folders, title, other, **options)
            except Exception:
                passed_over += 1
                continue
            if "STEPS DIFFER" in line or "JITTER" in line:
                passed_over += 1
                continue
            pack.pack(folders / title, Path(args.out))
            made += 1
            print(f"{title}: {json.dumps(log)}", flush=True)
shutil.rmtree(folders)
print(f"{made} made, {passed_over} passed over")
