"""Random tokenizer.json files against the tokenizers package: ids, offsets and decoded texts must be equal.

    python tests/tools/compare_tokenizers.py build/tokenize [--seed N] [--files N] [--texts N] [--keep FOLDER]

needs any Python that has the tokenizers package; build/tokenize is examples/tokenize.c.  Each file is one that the
package has trained on a few lines, with normalizers, pre-tokenizers, post-processors, decoders and added tokens by
chance.  What the package itself cannot load or do (it raises or panics) is left out and counted.  With --keep, a
folder is left for every file that differs: tokenizer.json, and the first text.
"""
import argparse
import base64
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

LINES = [
    "The quick brown fox jumps over the lazy dog, doesn't it? We'll see: 3.14 and 2,718.",
    "Voix ambiguë d'un cœur qui, au zéphyr, préfère les jattes de kiwis. ÀÉÎÕÜ àéîõü",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ẞ ß ﬁ ﬂ",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. Йод ЁЖ",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΆΈΉ ΐ",
    "いろはにほへと ちりぬるを ワカヨタレソ ツネナラム。ガギグ ｶﾞｷﾞ ー々〇",
    "天地玄黃 宇宙洪荒 日月盈昃 辰宿列張，寒來暑往。",
    "다람쥐 헌 쳇바퀴에 타고파. 가각갂",
    "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า",
    "def f(x):\n    return x**2 + 1  # spaces  and\ttabs\r\n\n\n    if x: pass",
    "   leading, trailing   and    inner spaces   ",
    "a\u0301e\u0301\u0301 \u0323o\u0308 \u1e69 s\u0323\u0307 \u212b \u2126 \ufb01 \u00bd \u2460 \uff21\uff22\uff23",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f \u200b\ufeff\u00ad\u2028\u2029\u0085",
    "<0x41><0xE9> <unk> <s> </s> [UNK] [CLS] ## ## </w> \u2581\u2581x \u0120 \u010a",
    "1234567890 ١٢٣ Ⅷ ² ¾ 1,000,000.00 $5 €6 x=y+z; a_b-c/d \\ \" ' ` ~ ^ |",
    "user@example.com https://example.org/a?b=c&d=%20 <|im_start|>system<|im_end|>",
]
CHARS = "  \n\t\r\u00a0\u3000\u2581\u0120aeiotnsrAEZ019.,!?'\"-_()<>[]#@|\u00e9\u00df\u0130\u017f\u01c5\u0301\u0308\u0345\u0600" \
        "\u0e33\u0f77\u1100\u1161\u11a8\uac00\uac01\u200c\u200d\u200b\u2028\u3042\u30fc\u4e2d\u6587\ufb01\uff21\ufffd\U0001f600\U0001f1e9" \
        "\U00010400\U0001d400\U0002f800\x00\x01\x7f\x85\xad\u0378\U000e0001"


def any_text(r):
    kind = r.randrange(8)
    if kind == 0:
        return "".join(r.choice(CHARS) for _ in range(r.randrange(1, 40)))
    if kind == 1:
        return "".join(chr(r.choice([c for c in (r.randrange(0x250), r.randrange(0x3000), r.randrange(0x20000))
                                     if not 0xD800 <= c < 0xE000])) for _ in range(r.randrange(1, 12)))
    line = r.choice(LINES)
    if kind == 2:
        words = line.split(" ")
        r.shuffle(words)
        return r.choice([" ", "  ", "", "\n"]).join(words)
    if kind == 3:
        at = r.randrange(len(line) + 1)
        return line[at:at + r.randrange(1, 30)]
    if kind == 4:
        return line + r.choice(["\n", " ", "", "\r\n"]) + r.choice(LINES)
    if kind == 5:
        return "".join(r.choice([c, c, c, r.choice(CHARS)]) for c in line)
    if kind == 6:
        return line.upper() if r.random() < .5 else line.swapcase()
    return line


def with_tokens(r, text, tokens):
    for _ in range(r.randrange(4)):
        if tokens:
            at = r.randrange(len(text) + 1)
            space = r.choice(["", " ", "  ", "\n", "."])
            text = text[:at] + space + r.choice(tokens) + r.choice(["", space]) + text[at:]
    return text


