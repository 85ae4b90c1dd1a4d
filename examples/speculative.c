/* speculative - the same text, sooner: tokens are guessed, and several guesses are checked in one pass

       build/speculative --model FOLDER --draft FOLDER     guesses of a smaller model with the same vocabulary
       build/speculative --model FOLDER --lookup 8         what followed the last time that the newest words came
       build/speculative --model FOLDER --mtp              the checkpoint's own layer for further tokens

   Writes the text to standard output, then says how many guesses were right and how much faster that was than without,
   measured in turns in the same run; it ends with an error if the two texts differ.  Shows: draft models, lookup,
   drafters, sessions that several generations share. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#define TOOL "speculative"
#include "tool.h"

typedef struct options {
    llm_model_desc model, draft;
    llm_generation_desc generation;
    int mtp, runs;
} options;

static const char help[] =
    "usage: speculative [options]\n"
    "  --model FOLDER       checkpoint folder (default examples/model)\n"
    "  --draft FOLDER       a smaller checkpoint that guesses\n"
    "  --lookup N           or: up to N tokens that followed the same words before (the default, 8)\n"
    "  --mtp                or: the layer of the checkpoint that predicts further tokens\n"
    "  --num-draft-tokens N guesses of a model or layer at once (default 3)\n"
    "  --prompt TEXT        what to continue; - reads it from standard input\n"
    "  --max-tokens N       tokens to write (default 200)\n"
    "  --temp T             temperature (default 0: always the most likely token)\n"
    "  --seed N             of the random choices (default 0)\n"
    "  --threads N          threads (default and -1: one for each core)\n"
    "  --runs N             how often each way is measured; the best counts (default 3)\n"
    "  --help               this text\n";

/* ---- options */

static int read_value(options *o, const char *flag, const char *text) {
    llm_generation_desc *g = &o->generation;
    int64_t n = 0;
    if (!strcmp(flag, "--model")) return o->model.path = text, 1;
    if (!strcmp(flag, "--draft")) return o->draft.path = text, 1;
    if (!strcmp(flag, "--prompt")) return g->prompt = text, 1;
    if (!strcmp(flag, "--max-tokens")) return read_integer(flag, text, 1, INT32_MAX, &g->max_tokens);
    if (!strcmp(flag, "--lookup")) {
        if (!read_integer(flag, text, 1, 64, &n)) return 0;
        g->lookup.count = (int)n;
    } else if (!strcmp(flag, "--num-draft-tokens")) {
        if (!read_integer(flag, text, 1, 64, &n)) return 0;
        g->num_draft_tokens = (int)n;
    } else if (!strcmp(flag, "--temp")) {
        char *end;
        g->sampling.temperature = (float)strtod(text, &end);
        if (end == text || *end || !(g->sampling.temperature >= 0))
            return complain("--temp is %s; expected a number, 0 or more", text);
    } else if (!strcmp(flag, "--seed")) {
        if (!read_integer(flag, text, 0, INT64_MAX, &n)) return 0;
        g->sampling.seed = (uint64_t)n;
    } else if (!strcmp(flag, "--threads")) {
        if (!read_integer(flag, text, -1, 1024, &n)) return 0;
        g->session.threads = n ? (int)n : LLM_ALL_CORES;
    } else if (!strcmp(flag, "--runs")) {
        if (!read_integer(flag, text, 1, 1000, &n)) return 0;
        o->runs = (int)n;
    } else {
        return complain("unknown option %s (--help lists them)", flag);
    }
    return 1;
}

static int read_options(options *o, int count, char **arguments) {
    int i, ways;
    memset(o, 0, sizeof *o);
    o->model.path = "examples/model";
    o->generation.prompt = "Once upon a time";
    o->generation.max_tokens = 200;
    o->generation.ignore_end = 1;
    o->generation.session.threads = LLM_ALL_CORES;
    o->runs = 3;
    for (i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--mtp")) {
            o->mtp = o->model.drafts = 1;
            continue;
        }
        if (i + 1 == count) return complain("unknown option, or no value, at the end: %s (--help lists them)",
                                            arguments[i]);
        if (!read_value(o, arguments[i], arguments[i + 1])) return 0;
        i++;
    }
    ways = (o->draft.path != NULL) + (o->generation.lookup.count > 0) + o->mtp;
    if (ways > 1) return complain("%s", "--draft, --lookup and --mtp are different ways to guess: expected one");
    if (!ways) o->generation.lookup.count = 8;
    return 1;
}

