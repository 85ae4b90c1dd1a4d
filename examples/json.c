/* json - an answer that is JSON of a given schema, whatever the model would rather say

       build/json --model FOLDER --prompt "Describe a cat." \
           '{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
             "required": ["name", "age"]}'
       build/json --model FOLDER --prompt "Describe a cat." schema.json

   The schema is compiled once; at each step the tokens that cannot follow in it are taken out of the choice. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include <stdio.h>
#include <stdlib.h>
#define TOOL "json"
#include "tool.h"

typedef struct options {
    const char *model, *prompt, *source, *trigger;
    char kind; /* of the source: schema, regex or grammar */
    int64_t max_tokens, seed, compact;
    float temperature;
} options;

static const char help[] =
    "usage: json [options] SCHEMA\n"
    "  SCHEMA           a JSON schema, as text or as the name of a file; \"{}\" is any JSON\n"
    "  --regex          it is a regular expression instead...\n"
    "  --gbnf           ...or a grammar in llama.cpp's notation\n"
    "  --model FOLDER   a checkpoint (default examples/model)\n"
    "  --prompt TEXT    goes through the checkpoint's chat template, if it has one\n"
    "  --after TEXT     the answer is free up to this text (\"</think>\")\n"
    "  --compact        no spaces and line ends between values\n"
    "  --max-tokens N   (default 512)\n"
    "  --temp T         temperature (default 0: always the most likely token)\n"
    "  --seed N         of the random choices (default 0)\n"
    "  --help           this text\n";

static int read_options(options *o, int count, char **arguments) {
    int i;
    for (i = 1; i < count; i++) {
        const char *flag = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (!strcmp(flag, "--regex")) o->kind = 'r';
        else if (!strcmp(flag, "--gbnf")) o->kind = 'g';
        else if (!strcmp(flag, "--compact")) o->compact = 1;
        else if (flag[0] != '-' || flag[1] != '-') {
            if (o->source) return complain("%s is one argument too many: expected one schema", flag);
            o->source = flag;
        } else if (!value) return complain("unknown option, or no value, at the end: %s (--help lists them)", flag);
        else if (!strcmp(flag, "--model")) o->model = arguments[++i];
        else if (!strcmp(flag, "--prompt")) o->prompt = arguments[++i];
        else if (!strcmp(flag, "--after")) o->trigger = arguments[++i];
        else if (!strcmp(flag, "--temp")) {
            if (!read_number(flag, arguments[++i], &o->temperature)) return 0;
        } else if (!strcmp(flag, "--max-tokens")) {
            if (!read_integer(flag, arguments[++i], 1, 1 << 30, &o->max_tokens)) return 0;
        } else if (!strcmp(flag, "--seed")) {
            if (!read_integer(flag, arguments[++i], 0, INT64_MAX, &o->seed)) return 0;
        } else return complain("unknown option %s (--help lists them)", flag);
    }
    return o->source ? 1 : complain("%s", "a schema is needed, as text or as the name of a file (--help)");
}

/* The source, or what is in the file of that name, to be freed.  What cannot be a schema must be a file. */
static char *read_source(const options *o) {
    int schema = strpbrk(o->source, "{}\n\"") || !strcmp(o->source, "true") || !strcmp(o->source, "false");
    FILE *file = schema ? NULL : fopen(o->source, "rb");
    size_t bytes = strlen(o->source);
    char *text = NULL;
    if (!file && !schema && o->kind == 's') {
        complain("cannot read %s", o->source);
        return NULL;
    }
    if (file) text = read_text(file, &bytes);
    else if ((text = (char *)malloc(bytes + 1)) != NULL) memcpy(text, o->source, bytes + 1);
    if (file) fclose(file);
    if (!text) complain("%s", "not enough memory for the schema");
    return text;
}

/* The answer as it comes.  0: it did not end within its grammar. */
static int answer(const llm_model *model, const llm_generation_desc *desc, llm_error *error) {
    llm_generation *generation;
    llm_status status = llm_generation_open(&generation, model, desc, error);
    llm_piece piece;
    int whole = 0;
    if (status != LLM_OK) return 0;
    while ((status = llm_generation_next(generation, &piece, error)) == LLM_OK) {
        fwrite(piece.text, 1, piece.bytes, stdout);
        fflush(stdout);
        whole = piece.finish == LLM_FINISH_STOP;
        if (piece.finish == LLM_FINISH_LENGTH) strcpy(error->message, "cut off: --max-tokens is too small");
    }
    putchar('\n');
    llm_generation_close(generation);
    return whole;
}

static int run(const options *o, const char *source, llm_error *error) {
    llm_model_desc md;
    llm_grammar_desc grammar;
    llm_generation_desc gd;
    llm_model *model = NULL;
    llm_grammar *g = NULL;
    llm_rendering *rendering = NULL;
    chat_words c;
    int good = 0;
    memset(&md, 0, sizeof md);
    memset(&grammar, 0, sizeof grammar);
    memset(&gd, 0, sizeof gd);
    memset(&c, 0, sizeof c);
    md.path = o->model;
    if (llm_model_open(&model, &md, error)) return 0;
    *(o->kind == 'r' ? &grammar.regex : o->kind == 'g' ? &grammar.gbnf : &grammar.schema) = source;
    grammar.model = model;
    grammar.trigger = o->trigger;
    grammar.compact = (int)o->compact;
    gd.prompt = o->prompt;
    gd.max_tokens = o->max_tokens;
    gd.sampling.temperature = o->temperature;
    gd.sampling.seed = (uint64_t)o->seed;
    gd.session.threads = LLM_ALL_CORES;
    if (llm_model_get_info(model).chat_template) {
        if (render_chat(&rendering, model, &c, o->prompt, strlen(o->prompt), error)) goto out;
        gd.prompt = rendering->text;
        gd.no_special = 1;
    }
    if (llm_grammar_open(&g, &grammar, error)) goto out;
    gd.grammar = g;
    good = answer(model, &gd, error);
out:
    llm_rendering_close(rendering);
    llm_grammar_close(g);
    llm_model_close(model);
    return good;
}

int main(int count, char **arguments) {
    options o = {"examples/model", "Once upon a time", NULL, NULL, 's', 512, 0, 0, 0};
    char *text;
    llm_error error;
    int i, good;
    for (i = 1; i < count; i++)
        if (!strcmp(arguments[i], "--help") || !strcmp(arguments[i], "-h")) return fputs(help, stdout) < 0;
    if (!read_options(&o, count, arguments)) return 1;
    text = read_source(&o);
    if (!text) return 1;
    good = run(&o, text, &error);
    if (!good) complain("%s", error.message);
    free(text);
    return !good;
}
