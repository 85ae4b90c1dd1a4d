# share.awk - a header of which many programs share one object:
#     awk -f share.awk HEADER                  private functions are no longer static: the object is made of this
#     awk -v declare=1 -f share.awk HEADER     functions are declared and not defined: the programs include this
#
# It counts on the layout of the headers: a function begins in the first column and ends with a brace there, or on its
# first line.  Lines keep their numbers.
BEGIN { print "#line 1 \"" ARGV[1] "\"" }

skipping {
    if (/^}/) skipping = 0
    print ""
    next
}

/^(static|LLM__FN|LLM_API) / {
    before_body = $0
    sub(/ *\{.*/, "", before_body)
    signature = before_body ~ /\(/ && before_body !~ /=/
    if (signature) sub(/^(static|LLM__FN) /, "")
}

signature && /[{;]/ {
    signature = 0
    if (declare && /\{/) {
        skipping = !/}$/
        sub(/ *\{.*/, ";")
    }
}

{ print }
