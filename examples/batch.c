/* batch - a file of prompts to a file of answers, many at a time

       build/batch --model FOLDER --prompts questions.txt --answers answers.txt

   A line is a prompt, or an answer, in the same order; \n and \\ in it stand for a new line and a backslash.  Shows:
   the scheduler, its events, chat templates. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#define TOOL "batch"
#include "tool.h"

typedef struct options {
    llm_model_desc model;
    llm_scheduler_desc scheduler;
    llm_generation_desc request;
    const char *prompts, *answers;
    int ignore_template;
} options;

/* A prompt and what was written for it. */
typedef struct job {
    char *prompt, *answer;
    size_t prompt_bytes, bytes, capacity;
    uint64_t id; /* of its request; 0: it was refused */
    int done;
} job;

typedef struct jobs {
    job *list;
    size_t count, done, failed, tokens;
} jobs;

static const char help[] =
    "usage: batch --prompts FILE [options]\n"
    "  --model FOLDER               checkpoint folder (default examples/model)\n"
    "  --prompts FILE               a prompt in each line; - reads standard input\n"
    "  --answers FILE               where the answers go, line by line (default: standard output)\n"
    "  --max-tokens N               tokens of an answer (default 256)\n"
    "  --temp T --top-p P --seed N  how tokens are chosen (default: the most likely one); each prompt has its own\n"
    "                               numbers: seed N and its line\n"
    "  --completion-batch-size N    answers that are written at the same time (default 32)\n"
    "  --prefill-batch-size N       prompts that are read at the same time (default 8)\n"
    "  --prefill-step-size N        prompt tokens between two tokens of those who write (default 256)\n"
    "  --max-kv-size N              remember so many tokens of each (default: all)\n"
    "  --ignore-chat-template       prompts as they stand\n"
    "  --threads N                  threads (default: one for each core)\n"
    "  --help                       this text\n";

/* ---- options */

static int read_int(const char *flag, const char *text, int64_t low, int *out) {
    int64_t value;
    if (!read_integer(flag, text, low, INT32_MAX, &value)) return 0;
    *out = (int)value;
    return 1;
}

static int read_value(options *o, const char *flag, const char *text) {
    llm_sampling *sampling = &o->request.sampling;
    int64_t seed;
    if (!strcmp(flag, "--model")) return o->model.path = text, 1;
    if (!strcmp(flag, "--prompts")) return o->prompts = text, 1;
    if (!strcmp(flag, "--answers")) return o->answers = text, 1;
    if (!strcmp(flag, "--max-tokens")) return read_integer(flag, text, 1, INT32_MAX, &o->request.max_tokens);
    if (!strcmp(flag, "--temp")) return read_number(flag, text, &sampling->temperature);
    if (!strcmp(flag, "--top-p")) return read_number(flag, text, &sampling->top_p);
    if (!strcmp(flag, "--seed"))
        return read_integer(flag, text, 0, INT64_MAX, &seed) && (sampling->seed = (uint64_t)seed, 1);
    if (!strcmp(flag, "--completion-batch-size"))
        return read_int(flag, text, 1, &o->scheduler.completion_batch_size);
    if (!strcmp(flag, "--prefill-batch-size")) return read_int(flag, text, 1, &o->scheduler.prefill_batch_size);
    if (!strcmp(flag, "--prefill-step-size")) return read_int(flag, text, 1, &o->scheduler.prefill_step);
    if (!strcmp(flag, "--max-kv-size")) return read_integer(flag, text, 1, INT32_MAX, &o->scheduler.max_kv_size);
    if (!strcmp(flag, "--threads")) return read_int(flag, text, -1, &o->scheduler.session.threads);
    return complain("unknown option %s (--help lists them)", flag);
}

