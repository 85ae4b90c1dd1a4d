/* test_engine - properties of the whole: golden texts whatever the calls, threads and batches; budgets and cancelling;
   no allocation while writing; hooks; sampling.

       build/test_engine [--greedy FOLDER]     FOLDER: writes the golden texts there, for tests/examples.sh */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "stories.h"
#include "test.h"

static llm_model *stories;

/* ---- greedy.json */

typedef struct greedy {
    const char *prompt, *text;
    size_t prompt_bytes, text_bytes;
    int32_t ids[1024];
    size_t count;
} greedy;

enum { MAX_GREEDY = 16 };
static greedy goldens[MAX_GREEDY];
static size_t golden_count;
static llm__arena golden_arena;

static void read_greedy(void) {
    const llm__json *root = NULL, *entry;
    llm_error error;
    size_t bytes;
    uint32_t i;
    char *text = (char *)read_file(STORIES "/greedy.json", &bytes);
    golden_arena.allocator = llm__allocator_or_default(golden_arena.allocator);
    if (llm__json_parse(&golden_arena, "greedy.json", text, bytes, &root, &error)) {
        printf("%s\n", error.message);
        exit(2);
    }
    free(text);
    for (i = 0; i < root->length && golden_count < MAX_GREEDY; i++) {
        greedy *g = &goldens[golden_count++];
        const llm__json *ids;
        double id;
        entry = llm__json_at(root, i);
        ids = llm__json_get(entry, "ids");
        g->prompt = llm__json_get(entry, "prompt")->as.text;
        g->prompt_bytes = llm__json_get(entry, "prompt")->length;
        g->text = llm__json_get(entry, "text")->as.text;
        g->text_bytes = llm__json_get(entry, "text")->length;
        while (g->count < ids->length && llm__json_float(llm__json_at(ids, (uint32_t)g->count), &id))
            g->ids[g->count++] = (int32_t)id;
    }
}

static int matches(const told *t, const greedy *g) {
    return t->status == LLM_END && t->count == g->count && !memcmp(t->ids, g->ids, g->count * sizeof *g->ids) &&
           t->bytes == g->text_bytes && !memcmp(t->text, g->text, g->text_bytes);
}

static llm_generation_desc golden_desc(const greedy *g) { return prompt_desc(g->prompt, (int64_t)g->count); }

static int write_part(const char *folder, size_t i, const char *part, const char *text, size_t bytes) {
    char name[40];
    snprintf(name, sizeof name, "%d-%s", (int)i, part);
    return write_file(folder, name, "", 0, text, bytes);
}

static int write_greedy(const char *folder) {
    size_t i;
    char count[20];
    for (i = 0; i < golden_count; i++) {
        const greedy *g = &goldens[i];
        snprintf(count, sizeof count, "%d", (int)g->count);
        if (!write_part(folder, i, "prompt", g->prompt, g->prompt_bytes) ||
            !write_part(folder, i, "text", g->text, g->text_bytes) ||
            !write_part(folder, i, "count", count, strlen(count)))
            return 1;
    }
    return 0;
}

/* ---- the same text whatever happens around it */

static void golden_texts(void) {
    static told t;
    size_t i, k;
    static const int steps[] = {0, 1, 3, 7};
    for (i = 0; i < golden_count; i++)
        for (k = 0; k < 4; k++) {
            llm_generation_desc desc = golden_desc(&goldens[i]);
            desc.prefill_step = steps[k];
            desc.session.threads = k % 2 ? 2 : 1;
            tell(stories, &desc, &t);
            CHECK(matches(&t, &goldens[i]));
            CHECK(t.finish == LLM_FINISH_LENGTH);
            desc.session.exact = 1;
            desc.session.max_rows = steps[k];
            tell(stories, &desc, &t);
            CHECK(matches(&t, &goldens[i]));
        }
}

static void golden_prompt_as_ids(void) {
    static told t;
    int32_t ids[64];
    size_t count = 0;
    llm_error error;
    llm_generation_desc desc = golden_desc(&goldens[0]);
    CHECK(llm_encode(stories, desc.prompt, strlen(desc.prompt), 1, ids, 64, &count, &error) == LLM_OK);
    desc.prompt = NULL;
    desc.ids = ids;
    desc.id_count = count;
    tell(stories, &desc, &t);
    CHECK(matches(&t, &goldens[0]));
}

/* A job system of three workers that runs the jobs backwards. */
static void run_backwards(void *user, int count, llm_job_fn fn, void *argument) {
    int i;
    (*(int *)user)++;
    for (i = count - 1; i >= 0; i--) fn(argument, i, i % 3);
}

