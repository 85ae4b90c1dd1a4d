"""How fast llm.h encodes text beside the tokenizers package (Rust), on one thread each, in turns.

    make build/bench && python tests/tools/tokenizer_speed.py build/bench [--rounds N] [--keep FOLDER]

Makes a folder of its own with a virtual environment, into which pip puts tokenizers, litellm (for the vocabularies of
large models that it carries) and jieba (for its list of Chinese words), then the tokenizers and 1 MB of text:
English, code, numbers, Chinese, emoji and other languages, in shuffled pieces.  In each round both sides encode it once
more; ids must be equal.  Printed are the ratios of the times, against `encode` and against `encode_batch_fast`, which
keeps no offsets.  A ratio above 1 says that llm.h is faster.
"""
import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile

PACKAGES = ["tokenizers", "litellm", "jieba"]
ENGLISH, CODE, NUMBERS, CHINESE, OTHER, EMOJI = 400_000, 250_000, 90_000, 170_000, 40_000, 50_000
QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+")
O200K = "fb374d419588a4632f3f557e76b4b70aebbca790"  # the file of 200,000 byte strings by rank


def outside(arguments):
    """Runs this script again in an environment that has the packages."""
    with tempfile.TemporaryDirectory() as folder:
        folder = arguments.keep or folder
        python = os.path.join(folder, "venv", "bin", "python")
        if not os.path.exists(python):
            subprocess.run([sys.executable, "-m", "venv", os.path.join(folder, "venv")], check=True)
            subprocess.run([python, "-m", "pip", "-q", "install", "tokenizers", "jieba"], check=True)
            subprocess.run([python, "-m", "pip", "-q", "install", "--no-deps", "litellm"], check=True)
        environment = dict(os.environ, RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
        return subprocess.run([python, os.path.abspath(__file__), os.path.abspath(arguments.bench), "--inside", folder,
                               "--rounds", str(arguments.rounds)], env=environment, check=False).returncode


def package_folder(name):
    import importlib.util
    return os.path.dirname(importlib.util.find_spec(name).origin)


def of_bytes(text, most):
    """The beginning of a text, repeated if it is shorter, in at most so many bytes."""
    data = text.encode()
    while len(data) < most:
        data += data
    return data[:most].decode(errors="ignore")


def numbers(r):
    forms = ["%d,%.3f,%d\n", '{"id": %d, "value": %.6f, "size": %d}\n', "2024-01-%02d %.2f %d ms\n", "0x%x %e %06d\n"]
    return "".join(r.choice(forms) % (r.randrange(10 ** r.randint(1, 9)), r.random() * 10 ** r.randint(0, 6),
                                      r.randrange(10 ** 6)) for _ in range(4000))


def chinese(r):
    """Words by their frequency: no run of them comes twice."""
    rows = [line.split() for line in open(os.path.join(package_folder("jieba"), "dict.txt"), encoding="utf-8")]
    words = iter(r.choices([row[0] for row in rows], [int(row[1]) for row in rows], k=60_000))
    return "".join("".join(next(words) for _ in range(r.randint(3, 14))) + r.choice("，。，。、；？！\n")
                   for _ in range(4000))


def emoji(r):
    signs = [chr(c) for c in [*range(0x1F300, 0x1F650), *range(0x1F680, 0x1F6C0), *range(0x1F900, 0x1FA00)]]
    return "".join(r.choice(["", "", " ", " ok ", " nice! "]) + r.choice(signs) * r.choice([1, 1, 2])
                   for _ in range(20_000))


def mixed_text(r):
    import pydoc_data.topics as topics
    library = os.path.dirname(os.__file__)
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    golden = os.path.join(tests, "golden", "tokenizers", "qwen2", "cases.json")
    code = [open(os.path.join(library, name), encoding="utf-8").read() for name in
            ["argparse.py", "inspect.py", "tarfile.py", "typing.py"]]
    parts = [("\n".join(topics.topics.values()), ENGLISH), ("\n".join(code), CODE), (numbers(r), NUMBERS),
             (chinese(r), CHINESE), (emoji(r), EMOJI),
             ("\n".join(case["text"] for case in json.load(open(golden, encoding="utf-8"))), OTHER)]
    pieces = []
    for text, most in parts:
        text = of_bytes(text, most)
        while text:
            n = r.randint(300, 2000)
            pieces.append(text[:n])
            text = text[n:]
    r.shuffle(pieces)
    return "".join(pieces)


def byte_chars():
    """Bytes as byte-level vocabularies write them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def last_merge(token, rank, ranks):
    """The two parts that merging by rank joins last."""
    parts = [token[i:i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best = min((ranks.get(parts[i] + parts[i + 1], rank), i) for i in range(len(parts) - 1))
        if best[0] >= rank:
            raise ValueError("a token that merging does not reach")
        parts[best[1]:best[1] + 2] = [parts[best[1]] + parts[best[1] + 1]]
    return parts


def from_ranks(path, count):
    """tokenizer.json of the first `count` ranks, with Qwen 2's pattern and normal form."""
    lines = [line.split() for line in open(path, "rb") if line.strip()]
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines if int(rank) < count}
    chars = byte_chars()
    merges = [" ".join("".join(chars[b] for b in part) for part in last_merge(token, rank, ranks))
              for token, rank in sorted(ranks.items(), key=lambda item: item[1]) if len(token) > 1]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": QWEN}, "behavior": "Isolated", "invert": False}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": {"type": "NFC"},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, level]}, "post_processor": None,
            "decoder": level, "model": {"type": "BPE", "dropout": None, "unk_token": None,
                                        "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False,
                                        "byte_fallback": False, "ignore_merges": False, "merges": merges,
                                        "vocab": {"".join(chars[b] for b in token): rank
                                                  for token, rank in ranks.items()}}}


