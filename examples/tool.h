/* tool.h - what the command-line examples share: complaints, numbers from arguments, whole files, tokens that XTC
   leaves alone, prompts as chats.  Include after llm.h; TOOL is the program's name. */
#ifndef TOOL_H
#define TOOL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

#if defined(__unix__) || defined(__APPLE__)
#define IS_TERMINAL(file) isatty(fileno(file))
#else
#define IS_TERMINAL(file) 0
#endif

/* A line on standard error; always 0, so that failing is one statement. */
static inline int complain(const char *format, const char *what) {
    fputs(TOOL ": ", stderr);
    fprintf(stderr, format, what);
    fputs("\n", stderr);
    return 0;
}

static inline int read_integer(const char *flag, const char *text, int64_t low, int64_t high, int64_t *out) {
    char *end;
    *out = strtoll(text, &end, 10);
    if (end != text && !*end && *out >= low && *out <= high) return 1;
    fprintf(stderr, TOOL ": %s is %s; expected a whole number from %lld to %lld\n", flag, text, (long long)low,
            (long long)high);
    return 0;
}

static inline int read_number(const char *flag, const char *text, float *out) {
    char *end;
    double n = strtod(text, &end);
    *out = (float)n;
    if (end != text && !*end && n >= 0 && n < 1e6) return 1;
    fprintf(stderr, TOOL ": %s is %s; expected a number from 0 to 1000000\n", flag, text);
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

/* Takes the escapes out, in place; returns the bytes that are left. */
static inline size_t unescape(char *text, size_t bytes) {
    static const char from[] = "nrt0\\", to[] = "\n\r\t\0\\";
    size_t i, n = 0;
    for (i = 0; i < bytes; i++) {
        const char *at = text[i] == '\\' && i + 1 < bytes && text[i + 1] ? strchr(from, text[i + 1]) : NULL;
        text[n++] = at ? to[at - from] : text[i];
        i += at != NULL;
    }
    return n;
}

/* XTC leaves the end tokens and the line break alone, as in mlx-lm.  The list is to be freed. */
static inline int32_t *protect_tokens(const llm_model *model, llm_sampling *sampling) {
    int vocabulary = llm_model_get_info(model).vocabulary;
    int32_t *ids = (int32_t *)malloc(((size_t)vocabulary + 8) * sizeof *ids), id;
    size_t count = 0;
    if (!ids) return NULL;
    if (llm_encode(model, "\n", 1, 0, ids, 8, &count, NULL) || count > 8) count = 0;
    for (id = 0; id < vocabulary; id++)
        if (llm_token_is_end(model, id)) ids[count++] = id;
    sampling->xtc_protected = ids;
    sampling->xtc_protected_count = count;
    return ids;
}

/* ---- a prompt as a chat, for checkpoints that have a template */
typedef struct chat_words {
    const char *system, *prefill; /* the system's words, and how the answer begins; NULL: none */
    const char *variables;        /* an object of further template variables; NULL: none */
    int continued;                /* go on with the last message instead of beginning an answer */
} chat_words;

/* {"role": role, "content": text} at the end of a JSON list; returns how many bytes that takes (to may be NULL). */
static size_t put_message(char *to, size_t at, const char *role, const char *text, size_t bytes) {
    char piece[64];
    size_t i, n = (size_t)snprintf(piece, sizeof piece, "%s{\"role\": \"%s\", \"content\": \"", at > 1 ? ", " : "",
        role);
    if (to) memcpy(to + at, piece, n);
    at += n;
    for (i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        n = (size_t)snprintf(piece, sizeof piece, c < 32 || c == '"' || c == '\\' ? "\\u%04x" : "%c", c);
        if (to) memcpy(to + at, piece, n);
        at += n;
    }
    if (to) memcpy(to + at, "\"}", 2);
    return at + 2;
}

/* The messages as JSON, to be freed; NULL: no memory. */
static char *chat_messages(const chat_words *c, const char *prompt, size_t bytes) {
    char *text = NULL;
    size_t at = 0;
    int pass;
    for (pass = 0; pass < 2; pass++) {
        if (pass && (text = (char *)malloc(at + 2)) == NULL) return NULL;
        if (text) text[0] = '[';
        at = 1;
        if (c->system) at = put_message(text, at, "system", c->system, strlen(c->system));
        at = put_message(text, at, "user", prompt, bytes);
        if (c->prefill) at = put_message(text, at, "assistant", c->prefill, strlen(c->prefill));
    }
    text[at] = ']';
    text[at + 1] = 0;
    return text;
}

/* What the model's template makes of the prompt. */
static inline llm_status render_chat(llm_rendering **out, const llm_model *model, const chat_words *c,
                                          const char *prompt, size_t bytes, llm_error *error) {
    llm_render_desc d;
    llm_status status;
    char *messages = chat_messages(c, prompt, bytes);
    *out = NULL;
    memset(&d, 0, sizeof d);
    d.messages = messages;
    d.variables = c->variables;
    d.continue_final_message = c->continued || c->prefill;
    d.add_generation_prompt = !d.continue_final_message;
    if (!messages) {
        strcpy(error->message, "not enough memory for the messages");
        return LLM_OUT_OF_MEMORY;
    }
    status = llm_model_render(out, model, NULL, &d, error);
    free(messages);
    return status;
}

#endif /* TOOL_H */
