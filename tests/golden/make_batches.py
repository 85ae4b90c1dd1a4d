"""Makes the fixtures in tests/golden/cachefiles-batch.  usage: make_batches.py OUT  (Python with mlx and mlx-lm)

Each is a file of mlx-lm's save_prompt_cache for caches of several sequences, and what extract() says of every sequence.
Arrays: cache_file uint8 [n]; offsets int32 [sequences]; SEQUENCE.LAYER.keys and .values [1, heads, tokens, width], the
newest tokens of that sequence; SEQUENCE.LAYER.N [1, ...], a recurrent layer's array N.  Members of lists count as layers.
"""

import sys
import tempfile
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx_lm.models.cache import (
    ArraysCache,
    BatchKVCache,
    BatchRotatingKVCache,
    CacheList,
    KVCache,
    RotatingKVCache,
    save_prompt_cache,
)

random = np.random.default_rng(7)
HEADS, KEYS, VALUES = 2, 3, 2


def numbers(*shape, dtype=mx.float32):
    return mx.array(random.standard_normal(shape).astype(np.float32)).astype(dtype)


def read(cache, *counts, rows=1, dtype=mx.float32):
    """The cache after calls of so many tokens."""
    for n in counts:
        cache.update_and_fetch(numbers(rows, HEADS, n, KEYS, dtype=dtype), numbers(rows, HEADS, n, VALUES, dtype=dtype))
    return cache


def merged(kind, lengths, *counts, dtype=mx.float32):
    caches = [read(kind(), *([n] if n else []), dtype=dtype) for n in lengths]
    return read(kind().merge(caches), *counts, rows=len(lengths), dtype=dtype)


def states(rows):
    cache = ArraysCache(2)
    cache[0], cache[1] = numbers(rows, 4, 3), numbers(rows, 5)
    return cache


def left_padded():
    cache = ArraysCache(2, left_padding=[1, 3, 0])
    cache[0], cache[1] = numbers(3, 4, 3), numbers(3, 5)
    return [read(BatchKVCache([1, 3, 0]), 4, rows=3), cache]


def right_padded():
    kv, ring = BatchKVCache([0, 0, 0]), BatchRotatingKVCache(6, [0, 0, 0])
    for cache in (kv, ring):
        cache.prepare(lengths=[9, 4, 7], right_padding=[0, 5, 2])
        read(cache, 9, rows=3)
        cache.finalize()
        read(cache, 1, 1, rows=3)
    return [kv, ring]


def filtered():
    cache = merged(KVCache, [9, 4, 6], 1)
    cache.filter([1, 2])
    cache.extend(merged(KVCache, [2, 11]))
    cache.trim(1)
    return [cache]


ring = lambda: RotatingKVCache(8)
FIXTURES = {
    "kv": lambda: [merged(KVCache, [5, 9, 3]), merged(KVCache, [5, 9, 3])],
    "kv-went-on": lambda: [merged(KVCache, [5, 0, 300], 1, 7, 1, dtype=mx.float16)],
    "rotating": lambda: [merged(ring, [5, 20, 3])],
    "rotating-turned": lambda: [merged(ring, [5, 20, 3], *[1] * 4)],
    "rotating-twice-turned": lambda: [merged(ring, [2, 3], *[1] * 19)],
    "rotating-long-call": lambda: [merged(ring, [5, 20, 3], 1, 5)],
    "rotating-both": lambda: [merged(ring, [1, 6], 1, 5, 1), merged(KVCache, [1, 6], 1, 5, 1)],
    "states": lambda: [states(3)],
    "list": lambda: [CacheList(states(2), merged(KVCache, [4, 6], 2)), merged(ring, [4, 6], 2)],
    "left-padded": left_padded,
    "right-padded": right_padded,
    "filtered": filtered,
}


def leaves(cache):
    return [leaf for c in cache.caches for leaf in leaves(c)] if isinstance(cache, CacheList) else [cache]


def put(arrays, name, cache):
    if isinstance(cache, ArraysCache):
        arrays.update({f"{name}.{i}": a for i, a in enumerate(cache.cache)})
    else:
        arrays[name + ".keys"], arrays[name + ".values"] = cache.keys, cache.values


for name, make in FIXTURES.items():
    caches = make()
    flat = [leaf for c in caches for leaf in leaves(c)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cache.safetensors"
        save_prompt_cache(str(path), caches, {"model": "none"})
        arrays = {"cache_file": mx.array(np.frombuffer(path.read_bytes(), np.uint8))}
    rows = [c.keys.shape[0] if hasattr(c, "keys") else c.batch_size for c in flat][0]
    offsets = [c.offset for c in flat if hasattr(c, "offset")]
    arrays["offsets"] = offsets[0].astype(mx.int32) if offsets else mx.zeros([rows], mx.int32)
    for row in range(rows):
        for layer, cache in enumerate(flat):
            put(arrays, f"{row}.{layer}", cache.extract(row))
    mx.save_safetensors(f"{sys.argv[1]}/{name}.safetensors", arrays, {"kind": "batch"})
    print(name, rows, arrays["offsets"].tolist(), [type(c).__name__ for c in flat])
