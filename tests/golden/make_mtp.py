"""Makes the fixtures in tests/golden/mtp: models with a layer that predicts further tokens.

usage: make_mtp.py ORACLE OUT    (ORACLE: as for make_mine.py; Python with mlx and mlx-lm)

mlx-lm drops those layers, so their numbers are computed here, as the modelling code that serves such checkpoints has
them: the DeepSeek-V3 report (arXiv:2412.19437, section 2.2), and in vLLM and SGLang deepseek_mtp.py / deepseek_nextn.py,
glm4_moe_mtp.py / glm4_moe_nextn.py, mimo_mtp.py and qwen3_next_mtp.py.  In their words, for token t at position p+1:

    x = fc [enorm(embedding(t)) | hnorm(h_p)]        mimo: [hnorm(h_p) | enorm(embedding(t))]
    g_p = norm(decoder layer(x))                     logits of the token at position p+2 = head(g_p)

where h is what the model's own head reads (behind its last norm), and g_p takes the place of h where several tokens
are predicted, one from another.  For mimo both are taken before their norms, as in vLLM's mimo.py and exllamav3.  The
decoder layer is one of the model's, so it is run here as an mlx-lm model of one layer whose embedding does what the
first line says.  vLLM puts zeros for the embedding at position 0; SGLang and the report do not, nor does this.
"""

import importlib
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

PROMPT, CHAIN = 11, 4


def given(name):
    """A fixture of the oracle's own: config and options."""
    for path in sorted(Path(sys.argv[1]).glob("public_*.py")):
        for n, config, options in importlib.import_module(path.stem).FIXTURES:
            if n == name:
                return config, options
    raise KeyError(name)


class Form:
    """Where a checkpoint has the layer, and what is around it.  head: whether it comes with one of its own; raw: the
    states that it reads are not normed."""

    def __init__(self, layer, token_norm, given_norm, join, norm, head=None, given_first=False, raw=False):
        self.layer, self.token_norm, self.given_norm, self.join = layer, token_norm, given_norm, join
        self.norm, self.head, self.given_first, self.raw = norm, head, given_first, raw

    def theirs(self, name):
        """The checkpoint's name for a tensor of the model of one layer; None: it is the big model's."""
        if name.startswith("model.layers.0."):
            return self.layer + name[len("model.layers.0") :]
        return {"model.norm.weight": self.norm, "lm_head.weight": self.head}.get(name)


def deepseek(n, head=True):
    at = f"model.layers.{n}."
    own = at + "shared_head.head.weight" if head else None
    parts = [at + p + ".weight" for p in ("enorm", "hnorm", "eh_proj", "shared_head.norm")]
    return Form(at[:-1], *parts, own)


MIMO = "model.mtp_layers.0."
FORMS = {
    "deepseek_v3": ("deepseek_v3-hf", deepseek(3)),
    "glm4_moe": ("glm4_moe-hf", deepseek(3)),
    "glm4_moe_lite": ("glm4_moe_lite-hf", deepseek(3, head=False)),
    "mimo": (
        "mimo",
        Form(
            MIMO[:-1],
            *[MIMO + p + ".weight" for p in ("token_layernorm", "hidden_layernorm", "input_proj", "final_layernorm")],
            given_first=True,
            raw=True,
        ),
    ),
    "qwen3_next": (
        "qwen3_next-hf",
        Form(
            "mtp.layers.0",
            "mtp.pre_fc_norm_embedding.weight",
            "mtp.pre_fc_norm_hidden.weight",
            "mtp.fc.weight",
            "mtp.norm.weight",
        ),
    ),
}


class Entrance:
    """In the place of the embedding of the model of one layer."""

    def __init__(self, form, weights, embedding, eps, offset):
        self.form, self.weights, self.embedding, self.eps, self.offset = form, weights, embedding, eps, offset
        self.rows = None

    def norm(self, x, name):
        return mx.fast.rms_norm(x, self.weights[name] + self.offset, self.eps)

    def __call__(self, tokens):
        parts = [self.norm(self.embedding[tokens], self.form.token_norm), self.norm(self.rows, self.form.given_norm)]
        both = mx.concatenate(parts[::-1] if self.form.given_first else parts, axis=-1)
        return both @ self.weights[self.form.join].T


