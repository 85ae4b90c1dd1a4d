/* chat - a conversation: the flags and commands of mlx_lm.chat

       build/chat --model FOLDER --system-prompt "You are a pirate."

   Each line of input is a message: q ends, r begins anew, h shows the commands.  Ctrl-C stops an answer.  Standard
   output holds the answers.  Shows: a cache that outlives generations.  In each round the whole conversation is
   rendered by the chat template and compared with the tokens that the cache has seen; only what differs is taken back
   and read. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include <signal.h>

#define TOOL "chat"
#include "tool.h"

enum { CHECKPOINT_TOKENS = 128 };

typedef struct options {
    llm_model_desc model;
    llm_generation_desc generation;
    const char *system, *variables;
    int seeded, verbose, ignore_template;
} options;

/* The conversation so far. */
typedef struct talk {
    const options *o;
    llm_model *model;
    llm_session *session;
    llm_cache *cache;
    char *messages;          /* a JSON list without its last bracket... */
    char *plain;             /* ...and the words alone, for checkpoints without a template */
    size_t message_bytes, plain_bytes;
    int32_t *ids;            /* what the last round was about: its prompt, and its answer behind it */
    size_t id_count;
    llm_sampling sampling;   /* with the tokens that XTC leaves alone */
    int32_t *protected_ids;
} talk;

static const char help[] =
    "usage: chat [options]\n"
    "  --model FOLDER            checkpoint folder (default examples/model)\n"
    "  --system-prompt TEXT      the first message\n"
    "  --max-tokens N            at most so many tokens in an answer (default 256)\n"
    "  --temp T                  temperature (default 0: always the most likely token)\n"
    "  --top-p P                 keep the smallest set of tokens whose probabilities exceed P\n"
    "  --xtc-probability P       so often, all of the likely tokens but the least likely of them are left out...\n"
    "  --xtc-threshold P         ...where those count that have at least this probability (default 0)\n"
    "  --seed N                  of the random choices (default: from the time)\n"
    "  --max-kv-size N           remember so many tokens, the first 4 for good (default: all)\n"
    "  --prefill-step-size N     prompt tokens in one call (default 512)\n"
    "  --threads N               threads (default and -1: one for each core)\n"
    "  --exact                   float32 activations and cache\n"
    "  --ignore-chat-template    only the words, even if the checkpoint has a chat template\n"
    "  --chat-template-config J  further variables of the template, as a JSON object\n"
    "  --verbose                 after each answer, how many tokens were read and written\n"
    "  --help                    this text\n";

static const char commands[] =
    "The command list:\n"
    "- 'q' to exit\n"
    "- 'r' to reset the chat\n"
    "- 'h' to display these commands\n";

/* ---- options */

static int read_value(options *o, const char *flag, const char *text) {
    llm_generation_desc *g = &o->generation;
    int64_t n = 0;
    if (!strcmp(flag, "--model")) return o->model.path = text, 1;
    if (!strcmp(flag, "--system-prompt")) return o->system = text, 1;
    if (!strcmp(flag, "--chat-template-config")) return o->variables = text, 1;
    if (!strcmp(flag, "--temp")) return read_number(flag, text, &g->sampling.temperature);
    if (!strcmp(flag, "--top-p")) return read_number(flag, text, &g->sampling.top_p);
    if (!strcmp(flag, "--xtc-probability")) return read_number(flag, text, &g->sampling.xtc_probability);
    if (!strcmp(flag, "--xtc-threshold")) return read_number(flag, text, &g->sampling.xtc_threshold);
    if (!strcmp(flag, "--max-tokens")) return read_integer(flag, text, 1, INT32_MAX, &g->max_tokens);
    if (!strcmp(flag, "--max-kv-size")) return read_integer(flag, text, 0, INT32_MAX, &g->max_kv_size);
    if (!strcmp(flag, "--seed")) {
        if (!read_integer(flag, text, INT64_MIN, INT64_MAX, &n)) return 0;
        g->sampling.seed = (uint64_t)n;
        return o->seeded = 1;
    }
    if (!strcmp(flag, "--prefill-step-size")) {
        if (!read_integer(flag, text, 1, INT32_MAX, &n)) return 0;
        g->prefill_step = (int)n;
        return 1;
    }
    if (!strcmp(flag, "--threads")) {
        if (!read_integer(flag, text, -1, 1024, &n)) return 0;
        g->session.threads = n ? (int)n : LLM_ALL_CORES;
        return 1;
    }
    return complain("unknown option %s (--help lists them)", flag);
}

