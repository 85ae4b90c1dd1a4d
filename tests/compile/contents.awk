# contents.awk HEADER - holds the cover's table of contents against the banners of the chapters, in order.
# A line of the table is "       >>tag   what it holds", between the line CONTENTS and the next empty one.
/CONTENTS/ { listing = 1; next }
listing && $1 ~ /^>>/ { wanted[++n] = substr($1, 3); next }
listing && NF == 0 { listing = 0 }
/^\/\* =+ >>[a-z_]+$/ { found[++m] = substr($3, 3) }
END {
    for (i = 1; i <= n || i <= m; i++)
        if (wanted[i] != found[i]) {
            printf "chapter %d: the contents say \"%s\", the banner says \"%s\"\n", i, wanted[i], found[i]
            bad = 1
            break
        }
    if (!n) { print "no table of contents"; bad = 1 }
    exit bad
}
