"""Makes the fixtures in tests/golden/mine.  usage: make_mine.py ORACLE OUT [NAME ...]

ORACLE is a folder with the fixture.py and pack.py that the given fixtures were made with (Python with mlx and mlx-lm);
each fixture becomes OUT/NAME.safetensors.  NAME: only those whose name begins with one of these.  The numbers are
mlx-lm's.  Where mlx-lm reads a config otherwise than the model's reference does, `reads` is the config that makes it
compute what the reference would, and `patch` changes its model to the same end; the fixture holds the config itself.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import fixture
import mlx.core as mx
import numpy as np
import pack
from mlx_lm.models import gemma2, glm4_moe_lite, longcat_flash, rope_utils
from mlx_lm.models.cache import KVCache, RotatingKVCache, make_prompt_cache

FIXTURES, READS, PATCH, DECODE = [], {}, {}, {}


def key(config):
    return json.dumps(config, sort_keys=True)


def add(name, config, reads=None, patch=None, form=None, **options):
    """form: a packed form that mlx-lm does not read, see Form."""
    if form:
        options["store"], DECODE[key(config)] = form.store, form.decode
    FIXTURES.append((name, config, options))
    READS[key(config)], PATCH[key(config)] = reads or config, patch


def but(config, **changes):
    """The config with other values; a value of ... removes the key."""
    return {k: v for k, v in {**config, **changes}.items() if v is not ...}


def build(config, *args, made=fixture.build, **options):
    model = made(READS[key(config)], *args, **options)
    if PATCH[key(config)]:
        PATCH[key(config)](model)
    return model


def spec_of(weights, dtype="F32", overrides=None, made=fixture.spec_of):
    """A dtype may be a function of a tensor's name."""
    spec = made(weights, "F32", overrides)
    for name, t in spec.items():
        t["dtype"] = dtype(name) if callable(dtype) else dtype
    return spec


def make_cache(model, max_kv_size=None):
    """max_kv_size bounds every unbounded attention cache; mlx-lm leaves those of models with a make_cache() alone."""
    bound = lambda c: RotatingKVCache(max_kv_size, keep=4) if max_kv_size and type(c) is KVCache else c
    return [bound(c) for c in make_prompt_cache(model)]


def load_stored(config, tensors, made=fixture.load_stored):
    """mlx-lm's loader, or the plain model with the numbers that a packed form stands for by its definition."""
    if key(config) not in DECODE:
        return made(config, tensors)
    return build(config, {k: mx.array(v) for k, v in DECODE[key(config)](tensors).items()})


fixture.build, fixture.spec_of, fixture.make_cache, fixture.load_stored = build, spec_of, make_cache, load_stored


def mixed(name):
    if re.search(r"norm|bias|A_log|\.D$|conv1d", name):
        return "F32"
    return "BF16" if "proj" in name else "F16"


# ---------------------------------------------------------------- original layouts: {name: array} to the same


def experts(own, name=lambda n: n):
    """Stacked experts to one tensor an expert."""
    out = {}
    for k, v in own.items():
        m = re.match(r"(.*)\.switch_mlp\.(gate_proj|up_proj|down_proj)\.weight$", k)
        each = {f"{m[1]}.experts.{e}.{name(m[2])}.weight": v[e] for e in range(v.shape[0])} if m else {k: v}
        out.update(each)
    return out


def experts_w(own):
    return experts(own, {"gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"}.get)


def kv_b(own):
    """embed_q and unembed_out to kv_b_proj."""
    out = {}
    for k, v in own.items():
        if k.endswith("embed_q.weight"):
            base = k.removesuffix("embed_q.weight")
            both = mx.concatenate([v.swapaxes(1, 2), own[base + "unembed_out.weight"]], axis=1)
            out[base + "kv_b_proj.weight"] = both.reshape(-1, both.shape[-1])
        elif not k.endswith("unembed_out.weight"):
            out[k] = v
    return out


def deepseek(own):
    return experts(kv_b(own))


def conv_torch(own):
    return {k: v.swapaxes(1, 2) if k.endswith("conv1d.weight") else v for k, v in own.items()}


def qwen3_next_hf(own):
    less_one = lambda k, v: v.ndim == 1 and k.endswith("norm.weight") and "linear_attn" not in k
    return {k: v - 1 if less_one(k, v) else v for k, v in conv_torch(experts(own)).items()}


def plus(layout=dict, **shapes):
    """Tensors besides; __ stands for a dot."""
    return lambda own: {**layout(own), **{k.replace("__", "."): mx.zeros(s) for k, s in shapes.items()}}


