/* cache_prompt - reads a prompt once and saves what the model remembers of it: the flags of mlx_lm.cache_prompt

       build/cache_prompt --model FOLDER --prompt "A long story..." --prompt-cache-file story.safetensors
       build/generate --model FOLDER --prompt-cache-file story.safetensors --prompt " And then"

   The file is one that mlx-lm loads too.  Its metadata say which model it is of, and hold the whole tokenizer
   configuration and chat template.  Shows: reading a prompt without generating, progress, quantizing, saving. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#define TOOL "cache_prompt"
#include "tool.h"

enum { STEP = 512, MOST_NOTES = 4 };

typedef struct options {
    const char *model, *prompt, *file, *eos;
    int64_t max_kv_size, bits, group, start, threads;
    int exact;
} options;

static const char help[] =
    "usage: cache_prompt --prompt-cache-file FILE --prompt TEXT [options]\n"
    "  --model FOLDER            checkpoint folder (default examples/model)\n"
    "  --prompt TEXT             what to remember; - reads it from standard input\n"
    "  --prompt-cache-file FILE  where to save it; a file that is there is replaced when all is done\n"
    "  --eos-token TEXT          noted in the file as the end token to use\n"
    "  --max-kv-size N           remember so many tokens, the first 4 for good (default: all)\n"
    "  --kv-bits N               quantize keys and values to 2, 3, 4, 5, 6 or 8 bits (default: not)\n"
    "  --kv-group-size N         in groups of 32, 64 or 128 (default 64)\n"
    "  --quantized-kv-start N    once so many tokens are there (default 5000)\n"
    "  --threads N               threads (default: one for each core)\n"
    "  --exact                   float32 activations and cache (default: float16)\n"
    "  --help                    this text\n";

/* ---- options */

static int read_value(options *o, const char *flag, const char *text) {
    if (!strcmp(flag, "--model")) return o->model = text, 1;
    if (!strcmp(flag, "--prompt")) return o->prompt = text, 1;
    if (!strcmp(flag, "--prompt-cache-file")) return o->file = text, 1;
    if (!strcmp(flag, "--eos-token")) return o->eos = text, 1;
    if (!strcmp(flag, "--max-kv-size")) return read_integer(flag, text, 1, INT32_MAX, &o->max_kv_size);
    if (!strcmp(flag, "--kv-bits")) return read_integer(flag, text, 2, INT32_MAX, &o->bits);
    if (!strcmp(flag, "--kv-group-size")) return read_integer(flag, text, 32, INT32_MAX, &o->group);
    if (!strcmp(flag, "--quantized-kv-start")) return read_integer(flag, text, 0, INT32_MAX, &o->start);
    if (!strcmp(flag, "--threads")) return read_integer(flag, text, -1, INT32_MAX, &o->threads);
    return complain("unknown option %s (--help lists them)", flag);
}

static int read_options(options *o, int count, char **arguments) {
    int i;
    memset(o, 0, sizeof *o);
    o->model = "examples/model";
    o->group = 64;
    o->start = 5000;
    o->threads = LLM_ALL_CORES;
    for (i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--exact")) {
            o->exact = 1;
            continue;
        }
        if (i + 1 == count) return complain("unknown option, or no value, at the end: %s", arguments[i]);
        if (!read_value(o, arguments[i], arguments[i + 1])) return 0;
        i++;
    }
    if (!o->prompt || !o->file) return complain("%s", "--prompt and --prompt-cache-file are needed (--help)");
    return 1;
}

/* ---- what goes into the file's metadata */

static char *tokenizer_config(const options *o) {
    char path[4096];
    FILE *file;
    char *text;
    size_t bytes;
    snprintf(path, sizeof path, "%s/tokenizer_config.json", o->model);
    if ((file = fopen(path, "rb")) == NULL) return NULL;
    text = read_text(file, &bytes);
    fclose(file);
    return text;
}

/* ---- reading the prompt */

/* A bar on a terminal, a line for every chunk in a pipe: tokens, rate, and how long it will take. */
static void show_progress(size_t done, size_t total, double seconds) {
    double rate = seconds > 0 ? (double)done / seconds : 0;
    char bar[31];
    size_t i;
    if (!IS_TERMINAL(stderr)) {
        fprintf(stderr, "Processed %zu of %zu tokens (%.2f tok/s)\n", done, total, rate);
        return;
    }
    for (i = 0; i < 30; i++) bar[i] = i * total < done * 30 ? '#' : '.';
    bar[30] = 0;
    fprintf(stderr, "\r[%s] %zu of %zu tokens, %.2f tok/s, %.0f s left   ", bar, done, total, rate,
            rate > 0 ? (double)(total - done) / rate : 0);
    if (done == total) fputs("\n", stderr);
    fflush(stderr);
}

/* Whether this model's cache can be quantized so, before the long work begins: an empty one is. */
static llm_status check_quantizing(const options *o, const llm_model *model, llm_error *error) {
    const llm_cache_codes codes = {(int)o->bits, (int)o->group};
    llm_cache *empty = NULL;
    llm_status status = llm_model_cache_open(&empty, model, NULL, error);
    if (status == LLM_OK) status = llm_cache_quantize(empty, codes, codes, 0, error);
    llm_cache_close(empty);
    return status;
}

