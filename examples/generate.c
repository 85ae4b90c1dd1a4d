/* generate - text from a checkpoint folder, streamed: the flags of mlx_lm.generate that make sense here

       build/generate --model FOLDER --prompt "Once upon a time" --max-tokens 200

   Standard output holds the generated text and nothing else.  Shows: descriptors, streaming, progress, cancelling from
   a signal, figures. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include <signal.h>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#endif

#define TOOL "generate"
#include "tool.h"

enum { MOST_STOPS = 64 };

typedef struct options {
    llm_model_desc model, draft;
    llm_generation_desc generation;
    chat_words chat;
    const char *prompt, *cache_file;
    const char *stops[MOST_STOPS], *ends[MOST_STOPS];
    size_t end_count;
    int verbose, seeded, ignore_template;
} options;

static const char help[] =
    "usage: generate [options]\n"
    "  --model FOLDER            checkpoint folder (default examples/model)\n"
    "  --prompt TEXT, -p TEXT    what to continue; - reads it from standard input\n"
    "  --max-tokens N, -m N      at most so many tokens (default 100; -1: no limit)\n"
    "  --temp T                  temperature (default 0: always the most likely token)\n"
    "  --top-p P                 keep the smallest set of tokens whose probabilities exceed P\n"
    "  --min-p P                 keep tokens at least P times as likely as the best\n"
    "  --min-tokens-to-keep N    tokens that --min-p always leaves (default 1)\n"
    "  --top-k K                 keep the K most likely tokens\n"
    "  --xtc-probability P       so often, all of the likely tokens but the least likely of them are left out...\n"
    "  --xtc-threshold P         ...where those count that have at least this probability (default 0)\n"
    "  --typical-p P             keep tokens about as surprising as expected, up to P\n"
    "  --top-n-sigma N           keep tokens at most N standard deviations below the best\n"
    "  --mirostat TAU            aim at TAU bits of surprise instead of filtering\n"
    "  --repetition-penalty R    logits of the last tokens over R\n"
    "  --repetition-context-size N  how many tokens are the last (default 20; -1: all)\n"
    "  --presence-penalty P      logits of the last 20 tokens less P\n"
    "  --frequency-penalty P     the same for each time that they came\n"
    "  --dry-multiplier M        tokens that would prolong a repetition lose M and more (default: off)\n"
    "  --seed N                  of the random choices (default: from the time)\n"
    "  --threads N               threads (default and -1: one for each core)\n"
    "  --max-kv-size N           remember so many tokens, the first 4 for good (default: all)\n"
    "  --kv-bits N               quantize keys and values to 2, 3, 4, 5, 6 or 8 bits (default: not)\n"
    "  --kv-group-size N         in groups of 32, 64 or 128 (default 64)\n"
    "  --quantized-kv-start N    once so many tokens are there (default 5000)\n"
    "  --stop TEXT               end before this text; may be given several times\n"
    "  --extra-eos-token TOKEN   end at this token, too; may be given several times\n"
    "  --draft-model FOLDER      a smaller model with the same tokenizer, whose drafts this one checks\n"
    "  --num-draft-tokens N      so many at once (default 3)\n"
    "  --mtp                     drafts of the checkpoint's own layer for further tokens, if it has one\n"
    "  --lookup N                drafts of N tokens from what followed the same words before (default: off)\n"
    "  --prompt-cache-file FILE  go on from what cache_prompt (or mlx-lm) saved; the prompt follows it\n"
    "  --prefill-step-size N     prompt tokens in one call (default 512)\n"
    "  --exact                   float32 activations and cache\n"
    "  --isa NAME                kernels: scalar, sse4, avx2, ... (default: the best this CPU has)\n"
    "  --ignore-eos              go on after the model's end token\n"
    "  --ignore-chat-template    use the prompt as it is, even if the checkpoint has a chat template\n"
    "  --system-prompt TEXT      a system message before the prompt\n"
    "  --prefill-response TEXT   how the answer begins\n"
    "  --chat-template-config J  further variables of the template, as a JSON object\n"
    "  --verbose                 figures to standard error at the end\n"
    "  --help                    this text\n";

/* ---- cancelling: the first Ctrl-C ends the text cleanly, a second one ends the program */

static llm_generation *volatile running;

static void on_interrupt(int number) {
    if (running) llm_generation_cancel(running);
    signal(number, SIG_DFL);
}

/* ---- options */

