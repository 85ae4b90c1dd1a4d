/* tokenize - text to token ids and back

       build/tokenize --model FOLDER "Once upon a time"
       build/tokenize --model FOLDER --pieces --file story.txt
       build/tokenize --model FOLDER --decode 9038 2501 263 931

   The folder needs no weights: a tokenizer.json, tekken.json, tokenizer.model or *.tiktoken file is enough.  Standard
   output holds ids, a line for each text; with --pieces a line for each token: its id, where it lies in the text (first
   byte and end), and its text.  Shows: tokenizers without a model, spans, text that is never read as special tokens,
   the detokenizer. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#define TOOL "tokenize"
#include "tool.h"

typedef struct options {
    const char *model, *file;
    int decode, pieces, lines, skip_special;
    llm_encode_desc encode;
    char **texts;
    int text_count;
} options;

static const char help[] =
    "usage: tokenize --model FOLDER [options] [TEXT... | ID...]\n"
    "  --model FOLDER   a checkpoint, or the files of its tokenizer\n"
    "  --file FILE      the text, or the ids, are in a file (-: standard input)\n"
    "  --decode         ids to text\n"
    "  --pieces         a line for each token: id, first byte, end, text\n"
    "  --special        add the tokenizer's begin and end tokens; --decode: leave special tokens out\n"
    "  --plain          no special token comes from the text\n"
    "  --refuse         text that is not UTF-8 is an error\n"
    "  --lines          each line of the input is a text of its own (or a list of ids), with \\n \\r \\t \\0 \\\\ as\n"
    "                   in C\n"
    "  --help           this text\n"
    "Without a text, standard input is read.\n";

static int read_options(options *o, int count, char **arguments) {
    int i;
    memset(o, 0, sizeof *o);
    for (i = 1; i < count; i++) {
        const char *a = arguments[i];
        if (!strcmp(a, "--decode")) o->decode = 1;
        else if (!strcmp(a, "--pieces")) o->pieces = 1;
        else if (!strcmp(a, "--lines")) o->lines = 1;
        else if (!strcmp(a, "--special")) o->encode.special = o->skip_special = 1;
        else if (!strcmp(a, "--plain")) o->encode.plain = 1;
        else if (!strcmp(a, "--refuse")) o->encode.refuse_broken = 1;
        else if (!strcmp(a, "--model") && i + 1 < count) o->model = arguments[++i];
        else if (!strcmp(a, "--file") && i + 1 < count) o->file = arguments[++i];
        else if (!strncmp(a, "--", 2)) return complain("unknown option, or no value: %s (--help lists them)", a);
        else break;
    }
    o->texts = arguments + i;
    o->text_count = count - i;
    return o->model ? 1 : complain("%s", "--model is needed (--help)");
}

/* Text with C's escapes for what would break a line. */
static void put_escaped(const char *text, size_t bytes) {
    static const char from[] = "\n\r\t\\", to[] = "nrt\\";
    size_t i;
    for (i = 0; i < bytes; i++) {
        const char *at = text[i] ? strchr(from, text[i]) : NULL;
        if (!text[i]) fputs("\\0", stdout);
        else if (at) printf("\\%c", to[at - from]);
        else putchar(text[i]);
    }
}

static int encode(const options *o, const llm_tokenizer *t, const char *text, size_t bytes) {
    llm_encode_desc d = o->encode;
    llm_error error;
    size_t count, i;
    int ok;
    d.text = bytes ? text : "";
    d.bytes = bytes;
    d.capacity = 2 * bytes + 300; /* enough for nearly all texts */
    for (;;) {
        size_t room = d.capacity;
        d.ids = (int32_t *)malloc(room * sizeof *d.ids);
        d.spans = o->pieces ? (llm_text_span *)malloc(room * sizeof *d.spans) : NULL;
        ok = d.ids && (d.spans || !o->pieces);
        if (!ok) complain("%s", "not enough memory");
        else if (llm_tokenizer_encode(t, &d, &count, &error)) ok = complain("%s", error.message);
        if (!ok || count <= room) break;
        d.capacity = count;
        free(d.ids);
        free(d.spans);
    }
    for (i = 0; ok && i < count; i++) {
        if (o->pieces) {
            llm_token_info token = llm_tokenizer_token(t, d.ids[i]);
            printf("%ld\t%lu\t%lu\t", (long)d.ids[i], (unsigned long)d.spans[i].from, (unsigned long)d.spans[i].to);
            put_escaped(token.text, token.bytes);
            putchar('\n');
        } else {
            printf(i ? " %ld" : "%ld", (long)d.ids[i]);
        }
    }
    if (ok && (!o->pieces || o->lines)) putchar('\n');
    free(d.ids);
    free(d.spans);
    return ok;
}

