/* npc - many characters of a game that share what they know of their world, thinking within a frame's budget

       build/npc --model FOLDER --characters 8 --budget-us 2000

   The world is read once; each character's cache is a fork of it, which costs next to nothing, and all of them think
   in one batch, a slice in each frame.  Shows: forks, the scheduler's steps, time budgets. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#define TOOL "npc"
#include "tool.h"

enum { MOST_CHARACTERS = 64, THOUGHT = 600 };

typedef struct options {
    llm_model_desc model;
    const char *world;
    int64_t characters, words, budget_us, threads, seed;
} options;

/* A character: what it begins to say, and what it has said. */
typedef struct character {
    char opening[120], thought[THOUGHT];
    size_t bytes;
    uint64_t request;
    llm_cache *memory; /* of the world, and then of what it said itself */
    llm_finish finish;
} character;

typedef struct village {
    llm_model *model;
    llm_scheduler *minds;
    llm_cache *world;
    character people[MOST_CHARACTERS];
    size_t count, busy;
    size_t frames, late;       /* late: longer than twice the budget */
    int64_t longest_us, total_us;
} village;

static const char *const names[] = {"Ada", "Ben", "Cleo", "Dora", "Emil", "Fritz", "Greta", "Hugo"};
static const char *const moods[] = {"was happy and said", "looked at the sky and said",
                                    "was afraid of the river and said", "wanted a cake and said",
                                    "had an idea and said"};

static const char help[] =
    "usage: npc [options]\n"
    "  --model FOLDER      checkpoint folder (default examples/model)\n"
    "  --world TEXT        what every character knows (default: a village)\n"
    "  --characters N      how many there are, up to 64 (default 8)\n"
    "  --words N           tokens that each may say (default 40)\n"
    "  --budget-us N       microseconds of a frame that they may think (default 2000)\n"
    "  --threads N         threads (default 1: a game has other work for the rest)\n"
    "  --seed N            other words (default 0)\n"
    "  --help              this text\n";

static int read_value(options *o, const char *flag, const char *text) {
    if (!strcmp(flag, "--model")) return o->model.path = text, 1;
    if (!strcmp(flag, "--world")) return o->world = text, 1;
    if (!strcmp(flag, "--characters")) return read_integer(flag, text, 1, MOST_CHARACTERS, &o->characters);
    if (!strcmp(flag, "--words")) return read_integer(flag, text, 1, 10000, &o->words);
    if (!strcmp(flag, "--budget-us")) return read_integer(flag, text, 0, 1000000, &o->budget_us);
    if (!strcmp(flag, "--threads")) return read_integer(flag, text, -1, 256, &o->threads);
    if (!strcmp(flag, "--seed")) return read_integer(flag, text, 0, INT64_MAX, &o->seed);
    return complain("unknown option %s (--help lists them)", flag);
}

static int read_options(options *o, int count, char **arguments) {
    int i;
    memset(o, 0, sizeof *o);
    o->model.path = "examples/model";
    o->world = "Once upon a time there was a small village by a river. Everyone there was kind.";
    o->characters = 8;
    o->words = 40;
    o->budget_us = 2000;
    o->threads = 1;
    for (i = 1; i < count; i += 2) {
        if (i + 1 == count) return complain("unknown option, or no value, at the end: %s", arguments[i]);
        if (!read_value(o, arguments[i], arguments[i + 1])) return 0;
    }
    return 1;
}

/* ---- the village */

/* What all know is read once, into a cache that is only ever forked from here on. */
static llm_status read_world(village *v, const options *o, llm_error *error) {
    llm_generation_desc d;
    llm_generation *g = NULL;
    llm_piece piece;
    llm_status status = llm_model_cache_open(&v->world, v->model, NULL, error);
    memset(&d, 0, sizeof d);
    d.prompt = o->world;
    d.max_tokens = LLM_PROMPT_ONLY;
    d.use_cache = v->world;
    if (status == LLM_OK) status = llm_generation_open(&g, v->model, &d, error);
    while (status == LLM_OK) status = llm_generation_next(g, &piece, error);
    llm_generation_close(g);
    return status == LLM_END ? LLM_OK : status;
}