/* 1: it was a switch; 0: it was none. */
static int read_switch(options *o, const char *flag) {
    if (!strcmp(flag, "--exact")) o->generation.session.exact = 1;
    else if (!strcmp(flag, "--ignore-eos")) o->generation.ignore_end = 1;
    else if (!strcmp(flag, "--verbose")) o->verbose = 1;
    else if (!strcmp(flag, "--ignore-chat-template")) o->ignore_template = 1;
    else if (!strcmp(flag, "--mtp")) o->model.drafts = 1;
    else return 0;
    return 1;
}

/* Options that are plain numbers of the sampler; NULL: it is none. */
static float *sampler_number(llm_generation_desc *g, const char *flag) {
    const struct { const char *flag; float *number; } numbers[] = {
        {"--temp", &g->sampling.temperature},
        {"--top-p", &g->sampling.top_p},
        {"--min-p", &g->sampling.min_p},
        {"--xtc-probability", &g->sampling.xtc_probability},
        {"--xtc-threshold", &g->sampling.xtc_threshold},
        {"--typical-p", &g->sampling.typical_p},
        {"--top-n-sigma", &g->sampling.top_n_sigma},
        {"--mirostat", &g->sampling.mirostat_tau},
        {"--repetition-penalty", &g->penalties.repetition},
        {"--presence-penalty", &g->penalties.presence},
        {"--frequency-penalty", &g->penalties.frequency},
        {"--dry-multiplier", &g->penalties.dry_multiplier},
    };
    size_t i;
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(flag, numbers[i].flag)) return numbers[i].number;
    return NULL;
}

/* The same for whole numbers that the library checks itself. */
static int *whole_number(llm_generation_desc *g, const char *flag) {
    const struct { const char *flag; int *number; } numbers[] = {
        {"--top-k", &g->sampling.top_k},
        {"--kv-bits", &g->kv_bits},
        {"--kv-group-size", &g->kv_group_size},
        {"--num-draft-tokens", &g->num_draft_tokens},
        {"--lookup", &g->lookup.count},
    };
    size_t i;
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(flag, numbers[i].flag)) return numbers[i].number;
    return NULL;
}

static int read_value(options *o, const char *flag, const char *text) {
    llm_generation_desc *g = &o->generation;
    int64_t n = 0;
    if (sampler_number(g, flag)) return read_number(flag, text, sampler_number(g, flag));
    if (!strcmp(flag, "--model")) return o->model.path = text, 1;
    if (!strcmp(flag, "--prompt")) return o->prompt = text, 1;
    if (!strcmp(flag, "--prompt-cache-file")) return o->cache_file = text, 1;
    if (!strcmp(flag, "--isa")) return o->model.isa = o->draft.isa = text, 1;
    if (!strcmp(flag, "--system-prompt")) return o->chat.system = text, 1;
    if (!strcmp(flag, "--prefill-response")) return o->chat.prefill = text, 1;
    if (!strcmp(flag, "--chat-template-config")) return o->chat.variables = text, 1;
    if (!strcmp(flag, "--draft-model")) return o->draft.path = text, 1;
    if (whole_number(g, flag)) {
        if (!read_integer(flag, text, 0, INT32_MAX, &n)) return 0;
        *whole_number(g, flag) = (int)n;
        return 1;
    }
    if (!strcmp(flag, "--quantized-kv-start")) return read_integer(flag, text, 0, INT32_MAX, &g->quantized_kv_start);
    if (!strcmp(flag, "--stop")) {
        if (g->stop_count == MOST_STOPS) return complain("%s is given too often", flag);
        o->stops[g->stop_count++] = text;
        return 1;
    }
    if (!strcmp(flag, "--extra-eos-token")) {
        if (o->end_count == MOST_STOPS) return complain("%s is given too often", flag);
        o->ends[o->end_count++] = text;
        return 1;
    }
    if (!strcmp(flag, "--max-tokens")) {
        if (!read_integer(flag, text, -1, INT32_MAX, &g->max_tokens)) return 0;
        if (!g->max_tokens) return complain("%s 0 would print nothing: give 1 or more, or -1 for no limit", flag);
    } else if (!strcmp(flag, "--min-tokens-to-keep")) {
        if (!read_integer(flag, text, 1, INT32_MAX, &n)) return 0;
        g->sampling.min_keep = (int)n;
    } else if (!strcmp(flag, "--repetition-context-size")) {
        if (!read_integer(flag, text, -1, INT32_MAX, &n)) return 0;
        g->penalties.repetition_window = (int)n;
    } else if (!strcmp(flag, "--seed")) {
        if (!read_integer(flag, text, INT64_MIN, INT64_MAX, &n)) return 0;
        g->sampling.seed = (uint64_t)n;
        o->seeded = 1;
    } else if (!strcmp(flag, "--threads")) {
        if (!read_integer(flag, text, -1, 1024, &n)) return 0;
        g->session.threads = n ? (int)n : LLM_ALL_CORES;
    } else if (!strcmp(flag, "--max-kv-size")) {
        if (!read_integer(flag, text, 0, INT32_MAX, &n)) return 0;
        g->max_kv_size = n;
    } else if (!strcmp(flag, "--prefill-step-size")) {
        if (!read_integer(flag, text, 1, INT32_MAX, &n)) return 0;
        g->prefill_step = (int)n;
    } else {
        return complain("unknown option %s (--help lists them)", flag);
    }
    return 1;
}