static int read_options(options *o, int count, char **arguments) {
    int i;
    memset(o, 0, sizeof *o);
    o->model.path = "examples/model";
    o->scheduler.session.threads = LLM_ALL_CORES;
    for (i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--ignore-chat-template")) {
            o->ignore_template = 1;
            continue;
        }
        if (i + 1 == count) return complain("unknown option, or no value, at the end: %s", arguments[i]);
        if (!read_value(o, arguments[i], arguments[i + 1])) return 0;
        i++;
    }
    if (!o->prompts) return complain("%s", "--prompts is needed (--help)");
    return 1;
}

/* ---- lines */

static void print_escaped(FILE *file, const char *text, size_t bytes) {
    size_t i;
    for (i = 0; i < bytes; i++) {
        if (text[i] == '\n') fputs("\\n", file);
        else if (text[i] == '\\') fputs("\\\\", file);
        else fputc(text[i], file);
    }
    fputc('\n', file);
}

/* Cuts a text into lines, which stay in it. */
static int cut_lines(char *text, size_t bytes, jobs *all) {
    size_t at, end, lines = bytes > 0;
    for (at = 0; at + 1 < bytes; at++) lines += text[at] == '\n';
    all->list = (job *)calloc(lines + 1, sizeof *all->list);
    for (at = 0; all->list && at < bytes; at = end + 1) {
        job *j = &all->list[all->count++];
        for (end = at; end < bytes && text[end] != '\n';) end++;
        j->prompt = text + at;
        j->prompt_bytes = unescape(j->prompt, end - at - (end > at && text[end - 1] == '\r'));
        text[at + j->prompt_bytes] = 0;
    }
    return all->list != NULL;
}

/* ---- requests */

static llm_status insert(const options *o, const llm_model *model, llm_scheduler *s, const job *j, uint64_t *id,
                         llm_error *error) {
    llm_generation_desc d = o->request;
    llm_rendering *rendered = NULL;
    llm_status status = LLM_OK;
    chat_words c;
    memset(&c, 0, sizeof c);
    d.prompt = j->prompt;
    d.prompt_bytes = j->prompt_bytes;
    if (llm_model_get_info(model).chat_template && !o->ignore_template) {
        status = render_chat(&rendered, model, &c, j->prompt, j->prompt_bytes, error);
        if (rendered) {
            d.prompt = rendered->text;
            d.prompt_bytes = rendered->bytes;
            d.no_special = 1;
        }
    }
    if (status == LLM_OK) status = llm_scheduler_insert(s, &d, id, error);
    llm_rendering_close(rendered);
    return status;
}

static int add_text(job *j, const char *text, size_t bytes) {
    char *more;
    if (j->bytes + bytes > j->capacity) {
        j->capacity = 2 * (j->bytes + bytes);
        more = (char *)realloc(j->answer, j->capacity);
        if (!more) return 0;
        j->answer = more;
    }
    if (bytes) memcpy(j->answer + j->bytes, text, bytes);
    j->bytes += bytes;
    return 1;
}

/* A bar on a terminal, nothing in a pipe. */
static void show_progress(const jobs *all, double seconds) {
    char bar[31];
    size_t i;
    if (!IS_TERMINAL(stderr)) return;
    for (i = 0; i < 30; i++) bar[i] = i * all->count < all->done * 30 ? '#' : '.';
    bar[30] = 0;
    fprintf(stderr, "\r[%s] %zu of %zu answers, %.1f tok/s   ", bar, all->done, all->count,
            seconds > 0 ? (double)all->tokens / seconds : 0);
    if (all->done == all->count) fputs("\n", stderr);
    fflush(stderr);
}

/* A line that has no answer, or not all of it, does not keep the others from theirs. */
static void refuse(jobs *all, const job *j, const llm_error *error) {
    fprintf(stderr, TOOL ": line %zu: %s\n", (size_t)(j - all->list) + 1, error->message);
    all->failed++;
}