static void job_hook(void) {
    static told t;
    int calls = 0;
    llm_generation_desc desc = golden_desc(&goldens[1]);
    desc.session.jobs.user = &calls;
    desc.session.jobs.width = 3;
    desc.session.jobs.run = run_backwards;
    tell(stories, &desc, &t);
    CHECK(matches(&t, &goldens[1]));
    CHECK(calls > 0);
}

static void every_isa(void) {
    static told t;
    size_t n;
    const char *name;
    for (n = 0; (name = llm_isa(n)) != NULL; n++) {
        llm_model_desc md = stories_desc();
        llm_generation_desc desc = golden_desc(&goldens[0]);
        llm_model *model = NULL;
        md.isa = name;
        CHECK(llm_model_open(&model, &md, NULL) == LLM_OK);
        if (!model) continue;
        CHECK(!strcmp(llm_model_get_info(model).isa, name));
        tell(model, &desc, &t);
        CHECK(matches(&t, &goldens[0]));
        llm_model_close(model);
    }
    CHECK(n > 0 && !strcmp(llm_isa(0), "scalar"));
}

static void from_disk(void) {
    static told t;
    int no_map;
    for (no_map = 0; no_map < 2; no_map++) {
        llm_model_desc md;
        llm_generation_desc desc = golden_desc(&goldens[2]);
        llm_model *model = NULL;
        llm_error error;
        memset(&md, 0, sizeof md);
        md.path = STORIES;
        md.no_map = no_map;
        CHECK(llm_model_open(&model, &md, &error) == LLM_OK);
        if (!model) continue;
        tell(model, &desc, &t);
        CHECK(matches(&t, &goldens[2]));
        llm_model_close(model);
    }
}

#ifndef LLM_NO_THREADS
typedef struct teller {
    pthread_t thread;
    const greedy *golden;
    told result;
} teller;

static void *tell_in_thread(void *argument) {
    teller *t = (teller *)argument;
    llm_generation_desc desc = golden_desc(t->golden);
    desc.session.threads = 2;
    tell(stories, &desc, &t->result);
    return NULL;
}

static void one_model_many_threads(void) {
    static teller tellers[4];
    int i;
    for (i = 0; i < 4; i++) {
        tellers[i].golden = &goldens[(size_t)i % golden_count];
        CHECK(!pthread_create(&tellers[i].thread, NULL, tell_in_thread, &tellers[i]));
    }
    for (i = 0; i < 4; i++) {
        pthread_join(tellers[i].thread, NULL);
        CHECK(matches(&tellers[i].result, tellers[i].golden));
    }
}

/* ---- helpers that stay on their cores */

enum { MOST_PINNED = 8 };

/* Each worker takes one job, and waits in it for the others: where it is, and where it may be. */
typedef struct places {
    llm__atomic here;
    int workers, cores[MOST_PINNED], counts[MOST_PINNED], only[MOST_PINNED], late;
} places;

/* -1: not known. */
static int core_at_work(void) {
#ifdef __linux__
    unsigned core;
    return syscall(SYS_getcpu, &core, NULL, NULL) ? -1 : (int)core;
#else
    return -1;
#endif
}

static void note_place(void *argument, int job, int worker) {
    places *p = (places *)argument;
    int allowed[LLM__MAX_THREADS];
    const int64_t start = llm_system_clock().now_us(NULL);
    (void)job;
    p->counts[worker] = llm__allowed_cores(allowed);
    p->only[worker] = allowed[0];
    p->cores[worker] = core_at_work();
    llm__atomic_add(&p->here, 1);
    while (llm__atomic_get(&p->here) < p->workers && !p->late)
        if (llm_system_clock().now_us(NULL) - start > 60000000) p->late = 1;
}

static void look_where(llm_session *session, int workers, places *p) {
    memset(p, 0, sizeof *p);
    p->workers = workers;
    llm__run_jobs(&session->jobs, workers, note_place, p);
    CHECK(!p->late);
}

static llm_session *session_of(int threads, int pin) {
    llm_session *session = NULL;
    llm_session_desc desc;
    memset(&desc, 0, sizeof desc);
    desc.threads = threads;
    desc.pin_threads = pin;
    CHECK(llm_session_open(&session, stories, &desc, NULL) == LLM_OK);
    return session;
}

/* As many threads as there are cores, up to MOST_PINNED. */
static void helpers_have_their_cores(const int *cores, int count) {
    const int threads = count < MOST_PINNED ? count : (int)MOST_PINNED;
    llm_session *session = session_of(threads, 1), *free_session = session_of(threads, 0);
    places p;
    int i;
    CHECK_EQ(llm_session_pinned(session), threads - 1);
    look_where(session, threads, &p);
    for (i = 1; i < threads; i++) CHECK(p.counts[i] == 1 && p.only[i] == cores[i] && p.cores[i] == cores[i]);
    CHECK_EQ(p.counts[0], count);
    CHECK_EQ(llm_session_pinned(free_session), 0);
    look_where(free_session, threads, &p);
    for (i = 0; i < threads; i++) CHECK_EQ(p.counts[i], count);
    llm_session_close(free_session);
    llm_session_close(session);
}

