#!/bin/sh
# examples.sh BUILD - runs the examples as a user would.
build=${1:-build}
stories=tests/golden/models/stories260K
passed=0
failed=0

pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    echo "FAIL $1"
}

golden=$build/greedy
rm -rf "$golden"
mkdir -p "$golden"

# Each entry of greedy.json: test_engine takes it apart into files, generate must print exactly its text.
if "$build/test_engine" --greedy "$golden"; then
    for text in "$golden"/*-text; do
        entry=${text%-text}
        "$build/generate" --model $stories --prompt - --temp 0 --max-tokens "$(cat "$entry-count")" \
            <"$entry-prompt" >"$entry-got" 2>"$entry-errors" || fail "generate exits with an error on $entry"
        if cmp -s "$entry-got" "$text"; then pass; else fail "the text of $entry"; fi
        if [ -s "$entry-errors" ]; then fail "$entry: something on standard error"; else pass; fi
    done
else
    fail "greedy.json cannot be read"
fi

refused() { # refused WORD ARGUMENT...: exit code 1, nothing on standard output, and the word in the message
    word=$1
    shift
    "$build/generate" "$@" >"$golden/out" 2>"$golden/err"
    code=$?
    if [ $code = 1 ] && [ ! -s "$golden/out" ] && grep -q -e "$word" "$golden/err"; then pass; else fail "generate $*"; fi
}
refused /nowhere --model /nowhere
refused --frobnicate --model $stories --frobnicate 3
refused --temp --model $stories --temp hot
refused --max-tokens --model $stories --max-tokens 1x
refused --max-tokens --model $stories --max-tokens 0
refused vax --model $stories --isa vax

"$build/generate" --model $stories -p "Once upon" -m 5 >"$golden/out" &&
    "$build/generate" --model $stories --prompt "Once upon" --max-tokens 5 >"$golden/whole" &&
    cmp -s "$golden/out" "$golden/whole" && pass || fail "generate -p -m"
"$build/generate" --help >"$golden/out" 2>&1 && grep -q -e --prefill-step-size "$golden/out" && pass || fail "--help"
"$build/generate" --model $stories --max-tokens 5 --verbose >"$golden/out" 2>"$golden/err"
grep -q "Generation: 5 tokens" "$golden/err" && pass || fail "--verbose"
if [ -d examples/model ] && [ -f examples/model/config.json ]; then
    "$build/minimal" >"$golden/out" && [ "$(wc -c <"$golden/out")" -gt 100 ] && pass || fail "minimal"
fi
# A prompt that was saved and loaded goes on as one that was read in one go, float16 cache and all.
cache=$golden/story.safetensors
"$build/cache_prompt" --model $stories --prompt "Once upon a time, there was" --prompt-cache-file "$cache" 2>"$golden/err"
grep -q "Saved" "$golden/err" && [ -s "$cache" ] && [ ! -e "$cache.part" ] && pass || fail "cache_prompt"
"$build/generate" --model $stories --prompt-cache-file "$cache" --prompt " a little" --max-tokens 40 >"$golden/out" &&
    "$build/generate" --model $stories --prompt "Once upon a time, there was a little" --max-tokens 40 >"$golden/whole" &&
    cmp -s "$golden/out" "$golden/whole" && pass || fail "generate --prompt-cache-file"
refused layers --model examples/model --prompt-cache-file "$cache" --prompt x
refused nothing --model $stories --prompt-cache-file "$golden/nothing" --prompt x
"$build/cache_prompt" --model $stories --prompt x --prompt-cache-file "$cache" --kv-bits 7 2>"$golden/err" && fail "--kv-bits 7"
grep -q "7 bits" "$golden/err" && "$build/generate" --model $stories --prompt-cache-file "$cache" --prompt x \
    --max-tokens 1 >"$golden/out" && pass || fail "a refused cache_prompt leaves the file alone"

# A checkpoint with a chat template: the prompt goes through it unless that is declined.
chat=$golden/chat
mkdir -p "$chat"
cp $stories/*.json $stories/*.safetensors "$chat/"
printf '%s' "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %} there was{% endif %}" \
    >"$chat/chat_template.jinja"
echo '[{"role": "user", "content": "Once upon a time,"}]' >"$golden/messages.json"
"$build/template" --model "$chat" "$golden/messages.json" >"$golden/out"
[ "$(cat "$golden/out")" = "Once upon a time, there was" ] && pass || fail "template"
mkdir -p "$chat/additional_chat_templates"
printf 'Named {{ messages[0].content }}' >"$chat/additional_chat_templates/rag.jinja"
"$build/template" --model "$chat" --name rag "$golden/messages.json" >"$golden/out"
grep -q "^Named " "$golden/out" && pass || fail "template --name"
"$build/generate" --model "$chat" --prompt "One day, a" --ignore-chat-template --max-tokens 20 >"$golden/out" &&
    "$build/generate" --model $stories --prompt "One day, a" --max-tokens 20 >"$golden/whole" &&
    cmp -s "$golden/out" "$golden/whole" && pass || fail "generate --ignore-chat-template"
"$build/generate" --model "$chat" --prompt "Once" --system-prompt "x " --prefill-response " upon" --max-tokens 5 \
    >"$golden/out" && [ -s "$golden/out" ] && pass || fail "generate with a template"
"$build/inspect" --model $stories --tokens 100 >"$golden/out" && grep -q "layers 0-4 .*attention, 8 heads of 8, 4 of keys; mlp of 172" "$golden/out" &&
    grep -q "weights  .*parameters, .*MB" "$golden/out" && grep -q "at 100 tokens" "$golden/out" && pass || fail "inspect"
"$build/inspect" --model /nowhere >"$golden/out" 2>"$golden/err" && fail "inspect --model /nowhere"
[ ! -s "$golden/out" ] && grep -q /nowhere "$golden/err" && pass || fail "inspect says what it could not open"

# A checkpoint of 4 bits, then with a packed file: the same text; what cannot be done is said, and nothing is touched.
few=$golden/few
rm -rf "$few"
"$build/quantize" --model $stories --out "$few" --bits 4 --group 32 2>"$golden/err" && [ ! -s "$golden/err" ] &&
    "$build/inspect" --model "$few" >"$golden/out" && grep -q "affine 4 bit, groups of 32" "$golden/out" && pass || fail "quantize"
"$build/generate" --model "$few" --prompt "Once upon" --max-tokens 40 >"$golden/whole" && [ ! -e "$few/llm.pack" ] &&
    "$build/quantize" --model "$few" --pack && [ -s "$few/llm.pack" ] && [ ! -e "$few/llm.pack.part" ] &&
    "$build/generate" --model "$few" --prompt "Once upon" --max-tokens 40 >"$golden/out" &&
    cmp -s "$golden/out" "$golden/whole" && pass || fail "quantize --pack"
not_quantized() { # not_quantized WORD ARGUMENT...: exit code 1, and the word in the message
    word=$1
    shift
    "$build/quantize" "$@" >"$golden/out" 2>"$golden/err" && fail "quantize $*"
    [ ! -s "$golden/out" ] && grep -q -e "$word" "$golden/err" && pass || fail "quantize $* says $word"
}
not_quantized "holds a checkpoint" --model $stories --out "$few"
not_quantized "quantized already" --model "$few" --out "$golden/fewer"
not_quantized "7 bits" --model $stories --out "$golden/fewer" --bits 7
not_quantized "mode" --model $stories --out "$golden/fewer" --mode q4_k
not_quantized "groups of 32" --model $stories --out "$golden/fewer" --mode mxfp4 --group 64
not_quantized "dtype" --model $stories --out "$golden/fewer" --dtype int8
not_quantized "none can be made of its maps" --model $stories --pack
not_quantized "nothing to do" --model $stories
not_quantized /nowhere --model /nowhere --out "$golden/fewer"
[ ! -e "$golden/fewer" ] && pass || fail "a refused quantize writes nothing"
"$build/quantize" --model $stories --out "$golden/fewer" --mode mxfp8 --dtype bfloat16 &&
    "$build/inspect" --model "$golden/fewer" >"$golden/out" && grep -q "in mxfp8" "$golden/out" &&
    grep -q "in BF16" "$golden/out" && pass || fail "quantize --mode mxfp8"

# Each line's answer is what generate writes for it; a line that cannot be answered does not take the others along.
printf 'Once upon a time\n\377\nOne day, a\n' >"$golden/prompts"
"$build/batch" --model $stories --prompts "$golden/prompts" --answers "$golden/answers" --max-tokens 25 2>"$golden/err"
[ $? = 1 ] && grep -q "line 2" "$golden/err" && grep -q "^2 answers" "$golden/err" && [ "$(wc -l <"$golden/answers")" = 3 ] && pass || fail "batch"
for line in 1 3; do
    "$build/generate" --model $stories --prompt "$(sed -n ${line}p "$golden/prompts")" --max-tokens 25 >"$golden/whole"
    sed -n ${line}p "$golden/answers" >"$golden/out"
    echo | cat "$golden/whole" - | sed ':a;N;$!ba;s/\n\(.\)/\\n\1/g' | head -1 | cmp -s - "$golden/out" && pass ||
        fail "batch writes what generate does, line $line"
done
"$build/npc" --model $stories --characters 5 --words 6 >"$golden/out" 2>"$golden/err" &&
    [ "$(grep -c '^[A-Z][a-z]* .* said: "' "$golden/out")" = 5 ] && grep -q "longest frame" "$golden/err" && pass || fail "npc"
# Drafts change nothing, and a stop ends the text before it.
"$build/generate" --model $stories --max-tokens 60 >"$golden/whole"
for drafts in "--lookup 5" "--draft-model $stories --num-draft-tokens 4"; do
    "$build/generate" --model $stories --max-tokens 60 --verbose $drafts >"$golden/out" 2>"$golden/err"
    cmp -s "$golden/out" "$golden/whole" && grep -q "Drafts: [1-9]" "$golden/err" && pass || fail "generate $drafts"
done
for drafts in "" "--draft $stories" "--lookup 3 --temp 0.7 --seed 5"; do
    "$build/speculative" --model $stories --max-tokens 60 --runs 1 $drafts >"$golden/out" 2>"$golden/err" &&
        grep -q "times as fast" "$golden/err" && pass || fail "speculative $drafts"
    case $drafts in *temp*) ;; *) cmp -s "$golden/out" "$golden/whole" && pass || fail "the text of speculative $drafts" ;; esac
done
"$build/speculative" --model $stories --mtp >"$golden/out" 2>"$golden/err" && fail "speculative --mtp without a layer"
grep -q "no layer" "$golden/err" && pass || fail "speculative --mtp"
"$build/speculative" --model $stories --mtp --lookup 3 2>"$golden/err" && fail "speculative --mtp --lookup"
grep -q "expected one" "$golden/err" && pass || fail "speculative --mtp --lookup"
"$build/generate" --model $stories --max-tokens 60 --stop nowhere --stop " named " >"$golden/out"
[ "$(cat "$golden/out")" = "$(sed 's/ named .*//;q' "$golden/whole")" ] && pass || fail "generate --stop"
"$build/generate" --model $stories --max-tokens 60 --extra-eos-token . >"$golden/out"
[ "$(cat "$golden/out")." = "$(sed 's/\..*/./;q' "$golden/whole")" ] && pass || fail "generate --extra-eos-token"
refused "no token" --model $stories --extra-eos-token nosuchtoken
refused vocabulary --model $stories --draft-model examples/model
refused kv_bits --model $stories --kv-bits 7