def tokenizer_folders(folder):
    """Folders with a tokenizer.json each: (name, path)."""
    carried = os.path.join(package_folder("litellm"), "litellm_core_utils", "tokenizers")
    files = {"150k": None}
    files.update({name.split("_")[0]: os.path.join(carried, name) for name in sorted(os.listdir(carried))
                  if name.endswith("_tokenizer.json")})
    for name, source in files.items():
        path = os.path.join(folder, name)
        os.makedirs(path, exist_ok=True)
        target = os.path.join(path, "tokenizer.json")
        with open(target, "w", encoding="utf-8") as out:
            if source:
                out.write(open(source, encoding="utf-8").read())
            else:
                json.dump(from_ranks(os.path.join(carried, O200K), 151_643), out, ensure_ascii=False, indent=2)
        yield name, path


def seconds_of(call):
    import time
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def our_run(bench, path, text, ids):
    """Seconds of encoding, the table's last line, and the ids."""
    import array
    line = subprocess.run([bench, "--words", "--model", path, "--text", text, "--ids", ids, "--repeat", "1"],
                          capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    found = array.array("i")
    with open(ids, "rb") as f:
        found.frombytes(f.read())
    return os.path.getsize(text) / 1e6 / float(line.split()[3]), line, found.tolist()


def compare(bench, name, path, text, rounds):
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(os.path.join(path, "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    content = open(text, encoding="utf-8", newline="").read()
    times = []
    for _ in range(rounds):
        ours, line, ids = our_run(bench, path, text, os.path.join(path, "ids"))
        theirs, encoding = seconds_of(lambda: tokenizer.encode(content, add_special_tokens=False))
        fast, _ = seconds_of(lambda: tokenizer.encode_batch_fast([content], add_special_tokens=False))
        if ids != encoding.ids:
            print(f"{name}: the ids differ")
            return False
        times.append((ours, theirs, fast))
    best = [os.path.getsize(text) / 1e6 / min(t[k] for t in times) for k in range(3)]
    print(f"{name}: {len(ids)} equal ids; best of {rounds}: {best[0]:.1f} MB/s, tokenizers {best[1]:.2f} "
          f"(fast: {best[2]:.2f})")
    for k, label in ((1, "encode"), (2, "encode_batch_fast")):
        ratios = sorted(t[k] / t[0] for t in times)
        print(f"    {label}: least ratio {ratios[0]:.1f}, median {ratios[len(ratios) // 2]:.1f}")
    print("    " + line)
    return True


def inside(arguments):
    import random
    text = os.path.join(arguments.inside, "mixed.txt")
    with open(text, "w", encoding="utf-8", newline="") as out:
        out.write(mixed_text(random.Random(7)))
    return 0 if all([compare(arguments.bench, name, path, text, arguments.rounds)
                     for name, path in tokenizer_folders(arguments.inside)]) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bench")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--keep", metavar="FOLDER", help="work there and leave what was made")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    return inside(arguments) if arguments.inside else outside(arguments)


if __name__ == "__main__":
    sys.exit(main())