static int read_options(options *o, int count, char **arguments) {
    int i;
    memset(o, 0, sizeof *o);
    o->model.path = "examples/model";
    o->prompt = "Once upon a time";
    o->generation.max_tokens = 100;
    o->generation.quantized_kv_start = 5000;
    o->generation.stops = o->stops;
    o->generation.session.threads = LLM_ALL_CORES;
    for (i = 1; i < count; i++) {
        const char *flag = arguments[i];
        if (!strcmp(flag, "-p")) flag = "--prompt";
        if (!strcmp(flag, "-m")) flag = "--max-tokens";
        if (strncmp(flag, "--", 2)) return complain("unexpected argument '%s' (--help lists the options)", flag);
        if (read_switch(o, flag)) continue;
        if (i + 1 == count) return complain("unknown option, or no value, at the end: %s (--help lists them)", flag);
        if (!read_value(o, flag, arguments[++i])) return 0;
    }
    if (!o->seeded) o->generation.sampling.seed = (uint64_t)time(NULL);
    return 1;
}

/* ---- figures */

static void show_progress(void *user, size_t done, size_t total) {
    (void)user;
    if (done < total) fprintf(stderr, "\rprompt: %zu of %zu tokens", done, total);
    else fputs("\r                                          \r", stderr);
    fflush(stderr);
}

static double peak_megabytes(const llm_generation_stats *s) {
#if defined(__unix__) || defined(__APPLE__)
    struct rusage usage;
#ifdef __APPLE__
    const double unit = 1;
#else
    const double unit = 1024;
#endif
    (void)s;
    if (!getrusage(RUSAGE_SELF, &usage)) return (double)usage.ru_maxrss * unit / 1e6;
    return 0;
#else
    return (double)s->memory_bytes / 1e6;
#endif
}

static void show_figures(const options *o, const llm_model *model, const llm_generation_stats *s) {
    static const char *const finish[] = {"running", "stop", "length", "cancelled", "failed"};
    llm_model_info info = llm_model_get_info(model);
    fprintf(stderr, "\n==========\n");
    fprintf(stderr, "Model: %s, %d layers, %.3g parameters, %s kernels\n", info.model_type, info.layers,
            (double)info.parameters, info.isa);
    fprintf(stderr, "Prompt: %zu tokens, %.3f tokens-per-sec\n", s->prompt_tokens, s->prompt_per_second);
    fprintf(stderr, "Generation: %zu tokens, %.3f tokens-per-sec\n", s->generated_tokens, s->generated_per_second);
    if (s->drafted_tokens)
        fprintf(stderr, "Drafts: %zu of %zu tokens accepted\n", s->accepted_tokens, s->drafted_tokens);
    fprintf(stderr, "Peak memory: %.1f MB\n", peak_megabytes(s));
    fprintf(stderr, "Finish reason: %s", finish[s->finish]);
    if (o->generation.sampling.temperature > 0)
        fprintf(stderr, ", seed %llu", (unsigned long long)o->generation.sampling.seed);
    fprintf(stderr, "\n");
}

/* ---- the program */

static int stream(llm_generation *generation) {
    llm_error error;
    llm_piece piece;
    llm_status status;
    while ((status = llm_generation_next(generation, &piece, &error)) == LLM_OK) {
        if (fwrite(piece.text, 1, piece.bytes, stdout) != piece.bytes || fflush(stdout))
            return complain("%s", "standard output cannot be written to");
    }
    if (IS_TERMINAL(stdout)) putchar('\n');
    return status == LLM_END ? 1 : complain("%s", error.message);
}