# A conversation: what was read stays read, r forgets it, and an answer is what generate gives to the whole of it.
printf '%s' "{% for m in messages %}{{ '[' ~ m.content ~ ']' if m.role == 'user' else m.content }}{% endfor %}" \
    >"$chat/chat_template.jinja"
printf 'Once\nh\nTwo\nr\nOnce\nq\nno more\n' | "$build/chat" --model "$chat" --max-tokens 8 --verbose >"$golden/out" \
    2>"$golden/err" && [ "$(wc -l <"$golden/out")" = 3 ] && pass || fail "chat"
[ "$(sed -n 1p "$golden/out")" = "$(sed -n 3p "$golden/out")" ] && pass || fail "chat forgets"
grep "prompt tokens read" "$golden/err" | sed 's/.*\[\([0-9]*\) of \([0-9]*\).*/\1 \2/' >"$golden/reads"
awk 'NR == 2 && $1 + 8 < $2 { ok = 1 } NR != 2 && $1 != $2 { bad = 1 } END { exit !ok || bad }' "$golden/reads" && pass ||
    fail "chat reads only what is new"
one=$(sed -n 1p "$golden/out")
"$build/generate" --model "$chat" --prompt "Once]${one}[Two" --max-tokens 8 >"$golden/whole"
[ "$(sed -n 2p "$golden/out")" = "$(cat "$golden/whole")" ] && pass || fail "chat goes on from the conversation"
printf 'Once\n' | "$build/chat" --model $stories --system-prompt "A story." --max-tokens 5 --temp 1 --seed 3 \
    >"$golden/out" 2>"$golden/err" && [ -s "$golden/out" ] && pass || fail "chat without a template"
