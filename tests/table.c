/* table - the README's table of architectures, from the table in llm.h

       build/table                  prints it
       build/table --put README.md  puts it between the README's markers
       build/table --check README.md  exit code 0 if it is there as it should be */
#define LLM_IMPLEMENTATION
#include "llm.h"

static const char begin[] = "<!-- make table -->\n", end[] = "<!-- end of the table -->\n";

/* Text that grows; a failed allocation leaves it as it was, too short to be equal to anything. */
typedef struct text {
    char *at;
    size_t size;
} text;

static void put(text *t, const char *what, size_t size) {
    char *more = (char *)realloc(t->at, t->size + size + 1);
    if (!more) return;
    t->at = more;
    memcpy(more + t->size, what, size);
    t->size += size;
    more[t->size] = 0;
}

static void say(text *t, const char *what) { put(t, what, strlen(what)); }

static text table(void) {
    text t = {NULL, 0};
    size_t i, k;
    say(&t, "| `model_type` | what is special | |\n|---|---|---|\n");
    for (i = 0; i < LLM__ARCH_COUNT; i++) {
        const llm__arch *arch = &llm__archs[i];
        say(&t, "| ");
        for (k = 0; k < LLM__MAX_TYPES && arch->types[k]; k++) {
            say(&t, k ? ", `" : "`");
            say(&t, arch->types[k]);
            say(&t, "`");
        }
        say(&t, " | ");
        say(&t, arch->note);
        say(&t, strstr(arch->renames, "language_model.") ? " | also the text part of vision models |\n" : " | |\n");
    }
    return t;
}

static text file_text(const char *path) {
    text t = {NULL, 0};
    char part[4096];
    size_t n;
    FILE *file = fopen(path, "rb");
    while (file && (n = fread(part, 1, sizeof part, file)) > 0) put(&t, part, n);
    if (file) fclose(file);
    return t;
}

int main(int count, char **arguments) {
    text now = table(), old, next = {NULL, 0};
    const char *from, *to;
    FILE *file;
    int same;
    if (count < 3) return fputs(now.at ? now.at : "", stdout) < 0;
    old = file_text(arguments[2]);
    from = old.at ? strstr(old.at, begin) : NULL;
    to = from ? strstr(from, end) : NULL;
    if (!to) return fprintf(stderr, "table: %s has no markers\n", arguments[2]), 1;
    put(&next, old.at, (size_t)(from - old.at) + strlen(begin));
    put(&next, now.at, now.size);
    say(&next, to);
    same = next.size == old.size && !memcmp(next.at, old.at, old.size);
    if (!strcmp(arguments[1], "--check")) return !same;
    file = fopen(arguments[2], "wb");
    if (!file || fwrite(next.at, 1, next.size, file) != next.size || fclose(file))
        return fprintf(stderr, "table: %s cannot be written\n", arguments[2]), 1;
    free(next.at);
    free(old.at);
    free(now.at);
    return 0;
}
