#ifndef LLM__KERNEL_PASS
/* llm.h - v0.1 - run language models from two C files

   Do this once, in one C or C++ file:      #define LLM_IMPLEMENTATION
                                            #include "llm.h"
   Everywhere else include it plainly.  llm_cache.h must lie beside it.

   A WHOLE PROGRAM
       llm_error error;
       llm_model *model;
       llm_generation *story;
       llm_piece piece;
       llm_model_desc md = {0};              md.path = "examples/model";
       llm_generation_desc gd = {0};         gd.prompt = "Once upon a time";
       if (llm_model_open(&model, &md, &error)) return puts(error.message);
       if (llm_generation_open(&story, model, &gd, &error)) return puts(error.message);
       while (llm_generation_next(story, &piece, &error) == LLM_OK) fputs(piece.text, stdout);
       llm_generation_close(story);
       llm_model_close(model);

   WHAT IT DOES   Reads Hugging Face and MLX checkpoint folders (float, MLX-quantized, AWQ, FP8, mx and nv formats) as
   they stand, from disk or memory, and generates text on the CPU: streamed, resumable by time budget, cancellable.

   WHAT IT DOES NOT DO   No GPU, no training, no images, no downloads.  It never prints, exits, aborts, asserts on
   input, reads the environment or starts a thread that you did not ask for.

   TRUST   Any byte of any file may be hostile: every failure leaves as an llm_error that names the file, the tensor or
   key, what was found and what was expected, and frees what the call had taken.

   THE SAME BITS   For one binary and one instruction set, results do not depend on the number of threads, on what else
   is in a batch, on how a prompt is cut into calls, or on what ran before.  (Two exceptions follow from what the models
   are: dynamic NTK rotary embeddings and rotating caches with pinned tokens depend on the calls made.)

   CONTENTS (search for the tag)
       >>api         the whole contract: model, tokens, cache, session, generation
       >>ground      threads and job hooks
       >>formats     how weights are stored, and their reference decode
       >>kernels     products, attention and recurrences, once for each instruction set
       >>unicode     tables
       >>words       text to token ids and back
       >>arch        how architectures differ, as data: config readers, tensor names, checks
       >>blocks      norms, rotary embeddings, attention, recurrences, feed-forwards, experts
       >>forward     one pass over the layers
       >>session     working memory, prompts, steps
       >>sampling    from logits to a token
       >>generation  prompts in, text out
       >>public      thin wrappers in the order of >>api

   READING ROUTES   just the maths: >>formats >>blocks >>forward     add a model: >>arch     add an ISA: >>kernels

   CONFIGURATION (define before including)
       LLM_STATIC         every public function is static
       LLM_NO_SIMD        the scalar kernels only
       LLM_NO_THREADS     no built-in pool (job hooks still work)
       LLM_HEADER_NAME    how this file includes itself, if you renamed it (default "llm.h")
       and those of llm_cache.h

   Licence: MIT or public domain, as you choose; the text is at the end of the file. */
#ifndef LLM_H
#define LLM_H

#include "llm_cache.h"

/* ============================================================================================================ >>api
   Two nouns carry it: an llm_model, immutable once open and shared by any number of threads, and an llm_session, the
   working memory of one caller, used by one thread at a time.  What a sequence remembers is an llm_cache.  An
   llm_generation ties the three together for the common case. */

enum {
    LLM_ALL_CORES = -1, /* threads: as many as the machine has */
    LLM_NO_TOKEN = -1   /* a token id that is none */
};

/* ---- threads
   Work is cut into `count` jobs that may run in any order and at the same time; run must return when all have.  The
   results never depend on how many run at once. */
typedef void (*llm_job_fn)(void *argument, int job, int worker);

/* The caller's job system.  run calls fn(argument, job, worker) for every job in [0, count) with worker in
   [0, width), no two jobs of one worker at the same time. */
typedef struct llm_jobs {
    void *user;
    int width;
    void (*run)(void *user, int count, llm_job_fn fn, void *argument);
} llm_jobs;

/* ---- model */
typedef struct llm_model llm_model;

/* Where a model comes from.  Either path (a checkpoint folder) or memory (the folder's files, by name) is given. */
typedef struct llm_model_desc {
    const char *path;
    const llm_memory_file *memory; /* must stay valid while the model is open */
    size_t memory_count;
    llm_allocator allocator;
    llm_files files;
    const char *isa;    /* "scalar", "avx2", "neon"; NULL: the best that this CPU has */
    int no_map;         /* read tensors into memory of their own instead of mapping files */
    int weights_only;   /* the folder needs no tokenizer: generation then takes and gives ids only */
    int describe;       /* facts only: names and shapes are checked, but weights are neither read nor converted (mapped
                           files; norms and biases are).  Sessions can be opened, to see their size, but run nothing. */
} llm_model_desc;

/* Facts of an open model.  Texts belong to the model. */
typedef struct llm_model_info {
    const char *model_type;       /* as config.json has it */
    const char *isa;              /* the kernel table in use */
    const char *chat_template;    /* Jinja source, or NULL */
    int layers, hidden, vocabulary;
    int64_t context;              /* tokens the model was made for; 0: not stated */
    int64_t parameters;           /* numbers in the checkpoint, packed ones counted one by one */
    size_t weight_bytes;          /* bytes of the tensors in use */
    size_t memory_bytes;          /* taken from the allocator (mapped files not counted) */
} llm_model_info;

/* Opens a checkpoint.  *out is NULL on failure, and nothing stays allocated. */
LLM_API llm_status llm_model_open(llm_model **out, const llm_model_desc *desc, llm_error *error);

/* Closes a model; sessions, caches' users and generations of it must be closed before.  NULL is fine. */
LLM_API void llm_model_close(llm_model *model);

/* What the model is. */
LLM_API llm_model_info llm_model_get_info(const llm_model *model);

/* One layer, in words and numbers.  Layers that share weights count them once, with the first. */
typedef struct llm_layer_info {
    char mixer[120], ffn[120]; /* "attention, 32 heads of 128, 8 of keys"; "" if it has none */
    int64_t parameters;
    size_t weight_bytes;
    size_t token_bytes;        /* of its cache (float16), for each token that it keeps... */
    int64_t kept_tokens;       /* ...which are at most so many; 0: all */
    size_t state_bytes;        /* of its cache, however many tokens came: recurrent states */
} llm_layer_info;

/* Layer `layer`, from 0; all zero beyond the last. */
LLM_API llm_layer_info llm_model_get_layer(const llm_model *model, int layer);

/* How some of the weights are stored. */
typedef struct llm_storage_info {
    char name[48];      /* "BF16", "affine 4 bit, groups of 64", "mxfp4" */
    int64_t parameters;
    size_t bytes;       /* scales and the like included */
} llm_storage_info;

/* The n-th way in which this model's weights are stored, in the order in which they were met; all zero beyond the
   last. */
LLM_API llm_storage_info llm_model_get_storage(const llm_model *model, size_t n);

/* The n-th architecture name (model_type) this version knows, or NULL beyond the last. */
LLM_API const char *llm_architecture(size_t n);

/* The n-th kernel table that this CPU can run ("scalar", ...), best last, or NULL beyond the last. */
LLM_API const char *llm_isa(size_t n);

/* ---- tokens */

/* Text to ids: up to `capacity` into ids ([capacity], may be NULL if 0); *count is how many there are in all, so that a
   call with capacity 0 asks for the size.  special: whether the tokenizer's begin and end tokens are added. */
LLM_API llm_status llm_encode(const llm_model *model, const char *text, size_t bytes, int special, int32_t *ids,
                              size_t capacity, size_t *count, llm_error *error);

/* Ids to text, NUL-terminated in text[capacity]; *bytes is its length without the NUL, also when it did not fit (then
   LLM_TOO_LARGE, unless capacity is 0).  skip_special leaves out special tokens. */
LLM_API llm_status llm_decode(const llm_model *model, const int32_t *ids, size_t count, int skip_special, char *text,
                              size_t capacity, size_t *bytes, llm_error *error);

/* The id of a token by its text in the vocabulary ("<|endoftext|>"), or LLM_NO_TOKEN. */
LLM_API int32_t llm_token_id(const llm_model *model, const char *token);

/* Whether generation ends with this id: the eos_token_id of generation_config.json, else of config.json, else the
   tokenizer's. */
LLM_API int llm_token_is_end(const llm_model *model, int32_t id);

/* ---- cache: see llm_cache.h for what can be done with one */

/* The memory of one sequence, as this model wants it. */
typedef struct llm_model_cache_desc {
    int64_t max_kv_size; /* attention layers without a window keep this many tokens, the first 4 pinned; 0: all */
    int exact;           /* keys and values as float32; else as float16 */
    llm_allocator allocator; /* zero: the model's */
    int64_t checkpoint_every, checkpoints_max; /* as in llm_cache_desc */
} llm_model_cache_desc;

/* Bytes of a cache of this model once it holds so many tokens; 0: that cannot be. */
LLM_API size_t llm_model_cache_bytes(const llm_model *model, const llm_model_cache_desc *desc, int64_t tokens);

/* Makes an empty cache for one sequence of this model. */
LLM_API llm_status llm_model_cache_open(llm_cache **out, const llm_model *model, const llm_model_cache_desc *desc,
                                        llm_error *error);

/* A cache of this model from a file: see llm_cache_load, whose `want` follows from the model.  A max_kv_size of 0 takes
   the file's; keys and values that are quantized in the file stay so. */
LLM_API llm_status llm_model_cache_load(llm_cache **out, const llm_model *model, const llm_model_cache_desc *desc,
                                        const llm_cache_load_desc *from, llm_error *error);

/* ---- session */
typedef struct llm_session llm_session;

/* The working memory of one caller. */
typedef struct llm_session_desc {
    int threads;   /* 0 or 1: the caller's alone; n: a pool of n - 1 sleeping helpers; LLM_ALL_CORES */
    llm_jobs jobs; /* if run is set: used instead of threads */
    int exact;     /* float32 activations throughout (default: int8 activations with quantized weights) */
    int max_rows;  /* tokens that one pass over the layers takes together; 0: 256 */
    llm_clock clock;
    llm_allocator allocator; /* zero: the model's */
} llm_session_desc;

/* Opens a session on a model. */
LLM_API llm_status llm_session_open(llm_session **out, const llm_model *model, const llm_session_desc *desc,
                                    llm_error *error);

/* Closes a session; a pending forward pass is abandoned, its caches as they were before.  NULL is fine. */
LLM_API void llm_session_close(llm_session *session);

/* Bytes that the session has taken from its allocator. */
LLM_API size_t llm_session_bytes(const llm_session *session);

/* Which rows of a sequence get logits. */
typedef enum llm_logits { LLM_LOGITS_LAST, LLM_LOGITS_ALL, LLM_LOGITS_NONE } llm_logits;

/* New tokens of one sequence: they follow what its cache holds. */
typedef struct llm_sequence {
    llm_cache *cache;
    const int32_t *tokens; /* [count] */
    size_t count;          /* at least 1 */
    llm_logits want;
    float *logits;         /* [1 or count, vocabulary], the caller's */
} llm_sequence;

/* Runs the new tokens of any number of sequences through the model together: a ragged batch, no padding.  Each gives
   exactly what it would give alone.  No two sequences may share a cache.  On failure no cache has changed. */
LLM_API llm_status llm_forward(llm_session *session, const llm_sequence *sequences, size_t count, llm_error *error);

/* The same in steps: checks and prepares the call.  `sequences` and what it points to must stay valid until it ends. */
LLM_API llm_status llm_forward_begin(llm_session *session, const llm_sequence *sequences, size_t count,
                                     llm_error *error);

/* Works on the call for about budget_us microseconds (never less than one layer; below 0: until done).  LLM_PENDING
   while something is left, LLM_OK when it is done; any other status ends the call as llm_forward_abandon does. */
LLM_API llm_status llm_forward_advance(llm_session *session, int64_t budget_us, llm_error *error);

/* Forgets the pass under way: each cache then holds the tokens of the passes that were finished. */
LLM_API void llm_forward_abandon(llm_session *session);

/* ---- sampling */

/* How a token is chosen.  All zero: the most likely one, the lowest id among equals.  With a temperature, filters take
   tokens out of the distribution, in this order; those from top_p to top_k are mlx-lm's, with its edge cases:
       top_n_sigma   tokens whose logit is at most that many standard deviations of all below the best
                     (arXiv:2411.07641)
       typical_p     the tokens whose surprise is nearest to the expected one (arXiv:2202.00666)
       top_p         the likeliest ones, up to that much probability; those as likely as the last stay, too
       min_p         tokens at least this fraction as likely as the best; min_keep of the best in any case
       xtc           with xtc_probability: all tokens above xtc_threshold but the least likely of them
       top_k         so many
   What is left is sharpened by the temperature and drawn from.  Numbers come from the seed and the position alone, so
   that the same seed gives the same choice whatever happens around it. */
typedef struct llm_sampling {
    float temperature;
    float top_p;                  /* 0 or 1: off */
    float min_p;                  /* 0: off */
    int min_keep;                 /* 0: 1 */
    int top_k;                    /* 0: off */
    uint64_t seed;
    float typical_p;              /* 0 or 1: off */
    float top_n_sigma;            /* 0: off */
    float xtc_probability;        /* 0: off */
    float xtc_threshold;          /* 0 to 0.5 */
    const int32_t *xtc_protected; /* [xtc_protected_count] ids that xtc leaves alone, such as the end and a new line */
    size_t xtc_protected_count;
    float dynamic_range;          /* the temperature varies by as much up and down, with the entropy of what is left... */
    float dynamic_exponent;       /* ...over the largest possible one, to this power; 0: 1 */
    float mirostat_tau;           /* Mirostat 2 (arXiv:2007.14966), in place of the filters: the surprise in bits to
                                     aim at; 0: off */
    float mirostat_eta;           /* how fast it learns; 0: 0.1 */
    float *mirostat_mu;           /* what it has learnt, begun with 2 tau; NULL: a generation keeps its own, llm_sample
                                     goes by 2 tau */
} llm_sampling;

/* Chooses from logits[vocabulary]; position counts the sequence's tokens so that each step draws its own number.
   scratch: llm_sample_scratch(vocabulary) bytes, aligned as malloc's.  logits is left alone.  Writes the token's
   log-probability (of the plain softmax) to *logprob unless NULL.  NaN logits are never chosen unless all are NaN: then
   id 0.  The options must be ones that llm_generation_open takes. */
LLM_API int32_t llm_sample(const llm_sampling *sampling, const float *logits, int vocabulary, int64_t position,
                           void *scratch, float *logprob);

/* Bytes of scratch that llm_sample and llm_penalize need. */
LLM_API size_t llm_sample_scratch(int vocabulary);

typedef struct llm_token_bias {
    int32_t id;
    float bias;
} llm_token_bias;

/* What happens to logits before anything is chosen from them, in this order; all zero: nothing.  The first four are
   mlx-lm's.  Windows count the newest tokens of prompt and text; 0: 20; -1: all. */
typedef struct llm_penalties {
    const llm_token_bias *biases;  /* [bias_count], added */
    size_t bias_count;
    float repetition;              /* 0: off; tokens of the window: logits below 0 times this, others over this */
    int repetition_window;
    float presence;                /* 0: off; less this for tokens of the window */
    int presence_window;
    float frequency;               /* 0: off; less this for each time that they are in the window */
    int frequency_window;
    float dry_multiplier;          /* 0: off; a token that would prolong a repetition of n tokens loses... */
    float dry_base;                /* ...multiplier * base^(n - dry_allowed); 0: 1.75 */
    int dry_allowed;               /* repetitions shorter than this are free; 0: 2 */
    int dry_window;
    const int32_t *dry_breakers;   /* [dry_breaker_count] ids that no repetition goes across */
    size_t dry_breaker_count;
    void (*process)(void *user, const int32_t *tokens, size_t count, float *logits, int vocabulary); /* last; or NULL */
    void *process_user;
} llm_penalties;

/* Applies penalties to logits[vocabulary], in place.  tokens[count]: prompt and text so far; ids outside of the
   vocabulary count for nothing.  scratch as for llm_sample. */
LLM_API void llm_penalize(const llm_penalties *penalties, const int32_t *tokens, size_t count, float *logits,
                          int vocabulary, void *scratch);

/* ---- generation */
typedef struct llm_generation llm_generation;

/* Why a generation ended: at an end token, at max_tokens, by llm_generation_cancel; or that it has not. */
typedef enum llm_finish { LLM_RUNNING, LLM_FINISH_STOP, LLM_FINISH_LENGTH, LLM_FINISH_CANCELLED } llm_finish;

/* What to generate.  A prompt is text, ids, or both (ids first); it may be empty only if the tokenizer adds a begin
   token.  Zero-initialised: greedy, at most 256 tokens, one thread. */
typedef struct llm_generation_desc {
    const char *prompt;        /* NUL-terminated UTF-8 */
    size_t prompt_bytes;       /* length of prompt if it holds NULs; 0: up to the NUL */
    const int32_t *ids;        /* [id_count] */
    size_t id_count;
    int no_special;            /* leave out the tokenizer's begin token */
    int64_t max_tokens;        /* 0: 256; -1: no limit; LLM_PROMPT_ONLY */
    int ignore_end;            /* do not stop at the model's end tokens */
    llm_sampling sampling;     /* ids and lists that these two point to must outlive the generation */
    llm_penalties penalties;
    llm_session_desc session;  /* used to open a session of the generation's own... */
    llm_session *use_session;  /* ...unless this one is given */
    llm_cache *use_cache;      /* continue from here (and leave the result here); NULL: a cache of its own */
    int64_t max_kv_size;       /* for a cache of its own */
    int prefill_step;          /* prompt tokens in one call; 0: 512 */
    void (*progress)(void *user, size_t done, size_t total); /* told after each prompt call; may be NULL */
    void *progress_user;
} llm_generation_desc;

/* As max_tokens: the prompt is read into the cache and nothing is written. */
#define LLM_PROMPT_ONLY ((int64_t)-2)

/* One step's result. */
typedef struct llm_piece {
    const char *text;      /* whole code points, NUL-terminated, valid until the next call; may be "" */
    size_t bytes;
    int32_t token;         /* LLM_NO_TOKEN in the last piece, which may carry held-back text */
    float logprob;
    llm_finish finish;     /* LLM_RUNNING while more may come */
} llm_piece;

/* Figures so far. */
typedef struct llm_generation_stats {
    size_t prompt_tokens, generated_tokens;
    double prompt_seconds, generation_seconds;
    double prompt_per_second, generated_per_second;
    size_t memory_bytes; /* session, cache and generation */
    llm_finish finish;
} llm_generation_stats;

/* Starts a generation; the prompt is checked and encoded, nothing is computed yet. */
LLM_API llm_status llm_generation_open(llm_generation **out, const llm_model *model, const llm_generation_desc *desc,
                                       llm_error *error);

/* The next token's piece: LLM_OK, or LLM_END after the last one.  Reads the prompt first when it has not been. */
LLM_API llm_status llm_generation_next(llm_generation *generation, llm_piece *piece, llm_error *error);

/* The same within a time budget: LLM_PENDING when it was used up first (never by more than one layer). */
LLM_API llm_status llm_generation_step(llm_generation *generation, int64_t budget_us, llm_piece *piece,
                                       llm_error *error);

/* Asks it to stop, from any thread: the next layer is not begun and the next piece has LLM_FINISH_CANCELLED. */
LLM_API void llm_generation_cancel(llm_generation *generation);

/* Figures so far; all zero for NULL. */
LLM_API llm_generation_stats llm_generation_get_stats(const llm_generation *generation);

/* The cache it writes to: owned by the generation unless it was given one.  Change it only between generations. */
LLM_API llm_cache *llm_generation_cache(llm_generation *generation);

/* Ends it and frees what it owns.  NULL is fine. */
LLM_API void llm_generation_close(llm_generation *generation);

#endif /* LLM_H */

#if defined(LLM_IMPLEMENTATION) && !defined(LLM_IMPLEMENTED)
#define LLM_IMPLEMENTED
#include "llm_cache.h" /* again: its implementation, if only its declarations came before */
#ifndef LLM_HEADER_NAME
#define LLM_HEADER_NAME "llm.h"
#endif

/* ========================================================================================================= >>ground
   The lower floor brought memory, errors, locks and time.  What is added here is work in parallel: after this chapter,
   a piece of work is a count of jobs and a function, and who runs them (the caller, the caller's job system, or a pool
   of threads that sleep when idle) is nobody else's business. */

#ifndef LLM_NO_THREADS
#if defined(_WIN32)
typedef HANDLE llm__thread;
typedef CONDITION_VARIABLE llm__signal;
#define LLM__WAIT(s, m) SleepConditionVariableSRW(s, m, INFINITE, 0)
#define LLM__WAKE_ALL(s) WakeAllConditionVariable(s)
#else
typedef pthread_t llm__thread;
typedef pthread_cond_t llm__signal;
#define LLM__WAIT(s, m) pthread_cond_wait(s, m)
#define LLM__WAKE_ALL(s) pthread_cond_broadcast(s)
#endif

enum { LLM__MAX_THREADS = 256, LLM__SPINS = 4000 };

/* Helpers wait on `work` until `round` moves; jobs are handed out by counting `next` up.  The thread that asked works
   too, then waits until `busy` helpers have left the round.  Between two pieces of work of one token a helper looks at
   `round` for some microseconds before it sleeps: waking a sleeper costs more than most products take. */
typedef struct llm__pool {
    llm__mutex mutex;
    llm__signal work, done;
    llm__atomic round, next, busy, stop;
    int count;
    llm_job_fn fn;
    void *argument;
    int helpers;
    struct llm__helper *helper;
} llm__pool;

struct llm__helper {
    llm__pool *pool;
    llm__thread thread;
    int worker;
};

LLM__FN void llm__pool_work(llm__pool *pool, int worker) {
    int job;
    while ((job = llm__atomic_add(&pool->next, 1) - 1) < pool->count) pool->fn(pool->argument, job, worker);
}

LLM__FN int llm__pool_wait(llm__pool *pool, int seen) {
    int spin, round;
    for (spin = 0; spin < LLM__SPINS; spin++)
        if ((round = llm__atomic_get(&pool->round)) != seen) return round;
    LLM__LOCK(&pool->mutex);
    while ((round = llm__atomic_get(&pool->round)) == seen) LLM__WAIT(&pool->work, &pool->mutex);
    LLM__UNLOCK(&pool->mutex);
    return round;
}

LLM__FN void llm__pool_serve(struct llm__helper *me) {
    llm__pool *pool = me->pool;
    int seen = 0;
    for (;;) {
        seen = llm__pool_wait(pool, seen);
        if (llm__atomic_get(&pool->stop)) return;
        llm__pool_work(pool, me->worker);
        if (llm__atomic_add(&pool->busy, -1) == 0) {
            LLM__LOCK(&pool->mutex);
            LLM__WAKE_ALL(&pool->done);
            LLM__UNLOCK(&pool->mutex);
        }
    }
}

#if defined(_WIN32)
static DWORD WINAPI llm__pool_main(void *me) {
    llm__pool_serve((struct llm__helper *)me);
    return 0;
}
#else
static void *llm__pool_main(void *me) {
    llm__pool_serve((struct llm__helper *)me);
    return NULL;
}
#endif

LLM__FN void llm__pool_begin_round(llm__pool *pool) {
    LLM__LOCK(&pool->mutex);
    llm__atomic_add(&pool->round, 1);
    LLM__WAKE_ALL(&pool->work);
    LLM__UNLOCK(&pool->mutex);
}

static void llm__pool_run(void *user, int count, llm_job_fn fn, void *argument) {
    llm__pool *pool = (llm__pool *)user;
    int spin;
    pool->count = count;
    pool->fn = fn;
    pool->argument = argument;
    llm__atomic_set(&pool->next, 0);
    llm__atomic_set(&pool->busy, pool->helpers);
    llm__pool_begin_round(pool);
    llm__pool_work(pool, 0);
    for (spin = 0; spin < LLM__SPINS; spin++)
        if (!llm__atomic_get(&pool->busy)) return;
    LLM__LOCK(&pool->mutex);
    while (llm__atomic_get(&pool->busy)) LLM__WAIT(&pool->done, &pool->mutex);
    LLM__UNLOCK(&pool->mutex);
}

LLM__FN int llm__cores(void) {
#if defined(_WIN32)
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return (int)info.dwNumberOfProcessors;
#else
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > LLM__MAX_THREADS ? (int)LLM__MAX_THREADS : (int)n;
#endif
}

LLM__FN int llm__thread_start(struct llm__helper *helper) {
#if defined(_WIN32)
    helper->thread = CreateThread(NULL, 0, llm__pool_main, helper, 0, NULL);
    return helper->thread != NULL;
#else
    return pthread_create(&helper->thread, NULL, llm__pool_main, helper) == 0;
#endif
}

LLM__FN void llm__thread_join(llm__thread thread) {
#if defined(_WIN32)
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
#else
    pthread_join(thread, NULL);
#endif
}

LLM__FN void llm__pool_close(llm__pool *pool) {
    int i;
    llm__atomic_set(&pool->stop, 1);
    llm__pool_begin_round(pool);
    for (i = 0; i < pool->helpers; i++) llm__thread_join(pool->helper[i].thread);
    LLM__MUTEX_CLOSE(&pool->mutex);
#if !defined(_WIN32)
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
#endif
}

/* A pool for `threads` workers, the caller among them, in the arena.  It may end up with fewer if the system
   refuses. */
LLM__FN llm__pool *llm__pool_open(llm__arena *arena, int threads) {
    llm__pool *pool = (llm__pool *)llm__arena_alloc(arena, 1, sizeof *pool);
    int i;
    if (!pool) return NULL;
    pool->helper = (struct llm__helper *)llm__arena_alloc(arena, (size_t)threads, sizeof *pool->helper);
    if (!pool->helper) return NULL;
    LLM__MUTEX_OPEN(&pool->mutex);
#if defined(_WIN32)
    InitializeConditionVariable(&pool->work);
    InitializeConditionVariable(&pool->done);
#else
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
#endif
    for (i = 0; i < threads - 1; i++) {
        pool->helper[i].pool = pool;
        pool->helper[i].worker = i + 1;
        if (!llm__thread_start(&pool->helper[i])) break;
        pool->helpers++;
    }
    return pool;
}
#endif /* LLM_NO_THREADS */

static void llm__run_alone(void *user, int count, llm_job_fn fn, void *argument) {
    int job;
    (void)user;
    for (job = 0; job < count; job++) fn(argument, job, 0);
}

/* ======================================================================================================== >>formats
   A linear map W [rows, cols] lies in memory as a checkpoint stored it.  After this chapter every storage has a picture
   of its bits and one plain-C decode, llm__matrix_row, which is what the kernels are tested against.

       FLOAT       one F32, F16 or BF16 number after another
       FP8_BLOCK   e4m3 bytes; a float32 factor for each block of block_rows x block_cols; each product is rounded to
                   bf16 unless `unrounded`
       AFFINE      codes of 2, 3, 4, 5, 6 or 8 bits as one little-endian bit stream a row; a scale and a bias for each
                   `group` columns:            value = scale * code + bias
                   4 bits: byte i holds column 2i in its low and column 2i + 1 in its high half
                   With an index, column i belongs to group index[i] of the cols/group or fewer
       MXFP4       e2m1 halves of a byte, low first; a power of two (e8m0) for each 32 columns
       MXFP8       e4m3 bytes; a power of two (e8m0) for each 32 columns
       NVFP4       e2m1 halves of a byte, low first; an e4m3 factor for each 16 columns, and one float32 `factor` */

typedef enum llm__format {
    LLM__FLOAT, LLM__FP8_BLOCK, LLM__AFFINE, LLM__MXFP4, LLM__MXFP8, LLM__NVFP4
} llm__format;

typedef struct llm__matrix {
    llm__format format;
    llm_dtype dtype; /* FLOAT: of data (F32, F16, BF16); AFFINE: of scales and biases */
    int rows, cols, bits, group;
    const uint8_t *data; /* codes or floats, row_bytes from row to row; aligned to nothing */
    size_t row_bytes;
    const uint8_t *scales, *biases; /* AFFINE: [rows, cols/group]; MX, NV: u8 [rows, cols/group];
                                       FP8_BLOCK: f32 [ceil(rows/block_rows), ceil(cols/block_cols)] */
    size_t scale_row_bytes;
    int first_row;     /* FP8_BLOCK: where this matrix's row 0 lies within the grid of factors */
    const float *bias; /* [rows] or NULL, added to the product */
    const int32_t *index;       /* AFFINE: [cols] or NULL */
    int block_rows, block_cols; /* FP8_BLOCK; 0: 128.  block_cols is a multiple of 16 or at least cols */
    int unrounded;              /* FP8_BLOCK */
    float factor;               /* NVFP4; 0: 1 */
} llm__matrix;

/* FP8_BLOCK: the factors of a row, and how many columns have the same. */
LLM__FN const uint8_t *llm__fp8_factors(const llm__matrix *w, int row, int *block_cols) {
    *block_cols = w->block_cols ? w->block_cols : 128;
    return w->scales + (size_t)((row + w->first_row) / (w->block_rows ? w->block_rows : 128)) * w->scale_row_bytes;
}

/* AFFINE with an index. */
LLM__FN void llm__indexed_row(const llm__matrix *w, int row, int begin, int end, const uint8_t *codes, float *out) {
    const size_t size = llm__dtype_bytes(w->dtype), at = (size_t)row * w->scale_row_bytes;
    float scale, bias;
    int i;
    for (i = begin; i < end; i++) {
        llm__to_f32(w->dtype, w->scales + at + (size_t)w->index[i] * size, 1, &scale);
        llm__to_f32(w->dtype, w->biases + at + (size_t)w->index[i] * size, 1, &bias);
        out[i - begin] = scale * (float)codes[i - begin] + bias;
    }
}

LLM__FN float llm__nvfp4_factor(const llm__matrix *w, uint8_t code) {
    return llm__e4m3_to_f32(code) * (w->factor != 0 ? w->factor : 1);
}

LLM__FN void llm__affine_row(const llm__matrix *w, int row, float *out) {
    const uint8_t *codes = w->data + (size_t)row * w->row_bytes;
    const size_t size = llm__dtype_bytes(w->dtype);
    int g;
    for (g = 0; w->index && g < w->cols; g++) {
        uint8_t code = (uint8_t)llm__affine_code(codes, (size_t)g, w->bits);
        llm__indexed_row(w, row, g, g + 1, &code, out + g);
    }
    for (g = 0; !w->index && g < w->cols / w->group; g++) {
        size_t at = (size_t)row * w->scale_row_bytes + (size_t)g * size;
        size_t first = (size_t)g * (size_t)w->group;
        float scale, bias;
        llm__to_f32(w->dtype, w->scales + at, 1, &scale);
        llm__to_f32(w->dtype, w->biases + at, 1, &bias);
        llm__affine_decode(codes + first * (size_t)w->bits / 8, &scale, &bias, (size_t)w->group, w->bits, w->group,
                           out + first);
    }
}

LLM__FN void llm__fp8_row(const llm__matrix *w, int row, float *out) {
    const uint8_t *codes = w->data + (size_t)row * w->row_bytes;
    int i, block;
    const uint8_t *factors = llm__fp8_factors(w, row, &block);
    for (i = 0; i < w->cols; i++) {
        float factor;
        memcpy(&factor, factors + (size_t)(i / block) * sizeof factor, sizeof factor);
        out[i] = llm__e4m3_to_f32(codes[i]) * factor;
        if (!w->unrounded) out[i] = llm__bf16_to_f32(llm__f32_to_bf16(out[i]));
    }
}

/* MXFP4, MXFP8 and NVFP4: a small float and the factor of its group. */
LLM__FN void llm__scaled_row(const llm__matrix *w, int row, float *out) {
    const uint8_t *codes = w->data + (size_t)row * w->row_bytes;
    const uint8_t *factors = w->scales + (size_t)row * w->scale_row_bytes;
    const int group = w->format == LLM__NVFP4 ? 16 : 32;
    int i;
    for (i = 0; i < w->cols; i++) {
        uint8_t f = factors[i / group];
        float factor = w->format == LLM__NVFP4 ? llm__nvfp4_factor(w, f) : llm__e8m0_to_f32(f);
        if (w->format == LLM__MXFP8) out[i] = llm__e4m3_to_f32(codes[i]) * factor;
        else out[i] = llm__e2m1_to_f32((unsigned)codes[i / 2] >> (i % 2 * 4) & 15u) * factor;
    }
}

/* The reference decode: row `row` of W as float32, out[cols]. */
LLM__FN void llm__matrix_row(const llm__matrix *w, int row, float *out) {
    switch (w->format) {
    case LLM__FLOAT: llm__to_f32(w->dtype, w->data + (size_t)row * w->row_bytes, (size_t)w->cols, out); break;
    case LLM__FP8_BLOCK: llm__fp8_row(w, row, out); break;
    case LLM__AFFINE: llm__affine_row(w, row, out); break;
    case LLM__MXFP4:
    case LLM__MXFP8:
    case LLM__NVFP4: llm__scaled_row(w, row, out); break;
    }
}

/* ======================================================================================================== >>kernels
   The only chapter that may be clever.  After it, everything that takes time is a slot of one table, llm__ops, and
   there is a table for each instruction set: the kernel text below is written once in a small vector vocabulary and
   compiled once per set, this file including itself with LLM__KERNEL_PASS defined.

   THE ORDER OF SUMS   One number of a float product is one vector accumulator over the columns in ascending steps of
   VF_N, then a fixed horizontal sum, then the remaining columns one by one, then the bias.  Tiles compute several such
   numbers side by side and never split one, so a number has the same bits whatever else is computed with it.

   INT8 PRODUCTS   Activations are rounded to int8 with one scale for each `group` columns; the sum of codes in a group
   is an exact integer, and the groups are added up in ascending order, scales and biases apart:
       y = sum_g float(sum_k w[k] a[k]) * (scale_w[g] * scale_a[g])  +  sum_g bias_w[g] * sum_a[g]  (+ bias)
   with plain multiplications and additions: all instruction sets give the same bits.  Codes of 8 bits are taken minus
   128, and the bias plus 128 scales.

   WHAT AGREES   Between instruction sets: int8 products, quantize_row, decoding and conversions to the bit (unless a
   compiler is told to fuse whatever the source says, as clang by -ffp-contract=fast); the rest within rounding, as VF_N
   differs and the scalar set does not fuse multiplications with additions. */

/* Rows of activations, quantized, in natural order.  group is llm__rows8_group(w) of every matrix they meet. */
typedef struct llm__rows8 {
    int n, cols;
    int group;           /* columns that share a scale: 32 or 64 */
    const int8_t *codes; /* [n, cols], code_stride from row to row */
    const float *scales; /* [n, cols/group], scale_stride from row to row */
    const float *sums;   /* the same shape: scale times the sum of the group's codes */
    size_t code_stride, scale_stride;
} llm__rows8;

typedef struct llm__ops {
    const char *name;

    /* ---- linear maps */
    /* y[i*y_stride + o] = W[o] . x[i*x_stride ..] + bias[o] for rows o in [begin, end) and i in [0, n).
       scratch: llm__product_scratch(w) bytes, aligned to 64. */
    void (*product)(const llm__matrix *w, const float *x, size_t x_stride, int n, float *y, size_t y_stride, int begin,
                    int end, void *scratch);
    /* The same with quantized activations; only if llm__int8_able(w). */
    void (*product8)(const llm__matrix *w, const llm__rows8 *x, float *y, size_t y_stride, int begin, int end,
                     void *scratch);
    /* One row of activations to int8: codes[cols], scales and sums [cols/group].  Each group's scale is its largest
       magnitude / 127, codes are rounded to nearest even.  A group with a NaN or an infinity has codes 0 and a NaN
       scale; one whose magnitudes all lie below 1e-30 is zero. */
    void (*quantize_row)(const float *x, int cols, int group, int8_t *codes, float *scales, float *sums);
    /* Rows [begin, end) of W as float32, one behind the other, each as llm__matrix_row but faster.  scratch as for
       product; llm__decode_scratch bytes are enough. */
    void (*decode_rows)(const llm__matrix *w, int begin, int end, float *out, void *scratch);

    /* ---- rows of float32; n is their length, y may be x */
    float (*dot)(const float *a, const float *b, int n);
    float (*max)(const float *x, int n);                          /* -inf if n is 0; NaNs are passed over */
    void (*add)(float *y, const float *x, int n);                 /* y += x */
    void (*mul)(float *y, const float *x, int n);                 /* y *= x */
    void (*scale)(float *x, float s, int n);                      /* x *= s */
    void (*add_scaled)(float *y, const float *x, float s, int n); /* y += s x */
    void (*rms_norm)(float *y, const float *x, const float *w, float eps, int n);  /* w may be NULL */
    void (*layer_norm)(float *y, const float *x, const float *w, const float *b, float eps, int n); /* w, b: NULL */
    float (*exp_sum)(float *x, int n, float max);                 /* x = exp(x - max); their sum */
    void (*softmax)(float *x, int n);                             /* all -inf: all zero */
    void (*silu)(float *x, int n);                                /* x / (1 + exp(-x)) */
    void (*silu_mul)(float *gate, const float *up, int n);        /* gate = silu(gate) up */
    void (*gelu)(float *x, int n);                                /* with erf */
    void (*gelu_mul)(float *gate, const float *up, int n);
    void (*gelu_tanh)(float *x, int n);
    void (*gelu_tanh_mul)(float *gate, const float *up, int n);
    void (*sigmoid)(float *x, int n);
    void (*sigmoid_mul)(float *y, const float *gate, int n);      /* y *= sigmoid(gate) */
    void (*to_f32)(llm_dtype t, const void *x, size_t n, float *y);   /* any dtype; F32, F16, BF16 fast */
    void (*from_f32)(llm_dtype t, const float *x, size_t n, void *y); /* F32, F16, BF16 */

    /* ---- attention */
    /* out[i*out_stride + j] = scale * (q row i . k row j) */
    void (*scores)(const float *q, int rows_q, size_t q_stride, const float *k, int keys, size_t k_stride, int width,
                   float scale, float *out, size_t out_stride);
    /* out row i [width] += sum over j, ascending, of p[i*p_stride + j] times v row j */
    void (*weigh)(float *out, size_t out_stride, const float *p, size_t p_stride, int rows, const float *v, int keys,
                  size_t v_stride, int width);

    /* ---- recurrences, one step of one head */
    /* S [dv, dk]: S *= decay; S += ((v - S k) beta) k^T; y[dv] = S q */
    void (*delta_step)(float *state, const float *k, const float *v, const float *q, float decay, float beta, float *y,
                       int dv, int dk);
    /* The same with a decay for each column: decay[dk] */
    void (*delta_step_columns)(float *state, const float *k, const float *v, const float *q, const float *decay,
                               float beta, float *y, int dv, int dk);
    /* S [p, n]: S = decay S + (dt x) b^T; y[p] = S c */
    void (*ssd_step)(float *state, const float *x, const float *b, const float *c, float decay, float dt, float *y,
                     int p, int n);
} llm__ops;

enum {
    LLM__STRIP = 4,         /* rows of W that are worked on together */
    LLM__PANEL = 512,       /* columns of W that should stay in the first-level cache meanwhile */
    LLM__BLOCK_ROWS = 96,   /* rows of activations, at most, that a strip meets... */
    LLM__BLOCK_BYTES = 256 * 1024 /* ...and their size, so that they stay in the second-level cache */
};

LLM__FN int llm__int8_able(const llm__matrix *w) {
    return w->format == LLM__AFFINE && !w->index && w->group >= 32 && (w->group == 32 || w->group % 64 == 0) &&
           w->cols % w->group == 0;
}

LLM__FN int llm__rows8_group(const llm__matrix *w) { return w->group < 64 ? 32 : 64; }

/* Bytes behind quantized rows, groups of 32, each part rounded up to 64; llm__rows8_place lays them out. */
LLM__FN size_t llm__rows8_bytes(int n, int cols) {
    size_t codes = ((size_t)n * (size_t)cols + 63) & ~(size_t)63;
    size_t scales = ((size_t)n * (size_t)(cols / 32 + 1) * sizeof(float) + 63) & ~(size_t)63;
    return codes + 2 * scales;
}

LLM__FN llm__rows8 llm__rows8_place(void *memory, int n, int cols, int group) {
    size_t codes = ((size_t)n * (size_t)cols + 63) & ~(size_t)63;
    size_t scales = ((size_t)n * (size_t)(cols / 32 + 1) * sizeof(float) + 63) & ~(size_t)63;
    uint8_t *at = (uint8_t *)memory;
    llm__rows8 x;
    x.n = n;
    x.cols = cols;
    x.group = group;
    x.codes = (const int8_t *)at;
    x.scales = (const float *)(void *)(at + codes);
    x.sums = (const float *)(void *)(at + codes + scales);
    x.code_stride = (size_t)cols;
    x.scale_stride = (size_t)(cols / group);
    return x;
}

/* Scratch of a product: sums, a strip as floats or bytes, and its factors. */
LLM__FN size_t llm__product_scratch(const llm__matrix *w) {
    size_t cols = ((size_t)w->cols + 63) & ~(size_t)63;
    return cols * 24 + 49152;
}

/* Scratch of decoding a row: its codes as bytes, and its scales and biases. */
LLM__FN size_t llm__decode_scratch(int cols, int group) {
    return ((size_t)cols + 63) + (size_t)(cols / group) * 2 * sizeof(float);
}

#if !defined(LLM_NO_SIMD) && (defined(__x86_64__) || defined(_M_X64))
#define LLM__HAVE_AVX2
#include <immintrin.h>
#if defined(__GNUC__) || defined(__clang__)
#include <cpuid.h>
#endif
#elif !defined(LLM_NO_SIMD) && (defined(__aarch64__) || defined(_M_ARM64)) && !defined(__AARCH64EB__)
#define LLM__HAVE_NEON
#include <arm_neon.h>
#endif

#define LLM__JOIN2(a, b) a##_##b
#define LLM__JOIN(a, b) LLM__JOIN2(a, b)

#endif /* LLM_IMPLEMENTATION */
#endif /* LLM__KERNEL_PASS: what follows is the kernel text, seen once for each instruction set */
#ifdef LLM__KERNEL_PASS

/* LLMK_(dot) is llm__dot_avx2, llm__dot_neon, ... */
#define LLMK_(name) LLM__JOIN(llm__##name, LLMK_ISA)
#if defined(__GNUC__) || defined(__clang__)
#define LLMK_INLINE static inline __attribute__((always_inline, unused))
#define LLMK_PREFETCH(address) __builtin_prefetch((const void *)(address))
#define LLMK_UNROLL _Pragma("GCC unroll 2") /* more, and gcc runs out of registers */
#else
#define LLMK_UNROLL
#define LLMK_INLINE static inline
#define LLMK_PREFETCH(address) ((void)(address))
#endif

/* ---- vocabulary: VF is VF_N floats, VI as many int32, V4 four floats (one for each row of a strip), I4 four int32.
   sf_fma is vf_fma for one number. */
#if LLM__KERNEL_PASS == 1 /* ---- AVX2, FMA and F16C */
#define VF_N 8
#define VF __m256
#define VI __m256i
#define vf_set(x) _mm256_set1_ps(x)
#define vf_add(a, b) _mm256_add_ps(a, b)
#define vf_sub(a, b) _mm256_sub_ps(a, b)
#define vf_mul(a, b) _mm256_mul_ps(a, b)
#define vf_div(a, b) _mm256_div_ps(a, b)
#define vf_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vf_bits(a) _mm256_castps_si256(a)
#define vf_from_int(a) _mm256_cvtepi32_ps(a)
#define vf_from_bits(a) _mm256_castsi256_ps(a)
#define vf_load(p) _mm256_loadu_ps(p)
#define vf_store(p, a) _mm256_storeu_ps(p, a)
#define vf_load_f16(p) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(p)))
#define vf_store_f16(p, a) _mm_storeu_si128((__m128i *)(void *)(p), _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT))
#define vf_max(a, b) _mm256_max_ps(b, a) /* a if b is NaN */
#define vf_clamp(x, low, high) _mm256_max_ps(low, _mm256_min_ps(high, x)) /* a NaN stays */
#define vi_set(x) _mm256_set1_epi32(x)
#define vi_add(a, b) _mm256_add_epi32(a, b)
#define vi_sub(a, b) _mm256_sub_epi32(a, b)
#define vi_shl23(a) _mm256_slli_epi32(a, 23)
#define vi_half(a) _mm256_srai_epi32(a, 1)
#define LLMK_CODES_TO_BYTES LLMK_(codes_to_bytes)
#define V4 __m128
#define I4 __m128i
#define v4_set(x) _mm_set1_ps(x)
#define v4_load(p) _mm_loadu_ps(p)
#define v4_store(p, a) _mm_storeu_ps(p, a)
#define v4_add(a, b) _mm_add_ps(a, b)
#define v4_mul(a, b) _mm_mul_ps(a, b)
#define v4_from(a) _mm_cvtepi32_ps(a)
#define v4_transpose(a, b, c, d) _MM_TRANSPOSE4_PS(a, b, c, d)
#define vf_sum LLMK_(sum)
#define vf_sum4 LLMK_(sum4)
#define sf_fma LLMK_(fma_one)
#define vf_load_bf16 LLMK_(load_bf16)
#define vf_store_bf16 LLMK_(store_bf16)
#define vf_load_u8 LLMK_(load_u8)
#define vf_load_e4m3 LLMK_(load_e4m3)
#define vf_load_e2m1 LLMK_(load_e2m1)
#define vf_round_bf16(a) vf_from_bits(LLMK_(bf16_bits)(a))

LLMK_INLINE __m256i LLMK_(load32)(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }

LLMK_INLINE __m256i LLMK_(broadcast)(const int8_t *four) {
    int32_t v;
    memcpy(&v, four, sizeof v);
    return _mm256_set1_epi32(v);
}

LLMK_INLINE float LLMK_(sum)(__m256 a) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}

/* The sums of four vectors. */
LLMK_INLINE __m128 LLMK_(sum4)(__m256 a, __m256 b, __m256 c, __m256 d) {
    const __m256 t = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1));
}

LLMK_INLINE float LLMK_(fma_one)(float a, float b, float c) {
    return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)));
}

LLMK_INLINE __m256 LLMK_(load_bf16)(const void *p) {
    __m256i h = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(h, 16));
}

/* The bits of the nearest bf16, ties to even, by adding 0x7fff and the bit that will be the lowest; NaNs keep their top
   bits, made quiet. */
LLMK_INLINE __m256i LLMK_(bf16_bits)(__m256 a) {
    const __m256i bits = _mm256_castps_si256(a);
    __m256i even = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i h = _mm256_add_epi32(bits, _mm256_add_epi32(even, _mm256_set1_epi32(0x7fff)));
    __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    h = _mm256_blendv_epi8(h, quiet, _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q)));
    return _mm256_slli_epi32(_mm256_srli_epi32(h, 16), 16);
}

LLMK_INLINE void LLMK_(store_bf16)(void *p, __m256 a) {
    const __m256i h = _mm256_srli_epi32(LLMK_(bf16_bits)(a), 16);
    _mm_storeu_si128((__m128i *)p, _mm_packus_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1)));
}

/* e4m3 is a half float with a shorter exponent: shifted into place it is 2^8 too small.  0x7f is NaN. */
LLMK_INLINE __m256 LLMK_(load_e4m3)(const uint8_t *p) {
    const __m128i b = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)p));
    const __m128i size = _mm_and_si128(b, _mm_set1_epi16(0x7f)), nan = _mm_cmpeq_epi16(size, _mm_set1_epi16(0x7f));
    __m128i h = _mm_or_si128(_mm_slli_epi16(size, 7), _mm_srli_epi16(nan, 1));
    h = _mm_or_si128(h, _mm_slli_epi16(_mm_srli_epi16(b, 7), 15));
    return _mm256_mul_ps(_mm256_cvtph_ps(h), _mm256_set1_ps(256.0f));
}

/* e2m1 codes, one a byte: the lower three bits choose from eight numbers, the fourth is the sign. */
LLMK_INLINE __m256 LLMK_(load_e2m1)(const uint8_t *p) {
    const __m256 numbers = _mm256_setr_ps(0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f);
    const __m256i b = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
    const __m256i sign = _mm256_slli_epi32(_mm256_srli_epi32(b, 3), 31);
    return _mm256_xor_ps(_mm256_permutevar8x32_ps(numbers, b), _mm256_castsi256_ps(sign));
}

LLMK_INLINE __m256 LLMK_(load_u8)(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

/* The four sums of four vectors of eight int32. */
LLMK_INLINE __m128i LLMK_(int_sum4)(__m256i a, __m256i b, __m256i c, __m256i d) {
    const __m256i t = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    return _mm_add_epi32(_mm256_castsi256_si128(t), _mm256_extracti128_si256(t, 1));
}

/* Codes up to 63: maddubs adds two products of at most 63 * 127, two of its results still fit 16 bits. */
LLMK_INLINE __m256i LLMK_(row_bytes)(const uint8_t *w, __m256i a0, __m256i a1, int n) {
    __m256i p = _mm256_maddubs_epi16(LLMK_(load32)(w), a0);
    if (n == 64) p = _mm256_add_epi16(p, _mm256_maddubs_epi16(LLMK_(load32)(w + 32), a1));
    return _mm256_madd_epi16(p, _mm256_set1_epi16(1));
}

LLMK_INLINE __m128i LLMK_(dots_bytes)(const uint8_t *const *rows, size_t at, const int8_t *a, int n) {
    const __m256i a0 = LLMK_(load32)(a), a1 = n == 64 ? LLMK_(load32)(a + 32) : a0;
    return LLMK_(int_sum4)(LLMK_(row_bytes)(rows[0] + at, a0, a1, n), LLMK_(row_bytes)(rows[1] + at, a0, a1, n),
                           LLMK_(row_bytes)(rows[2] + at, a0, a1, n), LLMK_(row_bytes)(rows[3] + at, a0, a1, n));
}

/* Codes minus 128 as |w| times a with w's sign: 2 * 128 * 127 just fits 16 bits. */
LLMK_INLINE __m256i LLMK_(row_wide)(const uint8_t *w, __m256i a) {
    const __m256i s = _mm256_xor_si256(LLMK_(load32)(w), _mm256_set1_epi8(-128));
    return _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(s), _mm256_sign_epi8(a, s)), _mm256_set1_epi16(1));
}

LLMK_INLINE __m128i LLMK_(dots_wide)(const uint8_t *const *rows, size_t at, const int8_t *a, int n) {
    __m256i v = LLMK_(load32)(a), s0 = LLMK_(row_wide)(rows[0] + at, v), s1 = LLMK_(row_wide)(rows[1] + at, v);
    __m256i s2 = LLMK_(row_wide)(rows[2] + at, v), s3 = LLMK_(row_wide)(rows[3] + at, v);
    if (n == 64) {
        v = LLMK_(load32)(a + 32);
        s0 = _mm256_add_epi32(s0, LLMK_(row_wide)(rows[0] + at + 32, v));
        s1 = _mm256_add_epi32(s1, LLMK_(row_wide)(rows[1] + at + 32, v));
        s2 = _mm256_add_epi32(s2, LLMK_(row_wide)(rows[2] + at + 32, v));
        s3 = _mm256_add_epi32(s3, LLMK_(row_wide)(rows[3] + at + 32, v));
    }
    return LLMK_(int_sum4)(s0, s1, s2, s3);
}

/* 64 nibbles of a row: the low halves meet the activations of even columns, the high halves those of odd ones. */
LLMK_INLINE __m256i LLMK_(row_nibbles)(const uint8_t *w, __m256i even, __m256i odd) {
    const __m256i mask = _mm256_set1_epi8(15), v = LLMK_(load32)(w);
    const __m256i p = _mm256_maddubs_epi16(_mm256_and_si256(v, mask), even);
    const __m256i q = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(v, 4), mask), odd);
    return _mm256_madd_epi16(_mm256_add_epi16(p, q), _mm256_set1_epi16(1));
}

/* 32 nibbles: the low halves of 16 bytes in the lower lane, the high ones in the upper. */
LLMK_INLINE __m256i LLMK_(row_nibbles_32)(const uint8_t *w, __m256i even_odd) {
    const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)w);
    const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(v), _mm_srli_epi16(v, 4), 1);
    const __m256i p = _mm256_maddubs_epi16(_mm256_and_si256(both, _mm256_set1_epi8(15)), even_odd);
    return _mm256_madd_epi16(p, _mm256_set1_epi16(1));
}

/* 32 bytes to [16 even | 16 odd]. */
LLMK_INLINE __m256i LLMK_(even_odd)(const int8_t *a) {
    const __m256i order = _mm256_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12,
                                           14, 1, 3, 5, 7, 9, 11, 13, 15);
    return _mm256_permute4x64_epi64(_mm256_shuffle_epi8(LLMK_(load32)(a), order), 0xd8);
}

LLMK_INLINE __m128i LLMK_(dots_nibbles)(const uint8_t *const *rows, size_t at, const int8_t *a, int n) {
    const __m256i x = LLMK_(even_odd)(a);
    at /= 2;
    if (n == 64) {
        const __m256i y = LLMK_(even_odd)(a + 32);
        const __m256i even = _mm256_permute2x128_si256(x, y, 0x20), odd = _mm256_permute2x128_si256(x, y, 0x31);
        return LLMK_(int_sum4)(LLMK_(row_nibbles)(rows[0] + at, even, odd), LLMK_(row_nibbles)(rows[1] + at, even, odd),
                           LLMK_(row_nibbles)(rows[2] + at, even, odd), LLMK_(row_nibbles)(rows[3] + at, even, odd));
    }
    return LLMK_(int_sum4)(LLMK_(row_nibbles_32)(rows[0] + at, x), LLMK_(row_nibbles_32)(rows[1] + at, x),
                       LLMK_(row_nibbles_32)(rows[2] + at, x), LLMK_(row_nibbles_32)(rows[3] + at, x));
}

LLMK_INLINE void LLMK_(nibbles_to_bytes)(const uint8_t *codes, size_t n, uint8_t *out) {
    const __m128i mask = _mm_set1_epi8(15);
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(codes + i / 2));
        const __m128i low = _mm_and_si128(v, mask), high = _mm_and_si128(_mm_srli_epi16(v, 4), mask);
        _mm_storeu_si128((__m128i *)(void *)(out + i), _mm_unpacklo_epi8(low, high));
        _mm_storeu_si128((__m128i *)(void *)(out + i + 16), _mm_unpackhi_epi8(low, high));
    }
    for (; i < n; i++) out[i] = (uint8_t)(codes[i / 2] >> (i % 2 * 4) & 15);
}

/* Codes of any width: a shuffle brings the two bytes that hold a code into a 16-bit lane, a multiplication by a power
   of two moves the code to the lane's upper byte. */
LLMK_INLINE __m256i LLMK_(codes16)(const uint8_t *p, int bits, __m256i order, __m256i shift) {
    const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)p);
    const __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(p + bits));
    __m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    v = _mm256_srli_epi16(_mm256_mullo_epi16(_mm256_shuffle_epi8(v, order), shift), 8);
    return _mm256_and_si256(v, _mm256_set1_epi16((short)((1 << bits) - 1)));
}

LLM__FN void LLMK_(codes_to_bytes)(const uint8_t *codes, size_t n, int bits, uint8_t *out) {
    const size_t bytes = n * (size_t)bits / 8;
    uint8_t places[32], last[64] = {0};
    int16_t factors[16];
    __m256i order, shift;
    size_t i, at;
    int j;
    for (j = 0; j < 16; j++) {
        const int bit = j % 8 * bits;
        places[2 * j] = (uint8_t)(bit / 8);
        places[2 * j + 1] = (uint8_t)(bit / 8 + 1);
        factors[j] = (int16_t)(1 << (8 - bit % 8));
    }
    order = LLMK_(load32)(places), shift = LLMK_(load32)(factors);
    for (i = 0; i + 32 <= n; i += 32) {
        const uint8_t *p = codes + (at = i * (size_t)bits / 8);
        __m256i v, v2;
        if (at + 3 * (size_t)bits + 16 > bytes) { /* never read past the row */
            memcpy(last, p, bytes - at < 48 ? bytes - at : 48);
            p = last;
        }
        v = LLMK_(codes16)(p, bits, order, shift), v2 = LLMK_(codes16)(p + 2 * bits, bits, order, shift);
        v = _mm256_packus_epi16(v, v2);
        _mm256_storeu_si256((__m256i *)(void *)(out + i), _mm256_permute4x64_epi64(v, 0xd8));
    }
    if (i < n) llm__affine_unpack(codes + i * (size_t)bits / 8, n - i, bits, out + i);
}

/* n is 32 or 64 in the next two. */
LLMK_INLINE int32_t LLMK_(largest_bits)(const float *x, int n) {
    const __m256i mask = _mm256_set1_epi32(0x7fffffff);
    __m256i v = _mm256_setzero_si256();
    __m128i h;
    int i;
    for (i = 0; i < n; i += 8) v = _mm256_max_epi32(v, _mm256_and_si256(LLMK_(load32)(x + i), mask));
    h = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    h = _mm_max_epi32(h, _mm_shuffle_epi32(h, 0x4e));
    h = _mm_max_epi32(h, _mm_shuffle_epi32(h, 0xb1));
    return _mm_cvtsi128_si32(h);
}

LLMK_INLINE int32_t LLMK_(round_to_codes)(const float *x, int n, float factor, int8_t *codes) {
    const __m256 f = _mm256_set1_ps(factor);
    __m256i sum = _mm256_setzero_si256();
    __m128i h;
    int i;
    for (i = 0; i < n; i += 8) {
        const __m256i v = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), f));
        const __m128i p = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
        _mm_storel_epi64((__m128i *)(void *)(codes + i), _mm_packs_epi16(p, p));
        sum = _mm256_add_epi32(sum, v);
    }
    h = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0x4e));
    h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0xb1));
    return _mm_cvtsi128_si32(h);
}

/* X rows of activations times a panel of 8 rows (see LLMK_(panel8)) over one chunk: 32-bit sums.  Codes lie in steps
   of 4 columns of each row and activations are broadcast 4 at a time, so that a row keeps to its lane.  `each` steps
   fit 16 bits: 8 products of at most 2 * 15 * 127, or 2 of at most 2 * 63 * 127. */
#define LLMK_PANELS
LLMK_INLINE void LLMK_(panel_dots)(const int X, const int each, const int chunk, const uint8_t *w, const int8_t *a,
                                   size_t a_stride, __m256i *s0, __m256i *s1, __m256i *s2, __m256i *s3) {
    const __m256i one = _mm256_set1_epi16(1), zero = _mm256_setzero_si256();
    int k, e;
    *s0 = *s1 = *s2 = *s3 = zero;
    for (k = 0; k < chunk; k += 4 * each) {
        __m256i p0 = zero, p1 = zero, p2 = zero, p3 = zero;
        LLMK_UNROLL
        for (e = 0; e < 4 * each; e += 4) {
            const __m256i v = LLMK_(load32)(w + 8 * (k + e));
            const int8_t *at = a + k + e;
            p0 = _mm256_add_epi16(p0, _mm256_maddubs_epi16(v, LLMK_(broadcast)(at)));
            if (X > 1) p1 = _mm256_add_epi16(p1, _mm256_maddubs_epi16(v, LLMK_(broadcast)(at + a_stride)));
            if (X > 2) p2 = _mm256_add_epi16(p2, _mm256_maddubs_epi16(v, LLMK_(broadcast)(at + 2 * a_stride)));
            if (X > 3) p3 = _mm256_add_epi16(p3, _mm256_maddubs_epi16(v, LLMK_(broadcast)(at + 3 * a_stride)));
        }
        *s0 = _mm256_add_epi32(*s0, _mm256_madd_epi16(p0, one));
        if (X > 1) *s1 = _mm256_add_epi32(*s1, _mm256_madd_epi16(p1, one));
        if (X > 2) *s2 = _mm256_add_epi32(*s2, _mm256_madd_epi16(p2, one));
        if (X > 3) *s3 = _mm256_add_epi32(*s3, _mm256_madd_epi16(p3, one));
    }
}

#elif LLM__KERNEL_PASS == 2 /* ---- NEON as every 64-bit ARM has it */
#define VF_N 4
#define VF float32x4_t
#define VI int32x4_t
#define vf_set(x) vdupq_n_f32(x)
#define vf_add(a, b) vaddq_f32(a, b)
#define vf_sub(a, b) vsubq_f32(a, b)
#define vf_mul(a, b) vmulq_f32(a, b)
#define vf_div(a, b) vdivq_f32(a, b)
#define vf_fma(a, b, c) vfmaq_f32(c, a, b)
#define vf_bits(a) vreinterpretq_s32_f32(a)
#define vf_from_bits(a) vreinterpretq_f32_s32(a)
#define vf_load(p) vreinterpretq_f32_u8(vld1q_u8((const uint8_t *)(p)))
#define vf_store(p, a) vst1q_f32(p, a)
#define vf_load_f16(p) vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)))
#define vf_store_f16(p, a) vst1_u8(p, vreinterpret_u8_f16(vcvt_f16_f32(a)))
#define vf_load_bf16(p) vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(p)), 16))
#define vf_max(a, b) vmaxnmq_f32(a, b) /* a if b is NaN */
#define vf_clamp(x, low, high) vmaxq_f32(low, vminq_f32(high, x)) /* a NaN stays */
#define vf_sum(a) vaddvq_f32(a)
#define vf_sum4(a, b, c, d) vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d))
#define vi_set(x) vdupq_n_s32(x)
#define vi_add(a, b) vaddq_s32(a, b)
#define vi_sub(a, b) vsubq_s32(a, b)
#define vi_shl23(a) vshlq_n_s32(a, 23)
#define vi_half(a) vshrq_n_s32(a, 1)
#define LLMK_CODES_TO_BYTES llm__affine_unpack
#define V4 float32x4_t
#define I4 int32x4_t
#define v4_set(x) vdupq_n_f32(x)
#define v4_load(p) vld1q_f32(p)
#define v4_store(p, a) vst1q_f32(p, a)
#define v4_add(a, b) vaddq_f32(a, b)
#define v4_mul(a, b) vmulq_f32(a, b)
#define v4_from(a) vcvtq_f32_s32(a)
#define v4_transpose(a, b, c, d) LLMK_(v4_transpose)(&(a), &(b), &(c), &(d))
#define sf_fma LLMK_(fma_one)
#define vf_store_bf16 LLMK_(store_bf16)
#define vf_load_u8 LLMK_(load_u8)
#define vf_load_e4m3 LLMK_(load_e4m3)
#define vf_load_e2m1 LLMK_(load_e2m1)
#define vf_round_bf16(a) vf_from_bits(LLMK_(bf16_bits)(a))

LLMK_INLINE float LLMK_(fma_one)(float a, float b, float c) {
    return vget_lane_f32(vfma_f32(vdup_n_f32(c), vdup_n_f32(a), vdup_n_f32(b)), 0);
}

/* The bits of the nearest bf16, ties to even, by adding 0x7fff and the bit that will be the lowest; NaNs keep their top
   bits, made quiet. */
LLMK_INLINE int32x4_t LLMK_(bf16_bits)(float32x4_t a) {
    const uint32x4_t bits = vreinterpretq_u32_f32(a);
    uint32x4_t even = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t h = vaddq_u32(bits, vaddq_u32(even, vdupq_n_u32(0x7fff)));
    h = vbslq_u32(vceqq_f32(a, a), h, vorrq_u32(bits, vdupq_n_u32(0x400000)));
    return vreinterpretq_s32_u32(vandq_u32(h, vdupq_n_u32(0xffff0000u)));
}

LLMK_INLINE void LLMK_(store_bf16)(uint8_t *p, float32x4_t a) {
    vst1_u8(p, vreinterpret_u8_u16(vshrn_n_u32(vreinterpretq_u32_s32(LLMK_(bf16_bits)(a)), 16)));
}

LLMK_INLINE uint16x4_t LLMK_(load_4)(const uint8_t *p) {
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vget_low_u16(vmovl_u8(vcreate_u8(four)));
}

/* e4m3 is a half float with a shorter exponent: shifted into place it is 2^8 too small.  0x7f is NaN. */
LLMK_INLINE float32x4_t LLMK_(load_e4m3)(const uint8_t *p) {
    const uint16x4_t b = LLMK_(load_4)(p), size = vand_u16(b, vdup_n_u16(0x7f));
    const uint16x4_t nan = vceq_u16(size, vdup_n_u16(0x7f));
    uint16x4_t h = vorr_u16(vshl_n_u16(size, 7), vshr_n_u16(nan, 1));
    h = vorr_u16(h, vshl_n_u16(vshr_n_u16(b, 7), 15));
    return vmulq_f32(vcvt_f32_f16(vreinterpret_f16_u16(h)), vdupq_n_f32(256.0f));
}

/* e2m1 codes, one a byte: like e4m3, a half float that is 2^14 too small. */
LLMK_INLINE float32x4_t LLMK_(load_e2m1)(const uint8_t *p) {
    const uint16x4_t b = LLMK_(load_4)(p);
    const uint16x4_t h = vorr_u16(vshl_n_u16(vand_u16(b, vdup_n_u16(7)), 9), vshl_n_u16(vshr_n_u16(b, 3), 15));
    return vmulq_f32(vcvt_f32_f16(vreinterpret_f16_u16(h)), vdupq_n_f32(16384.0f));
}

LLMK_INLINE float32x4_t LLMK_(load_u8)(const uint8_t *p) {
    return vcvtq_f32_u32(vmovl_u16(LLMK_(load_4)(p)));
}

LLMK_INLINE void LLMK_(v4_transpose)(V4 *a, V4 *b, V4 *c, V4 *d) {
    const float64x2_t p = vreinterpretq_f64_f32(vtrn1q_f32(*a, *b)), q = vreinterpretq_f64_f32(vtrn2q_f32(*a, *b));
    const float64x2_t r = vreinterpretq_f64_f32(vtrn1q_f32(*c, *d)), s = vreinterpretq_f64_f32(vtrn2q_f32(*c, *d));
    *a = vreinterpretq_f32_f64(vtrn1q_f64(p, r)), *b = vreinterpretq_f32_f64(vtrn1q_f64(q, s));
    *c = vreinterpretq_f32_f64(vtrn2q_f64(p, r)), *d = vreinterpretq_f32_f64(vtrn2q_f64(q, s));
}

/* 32 codes of at most 63 times 32 activations: four products of at most 63 * 127 fit 16 bits. */
LLMK_INLINE int32x4_t LLMK_(add_small)(int32x4_t sum, int8x16_t w0, int8x16_t w1, int8x16_t a0, int8x16_t a1) {
    int16x8_t p = vmull_s8(vget_low_s8(w0), vget_low_s8(a0));
    p = vmlal_high_s8(p, w0, a0);
    p = vmlal_s8(p, vget_low_s8(w1), vget_low_s8(a1));
    return vpadalq_s16(sum, vmlal_high_s8(p, w1, a1));
}

LLMK_INLINE int32x4_t LLMK_(row_bytes)(const uint8_t *w, const int8_t *a, int n) {
    const int8_t *codes = (const int8_t *)w;
    int32x4_t sum = vdupq_n_s32(0);
    int i;
    for (i = 0; i < n; i += 32)
        sum = LLMK_(add_small)(sum, vld1q_s8(codes + i), vld1q_s8(codes + i + 16), vld1q_s8(a + i),
                               vld1q_s8(a + i + 16));
    return sum;
}

/* Codes minus 128: two products of at most 128 * 127 fit 16 bits. */
LLMK_INLINE int32x4_t LLMK_(row_wide)(const uint8_t *w, const int8_t *a, int n) {
    int32x4_t sum = vdupq_n_s32(0);
    int i;
    for (i = 0; i < n; i += 16) {
        const int8x16_t s = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(w + i), vdupq_n_u8(128))), v = vld1q_s8(a + i);
        sum = vpadalq_s16(sum, vmlal_high_s8(vmull_s8(vget_low_s8(s), vget_low_s8(v)), s, v));
    }
    return sum;
}

/* The low halves of bytes meet the activations of even columns, the high halves those of odd ones. */
LLMK_INLINE int32x4_t LLMK_(row_nibbles)(const uint8_t *w, const int8x16x2_t *a, int n) {
    int32x4_t sum = vdupq_n_s32(0);
    int i;
    for (i = 0; i < n / 32; i++) {
        const uint8x16_t v = vld1q_u8(w + 16 * i);
        sum = LLMK_(add_small)(sum, vreinterpretq_s8_u8(vandq_u8(v, vdupq_n_u8(15))),
                               vreinterpretq_s8_u8(vshrq_n_u8(v, 4)), a[i].val[0], a[i].val[1]);
    }
    return sum;
}

LLMK_INLINE int32x4_t LLMK_(int_sum4)(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) {
    return vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
}

LLMK_INLINE int32x4_t LLMK_(dots_bytes)(const uint8_t *const *rows, size_t at, const int8_t *a, int n) {
    return LLMK_(int_sum4)(LLMK_(row_bytes)(rows[0] + at, a, n), LLMK_(row_bytes)(rows[1] + at, a, n),
                           LLMK_(row_bytes)(rows[2] + at, a, n), LLMK_(row_bytes)(rows[3] + at, a, n));
}

LLMK_INLINE int32x4_t LLMK_(dots_wide)(const uint8_t *const *rows, size_t at, const int8_t *a, int n) {
    return LLMK_(int_sum4)(LLMK_(row_wide)(rows[0] + at, a, n), LLMK_(row_wide)(rows[1] + at, a, n),
                           LLMK_(row_wide)(rows[2] + at, a, n), LLMK_(row_wide)(rows[3] + at, a, n));
}

LLMK_INLINE int32x4_t LLMK_(dots_nibbles)(const uint8_t *const *rows, size_t at, const int8_t *a, int n) {
    int8x16x2_t v[2];
    v[0] = vld2q_s8(a), v[1] = n == 64 ? vld2q_s8(a + 32) : v[0];
    at /= 2;
    return LLMK_(int_sum4)(LLMK_(row_nibbles)(rows[0] + at, v, n), LLMK_(row_nibbles)(rows[1] + at, v, n),
                           LLMK_(row_nibbles)(rows[2] + at, v, n), LLMK_(row_nibbles)(rows[3] + at, v, n));
}

LLMK_INLINE void LLMK_(nibbles_to_bytes)(const uint8_t *codes, size_t n, uint8_t *out) {
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const uint8x16_t v = vld1q_u8(codes + i / 2);
        uint8x16x2_t two;
        two.val[0] = vandq_u8(v, vdupq_n_u8(15)), two.val[1] = vshrq_n_u8(v, 4);
        vst2q_u8(out + i, two);
    }
    for (; i < n; i++) out[i] = (uint8_t)(codes[i / 2] >> (i % 2 * 4) & 15);
}

/* n is 32 or 64 in the next two. */
LLMK_INLINE int32_t LLMK_(largest_bits)(const float *x, int n) {
    int32x4_t v = vdupq_n_s32(0);
    int i;
    for (i = 0; i < n; i += 4)
        v = vmaxq_s32(v, vandq_s32(vreinterpretq_s32_f32(vld1q_f32(x + i)), vdupq_n_s32(0x7fffffff)));
    return vmaxvq_s32(v);
}

LLMK_INLINE int32_t LLMK_(round_to_codes)(const float *x, int n, float factor, int8_t *codes) {
    const float32x4_t f = vdupq_n_f32(factor);
    int32x4_t sum = vdupq_n_s32(0);
    int i;
    for (i = 0; i < n; i += 8) {
        const int32x4_t a = vcvtnq_s32_f32(vmulq_f32(vld1q_f32(x + i), f));
        const int32x4_t b = vcvtnq_s32_f32(vmulq_f32(vld1q_f32(x + i + 4), f));
        vst1_s8(codes + i, vmovn_s16(vcombine_s16(vmovn_s32(a), vmovn_s32(b))));
        sum = vaddq_s32(sum, vaddq_s32(a, b));
    }
    return vaddvq_s32(sum);
}

#else /* ---- plain C */
#define VF_N 1
#define VF float
#define VI int32_t
#define vf_set(x) (x)
#define vf_add(a, b) ((a) + (b))
#define vf_sub(a, b) ((a) - (b))
#define vf_mul(a, b) ((a) * (b))
#define vf_div(a, b) ((a) / (b))
#define vf_fma(a, b, c) ((a) * (b) + (c))
#define sf_fma(a, b, c) ((a) * (b) + (c))
#define vf_sum(a) (a)
#define vf_sum4 LLMK_(sum4)
#define vf_bits LLMK_(bits)
#define vf_from_bits LLMK_(from_bits)
#define vf_load LLMK_(load)
#define vf_store(p, v) (*(p) = (v))
#define vf_load_f16 LLMK_(load_f16)
#define vf_load_bf16 LLMK_(load_bf16)
#define vf_store_f16 LLMK_(store_f16)
#define vf_store_bf16 LLMK_(store_bf16)
#define vf_load_u8(p) ((float)*(p))
#define vf_load_e4m3(p) llm__e4m3_to_f32(*(p))
#define vf_load_e2m1(p) llm__e2m1_to_f32(*(p))
#define vf_round_bf16(a) llm__bf16_to_f32(llm__f32_to_bf16(a))
#define vf_max(a, b) ((b) > (a) ? (b) : (a)) /* a if b is NaN */
#define vf_clamp(x, low, high) ((x) < (low) ? (low) : (x) > (high) ? (high) : (x)) /* a NaN stays */
#define vi_set(x) (x)
#define vi_add(a, b) ((int32_t)((uint32_t)(a) + (uint32_t)(b)))
#define vi_sub(a, b) ((int32_t)((uint32_t)(a) - (uint32_t)(b)))
#define vi_shl23(a) ((int32_t)((uint32_t)(a) << 23))
#define vi_half(a) ((a) >> 1)

LLMK_INLINE int32_t LLMK_(bits)(float x) {
    int32_t i;
    memcpy(&i, &x, sizeof i);
    return i;
}

LLMK_INLINE float LLMK_(from_bits)(int32_t i) {
    float x;
    memcpy(&x, &i, sizeof x);
    return x;
}

LLMK_INLINE float LLMK_(load)(const void *p) {
    float x;
    memcpy(&x, p, sizeof x);
    return x;
}

LLMK_INLINE float LLMK_(load_f16)(const void *p) {
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return llm__f16_to_f32(h);
}

LLMK_INLINE float LLMK_(load_bf16)(const void *p) {
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return llm__bf16_to_f32(h);
}

LLMK_INLINE void LLMK_(store_f16)(void *p, float x) {
    uint16_t h = llm__f32_to_f16(x);
    memcpy(p, &h, sizeof h);
}

LLMK_INLINE void LLMK_(store_bf16)(void *p, float x) {
    uint16_t h = llm__f32_to_bf16(x);
    memcpy(p, &h, sizeof h);
}

typedef struct LLMK_(four) { float v[4]; } LLMK_(four);
typedef struct LLMK_(four_int) { int32_t v[4]; } LLMK_(four_int);
#define V4 LLMK_(four)
#define I4 LLMK_(four_int)

LLMK_INLINE V4 LLMK_(v4_set)(float x) {
    V4 r = {{x, x, x, x}};
    return r;
}

LLMK_INLINE V4 LLMK_(v4_load)(const float *p) {
    V4 r = {{p[0], p[1], p[2], p[3]}};
    return r;
}

LLMK_INLINE void LLMK_(v4_store)(float *p, V4 a) { memcpy(p, a.v, sizeof a.v); }

LLMK_INLINE V4 LLMK_(v4_add)(V4 a, V4 b) {
    V4 r = {{a.v[0] + b.v[0], a.v[1] + b.v[1], a.v[2] + b.v[2], a.v[3] + b.v[3]}};
    return r;
}

LLMK_INLINE V4 LLMK_(v4_mul)(V4 a, V4 b) {
    V4 r = {{a.v[0] * b.v[0], a.v[1] * b.v[1], a.v[2] * b.v[2], a.v[3] * b.v[3]}};
    return r;
}

LLMK_INLINE V4 LLMK_(v4_from)(I4 a) {
    V4 r = {{(float)a.v[0], (float)a.v[1], (float)a.v[2], (float)a.v[3]}};
    return r;
}

LLMK_INLINE void LLMK_(v4_transpose)(V4 *a, V4 *b, V4 *c, V4 *d) {
    const V4 p = *a, q = *b, r = *c, s = *d;
    int i;
    for (i = 0; i < 4; i++) {
        V4 *to = i == 0 ? a : i == 1 ? b : i == 2 ? c : d;
        to->v[0] = p.v[i], to->v[1] = q.v[i], to->v[2] = r.v[i], to->v[3] = s.v[i];
    }
}

LLMK_INLINE V4 LLMK_(sum4)(float a, float b, float c, float d) {
    V4 r = {{a, b, c, d}};
    return r;
}

#define v4_set LLMK_(v4_set)
#define v4_load LLMK_(v4_load)
#define v4_store LLMK_(v4_store)
#define v4_add LLMK_(v4_add)
#define v4_mul LLMK_(v4_mul)
#define v4_from LLMK_(v4_from)
#define v4_transpose(a, b, c, d) LLMK_(v4_transpose)(&(a), &(b), &(c), &(d))

LLMK_INLINE int32_t LLMK_(int_dot)(const uint8_t *w, int zero, const int8_t *a, int n) {
    int32_t sum = 0;
    int k;
    for (k = 0; k < n; k++) sum += (w[k] - zero) * a[k];
    return sum;
}

LLMK_INLINE int32_t LLMK_(int_dot_nibbles)(const uint8_t *w, const int8_t *a, int n) {
    int32_t sum = 0;
    int k;
    for (k = 0; k < n / 2; k++) sum += (w[k] & 15) * a[2 * k] + (w[k] >> 4) * a[2 * k + 1];
    return sum;
}

LLMK_INLINE I4 LLMK_(dots_bytes)(const uint8_t *const *rows, size_t at, const int8_t *a, int n) {
    I4 r = {{LLMK_(int_dot)(rows[0] + at, 0, a, n), LLMK_(int_dot)(rows[1] + at, 0, a, n),
             LLMK_(int_dot)(rows[2] + at, 0, a, n), LLMK_(int_dot)(rows[3] + at, 0, a, n)}};
    return r;
}

LLMK_INLINE I4 LLMK_(dots_wide)(const uint8_t *const *rows, size_t at, const int8_t *a, int n) {
    I4 r = {{LLMK_(int_dot)(rows[0] + at, 128, a, n), LLMK_(int_dot)(rows[1] + at, 128, a, n),
             LLMK_(int_dot)(rows[2] + at, 128, a, n), LLMK_(int_dot)(rows[3] + at, 128, a, n)}};
    return r;
}

LLMK_INLINE I4 LLMK_(dots_nibbles)(const uint8_t *const *rows, size_t at, const int8_t *a, int n) {
    I4 r = {{LLMK_(int_dot_nibbles)(rows[0] + at / 2, a, n), LLMK_(int_dot_nibbles)(rows[1] + at / 2, a, n),
             LLMK_(int_dot_nibbles)(rows[2] + at / 2, a, n), LLMK_(int_dot_nibbles)(rows[3] + at / 2, a, n)}};
    return r;
}

LLMK_INLINE void LLMK_(nibbles_to_bytes)(const uint8_t *codes, size_t n, uint8_t *out) {
    size_t i;
    for (i = 0; i < n / 2; i++) {
        out[2 * i] = codes[i] & 15;
        out[2 * i + 1] = codes[i] >> 4;
    }
}

#define LLMK_CODES_TO_BYTES llm__affine_unpack

LLMK_INLINE int32_t LLMK_(largest_bits)(const float *x, int n) {
    int32_t largest = 0, bits;
    int i;
    for (i = 0; i < n; i++) {
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffff;
        if (bits > largest) largest = bits;
    }
    return largest;
}

/* Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
LLMK_INLINE int32_t LLMK_(round_to_codes)(const float *x, int n, float factor, int8_t *codes) {
    int32_t sum = 0, bits;
    int i;
    for (i = 0; i < n; i++) {
        const float shifted = x[i] * factor + 12582912.0f;
        memcpy(&bits, &shifted, sizeof bits);
        codes[i] = (int8_t)(bits - 0x4b400000);
        sum += bits - 0x4b400000;
    }
    return sum;
}
#endif

/* ---- decoding a row */

LLMK_INLINE float LLMK_(load_one)(llm_dtype t, const void *p) {
    float x;
    uint16_t h;
    if (t == LLM_F32) {
        memcpy(&x, p, sizeof x);
        return x;
    }
    memcpy(&h, p, sizeof h);
    return t == LLM_F16 ? llm__f16_to_f32(h) : llm__bf16_to_f32(h);
}

LLMK_INLINE VF LLMK_(load_as)(llm_dtype t, const uint8_t *p) {
    return t == LLM_F32 ? vf_load((const float *)(const void *)p) : t == LLM_F16 ? vf_load_f16(p) : vf_load_bf16(p);
}

/* The last vector of a row overlaps the one before it; a row shorter than a vector goes through a copy. */
LLMK_INLINE void LLMK_(halves_to_f32)(const llm_dtype t, const uint8_t *p, size_t n, float *y) {
    uint8_t few[2 * VF_N] = {0};
    float numbers[VF_N];
    size_t i = 0;
    for (; i + VF_N <= n; i += VF_N) vf_store(y + i, LLMK_(load_as)(t, p + 2 * i));
    if (i < n && n >= VF_N) vf_store(y + n - VF_N, LLMK_(load_as)(t, p + 2 * (n - VF_N)));
    if (n >= VF_N) return;
    memcpy(few, p, 2 * n);
    vf_store(numbers, LLMK_(load_as)(t, few));
    memcpy(y, numbers, n * sizeof *y);
}

LLM__FN void LLMK_(to_f32)(llm_dtype t, const void *x, size_t n, float *y) {
    if (t == LLM_F16) LLMK_(halves_to_f32)(LLM_F16, (const uint8_t *)x, n, y);
    else if (t == LLM_BF16) LLMK_(halves_to_f32)(LLM_BF16, (const uint8_t *)x, n, y);
    else llm__to_f32(t, x, n, y);
}

LLM__FN void LLMK_(from_f32)(llm_dtype t, const float *x, size_t n, void *y) {
    uint8_t *p = (uint8_t *)y;
    size_t i = 0;
    if (t == LLM_F16) for (; i + VF_N <= n; i += VF_N) vf_store_f16(p + 2 * i, vf_load(x + i));
    if (t == LLM_BF16) for (; i + VF_N <= n; i += VF_N) vf_store_bf16(p + 2 * i, vf_load(x + i));
    llm__from_f32(t, x + i, n - i, p + (t == LLM_F32 ? 4 : 2) * i);
}

/* Codes to bytes.  4 and 8 bits are the common ones. */
LLM__FN void LLMK_(unpack)(const uint8_t *codes, size_t n, int bits, uint8_t *out) {
    if (bits == 4) LLMK_(nibbles_to_bytes)(codes, n, out);
    else LLMK_CODES_TO_BYTES(codes, n, bits, out);
}

/* Columns [begin, end) of a row; both are multiples of the group, or end is the row's end.
   AFFINE: scale * code + bias with two roundings, as the reference. */
LLMK_INLINE void LLMK_(decode_affine)(const llm__matrix *w, int row, int begin, int end, float *out, void *scratch) {
    const int group = w->group, first = begin / group, groups = end / group - first;
    float *scales = (float *)scratch, *biases = scales + groups;
    uint8_t *bytes = (uint8_t *)(biases + groups);
    const uint8_t *codes = w->data + (size_t)row * w->row_bytes + (size_t)begin * (size_t)w->bits / 8;
    const size_t factors = (size_t)row * w->scale_row_bytes + (size_t)first * llm__dtype_bytes(w->dtype);
    int g, i;
    LLMK_(to_f32)(w->dtype, w->scales + factors, (size_t)groups, scales);
    LLMK_(to_f32)(w->dtype, w->biases + factors, (size_t)groups, biases);
    if (w->bits != 8) LLMK_(unpack)(codes, (size_t)(end - begin), w->bits, bytes);
    if (w->bits != 8) codes = bytes;
    if (w->index) {
        llm__indexed_row(w, row, begin, end, codes, out);
        return;
    }
    for (g = 0; g < groups; g++, codes += group, out += group) {
        VF scale = vf_set(scales[g]), bias = vf_set(biases[g]);
        for (i = 0; i < group; i += VF_N)
            vf_store(out + i, vf_add(vf_mul(scale, vf_load_u8(codes + i)), bias));
    }
}

/* The last columns of a row may not fill a vector: their codes are copied. */
LLM__FN void LLMK_(decode_fp8)(const llm__matrix *w, int row, int begin, int end, float *out) {
    int i, block;
    const uint8_t *codes = w->data + (size_t)row * w->row_bytes, *factors = llm__fp8_factors(w, row, &block);
    const int whole = (end - begin) / VF_N * VF_N + begin;
    uint8_t few[VF_N] = {0};
    float numbers[VF_N];
    for (i = begin; i < end; i += VF_N) {
        const float factor = LLMK_(load_one)(LLM_F32, factors + (size_t)(i / block) * sizeof factor);
        VF products;
        if (i >= whole) memcpy(few, codes + i, (size_t)(end - i));
        products = vf_mul(vf_load_e4m3(i < whole ? codes + i : few), vf_set(factor));
        vf_store(numbers, w->unrounded ? products : vf_round_bf16(products));
        memcpy(out + i - begin, numbers, (size_t)(end - i < VF_N ? end - i : VF_N) * sizeof(float));
    }
}

LLM__FN void LLMK_(decode_scaled)(const llm__matrix *w, int row, int begin, int end, float *out, void *scratch) {
    const uint8_t *codes = w->data + (size_t)row * w->row_bytes;
    const uint8_t *factors = w->scales + (size_t)row * w->scale_row_bytes;
    const int group = w->format == LLM__NVFP4 ? 16 : 32;
    int i, k;
    if (w->format == LLM__MXFP8) codes += begin;
    else LLMK_(nibbles_to_bytes)(codes + begin / 2, (size_t)(end - begin), (uint8_t *)scratch);
    if (w->format != LLM__MXFP8) codes = (const uint8_t *)scratch;
    for (i = 0; i < end - begin; i += group) {
        const uint8_t f = factors[(begin + i) / group];
        const VF factor = vf_set(w->format == LLM__NVFP4 ? llm__nvfp4_factor(w, f) : llm__e8m0_to_f32(f));
        if (w->format == LLM__MXFP8)
            for (k = i; k < i + group; k += VF_N) vf_store(out + k, vf_mul(vf_load_e4m3(codes + k), factor));
        else for (k = i; k < i + group; k += VF_N) vf_store(out + k, vf_mul(vf_load_e2m1(codes + k), factor));
    }
}

LLM__FN void LLMK_(decode)(const llm__matrix *w, int row, int begin, int end, float *out, void *scratch) {
    const size_t size = w->dtype == LLM_F32 ? 4 : 2;
    if (w->format == LLM__FLOAT)
        LLMK_(to_f32)(w->dtype, w->data + (size_t)row * w->row_bytes + (size_t)begin * size, (size_t)(end - begin),
                      out);
    else if (w->format == LLM__AFFINE) LLMK_(decode_affine)(w, row, begin, end, out, scratch);
    else if (w->format == LLM__FP8_BLOCK) LLMK_(decode_fp8)(w, row, begin, end, out);
    else LLMK_(decode_scaled)(w, row, begin, end, out, scratch);
}

LLM__FN void LLMK_(decode_rows)(const llm__matrix *w, int begin, int end, float *out, void *scratch) {
    for (; begin < end; begin++, out += w->cols) LLMK_(decode)(w, begin, 0, w->cols, out, scratch);
}

/* ---- float products */

/* X rows of activations times 4 rows of type t over `cols` columns, a multiple of VF_N: sums[X][4] vectors go on where
   they stood.  t and X are constants where it is called. */
LLMK_INLINE void LLMK_(tile)(const int X, const llm_dtype t, const uint8_t *const *rows, const float *x,
                             size_t x_stride, int cols, float *sums) {
    const size_t size = t == LLM_F32 ? 4 : 2;
    const VF zero = vf_set(0.0f);
    VF a00 = vf_load(sums), a01 = vf_load(sums + VF_N), a02 = vf_load(sums + 2 * VF_N), a03 = vf_load(sums + 3 * VF_N);
    VF a10 = zero, a11 = zero, a12 = zero, a13 = zero, a20 = zero, a21 = zero, a22 = zero, a23 = zero;
    int k;
    if (X > 1) a10 = vf_load(sums + 4 * VF_N), a11 = vf_load(sums + 5 * VF_N);
    if (X > 1) a12 = vf_load(sums + 6 * VF_N), a13 = vf_load(sums + 7 * VF_N);
    if (X > 2) a20 = vf_load(sums + 8 * VF_N), a21 = vf_load(sums + 9 * VF_N);
    if (X > 2) a22 = vf_load(sums + 10 * VF_N), a23 = vf_load(sums + 11 * VF_N);
    for (k = 0; k < cols; k += VF_N) {
        const size_t at = (size_t)k * size;
        const VF w0 = LLMK_(load_as)(t, rows[0] + at), w1 = LLMK_(load_as)(t, rows[1] + at);
        const VF w2 = LLMK_(load_as)(t, rows[2] + at), w3 = LLMK_(load_as)(t, rows[3] + at);
        VF v = vf_load(x + k);
        a00 = vf_fma(w0, v, a00), a01 = vf_fma(w1, v, a01), a02 = vf_fma(w2, v, a02), a03 = vf_fma(w3, v, a03);
        if (X < 2) continue;
        v = vf_load(x + x_stride + k);
        a10 = vf_fma(w0, v, a10), a11 = vf_fma(w1, v, a11), a12 = vf_fma(w2, v, a12), a13 = vf_fma(w3, v, a13);
        if (X < 3) continue;
        v = vf_load(x + 2 * x_stride + k);
        a20 = vf_fma(w0, v, a20), a21 = vf_fma(w1, v, a21), a22 = vf_fma(w2, v, a22), a23 = vf_fma(w3, v, a23);
    }
    vf_store(sums, a00), vf_store(sums + VF_N, a01), vf_store(sums + 2 * VF_N, a02), vf_store(sums + 3 * VF_N, a03);
    if (X > 1) vf_store(sums + 4 * VF_N, a10), vf_store(sums + 5 * VF_N, a11);
    if (X > 1) vf_store(sums + 6 * VF_N, a12), vf_store(sums + 7 * VF_N, a13);
    if (X > 2) vf_store(sums + 8 * VF_N, a20), vf_store(sums + 9 * VF_N, a21);
    if (X > 2) vf_store(sums + 10 * VF_N, a22), vf_store(sums + 11 * VF_N, a23);
}

LLM__FN void LLMK_(tile_f32)(int X, const uint8_t *const *rows, const float *x, size_t x_stride, int cols,
                             float *sums) {
    if (X == 3) LLMK_(tile)(3, LLM_F32, rows, x, x_stride, cols, sums);
    else if (X == 2) LLMK_(tile)(2, LLM_F32, rows, x, x_stride, cols, sums);
    else LLMK_(tile)(1, LLM_F32, rows, x, x_stride, cols, sums);
}

/* Half floats are converted in registers as long as that is done once or twice. */
LLM__FN void LLMK_(tile_half)(int X, llm_dtype t, const uint8_t *const *rows, const float *x, size_t x_stride, int cols,
                              float *sums) {
    if (t == LLM_F16 && X == 1) LLMK_(tile)(1, LLM_F16, rows, x, x_stride, cols, sums);
    else if (t == LLM_F16) LLMK_(tile)(2, LLM_F16, rows, x, x_stride, cols, sums);
    else if (X == 1) LLMK_(tile)(1, LLM_BF16, rows, x, x_stride, cols, sums);
    else LLMK_(tile)(2, LLM_BF16, rows, x, x_stride, cols, sums);
}

/* What a row of activations got from a strip: its four sums[4], then `rest` columns that did not fill a vector. */
LLMK_INLINE void LLMK_(finish)(llm_dtype t, const uint8_t *const *rows, const float *x, int rest, const float *sums,
                               float *out) {
    const size_t size = t == LLM_F32 ? 4 : 2;
    int r, k;
    v4_store(out, vf_sum4(vf_load(sums), vf_load(sums + VF_N), vf_load(sums + 2 * VF_N), vf_load(sums + 3 * VF_N)));
    for (r = 0; r < LLM__STRIP; r++)
        for (k = 0; k < rest; k++)
            out[r] = sf_fma(LLMK_(load_one)(t, rows[r] + (size_t)k * size), x[k], out[r]);
}

/* A strip of W: rows o .. o + count - 1 (count <= 4; missing rows repeat the last).  It meets all rows of x a panel of
   columns at a time, so that the panel stays in the first-level cache; the sums wait in scratch meanwhile. */
typedef struct LLMK_(strip) {
    const llm__matrix *w;
    float *sums;             /* [n][4] vectors */
    float *floats;           /* [4][panel], decoded */
    void *scratch;
    int o, count, panel;
    llm_dtype type;          /* of rows */
    const uint8_t *rows[LLM__STRIP];
} LLMK_(strip);

/* Points rows at columns [begin, end), decoding them unless they can be used where they lie. */
LLM__FN void LLMK_(strip_rows)(LLMK_(strip) *s, int n, int begin, int end) {
    const llm__matrix *w = s->w;
    const int in_place = w->format == LLM__FLOAT && (w->dtype == LLM_F32 || n <= 2);
    int r;
    s->type = in_place ? w->dtype : LLM_F32;
    for (r = 0; r < LLM__STRIP; r++) {
        const int row = r < s->count ? s->o + r : s->o + s->count - 1;
        float *floats = s->floats + (size_t)r * (size_t)s->panel;
        s->rows[r] = r < s->count ? (const uint8_t *)floats : s->rows[r - 1];
        if (in_place)
            s->rows[r] = w->data + (size_t)row * w->row_bytes + (size_t)begin * (w->dtype == LLM_F32 ? 4 : 2);
        else if (r < s->count) LLMK_(decode)(w, row, begin, end, floats, s->scratch);
    }
}

LLM__FN void LLMK_(strip_times)(LLMK_(strip) *s, const float *x, size_t x_stride, int n, float *y, size_t y_stride) {
    const llm__matrix *w = s->w;
    const int whole = w->cols / VF_N * VF_N;
    int begin = 0, end, i, r, done = 0;
    float out[LLM__STRIP];
    memset(s->sums, 0, (size_t)n * LLM__STRIP * VF_N * sizeof(float));
    for (; begin < w->cols; begin = end) {
        end = w->cols - begin < s->panel ? w->cols : begin + s->panel;
        done = (end < whole ? end : whole) - begin;
        LLMK_(strip_rows)(s, n, begin, end);
        for (i = 0; i < n; i += 3) {
            const int X = n - i < 3 ? n - i : 3;
            const float *at = x + (size_t)i * x_stride + begin;
            float *sums = s->sums + (size_t)i * LLM__STRIP * VF_N;
            if (s->type == LLM_F32) LLMK_(tile_f32)(X, s->rows, at, x_stride, done, sums);
            else LLMK_(tile_half)(X, s->type, s->rows, at, x_stride, done, sums);
        }
    }
    for (r = 0; r < LLM__STRIP && w->cols; r++) s->rows[r] += (size_t)done * (s->type == LLM_F32 ? 4 : 2);
    for (i = 0; i < n; i++) {
        float *to = y + (size_t)i * y_stride + s->o;
        LLMK_(finish)(s->type, s->rows, x + (size_t)i * x_stride + whole, w->cols - whole,
                      s->sums + (size_t)i * LLM__STRIP * VF_N, out);
        for (r = 0; r < s->count; r++) to[r] = w->bias ? out[r] + w->bias[s->o + r] : out[r];
    }
}

/* Columns of a panel.  n small: all of them when they are used in place. */
LLM__FN int LLMK_(panel)(const llm__matrix *w, int n) {
    if (w->format == LLM__FLOAT && (n <= 2 || (w->dtype == LLM_F32 && n <= 3))) return w->cols;
    return w->format == LLM__AFFINE && (w->index || LLM__PANEL % w->group) ? w->cols : LLM__PANEL;
}

LLM__FN void LLMK_(product)(const llm__matrix *w, const float *x, size_t x_stride, int n, float *y, size_t y_stride,
                            int begin, int end, void *scratch) {
    int block = LLM__BLOCK_BYTES / 4 / (w->cols > 0 ? w->cols : 1) / 3 * 3, first, rows;
    LLMK_(strip) s;
    if (block < 24) block = 24;
    if (block > LLM__BLOCK_ROWS) block = LLM__BLOCK_ROWS;
    s.w = w;
    s.sums = (float *)scratch;
    s.floats = s.sums + LLM__BLOCK_ROWS * LLM__STRIP * VF_N;
    for (first = 0; first < n; first += rows) {
        rows = n - first < block ? n - first : block;
        s.panel = LLMK_(panel)(w, rows);
        s.scratch = s.floats + (size_t)LLM__STRIP * (size_t)s.panel;
        for (s.o = begin; s.o < end; s.o += LLM__STRIP) {
            s.count = end - s.o < LLM__STRIP ? end - s.o : LLM__STRIP;
            LLMK_(strip_times)(&s, x + (size_t)first * x_stride, x_stride, rows, y + (size_t)first * y_stride,
                               y_stride);
        }
    }
}

/* ---- int8 products */

/* The largest magnitude is found on the bits, where infinity and NaN are the largest of all. */
LLM__FN void LLMK_(quantize_row)(const float *x, int cols, int group, int8_t *codes, float *scales, float *sums) {
    int g;
    for (g = 0; g < cols / group; g++, x += group, codes += group) {
        const int32_t largest = LLMK_(largest_bits)(x, group);
        float max;
        memcpy(&max, &largest, sizeof max);
        if (largest >= 0x7f800000 || max < 1e-30f) {
            memset(codes, 0, (size_t)group);
            scales[g] = sums[g] = largest >= 0x7f800000 ? (float)NAN : 0.0f;
        } else {
            scales[g] = max / 127.0f;
            sums[g] = scales[g] * (float)LLMK_(round_to_codes)(x, group, 127.0f / max, codes);
        }
    }
}

/* A strip of 4 rows: where their codes lie and their factors, [chunks][4]; a chunk is x->group columns. */
typedef enum LLMK_(codes) { LLMK_(BYTES), LLMK_(WIDE), LLMK_(NIBBLES) } LLMK_(codes);
typedef struct LLMK_(strip8) {
    const uint8_t *rows[LLM__STRIP];
    const float *scales, *biases;
    LLMK_(codes) kind;
    uintptr_t next; /* where the next strip's codes begin */
} LLMK_(strip8);

/* Sums of code times activation over one chunk for each row of a strip.  Exact. */
LLMK_INLINE I4 LLMK_(dots)(const LLMK_(codes) kind, const uint8_t *const *rows, size_t at, const int8_t *a,
                           const int chunk) {
    if (kind == LLMK_(NIBBLES)) return LLMK_(dots_nibbles)(rows, at, a, chunk);
    if (kind == LLMK_(WIDE)) return LLMK_(dots_wide)(rows, at, a, chunk);
    return LLMK_(dots_bytes)(rows, at, a, chunk);
}

/* A strip times one row of activations.  kind and chunk are constants where it is called.  Codes that are used where
   they lie are asked for one strip ahead: rows are too short for the CPU to see where it goes. */
LLMK_INLINE V4 LLMK_(row8)(const LLMK_(codes) kind, const int chunk, const LLMK_(strip8) *s, const int8_t *a,
                           const float *scales, const float *sums, int chunks) {
    const uint8_t *const rows[LLM__STRIP] = {s->rows[0], s->rows[1], s->rows[2], s->rows[3]};
    const float *scales_w = s->scales, *biases_w = s->biases;
    const uintptr_t step = (uintptr_t)(kind == LLMK_(NIBBLES) ? 2 * chunk : 4 * chunk);
    uintptr_t next = s->next, end;
    V4 acc = v4_set(0.0f), bias = acc;
    int c;
    for (c = 0; c < chunks; c++) {
        const size_t at = (size_t)c * (size_t)chunk;
        const V4 exact = v4_from(LLMK_(dots)(kind, rows, at, a + at, chunk));
        acc = v4_add(acc, v4_mul(exact, v4_mul(v4_load(scales_w + 4 * c), v4_set(scales[c]))));
        bias = v4_add(bias, v4_mul(v4_load(biases_w + 4 * c), v4_set(sums[c])));
        if (kind == LLMK_(BYTES)) continue;
        for (end = next + step; next < end; next += 64) LLMK_PREFETCH(next);
    }
    return v4_add(acc, bias);
}

/* The factors of a strip, [stride * each][4], each group's `each` times, from those of its rows, [4][stride].  stride
   is the number of groups rounded up to 4. */
LLM__FN void LLMK_(interleave)(const float *rows, int stride, int each, float *out) {
    int g, e;
    for (g = 0; g < stride; g += 4, out += 16 * each) {
        V4 a = v4_load(rows + g), b = v4_load(rows + stride + g);
        V4 c = v4_load(rows + 2 * stride + g), d = v4_load(rows + 3 * stride + g);
        v4_transpose(a, b, c, d);
        for (e = 0; e < each; e++) {
            v4_store(out + 4 * e, a), v4_store(out + 4 * (each + e), b);
            v4_store(out + 4 * (2 * each + e), c), v4_store(out + 4 * (3 * each + e), d);
        }
    }
}

/* Rows o .. o + count - 1 of W (count <= 4; missing rows repeat the last) for n rows of activations. */
LLM__FN void LLMK_(strip8_open)(LLMK_(strip8) *s, const llm__matrix *w, int o, int count, int n, int chunk,
                                float *scratch) {
    const int groups = w->cols / w->group, stride = (groups + 3) & ~3, each = w->group / chunk;
    float *raw = scratch, *scales = raw + 4 * stride, *biases = scales + 4 * stride * each;
    uint8_t *bytes = (uint8_t *)(biases + 4 * stride * each);
    int r, c;
    s->kind = w->bits == 8 ? LLMK_(WIDE) : w->bits == 4 && n <= 2 ? LLMK_(NIBBLES) : LLMK_(BYTES);
    s->scales = scales, s->biases = biases;
    s->next = (uintptr_t)w->data + (size_t)(o + LLM__STRIP) * w->row_bytes;
    for (r = 0; r < LLM__STRIP; r++) {
        const int row = r < count ? o + r : o + count - 1;
        s->rows[r] = w->data + (size_t)row * w->row_bytes;
        LLMK_(to_f32)(w->dtype, w->scales + (size_t)row * w->scale_row_bytes, (size_t)groups, raw + r * stride);
        if (s->kind != LLMK_(BYTES)) continue;
        LLMK_(unpack)(s->rows[r], (size_t)w->cols, w->bits, bytes + (size_t)r * (size_t)w->cols);
        s->rows[r] = bytes + (size_t)r * (size_t)w->cols;
    }
    LLMK_(interleave)(raw, stride, each, scales);
    for (r = 0; r < LLM__STRIP; r++) {
        const int row = r < count ? o + r : o + count - 1;
        LLMK_(to_f32)(w->dtype, w->biases + (size_t)row * w->scale_row_bytes, (size_t)groups, raw + r * stride);
    }
    LLMK_(interleave)(raw, stride, each, biases);
    if (w->bits == 8)
        for (c = 0; c < groups * each; c++)
            v4_store(biases + 4 * c, v4_add(v4_load(biases + 4 * c), v4_mul(v4_set(128.0f), v4_load(scales + 4 * c))));
}

LLMK_INLINE void LLMK_(rows8)(const LLMK_(codes) kind, const int chunk, const LLMK_(strip8) *s, const llm__matrix *w,
                              int o, int count, const llm__rows8 *x, int first, int last, float *y, size_t y_stride) {
    float out[4];
    int i, r;
    for (i = first; i < last; i++) {
        const size_t at = (size_t)i * x->scale_stride;
        v4_store(out, LLMK_(row8)(kind, chunk, s, x->codes + (size_t)i * x->code_stride, x->scales + at, x->sums + at,
                                  w->cols / chunk));
        for (r = 0; r < count; r++)
            y[(size_t)i * y_stride + (size_t)(o + r)] = w->bias ? out[r] + w->bias[o + r] : out[r];
    }
}

LLM__FN void LLMK_(strip8_times)(const LLMK_(strip8) *s, const llm__matrix *w, int o, int count, const llm__rows8 *x,
                                 int first, int last, float *y, size_t y_stride) {
    if (x->group == 64) {
        if (s->kind == LLMK_(NIBBLES)) LLMK_(rows8)(LLMK_(NIBBLES), 64, s, w, o, count, x, first, last, y, y_stride);
        else if (s->kind == LLMK_(WIDE)) LLMK_(rows8)(LLMK_(WIDE), 64, s, w, o, count, x, first, last, y, y_stride);
        else LLMK_(rows8)(LLMK_(BYTES), 64, s, w, o, count, x, first, last, y, y_stride);
    } else {
        if (s->kind == LLMK_(NIBBLES)) LLMK_(rows8)(LLMK_(NIBBLES), 32, s, w, o, count, x, first, last, y, y_stride);
        else if (s->kind == LLMK_(WIDE)) LLMK_(rows8)(LLMK_(WIDE), 32, s, w, o, count, x, first, last, y, y_stride);
        else LLMK_(rows8)(LLMK_(BYTES), 32, s, w, o, count, x, first, last, y, y_stride);
    }
}

#ifdef LLMK_PANELS
/* Prompts: 8 rows of W at a time, unpacked to [cols/4][8][4] bytes once for a block of activations.  Their factors are
   [chunks][8].  A number is summed as LLMK_(row8) does. */
typedef struct LLMK_(panel8) {
    const uint8_t *codes;
    const float *scales, *biases;
    int chunks, each;
} LLMK_(panel8);

LLM__FN void LLMK_(panel_factors)(const llm__matrix *w, const uint8_t *factors, int o, int count, int repeat,
                                  float *raw, float *out) {
    const int groups = w->cols / w->group;
    int r, g, e;
    for (r = 0; r < 8; r++) {
        const int row = r < count ? o + r : o + count - 1;
        LLMK_(to_f32)(w->dtype, factors + (size_t)row * w->scale_row_bytes, (size_t)groups, raw);
        for (g = 0; g < groups; g++)
            for (e = 0; e < repeat; e++) out[(g * repeat + e) * 8 + r] = raw[g];
    }
}

/* Rows o .. o + count - 1 of W (count <= 8; missing rows repeat the last). */
LLM__FN void LLMK_(panel_open)(LLMK_(panel8) *p, const llm__matrix *w, int o, int count, int chunk, void *scratch) {
    const int chunks = w->cols / chunk;
    float *scales = (float *)scratch, *biases = scales + 8 * chunks, *raw = biases + 8 * chunks;
    uint8_t *codes = (uint8_t *)(raw + chunks), *bytes = codes + 8 * (size_t)w->cols;
    int r, k;
    LLMK_(panel_factors)(w, w->scales, o, count, w->group / chunk, raw, scales);
    LLMK_(panel_factors)(w, w->biases, o, count, w->group / chunk, raw, biases);
    for (r = 0; r < 8; r++) {
        const int row = r < count ? o + r : o + count - 1;
        LLMK_(unpack)(w->data + (size_t)row * w->row_bytes, (size_t)w->cols, w->bits, bytes);
        for (k = 0; k < w->cols; k += 4) memcpy(codes + 8 * k + 4 * r, bytes + k, 4);
    }
    p->codes = codes, p->scales = scales, p->biases = biases;
    p->chunks = chunks;
    p->each = w->bits <= 4 ? 8 : 2;
}

/* acc + exact (scale_w scale_a), the two factors multiplied first as in LLMK_(row8). */
LLMK_INLINE VF LLMK_(panel_add)(VF acc, VI exact, VF scale, float a) {
    return vf_add(acc, vf_mul(vf_from_int(exact), vf_mul(scale, vf_set(a))));
}

/* X rows of activations, from row i on. */
LLMK_INLINE void LLMK_(panel_rows)(const int X, const int each, const int chunk, const LLMK_(panel8) *p,
                                   const llm__rows8 *x, int i, float *out) {
    const size_t stride = x->scale_stride;
    const int8_t *a = x->codes + (size_t)i * x->code_stride;
    const float *scales = x->scales + (size_t)i * stride, *sums = x->sums + (size_t)i * stride;
    VF a0 = vf_set(0.0f), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    VI s0, s1, s2, s3;
    int c;
    for (c = 0; c < p->chunks; c++, scales++) {
        const VF scale = vf_load(p->scales + 8 * c);
        LLMK_(panel_dots)(X, each, chunk, p->codes + (size_t)8 * (size_t)(c * chunk), a + c * chunk, x->code_stride,
                          &s0, &s1, &s2, &s3);
        a0 = LLMK_(panel_add)(a0, s0, scale, scales[0]);
        if (X > 1) a1 = LLMK_(panel_add)(a1, s1, scale, scales[stride]);
        if (X > 2) a2 = LLMK_(panel_add)(a2, s2, scale, scales[2 * stride]);
        if (X > 3) a3 = LLMK_(panel_add)(a3, s3, scale, scales[3 * stride]);
    }
    for (c = 0; c < p->chunks; c++, sums++) {
        const VF bias = vf_load(p->biases + 8 * c);
        b0 = vf_add(b0, vf_mul(bias, vf_set(sums[0])));
        if (X > 1) b1 = vf_add(b1, vf_mul(bias, vf_set(sums[stride])));
        if (X > 2) b2 = vf_add(b2, vf_mul(bias, vf_set(sums[2 * stride])));
        if (X > 3) b3 = vf_add(b3, vf_mul(bias, vf_set(sums[3 * stride])));
    }
    vf_store(out, vf_add(a0, b0));
    if (X > 1) vf_store(out + 8, vf_add(a1, b1));
    if (X > 2) vf_store(out + 16, vf_add(a2, b2));
    if (X > 3) vf_store(out + 24, vf_add(a3, b3));
}

LLMK_INLINE void LLMK_(panel_some)(const int each, const int chunk, int X, const LLMK_(panel8) *p, const llm__rows8 *x,
                                   int i, float *out) {
    if (X == 4) LLMK_(panel_rows)(4, each, chunk, p, x, i, out);
    else if (X == 3) LLMK_(panel_rows)(3, each, chunk, p, x, i, out);
    else if (X == 2) LLMK_(panel_rows)(2, each, chunk, p, x, i, out);
    else LLMK_(panel_rows)(1, each, chunk, p, x, i, out);
}

LLM__FN void LLMK_(panel_times)(const LLMK_(panel8) *p, const llm__matrix *w, int o, int count, const llm__rows8 *x,
                                int first, int last, float *y, size_t y_stride) {
    float out[4 * 8];
    int i, r, j, X;
    for (i = first; i < last; i += X) {
        X = last - i < 4 ? last - i : 4;
        if (p->each == 8 && x->group == 64) LLMK_(panel_some)(8, 64, X, p, x, i, out);
        else if (p->each == 8) LLMK_(panel_some)(8, 32, X, p, x, i, out);
        else if (x->group == 64) LLMK_(panel_some)(2, 64, X, p, x, i, out);
        else LLMK_(panel_some)(2, 32, X, p, x, i, out);
        for (j = 0; j < X; j++)
            for (r = 0; r < count; r++)
                y[(size_t)(i + j) * y_stride + (size_t)(o + r)] =
                    w->bias ? out[8 * j + r] + w->bias[o + r] : out[8 * j + r];
    }
}
#endif

enum { LLMK_(FEW_ROWS) = 4 }; /* of activations: fewer do not pay for the unpacking of a panel */

LLM__FN void LLMK_(product8)(const llm__matrix *w, const llm__rows8 *x, float *y, size_t y_stride, int begin, int end,
                             void *scratch) {
    int block = LLM__BLOCK_BYTES / (w->cols > 0 ? w->cols : 1), first, last, o;
    if (block < 16) block = 16;
    for (first = 0; first < x->n; first = last) {
        last = x->n - first < block ? x->n : first + block;
#ifdef LLMK_PANELS
        for (o = begin; w->bits < 8 && last - first > LLMK_(FEW_ROWS) && o < end; o += 8) {
            LLMK_(panel8) p;
            LLMK_(panel_open)(&p, w, o, end - o < 8 ? end - o : 8, x->group, scratch);
            LLMK_(panel_times)(&p, w, o, end - o < 8 ? end - o : 8, x, first, last, y, y_stride);
        }
        if (w->bits < 8 && last - first > LLMK_(FEW_ROWS)) continue;
#endif
        for (o = begin; o < end; o += LLM__STRIP) {
            const int count = end - o < LLM__STRIP ? end - o : LLM__STRIP;
            LLMK_(strip8) s;
            LLMK_(strip8_open)(&s, w, o, count, last - first, x->group, (float *)scratch);
            LLMK_(strip8_times)(&s, w, o, count, x, first, last, y, y_stride);
        }
    }
}

/* ---- rows */

LLM__FN float LLMK_(dot)(const float *a, const float *b, int n) {
    VF acc = vf_set(0.0f);
    float sum;
    int i = 0;
    for (; i + VF_N <= n; i += VF_N) acc = vf_fma(vf_load(a + i), vf_load(b + i), acc);
    sum = vf_sum(acc);
    for (; i < n; i++) sum = sf_fma(a[i], b[i], sum);
    return sum;
}

/* What does not sum works on the last, incomplete vector through a copy, so that every number gets the same treatment
   wherever it stands. */
#define LLMK_EACH(n, in1, in2, result)                                           \
    do {                                                                         \
        float llmk_a[VF_N] = {0}, llmk_b[VF_N] = {0};                            \
        const float *llmk_in1 = (in1), *llmk_in2 = (in2);                        \
        int i_ = 0;                                                              \
        for (; i_ + VF_N <= (n); i_ += VF_N) {                                   \
            const VF a = vf_load(llmk_in1 + i_), b = vf_load(llmk_in2 + i_);     \
            (void)b;                                                             \
            vf_store(y + i_, result);                                            \
        }                                                                        \
        if (i_ < (n)) {                                                          \
            VF a, b;                                                             \
            memcpy(llmk_a, llmk_in1 + i_, (size_t)((n) - i_) * sizeof(float));   \
            memcpy(llmk_b, llmk_in2 + i_, (size_t)((n) - i_) * sizeof(float));   \
            a = vf_load(llmk_a), b = vf_load(llmk_b);                            \
            (void)b;                                                             \
            vf_store(llmk_a, result);                                            \
            memcpy(y + i_, llmk_a, (size_t)((n) - i_) * sizeof(float));          \
        }                                                                        \
    } while (0)

LLM__FN void LLMK_(add)(float *y, const float *x, int n) { LLMK_EACH(n, y, x, vf_add(a, b)); }
LLM__FN void LLMK_(mul)(float *y, const float *x, int n) { LLMK_EACH(n, y, x, vf_mul(a, b)); }
LLM__FN void LLMK_(scale)(float *y, float s, int n) { LLMK_EACH(n, y, y, vf_mul(a, vf_set(s))); }
LLM__FN void LLMK_(add_scaled)(float *y, const float *x, float s, int n) {
    LLMK_EACH(n, y, x, vf_fma(vf_set(s), b, a));
}

LLM__FN float LLMK_(max)(const float *x, int n) {
    float lanes[VF_N], best = -INFINITY;
    VF acc = vf_set(-INFINITY);
    int i = 0, j;
    for (; i + VF_N <= n; i += VF_N) acc = vf_max(acc, vf_load(x + i));
    vf_store(lanes, acc);
    for (j = 0; j < VF_N; j++) best = lanes[j] > best ? lanes[j] : best;
    for (; i < n; i++) best = x[i] > best ? x[i] : best;
    return best;
}

/* exp: x = n ln 2 + r with |r| <= ln 2 / 2, a polynomial for exp(r) (the coefficients are Cephes'), and 2^n as a
   product of two powers so that results below the smallest normal number and above the largest come out right. */
LLMK_INLINE VF LLMK_(exp)(VF x) {
    const VF magic = vf_set(12582912.0f);
    VF shifted, n, r, p;
    VI whole, half;
    x = vf_clamp(x, vf_set(-110.0f), vf_set(100.0f));
    shifted = vf_fma(x, vf_set(1.44269504088896341f), magic);
    n = vf_sub(shifted, magic);
    r = vf_fma(n, vf_set(-0.693359375f), x);
    r = vf_fma(n, vf_set(2.12194440e-4f), r);
    p = vf_fma(vf_set(1.9875691500e-4f), r, vf_set(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set(1.6666665459e-1f));
    p = vf_fma(p, r, vf_set(5.0000001201e-1f));
    p = vf_add(vf_fma(vf_mul(r, r), p, r), vf_set(1.0f));
    whole = vi_sub(vf_bits(shifted), vi_set(0x4b400000));
    half = vi_half(whole);
    p = vf_mul(p, vf_from_bits(vi_shl23(vi_add(half, vi_set(127)))));
    return vf_mul(p, vf_from_bits(vi_shl23(vi_add(vi_sub(whole, half), vi_set(127)))));
}

LLMK_INLINE VF LLMK_(sigmoid_of)(VF x) {
    const VF one = vf_set(1.0f);
    return vf_div(one, vf_add(one, LLMK_(exp)(vf_sub(vf_set(0.0f), x))));
}

LLMK_INLINE VF LLMK_(silu_of)(VF x) {
    return vf_div(x, vf_add(vf_set(1.0f), LLMK_(exp)(vf_sub(vf_set(0.0f), x))));
}

/* 0.5 x (1 + tanh(u)) = x sigmoid(2 u) */
LLMK_INLINE VF LLMK_(gelu_tanh_of)(VF x) {
    VF u = vf_fma(vf_mul(vf_mul(x, x), x), vf_set(0.044715f), x);
    return vf_mul(x, LLMK_(sigmoid_of)(vf_mul(u, vf_set(1.5957691216057308f))));
}

LLM__FN void LLMK_(silu)(float *y, int n) { LLMK_EACH(n, y, y, LLMK_(silu_of)(a)); }
LLM__FN void LLMK_(silu_mul)(float *y, const float *up, int n) {
    LLMK_EACH(n, y, up, vf_mul(LLMK_(silu_of)(a), b));
}
LLM__FN void LLMK_(gelu_tanh)(float *y, int n) { LLMK_EACH(n, y, y, LLMK_(gelu_tanh_of)(a)); }
LLM__FN void LLMK_(gelu_tanh_mul)(float *y, const float *up, int n) {
    LLMK_EACH(n, y, up, vf_mul(LLMK_(gelu_tanh_of)(a), b));
}
LLM__FN void LLMK_(sigmoid)(float *y, int n) { LLMK_EACH(n, y, y, LLMK_(sigmoid_of)(a)); }
LLM__FN void LLMK_(sigmoid_mul)(float *y, const float *gate, int n) {
    LLMK_EACH(n, y, gate, vf_mul(a, LLMK_(sigmoid_of)(b)));
}

LLM__FN void LLMK_(gelu)(float *x, int n) {
    int i;
    for (i = 0; i < n; i++) x[i] = 0.5f * x[i] * (1.0f + erff(x[i] * 0.70710678118654752f));
}

LLM__FN void LLMK_(gelu_mul)(float *gate, const float *up, int n) {
    LLMK_(gelu)(gate, n);
    LLMK_(mul)(gate, up, n);
}

LLM__FN float LLMK_(exp_sum)(float *y, int n, float max) {
    VF acc = vf_set(0.0f);
    float sum;
    int i = 0;
    LLMK_EACH(n, y, y, LLMK_(exp)(vf_sub(a, vf_set(max))));
    for (; i + VF_N <= n; i += VF_N) acc = vf_add(acc, vf_load(y + i));
    sum = vf_sum(acc);
    for (; i < n; i++) sum += y[i];
    return sum;
}

LLM__FN void LLMK_(softmax)(float *x, int n) {
    const float max = LLMK_(max)(x, n);
    int i;
    if (max == -INFINITY) {
        for (i = 0; i < n; i++) x[i] = x[i] != x[i] ? x[i] : 0.0f;
        return;
    }
    LLMK_(scale)(x, 1.0f / LLMK_(exp_sum)(x, n, max), n);
}

LLM__FN void LLMK_(rms_norm)(float *y, const float *x, const float *w, float eps, int n) {
    const float factor = 1.0f / sqrtf(LLMK_(dot)(x, x, n) / (float)n + eps);
    if (w) LLMK_EACH(n, x, w, vf_mul(vf_mul(a, vf_set(factor)), b));
    else LLMK_EACH(n, x, x, vf_mul(a, vf_set(factor)));
}

LLM__FN void LLMK_(layer_norm)(float *y, const float *x, const float *weight, const float *shift, float eps,
                               int n) {
    VF acc = vf_set(0.0f);
    float mean, factor;
    int i = 0;
    for (; i + VF_N <= n; i += VF_N) acc = vf_add(acc, vf_load(x + i));
    mean = vf_sum(acc);
    for (; i < n; i++) mean += x[i];
    mean /= (float)n;
    LLMK_EACH(n, x, x, vf_sub(a, vf_set(mean)));
    factor = 1.0f / sqrtf(LLMK_(dot)(y, y, n) / (float)n + eps);
    LLMK_(scale)(y, factor, n);
    if (weight) LLMK_(mul)(y, weight, n);
    if (shift) LLMK_(add)(y, shift, n);
}

/* ---- attention */

/* Four keys (count <= 4; missing rows repeat the last) and X queries, a constant. */
LLMK_INLINE void LLMK_(scores_strip)(const int X, const uint8_t *const *rows, int count, const float *q,
                                     size_t q_stride, int width, float scale, float *out, size_t out_stride) {
    const int whole = width / VF_N * VF_N;
    const uint8_t *tails[LLM__STRIP];
    float sums[3 * LLM__STRIP * VF_N], four[LLM__STRIP];
    int r, c;
    for (c = 0; c < X * LLM__STRIP; c++) vf_store(sums + c * VF_N, vf_set(0.0f));
    LLMK_(tile)(X, LLM_F32, rows, q, q_stride, whole, sums);
    for (r = 0; r < LLM__STRIP; r++) tails[r] = rows[r] + (size_t)whole * sizeof(float);
    for (c = 0; c < X; c++) {
        LLMK_(finish)(LLM_F32, tails, q + (size_t)c * q_stride + whole, width - whole, sums + c * LLM__STRIP * VF_N,
                      four);
        v4_store(four, v4_mul(v4_load(four), v4_set(scale)));
        memcpy(out + (size_t)c * out_stride, four, (size_t)count * sizeof *four);
    }
}

LLM__FN void LLMK_(scores)(const float *q, int rows_q, size_t q_stride, const float *k, int keys, size_t k_stride,
                           int width, float scale, float *out, size_t out_stride) {
    int i, j, r;
    for (j = 0; j < keys; j += LLM__STRIP) {
        const int count = keys - j < LLM__STRIP ? keys - j : LLM__STRIP;
        const uint8_t *rows[LLM__STRIP];
        for (r = 0; r < LLM__STRIP; r++)
            rows[r] = (const uint8_t *)(k + (size_t)(r < count ? j + r : j + count - 1) * k_stride);
        for (i = 0; i + 3 <= rows_q; i += 3)
            LLMK_(scores_strip)(3, rows, count, q + (size_t)i * q_stride, q_stride, width, scale,
                                out + (size_t)i * out_stride + j, out_stride);
        for (; i < rows_q; i++)
            LLMK_(scores_strip)(1, rows, count, q + (size_t)i * q_stride, q_stride, width, scale,
                                out + (size_t)i * out_stride + j, out_stride);
    }
}

/* Two vectors of columns of P rows; P is a constant. */
LLMK_INLINE void LLMK_(weigh_block)(const int P, float *out, size_t out_stride, const float *p, size_t p_stride,
                                    const float *v, int keys, size_t v_stride) {
    const VF zero = vf_set(0.0f);
    float *o1 = out + out_stride, *o2 = o1 + out_stride, *o3 = o2 + out_stride;
    const float *p1 = p + p_stride, *p2 = p1 + p_stride, *p3 = p2 + p_stride;
    VF a0 = vf_load(out), b0 = vf_load(out + VF_N), a1 = zero, b1 = zero, a2 = zero, b2 = zero, a3 = zero, b3 = zero;
    int j;
    if (P > 1) a1 = vf_load(o1), b1 = vf_load(o1 + VF_N);
    if (P > 2) a2 = vf_load(o2), b2 = vf_load(o2 + VF_N);
    if (P > 3) a3 = vf_load(o3), b3 = vf_load(o3 + VF_N);
    for (j = 0; j < keys; j++, v += v_stride) {
        const VF a = vf_load(v), b = vf_load(v + VF_N);
        a0 = vf_fma(vf_set(p[j]), a, a0), b0 = vf_fma(vf_set(p[j]), b, b0);
        if (P > 1) a1 = vf_fma(vf_set(p1[j]), a, a1), b1 = vf_fma(vf_set(p1[j]), b, b1);
        if (P > 2) a2 = vf_fma(vf_set(p2[j]), a, a2), b2 = vf_fma(vf_set(p2[j]), b, b2);
        if (P > 3) a3 = vf_fma(vf_set(p3[j]), a, a3), b3 = vf_fma(vf_set(p3[j]), b, b3);
    }
    vf_store(out, a0), vf_store(out + VF_N, b0);
    if (P > 1) vf_store(o1, a1), vf_store(o1 + VF_N, b1);
    if (P > 2) vf_store(o2, a2), vf_store(o2 + VF_N, b2);
    if (P > 3) vf_store(o3, a3), vf_store(o3 + VF_N, b3);
}

/* The columns that do not fill two vectors go one by one. */
LLM__FN void LLMK_(weigh)(float *out, size_t out_stride, const float *p, size_t p_stride, int rows, const float *v,
                          int keys, size_t v_stride, int width) {
    const int whole = width / (2 * VF_N) * (2 * VF_N);
    int i, c, j;
    for (c = 0; c < whole; c += 2 * VF_N) {
        float *to = out + c;
        const float *from = p;
        for (i = rows; i >= 4; i -= 4, to += 4 * out_stride, from += 4 * p_stride)
            LLMK_(weigh_block)(4, to, out_stride, from, p_stride, v + c, keys, v_stride);
        if (i == 3) LLMK_(weigh_block)(3, to, out_stride, from, p_stride, v + c, keys, v_stride);
        else if (i == 2) LLMK_(weigh_block)(2, to, out_stride, from, p_stride, v + c, keys, v_stride);
        else if (i == 1) LLMK_(weigh_block)(1, to, out_stride, from, p_stride, v + c, keys, v_stride);
    }
    for (i = 0; i < rows; i++)
        for (c = whole; c < width; c++) {
            float sum = out[(size_t)i * out_stride + (size_t)c];
            for (j = 0; j < keys; j++)
                sum = sf_fma(p[(size_t)i * p_stride + (size_t)j], v[(size_t)j * v_stride + (size_t)c], sum);
            out[(size_t)i * out_stride + (size_t)c] = sum;
        }
}

/* ---- recurrences */

/* s = s * decay (one number, or one a column) and s . k; then s += delta k and s . q.  Each in one pass. */
LLMK_INLINE float LLMK_(decay_dot)(float *s, float decay, const float *decays, const float *k, int n) {
    VF acc = vf_set(0.0f);
    float sum;
    int i = 0;
    for (; i + VF_N <= n; i += VF_N) {
        const VF next = vf_mul(vf_load(s + i), decays ? vf_load(decays + i) : vf_set(decay));
        vf_store(s + i, next);
        acc = vf_fma(next, vf_load(k + i), acc);
    }
    sum = vf_sum(acc);
    for (; i < n; i++) {
        s[i] *= decays ? decays[i] : decay;
        sum = sf_fma(s[i], k[i], sum);
    }
    return sum;
}

LLMK_INLINE float LLMK_(add_dot)(float *s, float delta, const float *k, const float *q, int n) {
    VF acc = vf_set(0.0f);
    float sum;
    int i = 0;
    for (; i + VF_N <= n; i += VF_N) {
        const VF next = vf_fma(vf_set(delta), vf_load(k + i), vf_load(s + i));
        vf_store(s + i, next);
        acc = vf_fma(next, vf_load(q + i), acc);
    }
    sum = vf_sum(acc);
    for (; i < n; i++) {
        s[i] = sf_fma(delta, k[i], s[i]);
        sum = sf_fma(s[i], q[i], sum);
    }
    return sum;
}

LLM__FN void LLMK_(delta_step)(float *state, const float *k, const float *v, const float *q, float decay, float beta,
                               float *y, int dv, int dk) {
    int row;
    for (row = 0; row < dv; row++, state += dk)
        y[row] = LLMK_(add_dot)(state, (v[row] - LLMK_(decay_dot)(state, decay, NULL, k, dk)) * beta, k, q, dk);
}

LLM__FN void LLMK_(delta_step_columns)(float *state, const float *k, const float *v, const float *q, const float *decay,
                                       float beta, float *y, int dv, int dk) {
    int row;
    for (row = 0; row < dv; row++, state += dk)
        y[row] = LLMK_(add_dot)(state, (v[row] - LLMK_(decay_dot)(state, 0.0f, decay, k, dk)) * beta, k, q, dk);
}

LLM__FN void LLMK_(ssd_step)(float *state, const float *x, const float *b, const float *c, float decay, float dt,
                             float *y, int p, int n) {
    int row;
    for (row = 0; row < p; row++) {
        float *s = state + (size_t)row * (size_t)n;
        const VF d = vf_set(decay), dx = vf_set(dt * x[row]);
        VF acc = vf_set(0.0f);
        float sum;
        int i = 0;
        for (; i + VF_N <= n; i += VF_N) {
            const VF next = vf_fma(vf_load(s + i), d, vf_mul(dx, vf_load(b + i)));
            vf_store(s + i, next);
            acc = vf_fma(next, vf_load(c + i), acc);
        }
        sum = vf_sum(acc);
        for (; i < n; i++) {
            s[i] = sf_fma(s[i], decay, dt * x[row] * b[i]);
            sum = sf_fma(s[i], c[i], sum);
        }
        y[row] = sum;
    }
}

static const llm__ops LLMK_(ops) = {
    LLMK_NAME, LLMK_(product), LLMK_(product8), LLMK_(quantize_row), LLMK_(decode_rows),
    LLMK_(dot), LLMK_(max), LLMK_(add), LLMK_(mul), LLMK_(scale), LLMK_(add_scaled), LLMK_(rms_norm),
    LLMK_(layer_norm), LLMK_(exp_sum), LLMK_(softmax), LLMK_(silu), LLMK_(silu_mul), LLMK_(gelu), LLMK_(gelu_mul),
    LLMK_(gelu_tanh), LLMK_(gelu_tanh_mul), LLMK_(sigmoid), LLMK_(sigmoid_mul), LLMK_(to_f32), LLMK_(from_f32),
    LLMK_(scores), LLMK_(weigh), LLMK_(delta_step), LLMK_(delta_step_columns), LLMK_(ssd_step)
};

#undef LLMK_
#undef LLMK_INLINE
#undef LLMK_PREFETCH
#undef LLMK_EACH
#undef LLMK_UNROLL
#undef LLMK_PANELS
#undef VF
#undef VF_N
#undef VI
#undef LLMK_CODES_TO_BYTES
#undef V4
#undef I4
#undef vf_set
#undef vf_add
#undef vf_sub
#undef vf_mul
#undef vf_div
#undef vf_fma
#undef sf_fma
#undef vf_sum
#undef vf_sum4
#undef vf_bits
#undef vf_from_int
#undef vf_from_bits
#undef vf_load
#undef vf_store
#undef vf_load_f16
#undef vf_load_bf16
#undef vf_store_f16
#undef vf_store_bf16
#undef vf_load_u8
#undef vf_load_e4m3
#undef vf_load_e2m1
#undef vf_round_bf16
#undef vf_max
#undef vf_clamp
#undef vi_set
#undef vi_add
#undef vi_sub
#undef vi_shl23
#undef vi_half
#undef v4_set
#undef v4_load
#undef v4_store
#undef v4_add
#undef v4_mul
#undef v4_from
#undef v4_transpose
#endif /* LLM__KERNEL_PASS: the end of the kernel text */
#ifndef LLM__KERNEL_PASS
#if defined(LLM_IMPLEMENTATION) && !defined(LLM__KERNELS_INCLUDED)
#define LLM__KERNELS_INCLUDED

/* The passes.  Contraction of a * b + c is off throughout: what is fused says so.  Optimisation options and targets are
   pushed and popped, so that nothing changes for the rest of the file. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

#define LLM__KERNEL_PASS 0
#define LLMK_ISA scalar
#define LLMK_NAME "scalar"
#include LLM_HEADER_NAME
#undef LLM__KERNEL_PASS
#undef LLMK_ISA
#undef LLMK_NAME

#ifdef LLM__HAVE_NEON
#define LLM__KERNEL_PASS 2
#define LLMK_ISA neon
#define LLMK_NAME "neon"
#include LLM_HEADER_NAME
#undef LLM__KERNEL_PASS
#undef LLMK_ISA
#undef LLMK_NAME
#endif

#ifdef LLM__HAVE_AVX2
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif
#define LLM__KERNEL_PASS 1
#define LLMK_ISA avx2
#define LLMK_NAME "avx2"
#include LLM_HEADER_NAME
#undef LLM__KERNEL_PASS
#undef LLMK_ISA
#undef LLMK_NAME
#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

/* AVX2 needs the CPU to have it and the system to save the wide registers: cpuid and xgetbv, read by ourselves. */
LLM__FN void llm__cpuid(uint32_t leaf, uint32_t *r) {
#if defined(__GNUC__) || defined(__clang__)
    __cpuid_count(leaf, 0, r[0], r[1], r[2], r[3]);
#else
    int out[4];
    __cpuidex(out, (int)leaf, 0);
    memcpy(r, out, sizeof out);
#endif
}

LLM__FN uint32_t llm__xgetbv(void) {
#if defined(__GNUC__) || defined(__clang__)
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
#else
    return (uint32_t)_xgetbv(0);
#endif
}

LLM__FN int llm__has_avx2(void) {
    const uint32_t wanted = 1u << 12 | 1u << 27 | 1u << 28 | 1u << 29; /* FMA, OSXSAVE, AVX, F16C */
    uint32_t r[4];
    llm__cpuid(0, r);
    if (r[0] < 7) return 0;
    llm__cpuid(1, r);
    if ((r[2] & wanted) != wanted || (llm__xgetbv() & 6) != 6) return 0;
    llm__cpuid(7, r);
    return (r[1] >> 5 & 1) != 0;
}
#endif /* LLM__HAVE_AVX2 */

#if defined(__clang__)
#pragma STDC FP_CONTRACT DEFAULT
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

/* The n-th table that this CPU can run, the best last; NULL beyond. */
LLM__FN const llm__ops *llm__ops_at(size_t n) {
    if (n == 0) return &llm__ops_scalar;
#ifdef LLM__HAVE_AVX2
    if (n == 1 && llm__has_avx2()) return &llm__ops_avx2;
#endif
#ifdef LLM__HAVE_NEON
    if (n == 1) return &llm__ops_neon;
#endif
    return NULL;
}

/* A table by name; NULL: the best.  NULL if there is none of that name or this CPU cannot run it. */
LLM__FN const llm__ops *llm__ops_choose(const char *name) {
    const llm__ops *best = NULL, *ops;
    size_t n;
    for (n = 0; (ops = llm__ops_at(n)) != NULL; n++)
        if (!name || !strcmp(name, ops->name)) best = ops;
    return best;
}

/* =========================================================================================================== >>unicode
   Tables of Unicode 16 (categories, scripts), of the current standard's lower case and grapheme clusters, and of
   Unicode 12's normal forms: those that the reference tokenizers use, so that text splits the same way.  54234 bytes
   in all.

   Categories and combining classes are runs: an entry holds the first code point of a run and its value, the run ends
   where the next one begins. */

/* General categories, in the order of llm__category_names; 30 marks runs of alternating Lu and Ll. */
enum {
    LLM__LU, LLM__LL, LLM__LT, LLM__LM, LLM__LO, LLM__MN, LLM__MC, LLM__ME, LLM__ND, LLM__NL, LLM__NO, LLM__PC, LLM__PD,
    LLM__PS, LLM__PE, LLM__PI, LLM__PF, LLM__PO, LLM__SM, LLM__SC, LLM__SK, LLM__SO, LLM__ZS, LLM__ZL, LLM__ZP, LLM__CC,
    LLM__CF, LLM__CS, LLM__CO, LLM__CN, LLM__LU_LL
};
static const char llm__category_names[] = "LuLlLtLmLoMnMcMeNdNlNoPcPdPsPePiPfPoSmScSkSoZsZlZpCcCfCsCoCn";

/* first << 5 | category */
static const uint32_t llm__category_runs[] = {
    25, 1046, 1073, 1171, 1201, 1293, 1326, 1361, 1394, 1425, 1452, 1489, 1544, 1873, 1938, 2033, 2080, 2925, 2961,
    2990, 3028, 3051, 3092, 3105, 3949, 3986, 4014, 4050, 4089, 5142, 5169, 5203, 5333, 5361, 5396, 5429, 5444, 5487,
    5522, 5562, 5589, 5620, 5653, 5682, 5706, 5780, 5793, 5841, 5908, 5930, 5956, 6000, 6026, 6129, 6144, 6898, 6912,
    7137, 7922, 7937, 8222, 9985, 10046, 10529, 10590, 12094, 12257, 12320, 12382, 12512, 12545, 12576, 12673, 12736,
    12865, 12896, 12961, 12992, 13089, 13184, 13249, 13280, 13342, 13566, 13665, 13696, 13729, 13760, 13825, 13856,
    13950, 14080, 14113, 14180, 14208, 14241, 14340, 14464, 14498, 14529, 14560, 14594, 14625, 14656, 14690, 14721,
    14782, 15265, 15326, 15873, 15904, 15938, 15969, 16000, 16033, 16064, 16158, 18049, 18240, 18305, 18336, 18401,
    18464, 18497, 18528, 18654, 18945, 21124, 21153, 22019, 22612, 22723, 23124, 23555, 23732, 23939, 23988, 24003,
    24052, 24581, 28190, 28291, 28340, 28352, 28385, 28445, 28483, 28513, 28625, 28640, 28701, 28820, 28864, 28913,
    28928, 29053, 29056, 29117, 29120, 29185, 29216, 29789, 29792, 30081, 31200, 31233, 31296, 31393, 31518, 32257,
    32384, 32417, 32466, 32480, 32513, 32544, 32609, 32672, 34305, 35870, 36949, 36965, 37127, 37214, 38974, 39393,
    39454, 42525, 42528, 43773, 43811, 43857, 44033, 45361, 45388, 45437, 45493, 45555, 45597, 45605, 47052, 47077,
    47121, 47141, 47217, 47237, 47313, 47333, 47389, 47620, 48509, 48612, 48753, 48829, 49178, 49362, 49457, 49523,
    49553, 49621, 49669, 50033, 50074, 50097, 50180, 51203, 51236, 51557, 52232, 52561, 52676, 52741, 52772, 55953,
    55972, 56005, 56250, 56277, 56293, 56483, 56549, 56629, 56645, 56772, 56840, 57156, 57269, 57316, 57361, 57821,
    57850, 57860, 57893, 57924, 58885, 59773, 59812, 62661, 63012, 63069, 63496, 63812, 64869, 65155, 65237, 65265,
    65347, 65405, 65445, 65491, 65540, 66245, 66371, 66405, 66691, 66725, 66819, 66853, 67037, 67089, 67581, 67588,
    68389, 68509, 68561, 68605, 68612, 68989, 69124, 69908, 69924, 70141, 70170, 70237, 70373, 70660, 71971, 72005,
    72794, 72805, 73830, 73860, 75589, 75622, 75653, 75684, 75718, 75813, 76070, 76197, 76230, 76292, 76325, 76548,
    76869, 76945, 77000, 77329, 77347, 77380, 77861, 77894, 77981, 77988, 78269, 78308, 78397, 78436, 79165, 79172,
    79421, 79428, 79485, 79556, 79709, 79749, 79780, 79814, 79909, 80061, 80102, 80189, 80230, 80293, 80324, 80381,
    80614, 80669, 80772, 80861, 80868, 80965, 81053, 81096, 81412, 81491, 81546, 81749, 81779, 81796, 81841, 81861,
    81917, 81957, 82022, 82077, 82084, 82301, 82404, 82493, 82532, 83261, 83268, 83517, 83524, 83613, 83620, 83709,
    83716, 83805, 83845, 83901, 83910, 84005, 84093, 84197, 84285, 84325, 84445, 84517, 84573, 84772, 84925, 84932,
    84989, 85192, 85509, 85572, 85669, 85713, 85757, 86053, 86118, 86173, 86180, 86493, 86500, 86621, 86628, 87357,
    87364, 87613, 87620, 87709, 87716, 87901, 87941, 87972, 88006, 88101, 88285, 88293, 88358, 88413, 88422, 88485,
    88541, 88580, 88637, 89092, 89157, 89245, 89288, 89617, 89651, 89693, 89892, 89925, 90141, 90149, 90182, 90269,
    90276, 90557, 90596, 90685, 90724, 91453, 91460, 91709, 91716, 91805, 91812, 91997, 92037, 92068, 92102, 92133,
    92166, 92197, 92349, 92390, 92477, 92518, 92581, 92637, 92837, 92902, 92957, 93060, 93149, 93156, 93253, 93341,
    93384, 93717, 93732, 93770, 93981, 94277, 94308, 94365, 94372, 94589, 94660, 94781, 94788, 94941, 95012, 95101,
    95108, 95165, 95172, 95261, 95332, 95421, 95492, 95613, 95684, 96093, 96198, 96261, 96294, 96381, 96454, 96573,
    96582, 96677, 96733, 96772, 96829, 96998, 97053, 97480, 97802, 97909, 98099, 98133, 98173, 98309, 98342, 98437,
    98468, 98749, 98756, 98877, 98884, 99645, 99652, 100189, 100229, 100260, 100293, 100390, 100541, 100549, 100669,
    100677, 100829, 101029, 101117, 101124, 101245, 101284, 101341, 101380, 101445, 101533, 101576, 101917, 102129,
    102154, 102389, 102404, 102437, 102470, 102545, 102564, 102845, 102852, 102973, 102980, 103741, 103748, 104093,
    104100, 104285, 104325, 104356, 104390, 104421, 104454, 104637, 104645, 104678, 104765, 104774, 104837, 104925,
    105126, 105213, 105380, 105469, 105476, 105541, 105629, 105672, 106013, 106020, 106086, 106141, 106501, 106566,
    106628, 106941, 106948, 107069, 107076, 108389, 108452, 108486, 108581, 108733, 108742, 108861, 108870, 108965,
    108996, 109045, 109085, 109188, 109286, 109322, 109540, 109637, 109725, 109768, 110090, 110389, 110404, 110621,
    110629, 110662, 110749, 110756, 111357, 111428, 112221, 112228, 112541, 112548, 112605, 112644, 112893, 112965,
    113021, 113126, 113221, 113341, 113349, 113405, 113414, 113693, 113864, 114205, 114246, 114321, 114365, 114724,
    116261, 116292, 116357, 116605, 116723, 116740, 116931, 116965, 117233, 117256, 117585, 117661, 118820, 118909,
    118916, 118973, 118980, 119165, 119172, 119965, 119972, 120029, 120036, 120357, 120388, 120453, 120740, 120797,
    120836, 121021, 121027, 121085, 121093, 121341, 121352, 121693, 121732, 121885, 122884, 122933, 123025, 123509,
    123537, 123573, 123653, 123733, 123912, 124234, 124565, 124581, 124629, 124645, 124693, 124709, 124749, 124782,
    124813, 124846, 124870, 124932, 125213, 125220, 126397, 126501, 126950, 126981, 127153, 127173, 127236, 127397,
    127773, 127781, 128957, 128981, 129221, 129269, 129469, 129493, 129553, 129717, 129841, 129917, 131076, 132454,
    132517, 132646, 132677, 132870, 132901, 132966, 133029, 133092, 133128, 133457, 133636, 133830, 133893, 133956,
    134085, 134180, 134214, 134308, 134374, 134596, 134693, 134820, 135237, 135270, 135333, 135398, 135589, 135620,
    135654, 135688, 136006, 136101, 136149, 136192, 137437, 137440, 137501, 137632, 137693, 137729, 139121, 139139,
    139169, 139268, 149821, 149828, 149981, 150020, 150269, 150276, 150333, 150340, 150493, 150532, 151869, 151876,
    152029, 152068, 153149, 153156, 153309, 153348, 153597, 153604, 153661, 153668, 153821, 153860, 154365, 154372,
    156221, 156228, 156381, 156420, 158589, 158629, 158737, 159018, 159677, 159748, 160277, 160605, 160768, 163549,
    163585, 163805, 163852, 163876, 183733, 183761, 183780, 184342, 184356, 185197, 185230, 185277, 185348, 187761,
    187849, 187940, 188221, 188420, 188997, 189094, 189149, 189412, 190021, 190086, 190129, 190205, 190468, 191045,
    191133, 191492, 191933, 191940, 192061, 192069, 192157, 192516, 194181, 194246, 194277, 194502, 194757, 194790,
    194853, 195217, 195299, 195345, 195443, 195460, 195493, 195549, 195592, 195933, 196106, 196445, 196625, 196812,
    196849, 196965, 197082, 197093, 197128, 197469, 197636, 198755, 198788, 200509, 200708, 200869, 200932, 202021,
    202052, 202109, 202244, 204509, 204804, 205821, 205829, 205926, 206053, 206118, 206237, 206342, 206405, 206438,
    206629, 206749, 206869, 206909, 206993, 207048, 207364, 208349, 208388, 208573, 208900, 210333, 210436, 211293,
    211464, 211786, 211837, 211925, 212996, 213733, 213798, 213861, 213917, 213969, 214020, 215718, 215749, 215782,
    215813, 216061, 216069, 216102, 216133, 216166, 216229, 216486, 216677, 217021, 217061, 217096, 217437, 217608,
    217949, 218129, 218339, 218385, 218589, 218629, 219079, 219109, 219645, 221189, 221318, 221348, 222853, 222886,
    222917, 223078, 223109, 223142, 223301, 223334, 223396, 223677, 223697, 223752, 224081, 224309, 224613, 224917,
    225201, 225285, 225350, 225380, 226342, 226373, 226502, 226565, 226630, 226661, 226756, 226824, 227140, 228549,
    228582, 228613, 228678, 228773, 228806, 228837, 228934, 229021, 229265, 229380, 230534, 230789, 231046, 231109,
    231197, 231281, 231432, 231773, 231844, 231944, 232260, 233219, 233425, 233473, 233760, 233793, 233853, 233984,
    235389, 235424, 235537, 235805, 236037, 236145, 236165, 236582, 236613, 236836, 236965, 236996, 237189, 237220,
    237286, 237317, 237380, 237437, 237569, 238979, 240993, 241411, 241441, 242531, 243717, 245790, 250561, 250846,
    253953, 254208, 254465, 254685, 254720, 254941, 254977, 255232, 255489, 255744, 256001, 256221, 256256, 256477,
    256513, 256797, 256800, 256861, 256864, 256925, 256928, 256989, 256992, 257025, 257280, 257537, 258013, 258049,
    258306, 258561, 258818, 259073, 259330, 259585, 259773, 259777, 259840, 259970, 260020, 260033, 260084, 260161,
    260285, 260289, 260352, 260482, 260532, 260609, 260765, 260801, 260864, 261021, 261044, 261121, 261376, 261556,
    261661, 261697, 261821, 261825, 261888, 262018, 262068, 262141, 262166, 262522, 262668, 262865, 262927, 262960,
    262989, 263023, 263088, 263117, 263151, 263185, 263447, 263480, 263514, 263670, 263697, 263983, 264016, 264049,
    264171, 264241, 264338, 264365, 264398, 264433, 264786, 264817, 264843, 264881, 265206, 265242, 265405, 265434,
    265738, 265763, 265821, 265866, 266066, 266157, 266190, 266211, 266250, 266578, 266669, 266702, 266749, 266755,
    267197, 267283, 268349, 268805, 269223, 269349, 269383, 269477, 269885, 270357, 270400, 270453, 270560, 270613,
    270657, 270688, 270785, 270848, 270945, 270997, 271008, 271061, 271122, 271136, 271317, 271488, 271541, 271552,
    271605, 271616, 271669, 271680, 271829, 271841, 271872, 272001, 272036, 272161, 272213, 272257, 272320, 272402,
    272544, 272577, 272725, 272754, 272789, 272833, 272885, 272906, 273417, 274528, 274561, 274601, 274730, 274773,
    274845, 274962, 275125, 275282, 275349, 275474, 275509, 275570, 275605, 275666, 275701, 275922, 275957, 276946,
    277013, 277074, 277109, 277138, 277173, 278162, 286741, 286989, 287022, 287053, 287086, 287125, 287762, 287829,
    288045, 288078, 288117, 290706, 290741, 291698, 292501, 293778, 293973, 296285, 296981, 297341, 297994, 299925,
    302410, 303125, 308978, 309013, 309298, 309333, 311058, 311317, 314866, 314901, 322829, 322862, 322893, 322926,
    322957, 322990, 323021, 323054, 323085, 323118, 323149, 323182, 323213, 323246, 323274, 324245, 325650, 325805,
    325838, 325874, 326861, 326894, 326925, 326958, 326989, 327022, 327053, 327086, 327117, 327150, 327186, 327701,
    335890, 340077, 340110, 340141, 340174, 340205, 340238, 340269, 340302, 340333, 340366, 340397, 340430, 340461,
    340494, 340525, 340558, 340589, 340622, 340653, 340686, 340717, 340750, 340786, 342797, 342830, 342861, 342894,
    342930, 343949, 343982, 344018, 352277, 353810, 354485, 354546, 354741, 355997, 356053, 357085, 357109, 360448,
    361985, 363520, 363553, 363584, 363681, 363774, 363968, 364062, 364161, 364192, 364225, 364419, 364480, 364574,
    367745, 367797, 367998, 368101, 368192, 368225, 368285, 368433, 368554, 368593, 368641, 369885, 369889, 369949,
    370081, 370141, 370180, 371997, 372195, 372241, 372285, 372709, 372740, 373501, 373764, 374013, 374020, 374269,
    374276, 374525, 374532, 374781, 374788, 375037, 375044, 375293, 375300, 375549, 375556, 375805, 375813, 376849,
    376911, 376944, 376975, 377008, 377041, 377135, 377168, 377201, 377231, 377264, 377297, 377580, 377617, 377676,
    377713, 377743, 377776, 377809, 377871, 377904, 377933, 377966, 377997, 378030, 378061, 378094, 378125, 378158,
    378193, 378339, 378385, 378700, 378769, 378892, 378929, 378957, 378993, 379413, 379473, 379565, 379598, 379629,
    379662, 379693, 379726, 379757, 379790, 379820, 379869, 380949, 381789, 381813, 384669, 385045, 391901, 392725,
    393238, 393265, 393365, 393379, 393412, 393449, 393485, 393518, 393549, 393582, 393613, 393646, 393677, 393710,
    393741, 393774, 393813, 393869, 393902, 393933, 393966, 393997, 394030, 394061, 394094, 394124, 394157, 394190,
    394261, 394281, 394565, 394694, 394764, 394787, 394965, 395017, 395107, 395140, 395185, 395221, 395293, 395300,
    398077, 398117, 398196, 398243, 398308, 398348, 398372, 401265, 401283, 401380, 401437, 401572, 402973, 402980,
    406013, 406037, 406090, 406229, 406532, 407573, 408797, 409077, 409092, 409621, 410621, 410634, 410965, 411914,
    412181, 412202, 412693, 413706, 414037, 415274, 415765, 425988, 636949, 638980, 1311395, 1311428, 1348029,
    1348117, 1349885, 1350148, 1351427, 1351633, 1351684, 1360259, 1360305, 1360388, 1360904, 1361220, 1361309,
    1361950, 1363396, 1363429, 1363463, 1363569, 1363589, 1363921, 1363939, 1363998, 1364867, 1364933, 1364996,
    1367241, 1367557, 1367633, 1367837, 1368084, 1368803, 1369108, 1369182, 1369601, 1369694, 1371651, 1371681,
    1371966, 1372126, 1372419, 1372468, 1372542, 1372644, 1372702, 1372801, 1372894, 1373536, 1373665, 1373696,
    1373854, 1374368, 1374462, 1374592, 1374625, 1374685, 1374720, 1374753, 1374813, 1374817, 1374877, 1374881,
    1374942, 1375165, 1375811, 1375904, 1375937, 1375972, 1376003, 1376065, 1376100, 1376325, 1376356, 1376453,
    1376484, 1376613, 1376644, 1377382, 1377445, 1377510, 1377557, 1377669, 1377725, 1377802, 1378005, 1378067,
    1378101, 1378141, 1378308, 1379985, 1380125, 1380358, 1380420, 1382022, 1382533, 1382621, 1382865, 1382920,
    1383261, 1383429, 1384004, 1384209, 1384292, 1384337, 1384356, 1384421, 1384456, 1384772, 1385669, 1385937,
    1385988, 1386725, 1387078, 1387165, 1387505, 1387524, 1388477, 1388549, 1388646, 1388676, 1390181, 1390214,
    1390277, 1390406, 1390469, 1390534, 1390641, 1391069, 1391075, 1391112, 1391453, 1391569, 1391620, 1391781,
    1391811, 1391844, 1392136, 1392452, 1392637, 1392644, 1393957, 1394150, 1394213, 1394278, 1394341, 1394429,
    1394692, 1394789, 1394820, 1395077, 1395110, 1395165, 1395208, 1395549, 1395601, 1395716, 1396227, 1396260,
    1396469, 1396548, 1396582, 1396613, 1396646, 1396676, 1398277, 1398308, 1398341, 1398436, 1398501, 1398564,
    1398725, 1398788, 1398821, 1398852, 1398909, 1399652, 1399715, 1399761, 1399812, 1400166, 1400197, 1400262,
    1400337, 1400388, 1400419, 1400486, 1400517, 1400573, 1400868, 1401085, 1401124, 1401341, 1401380, 1401597,
    1401860, 1402109, 1402116, 1402365, 1402369, 1403764, 1403779, 1403905, 1404195, 1404244, 1404317, 1404417,
    1406980, 1408102, 1408165, 1408198, 1408261, 1408294, 1408369, 1408390, 1408421, 1408477, 1408520, 1408861,
    1409028, 1766557, 1766916, 1767677, 1767780, 1769373, 1769499, 1835036, 2039812, 2051549, 2051588, 2055005,
    2056193, 2056445, 2056801, 2056989, 2057124, 2057157, 2057188, 2057522, 2057540, 2057981, 2057988, 2058173,
    2058180, 2058237, 2058244, 2058333, 2058340, 2058429, 2058436, 2061908, 2062461, 2062948, 2074574, 2074605,
    2074645, 2075140, 2077213, 2077252, 2079005, 2079221, 2079261, 2080260, 2080659, 2080693, 2080773, 2081297,
    2081517, 2081550, 2081585, 2081629, 2081797, 2082321, 2082348, 2082411, 2082477, 2082510, 2082541, 2082574,
    2082605, 2082638, 2082669, 2082702, 2082733, 2082766, 2082797, 2082830, 2082861, 2082894, 2082925, 2082958,
    2082993, 2083053, 2083086, 2083121, 2083243, 2083345, 2083453, 2083473, 2083596, 2083629, 2083662, 2083693,
    2083726, 2083757, 2083790, 2083825, 2083922, 2083948, 2083986, 2084093, 2084113, 2084147, 2084177, 2084253,
    2084356, 2084541, 2084548, 2088893, 2088954, 2088989, 2089009, 2089107, 2089137, 2089229, 2089262, 2089297,
    2089330, 2089361, 2089388, 2089425, 2089480, 2089809, 2089874, 2089969, 2090016, 2090861, 2090897, 2090926,
    2090964, 2090987, 2091028, 2091041, 2091885, 2091922, 2091950, 2091986, 2092013, 2092046, 2092081, 2092109,
    2092142, 2092177, 2092228, 2092547, 2092580, 2094019, 2094084, 2095101, 2095172, 2095389, 2095428, 2095645,
    2095684, 2095901, 2095940, 2096061, 2096147, 2096210, 2096244, 2096277, 2096307, 2096381, 2096405, 2096434,
    2096565, 2096637, 2096954, 2097045, 2097117, 2097156, 2097565, 2097572, 2098429, 2098436, 2099069, 2099076,
    2099165, 2099172, 2099677, 2099716, 2100189, 2101252, 2105213, 2105361, 2105469, 2105578, 2107037, 2107125,
    2107401, 2109098, 2109237, 2109770, 2109845, 2109949, 2109973, 2110397, 2110485, 2110525, 2112021, 2113445,
    2113501, 2117636, 2118589, 2118660, 2120253, 2120709, 2120746, 2121629, 2121732, 2122762, 2122909, 2123172,
    2123817, 2123844, 2124105, 2124157, 2124292, 2125509, 2125693, 2125828, 2126813, 2126833, 2126852, 2128029,
    2128132, 2128401, 2128425, 2128605, 2129920, 2131201, 2132484, 2135005, 2135048, 2135389, 2135552, 2136733,
    2136833, 2138013, 2138116, 2139421, 2139652, 2141341, 2141681, 2141696, 2142077, 2142080, 2142589, 2142592,
    2142845, 2142848, 2142941, 2142945, 2143325, 2143329, 2143837, 2143841, 2144093, 2144097, 2144189, 2144260,
    2145949, 2146308, 2156285, 2156548, 2157277, 2157572, 2157853, 2158595, 2158813, 2158819, 2160189, 2160195,
    2160509, 2162692, 2162909, 2162948, 2163005, 2163012, 2164445, 2164452, 2164541, 2164612, 2164669, 2164708,
    2165469, 2165489, 2165514, 2165764, 2166517, 2166570, 2166788, 2167805, 2168042, 2168349, 2169860, 2170493,
    2170500, 2170589, 2170730, 2170884, 2171594, 2171805, 2171889, 2171908, 2172765, 2172913, 2172957, 2174980,
    2176797, 2176906, 2176964, 2177034, 2177565, 2177610, 2179076, 2179109, 2179229, 2179237, 2179325, 2179461,
    2179588, 2179741, 2179748, 2179869, 2179876, 2180829, 2180869, 2180989, 2181093, 2181130, 2181437, 2181649,
    2181949, 2182148, 2183082, 2183153, 2183172, 2184106, 2184221, 2185220, 2185493, 2185508, 2186405, 2186493,
    2186602, 2186769, 2187005, 2187268, 2189021, 2189105, 2189316, 2190045, 2190090, 2190340, 2190973, 2191114,
    2191364, 2191965, 2192177, 2192317, 2192682, 2192925, 2195460, 2197821, 2199552, 2201213, 2201601, 2203261,
    2203466, 2203652, 2204805, 2204957, 2205192, 2205533, 2205704, 2206020, 2206147, 2206180, 2206208, 2206941,
    2207013, 2207180, 2207203, 2207233, 2207965, 2208210, 2208285, 2214922, 2215933, 2215940, 2217309, 2217317,
    2217388, 2217437, 2217476, 2217565, 2218052, 2218173, 2219909, 2220036, 2220970, 2221284, 2221341, 2221572,
    2222277, 2222634, 2222769, 2222941, 2223620, 2224197, 2224337, 2224477, 2225668, 2226346, 2226589, 2227204,
    2227965, 2228230, 2228261, 2228294, 2228324, 2230021, 2230513, 2230749, 2230858, 2231496, 2231813, 2231844,
    2231909, 2231972, 2232029, 2232293, 2232390, 2232420, 2233862, 2233957, 2234086, 2234149, 2234225, 2234298,
    2234321, 2234437, 2234493, 2234810, 2234845, 2234884, 2235709, 2235912, 2236253, 2236421, 2236516, 2237669,
    2237830, 2237861, 2238141, 2238152, 2238481, 2238596, 2238630, 2238692, 2238749, 2238980, 2240101, 2240145,
    2240196, 2240253, 2240517, 2240582, 2240612, 2242150, 2242245, 2242534, 2242596, 2242737, 2242853, 2242993,
    2243014, 2243045, 2243080, 2243396, 2243441, 2243460, 2243505, 2243613, 2243626, 2244285, 2244612, 2245213,
    2245220, 2246022, 2246117, 2246214, 2246277, 2246310, 2246341, 2246417, 2246597, 2246628, 2246693, 2246749,
    2248708, 2248957, 2248964, 2249021, 2249028, 2249181, 2249188, 2249693, 2249700, 2250033, 2250077, 2250244,
    2251749, 2251782, 2251877, 2252157, 2252296, 2252637, 2252805, 2252870, 2252957, 2252964, 2253245, 2253284,
    2253373, 2253412, 2254141, 2254148, 2254397, 2254404, 2254493, 2254500, 2254685, 2254693, 2254756, 2254790,
    2254853, 2254886, 2255037, 2255078, 2255165, 2255206, 2255325, 2255364, 2255421, 2255590, 2255645, 2255780,
    2255942, 2256029, 2256069, 2256317, 2256389, 2256573, 2256900, 2257245, 2257252, 2257309, 2257348, 2257405,
    2257412, 2258653, 2258660, 2258694, 2258789, 2259005, 2259014, 2259069, 2259110, 2259165, 2259174, 2259325,
    2259334, 2259397, 2259430, 2259461, 2259492, 2259525, 2259556, 2259601, 2259677, 2259697, 2259773, 2260005,
    2260093, 2260996, 2262694, 2262789, 2263046, 2263109, 2263206, 2263237, 2263268, 2263409, 2263560, 2263889,
    2263965, 2263985, 2264005, 2264036, 2264157, 2265092, 2266630, 2266725, 2266918, 2266949, 2266982, 2267109,
    2267174, 2267205, 2267268, 2267345, 2267364, 2267421, 2267656, 2267997, 2273284, 2274790, 2274885, 2275037,
    2275078, 2275205, 2275270, 2275301, 2275377, 2276100, 2276229, 2276317, 2277380, 2278918, 2279013, 2279270,
    2279333, 2279366, 2279397, 2279473, 2279556, 2279613, 2279944, 2280285, 2280465, 2280893, 2281476, 2282853,
    2282886, 2282917, 2282950, 2283013, 2283206, 2283237, 2283268, 2283313, 2283357, 2283528, 2283869, 2284040,
    2284701, 2285572, 2286461, 2286501, 2286534, 2286565, 2286598, 2286661, 2286790, 2286821, 2287005, 2287112,
    2287434, 2287505, 2287605, 2287620, 2287869, 2293764, 2295174, 2295269, 2295558, 2295589, 2295665, 2295709,
    2298880, 2299905, 2300936, 2301258, 2301565, 2301924, 2302205, 2302244, 2302301, 2302340, 2302621, 2302628,
    2302717, 2302724, 2303494, 2303709, 2303718, 2303805, 2303845, 2303910, 2303941, 2303972, 2304006, 2304036,
    2304070, 2304101, 2304145, 2304253, 2304520, 2304861, 2307076, 2307357, 2307396, 2308646, 2308741, 2308893,
    2308933, 2308998, 2309125, 2309156, 2309201, 2309220, 2309254, 2309309, 2310148, 2310181, 2310500, 2311781,
    2311974, 2312004, 2312037, 2312177, 2312421, 2312477, 2312708, 2312741, 2312934, 2312997, 2313092, 2314565,
    2314982, 2315013, 2315089, 2315172, 2315217, 2315389, 2315780, 2318141, 2318353, 2318685, 2324484, 2325553,
    2325597, 2326024, 2326365, 2326532, 2326845, 2326852, 2328038, 2328069, 2328317, 2328325, 2328518, 2328549,
    2328580, 2328625, 2328797, 2329096, 2329418, 2330045, 2330129, 2330180, 2331165, 2331205, 2331933, 2331942,
    2331973, 2332198, 2332229, 2332294, 2332325, 2332413, 2334724, 2334973, 2334980, 2335069, 2335076, 2336293,
    2336509, 2336581, 2336637, 2336645, 2336733, 2336741, 2336964, 2336997, 2337053, 2337288, 2337629, 2337796,
    2338013, 2338020, 2338109, 2338116, 2339142, 2339325, 2339333, 2339421, 2339430, 2339493, 2339526, 2339557,
    2339588, 2339645, 2339848, 2340189, 2350084, 2350693, 2350758, 2350833, 2350909, 2351109, 2351172, 2351206,
    2351236, 2351677, 2351684, 2352774, 2352837, 2353021, 2353094, 2353157, 2353190, 2353221, 2353265, 2353672,
    2353989, 2354045, 2356740, 2356797, 2357258, 2357941, 2358195, 2358325, 2358877, 2359281, 2359300, 2388829,
    2392073, 2395645, 2395665, 2395837, 2396164, 2402461, 2486788, 2489905, 2489981, 2490372, 2524698, 2525189,
    2525220, 2525413, 2525917, 2526212, 2654077, 2654212, 2672893, 2891780, 2892741, 2893126, 2893221, 2893320,
    2893661, 2949124, 2967357, 2967556, 2968573, 2968584, 2968925, 2969041, 2969092, 2971645, 2971656, 2971997,
    2972164, 2973149, 2973189, 2973361, 2973405, 2973700, 2975237, 2975473, 2975637, 2975747, 2975889, 2975925,
    2975965, 2976264, 2976605, 2976618, 2976861, 2976868, 2977565, 2977700, 2978333, 2992131, 2992228, 2993507,
    2993585, 2993672, 2994013, 3000320, 3001345, 3002378, 3003121, 3003261, 3006468, 3008893, 3008997, 3009028,
    3009062, 3010845, 3011045, 3011171, 3011613, 3013635, 3013713, 3013731, 3013765, 3013821, 3014150, 3014237,
    3014660, 3211037, 3211268, 3250909, 3252196, 3252541, 3538435, 3538589, 3538595, 3538845, 3538851, 3538941,
    3538948, 3548285, 3548740, 3548797, 3549700, 3549821, 3549860, 3549917, 3550340, 3550493, 3550724, 3563421,
    3637252, 3640701, 3640836, 3641277, 3641348, 3641661, 3641860, 3642205, 3642261, 3642277, 3642353, 3642394,
    3642525, 3768341, 3776008, 3776349, 3776533, 3790493, 3792901, 3794397, 3794437, 3795197, 3795477, 3799197,
    3801109, 3808989, 3809301, 3810557, 3810613, 3812518, 3812581, 3812693, 3812774, 3812986, 3813221, 3813493,
    3813541, 3813781, 3814725, 3814869, 3816829, 3817493, 3819589, 3819701, 3819741, 3823626, 3824285, 3824650,
    3825309, 3825685, 3828477, 3828746, 3829565, 3833856, 3834689, 3835520, 3836353, 3836605, 3836609, 3837184,
    3838017, 3838848, 3838909, 3838912, 3839005, 3839040, 3839101, 3839136, 3839229, 3839264, 3839421, 3839424,
    3839681, 3839837, 3839841, 3839901, 3839905, 3840157, 3840161, 3840512, 3841345, 3842176, 3842269, 3842272,
    3842429, 3842464, 3842749, 3842752, 3843005, 3843009, 3843840, 3843933, 3843936, 3844093, 3844096, 3844285,
    3844288, 3844349, 3844416, 3844669, 3844673, 3845504, 3846337, 3847168, 3848001, 3848832, 3849665, 3850496,
    3851329, 3852160, 3852993, 3853824, 3854657, 3855581, 3855616, 3856434, 3856449, 3857266, 3857281, 3857472,
    3858290, 3858305, 3859122, 3859137, 3859328, 3860146, 3860161, 3860978, 3860993, 3861184, 3862002, 3862017,
    3862834, 3862849, 3863040, 3863858, 3863873, 3864690, 3864705, 3864896, 3864929, 3864989, 3865032, 3866645,
    3883013, 3884789, 3884901, 3886517, 3886757, 3886805, 3887237, 3887285, 3887345, 3887517, 3887973, 3888157,
    3888165, 3888669, 3923969, 3924292, 3924321, 3924989, 3925153, 3925373, 3932165, 3932413, 3932421, 3932989,
    3933029, 3933277, 3933285, 3933373, 3933381, 3933565, 3933699, 3935709, 3936741, 3936797, 3940356, 3941821,
    3941893, 3942115, 3942365, 3942408, 3942749, 3942852, 3942901, 3942941, 3953156, 3954117, 3954173, 3954692,
    3956101, 3956232, 3956573, 3956723, 3956765, 3971588, 3972451, 3972485, 3972616, 3972957, 3979780, 3980741,
    3980804, 3980840, 3981181, 3981297, 3981341, 3996676, 3996925, 3996932, 3997085, 3997092, 3997181, 3997188,
    3997693, 3997700, 4004029, 4004074, 4004357, 4004605, 4005888, 4006977, 4008069, 4008291, 4008349, 4008456,
    4008797, 4008913, 4008989, 4034090, 4035989, 4036010, 4036115, 4036138, 4036285, 4038698, 4040149, 4040170,
    4040669, 4046852, 4047005, 4047012, 4047901, 4047908, 4047997, 4048004, 4048061, 4048100, 4048157, 4048164,
    4048509, 4048516, 4048669, 4048676, 4048733, 4048740, 4048797, 4048964, 4049021, 4049124, 4049181, 4049188,
    4049245, 4049252, 4049309, 4049316, 4049437, 4049444, 4049533, 4049540, 4049597, 4049636, 4049693, 4049700,
    4049757, 4049764, 4049821, 4049828, 4049885, 4049892, 4049949, 4049956, 4050045, 4050052, 4050109, 4050148,
    4050301, 4050308, 4050557, 4050564, 4050717, 4050724, 4050877, 4050884, 4050941, 4050948, 4051293, 4051300,
    4051869, 4052004, 4052125, 4052132, 4052317, 4052324, 4052893, 4054546, 4054621, 4063253, 4064669, 4064789,
    4067997, 4068373, 4068861, 4068917, 4069405, 4069429, 4069917, 4069941, 4071133, 4071434, 4071861, 4077021,
    4078805, 4079741, 4080149, 4081565, 4081685, 4081981, 4082197, 4082269, 4082709, 4082909, 4087829, 4095860,
    4096021, 4119325, 4119445, 4119997, 4120085, 4120509, 4120597, 4124413, 4124533, 4127581, 4127765, 4128157,
    4128277, 4128317, 4128789, 4129181, 4129301, 4131101, 4131349, 4131677, 4131861, 4133149, 4133397, 4134365,
    4134421, 4134813, 4134933, 4135005, 4136981, 4147869, 4148245, 4148701, 4148757, 4149181, 4149269, 4149597,
    4149749, 4151549, 4151765, 4152253, 4152309, 4152669, 4152853, 4153149, 4153365, 4158077, 4158101, 4161032,
    4161373, 4194308, 5561373, 5562372, 5695325, 5695492, 5702621, 5702660, 5887069, 5887492, 6126653, 6127108,
    6147037, 6225924, 6243293, 6291460, 6449533, 6449668, 6583837, 29360186, 29360221, 29361178, 29364253, 29368325,
    29376029, 31457308, 33554397, 33554460, 35651549
};

/* first, last, step, what to add for the lower case */
static const int32_t llm__lower_runs[] = {
    65, 90, 1, 32, 192, 214, 1, 32, 216, 222, 1, 32, 256, 302, 2, 1, 304, 304, 1, -199, 306, 310, 2, 1, 313, 327, 2,
    1, 330, 374, 2, 1, 376, 376, 1, -121, 377, 381, 2, 1, 385, 385, 1, 210, 386, 388, 2, 1, 390, 390, 1, 206, 391,
    391, 1, 1, 393, 394, 1, 205, 395, 395, 1, 1, 398, 398, 1, 79, 399, 399, 1, 202, 400, 400, 1, 203, 401, 401, 1, 1,
    403, 403, 1, 205, 404, 404, 1, 207, 406, 406, 1, 211, 407, 407, 1, 209, 408, 408, 1, 1, 412, 412, 1, 211, 413,
    413, 1, 213, 415, 415, 1, 214, 416, 420, 2, 1, 422, 422, 1, 218, 423, 423, 1, 1, 425, 425, 1, 218, 428, 428, 1, 1,
    430, 430, 1, 218, 431, 431, 1, 1, 433, 434, 1, 217, 435, 437, 2, 1, 439, 439, 1, 219, 440, 440, 1, 1, 444, 444, 1,
    1, 452, 452, 1, 2, 453, 453, 1, 1, 455, 455, 1, 2, 456, 456, 1, 1, 458, 458, 1, 2, 459, 475, 2, 1, 478, 494, 2, 1,
    497, 497, 1, 2, 498, 500, 2, 1, 502, 502, 1, -97, 503, 503, 1, -56, 504, 542, 2, 1, 544, 544, 1, -130, 546, 562,
    2, 1, 570, 570, 1, 10795, 571, 571, 1, 1, 573, 573, 1, -163, 574, 574, 1, 10792, 577, 577, 1, 1, 579, 579, 1,
    -195, 580, 580, 1, 69, 581, 581, 1, 71, 582, 590, 2, 1, 880, 882, 2, 1, 886, 886, 1, 1, 895, 895, 1, 116, 902,
    902, 1, 38, 904, 906, 1, 37, 908, 908, 1, 64, 910, 911, 1, 63, 913, 929, 1, 32, 931, 939, 1, 32, 975, 975, 1, 8,
    984, 1006, 2, 1, 1012, 1012, 1, -60, 1015, 1015, 1, 1, 1017, 1017, 1, -7, 1018, 1018, 1, 1, 1021, 1023, 1, -130,
    1024, 1039, 1, 80, 1040, 1071, 1, 32, 1120, 1152, 2, 1, 1162, 1214, 2, 1, 1216, 1216, 1, 15, 1217, 1229, 2, 1,
    1232, 1326, 2, 1, 1329, 1366, 1, 48, 4256, 4293, 1, 7264, 4295, 4295, 1, 7264, 4301, 4301, 1, 7264, 5024, 5103, 1,
    38864, 5104, 5109, 1, 8, 7305, 7305, 1, 1, 7312, 7354, 1, -3008, 7357, 7359, 1, -3008, 7680, 7828, 2, 1, 7838,
    7838, 1, -7615, 7840, 7934, 2, 1, 7944, 7951, 1, -8, 7960, 7965, 1, -8, 7976, 7983, 1, -8, 7992, 7999, 1, -8,
    8008, 8013, 1, -8, 8025, 8031, 2, -8, 8040, 8047, 1, -8, 8072, 8079, 1, -8, 8088, 8095, 1, -8, 8104, 8111, 1, -8,
    8120, 8121, 1, -8, 8122, 8123, 1, -74, 8124, 8124, 1, -9, 8136, 8139, 1, -86, 8140, 8140, 1, -9, 8152, 8153, 1,
    -8, 8154, 8155, 1, -100, 8168, 8169, 1, -8, 8170, 8171, 1, -112, 8172, 8172, 1, -7, 8184, 8185, 1, -128, 8186,
    8187, 1, -126, 8188, 8188, 1, -9, 8486, 8486, 1, -7517, 8490, 8490, 1, -8383, 8491, 8491, 1, -8262, 8498, 8498, 1,
    28, 8544, 8559, 1, 16, 8579, 8579, 1, 1, 9398, 9423, 1, 26, 11264, 11311, 1, 48, 11360, 11360, 1, 1, 11362, 11362,
    1, -10743, 11363, 11363, 1, -3814, 11364, 11364, 1, -10727, 11367, 11371, 2, 1, 11373, 11373, 1, -10780, 11374,
    11374, 1, -10749, 11375, 11375, 1, -10783, 11376, 11376, 1, -10782, 11378, 11378, 1, 1, 11381, 11381, 1, 1, 11390,
    11391, 1, -10815, 11392, 11490, 2, 1, 11499, 11501, 2, 1, 11506, 11506, 1, 1, 42560, 42604, 2, 1, 42624, 42650, 2,
    1, 42786, 42798, 2, 1, 42802, 42862, 2, 1, 42873, 42875, 2, 1, 42877, 42877, 1, -35332, 42878, 42886, 2, 1, 42891,
    42891, 1, 1, 42893, 42893, 1, -42280, 42896, 42898, 2, 1, 42902, 42920, 2, 1, 42922, 42922, 1, -42308, 42923,
    42923, 1, -42319, 42924, 42924, 1, -42315, 42925, 42925, 1, -42305, 42926, 42926, 1, -42308, 42928, 42928, 1,
    -42258, 42929, 42929, 1, -42282, 42930, 42930, 1, -42261, 42931, 42931, 1, 928, 42932, 42946, 2, 1, 42948, 42948,
    1, -48, 42949, 42949, 1, -42307, 42950, 42950, 1, -35384, 42951, 42953, 2, 1, 42955, 42955, 1, -42343, 42956,
    42970, 2, 1, 42972, 42972, 1, -42561, 42997, 42997, 1, 1, 65313, 65338, 1, 32, 66560, 66599, 1, 40, 66736, 66771,
    1, 40, 66928, 66938, 1, 39, 66940, 66954, 1, 39, 66956, 66962, 1, 39, 66964, 66965, 1, 39, 68736, 68786, 1, 64,
    68944, 68965, 1, 32, 71840, 71871, 1, 32, 93760, 93791, 1, 32, 93856, 93880, 1, 27, 125184, 125217, 1, 34
};

/* Canonical combining classes: first << 8 | class */
static const uint32_t llm__combining_runs[] = {
    196838, 202216, 202460, 203496, 203736, 203996, 205258, 205788, 206794, 207324, 209921, 211420, 212454, 214512,
    214758, 215004, 215782, 216540, 216832, 217318, 218076, 219110, 219368, 219612, 220134, 220393, 220650, 221161,
    221418, 221929, 222182, 225280, 295910, 296960, 365020, 365286, 366300, 366566, 367326, 367580, 367846, 369372,
    370918, 371420, 371686, 372190, 372452, 372710, 372746, 373003, 373260, 373517, 373774, 374031, 374288, 374545,
    374802, 375059, 375572, 375829, 376086, 376320, 376599, 376832, 377112, 377369, 377600, 378086, 378332, 378368,
    378642, 378880, 397542, 399390, 399647, 399904, 400128, 412443, 412700, 412957, 413214, 413471, 413728, 413985,
    414242, 414694, 415196, 415718, 416988, 417254, 417756, 417792, 421923, 422144, 448230, 449792, 450534, 451548,
    451814, 451840, 452582, 452864, 453340, 453606, 454108, 454144, 463140, 463360, 471270, 471516, 471782, 472284,
    472550, 473052, 473830, 474076, 474598, 474844, 475110, 475868, 476134, 476380, 476646, 476892, 477158, 477404,
    477670, 477952, 519142, 520924, 521190, 521216, 530150, 530944, 531430, 533504, 533990, 534528, 535014, 536064,
    547292, 547840, 578790, 582144, 582620, 582886, 583388, 583654, 584156, 584422, 585180, 585755, 586012, 586269,
    586726, 587484, 587750, 588252, 588774, 589824, 605191, 605440, 609545, 609792, 610790, 611036, 611302, 611584,
    637959, 638208, 642313, 642560, 670727, 670976, 675081, 675328, 703495, 703744, 707849, 708096, 736263, 736512,
    740617, 740864, 773385, 773632, 806153, 806400, 808276, 808539, 808704, 834567, 834816, 838921, 839168, 871689,
    871936, 903689, 903936, 931943, 932361, 932608, 936043, 936960, 964726, 965120, 968826, 969728, 989404, 989696,
    996828, 996864, 997340, 997376, 997848, 997888, 1012097, 1012354, 1012480, 1012868, 1012992, 1014402, 1015296,
    1015938, 1016064, 1016550, 1016841, 1017088, 1017574, 1017856, 1033948, 1033984, 1062663, 1062912, 1063177,
    1063680, 1084892, 1084928, 1269222, 1269760, 1512457, 1512704, 1520649, 1520896, 1561097, 1561344, 1564134,
    1564160, 1616356, 1616384, 1653214, 1653478, 1653724, 1653760, 1710054, 1710300, 1710336, 1728521, 1728768,
    1734118, 1735936, 1736668, 1736704, 1749222, 1750492, 1752038, 1752540, 1752576, 1782791, 1783040, 1786889,
    1787136, 1797094, 1797340, 1797606, 1799168, 1813001, 1813504, 1828359, 1828608, 1831433, 1831936, 1849095,
    1849344, 1888486, 1889024, 1889281, 1889756, 1891046, 1891548, 1892582, 1892608, 1892865, 1894656, 1895900,
    1895936, 1897702, 1897728, 1898726, 1899008, 1949926, 1950428, 1950694, 1952476, 1952742, 1953258, 1953494,
    1953756, 1953994, 1954278, 1963520, 1965030, 1965289, 1965532, 1965798, 1966044, 1966080, 2150630, 2150913,
    2151654, 2152449, 2153446, 2153728, 2154982, 2155008, 2155777, 2156518, 2156764, 2157030, 2157057, 2157788,
    2158822, 2158848, 2944998, 2945536, 2981641, 2981888, 3006694, 3014656, 3156698, 3156964, 3157224, 3157470,
    3157728, 3158016, 3184904, 3185408, 10907622, 10907648, 10908902, 10911232, 10919654, 10919936, 10940646,
    10940928, 11011593, 11011840, 11060233, 11060480, 11067622, 11072000, 11086812, 11087360, 11096841, 11097088,
    11121415, 11121664, 11124745, 11124992, 11186406, 11186432, 11186918, 11187420, 11187456, 11188198, 11188480,
    11189990, 11190272, 11190758, 11190784, 11204105, 11204352, 11267337, 11267584, 16457242, 16457472, 16654566,
    16656348, 16658150, 16658432, 16907740, 16907776, 16965852, 16965888, 17004262, 17005312, 17436124, 17436160,
    17436646, 17436672, 17447142, 17447169, 17447644, 17447680, 17448713, 17448960, 17491430, 17491676, 17491712,
    17843721, 17843968, 17858313, 17858560, 17873161, 17873415, 17873664, 17891558, 17892096, 17904393, 17904896,
    17920775, 17921024, 17940489, 17940736, 17943047, 17943296, 17970441, 17970695, 17970944, 18016519, 18016777,
    18017024, 18037767, 18038016, 18042121, 18042368, 18048742, 18050304, 18051302, 18052352, 18104841, 18105088,
    18105863, 18106112, 18137609, 18137863, 18138112, 18202377, 18202631, 18202880, 18235145, 18235392, 18265609,
    18265863, 18266112, 18295561, 18295808, 18628361, 18628608, 23785473, 23786752, 23802086, 23803648, 29138433,
    29138688, 30500312, 30500609, 30501376, 30502370, 30502616, 30503680, 30505948, 30507776, 30508518, 30509788,
    30510080, 30517990, 30518784, 30556902, 30557440, 31457510, 31459072, 31459558, 31463680, 31464422, 31465984,
    31466470, 31466752, 31467238, 31468288, 32035036, 32036608, 32064742, 32066055, 32066304
};

/* Canonical decompositions, one step: character, first, second (0: none), sorted; below and from U+10000 */
static const uint16_t llm__canonical[] = {
    192, 65, 768, 193, 65, 769, 194, 65, 770, 195, 65, 771, 196, 65, 776, 197, 65, 778, 199, 67, 807, 200, 69, 768,
    201, 69, 769, 202, 69, 770, 203, 69, 776, 204, 73, 768, 205, 73, 769, 206, 73, 770, 207, 73, 776, 209, 78, 771,
    210, 79, 768, 211, 79, 769, 212, 79, 770, 213, 79, 771, 214, 79, 776, 217, 85, 768, 218, 85, 769, 219, 85, 770,
    220, 85, 776, 221, 89, 769, 224, 97, 768, 225, 97, 769, 226, 97, 770, 227, 97, 771, 228, 97, 776, 229, 97, 778,
    231, 99, 807, 232, 101, 768, 233, 101, 769, 234, 101, 770, 235, 101, 776, 236, 105, 768, 237, 105, 769, 238, 105,
    770, 239, 105, 776, 241, 110, 771, 242, 111, 768, 243, 111, 769, 244, 111, 770, 245, 111, 771, 246, 111, 776, 249,
    117, 768, 250, 117, 769, 251, 117, 770, 252, 117, 776, 253, 121, 769, 255, 121, 776, 256, 65, 772, 257, 97, 772,
    258, 65, 774, 259, 97, 774, 260, 65, 808, 261, 97, 808, 262, 67, 769, 263, 99, 769, 264, 67, 770, 265, 99, 770,
    266, 67, 775, 267, 99, 775, 268, 67, 780, 269, 99, 780, 270, 68, 780, 271, 100, 780, 274, 69, 772, 275, 101, 772,
    276, 69, 774, 277, 101, 774, 278, 69, 775, 279, 101, 775, 280, 69, 808, 281, 101, 808, 282, 69, 780, 283, 101,
    780, 284, 71, 770, 285, 103, 770, 286, 71, 774, 287, 103, 774, 288, 71, 775, 289, 103, 775, 290, 71, 807, 291,
    103, 807, 292, 72, 770, 293, 104, 770, 296, 73, 771, 297, 105, 771, 298, 73, 772, 299, 105, 772, 300, 73, 774,
    301, 105, 774, 302, 73, 808, 303, 105, 808, 304, 73, 775, 308, 74, 770, 309, 106, 770, 310, 75, 807, 311, 107,
    807, 313, 76, 769, 314, 108, 769, 315, 76, 807, 316, 108, 807, 317, 76, 780, 318, 108, 780, 323, 78, 769, 324,
    110, 769, 325, 78, 807, 326, 110, 807, 327, 78, 780, 328, 110, 780, 332, 79, 772, 333, 111, 772, 334, 79, 774,
    335, 111, 774, 336, 79, 779, 337, 111, 779, 340, 82, 769, 341, 114, 769, 342, 82, 807, 343, 114, 807, 344, 82,
    780, 345, 114, 780, 346, 83, 769, 347, 115, 769, 348, 83, 770, 349, 115, 770, 350, 83, 807, 351, 115, 807, 352,
    83, 780, 353, 115, 780, 354, 84, 807, 355, 116, 807, 356, 84, 780, 357, 116, 780, 360, 85, 771, 361, 117, 771,
    362, 85, 772, 363, 117, 772, 364, 85, 774, 365, 117, 774, 366, 85, 778, 367, 117, 778, 368, 85, 779, 369, 117,
    779, 370, 85, 808, 371, 117, 808, 372, 87, 770, 373, 119, 770, 374, 89, 770, 375, 121, 770, 376, 89, 776, 377, 90,
    769, 378, 122, 769, 379, 90, 775, 380, 122, 775, 381, 90, 780, 382, 122, 780, 416, 79, 795, 417, 111, 795, 431,
    85, 795, 432, 117, 795, 461, 65, 780, 462, 97, 780, 463, 73, 780, 464, 105, 780, 465, 79, 780, 466, 111, 780, 467,
    85, 780, 468, 117, 780, 469, 220, 772, 470, 252, 772, 471, 220, 769, 472, 252, 769, 473, 220, 780, 474, 252, 780,
    475, 220, 768, 476, 252, 768, 478, 196, 772, 479, 228, 772, 480, 550, 772, 481, 551, 772, 482, 198, 772, 483, 230,
    772, 486, 71, 780, 487, 103, 780, 488, 75, 780, 489, 107, 780, 490, 79, 808, 491, 111, 808, 492, 490, 772, 493,
    491, 772, 494, 439, 780, 495, 658, 780, 496, 106, 780, 500, 71, 769, 501, 103, 769, 504, 78, 768, 505, 110, 768,
    506, 197, 769, 507, 229, 769, 508, 198, 769, 509, 230, 769, 510, 216, 769, 511, 248, 769, 512, 65, 783, 513, 97,
    783, 514, 65, 785, 515, 97, 785, 516, 69, 783, 517, 101, 783, 518, 69, 785, 519, 101, 785, 520, 73, 783, 521, 105,
    783, 522, 73, 785, 523, 105, 785, 524, 79, 783, 525, 111, 783, 526, 79, 785, 527, 111, 785, 528, 82, 783, 529,
    114, 783, 530, 82, 785, 531, 114, 785, 532, 85, 783, 533, 117, 783, 534, 85, 785, 535, 117, 785, 536, 83, 806,
    537, 115, 806, 538, 84, 806, 539, 116, 806, 542, 72, 780, 543, 104, 780, 550, 65, 775, 551, 97, 775, 552, 69, 807,
    553, 101, 807, 554, 214, 772, 555, 246, 772, 556, 213, 772, 557, 245, 772, 558, 79, 775, 559, 111, 775, 560, 558,
    772, 561, 559, 772, 562, 89, 772, 563, 121, 772, 832, 768, 0, 833, 769, 0, 835, 787, 0, 836, 776, 769, 884, 697,
    0, 894, 59, 0, 901, 168, 769, 902, 913, 769, 903, 183, 0, 904, 917, 769, 905, 919, 769, 906, 921, 769, 908, 927,
    769, 910, 933, 769, 911, 937, 769, 912, 970, 769, 938, 921, 776, 939, 933, 776, 940, 945, 769, 941, 949, 769, 942,
    951, 769, 943, 953, 769, 944, 971, 769, 970, 953, 776, 971, 965, 776, 972, 959, 769, 973, 965, 769, 974, 969, 769,
    979, 978, 769, 980, 978, 776, 1024, 1045, 768, 1025, 1045, 776, 1027, 1043, 769, 1031, 1030, 776, 1036, 1050, 769,
    1037, 1048, 768, 1038, 1059, 774, 1049, 1048, 774, 1081, 1080, 774, 1104, 1077, 768, 1105, 1077, 776, 1107, 1075,
    769, 1111, 1110, 776, 1116, 1082, 769, 1117, 1080, 768, 1118, 1091, 774, 1142, 1140, 783, 1143, 1141, 783, 1217,
    1046, 774, 1218, 1078, 774, 1232, 1040, 774, 1233, 1072, 774, 1234, 1040, 776, 1235, 1072, 776, 1238, 1045, 774,
    1239, 1077, 774, 1242, 1240, 776, 1243, 1241, 776, 1244, 1046, 776, 1245, 1078, 776, 1246, 1047, 776, 1247, 1079,
    776, 1250, 1048, 772, 1251, 1080, 772, 1252, 1048, 776, 1253, 1080, 776, 1254, 1054, 776, 1255, 1086, 776, 1258,
    1256, 776, 1259, 1257, 776, 1260, 1069, 776, 1261, 1101, 776, 1262, 1059, 772, 1263, 1091, 772, 1264, 1059, 776,
    1265, 1091, 776, 1266, 1059, 779, 1267, 1091, 779, 1268, 1063, 776, 1269, 1095, 776, 1272, 1067, 776, 1273, 1099,
    776, 1570, 1575, 1619, 1571, 1575, 1620, 1572, 1608, 1620, 1573, 1575, 1621, 1574, 1610, 1620, 1728, 1749, 1620,
    1730, 1729, 1620, 1747, 1746, 1620, 2345, 2344, 2364, 2353, 2352, 2364, 2356, 2355, 2364, 2392, 2325, 2364, 2393,
    2326, 2364, 2394, 2327, 2364, 2395, 2332, 2364, 2396, 2337, 2364, 2397, 2338, 2364, 2398, 2347, 2364, 2399, 2351,
    2364, 2507, 2503, 2494, 2508, 2503, 2519, 2524, 2465, 2492, 2525, 2466, 2492, 2527, 2479, 2492, 2611, 2610, 2620,
    2614, 2616, 2620, 2649, 2582, 2620, 2650, 2583, 2620, 2651, 2588, 2620, 2654, 2603, 2620, 2888, 2887, 2902, 2891,
    2887, 2878, 2892, 2887, 2903, 2908, 2849, 2876, 2909, 2850, 2876, 2964, 2962, 3031, 3018, 3014, 3006, 3019, 3015,
    3006, 3020, 3014, 3031, 3144, 3142, 3158, 3264, 3263, 3285, 3271, 3270, 3285, 3272, 3270, 3286, 3274, 3270, 3266,
    3275, 3274, 3285, 3402, 3398, 3390, 3403, 3399, 3390, 3404, 3398, 3415, 3546, 3545, 3530, 3548, 3545, 3535, 3549,
    3548, 3530, 3550, 3545, 3551, 3907, 3906, 4023, 3917, 3916, 4023, 3922, 3921, 4023, 3927, 3926, 4023, 3932, 3931,
    4023, 3945, 3904, 4021, 3955, 3953, 3954, 3957, 3953, 3956, 3958, 4018, 3968, 3960, 4019, 3968, 3969, 3953, 3968,
    3987, 3986, 4023, 3997, 3996, 4023, 4002, 4001, 4023, 4007, 4006, 4023, 4012, 4011, 4023, 4025, 3984, 4021, 4134,
    4133, 4142, 6918, 6917, 6965, 6920, 6919, 6965, 6922, 6921, 6965, 6924, 6923, 6965, 6926, 6925, 6965, 6930, 6929,
    6965, 6971, 6970, 6965, 6973, 6972, 6965, 6976, 6974, 6965, 6977, 6975, 6965, 6979, 6978, 6965, 7680, 65, 805,
    7681, 97, 805, 7682, 66, 775, 7683, 98, 775, 7684, 66, 803, 7685, 98, 803, 7686, 66, 817, 7687, 98, 817, 7688,
    199, 769, 7689, 231, 769, 7690, 68, 775, 7691, 100, 775, 7692, 68, 803, 7693, 100, 803, 7694, 68, 817, 7695, 100,
    817, 7696, 68, 807, 7697, 100, 807, 7698, 68, 813, 7699, 100, 813, 7700, 274, 768, 7701, 275, 768, 7702, 274, 769,
    7703, 275, 769, 7704, 69, 813, 7705, 101, 813, 7706, 69, 816, 7707, 101, 816, 7708, 552, 774, 7709, 553, 774,
    7710, 70, 775, 7711, 102, 775, 7712, 71, 772, 7713, 103, 772, 7714, 72, 775, 7715, 104, 775, 7716, 72, 803, 7717,
    104, 803, 7718, 72, 776, 7719, 104, 776, 7720, 72, 807, 7721, 104, 807, 7722, 72, 814, 7723, 104, 814, 7724, 73,
    816, 7725, 105, 816, 7726, 207, 769, 7727, 239, 769, 7728, 75, 769, 7729, 107, 769, 7730, 75, 803, 7731, 107, 803,
    7732, 75, 817, 7733, 107, 817, 7734, 76, 803, 7735, 108, 803, 7736, 7734, 772, 7737, 7735, 772, 7738, 76, 817,
    7739, 108, 817, 7740, 76, 813, 7741, 108, 813, 7742, 77, 769, 7743, 109, 769, 7744, 77, 775, 7745, 109, 775, 7746,
    77, 803, 7747, 109, 803, 7748, 78, 775, 7749, 110, 775, 7750, 78, 803, 7751, 110, 803, 7752, 78, 817, 7753, 110,
    817, 7754, 78, 813, 7755, 110, 813, 7756, 213, 769, 7757, 245, 769, 7758, 213, 776, 7759, 245, 776, 7760, 332,
    768, 7761, 333, 768, 7762, 332, 769, 7763, 333, 769, 7764, 80, 769, 7765, 112, 769, 7766, 80, 775, 7767, 112, 775,
    7768, 82, 775, 7769, 114, 775, 7770, 82, 803, 7771, 114, 803, 7772, 7770, 772, 7773, 7771, 772, 7774, 82, 817,
    7775, 114, 817, 7776, 83, 775, 7777, 115, 775, 7778, 83, 803, 7779, 115, 803, 7780, 346, 775, 7781, 347, 775,
    7782, 352, 775, 7783, 353, 775, 7784, 7778, 775, 7785, 7779, 775, 7786, 84, 775, 7787, 116, 775, 7788, 84, 803,
    7789, 116, 803, 7790, 84, 817, 7791, 116, 817, 7792, 84, 813, 7793, 116, 813, 7794, 85, 804, 7795, 117, 804, 7796,
    85, 816, 7797, 117, 816, 7798, 85, 813, 7799, 117, 813, 7800, 360, 769, 7801, 361, 769, 7802, 362, 776, 7803, 363,
    776, 7804, 86, 771, 7805, 118, 771, 7806, 86, 803, 7807, 118, 803, 7808, 87, 768, 7809, 119, 768, 7810, 87, 769,
    7811, 119, 769, 7812, 87, 776, 7813, 119, 776, 7814, 87, 775, 7815, 119, 775, 7816, 87, 803, 7817, 119, 803, 7818,
    88, 775, 7819, 120, 775, 7820, 88, 776, 7821, 120, 776, 7822, 89, 775, 7823, 121, 775, 7824, 90, 770, 7825, 122,
    770, 7826, 90, 803, 7827, 122, 803, 7828, 90, 817, 7829, 122, 817, 7830, 104, 817, 7831, 116, 776, 7832, 119, 778,
    7833, 121, 778, 7835, 383, 775, 7840, 65, 803, 7841, 97, 803, 7842, 65, 777, 7843, 97, 777, 7844, 194, 769, 7845,
    226, 769, 7846, 194, 768, 7847, 226, 768, 7848, 194, 777, 7849, 226, 777, 7850, 194, 771, 7851, 226, 771, 7852,
    7840, 770, 7853, 7841, 770, 7854, 258, 769, 7855, 259, 769, 7856, 258, 768, 7857, 259, 768, 7858, 258, 777, 7859,
    259, 777, 7860, 258, 771, 7861, 259, 771, 7862, 7840, 774, 7863, 7841, 774, 7864, 69, 803, 7865, 101, 803, 7866,
    69, 777, 7867, 101, 777, 7868, 69, 771, 7869, 101, 771, 7870, 202, 769, 7871, 234, 769, 7872, 202, 768, 7873, 234,
    768, 7874, 202, 777, 7875, 234, 777, 7876, 202, 771, 7877, 234, 771, 7878, 7864, 770, 7879, 7865, 770, 7880, 73,
    777, 7881, 105, 777, 7882, 73, 803, 7883, 105, 803, 7884, 79, 803, 7885, 111, 803, 7886, 79, 777, 7887, 111, 777,
    7888, 212, 769, 7889, 244, 769, 7890, 212, 768, 7891, 244, 768, 7892, 212, 777, 7893, 244, 777, 7894, 212, 771,
    7895, 244, 771, 7896, 7884, 770, 7897, 7885, 770, 7898, 416, 769, 7899, 417, 769, 7900, 416, 768, 7901, 417, 768,
    7902, 416, 777, 7903, 417, 777, 7904, 416, 771, 7905, 417, 771, 7906, 416, 803, 7907, 417, 803, 7908, 85, 803,
    7909, 117, 803, 7910, 85, 777, 7911, 117, 777, 7912, 431, 769, 7913, 432, 769, 7914, 431, 768, 7915, 432, 768,
    7916, 431, 777, 7917, 432, 777, 7918, 431, 771, 7919, 432, 771, 7920, 431, 803, 7921, 432, 803, 7922, 89, 768,
    7923, 121, 768, 7924, 89, 803, 7925, 121, 803, 7926, 89, 777, 7927, 121, 777, 7928, 89, 771, 7929, 121, 771, 7936,
    945, 787, 7937, 945, 788, 7938, 7936, 768, 7939, 7937, 768, 7940, 7936, 769, 7941, 7937, 769, 7942, 7936, 834,
    7943, 7937, 834, 7944, 913, 787, 7945, 913, 788, 7946, 7944, 768, 7947, 7945, 768, 7948, 7944, 769, 7949, 7945,
    769, 7950, 7944, 834, 7951, 7945, 834, 7952, 949, 787, 7953, 949, 788, 7954, 7952, 768, 7955, 7953, 768, 7956,
    7952, 769, 7957, 7953, 769, 7960, 917, 787, 7961, 917, 788, 7962, 7960, 768, 7963, 7961, 768, 7964, 7960, 769,
    7965, 7961, 769, 7968, 951, 787, 7969, 951, 788, 7970, 7968, 768, 7971, 7969, 768, 7972, 7968, 769, 7973, 7969,
    769, 7974, 7968, 834, 7975, 7969, 834, 7976, 919, 787, 7977, 919, 788, 7978, 7976, 768, 7979, 7977, 768, 7980,
    7976, 769, 7981, 7977, 769, 7982, 7976, 834, 7983, 7977, 834, 7984, 953, 787, 7985, 953, 788, 7986, 7984, 768,
    7987, 7985, 768, 7988, 7984, 769, 7989, 7985, 769, 7990, 7984, 834, 7991, 7985, 834, 7992, 921, 787, 7993, 921,
    788, 7994, 7992, 768, 7995, 7993, 768, 7996, 7992, 769, 7997, 7993, 769, 7998, 7992, 834, 7999, 7993, 834, 8000,
    959, 787, 8001, 959, 788, 8002, 8000, 768, 8003, 8001, 768, 8004, 8000, 769, 8005, 8001, 769, 8008, 927, 787,
    8009, 927, 788, 8010, 8008, 768, 8011, 8009, 768, 8012, 8008, 769, 8013, 8009, 769, 8016, 965, 787, 8017, 965,
    788, 8018, 8016, 768, 8019, 8017, 768, 8020, 8016, 769, 8021, 8017, 769, 8022, 8016, 834, 8023, 8017, 834, 8025,
    933, 788, 8027, 8025, 768, 8029, 8025, 769, 8031, 8025, 834, 8032, 969, 787, 8033, 969, 788, 8034, 8032, 768,
    8035, 8033, 768, 8036, 8032, 769, 8037, 8033, 769, 8038, 8032, 834, 8039, 8033, 834, 8040, 937, 787, 8041, 937,
    788, 8042, 8040, 768, 8043, 8041, 768, 8044, 8040, 769, 8045, 8041, 769, 8046, 8040, 834, 8047, 8041, 834, 8048,
    945, 768, 8049, 940, 0, 8050, 949, 768, 8051, 941, 0, 8052, 951, 768, 8053, 942, 0, 8054, 953, 768, 8055, 943, 0,
    8056, 959, 768, 8057, 972, 0, 8058, 965, 768, 8059, 973, 0, 8060, 969, 768, 8061, 974, 0, 8064, 7936, 837, 8065,
    7937, 837, 8066, 7938, 837, 8067, 7939, 837, 8068, 7940, 837, 8069, 7941, 837, 8070, 7942, 837, 8071, 7943, 837,
    8072, 7944, 837, 8073, 7945, 837, 8074, 7946, 837, 8075, 7947, 837, 8076, 7948, 837, 8077, 7949, 837, 8078, 7950,
    837, 8079, 7951, 837, 8080, 7968, 837, 8081, 7969, 837, 8082, 7970, 837, 8083, 7971, 837, 8084, 7972, 837, 8085,
    7973, 837, 8086, 7974, 837, 8087, 7975, 837, 8088, 7976, 837, 8089, 7977, 837, 8090, 7978, 837, 8091, 7979, 837,
    8092, 7980, 837, 8093, 7981, 837, 8094, 7982, 837, 8095, 7983, 837, 8096, 8032, 837, 8097, 8033, 837, 8098, 8034,
    837, 8099, 8035, 837, 8100, 8036, 837, 8101, 8037, 837, 8102, 8038, 837, 8103, 8039, 837, 8104, 8040, 837, 8105,
    8041, 837, 8106, 8042, 837, 8107, 8043, 837, 8108, 8044, 837, 8109, 8045, 837, 8110, 8046, 837, 8111, 8047, 837,
    8112, 945, 774, 8113, 945, 772, 8114, 8048, 837, 8115, 945, 837, 8116, 940, 837, 8118, 945, 834, 8119, 8118, 837,
    8120, 913, 774, 8121, 913, 772, 8122, 913, 768, 8123, 902, 0, 8124, 913, 837, 8126, 953, 0, 8129, 168, 834, 8130,
    8052, 837, 8131, 951, 837, 8132, 942, 837, 8134, 951, 834, 8135, 8134, 837, 8136, 917, 768, 8137, 904, 0, 8138,
    919, 768, 8139, 905, 0, 8140, 919, 837, 8141, 8127, 768, 8142, 8127, 769, 8143, 8127, 834, 8144, 953, 774, 8145,
    953, 772, 8146, 970, 768, 8147, 912, 0, 8150, 953, 834, 8151, 970, 834, 8152, 921, 774, 8153, 921, 772, 8154, 921,
    768, 8155, 906, 0, 8157, 8190, 768, 8158, 8190, 769, 8159, 8190, 834, 8160, 965, 774, 8161, 965, 772, 8162, 971,
    768, 8163, 944, 0, 8164, 961, 787, 8165, 961, 788, 8166, 965, 834, 8167, 971, 834, 8168, 933, 774, 8169, 933, 772,
    8170, 933, 768, 8171, 910, 0, 8172, 929, 788, 8173, 168, 768, 8174, 901, 0, 8175, 96, 0, 8178, 8060, 837, 8179,
    969, 837, 8180, 974, 837, 8182, 969, 834, 8183, 8182, 837, 8184, 927, 768, 8185, 908, 0, 8186, 937, 768, 8187,
    911, 0, 8188, 937, 837, 8189, 180, 0, 8192, 8194, 0, 8193, 8195, 0, 8486, 937, 0, 8490, 75, 0, 8491, 197, 0, 8602,
    8592, 824, 8603, 8594, 824, 8622, 8596, 824, 8653, 8656, 824, 8654, 8660, 824, 8655, 8658, 824, 8708, 8707, 824,
    8713, 8712, 824, 8716, 8715, 824, 8740, 8739, 824, 8742, 8741, 824, 8769, 8764, 824, 8772, 8771, 824, 8775, 8773,
    824, 8777, 8776, 824, 8800, 61, 824, 8802, 8801, 824, 8813, 8781, 824, 8814, 60, 824, 8815, 62, 824, 8816, 8804,
    824, 8817, 8805, 824, 8820, 8818, 824, 8821, 8819, 824, 8824, 8822, 824, 8825, 8823, 824, 8832, 8826, 824, 8833,
    8827, 824, 8836, 8834, 824, 8837, 8835, 824, 8840, 8838, 824, 8841, 8839, 824, 8876, 8866, 824, 8877, 8872, 824,
    8878, 8873, 824, 8879, 8875, 824, 8928, 8828, 824, 8929, 8829, 824, 8930, 8849, 824, 8931, 8850, 824, 8938, 8882,
    824, 8939, 8883, 824, 8940, 8884, 824, 8941, 8885, 824, 9001, 12296, 0, 9002, 12297, 0, 10972, 10973, 824, 12364,
    12363, 12441, 12366, 12365, 12441, 12368, 12367, 12441, 12370, 12369, 12441, 12372, 12371, 12441, 12374, 12373,
    12441, 12376, 12375, 12441, 12378, 12377, 12441, 12380, 12379, 12441, 12382, 12381, 12441, 12384, 12383, 12441,
    12386, 12385, 12441, 12389, 12388, 12441, 12391, 12390, 12441, 12393, 12392, 12441, 12400, 12399, 12441, 12401,
    12399, 12442, 12403, 12402, 12441, 12404, 12402, 12442, 12406, 12405, 12441, 12407, 12405, 12442, 12409, 12408,
    12441, 12410, 12408, 12442, 12412, 12411, 12441, 12413, 12411, 12442, 12436, 12358, 12441, 12446, 12445, 12441,
    12460, 12459, 12441, 12462, 12461, 12441, 12464, 12463, 12441, 12466, 12465, 12441, 12468, 12467, 12441, 12470,
    12469, 12441, 12472, 12471, 12441, 12474, 12473, 12441, 12476, 12475, 12441, 12478, 12477, 12441, 12480, 12479,
    12441, 12482, 12481, 12441, 12485, 12484, 12441, 12487, 12486, 12441, 12489, 12488, 12441, 12496, 12495, 12441,
    12497, 12495, 12442, 12499, 12498, 12441, 12500, 12498, 12442, 12502, 12501, 12441, 12503, 12501, 12442, 12505,
    12504, 12441, 12506, 12504, 12442, 12508, 12507, 12441, 12509, 12507, 12442, 12532, 12454, 12441, 12535, 12527,
    12441, 12536, 12528, 12441, 12537, 12529, 12441, 12538, 12530, 12441, 12542, 12541, 12441, 63744, 35912, 0, 63745,
    26356, 0, 63746, 36554, 0, 63747, 36040, 0, 63748, 28369, 0, 63749, 20018, 0, 63750, 21477, 0, 63751, 40860, 0,
    63752, 40860, 0, 63753, 22865, 0, 63754, 37329, 0, 63755, 21895, 0, 63756, 22856, 0, 63757, 25078, 0, 63758,
    30313, 0, 63759, 32645, 0, 63760, 34367, 0, 63761, 34746, 0, 63762, 35064, 0, 63763, 37007, 0, 63764, 27138, 0,
    63765, 27931, 0, 63766, 28889, 0, 63767, 29662, 0, 63768, 33853, 0, 63769, 37226, 0, 63770, 39409, 0, 63771,
    20098, 0, 63772, 21365, 0, 63773, 27396, 0, 63774, 29211, 0, 63775, 34349, 0, 63776, 40478, 0, 63777, 23888, 0,
    63778, 28651, 0, 63779, 34253, 0, 63780, 35172, 0, 63781, 25289, 0, 63782, 33240, 0, 63783, 34847, 0, 63784,
    24266, 0, 63785, 26391, 0, 63786, 28010, 0, 63787, 29436, 0, 63788, 37070, 0, 63789, 20358, 0, 63790, 20919, 0,
    63791, 21214, 0, 63792, 25796, 0, 63793, 27347, 0, 63794, 29200, 0, 63795, 30439, 0, 63796, 32769, 0, 63797,
    34310, 0, 63798, 34396, 0, 63799, 36335, 0, 63800, 38706, 0, 63801, 39791, 0, 63802, 40442, 0, 63803, 30860, 0,
    63804, 31103, 0, 63805, 32160, 0, 63806, 33737, 0, 63807, 37636, 0, 63808, 40575, 0, 63809, 35542, 0, 63810,
    22751, 0, 63811, 24324, 0, 63812, 31840, 0, 63813, 32894, 0, 63814, 29282, 0, 63815, 30922, 0, 63816, 36034, 0,
    63817, 38647, 0, 63818, 22744, 0, 63819, 23650, 0, 63820, 27155, 0, 63821, 28122, 0, 63822, 28431, 0, 63823,
    32047, 0, 63824, 32311, 0, 63825, 38475, 0, 63826, 21202, 0, 63827, 32907, 0, 63828, 20956, 0, 63829, 20940, 0,
    63830, 31260, 0, 63831, 32190, 0, 63832, 33777, 0, 63833, 38517, 0, 63834, 35712, 0, 63835, 25295, 0, 63836,
    27138, 0, 63837, 35582, 0, 63838, 20025, 0, 63839, 23527, 0, 63840, 24594, 0, 63841, 29575, 0, 63842, 30064, 0,
    63843, 21271, 0, 63844, 30971, 0, 63845, 20415, 0, 63846, 24489, 0, 63847, 19981, 0, 63848, 27852, 0, 63849,
    25976, 0, 63850, 32034, 0, 63851, 21443, 0, 63852, 22622, 0, 63853, 30465, 0, 63854, 33865, 0, 63855, 35498, 0,
    63856, 27578, 0, 63857, 36784, 0, 63858, 27784, 0, 63859, 25342, 0, 63860, 33509, 0, 63861, 25504, 0, 63862,
    30053, 0, 63863, 20142, 0, 63864, 20841, 0, 63865, 20937, 0, 63866, 26753, 0, 63867, 31975, 0, 63868, 33391, 0,
    63869, 35538, 0, 63870, 37327, 0, 63871, 21237, 0, 63872, 21570, 0, 63873, 22899, 0, 63874, 24300, 0, 63875,
    26053, 0, 63876, 28670, 0, 63877, 31018, 0, 63878, 38317, 0, 63879, 39530, 0, 63880, 40599, 0, 63881, 40654, 0,
    63882, 21147, 0, 63883, 26310, 0, 63884, 27511, 0, 63885, 36706, 0, 63886, 24180, 0, 63887, 24976, 0, 63888,
    25088, 0, 63889, 25754, 0, 63890, 28451, 0, 63891, 29001, 0, 63892, 29833, 0, 63893, 31178, 0, 63894, 32244, 0,
    63895, 32879, 0, 63896, 36646, 0, 63897, 34030, 0, 63898, 36899, 0, 63899, 37706, 0, 63900, 21015, 0, 63901,
    21155, 0, 63902, 21693, 0, 63903, 28872, 0, 63904, 35010, 0, 63905, 35498, 0, 63906, 24265, 0, 63907, 24565, 0,
    63908, 25467, 0, 63909, 27566, 0, 63910, 31806, 0, 63911, 29557, 0, 63912, 20196, 0, 63913, 22265, 0, 63914,
    23527, 0, 63915, 23994, 0, 63916, 24604, 0, 63917, 29618, 0, 63918, 29801, 0, 63919, 32666, 0, 63920, 32838, 0,
    63921, 37428, 0, 63922, 38646, 0, 63923, 38728, 0, 63924, 38936, 0, 63925, 20363, 0, 63926, 31150, 0, 63927,
    37300, 0, 63928, 38584, 0, 63929, 24801, 0, 63930, 20102, 0, 63931, 20698, 0, 63932, 23534, 0, 63933, 23615, 0,
    63934, 26009, 0, 63935, 27138, 0, 63936, 29134, 0, 63937, 30274, 0, 63938, 34044, 0, 63939, 36988, 0, 63940,
    40845, 0, 63941, 26248, 0, 63942, 38446, 0, 63943, 21129, 0, 63944, 26491, 0, 63945, 26611, 0, 63946, 27969, 0,
    63947, 28316, 0, 63948, 29705, 0, 63949, 30041, 0, 63950, 30827, 0, 63951, 32016, 0, 63952, 39006, 0, 63953,
    20845, 0, 63954, 25134, 0, 63955, 38520, 0, 63956, 20523, 0, 63957, 23833, 0, 63958, 28138, 0, 63959, 36650, 0,
    63960, 24459, 0, 63961, 24900, 0, 63962, 26647, 0, 63963, 29575, 0, 63964, 38534, 0, 63965, 21033, 0, 63966,
    21519, 0, 63967, 23653, 0, 63968, 26131, 0, 63969, 26446, 0, 63970, 26792, 0, 63971, 27877, 0, 63972, 29702, 0,
    63973, 30178, 0, 63974, 32633, 0, 63975, 35023, 0, 63976, 35041, 0, 63977, 37324, 0, 63978, 38626, 0, 63979,
    21311, 0, 63980, 28346, 0, 63981, 21533, 0, 63982, 29136, 0, 63983, 29848, 0, 63984, 34298, 0, 63985, 38563, 0,
    63986, 40023, 0, 63987, 40607, 0, 63988, 26519, 0, 63989, 28107, 0, 63990, 33256, 0, 63991, 31435, 0, 63992,
    31520, 0, 63993, 31890, 0, 63994, 29376, 0, 63995, 28825, 0, 63996, 35672, 0, 63997, 20160, 0, 63998, 33590, 0,
    63999, 21050, 0, 64000, 20999, 0, 64001, 24230, 0, 64002, 25299, 0, 64003, 31958, 0, 64004, 23429, 0, 64005,
    27934, 0, 64006, 26292, 0, 64007, 36667, 0, 64008, 34892, 0, 64009, 38477, 0, 64010, 35211, 0, 64011, 24275, 0,
    64012, 20800, 0, 64013, 21952, 0, 64016, 22618, 0, 64018, 26228, 0, 64021, 20958, 0, 64022, 29482, 0, 64023,
    30410, 0, 64024, 31036, 0, 64025, 31070, 0, 64026, 31077, 0, 64027, 31119, 0, 64028, 38742, 0, 64029, 31934, 0,
    64030, 32701, 0, 64032, 34322, 0, 64034, 35576, 0, 64037, 36920, 0, 64038, 37117, 0, 64042, 39151, 0, 64043,
    39164, 0, 64044, 39208, 0, 64045, 40372, 0, 64046, 37086, 0, 64047, 38583, 0, 64048, 20398, 0, 64049, 20711, 0,
    64050, 20813, 0, 64051, 21193, 0, 64052, 21220, 0, 64053, 21329, 0, 64054, 21917, 0, 64055, 22022, 0, 64056,
    22120, 0, 64057, 22592, 0, 64058, 22696, 0, 64059, 23652, 0, 64060, 23662, 0, 64061, 24724, 0, 64062, 24936, 0,
    64063, 24974, 0, 64064, 25074, 0, 64065, 25935, 0, 64066, 26082, 0, 64067, 26257, 0, 64068, 26757, 0, 64069,
    28023, 0, 64070, 28186, 0, 64071, 28450, 0, 64072, 29038, 0, 64073, 29227, 0, 64074, 29730, 0, 64075, 30865, 0,
    64076, 31038, 0, 64077, 31049, 0, 64078, 31048, 0, 64079, 31056, 0, 64080, 31062, 0, 64081, 31069, 0, 64082,
    31117, 0, 64083, 31118, 0, 64084, 31296, 0, 64085, 31361, 0, 64086, 31680, 0, 64087, 32244, 0, 64088, 32265, 0,
    64089, 32321, 0, 64090, 32626, 0, 64091, 32773, 0, 64092, 33261, 0, 64093, 33401, 0, 64094, 33401, 0, 64095,
    33879, 0, 64096, 35088, 0, 64097, 35222, 0, 64098, 35585, 0, 64099, 35641, 0, 64100, 36051, 0, 64101, 36104, 0,
    64102, 36790, 0, 64103, 36920, 0, 64104, 38627, 0, 64105, 38911, 0, 64106, 38971, 0, 64107, 24693, 0, 64109,
    33304, 0, 64112, 20006, 0, 64113, 20917, 0, 64114, 20840, 0, 64115, 20352, 0, 64116, 20805, 0, 64117, 20864, 0,
    64118, 21191, 0, 64119, 21242, 0, 64120, 21917, 0, 64121, 21845, 0, 64122, 21913, 0, 64123, 21986, 0, 64124,
    22618, 0, 64125, 22707, 0, 64126, 22852, 0, 64127, 22868, 0, 64128, 23138, 0, 64129, 23336, 0, 64130, 24274, 0,
    64131, 24281, 0, 64132, 24425, 0, 64133, 24493, 0, 64134, 24792, 0, 64135, 24910, 0, 64136, 24840, 0, 64137,
    24974, 0, 64138, 24928, 0, 64139, 25074, 0, 64140, 25140, 0, 64141, 25540, 0, 64142, 25628, 0, 64143, 25682, 0,
    64144, 25942, 0, 64145, 26228, 0, 64146, 26391, 0, 64147, 26395, 0, 64148, 26454, 0, 64149, 27513, 0, 64150,
    27578, 0, 64151, 27969, 0, 64152, 28379, 0, 64153, 28363, 0, 64154, 28450, 0, 64155, 28702, 0, 64156, 29038, 0,
    64157, 30631, 0, 64158, 29237, 0, 64159, 29359, 0, 64160, 29482, 0, 64161, 29809, 0, 64162, 29958, 0, 64163,
    30011, 0, 64164, 30237, 0, 64165, 30239, 0, 64166, 30410, 0, 64167, 30427, 0, 64168, 30452, 0, 64169, 30538, 0,
    64170, 30528, 0, 64171, 30924, 0, 64172, 31409, 0, 64173, 31680, 0, 64174, 31867, 0, 64175, 32091, 0, 64176,
    32244, 0, 64177, 32574, 0, 64178, 32773, 0, 64179, 33618, 0, 64180, 33775, 0, 64181, 34681, 0, 64182, 35137, 0,
    64183, 35206, 0, 64184, 35222, 0, 64185, 35519, 0, 64186, 35576, 0, 64187, 35531, 0, 64188, 35585, 0, 64189,
    35582, 0, 64190, 35565, 0, 64191, 35641, 0, 64192, 35722, 0, 64193, 36104, 0, 64194, 36664, 0, 64195, 36978, 0,
    64196, 37273, 0, 64197, 37494, 0, 64198, 38524, 0, 64199, 38627, 0, 64200, 38742, 0, 64201, 38875, 0, 64202,
    38911, 0, 64203, 38923, 0, 64204, 38971, 0, 64205, 39698, 0, 64206, 40860, 0, 64210, 15261, 0, 64211, 16408, 0,
    64212, 16441, 0, 64216, 40771, 0, 64217, 40846, 0, 64285, 1497, 1460, 64287, 1522, 1463, 64298, 1513, 1473, 64299,
    1513, 1474, 64300, 64329, 1473, 64301, 64329, 1474, 64302, 1488, 1463, 64303, 1488, 1464, 64304, 1488, 1468,
    64305, 1489, 1468, 64306, 1490, 1468, 64307, 1491, 1468, 64308, 1492, 1468, 64309, 1493, 1468, 64310, 1494, 1468,
    64312, 1496, 1468, 64313, 1497, 1468, 64314, 1498, 1468, 64315, 1499, 1468, 64316, 1500, 1468, 64318, 1502, 1468,
    64320, 1504, 1468, 64321, 1505, 1468, 64323, 1507, 1468, 64324, 1508, 1468, 64326, 1510, 1468, 64327, 1511, 1468,
    64328, 1512, 1468, 64329, 1513, 1468, 64330, 1514, 1468, 64331, 1493, 1465, 64332, 1489, 1471, 64333, 1499, 1471,
    64334, 1508, 1471
};
static const uint32_t llm__canonical_high[] = {
    64108, 148206, 0, 64207, 141386, 0, 64208, 141380, 0, 64209, 144341, 0, 64213, 152137, 0, 64214, 154832, 0, 64215,
    163539, 0, 69786, 69785, 69818, 69788, 69787, 69818, 69803, 69797, 69818, 69934, 69937, 69927, 69935, 69938,
    69927, 70475, 70471, 70462, 70476, 70471, 70487, 70843, 70841, 70842, 70844, 70841, 70832, 70846, 70841, 70845,
    71098, 71096, 71087, 71099, 71097, 71087, 119134, 119127, 119141, 119135, 119128, 119141, 119136, 119135, 119150,
    119137, 119135, 119151, 119138, 119135, 119152, 119139, 119135, 119153, 119140, 119135, 119154, 119227, 119225,
    119141, 119228, 119226, 119141, 119229, 119227, 119150, 119230, 119228, 119150, 119231, 119227, 119151, 119232,
    119228, 119151, 194560, 20029, 0, 194561, 20024, 0, 194562, 20033, 0, 194563, 131362, 0, 194564, 20320, 0, 194565,
    20398, 0, 194566, 20411, 0, 194567, 20482, 0, 194568, 20602, 0, 194569, 20633, 0, 194570, 20711, 0, 194571, 20687,
    0, 194572, 13470, 0, 194573, 132666, 0, 194574, 20813, 0, 194575, 20820, 0, 194576, 20836, 0, 194577, 20855, 0,
    194578, 132380, 0, 194579, 13497, 0, 194580, 20839, 0, 194581, 20877, 0, 194582, 132427, 0, 194583, 20887, 0,
    194584, 20900, 0, 194585, 20172, 0, 194586, 20908, 0, 194587, 20917, 0, 194588, 168415, 0, 194589, 20981, 0,
    194590, 20995, 0, 194591, 13535, 0, 194592, 21051, 0, 194593, 21062, 0, 194594, 21106, 0, 194595, 21111, 0,
    194596, 13589, 0, 194597, 21191, 0, 194598, 21193, 0, 194599, 21220, 0, 194600, 21242, 0, 194601, 21253, 0,
    194602, 21254, 0, 194603, 21271, 0, 194604, 21321, 0, 194605, 21329, 0, 194606, 21338, 0, 194607, 21363, 0,
    194608, 21373, 0, 194609, 21375, 0, 194610, 21375, 0, 194611, 21375, 0, 194612, 133676, 0, 194613, 28784, 0,
    194614, 21450, 0, 194615, 21471, 0, 194616, 133987, 0, 194617, 21483, 0, 194618, 21489, 0, 194619, 21510, 0,
    194620, 21662, 0, 194621, 21560, 0, 194622, 21576, 0, 194623, 21608, 0, 194624, 21666, 0, 194625, 21750, 0,
    194626, 21776, 0, 194627, 21843, 0, 194628, 21859, 0, 194629, 21892, 0, 194630, 21892, 0, 194631, 21913, 0,
    194632, 21931, 0, 194633, 21939, 0, 194634, 21954, 0, 194635, 22294, 0, 194636, 22022, 0, 194637, 22295, 0,
    194638, 22097, 0, 194639, 22132, 0, 194640, 20999, 0, 194641, 22766, 0, 194642, 22478, 0, 194643, 22516, 0,
    194644, 22541, 0, 194645, 22411, 0, 194646, 22578, 0, 194647, 22577, 0, 194648, 22700, 0, 194649, 136420, 0,
    194650, 22770, 0, 194651, 22775, 0, 194652, 22790, 0, 194653, 22810, 0, 194654, 22818, 0, 194655, 22882, 0,
    194656, 136872, 0, 194657, 136938, 0, 194658, 23020, 0, 194659, 23067, 0, 194660, 23079, 0, 194661, 23000, 0,
    194662, 23142, 0, 194663, 14062, 0, 194664, 14076, 0, 194665, 23304, 0, 194666, 23358, 0, 194667, 23358, 0,
    194668, 137672, 0, 194669, 23491, 0, 194670, 23512, 0, 194671, 23527, 0, 194672, 23539, 0, 194673, 138008, 0,
    194674, 23551, 0, 194675, 23558, 0, 194676, 24403, 0, 194677, 23586, 0, 194678, 14209, 0, 194679, 23648, 0,
    194680, 23662, 0, 194681, 23744, 0, 194682, 23693, 0, 194683, 138724, 0, 194684, 23875, 0, 194685, 138726, 0,
    194686, 23918, 0, 194687, 23915, 0, 194688, 23932, 0, 194689, 24033, 0, 194690, 24034, 0, 194691, 14383, 0,
    194692, 24061, 0, 194693, 24104, 0, 194694, 24125, 0, 194695, 24169, 0, 194696, 14434, 0, 194697, 139651, 0,
    194698, 14460, 0, 194699, 24240, 0, 194700, 24243, 0, 194701, 24246, 0, 194702, 24266, 0, 194703, 172946, 0,
    194704, 24318, 0, 194705, 140081, 0, 194706, 140081, 0, 194707, 33281, 0, 194708, 24354, 0, 194709, 24354, 0,
    194710, 14535, 0, 194711, 144056, 0, 194712, 156122, 0, 194713, 24418, 0, 194714, 24427, 0, 194715, 14563, 0,
    194716, 24474, 0, 194717, 24525, 0, 194718, 24535, 0, 194719, 24569, 0, 194720, 24705, 0, 194721, 14650, 0,
    194722, 14620, 0, 194723, 24724, 0, 194724, 141012, 0, 194725, 24775, 0, 194726, 24904, 0, 194727, 24908, 0,
    194728, 24910, 0, 194729, 24908, 0, 194730, 24954, 0, 194731, 24974, 0, 194732, 25010, 0, 194733, 24996, 0,
    194734, 25007, 0, 194735, 25054, 0, 194736, 25074, 0, 194737, 25078, 0, 194738, 25104, 0, 194739, 25115, 0,
    194740, 25181, 0, 194741, 25265, 0, 194742, 25300, 0, 194743, 25424, 0, 194744, 142092, 0, 194745, 25405, 0,
    194746, 25340, 0, 194747, 25448, 0, 194748, 25475, 0, 194749, 25572, 0, 194750, 142321, 0, 194751, 25634, 0,
    194752, 25541, 0, 194753, 25513, 0, 194754, 14894, 0, 194755, 25705, 0, 194756, 25726, 0, 194757, 25757, 0,
    194758, 25719, 0, 194759, 14956, 0, 194760, 25935, 0, 194761, 25964, 0, 194762, 143370, 0, 194763, 26083, 0,
    194764, 26360, 0, 194765, 26185, 0, 194766, 15129, 0, 194767, 26257, 0, 194768, 15112, 0, 194769, 15076, 0,
    194770, 20882, 0, 194771, 20885, 0, 194772, 26368, 0, 194773, 26268, 0, 194774, 32941, 0, 194775, 17369, 0,
    194776, 26391, 0, 194777, 26395, 0, 194778, 26401, 0, 194779, 26462, 0, 194780, 26451, 0, 194781, 144323, 0,
    194782, 15177, 0, 194783, 26618, 0, 194784, 26501, 0, 194785, 26706, 0, 194786, 26757, 0, 194787, 144493, 0,
    194788, 26766, 0, 194789, 26655, 0, 194790, 26900, 0, 194791, 15261, 0, 194792, 26946, 0, 194793, 27043, 0,
    194794, 27114, 0, 194795, 27304, 0, 194796, 145059, 0, 194797, 27355, 0, 194798, 15384, 0, 194799, 27425, 0,
    194800, 145575, 0, 194801, 27476, 0, 194802, 15438, 0, 194803, 27506, 0, 194804, 27551, 0, 194805, 27578, 0,
    194806, 27579, 0, 194807, 146061, 0, 194808, 138507, 0, 194809, 146170, 0, 194810, 27726, 0, 194811, 146620, 0,
    194812, 27839, 0, 194813, 27853, 0, 194814, 27751, 0, 194815, 27926, 0, 194816, 27966, 0, 194817, 28023, 0,
    194818, 27969, 0, 194819, 28009, 0, 194820, 28024, 0, 194821, 28037, 0, 194822, 146718, 0, 194823, 27956, 0,
    194824, 28207, 0, 194825, 28270, 0, 194826, 15667, 0, 194827, 28363, 0, 194828, 28359, 0, 194829, 147153, 0,
    194830, 28153, 0, 194831, 28526, 0, 194832, 147294, 0, 194833, 147342, 0, 194834, 28614, 0, 194835, 28729, 0,
    194836, 28702, 0, 194837, 28699, 0, 194838, 15766, 0, 194839, 28746, 0, 194840, 28797, 0, 194841, 28791, 0,
    194842, 28845, 0, 194843, 132389, 0, 194844, 28997, 0, 194845, 148067, 0, 194846, 29084, 0, 194847, 148395, 0,
    194848, 29224, 0, 194849, 29237, 0, 194850, 29264, 0, 194851, 149000, 0, 194852, 29312, 0, 194853, 29333, 0,
    194854, 149301, 0, 194855, 149524, 0, 194856, 29562, 0, 194857, 29579, 0, 194858, 16044, 0, 194859, 29605, 0,
    194860, 16056, 0, 194861, 16056, 0, 194862, 29767, 0, 194863, 29788, 0, 194864, 29809, 0, 194865, 29829, 0,
    194866, 29898, 0, 194867, 16155, 0, 194868, 29988, 0, 194869, 150582, 0, 194870, 30014, 0, 194871, 150674, 0,
    194872, 30064, 0, 194873, 139679, 0, 194874, 30224, 0, 194875, 151457, 0, 194876, 151480, 0, 194877, 151620, 0,
    194878, 16380, 0, 194879, 16392, 0, 194880, 30452, 0, 194881, 151795, 0, 194882, 151794, 0, 194883, 151833, 0,
    194884, 151859, 0, 194885, 30494, 0, 194886, 30495, 0, 194887, 30495, 0, 194888, 30538, 0, 194889, 16441, 0,
    194890, 30603, 0, 194891, 16454, 0, 194892, 16534, 0, 194893, 152605, 0, 194894, 30798, 0, 194895, 30860, 0,
    194896, 30924, 0, 194897, 16611, 0, 194898, 153126, 0, 194899, 31062, 0, 194900, 153242, 0, 194901, 153285, 0,
    194902, 31119, 0, 194903, 31211, 0, 194904, 16687, 0, 194905, 31296, 0, 194906, 31306, 0, 194907, 31311, 0,
    194908, 153980, 0, 194909, 154279, 0, 194910, 154279, 0, 194911, 31470, 0, 194912, 16898, 0, 194913, 154539, 0,
    194914, 31686, 0, 194915, 31689, 0, 194916, 16935, 0, 194917, 154752, 0, 194918, 31954, 0, 194919, 17056, 0,
    194920, 31976, 0, 194921, 31971, 0, 194922, 32000, 0, 194923, 155526, 0, 194924, 32099, 0, 194925, 17153, 0,
    194926, 32199, 0, 194927, 32258, 0, 194928, 32325, 0, 194929, 17204, 0, 194930, 156200, 0, 194931, 156231, 0,
    194932, 17241, 0, 194933, 156377, 0, 194934, 32634, 0, 194935, 156478, 0, 194936, 32661, 0, 194937, 32762, 0,
    194938, 32773, 0, 194939, 156890, 0, 194940, 156963, 0, 194941, 32864, 0, 194942, 157096, 0, 194943, 32880, 0,
    194944, 144223, 0, 194945, 17365, 0, 194946, 32946, 0, 194947, 33027, 0, 194948, 17419, 0, 194949, 33086, 0,
    194950, 23221, 0, 194951, 157607, 0, 194952, 157621, 0, 194953, 144275, 0, 194954, 144284, 0, 194955, 33281, 0,
    194956, 33284, 0, 194957, 36766, 0, 194958, 17515, 0, 194959, 33425, 0, 194960, 33419, 0, 194961, 33437, 0,
    194962, 21171, 0, 194963, 33457, 0, 194964, 33459, 0, 194965, 33469, 0, 194966, 33510, 0, 194967, 158524, 0,
    194968, 33509, 0, 194969, 33565, 0, 194970, 33635, 0, 194971, 33709, 0, 194972, 33571, 0, 194973, 33725, 0,
    194974, 33767, 0, 194975, 33879, 0, 194976, 33619, 0, 194977, 33738, 0, 194978, 33740, 0, 194979, 33756, 0,
    194980, 158774, 0, 194981, 159083, 0, 194982, 158933, 0, 194983, 17707, 0, 194984, 34033, 0, 194985, 34035, 0,
    194986, 34070, 0, 194987, 160714, 0, 194988, 34148, 0, 194989, 159532, 0, 194990, 17757, 0, 194991, 17761, 0,
    194992, 159665, 0, 194993, 159954, 0, 194994, 17771, 0, 194995, 34384, 0, 194996, 34396, 0, 194997, 34407, 0,
    194998, 34409, 0, 194999, 34473, 0, 195000, 34440, 0, 195001, 34574, 0, 195002, 34530, 0, 195003, 34681, 0,
    195004, 34600, 0, 195005, 34667, 0, 195006, 34694, 0, 195007, 17879, 0, 195008, 34785, 0, 195009, 34817, 0,
    195010, 17913, 0, 195011, 34912, 0, 195012, 34915, 0, 195013, 161383, 0, 195014, 35031, 0, 195015, 35038, 0,
    195016, 17973, 0, 195017, 35066, 0, 195018, 13499, 0, 195019, 161966, 0, 195020, 162150, 0, 195021, 18110, 0,
    195022, 18119, 0, 195023, 35488, 0, 195024, 35565, 0, 195025, 35722, 0, 195026, 35925, 0, 195027, 162984, 0,
    195028, 36011, 0, 195029, 36033, 0, 195030, 36123, 0, 195031, 36215, 0, 195032, 163631, 0, 195033, 133124, 0,
    195034, 36299, 0, 195035, 36284, 0, 195036, 36336, 0, 195037, 133342, 0, 195038, 36564, 0, 195039, 36664, 0,
    195040, 165330, 0, 195041, 165357, 0, 195042, 37012, 0, 195043, 37105, 0, 195044, 37137, 0, 195045, 165678, 0,
    195046, 37147, 0, 195047, 37432, 0, 195048, 37591, 0, 195049, 37592, 0, 195050, 37500, 0, 195051, 37881, 0,
    195052, 37909, 0, 195053, 166906, 0, 195054, 38283, 0, 195055, 18837, 0, 195056, 38327, 0, 195057, 167287, 0,
    195058, 18918, 0, 195059, 38595, 0, 195060, 23986, 0, 195061, 38691, 0, 195062, 168261, 0, 195063, 168474, 0,
    195064, 19054, 0, 195065, 19062, 0, 195066, 38880, 0, 195067, 168970, 0, 195068, 19122, 0, 195069, 169110, 0,
    195070, 38923, 0, 195071, 38923, 0, 195072, 38953, 0, 195073, 169398, 0, 195074, 39138, 0, 195075, 19251, 0,
    195076, 39209, 0, 195077, 39335, 0, 195078, 39362, 0, 195079, 39422, 0, 195080, 19406, 0, 195081, 170800, 0,
    195082, 39698, 0, 195083, 40000, 0, 195084, 40189, 0, 195085, 19662, 0, 195086, 19693, 0, 195087, 40295, 0,
    195088, 172238, 0, 195089, 19704, 0, 195090, 172293, 0, 195091, 172558, 0, 195092, 172689, 0, 195093, 40635, 0,
    195094, 19798, 0, 195095, 40697, 0, 195096, 40702, 0, 195097, 40709, 0, 195098, 40719, 0, 195099, 40726, 0,
    195100, 40763, 0, 195101, 173568, 0
};
/* Pairs that are never composed again */
static const uint16_t llm__not_composed[] = {
    836, 2392, 2393, 2394, 2395, 2396, 2397, 2398, 2399, 2524, 2525, 2527, 2611, 2614, 2649, 2650, 2651, 2654, 2908,
    2909, 3907, 3917, 3922, 3927, 3932, 3945, 3955, 3957, 3958, 3960, 3969, 3987, 3997, 4002, 4007, 4012, 4025, 10972,
    64285, 64287, 64298, 64299, 64300, 64301, 64302, 64303, 64304, 64305, 64306, 64307, 64308, 64309, 64310, 64312,
    64313, 64314, 64315, 64316, 64318, 64320, 64321, 64323, 64324, 64326, 64327, 64328, 64329, 64330, 64331, 64332,
    64333, 64334
};

/* Compatibility decompositions in full.  Ranges: first, last, what first becomes.  Runs: first << 4 | count - 1, where
   the texts of its characters begin in the pool; each text ends with 0. */
static const uint32_t llm__compatible_ranges[] = {
    7475, 7482, 71, 7598, 7601, 626, 8308, 8313, 52, 8320, 8329, 48, 8342, 8345, 107, 8501, 8504, 1488, 9312, 9320,
    49, 9398, 9423, 65, 9424, 9449, 97, 12602, 12607, 4528, 12613, 12622, 4361, 12623, 12643, 4449, 12664, 12668,
    4395, 12905, 12909, 4366, 13028, 13033, 12490, 13038, 13042, 12510, 13045, 13050, 12520, 13051, 13054, 12527,
    65089, 65092, 12300, 65281, 65374, 33, 65413, 65418, 12490, 65423, 65427, 12510, 65430, 65435, 12520, 65450,
    65455, 4528, 65461, 65470, 4361, 65474, 65479, 4449, 65482, 65487, 4455, 65490, 65495, 4461, 65513, 65516, 8592,
    119808, 119833, 65, 119834, 119859, 97, 119860, 119885, 65, 119886, 119892, 97, 119894, 119911, 105, 119912,
    119937, 65, 119938, 119963, 97, 119977, 119980, 78, 119982, 119989, 83, 119990, 119993, 97, 119997, 120003, 104,
    120005, 120015, 112, 120016, 120041, 65, 120042, 120067, 97, 120071, 120074, 68, 120077, 120084, 74, 120086,
    120092, 83, 120094, 120119, 97, 120123, 120126, 68, 120128, 120132, 73, 120138, 120144, 83, 120146, 120171, 97,
    120172, 120197, 65, 120198, 120223, 97, 120224, 120249, 65, 120250, 120275, 97, 120276, 120301, 65, 120302,
    120327, 97, 120328, 120353, 65, 120354, 120379, 97, 120380, 120405, 65, 120406, 120431, 97, 120432, 120457, 65,
    120458, 120483, 97, 120488, 120504, 913, 120506, 120512, 931, 120514, 120538, 945, 120546, 120562, 913, 120564,
    120570, 931, 120572, 120596, 945, 120604, 120620, 913, 120622, 120628, 931, 120630, 120654, 945, 120662, 120678,
    913, 120680, 120686, 931, 120688, 120712, 945, 120720, 120736, 913, 120738, 120744, 931, 120746, 120770, 945,
    120782, 120791, 48, 120792, 120801, 48, 120802, 120811, 48, 120812, 120821, 48, 120822, 120831, 48, 126474,
    126477, 1603, 126506, 126509, 1603, 127280, 127305, 65
};
static const uint32_t llm__compatible_runs[] = {
    2560, 0, 2688, 2, 2720, 5, 2800, 7, 2851, 10, 2946, 19, 3010, 26, 4897, 38, 5105, 44, 5264, 50, 6128, 53, 7240,
    55, 7954, 85, 11016, 94, 11653, 112, 11780, 130, 14240, 140, 14401, 143, 15622, 150, 16130, 166, 16193, 172,
    16272, 176, 22640, 178, 26451, 181, 58160, 193, 60208, 196, 60865, 199, 61632, 205, 63344, 207, 63376, 211, 69568,
    215, 119490, 217, 119554, 223, 119759, 229, 120001, 261, 120063, 265, 120315, 297, 120704, 321, 121279, 323,
    121522, 355, 121645, 361, 125345, 389, 130000, 395, 130034, 398, 130258, 408, 130514, 420, 130769, 432, 131025,
    440, 131082, 446, 131344, 468, 131440, 470, 131650, 473, 131824, 482, 131889, 484, 131937, 491, 132032, 498,
    132064, 501, 132210, 504, 132464, 513, 132592, 518, 132865, 520, 133029, 524, 133284, 536, 133381, 546, 133538,
    558, 133760, 564, 135171, 567, 135250, 580, 135322, 590, 135505, 613, 135572, 618, 135682, 628, 135744, 638,
    135808, 640, 135873, 642, 135922, 646, 135985, 652, 136080, 656, 136117, 658, 136276, 672, 136463, 682, 136719,
    746, 136975, 792, 137360, 838, 139969, 842, 140017, 849, 149151, 856, 149407, 909, 149663, 983, 149919, 1039,
    150172, 1103, 151200, 1155, 172224, 1157, 173890, 1162, 182209, 1173, 186096, 1177, 190960, 1179, 192304, 1181,
    192527, 1183, 192783, 1215, 193039, 1247, 193295, 1279, 193551, 1311, 193807, 1343, 194063, 1375, 194319, 1407,
    194575, 1439, 194831, 1471, 195087, 1503, 195343, 1535, 195599, 1567, 195845, 1599, 196608, 1611, 197472, 1613,
    197506, 1615, 199089, 1621, 199152, 1627, 200688, 1630, 201496, 1633, 201732, 1651, 202319, 1661, 202563, 1693,
    202719, 1701, 202961, 1733, 203053, 1737, 204815, 1765, 205070, 1831, 205327, 1911, 205583, 1975, 205831, 2039,
    206095, 2063, 206344, 2112, 206575, 2130, 206816, 2183, 206863, 2186, 207119, 2218, 207375, 2250, 207631, 2282,
    207887, 2329, 208143, 2382, 208387, 2414, 208547, 2422, 208689, 2430, 208911, 2434, 209167, 2513, 209423, 2600,
    209679, 2677, 209935, 2757, 210191, 2833, 210447, 2894, 210703, 2956, 210959, 3011, 211215, 3062, 211471, 3115,
    211727, 3182, 211983, 3230, 212239, 3283, 212495, 3339, 212751, 3394, 682433, 3458, 685824, 3462, 688001, 3464,
    701891, 3468, 1028102, 3476, 1028404, 3499, 1028617, 3514, 1029375, 3534, 1029631, 3567, 1029887, 3599, 1030143,
    3631, 1030399, 3663, 1030655, 3695, 1030898, 3729, 1031487, 3737, 1031743, 3770, 1031999, 3820, 1032255, 3876,
    1032511, 3926, 1032767, 3974, 1033023, 4022, 1033279, 4070, 1033535, 4118, 1033791, 4171, 1034047, 4226, 1034303,
    4274, 1034559, 4322, 1034815, 4375, 1035071, 4423, 1035327, 4471, 1035583, 4519, 1035839, 4569, 1036095, 4618,
    1036351, 4668, 1036607, 4716, 1036863, 4764, 1037114, 4812, 1037583, 4845, 1037839, 4909, 1038095, 4973, 1038351,
    5037, 1038639, 5101, 1038895, 5165, 1039151, 5229, 1039397, 5293, 1040140, 5317, 1040649, 5397, 1041167, 5419,
    1041408, 5452, 1041531, 5454, 1041743, 5482, 1041986, 5514, 1042051, 5520, 1042178, 5528, 1042240, 5537, 1042287,
    5540, 1042543, 5587, 1042799, 5626, 1043055, 5658, 1043311, 5690, 1043567, 5722, 1043823, 5754, 1044079, 5786,
    1044326, 5820, 1046015, 5846, 1046271, 5878, 1046517, 5910, 1046707, 5922, 1046849, 5930, 1046989, 5934, 1047300,
    5962, 1047970, 5972, 1048070, 5978, 1048192, 5993, 1048273, 5995, 1919424, 5999, 1919457, 6001, 1919520, 6005,
    1919569, 6007, 1919920, 6011, 1921089, 6013, 1921921, 6017, 1922144, 6021, 1927745, 6023, 1928080, 6027, 1928208,
    6029, 1928630, 6031, 1929008, 6045, 1929136, 6047, 1929558, 6049, 1929936, 6063, 1930064, 6065, 1930486, 6067,
    1930864, 6081, 1930992, 6083, 1931414, 6085, 1931792, 6099, 1931920, 6101, 1932344, 6103, 2023427, 6121, 2023508,
    6129, 2023663, 6139, 2023905, 6171, 2023953, 6175, 2024000, 6179, 2024048, 6181, 2024080, 6183, 2024164, 6185,
    2024259, 6195, 2024336, 6203, 2024368, 6205, 2024480, 6207, 2024560, 6209, 2024592, 6211, 2024624, 6213, 2024658,
    6215, 2024721, 6221, 2024768, 6225, 2024816, 6227, 2024848, 6229, 2024880, 6231, 2024912, 6233, 2024944, 6235,
    2024977, 6237, 2025024, 6241, 2025075, 6243, 2025158, 6251, 2025283, 6265, 2025363, 6273, 2025440, 6281, 2025481,
    6283, 2025663, 6303, 2025904, 6335, 2026002, 6337, 2026068, 6343, 2026175, 6353, 2026416, 6385, 2035722, 6387,
    2035983, 6420, 2036238, 6484, 2036901, 6538, 2037409, 6557, 2038016, 6563, 2039810, 6566, 2040079, 6574, 2040335,
    6607, 2040587, 6639, 2040840, 6663, 2041089, 6699
};
static const uint16_t llm__compatible_pool[] = {
    32, 0, 32, 776, 0, 97, 0, 32, 772, 0, 50, 0, 51, 0, 32, 769, 0, 956, 0, 32, 807, 0, 49, 0, 111, 0, 49, 8260, 52,
    0, 49, 8260, 50, 0, 51, 8260, 52, 0, 73, 74, 0, 105, 106, 0, 76, 183, 0, 108, 183, 0, 700, 110, 0, 115, 0, 68, 90,
    780, 0, 68, 122, 780, 0, 100, 122, 780, 0, 76, 74, 0, 76, 106, 0, 108, 106, 0, 78, 74, 0, 78, 106, 0, 110, 106, 0,
    68, 90, 0, 68, 122, 0, 100, 122, 0, 104, 0, 614, 0, 106, 0, 114, 0, 633, 0, 635, 0, 641, 0, 119, 0, 121, 0, 32,
    774, 0, 32, 775, 0, 32, 778, 0, 32, 808, 0, 32, 771, 0, 32, 779, 0, 611, 0, 108, 0, 115, 0, 120, 0, 661, 0, 32,
    837, 0, 32, 769, 0, 32, 776, 769, 0, 946, 0, 952, 0, 933, 0, 933, 769, 0, 933, 776, 0, 966, 0, 960, 0, 954, 0,
    961, 0, 962, 0, 920, 0, 949, 0, 931, 0, 1381, 1410, 0, 1575, 1652, 0, 1608, 1652, 0, 1735, 1652, 0, 1610, 1652, 0,
    3661, 3634, 0, 3789, 3762, 0, 3755, 3737, 0, 3755, 3745, 0, 3851, 0, 4018, 3953, 3968, 0, 4019, 3953, 3968, 0,
    4316, 0, 65, 0, 198, 0, 66, 0, 68, 0, 69, 0, 398, 0, 79, 0, 546, 0, 80, 0, 82, 0, 84, 0, 85, 0, 87, 0, 97, 0, 592,
    0, 593, 0, 7426, 0, 98, 0, 100, 0, 101, 0, 601, 0, 603, 0, 604, 0, 103, 0, 107, 0, 109, 0, 331, 0, 111, 0, 596, 0,
    7446, 0, 7447, 0, 112, 0, 116, 0, 117, 0, 7453, 0, 623, 0, 118, 0, 7461, 0, 946, 0, 947, 0, 948, 0, 966, 0, 967,
    0, 105, 0, 114, 0, 117, 0, 118, 0, 946, 0, 947, 0, 961, 0, 966, 0, 967, 0, 1085, 0, 594, 0, 99, 0, 597, 0, 240, 0,
    604, 0, 102, 0, 607, 0, 609, 0, 613, 0, 616, 0, 617, 0, 618, 0, 7547, 0, 669, 0, 621, 0, 7557, 0, 671, 0, 625, 0,
    624, 0, 632, 0, 642, 0, 643, 0, 427, 0, 649, 0, 650, 0, 7452, 0, 651, 0, 652, 0, 122, 0, 656, 0, 657, 0, 658, 0,
    952, 0, 97, 702, 0, 115, 775, 0, 32, 787, 0, 32, 787, 0, 32, 834, 0, 32, 776, 834, 0, 32, 787, 768, 0, 32, 787,
    769, 0, 32, 787, 834, 0, 32, 788, 768, 0, 32, 788, 769, 0, 32, 788, 834, 0, 32, 776, 768, 0, 32, 776, 769, 0, 32,
    769, 0, 32, 788, 0, 32, 0, 32, 0, 32, 0, 32, 0, 32, 0, 32, 0, 32, 0, 32, 0, 32, 0, 32, 0, 32, 0, 8208, 0, 32, 819,
    0, 46, 0, 46, 46, 0, 46, 46, 46, 0, 32, 0, 8242, 8242, 0, 8242, 8242, 8242, 0, 8245, 8245, 0, 8245, 8245, 8245, 0,
    33, 33, 0, 32, 773, 0, 63, 63, 0, 63, 33, 0, 33, 63, 0, 8242, 8242, 8242, 8242, 0, 32, 0, 48, 0, 105, 0, 43, 0,
    8722, 0, 61, 0, 40, 0, 41, 0, 110, 0, 43, 0, 8722, 0, 61, 0, 40, 0, 41, 0, 97, 0, 101, 0, 111, 0, 120, 0, 601, 0,
    104, 0, 112, 0, 115, 0, 116, 0, 82, 115, 0, 97, 47, 99, 0, 97, 47, 115, 0, 67, 0, 176, 67, 0, 99, 47, 111, 0, 99,
    47, 117, 0, 400, 0, 176, 70, 0, 103, 0, 72, 0, 72, 0, 72, 0, 104, 0, 295, 0, 73, 0, 73, 0, 76, 0, 108, 0, 78, 0,
    78, 111, 0, 80, 0, 81, 0, 82, 0, 82, 0, 82, 0, 83, 77, 0, 84, 69, 76, 0, 84, 77, 0, 90, 0, 90, 0, 66, 0, 67, 0,
    101, 0, 69, 0, 70, 0, 77, 0, 111, 0, 105, 0, 70, 65, 88, 0, 960, 0, 947, 0, 915, 0, 928, 0, 8721, 0, 68, 0, 100,
    0, 101, 0, 105, 0, 106, 0, 49, 8260, 55, 0, 49, 8260, 57, 0, 49, 8260, 49, 48, 0, 49, 8260, 51, 0, 50, 8260, 51,
    0, 49, 8260, 53, 0, 50, 8260, 53, 0, 51, 8260, 53, 0, 52, 8260, 53, 0, 49, 8260, 54, 0, 53, 8260, 54, 0, 49, 8260,
    56, 0, 51, 8260, 56, 0, 53, 8260, 56, 0, 55, 8260, 56, 0, 49, 8260, 0, 73, 0, 73, 73, 0, 73, 73, 73, 0, 73, 86, 0,
    86, 0, 86, 73, 0, 86, 73, 73, 0, 86, 73, 73, 73, 0, 73, 88, 0, 88, 0, 88, 73, 0, 88, 73, 73, 0, 76, 0, 67, 0, 68,
    0, 77, 0, 105, 0, 105, 105, 0, 105, 105, 105, 0, 105, 118, 0, 118, 0, 118, 105, 0, 118, 105, 105, 0, 118, 105,
    105, 105, 0, 105, 120, 0, 120, 0, 120, 105, 0, 120, 105, 105, 0, 108, 0, 99, 0, 100, 0, 109, 0, 48, 8260, 51, 0,
    8747, 8747, 0, 8747, 8747, 8747, 0, 8750, 8750, 0, 8750, 8750, 8750, 0, 49, 48, 0, 49, 49, 0, 49, 50, 0, 49, 51,
    0, 49, 52, 0, 49, 53, 0, 49, 54, 0, 49, 55, 0, 49, 56, 0, 49, 57, 0, 50, 48, 0, 40, 49, 41, 0, 40, 50, 41, 0, 40,
    51, 41, 0, 40, 52, 41, 0, 40, 53, 41, 0, 40, 54, 41, 0, 40, 55, 41, 0, 40, 56, 41, 0, 40, 57, 41, 0, 40, 49, 48,
    41, 0, 40, 49, 49, 41, 0, 40, 49, 50, 41, 0, 40, 49, 51, 41, 0, 40, 49, 52, 41, 0, 40, 49, 53, 41, 0, 40, 49, 54,
    41, 0, 40, 49, 55, 41, 0, 40, 49, 56, 41, 0, 40, 49, 57, 41, 0, 40, 50, 48, 41, 0, 49, 46, 0, 50, 46, 0, 51, 46,
    0, 52, 46, 0, 53, 46, 0, 54, 46, 0, 55, 46, 0, 56, 46, 0, 57, 46, 0, 49, 48, 46, 0, 49, 49, 46, 0, 49, 50, 46, 0,
    49, 51, 46, 0, 49, 52, 46, 0, 49, 53, 46, 0, 49, 54, 46, 0, 49, 55, 46, 0, 49, 56, 46, 0, 49, 57, 46, 0, 50, 48,
    46, 0, 40, 97, 41, 0, 40, 98, 41, 0, 40, 99, 41, 0, 40, 100, 41, 0, 40, 101, 41, 0, 40, 102, 41, 0, 40, 103, 41,
    0, 40, 104, 41, 0, 40, 105, 41, 0, 40, 106, 41, 0, 40, 107, 41, 0, 40, 108, 41, 0, 40, 109, 41, 0, 40, 110, 41, 0,
    40, 111, 41, 0, 40, 112, 41, 0, 40, 113, 41, 0, 40, 114, 41, 0, 40, 115, 41, 0, 40, 116, 41, 0, 40, 117, 41, 0,
    40, 118, 41, 0, 40, 119, 41, 0, 40, 120, 41, 0, 40, 121, 41, 0, 40, 122, 41, 0, 48, 0, 8747, 8747, 8747, 8747, 0,
    58, 58, 61, 0, 61, 61, 0, 61, 61, 61, 0, 106, 0, 86, 0, 11617, 0, 27597, 0, 40863, 0, 19968, 0, 20008, 0, 20022,
    0, 20031, 0, 20057, 0, 20101, 0, 20108, 0, 20128, 0, 20154, 0, 20799, 0, 20837, 0, 20843, 0, 20866, 0, 20886, 0,
    20907, 0, 20960, 0, 20981, 0, 20992, 0, 21147, 0, 21241, 0, 21269, 0, 21274, 0, 21304, 0, 21313, 0, 21340, 0,
    21353, 0, 21378, 0, 21430, 0, 21448, 0, 21475, 0, 22231, 0, 22303, 0, 22763, 0, 22786, 0, 22794, 0, 22805, 0,
    22823, 0, 22899, 0, 23376, 0, 23424, 0, 23544, 0, 23567, 0, 23586, 0, 23608, 0, 23662, 0, 23665, 0, 24027, 0,
    24037, 0, 24049, 0, 24062, 0, 24178, 0, 24186, 0, 24191, 0, 24308, 0, 24318, 0, 24331, 0, 24339, 0, 24400, 0,
    24417, 0, 24435, 0, 24515, 0, 25096, 0, 25142, 0, 25163, 0, 25903, 0, 25908, 0, 25991, 0, 26007, 0, 26020, 0,
    26041, 0, 26080, 0, 26085, 0, 26352, 0, 26376, 0, 26408, 0, 27424, 0, 27490, 0, 27513, 0, 27571, 0, 27595, 0,
    27604, 0, 27611, 0, 27663, 0, 27668, 0, 27700, 0, 28779, 0, 29226, 0, 29238, 0, 29243, 0, 29247, 0, 29255, 0,
    29273, 0, 29275, 0, 29356, 0, 29572, 0, 29577, 0, 29916, 0, 29926, 0, 29976, 0, 29983, 0, 29992, 0, 30000, 0,
    30091, 0, 30098, 0, 30326, 0, 30333, 0, 30382, 0, 30399, 0, 30446, 0, 30683, 0, 30690, 0, 30707, 0, 31034, 0,
    31160, 0, 31166, 0, 31348, 0, 31435, 0, 31481, 0, 31859, 0, 31992, 0, 32566, 0, 32593, 0, 32650, 0, 32701, 0,
    32769, 0, 32780, 0, 32786, 0, 32819, 0, 32895, 0, 32905, 0, 33251, 0, 33258, 0, 33267, 0, 33276, 0, 33292, 0,
    33307, 0, 33311, 0, 33390, 0, 33394, 0, 33400, 0, 34381, 0, 34411, 0, 34880, 0, 34892, 0, 34915, 0, 35198, 0,
    35211, 0, 35282, 0, 35328, 0, 35895, 0, 35910, 0, 35925, 0, 35960, 0, 35997, 0, 36196, 0, 36208, 0, 36275, 0,
    36523, 0, 36554, 0, 36763, 0, 36784, 0, 36789, 0, 37009, 0, 37193, 0, 37318, 0, 37324, 0, 37329, 0, 38263, 0,
    38272, 0, 38428, 0, 38582, 0, 38585, 0, 38632, 0, 38737, 0, 38750, 0, 38754, 0, 38761, 0, 38859, 0, 38893, 0,
    38899, 0, 38913, 0, 39080, 0, 39131, 0, 39135, 0, 39318, 0, 39321, 0, 39340, 0, 39592, 0, 39640, 0, 39647, 0,
    39717, 0, 39727, 0, 39730, 0, 39740, 0, 39770, 0, 40165, 0, 40565, 0, 40575, 0, 40613, 0, 40635, 0, 40643, 0,
    40653, 0, 40657, 0, 40697, 0, 40701, 0, 40718, 0, 40723, 0, 40736, 0, 40763, 0, 40778, 0, 40786, 0, 40845, 0,
    40860, 0, 40864, 0, 32, 0, 12306, 0, 21313, 0, 21316, 0, 21317, 0, 32, 12441, 0, 32, 12442, 0, 12424, 12426, 0,
    12467, 12488, 0, 4352, 0, 4353, 0, 4522, 0, 4354, 0, 4524, 0, 4525, 0, 4355, 0, 4356, 0, 4357, 0, 4378, 0, 4358,
    0, 4359, 0, 4360, 0, 4385, 0, 4448, 0, 4372, 0, 4373, 0, 4551, 0, 4552, 0, 4556, 0, 4558, 0, 4563, 0, 4567, 0,
    4569, 0, 4380, 0, 4573, 0, 4575, 0, 4381, 0, 4382, 0, 4384, 0, 4386, 0, 4387, 0, 4391, 0, 4393, 0, 4402, 0, 4406,
    0, 4416, 0, 4423, 0, 4428, 0, 4593, 0, 4594, 0, 4439, 0, 4440, 0, 4441, 0, 4484, 0, 4485, 0, 4488, 0, 4497, 0,
    4498, 0, 4500, 0, 4510, 0, 4513, 0, 19968, 0, 20108, 0, 19977, 0, 22235, 0, 19978, 0, 20013, 0, 19979, 0, 30002,
    0, 20057, 0, 19993, 0, 19969, 0, 22825, 0, 22320, 0, 20154, 0, 40, 4352, 41, 0, 40, 4354, 41, 0, 40, 4355, 41, 0,
    40, 4357, 41, 0, 40, 4358, 41, 0, 40, 4359, 41, 0, 40, 4361, 41, 0, 40, 4363, 41, 0, 40, 4364, 41, 0, 40, 4366,
    41, 0, 40, 4367, 41, 0, 40, 4368, 41, 0, 40, 4369, 41, 0, 40, 4370, 41, 0, 40, 4352, 4449, 41, 0, 40, 4354, 4449,
    41, 0, 40, 4355, 4449, 41, 0, 40, 4357, 4449, 41, 0, 40, 4358, 4449, 41, 0, 40, 4359, 4449, 41, 0, 40, 4361, 4449,
    41, 0, 40, 4363, 4449, 41, 0, 40, 4364, 4449, 41, 0, 40, 4366, 4449, 41, 0, 40, 4367, 4449, 41, 0, 40, 4368, 4449,
    41, 0, 40, 4369, 4449, 41, 0, 40, 4370, 4449, 41, 0, 40, 4364, 4462, 41, 0, 40, 4363, 4457, 4364, 4453, 4523, 41,
    0, 40, 4363, 4457, 4370, 4462, 41, 0, 40, 19968, 41, 0, 40, 20108, 41, 0, 40, 19977, 41, 0, 40, 22235, 41, 0, 40,
    20116, 41, 0, 40, 20845, 41, 0, 40, 19971, 41, 0, 40, 20843, 41, 0, 40, 20061, 41, 0, 40, 21313, 41, 0, 40, 26376,
    41, 0, 40, 28779, 41, 0, 40, 27700, 41, 0, 40, 26408, 41, 0, 40, 37329, 41, 0, 40, 22303, 41, 0, 40, 26085, 41, 0,
    40, 26666, 41, 0, 40, 26377, 41, 0, 40, 31038, 41, 0, 40, 21517, 41, 0, 40, 29305, 41, 0, 40, 36001, 41, 0, 40,
    31069, 41, 0, 40, 21172, 41, 0, 40, 20195, 41, 0, 40, 21628, 41, 0, 40, 23398, 41, 0, 40, 30435, 41, 0, 40, 20225,
    41, 0, 40, 36039, 41, 0, 40, 21332, 41, 0, 40, 31085, 41, 0, 40, 20241, 41, 0, 40, 33258, 41, 0, 40, 33267, 41, 0,
    21839, 0, 24188, 0, 25991, 0, 31631, 0, 80, 84, 69, 0, 50, 49, 0, 50, 50, 0, 50, 51, 0, 50, 52, 0, 50, 53, 0, 50,
    54, 0, 50, 55, 0, 50, 56, 0, 50, 57, 0, 51, 48, 0, 51, 49, 0, 51, 50, 0, 51, 51, 0, 51, 52, 0, 51, 53, 0, 4352, 0,
    4354, 0, 4355, 0, 4357, 0, 4358, 0, 4359, 0, 4361, 0, 4363, 0, 4364, 0, 4352, 4449, 0, 4354, 4449, 0, 4355, 4449,
    0, 4357, 4449, 0, 4358, 4449, 0, 4359, 4449, 0, 4361, 4449, 0, 4363, 4449, 0, 4364, 4449, 0, 4366, 4449, 0, 4367,
    4449, 0, 4368, 4449, 0, 4369, 4449, 0, 4370, 4449, 0, 4366, 4449, 4535, 4352, 4457, 0, 4364, 4462, 4363, 4468, 0,
    4363, 4462, 0, 19968, 0, 20108, 0, 19977, 0, 22235, 0, 20116, 0, 20845, 0, 19971, 0, 20843, 0, 20061, 0, 21313, 0,
    26376, 0, 28779, 0, 27700, 0, 26408, 0, 37329, 0, 22303, 0, 26085, 0, 26666, 0, 26377, 0, 31038, 0, 21517, 0,
    29305, 0, 36001, 0, 31069, 0, 21172, 0, 31192, 0, 30007, 0, 22899, 0, 36969, 0, 20778, 0, 21360, 0, 27880, 0,
    38917, 0, 20241, 0, 20889, 0, 27491, 0, 19978, 0, 20013, 0, 19979, 0, 24038, 0, 21491, 0, 21307, 0, 23447, 0,
    23398, 0, 30435, 0, 20225, 0, 36039, 0, 21332, 0, 22812, 0, 51, 54, 0, 51, 55, 0, 51, 56, 0, 51, 57, 0, 52, 48, 0,
    52, 49, 0, 52, 50, 0, 52, 51, 0, 52, 52, 0, 52, 53, 0, 52, 54, 0, 52, 55, 0, 52, 56, 0, 52, 57, 0, 53, 48, 0, 49,
    26376, 0, 50, 26376, 0, 51, 26376, 0, 52, 26376, 0, 53, 26376, 0, 54, 26376, 0, 55, 26376, 0, 56, 26376, 0, 57,
    26376, 0, 49, 48, 26376, 0, 49, 49, 26376, 0, 49, 50, 26376, 0, 72, 103, 0, 101, 114, 103, 0, 101, 86, 0, 76, 84,
    68, 0, 12450, 0, 12452, 0, 12454, 0, 12456, 0, 12458, 0, 12459, 0, 12461, 0, 12463, 0, 12465, 0, 12467, 0, 12469,
    0, 12471, 0, 12473, 0, 12475, 0, 12477, 0, 12479, 0, 12481, 0, 12484, 0, 12486, 0, 12488, 0, 12498, 0, 12501, 0,
    12504, 0, 12507, 0, 12516, 0, 12518, 0, 12450, 12495, 12442, 12540, 12488, 0, 12450, 12523, 12501, 12449, 0,
    12450, 12531, 12504, 12442, 12450, 0, 12450, 12540, 12523, 0, 12452, 12491, 12531, 12463, 12441, 0, 12452, 12531,
    12481, 0, 12454, 12457, 12531, 0, 12456, 12473, 12463, 12540, 12488, 12441, 0, 12456, 12540, 12459, 12540, 0,
    12458, 12531, 12473, 0, 12458, 12540, 12512, 0, 12459, 12452, 12522, 0, 12459, 12521, 12483, 12488, 0, 12459,
    12525, 12522, 12540, 0, 12459, 12441, 12525, 12531, 0, 12459, 12441, 12531, 12510, 0, 12461, 12441, 12459, 12441,
    0, 12461, 12441, 12491, 12540, 0, 12461, 12517, 12522, 12540, 0, 12461, 12441, 12523, 12479, 12441, 12540, 0,
    12461, 12525, 0, 12461, 12525, 12463, 12441, 12521, 12512, 0, 12461, 12525, 12513, 12540, 12488, 12523, 0, 12461,
    12525, 12527, 12483, 12488, 0, 12463, 12441, 12521, 12512, 0, 12463, 12441, 12521, 12512, 12488, 12531, 0, 12463,
    12523, 12475, 12441, 12452, 12525, 0, 12463, 12525, 12540, 12493, 0, 12465, 12540, 12473, 0, 12467, 12523, 12490,
    0, 12467, 12540, 12507, 12442, 0, 12469, 12452, 12463, 12523, 0, 12469, 12531, 12481, 12540, 12512, 0, 12471,
    12522, 12531, 12463, 12441, 0, 12475, 12531, 12481, 0, 12475, 12531, 12488, 0, 12479, 12441, 12540, 12473, 0,
    12486, 12441, 12471, 0, 12488, 12441, 12523, 0, 12488, 12531, 0, 12490, 12494, 0, 12494, 12483, 12488, 0, 12495,
    12452, 12484, 0, 12495, 12442, 12540, 12475, 12531, 12488, 0, 12495, 12442, 12540, 12484, 0, 12495, 12441, 12540,
    12524, 12523, 0, 12498, 12442, 12450, 12473, 12488, 12523, 0, 12498, 12442, 12463, 12523, 0, 12498, 12442, 12467,
    0, 12498, 12441, 12523, 0, 12501, 12449, 12521, 12483, 12488, 12441, 0, 12501, 12451, 12540, 12488, 0, 12501,
    12441, 12483, 12471, 12455, 12523, 0, 12501, 12521, 12531, 0, 12504, 12463, 12479, 12540, 12523, 0, 12504, 12442,
    12477, 0, 12504, 12442, 12491, 12498, 0, 12504, 12523, 12484, 0, 12504, 12442, 12531, 12473, 0, 12504, 12442,
    12540, 12471, 12441, 0, 12504, 12441, 12540, 12479, 0, 12507, 12442, 12452, 12531, 12488, 0, 12507, 12441, 12523,
    12488, 0, 12507, 12531, 0, 12507, 12442, 12531, 12488, 12441, 0, 12507, 12540, 12523, 0, 12507, 12540, 12531, 0,
    12510, 12452, 12463, 12525, 0, 12510, 12452, 12523, 0, 12510, 12483, 12495, 0, 12510, 12523, 12463, 0, 12510,
    12531, 12471, 12519, 12531, 0, 12511, 12463, 12525, 12531, 0, 12511, 12522, 0, 12511, 12522, 12495, 12441, 12540,
    12523, 0, 12513, 12459, 12441, 0, 12513, 12459, 12441, 12488, 12531, 0, 12513, 12540, 12488, 12523, 0, 12516,
    12540, 12488, 12441, 0, 12516, 12540, 12523, 0, 12518, 12450, 12531, 0, 12522, 12483, 12488, 12523, 0, 12522,
    12521, 0, 12523, 12498, 12442, 12540, 0, 12523, 12540, 12501, 12441, 12523, 0, 12524, 12512, 0, 12524, 12531,
    12488, 12465, 12441, 12531, 0, 12527, 12483, 12488, 0, 48, 28857, 0, 49, 28857, 0, 50, 28857, 0, 51, 28857, 0, 52,
    28857, 0, 53, 28857, 0, 54, 28857, 0, 55, 28857, 0, 56, 28857, 0, 57, 28857, 0, 49, 48, 28857, 0, 49, 49, 28857,
    0, 49, 50, 28857, 0, 49, 51, 28857, 0, 49, 52, 28857, 0, 49, 53, 28857, 0, 49, 54, 28857, 0, 49, 55, 28857, 0, 49,
    56, 28857, 0, 49, 57, 28857, 0, 50, 48, 28857, 0, 50, 49, 28857, 0, 50, 50, 28857, 0, 50, 51, 28857, 0, 50, 52,
    28857, 0, 104, 80, 97, 0, 100, 97, 0, 65, 85, 0, 98, 97, 114, 0, 111, 86, 0, 112, 99, 0, 100, 109, 0, 100, 109,
    50, 0, 100, 109, 51, 0, 73, 85, 0, 24179, 25104, 0, 26157, 21644, 0, 22823, 27491, 0, 26126, 27835, 0, 26666,
    24335, 20250, 31038, 0, 112, 65, 0, 110, 65, 0, 956, 65, 0, 109, 65, 0, 107, 65, 0, 75, 66, 0, 77, 66, 0, 71, 66,
    0, 99, 97, 108, 0, 107, 99, 97, 108, 0, 112, 70, 0, 110, 70, 0, 956, 70, 0, 956, 103, 0, 109, 103, 0, 107, 103, 0,
    72, 122, 0, 107, 72, 122, 0, 77, 72, 122, 0, 71, 72, 122, 0, 84, 72, 122, 0, 956, 108, 0, 109, 108, 0, 100, 108,
    0, 107, 108, 0, 102, 109, 0, 110, 109, 0, 956, 109, 0, 109, 109, 0, 99, 109, 0, 107, 109, 0, 109, 109, 50, 0, 99,
    109, 50, 0, 109, 50, 0, 107, 109, 50, 0, 109, 109, 51, 0, 99, 109, 51, 0, 109, 51, 0, 107, 109, 51, 0, 109, 8725,
    115, 0, 109, 8725, 115, 50, 0, 80, 97, 0, 107, 80, 97, 0, 77, 80, 97, 0, 71, 80, 97, 0, 114, 97, 100, 0, 114, 97,
    100, 8725, 115, 0, 114, 97, 100, 8725, 115, 50, 0, 112, 115, 0, 110, 115, 0, 956, 115, 0, 109, 115, 0, 112, 86, 0,
    110, 86, 0, 956, 86, 0, 109, 86, 0, 107, 86, 0, 77, 86, 0, 112, 87, 0, 110, 87, 0, 956, 87, 0, 109, 87, 0, 107,
    87, 0, 77, 87, 0, 107, 937, 0, 77, 937, 0, 97, 46, 109, 46, 0, 66, 113, 0, 99, 99, 0, 99, 100, 0, 67, 8725, 107,
    103, 0, 67, 111, 46, 0, 100, 66, 0, 71, 121, 0, 104, 97, 0, 72, 80, 0, 105, 110, 0, 75, 75, 0, 75, 77, 0, 107,
    116, 0, 108, 109, 0, 108, 110, 0, 108, 111, 103, 0, 108, 120, 0, 109, 98, 0, 109, 105, 108, 0, 109, 111, 108, 0,
    80, 72, 0, 112, 46, 109, 46, 0, 80, 80, 77, 0, 80, 82, 0, 115, 114, 0, 83, 118, 0, 87, 98, 0, 86, 8725, 109, 0,
    65, 8725, 109, 0, 49, 26085, 0, 50, 26085, 0, 51, 26085, 0, 52, 26085, 0, 53, 26085, 0, 54, 26085, 0, 55, 26085,
    0, 56, 26085, 0, 57, 26085, 0, 49, 48, 26085, 0, 49, 49, 26085, 0, 49, 50, 26085, 0, 49, 51, 26085, 0, 49, 52,
    26085, 0, 49, 53, 26085, 0, 49, 54, 26085, 0, 49, 55, 26085, 0, 49, 56, 26085, 0, 49, 57, 26085, 0, 50, 48, 26085,
    0, 50, 49, 26085, 0, 50, 50, 26085, 0, 50, 51, 26085, 0, 50, 52, 26085, 0, 50, 53, 26085, 0, 50, 54, 26085, 0, 50,
    55, 26085, 0, 50, 56, 26085, 0, 50, 57, 26085, 0, 51, 48, 26085, 0, 51, 49, 26085, 0, 103, 97, 108, 0, 1098, 0,
    1100, 0, 42863, 0, 294, 0, 339, 0, 42791, 0, 43831, 0, 619, 0, 43858, 0, 102, 102, 0, 102, 105, 0, 102, 108, 0,
    102, 102, 105, 0, 102, 102, 108, 0, 115, 116, 0, 115, 116, 0, 1396, 1398, 0, 1396, 1381, 0, 1396, 1387, 0, 1406,
    1398, 0, 1396, 1389, 0, 1506, 0, 1488, 0, 1491, 0, 1492, 0, 1499, 0, 1500, 0, 1501, 0, 1512, 0, 1514, 0, 43, 0,
    1488, 1500, 0, 1649, 0, 1649, 0, 1659, 0, 1659, 0, 1659, 0, 1659, 0, 1662, 0, 1662, 0, 1662, 0, 1662, 0, 1664, 0,
    1664, 0, 1664, 0, 1664, 0, 1658, 0, 1658, 0, 1658, 0, 1658, 0, 1663, 0, 1663, 0, 1663, 0, 1663, 0, 1657, 0, 1657,
    0, 1657, 0, 1657, 0, 1700, 0, 1700, 0, 1700, 0, 1700, 0, 1702, 0, 1702, 0, 1702, 0, 1702, 0, 1668, 0, 1668, 0,
    1668, 0, 1668, 0, 1667, 0, 1667, 0, 1667, 0, 1667, 0, 1670, 0, 1670, 0, 1670, 0, 1670, 0, 1671, 0, 1671, 0, 1671,
    0, 1671, 0, 1677, 0, 1677, 0, 1676, 0, 1676, 0, 1678, 0, 1678, 0, 1672, 0, 1672, 0, 1688, 0, 1688, 0, 1681, 0,
    1681, 0, 1705, 0, 1705, 0, 1705, 0, 1705, 0, 1711, 0, 1711, 0, 1711, 0, 1711, 0, 1715, 0, 1715, 0, 1715, 0, 1715,
    0, 1713, 0, 1713, 0, 1713, 0, 1713, 0, 1722, 0, 1722, 0, 1723, 0, 1723, 0, 1723, 0, 1723, 0, 1749, 1620, 0, 1749,
    1620, 0, 1729, 0, 1729, 0, 1729, 0, 1729, 0, 1726, 0, 1726, 0, 1726, 0, 1726, 0, 1746, 0, 1746, 0, 1746, 1620, 0,
    1746, 1620, 0, 1709, 0, 1709, 0, 1709, 0, 1709, 0, 1735, 0, 1735, 0, 1734, 0, 1734, 0, 1736, 0, 1736, 0, 1735,
    1652, 0, 1739, 0, 1739, 0, 1733, 0, 1733, 0, 1737, 0, 1737, 0, 1744, 0, 1744, 0, 1744, 0, 1744, 0, 1609, 0, 1609,
    0, 1610, 1620, 1575, 0, 1610, 1620, 1575, 0, 1610, 1620, 1749, 0, 1610, 1620, 1749, 0, 1610, 1620, 1608, 0, 1610,
    1620, 1608, 0, 1610, 1620, 1735, 0, 1610, 1620, 1735, 0, 1610, 1620, 1734, 0, 1610, 1620, 1734, 0, 1610, 1620,
    1736, 0, 1610, 1620, 1736, 0, 1610, 1620, 1744, 0, 1610, 1620, 1744, 0, 1610, 1620, 1744, 0, 1610, 1620, 1609, 0,
    1610, 1620, 1609, 0, 1610, 1620, 1609, 0, 1740, 0, 1740, 0, 1740, 0, 1740, 0, 1610, 1620, 1580, 0, 1610, 1620,
    1581, 0, 1610, 1620, 1605, 0, 1610, 1620, 1609, 0, 1610, 1620, 1610, 0, 1576, 1580, 0, 1576, 1581, 0, 1576, 1582,
    0, 1576, 1605, 0, 1576, 1609, 0, 1576, 1610, 0, 1578, 1580, 0, 1578, 1581, 0, 1578, 1582, 0, 1578, 1605, 0, 1578,
    1609, 0, 1578, 1610, 0, 1579, 1580, 0, 1579, 1605, 0, 1579, 1609, 0, 1579, 1610, 0, 1580, 1581, 0, 1580, 1605, 0,
    1581, 1580, 0, 1581, 1605, 0, 1582, 1580, 0, 1582, 1581, 0, 1582, 1605, 0, 1587, 1580, 0, 1587, 1581, 0, 1587,
    1582, 0, 1587, 1605, 0, 1589, 1581, 0, 1589, 1605, 0, 1590, 1580, 0, 1590, 1581, 0, 1590, 1582, 0, 1590, 1605, 0,
    1591, 1581, 0, 1591, 1605, 0, 1592, 1605, 0, 1593, 1580, 0, 1593, 1605, 0, 1594, 1580, 0, 1594, 1605, 0, 1601,
    1580, 0, 1601, 1581, 0, 1601, 1582, 0, 1601, 1605, 0, 1601, 1609, 0, 1601, 1610, 0, 1602, 1581, 0, 1602, 1605, 0,
    1602, 1609, 0, 1602, 1610, 0, 1603, 1575, 0, 1603, 1580, 0, 1603, 1581, 0, 1603, 1582, 0, 1603, 1604, 0, 1603,
    1605, 0, 1603, 1609, 0, 1603, 1610, 0, 1604, 1580, 0, 1604, 1581, 0, 1604, 1582, 0, 1604, 1605, 0, 1604, 1609, 0,
    1604, 1610, 0, 1605, 1580, 0, 1605, 1581, 0, 1605, 1582, 0, 1605, 1605, 0, 1605, 1609, 0, 1605, 1610, 0, 1606,
    1580, 0, 1606, 1581, 0, 1606, 1582, 0, 1606, 1605, 0, 1606, 1609, 0, 1606, 1610, 0, 1607, 1580, 0, 1607, 1605, 0,
    1607, 1609, 0, 1607, 1610, 0, 1610, 1580, 0, 1610, 1581, 0, 1610, 1582, 0, 1610, 1605, 0, 1610, 1609, 0, 1610,
    1610, 0, 1584, 1648, 0, 1585, 1648, 0, 1609, 1648, 0, 32, 1612, 1617, 0, 32, 1613, 1617, 0, 32, 1614, 1617, 0, 32,
    1615, 1617, 0, 32, 1616, 1617, 0, 32, 1617, 1648, 0, 1610, 1620, 1585, 0, 1610, 1620, 1586, 0, 1610, 1620, 1605,
    0, 1610, 1620, 1606, 0, 1610, 1620, 1609, 0, 1610, 1620, 1610, 0, 1576, 1585, 0, 1576, 1586, 0, 1576, 1605, 0,
    1576, 1606, 0, 1576, 1609, 0, 1576, 1610, 0, 1578, 1585, 0, 1578, 1586, 0, 1578, 1605, 0, 1578, 1606, 0, 1578,
    1609, 0, 1578, 1610, 0, 1579, 1585, 0, 1579, 1586, 0, 1579, 1605, 0, 1579, 1606, 0, 1579, 1609, 0, 1579, 1610, 0,
    1601, 1609, 0, 1601, 1610, 0, 1602, 1609, 0, 1602, 1610, 0, 1603, 1575, 0, 1603, 1604, 0, 1603, 1605, 0, 1603,
    1609, 0, 1603, 1610, 0, 1604, 1605, 0, 1604, 1609, 0, 1604, 1610, 0, 1605, 1575, 0, 1605, 1605, 0, 1606, 1585, 0,
    1606, 1586, 0, 1606, 1605, 0, 1606, 1606, 0, 1606, 1609, 0, 1606, 1610, 0, 1609, 1648, 0, 1610, 1585, 0, 1610,
    1586, 0, 1610, 1605, 0, 1610, 1606, 0, 1610, 1609, 0, 1610, 1610, 0, 1610, 1620, 1580, 0, 1610, 1620, 1581, 0,
    1610, 1620, 1582, 0, 1610, 1620, 1605, 0, 1610, 1620, 1607, 0, 1576, 1580, 0, 1576, 1581, 0, 1576, 1582, 0, 1576,
    1605, 0, 1576, 1607, 0, 1578, 1580, 0, 1578, 1581, 0, 1578, 1582, 0, 1578, 1605, 0, 1578, 1607, 0, 1579, 1605, 0,
    1580, 1581, 0, 1580, 1605, 0, 1581, 1580, 0, 1581, 1605, 0, 1582, 1580, 0, 1582, 1605, 0, 1587, 1580, 0, 1587,
    1581, 0, 1587, 1582, 0, 1587, 1605, 0, 1589, 1581, 0, 1589, 1582, 0, 1589, 1605, 0, 1590, 1580, 0, 1590, 1581, 0,
    1590, 1582, 0, 1590, 1605, 0, 1591, 1581, 0, 1592, 1605, 0, 1593, 1580, 0, 1593, 1605, 0, 1594, 1580, 0, 1594,
    1605, 0, 1601, 1580, 0, 1601, 1581, 0, 1601, 1582, 0, 1601, 1605, 0, 1602, 1581, 0, 1602, 1605, 0, 1603, 1580, 0,
    1603, 1581, 0, 1603, 1582, 0, 1603, 1604, 0, 1603, 1605, 0, 1604, 1580, 0, 1604, 1581, 0, 1604, 1582, 0, 1604,
    1605, 0, 1604, 1607, 0, 1605, 1580, 0, 1605, 1581, 0, 1605, 1582, 0, 1605, 1605, 0, 1606, 1580, 0, 1606, 1581, 0,
    1606, 1582, 0, 1606, 1605, 0, 1606, 1607, 0, 1607, 1580, 0, 1607, 1605, 0, 1607, 1648, 0, 1610, 1580, 0, 1610,
    1581, 0, 1610, 1582, 0, 1610, 1605, 0, 1610, 1607, 0, 1610, 1620, 1605, 0, 1610, 1620, 1607, 0, 1576, 1605, 0,
    1576, 1607, 0, 1578, 1605, 0, 1578, 1607, 0, 1579, 1605, 0, 1579, 1607, 0, 1587, 1605, 0, 1587, 1607, 0, 1588,
    1605, 0, 1588, 1607, 0, 1603, 1604, 0, 1603, 1605, 0, 1604, 1605, 0, 1606, 1605, 0, 1606, 1607, 0, 1610, 1605, 0,
    1610, 1607, 0, 1600, 1614, 1617, 0, 1600, 1615, 1617, 0, 1600, 1616, 1617, 0, 1591, 1609, 0, 1591, 1610, 0, 1593,
    1609, 0, 1593, 1610, 0, 1594, 1609, 0, 1594, 1610, 0, 1587, 1609, 0, 1587, 1610, 0, 1588, 1609, 0, 1588, 1610, 0,
    1581, 1609, 0, 1581, 1610, 0, 1580, 1609, 0, 1580, 1610, 0, 1582, 1609, 0, 1582, 1610, 0, 1589, 1609, 0, 1589,
    1610, 0, 1590, 1609, 0, 1590, 1610, 0, 1588, 1580, 0, 1588, 1581, 0, 1588, 1582, 0, 1588, 1605, 0, 1588, 1585, 0,
    1587, 1585, 0, 1589, 1585, 0, 1590, 1585, 0, 1591, 1609, 0, 1591, 1610, 0, 1593, 1609, 0, 1593, 1610, 0, 1594,
    1609, 0, 1594, 1610, 0, 1587, 1609, 0, 1587, 1610, 0, 1588, 1609, 0, 1588, 1610, 0, 1581, 1609, 0, 1581, 1610, 0,
    1580, 1609, 0, 1580, 1610, 0, 1582, 1609, 0, 1582, 1610, 0, 1589, 1609, 0, 1589, 1610, 0, 1590, 1609, 0, 1590,
    1610, 0, 1588, 1580, 0, 1588, 1581, 0, 1588, 1582, 0, 1588, 1605, 0, 1588, 1585, 0, 1587, 1585, 0, 1589, 1585, 0,
    1590, 1585, 0, 1588, 1580, 0, 1588, 1581, 0, 1588, 1582, 0, 1588, 1605, 0, 1587, 1607, 0, 1588, 1607, 0, 1591,
    1605, 0, 1587, 1580, 0, 1587, 1581, 0, 1587, 1582, 0, 1588, 1580, 0, 1588, 1581, 0, 1588, 1582, 0, 1591, 1605, 0,
    1592, 1605, 0, 1575, 1611, 0, 1575, 1611, 0, 1578, 1580, 1605, 0, 1578, 1581, 1580, 0, 1578, 1581, 1580, 0, 1578,
    1581, 1605, 0, 1578, 1582, 1605, 0, 1578, 1605, 1580, 0, 1578, 1605, 1581, 0, 1578, 1605, 1582, 0, 1580, 1605,
    1581, 0, 1580, 1605, 1581, 0, 1581, 1605, 1610, 0, 1581, 1605, 1609, 0, 1587, 1581, 1580, 0, 1587, 1580, 1581, 0,
    1587, 1580, 1609, 0, 1587, 1605, 1581, 0, 1587, 1605, 1581, 0, 1587, 1605, 1580, 0, 1587, 1605, 1605, 0, 1587,
    1605, 1605, 0, 1589, 1581, 1581, 0, 1589, 1581, 1581, 0, 1589, 1605, 1605, 0, 1588, 1581, 1605, 0, 1588, 1581,
    1605, 0, 1588, 1580, 1610, 0, 1588, 1605, 1582, 0, 1588, 1605, 1582, 0, 1588, 1605, 1605, 0, 1588, 1605, 1605, 0,
    1590, 1581, 1609, 0, 1590, 1582, 1605, 0, 1590, 1582, 1605, 0, 1591, 1605, 1581, 0, 1591, 1605, 1581, 0, 1591,
    1605, 1605, 0, 1591, 1605, 1610, 0, 1593, 1580, 1605, 0, 1593, 1605, 1605, 0, 1593, 1605, 1605, 0, 1593, 1605,
    1609, 0, 1594, 1605, 1605, 0, 1594, 1605, 1610, 0, 1594, 1605, 1609, 0, 1601, 1582, 1605, 0, 1601, 1582, 1605, 0,
    1602, 1605, 1581, 0, 1602, 1605, 1605, 0, 1604, 1581, 1605, 0, 1604, 1581, 1610, 0, 1604, 1581, 1609, 0, 1604,
    1580, 1580, 0, 1604, 1580, 1580, 0, 1604, 1582, 1605, 0, 1604, 1582, 1605, 0, 1604, 1605, 1581, 0, 1604, 1605,
    1581, 0, 1605, 1581, 1580, 0, 1605, 1581, 1605, 0, 1605, 1581, 1610, 0, 1605, 1580, 1581, 0, 1605, 1580, 1605, 0,
    1605, 1582, 1580, 0, 1605, 1582, 1605, 0, 1605, 1580, 1582, 0, 1607, 1605, 1580, 0, 1607, 1605, 1605, 0, 1606,
    1581, 1605, 0, 1606, 1581, 1609, 0, 1606, 1580, 1605, 0, 1606, 1580, 1605, 0, 1606, 1580, 1609, 0, 1606, 1605,
    1610, 0, 1606, 1605, 1609, 0, 1610, 1605, 1605, 0, 1610, 1605, 1605, 0, 1576, 1582, 1610, 0, 1578, 1580, 1610, 0,
    1578, 1580, 1609, 0, 1578, 1582, 1610, 0, 1578, 1582, 1609, 0, 1578, 1605, 1610, 0, 1578, 1605, 1609, 0, 1580,
    1605, 1610, 0, 1580, 1581, 1609, 0, 1580, 1605, 1609, 0, 1587, 1582, 1609, 0, 1589, 1581, 1610, 0, 1588, 1581,
    1610, 0, 1590, 1581, 1610, 0, 1604, 1580, 1610, 0, 1604, 1605, 1610, 0, 1610, 1581, 1610, 0, 1610, 1580, 1610, 0,
    1610, 1605, 1610, 0, 1605, 1605, 1610, 0, 1602, 1605, 1610, 0, 1606, 1581, 1610, 0, 1602, 1605, 1581, 0, 1604,
    1581, 1605, 0, 1593, 1605, 1610, 0, 1603, 1605, 1610, 0, 1606, 1580, 1581, 0, 1605, 1582, 1610, 0, 1604, 1580,
    1605, 0, 1603, 1605, 1605, 0, 1604, 1580, 1605, 0, 1606, 1580, 1581, 0, 1580, 1581, 1610, 0, 1581, 1580, 1610, 0,
    1605, 1580, 1610, 0, 1601, 1605, 1610, 0, 1576, 1581, 1610, 0, 1603, 1605, 1605, 0, 1593, 1580, 1605, 0, 1589,
    1605, 1605, 0, 1587, 1582, 1610, 0, 1606, 1580, 1610, 0, 1589, 1604, 1746, 0, 1602, 1604, 1746, 0, 1575, 1604,
    1604, 1607, 0, 1575, 1603, 1576, 1585, 0, 1605, 1581, 1605, 1583, 0, 1589, 1604, 1593, 1605, 0, 1585, 1587, 1608,
    1604, 0, 1593, 1604, 1610, 1607, 0, 1608, 1587, 1604, 1605, 0, 1589, 1604, 1609, 0, 1589, 1604, 1609, 32, 1575,
    1604, 1604, 1607, 32, 1593, 1604, 1610, 1607, 32, 1608, 1587, 1604, 1605, 0, 1580, 1604, 32, 1580, 1604, 1575,
    1604, 1607, 0, 1585, 1740, 1575, 1604, 0, 44, 0, 12289, 0, 12290, 0, 58, 0, 59, 0, 33, 0, 63, 0, 12310, 0, 12311,
    0, 46, 46, 46, 0, 46, 46, 0, 8212, 0, 8211, 0, 95, 0, 95, 0, 40, 0, 41, 0, 123, 0, 125, 0, 12308, 0, 12309, 0,
    12304, 0, 12305, 0, 12298, 0, 12299, 0, 12296, 0, 12297, 0, 91, 0, 93, 0, 32, 773, 0, 32, 773, 0, 32, 773, 0, 32,
    773, 0, 95, 0, 95, 0, 95, 0, 44, 0, 12289, 0, 46, 0, 59, 0, 58, 0, 63, 0, 33, 0, 8212, 0, 40, 0, 41, 0, 123, 0,
    125, 0, 12308, 0, 12309, 0, 35, 0, 38, 0, 42, 0, 43, 0, 45, 0, 60, 0, 62, 0, 61, 0, 92, 0, 36, 0, 37, 0, 64, 0,
    32, 1611, 0, 1600, 1611, 0, 32, 1612, 0, 32, 1613, 0, 32, 1614, 0, 1600, 1614, 0, 32, 1615, 0, 1600, 1615, 0, 32,
    1616, 0, 1600, 1616, 0, 32, 1617, 0, 1600, 1617, 0, 32, 1618, 0, 1600, 1618, 0, 1569, 0, 1575, 1619, 0, 1575,
    1619, 0, 1575, 1620, 0, 1575, 1620, 0, 1608, 1620, 0, 1608, 1620, 0, 1575, 1621, 0, 1575, 1621, 0, 1610, 1620, 0,
    1610, 1620, 0, 1610, 1620, 0, 1610, 1620, 0, 1575, 0, 1575, 0, 1576, 0, 1576, 0, 1576, 0, 1576, 0, 1577, 0, 1577,
    0, 1578, 0, 1578, 0, 1578, 0, 1578, 0, 1579, 0, 1579, 0, 1579, 0, 1579, 0, 1580, 0, 1580, 0, 1580, 0, 1580, 0,
    1581, 0, 1581, 0, 1581, 0, 1581, 0, 1582, 0, 1582, 0, 1582, 0, 1582, 0, 1583, 0, 1583, 0, 1584, 0, 1584, 0, 1585,
    0, 1585, 0, 1586, 0, 1586, 0, 1587, 0, 1587, 0, 1587, 0, 1587, 0, 1588, 0, 1588, 0, 1588, 0, 1588, 0, 1589, 0,
    1589, 0, 1589, 0, 1589, 0, 1590, 0, 1590, 0, 1590, 0, 1590, 0, 1591, 0, 1591, 0, 1591, 0, 1591, 0, 1592, 0, 1592,
    0, 1592, 0, 1592, 0, 1593, 0, 1593, 0, 1593, 0, 1593, 0, 1594, 0, 1594, 0, 1594, 0, 1594, 0, 1601, 0, 1601, 0,
    1601, 0, 1601, 0, 1602, 0, 1602, 0, 1602, 0, 1602, 0, 1603, 0, 1603, 0, 1603, 0, 1603, 0, 1604, 0, 1604, 0, 1604,
    0, 1604, 0, 1605, 0, 1605, 0, 1605, 0, 1605, 0, 1606, 0, 1606, 0, 1606, 0, 1606, 0, 1607, 0, 1607, 0, 1607, 0,
    1607, 0, 1608, 0, 1608, 0, 1609, 0, 1609, 0, 1610, 0, 1610, 0, 1610, 0, 1610, 0, 1604, 1575, 1619, 0, 1604, 1575,
    1619, 0, 1604, 1575, 1620, 0, 1604, 1575, 1620, 0, 1604, 1575, 1621, 0, 1604, 1575, 1621, 0, 1604, 1575, 0, 1604,
    1575, 0, 10629, 0, 10630, 0, 12290, 0, 12300, 0, 12301, 0, 12289, 0, 12539, 0, 12530, 0, 12449, 0, 12451, 0,
    12453, 0, 12455, 0, 12457, 0, 12515, 0, 12517, 0, 12519, 0, 12483, 0, 12540, 0, 12450, 0, 12452, 0, 12454, 0,
    12456, 0, 12458, 0, 12459, 0, 12461, 0, 12463, 0, 12465, 0, 12467, 0, 12469, 0, 12471, 0, 12473, 0, 12475, 0,
    12477, 0, 12479, 0, 12481, 0, 12484, 0, 12486, 0, 12488, 0, 12498, 0, 12501, 0, 12504, 0, 12507, 0, 12516, 0,
    12518, 0, 12527, 0, 12531, 0, 12441, 0, 12442, 0, 4448, 0, 4352, 0, 4353, 0, 4522, 0, 4354, 0, 4524, 0, 4525, 0,
    4355, 0, 4356, 0, 4357, 0, 4378, 0, 4358, 0, 4359, 0, 4360, 0, 4385, 0, 4467, 0, 4468, 0, 4469, 0, 162, 0, 163, 0,
    172, 0, 32, 772, 0, 166, 0, 165, 0, 8361, 0, 9474, 0, 9632, 0, 9675, 0, 65, 0, 67, 0, 68, 0, 71, 0, 74, 0, 75, 0,
    102, 0, 65, 0, 66, 0, 65, 0, 66, 0, 79, 0, 305, 0, 567, 0, 920, 0, 8711, 0, 8706, 0, 949, 0, 952, 0, 954, 0, 966,
    0, 961, 0, 960, 0, 920, 0, 8711, 0, 8706, 0, 949, 0, 952, 0, 954, 0, 966, 0, 961, 0, 960, 0, 920, 0, 8711, 0,
    8706, 0, 949, 0, 952, 0, 954, 0, 966, 0, 961, 0, 960, 0, 920, 0, 8711, 0, 8706, 0, 949, 0, 952, 0, 954, 0, 966, 0,
    961, 0, 960, 0, 920, 0, 8711, 0, 8706, 0, 949, 0, 952, 0, 954, 0, 966, 0, 961, 0, 960, 0, 988, 0, 989, 0, 1575, 0,
    1576, 0, 1580, 0, 1583, 0, 1608, 0, 1586, 0, 1581, 0, 1591, 0, 1610, 0, 1587, 0, 1593, 0, 1601, 0, 1589, 0, 1602,
    0, 1585, 0, 1588, 0, 1578, 0, 1579, 0, 1582, 0, 1584, 0, 1590, 0, 1592, 0, 1594, 0, 1646, 0, 1722, 0, 1697, 0,
    1647, 0, 1576, 0, 1580, 0, 1607, 0, 1581, 0, 1610, 0, 1587, 0, 1593, 0, 1601, 0, 1589, 0, 1602, 0, 1588, 0, 1578,
    0, 1579, 0, 1582, 0, 1590, 0, 1594, 0, 1580, 0, 1581, 0, 1610, 0, 1604, 0, 1606, 0, 1587, 0, 1593, 0, 1589, 0,
    1602, 0, 1588, 0, 1582, 0, 1590, 0, 1594, 0, 1722, 0, 1647, 0, 1576, 0, 1580, 0, 1607, 0, 1581, 0, 1591, 0, 1610,
    0, 1603, 0, 1605, 0, 1606, 0, 1587, 0, 1593, 0, 1601, 0, 1589, 0, 1602, 0, 1588, 0, 1578, 0, 1579, 0, 1582, 0,
    1590, 0, 1592, 0, 1594, 0, 1646, 0, 1697, 0, 1575, 0, 1576, 0, 1580, 0, 1583, 0, 1607, 0, 1608, 0, 1586, 0, 1581,
    0, 1591, 0, 1610, 0, 1604, 0, 1605, 0, 1606, 0, 1587, 0, 1593, 0, 1601, 0, 1589, 0, 1602, 0, 1585, 0, 1588, 0,
    1578, 0, 1579, 0, 1582, 0, 1584, 0, 1590, 0, 1592, 0, 1594, 0, 1576, 0, 1580, 0, 1583, 0, 1608, 0, 1586, 0, 1581,
    0, 1591, 0, 1610, 0, 1604, 0, 1605, 0, 1606, 0, 1587, 0, 1593, 0, 1601, 0, 1589, 0, 1602, 0, 1585, 0, 1588, 0,
    1578, 0, 1579, 0, 1582, 0, 1584, 0, 1590, 0, 1592, 0, 1594, 0, 48, 46, 0, 48, 44, 0, 49, 44, 0, 50, 44, 0, 51, 44,
    0, 52, 44, 0, 53, 44, 0, 54, 44, 0, 55, 44, 0, 56, 44, 0, 57, 44, 0, 40, 65, 41, 0, 40, 66, 41, 0, 40, 67, 41, 0,
    40, 68, 41, 0, 40, 69, 41, 0, 40, 70, 41, 0, 40, 71, 41, 0, 40, 72, 41, 0, 40, 73, 41, 0, 40, 74, 41, 0, 40, 75,
    41, 0, 40, 76, 41, 0, 40, 77, 41, 0, 40, 78, 41, 0, 40, 79, 41, 0, 40, 80, 41, 0, 40, 81, 41, 0, 40, 82, 41, 0,
    40, 83, 41, 0, 40, 84, 41, 0, 40, 85, 41, 0, 40, 86, 41, 0, 40, 87, 41, 0, 40, 88, 41, 0, 40, 89, 41, 0, 40, 90,
    41, 0, 12308, 83, 12309, 0, 67, 0, 82, 0, 67, 68, 0, 87, 90, 0, 72, 86, 0, 77, 86, 0, 83, 68, 0, 83, 83, 0, 80,
    80, 86, 0, 87, 67, 0, 77, 67, 0, 77, 68, 0, 68, 74, 0, 12411, 12363, 0, 12467, 12467, 0, 12469, 0, 25163, 0,
    23383, 0, 21452, 0, 12486, 12441, 0, 20108, 0, 22810, 0, 35299, 0, 22825, 0, 20132, 0, 26144, 0, 28961, 0, 26009,
    0, 21069, 0, 24460, 0, 20877, 0, 26032, 0, 21021, 0, 32066, 0, 29983, 0, 36009, 0, 22768, 0, 21561, 0, 28436, 0,
    25237, 0, 25429, 0, 19968, 0, 19977, 0, 36938, 0, 24038, 0, 20013, 0, 21491, 0, 25351, 0, 36208, 0, 25171, 0,
    31105, 0, 31354, 0, 21512, 0, 28288, 0, 26377, 0, 26376, 0, 30003, 0, 21106, 0, 21942, 0, 37197, 0, 12308, 26412,
    12309, 0, 12308, 19977, 12309, 0, 12308, 20108, 12309, 0, 12308, 23433, 12309, 0, 12308, 28857, 12309, 0, 12308,
    25171, 12309, 0, 12308, 30423, 12309, 0, 12308, 21213, 12309, 0, 12308, 25943, 12309, 0, 24471, 0, 21487, 0
};

/* Where the sets that an older standard has differ: Mn as BertNormalizer strips it, M* as StripAccents does, and
   punctuation; first, last. */
static const uint32_t llm__accent_changes[] = {
    2045, 2045, 2199, 2207, 2250, 2273, 2558, 2558, 2810, 2815, 2901, 2901, 3076, 3076, 3132, 3132, 3328, 3328, 3387,
    3388, 3457, 3457, 3770, 3770, 3790, 3790, 5940, 5940, 6159, 6159, 6277, 6278, 6847, 6862, 7670, 7675, 43052,
    43052, 43205, 43205, 43263, 43263, 43453, 43453, 68900, 68903, 68969, 68973, 69291, 69292, 69372, 69375, 69446,
    69456, 69506, 69509, 69744, 69744, 69747, 69748, 69826, 69826, 70089, 70089, 70095, 70095, 70206, 70206, 70209,
    70209, 70459, 70459, 70587, 70592, 70606, 70606, 70608, 70608, 70610, 70610, 70625, 70626, 70712, 70719, 70722,
    70724, 70726, 70726, 70750, 70750, 71454, 71454, 71727, 71735, 71737, 71738, 71995, 71996, 71998, 71998, 72003,
    72003, 72148, 72151, 72154, 72155, 72160, 72160, 72193, 72202, 72243, 72248, 72251, 72254, 72263, 72263, 72273,
    72278, 72281, 72283, 72330, 72342, 72344, 72345, 72752, 72758, 72760, 72765, 72767, 72767, 72850, 72871, 72874,
    72880, 72882, 72883, 72885, 72886, 73009, 73014, 73018, 73018, 73020, 73021, 73023, 73029, 73031, 73031, 73104,
    73105, 73109, 73109, 73111, 73111, 73459, 73460, 73472, 73473, 73526, 73530, 73536, 73536, 73538, 73538, 73562,
    73562, 78912, 78912, 78919, 78933, 90398, 90409, 90413, 90415, 94031, 94031, 94180, 94180, 118528, 118573, 118576,
    118598, 122880, 122886, 122888, 122904, 122907, 122913, 122915, 122916, 122918, 122922, 123023, 123023, 123184,
    123190, 123566, 123566, 123628, 123631, 124140, 124143, 124398, 124399, 125252, 125258
};
static const uint32_t llm__mark_changes[] = {
    2045, 2045, 2199, 2207, 2250, 2259, 2558, 2558, 2810, 2815, 2901, 2901, 3076, 3076, 3132, 3132, 3315, 3315, 3328,
    3328, 3387, 3388, 3457, 3457, 3770, 3770, 3790, 3790, 5909, 5909, 6159, 6159, 6847, 6862, 7410, 7411, 7415, 7415,
    7670, 7674, 43052, 43052, 43263, 43263, 68900, 68903, 68969, 68973, 69291, 69292, 69372, 69375, 69446, 69456,
    69506, 69509, 69744, 69744, 69747, 69748, 69826, 69826, 69957, 69958, 70089, 70089, 70094, 70095, 70209, 70209,
    70459, 70459, 70584, 70592, 70594, 70594, 70597, 70597, 70599, 70602, 70604, 70608, 70610, 70610, 70625, 70626,
    70750, 70750, 71724, 71738, 71984, 71989, 71991, 71992, 71995, 71998, 72000, 72000, 72002, 72003, 72145, 72151,
    72154, 72160, 72164, 72164, 72193, 72202, 72243, 72249, 72251, 72254, 72263, 72263, 72273, 72283, 72330, 72345,
    73009, 73014, 73018, 73018, 73020, 73021, 73023, 73029, 73031, 73031, 73098, 73102, 73104, 73105, 73107, 73111,
    73459, 73462, 73472, 73473, 73475, 73475, 73524, 73530, 73534, 73538, 73562, 73562, 78912, 78912, 78919, 78933,
    90398, 90415, 94031, 94031, 94079, 94087, 94180, 94180, 94192, 94193, 118528, 118573, 118576, 118598, 123023,
    123023, 123184, 123190, 123566, 123566, 123628, 123631, 124140, 124143, 124398, 124399
};
static const uint32_t llm__punctuation_changes[] = {
    1565, 1565, 2557, 2557, 2678, 2678, 3191, 3191, 3204, 3204, 5741, 5741, 6990, 6991, 7037, 7039, 11843, 11855,
    11858, 11869, 68974, 68974, 69293, 69293, 69461, 69465, 69510, 69513, 70089, 70089, 70612, 70613, 70615, 70616,
    70731, 70735, 70746, 70747, 70749, 70749, 71264, 71276, 71353, 71353, 71739, 71739, 72004, 72006, 72162, 72162,
    72255, 72262, 72346, 72348, 72350, 72354, 72448, 72457, 72673, 72673, 72769, 72773, 72816, 72817, 73463, 73464,
    73539, 73551, 73727, 73727, 77809, 77810, 93549, 93551, 93847, 93850, 94178, 94178, 124415, 124415, 125278,
    125279
};

/* Grapheme clusters: where the characters that join the one before them differ from the marks, those that join the
   next one, and controls, which stand alone; first, last. */
static const uint32_t llm__cluster_changes[] = {
    3635, 3635, 3763, 3763, 4139, 4140, 4152, 4152, 4194, 4196, 4199, 4205, 4227, 4227, 4231, 4236, 4239, 4239, 4250,
    4252, 6753, 6753, 6755, 6756, 6863, 6877, 6880, 6891, 8204, 8205, 43643, 43643, 43645, 43645, 65438, 65439,
    69370, 69371, 71456, 71457, 72544, 72551, 124643, 124643, 124646, 124646, 124654, 124655, 124661, 124661, 127995,
    127999, 917536, 917631
};
static const uint32_t llm__cluster_prefixes[] = {
    1536, 1541, 1757, 1757, 1807, 1807, 2192, 2193, 2274, 2274, 3406, 3406, 69821, 69821, 69837, 69837, 70082, 70083,
    70609, 70609, 71999, 71999, 72001, 72001, 72324, 72329, 73030, 73030, 73474, 73474
};
static const uint32_t llm__cluster_controls[] = {
    127, 159, 173, 173, 1564, 1564, 6158, 6158, 8203, 8203, 8206, 8207, 8232, 8238, 8288, 8303, 65279, 65279, 65520,
    65531
};

/* Scripts: name, first range, count; ranges: first, last */
typedef struct llm__script {
    const char *name;
    int first, count;
} llm__script;
static const llm__script llm__scripts[] = {
    {"Han", 0, 22},
    {"Hiragana", 22, 6},
    {"Katakana", 28, 14},
    {"Hangul", 42, 14},
    {"Latin", 56, 39},
    {"Cyrillic", 95, 10},
    {"Greek", 105, 36},
    {"Thai", 141, 2},
    {"Arabic", 143, 59},
    {"Hebrew", 202, 9},
    {"Devanagari", 211, 5}
};
static const uint32_t llm__script_ranges[] = {
    11904, 11929, 11931, 12019, 12032, 12245, 12293, 12293, 12295, 12295, 12321, 12329, 12344, 12347, 13312, 19903,
    19968, 40959, 63744, 64109, 64112, 64217, 94178, 94179, 94192, 94193, 131072, 173791, 173824, 177977, 177984,
    178205, 178208, 183969, 183984, 191456, 191472, 192093, 194560, 195101, 196608, 201546, 201552, 205743, 12353,
    12438, 12445, 12447, 110593, 110879, 110898, 110898, 110928, 110930, 127488, 127488, 12449, 12538, 12541, 12543,
    12784, 12799, 13008, 13054, 13056, 13143, 65382, 65391, 65393, 65437, 110576, 110579, 110581, 110587, 110589,
    110590, 110592, 110592, 110880, 110882, 110933, 110933, 110948, 110951, 4352, 4607, 12334, 12335, 12593, 12686,
    12800, 12830, 12896, 12926, 43360, 43388, 44032, 55203, 55216, 55238, 55243, 55291, 65440, 65470, 65474, 65479,
    65482, 65487, 65490, 65495, 65498, 65500, 65, 90, 97, 122, 170, 170, 186, 186, 192, 214, 216, 246, 248, 696, 736,
    740, 7424, 7461, 7468, 7516, 7522, 7525, 7531, 7543, 7545, 7614, 7680, 7935, 8305, 8305, 8319, 8319, 8336, 8348,
    8490, 8491, 8498, 8498, 8526, 8526, 8544, 8584, 11360, 11391, 42786, 42887, 42891, 42957, 42960, 42961, 42963,
    42963, 42965, 42972, 42994, 43007, 43824, 43866, 43868, 43876, 43878, 43881, 64256, 64262, 65313, 65338, 65345,
    65370, 67456, 67461, 67463, 67504, 67506, 67514, 122624, 122654, 122661, 122666, 1024, 1156, 1159, 1327, 7296,
    7306, 7467, 7467, 7544, 7544, 11744, 11775, 42560, 42655, 65070, 65071, 122928, 122989, 123023, 123023, 880, 883,
    885, 887, 890, 893, 895, 895, 900, 900, 902, 902, 904, 906, 908, 908, 910, 929, 931, 993, 1008, 1023, 7462, 7466,
    7517, 7521, 7526, 7530, 7615, 7615, 7936, 7957, 7960, 7965, 7968, 8005, 8008, 8013, 8016, 8023, 8025, 8025, 8027,
    8027, 8029, 8029, 8031, 8061, 8064, 8116, 8118, 8132, 8134, 8147, 8150, 8155, 8157, 8175, 8178, 8180, 8182, 8190,
    8486, 8486, 43877, 43877, 65856, 65934, 65952, 65952, 119296, 119365, 3585, 3642, 3648, 3675, 1536, 1540, 1542,
    1547, 1549, 1562, 1564, 1566, 1568, 1599, 1601, 1610, 1622, 1647, 1649, 1756, 1758, 1791, 1872, 1919, 2160, 2190,
    2192, 2193, 2199, 2273, 2275, 2303, 64336, 64450, 64467, 64829, 64832, 64911, 64914, 64967, 64975, 64975, 65008,
    65023, 65136, 65140, 65142, 65276, 69216, 69246, 69314, 69316, 69372, 69375, 126464, 126467, 126469, 126495,
    126497, 126498, 126500, 126500, 126503, 126503, 126505, 126514, 126516, 126519, 126521, 126521, 126523, 126523,
    126530, 126530, 126535, 126535, 126537, 126537, 126539, 126539, 126541, 126543, 126545, 126546, 126548, 126548,
    126551, 126551, 126553, 126553, 126555, 126555, 126557, 126557, 126559, 126559, 126561, 126562, 126564, 126564,
    126567, 126570, 126572, 126578, 126580, 126583, 126585, 126588, 126590, 126590, 126592, 126601, 126603, 126619,
    126625, 126627, 126629, 126633, 126635, 126651, 126704, 126705, 1425, 1479, 1488, 1514, 1519, 1524, 64285, 64310,
    64312, 64316, 64318, 64318, 64320, 64321, 64323, 64324, 64326, 64335, 2304, 2384, 2389, 2403, 2406, 2431, 43232,
    43263, 72448, 72457
};

/* The run that `key` falls into: the last entry that is not above it (the first entry is 0). */
LLM__FN uint32_t llm__run(const uint32_t *runs, size_t count, uint32_t key) {
    size_t low = 0, high = count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (runs[middle] <= key) low = middle;
        else high = middle;
    }
    return runs[low];
}

/* Whether c lies in one of `count` ranges first, last. */
LLM__FN int llm__in_ranges(const uint32_t *ranges, size_t count, uint32_t c) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c < ranges[2 * middle]) high = middle;
        else if (c > ranges[2 * middle + 1]) low = middle + 1;
        else return 1;
    }
    return 0;
}

#define LLM__LENGTH(array) (sizeof(array) / sizeof(array)[0])

LLM__FN int llm__category(uint32_t c) {
    uint32_t run = llm__run(llm__category_runs, LLM__LENGTH(llm__category_runs), c << 5 | 31);
    int category = (int)(run & 31);
    if (category != LLM__LU_LL) return category;
    return (c - (run >> 5)) & 1 ? LLM__LL : LLM__LU;
}

LLM__FN int llm__combining(uint32_t c) {
    if (c < 0x300) return 0;
    return (int)(llm__run(llm__combining_runs, LLM__LENGTH(llm__combining_runs), c << 8 | 255) & 255);
}

/* Lower case of one character (U+0130 becomes two, which is the caller's business). */
LLM__FN uint32_t llm__lower(uint32_t c) {
    size_t i;
    if (c < 128) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    for (i = 0; i < LLM__LENGTH(llm__lower_runs); i += 4) {
        const int32_t *run = llm__lower_runs + i;
        if ((int32_t)c < run[0]) continue;
        if ((int32_t)c <= run[1] && ((int32_t)c - run[0]) % run[2] == 0) return (uint32_t)((int32_t)c + run[3]);
    }
    return c;
}

/* A character whose lower case is c, or c itself. */
LLM__FN uint32_t llm__upper(uint32_t c) {
    size_t i;
    if (c < 128) return c >= 'a' && c <= 'z' ? c - 32 : c;
    for (i = 0; i < LLM__LENGTH(llm__lower_runs); i += 4) {
        const int32_t *run = llm__lower_runs + i;
        int32_t upper = (int32_t)c - run[3];
        if (upper >= run[0] && upper <= run[1] && (upper - run[0]) % run[2] == 0) return (uint32_t)upper;
    }
    return c;
}

/* One step of canonical decomposition: false if c stays as it is.  *second is 0 when one character replaces another. */
LLM__FN int llm__decompose_once(uint32_t c, uint32_t *first, uint32_t *second) {
    size_t low = 0, high, i;
    if (c < 0xC0) return 0;
    high = c < 0x10000 ? LLM__LENGTH(llm__canonical) / 3 : LLM__LENGTH(llm__canonical_high) / 3;
    if (c < 0x10000) {
        while (high - low > 1) {
            i = (low + high) / 2;
            if (llm__canonical[3 * i] <= c) low = i;
            else high = i;
        }
        if (llm__canonical[3 * low] == c) {
            *first = llm__canonical[3 * low + 1];
            *second = llm__canonical[3 * low + 2];
            return 1;
        }
        high = LLM__LENGTH(llm__canonical_high) / 3; /* a few become characters from U+10000 on */
        low = 0;
    }
    while (high - low > 1) {
        i = (low + high) / 2;
        if (llm__canonical_high[3 * i] <= c) low = i;
        else high = i;
    }
    if (llm__canonical_high[3 * low] != c) return 0;
    *first = llm__canonical_high[3 * low + 1];
    *second = llm__canonical_high[3 * low + 2];
    return 1;
}

/* Full compatibility decomposition: writes up to 18 characters, returns how many, 0 if there is none. */
LLM__FN int llm__decompose_compatible(uint32_t c, uint32_t *out) {
    size_t i, low = 0, high = LLM__LENGTH(llm__compatible_runs) / 2;
    const uint16_t *text;
    uint32_t skip;
    int count = 0;
    if (c < 0xA0) return 0;
    for (i = 0; i < LLM__LENGTH(llm__compatible_ranges); i += 3) {
        const uint32_t *range = llm__compatible_ranges + i;
        if (c < range[0] || c > range[1]) continue;
        out[0] = range[2] + (c - range[0]);
        return 1;
    }
    while (high - low > 1) {
        i = (low + high) / 2;
        if (llm__compatible_runs[2 * i] >> 4 <= c) low = i;
        else high = i;
    }
    skip = llm__compatible_runs[2 * low] >> 4;
    if (c < skip || c - skip > (llm__compatible_runs[2 * low] & 15)) return 0;
    text = llm__compatible_pool + llm__compatible_runs[2 * low + 1];
    for (skip = c - skip; skip; skip--) {
        while (*text) text++;
        text++;
    }
    while (*text) out[count++] = *text++;
    return count;
}

/* Whether c, which decomposes into a pair, is what the pair composes into. */
LLM__FN int llm__composes(uint32_t c) {
    size_t i;
    if (c >= 0x1D15E && c <= 0x1D1C0) return 0;
    for (i = 0; i < LLM__LENGTH(llm__not_composed); i++)
        if (llm__not_composed[i] == c) return 0;
    return 1;
}

LLM__FN int llm__is_space(uint32_t c) {
    if (c < 128) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Letters in all but category: circled and squared ones. */
LLM__FN int llm__is_other_letter(uint32_t c) {
    return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
           (c >= 0x1F170 && c <= 0x1F189);
}

#define LLM__BIT(category) (1u << (category))
#define LLM__LETTERS \
    (LLM__BIT(LLM__LU) | LLM__BIT(LLM__LL) | LLM__BIT(LLM__LT) | LLM__BIT(LLM__LM) | LLM__BIT(LLM__LO))
#define LLM__MARKS (LLM__BIT(LLM__MN) | LLM__BIT(LLM__MC) | LLM__BIT(LLM__ME))
#define LLM__WORD_CATEGORIES \
    (LLM__LETTERS | LLM__MARKS | LLM__BIT(LLM__ND) | LLM__BIT(LLM__NL) | LLM__BIT(LLM__PC))

/* \w as Oniguruma has it, which takes superscript digits and quarters too... */
LLM__FN int llm__is_word(uint32_t c) {
    if (c < 128) return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
    if (LLM__BIT(llm__category(c)) & LLM__WORD_CATEGORIES) return 1;
    return c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0xBC && c <= 0xBE) || llm__is_other_letter(c);
}

/* ...and as Unicode recommends, which takes joiners instead. */
LLM__FN int llm__is_plain_word(uint32_t c) {
    if (c < 128) return llm__is_word(c);
    if (LLM__BIT(llm__category(c)) & LLM__WORD_CATEGORIES) return 1;
    return c == 0x200C || c == 0x200D || llm__is_other_letter(c);
}

LLM__FN int llm__is_numeric(uint32_t c) {
    int category;
    if (c < 128) return c >= '0' && c <= '9';
    category = llm__category(c);
    if (category == LLM__ND || category == LLM__NL || category == LLM__NO) return 1;
    return (c >= 0x11DE0 && c <= 0x11DE9) || (c >= 0x16FF4 && c <= 0x16FF6);
}

/* Punctuation of the splitters: categories P* of an older standard, and all ASCII symbols. */
LLM__FN int llm__is_punctuation(uint32_t c) {
    int category;
    if (c < 128) return (c > 32 && c < 127) && !llm__is_numeric(c) && !((c | 32) >= 'a' && (c | 32) <= 'z');
    category = llm__category(c);
    return (category >= LLM__PC && category <= LLM__PO) !=
           llm__in_ranges(llm__punctuation_changes, LLM__LENGTH(llm__punctuation_changes) / 2, c);
}

/* Marks that BertNormalizer and StripAccents take away. */
LLM__FN int llm__is_accent(uint32_t c) {
    return c >= 0x300 && (llm__category(c) == LLM__MN) !=
                             llm__in_ranges(llm__accent_changes, LLM__LENGTH(llm__accent_changes) / 2, c);
}

LLM__FN int llm__is_mark(uint32_t c) {
    return c >= 0x300 && ((LLM__BIT(llm__category(c)) & LLM__MARKS) != 0) !=
                             llm__in_ranges(llm__mark_changes, LLM__LENGTH(llm__mark_changes) / 2, c);
}

/* Whether b joins the grapheme cluster that ends with a.  Only clusters of less than 6 bytes matter here, so what joins
   larger characters with each other (Hangul, conjuncts, flags, emoji) is left out. */
LLM__FN int llm__same_cluster(uint32_t a, uint32_t b) {
    const uint32_t *controls = llm__cluster_controls, *prefixes = llm__cluster_prefixes;
    if (a < 128 && b < 128) return a == '\r' && b == '\n';
    if (a < 32 || b < 32 || llm__in_ranges(controls, LLM__LENGTH(llm__cluster_controls) / 2, a) ||
        llm__in_ranges(controls, LLM__LENGTH(llm__cluster_controls) / 2, b)) return 0;
    if (llm__in_ranges(prefixes, LLM__LENGTH(llm__cluster_prefixes) / 2, a)) return 1;
    return ((LLM__BIT(llm__category(b)) & LLM__MARKS) != 0) !=
           llm__in_ranges(llm__cluster_changes, LLM__LENGTH(llm__cluster_changes) / 2, b);
}

/* ========================================================================================================== >>words
   After this chapter text becomes token ids and ids become text again, as tokenizer.json prescribes.  Encoding runs in
   five stages, each an array of small steps read from the file:

       added tokens   found in the text before anything else may touch it; what lies between goes on
       normalizers    replace, prepend, lower case, Unicode normal forms
       pre-tokenizers cut a stretch into pieces, and may rewrite them (bytes as visible characters, space as U+2581)
       model          turns every piece into ids: merges (BPE), best path (Unigram) or longest match (WordPiece)
       post-processor ids before and after the text

   Decoding is a chain of steps too.  They take one token at a time, so that streaming and decoding at once are the same
   code: a step passes on what later tokens cannot change and holds back the rest.  A component that is not listed here
   is refused by name when the file is opened. */

/* ---- UTF-8: everything behind llm__words_encode's first check and in vocabularies is valid */

/* The character at s, and its length. */
LLM__FN size_t llm__char_get(const char *text, uint32_t *c) {
    const uint8_t *s = (const uint8_t *)text;
    if (s[0] < 0x80) return *c = s[0], 1;
    if (s[0] < 0xE0) return *c = (s[0] & 31u) << 6 | (s[1] & 63u), 2;
    if (s[0] < 0xF0) return *c = (s[0] & 15u) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u), 3;
    return *c = (s[0] & 7u) << 18 | (s[1] & 63u) << 12 | (s[2] & 63u) << 6 | (s[3] & 63u), 4;
}

/* The character that ends before s, and its length. */
LLM__FN size_t llm__char_before(const char *s, uint32_t *c) {
    size_t n = 1;
    while (n < 4 && ((uint8_t)s[-(ptrdiff_t)n] & 0xC0) == 0x80) n++;
    llm__char_get(s - n, c);
    return n;
}

LLM__FN int llm__text_add_char(llm__text *text, uint32_t c) {
    char bytes[4];
    return llm__text_add(text, bytes, llm__char_put(c, bytes));
}

/* ---- regular expressions
   The dialect of the checkpoints' patterns: Oniguruma's, without captures, back references and long look-behinds.  A
   pattern becomes a tree, the tree a program, and the program runs with an explicit stack of alternatives: the order
   of attempts, and so the result, is that of a backtracking matcher.  The number of steps is bounded by a budget, since
   a hostile pattern can ask for an exponential number of them. */

enum { /* what a set is made of */
    LLM__ITEM_RANGE, LLM__ITEM_CATEGORIES, LLM__ITEM_SCRIPT, LLM__ITEM_WORD, LLM__ITEM_WORD_IN_SET, LLM__ITEM_SPACE,
    LLM__ITEM_SET, LLM__ITEM_ANY
};

typedef struct llm__set_item {
    uint8_t kind, negate;
    int32_t next;  /* the set's next item, or -1 */
    uint32_t a, b; /* range; category bits; index of script or set */
} llm__set_item;

/* The union of the items, intersected with another set, perhaps negated. */
typedef struct llm__set {
    int32_t first, also; /* -1: none */
    uint8_t negate;
    uint8_t fold;        /* holds a character if it holds any of its cases */
    uint8_t ready;       /* ascii is filled in */
    uint32_t ascii[4];
} llm__set;

typedef enum llm__regex_op {
    LLM__RX_END, LLM__RX_CHAR, LLM__RX_ANY, LLM__RX_SET, LLM__RX_LOOP, LLM__RX_SPLIT, LLM__RX_JUMP, LLM__RX_MARK,
    LLM__RX_CHECK, LLM__RX_LOOK, LLM__RX_LOOK_END, LLM__RX_BEHIND, LLM__RX_AT
} llm__regex_op;

enum { LLM__RX_GREEDY, LLM__RX_LAZY, LLM__RX_POSSESSIVE };                 /* how a loop repeats */
enum { LLM__RX_AHEAD, LLM__RX_NOT_AHEAD, LLM__RX_ATOMIC };                 /* kinds of LOOK */
enum { LLM__RX_START, LLM__RX_STOP, LLM__RX_STOP_LINE, LLM__RX_LINE, LLM__RX_LINE_END, LLM__RX_EDGE, LLM__RX_NO_EDGE };

typedef struct llm__regex_code {
    uint8_t op, mode;
    uint32_t a, b; /* CHAR: code point; SET: index; LOOP: least, most; SPLIT: two choices; JUMP, LOOK: target */
} llm__regex_code;

typedef struct llm__regex {
    llm__regex_code *code;
    llm__set *sets;
    llm__set_item *items;
    uint32_t code_count, set_count, item_count;
    int marks;
} llm__regex;

enum { LLM__RX_MAX_BYTES = 8192, LLM__RX_MAX_CODE = 8192, LLM__RX_MAX_MARKS = 32, LLM__RX_MAX_DEPTH = 40 };
#define LLM__RX_FOREVER 0xFFFFFFFFu

static int llm__set_has(const llm__regex *r, int32_t set, uint32_t c);

static int llm__set_item_has(const llm__regex *r, const llm__set_item *item, uint32_t c) {
    switch (item->kind) {
    case LLM__ITEM_RANGE: return c >= item->a && c <= item->b;
    case LLM__ITEM_CATEGORIES: return (LLM__BIT(llm__category(c)) & item->a) != 0;
    case LLM__ITEM_SCRIPT: {
        const llm__script *script = llm__scripts + item->a;
        return llm__in_ranges(llm__script_ranges + 2 * script->first, (size_t)script->count, c);
    }
    case LLM__ITEM_WORD: return llm__is_word(c);
    case LLM__ITEM_WORD_IN_SET: return c < 256 ? llm__is_plain_word(c) : llm__is_word(c);
    case LLM__ITEM_SPACE: return llm__is_space(c);
    case LLM__ITEM_SET: return llm__set_has(r, (int32_t)item->a, c);
    default: return 1;
    }
}

static int llm__set_holds(const llm__regex *r, const llm__set *s, uint32_t c) {
    int32_t i;
    int has = 0;
    for (i = s->first; i >= 0 && !has; i = r->items[i].next)
        has = llm__set_item_has(r, r->items + i, c) != r->items[i].negate;
    return has && (s->also < 0 || llm__set_has(r, s->also, c));
}

/* The other cases of a character, itself among them. */
static void llm__cases(uint32_t c, uint32_t other[5]) {
    uint32_t lower = c == 0x17F ? 's' : llm__lower(c);
    other[0] = c;
    other[1] = lower;
    other[2] = llm__upper(lower);
    other[3] = lower == 's' ? 0x17F : lower == 'k' ? 0x212A : lower == 0xE5 ? 0x212B : c;
    other[4] = other[2] == lower ? c : llm__upper(other[2]);
}

static int llm__set_has(const llm__regex *r, int32_t set, uint32_t c) {
    const llm__set *s = r->sets + set;
    uint32_t other[5];
    int i, has;
    if (c < 128 && s->ready) return (int)(s->ascii[c >> 5] >> (c & 31) & 1);
    has = llm__set_holds(r, s, c);
    if (s->fold && !has) {
        llm__cases(c, other);
        for (i = 1; i < 5 && !has; i++) has = llm__set_holds(r, s, other[i]);
    }
    return has != s->negate;
}

/* The tree. */
enum {
    LLM__NODE_ONE, LLM__NODE_ALL, LLM__NODE_EITHER, LLM__NODE_REPEAT, LLM__NODE_LOOK, LLM__NODE_BEHIND, LLM__NODE_AT
};

typedef struct llm__regex_node {
    uint8_t kind, mode;
    llm__regex_code one;   /* ONE: what matches one character */
    int32_t child, next;   /* children are linked by next */
    uint32_t least, most;
} llm__regex_node;

typedef struct llm__regex_reader {
    llm__regex *r;
    llm__regex_node *nodes;
    uint32_t node_count, node_limit, item_limit;
    const char *at, *end;
    int fold, dot_all, depth, brackets;
    const char *problem;
} llm__regex_reader;

static int32_t llm__rx_bad(llm__regex_reader *x, const char *problem) {
    if (!x->problem) x->problem = problem;
    return -1;
}

static int32_t llm__rx_node(llm__regex_reader *x, int kind) {
    llm__regex_node *node;
    if (x->node_count == x->node_limit) return llm__rx_bad(x, "is too long");
    node = x->nodes + x->node_count;
    node->kind = (uint8_t)kind;
    node->child = node->next = -1;
    return (int32_t)x->node_count++;
}

static int32_t llm__rx_set(llm__regex_reader *x) {
    llm__set *set;
    if (x->r->set_count == x->item_limit) return llm__rx_bad(x, "has too many sets");
    set = x->r->sets + x->r->set_count;
    set->first = set->also = -1;
    return (int32_t)x->r->set_count++;
}

static int llm__rx_item(llm__regex_reader *x, int32_t set, int kind, int negate, uint32_t a, uint32_t b) {
    llm__set_item *item;
    if (set < 0 || x->r->item_count == x->item_limit) return llm__rx_bad(x, "has too many sets"), 0;
    item = x->r->items + x->r->item_count;
    item->kind = (uint8_t)kind;
    item->negate = (uint8_t)negate;
    item->a = a;
    item->b = b;
    item->next = x->r->sets[set].first;
    x->r->sets[set].first = (int32_t)x->r->item_count++;
    return 1;
}

static int llm__rx_range(llm__regex_reader *x, int32_t set, uint32_t a, uint32_t b) {
    return llm__rx_item(x, set, LLM__ITEM_RANGE, 0, a, b);
}

static int llm__same_name(const char *a, size_t bytes, const char *name) {
    size_t i;
    for (i = 0; i < bytes; i++) {
        char c = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] + 32) : a[i];
        char d = *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name;
        if (c == ' ' || c == '_' || c == '-') continue;
        if (c != d) return 0;
        name++;
    }
    return *name == 0;
}

/* Which \w is meant: brackets know no superscript digits. */
static int llm__rx_word(const llm__regex_reader *x) { return x->brackets ? LLM__ITEM_WORD_IN_SET : LLM__ITEM_WORD; }

/* \p{name}: a category of one or two letters, a long name, or a script. */
static int llm__rx_property(llm__regex_reader *x, int32_t set, int negate, const char *name, size_t bytes) {
    static const struct {
        const char *name, *category;
    } longer[] = {{"letter", "L"},           {"mark", "M"},           {"number", "N"},
                  {"punctuation", "P"},      {"punct", "P"},          {"symbol", "S"},
                  {"separator", "Z"},        {"other", "C"},          {"uppercaseletter", "Lu"},
                  {"lowercaseletter", "Ll"}, {"decimalnumber", "Nd"}, {"nonspacingmark", "Mn"},
                  {"digit", "Nd"},           {"control", "Cc"}};
    size_t i, length = bytes;
    uint32_t mask = 0;
    for (i = 0; i < LLM__LENGTH(longer); i++)
        if (llm__same_name(name, bytes, longer[i].name)) {
            name = longer[i].category;
            length = strlen(name);
        }
    for (i = 0; i < 30 && length <= 2 && length; i++) {
        const char *two = llm__category_names + 2 * i;
        char one[3];
        one[0] = two[0];
        one[1] = length == 2 ? two[1] : (char)0;
        one[2] = 0;
        if (llm__same_name(name, length, one)) mask |= LLM__BIT(i);
    }
    if (mask) return llm__rx_item(x, set, LLM__ITEM_CATEGORIES, negate, mask, 0);
    for (i = 0; i < LLM__LENGTH(llm__scripts); i++)
        if (llm__same_name(name, bytes, llm__scripts[i].name))
            return llm__rx_item(x, set, LLM__ITEM_SCRIPT, negate, (uint32_t)i, 0);
    if (llm__same_name(name, bytes, "any")) return llm__rx_item(x, set, LLM__ITEM_ANY, negate, 0, 0);
    if (llm__same_name(name, bytes, "word")) return llm__rx_item(x, set, llm__rx_word(x), negate, 0, 0);
    if (llm__same_name(name, bytes, "space")) return llm__rx_item(x, set, LLM__ITEM_SPACE, negate, 0, 0);
    return llm__rx_bad(x, "names a property that is not supported"), 0;
}

static int llm__hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f') return (c | 32) - 'a' + 10;
    return -1;
}

/* After \x or \u: hexadecimal digits, at most `most`, or any number in braces. */
static uint32_t llm__rx_hex(llm__regex_reader *x, int most) {
    int braces = x->at < x->end && *x->at == '{' && most == 2, digits = 0;
    uint32_t c = 0;
    if (braces) x->at++, most = 8;
    while (digits < most && x->at < x->end && llm__hex_digit(*x->at) >= 0 && c <= 0x10FFFF)
        c = c << 4 | (uint32_t)llm__hex_digit(*x->at++), digits++;
    if (braces && (x->at == x->end || *x->at++ != '}')) llm__rx_bad(x, "has a number without its closing brace");
    if (!digits || c > 0x10FFFF) llm__rx_bad(x, "has a wrong hexadecimal number");
    return c;
}

/* After a backslash, where a character may stand.  1: a set was added to; 0: *c is the character. */
static int llm__rx_escape(llm__regex_reader *x, int32_t set, uint32_t *c) {
    const char *name;
    int negate;
    *c = 0;
    if (x->at == x->end) return llm__rx_bad(x, "ends with a backslash"), 1;
    x->at += llm__char_get(x->at, c);
    switch (*c) {
    case 'd': case 'D': return llm__rx_item(x, set, LLM__ITEM_CATEGORIES, *c == 'D', LLM__BIT(LLM__ND), 0), 1;
    case 's': case 'S': return llm__rx_item(x, set, LLM__ITEM_SPACE, *c == 'S', 0, 0), 1;
    case 'w': case 'W': return llm__rx_item(x, set, llm__rx_word(x), *c == 'W', 0, 0), 1;
    case 'p': case 'P':
        negate = *c == 'P';
        if (x->at == x->end || *x->at++ != '{') return llm__rx_bad(x, "has a property without braces"), 1;
        if (x->at < x->end && *x->at == '^') negate = !negate, x->at++;
        for (name = x->at; x->at < x->end && *x->at != '}';) x->at++;
        if (x->at == x->end) return llm__rx_bad(x, "has a property without its closing brace"), 1;
        llm__rx_property(x, set, negate, name, (size_t)(x->at - name));
        x->at++;
        return 1;
    case 'n': *c = '\n'; return 0;
    case 'r': *c = '\r'; return 0;
    case 't': *c = '\t'; return 0;
    case 'f': *c = '\f'; return 0;
    case 'v': *c = '\v'; return 0;
    case 'a': *c = 7; return 0;
    case 'e': *c = 27; return 0;
    case 'x': *c = llm__rx_hex(x, 2); return 0;
    case 'u': *c = llm__rx_hex(x, 4); return 0;
    case '0': *c = 0; return 0;
    default:
        if ((*c >= '1' && *c <= '9') || ((*c | 32) >= 'a' && (*c | 32) <= 'z'))
            llm__rx_bad(x, "has an escape that is not supported");
        return 0;
    }
}

static int llm__rx_posix(llm__regex_reader *x, int32_t set) {
    static const struct {
        const char *name;
        int kind;
        uint32_t mask;
    } classes[] = {{"space", LLM__ITEM_SPACE, 0}, {"word", LLM__ITEM_WORD_IN_SET, 0},
                   {"digit", LLM__ITEM_CATEGORIES, LLM__BIT(LLM__ND)}};
    const char *name = x->at + 2, *stop;
    int negate = name < x->end && *name == '^';
    size_t i;
    if (negate) name++;
    for (stop = name; stop + 1 < x->end && *stop >= 'a' && *stop <= 'z';) stop++;
    if (stop + 1 >= x->end || stop[0] != ':' || stop[1] != ']') return 0;
    x->at = stop + 2;
    for (i = 0; i < LLM__LENGTH(classes); i++)
        if (llm__same_name(name, (size_t)(stop - name), classes[i].name))
            return llm__rx_item(x, set, classes[i].kind, negate, classes[i].mask, 0), 1;
    return llm__rx_bad(x, "names a class that is not supported"), 1;
}

/* [...] after its opening bracket. */
static int32_t llm__rx_brackets(llm__regex_reader *x) {
    int32_t whole = llm__rx_set(x), set = whole, inner;
    uint32_t c, d;
    int first = 1, depth = x->depth;
    if (whole < 0 || ++x->depth > LLM__RX_MAX_DEPTH) return llm__rx_bad(x, "is nested too deeply");
    if (x->at < x->end && *x->at == '^') x->r->sets[whole].negate = 1, x->at++;
    x->r->sets[whole].fold = (uint8_t)(x->fold && !x->brackets); /* of nested sets, the outermost folds all */
    x->brackets++;
    for (;; first = 0) {
        if (x->problem) return -1;
        if (x->at == x->end) return llm__rx_bad(x, "has a set without its closing bracket");
        if (*x->at == ']' && !first) break;
        if (*x->at == '[' && x->at + 1 < x->end && x->at[1] == ':' && llm__rx_posix(x, set)) continue;
        if (*x->at == '[') {
            x->at++;
            inner = llm__rx_brackets(x);
            llm__rx_item(x, set, LLM__ITEM_SET, 0, (uint32_t)inner, 0);
            continue;
        }
        if (*x->at == '&' && x->at + 1 < x->end && x->at[1] == '&') { /* the rest is a set of its own */
            x->at += 2;
            if (++x->depth > LLM__RX_MAX_DEPTH) return llm__rx_bad(x, "is nested too deeply");
            inner = llm__rx_set(x);
            if (inner < 0) return -1;
            x->r->sets[set].also = inner;
            set = inner;
            continue;
        }
        x->at += llm__char_get(x->at, &c);
        if (c == '\\' && llm__rx_escape(x, set, &c)) continue;
        d = c;
        if (x->at + 1 < x->end && *x->at == '-' && x->at[1] != ']' && x->at[1] != '[') {
            x->at++;
            x->at += llm__char_get(x->at, &d);
            if (d == '\\' && llm__rx_escape(x, set, &d)) return llm__rx_bad(x, "has a range without an end");
            if (d < c) return llm__rx_bad(x, "has a range that runs backwards");
        }
        llm__rx_range(x, set, c, d);
    }
    x->at++;
    x->depth = depth;
    x->brackets--;
    return whole;
}

static int32_t llm__rx_either(llm__regex_reader *x);

static int32_t llm__rx_one(llm__regex_reader *x, int op, uint32_t a) {
    int32_t node = llm__rx_node(x, LLM__NODE_ONE);
    if (node < 0) return node;
    x->nodes[node].one.op = (uint8_t)op;
    x->nodes[node].one.mode = (uint8_t)x->dot_all;
    x->nodes[node].one.a = a;
    return node;
}

static int llm__has_cases(uint32_t c) {
    uint32_t other[5];
    int i;
    llm__cases(c, other);
    for (i = 1; i < 5; i++)
        if (other[i] != c) return 1;
    return 0;
}

static int32_t llm__rx_literal(llm__regex_reader *x, uint32_t c) {
    int32_t set;
    if (!x->fold || llm__is_numeric(c) || !llm__has_cases(c)) return llm__rx_one(x, LLM__RX_CHAR, c);
    set = llm__rx_set(x);
    llm__rx_range(x, set, c, c);
    if (set >= 0) x->r->sets[set].fold = 1;
    return set < 0 ? set : llm__rx_one(x, LLM__RX_SET, (uint32_t)set);
}

static int32_t llm__rx_at(llm__regex_reader *x, int where) {
    int32_t node = llm__rx_node(x, LLM__NODE_AT);
    if (node >= 0) x->nodes[node].mode = (uint8_t)where;
    return node;
}

static int32_t llm__rx_wrap(llm__regex_reader *x, int kind, int mode, int32_t child) {
    int32_t node = child < 0 ? child : llm__rx_node(x, kind);
    if (node < 0) return node;
    x->nodes[node].mode = (uint8_t)mode;
    x->nodes[node].child = child;
    return node;
}

/* (?flags) and (?flags:...): i and m. */
static int32_t llm__rx_flags(llm__regex_reader *x, int *fold, int *dot_all) {
    int on = 1;
    for (; x->at < x->end && *x->at != ':' && *x->at != ')'; x->at++) {
        if (*x->at == '-') on = 0;
        else if (*x->at == 'i') *fold = on;
        else if (*x->at == 'm') *dot_all = on;
        else return llm__rx_bad(x, "has a group that is not supported");
    }
    return 0;
}

/* (...) after its opening parenthesis. */
static int32_t llm__rx_group(llm__regex_reader *x) {
    int fold = x->fold, dot_all = x->dot_all, kind = 0, mode = 0;
    int32_t inside;
    if (++x->depth > LLM__RX_MAX_DEPTH) return llm__rx_bad(x, "is nested too deeply");
    if (x->at + 1 < x->end && x->at[0] == '?') {
        const char *q = ++x->at;
        size_t left = (size_t)(x->end - q);
        if (*q == ':') x->at++;
        else if (*q == '=' || *q == '!' || *q == '>') {
            kind = LLM__NODE_LOOK;
            mode = *q == '=' ? LLM__RX_AHEAD : *q == '!' ? LLM__RX_NOT_AHEAD : LLM__RX_ATOMIC;
            x->at++;
        } else if (left > 1 && *q == '<' && (q[1] == '=' || q[1] == '!')) {
            kind = LLM__NODE_BEHIND;
            mode = q[1] == '!';
            x->at += 2;
        } else if (*q == '<') {
            while (x->at < x->end && *x->at != '>') x->at++;
            if (x->at < x->end) x->at++;
        } else {
            if (llm__rx_flags(x, &x->fold, &x->dot_all) < 0) return -1;
            if (x->at < x->end && *x->at == ')') { /* holds up to the end of the group around it */
                x->at++;
                x->depth--;
                inside = llm__rx_either(x);
                x->fold = fold;
                x->dot_all = dot_all;
                return inside;
            }
            if (x->at < x->end) x->at++;
        }
    }
    inside = llm__rx_either(x);
    if (inside < 0) return inside;
    if (x->at == x->end || *x->at != ')') return llm__rx_bad(x, "has a group without its closing parenthesis");
    x->at++;
    x->depth--;
    x->fold = fold;
    x->dot_all = dot_all;
    if (kind == LLM__NODE_BEHIND && x->nodes[inside].kind != LLM__NODE_ONE)
        return llm__rx_bad(x, "looks behind for more than one character, which is not supported");
    return kind ? llm__rx_wrap(x, kind, mode, inside) : inside;
}

static int32_t llm__rx_atom(llm__regex_reader *x) {
    uint32_t c;
    int32_t set;
    x->at += llm__char_get(x->at, &c);
    switch (c) {
    case '(': return llm__rx_group(x);
    case '[': set = llm__rx_brackets(x); return set < 0 ? set : llm__rx_one(x, LLM__RX_SET, (uint32_t)set);
    case '.': return llm__rx_one(x, LLM__RX_ANY, 0);
    case '^': return llm__rx_at(x, LLM__RX_LINE);
    case '$': return llm__rx_at(x, LLM__RX_LINE_END);
    case '*': case '+': case '?': return llm__rx_bad(x, "repeats nothing");
    case '\\': break;
    default: return llm__rx_literal(x, c);
    }
    if (x->at < x->end) switch (*x->at) {
        case 'A': x->at++; return llm__rx_at(x, LLM__RX_START);
        case 'z': x->at++; return llm__rx_at(x, LLM__RX_STOP);
        case 'Z': x->at++; return llm__rx_at(x, LLM__RX_STOP_LINE);
        case 'b': x->at++; return llm__rx_at(x, LLM__RX_EDGE);
        case 'B': x->at++; return llm__rx_at(x, LLM__RX_NO_EDGE);
        default: break;
        }
    set = llm__rx_set(x);
    if (set < 0) return set;
    if (llm__rx_escape(x, set, &c)) return llm__rx_one(x, LLM__RX_SET, (uint32_t)set);
    return llm__rx_literal(x, c);
}

static int llm__rx_number(llm__regex_reader *x, uint32_t *n) {
    int digits = 0;
    for (*n = 0; x->at < x->end && *x->at >= '0' && *x->at <= '9' && *n < 100000; x->at++, digits++)
        *n = *n * 10 + (uint32_t)(*x->at - '0');
    return digits;
}

/* {n}, {n,}, {n,m} or {,m}: 0 if it is only a brace. */
static int llm__rx_braces(llm__regex_reader *x, uint32_t *least, uint32_t *most) {
    const char *back = x->at++;
    int low = llm__rx_number(x, least), high = 0;
    if (x->at < x->end && *x->at == ',') {
        x->at++;
        high = llm__rx_number(x, most);
        if (!high) *most = LLM__RX_FOREVER;
    } else {
        *most = *least;
    }
    if (x->at < x->end && *x->at == '}' && (low || high)) return x->at++, 1;
    x->at = back;
    return 0;
}

/* What follows an atom: how often, and how. */
static int32_t llm__rx_repeat(llm__regex_reader *x, int32_t atom) {
    while (atom >= 0 && x->at < x->end) {
        uint32_t least = 0, most = LLM__RX_FOREVER;
        int mode = LLM__RX_GREEDY, braces = 0;
        char c = *x->at;
        if (c == '{') {
            if (!llm__rx_braces(x, &least, &most)) return atom;
            braces = 1;
        } else if (c == '*' || c == '+' || c == '?') {
            x->at++;
            least = c == '+';
            if (c == '?') most = 1;
        } else {
            return atom;
        }
        if (most < least || (most != LLM__RX_FOREVER && most > 1000) || least > 1000)
            return llm__rx_bad(x, "has a repetition that makes no sense or is too long");
        if (x->at < x->end && *x->at == '?' && !(braces && least == most)) mode = LLM__RX_LAZY, x->at++;
        else if (x->at < x->end && *x->at == '+' && !braces) mode = LLM__RX_POSSESSIVE, x->at++;
        atom = llm__rx_wrap(x, LLM__NODE_REPEAT, mode, atom);
        if (atom < 0) return atom;
        x->nodes[atom].least = least;
        x->nodes[atom].most = most;
    }
    return atom;
}

static int32_t llm__rx_all(llm__regex_reader *x) {
    int32_t all = llm__rx_node(x, LLM__NODE_ALL), last = -1, atom;
    while (all >= 0 && x->at < x->end && *x->at != '|' && *x->at != ')') {
        atom = llm__rx_repeat(x, llm__rx_atom(x));
        if (atom < 0) return atom;
        if (last < 0) x->nodes[all].child = atom;
        else x->nodes[last].next = atom;
        last = atom;
    }
    if (all >= 0 && last >= 0 && x->nodes[all].child == last) return last; /* a list of one */
    return all;
}

static int32_t llm__rx_either(llm__regex_reader *x) {
    int32_t either, last = llm__rx_all(x);
    if (last < 0 || x->at == x->end || *x->at != '|') return last;
    if (++x->depth > LLM__RX_MAX_DEPTH) return llm__rx_bad(x, "is nested too deeply");
    either = llm__rx_wrap(x, LLM__NODE_EITHER, 0, last);
    while (either >= 0 && x->at < x->end && *x->at == '|') {
        int32_t next;
        x->at++;
        next = llm__rx_all(x);
        if (next < 0) return next;
        x->nodes[last].next = next;
        last = next;
    }
    x->depth--;
    return either;
}

/* Tree to program. */
static llm__regex_code *llm__rx_emit(llm__regex_reader *x, int op, int mode, uint32_t a, uint32_t b) {
    llm__regex_code *code;
    if (x->r->code_count == LLM__RX_MAX_CODE) {
        llm__rx_bad(x, "is too long");
        return NULL;
    }
    code = x->r->code + x->r->code_count++;
    code->op = (uint8_t)op;
    code->mode = (uint8_t)mode;
    code->a = a;
    code->b = b;
    return code;
}

static int llm__rx_compile(llm__regex_reader *x, int32_t node);

/* SPLIT whose choices are `body`, which comes next, and what is set later; lazily in the other order. */
static int llm__rx_split_to(llm__regex_reader *x, uint32_t split, int lazy, uint32_t after) {
    llm__regex_code *code = x->r->code + split;
    code->a = lazy ? after : split + 1;
    code->b = lazy ? split + 1 : after;
    return 1;
}

/* x{least,most} of something that is not a single character: copies, then nested choices or a loop. */
static int llm__rx_compile_copies(llm__regex_reader *x, const llm__regex_node *n) {
    uint32_t i, split, previous = LLM__RX_FOREVER;
    int mark, lazy = n->mode == LLM__RX_LAZY;
    for (i = 0; i < n->least; i++)
        if (!llm__rx_compile(x, n->child)) return 0;
    if (n->most == LLM__RX_FOREVER) {
        if ((mark = x->r->marks++) >= LLM__RX_MAX_MARKS) return llm__rx_bad(x, "has too many loops"), 0;
        split = x->r->code_count;
        if (!llm__rx_emit(x, LLM__RX_SPLIT, 0, 0, 0) || !llm__rx_emit(x, LLM__RX_MARK, 0, (uint32_t)mark, 0)) return 0;
        if (!llm__rx_compile(x, n->child)) return 0;
        if (!llm__rx_emit(x, LLM__RX_CHECK, 0, (uint32_t)mark, x->r->code_count + 2)) return 0;
        if (!llm__rx_emit(x, LLM__RX_JUMP, 0, split, 0)) return 0;
        return llm__rx_split_to(x, split, lazy, x->r->code_count);
    }
    for (i = n->least; i < n->most; i++) { /* each split remembers the one before it until the end is known */
        split = x->r->code_count;
        if (!llm__rx_emit(x, LLM__RX_SPLIT, 0, previous, 0) || !llm__rx_compile(x, n->child)) return 0;
        previous = split;
    }
    while (previous != LLM__RX_FOREVER) {
        split = previous;
        previous = x->r->code[split].a;
        llm__rx_split_to(x, split, lazy, x->r->code_count);
    }
    return 1;
}

static int llm__rx_compile_repeat(llm__regex_reader *x, const llm__regex_node *n) {
    uint32_t look = x->r->code_count;
    if (x->nodes[n->child].kind == LLM__NODE_ONE)
        return llm__rx_emit(x, LLM__RX_LOOP, n->mode, n->least, n->most) && llm__rx_compile(x, n->child);
    if (n->mode != LLM__RX_POSSESSIVE) return llm__rx_compile_copies(x, n);
    if (!llm__rx_emit(x, LLM__RX_LOOK, LLM__RX_ATOMIC, 0, 0) || !llm__rx_compile_copies(x, n) ||
        !llm__rx_emit(x, LLM__RX_LOOK_END, 0, 0, 0)) return 0;
    x->r->code[look].a = x->r->code_count;
    return 1;
}

static int llm__rx_compile_either(llm__regex_reader *x, const llm__regex_node *n) {
    uint32_t split, jump, previous = LLM__RX_FOREVER;
    int32_t child;
    for (child = n->child; child >= 0; child = x->nodes[child].next) {
        int more = x->nodes[child].next >= 0;
        split = x->r->code_count;
        if (more && !llm__rx_emit(x, LLM__RX_SPLIT, 0, 0, 0)) return 0;
        if (!llm__rx_compile(x, child)) return 0;
        if (!more) break;
        jump = x->r->code_count;
        if (!llm__rx_emit(x, LLM__RX_JUMP, 0, previous, 0)) return 0;
        previous = jump;
        llm__rx_split_to(x, split, 0, x->r->code_count);
    }
    while (previous != LLM__RX_FOREVER) {
        jump = previous;
        previous = x->r->code[jump].a;
        x->r->code[jump].a = x->r->code_count;
    }
    return 1;
}

static int llm__rx_compile(llm__regex_reader *x, int32_t node) {
    const llm__regex_node *n = x->nodes + node;
    uint32_t look = x->r->code_count;
    int32_t child;
    switch (n->kind) {
    case LLM__NODE_ONE: return llm__rx_emit(x, n->one.op, n->one.mode, n->one.a, 0) != NULL;
    case LLM__NODE_AT: return llm__rx_emit(x, LLM__RX_AT, n->mode, 0, 0) != NULL;
    case LLM__NODE_REPEAT: return llm__rx_compile_repeat(x, n);
    case LLM__NODE_EITHER: return llm__rx_compile_either(x, n);
    case LLM__NODE_BEHIND: return llm__rx_emit(x, LLM__RX_BEHIND, n->mode, 0, 0) && llm__rx_compile(x, n->child);
    case LLM__NODE_LOOK:
        if (!llm__rx_emit(x, LLM__RX_LOOK, n->mode, 0, 0) || !llm__rx_compile(x, n->child)) return 0;
        if (!llm__rx_emit(x, LLM__RX_LOOK_END, n->mode, 0, 0)) return 0;
        x->r->code[look].a = x->r->code_count;
        return 1;
    default:
        for (child = n->child; child >= 0; child = x->nodes[child].next)
            if (!llm__rx_compile(x, child)) return 0;
        return 1;
    }
}

static llm__regex *llm__regex_build(llm__arena *arena, llm__regex_reader *x) {
    llm__regex *r = x->r;
    llm__regex_code *code;
    uint32_t i, c;
    int32_t root = llm__rx_either(x);
    if (root >= 0 && x->at < x->end) llm__rx_bad(x, "has a parenthesis too many");
    if (!x->problem && llm__rx_compile(x, root)) llm__rx_emit(x, LLM__RX_END, 0, 0, 0);
    if (x->problem) return NULL;
    code = (llm__regex_code *)llm__arena_alloc(arena, r->code_count, sizeof *code);
    if (!code) return NULL;
    memcpy(code, r->code, r->code_count * sizeof *code);
    r->code = code;
    for (i = 0; i < r->set_count; i++) {
        uint32_t ascii[4] = {0, 0, 0, 0};
        for (c = 0; c < 128; c++)
            if (llm__set_has(r, (int32_t)i, c)) ascii[c >> 5] |= 1u << (c & 31);
        memcpy(r->sets[i].ascii, ascii, sizeof ascii);
        r->sets[i].ready = 1;
    }
    return r;
}

/* Reads a pattern into the arena.  NULL: *problem says why ("is nested too deeply"); no problem: no memory. */
LLM__FN llm__regex *llm__regex_open(llm__arena *arena, const char *pattern, size_t bytes, const char **problem) {
    llm__regex_reader x;
    llm__arena scratch; /* for the tree, and for a program whose length is not known yet */
    llm__regex *r = (llm__regex *)llm__arena_alloc(arena, 1, sizeof *r);
    memset(&x, 0, sizeof x);
    *problem = bytes > LLM__RX_MAX_BYTES ? "is too long" : NULL;
    if (!r || *problem) return NULL;
    memset(&scratch, 0, sizeof scratch);
    scratch.allocator = arena->allocator;
    x.item_limit = (uint32_t)bytes + 2;
    x.node_limit = (uint32_t)bytes * 3 + 8;
    x.r = r;
    x.at = pattern;
    x.end = pattern + bytes;
    r->code = (llm__regex_code *)llm__arena_alloc(&scratch, LLM__RX_MAX_CODE, sizeof *r->code);
    r->sets = (llm__set *)llm__arena_alloc(arena, x.item_limit, sizeof *r->sets);
    r->items = (llm__set_item *)llm__arena_alloc(arena, x.item_limit, sizeof *r->items);
    x.nodes = (llm__regex_node *)llm__arena_alloc(&scratch, x.node_limit, sizeof *x.nodes);
    r = r->code && r->sets && r->items && x.nodes ? llm__regex_build(arena, &x) : NULL;
    *problem = x.problem;
    llm__arena_free(&scratch);
    return r;
}

/* What to try when the current attempt fails. */
typedef struct llm__regex_choice {
    uint8_t kind;
    uint32_t pc;
    size_t at, other;
} llm__regex_choice;

enum { LLM__CHOICE_GO, LLM__CHOICE_SHRINK, LLM__CHOICE_STRETCH, LLM__CHOICE_MARK, LLM__CHOICE_LOOK };

/* A matcher at work: its stack is reused from match to match, its budget holds for all of them. */
typedef struct llm__matcher {
    llm_allocator allocator;
    llm__regex_choice *stack;
    size_t count, capacity;
    uint64_t budget;
    int failed; /* 1: out of memory, 2: out of budget */
    size_t marks[LLM__RX_MAX_MARKS];
} llm__matcher;

/* A generous allowance for a text: patterns of real tokenizers need some 50 steps a byte. */
static void llm__matcher_allow(llm__matcher *m, size_t bytes) { m->budget += (uint64_t)1000 * bytes; }

static int llm__matcher_spend(llm__matcher *m, uint64_t steps) {
    if (m->budget <= steps) return m->failed = 2, 0;
    m->budget -= steps;
    return 1;
}

static void llm__matcher_open(llm__matcher *m, llm_allocator allocator) {
    memset(m, 0, sizeof *m);
    m->allocator = allocator;
    llm__matcher_allow(m, 4096); /* for what a short text may need */
}

static void llm__matcher_close(llm__matcher *m) {
    llm__free(&m->allocator, m->stack, m->capacity * sizeof *m->stack);
    m->stack = NULL;
    m->capacity = 0;
}

static int llm__matcher_reserve(llm__matcher *m, size_t choices) {
    void *stack = m->stack;
    if (!llm__grow(&m->allocator, &stack, &m->capacity, choices, sizeof *m->stack)) return 0;
    m->stack = (llm__regex_choice *)stack;
    return 1;
}

static int llm__choice_push(llm__matcher *m, int kind, uint32_t pc, size_t at, size_t other) {
    llm__regex_choice *top;
    if (m->count == m->capacity && !llm__matcher_reserve(m, m->count + 1)) return m->failed = 1, 0;
    top = m->stack + m->count++;
    top->kind = (uint8_t)kind;
    top->pc = pc;
    top->at = at;
    top->other = other;
    return 1;
}

/* Whether one CHAR, ANY or SET matches at `at`; its length, or 0. */
static size_t llm__rx_step(const llm__regex *r, const llm__regex_code *code, const char *text, size_t bytes,
                           size_t at) {
    uint32_t c;
    size_t n;
    if (at >= bytes) return 0;
    n = llm__char_get(text + at, &c);
    if (code->op == LLM__RX_SET) return llm__set_has(r, (int32_t)code->a, c) ? n : 0;
    if (code->op == LLM__RX_CHAR) return c == code->a ? n : 0;
    return code->mode || c != '\n' ? n : 0;
}

static int llm__rx_holds(const char *text, size_t bytes, size_t at, int where) {
    uint32_t before = 0, after = 0;
    int edge;
    if (at > 0) llm__char_before(text + at, &before);
    if (at < bytes) llm__char_get(text + at, &after);
    switch (where) {
    case LLM__RX_START: return at == 0;
    case LLM__RX_STOP: return at == bytes;
    case LLM__RX_STOP_LINE: return at == bytes || (after == '\n' && at + 1 == bytes);
    case LLM__RX_LINE: return at == 0 || (before == '\n' && at < bytes);
    case LLM__RX_LINE_END: return at == bytes || after == '\n';
    default: break;
    }
    edge = (at > 0 && llm__is_word(before)) != (at < bytes && llm__is_word(after));
    return where == LLM__RX_EDGE ? edge : !edge;
}

/* A loop over one character: takes all it may at once and leaves a choice behind.  0: no match. */
static int llm__rx_loop(llm__matcher *m, const llm__regex *r, uint32_t pc, const char *text, size_t bytes, size_t *at) {
    const llm__regex_code *loop = r->code + pc;
    size_t n, least_end = *at;
    uint32_t count = 0, most = loop->mode == LLM__RX_LAZY ? loop->a : loop->b;
    while (count < most && (n = llm__rx_step(r, loop + 1, text, bytes, *at)) != 0) {
        *at += n;
        if (++count == loop->a) least_end = *at;
    }
    if (!llm__matcher_spend(m, count / 4) || count < loop->a) return 0;
    if (loop->mode == LLM__RX_GREEDY && *at > least_end)
        return llm__choice_push(m, LLM__CHOICE_SHRINK, pc + 2, *at, least_end);
    if (loop->mode == LLM__RX_LAZY && count < loop->b) return llm__choice_push(m, LLM__CHOICE_STRETCH, pc, *at, count);
    return 1;
}

/* Takes the last choice that is still open: sets *pc and *at, or returns 0 when there is none. */
static int llm__rx_retry(llm__matcher *m, const llm__regex *r, const char *text, size_t bytes, uint32_t *pc,
                         size_t *at) {
    while (m->count && !m->failed) {
        llm__regex_choice *top = m->stack + m->count - 1;
        uint32_t c;
        size_t n;
        if (!llm__matcher_spend(m, 1)) return 0;
        *pc = top->pc;
        *at = top->at;
        switch (top->kind) {
        case LLM__CHOICE_GO: m->count--; return 1;
        case LLM__CHOICE_SHRINK:
            *at -= llm__char_before(text + *at, &c);
            if (*at > top->other) top->at = *at;
            else m->count--;
            return 1;
        case LLM__CHOICE_STRETCH:
            n = llm__rx_step(r, r->code + *pc + 1, text, bytes, *at);
            if (!n) { m->count--; break; }
            *at += n;
            top->at = *at;
            if (++top->other >= r->code[*pc].b) m->count--;
            *pc += 2;
            return 1;
        case LLM__CHOICE_MARK: m->marks[top->pc] = top->other; m->count--; break;
        default: /* LOOK: what was looked for is not there */
            m->count--;
            if (r->code[*pc].mode != LLM__RX_NOT_AHEAD) break;
            *pc = r->code[*pc].a;
            return 1;
        }
    }
    return 0;
}

/* The end of a look-ahead or atomic group: forgets the choices inside it.  0: the match fails here. */
static int llm__rx_look_end(llm__matcher *m, const llm__regex *r, size_t *at) {
    llm__regex_choice *top;
    int mode;
    do top = m->stack + --m->count;
    while (top->kind != LLM__CHOICE_LOOK);
    mode = r->code[top->pc].mode;
    if (mode != LLM__RX_ATOMIC) *at = top->at;
    return mode != LLM__RX_NOT_AHEAD;
}

static int llm__rx_behind(const llm__regex *r, const llm__regex_code *code, const char *text, size_t at) {
    uint32_t c;
    size_t n = at ? llm__char_before(text + at, &c) : 0;
    int there = n && llm__rx_step(r, code + 1, text, at, at - n) == n;
    return there != code->mode;
}

/* Whether the pattern matches at `at`; *end is where it stops. */
static int llm__regex_match(llm__matcher *m, const llm__regex *r, const char *text, size_t bytes, size_t at,
                            size_t *end) {
    uint32_t pc = 0;
    m->count = 0;
    for (;;) {
        const llm__regex_code *code = r->code + pc;
        size_t n;
        int good = 1;
        if (!llm__matcher_spend(m, 1)) return 0;
        switch (code->op) {
        case LLM__RX_END: *end = at; return 1;
        case LLM__RX_CHAR: case LLM__RX_ANY: case LLM__RX_SET:
            n = llm__rx_step(r, code, text, bytes, at);
            good = n != 0;
            at += n;
            pc++;
            break;
        case LLM__RX_LOOP: good = llm__rx_loop(m, r, pc, text, bytes, &at); pc += 2; break;
        case LLM__RX_SPLIT: good = llm__choice_push(m, LLM__CHOICE_GO, code->b, at, 0); pc = code->a; break;
        case LLM__RX_JUMP: pc = code->a; break;
        case LLM__RX_MARK:
            good = llm__choice_push(m, LLM__CHOICE_MARK, code->a, 0, m->marks[code->a]);
            m->marks[code->a] = at;
            pc++;
            break;
        case LLM__RX_CHECK: pc = m->marks[code->a] == at ? code->b : pc + 1; break;
        case LLM__RX_LOOK: good = llm__choice_push(m, LLM__CHOICE_LOOK, pc, at, 0); pc++; break;
        case LLM__RX_LOOK_END: good = llm__rx_look_end(m, r, &at); pc++; break;
        case LLM__RX_BEHIND: good = llm__rx_behind(r, code, text, at); pc += 2; break;
        default: good = llm__rx_holds(text, bytes, at, code->mode); pc++; break;
        }
        if (m->failed) return 0;
        if (!good && !llm__rx_retry(m, r, text, bytes, &pc, &at)) return 0;
    }
}

/* The first match that begins at or after `from`. */
static int llm__regex_find(llm__matcher *m, const llm__regex *r, const char *text, size_t bytes, size_t from,
                           size_t *begin, size_t *end) {
    uint32_t c;
    while (from <= bytes) {
        if (llm__regex_match(m, r, text, bytes, from, end)) return *begin = from, 1;
        if (m->failed || from == bytes) return 0;
        from += llm__char_get(text + from, &c);
    }
    return 0;
}

/* ---- tables */

/* From a pair of numbers to two numbers: merges by (left id, right id), children of a tree by (node, byte). */
typedef struct llm__pair {
    uint32_t left, right, first, second; /* left 0xFFFFFFFF: empty */
} llm__pair;

typedef struct llm__pairs {
    llm__pair *slots;
    size_t mask, count; /* mask 0: no slots yet */
} llm__pairs;

static size_t llm__pair_hash(uint32_t left, uint32_t right) {
    uint64_t h = ((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15u;
    return (size_t)(h ^ h >> 32);
}

static llm__pair *llm__pairs_slot(const llm__pairs *p, uint32_t left, uint32_t right) {
    size_t i = llm__pair_hash(left, right) & p->mask;
    while (p->slots[i].left != 0xFFFFFFFFu && (p->slots[i].left != left || p->slots[i].right != right))
        i = (i + 1) & p->mask;
    return p->slots + i;
}

static const llm__pair *llm__pairs_find(const llm__pairs *p, uint32_t left, uint32_t right) {
    const llm__pair *slot = p->mask ? llm__pairs_slot(p, left, right) : NULL;
    return slot && slot->left != 0xFFFFFFFFu ? slot : NULL;
}

/* Makes room for `count` entries in all; at most half of the slots are ever taken. */
static int llm__pairs_reserve(llm__pairs *p, llm__arena *arena, size_t count) {
    llm__pairs larger;
    size_t i, slots = 16;
    if (p->mask && count <= p->mask / 2) return 1;
    while (slots / 2 < count + 1) slots *= 2;
    if (p->mask && slots < 4 * (p->mask + 1)) slots = 4 * (p->mask + 1);
    larger.slots = (llm__pair *)llm__arena_alloc(arena, slots, sizeof *larger.slots);
    if (!larger.slots) return 0;
    memset(larger.slots, 0xFF, slots * sizeof *larger.slots);
    larger.mask = slots - 1;
    larger.count = p->count;
    for (i = 0; p->mask && i <= p->mask; i++)
        if (p->slots[i].left != 0xFFFFFFFFu)
            *llm__pairs_slot(&larger, p->slots[i].left, p->slots[i].right) = p->slots[i];
    *p = larger;
    return 1;
}

/* Adds or replaces. */
static int llm__pairs_set(llm__pairs *p, llm__arena *arena, uint32_t left, uint32_t right, uint32_t first,
                          uint32_t second) {
    llm__pair *slot;
    if (!llm__pairs_reserve(p, arena, p->count + 1)) return 0;
    slot = llm__pairs_slot(p, left, right);
    if (slot->left == 0xFFFFFFFFu) p->count++;
    slot->left = left;
    slot->right = right;
    slot->first = first;
    slot->second = second;
    return 1;
}

/* Strings by their beginnings: nodes are numbered from 1, an edge (node, byte) leads to (child, its value + 1 or 0). */
typedef struct llm__trie {
    llm__pairs edges;
    uint32_t nodes;
    uint32_t starts[8]; /* which bytes begin a string */
} llm__trie;

static int llm__trie_add(llm__trie *t, llm__arena *arena, const char *text, size_t bytes, uint32_t value) {
    llm__pair *edge = NULL;
    uint32_t node = 1;
    size_t i;
    if (!t->nodes) t->nodes = 1;
    t->starts[(uint8_t)text[0] >> 5] |= 1u << ((uint8_t)text[0] & 31);
    for (i = 0; i < bytes; i++, node = edge->first) {
        if (t->nodes >= 0x7FFFFFFFu || !llm__pairs_reserve(&t->edges, arena, t->edges.count + 1)) return 0;
        edge = llm__pairs_slot(&t->edges, node, (uint8_t)text[i]);
        if (edge->left != 0xFFFFFFFFu) continue;
        edge->left = node;
        edge->right = (uint8_t)text[i];
        edge->first = ++t->nodes;
        edge->second = 0;
        t->edges.count++;
    }
    if (edge) edge->second = value + 1;
    return 1;
}

/* The longest string of the trie at text: its length, or 0. */
static size_t llm__trie_longest(const llm__trie *t, const char *text, size_t bytes, uint32_t *value) {
    uint32_t node = 1;
    size_t i, longest = 0;
    if (!(t->starts[(uint8_t)text[0] >> 5] >> ((uint8_t)text[0] & 31) & 1)) return 0;
    for (i = 0; i < bytes; i++) {
        const llm__pair *edge = llm__pairs_find(&t->edges, node, (uint8_t)text[i]);
        if (!edge) break;
        node = edge->first;
        if (edge->second) *value = edge->second - 1, longest = i + 1;
    }
    return longest;
}

static int llm__trie_exact(const llm__trie *t, const char *text, size_t bytes, uint32_t *value) {
    uint32_t node = 1;
    size_t i;
    const llm__pair *edge = NULL;
    for (i = 0; i < bytes; i++) {
        edge = llm__pairs_find(&t->edges, node, (uint8_t)text[i]);
        if (!edge) return 0;
        node = edge->first;
    }
    if (!edge || !edge->second) return 0;
    *value = edge->second - 1;
    return 1;
}

/* ---- what tokenizer.json says */

enum { /* steps of all stages */
    /* normalizers */
    LLM__STEP_PREPEND, LLM__STEP_REPLACE, LLM__STEP_LOWERCASE, LLM__STEP_STRIP_SPACE, LLM__STEP_NFC, LLM__STEP_NFD,
    LLM__STEP_NFKC, LLM__STEP_NFKD, LLM__STEP_STRIP_ACCENTS, LLM__STEP_NMT, LLM__STEP_BERT, LLM__STEP_BYTES,
    LLM__STEP_PRECOMPILED,
    /* pre-tokenizers */
    LLM__STEP_BYTE_LEVEL, LLM__STEP_SPLIT, LLM__STEP_METASPACE, LLM__STEP_DIGITS, LLM__STEP_PUNCTUATION,
    LLM__STEP_WHITESPACE, LLM__STEP_WHITESPACE_SPLIT,
    /* decoders */
    LLM__STEP_BYTES_TO_TEXT, LLM__STEP_FROM_METASPACE, LLM__STEP_BYTE_FALLBACK, LLM__STEP_FUSE, LLM__STEP_STRIP,
    LLM__STEP_FROM_WORDPIECE, LLM__STEP_FROM_SUFFIX, LLM__STEP_JOIN
};

enum { LLM__SPLIT_REMOVED, LLM__SPLIT_ISOLATED, LLM__SPLIT_PREVIOUS, LLM__SPLIT_NEXT, LLM__SPLIT_CONTIGUOUS };
enum { LLM__PREPEND_ALWAYS, LLM__PREPEND_FIRST, LLM__PREPEND_NEVER };

typedef struct llm__string {
    const char *text;
    size_t bytes;
} llm__string;

typedef struct llm__step {
    int kind;
    llm__string pattern, content; /* what is looked for or marks space; what takes its place */
    const llm__regex *regex;      /* instead of pattern */
    int behavior, invert;         /* of a split */
    int prepend;                  /* METASPACE: when; BYTE_LEVEL: a space if there is none */
    int left, right;              /* stripping: how many, or whether */
    int cleanup, clean, chinese, accents, lower;
    const uint32_t *units;        /* PRECOMPILED: the trie, and the texts that it leads to */
    size_t unit_count;
} llm__step;

/* Limits that no real file comes near; they keep time and memory in proportion to the sizes of file and text. */
enum {
    LLM__MAX_STEPS = 48,
    LLM__MAX_DECODER_STEPS = 12,
    LLM__MAX_AROUND = 256,       /* tokens around a text */
    LLM__MAX_TOKEN_BYTES = 1024, /* of added tokens, of Unigram's, and of what steps look for and put in */
    LLM__MAX_WORD_CHARS = 4096,  /* WordPiece */
    LLM__MAX_STRIP = 64          /* characters taken off a token's end */
};

typedef struct llm__steps {
    llm__step *items;
    int count;
} llm__steps;

typedef struct llm__words llm__words;

enum { LLM__MODEL_BPE, LLM__MODEL_UNIGRAM, LLM__MODEL_WORDPIECE, LLM__MODEL_WORDLEVEL };

typedef struct llm__word {  /* by id */
    const char *text;       /* NULL: no such id */
    uint32_t bytes;
    uint8_t special;
    int16_t byte;           /* <0xNN>: its value, else -1 */
} llm__word;

typedef struct llm__slot { /* by text: a slot of a hash table */
    const char *text;       /* NULL: free */
    uint32_t bytes;
    int32_t id;
} llm__slot;

typedef struct llm__added {
    llm__string content;
    int32_t id;
    uint8_t single_word, lstrip, rstrip, normalized, special;
} llm__added;

struct llm__words {
    const char *file;
    int model;
    llm__word *words;               /* [count] */
    int32_t count;
    llm__slot *slots;              /* [slot_mask + 1] the model's vocabulary by text */
    size_t slot_mask;
    uint32_t entry_count;
    llm__added *added;
    int added_count;
    llm__trie names;                /* added tokens by text, and by how they are looked for */
    llm__trie plain, normalized;
    llm__pairs merges;              /* (left, right) -> (rank, id) */
    int32_t bytes[256];             /* ids of <0xNN>, or -1 */
    int32_t low[512];               /* ids of single characters below U+0200, or -1 */
    uint32_t longest;               /* bytes of the model's longest token */
    int32_t unknown;                /* id of the unknown token, or -1 */
    llm__string unknown_text, prefix, suffix;
    int byte_fallback, fuse_unknown, ignore_merges, max_chars;
    double *scores, unknown_score;  /* Unigram */
    llm__trie tree;
    llm__steps normalizer, splitter, decoder;
    llm__pairs compositions;        /* (first, second) -> (character, -) */
    int32_t *before, *after;        /* what the post-processor puts around the text */
    size_t before_count, after_count;
};

static uint64_t llm__text_hash(const char *text, size_t bytes) {
    uint64_t h = 0x243F6A8885A308D3u ^ bytes, part;
    for (; bytes >= 8; bytes -= 8, text += 8) {
        memcpy(&part, text, 8);
        h = (h ^ part) * 0x9E3779B97F4A7C15u;
        h ^= h >> 32;
    }
    part = 0;
    memcpy(&part, text, bytes);
    h = (h ^ part) * 0x9E3779B97F4A7C15u;
    h = (h ^ h >> 32) * 0xD6E8FEB86659FD93u;
    return h ^ h >> 32;
}

static llm__slot *llm__slot_of(const llm__words *w, const char *text, size_t bytes) {
    size_t i = (size_t)llm__text_hash(text, bytes) & w->slot_mask;
    while (w->slots[i].text && (w->slots[i].bytes != bytes || memcmp(w->slots[i].text, text, bytes) != 0))
        i = (i + 1) & w->slot_mask;
    return w->slots + i;
}

/* The model's id for a text, or -1. */
static int32_t llm__model_id(const llm__words *w, const char *text, size_t bytes) {
    const llm__slot *slot = w->slots ? llm__slot_of(w, text, bytes) : NULL;
    return slot && slot->text ? slot->id : -1;
}

LLM__FN int32_t llm__words_count(const llm__words *w) { return w->count; }

/* The id of a token by its text, or -1.  Added tokens come first. */
LLM__FN int32_t llm__words_id(const llm__words *w, const char *token, size_t bytes) {
    uint32_t index;
    if (llm__trie_exact(&w->names, token, bytes, &index)) return w->added[index].id;
    return llm__model_id(w, token, bytes);
}

/* The text of an id as the vocabulary has it, NULL if there is no such id. */
LLM__FN const char *llm__words_text(const llm__words *w, int32_t id, size_t *bytes, int *special) {
    if (id < 0 || id >= w->count || !w->words[id].text) {
        if (bytes) *bytes = 0;
        if (special) *special = 0;
        return NULL;
    }
    if (bytes) *bytes = w->words[id].bytes;
    if (special) *special = w->words[id].special;
    return w->words[id].text;
}

/* Reading: what every function below gets. */
typedef struct llm__words_reader {
    llm__words *w;
    llm__arena *arena;
    const char *file;
    llm_error *error;
} llm__words_reader;

/* How many bytes of a text a message shows: at most 60, and whole characters. */
static int llm__shown(const char *text, size_t bytes) {
    size_t n = bytes < 60 ? bytes : 60;
    while (n && n < bytes && ((uint8_t)text[n] & 0xC0) == 0x80) n--;
    return (int)n;
}

static llm_status llm__words_no_memory(const llm__words_reader *x) {
    return llm__fail(x->error, LLM_OUT_OF_MEMORY, "%s: out of memory while reading the tokenizer", x->file);
}

static llm_status llm__words_wrong(const llm__words_reader *x, const char *where, const char *expected) {
    return llm__fail(x->error, LLM_BAD_FORMAT, "%s: %s: expected %s", x->file, where, expected);
}

static llm_status llm__words_too_long(const llm__words_reader *x, const char *where) {
    return llm__fail(x->error, LLM_TOO_LARGE, "%s: %s: a text of more than %d bytes", x->file, where,
                     LLM__MAX_TOKEN_BYTES);
}

/* Members with a default.  A wrong type is a failure that *status keeps. */
static int llm__words_flag(const llm__words_reader *x, const llm__json *object, const char *key, int otherwise,
                           llm_status *status) {
    const llm__json *v = llm__json_get(object, key);
    if (!v || llm__json_is(v, LLM__JSON_NULL)) return otherwise;
    if (llm__json_is(v, LLM__JSON_TRUE)) return 1;
    if (!llm__json_is(v, LLM__JSON_FALSE)) *status = llm__words_wrong(x, key, "true or false");
    return 0;
}

static llm__string llm__words_string(const llm__words_reader *x, const llm__json *object, const char *key,
                                     llm_status *status) {
    const llm__json *v = llm__json_get(object, key);
    llm__string s = {NULL, 0};
    if (!v || llm__json_is(v, LLM__JSON_NULL)) return s;
    if (!llm__json_is(v, LLM__JSON_STRING)) {
        *status = llm__words_wrong(x, key, "a string");
    } else if (v->length > LLM__MAX_TOKEN_BYTES) {
        *status = llm__words_too_long(x, key);
    } else {
        s.text = v->as.text;
        s.bytes = v->length;
    }
    return s;
}

/* An id: a whole number from 0 to 2^31 - 2. */
static int llm__json_id(const llm__json *v, int32_t *id) {
    double n;
    if (!v || !llm__json_is(v, LLM__JSON_INTEGER) || !llm__json_float(v, &n)) return 0;
    if (!(n >= 0 && n <= 2147483646.0)) return 0;
    *id = (int32_t)n;
    return 1;
}

/* ---- vocabulary */

static int llm__byte_of_token(const char *text, size_t bytes) {
    int high, low;
    if (bytes != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return -1;
    low = llm__hex_digit(text[4]);
    high = text[3] == '+' ? 0 : llm__hex_digit(text[3]); /* the reference's number parser takes a sign */
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static void llm__word_set(llm__words *w, int32_t id, const char *text, uint32_t bytes) {
    w->words[id].text = text;
    w->words[id].bytes = bytes;
    w->words[id].byte = (int16_t)llm__byte_of_token(text, bytes);
}

static void llm__slot_add(llm__words *w, const char *text, uint32_t bytes, int32_t id) {
    llm__slot *slot = llm__slot_of(w, text, bytes);
    if (!slot->text) w->entry_count++;
    if (bytes > w->longest) w->longest = bytes;
    slot->text = text;
    slot->bytes = bytes;
    slot->id = id;
}

/* Room for the model's `members` entries and the file's added tokens, ids up to `highest`. */
static llm_status llm__words_room(const llm__words_reader *x, uint32_t members, uint32_t added, int32_t highest) {
    llm__words *w = x->w;
    size_t slots = 16, ids = (highest + 1 > (int32_t)members ? (size_t)highest + 1 : members) + (size_t)added;
    while (slots / 4 * 3 < (size_t)members + 1) slots *= 2;
    if (ids > 8 * ((size_t)members + added + 131072))
        return llm__fail(x->error, LLM_TOO_LARGE, "%s: model.vocab: id %ld, but only %lu tokens", x->file,
                         (long)highest, (unsigned long)members);
    w->words = (llm__word *)llm__arena_alloc(x->arena, ids, sizeof *w->words);
    w->slots = (llm__slot *)llm__arena_alloc(x->arena, slots, sizeof *w->slots);
    w->added = (llm__added *)llm__arena_alloc(x->arena, (size_t)added + 1, sizeof *w->added);
    if (!w->words || !w->slots || !w->added) return llm__words_no_memory(x);
    w->slot_mask = slots - 1;
    w->count = highest + 1;
    return LLM_OK;
}

/* {"text": id, ...} */
static llm_status llm__vocab_object(const llm__words_reader *x, const llm__json *vocab, uint32_t added) {
    const llm__json *key;
    int32_t id = 0, highest = -1;
    uint32_t i;
    llm_status status;
    for (key = llm__json_first(vocab), i = 0; i < vocab->length; i++, key = llm__json_next(llm__json_next(key))) {
        if (!llm__json_id(key + 1, &id))
            return llm__fail(x->error, LLM_BAD_FORMAT, "%s: model.vocab[\"%.*s\"]: expected an id from 0 to 2147483646",
                             x->file, llm__shown(key->as.text, key->length), key->as.text);
        if (id > highest) highest = id;
    }
    if ((status = llm__words_room(x, vocab->length, added, highest)) != LLM_OK) return status;
    for (key = llm__json_first(vocab), i = 0; i < vocab->length; i++, key = llm__json_next(llm__json_next(key))) {
        const llm__word *word;
        llm__json_id(key + 1, &id);
        word = x->w->words + id;
        if (word->text)
            return llm__fail(x->error, LLM_BAD_FORMAT, "%s: model.vocab: \"%.*s\" and \"%.*s\" both have id %ld",
                             x->file, llm__shown(word->text, word->bytes), word->text,
                             llm__shown(key->as.text, key->length), key->as.text, (long)id);
        if (llm__model_id(x->w, key->as.text, key->length) >= 0)
            return llm__fail(x->error, LLM_BAD_FORMAT, "%s: model.vocab: \"%.*s\" comes twice", x->file,
                             llm__shown(key->as.text, key->length), key->as.text);
        llm__word_set(x->w, id, key->as.text, key->length);
        llm__slot_add(x->w, key->as.text, key->length, id);
    }
    return LLM_OK;
}

/* [["text", score], ...]: ids are positions; a text that comes twice is the later one. */
static llm_status llm__vocab_array(const llm__words_reader *x, const llm__json *vocab, uint32_t added) {
    llm__words *w = x->w;
    const llm__json *pair = llm__json_first(vocab);
    double least = 0;
    uint32_t i;
    llm_status status = llm__words_room(x, vocab->length, added, (int32_t)vocab->length - 1);
    if (status != LLM_OK) return status;
    w->scores = (double *)llm__arena_alloc(x->arena, (size_t)vocab->length + 1, sizeof *w->scores);
    if (!w->scores) return llm__words_no_memory(x);
    for (i = 0; i < vocab->length; i++, pair = llm__json_next(pair)) {
        const llm__json *text = llm__json_at(pair, 0), *score = llm__json_at(pair, 1);
        if (!text || !score || !llm__json_is(text, LLM__JSON_STRING) || !llm__json_float(score, &w->scores[i]))
            return llm__fail(x->error, LLM_BAD_FORMAT, "%s: model.vocab[%lu]: expected [text, score]", x->file,
                             (unsigned long)i);
        if (text->length > LLM__MAX_TOKEN_BYTES) return llm__words_too_long(x, "model.vocab");
        if (i == 0 || w->scores[i] < least) least = w->scores[i];
        llm__word_set(w, (int32_t)i, text->as.text, text->length);
        llm__slot_add(w, text->as.text, text->length, (int32_t)i);
        if (text->length && !llm__trie_add(&w->tree, x->arena, text->as.text, text->length, i))
            return llm__words_no_memory(x);
    }
    w->unknown_score = least - 10.0;
    return LLM_OK;
}

/* One merge: "left right" or ["left", "right"]. */
static int llm__merge_parts(const llm__json *merge, llm__string part[2]) {
    int i;
    memset(part, 0, 2 * sizeof *part);
    if (llm__json_is(merge, LLM__JSON_STRING)) {
        const char *end = merge->as.text + merge->length;
        const char *space = (const char *)memchr(merge->as.text, ' ', merge->length);
        if (!space || memchr(space + 1, ' ', (size_t)(end - space) - 1)) return 0;
        part[0].text = merge->as.text;
        part[0].bytes = (size_t)(space - merge->as.text);
        part[1].text = space + 1;
        part[1].bytes = (size_t)(end - space) - 1;
        return 1;
    }
    if (!llm__json_is(merge, LLM__JSON_ARRAY) || merge->length != 2) return 0;
    for (i = 0; i < 2; i++) {
        const llm__json *v = llm__json_at(merge, (uint32_t)i);
        if (!llm__json_is(v, LLM__JSON_STRING)) return 0;
        part[i].text = v->as.text;
        part[i].bytes = v->length;
    }
    return 1;
}

/* Whether a token's text is that of two strings, one after the other. */
static int llm__word_joins(const llm__word *word, const llm__string *a, const llm__string *b) {
    return word->text && word->bytes == a->bytes + b->bytes && memcmp(word->text, a->text, a->bytes) == 0 &&
           memcmp(word->text + a->bytes, b->text, b->bytes) == 0;
}

static llm_status llm__merge_unknown(const llm__words_reader *x, uint32_t rank, const char *text, size_t bytes) {
    return llm__fail(x->error, LLM_BAD_FORMAT, "%s: model.merges[%lu]: \"%.*s\" is not in the vocabulary", x->file,
                     (unsigned long)rank, llm__shown(text, bytes), text);
}

/* Adds a merge; the token that it makes must exist.  Most files have their merges in the order of the tokens that they
   make: *made, the token of the merge before this one, or the one behind it is tried before searching. */
static llm_status llm__merge_add(const llm__words_reader *x, llm__text *joined, const llm__json *merge, uint32_t rank,
                                 int32_t *made) {
    llm__words *w = x->w;
    llm__string part[2];
    int32_t id[2];
    int i;
    if (!llm__merge_parts(merge, part))
        return llm__fail(x->error, LLM_BAD_FORMAT, "%s: model.merges[%lu]: expected \"left right\" or [left, right]",
                         x->file, (unsigned long)rank);
    for (i = 0; i < 2; i++) {
        id[i] = llm__model_id(w, part[i].text, part[i].bytes);
        if (id[i] < 0) return llm__merge_unknown(x, rank, part[i].text, part[i].bytes);
    }
    if (part[1].bytes < w->prefix.bytes) return llm__words_wrong(x, "model.merges", "the prefix of continuing tokens");
    part[1].text += w->prefix.bytes;
    part[1].bytes -= w->prefix.bytes;
    if (*made + 1 < w->count && llm__word_joins(w->words + *made + 1, &part[0], &part[1])) {
        ++*made;
    } else if (*made < 0 || !llm__word_joins(w->words + *made, &part[0], &part[1])) {
        joined->length = 0;
        if (!llm__text_add(joined, part[0].text, part[0].bytes) || !llm__text_add(joined, part[1].text, part[1].bytes))
            return llm__words_no_memory(x);
        *made = llm__model_id(w, joined->data, joined->length);
        if (*made < 0) return llm__merge_unknown(x, rank, joined->data, joined->length);
    }
    if (!llm__pairs_set(&w->merges, x->arena, (uint32_t)id[0], (uint32_t)id[1], rank, (uint32_t)*made))
        return llm__words_no_memory(x);
    return LLM_OK;
}

static llm_status llm__merges_read(const llm__words_reader *x, const llm__json *merges) {
    const llm__json *merge;
    llm__text joined;
    int32_t made = -1;
    uint32_t i, rank = 0;
    llm_status status = LLM_OK;
    if (!merges || !llm__json_is(merges, LLM__JSON_ARRAY)) return llm__words_wrong(x, "model.merges", "an array");
    if (!llm__pairs_reserve(&x->w->merges, x->arena, merges->length)) return llm__words_no_memory(x);
    memset(&joined, 0, sizeof joined);
    joined.allocator = x->arena->allocator;
    merge = llm__json_first(merges);
    for (i = 0; i < merges->length && status == LLM_OK; i++, merge = llm__json_next(merge)) {
        if (llm__json_is(merge, LLM__JSON_STRING) && merge->length >= 8 && memcmp(merge->as.text, "#version", 8) == 0)
            continue;
        status = llm__merge_add(x, &joined, merge, rank++, &made);
    }
    llm__text_free(&joined);
    return status;
}

static llm_status llm__model_bpe(const llm__words_reader *x, const llm__json *model) {
    llm__words *w = x->w;
    llm_status status = LLM_OK;
    const llm__json *dropout = llm__json_get(model, "dropout");
    double chance = 0;
    w->prefix = llm__words_string(x, model, "continuing_subword_prefix", &status);
    w->suffix = llm__words_string(x, model, "end_of_word_suffix", &status);
    w->unknown_text = llm__words_string(x, model, "unk_token", &status);
    w->fuse_unknown = llm__words_flag(x, model, "fuse_unk", 0, &status);
    w->ignore_merges = llm__words_flag(x, model, "ignore_merges", 0, &status);
    if (status != LLM_OK) return status;
    if (dropout && !llm__json_is(dropout, LLM__JSON_NULL) && !llm__json_float(dropout, &chance))
        return llm__words_wrong(x, "model.dropout", "a number");
    if (chance != 0)
        return llm__fail(x->error, LLM_UNSUPPORTED, "%s: model.dropout is not supported", x->file);
    return llm__merges_read(x, llm__json_get(model, "merges"));
}

static llm_status llm__model_unigram(const llm__words_reader *x, const llm__json *model) {
    const llm__json *unknown = llm__json_get(model, "unk_id");
    if (!unknown || llm__json_is(unknown, LLM__JSON_NULL)) return LLM_OK;
    if (!llm__json_id(unknown, &x->w->unknown) || x->w->unknown >= x->w->count)
        return llm__words_wrong(x, "model.unk_id", "an id of the vocabulary");
    return LLM_OK;
}

static llm_status llm__model_wordpiece(const llm__words_reader *x, const llm__json *model) {
    llm__words *w = x->w;
    llm_status status = LLM_OK;
    const llm__json *limit = llm__json_get(model, "max_input_chars_per_word");
    int32_t most = 100;
    w->unknown_text = llm__words_string(x, model, "unk_token", &status);
    w->prefix = llm__words_string(x, model, "continuing_subword_prefix", &status);
    if (limit && !llm__json_id(limit, &most)) return llm__words_wrong(x, "model.max_input_chars_per_word", "a number");
    if (most > LLM__MAX_WORD_CHARS)
        return llm__fail(x->error, LLM_TOO_LARGE, "%s: model.max_input_chars_per_word: %ld, at most %d are supported",
                         x->file, (long)most, LLM__MAX_WORD_CHARS);
    w->max_chars = most;
    return status;
}

/* Facts about the vocabulary that encoding wants at hand. */
static void llm__vocab_facts(llm__words *w) {
    static const char digits[] = "0123456789ABCDEF";
    char text[8];
    uint32_t i;
    for (i = 0; i < 256; i++) {
        memcpy(text, "<0x00>", 6);
        text[3] = digits[i >> 4];
        text[4] = digits[i & 15];
        w->bytes[i] = llm__model_id(w, text, 6);
    }
    for (i = 0; i < 512; i++) w->low[i] = llm__model_id(w, text, llm__char_put(i, text));
    if (w->model != LLM__MODEL_UNIGRAM && w->unknown_text.text)
        w->unknown = llm__model_id(w, w->unknown_text.text, w->unknown_text.bytes);
}

static int llm__model_kind(const llm__json *model) {
    static const char *const names[] = {"BPE", "Unigram", "WordPiece", "WordLevel"};
    const llm__json *type = llm__json_get(model, "type");
    int i;
    if (!type) { /* old files: told by their members */
        if (llm__json_get(model, "merges")) return LLM__MODEL_BPE;
        if (llm__json_is(llm__json_get(model, "vocab"), LLM__JSON_ARRAY)) return LLM__MODEL_UNIGRAM;
        return llm__json_get(model, "max_input_chars_per_word") ? LLM__MODEL_WORDPIECE : LLM__MODEL_WORDLEVEL;
    }
    for (i = 0; i < 4; i++)
        if (llm__json_text_is(type, names[i])) return i;
    return -1;
}

static llm_status llm__unsupported(const llm__words_reader *x, const char *where, const llm__json *step) {
    const llm__json *type = llm__json_get(step, "type");
    if (!type || !llm__json_is(type, LLM__JSON_STRING)) return llm__words_wrong(x, where, "an object with a type");
    return llm__fail(x->error, LLM_UNSUPPORTED, "%s: %s of type \"%.*s\" is not supported", x->file, where,
                     llm__shown(type->as.text, type->length), type->as.text);
}

static llm_status llm__model_read(const llm__words_reader *x, const llm__json *model, uint32_t added) {
    llm__words *w = x->w;
    const llm__json *vocab = llm__json_get(model, "vocab");
    llm_status status = LLM_OK;
    if (!model || !llm__json_is(model, LLM__JSON_OBJECT)) return llm__words_wrong(x, "model", "an object");
    w->model = llm__model_kind(model);
    w->unknown = -1;
    if (w->model < 0) return llm__unsupported(x, "model", model);
    if (!vocab || !llm__json_is(vocab, w->model == LLM__MODEL_UNIGRAM ? LLM__JSON_ARRAY : LLM__JSON_OBJECT))
        return llm__words_wrong(x, "model.vocab", w->model == LLM__MODEL_UNIGRAM ? "an array" : "an object");
    status = w->model == LLM__MODEL_UNIGRAM ? llm__vocab_array(x, vocab, added) : llm__vocab_object(x, vocab, added);
    w->byte_fallback = llm__words_flag(x, model, "byte_fallback", 0, &status);
    if (status == LLM_OK && w->model == LLM__MODEL_BPE) status = llm__model_bpe(x, model);
    if (status == LLM_OK && w->model == LLM__MODEL_UNIGRAM) status = llm__model_unigram(x, model);
    if (status == LLM_OK && w->model == LLM__MODEL_WORDPIECE) status = llm__model_wordpiece(x, model);
    if (status == LLM_OK && w->model == LLM__MODEL_WORDLEVEL)
        w->unknown_text = llm__words_string(x, model, "unk_token", &status);
    if (status == LLM_OK) llm__vocab_facts(w);
    return status;
}

/* ---- steps */

static const char llm__gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static llm_status llm__step_regex(const llm__words_reader *x, const char *where, llm__step *step, const char *pattern,
                                  size_t bytes) {
    const char *problem;
    step->regex = llm__regex_open(x->arena, pattern, bytes, &problem);
    if (step->regex) return LLM_OK;
    if (!problem) return llm__words_no_memory(x);
    return llm__fail(x->error, LLM_UNSUPPORTED, "%s: %s: the pattern \"%.*s%s\" %s", x->file, where,
                     llm__shown(pattern, bytes), pattern, bytes > 60 ? "..." : "", problem);
}

/* {"String": s} or {"Regex": s} */
static llm_status llm__step_pattern(const llm__words_reader *x, const char *where, llm__step *step,
                                    const llm__json *from) {
    const llm__json *pattern = llm__json_get(from, "pattern"), *s = llm__json_get(pattern, "String");
    if (s && llm__json_is(s, LLM__JSON_STRING)) {
        if (s->length > LLM__MAX_TOKEN_BYTES) return llm__words_too_long(x, where);
        step->pattern.text = s->as.text;
        step->pattern.bytes = s->length;
        return LLM_OK;
    }
    s = llm__json_get(pattern, "Regex");
    if (!s || !llm__json_is(s, LLM__JSON_STRING)) return llm__words_wrong(x, where, "a pattern, String or Regex");
    return llm__step_regex(x, where, step, s->as.text, s->length);
}

static llm_status llm__step_behavior(const llm__words_reader *x, llm__step *step, const llm__json *from,
                                     int otherwise) {
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const llm__json *v = llm__json_get(from, "behavior");
    int i;
    step->behavior = otherwise;
    if (!v && otherwise >= 0) return LLM_OK;
    for (i = 0; i < 5; i++)
        if (v && llm__json_text_is(v, names[i])) return step->behavior = i, LLM_OK;
    return llm__words_wrong(x, "pre_tokenizer.behavior",
                            "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

/* The members that Metaspace has as a pre-tokenizer and as a decoder. */
static llm_status llm__step_metaspace(const llm__words_reader *x, llm__step *step, const llm__json *from) {
    static const char *const names[] = {"always", "first", "never"};
    const llm__json *scheme = llm__json_get(from, "prepend_scheme");
    llm_status status = LLM_OK;
    int i, space = llm__words_flag(x, from, "add_prefix_space", 1, &status);
    uint32_t c;
    step->pattern = llm__words_string(x, from, "replacement", &status);
    if (status != LLM_OK) return status;
    if (!step->pattern.bytes || llm__char_get(step->pattern.text, &c) != step->pattern.bytes)
        return llm__words_wrong(x, "Metaspace.replacement", "one character");
    step->invert = llm__words_flag(x, from, "split", 1, &status); /* whether to split */
    step->prepend = LLM__PREPEND_ALWAYS;
    if (scheme) {
        for (i = 0; i < 3 && !llm__json_text_is(scheme, names[i]);) i++;
        if (i == 3) return llm__words_wrong(x, "Metaspace.prepend_scheme", "always, first or never");
        step->prepend = i;
    }
    if (!space && step->prepend != LLM__PREPEND_NEVER)
        return llm__words_wrong(x, "Metaspace.prepend_scheme", "never, since add_prefix_space is false");
    return status;
}

/* How many characters the decoder Strip takes away. */
static llm_status llm__step_counts(const llm__words_reader *x, llm__step *step, const llm__json *from) {
    int32_t start, stop;
    if (!llm__json_id(llm__json_get(from, "start"), &start) || !llm__json_id(llm__json_get(from, "stop"), &stop))
        return llm__words_wrong(x, "decoder.Strip", "start and stop");
    if (start > LLM__MAX_STRIP || stop > LLM__MAX_STRIP)
        return llm__fail(x->error, LLM_TOO_LARGE, "%s: decoder.Strip takes away more than %d characters", x->file,
                         LLM__MAX_STRIP);
    step->left = start;
    step->right = stop;
    return LLM_OK;
}

static int llm__base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* sentencepiece's table in base64: the size of a double array in bytes, the array, then texts that end with 0. */
static llm_status llm__step_precompiled(const llm__words_reader *x, llm__step *s, const llm__json *from) {
    static const char where[] = "normalizer.precompiled_charsmap";
    const llm__json *text = llm__json_get(from, "precompiled_charsmap");
    size_t i, n, count = 0, length;
    uint8_t *bytes;
    uint32_t *units, bits = 0, size;
    if (!llm__json_is(text, LLM__JSON_STRING)) return llm__words_wrong(x, where, "a string");
    length = text->length;
    bytes = (uint8_t *)llm__arena_alloc(x->arena, length / 4 * 3 + 8, 1);
    if (!bytes) return llm__words_no_memory(x);
    while (length && text->as.text[length - 1] == '=') length--;
    for (i = 0; i < length; i++) {
        int digit = llm__base64_digit(text->as.text[i]);
        if (digit < 0) return llm__words_wrong(x, where, "base64");
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4) bytes[count++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    size = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    if (count < 4 || size % 4 || !size || size > count - 4) return llm__words_wrong(x, where, "a table and texts");
    units = (uint32_t *)llm__arena_alloc(x->arena, size / 4, 4);
    if (!units) return llm__words_no_memory(x);
    for (i = 0; i < size; i++) units[i / 4] |= (uint32_t)bytes[4 + i] << 8 * (i % 4);
    s->units = units;
    s->unit_count = size / 4;
    s->content.text = (const char *)bytes + 4 + size;
    s->content.bytes = count - 4 - size;
    for (i = 0; i < s->content.bytes; i += n)
        if (llm__char_check(s->content.text + i, s->content.bytes - i, &n) != 1)
            return llm__words_wrong(x, where, "texts in UTF-8");
    return LLM_OK;
}

/* One component that is no sequence.  LLM_END: of no known type. */
static llm_status llm__normalizer_step(const llm__words_reader *x, const llm__json *from, const llm__json *type,
                                       llm__step *s) {
    static const struct {
        const char *name;
        int kind;
    } plain[] = {{"Lowercase", LLM__STEP_LOWERCASE}, {"NFC", LLM__STEP_NFC}, {"NFD", LLM__STEP_NFD},
                 {"NFKC", LLM__STEP_NFKC}, {"NFKD", LLM__STEP_NFKD}, {"StripAccents", LLM__STEP_STRIP_ACCENTS},
                 {"Nmt", LLM__STEP_NMT}, {"ByteLevel", LLM__STEP_BYTES}};
    llm_status status = LLM_OK;
    size_t i;
    for (i = 0; i < LLM__LENGTH(plain); i++)
        if (llm__json_text_is(type, plain[i].name)) return s->kind = plain[i].kind, LLM_OK;
    if (llm__json_text_is(type, "Prepend")) {
        s->kind = LLM__STEP_PREPEND;
        s->content = llm__words_string(x, from, "prepend", &status);
    } else if (llm__json_text_is(type, "Replace")) {
        s->kind = LLM__STEP_REPLACE;
        s->content = llm__words_string(x, from, "content", &status);
        if (status == LLM_OK) status = llm__step_pattern(x, "normalizer.Replace", s, from);
    } else if (llm__json_text_is(type, "Strip")) {
        s->kind = LLM__STEP_STRIP_SPACE;
        s->left = llm__words_flag(x, from, "strip_left", 1, &status);
        s->right = llm__words_flag(x, from, "strip_right", 1, &status);
    } else if (llm__json_text_is(type, "BertNormalizer")) {
        s->kind = LLM__STEP_BERT;
        s->clean = llm__words_flag(x, from, "clean_text", 1, &status);
        s->chinese = llm__words_flag(x, from, "handle_chinese_chars", 1, &status);
        s->lower = llm__words_flag(x, from, "lowercase", 1, &status);
        s->accents = llm__words_flag(x, from, "strip_accents", s->lower, &status);
    } else if (llm__json_text_is(type, "Precompiled")) {
        s->kind = LLM__STEP_PRECOMPILED;
        status = llm__step_precompiled(x, s, from);
    } else {
        return LLM_END;
    }
    return status;
}

static llm_status llm__splitter_step(const llm__words_reader *x, const llm__json *from, const llm__json *type,
                                     llm__step *s) {
    llm_status status = LLM_OK;
    if (llm__json_text_is(type, "ByteLevel")) {
        s->kind = LLM__STEP_BYTE_LEVEL;
        s->prepend = llm__words_flag(x, from, "add_prefix_space", 1, &status);
        if (llm__words_flag(x, from, "use_regex", 1, &status) && status == LLM_OK)
            status = llm__step_regex(x, "pre_tokenizer", s, llm__gpt2_pattern, sizeof llm__gpt2_pattern - 1);
    } else if (llm__json_text_is(type, "Split")) {
        s->kind = LLM__STEP_SPLIT;
        s->invert = llm__words_flag(x, from, "invert", 0, &status);
        if (status == LLM_OK) status = llm__step_behavior(x, s, from, -1);
        if (status == LLM_OK) status = llm__step_pattern(x, "pre_tokenizer.Split", s, from);
    } else if (llm__json_text_is(type, "Metaspace")) {
        s->kind = LLM__STEP_METASPACE;
        status = llm__step_metaspace(x, s, from);
    } else if (llm__json_text_is(type, "Digits")) {
        s->kind = LLM__STEP_DIGITS;
        s->behavior = llm__words_flag(x, from, "individual_digits", 0, &status) ? LLM__SPLIT_ISOLATED
                                                                                : LLM__SPLIT_CONTIGUOUS;
    } else if (llm__json_text_is(type, "Punctuation")) {
        s->kind = LLM__STEP_PUNCTUATION;
        status = llm__step_behavior(x, s, from, LLM__SPLIT_ISOLATED);
    } else if (llm__json_text_is(type, "Whitespace")) {
        s->kind = LLM__STEP_WHITESPACE;
    } else if (llm__json_text_is(type, "WhitespaceSplit")) {
        s->kind = LLM__STEP_WHITESPACE_SPLIT;
        s->behavior = LLM__SPLIT_REMOVED;
    } else if (llm__json_text_is(type, "CharDelimiterSplit")) {
        s->kind = LLM__STEP_SPLIT;
        s->behavior = LLM__SPLIT_REMOVED;
        s->pattern = llm__words_string(x, from, "delimiter", &status);
    } else {
        return LLM_END;
    }
    return status;
}

static llm_status llm__decoder_step(const llm__words_reader *x, const llm__json *from, const llm__json *type,
                                    llm__step *s) {
    llm_status status = LLM_OK;
    if (llm__json_text_is(type, "ByteLevel")) {
        s->kind = LLM__STEP_BYTES_TO_TEXT;
    } else if (llm__json_text_is(type, "Metaspace")) {
        s->kind = LLM__STEP_FROM_METASPACE;
        status = llm__step_metaspace(x, s, from);
    } else if (llm__json_text_is(type, "ByteFallback")) {
        s->kind = LLM__STEP_BYTE_FALLBACK;
    } else if (llm__json_text_is(type, "Fuse")) {
        s->kind = LLM__STEP_FUSE;
    } else if (llm__json_text_is(type, "Strip")) {
        uint32_t c;
        s->kind = LLM__STEP_STRIP;
        s->content = llm__words_string(x, from, "content", &status);
        if (status == LLM_OK) status = llm__step_counts(x, s, from);
        if (status == LLM_OK && (!s->content.bytes || llm__char_get(s->content.text, &c) != s->content.bytes))
            status = llm__words_wrong(x, "decoder.Strip.content", "one character");
    } else if (llm__json_text_is(type, "Replace")) {
        s->kind = LLM__STEP_REPLACE;
        s->content = llm__words_string(x, from, "content", &status);
        if (status == LLM_OK) status = llm__step_pattern(x, "decoder.Replace", s, from);
    } else if (llm__json_text_is(type, "WordPiece")) {
        s->kind = LLM__STEP_FROM_WORDPIECE;
        s->pattern = llm__words_string(x, from, "prefix", &status);
        s->cleanup = llm__words_flag(x, from, "cleanup", 1, &status);
    } else if (llm__json_text_is(type, "BPEDecoder")) {
        s->kind = LLM__STEP_FROM_SUFFIX;
        s->pattern = llm__words_string(x, from, "suffix", &status);
    } else {
        return LLM_END;
    }
    return status;
}

enum { LLM__STAGE_NORMALIZER, LLM__STAGE_SPLITTER, LLM__STAGE_DECODER };

static llm_status llm__step_add(const llm__words_reader *x, int stage, const llm__json *from, llm__steps *steps) {
    static const char *const stages[] = {"normalizer", "pre_tokenizer", "decoder"};
    const llm__json *type = llm__json_get(from, "type");
    llm__step *s;
    llm_status status;
    if (!type || !llm__json_is(type, LLM__JSON_STRING))
        return llm__words_wrong(x, stages[stage], "an object with a type");
    if (steps->count + 2 > LLM__MAX_STEPS)
        return llm__fail(x->error, LLM_TOO_LARGE, "%s: %s has more than %d steps", x->file, stages[stage],
                         LLM__MAX_STEPS - 1);
    if (stage == LLM__STAGE_SPLITTER && llm__json_text_is(type, "BertPreTokenizer")) { /* two steps in one */
        steps->items[steps->count++].kind = LLM__STEP_WHITESPACE_SPLIT;
        s = steps->items + steps->count++;
        s->kind = LLM__STEP_PUNCTUATION;
        s->behavior = LLM__SPLIT_ISOLATED;
        return LLM_OK;
    }
    s = steps->items + steps->count++;
    status = stage == LLM__STAGE_NORMALIZER ? llm__normalizer_step(x, from, type, s)
             : stage == LLM__STAGE_SPLITTER ? llm__splitter_step(x, from, type, s)
                                            : llm__decoder_step(x, from, type, s);
    return status == LLM_END ? llm__unsupported(x, stages[stage], from) : status;
}

/* A component, or a Sequence of them (of any depth: JSON's is limited), into an array of steps. */
static llm_status llm__steps_read(const llm__words_reader *x, int stage, const llm__json *from, llm__steps *steps) {
    static const char *const lists[] = {"normalizers", "pretokenizers", "decoders"};
    const llm__json *list, *item;
    uint32_t i;
    llm_status status = LLM_OK;
    if (!from || llm__json_is(from, LLM__JSON_NULL)) return LLM_OK;
    if (!steps->items) steps->items = (llm__step *)llm__arena_alloc(x->arena, LLM__MAX_STEPS, sizeof *steps->items);
    if (!steps->items) return llm__words_no_memory(x);
    if (!llm__json_text_is(llm__json_get(from, "type"), "Sequence")) return llm__step_add(x, stage, from, steps);
    list = llm__json_get(from, lists[stage]);
    if (!list || !llm__json_is(list, LLM__JSON_ARRAY)) return llm__words_wrong(x, lists[stage], "an array");
    item = llm__json_first(list);
    for (i = 0; i < list->length && status == LLM_OK; i++, item = llm__json_next(item))
        status = llm__steps_read(x, stage, item, steps);
    return status;
}

/* ---- post-processor: only what one text gets around it */

static llm_status llm__around_add(const llm__words_reader *x, int32_t **ids, size_t *count, const int32_t *more,
                                  size_t n, int in_front) {
    int32_t *all;
    if (*count + n > LLM__MAX_AROUND)
        return llm__fail(x->error, LLM_TOO_LARGE, "%s: post_processor adds more than %d tokens", x->file,
                         LLM__MAX_AROUND);
    all = (int32_t *)llm__arena_alloc(x->arena, *count + n + 1, sizeof *all);
    if (!all) return llm__words_no_memory(x);
    if (n) memcpy(in_front ? all : all + *count, more, n * sizeof *all);
    if (*count) memcpy(in_front ? all + n : all, *ids, *count * sizeof *all);
    *ids = all;
    *count += n;
    return LLM_OK;
}

/* The ids of one special token of a template, added to a list. */
static llm_status llm__template_token(const llm__words_reader *x, const llm__json *tokens, const llm__json *token,
                                      int32_t **ids, size_t *count) {
    const llm__json *name = llm__json_get(token, "id"), *list, *v;
    int32_t id;
    uint32_t i;
    llm_status status;
    if (!name || !llm__json_is(name, LLM__JSON_STRING))
        return llm__words_wrong(x, "post_processor.single", "SpecialToken.id, a string");
    list = llm__json_get(llm__json_get(tokens, name->as.text), "ids");
    if (!list || !llm__json_is(list, LLM__JSON_ARRAY))
        return llm__fail(x->error, LLM_BAD_FORMAT, "%s: post_processor.special_tokens[\"%.*s\"]: expected ids", x->file,
                         llm__shown(name->as.text, name->length), name->as.text);
    for (v = llm__json_first(list), i = 0; i < list->length; i++, v = llm__json_next(v)) {
        if (!llm__json_id(v, &id)) return llm__words_wrong(x, "post_processor.special_tokens", "ids");
        status = llm__around_add(x, ids, count, &id, 1, 0);
        if (status != LLM_OK) return status;
    }
    return LLM_OK;
}

static llm_status llm__template_read(const llm__words_reader *x, const llm__json *from) {
    const llm__json *single = llm__json_get(from, "single"), *tokens = llm__json_get(from, "special_tokens");
    const llm__json *item, *token;
    int32_t *list[2] = {NULL, NULL};
    size_t count[2] = {0, 0};
    uint32_t i;
    int side = 0;
    llm_status status = LLM_OK;
    if (!single || !llm__json_is(single, LLM__JSON_ARRAY))
        return llm__words_wrong(x, "post_processor.single", "an array");
    item = llm__json_first(single);
    for (i = 0; i < single->length && status == LLM_OK; i++, item = llm__json_next(item)) {
        token = llm__json_get(item, "SpecialToken");
        if (token) status = llm__template_token(x, tokens, token, &list[side], &count[side]);
        else if (llm__json_get(item, "Sequence") && !side) side = 1;
        else return llm__words_wrong(x, "post_processor.single", "special tokens around one sequence");
    }
    if (status == LLM_OK && !side) return llm__words_wrong(x, "post_processor.single", "one sequence");
    if (status == LLM_OK) status = llm__around_add(x, &x->w->before, &x->w->before_count, list[0], count[0], 1);
    if (status == LLM_OK) status = llm__around_add(x, &x->w->after, &x->w->after_count, list[1], count[1], 0);
    return status;
}

static llm_status llm__processor_read(const llm__words_reader *x, const llm__json *from) {
    const llm__json *type = llm__json_get(from, "type"), *list, *item;
    int32_t id;
    uint32_t i;
    llm_status status = LLM_OK;
    if (!from || llm__json_is(from, LLM__JSON_NULL) || llm__json_text_is(type, "ByteLevel")) return LLM_OK;
    if (llm__json_text_is(type, "TemplateProcessing")) return llm__template_read(x, from);
    if (llm__json_text_is(type, "BertProcessing") || llm__json_text_is(type, "RobertaProcessing")) {
        if (!llm__json_id(llm__json_at(llm__json_get(from, "cls"), 1), &id))
            return llm__words_wrong(x, "post_processor.cls", "[token, id]");
        status = llm__around_add(x, &x->w->before, &x->w->before_count, &id, 1, 1);
        if (status != LLM_OK) return status;
        if (!llm__json_id(llm__json_at(llm__json_get(from, "sep"), 1), &id))
            return llm__words_wrong(x, "post_processor.sep", "[token, id]");
        return llm__around_add(x, &x->w->after, &x->w->after_count, &id, 1, 0);
    }
    if (!llm__json_text_is(type, "Sequence")) return llm__unsupported(x, "post_processor", from);
    list = llm__json_get(from, "processors");
    if (!list || !llm__json_is(list, LLM__JSON_ARRAY))
        return llm__words_wrong(x, "post_processor.processors", "an array");
    item = llm__json_first(list);
    for (i = 0; i < list->length && status == LLM_OK; i++, item = llm__json_next(item))
        status = llm__processor_read(x, item);
    return status;
}

/* ---- normalizers: text in, text out */

/* A growable list of code points, for the normal forms. */
typedef struct llm__points {
    uint32_t *items;
    size_t count, capacity;
} llm__points;

/* Everything that one call of llm__words_encode works with. */
typedef struct llm__piece_span {
    size_t begin, bytes;
    int first; /* begins where the whole text begins */
} llm__piece_span;

typedef struct llm__pieces {
    llm__text text;
    llm__piece_span *spans;
    size_t count, capacity;
} llm__pieces;

typedef struct llm__symbol {
    int32_t id, previous, next; /* id -1: merged into its left neighbour */
} llm__symbol;

typedef struct llm__merge {
    uint32_t rank, at;
    int32_t id;
} llm__merge;

typedef struct llm__best {
    double score;
    size_t from; /* where the best path's last token begins; SIZE_MAX: not reached */
    int32_t id;
} llm__best;

typedef struct llm__encoder {
    const llm__words *w;
    const llm_allocator *allocator;
    llm_error *error;
    llm__matcher matcher;
    llm__text normal[2];
    llm__pieces pieces[2];
    llm__text word;
    llm__points points;
    llm__symbol *symbols;
    size_t symbol_count, symbol_capacity;
    llm__merge *heap;
    size_t heap_count, heap_capacity;
    llm__best *best;
    size_t best_capacity;
    int no_unknown; /* a piece is not in the vocabulary, which has no token for that */
    int32_t **ids;
    size_t *count, *capacity;
} llm__encoder;

static llm_status llm__encoder_failed(llm__encoder *x) {
    if (x->matcher.failed == 2)
        return llm__fail(x->error, LLM_TOO_LARGE, "%s: a pattern of the tokenizer takes too many steps on this text",
                         x->w->file);
    if (x->no_unknown)
        return llm__fail(x->error, LLM_BAD_FORMAT, "%s: the text needs the unknown token, which the vocabulary lacks",
                         x->w->file);
    return llm__fail(x->error, LLM_OUT_OF_MEMORY, "%s: out of memory while encoding", x->w->file);
}

static int llm__points_add(llm__points *p, const llm_allocator *a, uint32_t c) {
    void *items = p->items;
    if (p->count == p->capacity) {
        if (!llm__grow(a, &items, &p->capacity, p->count + 1, sizeof *p->items)) return 0;
        p->items = (uint32_t *)items;
    }
    p->items[p->count++] = c;
    return 1;
}

/* Canonical decomposition of c, at most four steps deep. */
static int llm__decompose(llm__points *p, const llm_allocator *a, uint32_t c) {
    uint32_t first, second;
    if (c >= 0xAC00 && c <= 0xD7A3) { /* Hangul: by arithmetic */
        uint32_t s = c - 0xAC00;
        if (!llm__points_add(p, a, 0x1100 + s / 588) || !llm__points_add(p, a, 0x1161 + s % 588 / 28)) return 0;
        return s % 28 == 0 || llm__points_add(p, a, 0x11A7 + s % 28);
    }
    if (!llm__decompose_once(c, &first, &second)) return llm__points_add(p, a, c);
    return llm__decompose(p, a, first) && (!second || llm__points_add(p, a, second));
}

/* Marks after a letter go by class, those of one class stay in order: an insertion sort over short runs... */
static void llm__points_order(llm__points *p) {
    size_t i = 0, j, k;
    while (i < p->count) {
        int sorted = 1;
        if (llm__combining(p->items[i]) == 0) { i++; continue; }
        for (j = i + 1; j < p->count && llm__combining(p->items[j]) != 0; j++)
            if (llm__combining(p->items[j - 1]) > llm__combining(p->items[j])) sorted = 0;
        if (!sorted && j - i > 64) { /* ...and a counting sort over long ones, which only attackers write */
            size_t counts[257] = {0};
            uint32_t *run = p->items + i, *copy = p->items + p->capacity - (j - i); /* reserved by llm__to_points */
            for (k = 0; k < j - i; k++) counts[llm__combining(run[k]) + 1]++;
            for (k = 1; k < 257; k++) counts[k] += counts[k - 1];
            memcpy(copy, run, (j - i) * sizeof *copy);
            for (k = 0; k < j - i; k++) run[counts[llm__combining(copy[k])]++] = copy[k];
        } else if (!sorted) {
            for (k = i + 1; k < j; k++) {
                uint32_t c = p->items[k];
                size_t to = k;
                for (; to > i && llm__combining(p->items[to - 1]) > llm__combining(c); to--)
                    p->items[to] = p->items[to - 1];
                p->items[to] = c;
            }
        }
        i = j;
    }
}

/* What two characters compose into, or 0. */
static uint32_t llm__compose_pair(const llm__words *w, uint32_t a, uint32_t b) {
    const llm__pair *pair;
    if (a >= 0x1100 && a < 0x1113 && b >= 0x1161 && b < 0x1176) return 0xAC00 + ((a - 0x1100) * 21 + (b - 0x1161)) * 28;
    if (a >= 0xAC00 && a <= 0xD7A3 && (a - 0xAC00) % 28 == 0 && b > 0x11A7 && b < 0x11C3) return a + (b - 0x11A7);
    pair = llm__pairs_find(&w->compositions, a, b);
    return pair ? pair->first : 0;
}

static void llm__points_compose(const llm__words *w, llm__points *p) {
    size_t i, n = 0, starter = SIZE_MAX;
    int last = 0; /* class of the last mark that stays behind the starter */
    for (i = 0; i < p->count; i++) {
        uint32_t c = p->items[i], joined = 0;
        int mark = llm__combining(c);
        if (starter != SIZE_MAX && (n == starter + 1 || (last != 0 && last < mark)))
            joined = llm__compose_pair(w, p->items[starter], c);
        if (joined) {
            p->items[starter] = joined;
            continue;
        }
        if (mark == 0) starter = n;
        last = mark;
        p->items[n++] = c;
    }
    p->count = n;
}

static int llm__to_points(llm__points *p, const llm_allocator *a, const char *text, size_t bytes, int compatible) {
    uint32_t c, full[18];
    size_t i;
    int k, n;
    for (p->count = 0, i = 0; i < bytes;) {
        i += llm__char_get(text + i, &c);
        n = compatible ? llm__decompose_compatible(c, full) : 0;
        for (k = 0; k < n; k++)
            if (!llm__points_add(p, a, full[k])) return 0;
        if (!n && !llm__decompose(p, a, c)) return 0;
    }
    i = p->count;
    while (p->count < 2 * i) /* room for sorting */
        if (!llm__points_add(p, a, 0)) return 0;
    p->count = i;
    return 1;
}

static int llm__is_ascii(const char *text, size_t bytes) {
    size_t i;
    for (i = 0; i < bytes; i++)
        if ((uint8_t)text[i] >= 0x80) return 0;
    return 1;
}

static int llm__normal_form(llm__encoder *x, int kind, const char *text, size_t bytes, llm__text *out) {
    size_t i;
    int compatible = kind == LLM__STEP_NFKC || kind == LLM__STEP_NFKD;
    if (llm__is_ascii(text, bytes)) return llm__text_add(out, text, bytes);
    if (!llm__to_points(&x->points, x->allocator, text, bytes, compatible)) return 0;
    llm__points_order(&x->points);
    if (kind == LLM__STEP_NFC || kind == LLM__STEP_NFKC) llm__points_compose(x->w, &x->points);
    for (i = 0; i < x->points.count; i++)
        if (!llm__text_add_char(out, x->points.items[i])) return 0;
    return 1;
}

/* The next place where a step's pattern, a string or a regex, is found. */
static int llm__step_find(llm__matcher *m, const llm__step *s, const char *text, size_t bytes, size_t from,
                          size_t *begin, size_t *end) {
    if (s->regex) return llm__regex_find(m, s->regex, text, bytes, from, begin, end);
    while (s->pattern.bytes && from + s->pattern.bytes <= bytes) {
        const char *at = (const char *)memchr(text + from, s->pattern.text[0], bytes - from - s->pattern.bytes + 1);
        if (!at) return 0;
        *begin = (size_t)(at - text);
        *end = *begin + s->pattern.bytes;
        if (memcmp(at, s->pattern.text, s->pattern.bytes) == 0) return 1;
        from = *begin + 1;
    }
    return 0;
}

/* All matches replaced.  An empty match right after another does not count, as in the reference.  What is put in counts
   as steps, so that a text cannot grow without bounds. */
static int llm__replace(llm__matcher *m, const llm__step *s, const char *text, size_t bytes, llm__text *out) {
    size_t from = 0, copied = 0, begin, end, last = SIZE_MAX;
    uint32_t c;
    while (from <= bytes && llm__step_find(m, s, text, bytes, from, &begin, &end)) {
        if (begin == end && end == last) {
            from = end + (end < bytes ? llm__char_get(text + end, &c) : 1);
            continue;
        }
        if (!llm__matcher_spend(m, 64 * s->content.bytes) || !llm__text_add(out, text + copied, begin - copied) ||
            !llm__text_add(out, s->content.text, s->content.bytes))
            return 0;
        from = copied = last = end;
    }
    return !m->failed && llm__text_add(out, text + copied, bytes - copied);
}

static int llm__lowercase(const char *text, size_t bytes, llm__text *out) {
    uint32_t c;
    size_t i;
    for (i = 0; i < bytes;) {
        i += llm__char_get(text + i, &c);
        if (c == 0x130) {
            if (!llm__text_add(out, "i\xCC\x87", 3)) return 0;
        } else if (!llm__text_add_char(out, llm__lower(c))) {
            return 0;
        }
    }
    return 1;
}

static int llm__is_chinese(uint32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
           (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x2F800 && c <= 0x2FA1F);
}

/* Nmt's and BertNormalizer's cleaning: 0 drops c, else what takes its place. */
static uint32_t llm__clean_nmt(uint32_t c) {
    if ((c >= 1 && c <= 8) || c == 11 || (c >= 14 && c <= 31) || c == 0x7F || c == 0x8F || c == 0x9F) return 0;
    if (c == 9 || c == 10 || c == 12 || c == 13 || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 ||
        c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD) return ' ';
    return c;
}

static uint32_t llm__clean_bert(uint32_t c) {
    int category;
    if (c == 9 || c == 10 || c == 13) return ' ';
    if (c == 0 || c == 0xFFFD) return 0;
    category = llm__category(c);
    if (category == LLM__CF) /* an older standard's */
        return c == 0x890 || c == 0x891 || c == 0x8E2 || c == 0x110CD || (c >= 0x13430 && c <= 0x1343F) ? c : 0;
    if (category == LLM__CC || category == LLM__CO) return 0;
    return llm__is_space(c) ? ' ' : c;
}

static int llm__bert(llm__encoder *x, const llm__step *s, const char *text, size_t bytes, llm__text *out) {
    llm__text one, two;
    uint32_t c, spot;
    size_t i;
    int good = 1;
    memset(&one, 0, sizeof one);
    one.allocator = *x->allocator;
    two = one;
    for (i = 0; i < bytes && good;) {
        i += llm__char_get(text + i, &c);
        spot = s->clean ? llm__clean_bert(c) : c;
        if (s->clean && !spot) continue;
        if (s->chinese && llm__is_chinese(spot))
            good = llm__text_add(&one, " ", 1) && llm__text_add_char(&one, spot) && llm__text_add(&one, " ", 1);
        else good = llm__text_add_char(&one, spot);
    }
    if (good && s->accents) {
        good = llm__normal_form(x, LLM__STEP_NFD, one.data, one.length, &two);
        one.length = 0;
        for (i = 0; i < two.length && good;) {
            i += llm__char_get(two.data + i, &c);
            if (!llm__is_accent(c)) good = llm__text_add_char(&one, c);
        }
    }
    if (good) good = s->lower ? llm__lowercase(one.data, one.length, out) : llm__text_add(out, one.data, one.length);
    llm__text_free(&one);
    llm__text_free(&two);
    return good;
}

/* A byte as the visible character that stands for it in byte-level vocabularies, and back (-1: none). */
static uint32_t llm__byte_to_char(uint8_t b) {
    if ((b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE) return b;
    if (b <= 0x20) return 0x100u + b;
    return b == 0xAD ? 0x143u : 0x121u + (b - 0x7Fu);
}

static int llm__char_to_byte(uint32_t c) {
    if ((c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xAC) || (c >= 0xAE && c <= 0xFF)) return (int)c;
    if (c >= 0x100 && c <= 0x120) return (int)(c - 0x100);
    if (c >= 0x121 && c <= 0x142) return (int)(c - 0x121 + 0x7F);
    return c == 0x143 ? 0xAD : -1;
}

static int llm__bytes_to_chars(const char *text, size_t bytes, llm__text *out) {
    size_t i;
    for (i = 0; i < bytes; i++)
        if (!llm__text_add_char(out, llm__byte_to_char((uint8_t)text[i]))) return 0;
    return 1;
}

static int llm__strip_space(const llm__step *s, const char *text, size_t bytes, llm__text *out) {
    size_t from = 0, n;
    uint32_t c;
    while (s->left && from < bytes) {
        n = llm__char_get(text + from, &c);
        if (!llm__is_space(c)) break;
        from += n;
    }
    while (s->right && bytes > from) {
        n = llm__char_before(text + bytes, &c);
        if (!llm__is_space(c)) break;
        bytes -= n;
    }
    return llm__text_add(out, text + from, bytes - from);
}

/* The text that the shortest rule at the beginning of `text` gives, or NULL.  A unit of the double array holds a label
   (bits 0..7 and 31), whether a value follows (bit 8), and an offset (from bit 10, times 256 with bit 9). */
static const char *llm__rule(const llm__step *s, const char *text, size_t bytes, size_t *length) {
    size_t i, at = 0;
    uint32_t unit = s->units[0];
    for (i = 0; i <= bytes; i++) {
        uint32_t value;
        const char *end;
        at ^= (size_t)(unit >> 10) << ((unit & 512) >> 6);
        if (i && (unit >> 8 & 1)) {
            value = at < s->unit_count ? s->units[at] & 0x7FFFFFFF : 0xFFFFFFFF;
            if (value >= s->content.bytes || ((uint8_t)s->content.text[value] & 0xC0) == 0x80) return NULL;
            end = (const char *)memchr(s->content.text + value, 0, s->content.bytes - value);
            *length = (end ? (size_t)(end - s->content.text) : s->content.bytes) - value;
            return s->content.text + value;
        }
        if (i == bytes || !text[i]) return NULL;
        at ^= (uint8_t)text[i];
        if (at >= s->unit_count) return NULL;
        unit = s->units[at];
        if ((unit & 0x800000FF) != (uint8_t)text[i]) return NULL;
    }
    return NULL;
}

/* Clusters of less than 6 bytes become what the shortest rule at their beginning says; else each character alone. */
static int llm__precompiled(const llm__step *s, const char *text, size_t bytes, llm__text *out) {
    size_t at = 0, end, n, length;
    uint32_t c, next;
    while (at < bytes) {
        const char *rule;
        for (end = at + llm__char_get(text + at, &c); end < bytes; c = next, end += n) {
            n = llm__char_get(text + end, &next);
            if (!llm__same_cluster(c, next)) break;
        }
        rule = end - at < 6 ? llm__rule(s, text + at, end - at, &length) : NULL;
        if (rule) {
            if (!llm__text_add(out, rule, length)) return 0;
            at = end;
        }
        for (; at < end; at += n) {
            n = llm__char_get(text + at, &c);
            rule = llm__rule(s, text + at, n, &length);
            if (!llm__text_add(out, rule ? rule : text + at, rule ? length : n)) return 0;
        }
    }
    return 1;
}

static int llm__normalize_step(llm__encoder *x, const llm__step *s, const char *text, size_t bytes, llm__text *out) {
    uint32_t c;
    size_t i;
    switch (s->kind) {
    case LLM__STEP_PREPEND:
        return (!bytes || llm__text_add(out, s->content.text, s->content.bytes)) && llm__text_add(out, text, bytes);
    case LLM__STEP_REPLACE: return llm__replace(&x->matcher, s, text, bytes, out);
    case LLM__STEP_LOWERCASE: return llm__lowercase(text, bytes, out);
    case LLM__STEP_STRIP_SPACE: return llm__strip_space(s, text, bytes, out);
    case LLM__STEP_BERT: return llm__bert(x, s, text, bytes, out);
    case LLM__STEP_BYTES: return llm__bytes_to_chars(text, bytes, out);
    case LLM__STEP_PRECOMPILED: return llm__precompiled(s, text, bytes, out);
    case LLM__STEP_STRIP_ACCENTS: case LLM__STEP_NMT:
        for (i = 0; i < bytes;) {
            i += llm__char_get(text + i, &c);
            if (s->kind == LLM__STEP_NMT) c = c ? llm__clean_nmt(c) : 0xFFFFFFFFu;
            else c = !c ? 0xFFFFFFFFu : llm__is_mark(c) ? 0 : c;
            if (c && !llm__text_add_char(out, c == 0xFFFFFFFFu ? 0 : c)) return 0;
        }
        return 1;
    default: return llm__normal_form(x, s->kind, text, bytes, out);
    }
}

/* All steps; the result lies in one of x->normal. */
static const llm__text *llm__normalize(llm__encoder *x, const char *text, size_t bytes) {
    int i, to = 0;
    x->normal[0].length = 0;
    if (!llm__text_add(&x->normal[0], text, bytes)) return NULL;
    for (i = 0; i < x->w->normalizer.count; i++) {
        const llm__text *from = &x->normal[to];
        to = !to;
        x->normal[to].length = 0;
        if (!llm__text_add(&x->normal[to], "", 0)) return NULL;
        if (!llm__normalize_step(x, x->w->normalizer.items + i, from->data, from->length, &x->normal[to])) return NULL;
    }
    return &x->normal[to];
}

/* ---- pre-tokenizers: pieces in, pieces out */

static int llm__piece_add(llm__encoder *x, llm__pieces *out, size_t begin, size_t bytes, int first) {
    llm__piece_span *span;
    void *spans = out->spans;
    if (!bytes) return 1;
    if (out->count == out->capacity) {
        if (!llm__grow(x->allocator, &spans, &out->capacity, out->count + 1, sizeof *out->spans)) return 0;
        out->spans = (llm__piece_span *)spans;
    }
    span = out->spans + out->count++;
    span->begin = begin;
    span->bytes = bytes;
    span->first = first;
    return 1;
}

/* Collects the stretches of a split, matching and not, and joins them as the behavior says. */
typedef struct llm__splitter {
    llm__encoder *x;
    llm__pieces *out;
    size_t base;       /* where the piece begins in the text */
    int behavior, first, previous;
    size_t mark, open; /* the stretch that may still grow: [mark, open) */
    int pending;
} llm__splitter;

static int llm__split_flush(llm__splitter *s) {
    int pending = s->pending;
    s->pending = 0;
    if (!pending) return 1;
    return llm__piece_add(s->x, s->out, s->base + s->mark, s->open - s->mark, s->first && s->mark == 0);
}

/* The next stretch [begin, end). */
static int llm__split_add(llm__splitter *s, size_t begin, size_t end, int match) {
    int join = 0;
    switch (s->behavior) {
    case LLM__SPLIT_REMOVED:
        if (match) return 1;
        break;
    case LLM__SPLIT_PREVIOUS: join = match && !s->previous; break;
    case LLM__SPLIT_CONTIGUOUS: join = match == s->previous; break;
    case LLM__SPLIT_NEXT: join = s->previous && !match; break; /* a match, then what it joins */
    default: break;
    }
    s->previous = match;
    if (join && s->pending) {
        s->open = end;
        return 1;
    }
    if (!llm__split_flush(s)) return 0;
    s->mark = begin;
    s->open = end;
    s->pending = 1;
    return 1;
}

/* Whether one character is a delimiter of a step that splits at characters. */
static int llm__is_delimiter(int kind, uint32_t c) {
    if (kind == LLM__STEP_DIGITS) return llm__is_numeric(c);
    if (kind == LLM__STEP_PUNCTUATION) return llm__is_punctuation(c);
    return llm__is_space(c);
}

static int llm__split_chars(llm__splitter *s, int kind, const char *text, size_t bytes) {
    size_t i = 0, n, from = 0;
    uint32_t c;
    for (; i < bytes; i += n) {
        n = llm__char_get(text + i, &c);
        if (!llm__is_delimiter(kind, c)) continue;
        if ((from < i && !llm__split_add(s, from, i, 0)) || !llm__split_add(s, i, i + n, 1)) return 0;
        from = i + n;
    }
    return (from == bytes || llm__split_add(s, from, bytes, 0)) && llm__split_flush(s);
}

/* Runs of word characters and runs of what is neither word nor space. */
static int llm__split_words(llm__splitter *s, const char *text, size_t bytes) {
    size_t i = 0, from = 0, n;
    uint32_t c;
    int kind, last = -1;
    for (; i < bytes; i += n) {
        n = llm__char_get(text + i, &c);
        kind = llm__is_space(c) ? -1 : llm__is_plain_word(c);
        if (kind == last) continue;
        if (last >= 0 && !llm__split_add(s, from, i, 0)) return 0;
        from = i;
        last = kind;
    }
    return (last < 0 || llm__split_add(s, from, bytes, 0)) && llm__split_flush(s);
}

static int llm__split_pattern(llm__splitter *s, const llm__step *step, const char *text, size_t bytes) {
    llm__matcher *m = &s->x->matcher;
    size_t from = 0, done = 0, begin, end, last = SIZE_MAX;
    uint32_t c;
    while (from <= bytes && llm__step_find(m, step, text, bytes, from, &begin, &end)) {
        if (begin == end && end == last) {
            from = end + (end < bytes ? llm__char_get(text + end, &c) : 1);
            continue;
        }
        if (done < begin && !llm__split_add(s, done, begin, step->invert)) return 0;
        if (!llm__split_add(s, begin, end, !step->invert)) return 0;
        from = done = last = end;
    }
    if (m->failed) return 0;
    return (done == bytes || llm__split_add(s, done, bytes, step->invert)) && llm__split_flush(s);
}

static llm__splitter llm__splitter_start(llm__encoder *x, llm__pieces *out, size_t base, int behavior, int first) {
    llm__splitter s;
    memset(&s, 0, sizeof s);
    s.x = x;
    s.out = out;
    s.base = base;
    s.behavior = behavior;
    s.first = first;
    return s;
}

/* ByteLevel: a space in front, the pattern, and bytes as characters. */
static int llm__byte_level_piece(llm__encoder *x, const llm__step *step, const char *text, const llm__piece_span *span,
                                 llm__pieces *out) {
    llm__pieces cut;
    size_t i, n = span->bytes;
    llm__splitter s;
    const char *piece = text + span->begin;
    int good = 1;
    if (step->prepend && piece[0] != ' ') {
        x->word.length = 0;
        if (!llm__text_add(&x->word, " ", 1) || !llm__text_add(&x->word, piece, n)) return 0;
        piece = x->word.data;
        n++;
    }
    if (!step->regex) {
        size_t begin = out->text.length;
        return llm__bytes_to_chars(piece, n, &out->text) &&
               llm__piece_add(x, out, begin, out->text.length - begin, span->first);
    }
    memset(&cut, 0, sizeof cut);
    s = llm__splitter_start(x, &cut, 0, LLM__SPLIT_ISOLATED, span->first);
    good = llm__split_pattern(&s, step, piece, n);
    for (i = 0; i < cut.count && good; i++) {
        size_t begin = out->text.length;
        good = llm__bytes_to_chars(piece + cut.spans[i].begin, cut.spans[i].bytes, &out->text) &&
               llm__piece_add(x, out, begin, out->text.length - begin, cut.spans[i].first);
    }
    llm__free(x->allocator, cut.spans, cut.capacity * sizeof *cut.spans);
    return good;
}

/* Metaspace: space becomes the mark, a mark in front, and a cut before every mark. */
static int llm__metaspace_piece(llm__encoder *x, const llm__step *step, const char *text, const llm__piece_span *span,
                                llm__pieces *out) {
    const llm__string *mark = &step->pattern;
    const char *piece = text + span->begin, *stop = piece + span->bytes;
    size_t begin = out->text.length;
    llm__step cut;
    llm__splitter s;
    int marked = piece[0] == ' ' || (span->bytes >= mark->bytes && memcmp(piece, mark->text, mark->bytes) == 0);
    int wanted = step->prepend == LLM__PREPEND_ALWAYS || (step->prepend == LLM__PREPEND_FIRST && span->first);
    if (wanted && !marked && !llm__text_add(&out->text, mark->text, mark->bytes)) return 0;
    while (piece < stop) {
        const char *space = (const char *)memchr(piece, ' ', (size_t)(stop - piece));
        const char *to = space ? space : stop;
        if (!llm__text_add(&out->text, piece, (size_t)(to - piece))) return 0;
        if (space && !llm__text_add(&out->text, mark->text, mark->bytes)) return 0;
        piece = space ? space + 1 : stop;
    }
    if (!step->invert) return llm__piece_add(x, out, begin, out->text.length - begin, span->first);
    memset(&cut, 0, sizeof cut);
    cut.pattern = *mark;
    s = llm__splitter_start(x, out, begin, LLM__SPLIT_NEXT, span->first);
    return llm__split_pattern(&s, &cut, out->text.data + begin, out->text.length - begin);
}

/* One step over one piece. */
static int llm__split_piece(llm__encoder *x, const llm__step *step, const char *text, const llm__piece_span *span,
                            llm__pieces *out) {
    llm__splitter s;
    size_t base = out->text.length;
    if (step->kind == LLM__STEP_BYTE_LEVEL) return llm__byte_level_piece(x, step, text, span, out);
    if (step->kind == LLM__STEP_METASPACE) return llm__metaspace_piece(x, step, text, span, out);
    if (!llm__text_add(&out->text, text + span->begin, span->bytes)) return 0;
    s = llm__splitter_start(x, out, base, step->behavior, span->first);
    if (step->kind == LLM__STEP_WHITESPACE) return llm__split_words(&s, text + span->begin, span->bytes);
    if (step->kind == LLM__STEP_SPLIT) return llm__split_pattern(&s, step, text + span->begin, span->bytes);
    return llm__split_chars(&s, step->kind, text + span->begin, span->bytes);
}

/* All steps over one stretch; the result lies in one of x->pieces. */
static const llm__pieces *llm__split(llm__encoder *x, const char *text, size_t bytes, int first) {
    llm__pieces *from, *to = &x->pieces[0];
    size_t i;
    int k;
    to->text.length = to->count = 0;
    if (!llm__text_add(&to->text, text, bytes) || !llm__piece_add(x, to, 0, bytes, first)) return NULL;
    for (k = 0; k < x->w->splitter.count; k++) {
        from = to;
        to = &x->pieces[from == &x->pieces[0]];
        to->text.length = to->count = 0;
        if (!llm__text_add(&to->text, "", 0)) return NULL;
        for (i = 0; i < from->count; i++)
            if (!llm__split_piece(x, x->w->splitter.items + k, from->text.data, from->spans + i, to)) return NULL;
    }
    return to;
}

/* ---- models: a piece becomes ids */

static int llm__id_add(llm__encoder *x, int32_t id) {
    void *ids = *x->ids;
    if (id < 0) return x->no_unknown = 1, 0;
    if (*x->count == *x->capacity) {
        if (!llm__grow(x->allocator, &ids, x->capacity, *x->count + 1, sizeof **x->ids)) return 0;
        *x->ids = (int32_t *)ids;
    }
    (*x->ids)[(*x->count)++] = id;
    return 1;
}

static int llm__symbol_add(llm__encoder *x, int32_t id) {
    void *symbols = x->symbols;
    llm__symbol *s;
    if (x->symbol_count >= 0x7FFFFFFF) return 0;
    if (x->symbol_count == x->symbol_capacity) {
        if (!llm__grow(x->allocator, &symbols, &x->symbol_capacity, x->symbol_count + 1, sizeof *x->symbols)) return 0;
        x->symbols = (llm__symbol *)symbols;
    }
    s = x->symbols + x->symbol_count;
    s->id = id;
    s->previous = (int32_t)x->symbol_count - 1;
    s->next = -1;
    if (x->symbol_count) x->symbols[x->symbol_count - 1].next = (int32_t)x->symbol_count;
    x->symbol_count++;
    return 1;
}

static int llm__merge_before(const llm__merge *a, const llm__merge *b) {
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

/* Puts the merge of the symbol at `at` with its right neighbour on the heap, if there is one. */
static int llm__heap_push(llm__encoder *x, int32_t at) {
    const llm__symbol *left = x->symbols + at;
    const llm__pair *pair;
    llm__merge merge;
    void *heap = x->heap;
    size_t i;
    if (at < 0 || left->next < 0) return 1;
    pair = llm__pairs_find(&x->w->merges, (uint32_t)left->id, (uint32_t)x->symbols[left->next].id);
    if (!pair) return 1;
    if (x->heap_count == x->heap_capacity) {
        if (!llm__grow(x->allocator, &heap, &x->heap_capacity, x->heap_count + 1, sizeof *x->heap)) return 0;
        x->heap = (llm__merge *)heap;
    }
    merge.rank = pair->first;
    merge.id = (int32_t)pair->second;
    merge.at = (uint32_t)at;
    for (i = x->heap_count++; i && llm__merge_before(&merge, &x->heap[(i - 1) / 2]); i = (i - 1) / 2)
        x->heap[i] = x->heap[(i - 1) / 2];
    x->heap[i] = merge;
    return 1;
}

static llm__merge llm__heap_pop(llm__encoder *x) {
    llm__merge top = x->heap[0], last = x->heap[--x->heap_count];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < x->heap_count) {
        if (child + 1 < x->heap_count && llm__merge_before(&x->heap[child + 1], &x->heap[child])) child++;
        if (!llm__merge_before(&x->heap[child], &last)) break;
        x->heap[i] = x->heap[child];
        i = child;
    }
    x->heap[i] = last;
    return top;
}

/* Applies merges, lowest rank first, leftmost first, until none is left.  The heap keeps merges that have become
   impossible; they are recognized when they come up. */
static int llm__merge_all(llm__encoder *x) {
    size_t i;
    x->heap_count = 0;
    for (i = 0; i + 1 < x->symbol_count; i++)
        if (!llm__heap_push(x, (int32_t)i)) return 0;
    while (x->heap_count) {
        llm__merge merge = llm__heap_pop(x);
        llm__symbol *left = x->symbols + merge.at, *right;
        const llm__pair *pair;
        if (left->id < 0 || left->next < 0) continue;
        right = x->symbols + left->next;
        pair = llm__pairs_find(&x->w->merges, (uint32_t)left->id, (uint32_t)right->id);
        if (!pair || pair->second != (uint32_t)merge.id) continue;
        left->id = merge.id;
        left->next = right->next;
        right->id = -1;
        if (left->next >= 0) x->symbols[left->next].previous = (int32_t)merge.at;
        if (!llm__heap_push(x, left->previous) || !llm__heap_push(x, (int32_t)merge.at)) return 0;
    }
    return 1;
}

/* The id of one character with what the model puts around it, or -1; *text and *bytes are what was looked up. */
static int32_t llm__char_id(llm__encoder *x, const char *c, size_t n, int first, int last, const char **text,
                            size_t *bytes) {
    const llm__words *w = x->w;
    uint32_t point;
    size_t prefix = first ? 0 : w->prefix.bytes, suffix = last ? w->suffix.bytes : 0;
    *text = c;
    *bytes = n;
    if (!prefix && !suffix) {
        llm__char_get(c, &point);
        return point < 512 ? w->low[point] : llm__model_id(w, c, n);
    }
    x->word.length = 0;
    if (!llm__text_add(&x->word, w->prefix.text, prefix) || !llm__text_add(&x->word, c, n) ||
        !llm__text_add(&x->word, w->suffix.text, suffix)) return -1;
    *text = x->word.data;
    *bytes = x->word.length;
    return llm__model_id(w, x->word.data, x->word.length);
}

/* Whether every byte has a token: then they are added in place of an unknown character. */
static int llm__bytes_add(llm__encoder *x, const char *text, size_t bytes, int *added) {
    size_t i;
    *added = 0;
    for (i = 0; i < bytes; i++)
        if (x->w->bytes[(uint8_t)text[i]] < 0) return 1;
    for (i = 0; i < bytes; i++)
        if (!llm__symbol_add(x, x->w->bytes[(uint8_t)text[i]])) return 0;
    *added = 1;
    return 1;
}

static int llm__encode_bpe(llm__encoder *x, const char *piece, size_t bytes) {
    const llm__words *w = x->w;
    size_t i, n, length;
    int unknown = 0, added; /* unknown: one is held back, to be fused with the next */
    const char *text;
    uint32_t c;
    if (w->ignore_merges) {
        int32_t id = llm__model_id(w, piece, bytes);
        if (id >= 0) return llm__id_add(x, id);
    }
    x->symbol_count = 0;
    for (i = 0; i < bytes; i += n) {
        int32_t id;
        n = llm__char_get(piece + i, &c);
        id = llm__char_id(x, piece + i, n, i == 0, i + n == bytes, &text, &length);
        if (x->word.failed) return 0;
        if (id >= 0) {
            if (unknown && !llm__symbol_add(x, w->unknown)) return 0;
            unknown = 0;
            if (!llm__symbol_add(x, id)) return 0;
            continue;
        }
        if (w->byte_fallback) {
            if (!llm__bytes_add(x, text, length, &added)) return 0;
            if (added) continue;
        }
        if (!w->unknown_text.text) continue;
        if (w->unknown < 0) return x->no_unknown = 1, 0;
        if (unknown && !w->fuse_unknown && !llm__symbol_add(x, w->unknown)) return 0;
        unknown = 1;
    }
    if (unknown && !llm__symbol_add(x, w->unknown)) return 0;
    if (!llm__merge_all(x)) return 0;
    for (i = 0; i < x->symbol_count; i++)
        if (x->symbols[i].id >= 0 && !llm__id_add(x, x->symbols[i].id)) return 0;
    return 1;
}

/* Tokens that begin at `at` improve the paths to where they end. */
static void llm__unigram_reach(llm__encoder *x, const char *piece, size_t bytes, size_t at, size_t char_bytes) {
    const llm__words *w = x->w;
    double here = x->best[at].score;
    uint32_t node = 1;
    size_t i;
    int alone = 0; /* whether the single character is a token */
    for (i = at; i < bytes; i++) {
        const llm__pair *edge = llm__pairs_find(&w->tree.edges, node, (uint8_t)piece[i]);
        llm__best *to = x->best + i + 1;
        if (!edge) break;
        node = edge->first;
        if (!edge->second) continue;
        if (to->from == SIZE_MAX || here + w->scores[edge->second - 1] > to->score) {
            to->score = here + w->scores[edge->second - 1];
            to->from = at;
            to->id = (int32_t)edge->second - 1;
        }
        if (i + 1 - at == char_bytes) alone = 1;
    }
    if (!alone) {
        llm__best *to = x->best + at + char_bytes;
        if (to->from != SIZE_MAX && here + w->unknown_score <= to->score) return;
        to->score = here + w->unknown_score;
        to->from = at;
        to->id = w->unknown;
    }
}

/* The ids of [from, to): a token, or an unknown run as one token or as bytes. */
static int llm__unigram_emit(llm__encoder *x, const char *text, size_t bytes) {
    const llm__words *w = x->w;
    int32_t id = llm__model_id(w, text, bytes);
    size_t i;
    if (id < 0 && w->byte_fallback) {
        for (i = 0; i < bytes && w->bytes[(uint8_t)text[i]] >= 0;) i++;
        if (i == bytes) {
            for (i = 0; i < bytes; i++)
                if (!llm__id_add(x, w->bytes[(uint8_t)text[i]])) return 0;
            return 1;
        }
    }
    return llm__id_add(x, id < 0 ? w->unknown : id);
}

static int llm__encode_unigram(llm__encoder *x, const char *piece, size_t bytes) {
    const llm__words *w = x->w;
    void *best = x->best;
    size_t i, n, end, start;
    uint32_t c;
    if (bytes >= 0x7FFFFFFF) return 0; /* a symbol could not say where it begins */
    if (!llm__grow(x->allocator, &best, &x->best_capacity, bytes + 1, sizeof *x->best)) return 0;
    x->best = (llm__best *)best;
    for (i = 0; i <= bytes; i++) x->best[i].from = SIZE_MAX;
    x->best[0].score = 0;
    for (i = 0; i < bytes; i += n) {
        n = llm__char_get(piece + i, &c);
        llm__unigram_reach(x, piece, bytes, i, n);
    }
    x->symbol_count = 0;
    for (end = bytes; end; end = start) { /* the best path, from its end */
        start = x->best[end].from;
        if (!llm__symbol_add(x, x->best[end].id)) return 0;
        x->symbols[x->symbol_count - 1].previous = (int32_t)start;
    }
    for (i = x->symbol_count; i > 0; i = n) {
        start = (size_t)x->symbols[i - 1].previous;
        for (n = i - 1; n > 0 && x->symbols[i - 1].id == w->unknown && x->symbols[n - 1].id == w->unknown;) n--;
        end = n ? (size_t)x->symbols[n - 1].previous : bytes;
        if (!llm__unigram_emit(x, piece + start, end - start)) return 0;
    }
    return 1;
}

/* Where the longest token that could begin at `start` ends. */
static size_t llm__piece_end(const llm__words *w, const char *piece, size_t bytes, size_t start) {
    if (bytes - start <= w->longest) return bytes;
    for (bytes = start + w->longest; ((uint8_t)piece[bytes] & 0xC0) == 0x80;) bytes--;
    return bytes;
}

/* Longest match first; one piece that is not there makes the whole word unknown. */
static int llm__encode_wordpiece(llm__encoder *x, const char *piece, size_t bytes) {
    const llm__words *w = x->w;
    size_t i, n, start = 0, end, kept = *x->count;
    uint32_t c;
    int chars = 0;
    for (i = 0; i < bytes; chars++) i += llm__char_get(piece + i, &c);
    if (chars > w->max_chars) return llm__id_add(x, w->unknown);
    while (start < bytes) {
        int32_t id = -1;
        for (end = llm__piece_end(w, piece, bytes, start); end > start && id < 0; end -= n) {
            n = 0;
            x->word.length = 0;
            if (start && !llm__text_add(&x->word, w->prefix.text, w->prefix.bytes)) return 0;
            if (!llm__text_add(&x->word, piece + start, end - start)) return 0;
            id = llm__model_id(w, x->word.data, x->word.length);
            if (id < 0) n = llm__char_before(piece + end, &c);
        }
        if (id < 0) {
            *x->count = kept;
            return llm__id_add(x, w->unknown);
        }
        if (!llm__id_add(x, id)) return 0;
        start = end;
    }
    return 1;
}

static int llm__encode_piece(llm__encoder *x, const char *piece, size_t bytes) {
    int32_t id;
    switch (x->w->model) {
    case LLM__MODEL_BPE: return llm__encode_bpe(x, piece, bytes);
    case LLM__MODEL_UNIGRAM: return llm__encode_unigram(x, piece, bytes);
    case LLM__MODEL_WORDPIECE: return llm__encode_wordpiece(x, piece, bytes);
    default: break;
    }
    id = llm__model_id(x->w, piece, bytes);
    return llm__id_add(x, id < 0 ? x->w->unknown : id);
}

/* ---- added tokens and the whole way */

/* Walks over the added tokens of a text. */
typedef struct llm__added_scan {
    const llm__trie *trie;
    const char *text;
    size_t bytes, at; /* at: where the search goes on */
    size_t done;      /* what lies before is dealt with */
    size_t white;     /* where the white space after the last token that took it ends */
} llm__added_scan;

/* White space that an added token takes with it on its sides: each stretch of it is looked at once, however many
   tokens stand in it. */
static size_t llm__space_before(const llm__added_scan *s, size_t at) {
    uint32_t c;
    while (at > s->done) {
        size_t n = llm__char_before(s->text + at, &c);
        if (!llm__is_space(c)) break;
        at -= n;
    }
    return at > s->done ? at : s->done;
}

static size_t llm__space_after(llm__added_scan *s, size_t at) {
    uint32_t c;
    if (at < s->white) return s->white;
    for (s->white = at; s->white < s->bytes;) {
        size_t n = llm__char_get(s->text + s->white, &c);
        if (!llm__is_space(c)) break;
        s->white += n;
    }
    return s->white;
}

static int llm__is_alone(const char *text, size_t bytes, size_t begin, size_t end) {
    uint32_t c;
    if (begin) {
        llm__char_before(text + begin, &c);
        if (llm__is_plain_word(c)) return 0;
    }
    if (end == bytes) return 1;
    llm__char_get(text + end, &c);
    return !llm__is_plain_word(c);
}

/* The next added token: its index, and what it covers.  -1: there is none. */
static int llm__added_next(const llm__words *w, llm__added_scan *s, size_t *begin, size_t *end) {
    for (; s->at < s->bytes && s->trie->nodes; s->at++) {
        uint32_t index = 0;
        size_t n = llm__trie_longest(s->trie, s->text + s->at, s->bytes - s->at, &index);
        const llm__added *token = w->added + index;
        if (!n) continue;
        *begin = s->at;
        *end = s->at + n;
        s->at += n - 1;
        if (token->single_word && !llm__is_alone(s->text, s->bytes, *begin, *end)) continue;
        if (token->lstrip) *begin = llm__space_before(s, *begin);
        if (token->rstrip) *end = llm__space_after(s, *end);
        s->at++;
        return (int)index;
    }
    return -1;
}

/* A stretch without added tokens. */
static int llm__encode_stretch(llm__encoder *x, const char *text, size_t bytes, int first) {
    const llm__pieces *pieces = bytes ? llm__split(x, text, bytes, first) : NULL;
    size_t i;
    if (!bytes) return 1;
    if (!pieces) return 0;
    for (i = 0; i < pieces->count; i++)
        if (!llm__encode_piece(x, pieces->text.data + pieces->spans[i].begin, pieces->spans[i].bytes)) return 0;
    return 1;
}

static llm__added_scan llm__added_start(const llm__trie *trie, const char *text, size_t bytes) {
    llm__added_scan s;
    memset(&s, 0, sizeof s);
    s.trie = trie;
    s.text = text;
    s.bytes = bytes;
    return s;
}

/* Normalizes a stretch, then takes out the added tokens that are looked for in normalized text. */
static int llm__encode_raw(llm__encoder *x, const char *text, size_t bytes, int first) {
    const llm__text *normal;
    llm__added_scan s;
    size_t begin, end;
    int index;
    if (!bytes) return 1;
    normal = llm__normalize(x, text, bytes);
    if (!normal) return 0;
    s = llm__added_start(&x->w->normalized, normal->data, normal->length);
    while ((index = llm__added_next(x->w, &s, &begin, &end)) >= 0) {
        if (s.done < begin && !llm__encode_stretch(x, normal->data + s.done, begin - s.done, first && !s.done))
            return 0;
        if (!llm__id_add(x, x->w->added[index].id)) return 0;
        s.done = end;
    }
    return s.done >= s.bytes || llm__encode_stretch(x, normal->data + s.done, s.bytes - s.done, first && !s.done);
}

static int llm__encode_text(llm__encoder *x, const char *text, size_t bytes) {
    llm__added_scan s = llm__added_start(&x->w->plain, text, bytes);
    size_t begin, end;
    int index;
    while ((index = llm__added_next(x->w, &s, &begin, &end)) >= 0) {
        if (s.done < begin && !llm__encode_raw(x, text + s.done, begin - s.done, !s.done)) return 0;
        if (!llm__id_add(x, x->w->added[index].id)) return 0;
        s.done = end;
    }
    return s.done >= bytes || llm__encode_raw(x, text + s.done, bytes - s.done, !s.done);
}

static void llm__encoder_open(llm__encoder *x, const llm__words *w, const llm_allocator *a, llm_error *e) {
    memset(x, 0, sizeof *x);
    x->w = w;
    x->allocator = a;
    x->error = e;
    llm__matcher_open(&x->matcher, *a);
    x->normal[0].allocator = x->normal[1].allocator = x->word.allocator = *a;
    x->pieces[0].text.allocator = x->pieces[1].text.allocator = *a;
}

static void llm__encoder_close(llm__encoder *x) {
    int i;
    for (i = 0; i < 2; i++) {
        llm__text_free(&x->normal[i]);
        llm__text_free(&x->pieces[i].text);
        llm__free(x->allocator, x->pieces[i].spans, x->pieces[i].capacity * sizeof *x->pieces[i].spans);
    }
    llm__text_free(&x->word);
    llm__matcher_close(&x->matcher);
    llm__free(x->allocator, x->points.items, x->points.capacity * sizeof *x->points.items);
    llm__free(x->allocator, x->symbols, x->symbol_capacity * sizeof *x->symbols);
    llm__free(x->allocator, x->heap, x->heap_capacity * sizeof *x->heap);
    llm__free(x->allocator, x->best, x->best_capacity * sizeof *x->best);
}

/* Copies text with every broken sequence replaced by U+FFFD.  *clean: text was valid, nothing was copied. */
static int llm__repair(const char *text, size_t bytes, llm__text *out, int *clean) {
    size_t i, n, copied = 0;
    *clean = 1;
    for (i = 0; i < bytes; i += n) {
        if (llm__char_check(text + i, bytes - i, &n) == 1) continue;
        *clean = 0;
        if (!llm__text_add(out, text + copied, i - copied) || !llm__text_add(out, "\xEF\xBF\xBD", 3)) return 0;
        copied = i + n;
    }
    return *clean || llm__text_add(out, text + copied, bytes - copied);
}

/* Text to ids, appended to a growable array.  add_special: with what the post-processor puts around a text.  On failure
   the array holds what it held before. */
LLM__FN llm_status llm__words_encode(const llm__words *w, const llm_allocator *a, const char *text, size_t bytes,
                                     int add_special, int32_t **ids, size_t *count, size_t *capacity, llm_error *e) {
    llm__encoder x;
    llm__text repaired;
    size_t i, kept = *count;
    int good, clean = 1;
    llm_status status = LLM_OK;
    if (bytes > 0x10000000)
        return llm__fail(e, LLM_TOO_LARGE, "a text of %llu bytes; the tokenizer takes 268435456",
                         (unsigned long long)bytes);
    memset(&repaired, 0, sizeof repaired);
    repaired.allocator = *a;
    llm__encoder_open(&x, w, a, e);
    x.ids = ids;
    x.count = count;
    x.capacity = capacity;
    llm__matcher_allow(&x.matcher, bytes);
    good = llm__repair(text, bytes, &repaired, &clean);
    for (i = 0; good && add_special && i < w->before_count; i++) good = llm__id_add(&x, w->before[i]);
    if (good) good = llm__encode_text(&x, clean ? text : repaired.data, clean ? bytes : repaired.length);
    for (i = 0; good && add_special && i < w->after_count; i++) good = llm__id_add(&x, w->after[i]);
    if (!good) {
        status = llm__encoder_failed(&x);
        *count = kept;
    }
    llm__encoder_close(&x);
    llm__text_free(&repaired);
    return status;
}

/* ---- opening */

/* One entry of added_tokens.  Its id is the model's if the model knows the text, else the next free one: what the file
   says about ids is not looked at, as in the reference. */
static llm_status llm__added_read(const llm__words_reader *x, const llm__json *from, int32_t *highest) {
    llm__words *w = x->w;
    llm_status status = LLM_OK;
    llm__added *token = w->added + w->added_count;
    int32_t id;
    uint32_t other;
    if (!llm__json_is(from, LLM__JSON_OBJECT)) return llm__words_wrong(x, "added_tokens", "objects");
    token->content = llm__words_string(x, from, "content", &status);
    token->single_word = (uint8_t)llm__words_flag(x, from, "single_word", 0, &status);
    token->lstrip = (uint8_t)llm__words_flag(x, from, "lstrip", 0, &status);
    token->rstrip = (uint8_t)llm__words_flag(x, from, "rstrip", 0, &status);
    token->special = (uint8_t)llm__words_flag(x, from, "special", 0, &status);
    token->normalized = (uint8_t)llm__words_flag(x, from, "normalized", !token->special, &status);
    if (status == LLM_OK && !token->content.text) return llm__words_wrong(x, "added_tokens", "a content");
    if (status != LLM_OK || !token->content.bytes) return status;
    if (llm__trie_exact(&w->names, token->content.text, token->content.bytes, &other)) {
        token->id = w->added[other].id; /* the same again: the later one's flags hold */
        token->special |= w->added[other].special;
        w->added[other] = *token;
        return LLM_OK;
    }
    id = llm__model_id(w, token->content.text, token->content.bytes);
    if (id < 0) id = *highest >= (int32_t)w->entry_count ? *highest + 1 : (int32_t)w->entry_count;
    if (id > *highest) *highest = id;
    token->id = id;
    if (!llm__trie_add(&w->names, x->arena, token->content.text, token->content.bytes, (uint32_t)w->added_count))
        return llm__words_no_memory(x);
    w->added_count++;
    return LLM_OK;
}

/* Enters added tokens into the tables; those with `normalized` in the form that normalizers give them. */
static llm_status llm__added_place(const llm__words_reader *x, llm__encoder *encoder, int special) {
    llm__words *w = x->w;
    int i;
    for (i = 0; i < w->added_count; i++) {
        llm__added *token = w->added + i;
        llm__trie *trie = token->normalized ? &w->normalized : &w->plain;
        llm__string text = token->content;
        uint32_t other;
        if (token->special != special) continue;
        if (token->normalized && w->normalizer.count) {
            const llm__text *normal;
            llm__matcher_allow(&encoder->matcher, text.bytes);
            normal = llm__normalize(encoder, text.text, text.bytes);
            if (!normal) return llm__encoder_failed(encoder);
            text.bytes = normal->length;
            text.text = llm__arena_text(x->arena, normal->data, normal->length);
            if (!text.text) return llm__words_no_memory(x);
        }
        if (token->id >= w->count) w->count = token->id + 1;
        llm__word_set(w, token->id, text.text, (uint32_t)text.bytes);
        w->words[token->id].special = (uint8_t)(llm__trie_exact(&w->names, text.text, text.bytes, &other) &&
                                                w->added[other].special); /* decoding skips by this form's text */
        if (!text.bytes || llm__trie_exact(trie, text.text, text.bytes, &other)) continue;
        if (!llm__trie_add(trie, x->arena, text.text, text.bytes, (uint32_t)i)) return llm__words_no_memory(x);
    }
    return LLM_OK;
}

static llm_status llm__added_all(const llm__words_reader *x, const llm__json *list) {
    llm__encoder encoder;
    const llm__json *item = llm__json_first(list);
    int32_t highest = -1;
    uint32_t i;
    llm_status status = LLM_OK;
    for (i = 0; list && i < list->length && status == LLM_OK; i++, item = llm__json_next(item))
        status = llm__added_read(x, item, &highest);
    if (status != LLM_OK) return status;
    llm__encoder_open(&encoder, x->w, &x->arena->allocator, x->error);
    status = llm__added_place(x, &encoder, 1);
    if (status == LLM_OK) status = llm__added_place(x, &encoder, 0);
    llm__encoder_close(&encoder);
    return status;
}

/* What pairs compose into, for NFC and NFKC. */
static llm_status llm__compositions_read(const llm__words_reader *x) {
    llm__words *w = x->w;
    size_t i;
    int k, needed = 0;
    for (k = 0; k < w->normalizer.count; k++)
        if (w->normalizer.items[k].kind == LLM__STEP_NFC || w->normalizer.items[k].kind == LLM__STEP_NFKC) needed = 1;
    if (!needed) return LLM_OK;
    if (!llm__pairs_reserve(&w->compositions, x->arena, 1000)) return llm__words_no_memory(x);
    for (i = 0; i < LLM__LENGTH(llm__canonical); i += 3) {
        const uint16_t *row = llm__canonical + i;
        if (row[2] && llm__composes(row[0]) && !llm__pairs_set(&w->compositions, x->arena, row[1], row[2], row[0], 0))
            return llm__words_no_memory(x);
    }
    for (i = 0; i < LLM__LENGTH(llm__canonical_high); i += 3) {
        const uint32_t *row = llm__canonical_high + i;
        if (row[2] && llm__composes(row[0]) && !llm__pairs_set(&w->compositions, x->arena, row[1], row[2], row[0], 0))
            return llm__words_no_memory(x);
    }
    return LLM_OK;
}

/* Without a decoder, tokens are joined by spaces. */
static llm_status llm__decoder_read(const llm__words_reader *x, const llm__json *from) {
    llm__words *w = x->w;
    llm_status status = llm__steps_read(x, LLM__STAGE_DECODER, from, &w->decoder);
    if (status != LLM_OK) return status;
    if (w->decoder.count > LLM__MAX_DECODER_STEPS)
        return llm__fail(x->error, LLM_TOO_LARGE, "%s: decoder has more than %d steps", x->file,
                         LLM__MAX_DECODER_STEPS);
    if (from && !llm__json_is(from, LLM__JSON_NULL)) return LLM_OK;
    w->decoder.items = (llm__step *)llm__arena_alloc(x->arena, 1, sizeof *w->decoder.items);
    if (!w->decoder.items) return llm__words_no_memory(x);
    w->decoder.items[0].kind = LLM__STEP_JOIN;
    w->decoder.count = 1;
    return LLM_OK;
}

/* The four stages of the file. */
static llm_status llm__stages_read(const llm__words_reader *x, const llm__json *tokenizer) {
    llm__words *w = x->w;
    llm_status status =
        llm__steps_read(x, LLM__STAGE_NORMALIZER, llm__json_get(tokenizer, "normalizer"), &w->normalizer);
    if (status == LLM_OK) status = llm__compositions_read(x);
    if (status == LLM_OK)
        status = llm__steps_read(x, LLM__STAGE_SPLITTER, llm__json_get(tokenizer, "pre_tokenizer"), &w->splitter);
    if (status == LLM_OK) status = llm__decoder_read(x, llm__json_get(tokenizer, "decoder"));
    return status;
}

/* Opens a tokenizer: everything lives in the arena, texts in the JSON document that it was read from. */
LLM__FN llm_status llm__words_open(llm__words **out, llm__arena *arena, const char *file_name,
                                   const llm__json *tokenizer, llm_error *e) {
    llm__words_reader x;
    const llm__json *added = llm__json_get(tokenizer, "added_tokens");
    llm_status status;
    *out = NULL;
    x.arena = arena;
    x.file = file_name;
    x.error = e;
    if (!llm__json_is(tokenizer, LLM__JSON_OBJECT)) return llm__words_wrong(&x, "the whole", "an object");
    if (added && llm__json_is(added, LLM__JSON_NULL)) added = NULL;
    if (added && !llm__json_is(added, LLM__JSON_ARRAY)) return llm__words_wrong(&x, "added_tokens", "an array");
    x.w = (llm__words *)llm__arena_alloc(arena, 1, sizeof *x.w);
    if (!x.w) return llm__words_no_memory(&x);
    x.w->file = file_name;
    status = llm__model_read(&x, llm__json_get(tokenizer, "model"), added ? added->length : 0);
    if (status != LLM_OK) return status;
    status = llm__stages_read(&x, tokenizer);
    if (status == LLM_OK) status = llm__processor_read(&x, llm__json_get(tokenizer, "post_processor"));
    if (status == LLM_OK) status = llm__added_all(&x, added);
    if (status == LLM_OK) *out = x.w;
    return status;
}

/* ---- decoding */

/* What a decoder step remembers between tokens. */
typedef struct llm__detok_stage {
    llm__text held;  /* what may still change */
    llm__text made;  /* what is being passed on */
    llm__text parts; /* a token that comes in parts, for steps that want it whole */
    size_t index;    /* tokens seen */
    int open;        /* FUSE, BYTES_TO_TEXT: the joined token has begun */
    int stripped;    /* STRIP: characters taken off this token's left side */
} llm__detok_stage;

/* A decoder at work: ids in one by one, text out as soon as nothing can change it any more. */
typedef struct llm__detok {
    const llm__words *w;
    int skip_special;
    llm__text *out;
    llm__matcher matcher;
    llm__detok_stage stages[LLM__MAX_DECODER_STEPS];
} llm__detok;

enum { LLM__TOKEN_BEGINS = 1, LLM__TOKEN_ENDS = 2, LLM__TOKEN_WHOLE = 3 };

LLM__FN void llm__detok_init(llm__detok *d, const llm__words *w, int skip_special, llm_allocator allocator) {
    int i;
    memset(d, 0, sizeof *d);
    d->w = w;
    d->skip_special = skip_special;
    llm__matcher_open(&d->matcher, allocator);
    for (i = 0; i < LLM__MAX_DECODER_STEPS; i++) {
        llm__detok_stage *s = d->stages + i;
        s->held.allocator = s->made.allocator = s->parts.allocator = allocator;
    }
}

/* Room for tokens of up to `bytes` bytes in every step, so that adding them allocates nothing.  A broken byte becomes
   three, those of U+FFFD. */
LLM__FN int llm__detok_reserve(llm__detok *d, size_t bytes) {
    int i, ok = llm__matcher_reserve(&d->matcher, bytes);
    for (i = 0; i < d->w->decoder.count; i++) {
        llm__detok_stage *s = d->stages + i;
        ok &= llm__text_reserve(&s->held, 3 * bytes) && llm__text_reserve(&s->made, 3 * bytes) &&
              llm__text_reserve(&s->parts, 3 * bytes);
    }
    return ok;
}

LLM__FN void llm__detok_free(llm__detok *d) {
    int i;
    llm__matcher_close(&d->matcher);
    for (i = 0; i < LLM__MAX_DECODER_STEPS; i++) {
        llm__text_free(&d->stages[i].held);
        llm__text_free(&d->stages[i].made);
        llm__text_free(&d->stages[i].parts);
    }
}

static int llm__detok_push(llm__detok *d, int k, const char *text, size_t bytes, int flags);

/* Bytes to text: all that is certain goes on, the beginning of a character waits. */
static int llm__detok_flush_bytes(llm__detok *d, int k, int finish) {
    llm__detok_stage *s = d->stages + k;
    size_t at = 0, n;
    s->made.length = 0;
    while (at < s->held.length) {
        int valid = llm__char_check(s->held.data + at, s->held.length - at, &n);
        if (valid < 0 && !finish) break;
        if (valid == 1 ? !llm__text_add(&s->made, s->held.data + at, n) : !llm__text_add(&s->made, "\xEF\xBF\xBD", 3))
            return 0;
        at += n;
    }
    if (at && at < s->held.length) memmove(s->held.data, s->held.data + at, s->held.length - at);
    s->held.length -= at;
    if (!s->made.length && !finish) return 1;
    n = (size_t)s->open;
    s->open = 1;
    return llm__detok_push(d, k + 1, s->made.data, s->made.length,
                           (n ? 0 : LLM__TOKEN_BEGINS) | (finish ? LLM__TOKEN_ENDS : 0));
}

/* A byte-level token: its characters are bytes if all of them stand for one. */
static int llm__detok_bytes(llm__detok *d, int k, const char *text, size_t bytes) {
    llm__detok_stage *s = d->stages + k;
    size_t i, kept = s->held.length;
    uint32_t c;
    for (i = 0; i < bytes;) {
        char byte;
        int value;
        i += llm__char_get(text + i, &c);
        value = llm__char_to_byte(c);
        if (value < 0) {
            s->held.length = kept;
            if (!llm__text_add(&s->held, text, bytes)) return 0;
            break;
        }
        byte = (char)(uint8_t)value;
        if (!llm__text_add(&s->held, &byte, 1)) return 0;
    }
    return llm__detok_flush_bytes(d, k, 0);
}

/* The end of a run of byte tokens: text if it is valid as a whole, else one U+FFFD for each. */
static int llm__detok_flush_run(llm__detok *d, int k) {
    llm__detok_stage *s = d->stages + k;
    size_t i, n, count = s->held.length;
    if (!count) return 1;
    s->held.length = 0;
    for (i = 0; i < count; i += n)
        if (llm__char_check(s->held.data + i, count - i, &n) != 1) break;
    if (i == count) return llm__detok_push(d, k + 1, s->held.data, count, LLM__TOKEN_WHOLE);
    for (i = 0; i < count; i++)
        if (!llm__detok_push(d, k + 1, "\xEF\xBF\xBD", 3, LLM__TOKEN_WHOLE)) return 0;
    return 1;
}

static int llm__detok_metaspace(llm__detok *d, int k, const char *text, size_t bytes, int flags) {
    llm__detok_stage *s = d->stages + k;
    const llm__step *step = d->w->decoder.items + k;
    size_t i = 0, n = step->pattern.bytes;
    int drop = s->index == 0 && step->prepend != LLM__PREPEND_NEVER;
    s->made.length = 0;
    while (i < bytes) {
        int mark = bytes - i >= n && memcmp(text + i, step->pattern.text, n) == 0;
        if (!mark && !llm__text_add(&s->made, text + i, 1)) return 0;
        if (mark && !drop && !llm__text_add(&s->made, " ", 1)) return 0;
        i += mark ? n : 1;
    }
    if (flags & LLM__TOKEN_ENDS) s->index++;
    return llm__detok_push(d, k + 1, s->made.data, s->made.length, flags);
}

/* Takes characters off the ends of a token; what may be its end waits. */
static int llm__detok_strip(llm__detok *d, int k, const char *text, size_t bytes, int flags) {
    llm__detok_stage *s = d->stages + k;
    const llm__step *step = d->w->decoder.items + k;
    size_t n = step->content.bytes, keep, cut;
    if (flags & LLM__TOKEN_BEGINS) s->stripped = 0;
    while (s->stripped < step->left && bytes >= n && memcmp(text, step->content.text, n) == 0) {
        text += n;
        bytes -= n;
        s->stripped++;
    }
    if (bytes) s->stripped = step->left;
    if (!step->right) return llm__detok_push(d, k + 1, text, bytes, flags);
    if (!llm__text_add(&s->held, text, bytes)) return 0;
    for (keep = s->held.length, cut = 0; cut < (size_t)step->right && keep >= n; cut++, keep -= n)
        if (memcmp(s->held.data + keep - n, step->content.text, n) != 0) break;
    s->made.length = 0;
    if (!llm__text_add(&s->made, s->held.data, keep)) return 0;
    memmove(s->held.data, s->held.data + keep, s->held.length - keep);
    s->held.length = flags & LLM__TOKEN_ENDS ? 0 : s->held.length - keep;
    return llm__detok_push(d, k + 1, s->made.data, s->made.length, flags);
}

/* Replaces in a token that may come in parts: what could begin the pattern waits for the next part. */
static int llm__detok_replace(llm__detok *d, int k, const char *text, size_t bytes, int flags) {
    llm__detok_stage *s = d->stages + k;
    const llm__step *step = d->w->decoder.items + k;
    size_t begin, end, done = 0, keep;
    s->made.length = 0;
    if (!llm__text_add(&s->held, text, bytes)) return 0;
    if (step->regex) {
        if (!(flags & LLM__TOKEN_ENDS)) return 1;
        if (!llm__replace(&d->matcher, step, s->held.data, s->held.length, &s->made)) return 0;
        s->held.length = 0;
        return llm__detok_push(d, k + 1, s->made.data, s->made.length, LLM__TOKEN_WHOLE);
    }
    while (llm__step_find(&d->matcher, step, s->held.data, s->held.length, done, &begin, &end)) {
        if (!llm__matcher_spend(&d->matcher, 64 * step->content.bytes)) return 0;
        if (!llm__text_add(&s->made, s->held.data + done, begin - done) ||
            !llm__text_add(&s->made, step->content.text, step->content.bytes)) return 0;
        done = end;
    }
    keep = s->held.length - done;
    if (keep >= step->pattern.bytes) keep = step->pattern.bytes ? step->pattern.bytes - 1 : 0;
    if (flags & LLM__TOKEN_ENDS) keep = 0;
    while (keep && memcmp(s->held.data + s->held.length - keep, step->pattern.text, keep) != 0) keep--;
    if (!llm__text_add(&s->made, s->held.data + done, s->held.length - done - keep)) return 0;
    memmove(s->held.data, s->held.data + s->held.length - keep, keep);
    s->held.length = keep;
    return llm__detok_push(d, k + 1, s->made.data, s->made.length, flags);
}

/* WordPiece's tidying, one token at a time. */
static int llm__tidy(llm__matcher *m, llm__text *text, llm__text *spare) {
    static const char *const rules[][2] = {{" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
                                           {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
                                           {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    llm__step step;
    size_t i;
    memset(&step, 0, sizeof step);
    for (i = 0; i < LLM__LENGTH(rules); i++) {
        step.pattern.text = rules[i][0];
        step.pattern.bytes = strlen(rules[i][0]);
        step.content.text = rules[i][1];
        step.content.bytes = strlen(rules[i][1]);
        spare->length = 0;
        if (!llm__replace(m, &step, text->data, text->length, spare)) return 0;
        text->length = 0;
        if (!llm__text_add(text, spare->data, spare->length)) return 0;
    }
    return 1;
}

static int llm__detok_wordpiece(llm__detok *d, int k, const char *text, size_t bytes) {
    llm__detok_stage *s = d->stages + k;
    const llm__step *step = d->w->decoder.items + k;
    const llm__string *prefix = &step->pattern;
    s->made.length = 0;
    if (s->index++) {
        if (bytes >= prefix->bytes && (!prefix->bytes || memcmp(text, prefix->text, prefix->bytes) == 0)) {
            text += prefix->bytes;
            bytes -= prefix->bytes;
        } else if (!llm__text_add(&s->made, " ", 1)) {
            return 0;
        }
    }
    if (!llm__text_add(&s->made, text, bytes)) return 0;
    if (step->cleanup && !llm__tidy(&d->matcher, &s->made, &s->held)) return 0;
    return llm__detok_push(d, k + 1, s->made.data, s->made.length, LLM__TOKEN_WHOLE);
}

/* End-of-word marks: spaces, but nothing in the last token, so that each token waits for the next. */
static int llm__detok_flush_suffix(llm__detok *d, int k, int last) {
    llm__detok_stage *s = d->stages + k;
    llm__step step = d->w->decoder.items[k];
    step.content.text = " ";
    step.content.bytes = last ? 0 : 1;
    s->made.length = 0;
    if (!llm__replace(&d->matcher, &step, s->held.data, s->held.length, &s->made)) return 0;
    s->held.length = 0;
    return llm__detok_push(d, k + 1, s->made.data, s->made.length, LLM__TOKEN_WHOLE);
}

/* A whole token for a step that wants whole tokens. */
static int llm__detok_whole(llm__detok *d, int k, const char *text, size_t bytes) {
    llm__detok_stage *s = d->stages + k;
    int value;
    char byte;
    switch (d->w->decoder.items[k].kind) {
    case LLM__STEP_BYTES_TO_TEXT: return llm__detok_bytes(d, k, text, bytes);
    case LLM__STEP_FROM_WORDPIECE: return llm__detok_wordpiece(d, k, text, bytes);
    case LLM__STEP_FROM_SUFFIX:
        if (s->index++ && !llm__detok_flush_suffix(d, k, 0)) return 0;
        return llm__text_add(&s->held, text, bytes);
    case LLM__STEP_JOIN:
        if (s->index++ && !llm__detok_push(d, k + 1, " ", 1, LLM__TOKEN_WHOLE)) return 0;
        return llm__detok_push(d, k + 1, text, bytes, LLM__TOKEN_WHOLE);
    default: break;
    }
    value = llm__byte_of_token(text, bytes);
    if (value >= 0) {
        byte = (char)(uint8_t)value;
        return llm__text_add(&s->held, &byte, 1);
    }
    return llm__detok_flush_run(d, k) && llm__detok_push(d, k + 1, text, bytes, LLM__TOKEN_WHOLE);
}

/* A token, or a part of one, enters step k. */
static int llm__detok_push(llm__detok *d, int k, const char *text, size_t bytes, int flags) {
    llm__detok_stage *s = d->stages + k;
    if (k == d->w->decoder.count) return llm__text_add(d->out, text, bytes);
    switch (d->w->decoder.items[k].kind) {
    case LLM__STEP_FROM_METASPACE: return llm__detok_metaspace(d, k, text, bytes, flags);
    case LLM__STEP_STRIP: return llm__detok_strip(d, k, text, bytes, flags);
    case LLM__STEP_REPLACE: return llm__detok_replace(d, k, text, bytes, flags);
    case LLM__STEP_FUSE:
        flags = s->open ? 0 : LLM__TOKEN_BEGINS;
        s->open = 1;
        return llm__detok_push(d, k + 1, text, bytes, flags);
    default: break;
    }
    if (flags == LLM__TOKEN_WHOLE) return llm__detok_whole(d, k, text, bytes);
    /* parts, for a step that wants whole tokens: no real file asks for this, so it waits until the end */
    if (!llm__text_add(&s->parts, text, bytes)) return 0;
    if (!(flags & LLM__TOKEN_ENDS)) return 1;
    bytes = s->parts.length;
    s->parts.length = 0;
    return llm__detok_whole(d, k, s->parts.data, bytes);
}

static llm_status llm__detok_status(const llm__detok *d, int good) {
    return good ? LLM_OK : d->matcher.failed == 2 ? LLM_TOO_LARGE : LLM_OUT_OF_MEMORY;
}

/* Adds a token's text, as far as it is certain, to out.  Ids that do not exist add nothing. */
LLM__FN llm_status llm__detok_add(llm__detok *d, int32_t id, llm__text *out) {
    size_t bytes;
    int special;
    const char *text = llm__words_text(d->w, id, &bytes, &special);
    d->out = out;
    if (!text || (special && d->skip_special)) return LLM_OK;
    llm__matcher_allow(&d->matcher, bytes + 1);
    return llm__detok_status(d, llm__detok_push(d, 0, text, bytes, LLM__TOKEN_WHOLE));
}

/* Adds what was held back.  Afterwards the detokenizer can start on another text, with the memory that it has. */
LLM__FN llm_status llm__detok_finish(llm__detok *d, llm__text *out) {
    int k, good = 1;
    llm_status status;
    d->out = out;
    for (k = 0; k < d->w->decoder.count && good; k++) {
        llm__detok_stage *s = d->stages + k;
        switch (d->w->decoder.items[k].kind) {
        case LLM__STEP_BYTES_TO_TEXT: good = llm__detok_flush_bytes(d, k, 1); break;
        case LLM__STEP_BYTE_FALLBACK: good = llm__detok_flush_run(d, k); break;
        case LLM__STEP_FROM_SUFFIX: good = !s->index || llm__detok_flush_suffix(d, k, 1); break;
        case LLM__STEP_FUSE:
            good = llm__detok_push(d, k + 1, "", 0, LLM__TOKEN_ENDS | (s->open ? 0 : LLM__TOKEN_BEGINS));
            break;
        default: break;
        }
    }
    status = llm__detok_status(d, good);
    d->matcher.failed = 0;
    for (k = 0; k < LLM__MAX_DECODER_STEPS; k++) {
        llm__detok_stage *s = d->stages + k;
        s->held.length = s->made.length = s->parts.length = s->index = 0;
        s->open = s->stripped = 0;
    }
    return status;
}

/* Ids to text, appended to out.  skip_special leaves special tokens out. */
LLM__FN llm_status llm__words_decode(const llm__words *w, const int32_t *ids, size_t count, int skip_special,
                                     llm__text *out, llm_error *e) {
    llm__detok d;
    size_t i;
    llm_status status = LLM_OK;
    llm__detok_init(&d, w, skip_special, out->allocator);
    for (i = 0; i < count && status == LLM_OK; i++) status = llm__detok_add(&d, ids[i], out);
    if (status == LLM_OK) status = llm__detok_finish(&d, out);
    llm__detok_free(&d);
    if (status == LLM_OK) return llm__ok(e);
    return llm__fail(e, status, "%s: %s while decoding", w->file,
                     status == LLM_TOO_LARGE ? "a pattern of the tokenizer takes too many steps" : "out of memory");
}

/* =========================================================================================================== >>arch
   A model is data.  An architecture is a row in the table at the end of this chapter: the model_type names it answers
   to, a reader that turns config.json into a list of layers, and what its tensors are called.  After this chapter a
   checkpoint folder has become an llm_model whose every number was checked and whose every tensor has the shape that
   the forward pass will assume.

   To add a model that mixes known blocks: write a reader (most are ten lines on top of a sibling), add a row. */

/* What a layer does across its tokens, and with each of them. */
typedef enum llm__mixer_kind {
    LLM__NO_MIXER,
    LLM__MIXER_MAP, /* a linear map in the place of attention */
    LLM__ATTENTION,
    LLM__LATENT,
    LLM__SSM,
    LLM__DELTA,
    LLM__SHORT_CONV,
    LLM__LRU,
    LLM__FADING,
    LLM__RWKV,
    LLM__KEYED_CONV /* attention's maps around two convolutions, see llm__run_keyed_conv */
} llm__mixer_kind;
typedef enum llm__ffn_kind {
    LLM__NO_FFN,
    LLM__FFN_MAP,
    LLM__MLP,
    LLM__EXPERTS,
    LLM__MLP_AND_EXPERTS /* side by side, each with norms of its own */
} llm__ffn_kind;

/* How mixer and feed-forward change the stream x.  pre, post: norms. */
typedef enum llm__scheme {
    LLM__PRE,          /* x += mixer(pre(x));        x += ffn(pre(x)) */
    LLM__POST,         /* x += post(mixer(x));       x += post(ffn(x)) */
    LLM__SANDWICH,     /* x += post(mixer(pre(x)));  x += post(ffn(pre(x))) */
    LLM__PARALLEL_ONE, /* h = pre(x);  x += mixer(h) + ffn(h) */
    LLM__PARALLEL_TWO  /* x += mixer(pre(x)) + ffn(pre(x)), a norm for each */
} llm__scheme;

typedef enum llm__activation_kind {
    LLM__SILU,
    LLM__GELU, /* with erf */
    LLM__GELU_TANH,
    LLM__RELU,
    LLM__RELU2,          /* the square of relu */
    LLM__XIELU,          /* numbers: alpha_p, alpha_n, beta, eps */
    LLM__SWIGLU_LIMITED, /* min(silu(gate), limit) clip(up) */
    LLM__SWIGLU_OAI,     /* gate sigmoid(alpha gate) (clip(up) + 1), gate at most the limit */
    LLM__GELU_SPARSE     /* of what exceeds a row's mean by more than `limit` standard deviations */
} llm__activation_kind;

typedef struct llm__activation {
    llm__activation_kind kind;
    float limit;          /* 0: none */
    const float *numbers; /* what the kind has besides, from the checkpoint */
    float alpha;          /* SWIGLU_OAI; 0: 1.702 */
} llm__activation;

/* How a router's logits become scores. */
typedef enum llm__scores {
    LLM__SOFTMAX_ALL,  /* softmax over all experts */
    LLM__SOFTMAX_BEST, /* the logits choose; softmax over the chosen ones */
    LLM__SIGMOID,
    LLM__SQRT_SOFTPLUS,
    LLM__SPARSEMIXER /* each pick's is a softmax over those left that are near the best: see llm__sparsemixer */
} llm__scores;

/* y = (x - mean) / deviation * weight + bias.  A reader fills in the form, binding the numbers.  Every norm takes the
   form of the model's last one, llm_model.norm, unless its own kind is set; its own eps goes before. */
typedef enum llm__norm_kind {
    LLM__NORM_AS_MODEL,
    LLM__NO_NORM,
    LLM__RMS,
    LLM__LAYER_NORM,
    LLM__RMS_OF_WEIGHTED /* x is multiplied by the weight before it is divided by its deviation, not after */
} llm__norm_kind;
typedef struct llm__norm {
    llm__norm_kind kind; /* RMS: the mean is taken as 0 */
    int weightless, biased;
    float eps, offset;   /* offset: added to the stored weights */
    const float *weight; /* [width]; NULL: ones */
    const float *bias;   /* [width]; NULL: zeros */
} llm__norm;

/* A rotary embedding: angle of pair i at position p is p * frequency[i].  The rotated numbers are multiplied by
   `scale`.  Two kinds depend on the call: dynamic NTK grows the base once the sequence passes `limit`, and longrope
   turns from the short to the long frequencies there. */
typedef struct llm__rope {
    int dims, interleaved; /* interleaved: pairs (2i, 2i+1); else (i, i + dims/2) */
    float scale;
    double *frequency;     /* [dims/2] */
    double *short_frequency; /* longrope: [dims/2], up to `limit` tokens */
    double dynamic_base, dynamic_factor; /* dynamic NTK: 0 if not */
    int64_t limit;
} llm__rope;

/* How query, key and value rows lie in the checkpoint. */
typedef enum llm__qkv {
    LLM__QKV_SEPARATE, /* q_proj, k_proj, v_proj */
    LLM__QKV_JOINED,   /* qkv_proj: all queries, all keys, all values */
    LLM__QKV_GROUPED,  /* qkv_proj: for each kv head its queries, its key, its value */
    LLM__QKVG_JOINED   /* qkv_proj: all queries, all keys, all values, all gates */
} llm__qkv;

/* What the norms of queries and keys reach over. */
typedef enum llm__qk_norm {
    LLM__QK_PLAIN,     /* there are none */
    LLM__QK_HEAD,      /* each head by itself, one weight [width] for all of them */
    LLM__QK_EACH_HEAD, /* each head by itself, with weights of its own: [heads, width] */
    LLM__QK_WHOLE      /* all heads together: [heads * width] */
} llm__qk_norm;

/* What multiplies the attention's output before the last map. */
typedef enum llm__gate {
    LLM__UNGATED,
    LLM__GATE_IN_Q,    /* sigmoid of the second half of each head's q_proj rows */
    LLM__GATE_FULL,    /* sigmoid of gate_proj(h), a number for each number */
    LLM__GATE_HEAD,    /* sigmoid of gate_proj(h), a number for each head */
    LLM__GATE_SOFTPLUS /* softplus of gate_proj(h), a number for each head */
} llm__gate;

/* phi3small's sparsity: within blocks of `block` tokens, a query sees its own block and the `local` - 1 before it, and
   of the others those whose number + head + 1 is a multiple of `stride`.  block 0: sees all. */
typedef struct llm__sparse {
    int block, local, stride;
} llm__sparse;

/* Keys and values that several layers share before rotation, norm and cache. */
typedef enum llm__raw { LLM__RAW_OWN, LLM__RAW_LENT, LLM__RAW_BORROWED } llm__raw;

/* Which tokens sparse attention sees.  In latent attention (DeepSeek-V3.2) a token is worth the sum over the indexer's
   heads of weight * relu(q . k), and rows see the best `chosen`.  In grouped-query attention (MiniMax-M3) each of the
   indexer's heads serves as many of the query heads, a block of tokens is worth the largest q . k among them, and what
   is seen are the best `chosen` blocks, the last `local` ones always. */
typedef struct llm__indexer {
    int heads, width, chosen, rope; /* heads 0: there is none */
    int block, local;               /* block 0: it chooses single tokens */
    llm__matrix q, k, weights;      /* from the query's latent (blocks: from the layer's input), and that twice */
    llm__norm q_norm, k_norm;
} llm__indexer;

typedef struct llm__attention {
    int heads, kv_heads, width, value_width; /* width: of a query and a key */
    int rope;                                /* index into the model's, -1: none */
    int64_t window, chunk;                   /* tokens that are seen: the last, or those of the own chunk; 0: all */
    float scale, softcap, clip;              /* softcap: of scores, clip: of q, k and v; 0: none */
    float heat;                              /* queries * (1 + heat * ln(1 + floor((position + heat_from) / length))) */
    int heat_from, heat_length;
    llm__qkv qkv;
    int q_bias, k_bias, v_bias, o_bias;
    llm__sparse sparse;
    int tiled;                               /* query head i reads kv head i % kv_heads */
    int shared;                              /* keys and values are those of another layer: see llm__layer.reads */
    int key_is_value;                        /* values are what k_proj gives, neither normed nor rotated as keys are */
    int gate_bias, has_sinks;
    float value_scale;                       /* values are stored multiplied by this; 0: as they are */
    llm__qk_norm qk_norm;
    int norm_last;                           /* q and k are normed after their rotation */
    int v_normed, out_normed;                /* out: before o, over all heads together */
    llm__gate gate;
    llm__matrix q, k, v, o, gates;           /* q: all of them where GROUPED */
    llm__norm q_norm, k_norm, v_norm, out_norm;
    const float *sinks;                      /* [heads]: scores of a token that has no value */
    /* what single families have */
    llm__raw raw;
    int conv;                                /* k and v pass a causal convolution of two taps for each kv head, */
    const float *k_conv, *v_conv;            /* [kv_heads, 2]; a cache entry of its own goes before the attention's */
    int rounded;                             /* k and v are rounded to 8 bits, */
    const float *k_step, *v_step;            /* in steps of these numbers */
    int gained;                              /* queries are multiplied by */
    const float *q_gain;                     /* [heads], after norm and rotation */
    int mixed;                               /* the output is g attention(mix_cache) + (1 - g) attention, where g is */
    const float *mix_weight, *mix_bias;      /* sigmoid(q . weight + bias); [heads, width], [heads] */
    int mix_cache;
    llm__indexer indexer;
    int halves;                              /* q and k rows have a head's pairs as (i, i + width/2): put side by side */
    int heads_normed;                        /* each head's output is, before the gate */
    llm__norm head_norm;
} llm__attention;

/* Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434): keys and values are functions of one latent vector a
   token, and with embed_q and unembed_out folded into query and output it is attention over that vector. */
typedef struct llm__latent {
    int heads, q_rank, rank, nope, rotary, value, rope, bias;
    int expanded;                   /* the cache holds keys and values of each head, as mlx-lm's does for some */
    float scale;
    float latent_scale;             /* of the normed latent; 0: 1 */
    float heat;                     /* as in llm__attention, for both parts of the query */
    int heat_length;
    llm__matrix q, q_a, q_b, kv_a, o;
    llm__matrix kv_b;               /* expanded: [heads * (nope + value), rank] */
    llm__norm q_norm, kv_norm;
    llm__matrix *embed_q, *unembed; /* else: [heads] of [rank, nope] and [value, rank] */
    llm__indexer indexer;
} llm__latent;

/* A short causal convolution over each channel by itself.  What it looks back at is kept in the first arrays of the
   mixer's entry: one array, or one for each run of channels. */
typedef struct llm__conv {
    int kernel, channels, biased;
    int plain;                    /* there is no silu behind it */
    int runs[3];                  /* channels of each array; all 0: one array */
    const float *weight, *offset; /* [kernel][channels], [channels] */
} llm__conv;

/* How the input map of a state-space mixer lies, and where dt, B and C come from. */
typedef enum llm__ssm_in {
    LLM__SSM_DUAL,     /* in_proj: z | x | B | C | dt; x, B and C go through the convolution (Mamba-2) */
    LLM__SSM_CHANNELS, /* in_proj: x | z; behind the convolution x_proj: dt | B | C (Mamba) */
    LLM__SSM_HEADS     /* in_proj: z | x of each head; behind the convolution x_proj: B | C | dt */
} llm__ssm_in;

/* Mamba-2 (arXiv:2405.21060), and Mamba (arXiv:2312.00752): there each channel is a head of one number, whose state's
   numbers decay each by itself. */
typedef struct llm__ssm {
    llm__ssm_in in_order;
    int heads, width, state, groups;     /* CHANNELS: width 1, groups 1 */
    int dt_rank;                         /* unless DUAL: dt_proj's input */
    int bias, out_bias;
    float dt_min, dt_max;                /* dt is clipped behind its softplus */
    int multiplied;                      /* what in_proj gives is multiplied: z, x, B, C, dt */
    float multipliers[5];
    int norm_groups, norm_first;         /* the output's norm goes over each group; before the gate */
    llm__conv conv;
    llm__matrix in, x, dt, out;
    llm__norm dt_norm, b_norm, c_norm;   /* unless DUAL */
    const float *a, *d, *dt_bias;        /* [heads]; a = -exp(A_log); CHANNELS: a [heads, state], dt_bias NULL */
    llm__norm norm;                      /* of the output; LLM__NO_NORM: it is gated only */
} llm__ssm;

/* How the maps before a gated delta rule lie. */
typedef enum llm__delta_in {
    LLM__DELTA_GROUPED, /* in_proj_qkvz, in_proj_ba: for each key head its q, k, v, z; b, a */
    LLM__DELTA_JOINED,  /* in_proj_qkv: all of q, all of k, all of v; in_proj_z, in_proj_b, in_proj_a */
    LLM__DELTA_SEPARATE /* q_proj, k_proj, v_proj; the others as JOINED */
} llm__delta_in;

/* Gated delta rule (arXiv:2412.06464), and Kimi's (arXiv:2510.26692), where each column of the state has its decay. */
typedef struct llm__delta {
    llm__delta_in in_order;
    int key_heads, value_heads, key_width, value_width;
    int columns;                 /* a decay for each column: a and dt_bias of [value_heads, key_width] */
    int a_rank, z_rank;          /* decay or gate go through two maps, by way of so many numbers; 0: one */
    float lower_bound;           /* decay = exp(lower_bound sigmoid(a (..))); 0: exp(-a softplus(..)) */
    float beta_scale;            /* 2: eigenvalues may be negative */
    int sigmoid_gate;            /* the output times sigmoid(z), not silu(z) */
    llm__conv conv;
    llm__matrix q, k, v, z, b, a_map, a_low, z_low, out; /* q: all where GROUPED or JOINED; b: b and a where GROUPED */
    const float *a, *dt_bias;    /* a = exp(A_log), [value_heads] */
    llm__norm norm;
} llm__delta;

/* The convolution of LFM2: out(C * conv(B * x)), in_proj giving B | C | x. */
typedef struct llm__short {
    llm__conv conv;
    int bias;
    llm__matrix in, out;
} llm__short;

/* The recurrence of Griffin (arXiv:2402.19427): out(gelu(y h) * RG-LRU(conv(x h))). */
typedef struct llm__lru {
    int heads, width;                   /* of each head */
    llm__conv conv;
    llm__matrix y, x, out;
    const float *in_gate, *in_offset;   /* [heads][width in][width out], [heads * width] */
    const float *rec_gate, *rec_offset;
    const float *a;                     /* [heads * width]: -8 softplus(recurrent_param) */
} llm__lru;

/* Attention without softmax whose memory fades, each head at its own rate (arXiv:2405.17381): S = decay S + k v^T,
   y = S^T q.  Its maps, norms and rotation are the layer's attention. */
typedef struct llm__fading {
    const float *decay; /* [heads] */
    int norm_groups;
} llm__fading;

/* A map of low rank between a token's shifted mix and a vector: b + W1 f(W0 x). */
typedef struct llm__lora {
    int rank, biased;
    llm__matrix down, up;
} llm__lora;

/* RWKV-7's time mixing (arXiv:2503.14456). */
typedef struct llm__rwkv {
    int heads, width, first;             /* first: the layer whose values the later ones look back to */
    const float *mix[6];                 /* [hidden] for r, w, k, v, a, g: how much of the token before */
    const float *k_k, *k_a, *r_k;        /* [heads * width] */
    llm__matrix r, k, v, o;
    llm__lora w_lora, v_lora, a_lora, g_lora;
    const float *norm_weight, *norm_bias; /* [heads * width] */
} llm__rwkv;

/* How the rows of gate and up lie in the checkpoint. */
typedef enum llm__gate_up {
    LLM__GATE_UP_SEPARATE, /* gate_proj, up_proj */
    LLM__GATE_UP_JOINED,   /* gate_up_proj: all of gate, all of up */
    LLM__UP_GATE_JOINED,   /* gate_up_proj: all of up, all of gate */
    LLM__GATE_UP_MIXED,    /* gate_up_proj: rows of gate and up in turns */
    LLM__UP_ONLY           /* no gate: down(activation(up h)) */
} llm__gate_up;

typedef struct llm__mlp {
    int width, bias, down_bias;
    llm__gate_up gate_up;
    llm__activation activation;
    int sub_normed;             /* sub_norm before down */
    llm__matrix gate, up, down; /* gate: both where MIXED */
    llm__norm sub_norm;
    float gate_scale;           /* what gate gives is multiplied by this; 0: not */
} llm__mlp;

/* How the original's stacks of experts lie, which have no ".weight" in their names; others are [experts, out, in]. */
typedef enum llm__stacks {
    LLM__STACKS_PLAIN,     /* [experts, out, in] too */
    LLM__STACKS_TRANSPOSED, /* [experts, in, out] */
    LLM__DOWN_TRANSPOSED   /* of down_proj alone */
} llm__stacks;

typedef struct llm__experts {
    int count, chosen, width;
    int identity;                     /* experts beyond `count` that return their input */
    llm__scores scores;
    float score_cap;                  /* router logits are capped by tanh; 0: not */
    int biased;                       /* `bias` is added to choose, not to weigh */
    int groups, chosen_groups;        /* groups of experts compete, see llm__drop_groups; at most 1: none */
    int group_best;                   /* a group is worth its best expert, not its two best */
    float dropped;                    /* what an expert of a lost group scores: 0 or -infinity */
    int renormalize;
    float renormalize_eps;            /* added to the sum */
    float scaling;
    int weigh_input;                  /* the weight multiplies an expert's input, not its output */
    int router_bias, bias_each;       /* the router and the experts' maps have biases */
    llm__gate_up gate_up;             /* of a stack gate_up_proj, if there is one: JOINED unless MIXED; or UP_ONLY */
    llm__activation activation;
    int shared_gate;                  /* the shared expert's output * sigmoid(shared_gate_row h) */
    llm__matrix gate, shared_gate_row;
    const float *bias;                /* [count + identity] */
    llm__matrix *gates, *ups, *downs; /* [count]; gates NULL: UP_ONLY */
    llm__mlp shared;                  /* width 0: none */
    float renormalize_least;          /* the sum is taken to be at least this */
    float jitter;                     /* SPARSEMIXER: twice this is near */
    llm__stacks stacks;
    float router_scale;               /* router logits are multiplied by this; 0: not */
    int low_normed, each_normed;      /* what the map down gives, and each expert's output */
    llm__norm low_norm, each_norm;
    int folds;                        /* stacks may have the shared expert as one more */
    int blended;                      /* routed and shared output are weighed by a softmax of coefficient(h), with bias */
    int latent, latent_bias;          /* the experts' input and output are so wide, by maps around them; 0: hidden */
    int latent_normed;                /* before the map back */
    llm__matrix latent_down, latent_up;
    llm__norm latent_norm;
    int scaled;                       /* the weight of a chosen expert is multiplied by a number of its own */
    const float *scales;              /* [count] */
} llm__experts;

enum { LLM__MAX_STREAMS = 16 };

/* Alternating updates (arXiv:2301.13310): the model has `count` streams.  A layer predicts each from all of them, its
   blocks work on one, and what they made of it corrects them all. */
typedef struct llm__altup {
    int count, active;    /* count 0: one stream, as usual */
    int scaled;           /* what the per-layer embedding reads is multiplied by `scale` */
    float clip;           /* of the coefficients; 0: none */
    llm__matrix router;   /* [count, hidden] */
    llm__norm router_norm;
    const float *predict; /* [count * count, count] */
    const float *correct; /* [count, count] */
    const float *scale;   /* [hidden] */
} llm__altup;

/* A learned residual of low rank beside the mixer (LAuReL, arXiv:2411.07501). */
typedef struct llm__laurel {
    int rank; /* 0: none */
    llm__matrix left, right;
    llm__norm norm;
} llm__laurel;

/* A layer's part of the per-layer embeddings, see llm_model.side_table:  x += norm(project(gelu(gate x) * e)). */
typedef struct llm__side {
    int width; /* 0: none */
    llm__matrix gate, project;
    llm__norm norm;
} llm__side;

/* Experts that read what a layer's feed-forward reads, and whose output joins the stream at the end of the next layer
   (LongCat's shortcut). */
typedef enum llm__shortcut { LLM__NO_SHORTCUT, LLM__SHORTCUT_BEGINS, LLM__SHORTCUT_ENDS } llm__shortcut;

/* Embeddings of the last tokens together (LongCat): each table is looked up at a hash of so many last ids, and what is
   found is mapped to the model's width and added to the token's own embedding; the sum is averaged. */
typedef struct llm__ngram_table {
    int reach;               /* ids that go into the hash */
    int64_t rows;
    llm__matrix table, map;  /* [rows, width], [hidden, width] */
} llm__ngram_table;

enum { LLM__OWN = -1, LLM__NOWHERE = -1 };

/* How a branch joins the stream x, number by number: x = keep x + take branch. */
typedef struct llm__residual {
    const float *keep, *take; /* [hidden]; NULL: ones */
} llm__residual;

/* One layer of ours.  A reader fills in what it is; what it leaves as llm__read_common made it is the usual. */
typedef struct llm__layer {
    llm__scheme scheme;
    llm__mixer_kind mixer, beside; /* beside: a second mixer, which reads the same and is added too */
    llm__ffn_kind ffn;
    /* its tensors are called STEM.NUMBER.mixer_norm_name + SUB ... */
    const char *stem;              /* "model.layers" */
    int number;                    /* its own index; layers of the same number share weights */
    const char *sub;               /* what blocks and norms have after their names, such as ".0"; "" */
    /* its entries in llm_model.caches, made by llm__plan_caches */
    int list;                      /* a list entry of so many items goes before its own; 0: none */
    int mixes;                     /* the layer whose cache its attention reads beside its own; LLM__OWN */
    int reads;                     /* the layer whose cache its attention reads, adding nothing to it; LLM__OWN */
    int cache, beside_cache;       /* first entry of mixer and beside; LLM__NOWHERE: it has none */
    /* what surrounds the blocks */
    float branch_scale;            /* what mixer and feed-forward add is multiplied by this; 1 */
    int gained;                    /* it is multiplied by mixer_gain and ffn_gain too, and in the end the embedding */
    const float *mixer_gain, *ffn_gain, *embedding_gain; /* times embedding_gain, a number each, is added */
    int ends_loop;                 /* x passes through the model's last norm in the end: the next layers begin anew */
    int has_output_scale;          /* x is multiplied by the number layer_scalar in the end */
    const float *output_scale;
    llm__norm mixer_norm, mixer_post_norm, ffn_norm, ffn_post_norm;
    /* the blocks */
    llm__attention attention;
    llm__latent latent;
    llm__ssm ssm;
    llm__delta delta;
    llm__matrix mixer_map, ffn_map;
    llm__mlp mlp;
    llm__experts experts;
    llm__shortcut shortcut;
    llm__short short_conv;
    llm__conv keyed_conv; /* of keys and values */
    int weighs_stream;    /* the two below */
    llm__residual mixer_residual, ffn_residual;
    llm__lru lru;
    llm__fading fading;
    llm__rwkv rwkv;
    /* what mixer, beside and ffn give is multiplied by this besides; 1 */
    float mixer_scale, beside_scale, ffn_scale;
    /* what few families have */
    llm__norm mlp_post_norm, experts_norm, experts_post_norm, router_norm; /* of MLP_AND_EXPERTS */
    llm__altup altup;
    llm__laurel laurel;
    llm__side side;
    /* what it weighs and keeps, for those who ask */
    int64_t parameters;
    size_t weight_bytes;
    int first_entry, entries; /* of llm_model.caches */
} llm__layer;

/* A way of storing, and how much lies so. */
typedef struct llm__storage {
    llm__format format;
    llm_dtype dtype;
    int bits, group, rows, cols; /* rows, cols: of a block of FP8_BLOCK */
    int64_t parameters;
    size_t bytes;
} llm__storage;
enum { LLM__MAX_STORAGES = 24 };


struct llm__arch;

struct llm_model {
    llm__arena arena;
    llm_allocator allocator;
    llm__folder folder;
    llm__tensors tensors;
    const struct llm__arch *arch;
    const llm__ops *ops;
    llm__words *words;
    const llm__json *config;
    const char *model_type, *chat_template;
    const char *renames;    /* those of the row that the checkpoint needs... */
    int layout;             /* ...and which they are, from 0 */
    int hidden, vocabulary, layer_count, rope_count, tied;
    int64_t context, parameters;
    size_t weight_bytes;
    float embedding_scale, logit_scale, logit_softcap;
    int transposed;         /* the layers' linear maps are stored as [inputs, outputs] */
    int embedding_normed;   /* embedding_norm comes after the scale */
    int head_bias;
    const int32_t *masked;  /* ids whose logits are -infinity */
    int masked_count;
    int carry;              /* floats a token that layers hand on within a pass, llm_session.carry */
    int carry_embedding;    /* it holds the embedding, as the first layer sees it */
    int head_gained;        /* logits are multiplied by the number lm_head_gain */
    int head_rows_normed;   /* the head's rows are divided by their length (plus 1e-7) */
    int ternary_scaled;     /* ternary weights are multiplied by their scale whatever the config says */
    int position_count;     /* learned positions: how many; 0: none */
    int head_columns_normed; /* or its columns */
    llm__layer *layers;
    llm__rope *ropes;
    llm_cache_layer *caches;
    int cache_count;
    llm__matrix embedding, positions, head;
    llm__norm norm, embedding_norm;
    llm__ngram_table *ngrams; /* [ngram_count] */
    int ngram_count, ngram_past; /* past: earlier tokens that the longest hash takes in; entry 0 of the caches */
    int drops_later_layers;   /* tensors of layers behind the last are none of the model's */
    const int32_t *ends;
    size_t end_count;
    int side_width, side_count;      /* per-layer embeddings: numbers for each layer, and of how many ids; 0: none */
    llm__matrix side_table, side_map;
    llm__norm side_norm;
    int alternates;                  /* as llm__altup.count */
    llm__matrix *alternates_in, *alternates_out; /* [alternates - 1] of [hidden, hidden]: all but the first */
    int describing;                  /* llm_model_desc.describe */
    int storage_count;
    llm__storage storages[LLM__MAX_STORAGES];
};

/* ---- reading config.json
   The first mistake is kept; readers go on with harmless values and the caller looks at `status` once. */
typedef struct llm__config {
    const llm__json *root;
    const llm__json *outer; /* the whole file; root may be its text_config */
    const char *within; /* the key that root stands under, for messages; NULL: it is the whole */
    llm__arena *arena;
    llm_error *error;
    llm_status status;
    int usual_heads;    /* num_attention_heads where the file does not say; 0: it must */
} llm__config;

enum { LLM__REQUIRED = -2147483647 };

/* A value as an error message shows it. */
LLM__FN const char *llm__json_show(const llm__json *v, char *text, size_t size) {
    if (!v) snprintf(text, size, "missing");
    else if (v->type == LLM__JSON_NULL) snprintf(text, size, "null");
    else if (v->type == LLM__JSON_TRUE) snprintf(text, size, "true");
    else if (v->type == LLM__JSON_FALSE) snprintf(text, size, "false");
    else if (v->type == LLM__JSON_STRING) snprintf(text, size, "\"%.60s\"", v->as.text);
    else if (v->type == LLM__JSON_ARRAY) snprintf(text, size, "a list of %lu", (unsigned long)v->length);
    else if (v->type == LLM__JSON_OBJECT) snprintf(text, size, "an object");
    else snprintf(text, size, "%.17g", v->as.number);
    return text;
}

LLM__FN void llm__config_fail(llm__config *c, const char *key, const char *expected) {
    char text[80];
    if (c->status == LLM_OK)
        c->status = llm__fail(c->error, LLM_BAD_CONFIG, "config.json: %s%s%s\"%s\" is %s; expected %s",
                              c->within ? "\"" : "", c->within ? c->within : "", c->within ? "\": " : "", key,
                              llm__json_show(llm__json_get(c->root, key), text, sizeof text), expected);
}

LLM__FN int llm__config_has(const llm__config *c, const char *key) {
    const llm__json *v = llm__json_get(c->root, key);
    return v && v->type != LLM__JSON_NULL;
}

/* A whole number in [low, high]; absent or null gives the fallback, unless that is LLM__REQUIRED. */
LLM__FN int llm__config_int(llm__config *c, const char *key, int fallback, int low, int high) {
    const llm__json *v = llm__json_get(c->root, key);
    char expected[80];
    double n;
    if (!llm__config_has(c, key) && fallback != LLM__REQUIRED) return fallback;
    if (v && (v->type == LLM__JSON_INTEGER || v->type == LLM__JSON_NUMBER)) {
        n = v->as.number;
        if (n >= low && n <= high && n == (double)(int)n) return (int)n;
    }
    snprintf(expected, sizeof expected, "a whole number from %d to %d", low, high);
    llm__config_fail(c, key, expected);
    return low;
}

/* The same where null says that there is none: 0. */
LLM__FN int llm__config_count(llm__config *c, const char *key, int fallback, int high) {
    if (llm__json_is(llm__json_get(c->root, key), LLM__JSON_NULL)) return 0;
    return llm__config_int(c, key, fallback, 0, high);
}

/* A size that a model cannot do without: 1 to 2^24. */
LLM__FN int llm__config_size(llm__config *c, const char *key) {
    return llm__config_int(c, key, LLM__REQUIRED, 1, 1 << 24);
}

/* A number in [low, high]; absent or null gives the fallback. NaN as fallback: required. */
LLM__FN double llm__config_number(llm__config *c, const char *key, double fallback, double low, double high) {
    double n;
    char expected[80];
    if (!llm__config_has(c, key) && fallback == fallback) return fallback;
    if (llm__json_float(llm__json_get(c->root, key), &n) && n >= low && n <= high) return n;
    snprintf(expected, sizeof expected, "a number from %g to %g", low, high);
    llm__config_fail(c, key, expected);
    return low;
}

LLM__FN int llm__config_flag(llm__config *c, const char *key, int fallback) {
    const llm__json *v = llm__json_get(c->root, key);
    if (!llm__config_has(c, key)) return fallback;
    if (v->type != LLM__JSON_TRUE && v->type != LLM__JSON_FALSE) llm__config_fail(c, key, "true or false");
    return v->type == LLM__JSON_TRUE;
}

LLM__FN float llm__config_eps(llm__config *c, const char *key, double fallback) {
    return (float)llm__config_number(c, key, fallback, 1e-30, 1.0);
}

LLM__FN void llm__config_divides(llm__config *c, const char *whole_key, int whole, const char *part_key, int part) {
    if (c->status == LLM_OK && (part < 1 || whole % part))
        c->status = llm__fail(c->error, LLM_BAD_CONFIG, "config.json: \"%s\" (%d) is not divisible by \"%s\" (%d)",
                              whole_key, whole, part_key, part);
}

/* Rows that so many heads (or experts) of so many numbers make: as many as a size may have, at most. */
LLM__FN void llm__config_product(llm__config *c, const char *count_key, int count, const char *width_key, int width) {
    if (c->status == LLM_OK && (int64_t)count * width > 1 << 24)
        c->status = llm__fail(c->error, LLM_BAD_CONFIG,
                              "config.json: \"%s\" (%d) times \"%s\" (%d) is too large; expected at most %d", count_key,
                              count, width_key, width, 1 << 24);
}

/* Whether an array of whole numbers holds n. */
LLM__FN int llm__config_lists(llm__config *c, const char *key, int n) {
    const llm__json *list = llm__json_get(c->root, key);
    uint32_t i;
    if (!llm__config_has(c, key)) return 0;
    if (list->type != LLM__JSON_ARRAY) {
        llm__config_fail(c, key, "a list of layer numbers");
        return 0;
    }
    for (i = 0; i < list->length; i++) {
        const llm__json *v = llm__json_at(list, i);
        if (v->type == LLM__JSON_INTEGER && v->as.number == n) return 1;
    }
    return 0;
}

/* Item i of a list of `count` numbers in [low, high]. */
LLM__FN double llm__config_item(llm__config *c, const char *key, int i, int count, double low, double high) {
    const llm__json *list = llm__json_get(c->root, key);
    char expected[100];
    double n;
    if (llm__json_is(list, LLM__JSON_ARRAY) && list->length == (uint32_t)count &&
        llm__json_float(llm__json_at(list, (uint32_t)i), &n) && n >= low && n <= high)
        return n;
    snprintf(expected, sizeof expected, "a list of %d numbers from %g to %g", count, low, high);
    llm__config_fail(c, key, expected);
    return low;
}

/* The same for whole numbers. */
LLM__FN int llm__config_item_int(llm__config *c, const char *key, int i, int count, int low, int high) {
    double n = llm__config_item(c, key, i, count, low, high);
    if (n != (double)(int)n) llm__config_fail(c, key, "a list of whole numbers");
    return (int)n;
}

/* ---- rotary embeddings (Su et al., arXiv:2104.09864) and the ways of stretching them */

LLM__FN double llm__not_a_number(void) {
    return (double)NAN;
}

/* A reader for an object inside of the configuration. */
LLM__FN llm__config llm__config_of(const llm__config *c, const llm__json *object) {
    const llm__json *key = llm__json_first(c->root);
    llm__config inner = *c;
    uint32_t i;
    inner.root = object;
    for (i = 0; key && i < c->root->length; i++, key = llm__json_next(key + 1))
        if (key + 1 == object) inner.within = key->as.text;
    return inner;
}

/* NTK-by-parts of Llama 3.1: long wavelengths are stretched, short ones are not, those between are blended. */
LLM__FN void llm__rope_llama3(llm__config *s, llm__rope *r) {
    double factor = llm__config_number(s, "factor", llm__not_a_number(), 1e-6, 1e6);
    double low = llm__config_number(s, "low_freq_factor", 1, 1e-6, 1e6);
    double high = llm__config_number(s, "high_freq_factor", 4, 1e-6, 1e6);
    double length = llm__config_number(s, "original_max_position_embeddings", 8192, 1, 1e12);
    int i;
    for (i = 0; i < r->dims / 2; i++) {
        double wavelength = 2 * 3.14159265358979323846 / r->frequency[i];
        double smooth = (length / wavelength - low) / (high - low);
        if (wavelength > length / low)
            r->frequency[i] /= factor;
        else if (wavelength > length / high && wavelength < length / low)
            r->frequency[i] *= (1 - smooth) / factor + smooth;
    }
}

LLM__FN double llm__yarn_scale(double factor, double m) {
    return factor <= 1 ? 1 : 0.1 * m * log(factor) + 1;
}

/* YaRN (arXiv:2309.00071).  truncate false leaves the ramp's ends unrounded; attention_factor is not read. */
LLM__FN void llm__rope_yarn(llm__config *s, llm__rope *r, double base) {
    double factor = llm__config_number(s, "factor", llm__not_a_number(), 1e-6, 1e6);
    double length = llm__config_number(s, "original_max_position_embeddings", 4096, 1, 1e12);
    double fast = llm__config_number(s, "beta_fast", 32, 1e-6, 1e6);
    double slow = llm__config_number(s, "beta_slow", 1, 1e-6, 1e6);
    double mscale = llm__config_number(s, "mscale", 1, 0, 1e6);
    double mscale_all = llm__config_number(s, "mscale_all_dim", 0, 0, 1e6);
    double tau = 2 * 3.14159265358979323846;
    double low, high;
    int i;
    if (!(base > 1)) {
        if (s->status == LLM_OK)
            s->status = llm__fail(s->error, LLM_BAD_CONFIG,
                                  "config.json: \"rope_theta\" is %g; expected more than 1 with \"yarn\"", base);
        return;
    }
    low = r->dims * log(length / (fast * tau)) / (2 * log(base));
    high = r->dims * log(length / (slow * tau)) / (2 * log(base));
    if (llm__config_flag(s, "truncate", 1)) {
        low = floor(low);
        high = ceil(high);
    }
    if (low < 0) low = 0;
    if (high > r->dims - 1) high = r->dims - 1;
    if (low == high) high += 0.001;
    for (i = 0; i < r->dims / 2; i++) {
        double ramp = (i - low) / (high - low);
        if (ramp < 0) ramp = 0;
        if (ramp > 1) ramp = 1;
        r->frequency[i] *= ramp / factor + (1 - ramp);
    }
    r->scale = (float)(llm__yarn_scale(factor, mscale) / llm__yarn_scale(factor, mscale_all));
}

LLM__FN void llm__rope_divide(llm__config *s, const char *key, double *frequency, int count) {
    const llm__json *list = llm__json_get(s->root, key);
    double n;
    int i;
    if (!llm__json_is(list, LLM__JSON_ARRAY) || list->length != (uint32_t)count) {
        char expected[64];
        snprintf(expected, sizeof expected, "a list of %d numbers", count);
        llm__config_fail(s, key, expected);
        return;
    }
    for (i = 0; i < count; i++) {
        if (!llm__json_float(llm__json_at(list, (uint32_t)i), &n) || !(n > 0)) {
            llm__config_fail(s, key, "positive numbers");
            return;
        }
        frequency[i] /= n;
    }
}

/* LongRoPE (arXiv:2402.13753): a factor for each pair, one list up to the original length and one beyond it.  Pairs are
   (i, i + dims/2) whatever rope_traditional says. */
LLM__FN void llm__rope_long(llm__config *c, llm__config *s, llm__rope *r) {
    double original =
        llm__config_number(s, "original_max_position_embeddings",
                           llm__config_number(c, "original_max_position_embeddings", 4096, 2, 1e12), 2, 1e12);
    double length = llm__config_number(c, "max_position_embeddings", 131072, 1, 1e12);
    double factor = llm__config_number(s, "factor", length / original, 1e-6, 1e9);
    int n = r->dims / 2;
    r->short_frequency = (double *)llm__arena_alloc(c->arena, (size_t)n + 1, sizeof(double));
    if (!r->short_frequency) {
        if (s->status == LLM_OK) s->status = llm__no_memory(s->error, (size_t)n * sizeof(double));
        return;
    }
    memcpy(r->short_frequency, r->frequency, (size_t)n * sizeof(double));
    llm__rope_divide(s, "long_factor", r->frequency, n);
    if (llm__config_has(s, "short_factor")) llm__rope_divide(s, "short_factor", r->short_frequency, n);
    else r->short_frequency = NULL;
    r->limit = (int64_t)original;
    r->interleaved = 0;
    if (length / original > 1) r->scale = (float)sqrt(1 + log(factor) / log(original));
    r->scale = (float)llm__config_number(s, "attention_factor", r->scale, 1e-6, 1e6);
}

/* Gemma 4: the rotated pairs are the first of the whole head's, the others stand still. */
LLM__FN void llm__rope_proportional(llm__config *s, llm__rope *r) {
    int i, rotated = (int)(r->dims * llm__config_number(s, "partial_rotary_factor", 1, 0, 1));
    double factor = llm__config_number(s, "factor", 1, 1e-6, 1e6);
    for (i = 0; i < r->dims / 2; i++) r->frequency[i] = 2 * i < rotated ? r->frequency[i] / factor : 0;
}

/* Sections of a head for time, height and width, which text moves through together: as one. */
LLM__FN void llm__rope_sections(llm__config *s) {
    const llm__json *sections = llm__json_get(s->root, "mrope_section");
    if (!llm__json_is(sections, LLM__JSON_ARRAY) || sections->length != 3)
        llm__config_fail(s, "mrope_section", "a list of 3");
}

LLM__FN void llm__rope_scaled(llm__config *c, llm__config *s, llm__rope *r, double base) {
    static const char *known = "\"default\", \"linear\", \"dynamic\", \"llama3\", \"yarn\", \"longrope\", \"su\", "
                               "\"proportional\" or \"mrope\"";
    const char *key = llm__config_has(s, "type") ? "type" : "rope_type";
    const llm__json *type = llm__json_get(s->root, key);
    int i;
    if (!llm__config_has(s, key) || llm__json_text_is(type, "default")) return;
    if (llm__json_text_is(type, "mrope")) {
        llm__rope_sections(s);
    } else if (llm__json_text_is(type, "proportional")) {
        llm__rope_proportional(s, r);
    } else if (llm__json_text_is(type, "linear")) {
        double factor = llm__config_number(s, "factor", llm__not_a_number(), 1e-6, 1e6);
        for (i = 0; i < r->dims / 2; i++) r->frequency[i] /= factor;
    } else if (llm__json_text_is(type, "dynamic")) {
        r->dynamic_factor = llm__config_number(s, "factor", llm__not_a_number(), 1e-6, 1e6);
        r->dynamic_base = base;
        r->limit = (int64_t)llm__config_number(c, "max_position_embeddings", 2048, 1, 1e12);
        if (r->dims < 4) llm__config_fail(s, key, "another type for heads this narrow");
    } else if (llm__json_text_is(type, "llama3")) {
        llm__rope_llama3(s, r);
    } else if (llm__json_text_is(type, "yarn") || llm__json_text_is(type, "deepseek_yarn") ||
               llm__json_text_is(type, "telechat3-yarn")) {
        llm__rope_yarn(s, r, base);
    } else if (llm__json_text_is(type, "longrope") || llm__json_text_is(type, "su")) {
        llm__rope_long(c, s, r);
    } else {
        llm__config_fail(s, key, known);
    }
}

/* Room for one more rotary embedding behind those that the model has, all zero. */
LLM__FN llm__rope *llm__rope_more(llm__config *c, llm_model *m) {
    size_t n = (size_t)m->rope_count;
    if (!(n & (n - 1))) { /* full at each power of two */
        llm__rope *more = (llm__rope *)llm__arena_alloc(c->arena, n ? 2 * n : 1, sizeof *more);
        if (!more) {
            c->status = llm__no_memory(c->error, n * sizeof *more);
            return NULL;
        }
        if (n) memcpy(more, m->ropes, n * sizeof *more);
        m->ropes = more;
    }
    memset(&m->ropes[n], 0, sizeof *m->ropes);
    return &m->ropes[n];
}

LLM__FN int llm__same_rope(const llm__rope *a, const llm__rope *b) {
    return a->dims == b->dims && a->interleaved == b->interleaved && a->scale == b->scale && a->limit == b->limit &&
           !a->short_frequency && !b->short_frequency && a->dynamic_base == b->dynamic_base &&
           a->dynamic_factor == b->dynamic_factor &&
           !memcmp(a->frequency, b->frequency, (size_t)a->dims / 2 * sizeof(double));
}

/* Ways of stretching for families that do not look at the type.  c: the configuration, s: the scaling in it. */
typedef void (*llm__stretch)(llm__config *c, llm__config *s, llm__rope *r, double base);

LLM__FN void llm__stretch_yarn(llm__config *c, llm__config *s, llm__rope *r, double base) {
    (void)c;
    llm__rope_yarn(s, r, base);
}

/* LongRoPE with the long factors at any length. */
LLM__FN void llm__stretch_long(llm__config *c, llm__config *s, llm__rope *r, double base) {
    (void)base;
    llm__rope_long(c, s, r);
    r->short_frequency = NULL;
}

/* Adds a rotary embedding of `dims` numbers to the model, if it has none like it; the object `scaling` (may be NULL)
   says how `stretch` is to stretch it.  Returns its index. */
LLM__FN int llm__rope_stretched(llm__config *c, llm_model *m, int dims, double base, int interleaved,
                                const llm__json *scaling, llm__stretch stretch) {
    llm__rope *r;
    int i;
    if (c->status != LLM_OK) return -1;
    if (dims < 2 || dims % 2) {
        c->status = llm__fail(c->error, LLM_BAD_CONFIG,
                              "config.json: \"%s\" leaves %d numbers of a head to rotate; "
                              "expected a positive even number",
                              llm__config_has(c, "partial_rotary_factor") ? "partial_rotary_factor"
                              : llm__config_has(c, "qk_rope_head_dim")    ? "qk_rope_head_dim"
                              : llm__config_has(c, "head_dim")            ? "head_dim"
                                                                          : "hidden_size",
                              dims);
        return -1;
    }
    r = llm__rope_more(c, m);
    if (!r) return -1;
    r->dims = dims;
    r->interleaved = interleaved;
    r->scale = 1;
    r->frequency = (double *)llm__arena_alloc(c->arena, (size_t)dims / 2, sizeof(double));
    if (!r->frequency) {
        c->status = llm__no_memory(c->error, (size_t)dims * sizeof(double));
        return -1;
    }
    for (i = 0; i < dims / 2; i++) r->frequency[i] = pow(base, -2.0 * i / dims);
    if (llm__json_is(scaling, LLM__JSON_OBJECT)) {
        llm__config s = llm__config_of(c, scaling);
        stretch(c, &s, r, base);
        c->status = s.status;
    }
    for (i = 0; i < m->rope_count; i++)
        if (llm__same_rope(&m->ropes[i], r)) return i;
    return m->rope_count++;
}

/* The same, as the scaling's type says. */
LLM__FN int llm__rope_add(llm__config *c, llm_model *m, int dims, double base, int interleaved,
                          const llm__json *scaling) {
    return llm__rope_stretched(c, m, dims, base, interleaved, scaling, llm__rope_scaled);
}

/* Every angle of a rotary embedding times a factor; returns its index. */
LLM__FN int llm__rope_stretch(llm_model *m, int rope, double factor) {
    int i;
    for (i = 0; rope >= 0 && i < m->ropes[rope].dims / 2; i++) m->ropes[rope].frequency[i] *= factor;
    return rope;
}

/* A number that rotary embeddings depend on, also where transformers 5 keeps it. */
LLM__FN double llm__rope_number(llm__config *c, const llm__json *parameters, const char *key, double fallback,
                                double low, double high) {
    if (!llm__config_has(c, key) && llm__json_is(parameters, LLM__JSON_OBJECT)) {
        llm__config p = llm__config_of(c, parameters);
        double n = llm__config_number(&p, key, fallback, low, high);
        c->status = p.status;
        return n;
    }
    return llm__config_number(c, key, fallback, low, high);
}

LLM__FN double llm__rope_theta(llm__config *c, double fallback) {
    return llm__rope_number(c, llm__json_get(c->root, "rope_parameters"), "rope_theta", fallback, 1e-3, 1e30);
}

/* How many of a head's numbers rotate. */
LLM__FN int llm__rope_part(llm__config *c, int width, double fallback) {
    const llm__json *parameters = llm__json_get(c->root, "rope_parameters");
    return (int)(width * llm__rope_number(c, parameters, "partial_rotary_factor", fallback, 0, 1));
}

/* The object that holds the scaling. */

LLM__FN const llm__json *llm__rope_scaling(llm__config *c) {
    const char *key = llm__config_has(c, "rope_scaling") ? "rope_scaling" : "rope_parameters";
    const llm__json *scaling = llm__json_get(c->root, key);
    if (llm__config_has(c, key) && scaling->type != LLM__JSON_OBJECT) llm__config_fail(c, key, "an object or null");
    return scaling;
}

/* ---- the names of tensors */

/* A row of the table at the end of this chapter. */
enum { LLM__MAX_TYPES = 8 };
typedef struct llm__arch {
    const char *types[LLM__MAX_TYPES];
    void (*read)(llm__config *c, llm_model *m);
    const char *renames, *skip, *note;
} llm__arch;

/* Where `from` stands in a name as a whole part of its path: at the start, or anywhere if it begins with a dot. */
LLM__FN const char *llm__rename_at(const char *name, const char *from) {
    size_t n = strlen(from);
    const char *at = from[0] == '.' ? strstr(name, from) : strncmp(name, from, n) ? NULL : name;
    while (at && from[n - 1] != '.' && at[n] && at[n] != '.') at = from[0] == '.' ? strstr(at + 1, from) : NULL;
    return at;
}

/* Turns a name of this file into the checkpoint's: each pair "ours=theirs" of the list, in order, where it fits. */
LLM__FN void llm__rename(char *name, size_t size, const char *renames) {
    const char *pair = renames, *equal, *end, *at;
    size_t begin;
    char from[80], to[80], rest[320];
    for (; *pair && *pair != '|'; pair = *end == ' ' ? end + 1 : end) {
        end = pair + strcspn(pair, " |");
        equal = strchr(pair, '=');
        snprintf(from, sizeof from, "%.*s", (int)(equal - pair), pair);
        snprintf(to, sizeof to, "%.*s", (int)(end - equal - 1), equal + 1);
        at = llm__rename_at(name, from);
        if (!at) continue;
        snprintf(rest, sizeof rest, "%s", at + strlen(from));
        begin = (size_t)(at - name);
        snprintf(name + begin, size - begin, "%s%s", to, rest);
    }
}

/* Whether the checkpoint has a tensor, by this file's name for it. */
LLM__FN int llm__model_has(const llm_model *m, const char *tensor) {
    char name[320];
    snprintf(name, sizeof name, "%s", tensor);
    llm__rename(name, sizeof name, m->renames);
    return llm__tensor_find(&m->tensors, name) != NULL;
}

/* Picks the first of the row's lists of renames that leads to an embedding. */
LLM__FN void llm__choose_renames(llm_model *m) {
    static const char *const suffixes[] = {".weight", ".qweight", ".weight_packed"};
    const char *list = m->arch->renames;
    int layout, i;
    m->renames = list;
    for (layout = 0; list; layout++) {
        const char *next = strchr(list, '|');
        for (i = 0; i < 3; i++) {
            char name[320];
            snprintf(name, sizeof name, "model.embed_tokens%s", suffixes[i]);
            llm__rename(name, sizeof name, list);
            if (!llm__tensor_find(&m->tensors, name)) continue;
            m->renames = list;
            m->layout = layout;
            return;
        }
        list = next ? next + 1 : NULL;
    }
}

/* Goes on to the row's next list of renames as long as a tensor is not found that every layout has. */
LLM__FN void llm__need_layout(llm_model *m, const char *tensor) {
    const char *first = m->renames;
    int layout = m->layout;
    while (!llm__model_has(m, tensor) && strchr(m->renames, '|')) {
        m->renames = strchr(m->renames, '|') + 1;
        m->layout++;
    }
    if (llm__model_has(m, tensor)) return;
    m->renames = first;
    m->layout = layout;
}

/* ---- readers: what several families share */

/* A form for norms that differ from the model's: RMS with an eps of its own. */
LLM__FN llm__norm llm__rms_form(float eps) {
    llm__norm norm;
    memset(&norm, 0, sizeof norm);
    norm.kind = LLM__RMS;
    norm.eps = eps;
    return norm;
}

enum { LLM__MAX_LAYERS = 4096 };

/* So many layers, as most are. */
LLM__FN void llm__make_layers(llm__config *c, llm_model *m, int count) {
    int i;
    m->embedding_scale = m->logit_scale = 1;
    if (m->norm.kind == LLM__NORM_AS_MODEL) m->norm.kind = LLM__RMS;
    if (c->status != LLM_OK) return;
    m->layer_count = count;
    m->layers = (llm__layer *)llm__arena_alloc(c->arena, (size_t)count, sizeof(llm__layer));
    if (!m->layers) c->status = llm__no_memory(c->error, (size_t)count * sizeof(llm__layer));
    for (i = 0; m->layers && i < count; i++) {
        llm__layer *layer = &m->layers[i];
        layer->stem = "model.layers";
        layer->number = i;
        layer->sub = "";
        layer->reads = layer->mixes = LLM__OWN;
        layer->cache = layer->beside_cache = LLM__NOWHERE;
        layer->branch_scale = layer->mixer_scale = layer->beside_scale = layer->ffn_scale = 1;
        layer->attention.rope = -1;
    }
}

/* A text_config may leave it to what is around it.  usual: where neither has it; 0: an error. */
LLM__FN int llm__read_vocabulary(llm__config *c, int usual) {
    llm__config outer = *c;
    int n, fallback = usual ? usual : (int)LLM__REQUIRED;
    outer.root = c->outer;
    outer.within = NULL;
    if (llm__config_has(c, "vocab_size") || !llm__config_has(&outer, "vocab_size"))
        return llm__config_int(c, "vocab_size", fallback, 1, 1 << 24);
    n = llm__config_int(&outer, "vocab_size", fallback, 1, 1 << 24);
    c->status = outer.status;
    return n;
}

/* gemma3 and gemma4 take it from around their text_config, if it is there. */
LLM__FN void llm__read_outer_vocabulary(llm__config *c, llm_model *m) {
    llm__config outer = *c;
    outer.root = c->outer;
    outer.within = NULL;
    m->vocabulary = llm__config_int(&outer, "vocab_size", m->vocabulary, 1, 1 << 24);
    c->status = outer.status;
}

/* The numbers that every model has, under their usual names; makes its layers. */
LLM__FN void llm__read_common(llm__config *c, llm_model *m) {
    m->hidden = llm__config_size(c, "hidden_size");
    m->vocabulary = llm__read_vocabulary(c, m->vocabulary);
    m->context = (int64_t)llm__config_number(c, "max_position_embeddings", 0, 0, 1e15);
    llm__make_layers(c, m, llm__config_int(c, "num_hidden_layers", LLM__REQUIRED, 1, LLM__MAX_LAYERS));
}

LLM__FN llm__attention llm__read_heads(llm__config *c) {
    llm__attention a;
    memset(&a, 0, sizeof a);
    a.heads = llm__config_int(c, "num_attention_heads", c->usual_heads ? c->usual_heads : (int)LLM__REQUIRED, 1, 65536);
    a.kv_heads = llm__config_int(c, "num_key_value_heads", a.heads, 1, 65536);
    llm__config_divides(c, "num_attention_heads", a.heads, "num_key_value_heads", a.kv_heads);
    a.rope = -1;
    return a;
}

LLM__FN void llm__set_width(llm__config *c, llm__attention *a, int width) {
    llm__config_product(c, "num_attention_heads", a->heads, "head_dim", width);
    a->width = a->value_width = width;
    a->scale = 1.0f / sqrtf((float)width);
}

/* Grouped-query attention with the usual keys; the same in every layer until the reader says otherwise.
   default_width 0: the heads share the hidden size. */
LLM__FN llm__attention llm__read_attention(llm__config *c, llm_model *m, int default_width) {
    llm__attention a = llm__read_heads(c);
    if (!default_width) {
        if (!llm__config_has(c, "head_dim"))
            llm__config_divides(c, "hidden_size", m->hidden, "num_attention_heads", a.heads);
        default_width = a.heads ? m->hidden / a.heads : 1;
    }
    llm__set_width(c, &a, llm__config_int(c, "head_dim", default_width, 1, 65536));
    return a;
}

/* The same where the heads share the hidden size whatever head_dim says. */
LLM__FN llm__attention llm__read_even_attention(llm__config *c, llm_model *m) {
    llm__attention a = llm__read_heads(c);
    llm__config_divides(c, "hidden_size", m->hidden, "num_attention_heads", a.heads);
    llm__set_width(c, &a, c->status == LLM_OK ? m->hidden / a.heads : 1);
    return a;
}

LLM__FN void llm__set_bias(llm__attention *a, int qkv, int out) {
    a->q_bias = a->k_bias = a->v_bias = qkv;
    a->o_bias = out;
}

/* The numbers that plain decoders have, and where their defaults differ. */
LLM__FN void llm__read_plain(llm__config *c, llm_model *m, const char *eps_key, int tied) {
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, eps_key, llm__not_a_number());
    m->tied = llm__config_flag(c, "tie_word_embeddings", tied);
}

/* Layer norms with weight and bias. */
LLM__FN void llm__set_layer_norm(llm_model *m, int biased) {
    m->norm.kind = LLM__LAYER_NORM;
    m->norm.biased = biased;
}

/* The rotary embedding of heads that rotate as a whole. */
LLM__FN int llm__read_rope(llm__config *c, llm_model *m, const llm__attention *a, double theta) {
    return llm__rope_add(c, m, a->width, llm__rope_theta(c, theta), llm__config_flag(c, "rope_traditional", 0),
                         llm__rope_scaling(c));
}

/* All layers: this attention, and a feed-forward of this width. */
LLM__FN void llm__set_dense(llm__config *c, llm_model *m, const llm__attention *a, int width,
                            llm__activation_kind activation, int mlp_bias) {
    int i;
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        layer->mixer = LLM__ATTENTION;
        layer->attention = *a;
        layer->ffn = LLM__MLP;
        layer->mlp.width = width;
        layer->mlp.activation.kind = activation;
        layer->mlp.bias = layer->mlp.down_bias = mlp_bias;
    }
}

LLM__FN void llm__read_dense(llm__config *c, llm_model *m, const llm__attention *a, llm__activation_kind activation,
                             int mlp_bias) {
    llm__set_dense(c, m, a, llm__config_size(c, "intermediate_size"), activation, mlp_bias);
}

/* All layers again: their scheme, and how gate and up lie. */
LLM__FN void llm__set_layers(llm__config *c, llm_model *m, llm__scheme scheme, llm__gate_up gate_up) {
    int i;
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].scheme = scheme;
        m->layers[i].mlp.gate_up = gate_up;
    }
}

/* Experts as the Qwen models name them; a layer that mlp_only_layers or decoder_sparse_step leaves out stays dense. */
LLM__FN void llm__read_qwen_experts(llm__config *c, llm_model *m) {
    int count = llm__config_int(c, "num_experts", LLM__REQUIRED, 0, 65536);
    int chosen = llm__config_int(c, "num_experts_per_tok", LLM__REQUIRED, 1, count ? count : 65536);
    int step = llm__config_int(c, "decoder_sparse_step", LLM__REQUIRED, 1, 4096);
    int width = llm__config_size(c, "moe_intermediate_size"), i;
    int renormalize = llm__config_flag(c, "norm_topk_prob", 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__experts *e = &m->layers[i].experts;
        if (!count || (i + 1) % step || llm__config_lists(c, "mlp_only_layers", i)) continue;
        m->layers[i].ffn = LLM__EXPERTS;
        e->count = count;
        e->chosen = chosen;
        e->width = width;
        e->scores = LLM__SOFTMAX_ALL;
        e->renormalize = renormalize;
        e->scaling = 1;
    }
}

/* Which layers slide: layer_types, if there is one. */
LLM__FN int llm__layer_slides(llm__config *c, const llm_model *m, int i) {
    const llm__json *types = llm__json_get(c->root, "layer_types"), *type;
    char text[80];
    if (!types || types->type == LLM__JSON_NULL) return 0;
    if (types->type != LLM__JSON_ARRAY || types->length != (uint32_t)m->layer_count) {
        snprintf(text, sizeof text, "a list of %d, a name for each layer", m->layer_count);
        llm__config_fail(c, "layer_types", text);
        return 0;
    }
    type = llm__json_at(types, (uint32_t)i);
    if (llm__json_text_is(type, "sliding_attention")) return 1;
    if (!llm__json_text_is(type, "full_attention") && c->status == LLM_OK)
        c->status = llm__fail(c->error, LLM_BAD_CONFIG,
                              "config.json: \"layer_types\"[%d] is %s; expected \"full_attention\" or "
                              "\"sliding_attention\"",
                              i, llm__json_show(type, text, sizeof text));
    return 0;
}

/* ---- readers, one for each family */

/* llama, mistral: the plain decoder; biases by flag, sliding windows by layer_types. */
LLM__FN void llm__read_llama(llm__config *c, llm_model *m) {
    llm__attention a;
    int i;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", llm__not_a_number());
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    a = llm__read_attention(c, m, 0);
    a.q_bias = a.k_bias = a.v_bias = a.o_bias = llm__config_flag(c, "attention_bias", 0);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), llm__config_flag(c, "rope_traditional", 0),
                           llm__rope_scaling(c));
    llm__read_dense(c, m, &a, LLM__SILU, llm__config_flag(c, "mlp_bias", 0));
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++)
        if (llm__layer_slides(c, m, i))
            m->layers[i].attention.window = llm__config_int(c, "sliding_window", LLM__REQUIRED, 1, 1 << 30);
}

/* mixtral: llama whose feed-forward is experts, chosen by logit and weighed by a softmax over the chosen.  rope_scaling
   and sliding_window are not used. */
LLM__FN void llm__read_mixtral(llm__config *c, llm_model *m) {
    llm__attention a;
    int i, count = llm__config_int(c, "num_local_experts", 8, 1, 65536);
    int chosen = llm__config_int(c, "num_experts_per_tok", 2, 1, count);
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-5);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 0);
    a = llm__read_attention(c, m, 0);
    if (!llm__json_get(c->root, "num_key_value_heads")) { /* absent is not null here */
        a.kv_heads = 8;
        llm__config_divides(c, "num_attention_heads", a.heads, "num_key_value_heads", a.kv_heads);
    }
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 1e6), llm__config_flag(c, "rope_traditional", 0), NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__experts *e = &m->layers[i].experts;
        m->layers[i].ffn = LLM__EXPERTS;
        e->count = count;
        e->chosen = chosen;
        e->width = m->layers[i].mlp.width;
        e->scores = LLM__SOFTMAX_BEST;
        e->scaling = 1;
    }
}

/* qwen2: llama with biases on q, k and v. */
LLM__FN void llm__read_qwen2(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", llm__not_a_number());
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    a = llm__read_attention(c, m, 0);
    a.q_bias = a.k_bias = a.v_bias = 1;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 1e6), llm__config_flag(c, "rope_traditional", 0),
                           llm__rope_scaling(c));
    llm__read_dense(c, m, &a, LLM__SILU, 0);
}

LLM__FN void llm__read_qwen3_attention(llm__config *c, llm_model *m, const llm__json *scaling) {
    llm__attention a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", llm__not_a_number());
    m->tied = llm__config_flag(c, "tie_word_embeddings", 0);
    a = llm__read_attention(c, m, 0);
    a.qk_norm = LLM__QK_HEAD;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 0, scaling);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
}

/* qwen3: llama with an RMS norm on each head's query and key. */
LLM__FN void llm__read_qwen3(llm__config *c, llm_model *m) {
    llm__read_qwen3_attention(c, m, llm__rope_scaling(c));
}

/* qwen3_moe: qwen3 with experts; rope_scaling is not used. */
LLM__FN void llm__read_qwen3_moe(llm__config *c, llm_model *m) {
    llm__read_qwen3_attention(c, m, NULL);
    llm__read_qwen_experts(c, m);
}

/* Gated delta rule as the Qwen models configure it; defaults: value heads, key heads, their widths, the kernel; NULL:
   all are required.  Its norm's weights are stored as they are. */
LLM__FN llm__delta llm__read_delta(llm__config *c, llm_model *m, const int *defaults) {
    static const char *const keys[5] = {"linear_num_value_heads", "linear_num_key_heads", "linear_key_head_dim",
                                        "linear_value_head_dim", "linear_conv_kernel_dim"};
    static const int most[5] = {65536, 65536, 4096, 4096, 64};
    int n[5], i;
    llm__delta d;
    memset(&d, 0, sizeof d);
    for (i = 0; i < 5; i++) n[i] = llm__config_int(c, keys[i], defaults ? defaults[i] : (int)LLM__REQUIRED, 1, most[i]);
    d.value_heads = n[0];
    d.key_heads = n[1];
    d.key_width = n[2];
    d.value_width = n[3];
    d.conv.kernel = n[4];
    d.beta_scale = 1;
    d.norm = llm__rms_form(m->norm.eps);
    llm__config_divides(c, keys[0], d.value_heads, keys[1], d.key_heads);
    llm__config_product(c, keys[0], d.value_heads, keys[3], d.value_width);
    llm__config_product(c, keys[0], d.value_heads, keys[2], d.key_width);
    if (c->status == LLM_OK) d.conv.channels = 2 * d.key_heads * d.key_width + d.value_heads * d.value_width;
    return d;
}

/* qwen3_next: three layers of gated delta rule to one of attention, whose output a sigmoid of a second half of q_proj
   gates; experts with a shared one that has its own gate. */
LLM__FN void llm__read_qwen3_next(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__delta d;
    int i, rotated, interval = llm__config_int(c, "full_attention_interval", 4, 1, 4096);
    int shared = llm__config_int(c, "shared_expert_intermediate_size", LLM__REQUIRED, 1, 1 << 24);
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", llm__not_a_number());
    m->tied = llm__config_flag(c, "tie_word_embeddings", 0);
    a = llm__read_attention(c, m, 0);
    a.qk_norm = LLM__QK_HEAD;
    a.gate = LLM__GATE_IN_Q;
    a.q_bias = a.k_bias = a.v_bias = a.o_bias = llm__config_flag(c, "attention_bias", 0);
    rotated = llm__rope_part(c, a.width, llm__not_a_number());
    a.rope = llm__rope_add(c, m, rotated, llm__rope_theta(c, llm__not_a_number()), 0, llm__rope_scaling(c));
    d = llm__read_delta(c, m, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    llm__read_qwen_experts(c, m);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        char name[64];
        snprintf(name, sizeof name, "model.layers.%d.mlp.experts.0.up_proj.weight", i);
        if (llm__model_has(m, name)) m->norm.offset = 1; /* the original's layout: weights less 1 */
        m->layers[i].experts.shared.width = shared;
        m->layers[i].experts.shared_gate = 1;
        if ((i + 1) % interval == 0) continue;
        m->layers[i].mixer = LLM__DELTA;
        m->layers[i].delta = d;
    }
}

LLM__FN llm__attention llm__read_gemma(llm__config *c, llm_model *m, int heads, int kv_heads, double query_scalar) {
    llm__attention a;
    memset(&a, 0, sizeof a);
    llm__read_common(c, m);
    m->norm.offset = 1;
    a.heads = llm__config_int(c, "num_attention_heads", heads, 1, 65536);
    a.kv_heads = llm__config_int(c, "num_key_value_heads", kv_heads, 1, 65536);
    llm__config_divides(c, "num_attention_heads", a.heads, "num_key_value_heads", a.kv_heads);
    a.width = llm__config_int(c, "head_dim", heads == LLM__REQUIRED ? LLM__REQUIRED : 256, 1, 65536);
    llm__config_product(c, "num_attention_heads", a.heads, "head_dim", a.width);
    a.value_width = a.width;
    a.scale = (float)(1 / sqrt(llm__config_number(c, "query_pre_attn_scalar", query_scalar, 1e-6, 1e6)));
    return a;
}

/* A cap on scores or logits; null: none, as the reference has it. */
LLM__FN float llm__read_cap(llm__config *c, const char *key, double fallback) {
    if (llm__json_is(llm__json_get(c->root, key), LLM__JSON_NULL)) return 0;
    return (float)llm__config_number(c, key, fallback, 1e-6, 1e9);
}

/* gemma2: sandwich norms with weight + 1, scores and logits capped by tanh, embeddings times sqrt(hidden); every other
   layer slides if the config has a sliding_window (the reference does; mlx-lm makes every layer global). */
LLM__FN void llm__read_gemma2(llm__config *c, llm_model *m) {
    llm__attention a = llm__read_gemma(c, m, LLM__REQUIRED, LLM__REQUIRED, 144);
    int i, window = llm__config_int(c, "sliding_window", 0, 0, 1 << 30);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", llm__not_a_number());
    m->tied = 1;
    m->embedding_scale = sqrtf((float)m->hidden);
    m->logit_softcap = llm__read_cap(c, "final_logit_softcapping", 30);
    a.softcap = llm__read_cap(c, "attn_logit_softcapping", 50);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), llm__config_flag(c, "rope_traditional", 0), NULL);
    llm__read_dense(c, m, &a, LLM__GELU_TANH, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].scheme = LLM__SANDWICH;
        if (i % 2 == 0) m->layers[i].attention.window = window;
    }
}

/* gemma3_text: gemma2 with head norms instead of caps, and a rotary base of its own in the sliding layers, which are
   all
   but every sliding_window_pattern-th.  The embedding factor is rounded to bfloat16.  Untied only if the file has a
   lm_head. */
LLM__FN void llm__read_gemma3_text(llm__config *c, llm_model *m) {
    const llm__json *both = llm__json_get(c->root, "rope_parameters"); /* transformers 5: one for each sort of layer */
    const llm__json *full = llm__json_get(both, "full_attention"), *sliding = llm__json_get(both, "sliding_attention");
    double full_theta, local_theta;
    llm__attention a;
    int i, window, local, global, pattern;
    if (!llm__config_has(c, "hidden_size")) llm__config_fail(c, "hidden_size", "a whole number");
    if (c->root != c->outer) m->vocabulary = 262208; /* gemma3's defaults are not gemma3_text's */
    a = c->root != c->outer ? llm__read_gemma(c, m, 8, 4, 256) : llm__read_gemma(c, m, 4, 1, 256);
    llm__read_outer_vocabulary(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    m->tied = !llm__model_has(m, "lm_head.weight");
    m->embedding_scale = llm__bf16_to_f32(llm__f32_to_bf16(sqrtf((float)m->hidden)));
    window = llm__config_int(c, "sliding_window", 512, 1, 1 << 30);
    pattern = llm__config_int(c, "sliding_window_pattern", 6, 1, 4096);
    a.qk_norm = LLM__QK_HEAD;
    full_theta = llm__rope_number(c, full ? full : both, "rope_theta", 1e6, 1e-3, 1e30);
    local_theta = llm__config_number(c, "rope_local_base_freq", 1e4, 1e-3, 1e30);
    if (sliding && !llm__config_has(c, "rope_local_base_freq")) {
        llm__config s = llm__config_of(c, sliding);
        local_theta = llm__rope_theta(&s, 1e4);
        c->status = s.status;
    }
    global = llm__rope_add(c, m, a.width, full_theta, 0, full ? full : llm__rope_scaling(c));
    local = llm__rope_add(c, m, a.width, local_theta, 0, NULL);
    llm__read_dense(c, m, &a, LLM__GELU_TANH, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        int slides = (i + 1) % pattern != 0;
        m->layers[i].scheme = LLM__SANDWICH;
        m->layers[i].attention.rope = slides ? local : global;
        m->layers[i].attention.window = slides ? window : 0;
    }
}

/* phi3: llama with q, k, v in one matrix and gate, up in another; part of each head rotates; longrope with the long
   factors at any length, as mlx-lm has it. */
LLM__FN void llm__read_phi3(llm__config *c, llm_model *m) {
    const llm__json *scaling = llm__rope_scaling(c), *type = llm__json_get(scaling, "type");
    llm__attention a;
    int i;
    if (!type) type = llm__json_get(scaling, "rope_type");
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", llm__not_a_number());
    m->tied = llm__config_flag(c, "tie_word_embeddings", 0);
    a = llm__read_attention(c, m, 0);
    a.qkv = LLM__QKV_JOINED;
    if (!llm__json_text_is(type, "longrope") && !llm__json_text_is(type, "su") && !llm__json_text_is(type, "linear"))
        scaling = NULL;
    a.rope = llm__rope_add(c, m, llm__rope_part(c, a.width, 1), llm__rope_theta(c, 10000),
                           llm__config_flag(c, "rope_traditional", 0), scaling);
    if (a.rope >= 0) m->ropes[a.rope].short_frequency = NULL;
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) m->layers[i].mlp.gate_up = LLM__GATE_UP_JOINED;
}

/* The factor that YaRN's mscale_all_dim puts on the softmax scale, squared because q and k share it. */
LLM__FN float llm__yarn_softmax(llm__config *c, const llm__json *scaling) {
    llm__config s = llm__config_of(c, scaling);
    double all, factor, scale;
    if (!llm__json_is(scaling, LLM__JSON_OBJECT)) return 1;
    all = llm__config_number(&s, "mscale_all_dim", 0, 0, 1e6);
    factor = llm__config_number(&s, "factor", 1, 1e-6, 1e6);
    c->status = s.status;
    scale = all == 0 ? 1 : llm__yarn_scale(factor, all);
    return (float)(scale * scale);
}

/* Experts with DeepSeek's keys.  usual: what the config need not say; count 0: there are none. */
LLM__FN llm__experts llm__read_routed(llm__config *c, const llm__experts *usual) {
    llm__experts e = *usual;
    int shared = llm__config_count(c, "n_shared_experts", usual->shared.width, 4096);
    e.shared.width = 0;
    e.count = llm__config_count(c, "n_routed_experts", usual->count, 65536);
    if (!e.count || c->status != LLM_OK) return e;
    e.chosen = llm__config_int(c, "num_experts_per_tok", usual->chosen, 1, e.count);
    e.width = llm__config_int(c, "moe_intermediate_size", usual->width, 1, 1 << 24);
    e.renormalize = llm__config_flag(c, "norm_topk_prob", usual->renormalize);
    e.scaling = (float)llm__config_number(c, "routed_scaling_factor", usual->scaling, -1e6, 1e6);
    llm__config_product(c, "n_shared_experts", shared, "moe_intermediate_size", e.width);
    if (c->status == LLM_OK) e.shared.width = e.width * shared;
    return e;
}

/* n_group and topk_group. */
LLM__FN void llm__read_groups(llm__config *c, llm__experts *e, const char *count_key, int groups, int chosen) {
    if (!e->count || c->status != LLM_OK) return;
    e->groups = llm__config_int(c, "n_group", groups, 1, e->count);
    if (chosen > e->groups) chosen = e->groups;
    e->chosen_groups = llm__config_int(c, "topk_group", chosen, 1, e->groups);
    llm__config_divides(c, count_key, e->count, "n_group", e->groups);
    if (c->status == LLM_OK && e->groups > 1 && !e->group_best && e->count / e->groups < 2)
        c->status = llm__fail(c->error, LLM_BAD_CONFIG,
                              "config.json: \"n_group\" (%d) leaves fewer than 2 experts a group", e->groups);
}

/* Gives them to the layers that have experts. */
LLM__FN void llm__set_routed(llm__config *c, llm_model *m, const llm__experts *e) {
    int i, first = llm__config_int(c, "first_k_dense_replace", 0, 0, 1 << 20);
    int step = llm__config_int(c, "moe_layer_freq", 1, 1, 4096);
    for (i = first; e->count && i < m->layer_count && c->status == LLM_OK; i++)
        if (i % step == 0) {
            m->layers[i].ffn = LLM__EXPERTS;
            m->layers[i].experts = *e;
        }
}

/* Sigmoid scores, biased to choose, in groups: those of DeepSeek-V3 and after. */
LLM__FN llm__experts llm__read_sigmoid_router(llm__config *c, const llm__experts *usual) {
    llm__experts e = llm__read_routed(c, usual);
    e.scores = LLM__SIGMOID;
    e.biased = 1;
    e.renormalize = e.renormalize && e.chosen > 1;
    llm__read_groups(c, &e, "n_routed_experts", 1, 1);
    if (e.count && llm__config_has(c, "topk_method") &&
        !llm__json_text_is(llm__json_get(c->root, "topk_method"), "noaux_tc"))
        llm__config_fail(c, "topk_method", "\"noaux_tc\"");
    return e;
}

LLM__FN void llm__read_sigmoid_experts(llm__config *c, llm_model *m, const llm__experts *usual) {
    llm__experts e = llm__read_sigmoid_router(c, usual);
    llm__set_routed(c, m, &e);
}

/* With DeepSeek-V3's defaults. */
LLM__FN llm__experts llm__read_deepseek_router(llm__config *c) {
    llm__experts usual;
    memset(&usual, 0, sizeof usual);
    usual.chosen = 1;
    usual.width = 1407;
    usual.renormalize = 1;
    usual.scaling = 1;
    return llm__read_sigmoid_router(c, &usual);
}

LLM__FN void llm__read_deepseek_experts(llm__config *c, llm_model *m) {
    llm__experts e = llm__read_deepseek_router(c);
    llm__set_routed(c, m, &e);
}

/* Heads, ranks and widths of latent attention where the config says nothing. */
typedef struct llm__latent_sizes {
    int heads, q_rank, rank, rotary, nope, value;
} llm__latent_sizes;

static const llm__latent_sizes llm__latent_usual = {32, 1536, 512, 64, 128, 128};
static const llm__latent_sizes llm__latent_required = {LLM__REQUIRED, LLM__REQUIRED, LLM__REQUIRED,
                                                       LLM__REQUIRED, LLM__REQUIRED, LLM__REQUIRED};

/* Latent attention with DeepSeek's keys; eps: of the latents' norms. */
LLM__FN llm__latent llm__read_latent(llm__config *c, const llm__latent_sizes *usual, float eps) {
    llm__latent a;
    memset(&a, 0, sizeof a);
    a.heads = llm__config_int(c, "num_attention_heads", usual->heads, 1, 65536);
    a.q_rank = llm__config_count(c, "q_lora_rank", usual->q_rank, 1 << 20);
    a.rank = llm__config_int(c, "kv_lora_rank", usual->rank, 1, 1 << 20);
    a.rotary = llm__config_int(c, "qk_rope_head_dim", usual->rotary, 1, 65536);
    a.nope = llm__config_int(c, "qk_nope_head_dim", usual->nope, 1, 65536);
    a.value = usual->value ? llm__config_int(c, "v_head_dim", usual->value, 1, 65536) : 1;
    llm__config_product(c, "num_attention_heads", a.heads, "qk_rope_head_dim", a.rotary);
    llm__config_product(c, "num_attention_heads", a.heads, "qk_nope_head_dim", a.nope);
    llm__config_product(c, "num_attention_heads", a.heads, "v_head_dim", a.value);
    a.bias = llm__config_flag(c, "attention_bias", 0);
    a.q_norm = a.kv_norm = llm__rms_form(eps);
    a.scale = 1 / sqrtf((float)(a.nope + a.rotary));
    a.rope = -1;
    return a;
}

/* Its rotation, with what YaRN does to the scale of scores. */
LLM__FN void llm__rotate_latent(llm__config *c, llm_model *m, llm__latent *a, double theta, int interleaved,
                                const llm__json *scaling) {
    a->scale *= llm__yarn_softmax(c, scaling);
    a->rope = llm__rope_add(c, m, a->rotary, theta, interleaved, scaling);
}

/* All layers: this attention, and a feed-forward of the usual kind. */
LLM__FN void llm__set_latent(llm__config *c, llm_model *m, const llm__latent *a, int mlp_bias) {
    llm__attention none;
    int i;
    memset(&none, 0, sizeof none);
    llm__read_dense(c, m, &none, LLM__SILU, mlp_bias);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].mixer = LLM__LATENT;
        m->layers[i].latent = *a;
    }
}

/* deepseek_v3 (also kimi_k2, joyai_llm_flash, and within kimi_vl and kimi_k25): latent attention, experts chosen by
   biased sigmoid within groups; the norms of the latents have eps 1e-6 whatever the config says. */
LLM__FN void llm__read_deepseek_v3(llm__config *c, llm_model *m) {
    llm__latent a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    a = llm__read_latent(c, &llm__latent_usual, 1e-6f);
    llm__rotate_latent(c, m, &a, llm__rope_theta(c, 10000), 1, llm__rope_scaling(c));
    llm__set_latent(c, m, &a, 0);
    llm__read_deepseek_experts(c, m);
}

/* ---- readers: families of attention and dense feed-forwards */

/* afm7: joined q, k, v; pairs rotate, and the norms of heads come after; keys and values are rounded to 8 bits.  The
   last num_kv_reuse_layers layers have queries only, and read the last of the others. */
LLM__FN void llm__read_afm7(llm__config *c, llm_model *m) {
    int i, count = llm__config_int(c, "num_layers", LLM__REQUIRED, 1, LLM__MAX_LAYERS);
    int own = count - llm__config_int(c, "num_kv_reuse_layers", LLM__REQUIRED, 0, count - 1);
    double factor = llm__config_number(c, "hidden_dim_scale_factor", 3.25, 1e-3, 256);
    llm__attention a;
    memset(&a, 0, sizeof a);
    m->hidden = llm__config_int(c, "hidden_dim", LLM__REQUIRED, 1, 1 << 16);
    m->vocabulary = llm__config_size(c, "vocab_size");
    llm__make_layers(c, m, count);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-5);
    m->tied = 1;
    a.heads = llm__config_int(c, "num_heads", LLM__REQUIRED, 1, 65536);
    a.kv_heads = llm__config_int(c, "num_kv_heads", LLM__REQUIRED, 1, 65536);
    llm__config_divides(c, "hidden_dim", m->hidden, "num_heads", a.heads);
    llm__config_divides(c, "num_heads", a.heads, "num_kv_heads", a.kv_heads);
    llm__set_width(c, &a, c->status == LLM_OK ? m->hidden / a.heads : 1);
    if (m->hidden * factor < 1) llm__config_fail(c, "hidden_dim_scale_factor", "a larger number");
    a.qkv = LLM__QKV_JOINED;
    a.qk_norm = LLM__QK_HEAD;
    a.q_norm = a.k_norm = llm__rms_form(1e-5f);
    a.norm_last = a.rounded = 1;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 50000), 1, NULL);
    llm__set_dense(c, m, &a, (int)(m->hidden * factor), LLM__SILU, 0);
    for (i = own; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].stem = "model.kv_reuse_layers";
        m->layers[i].number = i - own;
        m->layers[i].reads = own - 1;
        m->layers[i].attention.shared = 1;
        m->layers[i].attention.rounded = 0;
    }
}

/* apertus: llama with norms on heads, and xIELU without a gate. */
LLM__FN void llm__read_apertus(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_even_attention(c, m);
    a.qk_norm = LLM__QK_HEAD;
    a.rope = llm__read_rope(c, m, &a, llm__not_a_number());
    llm__read_dense(c, m, &a, LLM__XIELU, llm__config_flag(c, "mlp_bias", 0));
    llm__set_layers(c, m, LLM__PRE, LLM__UP_ONLY);
}

/* baichuan_m1: keys and values pass a convolution of two taps before the rotation; sliding layers may have head counts
   of their own; the head's rows have the length 1. */
LLM__FN void llm__read_baichuan_m1(llm__config *c, llm_model *m) {
    llm__attention full, sliding;
    int i;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    if (m->tied) llm__config_fail(c, "tie_word_embeddings", "false");
    m->head_rows_normed = 1;
    full = llm__read_even_attention(c, m);
    llm__config_int(c, "conv_window", LLM__REQUIRED, 2, 2);
    full.qkv = LLM__QKV_JOINED;
    full.conv = 1;
    sliding = full;
    sliding.heads = llm__config_int(c, "num_swa_attention_heads", full.heads, 1, 65536);
    sliding.kv_heads = llm__config_int(c, "num_swa_key_value_heads", full.kv_heads, 1, 65536);
    llm__config_divides(c, "hidden_size", m->hidden, "num_swa_attention_heads", sliding.heads);
    llm__config_divides(c, "num_swa_attention_heads", sliding.heads, "num_swa_key_value_heads", sliding.kv_heads);
    llm__set_width(c, &sliding, c->status == LLM_OK ? m->hidden / sliding.heads : 1);
    sliding.window = llm__config_int(c, "sliding_window", LLM__REQUIRED, 1, 1 << 30);
    full.rope = llm__rope_add(c, m, full.width, llm__rope_theta(c, llm__not_a_number()), 0, NULL);
    sliding.rope = llm__rope_add(c, m, sliding.width, llm__rope_theta(c, llm__not_a_number()), 0, NULL);
    llm__read_dense(c, m, &full, LLM__SILU, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].list = 2;
        if (llm__config_lists(c, "sliding_window_layers", i)) m->layers[i].attention = sliding;
    }
}

/* bitnet: llama of ternary weights, with norms before o_proj and down_proj, and relu squared for the gate. */
LLM__FN void llm__read_bitnet(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "attention_bias", 0), i;
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 1);
    m->ternary_scaled = 1;
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    a.out_normed = 1;
    a.rope = llm__read_rope(c, m, &a, 10000);
    llm__read_dense(c, m, &a, LLM__RELU2, llm__config_flag(c, "mlp_bias", 0));
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) m->layers[i].mlp.sub_normed = 1;
}

/* cohere, cohere2: one layer norm before attention and feed-forward, which run side by side; pairs rotate; logits times
   logit_scale.  cohere's optional head norms have weights for each head; cohere2 slides, but for every
   sliding_window_pattern-th layer, which has no rotation. */
LLM__FN llm__attention llm__read_cohere_attention(llm__config *c, llm_model *m, double theta) {
    llm__attention a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "layer_norm_eps", 1e-5);
    m->tied = 1;
    m->logit_scale = (float)llm__config_number(c, "logit_scale", 0.0625, 1e-9, 1e9);
    llm__set_layer_norm(m, llm__config_flag(c, "layer_norm_bias", 0));
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, llm__config_flag(c, "attention_bias", 0), llm__config_flag(c, "attention_bias", 0));
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, theta), 1, NULL);
    return a;
}

LLM__FN void llm__read_cohere(llm__config *c, llm_model *m) {
    llm__attention a = llm__read_cohere_attention(c, m, 8e6);
    if (llm__config_flag(c, "use_qk_norm", 0)) a.qk_norm = LLM__QK_EACH_HEAD;
    a.q_norm.kind = a.k_norm.kind = LLM__LAYER_NORM;
    a.q_norm.eps = a.k_norm.eps = m->norm.eps;
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    llm__set_layers(c, m, LLM__PARALLEL_ONE, LLM__GATE_UP_SEPARATE);
}

LLM__FN void llm__read_cohere2(llm__config *c, llm_model *m) {
    llm__attention a = llm__read_cohere_attention(c, m, 5e4);
    int i, window = llm__config_int(c, "sliding_window", 4096, 1, 1 << 30);
    int pattern = llm__config_int(c, "sliding_window_pattern", 4, 1, 4096);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    llm__set_layers(c, m, LLM__PARALLEL_ONE, LLM__GATE_UP_SEPARATE);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        if ((i + 1) % pattern) m->layers[i].attention.window = window;
        else m->layers[i].attention.rope = -1;
    }
}

/* ernie4_5: llama whose pairs rotate, with one flag for biases. */
LLM__FN void llm__read_ernie4_5(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "use_bias", 0);
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 1, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, bias);
}

/* exaone: llama under names of its own. */
LLM__FN void llm__read_exaone(llm__config *c, llm_model *m) {
    llm__attention a;
    int bias = llm__config_flag(c, "attention_bias", 0);
    m->hidden = llm__config_size(c, "hidden_size");
    m->vocabulary = llm__config_size(c, "vocab_size");
    m->context = llm__config_int(c, "max_position_embeddings", 0, 0, 1 << 30);
    llm__make_layers(c, m, llm__config_int(c, "num_layers", LLM__REQUIRED, 1, LLM__MAX_LAYERS));
    m->norm.eps = llm__config_eps(c, "layer_norm_epsilon", llm__not_a_number());
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    a.rope = llm__read_rope(c, m, &a, llm__not_a_number());
    llm__read_dense(c, m, &a, LLM__SILU, llm__config_flag(c, "mlp_bias", 0));
}

/* exaone4: norms behind attention and feed-forward only, and on each head.  sliding_window_pattern spells the layers, L
   for sliding and G for global; global ones have no rotation.  Without it all are global and rotate. */
LLM__FN void llm__read_exaone4(llm__config *c, llm_model *m) {
    const llm__json *pattern = llm__json_get(c->root, "sliding_window_pattern");
    llm__attention a;
    int i;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_attention(c, m, 0);
    a.qk_norm = LLM__QK_HEAD;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 0, llm__rope_scaling(c));
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    llm__set_layers(c, m, LLM__POST, LLM__GATE_UP_SEPARATE);
    if (!llm__config_has(c, "sliding_window_pattern")) return;
    if (pattern->type != LLM__JSON_STRING || !pattern->length || strspn(pattern->as.text, "LG") != pattern->length) {
        llm__config_fail(c, "sliding_window_pattern", "a text of L and G");
        return;
    }
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        if (pattern->as.text[(uint32_t)i % pattern->length] == 'G') m->layers[i].attention.rope = -1;
        else m->layers[i].attention.window = llm__config_int(c, "sliding_window", LLM__REQUIRED, 1, 1 << 30);
    }
}

/* gemma: norms with weight + 1, GELU with erf, embeddings times sqrt(hidden). */
LLM__FN void llm__read_gemma1(llm__config *c, llm_model *m) {
    llm__attention a = llm__read_gemma(c, m, LLM__REQUIRED, LLM__REQUIRED, 1);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", llm__not_a_number());
    m->tied = 1;
    m->embedding_scale = sqrtf((float)m->hidden);
    a.scale = 1 / sqrtf((float)a.width);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), llm__config_flag(c, "rope_traditional", 0), NULL);
    llm__read_dense(c, m, &a, LLM__GELU, 0);
}

/* glm: pairs rotate; gate and up in one matrix.  glm4: a part of each head rotates; norms behind both blocks too. */
LLM__FN void llm__read_glm(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 1);
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, llm__config_flag(c, "attention_bias", 0), 0);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), 1, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    llm__set_layers(c, m, LLM__PRE, LLM__GATE_UP_JOINED);
}

LLM__FN void llm__read_glm4(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->tied = 0;
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, llm__config_flag(c, "attention_bias", 0), 0);
    a.rope = llm__rope_add(c, m, llm__rope_part(c, a.width, llm__not_a_number()),
                           llm__rope_theta(c, llm__not_a_number()), llm__config_flag(c, "rope_traditional", 1), NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    llm__set_layers(c, m, LLM__SANDWICH, LLM__GATE_UP_JOINED);
}

/* gpt2, gpt_bigcode, gptj: layer norms, feed-forwards without a gate.  What their configs have in common. */
LLM__FN llm__attention llm__read_gpt(llm__config *c, llm_model *m) {
    llm__attention a;
    memset(&a, 0, sizeof a);
    m->hidden = llm__config_size(c, "n_embd");
    m->vocabulary = llm__config_size(c, "vocab_size");
    m->context = llm__config_int(c, "n_positions", LLM__REQUIRED, 1, 1 << 24);
    llm__make_layers(c, m, llm__config_int(c, "n_layer", LLM__REQUIRED, 1, LLM__MAX_LAYERS));
    m->norm.eps = llm__config_eps(c, "layer_norm_epsilon", llm__not_a_number());
    llm__set_layer_norm(m, 1);
    m->tied = 1;
    a.heads = a.kv_heads = llm__config_int(c, "n_head", LLM__REQUIRED, 1, 65536);
    llm__config_divides(c, "n_embd", m->hidden, "n_head", a.heads);
    llm__set_width(c, &a, c->status == LLM_OK ? m->hidden / a.heads : 1);
    a.rope = -1;
    return a;
}

/* gpt2: learned positions; the original stores its maps transposed. */
LLM__FN void llm__read_gpt2(llm__config *c, llm_model *m) {
    llm__attention a = llm__read_gpt(c, m);
    m->position_count = (int)m->context;
    m->transposed = m->layout == 1;
    a.qkv = LLM__QKV_JOINED;
    llm__set_bias(&a, 1, 1);
    llm__config_product(c, "n_embd", m->hidden, "4", 4);
    llm__set_dense(c, m, &a, 4 * m->hidden, LLM__GELU_TANH, 1);
    llm__set_layers(c, m, LLM__PRE, LLM__UP_ONLY);
}

/* gpt_bigcode: gpt2 with one kv head (multi_query), and GELU with erf whatever the config says. */
LLM__FN void llm__read_gpt_bigcode(llm__config *c, llm_model *m) {
    llm__attention a = llm__read_gpt(c, m);
    int bias = llm__config_flag(c, "attention_bias", 1);
    m->position_count = (int)m->context;
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    if (llm__config_flag(c, "multi_query", 1)) a.kv_heads = 1;
    a.qkv = LLM__QKV_JOINED;
    llm__set_bias(&a, bias, bias);
    llm__set_dense(c, m, &a, llm__config_size(c, "n_inner"), LLM__GELU, llm__config_flag(c, "mlp_bias", 1));
    llm__set_layers(c, m, LLM__PRE, LLM__UP_ONLY);
}

/* gpt_neox: query, key and value of each head together; a part of each head rotates; attention and feed-forward side by
   side, each with a layer norm, or one after the other; GELU by tanh whatever the config says. */
LLM__FN void llm__read_gpt_neox(llm__config *c, llm_model *m) {
    int parallel = llm__config_flag(c, "use_parallel_residual", 1);
    llm__attention a;
    llm__read_plain(c, m, "layer_norm_eps", 0);
    m->tied = 0;
    llm__set_layer_norm(m, 1);
    a = llm__read_even_attention(c, m);
    a.kv_heads = a.heads;
    a.qkv = LLM__QKV_GROUPED;
    llm__set_bias(&a, 1, 1);
    a.rope = llm__rope_add(c, m, (int)(a.width * llm__config_number(c, "rotary_pct", llm__not_a_number(), 0, 1)),
                           llm__config_number(c, "rotary_emb_base", llm__not_a_number(), 1e-3, 1e30), 0, NULL);
    llm__config_product(c, "hidden_size", m->hidden, "4", 4);
    llm__set_dense(c, m, &a, 4 * m->hidden, LLM__GELU_TANH, 1);
    llm__set_layers(c, m, parallel ? LLM__PARALLEL_TWO : LLM__PRE, LLM__UP_ONLY);
}

/* gptj: one layer norm for attention and feed-forward side by side; pairs rotate; a head with a bias. */
LLM__FN void llm__read_gptj(llm__config *c, llm_model *m) {
    llm__attention a = llm__read_gpt(c, m);
    m->tied = 0;
    m->head_bias = 1;
    a.rope = llm__rope_add(c, m, llm__config_int(c, "rotary_dim", a.width, 2, a.width), 10000, 1, NULL);
    llm__config_product(c, "n_embd", m->hidden, "4", 4);
    llm__set_dense(c, m, &a, 4 * m->hidden, LLM__GELU_TANH, 1);
    llm__set_layers(c, m, LLM__PARALLEL_ONE, LLM__UP_ONLY);
}

/* What residual_multiplier and its like multiply. */
LLM__FN void llm__set_branch_scale(llm__config *c, llm_model *m, double scale) {
    int i;
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) m->layers[i].branch_scale = (float)scale;
}

/* granite: llama with multipliers on embeddings, scores, residual branches and logits. */
LLM__FN void llm__read_granite(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "attention_bias", 0);
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 1);
    m->embedding_scale = (float)llm__config_number(c, "embedding_multiplier", llm__not_a_number(), -1e9, 1e9);
    m->logit_scale = (float)(1 / llm__config_number(c, "logits_scaling", llm__not_a_number(), 1e-9, 1e9));
    a = llm__read_even_attention(c, m);
    a.scale = (float)llm__config_number(c, "attention_multiplier", llm__not_a_number(), -1e9, 1e9);
    llm__set_bias(&a, bias, bias);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 0, llm__rope_scaling(c));
    llm__read_dense(c, m, &a, LLM__SILU, llm__config_flag(c, "mlp_bias", 0));
    llm__set_branch_scale(c, m, llm__config_number(c, "residual_multiplier", llm__not_a_number(), -1e9, 1e9));
}

/* helium: llama whose pairs rotate; head_dim is not read, and o_proj never has a bias. */
LLM__FN void llm__read_helium(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, llm__config_flag(c, "attention_bias", 0), 0);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 1, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, llm__config_flag(c, "mlp_bias", 0));
}

/* A rotation whose base grows with rope_scaling's alpha. */
LLM__FN int llm__read_alpha_rope(llm__config *c, llm_model *m, const llm__attention *a, double theta) {
    const llm__json *scaling = llm__rope_scaling(c);
    double alpha = 1;
    if (llm__json_is(scaling, LLM__JSON_OBJECT)) {
        llm__config s = llm__config_of(c, scaling);
        alpha = llm__config_number(&s, "alpha", 1, 1e-6, 1e9);
        c->status = s.status;
    }
    if (a->width < 4) llm__config_fail(c, "rope_scaling", "wider heads");
    return llm__rope_add(c, m, a->width, llm__rope_theta(c, theta) * pow(alpha, a->width / (a->width - 2.0)), 0, NULL);
}

/* A whole number, or a list of at least i + 1 of them of which the layer's own counts. */
LLM__FN int llm__config_own(llm__config *c, const char *key, int i, int fallback, int low, int high) {
    const llm__json *list = llm__json_get(c->root, key);
    if (!llm__json_is(list, LLM__JSON_ARRAY)) return llm__config_int(c, key, fallback, low, high);
    return llm__config_item_int(c, key, i, i < (int)list->length ? (int)list->length : i + 1, low, high);
}

/* hunyuan: groups of cla_share_factor layers share keys and values, as the first one's maps give them; norms on heads
   behind the rotation; experts whose numbers may differ by layer, beside a dense feed-forward.  The original joins q, k
   and v by kv head, and up and gate. */
LLM__FN void llm__read_hunyuan(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "attention_bias", 0), cla = llm__config_flag(c, "use_cla", 0), width, i;
    int joined = llm__model_has(m, "model.layers.0.mlp.gate_up_proj.weight");
    int share = llm__config_int(c, "cla_share_factor", 2, 1, 4096), count;
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->tied = 1;
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, bias, bias);
    if (llm__config_flag(c, "use_qk_norm", 0)) a.qk_norm = LLM__QK_HEAD;
    a.norm_last = 1;
    if (joined) a.qkv = LLM__QKV_GROUPED;
    else if (cla) a.raw = LLM__RAW_LENT;
    m->carry = cla ? 2 * a.kv_heads * a.width : 0;
    a.rope = llm__read_alpha_rope(c, m, &a, llm__not_a_number());
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    if (joined) llm__set_layers(c, m, LLM__PRE, LLM__UP_GATE_JOINED);
    count = llm__config_int(c, "num_experts", LLM__REQUIRED, 1, 65536);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__experts *e = &m->layers[i].experts;
        if (a.raw && i % share) m->layers[i].attention.raw = LLM__RAW_BORROWED;
        if (count == 1) continue;
        m->layers[i].ffn = LLM__EXPERTS;
        e->count = count;
        e->chosen = llm__config_own(c, "moe_topk", i, LLM__REQUIRED, 1, count);
        width = m->layers[i].mlp.width;
        e->width = llm__config_own(c, "moe_intermediate_size", i, width, 1, 1 << 24);
        e->scaling = 1;
        if (!llm__config_flag(c, "use_mixed_mlp_moe", 0)) continue;
        e->shared.width = llm__config_own(c, "num_shared_expert", i, LLM__REQUIRED, 1, 4096);
        llm__config_product(c, "num_shared_expert", e->shared.width, "intermediate_size", width);
        if (c->status == LLM_OK) e->shared.width *= width;
    }
}

/* hunyuan_v1_dense: llama with norms on heads behind the rotation. */
LLM__FN void llm__read_hunyuan_v1_dense(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "attention_bias", 0);
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    if (llm__config_flag(c, "use_qk_norm", 1)) a.qk_norm = LLM__QK_HEAD;
    a.norm_last = 1;
    a.rope = llm__read_alpha_rope(c, m, &a, 10000);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
}

/* internlm2: llama with q, k and v of each kv head together.  internlm3: llama with biases by two flags. */
LLM__FN void llm__read_internlm2(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "bias", 1);
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_even_attention(c, m);
    a.qkv = LLM__QKV_GROUPED;
    llm__set_bias(&a, bias, bias);
    a.rope = llm__read_rope(c, m, &a, 10000);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
}

LLM__FN void llm__read_internlm3(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "qkv_bias", 0);
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, bias, bias);
    a.rope = llm__read_rope(c, m, &a, 10000);
    llm__read_dense(c, m, &a, LLM__SILU, llm__config_flag(c, "bias", 0));
}

/* iquestloopcoder: llama's layers, gone through twice.  In the second loop a layer attends to its keys and values of
   the first loop, all of them, and to those of its own, within a window; a gate on each head mixes the two. */
LLM__FN void llm__read_iquestloopcoder(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "attention_bias", 0), n, i;
    int window = llm__config_int(c, "loop_window_size", 64, 1, 1 << 30);
    llm__attention a;
    llm__config_int(c, "loop_num", 2, 2, 2);
    llm__read_plain(c, m, "rms_norm_eps", 0);
    n = m->layer_count;
    llm__make_layers(c, m, 2 * n);
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 5e5), 0, llm__rope_scaling(c));
    llm__read_dense(c, m, &a, LLM__SILU, llm__config_flag(c, "mlp_bias", 0));
    for (i = n; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].number = m->layers[i].mixes = i - n;
        m->layers[i].attention.mixed = 1;
        m->layers[i].attention.window = window;
    }
}

/* lille-130m: joined q, k, v; pairs rotate; the feed-forward's width is the multiple of 256 next to 8/3 of hidden. */
LLM__FN void llm__read_lille(llm__config *c, llm_model *m) {
    llm__attention a;
    memset(&a, 0, sizeof a);
    m->hidden = llm__config_int(c, "n_embd", LLM__REQUIRED, 49, 1 << 22);
    m->vocabulary = llm__config_size(c, "vocab_size");
    m->context = llm__config_int(c, "block_size", 0, 0, 1 << 30);
    llm__make_layers(c, m, llm__config_int(c, "n_layer", LLM__REQUIRED, 1, LLM__MAX_LAYERS));
    m->norm.eps = llm__config_eps(c, "layer_norm_eps", llm__not_a_number());
    m->tied = 1;
    a.heads = llm__config_int(c, "n_head", LLM__REQUIRED, 1, 65536);
    a.kv_heads = llm__config_int(c, "n_kv_heads", LLM__REQUIRED, 1, 65536);
    llm__config_divides(c, "n_embd", m->hidden, "n_head", a.heads);
    llm__config_divides(c, "n_head", a.heads, "n_kv_heads", a.kv_heads);
    llm__set_width(c, &a, c->status == LLM_OK ? m->hidden / a.heads : 1);
    a.qkv = LLM__QKV_JOINED;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 1, NULL);
    llm__set_dense(c, m, &a, 256 * (int)rint(8 * m->hidden / 3 / 256.0), LLM__SILU, 0);
}

/* llama4_text: llama whose pairs rotate where no_rope_layers has a 1; optional norms without weights on heads. */
LLM__FN void llm__read_llama4_text(llm__config *c, llm_model *m) {
    llm__attention a;
    int i;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_attention(c, m, 0);
    if (llm__config_flag(c, "use_qk_norm", 0)) a.qk_norm = LLM__QK_HEAD;
    a.q_norm = a.k_norm = llm__rms_form(m->norm.eps);
    a.q_norm.weightless = a.k_norm.weightless = 1;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 1, NULL);
    llm__set_dense(c, m, &a, llm__config_size(c, "intermediate_size_mlp"), LLM__SILU, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++)
        if (!llm__config_item_int(c, "no_rope_layers", i, m->layer_count, 0, 1)) m->layers[i].attention.rope = -1;
}

/* mimo: llama with biases on q, k and v; layers that predict further tokens are left out. */
LLM__FN void llm__read_mimo(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, 1, 0);
    a.rope = llm__read_rope(c, m, &a, 10000);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
}

/* minicpm: llama with multipliers on embeddings, branches (depth) and what the head reads (width); a checkpoint without
   lm_head uses its embedding. */
LLM__FN void llm__read_minicpm(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->embedding_scale = (float)llm__config_number(c, "scale_emb", llm__not_a_number(), -1e9, 1e9);
    if (!m->tied) m->logit_scale = (float)llm__config_size(c, "dim_model_base") / (float)m->hidden;
    if (!llm__model_has(m, "lm_head.weight")) m->tied = 1;
    a = llm__read_even_attention(c, m);
    a.rope = llm__read_rope(c, m, &a, 1e6);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    if (c->status != LLM_OK) return;
    llm__set_branch_scale(c, m, llm__config_number(c, "scale_depth", llm__not_a_number(), -1e9, 1e9) /
                                    sqrt((double)m->layer_count));
}

/* ministral3: llama whose queries grow with the logarithm of their position; all of it in rope_parameters. */
LLM__FN void llm__read_ministral3(llm__config *c, llm_model *m) {
    const llm__json *parameters = llm__json_get(c->root, "rope_parameters");
    llm__attention a;
    int i;
    llm__read_plain(c, m, "rms_norm_eps", c->root == c->outer);
    a = llm__read_attention(c, m, 0);
    a.heat = (float)llm__rope_number(c, parameters, "llama_4_scaling_beta", llm__not_a_number(), -1e6, 1e6);
    a.heat_length =
        (int)llm__rope_number(c, parameters, "original_max_position_embeddings", llm__not_a_number(), 1, 1e9);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 0, parameters);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++)
        if (llm__layer_slides(c, m, i))
            m->layers[i].attention.window = llm__config_int(c, "sliding_window", LLM__REQUIRED, 1, 1 << 30);
}

/* nanbeige: llama's layers, gone through num_loops times; the last norm ends every loop, or only the last one. */
LLM__FN void llm__read_nanbeige(llm__config *c, llm_model *m) {
    static const char *const unknown[] = {"enable_double_loop_split", "loop_share_kv", "enable_depth_attention"};
    const llm__json *weights = llm__json_get(c->root, "loop_loss_weights");
    int loops = llm__config_int(c, "num_loops", 1, 1, 64), skip = llm__config_flag(c, "skip_loop_final_norm", 0);
    int bias = llm__config_flag(c, "attention_bias", 0), n = 1, i;
    llm__attention a;
    for (i = 0; i < 3; i++)
        if (llm__config_flag(c, unknown[i], 0)) llm__config_fail(c, unknown[i], "false");
    llm__read_plain(c, m, "rms_norm_eps", 0);
    if (llm__json_is(weights, LLM__JSON_ARRAY) && weights->length)
        loops = weights->length > 63 ? 64 : (int)weights->length + 1;
    n = m->layer_count;
    if (loops > 1) llm__make_layers(c, m, n * loops);
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), 0, llm__rope_scaling(c));
    llm__read_dense(c, m, &a, LLM__SILU, llm__config_flag(c, "mlp_bias", 0));
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].number = i % n;
        m->layers[i].ends_loop = !skip && i % n == n - 1 && i + 1 < m->layer_count;
    }
}

/* nanochat: no norm has weights; the embedding is normed; rotations go the other way, before the norms of q and k; the
   feed-forward is relu squared; eps and the cap of the logits are constants. */
LLM__FN void llm__read_nanochat(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_common(c, m);
    m->norm.eps = 1e-5f;
    m->norm.weightless = m->embedding_normed = 1;
    m->logit_softcap = 15;
    a = llm__read_even_attention(c, m);
    a.qk_norm = LLM__QK_HEAD;
    a.norm_last = 1;
    a.rope = llm__rope_stretch(m, llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), 0, NULL), -1);
    llm__read_dense(c, m, &a, LLM__RELU2, 0);
    llm__set_layers(c, m, LLM__PRE, LLM__UP_ONLY);
}

/* nemotron: layer norms with weight + 1; relu squared, no gate; half of each head rotates; only linear scaling. */
LLM__FN void llm__read_nemotron(llm__config *c, llm_model *m) {
    const llm__json *scaling = llm__rope_scaling(c), *type = llm__json_get(scaling, "type");
    int bias = llm__config_flag(c, "attention_bias", 0);
    llm__attention a;
    if (!type) type = llm__json_get(scaling, "rope_type");
    if (type && !llm__json_text_is(type, "linear") && !llm__json_text_is(type, "default"))
        llm__config_fail(c, "rope_scaling", "the type \"linear\"");
    llm__read_plain(c, m, "norm_eps", 0);
    llm__set_layer_norm(m, 1);
    m->norm.offset = 1;
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    a.rope = llm__rope_add(c, m, llm__rope_part(c, a.width, 0.5), llm__rope_theta(c, 10000), 0, scaling);
    llm__read_dense(c, m, &a, LLM__RELU2, llm__config_flag(c, "mlp_bias", 0));
    llm__set_layers(c, m, LLM__PRE, LLM__UP_ONLY);
}

/* An activation by its name in transformers. */
LLM__FN llm__activation_kind llm__read_activation(llm__config *c, const char *key) {
    const llm__json *name = llm__json_get(c->root, key);
    if (!llm__config_has(c, key) || llm__json_text_is(name, "silu")) return LLM__SILU;
    if (llm__json_text_is(name, "relu")) return LLM__RELU;
    if (llm__json_text_is(name, "gelu")) return LLM__GELU;
    if (!llm__json_text_is(name, "gelu_new") && !llm__json_text_is(name, "gelu_fast"))
        llm__config_fail(c, key, "\"silu\", \"relu\", \"gelu\", \"gelu_new\" or \"gelu_fast\"");
    return LLM__GELU_TANH;
}

/* One block of nemotron-nas's block_configs: 0 it is left out, 1 it is a linear map, 2 it is there. */
LLM__FN int llm__nas_block(llm__config *c, const char *block, int i, llm__config *inner) {
    const llm__json *list = llm__json_get(c->root, "block_configs"), *object = NULL;
    if (llm__json_is(list, LLM__JSON_ARRAY) && (uint32_t)i < list->length)
        object = llm__json_get(llm__json_at(list, (uint32_t)i), block);
    if (!llm__json_is(object, LLM__JSON_OBJECT)) {
        llm__config_fail(c, "block_configs", "a list with an object of objects for each layer");
        return 0;
    }
    *inner = llm__config_of(c, object);
    inner->within = block;
    if (llm__config_flag(inner, "no_op", 0)) return 0;
    return llm__config_flag(inner, "replace_with_linear", 0) ? 1 : 2;
}

/* nemotron-nas: llama whose layers each have an attention of their own group size, a feed-forward of their own width, a
   linear map in place of either, or nothing. */
LLM__FN void llm__read_nemotron_nas(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "attention_bias", 0), i;
    llm__attention a;
    llm__config inner;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-5);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 0);
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, bias, bias);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 5e5), 0, llm__rope_scaling(c));
    llm__set_dense(c, m, &a, 1, llm__read_activation(c, "hidden_act"), llm__config_flag(c, "mlp_bias", 0));
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        int is = llm__nas_block(c, "attention", i, &inner);
        layer->mixer = is == 2 ? LLM__ATTENTION : is ? LLM__MIXER_MAP : LLM__NO_MIXER;
        if (is == 2 && c->status == LLM_OK) {
            int group = llm__config_int(&inner, "n_heads_in_group", LLM__REQUIRED, 1, a.heads);
            llm__config_divides(&inner, "num_attention_heads", a.heads, "n_heads_in_group", group);
            layer->attention.kv_heads = a.heads / group;
            c->status = inner.status;
        }
        is = llm__nas_block(c, "ffn", i, &inner);
        layer->ffn = is == 2 ? LLM__MLP : is ? LLM__FFN_MAP : LLM__NO_FFN;
        if (is == 2 && c->status == LLM_OK) {
            double n = llm__config_number(&inner, "ffn_mult", llm__not_a_number(), 1e-6, 256);
            layer->mlp.width = ((int)(2 * (floor(n * 1e6 + 0.5) / 1e6) * m->hidden / 3) + 255) / 256 * 256;
            c->status = inner.status;
        }
    }
}

/* olmo: layer norms without weights; joined q, k, v; joined feed-forward whose second half is the gate. */
LLM__FN void llm__read_olmo(llm__config *c, llm_model *m) {
    llm__attention a;
    int ratio = llm__config_int(c, "mlp_ratio", 4, 1, 256), both;
    memset(&a, 0, sizeof a);
    m->hidden = llm__config_size(c, "d_model");
    m->vocabulary = llm__config_size(c, "embedding_size");
    m->context = llm__config_int(c, "max_sequence_length", 0, 0, 1 << 30);
    llm__make_layers(c, m, llm__config_int(c, "n_layers", LLM__REQUIRED, 1, LLM__MAX_LAYERS));
    llm__set_layer_norm(m, 0);
    m->norm.weightless = 1;
    m->norm.eps = 1e-5f;
    m->tied = llm__config_flag(c, "weight_tying", 0);
    a.heads = a.kv_heads = llm__config_int(c, "n_heads", LLM__REQUIRED, 1, 65536);
    llm__config_divides(c, "d_model", m->hidden, "n_heads", a.heads);
    llm__config_product(c, "d_model", m->hidden, "mlp_ratio", ratio);
    both = llm__config_int(c, "mlp_hidden_size", c->status == LLM_OK ? ratio * m->hidden : 2, 2, 1 << 24);
    llm__config_divides(c, "mlp_hidden_size", both, "2", 2);
    llm__set_width(c, &a, c->status == LLM_OK ? m->hidden / a.heads : 1);
    a.qkv = LLM__QKV_JOINED;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), llm__config_flag(c, "rope_traditional", 0), NULL);
    llm__set_dense(c, m, &a, both / 2, LLM__SILU, 0);
    llm__set_layers(c, m, LLM__PRE, LLM__UP_GATE_JOINED);
}

/* olmo2: norms behind attention and feed-forward only, and over all heads of q and of k together. */
LLM__FN llm__attention llm__read_olmo2_attention(llm__config *c, llm_model *m, int tied) {
    int bias = llm__config_flag(c, "attention_bias", 0);
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", tied);
    a = llm__read_attention(c, m, 0);
    a.qk_norm = LLM__QK_WHOLE;
    llm__set_bias(&a, bias, bias);
    return a;
}

LLM__FN void llm__read_olmo2(llm__config *c, llm_model *m) {
    llm__attention a = llm__read_olmo2_attention(c, m, 1);
    a.rope = llm__read_rope(c, m, &a, 10000);
    llm__read_dense(c, m, &a, LLM__SILU, llm__config_flag(c, "mlp_bias", 0));
    llm__set_layers(c, m, LLM__POST, LLM__GATE_UP_SEPARATE);
}

/* olmo3: olmo2 with sliding layers, three to one or by layer_types; they rotate without rope_scaling. */
LLM__FN void llm__read_olmo3(llm__config *c, llm_model *m) {
    llm__attention a = llm__read_olmo2_attention(c, m, 0);
    double theta = llm__rope_theta(c, llm__not_a_number());
    int i, window = llm__config_int(c, "sliding_window", LLM__REQUIRED, 1, 1 << 30);
    int full = llm__rope_add(c, m, a.width, theta, 0, llm__rope_scaling(c));
    int sliding = llm__rope_add(c, m, a.width, theta, 0, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    llm__set_layers(c, m, LLM__POST, LLM__GATE_UP_SEPARATE);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        int slides = llm__config_has(c, "layer_types") ? llm__layer_slides(c, m, i) : (i + 1) % 4 != 0;
        m->layers[i].attention.rope = slides ? sliding : full;
        m->layers[i].attention.window = slides ? window : 0;
    }
}

/* The nearest multiple of the divisor, but not below 9/10 of n. */
LLM__FN int llm__openelm_width(double n, int divisor) {
    int width = (int)(n + divisor / 2.0) / divisor * divisor;
    if (width < divisor) width = divisor;
    return width < 0.9 * n ? width + divisor : width;
}

/* openelm: head counts and widths by layer; joined q, k, v and gate, up; norms on each head. */
LLM__FN void llm__read_openelm(llm__config *c, llm_model *m) {
    int i, n, width, divisor = llm__config_int(c, "ffn_dim_divisor", LLM__REQUIRED, 1, 1 << 20);
    llm__attention a;
    memset(&a, 0, sizeof a);
    m->hidden = llm__config_size(c, "model_dim");
    m->vocabulary = llm__config_size(c, "vocab_size");
    m->context = llm__config_int(c, "max_context_length", 0, 0, 1 << 30);
    llm__make_layers(c, m, llm__config_int(c, "num_transformer_layers", LLM__REQUIRED, 1, LLM__MAX_LAYERS));
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    m->tied = llm__config_flag(c, "share_input_output_layers", 1);
    width = llm__config_int(c, "head_dim", LLM__REQUIRED, 1, 65536);
    a.qkv = LLM__QKV_JOINED;
    if (llm__config_flag(c, "normalize_qk_projections", 1)) a.qk_norm = LLM__QK_HEAD;
    a.rope = llm__rope_add(c, m, width, llm__config_number(c, "rope_freq_constant", 10000, 1e-3, 1e30), 0, NULL);
    llm__set_dense(c, m, &a, 1, LLM__SILU, 0);
    llm__set_layers(c, m, LLM__PRE, LLM__GATE_UP_JOINED);
    for (i = 0, n = m->layer_count; i < n && c->status == LLM_OK; i++) {
        llm__attention *own = &m->layers[i].attention;
        double multiplier = llm__config_item(c, "ffn_multipliers", i, n, 1e-6, 256);
        own->heads = llm__config_item_int(c, "num_query_heads", i, n, 1, 4096);
        own->kv_heads = llm__config_item_int(c, "num_kv_heads", i, n, 1, 4096);
        llm__config_divides(c, "num_query_heads", own->heads, "num_kv_heads", own->kv_heads);
        llm__set_width(c, own, width);
        if (multiplier * m->hidden > 1 << 23) llm__config_fail(c, "ffn_multipliers", "smaller ones");
        else m->layers[i].mlp.width = llm__openelm_width(multiplier * m->hidden, divisor);
    }
}

/* phi: attention and feed-forward side by side on one layer norm; biases everywhere; a part of each head rotates. */
LLM__FN void llm__read_phi(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "layer_norm_eps", 1e-5);
    llm__set_layer_norm(m, 1);
    m->head_bias = 1;
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, 1, 1);
    a.rope = llm__rope_add(c, m, llm__rope_part(c, a.width, 0.4), llm__rope_theta(c, 10000), 0, NULL);
    llm__read_dense(c, m, &a, LLM__GELU_TANH, 1);
    llm__set_layers(c, m, LLM__PARALLEL_ONE, LLM__UP_ONLY);
}

/* The ids that phi3small's tokenizer does not have: their logits are -infinity. */
LLM__FN void llm__mask_phi3small(llm__config *c, llm_model *m) {
    static const int32_t alone[] = {100256, 100258, 100259, 100260, 100264, 100265};
    int32_t *ids = (int32_t *)llm__arena_alloc(c->arena, 96, sizeof *ids), id;
    int i;
    m->masked = ids;
    for (i = 0; ids && i < 6; i++)
        if (alone[i] < m->vocabulary) ids[m->masked_count++] = alone[i];
    for (id = 100267; ids && id < 100352 && id < m->vocabulary; id++) ids[m->masked_count++] = id;
    if (!ids && c->status == LLM_OK) c->status = llm__no_memory(c->error, 96 * sizeof *ids);
}

/* phi3small: q, k and v of each kv head together; all but every n-th layer see blocks of tokens only; gegelu on columns
   of gate and up in turns; multipliers; positions are scaled. */
LLM__FN void llm__read_phi3small(llm__config *c, llm_model *m) {
    int i, dense = llm__config_int(c, "dense_attention_every_n_layers", LLM__REQUIRED, 1, 1 << 20);
    double multiplier = llm__config_number(c, "mup_embedding_multiplier", 10, -1e9, 1e9), width;
    float limit = (float)llm__config_number(c, "gegelu_limit", llm__not_a_number(), 1e-6, 1e9);
    llm__sparse sparse;
    llm__attention a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "layer_norm_epsilon", llm__not_a_number());
    llm__set_layer_norm(m, 1);
    llm__mask_phi3small(c, m);
    m->tied = 1;
    if (multiplier != 0) m->embedding_scale = (float)multiplier;
    width = llm__config_number(c, "mup_width_multiplier", 8, 0, 1e9);
    if (width > 0) m->logit_scale = (float)(1 / width);
    sparse.block = llm__config_int(c, "blocksparse_block_size", 64, 32, 64);
    sparse.local = llm__config_int(c, "blocksparse_num_local_blocks", 16, 1, 1 << 20);
    sparse.stride = llm__config_int(c, "blocksparse_vert_stride", 8, 1, 1 << 20);
    if (sparse.block % 32) llm__config_fail(c, "blocksparse_block_size", "32 or 64");
    a = llm__read_even_attention(c, m);
    a.qkv = LLM__QKV_GROUPED;
    llm__set_bias(&a, 1, 1);
    if (llm__config_flag(c, "mup_use_scaling", 1))
        a.scale = (float)(llm__config_number(c, "mup_attn_multiplier", 1, 1e-9, 1e9) / a.width);
    a.rope = llm__rope_add(c, m, a.width, llm__config_number(c, "rope_embedding_base", 1e6, 1e-3, 1e30), 0, NULL);
    llm__rope_stretch(m, a.rope, llm__config_number(c, "rope_position_scale", 1, 1e-9, 1e9));
    llm__set_dense(c, m, &a, llm__config_size(c, "ff_intermediate_size"), LLM__SWIGLU_OAI, 1);
    llm__set_layers(c, m, LLM__PRE, LLM__GATE_UP_MIXED);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].mlp.activation.limit = limit;
        if (i % dense == 0) m->layers[i].attention.sparse = sparse;
    }
}

/* plamo: one norm for attention and feed-forward side by side; kv heads are laid out over the query heads as tiles. */
LLM__FN void llm__read_plamo(llm__config *c, llm_model *m) {
    int shared = llm__config_int(c, "n_shared_head", 8, 1, 65536);
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->tied = 0;
    a = llm__read_even_attention(c, m);
    llm__config_divides(c, "num_attention_heads", a.heads, "n_shared_head", shared);
    a.kv_heads = c->status == LLM_OK ? a.heads / shared : 1;
    a.tiled = 1;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), llm__config_flag(c, "rope_traditional", 0), NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    llm__set_layers(c, m, LLM__PARALLEL_ONE, LLM__GATE_UP_SEPARATE);
}

/* plamo3: norms before and behind both blocks, whose weights are stored less 1, 1/5 or 5^-1.5; every n-th layer is
   global, the others slide and have a base of their own.  A token sees the window_size tokens before it. */
LLM__FN void llm__read_plamo3(llm__config *c, llm_model *m) {
    int pattern = llm__config_int(c, "sliding_window_pattern", 8, 1, 4096), i, global, local;
    int window = llm__config_int(c, "sliding_window", llm__config_int(c, "window_size", 2048, 1, 1 << 30), 1, 1 << 30);
    llm__attention a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    m->norm.offset = 1;
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    a = llm__read_attention(c, m, 128);
    a.qkv = LLM__QKV_JOINED;
    a.qk_norm = LLM__QK_HEAD;
    global = llm__rope_add(c, m, a.width, llm__rope_theta(c, 1e6), 0, NULL);
    local = llm__rope_add(c, m, a.width, llm__config_number(c, "rope_local_theta", 1e4, 1e-3, 1e30), 0, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    llm__set_layers(c, m, LLM__SANDWICH, LLM__GATE_UP_JOINED);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        layer->mixer_post_norm = layer->ffn_post_norm = llm__rms_form(m->norm.eps);
        layer->mixer_post_norm.offset = 1.0f / 5;
        layer->ffn_post_norm.offset = (float)pow(5, -1.5);
        layer->attention.rope = (i + 1) % pattern ? local : global;
        layer->attention.window = (i + 1) % pattern ? (int64_t)window + 1 : 0;
    }
}

/* qwen: joined q, k, v with a bias; intermediate_size counts gate and up, of which w2 is the gate. */
LLM__FN void llm__read_qwen(llm__config *c, llm_model *m) {
    int bias = !llm__config_flag(c, "no_bias", 1), both = llm__config_size(c, "intermediate_size");
    llm__attention a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "layer_norm_epsilon", 1e-6);
    m->head_bias = bias;
    a = llm__read_even_attention(c, m);
    a.kv_heads = a.heads;
    if (c->status == LLM_OK && llm__config_int(c, "kv_channels", 128, 1, 65536) != a.width)
        llm__config_fail(c, "kv_channels", "hidden_size / num_attention_heads");
    llm__config_divides(c, "intermediate_size", both, "2", 2);
    a.qkv = LLM__QKV_JOINED;
    llm__set_bias(&a, 1, bias);
    a.rope = llm__rope_add(c, m, a.width, 10000, 0, NULL);
    llm__set_dense(c, m, &a, both / 2, LLM__SILU, bias);
}

/* seed_oss: llama with a flag of its own for o_proj's bias. */
LLM__FN void llm__read_seed_oss(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 1);
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, llm__config_flag(c, "attention_bias", 0), llm__config_flag(c, "attention_out_bias", 0));
    a.rope = llm__read_rope(c, m, &a, 10000);
    llm__read_dense(c, m, &a, LLM__SILU, llm__config_flag(c, "mlp_bias", 0));
}

/* smollm3: llama without a rotation in every no_rope_layer_interval-th layer, or where no_rope_layers has a 0. */
LLM__FN void llm__read_smollm3(llm__config *c, llm_model *m) {
    int i, interval = llm__config_int(c, "no_rope_layer_interval", 4, 1, 1 << 20);
    llm__read_llama(c, m);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        int rotates = (i + 1) % interval != 0;
        if (llm__config_has(c, "no_rope_layers"))
            rotates = llm__config_item_int(c, "no_rope_layers", i, m->layer_count, 0, 1);
        if (!rotates) m->layers[i].attention.rope = -1;
    }
}

/* stablelm: layer norms; a part of each head rotates; optional norms with weights for each head; optionally attention
   and feed-forward side by side on one norm. */
LLM__FN void llm__read_stablelm(llm__config *c, llm_model *m) {
    int parallel = llm__config_flag(c, "use_parallel_residual", 0);
    llm__attention a;
    llm__read_plain(c, m, "layer_norm_eps", 0);
    m->tied = 0;
    llm__set_layer_norm(m, 1);
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, llm__config_flag(c, "use_qkv_bias", 0), 0);
    if (llm__config_flag(c, "qk_layernorm", 0)) a.qk_norm = LLM__QK_EACH_HEAD;
    a.q_norm.kind = a.k_norm.kind = LLM__LAYER_NORM;
    a.q_norm.eps = a.k_norm.eps = m->norm.eps;
    a.rope = llm__rope_add(c, m, llm__rope_part(c, a.width, llm__not_a_number()),
                           llm__rope_theta(c, llm__not_a_number()), 0, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    llm__set_layers(c, m, parallel ? LLM__PARALLEL_ONE : LLM__PRE, LLM__GATE_UP_SEPARATE);
}

/* starcoder2: layer norms, biases everywhere but in the head, GELU without a gate. */
LLM__FN void llm__read_starcoder2(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "norm_epsilon", 1e-5);
    llm__set_layer_norm(m, 1);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, 1, 1);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 1e5), 0, NULL);
    llm__read_dense(c, m, &a, LLM__GELU, 1);
    llm__set_layers(c, m, LLM__PRE, LLM__UP_ONLY);
}

/* talkie: no norm has weights; the embedding is normed; rotations go the other way, before the norms of q and k; learnt
   numbers multiply queries, branches and logits, and the embedding, which every layer adds in the end. */
LLM__FN void llm__read_talkie(llm__config *c, llm_model *m) {
    llm__attention a;
    int i;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1.1920928955078125e-07);
    m->norm.weightless = m->embedding_normed = m->carry_embedding = m->head_gained = 1;
    m->carry = m->hidden;
    a = llm__read_attention(c, m, 128);
    a.kv_heads = a.heads;
    a.qk_norm = LLM__QK_HEAD;
    a.norm_last = a.gained = 1;
    a.rope = llm__rope_stretch(m, llm__rope_add(c, m, a.width, llm__rope_theta(c, 1e6), 0, NULL), -1);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) m->layers[i].gained = 1;
}

/* telechat3: llama whose yarn has a name of its own. */
LLM__FN void llm__read_telechat3(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "attention_bias", 0);
    llm__attention a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 0, llm__rope_scaling(c));
    llm__read_dense(c, m, &a, LLM__SILU, llm__config_flag(c, "mlp_bias", 0));
}

/* ---- readers: families with experts */

/* llm__read_common for families whose sizes have defaults. */
LLM__FN void llm__read_sizes(llm__config *c, llm_model *m, int hidden, int vocabulary, int layers) {
    m->hidden = llm__config_int(c, "hidden_size", hidden, 1, 1 << 24);
    m->vocabulary = llm__read_vocabulary(c, vocabulary);
    m->context = (int64_t)llm__config_number(c, "max_position_embeddings", 0, 0, 1e15);
    llm__make_layers(c, m, llm__config_int(c, "num_hidden_layers", layers, 1, LLM__MAX_LAYERS));
}

enum { LLM__EVEN = -1 };

/* Grouped-query attention where the family has defaults.  width LLM__EVEN: heads share hidden_size, whatever head_dim
   says. */
LLM__FN llm__attention llm__read_usual_heads(llm__config *c, const llm_model *m, int heads, int kv_heads, int width) {
    llm__attention a;
    memset(&a, 0, sizeof a);
    a.heads = llm__config_int(c, "num_attention_heads", heads, 1, 65536);
    a.kv_heads = llm__config_int(c, "num_key_value_heads", kv_heads, 1, 65536);
    a.rope = -1;
    llm__config_divides(c, "num_attention_heads", a.heads, "num_key_value_heads", a.kv_heads);
    if (width == LLM__EVEN) llm__config_divides(c, "hidden_size", m->hidden, "num_attention_heads", a.heads);
    else width = llm__config_int(c, "head_dim", width, 1, 65536);
    if (width == LLM__EVEN) width = c->status == LLM_OK ? m->hidden / a.heads : 1;
    llm__set_width(c, &a, width);
    return a;
}

/* Routed experts by the names of the family's keys. */
LLM__FN llm__experts llm__read_experts(llm__config *c, const char *count_key, int count, const char *chosen_key,
                                       int chosen, const char *width_key, int width) {
    llm__experts e;
    memset(&e, 0, sizeof e);
    e.count = llm__config_int(c, count_key, count, 1, 65536);
    e.chosen = llm__config_int(c, chosen_key, chosen, 1, e.count);
    e.width = llm__config_int(c, width_key, width, 1, 1 << 24);
    e.scaling = 1;
    return e;
}

/* A shared expert as wide as `count_key` of `width` together. */
LLM__FN void llm__read_shared(llm__config *c, llm__experts *e, const char *count_key, int count, const char *width_key,
                              int width) {
    count = llm__config_int(c, count_key, count, 0, 4096);
    llm__config_product(c, count_key, count, width_key, width);
    e->shared.width = c->status == LLM_OK ? count * width : 0;
}

/* The experts go into the layers from `first` on. */
LLM__FN void llm__fill_experts(llm__config *c, llm_model *m, const llm__experts *e, int first) {
    int i;
    for (i = first; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].ffn = LLM__EXPERTS;
        m->layers[i].experts = *e;
    }
}

/* Which of the words between spaces this is, from 0; -1: none. */
LLM__FN int llm__word_in(const char *word, const char *known) {
    int i;
    for (i = 0; *known; i++) {
        size_t n = strcspn(known, " ");
        if (strlen(word) == n && !strncmp(word, known, n)) return i;
        known += n + (known[n] == ' ');
    }
    return -1;
}

/* A text value that must be one of a few words, listed in `known` between spaces; returns which. */
LLM__FN int llm__config_word(llm__config *c, const char *key, const char *fallback, const char *known) {
    const llm__json *v = llm__json_get(c->root, key);
    int text = llm__json_is(v, LLM__JSON_STRING), n = -1;
    char expected[160];
    if (text || !llm__config_has(c, key)) n = llm__word_in(text ? v->as.text : fallback, known);
    snprintf(expected, sizeof expected, "one of: %s", known);
    if (n < 0) llm__config_fail(c, key, expected);
    return n < 0 ? 0 : n;
}

/* Item i of a list of numbers that may be shorter than the layers are many, or absent: then the fallback, as for null;
   not a number: there must be one. */
LLM__FN double llm__listed_number(llm__config *c, const char *key, int i, double fallback, double low, double high) {
    const llm__json *list = llm__json_get(c->root, key), *v;
    char expected[100];
    double n;
    if (!llm__config_has(c, key) && fallback == fallback) return fallback;
    if (llm__json_is(list, LLM__JSON_ARRAY)) {
        v = (uint32_t)i < list->length ? llm__json_at(list, (uint32_t)i) : NULL;
        if ((!v || v->type == LLM__JSON_NULL) && fallback == fallback) return fallback;
        if (llm__json_float(v, &n) && n >= low && n <= high) return n;
    }
    snprintf(expected, sizeof expected, "a list with a number from %g to %g for layer %d", low, high, i);
    llm__config_fail(c, key, expected);
    return low;
}

/* qwen2_moe: qwen2 with experts in every layer, weighed by a softmax over all that is not renormalized, and a shared
   one with a sigmoid gate.  head_dim and rope_scaling are not used. */
LLM__FN void llm__read_qwen2_moe(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->tied = 0;
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, 1, 0);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 1e6), llm__config_flag(c, "rope_traditional", 0), NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    e = llm__read_experts(c, "num_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED,
                          "moe_intermediate_size", LLM__REQUIRED);
    e.shared.width = llm__config_size(c, "shared_expert_intermediate_size");
    e.shared_gate = 1;
    llm__fill_experts(c, m, &e, 0);
}

/* qwen3_vl_moe: qwen3_moe within a vision model, whose original has its experts in transposed stacks. */
LLM__FN void llm__read_qwen3_vl_moe(llm__config *c, llm_model *m) {
    int i;
    llm__read_qwen3_moe(c, m);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].experts.gate_up = LLM__GATE_UP_JOINED;
        m->layers[i].experts.stacks = LLM__STACKS_TRANSPOSED;
    }
}

/* olmoe: q and k are normed over all heads together; softmax over all experts. */
LLM__FN void llm__read_olmoe(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "attention_bias", 0);
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 1);
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    a.qk_norm = LLM__QK_WHOLE;
    a.rope = llm__read_rope(c, m, &a, 10000);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    e = llm__read_experts(c, "num_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED, "intermediate_size",
                          LLM__REQUIRED);
    e.renormalize = llm__config_flag(c, "norm_topk_prob", 0);
    e.bias_each = llm__config_flag(c, "mlp_bias", 0);
    llm__fill_experts(c, m, &e, 0);
}

/* granitemoe: granite with experts, weighed by a softmax over the chosen ones.  The original has gate and up in one
   stack, input_linear. */
LLM__FN void llm__read_granitemoe(llm__config *c, llm_model *m) {
    llm__experts e;
    llm__read_granite(c, m);
    e = llm__read_experts(c, "num_local_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED,
                          "intermediate_size", LLM__REQUIRED);
    e.scores = LLM__SOFTMAX_BEST;
    llm__fill_experts(c, m, &e, 0);
}

/* glm4_moe, solar_open: part of each head rotates, no YaRN; DeepSeek-V3's experts behind the first dense layers; never
   tied; what lies behind the last layer predicts further tokens. */
LLM__FN void llm__read_glm4_moe(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->tied = 0;
    m->drops_later_layers = 1;
    a = llm__read_attention(c, m, LLM__REQUIRED);
    llm__set_bias(&a, llm__config_flag(c, "attention_bias", 0), 0);
    a.qk_norm = llm__config_flag(c, "use_qk_norm", 0) ? LLM__QK_HEAD : LLM__QK_PLAIN;
    a.rope = llm__rope_add(c, m, llm__rope_part(c, a.width, llm__not_a_number()),
                           llm__rope_theta(c, llm__not_a_number()), 0, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    e = llm__read_deepseek_router(c);
    if (e.count) llm__fill_experts(c, m, &e, llm__config_int(c, "first_k_dense_replace", 0, 0, 1 << 20));
}

/* dots1: norms on each head; DeepSeek-V3's experts; mlp_bias reaches dense and shared feed-forwards, not the routed. */
LLM__FN void llm__read_dots1(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "mlp_bias", 0);
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_attention(c, m, 0);
    a.qk_norm = LLM__QK_HEAD;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 0, llm__rope_scaling(c));
    llm__read_dense(c, m, &a, LLM__SILU, bias);
    e = llm__read_deepseek_router(c);
    e.shared.bias = e.shared.down_bias = bias;
    if (e.count) llm__fill_experts(c, m, &e, llm__config_int(c, "first_k_dense_replace", LLM__REQUIRED, 0, 1 << 20));
}

/* The least or the greatest of a number or a list of them, as ernie4_5_moe has its layer numbers. */
LLM__FN int llm__config_extreme(llm__config *c, const char *key, int fallback, int greatest) {
    const llm__json *list = llm__json_get(c->root, key), *v;
    int best = greatest ? -1 : 1 << 20;
    uint32_t i;
    if (!llm__json_is(list, LLM__JSON_ARRAY)) return llm__config_int(c, key, fallback, 0, 1 << 20);
    for (i = 0; i < list->length; i++) {
        v = llm__json_at(list, i);
        if (v->type != LLM__JSON_INTEGER || v->as.number < 0 || v->as.number > 1 << 20) break;
        if (greatest ? v->as.number > best : v->as.number < best) best = (int)v->as.number;
    }
    if (!list->length || i < list->length) llm__config_fail(c, key, "a layer number or a list of them");
    return best;
}

/* ernie4_5_moe: interleaved rotation; experts between two layers at an interval, chosen without their correction bias
   and always renormalized. */
LLM__FN void llm__read_ernie4_5_moe(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "use_bias", 0), first = llm__config_extreme(c, "moe_layer_start_index", 0, 0);
    int interval = llm__config_int(c, "moe_layer_interval", 1, 1, 4096), last, i;
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    last = llm__config_extreme(c, "moe_layer_end_index", m->layer_count ? m->layer_count - 1 : 0, 1);
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 1, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, bias);
    e = llm__read_experts(c, "moe_num_experts", LLM__REQUIRED, "moe_k", 1, "intermediate_size", LLM__REQUIRED);
    i = llm__config_int(c, "moe_intermediate_size", 0, 0, 1 << 24);
    if (i) e.width = i;
    llm__read_shared(c, &e, "moe_num_shared_experts", 0, "moe_intermediate_size", e.width);
    e.bias_each = e.shared.bias = e.shared.down_bias = bias;
    e.scores = llm__config_word(c, "moe_gate_act", "softmax", "softmax sigmoid") ? LLM__SIGMOID : LLM__SOFTMAX_ALL;
    e.renormalize = 1;
    e.renormalize_least = 1e-12f;
    for (i = first; i <= last && i < m->layer_count && c->status == LLM_OK; i++) {
        if ((i + 1) % interval) continue;
        m->layers[i].ffn = LLM__EXPERTS;
        m->layers[i].experts = e;
    }
}

/* deepseek: DeepSeek's first model of experts: softmax over all, not renormalized; only linear rotary scaling counts. */
LLM__FN void llm__read_deepseek(llm__config *c, llm_model *m) {
    const llm__json *scaling = llm__rope_scaling(c);
    int first = llm__config_int(c, "first_k_dense_replace", 0, 0, 1 << 20), i;
    int step = llm__config_int(c, "moe_layer_freq", 1, 1, 4096), bias = llm__config_flag(c, "attention_bias", 0);
    llm__attention a;
    llm__experts e;
    llm__read_sizes(c, m, 4096, 102400, 30);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    a = llm__read_usual_heads(c, m, 32, 32, LLM__EVEN);
    llm__set_bias(&a, bias, bias);
    if (!llm__json_text_is(llm__json_get(scaling, "type"), "linear")) scaling = NULL;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), 0, scaling);
    llm__set_dense(c, m, &a, llm__config_int(c, "intermediate_size", 11008, 1, 1 << 24), LLM__SILU, 0);
    if (!llm__config_has(c, "n_routed_experts")) return;
    e = llm__read_experts(c, "n_routed_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED,
                          "moe_intermediate_size", 1407);
    llm__read_shared(c, &e, "n_shared_experts", 0, "moe_intermediate_size", e.width);
    for (i = first; i < m->layer_count && c->status == LLM_OK; i++) {
        if (i % step) continue;
        m->layers[i].ffn = LLM__EXPERTS;
        m->layers[i].experts = e;
    }
}

/* minimax (also minimax_m2): q and k are normed over all heads together, part of a head rotates; experts chosen by
   biased sigmoid, without groups. */
LLM__FN void llm__read_minimax(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_attention(c, m, 0);
    a.qk_norm = llm__config_flag(c, "use_qk_norm", 1) ? LLM__QK_WHOLE : LLM__QK_PLAIN;
    a.rope = llm__rope_add(c, m, llm__config_int(c, "rotary_dim", LLM__REQUIRED, 2, a.width),
                           llm__rope_theta(c, llm__not_a_number()), 0, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    e = llm__read_experts(c, "num_local_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED,
                          "intermediate_size", LLM__REQUIRED);
    e.scores = LLM__SIGMOID;
    e.biased = e.renormalize = 1;
    e.renormalize_eps = 1e-20f;
    llm__fill_experts(c, m, &e, 0);
}

/* gpt_oss: a learned score per head that draws attention to nothing (sinks), every other layer slides, biases
   everywhere; softmax over the chosen experts, whose swiglu is cut at 7.  The original has gate and up rows in turns,
   in MXFP4.  Without layer_types an odd last layer is left out, as mlx-lm does it. */
LLM__FN void llm__read_gpt_oss(llm__config *c, llm_model *m) {
    int window = llm__config_int(c, "sliding_window", 128, 1, 1 << 30), i, listed = llm__config_has(c, "layer_types");
    llm__attention a;
    llm__experts e;
    llm__read_sizes(c, m, 2880, 201088, 36);
    if (!listed && m->layer_count > 1) m->layer_count &= ~1;
    m->drops_later_layers = 1;
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-5);
    a = llm__read_usual_heads(c, m, 64, 8, 64);
    llm__set_bias(&a, 1, 1);
    a.has_sinks = 1;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 150000), 0, llm__rope_scaling(c));
    e = llm__read_experts(c, "num_local_experts", 128, "num_experts_per_tok", 4, "intermediate_size", 2880);
    llm__set_dense(c, m, &a, e.width, LLM__SILU, 0);
    e.scores = LLM__SOFTMAX_BEST;
    e.router_bias = e.bias_each = 1;
    e.gate_up = LLM__GATE_UP_MIXED;
    e.stacks = LLM__STACKS_TRANSPOSED; /* the original in bfloat16 */
    e.activation.kind = LLM__SWIGLU_OAI;
    e.activation.limit = 7;
    llm__fill_experts(c, m, &e, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++)
        if (listed ? llm__layer_slides(c, m, i) : i % 2 == 0) m->layers[i].attention.window = window;
}

/* llama4: three layers that see their own chunk of the text only to one that sees all of it, without positions but with
   queries that grow with them; one expert a token, weighed on its input, and a shared one.  The original has its
   experts in transposed stacks. */
LLM__FN void llm__read_llama4(llm__config *c, llm_model *m) {
    int chunk = llm__config_int(c, "attention_chunk_size", LLM__REQUIRED, 1, 1 << 30), i, rope;
    int step = llm__config_int(c, "interleave_moe_layer_step", LLM__REQUIRED, 1, 4096);
    int bias = llm__config_flag(c, "attention_bias", 0);
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->tied = 0;
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 1, llm__rope_scaling(c));
    if (llm__config_int(c, "attn_temperature_tuning", 4, 0, 1 << 30))
        a.heat = (float)llm__config_number(c, "attn_scale", 0.1, -1e6, 1e6);
    a.heat_from = 1;
    a.heat_length = llm__config_int(c, "floor_scale", 8192, 1, 1 << 30);
    llm__set_dense(c, m, &a, llm__config_size(c, "intermediate_size_mlp"), LLM__SILU, 0);
    e = llm__read_experts(c, "num_local_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED,
                          "intermediate_size", LLM__REQUIRED);
    if (e.chosen != 1) llm__config_fail(c, "num_experts_per_tok", "1");
    e.shared.width = e.width;
    e.scores = LLM__SIGMOID;
    e.weigh_input = 1;
    e.stacks = LLM__STACKS_TRANSPOSED;
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__attention *own = &m->layers[i].attention;
        if (i % step == step - 1) {
            m->layers[i].ffn = LLM__EXPERTS;
            m->layers[i].experts = e;
        }
        if ((i + 1) % 4 == 0) continue;
        own->rope = rope;
        own->chunk = chunk;
        own->heat = 0;
        if (!llm__config_flag(c, "use_qk_norm", 0)) continue;
        own->qk_norm = LLM__QK_HEAD;
        own->norm_last = 1;
        own->q_norm = own->k_norm = llm__rms_form(1e-6f);
        own->q_norm.weightless = own->k_norm.weightless = 1;
    }
}

/* Item i of a list with a value for each layer and maybe more; NULL after an error. */
LLM__FN const llm__json *llm__layer_item(llm__config *c, const llm_model *m, const char *key, int i) {
    const llm__json *list = llm__json_get(c->root, key);
    char expected[80];
    if (llm__json_is(list, LLM__JSON_ARRAY) && list->length >= (uint32_t)m->layer_count)
        return llm__json_at(list, (uint32_t)i);
    snprintf(expected, sizeof expected, "a list with a value for each of %d layers", m->layer_count);
    llm__config_fail(c, key, expected);
    return NULL;
}

LLM__FN int llm__layer_int(llm__config *c, const llm_model *m, const char *key, int i, int low, int high) {
    const llm__json *v = llm__layer_item(c, m, key, i);
    char expected[80];
    if (v && v->type == LLM__JSON_INTEGER && v->as.number >= low && v->as.number <= high) return (int)v->as.number;
    if (v && v->type == LLM__JSON_TRUE && high >= 1) return 1;
    if (v && v->type == LLM__JSON_FALSE && low <= 0) return 0;
    snprintf(expected, sizeof expected, "whole numbers from %d to %d for the layers", low, high);
    llm__config_fail(c, key, expected);
    return low;
}

/* Which of a few words, listed in `known` between spaces, the layer has. */
LLM__FN int llm__layer_word(llm__config *c, const llm_model *m, const char *key, int i, const char *known) {
    const llm__json *v = llm__layer_item(c, m, key, i);
    int n = llm__json_is(v, LLM__JSON_STRING) ? llm__word_in(v->as.text, known) : -1;
    char found[80];
    if (n < 0 && c->status == LLM_OK)
        c->status = llm__fail(c->error, LLM_BAD_CONFIG, "config.json: \"%s\"[%d] is %s; expected one of: %s", key, i,
                              llm__json_show(v, found, sizeof found), known);
    return n < 0 ? 0 : n;
}

/* The rotary embedding that rope_parameters has for a sort of layer; theta not a number: it must have one. */
LLM__FN int llm__rope_of_type(llm__config *c, llm_model *m, int width, const char *type, double theta, double part,
                              int scaled) {
    const llm__json *all = llm__json_get(c->root, "rope_parameters"), *own = llm__json_get(all, type);
    char expected[80];
    if (llm__json_is(own, LLM__JSON_OBJECT)) {
        llm__config s = llm__config_of(c, own);
        theta = llm__config_number(&s, "rope_theta", theta, 1e-3, 1e30);
        part = llm__config_number(&s, "partial_rotary_factor", part, 0, 1);
        c->status = s.status;
    } else if (theta != theta) {
        snprintf(expected, sizeof expected, "an object with an object \"%s\"", type);
        llm__config_fail(c, "rope_parameters", expected);
    }
    return llm__rope_add(c, m, (int)(width * part), theta, 0, scaled ? own : NULL);
}

/* The names of sorts of layers as most families have them. */
static const char *const llm__layer_sorts = "full_attention sliding_attention";

/* Klear: experts chosen by biased sigmoid, and a shared one; a softmax over two learned numbers says how much of each. */
LLM__FN void llm__read_klear(llm__config *c, llm_model *m) {
    int step = llm__config_int(c, "decoder_sparse_step", LLM__REQUIRED, 1, 4096), i;
    int bias = llm__config_flag(c, "attention_bias", 0);
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->tied = 0;
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, bias, bias);
    a.qk_norm = LLM__QK_HEAD;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 0, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    if (!llm__config_int(c, "num_experts", LLM__REQUIRED, 0, 65536)) return;
    e = llm__read_experts(c, "num_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED,
                          "moe_intermediate_size", LLM__REQUIRED);
    llm__read_shared(c, &e, "n_shared_experts", LLM__REQUIRED, "moe_intermediate_size", e.width);
    e.scores = LLM__SIGMOID;
    e.biased = e.blended = 1;
    e.renormalize = llm__config_flag(c, "norm_topk_prob", 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        if ((i + 1) % step || llm__config_lists(c, "mlp_only_layers", i)) continue;
        m->layers[i].ffn = LLM__EXPERTS;
        m->layers[i].experts = e;
    }
}

/* afmoe: sandwich norms, a gate on the whole attention output; full layers have no rotation; embeddings times
   sqrt(hidden) where mup_enabled. */
LLM__FN void llm__read_afmoe(llm__config *c, llm_model *m) {
    int window = llm__config_int(c, "sliding_window", 2048, 1, 1 << 30), i;
    llm__attention a;
    llm__experts e;
    llm__read_sizes(c, m, 2048, 200192, 32);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-5);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 0);
    if (llm__config_flag(c, "mup_enabled", 1)) m->embedding_scale = sqrtf((float)m->hidden);
    a = llm__read_usual_heads(c, m, 32, 4, 64);
    a.qk_norm = LLM__QK_HEAD;
    a.gate = LLM__GATE_FULL;
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), 0, llm__rope_scaling(c));
    llm__set_dense(c, m, &a, llm__config_int(c, "intermediate_size", 6144, 1, 1 << 24), LLM__SILU, 0);
    e = llm__read_experts(c, "num_experts", 128, "num_experts_per_tok", 8, "moe_intermediate_size", 1024);
    llm__read_shared(c, &e, "num_shared_experts", 1, "moe_intermediate_size", e.width);
    llm__read_groups(c, &e, "num_experts", 1, 1);
    e.scores = llm__config_word(c, "score_func", "sigmoid", "sigmoid softmax") ? LLM__SOFTMAX_ALL : LLM__SIGMOID;
    e.biased = 1;
    e.renormalize = llm__config_flag(c, "route_norm", 1) && e.chosen > 1;
    e.scaling = (float)llm__config_number(c, "route_scale", 2.826, -1e6, 1e6);
    llm__fill_experts(c, m, &e, llm__config_int(c, "num_dense_layers", 2, 0, 1 << 20));
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].scheme = LLM__SANDWICH;
        if (llm__layer_word(c, m, "layer_types", i, llm__layer_sorts)) m->layers[i].attention.window = window;
        else m->layers[i].attention.rope = -1;
    }
}

/* Experts as all bailing families have them. */
LLM__FN llm__experts llm__read_bailing_experts(llm__config *c) {
    int bias = llm__config_flag(c, "use_bias", 0), width;
    llm__experts e = llm__read_experts(c, "num_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED,
                                       "moe_intermediate_size", LLM__REQUIRED);
    width = llm__config_int(c, "moe_shared_expert_intermediate_size", 0, 0, 1 << 24);
    if (llm__config_flag(c, "moe_router_enable_shared_expert", 1))
        llm__read_shared(c, &e, "num_shared_experts", LLM__REQUIRED, "moe_intermediate_size", width ? width : e.width);
    llm__read_groups(c, &e, "num_experts", 1, 4);
    e.bias_each = e.shared.bias = e.shared.down_bias = bias;
    e.scores = llm__config_word(c, "score_function", "softmax", "softmax sigmoid") ? LLM__SIGMOID : LLM__SOFTMAX_ALL;
    e.biased = llm__config_flag(c, "moe_router_enable_expert_bias", 0);
    e.renormalize = llm__config_flag(c, "norm_topk_prob", 0) && e.chosen > 1;
    e.renormalize_eps = 1e-20f;
    e.scaling = (float)llm__config_number(c, "routed_scaling_factor", 1, -1e6, 1e6);
    return e;
}

/* bailing_moe: q, k and v in one map, head norms by flag; norm_head makes the columns of lm_head unit vectors. */
LLM__FN void llm__read_bailing_moe(llm__config *c, llm_model *m) {
    int bias = llm__config_flag(c, "use_bias", 0), rotated;
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->head_columns_normed = llm__config_flag(c, "norm_head", 0);
    a = llm__read_even_attention(c, m);
    llm__set_bias(&a, llm__config_flag(c, "use_qkv_bias", 0), bias);
    a.qkv = LLM__QKV_JOINED;
    a.qk_norm = llm__config_flag(c, "use_qk_norm", 0) ? LLM__QK_HEAD : LLM__QK_PLAIN;
    rotated = llm__config_int(c, "rotary_dim", llm__rope_part(c, a.width, 1), 2, a.width);
    a.rope = llm__rope_add(c, m, rotated, llm__rope_theta(c, llm__not_a_number()), 0, llm__rope_scaling(c));
    llm__read_dense(c, m, &a, LLM__SILU, bias);
    if (!llm__config_has(c, "num_experts")) return;
    e = llm__read_bailing_experts(c);
    llm__fill_experts(c, m, &e, llm__config_int(c, "first_k_dense_replace", LLM__REQUIRED, 0, 1 << 20));
}

/* dbrx: q, k and v are clipped; layer norms without biases; experts' weights sum to 1.  The original has the rows of
   all experts together, and down_proj transposed. */
LLM__FN void llm__read_dbrx(llm__config *c, llm_model *m) {
    const llm__json *attention = llm__json_get(c->root, "attn_config"), *ffn = llm__json_get(c->root, "ffn_config");
    llm__config s = llm__config_of(c, attention), f;
    llm__attention a;
    llm__experts e;
    memset(&a, 0, sizeof a);
    if (!llm__json_is(attention, LLM__JSON_OBJECT)) llm__config_fail(c, "attn_config", "an object");
    if (!llm__json_is(ffn, LLM__JSON_OBJECT)) llm__config_fail(c, "ffn_config", "an object");
    m->hidden = llm__config_size(c, "d_model");
    m->vocabulary = llm__config_size(c, "vocab_size");
    m->context = llm__config_int(c, "max_seq_len", 0, 0, 1 << 30);
    llm__make_layers(c, m, llm__config_int(c, "n_layers", LLM__REQUIRED, 1, LLM__MAX_LAYERS));
    llm__set_layer_norm(m, 0);
    m->norm.eps = 1e-5f;
    a.heads = llm__config_int(c, "n_heads", LLM__REQUIRED, 1, 65536);
    llm__config_divides(c, "d_model", m->hidden, "n_heads", a.heads);
    s.status = c->status;
    a.kv_heads = llm__config_int(&s, "kv_n_heads", LLM__REQUIRED, 1, a.heads);
    a.clip = (float)llm__config_number(&s, "clip_qkv", llm__not_a_number(), 1e-9, 1e9);
    a.qkv = LLM__QKV_JOINED;
    llm__config_divides(&s, "n_heads", a.heads, "kv_n_heads", a.kv_heads);
    c->status = s.status;
    llm__set_width(c, &a, c->status == LLM_OK ? m->hidden / a.heads : 1);
    a.rope = llm__rope_add(c, m, a.width, llm__config_number(&s, "rope_theta", llm__not_a_number(), 1e-3, 1e30), 0,
                           NULL);
    if (c->status == LLM_OK) c->status = s.status;
    f = llm__config_of(c, ffn);
    e = llm__read_experts(&f, "moe_num_experts", LLM__REQUIRED, "moe_top_k", LLM__REQUIRED, "ffn_hidden_size",
                          LLM__REQUIRED);
    c->status = f.status;
    e.renormalize = 1;
    e.stacks = LLM__DOWN_TRANSPOSED;
    llm__set_dense(c, m, &a, e.width, LLM__SILU, 0);
    llm__fill_experts(c, m, &e, 0);
}

/* exaone_moe: sliding layers rotate, full ones only if there are no others; DeepSeek-V3's experts where is_moe_layer. */
LLM__FN void llm__read_exaone_moe(llm__config *c, llm_model *m) {
    const llm__json *parameters = llm__json_get(c->root, "rope_parameters");
    int window = llm__config_int(c, "sliding_window", LLM__REQUIRED, 1, 1 << 30), i, slides = 0;
    double theta = llm__config_number(c, "rope_theta", 1e6, 1e-3, 1e30);
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    if (llm__json_is(parameters, LLM__JSON_OBJECT)) {
        llm__config s = llm__config_of(c, parameters);
        theta = llm__config_number(&s, "rope_theta", theta, 1e-3, 1e30);
        c->status = s.status;
    }
    a = llm__read_attention(c, m, LLM__REQUIRED);
    a.qk_norm = LLM__QK_HEAD;
    a.rope = llm__rope_add(c, m, a.width, theta, 0, llm__json_get(c->root, "rope_scaling"));
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    e = llm__read_experts(c, "num_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED,
                          "moe_intermediate_size", LLM__REQUIRED);
    llm__read_shared(c, &e, "num_shared_experts", 0, "moe_intermediate_size", e.width);
    llm__read_groups(c, &e, "num_experts", 1, 1);
    llm__config_word(c, "topk_method", "noaux_tc", "noaux_tc");
    e.scores = LLM__SIGMOID;
    e.biased = 1;
    e.renormalize = llm__config_flag(c, "norm_topk_prob", 1) && e.chosen > 1;
    e.renormalize_eps = 1e-20f;
    e.scaling = (float)llm__config_number(c, "routed_scaling_factor", 2.5, -1e6, 1e6);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        if (llm__layer_word(c, m, "layer_types", i, llm__layer_sorts)) {
            m->layers[i].attention.window = window;
            slides = 1;
        }
        if (!llm__layer_int(c, m, "is_moe_layer", i, 0, 1)) continue;
        m->layers[i].ffn = LLM__EXPERTS;
        m->layers[i].experts = e;
    }
    for (i = 0; i < m->layer_count && slides && c->status == LLM_OK; i++)
        if (!m->layers[i].attention.window) m->layers[i].attention.rope = -1;
}

/* laguna: each layer has its own number of heads; softplus of a learned number gates each head; a rotary embedding for
   each sort of layer; router logits may be capped, scores may be sqrt(softplus). */
LLM__FN void llm__read_laguna(llm__config *c, llm_model *m) {
    int window = llm__config_int(c, "sliding_window", 512, 1, 1 << 30), i, ropes[2];
    int bias = llm__config_flag(c, "attention_bias", 0);
    double part = llm__config_number(c, "partial_rotary_factor", 1, 0, 1);
    llm__attention a;
    llm__experts e;
    llm__read_sizes(c, m, 2048, 100352, 40);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 0);
    a = llm__read_usual_heads(c, m, 48, 8, 128);
    llm__set_bias(&a, llm__config_flag(c, "qkv_bias", 0), bias);
    a.qk_norm = LLM__QK_HEAD;
    a.gate = llm__config_flag(c, "gating", 1) ? LLM__GATE_SOFTPLUS : LLM__UNGATED;
    ropes[0] = llm__rope_of_type(c, m, a.width, "full_attention", 10000, part, 1);
    ropes[1] = llm__rope_of_type(c, m, a.width, "sliding_attention", 10000, part, 1);
    llm__set_dense(c, m, &a, llm__config_int(c, "intermediate_size", 8192, 1, 1 << 24), LLM__SILU, 0);
    e = llm__read_experts(c, "num_experts", 256, "num_experts_per_tok", 8, "moe_intermediate_size", 512);
    e.shared.width = llm__config_int(c, "shared_expert_intermediate_size", 512, 1, 1 << 24);
    e.scores = llm__config_word(c, "moe_router_score_func", "sigmoid", "sigmoid sqrtsoftplus") ? LLM__SQRT_SOFTPLUS
                                                                                               : LLM__SIGMOID;
    e.score_cap = (float)llm__config_number(c, "moe_router_logit_softcapping", 0, -1e9, 1e9);
    e.biased = e.renormalize = 1;
    e.scaling = (float)llm__config_number(c, "moe_routed_scaling_factor", 1, -1e6, 1e6);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__attention *own = &m->layers[i].attention;
        int slides = llm__config_has(c, "layer_types") && llm__layer_word(c, m, "layer_types", i, llm__layer_sorts);
        int sparse = llm__config_has(c, "mlp_layer_types") ? llm__layer_word(c, m, "mlp_layer_types", i, "dense sparse")
                                                           : i > 0;
        if (llm__config_has(c, "num_attention_heads_per_layer")) {
            own->heads = llm__layer_int(c, m, "num_attention_heads_per_layer", i, 1, 65536);
            llm__config_divides(c, "num_attention_heads_per_layer", own->heads, "num_key_value_heads", own->kv_heads);
            llm__config_product(c, "num_attention_heads_per_layer", own->heads, "head_dim", own->width);
        }
        own->rope = ropes[slides];
        own->window = slides ? window : 0;
        if (!sparse) continue;
        m->layers[i].ffn = LLM__EXPERTS;
        m->layers[i].experts = e;
    }
}

/* Whether rope_parameters[type] has a scaling that mellum reads. */
LLM__FN int llm__mellum_scales(const llm__config *c, const char *type) {
    const llm__json *own = llm__json_get(llm__json_get(c->root, "rope_parameters"), type);
    return !llm__json_text_is(llm__json_get(own, "rope_type"), "linear");
}

/* mellum: qwen3's attention with a rotary embedding for each sort of layer, of which "linear" does nothing; experts in
   every layer, by softmax over all. */
LLM__FN void llm__read_mellum(llm__config *c, llm_model *m) {
    static const char *const sorts[2] = {"full_attention", "sliding_attention"};
    int window = llm__config_int(c, "sliding_window", LLM__REQUIRED, 1, 1 << 30), i;
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_attention(c, m, LLM__REQUIRED);
    a.qk_norm = LLM__QK_HEAD;
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    e = llm__read_experts(c, "num_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED,
                          "moe_intermediate_size", LLM__REQUIRED);
    e.renormalize = llm__config_flag(c, "norm_topk_prob", 0);
    llm__fill_experts(c, m, &e, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        int slides = llm__layer_word(c, m, "layer_types", i, llm__layer_sorts);
        m->layers[i].attention.window = slides ? window : 0;
        m->layers[i].attention.rope = llm__rope_of_type(c, m, a.width, sorts[slides], llm__not_a_number(), 1,
                                                        llm__mellum_scales(c, sorts[slides]));
    }
}

/* mimo_v2_flash: sliding and full layers with heads, widths and rotary bases of their own, values narrower than keys
   and stored scaled, sinks in either; DeepSeek-V3's experts where moe_layer_freq says so. */
LLM__FN llm__attention llm__read_mimo_heads(llm__config *c, llm_model *m, int slides) {
    static const char *const keys[2][6] = {
        {"num_attention_heads", "num_key_value_heads", "head_dim", "v_head_dim", "rope_theta",
         "add_full_attention_sink_bias"},
        {"swa_num_attention_heads", "swa_num_key_value_heads", "swa_head_dim", "swa_v_head_dim", "swa_rope_theta",
         "add_swa_attention_sink_bias"},
    };
    const char *const *k = keys[slides];
    llm__attention a;
    memset(&a, 0, sizeof a);
    a.heads = llm__config_int(c, k[0], LLM__REQUIRED, 1, 65536);
    a.kv_heads = llm__config_int(c, k[1], LLM__REQUIRED, 1, 65536);
    llm__config_divides(c, k[0], a.heads, k[1], a.kv_heads);
    llm__set_width(c, &a, llm__config_int(c, k[2], LLM__REQUIRED, 1, 65536));
    a.value_width = llm__config_int(c, k[3], LLM__REQUIRED, 1, 65536);
    llm__config_product(c, k[0], a.heads, k[3], a.value_width);
    a.has_sinks = llm__config_flag(c, k[5], 0);
    a.value_scale = (float)llm__config_number(c, "attention_value_scale", 0, -1e6, 1e6);
    a.rope = llm__rope_add(c, m, llm__rope_part(c, a.width, llm__not_a_number()),
                           llm__config_number(c, k[4], llm__not_a_number(), 1e-3, 1e30), 0, NULL);
    if (slides) a.window = llm__config_int(c, "sliding_window_size", LLM__REQUIRED, 1, 1 << 30);
    return a;
}

LLM__FN void llm__read_mimo_v2_flash(llm__config *c, llm_model *m) {
    llm__attention full, sliding;
    llm__experts e;
    int i;
    llm__read_plain(c, m, "layernorm_epsilon", 0);
    m->tied = 0;
    full = llm__read_mimo_heads(c, m, 0);
    sliding = llm__read_mimo_heads(c, m, 1);
    llm__read_dense(c, m, &full, LLM__SILU, 0);
    e = llm__read_deepseek_router(c);
    e.renormalize_eps = 1e-20f;
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        if (llm__layer_int(c, m, "hybrid_layer_pattern", i, 0, 1)) m->layers[i].attention = sliding;
        if (!llm__layer_int(c, m, "moe_layer_freq", i, 0, 1)) continue;
        if (!e.count) llm__config_fail(c, "n_routed_experts", "a whole number from 1 to 65536");
        m->layers[i].ffn = LLM__EXPERTS;
        m->layers[i].experts = e;
    }
}

/* phimoe: layer norms, biases everywhere, longrope with the long factors at any length; experts by SparseMixer. */
LLM__FN void llm__read_phimoe(llm__config *c, llm_model *m) {
    const llm__json *scaling = llm__json_get(c->root, "rope_scaling");
    llm__attention a;
    llm__experts e;
    llm__read_sizes(c, m, 4096, 32064, 32);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    llm__set_layer_norm(m, 1);
    m->head_bias = 1;
    a = llm__read_usual_heads(c, m, 32, 8, LLM__EVEN);
    llm__set_bias(&a, 1, 1);
    a.rope = llm__rope_add(c, m, a.width, llm__rope_theta(c, 10000), 0, NULL);
    if (llm__config_has(c, "rope_scaling") && a.rope >= 0 && c->status == LLM_OK) {
        llm__config s = llm__config_of(c, scaling);
        llm__rope_long(c, &s, &m->ropes[a.rope]);
        m->ropes[a.rope].short_frequency = NULL;
        m->ropes[a.rope].scale = (float)llm__config_number(&s, "long_mscale", llm__not_a_number(), 1e-6, 1e6);
        c->status = s.status;
    }
    e = llm__read_experts(c, "num_local_experts", 16, "num_experts_per_tok", 2, "intermediate_size", 6400);
    llm__set_dense(c, m, &a, e.width, LLM__SILU, 0);
    e.scores = LLM__SPARSEMIXER;
    e.jitter = (float)llm__config_number(c, "router_jitter_noise", 0.01, 0, 1e6);
    llm__fill_experts(c, m, &e, 0);
}

/* phixtral (also phi-msft): phi's block, one layer norm for attention and experts side by side; experts without gates,
   four times as wide as the model; the head has a norm and a bias. */
LLM__FN void llm__read_phixtral(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__experts e;
    memset(&a, 0, sizeof a);
    m->hidden = llm__config_int(c, "model_dim", 2560, 1, 1 << 22);
    m->vocabulary = llm__config_int(c, "num_vocab", 51200, 1, 1 << 24);
    llm__make_layers(c, m, llm__config_int(c, "num_layers", 32, 1, LLM__MAX_LAYERS));
    llm__set_layer_norm(m, 1);
    m->norm.eps = 1e-5f;
    m->head_bias = 1;
    a.heads = a.kv_heads = llm__config_int(c, "num_heads", 32, 1, 65536);
    llm__config_divides(c, "model_dim", m->hidden, "num_heads", a.heads);
    llm__set_width(c, &a, c->status == LLM_OK ? m->hidden / a.heads : 1);
    llm__set_bias(&a, 1, 1);
    a.qkv = LLM__QKV_JOINED;
    a.rope = llm__rope_add(c, m, llm__config_int(c, "rotary_dim", 32, 2, a.width < 2 ? 2 : a.width), 10000, 0, NULL);
    llm__set_dense(c, m, &a, 4 * m->hidden, LLM__GELU_TANH, 0);
    llm__set_layers(c, m, LLM__PARALLEL_ONE, LLM__UP_ONLY);
    memset(&e, 0, sizeof e);
    e.count = llm__config_int(c, "num_local_experts", 4, 1, 65536);
    e.chosen = llm__config_int(c, "num_experts_per_tok", 2, 1, e.count);
    e.width = 4 * m->hidden;
    e.scores = LLM__SOFTMAX_BEST;
    e.gate_up = LLM__UP_ONLY;
    e.activation.kind = LLM__GELU_TANH;
    e.bias_each = 1;
    e.scaling = 1;
    llm__fill_experts(c, m, &e, 0);
}

/* spark2_5: a sigmoid gates each head; q, k and v in one map; GELU with erf; an unscaled rotary embedding for each sort
   of layer, three sliding to one full unless layer_types says otherwise. */
LLM__FN void llm__read_spark2_5(llm__config *c, llm_model *m) {
    static const char *const sorts[2] = {"full_attention", "sliding_attention"};
    int window = llm__config_int(c, "sliding_window", LLM__REQUIRED, 1, 1 << 30), i;
    int bias = llm__config_flag(c, "attention_bias", 0);
    llm__attention a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    a = llm__read_attention(c, m, LLM__REQUIRED);
    llm__set_bias(&a, bias, bias);
    a.qkv = LLM__QKV_JOINED;
    a.gate = LLM__GATE_HEAD;
    a.gate_bias = bias;
    llm__config_word(c, "hidden_act", "gelu", "gelu");
    llm__config_word(c, "gate_attn_act_mode", "sigmoid", "sigmoid");
    if (!llm__config_flag(c, "headwise_attn_output_gate", 1)) llm__config_fail(c, "headwise_attn_output_gate", "true");
    llm__read_dense(c, m, &a, LLM__GELU, llm__config_flag(c, "mlp_bias", 0));
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        int slides = llm__config_has(c, "layer_types") ? llm__layer_slides(c, m, i) : i % 4 != 3;
        m->layers[i].attention.window = slides ? window : 0;
        m->layers[i].attention.rope = llm__rope_of_type(c, m, a.width, sorts[slides], 10000, 1, 0);
    }
}

/* Whether moe_layers_enum, layer numbers between commas, has this one; without it all but the first are. */
LLM__FN int llm__step3p5_sparse(llm__config *c, int layer) {
    const llm__json *list = llm__json_get(c->root, "moe_layers_enum");
    const char *at = llm__json_is(list, LLM__JSON_STRING) ? list->as.text : "";
    int found = 0;
    if (!*at && !llm__config_has(c, "moe_layers_enum")) return layer > 0;
    if (!*at && llm__json_is(list, LLM__JSON_STRING)) return layer > 0;
    while (*at && c->status == LLM_OK) {
        size_t n = strspn(at, " 0123456789");
        if (!n || n > 8 || (at[n] && at[n] != ',')) break;
        if (atoi(at) == layer) found = 1;
        at += n + (at[n] == ',');
    }
    if (*at || !llm__json_is(list, LLM__JSON_STRING))
        llm__config_fail(c, "moe_layers_enum", "layer numbers between commas");
    return found;
}

/* The limit that a list of fewer or more numbers than layers gives a layer; 0: none. */
LLM__FN llm__activation llm__step3p5_limit(llm__config *c, const char *key, int layer) {
    llm__activation a;
    double limit = llm__listed_number(c, key, layer, 0, 0, 1e9);
    memset(&a, 0, sizeof a);
    a.kind = limit > 0 ? LLM__SWIGLU_LIMITED : LLM__SILU;
    a.limit = (float)limit;
    return a;
}

/* step3p5: a sigmoid gates each head, norms with weight + 1 in the original; sliding layers may have other heads; the
   rotary base, how much of a head rotates and the limits of swiglu are lists over the layers, and scaling is for the
   sorts in yarn_only_types. */
LLM__FN void llm__read_step3p5(llm__config *c, llm_model *m) {
    const llm__json *other = llm__json_get(c->root, "attention_other_setting");
    int window = llm__config_int(c, "sliding_window", 512, 1, 1 << 30), i, listed = llm__config_has(c, "layer_types");
    llm__attention a, sliding;
    llm__experts e;
    char name[64];
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-5);
    m->drops_later_layers = 1;
    for (i = 0; i < m->layer_count && !llm__step3p5_sparse(c, i); i++) continue;
    snprintf(name, sizeof name, "model.layers.%d.mlp.switch_mlp.up_proj.weight", i);
    llm__need_layout(m, name);
    m->norm.offset = m->layout == 1 ? 1 : 0;
    memset(&a, 0, sizeof a);
    a.heads = llm__config_int(c, "num_attention_heads", LLM__REQUIRED, 1, 65536);
    a.kv_heads = llm__config_int(c, "num_attention_groups", LLM__REQUIRED, 1, 65536);
    llm__config_divides(c, "num_attention_heads", a.heads, "num_attention_groups", a.kv_heads);
    llm__set_width(c, &a, llm__config_int(c, "head_dim", LLM__REQUIRED, 1, 65536));
    a.qk_norm = LLM__QK_HEAD;
    a.gate = llm__config_flag(c, "use_head_wise_attn_gate", 1) ? LLM__GATE_HEAD : LLM__UNGATED;
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    sliding = a;
    sliding.window = window;
    if (llm__config_has(c, "attention_other_setting")) {
        llm__config s = llm__config_of(c, other);
        if (other->type != LLM__JSON_OBJECT) llm__config_fail(c, "attention_other_setting", "an object or null");
        s.status = c->status;
        sliding.heads = llm__config_int(&s, "num_attention_heads", LLM__REQUIRED, 1, 65536);
        sliding.kv_heads = llm__config_int(&s, "num_attention_groups", LLM__REQUIRED, 1, 65536);
        llm__config_divides(&s, "num_attention_heads", sliding.heads, "num_attention_groups", sliding.kv_heads);
        llm__config_product(&s, "num_attention_heads", sliding.heads, "head_dim", a.width);
        c->status = s.status;
    }
    e = llm__read_experts(c, "moe_num_experts", 288, "moe_top_k", 8, "moe_intermediate_size", 1280);
    e.shared.width = llm__config_int(c, "share_expert_dim", 1280, 1, 1 << 24);
    e.scores = LLM__SIGMOID;
    e.biased = 1;
    e.renormalize = llm__config_flag(c, "norm_expert_weight", 1);
    e.renormalize_eps = 1e-20f;
    e.scaling = (float)llm__config_number(c, "moe_router_scaling_factor", 3, -1e6, 1e6);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        int slides = listed ? llm__layer_word(c, m, "layer_types", i, llm__layer_sorts) : i % 2 == 0;
        const llm__json *only = llm__json_get(c->root, "yarn_only_types"), *scaling = llm__rope_scaling(c);
        double theta = llm__json_is(llm__json_get(c->root, "rope_theta"), LLM__JSON_ARRAY)
                           ? llm__listed_number(c, "rope_theta", i, llm__not_a_number(), 1e-3, 1e30)
                           : llm__rope_theta(c, 10000);
        double part = llm__listed_number(c, "partial_rotary_factors", i, 1, 0, 1);
        uint32_t k;
        int scaled = !llm__json_is(only, LLM__JSON_ARRAY) || !only->length;
        for (k = 0; !scaled && k < only->length; k++)
            scaled = llm__json_text_is(llm__json_at(only, k), listed && slides ? "sliding_attention" : "full_attention");
        m->layers[i].attention = slides ? sliding : a;
        m->layers[i].attention.rope =
            llm__rope_add(c, m, (int)(a.width * part), theta, 0, scaled ? scaling : NULL);
        m->layers[i].mlp.activation = llm__step3p5_limit(c, "swiglu_limits_shared", i);
        if (!llm__step3p5_sparse(c, i)) continue;
        m->layers[i].ffn = LLM__EXPERTS;
        m->layers[i].experts = e;
        m->layers[i].experts.activation = llm__step3p5_limit(c, "swiglu_limits", i);
        m->layers[i].experts.shared.activation = m->layers[i].mlp.activation;
    }
}

/* muse_glimmer: sandwich norms with weight + 1 and an eps of their own behind the blocks, the final norm with the weight
   alone; embeddings are normed; q and k are normed without weights, q then scaled; a gate on the whole attention output;
   which layers slide and which rotate are two lists. */
LLM__FN void llm__read_muse_glimmer(llm__config *c, llm_model *m) {
    const llm__json *parameters = llm__json_get(c->root, "rope_parameters");
    int window = llm__config_int(c, "sliding_window", 2048, 1, 1 << 30), i;
    double theta = llm__config_number(c, "rope_theta", 500000, 1e-3, 1e30);
    llm__norm inner, post;
    llm__config outer = *c;
    llm__attention a;
    llm__read_sizes(c, m, 6656, 202048, 52);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-5);
    outer.root = llm__config_has(c, "tie_word_embeddings") ? c->root : c->outer;
    m->tied = llm__config_flag(&outer, "tie_word_embeddings", 0);
    if (c->status == LLM_OK) c->status = outer.status;
    m->logit_scale = (float)llm__config_number(c, "output_multiplier", 0.19611613513818404, -1e6, 1e6);
    m->logit_softcap = (float)llm__config_number(c, "final_logit_softcapping", 20, 1e-6, 1e9);
    m->embedding_normed = 1;
    m->embedding_norm = llm__rms_form(m->norm.eps);
    m->embedding_norm.weightless = 1;
    if (llm__json_is(parameters, LLM__JSON_OBJECT)) {
        llm__config s = llm__config_of(c, parameters);
        theta = llm__config_number(&s, "rope_theta", theta, 1e-3, 1e30);
        c->status = s.status;
    }
    a = llm__read_usual_heads(c, m, 32, 2, 128);
    a.scale *= (float)llm__config_number(c, "qk_scale_factor", 3.87, -1e6, 1e6);
    a.qk_norm = LLM__QK_HEAD;
    a.q_norm = a.k_norm = m->embedding_norm;
    a.gate = LLM__GATE_FULL;
    a.rope = llm__rope_add(c, m, a.width, theta, 0, NULL);
    llm__set_dense(c, m, &a, llm__config_int(c, "intermediate_size", 19968, 1, 1 << 24), LLM__SILU, 0);
    inner = llm__rms_form(m->norm.eps);
    post = llm__rms_form(llm__config_eps(c, "post_norm_eps", 1e-8));
    inner.offset = post.offset = 1;
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        int slides =
            llm__config_has(c, "layer_types") ? llm__layer_word(c, m, "layer_types", i, llm__layer_sorts) : i % 4 != 3;
        int rotates = slides;
        if (llm__config_has(c, "layer_rope_theta"))
            rotates = llm__listed_number(c, "layer_rope_theta", i, llm__not_a_number(), 0, 1e30) != 0;
        layer->scheme = LLM__SANDWICH;
        layer->mixer_norm = layer->ffn_norm = inner;
        layer->mixer_post_norm = layer->ffn_post_norm = post;
        layer->attention.window = slides ? window : 0;
        if (!rotates) layer->attention.rope = -1;
    }
}

/* gear: gemma's norms and embeddings; layers slide, see all, or are convolutions of normed keys and of values, which
   multiply.  Sliding layers have a rotary base of their own; scaling is for the full ones. */
LLM__FN void llm__read_gear(llm__config *c, llm_model *m) {
    static const llm__activation_kind kinds[] = {LLM__GELU_TANH, LLM__GELU_TANH, LLM__GELU_TANH,
                                                 LLM__GELU,      LLM__SILU,      LLM__SILU};
    int window = llm__config_int(c, "sliding_window", 512, 1, 1 << 30), i, local, bias, keys, word;
    llm__attention a;
    llm__conv conv;
    llm__read_plain(c, m, "rms_norm_eps", 1);
    m->norm.offset = 1;
    m->embedding_scale = sqrtf((float)m->hidden);
    m->logit_softcap = (float)llm__config_number(c, "final_logit_softcapping", 0, 0, 1e9);
    if (llm__config_flag(c, "use_bidirectional_attention", 0))
        llm__config_fail(c, "use_bidirectional_attention", "false");
    bias = llm__config_flag(c, "attention_bias", 0);
    a = llm__read_attention(c, m, LLM__REQUIRED);
    llm__set_bias(&a, bias, bias);
    a.qk_norm = LLM__QK_HEAD;
    a.scale = (float)(1 / sqrt(llm__config_number(c, "query_pre_attn_scalar", a.width, 1e-6, 1e6)));
    a.softcap = (float)llm__config_number(c, "attn_logit_softcapping", 0, 0, 1e9);
    a.rope = llm__rope_add(c, m, a.width, llm__config_number(c, "rope_theta", 1e6, 1e-3, 1e30), 0,
                           llm__json_get(c->root, "rope_scaling"));
    local = llm__rope_add(c, m, a.width, llm__config_number(c, "rope_local_base_freq", 1e4, 1e-3, 1e30), 0, NULL);
    word = llm__config_word(c, "hidden_activation", "gelu_pytorch_tanh",
                            "gelu_pytorch_tanh gelu_new gelu_fast gelu silu swish");
    llm__read_dense(c, m, &a, kinds[word], 0);
    llm__set_layers(c, m, LLM__SANDWICH, LLM__GATE_UP_SEPARATE);
    memset(&conv, 0, sizeof conv);
    conv.kernel = llm__config_int(c, "conv_L_cache", 3, 1, 4096);
    conv.plain = 1;
    conv.biased = bias;
    keys = c->status == LLM_OK ? a.kv_heads * a.width : 1;
    conv.runs[0] = conv.runs[1] = keys;
    conv.channels = 2 * keys;
    for (i = 0; llm__config_has(c, "layer_types") && i < m->layer_count && c->status == LLM_OK; i++) {
        int sort = llm__layer_word(c, m, "layer_types", i, "full_attention sliding_attention conv_mixer");
        if (sort == 1) {
            m->layers[i].attention.rope = local;
            m->layers[i].attention.window = window;
        } else if (sort == 2) {
            m->layers[i].mixer = LLM__KEYED_CONV;
            m->layers[i].attention.rope = -1;
            m->layers[i].keyed_conv = conv;
        }
    }
}

/* A key of minimax_m3_vl's sparse_attention_config, or its flat name. */
LLM__FN int llm__m3_sparse(llm__config *c, const char *nested, const char *flat, int fallback) {
    const llm__json *config = llm__json_get(c->root, "sparse_attention_config");
    if (llm__json_get(config, nested)) {
        llm__config s = llm__config_of(c, config);
        int n = llm__config_int(&s, nested, LLM__REQUIRED, 0, 65536);
        c->status = s.status;
        return n;
    }
    return llm__config_int(c, flat, fallback, 0, 65536);
}

/* Whether layer i attends to chosen blocks: layer_types says so, or sparse_attention_freq in either place; else all do. */
LLM__FN int llm__m3_is_sparse(llm__config *c, const llm_model *m, int i) {
    const llm__json *config = llm__json_get(c->root, "sparse_attention_config");
    llm__config s = *c;
    int sparse;
    if (llm__config_has(c, "layer_types"))
        return !llm__json_text_is(llm__layer_item(c, m, "layer_types", i), "full_attention");
    if (llm__json_get(config, "sparse_attention_freq")) s = llm__config_of(c, config);
    if (!llm__config_has(&s, "sparse_attention_freq")) return 1;
    sparse = llm__layer_int(&s, m, "sparse_attention_freq", i, 0, 1);
    c->status = s.status;
    return sparse;
}

/* The indexer of minimax_m3_vl's sparse layers; heads 0: the config has none. */
LLM__FN llm__indexer llm__read_block_indexer(llm__config *c, llm_model *m, const llm__attention *a, int rotated,
                                             double theta, const llm__json *scaling) {
    llm__indexer x;
    memset(&x, 0, sizeof x);
    x.block = llm__m3_sparse(c, "sparse_block_size", "index_block_size", 0);
    if (!x.block) return x;
    x.heads = llm__m3_sparse(c, "sparse_num_index_heads", "index_n_heads", LLM__REQUIRED);
    x.width = llm__m3_sparse(c, "sparse_index_dim", "index_head_dim", LLM__REQUIRED);
    x.chosen = llm__m3_sparse(c, "sparse_topk_blocks", "index_topk_blocks", LLM__REQUIRED);
    x.local = llm__m3_sparse(c, "sparse_local_block", "index_local_blocks", 1);
    if (!x.heads || !x.width || !x.chosen) llm__config_fail(c, "sparse_attention_config", "sizes of 1 and more");
    llm__config_divides(c, "num_attention_heads", a->heads, "index_n_heads", x.heads);
    llm__config_product(c, "index_n_heads", x.heads, "index_head_dim", x.width);
    x.rope = llm__rope_add(c, m, rotated < x.width ? rotated : x.width, theta, 0, scaling);
    return x;
}

/* minimax_m3_vl: gemma's norms by flag, gpt_oss's swiglu with numbers of its own; sparse layers attend to the blocks of
   tokens that an indexer chooses for each of its heads.  The original may have the MLP of a dense layer among its
   experts' names, MXFP8, and the shared expert folded into the stacks of the others. */
LLM__FN void llm__read_minimax_m3(llm__config *c, llm_model *m) {
    const llm__json *parameters = llm__json_get(c->root, "rope_parameters");
    double theta = llm__rope_number(c, NULL, "rope_theta", 5e6, 1e-3, 1e30);
    double part = llm__config_number(c, "partial_rotary_factor", 0.5, 0, 1);
    int rotated, i, dense = -1;
    llm__indexer indexer;
    llm__attention a;
    llm__experts e;
    char name[80];
    llm__read_sizes(c, m, 6144, 200064, 60);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    m->norm.offset = llm__config_flag(c, "use_gemma_norm", 1) ? 1 : 0;
    m->tied = llm__config_flag(c, "tie_word_embeddings", 0);
    if (llm__json_is(parameters, LLM__JSON_OBJECT)) {
        llm__config s = llm__config_of(c, parameters);
        theta = llm__config_number(&s, "rope_theta", theta, 1e-3, 1e30);
        part = llm__config_number(&s, "partial_rotary_factor", part, 0, 1);
        c->status = s.status;
    }
    a = llm__read_usual_heads(c, m, 64, 4, 128);
    a.qk_norm = llm__config_flag(c, "use_qk_norm", 1) ? LLM__QK_HEAD : LLM__QK_PLAIN;
    rotated = llm__config_int(c, "rotary_dim", (int)(a.width * part), 2, a.width < 2 ? 2 : a.width);
    a.rope = llm__rope_add(c, m, rotated, theta, 0, parameters);
    indexer = llm__read_block_indexer(c, m, &a, rotated, theta, parameters);
    llm__set_dense(c, m, &a, llm__config_int(c, "dense_intermediate_size", 12288, 1, 1 << 24), LLM__SWIGLU_OAI, 0);
    e = llm__read_experts(c, "num_local_experts", 128, "num_experts_per_tok", 4, "intermediate_size", 3072);
    e.shared.width = llm__config_int(c, "shared_intermediate_size", 3072, 1, 1 << 24);
    e.scores = LLM__SIGMOID;
    e.biased = e.renormalize = e.folds = 1;
    e.renormalize_eps = 1e-20f;
    e.scaling = (float)llm__config_number(c, "routed_scaling_factor", 2, -1e6, 1e6);
    e.activation.kind = LLM__SWIGLU_OAI;
    e.activation.alpha = (float)llm__config_number(c, "swiglu_alpha", 1.702, 1e-6, 1e6);
    e.activation.limit = (float)llm__config_number(c, "swiglu_limit", 7, 1e-6, 1e9);
    e.shared.activation = e.activation;
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        int sparse = llm__config_has(c, "mlp_layer_types")
                         ? llm__layer_word(c, m, "mlp_layer_types", i, "dense sparse")
                         : !llm__config_has(c, "moe_layer_freq") || llm__layer_int(c, m, "moe_layer_freq", i, 0, 1);
        layer->mlp.activation = e.activation;
        layer->list = 1;
        if (indexer.heads && llm__m3_is_sparse(c, m, i)) {
            layer->attention.indexer = indexer;
            layer->list = 2;
        }
        if (!sparse) dense = i;
        if (!sparse) continue;
        layer->ffn = LLM__EXPERTS;
        layer->experts = e;
    }
    snprintf(name, sizeof name, "model.layers.%d.mlp.up_proj.weight", dense);
    if (dense >= 0) llm__need_layout(m, name);
}

/* muse_spark: muse_glimmer's attention with pairs that rotate, each head's output normed before its gate; a learned share
   of stream and branch in place of their sum; experts that work at a width of their own, between norms.  mlx-lm's
   conversion has q, k, v and gates in one map, norms and shares as they are used; the original has q and k in halves,
   norms less 1, and gates that the shares come from. */
LLM__FN void llm__read_muse_spark(llm__config *c, llm_model *m) {
    const llm__json *parameters = llm__json_get(c->root, "rope_parameters");
    llm__config s = llm__config_of(c, parameters);
    int window = llm__config_int(c, "sliding_window", LLM__REQUIRED, 1, 1 << 30), i, original;
    float post_eps = llm__config_eps(c, "post_norm_eps", llm__not_a_number());
    llm__norm inner, last;
    llm__attention a;
    llm__experts e;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->tied = 0;
    original = !llm__model_has(m, "model.layers.0.self_attn.qkv_proj.weight");
    m->logit_scale = (float)llm__config_number(c, "output_multiplier", llm__not_a_number(), -1e6, 1e6);
    m->logit_softcap = (float)llm__config_number(c, "final_logit_softcapping", llm__not_a_number(), 1e-6, 1e9);
    m->embedding_normed = 1;
    m->embedding_norm = llm__rms_form(m->norm.eps);
    m->embedding_norm.weightless = 1;
    a = llm__read_attention(c, m, LLM__REQUIRED);
    a.scale *= (float)llm__config_number(c, "qk_scale_factor", 5.4730064863875, -1e6, 1e6);
    a.qk_norm = LLM__QK_HEAD;
    a.q_norm = a.k_norm = a.head_norm = m->embedding_norm;
    a.gate = LLM__GATE_FULL;
    a.heads_normed = 1;
    a.halves = original;
    a.qkv = original ? LLM__QKV_SEPARATE : LLM__QKVG_JOINED;
    if (!llm__json_is(parameters, LLM__JSON_OBJECT)) llm__config_fail(c, "rope_parameters", "an object");
    s.status = c->status;
    a.rope = llm__rope_add(&s, m, a.width, llm__config_number(&s, "rope_theta", llm__not_a_number(), 1e-3, 1e30), 1,
                           NULL);
    c->status = s.status;
    e = llm__read_experts(c, "num_local_experts", LLM__REQUIRED, "num_experts_per_tok", LLM__REQUIRED,
                          "moe_intermediate_size", LLM__REQUIRED);
    if (llm__config_int(c, "num_shared_experts", 0, 0, 4096)) llm__config_fail(c, "num_shared_experts", "0");
    e.latent = llm__config_size(c, "moe_hidden_size");
    e.scores = LLM__SIGMOID;
    e.router_scale = m->logit_scale;
    e.biased = e.renormalize = 1;
    e.renormalize_eps = 1e-15f;
    e.scaling = (float)llm__config_number(c, "routed_scaling_factor", 1, -1e6, 1e6);
    e.low_normed = e.each_normed = 1;
    inner = llm__rms_form(m->norm.eps);
    last = llm__rms_form(post_eps);
    inner.offset = last.offset = original ? 1 : 0;
    last.kind = LLM__RMS_OF_WEIGHTED;
    e.low_norm = inner;
    e.each_norm = last;
    llm__set_dense(c, m, &a, e.width, LLM__SILU, 0);
    llm__fill_experts(c, m, &e, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        layer->scheme = LLM__SANDWICH;
        layer->mixer_norm = layer->ffn_norm = inner;
        layer->mixer_post_norm = llm__rms_form(post_eps);
        layer->mixer_post_norm.weightless = 1;
        layer->ffn_post_norm = last;
        layer->weighs_stream = 1;
        if (llm__layer_word(c, m, "layer_types", i, llm__layer_sorts)) layer->attention.window = window;
        if (llm__listed_number(c, "layer_rope_theta", i, llm__not_a_number(), 0, 1e30) == 0) layer->attention.rope = -1;
        if (llm__config_has(c, "mlp_layer_types")) llm__layer_word(c, m, "mlp_layer_types", i, "sparse");
    }
}

/* ---- readers: recurrent families and hybrids */

/* Whether a convolution lies as in the original's layout, [channels, 1, kernel]: mlx-lm tells by that whether other
   tensors are the original's, too. */
LLM__FN int llm__is_original(const llm_model *m, const char *block) {
    char name[320];
    int i;
    for (i = 0; i < m->layer_count; i++) {
        const llm__tensor *t;
        snprintf(name, sizeof name, "model.layers.%d.%s.conv1d.weight", i, block);
        llm__rename(name, sizeof name, m->renames);
        t = llm__tensor_find(&m->tensors, name);
        if (t) return t->dims == 3 && t->shape[2] != 1;
    }
    return 0;
}

/* Mamba-2; keys: heads, width, state, groups, kernel; defaults: theirs, NULL: all are required. */
LLM__FN llm__ssm llm__read_ssd(llm__config *c, const char *const *keys, const int *defaults) {
    static const int most[5] = {65536, 4096, 4096, 65536, 64};
    int n[5], i;
    llm__ssm s;
    memset(&s, 0, sizeof s);
    for (i = 0; i < 5; i++) n[i] = llm__config_int(c, keys[i], defaults ? defaults[i] : (int)LLM__REQUIRED, 1, most[i]);
    s.heads = n[0];
    s.width = n[1];
    s.state = n[2];
    s.groups = n[3];
    s.conv.kernel = n[4];
    s.norm_groups = 1;
    s.dt_max = HUGE_VALF;
    llm__config_divides(c, keys[0], s.heads, keys[3], s.groups);
    llm__config_product(c, keys[0], s.heads, keys[1], s.width);
    llm__config_product(c, keys[3], s.groups, keys[2], s.state);
    if (c->status == LLM_OK) s.conv.channels = s.heads * s.width + 2 * s.groups * s.state;
    return s;
}

/* time_step_limit: what dt is clipped to. */
LLM__FN void llm__read_dt_limit(llm__config *c, llm__ssm *s, double low, double high) {
    const llm__json *limit = llm__json_get(c->root, "time_step_limit");
    if (llm__config_has(c, "time_step_limit"))
        if (!llm__json_is(limit, LLM__JSON_ARRAY) || limit->length != 2 ||
            !llm__json_float(llm__json_at(limit, 0), &low) || !llm__json_float(llm__json_at(limit, 1), &high) ||
            !(low <= high))
            llm__config_fail(c, "time_step_limit", "two numbers, the smaller first");
    s->dt_min = (float)low;
    s->dt_max = (float)high;
}

/* mamba2: state-space duality in every layer, no feed-forward; the layers' norms have eps 1e-5. */
LLM__FN void llm__read_mamba2(llm__config *c, llm_model *m) {
    static const char *const keys[5] = {"num_heads", "head_dim", "ssm_state_size", "n_groups", "conv_kernel"};
    static const char *const older[5] = {"num_heads", "head_dim", "state_size", "n_groups", "conv_kernel"};
    llm__ssm s;
    int i;
    llm__read_plain(c, m, "layer_norm_epsilon", 0);
    m->context = 0;
    s = llm__read_ssd(c, llm__config_has(c, "ssm_state_size") ? keys : older, NULL);
    s.bias = s.out_bias = llm__config_flag(c, "use_bias", 0);
    s.conv.biased = llm__config_flag(c, "use_conv_bias", 0);
    llm__read_dt_limit(c, &s, 0, HUGE_VAL);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].mixer = LLM__SSM;
        m->layers[i].mixer_norm.eps = 1e-5f;
        m->layers[i].ssm = s;
    }
}

/* Mamba: `inner` channels; what the keys are called.  A rank of "auto" is a sixteenth of the width. */
LLM__FN llm__ssm llm__read_scan(llm__config *c, const llm_model *m, int inner, const char *state, const char *kernel,
                                const char *rank) {
    int automatic = (m->hidden + 15) / 16;
    llm__ssm s;
    memset(&s, 0, sizeof s);
    s.in_order = LLM__SSM_CHANNELS;
    s.heads = s.conv.channels = inner;
    s.width = s.groups = s.norm_groups = 1;
    s.state = llm__config_int(c, state, LLM__REQUIRED, 1, 4096);
    s.conv.kernel = llm__config_int(c, kernel, LLM__REQUIRED, 1, 64);
    s.dt_rank = llm__json_text_is(llm__json_get(c->root, rank), "auto")
                    ? automatic : llm__config_int(c, rank, LLM__REQUIRED, 1, 1 << 20);
    s.dt_max = HUGE_VALF;
    s.norm.kind = s.dt_norm.kind = s.b_norm.kind = s.c_norm.kind = LLM__NO_NORM;
    llm__config_product(c, "the inner width", inner, state, s.state);
    return s;
}

/* mamba, falcon_mamba: a selective scan in every layer, no feed-forward; all norms have eps 1e-5.  falcon_mamba norms
   dt, B and C, without weights. */
LLM__FN void llm__read_mamba(llm__config *c, llm_model *m) {
    int i, normed = llm__json_text_is(llm__json_get(c->outer, "model_type"), "falcon_mamba");
    llm__ssm s;
    llm__read_common(c, m);
    m->context = 0;
    m->norm.eps = 1e-5f;
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    s = llm__read_scan(c, m, llm__config_size(c, "intermediate_size"), "state_size", "conv_kernel", "time_step_rank");
    s.bias = s.out_bias = llm__config_flag(c, "use_bias", 0);
    s.conv.biased = llm__config_flag(c, "use_conv_bias", 0);
    if (normed || llm__config_flag(c, "use_bcdt_rms", 0)) {
        s.dt_norm = llm__rms_form(llm__config_eps(c, "mixer_rms_eps", 1e-6));
        s.dt_norm.weightless = 1;
        s.b_norm = s.c_norm = s.dt_norm;
    }
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].mixer = LLM__SSM;
        m->layers[i].ssm = s;
    }
}

/* jamba: Mamba with norms of dt, B and C, and attention without rotation; experts in some layers, weighed by a softmax
   over the chosen, as mlx-lm has it (the reference: over all). */
LLM__FN void llm__read_jamba(llm__config *c, llm_model *m) {
    int i, period, offset, expert_period, expert_offset, count, chosen, attends;
    llm__attention a;
    llm__ssm s;
    llm__read_plain(c, m, "rms_norm_eps", 1);
    a = llm__read_even_attention(c, m);
    i = llm__config_int(c, "mamba_expand", LLM__REQUIRED, 1, 64);
    llm__config_product(c, "mamba_expand", i, "hidden_size", m->hidden);
    if (c->status != LLM_OK) return;
    s = llm__read_scan(c, m, i * m->hidden, "mamba_d_state", "mamba_d_conv", "mamba_dt_rank");
    s.bias = s.out_bias = llm__config_flag(c, "mamba_proj_bias", 0);
    s.conv.biased = llm__config_flag(c, "mamba_conv_bias", 1);
    s.dt_norm = s.b_norm = s.c_norm = llm__rms_form(m->norm.eps);
    period = llm__config_int(c, "attn_layer_period", LLM__REQUIRED, 1, 1 << 20);
    offset = llm__config_int(c, "attn_layer_offset", LLM__REQUIRED, 0, 1 << 20);
    expert_period = llm__config_int(c, "expert_layer_period", LLM__REQUIRED, 1, 1 << 20);
    expert_offset = llm__config_int(c, "expert_layer_offset", LLM__REQUIRED, 0, 1 << 20);
    count = llm__config_int(c, "num_experts", LLM__REQUIRED, 0, 65536);
    chosen = llm__config_int(c, "num_experts_per_tok", LLM__REQUIRED, 0, count > 1 ? count : 65536);
    llm__read_dense(c, m, &a, LLM__SILU, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        attends = llm__config_has(c, "layers_block_type")
                      ? llm__layer_word(c, m, "layers_block_type", i, "mamba attention") : i % period == offset;
        if (!attends) {
            layer->mixer = LLM__SSM;
            layer->ssm = s;
        }
        if (count < 2 || (i + expert_offset) % expert_period) continue;
        layer->ffn = LLM__EXPERTS;
        layer->experts.count = count;
        layer->experts.chosen = chosen ? chosen : 1;
        layer->experts.width = layer->mlp.width;
        layer->experts.scores = LLM__SOFTMAX_BEST;
        layer->experts.scaling = 1;
    }
}

/* A list of `count` numbers; absent: the fallback. */
LLM__FN void llm__config_numbers(llm__config *c, const char *key, const float *fallback, int count, float *out) {
    const llm__json *list = llm__json_get(c->root, key);
    char expected[48];
    double n;
    int i;
    memcpy(out, fallback, (size_t)count * sizeof(float));
    if (!llm__config_has(c, key)) return;
    snprintf(expected, sizeof expected, "a list of %d numbers", count);
    if (!llm__json_is(list, LLM__JSON_ARRAY) || list->length != (uint32_t)count) llm__config_fail(c, key, expected);
    for (i = 0; i < count && c->status == LLM_OK; i++) {
        if (!llm__json_float(llm__json_at(list, (uint32_t)i), &n) || !(fabs(n) < 1e9)) llm__config_fail(c, key, expected);
        else out[i] = (float)n;
    }
}

LLM__FN float llm__read_multiplier(llm__config *c, const char *key, double fallback) {
    return (float)llm__config_number(c, key, fallback, -1e9, 1e9);
}

/* falcon_h1: Mamba-2 and attention side by side on one norm.  A checkpoint in mlx's layout has the multipliers in its
   weights, but for the quotient of those of a tied head and the embedding; the original's are applied here as the
   reference has it (mlx-lm forgets key_multiplier, and the input's on values). */
LLM__FN void llm__read_falcon_h1(llm__config *c, llm_model *m) {
    static const char *const keys[5] = {"mamba_n_heads", "mamba_d_head", "mamba_d_state", "mamba_n_groups",
                                        "mamba_d_conv"};
    static const int defaults[5] = {24, 64, 128, 1, 4};
    static const float ssm_usual[5] = {0.3535533905932738f, 0.25f, 0.3535533905932738f, 0.5f, 0.3535533905932738f};
    static const float mlp_usual[2] = {0.8838834764831844f, 0.5859375f};
    float embedding = llm__read_multiplier(c, "embedding_multiplier", 5.656854249492381), mlp[2];
    float head = llm__read_multiplier(c, "lm_head_multiplier", 0.0390625);
    float in = llm__read_multiplier(c, "ssm_in_multiplier", 1.25);
    float attention_in = llm__read_multiplier(c, "attention_in_multiplier", 1);
    float attention_out = llm__read_multiplier(c, "attention_out_multiplier", 0.9375);
    float key = llm__read_multiplier(c, "key_multiplier", 0.390625);
    float out = llm__read_multiplier(c, "ssm_out_multiplier", 0.23570226039551587);
    int i, original, bias = llm__config_flag(c, "attention_bias", 0), mlp_bias = llm__config_flag(c, "mlp_bias", 0);
    llm__attention a;
    llm__ssm s;
    llm__read_sizes(c, m, 1024, 32784, 36);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-5);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    original = llm__is_original(m, "mamba");
    if (original) m->embedding_scale = embedding;
    if (original) m->logit_scale = head;
    else if (m->tied) m->logit_scale = head / embedding;
    a = llm__read_usual_heads(c, m, 8, 2, 64);
    if (original) a.scale *= attention_in * attention_in * key;
    llm__set_bias(&a, bias, bias);
    a.rope = llm__read_rope(c, m, &a, 1e11);
    s = llm__read_ssd(c, keys, defaults);
    s.bias = llm__config_flag(c, "mamba_proj_bias", 0);
    s.out_bias = llm__config_flag(c, "projectors_bias", 0);
    s.conv.biased = llm__config_flag(c, "mamba_conv_bias", 1);
    s.norm_first = llm__config_flag(c, "mamba_norm_before_gate", 0);
    s.norm_groups = s.groups;
    if (!llm__config_flag(c, "mamba_rms_norm", 0)) s.norm.kind = LLM__NO_NORM;
    s.multiplied = original;
    llm__config_numbers(c, "ssm_multipliers", ssm_usual, 5, s.multipliers);
    llm__config_numbers(c, "mlp_multipliers", mlp_usual, 2, mlp);
    for (i = 0; i < 5; i++) s.multipliers[i] *= in;
    i = llm__config_int(c, "mamba_d_ssm", 1536, 1, 1 << 24);
    if (c->status == LLM_OK && i != s.heads * s.width)
        llm__config_fail(c, "mamba_d_ssm", "mamba_n_heads times mamba_d_head");
    llm__set_dense(c, m, &a, llm__config_int(c, "intermediate_size", 2048, 1, 1 << 24), LLM__SILU, mlp_bias);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        layer->mixer = LLM__SSM;
        layer->beside = LLM__ATTENTION;
        layer->list = 2;
        layer->ssm = s;
        if (!original) continue;
        layer->mixer_scale = out;
        layer->beside_scale = attention_in * attention_out;
        layer->ffn_scale = mlp[1];
        layer->mlp.gate_scale = mlp[0];
    }
}

/* granitemoehybrid: granite with Mamba-2 in the layers that layer_types says; experts with a shared one beside them, or
   a dense feed-forward, which the original calls shared_mlp. */
LLM__FN void llm__read_granitemoehybrid(llm__config *c, llm_model *m) {
    static const char *const keys[5] = {"mamba_n_heads", "mamba_d_head", "mamba_d_state", "mamba_n_groups",
                                        "mamba_d_conv"};
    const llm__json *rope = llm__json_get(c->root, "rope_parameters");
    int i, bias = llm__config_flag(c, "attention_bias", 0), count = llm__config_int(c, "num_local_experts", 0, 0, 65536);
    int chosen = count ? llm__config_int(c, "num_experts_per_tok", LLM__REQUIRED, 1, count) : 0;
    int shared = count ? llm__config_size(c, "shared_intermediate_size") : 0;
    double theta;
    llm__attention a;
    llm__ssm s;
    llm__config p = llm__config_of(c, rope);
    memset(&s, 0, sizeof s);
    llm__read_plain(c, m, "rms_norm_eps", 1);
    m->embedding_scale = (float)llm__config_number(c, "embedding_multiplier", llm__not_a_number(), -1e9, 1e9);
    m->logit_scale = (float)(1 / llm__config_number(c, "logits_scaling", llm__not_a_number(), 1e-9, 1e9));
    a = llm__read_even_attention(c, m);
    a.scale = (float)llm__config_number(c, "attention_multiplier", llm__not_a_number(), -1e9, 1e9);
    llm__set_bias(&a, bias, bias);
    theta = llm__config_number(c, "rope_theta", 10000, 1e-3, 1e30);
    if (llm__json_is(rope, LLM__JSON_OBJECT)) theta = llm__config_number(&p, "rope_theta", theta, 1e-3, 1e30);
    if (c->status == LLM_OK) c->status = p.status;
    if (!llm__json_text_is(llm__json_get(c->root, "position_embedding_type"), "nope"))
        a.rope = llm__rope_add(c, m, a.width, theta, 0, NULL);
    llm__read_dense(c, m, &a, LLM__SILU, !count && llm__config_flag(c, "mlp_bias", 0));
    llm__set_branch_scale(c, m, llm__config_number(c, "residual_multiplier", llm__not_a_number(), -1e9, 1e9));
    if (!count && !llm__model_has(m, "model.layers.0.mlp.gate_proj.weight"))
        llm__need_layout(m, "model.layers.0.mlp.gate_up_proj.weight");
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        llm__experts *e = &layer->experts;
        if (llm__layer_word(c, m, "layer_types", i, "attention mamba")) {
            if (!s.heads) s = llm__read_ssd(c, keys, NULL);
            s.bias = s.out_bias = llm__config_flag(c, "mamba_proj_bias", 0);
            s.conv.biased = llm__config_flag(c, "mamba_conv_bias", 0);
            llm__read_dt_limit(c, &s, 0.001, 100);
            layer->mixer = LLM__SSM;
            layer->ssm = s;
        }
        if (m->layout) layer->mlp.gate_up = LLM__GATE_UP_JOINED;
        if (!count) continue;
        layer->ffn = LLM__EXPERTS;
        e->count = count;
        e->chosen = chosen;
        e->width = layer->mlp.width;
        e->scores = LLM__SOFTMAX_BEST;
        e->scaling = 1;
        e->shared.width = shared;
        e->shared.gate_up = LLM__GATE_UP_JOINED;
    }
}

/* The kind of layer i of nemotron_h: a letter of its pattern, or a name under either key; see llm__read_nemotron_h. */
LLM__FN int llm__nemotron_layer(llm__config *c, const llm_model *m, int i) {
    static const char *const letters = "M*-E";
    static const char kinds[] = "*ME-*MM"; /* in the order of the names */
    const llm__json *pattern = llm__json_get(c->root, "hybrid_override_pattern"), *letter;
    const char *names = "full_attention linear_attention moe mlp attention mamba conv", *found;
    int kind;
    if (!llm__config_has(c, "hybrid_override_pattern")) {
        kind = kinds[llm__layer_word(
            c, m, llm__config_has(c, "layers_block_type") ? "layers_block_type" : "layer_types", i, names)];
    } else if (pattern->type == LLM__JSON_STRING) {
        kind = pattern->as.text[i];
    } else {
        letter = llm__json_at(pattern, (uint32_t)i);
        kind = llm__json_is(letter, LLM__JSON_STRING) && strlen(letter->as.text) == 1 ? letter->as.text[0] : 0;
    }
    found = kind ? strchr(letters, kind) : NULL;
    if (!found) llm__config_fail(c, "hybrid_override_pattern", "the letters M, *, - and E");
    return found ? kind : 'M';
}

/* How many layers that are. */
LLM__FN int llm__nemotron_layers(llm__config *c) {
    const char *key = llm__config_has(c, "hybrid_override_pattern") ? "hybrid_override_pattern"
                      : llm__config_has(c, "layers_block_type")     ? "layers_block_type"
                                                                    : "layer_types";
    const llm__json *list = llm__json_get(c->root, key);
    size_t n = llm__json_is(list, LLM__JSON_STRING) ? strlen(list->as.text)
               : llm__json_is(list, LLM__JSON_ARRAY) ? list->length
                                                     : 0;
    if (n < 1 || n > LLM__MAX_LAYERS) llm__config_fail(c, key, "a kind for each of 1 to 4096 layers");
    return n < 1 || n > LLM__MAX_LAYERS ? 1 : (int)n;
}

LLM__FN llm__experts llm__read_nemotron_experts(llm__config *c, int bias) {
    llm__experts e;
    memset(&e, 0, sizeof e);
    e.count = llm__config_int(c, "n_routed_experts", LLM__REQUIRED, 1, 65536);
    e.chosen = llm__config_int(c, "num_experts_per_tok", LLM__REQUIRED, 1, e.count);
    e.width = llm__config_size(c, "moe_intermediate_size");
    e.latent = llm__config_int(c, "moe_latent_size", 0, 1, 1 << 24);
    e.latent_bias = bias;
    e.groups = llm__config_int(c, "n_group", 1, 1, e.count);
    e.chosen_groups = llm__config_int(c, "topk_group", 1, 1, e.groups);
    llm__config_divides(c, "n_routed_experts", e.count, "n_group", e.groups);
    e.scores = LLM__SIGMOID;
    e.biased = 1;
    e.renormalize = llm__config_flag(c, "norm_topk_prob", 0) && e.chosen > 1;
    e.renormalize_eps = 1e-20f;
    e.scaling = (float)llm__config_number(c, "routed_scaling_factor", 1, -1e6, 1e6);
    e.gate_up = e.shared.gate_up = LLM__UP_ONLY;
    e.activation.kind = e.shared.activation.kind = LLM__RELU2;
    e.shared.bias = e.shared.down_bias = bias;
    if (llm__config_has(c, "n_shared_experts"))
        e.shared.width = llm__config_has(c, "moe_shared_expert_intermediate_size")
                             ? llm__config_size(c, "moe_shared_expert_intermediate_size")
                             : llm__config_size(c, "intermediate_size");
    return e;
}

/* nemotron_h: each layer is one block on one norm: M Mamba-2, * attention without rotation, - a feed-forward with the
   square of relu, E experts of that kind, perhaps in a narrower space. */
LLM__FN void llm__read_nemotron_h(llm__config *c, llm_model *m) {
    static const char *const keys[5] = {"mamba_num_heads", "mamba_head_dim", "ssm_state_size", "n_groups",
                                        "conv_kernel"};
    int i, bias = llm__config_flag(c, "attention_bias", 0), mlp_bias = llm__config_flag(c, "mlp_bias", 0);
    llm__attention a;
    llm__experts e;
    llm__ssm s;
    memset(&e, 0, sizeof e);
    m->hidden = llm__config_size(c, "hidden_size");
    m->vocabulary = llm__config_size(c, "vocab_size");
    m->context = (int64_t)llm__config_number(c, "max_position_embeddings", 0, 0, 1e15);
    llm__make_layers(c, m, llm__nemotron_layers(c));
    m->norm.eps = llm__config_eps(c, "layer_norm_epsilon", llm__not_a_number());
    a = llm__read_attention(c, m, 0);
    llm__set_bias(&a, bias, bias);
    s = llm__read_ssd(c, keys, NULL);
    s.norm_groups = s.groups;
    s.bias = s.out_bias = llm__config_flag(c, "mamba_proj_bias", 0);
    s.conv.biased = llm__config_flag(c, "use_conv_bias", 0);
    llm__read_dt_limit(c, &s, 0, HUGE_VAL);
    llm__read_dense(c, m, &a, LLM__RELU2, mlp_bias);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        int kind = llm__nemotron_layer(c, m, i);
        layer->mlp.gate_up = LLM__UP_ONLY;
        layer->ssm = s;
        if (kind == 'E' && !e.count) e = llm__read_nemotron_experts(c, mlp_bias);
        layer->experts = e;
        layer->mixer = kind == 'M' ? LLM__SSM : kind == '*' ? LLM__ATTENTION : LLM__NO_MIXER;
        layer->ffn = kind == '-' ? LLM__MLP : kind == 'E' ? LLM__EXPERTS : LLM__NO_FFN;
    }
}

/* What the lfm2 families share: attention with head norms in the layers that full_attn_idxs or layer_types says, short
   convolutions in the others; the embedding is the head. */
LLM__FN void llm__read_lfm2_mixers(llm__config *c, llm_model *m) {
    const llm__json *rope = llm__json_get(c->root, "rope_parameters");
    llm__config p = llm__config_of(c, rope);
    llm__attention a;
    llm__short s;
    double theta;
    int i, attends;
    memset(&s, 0, sizeof s);
    llm__read_plain(c, m, "norm_eps", 1);
    m->tied = 1;
    a = llm__read_even_attention(c, m);
    a.qk_norm = LLM__QK_HEAD;
    theta = llm__config_number(c, "rope_theta", 1e6, 1e-3, 1e30);
    if (llm__json_is(rope, LLM__JSON_OBJECT)) theta = llm__config_number(&p, "rope_theta", theta, 1e-3, 1e30);
    if (c->status == LLM_OK) c->status = p.status;
    a.rope = llm__rope_add(c, m, a.width, theta, 0, NULL);
    s.conv.kernel = llm__config_int(c, "conv_L_cache", LLM__REQUIRED, 1, 64);
    s.conv.channels = m->hidden;
    s.conv.plain = 1;
    s.bias = s.conv.biased = llm__config_flag(c, "conv_bias", 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        attends = llm__config_has(c, "full_attn_idxs") ? llm__config_lists(c, "full_attn_idxs", i)
                                                       : llm__layer_word(c, m, "layer_types", i, "conv full_attention");
        layer->mixer = attends ? LLM__ATTENTION : LLM__SHORT_CONV;
        layer->attention = a;
        layer->short_conv = s;
        layer->ffn = LLM__MLP;
    }
}

/* lfm2: see above; the feed-forward's width is 2/3 of what the config says, times a factor, rounded up. */
LLM__FN void llm__read_lfm2(llm__config *c, llm_model *m) {
    int width = llm__config_size(c, llm__config_has(c, "block_ff_dim") ? "block_ff_dim" : "intermediate_size"), i;
    int multiple = llm__config_int(c, "block_multiple_of", LLM__REQUIRED, 1, 1 << 20), block;
    double factor = llm__config_number(c, "block_ffn_dim_multiplier", 1, 1e-6, 1e3);
    llm__read_lfm2_mixers(c, m);
    block = llm__config_size(c, "block_dim");
    if (c->status == LLM_OK && block != m->hidden) llm__config_fail(c, "block_dim", "what \"hidden_size\" is");
    if (llm__config_flag(c, "block_auto_adjust_ff_dim", 0)) {
        double wish = factor * (double)(int64_t)(2.0 * width / 3);
        if (c->status == LLM_OK && !(wish >= 1 && wish <= 1 << 24))
            llm__config_fail(c, "block_ffn_dim_multiplier", "a factor that leaves a width from 1 to 2^24");
        if (c->status == LLM_OK) width = ((int)wish + multiple - 1) / multiple * multiple;
    }
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) m->layers[i].mlp.width = width;
}

/* lfm2_moe: lfm2 with experts behind the first layers, chosen by biased sigmoid. */
LLM__FN void llm__read_lfm2_moe(llm__config *c, llm_model *m) {
    int i, dense = llm__config_int(c, "num_dense_layers", LLM__REQUIRED, 0, 1 << 20);
    int width = llm__config_size(c, "intermediate_size");
    llm__experts e;
    memset(&e, 0, sizeof e);
    e.count = llm__config_int(c, "num_experts", LLM__REQUIRED, 1, 65536);
    e.chosen = llm__config_int(c, "num_experts_per_tok", LLM__REQUIRED, 1, e.count);
    e.width = llm__config_size(c, "moe_intermediate_size");
    e.scores = LLM__SIGMOID;
    e.biased = llm__config_flag(c, "use_expert_bias", 0);
    e.renormalize = llm__config_flag(c, "norm_topk_prob", 0);
    e.renormalize_eps = 1e-6f;
    e.scaling = (float)llm__config_number(c, "routed_scaling_factor", 1, -1e6, 1e6);
    llm__read_lfm2_mixers(c, m);
    if (dense) llm__need_layout(m, "model.layers.0.mlp.gate_proj.weight");
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].mlp.width = width;
        m->layers[i].experts = e;
        if (i >= dense) m->layers[i].ffn = LLM__EXPERTS;
    }
}

/* qwen3_5 (also its moe): qwen3_next with maps apart; with num_experts every layer has experts.  Norms of a checkpoint
   in the original's layout are weights less 1. */
LLM__FN void llm__read_qwen3_5(llm__config *c, llm_model *m) {
    static const int usual[5] = {64, 16, 192, 128, 4};
    const llm__json *rope = llm__json_get(c->root, "rope_parameters");
    int i, interval = llm__config_int(c, "full_attention_interval", 4, 1, 4096);
    int count = llm__config_int(c, "num_experts", 0, 0, 65536), bias = llm__config_flag(c, "attention_bias", 0);
    llm__config p = llm__json_is(rope, LLM__JSON_OBJECT) ? llm__config_of(c, rope) : *c;
    double theta = llm__config_number(&p, "rope_theta", 100000, 1e-3, 1e30);
    double part = llm__config_number(&p, "partial_rotary_factor", 0.25, 0, 1);
    llm__attention a;
    llm__experts e;
    llm__delta d;
    memset(&e, 0, sizeof e);
    if (c->status == LLM_OK) c->status = p.status;
    llm__read_sizes(c, m, 4096, 151936, 32);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 0);
    a = llm__read_usual_heads(c, m, 32, 8, 0);
    a.qk_norm = LLM__QK_HEAD;
    a.gate = LLM__GATE_IN_Q;
    llm__set_bias(&a, bias, bias);
    a.rope = llm__rope_add(c, m, (int)(a.width * part), theta, 0, rope);
    d = llm__read_delta(c, m, usual);
    d.in_order = LLM__DELTA_JOINED;
    if (llm__is_original(m, "linear_attn")) m->norm.offset = 1;
    if (count) {
        e.count = count;
        e.chosen = llm__config_int(c, "num_experts_per_tok", LLM__REQUIRED, 1, count);
        e.width = llm__config_size(c, "moe_intermediate_size");
        e.scores = LLM__SOFTMAX_ALL;
        e.renormalize = llm__config_flag(c, "norm_topk_prob", 1);
        e.scaling = 1;
        e.shared.width = llm__config_size(c, "shared_expert_intermediate_size");
        e.shared_gate = 1;
    }
    llm__set_dense(c, m, &a, llm__config_int(c, "intermediate_size", 14336, 1, 1 << 24), LLM__SILU, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].experts = e;
        if (count) m->layers[i].ffn = LLM__EXPERTS;
        if ((i + 1) % interval == 0) continue;
        m->layers[i].mixer = LLM__DELTA;
        m->layers[i].delta = d;
    }
}


/* ---- readers: latent attention and families with rules of their own */

/* Per-layer embeddings: a table with `width` numbers of each id for each layer. */
LLM__FN void llm__read_side(llm__config *c, llm_model *m, int width, int usual_count) {
    int i;
    m->side_count = llm__config_int(c, "vocab_size_per_layer_input", usual_count, 1, 1 << 24);
    llm__config_product(c, "num_hidden_layers", m->layer_count, "hidden_size_per_layer_input", width);
    if (c->status != LLM_OK) return;
    m->side_width = width;
    m->carry += width * m->layer_count;
    for (i = 0; i < m->layer_count; i++) m->layers[i].side.width = width;
}

/* The last layers have no keys and values: they read those of the last layer of their sort that has some. */
LLM__FN void llm__share_keys(llm__config *c, llm_model *m, int shared) {
    int i, j, first = m->layer_count - shared;
    if (c->status == LLM_OK && first < 1)
        c->status = llm__fail(c->error, LLM_BAD_CONFIG,
                              "config.json: \"num_kv_shared_layers\" is %d; expected less than the %d layers", shared,
                              m->layer_count);
    for (i = first; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__attention *a = &m->layers[i].attention;
        for (j = first - 1; j >= 0 && !m->layers[j].attention.window != !a->window; j--) {}
        if (j < 0) {
            c->status = llm__fail(c->error, LLM_BAD_CONFIG,
                                  "config.json: layer %d shares the keys of another, but of the %d layers that have "
                                  "keys none is of its type in \"layer_types\"",
                                  i, first);
            return;
        }
        m->layers[i].reads = j;
        a->shared = 1;
    }
}

/* Attention of gemma3n and gemma4: scores as they are, values normed without weights. */
LLM__FN llm__attention llm__read_gemma_attention(llm__config *c, llm_model *m, int heads, int kv_heads, int width) {
    llm__attention a;
    memset(&a, 0, sizeof a);
    a.heads = llm__config_int(c, "num_attention_heads", heads, 1, 65536);
    a.kv_heads = llm__config_int(c, "num_key_value_heads", kv_heads, 1, 65536);
    llm__config_divides(c, "num_attention_heads", a.heads, "num_key_value_heads", a.kv_heads);
    a.width = a.value_width = llm__config_int(c, "head_dim", width, 1, 65536);
    llm__config_product(c, "num_attention_heads", a.heads, "head_dim", a.width);
    a.scale = 1;
    a.qk_norm = LLM__QK_HEAD;
    a.v_normed = 1;
    a.v_norm = llm__rms_form(m->norm.eps);
    a.v_norm.weightless = 1;
    return a;
}

/* The inverse of erf, by Newton's method from the middle. */
LLM__FN double llm__erf_inverse(double y) {
    double x = 0;
    int i;
    for (i = 0; i < 100; i++) x -= (erf(x) - y) * 0.88622692545275801 * exp(x * x < 30 ? x * x : 30);
    return x;
}

/* How many deviations above the mean a gate must be: for the layer's fraction of gates to be cut, 0 for none of it. */
LLM__FN void llm__read_sparsity(llm__config *c, int layer, llm__activation *a) {
    const llm__json *list = llm__json_get(c->root, "activation_sparsity_pattern");
    double fraction = 0;
    if (!llm__config_has(c, "activation_sparsity_pattern")) return;
    if (list->type != LLM__JSON_ARRAY || list->length <= (uint32_t)layer ||
        !llm__json_float(llm__json_at(list, (uint32_t)layer), &fraction) || !(fraction >= 0 && fraction < 0.9999)) {
        llm__config_fail(c, "activation_sparsity_pattern", "a list with a number from 0 to 0.9999 for each layer");
        return;
    }
    if (fraction == 0) return;
    a->kind = LLM__GELU_SPARSE;
    a->limit = (float)(sqrt(2) * llm__erf_inverse(2 * fraction - 1));
}

/* A size that may be one number or a list with one for each layer. */
LLM__FN int llm__config_layer_size(llm__config *c, const char *key, int layer) {
    const llm__json *list = llm__json_get(c->root, key), *v;
    if (!llm__json_is(list, LLM__JSON_ARRAY)) return llm__config_size(c, key);
    v = list->length > (uint32_t)layer ? llm__json_at(list, (uint32_t)layer) : NULL;
    if (llm__json_is(v, LLM__JSON_INTEGER) && v->as.number >= 1 && v->as.number <= 1 << 24) return (int)v->as.number;
    llm__config_fail(c, key, "a list with a whole number from 1 to 16777216 for each layer");
    return 1;
}

/* gemma3n: several streams of which each layer updates one and corrects the others (llm__altup), a low-rank residual
   beside attention, per-layer embeddings, gates cut below a quantile, and last layers that read others' keys. */
LLM__FN void llm__read_gemma3n(llm__config *c, llm_model *m) {
    llm__attention a;
    llm__altup altup;
    int i, local, global, window, rank, side;
    memset(&altup, 0, sizeof altup);
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", llm__not_a_number());
    m->tied = 1;
    m->embedding_scale = sqrtf((float)m->hidden);
    m->logit_softcap = llm__read_cap(c, "final_logit_softcapping", llm__not_a_number());
    a = llm__read_gemma_attention(c, m, LLM__REQUIRED, LLM__REQUIRED, LLM__REQUIRED);
    global = llm__rope_add(c, m, a.width, llm__rope_theta(c, llm__not_a_number()), 0, NULL);
    local = llm__rope_add(c, m, a.width, llm__config_number(c, "rope_local_base_freq", llm__not_a_number(), 1e-3, 1e30),
                          0, NULL);
    window = llm__config_int(c, "sliding_window", LLM__REQUIRED, 1, 1 << 30);
    altup.count = m->alternates = llm__config_int(c, "altup_num_inputs", LLM__REQUIRED, 1, LLM__MAX_STREAMS);
    altup.active = llm__config_int(c, "altup_active_idx", LLM__REQUIRED, 0, altup.count - 1);
    altup.scaled = llm__config_flag(c, "altup_correct_scale", 0);
    altup.clip = llm__read_cap(c, "altup_coef_clip", llm__not_a_number());
    rank = llm__config_size(c, "laurel_rank");
    side = llm__config_size(c, "hidden_size_per_layer_input");
    llm__config_product(c, "altup_num_inputs", altup.count, "hidden_size", m->hidden);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        layer->scheme = LLM__SANDWICH;
        layer->mixer = LLM__ATTENTION;
        layer->attention = a;
        layer->attention.window = llm__layer_slides(c, m, i) ? window : 0;
        layer->attention.rope = layer->attention.window ? local : global;
        layer->ffn = LLM__MLP;
        layer->mlp.width = llm__config_layer_size(c, "intermediate_size", i);
        layer->mlp.activation.kind = LLM__GELU_TANH;
        llm__read_sparsity(c, i, &layer->mlp.activation);
        layer->altup = altup;
        layer->laurel.rank = rank;
    }
    if (!llm__config_has(c, "layer_types")) llm__config_fail(c, "layer_types", "a list");
    llm__read_side(c, m, side, LLM__REQUIRED);
    m->carry += c->status == LLM_OK ? altup.count * m->hidden : 0;
    llm__share_keys(c, m, llm__config_int(c, "num_kv_shared_layers", LLM__REQUIRED, 0, LLM__MAX_LAYERS));
}

/* gemma4's rotary embedding of one sort of layer, with the defaults for a config that has none. */
LLM__FN int llm__read_gemma4_rope(llm__config *c, llm_model *m, const char *sort, int width) {
    static const char usual[] =
        "{\"full_attention\":{\"partial_rotary_factor\":0.25,\"rope_theta\":1e6,\"rope_type\":\"proportional\"},"
        "\"sliding_attention\":{\"rope_theta\":1e4}}";
    const llm__json *both = llm__json_get(c->root, "rope_parameters"), *own;
    double theta = 1e4;
    if (!llm__config_has(c, "rope_parameters") && c->status == LLM_OK)
        c->status = llm__json_parse(c->arena, "rope_parameters", usual, sizeof usual - 1, &both, c->error);
    if (c->status == LLM_OK && both->type != LLM__JSON_OBJECT) llm__config_fail(c, "rope_parameters", "an object");
    if (c->status != LLM_OK) return -1;
    own = llm__json_get(both, sort);
    if (llm__json_is(own, LLM__JSON_OBJECT)) {
        llm__config inner = llm__config_of(c, own);
        theta = llm__config_number(&inner, "rope_theta", 1e4, 1e-3, 1e30);
        c->status = inner.status;
    }
    return llm__rope_add(c, m, width, theta, llm__config_flag(c, "rope_traditional", 0), own);
}

/* gemma4's experts, beside each layer's MLP. */
LLM__FN void llm__read_gemma4_experts(llm__config *c, llm_model *m) {
    llm__experts e;
    int i;
    if (!llm__config_flag(c, "enable_moe_block", 0)) return;
    memset(&e, 0, sizeof e);
    e.count = llm__config_int(c, "num_experts", LLM__REQUIRED, 1, 65536);
    e.chosen = llm__config_int(c, "top_k_experts", LLM__REQUIRED, 1, e.count);
    e.width = llm__config_size(c, "moe_intermediate_size");
    e.scores = LLM__SOFTMAX_BEST;
    e.scaled = 1;
    e.scaling = 1;
    e.activation.kind = LLM__GELU_TANH;
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        m->layers[i].ffn = LLM__MLP_AND_EXPERTS;
        m->layers[i].experts = e;
    }
}

/* gemma4, gemma4_text, gemma4_unified: full layers have heads of another width, whose keys may be their values
   too; the last layers read others' keys and have an MLP of double width; per-layer embeddings, or experts beside the
   MLP. */
LLM__FN void llm__read_gemma4(llm__config *c, llm_model *m) {
    llm__attention a, full;
    int i, pattern, shared, side, window, width, doubled;
    m->hidden = llm__config_int(c, "hidden_size", 1536, 1, 1 << 24);
    m->vocabulary = llm__read_vocabulary(c, 262144);
    m->context = (int64_t)llm__config_number(c, "max_position_embeddings", 131072, 0, 1e15);
    llm__make_layers(c, m, llm__config_int(c, "num_hidden_layers", 35, 1, LLM__MAX_LAYERS));
    llm__read_outer_vocabulary(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    m->embedding_scale = sqrtf((float)m->hidden);
    m->logit_softcap = llm__read_cap(c, "final_logit_softcapping", 30);
    width = llm__config_int(c, "intermediate_size", 6144, 1, 1 << 23);
    window = llm__config_int(c, "sliding_window", 512, 1, 1 << 30);
    pattern = llm__config_int(c, "sliding_window_pattern", 5, 1, 4096);
    shared = llm__config_int(c, "num_kv_shared_layers", 20, 0, LLM__MAX_LAYERS);
    side = llm__config_count(c, "hidden_size_per_layer_input", 256, 1 << 24);
    doubled = llm__config_flag(c, "use_double_wide_mlp", 1);
    a = full = llm__read_gemma_attention(c, m, 8, 1, 256);
    a.rope = llm__read_gemma4_rope(c, m, "sliding_attention", a.width);
    a.window = window;
    full.width = llm__config_count(c, "global_head_dim", 512, 65536);
    if (!full.width) full.width = a.width;
    full.value_width = full.width;
    llm__config_product(c, "num_attention_heads", full.heads, "global_head_dim", full.width);
    full.key_is_value = llm__config_flag(c, "attention_k_eq_v", 0);
    if (full.key_is_value) full.kv_heads = llm__config_int(c, "num_global_key_value_heads", full.kv_heads, 1, 65536);
    llm__config_divides(c, "num_attention_heads", full.heads, "num_global_key_value_heads", full.kv_heads);
    full.rope = llm__read_gemma4_rope(c, m, "full_attention", full.width);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        int slides = llm__config_has(c, "layer_types") ? llm__layer_slides(c, m, i) : (i + 1) % pattern != 0;
        layer->scheme = LLM__SANDWICH;
        layer->mixer = LLM__ATTENTION;
        layer->attention = slides ? a : full;
        layer->ffn = LLM__MLP;
        layer->mlp.width = doubled && i >= m->layer_count - shared ? 2 * width : width;
        layer->mlp.activation.kind = LLM__GELU_TANH;
        layer->has_output_scale = 1;
    }
    llm__read_gemma4_experts(c, m);
    if (side) llm__read_side(c, m, side, 262144);
    llm__share_keys(c, m, shared);
}

/* deepseek_v2: deepseek_v3's attention, but caches keep the keys and values of each head; YaRN whatever the type says.
   Experts by softmax, not renormalized; group_limited_greedy: groups compete by their best expert. */
LLM__FN void llm__read_deepseek_v2(llm__config *c, llm_model *m) {
    const llm__json *scaling = llm__rope_scaling(c);
    llm__experts e;
    llm__latent a;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    a = llm__read_latent(c, &llm__latent_usual, 1e-6f);
    a.expanded = 1;
    a.scale *= llm__yarn_softmax(c, scaling);
    a.rope = llm__rope_stretched(c, m, a.rotary, llm__rope_theta(c, 10000), 1, scaling,
                                 llm__json_get(scaling, "factor") ? llm__stretch_yarn : llm__rope_scaled);
    llm__set_latent(c, m, &a, 0);
    memset(&e, 0, sizeof e);
    e.chosen = LLM__REQUIRED;
    e.width = 1407;
    e.scaling = 1;
    e = llm__read_routed(c, &e);
    e.scores = LLM__SOFTMAX_ALL;
    e.renormalize = 0;
    e.group_best = 1;
    if (llm__json_text_is(llm__json_get(c->root, "topk_method"), "group_limited_greedy"))
        llm__read_groups(c, &e, "n_routed_experts", 1, 1);
    llm__set_routed(c, m, &e);
}

/* minicpm3: deepseek_v2's attention with LongRoPE (long factors at any length) and eps 1e-5 for the latents, heads of
   values that share the hidden size; minicpm's multipliers. */
LLM__FN void llm__read_minicpm3(llm__config *c, llm_model *m) {
    llm__latent_sizes sizes = llm__latent_required;
    const llm__json *scaling = llm__rope_scaling(c);
    llm__latent a;
    sizes.value = 0;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    m->embedding_scale = (float)llm__config_number(c, "scale_emb", llm__not_a_number(), -1e9, 1e9);
    if (!m->tied) m->logit_scale = (float)llm__config_size(c, "dim_model_base") / (float)m->hidden;
    a = llm__read_latent(c, &sizes, 1e-5f);
    a.expanded = 1;
    if (a.heads > m->hidden) llm__config_fail(c, "num_attention_heads", "no more than the hidden size");
    else a.value = m->hidden / a.heads;
    if (!llm__json_is(scaling, LLM__JSON_OBJECT)) llm__config_fail(c, "rope_scaling", "an object with \"long_factor\"");
    a.rope = llm__rope_stretched(c, m, a.rotary, llm__rope_theta(c, 1e6), 0, scaling, llm__stretch_long);
    llm__set_latent(c, m, &a, 0);
    if (c->status != LLM_OK) return;
    llm__set_branch_scale(c, m, llm__config_number(c, "scale_depth", llm__not_a_number(), -1e9, 1e9) /
                                    sqrt((double)m->layer_count));
}

/* youtu_llm: deepseek_v2's attention with the model's eps and without YaRN's factor on scores; dense. */
LLM__FN void llm__read_youtu(llm__config *c, llm_model *m) {
    static const llm__latent_sizes sizes = {16, 1536, 512, 64, 128, 128};
    llm__latent a;
    m->vocabulary = 128256;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 1);
    a = llm__read_latent(c, &sizes, m->norm.eps);
    a.expanded = 1;
    a.rope = llm__rope_add(c, m, a.rotary, llm__rope_theta(c, 1.6e6), llm__config_flag(c, "rope_traditional", 1),
                           llm__rope_scaling(c));
    llm__set_latent(c, m, &a, llm__config_flag(c, "mlp_bias", 0));
}

/* glm4_moe_lite: deepseek_v3 with the model's eps for the latents, and 1e-20 in the sum that weights are divided by. */
LLM__FN void llm__read_glm4_moe_lite(llm__config *c, llm_model *m) {
    static const llm__latent_sizes sizes = {20, 768, 512, 64, 192, 256};
    llm__experts usual;
    llm__latent a;
    m->vocabulary = 154880;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-5);
    m->drops_later_layers = 1;
    a = llm__read_latent(c, &sizes, m->norm.eps);
    llm__rotate_latent(c, m, &a, llm__rope_theta(c, 1e6), 1, llm__rope_scaling(c));
    llm__set_latent(c, m, &a, 0);
    memset(&usual, 0, sizeof usual);
    usual.count = 64;
    usual.chosen = 4;
    usual.width = 1536;
    usual.renormalize = usual.shared.width = 1;
    usual.renormalize_eps = 1e-20f;
    usual.scaling = 1.8f;
    llm__read_sigmoid_experts(c, m, &usual);
}

/* deepseek_v32, glm_moe_dsa: deepseek_v3 whose attention sees the tokens that an indexer chooses (DeepSeek sparse
   attention).  The indexer reads the normed latent of the query; its key has a layer norm with eps 1e-5; halves of its
   first numbers rotate, or pairs. */
LLM__FN void llm__read_sparse(llm__config *c, llm_model *m, const llm__latent_sizes *sizes, const llm__indexer *usual,
                              double theta, const llm__json *scaling, int interleaved) {
    llm__latent a;
    llm__indexer *x = &a.indexer;
    int i;
    llm__read_common(c, m);
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", 1e-6);
    m->drops_later_layers = 1;
    a = llm__read_latent(c, sizes, 1e-6f);
    if (!a.q_rank) llm__config_fail(c, "q_lora_rank", "a positive whole number: the indexer reads the query's latent");
    llm__rotate_latent(c, m, &a, theta, 1, scaling);
    x->heads = llm__config_int(c, "index_n_heads", usual->heads, 1, 65536);
    x->width = llm__config_int(c, "index_head_dim", usual->width, 1, 65536);
    x->chosen = llm__config_int(c, "index_topk", usual->chosen, 1, 1 << 20);
    llm__config_product(c, "index_n_heads", x->heads, "index_head_dim", x->width);
    if (x->width < a.rotary) llm__config_fail(c, "index_head_dim", "no less than \"qk_rope_head_dim\"");
    x->rope = llm__rope_add(c, m, a.rotary, theta, llm__config_flag(c, "indexer_rope_interleave", interleaved),
                            scaling);
    x->k_norm = llm__rms_form(1e-5f);
    x->k_norm.kind = LLM__LAYER_NORM;
    x->k_norm.biased = 1;
    llm__set_latent(c, m, &a, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) m->layers[i].list = 2;
    llm__read_deepseek_experts(c, m);
}

LLM__FN void llm__read_deepseek_v32(llm__config *c, llm_model *m) {
    llm__indexer usual;
    memset(&usual, 0, sizeof usual);
    usual.heads = 64;
    usual.width = 128;
    usual.chosen = 2048;
    llm__read_sparse(c, m, &llm__latent_usual, &usual, llm__rope_theta(c, 10000), llm__rope_scaling(c), 0);
}

/* The object that gives a family all it says of rotation. */
LLM__FN const llm__json *llm__rope_parameters(llm__config *c) {
    const llm__json *p = llm__json_get(c->root, "rope_parameters");
    if (!llm__json_is(p, LLM__JSON_OBJECT)) llm__config_fail(c, "rope_parameters", "an object");
    return llm__json_is(p, LLM__JSON_OBJECT) ? p : NULL;
}

/* A number in it. */
LLM__FN double llm__rope_parameter(llm__config *c, const llm__json *p, const char *key, double fallback, double low,
                                   double high) {
    llm__config inner;
    double n;
    if (!p) return low;
    inner = llm__config_of(c, p);
    n = llm__config_number(&inner, key, fallback, low, high);
    c->status = inner.status;
    return n;
}

LLM__FN void llm__read_glm_moe_dsa(llm__config *c, llm_model *m) {
    const llm__json *p = llm__rope_parameters(c);
    llm__indexer usual;
    memset(&usual, 0, sizeof usual);
    usual.heads = usual.width = usual.chosen = LLM__REQUIRED;
    llm__read_sparse(c, m, &llm__latent_required, &usual,
                     llm__rope_parameter(c, p, "rope_theta", llm__not_a_number(), 1e-3, 1e30), p, 1);
}

/* longcat_flash: two rounds of latent attention and feed-forward a layer, which are two layers here; experts read what
   the first feed-forward reads and join the stream after the second (arXiv:2509.01322).  Query and latent are multiplied
   by the root of hidden to rank; some experts return their input. */
LLM__FN llm__experts llm__read_longcat_experts(llm__config *c) {
    llm__experts e;
    memset(&e, 0, sizeof e);
    e.count = llm__config_int(c, "n_routed_experts", LLM__REQUIRED, 1, 65536);
    e.identity = llm__config_int(c, "zero_expert_num", LLM__REQUIRED, 0, 65536);
    e.chosen = llm__config_int(c, "moe_topk", LLM__REQUIRED, 1, e.count + e.identity);
    e.width = llm__config_size(c, "expert_ffn_hidden_size");
    e.biased = 1;
    e.router_bias = llm__config_flag(c, "router_bias", 0);
    e.renormalize = llm__config_flag(c, "norm_topk_prob", 0);
    e.renormalize_eps = 1e-20f;
    e.scaling = (float)llm__config_number(c, "routed_scaling_factor", llm__not_a_number(), -1e6, 1e6);
    if (llm__config_has(c, "zero_expert_type") &&
        !llm__json_text_is(llm__json_get(c->root, "zero_expert_type"), "identity"))
        llm__config_fail(c, "zero_expert_type", "\"identity\"");
    return e;
}

LLM__FN void llm__read_longcat(llm__config *c, llm_model *m) {
    llm__experts e = llm__read_longcat_experts(c);
    int i, width = llm__config_size(c, "ffn_hidden_size");
    llm__attention none;
    llm__latent a;
    m->hidden = m->carry = llm__config_size(c, "hidden_size");
    m->vocabulary = llm__config_size(c, "vocab_size");
    m->context = (int64_t)llm__config_number(c, "max_position_embeddings", 0, 0, 1e15);
    llm__make_layers(c, m, 2 * llm__config_int(c, "num_layers", LLM__REQUIRED, 1, LLM__MAX_LAYERS / 2));
    m->norm.eps = llm__config_eps(c, "rms_norm_eps", llm__not_a_number());
    a = llm__read_latent(c, &llm__latent_required, 1e-5f);
    llm__rotate_latent(c, m, &a, llm__rope_theta(c, llm__not_a_number()), 1, llm__rope_scaling(c));
    if (llm__config_flag(c, "mla_scale_kv_lora", 1)) a.latent_scale = sqrtf((float)m->hidden / (float)a.rank);
    if (llm__config_flag(c, "mla_scale_q_lora", 1) && a.q_rank) a.scale *= sqrtf((float)m->hidden / (float)a.q_rank);
    memset(&none, 0, sizeof none);
    llm__set_dense(c, m, &none, width, LLM__SILU, 0);
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        layer->number = i / 2;
        layer->sub = i % 2 ? ".1" : ".0";
        layer->list = i % 2 ? 0 : 2;
        layer->mixer = LLM__LATENT;
        layer->latent = a;
        layer->shortcut = i % 2 ? LLM__SHORTCUT_ENDS : LLM__SHORTCUT_BEGINS;
        layer->experts = e;
    }
}

/* longcat_flash_ngram: longcat_flash whose embeddings add those of hashes of the last 2, 3, ... tokens, each of
   emb_split_num tables of its own size. */
LLM__FN void llm__read_longcat_ngram(llm__config *c, llm_model *m) {
    int ratio = llm__config_int(c, "ngram_vocab_size_ratio", 78, 1, 1 << 20);
    int reach = llm__config_int(c, "emb_neighbor_num", 4, 2, 64);
    int split = llm__config_int(c, "emb_split_num", 4, 1, 1024), i;
    llm__read_longcat(c, m);
    m->ngram_past = reach - 1;
    m->ngram_count = split * (reach - 1);
    if (c->status == LLM_OK && m->ngram_count > m->hidden)
        llm__config_fail(c, "emb_split_num", "no more tables than the hidden size");
    llm__config_product(c, "ngram_vocab_size_ratio", ratio, "vocab_size", m->vocabulary);
    m->ngrams = (llm__ngram_table *)llm__arena_alloc(c->arena, (size_t)m->ngram_count, sizeof *m->ngrams);
    if (!m->ngrams && c->status == LLM_OK) c->status = llm__no_memory(c->error, (size_t)m->ngram_count);
    for (i = 0; i < m->ngram_count && c->status == LLM_OK; i++) {
        m->ngrams[i].reach = i / split + 2;
        m->ngrams[i].rows = (int64_t)ratio * m->vocabulary + 2 * i + 1;
    }
}

/* mistral4: deepseek_v3's attention, queries that grow with the position as ministral3's do, experts by softmax in
   groups. */
LLM__FN void llm__read_mistral4(llm__config *c, llm_model *m) {
    const llm__json *p = llm__rope_parameters(c), *scaling = p;
    const llm__json *type = llm__json_get(p, llm__json_get(p, "type") ? "type" : "rope_type");
    llm__experts e;
    llm__latent a;
    llm__read_plain(c, m, "rms_norm_eps", 0);
    a = llm__read_latent(c, &llm__latent_required, 1e-6f);
    if (!type || llm__json_text_is(type, "default")) scaling = NULL;
    llm__rotate_latent(c, m, &a, llm__rope_parameter(c, p, "rope_theta", 1e5, 1e-3, 1e30),
                       llm__config_flag(c, "rope_interleave", 1), scaling);
    a.heat = (float)llm__rope_parameter(c, p, "llama_4_scaling_beta", llm__not_a_number(), -1e6, 1e6);
    a.heat_length =
        (int)llm__rope_parameter(c, p, "original_max_position_embeddings", llm__not_a_number(), 1, 1 << 30);
    llm__set_latent(c, m, &a, 0);
    memset(&e, 0, sizeof e);
    e.count = e.chosen = e.width = LLM__REQUIRED;
    e.scaling = 1;
    e = llm__read_routed(c, &e);
    e.scores = LLM__SOFTMAX_ALL;
    e.renormalize_eps = 1e-20f;
    llm__read_groups(c, &e, "n_routed_experts", 1, 1);
    llm__set_routed(c, m, &e);
}

/* mistral3 (also llava): vision-language wrapper around ministral3, mistral4 or llama; tied only where the file says
   so. */
LLM__FN void llm__read_mistral3(llm__config *c, llm_model *m) {
    const llm__json *type = llm__json_get(c->root, "model_type");
    if (llm__json_text_is(type, "ministral3")) llm__read_ministral3(c, m);
    else if (llm__json_text_is(type, "mistral4")) llm__read_mistral4(c, m);
    else llm__read_llama(c, m);
    m->tied = llm__config_flag(c, "tie_word_embeddings", 0);
}

/* pixtral: vision-language wrapper around llama, never tied. */
LLM__FN void llm__read_pixtral(llm__config *c, llm_model *m) {
    c->usual_heads = 32;
    llm__read_llama(c, m);
    m->tied = 0;
}

/* ---- what a sequence remembers: the entries of its cache, from the layers that a reader made */

/* An entry behind those that the model has; NULL: no memory. */
LLM__FN llm_cache_layer *llm__cache_more(llm__config *c, llm_model *m, llm_cache_kind kind) {
    size_t n = (size_t)m->cache_count;
    if (!(n & (n - 1))) { /* full at each power of two */
        llm_cache_layer *more = (llm_cache_layer *)llm__arena_alloc(c->arena, n ? 2 * n : 1, sizeof *more);
        if (!more) {
            if (c->status == LLM_OK) c->status = llm__no_memory(c->error, n * sizeof *more);
            return NULL;
        }
        if (n) memcpy(more, m->caches, n * sizeof *more);
        m->caches = more;
    }
    m->cache_count++;
    memset(&m->caches[n], 0, sizeof *m->caches);
    m->caches[n].kind = kind;
    return &m->caches[n];
}

LLM__FN void llm__plan_rows(llm__config *c, llm_model *m, llm_cache_kind kind, int heads, int key_width,
                            int value_width, int64_t window, int64_t chunk) {
    llm_cache_layer *entry = llm__cache_more(c, m, kind);
    if (!entry) return;
    entry->heads = heads;
    entry->key_width = key_width;
    entry->value_width = value_width;
    entry->window = window;
    entry->chunk = chunk;
}

/* How many arrays of an entry a convolution needs. */
LLM__FN int llm__conv_arrays(const llm__conv *conv) {
    return conv->runs[2] ? 3 : conv->runs[1] ? 2 : 1;
}

/* Its arrays, [kernel - 1, channels] each, and behind them, unless heads is 0, a state of up to three axes. */
LLM__FN void llm__plan_state(llm__config *c, llm_model *m, const llm__conv *conv, int heads, int rows, int cols) {
    llm_cache_layer *entry = llm__cache_more(c, m, LLM_CACHE_RECURRENT);
    int i, arrays = llm__conv_arrays(conv);
    if (!entry) return;
    for (i = 0; i < arrays; i++) {
        entry->shapes[i][0] = conv->kernel > 1 ? conv->kernel - 1 : 1; /* a kernel of one remembers nothing */
        entry->shapes[i][1] = conv->kernel < 2 ? 1 : arrays > 1 ? conv->runs[i] : conv->channels;
    }
    if (!heads) return;
    entry->shapes[arrays][0] = heads;
    entry->shapes[arrays][1] = rows;
    entry->shapes[arrays][2] = cols;
}

/* The last key and the last value, before their convolution. */
LLM__FN void llm__plan_last(llm__config *c, llm_model *m, const llm__attention *a) {
    llm_cache_layer *entry = llm__cache_more(c, m, LLM_CACHE_RECURRENT);
    int i;
    for (i = 0; entry && i < 2; i++) {
        entry->shapes[i][0] = a->kv_heads;
        entry->shapes[i][1] = 1;
        entry->shapes[i][2] = i ? a->value_width : a->width;
    }
}

/* The entries of one mixer; returns the first. */
LLM__FN int llm__plan_mixer(llm__config *c, llm_model *m, const llm__layer *l, llm__mixer_kind kind) {
    const llm__attention *a = &l->attention;
    const llm__latent *t = &l->latent;
    const llm__ssm *s = &l->ssm;
    const llm__delta *d = &l->delta;
    int first = m->cache_count;
    switch (kind) {
    case LLM__NO_MIXER: return LLM__NOWHERE;
    case LLM__MIXER_MAP: /* mlx-lm gives it the cache of an attention that never comes */
        llm__plan_rows(c, m, LLM_CACHE_ATTENTION, 1, 1, 0, 0, 0);
        break;
    case LLM__ATTENTION:
        if (a->conv) llm__plan_last(c, m, a);
        llm__plan_rows(c, m, LLM_CACHE_ATTENTION, a->kv_heads, a->width, a->value_width, a->window, a->chunk);
        if (a->indexer.heads) llm__plan_rows(c, m, LLM_CACHE_ATTENTION, 1, a->indexer.width, 0, 0, 0);
        break;
    case LLM__LATENT:
        if (t->expanded)
            llm__plan_rows(c, m, LLM_CACHE_ATTENTION, t->heads, t->nope + t->rotary, t->value, 0, 0);
        else
            llm__plan_rows(c, m, LLM_CACHE_LATENT, 1, t->rank, t->rotary, 0, 0);
        if (t->indexer.heads) /* mlx-lm gives its keys values too, all zero */
            llm__plan_rows(c, m, LLM_CACHE_ATTENTION, 1, t->indexer.width, t->indexer.width, 0, 0);
        break;
    case LLM__SSM:
        if (s->in_order == LLM__SSM_CHANNELS) llm__plan_state(c, m, &s->conv, s->heads, s->state, 0);
        else llm__plan_state(c, m, &s->conv, s->heads, s->width, s->state);
        break;
    case LLM__DELTA: llm__plan_state(c, m, &d->conv, d->value_heads, d->value_width, d->key_width); break;
    case LLM__SHORT_CONV: llm__plan_state(c, m, &l->short_conv.conv, 0, 0, 0); break;
    case LLM__LRU:
    case LLM__FADING:
    case LLM__RWKV: break;
    case LLM__KEYED_CONV: llm__plan_state(c, m, &l->keyed_conv, 0, 0, 0); break;
    }
    return first;
}

/* Goes through the layers in order.  A layer that reads another's cache comes after that one. */
LLM__FN void llm__plan_caches(llm__config *c, llm_model *m) {
    int i;
    if (m->ngram_past) {
        llm_cache_layer *past = llm__cache_more(c, m, LLM_CACHE_RECURRENT);
        if (past) past->shapes[0][0] = m->ngram_past;
    }
    for (i = 0; i < m->layer_count && c->status == LLM_OK; i++) {
        llm__layer *l = &m->layers[i];
        l->first_entry = m->cache_count;
        if (l->reads != LLM__OWN) {
            l->cache = m->layers[l->reads].cache;
            continue;
        }
        if (l->list) {
            llm_cache_layer *list = llm__cache_more(c, m, LLM_CACHE_LIST);
            if (list) list->items = l->list;
        }
        l->cache = llm__plan_mixer(c, m, l, l->mixer);
        l->beside_cache = llm__plan_mixer(c, m, l, l->beside);
        l->entries = m->cache_count - l->first_entry;
        if (l->mixes != LLM__OWN) l->attention.mix_cache = m->layers[l->mixes].cache;
    }
}

/* ---- config["quantization"]: one description for all maps, and others by path.  The shapes of the tensors have the
   last word; here goes what no tensor could have. */

LLM__FN void llm__check_quantized(llm__config *c, const llm__json *q, const char *path) {
    static const char *const keys[3] = {"bits", "group_size", "mode"};
    static const char *const known[3] = {" 2 3 4 5 6 8 ", " 16 32 64 128 ", " affine mxfp4 mxfp8 nvfp4 "};
    static const char *const expected[3] = {"2, 3, 4, 5, 6 or 8", "16, 32, 64 or 128",
                                            "\"affine\", \"mxfp4\", \"mxfp8\" or \"nvfp4\""};
    char text[80], word[80];
    int i;
    for (i = 0; i < 3 && c->status == LLM_OK; i++) {
        const llm__json *v = llm__json_get(q, keys[i]);
        if (!v || v->type == LLM__JSON_NULL) continue;
        snprintf(word, sizeof word, " %s ",
                 llm__json_is(v, LLM__JSON_STRING) ? v->as.text : llm__json_show(v, text, sizeof text));
        if (llm__json_is(v, LLM__JSON_STRING) == (i == 2) && strstr(known[i], word)) continue;
        c->status =
            llm__fail(c->error, LLM_BAD_CONFIG, "config.json: \"quantization\"%s%.120s: \"%s\" is %s; expected %s",
                      *path ? " of " : "", path, keys[i], llm__json_show(v, text, sizeof text), expected[i]);
    }
}

LLM__FN void llm__check_quantization(llm__config *c) {
    const llm__json *q = llm__json_get(c->root, "quantization"), *v;
    uint32_t i;
    if (!llm__config_has(c, "quantization")) return;
    if (q->type != LLM__JSON_OBJECT) llm__config_fail(c, "quantization", "an object or null");
    llm__check_quantized(c, q, "");
    for (v = llm__json_first(q), i = 0; v && i < q->length && c->status == LLM_OK; i++) {
        const llm__json *member = llm__json_next(v);
        if (member->type == LLM__JSON_OBJECT) llm__check_quantized(c, member, v->as.text);
        v = llm__json_next(member);
    }
}

/* ---- binding: every tensor of the model found, checked and marked as used */

typedef struct llm__binder {
    llm_model *m;
    llm_error *error;
    llm_status status;
    char place[160]; /* the block that is being bound, in this file's names... */
    char name[320];  /* ...and one of its parts, in the checkpoint's */
    int transposed;  /* linear maps are stored as [inputs, outputs] */
    int fresh;       /* whether the last tensor was not in use before: layers may share */
    const llm__tensor *awq; /* scales of a map in AWQ form, whose type all floats of its checkpoint take; NULL: none */
} llm__binder;

LLM__FN void llm__bind_name(llm__binder *b, const char *format, ...) LLM__PRINTF(2, 3);
LLM__FN void llm__bind_name(llm__binder *b, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(b->name, sizeof b->name, format, list);
    va_end(list);
    llm__rename(b->name, sizeof b->name, b->m->renames);
}

/* A part of the block that is being bound. */
LLM__FN void llm__bind_part(llm__binder *b, const char *part) {
    llm__bind_name(b, "%s.%s", b->place, part);
}

/* The next to be bound is a block of this layer, or a norm. */
LLM__FN void llm__bind_block(llm__binder *b, const llm__layer *layer, const char *block) {
    snprintf(b->place, sizeof b->place, "%s.%d.%s%s", layer->stem, layer->number, block, layer->sub);
    llm__bind_name(b, "%s", b->place);
}

LLM__FN llm__tensor *llm__bind_find(const llm__binder *b, const char *suffix) {
    char name[400];
    snprintf(name, sizeof name, "%s%s", b->name, suffix);
    return llm__tensor_find(&b->m->tensors, name);
}

LLM__FN void llm__shape_text(const int64_t *shape, int dims, char *text, size_t size) {
    size_t used = 0;
    int i;
    text[0] = 0;
    for (i = 0; i < dims && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? ", " : "", (long long)shape[i]);
}

/* The tensor's bytes if it has the shape [lead, rows, cols] (lead 0: two dimensions; cols 0: one), else an error. */
LLM__FN const uint8_t *llm__bind_bytes(llm__binder *b, llm__tensor *t, int64_t lead, int64_t rows, int64_t cols) {
    int64_t want[3];
    int dims = 0, i, same;
    const uint8_t *data = NULL;
    if (lead) want[dims++] = lead;
    want[dims++] = rows;
    if (cols) want[dims++] = cols;
    same = t->dims == dims;
    for (i = 0; same && i < dims; i++) same = t->shape[i] == want[i];
    if (!same && b->status == LLM_OK) {
        char found[120], needed[80];
        llm__shape_text(t->shape, t->dims, found, sizeof found);
        llm__shape_text(want, dims, needed, sizeof needed);
        b->status = llm__fail(b->error, LLM_BAD_TENSOR, "tensor \"%s\": the file has [%s], the model needs [%s]",
                              t->name, found, needed);
    }
    if (b->status == LLM_OK) b->status = llm__tensor_fetch(&b->m->folder, t, &data, b->error);
    if (b->status != LLM_OK) return NULL;
    b->fresh = !t->used;
    if (b->fresh) b->m->weight_bytes += (size_t)t->bytes;
    t->used = 1;
    return data;
}

LLM__FN void llm__bind_absent(llm__binder *b, const char *suffix, const char *what) {
    if (b->status == LLM_OK)
        b->status =
            llm__fail(b->error, LLM_BAD_TENSOR, "tensor \"%s%s\" is absent; the model needs %s", b->name, suffix, what);
}

LLM__FN void *llm__bind_alloc(llm__binder *b, size_t count, size_t size) {
    void *p = llm__arena_alloc(&b->m->arena, count, size);
    if (!p && b->status == LLM_OK) b->status = llm__no_memory(b->error, count);
    return p;
}

/* The type that the floats of a tensor are read as. */
LLM__FN llm_dtype llm__bind_dtype(const llm__binder *b, const llm__tensor *t) {
    return b->awq && llm__is_float(b->awq->dtype) ? b->awq->dtype : t->dtype;
}

/* Notes that what the model counts since `parameters` and `bytes` lies as w does.  The last place is for all others. */
LLM__FN void llm__bind_note(llm__binder *b, const llm__matrix *w, int64_t parameters, size_t bytes) {
    llm_model *m = b->m;
    llm__storage *o = m->storages, want;
    memset(&want, 0, sizeof want);
    want.format = w->format;
    want.dtype = w->format == LLM__FLOAT ? w->dtype : LLM_F32;
    want.bits = w->format == LLM__FLOAT ? 0 : w->bits;
    want.group = w->format == LLM__FLOAT ? 0 : w->group;
    want.rows = w->block_rows;
    want.cols = w->block_cols;
    if (m->weight_bytes == bytes || b->status != LLM_OK) return;
    for (; o < m->storages + m->storage_count; o++)
        if (o->format == want.format && o->dtype == want.dtype && o->bits == want.bits && o->group == want.group &&
            o->rows == want.rows && o->cols == want.cols)
            break;
    if (o == m->storages + LLM__MAX_STORAGES) o--;
    else if (o == m->storages + m->storage_count) m->storages[m->storage_count++] = want;
    o->parameters += m->parameters - parameters;
    o->bytes += m->weight_bytes - bytes;
}

/* n floats of a tensor, from its type to that one. */
LLM__FN void llm__bind_convert(const llm__tensor *t, const uint8_t *data, size_t n, llm_dtype to, uint8_t *out) {
    size_t i, from_size = llm__dtype_bytes(t->dtype), size = llm__dtype_bytes(to);
    float x;
    for (i = 0; i < n; i++) {
        llm__to_f32(t->dtype, data + i * from_size, 1, &x);
        llm__from_f32(to, &x, 1, out + i * size);
    }
}

/* A tensor of `rows` x `cols` numbers (cols 0: a vector) as float32 of our own, plus `offset`. */
LLM__FN float *llm__bind_floats(llm__binder *b, const char *suffix, int64_t rows, int64_t cols, float offset) {
    llm__tensor *t = llm__bind_find(b, suffix);
    size_t n = (size_t)(rows * (cols ? cols : 1)), i, bytes = b->m->weight_bytes;
    int64_t parameters = b->m->parameters;
    const uint8_t *data;
    char what[48];
    float *out;
    llm__matrix as;
    if (cols) snprintf(what, sizeof what, "[%lld, %lld]", (long long)rows, (long long)cols);
    else snprintf(what, sizeof what, "[%lld]", (long long)rows);
    if (!t) {
        llm__bind_absent(b, suffix, what);
        return NULL;
    }
    data = llm__bind_bytes(b, t, 0, rows, cols);
    if (!data) return NULL;
    if (!llm__is_float(t->dtype)) {
        b->status = llm__fail(b->error, LLM_BAD_TENSOR, "tensor \"%s\" holds %s; expected F32, F16 or BF16", t->name,
                              llm__dtype_name(t->dtype));
        return NULL;
    }
    out = (float *)llm__bind_alloc(b, n, sizeof(float));
    if (!out) return NULL;
    llm__to_f32(t->dtype, data, n, out);
    for (i = 0; b->awq && i < n; i++) {
        uint8_t rounded[sizeof(float)];
        llm__bind_convert(t, data + i * llm__dtype_bytes(t->dtype), 1, llm__bind_dtype(b, t), rounded);
        llm__to_f32(llm__bind_dtype(b, t), rounded, 1, &out[i]);
    }
    for (i = 0; i < n; i++) out[i] += offset;
    if (b->fresh) b->m->parameters += (int64_t)n;
    memset(&as, 0, sizeof as);
    as.dtype = t->dtype;
    llm__bind_note(b, &as, parameters, bytes);
    return out;
}

/* The norm at b->name over `width` numbers; `count` > 0: that many sets of weights. */
LLM__FN void llm__bind_norms(llm__binder *b, llm__norm *norm, int count, int width) {
    int first = count ? count : width, second = count ? width : 0;
    if (norm->kind == LLM__NORM_AS_MODEL) {
        float eps = norm->eps;
        *norm = b->m->norm;
        norm->weight = norm->bias = NULL;
        if (eps > 0) norm->eps = eps;
    }
    if (norm->kind == LLM__NO_NORM) return;
    if (!norm->weightless) norm->weight = llm__bind_floats(b, ".weight", first, second, norm->offset);
    if (norm->biased) norm->bias = llm__bind_floats(b, ".bias", first, second, 0);
}

LLM__FN void llm__bind_norm(llm__binder *b, llm__norm *norm, int width) {
    llm__bind_norms(b, norm, 0, width);
}

/* `count` matrices of one stack: the first and how far apart they are. */
LLM__FN void llm__spread(llm__matrix *out, int count) {
    size_t bytes = (size_t)out->rows * out->row_bytes;
    size_t block = out->format != LLM__FP8_BLOCK ? 1 : out->block_rows ? (size_t)out->block_rows : 128;
    size_t scale_rows = ((size_t)out->rows + block - 1) / block;
    size_t scales = scale_rows * out->scale_row_bytes;
    int i;
    for (i = 1; i < count; i++) {
        out[i] = out[0];
        out[i].data += (size_t)i * bytes;
        if (out->scales) out[i].scales += (size_t)i * scales;
        if (out->biases) out[i].biases += (size_t)i * scales;
        if (out->bias) out[i].bias += (size_t)i * (size_t)out->rows;
    }
}

LLM__FN llm_status llm__bind_bad(llm__binder *b, const char *what) {
    if (b->status == LLM_OK) b->status = llm__fail(b->error, LLM_BAD_TENSOR, "tensor \"%s.weight\": %s", b->name, what);
    return b->status;
}

/* What config["quantization"] says of this path must not contradict the shapes, which decide. */
LLM__FN void llm__bind_check_override(llm__binder *b, const llm__json *quantization, const llm__matrix *w) {
    static const char *const keys[2] = {"bits", "group_size"};
    const char *mode = w->format == LLM__MXFP4   ? "mxfp4"
                       : w->format == LLM__MXFP8 ? "mxfp8"
                       : w->format == LLM__NVFP4 ? "nvfp4"
                                                 : "affine";
    const llm__json *o = llm__json_get(quantization, b->name), *v;
    char text[160], said[80];
    int i;
    if (!o || o->type == LLM__JSON_TRUE) return;
    if (o->type == LLM__JSON_FALSE)
        llm__bind_bad(b, "config.json's \"quantization\" says it is not quantized, but scales lie beside it");
    if (o->type != LLM__JSON_OBJECT)
        llm__bind_bad(b, "config.json's \"quantization\" must give it an object, true or false");
    for (i = 0; i < 2; i++) {
        int is = i ? w->group : w->bits;
        v = llm__json_get(o, keys[i]);
        if (!v || v->as.number == is) continue;
        snprintf(text, sizeof text, "config.json's \"quantization\" gives it \"%s\" %s, but its shape says %d", keys[i],
                 llm__json_show(v, said, sizeof said), is);
        llm__bind_bad(b, text);
    }
    v = llm__json_get(o, "mode");
    if (!v || llm__json_text_is(v, mode)) return;
    snprintf(text, sizeof text, "config.json's \"quantization\" gives it \"mode\" %s, but its scales say \"%s\"",
             llm__json_show(v, said, sizeof said), mode);
    llm__bind_bad(b, text);
}

/* The one number at b->name + suffix, 0 if it is absent. */
LLM__FN float llm__bind_factor(llm__binder *b, const char *suffix) {
    llm__tensor *t = llm__bind_find(b, suffix);
    const uint8_t *data;
    if (!t) return 0;
    if (!t->dims) t->shape[t->dims++] = 1;
    data = llm__bind_bytes(b, t, 0, 1, 0);
    if (data && llm__is_float(t->dtype)) return llm__number_at(t->dtype, data);
    llm__bind_bad(b, "what multiplies all of its numbers must be one float");
    return 0;
}

/* MLX-quantized: what the shapes say, whatever the config's defaults are. */
LLM__FN void llm__bind_quantized(llm__binder *b, llm__tensor *t, llm__tensor *s, int lead, int rows, int cols,
                                 llm__matrix *w) {
    llm__tensor *bias = llm__bind_find(b, ".biases");
    int64_t packed = t->dims ? t->shape[t->dims - 1] : 0, groups = s->dims ? s->shape[s->dims - 1] : 0;
    if (t->dtype != LLM_U32 || packed < 1 || packed > cols || groups < 1 || cols % groups || 32 * packed % cols) {
        char text[160];
        snprintf(text, sizeof text, "%lld packed columns of %s and %lld scales do not fit a row of %d numbers",
                 (long long)packed, llm__dtype_name(t->dtype), (long long)groups, cols);
        llm__bind_bad(b, text);
        return;
    }
    w->group = (int)(cols / groups);
    w->bits = (int)(32 * packed / cols);
    w->row_bytes = (size_t)packed * 4;
    w->dtype = s->dtype;
    w->scale_row_bytes = (size_t)groups * llm__dtype_bytes(s->dtype);
    w->data = llm__bind_bytes(b, t, lead, rows, packed);
    w->scales = llm__bind_bytes(b, s, lead, rows, groups);
    if (s->dtype == LLM_U8) {
        w->format = w->bits == 8 ? LLM__MXFP8 : w->group == 16 ? LLM__NVFP4 : LLM__MXFP4;
        if (!((w->bits == 4 && (w->group == 16 || w->group == 32)) || (w->bits == 8 && w->group == 32)))
            llm__bind_bad(b, "U8 scales go with mxfp4 (4 bits, group 32), mxfp8 (8, 32) or nvfp4 (4, 16)");
        if (w->format == LLM__NVFP4) w->factor = llm__bind_factor(b, ".global_scale") / (448 * 6);
        return;
    }
    w->format = LLM__AFFINE;
    if (!bias) {
        llm__bind_absent(b, ".biases", "one for each scale");
        return;
    }
    w->biases = llm__bind_bytes(b, bias, lead, rows, groups);
    if (!llm__is_float(s->dtype) || bias->dtype != s->dtype)
        llm__bind_bad(b, "scales and biases must be of one float type");
    if (!strchr("\2\3\4\5\6\10", w->bits) || (w->group != 32 && w->group != 64 && w->group != 128))
        llm__bind_bad(b, "affine groups have 2, 3, 4, 5, 6 or 8 bits and 32, 64 or 128 numbers");
}

/* gpt_oss's MXFP4: 16 bytes of two codes for each group, which are mlx's words, and the groups' scales. */
LLM__FN void llm__bind_blocks(llm__binder *b, llm__tensor *t, int lead, int rows, int cols, llm__matrix *w) {
    llm__tensor *s = llm__bind_find(b, "_scales");
    if (!s) {
        llm__bind_absent(b, "_scales", "one for each group of 32");
        return;
    }
    if (t->dtype == LLM_U8 && t->dims > 2 && t->shape[t->dims - 1] == 16) {
        t->dims--;
        t->shape[t->dims - 1] *= 4;
        t->dtype = LLM_U32;
    }
    llm__bind_quantized(b, t, s, lead, rows, cols, w);
}

/* ModelOpt's NVFP4 as muse_spark has it, in stacks: bytes of two codes and e4m3 factors; see llm__bind_stack_factors. */
LLM__FN void llm__bind_nvfp4(llm__binder *b, llm__tensor *t, int lead, int rows, int cols, llm__matrix *w) {
    llm__tensor *s = llm__bind_find(b, "_weight_scale");
    if (s->dtype != LLM_F8_E4M3 || cols % 16) {
        llm__bind_bad(b, "bytes of two codes go with F8_E4M3 factors for groups of 16");
        return;
    }
    w->format = LLM__NVFP4;
    w->bits = 4;
    w->group = 16;
    w->row_bytes = (size_t)cols / 2;
    w->scale_row_bytes = (size_t)cols / 16;
    w->data = llm__bind_bytes(b, t, lead, rows, cols / 2);
    w->scales = llm__bind_bytes(b, s, lead, rows, cols / 16);
}

/* ---- what other tools pack, turned into forms that this file has: codes stay where they lie if their order allows */

/* The quantization of an original checkpoint, as transformers writes it; NULL: it says none. */
LLM__FN const llm__json *llm__original_quantization(const llm_model *m) {
    const llm__json *q = llm__json_get(m->config, "quantization_config");
    return q ? q : llm__json_get(llm__json_get(m->config, "text_config"), "quantization_config");
}

/* How many numbers a scale stands for: [down, across] of a tensor that may be a scalar or a vector. */
LLM__FN void llm__scale_shape(llm__tensor *s, int64_t *down, int64_t *across) {
    if (s->dims < 2) { /* [n] as [n, 1] */
        s->shape[0] = s->dims ? s->shape[0] : 1;
        s->shape[1] = 1;
        s->dims = 2;
    }
    *down = s->shape[0];
    *across = s->shape[1];
}

/* Numbers of any type as float32 of our own. */
LLM__FN float *llm__bind_numbers(llm__binder *b, llm__tensor *s, int64_t rows, int64_t cols) {
    const uint8_t *raw = llm__bind_bytes(b, s, 0, rows, cols);
    size_t n = (size_t)(rows * (cols ? cols : 1)), i;
    float *out = (float *)llm__bind_alloc(b, n, sizeof(float));
    if (!raw || !out) return NULL;
    for (i = 0; i < n; i++) out[i] = llm__number_at(s->dtype, raw + i * llm__dtype_bytes(s->dtype));
    return out;
}

/* Which blocks [down, across] factors of a matrix stand for: those that the config names, or the first of the usual
   ones that fit.  mimo_v2_flash has more factors than blocks. */
LLM__FN int llm__fp8_blocks(const llm__binder *b, llm__matrix *w, int64_t down, int64_t across) {
    const llm__json *said = llm__json_get(llm__original_quantization(b->m), "weight_block_size");
    int blocks[6][2] = {{128, 128}, {128, 128}, {0, 0}, {1, 0}, {64, 64}, {32, 32}}, i, more;
    if (llm__json_is(said, LLM__JSON_ARRAY) && said->length == 2)
        for (i = 0; i < 2; i++) {
            double n = 0;
            if (llm__json_float(llm__json_at(said, (uint32_t)i), &n) && n >= 1 && n <= 1 << 20) blocks[0][i] = (int)n;
        }
    for (more = 0; more < 2; more++)
        for (i = 0; i < (more ? 1 : 6); i++) {
            int r = blocks[i][0] ? blocks[i][0] : w->rows, c = blocks[i][1] ? blocks[i][1] : w->cols;
            int64_t rows = ((int64_t)w->rows + r - 1) / r, cols = ((int64_t)w->cols + c - 1) / c;
            if (more ? rows > down || cols > across : rows != down || cols != across) continue;
            w->block_rows = r;
            w->block_cols = c;
            if (c % 16 == 0 || c >= w->cols) return 1;
        }
    return 0;
}

/* The factors of FP8 numbers: one for each block (DeepSeek), each row, each matrix of a stack, or all. */
LLM__FN void llm__bind_fp8_factors(llm__binder *b, llm__tensor *s, int lead, llm__matrix *w) {
    int64_t stack = lead ? lead : 1, factors = 1, down = 1, across = 1, i;
    float *all;
    int d;
    for (d = 0; d < s->dims && factors <= stack; d++) factors *= s->shape[d] > 0 ? s->shape[d] : stack + 1;
    if (factors == 1 || (lead && factors == stack)) { /* of any number of axes */
        s->dims = 1;
        s->shape[0] = factors;
        all = llm__bind_numbers(b, s, factors, 0);
        w->block_rows = w->rows;
        w->block_cols = w->cols;
        w->scales = (const uint8_t *)all;
        if (all && lead && factors == 1) {
            float *each = (float *)llm__bind_alloc(b, (size_t)lead, sizeof(float));
            for (i = 0; each && i < stack; i++) each[i] = all[0];
            w->scales = (const uint8_t *)each;
        }
    } else {
        if (!lead) llm__scale_shape(s, &down, &across);
        else if (s->dims == 3) down = s->shape[1], across = s->shape[2];
        if (down < 1 || across < 1 || !llm__fp8_blocks(b, w, down, across)) {
            llm__bind_bad(b, "its scales fit neither config.json's \"weight_block_size\" nor blocks of 128, 64 or 32, "
                             "rows or the whole");
            return;
        }
        if (lead && s->shape[0] == lead) { /* as [lead * down, across] */
            if ((w->rows + w->block_rows - 1) / w->block_rows != down)
                llm__bind_bad(b, "its scales have too many rows");
            s->dims = 2;
            s->shape[0] = stack * down;
            s->shape[1] = across;
        }
        w->scales = (const uint8_t *)llm__bind_numbers(b, s, stack * down, across);
    }
    w->scale_row_bytes = (size_t)across * sizeof(float);
}

/* FP8.  Factors in weight_scale_inv: the numbers are rounded to bfloat16, as mlx-lm does; in weight_scale
   (compressed-tensors): they are not.  U8 or E8M0 factors for each 32 numbers: MXFP8. */
LLM__FN void llm__bind_fp8(llm__binder *b, llm__tensor *t, llm__tensor *s, int lead, int rows, int cols, int rounded,
                           llm__matrix *w) {
    w->data = llm__bind_bytes(b, t, lead, rows, cols);
    w->row_bytes = (size_t)cols;
    if (!w->data) return;
    if ((s->dtype == LLM_U8 || s->dtype == LLM_F8_E8M0) && s->dims >= 2 && s->shape[s->dims - 2] == rows &&
        s->shape[s->dims - 1] * 32 == cols) {
        w->format = LLM__MXFP8;
        w->bits = 8;
        w->group = 32;
        w->scale_row_bytes = (size_t)cols / 32;
        w->scales = llm__bind_bytes(b, s, lead, rows, cols / 32);
        return;
    }
    if (t->dtype != LLM_F8_E4M3 || (!llm__is_float(s->dtype) && s->dtype != LLM_F8_E8M0)) {
        llm__bind_bad(b, "scales of FP8 go with F8_E4M3 numbers and are floats");
        return;
    }
    w->format = LLM__FP8_BLOCK;
    w->unrounded = !rounded;
    llm__bind_fp8_factors(b, s, lead, w);
}

/* Codes one after another through words of 32 bits, `along` words apart; `order` puts the eight of a word elsewhere. */
typedef struct llm__packed {
    const uint8_t *data;
    int bits;
    size_t along, across;
    const int *order;
} llm__packed;

LLM__FN uint32_t llm__packed_word(const llm__packed *p, size_t i, size_t j) {
    const uint8_t *at = p->data + (i * p->along + j * p->across) * 4;
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

LLM__FN unsigned llm__packed_code(const llm__packed *p, size_t i, size_t j) {
    size_t bit = p->order ? i / 8 * 32 + (size_t)p->order[i % 8] * 4 : i * (size_t)p->bits;
    uint64_t word = llm__packed_word(p, bit / 32, j);
    if (bit % 32 + (size_t)p->bits > 32) word |= (uint64_t)llm__packed_word(p, bit / 32 + 1, j) << 32;
    return (unsigned)(word >> bit % 32) & ((1u << p->bits) - 1);
}

/* What turns codes into numbers: (code - zero) * scale, for `groups` groups of a row. */
typedef struct llm__factors {
    llm__tensor *scales;
    const uint8_t *data;      /* of the scales */
    size_t by_row, by_group;  /* numbers from one scale to the next */
    int groups;
    llm__packed zeros;        /* zeros.data NULL: none */
    const float *plain_zeros; /* [rows, groups], NULL: none */
    float zero;               /* added to those, or alone */
    const uint8_t *index;     /* I32 [cols]: the group of each column; NULL: they follow one another */
    llm_dtype dtype;          /* of the scales and biases that are made */
} llm__factors;

/* The group of each column, as the matrix keeps it where groups are no runs of 32, 64 or 128 columns. */
LLM__FN const int32_t *llm__bind_index(llm__binder *b, const llm__factors *f, int cols, int run) {
    int32_t *index = (int32_t *)llm__bind_alloc(b, (size_t)cols, sizeof *index);
    int i, orderly = 1;
    for (i = 0; index && i < cols; i++) {
        index[i] = i / run;
        if (f->index) memcpy(&index[i], f->index + (size_t)i * 4, 4);
        if (index[i] < 0 || index[i] >= f->groups) {
            llm__bind_bad(b, "its group index names a group that it does not have");
            return NULL;
        }
        if (index[i] != i / run) orderly = 0;
    }
    return orderly && cols % run == 0 && run % 32 == 0 ? NULL : index;
}

/* Room for rows of codes in another order, which w then has in the place of `from`; NULL: no memory, or nobody wants
   them. */
LLM__FN uint8_t *llm__bind_repacked(llm__binder *b, llm__matrix *w, const uint8_t *from, size_t row_bytes) {
    uint8_t *data;
    w->row_bytes = row_bytes;
    w->data = from;
    if (b->m->describing || b->status != LLM_OK) return NULL;
    w->data = data = (uint8_t *)llm__bind_alloc(b, (size_t)w->rows, row_bytes);
    return data;
}

/* Scales and biases for w, whose codes are in place. */
LLM__FN void llm__bind_factors(llm__binder *b, const llm__factors *f, llm__matrix *w) {
    int run = (w->cols + f->groups - 1) / f->groups, row, g, k, copies;
    size_t from = llm__dtype_bytes(f->scales->dtype), size = llm__dtype_bytes(f->dtype);
    uint8_t *scales, *biases;
    const llm__json *said = llm__json_get(llm__original_quantization(b->m), "group_size");
    if (llm__json_is(said, LLM__JSON_INTEGER) && said->as.number >= 1 && said->as.number < w->cols &&
        (w->cols + (int)said->as.number - 1) / (int)said->as.number == f->groups)
        run = (int)said->as.number; /* the last group may be short */
    w->format = LLM__AFFINE;
    w->dtype = f->dtype;
    w->group = run;
    if (b->m->describing) return;
    w->index = llm__bind_index(b, f, w->cols, run);
    if (b->status != LLM_OK) return;
    w->group = w->index ? w->cols / f->groups : run % 128 == 0 ? 128 : run % 64 == 0 ? 64 : 32;
    copies = w->index ? 1 : run / w->group;
    w->scale_row_bytes = (size_t)f->groups * (size_t)copies * size;
    w->scales = scales = (uint8_t *)llm__bind_alloc(b, (size_t)w->rows, w->scale_row_bytes);
    w->biases = biases = (uint8_t *)llm__bind_alloc(b, (size_t)w->rows, w->scale_row_bytes);
    if (!scales || !biases) return;
    for (row = 0; row < w->rows; row++)
        for (g = 0; g < f->groups; g++) {
            float zero = f->zero, scale, bias;
            size_t at = (size_t)row * f->by_row + (size_t)g * f->by_group;
            if (f->zeros.data) zero += (float)llm__packed_code(&f->zeros, (size_t)row, (size_t)g);
            if (f->plain_zeros) zero += f->plain_zeros[(size_t)row * (size_t)f->groups + (size_t)g];
            scale = llm__number_at(f->scales->dtype, f->data + at * from);
            bias = -zero * scale;
            for (k = 0; k < copies; k++, scales += size, biases += size) {
                llm__from_f32(f->dtype, &scale, 1, scales);
                llm__from_f32(f->dtype, &bias, 1, biases);
            }
        }
}

/* Whether the tensor can be words of codes and the other one scales. */
LLM__FN int llm__are_codes(llm__binder *b, const llm__tensor *t, const llm__tensor *s, const char *suffix) {
    if (!s) {
        llm__bind_absent(b, suffix, "a scale for each group");
        return 0;
    }
    if ((t->dtype == LLM_I32 || t->dtype == LLM_U32) && t->dims == 2 && s->dims == 2 && llm__is_float(s->dtype) &&
        s->shape[0] >= 1 && s->shape[1] >= 1)
        return 1;
    llm__bind_bad(b, "its packed form must be an I32 of two dimensions, with float scales of two beside it");
    return 0;
}

/* e2m1 in bytes: E8M0 or U8 scales for each 32 numbers, or E4M3 ones for each 16, with a factor for all that divides
   (compressed-tensors) or multiplies (ModelOpt). */
LLM__FN void llm__bind_nibbles(llm__binder *b, llm__tensor *t, llm__tensor *s, int rows, int cols, llm__matrix *w) {
    float divisor;
    w->format = s->dtype == LLM_F8_E4M3 ? LLM__NVFP4 : LLM__MXFP4;
    w->bits = 4;
    w->group = w->format == LLM__NVFP4 ? 16 : 32;
    w->row_bytes = (size_t)cols / 2;
    w->scale_row_bytes = (size_t)(cols / w->group);
    if (cols % w->group || (s->dtype != LLM_F8_E4M3 && s->dtype != LLM_U8 && s->dtype != LLM_F8_E8M0)) {
        llm__bind_bad(b, "its bytes of two numbers need F8_E4M3 scales for each 16, or U8 or F8_E8M0 ones for each 32");
        return;
    }
    w->data = llm__bind_bytes(b, t, 0, rows, cols / 2);
    w->scales = llm__bind_bytes(b, s, 0, rows, cols / w->group);
    if (w->format != LLM__NVFP4) return;
    divisor = llm__bind_factor(b, ".weight_global_scale");
    w->factor = divisor != 0 ? 1 / divisor : llm__bind_factor(b, ".weight_scale_2");
}

/* compressed-tensors: int4 or int8 in words along the rows, (code - zero) * scale with zeros packed down the rows; e2m1
   in bytes with e4m3 or e8m0 scales. */
LLM__FN void llm__bind_compressed(llm__binder *b, llm__tensor *t, int rows, int cols, llm__matrix *w) {
    llm__tensor *s = llm__bind_find(b, ".weight_scale"), *z = llm__bind_find(b, ".weight_zero_point");
    llm__tensor *g = llm__bind_find(b, ".weight_g_idx");
    llm__factors f;
    int64_t packed = t->dims == 2 ? t->shape[1] : 0, down = 0, across = 0;
    if (t->dtype == LLM_U8 && s) {
        llm__bind_nibbles(b, t, s, rows, cols, w);
        return;
    }
    memset(&f, 0, sizeof f);
    if (s) llm__scale_shape(s, &down, &across);
    if (!llm__are_codes(b, t, s, ".weight_scale")) return;
    w->bits = packed * 4 == cols ? 8 : 4;
    if (packed * 32 / w->bits != cols || (down != rows && down != 1) || across > cols) {
        llm__bind_bad(b, "its packed form must be words of 4 or 8 bits a number and scales for groups of each row");
        return;
    }
    w->row_bytes = (size_t)packed * 4;
    w->data = llm__bind_bytes(b, t, 0, rows, packed);
    f.scales = s;
    f.data = llm__bind_bytes(b, s, 0, down, across);
    f.by_row = down == 1 ? 0 : (size_t)across;
    f.by_group = 1;
    f.groups = (int)across;
    f.dtype = z ? LLM_F32 : s->dtype;
    f.zero = z ? 0 : (float)(1 << (w->bits - 1));
    if (z && (z->dtype == LLM_I32 || z->dtype == LLM_U32)) {
        f.zeros.bits = w->bits;
        f.zeros.along = (size_t)across;
        f.zeros.across = 1;
        f.zeros.data = llm__bind_bytes(b, z, 0, ((int64_t)rows * w->bits + 31) / 32, across);
    } else if (z) {
        llm__scale_shape(z, &down, &across);
        f.zero = (float)(1 << (w->bits - 1));
        f.plain_zeros = llm__bind_numbers(b, z, rows, f.groups);
    }
    if (g) f.index = llm__bind_bytes(b, g, 0, cols, 0);
    if (g && g->dtype != LLM_I32) llm__bind_bad(b, "its weight_g_idx must hold I32");
    if (b->status == LLM_OK) llm__bind_factors(b, &f, w);
}

/* compressed-tensors int-quantized: int8 with a scale for each row, or for groups of it. */
LLM__FN void llm__bind_int8(llm__binder *b, llm__tensor *t, llm__tensor *s, int rows, int cols, llm__matrix *w) {
    llm__tensor *z = llm__bind_find(b, ".weight_zero_point");
    const uint8_t *codes = llm__bind_bytes(b, t, 0, rows, cols);
    size_t n = (size_t)rows * (size_t)cols, i;
    uint8_t *data;
    llm__factors f;
    int64_t down, across;
    memset(&f, 0, sizeof f);
    llm__scale_shape(s, &down, &across);
    if ((down != rows && down != 1) || across < 1 || across > cols || !llm__is_float(s->dtype))
        llm__bind_bad(b, "I8 numbers need a float scale for each row or for groups of it");
    data = llm__bind_repacked(b, w, codes, (size_t)cols);
    for (i = 0; data && i < n; i++) data[i] = codes[i] ^ 128;
    w->bits = 8;
    f.scales = s;
    f.data = llm__bind_bytes(b, s, 0, down, across);
    f.by_row = down == 1 ? 0 : (size_t)across;
    f.by_group = 1;
    f.groups = (int)across;
    f.dtype = LLM_F32;
    f.zero = 128;
    if (z) llm__scale_shape(z, &down, &across);
    if (z) f.plain_zeros = llm__bind_numbers(b, z, rows, f.groups);
    if (b->status == LLM_OK) llm__bind_factors(b, &f, w);
}

/* GPTQ: words of inputs, one for each output, which are our rows' words; zeros less one, unless checkpoint_format says
   gptq_v2; g_idx gives each input a group. */
LLM__FN void llm__bind_gptq(llm__binder *b, llm__tensor *t, int rows, int cols, llm__matrix *w) {
    llm__tensor *s = llm__bind_find(b, ".scales"), *z = llm__bind_find(b, ".qzeros"), *g = llm__bind_find(b, ".g_idx");
    const llm__json *format = llm__json_get(llm__original_quantization(b->m), "checkpoint_format");
    int64_t words = t->shape[0], k;
    const uint8_t *codes;
    uint8_t *data;
    llm__factors f;
    int row;
    memset(&f, 0, sizeof f);
    w->bits = (int)(words * 32 / cols);
    if (words * 32 % cols || w->bits < 2 || w->bits > 8 || (w->bits > 4 && w->bits < 8) || s->shape[0] > cols) {
        llm__bind_bad(b, "its GPTQ form must have 2, 3, 4 or 8 bits a number and scales [groups, outputs]");
        return;
    }
    codes = llm__bind_bytes(b, t, 0, words, rows);
    f.scales = s;
    f.groups = (int)s->shape[0];
    f.data = llm__bind_bytes(b, s, 0, f.groups, rows);
    f.by_row = 1;
    f.by_group = (size_t)rows;
    f.dtype = LLM_F32;
    f.zero = (float)(1 << (w->bits - 1));
    if (z) {
        int64_t packed = ((int64_t)rows * w->bits + 31) / 32;
        f.zero = llm__json_text_is(format, "gptq_v2") ? 0.0f : 1.0f;
        f.zeros.bits = w->bits;
        f.zeros.along = 1;
        f.zeros.across = (size_t)packed;
        f.zeros.data = llm__bind_bytes(b, z, 0, f.groups, packed);
    }
    if (g) f.index = llm__bind_bytes(b, g, 0, cols, 0);
    if (g && g->dtype != LLM_I32) llm__bind_bad(b, "its g_idx must hold I32");
    data = llm__bind_repacked(b, w, codes, (size_t)words * 4);
    for (k = 0; data && k < words; k++)
        for (row = 0; row < rows; row++)
            memcpy(data + (size_t)row * w->row_bytes + (size_t)k * 4,
                   codes + ((size_t)k * (size_t)rows + (size_t)row) * 4, 4);
    if (b->status == LLM_OK) llm__bind_factors(b, &f, w);
}

/* AWQ: words of eight outputs, in the order below; no zeros: 8.  GPTQ's words are tried where the shape is theirs. */
LLM__FN void llm__bind_awq(llm__binder *b, llm__tensor *t, int rows, int cols, llm__matrix *w) {
    static const int order[8] = {0, 4, 1, 5, 2, 6, 3, 7};
    llm__tensor *s = llm__bind_find(b, ".scales"), *z = llm__bind_find(b, ".qzeros");
    uint8_t *data;
    llm__packed codes;
    llm__factors f;
    int row, col;
    if (!llm__are_codes(b, t, s, ".scales")) return;
    if (t->shape[1] == rows) {
        llm__bind_gptq(b, t, rows, cols, w);
        return;
    }
    memset(&f, 0, sizeof f);
    if (rows % 8 || cols % 2 || cols % s->shape[0]) {
        llm__bind_bad(b, "its AWQ form must have float scales [groups, outputs] and eight outputs in a word");
        return;
    }
    codes.data = llm__bind_bytes(b, t, 0, cols, rows / 8);
    codes.order = order;
    codes.bits = w->bits = 4;
    codes.along = 1;
    codes.across = (size_t)rows / 8;
    f.scales = s;
    f.groups = (int)s->shape[0];
    f.data = llm__bind_bytes(b, s, 0, f.groups, rows);
    f.by_row = 1;
    f.by_group = (size_t)rows;
    f.dtype = s->dtype;
    f.zero = z ? 0.0f : 8.0f;
    if (z) {
        f.zeros = codes;
        f.zeros.data = llm__bind_bytes(b, z, 0, f.groups, rows / 8);
    }
    data = llm__bind_repacked(b, w, codes.data, (size_t)cols / 2);
    for (col = 0; data && col < cols; col++)
        for (row = 0; row < rows; row++)
            data[(size_t)row * w->row_bytes + (size_t)col / 2] |=
                (uint8_t)(llm__packed_code(&codes, (size_t)row, (size_t)col) << col % 2 * 4);
    if (b->status == LLM_OK) llm__bind_factors(b, &f, w);
}

/* Whether ternary weights are divided by their scale: so bitnet's config says, but of maps that the model itself does
   not make ternary. */
LLM__FN int llm__ternary_divides(const llm_model *m) {
    const llm__json *config = llm__json_get(m->config, "quantization_config");
    return llm__json_text_is(llm__json_get(config, "quant_method"), "bitnet") &&
           !llm__json_text_is(llm__json_get(config, "linear_class"), "autobitlinear") && !m->ternary_scaled;
}

/* BitNet (arXiv:2402.17764): -1, 0 and 1 as two bits more by one; a byte holds a column of four rows,
   which are a quarter of the rows apart.  One scale for all. */
LLM__FN void llm__bind_ternary(llm__binder *b, llm__tensor *t, llm__tensor *s, int rows, int cols, llm__matrix *w) {
    const uint8_t *codes;
    uint8_t *data;
    float *scale;
    llm__tensor one = *s;
    llm__factors f;
    int row, col, quarter = rows / 4;
    int64_t down, across;
    memset(&f, 0, sizeof f);
    llm__scale_shape(s, &down, &across);
    if (rows % 4) {
        llm__bind_bad(b, "its ternary form packs four rows in one, which the number of rows does not allow");
        return;
    }
    codes = llm__bind_bytes(b, t, 0, quarter, cols);
    scale = llm__bind_numbers(b, s, 1, 1);
    w->bits = 2;
    data = llm__bind_repacked(b, w, codes, ((size_t)cols + 3) / 4);
    if (b->status != LLM_OK) return;
    if (llm__ternary_divides(b->m)) *scale = 1 / *scale;
    for (row = 0; data && row < rows; row++)
        for (col = 0; col < cols; col++) {
            int code = codes[(size_t)(row % quarter) * (size_t)cols + (size_t)col] >> row / quarter * 2 & 3;
            data[(size_t)row * w->row_bytes + (size_t)col / 4] |= (uint8_t)(code << col % 4 * 2);
        }
    one.dtype = f.dtype = LLM_F32;
    f.scales = &one;
    f.data = (const uint8_t *)scale;
    f.groups = 1;
    f.zero = 1;
    llm__bind_factors(b, &f, w);
}

/* The forms of other tools at b->name, for the tensor t or for one of another name; 0: it has none of them. */
LLM__FN int llm__bind_foreign(llm__binder *b, llm__tensor *t, llm__matrix *w, int lead, int rows, int cols) {
    llm__tensor *s = llm__bind_find(b, ".weight_scale"), *packed = llm__bind_find(b, ".weight_packed");
    llm__tensor *inverse = llm__bind_find(b, llm__bind_find(b, ".weight") ? ".weight_scale_inv" : "_scale_inv");
    llm__tensor *words = llm__bind_find(b, ".qweight"), *blocks = llm__bind_find(b, "_blocks");
    if (packed && !lead) llm__bind_compressed(b, packed, rows, cols, w);
    else if (words && !lead) llm__bind_awq(b, words, rows, cols, w);
    else if (blocks) llm__bind_blocks(b, blocks, lead, rows, cols, w);
    else if (t && inverse) llm__bind_fp8(b, t, inverse, lead, rows, cols, 1, w);
    else if (!t || !s) return 0;
    else if (t->dtype == LLM_F8_E4M3) llm__bind_fp8(b, t, s, lead, rows, cols, 0, w);
    else if (lead) return 0;
    else if (t->dtype == LLM_I8) llm__bind_int8(b, t, s, rows, cols, w);
    else if (t->dtype == LLM_U8 && t->dims == 2 && t->shape[0] == rows) llm__bind_nibbles(b, t, s, rows, cols, w);
    else if (t->dtype == LLM_U8) llm__bind_ternary(b, t, s, rows, cols, w);
    else return 0;
    return 1;
}

/* Float numbers where they lie, or copied where the file has them at odd addresses. */
LLM__FN void llm__bind_plain(llm__binder *b, llm__tensor *t, int lead, int rows, int cols, llm__matrix *w) {
    size_t size = llm__dtype_bytes(t->dtype), n = (size_t)rows * (size_t)cols * (size_t)(lead ? lead : 1);
    const uint8_t *data = llm__bind_bytes(b, t, lead, rows, cols);
    llm_dtype dtype = llm__bind_dtype(b, t);
    uint8_t *copy;
    if (!data) return;
    if (!llm__is_float(t->dtype)) {
        b->status = llm__fail(b->error, LLM_BAD_TENSOR,
                              "tensor \"%s\" holds %s and nothing beside it says how to read that; "
                              "expected F32, F16 or BF16",
                              t->name, llm__dtype_name(t->dtype));
        return;
    }
    if (!b->m->describing && ((uintptr_t)data % size || dtype != t->dtype)) {
        size = llm__dtype_bytes(dtype);
        copy = (uint8_t *)llm__bind_alloc(b, n, size);
        if (!copy) return;
        if (dtype == t->dtype) memcpy(copy, data, n * size);
        else llm__bind_convert(t, data, n, dtype, copy);
        data = copy;
    }
    w->format = LLM__FLOAT;
    w->dtype = dtype;
    w->data = data;
    w->row_bytes = (size_t)cols * size;
}

/* A matrix of floats with the rows of w as its columns. */
LLM__FN void llm__bind_transposed(llm__binder *b, const llm__matrix *w, llm__matrix *out) {
    float *row = b->m->describing ? NULL : (float *)llm__bind_alloc(b, (size_t)w->cols, sizeof(float));
    llm_dtype dtype = w->format == LLM__FLOAT ? w->dtype : w->format == LLM__FP8_BLOCK ? LLM_BF16 : LLM_F32;
    size_t size = llm__dtype_bytes(dtype);
    uint8_t *data = row ? (uint8_t *)llm__bind_alloc(b, (size_t)w->rows * (size_t)w->cols, size) : NULL;
    int r, c;
    *out = *w;
    if (!row || !data) return;
    memset(out, 0, sizeof *out);
    out->format = LLM__FLOAT;
    out->dtype = dtype;
    out->rows = w->cols;
    out->cols = w->rows;
    out->data = data;
    out->row_bytes = (size_t)w->rows * size;
    for (r = 0; r < w->rows; r++) {
        llm__matrix_row(w, r, row);
        for (c = 0; c < w->cols; c++)
            llm__from_f32(dtype, row + c, 1, data + (size_t)c * out->row_bytes + (size_t)r * size);
    }
}

LLM__FN void llm__bind_matrix(llm__binder *b, llm__matrix *w, int lead, int rows, int cols, int bias);

/* GPT-2's Conv1D: a linear map stored as [cols, rows]. */
LLM__FN void llm__bind_conv1d(llm__binder *b, llm__matrix *w, int rows, int cols, int bias) {
    llm__matrix stored;
    b->transposed = 0;
    llm__bind_matrix(b, &stored, 0, cols, rows, 0);
    if (b->status == LLM_OK) llm__bind_transposed(b, &stored, w);
    if (bias && b->status == LLM_OK) w->bias = llm__bind_floats(b, ".bias", rows, 0, 0);
    b->transposed = 1;
}

/* Binds the linear map at b->name, [rows, cols], in whatever form the checkpoint has it.  lead > 0: a stack of that
   many, written to w[0..lead-1]. */
LLM__FN void llm__bind_matrix(llm__binder *b, llm__matrix *w, int lead, int rows, int cols, int bias) {
    llm__tensor *t = llm__bind_find(b, ".weight"), *scales = llm__bind_find(b, ".scales");
    int64_t parameters = b->m->parameters;
    size_t bytes = b->m->weight_bytes;
    char what[64];
    if (b->status != LLM_OK) return;
    if (b->transposed) {
        llm__bind_conv1d(b, w, rows, cols, bias);
        return;
    }
    if (!t) t = llm__bind_find(b, "");
    memset(w, 0, sizeof *w);
    w->rows = rows;
    w->cols = cols;
    if (lead) snprintf(what, sizeof what, "[%d, %d, %d]", lead, rows, cols);
    else snprintf(what, sizeof what, "[%d, %d]", rows, cols);
    if (llm__bind_foreign(b, t, w, lead, rows, cols)) scales = NULL;
    else if (!t) llm__bind_absent(b, ".weight", what);
    else if (t->dtype == LLM_U8 && llm__bind_find(b, "_weight_scale")) llm__bind_nvfp4(b, t, lead, rows, cols, w);
    else if (scales) llm__bind_quantized(b, t, scales, lead, rows, cols, w);
    else llm__bind_plain(b, t, lead, rows, cols, w);
    if (b->fresh) b->m->parameters += (int64_t)rows * cols * (lead ? lead : 1);
    llm__bind_note(b, w, parameters, bytes);
    if (bias)
        w->bias = llm__bind_floats(b, llm__bind_find(b, "_bias") ? "_bias" : ".bias", lead ? lead : rows,
                                   lead ? rows : 0, 0);
    if (b->status == LLM_OK && scales && w->format != LLM__FLOAT)
        llm__bind_check_override(b, llm__json_get(b->m->config, "quantization"), w);
    if (lead) llm__spread(w, lead);
}

/* Rows [first, first + rows) of a matrix as a matrix. */
LLM__FN llm__matrix llm__matrix_slice(const llm__matrix *w, int first, int rows) {
    llm__matrix part = *w;
    part.rows = rows;
    part.data += (size_t)first * w->row_bytes;
    if (w->format == LLM__FP8_BLOCK) part.first_row += first;
    else if (w->scales) part.scales += (size_t)first * w->scale_row_bytes;
    if (w->biases) part.biases += (size_t)first * w->scale_row_bytes;
    if (w->bias) part.bias += first;
    return part;
}

/* Every other row of a matrix as a matrix. */
LLM__FN llm__matrix llm__bind_every_other(llm__binder *b, const llm__matrix *w, int first) {
    llm__matrix part = llm__matrix_slice(w, first, w->rows / 2);
    float *bias = w->bias ? (float *)llm__bind_alloc(b, (size_t)part.rows, sizeof(float)) : NULL;
    int i;
    if (w->format == LLM__FP8_BLOCK) llm__bind_bad(b, "rows in turns do not go with block scales");
    part.row_bytes *= 2;
    part.scale_row_bytes *= 2;
    part.bias = bias;
    for (i = 0; bias && i < part.rows; i++) bias[i] = w->bias[first + 2 * i];
    return part;
}

/* Whether the checkpoint has a map at b->name. */
LLM__FN int llm__bind_has(const llm__binder *b) {
    static const char *const suffixes[] = {".weight", ".qweight", ".weight_packed", "_blocks", ""};
    int i;
    for (i = 0; i < 5; i++)
        if (llm__bind_find(b, suffixes[i])) return 1;
    return 0;
}

/* Goes on to the first of some parts, separated by spaces, that the checkpoint has; if it has none, to the first. */
LLM__FN void llm__bind_first(llm__binder *b, const char *parts) {
    const char *part = parts;
    char name[80];
    for (; *part; part += strlen(name) + (part[strlen(name)] == ' ')) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(part, " "), part);
        llm__bind_part(b, name);
        if (llm__bind_has(b)) return;
    }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(parts, " "), parts);
    llm__bind_part(b, name);
}

/* q, k and v: separate maps, slices of one, or one that keeps its order. */
LLM__FN void llm__bind_qkv(llm__binder *b, llm__attention *a) {
    int hidden = b->m->hidden, q = a->heads * a->width, k = a->kv_heads * a->width, v = a->kv_heads * a->value_width;
    int gates = 0;
    if (a->qkv == LLM__QKV_SEPARATE || a->shared) {
        llm__bind_part(b, "q_proj");
        llm__bind_matrix(b, &a->q, 0, a->gate == LLM__GATE_IN_Q ? 2 * q : q, hidden, a->q_bias);
        if (a->shared || a->raw == LLM__RAW_BORROWED) return;
        llm__bind_part(b, "k_proj");
        llm__bind_matrix(b, &a->k, 0, k, hidden, a->k_bias);
        if (a->key_is_value) return;
        llm__bind_part(b, "v_proj");
        llm__bind_matrix(b, &a->v, 0, v, hidden, a->v_bias);
        return;
    }
    if (a->qkv == LLM__QKVG_JOINED) gates = a->heads * a->value_width;
    llm__bind_part(b, "qkv_proj");
    llm__bind_matrix(b, &a->q, 0, q + k + v + gates, hidden, a->q_bias);
    if (a->qkv == LLM__QKV_GROUPED || b->status != LLM_OK) return;
    a->k = llm__matrix_slice(&a->q, q, k);
    a->v = llm__matrix_slice(&a->q, q + k, v);
    if (gates) a->gates = llm__matrix_slice(&a->q, q + k + v, gates);
    a->q = llm__matrix_slice(&a->q, 0, q);
}

/* Weights for each head in a tensor of its own. */
LLM__FN void llm__bind_norm_list(llm__binder *b, llm__norm *norm, int heads, int width) {
    float *all = (float *)llm__bind_alloc(b, (size_t)heads * (size_t)width, sizeof(float));
    char suffix[40];
    int i;
    norm->weight = all;
    for (i = 0; i < heads && b->status == LLM_OK; i++) {
        const float *one;
        snprintf(suffix, sizeof suffix, ".norms.%d.weight", i);
        one = llm__bind_floats(b, suffix, width, 0, norm->offset);
        if (one) memcpy(all + (size_t)i * (size_t)width, one, (size_t)width * sizeof(float));
    }
}

LLM__FN void llm__bind_qk_norm(llm__binder *b, const llm__attention *a, llm__norm *norm, int heads) {
    if (a->qk_norm == LLM__QK_EACH_HEAD && llm__bind_find(b, ".norms.0.weight"))
        llm__bind_norm_list(b, norm, heads, a->width);
    else if (a->qk_norm == LLM__QK_WHOLE) llm__bind_norm(b, norm, heads * a->width);
    else llm__bind_norms(b, norm, a->qk_norm == LLM__QK_EACH_HEAD ? heads : 0, a->width);
}

/* A single number, stored as a scalar or as a list of one. */
LLM__FN const float *llm__bind_number(llm__binder *b) {
    llm__tensor *t = llm__bind_find(b, "");
    if (t && !t->dims) {
        t->dims = 1;
        t->shape[0] = 1;
    }
    return llm__bind_floats(b, "", 1, 0, 0);
}

/* Two taps for each kv head, whatever the tensor's shape is: [kv_heads, 2]. */
LLM__FN const float *llm__bind_taps(llm__binder *b, int heads) {
    llm__tensor *t = llm__bind_find(b, "");
    if (t && t->dims == 5 && t->shape[0] == 1 && t->shape[1] == 1 && t->shape[2] == heads && t->shape[3] == 1) {
        t->dims = 2;
        t->shape[0] = heads;
        t->shape[1] = t->shape[4];
    }
    return llm__bind_floats(b, "", heads, 2, 0);
}

/* What single families have. */
LLM__FN void llm__bind_attention_extras(llm__binder *b, llm__attention *a) {
    if (a->conv) {
        llm__bind_part(b, "conv_k");
        a->k_conv = llm__bind_taps(b, a->kv_heads);
        llm__bind_part(b, "conv_v");
        a->v_conv = llm__bind_taps(b, a->kv_heads);
    }
    if (a->rounded) {
        llm__bind_part(b, "quant_key_scale");
        a->k_step = llm__bind_number(b);
        llm__bind_part(b, "quant_value_scale");
        a->v_step = llm__bind_number(b);
    }
    if (a->gained) {
        llm__bind_part(b, "head_gain.head_g");
        a->q_gain = llm__bind_floats(b, "", a->heads, 0, 0);
    }
}

/* A layer that reads another's keys may have kept maps for its own, which nothing reads. */
LLM__FN void llm__bind_unread_keys(llm__binder *b) {
    static const char *const parts[3] = {"k_proj", "v_proj", "k_norm"};
    static const char *const suffixes[4] = {".weight", ".scales", ".biases", ".bias"};
    int i, k;
    for (i = 0; i < 3; i++)
        for (llm__bind_part(b, parts[i]), k = 0; k < 4; k++) {
            llm__tensor *t = llm__bind_find(b, suffixes[k]);
            if (t) t->used = 1;
        }
}

LLM__FN void llm__bind_block_indexer(llm__binder *b, llm__indexer *x) {
    llm__bind_part(b, "index_q_proj");
    llm__bind_matrix(b, &x->q, 0, x->heads * x->width, b->m->hidden, 0);
    llm__bind_part(b, "index_k_proj");
    llm__bind_matrix(b, &x->k, 0, x->width, b->m->hidden, 0);
    llm__bind_part(b, "index_q_norm");
    llm__bind_norm(b, &x->q_norm, x->width);
    llm__bind_part(b, "index_k_norm");
    llm__bind_norm(b, &x->k_norm, x->width);
}

LLM__FN void llm__bind_attention(llm__binder *b, llm__attention *a) {
    int hidden = b->m->hidden, out = a->heads * a->value_width;
    if (a->indexer.heads) llm__bind_block_indexer(b, &a->indexer);
    llm__bind_qkv(b, a);
    llm__bind_part(b, "o_proj");
    llm__bind_matrix(b, &a->o, 0, hidden, out, a->o_bias);
    if (a->gate > LLM__GATE_IN_Q && a->qkv != LLM__QKVG_JOINED) {
        llm__bind_part(b, "gate_proj");
        llm__bind_matrix(b, &a->gates, 0, a->gate == LLM__GATE_FULL ? out : a->heads, hidden, a->gate_bias);
    }
    if (a->has_sinks) {
        llm__bind_part(b, "sinks");
        a->sinks = llm__bind_floats(b, "", a->heads, 0, 0);
    }
    if (a->out_normed) {
        llm__bind_part(b, "out_norm");
        llm__bind_norm(b, &a->out_norm, out);
    }
    llm__bind_attention_extras(b, a);
    if (a->v_normed) {
        llm__bind_part(b, "v_norm");
        llm__bind_norm(b, &a->v_norm, a->value_width);
    }
    if (a->shared) llm__bind_unread_keys(b);
    if (a->qk_norm == LLM__QK_PLAIN) return;
    llm__bind_part(b, "q_norm");
    llm__bind_qk_norm(b, a, &a->q_norm, a->heads);
    if (a->shared) return;
    llm__bind_part(b, "k_norm");
    llm__bind_qk_norm(b, a, &a->k_norm, a->kv_heads);
}

LLM__FN void llm__bind_indexer(llm__binder *b, llm__latent *a) {
    llm__indexer *x = &a->indexer;
    llm__bind_part(b, "indexer.wq_b");
    llm__bind_matrix(b, &x->q, 0, x->heads * x->width, a->q_rank, 0);
    llm__bind_part(b, "indexer.wk");
    llm__bind_matrix(b, &x->k, 0, x->width, b->m->hidden, 0);
    llm__bind_part(b, "indexer.k_norm");
    llm__bind_norm(b, &x->k_norm, x->width);
    llm__bind_part(b, "indexer.weights_proj");
    llm__bind_matrix(b, &x->weights, 0, x->heads, b->m->hidden, 0);
}

LLM__FN void llm__bind_latent(llm__binder *b, llm__latent *a) {
    int hidden = b->m->hidden, q = a->heads * (a->nope + a->rotary), h;
    if (a->q_rank) {
        llm__bind_part(b, "q_a_proj");
        llm__bind_matrix(b, &a->q_a, 0, a->q_rank, hidden, a->bias);
        llm__bind_part(b, "q_a_layernorm");
        llm__bind_norm(b, &a->q_norm, a->q_rank);
        llm__bind_part(b, "q_b_proj");
        llm__bind_matrix(b, &a->q_b, 0, q, a->q_rank, 0);
    } else {
        llm__bind_part(b, "q_proj");
        llm__bind_matrix(b, &a->q, 0, q, hidden, 0);
    }
    llm__bind_part(b, "kv_a_proj_with_mqa");
    llm__bind_matrix(b, &a->kv_a, 0, a->rank + a->rotary, hidden, a->bias);
    llm__bind_part(b, "kv_a_layernorm");
    llm__bind_norm(b, &a->kv_norm, a->rank);
    llm__bind_part(b, "o_proj");
    llm__bind_matrix(b, &a->o, 0, hidden, a->heads * a->value, a->bias);
    if (a->indexer.heads) llm__bind_indexer(b, a);
    llm__bind_part(b, "kv_b_proj");
    if (a->expanded) {
        llm__bind_matrix(b, &a->kv_b, 0, a->heads * (a->nope + a->value), a->rank, 0);
        return;
    }
    a->embed_q = (llm__matrix *)llm__bind_alloc(b, (size_t)a->heads, sizeof(llm__matrix));
    a->unembed = (llm__matrix *)llm__bind_alloc(b, (size_t)a->heads, sizeof(llm__matrix));
    if (llm__bind_find(b, ".weight") || llm__bind_find(b, ".weight_packed") || llm__bind_find(b, ".qweight")) {
        llm__matrix both, part;
        llm__bind_matrix(b, &both, 0, a->heads * (a->nope + a->value), a->rank, 0);
        for (h = 0; h < a->heads && b->status == LLM_OK; h++) {
            part = llm__matrix_slice(&both, h * (a->nope + a->value), a->nope);
            llm__bind_transposed(b, &part, &a->embed_q[h]);
            a->unembed[h] = llm__matrix_slice(&both, h * (a->nope + a->value) + a->nope, a->value);
        }
        return;
    }
    llm__bind_part(b, "embed_q");
    if (b->status == LLM_OK) llm__bind_matrix(b, a->embed_q, a->heads, a->rank, a->nope, 0);
    llm__bind_part(b, "unembed_out");
    if (b->status == LLM_OK) llm__bind_matrix(b, a->unembed, a->heads, a->value, a->rank, 0);
}

/* A depthwise convolution: [channels, kernel, 1] in MLX's layout, [channels, 1, kernel] in the original; the same
   bytes. */
LLM__FN const float *llm__bind_conv(llm__binder *b, int channels, int kernel) {
    llm__tensor *t = llm__bind_find(b, ".weight");
    if (t && t->dims == 3 && t->shape[0] == channels && t->shape[1] * t->shape[2] == kernel) {
        t->dims = 2;
        t->shape[1] = kernel;
    }
    return llm__bind_floats(b, ".weight", channels, kernel, 0);
}

LLM__FN float llm__softplus(float x) {
    return x > 20 ? x : log1pf(expf(x));
}

/* Channels [first, first + count) of a convolution, of the tensor at b->name. */
LLM__FN void llm__bind_channels(llm__binder *b, llm__conv *conv, int first, int count) {
    const float *own = llm__bind_conv(b, count, conv->kernel);
    float *weight = (float *)conv->weight, *offset = (float *)conv->offset;
    int c, k;
    if (!weight)
        conv->weight = weight = (float *)llm__bind_alloc(b, (size_t)conv->channels * (size_t)conv->kernel, sizeof(float));
    for (c = 0; own && weight && c < count; c++)
        for (k = 0; k < conv->kernel; k++) weight[k * conv->channels + first + c] = own[c * conv->kernel + k];
    if (!conv->biased) return;
    own = llm__bind_floats(b, ".bias", count, 0, 0);
    if (!offset) conv->offset = offset = (float *)llm__bind_alloc(b, (size_t)conv->channels, sizeof(float));
    if (own && offset) memcpy(offset + first, own, (size_t)count * sizeof(float));
}

/* The tensor at b->name as a list of numbers, however many axes it has; more of them than `count` are left out. */
LLM__FN float *llm__bind_flat(llm__binder *b, const char *suffix, int64_t count) {
    llm__tensor *t = llm__bind_find(b, suffix);
    int64_t n = 1;
    int i;
    for (i = 0; t && i < t->dims; i++) n *= t->shape[i];
    if (t && n == count) {
        t->dims = 1;
        t->shape[0] = count;
    }
    return llm__bind_floats(b, suffix, count, 0, 0);
}

/* exp of a stored logarithm, times sign. */
LLM__FN const float *llm__bind_exp(llm__binder *b, int count, float sign) {
    float *a = llm__bind_flat(b, "", count);
    int i;
    for (i = 0; a && i < count; i++) a[i] = sign * expf(a[i]);
    return a;
}

/* dt, B and C behind the convolution. */
LLM__FN void llm__bind_ssm_inputs(llm__binder *b, llm__ssm *s) {
    llm__bind_part(b, "x_proj");
    llm__bind_matrix(b, &s->x, 0, s->dt_rank + 2 * s->state, s->heads * s->width, 0);
    llm__bind_part(b, "dt_proj");
    llm__bind_matrix(b, &s->dt, 0, s->heads, s->dt_rank, s->in_order == LLM__SSM_CHANNELS);
    llm__bind_part(b, "dt_layernorm");
    llm__bind_norm(b, &s->dt_norm, s->dt_rank);
    llm__bind_part(b, "b_layernorm");
    llm__bind_norm(b, &s->b_norm, s->state);
    llm__bind_part(b, "c_layernorm");
    llm__bind_norm(b, &s->c_norm, s->state);
}

LLM__FN void llm__bind_ssm(llm__binder *b, llm__ssm *s) {
    int inner = s->heads * s->width, channels = s->in_order == LLM__SSM_CHANNELS, dual = s->in_order == LLM__SSM_DUAL;
    llm__bind_part(b, "in_proj");
    llm__bind_matrix(b, &s->in, 0, dual ? inner + s->conv.channels + s->heads : 2 * inner, b->m->hidden, s->bias);
    llm__bind_part(b, "out_proj");
    llm__bind_matrix(b, &s->out, 0, b->m->hidden, inner, s->out_bias);
    llm__bind_part(b, "conv1d");
    llm__bind_channels(b, &s->conv, 0, s->conv.channels);
    if (!dual) llm__bind_ssm_inputs(b, s);
    llm__bind_part(b, "A_log");
    s->a = llm__bind_exp(b, channels ? inner * s->state : s->heads, -1);
    llm__bind_part(b, "D");
    s->d = llm__bind_floats(b, "", s->heads, 0, 0);
    llm__bind_part(b, "dt_bias");
    if (!channels) s->dt_bias = llm__bind_floats(b, "", s->heads, 0, 0);
    llm__bind_part(b, "norm");
    llm__bind_norm(b, &s->norm, inner);
}

/* Maps of the same rows beside each other: the whole at b's `whole`, or its parts. */
LLM__FN void llm__bind_delta_qkv(llm__binder *b, llm__delta *d) {
    int hidden = b->m->hidden, keys = d->key_heads * d->key_width, values = d->value_heads * d->value_width;
    llm__bind_part(b, "q_proj");
    llm__bind_matrix(b, &d->q, 0, keys, hidden, 0);
    llm__bind_part(b, "k_proj");
    llm__bind_matrix(b, &d->k, 0, keys, hidden, 0);
    llm__bind_part(b, "v_proj");
    llm__bind_matrix(b, &d->v, 0, values, hidden, 0);
}

/* A map from the stream, by way of `rank` numbers if that is not 0. */
LLM__FN void llm__bind_low(llm__binder *b, const char *name, int rank, int rows, llm__matrix *low, llm__matrix *w) {
    char part[40];
    snprintf(part, sizeof part, "%s_low", name);
    llm__bind_part(b, part);
    if (rank) llm__bind_matrix(b, low, 0, rank, b->m->hidden, 0);
    llm__bind_part(b, name);
    llm__bind_matrix(b, w, 0, rows, rank ? rank : b->m->hidden, 0);
}

/* Its convolution: one tensor, or one for each of q, k and v. */
LLM__FN void llm__bind_delta_conv(llm__binder *b, llm__delta *d) {
    int keys = d->key_heads * d->key_width, values = d->value_heads * d->value_width;
    llm__bind_first(b, "conv1d qkv_conv.conv");
    if (llm__bind_find(b, ".weight")) {
        llm__bind_channels(b, &d->conv, 0, 2 * keys + values);
        return;
    }
    llm__bind_first(b, "q_conv1d q_conv.conv");
    llm__bind_channels(b, &d->conv, 0, keys);
    llm__bind_first(b, "k_conv1d k_conv.conv");
    llm__bind_channels(b, &d->conv, keys, keys);
    llm__bind_first(b, "v_conv1d v_conv.conv");
    llm__bind_channels(b, &d->conv, 2 * keys, values);
}

LLM__FN void llm__bind_delta(llm__binder *b, llm__delta *d) {
    int keys = d->key_heads * d->key_width, values = d->value_heads * d->value_width, hidden = b->m->hidden;
    if (d->in_order == LLM__DELTA_GROUPED) {
        llm__bind_part(b, "in_proj_qkvz");
        llm__bind_matrix(b, &d->q, 0, 2 * keys + 2 * values, hidden, 0);
        llm__bind_part(b, "in_proj_ba");
        llm__bind_matrix(b, &d->b, 0, 2 * d->value_heads, hidden, 0);
    } else {
        llm__bind_part(b, "in_proj_qkv");
        if (llm__bind_find(b, ".weight")) d->in_order = LLM__DELTA_JOINED;
        if (d->in_order == LLM__DELTA_JOINED) llm__bind_matrix(b, &d->q, 0, 2 * keys + values, hidden, 0);
        else llm__bind_delta_qkv(b, d);
        llm__bind_low(b, "in_proj_z", d->z_rank, values, &d->z_low, &d->z);
        llm__bind_low(b, "in_proj_a", d->a_rank, d->value_heads * (d->columns ? d->key_width : 1), &d->a_low, &d->a_map);
        llm__bind_part(b, "in_proj_b");
        llm__bind_matrix(b, &d->b, 0, d->value_heads, hidden, 0);
    }
    llm__bind_part(b, "out_proj");
    llm__bind_matrix(b, &d->out, 0, hidden, values, 0);
    llm__bind_delta_conv(b, d);
    llm__bind_part(b, "A_log");
    d->a = llm__bind_exp(b, d->value_heads, 1);
    llm__bind_part(b, "dt_bias");
    d->dt_bias = llm__bind_flat(b, "", (int64_t)d->value_heads * (d->columns ? d->key_width : 1));
    llm__bind_part(b, "norm");
    llm__bind_norm(b, &d->norm, d->value_width);
}

LLM__FN void llm__bind_short(llm__binder *b, llm__short *c) {
    int hidden = b->m->hidden;
    llm__bind_part(b, "in_proj");
    llm__bind_matrix(b, &c->in, 0, 3 * hidden, hidden, c->bias);
    llm__bind_part(b, "conv");
    llm__bind_channels(b, &c->conv, 0, hidden);
    llm__bind_part(b, "out_proj");
    llm__bind_matrix(b, &c->out, 0, hidden, hidden, c->bias);
}

/* xIELU's four numbers (arXiv:2411.13010), each [1] or a scalar: alpha_p and alpha_n are stored before their softplus,
   and alpha_n less beta. */
LLM__FN const float *llm__bind_xielu(llm__binder *b) {
    static const char *const names[4] = {"act_fn.alpha_p", "act_fn.alpha_n", "act_fn.beta", "act_fn.eps"};
    float *numbers = (float *)llm__bind_alloc(b, 4, sizeof(float));
    int i;
    for (i = 0; numbers && i < 4; i++) {
        const float *x;
        llm__bind_part(b, names[i]);
        x = llm__bind_number(b);
        if (x) numbers[i] = i < 2 ? llm__softplus(*x) : *x;
    }
    if (numbers) numbers[1] += numbers[2];
    return numbers;
}

/* A feed-forward at b->place. */
LLM__FN void llm__bind_mlp(llm__binder *b, llm__mlp *mlp) {
    int hidden = b->m->hidden, width = mlp->width;
    if (mlp->gate_up == LLM__GATE_UP_SEPARATE || mlp->gate_up == LLM__UP_ONLY) {
        if (mlp->gate_up == LLM__GATE_UP_SEPARATE) {
            llm__bind_part(b, "gate_proj");
            llm__bind_matrix(b, &mlp->gate, 0, width, hidden, mlp->bias);
        }
        llm__bind_part(b, "up_proj");
        llm__bind_matrix(b, &mlp->up, 0, width, hidden, mlp->bias);
    } else {
        llm__bind_part(b, "gate_up_proj");
        llm__bind_matrix(b, &mlp->gate, 0, 2 * width, hidden, mlp->bias);
        if (b->status == LLM_OK && mlp->gate_up != LLM__GATE_UP_MIXED) {
            int up_first = mlp->gate_up == LLM__UP_GATE_JOINED;
            mlp->up = llm__matrix_slice(&mlp->gate, up_first ? 0 : width, width);
            mlp->gate = llm__matrix_slice(&mlp->gate, up_first ? width : 0, width);
        }
    }
    llm__bind_part(b, "down_proj");
    llm__bind_matrix(b, &mlp->down, 0, hidden, width, mlp->down_bias);
    if (mlp->sub_normed) {
        llm__bind_part(b, "sub_norm");
        llm__bind_norm(b, &mlp->sub_norm, width);
    }
    if (mlp->activation.kind == LLM__XIELU) mlp->activation.numbers = llm__bind_xielu(b);
}

/* Goes on to a stack of the experts' maps, under either of its two names; 0: the checkpoint has none. */
LLM__FN int llm__bind_stack_at(llm__binder *b, const char *name) {
    llm__bind_name(b, "%s.switch_mlp.%s", b->place, name);
    if (llm__bind_has(b)) return 1;
    llm__bind_name(b, "%s.experts.%s", b->place, name);
    return llm__bind_has(b);
}

/* Whether the stack at b->name has the shared expert behind the others. */
LLM__FN int llm__is_folded(const llm__binder *b, const llm__experts *e) {
    const llm__tensor *t = llm__bind_find(b, ".weight");
    return e->folds && e->shared.width == e->width && t && t->dims == 3 && t->shape[0] == e->count + 1;
}

/* The stack at b->name: [count, rows, cols], or all experts' rows together, or transposed. */
LLM__FN llm__matrix *llm__bind_stack(llm__binder *b, const llm__experts *e, int rows, int cols, int transposed) {
    llm__tensor *t = llm__bind_find(b, "");
    int k, turn = transposed && t, count = e->count + llm__is_folded(b, e);
    llm__matrix *w = (llm__matrix *)llm__bind_alloc(b, (size_t)count, sizeof(llm__matrix)), flat;
    if (!w) return NULL;
    if (t && t->dims == 2 && t->shape[0] % e->count == 0) {
        t->dims = 3;
        t->shape[2] = t->shape[1];
        t->shape[1] = t->shape[0] / e->count;
        t->shape[0] = e->count;
    }
    llm__bind_matrix(b, w, count, turn ? cols : rows, turn ? rows : cols, e->bias_each && !turn);
    if (!turn || b->status != LLM_OK) return w;
    for (k = 0; k < e->count && b->status == LLM_OK; k++) {
        flat = w[k];
        llm__bind_transposed(b, &flat, &w[k]);
    }
    if (e->bias_each) w[0].bias = llm__bind_floats(b, "_bias", e->count, rows, 0);
    for (k = 1; w[0].bias && k < e->count; k++) w[k].bias = w[0].bias + (size_t)k * (size_t)rows;
    return w;
}

/* The factors that the stack at b->name has for each expert, for this of its `parts`. */
LLM__FN void llm__bind_stack_factors(llm__binder *b, const llm__experts *e, llm__matrix *w, int parts, int part) {
    const float *factors;
    int k;
    if (b->status != LLM_OK || w[0].format != LLM__NVFP4 || !llm__bind_find(b, "_weight_scale_2")) return;
    factors = llm__bind_floats(b, "_weight_scale_2", e->count, parts > 1 ? parts : 0, 0);
    for (k = 0; factors && k < e->count; k++) w[k].factor = factors[k * parts + part];
}

/* One of the maps of all experts: a stack, or a tensor for each expert under either of its two names. */
LLM__FN llm__matrix *llm__bind_experts_map(llm__binder *b, const llm__experts *e, int rows, int cols, const char *name,
                                           const char *other) {
    llm__matrix *w;
    int k, down = !strcmp(name, "down_proj");
    if (llm__bind_stack_at(b, name)) {
        w = llm__bind_stack(b, e, rows, cols,
                            e->stacks == LLM__STACKS_TRANSPOSED || (down && e->stacks == LLM__DOWN_TRANSPOSED));
        if (w) llm__bind_stack_factors(b, e, w, 1, 0);
        return w;
    }
    w = (llm__matrix *)llm__bind_alloc(b, (size_t)e->count, sizeof(llm__matrix));
    if (!w) return NULL;
    llm__bind_name(b, "%s.experts.0.%s", b->place, other);
    if (!llm__bind_has(b)) other = name;
    for (k = 0; k < e->count; k++) {
        llm__bind_name(b, "%s.experts.%d.%s", b->place, k, other);
        llm__bind_matrix(b, &w[k], 0, rows, cols, e->bias_each);
    }
    return w;
}

/* The maps around experts whose space is narrower than the stream. */
LLM__FN void llm__bind_latent_experts(llm__binder *b, llm__experts *e) {
    llm__bind_part(b, "latent_down");
    llm__bind_matrix(b, &e->latent_down, 0, e->latent, b->m->hidden, e->latent_bias);
    llm__bind_part(b, "latent_up");
    llm__bind_matrix(b, &e->latent_up, 0, b->m->hidden, e->latent, e->latent_bias);
    llm__bind_part(b, "latent_norm");
    if (e->latent_normed) llm__bind_norm(b, &e->latent_norm, e->latent);
    llm__bind_part(b, "low_norm");
    if (e->low_normed) llm__bind_norm(b, &e->low_norm, e->latent);
    llm__bind_part(b, "each_norm");
    if (e->each_normed) llm__bind_norm(b, &e->each_norm, e->latent);
}

/* Gates and ups that lie in one stack, at b->name. */
LLM__FN void llm__bind_joined_experts(llm__binder *b, llm__experts *e, int hidden) {
    llm__matrix *both = llm__bind_stack(b, e, 2 * e->width, hidden, e->stacks == LLM__STACKS_TRANSPOSED);
    int k, count = e->count + llm__is_folded(b, e);
    e->gates = (llm__matrix *)llm__bind_alloc(b, (size_t)count, sizeof(llm__matrix));
    e->ups = (llm__matrix *)llm__bind_alloc(b, (size_t)count, sizeof(llm__matrix));
    for (k = 0; k < count && b->status == LLM_OK; k++) {
        int mixed = e->gate_up == LLM__GATE_UP_MIXED;
        e->gates[k] = mixed ? llm__bind_every_other(b, &both[k], 0) : llm__matrix_slice(&both[k], 0, e->width);
        e->ups[k] = mixed ? llm__bind_every_other(b, &both[k], 1) : llm__matrix_slice(&both[k], e->width, e->width);
    }
    if (b->status != LLM_OK) return;
    llm__bind_stack_factors(b, e, e->gates, 2, 0);
    llm__bind_stack_factors(b, e, e->ups, 2, 1);
}

/* Whether all stacks have the shared expert; some must not have it alone. */
LLM__FN int llm__all_folded(llm__binder *b, const llm__experts *e) {
    static const char *const names[] = {"gate_up_proj", "gate_proj", "up_proj", "down_proj"};
    int i, stacks = 0, folded = 0;
    for (i = 0; i < 4; i++) {
        if (!llm__bind_stack_at(b, names[i])) continue;
        stacks++;
        folded += llm__is_folded(b, e);
    }
    if (folded && folded < stacks) llm__bind_bad(b, "the shared expert is in some of the experts' stacks alone");
    return folded > 0;
}

/* The router's bias and map have another place in nearly every family's original. */
LLM__FN void llm__bind_experts(llm__binder *b, llm__experts *e, const llm__layer *layer) {
    int hidden = b->m->hidden, width = e->latent ? e->latent : hidden, joined, folded;
    llm__bind_first(b, "gate gate.gate_proj gate.proj gate.gate");
    llm__bind_matrix(b, &e->gate, 0, e->count + e->identity, hidden, e->router_bias);
    llm__bind_first(b, "gate.e_score_correction_bias e_score_correction_bias experts.e_score_correction_bias");
    if (e->biased) e->bias = llm__bind_floats(b, "", e->count + e->identity, 0, 0);
    llm__bind_part(b, "gate.per_expert_scale");
    if (e->scaled) e->scales = llm__bind_floats(b, "", e->count, 0, 0);
    if (e->gate_up != LLM__UP_ONLY && llm__bind_stack_at(b, "gate_up_proj")) {
        llm__bind_joined_experts(b, e, width);
    } else {
        if (e->gate_up != LLM__UP_ONLY) e->gates = llm__bind_experts_map(b, e, e->width, width, "gate_proj", "w1");
        e->ups = llm__bind_experts_map(b, e, e->width, width, "up_proj", "w3");
    }
    folded = llm__all_folded(b, e);
    e->downs = llm__bind_experts_map(b, e, width, e->width, "down_proj", "w2");
    if (e->latent) llm__bind_latent_experts(b, e);
    if (e->shared_gate || e->blended) {
        llm__bind_part(b, e->blended ? "coefficient" : "shared_expert_gate");
        llm__bind_matrix(b, &e->shared_gate_row, 0, e->blended ? 2 : 1, hidden, e->blended);
    }
    if (!e->shared.width || b->status != LLM_OK) return;
    if (folded) {
        e->shared.gate = e->gates[e->count];
        e->shared.up = e->ups[e->count];
        e->shared.down = e->downs[e->count];
        return;
    }
    llm__bind_part(b, "shared_experts.gate_up_proj");
    if (e->folds && llm__bind_has(b)) e->shared.gate_up = LLM__GATE_UP_JOINED;
    joined = e->shared.gate_up != LLM__GATE_UP_SEPARATE && e->shared.gate_up != LLM__UP_ONLY;
    llm__bind_part(b, joined ? "shared_expert.gate_up_proj" : "shared_expert.up_proj");
    llm__bind_block(b, layer, llm__bind_has(b) ? "mlp.shared_expert" : "mlp.shared_experts");
    llm__bind_mlp(b, &e->shared);
}

LLM__FN void llm__bind_mixer(llm__binder *b, llm__layer *layer, llm__mixer_kind kind) {
    switch (kind) {
    case LLM__NO_MIXER: break;
    case LLM__MIXER_MAP:
        llm__bind_block(b, layer, "self_attn.linear");
        llm__bind_matrix(b, &layer->mixer_map, 0, b->m->hidden, b->m->hidden, layer->attention.o_bias);
        break;
    case LLM__ATTENTION:
        llm__bind_block(b, layer, "self_attn");
        llm__bind_attention(b, &layer->attention);
        break;
    case LLM__LATENT:
        llm__bind_block(b, layer, "self_attn");
        llm__bind_latent(b, &layer->latent);
        break;
    case LLM__SSM:
        llm__bind_block(b, layer, "mamba");
        llm__bind_ssm(b, &layer->ssm);
        break;
    case LLM__DELTA:
        llm__bind_block(b, layer, "linear_attn");
        llm__bind_delta(b, &layer->delta);
        break;
    case LLM__SHORT_CONV:
        llm__bind_block(b, layer, "conv");
        llm__bind_short(b, &layer->short_conv);
        break;
    case LLM__LRU:
    case LLM__FADING:
    case LLM__RWKV: break;
    case LLM__KEYED_CONV:
        llm__bind_block(b, layer, "local_mixer");
        llm__bind_attention(b, &layer->attention);
        llm__bind_part(b, "key_conv");
        llm__bind_channels(b, &layer->keyed_conv, 0, layer->keyed_conv.runs[0]);
        llm__bind_part(b, "value_conv");
        llm__bind_channels(b, &layer->keyed_conv, layer->keyed_conv.runs[0], layer->keyed_conv.runs[1]);
        break;
    }
}

/* The MLP, the experts, and the norms around each; the router's norm is stored without its factor hidden^-1/2. */
LLM__FN void llm__bind_mlp_and_experts(llm__binder *b, llm__layer *layer) {
    int hidden = b->m->hidden, i;
    float *scale;
    llm__bind_block(b, layer, "mlp");
    llm__bind_mlp(b, &layer->mlp);
    llm__bind_block(b, layer, "experts");
    llm__bind_experts(b, &layer->experts, layer);
    llm__bind_block(b, layer, "experts.gate.scale");
    scale = llm__bind_floats(b, "", hidden, 0, 0);
    for (i = 0; scale && i < hidden; i++) scale[i] /= sqrtf((float)hidden);
    layer->router_norm = llm__rms_form(b->m->norm.eps);
    layer->router_norm.weight = scale;
    llm__bind_block(b, layer, "post_feedforward_layernorm_1");
    llm__bind_norm(b, &layer->mlp_post_norm, hidden);
    llm__bind_block(b, layer, "pre_feedforward_layernorm_2");
    llm__bind_norm(b, &layer->experts_norm, hidden);
    llm__bind_block(b, layer, "post_feedforward_layernorm_2");
    llm__bind_norm(b, &layer->experts_post_norm, hidden);
}

LLM__FN void llm__bind_ffn(llm__binder *b, llm__layer *layer) {
    switch (layer->ffn) {
    case LLM__NO_FFN: break;
    case LLM__FFN_MAP:
        llm__bind_block(b, layer, "mlp.linear");
        llm__bind_matrix(b, &layer->ffn_map, 0, b->m->hidden, b->m->hidden, layer->mlp.bias);
        break;
    case LLM__MLP:
        llm__bind_block(b, layer, "mlp");
        llm__bind_mlp(b, &layer->mlp);
        break;
    case LLM__EXPERTS:
        llm__bind_block(b, layer, "mlp");
        llm__bind_experts(b, &layer->experts, layer);
        break;
    case LLM__MLP_AND_EXPERTS: llm__bind_mlp_and_experts(b, layer); break;
    }
}

/* Where a layer has a norm before its blocks, and where behind them. */
LLM__FN int llm__has_pre(const llm__layer *layer) {
    return layer->scheme != LLM__POST;
}

LLM__FN int llm__has_post(const llm__layer *layer) {
    return layer->scheme == LLM__POST || layer->scheme == LLM__SANDWICH;
}

/* A layer that is nothing but a mixer, or nothing but a feed-forward, has one norm: input_layernorm. */
LLM__FN void llm__bind_layer_norms(llm__binder *b, llm__layer *layer) {
    int hidden = b->m->hidden, mixes = layer->mixer != LLM__NO_MIXER, feeds = layer->ffn != LLM__NO_FFN;
    if (llm__has_pre(layer) && mixes) {
        llm__bind_block(b, layer, "input_layernorm");
        llm__bind_norm(b, &layer->mixer_norm, hidden);
    }
    if (llm__has_pre(layer) && feeds && layer->scheme != LLM__PARALLEL_ONE) {
        llm__bind_block(b, layer, layer->scheme == LLM__SANDWICH ? "pre_feedforward_layernorm"
                                                                 : "post_attention_layernorm");
        llm__bind_norm(b, &layer->ffn_norm, hidden);
    }
    if (llm__has_post(layer) && mixes) {
        llm__bind_block(b, layer, "post_attention_layernorm");
        llm__bind_norm(b, &layer->mixer_post_norm, hidden);
    }
    if (llm__has_post(layer) && feeds) {
        llm__bind_block(b, layer, "post_feedforward_layernorm");
        llm__bind_norm(b, &layer->ffn_post_norm, hidden);
    }
}

/* Coefficients, cut to +-clip. */
LLM__FN const float *llm__bind_coefficients(llm__binder *b, int rows, int cols, float clip) {
    float *x = llm__bind_floats(b, ".weight", rows, cols, 0);
    int i;
    for (i = 0; x && clip > 0 && i < rows * cols; i++) x[i] = x[i] > clip ? clip : x[i] < -clip ? -clip : x[i];
    return x;
}

LLM__FN void llm__bind_altup(llm__binder *b, llm__altup *a) {
    int n = a->count;
    llm__bind_part(b, "modality_router");
    llm__bind_matrix(b, &a->router, 0, n, b->m->hidden, 0);
    llm__bind_part(b, "router_norm");
    llm__bind_norm(b, &a->router_norm, b->m->hidden);
    llm__bind_part(b, "prediction_coefs");
    a->predict = llm__bind_coefficients(b, n * n, n, a->clip);
    llm__bind_part(b, "correction_coefs");
    a->correct = llm__bind_coefficients(b, n, n, a->clip);
    llm__bind_part(b, "correct_output_scale");
    a->scale = llm__bind_floats(b, "", b->m->hidden, 0, 0);
}

LLM__FN void llm__bind_laurel(llm__binder *b, llm__laurel *l) {
    llm__bind_part(b, "linear_left");
    llm__bind_matrix(b, &l->left, 0, l->rank, b->m->hidden, 0);
    llm__bind_part(b, "linear_right");
    llm__bind_matrix(b, &l->right, 0, b->m->hidden, l->rank, 0);
    llm__bind_part(b, "post_laurel_norm");
    llm__bind_norm(b, &l->norm, b->m->hidden);
}

LLM__FN void llm__bind_side(llm__binder *b, llm__layer *layer) {
    llm__bind_block(b, layer, "per_layer_input_gate");
    llm__bind_matrix(b, &layer->side.gate, 0, layer->side.width, b->m->hidden, 0);
    llm__bind_block(b, layer, "per_layer_projection");
    llm__bind_matrix(b, &layer->side.project, 0, b->m->hidden, layer->side.width, 0);
    llm__bind_block(b, layer, "post_per_layer_input_norm");
    llm__bind_norm(b, &layer->side.norm, b->m->hidden);
}

/* What gemma3n and gemma4 have outside of their layers. */
LLM__FN void llm__bind_streams(llm__binder *b) {
    llm_model *m = b->m;
    int i, all = m->side_width * m->layer_count;
    if (m->side_width) {
        llm__bind_name(b, "model.embed_tokens_per_layer");
        llm__bind_matrix(b, &m->side_table, 0, m->side_count, all, 0);
        llm__bind_name(b, "model.per_layer_model_projection");
        llm__bind_matrix(b, &m->side_map, 0, all, m->hidden, 0);
        llm__bind_name(b, "model.per_layer_projection_norm");
        llm__bind_norm(b, &m->side_norm, m->side_width);
    }
    if (m->alternates < 2) return;
    m->alternates_in = (llm__matrix *)llm__bind_alloc(b, (size_t)m->alternates - 1, sizeof(llm__matrix));
    m->alternates_out = (llm__matrix *)llm__bind_alloc(b, (size_t)m->alternates - 1, sizeof(llm__matrix));
    for (i = 0; i < m->alternates - 1 && b->status == LLM_OK; i++) {
        llm__bind_name(b, "model.altup_projections.%d", i);
        llm__bind_matrix(b, &m->alternates_in[i], 0, m->hidden, m->hidden, 0);
        llm__bind_name(b, "model.altup_unembed_projections.%d", i);
        llm__bind_matrix(b, &m->alternates_out[i], 0, m->hidden, m->hidden, 0);
    }
}

/* muse_spark's residual: two vectors, or in the original one gate g from which they come. */
LLM__FN void llm__bind_residual(llm__binder *b, const llm__layer *layer, llm__residual *r, const char *keep,
                                const char *take, const char *gate) {
    float *weights[2];
    int hidden = b->m->hidden, i;
    llm__bind_block(b, layer, keep);
    weights[0] = weights[1] = NULL;
    if (llm__bind_find(b, "")) {
        weights[0] = llm__bind_floats(b, "", hidden, 0, 0);
        llm__bind_block(b, layer, take);
        weights[1] = llm__bind_floats(b, "", hidden, 0, 0);
    } else {
        llm__bind_block(b, layer, gate);
        weights[1] = llm__bind_floats(b, "", hidden, 0, 0);
        weights[0] = (float *)llm__bind_alloc(b, (size_t)hidden, sizeof(float));
        for (i = 0; weights[0] && weights[1] && i < hidden; i++) {
            float w = weights[1][i] / 0.3f, beta = 1 / (1 + expf(-w)), kept = (1 + beta) / (1 + expf(w));
            weights[0][i] = sqrtf(kept > 1e-3f ? kept : 1e-3f);
            weights[1][i] = beta;
        }
    }
    r->keep = weights[0];
    r->take = weights[1];
}

LLM__FN void llm__bind_layer(llm__binder *b, llm__layer *layer) {
    b->transposed = b->m->transposed;
    if (layer->weighs_stream) {
        llm__bind_residual(b, layer, &layer->mixer_residual, "add_attn_alpha", "add_attn_beta",
                           "post_attention_residual_gate.gate");
        llm__bind_residual(b, layer, &layer->ffn_residual, "add_ffn_alpha", "add_ffn_beta",
                           "post_feedforward_residual_gate.gate");
    }
    llm__bind_layer_norms(b, layer);
    llm__bind_mixer(b, layer, layer->mixer);
    llm__bind_mixer(b, layer, layer->beside);
    llm__bind_ffn(b, layer);
    if (layer->shortcut == LLM__SHORTCUT_BEGINS) {
        snprintf(b->place, sizeof b->place, "%s.%d.mlp", layer->stem, layer->number);
        llm__bind_experts(b, &layer->experts, layer);
    }
    if (layer->gained) {
        llm__bind_block(b, layer, "attn_gain.a_g");
        layer->mixer_gain = llm__bind_number(b);
        llm__bind_block(b, layer, "mlp_gain.a_g");
        layer->ffn_gain = llm__bind_number(b);
        llm__bind_block(b, layer, "embed_skip.a_g");
        layer->embedding_gain = llm__bind_number(b);
    }
    if (layer->mixes != LLM__OWN) {
        llm__bind_name(b, "model.gate_projections.%d", layer->number);
        layer->attention.mix_weight = llm__bind_floats(b, ".weight", layer->attention.heads, layer->attention.width, 0);
        layer->attention.mix_bias = llm__bind_floats(b, ".bias", layer->attention.heads, 0, 0);
    }
    if (layer->has_output_scale) {
        llm__bind_block(b, layer, "layer_scalar");
        layer->output_scale = llm__bind_number(b);
    }
    llm__bind_block(b, layer, "altup");
    if (layer->altup.count) llm__bind_altup(b, &layer->altup);
    llm__bind_block(b, layer, "laurel");
    if (layer->laurel.rank) llm__bind_laurel(b, &layer->laurel);
    if (layer->side.width) llm__bind_side(b, layer);
    b->transposed = 0;
}

/* Whether a name fits one of the patterns, which are separated by spaces and may begin or end with "*". */
LLM__FN int llm__name_fits(const char *name, const char *patterns) {
    char pattern[80];
    const char *end;
    size_t n, length = strlen(name);
    for (; *patterns; patterns = *end ? end + 1 : end) {
        int open_start = *patterns == '*';
        end = strchr(patterns, ' ');
        if (!end) end = patterns + strlen(patterns);
        snprintf(pattern, sizeof pattern, "%.*s", (int)(end - patterns - open_start), patterns + open_start);
        n = strlen(pattern);
        if (n && pattern[n - 1] == '*') {
            pattern[n - 1] = 0;
            if (open_start ? strstr(name, pattern) != NULL : !strncmp(name, pattern, n - 1)) return 1;
        } else if (length >= n && !strcmp(name + length - n, pattern) && (open_start || length == n)) {
            return 1;
        }
    }
    return 0;
}

/* Whether a tensor is of one of the layers after the last, which predict further tokens: no part of the model. */
LLM__FN int llm__is_extra_layer(const llm_model *m, const char *name) {
    const llm__json *extra = llm__json_get(m->config, "num_nextn_predict_layers");
    double layer = 0;
    char layers[320] = "model.layers.";
    llm__rename(layers, sizeof layers, m->renames);
    if (strncmp(name, layers, strlen(layers))) return 0;
    if (!llm__json_is(extra, LLM__JSON_INTEGER) && !m->drops_later_layers) return 0;
    for (name += strlen(layers); *name >= '0' && *name <= '9'; name++) layer = 10 * layer + (*name - '0');
    if (*name != '.' || layer < m->layer_count) return 0;
    return m->drops_later_layers || layer < m->layer_count + extra->as.number;
}

/* What any checkpoint may hold besides. */
static const char *const llm__skip_always =
    "*rotary_emb.inv_freq *.attn.masked_bias *.attn.bias *.weight_shape *.input_scale *.input_global_scale "
    "*.activation_scale *.k_scale *.v_scale";

/* Every tensor is either in use or one that a checkpoint may hold besides. */
LLM__FN void llm__bind_leftovers(llm__binder *b) {
    const llm_model *m = b->m;
    size_t i;
    llm__bind_name(b, "lm_head");
    for (i = 0; i < m->tensors.count && b->status == LLM_OK; i++) {
        const llm__tensor *t = &m->tensors.items[i];
        if (t->used || llm__name_fits(t->name, llm__skip_always) || llm__name_fits(t->name, m->arch->skip)) continue;
        if (m->tied && llm__rename_at(t->name, b->name)) continue;
        if (llm__is_extra_layer(m, t->name)) continue;
        b->status =
            llm__fail(b->error, LLM_BAD_TENSOR, "tensor \"%s\" is no part of a \"%s\" model with this config.json",
                      t->name, m->model_type);
    }
}

/* A head of floats as one of its own whose rows have the length 1, or else its columns. */
LLM__FN void llm__norm_head(llm__binder *b, llm__matrix *w, int columns) {
    size_t size = llm__dtype_bytes(w->dtype), cols = (size_t)w->cols, bytes = cols * size, n, r, i;
    float *row = (float *)llm__bind_alloc(b, cols, sizeof(float));
    double *length;
    uint8_t *data;
    if (w->format != LLM__FLOAT) return; /* mlx-lm leaves quantized heads as they are */
    n = columns ? cols : (size_t)w->rows;
    length = (double *)llm__bind_alloc(b, n, sizeof(double));
    data = (uint8_t *)llm__bind_alloc(b, (size_t)w->rows, bytes);
    if (!row || !length || !data) return;
    for (r = 0; r < (size_t)w->rows; r++) {
        llm__matrix_row(w, (int)r, row);
        for (i = 0; i < cols; i++) length[columns ? i : r] += (double)row[i] * row[i];
    }
    for (r = 0; r < (size_t)w->rows; r++) {
        llm__matrix_row(w, (int)r, row);
        for (i = 0; i < cols; i++) row[i] /= (float)sqrt(length[columns ? i : r]) + 1e-7f;
        for (i = 0; i < cols; i++) llm__from_f32(w->dtype, &row[i], 1, data + r * bytes + i * size);
    }
    w->data = data;
    w->row_bytes = bytes;
}

LLM__FN llm_status llm__bind_model(llm_model *m, llm_error *error) {
    llm__binder b;
    size_t k;
    int i;
    memset(&b, 0, sizeof b);
    b.m = m;
    b.error = error;
    for (k = 0; k < m->tensors.count && !b.awq; k++) {
        const char *name = m->tensors.items[k].name;
        if (!llm__name_fits(name, "*.qweight")) continue;
        snprintf(b.name, sizeof b.name, "%.*s", (int)(strlen(name) - strlen(".qweight")), name);
        b.awq = llm__bind_find(&b, ".scales");
        if (b.awq && b.awq->dims == 2 && m->tensors.items[k].dims == 2 &&
            b.awq->shape[1] == m->tensors.items[k].shape[1])
            b.awq = NULL; /* GPTQ */
    }
    llm__bind_name(&b, "model.embed_tokens");
    llm__bind_matrix(&b, &m->embedding, 0, m->vocabulary, m->hidden, 0);
    if (m->position_count) {
        llm__bind_name(&b, "model.embed_positions");
        llm__bind_matrix(&b, &m->positions, 0, m->position_count, m->hidden, 0);
    }
    for (i = 0; i < m->ngram_count; i++) {
        llm__ngram_table *g = &m->ngrams[i];
        int width = m->hidden / m->ngram_count;
        llm__bind_name(&b, "model.ngram_embeddings.embedders.%d", i);
        llm__bind_matrix(&b, &g->table, 0, (int)g->rows, width, 0);
        llm__bind_name(&b, "model.ngram_embeddings.post_projs.%d", i);
        llm__bind_matrix(&b, &g->map, 0, m->hidden, width, 0);
    }
    if (m->embedding_normed) {
        llm__bind_name(&b, "model.embed_norm");
        llm__bind_norm(&b, &m->embedding_norm, m->hidden);
    }
    llm__bind_streams(&b);
    for (i = 0; i < m->layer_count && b.status == LLM_OK; i++) {
        llm__layer *layer = &m->layers[i];
        layer->parameters = -m->parameters;
        layer->weight_bytes = m->weight_bytes;
        llm__bind_layer(&b, layer);
        layer->parameters += m->parameters;
        layer->weight_bytes = m->weight_bytes - layer->weight_bytes;
    }
    llm__bind_name(&b, "model.norm");
    llm__bind_norm(&b, &m->norm, m->hidden);
    m->head = m->embedding;
    if (!m->tied) {
        llm__bind_name(&b, "lm_head");
        llm__bind_matrix(&b, &m->head, 0, m->vocabulary, m->hidden, m->head_bias);
        if ((m->head_rows_normed || m->head_columns_normed) && b.status == LLM_OK)
            llm__norm_head(&b, &m->head, m->head_columns_normed);
    }
    if (m->head_gained) {
        const float *gain;
        llm__bind_name(&b, "lm_head_gain.w_g");
        gain = llm__bind_number(&b);
        if (gain) m->logit_scale *= *gain;
    }
    llm__bind_leftovers(&b);
    return b.status;
}

/* ---- the table
   types: the model_type values it answers to.  read: its reader above.  renames: pairs "ours=theirs" turn this file's
   names, which are those of the Hugging Face llama layout, into the checkpoint's: a pair that begins with a dot applies
   anywhere in a name, others to its start, each to whole parts of the path, one after another; "|" separates lists of
   pairs, of which the first that leads to an embedding is taken.  skip: tensors that a checkpoint may hold and the
   model does not use: "*" at either end stands for anything.  note: what is special about it, for the README. */


/* The lists of renames that vision-language wrappers add: theirs, and that of transformers 5. */
#define LLM__WRAPPED "|model.=language_model.model. lm_head=language_model.lm_head|model.=model.language_model."

/* The names within the layers of the GPTs. */
#define LLM__GPT \
    ".self_attn=.attn .qkv_proj=.c_attn .attn.o_proj=.attn.c_proj .input_layernorm=.ln_1 " \
    ".post_attention_layernorm=.ln_2 .up_proj=.c_fc .down_proj=.c_proj"
#define LLM__GPTJ ".self_attn=.attn .o_proj=.out_proj .input_layernorm=.ln_1 .up_proj=.fc_in .down_proj=.fc_out"
#define LLM__NEOX \
    ".self_attn=.attention .qkv_proj=.query_key_value .o_proj=.dense .up_proj=.dense_h_to_4h .down_proj=.dense_4h_to_h"

/* LongCat's names: two dense feed-forwards beside the experts, whose gate is a router's classifier. */
#define LLM__LONGCAT \
    ".mlp.0=.mlps.0 .mlp.1=.mlps.1 .mlp.gate.e_score_correction_bias=.mlp.router.e_score_correction_bias " \
    ".mlp.gate=.mlp.router.classifier"
/* Lists that rows begin with more than once. */
#define LLM__GRANITE_HYBRID                                                                                          \
    ".mlp.gate=.block_sparse_moe.router.layer .switch_mlp.gate_up_proj=.input_linear "                                \
    ".mlp.shared_experts.gate_up_proj=.shared_mlp.input_linear "                                                      \
    ".mlp.shared_experts.down_proj=.shared_mlp.output_linear .mlp.switch_mlp.=.block_sparse_moe.switch_mlp. "         \
    ".mlp.input_linear=.block_sparse_moe.input_linear .mlp.experts.down_proj=.block_sparse_moe.output_linear"
#define LLM__LFM2                                                                                                    \
    "model.norm=model.embedding_norm .input_layernorm=.operator_norm .post_attention_layernorm=.ffn_norm "            \
    ".q_norm=.q_layernorm .k_norm=.k_layernorm .self_attn.o_proj=.self_attn.out_proj "                                \
    ".mlp.gate.e_score_correction_bias=.mlp.expert_bias .mlp.=.feed_forward."
#define LLM__LFM2_W123 " .gate_proj=.w1 .up_proj=.w3 .down_proj=.w2"

/* What vision-language checkpoints hold besides their text model. */
#define LLM__NO_VISION                                                                                                 \
    "visual.* model.visual.* *vision_tower.* *multi_modal_projector.* *audio_tower.* *embed_audio.* *embed_vision.* "  \
    "*vision_embedder.*"

/* gemma4's experts and their router stand beside the MLP, not inside. */
#define LLM__GEMMA4                                                                                                    \
    ".experts.gate.scale=.router.scale .experts.gate.per_expert_scale=.router.per_expert_scale "                       \
    ".experts.gate=.router.proj .experts.switch_mlp.=.experts.switch_glu. .experts.experts.=.experts."

/* minimax_m3_vl keeps only its experts apart. */
#define LLM__M3                                                                                                        \
    ".mlp.gate=.block_sparse_moe.gate .mlp.e_score_correction_bias=.block_sparse_moe.e_score_correction_bias "         \
    ".mlp.switch_mlp=.block_sparse_moe.switch_mlp .mlp.experts=.block_sparse_moe.experts "                             \
    ".mlp.shared_experts=.block_sparse_moe.shared_experts model.=language_model.model. "                               \
    "lm_head=language_model.lm_head"

static const llm__arch llm__archs[] = {
    {{"llama", "mistral", "iquestcoder", "xverse"}, llm__read_llama, "", "",
     "biases by flag, sliding windows by layer_types"},
    {{"mixtral"}, llm__read_mixtral, ".mlp.=.block_sparse_moe.", "", "softmax over the chosen experts"},
    {{"qwen2"}, llm__read_qwen2, "", "", "biases on q, k and v"},
    {{"qwen3"}, llm__read_qwen3, "", "", "norms on each head's query and key"},
    {{"qwen3_moe"}, llm__read_qwen3_moe, "", "", "qwen3 with experts"},
    {{"qwen3_next"}, llm__read_qwen3_next, "", "*mtp.*",
     "gated delta rule 3:1 gated attention; experts and a gated shared one"},
    {{"gemma2"}, llm__read_gemma2, "", "", "sandwich norms, capped scores and logits"},
    {{"gemma3_text", "gemma3"}, llm__read_gemma3_text, LLM__WRAPPED, "*vision_tower.* *multi_modal_projector.*",
     "sandwich and head norms, sliding layers 5:1"},
    {{"phi3"}, llm__read_phi3, "", "", "joined q, k, v and gate, up; longrope"},
    {{"deepseek_v3", "kimi_k2", "joyai_llm_flash"}, llm__read_deepseek_v3, "", "model.layers.61*",
     "latent attention; experts in groups chosen by biased sigmoid"},


    /* attention and dense feed-forwards */
    {{"afm7"}, llm__read_afm7,
     "model.embed_tokens=model.embedding model.norm=model.output_norm .o_proj=.out_proj", "",
     "last layers read the keys and values of another; 8-bit keys and values"},
    {{"apertus"}, llm__read_apertus,
     ".input_layernorm=.attention_layernorm .post_attention_layernorm=.feedforward_layernorm", "", "xIELU, head norms"},
    {{"baichuan_m1"}, llm__read_baichuan_m1, ".qkv_proj=.W_pack", "", "convolved keys and values, sliding layers"},
    {{"bitnet"}, llm__read_bitnet, ".out_norm=.attn_sub_norm .sub_norm=.ffn_sub_norm", "", "ternary weights"},
    {{"cohere"}, llm__read_cohere, "", "", "parallel blocks on one layer norm, scaled logits"},
    {{"cohere2"}, llm__read_cohere2, "", "", "cohere with sliding layers; global ones without rotation"},
    {{"ernie4_5"}, llm__read_ernie4_5, "", "", "llama whose pairs rotate"},
    {{"exaone"}, llm__read_exaone,
     "model.embed_tokens=transformer.wte model.norm=transformer.ln_f model.layers=transformer.h "
     ".self_attn=.attn.attention .o_proj=.out_proj .input_layernorm=.ln_1 .post_attention_layernorm=.ln_2 "
     ".gate_proj=.c_fc_0 .up_proj=.c_fc_1 .down_proj=.c_proj",
     "", "llama under other names"},
    {{"exaone4"}, llm__read_exaone4, "", "", "norms behind the blocks, sliding layers by pattern"},
    {{"gemma"}, llm__read_gemma1, "", "", "norms with weight + 1, GELU"},
    {{"glm"}, llm__read_glm, "", "", "joined gate and up"},
    {{"glm4"}, llm__read_glm4,
     ".post_attention_layernorm=.post_self_attn_layernorm .pre_feedforward_layernorm=.post_attention_layernorm "
     ".post_feedforward_layernorm=.post_mlp_layernorm",
     "", "glm with sandwich norms; part of a head rotates"},
    {{"gpt2"}, llm__read_gpt2,
     "model.embed_tokens=model.wte model.embed_positions=model.wpe model.norm=model.ln_f model.layers=model.h " LLM__GPT
     "|model.embed_tokens=wte model.embed_positions=wpe model.norm=ln_f model.layers=h " LLM__GPT,
     "", "learned positions, layer norms"},
    {{"gpt_bigcode"}, llm__read_gpt_bigcode,
     "model.embed_tokens=transformer.wte model.embed_positions=transformer.wpe model.norm=transformer.ln_f "
     "model.layers=transformer.h " LLM__GPT,
     "", "gpt2 with one kv head"},
    {{"gpt_neox"}, llm__read_gpt_neox,
     "model.embed_tokens=model.embed_in lm_head=model.embed_out model.norm=model.final_layer_norm model.layers=model.h "
     LLM__NEOX "|model.embed_tokens=gpt_neox.embed_in lm_head=embed_out model.norm=gpt_neox.final_layer_norm "
     "model.=gpt_neox. " LLM__NEOX,
     "*.attention.bias *.attention.masked_bias", "parallel blocks with a layer norm each"},
    {{"gptj"}, llm__read_gptj,
     "model.embed_tokens=model.wte model.norm=model.ln_f model.layers=model.h " LLM__GPTJ
     "|model.embed_tokens=transformer.wte model.norm=transformer.ln_f model.layers=transformer.h " LLM__GPTJ,
     "", "parallel blocks on one layer norm, head with a bias"},
    {{"granite"}, llm__read_granite, "", "", "llama with multipliers"},
    {{"helium"}, llm__read_helium, "", "", "llama whose pairs rotate"},
    {{"hunyuan"}, llm__read_hunyuan,
     ".q_norm=.query_layernorm .k_norm=.key_layernorm .mlp.gate=.mlp.gate.wg .shared_experts=.shared_mlp "
     ".gate_up_proj=.gate_and_up_proj",
     "", "layers share keys and values; experts"},
    {{"hunyuan_v1_dense"}, llm__read_hunyuan_v1_dense, ".q_norm=.query_layernorm .k_norm=.key_layernorm", "",
     "head norms behind the rotation"},
    {{"internlm2"}, llm__read_internlm2,
     "model.embed_tokens=model.tok_embeddings lm_head=output .self_attn=.attention .qkv_proj=.wqkv .o_proj=.wo "
     ".input_layernorm=.attention_norm .post_attention_layernorm=.ffn_norm .mlp=.feed_forward .gate_proj=.w1 "
     ".down_proj=.w2 .up_proj=.w3",
     "*.rope.inv_freq", "q, k and v of a kv head together"},
    {{"internlm3"}, llm__read_internlm3, "", "", "llama with biases by two flags"},
    {{"iquestloopcoder"}, llm__read_iquestloopcoder, "", "", "layers in two loops, the second sees both"},
    {{"lille-130m"}, llm__read_lille,
     "model.embed_tokens=transformer.tok_embeddings model.=transformer. .self_attn=.attention .mlp=.feed_forward "
     ".o_proj=.out_proj .input_layernorm=.attention.norm .post_attention_layernorm=.feed_forward.norm",
     "*rotary_emb*", "joined q, k, v; pairs rotate"},
    {{"llama4_text"}, llm__read_llama4_text, "lm_head=output .mlp=.feed_forward", "",
     "layers with and without rotation"},
    {{"mimo"}, llm__read_mimo, "", "model.mtp_layers.*", "biases on q, k and v"},
    {{"minicpm"}, llm__read_minicpm, "", "", "llama with multipliers for depth and width"},
    {{"ministral3"}, llm__read_ministral3, "", "*activation_scale*", "queries grow with their position"},
    {{"nanbeige"}, llm__read_nanbeige, "", "", "layers in loops"},
    {{"nanochat"}, llm__read_nanochat,
     "model.embed_tokens=transformer.wte model.layers=transformer.h .self_attn=.attn .q_proj=.c_q .k_proj=.c_k "
     ".v_proj=.c_v .o_proj=.c_proj .up_proj=.c_fc .down_proj=.c_proj",
     "", "norms without weights, relu squared, turned the other way"},
    {{"nemotron"}, llm__read_nemotron, "", "", "layer norms with weight + 1, relu squared"},
    {{"nemotron-nas"}, llm__read_nemotron_nas, "", "", "blocks of their own in every layer, or none"},
    {{"olmo"}, llm__read_olmo,
     "model.embed_tokens=model.transformer.wte lm_head=model.transformer.ff_out model.layers=model.transformer.blocks "
     ".self_attn.qkv_proj=.att_proj .self_attn.o_proj=.attn_out .mlp.gate_up_proj=.ff_proj .mlp.down_proj=.ff_out",
     "", "layer norms without weights"},
    {{"olmo2"}, llm__read_olmo2, "", "", "norms behind the blocks, and over all of q and k"},
    {{"olmo3"}, llm__read_olmo3, "", "", "olmo2 with sliding layers 3:1"},
    {{"openelm"}, llm__read_openelm,
     "model.embed_tokens=transformer.token_embeddings model.=transformer. .self_attn=.attn .o_proj=.out_proj .mlp=.ffn "
     ".gate_up_proj=.proj_1 .down_proj=.proj_2 .input_layernorm=.attn_norm .post_attention_layernorm=.ffn_norm",
     "", "head counts and widths by layer"},
    {{"phi"}, llm__read_phi, "model.norm=model.final_layernorm .o_proj=.dense .up_proj=.fc1 .down_proj=.fc2", "",
     "parallel blocks on one layer norm, biases everywhere"},
    {{"phi3small"}, llm__read_phi3small,
     "model.norm=model.final_layernorm .qkv_proj=.query_key_value .o_proj=.dense .gate_up_proj=.up_proj", "",
     "block-sparse attention, gegelu, multipliers"},
    {{"plamo"}, llm__read_plamo, "model.layers=model.layers.layers .input_layernorm=.norm", "",
     "parallel blocks on one norm, tiled kv heads"},
    {{"plamo3"}, llm__read_plamo3,
     "model.layers=model.layers.layers .self_attn=.mixer .input_layernorm=.pre_mixer_norm "
     ".post_attention_layernorm=.post_mixer_norm .pre_feedforward_layernorm=.pre_mlp_norm "
     ".post_feedforward_layernorm=.post_mlp_norm",
     "", "sandwich norms of small weights, sliding layers"},
    {{"qwen"}, llm__read_qwen,
     "model.embed_tokens=transformer.wte model.norm=transformer.ln_f model.layers=transformer.h .self_attn=.attn "
     ".qkv_proj=.c_attn .attn.o_proj=.attn.c_proj .input_layernorm=.ln_1 .post_attention_layernorm=.ln_2 .up_proj=.w1 "
     ".gate_proj=.w2 .down_proj=.c_proj",
     "", "joined q, k, v; multi-head"},
    {{"seed_oss"}, llm__read_seed_oss, "", "", "llama with o_proj's bias apart"},
    {{"smollm3"}, llm__read_smollm3, "", "", "llama without rotation in every 4th layer"},
    {{"stablelm"}, llm__read_stablelm, ".q_norm=.q_layernorm .k_norm=.k_layernorm", "",
     "layer norms, also on heads; parallel blocks by flag"},
    {{"starcoder2"}, llm__read_starcoder2, ".up_proj=.c_fc .down_proj=.c_proj", "", "layer norms, GELU, biases"},
    {{"talkie"}, llm__read_talkie,
     "model.embed_tokens=model.embed model.layers=model.blocks .self_attn=.attn .q_proj=.attn_query .k_proj=.attn_key "
     ".v_proj=.attn_value .o_proj=.attn_resid .gate_proj=.mlp_gate .up_proj=.mlp_linear .down_proj=.mlp_resid",
     "*rotary* *cos *sin", "norms without weights, learned gains, the embedding in every layer"},
    {{"telechat3"}, llm__read_telechat3, "", "", "llama"},

    /* experts */
    {{"qwen2_moe"}, llm__read_qwen2_moe, "", "", "qwen2 with experts and a gated shared one"},
    {{"qwen3_vl_moe", "qwen3_vl_moe_text"}, llm__read_qwen3_vl_moe, LLM__WRAPPED, "*visual.* *vision_tower.*",
     "qwen3_moe within a vision model"},
    {{"olmoe"}, llm__read_olmoe, "", "", "q and k normed over all heads together; experts"},
    {{"granitemoe"}, llm__read_granitemoe,
     ".mlp.gate=.block_sparse_moe.router.layer .switch_mlp.gate_up_proj=.input_linear "
     ".experts.down_proj=.output_linear .mlp.=.block_sparse_moe.",
     "", "granite with experts"},
    {{"glm4_moe", "solar_open"}, llm__read_glm4_moe, "", "", "partial rotation; experts in groups"},
    {{"dots1"}, llm__read_dots1, "", "", "head norms; experts in groups"},
    {{"ernie4_5_moe"}, llm__read_ernie4_5_moe, "",
     "*mtp_block.* *mtp_linear_proj.* *mtp_hidden_norm.* *mtp_emb_norm.* *e_score_correction_bias",
     "interleaved rotation; experts in some layers"},
    {{"deepseek"}, llm__read_deepseek, "", "", "experts by softmax, not renormalized"},
    {{"minimax", "minimax_m2"}, llm__read_minimax, ".mlp.=.block_sparse_moe.", "",
     "q and k normed over all heads together; experts by biased sigmoid"},
    {{"gpt_oss"}, llm__read_gpt_oss, ".mlp.gate=.mlp.router", "", "attention sinks, sliding layers 1:1; experts"},
    {{"llama4"}, llm__read_llama4, ".mlp.gate=.mlp.router .mlp.=.feed_forward. model.=language_model.model. "
     "lm_head=language_model.lm_head",
     "*vision_model.* *multi_modal_projector.*", "chunked attention 3:1; an expert weighed on its input"},
    {{"Klear"}, llm__read_klear, ".e_score_correction_bias=.expert_bias", "",
     "head norms; experts and a shared one, blended by a softmax"},
    {{"afmoe"}, llm__read_afmoe,
     ".mlp.gate=.mlp.router.gate .e_score_correction_bias=.expert_bias .pre_feedforward_layernorm=.pre_mlp_layernorm "
     ".post_feedforward_layernorm=.post_mlp_layernorm",
     "", "sandwich norms, gated attention, full layers without rotation; experts"},
    {{"bailing_moe"}, llm__read_bailing_moe,
     ".self_attn.qkv_proj=.attention.query_key_value .self_attn.o_proj=.attention.dense "
     ".self_attn.q_norm=.attention.query_layernorm .self_attn.k_norm=.attention.key_layernorm "
     "model.embed_tokens=model.word_embeddings .e_score_correction_bias=.expert_bias",
     "", "joined q, k, v; experts in groups; a head of unit columns"},
    {{"dbrx"}, llm__read_dbrx,
     "model.embed_tokens=transformer.wte model.norm=transformer.norm_f model.layers.=transformer.blocks. "
     ".input_layernorm=.norm_attn_norm.norm_1 .post_attention_layernorm=.norm_attn_norm.norm_2 "
     ".self_attn.qkv_proj=.norm_attn_norm.attn.Wqkv .self_attn.o_proj=.norm_attn_norm.attn.out_proj "
     ".mlp.gate=.mlp.router.layer .mlp.=.ffn. .w3=.v1 .experts.gate_proj=.experts.mlp.w1 "
     ".experts.up_proj=.experts.mlp.v1 .experts.down_proj=.experts.mlp.w2",
     "", "clipped q, k, v; layer norms; experts"},
    {{"exaone_moe"}, llm__read_exaone_moe, "", "mtp.*", "head norms, full layers without rotation; experts in groups"},
    {{"laguna"}, llm__read_laguna,
     ".self_attn.gate_proj=.self_attn.g_proj|.self_attn.gate_proj=.self_attn.g_proj model.=language_model.model. "
     "lm_head=language_model.lm_head",
     "", "heads by layer, gated by softplus; experts"},
    {{"mellum"}, llm__read_mellum, "", "", "head norms, a rotary embedding for each sort of layer; experts"},
    {{"mimo_v2_flash"}, llm__read_mimo_v2_flash, ".sinks=.attention_sink_bias", "model.mtp*",
     "other heads and widths in sliding layers, sinks; experts in groups"},
    {{"phimoe"}, llm__read_phimoe, ".mlp.=.block_sparse_moe.", "", "layer norms, longrope; experts by SparseMixer"},
    {{"phixtral", "phi-msft"}, llm__read_phixtral,
     "lm_head=lm_head.linear model.norm=lm_head.ln model.embed_tokens=transformer.embd.wte "
     "model.layers.=transformer.h. .input_layernorm=.ln .self_attn.qkv_proj=.mixer.Wqkv "
     ".self_attn.o_proj=.mixer.out_proj .mlp.=.moe. .experts.=.mlp. .up_proj=.fc1 .down_proj=.fc2",
     "", "attention beside experts without gates"},
    {{"spark2_5"}, llm__read_spark2_5,
     ".self_attn.qkv_proj=.self_attn.q_k_v_proj .self_attn.o_proj=.self_attn.out_proj "
     ".self_attn.gate_proj=.self_attn.g_proj model.embed_tokens=model.embedding"
     "|.self_attn.qkv_proj=.self_attn.q_k_v_proj .self_attn.o_proj=.self_attn.out_proj "
     ".self_attn.gate_proj=.self_attn.g_proj",
     "", "gated heads, sliding layers 3:1"},
    {{"step3p5"}, llm__read_step3p5,
     ".self_attn.gate_proj=.self_attn.g_proj .gate.e_score_correction_bias=.gate.router_bias "
     ".mlp.shared_expert=.mlp.share_expert"
     "|.self_attn.gate_proj=.self_attn.g_proj .mlp.gate=.moe.gate .mlp.e_score_correction_bias=.moe.router_bias "
     ".mlp.switch_mlp=.moe .mlp.shared_expert=.share_expert",
     "*.mtp*", "gated heads, rotary bases and limits by layer; experts"},
    {{"muse_glimmer"}, llm__read_muse_glimmer, LLM__WRAPPED, "vision_tower* vision_adapter* vision_projection*",
     "normed embeddings, sandwich norms, gated attention"},
    {{"minimax_m3_vl"}, llm__read_minimax_m3, LLM__M3 "|.mlp.=.block_sparse_moe. " LLM__M3,
     "vision_tower.* multi_modal_projector.* patch_merge_mlp.*",
     "attention to chosen blocks of tokens; experts"},
    {{"muse_spark"}, llm__read_muse_spark,
     ".self_attn.qkv_proj=.self_attn.qkvg_proj .latent_down=.pre_expert_proj .latent_up=.post_expert_proj "
     ".low_norm=.pre_expert_norm .each_norm=.experts.post_expert_norm model.=model.language_model.",
     "model.audio_tower.* model.vision_tower.* model.vision_adapter.* model.vision_projection.* *_input_scale",
     "gated attention, shares of stream and branch; experts of their own width between norms"},
    {{"gear"}, llm__read_gear, "", "*embed_scale", "sliding and full attention, and convolved keys and values"},

    /* recurrent, and hybrids */
    {{"mamba", "falcon_mamba"}, llm__read_mamba,
     "model.embed_tokens=backbone.embeddings model.norm=backbone.norm_f model.=backbone. .input_layernorm=.norm "
     ".mamba=.mixer",
     "", "selective scans, no feed-forward"},
    {{"mamba2"}, llm__read_mamba2,
     "model.embed_tokens=backbone.embeddings model.norm=backbone.norm_f model.=backbone. .input_layernorm=.norm "
     ".mamba=.mixer",
     "", "state-space duality, no feed-forward"},
    {{"jamba"}, llm__read_jamba,
     "model.norm=model.final_layernorm .post_attention_layernorm=.pre_ff_layernorm .mlp.gate=.feed_forward.router "
     ".mlp.=.feed_forward.",
     "", "selective scans and attention without rotation; experts in some layers"},
    {{"falcon_h1"}, llm__read_falcon_h1,
     "model.norm=model.final_layernorm .post_attention_layernorm=.pre_ff_layernorm .mlp.=.feed_forward.", "",
     "Mamba-2 and attention side by side"},
    {{"granitemoehybrid"}, llm__read_granitemoehybrid, LLM__GRANITE_HYBRID "|" LLM__GRANITE_HYBRID
     " .mlp.gate_up_proj=.shared_mlp.input_linear .mlp.down_proj=.shared_mlp.output_linear",
     "", "granite with Mamba-2 in most layers"},
    {{"nemotron_h"}, llm__read_nemotron_h,
     "model.embed_tokens=backbone.embeddings model.norm=backbone.norm_f model.=backbone. .input_layernorm=.norm "
     ".post_attention_layernorm=.norm .mamba.=.mixer. .self_attn.=.mixer. .mlp.=.mixer. "
     ".switch_mlp.up_proj=.switch_mlp.fc1 .switch_mlp.down_proj=.switch_mlp.fc2 .latent_down=.fc1_latent_proj "
     ".latent_up=.fc2_latent_proj",
     "mtp.*", "one block a layer: Mamba-2, attention without rotation, feed-forward or experts"},
    {{"lfm2", "lfm2-vl", "lfm2_vl"}, llm__read_lfm2,
     LLM__LFM2 LLM__LFM2_W123 "|" LLM__LFM2 LLM__LFM2_W123 " model.=language_model.model.|" LLM__LFM2 LLM__LFM2_W123
     " model.=model.language_model.",
     "vision_tower.* multi_modal_projector.* model.vision_tower.* model.multi_modal_projector.*",
     "short convolutions and attention with head norms"},
    {{"lfm2_moe"}, llm__read_lfm2_moe, LLM__LFM2 "|" LLM__LFM2 LLM__LFM2_W123, "", "lfm2 with experts"},
    {{"qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text"}, llm__read_qwen3_5, LLM__WRAPPED,
     "*visual.* vision_tower.* *mtp.*", "gated delta rule 3:1 gated attention, maps apart; perhaps experts"},

    /* latent attention, and rules of their own */
    {{"qwen2_vl", "qwen2_5_vl"}, llm__read_qwen2, LLM__WRAPPED, LLM__NO_VISION, "qwen2 inside a vision model"},
    {{"qwen3_vl"}, llm__read_qwen3, LLM__WRAPPED, LLM__NO_VISION, "qwen3 inside a vision model"},
    {{"gemma3n"}, llm__read_gemma3n, LLM__WRAPPED, LLM__NO_VISION,
     "alternating streams, low-rank residuals, per-layer embeddings, layers that share keys"},
    {{"gemma4", "gemma4_text", "gemma4_unified"}, llm__read_gemma4, LLM__GEMMA4 "|" LLM__GEMMA4
     " model.=language_model.model. lm_head=language_model.lm_head|" LLM__GEMMA4 " model.=model.language_model.",
     LLM__NO_VISION " *input_max *input_min *output_max *output_min",
     "full layers with wider heads, per-layer embeddings or experts beside the MLP, layers that share keys"},
    {{"kimi_k25", "kimi_vl"}, llm__read_deepseek_v3, LLM__WRAPPED,
     "*vision_tower* vision_model* *multi_modal_projector* mm_projector* language_model.model.layers.61*",
     "deepseek_v3 in a vision-language wrapper"},
    {{"deepseek_v2"}, llm__read_deepseek_v2, "", "", "latent attention whose caches keep keys and values of each head"},
    {{"minicpm3"}, llm__read_minicpm3, "", "", "deepseek_v2's attention, minicpm's multipliers"},
    {{"youtu_llm"}, llm__read_youtu, "", "", "deepseek_v2's attention, dense"},
    {{"glm4_moe_lite"}, llm__read_glm4_moe_lite, "", "", "deepseek_v3 with other eps"},
    {{"deepseek_v32"}, llm__read_deepseek_v32, "", "", "deepseek_v3 with an indexer that chooses what is seen"},
    {{"glm_moe_dsa"}, llm__read_glm_moe_dsa, "", "", "deepseek_v32 whose indexer rotates pairs"},
    {{"longcat_flash"}, llm__read_longcat, LLM__LONGCAT, "model.mtp*",
     "two rounds a layer, experts on a shortcut past the second; some experts return their input"},
    {{"longcat_flash_ngram"}, llm__read_longcat_ngram,
     LLM__LONGCAT "|model.embed_tokens=model.ngram_embeddings.word_embeddings " LLM__LONGCAT, "model.mtp*",
     "longcat_flash with hashed embeddings of the last tokens together"},
    {{"mistral4"}, llm__read_mistral4, "", "*activation_scale*",
     "deepseek_v3's attention, queries that grow with the position"},
    {{"mistral3", "llava"}, llm__read_mistral3, LLM__WRAPPED,
     "*vision_tower* *multi_modal_projector* *activation_scale*",
     "llama, ministral3 or mistral4 in a vision-language wrapper"},
    {{"pixtral"}, llm__read_pixtral, LLM__WRAPPED, "*vision_tower* *multi_modal_projector*",
     "llama in a vision-language wrapper"},

};

enum { LLM__ARCH_COUNT = sizeof llm__archs / sizeof llm__archs[0] };

/* ========================================================================================================= >>blocks
   The mathematics of layers, one function for each kind, all in the same form: rows of the pass in, rows out.  Linear
   maps run over all rows of all sequences at once; whatever looks back in time runs for each sequence over that
   sequence's own cache.  Work is split by output rows, heads or tokens, never along a sum, so that the results do not
   depend on who does it. */

/* One sequence's share of a pass: rows [first, first + count), positions from `position` on. */
typedef struct llm__part {
    llm_cache *cache;
    const llm_sequence *sequence;
    int first, count;
    int64_t position, call_end; /* call_end: tokens of the sequence once the whole call is done */
    int last;                   /* whether the call ends with this pass */
} llm__part;

/* One product of a batch of them: y = W x for n rows.  x8, if any, is x in int8. */
typedef struct llm__task {
    const llm__matrix *w;
    const float *x;
    const llm__rows8 *x8;
    float *y;
    size_t x_stride, y_stride;
    int n, step, first_job; /* step: output rows in one job */
} llm__task;

enum { LLM__QUERY_BLOCK = 16, LLM__HEAD_BLOCK = 16, LLM__EXPERT_ROWS = 64, LLM__VARIANTS = 2 };

/* A token that an indexer chose, or a block of them by its number, and what it is worth. */
typedef struct llm__pick {
    int64_t position;
    float worth;
} llm__pick;

enum { LLM__ALL_TOKENS = -1 };

struct llm_session {
    llm__arena arena;
    const llm_model *model;
    llm_jobs jobs;
    void *pool;
    llm_clock clock;
    int exact, max_rows, workers;
    /* the call under way */
    const llm_sequence *sequences;
    size_t sequence_count, at_sequence, at_token;
    llm__part *parts; /* [max_rows] */
    int part_count, row_count, layer; /* layer: the next one to run; -1: no pass is under way */
    int active;
    llm__atomic *cancel; /* polled between layers; may be NULL */
    /* memory for a pass */
    int32_t *tokens;                 /* [max_rows] */
    float *x, *h, *y;                /* [max_rows, hidden]: the stream, its norm, a branch */
    float *carry;                    /* [max_rows, model's carry]: what layers hand on to later ones */
    float **angles;                  /* [rope_count][max_rows, dims/2, 2]: cosine and sine */
    float *slab;                     /* scratch that a block takes from */
    size_t slab_floats, slab_used;
    uint8_t *codes;                  /* int8 activations: LLM__VARIANTS areas */
    size_t code_area;
    llm__task *tasks;
    llm__rows8 *expert_rows; /* beside tasks */
    size_t task_capacity;
    int *order, *starts;             /* experts: rows by expert */
    uint8_t *scratch;                /* [workers, scratch_bytes] */
    size_t scratch_bytes;
    llm__pick *picks;                /* [max_rows, pick_sets, most_picks]: what sparse attention sees, in order... */
    int *pick_counts;                /* [max_rows, pick_sets] */
    size_t pick_sets, most_picks;
};

LLM__FN void llm__parallel(llm_session *s, int count, llm_job_fn fn, void *argument) {
    if (count == 1) fn(argument, 0, 0);
    else s->jobs.run(s->jobs.user, count, fn, argument);
}

LLM__FN float *llm__take(llm_session *s, size_t floats) {
    float *p = s->slab + s->slab_used;
    s->slab_used += (floats + 15) & ~(size_t)15;
    return p;
}

LLM__FN void *llm__scratch(const llm_session *s, int worker) {
    return s->scratch + (size_t)worker * s->scratch_bytes;
}

/* ---- linear maps */

typedef struct llm__product_work {
    llm_session *s;
    const llm__task *tasks;
    int count;
} llm__product_work;

static void llm__product_job(void *argument, int job, int worker) {
    llm__product_work *work = (llm__product_work *)argument;
    const llm__ops *ops = work->s->model->ops;
    const llm__task *t;
    int low = 0, high = work->count - 1, begin, end;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (work->tasks[middle].first_job <= job) low = middle;
        else high = middle - 1;
    }
    t = &work->tasks[low];
    begin = (job - t->first_job) * t->step;
    end = begin + t->step < t->w->rows ? begin + t->step : t->w->rows;
    if (t->x8) ops->product8(t->w, t->x8, t->y, t->y_stride, begin, end, llm__scratch(work->s, worker));
    else ops->product(t->w, t->x, t->x_stride, t->n, t->y, t->y_stride, begin, end, llm__scratch(work->s, worker));
}

/* All tasks at once; jobs of at least 16 output rows, at most about 64 a task. */
LLM__FN void llm__products(llm_session *s, llm__task *tasks, int count) {
    llm__product_work work;
    int i, jobs = 0;
    work.s = s;
    work.tasks = tasks;
    work.count = count;
    for (i = 0; i < count; i++) {
        int step = (tasks[i].w->rows + 63) / 64;
        step = step < 16 ? 16 : (step + 7) / 8 * 8;
        tasks[i].step = s->workers > 1 ? step : tasks[i].w->rows;
        tasks[i].first_job = jobs;
        jobs += (tasks[i].w->rows + tasks[i].step - 1) / tasks[i].step;
    }
    if (jobs) llm__parallel(s, jobs, llm__product_job, &work);
}

/* Rows of x in int8: made once for each group size that a batch of tasks needs. */
typedef struct llm__variants {
    llm__rows8 rows[LLM__VARIANTS];
    int count;
} llm__variants;

typedef struct llm__quantize_work {
    const llm__ops *ops;
    const float *x;
    size_t stride;
    const llm__rows8 *rows;
    int8_t *codes;
    float *scales, *sums;
} llm__quantize_work;

static void llm__quantize_job(void *argument, int job, int worker) {
    llm__quantize_work *q = (llm__quantize_work *)argument;
    size_t scale_at = (size_t)job * q->rows->scale_stride;
    (void)worker;
    q->ops->quantize_row(q->x + (size_t)job * q->stride, q->rows->cols, q->rows->group,
                         q->codes + (size_t)job * q->rows->code_stride, q->scales + scale_at, q->sums + scale_at);
}

/* x for w in int8, or NULL where w is multiplied with float32. */
LLM__FN const llm__rows8 *llm__int8(llm_session *s, llm__variants *v, const llm__matrix *w, const float *x,
                                    size_t stride, int n) {
    llm__quantize_work work;
    llm__rows8 *rows;
    uint8_t *memory = s->codes + (size_t)v->count * s->code_area;
    int i;
    if (s->exact || !llm__int8_able(w)) return NULL;
    for (i = 0; i < v->count; i++)
        if (v->rows[i].group == llm__rows8_group(w)) return &v->rows[i];
    rows = &v->rows[v->count++];
    *rows = llm__rows8_place(memory, n, w->cols, llm__rows8_group(w));
    work.ops = s->model->ops;
    work.x = x;
    work.stride = stride;
    work.rows = rows;
    work.codes = (int8_t *)memory;
    work.scales = (float *)(void *)(memory + ((const uint8_t *)rows->scales - memory));
    work.sums = (float *)(void *)(memory + ((const uint8_t *)rows->sums - memory));
    llm__parallel(s, n, llm__quantize_job, &work);
    return rows;
}

LLM__FN llm__task llm__task_of(const llm__matrix *w, const float *x, size_t x_stride, float *y, size_t y_stride,
                               int n) {
    llm__task t;
    memset(&t, 0, sizeof t);
    t.w = w;
    t.x = x;
    t.y = y;
    t.x_stride = x_stride;
    t.y_stride = y_stride;
    t.n = n;
    return t;
}

/* y = W x (+ bias) for n rows, for up to three maps of the same x. */
LLM__FN void llm__linear3(llm_session *s, const float *x, size_t x_stride, int n, const llm__matrix *w0, float *y0,
                          const llm__matrix *w1, float *y1, const llm__matrix *w2, float *y2) {
    const llm__matrix *w[3];
    llm__task tasks[3];
    float *y[3];
    llm__variants v;
    int i, count = 0;
    w[0] = w0; w[1] = w1; w[2] = w2;
    y[0] = y0; y[1] = y1; y[2] = y2;
    v.count = 0;
    for (i = 0; i < 3; i++) {
        if (!w[i]) continue;
        tasks[count] = llm__task_of(w[i], x, x_stride, y[i], (size_t)w[i]->rows, n);
        tasks[count++].x8 = llm__int8(s, &v, w[i], x, x_stride, n);
    }
    llm__products(s, tasks, count);
}

LLM__FN void llm__linear(llm_session *s, const llm__matrix *w, const float *x, int n, float *y) {
    llm__linear3(s, x, (size_t)w->cols, n, w, y, NULL, NULL, NULL, NULL);
}

/* ---- norms */

LLM__FN void llm__norm_row(const llm__ops *ops, const llm__norm *norm, const float *x, float *y, int width) {
    if (norm->kind == LLM__LAYER_NORM) ops->layer_norm(y, x, norm->weight, norm->bias, norm->eps, width);
    else if (norm->kind == LLM__RMS) ops->rms_norm(y, x, norm->weight, norm->eps, width);
    else if (y != x) memcpy(y, x, (size_t)width * sizeof(float));
    if (norm->kind != LLM__RMS_OF_WEIGHTED) return;
    ops->mul(y, norm->weight, width);
    ops->rms_norm(y, y, NULL, norm->eps, width);
}

LLM__FN void llm__norm_rows(const llm_session *s, const llm__norm *norm, const float *x, float *y, int n, int width) {
    int i;
    for (i = 0; i < n; i++)
        llm__norm_row(s->model->ops, norm, x + (size_t)i * (size_t)width, y + (size_t)i * (size_t)width, width);
}

/* ---- rotary embedding: (a, b) -> (a cos - b sin, a sin + b cos) for each pair */

LLM__FN void llm__rotate(const llm__rope *r, const float *angles, float *x) {
    int half = r->dims / 2, i, first = r->interleaved ? 2 : 1, second = r->interleaved ? 1 : half;
    for (i = 0; i < half; i++) {
        float cosine = angles[2 * i], sine = angles[2 * i + 1];
        float a = x[i * first] * r->scale, b = x[i * first + second] * r->scale;
        x[i * first] = a * cosine - b * sine;
        x[i * first + second] = a * sine + b * cosine;
    }
}

/* Cosines and sines of one row, for a call after which the sequence has call_end tokens. */
LLM__FN void llm__angles(const llm__rope *r, int64_t position, int64_t call_end, float *out) {
    const double *frequency = r->short_frequency && call_end <= r->limit ? r->short_frequency : r->frequency;
    double base = 0, angle;
    int i;
    if (r->dynamic_base > 0) {
        double length = (double)(call_end > r->limit ? call_end : r->limit);
        base = r->dynamic_base * pow(r->dynamic_factor * length / (double)r->limit - (r->dynamic_factor - 1),
                                     (double)r->dims / (r->dims - 2));
    }
    for (i = 0; i < r->dims / 2; i++) {
        angle = (double)position * (base > 0 ? pow(base, -2.0 * i / r->dims) : frequency[i]);
        out[2 * i] = (float)cos(angle);
        out[2 * i + 1] = (float)sin(angle);
    }
}

LLM__FN const float *llm__row_angles(const llm_session *s, int rope, int row) {
    return s->angles[rope] + (size_t)row * (size_t)s->model->ropes[rope].dims;
}

/* ---- attention over a cache
   For each query head:  out = sum_j softmax_j(scale * q . k_j) v_j  over the tokens j that it may see, page by page
   with
   a running maximum (online softmax, arXiv:1805.02867).  Pages begin at fixed positions, so the order of the sums
   depends on the query's position alone. */
typedef struct llm__attend_work {
    llm_session *s;
    size_t layer;
    int heads, kv_heads, key_width, value_width, blocks, head_blocks,
        head_block;     /* blocks: query blocks of the longest part */
    int tiled;          /* heads that share a kv head are kv_heads apart, not neighbours */
    int pick_sets;      /* rows see what the session's picks say, so many neighbouring shares of the heads each its own */
    int pick_tokens;    /* how many tokens a pick is */
    float scale, softcap;
    const float *sinks; /* [heads] or NULL */
    llm__sparse sparse;
    const float *q; /* [rows, heads, key_width] */
    float *out;     /* [rows, heads, value_width] */
} llm__attend_work;

/* The first `count` rows of a page as float32.  They lie in a row, and so do their scales: one long row for the
   kernel. */
LLM__FN const float *llm__page_floats(const llm__ops *ops, const llm_rows *rows, int count, float *out,
                                      void *scratch) {
    llm__matrix w;
    memset(&w, 0, sizeof w);
    w.format = rows->bits ? LLM__AFFINE : LLM__FLOAT;
    w.dtype = rows->bits ? LLM_F32 : rows->dtype;
    w.rows = 1;
    w.cols = count * rows->width;
    w.bits = rows->bits;
    w.group = rows->group;
    w.data = rows->data;
    w.scales = (const uint8_t *)rows->scales;
    w.biases = (const uint8_t *)rows->biases;
    ops->decode_rows(&w, 0, 1, out, scratch);
    return out;
}

/* Hides keys of other blocks from one head: scores of `count` keys, from position `first` on. */
LLM__FN void llm__attend_sparse(const llm__sparse *sparse, float *scores, int64_t position, int64_t first, int count,
                                int head) {
    int j;
    for (j = 0; j < count; j++) {
        int64_t block = (first + j) / sparse->block;
        if (position / sparse->block - block >= sparse->local && (block + head + 1) % sparse->stride)
            scores[j] = -HUGE_VALF;
    }
}

/* A run of keys and values that a row sees, and who is looking. */
typedef struct llm__attend_run {
    const float *k, *v;
    size_t k_stride, v_stride;
    int count, head, heads; /* head: the first of those that look */
    int64_t position, first; /* of the query, and of the first key */
} llm__attend_run;

/* Adds a run to the softmax of the heads of one row. */
LLM__FN void llm__attend_some(const llm__attend_work *w, const llm__attend_run *run, const float *q, float *out,
                              float *state, float *p) {
    int count = run->count;
    const llm__ops *ops = w->s->model->ops;
    size_t step = w->tiled ? (size_t)w->kv_heads : 1;
    int g, j;
    ops->scores(q, run->heads, step * (size_t)w->key_width, run->k, count, run->k_stride, w->key_width, w->scale, p,
                LLM_PAGE_TOKENS);
    for (g = 0; g < run->heads; g++) {
        float *row = p + (size_t)g * LLM_PAGE_TOKENS, *o = out + (size_t)g * step * (size_t)w->value_width;
        float *maximum = &state[2 * g], *sum = &state[2 * g + 1], best = *maximum;
        if (w->softcap > 0)
            for (j = 0; j < count; j++) row[j] = w->softcap * tanhf(row[j] / w->softcap);
        if (w->sparse.block)
            llm__attend_sparse(&w->sparse, row, run->position, run->first, count, run->head + g * (int)step);
        for (j = 0; j < count; j++)
            if (row[j] > best) best = row[j];
        if (best == -HUGE_VALF) { /* all are masked */
            memset(row, 0, (size_t)count * sizeof *row);
            continue;
        }
        if (best > *maximum) {
            float shrink = *sum > 0 ? expf(*maximum - best) : 0;
            *maximum = best;
            *sum *= shrink;
            ops->scale(o, shrink, w->value_width);
        }
        *sum += ops->exp_sum(row, count, *maximum);
    }
    ops->weigh(out, step * (size_t)w->value_width, p, LLM_PAGE_TOKENS, run->heads, run->v, run->count, run->v_stride,
               w->value_width);
}

/* The next tokens in a row that heads from `head` on of a row see among [*a, end) of the page that begins at `base`;
   0: there are none. */
LLM__FN int llm__next_run(const llm__attend_work *w, int row, int head, int64_t base, int64_t *a, int64_t end,
                          int64_t *b) {
    const llm_session *s = w->s;
    size_t place = (size_t)row * s->pick_sets;
    int low = 0, high, count = LLM__ALL_TOKENS;
    int64_t tokens = w->pick_tokens;
    const llm__pick *picks;
    *b = end;
    if (w->pick_sets) {
        place += (size_t)(head / (w->heads / w->pick_sets));
        count = s->pick_counts[place];
    }
    if (count == LLM__ALL_TOKENS) return *a < end;
    picks = s->picks + place * s->most_picks;
    high = count;
    while (low < high) { /* the first pick that does not end before *a */
        int middle = (low + high) / 2;
        if ((picks[middle].position + 1) * tokens <= base + *a) low = middle + 1;
        else high = middle;
    }
    if (low == count || picks[low].position * tokens >= base + end) return 0;
    if (picks[low].position * tokens > base + *a) *a = picks[low].position * tokens - base;
    *b = (picks[low].position + 1) * tokens - base;
    while (++low < count && *b < end && picks[low].position * tokens == base + *b) *b += tokens;
    if (*b > end) *b = end;
    return *a < end;
}

/* One part's rows [from, to) x `heads` heads from `head` on that share a kv head. */
LLM__FN void llm__attend_block(const llm__attend_work *w, const llm__part *part, int from, int to, int kv, int head,
                               int heads, float *scratch) {
    const llm__ops *ops = w->s->model->ops;
    float *keys = scratch, *values = keys + (size_t)LLM_PAGE_TOKENS * (size_t)w->key_width;
    float *p = values + (size_t)LLM_PAGE_TOKENS * (size_t)w->value_width, *state = p + (size_t)heads * LLM_PAGE_TOKENS;
    void *decoding = state + (size_t)2 * LLM__QUERY_BLOCK * (size_t)heads;
    llm_span spans[LLM__QUERY_BLOCK][2];
    int counts[LLM__QUERY_BLOCK], r, i, g, step = w->tiled ? w->kv_heads : 1;
    int64_t page, first = INT64_MAX, end = 0;
    for (r = from; r < to; r++) {
        size_t row = (size_t)(part->first + r);
        counts[r - from] = llm__cache_visible(part->cache, w->layer, part->position + r, spans[r - from]);
        for (i = 0; i < counts[r - from]; i++) {
            if (spans[r - from][i].begin < first) first = spans[r - from][i].begin;
            if (spans[r - from][i].end > end) end = spans[r - from][i].end;
        }
        for (g = 0; g < heads; g++) {
            memset(w->out + (row * (size_t)w->heads + (size_t)(head + g * step)) * (size_t)w->value_width, 0,
                   (size_t)w->value_width * sizeof(float));
            state[2 * ((r - from) * heads + g)] = w->sinks ? w->sinks[head + g * step] : -HUGE_VALF;
            state[2 * ((r - from) * heads + g) + 1] = w->sinks ? 1.0f : 0.0f;
        }
    }
    for (page = first / LLM_PAGE_TOKENS; page * LLM_PAGE_TOKENS < end; page++) {
        int64_t base = page * LLM_PAGE_TOKENS;
        const float *k = NULL, *v = NULL;
        size_t v_stride = (size_t)w->value_width;
        llm__attend_run run;
        for (r = from; r < to; r++)
            for (i = 0; i < counts[r - from]; i++) {
                int64_t a = spans[r - from][i].begin - base, b = spans[r - from][i].end - base, until;
                size_t row = (size_t)(part->first + r) * (size_t)w->heads + (size_t)head;
                if (a < 0) a = 0;
                if (b > LLM_PAGE_TOKENS) b = LLM_PAGE_TOKENS;
                if (!llm__next_run(w, part->first + r, head, base, &a, b, &until)) continue;
                if (!k) {
                    int64_t fill = end - base < LLM_PAGE_TOKENS ? end - base : LLM_PAGE_TOKENS;
                    llm_rows rows = llm__cache_keys(part->cache, w->layer, kv, page);
                    k = llm__page_floats(ops, &rows, (int)fill, keys, decoding);
                    if (rows.width == w->key_width && llm__cache_is_latent(part->cache, w->layer)) {
                        v = k;
                        v_stride = (size_t)w->key_width;
                    } else {
                        rows = llm__cache_values(part->cache, w->layer, kv, page);
                        v = llm__page_floats(ops, &rows, (int)fill, values, decoding);
                    }
                }
                for (; llm__next_run(w, part->first + r, head, base, &a, b, &until); a = until) {
                    run.k = k + (size_t)a * (size_t)w->key_width;
                    run.k_stride = (size_t)w->key_width;
                    run.v = v + (size_t)a * v_stride;
                    run.v_stride = v_stride;
                    run.count = (int)(until - a);
                    run.head = head;
                    run.heads = heads;
                    run.position = part->position + r;
                    run.first = base + a;
                    llm__attend_some(w, &run, w->q + row * (size_t)w->key_width,
                                     w->out + row * (size_t)w->value_width,
                                     state + 2 * (size_t)((r - from) * heads), p);
                }
            }
    }
    for (r = from; r < to; r++)
        for (g = 0; g < heads; g++) {
            size_t row = (size_t)(part->first + r), at = row * (size_t)w->heads + (size_t)(head + g * step);
            at *= (size_t)w->value_width;
            ops->scale(w->out + at, 1 / state[2 * ((r - from) * heads + g) + 1], w->value_width);
        }
}

static void llm__attend_job(void *argument, int job, int worker) {
    const llm__attend_work *w = (const llm__attend_work *)argument;
    int group = w->heads / w->kv_heads, head_block = job % w->head_blocks, kv = job / w->head_blocks % w->kv_heads;
    int block = job / (w->head_blocks * w->kv_heads) % w->blocks;
    const llm__part *part = &w->s->parts[job / (w->head_blocks * w->kv_heads * w->blocks)];
    int from = block * LLM__QUERY_BLOCK, to = from + LLM__QUERY_BLOCK, first = head_block * w->head_block;
    int heads = group - first < w->head_block ? group - first : w->head_block;
    if (to > part->count) to = part->count;
    if (from < to)
        llm__attend_block(w, part, from, to, kv, w->tiled ? kv + first * w->kv_heads : kv * group + first, heads,
                          (float *)llm__scratch(w->s, worker));
}

LLM__FN void llm__attend(llm_session *s, llm__attend_work *w) {
    int i, longest = 0, group = w->heads / w->kv_heads;
    for (i = 0; i < s->part_count; i++)
        if (s->parts[i].count > longest) longest = s->parts[i].count;
    w->s = s;
    w->blocks = (longest + LLM__QUERY_BLOCK - 1) / LLM__QUERY_BLOCK;
    w->head_block = group < LLM__HEAD_BLOCK ? group : (int)LLM__HEAD_BLOCK;
    while (w->pick_sets && (group % w->head_block || w->heads / w->pick_sets % w->head_block)) w->head_block--;
    w->head_blocks = (group + w->head_block - 1) / w->head_block;
    llm__parallel(s, s->part_count * w->blocks * w->kv_heads * w->head_blocks, llm__attend_job, w);
}

/* What one job needs: pages of keys and values, scores, the running softmax, and what decoding takes. */
LLM__FN size_t llm__attend_scratch(int key_width, int value_width, int group) {
    int heads = group < LLM__HEAD_BLOCK ? group : (int)LLM__HEAD_BLOCK;
    return sizeof(float) * ((size_t)LLM_PAGE_TOKENS * (size_t)(key_width + value_width + heads) +
                            (size_t)2 * LLM__QUERY_BLOCK * (size_t)heads) +
           llm__decode_scratch(LLM_PAGE_TOKENS * (key_width > value_width ? key_width : value_width), 32);
}

/* ---- grouped-query attention (arXiv:2305.13245)
   q = Wq h, k = Wk h, v = Wv h; norms and rotation on each head of q and k; attention; times the gate where the model
   has one; Wo. */
typedef struct llm__gqa_work {
    llm_session *s;
    const llm__attention *a;
    size_t layer;
    const float *projected; /* what q_proj gave where that is not q: [q | gate] for each head, or all of it GROUPED */
    float *q, *k, *v;       /* [rows, heads, width], [rows, kv_heads, width], [rows, kv_heads, value_width] */
} llm__gqa_work;

/* q, k and v of one row, where the maps did not put them into their places. */
LLM__FN void llm__gqa_place(const llm__gqa_work *w, size_t row, float *q, float *k, float *v) {
    const llm__attention *a = w->a;
    size_t width = (size_t)a->width, values = (size_t)a->value_width, i, group = (size_t)(a->heads / a->kv_heads);
    size_t all = (group + 1) * width + values;
    if (a->gate == LLM__GATE_IN_Q)
        for (i = 0; i < (size_t)a->heads; i++)
            memcpy(q + i * width, w->projected + (row * (size_t)a->heads + i) * 2 * width, width * sizeof(float));
    if (a->qkv == LLM__QKV_GROUPED)
        for (i = 0; i < (size_t)a->kv_heads; i++) {
            const float *from = w->projected + (row * (size_t)a->kv_heads + i) * all;
            memcpy(q + i * group * width, from, group * width * sizeof(float));
            memcpy(k + i * width, from + group * width, width * sizeof(float));
            memcpy(v + i * values, from + (group + 1) * width, values * sizeof(float));
        }
    if (a->key_is_value && !a->shared) memcpy(v, k, (size_t)a->kv_heads * values * sizeof(float));
}

LLM__FN void llm__clip(float *x, size_t n, float limit) {
    size_t i;
    for (i = 0; i < n; i++) x[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
}

/* To the nearest of 256 steps, to even between two. */
LLM__FN void llm__round8(float *x, size_t n, float step) {
    size_t i;
    for (i = 0; i < n; i++) {
        float code = rintf(x[i] / step);
        x[i] = (code > 127 ? 127 : code < -128 ? -128 : code) * step;
    }
}

/* The norm of one row's queries or keys. */
LLM__FN void llm__norm_heads(const llm__ops *ops, const llm__attention *a, const llm__norm *norm, float *x, int heads) {
    llm__norm each = *norm;
    int i;
    if (a->qk_norm == LLM__QK_WHOLE) {
        llm__norm_row(ops, norm, x, x, heads * a->width);
        return;
    }
    for (i = 0; i < heads; i++) {
        llm__norm_row(ops, &each, x + (size_t)i * (size_t)a->width, x + (size_t)i * (size_t)a->width, a->width);
        if (a->qk_norm == LLM__QK_EACH_HEAD && each.weight) each.weight += a->width;
    }
}

/* (x_i, x_{i + n/2}) side by side, for all i. */
LLM__FN void llm__interleave(float *x, int n, float *scratch) {
    int i;
    memcpy(scratch, x, (size_t)n * sizeof(float));
    for (i = 0; i < n / 2; i++) {
        x[2 * i] = scratch[i];
        x[2 * i + 1] = scratch[i + n / 2];
    }
}

/* Norms and rotates the queries, or the keys, of one row. */
LLM__FN void llm__gqa_turn(const llm__gqa_work *w, const llm__norm *norm, size_t row, float *x, int heads,
                           float *scratch) {
    const llm__attention *a = w->a;
    const llm__ops *ops = w->s->model->ops;
    int i;
    for (i = 0; a->halves && i < heads; i++) llm__interleave(x + (size_t)i * (size_t)a->width, a->width, scratch);
    if (a->qk_norm != LLM__QK_PLAIN && !a->norm_last) llm__norm_heads(ops, a, norm, x, heads);
    for (i = 0; a->rope >= 0 && i < heads; i++)
        llm__rotate(&w->s->model->ropes[a->rope], llm__row_angles(w->s, a->rope, (int)row),
                    x + (size_t)i * (size_t)a->width);
    if (a->qk_norm != LLM__QK_PLAIN && a->norm_last) llm__norm_heads(ops, a, norm, x, heads);
}

/* What queries are multiplied by at a position. */
LLM__FN float llm__heat(float heat, int from, int length, int64_t position) {
    int64_t stretch = (position + from) / length;
    return 1 + heat * (float)log(1 + (double)stretch);
}

/* Positions q and k of one row and stores k and v. */
LLM__FN void llm__gqa_row(llm__gqa_work *w, const llm__part *part, int r, float *scratch) {
    const llm__attention *a = w->a;
    const llm__ops *ops = w->s->model->ops;
    size_t row = (size_t)(part->first + r), queries = (size_t)a->heads * (size_t)a->width;
    size_t keys = (size_t)a->kv_heads * (size_t)a->width, values = (size_t)a->kv_heads * (size_t)a->value_width;
    float *q = w->q + row * queries, *k = w->k + row * keys, *v = w->v + row * values;
    int i;
    llm__gqa_place(w, row, q, k, v);
    if (a->clip > 0) llm__clip(q, queries, a->clip);
    llm__gqa_turn(w, &a->q_norm, row, q, a->heads, scratch);
    if (a->heat != 0)
        ops->scale(q, llm__heat(a->heat, a->heat_from, a->heat_length, part->position + r), (int)queries);
    for (i = 0; a->q_gain && i < a->heads; i++) ops->scale(q + (size_t)i * (size_t)a->width, a->q_gain[i], a->width);
    if (a->shared) return;
    if (a->clip > 0) llm__clip(k, keys, a->clip);
    if (a->clip > 0) llm__clip(v, values, a->clip);
    llm__gqa_turn(w, &a->k_norm, row, k, a->kv_heads, scratch);
    for (i = 0; a->v_normed && i < a->kv_heads; i++)
        llm__norm_row(ops, &a->v_norm, v + (size_t)i * (size_t)a->value_width, v + (size_t)i * (size_t)a->value_width,
                      a->value_width);
    if (a->value_scale != 0) ops->scale(v, a->value_scale, (int)values);
    if (a->rounded) {
        llm__round8(k, keys, *a->k_step);
        llm__round8(v, values, *a->v_step);
    }
    llm__cache_put(part->cache, w->layer, part->position + r, k, v);
}

/* The part that a row belongs to. */
LLM__FN const llm__part *llm__part_of(const llm_session *s, int row) {
    int i = 0;
    while (row >= s->parts[i].first + s->parts[i].count) i++;
    return &s->parts[i];
}

static void llm__gqa_job(void *argument, int job, int worker) {
    llm__gqa_work *w = (llm__gqa_work *)argument;
    const llm__part *part = llm__part_of(w->s, job);
    llm__gqa_row(w, part, job - part->first, (float *)llm__scratch(w->s, worker));
}

/* The output of the heads times their gates: for numbers i of head g, those of GATE_IN_Q lie behind its query. */
LLM__FN void llm__gate_heads(const llm_session *s, const llm__attention *a, const float *gates, float *out) {
    size_t heads = (size_t)s->row_count * (size_t)a->heads, width = (size_t)a->value_width, g, i;
    for (g = 0; g < heads; g++, out += width) {
        if (a->gate == LLM__GATE_IN_Q)
            for (i = 0; i < width; i++) out[i] /= 1 + expf(-gates[(2 * g + 1) * width + i]);
        else if (a->gate == LLM__GATE_FULL)
            for (i = 0; i < width; i++) out[i] /= 1 + expf(-gates[g * width + i]);
        else if (a->gate == LLM__GATE_HEAD)
            for (i = 0; i < width; i++) out[i] /= 1 + expf(-gates[g]);
        else
            s->model->ops->scale(out, llm__softplus(gates[g]), (int)width);
    }
}

/* The heads' outputs, before the last map: gated, then normed. */
LLM__FN void llm__finish_heads(llm_session *s, const llm__attention *a, const float *h, const float *projected,
                               float *out) {
    const float *gates = projected;
    if (a->heads_normed) llm__norm_rows(s, &a->head_norm, out, out, s->row_count * a->heads, a->value_width);
    if (a->gate > LLM__GATE_IN_Q) {
        float *made = llm__take(s, (size_t)s->row_count * (size_t)a->gates.rows);
        llm__linear(s, &a->gates, h, s->row_count, made);
        gates = made;
    }
    if (a->gate != LLM__UNGATED) llm__gate_heads(s, a, gates, out);
    if (a->out_normed) llm__norm_rows(s, &a->out_norm, out, out, s->row_count, a->heads * a->value_width);
}

/* Keys and values as the maps gave them, handed on to the next layers or taken from an earlier one. */
LLM__FN void llm__share_raw(llm_session *s, const llm__attention *a, float *k, float *v) {
    size_t keys = (size_t)a->kv_heads * (size_t)a->width, values = (size_t)a->kv_heads * (size_t)a->value_width;
    int r, lends = a->raw == LLM__RAW_LENT;
    for (r = 0; r < s->row_count; r++) {
        float *kept = s->carry + (size_t)r * (size_t)s->model->carry;
        float *own_k = k + (size_t)r * keys, *own_v = v + (size_t)r * values;
        memcpy(lends ? kept : own_k, lends ? own_k : kept, keys * sizeof(float));
        memcpy(lends ? kept + keys : own_v, lends ? own_v : kept + keys, values * sizeof(float));
    }
}

/* x_t = w_0 x_{t-1} + w_1 x_t for rows of [heads, width], from the last row to the first; next becomes the last one. */
LLM__FN void llm__two_taps(float *x, int rows, int heads, int width, const float *w, const float *past, float *next) {
    size_t row = (size_t)heads * (size_t)width;
    int t, h, i;
    memcpy(next, x + (size_t)(rows - 1) * row, row * sizeof(float));
    for (t = rows - 1; t >= 0; t--)
        for (h = 0; h < heads; h++) {
            float *at = x + (size_t)t * row + (size_t)h * (size_t)width;
            const float *before = t ? at - row : past + (size_t)h * (size_t)width;
            for (i = 0; i < width; i++) at[i] = before[i] * w[2 * h] + at[i] * w[2 * h + 1];
        }
}

static void llm__last_job(void *argument, int job, int worker) {
    const llm__gqa_work *w = (const llm__gqa_work *)argument;
    const llm__attention *a = w->a;
    const llm__part *part = &w->s->parts[job];
    size_t first = (size_t)part->first * (size_t)a->kv_heads;
    (void)worker;
    llm__two_taps(w->k + first * (size_t)a->width, part->count, a->kv_heads, a->width, a->k_conv,
                  llm__cache_state(part->cache, w->layer, 0), llm__cache_next_state(part->cache, w->layer, 0));
    llm__two_taps(w->v + first * (size_t)a->value_width, part->count, a->kv_heads, a->value_width, a->v_conv,
                  llm__cache_state(part->cache, w->layer, 1), llm__cache_next_state(part->cache, w->layer, 1));
}

/* out = g other + (1 - g) out for each head, g = sigmoid(q . weight + bias). */
LLM__FN void llm__mix_heads(const llm_session *s, const llm__attention *a, const float *q, const float *other,
                            float *out) {
    size_t width = (size_t)a->value_width, i;
    int r, h;
    for (r = 0; r < s->row_count; r++)
        for (h = 0; h < a->heads; h++, q += a->width, other += width, out += width) {
            float dot = s->model->ops->dot(q, a->mix_weight + (size_t)h * (size_t)a->width, a->width);
            float g = 1 / (1 + expf(-(dot + a->mix_bias[h])));
            for (i = 0; i < width; i++) out[i] = g * other[i] + (1 - g) * out[i];
        }
}

/* ---- what an indexer chooses for sparse attention */

/* Whether a token goes before another: worth more, or earlier among equals. */
LLM__FN int llm__pick_better(const llm__pick *a, const llm__pick *b) {
    return a->worth > b->worth || (a->worth == b->worth && a->position < b->position);
}

/* Whether a should lie above b in a heap: with the worst on top, or the latest. */
LLM__FN int llm__pick_above(const llm__pick *a, const llm__pick *b, int by_position) {
    return by_position ? a->position > b->position : llm__pick_better(b, a);
}

LLM__FN void llm__pick_sink(llm__pick *heap, int count, int at, int by_position) {
    for (;;) {
        int child = 2 * at + 1;
        llm__pick swap;
        if (child + 1 < count && llm__pick_above(&heap[child + 1], &heap[child], by_position)) child++;
        if (child >= count || !llm__pick_above(&heap[child], &heap[at], by_position)) return;
        swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

/* Keeps the best `most` of what comes. */
LLM__FN void llm__pick_offer(llm__pick *heap, int *count, int most, const llm__pick *pick) {
    int i;
    if (*count < most) {
        heap[(*count)++] = *pick;
        if (*count == most)
            for (i = most / 2; i >= 0; i--) llm__pick_sink(heap, most, i, 0);
    } else if (llm__pick_better(pick, &heap[0])) {
        heap[0] = *pick;
        llm__pick_sink(heap, most, 0, 0);
    }
}

/* Puts them in the order of their positions. */
LLM__FN void llm__pick_sort(llm__pick *picks, int count) {
    int i;
    for (i = count / 2; i >= 0; i--) llm__pick_sink(picks, count, i, 1);
    for (i = count - 1; i > 0; i--) {
        llm__pick swap = picks[0];
        picks[0] = picks[i];
        picks[i] = swap;
        llm__pick_sink(picks, i, 0, 1);
    }
}

typedef struct llm__indexer_work {
    llm_session *s;
    const llm__indexer *x;
    size_t layer;
    float *q, *k, *weights; /* [rows, heads, width], [rows, width], [rows, heads] */
    const float *zeros;     /* [width]: values of the keys */
} llm__indexer_work;

static void llm__indexer_place_job(void *argument, int row, int worker) {
    const llm__indexer_work *w = (const llm__indexer_work *)argument;
    const llm__indexer *x = w->x;
    const llm_model *m = w->s->model;
    const llm__part *part = llm__part_of(w->s, row);
    const float *angles = llm__row_angles(w->s, x->rope, row);
    float *k = w->k + (size_t)row * (size_t)x->width;
    int i;
    (void)worker;
    llm__norm_row(m->ops, &x->k_norm, k, k, x->width);
    llm__rotate(&m->ropes[x->rope], angles, k);
    llm__cache_put(part->cache, w->layer, part->position + (row - part->first), k, w->zeros);
    for (i = 0; i < x->heads; i++)
        llm__rotate(&m->ropes[x->rope], angles, w->q + ((size_t)row * (size_t)x->heads + (size_t)i) * (size_t)x->width);
}

/* What the tokens [a, b) of a page are worth to a row: relu(q . k) of each head times its weight. */
LLM__FN void llm__indexer_page(const llm__indexer_work *w, size_t row, int64_t page, const float *k, int64_t a,
                               int64_t b, float *p) {
    const llm__indexer *x = w->x;
    llm_session *s = w->s;
    float scale = 1 / sqrtf((float)x->heads * (float)x->width);
    const float *weights = w->weights + row * (size_t)x->heads;
    int i, n = (int)(b - a), h;
    s->model->ops->scores(w->q + row * (size_t)x->heads * (size_t)x->width, x->heads, (size_t)x->width,
                          k + (size_t)a * (size_t)x->width, n, (size_t)x->width, x->width, scale, p, LLM_PAGE_TOKENS);
    for (i = 0; i < n; i++) {
        llm__pick pick;
        pick.worth = 0;
        pick.position = page * LLM_PAGE_TOKENS + a + i;
        for (h = 0; h < x->heads; h++) {
            float score = p[(size_t)h * LLM_PAGE_TOKENS + (size_t)i];
            if (score > 0) pick.worth += score * weights[h];
        }
        llm__pick_offer(s->picks + row * s->pick_sets * s->most_picks, &s->pick_counts[row * s->pick_sets], x->chosen,
                        &pick);
    }
}

static void llm__indexer_pick_job(void *argument, int job, int worker) {
    const llm__indexer_work *w = (const llm__indexer_work *)argument;
    llm_session *s = w->s;
    const llm__part *part = llm__part_of(s, job);
    size_t row = (size_t)job, place = row * s->pick_sets;
    float *keys = (float *)llm__scratch(s, worker), *p = keys + (size_t)LLM_PAGE_TOKENS * (size_t)w->x->width;
    void *decoding = p + (size_t)LLM_PAGE_TOKENS * (size_t)w->x->heads;
    llm_span spans[2];
    int count = llm__cache_visible(part->cache, w->layer, part->position + (job - part->first), spans), i;
    int64_t seen = 0, page;
    for (i = 0; i < count; i++) seen += spans[i].end - spans[i].begin;
    s->pick_counts[place] = LLM__ALL_TOKENS;
    if (seen <= w->x->chosen) return;
    s->pick_counts[place] = 0;
    for (i = 0; i < count; i++)
        for (page = spans[i].begin / LLM_PAGE_TOKENS; page * LLM_PAGE_TOKENS < spans[i].end; page++) {
            int64_t base = page * LLM_PAGE_TOKENS, a = spans[i].begin - base, b = spans[i].end - base;
            llm_rows rows = llm__cache_keys(part->cache, w->layer, 0, page);
            if (a < 0) a = 0;
            if (b > LLM_PAGE_TOKENS) b = LLM_PAGE_TOKENS;
            llm__indexer_page(w, row, page, llm__page_floats(s->model->ops, &rows, (int)b, keys, decoding), a, b, p);
        }
    llm__pick_sort(s->picks + place * s->most_picks, s->pick_counts[place]);
}

/* low: the normed latents of the queries. */
LLM__FN void llm__run_indexer(llm_session *s, const llm__indexer *x, size_t layer, const float *h, const float *low) {
    size_t n = (size_t)s->row_count;
    float *zeros = llm__take(s, (size_t)x->width);
    llm__indexer_work w;
    w.s = s;
    w.x = x;
    w.layer = layer;
    w.q = llm__take(s, n * (size_t)x->heads * (size_t)x->width);
    w.k = llm__take(s, n * (size_t)x->width);
    w.weights = llm__take(s, n * (size_t)x->heads);
    memset(zeros, 0, (size_t)x->width * sizeof(float));
    w.zeros = zeros;
    llm__linear(s, &x->q, low, s->row_count, w.q);
    llm__linear3(s, h, (size_t)s->model->hidden, s->row_count, &x->k, w.k, &x->weights, w.weights, NULL, NULL);
    llm__parallel(s, s->row_count, llm__indexer_place_job, &w);
    llm__parallel(s, s->row_count, llm__indexer_pick_job, &w);
}

static void llm__block_place_job(void *argument, int row, int worker) {
    const llm__indexer_work *w = (const llm__indexer_work *)argument;
    float *q = w->q + (size_t)row * (size_t)w->x->heads * (size_t)w->x->width;
    int i;
    for (i = 0; i < w->x->heads; i++, q += w->x->width)
        llm__norm_row(w->s->model->ops, &w->x->q_norm, q, q, w->x->width);
    llm__indexer_place_job(argument, row, worker);
}

/* The blocks that one of the indexer's heads chooses for a row. */
static void llm__block_pick_job(void *argument, int job, int worker) {
    const llm__indexer_work *w = (const llm__indexer_work *)argument;
    const llm__indexer *x = w->x;
    llm_session *s = w->s;
    int row = job / x->heads, head = job % x->heads, i, k;
    const llm__part *part = llm__part_of(s, row);
    int64_t position = part->position + (row - part->first), page;
    size_t place = (size_t)row * s->pick_sets + (size_t)head, width = (size_t)x->width;
    const float *q = w->q + ((size_t)row * (size_t)x->heads + (size_t)head) * width;
    float *keys = (float *)llm__scratch(s, worker), *p = keys + (size_t)LLM_PAGE_TOKENS * width;
    void *decoding = p + (size_t)LLM_PAGE_TOKENS * (size_t)x->heads;
    llm__pick *picks = s->picks + place * s->most_picks, pick;
    llm_span spans[2];
    int count = llm__cache_visible(part->cache, w->layer, position, spans);
    pick.position = -1;
    s->pick_counts[place] = LLM__ALL_TOKENS;
    if (position / x->block < x->chosen) return;
    s->pick_counts[place] = 0;
    for (i = 0; i < count; i++)
        for (page = spans[i].begin / LLM_PAGE_TOKENS; page * LLM_PAGE_TOKENS < spans[i].end; page++) {
            int64_t base = page * LLM_PAGE_TOKENS, a = spans[i].begin - base, b = spans[i].end - base;
            llm_rows rows = llm__cache_keys(part->cache, w->layer, 0, page);
            const float *from;
            if (a < 0) a = 0;
            if (b > LLM_PAGE_TOKENS) b = LLM_PAGE_TOKENS;
            from = llm__page_floats(s->model->ops, &rows, (int)b, keys, decoding);
            s->model->ops->scores(q, 1, width, from + (size_t)a * width, (int)(b - a), width, x->width, 1, p,
                                  LLM_PAGE_TOKENS);
            for (k = 0; k < (int)(b - a); k++) {
                int64_t block = (base + a + k) / x->block;
                if (block != pick.position) {
                    if (pick.position >= 0) llm__pick_offer(picks, &s->pick_counts[place], x->chosen, &pick);
                    pick.position = block;
                    pick.worth = block > position / x->block - x->local ? HUGE_VALF : -HUGE_VALF;
                }
                if (p[k] > pick.worth) pick.worth = p[k];
            }
        }
    llm__pick_offer(picks, &s->pick_counts[place], x->chosen, &pick);
    llm__pick_sort(picks, s->pick_counts[place]);
}

LLM__FN void llm__run_block_indexer(llm_session *s, const llm__indexer *x, size_t layer, const float *h) {
    size_t n = (size_t)s->row_count;
    llm__indexer_work w;
    memset(&w, 0, sizeof w);
    w.s = s;
    w.x = x;
    w.layer = layer;
    w.q = llm__take(s, n * (size_t)x->heads * (size_t)x->width);
    w.k = llm__take(s, n * (size_t)x->width);
    llm__linear3(s, h, (size_t)s->model->hidden, s->row_count, &x->q, w.q, &x->k, w.k, NULL, NULL);
    llm__parallel(s, s->row_count, llm__block_place_job, &w);
    llm__parallel(s, s->row_count * x->heads, llm__block_pick_job, &w);
}

LLM__FN void llm__run_attention(llm_session *s, const llm__attention *a, size_t layer, const float *h, float *y) {
    size_t n = (size_t)s->row_count, queries = n * (size_t)a->heads * (size_t)a->width;
    int in_place = a->gate != LLM__GATE_IN_Q && a->qkv != LLM__QKV_GROUPED;
    float *projected = llm__take(s, n * (size_t)a->q.rows);
    float *out = llm__take(s, n * (size_t)a->heads * (size_t)a->value_width);
    llm__gqa_work rows;
    llm__attend_work attend;
    rows.s = s;
    rows.a = a;
    rows.layer = layer;
    rows.projected = projected;
    rows.k = llm__take(s, n * (size_t)a->kv_heads * (size_t)a->width);
    rows.v = llm__take(s, n * (size_t)a->kv_heads * (size_t)a->value_width);
    llm__linear3(s, h, (size_t)s->model->hidden, s->row_count, &a->q, projected, a->k.rows ? &a->k : NULL, rows.k,
                 a->v.rows ? &a->v : NULL, rows.v);
    rows.q = in_place ? projected : llm__take(s, queries);
    if (a->raw != LLM__RAW_OWN) llm__share_raw(s, a, rows.k, rows.v);
    if (a->conv) {
        llm__parallel(s, s->part_count, llm__last_job, &rows);
        rows.layer = ++layer;
    }
    llm__parallel(s, s->row_count, llm__gqa_job, &rows);
    if (a->indexer.heads) llm__run_block_indexer(s, &a->indexer, layer + 1, h);
    memset(&attend, 0, sizeof attend);
    attend.layer = layer;
    attend.heads = a->heads;
    attend.kv_heads = a->kv_heads;
    attend.key_width = a->width;
    attend.value_width = a->value_width;
    attend.tiled = a->tiled;
    attend.scale = a->scale;
    attend.softcap = a->softcap;
    attend.sinks = a->sinks;
    attend.sparse = a->sparse;
    attend.pick_sets = a->indexer.heads;
    attend.pick_tokens = a->indexer.block;
    attend.q = rows.q;
    attend.out = out;
    llm__attend(s, &attend);
    if (a->mixed) {
        attend.layer = (size_t)a->mix_cache;
        attend.out = llm__take(s, n * (size_t)a->heads * (size_t)a->value_width);
        llm__attend(s, &attend);
        llm__mix_heads(s, a, rows.q, attend.out, out);
    }
    llm__finish_heads(s, a, h, projected, out);
    llm__linear(s, &a->o, out, s->row_count, y);
}

/* ---- latent attention
   c = norm(Wkv_a h) is all that a token leaves behind, with one rotated key for all heads.  A head's score is
   (embed_q q_nope) . c + q_rot . k_rot and its output unembed (sum_j p_j c_j).  Expanded, a token leaves the key
   [embed_q^T c | k_rot] and the value unembed c of each head. */
typedef struct llm__latent_work {
    llm_session *s;
    const llm__latent *a;
    size_t layer;
    float *q, *kv;         /* [rows, heads, nope + rotary], [rows, rank + rotary] */
    float *latent_q;       /* [rows, heads, rank + rotary] */
    float *both, *k, *v;   /* expanded: [rows, heads, nope + value], and of it keys and values */
} llm__latent_work;

LLM__FN void llm__latent_rotate(const llm__latent_work *w, int row, float *x) {
    if (w->a->rope >= 0) llm__rotate(&w->s->model->ropes[w->a->rope], llm__row_angles(w->s, w->a->rope, row), x);
}

static void llm__latent_norm_job(void *argument, int row, int worker) {
    const llm__latent_work *w = (const llm__latent_work *)argument;
    const llm__latent *a = w->a;
    float *latent = w->kv + (size_t)row * (size_t)(a->rank + a->rotary);
    (void)worker;
    llm__norm_row(w->s->model->ops, &a->kv_norm, latent, latent, a->rank);
    if (a->latent_scale > 0) w->s->model->ops->scale(latent, a->latent_scale, a->rank);
    llm__latent_rotate(w, row, latent + a->rank);
}

/* The queries of one row in the latent's space; stores the latent. */
static void llm__latent_place_job(void *argument, int row, int worker) {
    const llm__latent_work *w = (const llm__latent_work *)argument;
    const llm__latent *a = w->a;
    const llm__part *part = llm__part_of(w->s, row);
    size_t heads = (size_t)a->heads, width = (size_t)(a->rank + a->rotary), i;
    const float *latent = w->kv + (size_t)row * width;
    float *q = w->latent_q + (size_t)row * heads * width;
    int64_t position = part->position + (row - part->first);
    (void)worker;
    for (i = 0; i < heads; i++) {
        const float *from = w->q + ((size_t)row * heads + i) * (size_t)(a->nope + a->rotary) + a->nope;
        memcpy(q + i * width + a->rank, from, (size_t)a->rotary * sizeof(float));
        llm__latent_rotate(w, row, q + i * width + a->rank);
    }
    if (a->heat != 0) w->s->model->ops->scale(q, llm__heat(a->heat, 0, a->heat_length, position), (int)(heads * width));
    llm__cache_put(part->cache, w->layer, position, latent, latent + a->rank);
}

/* The queries, keys and values of one row; stores keys and values. */
static void llm__latent_expand_job(void *argument, int row, int worker) {
    const llm__latent_work *w = (const llm__latent_work *)argument;
    const llm__latent *a = w->a;
    const llm__part *part = llm__part_of(w->s, row);
    size_t heads = (size_t)a->heads, nope = (size_t)a->nope, width = nope + (size_t)a->rotary;
    size_t value = (size_t)a->value, at, i;
    const float *turned = w->kv + (size_t)row * (size_t)(a->rank + a->rotary) + a->rank;
    (void)worker;
    for (i = 0; i < heads; i++) {
        at = (size_t)row * heads + i;
        llm__latent_rotate(w, row, w->q + at * width + nope);
        memcpy(w->k + at * width, w->both + at * (nope + value), nope * sizeof(float));
        memcpy(w->k + at * width + nope, turned, (size_t)a->rotary * sizeof(float));
        memcpy(w->v + at * value, w->both + at * (nope + value) + nope, value * sizeof(float));
    }
    at = (size_t)row * heads;
    llm__cache_put(part->cache, w->layer, part->position + (row - part->first), w->k + at * width, w->v + at * value);
}

/* Up to kv_b the two forms are the same: q and the normed latent with its rotated key; the indexer, if there is one. */
LLM__FN void llm__latent_begin(llm__latent_work *w, const float *h) {
    llm_session *s = w->s;
    const llm__latent *a = w->a;
    int n = s->row_count;
    size_t hidden = (size_t)s->model->hidden, rows = (size_t)n;
    w->q = llm__take(s, rows * (size_t)a->heads * (size_t)(a->nope + a->rotary));
    w->kv = llm__take(s, rows * (size_t)(a->rank + a->rotary));
    if (a->q_rank) {
        float *low = llm__take(s, rows * (size_t)a->q_rank);
        llm__linear3(s, h, hidden, n, &a->q_a, low, &a->kv_a, w->kv, NULL, NULL);
        llm__norm_rows(s, &a->q_norm, low, low, n, a->q_rank);
        llm__linear(s, &a->q_b, low, n, w->q);
        if (a->indexer.heads) llm__run_indexer(s, &a->indexer, w->layer + 1, h, low);
    } else {
        llm__linear3(s, h, hidden, n, &a->q, w->q, &a->kv_a, w->kv, NULL, NULL);
    }
    llm__parallel(s, n, llm__latent_norm_job, w);
}

/* A map for each head: from x [rows, heads, x_width] to y [rows, heads, y_width]. */
LLM__FN void llm__latent_heads(llm_session *s, const llm__latent *a, const llm__matrix *maps, const float *x,
                               int x_width, float *y, int y_width) {
    size_t heads = (size_t)a->heads, i;
    for (i = 0; i < heads; i++)
        s->tasks[i] = llm__task_of(&maps[i], x + i * (size_t)x_width, heads * (size_t)x_width, y + i * (size_t)y_width,
                                   heads * (size_t)y_width, s->row_count);
    llm__products(s, s->tasks, a->heads);
}

LLM__FN void llm__run_latent(llm_session *s, const llm__latent *a, size_t layer, const float *h, float *y) {
    size_t n = (size_t)s->row_count, heads = (size_t)a->heads;
    int width = a->nope + a->rotary, row_width = a->rank + a->rotary;
    float *out = llm__take(s, n * heads * (size_t)a->value);
    llm__attend_work attend;
    llm__latent_work w;
    memset(&attend, 0, sizeof attend);
    w.s = s;
    w.a = a;
    w.layer = attend.layer = layer;
    attend.heads = a->heads;
    attend.scale = a->scale;
    attend.pick_sets = a->indexer.heads > 0;
    attend.pick_tokens = 1;
    llm__latent_begin(&w, h);
    if (a->expanded) {
        float *latent = llm__take(s, n * (size_t)a->rank);
        size_t r;
        w.both = llm__take(s, n * (size_t)a->kv_b.rows);
        w.k = llm__take(s, n * heads * (size_t)width);
        w.v = llm__take(s, n * heads * (size_t)a->value);
        for (r = 0; r < n; r++)
            memcpy(latent + r * (size_t)a->rank, w.kv + r * (size_t)row_width, (size_t)a->rank * sizeof(float));
        llm__linear(s, &a->kv_b, latent, s->row_count, w.both);
        llm__parallel(s, s->row_count, llm__latent_expand_job, &w);
        attend.kv_heads = a->heads;
        attend.key_width = width;
        attend.value_width = a->value;
        attend.q = w.q;
        attend.out = out;
        llm__attend(s, &attend);
    } else {
        float *mixed = llm__take(s, n * heads * (size_t)a->rank);
        w.latent_q = llm__take(s, n * heads * (size_t)row_width);
        llm__latent_heads(s, a, a->embed_q, w.q, width, w.latent_q, row_width);
        llm__parallel(s, s->row_count, llm__latent_place_job, &w);
        attend.kv_heads = 1;
        attend.key_width = row_width;
        attend.value_width = a->rank;
        attend.q = w.latent_q;
        attend.out = mixed;
        llm__attend(s, &attend);
        llm__latent_heads(s, a, a->unembed, mixed, a->rank, out, a->value);
    }
    llm__linear(s, &a->o, out, s->row_count, y);
}

/* ---- recurrent mixers: what most of them share is a short causal convolution over each channel */

typedef struct llm__conv_work {
    llm_session *s;
    const llm__conv *conv;
    size_t layer, stride;
    const float *in; /* [rows, stride], the channels first */
    float *out;      /* [rows, channels] */
} llm__conv_work;

/* out_t = offset + sum_k w_k in_{t - K + 1 + k}, and silu of that, for one part and the channels of one array; what
   precedes the pass is in the cache, [K - 1, channels]. */
static void llm__conv_job(void *argument, int job, int worker) {
    const llm__conv_work *w = (const llm__conv_work *)argument;
    const llm__conv *conv = w->conv;
    int arrays = llm__conv_arrays(conv), array = job % arrays, first = 0, t, k, c, history = conv->kernel - 1;
    int width = arrays > 1 ? conv->runs[array] : conv->channels;
    const llm__part *part = &w->s->parts[job / arrays];
    const float *past = llm__cache_state(part->cache, w->layer, array);
    float *next = llm__cache_next_state(part->cache, w->layer, array);
    (void)worker;
    for (k = 0; k < array; k++) first += conv->runs[k];
    for (t = 0; t < part->count; t++) {
        float *out = w->out + (size_t)(part->first + t) * (size_t)conv->channels + first;
        for (c = 0; c < width; c++) out[c] = conv->offset ? conv->offset[first + c] : 0;
        for (k = 0; k < conv->kernel; k++) {
            int at = t - history + k;
            const float *in = at < 0 ? past + (size_t)(at + history) * (size_t)width
                                     : w->in + (size_t)(part->first + at) * w->stride + first;
            const float *weight = conv->weight + (size_t)k * (size_t)conv->channels + first;
            for (c = 0; c < width; c++) out[c] += weight[c] * in[c];
        }
        if (!conv->plain) w->s->model->ops->silu(out, width);
    }
    for (k = 0; k < history; k++) {
        int at = part->count - history + k;
        const float *in = at < 0 ? past + (size_t)(at + history) * (size_t)width
                                 : w->in + (size_t)(part->first + at) * w->stride + first;
        memcpy(next + (size_t)k * (size_t)width, in, (size_t)width * sizeof(float));
    }
}

LLM__FN void llm__convolve(llm_session *s, const llm__conv *conv, size_t layer, const float *in, size_t stride,
                           float *out) {
    llm__conv_work w;
    w.s = s;
    w.conv = conv;
    w.layer = layer;
    w.in = in;
    w.stride = stride;
    w.out = out;
    llm__parallel(s, s->part_count * llm__conv_arrays(conv), llm__conv_job, &w);
}

/* LFM2's short convolution. */
LLM__FN void llm__run_short(llm_session *s, const llm__short *m, size_t layer, const float *h, float *y) {
    size_t n = (size_t)s->row_count, width = (size_t)m->conv.channels, r;
    float *in = llm__take(s, n * 3 * width), *out = llm__take(s, n * width);
    llm__linear(s, &m->in, h, s->row_count, in);
    for (r = 0; r < n; r++) s->model->ops->mul(in + (3 * r + 2) * width, in + 3 * r * width, m->conv.channels);
    llm__convolve(s, &m->conv, layer, in + 2 * width, 3 * width, out);
    for (r = 0; r < n; r++) s->model->ops->mul(out + r * width, in + (3 * r + 1) * width, m->conv.channels);
    llm__linear(s, &m->out, out, s->row_count, y);
}

/* Norms each of `groups` equal runs of a row; the weights go on from run to run. */
LLM__FN void llm__norm_groups(const llm__ops *ops, const llm__norm *norm, float *x, int width, int groups) {
    llm__norm each = *norm;
    int g, run = width / groups;
    for (g = 0; g < groups; g++) {
        llm__norm_row(ops, &each, x + (size_t)g * (size_t)run, x + (size_t)g * (size_t)run, run);
        if (each.weight) each.weight += run;
    }
}

/* ---- state spaces, one head over one part:  S = exp(dt a) S + dt x B^T,  y = S C + D x */
typedef struct llm__ssm_work {
    llm_session *s;
    const llm__ssm *m;
    size_t layer, z_stride, dt_stride, b_stride;
    float *z;            /* [rows, heads * width] */
    const float *dt;     /* [rows, heads], before dt_bias and softplus */
    const float *b, *c;  /* [rows, groups * state] */
    float *conv;         /* [rows, heads * width ..] */
    float *out;          /* [rows, heads * width] */
} llm__ssm_work;

LLM__FN float llm__ssm_dt(const llm__ssm *m, const float *dt, int head) {
    float x = llm__softplus(dt[head] + (m->dt_bias ? m->dt_bias[head] : 0));
    return x < m->dt_min ? m->dt_min : x > m->dt_max ? m->dt_max : x;
}

static void llm__ssd_job(void *argument, int job, int worker) {
    const llm__ssm_work *w = (const llm__ssm_work *)argument;
    const llm__ssm *m = w->m;
    const llm__part *part = &w->s->parts[job / m->heads];
    int head = job % m->heads, group = head / (m->heads / m->groups), t, i;
    size_t floats = (size_t)m->width * (size_t)m->state, at = (size_t)(head * m->width);
    float *state = llm__cache_next_state(part->cache, w->layer, 1) + (size_t)head * floats;
    (void)worker;
    memcpy(state, llm__cache_state(part->cache, w->layer, 1) + (size_t)head * floats, floats * sizeof(float));
    for (t = 0; t < part->count; t++) {
        size_t row = (size_t)(part->first + t), bc = row * w->b_stride + (size_t)(group * m->state);
        const float *x = w->conv + row * (size_t)m->conv.channels + at;
        float *y = w->out + row * (size_t)(m->heads * m->width) + at;
        float dt = llm__ssm_dt(m, w->dt + row * w->dt_stride, head);
        w->s->model->ops->ssd_step(state, x, w->b + bc, w->c + bc, expf(dt * m->a[head]), dt, y, m->width, m->state);
        for (i = 0; i < m->width; i++) y[i] += m->d[head] * x[i];
    }
}

enum { LLM__SCAN_CHANNELS = 64 };

/* Mamba's selective scan, some channels of one part: each number of a channel's state has its own decay. */
static void llm__scan_job(void *argument, int job, int worker) {
    const llm__ssm_work *w = (const llm__ssm_work *)argument;
    const llm__ssm *m = w->m;
    const llm__ops *ops = w->s->model->ops;
    int blocks = (m->heads + LLM__SCAN_CHANNELS - 1) / LLM__SCAN_CHANNELS, t, i, k;
    int first = job % blocks * LLM__SCAN_CHANNELS, n = m->state;
    int end = first + LLM__SCAN_CHANNELS < m->heads ? first + LLM__SCAN_CHANNELS : m->heads;
    const llm__part *part = &w->s->parts[job / blocks];
    float *decay = (float *)llm__scratch(w->s, worker);
    float *next = llm__cache_next_state(part->cache, w->layer, 1);
    memcpy(next + (size_t)first * (size_t)n, llm__cache_state(part->cache, w->layer, 1) + (size_t)first * (size_t)n,
           (size_t)(end - first) * (size_t)n * sizeof(float));
    for (t = 0; t < part->count; t++) {
        size_t row = (size_t)(part->first + t);
        const float *b = w->b + row * w->b_stride, *c = w->c + row * w->b_stride;
        const float *x = w->conv + row * (size_t)m->heads;
        for (i = first; i < end; i++) {
            float *state = next + (size_t)i * (size_t)n, dt = llm__ssm_dt(m, w->dt + row * w->dt_stride, i);
            for (k = 0; k < n; k++) decay[k] = dt * m->a[(size_t)i * (size_t)n + (size_t)k];
            ops->exp_sum(decay, n, 0);
            ops->mul(state, decay, n);
            ops->add_scaled(state, b, dt * x[i], n);
            w->out[row * (size_t)m->heads + (size_t)i] = ops->dot(state, c, n) + m->d[i] * x[i];
        }
    }
}

/* dt, B and C from what the convolution gave. */
LLM__FN void llm__ssm_inputs(llm_session *s, const llm__ssm *m, llm__ssm_work *w) {
    int n = s->row_count, r, dt_first = m->in_order == LLM__SSM_CHANNELS;
    size_t stride = (size_t)m->x.rows;
    float *low = llm__take(s, (size_t)n * stride), *dt = llm__take(s, (size_t)n * (size_t)m->heads);
    float *raw = low + (dt_first ? 0 : 2 * m->state), *b = low + (dt_first ? m->dt_rank : 0), *c = b + m->state;
    llm__linear(s, &m->x, w->conv, n, low);
    for (r = 0; r < n; r++) {
        size_t at = (size_t)r * stride;
        llm__norm_row(s->model->ops, &m->dt_norm, raw + at, raw + at, m->dt_rank);
        llm__norm_row(s->model->ops, &m->b_norm, b + at, b + at, m->state);
        llm__norm_row(s->model->ops, &m->c_norm, c + at, c + at, m->state);
    }
    llm__linear3(s, raw, stride, n, &m->dt, dt, NULL, NULL, NULL, NULL);
    w->dt = dt;
    w->dt_stride = (size_t)m->heads;
    w->b = b;
    w->c = c;
    w->b_stride = stride;
}

/* z * silu and the norm, in the model's order. */
LLM__FN void llm__ssm_gate(const llm_session *s, const llm__ssm *m, const llm__ssm_work *w) {
    const llm__ops *ops = s->model->ops;
    int inner = m->heads * m->width, r;
    for (r = 0; r < s->row_count; r++) {
        float *z = w->z + (size_t)r * w->z_stride, *y = w->out + (size_t)r * (size_t)inner;
        if (m->norm_first) llm__norm_groups(ops, &m->norm, y, inner, m->norm_groups);
        ops->silu_mul(z, y, inner);
        memcpy(y, z, (size_t)inner * sizeof(float));
        if (!m->norm_first) llm__norm_groups(ops, &m->norm, y, inner, m->norm_groups);
    }
}

/* z and x of each head apart. */
LLM__FN void llm__ssm_split(const llm_session *s, const llm__ssm *m, const float *both, float *z, float *x) {
    size_t heads = (size_t)s->row_count * (size_t)m->heads, width = (size_t)m->width, i;
    for (i = 0; i < heads; i++) {
        memcpy(z + i * width, both + 2 * i * width, width * sizeof(float));
        memcpy(x + i * width, both + (2 * i + 1) * width, width * sizeof(float));
    }
}

LLM__FN void llm__ssm_multiply(const llm_session *s, const llm__ssm *m, float *projected) {
    int inner = m->heads * m->width, shared = m->groups * m->state, r, i;
    int widths[5];
    widths[0] = widths[1] = inner;
    widths[2] = widths[3] = shared;
    widths[4] = m->heads;
    for (r = 0; r < s->row_count; r++)
        for (i = 0; i < 5; projected += widths[i++]) s->model->ops->scale(projected, m->multipliers[i], widths[i]);
}

LLM__FN void llm__run_ssm(llm_session *s, const llm__ssm *m, size_t layer, const float *h, float *y) {
    size_t n = (size_t)s->row_count, inner = (size_t)(m->heads * m->width), stride = (size_t)m->in.rows;
    float *projected = llm__take(s, n * stride), *in = projected;
    int channels = m->in_order == LLM__SSM_CHANNELS;
    llm__ssm_work w;
    w.s = s;
    w.m = m;
    w.layer = layer;
    w.conv = llm__take(s, n * (size_t)m->conv.channels);
    w.out = llm__take(s, n * inner);
    w.z = projected;
    w.z_stride = stride;
    llm__linear(s, &m->in, h, s->row_count, projected);
    if (m->multiplied) llm__ssm_multiply(s, m, projected);
    if (m->in_order == LLM__SSM_HEADS) {
        w.z = llm__take(s, n * inner);
        in = llm__take(s, n * inner);
        w.z_stride = stride = inner;
        llm__ssm_split(s, m, projected, w.z, in);
    } else if (channels) {
        w.z += inner;
    } else {
        in += inner;
    }
    llm__convolve(s, &m->conv, layer, in, stride, w.conv);
    if (m->in_order == LLM__SSM_DUAL) {
        w.dt = in + m->conv.channels;
        w.dt_stride = stride;
        w.b = w.conv + inner;
        w.c = w.b + m->groups * m->state;
        w.b_stride = (size_t)m->conv.channels;
    } else {
        llm__ssm_inputs(s, m, &w);
    }
    if (channels)
        llm__parallel(s, s->part_count * ((m->heads + LLM__SCAN_CHANNELS - 1) / LLM__SCAN_CHANNELS), llm__scan_job, &w);
    else
        llm__parallel(s, s->part_count * m->heads, llm__ssd_job, &w);
    llm__ssm_gate(s, m, &w);
    llm__linear(s, &m->out, w.out, s->row_count, y);
}

/* ---- gated delta rule, one value head over one part:  S = g S,  S += beta (v - S k) k^T,  o = S q */
typedef struct llm__delta_work {
    llm_session *s;
    const llm__delta *m;
    size_t layer;
    float *a;    /* [rows, value_heads] or [rows, value_heads, key_width]: before dt_bias; changed */
    float *b;    /* [rows, value_heads] */
    float *z;    /* [rows, value_heads * value_width] */
    float *in;   /* [rows, q | k | v], before the convolution... */
    float *conv; /* ...and behind it */
    float *out;  /* [rows, value_heads * value_width] */
} llm__delta_work;

LLM__FN void llm__unit(float *x, int n, float scale) {
    float sum = 0;
    int i;
    for (i = 0; i < n; i++) sum += x[i] * x[i];
    scale /= sqrtf(sum + 1e-6f);
    for (i = 0; i < n; i++) x[i] *= scale;
}

/* The decays of one head, from `n` numbers of one row. */
LLM__FN void llm__delta_decays(const llm__delta *m, int head, float *a, int n) {
    const float *bias = m->dt_bias + (size_t)head * (size_t)n;
    int i;
    for (i = 0; i < n; i++)
        a[i] = m->lower_bound != 0 ? expf(m->lower_bound / (1 + expf(-m->a[head] * (a[i] + bias[i]))))
                                   : expf(-m->a[head] * llm__softplus(a[i] + bias[i]));
}

static void llm__delta_job(void *argument, int job, int worker) {
    const llm__delta_work *w = (const llm__delta_work *)argument;
    const llm__delta *m = w->m;
    const llm__ops *ops = w->s->model->ops;
    const llm__part *part = &w->s->parts[job / m->value_heads];
    int head = job % m->value_heads, key = head / (m->value_heads / m->key_heads), t, dv = m->value_width;
    int decays = m->columns ? m->key_width : 1, keys = m->key_heads * m->key_width;
    size_t floats = (size_t)m->key_width * (size_t)dv;
    int array = llm__conv_arrays(&m->conv);
    float *state = llm__cache_next_state(part->cache, w->layer, array) + (size_t)head * floats;
    (void)worker;
    memcpy(state, llm__cache_state(part->cache, w->layer, array) + (size_t)head * floats, floats * sizeof(float));
    for (t = 0; t < part->count; t++) {
        size_t row = (size_t)(part->first + t), at = row * (size_t)m->value_heads + (size_t)head;
        const float *q = w->conv + row * (size_t)m->conv.channels + (size_t)(key * m->key_width), *k = q + keys;
        const float *v = w->conv + row * (size_t)m->conv.channels + (size_t)(2 * keys + head * dv);
        float beta = m->beta_scale / (1 + expf(-w->b[at])), *a = w->a + at * (size_t)decays;
        llm__delta_decays(m, head, a, decays);
        if (m->columns) ops->delta_step_columns(state, k, v, q, a, beta, w->out + at * (size_t)dv, dv, m->key_width);
        else ops->delta_step(state, k, v, q, *a, beta, w->out + at * (size_t)dv, dv, m->key_width);
    }
}

/* From [q k v z] and [b a] of each key head to each for itself. */
LLM__FN void llm__delta_ungroup(const llm__delta *m, const float *qkvz, const float *ba, llm__delta_work *w, size_t row) {
    size_t ratio = (size_t)(m->value_heads / m->key_heads), dk = (size_t)m->key_width, dv = ratio * (size_t)m->value_width;
    size_t keys = (size_t)m->key_heads * dk, i;
    float *to = w->in + row * (size_t)m->conv.channels;
    for (i = 0; i < (size_t)m->key_heads; i++) {
        const float *from = qkvz + (row * (size_t)m->key_heads + i) * 2 * (dk + dv);
        const float *pair = ba + (row * (size_t)m->key_heads + i) * 2 * ratio;
        size_t head = row * (size_t)m->value_heads + i * ratio;
        memcpy(to + i * dk, from, dk * sizeof(float));
        memcpy(to + keys + i * dk, from + dk, dk * sizeof(float));
        memcpy(to + 2 * keys + i * dv, from + 2 * dk, dv * sizeof(float));
        memcpy(w->z + head * (size_t)m->value_width, from + 2 * dk + dv, dv * sizeof(float));
        memcpy(w->b + head, pair, ratio * sizeof(float));
        memcpy(w->a + head, pair + ratio, ratio * sizeof(float));
    }
}

/* y = W h, by way of a few numbers if there are two maps. */
LLM__FN void llm__linear_low(llm_session *s, const llm__matrix *low, const llm__matrix *w, const float *h, float *y) {
    if (low->rows) {
        float *few = llm__take(s, (size_t)s->row_count * (size_t)low->rows);
        llm__linear(s, low, h, s->row_count, few);
        h = few;
    }
    llm__linear(s, w, h, s->row_count, y);
}

/* q, k and v side by side. */
LLM__FN void llm__delta_qkv(llm_session *s, const llm__delta *m, const float *h, float *in) {
    const llm__matrix *maps[3];
    llm__task tasks[3];
    llm__variants v;
    size_t first = 0;
    int i;
    maps[0] = &m->q;
    maps[1] = &m->k;
    maps[2] = &m->v;
    v.count = 0;
    for (i = 0; i < 3; first += (size_t)maps[i++]->rows) {
        tasks[i] = llm__task_of(maps[i], h, (size_t)s->model->hidden, in + first, (size_t)m->conv.channels,
                                s->row_count);
        tasks[i].x8 = llm__int8(s, &v, maps[i], h, (size_t)s->model->hidden, s->row_count);
    }
    llm__products(s, tasks, 3);
}

LLM__FN void llm__delta_inputs(llm_session *s, const llm__delta *m, const float *h, llm__delta_work *w) {
    int n = s->row_count, r;
    if (m->in_order == LLM__DELTA_GROUPED) {
        float *qkvz = llm__take(s, (size_t)n * (size_t)m->q.rows), *ba = llm__take(s, (size_t)n * (size_t)m->b.rows);
        llm__linear3(s, h, (size_t)s->model->hidden, n, &m->q, qkvz, &m->b, ba, NULL, NULL);
        for (r = 0; r < n; r++) llm__delta_ungroup(m, qkvz, ba, w, (size_t)r);
        return;
    }
    if (m->in_order == LLM__DELTA_JOINED) llm__linear(s, &m->q, h, n, w->in);
    else llm__delta_qkv(s, m, h, w->in);
    llm__linear(s, &m->b, h, n, w->b);
    llm__linear_low(s, &m->a_low, &m->a_map, h, w->a);
    llm__linear_low(s, &m->z_low, &m->z, h, w->z);
}

LLM__FN void llm__run_delta(llm_session *s, const llm__delta *m, size_t layer, const float *h, float *y) {
    const llm__ops *ops = s->model->ops;
    size_t n = (size_t)s->row_count, heads = n * (size_t)m->value_heads, dv = (size_t)m->value_width, i, r;
    llm__delta_work w;
    w.s = s;
    w.m = m;
    w.layer = layer;
    w.in = llm__take(s, n * (size_t)m->conv.channels);
    w.conv = llm__take(s, n * (size_t)m->conv.channels);
    w.a = llm__take(s, heads * (size_t)(m->columns ? m->key_width : 1));
    w.b = llm__take(s, heads);
    w.z = llm__take(s, heads * dv);
    w.out = llm__take(s, heads * dv);
    llm__delta_inputs(s, m, h, &w);
    llm__convolve(s, &m->conv, layer, w.in, (size_t)m->conv.channels, w.conv);
    for (r = 0; r < n; r++)
        for (i = 0; i < (size_t)m->key_heads; i++) {
            float *q = w.conv + r * (size_t)m->conv.channels + i * (size_t)m->key_width;
            llm__unit(q, m->key_width, 1 / sqrtf((float)m->key_width));
            llm__unit(q + m->key_heads * m->key_width, m->key_width, 1);
        }
    llm__parallel(s, s->part_count * m->value_heads, llm__delta_job, &w);
    for (i = 0; i < heads; i++) {
        float *o = w.out + i * dv;
        llm__norm_row(ops, &m->norm, o, o, (int)dv);
        if (m->sigmoid_gate) {
            ops->sigmoid_mul(o, w.z + i * dv, (int)dv);
        } else {
            ops->silu_mul(w.z + i * dv, o, (int)dv);
            memcpy(o, w.z + i * dv, dv * sizeof(float));
        }
    }
    llm__linear(s, &m->out, w.out, s->row_count, y);
}

/* gear's mixer: sigmoid(norm(q) conv(norm(k))) conv(v), number by number, where each query head has its kv head's. */
LLM__FN void llm__run_keyed_conv(llm_session *s, const llm__attention *a, const llm__conv *conv, size_t layer,
                                 const float *h, float *y) {
    size_t n = (size_t)s->row_count, queries = (size_t)a->heads * (size_t)a->width, width = (size_t)a->width;
    size_t keys = (size_t)a->kv_heads * width, channels = (size_t)conv->channels, r, i;
    float *q = llm__take(s, n * queries), *k = llm__take(s, n * keys), *v = llm__take(s, n * keys);
    float *in = llm__take(s, n * channels), *out = llm__take(s, n * channels);
    llm__linear3(s, h, (size_t)s->model->hidden, s->row_count, &a->q, q, &a->k, k, &a->v, v);
    llm__norm_rows(s, &a->q_norm, q, q, s->row_count * a->heads, a->width);
    llm__norm_rows(s, &a->k_norm, k, k, s->row_count * a->kv_heads, a->width);
    for (r = 0; r < n; r++) {
        memcpy(in + r * channels, k + r * keys, keys * sizeof(float));
        memcpy(in + r * channels + keys, v + r * keys, keys * sizeof(float));
    }
    llm__convolve(s, conv, layer, in, channels, out);
    for (r = 0; r < n; r++)
        for (i = 0; i < queries; i++) {
            size_t at = r * channels + i / width / (size_t)(a->heads / a->kv_heads) * width + i % width;
            float *x = q + r * queries + i;
            *x = out[at + keys] / (1 + expf(-*x * out[at]));
        }
    llm__linear(s, &a->o, q, s->row_count, y);
}

/* ---- feed-forwards: down(act(gate h) * up h) (arXiv:2002.05202), or down(act(up h)) */

typedef struct llm__activate_work {
    const llm__ops *ops;
    const llm__activation *a;
    float *gate;
    const float *up; /* NULL: there is no gate, and `gate` is what goes through the activation */
    int width;
} llm__activate_work;

/* xIELU (arXiv:2411.13010): alpha_p x^2 + beta x above 0; (e^min(x, eps) - 1 - x) alpha_n + beta x below. */
LLM__FN void llm__xielu(const float *numbers, float *x, int n) {
    float alpha_p = numbers[0], alpha_n = numbers[1], beta = numbers[2], eps = numbers[3];
    int i;
    for (i = 0; i < n; i++) {
        float a = x[i];
        x[i] = a > 0 ? alpha_p * a * a + beta * a : (expm1f(a < eps ? a : eps) - a) * alpha_n + beta * a;
    }
}

/* The gated activations whose sides are cut at a limit. */
LLM__FN void llm__swiglu_limited(const llm__activation *a, float *gate, const float *up, int n) {
    float limit = a->limit > 0 ? a->limit : HUGE_VALF;
    float alpha = a->kind != LLM__SWIGLU_OAI ? 1 : a->alpha != 0 ? a->alpha : 1.702f;
    int i, oai = a->kind == LLM__SWIGLU_OAI;
    for (i = 0; i < n; i++) {
        float g = gate[i], u = up[i] > limit ? limit : up[i] < -limit ? -limit : up[i];
        if (oai && g > limit) g = limit;
        g /= 1 + expf(-alpha * g);
        if (!oai && g > limit) g = limit;
        gate[i] = g * (oai ? u + 1 : u);
    }
}

/* x becomes what of it exceeds mean + limit * deviation, 0 where nothing does. */
LLM__FN void llm__cut_low(float *x, int n, float limit) {
    float mean = 0, variance = 0, cut;
    int i;
    for (i = 0; i < n; i++) mean += x[i];
    mean /= (float)n;
    for (i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean);
    cut = mean + limit * sqrtf(variance / (float)n);
    for (i = 0; i < n; i++) x[i] = x[i] > cut ? x[i] - cut : 0;
}

LLM__FN void llm__relu(float *x, int n, int square) {
    int i;
    for (i = 0; i < n; i++) x[i] = x[i] > 0 ? (square ? x[i] * x[i] : x[i]) : 0;
}

static void llm__activate_job(void *argument, int job, int worker) {
    const llm__activate_work *w = (const llm__activate_work *)argument;
    size_t at = (size_t)job * (size_t)w->width;
    float *gate = w->gate + at;
    const float *up = w->up ? w->up + at : NULL;
    int n = w->width;
    (void)worker;
    switch (w->a->kind) {
    case LLM__SILU:
        if (up) w->ops->silu_mul(gate, up, n);
        else w->ops->silu(gate, n);
        return;
    case LLM__GELU:
        if (up) w->ops->gelu_mul(gate, up, n);
        else w->ops->gelu(gate, n);
        return;
    case LLM__GELU_SPARSE: llm__cut_low(gate, n, w->a->limit); /* fall through */
    case LLM__GELU_TANH:
        if (up) w->ops->gelu_tanh_mul(gate, up, n);
        else w->ops->gelu_tanh(gate, n);
        return;
    case LLM__SWIGLU_LIMITED:
    case LLM__SWIGLU_OAI: llm__swiglu_limited(w->a, gate, up, n); return;
    case LLM__RELU: llm__relu(gate, n, 0); break;
    case LLM__RELU2: llm__relu(gate, n, 1); break;
    case LLM__XIELU: llm__xielu(w->a->numbers, gate, n); break;
    }
    if (up) w->ops->mul(gate, up, n);
}

/* gate = activation(gate) * up for n rows; up NULL: gate = activation(gate). */
LLM__FN void llm__activate(llm_session *s, const llm__activation *a, float *gate, const float *up, int n, int width) {
    llm__activate_work w;
    w.ops = s->model->ops;
    w.a = a;
    w.gate = gate;
    w.up = up;
    w.width = width;
    llm__parallel(s, n, llm__activate_job, &w);
}

/* Rows whose numbers are gate and up in turns, apart. */
LLM__FN void llm__unmix(const float *both, size_t n, float *gate, float *up) {
    size_t i;
    for (i = 0; i < n; i++) {
        gate[i] = both[2 * i];
        up[i] = both[2 * i + 1];
    }
}

LLM__FN void llm__run_mlp(llm_session *s, const llm__mlp *m, const float *h, int n, float *y) {
    size_t floats = (size_t)n * (size_t)m->width;
    float *gate = llm__take(s, floats), *up = m->gate_up == LLM__UP_ONLY ? NULL : llm__take(s, floats);
    if (m->gate_up == LLM__GATE_UP_MIXED) {
        float *both = llm__take(s, 2 * floats);
        llm__linear(s, &m->gate, h, n, both);
        llm__unmix(both, floats, gate, up);
    } else {
        llm__linear3(s, h, (size_t)s->model->hidden, n, up ? &m->gate : NULL, gate, &m->up, up ? up : gate, NULL,
                     NULL);
    }
    if (m->gate_scale != 0) s->model->ops->scale(gate, m->gate_scale, (int)floats);
    llm__activate(s, &m->activation, gate, up, n, m->width);
    if (m->sub_normed) llm__norm_rows(s, &m->sub_norm, gate, gate, n, m->width);
    llm__linear(s, &m->down, gate, n, y);
}

/* ---- experts: a router picks a few feed-forwards for each row */

/* Indices of the k largest of n values, largest first; the lowest index among equals. */
LLM__FN void llm__largest(const float *values, int n, int k, int *out) {
    int i, j, count = 0;
    for (i = 0; i < n; i++) {
        if (count == k && !(values[i] > values[out[k - 1]])) continue;
        j = count < k ? count++ : k - 1;
        while (j > 0 && values[i] > values[out[j - 1]]) {
            out[j] = out[j - 1];
            j--;
        }
        out[j] = i;
    }
}

/* DeepSeek-V3's choice (arXiv:2412.19437): a group is worth the sum of its two best biased scores (or its best), the
   experts of the groups that lose score e->dropped.  `choice` [count] holds the biased scores and is changed. */
LLM__FN void llm__drop_groups(const llm__experts *e, float *choice) {
    int per_group = e->count / e->groups, dropped, g, i, worst;
    for (dropped = 0; dropped < e->groups - e->chosen_groups; dropped++) {
        float lowest = HUGE_VALF;
        worst = -1;
        for (g = 0; g < e->groups; g++) {
            float first = -HUGE_VALF, second = -HUGE_VALF;
            const float *c = choice + (size_t)g * (size_t)per_group;
            if (c[0] != c[0]) continue; /* dropped already */
            for (i = 0; i < per_group; i++) {
                if (c[i] > first) {
                    second = first;
                    first = c[i];
                } else if (c[i] > second) {
                    second = c[i];
                }
            }
            if (e->group_best) second = 0;
            if (worst < 0 || first + second < lowest) {
                worst = g;
                lowest = first + second;
            }
        }
        if (worst >= 0) choice[worst * per_group] = (float)NAN;
    }
    for (g = 0; g < e->groups; g++)
        if (choice[g * per_group] != choice[g * per_group])
            for (i = 0; i < per_group; i++) choice[g * per_group + i] = e->dropped;
}

LLM__FN void llm__softmax(float *x, int n) {
    float best = -HUGE_VALF, sum = 0;
    int i;
    for (i = 0; i < n; i++)
        if (x[i] > best) best = x[i];
    for (i = 0; i < n; i++) sum += x[i] = expf(x[i] - best);
    for (i = 0; i < n; i++) x[i] /= sum;
}

/* Logits to scores, for all experts of one row. */
LLM__FN void llm__score(const llm__experts *e, float *x, int n) {
    int i;
    for (i = 0; i < n; i++) {
        if (x[i] != x[i]) x[i] = -HUGE_VALF;
        if (e->router_scale != 0) x[i] *= e->router_scale;
        if (e->score_cap > 0) x[i] = e->score_cap * tanhf(x[i] / e->score_cap);
        if (e->scores == LLM__SIGMOID) x[i] = 1 / (1 + expf(-x[i]));
        if (e->scores == LLM__SQRT_SOFTPLUS) x[i] = sqrtf(llm__softplus(x[i]));
    }
    if (e->scores == LLM__SOFTMAX_ALL) llm__softmax(x, n);
}

/* SparseMixer (arXiv:2310.00811) as phimoe has it: the best expert that is left, weighed by a softmax over those left
   that are near it.  choice [n]: a copy of x, in which the chosen become -infinity. */
LLM__FN void llm__sparsemixer(const llm__experts *e, const float *x, float *choice, int n, int *ids, float *weights) {
    int i, k;
    for (k = 0; k < e->chosen; k++) {
        float sum = 0, best;
        llm__largest(choice, n, 1, &ids[k]);
        best = choice[ids[k]];
        for (i = 0; i < n; i++) {
            float size = fabsf(x[i]) > best ? fabsf(x[i]) : best;
            if (!((best - x[i]) / size > 2 * e->jitter)) sum += expf(choice[i] - best);
        }
        weights[k] = 1 / sum;
        choice[ids[k]] = -HUGE_VALF;
    }
}

/* Chooses experts for one row: logits [count + identity] (changed), choice of the same size is scratch; out: chosen ids
   and weights. */
LLM__FN void llm__route(const llm__experts *e, float *logits, float *choice, int *ids, float *weights) {
    int i, n = e->count + e->identity;
    float sum = 0;
    llm__score(e, logits, n);
    for (i = 0; i < n; i++) choice[i] = logits[i] + (e->bias ? e->bias[i] : 0);
    if (e->groups > 1) llm__drop_groups(e, choice);
    if (e->scores == LLM__SPARSEMIXER) {
        llm__sparsemixer(e, logits, choice, n, ids, weights);
    } else {
        llm__largest(choice, n, e->chosen, ids);
        for (i = 0; i < e->chosen; i++) weights[i] = logits[ids[i]];
    }
    if (e->scores == LLM__SOFTMAX_BEST) llm__softmax(weights, e->chosen);
    for (i = 0; i < e->chosen; i++) sum += weights[i];
    sum += e->renormalize_eps;
    if (sum < e->renormalize_least) sum = e->renormalize_least;
    for (i = 0; e->renormalize && i < e->chosen; i++) weights[i] /= sum;
    for (i = 0; i < e->chosen; i++) weights[i] *= e->scales ? e->scaling * e->scales[ids[i]] : e->scaling;
}

/* The tasks' products, whose x are runs of rows of one array of `rows` rows. */
LLM__FN void llm__expert_products(llm_session *s, llm__variants *v, const float *x, size_t stride, int rows,
                                  int count) {
    llm__rows8 *parts = s->expert_rows;
    int i;
    for (i = 0; i < count; i++) {
        llm__task *t = &s->tasks[i];
        const llm__rows8 *all = llm__int8(s, v, t->w, x, stride, rows);
        if (!all) continue;
        parts[i] = *all;
        parts[i].n = t->n;
        parts[i].codes += (size_t)(t->x - x) / stride * all->code_stride;
        parts[i].scales += (size_t)(t->x - x) / stride * all->scale_stride;
        parts[i].sums += (size_t)(t->x - x) / stride * all->scale_stride;
        t->x8 = &parts[i];
    }
    llm__products(s, s->tasks, count);
}

/* How wide the experts' input and output are. */
LLM__FN int llm__expert_width(const llm_model *m, const llm__experts *e) {
    return e->latent ? e->latent : m->hidden;
}

/* Routed experts for up to LLM__EXPERT_ROWS rows, of which the router sees h and they see `in`: rows are sorted by
   expert, each expert sees its rows as one block, and each row adds up its experts in the order of their ids. */
LLM__FN void llm__run_routed(llm_session *s, const llm__experts *e, const float *h, const float *in, int n, float *y) {
    int row = llm__expert_width(s->model, e);
    size_t width = (size_t)row, pairs = (size_t)n * (size_t)e->chosen, i;
    int all = e->count + e->identity;
    float *logits = llm__take(s, (size_t)n * (size_t)all), *choice = llm__take(s, (size_t)all);
    float *weights = llm__take(s, pairs), *x = llm__take(s, pairs * width), *out = llm__take(s, pairs * width);
    float *gate = llm__take(s, pairs * (size_t)e->width);
    float *up = e->gates ? llm__take(s, pairs * (size_t)e->width) : NULL;
    int *ids = s->order, *slot = s->order + pairs, r, k, id, count = 0;
    llm__variants v;
    llm__linear(s, &e->gate, h, n, logits);
    memset(s->starts, 0, (size_t)(all + 1) * sizeof(int));
    for (r = 0; r < n; r++) {
        llm__route(e, logits + (size_t)r * (size_t)all, choice, ids + r * e->chosen, weights + r * e->chosen);
        for (k = 0; k < e->chosen; k++) s->starts[ids[r * e->chosen + k] + 1]++;
    }
    for (id = 0; id < all; id++) s->starts[id + 1] += s->starts[id];
    for (i = 0; i < pairs; i++) {
        slot[i] = s->starts[ids[i]]++;
        memcpy(x + (size_t)slot[i] * width, in + i / (size_t)e->chosen * width, width * sizeof(float));
        if (!e->weigh_input) continue;
        s->model->ops->scale(x + (size_t)slot[i] * width, weights[i], row);
        weights[i] = 1;
    }
    v.count = 0;
    for (id = all; id > 0; id--) s->starts[id] = s->starts[id - 1];
    s->starts[0] = 0;
    for (id = 0; id < e->count; id++) {
        int first = s->starts[id], rows = s->starts[id + 1] - first;
        if (!rows) continue;
        if (up)
            s->tasks[count++] = llm__task_of(&e->gates[id], x + (size_t)first * width, width,
                                             gate + (size_t)first * (size_t)e->width, (size_t)e->width, rows);
        s->tasks[count++] = llm__task_of(&e->ups[id], x + (size_t)first * width, width,
                                         (up ? up : gate) + (size_t)first * (size_t)e->width, (size_t)e->width, rows);
    }
    llm__expert_products(s, &v, x, width, (int)pairs, count);
    llm__activate(s, &e->activation, gate, up, (int)pairs, e->width);
    v.count = count = 0;
    for (id = 0; id < e->count; id++) {
        int first = s->starts[id], rows = s->starts[id + 1] - first;
        if (rows)
            s->tasks[count++] = llm__task_of(&e->downs[id], gate + (size_t)first * (size_t)e->width, (size_t)e->width,
                                             out + (size_t)first * width, width, rows);
    }
    llm__expert_products(s, &v, gate, (size_t)e->width, (int)pairs, count);
    if (e->identity)
        memcpy(out + (size_t)s->starts[e->count] * width, x + (size_t)s->starts[e->count] * width,
               (pairs - (size_t)s->starts[e->count]) * width * sizeof(float));
    if (e->each_normed) llm__norm_rows(s, &e->each_norm, out, out, (int)pairs, row);
    memset(y, 0, (size_t)n * width * sizeof(float));
    for (r = 0; r < n; r++)
        for (id = -1, k = 0; k < e->chosen; k++) {
            int j, next = -1;
            for (j = 0; j < e->chosen; j++)
                if (ids[r * e->chosen + j] > id && (next < 0 || ids[r * e->chosen + j] < ids[r * e->chosen + next]))
                    next = j;
            id = ids[r * e->chosen + next];
            s->model->ops->add_scaled(y + (size_t)r * width, out + (size_t)slot[r * e->chosen + next] * width,
                                      weights[r * e->chosen + next], row);
        }
}

LLM__FN void llm__run_experts(llm_session *s, const llm__experts *e, const float *h, const float *asked, float *y) {
    int n = s->row_count, r, i, hidden = s->model->hidden, width = llm__expert_width(s->model, e);
    float *shared = NULL, *gate = NULL, *out = y;
    const float *in = h;
    if (e->shared.width) {
        shared = llm__take(s, (size_t)n * (size_t)hidden);
        llm__run_mlp(s, &e->shared, h, n, shared);
        if (e->shared_gate_row.rows)
            llm__linear(s, &e->shared_gate_row, h, n,
                        gate = llm__take(s, (size_t)n * (size_t)e->shared_gate_row.rows));
    }
    if (e->latent) {
        float *low = llm__take(s, (size_t)n * (size_t)width);
        llm__linear(s, &e->latent_down, h, n, low);
        if (e->low_normed) llm__norm_rows(s, &e->low_norm, low, low, n, width);
        in = low;
        out = llm__take(s, (size_t)n * (size_t)width);
    }
    for (r = 0; r < n; r += LLM__EXPERT_ROWS) {
        size_t mark = s->slab_used;
        int rows = n - r < LLM__EXPERT_ROWS ? n - r : (int)LLM__EXPERT_ROWS;
        llm__run_routed(s, e, asked + (size_t)r * (size_t)hidden, in + (size_t)r * (size_t)width, rows,
                        out + (size_t)r * (size_t)width);
        s->slab_used = mark;
    }
    if (e->latent_normed) llm__norm_rows(s, &e->latent_norm, out, out, n, width);
    if (e->latent) llm__linear(s, &e->latent_up, out, n, y);
    if (!shared) return;
    for (i = 0; i < n; i++) {
        float *sum = y + (size_t)i * (size_t)hidden, part = 1;
        if (e->blended) part = 1 / (1 + expf(gate[2 * i] - gate[2 * i + 1]));
        else if (gate) part = 1 / (1 + expf(-gate[i]));
        if (e->blended) s->model->ops->scale(sum, 1 - part, hidden);
        s->model->ops->add_scaled(sum, shared + (size_t)i * (size_t)hidden, part, hidden);
    }
}

/* y = norm(mlp(h)) + norm(experts(norm(x))); the router reads the stream x through a norm of its own. */
LLM__FN void llm__run_mlp_and_experts(llm_session *s, const llm__layer *layer, const float *h) {
    int n = s->row_count, hidden = s->model->hidden;
    size_t floats = (size_t)n * (size_t)hidden;
    float *dense = llm__take(s, floats), *in = llm__take(s, floats), *asked = llm__take(s, floats);
    llm__run_mlp(s, &layer->mlp, h, n, dense);
    llm__norm_rows(s, &layer->mlp_post_norm, dense, dense, n, hidden);
    llm__norm_rows(s, &layer->experts_norm, s->x, in, n, hidden);
    llm__norm_rows(s, &layer->router_norm, s->x, asked, n, hidden);
    llm__run_experts(s, &layer->experts, in, asked, s->y);
    llm__norm_rows(s, &layer->experts_post_norm, s->y, s->y, n, hidden);
    s->model->ops->add(s->y, dense, (int)floats);
}

/* ---- embeddings */

/* A row of a table, scaled.  mlx decodes the formats of mx and nv to bfloat16, and goes on in it. */
LLM__FN void llm__embed_row(const llm_session *s, const llm__matrix *table, int id, float scale, float *out,
                            int worker) {
    const llm__ops *ops = s->model->ops;
    int i, rounded = table->format == LLM__MXFP4 || table->format == LLM__MXFP8 || table->format == LLM__NVFP4;
    ops->decode_rows(table, id, id + 1, out, llm__scratch(s, worker));
    if (scale == 1) return;
    ops->scale(out, rounded ? llm__bf16_to_f32(llm__f32_to_bf16(scale)) : scale, table->cols);
    for (i = 0; rounded && i < table->cols; i++) out[i] = llm__bf16_to_f32(llm__f32_to_bf16(out[i]));
}

/* ---- per-layer embeddings: of each token, a small vector for each layer, made before the first one:
   e = (norm(Wx / sqrt(hidden)) + table[token] * sqrt(width)) / sqrt(2) */

/* What the pass carries for all layers: [rows, layers, width]. */
LLM__FN float *llm__side_rows(const llm_session *s, int row) {
    const llm_model *m = s->model;
    return s->carry + (size_t)row * (size_t)m->layer_count * (size_t)m->side_width;
}

static void llm__side_job(void *argument, int row, int worker) {
    llm_session *s = (llm_session *)argument;
    const llm_model *m = s->model;
    float *e = llm__side_rows(s, row), *table = s->slab + (size_t)row * (size_t)m->side_map.rows;
    int all = m->side_map.rows, i, id = s->tokens[row] < m->side_count ? s->tokens[row] : 0;
    llm__embed_row(s, &m->side_table, id, sqrtf((float)m->side_width), table, worker);
    m->ops->scale(e, 1 / sqrtf((float)m->hidden), all);
    for (i = 0; i < m->layer_count; i++)
        llm__norm_row(m->ops, &m->side_norm, e + i * m->side_width, e + i * m->side_width, m->side_width);
    m->ops->add(e, table, all);
    m->ops->scale(e, sqrtf(0.5f), all);
}

LLM__FN void llm__begin_side(llm_session *s) {
    llm__linear(s, &s->model->side_map, s->x, s->row_count, s->carry);
    llm__parallel(s, s->row_count, llm__side_job, s);
}

typedef struct llm__side_work {
    llm_session *s;
    float *gate;
    int layer, width;
} llm__side_work;

static void llm__side_gate_job(void *argument, int row, int worker) {
    llm__side_work *w = (llm__side_work *)argument;
    (void)worker;
    w->s->model->ops->gelu_tanh_mul(w->gate + (size_t)row * (size_t)w->width,
                                    llm__side_rows(w->s, row) + (size_t)w->layer * (size_t)w->width, w->width);
}

/* s->y = norm(project(gelu(gate x) * e)). */
LLM__FN void llm__run_side(llm_session *s, const llm__side *side, int layer) {
    llm__side_work w;
    w.s = s;
    w.layer = layer;
    w.width = side->width;
    w.gate = llm__take(s, (size_t)s->row_count * (size_t)side->width);
    llm__linear(s, &side->gate, s->x, s->row_count, w.gate);
    llm__parallel(s, s->row_count, llm__side_gate_job, &w);
    llm__linear(s, &side->project, w.gate, s->row_count, s->y);
    llm__norm_rows(s, &side->norm, s->y, s->y, s->row_count, s->model->hidden);
}

/* ---- alternating updates: streams beside the one that layers work on */

/* Stream i of a row, behind the per-layer embeddings of all rows. */
LLM__FN float *llm__stream(const llm_session *s, int i, int row) {
    size_t at = (size_t)i * (size_t)s->row_count + (size_t)row;
    return llm__side_rows(s, s->row_count) + at * (size_t)s->model->hidden;
}

LLM__FN float llm__magnitude(const float *x, int n) {
    float sum = 0;
    int i;
    for (i = 0; i < n; i++) sum += x[i] * x[i];
    return sqrtf(sum / (float)n);
}

/* Stretches the row y to the magnitude of x. */
LLM__FN void llm__match(const llm__ops *ops, const float *x, float *y, int n) {
    float magnitude = llm__magnitude(y, n);
    if (magnitude > 0) ops->scale(y, llm__magnitude(x, n) / magnitude, n);
}

/* The first stream is the embedding; the others are maps of it, of its magnitude. */
LLM__FN void llm__begin_streams(llm_session *s) {
    const llm_model *m = s->model;
    int i, r;
    memcpy(llm__stream(s, 0, 0), s->x, (size_t)s->row_count * (size_t)m->hidden * sizeof(float));
    for (i = 1; i < m->alternates; i++) {
        llm__linear(s, &m->alternates_in[i - 1], s->x, s->row_count, llm__stream(s, i, 0));
        for (r = 0; r < s->row_count; r++) llm__match(m->ops, llm__stream(s, 0, r), llm__stream(s, i, r), m->hidden);
    }
}

/* In the end x is the mean of all, each mapped back and of the first one's magnitude. */
LLM__FN void llm__join_streams(llm_session *s) {
    const llm_model *m = s->model;
    int i, r, n = (int)((size_t)s->row_count * (size_t)m->hidden);
    memcpy(s->x, llm__stream(s, 0, 0), (size_t)n * sizeof(float));
    for (i = 1; i < m->alternates; i++) {
        llm__linear(s, &m->alternates_out[i - 1], llm__stream(s, i, 0), s->row_count, s->y);
        for (r = 0; r < s->row_count; r++)
            llm__match(m->ops, llm__stream(s, 0, r), s->y + (size_t)r * (size_t)m->hidden, m->hidden);
        m->ops->add(s->x, s->y, n);
    }
    m->ops->scale(s->x, 1 / (float)m->alternates, n);
}

typedef struct llm__altup_work {
    llm_session *s;
    const llm__altup *a;
    float *modes; /* [rows, count]: tanh of the router, of which all coefficients are linear functions */
} llm__altup_work;

LLM__FN float llm__coefficient(const llm__altup *a, const float *weights, const float *modes) {
    float sum = 0;
    int k;
    for (k = 0; k < a->count; k++) sum += weights[k] * modes[k];
    return sum;
}

/* stream_j += sum_i coefficient_ji stream_i for all j at once; x becomes the active one. */
static void llm__predict_job(void *argument, int row, int worker) {
    const llm__altup_work *w = (const llm__altup_work *)argument;
    const llm__altup *a = w->a;
    float coefficients[LLM__MAX_STREAMS * LLM__MAX_STREAMS], old[LLM__MAX_STREAMS];
    const float *modes = w->modes + (size_t)row * (size_t)a->count;
    int n = a->count, hidden = w->s->model->hidden, i, j, k;
    (void)worker;
    for (i = 0; i < n * n; i++) coefficients[i] = llm__coefficient(a, a->predict + (size_t)i * (size_t)n, modes);
    for (k = 0; k < hidden; k++) {
        for (i = 0; i < n; i++) old[i] = llm__stream(w->s, i, row)[k];
        for (j = 0; j < n; j++) {
            float sum = 0;
            for (i = 0; i < n; i++) sum += old[i] * coefficients[j * n + i];
            llm__stream(w->s, j, row)[k] = old[j] + sum;
        }
    }
    memcpy(w->s->x + (size_t)row * (size_t)hidden, llm__stream(w->s, a->active, row), (size_t)hidden * sizeof(float));
}

/* stream_j += (1 + coefficient_j) (x - active stream); x becomes the active one again. */
static void llm__correct_job(void *argument, int row, int worker) {
    const llm__altup_work *w = (const llm__altup_work *)argument;
    const llm__altup *a = w->a;
    const float *modes = w->modes + (size_t)row * (size_t)a->count;
    int hidden = w->s->model->hidden, j, k;
    float *x = w->s->x + (size_t)row * (size_t)hidden, *active = llm__stream(w->s, a->active, row);
    (void)worker;
    for (k = 0; k < hidden; k++) x[k] -= active[k];
    for (j = 0; j < a->count; j++)
        w->s->model->ops->add_scaled(llm__stream(w->s, j, row), x,
                                     1 + llm__coefficient(a, a->correct + (size_t)j * (size_t)a->count, modes), hidden);
    memcpy(x, active, (size_t)hidden * sizeof(float));
    if (a->scaled) w->s->model->ops->mul(x, a->scale, hidden);
}

/* Runs one of the jobs above for what the router makes of x. */
LLM__FN void llm__run_altup(llm_session *s, const llm__altup *a, const float *x, llm_job_fn job) {
    int i, hidden = s->model->hidden;
    llm__altup_work w;
    w.s = s;
    w.a = a;
    w.modes = llm__take(s, (size_t)s->row_count * (size_t)a->count);
    llm__norm_rows(s, &a->router_norm, x, s->h, s->row_count, hidden);
    llm__linear(s, &a->router, s->h, s->row_count, w.modes);
    for (i = 0; i < s->row_count * a->count; i++) w.modes[i] = tanhf(w.modes[i] / (float)hidden);
    llm__parallel(s, s->row_count, job, &w);
}

/* Beside the mixer, of the same input h (in s->h):  x = (x + h + norm(right(left(h)))) / sqrt(2). */
LLM__FN void llm__run_laurel(llm_session *s, const llm__laurel *l) {
    const llm_model *m = s->model;
    float *low = llm__take(s, (size_t)s->row_count * (size_t)l->rank);
    int n = (int)((size_t)s->row_count * (size_t)m->hidden);
    llm__linear(s, &l->left, s->h, s->row_count, low);
    llm__linear(s, &l->right, low, s->row_count, s->y);
    llm__norm_rows(s, &l->norm, s->y, s->y, s->row_count, m->hidden);
    m->ops->add(s->x, s->h, n);
    m->ops->add(s->x, s->y, n);
    m->ops->scale(s->x, sqrtf(0.5f), n);
}

/* ======================================================================================================== >>forward
   One pass over the layers.  A pass takes up to max_rows new tokens of any number of sequences; a call is as many
   passes as its tokens need.  The pass can be left between any two layers and taken up again: everything it has so far
   lies in the session, and the caches take over nothing before llm__pass_finish. */

/* Rows of the embedding table, scaled as the model wants. */
static void llm__embed_job(void *argument, int job, int worker) {
    llm_session *s = (llm_session *)argument;
    const llm_model *m = s->model;
    float *x = s->x + (size_t)job * (size_t)m->hidden;
    const llm__part *part = llm__part_of(s, job);
    llm__embed_row(s, &m->embedding, s->tokens[job], m->embedding_scale, x, worker);
    if (m->position_count) {
        float *place = s->y + (size_t)job * (size_t)m->hidden;
        const int at = (int)(part->position + (job - part->first));
        m->ops->decode_rows(&m->positions, at, at + 1, place, llm__scratch(s, worker));
        m->ops->add(x, place, m->hidden);
    }
    if (m->embedding_normed) llm__norm_row(m->ops, &m->embedding_norm, x, x, m->hidden);
    if (m->carry_embedding)
        memcpy(s->carry + (size_t)job * (size_t)m->carry, x, (size_t)m->hidden * sizeof(float));
}

/* ---- embeddings of the last tokens together */

typedef struct llm__ngram_work {
    llm_session *s;
    const llm__ngram_table *g;
    float *found; /* [rows, width] */
} llm__ngram_work;

/* The id that stands `back` places before row r of a part: in this pass, or before it; 0 before the first. */
LLM__FN int64_t llm__past_token(const llm_session *s, const llm__part *part, int r, int back) {
    if (r >= back) return s->tokens[part->first + r - back];
    return (int64_t)llm__cache_state(part->cache, 0, 0)[s->model->ngram_past + r - back];
}

/* id + sum over p of past_p (V^p mod rows), all mod rows. */
static void llm__ngram_job(void *argument, int row, int worker) {
    const llm__ngram_work *w = (const llm__ngram_work *)argument;
    const llm__part *part = llm__part_of(w->s, row);
    int64_t id = w->s->tokens[row], power = 1;
    int p;
    for (p = 1; p < w->g->reach; p++) {
        power = power * w->s->model->vocabulary % w->g->rows;
        id += llm__past_token(w->s, part, row - part->first, p) * power;
    }
    id %= w->g->rows;
    w->s->model->ops->decode_rows(&w->g->table, (int)id, (int)id + 1,
                                  w->found + (size_t)row * (size_t)w->g->table.cols, llm__scratch(w->s, worker));
}

LLM__FN void llm__add_ngrams(llm_session *s) {
    const llm_model *m = s->model;
    size_t floats = (size_t)s->row_count * (size_t)m->hidden;
    llm__ngram_work w;
    int i, k, past = m->ngram_past;
    s->slab_used = 0;
    w.s = s;
    w.found = llm__take(s, (size_t)s->row_count * (size_t)(m->hidden / m->ngram_count));
    for (i = 0; i < m->ngram_count; i++) {
        w.g = &m->ngrams[i];
        llm__parallel(s, s->row_count, llm__ngram_job, &w);
        llm__linear(s, &w.g->map, w.found, s->row_count, s->y);
        m->ops->add(s->x, s->y, (int)floats);
    }
    m->ops->scale(s->x, 1 / (float)(1 + m->ngram_count), (int)floats);
    for (i = 0; i < s->part_count; i++) {
        const llm__part *part = &s->parts[i];
        float *next = llm__cache_next_state(part->cache, 0, 0);
        for (k = 0; k < past; k++) next[k] = (float)llm__past_token(s, part, part->count, past - k);
    }
}

static void llm__angles_job(void *argument, int job, int worker) {
    llm_session *s = (llm_session *)argument;
    const llm__part *part = llm__part_of(s, job);
    int i;
    (void)worker;
    for (i = 0; i < s->model->rope_count; i++)
        llm__angles(&s->model->ropes[i], part->position + (job - part->first), part->call_end,
                    s->angles[i] + (size_t)job * (size_t)s->model->ropes[i].dims);
}

LLM__FN void llm__abandon_parts(llm_session *s) {
    int i;
    for (i = 0; i < s->part_count; i++) llm__cache_abandon(s->parts[i].cache);
    s->part_count = 0;
    s->layer = -1;
}

/* Fills a pass with what is left of the call, in order.  It ends early where a sequence is due for a checkpoint. */
LLM__FN llm_status llm__pass_begin(llm_session *s, llm_error *error) {
    size_t sequence = s->at_sequence, token = s->at_token;
    s->part_count = s->row_count = 0;
    while (sequence < s->sequence_count && s->row_count < s->max_rows) {
        const llm_sequence *q = &s->sequences[sequence];
        llm__part *part = &s->parts[s->part_count];
        int64_t length = llm_cache_length(q->cache), limit = llm__cache_pass_limit(q->cache);
        size_t room = (size_t)(s->max_rows - s->row_count), count = q->count - token < room ? q->count - token : room;
        llm_status status;
        if ((int64_t)count > limit) count = (size_t)limit;
        status = llm__cache_begin(q->cache, (int64_t)count, length - (int64_t)token, (int64_t)q->count, error);
        if (status != LLM_OK) {
            llm__abandon_parts(s);
            return status;
        }
        s->part_count++;
        part->cache = q->cache;
        part->sequence = q;
        part->first = s->row_count;
        part->count = (int)count;
        part->position = length;
        part->call_end = length - (int64_t)token + (int64_t)q->count;
        part->last = token + count == q->count;
        memcpy(s->tokens + s->row_count, q->tokens + token, count * sizeof(int32_t));
        s->row_count += (int)count;
        if (!part->last) break;
        sequence++;
        token = 0;
    }
    s->layer = 0;
    llm__parallel(s, s->row_count, llm__embed_job, s);
    if (s->model->ngram_count) llm__add_ngrams(s);
    llm__parallel(s, s->row_count, llm__angles_job, s);
    s->slab_used = 0;
    if (s->model->side_width) llm__begin_side(s);
    if (s->model->alternates) llm__begin_streams(s);
    return LLM_OK;
}

LLM__FN void llm__run_mixer(llm_session *s, const llm__layer *layer, llm__mixer_kind kind, int cache, const float *h) {
    switch (kind) {
    case LLM__NO_MIXER: break;
    case LLM__MIXER_MAP: llm__linear(s, &layer->mixer_map, h, s->row_count, s->y); break;
    case LLM__ATTENTION: llm__run_attention(s, &layer->attention, (size_t)cache, h, s->y); break;
    case LLM__LATENT: llm__run_latent(s, &layer->latent, (size_t)cache, h, s->y); break;
    case LLM__SSM: llm__run_ssm(s, &layer->ssm, (size_t)cache, h, s->y); break;
    case LLM__DELTA: llm__run_delta(s, &layer->delta, (size_t)cache, h, s->y); break;
    case LLM__SHORT_CONV: llm__run_short(s, &layer->short_conv, (size_t)cache, h, s->y); break;
    case LLM__LRU:
    case LLM__FADING:
    case LLM__RWKV: break;
    case LLM__KEYED_CONV:
        llm__run_keyed_conv(s, &layer->attention, &layer->keyed_conv, (size_t)cache, h, s->y);
        break;
    }
}

LLM__FN void llm__run_ffn(llm_session *s, const llm__layer *layer, const float *h) {
    switch (layer->ffn) {
    case LLM__NO_FFN: break;
    case LLM__FFN_MAP: llm__linear(s, &layer->ffn_map, h, s->row_count, s->y); break;
    case LLM__MLP: llm__run_mlp(s, &layer->mlp, h, s->row_count, s->y); break;
    case LLM__EXPERTS: llm__run_experts(s, &layer->experts, h, h, s->y); break;
    case LLM__MLP_AND_EXPERTS: llm__run_mlp_and_experts(s, layer, h); break;
    }
}

/* What a block reads: the stream's norm, or the stream. */
LLM__FN const float *llm__block_input(llm_session *s, const llm__layer *layer, const llm__norm *norm) {
    if (!llm__has_pre(layer)) return s->x;
    llm__norm_rows(s, norm, s->x, s->h, s->row_count, s->model->hidden);
    return s->h;
}

/* Adds what a block gave to the stream. */
LLM__FN void llm__add_branch(llm_session *s, const llm__layer *layer, const llm__norm *post,
                            const llm__residual *residual, const float *gain, float factor) {
    const llm_model *m = s->model;
    float scale = layer->branch_scale * (gain ? *gain : 1);
    int n = (int)((size_t)s->row_count * (size_t)m->hidden), i;
    if (llm__has_post(layer)) llm__norm_rows(s, post, s->y, s->y, s->row_count, m->hidden);
    for (i = 0; residual->keep && i < s->row_count; i++) {
        m->ops->mul(s->x + (size_t)i * (size_t)m->hidden, residual->keep, m->hidden);
        m->ops->mul(s->y + (size_t)i * (size_t)m->hidden, residual->take, m->hidden);
    }
    scale *= factor;
    if (scale == 1) m->ops->add(s->x, s->y, n);
    else m->ops->add_scaled(s->x, s->y, scale, n);
}

/* The per-layer embedding goes to the stream, or to all but the first. */
LLM__FN void llm__add_side(llm_session *s) {
    const llm_model *m = s->model;
    int i, n = (int)((size_t)s->row_count * (size_t)m->hidden);
    if (!m->alternates) m->ops->add(s->x, s->y, n);
    for (i = 1; i < m->alternates; i++) m->ops->add(llm__stream(s, i, 0), s->y, n);
}

/* One layer, in the order of its scheme.  Scratch begins anew for each block. */
LLM__FN void llm__run_layer(llm_session *s, int i) {
    const llm_model *m = s->model;
    const llm__layer *layer = &m->layers[i];
    int parallel = layer->scheme == LLM__PARALLEL_ONE || layer->scheme == LLM__PARALLEL_TWO;
    const float *h = NULL;
    s->slab_used = 0;
    if (layer->altup.count) llm__run_altup(s, &layer->altup, llm__stream(s, layer->altup.active, 0), llm__predict_job);
    s->slab_used = 0;
    if (layer->mixer != LLM__NO_MIXER) {
        h = llm__block_input(s, layer, &layer->mixer_norm);
        llm__run_mixer(s, layer, layer->mixer, layer->cache, h);
        if (layer->scheme == LLM__PARALLEL_TWO) h = llm__block_input(s, layer, &layer->ffn_norm);
        llm__add_branch(s, layer, &layer->mixer_post_norm, &layer->mixer_residual, layer->mixer_gain, layer->mixer_scale);
    }
    s->slab_used = 0;
    if (layer->laurel.rank) llm__run_laurel(s, &layer->laurel);
    s->slab_used = 0;
    if (layer->beside != LLM__NO_MIXER) {
        llm__run_mixer(s, layer, layer->beside, layer->beside_cache, h);
        llm__add_branch(s, layer, &layer->mixer_post_norm, &layer->mixer_residual, layer->mixer_gain, layer->beside_scale);
    }
    s->slab_used = 0;
    if (layer->ffn != LLM__NO_FFN) {
        if (!parallel || !h) h = llm__block_input(s, layer, &layer->ffn_norm);
        if (layer->shortcut == LLM__SHORTCUT_BEGINS) llm__run_experts(s, &layer->experts, h, h, s->carry);
        s->slab_used = 0;
        llm__run_ffn(s, layer, h);
        llm__add_branch(s, layer, &layer->ffn_post_norm, &layer->ffn_residual, layer->ffn_gain, layer->ffn_scale);
        if (layer->shortcut == LLM__SHORTCUT_ENDS)
            m->ops->add(s->x, s->carry, (int)((size_t)s->row_count * (size_t)m->hidden));
    }
    s->slab_used = 0;
    if (layer->altup.count) llm__run_altup(s, &layer->altup, s->x, llm__correct_job);
    if (layer->side.width) llm__run_side(s, &layer->side, i);
    if (layer->side.width) llm__add_side(s);
    if (layer->gained) m->ops->add_scaled(s->x, s->carry, *layer->embedding_gain, s->row_count * m->hidden);
    if (layer->ends_loop) llm__norm_rows(s, &m->norm, s->x, s->x, s->row_count, m->hidden);
    if (layer->output_scale)
        m->ops->scale(s->x, *layer->output_scale, (int)((size_t)s->row_count * (size_t)m->hidden));
}

LLM__FN void llm__softcap(float *x, size_t n, float cap) {
    size_t i;
    for (i = 0; i < n; i++) x[i] = cap * tanhf(x[i] / cap);
}

/* What happens to a row of logits after the last map. */
LLM__FN void llm__finish_logits(const llm_model *m, float *logits) {
    int i;
    if (m->logit_scale != 1) m->ops->scale(logits, m->logit_scale, m->vocabulary);
    if (m->logit_softcap > 0) llm__softcap(logits, (size_t)m->vocabulary, m->logit_softcap);
    for (i = 0; i < m->masked_count; i++) logits[m->masked[i]] = -HUGE_VALF;
}

/* Logits of the rows that are wanted.  Sequences whose last rows go to equally spaced places share one product. */
LLM__FN void llm__pass_logits(llm_session *s) {
    const llm_model *m = s->model;
    size_t vocabulary = (size_t)m->vocabulary, hidden = (size_t)m->hidden;
    int i, run, count = 0;
    llm__part *parts = s->parts;
    llm__variants v;
    for (i = 0; i < s->part_count; i++) { /* gather normed rows in h; s->order says how many each part has */
        int all = parts[i].sequence->want == LLM_LOGITS_ALL, rows = all ? parts[i].count : parts[i].last;
        if (parts[i].sequence->want == LLM_LOGITS_NONE) rows = 0;
        llm__norm_rows(s, &m->norm, s->x + (size_t)(parts[i].first + parts[i].count - rows) * hidden,
                       s->h + (size_t)count * hidden, rows, m->hidden);
        s->order[i] = rows;
        count += rows;
    }
    for (i = 0, count = 0; i < s->part_count; i += run) {
        const llm_sequence *q = parts[i].sequence;
        int rows = s->order[i], j;
        size_t stride = vocabulary;
        float *out = q->logits;
        llm__task task;
        run = 1;
        if (!rows) continue;
        if (q->want == LLM_LOGITS_ALL)
            out += (size_t)(parts[i].position - (parts[i].call_end - (int64_t)q->count)) * vocabulary;
        if (q->want == LLM_LOGITS_LAST && i + 1 < s->part_count && s->order[i + 1] == 1 &&
            parts[i + 1].sequence->logits > out) {
            stride = (size_t)(parts[i + 1].sequence->logits - out);
            while (i + run < s->part_count && s->order[i + run] == 1 &&
                   parts[i + run].sequence->want == LLM_LOGITS_LAST &&
                   parts[i + run].sequence->logits == out + (size_t)run * stride)
                run++;
            rows = run;
        }
        v.count = 0;
        task = llm__task_of(&m->head, s->h + (size_t)count * hidden, hidden, out, stride, rows);
        task.x8 = llm__int8(s, &v, &m->head, task.x, hidden, rows);
        llm__products(s, &task, 1);
        for (j = 0; j < rows; j++) llm__finish_logits(m, out + (size_t)j * stride);
        count += rows;
    }
}

/* The caches take over what the pass computed, and the call moves on. */
LLM__FN void llm__pass_finish(llm_session *s) {
    int i;
    if (s->model->alternates) llm__join_streams(s);
    llm__pass_logits(s);
    for (i = 0; i < s->part_count; i++) {
        const llm__part *part = &s->parts[i];
        llm__cache_commit(part->cache);
        s->at_token = part->last ? 0 : s->at_token + (size_t)part->count;
        s->at_sequence += part->last ? 1 : 0;
    }
    s->part_count = 0;
    s->layer = -1;
}

/* Works on the call until it is done, the budget (microseconds; below 0: none) is used up, or it is cancelled. */
LLM__FN llm_status llm__forward(llm_session *s, int64_t budget_us, llm_error *error) {
    int64_t start = budget_us < 0 ? 0 : s->clock.now_us(s->clock.user);
    llm_status status;
    while (s->at_sequence < s->sequence_count) {
        if (s->cancel && llm__atomic_get(s->cancel)) return llm__fail(error, LLM_CANCELLED, "cancelled");
        if (s->layer < 0) {
            status = llm__pass_begin(s, error);
            if (status != LLM_OK) return status;
        }
        if (s->layer < s->model->layer_count) llm__run_layer(s, s->layer++);
        else llm__pass_finish(s);
        if (budget_us >= 0 && s->at_sequence < s->sequence_count && s->clock.now_us(s->clock.user) - start >= budget_us)
            return LLM_PENDING;
    }
    s->active = 0;
    return LLM_OK;
}

/* ======================================================================================================== >>session
   What is mutable and who owns it: a session's memory is sized here, once, from the layers it will run, so that a pass
   allocates nothing. */

typedef struct llm__needs {
    size_t floats;       /* scratch a block takes for one row... */
    size_t fixed;        /* ...and whatever the rows */
    size_t scratch;      /* bytes for each worker */
    size_t widest;       /* widest input of a linear map that may run in int8 */
    size_t pair_bytes;   /* int8 rows of the experts */
    size_t tasks, order, starts;
    size_t picks, pick_sets; /* of a row, by indexers */
} llm__needs;

LLM__FN void llm__most(size_t *a, size_t b) {
    if (b > *a) *a = b;
}

LLM__FN void llm__need_matrix(llm__needs *n, const llm__matrix *w) {
    if (!w->data) return;
    llm__most(&n->scratch, llm__product_scratch(w));
    llm__most(&n->widest, (size_t)w->cols);
}

/* Floats for one row; mirrors what the blocks take, with room for rounding. */
LLM__FN size_t llm__attention_floats(const llm__attention *a) {
    size_t heads = (size_t)a->heads, kv = (size_t)a->kv_heads, width = (size_t)a->width, value = (size_t)a->value_width;
    return (size_t)a->q.rows + heads * width + (a->mixed ? 2 : 1) * heads * value + kv * (width + value) +
           (size_t)a->gates.rows + (size_t)(a->indexer.heads + 1) * (size_t)a->indexer.width;
}

LLM__FN size_t llm__latent_floats(const llm__latent *t) {
    size_t heads = (size_t)t->heads, width = (size_t)(t->nope + t->rotary), rank = (size_t)t->rank;
    size_t turned = (size_t)t->rotary, value = (size_t)t->value, indexing = (size_t)t->indexer.heads;
    size_t before = heads * (width + value) + rank + turned + (size_t)t->q_rank;
    size_t form = t->expanded ? rank + heads * ((size_t)t->nope + width + 2 * value) : heads * (2 * rank + turned);
    return before + form + (indexing + 2) * (size_t)t->indexer.width + indexing;
}

LLM__FN size_t llm__ssm_floats(const llm__ssm *s) {
    size_t inner = (size_t)s->heads * (size_t)s->width;
    return (size_t)s->in.rows + (size_t)s->conv.channels + 3 * inner + (size_t)s->x.rows + (size_t)s->heads;
}

LLM__FN size_t llm__delta_floats(const llm__delta *d) {
    size_t values = (size_t)d->value_heads * (size_t)d->value_width;
    size_t decays = (size_t)d->value_heads * (size_t)(d->columns ? d->key_width : 1);
    return 4 * values + 2 * (size_t)d->conv.channels + 4 * (size_t)d->value_heads + decays +
           (size_t)(d->a_rank + d->z_rank) + 2 * (size_t)(d->key_heads * d->key_width);
}

LLM__FN size_t llm__mixer_floats(const llm__layer *l, llm__mixer_kind kind) {
    const llm__latent *t = &l->latent;
    switch (kind) {
    case LLM__NO_MIXER:
    case LLM__MIXER_MAP: return 0;
    case LLM__ATTENTION: return llm__attention_floats(&l->attention);
    case LLM__LATENT: return llm__latent_floats(t);
    case LLM__SSM: return llm__ssm_floats(&l->ssm);
    case LLM__DELTA: return llm__delta_floats(&l->delta);
    case LLM__SHORT_CONV: return 4 * (size_t)l->short_conv.conv.channels;
    case LLM__LRU:
    case LLM__FADING:
    case LLM__RWKV: return 0;
    case LLM__KEYED_CONV: return llm__attention_floats(&l->attention) + 2 * (size_t)l->keyed_conv.channels;
    }
    return 0;
}

LLM__FN size_t llm__mlp_floats(const llm__mlp *m) {
    return (m->gate_up == LLM__GATE_UP_MIXED ? 4 : 2) * (size_t)m->width;
}

LLM__FN void llm__need_experts(llm__needs *n, const llm_model *m, const llm__experts *e, size_t *floats,
                               size_t *fixed) {
    size_t hidden = (size_t)m->hidden, chosen = (size_t)e->chosen, rows = LLM__EXPERT_ROWS;
    size_t all = (size_t)(e->count + e->identity), row = (size_t)llm__expert_width(m, e);
    *floats = llm__mlp_floats(&e->shared) + (e->shared.width ? hidden : 0) + 2 * (size_t)e->latent + 16;
    *fixed = rows * (all + chosen * (2 * row + 2 * (size_t)e->width + 1)) + all;
    llm__most(&n->pair_bytes, llm__rows8_bytes((int)(rows * chosen), (int)row));
    llm__most(&n->pair_bytes, llm__rows8_bytes((int)(rows * chosen), e->width));
    llm__most(&n->tasks, 2 * (size_t)e->count);
    llm__most(&n->order, 2 * rows * chosen);
    llm__most(&n->starts, all + 1);
    llm__need_matrix(n, &e->gate);
    llm__need_matrix(n, &e->ups[0]);
    llm__need_matrix(n, &e->downs[0]);
    llm__need_matrix(n, &e->shared.up);
    llm__need_matrix(n, &e->shared.down);
    llm__need_matrix(n, &e->latent_down);
    llm__need_matrix(n, &e->latent_up);
}

LLM__FN void llm__need_indexer(llm__needs *n, const llm__indexer *x) {
    if (!x->heads) return;
    llm__need_matrix(n, &x->q);
    llm__need_matrix(n, &x->k);
    llm__most(&n->picks, (size_t)x->chosen);
    llm__most(&n->pick_sets, x->block ? (size_t)x->heads : 1);
    llm__most(&n->scratch, sizeof(float) * (size_t)LLM_PAGE_TOKENS * (size_t)(x->width + x->heads) +
                               llm__decode_scratch(LLM_PAGE_TOKENS * x->width, 32));
}

LLM__FN void llm__need_mixer(llm__needs *n, const llm__layer *l, llm__mixer_kind kind) {
    const llm__attention *a = &l->attention;
    const llm__latent *t = &l->latent;
    llm__most(&n->floats, llm__mixer_floats(l, kind));
    switch (kind) {
    case LLM__NO_MIXER: break;
    case LLM__MIXER_MAP: llm__need_matrix(n, &l->mixer_map); break;
    case LLM__ATTENTION:
        llm__need_matrix(n, &a->q);
        llm__need_indexer(n, &a->indexer);
        llm__need_matrix(n, &a->o);
        llm__need_matrix(n, &a->gates);
        llm__most(&n->scratch, llm__attend_scratch(a->width, a->value_width, a->heads / a->kv_heads));
        break;
    case LLM__LATENT:
        llm__need_matrix(n, &t->q_b);
        llm__need_matrix(n, &t->o);
        llm__need_matrix(n, &t->kv_a);
        llm__need_indexer(n, &t->indexer);
        if (t->expanded) {
            llm__need_matrix(n, &t->kv_b);
            llm__most(&n->scratch, llm__attend_scratch(t->nope + t->rotary, t->value, 1));
            break;
        }
        llm__need_matrix(n, &t->embed_q[0]);
        llm__need_matrix(n, &t->unembed[0]);
        llm__most(&n->tasks, (size_t)t->heads);
        llm__most(&n->scratch, llm__attend_scratch(t->rank + t->rotary, t->rank, t->heads));
        break;
    case LLM__SSM:
        llm__need_matrix(n, &l->ssm.out);
        llm__need_matrix(n, &l->ssm.x);
        llm__need_matrix(n, &l->ssm.dt);
        break;
    case LLM__DELTA:
        llm__need_matrix(n, &l->delta.out);
        llm__need_matrix(n, &l->delta.a_map);
        llm__need_matrix(n, &l->delta.z);
        break;
    case LLM__SHORT_CONV: llm__need_matrix(n, &l->short_conv.out); break;
    case LLM__LRU:
    case LLM__FADING:
    case LLM__RWKV: break;
    case LLM__KEYED_CONV:
        llm__need_matrix(n, &a->q);
        llm__need_matrix(n, &a->o);
        break;
    }
}

LLM__FN void llm__need_layer(llm__needs *n, const llm_model *m, const llm__layer *l) {
    size_t floats = 0, fixed = 0, dense = 0;
    llm__need_mixer(n, l, l->mixer);
    llm__need_mixer(n, l, l->beside);
    if (l->ffn == LLM__FFN_MAP) llm__need_matrix(n, &l->ffn_map);
    if (l->ffn == LLM__MLP || l->ffn == LLM__MLP_AND_EXPERTS) {
        dense = llm__mlp_floats(&l->mlp);
        llm__need_matrix(n, &l->mlp.gate);
        llm__need_matrix(n, &l->mlp.up);
        llm__need_matrix(n, &l->mlp.down);
    }
    if (l->ffn == LLM__MLP_AND_EXPERTS) dense += 3 * (size_t)m->hidden;
    if (l->ffn == LLM__EXPERTS || l->ffn == LLM__MLP_AND_EXPERTS || l->shortcut == LLM__SHORTCUT_BEGINS)
        llm__need_experts(n, m, &l->experts, &floats, &fixed);
    floats += dense;
    llm__need_matrix(n, &l->altup.router);
    llm__need_matrix(n, &l->laurel.left);
    llm__need_matrix(n, &l->laurel.right);
    llm__need_matrix(n, &l->side.gate);
    llm__need_matrix(n, &l->side.project);
    llm__most(&n->floats, (size_t)l->altup.count + (size_t)l->side.width);
    llm__most(&n->floats, (size_t)l->laurel.rank);
    llm__most(&n->floats, floats);
    llm__most(&n->fixed, fixed);
}

LLM__FN llm__needs llm__needs_of(const llm_model *m, size_t rows) {
    llm__needs n;
    int i;
    memset(&n, 0, sizeof n);
    n.tasks = 4;
    n.order = rows;
    n.starts = 1;
    llm__need_matrix(&n, &m->head);
    llm__need_matrix(&n, &m->embedding);
    llm__need_matrix(&n, &m->positions);
    llm__need_matrix(&n, &m->side_table);
    llm__need_matrix(&n, &m->side_map);
    llm__most(&n.floats, (size_t)m->side_map.rows);
    for (i = 0; m->alternates > 1 && i < m->alternates - 1; i++) {
        llm__need_matrix(&n, &m->alternates_in[i]);
        llm__need_matrix(&n, &m->alternates_out[i]);
    }
    for (i = 0; i < m->ngram_count; i++) {
        llm__need_matrix(&n, &m->ngrams[i].table);
        llm__need_matrix(&n, &m->ngrams[i].map);
        llm__most(&n.floats, (size_t)m->ngrams[i].table.cols);
    }
    for (i = 0; i < m->layer_count; i++) llm__need_layer(&n, m, &m->layers[i]);
    n.scratch = (n.scratch + 63) & ~(size_t)63;
    return n;
}

LLM__FN int llm__session_memory(llm_session *s) {
    const llm_model *m = s->model;
    llm__arena *a = &s->arena;
    size_t rows = (size_t)s->max_rows, area;
    llm__needs n = llm__needs_of(m, rows);
    int i, ok = 1;
    s->slab_floats = n.floats * rows + n.fixed + 64 * 16;
    area = llm__rows8_bytes((int)rows, (int)n.widest);
    llm__most(&area, n.pair_bytes);
    s->code_area = (area + 63) & ~(size_t)63;
    s->scratch_bytes = n.scratch;
    s->task_capacity = n.tasks;
    ok &= (s->parts = (llm__part *)llm__arena_alloc(a, rows, sizeof *s->parts)) != NULL;
    ok &= (s->tokens = (int32_t *)llm__arena_alloc(a, rows, sizeof *s->tokens)) != NULL;
    ok &= (s->x = (float *)llm__arena_alloc(a, rows * (size_t)m->hidden, sizeof(float))) != NULL;
    ok &= (s->h = (float *)llm__arena_alloc(a, rows * (size_t)m->hidden, sizeof(float))) != NULL;
    ok &= (s->y = (float *)llm__arena_alloc(a, rows * (size_t)m->hidden, sizeof(float))) != NULL;
    ok &= (s->slab = (float *)llm__arena_alloc(a, s->slab_floats, sizeof(float))) != NULL;
    ok &= (s->codes = (uint8_t *)llm__arena_alloc(a, s->code_area, LLM__VARIANTS)) != NULL;
    ok &= (s->tasks = (llm__task *)llm__arena_alloc(a, n.tasks, sizeof *s->tasks)) != NULL;
    ok &= (s->expert_rows = (llm__rows8 *)llm__arena_alloc(a, n.tasks, sizeof *s->expert_rows)) != NULL;
    ok &= (s->order = (int *)llm__arena_alloc(a, n.order, sizeof(int))) != NULL;
    ok &= (s->starts = (int *)llm__arena_alloc(a, n.starts, sizeof(int))) != NULL;
    ok &= (s->scratch = (uint8_t *)llm__arena_alloc(a, (size_t)s->workers, s->scratch_bytes)) != NULL;
    s->most_picks = n.picks;
    s->pick_sets = n.pick_sets;
    ok &= (s->picks = (llm__pick *)llm__arena_alloc(a, rows * n.pick_sets, n.picks * sizeof *s->picks)) != NULL;
    ok &= (s->pick_counts = (int *)llm__arena_alloc(a, rows * n.pick_sets, sizeof *s->pick_counts)) != NULL;
    ok &= (s->carry = (float *)llm__arena_alloc(a, rows, (size_t)m->carry * sizeof(float))) != NULL;
    s->angles = (float **)llm__arena_alloc(a, (size_t)m->rope_count + 1, sizeof *s->angles);
    if (!s->angles) return 0;
    for (i = 0; i < m->rope_count; i++)
        ok &= (s->angles[i] = (float *)llm__arena_alloc(a, rows * (size_t)m->ropes[i].dims, sizeof(float))) != NULL;
    return ok;
}

LLM__FN llm_status llm__session_threads(llm_session *s, const llm_session_desc *desc, llm_error *error) {
    s->jobs = desc->jobs;
    s->workers = 1;
    if (s->jobs.run) {
        if (s->jobs.width < 1 || s->jobs.width > 4096)
            return llm__fail(error, LLM_BAD_ARGUMENT, "jobs.width is %d; expected 1 to 4096", s->jobs.width);
        s->workers = s->jobs.width;
        return LLM_OK;
    }
    s->jobs.run = llm__run_alone;
    if (desc->threads < LLM_ALL_CORES || desc->threads > 256)
        return llm__fail(error, LLM_BAD_ARGUMENT, "threads is %d; expected 0 to 256 or LLM_ALL_CORES", desc->threads);
#ifndef LLM_NO_THREADS
    s->workers = desc->threads == LLM_ALL_CORES ? llm__cores() : desc->threads < 1 ? 1 : desc->threads;
    if (s->workers > 1) {
        llm__pool *pool = llm__pool_open(&s->arena, s->workers);
        if (!pool) return llm__no_memory(error, sizeof *pool);
        s->pool = pool;
        s->jobs.user = pool;
        s->jobs.run = llm__pool_run;
    }
#endif
    return LLM_OK;
}

LLM__FN llm_status llm__session_make(llm_session *s, const llm_session_desc *desc, llm_error *error) {
    llm_status status;
    s->max_rows = desc->max_rows ? desc->max_rows : 256;
    s->exact = desc->exact;
    s->clock = llm__clock_or_default(desc->clock);
    s->layer = -1;
    if (s->max_rows < 1 || s->max_rows > 65536)
        return llm__fail(error, LLM_BAD_ARGUMENT, "max_rows is %d; expected 0 to 65536", desc->max_rows);
    status = llm__session_threads(s, desc, error);
    if (status != LLM_OK) return status;
    return llm__session_memory(s) ? LLM_OK : llm__no_memory(error, s->slab_floats * sizeof(float));
}

/* ---- a model's caches */

enum { LLM__KEEP = 4 };

/* An entry with mlx-lm's max_kv_size: what would see all tokens is a window that keeps the first ones. */
LLM__FN llm_cache_layer llm__cache_bounded(const llm_cache_layer *entry, int64_t max_kv_size) {
    llm_cache_layer c = *entry;
    if ((c.kind == LLM_CACHE_ATTENTION || c.kind == LLM_CACHE_LATENT) && !c.window && !c.chunk && max_kv_size > 0) {
        c.window = max_kv_size;
        c.keep = max_kv_size > LLM__KEEP ? LLM__KEEP : 0;
    }
    return c;
}

/* Whether a cache is one that this model could have made. */
LLM__FN llm_status llm__cache_fits(const llm_model *m, const llm_cache *cache, llm_error *error) {
    int i;
    if (llm_cache_layers(cache) != (size_t)m->cache_count)
        return llm__fail(error, LLM_BAD_ARGUMENT, "the cache has %llu layers; the model has %d",
                         (unsigned long long)llm_cache_layers(cache), m->cache_count);
    for (i = 0; i < m->cache_count; i++) {
        llm_cache_layer want = m->caches[i];
        const llm_cache_layer *have = llm__cache_layer_desc(cache, (size_t)i);
        int same = want.kind == have->kind && want.heads == have->heads && want.key_width == have->key_width &&
                   want.value_width == have->value_width && (!want.window || want.window == have->window) &&
                   want.chunk == have->chunk && want.items == have->items &&
                   !memcmp(want.shapes, have->shapes, sizeof want.shapes);
        if (!same)
            return llm__fail(error, LLM_BAD_ARGUMENT, "layer %d of the cache is not what this model's layer needs", i);
    }
    return LLM_OK;
}

/* Everything that could make a call fail is looked at here. */
LLM__FN llm_status llm__check_sequence(const llm_session *s, const llm_sequence *sequences, size_t i,
                                       llm_error *error) {
    const llm_sequence *q = &sequences[i];
    size_t j;
    if (!q->cache || !q->tokens || !q->count)
        return llm__fail(error, LLM_BAD_ARGUMENT, "sequence %llu: expected a cache and at least one token",
                         (unsigned long long)i);
    if (q->want != LLM_LOGITS_LAST && q->want != LLM_LOGITS_ALL && q->want != LLM_LOGITS_NONE)
        return llm__fail(error, LLM_BAD_ARGUMENT, "sequence %llu: want is %d; expected an llm_logits",
                         (unsigned long long)i, (int)q->want);
    if (q->want != LLM_LOGITS_NONE && !q->logits)
        return llm__fail(error, LLM_BAD_ARGUMENT, "sequence %llu wants logits but has no room for them",
                         (unsigned long long)i);
    for (j = 0; j < q->count; j++)
        if (q->tokens[j] < 0 || q->tokens[j] >= s->model->vocabulary)
            return llm__fail(error, LLM_BAD_ARGUMENT, "sequence %llu, token %llu: id %ld; expected 0 to %d",
                             (unsigned long long)i, (unsigned long long)j, (long)q->tokens[j],
                             s->model->vocabulary - 1);
    for (j = 0; j < i; j++)
        if (sequences[j].cache == q->cache)
            return llm__fail(error, LLM_BAD_ARGUMENT, "sequences %llu and %llu share a cache", (unsigned long long)j,
                             (unsigned long long)i);
    if (s->model->position_count &&
        llm_cache_length(q->cache) > s->model->position_count - (int64_t)q->count)
        return llm__fail(error, LLM_TOO_LARGE, "sequence %llu goes beyond the %d positions that the model has learned",
                         (unsigned long long)i, s->model->position_count);
    return llm__cache_fits(s->model, q->cache, error);
}

/* ======================================================================================================= >>sampling
   From logits to a token.  Filters look at the distribution before the temperature, and each keeps the likeliest tokens
   up to some point; so tokens are taken from a heap, best first, until a filter says stop, and nothing is sorted that is
   not kept.  What is far below the best comes into the heap only when all before it are taken. */

typedef struct llm__candidate {
    float logprob;
    int32_t id;
} llm__candidate;

/* What may be drawn.  c[0, heap): a heap.  c[taken, end): taken from it, the likeliest last.  Tokens that are less likely
   than `edge` are in neither yet, only in logits; minus infinity: there are none. */
typedef struct llm__choices {
    llm__candidate *c;
    int heap, taken, end;
    float edge, best;
    double mass;         /* probability of all together */
    const float *logits; /* [vocabulary]; log-probability of a token: logits[id] - norm */
    int vocabulary;
    double norm;
} llm__choices;

enum { LLM__TIER = 6 /* nats from the edge of one heap to that of the next */, LLM__DRY_LONGEST = 64 };

/* A number in [0, 1) that depends on the seed and the position alone (SplitMix64, Steele et al. 2014). */
LLM__FN double llm__uniform(uint64_t seed, int64_t position) {
    uint64_t x = seed * 0xD1342543DE82EF95u + (uint64_t)position * 0x9E3779B97F4A7C15u + 0x632BE59BD9B4E019u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    x ^= x >> 31;
    return (double)(x >> 11) / 9007199254740992.0;
}

LLM__FN int llm__likelier(llm__candidate a, llm__candidate b) {
    return a.logprob > b.logprob || (a.logprob == b.logprob && a.id < b.id);
}

LLM__FN void llm__sift(llm__candidate *heap, int n, int i) {
    llm__candidate c = heap[i];
    int child;
    while ((child = 2 * i + 1) < n) {
        if (child + 1 < n && llm__likelier(heap[child + 1], heap[child])) child++;
        if (!llm__likelier(heap[child], c)) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = c;
}

LLM__FN void llm__heapify(llm__candidate *heap, int n) {
    int i;
    for (i = n / 2; i-- > 0;) llm__sift(heap, n, i);
}

/* Candidates down to another edge come to c[0, heap), in any order. */
LLM__FN void llm__choices_lower(llm__choices *p, float edge) {
    float above = p->edge, logprob, far = (float)(edge + p->norm) - 0.01f; /* most are so far that this is enough */
    int i;
    for (i = 0; i < p->vocabulary; i++) {
        if (!(p->logits[i] >= far)) continue;
        logprob = (float)(p->logits[i] - p->norm);
        if (!(logprob >= edge && logprob < above && logprob > -HUGE_VALF)) continue;
        p->c[p->heap].logprob = logprob;
        p->c[p->heap++].id = i;
    }
    p->edge = edge;
}

/* All tokens with a logit above minus infinity; c: room for all. */
LLM__FN llm__choices llm__choices_open(llm__candidate *c, const float *logits, int vocabulary, double norm,
                                       float best) {
    llm__choices p;
    p.c = c;
    p.heap = 0;
    p.taken = p.end = p.vocabulary = vocabulary;
    p.edge = HUGE_VALF;
    p.best = (float)(best - norm);
    p.mass = 1;
    p.logits = logits;
    p.norm = norm;
    return p;
}

/* The likeliest token that is not taken yet; NULL: all are. */
LLM__FN const llm__candidate *llm__choices_top(llm__choices *p) {
    while (!p->heap && p->edge > -HUGE_VALF) {
        float edge = p->edge > 0 ? p->best : p->edge;
        llm__choices_lower(p, edge > p->best - 4 * LLM__TIER ? edge - LLM__TIER : -HUGE_VALF);
        llm__heapify(p->c, p->heap);
    }
    return p->heap ? p->c : NULL;
}

LLM__FN void llm__choices_take(llm__choices *p) {
    llm__candidate top = p->c[0];
    p->c[0] = p->c[--p->heap];
    p->c[--p->taken] = top;
    llm__sift(p->c, p->heap, 0);
}

/* Forgets what is not taken, and weighs what is. */
LLM__FN void llm__choices_cut(llm__choices *p) {
    int i;
    p->heap = 0;
    p->edge = -HUGE_VALF;
    for (p->mass = 0, i = p->taken; i < p->end; i++) p->mass += exp((double)p->c[i].logprob);
}

/* All that there are, in any order, at c[0, heap). */
LLM__FN void llm__choices_all(llm__choices *p) {
    int n = p->end - p->taken;
    if (p->edge > -HUGE_VALF) llm__choices_lower(p, -HUGE_VALF);
    memmove(p->c + p->heap, p->c + p->taken, (size_t)n * sizeof *p->c);
    p->heap += n;
    p->taken = p->end;
}

/* What was taken is to be taken anew. */
LLM__FN void llm__choices_again(llm__choices *p) {
    llm__choices_all(p);
    llm__heapify(p->c, p->heap);
}

/* ---- filters: what is taken when one of them is through is in order, and stays so */

LLM__FN void llm__filter_sigma(const llm_sampling *s, llm__choices *p) {
    double mean = 0, square = 0, least;
    int i;
    llm__choices_all(p);
    for (i = 0; i < p->heap; i++) mean += p->c[i].logprob;
    mean /= p->heap;
    for (i = 0; i < p->heap; i++) square += (p->c[i].logprob - mean) * (p->c[i].logprob - mean);
    least = p->best - s->top_n_sigma * sqrt(square / p->heap);
    llm__heapify(p->c, p->heap);
    while (llm__choices_top(p) && llm__choices_top(p)->logprob >= least) llm__choices_take(p);
    llm__choices_cut(p);
    llm__choices_again(p);
}

/* In one heap by nearness to the entropy instead of likelihood, until enough probability is taken. */
LLM__FN void llm__filter_typical(const llm_sampling *s, llm__choices *p) {
    double shift = log(p->mass), entropy = 0, kept = 0;
    int i;
    llm__choices_all(p);
    for (i = 0; i < p->heap; i++) {
        double logprob = p->c[i].logprob - shift;
        entropy -= exp(logprob) * logprob;
    }
    for (i = 0; i < p->heap; i++) p->c[i].logprob = -(float)fabs(p->c[i].logprob - shift + entropy);
    llm__heapify(p->c, p->heap);
    while (llm__choices_top(p) && kept <= s->typical_p * p->mass) {
        kept += exp((double)p->logits[p->c[0].id] - p->norm);
        llm__choices_take(p);
    }
    for (i = p->taken; i < p->end; i++) p->c[i].logprob = (float)(p->logits[p->c[i].id] - p->norm);
    llm__choices_cut(p);
    llm__choices_again(p);
}

LLM__FN void llm__filter_nucleus(const llm_sampling *s, llm__choices *p) {
    const llm__candidate *top = llm__choices_top(p);
    float last = top->logprob, least = s->min_p > 0 ? last + logf(s->min_p) : -HUGE_VALF;
    double above = 0, most = s->top_p > 0 && s->top_p < 1 ? s->top_p * p->mass : HUGE_VAL;
    int min_keep = s->min_keep > 1 ? s->min_keep : 1;
    for (; top; top = llm__choices_top(p)) {
        if (above >= most && top->logprob < last) break;
        if (top->logprob < least && p->end - p->taken >= min_keep) break;
        last = top->logprob;
        above += exp((double)last);
        llm__choices_take(p);
    }
    llm__choices_cut(p);
}

LLM__FN int llm__is_listed(const int32_t *ids, size_t count, int32_t id) {
    size_t i;
    for (i = 0; i < count; i++)
        if (ids[i] == id) return 1;
    return 0;
}

/* Taken are all tokens above the threshold, perhaps others behind them.  Those that stay move together. */
LLM__FN void llm__filter_xtc(const llm_sampling *s, llm__choices *p) {
    double least = s->xtc_threshold * p->mass;
    float lowest = HUGE_VALF;
    int i, to = p->end;
    while (llm__choices_top(p) && exp((double)p->c[0].logprob) > least) llm__choices_take(p);
    for (i = p->end; i-- > p->taken && exp((double)p->c[i].logprob) > least;) lowest = p->c[i].logprob;
    for (i = p->end; i-- > p->taken;)
        if (!(p->c[i].logprob > lowest) || llm__is_listed(s->xtc_protected, s->xtc_protected_count, p->c[i].id))
            p->c[--to] = p->c[i];
        else p->mass -= exp((double)p->c[i].logprob);
    p->taken = to;
}

LLM__FN void llm__filter_best(llm__choices *p, int k) {
    while (p->end - p->taken < k && llm__choices_top(p)) llm__choices_take(p);
    if (p->end - p->taken > k) p->taken = p->end - k;
    llm__choices_cut(p);
}

/* Mirostat: what surprises more than mu bits goes, but for the best. */
LLM__FN void llm__filter_surprise(llm__choices *p, double mu) {
    while (llm__choices_top(p) && (p->taken == p->end || -p->c[0].logprob / log(2) <= mu)) llm__choices_take(p);
    llm__choices_cut(p);
}

LLM__FN int llm__has_filters(const llm_sampling *s) {
    return s->top_k > 0 || s->min_p > 0 || (s->top_p > 0 && s->top_p < 1) || (s->typical_p > 0 && s->typical_p < 1) ||
           s->top_n_sigma > 0 || s->xtc_probability > 0 || s->mirostat_tau > 0;
}

LLM__FN void llm__filter(const llm_sampling *s, llm__choices *p, int64_t position) {
    if (s->mirostat_tau > 0) {
        llm__filter_surprise(p, s->mirostat_mu ? *s->mirostat_mu : 2 * s->mirostat_tau);
        return;
    }
    if (s->top_n_sigma > 0) llm__filter_sigma(s, p);
    if (s->typical_p > 0 && s->typical_p < 1) llm__filter_typical(s, p);
    if (s->min_p > 0 || (s->top_p > 0 && s->top_p < 1)) llm__filter_nucleus(s, p);
    if (s->xtc_probability > 0 && llm__uniform(~s->seed, position) <= s->xtc_probability)
        llm__filter_xtc(s, p);
    if (s->top_k > 0) llm__filter_best(p, s->top_k);
}

/* ---- drawing */

/* The temperature for what is left. */
LLM__FN double llm__temperature(const llm_sampling *s, const llm__choices *p) {
    double entropy = 0, part, low = s->temperature - s->dynamic_range;
    int i;
    if (!(s->dynamic_range > 0) || p->heap < 2) return s->temperature;
    for (i = 0; i < p->heap; i++) {
        double probability = exp((double)p->c[i].logprob) / p->mass;
        if (probability > 0) entropy -= probability * log(probability);
    }
    part = pow(entropy / log(p->heap), s->dynamic_exponent > 0 ? s->dynamic_exponent : 1);
    if (low < 0) low = 0;
    low += (s->temperature + s->dynamic_range - low) * part;
    return low > 1e-6 ? low : 1e-6;
}

/* Draws from the pool with probabilities sharpened by the temperature; *probability is what the token had then. */
LLM__FN int32_t llm__draw(const llm__choices *p, double temperature, double uniform, double *probability) {
    double total = 0, at = 0, best = p->c[0].logprob;
    int i, last = 0;
    for (i = 1; i < p->heap; i++)
        if (p->c[i].logprob > best) best = p->c[i].logprob;
    for (i = 0; i < p->heap; i++) total += exp((p->c[i].logprob - best) / temperature);
    for (i = 0; i < p->heap; i++) {
        double share = exp((p->c[i].logprob - best) / temperature);
        if (share > 0) {
            last = i;
            *probability = share / total;
            at += share;
            if (at > uniform * total) break;
        }
    }
    return p->c[last].id;
}

/* The same from all tokens, by the kernels. */
LLM__FN int32_t llm__draw_all(const llm__ops *ops, const float *logits, int n, float temperature, double uniform,
                              float *shares) {
    double total = 0, at = 0;
    int i, last = 0;
    memcpy(shares, logits, (size_t)n * sizeof *shares);
    ops->scale(shares, 1 / temperature, n);
    ops->exp_sum(shares, n, ops->max(shares, n));
    for (i = 0; i < n; i++)
        if (shares[i] > 0) total += shares[i];
    for (i = 0; i < n; i++)
        if (shares[i] > 0) {
            last = i;
            at += shares[i];
            if (at > uniform * total) break;
        }
    return last;
}

/* The logarithm of the sum of exp(logit); NaNs count for nothing. */
LLM__FN double llm__log_sum(const llm__ops *ops, const float *logits, int n, float best, float *scratch) {
    double sum = 0;
    float fast;
    int i;
    if (!(best > -HUGE_VALF && best < HUGE_VALF)) return best;
    memcpy(scratch, logits, (size_t)n * sizeof *scratch);
    fast = ops->exp_sum(scratch, n, best);
    if (fast == fast) return best + log((double)fast);
    for (i = 0; i < n; i++)
        if (scratch[i] == scratch[i]) sum += scratch[i];
    return best + log(sum);
}

LLM__FN int32_t llm__sample(const llm__ops *ops, const llm_sampling *s, const float *logits, int vocabulary,
                            int64_t position, void *scratch, float *logprob) {
    float best = ops->max(logits, vocabulary);
    double norm = llm__log_sum(ops, logits, vocabulary, best, (float *)scratch), probability = 1;
    double uniform = llm__uniform(s->seed, position);
    int32_t id = 0;
    if (s->temperature > 0 && best > -HUGE_VALF && best < HUGE_VALF) {
        if (llm__has_filters(s) || s->dynamic_range > 0) {
            llm__choices p = llm__choices_open((llm__candidate *)scratch, logits, vocabulary, norm, best);
            llm__filter(s, &p, position);
            llm__choices_all(&p);
            id = llm__draw(&p, llm__temperature(s, &p), uniform, &probability);
        } else {
            id = llm__draw_all(ops, logits, vocabulary, s->temperature, uniform, (float *)scratch);
        }
        if (s->mirostat_tau > 0 && s->mirostat_mu)
            *s->mirostat_mu -= (s->mirostat_eta > 0 ? s->mirostat_eta : 0.1f) *
                               (float)(-log(probability) / log(2) - s->mirostat_tau);
    } else {
        while (id < vocabulary && logits[id] != best) id++;
        if (id == vocabulary) id = 0;
    }
    if (logprob) *logprob = vocabulary > 0 ? (float)(logits[id] - norm) : 0;
    return id;
}

LLM_API size_t llm_sample_scratch(int vocabulary) {
    return (size_t)(vocabulary > 0 ? vocabulary : 0) * sizeof(llm__candidate);
}

LLM_API int32_t llm_sample(const llm_sampling *sampling, const float *logits, int vocabulary, int64_t position,
                           void *scratch, float *logprob) {
    return llm__sample(llm__ops_choose(NULL), sampling, logits, vocabulary, position, scratch, logprob);
}

/* ---- penalties */

/* The newest tokens of a window. */
LLM__FN const int32_t *llm__window_of(const int32_t *tokens, size_t *count, int window) {
    size_t n = window < 0 ? *count : window ? (size_t)window : 20;
    if (n > *count) n = *count;
    tokens += *count - n;
    *count = n;
    return tokens;
}

typedef enum llm__penalty { LLM__REPETITION, LLM__PRESENCE, LLM__FREQUENCY } llm__penalty;

/* Each token of the window once, or each time that it is there.  `seen`: a bit for each token. */
LLM__FN void llm__penalize_window(llm__penalty kind, float by, const int32_t *tokens, size_t count, int window,
                                  float *logits, int vocabulary, uint8_t *seen) {
    size_t i;
    if (by == 0) return;
    tokens = llm__window_of(tokens, &count, window);
    memset(seen, 0, (size_t)vocabulary / 8 + 1);
    for (i = 0; i < count; i++) {
        int32_t id = tokens[i];
        if (id < 0 || id >= vocabulary) continue;
        if (kind != LLM__FREQUENCY && (seen[id / 8] >> id % 8 & 1)) continue;
        seen[id / 8] |= (uint8_t)(1 << id % 8);
        if (kind != LLM__REPETITION) logits[id] -= by;
        else logits[id] = logits[id] < 0 ? logits[id] * by : logits[id] / by;
    }
}

/* How many tokens before `end` are the same as those before `count`, up to a breaker. */
LLM__FN int llm__repeated(const llm_penalties *p, const int32_t *tokens, size_t end, size_t count) {
    int n = 0;
    while (n < LLM__DRY_LONGEST && (size_t)n < end && tokens[end - 1 - (size_t)n] == tokens[count - 1 - (size_t)n] &&
           !llm__is_listed(p->dry_breakers, p->dry_breaker_count, tokens[end - 1 - (size_t)n]))
        n++;
    return n;
}

/* DRY, by its author's description: the longest repetition that a token would prolong decides. */
LLM__FN void llm__penalize_repeats(const llm_penalties *p, const int32_t *tokens, size_t count, float *logits,
                                   int vocabulary, int32_t *longest) {
    int allowed = p->dry_allowed > 0 ? p->dry_allowed : 2, id;
    float base = p->dry_base > 0 ? p->dry_base : 1.75f;
    size_t end;
    memset(longest, 0, (size_t)vocabulary * sizeof *longest);
    tokens = llm__window_of(tokens, &count, p->dry_window);
    for (end = 1; end < count; end++) {
        int n = tokens[end] >= 0 && tokens[end] < vocabulary ? llm__repeated(p, tokens, end, count) : 0;
        if (n && n > longest[tokens[end]]) longest[tokens[end]] = n;
    }
    for (id = 0; id < vocabulary; id++)
        if (longest[id] >= allowed) logits[id] -= p->dry_multiplier * powf(base, (float)(longest[id] - allowed));
}

LLM__FN int llm__has_penalties(const llm_penalties *p) {
    return p->bias_count || p->repetition != 0 || p->presence != 0 || p->frequency != 0 || p->dry_multiplier > 0 ||
           p->process;
}

LLM_API void llm_penalize(const llm_penalties *penalties, const int32_t *tokens, size_t count, float *logits,
                          int vocabulary, void *scratch) {
    const llm_penalties *p = penalties;
    uint8_t *seen = (uint8_t *)scratch;
    size_t i;
    for (i = 0; i < p->bias_count; i++)
        if (p->biases[i].id >= 0 && p->biases[i].id < vocabulary) logits[p->biases[i].id] += p->biases[i].bias;
    llm__penalize_window(LLM__REPETITION, p->repetition, tokens, count, p->repetition_window, logits, vocabulary, seen);
    llm__penalize_window(LLM__PRESENCE, p->presence, tokens, count, p->presence_window, logits, vocabulary, seen);
    llm__penalize_window(LLM__FREQUENCY, p->frequency, tokens, count, p->frequency_window, logits, vocabulary, seen);
    if (p->dry_multiplier > 0) llm__penalize_repeats(p, tokens, count, logits, vocabulary, (int32_t *)scratch);
    if (p->process) p->process(p->process_user, tokens, count, logits, vocabulary);
}

/* ===================================================================================================== >>generation
   Prompts in, text out.  A generation is a small machine that calls the forward pass for a chunk of the prompt, or for
   the last token, until there are logits to choose from; it can stop between any two layers. */

struct llm_generation {
    llm__arena arena;
    const llm_model *model;
    llm_session *session, *own_session;
    llm_cache *cache, *own_cache;
    llm_sampling sampling;
    llm_penalties penalties;
    float mu;        /* what Mirostat has learnt */
    llm_clock clock;
    int32_t *prompt; /* [prompt_count], in the generation's allocator; with penalties, the text's tokens behind them */
    size_t prompt_count, prompt_capacity, prompt_done, generated;
    int64_t limit;   /* tokens; -1: none */
    int prefill_step, ignore_end;
    void (*progress)(void *user, size_t done, size_t total);
    void *progress_user;
    llm__atomic cancel;
    llm_finish finish;
    int32_t token;   /* the one that the model sees next */
    llm_sequence sequence;
    float *logits;
    void *scratch;
    llm__detok detok;
    llm__text text;
    size_t skip;     /* bytes of the prompt's text that the decoder still holds */
    int64_t prompt_us, generation_us;
};

enum { LLM__DEFAULT_TOKENS = 256, LLM__DEFAULT_STEP = 512, LLM__BUDGET_STEP = 16, LLM__RESERVE = 8192 };

/* Room for `more` tokens behind prompt and text, for penalties. */
LLM__FN llm_status llm__generation_history(llm_generation *g, size_t more, llm_error *error) {
    void *tokens = g->prompt;
    size_t count = g->prompt_count + g->generated + more;
    if (!llm__has_penalties(&g->penalties)) return LLM_OK;
    if (!llm__grow(&g->arena.allocator, &tokens, &g->prompt_capacity, count, sizeof *g->prompt))
        return llm__no_memory(error, count * sizeof *g->prompt);
    g->prompt = (int32_t *)tokens;
    return LLM_OK;
}

/* Starts the forward pass for what comes next: all of the prompt but its last token in steps, that token, then each new
   one.  Under a time budget the steps are short, so that a layer is. */
LLM__FN llm_status llm__generation_begin(llm_generation *g, int budgeted, llm_error *error) {
    size_t left = g->prompt_count - g->prompt_done, step = (size_t)g->prefill_step;
    llm_sequence *q = &g->sequence;
    llm_status status = llm__generation_history(g, 1, error);
    if (status != LLM_OK) return status;
    if (budgeted && step > LLM__BUDGET_STEP) step = LLM__BUDGET_STEP;
    q->cache = g->cache;
    q->want = LLM_LOGITS_LAST;
    q->logits = g->logits;
    q->tokens = &g->token;
    q->count = 1;
    if (left) {
        q->tokens = g->prompt + g->prompt_done;
        q->count = left == 1 ? 1 : left - 1 < step ? left - 1 : step;
        if (q->count < left || g->limit == 0) q->want = LLM_LOGITS_NONE;
    }
    return llm_forward_begin(g->session, q, 1, error);
}

/* Gives the piece its text and ends the generation, or not.  Fails if the text cannot be made; the token stays
   chosen. */
LLM__FN llm_status llm__generation_piece(llm_generation *g, int32_t token, float logprob, llm_finish finish,
                                         llm_piece *piece, llm_error *error) {
    llm_status status = LLM_OK;
    if (g->model->words && finish != LLM_FINISH_STOP && token != LLM_NO_TOKEN)
        status = llm__detok_add(&g->detok, token, &g->text);
    if (g->model->words && finish != LLM_RUNNING && status == LLM_OK)
        status = llm__detok_finish(&g->detok, &g->text);
    if (status != LLM_OK) return llm__fail(error, status, "the text of token %ld cannot be made", (long)token);
    if (g->skip && g->text.length) {
        size_t n = g->skip < g->text.length ? g->skip : g->text.length;
        g->text.length -= n;
        g->skip -= n;
        memmove(g->text.data, g->text.data + n, g->text.length + 1);
    }
    g->finish = finish;
    piece->token = token;
    piece->logprob = logprob;
    piece->finish = finish;
    piece->text = g->text.length ? g->text.data : "";
    piece->bytes = g->text.length;
    return LLM_OK;
}

/* A forward pass is done: count prompt tokens (LLM_PENDING: no piece yet), or choose a token. */
LLM__FN llm_status llm__generation_advance(llm_generation *g, llm_piece *piece, llm_error *error) {
    llm_finish finish = LLM_RUNNING;
    float logprob;
    int32_t id;
    if (g->prompt_done < g->prompt_count) {
        g->prompt_done += g->sequence.count;
        if (g->progress) g->progress(g->progress_user, g->prompt_done, g->prompt_count);
        if (g->prompt_done < g->prompt_count) return LLM_PENDING;
        if (g->limit == 0) return llm__generation_piece(g, LLM_NO_TOKEN, 0, LLM_FINISH_LENGTH, piece, error);
    }
    if (llm__has_penalties(&g->penalties))
        llm_penalize(&g->penalties, g->prompt, g->prompt_count + g->generated, g->logits, g->model->vocabulary,
                     g->scratch);
    id = llm__sample(g->model->ops, &g->sampling, g->logits, g->model->vocabulary, llm_cache_length(g->cache),
                     g->scratch, &logprob);
    g->token = id;
    if (llm__has_penalties(&g->penalties)) g->prompt[g->prompt_count + g->generated] = id;
    g->generated++;
    if (g->limit > 0 && g->generated >= (uint64_t)g->limit) finish = LLM_FINISH_LENGTH;
    if (!g->ignore_end && llm_token_is_end(g->model, id)) finish = LLM_FINISH_STOP;
    return llm__generation_piece(g, id, logprob, finish, piece, error);
}

LLM__FN llm_status llm__generation_run(llm_generation *g, int64_t budget_us, llm_piece *piece, llm_error *error) {
    int64_t start = g->clock.now_us(g->clock.user), now = start, left = budget_us;
    int reading;
    for (;;) {
        llm_status status = LLM_OK;
        reading = g->prompt_done < g->prompt_count;
        if (llm__atomic_get(&g->cancel)) {
            if (g->session->sequences == &g->sequence) llm_forward_abandon(g->session);
            return llm__generation_piece(g, LLM_NO_TOKEN, 0, LLM_FINISH_CANCELLED, piece, error);
        }
        if (!g->session->active) status = llm__generation_begin(g, budget_us >= 0, error);
        else if (g->session->sequences != &g->sequence)
            return llm__fail(error, LLM_BAD_ARGUMENT, "the generation's session is in the middle of another call");
        g->session->cancel = &g->cancel;
        if (status == LLM_OK) status = llm__forward(g->session, left, error);
        now = g->clock.now_us(g->clock.user);
        *(reading ? &g->prompt_us : &g->generation_us) += now - start;
        start = now;
        if (status == LLM_CANCELLED) continue;
        if (status != LLM_OK) return status;
        status = llm__generation_advance(g, piece, error);
        if (status != LLM_PENDING) return status;
        if (budget_us >= 0 && (left -= now - start) <= 0) return LLM_PENDING;
    }
}

/* Text from outside must be UTF-8 throughout. */
LLM__FN llm_status llm__check_text(const char *text, size_t bytes, llm_error *error) {
    size_t at = 0, length;
    for (; at < bytes; at += length)
        if (llm__char_check(text + at, bytes - at, &length) != 1)
            return llm__fail(error, LLM_BAD_ARGUMENT, "the text is not valid UTF-8: byte 0x%02X at %llu",
                             (unsigned)(unsigned char)text[at], (unsigned long long)at);
    return LLM_OK;
}

/* The prompt's ids: those given, then those of the text. */
LLM__FN llm_status llm__generation_prompt(llm_generation *g, const llm_generation_desc *d, llm_error *error) {
    void *ids = NULL;
    size_t bytes = d->prompt ? (d->prompt_bytes ? d->prompt_bytes : strlen(d->prompt)) : 0, i;
    if (d->id_count && !d->ids) return llm__fail(error, LLM_BAD_ARGUMENT, "id_count is given but ids is NULL");
    if (!llm__grow(&g->arena.allocator, &ids, &g->prompt_capacity, d->id_count + 1, sizeof(int32_t)))
        return llm__no_memory(error, d->id_count * sizeof(int32_t));
    g->prompt = (int32_t *)ids;
    if (d->id_count) memcpy(g->prompt, d->ids, d->id_count * sizeof(int32_t));
    g->prompt_count = d->id_count;
    if (d->prompt) {
        llm_status status;
        if (!g->model->words)
            return llm__fail(error, LLM_BAD_ARGUMENT,
                             "the prompt is text but the model was opened without a tokenizer");
        status = llm__check_text(d->prompt, bytes, error);
        if (status != LLM_OK) return status;
        status =
            llm__words_encode(g->model->words, &g->arena.allocator, d->prompt, bytes, !d->no_special && !d->id_count,
                              &g->prompt, &g->prompt_count, &g->prompt_capacity, error);
        if (status != LLM_OK) return status;
    }
    if (!g->prompt_count) return llm__fail(error, LLM_BAD_ARGUMENT, "the prompt is empty: expected at least one token");
    for (i = 0; i < g->prompt_count; i++)
        if (g->prompt[i] < 0 || g->prompt[i] >= g->model->vocabulary)
            return llm__fail(error, LLM_BAD_ARGUMENT, "prompt token %llu: id %ld; expected 0 to %d",
                             (unsigned long long)i, (long)g->prompt[i], g->model->vocabulary - 1);
    return LLM_OK;
}

/* One option of sampling or penalties: a number within bounds. */
LLM__FN llm_status llm__check_option(const char *name, double value, double low, double high, llm_error *error) {
    if (value >= low && value <= high) return LLM_OK;
    return llm__fail(error, LLM_BAD_ARGUMENT, "%s is %g; expected %g to %g", name, value, low, high);
}

LLM__FN llm_status llm__check_ids(const llm_model *m, const char *name, const int32_t *ids, size_t count,
                                  llm_error *error) {
    size_t i;
    if (count && !ids) return llm__fail(error, LLM_BAD_ARGUMENT, "%s: a count is given, but no ids", name);
    for (i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= m->vocabulary)
            return llm__fail(error, LLM_BAD_ARGUMENT, "%s: id %ld; expected 0 to %d", name, (long)ids[i],
                             m->vocabulary - 1);
    return LLM_OK;
}

LLM__FN llm_status llm__check_sampling(const llm_model *m, const llm_sampling *s, llm_error *error) {
    const struct { const char *name; double value, low, high; } options[] = {
        {"temperature", s->temperature, 0, 1e6},
        {"top_p", s->top_p, 0, 1},
        {"min_p", s->min_p, 0, 1},
        {"min_keep", (double)s->min_keep, 0, INT32_MAX},
        {"top_k", (double)s->top_k, 0, INT32_MAX},
        {"typical_p", s->typical_p, 0, 1},
        {"top_n_sigma", s->top_n_sigma, 0, 1e6},
        {"xtc_probability", s->xtc_probability, 0, 1},
        {"xtc_threshold", s->xtc_threshold, 0, 0.5},
        {"dynamic_range", s->dynamic_range, 0, 1e6},
        {"dynamic_exponent", s->dynamic_exponent, 0, 1e3},
        {"mirostat_tau", s->mirostat_tau, 0, 1e3},
        {"mirostat_eta", s->mirostat_eta, 0, 1},
    };
    llm_status status = llm__check_ids(m, "xtc_protected", s->xtc_protected, s->xtc_protected_count, error);
    size_t i;
    for (i = 0; i < sizeof options / sizeof *options && status == LLM_OK; i++)
        status = llm__check_option(options[i].name, options[i].value, options[i].low, options[i].high, error);
    return status;
}

LLM__FN llm_status llm__check_penalties(const llm_model *m, const llm_penalties *p, llm_error *error) {
    const struct { const char *name; double value, low, high; } options[] = {
        {"repetition", p->repetition, 0, 1e6},
        {"repetition_window", (double)p->repetition_window, -1, INT32_MAX},
        {"presence", p->presence, -1e6, 1e6},
        {"presence_window", (double)p->presence_window, -1, INT32_MAX},
        {"frequency", p->frequency, -1e6, 1e6},
        {"frequency_window", (double)p->frequency_window, -1, INT32_MAX},
        {"dry_multiplier", p->dry_multiplier, 0, 1e6},
        {"dry_base", p->dry_base, 0, 1e3},
        {"dry_allowed", (double)p->dry_allowed, 0, INT32_MAX},
        {"dry_window", (double)p->dry_window, -1, INT32_MAX},
    };
    llm_status status = llm__check_ids(m, "dry_breakers", p->dry_breakers, p->dry_breaker_count, error);
    size_t i;
    if (p->bias_count && !p->biases) return llm__fail(error, LLM_BAD_ARGUMENT, "biases: a count is given, but no list");
    for (i = 0; i < p->bias_count && status == LLM_OK; i++) {
        status = llm__check_ids(m, "biases", &p->biases[i].id, 1, error);
        if (status == LLM_OK && p->biases[i].bias != p->biases[i].bias)
            status = llm__fail(error, LLM_BAD_ARGUMENT, "biases: that of id %ld is not a number", (long)p->biases[i].id);
    }
    for (i = 0; i < sizeof options / sizeof *options && status == LLM_OK; i++)
        status = llm__check_option(options[i].name, options[i].value, options[i].low, options[i].high, error);
    return status;
}

/* The text goes on from the prompt's: what a decoder does at the start of a text (such as dropping a space) was done
   there.  What the decoder still holds of the prompt is not ours to give out: `skip` bytes. */
LLM__FN llm_status llm__generation_prime(llm_generation *g, llm_error *error) {
    llm__text whole;
    llm_status status;
    size_t i;
    memset(&whole, 0, sizeof whole);
    whole.allocator = g->arena.allocator;
    status = llm__words_decode(g->model->words, g->prompt, g->prompt_count, 0, &whole, error);
    llm__detok_init(&g->detok, g->model->words, 0, g->arena.allocator);
    if (!llm__detok_reserve(&g->detok, 256)) status = llm__no_memory(error, 256);
    for (i = 0; i < g->prompt_count && status == LLM_OK; i++)
        status = llm__detok_add(&g->detok, g->prompt[i], &g->text);
    if (status == LLM_OK && whole.length > g->text.length) g->skip = whole.length - g->text.length;
    if (status == LLM_OUT_OF_MEMORY || whole.failed || g->text.failed) status = llm__no_memory(error, g->text.length);
    llm__text_free(&whole);
    g->text.length = 0;
    return status;
}

LLM__FN llm_status llm__generation_make(llm_generation *g, const llm_generation_desc *d, llm_error *error) {
    llm_model_cache_desc cache;
    llm_status status = llm__check_sampling(g->model, &d->sampling, error);
    int64_t reserve;
    if (status == LLM_OK) status = llm__check_penalties(g->model, &d->penalties, error);
    if (status != LLM_OK) return status;
    if (d->max_tokens < LLM_PROMPT_ONLY)
        return llm__fail(error, LLM_BAD_ARGUMENT, "max_tokens is %lld; expected 0 or more, -1 or LLM_PROMPT_ONLY",
                         (long long)d->max_tokens);
    if (d->prefill_step < 0)
        return llm__fail(error, LLM_BAD_ARGUMENT, "prefill_step is %d; expected 0 or more", d->prefill_step);
    if (d->max_kv_size < 0)
        return llm__fail(error, LLM_BAD_ARGUMENT, "max_kv_size is %lld; expected 0 or more", (long long)d->max_kv_size);
    g->limit = d->max_tokens == LLM_PROMPT_ONLY ? 0 : d->max_tokens ? d->max_tokens : (int64_t)LLM__DEFAULT_TOKENS;
    g->sampling = d->sampling;
    g->penalties = d->penalties;
    g->mu = 2 * d->sampling.mirostat_tau;
    if (!g->sampling.mirostat_mu) g->sampling.mirostat_mu = &g->mu;
    g->prefill_step = d->prefill_step ? d->prefill_step : (int)LLM__DEFAULT_STEP;
    g->ignore_end = d->ignore_end;
    g->progress = d->progress;
    g->progress_user = d->progress_user;
    g->clock = llm__clock_or_default(d->session.clock);
    status = llm__generation_prompt(g, d, error);
    if (status != LLM_OK) return status;
    g->session = d->use_session;
    if (!g->session && (status = llm_session_open(&g->own_session, g->model, &d->session, error)) != LLM_OK)
        return status;
    if (!g->session) g->session = g->own_session;
    if (g->session->model != g->model)
        return llm__fail(error, LLM_BAD_ARGUMENT, "use_session belongs to another model");
    if (g->session->active) return llm__fail(error, LLM_BAD_ARGUMENT, "use_session is in the middle of a call");
    g->cache = d->use_cache;
    memset(&cache, 0, sizeof cache);
    cache.max_kv_size = d->max_kv_size;
    cache.exact = g->session->exact;
    if (!g->cache && (status = llm_model_cache_open(&g->own_cache, g->model, &cache, error)) != LLM_OK) return status;
    if (!g->cache) g->cache = g->own_cache;
    if ((status = llm__cache_fits(g->model, g->cache, error)) != LLM_OK) return status;
    reserve = g->limit < 0 || g->limit > (int64_t)LLM__RESERVE ? (int64_t)LLM__RESERVE : g->limit;
    status = llm__cache_reserve(g->cache, (int64_t)g->prompt_count + reserve, g->session->max_rows, error);
    if (status != LLM_OK) return status;
    if ((status = llm__generation_history(g, (size_t)reserve, error)) != LLM_OK) return status;
    g->logits = (float *)llm__arena_alloc(&g->arena, (size_t)g->model->vocabulary, sizeof(float));
    g->scratch = llm__arena_alloc(&g->arena, llm_sample_scratch(g->model->vocabulary), 1);
    g->text.allocator = g->arena.allocator;
    if (!g->logits || !g->scratch || !llm__text_reserve(&g->text, 4096)) return llm__no_memory(error, 4096);
    return g->model->words ? llm__generation_prime(g, error) : LLM_OK;
}

/* ========================================================================================================= >>public
   The calls of >>api, in its order. */

/* ---- opening a model */

enum { LLM__CONFIG_LIMIT = 64 << 20, LLM__TOKENIZER_LIMIT = 512 << 20 };

LLM__FN llm_status llm__read_json(llm_model *m, const char *name, size_t limit, int optional, const llm__json **root,
                                  llm_error *error) {
    const char *text;
    size_t bytes;
    llm_status status = llm__folder_text(&m->folder, name, limit, &text, &bytes, optional, error);
    *root = NULL;
    if (status != LLM_OK || !text) return status;
    status = llm__json_parse(&m->arena, name, text, bytes, root, error);
    if (status == LLM_OK && (*root)->type != LLM__JSON_OBJECT)
        status = llm__fail(error, LLM_BAD_FORMAT, "%s: expected an object", name);
    return status;
}

LLM_API const char *llm_architecture(size_t n) {
    size_t i, k;
    for (i = 0; i < LLM__ARCH_COUNT; i++)
        for (k = 0; k < LLM__MAX_TYPES && llm__archs[i].types[k]; k++)
            if (!n--) return llm__archs[i].types[k];
    return NULL;
}

/* How many letters two names do not share, for "did you mean". */
LLM__FN int llm__name_distance(const char *a, const char *b) {
    int counts[256], i, distance = 0;
    memset(counts, 0, sizeof counts);
    for (; *a; a++) counts[(unsigned char)*a]++;
    for (; *b; b++) counts[(unsigned char)*b]--;
    for (i = 0; i < 256; i++) distance += counts[i] < 0 ? -counts[i] : counts[i];
    return distance;
}

LLM__FN llm_status llm__unknown_arch(const char *type, llm_error *error) {
    const char *best[3] = {"", "", ""}, *name;
    int distance[3] = {1 << 20, 1 << 20, 1 << 20}, i, j, d;
    for (i = 0; (name = llm_architecture((size_t)i)) != NULL; i++)
        for (d = llm__name_distance(type, name), j = 0; j < 3; j++)
            if (d < distance[j]) {
                int k;
                for (k = 2; k > j; k--) {
                    best[k] = best[k - 1];
                    distance[k] = distance[k - 1];
                }
                best[j] = name;
                distance[j] = d;
                break;
            }
    return llm__fail(error, LLM_UNSUPPORTED,
                     "config.json: model_type \"%.60s\" is not known; the nearest names are \"%s\", \"%s\" and \"%s\"",
                     type, best[0], best[1], best[2]);
}

LLM__FN const llm__arch *llm__find_arch(const char *type) {
    size_t i, k;
    for (i = 0; i < LLM__ARCH_COUNT; i++)
        for (k = 0; k < LLM__MAX_TYPES && llm__archs[i].types[k]; k++)
            if (!strcmp(type, llm__archs[i].types[k])) return &llm__archs[i];
    return NULL;
}

LLM__FN llm_status llm__model_config(llm_model *m, llm_error *error) {
    const llm__json *type, *inner;
    llm__config c;
    llm_status status = llm__read_json(m, "config.json", LLM__CONFIG_LIMIT, 0, &m->config, error);
    if (status != LLM_OK) return status;
    memset(&c, 0, sizeof c);
    c.root = c.outer = m->config;
    c.arena = &m->arena;
    c.error = error;
    inner = llm__json_get(m->config, "text_config");
    if (!llm__json_is(inner, LLM__JSON_OBJECT)) inner = NULL;
    type = llm__json_get(m->config, "model_type");
    if (!llm__json_is(type, LLM__JSON_STRING)) llm__config_fail(&c, "model_type", "a name");
    llm__check_quantization(&c);
    if (c.status != LLM_OK) return c.status;
    m->model_type = type->as.text;
    m->arch = llm__find_arch(m->model_type);
    if (!m->arch && inner) {
        const llm__json *inner_type = llm__json_get(inner, "model_type");
        if (llm__json_is(inner_type, LLM__JSON_STRING)) m->arch = llm__find_arch(inner_type->as.text);
        if (m->arch) c = llm__config_of(&c, inner);
    } else if (inner) {
        c = llm__config_of(&c, inner);
    }
    if (!m->arch) return llm__unknown_arch(m->model_type, error);
    llm__choose_renames(m);
    m->arch->read(&c, m);
    if (c.status == LLM_OK) llm__plan_caches(&c, m);
    return c.status;
}

/* A special token's text: tokenizer_config.json's before special_tokens_map.json's; either may be an added token. */
LLM__FN const llm__json *llm__special_token(const llm__json *config, const llm__json *map, const char *name) {
    const llm__json *v = llm__json_get(config, name);
    if (!v || v->type == LLM__JSON_NULL) v = llm__json_get(map, name);
    return llm__json_is(v, LLM__JSON_OBJECT) ? llm__json_get(v, "content") : v;
}

/* What says where generations end: generation_config.json before config.json and its text_config before the
   tokenizer. */
LLM__FN const llm__json *llm__find_end(const llm_model *m, const llm__json *generation, const llm__json *tokenizer_end,
                                       const char **file) {
    const llm__json *places[3], *end;
    int i;
    places[0] = generation;
    places[1] = m->config;
    places[2] = llm__json_get(m->config, "text_config");
    for (i = 0; i < 3; i++) {
        *file = i ? "config.json" : "generation_config.json";
        end = llm__json_get(places[i], "eos_token_id");
        if (end && end->type != LLM__JSON_NULL) return end;
    }
    *file = "tokenizer_config.json";
    return tokenizer_end && tokenizer_end->type != LLM__JSON_NULL ? tokenizer_end : NULL;
}

/* The ids that end a generation.  Those that the vocabulary does not have are passed over: they never come. */
LLM__FN llm_status llm__model_ends(llm_model *m, const llm__json *tokenizer_end, llm_error *error) {
    const llm__json *generation, *end;
    const char *file;
    char text[80];
    int32_t *ends;
    uint32_t i, n;
    llm_status status = llm__read_json(m, "generation_config.json", LLM__CONFIG_LIMIT, 1, &generation, error);
    if (status != LLM_OK) return status;
    end = llm__find_end(m, generation, tokenizer_end, &file);
    if (!end) return LLM_OK;
    n = end->type == LLM__JSON_ARRAY ? end->length : 1;
    m->ends = ends = (int32_t *)llm__arena_alloc(&m->arena, n + 1u, sizeof *ends);
    if (!ends) return llm__no_memory(error, n * sizeof *ends);
    for (i = 0; i < n; i++) {
        const llm__json *v = end->type == LLM__JSON_ARRAY ? llm__json_at(end, i) : end;
        double id = -1;
        if (v->type == LLM__JSON_STRING) {
            if (m->words) id = llm__words_id(m->words, v->as.text, v->length);
        } else if (v->type == LLM__JSON_INTEGER) {
            id = v->as.number;
        } else {
            return llm__fail(error, LLM_BAD_CONFIG, "%s: the end token is %s; expected an id, a token or a list",
                             file, llm__json_show(v, text, sizeof text));
        }
        if (id >= 0 && id < m->vocabulary) ends[m->end_count++] = (int32_t)id;
    }
    return LLM_OK;
}

LLM__FN llm_status llm__model_words(llm_model *m, llm_error *error) {
    const llm__json *tokenizer, *config, *map, *template_text;
    const char *text;
    size_t bytes;
    llm_status status = llm__read_json(m, "tokenizer.json", LLM__TOKENIZER_LIMIT, 0, &tokenizer, error);
    if (status == LLM_OK) status = llm__read_json(m, "tokenizer_config.json", LLM__CONFIG_LIMIT, 1, &config, error);
    if (status == LLM_OK) status = llm__read_json(m, "special_tokens_map.json", LLM__CONFIG_LIMIT, 1, &map, error);
    if (status == LLM_OK) status = llm__words_open(&m->words, &m->arena, "tokenizer.json", tokenizer, error);
    if (status == LLM_OK)
        status = llm__folder_text(&m->folder, "chat_template.jinja", LLM__CONFIG_LIMIT, &text, &bytes, 1, error);
    if (status != LLM_OK) return status;
    template_text = llm__json_get(config, "chat_template");
    m->chat_template = text ? text : llm__json_is(template_text, LLM__JSON_STRING) ? template_text->as.text : NULL;
    return llm__model_ends(m, llm__special_token(config, map, "eos_token"), error);
}

LLM__FN llm_status llm__model_load(llm_model *m, const llm_model_desc *d, llm_error *error) {
    llm_status status;
    m->ops = llm__ops_choose(d->isa);
    if (!m->ops)
        return llm__fail(error, LLM_UNSUPPORTED, "isa \"%.40s\" is not one that this CPU and build have",
                         d->isa ? d->isa : "");
    status = llm__safetensors_open(&m->folder, &m->tensors, error);
    if (status == LLM_OK) status = llm__model_config(m, error);
    if (status == LLM_OK) status = llm__bind_model(m, error);
    if (status != LLM_OK) return status;
    return d->weights_only || d->describe ? llm__model_ends(m, NULL, error) : llm__model_words(m, error);
}

LLM_API llm_status llm_model_open(llm_model **out, const llm_model_desc *desc, llm_error *error) {
    llm_allocator a;
    llm_model *m;
    llm_status status;
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a model cannot be opened into a NULL pointer");
    *out = NULL;
    if (!desc || ((!desc->path || !*desc->path) && !desc->memory_count))
        return llm__fail(error, LLM_BAD_ARGUMENT, "a model needs the path of a folder, or memory files");
    if (desc->memory_count && !desc->memory)
        return llm__fail(error, LLM_BAD_ARGUMENT, "memory_count is given but memory is NULL");
    a = llm__allocator_or_default(desc->allocator);
    m = (llm_model *)llm__alloc_zero(&a, 1, sizeof *m);
    if (!m) return llm__no_memory(error, sizeof *m);
    m->allocator = m->arena.allocator = a;
    m->folder.path = desc->path ? llm__arena_text(&m->arena, desc->path, strlen(desc->path)) : NULL;
    m->folder.files = llm__files_or_default(desc->files);
    m->folder.memory = desc->memory;
    m->folder.memory_count = desc->memory_count;
    m->folder.no_map = desc->no_map;
    m->describing = desc->describe;
    m->folder.arena = &m->arena;
    status =
        desc->path && !m->folder.path ? llm__no_memory(error, strlen(desc->path)) : llm__model_load(m, desc, error);
    if (status != LLM_OK) {
        llm_model_close(m);
        return status;
    }
    *out = m;
    return llm__ok(error);
}

LLM_API void llm_model_close(llm_model *model) {
    llm_allocator a;
    if (!model) return;
    a = model->allocator;
    llm__folder_close(&model->folder);
    llm__tensors_free(&a, &model->tensors);
    llm__arena_free(&model->arena);
    llm__free(&a, model, sizeof *model);
}

/* ---- layers in words */

/* Text behind what is in text[size] already. */
LLM__FN void llm__say(char *text, size_t size, const char *format, ...) LLM__PRINTF(3, 4);
LLM__FN void llm__say(char *text, size_t size, const char *format, ...) {
    size_t n = strlen(text);
    va_list list;
    va_start(list, format);
    vsnprintf(text + n, size - n, format, list);
    va_end(list);
}

LLM__FN void llm__say_attention(const llm__layer *l, char *text, size_t size) {
    const llm__attention *a = &l->attention;
    llm__say(text, size, "attention, %d heads of %d", a->heads, a->width);
    if (a->shared) llm__say(text, size, ", keys of layer %d", l->reads);
    else if (a->kv_heads != a->heads) llm__say(text, size, ", %d of keys", a->kv_heads);
    if (a->window) llm__say(text, size, ", window %lld", (long long)a->window);
    if (a->chunk) llm__say(text, size, ", chunks of %lld", (long long)a->chunk);
    if (a->rope < 0) llm__say(text, size, ", no rotation");
}

LLM__FN void llm__say_mixer(const llm__layer *l, llm__mixer_kind kind, char *text, size_t size) {
    if (kind != LLM__NO_MIXER && *text) llm__say(text, size, " and ");
    switch (kind) {
    case LLM__NO_MIXER: break;
    case LLM__MIXER_MAP: llm__say(text, size, "linear map"); break;
    case LLM__ATTENTION: llm__say_attention(l, text, size); break;
    case LLM__LATENT:
        llm__say(text, size, "latent attention, %d heads, rank %d", l->latent.heads, l->latent.rank);
        break;
    case LLM__SSM:
        llm__say(text, size, "state space, %d heads of %d, state %d", l->ssm.heads, l->ssm.width, l->ssm.state);
        break;
    case LLM__SHORT_CONV: llm__say(text, size, "gated convolution"); break;
    case LLM__LRU: llm__say(text, size, "gated linear recurrence, %d heads of %d", l->lru.heads, l->lru.width); break;
    case LLM__FADING:
        llm__say(text, size, "fading attention, %d heads of %d", l->attention.heads, l->attention.width);
        break;
    case LLM__RWKV: llm__say(text, size, "rwkv, %d heads of %d", l->rwkv.heads, l->rwkv.width); break;
    case LLM__KEYED_CONV:
        llm__say(text, size, "keyed convolutions, %d heads of %d", l->attention.heads, l->attention.width);
        break;
    case LLM__DELTA:
        llm__say(text, size, "gated delta rule, %d heads of %d", l->delta.value_heads, l->delta.value_width);
        break;
    }
}

LLM__FN void llm__say_experts(const llm__experts *e, char *text, size_t size) {
    llm__say(text, size, "%d of %d experts of %d", e->chosen, e->count, e->width);
    if (e->shared.width) llm__say(text, size, ", shared %d", e->shared.width);
}

LLM__FN void llm__say_ffn(const llm__layer *l, char *text, size_t size) {
    switch (l->ffn) {
    case LLM__NO_FFN: break;
    case LLM__FFN_MAP: llm__say(text, size, "linear map"); break;
    case LLM__MLP: llm__say(text, size, "mlp of %d", l->mlp.width); break;
    case LLM__EXPERTS: llm__say_experts(&l->experts, text, size); break;
    case LLM__MLP_AND_EXPERTS:
        llm__say(text, size, "mlp of %d and ", l->mlp.width);
        llm__say_experts(&l->experts, text, size);
        break;
    }
}

/* What one entry of the cache takes, by token and whatever the tokens. */
LLM__FN void llm__count_entry(const llm_cache_layer *entry, llm_layer_info *info) {
    size_t width = (size_t)entry->key_width + (size_t)entry->value_width;
    int64_t kept = entry->window ? entry->window : entry->chunk;
    int i, k;
    info->token_bytes += (size_t)entry->heads * width * sizeof(uint16_t);
    if (entry->heads) info->kept_tokens = kept;
    for (i = 0; i < LLM_CACHE_MAX_ARRAYS && entry->shapes[i][0]; i++) {
        size_t floats = 1;
        for (k = 0; k < LLM_CACHE_MAX_AXES && entry->shapes[i][k]; k++) floats *= (size_t)entry->shapes[i][k];
        info->state_bytes += floats * sizeof(float);
    }
}

LLM_API llm_layer_info llm_model_get_layer(const llm_model *m, int layer) {
    llm_layer_info info;
    const llm__layer *l;
    int i;
    memset(&info, 0, sizeof info);
    if (!m || layer < 0 || layer >= m->layer_count) return info;
    l = &m->layers[layer];
    llm__say_mixer(l, l->mixer, info.mixer, sizeof info.mixer);
    llm__say_mixer(l, l->beside, info.mixer, sizeof info.mixer);
    llm__say_ffn(l, info.ffn, sizeof info.ffn);
    info.parameters = l->parameters;
    info.weight_bytes = l->weight_bytes;
    for (i = l->first_entry; i < l->first_entry + l->entries; i++) llm__count_entry(&m->caches[i], &info);
    return info;
}

LLM_API llm_storage_info llm_model_get_storage(const llm_model *m, size_t n) {
    llm_storage_info info;
    const llm__storage *o;
    memset(&info, 0, sizeof info);
    if (!m || n >= (size_t)m->storage_count) return info;
    o = &m->storages[n];
    info.parameters = o->parameters;
    info.bytes = o->bytes;
    switch (o->format) {
    case LLM__FLOAT: llm__say(info.name, sizeof info.name, "%s", llm__dtype_name(o->dtype)); break;
    case LLM__FP8_BLOCK: llm__say(info.name, sizeof info.name, "fp8, blocks of %d x %d", o->rows, o->cols); break;
    case LLM__AFFINE:
        llm__say(info.name, sizeof info.name, "affine %d bit, groups of %d", o->bits, o->group);
        break;
    case LLM__MXFP4: llm__say(info.name, sizeof info.name, "mxfp4"); break;
    case LLM__MXFP8: llm__say(info.name, sizeof info.name, "mxfp8"); break;
    case LLM__NVFP4: llm__say(info.name, sizeof info.name, "nvfp4"); break;
    }
    return info;
}

LLM_API llm_model_info llm_model_get_info(const llm_model *m) {
    llm_model_info info;
    memset(&info, 0, sizeof info);
    if (!m) return info;
    info.model_type = m->model_type;
    info.isa = m->ops->name;
    info.chat_template = m->chat_template;
    info.layers = m->layer_count;
    info.hidden = m->hidden;
    info.vocabulary = m->vocabulary;
    info.context = m->context;
    info.parameters = m->parameters;
    info.weight_bytes = m->weight_bytes;
    info.memory_bytes =
        sizeof *m + m->arena.bytes + m->tensors.capacity * sizeof(llm__tensor) + m->tensors.slots * sizeof(uint32_t);
    return info;
}

LLM_API const char *llm_isa(size_t n) {
    const llm__ops *ops = llm__ops_at(n);
    return ops ? ops->name : NULL;
}

/* ---- tokens */

LLM_API llm_status llm_encode(const llm_model *model, const char *text, size_t bytes, int special, int32_t *ids,
                              size_t capacity, size_t *count, llm_error *error) {
    int32_t *all = NULL;
    size_t n = 0, room = 0;
    llm_status status;
    if (!model || !count || (!text && bytes) || (!ids && capacity))
        return llm__fail(error, LLM_BAD_ARGUMENT, "encode: expected a model, text, room for ids and for their count");
    if (!model->words) return llm__fail(error, LLM_BAD_ARGUMENT, "the model was opened without a tokenizer");
    status = llm__check_text(text, bytes, error);
    if (status != LLM_OK) return status;
    status =
        llm__words_encode(model->words, &model->allocator, text ? text : "", bytes, special, &all, &n, &room, error);
    if (status == LLM_OK) {
        *count = n;
        if (capacity) memcpy(ids, all, (n < capacity ? n : capacity) * sizeof *ids);
        status = llm__ok(error);
    }
    llm__free(&model->allocator, all, room * sizeof *all);
    return status;
}

LLM_API llm_status llm_decode(const llm_model *model, const int32_t *ids, size_t count, int skip_special, char *text,
                              size_t capacity, size_t *bytes, llm_error *error) {
    llm__text out;
    llm_status status;
    size_t i;
    if (!model || (!ids && count) || (!text && capacity))
        return llm__fail(error, LLM_BAD_ARGUMENT, "decode: expected a model, ids and room for text");
    if (!model->words) return llm__fail(error, LLM_BAD_ARGUMENT, "the model was opened without a tokenizer");
    for (i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= model->vocabulary)
            return llm__fail(error, LLM_BAD_ARGUMENT, "decode: id %ld at %llu; expected 0 to %d", (long)ids[i],
                             (unsigned long long)i, model->vocabulary - 1);
    memset(&out, 0, sizeof out);
    out.allocator = model->allocator;
    status = llm__words_decode(model->words, ids, count, skip_special, &out, error);
    if (status == LLM_OK && out.failed) status = llm__no_memory(error, out.length);
    if (status == LLM_OK) {
        if (bytes) *bytes = out.length;
        if (capacity > out.length) memcpy(text, out.length ? out.data : "", out.length + 1);
        status =
            capacity && capacity <= out.length
                ? llm__fail(error, LLM_TOO_LARGE, "decode: the text has %llu bytes and a NUL; there is room for %llu",
                            (unsigned long long)out.length, (unsigned long long)capacity)
                : llm__ok(error);
    }
    llm__text_free(&out);
    return status;
}

LLM_API int32_t llm_token_id(const llm_model *model, const char *token) {
    return model && model->words && token ? llm__words_id(model->words, token, strlen(token)) : LLM_NO_TOKEN;
}

LLM_API int llm_token_is_end(const llm_model *model, int32_t id) {
    size_t i;
    for (i = 0; model && i < model->end_count; i++)
        if (model->ends[i] == id) return 1;
    return 0;
}

/* ---- cache and session */

/* The description of a model's caches; its layers are the caller's to free, [cache_count] in its allocator. */
LLM__FN llm_status llm__model_cache_desc(const llm_model *model, const llm_model_cache_desc *desc, llm_cache_desc *out,
                                         llm_cache_layer **layers, llm_error *error) {
    llm_model_cache_desc d;
    int i;
    memset(&d, 0, sizeof d);
    memset(out, 0, sizeof *out);
    *layers = NULL;
    if (desc) d = *desc;
    if (!model || d.max_kv_size < 0)
        return llm__fail(error, LLM_BAD_ARGUMENT, "a cache needs a model and a max_kv_size of 0 or more");
    out->allocator = d.allocator.reallocate ? d.allocator : model->allocator;
    out->dtype = d.exact ? LLM_F32 : LLM_F16;
    out->checkpoint_every = d.checkpoint_every;
    out->checkpoints_max = d.checkpoints_max;
    *layers = (llm_cache_layer *)llm__alloc(&out->allocator, (size_t)model->cache_count, sizeof **layers);
    if (!*layers) return llm__no_memory(error, (size_t)model->cache_count * sizeof **layers);
    for (i = 0; i < model->cache_count; i++) (*layers)[i] = llm__cache_bounded(&model->caches[i], d.max_kv_size);
    out->layers = *layers;
    out->layer_count = (size_t)model->cache_count;
    return LLM_OK;
}

LLM_API size_t llm_model_cache_bytes(const llm_model *model, const llm_model_cache_desc *desc, int64_t tokens) {
    llm_cache_desc cache;
    llm_cache_layer *layers;
    size_t bytes = llm__model_cache_desc(model, desc, &cache, &layers, NULL) == LLM_OK
                       ? llm_cache_bytes_for(&cache, tokens) : 0;
    llm__free(&cache.allocator, layers, cache.layer_count * sizeof *layers);
    return bytes;
}

LLM_API llm_status llm_model_cache_open(llm_cache **out, const llm_model *model, const llm_model_cache_desc *desc,
                                        llm_error *error) {
    llm_cache_desc cache;
    llm_cache_layer *layers;
    llm_status status = llm__model_cache_desc(model, desc, &cache, &layers, error);
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a cache cannot be opened into a NULL pointer");
    *out = NULL;
    if (status == LLM_OK) status = llm_cache_open(out, &cache, error);
    llm__free(&cache.allocator, layers, cache.layer_count * sizeof *layers);
    return status;
}

LLM_API llm_status llm_model_cache_load(llm_cache **out, const llm_model *model, const llm_model_cache_desc *desc,
                                        const llm_cache_load_desc *from, llm_error *error) {
    llm_cache_desc cache;
    llm_cache_load_desc load;
    llm_cache_layer *layers;
    llm_status status = llm__model_cache_desc(model, desc, &cache, &layers, error);
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a cache cannot be loaded into a NULL pointer");
    *out = NULL;
    if (status == LLM_OK) {
        memset(&load, 0, sizeof load);
        if (from) load = *from;
        load.want = &cache;
        if (!load.allocator.reallocate) load.allocator = cache.allocator;
        status = llm_cache_load(out, &load, error);
    }
    llm__free(&cache.allocator, layers, cache.layer_count * sizeof *layers);
    return status;
}

LLM_API llm_status llm_session_open(llm_session **out, const llm_model *model, const llm_session_desc *desc,
                                    llm_error *error) {
    llm_session_desc d;
    llm_allocator a;
    llm_session *s;
    llm_status status;
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a session cannot be opened into a NULL pointer");
    *out = NULL;
    memset(&d, 0, sizeof d);
    if (desc) d = *desc;
    if (!model) return llm__fail(error, LLM_BAD_ARGUMENT, "a session needs a model");
    a = d.allocator.reallocate ? d.allocator : model->allocator;
    s = (llm_session *)llm__alloc_zero(&a, 1, sizeof *s);
    if (!s) return llm__no_memory(error, sizeof *s);
    s->arena.allocator = a;
    s->model = model;
    status = llm__session_make(s, &d, error);
    if (status != LLM_OK) {
        llm_session_close(s);
        return status;
    }
    *out = s;
    return llm__ok(error);
}

LLM_API void llm_session_close(llm_session *session) {
    llm_allocator a;
    if (!session) return;
    a = session->arena.allocator;
    llm_forward_abandon(session);
#ifndef LLM_NO_THREADS
    if (session->pool) llm__pool_close((llm__pool *)session->pool);
#endif
    llm__arena_free(&session->arena);
    llm__free(&a, session, sizeof *session);
}

LLM_API size_t llm_session_bytes(const llm_session *session) {
    return session ? sizeof *session + session->arena.bytes : 0;
}

LLM_API llm_status llm_forward_begin(llm_session *session, const llm_sequence *sequences, size_t count,
                                     llm_error *error) {
    llm_status status = LLM_OK;
    size_t i;
    if (!session || !sequences || !count)
        return llm__fail(error, LLM_BAD_ARGUMENT, "a forward pass needs a session and sequences");
    if (session->active)
        return llm__fail(error, LLM_BAD_ARGUMENT, "the session is in the middle of a call: advance or abandon it");
    if (session->model->describing)
        return llm__fail(error, LLM_BAD_ARGUMENT, "the model was opened to be described, not to run");
    for (i = 0; i < count && status == LLM_OK; i++) status = llm__check_sequence(session, sequences, i, error);
    for (i = 0; i < count && status == LLM_OK; i++)
        status = llm__cache_reserve(sequences[i].cache, (int64_t)sequences[i].count, session->max_rows, error);
    if (status != LLM_OK) return status;
    session->sequences = sequences;
    session->sequence_count = count;
    session->at_sequence = session->at_token = 0;
    session->layer = -1;
    session->cancel = NULL;
    session->active = 1;
    return llm__ok(error);
}

LLM_API llm_status llm_forward_advance(llm_session *session, int64_t budget_us, llm_error *error) {
    llm_status status;
    if (!session || !session->active) return llm__fail(error, LLM_BAD_ARGUMENT, "no call was begun on the session");
    status = llm__forward(session, budget_us, error);
    if (status != LLM_OK && status != LLM_PENDING) llm_forward_abandon(session);
    return status;
}

LLM_API void llm_forward_abandon(llm_session *session) {
    if (!session || !session->active) return;
    llm__abandon_parts(session);
    session->active = 0;
}

LLM_API llm_status llm_forward(llm_session *session, const llm_sequence *sequences, size_t count, llm_error *error) {
    llm_status status = llm_forward_begin(session, sequences, count, error);
    return status == LLM_OK ? llm_forward_advance(session, -1, error) : status;
}

/* ---- generation */

LLM_API llm_status llm_generation_open(llm_generation **out, const llm_model *model, const llm_generation_desc *desc,
                                       llm_error *error) {
    llm_allocator a;
    llm_generation *g;
    llm_status status;
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a generation cannot be opened into a NULL pointer");
    *out = NULL;
    if (!model || !desc) return llm__fail(error, LLM_BAD_ARGUMENT, "a generation needs a model and a descriptor");
    a = desc->session.allocator.reallocate ? desc->session.allocator : model->allocator;
    g = (llm_generation *)llm__alloc_zero(&a, 1, sizeof *g);
    if (!g) return llm__no_memory(error, sizeof *g);
    g->arena.allocator = a;
    g->model = model;
    status = llm__generation_make(g, desc, error);
    if (status != LLM_OK) {
        llm_generation_close(g);
        return status;
    }
    *out = g;
    return llm__ok(error);
}

LLM_API llm_status llm_generation_step(llm_generation *generation, int64_t budget_us, llm_piece *piece,
                                       llm_error *error) {
    if (!piece) return llm__fail(error, LLM_BAD_ARGUMENT, "a step needs a piece to fill");
    memset(piece, 0, sizeof *piece);
    piece->text = "";
    piece->token = LLM_NO_TOKEN;
    if (!generation) return llm__fail(error, LLM_BAD_ARGUMENT, "a step needs a generation");
    piece->finish = generation->finish;
    if (generation->finish != LLM_RUNNING) return LLM_END;
    generation->text.length = 0;
    llm__ok(error);
    return llm__generation_run(generation, budget_us, piece, error);
}

LLM_API llm_status llm_generation_next(llm_generation *generation, llm_piece *piece, llm_error *error) {
    return llm_generation_step(generation, -1, piece, error);
}

LLM_API void llm_generation_cancel(llm_generation *generation) {
    if (generation) llm__atomic_set(&generation->cancel, 1);
}

LLM_API llm_generation_stats llm_generation_get_stats(const llm_generation *g) {
    llm_generation_stats s;
    memset(&s, 0, sizeof s);
    if (!g) return s;
    s.prompt_tokens = g->prompt_done;
    s.generated_tokens = g->generated;
    s.prompt_seconds = (double)g->prompt_us * 1e-6;
    s.generation_seconds = (double)g->generation_us * 1e-6;
    if (g->prompt_us > 0) s.prompt_per_second = (double)s.prompt_tokens / s.prompt_seconds;
    if (g->generation_us > 0 && g->generated > 1)
        s.generated_per_second = (double)(g->generated - 1) / s.generation_seconds;
    s.memory_bytes = sizeof *g + g->arena.bytes + llm_session_bytes(g->session) + llm_cache_bytes(g->cache);
    s.finish = g->finish;
    return s;
}

LLM_API llm_cache *llm_generation_cache(llm_generation *generation) {
    return generation ? generation->cache : NULL;
}

LLM_API void llm_generation_close(llm_generation *g) {
    llm_allocator a;
    if (!g) return;
    a = g->arena.allocator;
    if (g->session && g->session->sequences == &g->sequence) {
        llm_forward_abandon(g->session);
        g->session->sequences = NULL;
        g->session->cancel = NULL;
    }
    llm__detok_free(&g->detok);
    llm_session_close(g->own_session);
    llm_cache_close(g->own_cache);
    llm__text_free(&g->text);
    llm__free(&a, g->prompt, g->prompt_capacity * sizeof *g->prompt);
    llm__arena_free(&g->arena);
    llm__free(&a, g, sizeof *g);
}

#endif /* LLM_IMPLEMENTATION */
/*
   This software is available under two licences; choose whichever you prefer.

   ------------------------------------------------------------------------------
   ALTERNATIVE A - MIT License

   Copyright (c) 2026 the authors of llm.h

   Permission is hereby granted, free of charge, to any person obtaining a copy of
   this software and associated documentation files (the "Software"), to deal in
   the Software without restriction, including without limitation the rights to
   use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies
   of the Software, and to permit persons to whom the Software is furnished to do
   so, subject to the following conditions:

   The above copyright notice and this permission notice shall be included in all
   copies or substantial portions of the Software.

   THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
   IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
   FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
   AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
   LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
   OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
   SOFTWARE.

   ------------------------------------------------------------------------------
   ALTERNATIVE B - Public Domain (www.unlicense.org)

   This is free and unencumbered software released into the public domain.

   Anyone is free to copy, modify, publish, use, compile, sell, or distribute this
   software, either in source code form or as a compiled binary, for any purpose,
   commercial or non-commercial, and by any means.

   In jurisdictions that recognize copyright laws, the author or authors of this
   software dedicate any and all copyright interest in the software to the public
   domain. We make this dedication for the benefit of the public at large and to
   the detriment of our heirs and successors. We intend this dedication to be an
   overt act of relinquishment in perpetuity of all present and future rights to
   this software under copyright law.

   THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
   IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
   FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
   AUTHORS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN
   ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION
   WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
   ------------------------------------------------------------------------------
*/

#endif /* LLM__KERNEL_PASS */