drawn="--max-tokens 40 --temp 1 --seed 3 --xtc-probability 1 --xtc-threshold 0.05 --prefill-step-size 2"
printf 'Once upon a time\n' | "$build/chat" --model $stories $drawn >"$golden/out" 2>"$golden/err" &&
    "$build/generate" --model $stories --prompt "Once upon a time" $drawn >"$golden/whole" &&
    [ "$(cat "$golden/out")" = "$(cat "$golden/whole")" ] && pass || fail "chat draws as generate does"
"$build/chat" --help | grep -q -e --system-prompt && pass || fail "chat --help"

schema='{"type":"object","properties":{"age":{"type":"integer","minimum":3,"maximum":40},"is":{"enum":["cat","dog"]}},"required":["age","is"]}'
"$build/json" --compact --model $stories --temp 1 --seed 4 "$schema" >"$golden/out" &&
    grep -q -E '^\{"age":([3-9]|[123][0-9]|40),"is":"(cat|dog)"\}$' "$golden/out" && pass || fail "json"
"$build/json" --model $stories '{"frob":1}' >"$golden/out" 2>"$golden/err" && fail "json refuses an unknown keyword"
grep -q "#/frob" "$golden/err" && pass || fail "json names the keyword"
"$build/json" --model $stories schema.jsn >"$golden/out" 2>"$golden/err" && fail "json reads a file that is not there"
grep -q "cannot read schema.jsn" "$golden/err" && pass || fail "json names the file"
"$build/json" --model $stories --temp hot '{}' >"$golden/out" 2>"$golden/err" && fail "json --temp hot"
grep -q -e "--temp is hot" "$golden/err" && pass || fail "json --temp hot"
"$build/bench" --model $stories --prompt 32 --generate 8 --repeat 1 >"$golden/out" && pass || fail "bench --model"
"$build/bench" --kernels --only max --isa scalar --threads 1 >"$golden/out" &&
    grep -q "^max .* scalar .*%$" "$golden/out" && pass || fail "bench --kernels"
"$build/bench" --batched other >"$golden/out" 2>"$golden/err" && fail "bench --batched alone"
grep -q -e --against "$golden/err" && pass || fail "bench --batched says what it belongs to"

echo "examples: $passed passed, $failed failed"
[ "$failed" = 0 ]
