/* tool.h - what the command-line examples share: complaints, numbers from arguments, whole files, wall time.  Include
   after llm.h; TOOL is the program's name. */
#ifndef TOOL_H
#define TOOL_H

#if defined(__unix__) || defined(__APPLE__)
#define IS_TERMINAL(file) isatty(fileno(file))
#else
#define IS_TERMINAL(file) 0
#endif

/* A line on standard error; always 0, so that failing is one statement. */
static int complain(const char *format, const char *what) {
    fputs(TOOL ": ", stderr);
    fprintf(stderr, format, what);
    fputs("\n", stderr);
    return 0;
}

static int read_integer(const char *flag, const char *text, int64_t low, int64_t high, int64_t *out) {
    char *end;
    *out = strtoll(text, &end, 10);
    if (end != text && !*end && *out >= low && *out <= high) return 1;
    fprintf(stderr, TOOL ": %s is %s; expected a whole number from %lld to %lld\n", flag, text, (long long)low,
            (long long)high);
    return 0;
}

/* All of a file, with a NUL after it, to be freed; NULL: no memory. */
static inline char *read_text(FILE *file, size_t *bytes) {
    size_t capacity = 4096, n;
    char *text = (char *)malloc(capacity), *larger;
    *bytes = 0;
    while (text && (n = fread(text + *bytes, 1, capacity - 1 - *bytes, file)) > 0) {
        *bytes += n;
        if (*bytes < capacity - 1) continue;
        capacity *= 2;
        larger = (char *)realloc(text, capacity);
        if (!larger) free(text);
        text = larger;
    }
    if (text) text[*bytes] = 0;
    return text;
}

#endif /* TOOL_H */
