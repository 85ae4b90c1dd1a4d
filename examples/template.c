/* template - a chat as the prompt that a model reads

       build/template --model FOLDER messages.json
       build/template --model FOLDER --name rag --documents documents.json messages.json
       build/template --template chat_template.jinja --variables '{"enable_thinking": false}' messages.json

   Standard output holds the rendered text and nothing else.  Shows: chat templates without a model, built-in formats,
   the assistant's words in a rendered chat. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#define TOOL "template"
#include "tool.h"

enum { MOST_TOKENS = 8 };

typedef struct options {
    const char *model, *name, *source, *family, *messages, *tools, *documents;
    llm_note tokens[MOST_TOKENS];
    llm_render_desc render;
    int spans, no_answer;
} options;

static const char help[] =
    "usage: template (--model FOLDER | --template FILE | --family NAME) [options] [MESSAGES.json]\n"
    "  --model FOLDER         the template and the special tokens of a checkpoint\n"
    "  --name NAME            which of the checkpoint's templates: default, tool_use, rag, ...\n"
    "  --template FILE        a template of your own\n"
    "  --family NAME          a built-in format: chatml, llama3, ... (--families lists them)\n"
    "  --tools FILE           tools, a JSON list\n"
    "  --documents FILE       documents, a JSON list\n"
    "  --variables JSON       further variables, an object\n"
    "  --token NAME=TEXT      a special token, such as bos_token=<s>\n"
    "  --no-answer            do not begin the assistant's answer\n"
    "  --continue             end within the last message, so that the model goes on with it\n"
    "  --spans                what the assistant said, one line each: first byte, end, text\n"
    "  --families             the built-in formats\n"
    "  --help                 this text\n"
    "Messages come from the file, or from standard input.\n";

static int read_token(options *o, const char *text) {
    char *copy, *equals;
    if (o->render.token_count == MOST_TOKENS) return complain("%s", "too many tokens");
    copy = (char *)malloc(strlen(text) + 1); /* for as long as the program runs */
    if (!copy) return complain("%s", "not enough memory");
    strcpy(copy, text);
    equals = strchr(copy, '=');
    if (!equals) {
        complain("--token is %s; expected NAME=TEXT", text);
        free(copy);
        return 0;
    }
    *equals = 0;
    o->tokens[o->render.token_count].key = copy;
    o->tokens[o->render.token_count++].value = equals + 1;
    return 1;
}

static int read_value(options *o, const char *flag, const char *text) {
    if (!strcmp(flag, "--model")) o->model = text;
    else if (!strcmp(flag, "--name")) o->name = text;
    else if (!strcmp(flag, "--template")) o->source = text;
    else if (!strcmp(flag, "--family")) o->family = text;
    else if (!strcmp(flag, "--tools")) o->tools = text;
    else if (!strcmp(flag, "--documents")) o->documents = text;
    else if (!strcmp(flag, "--variables")) o->render.variables = text;
    else if (!strcmp(flag, "--token")) return read_token(o, text);
    else return complain("unknown option %s (--help lists them)", flag);
    return 1;
}

static int read_options(options *o, int count, char **arguments) {
    int i;
    memset(o, 0, sizeof *o);
    for (i = 1; i < count; i++) {
        const char *a = arguments[i];
        if (!strcmp(a, "--no-answer")) o->no_answer = 1;
        else if (!strcmp(a, "--continue")) o->render.continue_final_message = 1;
        else if (!strcmp(a, "--spans")) o->spans = 1;
        else if (strncmp(a, "--", 2)) o->messages = a;
        else if (i + 1 == count) return complain("unknown option, or no value, at the end: %s", a);
        else if (!read_value(o, a, arguments[++i])) return 0;
    }
    if (!o->model && !o->source && !o->family)
        return complain("%s", "--model, --template or --family is needed (--help)");
    o->render.tokens = o->tokens;
    o->render.add_generation_prompt = !o->no_answer && !o->render.continue_final_message;
    return 1;
}

/* A file, or standard input where there is no path; NULL after a complaint. */
static char *read_path(const char *path) {
    FILE *file = path ? fopen(path, "rb") : stdin;
    size_t bytes;
    char *text = NULL;
    if (!file) complain("%s cannot be read", path);
    else if ((text = read_text(file, &bytes)) == NULL) complain("%s", "not enough memory");
    if (file && path) fclose(file);
    return text;
}

static llm_status render(const options *o, const char *source, llm_rendering **out, llm_error *error) {
    llm_template_desc td;
    llm_model_desc md;
    llm_model_template_desc which;
    llm_model *model = NULL;
    llm_template *t = NULL;
    llm_status status;
    memset(&td, 0, sizeof td);
    memset(&md, 0, sizeof md);
    memset(&which, 0, sizeof which);
    if (o->model) {
        md.path = o->model;
        which.name = o->name;
        which.family = o->family;
        status = llm_model_open(&model, &md, error);
        if (status == LLM_OK) status = llm_model_render(out, model, &which, &o->render, error);
        llm_model_close(model);
        return status;
    }
    td.source = source;
    td.name = o->source;
    td.family = o->family;
    status = llm_template_open(&t, &td, error);
    if (status == LLM_OK) status = llm_template_render(out, t, &o->render, error);
    llm_template_close(t);
    return status;
}

static int show(const options *o, const llm_rendering *r) {
    size_t i;
    if (!o->spans) return fwrite(r->text, 1, r->bytes, stdout) == r->bytes;
    for (i = 0; i < r->generation_count; i++)
        printf("%zu %zu %.*s\n", r->generations[i].from, r->generations[i].to,
               (int)(r->generations[i].to - r->generations[i].from), r->text + r->generations[i].from);
    return !ferror(stdout);
}

int main(int count, char **arguments) {
    options o;
    llm_error error;
    llm_rendering *out = NULL;
    char *messages, *tools = NULL, *documents = NULL, *source = NULL;
    const char *name;
    size_t n;
    int i, ok;
    for (i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--help") || !strcmp(arguments[i], "-h")) return fputs(help, stdout) < 0;
        if (strcmp(arguments[i], "--families")) continue;
        for (n = 0; (name = llm_template_family(n)) != NULL; n++) puts(name);
        return 0;
    }
    if (!read_options(&o, count, arguments)) return 1;
    ok = (messages = read_path(o.messages)) != NULL;
    if (ok && o.tools) ok = (tools = read_path(o.tools)) != NULL;
    if (ok && o.documents) ok = (documents = read_path(o.documents)) != NULL;
    if (ok && o.source) ok = (source = read_path(o.source)) != NULL;
    o.render.messages = messages;
    o.render.tools = tools;
    o.render.documents = documents;
    if (ok && render(&o, source, &out, &error)) ok = complain("%s", error.message);
    if (ok && !show(&o, out)) ok = complain("%s", "standard output cannot be written to");
    llm_rendering_close(out);
    free(source);
    free(documents);
    free(tools);
    free(messages);
    return !ok;
}
