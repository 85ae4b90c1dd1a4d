"""Make the bundled model: corpus, tokenizer, training, quantization, evaluation.

    pip install jax tokenizers numpy
    python make_model.py --out DIR                      make everything and write DIR
    python make_model.py --out DIR --start-from OLD     the same, but with the weights of OLD to begin with
    python make_model.py --out DIR --resume             train the model in DIR further
    python make_model.py --out DIR --evaluate           measure the checkpoint in DIR

The model is a Qwen3 decoder with tied embeddings, trained in float32 with Muon
(matrices) and Adam (embeddings and norms).  The last part of the training sees
the weights as the checkpoint will store them (MLX affine quantization in groups
of 64), so that four bits lose little.
"""

import argparse
import json
import math
import struct
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import corpus

END = "<|endoftext|>"
VOCAB, HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD, MLP = 2048, 192, 3, 4, 2, 64, 512
EPS, THETA, CONTEXT, GROUP = 1e-6, 10000.0, 512, 64
BITS = {"embed": 8}  # every other matrix has 4
WINDOW, BATCH = 256, 8
TRAIN_SEED, HELD_OUT_SEED = 1, 2

# our name of a stacked array, its name in the checkpoint
MATRICES = {
    "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
    "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj",
}
NORMS = {
    "norm1": "input_layernorm", "norm2": "post_attention_layernorm",
    "q_norm": "self_attn.q_norm", "k_norm": "self_attn.k_norm",
}