/* ---- measuring */

typedef struct result {
    char *text; /* to be freed */
    size_t bytes;
    llm_generation_stats best; /* of the fastest run */
} result;

/* One run; its text must be that of the runs before. */
static int measure(const llm_model *model, const llm_generation_desc *desc, result *r) {
    llm_generation *g = NULL;
    llm_generation_stats stats;
    llm_piece piece;
    llm_error error;
    llm_status status = llm_generation_open(&g, model, desc, &error);
    char *text = NULL, *longer;
    size_t bytes = 0;
    int ok = status == LLM_OK;
    while (ok && (status = llm_generation_next(g, &piece, &error)) == LLM_OK) {
        longer = (char *)realloc(text, bytes + piece.bytes + 1);
        ok = longer != NULL;
        if (!ok) break;
        text = longer;
        memcpy(text + bytes, piece.text, piece.bytes + 1);
        bytes += piece.bytes;
    }
    stats = llm_generation_get_stats(g);
    llm_generation_close(g);
    if (!ok && status == LLM_OK) complain("%s", "not enough memory for the text");
    else if (status != LLM_END) ok = complain("%s", error.message);
    else if (r->text && (bytes != r->bytes || memcmp(text, r->text, bytes))) ok = complain("%s", "the texts differ");
    if (!r->best.generated_tokens || stats.generation_seconds < r->best.generation_seconds) r->best = stats;
    free(r->text);
    r->text = text;
    r->bytes = bytes;
    return ok;
}

static void show(const options *o, const llm_generation_stats *plain, const llm_generation_stats *with) {
    double guesses = with->drafted_tokens ? (double)with->drafted_tokens : 1;
    fprintf(stderr, "\n%s\n", o->mtp ? "guesses of the model's own layer" : o->draft.path ? "guesses of a draft model"
                                                                                    : "guesses by lookup");
    fprintf(stderr, "guesses       %zu, of which %zu were right (%.1f %%); %.2f tokens a pass\n", with->drafted_tokens,
            with->accepted_tokens, 100 * (double)with->accepted_tokens / guesses,
            (double)with->generated_tokens / (double)(with->generated_tokens - with->accepted_tokens));
    fprintf(stderr, "without       %.1f tokens-per-sec\n", plain->generated_per_second);
    fprintf(stderr, "with          %.1f tokens-per-sec, %.2f times as fast\n", with->generated_per_second,
            plain->generated_per_second > 0 ? with->generated_per_second / plain->generated_per_second : 0);
}

/* ---- the program */

static int run(const options *o) {
    llm_generation_desc plain = o->generation, with = o->generation;
    llm_model *model = NULL, *draft = NULL;
    llm_session *session = NULL;
    llm_error error;
    result a, b;
    llm_status status = llm_model_open(&model, &o->model, &error);
    int i, ok;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    memset(&plain.lookup, 0, sizeof plain.lookup);
    if (status == LLM_OK && o->draft.path) status = llm_model_open(&draft, &o->draft, &error);
    if (status == LLM_OK) status = llm_session_open(&session, model, &o->generation.session, &error);
    ok = status == LLM_OK || complain("%s", error.message);
    plain.use_session = with.use_session = session;
    with.draft_model = o->mtp ? llm_model_drafter(model) : draft;
    if (ok && o->mtp && !with.draft_model)
        ok = complain("%s", "this checkpoint has no layer that predicts further tokens: expected deepseek_v3, "
                            "glm4_moe, mimo or qwen3_next as it was published");
    for (i = 0; ok && i < o->runs; i++) ok = measure(model, &plain, &a) && measure(model, &with, &b);
    if (ok && (a.bytes != b.bytes || memcmp(a.text, b.text, a.bytes))) ok = complain("%s", "the texts differ");
    if (ok) {
        ok = fwrite(b.text, 1, b.bytes, stdout) == b.bytes && !fflush(stdout);
        show(o, &a.best, &b.best);
    }
    free(a.text);
    free(b.text);
    llm_session_close(session);
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
    if (!strcmp(o.generation.prompt, "-")) {
        input = read_text(stdin, &o.generation.prompt_bytes);
        if (!input) return !complain("%s", "not enough memory for the prompt");
        o.generation.prompt = input;
    }
    ok = run(&o);
    free(input);
    return ok ? 0 : 1;
}