/* A thread that may run on one core only: what it asks for goes by that. */
static void *open_on_one_core(void *argument) {
    const int core = *(const int *)argument;
    llm_session *session;
    CHECK(llm__stay_on(core));
    session = session_of(2, 1);
    CHECK_EQ(llm_session_pinned(session), 0);
    llm_session_close(session);
    session = session_of(LLM_ALL_CORES, 1);
    CHECK_EQ(session->workers, 1);
    CHECK_EQ(llm_session_pinned(session), 0);
    llm_session_close(session);
    return NULL;
}

static void pinned_threads(void) {
    static told t;
    int cores[LLM__MAX_THREADS];
    const int count = llm__allowed_cores(cores);
    llm_generation_desc desc = golden_desc(&goldens[0]);
    llm_session *session;
    pthread_t thread;
    CHECK_EQ(llm_session_pinned(NULL), 0);
    if (count < 2) printf("pinned threads: this machine has one core, or does not tell; nobody was\n");
    else helpers_have_their_cores(cores, count);
    if (count) {
        CHECK(!pthread_create(&thread, NULL, open_on_one_core, cores));
        pthread_join(thread, NULL);
    }
    session = session_of(count < MOST_PINNED ? count + 1 : 1, 1); /* more threads than cores, or one */
    CHECK_EQ(llm_session_pinned(session), 0);
    llm_session_close(session);
    session = session_of(count < 2 || count > MOST_PINNED ? 2 : count, 1);
    desc.use_session = session;
    tell(stories, &desc, &t);
    CHECK(matches(&t, &goldens[0]));
    llm_session_close(session);
}
#endif

/* ---- budgets and cancelling */

static void stepping(void) {
    static const int64_t budgets[] = {0, 1, 20, 200};
    static told t;
    size_t k;
    for (k = 0; k < 4; k++) {
        llm_generation_desc desc = golden_desc(&goldens[3]);
        llm_generation *generation = NULL;
        llm_piece piece;
        int pending = 0;
        memset(&t, 0, sizeof t);
        desc.prefill_step = (int)k;
        CHECK(llm_generation_open(&generation, stories, &desc, NULL) == LLM_OK);
        for (;;) {
            t.status = llm_generation_step(generation, budgets[k], &piece, &t.error);
            if (t.status == LLM_PENDING) pending++;
            else if (t.status == LLM_OK) told_piece(&t, &piece);
            else break;
        }
        llm_generation_close(generation);
        CHECK(matches(&t, &goldens[3]));
        if (k < 2) CHECK((size_t)pending >= t.count);
    }
}

/* A clock by which each layer takes 300 us, and every 20th 700. */
static int64_t slow_clock(void *user) {
    int64_t *now = (int64_t *)user;
    *now += *now % 6300 == 5400 ? 700 : 300;
    return *now;
}

/* A step ends where another layer would exceed its budget. */
static void steps_end_in_time(void) {
    static float logits[512];
    static const int32_t prompt[] = {1, 403, 407, 261};
    static const int64_t budgets[] = {100, 900, 2000};
    size_t k;
    for (k = 0; k < 3; k++) {
        int64_t now = 0, before, longest = 0;
        llm_session_desc sd;
        reading r;
        llm_status status = LLM_PENDING;
        int round, steps = 0;
        memset(&sd, 0, sizeof sd);
        sd.clock.now_us = slow_clock;
        sd.clock.user = &now;
        CHECK(reading_open(&r, stories, &sd, NULL));
        r.sequence.tokens = prompt;
        r.sequence.count = 4;
        r.sequence.want = LLM_LOGITS_LAST;
        r.sequence.logits = logits;
        for (round = 0; round < 20; round++) {
            CHECK(llm_forward_begin(r.session, &r.sequence, 1, NULL) == LLM_OK);
            do {
                before = now;
                status = llm_forward_advance(r.session, budgets[k], NULL);
                if (now - before > longest) longest = now - before;
                steps++;
            } while (status == LLM_PENDING);
            CHECK_EQ(status, LLM_OK);
        }
        CHECK(longest <= (k ? budgets[k] + 300 : 1000)); /* the clock's first reading is not the step's */
        CHECK(steps > 20 * (k == 2 ? 1 : 3));
        reading_close(&r);
    }
}