def charsmap(r):
    """A small precompiled map as sentencepiece makes them: a double array over rules, then their texts."""
    rules = {}
    for _ in range(r.randrange(1, 12)):
        key = "".join(r.choice("aeéＡＢｱ ﬁ①\u0301\u0308\t\u200b") for _ in range(r.choice([1, 1, 1, 2])))
        rules[key.encode()] = r.choice(["", "a", "b", " ", "xy", "é", "fi"])
    texts, places = b"", {}
    for v in rules.values():
        if v not in places:
            places[v] = len(texts)
            texts += v.encode() + b"\0"
    tree = {}
    for key, v in rules.items():
        node = tree
        for byte in key:
            node = node.setdefault(byte, {})
        node[-1] = places[v]
    units, used, bases = {0: [0, False, 0]}, {0}, set()

    def place(node, at):
        labels = [b for b in node if b >= 0] + ([0] if -1 in node else [])
        base = 1
        while base ^ at in bases or any((at ^ (base ^ at) ^ b) in used for b in labels) or base >= 1 << 20:
            base += 1
        offset = base ^ at
        bases.add(offset)
        units[at][2] = offset
        units[at][1] = -1 in node
        for b in labels:
            used.add(base ^ b)
            units[base ^ b] = [b, False, 0]
        if -1 in node:
            units[base] = node[-1] | 0x80000000
        for b in node:
            if b >= 0:
                place(node[b], base ^ b)

    place(tree, 0)
    size = max(units) + 257
    array = [units.get(i, [1, False, 0]) for i in range(size)]
    words = [u if isinstance(u, int) else u[0] | (256 if u[1] else 0) | u[2] << 10 for u in array]
    blob = struct.pack("<%dI" % size, *words)
    return base64.b64encode(struct.pack("<I", len(blob)) + blob + texts).decode()


PATTERNS = [
    r"\s+", r"\d", r"[a-z]+", r"\p{L}+", r"[^\s\p{L}\p{N}]+", r"'s|'t", r"(?i:'s|'t|'re)", r"\p{N}{1,3}", r"\w+|[^\w\s]+", r"\b",
    r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", r"[\p{Lu}\p{Lt}]?[\p{Ll}\p{M}]+", r"\s*[\r\n]+|\s+(?!\S)|\s+", r"x*", r"[一-龥぀-ゟ゠-ヿ]+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[\p{P}\p{S}]", r"(?<=\d)[a-z]|\.", r"\p{Han}+", r"[^a-z]", r"a|an|and", r"(?:ab|a)(?:c|bcd)?", r"[[:space:]]+", r"[a-z&&[^aeiou]]+", r".{1,4}",
    r"\s+?x?", r"\S++", r"(?>\s+)\S", r"^.|.$", r"[\u3040-\u309f]+|[^\x00-\x7f]", r"\p{Greek}+|\p{Cyrillic}+|\p{Latin}+",
]


def pattern(r):
    if r.random() < .3:
        return {"String": r.choice([" ", "e", "  ", "an", "\u2581", ".", "é", "\n", "the"])}
    return {"Regex": r.choice(PATTERNS)}


def normalizer(r, depth=0):
    kind = r.choice(["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip", "StripAccents", "Replace", "Replace", "Prepend", "Nmt",
                     "BertNormalizer", "Precompiled", "ByteLevel" if r.random() < .3 else "NFC", "Sequence"])
    if kind == "Sequence":
        if depth > 1:
            kind = "NFD"
        else:
            return {"type": kind, "normalizers": [normalizer(r, depth + 1) for _ in range(r.randrange(4))]}
    n = {"type": kind}
    if kind == "Strip":
        n.update(strip_left=r.random() < .6, strip_right=r.random() < .6)
    elif kind == "Replace":
        n.update(pattern=pattern(r), content=r.choice(["", " ", "x", "\u2581", "é\u0301", "ab "]))
    elif kind == "Prepend":
        n.update(prepend=r.choice(["\u2581", " ", "x", "ab", ""]))
    elif kind == "BertNormalizer":
        n.update(clean_text=r.random() < .7, handle_chinese_chars=r.random() < .7, strip_accents=r.choice([None, True, False]),
                 lowercase=r.random() < .6)
    elif kind == "Precompiled":
        n.update(precompiled_charsmap=charsmap(r))
    return n


BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def pre_tokenizer(r, depth=0):
    kind = r.choice(["ByteLevel", "Metaspace", "Split", "Split", "Digits", "Punctuation", "Whitespace", "WhitespaceSplit",
                     "BertPreTokenizer", "CharDelimiterSplit", "UnicodeScripts", "FixedLength", "Sequence", "Sequence"])
    if kind == "Sequence":
        if depth > 1:
            kind = "Whitespace"
        else:
            return {"type": kind, "pretokenizers": [pre_tokenizer(r, depth + 1) for _ in range(r.randrange(4))]}
    p = {"type": kind}
    if kind == "ByteLevel":
        p.update(add_prefix_space=r.random() < .5, trim_offsets=True, use_regex=r.random() < .6)
    elif kind == "Metaspace":
        p.update(replacement=r.choice(["\u2581", "\u2581", "_"]), prepend_scheme=r.choice(["always", "first", "never"]),
                 split=r.random() < .6)
    elif kind == "Split":
        p.update(pattern=pattern(r), behavior=r.choice(BEHAVIORS), invert=r.random() < .3)
    elif kind == "Digits":
        p.update(individual_digits=r.random() < .5)
    elif kind == "Punctuation":
        p.update(behavior=r.choice(BEHAVIORS))
    elif kind == "CharDelimiterSplit":
        p.update(delimiter=r.choice([" ", "e", "é", "\n"]))
    elif kind == "FixedLength":
        p.update(length=r.randrange(1, 8))
    return p


def decoder(r, depth=0):
    kind = r.choice(["ByteLevel", "Metaspace", "ByteFallback", "Fuse", "Strip", "Replace", "WordPiece", "BPEDecoder", "CTC", "Sequence",
                     "Sequence"])
    if kind == "Sequence":
        if depth > 1:
            kind = "Fuse"
        else:
            return {"type": kind, "decoders": [decoder(r, depth + 1) for _ in range(r.randrange(5))]}
    d = {"type": kind}
    if kind == "Metaspace":
        d.update(replacement="\u2581", prepend_scheme=r.choice(["always", "first", "never"]), split=True)
    elif kind == "Strip":
        d.update(content=r.choice([" ", "\u2581", "e"]), start=r.randrange(3), stop=r.randrange(3))
    elif kind == "Replace":
        d.update(pattern=pattern(r) if r.random() < .4 else {"String": "\u2581"}, content=r.choice([" ", "", "x"]))
    elif kind == "WordPiece":
        d.update(prefix=r.choice(["##", "", "@"]), cleanup=r.random() < .6)
    elif kind == "BPEDecoder":
        d.update(suffix=r.choice(["</w>", "e"]))
    elif kind == "CTC":
        d.update(pad_token=r.choice(["<pad>", "e"]), word_delimiter_token=r.choice(["|", "a"]), cleanup=r.random() < .6)
    return d