def fp8_layout(own):
    out = deepseek(own)
    for k in [k for k in out if re.search(r"(proj|proj_with_mqa)\.weight$", k)]:
        out[k + "_scale_inv"] = mx.ones([-(-n // 128) for n in out[k].shape])
    return out


# ---------------------------------------------------------------- packed forms: what a file holds, from plain tensors


def quantized(config, keep=()):
    """As config["quantization"] says: at the top, and by path ({...} or False)."""
    q = config["quantization"]

    def store(raw):
        out = {}
        for k, w in raw.items():
            path = k.removesuffix(".weight")
            own = {} if q.get(path) is True else q.get(path, {})
            plain = path == k or w.ndim < 2 or own is False or any(re.search(p, k) for p in keep)
            bits, group, mode = (None, 1, None) if plain else (own.get(f, q.get(f)) for f in ("bits", "group_size",
            "mode"))
            if plain or w.shape[-1] % group:
                out[k] = w
                continue
            for name, part in zip(("weight", "scales", "biases"), mx.quantize(w, group, bits, mode=mode or "affine")):
                out[f"{path}.{name}"] = part
        return out

    return store


def fp8(raw):
    out = dict(raw)
    for k in [k for k in raw if k.endswith("_scale_inv")]:
        w = k.removesuffix("_scale_inv")
        out[w] = (mx.to_fp8(raw[w].astype(mx.float32) / 0.004), "F8_E4M3")
        out[k] = raw[k].astype(mx.float32)
    return out


def words(codes, order=range(8)):
    codes = codes.reshape(codes.shape[0], -1, 8).astype(np.uint32)
    return mx.array(sum(codes[..., j] << np.uint32(4 * n) for j,
    n in enumerate(order)).astype(np.uint32).view(np.int32))


def int4(pattern, scale):
    def store(raw):
        out = dict(raw)
        for k in [k for k in raw if re.search(pattern, k)]:
            w = np.array(out.pop(k).astype(mx.float32))
            g = w.reshape(w.shape[0], -1, 32)
            s = np.abs(g).max(-1) / 7
            base = k.removesuffix("weight")
            out[base + "weight_packed"] = words((np.clip(np.rint(g / s[..., None]), -8, 7) + 8).reshape(w.shape))
            out[base + "weight_scale"] = mx.array(s).astype(scale)
            out[base + "weight_shape"] = mx.array(np.array(w.shape, np.int32))
        return out

    return store


def awq(raw):
    out = dict(raw)
    for k in [k for k in raw if re.search(r"layers.*proj\.weight$", k)]:
        w = np.array(out.pop(k).astype(mx.float32))
        g = w.reshape(w.shape[0], -1, 32)
        s = ((g.max(-1) - g.min(-1)) / 15).astype(np.float16).astype(np.float32)
        z = np.clip(np.rint(-g.min(-1) / s), 0, 15)
        q = np.clip(np.rint(g / s[..., None]) + z[..., None], 0, 15).reshape(w.shape)
        base, order = k.removesuffix("weight"), [0, 4, 1, 5, 2, 6, 3, 7]
        out[base + "qweight"], out[base + "qzeros"] = words(q.T, order), words(z.T, order)
        out[base + "scales"] = mx.array(np.ascontiguousarray(s.T)).astype(mx.float16)
    return out


class Form:
    """pack(w) gives {suffix: array} for a float32 array w, unpack({suffix: array}) what numbers those stand for."""

    def __init__(self, pack, unpack, pattern=r"layers.*proj\.weight$"):
        self.pack, self.unpack, self.pattern = pack, unpack, pattern

    def store(self, raw):
        out = dict(raw)
        for k in [k for k in raw if re.search(self.pattern, k)]:
            parts = self.pack(np.array(out.pop(k).astype(mx.float32)))
            out |= {k.removesuffix("weight") + suffix: as_stored(v) for suffix, v in parts.items()}
            self.parts = getattr(self, "parts", {}) | {k: parts}
        return out

    def decode(self, held):
        plain = {k: np.array(v.astype(mx.float32)) for k, v in held.items() if isinstance(v, mx.array) and k in PLAIN(held)}
        return plain | {k: self.unpack(parts).astype(np.float32) for k, parts in self.parts.items()}


def PLAIN(held):
    return {k for k in held if re.search(r"(norm|embed_tokens|lm_head)\.weight$|proj\.bias$", k)}


def as_stored(v):
    return (mx.array(v[0]), v[1]) if isinstance(v, tuple) else mx.array(v)


def groups_of(w, size, index=None):
    """The group of each column, and for each group its lowest and highest number in each row."""
    index = np.arange(w.shape[1]) // size if index is None else index
    low = np.stack([w[:, index == g].min(1) for g in range(index.max() + 1)], 1)
    high = np.stack([w[:, index == g].max(1) for g in range(index.max() + 1)], 1)
    return index, low, high


def bits_to_words(codes, bits):
    """[n, m] codes to [n * bits / 32, m] words, one after another."""
    n, m = codes.shape
    streams = np.unpackbits(codes.astype(np.uint8)[..., None], axis=2, bitorder="little")[..., :bits]
    streams = streams.transpose(1, 0, 2).reshape(m, n * bits)
    streams = np.pad(streams, ((0, 0), (0, -streams.shape[1] % 32)))
    return np.ascontiguousarray(np.packbits(streams, axis=1, bitorder="little").view(np.int32).T)


def words_to_bits(words, bits, n):
    streams = np.unpackbits(np.ascontiguousarray(words.T).view(np.uint8), axis=1, bitorder="little")
    codes = streams[:, : n * bits].reshape(words.shape[1], n, bits)
    return (codes * (1 << np.arange(bits))).sum(2).T


def uneven(w, size, bits, index=None):
    """Codes, zeros and scales [rows, groups] that put a row's lowest and highest number at the ends."""
    index, low, high = groups_of(w, size, index)
    scale = ((high - low) / (2**bits - 1)).astype(np.float16).astype(np.float32)
    zero = np.clip(np.rint(-low / scale), 1, 2**bits - 1)
    code = np.clip(np.rint(w / scale[:, index]) + zero[:, index], 0, 2**bits - 1)
    return index, code, zero, scale


def gptq(bits, size, less=1, act=False, zeros=True):
    def pack(w):
        index = np.argsort(np.argsort(fixture.uniform("act", str(w.shape), w.shape[1]))) // size if act else None
        index, code, zero, scale = uneven(w, size, bits, index)
        if not zeros:
            zero = np.full_like(zero, 2 ** (bits - 1))
            code = np.clip(np.rint(w / scale[:, index]) + zero[:, index], 0, 2**bits - 1)
        out = {"qweight": bits_to_words(code.T, bits), "scales": scale.T.astype(np.float16).copy(), "g_idx":
            index.astype(np.int32)}
        return out | ({"qzeros": bits_to_words(zero - less, bits).T.copy()} if zeros else {})

    def unpack(parts):
        scale, index = parts["scales"].astype(np.float64).T, parts["g_idx"]
        code = words_to_bits(parts["qweight"], bits, len(index)).T
        zero = words_to_bits(parts["qzeros"].T, bits, scale.shape[0]) + less if zeros else np.full(scale.shape,
            2 ** (bits - 1))
        return (code - zero[:, index]) * scale[:, index]

    return Form(pack, unpack)


def compressed(bits, size, act=False, even=False):
    """compressed-tensors pack-quantized; even: without zeros."""
    def pack(w):
        index = np.argsort(np.argsort(fixture.uniform("act", str(w.shape), w.shape[1]))) // size if act else None
        index, code, zero, scale = uneven(w, size or w.shape[1], bits, index)
        if even:
            zero = np.full_like(zero, 2 ** (bits - 1))
            code = np.clip(np.rint(w / scale[:, index]) + zero[:, index], 0, 2**bits - 1)
        out = {"weight_packed": bits_to_words(code.T, bits).T.copy(), "weight_scale": scale.astype(np.float16),
            "weight_shape": np.array(w.shape, np.int64)}
        out |= {} if even else {"weight_zero_point": bits_to_words(zero, bits)}
        return out | ({"weight_g_idx": index.astype(np.int32)} if act else {})

    def unpack(parts):
        rows, cols = parts["weight_shape"]
        scale = parts["weight_scale"].astype(np.float64)
        index = parts.get("weight_g_idx", np.arange(cols) * scale.shape[1] // cols)
        code = words_to_bits(parts["weight_packed"].T, bits, cols).T
        zero = np.full(scale.shape, 2 ** (bits - 1)) if even else words_to_bits(parts["weight_zero_point"], bits, rows)
        return (code - zero[:, index]) * scale[:, index]

    return Form(pack, unpack)


def int8_rows(zeros):
    def pack(w):
        _, code, zero, scale = uneven(w, w.shape[1], 8)
        out = {"weight": (code - 128).astype(np.int8), "weight_scale": scale}
        return out | ({"weight_zero_point": (zero - 128).astype(np.int8)} if zeros else {})

    def unpack(parts):
        zero = parts["weight_zero_point"] if zeros else 0
        return (parts["weight"].astype(np.float64) - zero) * parts["weight_scale"]

    return Form(pack, unpack)


def e4m3(x):
    return np.array(mx.to_fp8(mx.array(x.astype(np.float32))))


def e4m3_value(x):
    return np.array(mx.from_fp8(mx.array(x), dtype=mx.float32)).astype(np.float64)


def fp8_scaled(down, across, suffix="weight_scale", shape=None):
    """A factor for each block; with weight_scale_inv the numbers are rounded to bfloat16."""
    def spread(scale, rows, cols):
        return np.repeat(np.repeat(scale, down or rows, 0)[:rows], across or cols, 1)[:, :cols]

    def pack(w):
        rows, cols = w.shape
        n, m = -(-rows // (down or rows)), -(-cols // (across or cols))
        scale = (0.003 + 0.001 * fixture.uniform("fp8", str(w.shape), n * m).reshape(n, m)).astype(np.float32)
        out = scale.reshape(()) if shape == () else scale
        return {"weight": (e4m3(w / spread(scale, rows, cols)), "F8_E4M3"), suffix: out}

    def unpack(parts):
        code = e4m3_value(parts["weight"][0])
        w = (code * spread(np.atleast_2d(parts[suffix]), *code.shape).astype(np.float64)).astype(np.float32)
        return np.array(mx.array(w).astype(mx.bfloat16).astype(mx.float32)) if suffix.endswith("inv") else w

    return Form(pack, unpack)


E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])


def nibbles(size, names, factor=None, divides=False):
    """e2m1 in bytes, low half first; e4m3 scales for 16 numbers, or powers of two for 32."""
    number = (1 / factor if divides else factor) if factor else 1

    def pack(w):
        g = np.abs(w).reshape(w.shape[0], -1, size).max(2) / 6 / number
        scale = (e4m3(g), "F8_E4M3") if size == 16 else np.clip(np.ceil(np.log2(g)) + 127, 1, 254).astype(np.uint8)
        x = w / np.repeat(values(scale), size, 1) / number
        code = np.abs(np.abs(x)[..., None] - E2M1).argmin(-1) + 8 * (x < 0)
        out = {names[0]: (code[:, 0::2] + 16 * code[:, 1::2]).astype(np.uint8), names[1]: scale}
        return out | ({names[2]: np.array([factor], np.float32)} if factor else {})

    def values(scale):
        return e4m3_value(scale[0]) if size == 16 else 2.0 ** (scale.astype(np.float64) - 127)

    def unpack(parts):
        code = np.stack([parts[names[0]] & 15, parts[names[0]] >> 4], 2).reshape(parts[names[0]].shape[0], -1)
        return np.where(code & 8, -1, 1) * E2M1[code & 7] * np.repeat(values(parts[names[1]]), size, 1) * number

    return Form(pack, unpack)


def nvfp4_global(factor):
    """mlx's nvfp4 with a global scale, whose products mlx has on GPUs alone."""
    made = nibbles(16, ("weight", "scales", "global"), factor / (448 * 6))

    def pack(w):
        parts = made.pack(w)
        return {"weight": parts["weight"].view(np.uint32), "scales": parts["scales"][0],
            "global_scale": np.float32(factor)}

    def unpack(parts):
        return made.unpack({"weight": parts["weight"].view(np.uint8), "scales": (parts["scales"], "F8_E4M3")})

    return Form(pack, unpack)


def ternary(inverted):
    def pack(w):
        scale = np.abs(w).mean()
        code = (np.clip(np.rint(w / scale), -1, 1) + 1).astype(np.uint8).reshape(4, w.shape[0] // 4, -1)
        packed = sum(code[i] << np.uint8(2 * i) for i in range(4)).astype(np.uint8)
        return {"weight": packed, "weight_scale": np.array([1 / scale if inverted else scale], np.float32)}

    def unpack(parts):
        w = np.concatenate([(parts["weight"] >> np.uint8(2 * i) & 3).astype(np.float64) - 1 for i in range(4)])
        return w / parts["weight_scale"] if inverted else w * parts["weight_scale"]

    return Form(pack, unpack)


# ---------------------------------------------------------------- llama

LLAMA = dict(model_type="llama", hidden_size=48, num_hidden_layers=2, intermediate_size=56, num_attention_heads=4,
    num_key_value_heads=2, rms_norm_eps=1e-5, vocab_size=53, rope_theta=10000.0, max_position_embeddings=512,
    tie_word_embeddings=False)
S, F = "sliding_attention", "full_attention"
ONE = but(LLAMA, vocab_size=9, num_hidden_layers=1)
LONG, SHORT = [1.0, 1.3, 1.6, 2.0, 3.1, 5.2], [1.0, 1.0, 1.1, 1.2, 1.4, 1.5]

add("llama-one-layer", but(LLAMA, num_hidden_layers=1, num_key_value_heads=..., tie_word_embeddings=...))
add("llama-uneven-heads", but(LLAMA, hidden_size=50))
add("llama-gqa5", but(LLAMA, num_attention_heads=10, num_key_value_heads=2, head_dim=14))
add("llama-mqa17", but(LLAMA, num_attention_heads=17, num_key_value_heads=1, head_dim=6, hidden_size=50))
add("llama-d256", but(LLAMA, num_attention_heads=2, num_key_value_heads=1, head_dim=256))
add("llama-odd", but(LLAMA, hidden_size=37, intermediate_size=41, vocab_size=7, head_dim=6, num_attention_heads=5,
    num_key_value_heads=5))
add("llama-mixed", but(LLAMA, attention_bias=True), dtype=mixed)
add("llama-traditional-llama3", but(LLAMA, rope_traditional=True, head_dim=24, rope_scaling=dict(rope_type="llama3",
    factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)))
add("llama-yarn-flat", but(LLAMA, head_dim=8, rope_scaling=dict(rope_type="yarn", factor=4.0,
    original_max_position_embeddings=8, beta_fast=32, beta_slow=16)))
add("llama-type-both", but(LLAMA, rope_scaling=dict(type="linear", rope_type="dynamic", factor=3)))
add("llama-dynamic-chunks", but(LLAMA, max_position_embeddings=6, rope_traditional=True,
    rope_scaling=dict(rope_type="dynamic", factor=4.0)), chunks=[4, 1, 5, 2])
below = but(LLAMA, rope_scaling=dict(rope_type="longrope", original_max_position_embeddings=64, short_factor=SHORT,
    long_factor=LONG))
add("llama-longrope-below", below, chunks=[3, 9], reads=but(below, rope_scaling={**below["rope_scaling"],
    "long_factor": SHORT}))
exact = but(LLAMA, head_dim=24, rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64,
    truncate=False))


def untruncated(model):
    class Unrounded:
        floor = ceil = staticmethod(lambda x: x)
        log, pi = np.log, np.pi

    rounded, rope_utils.math = rope_utils.math, Unrounded
    for layer in model.layers:
        layer.self_attn.rope = rope_utils.initialize_rope(24, 10000.0, False, exact["rope_scaling"])
    rope_utils.math = rounded


add("llama-yarn-truncate", exact, patch=untruncated)
add("llama-window-1", but(LLAMA, num_hidden_layers=3, layer_types=[S, F, S], sliding_window=1), prompt_len=7,
    decode_len=5)
add("llama-window-2-chunks", but(LLAMA, num_hidden_layers=3, layer_types=[F, S, S], sliding_window=2), prompt_len=15,
    chunks=[1, 2, 5, 1, 6])
add("llama-window-63", but(ONE, num_hidden_layers=2, layer_types=[S, F], sliding_window=63), prompt_len=200,
    chunks=[64, 64, 64, 8], decode_len=3)
add("llama-rot8-window-30", but(LLAMA, vocab_size=13, num_hidden_layers=3, layer_types=[S, F, S], sliding_window=30),
    max_kv_size=8, prompt_len=28, chunks=[6, 1, 1, 20], decode_len=19)
add("llama-kv5g128", but(LLAMA, num_attention_heads=3, num_key_value_heads=1, head_dim=128), kv=dict(bits=5,
    group_size=128), tolerance=1e-3)
WIDE = but(ONE, hidden_size=64, intermediate_size=64, head_dim=16, vocab_size=37, attention_bias=True)
q = but(WIDE, quantization={"group_size": 32, "bits": 4, "model.layers.0.self_attn.q_proj": True, "lm_head": False,
    "model.layers.0.mlp.up_proj": {"group_size": 32, "bits": 2, "mode": "affine"}})
add("llama-override-true", q, store=quantized(q), dtype="BF16")
q = but(ONE, hidden_size=192, intermediate_size=64, head_dim=16, vocab_size=19, num_key_value_heads=1,
    tie_word_embeddings=True, quantization=dict(group_size=64, bits=3))
add("llama-q3-192", q, store=quantized(q), dtype="F16")
add("llama-awq-wider-floats", but(WIDE, quantization_config=dict(quant_method="awq", bits=4, group_size=32,
    zero_point=True)), store=awq)

PACKED = but(WIDE, attention_bias=False, intermediate_size=96, num_key_value_heads=2)
says = lambda method, **more: but(PACKED, quantization_config=dict(quant_method=method, **more))
add("llama-gptq4", says("gptq", bits=4, group_size=32, desc_act=False), form=gptq(4, 32))
add("llama-gptq4-act", says("gptq", bits=4, group_size=32, desc_act=True), form=gptq(4, 32, act=True))
add("llama-gptq8-even", says("gptq", bits=8, group_size=-1, sym=True), form=gptq(8, 64, zeros=False))
add("llama-gptq3-v2", says("gptq", bits=3, group_size=32, checkpoint_format="gptq_v2"), form=gptq(3, 32, less=0))
add("llama-gptq2-short", but(says("gptq", bits=2, group_size=48), intermediate_size=80), form=gptq(2, 48))
add("llama-packed4-zeros", says("compressed-tensors", format="pack-quantized"), form=compressed(4, 32))
add("llama-packed4-act", says("compressed-tensors", format="pack-quantized", note=1), form=compressed(4, 16, act=True))
add("llama-packed8-rows", but(says("compressed-tensors", format="pack-quantized", note=2), hidden_size=72),
    form=compressed(8, 0, even=True))
add("llama-int8-rows", says("compressed-tensors", format="int-quantized"), form=int8_rows(False))
add("llama-int8-zeros", but(says("compressed-tensors", format="int-quantized", note=1), hidden_size=52),
    form=int8_rows(True))
add("llama-fp8-rows", says("compressed-tensors", format="float-quantized"), form=fp8_scaled(1, 0))
add("llama-fp8-one", says("fp8", weight_block_size=None), form=fp8_scaled(0, 0, "weight_scale_inv", ()))
add("llama-fp8-blocks-32-48", says("fp8", weight_block_size=[32, 48]), form=fp8_scaled(32, 48, "weight_scale_inv"))
add("llama-nvfp4-packed", says("compressed-tensors", format="nvfp4-pack-quantized"), form=nibbles(16,
    ("weight_packed", "weight_scale", "weight_global_scale"), 700.0, True))
add("llama-nvfp4-modelopt", says("modelopt", quant_algo="NVFP4"), form=nibbles(16, ("weight", "weight_scale",
    "weight_scale_2"), 0.002))
add("llama-nvfp4-global", but(PACKED, quantization=dict(group_size=16, bits=4, mode="nvfp4")), form=nvfp4_global(3.5))
add("llama-mxfp4-packed", says("compressed-tensors", format="mxfp4-pack-quantized"), form=nibbles(32,
    ("weight_packed", "weight_scale")))
add("llama-ternary", says("bitnet", linear_class="autobitlinear"), form=ternary(False))
add("llama-ternary-inverted", but(says("bitnet", linear_class="bitlinear"), hidden_size=56), form=ternary(True))

# ---------------------------------------------------------------- mixtral, qwen2, qwen3

MIXTRAL = dict(model_type="mixtral", vocab_size=51, hidden_size=48, intermediate_size=40, num_hidden_layers=2,
    num_attention_heads=6, num_experts_per_tok=2, num_key_value_heads=2, num_local_experts=4, rms_norm_eps=1e-5,
    rope_theta=10000.0)
ROTATING = but(MIXTRAL, vocab_size=13, num_hidden_layers=1)
add("mixtral-kv-absent", but(MIXTRAL, num_key_value_heads=..., num_attention_heads=16, hidden_size=64))
add("mixtral-rot5", ROTATING, max_kv_size=5, prompt_len=21, chunks=[5, 1, 7, 1, 1, 6], decode_len=12)
add("mixtral-rot70", ROTATING, max_kv_size=70, prompt_len=160, chunks=[100, 60], decode_len=5)
add("mixtral-hf-q4", but(MIXTRAL, hidden_size=64, intermediate_size=32, num_attention_heads=4, num_hidden_layers=1,
    vocab_size=37, num_local_experts=3, quantization=dict(group_size=32, bits=4)), hf=experts_w,
    store=quantized(dict(quantization=dict(group_size=32, bits=4)), keep=["gate"]), dtype="BF16")
QWEN2 = dict(model_type="qwen2", hidden_size=72, num_hidden_layers=2, intermediate_size=56, num_attention_heads=6,
    num_key_value_heads=2, rms_norm_eps=1e-6, vocab_size=51, rope_theta=1000000.0, max_position_embeddings=64,
    tie_word_embeddings=False)
add("qwen2-longrope", but(QWEN2, rope_scaling=dict(type="longrope", original_max_position_embeddings=4,
    short_factor=SHORT, long_factor=LONG)))
QWEN3 = but(QWEN2, model_type="qwen3", hidden_size=48, head_dim=10)
LINEAR = dict(rope_theta=5000.0, rope_type="linear", factor=3.0)
add("qwen3-parameters", but(QWEN3, rope_theta=..., rope_parameters=LINEAR))
add("qwen3-both", but(QWEN3, rope_theta=2000.0, rope_scaling=dict(rope_type="linear", factor=2.0),
    rope_parameters=LINEAR))
QMOE = but(QWEN3, model_type="qwen3_moe", num_experts=5, num_experts_per_tok=2, decoder_sparse_step=1,
    mlp_only_layers=[], moe_intermediate_size=24, norm_topk_prob=True)
add("qwen3_moe-none", but(QMOE, num_experts=0, num_experts_per_tok=4))
add("qwen3_moe-step3", but(QMOE, decoder_sparse_step=3, num_hidden_layers=4, mlp_only_layers=[0]))
add("qwen3_moe-128", but(QMOE, num_experts=128, num_experts_per_tok=8, moe_intermediate_size=4, num_hidden_layers=1))
q = but(QMOE, hidden_size=64, head_dim=16, moe_intermediate_size=32, num_experts=3, num_hidden_layers=1,
    vocab_size=37, quantization={"group_size": 32, "bits": 4, "mode": "affine", "lm_head": {"group_size": 64,
    "bits": 6}, "model.embed_tokens": False, "model.layers.0.mlp.gate": {"group_size": 64, "bits": 8},
    "model.layers.0.mlp.switch_mlp.down_proj": {"group_size": 32, "bits": 6}})
add("qwen3_moe-router8", q, store=quantized(q), dtype="F16")

# ---------------------------------------------------------------- gemma2, gemma3_text, phi3

NORM = {r"norm\.weight$": (0.1, 0.3)}
GEMMA2 = dict(model_type="gemma2", hidden_size=48, num_hidden_layers=3, intermediate_size=56, num_attention_heads=6,
    head_dim=12, rms_norm_eps=1e-6, vocab_size=51, num_key_value_heads=2)


def attend(self, x, mask=None, cache=None, made=gemma2.Attention.__call__):
    if getattr(self, "reach", None):
        q = mx.arange(cache.offset, cache.offset + x.shape[1])[:, None]
        k = mx.arange(cache.offset + x.shape[1])[None]
        mask = (k <= q) & (k > q - self.reach)
    return made(self, x, mask, cache)


def every_other(model):
    gemma2.Attention.__call__ = attend
    for layer in model.layers[::2]:
        layer.self_attn.reach = 3


add("gemma2-mqa", but(GEMMA2, num_key_value_heads=1, head_dim=256, num_attention_heads=2), overrides=NORM)
add("gemma2-window-3", but(GEMMA2, sliding_window=3), patch=every_other, overrides=NORM, prompt_len=15, chunks=[4, 1,
    2, 8], decode_len=7)
add("gemma2-mxfp4-32", but(GEMMA2, hidden_size=32, intermediate_size=32, vocab_size=11, num_hidden_layers=1),
    quantization=dict(group_size=32, bits=4, mode="mxfp4"), overrides=NORM)
add("gemma2-caps-null", but(GEMMA2, attn_logit_softcapping=None, final_logit_softcapping=None), reads=but(GEMMA2,
    attn_logit_softcapping=1e6, final_logit_softcapping=1e6), overrides=NORM)
GEMMA3 = but(GEMMA2, model_type="gemma3_text", num_hidden_layers=2, intermediate_size=40, head_dim=10,
    sliding_window=4, sliding_window_pattern=2)
add("gemma3_text-six", but(GEMMA3, num_hidden_layers=6, sliding_window_pattern=...), overrides=NORM, prompt_len=14,
    chunks=[5, 9], decode_len=8)
add("gemma3_text-window-2", but(GEMMA3, num_hidden_layers=3, sliding_window=2), overrides=NORM, prompt_len=19,
    chunks=[7, 1, 1, 10])
add("gemma3_text-parameters", but(GEMMA3, rope_parameters=dict(full_attention=dict(rope_type="linear", factor=8.0,
    rope_theta=5000.0), sliding_attention=dict(rope_type="default", rope_theta=300.0))), reads=but(GEMMA3,
    rope_theta=5000.0, rope_local_base_freq=300.0, rope_scaling=dict(rope_type="linear", factor=8.0)), overrides=NORM)
q = but(GEMMA3, hidden_size=64, intermediate_size=64, num_attention_heads=4, head_dim=16, vocab_size=37,
    quantization=dict(group_size=32, bits=4))
add("gemma3_text-q4-tied", q, hf=lambda own: {k: v for k, v in own.items() if "lm_head" not in k}, store=quantized(q),
    dtype="BF16", overrides=NORM)
PHI3 = dict(model_type="phi3", hidden_size=48, num_hidden_layers=2, intermediate_size=56, num_attention_heads=4,
    rms_norm_eps=1e-5, vocab_size=51)
LONGROPE = dict(type="longrope", short_factor=SHORT, long_factor=LONG)
add("phi3-longrope-traditional", but(PHI3, rope_scaling=LONGROPE, rope_traditional=True))
add("phi3-rope_type", but(PHI3, rope_scaling=dict(rope_type="longrope", short_factor=SHORT, long_factor=LONG)),
    reads=but(PHI3, rope_scaling=LONGROPE))
q = but(PHI3, hidden_size=64, intermediate_size=64, num_key_value_heads=2, num_hidden_layers=1, vocab_size=37,
    quantization={"group_size": 32, "bits": 4, "model.layers.0.self_attn.qkv_proj": {"group_size": 64, "bits": 6},
    "model.layers.0.mlp.gate_up_proj": {"group_size": 32, "bits": 3}})
add("phi3-overrides", q, store=quantized(q), dtype="F16")

# ---------------------------------------------------------------- deepseek_v3

DSV3 = dict(model_type="deepseek_v3", vocab_size=51, hidden_size=48, intermediate_size=56, moe_intermediate_size=20,
    num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3, n_shared_experts=1, n_routed_experts=8,
    routed_scaling_factor=2.5, kv_lora_rank=20, q_lora_rank=24, qk_rope_head_dim=8, v_head_dim=10,
    qk_nope_head_dim=12, n_group=4, topk_group=2, num_experts_per_tok=3, first_k_dense_replace=1,
    max_position_embeddings=512, rms_norm_eps=1e-6, rope_theta=10000.0)
BIAS = {r"e_score_correction_bias": (0.0, 0.5)}
YARN = dict(type="yarn", factor=40, original_max_position_embeddings=64, beta_fast=32, beta_slow=1, mscale=1.3,
    mscale_all_dim=0.7)
add("deepseek_v3-bias-negative", DSV3, overrides={r"e_score_correction_bias": (-0.7, 0.5)})
add("deepseek_v3-no-groups", but(DSV3, n_group=0, topk_group=0), overrides=BIAS)
add("deepseek_v3-groups-8-3", but(DSV3, n_routed_experts=16, n_group=8, topk_group=3, num_experts_per_tok=5),
    overrides=BIAS)
add("deepseek_v3-freq3", but(DSV3, num_hidden_layers=5, moe_layer_freq=3), overrides=BIAS)
add("deepseek_v3-yarn-mscale", but(DSV3, rope_scaling=YARN), overrides=BIAS)
add("deepseek_v3-heads-20", but(DSV3, num_attention_heads=20, qk_nope_head_dim=4, qk_rope_head_dim=4, v_head_dim=4,
    num_hidden_layers=1), overrides=BIAS, chunks=[7, 5])
add("deepseek_v3-rot20", but(DSV3, vocab_size=9, num_hidden_layers=1), max_kv_size=20, prompt_len=300, chunks=[10,
    290], decode_len=3, overrides=BIAS)
SMALL = but(DSV3, n_routed_experts=3, n_group=1, topk_group=1, num_experts_per_tok=2)
add("deepseek_v3-fp8-blocks", but(SMALL, vocab_size=9, hidden_size=20, intermediate_size=140, moe_intermediate_size=9,
    num_attention_heads=2, kv_lora_rank=10, q_lora_rank=12, quantization_config=dict(quant_method="fp8",
    weight_block_size=[128, 128])), hf=fp8_layout, store=fp8, overrides={**BIAS, "weight_scale_inv": (0.004, 0.002)},
    dtype="BF16")
PACKED = but(SMALL, hidden_size=64, intermediate_size=64, moe_intermediate_size=32, kv_lora_rank=32, q_lora_rank=32,
    qk_nope_head_dim=32, qk_rope_head_dim=32, v_head_dim=32, num_attention_heads=2, vocab_size=17)
add("deepseek_v3-int4-f32", but(PACKED, quantization_config=dict(quant_method="compressed-tensors",
    format="pack-quantized")), hf=deepseek, store=int4(r"mlp\..*proj\.weight$|o_proj\.weight$|q_[ab]_proj\.weight$",
    mx.float32), overrides=BIAS)
add("deepseek_v3-int4-kv_b", but(PACKED, num_hidden_layers=1, quantization_config=dict(
    quant_method="compressed-tensors", format="pack-quantized")), hf=deepseek, dtype="BF16",
    store=int4(r"proj\.weight$", mx.bfloat16), overrides=BIAS)
q = but(PACKED, num_hidden_layers=1, first_k_dense_replace=0, quantization=dict(group_size=32, bits=6))
add("deepseek_v3-hf-q6", q, hf=experts, store=quantized(q, keep=[r"mlp\.gate\."]), dtype="BF16", overrides=BIAS)

# ---------------------------------------------------------------- mamba2, qwen3_next

SLOW = {r"A_log$": (-1.5, 0.8), r"dt_bias$": (-0.3, 0.5)}
MAMBA2 = dict(model_type="mamba2", num_heads=6, head_dim=8, vocab_size=51, hidden_size=40, intermediate_size=48,
    state_size=12, num_hidden_layers=2, layer_norm_epsilon=1e-5, conv_kernel=4, n_groups=1, use_bias=False,
    use_conv_bias=True, tie_word_embeddings=False, time_step_limit=[0.0, float("inf")], time_step_rank="auto")
add("mamba2-groups-3", but(MAMBA2, n_groups=3, head_dim=5, num_heads=9), overrides=SLOW, chunks=[5, 7])
add("mamba2-kernel-7", but(MAMBA2, conv_kernel=7), overrides=SLOW, chunks=[2, 3, 7])
add("mamba2-state-65", but(MAMBA2, state_size=65, head_dim=17, num_heads=2), overrides=SLOW)
add("mamba2-hf-tied", but(MAMBA2, tie_word_embeddings=True, use_bias=True), hf=conv_torch, overrides=SLOW, dtype=mixed)
add("mamba2-300", but(MAMBA2, vocab_size=9, num_hidden_layers=1), overrides=SLOW, prompt_len=300, chunks=[260, 40],
    decode_len=3)
QNEXT = but(QMOE, model_type="qwen3_next", linear_num_value_heads=6, linear_num_key_heads=2, linear_key_head_dim=8,
    linear_value_head_dim=12, linear_conv_kernel_dim=4, shared_expert_intermediate_size=28, rope_theta=900.0,
    partial_rotary_factor=0.25, head_dim=16, full_attention_interval=2, norm_topk_prob=False)
add("qwen3_next-ratio-6", but(QNEXT, linear_num_key_heads=1, linear_value_head_dim=5, linear_key_head_dim=9),
    overrides=SLOW)
add("qwen3_next-interval-default", but(QNEXT, num_hidden_layers=4, full_attention_interval=...), overrides=SLOW)
add("qwen3_next-hf-mtp", but(QNEXT, tie_word_embeddings=True), overrides=SLOW, dtype="BF16", hf=plus(qwen3_next_hf,
    mtp__fc__weight=(4, 8), mtp__layers__0__mlp__experts__0__up_proj__weight=(4, 4), mtp__norm__weight=(4,),
    lm_head__weight=(51, 48)))
add("qwen3_next-rot7", but(QNEXT, vocab_size=13), overrides=SLOW, max_kv_size=7, prompt_len=14, chunks=[6, 1, 1, 6],
    decode_len=9)
add("qwen3_next-300", but(QNEXT, vocab_size=9), overrides=SLOW, prompt_len=300, decode_len=3)
q = but(QNEXT, hidden_size=64, num_attention_heads=4, vocab_size=11, linear_value_head_dim=32,
    linear_num_value_heads=2, linear_num_key_heads=1, moe_intermediate_size=32, shared_expert_intermediate_size=32,
    num_experts=2, num_experts_per_tok=1, quantization={"group_size": 32, "bits": 3,
    **{f"model.layers.{i}.mlp.{gate}": {"group_size": 64, "bits": 8} for i in (0, 1) for gate in ("gate",
    "shared_expert_gate")}})
add("qwen3_next-router8", q, store=quantized(q, keep=["conv1d"]), dtype="F16", overrides=SLOW)

# ---------------------------------------------------------------- attention and dense feed-forwards

BASE = dict(hidden_size=48, num_hidden_layers=2, intermediate_size=56, num_attention_heads=4, num_key_value_heads=2,
    vocab_size=51, max_position_embeddings=512)
PLAIN = but(BASE, rms_norm_eps=1e-3, rope_theta=900.0, tie_word_embeddings=False)
add("apertus-bias", but(PLAIN, model_type="apertus", mlp_bias=True, attention_bias=True, post_norm=True, qk_norm=False,
    rope_traditional=True))
add("cohere2-defaults", but(BASE, model_type="cohere2", head_dim=12, num_hidden_layers=5, sliding_window=3))
add("exaone-bias", but(PLAIN, model_type="exaone", num_hidden_layers=..., num_layers=2, rms_norm_eps=...,
    layer_norm_epsilon=1e-3, attention_bias=True, mlp_bias=True, head_dim=12, rope_traditional=True,
    max_position_embeddings=...))
add("exaone4-window-1", but(PLAIN, model_type="exaone4", head_dim=10, rope_scaling=None, sliding_window=1,
    sliding_window_pattern="GL", num_hidden_layers=3))
add("gemma-mha", but(PLAIN, model_type="gemma", head_dim=20, num_key_value_heads=4))
add("glm4-nobias", but(PLAIN, model_type="glm4", attention_bias=False, head_dim=20, partial_rotary_factor=0.7))
add("gpt_bigcode-tied", dict(model_type="gpt_bigcode", n_embd=40, n_layer=2, n_inner=52, n_head=5, n_positions=64,
    layer_norm_epsilon=1e-3, vocab_size=41))
add("gpt_neox-full", but(BASE, model_type="gpt_neox", layer_norm_eps=1e-3, rotary_emb_base=300, rotary_pct=1.0,
    num_attention_heads=3, num_key_value_heads=...), chunks=[4, 8])
add("granite-scaled", but(PLAIN, model_type="granite", logits_scaling=2.0, attention_multiplier=0.3,
    embedding_multiplier=3.0, residual_multiplier=0.5, attention_bias=True, mlp_bias=False, tie_word_embeddings=...,
    rope_scaling=dict(rope_type="linear", factor=2.0)))
add("hunyuan_v1_dense-plain", but(PLAIN, model_type="hunyuan_v1_dense", use_qk_norm=False, attention_bias=True))
q = but(PLAIN, model_type="internlm2", hidden_size=64, intermediate_size=64, num_hidden_layers=1, vocab_size=17,
    bias=False, quantization={"group_size": 32, "bits": 4})
add("internlm2-q4", q, store=quantized(q), dtype="F16")
add("lille-130m-half", dict(model_type="lille-130m", block_size=64, layer_norm_eps=1e-3, n_embd=240, n_head=4,
    n_kv_heads=1, n_layer=1, rope_theta=500.0, vocab_size=23))
add("ministral3-default-types", but(PLAIN, model_type="ministral3", rope_theta=..., head_dim=..., rope_parameters=dict(
    rope_type="default", rope_theta=800.0, original_max_position_embeddings=3, llama_4_scaling_beta=0.7)))
add("nanbeige-weights", but(PLAIN, model_type="nanbeige", loop_loss_weights=[0.5, 0.5], num_loops=5,
    attention_bias=True, mlp_bias=True), chunks=[5, 7])
add("nemotron-defaults", but(PLAIN, model_type="nemotron", hidden_act="relu2", rms_norm_eps=..., norm_eps=1e-3,
    head_dim=20, rope_theta=..., tie_word_embeddings=...))
add("olmo2-bias-mha", but(PLAIN, model_type="olmo2", num_key_value_heads=None, attention_bias=True, mlp_bias=True))
add("olmo3-types", but(PLAIN, model_type="olmo3", sliding_window=3, num_hidden_layers=3, layer_types=[F, S, F],
    attention_bias=True, rope_scaling=dict(rope_type="linear", factor=3.0), num_key_value_heads=None))
add("openelm-up", dict(model_type="openelm", head_dim=10, num_transformer_layers=2, model_dim=37, vocab_size=29,
    ffn_dim_divisor=30, num_query_heads=[2, 6], num_kv_heads=[1, 3], ffn_multipliers=[1.2, 0.3]))
add("phi3small-plain", but(BASE, model_type="phi3small", intermediate_size=..., ff_intermediate_size=20,
    dense_attention_every_n_layers=1, gegelu_limit=2.0, layer_norm_epsilon=1e-3, mup_use_scaling=False,
    mup_embedding_multiplier=0.0, mup_width_multiplier=0.0, blocksparse_block_size=32, blocksparse_num_local_blocks=1,
    blocksparse_vert_stride=5, vocab_size=9, num_hidden_layers=1), patch=lambda model: setattr(model,
    "_dummy_tokenizer_ids", mx.zeros((0,), mx.int32)), prompt_len=140, chunks=[1] * 140, decode_len=2)
add("plamo3-defaults", but(BASE, model_type="plamo3", head_dim=12, num_hidden_layers=8, sliding_window=40,
    window_size=3, rms_norm_eps=1e-3))
add("seed_oss-biases", but(PLAIN, model_type="seed_oss", head_dim=10, attention_out_bias=True, mlp_bias=True,
    rope_traditional=True, tie_word_embeddings=...))
add("stablelm-heads", but(BASE, model_type="stablelm", rope_theta=900.0, use_qkv_bias=True, partial_rotary_factor=0.5,
    layer_norm_eps=1e-3, qk_layernorm=True), chunks=[5, 7])
add("telechat3-deepseek_yarn", but(PLAIN, model_type="telechat3", head_dim=20, rope_scaling=dict(
    rope_type="telechat3-yarn", factor=4.0, original_max_position_embeddings=16, mscale=0.5, mscale_all_dim=1.0)))

# ---------------------------------------------------------------- latent attention and around it


class Rounded(KVCache):
    """Latents as codes, which mlx-lm's own quantized cache does not hold: what a code gives back is kept."""

    def __init__(self, group_size, bits):
        super().__init__()
        self.how = dict(group_size=group_size, bits=bits)

    def update_and_fetch(self, keys, values):
        back = lambda x: mx.dequantize(*mx.quantize(x, **self.how), **self.how)
        return super().update_and_fetch(back(keys), back(values))


class Latent(KVCache):
    def to_quantized(self, group_size, bits):
        rounded = Rounded(group_size, bits)
        rounded.update_and_fetch(self.keys[..., : self.offset, :], self.values[..., : self.offset, :])
        return rounded


def latent_caches(model):
    model.make_cache = lambda: [Latent() for _ in model.layers]


def decode_mxfp4_kv_b(module):
    """mlx-lm splits a quantized kv_b_proj and quantizes the halves anew, for which it wants biases; of mxfp4, which has
    none, the numbers are taken as they are."""
    sanitize = module.Model.sanitize

    def plain(self, weights):
        for k in [k for k in weights if k.endswith("kv_b_proj.scales") and weights[k].dtype == mx.uint8]:
            base = k.removesuffix("scales")
            w, scales = weights.pop(base + "weight"), weights.pop(k)
            weights[base + "weight"] = mx.dequantize(w, scales, group_size=32, bits=4, mode="mxfp4").astype(mx.float32)
        return sanitize(self, weights)

    module.Model.sanitize = plain


decode_mxfp4_kv_b(glm4_moe_lite)
longcat_flash.LongcatFlashMLA.mla_scale_q_lora = longcat_flash.LongcatFlashMLA.mla_scale_kv_lora = None

LAT = but(PACKED, moe_intermediate_size=20, num_attention_heads=3, vocab_size=23)
add("deepseek_v3-kv8g32", but(LAT, kv_lora_rank=64, num_hidden_layers=1), kv=dict(group_size=32, bits=8),
    patch=latent_caches, prompt_len=90, overrides=BIAS)
add("deepseek_v3-kv4g32", but(LAT, num_hidden_layers=1), kv=dict(group_size=32, bits=4), patch=latent_caches,
    prompt_len=20, overrides=BIAS)
for name, config, dtype, how in [("deepseek_v3", LAT, "BF16", dict(group_size=32, bits=8)),
        ("deepseek_v3", but(LAT, qk_nope_head_dim=64, v_head_dim=20), "F16", dict(group_size=32, bits=3)),
        ("deepseek_v32", but(LAT, index_n_heads=14, index_head_dim=32, index_topk=5), "BF16", dict(group_size=32,
            bits=4)),
        ("glm4_moe_lite", LAT, "BF16", dict(group_size=32, bits=4, mode="mxfp4")),
        ("glm4_moe_lite", but(LAT, qk_nope_head_dim=64, kv_lora_rank=64, num_hidden_layers=1, q_lora_rank=64), "F32",
            dict(group_size=64, bits=2))]:
    q = but(config, model_type=name, quantization=how)
    add(f"{name}-hf-kv_b-" + how.get("mode", f"q{how['bits']}"), q, hf=deepseek,
        store=quantized(q, keep=[r"mlp\.gate\."]), dtype=dtype, overrides=BIAS)
add("deepseek_v2-heads-20", but(DSV3, model_type="deepseek_v2", num_attention_heads=20, qk_nope_head_dim=4,
    v_head_dim=6, num_hidden_layers=1, topk_method="greedy", n_group=3, rope_scaling=but(YARN, type="linear")),
    prompt_len=70, chunks=[30, 40])
add("deepseek_v2-best-group", but(DSV3, model_type="deepseek_v2", topk_method="group_limited_greedy", n_group=8,
    topk_group=4, n_shared_experts=None, rope_scaling=YARN, attention_bias=True))
add("deepseek_v2-more-than-left", but(DSV3, model_type="deepseek_v2", topk_method="group_limited_greedy",
    n_routed_experts=6, n_group=3, topk_group=1, num_experts_per_tok=4, rope_scaling=YARN))
add("deepseek_v2-kv4g32", but(LAT, model_type="deepseek_v2", qk_nope_head_dim=24, qk_rope_head_dim=8,
    num_hidden_layers=1, topk_method="greedy", rope_scaling=YARN), kv=dict(group_size=32, bits=4), prompt_len=20)
V32 = but(DSV3, model_type="deepseek_v32", index_n_heads=14, index_head_dim=12, index_topk=70, num_hidden_layers=1,
    first_k_dense_replace=0, vocab_size=9)
add("deepseek_v32-pages", V32, prompt_len=200, chunks=[69, 2, 100, 29], overrides=BIAS)
add("deepseek_v32-top1", but(V32, index_topk=1, num_attention_heads=20, qk_nope_head_dim=4, qk_rope_head_dim=4,
    v_head_dim=4), prompt_len=70, overrides=BIAS)
# With two heads of the indexer, tokens for which neither cares are common: all worth exactly 0.
add("deepseek_v32-ties", but(V32, index_n_heads=2, index_topk=6), prompt_len=30, chunks=[5, 3, 22], overrides=BIAS)
q = but(LAT, model_type="deepseek_v32", index_n_heads=4, index_head_dim=32, index_topk=6, quantization=dict(
    group_size=32, bits=4))
add("deepseek_v32-q4", q, store=quantized(q, keep=[r"mlp\.gate\."]), dtype="F16", overrides=BIAS)
add("glm_moe_dsa-yarn", but(V32, model_type="glm_moe_dsa", index_topk=4, rope_theta=77.0, attention_bias=False,
    topk_method="noaux_tc", scoring_func="sigmoid", norm_topk_prob=True, moe_layer_freq=1, rope_parameters=dict(
    YARN, rope_theta=5000.0)), overrides=BIAS)
K25 = dict(model_type="kimi_k25", text_config=DSV3)
add("kimi_vl-hf", dict(model_type="kimi_vl", text_config=DSV3), reads=K25, hf=plus(deepseek,
    vision_tower__patch_embed__weight=(4, 6)), overrides=BIAS)
LONG = dict(model_type="longcat_flash", attention_method="MLA", zero_expert_type="identity", hidden_size=64,
    ffn_hidden_size=32, moe_topk=3, expert_ffn_hidden_size=32, n_routed_experts=4, zero_expert_num=3, num_layers=2,
    vocab_size=29, max_position_embeddings=128, num_attention_heads=3, kv_lora_rank=32, q_lora_rank=32,
    qk_rope_head_dim=4, qk_nope_head_dim=32, v_head_dim=32, routed_scaling_factor=2.5, rms_norm_eps=1e-4,
    rope_theta=100.0, mla_scale_q_lora=True, mla_scale_kv_lora=True, attention_bias=False)
add("longcat_flash-unscaled", but(LONG, mla_scale_q_lora=False, mla_scale_kv_lora=False, q_lora_rank=None,
    zero_expert_num=0), overrides=BIAS)
q = but(LONG, quantization={"group_size": 32, "bits": 4, "mode": "affine", **{
    f"model.layers.{i}.mlp.router.classifier": dict(group_size=64, bits=8) for i in range(2)}})
add("longcat_flash-q4", q, store=quantized(q), dtype="BF16", overrides=BIAS)
add("longcat_flash-hf-kv_b-q4", q, hf=kv_b, store=quantized(q), dtype="BF16", overrides=BIAS)
add("longcat_flash_ngram-reach5", but(LONG, model_type="longcat_flash_ngram", hidden_size=70, num_layers=1,
    ngram_vocab_size_ratio=7, emb_neighbor_num=5, emb_split_num=2, vocab_size=9), overrides={**BIAS,
    r"post_projs": (0.0, 1.2), r"embedders": (0.0, 0.8)}, prompt_len=70, chunks=[2, 1, 67])
q = but(LONG, model_type="longcat_flash_ngram", hidden_size=64, num_layers=1, ngram_vocab_size_ratio=3,
    emb_neighbor_num=2, emb_split_num=2, quantization=dict(group_size=32, bits=4))
add("longcat_flash_ngram-q4", q, store=quantized(q), dtype="BF16", overrides=BIAS)
CPM3 = dict(model_type="minicpm3", hidden_size=40, dim_model_base=24, num_hidden_layers=2, intermediate_size=32,
    num_attention_heads=3, rms_norm_eps=1e-3, vocab_size=29, num_key_value_heads=3, q_lora_rank=32,
    qk_nope_head_dim=12, qk_rope_head_dim=8, kv_lora_rank=24, scale_depth=1.4, scale_emb=4.0,
    max_position_embeddings=32, rope_scaling=dict(type="longrope", original_max_position_embeddings=64,
    short_factor=[1.0] * 4, long_factor=[1.0, 1.3, 2.0, 3.5]))
add("minicpm3-tied-uneven", but(CPM3, tie_word_embeddings=True), chunks=[5, 7])
add("youtu_llm-yarn", dict(model_type="youtu_llm", vocab_size=29, hidden_size=40, intermediate_size=32,
    num_hidden_layers=2, num_attention_heads=3, kv_lora_rank=20, q_lora_rank=24, qk_rope_head_dim=8, v_head_dim=10,
    qk_nope_head_dim=12, rms_norm_eps=1e-2, rope_scaling=YARN), prompt_len=70)
M4 = dict(model_type="mistral4", vocab_size=29, hidden_size=64, intermediate_size=64, moe_intermediate_size=32,
    num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3, n_shared_experts=2, n_routed_experts=4,
    routed_scaling_factor=1.5, kv_lora_rank=32, q_lora_rank=32, norm_topk_prob=True, max_position_embeddings=256,
    rms_norm_eps=1e-4, topk_group=1, num_experts_per_tok=1, first_k_dense_replace=1, n_group=1, qk_rope_head_dim=8,
    qk_nope_head_dim=24, v_head_dim=12, rope_parameters=dict(YARN, llama_4_scaling_beta=0.4,
    original_max_position_embeddings=5))
q = but(M4, quantization=dict(group_size=32, bits=8))
add("mistral4-q8-top1", q, store=quantized(q), dtype="BF16")
add("mistral4-int4", but(M4, quantization_config=dict(quant_method="compressed-tensors",
    format="pack-quantized")), hf=deepseek,
    store=int4(r"mlp\..*proj\.weight$|q_[ab]_proj\.weight$", mx.float32))
q = but(M4, qk_nope_head_dim=32, v_head_dim=32, quantization=dict(group_size=32, bits=5))
add("mistral4-hf-kv_b-q5", q, hf=kv_b, store=quantized(q), dtype="BF16")
add("mistral3-sliding", dict(model_type="mistral3", text_config=but(PLAIN, model_type="llama", sliding_window=3,
    num_hidden_layers=2, layer_types=[S, F], tie_word_embeddings=True)), prompt_len=70)
add("pixtral-defaults", dict(model_type="pixtral", text_config=but(PLAIN, model_type="llama", hidden_size=64,
    num_attention_heads=..., num_key_value_heads=4, head_dim=4, tie_word_embeddings=True)))
V41 = dict(model_type="deepseek_v41", vocab_size=9, hidden_size=24, num_hidden_layers=4, num_attention_heads=20,
    head_dim=16, q_lora_rank=12, qk_rope_head_dim=4, o_groups=5, o_lora_rank=6, moe_intermediate_size=10,
    n_routed_experts=4, num_experts_per_tok=2, swiglu_limit=0.4, rms_norm_eps=1e-3, sliding_window=70,
    compress_ratios=[2, 2, 2], kv_source_layer_ids=[0, 2], index_source_layer_ids=[0, 1, 2],
    candidate_source_layer_id=0, candidate_topk_blocks=30, candidate_block_size=3, index_n_heads=3, index_head_dim=16,
    index_topk=66, compress_rope_theta=500.0, hc_mult=2, hc_sinkhorn_iters=1)
add("deepseek_v41-pages", V41, prompt_len=220, chunks=[65, 1, 154], overrides={r"correction_bias": (0.0, 0.08)})
add("deepseek_v41-few", but(V41, candidate_topk_blocks=1, candidate_block_size=1, index_topk=4), prompt_len=20,
    overrides={r"correction_bias": (0.0, 0.08)})
add("deepseek_v41-window", but(V41, compress_ratios=[], kv_source_layer_ids=[], index_source_layer_ids=[],
    candidate_source_layer_id=-1, num_hidden_layers=1, hc_mult=1, num_experts_per_tok=1, sliding_window=1),
    overrides={r"correction_bias": (0.0, 0.08)})
# ---------------------------------------------------------------- families with experts


def gpt_oss_floats(own):
    """The original in bfloat16: stacks transposed, columns of gate and up in turns."""
    out = {}
    for k, v in own.items():
        if "experts.up_proj" in k:
            continue
        if "experts.gate_proj" in k:
            both = mx.stack([v, own[k.replace("gate_proj", "up_proj")]], axis=2).reshape(v.shape[0], -1, *v.shape[2:])
            k, v = k.replace("gate_proj", "gate_up_proj"), both
        if ".experts." in k:
            k, v = re.sub(r"\.(weight|bias)$", lambda m: {"weight": "", "bias": "_bias"}[m[1]], k), v
        out[k] = v.swapaxes(1, 2) if v.ndim == 3 else v
    return out


def gpt_oss_back(model):
    """What mlx-lm's sanitize() should make of it."""

    def sanitize(weights):
        out = {}
        for k, v in weights.items():
            v = v.swapaxes(1, 2) if v.ndim == 3 else v
            if ".experts." in k:
                k = k.removesuffix("_bias") + (".bias" if k.endswith("_bias") else ".weight")
            if "gate_up_proj" in k:
                out[k.replace("gate_up", "gate")], out[k.replace("gate_up", "up")] = v[:, ::2], v[:, 1::2]
            else:
                out[k] = v
        return out

    model.sanitize = sanitize


def less_layers(own):
    """A last layer that the model does not run."""
    return {**own, **{k.replace("layers.1.", "layers.2."): v for k, v in own.items() if "layers.1." in k}}


def gates8(config, *gates):
    layers = range(config["num_hidden_layers"])
    return {f"model.layers.{i}.{gate}": {"group_size": 64, "bits": 8} for i in layers for gate in gates}


def glm_extra(own):
    return {**experts(own), "model.layers.2.eh_proj.weight": mx.zeros((4, 8))}


EXPERT = dict(hidden_size=64, num_hidden_layers=2, intermediate_size=32, num_attention_heads=4, num_key_value_heads=2,
    rms_norm_eps=1e-5, vocab_size=41, max_position_embeddings=128, rope_theta=900.0)
GPT_OSS = but(EXPERT, model_type="gpt_oss", num_local_experts=3, num_experts_per_tok=2, head_dim=10, sliding_window=4)
OSS_WIDE = {r"experts\.(gate|up|gate_up)_proj": (0.0, 1.4)}
add("gpt_oss-floats-hf", but(GPT_OSS, layer_types=[F, S]), hf=gpt_oss_floats, patch=gpt_oss_back, dtype="BF16",
    overrides=OSS_WIDE)
add("gpt_oss-one-expert", but(GPT_OSS, num_local_experts=2, num_experts_per_tok=1, sliding_window=1),
    overrides=OSS_WIDE, chunks=[5, 7])
q = but(GPT_OSS, vocab_size=17, quantization={"group_size": 32, "bits": 4, "mode": "mxfp4",
    **gates8(GPT_OSS, "mlp.router")})
add("gpt_oss-mxfp4-router8", q, store=quantized(but(q, quantization={**q["quantization"], **{k: {**v, "mode":
    "affine"} for k, v in q["quantization"].items() if isinstance(v, dict)}})), dtype="BF16", overrides=OSS_WIDE)
QWEN2_MOE = but(EXPERT, model_type="qwen2_moe", num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32,
    shared_expert_intermediate_size=64)
q = but(QWEN2_MOE, vocab_size=17, quantization={"group_size": 32, "bits": 4, **gates8(EXPERT, "mlp.gate",
    "mlp.shared_expert_gate")})
add("qwen2_moe-q4", q, store=quantized(q), dtype="F16")
add("qwen2_moe-all", but(QWEN2_MOE, num_experts_per_tok=4, head_dim=20, tie_word_embeddings=True))
OLMOE = but(EXPERT, model_type="olmoe", num_experts=4, num_experts_per_tok=2, tie_word_embeddings=True)
add("olmoe-llama3", but(OLMOE, rope_traditional=True, rope_scaling=dict(rope_type="llama3", factor=8.0,
    low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)))
q = but(OLMOE, vocab_size=17, quantization=dict(group_size=32, bits=3))
add("olmoe-hf-q3", q, hf=experts, store=quantized(q, keep=[r"mlp\.gate\."]), dtype="BF16")
GRANITE = but(EXPERT, model_type="granitemoe", logits_scaling=3.0, attention_multiplier=0.2, embedding_multiplier=4.0,
    residual_multiplier=0.6, num_local_experts=4, num_experts_per_tok=2, attention_bias=True)
add("granitemoe-linear", but(GRANITE, rope_scaling=dict(type="linear", factor=2.0), head_dim=20))
q = but(GRANITE, vocab_size=17, attention_bias=False, quantization={"group_size": 32, "bits": 4,
    **gates8(GRANITE, "block_sparse_moe.router.layer")})
add("granitemoe-q4", q, store=quantized(q), dtype="BF16")
GLM = but(EXPERT, model_type="glm4_moe", moe_intermediate_size=32, norm_topk_prob=True, n_group=2, head_dim=16,
    topk_group=1, n_shared_experts=2, n_routed_experts=6, routed_scaling_factor=1.5, num_experts_per_tok=2,
    first_k_dense_replace=1, rope_scaling=None, use_qk_norm=True, tie_word_embeddings=True, attention_bias=False,
    partial_rotary_factor=0.25, moe_layer_freq=2)
add("glm4_moe-negative", but(GLM, num_experts_per_tok=4), overrides={r"e_score_correction_bias": (-0.6, 0.4)})
q = but(GLM, vocab_size=17, quantization=dict(group_size=32, bits=6))
add("glm4_moe-hf-q6", q, hf=glm_extra, store=quantized(q, keep=[r"mlp\.gate\.", "eh_proj"]), dtype="BF16",
    overrides=BIAS)
DOTS = but(GLM, model_type="dots1", first_k_dense_replace=0, n_group=3, topk_group=2, tie_word_embeddings=False)
add("dots1-groups-3", DOTS, overrides=BIAS)
add("dots1-one", but(DOTS, num_experts_per_tok=1, n_group=1, topk_group=1), overrides=BIAS)
ERNIE = but(EXPERT, model_type="ernie4_5_moe", use_bias=False, tie_word_embeddings=True, moe_num_experts=5, moe_k=2,
    moe_num_shared_experts=1, moe_layer_end_index=0)
add("ernie4_5_moe-first", ERNIE)
add("ernie4_5_moe-bias", but(ERNIE, use_bias=True, moe_layer_end_index=None, moe_intermediate_size=20,
    moe_num_shared_experts=3))
MINIMAX = but(EXPERT, model_type="minimax_m2", num_experts_per_tok=1, num_local_experts=4, rotary_dim=6, head_dim=12,
    shared_intermediate_size=0)
add("minimax_m2-plain", but(MINIMAX, use_qk_norm=False), overrides=BIAS)
q = but(MINIMAX, vocab_size=17, head_dim=16, quantization={"group_size": 32, "bits": 8, "mode": "mxfp8"})
add("minimax_m2-mxfp8", q, store=quantized(q, keep=[r"moe\.gate\."]), dtype="BF16", overrides=BIAS)
LLAMA4 = dict(model_type="llama4", vocab_size=41, text_config=but(EXPERT, model_type="llama4_text", head_dim=12,
    attention_bias=False, attention_chunk_size=3, interleave_moe_layer_step=1, intermediate_size_mlp=48,
    num_experts_per_tok=1, num_hidden_layers=4, num_local_experts=3, rope_scaling=None, use_qk_norm=True))
add("llama4-chunk-1", but(LLAMA4, text_config=but(LLAMA4["text_config"], attention_chunk_size=1)), chunks=[2, 1, 9])
add("llama4-long", but(LLAMA4, vocab_size=11, text_config=but(LLAMA4["text_config"], vocab_size=11, floor_scale=16,
    attention_chunk_size=70)), prompt_len=150, chunks=[68, 4, 78], decode_len=4)

SORTS = dict(layer_types=[S, F], sliding_window=3)
AFMOE = but(EXPERT, model_type="afmoe", head_dim=12, moe_intermediate_size=20, num_experts=8, num_experts_per_tok=3,
    num_dense_layers=0, n_group=4, topk_group=2, **SORTS)
add("afmoe-groups-4", but(AFMOE, mup_enabled=False, route_norm=False, rope_scaling=dict(type="linear", factor=2.0)),
    overrides={r"expert_bias": (0.3, 0.2)})
BAILING = but(EXPERT, model_type="bailing_moe", moe_intermediate_size=20, num_experts=6, num_shared_experts=2,
    norm_topk_prob=False, num_experts_per_tok=2, first_k_dense_replace=0, use_bias=True, rotary_dim=6, n_group=3,
    topk_group=2, moe_shared_expert_intermediate_size=12, tie_word_embeddings=True)
add("bailing_moe-groups-3", BAILING)
add("bailing_moe-one-group-hf", but(BAILING, n_group=1, topk_group=4), hf=experts)
EXAONE = but(EXPERT, model_type="exaone_moe", head_dim=12, moe_intermediate_size=20, num_experts=4,
    num_experts_per_tok=1, num_shared_experts=0, is_moe_layer=[True, False], **SORTS)
add("exaone_moe-scaled", but(EXAONE, rope_scaling=dict(type="linear", factor=4.0)))
LAGUNA = but(EXPERT, model_type="laguna", head_dim=12, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=20,
    shared_expert_intermediate_size=24, partial_rotary_factor=0.5)
add("laguna-plain", but(LAGUNA, gating=False, qkv_bias=True, attention_bias=True, tie_word_embeddings=True))
MELLUM = but(EXPERT, model_type="mellum", head_dim=12, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=20,
    tie_word_embeddings=False, norm_topk_prob=True, rope_parameters={S: dict(rope_theta=50.0, rope_type="linear",
    factor=7.0), F: dict(rope_theta=900.0)}, **SORTS)
add("mellum-linear", MELLUM)
MIMO = but(EXPERT, model_type="mimo_v2_flash", num_experts_per_tok=1, hybrid_layer_pattern=[1, 0], moe_layer_freq=[1,
    0], add_swa_attention_sink_bias=False, add_full_attention_sink_bias=True, sliding_window_size=2,
    moe_intermediate_size=20, n_shared_experts=1, n_routed_experts=4, routed_scaling_factor=1.7,
    topk_method="noaux_tc", scoring_func="sigmoid", norm_topk_prob=True, n_group=1, topk_group=1,
    layernorm_epsilon=1e-5, swa_rope_theta=100.0, swa_num_attention_heads=6, swa_num_key_value_heads=1, head_dim=12,
    v_head_dim=18, swa_head_dim=8, swa_v_head_dim=10, partial_rotary_factor=0.5)
add("mimo_v2_flash-full-sinks", MIMO, overrides=BIAS, chunks=[4, 8])
M3 = dict(model_type="minimax_m3_vl", vocab_size=11, text_config=but(EXPERT, vocab_size=11, head_dim=8, rotary_dim=4,
    num_attention_heads=6, dense_intermediate_size=24, shared_intermediate_size=20, num_local_experts=3,
    num_experts_per_tok=2, index_n_heads=1, index_head_dim=4, index_block_size=7, index_topk_blocks=3,
    index_local_blocks=0))
add("minimax_m3_vl-long", M3, prompt_len=150, chunks=[70, 3, 77], decode_len=4, overrides=BIAS)
add("phimoe-bias", but(EXPERT, model_type="phimoe", num_local_experts=5, num_experts_per_tok=4,
    router_jitter_noise=0.05, rope_scaling=None))
GEAR = but(EXPERT, model_type="gear", head_dim=12, attention_bias=True, conv_L_cache=4, sliding_window=3,
    layer_types=["conv_mixer", S, F], num_hidden_layers=3, hidden_activation="gelu", tie_word_embeddings=False)
add("gear-bias", GEAR, overrides=NORM, chunks=[1, 2, 9])
STEP = but(EXPERT, model_type="step3p5", num_attention_groups=2, head_dim=12, moe_num_experts=4, moe_top_k=1,
    moe_intermediate_size=20, share_expert_dim=24, sliding_window=3, partial_rotary_factors=[0.5])
add("step3p5-short-lists", but(STEP, swiglu_limits=[0.0, 0.4], swiglu_limits_shared=[0.3],
    moe_layers_enum="0, 1"), overrides={r"router_bias": (0.0, 0.3)})
GLIMMER = but(EXPERT, model_type="muse_glimmer", head_dim=12, post_norm_eps=0.01, qk_scale_factor=1.4,
    final_logit_softcapping=5.0, output_multiplier=0.7, tie_word_embeddings=True, layer_rope_theta=[0, 7.0], **SORTS)
add("muse_glimmer-turned", but(GLIMMER, rope_parameters=dict(rope_theta=300.0)), overrides={r"layernorm": (0.1, 0.3)})
# ---------------------------------------------------------------- recurrent families and hybrids

MAMBA = dict(model_type="mamba", vocab_size=41, hidden_size=40, intermediate_size=72, state_size=5, num_hidden_layers=2,
    conv_kernel=4, use_bias=False, use_conv_bias=True, time_step_rank="auto")
add("mamba-rms-flag", but(MAMBA, use_bcdt_rms=True, conv_kernel=2, use_conv_bias=False))
add("mamba-state-1", but(MAMBA, state_size=1, intermediate_size=130, use_bias=True))
q = but(MAMBA, hidden_size=64, intermediate_size=128, time_step_rank=32, quantization=dict(group_size=32, bits=4))
add("mamba-q4", q, store=quantized(q, keep=["A_log", "conv1d"]), dtype="F16")
MAMBA2 = dict(model_type="mamba2", num_heads=6, head_dim=7, vocab_size=41, hidden_size=40, intermediate_size=42,
    state_size=9, num_hidden_layers=2, layer_norm_epsilon=1e-5, conv_kernel=2, n_groups=1, use_bias=True,
    use_conv_bias=False, tie_word_embeddings=True, time_step_limit=[0.0, 1e9], time_step_rank="auto")
add("mamba2-kernel-2", MAMBA2, chunks=[1, 1, 2, 8])
add("mamba2-state-size", but(MAMBA2, ssm_state_size=11, n_groups=6, conv_kernel=5), prompt_len=70, chunks=[3, 60, 7])
JAMBA = dict(model_type="jamba", hidden_size=40, intermediate_size=36, num_hidden_layers=5, num_attention_heads=4,
    num_key_value_heads=1, attn_layer_offset=1, attn_layer_period=3, expert_layer_offset=1, expert_layer_period=2,
    mamba_d_conv=3, mamba_d_state=6, mamba_expand=2, num_experts=5, num_experts_per_tok=2, rms_norm_eps=1e-6,
    max_position_embeddings=64, vocab_size=41, mamba_dt_rank=7, tie_word_embeddings=False, mamba_proj_bias=True,
    mamba_conv_bias=False)
add("jamba-two-of-five", JAMBA)
add("jamba-types", but(JAMBA, num_hidden_layers=3, num_experts=1, layers_block_type=["attention", "mamba",
    "attention"]))
FALCON = dict(model_type="falcon_h1", hidden_size=40, vocab_size=41, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=1, head_dim=14, intermediate_size=36, mamba_d_ssm=42, mamba_d_head=7, mamba_n_heads=6,
    mamba_d_state=9, mamba_n_groups=3, mamba_d_conv=3, mamba_rms_norm=False, rope_theta=1e4, key_multiplier=1.0,
    tie_word_embeddings=False)
add("falcon_h1-linear-rope", but(FALCON, rope_scaling=dict(rope_type="linear", factor=3.0), rope_traditional=True))
add("falcon_h1-no-conv-bias", but(FALCON, mamba_conv_bias=False, mamba_rms_norm=True, mamba_norm_before_gate=True,
    mamba_n_groups=1, tie_word_embeddings=True), chunks=[2, 1, 9])
HYBRID = dict(model_type="granitemoehybrid", vocab_size=41, hidden_size=40, intermediate_size=28, num_hidden_layers=3,
    max_position_embeddings=64, num_attention_heads=5, num_key_value_heads=5, attention_bias=True,
    embedding_multiplier=3.0, attention_multiplier=0.3, logits_scaling=1.5, residual_multiplier=0.6,
    layer_types=["mamba", "mamba", "attention"], rms_norm_eps=1e-5, num_local_experts=4, num_experts_per_tok=3,
    shared_intermediate_size=20, mamba_n_heads=3, mamba_d_head=10, mamba_d_state=7, mamba_d_conv=4, mamba_n_groups=1,
    mamba_conv_bias=False, mamba_proj_bias=True, time_step_limit=[0.2, 0.9], rope_parameters=dict(rope_theta=500.0))
add("granitemoehybrid-limits", HYBRID)
add("granitemoehybrid-mamba-only", but(HYBRID, layer_types=["mamba"] * 3, num_local_experts=None, mlp_bias=True,
    tie_word_embeddings=False))
NEMOTRON_H = dict(model_type="nemotron_h", vocab_size=41, hidden_size=40, intermediate_size=44,
    max_position_embeddings=64, num_attention_heads=4, num_key_value_heads=1, attention_bias=True, mamba_num_heads=6,
    mamba_head_dim=6, mamba_proj_bias=True, ssm_state_size=7, conv_kernel=3, n_groups=3, mlp_bias=True,
    layer_norm_epsilon=1e-5, use_bias=True, use_conv_bias=False, hybrid_override_pattern=["E", "M", "*", "-", "E"],
    moe_intermediate_size=24, n_group=1, topk_group=1, n_routed_experts=5, num_experts_per_tok=1, norm_topk_prob=True,
    routed_scaling_factor=1.3, moe_latent_size=28)
add("nemotron_h-latent-bias", NEMOTRON_H)
add("nemotron_h-no-groups", but(NEMOTRON_H, n_group=0, hybrid_override_pattern=["E", "M", "*"]))
add("nemotron_h-shared", but(NEMOTRON_H, n_shared_experts=2, moe_latent_size=..., num_experts_per_tok=3, n_group=1,
    hybrid_override_pattern=..., layer_types=["moe", "linear_attention", "full_attention", "mlp"]), chunks=[4, 8])
LFM2 = dict(model_type="lfm2", vocab_size=41, hidden_size=40, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=1, max_position_embeddings=128, norm_eps=1e-5, conv_bias=True, conv_L_cache=2, block_dim=40,
    block_multiple_of=7, block_ffn_dim_multiplier=None, block_auto_adjust_ff_dim=True, intermediate_size=50,
    full_attn_idxs=[2])
add("lfm2-kernel-2", LFM2, chunks=[1, 1, 10])
q = but(LFM2, hidden_size=64, block_dim=64, block_auto_adjust_ff_dim=False, intermediate_size=96, conv_bias=False,
    quantization=dict(group_size=32, bits=4))
add("lfm2-q4", q, store=quantized(q, keep=["conv.conv"]), dtype="BF16")
LFM2_MOE = dict(model_type="lfm2_moe", vocab_size=41, hidden_size=40, intermediate_size=36, moe_intermediate_size=20,
    num_hidden_layers=3, num_experts=5, num_experts_per_tok=3, norm_topk_prob=True, num_attention_heads=4,
    num_key_value_heads=4, max_position_embeddings=128, use_expert_bias=True, num_dense_layers=0, norm_eps=1e-5,
    conv_bias=False, conv_L_cache=4, layer_types=["conv", "full_attention", "conv"])
w1 = lambda own: {re.sub("experts.(.*).gate_proj", r"experts.\1.w1", re.sub("experts.(.*).up_proj",
    r"experts.\1.w3", re.sub("experts.(.*).down_proj", r"experts.\1.w2", k))): v for k, v in experts(own).items()}
add("lfm2_moe-all-sparse-hf", LFM2_MOE, hf=w1, overrides={r"expert_bias$": (0.0, 0.4)})
QWEN3_5 = dict(model_type="qwen3_5", text_config=dict(model_type="qwen3_5_text", hidden_size=40, intermediate_size=44,
    num_hidden_layers=3, num_attention_heads=5, num_key_value_heads=1, vocab_size=41, linear_num_value_heads=6,
    linear_num_key_heads=2, linear_key_head_dim=5, linear_value_head_dim=7, linear_conv_kernel_dim=2,
    full_attention_interval=2, rope_parameters=dict(partial_rotary_factor=0.75, type="linear", factor=2.0)))
inner = lambda config, **changes: but(config, text_config=but(config["text_config"], **changes))
add("qwen3_5-linear-rope", QWEN3_5, chunks=[1, 2, 9])
add("qwen3_5-no-rope-parameters", inner(QWEN3_5, rope_parameters=None, head_dim=16, attention_bias=True,
    tie_word_embeddings=True))
q = but(inner(QWEN3_5, hidden_size=64, intermediate_size=64, num_attention_heads=4, head_dim=16, num_hidden_layers=2,
    linear_num_value_heads=4, linear_value_head_dim=16, linear_key_head_dim=16, num_experts=3, num_experts_per_tok=2,
    moe_intermediate_size=32, shared_expert_intermediate_size=32, norm_topk_prob=False),
    quantization=dict(group_size=32, bits=8))
add("qwen3_5-moe-q8", q, store=quantized(q, keep=["conv1d", "A_log"]), dtype="F16")
KIMI = dict(model_type="kimi_linear", vocab_size=41, hidden_size=40, num_hidden_layers=4, num_attention_heads=3,
    num_key_value_heads=3, intermediate_size=44, head_dim=10, rope_theta=10000.0, rms_norm_eps=1e-3,
    linear_attn_config=dict(kda_layers=[1, 3, 4], full_attn_layers=[2], num_heads=2, head_dim=12), model_max_length=64,
    num_experts=5, moe_intermediate_size=20, kv_lora_rank=18, num_experts_per_token=1, moe_layer_freq=2,
    tie_word_embeddings=True)
add("kimi_linear-no-rope-width", KIMI, chunks=[1, 4, 7])
add("kimi_linear-no-groups", but(KIMI, num_expert_group=0, num_hidden_layers=2))
q = but(KIMI, hidden_size=64, num_experts=0, kv_lora_rank=32, qk_nope_head_dim=32, qk_rope_head_dim=8, v_head_dim=32,
    intermediate_size=64, linear_attn_config=dict(kda_layers=[1, 3, 4], num_heads=2, head_dim=32),
    quantization=dict(group_size=32, bits=4))
add("kimi_linear-q4", q, store=quantized(q, keep=["conv", "A_log"]), dtype="BF16")
q = but(q, quantization=dict(group_size=32, bits=6))
add("kimi_linear-hf-kv_b-q6", q, hf=kv_b, store=quantized(q, keep=["conv", "A_log"]), dtype="F16")
LINEAR_MOE = dict(model_type="bailing_moe_linear", hidden_size=42, intermediate_size=44, max_position_embeddings=512,
    moe_intermediate_size=20, num_experts=6, num_shared_experts=2, norm_topk_prob=False, num_attention_heads=7,
    num_experts_per_tok=2, num_hidden_layers=5, num_key_value_heads=7, rms_norm_eps=1e-5, rope_theta=60000.0,
    vocab_size=41, first_k_dense_replace=2, layer_group_size=3, group_norm_size=3, head_dim=8, rope_traditional=True,
    moe_router_enable_shared_expert=True)
add("bailing_moe_linear-seven-heads", LINEAR_MOE)
add("bailing_moe_linear-groups", but(LINEAR_MOE, n_group=3, topk_group=2, score_function="sigmoid", use_qk_norm=True,
    partial_rotary_factor=0.7, head_dim=..., moe_router_enable_expert_bias=True, norm_topk_prob=True),
    overrides={r"expert_bias$": (0.5, 0.3)}, chunks=[3, 1, 8])
LING = dict(model_type="bailing_hybrid", hidden_size=40, intermediate_size=44, moe_intermediate_size=20,
    num_hidden_layers=3, num_attention_heads=5, num_key_value_heads=5, num_experts=4, num_experts_per_tok=1,
    num_shared_experts=0, n_group=1, topk_group=1, first_k_dense_replace=0, layer_group_size=3, group_norm_size=5,
    vocab_size=41, rms_norm_eps=1e-5, rope_theta=1e4, max_position_embeddings=128, routed_scaling_factor=1.2,
    head_dim=8, kv_lora_rank=20, qk_rope_head_dim=6, qk_nope_head_dim=10, v_head_dim=9, use_bias=True,
    use_qk_norm=False, rope_interleave=False, score_function="softmax", moe_router_enable_expert_bias=False)
add("bailing_hybrid-plain", LING, chunks=[5, 7])
add("bailing_hybrid-no-groups", but(LING, n_group=0, num_hidden_layers=1))
OLMO_HYBRID = dict(model_type="olmo_hybrid", hidden_size=40, intermediate_size=44, num_hidden_layers=3,
    num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-5, vocab_size=41, max_position_embeddings=64,
    linear_num_key_heads=2, linear_num_value_heads=6, linear_key_head_dim=5, linear_value_head_dim=9,
    linear_conv_kernel_dim=3, linear_allow_neg_eigval=False, tie_word_embeddings=True, attention_bias=True)
add("olmo_hybrid-ratio-3", but(OLMO_HYBRID, layer_types=["linear_attention", "full_attention", "linear_attention"]))
add("olmo_hybrid-linear-only", OLMO_HYBRID, chunks=[1, 1, 10])
PLAMO2 = dict(model_type="plamo2", hidden_size=40, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
    hidden_size_per_head=10, mamba_d_state=7, mamba_d_conv=3, mamba_num_heads=5, intermediate_size=44, vocab_size=41,
    tie_word_embeddings=False, mamba_step=3)
add("plamo2-thirds", PLAMO2, chunks=[2, 1, 9])
RECURRENT_GEMMA = dict(model_type="recurrent_gemma", attention_bias=False, conv1d_width=4, hidden_size=40,
    intermediate_size=72, logits_soft_cap=0.0, num_attention_heads=5, num_hidden_layers=4, num_key_value_heads=1,
    rms_norm_eps=1e-6, rope_theta=10000.0, attention_window_size=5, vocab_size=41, embeddings_scale_by_sqrt_dim=False,
    _block_types=["recurrent", "attention"])
add("recurrent_gemma-window-5", RECURRENT_GEMMA, prompt_len=17, chunks=[3, 1, 13], decode_len=9)
RWKV7 = dict(model_type="rwkv7", vocab_size=41, hidden_size=40, intermediate_size=60, norm_eps=1e-5, head_dim=10,
    num_hidden_layers=3, a_low_rank_dim=5, v_low_rank_dim=3, gate_low_rank_dim=7, decay_low_rank_dim=9)
add("rwkv7-odd-ranks", RWKV7, chunks=[1, 1, 3, 7])
GEMMA4 = dict(model_type="gemma4", vocab_size=41, text_config=dict(model_type="gemma4_text", hidden_size=40,
    num_hidden_layers=2, intermediate_size=44, num_attention_heads=3, head_dim=10, global_head_dim=12, rms_norm_eps=1e-5,
    num_key_value_heads=1, num_kv_shared_layers=0, hidden_size_per_layer_input=0, sliding_window=4,
    max_position_embeddings=64, layer_types=[S, F], use_double_wide_mlp=False, tie_word_embeddings=False))
add("gemma4-more-types", inner(GEMMA4, layer_types=[F, S, F], num_attention_heads=2))
add("gemma4-hf-untied", GEMMA4, hf=lambda own: {re.sub(r"^language_model\.model\.", "model.language_model.", k): v
    for k, v in own.items()})

if __name__ == "__main__":
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, config, options in FIXTURES:
            if len(sys.argv) == 3 or name.startswith(tuple(sys.argv[3:])):
                print(fixture.make(folder, name, config, **options), flush=True)
                pack.pack(Path(folder) / name, out)