/* Cancels after `pieces` pieces and `pending` more steps that are not done; gives how it ended. */
static llm_finish cancelled_after(int pieces, int pending, size_t *count) {
    llm_generation_desc desc = golden_desc(&goldens[0]);
    llm_generation *generation = NULL;
    llm_piece piece;
    llm_status status;
    llm_finish finish = LLM_RUNNING;
    CHECK(llm_generation_open(&generation, stories, &desc, NULL) == LLM_OK);
    *count = 0;
    while (pieces-- > 0 && llm_generation_next(generation, &piece, NULL) == LLM_OK) ++*count;
    while (pending-- > 0 && llm_generation_step(generation, 0, &piece, NULL) == LLM_PENDING) continue;
    llm_generation_cancel(generation);
    CHECK(llm_generation_next(generation, &piece, NULL) == LLM_OK);
    finish = piece.finish;
    CHECK(llm_generation_get_stats(generation).finish == finish);
    status = llm_generation_next(generation, &piece, NULL);
    CHECK(status == LLM_END);
    llm_generation_close(generation);
    return finish;
}

static void cancelling(void) {
    size_t count;
    CHECK(cancelled_after(0, 0, &count) == LLM_FINISH_CANCELLED);
    CHECK(cancelled_after(0, 1, &count) == LLM_FINISH_CANCELLED);
    CHECK(cancelled_after(5, 0, &count) == LLM_FINISH_CANCELLED && count == 5);
    CHECK(cancelled_after(5, 1, &count) == LLM_FINISH_CANCELLED && count == 5);
}

#ifndef LLM_NO_THREADS
static void *cancel_soon(void *argument) {
    const struct timespec wait = {0, 20000000};
    nanosleep(&wait, NULL);
    llm_generation_cancel((llm_generation *)argument);
    return NULL;
}

static void cancelling_from_a_thread(void) {
    llm_generation_desc desc = prompt_desc("Once upon a time", 100000);
    llm_generation *generation = NULL;
    llm_finish finish = LLM_RUNNING;
    llm_piece piece;
    pthread_t thread;
    desc.ignore_end = 1;
    CHECK(llm_generation_open(&generation, stories, &desc, NULL) == LLM_OK);
    CHECK(!pthread_create(&thread, NULL, cancel_soon, generation));
    while (llm_generation_next(generation, &piece, NULL) == LLM_OK) finish = piece.finish;
    CHECK(finish == LLM_FINISH_CANCELLED);
    pthread_join(thread, NULL);
    llm_generation_close(generation);
}
#endif

/* ---- prompts and ends */

static void reads_the_prompt_only(void) {
    static told t;
    llm_generation_desc desc = prompt_desc("Once upon a time", LLM_PROMPT_ONLY);
    tell(stories, &desc, &t);
    CHECK(t.status == LLM_END && t.count == 0 && t.bytes == 0);
}

static void empty_prompt(void) {
    static told t;
    llm_generation_desc desc = prompt_desc("", 5);
    tell(stories, &desc, &t); /* this tokenizer adds a begin token */
    CHECK(t.status == LLM_END && t.count == 5);
    desc.no_special = 1;
    tell(stories, &desc, &t);
    CHECK(t.status == LLM_BAD_ARGUMENT && t.error.message[0]);
}

static void figures(void) {
    llm_generation_desc desc = golden_desc(&goldens[0]);
    llm_generation *generation = NULL;
    llm_generation_stats stats;
    llm_piece piece;
    CHECK(llm_generation_open(&generation, stories, &desc, NULL) == LLM_OK);
    while (llm_generation_next(generation, &piece, NULL) == LLM_OK) continue;
    stats = llm_generation_get_stats(generation);
    CHECK(stats.prompt_tokens == 5);
    CHECK(stats.generated_tokens == goldens[0].count);
    CHECK(stats.finish == LLM_FINISH_LENGTH);
    CHECK(stats.prompt_per_second > 0 && stats.generated_per_second > 0);
    CHECK(stats.memory_bytes > 0);
    llm_generation_close(generation);
}

