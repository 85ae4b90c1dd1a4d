#!/bin/sh
# run.sh FOLDER - builds the headers in every way they promise, with every compiler found, into FOLDER.
#
# Each check is a command; what a failing one printed is shown.  Compilers and tools that are not there are skipped
# with a line that says so.
out=${1:-build/compile}
here=tests/compile
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
mkdir -p "$out"
. tests/check.sh

can_build() { # can_build LANGUAGE COMPILER: whether the compiler and its library are installed
    printf '#include <stdlib.h>\nint main(void) { return 0; }\n' >"$out/probe"
    "$2" -x "$1" "$out/probe" -o "$out/probe.out" >/dev/null 2>&1
}

only_ours() { # only_ours OBJECT: every exported symbol is named llm_
    foreign=$(nm -g --defined-only "$1" | awk 'NF >= 3 { sub(/^_llm_/, "llm_", $3); if ($3 !~ /^llm_[a-z]/) print $3 }')
    [ -z "$foreign" ] || { echo "exported: $foreign"; return 1; }
}

nothing_exported() { # nothing_exported OBJECT: only main
    foreign=$(nm -g --defined-only "$1" | awk 'NF >= 3 && $3 !~ /^_?main$/ { print $3 }')
    [ -z "$foreign" ] || { echo "exported: $foreign"; return 1; }
}

build() { # build COMPILER LANGUAGE STANDARD NAME SOURCE [FLAG...]: an object file
    compiler=$1 language=$2 standard=$3 name=$4 source=$5
    shift 5
    check "$name" "$compiler" -x "$language" "-std=$standard" $warnings "$@" -I. -c "$here/$source" -o "$out/$name.o"
}

link_and_run() { # link_and_run COMPILER LANGUAGE NAME OBJECT...
    linker=$1 language=$2 name=$3
    shift 3
    if [ "$language" = c++ ]; then
        check "$name" "$linker" "$@" -o "$out/$name" -lstdc++ -lm -lpthread
    else
        check "$name" "$linker" "$@" -o "$out/$name" -lm -lpthread
    fi
    check "$name runs" "$out/$name"
}

one_standard() { # one_standard COMPILER LANGUAGE STANDARD
    tag=$1-$3
    build "$1" "$2" "$3" "$tag-implement" implement.c
    build "$1" "$2" "$3" "$tag-user" user.c
    link_and_run "$1" "$2" "$tag-two-files" "$out/$tag-implement.o" "$out/$tag-user.o"
    build "$1" "$2" "$3" "$tag-cache" cache.c
    link_and_run "$1" "$2" "$tag-cache-alone" "$out/$tag-cache.o"
    if [ "$2" = c ] && command -v nm >/dev/null; then
        check "$tag exports" only_ours "$out/$tag-implement.o"
        check "$tag cache exports" only_cache "$out/$tag-cache.o"
    fi
}

only_cache() { # the lower floor's names, and the main of its test
    foreign=$(nm -g --defined-only "$1" | awk 'NF >= 3 && $3 !~ /^_?(main|llm_(cache|batch|store)_[a-z_]+|llm_status_text|llm_system_clock)$/ { print $3 }')
    [ -z "$foreign" ] || { echo "exported: $foreign"; return 1; }
}

variants() { # variants COMPILER
    build "$1" c c99 "$1-static" static.c
    command -v nm >/dev/null && check "$1 LLM_STATIC exports nothing" nothing_exported "$out/$1-static.o"
    link_and_run "$1" c "$1-static-program" "$out/$1-static.o"
    build "$1" c c99 "$1-no-simd" implement.c -DLLM_NO_SIMD
    build "$1" c c99 "$1-few-sets" implement.c -DLLM_NO_AVX2 -DLLM_NO_AVX512VNNI -DLLM_NO_DOTPROD
    build "$1" c c99 "$1-no-avx512" implement.c -DLLM_NO_SSE4 -DLLM_NO_AVXVNNI -DLLM_NO_AVX512
    build "$1" c c99 "$1-no-threads" implement.c -DLLM_NO_THREADS
    build "$1" c c99 "$1-no-mmap" implement.c -DLLM_NO_MMAP
    build "$1" c c99 "$1-O2" implement.c -O2
    build "$1" c c99 "$1-O3" implement.c -O3
}

