"""Does mlx-lm go on from the prompt caches that are saved here?  usage: continue_from_cache.py GOLDEN FIXTURE...

GOLDEN is the program build/golden; a FIXTURE is a file of kind `cachefile` or a folder of them.  Needs Python with mlx,
mlx-lm and numpy.  For each fixture the program loads the cache in it and saves it again; mlx-lm loads that file and
decodes the fixture's tokens, and the logits must be the fixture's within its tolerance.  Where mlx-lm has batches of the
model's caches, a second file holds the prompt and all but its last 3 tokens as a batch of two, and both sequences must
come to the same logits.  Exit status: 0 when all that could be run agreed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_lm.models.cache import load_prompt_cache
from mlx_lm.utils import _get_classes

mx.set_default_device(mx.cpu)
MASK = (1 << 64) - 1
FEWER = 3  # as in golden.c


def formula(seed_text, spec):
    """The numbers of a tensor by its formula; tests/README.md has it."""
    seed = 0xCBF29CE484222325
    for byte in seed_text.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & MASK
    x = np.arange(int(np.prod(spec["shape"])), dtype=np.uint64) + np.uint64(seed)
    x += np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    u = (x >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    return (spec["offset"] + spec["scale"] * u).astype(np.float32).reshape(spec["shape"])


def build(metadata):
    config, specs = json.loads(metadata["config"]), json.loads(metadata["tensors"])
    salt = specs.pop("")
    model_class, arguments = _get_classes(config)
    model = model_class(arguments.from_dict(config))
    types = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}
    weights = {
        name: mx.array(formula(f"{salt}:{name}", spec)).astype(types[spec["dtype"]]).astype(mx.float32)
        for name, spec in specs.items()
    }
    model.load_weights(list(weights.items()), strict=True)
    model.eval()
    return model


def steps(model, cache, tokens):
    """Logits [steps, sequences, vocabulary] of one token at a time; tokens [steps, sequences]."""
    return np.stack([np.array(model(mx.array(t)[:, None], cache=cache)[:, 0].astype(mx.float32)) for t in tokens])


def alone(model, path, fixture):
    cache = load_prompt_cache(str(path))
    return steps(model, cache, fixture["decode"][:, None])[:, 0] - fixture["decode_logits"]


def together(model, path, fixture):
    cache, decode, prompt = load_prompt_cache(str(path)), fixture["decode"], fixture["prompt"]
    for c in cache:  # mlx-lm 0.32 does not make these two when it loads a batch, its own neither
        c._lengths = c._right_padding = None
    fewer = min(FEWER, len(prompt))
    behind = np.concatenate([prompt[-fewer:], decode])[: len(decode)]
    logits = steps(model, cache, np.stack([decode, behind], axis=1))
    later = logits[fewer:, 1] - fixture["decode_logits"][: len(decode) - fewer]
    return np.concatenate([logits[:, 0] - fixture["decode_logits"], later])


def main(golden, *paths):
    fixtures = [f for p in map(Path, paths) for f in (sorted(p.glob("*.safetensors")) if p.is_dir() else [p])]
    failed = ran = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in fixtures:
            arrays, metadata = mx.load(str(path), return_metadata=True)
            run = subprocess.run([golden, "--save", folder, str(path)], capture_output=True, text=True)
            saved = Path(folder) / f"{path.stem}.safetensors"
            if not saved.exists():
                said = (run.stdout or run.stderr).strip().split("\n")[0]
                print("skipped:", " ".join(said.split()))
                continue
            fixture = {k: np.array(arrays[k]) for k in ("prompt", "decode", "decode_logits")}
            about, model = json.loads(metadata["about"]), build(metadata)
            batch = Path(folder) / f"{path.stem}.batch"
            if batch.exists():  # mlx goes by the ending
                batch = batch.rename(batch.with_suffix(".batch.safetensors"))
            for way, file in ((alone, saved), (together, batch)):
                if not file.exists():
                    print(f"{path.stem}: no batch: mlx-lm has none of its caches")
                    continue
                error = float(np.abs(way(model, file, fixture)).max()) / about["largest_logit"]
                ran += 1
                failed += not error <= about["tolerance"]
                verdict = "ok" if error <= about["tolerance"] else "FAIL"
                print(f"{path.stem}: {verdict}, {way.__name__}: error {error:.1e} of {about['tolerance']:.1e}")
    print(f"continue_from_cache: {ran - failed} passed, {failed} failed")
    return failed > 0 or not ran


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
