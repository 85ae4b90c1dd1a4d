"""Draws logits, penalties and filters at random and compares what mlx-lm and llm.h leave of them.

    python compare_samplers.py build/golden [--count N] [--most N] [--seed N] [--keep FILE]

Needs a Python with mlx, mlx-lm and numpy.  Each case goes through mlx-lm's logits processors and the filters that its
sampler chains, in float32, but for the sums over all tokens, which mlx rounds to five digits; build/golden then says where
what is kept differs.  Which token is drawn is not compared, as random numbers differ.  Passed over are cases that rounding
decides: where a probability lies within 1e-5 of a limit.
"""
import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import mlx.core as mx
import mlx_lm.sample_utils as theirs
import numpy as np

NEAR = 1e-5


def make_logits(r, n):
    """Logits of many kinds: smooth, with equals, steep, far apart, partly removed."""
    kind = r.randrange(7)
    spread = r.choice([0.1, 1, 3, 10])  # log-probabilities stay above -100, where float32 is finer than 1e-5
    x = [r.gauss(0, spread) for _ in range(n)]
    if kind == 1:
        x = [round(v * 2) / 2 for v in x]
    if kind == 2:
        x = [r.choice([0.0, 0.0, 1.0, 2.5]) for _ in x]
    if kind == 3:
        x = [-1.5 * math.log(i + 1) for i in range(n)]
        r.shuffle(x)
    if kind == 4:
        x = [v if r.random() < 0.3 else -math.inf for v in x]
        x[r.randrange(n)] = r.gauss(0, spread)
    if kind == 5:
        x[r.randrange(n)] += 4 * spread + 5
    return np.array(x, dtype=np.float32)


def make_penalties(r, n):
    p = {}
    if r.random() < 0.4:
        ids = r.sample(range(n), r.randrange(1, min(n, 12) + 1))
        p["logit_bias"] = {i: r.choice([-30.0, -2.0, 0.5, 3.0, r.gauss(0, 5)]) for i in ids}
    for name, values in (
        ("repetition", [0.5, 1.0, 1.1, 2.0, r.uniform(0.1, 3)]),
        ("presence", [-1.0, 0.25, 1.5, r.gauss(0, 2)]),
        ("frequency", [-0.5, 0.1, 0.75, r.gauss(0, 2)]),
    ):
        if r.random() < 0.4:
            p[name + "_penalty"] = r.choice(values)
            if r.random() < 0.6:
                p[name + "_context_size"] = r.choice([1, 2, 5, 20, 64, 400])
    return p


def make_filters(r, n):
    p = {"temp": r.choice([0.0, 0.3, 0.8, 1.0, 1.7])}
    if r.random() < 0.4:
        p["top_p"] = r.choice([0.0, 0.05, 0.5, 0.9, 0.999, 1.0, r.uniform(0.01, 0.99)])
    if r.random() < 0.4:
        p["min_p"] = r.choice([0.0, 0.01, 0.1, 0.7, 1.0, r.uniform(0.001, 1)])
        if r.random() < 0.5:
            p["min_tokens_to_keep"] = r.randrange(1, n)
    if r.random() < 0.3:
        p["xtc_probability"] = 1.0
        p["xtc_threshold"] = r.choice([0.0, 0.01, 0.1, 0.5, r.uniform(0, 0.5)])
        if r.random() < 0.5:
            p["xtc_special_tokens"] = r.sample(range(n), r.randrange(1, min(n, 6) + 1))
    if r.random() < 0.4:
        p["top_k"] = r.choice([0, 1, r.randrange(1, n)])
    return p


def near(a, b):
    return np.any(np.abs(a - b) < NEAR)


def cut_is_open(x, k):
    """Whether a partition may choose which of equal, or nearly equal, tokens are among the k best."""
    s = np.sort(x)[::-1]
    return k < len(s) and s[k] > -np.inf and abs(s[k - 1] - s[k]) < NEAR