static int take_events(jobs *all, const llm_event *events, size_t count) {
    size_t i;
    for (i = 0; i < count; i++) {
        const llm_event *e = &events[i];
        job *j = all->list;
        if (e->kind != LLM_EVENT_PIECE) continue;
        while (j->id != e->id) j++;
        if (!add_text(j, e->piece.text, e->piece.bytes)) return 0;
        all->tokens += e->piece.token != LLM_NO_TOKEN;
        if (e->piece.finish == LLM_RUNNING) continue;
        if (e->piece.finish == LLM_FINISH_FAILED) refuse(all, j, &e->error);
        j->done = 1;
        all->done++;
    }
    return 1;
}

static int run(const options *o, jobs *all, FILE *out) {
    llm_clock clock = llm_system_clock();
    llm_model *model = NULL;
    llm_scheduler *s = NULL;
    const llm_event *events;
    llm_error error;
    llm_scheduler_stats stats;
    size_t i, n, printed = 0;
    int64_t start;
    options mine = *o;
    llm_status status = llm_model_open(&model, &o->model, &error);
    if (status == LLM_OK) status = llm_scheduler_open(&s, model, &o->scheduler, &error);
    for (i = 0; i < all->count && status == LLM_OK; i++) {
        job *j = &all->list[i];
        mine.request.sampling.seed = o->request.sampling.seed * 1000003u + i;
        if (insert(&mine, model, s, j, &j->id, &error) == LLM_OK) continue;
        refuse(all, j, &error);
        j->done = 1;
        all->done++;
    }
    start = clock.now_us(clock.user);
    while (status == LLM_OK && (status = llm_scheduler_next(s, &events, &n, &error)) == LLM_OK) {
        if (!take_events(all, events, n)) status = LLM_OUT_OF_MEMORY, strcpy(error.message, "not enough memory");
        for (; printed < all->count && all->list[printed].done; printed++)
            print_escaped(out, all->list[printed].answer, all->list[printed].bytes);
        show_progress(all, (double)(clock.now_us(clock.user) - start) * 1e-6);
    }
    if (status == LLM_END) {
        stats = llm_scheduler_get_stats(s);
        fprintf(stderr, "%zu answers of %zu tokens in %.2f s, %.1f tok/s; prompts: %zu tokens; peak memory: %.3f MB\n",
                all->done - all->failed, stats.generated_tokens, (double)(clock.now_us(clock.user) - start) * 1e-6,
                (double)stats.generated_tokens / ((double)(clock.now_us(clock.user) - start) * 1e-6 + 1e-9),
                stats.prompt_tokens, (double)stats.peak_bytes / 1e6);
        for (; printed < all->count; printed++) print_escaped(out, "", 0);
    } else {
        complain("%s", error.message);
    }
    llm_scheduler_close(s);
    llm_model_close(model);
    return status != LLM_END || all->failed;
}

int main(int count, char **arguments) {
    options o;
    jobs all;
    FILE *in, *out = stdout;
    char *text;
    size_t bytes, i;
    int code = 1, k;
    memset(&all, 0, sizeof all);
    for (k = 1; k < count; k++)
        if (!strcmp(arguments[k], "--help") || !strcmp(arguments[k], "-h")) return fputs(help, stdout) < 0;
    if (!read_options(&o, count, arguments)) return 1;
    in = strcmp(o.prompts, "-") ? fopen(o.prompts, "rb") : stdin;
    if (!in) return !complain("cannot read %s", o.prompts);
    text = read_text(in, &bytes);
    if (in != stdin) fclose(in);
    if (o.answers && (out = fopen(o.answers, "wb")) == NULL) complain("cannot write %s", o.answers);
    else if (!text || !cut_lines(text, bytes, &all)) complain("%s", "not enough memory for the prompts");
    else code = run(&o, &all, out);
    if (out && out != stdout && fclose(out)) code = !complain("%s could not be written to its end", o.answers);
    for (i = 0; i < all.count; i++) free(all.list[i].answer);
    free(all.list);
    free(text);
    return code;
}