/* In chunks, so that there is something to show, and so that quantizing can begin in the middle. */
static llm_status read_prompt(const options *o, llm_session *session, llm_cache *cache, const int32_t *ids,
                              size_t count, llm_error *error) {
    const llm_cache_codes codes = {(int)o->bits, (int)o->group};
    llm_clock clock = llm_system_clock();
    int64_t start = clock.now_us(clock.user);
    llm_sequence s;
    llm_status status = LLM_OK;
    size_t done;
    int quantized = !o->bits;
    memset(&s, 0, sizeof s);
    s.cache = cache;
    s.want = LLM_LOGITS_NONE;
    for (done = 0; done < count && status == LLM_OK; done += s.count) {
        s.tokens = ids + done;
        s.count = count - done < STEP ? count - done : (size_t)STEP;
        status = llm_forward(session, &s, 1, error);
        if (status == LLM_OK && !quantized && llm_cache_length(cache) >= o->start) {
            status = llm_cache_quantize(cache, codes, codes, 0, error);
            quantized = 1;
        }
        if (status == LLM_OK)
            show_progress(done + s.count, count, (double)(clock.now_us(clock.user) - start) * 1e-6);
    }
    return status;
}

static void add_note(llm_note *notes, size_t *count, const char *key, const char *value) {
    notes[*count].key = key;
    notes[(*count)++].value = value;
}

static llm_status save(const options *o, const llm_model *model, const llm_cache *cache, llm_error *error) {
    llm_model_info info = llm_model_get_info(model);
    llm_cache_save_desc to;
    llm_note notes[MOST_NOTES];
    char *config = tokenizer_config(o);
    llm_status status;
    memset(&to, 0, sizeof to);
    add_note(notes, &to.note_count, "model", o->model);
    add_note(notes, &to.note_count, "tokenizer_config", config ? config : "{}");
    if (info.chat_template) add_note(notes, &to.note_count, "chat_template", info.chat_template);
    if (o->eos) add_note(notes, &to.note_count, "eos_token", o->eos);
    to.notes = notes;
    to.path = o->file;
    status = llm_cache_save(cache, &to, error);
    free(config);
    return status;
}

/* ---- the program */

/* The prompt's ids; with a chat template, those of a user's message that is not at its end yet. */
static llm_status encode(const llm_model *model, const char *text, size_t bytes, int32_t **ids, size_t *count,
                         llm_error *error) {
    llm_rendering *rendered = NULL;
    llm_status status = LLM_OK;
    int special = 1;
    chat_words c;
    memset(&c, 0, sizeof c);
    c.continued = 1;
    if (llm_model_get_info(model).chat_template) {
        status = render_chat(&rendered, model, &c, text, bytes, error);
        special = 0;
        text = rendered ? rendered->text : text;
        bytes = rendered ? rendered->bytes : bytes;
    }
    if (status == LLM_OK) status = llm_encode(model, text, bytes, special, NULL, 0, count, error);
    *ids = status == LLM_OK ? (int32_t *)malloc((*count + 1) * sizeof **ids) : NULL;
    if (*ids) status = llm_encode(model, text, bytes, special, *ids, *count, count, error);
    else if (status == LLM_OK) status = error->status = LLM_OUT_OF_MEMORY;
    llm_rendering_close(rendered);
    return status;
}

static int run(const options *o, const char *prompt, size_t bytes) {
    llm_model *model = NULL;
    llm_session *session = NULL;
    llm_cache *cache = NULL;
    llm_model_desc md;
    llm_session_desc sd;
    llm_model_cache_desc cd;
    llm_error error;
    llm_status status;
    int32_t *ids = NULL;
    size_t count = 0;
    memset(&md, 0, sizeof md);
    memset(&sd, 0, sizeof sd);
    memset(&cd, 0, sizeof cd);
    md.path = o->model;
    sd.threads = o->threads ? (int)o->threads : LLM_ALL_CORES;
    sd.exact = cd.exact = o->exact;
    cd.max_kv_size = o->max_kv_size;
    status = llm_model_open(&model, &md, &error);
    if (status == LLM_OK) status = encode(model, prompt, bytes, &ids, &count, &error);
    if (status == LLM_OK && !count) {
        strcpy(error.message, "the prompt is empty: expected at least one token");
        status = LLM_BAD_ARGUMENT;
    }
    if (status == LLM_OK) status = llm_session_open(&session, model, &sd, &error);
    if (status == LLM_OK) status = llm_model_cache_open(&cache, model, &cd, &error);
    if (status == LLM_OK && o->bits) status = check_quantizing(o, model, &error);
    if (status == LLM_OK) status = read_prompt(o, session, cache, ids, count, &error);
    if (status == LLM_OK) status = save(o, model, cache, &error);
    if (status == LLM_OK)
        fprintf(stderr, "Saved %zu tokens, %.3f MB in memory, to %s\n", count, (double)llm_cache_bytes(cache) / 1e6,
                o->file);
    else complain("%s", error.message);
    llm_cache_close(cache);
    llm_session_close(session);
    llm_model_close(model);
    free(ids);
    return status != LLM_OK;
}

int main(int count, char **arguments) {
    options o;
    char *input = NULL;
    size_t bytes;
    int i, code;
    for (i = 1; i < count; i++)
        if (!strcmp(arguments[i], "--help") || !strcmp(arguments[i], "-h")) return fputs(help, stdout) < 0;
    if (!read_options(&o, count, arguments)) return 1;
    if (!strcmp(o.prompt, "-")) {
        o.prompt = input = read_text(stdin, &bytes);
        if (!input) return !complain("%s", "not enough memory for the prompt");
    } else {
        bytes = strlen(o.prompt);
    }
    code = run(&o, o.prompt, bytes);
    free(input);
    return code;
}
