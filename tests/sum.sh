#!/bin/sh
# sum.sh FOLDER TEST... - adds up the logs of the tests; the last line is the sum over all of them.
#
# A log ends with the program's own summary ("name: N passed, N failed") and its exit code.  What failed is shown in
# full; of the rest, the summary and whatever was skipped.  A test that checked nothing, and skipped nothing, has failed.
folder=$1
shift
passed=0
failed=0
for test in "$@"; do
    log=$folder/$test
    code=$(sed -n '$s/^exit //p' "$log" 2>/dev/null)
    line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$log" 2>/dev/null | tail -n 1)
    p=$(printf '%s\n' "$line" | sed -n 's/.*[^0-9]\([0-9][0-9]*\) passed, .*/\1/p')
    f=$(printf '%s\n' "$line" | sed -n 's/.* passed, \([0-9][0-9]*\) failed.*/\1/p')
    passed=$((passed + ${p:-0}))
    failed=$((failed + ${f:-0}))
    if [ ! -f "$log" ]; then
        echo "$test: could not be built"
        failed=$((failed + 1))
    elif [ "$code" = 0 ] && [ "${f:-1}" = 0 ] && { [ "$p" != 0 ] || grep -q skipped "$log"; }; then
        grep 'skipped' "$log" | grep -v ' passed, '
        echo "$test: $p passed, 0 failed"
    else
        echo "---- $test"
        grep -v -E ' ok  +error ' "$log"
        if [ "${f:-0}" = 0 ]; then failed=$((failed + 1)); fi
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