# The README's program, as it stands, in a project that holds nothing but the two headers.
fresh_project() { # fresh_project COMPILER LANGUAGE
    folder=$out/$1-$2-project
    mkdir -p "$folder"
    cp llm.h llm_cache.h "$folder/"
    cp examples/minimal.c "$folder/main.$2"
    language=$2
    flags=
    if [ "$2" = cc ]; then
        language=c++
        flags=-lstdc++
    fi
    check "$1 $2 project" "$1" -x "$language" "$folder/main.$2" -x none -o "$folder/main" $flags -lm -lpthread
    check "$1 $2 project runs" tells_a_story "$folder/main"
}

# The examples are C that is C++, too, but for a warning about C's {0}; of the headers the declarations are enough.
examples_as_cpp() { # examples_as_cpp COMPILER
    mkdir -p "$out/declared"
    for header in llm.h llm_cache.h; do awk -v declare=1 -f tests/share.awk $header >"$out/declared/$header"; done
    for source in examples/*.c; do
        check "$1 $source as C++" "$1" -x c++ -std=c++17 $warnings -Wno-missing-field-initializers \
            -isystem "$out/declared" -fsyntax-only $source
    done
}

tells_a_story() { # tells_a_story PROGRAM: with the bundled model, from the repository's root
    "$1" >"$out/story" && [ "$(wc -c <"$out/story")" -gt 100 ]
}

for compiler in gcc clang; do
    if ! command -v $compiler >/dev/null || ! can_build c $compiler; then
        echo "$compiler: skipped, it is not installed"
        continue
    fi
    one_standard $compiler c c99
    one_standard $compiler c c11
    variants $compiler
    fresh_project $compiler c
    if can_build c++ $compiler; then
        one_standard $compiler c++ c++17
        build $compiler c++ c++17 $compiler-c++-static static.c
        fresh_project $compiler cc
        examples_as_cpp $compiler
    else
        echo "$compiler as C++: skipped, its C++ compiler is not installed"
    fi
done

# LLM_USE_OPENBLAS, with a stand-in, and with the library where it is: another BLAS has no openblas_set_num_threads.
openblas="${CC:-cc} -std=c99 $warnings -I. $here/openblas.c -DLLM_NO_SIMD"
check "openblas" $openblas -I$here/blas -o "$out/openblas" -lm -lpthread
check "openblas runs" "$out/openblas"
printf '#include <cblas.h>\nint main(void) { openblas_set_num_threads(1); return 0; }\n' >"$out/probe.c"
if ${CC:-cc} -Werror "$out/probe.c" -o "$out/probe.out" -lopenblas >/dev/null 2>&1; then
    check "the real openblas" $openblas -o "$out/openblas-real" -lopenblas -lm -lpthread
    check "the real openblas runs" "$out/openblas-real"
else
    echo "the real OpenBLAS: skipped, <cblas.h> is not there, or not OpenBLAS'"
fi

command -v nm >/dev/null || echo "exported symbols: skipped, nm is not installed"

check "contents of llm_cache.h" awk -f $here/contents.awk llm_cache.h
check "contents of llm.h" awk -f $here/contents.awk llm.h
readme() { # readme N: the N-th program of the README
    awk -v n="$1" '/^```c$/ { on = ++k == n; next } /^```$/ { on = 0 } on' README.md
}
readme 1 >"$out/readme.c"
check "the README's program is examples/minimal.c" cmp "$out/readme.c" examples/minimal.c
{
    printf '#define LLM_CACHE_IMPLEMENTATION\n#include "llm_cache.h"\nint main(void) {\n'
    printf 'llm_error error; llm_cache *cache, *other; static float keys[1024], values[1024];\n'
    readme 2 | sed "s#prompt.safetensors#$out/prompt.safetensors#"
    printf 'return error.status || llm_cache_length(cache) != 2 || llm_cache_length(other) != 1; }\n'
} >"$out/readme-cache.c"
check "the README's cache" "${CC:-cc}" -std=c99 -I. "$out/readme-cache.c" -o "$out/readme-cache" -lm -lpthread
check "the README's cache runs" "$out/readme-cache"
check "lines of at most 120 columns" awk 'length($0) > 120 { print FILENAME ":" FNR ": " length($0); bad = 1 }
    END { exit bad }' llm.h llm_cache.h examples/*.c tests/*.c tests/*.h

echo "compile: $passed passed, $failed failed"
[ "$failed" = 0 ]
