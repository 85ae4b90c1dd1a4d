#!/bin/sh
# cross.sh FOLDER - the systems that this one can stand in for: 64-bit ARM by qemu (its kernels over every golden
# fixture and every kernel test), x86 without AVX by qemu and with more than this CPU may have by Bochs, WebAssembly by
# node, Windows by MinGW (compiled and linked; run too where wine is).
#
# What is not installed is skipped with a line that says so.  FOLDER lies in the build's, where the headers and the
# object are that programs share (see the Makefile): each system has one object of the implementation, this machine's
# is that of the build.
out=${1:-build/cross}
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
mkdir -p "$out"
. tests/check.sh

arm=aarch64-linux-gnu-gcc
if command -v $arm >/dev/null && command -v qemu-aarch64 >/dev/null; then
    check "llm.h for ARM" $arm -std=c99 -O2 $warnings -DLLM_IMPLEMENTATION -x c -c "$out/../shared/llm.h" \
        -o "$out/llm-arm.o"
    for program in golden test_kernels; do
        check "$program for ARM" $arm -std=c99 -O2 $warnings -static -isystem "$out/../declared" tests/$program.c \
            "$out/llm-arm.o" -o "$out/$program" -lm -lpthread
    done
    check "golden on ARM" qemu-aarch64 "$out/golden" --once tests/golden/logits tests/golden/quantization \
        tests/golden/cachefiles tests/golden/mine
    check "golden on ARM in every cut" qemu-aarch64 "$out/golden" tests/golden/logits/qwen3*
    check "kernels on ARM" qemu-aarch64 -cpu max "$out/test_kernels"
    check "i8mm is one of them" qemu-aarch64 -cpu max "$out/test_kernels" --isa i8mm
    check "an ARM without dot products has none" sh -c "! qemu-aarch64 -cpu cortex-a53 $out/test_kernels --isa dotprod"
else
    echo "ARM: skipped, $arm or qemu-aarch64 is not installed"
fi

# A story of the bundled model, greedy, must be the same by every kernel table and on every CPU: in float32, as its
# corpus has words that are equally likely, between which the rounding of activations to int8 would choose.
story() { # story COMMAND...: what it tells
    "$@" --exact --prompt "Once upon a time" --temp 0 --max-tokens 150
}
same_story() { # same_story NAME COMMAND...
    name=$1
    shift
    story "$@" >"$out/$name.story" && cmp "$out/story" "$out/$name.story"
}

lists_what_there_is() { # lists_what_there_is COMMAND...: one that has SSE4.1 and not AVX2
    ! "$@" --isa avx2 >"$out/refused" 2>&1 && grep -q 'have: scalar, sse4$' "$out/refused"
}

if [ "$(uname -m)" = x86_64 ]; then
    for source in examples/generate.c tests/test_kernels.c tests/golden.c; do
        check "$source for any x86-64" "${CC:-cc}" -std=c99 -O2 -static -no-pie -isystem "$out/../declared" $source \
            "$out/../llm.o" -o "$out/x86-$(basename $source .c)" -lm -lpthread
    done
    tell=$out/x86-generate
    story "$tell" >"$out/story"
    check "scalar kernels tell the same story" same_story scalar "$tell" --isa scalar
    if command -v qemu-x86_64 >/dev/null; then
        check "a CPU without AVX tells the same story" same_story nehalem qemu-x86_64 -cpu Nehalem "$tell"
        check "it has SSE4.1" same_story nehalem qemu-x86_64 -cpu Nehalem "$tell" --isa sse4
        check "and no AVX2" lists_what_there_is qemu-x86_64 -cpu Nehalem "$tell"
        check "golden without AVX" qemu-x86_64 -cpu Nehalem "$out/x86-golden" --once tests/golden/logits/qwen3* \
            tests/golden/logits/mamba*
        check "kernels without AVX" qemu-x86_64 -cpu Nehalem "$out/x86-test_kernels" --isa sse4
    else
        echo "x86 without AVX: skipped, qemu-x86_64 is not installed"
    fi
    export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}build/python"
    if ! python3 -c 'import importlib.util as u, sys; sys.exit(not (u.find_spec("bochscpu") and u.find_spec("numpy")))' \
        2>/dev/null; then
        echo "AVX-512, VNNI, AMX: skipped, the Python packages bochscpu-python and numpy are not installed"
    else
        for pair in corei7_skylake_x:avx512 arrow_lake:avxvnni sapphire_rapids:avx512vnni sapphire_rapids:amx; do
            check "kernels of ${pair#*:}" env BOCHS_CPU=${pair%:*} python3 tests/tools/bochs.py \
                "$out/x86-test_kernels" --isa ${pair#*:}
        done
        check "golden with AVX-512" env BOCHS_CPU=sapphire_rapids python3 tests/tools/bochs.py "$out/x86-golden" --once \
            --isa amx tests/golden/logits/qwen3.safetensors tests/golden/logits/mamba.safetensors
    fi
else
    echo "x86: skipped, this is another machine"
fi

if command -v clang >/dev/null && command -v node >/dev/null && [ -d /usr/lib/wasm32-wasi ]; then
    # the stack of a WASI program has 64 KB unless more is asked for, and writes on into the heap
    wasm="clang --target=wasm32-wasi -std=c99 -O2 $warnings -msimd128 -DLLM_NO_THREADS -DLLM_NO_MMAP"
    wasm="$wasm -D_WASI_EMULATED_SIGNAL"
    check "llm.h for WebAssembly" $wasm -DLLM_IMPLEMENTATION -x c -c "$out/../shared/llm.h" -o "$out/llm-wasm.o"
    for source in tests/test_kernels.c examples/generate.c; do
        check "$source for WebAssembly" $wasm -isystem "$out/../declared" $source "$out/llm-wasm.o" \
            -o "$out/$(basename $source .c).wasm" -Wl,-z,stack-size=1048576 -lm -lwasi-emulated-signal
    done
    check "kernels in WebAssembly" timeout 300 node --no-warnings tests/tools/wasi.mjs "$out/test_kernels.wasm"
    [ ! -f "$out/story" ] || check "WebAssembly tells the same story" same_story wasm node --no-warnings \
        tests/tools/wasi.mjs "$out/generate.wasm"
else
    echo "WebAssembly: skipped, clang, node or wasi-libc is not installed"
fi

windows=x86_64-w64-mingw32-gcc
if command -v $windows >/dev/null; then
    check "generate for Windows" $windows -std=c99 -O2 $warnings -I. examples/generate.c -o "$out/generate.exe" -lm
    wine=$(command -v wine64 || ls /usr/lib/wine/wine64 2>/dev/null)
    if [ -n "$wine" ]; then
        check "generate on Windows" env WINEDEBUG=-all "$wine" "$out/generate.exe" --prompt "Once upon a time" \
            --max-tokens 20
        check "a missing file on Windows" sh -c "WINEDEBUG=-all $wine $out/generate.exe --model nowhere 2>&1 | grep -q nowhere"
    else
        echo "Windows: built, not run: skipped, wine64 is not installed"
    fi
else
    echo "Windows: skipped, $windows is not installed"
fi

echo "cross: $passed passed, $failed failed"
[ "$failed" = 0 ]