/* A generation that goes on from another's cache writes what one long generation writes. */
static void continuing(void) {
    static told first, rest;
    const greedy *g = &goldens[0];
    llm_generation_desc desc = golden_desc(g);
    llm_model_cache_desc cd;
    llm_cache *cache = NULL, *fork = NULL;
    int round;
    memset(&cd, 0, sizeof cd);
    CHECK(llm_model_cache_open(&cache, stories, &cd, NULL) == LLM_OK);
    desc.use_cache = cache;
    desc.max_tokens = 40;
    tell(stories, &desc, &first);
    CHECK(first.count == 40 && !memcmp(first.ids, g->ids, 40 * sizeof *g->ids));
    /* The last token was given, not read: the cache ends before it. */
    CHECK(llm_cache_length(cache) == 5 + 39);
    CHECK(llm_cache_fork(&fork, cache, NULL) == LLM_OK);
    for (round = 0; round < 2; round++) {
        memset(&desc, 0, sizeof desc);
        desc.ids = g->ids + 39;
        desc.id_count = 1;
        desc.no_special = 1;
        desc.max_tokens = 60;
        desc.use_cache = round ? cache : fork;
        tell(stories, &desc, &rest);
        CHECK(rest.count == 60 && !memcmp(rest.ids, g->ids + 40, 60 * sizeof *g->ids));
    }
    llm_cache_close(fork);
    llm_cache_close(cache);
}

/* ---- the forward pass in steps */

static void stepped_forward(void) {
    enum { TOKENS = 5, VOCABULARY = 512 };
    static float whole[TOKENS * VOCABULARY], stepped[TOKENS * VOCABULARY];
    static const int32_t ids[TOKENS] = {1, 403, 407, 261, 378};
    reading r;
    llm_status status;
    int pending = 0;
    CHECK(reading_open(&r, stories, NULL, NULL));
    r.sequence.tokens = ids;
    r.sequence.count = TOKENS;
    r.sequence.want = LLM_LOGITS_ALL;
    r.sequence.logits = whole;
    CHECK(llm_forward(r.session, &r.sequence, 1, NULL) == LLM_OK);
    CHECK(llm_cache_length(r.cache) == TOKENS);
    llm_cache_clear(r.cache);
    r.sequence.logits = stepped;
    CHECK(llm_forward_begin(r.session, &r.sequence, 1, NULL) == LLM_OK);
    CHECK(llm_forward_advance(r.session, 0, NULL) == LLM_PENDING);
    llm_forward_abandon(r.session);
    CHECK(llm_cache_length(r.cache) == 0);
    CHECK(llm_forward_begin(r.session, &r.sequence, 1, NULL) == LLM_OK);
    while ((status = llm_forward_advance(r.session, 0, NULL)) == LLM_PENDING) pending++;
    CHECK(status == LLM_OK && pending >= 4); /* five layers, one at a time */
    CHECK(!memcmp(whole, stepped, sizeof whole));
    CHECK(llm_session_bytes(r.session) > 0);
    reading_close(&r);
}

/* Behind more tokens than a segment has, workers share what one row looks at: the logits are those of one worker, and
   of the prompt, whoever else writes. */
static void behind_many_tokens(void) {
    enum { LONG = 1700, SHORT = 700, VOCABULARY = 512 };
    static float logits[5][VOCABULARY];
    static int32_t ids[LONG + 1];
    llm_session_desc desc;
    llm_session *shared = NULL;
    llm_cache *forks[2] = {NULL, NULL};
    llm_sequence both[2];
    reading r;
    int calls = 0, i;
    for (i = 0; i <= LONG; i++) ids[i] = 3 + i * 7919 % 500;
    memset(&desc, 0, sizeof desc);
    memset(both, 0, sizeof both);
    desc.jobs.user = &calls;
    desc.jobs.width = 3;
    desc.jobs.run = run_backwards;
    CHECK(llm_session_open(&shared, stories, &desc, NULL) == LLM_OK);
    CHECK(reading_open(&r, stories, NULL, NULL));
    r.sequence.tokens = ids;
    r.sequence.want = LLM_LOGITS_LAST;
    for (i = 0; i < 2; i++) { /* the short one, then, behind it, the long one */
        const int32_t length = i ? LONG : SHORT;
        r.sequence.logits = logits[i];
        r.sequence.tokens = ids + (i ? SHORT : 0);
        r.sequence.count = (size_t)(i ? LONG - SHORT : SHORT);
        CHECK(llm_forward(r.session, &r.sequence, 1, NULL) == LLM_OK);
        CHECK(llm_cache_fork(&forks[i], r.cache, NULL) == LLM_OK);
        r.sequence.tokens = ids + length;
        r.sequence.count = 1;
        CHECK(llm_forward(r.session, &r.sequence, 1, NULL) == LLM_OK);
        CHECK(llm_cache_trim(r.cache, 1, NULL, NULL) == LLM_OK);
        both[i] = r.sequence;
        both[i].cache = forks[i];
        both[i].logits = logits[2 + i];
    }
    CHECK(llm_forward(shared, both, 2, NULL) == LLM_OK);
    CHECK(!memcmp(logits[0], logits[2], 2 * sizeof logits[0]));
    CHECK(llm_cache_trim(forks[1], 1, NULL, NULL) == LLM_OK);
    CHECK(llm_forward(shared, &both[1], 1, NULL) == LLM_OK);
    CHECK(!memcmp(logits[1], logits[3], sizeof logits[0]));
    llm_cache_clear(r.cache);
    r.sequence.tokens = ids;
    r.sequence.count = LONG + 1;
    r.sequence.logits = logits[4];
    CHECK(llm_forward(r.session, &r.sequence, 1, NULL) == LLM_OK);
    CHECK(!memcmp(logits[1], logits[4], sizeof logits[0]));
    for (i = 0; i < 2; i++) llm_cache_close(forks[i]);
    llm_session_close(shared);
    reading_close(&r);
}

