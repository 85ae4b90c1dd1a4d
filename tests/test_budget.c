/* test_budget - time budgets and cancelling, by a clock that counts work instead of time: a job or a
   block of memory takes 10 us, so that what is asserted depends on no machine's mood. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#define PROGRAM "test_budget"
#include "stories.h"
#include "test.h"

enum { PROMPT = 300, TEXT = 24, ROWS = 5 };

static int32_t prompt[PROMPT];

typedef struct machine {
    int64_t now;
    int64_t read, longest;      /* when the clock was last read; the longest time between two readings */
    int64_t cancel_at;          /* when `generation` is cancelled, within the work; 0: not */
    llm_generation *generation;
} machine;

static int64_t machine_now(void *user) {
    machine *m = (machine *)user;
    if (m->now - m->read > m->longest) m->longest = m->now - m->read;
    return m->read = m->now;
}

static void machine_run(void *user, int count, llm_job_fn fn, void *argument) {
    machine *m = (machine *)user;
    int i;
    for (i = 0; i < count; i++) fn(argument, i, 0);
    m->now += 10 * count;
    if (m->cancel_at && m->now >= m->cancel_at) {
        llm_generation_cancel(m->generation);
        m->cancel_at = 0;
    }
}

static void *machine_reallocate(void *user, void *block, size_t old_bytes, size_t new_bytes) {
    machine *m = (machine *)user;
    (void)old_bytes;
    if (new_bytes) {
        m->now += 10;
        return realloc(block, new_bytes);
    }
    free(block);
    return NULL;
}

static llm_session_desc on_machine(machine *m) {
    llm_session_desc d;
    memset(&d, 0, sizeof d);
    memset(m, 0, sizeof *m);
    d.jobs.user = m;
    d.jobs.width = 1;
    d.jobs.run = machine_run;
    d.clock.user = m;
    d.clock.now_us = machine_now;
    return d;
}

/* ---- how long steps took */

typedef struct times {
    int64_t budget, longest, shortest; /* of a step; of one that was not done */
    int steps, pending;
} times;

static void time_step(times *t, int64_t us, llm_status status) {
    t->steps++;
    if (us > t->longest) t->longest = us;
    if (status != LLM_PENDING) return;
    if (!t->pending++ || us < t->shortest) t->shortest = us;
}

/* No step takes longer than its budget and one layer more, and none stops with half of it left; layers are short: as
   long as a few rows take (`unit`), or half of the budget. */
static void check_times(const char *what, const times *t, const machine *m, int64_t unit) {
    printf("%-12s budget %6lld us: %4d steps, %4d not done, %5lld to %5lld us; longest layer %lld\n", what,
           (long long)t->budget, t->steps, t->pending, (long long)t->shortest, (long long)t->longest,
           (long long)m->longest);
    CHECK(t->longest <= t->budget + m->longest);
    CHECK(!t->pending || t->shortest >= t->budget / 2);
    CHECK(m->longest <= (unit > t->budget / 2 ? unit : t->budget / 2));
}

/* ---- generations */

enum { PLAIN, SHORT_CALLS, LOOKUP, DRAFTS, GRAMMAR, GIVEN_SESSION, WAYS };
static const char *const ways[WAYS] = {"plain", "short calls", "lookup", "draft model", "grammar", "a session"};

static llm_generation_desc way_desc(int way, const llm_model *model, const llm_grammar *grammar) {
    llm_generation_desc d = prompt_desc(NULL, TEXT);
    d.ids = prompt;
    d.id_count = PROMPT;
    d.ignore_end = 1;
    if (way == SHORT_CALLS) d.prefill_step = 2;
    if (way == LOOKUP) d.lookup.count = 6;
    if (way == DRAFTS || way == GIVEN_SESSION) d.draft_model = model;
    if (way == GRAMMAR) d.grammar = grammar;
    return d;
}

static void step_through(const llm_model *model, const llm_generation_desc *d, machine *m, times *t, told *out) {
    llm_generation *g = NULL;
    llm_piece piece;
    int64_t before;
    memset(out, 0, sizeof *out);
    out->status = llm_generation_open(&g, model, d, &out->error);
    if (out->status) return;
    m->read = m->now;
    m->longest = 0;
    do {
        before = m->now;
        out->status = llm_generation_step(g, t->budget, &piece, &out->error);
        time_step(t, m->now - before, out->status);
        if (out->status == LLM_OK) told_piece(out, &piece);
    } while (out->status == LLM_OK || out->status == LLM_PENDING);
    llm_generation_close(g);
}

