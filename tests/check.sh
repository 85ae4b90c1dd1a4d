# check.sh - for the tests that are shell scripts: counts commands that succeed and fail.  $out is a folder for logs.
passed=0
failed=0

check() { # check NAME COMMAND...: what a failing command printed is shown
    name=$1
    shift
    if "$@" >"$out/check.log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        tail -n 25 "$out/check.log"
    fi
}