def train_tokenizer(texts):
    """Byte-level BPE: any text can be encoded, frequent words are one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    names = [" ".join(" " + n for n in corpus.GIRLS + corpus.BOYS)] * 300  # every name becomes a token
    names += ['"' + n for n in corpus.GIRLS + corpus.BOYS] * 300
    tokenizer.train_from_iterator(texts + names, trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=[END], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def token_stream(tokenizer, texts):
    """All texts one after the other, each closed by END, and where each begins."""
    end = tokenizer.token_to_id(END)
    encoded = [e.ids + [end] for e in tokenizer.encode_batch(texts)]
    starts = np.cumsum([0] + [len(e) for e in encoded[:-1]])
    return np.concatenate([np.array(e, np.int32) for e in encoded]), starts


def init_params(seed):
    """Weights as one array per kind, stacked over the layers."""
    rng = np.random.default_rng(seed)
    shapes = {
        "q": (HEADS * HEAD, HIDDEN), "k": (KV_HEADS * HEAD, HIDDEN), "v": (KV_HEADS * HEAD, HIDDEN),
        "o": (HIDDEN, HEADS * HEAD), "gate": (MLP, HIDDEN), "up": (MLP, HIDDEN), "down": (HIDDEN, MLP),
    }
    layers = {k: rng.normal(0, 0.5 / math.sqrt(s[1]), (LAYERS, *s)) for k, s in shapes.items()}
    for k in NORMS:
        layers[k] = np.ones((LAYERS, HEAD if k in ("q_norm", "k_norm") else HIDDEN))
    params = {"embed": rng.normal(0, 0.02, (VOCAB, HIDDEN)), "norm": np.ones(HIDDEN), "layers": layers}
    return jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), params)


def affine(w, bits, xp=jnp):
    """MLX's affine quantizer: codes, scales and biases of each group of 64.

    The edge of larger magnitude is exactly representable, and so is zero.
    """
    g = w.reshape(*w.shape[:-1], -1, GROUP)
    low, high = g.min(-1, keepdims=True), g.max(-1, keepdims=True)
    top = 2 ** bits - 1
    scale = xp.maximum((high - low) / top, 1e-7)
    low_side = abs(low) > abs(high)
    scale, edge = xp.where(low_side, scale, -scale), xp.where(low_side, low, high)
    steps = xp.round(edge / scale)
    bias = xp.where(steps == 0, 0.0, edge)
    scale = xp.where(steps == 0, scale, edge / xp.where(steps == 0, 1.0, steps))
    scale, bias = (a.astype(xp.float16).astype(xp.float32) for a in (scale, bias))
    # A group of zeros has a scale below float16; any code then stands for zero.
    codes = xp.clip(xp.round((g - bias) / xp.where(scale == 0, 1.0, scale)), 0, top)
    return codes, scale, bias


def as_stored(w, bits):
    """The value after storing; the gradient passes as if nothing had happened."""
    codes, scale, bias = affine(w, bits)
    return w + jax.lax.stop_gradient((codes * scale + bias).reshape(w.shape) - w)


def quantized(params):
    """The parameters as the checkpoint will hold them."""
    layers = {k: as_stored(v, 4) if k in MATRICES else v for k, v in params["layers"].items()}
    return {"embed": as_stored(params["embed"], BITS["embed"]), "norm": params["norm"], "layers": layers}


def rms_norm(x, weight):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + EPS) * weight


def rotate(x):
    """Rotary positions, first half of a head against its second half."""
    freq = THETA ** (-jnp.arange(HEAD // 2) * 2.0 / HEAD)
    angle = jnp.arange(x.shape[1])[:, None] * freq
    cos, sin = jnp.cos(angle)[None, :, None], jnp.sin(angle)[None, :, None]
    a, b = jnp.split(x, 2, -1)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def forward(params, tokens):
    """Logits after every token, as mlx-lm's qwen3 computes them."""
    n, t = tokens.shape
    mask = jnp.tril(jnp.ones((t, t), bool))

    def layer(x, p):
        h = rms_norm(x, p["norm1"])
        q = rotate(rms_norm((h @ p["q"].T).reshape(n, t, HEADS, HEAD), p["q_norm"]))
        k = rotate(rms_norm((h @ p["k"].T).reshape(n, t, KV_HEADS, HEAD), p["k_norm"]))
        v = (h @ p["v"].T).reshape(n, t, KV_HEADS, HEAD)
        q = q.reshape(n, t, KV_HEADS, HEADS // KV_HEADS, HEAD)
        score = jnp.einsum("ntgrd,nsgd->ngrts", q, k) / math.sqrt(HEAD)
        weight = jax.nn.softmax(jnp.where(mask, score, -1e9), -1)
        x = x + jnp.einsum("ngrts,nsgd->ntgrd", weight, v).reshape(n, t, HEADS * HEAD) @ p["o"].T
        h = rms_norm(x, p["norm2"])
        return x + (jax.nn.silu(h @ p["gate"].T) * (h @ p["up"].T)) @ p["down"].T, None

    x, _ = jax.lax.scan(layer, params["embed"][tokens], params["layers"], unroll=LAYERS)
    return rms_norm(x, params["norm"]) @ params["embed"].T


def losses(params, rows):
    """Surprisal in nats of every token of the rows but the first."""
    logits = forward(params, rows[:, :-1])
    target = jnp.take_along_axis(logits, rows[:, 1:, None], -1)[..., 0]
    return jax.nn.logsumexp(logits, -1) - target


def orthogonal(m):
    """Newton-Schulz iteration of Muon: all singular values of m towards 1."""
    tall = m.shape[-2] > m.shape[-1]
    x = m.swapaxes(-1, -2) if tall else m
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    for _ in range(5):
        a = x @ x.swapaxes(-1, -2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.swapaxes(-1, -2) if tall else x


@partial(jax.jit, static_argnames="quantize", donate_argnums=(0, 1))
def train_step(params, state, rows, rate, quantize):
    """One update; `rate` goes from 0 over 1 to 0 and scales both optimizers."""
    view = quantized if quantize else (lambda p: p)
    loss, grad = jax.value_and_grad(lambda p: losses(view(p), rows).mean())(params)
    count = state["count"] + 1

    def update(path, p, g, m, v):
        if path[-1].key in MATRICES:
            m = 0.95 * m + g
            return p - rate * 0.02 * max(1.0, p.shape[-2] / p.shape[-1]) ** 0.5 * orthogonal(g + 0.95 * m), m, v
        m, v = 0.9 * m + 0.1 * g, 0.98 * v + 0.02 * g * g
        step = (m / (1 - 0.9 ** count)) / (jnp.sqrt(v / (1 - 0.98 ** count)) + 1e-8)
        return p - rate * 0.004 * step, m, v

    out = jax.tree_util.tree_map_with_path(update, params, grad, state["m"], state["v"])
    part = lambda i: jax.tree.map(lambda _, o: o[i], params, out)
    return part(0), {"m": part(1), "v": part(2), "count": count}, loss


def fresh_state(params):
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    return {"m": zeros(), "v": zeros(), "count": jnp.zeros(())}


def carried_over(folder, tokenizer):
    """The weights of another checkpoint; a token that it lacks gets the mean of its pieces."""
    params, old = load(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))
    had, rows = old.get_vocab(), np.asarray(params["embed"])
    embed = np.zeros((tokenizer.get_vocab_size(), HIDDEN), np.float32)
    for token, i in tokenizer.get_vocab().items():
        pieces = [had[token]] if token in had else old.encode(tokenizer.decode([i])).ids
        embed[i] = rows[pieces].mean(0)
    return params | {"embed": jnp.asarray(embed)}


def save_state(out, params, state):
    """Everything that `--resume` needs, beside the checkpoint."""
    arrays = {str(i): np.asarray(a) for i, a in enumerate(jax.tree.leaves((params, state)))}
    np.savez(out / "next.npz", **arrays)
    (out / "next.npz").replace(out / "training.npz")


def load_state(out):
    like = (p := load(out), fresh_state(p))
    arrays = np.load(out / "training.npz")
    return jax.tree.unflatten(jax.tree.structure(like), [jnp.asarray(arrays[str(i)]) for i in range(len(arrays))])


def train(params, state, stream, starts, steps, minutes, checkpoint):
    """Train on windows of the stream, half of them from the start of a text.

    The schedule ends after `steps` or `minutes`, whichever comes first.
    """
    rng = np.random.default_rng(int(state["count"]))
    last = len(stream) - WINDOW - 1
    starts = starts[starts < last]
    began = saved = time.time()
    step = seen = 0
    while (done := max(step / steps, (time.time() - began) / (60 * minutes))) < 1:
        at = np.where(rng.random(BATCH) < 0.5, rng.choice(starts, BATCH), rng.integers(0, last, BATCH))
        rows = stream[at[:, None] + np.arange(WINDOW + 1)]
        rate = min((step + 1) / 20, 1.0, (1 - done) / 0.6)
        params, state, loss = train_step(params, state, rows, rate, quantize=done >= 0.85)
        step, seen = step + 1, seen + BATCH * WINDOW
        if step % 20 == 0:
            print(f"step {step}, {100 * done:.0f} %, {seen} tokens, loss {float(loss):.3f}", flush=True)
        if time.time() - saved > 60:
            checkpoint(params, state)
            saved = time.time()
    print(f"trained on {seen} tokens in {step} steps, {time.time() - began:.0f} s")
    checkpoint(params, state)
    return params


def pack(codes, bits):
    """Codes into little-endian 32-bit words, the first code in the lowest bits."""
    per_word = 32 // bits
    words = codes.astype(np.uint32).reshape(*codes.shape[:-2], -1, per_word)
    return np.bitwise_or.reduce(words << (np.arange(per_word, dtype=np.uint32) * bits), -1)


def write_safetensors(path, tensors):
    """The safetensors layout: header length, JSON header, data."""
    kinds = {"uint32": "U32", "float16": "F16"}
    header, offset = {"__metadata__": {"format": "mlx"}}, 0
    for name, a in sorted(tensors.items()):
        span = [offset, offset + a.nbytes]
        header[name] = {"dtype": kinds[a.dtype.name], "shape": list(a.shape), "data_offsets": span}
        offset = span[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, a in sorted(tensors.items()):
            f.write(np.ascontiguousarray(a).tobytes())


def read_safetensors(path):
    raw = Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    kinds = {"U32": np.uint32, "F16": np.float16}
    data = raw[8 + size:]

    def tensor(dtype, shape, data_offsets):
        first, last = data_offsets
        return np.frombuffer(data[first:last], kinds[dtype]).reshape(shape)

    return {name: tensor(**entry) for name, entry in header.items() if name != "__metadata__"}


def save(out, params, tokenizer):
    """Write the checkpoint folder as mlx-lm would."""
    tensors = {}

    def add(name, w, bits):
        codes, scale, bias = affine(np.asarray(w), bits, np)
        tensors[name + ".weight"] = pack(codes, bits)
        tensors[name + ".scales"] = scale[..., 0].astype(np.float16)
        tensors[name + ".biases"] = bias[..., 0].astype(np.float16)

    add("model.embed_tokens", params["embed"], BITS["embed"])
    tensors["model.norm.weight"] = np.asarray(params["norm"]).astype(np.float16)
    for i in range(LAYERS):
        for key, name in MATRICES.items():
            add(f"model.layers.{i}.{name}", params["layers"][key][i], 4)
        for key, name in NORMS.items():
            tensors[f"model.layers.{i}.{name}.weight"] = np.asarray(params["layers"][key][i]).astype(np.float16)
    out.mkdir(parents=True, exist_ok=True)
    write_safetensors(out / "model.safetensors", tensors)
    end = tokenizer.token_to_id(END)
    quantization = {"group_size": GROUP, "bits": 4, "mode": "affine",
                    "model.embed_tokens": {"group_size": GROUP, "bits": BITS["embed"], "mode": "affine"}}
    config = {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": VOCAB,
        "hidden_size": HIDDEN, "intermediate_size": MLP, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD,
        "hidden_act": "silu", "rms_norm_eps": EPS, "rope_theta": THETA, "rope_scaling": None,
        "attention_bias": False, "max_position_embeddings": CONTEXT, "tie_word_embeddings": True,
        "bos_token_id": None, "eos_token_id": end, "torch_dtype": "float16",
        "quantization": quantization, "quantization_config": quantization,
    }
    generation = {"do_sample": True, "temperature": 0.7, "eos_token_id": end}
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "bos_token": None,
             "model_max_length": CONTEXT, "clean_up_tokenization_spaces": False}
    for name, value in (("config", config), ("generation_config", generation), ("tokenizer_config", about)):
        (out / f"{name}.json").write_text(json.dumps(value, indent=2) + "\n")
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)