/* A character begins to think: with the world in mind, at the price of a fork. */
static llm_status begin(village *v, const options *o, character *c, llm_error *error) {
    size_t number = (size_t)(c - v->people);
    llm_generation_desc d;
    llm_status status = llm_cache_fork(&c->memory, v->world, error);
    snprintf(c->opening, sizeof c->opening, " %s %s: \"", names[number % (sizeof names / sizeof *names)],
             moods[number % (sizeof moods / sizeof *moods)]);
    memset(&d, 0, sizeof d);
    d.prompt = c->opening;
    d.no_special = 1;
    d.max_tokens = o->words;
    d.use_cache = c->memory;
    d.sampling.temperature = 0.8f;
    d.sampling.seed = (uint64_t)o->seed + number;
    return status == LLM_OK ? llm_scheduler_insert(v->minds, &d, &c->request, error) : status;
}

static void listen(village *v, const llm_event *events, size_t count) {
    size_t i, k;
    for (i = 0; i < count; i++)
        for (k = 0; k < v->count; k++) {
            character *c = &v->people[k];
            const llm_piece *piece = &events[i].piece;
            if (c->request != events[i].id || events[i].kind != LLM_EVENT_PIECE) continue;
            if (c->bytes + piece->bytes < THOUGHT) {
                memcpy(c->thought + c->bytes, piece->text, piece->bytes);
                c->bytes += piece->bytes;
            }
            c->finish = piece->finish;
            v->busy -= piece->finish != LLM_RUNNING;
        }
}

/* One frame: the minds get their budget, whatever they are at.  A game would draw and move things, too. */
static llm_status frame(village *v, const options *o, llm_error *error) {
    llm_clock clock = llm_system_clock();
    int64_t start = clock.now_us(clock.user), took;
    const llm_event *events;
    size_t count;
    llm_status status = llm_scheduler_step(v->minds, o->budget_us, &events, &count, error);
    if (status == LLM_OK || status == LLM_PENDING) listen(v, events, count);
    took = clock.now_us(clock.user) - start;
    if (took > v->longest_us) v->longest_us = took;
    v->late += took > 2 * o->budget_us;
    v->total_us += took;
    v->frames++;
    return status == LLM_PENDING ? LLM_OK : status;
}

static llm_status run(village *v, const options *o, llm_error *error) {
    llm_scheduler_desc sd;
    llm_status status = llm_model_open(&v->model, &o->model, error);
    size_t i;
    memset(&sd, 0, sizeof sd);
    sd.session.threads = (int)o->threads;
    sd.completion_batch_size = sd.prefill_batch_size = (int)o->characters;
    if (status == LLM_OK) status = read_world(v, o, error);
    if (status == LLM_OK) status = llm_scheduler_open(&v->minds, v->model, &sd, error);
    for (i = 0; i < (size_t)o->characters && status == LLM_OK; i++, v->count++, v->busy++)
        status = begin(v, o, &v->people[i], error);
    while (status == LLM_OK && v->busy) status = frame(v, o, error);
    return status;
}

static void tell(const village *v, const options *o) {
    llm_scheduler_stats stats = llm_scheduler_get_stats(v->minds);
    size_t i;
    for (i = 0; i < v->count; i++)
        printf("%s%.*s%s\n", v->people[i].opening + 1, (int)v->people[i].bytes, v->people[i].thought,
               v->people[i].finish == LLM_FINISH_STOP ? "" : "...");
    fprintf(stderr,
            "%zu characters, %zu tokens in %zu frames; longest frame %.2f ms, mean %.2f ms, %zu beyond twice the "
            "budget of %.2f ms; %.3f MB of caches\n",
            v->count, stats.generated_tokens, v->frames, (double)v->longest_us * 1e-3,
            (double)v->total_us * 1e-3 / (double)(v->frames ? v->frames : 1), v->late, (double)o->budget_us * 1e-3,
            (double)stats.cache_bytes / 1e6);
}

int main(int count, char **arguments) {
    static village v;
    options o;
    llm_error error;
    llm_status status;
    size_t i;
    int k;
    for (k = 1; k < count; k++)
        if (!strcmp(arguments[k], "--help") || !strcmp(arguments[k], "-h")) return fputs(help, stdout) < 0;
    if (!read_options(&o, count, arguments)) return 1;
    status = run(&v, &o, &error);
    if (status == LLM_OK) tell(&v, &o);
    else complain("%s", error.message);
    llm_scheduler_close(v.minds);
    for (i = 0; i < MOST_CHARACTERS; i++) llm_cache_close(v.people[i].memory);
    llm_cache_close(v.world);
    llm_model_close(v.model);
    return status != LLM_OK;
}