static int read_options(options *o, int count, char **arguments) {
    int i;
    memset(o, 0, sizeof *o);
    o->model.path = "examples/model";
    o->generation.max_tokens = 256;
    o->generation.session.threads = LLM_ALL_CORES;
    for (i = 1; i < count; i++) {
        const char *flag = arguments[i];
        if (!strcmp(flag, "--verbose")) o->verbose = 1;
        else if (!strcmp(flag, "--exact")) o->generation.session.exact = 1;
        else if (!strcmp(flag, "--ignore-chat-template")) o->ignore_template = 1;
        else if (strncmp(flag, "--", 2)) return complain("unexpected argument '%s' (--help lists the options)", flag);
        else if (i + 1 == count) return complain("unknown option, or no value, at the end: %s", flag);
        else if (!read_value(o, flag, arguments[++i])) return 0;
    }
    if (!o->seeded) o->generation.sampling.seed = (uint64_t)time(NULL);
    return 1;
}

/* ---- the conversation */

static int add_message(talk *t, const char *role, const char *text, size_t bytes) {
    size_t end = put_message(NULL, t->message_bytes, role, text, bytes);
    char *messages = (char *)realloc(t->messages, end + 2), *plain;
    if (messages) t->messages = messages;
    plain = (char *)realloc(t->plain, t->plain_bytes + bytes + 2);
    if (plain) t->plain = plain;
    if (!messages || !plain) return complain("%s", "not enough memory for the conversation");
    t->messages[0] = '[';
    t->message_bytes = put_message(t->messages, t->message_bytes, role, text, bytes);
    if (t->plain_bytes && strcmp(role, "assistant")) t->plain[t->plain_bytes++] = '\n';
    memcpy(t->plain + t->plain_bytes, text, bytes);
    t->plain_bytes += bytes;
    return 1;
}

/* The conversation anew: the system's words, if there are any. */
static int begin(talk *t) {
    t->message_bytes = 1;
    t->plain_bytes = t->id_count = 0;
    llm_cache_clear(t->cache);
    return !t->o->system || add_message(t, "system", t->o->system, strlen(t->o->system));
}

/* The prompt of the next answer. */
static llm_status render(talk *t, llm_rendering **rendered, const char **text, size_t *bytes, llm_error *error) {
    llm_render_desc d;
    llm_status status;
    *text = t->plain;
    *bytes = t->plain_bytes;
    if (t->o->ignore_template || !llm_model_get_info(t->model).chat_template) return LLM_OK;
    memset(&d, 0, sizeof d);
    t->messages[t->message_bytes] = ']';
    t->messages[t->message_bytes + 1] = 0;
    d.messages = t->messages;
    d.variables = t->o->variables;
    d.add_generation_prompt = 1;
    status = llm_model_render(rendered, t->model, NULL, &d, error);
    if (status != LLM_OK) return status;
    *text = (*rendered)->text;
    *bytes = (*rendered)->bytes;
    return LLM_OK;
}

/* The prompt's ids, with room for an answer behind them; NULL: it failed. */
static int32_t *prompt_ids(talk *t, size_t *count, llm_error *error) {
    llm_rendering *rendered = NULL;
    const char *text;
    size_t bytes, room;
    int32_t *ids = NULL;
    llm_status status = render(t, &rendered, &text, &bytes, error);
    if (status == LLM_OK) status = llm_encode(t->model, text, bytes, !rendered, NULL, 0, count, error);
    room = *count + (size_t)t->o->generation.max_tokens;
    if (status == LLM_OK && (ids = (int32_t *)malloc(room * sizeof *ids)) == NULL)
        strcpy(error->message, "not enough memory for the prompt");
    if (ids) llm_encode(t->model, text, bytes, !rendered, ids, *count, count, NULL);
    llm_rendering_close(rendered);
    return ids;
}

/* Takes back what the cache has seen beyond what it shares with a prompt; returns how much is left, less than all of
   the prompt. */
static size_t keep_shared(talk *t, const int32_t *ids, size_t count) {
    size_t have = (size_t)llm_cache_length(t->cache), same = 0;
    int64_t trimmed;
    if (have > t->id_count) have = t->id_count;
    while (same < have && same + 1 < count && t->ids[same] == ids[same]) same++;
    if (llm_cache_trim(t->cache, llm_cache_length(t->cache) - (int64_t)same, &trimmed, NULL)) llm_cache_clear(t->cache);
    return (size_t)llm_cache_length(t->cache);
}

/* ---- answers */

static llm_generation *volatile running;