def make(out, name, bits=None):
    """bits: maps are quantized to so many, as a converter that keeps the layer would."""
    base, form = FORMS[name]
    config, options = given(base)
    hf = options.get("hf", lambda own: own)
    salt = "mtp"
    one = {**config, "num_hidden_layers": 1, "first_k_dense_replace": 0, "full_attention_interval": 1, "mlp_only_layers": []}
    one = {k: v for k, v in one.items() if k in config}
    layer = re.escape(form.layer.rsplit(".", 1)[0] if form.layer.startswith("model.mtp") else form.layer)

    def own(c):
        """The tensors of a model in the original layout, without those that stand for what mlx-lm drops."""
        weights = hf(dict(fixture.tree_flatten(fixture.build(c).parameters())))
        return {k: v for k, v in weights.items() if not re.match(r"mtp\.|" + layer + r"\.", k)}

    big = own(config)
    small = {k: v for k, v in own(one).items() if form.theirs(k)}
    layout = dict(big)
    layout |= {form.theirs(k): v for k, v in small.items()}
    hidden, offset = config["hidden_size"], 1.0 if name == "qwen3_next" else 0.0
    layout[form.join] = mx.random.normal((hidden, 2 * hidden))
    for norm in (form.token_norm, form.given_norm):
        layout[norm] = mx.full((hidden,), 1 - offset)
    spec = fixture.spec_of(layout, options.get("dtype", "F32"), options.get("overrides"))
    raw = {k: v.astype(mx.float32) for k, v in fixture.materialize(spec, salt).items()}
    config, stored = dict(config), {}
    if bits:
        config["quantization"] = {"group_size": 32, "bits": bits}
        for k in [k for k, v in raw.items() if v.ndim == 2 and v.shape[1] % 32 == 0]:
            parts = mx.quantize(raw[k], group_size=32, bits=bits)
            stored |= dict(zip((k, k.replace(".weight", ".scales"), k.replace(".weight", ".biases")), parts))
            raw[k] = mx.dequantize(*parts, group_size=32, bits=bits)
            del spec[k]

    def load(c, weights):
        c = {k: v for k, v in c.items() if k != "quantization"}
        return fixture.build(c, fixture.build(c).sanitize(dict(weights)))

    model = load(config, {k: raw[k] for k in big})
    head = {k: raw[form.theirs(k) or k] for k in own(one)}
    drafter = load(one, head)
    entrance = Entrance(form, raw, raw["model.embed_tokens.weight"], config["rms_norm_eps"], offset)
    drafter.model.embed_tokens = entrance
    if hasattr(drafter.model, "ssm_idx"):
        drafter.model.ssm_idx, drafter.model.fa_idx = None, 0

    norm, draft_norm = model.model.norm, drafter.model.norm
    if form.raw:
        model.model.norm = drafter.model.norm = lambda x: x

    def head_of(m, x, norm):
        return m.lm_head(norm(x) if form.raw else x)

    prompt = fixture.tokens_for(name + salt, PROMPT, config["vocab_size"])
    chain = fixture.tokens_for(name + salt + "d", CHAIN, config["vocab_size"])
    states = model.model(mx.array(prompt)[None], fixture.make_cache(model))
    logits = head_of(model, states, norm)
    cache = fixture.make_cache(drafter)
    entrance.rows = states[:, :-1]
    guesses = drafter.model(mx.array(prompt[1:])[None], cache)
    draft_logits, last, steps = head_of(drafter, guesses, draft_norm), guesses[:, -1:], []
    for token in chain:
        entrance.rows = last
        last = drafter.model(mx.array([[int(token)]]), cache)
        steps.append(head_of(drafter, last, draft_norm))

    if bits:
        name += f"-q{bits}"
    at = Path(out) / name
    at.mkdir(parents=True, exist_ok=True)
    (at / "config.json").write_text(json.dumps({**config, "num_nextn_predict_layers": 1}))
    (at / "tensors.json").write_text(json.dumps({"": salt} | spec))
    about = {"fixture": name, "layout": "original", "tolerance": 1e-4, "largest_logit": float(mx.abs(draft_logits).max())}
    (at / "about.json").write_text(json.dumps(about))
    if stored:
        fixture.save_arrays(at / "weights.safetensors", stored, {"format": "mlx"})
    fixture.save_arrays(
        at / "golden.safetensors",
        {
            "prompt": prompt,
            "prompt_logits": np.array(logits[0]),
            "hidden": np.array(states[0]),
            "draft_logits": np.array(draft_logits[0]),
            "decode": chain,
            "decode_logits": np.array(mx.concatenate(steps, axis=1)[0]),
        },
    )
    print(f"{name}: {len(spec)} tensors, largest logit {about['largest_logit']:.2f}")
    return at


def write(path, arrays, metadata, made=pack.write):
    made(path, arrays, {**metadata, "kind": "mtp"})


pack.write = write
with tempfile.TemporaryDirectory() as folder:
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for name in FORMS:
        pack.pack(make(folder, name), out)
    pack.pack(make(folder, "mimo", bits=4), out)