/* A saved prompt: its text is not known, so the new one is encoded as what follows, without a begin token. */
static llm_status load_cache(const options *o, const llm_model *model, llm_generation_desc *g, llm_error *error) {
    llm_model_cache_desc cd;
    llm_cache_load_desc from;
    memset(&cd, 0, sizeof cd);
    memset(&from, 0, sizeof from);
    cd.exact = g->session.exact;
    cd.max_kv_size = g->max_kv_size;
    from.path = o->cache_file;
    g->no_special = 1;
    return llm_model_cache_load(&g->use_cache, model, &cd, &from, error);
}

/* The ids of --extra-eos-token. */
static int find_ends(const options *o, const llm_model *model, llm_generation_desc *g, int32_t *ids) {
    size_t i;
    for (i = 0; i < o->end_count; i++)
        if ((ids[i] = llm_token_id(model, o->ends[i])) == LLM_NO_TOKEN)
            return complain("the vocabulary has no token %s", o->ends[i]);
    g->extra_ends = ids;
    g->extra_end_count = o->end_count;
    return 1;
}

/* The prompt as a chat.  Behind a saved prompt, only what follows the place of the user's words is new. */
static llm_status chat_prompt(const options *o, const llm_model *model, llm_generation_desc *g,
                              llm_rendering **rendered, llm_error *error) {
    static const char mark[] = "<query>";
    size_t bytes = g->prompt_bytes ? g->prompt_bytes : strlen(g->prompt);
    llm_rendering *probe = NULL;
    const char *found;
    llm_status status = render_chat(rendered, model, &o->chat, g->prompt, bytes, error);
    if (status != LLM_OK) return status;
    g->prompt = (*rendered)->text;
    g->prompt_bytes = (*rendered)->bytes;
    g->no_special = 1;
    if (!o->cache_file) return LLM_OK;
    status = render_chat(&probe, model, &o->chat, mark, sizeof mark - 1, error);
    found = status == LLM_OK ? strstr(probe->text, mark) : NULL;
    if (found && (size_t)(found - probe->text) < g->prompt_bytes) {
        g->prompt += found - probe->text;
        g->prompt_bytes -= (size_t)(found - probe->text);
    }
    llm_rendering_close(probe);
    return status;
}

static int run(const options *o) {
    llm_generation_desc desc = o->generation;
    llm_rendering *rendered = NULL;
    llm_model *model = NULL, *draft = NULL;
    llm_generation *generation = NULL;
    int32_t *protected_ids = NULL, ends[MOST_STOPS];
    llm_error error;
    llm_status status = llm_model_open(&model, &o->model, &error);
    int ok;
    if (status == LLM_OK && desc.sampling.xtc_probability > 0) protected_ids = protect_tokens(model, &desc.sampling);
    if (status == LLM_OK && !o->ignore_template && llm_model_get_info(model).chat_template)
        status = chat_prompt(o, model, &desc, &rendered, &error);
    if (status == LLM_OK && o->cache_file) status = load_cache(o, model, &desc, &error);
    if (status == LLM_OK && o->draft.path) status = llm_model_open(&draft, &o->draft, &error);
    desc.draft_model = draft ? draft : llm_model_drafter(model);
    ok = status != LLM_OK || find_ends(o, model, &desc, ends);
    if (ok && status == LLM_OK) status = llm_generation_open(&generation, model, &desc, &error);
    ok = ok && (status == LLM_OK || complain("%s", error.message));
    if (ok) {
        running = generation;
        signal(SIGINT, on_interrupt);
        ok = stream(generation);
        if (o->verbose) {
            llm_generation_stats stats = llm_generation_get_stats(generation);
            show_figures(o, model, &stats);
        }
        running = NULL;
    }
    llm_generation_close(generation);
    free(protected_ids);
    llm_rendering_close(rendered);
    llm_cache_close(desc.use_cache);
    llm_model_close(draft);
    llm_model_close(model);
    return ok;
}

int main(int count, char **arguments) {
    options o;
    char *input = NULL;
    int i, ok;
    for (i = 1; i < count; i++)
        if (!strcmp(arguments[i], "--help") || !strcmp(arguments[i], "-h")) return fputs(help, stdout) < 0;
    if (!read_options(&o, count, arguments)) return 1;
    o.generation.prompt = o.prompt;
    if (!strcmp(o.prompt, "-")) {
        o.generation.prompt = input = read_text(stdin, &o.generation.prompt_bytes);
        if (!input) return !complain("%s", "not enough memory for the prompt");
    }
    if (IS_TERMINAL(stderr)) o.generation.progress = show_progress;
    ok = run(&o);
    free(input);
    return ok ? 0 : 1;
}