def load(out):
    """The parameters that a checkpoint stands for, in float32."""
    tensors = read_safetensors(out / "model.safetensors")

    def matrix(name, bits):
        words = tensors[name + ".weight"][..., None] >> (np.arange(32 // bits, dtype=np.uint32) * bits)
        scale, bias = (tensors[f"{name}.{s}"].astype(np.float32)[..., None] for s in ("scales", "biases"))
        codes = (words & (2 ** bits - 1)).reshape(*scale.shape[:-1], GROUP)
        return (codes * scale + bias).reshape(len(codes), -1).astype(np.float32)

    norm = lambda name: tensors[name + ".weight"].astype(np.float32)
    layers = {k: np.stack([matrix(f"model.layers.{i}.{n}", 4) for i in range(LAYERS)]) for k, n in MATRICES.items()}
    layers |= {k: np.stack([norm(f"model.layers.{i}.{n}") for i in range(LAYERS)]) for k, n in NORMS.items()}
    params = {"embed": matrix("model.embed_tokens", BITS["embed"]), "norm": norm("model.norm"), "layers": layers}
    return jax.tree.map(jnp.asarray, params)


def evaluate(out, count=300):
    """Perplexity on texts of an unseen seed against what the grammar allows.

    Each text is read alone, after END; its own END counts as a token.
    """
    params, tokenizer = load(out), Tokenizer.from_file(str(out / "tokenizer.json"))
    end = tokenizer.token_to_id(END)
    score = jax.jit(losses)
    nats = tokens = bound = 0.0
    for text, surprisal in corpus.documents(HELD_OUT_SEED, count):
        ids = [end] + tokenizer.encode(text).ids + [end]
        row = np.array(ids + [end] * (CONTEXT - len(ids)), np.int32)[None]
        nats += float(score(params, row)[0, :len(ids) - 1].sum())
        tokens += len(ids) - 1
        bound += surprisal
    print(f"held out: {count} texts, {tokens:.0f} tokens")
    print(f"model:    {nats / tokens:.4f} nats per token, perplexity {math.exp(nats / tokens):.4f}")
    print(f"grammar:  at most {bound / tokens:.4f} nats per token, perplexity {math.exp(bound / tokens):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="the checkpoint folder")
    parser.add_argument("--texts", type=int, default=50000, help="texts to train on")
    parser.add_argument("--steps", type=int, default=10000, help="steps of training at most")
    parser.add_argument("--minutes", type=float, default=60, help="minutes of training at most")
    parser.add_argument("--start-from", type=Path, help="begin with the weights of an earlier checkpoint")
    parser.add_argument("--resume", action="store_true", help="train the folder's model further (needs training.npz)")
    parser.add_argument("--evaluate", action="store_true", help="only measure the checkpoint in the folder")
    args = parser.parse_args()
    if not args.evaluate:
        texts = [text for text, _ in corpus.documents(TRAIN_SEED + args.resume * 1000, args.texts)]
        tokenizer = Tokenizer.from_file(str(args.out / "tokenizer.json")) if args.resume else train_tokenizer(texts)
        stream, starts = token_stream(tokenizer, texts)
        print(f"corpus: {len(texts)} texts, {len(stream)} tokens", flush=True)
        if args.resume:
            params, state = load_state(args.out)
        else:
            params = carried_over(args.start_from, tokenizer) if args.start_from else init_params(0)
            state = fresh_state(params)

        def checkpoint(params, state):
            save(args.out, params, tokenizer)
            save_state(args.out, params, state)

        params = train(params, state, stream, starts, args.steps, args.minutes, checkpoint)
        print("parameters:", sum(p.size for p in jax.tree.leaves(params)))
    evaluate(args.out)


if __name__ == "__main__":
    main()
