"""Holds examples/quantize.c against mlx_lm.convert: python tests/tools/compare_quantize.py BUILD [FOLDER...]

Makes small float checkpoints (or takes those in FOLDERs), has both programs quantize each in many ways and compares
what they wrote tensor by tensor, to the bit, and "quantization" of config.json; then mlx-lm opens ours.  Needs mlx and
mlx-lm 0.32."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten, tree_map_with_path
from mlx_lm import utils

COMMON = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "rms_norm_eps": 1e-6,
    "vocab_size": 96,
    "rope_theta": 10000.0,
    "max_position_embeddings": 512,
}
MODELS = {
    "llama": {"tie_word_embeddings": False},
    "qwen2": {"tie_word_embeddings": True},
    "qwen3": {"tie_word_embeddings": True},
    "gemma": {"tie_word_embeddings": True},
    "granite": {
        "tie_word_embeddings": False,
        "logits_scaling": 1.0,
        "attention_multiplier": 0.2,
        "embedding_multiplier": 1.0,
        "residual_multiplier": 1.0,
        "attention_bias": False,
        "mlp_bias": False,
    },
    "qwen3_moe": {
        "tie_word_embeddings": False,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "moe_intermediate_size": 64,
        "norm_topk_prob": True,
    },
}
WAYS = [("affine", bits, group) for bits in (2, 3, 4, 5, 6, 8) for group in (32, 64, 128)]
WAYS += [("mxfp4", 4, 32), ("mxfp8", 8, 32), ("nvfp4", 4, 16)]


def make(folder, kind, dtype):
    config = dict(COMMON, **MODELS[kind], model_type=kind, torch_dtype=dtype)
    model_class, args_class = utils._get_classes(config)
    model = model_class(args_class.from_dict(config))
    mx.random.seed(len(kind))

    def numbers(x):  # of which the first row is zero
        first = (mx.arange(x.shape[0]) > 0).reshape([-1] + [1] * (x.ndim - 1))
        return (mx.random.normal(x.shape) * 0.1 * first).astype(getattr(mx, dtype))

    model.apply(numbers)
    folder.mkdir()
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())), {"format": "mlx"})
    (folder / "config.json").write_text(json.dumps(config))


def convert(folder, out, mode, bits, group):
    """mlx_lm.convert -q without a tokenizer."""
    model, config = utils.load_model(folder, lazy=True)
    dtype = getattr(mx, config["torch_dtype"])
    keep = getattr(model, "cast_predicate", lambda _: True)
    model.update(tree_map_with_path(lambda k, v: v.astype(dtype) if keep(k) else v, model.parameters()))
    model, config = utils.quantize_model(model, config, group, bits, mode=mode)
    utils.save_model(out, model)
    utils.save_config(config, out / "config.json")


def compare(ours, theirs):
    a, b = mx.load(str(ours / "model.safetensors")), mx.load(str(theirs / "model.safetensors"))
    problems = [f"{k} is only in one" for k in sorted(set(a) ^ set(b))]
    for k in sorted(set(a) & set(b)):
        x, y = a[k], b[k]
        if x.dtype != y.dtype or x.shape != y.shape:
            problems.append(f"{k} is {x.dtype}{x.shape}, not {y.dtype}{y.shape}")
        elif not mx.array_equal(x.view(mx.uint8), y.view(mx.uint8)):
            problems.append(f"{k}: {mx.sum(x.view(mx.uint8) != y.view(mx.uint8)).item()} bytes of {x.nbytes} differ")
    said = [json.loads((f / "config.json").read_text())["quantization"] for f in (ours, theirs)]
    if said[0] != said[1]:
        problems.append(f"quantization is {said[0]}, not {said[1]}")
    return problems


def main():
    program = Path(sys.argv[1]) / "quantize"
    passed = failed = 0
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        folders = [Path(f) for f in sys.argv[2:]]
        for kind in MODELS if not folders else []:
            for dtype in ("float16", "bfloat16", "float32"):
                folders.append(place / f"{kind}-{dtype}")
                make(folders[-1], kind, dtype)
        for n, folder in enumerate(folders):
            for mode, bits, group in WAYS:
                name = f"{mode}-{bits}-{group}"
                ours, theirs = place / f"ours-{n}-{name}", place / f"theirs-{n}-{name}"
                options = [] if mode != "affine" else ["--bits", str(bits), "--group", str(group)]
                subprocess.run([program, "--model", folder, "--out", ours, "--mode", mode, *options], check=True)
                convert(folder, theirs, mode, bits, group)
                problems = compare(ours, theirs)
                try:
                    model, _ = utils.load_model(ours)
                    model(mx.array([[1, 2, 3]]))
                except Exception as error:  # whatever it is, mlx-lm does not open it
                    problems.append(f"mlx-lm does not open it: {error}")
                passed, failed = passed + (not problems), failed + bool(problems)
                if problems:
                    print(f"FAIL {folder.name} {name}: " + "; ".join(problems[:3]))
    print(f"compare_quantize: {passed} passed, {failed} failed")
    sys.exit(failed != 0)


main()
