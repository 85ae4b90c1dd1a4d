# make            the examples, into build/
# make run        tells a story with the bundled model
# make test       builds and runs every test; the last line is the sum
# make san        the tests under AddressSanitizer and UndefinedBehaviorSanitizer
# make fuzz       libFuzzer over the files of two checkpoints, prompt caches, templates, tokenizers... for FUZZ_SECONDS
#                 (needs clang); FUZZ=f only inputs of that letter, see tests/fuzz.c
# make table      puts the table of architectures, as llm.h has it, into the README
# make bench      prompt and generation speed of this machine, over random weights
# make bench-against  the same, in turn with llama-bench of LLAMA=FOLDER and IK=FOLDER: tests/bench/README.md
# make clean

ifeq ($(origin CC),default)
CC := $(shell command -v cc || command -v gcc || command -v clang)
endif
CFLAGS ?= -O2
WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion
INCLUDE = -I.
LDLIBS = -lm -lpthread
B ?= build
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

HEADERS = llm.h llm_cache.h
EXAMPLES = $(patsubst examples/%.c,$B/%,$(wildcard examples/*.c))
PROGRAMS = $(patsubst tests/%.c,%,$(wildcard tests/test_*.c))
TESTS = golden golden-scalar compile cross examples table $(PROGRAMS)
PROMPT = Once upon a time
FIXTURES = $(addprefix tests/golden/,logits quantization cachefiles mine templates generation samplers stops tokenizers)

.SECONDARY:
.PHONY: all run test san fuzz table bench bench-against clean results
FUZZ_SECONDS ?= 60
all: $(EXAMPLES)

run: $B/generate
	@printf '%s' "$(PROMPT)"
	@$B/generate --model examples/model --prompt "$(PROMPT)" --temp 0.8 --max-tokens 300 --verbose

# Each test leaves its output in $B/log/NAME; a test that did not get to its last line counts as one failure.
test:
	@rm -rf $B/log && mkdir -p $B/log
	@$(MAKE) --no-print-directory -k -j$(JOBS) results || true
	@sh tests/sum.sh $B/log $(TESTS)

san:
	@$(MAKE) --no-print-directory test B=$B/san TESTS="golden golden-scalar examples $(PROGRAMS)" \
	    SCALAR=--once OWN= CFLAGS="-O0 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"

# Every file of both checkpoints is a seed, behind the byte that says which it is; the packed file of one; and the prompt
# caches of the fixtures, without the checksum that would stop every change to them.
FUZZING = -O1 -g -fsanitize=address,undefined $(WARN)
fuzz: $B/golden $B/test_tools $B/test_words $B/quantize $B/fuzz/llm.o
	@mkdir -p $B/fuzz/corpus $B/fuzz/caches $B/fuzz/templates
	@$B/golden --save $B/fuzz/caches tests/golden/cachefiles
	@$B/golden --save $B/fuzz/templates tests/golden/templates
	@$B/test_tools --save $B/fuzz/corpus
	@$B/test_words --save $B/fuzz/corpus
	@for file in $B/fuzz/caches/*; do \
	    { printf e; LC_ALL=C sed 's/0\.llm_checksum/0.llm_checksux/' $$file; } >$B/fuzz/corpus/$$(basename $$file); done
	@for file in $B/fuzz/templates/*.source; do \
	    { printf f; cat $$file; } >$B/fuzz/corpus/$$(basename $$file); done
	@for file in $B/fuzz/templates/*.data; do \
	    { printf g; cat $$file; } >$B/fuzz/corpus/$$(basename $$file); done
	@mkdir -p $B/fuzz/model && cp examples/model/*.json examples/model/model.safetensors $B/fuzz/model
	@$B/quantize --model $B/fuzz/model --pack >/dev/null
	@{ printf p; cat $B/fuzz/model/llm.pack; } >$B/fuzz/corpus/pack
	clang $(FUZZING) -fsanitize=fuzzer $(FUZZ:%=-DFUZZ_ONLY="'%'") -isystem $B/declared -o $B/fuzz/fuzz tests/fuzz.c \
	    $B/fuzz/llm.o $(LDLIBS)
	@for seed in a:config.json b:model.safetensors c:tokenizer.json d:tokenizer_config.json; do \
	    letter=$${seed%%:*} file=$${seed#*:}; \
	    { printf $$letter; cat tests/golden/models/stories260K/$$file; } >$B/fuzz/corpus/$$seed; \
	    { printf $$letter | tr a-z A-Z; cat examples/model/$$file; } >$B/fuzz/corpus/model-$$seed; done
	@printf '%s' 'js{"$$defs":{"n":{"type":"object","properties":{"v":{"type":"integer","minimum":3},"n":{"$$ref":'\
	    '"#/$$defs/n"}}}},"anyOf":[{"$$ref":"#/$$defs/n"},{"type":"string","pattern":"^a+","maxLength":9}]}' \
	    >$B/fuzz/corpus/schema
	@printf '%s' 'jr(a|[^b-d]{2,5})*\d+' >$B/fuzz/corpus/regex
	@printf '%s' 'jgroot ::= "a" b? | [x-z]+ b ::= root{2,3} "\n"' >$B/fuzz/corpus/gbnf
	@$B/fuzz/fuzz -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 -timeout=20 -max_len=2000000 \
	    -artifact_prefix=$B/fuzz/ $B/fuzz/corpus

table: $B/table
	@$B/table --put README.md

bench: $B/bench
	@$B/bench --shape qwen2.5-0.5b --format q4

# LLAMA and IK: folders with llama-bench and llama-batched-bench of llama.cpp and of ik_llama.cpp; the latter is run as
# it is and with weights repacked when they are read, for whichever is faster.
AGAINST = $(if $(LLAMA),--against "llama.cpp=$(LLAMA)/llama-bench" --batched $(LLAMA)/llama-batched-bench) \
    $(if $(IK),--against "ik_llama=$(IK)/llama-bench" --batched $(IK)/llama-batched-bench \
    --against "ik repacked=$(IK)/llama-bench -rtr 1" --batched "$(IK)/llama-batched-bench -rtr")
SHAPES = qwen2.5-0.5b,llama-3.2-1b
ROUNDS = 5
bench-against: $B/bench
	@$B/bench --shape $(SHAPES) --format q4,q4-32,q4-6,q8,f16,bf16 --repeat $(ROUNDS) $(AGAINST)

clean:
	rm -rf $B

# The implementation takes most of a program's build, so programs share one object of it.  Tests look into it:
# tests/share.awk makes of the headers $B/shared, where private functions are not static, for that object, and
# $B/declared, where functions have no bodies, for the programs.  A copy of their own, of the headers as they stand, have:
# - OWN: golden, to run what users build, and bench, to measure that (make san does without);
# - tests of llm_cache.h alone: they are small, and some choose their own LLM_PAGE_TOKENS.
OWN = golden bench
SHARING := $(filter-out $(OWN:%=$B/%),$(EXAMPLES) $(patsubst tests/%.c,$B/%,$(shell grep -l '"llm.h"' tests/*.c)))
$(SHARING): INCLUDE = -isystem $B/declared
$(SHARING): EXTRA = $B/llm.o
$(SHARING): $B/llm.o

$B/bench: $(wildcard examples/bench_*.h)

$B/llm.o: $(HEADERS) tests/share.awk
	@mkdir -p $B/shared $B/declared
	@for header in $(HEADERS); do \
	    awk -f tests/share.awk $$header >$B/shared/$$header && \
	    awk -v declare=1 -f tests/share.awk $$header >$B/declared/$$header || exit 1; done
	$(CC) $(CFLAGS) $(WARN) -DLLM_IMPLEMENTATION -x c -c -o $@ $B/shared/llm.h

$B/fuzz/llm.o: $B/llm.o
	@mkdir -p $(@D)
	clang $(FUZZING) -fsanitize=fuzzer-no-link -DLLM_IMPLEMENTATION -x c -c -o $@ $B/shared/llm.h

$B/%: examples/%.c examples/tool.h $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) $(INCLUDE) -o $@ $< $(EXTRA) $(LDLIBS)

$B/%: tests/%.c $(wildcard tests/*.h) $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) $(INCLUDE) -o $@ $< $(EXTRA) $(LDLIBS)

results: $(TESTS:%=$B/log/%)

$B/log/golden: $B/golden
	@$B/golden $(FIXTURES) >$@ 2>&1; echo "exit $$?" >>$@

$B/log/golden-scalar: $B/golden
	@$B/golden --isa scalar $(SCALAR) $(FIXTURES) >$@ 2>&1; echo "exit $$?" >>$@

$B/log/compile: $(HEADERS)
	@sh tests/compile/run.sh $B/compile >$@ 2>&1; echo "exit $$?" >>$@

$B/log/cross: $B/llm.o
	@sh tests/cross.sh $B/cross >$@ 2>&1; echo "exit $$?" >>$@

$B/log/examples: $(EXAMPLES) $B/test_engine
	@sh tests/examples.sh $B >$@ 2>&1; echo "exit $$?" >>$@

$B/log/table: $B/table README.md
	@{ if $B/table --check README.md; then echo "table: 1 passed, 0 failed"; \
	    else echo "FAIL the README's table is not that of llm.h: make table"; echo "table: 0 passed, 1 failed"; fi; \
	    echo "exit 0"; } >$@ 2>&1

$B/log/test_%: $B/test_%
	@$< >$@ 2>&1; echo "exit $$?" >>$@