static void on_interrupt(int number) {
    if (running) llm_generation_cancel(running);
    signal(number, on_interrupt);
}

/* Prints an answer as it comes; it becomes part of the conversation, also when it was stopped. */
static int stream(talk *t, llm_generation *g) {
    llm_error error;
    llm_piece piece;
    llm_status status;
    char *text = NULL, *longer;
    size_t bytes = 0;
    int ok = 1;
    while ((status = llm_generation_next(g, &piece, &error)) == LLM_OK) {
        if (piece.token != LLM_NO_TOKEN) t->ids[t->id_count++] = piece.token;
        fwrite(piece.text, 1, piece.bytes, stdout);
        fflush(stdout);
        if (!piece.bytes) continue;
        longer = (char *)realloc(text, bytes + piece.bytes);
        if (!longer) break;
        text = longer;
        memcpy(text + bytes, piece.text, piece.bytes);
        bytes += piece.bytes;
    }
    putchar('\n');
    if (status != LLM_END) ok = complain("%s", status == LLM_OK ? "not enough memory for the answer" : error.message);
    ok = add_message(t, "assistant", text ? text : "", bytes) && ok;
    free(text);
    return ok;
}

static int answer(talk *t) {
    llm_generation_desc d = t->o->generation;
    llm_generation *g = NULL;
    llm_error error;
    size_t count = 0, shared;
    int32_t *ids = prompt_ids(t, &count, &error);
    int ok;
    if (!ids) return complain("%s", error.message);
    shared = keep_shared(t, ids, count);
    free(t->ids);
    t->ids = ids;
    t->id_count = count;
    d.ids = ids + shared;
    d.id_count = count - shared;
    d.sampling = t->sampling;
    d.use_session = t->session;
    d.use_cache = t->cache;
    if (llm_generation_open(&g, t->model, &d, &error)) return complain("%s", error.message);
    running = g;
    signal(SIGINT, on_interrupt);
    ok = stream(t, g);
    signal(SIGINT, SIG_DFL);
    running = NULL;
    if (t->o->verbose) {
        llm_generation_stats s = llm_generation_get_stats(g);
        fprintf(stderr, "[%zu of %zu prompt tokens read, %zu written, %.1f tokens-per-sec]\n", count - shared, count,
                s.generated_tokens, s.generated_per_second);
    }
    llm_generation_close(g);
    return ok;
}

/* A line without its end; NULL: there is none. */
static char *read_line(char *line, size_t size) {
    fputs(">> ", stderr);
    if (!fgets(line, (int)size, stdin)) {
        fputs("\n", stderr);
        return NULL;
    }
    line[strcspn(line, "\r\n")] = 0;
    return line;
}

static int converse(talk *t) {
    static char line[65536];
    int ok = begin(t);
    fputs(commands, stderr);
    while (ok && read_line(line, sizeof line)) {
        if (!strcmp(line, "q")) break;
        if (!strcmp(line, "h")) fputs(commands, stderr);
        else if (!strcmp(line, "r")) ok = begin(t);
        else if (*line) ok = add_message(t, "user", line, strlen(line)) && answer(t);
    }
    return ok;
}

static int run(const options *o) {
    llm_model_cache_desc cd;
    llm_error error;
    talk t;
    int ok;
    memset(&t, 0, sizeof t);
    memset(&cd, 0, sizeof cd);
    t.o = o;
    cd.max_kv_size = o->generation.max_kv_size;
    cd.exact = o->generation.session.exact;
    cd.checkpoint_every = CHECKPOINT_TOKENS; /* where layers cannot take tokens back */
    ok = llm_model_open(&t.model, &o->model, &error) == LLM_OK &&
         llm_session_open(&t.session, t.model, &o->generation.session, &error) == LLM_OK &&
         llm_model_cache_open(&t.cache, t.model, &cd, &error) == LLM_OK;
    t.sampling = o->generation.sampling;
    if (ok && t.sampling.xtc_probability > 0) t.protected_ids = protect_tokens(t.model, &t.sampling);
    ok = ok ? converse(&t) : complain("%s", error.message);
    free(t.protected_ids);
    free(t.messages);
    free(t.plain);
    free(t.ids);
    llm_cache_close(t.cache);
    llm_session_close(t.session);
    llm_model_close(t.model);
    return ok;
}

int main(int count, char **arguments) {
    options o;
    int i;
    for (i = 1; i < count; i++)
        if (!strcmp(arguments[i], "--help") || !strcmp(arguments[i], "-h")) return fputs(help, stdout) < 0;
    return read_options(&o, count, arguments) && run(&o) ? 0 : 1;
}