def keep(x, p):
    """What mlx-lm's sampler draws from: its filters in its order, and whether rounding had a say."""
    open_case = False
    probabilities = lambda: np.exp(np.array(x[0], dtype=np.float64))
    if 0 < p.get("top_p", 0) < 1:
        s = np.sort(probabilities())[::-1]
        s = s[s > 0]
        open_case |= near(np.cumsum(s), p["top_p"] * s.sum())
        x = theirs.apply_top_p(x, p["top_p"])
    if p.get("min_p", 0) != 0:
        least = p.get("min_tokens_to_keep", 1)
        v = np.array(x[0], dtype=np.float64)
        gap = np.abs(v[v > -np.inf] - (v.max() + math.log(p["min_p"])))
        open_case |= bool(np.any((gap < NEAR) & (gap > 0))) or (least > 1 and cut_is_open(v, least))
        x = theirs.apply_min_p(x, p["min_p"], least)
    if p.get("xtc_probability", 0) > 0:
        q = probabilities()
        q = np.sort(q / q.sum())
        above = q[q > p["xtc_threshold"]]
        gaps = np.diff(above) / above[1:] if len(above) > 1 else np.array([1.0])
        open_case |= near(q, p["xtc_threshold"]) or bool(np.any((gaps < NEAR) & (gaps > 0)))
        x = theirs.apply_xtc(x, 1.0, p["xtc_threshold"], p.get("xtc_special_tokens", []))
    if p.get("top_k", 0) > 0:
        open_case |= cut_is_open(np.array(x[0]), p["top_k"])
        x = theirs.apply_top_k(x, p["top_k"])
    return x, open_case


def numbers(x):
    return [float(v) if v > -np.inf else None for v in np.array(x)]


def make_case(r, i, most):
    n = r.choice([k for k in (2, 3, 5, 16, 100, 257, 512) if k <= most])
    logits = make_logits(r, n)
    history = [r.randrange(n if r.random() < 0.5 else min(n, 8)) for _ in range(r.choice([0, 1, 3, 30, 100]))]
    penalties, filters = make_penalties(r, n), make_filters(r, n)
    x = mx.array(logits)[None]
    for process in theirs.make_logits_processors(**penalties):
        x = process(mx.array(history, dtype=mx.int32), x)
    processed = numbers(x[0])
    top = np.sort(np.array(x[0], dtype=np.float64))[::-1]
    if np.isnan(top).any() or 0 < top[0] - top[1] < NEAR:
        return None
    x = x - mx.array(top[0] + np.log(np.exp(top - top[0]).sum()), dtype=mx.float32)
    argmax = int(mx.argmax(x[0]))
    if filters["temp"] > 0:
        x, open_case = keep(x, filters)
        if open_case:
            return None
        share = np.exp(np.array(x[0], dtype=np.float64) / filters["temp"])
        probabilities = numbers(share / share.sum())
    else:
        filters = {"temp": 0.0}
        probabilities = [float(k == argmax) for k in range(n)]
    return {
        "name": f"random {i}",
        "logits": numbers(logits),
        "history": history,
        "params": penalties | filters,
        "processed": processed,
        "kept": numbers(x[0]),
        "probabilities": probabilities,
        "argmax": argmax,
    }


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("golden")
    arguments.add_argument("--count", type=int, default=3000)
    arguments.add_argument("--most", type=int, default=512, help="tokens of a vocabulary; 512 is what golden takes")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--keep")
    o = arguments.parse_args()
    mx.disable_compile()
    mx.set_default_device(mx.cpu)
    r = random.Random(o.seed)
    cases = [c for c in (make_case(r, i, o.most) for i in range(o.count)) if c]
    print(f"{len(cases)} cases of {o.count}, of the others rounding decides")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(o.keep) if o.keep else Path(folder) / "random.json"
        path.write_text(json.dumps(cases))
        sys.exit(subprocess.run([o.golden, str(path)]).returncode)


main()