def post_processor(r, vocab, depth=0):
    names = r.sample(sorted(vocab), min(3, len(vocab)))
    kind = r.choice(["TemplateProcessing", "ByteLevel", "BertProcessing", "RobertaProcessing", "Sequence"])
    if kind == "Sequence" and depth == 0:
        return {"type": kind, "processors": [post_processor(r, vocab, 1) for _ in range(r.randrange(1, 3))]}
    if kind == "ByteLevel" or kind == "Sequence":
        return {"type": "ByteLevel", "add_prefix_space": r.random() < .5, "trim_offsets": r.random() < .6, "use_regex": True}
    if kind == "TemplateProcessing":
        used = names[:2]
        around = [{"SpecialToken": {"id": n, "type_id": 0}} for n in used]
        at = r.randrange(len(around) + 1)
        single = around[:at] + [{"Sequence": {"id": "A", "type_id": 0}}] + around[at:]
        return {"type": kind, "single": single, "pair": single + [{"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {n: {"id": n, "ids": [vocab[n]], "tokens": [n]} for n in used}}
    p = {"type": kind, "sep": [names[0], vocab[names[0]]], "cls": [names[-1], vocab[names[-1]]]}
    if kind == "RobertaProcessing":
        p.update(trim_offsets=r.random() < .7, add_prefix_space=r.random() < .5)
    return p


def added_tokens(r, vocab):
    count = r.choice([0, 0, 2, 4, 8])
    words = ["<s>", "</s>", "<a>", "<a><b>", "[X]", "the", " foo", "bar ", "É", "ﬁ", "Mixed", "xx", "x", "<|im_end|>", "\u2581t", "e\u0301",
             "Ａ", "..", "ſ", "über", "12", "中"]
    tokens, next_id = [], len(vocab)
    for word in r.sample(words, count):
        if word in vocab:
            number = vocab[word]
        else:
            number, next_id = next_id, next_id + 1
        special = r.random() < .5
        tokens.append({"id": number, "content": word, "single_word": r.random() < .25, "lstrip": r.random() < .25,
                       "rstrip": r.random() < .25, "normalized": r.random() < .5, "special": special})
    return tokens


def train(r, n, p):
    """A model whose vocabulary fits the normalizer and the pre-tokenizer."""
    kind = r.choice(["BPE", "BPE", "BPE", "Unigram", "Unigram", "WordPiece", "WordLevel"])
    unk = r.choice(["<unk>", "[UNK]"])
    options, training = {}, {"show_progress": False, "vocab_size": r.choice([60, 150, 400])}
    special = [unk] if r.random() < .8 or kind in ("WordLevel", "WordPiece", "Unigram") else []
    if kind == "BPE":
        options = {"unk_token": unk if special and r.random() < .8 else None, "fuse_unk": r.random() < .5}
        if r.random() < .2:
            training["continuing_subword_prefix"] = options["continuing_subword_prefix"] = "##"
        if r.random() < .2:
            training["end_of_word_suffix"] = options["end_of_word_suffix"] = "</w>"
        model, trainer = models.BPE(**{k: v for k, v in options.items() if v is not None}), trainers.BpeTrainer
        training["limit_alphabet"] = r.choice([30, 200])
    elif kind == "Unigram":
        model, trainer = models.Unigram(), trainers.UnigramTrainer
        training["unk_token"] = unk
    elif kind == "WordPiece":
        model, trainer = models.WordPiece(unk_token=unk, max_input_chars_per_word=r.choice([5, 100])), trainers.WordPieceTrainer
    else:
        model, trainer = models.WordLevel(unk_token=unk), trainers.WordLevelTrainer
    t = Tokenizer(model)
    base = json.loads(t.to_str())
    base["normalizer"], base["pre_tokenizer"] = n, p
    t = Tokenizer.from_str(json.dumps(base))
    t.train_from_iterator(r.sample(LINES, r.choice([6, len(LINES)])) * 2, trainer(special_tokens=special, **training))
    file = json.loads(t.to_str())
    m = file["model"]
    if kind in ("BPE", "Unigram") and r.random() < .5:
        m["byte_fallback"] = True
        bytes_ = ["<0x%02X>" % b for b in range(256) if r.random() < r.choice([1, 1, .98])]
        if kind == "BPE":
            for b in bytes_:
                m["vocab"].setdefault(b, len(m["vocab"]))
        else:
            known = {v[0] for v in m["vocab"]}
            m["vocab"] += [[b, 0.0] for b in bytes_ if b not in known]
    if kind == "BPE":
        m["ignore_merges"] = r.random() < .3
        if r.random() < .3:
            m["merges"] = [" ".join(x) for x in m["merges"]] if all(" " not in a + b for a, b in m["merges"]) else m["merges"]
    return file


def escaped(text):
    for a, b in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\0", "\\0")):
        text = text.replace(a, b)
    return text


def unescaped(text):
    out, i = [], 0
    while i < len(text):
        if text[i] == "\\":
            out.append({"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}[text[i + 1]])
            i += 1
        else:
            out.append(text[i])
        i += 1
    return "".join(out)


def ours(program, folder, lines, *options):
    run = subprocess.run([program, "--model", folder, "--lines", *options], input="".join(x + "\n" for x in lines).encode(),
                         capture_output=True)
    return run.returncode, run.stdout.decode("utf-8", "replace"), run.stderr.decode("utf-8", "replace")


def in_bytes(text, offsets):
    places = [0]
    for c in text:
        places.append(places[-1] + len(c.encode()))
    return [tuple(places[min(x, len(text))] for x in o) for o in offsets]


def reference(t, text, special):
    e = t.encode(text, add_special_tokens=special)
    return e.ids, e.offsets


def check(program, file, texts, folder, r, safe):
    """A description of the first difference, or None; 'reference' where the reference gives up."""
    try:
        t = Tokenizer.from_str(json.dumps(file))
        forms = [t.normalizer.normalize_str(x["content"]) for x in file["added_tokens"] if t.normalizer and x["normalized"]]
        if "" in forms:
            return "reference"  # a token of no characters is found everywhere
        if len(set(forms)) < len(forms):
            return "reference"  # which of tokens with one form is found changes with every run of the package
        t.encode("a")
    except BaseException:
        return "reference"
    if safe:
        t.encode_special_tokens = True
    m = file["model"]  # where bytes take the place of a character with its prefix, the package's offsets mean nothing
    beyond = m.get("byte_fallback") and (m.get("continuing_subword_prefix") or m.get("end_of_word_suffix"))
    specials = {x["id"] for x in file["added_tokens"] if x["special"]}
    for special in (False, True):
        good, expected = [], []
        for text in texts:
            try:
                ids, offsets = reference(t, text, special)
                if safe and any(x in specials for x in ids):
                    continue  # the package lets its model make special tokens of plain text
                expected.append((ids, offsets))
                good.append(text)
            except BaseException as e:
                if isinstance(e, KeyboardInterrupt):
                    raise
        options = (["--special"] if special else []) + (["--plain"] if safe else [])
        code, out, error = ours(program, folder, [escaped(x) for x in good], "--pieces", *options)
        if code:
            return "the file or a text is refused: " + error.strip()
        rows, current = [], []
        for line in out.split("\n")[:-1]:
            if line:
                current.append(line)
            else:
                rows.append(current)
                current = []
        for text, (ids, offsets), got in zip(good, expected, rows):
            fields = [x.split("\t") for x in got]
            if [int(x[0]) for x in fields] != ids:
                return "ids of %r (special %s): %s, expected %s" % (text, special, [int(x[0]) for x in fields], ids)
            if not beyond and [(int(x[1]), int(x[2])) for x in fields] != in_bytes(text, offsets):
                return "offsets of %r: %s, expected %s" % (text, [(int(x[1]), int(x[2])) for x in fields],
                                                           in_bytes(text, offsets))
    size = t.get_vocab_size()
    lists = [ids for ids, _ in expected] + [[r.randrange(size + 3) for _ in range(r.randrange(1, 12))] for _ in range(30)]
    for skip in (False, True):
        good, expected = [], []
        for ids in lists:
            try:
                expected.append(t.decode(ids, skip_special_tokens=skip))
                good.append(ids)
            except BaseException as e:
                if isinstance(e, KeyboardInterrupt):
                    raise
        code, out, error = ours(program, folder, [" ".join(map(str, x)) for x in good], "--decode", *(["--special"] if skip else []))
        if code:
            return "ids are refused: " + error.strip()
        for ids, text, got in zip(good, expected, out.split("\n")):
            if unescaped(got) != text:
                return "decoding of %s (skip %s): %r, expected %r" % (ids, skip, unescaped(got), text)
    return None


def main():
    a = argparse.ArgumentParser()
    a.add_argument("program")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--files", type=int, default=200)
    a.add_argument("--texts", type=int, default=60)
    a.add_argument("--keep")
    a = a.parse_args()
    passed = failed = left_out = 0
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    for seed in range(a.seed, a.seed + a.files):
        r = random.Random(seed)
        n = normalizer(r) if r.random() < .75 else None
        p = pre_tokenizer(r) if r.random() < .85 else None
        try:
            file = train(r, n, p)
        except BaseException as e:
            if isinstance(e, KeyboardInterrupt):
                raise
            left_out += 1
            continue
        vocab = file["model"]["vocab"]
        vocab = dict(vocab) if isinstance(vocab, dict) else {v[0]: i for i, v in enumerate(vocab)}
        file["added_tokens"] = added_tokens(r, vocab)
        file["post_processor"] = post_processor(r, vocab) if r.random() < .6 else None
        file["decoder"] = decoder(r) if r.random() < .85 else None
        names = [x["content"] for x in file["added_tokens"]]
        texts = LINES + [with_tokens(r, any_text(r), names) for _ in range(a.texts)]
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as f:
                json.dump(file, f, ensure_ascii=r.random() < .5)
            problem = check(a.program, file, texts, folder, r, r.random() < .2)
        if problem == "reference":
            left_out += 1
        elif problem is None:
            passed += 1
        else:
            failed += 1
            parts = {k: file[k] for k in ("normalizer", "pre_tokenizer", "post_processor", "decoder")}
            print("seed %d: %s\n    %s %s" % (seed, problem[:700], file["model"]["type"], json.dumps(parts)[:900]))
            if a.keep:
                keep = os.path.join(a.keep, str(seed))
                os.makedirs(keep, exist_ok=True)
                json.dump(file, open(os.path.join(keep, "tokenizer.json"), "w"))
                open(os.path.join(keep, "problem.txt"), "w").write(problem)
    print("compare_tokenizers: %d passed, %d failed (%d left out: the package itself gives up)" % (passed, failed, left_out))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
