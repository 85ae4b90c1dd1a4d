"""Real tokenizers against the libraries that they were made for: ids and decoded texts must be equal.

    python tests/tools/real_tokenizers.py build/tokenize [--texts N] [--venv FOLDER]

makes a virtual environment (or uses the one in FOLDER), installs litellm, mistral-common, sentencepiece, tiktoken and
tokenizers into it from the package index, and compares on N varied texts each (2000 if not said): the tokenizer.json in
litellm with tokenizers, its .tiktoken files with tiktoken, the SentencePiece models in mistral-common with
sentencepiece, its tekken.json files with mistral-common, and Unigram and BPE models that sentencepiece trains here, with
every normalizer it has, user-defined symbols and bytes.  build/tokenize is examples/tokenize.c.
"""
import argparse
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile

PACKAGES = ["litellm", "mistral-common", "sentencepiece", "tiktoken", "tokenizers"]


def within(venv):
    """Runs this script again with the Python of a virtual environment that has the packages."""
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    environment = dict(os.environ, REAL_TOKENIZERS="1")
    return subprocess.run([python, *sys.argv], env=environment).returncode


def package_folder(name):
    return os.path.dirname(importlib.util.find_spec(name).origin)


def compare(program, name, source, file_name, encode, decode, texts, skip=True, unknown=None):
    from compare_tokenizers import escaped, ours, unescaped
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(source, os.path.join(folder, file_name))
        code, out, error = ours(program, folder, [escaped(x) for x in texts], "--plain")
        if code:
            print("%-50s FAIL %s" % (name, error.strip()))
            return 0, 1
        wrong = 0
        rows = [[int(x) for x in line.split()] for line in out.split("\n")[:-1]]
        for text, got in zip(texts, rows):
            expected = encode(text)
            if got != expected:
                wrong += 1
                if wrong < 4:
                    at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
                    print("%s: %r: %s, expected %s" % (name, text[:80], got[max(0, at - 2):at + 5], expected[max(0, at - 2):at + 5]))
        code, out, error = ours(program, folder, [" ".join(map(str, x)) for x in rows], "--decode", *(["--special"] if skip else []))
        for ids, got in zip(rows, out.split("\n")):
            if unknown in ids:
                continue  # sentencepiece writes a sign for it, and transformers its name
            expected = decode(ids)
            if unescaped(got) != expected:
                wrong += 1
                if wrong < 4:
                    print("%s: %s: %r, expected %r" % (name, ids[:12], unescaped(got)[:80], expected[:80]))
    print("%-50s %s %d of %d" % (name, "FAIL" if wrong else "ok  ", 2 * len(texts) - wrong, 2 * len(texts)))
    return 2 * len(texts) - wrong, wrong


def trained(folder):
    """Models that sentencepiece trains: (name, path)."""
    import sentencepiece
    from compare_tokenizers import LINES
    corpus = os.path.join(folder, "corpus.txt")
    with open(corpus, "w", encoding="utf-8") as f:
        for line in LINES * 6:
            for part in line.replace("\0", "").split("\n"):
                f.write(part + "\n")
    number = 0
    for kind in ("unigram", "bpe"):
        for rule in ("identity", "nmt_nfkc", "nfkc_cf", "nmt_nfkc_cf", "nfkc"):
            for flags in ({}, {"byte_fallback": True}, {"add_dummy_prefix": False, "remove_extra_whitespaces": False},
                          {"user_defined_symbols": ["<a>", "the", "\u00e9", "ab"], "byte_fallback": True}):
                number += 1
                prefix = os.path.join(folder, "m%d" % number)
                sentencepiece.SentencePieceTrainer.train(
                    input=corpus, model_prefix=prefix, vocab_size=700 if "byte_fallback" in flags else 450, model_type=kind,
                    normalization_rule_name=rule, hard_vocab_limit=False, minloglevel=3, character_coverage=.995, **flags)
                yield "sentencepiece %s %s %s" % (kind, rule, ",".join(flags)), prefix + ".model"


def main():
    a = argparse.ArgumentParser()
    a.add_argument("program")
    a.add_argument("--texts", type=int, default=2000)
    a.add_argument("--venv")
    a = a.parse_args()
    if not os.environ.get("REAL_TOKENIZERS"):
        if a.venv:
            sys.exit(within(a.venv))
        with tempfile.TemporaryDirectory() as folder:
            sys.exit(within(os.path.join(folder, "venv")))
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from compare_tokenizers import LINES, any_text
    litellm = os.path.join(package_folder("litellm"), "litellm_core_utils", "tokenizers")
    mistral = os.path.join(package_folder("mistral_common"), "data")
    os.environ["TIKTOKEN_CACHE_DIR"] = litellm
    import sentencepiece
    import tiktoken
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer
    from tokenizers import Tokenizer
    r = random.Random(7)
    texts = LINES + [any_text(r) for _ in range(a.texts - len(LINES))]
    texts = [x for x in texts if x]
    results = []
    for name in sorted(os.listdir(litellm)):
        path = os.path.join(litellm, name)
        if name.endswith(".json"):
            t = Tokenizer.from_file(path)
            t.encode_special_tokens = True
            results.append(compare(a.program, name, path, "tokenizer.json", lambda x: t.encode(x, add_special_tokens=False).ids,
                                   lambda ids: t.decode(ids), texts))
    for name in ("cl100k_base", "o200k_base", "p50k_base"):
        try:
            e = tiktoken.get_encoding(name)
        except Exception:  # not among the files of this version
            continue
        import hashlib
        where = "https://openaipublic.blob.core.windows.net/encodings/%s.tiktoken" % name
        path = os.path.join(litellm, hashlib.sha1(where.encode()).hexdigest())
        results.append(compare(a.program, name, path, name + ".tiktoken", e.encode_ordinary,
                               lambda ids: e.decode(ids), texts))
    for name in sorted(os.listdir(mistral)):
        path = os.path.join(mistral, name)
        if name.startswith("tekken"):
            k = Tekkenizer.from_file(path)
            results.append(compare(a.program, name, path, "tekken.json", lambda x: k.encode(x, bos=False, eos=False),
                                   lambda ids: k.decode(ids), texts))
        elif ".model" in name:
            s = sentencepiece.SentencePieceProcessor(model_file=path)
            results.append(compare(a.program, name, path, "tokenizer.model", s.encode, s.decode, texts))
    with tempfile.TemporaryDirectory() as folder:
        for name, path in trained(folder):
            s = sentencepiece.SentencePieceProcessor(model_file=path)
            results.append(compare(a.program, name, path, "tokenizer.model", s.encode, s.decode, texts[:400],
                                   unknown=s.unk_id()))
    print("real_tokenizers: %d passed, %d failed" % (sum(x for x, _ in results), sum(x for _, x in results)))
    sys.exit(any(x for _, x in results))


if __name__ == "__main__":
    main()