/* ---- memory */

/* Runs a whole life, the call number `refuse` refused; 1: it went through. */
static int whole_life(tally *t, int refuse, int threads) {
    llm_model_desc md = stories_desc();
    llm_generation_desc desc = prompt_desc("Once upon a time", 3);
    llm_model *model = NULL;
    static told result;
    llm_error error;
    md.allocator = tally_start(t);
    t->refuse = refuse;
    desc.session.threads = threads;
    result.status = llm_model_open(&model, &md, &error);
    if (result.status) {
        CHECK(model == NULL);
        CHECK(result.status == LLM_OUT_OF_MEMORY && error.message[0]);
    } else {
        tell(model, &desc, &result);
        CHECK(result.status == LLM_END || (result.status == LLM_OUT_OF_MEMORY && result.error.message[0]));
        llm_model_close(model);
    }
    CHECK(t->live == 0);
    return result.status == LLM_END;
}

static void every_allocation_refused(void) {
    tally t;
    int threads, refuse, calls;
    for (threads = 1; threads <= 2; threads++) {
        CHECK(whole_life(&t, 0, threads));
        calls = t.calls;
        CHECK(calls > 0);
        /* All of the first hundred and, where there are thousands, ever fewer of the later ones. */
        for (refuse = 1; refuse <= calls; refuse += 1 + refuse / 100) CHECK(!whole_life(&t, refuse, threads));
    }
    CHECK(still_works());
}

static void writing_allocates_nothing(void) {
    tally t;
    llm_model_desc md = stories_desc();
    int threads;
    for (threads = 1; threads <= 2; threads++) {
        llm_generation_desc desc = prompt_desc("Once upon a time", 300);
        llm_generation *generation = NULL;
        llm_model *model = NULL;
        llm_piece piece;
        int before;
        md.allocator = tally_start(&t);
        desc.session.threads = threads;
        desc.sampling.temperature = 0.7f;
        desc.sampling.top_p = 0.9f;
        desc.ignore_end = 1;
        CHECK(llm_model_open(&model, &md, NULL) == LLM_OK);
        CHECK(llm_generation_open(&generation, model, &desc, NULL) == LLM_OK);
        CHECK(llm_generation_next(generation, &piece, NULL) == LLM_OK);
        before = t.calls;
        while (llm_generation_next(generation, &piece, NULL) == LLM_OK) continue;
        CHECK(t.calls == before);
        CHECK(llm_generation_get_stats(generation).generated_tokens == 300);
        llm_generation_close(generation);
        llm_model_close(model);
        CHECK(t.live == 0);
    }
}

/* ---- files through a hook: opened and closed in pairs, also when a read fails */

typedef struct disk {
    int open, opened, reads, fail_at;
} disk;

static int disk_open(void *user, const char *path, void **handle, uint64_t *bytes) {
    disk *d = (disk *)user;
    const char *name = strrchr(path, '/');
    int i;
    name = name ? name + 1 : path;
    for (i = 0; i < FILES; i++)
        if (!strcmp(name, stories_files[i].name)) {
            *handle = &stories_files[i];
            *bytes = stories_files[i].bytes;
            d->open++;
            d->opened++;
            return 0;
        }
    return 1;
}

static int disk_read(void *user, void *handle, uint64_t offset, void *into, size_t bytes) {
    disk *d = (disk *)user;
    const llm_memory_file *file = (const llm_memory_file *)handle;
    if (++d->reads == d->fail_at || offset > file->bytes || bytes > file->bytes - offset) return 1;
    memcpy(into, (const char *)file->data + offset, bytes);
    return 0;
}

static void disk_close(void *user, void *handle) {
    (void)handle;
    ((disk *)user)->open--;
}

static int open_from_disk(disk *d, int fail_at, llm_model **model, llm_error *error) {
    llm_model_desc md;
    memset(&md, 0, sizeof md);
    memset(d, 0, sizeof *d);
    d->fail_at = fail_at;
    md.path = "somewhere";
    md.files.user = d;
    md.files.open = disk_open;
    md.files.read = disk_read;
    md.files.close = disk_close;
    return (int)llm_model_open(model, &md, error);
}