static void generations_end_in_time(void) {
    static const int64_t budgets[] = {0, 200, 3000, 20000};
    static told plain, out;
    llm_model *model = stories_open();
    llm_grammar_desc gd;
    llm_grammar *grammar = NULL;
    int way, k;
    memset(&gd, 0, sizeof gd);
    gd.regex = "[a-zA-Z ,.]*";
    gd.model = model;
    CHECK(llm_grammar_open(&grammar, &gd, NULL) == LLM_OK);
    for (way = 0; way < WAYS; way++) {
        int64_t unit = 0;
        llm_generation_desc d = way_desc(way, model, grammar);
        tell(model, &d, &plain);
        for (k = 0; k < 4; k++) {
            machine m;
            times t = {0, 0, 0, 0, 0};
            llm_session_desc sd = on_machine(&m);
            llm_session *s = NULL;
            t.budget = budgets[k];
            d.session = sd;
            if (way == GIVEN_SESSION) CHECK(llm_session_open(&s, model, &sd, NULL) == LLM_OK);
            if (s) memset(&d.session.clock, 0, sizeof d.session.clock); /* its own is the one that counts */
            d.use_session = s;
            step_through(model, &d, &m, &t, &out);
            CHECK(same_told(&plain, &out));
            if (!k) unit = m.longest;
            check_times(ways[way], &t, &m, unit);
            CHECK(t.pending > 1);
            llm_session_close(s);
        }
    }
    llm_grammar_close(grammar);
    llm_model_close(model);
}

/* Without a budget, the clock is only asked for the figures. */
static void no_budget_no_clock(void) {
    static told plain, out;
    llm_model *model = stories_open();
    llm_generation_desc d = way_desc(PLAIN, model, NULL);
    machine m;
    times t = {-1, 0, 0, 0, 0};
    tell(model, &d, &plain);
    d.session = on_machine(&m);
    step_through(model, &d, &m, &t, &out);
    CHECK(same_told(&plain, &out));
    CHECK_EQ(t.pending, 0);
    CHECK(m.longest > t.longest / 2); /* the prompt was read in calls of whole passes */
    llm_model_close(model);
}

/* ---- cancelling within the work of a call that has no budget */

/* How long the prompt takes to read. */
static int64_t prompt_time(const llm_model *model, llm_generation_desc d) {
    static told out;
    machine m;
    d.max_tokens = LLM_PROMPT_ONLY;
    d.session = on_machine(&m);
    d.session.max_rows = 32;
    tell(model, &d, &out);
    CHECK_EQ(out.status, LLM_END);
    return m.now;
}

/* Cancels at a time, and checks that little was done after it; the rest of the prompt, read then, gives the text. */
static void cancel_at(const llm_model *model, llm_generation_desc d, int64_t at, int64_t most, const told *plain) {
    static told rest;
    machine m;
    llm_generation *g = NULL;
    llm_cache *cache = NULL;
    llm_piece piece;
    size_t read;
    d.session = on_machine(&m);
    d.session.max_rows = 32;
    CHECK(llm_model_cache_open(&cache, model, NULL, NULL) == LLM_OK);
    d.use_cache = cache;
    CHECK(llm_generation_open(&g, model, &d, NULL) == LLM_OK);
    m.generation = g;
    m.cancel_at = at;
    CHECK(llm_generation_next(g, &piece, NULL) == LLM_OK);
    CHECK(piece.finish == LLM_FINISH_CANCELLED && piece.token == LLM_NO_TOKEN && piece.bytes == 0);
    CHECK(!m.cancel_at && m.now <= at + most);
    CHECK_EQ(llm_generation_next(g, &piece, NULL), LLM_END);
    llm_generation_close(g);
    read = (size_t)llm_cache_length(cache);
    CHECK(read < PROMPT);
    memset(&d.session, 0, sizeof d.session);
    d.ids += read;
    d.id_count -= read;
    tell(model, &d, &rest);
    CHECK(same_told(plain, &rest));
    llm_cache_close(cache);
}

static void cancelled_within_a_call(void) {
    static const int some[] = {PLAIN, SHORT_CALLS, LOOKUP, DRAFTS};
    static told plain;
    llm_model *model = stories_open();
    int i, k;
    for (i = 0; i < 4; i++) {
        llm_generation_desc d = way_desc(some[i], model, NULL);
        int64_t whole = prompt_time(model, d);
        tell(model, &d, &plain);
        for (k = 1; k < 20; k++) cancel_at(model, d, whole * k / 20, whole / 20, &plain);
    }
    llm_model_close(model);
}

/* ---- schedulers */

