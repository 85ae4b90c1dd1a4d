#!/bin/sh
# cross.sh FOLDER - the systems that this one can stand in for: 64-bit ARM by qemu (the NEON kernels over every golden
# fixture and every kernel test), Windows by MinGW (compiled and linked; run too where wine is).
#
# What is not installed is skipped with a line that says so.  FOLDER lies in the build's, where the headers are that
# programs share an object by (see the Makefile).
out=${1:-build/cross}
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
mkdir -p "$out"
. tests/check.sh

arm=aarch64-linux-gnu-gcc
if command -v $arm >/dev/null && command -v qemu-aarch64 >/dev/null; then
    check "llm.h for ARM" $arm -std=c99 -O2 $warnings -DLLM_IMPLEMENTATION -x c -c "$out/../shared/llm.h" \
        -o "$out/llm.o"
    for program in golden test_kernels; do
        check "$program for ARM" $arm -std=c99 -O2 $warnings -static -isystem "$out/../declared" tests/$program.c \
            "$out/llm.o" -o "$out/$program" -lm -lpthread
    done
    check "golden on ARM" qemu-aarch64 "$out/golden" --once tests/golden/logits tests/golden/quantization \
        tests/golden/cachefiles tests/golden/mine
    check "golden on ARM in every cut" qemu-aarch64 "$out/golden" tests/golden/logits/qwen3*
    check "kernels on ARM" qemu-aarch64 "$out/test_kernels"
else
    echo "ARM: skipped, $arm or qemu-aarch64 is not installed"
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