static void file_hook(void) {
    static told t;
    disk d;
    llm_model *model = NULL;
    llm_error error;
    llm_generation_desc desc = golden_desc(&goldens[0]);
    int fail_at, reads;
    CHECK(open_from_disk(&d, 0, &model, &error) == LLM_OK);
    if (!model) return;
    tell(model, &desc, &t);
    CHECK(matches(&t, &goldens[0]));
    llm_model_close(model);
    CHECK(d.open == 0 && d.opened >= FILES);
    reads = d.reads;
    CHECK(reads > 0);
    for (fail_at = 1; fail_at <= reads; fail_at++) {
        CHECK(open_from_disk(&d, fail_at, &model, &error) != LLM_OK);
        CHECK(!model && error.message[0] && d.open == 0);
    }
}

/* ---- sampling */

static void sampling_seeds(void) {
    static told a, b;
    llm_generation_desc desc = prompt_desc("Once upon a time", 60);
    desc.sampling.temperature = 1;
    desc.sampling.seed = 7;
    tell(stories, &desc, &a);
    desc.session.threads = 2;
    desc.prefill_step = 2;
    tell(stories, &desc, &b);
    CHECK(same_told(&a, &b));
    desc.sampling.seed = 8;
    tell(stories, &desc, &b);
    CHECK(!same_told(&a, &b));
    desc.sampling.top_k = 1;
    tell(stories, &desc, &b);
    CHECK(b.count == 60 && !memcmp(b.ids, goldens[0].ids, 60 * sizeof *b.ids));
}

static void sampling_one_token(void) {
    float logits[4] = {0, 2, NAN, 1}, scratch[16], logprob = 0;
    llm_sampling s;
    int i, seen[4] = {0, 0, 0, 0};
    memset(&s, 0, sizeof s);
    CHECK(sizeof scratch >= llm_sample_scratch(4));
    CHECK(llm_sample(&s, logits, 4, 0, scratch, &logprob) == 1);
    CHECK(fabs(logprob - (2 - log(1 + exp(2) + exp(1)))) < 1e-5);
    s.temperature = 1;
    for (i = 0; i < 4000; i++) seen[llm_sample(&s, logits, 4, i, scratch, NULL) & 3]++;
    CHECK(seen[2] == 0);
    CHECK(abs(seen[0] - 360) < 80 && abs(seen[1] - 2661) < 150 && abs(seen[3] - 979) < 120);
    s.min_p = 0.3f; /* e^-2 is below, e^-1 above */
    for (i = 0; i < 500; i++) CHECK(llm_sample(&s, logits, 4, i, scratch, NULL) != 0);
    for (i = 0; i < 4; i++) logits[i] = NAN;
    CHECK(llm_sample(&s, logits, 4, 0, scratch, NULL) == 0);
}

/* ---- facts */

static void facts(void) {
    llm_model_info info = llm_model_get_info(stories);
    size_t n;
    int found = 0;
    const char *name;
    CHECK(!strcmp(info.model_type, "llama") && info.layers == 5 && info.hidden == 64 && info.vocabulary == 512);
    CHECK(info.context == 512 && info.parameters > 200000 && info.weight_bytes > 800000);
    CHECK(llm_token_id(stories, "</s>") == 2 && llm_token_is_end(stories, 2) && !llm_token_is_end(stories, 1));
    CHECK(llm_token_id(stories, "no such token") == LLM_NO_TOKEN);
    for (n = 0; (name = llm_architecture(n)) != NULL; n++) found |= !strcmp(name, "llama");
    CHECK(found);
}

/* ---- where end tokens come from */

/* Whether id 2, "</s>", ends generation when config.json does not say so, and these files lie in the folder. */
static int ends_by(const char *tokenizer_config, const char *special_tokens_map) {
    llm_memory_file files[FILES + 1];
    llm_model_desc md = stories_desc();
    llm_model *model = NULL;
    char *config = (char *)malloc(stories_files[CONFIG].bytes + 1), *at;
    int ends;
    if (!config) exit(2);
    memcpy(config, stories_files[CONFIG].data, stories_files[CONFIG].bytes + 1);
    if ((at = strstr(config, "eos_token_id")) != NULL) *at = 'x';
    memcpy(files, stories_files, sizeof stories_files);
    files[CONFIG].data = config;
    files[TOKENIZER_CONFIG].data = tokenizer_config;
    files[TOKENIZER_CONFIG].bytes = strlen(tokenizer_config);
    files[FILES].name = "special_tokens_map.json";
    files[FILES].data = special_tokens_map;
    files[FILES].bytes = strlen(special_tokens_map);
    md.memory = files;
    md.memory_count = FILES + 1;
    CHECK(llm_model_open(&model, &md, NULL) == LLM_OK);
    ends = llm_token_is_end(model, 2);
    llm_model_close(model);
    free(config);
    return ends;
}