/* Ids that stand in a text, as their own text. */
static int decode(const options *o, const llm_tokenizer *t, const char *text) {
    llm_detokenizer *d;
    llm_error error;
    const char *piece, *at;
    size_t bytes;
    char *end;
    int more = 1;
    if (llm_detokenizer_open(&d, t, o->skip_special, NULL, &error)) return complain("%s", error.message);
    for (at = text; more; at = end) {
        long id = strtol(at, &end, 10);
        llm_status status;
        more = end != at;
        if (!more && at[strspn(at, " \t\r\n,")]) {
            llm_detokenizer_close(d);
            return complain("not an id: %.20s", at);
        }
        if (more && *end == ',') end++;
        status = more ? llm_detokenizer_add(d, id < 0 || id > 0x7FFFFFFF ? LLM_NO_TOKEN : (int32_t)id, &piece, &bytes,
                                            &error)
                      : llm_detokenizer_finish(d, &piece, &bytes, &error);
        if (status != LLM_OK) {
            llm_detokenizer_close(d);
            return complain("%s", error.message);
        }
        if (o->lines) put_escaped(piece, bytes);
        else fwrite(piece, 1, bytes, stdout);
    }
    llm_detokenizer_close(d);
    return putchar('\n') != EOF;
}

static int work(const options *o, const llm_tokenizer *t, const char *text, size_t bytes) {
    return o->decode ? decode(o, t, text) : encode(o, t, text, bytes);
}

/* What a file or standard input holds: one text, or one on each line. */
static int work_file(const options *o, const llm_tokenizer *t) {
    FILE *file = o->file && strcmp(o->file, "-") ? fopen(o->file, "rb") : stdin;
    size_t bytes;
    char *text, *at, *line;
    int ok = 1;
    if (!file) return complain("%s cannot be read", o->file);
    text = read_text(file, &bytes);
    if (file != stdin) fclose(file);
    if (!text) return complain("%s", "not enough memory");
    if (!o->lines) ok = work(o, t, text, bytes);
    for (at = text; ok && o->lines && at < text + bytes; at = line + 1) {
        line = (char *)memchr(at, '\n', (size_t)(text + bytes - at));
        if (!line) line = text + bytes;
        *line = 0;
        ok = work(o, t, at, unescape(at, (size_t)(line - at)));
    }
    free(text);
    return ok;
}

int main(int count, char **arguments) {
    options o;
    llm_tokenizer_desc td;
    llm_tokenizer *t;
    llm_error error;
    int i, ok = 1;
    for (i = 1; i < count; i++)
        if (!strcmp(arguments[i], "--help") || !strcmp(arguments[i], "-h")) return fputs(help, stdout) < 0;
    if (!read_options(&o, count, arguments)) return 1;
    memset(&td, 0, sizeof td);
    td.path = o.model;
    if (llm_tokenizer_open(&t, &td, &error)) return !complain("%s", error.message);
    if (o.file || !o.text_count) {
        ok = work_file(&o, t);
    } else if (o.decode) { /* the ids are one text */
        size_t bytes = 1;
        char *all;
        for (i = 0; i < o.text_count; i++) bytes += strlen(o.texts[i]) + 1;
        all = (char *)calloc(bytes, 1);
        for (i = 0; all && i < o.text_count; i++) strcat(strcat(all, o.texts[i]), " ");
        ok = all ? decode(&o, t, all) : complain("%s", "not enough memory");
        free(all);
    } else {
        for (i = 0; ok && i < o.text_count; i++) ok = encode(&o, t, o.texts[i], strlen(o.texts[i]));
    }
    llm_tokenizer_close(t);
    return !ok;
}