static llm_generation_desc row_desc(int i, const llm_model *model) {
    llm_generation_desc d = way_desc(i % 4, model, NULL);
    d.id_count = (size_t)(PROMPT - 60 * i);
    d.max_tokens = TEXT - i;
    return d;
}

/* Requests come by and by; opening their caches takes time, too. */
static void schedulers_end_in_time(void) {
    static const int64_t budgets[] = {1000, 3000, 6000};
    static told plain[ROWS], out[ROWS];
    machine m;
    llm_model_desc md = stories_desc();
    llm_scheduler_desc sd;
    llm_model *model = NULL;
    int i, k;
    memset(&sd, 0, sizeof sd);
    sd.session = on_machine(&m);
    md.allocator.user = &m;
    md.allocator.reallocate = machine_reallocate;
    CHECK(llm_model_open(&model, &md, NULL) == LLM_OK);
    sd.draft_model = model;
    for (i = 0; i < ROWS; i++) {
        llm_generation_desc d = row_desc(i, model);
        tell(model, &d, &plain[i]);
    }
    for (k = 0; k < 3; k++) {
        times t = {0, 0, 0, 0, 0};
        llm_scheduler *s = NULL;
        llm_status status = LLM_OK;
        int inserted = 0;
        memset(out, 0, sizeof out);
        CHECK(llm_scheduler_open(&s, model, &sd, NULL) == LLM_OK);
        m.read = m.now;
        m.longest = 0;
        t.budget = budgets[k];
        do {
            const llm_event *events;
            size_t count;
            int64_t before;
            if (inserted < ROWS && (inserted < 3 || t.steps > 20 * inserted)) {
                llm_generation_desc d = row_desc(inserted++, model);
                CHECK(llm_scheduler_insert(s, &d, NULL, NULL) == LLM_OK);
                m.read = m.now;
            }
            before = m.now;
            status = llm_scheduler_step(s, t.budget, &events, &count, NULL);
            time_step(&t, m.now - before, status);
            hear(events, count, 1, out, ROWS);
        } while (status == LLM_OK || status == LLM_PENDING);
        CHECK_EQ(status, LLM_END);
        for (i = 0; i < ROWS; i++) CHECK(same_told(&plain[i], &out[i]));
        check_times("scheduler", &t, &m, 2000); /* drafts of several rows are one layer's, too */
        CHECK(t.pending > 1);
        llm_scheduler_close(s);
    }
    llm_model_close(model);
}

/* A request that is taken out in the middle of a pass over its prompt leaves the others as they were. */
static void removed_within_a_pass(void) {
    static told plain[ROWS], out[ROWS];
    llm_model *model = stories_open();
    int i, after;
    for (i = 0; i < ROWS; i++) {
        llm_generation_desc d = row_desc(i, model);
        tell(model, &d, &plain[i]);
    }
    for (after = 0; after < 60; after += 7) {
        llm_scheduler_desc sd;
        llm_scheduler *s = NULL;
        llm_cache *cache = NULL;
        llm_status status = LLM_OK;
        const llm_event *events;
        size_t count;
        int steps;
        memset(&sd, 0, sizeof sd);
        memset(out, 0, sizeof out);
        sd.draft_model = model;
        CHECK(llm_scheduler_open(&s, model, &sd, NULL) == LLM_OK);
        for (i = 0; i < ROWS; i++) {
            llm_generation_desc d = row_desc(i, model);
            CHECK(llm_scheduler_insert(s, &d, NULL, NULL) == LLM_OK);
        }
        for (steps = 0; status == LLM_OK || status == LLM_PENDING; steps++) {
            if (steps == after) CHECK(llm_scheduler_remove(s, 1, &cache, NULL) == LLM_OK);
            status = llm_scheduler_step(s, steps <= after ? 0 : -1, &events, &count, NULL);
            hear(events, count, 1, out, ROWS);
        }
        CHECK_EQ(status, LLM_END);
        CHECK(!out[0].count && (!cache || llm_cache_length(cache) < PROMPT));
        for (i = 1; i < ROWS; i++) CHECK(same_told(&plain[i], &out[i]));
        llm_cache_close(cache);
        llm_scheduler_close(s);
    }
    llm_model_close(model);
}

int main(void) {
    int i;
    stories_read();
    for (i = 0; i < PROMPT; i++) prompt[i] = 260 + i * i % 97 + i % 60;
    TEST(generations_end_in_time);
    TEST(no_budget_no_clock);
    TEST(cancelled_within_a_call);
    TEST(schedulers_end_in_time);
    TEST(removed_within_a_pass);
    stories_free();
    return test_summary("test_budget");
}