static void end_tokens(void) {
    CHECK(!ends_by("{}", "{}"));
    CHECK(ends_by("{\"eos_token\": \"</s>\"}", "{}"));
    CHECK(ends_by("{\"eos_token\": {\"content\": \"</s>\"}}", "{}"));
    CHECK(ends_by("{}", "{\"eos_token\": \"</s>\"}"));
    CHECK(ends_by("{\"eos_token\": null}", "{\"eos_token\": {\"content\": \"</s>\"}}"));
    CHECK(!ends_by("{\"eos_token\": \"<s>\"}", "{\"eos_token\": \"</s>\"}"));
}

/* Two generations on one session: while a step of one is unfinished the other is told so, and neither is harmed. */
static void a_shared_session(void) {
    llm_generation_desc desc = prompt_desc("Once upon a time", 8);
    llm_generation *one = NULL, *two = NULL;
    llm_session *session = NULL;
    llm_piece piece;
    llm_error error;
    told alone, shared;
    llm_status status;
    tell(stories, &desc, &alone);
    CHECK(llm_session_open(&session, stories, NULL, NULL) == LLM_OK);
    desc.use_session = session;
    CHECK(llm_generation_open(&one, stories, &desc, NULL) == LLM_OK);
    CHECK(llm_generation_open(&two, stories, &desc, NULL) == LLM_OK);
    CHECK(llm_generation_step(one, 0, &piece, NULL) == LLM_PENDING);
    CHECK(llm_generation_step(two, 0, &piece, &error) == LLM_BAD_ARGUMENT && strstr(error.message, "another call"));
    memset(&shared, 0, sizeof shared);
    while ((status = llm_generation_next(one, &piece, &shared.error)) == LLM_OK) told_piece(&shared, &piece);
    shared.status = status;
    CHECK(same_told(&alone, &shared));
    memset(&shared, 0, sizeof shared);
    while ((status = llm_generation_next(two, &piece, &shared.error)) == LLM_OK) told_piece(&shared, &piece);
    shared.status = status;
    CHECK(same_told(&alone, &shared));
    llm_generation_close(one);
    llm_generation_close(two);
    llm_session_close(session);
}

static void tokens(void) {
    static const char text[] = "Once upon a time";
    int32_t ids[16];
    char out[64];
    size_t count = 0, bytes = 0;
    CHECK(llm_encode(stories, text, strlen(text), 1, NULL, 0, &count, NULL) == LLM_OK && count == 5);
    CHECK(llm_encode(stories, text, strlen(text), 1, ids, 16, &count, NULL) == LLM_OK && count == 5 && ids[0] == 1);
    CHECK(llm_decode(stories, ids, count, 1, out, sizeof out, &bytes, NULL) == LLM_OK);
    CHECK(bytes == strlen(text) && !strcmp(out, text));
    CHECK(llm_decode(stories, ids, count, 1, out, 4, &bytes, NULL) == LLM_TOO_LARGE && bytes == strlen(text));
    CHECK(llm_decode(stories, ids, count, 1, NULL, 0, &bytes, NULL) == LLM_OK && bytes == strlen(text));
}

int main(int count, char **arguments) {
    int code;
    read_greedy();
    if (count == 3 && !strcmp(arguments[1], "--greedy")) return write_greedy(arguments[2]);
    stories_read();
    stories = stories_open();
    TEST(facts);
    TEST(tokens);
    TEST(end_tokens);
    TEST(a_shared_session);
    TEST(golden_texts);
    TEST(golden_prompt_as_ids);
    TEST(job_hook);
    TEST(every_isa);
    TEST(from_disk);
    TEST(stepping);
    TEST(steps_end_in_time);
    TEST(cancelling);
#ifndef LLM_NO_THREADS
    TEST(one_model_many_threads);
    TEST(pinned_threads);
    TEST(cancelling_from_a_thread);
#endif
    TEST(reads_the_prompt_only);
    TEST(empty_prompt);
    TEST(figures);
    TEST(continuing);
    TEST(stepped_forward);
    TEST(behind_many_tokens);
    TEST(every_allocation_refused);
    TEST(writing_allocates_nothing);
    TEST(file_hook);
    TEST(sampling_seeds);
    TEST(sampling_one_token);
    llm_model_close(stories);
    stories_free();
    code = test_summary("test_engine");
    llm__arena_free(&golden_arena);
    return code;
}
