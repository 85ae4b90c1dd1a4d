/* llm_cache.h - v0.1 - what a language model remembers: attention pages, rotating windows, recurrent states

   Do this once, in one C or C++ file:      #define LLM_CACHE_IMPLEMENTATION
                                            #include "llm_cache.h"
   (or define LLM_IMPLEMENTATION and include llm.h, which brings both).  Everywhere else include it plainly.

   This is the lower of llm.h's two floors and stands alone on libc.  It holds what both floors need (errors, the
   allocator, files, half floats, JSON, safetensors) and then the caches: for every layer of a model, the memory of one
   sequence.  Attention layers keep keys and values on reference-counted pages of LLM_PAGE_TOKENS tokens; recurrent
   layers keep a few arrays.  A prompt store keeps forks of caches and finds them by the tokens they have seen.

   WHAT IT DOES NOT DO   It never runs a model, prints, exits, aborts or starts a thread.

   WITHOUT A MODEL   Errors left out; two layers, one with attention and one that is recurrent:

       llm_cache_layer layers[2] = {{0}};
       layers[0].heads = 2;
       layers[0].key_width = layers[0].value_width = 64;
       layers[1].kind = LLM_CACHE_RECURRENT;
       layers[1].shapes[0][0] = 128;
       llm_cache_desc desc = {0};
       desc.layers = layers;
       desc.layer_count = 2;
       llm_cache_open(&cache, &desc, NULL);
       llm_cache_begin(cache, 3, NULL);                         three tokens come in
       llm_cache_put(cache, 0, 3, keys, values, NULL);          [3, 2, 64] each
       llm_cache_put_state(cache, 1, 0, state, NULL);           [128]
       llm_cache_commit(cache, NULL);
       llm_cache_fetch(cache, 0, 0, 3, keys, values, NULL);     and out again
       llm_cache_close(cache);

   TRUST   Files are hostile until checked: every offset, product and depth is checked where it is read.  A failed call
   leaves its arguments as they were and says what, where and what was expected in an llm_error.

   CONTENTS (search for the tag)
       >>api       the whole contract: errors, hooks, cache descriptions, cache calls
       >>ground    checked arithmetic, memory, arenas, text, atomics, locks, time
       >>numbers   half floats, 8-bit floats, affine groups
       >>files     bytes behind a name, JSON, safetensors
       >>pages     shared pages of tokens
       >>kinds     what each kind of layer remembers, and what a query may see of it
       >>batch     caches side by side
       >>record    caches as files, in mlx-lm's layouts
       >>store     the prompt store: caches found again by the tokens they have seen
       >>public    the calls of >>api

   CONFIGURATION (define before including)
       LLM_STATIC        every public function is static: for libraries that embed this one
       LLM_NO_STDIO      no file access of its own: bytes come from memory or from your llm_files
       LLM_NO_MMAP       read files, never map them
       LLM_NO_THREADS    no locks: a prompt store is then for one thread
       LLM_PAGE_TOKENS   tokens on a page (default 64; llm.h takes up to 256)

   Licence: MIT or public domain, as you choose; the text is at the end of the file. */
#if (defined(LLM_IMPLEMENTATION) || defined(LLM_CACHE_IMPLEMENTATION)) && defined(__STRICT_ANSI__) && \
    !defined(_WIN32) && !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L /* -std=c99 hides the system's monotonic clock otherwise */
#endif
#ifndef LLM_CACHE_H
#define LLM_CACHE_H

#include <stddef.h>
#include <stdint.h>

#if defined(LLM_STATIC) && (defined(__GNUC__) || defined(__clang__))
#define LLM_API static __attribute__((unused))
#elif defined(LLM_STATIC)
#define LLM_API static
#elif defined(__cplusplus)
#define LLM_API extern "C"
#else
#define LLM_API extern
#endif

#ifndef LLM_PAGE_TOKENS
#define LLM_PAGE_TOKENS 64
#endif

/* ============================================================================================================ >>api
   Everything a host needs from this floor.  Conventions: a call that can fail returns an llm_status and fills the
   llm_error it is given (NULL is allowed).  A zero-initialised descriptor means the defaults. */

/* What kind of failure; llm_error's message says which file, tensor, key or argument, what was found and expected. */
#define LLM_STATUSES(X)                                                                      \
    X(OK, "ok")                                                                              \
    X(PENDING, "not finished yet: the time budget was used up")                              \
    X(END, "nothing is left to do")                                                          \
    X(CANCELLED, "cancelled by the caller")                                                  \
    X(OUT_OF_MEMORY, "the allocator returned nothing")                                       \
    X(BAD_ARGUMENT, "a call was made with an argument that makes no sense")                  \
    X(BAD_FILE, "a file is missing or cannot be read")                                       \
    X(BAD_FORMAT, "a file's bytes do not follow its format")                                 \
    X(BAD_CONFIG, "a model's configuration is incomplete or contradicts itself")             \
    X(BAD_TENSOR, "a tensor is absent, misplaced or has another shape than the model needs") \
    X(UNSUPPORTED, "valid, but nothing that this version can run")                           \
    X(TOO_LARGE, "a limit of the library or of the descriptor was exceeded")

#define LLM__STATUS_ENUM(name, text) LLM_##name,
typedef enum llm_status { LLM_STATUSES(LLM__STATUS_ENUM) LLM_STATUS_COUNT } llm_status;
#undef LLM__STATUS_ENUM

/* How a failure leaves the library.  Calls that succeed set status to LLM_OK and empty the message. */
typedef struct llm_error {
    llm_status status;
    char message[300]; /* NUL-terminated UTF-8 */
} llm_error;

/* The fixed sentence for a status, for hosts that show their own messages.  Never NULL. */
LLM_API const char *llm_status_text(llm_status status);

/* Where memory comes from.  One function does all three jobs, as in Lua: block NULL allocates, new_bytes 0 frees (and
   returns NULL), anything else resizes.  old_bytes is what was asked for before.  Blocks are aligned as malloc's.
   Must be callable from every thread that uses the library.  Zero-initialised: libc's realloc and free. */
typedef struct llm_allocator {
    void *user;
    void *(*reallocate)(void *user, void *block, size_t old_bytes, size_t new_bytes);
} llm_allocator;

/* Where files come from.  open finds a file by its path and says how long it is (0: found); read fills `into` from an
   offset (0: all bytes came); map, optional, returns the file's bytes or NULL to have them read; close ends both.
   Zero-initialised: stdio and, where the system has it, mmap. */
typedef struct llm_files {
    void *user;
    int (*open)(void *user, const char *path, void **handle, uint64_t *bytes);
    int (*read)(void *user, void *handle, uint64_t offset, void *into, size_t bytes);
    const void *(*map)(void *user, void *handle, uint64_t bytes);
    void (*close)(void *user, void *handle);
} llm_files;

/* A file that is already in memory, known by its name within a folder ("config.json").  Not copied: must outlive its
   user. */
typedef struct llm_memory_file {
    const char *name;
    const void *data;
    size_t bytes;
} llm_memory_file;

/* What time it is, in microseconds from any fixed point; never goes back.  Zero-initialised: the system's clock. */
typedef struct llm_clock {
    void *user;
    int64_t (*now_us)(void *user);
} llm_clock;

/* The system's clock, for hosts that measure, too. */
LLM_API llm_clock llm_system_clock(void);

/* How the numbers of a tensor or a cache are stored.  The order is that of the table in >>numbers. */
typedef enum llm_dtype {
    LLM_F32, LLM_F16, LLM_BF16, LLM_F64, LLM_F8_E4M3, LLM_F8_E5M2, LLM_F8_E8M0,
    LLM_BOOL, LLM_U8, LLM_I8, LLM_U16, LLM_I16, LLM_U32, LLM_I32, LLM_U64, LLM_I64, LLM_DTYPE_COUNT
} llm_dtype;

/* What a layer remembers. */
typedef enum llm_cache_kind {
    LLM_CACHE_ATTENTION, /* keys and values of every token, or of the last `window` ones, or of its `chunk` */
    LLM_CACHE_LATENT,    /* latent attention: one row [latent | roped key] a token; the values are the latent */
    LLM_CACHE_RECURRENT, /* arrays of a fixed size */
    LLM_CACHE_LIST       /* nothing itself: the `items` entries that follow belong together, mlx-lm's CacheList */
} llm_cache_kind;

enum { LLM_CACHE_MAX_ARRAYS = 4, LLM_CACHE_MAX_AXES = 3, LLM_CACHE_MAX_DEPTH = 8 };

/* Numbers as affine codes of `bits` bits, with a float32 scale and bias for each `group` of them: 2, 3, 4, 5, 6 or 8
   bits; groups of 32, 64 or 128, which must divide the width.  0 bits: plain. */
typedef struct llm_cache_codes {
    int bits, group;
} llm_cache_codes;

/* One layer's memory.  Attention: heads x key_width keys and heads x value_width values a token; value_width may be 0.
   Latent: heads is 1, key_width the latent's width and value_width that of the roped key.  Recurrent: the sizes of its
   float32 arrays, and nothing else.  List: a layer that has several caches.  `items` says how many follow as its direct
   members, each of which may be a list with members of its own, up to LLM_CACHE_MAX_DEPTH within each other; what lies
   where in a list changes its files only, and all calls know an entry by its place in the whole array.
   Heads and widths go up to 2^24, windows and chunks up to 2^40 tokens; only one of these two can be given. */
typedef struct llm_cache_layer {
    llm_cache_kind kind;
    int heads, key_width, value_width;
    int64_t window;               /* tokens that stay visible, the newest included; 0: all */
    int64_t keep;                 /* of those, how many of the very first stay: mlx-lm's rotating cache */
    int64_t chunk;                /* a token sees those of its own chunk: from the last multiple of `chunk`; 0: all */
    llm_cache_codes keys, values; /* how they are stored; latent: `keys` says it of the whole row */
    int items;                    /* list: its direct members */
    int64_t shapes[LLM_CACHE_MAX_ARRAYS][LLM_CACHE_MAX_AXES]; /* recurrent: of each array; a 0 ends axes and list */
} llm_cache_layer;

/* A cache for one sequence.  `layers` is copied. */
typedef struct llm_cache_desc {
    const llm_cache_layer *layers;
    size_t layer_count;
    llm_dtype dtype;          /* LLM_F32, LLM_F16 or LLM_BF16: how keys and values are stored */
    llm_allocator allocator;
    int64_t checkpoint_every; /* tokens, up to 2^40: see llm_cache_checkpoint; 0: no checkpoints but those asked for */
    int64_t checkpoints_max;  /* up to 65536; 0: 8 */
} llm_cache_desc;

/* What one sequence remembers.  Used by one thread at a time; forks share pages and may live on other threads. */
typedef struct llm_cache llm_cache;

/* What one layer of a cache holds; a list, what its members hold together. */
typedef struct llm_cache_info {
    llm_cache_kind kind;
    size_t bytes;    /* memory behind it, pages that forks share counted in full; checkpoints are not the layer's */
    int64_t length;  /* tokens that it still holds; of a list, its longest member's */
    int64_t offset;  /* tokens that it has seen */
    int trimmable;   /* whether the newest token can be taken back without a checkpoint, as far as this layer goes */
    int empty;       /* whether it has seen no token */
    llm_cache_codes keys, values; /* how they are stored now */
} llm_cache_info;

/* Positions from `begin` on, up to but without `end`. */
typedef struct llm_span {
    int64_t begin, end;
} llm_span;

/* The rows of one page for one head, where they lie.  Token t of the page (its position modulo LLM_PAGE_TOKENS):
   `width` numbers of `dtype` at data + t * stride; or, where bits is not 0, their codes as a little-endian bit stream,
   and a scale and a bias for each `group` of them at scales and biases + t * group_stride: number = scale * code +
   bias. */
typedef struct llm_rows {
    const uint8_t *data;
    size_t stride;                /* bytes */
    const float *scales, *biases; /* NULL unless quantized */
    size_t group_stride;          /* floats */
    llm_dtype dtype;
    int bits, group, width;
} llm_rows;

/* Makes an empty cache.  *out is NULL on failure, and nothing stays allocated. */
LLM_API llm_status llm_cache_open(llm_cache **out, const llm_cache_desc *desc, llm_error *error);

/* Frees a cache and those of its pages that no fork shares.  NULL is fine.  Not while a forward pass is under way on
   it: abandon the pass first. */
LLM_API void llm_cache_close(llm_cache *cache);

/* Another cache with the same content: shares every page and checkpoint, copies recurrent arrays.  O(pages).  Memory
   that the parent has set aside stays its own.  *out is NULL on failure. */
LLM_API llm_status llm_cache_fork(llm_cache **out, const llm_cache *cache, llm_error *error);

/* The same, but sharing nothing: the copy has pages and checkpoints of its own. */
LLM_API llm_status llm_cache_copy(llm_cache **out, const llm_cache *cache, llm_error *error);

/* Tokens that the sequence has seen. */
LLM_API int64_t llm_cache_length(const llm_cache *cache);

/* Number of layers, and what one of them holds (zeroes beyond the last). */
LLM_API size_t llm_cache_layers(const llm_cache *cache);
LLM_API llm_cache_info llm_cache_layer_info(const llm_cache *cache, size_t layer);

/* All memory behind the cache, in bytes: layers as in llm_cache_layer_info, the cache itself, and its checkpoints with
   the pages that only they still hold. */
LLM_API size_t llm_cache_bytes(const llm_cache *cache);

/* Bytes that an empty cache of this description takes with `tokens` tokens reserved, and no more once they have come in
   passes as llm_cache_reserve expects them.  With checkpoint_every, the most that checkpoints can add is in it,
   although they are made only when they are due.  0: the description is invalid, tokens is not in 0 to 2^40, or a
   size_t cannot hold the sum. */
LLM_API size_t llm_cache_bytes_for(const llm_cache_desc *desc, int64_t tokens);

/* Sets aside what the next `tokens` tokens will need, so that adding them allocates nothing: in any passes where a
   layer sees all tokens, in passes of at most 512 tokens where it has a window or chunks.  A fork or checkpoint made or
   a quantization done in the meantime asks for another reservation.  After a failure nothing is set aside that was not
   before. */
LLM_API llm_status llm_cache_reserve(llm_cache *cache, int64_t tokens, llm_error *error);

/* Takes the last `tokens` tokens back.  Some layers cannot: recurrent ones, and windows and chunks that have dropped
   what would become visible again; these two can always take one token back, unless they were just loaded from a file
   without it.  Then a checkpoint helps.  With `trimmed` NULL, only one of exactly the remaining length; otherwise as
   few tokens more are taken back as the nearest checkpoint asks for, and *trimmed says how many went in all.  Refused
   (LLM_UNSUPPORTED) if there is none.  Going back to a checkpoint may need memory (LLM_OUT_OF_MEMORY); what is taken
   back takes the checkpoints behind it along.  Taking all tokens back always works.  A failed call changes nothing. */
LLM_API llm_status llm_cache_trim(llm_cache *cache, int64_t tokens, int64_t *trimmed, llm_error *error);

/* How many tokens llm_cache_trim would take back to take back at least `tokens`; -1: it would refuse. */
LLM_API int64_t llm_cache_can_trim(const llm_cache *cache, int64_t tokens);

/* Makes a checkpoint: what the cache remembers now, to which llm_cache_trim can go back even where layers forget.  It
   shares the cache's pages, so that it costs the recurrent arrays, one page a layer for the tokens that come next, and
   what windows would have dropped.  A cache keeps checkpoints_max of them; then, one goes whose neighbours are closest
   to each other, never the newest.  With checkpoint_every, one is made whenever a pass ends at a multiple of it (left
   out if memory is refused); a session ends passes there, and passes of your own that step over it make none.  Does
   nothing for an empty cache, where one was just made, and where every token can be taken back anyway. */
LLM_API llm_status llm_cache_checkpoint(llm_cache *cache, llm_error *error);

/* Turns the plain keys and values of every attention layer into affine codes; later tokens are stored the same way.
   Codes of 0 bits leave keys or values as they are; so do those that are quantized already.  Latent rows take the keys'
   codes.  Widths that a group does not divide are refused (LLM_BAD_ARGUMENT).  Before `from` tokens have been seen,
   nothing happens yet: the wish is remembered, forks remember it too, and the first call that begins with as many (the
   first pass, by hand) converts the whole cache (mlx-lm's quantized_kv_start), and fails, nothing changed, if memory is
   refused for that.
   Checkpoints are converted too, forks keep their plain pages.  While that is done, the old pages and the new ones are
   both there; what was set aside goes. */
LLM_API llm_status llm_cache_quantize(llm_cache *cache, llm_cache_codes keys, llm_cache_codes values, int64_t from,
                                      llm_error *error);

/* Forgets all tokens and checkpoints; keeps the memory, and quantized layers quantized.  Does nothing while a
   forward pass is under way on the cache: abandon the pass first. */
LLM_API void llm_cache_clear(llm_cache *cache);

/* ---- a cache without a model: tokens come in passes, each of which fills every layer.  A session does the same by
   itself; llm_cache_put, llm_cache_put_state, llm_cache_commit and llm_cache_abandon refuse its passes.  What they get
   and give is float32: keys and values as [tokens, heads, width]; of latent layers, the latents as keys and the rotated
   keys as values. */

/* Begins a pass: room for `count` tokens behind the present ones.  On failure nothing has changed. */
LLM_API llm_status llm_cache_begin(llm_cache *cache, int64_t count, llm_error *error);

/* Stores the next `count` of the pass's tokens in an attention layer.  values may be NULL where their width is 0. */
LLM_API llm_status llm_cache_put(llm_cache *cache, size_t layer, int64_t count, const float *keys, const float *values,
                                 llm_error *error);

/* Stores what the pass leaves in an array of a recurrent layer: all of it.  `numbers` may be the present state. */
LLM_API llm_status llm_cache_put_state(llm_cache *cache, size_t layer, int array, const float *numbers,
                                       llm_error *error);

/* Ends the pass: its tokens are now part of the cache.  Refused, and the pass goes on, if a layer lacks some. */
LLM_API llm_status llm_cache_commit(llm_cache *cache, llm_error *error);

/* Ends the pass without its tokens: the cache is as it was.  Nothing without a pass, or if it is a session's. */
LLM_API void llm_cache_abandon(llm_cache *cache);

/* An array of a recurrent layer, as the tokens so far left it: zeros at first.  NULL if there is no such array.  Valid
   until the cache changes. */
LLM_API const float *llm_cache_state(const llm_cache *cache, size_t layer, int array);

/* The mask: which positions a query at `position` sees in an attention layer, itself included, as 1 or 2 spans in
   order.  `position` is one of the pass under way or, without one, that of the token that would come next, alone.  0:
   there is no such layer or position. */
LLM_API int llm_cache_visible(const llm_cache *cache, size_t layer, int64_t position, llm_span out[2]);

/* Keys and values (NULL: not wanted) of `count` tokens from `position` on, decoded, as [count, heads, width].  Those of
   the pass under way are there once they were put.  LLM_UNSUPPORTED: the layer does not hold them all any more. */
LLM_API llm_status llm_cache_fetch(const llm_cache *cache, size_t layer, int64_t position, int64_t count, float *keys,
                                   float *values, llm_error *error);

/* The keys (values 0) or values (1) of one head on the page that holds `position`, where they lie: tokens from
   position - position % LLM_PAGE_TOKENS on.  Rows of tokens that are not there are undefined.  Latent layers have keys
   only: [latent | rotated key].  Valid until the cache changes.  LLM_UNSUPPORTED: the layer does not hold the token. */
LLM_API llm_status llm_cache_rows(const llm_cache *cache, size_t layer, int values, int head, int64_t position,
                                  llm_rows *out, llm_error *error);

/* ---- batches: sequences side by side */

/* Rows, each of which is a cache of its own: they may have seen different numbers of tokens, and nothing is padded.
   What mlx-lm's batch caches do by moving tensors (merge, filter, extend, extract) moves pointers and shares pages
   here; their left padding is the longest row's length less the row's.  A pass takes any of the rows, in llm.h as
   sequences.  Used by one thread at a time. */
typedef struct llm_batch llm_batch;

/* What a batch holds. */
typedef struct llm_batch_info {
    size_t rows, bytes;        /* bytes: of all rows, pages that they share counted for each */
    int64_t longest, shortest; /* tokens that rows have seen; 0 without rows */
} llm_batch_info;

/* Merges caches into a batch: row i is a fork of caches[i], which stays its owner's.  count may be 0.  All must be
   alike: the same layers, though in any dtype and any codes (LLM_BAD_ARGUMENT, the first difference named); empty
   ones are welcome.  The batch itself takes its memory from `allocator` (NULL: the default), rows take theirs where the
   caches do.  *out is NULL on failure. */
LLM_API llm_status llm_batch_open(llm_batch **out, llm_cache *const *caches, size_t count,
                                  const llm_allocator *allocator, llm_error *error);

/* Frees a batch and its rows.  NULL is fine.  Not while a pass is under way on a row. */
LLM_API void llm_batch_close(llm_batch *batch);

/* The rows, in order, to be used as any cache; they belong to the batch, and the array is good until the next call
   that changes the batch.  llm_batch_get_info says how many there are; NULL if there are none. */
LLM_API llm_cache *const *llm_batch_rows(const llm_batch *batch);

/* All zero for NULL. */
LLM_API llm_batch_info llm_batch_get_info(const llm_batch *batch);

/* Adds forks of further caches (or of another batch's rows, or its own) behind the rows there are.  As llm_batch_open;
   a failed call changes nothing. */
LLM_API llm_status llm_batch_extend(llm_batch *batch, llm_cache *const *caches, size_t count, llm_error *error);

/* A fork of a row, which is the caller's to close and goes on by itself.  *out is NULL on failure. */
LLM_API llm_status llm_batch_extract(const llm_batch *batch, size_t row, llm_cache **out, llm_error *error);

/* Keeps the rows with these numbers, in this order; one that is named twice becomes two.  The others are closed: no
   pass may be under way on them.  A failed call changes nothing. */
LLM_API llm_status llm_batch_filter(llm_batch *batch, const size_t *rows, size_t count, llm_error *error);

/* Takes the last `tokens` tokens of every row back.  Where a row cannot (see llm_cache_trim), none is changed.  What
   was set aside for rows goes. */
LLM_API llm_status llm_batch_trim(llm_batch *batch, int64_t tokens, llm_error *error);

/* ---- files: mlx-lm's prompt caches (safetensors), and a little more in their metadata */

/* A text that travels with a cache: which model, which template.  Both are NUL-terminated UTF-8; no dots in keys, which
   are neither empty nor "llm_tokens", "llm_checksum", "llm_after" or "llm_before": those the library writes. */
typedef struct llm_note {
    const char *key, *value;
} llm_note;

/* Where bytes go, one piece after another; write returns 0 when it took all of them.  patch replaces bytes that were
   taken before, from byte `at` of them on, and returns 0 when it did; NULL: what is gone is gone, and a cache that is
   saved is read twice, as its checksum stands at the beginning. */
typedef struct llm_sink {
    void *user;
    int (*write)(void *user, const void *data, size_t bytes);
    int (*patch)(void *user, uint64_t at, const void *data, size_t bytes);
} llm_sink;

/* Where a cache is saved.  A path is replaced as a whole (PATH.part is written, synced and renamed), so that whatever
   happens the old file or the new one is there; one saver at a time for a path. */
typedef struct llm_cache_save_desc {
    const char *path;
    llm_sink sink;         /* if write is set: used instead of path */
    const llm_note *notes; /* [note_count], the user's metadata */
    size_t note_count;
} llm_cache_save_desc;

/* Saves the tokens that a cache holds so that llm_cache_load and mlx-lm's load_prompt_cache can go on from there. (What
   this library can and mlx-lm cannot has classes of its own, which mlx-lm refuses by name: windows and chunks that are
   quantized too, and keys and values with codes that differ.)  Checkpoints are not saved.  Bounded by the disk or the
   sink, else by memory: everything is read once, twice if the sink cannot patch.  LLM_BAD_FILE if writing fails: a
   sink then has a part of the file, a path what it had before. */
LLM_API llm_status llm_cache_save(const llm_cache *cache, const llm_cache_save_desc *desc, llm_error *error);

/* The same, but only of the tokens that came after the last llm_cache_save_more, or after the cache was loaded: a file
   that continues the one of then.  Windows, chunks and recurrent states, which are small, are saved whole.  *after says
   how many tokens the earlier files hold; 0: this one is whole and needs none of them - the first time, and again when
   some of their tokens were taken back since and others came in their place, or were quantized.  Give every file a path
   of its own, as all since the last whole one are needed to load the cache: that one, and the others as its parts.
   Forks go on from the same files.  mlx-lm refuses a file that continues another by the names of its classes.
   A failed call leaves cache and *after as they were. */
LLM_API llm_status llm_cache_save_more(llm_cache *cache, const llm_cache_save_desc *desc, int64_t *after,
                                       llm_error *error);

/* Saves several sequences in one file, as the batch that mlx-lm has of them: filled up on the left, windows in order.
   llm_cache_load_rows and mlx-lm's load_prompt_cache go on from there.  The caches must be of the same layers and dtype
   (LLM_BAD_ARGUMENT), and mlx-lm has no batches of codes, of chunks or of windows with kept tokens (LLM_UNSUPPORTED).
   Otherwise as llm_cache_save. */
LLM_API llm_status llm_cache_save_rows(const llm_cache *const *rows, size_t count, const llm_cache_save_desc *desc,
                                       llm_error *error);

/* A file behind a path, or its bytes, which are needed during the call only. */
typedef struct llm_cache_part {
    const char *path;
    const void *data;
    size_t bytes;
} llm_cache_part;

/* Where a cache is loaded from. */
typedef struct llm_cache_load_desc {
    const char *path;           /* a file of llm_cache_save, or of mlx-lm 0.31 or 0.32 */
    const void *data;           /* or its bytes, needed during the call only */
    size_t bytes;
    llm_files files;
    const llm_cache_desc *want; /* what the layers must be, and the dtype to store; a window or chunk of 0, kept tokens
                                   and codes are always the file's.  NULL: whatever the file holds - but latent layers
                                   look like attention there, and empty ones do not say how large they are */
    int64_t tokens;             /* only so many from the start, if every layer holds them; 0: all */
    llm_allocator allocator;
    const llm_cache_part *parts; /* [part_count], the files of llm_cache_save_more that continue the first one, in their
                                    order; those behind `tokens` tokens are not opened */
    size_t part_count;
} llm_cache_load_desc;

/* Loads a cache.  The checksum of a file that llm_cache_save wrote is verified.  LLM_BAD_FORMAT: the bytes are no such
   file, or damaged, or hold more than the layers they list; LLM_BAD_ARGUMENT: they are not what `want` says, or a part
   does not continue the file before it; LLM_UNSUPPORTED: they do not hold the first `tokens` tokens; LLM_TOO_LARGE:
   they are of several sequences.  Takes memory in proportion to the file; a page is the
   least that a layer with tokens takes.  *out is NULL on failure. */
LLM_API llm_status llm_cache_load(llm_cache **out, const llm_cache_load_desc *desc, llm_error *error);

/* Loads all sequences of a file: those of llm_cache_save_rows, of mlx-lm's batches, or the one of any other file;
   `want`, `tokens` and the notes hold for each.  out[0] to out[*count - 1] are the caches, in order; what of out
   [capacity] lies behind is NULL.  Padding is not kept: each cache is as if its sequence had been alone.
   On failure all of out is NULL.  LLM_TOO_LARGE: there are *count sequences, which is more than `capacity`. */
LLM_API llm_status llm_cache_load_rows(llm_cache **out, size_t capacity, size_t *count,
                                       const llm_cache_load_desc *desc, llm_error *error);

/* The same for a batch.  Loading takes memory for the batch itself from desc->allocator. */
LLM_API llm_status llm_batch_save(const llm_batch *batch, const llm_cache_save_desc *desc, llm_error *error);
LLM_API llm_status llm_batch_load(llm_batch **out, const llm_cache_load_desc *desc, llm_error *error);

/* A note of the file that the cache was loaded from, or NULL.  Belongs to the cache; forks have none. */
LLM_API const char *llm_cache_note(const llm_cache *cache, const char *key);

/* ---- the prompt store: caches of prompts that were read before, found again by their tokens */

/* A store of caches, for any number of threads at the same time (with LLM_NO_THREADS: for one).  It keeps forks, so
   that pages are shared with the caches that it was given and with those that it hands out. */
typedef struct llm_store llm_store;

/* Whose words an entry ends with.  Where room is needed, assistants' entries go before users', users' before system
   prompts: see llm_store_insert. */
typedef enum llm_entry_type {
    LLM_ENTRY_ASSISTANT, LLM_ENTRY_USER, LLM_ENTRY_SYSTEM, LLM_ENTRY_TYPE_COUNT
} llm_entry_type;

/* The limits of a store. */
typedef struct llm_store_desc {
    size_t max_entries;      /* 0: no limit if max_bytes has one, otherwise 10, as mlx-lm has it */
    size_t max_bytes;        /* as llm_store_stats counts them; 0: no limit */
    llm_allocator allocator; /* of the index; forks take their memory where the caches that they come from do */
} llm_store_desc;

/* What a store holds, and what came of it.  The bytes are those of the caches: a page counts once, however many entries
   hold it, and for a type if at least one entry of that type does (so that the types may add up to more than the
   store).  Pages that caches outside hold too are counted, although dropping the entry would not free them. */
typedef struct llm_store_stats {
    size_t entries, bytes;
    size_t type_entries[LLM_ENTRY_TYPE_COUNT], type_bytes[LLM_ENTRY_TYPE_COUNT];
    size_t index_bytes;                    /* memory of the store itself: tokens, tables; not limited by max_bytes */
    uint64_t hits, misses;                 /* fetches that gave a cache, and that gave none */
    uint64_t asked_tokens, reused_tokens;  /* of all fetches */
    uint64_t evictions;                    /* entries that went to make room */
} llm_store_stats;

/* Makes an empty store; desc NULL means the defaults.  *out is NULL on failure, and nothing stays allocated. */
LLM_API llm_status llm_store_open(llm_store **out, const llm_store_desc *desc, llm_error *error);

/* Frees a store and its forks; the caches that it handed out live on.  NULL is fine.  No other call on the store may
   be under way. */
LLM_API void llm_store_close(llm_store *store);

/* Keeps a fork of a cache that has seen exactly these tokens, in the place of an entry with the same tokens.  `model`
   is a number of yours that tells apart what must not share caches: the model, its adapter, the settings of its
   caches.  Entries with fewer of the tokens go if this cache can be trimmed to them, as it can then serve in their
   place.  Then, as long as there are too many entries or bytes, the least recently used entry of a type goes: of the
   assistants' if they are at least as many as the users', otherwise of the users' if they are at least as many as the
   system prompts, otherwise of those.  It may be the new one.  A cache that exceeds max_bytes by itself is refused
   (LLM_TOO_LARGE).  A failed call leaves the store as it was. */
LLM_API llm_status llm_store_insert(llm_store *store, uint64_t model, const int32_t *tokens, size_t count,
                                    const llm_cache *cache, llm_entry_type type, llm_error *error);

/* Finds the longest prefix of these tokens that an entry can stand for: *out is a fork of it, yours to close, that has
   seen the first *used tokens.  If there is none, *out is NULL, *used 0, and the status LLM_OK.
   An entry with exactly these tokens gives all of them.  The logits that follow the last one are not in a cache: to
   have them, take that token back (llm_cache_trim) or, where that is refused, ask again for one token less.  An entry
   that goes on differently, or further, is trimmed to what is common or, where its layers cannot be, to the nearest
   checkpoint before, and leaves at least one token to read.  What was used counts as recently used. */
LLM_API llm_status llm_store_fetch(llm_store *store, uint64_t model, const int32_t *tokens, size_t count,
                                   llm_cache **out, size_t *used, llm_error *error);

/* Drops entries, in llm_store_insert's order, until at most so many are left, with at most so many bytes (SIZE_MAX: no
   limit).  The limits of the store stay. */
LLM_API void llm_store_trim_to(llm_store *store, size_t entries, size_t bytes);

/* Drops all entries; what was counted stays. */
LLM_API void llm_store_clear(llm_store *store);

/* Figures of this moment; all zero for NULL. */
LLM_API llm_store_stats llm_store_get_stats(llm_store *store);

#endif /* LLM_CACHE_H */

#if defined(LLM_IMPLEMENTATION) && !defined(LLM_CACHE_IMPLEMENTATION)
#define LLM_CACHE_IMPLEMENTATION
#endif
#if defined(LLM_CACHE_IMPLEMENTATION) && !defined(LLM_CACHE_IMPLEMENTED)
#define LLM_CACHE_IMPLEMENTED

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if !defined(LLM_NO_THREADS) && !defined(_WIN32) && !defined(__unix__) && !defined(__APPLE__)
#define LLM_NO_THREADS
#endif
#if defined(__unix__) || defined(__APPLE__)
#ifndef LLM_NO_THREADS
#include <pthread.h>
#endif
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifndef LLM_NO_MMAP
#include <sys/mman.h>
#endif
#elif defined(_WIN32)
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#endif

/* ========================================================================================================= >>ground
   After this chapter: no size from outside is multiplied or added without a check, every block knows its size when it
   is freed, and what lives as long as its owner comes from an arena that is dropped as a whole.

   The header calls itself from chapter to chapter by private names, llm__x, all static.  Some of them serve only llm.h,
   hence the attribute. */

#if defined(__GNUC__) || defined(__clang__)
#define LLM__UNUSED __attribute__((unused))
#define LLM__PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define LLM__UNUSED
#define LLM__PRINTF(text, first)
#endif
#define LLM__FN static LLM__UNUSED

LLM_API const char *llm_status_text(llm_status status) {
#define LLM__STATUS_TEXT(name, text) text,
    static const char *const texts[] = {LLM_STATUSES(LLM__STATUS_TEXT)};
#undef LLM__STATUS_TEXT
    return (unsigned)status < LLM_STATUS_COUNT ? texts[status] : "unknown status";
}

/* Fills *error (if any) and returns the status, so that failing is one statement. */
LLM__FN llm_status llm__fail(llm_error *error, llm_status status, const char *format, ...) LLM__PRINTF(3, 4);
LLM__FN llm_status llm__fail(llm_error *error, llm_status status, const char *format, ...) {
    if (error) {
        va_list list;
        va_start(list, format);
        error->status = status;
        vsnprintf(error->message, sizeof error->message, format, list);
        va_end(list);
    }
    return status;
}

LLM__FN llm_status llm__ok(llm_error *error) {
    if (error) {
        error->status = LLM_OK;
        error->message[0] = 0;
    }
    return LLM_OK;
}

LLM__FN llm_status llm__no_memory(llm_error *error, size_t bytes) {
    return llm__fail(error, LLM_OUT_OF_MEMORY, "out of memory: the allocator refused %llu bytes",
                     (unsigned long long)bytes);
}

/* Checked arithmetic: true, and the result stored, when it fits. */
LLM__FN int llm__mul_ok(size_t a, size_t b, size_t *out) {
    if (b && a > SIZE_MAX / b) return 0;
    *out = a * b;
    return 1;
}

LLM__FN int llm__add_ok(size_t a, size_t b, size_t *out) {
    if (a > SIZE_MAX - b) return 0;
    *out = a + b;
    return 1;
}

/* ---- memory */

static void *llm__libc_reallocate(void *user, void *block, size_t old_bytes, size_t new_bytes) {
    (void)user;
    (void)old_bytes;
    if (new_bytes) return realloc(block, new_bytes);
    free(block);
    return NULL;
}

LLM__FN llm_allocator llm__allocator_or_default(llm_allocator a) {
    if (!a.reallocate) a.reallocate = llm__libc_reallocate;
    return a;
}

LLM__FN void *llm__alloc(const llm_allocator *a, size_t count, size_t size) {
    size_t bytes;
    if (!llm__mul_ok(count, size, &bytes)) return NULL;
    return a->reallocate(a->user, NULL, 0, bytes ? bytes : 1);
}

LLM__FN void *llm__alloc_zero(const llm_allocator *a, size_t count, size_t size) {
    void *block = llm__alloc(a, count, size);
    if (block) memset(block, 0, count * size);
    return block;
}

LLM__FN void llm__free(const llm_allocator *a, void *block, size_t bytes) {
    if (block) a->reallocate(a->user, block, bytes ? bytes : 1, 0);
}

/* Grows *items, an array of *capacity items, to hold at least `need`; doubles so that appending is linear overall. */
LLM__FN int llm__grow(const llm_allocator *a, void **items, size_t *capacity, size_t need, size_t size) {
    size_t wanted = *capacity ? *capacity : 16, bytes;
    void *block;
    if (need <= *capacity) return 1;
    while (wanted < need) {
        if (wanted > SIZE_MAX / 2) return 0;
        wanted *= 2;
    }
    if (!llm__mul_ok(wanted, size, &bytes)) return 0;
    block = a->reallocate(a->user, *items, *capacity * size, bytes);
    if (!block) return 0;
    *items = block;
    *capacity = wanted;
    return 1;
}

/* An arena: blocks, freed together.  Every allocation is aligned to 64 bytes and zeroed. */
typedef struct llm__arena_block {
    struct llm__arena_block *next;
    size_t bytes, used;
} llm__arena_block;

typedef struct llm__arena {
    llm_allocator allocator;
    llm__arena_block *first;
    size_t bytes; /* taken from the allocator in all */
} llm__arena;

enum { LLM__ARENA_ALIGN = 64, LLM__ARENA_BLOCK = 16384 };

/* As llm__arena_alloc, but as the allocator gave it. */
LLM__FN void *llm__arena_raw(llm__arena *arena, size_t count, size_t size) {
    size_t bytes, need, wanted;
    llm__arena_block *block = arena->first;
    char *at;
    if (!llm__mul_ok(count, size, &bytes) || bytes > SIZE_MAX / 4) return NULL;
    bytes = (bytes + LLM__ARENA_ALIGN - 1) & ~(size_t)(LLM__ARENA_ALIGN - 1);
    need = bytes + sizeof *block + LLM__ARENA_ALIGN;
    if (!block || block->bytes - block->used < bytes + LLM__ARENA_ALIGN) {
        wanted = need > (size_t)LLM__ARENA_BLOCK ? need : (size_t)LLM__ARENA_BLOCK;
        block = (llm__arena_block *)llm__alloc(&arena->allocator, wanted, 1);
        if (!block) return NULL;
        block->bytes = wanted;
        block->used = sizeof *block;
        block->next = arena->first;
        arena->first = block;
        arena->bytes += wanted;
    }
    at = (char *)block + block->used;
    at += (LLM__ARENA_ALIGN - (uintptr_t)at % LLM__ARENA_ALIGN) % LLM__ARENA_ALIGN;
    block->used = (size_t)(at - (char *)block) + bytes;
    return at;
}

LLM__FN void *llm__arena_alloc(llm__arena *arena, size_t count, size_t size) {
    void *at = llm__arena_raw(arena, count, size);
    if (at) memset(at, 0, count * size);
    return at;
}

LLM__FN void llm__arena_free(llm__arena *arena) {
    while (arena->first) {
        llm__arena_block *block = arena->first;
        arena->first = block->next;
        llm__free(&arena->allocator, block, block->bytes);
    }
    arena->bytes = 0;
}

LLM__FN char *llm__arena_text(llm__arena *arena, const char *text, size_t length) {
    char *copy = (char *)llm__arena_alloc(arena, length + 1, 1);
    if (copy && length) memcpy(copy, text, length);
    return copy;
}

/* ---- text that grows: always NUL-terminated once something was added; `failed` remembers a refused allocation */
typedef struct llm__text {
    llm_allocator allocator;
    char *data;
    size_t length, capacity;
    int failed;
} llm__text;

LLM__FN int llm__text_add(llm__text *text, const char *bytes, size_t count) {
    size_t need;
    void *data = text->data;
    if (text->failed || !llm__add_ok(text->length, count + 1, &need) ||
        !llm__grow(&text->allocator, &data, &text->capacity, need, 1)) {
        text->failed = 1;
        return 0;
    }
    text->data = (char *)data;
    if (count) memcpy(text->data + text->length, bytes, count);
    text->length += count;
    text->data[text->length] = 0;
    return 1;
}

/* Room for `count` bytes in all, so that adding up to that allocates nothing. */
LLM__FN int llm__text_reserve(llm__text *text, size_t count) {
    void *data = text->data;
    if (!llm__grow(&text->allocator, &data, &text->capacity, count + 1, 1)) return 0;
    text->data = (char *)data;
    return 1;
}

LLM__FN void llm__text_free(llm__text *text) {
    llm__free(&text->allocator, text->data, text->capacity);
    text->data = NULL;
    text->length = text->capacity = 0;
}

/* ---- counters that several threads share */
#if defined(_MSC_VER) && !defined(__clang__)
typedef volatile long llm__atomic;
LLM__FN int llm__atomic_add(llm__atomic *a, int n) { return (int)_InterlockedExchangeAdd(a, n) + n; }
LLM__FN int llm__atomic_get(llm__atomic *a) { return (int)_InterlockedOr(a, 0); }
LLM__FN void llm__atomic_set(llm__atomic *a, int n) { _InterlockedExchange(a, n); }
#else
typedef int llm__atomic;
LLM__FN int llm__atomic_add(llm__atomic *a, int n) { return __atomic_add_fetch(a, n, __ATOMIC_ACQ_REL); }
LLM__FN int llm__atomic_get(llm__atomic *a) { return __atomic_load_n(a, __ATOMIC_ACQUIRE); }
LLM__FN void llm__atomic_set(llm__atomic *a, int n) { __atomic_store_n(a, n, __ATOMIC_RELEASE); }
#endif

/* ---- locks.  What a lock protects says so; without threads they are nothing. */
#if defined(LLM_NO_THREADS)
typedef char llm__mutex;
#define LLM__MUTEX_OPEN(m) ((void)(m))
#define LLM__MUTEX_CLOSE(m) ((void)(m))
#define LLM__LOCK(m) ((void)(m))
#define LLM__UNLOCK(m) ((void)(m))
#elif defined(_WIN32)
typedef SRWLOCK llm__mutex;
#define LLM__MUTEX_OPEN(m) InitializeSRWLock(m)
#define LLM__MUTEX_CLOSE(m) ((void)(m))
#define LLM__LOCK(m) AcquireSRWLockExclusive(m)
#define LLM__UNLOCK(m) ReleaseSRWLockExclusive(m)
#else
typedef pthread_mutex_t llm__mutex;
#define LLM__MUTEX_OPEN(m) pthread_mutex_init(m, NULL)
#define LLM__MUTEX_CLOSE(m) pthread_mutex_destroy(m)
#define LLM__LOCK(m) pthread_mutex_lock(m)
#define LLM__UNLOCK(m) pthread_mutex_unlock(m)
#endif

/* ---- time */
static int64_t llm__system_now_us(void *user) {
    (void)user;
#if defined(_WIN32)
    {
        LARGE_INTEGER count, rate;
        QueryPerformanceCounter(&count);
        QueryPerformanceFrequency(&rate);
        return (int64_t)((double)count.QuadPart * 1e6 / (double)rate.QuadPart);
    }
#elif defined(CLOCK_MONOTONIC)
    {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    }
#else
    return (int64_t)((double)clock() * 1e6 / CLOCKS_PER_SEC);
#endif
}

LLM_API llm_clock llm_system_clock(void) {
    llm_clock clock = {NULL, llm__system_now_us};
    return clock;
}

LLM__FN llm_clock llm__clock_or_default(llm_clock clock) {
    return clock.now_us ? clock : llm_system_clock();
}

/* ======================================================================================================== >>numbers
   After this chapter every way of storing a number has a name, a size and a conversion to float32 that is exact, and
   the affine groups of quantized weights and caches can be read and written as MLX does. */

typedef union llm__bits {
    float f;
    uint32_t u;
} llm__bits;

LLM__FN uint32_t llm__float_bits(float f) {
    llm__bits b;
    b.f = f;
    return b.u;
}

LLM__FN float llm__bits_float(uint32_t u) {
    llm__bits b;
    b.u = u;
    return b.f;
}

/* sign(1) exponent(5) fraction(10); a denormal is fraction * 2^-24 */
LLM__FN float llm__f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31u, fraction = h & 1023u;
    if (exponent == 31) return llm__bits_float(sign | 0x7F800000u | fraction << 13);
    if (exponent) return llm__bits_float(sign | (exponent + 112) << 23 | fraction << 13);
    return sign ? -(float)fraction / 16777216.0f : (float)fraction / 16777216.0f;
}

LLM__FN uint16_t llm__f32_to_f16(float f) {
    uint32_t u = llm__float_bits(f), sign = u >> 16 & 0x8000u, m = u & 0x7FFFFFFFu, half;
    if (m > 0x7F800000u) return (uint16_t)(sign | 0x7E00u);
    if (m >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u); /* from 65520 on, infinity */
    if (m < 0x38800000u)                                     /* below 2^-14: adding 0.5 leaves units of 2^-24 */
        return (uint16_t)(sign | (llm__float_bits(llm__bits_float(m) + 0.5f) - 0x3F000000u));
    half = m - 0x38000000u;
    return (uint16_t)(sign | (half + 0xFFFu + (half >> 13 & 1u)) >> 13);
}

LLM__FN float llm__bf16_to_f32(uint16_t h) {
    return llm__bits_float((uint32_t)h << 16);
}

LLM__FN uint16_t llm__f32_to_bf16(float f) {
    uint32_t u = llm__float_bits(f);
    if ((u & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(u >> 16 | 0x40u);
    return (uint16_t)((u + 0x7FFFu + (u >> 16 & 1u)) >> 16);
}

/* sign(1) exponent(4) fraction(3), no infinity (arXiv:2209.05433) */
LLM__FN float llm__e4m3_to_f32(uint8_t b) {
    uint32_t sign = (uint32_t)(b & 0x80u) << 24, exponent = b >> 3 & 15u, fraction = b & 7u;
    float denormal = (float)fraction / 512.0f;
    if ((b & 0x7Fu) == 0x7Fu) return llm__bits_float(sign | 0x7FC00000u);
    if (exponent) return llm__bits_float(sign | (exponent + 120) << 23 | fraction << 20);
    return sign ? -denormal : denormal;
}

/* the upper half of an F16 */
LLM__FN float llm__e5m2_to_f32(uint8_t b) {
    return llm__f16_to_f32((uint16_t)(b << 8));
}

/* 2^(b - 127) */
LLM__FN float llm__e8m0_to_f32(uint8_t b) {
    if (b == 255) return llm__bits_float(0x7FC00000u);
    return b ? llm__bits_float((uint32_t)b << 23) : llm__bits_float(0x00400000u);
}

/* sign(1) exponent(2) fraction(1): 0 0.5 1 1.5 2 3 4 6 */
LLM__FN float llm__e2m1_to_f32(unsigned nibble) {
    static const float values[16] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
    return values[nibble & 15u];
}

/* In the order of llm_dtype: name in safetensors files, bytes. */
typedef struct llm__dtype_row {
    const char *name;
    size_t bytes;
} llm__dtype_row;

static const llm__dtype_row llm__dtypes[LLM_DTYPE_COUNT] = {
    {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1}, {"BOOL", 1},
    {"U8", 1},  {"I8", 1},  {"U16", 2},  {"I16", 2}, {"U32", 4},     {"I32", 4},     {"U64", 8},     {"I64", 8},
};

LLM__FN size_t llm__dtype_bytes(llm_dtype t) {
    return (unsigned)t < LLM_DTYPE_COUNT ? llm__dtypes[t].bytes : 0;
}

/* The three that weights, keys and values are computed from. */
LLM__FN int llm__is_float(llm_dtype t) { return t == LLM_F32 || t == LLM_F16 || t == LLM_BF16; }

LLM__FN const char *llm__dtype_name(llm_dtype t) {
    return (unsigned)t < LLM_DTYPE_COUNT ? llm__dtypes[t].name : "?";
}

LLM__FN int llm__dtype_from_name(const char *name, llm_dtype *out) {
    int t;
    for (t = 0; t < LLM_DTYPE_COUNT; t++)
        if (!strcmp(name, llm__dtypes[t].name)) {
            *out = (llm_dtype)t;
            return 1;
        }
    return 0;
}

/* One number of any type at any address. */
LLM__FN float llm__number_at(llm_dtype t, const uint8_t *p) {
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    double f64;
    switch (t) {
    case LLM_F8_E4M3: return llm__e4m3_to_f32(*p);
    case LLM_F8_E5M2: return llm__e5m2_to_f32(*p);
    case LLM_F8_E8M0: return llm__e8m0_to_f32(*p);
    case LLM_BOOL:
    case LLM_U8: return *p;
    case LLM_I8: return (float)(int8_t)*p;
    case LLM_F16: memcpy(&u16, p, 2); return llm__f16_to_f32(u16);
    case LLM_BF16: memcpy(&u16, p, 2); return llm__bf16_to_f32(u16);
    case LLM_U16: memcpy(&u16, p, 2); return u16;
    case LLM_I16: memcpy(&u16, p, 2); return (float)(int16_t)u16;
    case LLM_F32: memcpy(&u32, p, 4); return llm__bits_float(u32);
    case LLM_U32: memcpy(&u32, p, 4); return (float)u32;
    case LLM_I32: memcpy(&u32, p, 4); return (float)(int32_t)u32;
    case LLM_U64: memcpy(&u64, p, 8); return (float)u64;
    case LLM_I64: memcpy(&u64, p, 8); return (float)(int64_t)u64;
    case LLM_F64: memcpy(&f64, p, 8); return (float)f64;
    case LLM_DTYPE_COUNT: break;
    }
    return 0;
}

LLM__FN void llm__to_f32(llm_dtype t, const void *src, size_t n, float *dst) {
    const uint8_t *p = (const uint8_t *)src;
    size_t size = llm__dtype_bytes(t), i;
    if (t == LLM_F32 && n) memcpy(dst, src, n * sizeof(float));
    else
        for (i = 0; i < n; i++) dst[i] = llm__number_at(t, p + i * size);
}

/* F32, F16 or BF16, rounded to nearest even. */
LLM__FN void llm__from_f32(llm_dtype t, const float *src, size_t n, void *dst) {
    uint8_t *p = (uint8_t *)dst;
    size_t i;
    if (t == LLM_F32 && n) memcpy(dst, src, n * sizeof(float));
    else
        for (i = 0; i < n; i++) {
            uint16_t h = t == LLM_F16 ? llm__f32_to_f16(src[i]) : llm__f32_to_bf16(src[i]);
            memcpy(p + 2 * i, &h, 2);
        }
}

/* ---- affine groups: value = scale * code + bias for each `group` numbers; codes of 2, 3, 4, 5, 6 or 8 bits follow one
   another as a little-endian bit stream, so that 8 codes always begin on a byte */

LLM__FN unsigned llm__affine_code(const uint8_t *codes, size_t index, int bits) {
    size_t bit = index * (size_t)bits, byte = bit / 8;
    unsigned shift = (unsigned)(bit % 8), value = codes[byte];
    if (shift + (unsigned)bits > 8) value |= (unsigned)codes[byte + 1] << 8;
    return value >> shift & ((1u << bits) - 1);
}

/* n codes to bytes; n is a multiple of 8. */
LLM__FN void llm__affine_unpack(const uint8_t *codes, size_t n, int bits, uint8_t *out) {
    size_t i;
    int k;
    for (i = 0; i < n; i += 8, codes += bits, out += 8) {
        uint64_t word = 0;
        for (k = 0; k < bits; k++) word |= (uint64_t)codes[k] << 8 * k;
        for (k = 0; k < 8; k++) out[k] = (uint8_t)(word >> k * bits & ((1u << bits) - 1));
    }
}

LLM__FN void llm__affine_decode(const uint8_t *codes, const float *scales, const float *biases, size_t n, int bits,
                                int group, float *out) {
    uint8_t eight[8];
    size_t i, g;
    int k;
    for (i = 0; i < n; i += 8, codes += bits) {
        llm__affine_unpack(codes, 8, bits, eight);
        g = i / (size_t)group;
        for (k = 0; k < 8; k++) out[i + (size_t)k] = scales[g] * (float)eight[k] + biases[g];
    }
}

/* MLX's choice of scale and bias: the edge of the range that is farther from zero is met exactly. */
LLM__FN void llm__affine_fit(const float *x, int n, int bits, float *scale, float *bias) {
    float low = x[0], high = x[0], edge, zero;
    int i, levels = (1 << bits) - 1;
    for (i = 1; i < n; i++) {
        if (x[i] < low) low = x[i];
        if (x[i] > high) high = x[i];
    }
    *scale = (high - low) / (float)levels;
    if (!(*scale > 1e-7f)) *scale = 1e-7f;
    if (fabsf(low) > fabsf(high)) {
        edge = low;
    } else {
        edge = high;
        *scale = -*scale;
    }
    zero = rintf(edge / *scale);
    *bias = 0;
    if (zero != 0) {
        *scale = edge / zero;
        *bias = edge;
    }
}

LLM__FN void llm__affine_encode(const float *x, size_t n, int bits, int group, uint8_t *codes, float *scales,
                                float *biases) {
    size_t g, groups = n / (size_t)group, i;
    float most = (float)((1 << bits) - 1);
    memset(codes, 0, n * (size_t)bits / 8);
    for (g = 0; g < groups; g++) {
        llm__affine_fit(x + g * (size_t)group, group, bits, &scales[g], &biases[g]);
        for (i = g * (size_t)group; i < (g + 1) * (size_t)group; i++) {
            float code = rintf((x[i] - biases[g]) / scales[g]);
            unsigned c = code > 0 ? (unsigned)(code < most ? code : most) : 0; /* NaN gives 0 */
            size_t bit = i * (size_t)bits;
            codes[bit / 8] = (uint8_t)(codes[bit / 8] | c << bit % 8);
            if (bit % 8 + (size_t)bits > 8) codes[bit / 8 + 1] = (uint8_t)(codes[bit / 8 + 1] | c >> (8 - bit % 8));
        }
    }
}

/* ========================================================================================================== >>files
   After this chapter nothing from a file is trusted by accident: bytes have a name and a length, JSON is a flat array
   of nodes, and a tensor is a range that was checked against its file, its shape and its neighbours. */

/* ---- the default llm_files */
#ifndef LLM_NO_STDIO
#if defined(__unix__) || defined(__APPLE__)
#ifdef O_NONBLOCK
#define LLM__NONBLOCK O_NONBLOCK /* opening a pipe must not wait for a writer */
#else
#define LLM__NONBLOCK 0
#endif

static int llm__posix_open(void *user, const char *path, void **handle, uint64_t *bytes) {
    struct stat info;
    int fd = open(path, O_RDONLY | LLM__NONBLOCK);
    (void)user;
    if (fd < 0) return -1;
    if (fstat(fd, &info) || !S_ISREG(info.st_mode)) {
        close(fd);
        return -1;
    }
    *bytes = (uint64_t)info.st_size;
    *handle = (void *)((intptr_t)fd + 1);
    return 0;
}

static int llm__posix_fd(void *handle) { return (int)((intptr_t)handle - 1); }

static int llm__posix_read(void *user, void *handle, uint64_t offset, void *into, size_t bytes) {
    char *at = (char *)into;
    (void)user;
    while (bytes) {
        ssize_t n;
        if (lseek(llm__posix_fd(handle), (off_t)offset, SEEK_SET) < 0) return -1;
        n = read(llm__posix_fd(handle), at, bytes > ((size_t)1 << 30) ? (size_t)1 << 30 : bytes);
        if (n <= 0) return -1;
        at += n;
        offset += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return 0;
}

#ifndef LLM_NO_MMAP
static const void *llm__posix_map(void *user, void *handle, uint64_t bytes) {
    void *p;
    (void)user;
    if (!bytes || bytes > SIZE_MAX) return NULL;
    p = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, llm__posix_fd(handle), 0);
    return p == MAP_FAILED ? NULL : p;
}
#endif

static void llm__posix_close(void *user, void *handle) {
    (void)user;
    close(llm__posix_fd(handle));
}
#else
static int llm__stdio_open(void *user, const char *path, void **handle, uint64_t *bytes) {
    FILE *f = fopen(path, "rb");
    int64_t end;
    (void)user;
    if (!f) return -1;
#if defined(_WIN32)
    end = _fseeki64(f, 0, SEEK_END) ? -1 : _ftelli64(f);
#else
    end = fseek(f, 0, SEEK_END) ? -1 : (int64_t)ftell(f);
#endif
    if (end < 0) {
        fclose(f);
        return -1;
    }
    *bytes = (uint64_t)end;
    *handle = f;
    return 0;
}

static int llm__stdio_read(void *user, void *handle, uint64_t offset, void *into, size_t bytes) {
    (void)user;
#if defined(_WIN32)
    if (_fseeki64((FILE *)handle, (int64_t)offset, SEEK_SET)) return -1;
#else
    if (offset > (uint64_t)(~0ul >> 1) || fseek((FILE *)handle, (long)offset, SEEK_SET)) return -1;
#endif
    return fread(into, 1, bytes, (FILE *)handle) == bytes ? 0 : -1;
}

static void llm__stdio_close(void *user, void *handle) {
    (void)user;
    fclose((FILE *)handle);
}
#endif
#endif /* LLM_NO_STDIO */

LLM__FN llm_files llm__files_or_default(llm_files f) {
#ifndef LLM_NO_STDIO
    if (f.open) return f;
#if defined(__unix__) || defined(__APPLE__)
    f.open = llm__posix_open;
    f.read = llm__posix_read;
    f.close = llm__posix_close;
#ifndef LLM_NO_MMAP
    f.map = llm__posix_map;
#endif
#else
    f.open = llm__stdio_open;
    f.read = llm__stdio_read;
    f.close = llm__stdio_close;
#endif
#endif
    return f;
}

/* ---- a folder of files, on a disk or in memory */

typedef struct llm__blob {
    struct llm__blob *next;
    const char *name;
    const uint8_t *data; /* NULL: neither mapped nor in memory */
    uint64_t bytes;
    void *handle; /* NULL: in memory */
    int mapped;
    int loaded; /* its tensors are known */
} llm__blob;

typedef struct llm__folder {
    const char *path;
    llm_files files;
    const llm_memory_file *memory;
    size_t memory_count;
    int no_map;
    llm__arena *arena;
    llm__blob *first;
} llm__folder;

/* folder and name with one separator between them; false if that is too long */
LLM__FN int llm__path_join(const char *folder, const char *name, char *out, size_t capacity) {
    size_t n = strlen(folder);
    int bare = !n || folder[n - 1] == '/', written;
#if defined(_WIN32)
    if (n && folder[n - 1] == '\\') bare = 1;
#endif
    written = snprintf(out, capacity, "%s%s%s", folder, bare ? "" : "/", name);
    return written >= 0 && (size_t)written < capacity;
}

LLM__FN llm_status llm__folder_find(llm__folder *f, llm__blob *b, int optional, llm_error *error) {
    char path[4096];
    size_t i;
    for (i = 0; i < f->memory_count; i++)
        if (f->memory[i].name && !strcmp(f->memory[i].name, b->name)) {
            b->data = (const uint8_t *)f->memory[i].data;
            b->bytes = f->memory[i].bytes;
            if (!b->data && b->bytes)
                return llm__fail(error, LLM_BAD_ARGUMENT, "%s: memory file without data", b->name);
            return LLM_OK;
        }
    if (f->path && f->files.open && llm__path_join(f->path, b->name, path, sizeof path) &&
        !f->files.open(f->files.user, path, &b->handle, &b->bytes)) {
#if !defined(LLM_NO_STDIO) && !defined(LLM_NO_MMAP) && (defined(__unix__) || defined(__APPLE__))
        b->mapped = f->files.map == llm__posix_map;
#endif
        if (f->files.map && !f->no_map) b->data = (const uint8_t *)f->files.map(f->files.user, b->handle, b->bytes);
        if (!b->data) b->mapped = 0;
        return LLM_OK;
    }
    if (!f->path && !f->memory_count)
        return llm__fail(error, LLM_BAD_ARGUMENT, "neither a path nor memory files were given");
    if (optional) return LLM_END;
    if (!f->path || !llm__path_join(f->path, b->name, path, sizeof path))
        return llm__fail(error, LLM_BAD_FILE, "%s is not among the memory files", b->name);
    return llm__fail(error, LLM_BAD_FILE, "%s: cannot be opened as a file", path);
}

/* A file that is open already, or NULL. */
LLM__FN llm__blob *llm__folder_held(const llm__folder *f, const char *name) {
    llm__blob *b = f->first;
    while (b && strcmp(b->name, name)) b = b->next;
    return b;
}

/* The file of a name that is the library's own, and may lead into a folder within; *out is NULL if it is optional and
   absent. */
LLM__FN llm_status llm__folder_known(llm__folder *f, const char *name, llm__blob **out, int optional,
                                     llm_error *error) {
    llm__blob *b;
    llm_status status;
    *out = llm__folder_held(f, name);
    if (*out) return LLM_OK;
    b = (llm__blob *)llm__arena_alloc(f->arena, 1, sizeof *b);
    if (!b || !(b->name = llm__arena_text(f->arena, name, strlen(name)))) return llm__no_memory(error, sizeof *b);
    status = llm__folder_find(f, b, optional, error);
    if (status == LLM_END) return LLM_OK;
    if (status != LLM_OK) return status;
    b->next = f->first;
    f->first = *out = b;
    return LLM_OK;
}

/* The same for a name that a file gave. */
LLM__FN llm_status llm__folder_open(llm__folder *f, const char *name, llm__blob **out, int optional, llm_error *error) {
    *out = llm__folder_held(f, name); /* one that the host named may be called anything */
    if (*out) return LLM_OK;
    if (!*name || strchr(name, '/') || strchr(name, '\\') || strstr(name, ".."))
        return llm__fail(error, LLM_BAD_FORMAT, "\"%.100s\" is no file name within the checkpoint folder", name);
    return llm__folder_known(f, name, out, optional, error);
}

LLM__FN llm_status llm__folder_read(llm__folder *f, llm__blob *b, uint64_t offset, void *into, size_t bytes,
                                    llm_error *error) {
    if (offset > b->bytes || bytes > b->bytes - offset)
        return llm__fail(error, LLM_BAD_FORMAT, "%s: %llu bytes at %llu lie beyond its end at %llu", b->name,
                         (unsigned long long)bytes, (unsigned long long)offset, (unsigned long long)b->bytes);
    if (b->data) {
        if (bytes) memcpy(into, b->data + offset, bytes);
    } else if (bytes && f->files.read(f->files.user, b->handle, offset, into, bytes)) {
        return llm__fail(error, LLM_BAD_FILE, "%s: reading %llu bytes at %llu failed", b->name,
                         (unsigned long long)bytes, (unsigned long long)offset);
    }
    return LLM_OK;
}

/* The file of that name, not above the limit. */
LLM__FN llm_status llm__folder_small(llm__folder *f, const char *name, size_t limit, llm__blob **b, int optional,
                                     llm_error *error) {
    llm_status status = llm__folder_known(f, name, b, optional, error);
    if (status == LLM_OK && *b && (*b)->bytes > limit)
        return llm__fail(error, LLM_TOO_LARGE, "%s has %llu bytes; the limit is %llu", name,
                         (unsigned long long)(*b)->bytes, (unsigned long long)limit);
    return status;
}

/* A whole small file, NUL-terminated, in the arena. */
LLM__FN llm_status llm__folder_text(llm__folder *f, const char *name, size_t limit, const char **text, size_t *bytes,
                                    int optional, llm_error *error) {
    llm__blob *b;
    llm_status status = llm__folder_small(f, name, limit, &b, optional, error);
    char *copy;
    *text = NULL;
    *bytes = 0;
    if (status != LLM_OK || !b) return status;
    copy = (char *)llm__arena_alloc(f->arena, (size_t)b->bytes + 1, 1);
    if (!copy) return llm__no_memory(error, (size_t)b->bytes);
    status = llm__folder_read(f, b, 0, copy, (size_t)b->bytes, error);
    if (status != LLM_OK) return status;
    *text = copy;
    *bytes = (size_t)b->bytes;
    return LLM_OK;
}

/* A whole small file to look at: where it lies if it is mapped or in memory, else read into `scratch`. */
LLM__FN llm_status llm__folder_look(llm__folder *f, llm__arena *scratch, const char *name, size_t limit,
                                    const char **text, size_t *bytes, int optional, llm_error *error) {
    llm__blob *b;
    llm_status status = llm__folder_small(f, name, limit, &b, optional, error);
    void *copy = NULL;
    *text = NULL;
    *bytes = 0;
    if (status != LLM_OK || !b) return status;
    if (!b->data) {
        copy = llm__arena_alloc(scratch, (size_t)b->bytes + 1, 1);
        if (!copy) return llm__no_memory(error, (size_t)b->bytes);
        status = llm__folder_read(f, b, 0, copy, (size_t)b->bytes, error);
        if (status != LLM_OK) return status;
    }
    *text = b->data ? (const char *)b->data : (const char *)copy;
    *bytes = (size_t)b->bytes;
    return LLM_OK;
}

LLM__FN void llm__folder_close(llm__folder *f) {
    llm__blob *b;
    for (b = f->first; b; b = b->next) {
#if !defined(LLM_NO_STDIO) && !defined(LLM_NO_MMAP) && (defined(__unix__) || defined(__APPLE__))
        if (b->mapped) munmap((void *)(uintptr_t)b->data, (size_t)b->bytes);
#endif
        if (b->handle && f->files.close) f->files.close(f->files.user, b->handle);
    }
    f->first = NULL;
}

/* ---- JSON (RFC 8259), with NaN, Infinity and -Infinity as Python writes them
   A document is one array of nodes in reading order; its text is not needed any more once it is parsed.  No recursion:
   open containers are kept on a list of LLM__JSON_DEPTH.  Containers of 100,000 strings, as tokenizers have them, need
   no nodes: they can be passed over and read element by element later. */

typedef enum llm__json_type {
    LLM__JSON_NULL,
    LLM__JSON_FALSE,
    LLM__JSON_TRUE,
    LLM__JSON_INTEGER,
    LLM__JSON_NUMBER,
    LLM__JSON_STRING,
    LLM__JSON_LATER,
    LLM__JSON_ARRAY,
    LLM__JSON_OBJECT
} llm__json_type;

typedef struct llm__json {
    union {
        const char *text; /* string: unescaped UTF-8, NUL-terminated; may hold NULs; LATER: where it begins in the
                             document */
        double number;
    } as;
    uint32_t length; /* string, LATER: bytes; array: elements; object: members, each a key and its value */
    uint32_t span;   /* nodes of this value, itself included; LATER has a second one, whose text is where the document
                        begins, whose length says how many strings and containers lie directly in it, and whose span
                        how many bytes all strings in it have at most */
    uint8_t type;
} llm__json;

enum { LLM__JSON_DEPTH = 200 };

LLM__FN const llm__json *llm__json_next(const llm__json *v) { return v + v->span; }

LLM__FN const llm__json *llm__json_first(const llm__json *v) {
    return v && v->type >= LLM__JSON_ARRAY && v->length ? v + 1 : NULL;
}

LLM__FN int llm__json_is(const llm__json *v, llm__json_type t) { return v && v->type == t; }

/* Whether v is a container that was passed over and begins so. */
LLM__FN int llm__json_is_later(const llm__json *v, char open) {
    return llm__json_is(v, LLM__JSON_LATER) && *v->as.text == open;
}

LLM__FN int llm__json_text_is(const llm__json *v, const char *text) {
    return llm__json_is(v, LLM__JSON_STRING) && v->length == strlen(text) && !memcmp(v->as.text, text, v->length);
}

/* The value of a key; of duplicates the last.  NULL if there is none or `object` is no object. */
LLM__FN const llm__json *llm__json_get(const llm__json *object, const char *key) {
    const llm__json *k, *found = NULL;
    uint32_t i;
    if (!llm__json_is(object, LLM__JSON_OBJECT)) return NULL;
    for (i = 0, k = object + 1; i < object->length; i++, k = llm__json_next(k + 1))
        if (llm__json_text_is(k, key)) found = k + 1;
    return found;
}

LLM__FN const llm__json *llm__json_at(const llm__json *array, uint32_t index) {
    const llm__json *v;
    if (!llm__json_is(array, LLM__JSON_ARRAY) || index >= array->length) return NULL;
    for (v = array + 1; index; index--) v = llm__json_next(v);
    return v;
}

/* A number, also as {"__float__": "Infinity"}. */
LLM__FN int llm__json_float(const llm__json *v, double *out) {
    const llm__json *tagged = llm__json_get(v, "__float__");
    if (v && (v->type == LLM__JSON_INTEGER || v->type == LLM__JSON_NUMBER)) {
        *out = v->as.number;
        return 1;
    }
    if (llm__json_text_is(tagged, "Infinity"))
        *out = HUGE_VAL;
    else if (llm__json_text_is(tagged, "-Infinity"))
        *out = -HUGE_VAL;
    else if (llm__json_text_is(tagged, "NaN"))
        *out = (double)NAN;
    else
        return 0;
    return 1;
}

typedef struct llm__json_reader {
    llm__arena *arena;
    const char *name;
    const char *start, *at, *end;
    char *to, *to_end;        /* room for strings */
    const char *const *later; /* keys whose containers are passed over, up to a NULL */
    llm__json *nodes;
    size_t count, capacity;
    llm_error *error;
    llm_status status;
} llm__json_reader;

LLM__FN llm_status llm__json_fail(llm__json_reader *r, const char *at, const char *expected) {
    int line = 1, column = 1;
    const char *p;
    char found[16];
    if (r->status != LLM_OK) return r->status;
    for (p = r->start; p < at; p++) {
        column++;
        if (*p == '\n') {
            line++;
            column = 1;
        }
    }
    if (at >= r->end)
        snprintf(found, sizeof found, "the end");
    else if (*at >= 32 && *at < 127)
        snprintf(found, sizeof found, "'%c'", *at);
    else
        snprintf(found, sizeof found, "byte 0x%02X", (unsigned)(unsigned char)*at);
    r->status = llm__fail(r->error, LLM_BAD_FORMAT, "%s: line %d column %d: expected %s, found %s", r->name, line,
                          column, expected, found);
    return r->status;
}

/* Looks at the UTF-8 sequence at `text`: 1 valid, 0 invalid, -1 cut off by the end.  *length: its bytes, or those of
   the longest beginning of a valid one (at least 1), which a decoder replaces by one U+FFFD. */
LLM__FN int llm__char_check(const char *text, size_t bytes, size_t *length) {
    const uint8_t *s = (const uint8_t *)text;
    size_t need = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4, i;
    *length = 1;
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
    for (i = 1; i < need; i++, *length = i) {
        uint8_t low = 0x80, high = 0xBF;
        if (i == bytes) return -1;
        if (i == 1 && s[0] == 0xE0) low = 0xA0;
        if (i == 1 && s[0] == 0xED) high = 0x9F;
        if (i == 1 && s[0] == 0xF0) low = 0x90;
        if (i == 1 && s[0] == 0xF4) high = 0x8F;
        if (s[i] < low || s[i] > high) return 0;
    }
    return 1;
}

/* Writes a code point as UTF-8; returns its bytes. */
LLM__FN size_t llm__char_put(uint32_t c, char *out) {
    static const uint8_t lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
    for (i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(uint8_t)(0x80 | (c & 63));
    out[0] = (char)(uint8_t)(lead[n] | c);
    return n;
}

LLM__FN int llm__json_hex4(const char *p, const char *end, uint32_t *out) {
    int i;
    *out = 0;
    if (end - p < 4) return 0;
    for (i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return 0;
        *out = *out << 4 | (uint32_t)digit;
    }
    return 1;
}

/* The escape at r->at (behind the backslash) to `to`; a lone surrogate is U+FFFD.  Returns bytes written or 0. */
LLM__FN int llm__json_escape(llm__json_reader *r, char *to) {
    static const char from[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    const char *found;
    uint32_t code, low;
    if (r->at >= r->end) return 0;
    found = *r->at ? strchr(from, *r->at) : NULL;
    if (found) {
        r->at++;
        *to = plain[found - from];
        return 1;
    }
    if (*r->at != 'u' || !llm__json_hex4(r->at + 1, r->end, &code)) return 0;
    r->at += 5;
    if (code >= 0xD800 && code < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u' &&
        llm__json_hex4(r->at + 2, r->end, &low) && low >= 0xDC00 && low < 0xE000) {
        r->at += 6;
        return (int)llm__char_put(0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00), to);
    }
    return (int)llm__char_put(code >= 0xD800 && code < 0xE000 ? 0xFFFD : code, to);
}

/* Printable ASCII that stands for itself. */
LLM__FN int llm__json_plain(char c) { return (unsigned char)c - 32u < 96u && c != '"' && c != '\\'; }

/* The string at r->at as it stands in the document: *raw gets what lies between its quotes, valid UTF-8.  *escaped: it
   has escapes, which are not looked into yet. */
LLM__FN llm_status llm__json_span(llm__json_reader *r, llm__json *raw, int *escaped) {
    const char *at = ++r->at;
    raw->type = LLM__JSON_STRING;
    raw->as.text = at;
    *escaped = 0;
    for (;;) {
        size_t n = 1;
        while (at < r->end && llm__json_plain(*at)) at++;
        if (at >= r->end) return llm__json_fail(r, r->end, "the end of a string");
        if (*at == '"') break;
        if (*at == '\\') *escaped = 1, n = r->end - at > 1 ? 2 : 1;
        else if ((unsigned char)*at < 32) return llm__json_fail(r, at, "no control character in a string");
        else if ((unsigned char)(*at - 0xC2) < 0x1E && r->end - at > 1 && (at[1] & 0xC0) == 0x80) n = 2;
        else if (llm__char_check(at, (size_t)(r->end - at), &n) != 1) return llm__json_fail(r, at, "valid UTF-8");
        at += n;
    }
    raw->length = (uint32_t)(at - raw->as.text);
    r->at = at + 1;
    return LLM_OK;
}

/* Room for `bytes` more bytes of strings. */
LLM__FN int llm__json_room(llm__json_reader *r, size_t bytes) {
    size_t chunk = (size_t)(r->end - r->at) < 4096 ? (size_t)(r->end - r->at) : 4096; /* what is left may want */
    if ((size_t)(r->to_end - r->to) >= bytes) return 1;
    if (chunk < bytes) chunk = bytes;
    r->to = (char *)llm__arena_alloc(r->arena, chunk, 1);
    if (!r->to) {
        r->to_end = NULL;
        r->status = llm__no_memory(r->error, chunk);
        return 0;
    }
    r->to_end = r->to + chunk;
    return 1;
}

/* A copy of a span in the arena, without escapes and with a NUL behind it. */
LLM__FN llm_status llm__json_copy(llm__json_reader *r, llm__json *v, int escaped) {
    const char *back = r->at, *stop = v->as.text + v->length;
    char *to;
    if (!llm__json_room(r, (size_t)v->length + 1)) return r->status;
    to = r->to;
    if (!escaped) memcpy(to, v->as.text, v->length), to += v->length;
    for (r->at = v->as.text; escaped && r->at < stop;) {
        const char *start = r->at;
        int n = 1;
        if (*r->at++ != '\\') *to = *start;
        else if ((n = llm__json_escape(r, to)) == 0) return llm__json_fail(r, start, "a valid escape");
        to += n;
    }
    r->at = back;
    *to++ = 0;
    v->as.text = r->to;
    v->length = (uint32_t)(to - 1 - r->to);
    r->to = to;
    return LLM_OK;
}

LLM__FN llm_status llm__json_string(llm__json_reader *r, llm__json *v) {
    int escaped;
    return llm__json_span(r, v, &escaped) == LLM_OK ? llm__json_copy(r, v, escaped) : r->status;
}

/* A decimal number while it is read: mantissa * 10^exponent, the mantissa being its first 19 digits. */
typedef struct llm__decimal {
    uint64_t mantissa;
    int digits;
    int64_t exponent;
} llm__decimal;

/* Reads digits, which stand behind the point if `fraction`; false if there is none. */
LLM__FN int llm__json_digits(llm__json_reader *r, llm__decimal *d, int fraction) {
    const char *start = r->at;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        if (d->digits < 19) {
            d->mantissa = d->mantissa * 10 + (uint64_t)(*r->at - '0');
            d->digits += d->mantissa != 0;
            d->exponent -= fraction;
        } else {
            d->exponent += !fraction;
        }
    }
    return r->at > start;
}

/* high * 2^64 + low, rounded to nearest even, times 2^exponent; `more` says that bits were lost below. */
LLM__FN double llm__round_128(uint64_t high, uint64_t low, int more, int exponent) {
    uint64_t kept, half = (uint64_t)1 << 10;
    if (!high) {
        high = low;
        low = 0;
        exponent -= 64;
    }
    if (!high) return 0;
    while (!(high >> 63)) {
        high = high << 1 | low >> 63;
        low <<= 1;
        exponent--;
    }
    kept = high >> 11;
    high &= 0x7FF;
    if (high > half || (high == half && (low || more || (kept & 1)))) kept++;
    return ldexp((double)kept, exponent + 64 + 11);
}

/* mantissa * 5^n, n <= 22: exact in 128 bits */
LLM__FN double llm__times_five(uint64_t mantissa, uint64_t fives, int exponent) {
    uint64_t low = (mantissa & 0xFFFFFFFFu) * (fives & 0xFFFFFFFFu), middle = (mantissa >> 32) * (fives & 0xFFFFFFFFu);
    uint64_t other = (mantissa & 0xFFFFFFFFu) * (fives >> 32), high = (mantissa >> 32) * (fives >> 32);
    middle += low >> 32;
    other += middle & 0xFFFFFFFFu;
    high += (middle >> 32) + (other >> 32);
    return llm__round_128(high, other << 32 | (low & 0xFFFFFFFFu), 0, exponent);
}

/* mantissa / 5^n, n <= 22: long division until the quotient has more bits than are kept */
LLM__FN double llm__over_five(uint64_t mantissa, uint64_t fives, int exponent) {
    uint64_t quotient = mantissa / fives, rest = mantissa % fives;
    while (!(quotient >> 62)) {
        rest <<= 1; /* 5^22 < 2^52: never overflows */
        quotient = quotient << 1 | (rest >= fives);
        if (rest >= fives) rest -= fives;
        exponent--;
    }
    return llm__round_128(0, quotient, rest != 0, exponent);
}

/* Correctly rounded for |exponent| <= 22, within a few ulp beyond.  Where both factors are doubles,
   one operation rounds correctly (Clinger 1990); else 128 bits hold mantissa * 5^n. */
LLM__FN double llm__decimal_value(uint64_t mantissa, int64_t exponent) {
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    uint64_t fives = 1;
    double value;
    int n, i;
    if (!mantissa) return 0;
    if (!exponent) return (double)mantissa;
    if (exponent > 400) exponent = 400;
    if (exponent < -400) exponent = -400;
    n = (int)(exponent > 22 ? 22 : exponent < -22 ? -22 : exponent);
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ == 0
    if (n == exponent && !(mantissa >> 53)) return n < 0 ? (double)mantissa / tens[-n] : (double)mantissa * tens[n];
#endif
    for (i = n < 0 ? -n : n; i; i--) fives *= 5;
    value = n < 0 ? llm__over_five(mantissa, fives, n) : llm__times_five(mantissa, fives, n);
    for (exponent -= n; exponent > 0; exponent -= n) value *= tens[n = exponent > 22 ? 22 : (int)exponent];
    for (; exponent < 0; exponent += n) value /= tens[n = exponent < -22 ? 22 : (int)-exponent];
    return value;
}

/* The digits of an exponent, behind 'e'. */
LLM__FN int llm__json_exponent(llm__json_reader *r, int64_t *exponent) {
    int minus = 0, any = 0;
    int64_t e = 0;
    if (r->at < r->end && (*r->at == '+' || *r->at == '-')) minus = *r->at++ == '-';
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, any = 1)
        if (e < (int64_t)1 << 40) e = e * 10 + (*r->at - '0');
    *exponent += minus ? -e : e;
    return any;
}

LLM__FN llm_status llm__json_number(llm__json_reader *r, llm__json *v) {
    const char *start;
    llm__decimal d;
    double value;
    int negative = *r->at == '-';
    r->at += negative;
    v->type = LLM__JSON_NUMBER;
    if (r->end - r->at >= 8 && !memcmp(r->at, "Infinity", 8)) {
        r->at += 8;
        v->as.number = negative ? -HUGE_VAL : HUGE_VAL;
        return LLM_OK;
    }
    memset(&d, 0, sizeof d);
    start = r->at;
    if (!llm__json_digits(r, &d, 0)) return llm__json_fail(r, r->at, negative ? "a digit" : "a value");
    if (*start == '0' && r->at - start > 1) return llm__json_fail(r, start, "no leading zero");
    if (r->at >= r->end || (*r->at != '.' && *r->at != 'e' && *r->at != 'E')) v->type = LLM__JSON_INTEGER;
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        if (!llm__json_digits(r, &d, 1)) return llm__json_fail(r, r->at, "a digit");
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (!llm__json_exponent(r, &d.exponent)) return llm__json_fail(r, r->at, "a digit");
    }
    value = llm__decimal_value(d.mantissa, d.exponent);
    v->as.number = negative ? -value : value;
    return LLM_OK;
}

LLM__FN int llm__json_word(llm__json_reader *r, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n)) return 0;
    r->at += n;
    return 1;
}

LLM__FN llm_status llm__json_scalar(llm__json_reader *r, llm__json *v) {
    char c = r->at < r->end ? *r->at : 0;
    if (c == '"') return llm__json_string(r, v);
    if (c == '-' || c == 'I' || (c >= '0' && c <= '9')) return llm__json_number(r, v);
    if (c == 't' && llm__json_word(r, "true")) v->type = LLM__JSON_TRUE;
    else if (c == 'f' && llm__json_word(r, "false")) v->type = LLM__JSON_FALSE;
    else if (c == 'n' && llm__json_word(r, "null")) v->type = LLM__JSON_NULL;
    else if (c == 'N' && llm__json_word(r, "NaN")) {
        v->type = LLM__JSON_NUMBER;
        v->as.number = (double)NAN;
    } else {
        return llm__json_fail(r, r->at, "a value");
    }
    return LLM_OK;
}

LLM__FN void llm__json_space(llm__json_reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
}

LLM__FN int llm__json_more_nodes(llm__json_reader *r) {
    void *nodes = r->nodes;
    if (r->count >= 0x7FFFFFF0u ||
        !llm__grow(&r->arena->allocator, &nodes, &r->capacity, r->count + 1, sizeof *r->nodes)) {
        r->status = llm__no_memory(r->error, r->count * sizeof *r->nodes);
        return 0;
    }
    r->nodes = (llm__json *)nodes;
    return 1;
}

/* The next free node; the array grows by doubling and is copied to the arena at the end. */
LLM__FN llm__json *llm__json_node(llm__json_reader *r) {
    llm__json *v;
    if (r->count == r->capacity && !llm__json_more_nodes(r)) return NULL;
    v = &r->nodes[r->count++];
    v->as.text = NULL;
    v->length = 0;
    v->span = 1;
    v->type = LLM__JSON_NULL;
    return v;
}

LLM__FN llm_status llm__json_colon(llm__json_reader *r) {
    llm__json_space(r);
    if (r->at >= r->end || *r->at != ':') return llm__json_fail(r, r->at, "':'");
    r->at++;
    llm__json_space(r);
    return LLM_OK;
}

LLM__FN llm_status llm__json_key(llm__json_reader *r) {
    llm__json *key = llm__json_node(r);
    if (!key) return r->status;
    llm__json_space(r);
    if (r->at >= r->end || *r->at != '"') return llm__json_fail(r, r->at, "a key in quotes");
    if (llm__json_string(r, key) != LLM_OK) return r->status;
    return llm__json_colon(r);
}

/* Whether the container at r->at, whose node is the last, is to be read later: its key is one of those. */
LLM__FN int llm__json_wants_later(const llm__json_reader *r, int in_object) {
    size_t i;
    for (i = 0; in_object && r->later && r->later[i]; i++)
        if (llm__json_text_is(&r->nodes[r->count - 2], r->later[i])) return 1;
    return 0;
}

/* Passes over the container at r->at; only its brackets and quotes are looked at. */
LLM__FN llm_status llm__json_pass(llm__json_reader *r) {
    llm__json *document = llm__json_node(r), *v;
    const char *at = r->at;
    size_t depth = 0;
    uint32_t items = 0, bytes = 0;
    if (!document) return r->status;
    do {
        while (at < r->end && *at != '"' && *at != '[' && *at != '{' && *at != ']' && *at != '}') at++;
        if (at >= r->end) return llm__json_fail(r, r->end, *r->at == '[' ? "',' or ']'" : "',' or '}'");
        items += depth == 1 && *at != ']' && *at != '}';
        if (*at == '[' || *at == '{') {
            depth++;
        } else if (*at != '"') {
            depth--;
        } else {
            const char *string = at;
            for (at++; at < r->end && *at != '"'; at++) at += *at == '\\' && r->end - at > 1;
            bytes += (uint32_t)(at - string);
        }
        at++;
    } while (depth);
    document->as.text = r->start;
    document->length = items;
    document->span = bytes;
    v = document - 1;
    v->type = LLM__JSON_LATER;
    v->as.text = r->at;
    v->length = (uint32_t)(at - r->at);
    v->span = 2;
    r->at = at;
    return LLM_OK;
}

/* Starts to read a container that was passed over; its text must still be there.  Strings that are copied go to the
   arena. */
LLM__FN llm__json_reader llm__json_resume(llm__arena *arena, const char *name, const llm__json *later,
                                          llm_error *error) {
    llm__json_reader r;
    memset(&r, 0, sizeof r);
    r.arena = arena;
    r.name = name;
    r.start = later[1].as.text;
    r.at = later->as.text + 1;
    r.end = later->as.text + later->length;
    r.error = error;
    return r;
}

/* Whether the container that r is in has another element: then r->at is there.  *count: how many came before. */
LLM__FN int llm__json_more(llm__json_reader *r, char close, uint32_t *count) {
    const char *expected = close == ']' ? "',' or ']'" : "',' or '}'";
    llm__json_space(r);
    if (r->at < r->end && *r->at == close) return r->at++, 0;
    if ((*count)++) {
        if (r->at >= r->end || *r->at != ',') return llm__json_fail(r, r->at, expected), 0;
        r->at++;
        llm__json_space(r);
        if (r->at < r->end && (*r->at == ']' || *r->at == '}'))
            return llm__json_fail(r, r->at, "a value behind ','"), 0;
    }
    return 1;
}

/* Values until the outermost one is complete. */
LLM__FN llm_status llm__json_values(llm__json_reader *r) {
    uint32_t open[LLM__JSON_DEPTH];
    int depth = 0;
    for (;;) {
        llm__json *v, *top;
        llm__json_space(r);
        if (depth && r->nodes[open[depth - 1]].length == 0 && r->at < r->end &&
            *r->at == (r->nodes[open[depth - 1]].type == LLM__JSON_ARRAY ? ']' : '}')) {
            v = NULL; /* an empty container closes below */
        } else {
            int in_object = depth && r->nodes[open[depth - 1]].type == LLM__JSON_OBJECT;
            if (in_object && llm__json_key(r) != LLM_OK) return r->status;
            llm__json_space(r);
            if (depth) r->nodes[open[depth - 1]].length++;
            v = llm__json_node(r);
            if (!v) return r->status;
            if (r->at < r->end && (*r->at == '[' || *r->at == '{')) {
                if (!llm__json_wants_later(r, in_object)) {
                    if (depth == LLM__JSON_DEPTH)
                        return llm__json_fail(r, r->at, "at most 200 containers within each other");
                    v->type = *r->at == '[' ? LLM__JSON_ARRAY : LLM__JSON_OBJECT;
                    open[depth++] = (uint32_t)(r->count - 1);
                    r->at++;
                    continue;
                }
                if (llm__json_pass(r) != LLM_OK) return r->status;
            } else if (llm__json_scalar(r, v) != LLM_OK) {
                return r->status;
            }
        }
        for (;;) { /* what may follow a value */
            if (!depth) return LLM_OK;
            top = &r->nodes[open[depth - 1]];
            llm__json_space(r);
            if (r->at >= r->end)
                return llm__json_fail(r, r->at, top->type == LLM__JSON_ARRAY ? "',' or ']'" : "',' or '}'");
            if (*r->at == (top->type == LLM__JSON_ARRAY ? ']' : '}')) {
                r->at++;
                top->span = (uint32_t)(r->count - open[depth - 1]);
                depth--;
                continue;
            }
            if (*r->at != ',')
                return llm__json_fail(r, r->at, top->type == LLM__JSON_ARRAY ? "',' or ']'" : "',' or '}'");
            r->at++;
            llm__json_space(r);
            if (r->at < r->end && (*r->at == ']' || *r->at == '}'))
                return llm__json_fail(r, r->at, "a value behind ','");
            break;
        }
    }
}

/* Parses a document into the arena; `name` is for messages.  Containers under the keys `later` (up to a NULL; may be
   NULL) are passed over, whatever object they are in. */
LLM__FN llm_status llm__json_parse_but(llm__arena *arena, const char *name, const char *text, size_t bytes,
                                       const char *const *later, const llm__json **root, llm_error *error) {
    llm__json_reader r;
    llm__json *nodes;
    memset(&r, 0, sizeof r);
    r.arena = arena;
    r.name = name;
    r.error = error;
    r.later = later;
    *root = NULL;
    if (bytes >= 0x7FFFFFF0u)
        return llm__fail(error, LLM_TOO_LARGE, "%s: %llu bytes of JSON", name, (unsigned long long)bytes);
    r.start = r.at = text;
    r.end = text + bytes;
    if (llm__json_values(&r) == LLM_OK) {
        llm__json_space(&r);
        if (r.at < r.end) llm__json_fail(&r, r.at, "nothing more");
    }
    if (r.status == LLM_OK) {
        nodes = (llm__json *)llm__arena_alloc(arena, r.count, sizeof *nodes);
        if (nodes)
            memcpy(nodes, r.nodes, r.count * sizeof *nodes);
        else
            r.status = llm__no_memory(error, r.count * sizeof *nodes);
        *root = nodes;
    }
    llm__free(&arena->allocator, r.nodes, r.capacity * sizeof *r.nodes);
    return r.status;
}

LLM__FN llm_status llm__json_parse(llm__arena *arena, const char *name, const char *text, size_t bytes,
                                   const llm__json **root, llm_error *error) {
    return llm__json_parse_but(arena, name, text, bytes, NULL, root, error);
}

/* ---- safetensors: 8 bytes of length, a JSON header, the tensors' bytes without holes */

typedef struct llm__tensor {
    const char *name;
    llm_dtype dtype;
    int dims;
    int64_t shape[8];
    uint64_t offset, bytes; /* within the file */
    llm__blob *blob;
    const uint8_t *data; /* NULL until fetched, unless mapped */
    int used;
    int role; /* llm.h's llm_tensor_role, where that says more than `used` */
} llm__tensor;

typedef struct llm__tensors {
    llm__tensor *items; /* in the allocator of the arena */
    size_t count, capacity;
    uint32_t *hash; /* item + 1; open addressing */
    size_t slots;
    const llm__json *metadata; /* of the last file that had some */
} llm__tensors;

enum { LLM__HEADER_LIMIT = 100 << 20 };

LLM__FN uint64_t llm__hash_text(const char *text, size_t bytes) {
    uint64_t h = 0xCBF29CE484222325u;
    size_t i;
    for (i = 0; i < bytes; i++) h = (h ^ (unsigned char)text[i]) * 0x100000001B3u;
    return h ^ h >> 29;
}

LLM__FN llm__tensor *llm__tensor_find(const llm__tensors *t, const char *name) {
    size_t slot;
    if (!t->slots) return NULL;
    for (slot = (size_t)llm__hash_text(name, strlen(name)) & (t->slots - 1); t->hash[slot];
         slot = (slot + 1) & (t->slots - 1))
        if (!strcmp(t->items[t->hash[slot] - 1].name, name)) return &t->items[t->hash[slot] - 1];
    return NULL;
}

LLM__FN void llm__tensors_free(const llm_allocator *a, llm__tensors *t) {
    llm__free(a, t->items, t->capacity * sizeof *t->items);
    llm__free(a, t->hash, t->slots * sizeof *t->hash);
    memset(t, 0, sizeof *t);
}

LLM__FN void llm__tensors_place(llm__tensors *t, size_t item) {
    const char *name = t->items[item].name;
    size_t slot = (size_t)llm__hash_text(name, strlen(name)) & (t->slots - 1);
    while (t->hash[slot]) slot = (slot + 1) & (t->slots - 1);
    t->hash[slot] = (uint32_t)(item + 1);
}

LLM__FN int llm__tensors_append(const llm_allocator *a, llm__tensors *t, const llm__tensor *x) {
    void *items = t->items;
    size_t i, slots = t->slots ? t->slots : 64;
    uint32_t *hash;
    if (!llm__grow(a, &items, &t->capacity, t->count + 1, sizeof *x)) return 0;
    t->items = (llm__tensor *)items;
    t->items[t->count++] = *x;
    while (slots < 2 * t->count) slots *= 2;
    if (slots == t->slots) {
        llm__tensors_place(t, t->count - 1);
        return 1;
    }
    hash = (uint32_t *)llm__alloc_zero(a, slots, sizeof *hash);
    if (!hash) {
        t->count--;
        return 0;
    }
    llm__free(a, t->hash, t->slots * sizeof *t->hash);
    t->hash = hash;
    t->slots = slots;
    for (i = 0; i < t->count; i++) llm__tensors_place(t, i);
    return 1;
}

/* Forgets the items from `count` on. */
LLM__FN void llm__tensors_cut(llm__tensors *t, size_t count) {
    size_t i;
    if (count >= t->count) return;
    memset(t->hash, 0, t->slots * sizeof *t->hash);
    t->count = count;
    for (i = 0; i < count; i++) llm__tensors_place(t, i);
}

LLM__FN int llm__json_count(const llm__json *v, uint64_t limit, uint64_t *out) {
    if (!llm__json_is(v, LLM__JSON_INTEGER) || !(v->as.number >= 0) || v->as.number > (double)limit) return 0;
    *out = (uint64_t)v->as.number;
    return 1;
}

/* All known dtypes, for messages. */
LLM__FN const char *llm__dtype_names(char *out, size_t capacity) {
    size_t used = 0;
    int t;
    out[0] = 0;
    for (t = 0; t < LLM_DTYPE_COUNT && used < capacity; t++)
        used += (size_t)snprintf(out + used, capacity - used, t ? " %s" : "%s", llm__dtype_name((llm_dtype)t));
    return out;
}

/* Name and dtype.  A key that is there twice could be read in two ways, so it is refused. */
LLM__FN llm_status llm__tensor_read_dtype(llm__blob *b, const llm__json *key, llm__tensor *x, llm_error *error) {
    const llm__json *v = key + 1, *dtype = llm__json_get(v, "dtype"), *k;
    char names[200];
    uint32_t i, known = 0;
    if (strlen(key->as.text) != key->length || !key->length || key->length > 512)
        return llm__fail(error, LLM_BAD_FORMAT, "%s: a tensor's name is empty, too long (limit 512) or holds a NUL",
                         b->name);
    if (!llm__json_is(dtype, LLM__JSON_STRING) || !llm__json_is(llm__json_get(v, "shape"), LLM__JSON_ARRAY) ||
        !llm__json_is(llm__json_get(v, "data_offsets"), LLM__JSON_ARRAY))
        return llm__fail(error, LLM_BAD_FORMAT, "%s: tensor \"%.100s\" needs \"dtype\", \"shape\" and \"data_offsets\"",
                         b->name, x->name);
    for (i = 0, k = llm__json_first(v); i < v->length; i++, k = llm__json_next(k + 1))
        known += (uint32_t)(llm__json_text_is(k, "dtype") || llm__json_text_is(k, "shape") ||
                            llm__json_text_is(k, "data_offsets"));
    if (known != 3) return llm__fail(error, LLM_BAD_FORMAT, "%s: tensor \"%.100s\" has a key twice", b->name, x->name);
    if (strlen(dtype->as.text) != dtype->length || !llm__dtype_from_name(dtype->as.text, &x->dtype))
        return llm__fail(error, LLM_BAD_FORMAT, "%s: tensor \"%.100s\" has the unknown dtype \"%.20s\"; known are %s",
                         b->name, x->name, dtype->as.text, llm__dtype_names(names, sizeof names));
    return LLM_OK;
}

/* Shape and size in bytes: sizes stay below 2^52, where doubles count exactly and products with a dtype cannot wrap. */
LLM__FN llm_status llm__tensor_read_shape(llm__blob *b, const llm__json *shape, llm__tensor *x, llm_error *error) {
    const uint64_t limit = (uint64_t)1 << 52;
    const llm__json *n;
    uint64_t size, elements = 1;
    uint32_t i;
    if (shape->length > 8)
        return llm__fail(error, LLM_BAD_FORMAT, "%s: tensor \"%.100s\" has %u dimensions; the limit is 8", b->name,
                         x->name, shape->length);
    x->dims = (int)shape->length;
    for (i = 0, n = llm__json_first(shape); i < shape->length; i++, n = llm__json_next(n)) {
        if (!llm__json_count(n, limit, &size))
            return llm__fail(error, LLM_BAD_FORMAT,
                             "%s: tensor \"%.100s\": dimension %u of its shape is no whole number up to %llu", b->name,
                             x->name, i, (unsigned long long)limit);
        if (size && elements > limit / size)
            return llm__fail(error, LLM_BAD_FORMAT, "%s: tensor \"%.100s\": its shape has more than %llu elements",
                             b->name, x->name, (unsigned long long)limit);
        x->shape[i] = (int64_t)size;
        elements *= size;
    }
    x->bytes = elements * llm__dtype_bytes(x->dtype);
    return LLM_OK;
}

/* Reads one entry of a header; the data of the file begins at `start`. */
LLM__FN llm_status llm__tensor_read(llm__blob *b, const llm__json *key, uint64_t start, llm__tensor *x,
                                    llm_error *error) {
    const llm__json *offsets = llm__json_get(key + 1, "data_offsets");
    const uint64_t limit = (uint64_t)1 << 52, room = b->bytes - start;
    uint64_t begin, end;
    llm_status status;
    memset(x, 0, sizeof *x);
    x->name = key->as.text;
    x->blob = b;
    if ((status = llm__tensor_read_dtype(b, key, x, error)) != LLM_OK) return status;
    if ((status = llm__tensor_read_shape(b, llm__json_get(key + 1, "shape"), x, error)) != LLM_OK) return status;
    if (offsets->length != 2 || !llm__json_count(llm__json_at(offsets, 0), limit, &begin) ||
        !llm__json_count(llm__json_at(offsets, 1), limit, &end))
        return llm__fail(error, LLM_BAD_FORMAT,
                         "%s: tensor \"%.100s\": \"data_offsets\" are not two whole numbers up to %llu", b->name,
                         x->name, (unsigned long long)limit);
    if (begin > end || end > room)
        return llm__fail(error, LLM_BAD_FORMAT,
                         "%s: tensor \"%.100s\" lies at bytes %llu to %llu; the file has %llu behind its header",
                         b->name, x->name, (unsigned long long)begin, (unsigned long long)end,
                         (unsigned long long)room);
    if (end - begin != x->bytes)
        return llm__fail(error, LLM_BAD_FORMAT, "%s: tensor \"%.100s\" has %llu bytes; its shape and dtype need %llu",
                         b->name, x->name, (unsigned long long)(end - begin), (unsigned long long)x->bytes);
    x->offset = start + begin;
    if (b->data) x->data = b->data + x->offset;
    return LLM_OK;
}

static int llm__by_offset(const void *a, const void *b) {
    const llm__tensor *x = *(const llm__tensor *const *)a, *y = *(const llm__tensor *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* No two tensors of a file share a byte and none is left over. */
LLM__FN llm_status llm__tensors_cover(const llm_allocator *a, llm__tensors *t, size_t first, const llm__blob *b,
                                      uint64_t start, llm_error *error) {
    size_t n = t->count - first, i;
    const llm__tensor **sorted = (const llm__tensor **)llm__alloc(a, n, sizeof *sorted);
    uint64_t at = start;
    llm_status status = LLM_OK;
    if (!sorted) return llm__no_memory(error, n * sizeof *sorted);
    for (i = 0; i < n; i++) sorted[i] = &t->items[first + i];
    qsort((void *)sorted, n, sizeof *sorted, llm__by_offset);
    for (i = 0; i < n && status == LLM_OK; at = sorted[i]->offset + sorted[i]->bytes, i++)
        if (sorted[i]->offset != at)
            status = llm__fail(error, LLM_BAD_FORMAT,
                               "%s: tensor \"%.100s\" begins at byte %llu; expected %llu (no overlap, no hole)",
                               b->name, sorted[i]->name, (unsigned long long)sorted[i]->offset, (unsigned long long)at);
    if (status == LLM_OK && at != b->bytes)
        status = llm__fail(error, LLM_BAD_FORMAT, "%s has %llu bytes; its tensors end at %llu", b->name,
                           (unsigned long long)b->bytes, (unsigned long long)at);
    llm__free(a, (void *)sorted, n * sizeof *sorted);
    return status;
}

LLM__FN llm_status llm__safetensors_header(llm__folder *f, llm__blob *b, const llm__json **root, uint64_t *start,
                                           llm_error *error) {
    unsigned char head[8];
    uint64_t length = 0;
    char *text;
    int i;
    llm_status status;
    if (b->bytes < 8)
        return llm__fail(error, LLM_BAD_FORMAT, "%s: %llu bytes are too few for a safetensors file", b->name,
                         (unsigned long long)b->bytes);
    if ((status = llm__folder_read(f, b, 0, head, 8, error)) != LLM_OK) return status;
    for (i = 7; i >= 0; i--) length = length << 8 | head[i];
    if (length > LLM__HEADER_LIMIT || length > b->bytes - 8)
        return llm__fail(error, LLM_BAD_FORMAT, "%s: a header of %llu bytes does not fit a file of %llu (limit 100 MB)",
                         b->name, (unsigned long long)length, (unsigned long long)b->bytes);
    text = (char *)llm__alloc(&f->arena->allocator, (size_t)length, 1);
    if (!text) return llm__no_memory(error, (size_t)length);
    status = llm__folder_read(f, b, 8, text, (size_t)length, error);
    if (status == LLM_OK) status = llm__json_parse(f->arena, b->name, text, (size_t)length, root, error);
    llm__free(&f->arena->allocator, text, (size_t)length);
    if (status == LLM_OK && (*root)->type != LLM__JSON_OBJECT)
        status = llm__fail(error, LLM_BAD_FORMAT, "%s: the header is no JSON object", b->name);
    *start = 8 + length;
    return status;
}

/* "__metadata__": an object of strings, once */
LLM__FN llm_status llm__tensors_metadata(const llm__blob *b, const llm__json *v, const llm__json **found,
                                         llm_error *error) {
    const llm__json *k;
    uint32_t i;
    if (*found) return llm__fail(error, LLM_BAD_FORMAT, "%s: \"__metadata__\" is there twice", b->name);
    if (v->type != LLM__JSON_OBJECT)
        return llm__fail(error, LLM_BAD_FORMAT, "%s: \"__metadata__\" is no object", b->name);
    for (i = 0, k = llm__json_first(v); i < v->length; i++, k = llm__json_next(k + 1))
        if (k[1].type != LLM__JSON_STRING)
            return llm__fail(error, LLM_BAD_FORMAT, "%s: \"__metadata__\": the value of \"%.100s\" is no string",
                             b->name, k->as.text);
    *found = v;
    return LLM_OK;
}

LLM__FN llm_status llm__tensors_read(llm__folder *f, llm__blob *b, const llm__json *root, uint64_t start,
                                     llm__tensors *t, llm_error *error) {
    const llm__json *key, *metadata = NULL;
    size_t first = t->count;
    uint32_t i;
    llm_status status = LLM_OK;
    for (i = 0, key = llm__json_first(root); i < root->length && status == LLM_OK; i++, key = llm__json_next(key + 1)) {
        llm__tensor x;
        if (llm__json_text_is(key, "__metadata__")) {
            status = llm__tensors_metadata(b, key + 1, &metadata, error);
            continue;
        }
        status = llm__tensor_read(b, key, start, &x, error);
        if (status != LLM_OK) break;
        if (llm__tensor_find(t, x.name))
            status = llm__fail(error, LLM_BAD_FORMAT, "%s: tensor \"%.100s\" is there twice", b->name, x.name);
        else if (!llm__tensors_append(&f->arena->allocator, t, &x))
            status = llm__no_memory(error, sizeof x);
    }
    if (status == LLM_OK) status = llm__tensors_cover(&f->arena->allocator, t, first, b, start, error);
    if (status == LLM_OK && metadata) t->metadata = metadata;
    return status;
}

/* Adds the tensors of one file: all of them or, on failure, none. */
LLM__FN llm_status llm__safetensors_add(llm__folder *f, const char *file_name, llm__tensors *t, llm_error *error) {
    llm__blob *b;
    const llm__json *root = NULL;
    uint64_t start = 0;
    size_t first = t->count;
    llm_status status = llm__folder_open(f, file_name, &b, 0, error);
    if (status == LLM_OK) status = llm__safetensors_header(f, b, &root, &start, error);
    if (status == LLM_OK) status = llm__tensors_read(f, b, root, start, t, error);
    if (status != LLM_OK)
        llm__tensors_cut(t, first);
    else
        b->loaded = 1;
    return status;
}

/* The shard of one entry of an index, which is added unless it already is. */
LLM__FN llm_status llm__safetensors_shard(llm__folder *f, const char *index_name, const llm__json *key, llm__tensors *t,
                                          llm_error *error) {
    const char *shard = key[1].as.text;
    const llm__tensor *x;
    llm__blob *b;
    llm_status status;
    if (key[1].type != LLM__JSON_STRING || strlen(shard) != key[1].length)
        return llm__fail(error, LLM_BAD_FORMAT, "%s: the shard of \"%.100s\" is no file name", index_name,
                         key->as.text);
    x = llm__tensor_find(t, key->as.text);
    if (!x) { /* once for each shard, or the last thing that happens */
        if ((status = llm__folder_open(f, shard, &b, 0, error)) != LLM_OK) return status;
        if (!b->loaded && (status = llm__safetensors_add(f, shard, t, error)) != LLM_OK) return status;
        x = llm__tensor_find(t, key->as.text);
    }
    if (!x || strlen(key->as.text) != key->length)
        return llm__fail(error, LLM_BAD_FORMAT, "%s: tensor \"%.100s\" is not in \"%.100s\"", index_name, key->as.text,
                         shard);
    if (strcmp(x->blob->name, shard))
        return llm__fail(error, LLM_BAD_FORMAT, "%s: tensor \"%.100s\" should be in \"%.60s\" and is in \"%.60s\"",
                         index_name, key->as.text, shard, x->blob->name);
    return LLM_OK;
}

/* The shards that an index names, each tensor where the index says. */
LLM__FN llm_status llm__safetensors_shards(llm__folder *f, const char *index_name, const llm__json *index,
                                           llm__tensors *t, llm_error *error) {
    const llm__json *map = llm__json_get(index, "weight_map"), *key;
    llm_status status;
    uint32_t i;
    if (!llm__json_is(map, LLM__JSON_OBJECT))
        return llm__fail(error, LLM_BAD_FORMAT, "%s: \"weight_map\" is missing or no object", index_name);
    for (i = 0, key = llm__json_first(map); i < map->length; i++, key = llm__json_next(key + 1))
        if ((status = llm__safetensors_shard(f, index_name, key, t, error)) != LLM_OK) return status;
    return LLM_OK;
}

/* A checkpoint's tensors: model.safetensors, or the shards of model.safetensors.index.json, or weights.safetensors. */
LLM__FN llm_status llm__safetensors_open(llm__folder *f, llm__tensors *t, llm_error *error) {
    static const char *index_name = "model.safetensors.index.json";
    const llm__json *index;
    const char *text;
    size_t bytes;
    llm__blob *b;
    llm_status status = llm__folder_open(f, "model.safetensors", &b, 1, error);
    if (status != LLM_OK) return status;
    if (b) return llm__safetensors_add(f, "model.safetensors", t, error);
    status = llm__folder_text(f, index_name, LLM__HEADER_LIMIT, &text, &bytes, 1, error);
    if (status != LLM_OK) return status;
    if (text) {
        status = llm__json_parse(f->arena, index_name, text, bytes, &index, error);
        return status == LLM_OK ? llm__safetensors_shards(f, index_name, index, t, error) : status;
    }
    status = llm__folder_open(f, "weights.safetensors", &b, 1, error);
    if (status != LLM_OK) return status;
    if (b) return llm__safetensors_add(f, "weights.safetensors", t, error);
    return llm__fail(error, LLM_BAD_FILE, "%s: expected a checkpoint folder with model.safetensors or %s",
                     f->path ? f->path : "the memory files", index_name);
}

/* The tensor's bytes: where the file is mapped, or read once into the arena. */
LLM__FN llm_status llm__tensor_fetch(llm__folder *f, llm__tensor *x, const uint8_t **data, llm_error *error) {
    llm_status status;
    uint8_t *copy;
    if (!x->data) {
        copy = x->bytes > SIZE_MAX / 8 ? NULL : (uint8_t *)llm__arena_alloc(f->arena, (size_t)x->bytes, 1);
        if (!copy) return llm__no_memory(error, (size_t)x->bytes);
        status = llm__folder_read(f, x->blob, x->offset, copy, (size_t)x->bytes, error);
        if (status != LLM_OK) return status;
        x->data = copy;
    }
    *data = x->data;
    return LLM_OK;
}

/* ========================================================================================================== >>pages
   A page holds LLM_PAGE_TOKENS tokens of one layer and counts who holds it.  After this chapter a token's row has an
   address: number position / LLM_PAGE_TOKENS says which page, llm__page_row where in it.

   Within a page: the keys of head 0 for all tokens, head 1, ..., then the values likewise.  Where keys or values are
   quantized, codes are in their place and, behind all, aligned to 64 bytes, float32 scales in the same order, then
   biases. */

#if LLM_PAGE_TOKENS < 1
#error "LLM_PAGE_TOKENS must be at least 1"
#endif

typedef struct llm__page {
    struct llm__page *next; /* in a free list */
    size_t bytes;           /* of the whole allocation */
    llm__atomic holders;
} llm__page;

/* Where keys (or values) lie on a page. */
typedef struct llm__plane {
    int width;           /* numbers of one token of one head */
    llm_cache_codes codes;
    size_t row, groups;  /* bytes and scales of one token of one head */
    size_t data, scales; /* where rows and scales begin */
} llm__plane;

/* How a page of a layer is laid out. */
typedef struct llm__layout {
    llm_dtype dtype;
    int heads;
    llm__plane planes[2]; /* keys and values; latent: [latent | roped key] and nothing */
    size_t biases, bytes; /* how far a bias lies behind its scale; the size of all */
} llm__layout;

/* Rows and scales of a plane begin at *data and *scales, which move on behind it.  0: too large for a size_t. */
LLM__FN int llm__plane_place(llm__plane *p, llm_dtype dtype, size_t rows, size_t *data, size_t *scales) {
    size_t bits = p->codes.bits ? (size_t)p->codes.bits : 8 * llm__dtype_bytes(dtype), bytes;
    if (!llm__mul_ok((size_t)p->width, bits, &p->row)) return 0;
    p->row /= 8;
    p->groups = p->codes.bits ? (size_t)(p->width / p->codes.group) : 0;
    p->data = *data;
    p->scales = *scales;
    if (!llm__mul_ok(rows, p->row, &bytes) || bytes > SIZE_MAX / 8 - *data) return 0;
    *data += bytes;
    *scales += rows * p->groups * sizeof(float);
    return 1;
}

/* 0: too large for a size_t.  Scales and biases are never larger than the codes, hence no check of their own. */
LLM__FN int llm__layout_of(const llm_cache_layer *l, llm_dtype dtype, llm__layout *y) {
    size_t rows, data = 0, scales = 0;
    int latent = l->kind == LLM_CACHE_LATENT, i;
    memset(y, 0, sizeof *y);
    y->dtype = dtype;
    y->heads = l->heads;
    y->planes[0].width = latent ? l->key_width + l->value_width : l->key_width;
    y->planes[1].width = latent ? 0 : l->value_width;
    y->planes[0].codes = l->keys;
    y->planes[1].codes = l->values;
    if (!llm__mul_ok((size_t)l->heads, LLM_PAGE_TOKENS, &rows) ||
        !llm__plane_place(&y->planes[0], dtype, rows, &data, &scales) ||
        !llm__plane_place(&y->planes[1], dtype, rows, &data, &scales))
        return 0;
    data = (data + 63) & ~(size_t)63;
    for (i = 0; i < 2; i++) y->planes[i].scales += data;
    y->biases = scales;
    y->bytes = data + 2 * scales;
    return 1;
}

/* What one page takes from the allocator, alignment included. */
LLM__FN size_t llm__page_bytes(const llm__layout *y) {
    return sizeof(llm__page) + 64 + y->bytes;
}

LLM__FN llm__page *llm__page_new(const llm_allocator *a, const llm__layout *y) {
    size_t bytes = llm__page_bytes(y);
    llm__page *page = (llm__page *)llm__alloc(a, bytes, 1);
    if (!page) return NULL;
    page->next = NULL;
    page->bytes = bytes;
    llm__atomic_set(&page->holders, 1);
    return page;
}

/* What a page holds lies behind it, aligned to 64: to find it takes no look at the page, which may be far from every
   cache of the CPU. */
LLM__FN uint8_t *llm__page_data(const llm__page *page) {
    uint8_t *data = (uint8_t *)(uintptr_t)(page + 1);
    return data + (64 - (uintptr_t)data % 64) % 64;
}

/* Where a token's row of a head lies, and its scales or its biases. */
LLM__FN uint8_t *llm__page_row(const llm__layout *y, const llm__page *page, int value, int head, int token) {
    size_t row = (size_t)head * LLM_PAGE_TOKENS + (size_t)token;
    return llm__page_data(page) + y->planes[value].data + row * y->planes[value].row;
}

LLM__FN float *llm__page_scales(const llm__layout *y, const llm__page *page, int value, int head, int token,
                                int biases) {
    size_t row = (size_t)head * LLM_PAGE_TOKENS + (size_t)token;
    uint8_t *plane = llm__page_data(page) + y->planes[value].scales + (biases ? y->biases : 0);
    return (float *)(void *)plane + row * y->planes[value].groups;
}

/* Stores `count` numbers of one token's row of one head, from number `first` on; codes go by whole groups. */
LLM__FN void llm__page_store(const llm__layout *y, llm__page *page, int value, int head, int token, int first,
                             int count, const float *x) {
    const llm__plane *p = &y->planes[value];
    uint8_t *row = llm__page_row(y, page, value, head, token);
    int group;
    if (!count) return;
    if (!p->codes.bits) {
        llm__from_f32(y->dtype, x, (size_t)count, row + (size_t)first * llm__dtype_bytes(y->dtype));
        return;
    }
    group = first / p->codes.group;
    llm__affine_encode(x, (size_t)count, p->codes.bits, p->codes.group, row + first / 8 * p->codes.bits,
                       llm__page_scales(y, page, value, head, token, 0) + group,
                       llm__page_scales(y, page, value, head, token, 1) + group);
}

/* The reverse: as float32. */
LLM__FN void llm__page_load(const llm__layout *y, const llm__page *page, int value, int head, int token, int first,
                            int count, float *x) {
    const llm__plane *p = &y->planes[value];
    const uint8_t *row = llm__page_row(y, page, value, head, token);
    int group;
    if (!count) return;
    if (!p->codes.bits) {
        llm__to_f32(y->dtype, row + (size_t)first * llm__dtype_bytes(y->dtype), (size_t)count, x);
        return;
    }
    group = first / p->codes.group;
    llm__affine_decode(row + first / 8 * p->codes.bits, llm__page_scales(y, page, value, head, token, 0) + group,
                       llm__page_scales(y, page, value, head, token, 1) + group, (size_t)count, p->codes.bits,
                       p->codes.group, x);
}

/* ========================================================================================================== >>kinds
   What each kind of layer remembers.  Attention layers hold pages: those that nobody needs go to the free list of the
   cache that dropped them last, and writing to a page that a fork holds too copies it first.  Recurrent layers hold
   their states twice, the present ones and those that a pass is computing.

   The engine above adds tokens in passes: llm__cache_begin makes room, llm__cache_put and llm__cache_next_state fill
   it, and llm__cache_commit makes it part of the cache - or llm__cache_abandon forgets it, and the cache is as it was.
   After this chapter the engine knows, for every query, which positions it may see, and reads their rows. */

/* Limits that keep every sum of positions far from overflow, and the tokens that one pass is expected to bring at most
   where the pages of a window are counted beforehand. */
#define LLM__MOST_TOKENS ((int64_t)1 << 40)
enum { LLM__MOST_LAYERS = 65536, LLM__MOST_WIDTH = 1 << 24, LLM__PASS_TOKENS = 512, LLM__MOST_CHECKPOINTS = 65536 };

LLM__FN int llm__codes_ok(llm_cache_codes c) {
    return (c.bits == 2 || c.bits == 3 || c.bits == 4 || c.bits == 5 || c.bits == 6 || c.bits == 8) &&
           (c.group == 32 || c.group == 64 || c.group == 128);
}

LLM__FN int llm__same_codes(llm_cache_codes x, llm_cache_codes y) {
    return x.bits == y.bits && (!x.bits || x.group == y.group);
}

/* One layer of one cache.  Pages are numbered by position.  Held are the pages from 0 up to that of the newest token,
   except `gone` ones behind the first `pinned`: a window has moved past those. */
typedef struct llm__kept {
    llm_cache_layer desc;
    llm__layout layout;
    llm__page **pages;    /* [count] in order of their numbers */
    size_t capacity;
    int64_t count, gone;
    int64_t pinned;       /* pages with the first `keep` tokens: never gone */
    int64_t since;        /* behind the first `keep` tokens, those before this one are not there: a page whose tokens
                             came from a file may begin with some that did not */
    llm__page *free;      /* pages to use again */
    int64_t free_count;
    int64_t added;        /* of those, how many the llm_cache_reserve under way has put there */
    int64_t filled;       /* in a pass by hand: tokens that were put; recurrent: a bit for each array */
    float *states;        /* [halves, state_floats] */
    size_t state_floats;  /* of all arrays, one after the other */
    int halves;           /* 2; 1 where nothing is to come any more */
    int turned;           /* which half is the present one */
} llm__kept;

/* A cache of the past, which nobody writes to: the caches that went on from there share it. */
typedef struct llm__checkpoint {
    llm__atomic holders;
    llm_cache *cache; /* without checkpoints of its own */
} llm__checkpoint;

struct llm_cache {
    llm_allocator allocator;
    llm_dtype dtype;
    size_t layer_count;
    llm__kept *layers;
    int64_t length;
    int64_t pending, call_start, call_count; /* the pass under way; pending 0: none */
    int by_hand;                             /* it began with llm_cache_begin */
    llm_cache_codes wish[2]; /* what keys and values are to become once `wish_from` tokens are in; 0 bits: no wish */
    int64_t wish_from;
    llm__checkpoint **checkpoints; /* [checkpoint_count] by length, all of the layout that the cache has */
    size_t checkpoint_count, checkpoint_capacity;
    int64_t checkpoint_every, checkpoints_max;
    int64_t saved;       /* tokens that a file holds and that have not changed since; 0: none */
    uint64_t saved_as;   /* that file's checksum */
    llm__arena note_arena;
    llm_note *notes; /* [note_count], of the file that it came from */
    size_t note_count;
};

LLM__FN int llm__holds_tokens(llm_cache_kind kind) {
    return kind == LLM_CACHE_ATTENTION || kind == LLM_CACHE_LATENT;
}

LLM__FN int llm__is_attention(const llm__kept *k) {
    return llm__holds_tokens(k->desc.kind);
}

/* ---- which tokens matter: the one place that knows windows and chunks */

/* The oldest token that a query at `position` sees, pinned ones aside. */
LLM__FN int64_t llm__oldest_seen(const llm_cache_layer *d, int64_t position) {
    if (d->chunk) return position - position % d->chunk;
    return d->window && position >= d->window ? position - d->window + 1 : 0;
}

/* The oldest one to hold, pinned ones aside, once `length` tokens are in: what the newest of them saw, so that it can
   be taken back and come anew. */
LLM__FN int64_t llm__oldest_held(const llm_cache_layer *d, int64_t length) {
    return length ? llm__oldest_seen(d, length - 1) : 0;
}

/* How many tokens a layer holds at most between passes; 0: all of them. */
LLM__FN int64_t llm__reach(const llm_cache_layer *d) {
    return d->chunk ? d->chunk : d->window;
}

/* The entry behind one and all that lies in it. */
LLM__FN size_t llm__entry_end(const llm_cache *c, size_t layer) {
    size_t left = 1;
    for (; left; layer++) left += (size_t)c->layers[layer].desc.items - 1;
    return layer;
}

/* Pages that `tokens` tokens fill, the last one perhaps in part. */
LLM__FN int64_t llm__page_count(int64_t tokens) {
    return (tokens + LLM_PAGE_TOKENS - 1) / LLM_PAGE_TOKENS;
}

/* ---- pages of a layer */

LLM__FN void llm__page_give(llm__kept *k, llm__page *page) {
    page->next = k->free;
    k->free = page;
    k->free_count++;
}

LLM__FN void llm__page_drop(llm__kept *k, llm__page *page) {
    if (!llm__atomic_add(&page->holders, -1)) llm__page_give(k, page);
}

LLM__FN llm__page *llm__page_take(const llm_allocator *a, llm__kept *k) {
    llm__page *page = k->free;
    if (!page) return llm__page_new(a, &k->layout);
    k->free = page->next;
    k->free_count--;
    llm__atomic_set(&page->holders, 1);
    return page;
}

/* Gives the pages that came to the free list last, or all of them, back to the allocator. */
LLM__FN void llm__free_pages(const llm_allocator *a, llm__kept *k, int64_t count) {
    for (; count; count--) {
        llm__page *page = k->free;
        k->free = page->next;
        k->free_count--;
        llm__free(a, page, page->bytes);
    }
}

/* The number of an entry of k->pages. */
LLM__FN int64_t llm__page_number(const llm__kept *k, int64_t entry) {
    return entry < k->pinned ? entry : entry + k->gone;
}

/* The entry of a page number, or NULL if it is not held. */
LLM__FN llm__page **llm__page_entry(const llm__kept *k, int64_t number) {
    int64_t entry = number < k->pinned ? number : number - k->gone;
    if (entry >= k->count || (number >= k->pinned && entry < k->pinned)) return NULL;
    return &k->pages[entry];
}

LLM__FN int llm__page_is_own(llm__page *const *entry) {
    return llm__atomic_get(&(*entry)->holders) == 1;
}

LLM__FN int llm__pages_room(const llm_allocator *a, llm__kept *k, int64_t count) {
    void *pages = k->pages;
    if ((int64_t)(size_t)count != count) return 0;
    if (!llm__grow(a, &pages, &k->capacity, (size_t)count, sizeof *k->pages)) return 0;
    k->pages = (llm__page **)pages;
    return 1;
}

/* Makes the page of that number, which is held or the next one, this cache's alone. */
LLM__FN int llm__page_own(const llm_allocator *a, llm__kept *k, int64_t number) {
    llm__page **entry = llm__page_entry(k, number), *page;
    if (entry && llm__page_is_own(entry)) return 1;
    if (!entry && !llm__pages_room(a, k, k->count + 1)) return 0;
    page = llm__page_take(a, k);
    if (!page) return 0;
    if (entry) {
        memcpy(llm__page_data(page), llm__page_data(*entry), k->layout.bytes);
        llm__page_drop(k, *entry);
        *entry = page;
        return 1;
    }
    if (k->count <= k->pinned) k->gone = number - k->count; /* nothing is held behind the pinned ones */
    k->pages[k->count++] = page;
    return 1;
}

/* Drops the pages that nobody needs any more once `length` tokens are in. */
LLM__FN void llm__drop_old(llm__kept *k, int64_t length) {
    int64_t gone = llm__oldest_held(&k->desc, length) / LLM_PAGE_TOKENS - llm__page_number(k, k->pinned), i;
    if (gone <= 0) return;
    for (i = 0; i < gone; i++) llm__page_drop(k, k->pages[k->pinned + i]);
    k->count -= gone;
    k->gone += gone;
    memmove(k->pages + k->pinned, k->pages + k->pinned + gone, (size_t)(k->count - k->pinned) * sizeof *k->pages);
}

/* Drops the pages behind `length`. */
LLM__FN void llm__drop_new(llm__kept *k, int64_t length) {
    int64_t pages = llm__page_count(length);
    while (k->count && llm__page_number(k, k->count - 1) >= pages) llm__page_drop(k, k->pages[--k->count]);
    if (k->since > length) k->since = length; /* from there on tokens come anew */
}

/* Whether everything is held that a query at position `length` may see before itself. */
LLM__FN int llm__can_see(const llm__kept *k, int64_t length) {
    int64_t oldest = llm__oldest_seen(&k->desc, length), page;
    if (!llm__reach(&k->desc)) return 1;
    /* a full window shows the kept tokens and the newest others */
    if (length > k->desc.keep && k->desc.keep + oldest < k->since) return 0;
    if (oldest < k->desc.keep) oldest = k->desc.keep;
    if (oldest < k->since) oldest = k->since;
    for (page = oldest / LLM_PAGE_TOKENS; oldest < length && page < llm__page_count(length); page++)
        if (!llm__page_entry(k, page)) return 0;
    return 1;
}

/* Whether the last n tokens can be taken back: nothing that would be visible again is gone. */
LLM__FN int llm__can_trim(const llm__kept *k, int64_t length, int64_t n) {
    return n == 0 || n == length || k->desc.kind == LLM_CACHE_LIST ||
           (llm__is_attention(k) && llm__can_see(k, length - n));
}

/* The same for all layers. */
LLM__FN int llm__layers_can_trim(const llm_cache *c, int64_t n) {
    size_t i;
    for (i = 0; i < c->layer_count; i++)
        if (!llm__can_trim(&c->layers[i], c->length, n)) return 0;
    return 1;
}

/* Whether a position that was seen is not there. */
LLM__FN int llm__lacks(const llm__kept *k, int64_t position) {
    return !llm__page_entry(k, position / LLM_PAGE_TOKENS) || (position >= k->desc.keep && position < k->since);
}

/* ---- recurrent states */

/* Numbers in an array of a recurrent layer; 0: there is none, or a size_t cannot count them. */
LLM__FN size_t llm__array_floats(const llm_cache_layer *d, int array) {
    size_t floats = 1;
    int i;
    for (i = 0; i < LLM_CACHE_MAX_AXES && d->shapes[array][i]; i++) {
        uint64_t n = (uint64_t)d->shapes[array][i];
        if (d->shapes[array][i] < 0 || n > SIZE_MAX / 64 || !llm__mul_ok(floats, (size_t)n, &floats)) return 0;
    }
    return i ? floats : 0;
}

LLM__FN float *llm__state(const llm__kept *k, int half, int array) {
    float *at = k->states + (half ? k->state_floats : 0);
    int i;
    for (i = 0; i < array; i++) at += llm__array_floats(&k->desc, i);
    return at;
}

/* What the tokens so far left in an array. */
LLM__FN const float *llm__cache_state(const llm_cache *c, size_t layer, int array) {
    return llm__state(&c->layers[layer], c->layers[layer].turned, array);
}

/* Where the pass under way puts what comes after it: all of it, as it holds nothing of use before. */
LLM__FN float *llm__cache_next_state(llm_cache *c, size_t layer, int array) {
    return llm__state(&c->layers[layer], !c->layers[layer].turned, array);
}

/* ---- caches made from others */

LLM__FN void llm__checkpoint_drop(llm__checkpoint *p) {
    llm_allocator a = p->cache->allocator;
    if (llm__atomic_add(&p->holders, -1)) return;
    llm_cache_close(p->cache);
    llm__free(&a, p, sizeof *p);
}

/* Drops the checkpoints behind `length`. */
LLM__FN void llm__checkpoints_cut(llm_cache *c, int64_t length) {
    while (c->checkpoint_count && c->checkpoints[c->checkpoint_count - 1]->cache->length > length)
        llm__checkpoint_drop(c->checkpoints[--c->checkpoint_count]);
}

LLM__FN int llm__checkpoints_room(llm_cache *c, size_t count) {
    void *checkpoints = c->checkpoints;
    if (!llm__grow(&c->allocator, &checkpoints, &c->checkpoint_capacity, count, sizeof *c->checkpoints)) return 0;
    c->checkpoints = (llm__checkpoint **)checkpoints;
    return 1;
}

/* Frees a cache, perhaps with some of its [capacity] layers not made yet. */
LLM__FN void llm__cache_free(llm_cache *c, size_t capacity) {
    llm_allocator a = c->allocator;
    size_t i;
    for (i = 0; c->layers && i < capacity; i++) {
        llm__kept *k = &c->layers[i];
        llm__drop_new(k, 0);
        llm__free_pages(&a, k, k->free_count);
        llm__free(&a, k->pages, k->capacity * sizeof *k->pages);
        llm__free(&a, k->states, (size_t)k->halves * k->state_floats * sizeof(float));
    }
    llm__free(&a, c->layers, capacity * sizeof *c->layers);
    llm__checkpoints_cut(c, 0);
    llm__free(&a, c->checkpoints, c->checkpoint_capacity * sizeof *c->checkpoints);
    llm__arena_free(&c->note_arena);
    llm__free(&a, c, sizeof *c);
}

/* A layer like another, with its states, but without pages. */
LLM__FN llm_status llm__kept_like(const llm_allocator *a, llm__kept *to, const llm__kept *from, int halves,
                                  llm_error *error) {
    size_t floats = (size_t)halves * from->state_floats;
    *to = *from;
    to->pages = NULL;
    to->states = NULL;
    to->free = NULL;
    to->capacity = 0;
    to->count = to->free_count = to->added = 0;
    to->halves = halves;
    to->turned = 0;
    if (!floats) return LLM_OK;
    to->states = (float *)llm__alloc_zero(a, floats, sizeof(float));
    if (!to->states) return llm__no_memory(error, floats * sizeof(float));
    memcpy(to->states, llm__state(from, from->turned, 0), from->state_floats * sizeof(float));
    return LLM_OK;
}

/* A cache like another, with its states, but without pages and notes. */
LLM__FN llm_status llm__cache_like(llm_cache **out, const llm_cache *c, int halves, llm_error *error) {
    const llm_allocator *a = &c->allocator;
    llm_cache *made = (llm_cache *)llm__alloc_zero(a, 1, sizeof *made);
    llm_status status = LLM_OK;
    *out = NULL;
    if (!made) return llm__no_memory(error, sizeof *made);
    made->allocator = made->note_arena.allocator = *a;
    made->dtype = c->dtype;
    made->length = c->length;
    made->wish[0] = c->wish[0];
    made->wish[1] = c->wish[1];
    made->wish_from = c->wish_from;
    made->checkpoint_every = c->checkpoint_every;
    made->checkpoints_max = c->checkpoints_max;
    made->saved = c->saved;
    made->saved_as = c->saved_as;
    made->layers = (llm__kept *)llm__alloc_zero(a, c->layer_count, sizeof *made->layers);
    if (!made->layers) status = llm__no_memory(error, c->layer_count * sizeof *made->layers);
    for (; status == LLM_OK && made->layer_count < c->layer_count; made->layer_count++)
        status = llm__kept_like(a, &made->layers[made->layer_count], &c->layers[made->layer_count], halves, error);
    if (status == LLM_OK) *out = made;
    else llm__cache_free(made, c->layer_count);
    return status;
}

/* A cache that shares all pages with another, but no checkpoints. */
LLM__FN llm_status llm__cache_share(llm_cache **out, const llm_cache *c, int halves, llm_error *error) {
    llm_status status = llm__cache_like(out, c, halves, error);
    size_t i;
    for (i = 0; i < c->layer_count && status == LLM_OK; i++) {
        llm__kept *to = &(*out)->layers[i];
        const llm__kept *from = &c->layers[i];
        if (!llm__pages_room(&c->allocator, to, from->count))
            status = llm__no_memory(error, from->capacity * sizeof *from->pages);
        for (; status == LLM_OK && to->count < from->count; to->count++)
            llm__atomic_add(&(to->pages[to->count] = from->pages[to->count])->holders, 1);
    }
    if (status == LLM_OK) return LLM_OK;
    llm_cache_close(*out);
    *out = NULL;
    return status;
}

/* The first `tokens` rows of keys or values of a page in another layout.  The row is scratch. */
LLM__FN void llm__plane_convert(const llm__layout *from, const llm__layout *to, const llm__page *page, llm__page *copy,
                                int value, int tokens, float *row) {
    int head, token;
    for (head = 0; head < to->heads; head++)
        for (token = 0; token < tokens; token++) {
            llm__page_load(from, page, value, head, token, 0, from->planes[value].width, row);
            llm__page_store(to, copy, value, head, token, 0, to->planes[value].width, row);
        }
}

/* Keys or values of a page as they are, on a page where they lie elsewhere. */
LLM__FN void llm__plane_copy(const llm__layout *from, const llm__layout *to, const llm__page *page, llm__page *copy,
                             int value) {
    const llm__plane *p = &from->planes[value];
    size_t rows = (size_t)from->heads * LLM_PAGE_TOKENS, factors = rows * p->groups * sizeof(float);
    int biases;
    if (!p->width) return;
    memcpy(llm__page_row(to, copy, value, 0, 0), llm__page_row(from, page, value, 0, 0), rows * p->row);
    for (biases = 0; factors && biases < 2; biases++)
        memcpy(llm__page_scales(to, copy, value, 0, 0, biases), llm__page_scales(from, page, value, 0, 0, biases),
               factors);
}

/* A copy of a page with `tokens` tokens, in the same layout or in another. */
LLM__FN llm__page *llm__page_remade(const llm_allocator *a, const llm__layout *from, const llm__layout *to,
                                    const llm__page *page, int tokens, float *row) {
    llm__page *copy = llm__page_new(a, to);
    int value;
    for (value = 0; copy && value < 2; value++)
        if (llm__same_codes(from->planes[value].codes, to->planes[value].codes))
            llm__plane_copy(from, to, page, copy, value);
        else llm__plane_convert(from, to, page, copy, value, tokens, row);
    return copy;
}

/* What a wish makes of a layer; false: it stays as it is. */
LLM__FN int llm__wished(const llm__kept *k, const llm_cache_codes wish[2], llm_cache_layer *out) {
    *out = k->desc;
    if (!llm__is_attention(k)) return 0;
    if (!out->keys.bits) out->keys = wish[0];
    if (!out->values.bits && out->kind != LLM_CACHE_LATENT) out->values = wish[1];
    return out->keys.bits != k->desc.keys.bits || out->values.bits != k->desc.values.bits;
}

/* A layer that was made from another, both perhaps NULL: what follows them and shares pages with the one is to share
   their copies with the other. */
typedef struct llm__made {
    const llm_cache *from, *to;
} llm__made;

/* The copy of a page that another cache has made already, or NULL. */
LLM__FN llm__page *llm__page_made(llm__made kin, size_t layer, int64_t number, const llm__page *page) {
    llm__page **entry = kin.from ? llm__page_entry(&kin.from->layers[layer], number) : NULL;
    return entry && *entry == page ? *llm__page_entry(&kin.to->layers[layer], number) : NULL;
}

/* Fills a layer that has no pages yet with copies of another's, which a wish may convert on the way. */
LLM__FN llm_status llm__kept_remake(llm_cache *made, const llm_cache *c, size_t layer, llm__made kin,
                                    const llm_cache_codes wish[2], llm_error *error) {
    const llm_allocator *a = &c->allocator;
    llm__kept *to = &made->layers[layer];
    const llm__kept *from = &c->layers[layer];
    const llm__layout *y = &from->layout;
    size_t width = (size_t)(y->planes[0].width > y->planes[1].width ? y->planes[0].width : y->planes[1].width);
    float *row;
    llm_status status = LLM_OK;
    if (!llm__is_attention(from)) return LLM_OK;
    if (llm__wished(from, wish, &to->desc)) /* smaller than what is there, so that it cannot be too large */
        llm__layout_of(&to->desc, y->dtype, &to->layout);
    row = (float *)llm__alloc(a, width, sizeof *row);
    if (!row || !llm__pages_room(a, to, from->count)) status = llm__no_memory(error, width * sizeof *row);
    for (; status == LLM_OK && to->count < from->count; to->count++) {
        int64_t number = llm__page_number(from, to->count), tokens = c->length - number * LLM_PAGE_TOKENS;
        llm__page *page = from->pages[to->count], *copy = llm__page_made(kin, layer, number, page);
        if (tokens > LLM_PAGE_TOKENS) tokens = LLM_PAGE_TOKENS;
        if (copy) llm__atomic_add(&copy->holders, 1);
        else copy = llm__page_remade(a, y, &to->layout, page, (int)tokens, row);
        to->pages[to->count] = copy;
        if (copy) continue;
        status = llm__no_memory(error, llm__page_bytes(&to->layout));
        break;
    }
    llm__free(a, row, width * sizeof *row);
    return status;
}

LLM__FN llm_status llm__remake_one(llm_cache **out, const llm_cache *c, int halves, llm__made kin,
                                   const llm_cache_codes wish[2], llm_error *error) {
    llm_status status = llm__cache_like(out, c, halves, error);
    size_t i;
    for (i = 0; i < c->layer_count && status == LLM_OK; i++)
        status = llm__kept_remake(*out, c, i, kin, wish, error);
    if (status == LLM_OK) return LLM_OK;
    llm_cache_close(*out);
    *out = NULL;
    return status;
}

/* Gives a cache that was made from another the same checkpoints, made alike.  From the newest to the oldest: each
   shares pages with the next or with none. */
LLM__FN llm_status llm__checkpoints_remake(llm_cache *made, const llm_cache *c, const llm_cache_codes wish[2],
                                           llm_error *error) {
    llm__made kin;
    size_t i, n = c->checkpoint_count;
    kin.from = c;
    kin.to = made;
    if (n && !llm__checkpoints_room(made, n)) return llm__no_memory(error, n * sizeof *made->checkpoints);
    for (i = 0; i < n; i++) {
        const llm_cache *past = c->checkpoints[n - 1 - i]->cache;
        llm__checkpoint *p = (llm__checkpoint *)llm__alloc_zero(&c->allocator, 1, sizeof *p);
        llm_status status = p ? llm__remake_one(&p->cache, past, 1, kin, wish, error)
                              : llm__no_memory(error, sizeof *p);
        if (status != LLM_OK) {
            llm__free(&c->allocator, p, sizeof *p);
            return status;
        }
        llm__atomic_set(&p->holders, 1);
        made->checkpoints[made->checkpoint_count++] = p;
        kin.from = past;
        kin.to = p->cache;
    }
    for (i = 0; i < n / 2; i++) {
        llm__checkpoint *p = made->checkpoints[i];
        made->checkpoints[i] = made->checkpoints[n - 1 - i];
        made->checkpoints[n - 1 - i] = p;
    }
    return LLM_OK;
}

/* A cache that shares nothing with another, its layers as a wish makes them. */
LLM__FN llm_status llm__cache_remake(llm_cache **out, const llm_cache *c, const llm_cache_codes wish[2],
                                     llm_error *error) {
    const llm__made none = {NULL, NULL};
    llm_status status = llm__remake_one(out, c, 2, none, wish, error);
    if (status == LLM_OK) status = llm__checkpoints_remake(*out, c, wish, error);
    if (status == LLM_OK) return LLM_OK;
    llm_cache_close(*out);
    *out = NULL;
    return status;
}

/* Converts what is plain and not meant to be, and fulfils the wish for it. */
LLM__FN llm_status llm__cache_convert(llm_cache *c, const llm_cache_codes wish[2], llm_error *error) {
    llm_cache_layer wished;
    llm_cache was = *c, *made;
    llm_status status;
    size_t i = 0;
    while (i < c->layer_count && !llm__wished(&c->layers[i], wish, &wished)) i++;
    if (i < c->layer_count) {
        status = llm__cache_remake(&made, c, wish, error);
        if (status != LLM_OK) return status;
        c->layers = made->layers;
        c->checkpoints = made->checkpoints;
        c->checkpoint_capacity = made->checkpoint_capacity;
        made->layers = was.layers;
        made->checkpoints = was.checkpoints;
        made->checkpoint_capacity = was.checkpoint_capacity; /* there are as many as before */
        llm_cache_close(made);
        c->saved = 0;
    }
    memset(c->wish, 0, sizeof c->wish);
    return LLM_OK;
}

/* ---- checkpoints */

/* Whether some tokens could not be taken back without. */
LLM__FN int llm__cache_forgets(const llm_cache *c) {
    size_t i = 0;
    while (i < c->layer_count && c->layers[i].desc.kind != LLM_CACHE_RECURRENT && !llm__reach(&c->layers[i].desc)) i++;
    return i < c->layer_count;
}

/* Where there are too many, the one goes whose neighbours are closest to each other: so the gaps stay even. */
LLM__FN void llm__checkpoints_thin(llm_cache *c) {
    llm__checkpoint **p = c->checkpoints;
    size_t i, worst = 0;
    int64_t least = INT64_MAX;
    if ((int64_t)c->checkpoint_count <= c->checkpoints_max) return;
    for (i = 0; i + 1 < c->checkpoint_count; i++) {
        int64_t gap = p[i + 1]->cache->length - (i ? p[i - 1]->cache->length : 0);
        if (gap < least) {
            least = gap;
            worst = i;
        }
    }
    llm__checkpoint_drop(p[worst]);
    c->checkpoint_count--;
    memmove(p + worst, p + worst + 1, (c->checkpoint_count - worst) * sizeof *p);
}

LLM__FN llm_status llm__checkpoint_make(llm_cache *c, llm_error *error) {
    size_t n = c->checkpoint_count;
    llm__checkpoint *p;
    llm_status status;
    if (!c->length || !llm__cache_forgets(c) || (n && c->checkpoints[n - 1]->cache->length == c->length)) return LLM_OK;
    if (!llm__checkpoints_room(c, n + 1)) return llm__no_memory(error, (n + 1) * sizeof *c->checkpoints);
    p = (llm__checkpoint *)llm__alloc_zero(&c->allocator, 1, sizeof *p);
    if (!p) return llm__no_memory(error, sizeof *p);
    status = llm__cache_share(&p->cache, c, 1, error);
    if (status != LLM_OK) {
        llm__free(&c->allocator, p, sizeof *p);
        return status;
    }
    llm__atomic_set(&p->holders, 1);
    c->checkpoints[c->checkpoint_count++] = p;
    llm__checkpoints_thin(c);
    return LLM_OK;
}

/* Tokens until the next checkpoint is due: a pass should bring no more. */
LLM__FN int64_t llm__cache_pass_limit(const llm_cache *c) {
    if (!c->checkpoint_every || !llm__cache_forgets(c)) return INT64_MAX;
    return c->checkpoint_every - c->length % c->checkpoint_every;
}

/* How many tokens calls may bring, cut in whatever way, and come to the same, to the bit: codes begin where they would,
   and rotating layers with pinned tokens, which go by calls, have room.  0: it goes by calls from now on. */
LLM__FN int64_t llm__cache_uncut(const llm_cache *c) {
    int64_t most = INT64_MAX;
    size_t i;
    if ((c->wish[0].bits || c->wish[1].bits) && c->length < c->wish_from && most > c->wish_from - c->length)
        most = c->wish_from - c->length;
    for (i = 0; i < c->layer_count; i++) {
        const llm_cache_layer *d = &c->layers[i].desc;
        if (llm__is_attention(&c->layers[i]) && d->keep && most > d->window - c->length) most = d->window - c->length;
    }
    return most < 0 ? 0 : most;
}

/* How many tokens, at least one, a call may bring and be what as many calls of one are.  A checkpoint that is due does
   not come between. */
LLM__FN int64_t llm__cache_alike(const llm_cache *c) {
    int64_t most = llm__cache_pass_limit(c) - 1, uncut = llm__cache_uncut(c);
    if (most > uncut) most = uncut;
    return most < 1 ? 1 : most;
}

/* The newest checkpoint of at most `length` tokens, or NULL. */
LLM__FN const llm_cache *llm__checkpoint_at(const llm_cache *c, int64_t length) {
    size_t i = c->checkpoint_count;
    while (i && c->checkpoints[i - 1]->cache->length > length) i--;
    return i ? c->checkpoints[i - 1]->cache : NULL;
}

/* How many tokens go if at least n are taken back; -1: it cannot be done. */
LLM__FN int64_t llm__cache_can_trim(const llm_cache *c, int64_t n) {
    const llm_cache *past;
    if (llm__layers_can_trim(c, n)) return n;
    past = llm__checkpoint_at(c, c->length - n);
    return past ? c->length - past->length : -1;
}

/* Makes a layer what it was. */
LLM__FN void llm__kept_restore(llm__kept *k, const llm__kept *past) {
    int64_t i;
    for (i = 0; i < past->count; i++) llm__atomic_add(&past->pages[i]->holders, 1);
    while (k->count) llm__page_drop(k, k->pages[--k->count]);
    if (past->count) memcpy(k->pages, past->pages, (size_t)past->count * sizeof *k->pages);
    k->count = past->count;
    k->gone = past->gone;
    k->since = past->since;
    if (k->states)
        memcpy(llm__state(k, k->turned, 0), llm__state(past, past->turned, 0), k->state_floats * sizeof(float));
}

/* Goes back to a checkpoint.  Can fail for memory, and then nothing has changed. */
LLM__FN llm_status llm__checkpoint_restore(llm_cache *c, const llm_cache *past, llm_error *error) {
    size_t i;
    for (i = 0; i < c->layer_count; i++)
        if (!llm__pages_room(&c->allocator, &c->layers[i], past->layers[i].count))
            return llm__no_memory(error, (size_t)past->layers[i].count * sizeof *c->layers[i].pages);
    for (i = 0; i < c->layer_count; i++) llm__kept_restore(&c->layers[i], &past->layers[i]);
    c->length = past->length;
    llm__checkpoints_cut(c, c->length);
    return LLM_OK;
}

/* ---- bytes */

/* What a layer takes beside the pages that it holds. */
LLM__FN size_t llm__kept_own_bytes(const llm__kept *k) {
    return (size_t)k->free_count * llm__page_bytes(&k->layout) + k->capacity * sizeof *k->pages +
           (size_t)k->halves * k->state_floats * sizeof(float);
}

LLM__FN size_t llm__kept_bytes(const llm__kept *k) {
    return (size_t)k->count * llm__page_bytes(&k->layout) + llm__kept_own_bytes(k);
}

/* What a cache takes beside its pages and checkpoints. */
LLM__FN size_t llm__cache_own_bytes(const llm_cache *c) {
    size_t bytes = sizeof *c + c->layer_count * sizeof *c->layers + c->checkpoint_capacity * sizeof *c->checkpoints, i;
    for (i = 0; i < c->layer_count; i++) bytes += llm__kept_own_bytes(&c->layers[i]);
    return bytes;
}

LLM__FN size_t llm__cache_page_count(const llm_cache *c) {
    size_t pages = 0, i;
    for (i = 0; i < c->layer_count; i++) pages += (size_t)c->layers[i].count;
    return pages;
}

/* The bytes of a checkpoint, but for those of the pages that it shares with the one behind it, or with the cache. */
LLM__FN size_t llm__checkpoint_bytes(const llm__checkpoint *p, const llm_cache *next) {
    size_t bytes = sizeof *p + llm__cache_own_bytes(p->cache), layer;
    int64_t i;
    for (layer = 0; layer < p->cache->layer_count; layer++) {
        const llm__kept *k = &p->cache->layers[layer];
        for (i = 0; i < k->count; i++) {
            llm__page **entry = llm__page_entry(&next->layers[layer], llm__page_number(k, i));
            if (!entry || *entry != k->pages[i]) bytes += k->pages[i]->bytes;
        }
    }
    return bytes;
}

/* ---- passes */

LLM__FN void llm__cache_abandon(llm_cache *c) {
    size_t i;
    if (!c->pending) return;
    for (i = 0; i < c->layer_count; i++)
        if (llm__is_attention(&c->layers[i])) llm__drop_new(&c->layers[i], c->length);
    c->pending = 0;
}

/* Room for `count` tokens behind the present ones.  The call that the pass belongs to began at call_start and brings
   call_count tokens; rotating layers with pinned tokens go by calls.  On failure nothing has changed. */
LLM__FN llm_status llm__cache_begin(llm_cache *c, int64_t count, int64_t call_start, int64_t call_count,
                                    llm_error *error) {
    const llm_cache_codes wish[2] = {c->wish[0], c->wish[1]};
    int64_t page, pages = llm__page_count(c->length + count);
    llm_status status;
    size_t i;
    if (c->pending)
        return llm__fail(error, LLM_BAD_ARGUMENT, "the cache is in use by a forward pass that is not finished");
    if ((c->wish[0].bits || c->wish[1].bits) && c->length == call_start && c->length >= c->wish_from &&
        (status = llm__cache_convert(c, wish, error)) != LLM_OK)
        return status;
    if (c->length < c->saved) c->saved = 0; /* tokens were taken back; others come in their place */
    c->pending = count;
    c->by_hand = 0;
    c->call_start = call_start;
    c->call_count = call_count;
    for (i = 0; i < c->layer_count; i++) {
        llm__kept *k = &c->layers[i];
        if (!llm__is_attention(k)) continue;
        for (page = c->length / LLM_PAGE_TOKENS; page < pages; page++)
            if (!llm__page_own(&c->allocator, k, page)) {
                llm__cache_abandon(c);
                return llm__no_memory(error, llm__page_bytes(&k->layout));
            }
    }
    return LLM_OK;
}

/* Stores one token of an attention layer: keys [heads, key_width] and values [heads, value_width]; latent: the latent
   [key_width] and the rotated key [value_width].  Different tokens may be stored by different threads. */
LLM__FN void llm__cache_put(llm_cache *c, size_t layer, int64_t position, const float *keys, const float *values) {
    llm__kept *k = &c->layers[layer];
    llm__page *page = *llm__page_entry(k, position / LLM_PAGE_TOKENS);
    int token = (int)(position % LLM_PAGE_TOKENS), head;
    int kw = k->desc.key_width, vw = k->desc.value_width;
    if (k->desc.kind == LLM_CACHE_LATENT) {
        llm__page_store(&k->layout, page, 0, 0, token, 0, kw, keys);
        llm__page_store(&k->layout, page, 0, 0, token, kw, vw, values);
        return;
    }
    for (head = 0; head < k->desc.heads; head++) {
        llm__page_store(&k->layout, page, 0, head, token, 0, kw, keys + (size_t)head * (size_t)kw);
        llm__page_store(&k->layout, page, 1, head, token, 0, vw, values + (size_t)head * (size_t)vw);
    }
}

LLM__FN void llm__cache_commit(llm_cache *c) {
    size_t i;
    c->length += c->pending;
    c->pending = 0;
    for (i = 0; i < c->layer_count; i++) {
        llm__kept *k = &c->layers[i];
        if (llm__is_attention(k)) llm__drop_old(k, c->length);
        else k->turned = !k->turned;
    }
    if (c->checkpoint_every && c->length % c->checkpoint_every == 0) llm__checkpoint_make(c, NULL);
}

/* What the query at `position` may see, itself included: one or two spans, in order.  It is one of a call of `count`
   tokens that found `before` others.
   A window w sees the last w tokens.  With pinned tokens it is mlx-lm's RotatingKVCache, to the token: there, a call of
   one token sees the pinned ones and the last w - keep; a longer call first drops what exceeds w - 1 tokens, then
   appends its own and masks by slot, so that the pinned tokens, being the first slots, fall out of its later queries'
   windows. */
LLM__FN int llm__visible(const llm_cache_layer *d, int64_t before, int64_t count, int64_t position, llm_span out[2]) {
    int64_t w = d->window, keep = d->keep, slot, shift;
    out[0].begin = llm__oldest_seen(d, position);
    out[0].end = position + 1;
    if (!keep || position < w) return 1;
    if (count == 1) {
        out[0].begin = 0;
        out[0].end = keep;
        out[1].begin = position - (w - keep) + 1;
        out[1].end = position + 1;
        return 2;
    }
    if (before < w) return 1; /* nothing was dropped: slots are positions */
    slot = position - before; /* the query sees slots from here on... */
    shift = before - (w - 1); /* ...and slot s >= keep is position s + shift */
    if (slot >= keep) return 1;
    out[0].begin = slot;
    out[0].end = keep;
    out[1].begin = keep + shift;
    out[1].end = position + 1;
    return 2;
}

/* The same in the pass under way. */
LLM__FN int llm__cache_visible(const llm_cache *c, size_t layer, int64_t position, llm_span out[2]) {
    return llm__visible(&c->layers[layer].desc, c->call_start, c->call_count, position, out);
}

LLM__FN int llm__cache_is_latent(const llm_cache *c, size_t layer) {
    return c->layers[layer].desc.kind == LLM_CACHE_LATENT;
}

LLM__FN const llm_cache_layer *llm__cache_layer_desc(const llm_cache *c, size_t layer) {
    return &c->layers[layer].desc;
}

LLM__FN llm_rows llm__cache_rows(const llm_cache *c, size_t layer, int value, int head, int64_t number) {
    const llm__kept *k = &c->layers[layer];
    const llm__page *page = *llm__page_entry(k, number);
    const llm__plane *plane = &k->layout.planes[value];
    llm_rows r;
    memset(&r, 0, sizeof r);
    r.data = llm__page_row(&k->layout, page, value, head, 0);
    r.stride = plane->row;
    r.width = plane->width;
    r.dtype = k->layout.dtype;
    r.bits = plane->codes.bits;
    r.group = plane->codes.group;
    if (!r.bits) return r;
    r.scales = llm__page_scales(&k->layout, page, value, head, 0, 0);
    r.biases = llm__page_scales(&k->layout, page, value, head, 0, 1);
    r.group_stride = plane->groups;
    return r;
}

/* The LLM_PAGE_TOKENS rows of a page for one head, those of tokens that are not there undefined; latent: rows
   [latent | rotated key].  A page has rows to read where llm__cache_visible names a position on it. */
LLM__FN llm_rows llm__cache_keys(const llm_cache *c, size_t layer, int head, int64_t number) {
    return llm__cache_rows(c, layer, 0, head, number);
}

/* The same for values; not for latent layers, whose values are the first key_width numbers of the keys' rows. */
LLM__FN llm_rows llm__cache_values(const llm_cache *c, size_t layer, int head, int64_t number) {
    return llm__cache_rows(c, layer, 1, head, number);
}

/* ========================================================================================================== >>batch
   A batch is an array of caches.  As the forward pass takes sequences of any lengths, each with its own cache, there is
   nothing else to it: after this chapter rows come, go and multiply by their pointers. */

struct llm_batch {
    llm_allocator allocator;
    llm_cache **rows; /* [count] */
    size_t count;
};

LLM__FN int llm__same_arrays(const llm_cache_layer *x, const llm_cache_layer *y) {
    int a, i;
    for (a = 0; a < LLM_CACHE_MAX_ARRAYS; a++) {
        for (i = 0; i < LLM_CACHE_MAX_AXES; i++) {
            if (x->shapes[a][i] != y->shapes[a][i]) return 0;
            if (!x->shapes[a][i]) break; /* what stands behind a 0 says nothing */
        }
        if (!x->shapes[a][0]) break;
    }
    return 1;
}

/* What two entries differ in, codes aside, or NULL. */
LLM__FN const char *llm__layer_difference(const llm_cache_layer *a, const llm_cache_layer *b) {
    if (a->kind != b->kind) return "kind";
    if (a->kind == LLM_CACHE_LIST) return a->items == b->items ? NULL : "number of members";
    if (a->kind == LLM_CACHE_RECURRENT) return llm__same_arrays(a, b) ? NULL : "shape of its arrays";
    if (a->heads != b->heads) return "number of heads";
    if (a->key_width != b->key_width || a->value_width != b->value_width) return "width";
    if (a->window != b->window || a->keep != b->keep) return "window";
    return a->chunk == b->chunk ? NULL : "chunk";
}

LLM__FN llm_status llm__batch_alike(const llm_cache *a, const llm_cache *b, llm_error *error) {
    size_t i;
    if (a->layer_count != b->layer_count)
        return llm__fail(error, LLM_BAD_ARGUMENT, "a cache of %llu layers cannot join a batch of caches of %llu",
                         (unsigned long long)b->layer_count, (unsigned long long)a->layer_count);
    for (i = 0; i < a->layer_count; i++) {
        const char *what = llm__layer_difference(&a->layers[i].desc, &b->layers[i].desc);
        if (what)
            return llm__fail(error, LLM_BAD_ARGUMENT,
                             "a cache cannot join the batch: layer %llu has another %s than in the rows before it",
                             (unsigned long long)i, what);
    }
    return LLM_OK;
}

/* All of them there, and like each other and the rows there are. */
LLM__FN llm_status llm__batch_check(const llm_batch *b, llm_cache *const *caches, size_t count, llm_error *error) {
    llm_status status = LLM_OK;
    size_t i;
    if (count && !caches) return llm__fail(error, LLM_BAD_ARGUMENT, "the caches to join a batch are NULL");
    if (count > SIZE_MAX / sizeof *caches - b->count)
        return llm__fail(error, LLM_TOO_LARGE, "a batch cannot have %llu rows more", (unsigned long long)count);
    for (i = 0; i < count && status == LLM_OK; i++)
        status = caches[i] ? llm__batch_alike(b->count ? b->rows[0] : caches[0], caches[i], error)
                           : llm__fail(error, LLM_BAD_ARGUMENT, "cache %llu of those to join a batch is NULL",
                                       (unsigned long long)i);
    return status;
}

LLM__FN void llm__rows_close(llm_cache **rows, size_t count) {
    while (count) llm_cache_close(rows[--count]);
}

/* Forks of caches into `to`; none stays after a failure. */
LLM__FN llm_status llm__rows_fork(llm_cache **to, llm_cache *const *caches, size_t count, llm_error *error) {
    size_t i;
    for (i = 0; i < count; i++) {
        llm_status status = llm_cache_fork(&to[i], caches[i], error);
        if (status == LLM_OK) continue;
        llm__rows_close(to, i);
        return status;
    }
    return LLM_OK;
}

LLM__FN void llm__batch_replace(llm_batch *b, llm_cache **rows, size_t count) {
    llm__free(&b->allocator, (void *)b->rows, b->count * sizeof *rows);
    b->rows = rows;
    b->count = count;
}

LLM_API llm_status llm_batch_open(llm_batch **out, llm_cache *const *caches, size_t count,
                                  const llm_allocator *allocator, llm_error *error) {
    llm_allocator a;
    llm_batch *b;
    llm_status status;
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a batch cannot be opened into a NULL pointer");
    *out = NULL;
    memset(&a, 0, sizeof a);
    a = llm__allocator_or_default(allocator ? *allocator : a);
    b = (llm_batch *)llm__alloc_zero(&a, 1, sizeof *b);
    if (!b) return llm__no_memory(error, sizeof *b);
    b->allocator = a;
    status = llm_batch_extend(b, caches, count, error);
    if (status == LLM_OK) *out = b;
    else llm_batch_close(b);
    return status;
}

LLM_API void llm_batch_close(llm_batch *batch) {
    llm_allocator a;
    if (!batch) return;
    a = batch->allocator;
    llm__rows_close(batch->rows, batch->count);
    llm__batch_replace(batch, NULL, 0);
    llm__free(&a, batch, sizeof *batch);
}

LLM_API llm_cache *const *llm_batch_rows(const llm_batch *batch) {
    return batch ? batch->rows : NULL;
}

LLM_API llm_batch_info llm_batch_get_info(const llm_batch *batch) {
    llm_batch_info info;
    size_t i;
    memset(&info, 0, sizeof info);
    info.rows = batch ? batch->count : 0;
    for (i = 0; i < info.rows; i++) {
        int64_t length = llm_cache_length(batch->rows[i]);
        info.bytes += llm_cache_bytes(batch->rows[i]);
        if (length > info.longest) info.longest = length;
        if (!i || length < info.shortest) info.shortest = length;
    }
    return info;
}

LLM_API llm_status llm_batch_extend(llm_batch *batch, llm_cache *const *caches, size_t count, llm_error *error) {
    llm_cache **rows;
    llm_status status;
    size_t total;
    if (!batch) return llm__fail(error, LLM_BAD_ARGUMENT, "the batch to extend is NULL");
    status = llm__batch_check(batch, caches, count, error);
    if (status != LLM_OK || !count) return status == LLM_OK ? llm__ok(error) : status;
    total = batch->count + count;
    rows = (llm_cache **)llm__alloc(&batch->allocator, total, sizeof *rows);
    if (!rows) return llm__no_memory(error, total * sizeof *rows);
    status = llm__rows_fork(rows + batch->count, caches, count, error);
    if (status != LLM_OK) {
        llm__free(&batch->allocator, (void *)rows, total * sizeof *rows);
        return status;
    }
    if (batch->count) memcpy((void *)rows, (const void *)batch->rows, batch->count * sizeof *rows);
    llm__batch_replace(batch, rows, total);
    return llm__ok(error);
}

LLM_API llm_status llm_batch_extract(const llm_batch *batch, size_t row, llm_cache **out, llm_error *error) {
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a row cannot be extracted into a NULL pointer");
    *out = NULL;
    if (batch && row < batch->count) return llm_cache_fork(out, batch->rows[row], error);
    return llm__fail(error, LLM_BAD_ARGUMENT, "row %llu cannot be extracted: the batch has %llu",
                     (unsigned long long)row, (unsigned long long)(batch ? batch->count : 0));
}

/* Rows for llm_batch_filter: the first of each number is moved from `left`, further ones are forks. */
LLM__FN llm_status llm__rows_pick(const llm_batch *b, const size_t *rows, size_t count, llm_cache **left,
                                  llm_cache **picked, llm_error *error) {
    llm_status status = LLM_OK;
    size_t i;
    for (i = 0; i < count && status == LLM_OK; i++) {
        picked[i] = left[rows[i]];
        if (!picked[i]) status = llm_cache_fork(&picked[i], b->rows[rows[i]], error);
        left[rows[i]] = NULL;
    }
    for (; status != LLM_OK && i; i--)
        if (picked[i - 1] != b->rows[rows[i - 1]]) llm_cache_close(picked[i - 1]);
    return status;
}

LLM_API llm_status llm_batch_filter(llm_batch *batch, const size_t *rows, size_t count, llm_error *error) {
    llm_cache **picked, **left; /* [count], [batch->count] */
    llm_status status;
    size_t i;
    if (!batch || (count && !rows))
        return llm__fail(error, LLM_BAD_ARGUMENT, "filtering needs a batch and numbers of rows; one is NULL");
    for (i = 0; i < count; i++)
        if (rows[i] >= batch->count)
            return llm__fail(error, LLM_BAD_ARGUMENT, "row %llu cannot be kept: the batch has %llu",
                             (unsigned long long)rows[i], (unsigned long long)batch->count);
    if (!batch->count) return llm__ok(error);
    left = (llm_cache **)llm__alloc(&batch->allocator, batch->count, sizeof *left);
    picked = count ? (llm_cache **)llm__alloc(&batch->allocator, count, sizeof *picked) : NULL;
    if (left) memcpy((void *)left, (const void *)batch->rows, batch->count * sizeof *left);
    status = left && (picked || !count) ? llm__rows_pick(batch, rows, count, left, picked, error)
                                        : llm__no_memory(error, count * sizeof *picked);
    if (status == LLM_OK) llm__rows_close(left, batch->count);
    llm__free(&batch->allocator, (void *)left, batch->count * sizeof *left);
    if (status == LLM_OK) llm__batch_replace(batch, picked, count);
    else llm__free(&batch->allocator, (void *)picked, count * sizeof *picked);
    return status == LLM_OK ? llm__ok(error) : status;
}

/* The trim is tried on forks, which then take the rows' places: no row changes unless all can. */
LLM_API llm_status llm_batch_trim(llm_batch *batch, int64_t tokens, llm_error *error) {
    llm_cache **rows;
    llm_status status;
    size_t i;
    if (!batch) return llm__fail(error, LLM_BAD_ARGUMENT, "the batch to trim is NULL");
    if (!batch->count) return llm__ok(error);
    rows = (llm_cache **)llm__alloc(&batch->allocator, batch->count, sizeof *rows);
    if (!rows) return llm__no_memory(error, batch->count * sizeof *rows);
    status = llm__rows_fork(rows, batch->rows, batch->count, error);
    if (status != LLM_OK) {
        llm__free(&batch->allocator, (void *)rows, batch->count * sizeof *rows);
        return status;
    }
    for (i = 0; i < batch->count && status == LLM_OK; i++) status = llm_cache_trim(rows[i], tokens, NULL, error);
    llm__rows_close(status == LLM_OK ? batch->rows : rows, batch->count);
    if (status == LLM_OK) llm__batch_replace(batch, rows, batch->count);
    else llm__free(&batch->allocator, (void *)rows, batch->count * sizeof *rows);
    return status;
}

/* ========================================================================================================= >>record
   A cache as a file: mlx-lm's prompt caches, which are safetensors files whose tensors are named by a path through the
   list of the layers' states ("0.1" is layer 0's second) and whose metadata say what each layer is.  Written is the
   layout of mlx-lm 0.32, read are that one and 0.31's, where numbers stood as text in the metadata.

       layer           class               its state in 0.32                                   numbers in 0.31
       plain, latent   KVCache             keys values offset                                  -
       window          RotatingKVCache     keys values offset keep max_size _idx               keep max_size offset _idx
       chunk           ChunkedKVCache      keys values offset chunk_size start_position        chunk_size start_position
       quantized       QuantizedKVCache    (codes scales biases) twice, offset group bits      offset group bits
       recurrent       ArraysCache         (arrays...) none none                               -
       list            CacheList           (state class) of each member                        (classes) (numbers)

   Several sequences in one file are rows of the tensors, filled up on the left:

       plain, latent   BatchKVCache          keys values offsets padding _idx
       window          BatchRotatingKVCache  keys values offsets padding max_size _offset _idx rotated
       recurrent       ArraysCache           (arrays...) padding lengths, which may be none

   ConcatenateKVCache, which is plain without an offset, is read too.  What mlx-lm has no class for is of a class of
   ours, which it refuses by name: MixedQuantizedKVCache, RotatingQuantizedKVCache and ChunkedQuantizedKVCache have the
   state of the class with the same beginning (Mixed: of KVCache), then group and bits of the keys and of the values;
   where bits are 0, keys or values are one tensor as they are elsewhere.

   metadata, 0.32: "0.KEY" the user's notes, "1.LAYER" classes, "2.N.0" and "2.N.1" the path and kind of what was no
   array; 0.31: "0.LAYER[.N]" numbers, "1.KEY" notes, "2.LAYER" classes.  Within a list, member M of what lies at PATH
   is, in 0.32, at PATH.M.0, its class at PATH.M.1 as a string, an array of code points; in 0.31 it is at PATH.M, its
   class in the metadata at "0.PATH.0.M" and its numbers behind "0.PATH.1.M".  Only used tokens are written, oldest
   first.

   Two notes are our own: how many tokens the cache has seen (of several rows, each, with commas between), which
   recurrent layers do not count, and a checksum of the whole file, its own 16 digits taken for zeros.  It is the first
   thing in the header; found elsewhere, another program has carried our notes over into a file of its own, and it says
   nothing.

   A file that continues another has two notes more, how many tokens lie before it and the checksum of the file that
   ends with them, and "Continued" before the names of its classes.  Where a layer sees all tokens it has the rows
   behind those; of everything else, which is small, all that the cache holds.
   After this chapter a cache can leave through a sink and come back from bytes that nobody trusts. */

#define LLM__NOTE_TOKENS "llm_tokens"
#define LLM__NOTE_CHECKSUM "llm_checksum"
#define LLM__NOTE_AFTER "llm_after"
#define LLM__NOTE_BEFORE "llm_before"
#define LLM__CONTINUED "Continued"
#define LLM__CHECKSUM_START "{\"__metadata__\":{\"0." LLM__NOTE_CHECKSUM "\":\"" /* behind the header's 8-byte length */
enum { LLM__CHECKSUM_AT = 8 + sizeof LLM__CHECKSUM_START - 1, LLM__CHECKSUM_DIGITS = 16 };

/* The classes of mlx-lm and ours.  A layer is written as the first one that fits. */
typedef struct llm__class {
    const char *name;
    llm_cache_kind kind;
    int window, chunk; /* whether it has one */
    int pairs;         /* of group and bits: 1: for keys and values; 2: for each of them */
    int bare;          /* its rows alone say how many tokens it has seen */
    int ours;
    int batch;         /* of several sequences */
} llm__class;

enum { LLM__MOST_CLASSES = 13 };

static const llm__class llm__classes[LLM__MOST_CLASSES] = {
    {"KVCache", LLM_CACHE_ATTENTION, 0, 0, 0, 0, 0, 0},
    {"RotatingKVCache", LLM_CACHE_ATTENTION, 1, 0, 0, 0, 0, 0},
    {"ChunkedKVCache", LLM_CACHE_ATTENTION, 0, 1, 0, 0, 0, 0},
    {"QuantizedKVCache", LLM_CACHE_ATTENTION, 0, 0, 1, 0, 0, 0},
    {"MixedQuantizedKVCache", LLM_CACHE_ATTENTION, 0, 0, 2, 0, 1, 0},
    {"RotatingQuantizedKVCache", LLM_CACHE_ATTENTION, 1, 0, 2, 0, 1, 0},
    {"ChunkedQuantizedKVCache", LLM_CACHE_ATTENTION, 0, 1, 2, 0, 1, 0},
    {"ArraysCache", LLM_CACHE_RECURRENT, 0, 0, 0, 0, 0, 0},
    {"CacheList", LLM_CACHE_LIST, 0, 0, 0, 0, 0, 0},
    {"BatchKVCache", LLM_CACHE_ATTENTION, 0, 0, 0, 0, 0, 1},
    {"BatchRotatingKVCache", LLM_CACHE_ATTENTION, 1, 0, 0, 0, 0, 1},
    {"MambaCache", LLM_CACHE_RECURRENT, 0, 0, 0, 0, 0, 0},
    {"ConcatenateKVCache", LLM_CACHE_ATTENTION, 0, 0, 0, 1, 0, 0},
};

/* ---- writing */

enum { LLM__WRITE_BUFFER = 65536, LLM__SINK_AT_ONCE = 4096, LLM__SAVED_NAME = 96, LLM__CLASS_NAME = 40 };

/* A checksum of all bytes; it finds damage, not malice.  Of eight words each lane takes two with one multiplication;
   four of those are under way at a time, so that memory is what one waits for. */
enum { LLM__LANES = 4, LLM__BLOCK = 16 * LLM__LANES };

typedef struct llm__checksum {
    uint64_t lanes[LLM__LANES];
    uint64_t bytes;
    uint8_t rest[LLM__BLOCK]; /* what does not fill a block yet: bytes modulo LLM__BLOCK */
} llm__checksum;

LLM__FN uint64_t llm__hash_word(uint64_t h, uint64_t word) {
    h = (h ^ word) * 0x9E3779B97F4A7C15u;
    return h << 32 | h >> 32;
}

LLM__FN void llm__checksum_blocks(llm__checksum *c, const uint8_t *p, size_t blocks) {
    uint64_t a = c->lanes[0], b = c->lanes[1], d = c->lanes[2], e = c->lanes[3], w[2 * LLM__LANES];
    for (; blocks; blocks--, p += LLM__BLOCK) {
        memcpy(w, p, sizeof w);
        a = llm__hash_word(a, w[0]) + w[1];
        b = llm__hash_word(b, w[2]) + w[3];
        d = llm__hash_word(d, w[4]) + w[5];
        e = llm__hash_word(e, w[6]) + w[7];
    }
    c->lanes[0] = a;
    c->lanes[1] = b;
    c->lanes[2] = d;
    c->lanes[3] = e;
}

/* Does not depend on how the bytes are cut. */
LLM__FN void llm__checksum_add(llm__checksum *c, const void *data, size_t bytes) {
    const uint8_t *p = (const uint8_t *)data;
    size_t used = (size_t)(c->bytes % LLM__BLOCK), room = used ? LLM__BLOCK - used : 0;
    if (room > bytes) room = bytes;
    c->bytes += bytes;
    if (room) memcpy(c->rest + used, p, room);
    if (room && used + room == LLM__BLOCK) llm__checksum_blocks(c, c->rest, 1);
    p += room;
    bytes -= room;
    llm__checksum_blocks(c, p, bytes / LLM__BLOCK);
    if (bytes % LLM__BLOCK) memcpy(c->rest, p + bytes / LLM__BLOCK * LLM__BLOCK, bytes % LLM__BLOCK);
}

/* The last block is filled up with zeros; the number of bytes tells them apart. */
LLM__FN uint64_t llm__checksum_end(llm__checksum *c) {
    size_t used = (size_t)(c->bytes % LLM__BLOCK);
    uint64_t h = c->bytes;
    int i;
    memset(c->rest + used, 0, LLM__BLOCK - used);
    if (used) llm__checksum_blocks(c, c->rest, 1);
    for (i = 0; i < LLM__LANES; i++) h = llm__hash_word(h, c->lanes[i]);
    return h;
}

/* The header holds the checksum of all: what cannot be patched later is written twice, first only to be hashed.  Spans
   of at_once bytes go from where they lie, in pieces that are still near when they are sent after they were hashed;
   smaller ones are gathered: a file takes 64 KB at a time at less than half the cost of 8. */
typedef struct llm__writer {
    llm_sink sink;
    int hashes, sends;
    size_t at_once;
    llm__checksum checksum;
    size_t used;
    int failed;
    uint8_t buffer[LLM__WRITE_BUFFER];
} llm__writer;

LLM__FN void llm__writer_pass(llm__writer *w, const void *data, size_t bytes) {
    const uint8_t *p = (const uint8_t *)data;
    size_t piece;
    for (; bytes && !w->failed; bytes -= piece, p += piece) {
        piece = bytes < LLM__WRITE_BUFFER ? bytes : (size_t)LLM__WRITE_BUFFER;
        if (w->hashes) llm__checksum_add(&w->checksum, p, piece);
        if (w->sends) w->failed = w->sink.write(w->sink.user, p, piece) != 0;
    }
}

LLM__FN void llm__writer_flush(llm__writer *w) {
    llm__writer_pass(w, w->buffer, w->used);
    w->used = 0;
}

LLM__FN void llm__write(llm__writer *w, const void *data, size_t bytes) {
    if (bytes >= w->at_once || bytes > sizeof w->buffer - w->used) llm__writer_flush(w);
    if (bytes >= w->at_once) {
        llm__writer_pass(w, data, bytes);
    } else if (bytes) {
        memcpy(w->buffer + w->used, data, bytes);
        w->used += bytes;
    }
}

typedef enum llm__saved_kind {
    LLM__SAVED_ROWS, LLM__SAVED_SCALES, LLM__SAVED_BIASES, LLM__SAVED_STATE, LLM__SAVED_OFFSETS, LLM__SAVED_PADDING,
    LLM__SAVED_NUMBER, LLM__SAVED_CLASS, LLM__SAVED_NONE
} llm__saved_kind;

/* One tensor of the file. */
typedef struct llm__saved {
    llm__saved_kind kind;
    char name[LLM__SAVED_NAME];
    size_t layer;
    int part;        /* ROWS and factors: 0 keys, 1 values; STATE: which array */
    int64_t number;
    llm_dtype dtype;
    int dims;
    int64_t shape[4];
} llm__saved;

typedef struct llm__record {
    const llm_cache *cache;        /* the first row */
    const llm_cache *const *rows;  /* [row_count] caches with the same layers */
    size_t row_count;
    int batch;                     /* whether it is to be a batch of mlx-lm's, perhaps of one row */
    int64_t after;                 /* tokens that the file holds that this one continues; 0: none */
    const char *path;              /* of the layer whose tensors are being listed */
    llm__saved *entries;
    size_t count, capacity;
    llm__text header;
    uint64_t checksum;
    int failed;
} llm__record;

LLM__FN llm__saved *llm__saved_add(llm__record *r, llm__saved_kind kind, size_t layer, const char *path) {
    void *entries = r->entries;
    llm__saved *e;
    if (!llm__grow(&r->cache->allocator, &entries, &r->capacity, r->count + 1, sizeof *e)) {
        r->failed = 1;
        return NULL;
    }
    r->entries = (llm__saved *)entries;
    e = &r->entries[r->count++];
    memset(e, 0, sizeof *e);
    e->kind = kind;
    e->layer = layer;
    snprintf(e->name, sizeof e->name, "%s.%s", r->path, path);
    return e;
}

LLM__FN void llm__saved_number(llm__record *r, size_t layer, int place, int64_t number) {
    char path[16];
    llm__saved *e;
    snprintf(path, sizeof path, "%d", place);
    e = llm__saved_add(r, LLM__SAVED_NUMBER, layer, path);
    if (!e) return;
    e->number = number;
    e->dtype = number <= INT32_MAX ? LLM_I32 : LLM_I64;
}

LLM__FN void llm__saved_none(llm__record *r, size_t layer, const char *path) {
    llm__saved *e = llm__saved_add(r, LLM__SAVED_NONE, layer, path);
    if (e) e->dims = 1; /* mlx writes an empty array */
}

LLM__FN void llm__saved_rows(llm__record *r, llm__saved_kind kind, size_t layer, const char *path, int part,
                             llm_dtype dtype, int64_t tokens, int64_t width) {
    llm__saved *e = llm__saved_add(r, kind, layer, path);
    if (!e) return;
    e->part = part;
    e->dtype = dtype;
    e->dims = 4;
    e->shape[0] = (int64_t)r->row_count;
    e->shape[1] = r->cache->layers[layer].desc.heads;
    e->shape[2] = tokens;
    e->shape[3] = width;
}

/* Which tokens a layer's record has rows for: two spans, the first that of the pinned ones.  A chunk that took tokens
   back may have lost its first ones: the record begins with what is there. */
LLM__FN int64_t llm__record_spans(const llm__kept *k, int64_t length, llm_span out[2]) {
    int64_t oldest = llm__oldest_held(&k->desc, length);
    int64_t there = k->count ? llm__page_number(k, 0) * LLM_PAGE_TOKENS : length;
    if (there < k->since) there = k->since;
    if (k->desc.chunk && oldest < there) oldest = there;
    out[0].begin = 0;
    out[0].end = oldest ? k->desc.keep : 0;
    out[1].begin = oldest + out[0].end;
    out[1].end = length;
    return length - oldest;
}

/* Which of its tokens a row of the record has in a layer: as llm__record_spans, but those that come after others where
   the layer sees all; and in a batch a window's lost token counts as padding. */
LLM__FN int64_t llm__saved_spans(const llm__record *r, size_t row, size_t layer, llm_span out[2]) {
    const llm_cache *c = r->rows[row];
    const llm__kept *k = &c->layers[layer];
    int64_t tokens = llm__record_spans(k, c->length, out);
    if (!llm__reach(&k->desc)) out[1].begin = r->after;
    if (r->batch && tokens && llm__lacks(k, out[1].begin)) out[1].begin++;
    return out[0].end - out[0].begin + out[1].end - out[1].begin;
}

/* The most that a row has: all others are filled up to it. */
LLM__FN int64_t llm__saved_tokens(const llm__record *r, size_t layer) {
    int64_t most = 0, tokens;
    llm_span spans[2];
    size_t row;
    for (row = 0; row < r->row_count; row++)
        if ((tokens = llm__saved_spans(r, row, layer, spans)) > most) most = tokens;
    return most;
}

LLM__FN int64_t llm__saved_length(const llm__record *r) {
    int64_t most = 0;
    size_t row;
    for (row = 0; row < r->row_count; row++)
        if (r->rows[row]->length > most) most = r->rows[row]->length;
    return most;
}

/* The codes of the keys' and of the values' tensors: a latent row's for both of its parts. */
LLM__FN void llm__kept_codes(const llm__kept *k, llm_cache_codes out[2]) {
    out[0] = k->desc.keys;
    out[1] = k->desc.kind == LLM_CACHE_LATENT ? k->desc.keys : k->desc.values;
}

/* The class that a layer has in a file, alone or in a batch; NULL: it has none there. */
LLM__FN const llm__class *llm__record_class(const llm__kept *k, int batch) {
    llm_cache_codes codes[2];
    int coded, i = 0;
    if (batch && k->desc.keep) return NULL;
    llm__kept_codes(k, codes);
    coded = codes[0].bits || codes[1].bits;
    for (; i < LLM__MOST_CLASSES; i++) {
        const llm__class *c = &llm__classes[i];
        int pairs = !coded ? 0 : c->ours || !llm__same_codes(codes[0], codes[1]) ? 2 : 1;
        if (c->kind != k->desc.kind && !(llm__is_attention(k) && c->kind == LLM_CACHE_ATTENTION)) continue;
        if (c->batch != (batch && llm__is_attention(k))) continue;
        if (c->window == (k->desc.window > 0) && c->chunk == (k->desc.chunk > 0) && c->pairs == pairs) return c;
    }
    return NULL;
}

/* The tensors of keys or values. */
LLM__FN void llm__record_part(llm__record *r, size_t layer, int part, llm_cache_codes codes, int64_t tokens) {
    const llm__kept *k = &r->cache->layers[layer];
    int width = part ? k->desc.value_width : k->desc.key_width, f;
    char path[16];
    snprintf(path, sizeof path, codes.bits ? "%d.0" : "%d", part);
    llm__saved_rows(r, LLM__SAVED_ROWS, layer, path, part, codes.bits ? LLM_U32 : k->layout.dtype, tokens,
                    codes.bits ? width * codes.bits / 32 : width);
    for (f = 1; codes.bits && f < 3; f++) {
        snprintf(path, sizeof path, "%d.%d", part, f);
        llm__saved_rows(r, f == 1 ? LLM__SAVED_SCALES : LLM__SAVED_BIASES, layer, path, part, LLM_F32, tokens,
                        width / codes.group);
    }
}

/* The numbers behind the keys and values of one sequence. */
LLM__FN void llm__record_numbers(llm__record *r, size_t layer, int64_t tokens) {
    const llm_cache *c = r->cache;
    const llm__kept *k = &c->layers[layer];
    llm_cache_codes codes[2];
    llm_span spans[2];
    int part, at = 3, pairs = llm__record_class(k, 0)->pairs;
    llm__kept_codes(k, codes);
    llm__saved_spans(r, 0, layer, spans);
    llm__saved_number(r, layer, 2, c->length);
    if (k->desc.window) {
        llm__saved_number(r, layer, at++, k->desc.keep);
        llm__saved_number(r, layer, at++, k->desc.window);
        llm__saved_number(r, layer, at++, tokens && llm__lacks(k, spans[1].begin) ? k->desc.keep : tokens);
    }
    if (k->desc.chunk) {
        llm__saved_number(r, layer, at++, k->desc.chunk);
        llm__saved_number(r, layer, at++, spans[1].begin);
    }
    for (part = 0; part < pairs; part++) {
        llm__saved_number(r, layer, at++, codes[part].bits ? codes[part].group : 0);
        llm__saved_number(r, layer, at++, codes[part].bits);
    }
}

/* Those of a batch, its rings in order: they go on behind their rows. */
LLM__FN void llm__record_batch_numbers(llm__record *r, size_t layer, int64_t tokens) {
    const llm__kept *k = &r->cache->layers[layer];
    int part, at = 4;
    for (part = 0; part < 2; part++) {
        llm__saved *e = llm__saved_add(r, part ? LLM__SAVED_PADDING : LLM__SAVED_OFFSETS, layer, part ? "3" : "2");
        if (!e) return;
        e->dtype = llm__saved_length(r) <= INT32_MAX ? LLM_I32 : LLM_I64;
        e->dims = 1;
        e->shape[0] = (int64_t)r->row_count;
        e->number = tokens;
    }
    if (k->desc.window) {
        llm__saved_number(r, layer, at++, k->desc.window);
        llm__saved_number(r, layer, at++, tokens);
    }
    llm__saved_number(r, layer, at++, tokens);
    if (k->desc.window) llm__saved_number(r, layer, at, 0);
    if (k->desc.window && !r->failed) r->entries[r->count - 1].dtype = LLM_BOOL;
}

LLM__FN void llm__record_attention(llm__record *r, size_t layer) {
    llm_cache_codes codes[2];
    int64_t tokens = llm__saved_tokens(r, layer);
    char path[16];
    int part;
    llm__kept_codes(&r->cache->layers[layer], codes);
    for (part = 0; part < 2; part++) {
        snprintf(path, sizeof path, "%d", part);
        if (llm__saved_length(r)) llm__record_part(r, layer, part, codes[part], tokens);
        else llm__saved_none(r, layer, path);
    }
    if (r->batch) llm__record_batch_numbers(r, layer, tokens);
    else llm__record_numbers(r, layer, tokens);
}

LLM__FN void llm__record_recurrent(llm__record *r, size_t layer) {
    const llm__kept *k = &r->cache->layers[layer];
    char path[16];
    int a, d;
    for (a = 0; a < LLM_CACHE_MAX_ARRAYS && k->desc.shapes[a][0]; a++) {
        llm__saved *e;
        snprintf(path, sizeof path, "0.%d", a);
        e = llm__saved_add(r, LLM__SAVED_STATE, layer, path);
        if (!e) return;
        e->part = a;
        e->dtype = LLM_F32;
        e->shape[0] = (int64_t)r->row_count;
        for (d = 0; d < 3 && k->desc.shapes[a][d]; d++) e->shape[d + 1] = k->desc.shapes[a][d];
        e->dims = d + 1;
    }
    llm__saved_none(r, layer, "1");
    llm__saved_none(r, layer, "2");
}

/* The class of a list's member, as a string. */
LLM__FN void llm__record_string(llm__record *r, size_t layer, const char *path) {
    llm__saved *e = llm__saved_add(r, LLM__SAVED_CLASS, layer, path);
    if (!e) return;
    e->dtype = LLM_I32;
    e->dims = 1;
    e->shape[0] = (int64_t)strlen(llm__record_class(&r->cache->layers[layer], r->batch)->name);
}

/* The tensors of an entry at `path` and of what lies in it; returns the place of the entry behind. */
LLM__FN size_t llm__record_entry(llm__record *r, size_t layer, const char *path) {
    const llm__kept *k = &r->cache->layers[layer];
    char inner[LLM__SAVED_NAME], member[24];
    size_t next = layer + 1, at;
    int i;
    r->path = path;
    if (llm__is_attention(k)) llm__record_attention(r, layer);
    if (k->desc.kind == LLM_CACHE_RECURRENT) llm__record_recurrent(r, layer);
    for (i = 0; i < k->desc.items && !r->failed; i++) {
        snprintf(inner, sizeof inner, "%.70s.%d.0", path, i);
        at = next;
        next = llm__record_entry(r, at, inner);
        r->path = path;
        snprintf(member, sizeof member, "%d.1", i);
        llm__record_string(r, at, member);
    }
    return next;
}

/* ---- the header */

/* The inside of a JSON string: quotes, backslashes and control characters escaped, the rest as it is. */
LLM__FN void llm__record_escaped(llm__text *t, const char *s) {
    char code[8];
    size_t n;
    for (;;) {
        for (n = 0; (unsigned char)s[n] >= 32 && s[n] != '"' && s[n] != '\\'; n++) continue;
        llm__text_add(t, s, n);
        s += n;
        if (!*s) return;
        snprintf(code, sizeof code, (unsigned char)*s < 32 ? "\\u%04x" : "\\%c", *s);
        llm__text_add(t, code, strlen(code));
        s++;
    }
}

/* An entry of the metadata behind others. */
LLM__FN void llm__record_note(llm__text *t, const char *prefix, const char *key, const char *value) {
    llm__text_add(t, ",\"", 2);
    llm__text_add(t, prefix, strlen(prefix));
    llm__record_escaped(t, key);
    llm__text_add(t, "\":\"", 3);
    llm__record_escaped(t, value);
    llm__text_add(t, "\"", 1);
}

LLM__FN size_t llm__saved_bytes(const llm__saved *e) {
    size_t bytes = llm__dtype_bytes(e->dtype);
    int d;
    for (d = 0; d < e->dims; d++) bytes *= (size_t)e->shape[d];
    return bytes;
}

LLM__FN void llm__record_tensor(llm__text *t, const llm__saved *e, uint64_t offset) {
    char text[200];
    int d;
    snprintf(text, sizeof text, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", e->name, llm__dtype_name(e->dtype));
    llm__text_add(t, text, strlen(text));
    for (d = 0; d < e->dims; d++) {
        snprintf(text, sizeof text, "%s%lld", d ? "," : "", (long long)e->shape[d]);
        llm__text_add(t, text, strlen(text));
    }
    snprintf(text, sizeof text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)offset,
             (unsigned long long)(offset + llm__saved_bytes(e)));
    llm__text_add(t, text, strlen(text));
}

/* The notes of the library itself. */
LLM__FN void llm__record_own_notes(llm__record *r) {
    llm__text *t = &r->header;
    char value[32];
    size_t row;
    llm__text_add(t, ",\"0." LLM__NOTE_TOKENS "\":\"", sizeof LLM__NOTE_TOKENS + 6);
    for (row = 0; row < r->row_count; row++) {
        snprintf(value, sizeof value, row ? ",%lld" : "%lld", (long long)r->rows[row]->length);
        llm__text_add(t, value, strlen(value));
    }
    llm__text_add(t, "\"", 1);
    if (!r->after) return;
    snprintf(value, sizeof value, "%lld", (long long)r->after);
    llm__record_note(t, "0.", LLM__NOTE_AFTER, value);
    snprintf(value, sizeof value, "%016llx", (unsigned long long)r->cache->saved_as);
    llm__record_note(t, "0.", LLM__NOTE_BEFORE, value);
}

LLM__FN void llm__record_classes(llm__record *r) {
    char prefix[32], name[2 * LLM__CLASS_NAME];
    size_t i, layer;
    for (i = layer = 0; layer < r->cache->layer_count; i++, layer = llm__entry_end(r->cache, layer)) {
        snprintf(prefix, sizeof prefix, "%lu", (unsigned long)i);
        snprintf(name, sizeof name, "%s%s", r->after ? LLM__CONTINUED : "",
                 llm__record_class(&r->cache->layers[layer], r->batch)->name);
        llm__record_note(&r->header, "1.", prefix, name);
    }
}

/* Length and header, padded so that the tensors begin at a multiple of 8; the checksum is still zeros. */
LLM__FN void llm__record_header(llm__record *r, const llm_cache_save_desc *d) {
    llm__text *t = &r->header;
    char prefix[32];
    uint64_t offset = 0;
    size_t i, numbers = 0;
    llm__text_add(t, "\0\0\0\0\0\0\0\0" LLM__CHECKSUM_START, LLM__CHECKSUM_AT);
    llm__text_add(t, "0000000000000000\"", LLM__CHECKSUM_DIGITS + 1);
    for (i = 0; i < d->note_count; i++) llm__record_note(t, "0.", d->notes[i].key, d->notes[i].value);
    llm__record_own_notes(r);
    llm__record_classes(r);
    llm__record_note(t, "2.", "0", "");
    for (i = 0; i < r->count; i++) {
        const llm__saved *e = &r->entries[i];
        if (e->kind < LLM__SAVED_NUMBER) continue;
        snprintf(prefix, sizeof prefix, "2.%lu.", (unsigned long)++numbers);
        llm__record_note(t, prefix, "0", e->name);
        llm__record_note(t, prefix, "1", e->kind == LLM__SAVED_NUMBER  ? "scalar"
                                         : e->kind == LLM__SAVED_CLASS ? "string"
                                                                       : "none");
    }
    llm__text_add(t, "}", 1);
    for (i = 0; i < r->count; offset += llm__saved_bytes(&r->entries[i++]))
        llm__record_tensor(t, &r->entries[i], offset);
    llm__text_add(t, "}", 1);
    while (t->length % 8 && !t->failed) llm__text_add(t, " ", 1);
    for (i = 0; i < 8 && !t->failed; i++) t->data[i] = (char)(unsigned char)((uint64_t)(t->length - 8) >> 8 * i);
}

/* ---- the tensors */

/* Tokens of one head, a page at a time; `each` bytes of every row of `stride`, from `skip` on. */
LLM__FN void llm__write_rows(llm__writer *w, const uint8_t *rows, size_t stride, size_t each, int64_t tokens) {
    int64_t t;
    if (stride == each) {
        llm__write(w, rows, each * (size_t)tokens);
        return;
    }
    for (t = 0; t < tokens; t++) llm__write(w, rows + (size_t)t * stride, each);
}

LLM__FN void llm__write_page(llm__writer *w, const llm_cache *c, const llm__saved *e, int head, int64_t page, int first,
                             int64_t tokens) {
    int behind = e->part && llm__cache_is_latent(c, e->layer); /* the roped key lies behind the latent */
    llm_rows rows = llm__cache_rows(c, e->layer, e->part && !behind, head, page);
    size_t each = (size_t)e->shape[3] * llm__dtype_bytes(e->dtype);
    size_t latent = behind ? (size_t)c->layers[e->layer].desc.key_width : 0;
    if (e->kind == LLM__SAVED_ROWS) {
        const uint8_t *data = rows.data + (size_t)first * rows.stride;
        data += rows.bits ? latent / 8 * (size_t)rows.bits : latent * llm__dtype_bytes(e->dtype);
        llm__write_rows(w, data, rows.stride, each, tokens);
    } else {
        const float *factors = (e->kind == LLM__SAVED_SCALES ? rows.scales : rows.biases);
        factors += (size_t)first * rows.group_stride + latent / (size_t)rows.group;
        llm__write_rows(w, (const uint8_t *)factors, rows.group_stride * 4, each, tokens);
    }
}

LLM__FN void llm__write_zeros(llm__writer *w, size_t bytes) {
    static const uint8_t zeros[64] = {0};
    for (; bytes > sizeof zeros; bytes -= sizeof zeros) llm__write(w, zeros, sizeof zeros);
    llm__write(w, zeros, bytes);
}

/* One head of one row: padding, then its tokens. */
LLM__FN void llm__write_head(llm__writer *w, const llm__record *r, const llm__saved *e, size_t row, int head) {
    const llm_cache *c = r->rows[row];
    size_t each = (size_t)e->shape[3] * llm__dtype_bytes(e->dtype);
    int64_t at, end, tokens;
    llm_span spans[2];
    int i;
    tokens = llm__saved_spans(r, row, e->layer, spans);
    llm__write_zeros(w, (size_t)(e->shape[2] - tokens) * each);
    for (i = 0; i < 2; i++)
        for (at = spans[i].begin; at < spans[i].end; at = end) {
            end = (at / LLM_PAGE_TOKENS + 1) * LLM_PAGE_TOKENS;
            if (end > spans[i].end) end = spans[i].end;
            if (llm__lacks(&c->layers[e->layer], at)) { /* the oldest of a window: no query sees it any more */
                end = at + 1;
                llm__write_zeros(w, each);
            } else {
                llm__write_page(w, c, e, head, at / LLM_PAGE_TOKENS, (int)(at % LLM_PAGE_TOKENS), end - at);
            }
        }
}

LLM__FN void llm__write_attention(llm__writer *w, const llm__record *r, const llm__saved *e) {
    size_t row;
    int head;
    for (row = 0; row < r->row_count; row++)
        for (head = 0; head < e->shape[1]; head++) llm__write_head(w, r, e, row, head);
}

LLM__FN void llm__write_number(llm__writer *w, llm_dtype dtype, int64_t number) {
    int32_t small = (int32_t)number;
    uint8_t truth = number != 0;
    if (dtype == LLM_I64) llm__write(w, &number, sizeof number);
    else if (dtype == LLM_I32) llm__write(w, &small, sizeof small);
    else llm__write(w, &truth, sizeof truth);
}

/* What the rows of a batch have seen, or how far they are filled up. */
LLM__FN void llm__write_row_numbers(llm__writer *w, const llm__record *r, const llm__saved *e) {
    llm_span spans[2];
    size_t row;
    for (row = 0; row < r->row_count; row++)
        llm__write_number(w, e->dtype, e->kind == LLM__SAVED_OFFSETS
                                           ? r->rows[row]->length
                                           : e->number - llm__saved_spans(r, row, e->layer, spans));
}

LLM__FN void llm__write_states(llm__writer *w, const llm__record *r, const llm__saved *e) {
    size_t row;
    for (row = 0; row < r->row_count; row++)
        llm__write(w, llm__cache_state(r->rows[row], e->layer, e->part), llm__saved_bytes(e) / r->row_count);
}

LLM__FN void llm__write_string(llm__writer *w, const char *text) {
    for (; *text; text++) {
        int32_t code = (unsigned char)*text;
        llm__write(w, &code, sizeof code);
    }
}

LLM__FN void llm__write_entries(llm__writer *w, const llm__record *r) {
    size_t i;
    for (i = 0; i < r->count; i++) {
        const llm__saved *e = &r->entries[i];
        switch (e->kind) {
        case LLM__SAVED_OFFSETS:
        case LLM__SAVED_PADDING: llm__write_row_numbers(w, r, e); break;
        case LLM__SAVED_NUMBER: llm__write_number(w, e->dtype, e->number); break;
        case LLM__SAVED_STATE: llm__write_states(w, r, e); break;
        case LLM__SAVED_CLASS:
            llm__write_string(w, llm__record_class(&r->cache->layers[e->layer], r->batch)->name);
            break;
        case LLM__SAVED_NONE: break;
        default: llm__write_attention(w, r, e);
        }
    }
    llm__writer_flush(w);
}

/* ---- a file that is replaced as a whole: what a crash leaves is the old one or the new one */

#if !defined(LLM_NO_STDIO)
#if defined(_WIN32)
#include <io.h>
#endif

typedef struct llm__replacement {
    char path[4096], part[4104];
#if defined(__unix__) || defined(__APPLE__)
    int file;
#else
    FILE *file;
#endif
} llm__replacement;

#if defined(__unix__) || defined(__APPLE__)
LLM__FN int llm__replacement_create(llm__replacement *f) {
    return (f->file = open(f->part, O_WRONLY | O_CREAT | O_TRUNC, 0666)) < 0;
}

static int llm__replacement_write(void *user, const void *data, size_t bytes) {
    const char *p = (const char *)data;
    while (bytes) {
        long n = (long)write(((llm__replacement *)user)->file, p, bytes);
        if (n <= 0) return 1;
        p += n;
        bytes -= (size_t)n;
    }
    return 0;
}

static int llm__replacement_patch(void *user, uint64_t at, const void *data, size_t bytes) {
    return lseek(((llm__replacement *)user)->file, (off_t)at, SEEK_SET) < 0 ||
           llm__replacement_write(user, data, bytes);
}

/* The bytes must lie on the disk before the name moves to them, and the move before the call returns. */
LLM__FN int llm__replacement_settle(llm__replacement *f, int failed) {
    char *slash = strrchr(f->path, '/');
    int folder;
    failed = failed || fsync(f->file);
    failed = close(f->file) || failed;
    if (failed || rename(f->part, f->path)) return 1;
    if (slash) slash[slash == f->path] = 0;
    folder = open(slash ? f->path : ".", O_RDONLY);
    if (folder < 0) return 0; /* a folder that cannot be read cannot be synced either */
    fsync(folder);
    close(folder);
    return 0;
}
#else
LLM__FN int llm__replacement_create(llm__replacement *f) { return (f->file = fopen(f->part, "wb")) == NULL; }

static int llm__replacement_write(void *user, const void *data, size_t bytes) {
    return fwrite(data, 1, bytes, ((llm__replacement *)user)->file) != bytes;
}

static int llm__replacement_patch(void *user, uint64_t at, const void *data, size_t bytes) {
    return fseek(((llm__replacement *)user)->file, (long)at, SEEK_SET) ||
           llm__replacement_write(user, data, bytes);
}

LLM__FN int llm__replacement_settle(llm__replacement *f, int failed) {
    failed = failed || fflush(f->file);
#if defined(_WIN32)
    failed = failed || _commit(_fileno(f->file));
#endif
    failed = fclose(f->file) || failed;
#if defined(_WIN32)
    return failed || !MoveFileExA(f->part, f->path, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH);
#else
    return failed || rename(f->part, f->path);
#endif
}
#endif

LLM__FN llm_status llm__replacement_open(llm__replacement *f, const char *path, llm_error *error) {
    int n = snprintf(f->path, sizeof f->path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof f->path)
        return llm__fail(error, LLM_TOO_LARGE, "the path of the file to write has %d bytes; the limit is %d", n,
                         (int)sizeof f->path - 1);
    snprintf(f->part, sizeof f->part, "%s.part", path);
    if (!llm__replacement_create(f)) return LLM_OK;
    return llm__fail(error, LLM_BAD_FILE, "%s: cannot be written", f->part);
}

LLM__FN llm_status llm__replacement_close(llm__replacement *f, int failed, const char *path, llm_error *error) {
    if (!llm__replacement_settle(f, failed)) return llm__ok(error);
    remove(f->part);
    return llm__fail(error, LLM_BAD_FILE, "%s: writing it failed; what was there before is untouched", path);
}
#endif

/* ---- saving */

LLM__FN int llm__note_is_own(const char *key) {
    return !strcmp(key, LLM__NOTE_TOKENS) || !strcmp(key, LLM__NOTE_CHECKSUM) || !strcmp(key, LLM__NOTE_AFTER) ||
           !strcmp(key, LLM__NOTE_BEFORE);
}

LLM__FN llm_status llm__check_notes(const llm_cache_save_desc *d, llm_error *error) {
    size_t i, k, length, bytes;
    if (d->note_count && !d->notes) return llm__fail(error, LLM_BAD_ARGUMENT, "note_count is given but notes is NULL");
    for (i = 0; i < d->note_count; i++) {
        const char *texts[2] = {d->notes[i].key, d->notes[i].value};
        if (!texts[0] || !texts[1] || !*texts[0] || strchr(texts[0], '.'))
            return llm__fail(error, LLM_BAD_ARGUMENT, "note %llu: expected a key without dots, and a value",
                             (unsigned long long)i);
        for (k = 0; k < 2; k++)
            for (bytes = strlen(texts[k]); bytes; bytes -= length, texts[k] += length)
                if (llm__char_check(texts[k], bytes, &length) != 1)
                    return llm__fail(error, LLM_BAD_ARGUMENT, "note %llu is not valid UTF-8", (unsigned long long)i);
        if (llm__note_is_own(d->notes[i].key))
            return llm__fail(error, LLM_BAD_ARGUMENT, "the note \"%s\" is written by the library", d->notes[i].key);
        for (k = 0; k < i; k++)
            if (!strcmp(d->notes[k].key, d->notes[i].key))
                return llm__fail(error, LLM_BAD_ARGUMENT, "the note \"%.60s\" is there twice", d->notes[i].key);
    }
    return LLM_OK;
}

/* Lists what is to be written and makes the header. */
LLM__FN llm_status llm__record_make(llm__record *r, const llm_cache_save_desc *d, llm_error *error) {
    char path[24];
    size_t i, layer = 0;
    r->header.allocator = r->cache->allocator;
    for (i = 0; layer < r->cache->layer_count && !r->failed; i++) {
        snprintf(path, sizeof path, "%lu", (unsigned long)i);
        layer = llm__record_entry(r, layer, path);
    }
    if (!r->failed) llm__record_header(r, d);
    if (r->failed || r->header.failed) return llm__no_memory(error, r->header.length);
    if (r->header.length - 8 > LLM__HEADER_LIMIT)
        return llm__fail(error, LLM_TOO_LARGE, "notes and list of tensors have %llu bytes; the limit is %d",
                         (unsigned long long)r->header.length - 8, (int)LLM__HEADER_LIMIT);
    return LLM_OK;
}

/* Writes all of it; what was hashed on the way signs the header. */
LLM__FN void llm__record_pass(llm__record *r, llm__writer *w, int hashes, int sends) {
    char digits[LLM__CHECKSUM_DIGITS + 1];
    w->hashes = hashes;
    w->sends = sends;
    llm__write(w, r->header.data, r->header.length);
    llm__write_entries(w, r);
    if (!hashes) return;
    r->checksum = llm__checksum_end(&w->checksum);
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)r->checksum);
    memcpy(r->header.data + LLM__CHECKSUM_AT, digits, LLM__CHECKSUM_DIGITS);
}

LLM__FN llm_status llm__record_send(llm__record *r, llm__writer *w, const llm_cache_save_desc *d, llm_error *error) {
#if !defined(LLM_NO_STDIO)
    llm__replacement file;
    llm_status status;
#endif
    w->sink = d->sink;
    w->at_once = LLM__SINK_AT_ONCE;
#if !defined(LLM_NO_STDIO)
    if (!w->sink.write) {
        w->at_once = LLM__WRITE_BUFFER;
        if ((status = llm__replacement_open(&file, d->path, error)) != LLM_OK) return status;
        w->sink.user = &file;
        w->sink.write = llm__replacement_write;
        w->sink.patch = llm__replacement_patch;
    }
#endif
    if (!w->sink.patch) llm__record_pass(r, w, 1, 0);
    llm__record_pass(r, w, w->sink.patch != NULL, 1);
    if (w->sink.patch && !w->failed)
        w->failed = w->sink.patch(w->sink.user, LLM__CHECKSUM_AT, r->header.data + LLM__CHECKSUM_AT,
                                  LLM__CHECKSUM_DIGITS) != 0;
#if !defined(LLM_NO_STDIO)
    if (!d->sink.write) return llm__replacement_close(&file, w->failed, d->path, error);
#endif
    return w->failed ? llm__fail(error, LLM_BAD_FILE, "the sink refused what was written") : llm__ok(error);
}

/* Makes and sends a record of rows that are known to be alike. */
LLM__FN llm_status llm__save(llm__record *r, const llm_cache_save_desc *desc, llm_error *error) {
    const llm_allocator *a = &r->cache->allocator;
    llm__writer *w;
    size_t row;
    llm_status status;
    if (!desc || (!desc->sink.write && !desc->path))
        return llm__fail(error, LLM_BAD_ARGUMENT, "saving needs a path or a sink");
    for (row = 0; row < r->row_count; row++)
        if (r->rows[row]->pending)
            return llm__fail(error, LLM_BAD_ARGUMENT, "a forward pass is under way on the cache to save");
#if defined(LLM_NO_STDIO)
    if (!desc->sink.write) return llm__fail(error, LLM_UNSUPPORTED, "built without stdio: saving needs a sink");
#endif
    if ((status = llm__check_notes(desc, error)) != LLM_OK) return status;
    w = (llm__writer *)llm__alloc_zero(a, 1, sizeof *w);
    status = w ? llm__record_make(r, desc, error) : llm__no_memory(error, sizeof *w);
    if (status == LLM_OK) status = llm__record_send(r, w, desc, error);
    llm__free(a, r->entries, r->capacity * sizeof *r->entries);
    llm__text_free(&r->header);
    llm__free(a, w, sizeof *w);
    return status;
}

LLM__FN llm__record llm__record_of(const llm_cache *const *rows, size_t count) {
    llm__record r;
    memset(&r, 0, sizeof r);
    r.cache = rows[0];
    r.rows = rows;
    r.row_count = count;
    return r;
}

LLM_API llm_status llm_cache_save(const llm_cache *cache, const llm_cache_save_desc *desc, llm_error *error) {
    llm__record r;
    if (!cache) return llm__fail(error, LLM_BAD_ARGUMENT, "the cache to save is NULL");
    r = llm__record_of(&cache, 1);
    return llm__save(&r, desc, error);
}

LLM_API llm_status llm_cache_save_more(llm_cache *cache, const llm_cache_save_desc *desc, int64_t *after,
                                       llm_error *error) {
    const llm_cache *row = cache;
    llm__record r;
    llm_status status;
    if (!cache || !after)
        return llm__fail(error, LLM_BAD_ARGUMENT, "saving more needs a cache, and room for the number of tokens");
    r = llm__record_of(&row, 1);
    r.after = cache->saved <= cache->length ? cache->saved : 0;
    status = llm__save(&r, desc, error);
    if (status != LLM_OK) return status;
    *after = r.after;
    cache->saved = cache->length;
    cache->saved_as = r.checksum;
    return LLM_OK;
}

/* Whether two layers remember the same things in the same way. */
LLM__FN int llm__same_layer(const llm_cache_layer *x, const llm_cache_layer *y) {
    if (llm__layer_difference(x, y)) return 0;
    return !llm__holds_tokens(x->kind) ||
           (llm__same_codes(x->keys, y->keys) && llm__same_codes(x->values, y->values));
}

/* What a layer is called in messages. */
LLM__FN const char *llm__layer_words(const llm_cache_layer *d, char *out, size_t size) {
    char window[48] = "", codes[64] = "";
    size_t used;
    int a, i;
    if (d->kind == LLM_CACHE_LIST) {
        snprintf(out, size, "a list of %d", d->items);
        return out;
    }
    if (d->kind == LLM_CACHE_RECURRENT) {
        used = (size_t)snprintf(out, size, "recurrent");
        for (a = 0; a < LLM_CACHE_MAX_ARRAYS && d->shapes[a][0]; a++)
            for (i = 0; i < LLM_CACHE_MAX_AXES && d->shapes[a][i] && used < size; i++)
                used += (size_t)snprintf(out + used, size - used, i ? "x%lld" : " %lld", (long long)d->shapes[a][i]);
        return out;
    }
    if (d->window) snprintf(window, sizeof window, ", window %lld", (long long)d->window);
    if (d->chunk) snprintf(window, sizeof window, ", chunks of %lld", (long long)d->chunk);
    if (d->keys.bits && d->keys.bits == d->values.bits) snprintf(codes, sizeof codes, ", %d bits", d->keys.bits);
    else if (d->keys.bits || d->values.bits)
        snprintf(codes, sizeof codes, ", keys of %d bits, values of %d", d->keys.bits, d->values.bits);
    snprintf(out, size, "%s, %d heads of %d and %d%s%s", d->kind == LLM_CACHE_LATENT ? "latent" : "attention", d->heads,
             d->key_width, d->value_width, window, codes);
    return out;
}

/* Whether a cache can be a row of a batch beside the first one. */
LLM__FN llm_status llm__check_batch_row(const llm_cache *first, const llm_cache *c, size_t row, llm_error *error) {
    char words[2][120];
    size_t i;
    if (c->dtype != first->dtype || c->layer_count != first->layer_count)
        return llm__fail(error, LLM_BAD_ARGUMENT, "row %llu has %llu layers of %s, row 0 has %llu of %s; expected the "
                         "same", (unsigned long long)row, (unsigned long long)c->layer_count,
                         llm__dtype_name(c->dtype), (unsigned long long)first->layer_count,
                         llm__dtype_name(first->dtype));
    for (i = 0; i < c->layer_count; i++) {
        const llm_cache_layer *x = &c->layers[i].desc, *y = &first->layers[i].desc;
        llm__layer_words(x, words[0], sizeof words[0]);
        if (!llm__same_layer(x, y))
            return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: row %llu is %s, row 0 is %s; expected the same",
                             (unsigned long long)i, (unsigned long long)row, words[0],
                             llm__layer_words(y, words[1], sizeof words[1]));
        if (!llm__record_class(&c->layers[i], 1))
            return llm__fail(error, LLM_UNSUPPORTED, "layer %llu is %s; expected what mlx-lm has batches of: neither "
                             "codes nor chunks nor kept tokens", (unsigned long long)i, words[0]);
    }
    return LLM_OK;
}

LLM_API llm_status llm_cache_save_rows(const llm_cache *const *rows, size_t count, const llm_cache_save_desc *desc,
                                       llm_error *error) {
    llm__record r;
    llm_status status;
    size_t row;
    if (!rows || !count || count > LLM__MOST_WIDTH)
        return llm__fail(error, LLM_BAD_ARGUMENT, "saving rows needs 1 to 2^24 caches, not %llu",
                         (unsigned long long)(rows ? count : 0));
    for (row = 0; row < count; row++) {
        if (!rows[row])
            return llm__fail(error, LLM_BAD_ARGUMENT, "row %llu of those to save is NULL", (unsigned long long)row);
        if ((status = llm__check_batch_row(rows[0], rows[row], row, error)) != LLM_OK) return status;
    }
    r = llm__record_of(rows, count);
    r.batch = 1;
    return llm__save(&r, desc, error);
}

/* ---- loading */

/* What a file says of one layer. */
typedef struct llm__recorded {
    size_t list;                /* the entry that it is a member of; its own number: none */
    int member;                 /* its place there, or among the layers */
    const llm__class *type;
    llm_cache_layer layer;
    llm__tensor *parts[2][3];   /* keys and values: rows, scales, biases */
    llm__tensor *arrays[LLM_CACHE_MAX_ARRAYS];
    llm__tensor *offsets, *padding; /* batches: tokens seen and rows without a token, of each of its sequences */
    int64_t end;                /* batches: where their rows end */
    int64_t next;               /* where a ring goes on */
    int turned;                 /* batches: whether it has gone on at its beginning */
    int64_t start;              /* chunks, and files that continue another: the position of the first row */
    int empty;
    /* of one sequence: */
    int64_t offset, rows;       /* tokens seen; rows that hold some */
    int64_t first, ring;        /* where they begin; rows that a ring has, 0: the tokens lie in order */
} llm__recorded;

/* One file. */
typedef struct llm__loading {
    llm__arena arena;
    llm__folder folder; /* of one file */
    llm__tensors tensors;
    const llm_cache_load_desc *desc;
    const char *name;       /* of the file */
    const llm__json **keys; /* [key_count], of the metadata, sorted */
    size_t key_count;
    int old;                /* 0.31's layout */
    uint64_t checksum;      /* of all bytes, where the file had one; else 0 */
    llm__writer *hasher;    /* of the bytes before `hashed`; NULL: there is no checksum, or it was compared */
    uint64_t hashed;
    char signature[LLM__CHECKSUM_DIGITS + 1];
    llm_cache_part source;
    size_t index;           /* files before it that it continues: they lie before it in an array */
    int64_t after;          /* tokens that those hold; 0: it is whole */
    int64_t length;         /* tokens seen by the sequence that is being loaded */
    int64_t batch;          /* sequences in it; 0: not known yet */
    llm__recorded *layers;  /* [layer_count] entries, in the arena's allocator */
    size_t layer_count, layer_capacity;
    llm_error *error;
} llm__loading;

static int llm__by_key(const void *a, const void *b) {
    return strcmp((*(const llm__json *const *)a)->as.text, (*(const llm__json *const *)b)->as.text);
}

/* Sorts the keys of the metadata: a file may have a million.  What is there twice could be read in two ways. */
LLM__FN llm_status llm__loading_index(llm__loading *l) {
    const llm__json *meta = l->tensors.metadata, *key = llm__json_first(meta);
    size_t count = meta ? meta->length : 0, i;
    l->keys = (const llm__json **)llm__arena_alloc(&l->arena, count + 1, sizeof *l->keys);
    if (!l->keys) return llm__no_memory(l->error, count * sizeof *l->keys);
    for (; l->key_count < count; key = llm__json_next(key + 1)) {
        if (strlen(key->as.text) != key->length)
            return llm__fail(l->error, LLM_BAD_FORMAT, "%s: a key of its metadata holds a NUL", l->name);
        l->keys[l->key_count++] = key;
    }
    qsort((void *)l->keys, count, sizeof *l->keys, llm__by_key);
    for (i = 1; i < count; i++)
        if (!strcmp(l->keys[i - 1]->as.text, l->keys[i]->as.text))
            return llm__fail(l->error, LLM_BAD_FORMAT, "%s: \"%.100s\" is in its metadata twice", l->name,
                             l->keys[i]->as.text);
    return LLM_OK;
}

/* The value of a key of the metadata, or NULL. */
LLM__FN const char *llm__loading_text(const llm__loading *l, const char *key) {
    llm__json node;
    const llm__json *wanted = &node, **found;
    node.as.text = key;
    found = (const llm__json **)bsearch((const void *)&wanted, (const void *)l->keys, l->key_count, sizeof *l->keys,
                                        llm__by_key);
    return found ? (*found)[1].as.text : NULL;
}

/* Where a layer's state lies among the tensors or, with `meta`, where its numbers lie in 0.31's metadata. */
LLM__FN const char *llm__recorded_path(const llm__loading *l, size_t layer, int meta, char out[LLM__SAVED_NAME]) {
    int members[LLM_CACHE_MAX_DEPTH + 1], depth = 0;
    size_t used;
    for (;; layer = l->layers[layer].list) {
        members[depth++] = l->layers[layer].member;
        if (l->layers[layer].list == layer) break;
    }
    used = (size_t)snprintf(out, LLM__SAVED_NAME, meta ? "0.%d" : "%d", members[--depth]);
    while (depth)
        used += (size_t)snprintf(out + used, LLM__SAVED_NAME - used,
                                 meta     ? ".1.%d"
                                 : l->old ? ".%d"
                                          : ".%d.0",
                                 members[--depth]);
    return out;
}

LLM__FN llm_status llm__loading_bad(const llm__loading *l, size_t layer, const char *what) {
    char path[LLM__SAVED_NAME];
    llm__recorded_path(l, layer, 0, path);
    return llm__fail(l->error, LLM_BAD_FORMAT, "%s: layer %s: %s", l->name, path, what);
}

LLM__FN llm_status llm__loading_bad_tensor(const llm__loading *l, const llm__tensor *x, const char *expected) {
    char shape[96] = "";
    size_t used = 0;
    int d;
    for (d = 0; d < x->dims && used < sizeof shape; d++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, d ? ", %lld" : "%lld", (long long)x->shape[d]);
    return llm__fail(l->error, LLM_BAD_FORMAT, "%s: tensor \"%.40s\" is %s [%s]; expected %s", l->name, x->name,
                     llm__dtype_name(x->dtype), shape, expected);
}

/* The whole number that a text is; -1: it is none from 0 to 2^40. */
LLM__FN int64_t llm__whole_number(const char *text) {
    int64_t n = text && *text ? 0 : -1;
    for (; n >= 0 && *text; text++)
        n = *text >= '0' && *text <= '9' && n <= LLM__MOST_TOKENS ? n * 10 + (*text - '0') : -1;
    return n <= LLM__MOST_TOKENS ? n : -1;
}

/* The tensor of a layer by its path, or NULL; an array without axes or numbers is how mlx saves that there is none. */
LLM__FN llm__tensor *llm__loading_tensor(llm__loading *l, size_t layer, const char *path) {
    char key[LLM__SAVED_NAME + 32], prefix[LLM__SAVED_NAME];
    llm__tensor *x;
    snprintf(key, sizeof key, "%s.%s", llm__recorded_path(l, layer, 0, prefix), path);
    x = llm__tensor_find(&l->tensors, key);
    if (x) x->used = 1;
    return x && (x->dims != 1 || x->bytes) ? x : NULL;
}

LLM__FN int llm__is_whole(llm_dtype t) { return t == LLM_I32 || t == LLM_I64 || t == LLM_BOOL; }

LLM__FN int64_t llm__whole_at(llm_dtype t, const uint8_t *p) {
    int64_t large;
    int32_t small;
    if (t == LLM_BOOL) return *p != 0;
    memcpy(&small, p, sizeof small);
    if (t == LLM_I32) return small;
    memcpy(&large, p, sizeof large);
    return large;
}

/* One of an array's numbers. */
LLM__FN int64_t llm__whole_in(const llm__tensor *x, int64_t i) {
    return llm__whole_at(x->dtype, x->data + (size_t)i * llm__dtype_bytes(x->dtype));
}

/* A number of a layer: a tensor without axes at its place in the state, or a text in the metadata at its old place. */
LLM__FN llm_status llm__loading_number(llm__loading *l, size_t layer, int place, int old_place, int64_t *out) {
    char key[LLM__SAVED_NAME + 32], prefix[LLM__SAVED_NAME], path[16];
    const uint8_t *data = NULL;
    llm__tensor *x = NULL;
    *out = -1;
    snprintf(path, sizeof path, "%d", l->old ? old_place : place);
    snprintf(key, sizeof key, "%s.%s", llm__recorded_path(l, layer, l->old, prefix), path);
    if (l->old) *out = llm__whole_number(llm__loading_text(l, key));
    else x = llm__loading_tensor(l, layer, path);
    if (x && !x->dims && llm__is_whole(x->dtype)) {
        llm_status status = llm__tensor_fetch(&l->folder, x, &data, l->error);
        if (status != LLM_OK) return status;
        *out = llm__whole_at(x->dtype, data);
    }
    if (*out >= 0 && *out <= LLM__MOST_TOKENS) return LLM_OK;
    return llm__fail(l->error, LLM_BAD_FORMAT, "%s: \"%s\": expected a whole number from 0 to 2^40", l->name, key);
}

/* How many sequences a layer is of: all of a file's must agree. */
LLM__FN llm_status llm__loading_batch(llm__loading *l, size_t layer, int64_t batch) {
    char text[120];
    if (!l->batch) l->batch = batch;
    if (batch > 0 && batch == l->batch && batch <= LLM__MOST_WIDTH) return LLM_OK;
    snprintf(text, sizeof text, "it is of %lld sequences; expected %lld as in the layers before it, at most 2^24",
             (long long)batch, (long long)l->batch);
    return llm__loading_bad(l, layer, text);
}

/* Keys or values, or their codes, scales and biases: [batch, heads, tokens, numbers] each.  Only values may have a
   width of 0. */
LLM__FN llm_status llm__loading_part(llm__loading *l, size_t layer, int part) {
    llm__recorded *r = &l->layers[layer];
    int tensors = (part ? r->layer.values : r->layer.keys).bits ? 3 : 1, i;
    char path[16], prefix[LLM__SAVED_NAME], text[LLM__SAVED_NAME + 60];
    for (i = 0; i < tensors; i++) {
        const llm__tensor *first = r->parts[0][0];
        llm__tensor *x;
        int codes = tensors > 1 && !i;
        snprintf(path, sizeof path, tensors > 1 ? "%d.%d" : "%d", part, i);
        r->parts[part][i] = x = llm__loading_tensor(l, layer, path);
        if (!x) {
            snprintf(text, sizeof text, "tensor \"%s.%s\" is missing", llm__recorded_path(l, layer, 0, prefix),
                     path);
            return llm__loading_bad(l, layer, text);
        }
        snprintf(text, sizeof text, "%s [%lld, heads, tokens, width]", codes ? "U32" : "F32, F16 or BF16",
                 (long long)l->batch);
        if (x->dims != 4 || x->shape[0] != l->batch || x->shape[1] < 1 || x->shape[1] > LLM__MOST_WIDTH ||
            x->shape[3] < !part || x->shape[3] > LLM__MOST_WIDTH ||
            (codes ? x->dtype != LLM_U32 : !llm__is_float(x->dtype)))
            return llm__loading_bad_tensor(l, x, text);
        if (!first || (x->shape[1] == first->shape[1] && x->shape[2] == first->shape[2])) continue;
        snprintf(text, sizeof text, "%lld heads and %lld tokens as in \"%.40s\"", (long long)first->shape[1],
                 (long long)first->shape[2], first->name);
        return llm__loading_bad_tensor(l, x, text);
    }
    return LLM_OK;
}

/* Group and bits of keys or values; 0 bits where each has its own and is plain. */
LLM__FN llm_status llm__loading_codes(llm__loading *l, size_t layer, int place, llm_cache_codes *out) {
    int64_t group = 0, bits = 0;
    llm_status status = llm__loading_number(l, layer, place, 1, &group);
    if (status == LLM_OK) status = llm__loading_number(l, layer, place + 1, 2, &bits);
    if (status != LLM_OK) return status;
    out->bits = bits > 8 ? 9 : (int)bits;
    out->group = group > 128 ? 129 : (int)group;
    if (llm__codes_ok(*out) || (l->layers[layer].type->pairs > 1 && !bits && !group)) return LLM_OK;
    return llm__loading_bad(l, layer, "expected 2, 3, 4, 5, 6 or 8 bits in groups of 32, 64 or 128");
}

/* An array with a whole number for each sequence of a batch. */
LLM__FN llm_status llm__loading_list(llm__loading *l, size_t layer, const char *path, llm__tensor **out) {
    char key[LLM__SAVED_NAME + 32], prefix[LLM__SAVED_NAME];
    const uint8_t *data;
    llm__tensor *x = *out = llm__loading_tensor(l, layer, path);
    if (!x) {
        snprintf(key, sizeof key, "tensor \"%s.%s\" is missing", llm__recorded_path(l, layer, 0, prefix), path);
        return llm__loading_bad(l, layer, key);
    }
    if (x->dims != 1 || (x->dtype != LLM_I32 && x->dtype != LLM_I64))
        return llm__loading_bad_tensor(l, x, "I32 or I64 [sequences]");
    return llm__tensor_fetch(&l->folder, x, &data, l->error);
}

/* The numbers of a batch.  In 0.31's layout the rows of one without a window end where the tensor does. */
LLM__FN llm_status llm__loading_batch_numbers(llm__loading *l, size_t layer) {
    llm__recorded *r = &l->layers[layer];
    int64_t turned = 0, seen = 0;
    char key[LLM__SAVED_NAME + 8], prefix[LLM__SAVED_NAME];
    const char *text;
    llm_status status = llm__loading_list(l, layer, "2", &r->offsets);
    if (status == LLM_OK) status = llm__loading_list(l, layer, "3", &r->padding);
    if (status == LLM_OK) status = llm__loading_batch(l, layer, r->offsets->shape[0]);
    if (status == LLM_OK && r->padding->shape[0] != l->batch)
        return llm__loading_bad_tensor(l, r->padding, "as many numbers as there are offsets");
    r->end = -1;
    if (status == LLM_OK && r->type->window) {
        status = llm__loading_number(l, layer, 4, 0, &r->layer.window);
        if (status == LLM_OK) status = llm__loading_number(l, layer, 5, 1, &seen);
        if (status == LLM_OK) status = llm__loading_number(l, layer, 6, 2, &r->end);
        if (status == LLM_OK && !l->old) status = llm__loading_number(l, layer, 7, 3, &turned);
        snprintf(key, sizeof key, "%s.3", llm__recorded_path(l, layer, 1, prefix));
        if (l->old && (text = llm__loading_text(l, key)) != NULL) turned = !strcmp(text, "True");
        if (status == LLM_OK && !r->layer.window)
            return llm__loading_bad(l, layer, "expected a window of 1 token or more");
    } else if (status == LLM_OK && !l->old) {
        status = llm__loading_number(l, layer, 4, 0, &r->end);
    }
    r->turned = turned != 0;
    return status;
}

/* The numbers of an attention layer, which stand in its state or in the metadata. */
LLM__FN llm_status llm__loading_numbers(llm__loading *l, size_t layer) {
    llm__recorded *r = &l->layers[layer];
    const llm__class *t = r->type;
    llm_cache_layer *d = &r->layer;
    int place = 3;
    llm_status status = LLM_OK;
    if (t->batch) return llm__loading_batch_numbers(l, layer);
    if ((status = llm__loading_batch(l, layer, 1)) != LLM_OK) return status;
    r->offset = -1;
    if (!t->bare && (!l->old || t->window || t->pairs))
        status = llm__loading_number(l, layer, 2, t->window ? 2 : 0, &r->offset);
    if (status == LLM_OK && t->window) status = llm__loading_number(l, layer, place++, 0, &d->keep);
    if (status == LLM_OK && t->window) status = llm__loading_number(l, layer, place++, 1, &d->window);
    if (status == LLM_OK && t->window) status = llm__loading_number(l, layer, place++, 3, &r->next);
    if (status == LLM_OK && t->chunk) status = llm__loading_number(l, layer, place++, 0, &d->chunk);
    if (status == LLM_OK && t->chunk) status = llm__loading_number(l, layer, place++, 1, &r->start);
    if (status == LLM_OK && t->window && d->keep >= d->window)
        return llm__loading_bad(l, layer, "expected a window of 1 token or more, and fewer kept");
    if (status == LLM_OK && t->chunk && !d->chunk)
        return llm__loading_bad(l, layer, "expected a chunk of 1 token or more");
    if (status == LLM_OK && t->pairs) status = llm__loading_codes(l, layer, place, &d->keys);
    d->values = d->keys;
    if (status == LLM_OK && t->pairs > 1) status = llm__loading_codes(l, layer, place + 2, &d->values);
    return status;
}

/* The width of keys or values, which codes, scales and biases must agree on. */
LLM__FN llm_status llm__loading_width(llm__loading *l, size_t layer, int part, int *out) {
    const llm__recorded *r = &l->layers[layer];
    llm_cache_codes c = part ? r->layer.values : r->layer.keys;
    int64_t width = r->parts[part][0]->shape[3], scales;
    char prefix[LLM__SAVED_NAME], text[LLM__SAVED_NAME + 160];
    *out = (int)width;
    if (!c.bits) return LLM_OK;
    scales = r->parts[part][1]->shape[3];
    if (width * 32 == scales * c.group * c.bits && scales == r->parts[part][2]->shape[3] &&
        scales * c.group <= LLM__MOST_WIDTH) {
        *out = (int)(scales * c.group);
        return LLM_OK;
    }
    snprintf(text, sizeof text,
             "\"%s.%d\": %lld words of codes, %lld scales and %lld biases a token do not fit %d bits in groups of %d",
             llm__recorded_path(l, layer, 0, prefix), part, (long long)width, (long long)scales,
             (long long)r->parts[part][2]->shape[3], c.bits, c.group);
    return llm__loading_bad(l, layer, text);
}

/* Whether the rows of one sequence are those that its numbers promise.  A ring goes on behind its rows or, when it is
   full, at any that is not pinned. */
LLM__FN llm_status llm__loading_rows(llm__loading *l, size_t layer) {
    llm__recorded *r = &l->layers[layer];
    int64_t all = r->parts[0][0]->shape[2], window = r->layer.window, left;
    int behind = l->after && !llm__reach(&r->layer);
    char text[160];
    if (behind) r->start = l->after;
    left = r->offset - r->start;
    r->rows = left < all ? left : all;
    snprintf(text, sizeof text, "its %lld rows do not hold what is left of %lld tokens", (long long)all,
             (long long)r->offset);
    if (left < 0 || (!behind && r->start > llm__oldest_seen(&r->layer, r->offset)) ||
        (all < left && (!window || all < window)))
        return llm__loading_bad(l, layer, text);
    if (!window || r->next == r->rows) return LLM_OK;
    r->ring = r->rows;
    if (all == window && r->offset >= window && r->next >= r->layer.keep && r->next < window) return LLM_OK;
    snprintf(text, sizeof text,
             "its ring of %lld rows for a window of %lld has seen %lld tokens and cannot go on at %lld",
             (long long)all, (long long)window, (long long)r->offset, (long long)r->next);
    return llm__loading_bad(l, layer, text);
}

/* The same for one sequence of a batch: its rows lie behind its padding, in the order of the ring. */
LLM__FN llm_status llm__loading_batch_rows(llm__loading *l, size_t layer, int64_t row) {
    llm__recorded *r = &l->layers[layer];
    int64_t all = r->empty ? 0 : r->parts[0][0]->shape[2], window = r->layer.window, end = r->end < 0 ? all : r->end;
    int64_t seen;
    char text[200];
    r->offset = llm__whole_in(r->offsets, row);
    r->first = llm__whole_in(r->padding, row);
    snprintf(text, sizeof text, "sequence %lld: %lld tokens seen and padding of %lld do not fit %lld rows that end at "
             "%lld", (long long)row, (long long)r->offset, (long long)r->first, (long long)all, (long long)end);
    if (r->offset > LLM__MOST_TOKENS || r->first > LLM__MOST_TOKENS || end > all ||
        (r->turned && (all != window || !end)))
        return llm__loading_bad(l, layer, text);
    r->next = end;
    r->ring = r->turned ? all : 0;
    if (r->turned) end = all;
    if (r->first < 0) r->first = 0;    /* it has left the ring */
    if (r->offset < 0) r->offset = 0;  /* nothing but padding so far */
    r->rows = end > r->first ? end - r->first : 0;
    seen = window && r->offset >= window ? window - 1 : r->offset; /* what the next token sees */
    return r->rows < seen || r->rows > r->offset ? llm__loading_bad(l, layer, text) : LLM_OK;
}

LLM__FN llm_status llm__loading_attention(llm__loading *l, size_t layer) {
    llm__recorded *r = &l->layers[layer];
    llm_status status = llm__loading_numbers(l, layer);
    if (status != LLM_OK) return status;
    r->empty = !llm__loading_tensor(l, layer, r->layer.keys.bits ? "0.0" : "0");
    if (r->empty) {
        if (llm__loading_tensor(l, layer, "0") || llm__loading_tensor(l, layer, "1") || r->offset > 0 || r->start)
            return llm__loading_bad(l, layer, "it has no keys, but values or tokens that it has seen");
        r->offset = 0;
        return LLM_OK;
    }
    status = llm__loading_part(l, layer, 0);
    if (status == LLM_OK) status = llm__loading_part(l, layer, 1);
    if (status != LLM_OK) return status;
    if (r->offset < 0 && r->start)
        return llm__loading_bad(l, layer, "its first tokens are gone and, in 0.31's layout, how many it has seen too");
    if (r->offset < 0) r->offset = r->parts[0][0]->shape[2];
    r->layer.heads = (int)r->parts[0][0]->shape[1];
    status = llm__loading_width(l, layer, 0, &r->layer.key_width);
    return status == LLM_OK ? llm__loading_width(l, layer, 1, &r->layer.value_width) : status;
}

LLM__FN llm_status llm__loading_recurrent(llm__loading *l, size_t layer) {
    llm__recorded *r = &l->layers[layer];
    char path[16];
    int a, d;
    llm_status status;
    for (a = 0; a < LLM_CACHE_MAX_ARRAYS; a++) {
        llm__tensor *x;
        int fits;
        snprintf(path, sizeof path, l->old ? "%d" : "0.%d", a);
        if (!(x = llm__loading_tensor(l, layer, path))) continue;
        if (a && !r->arrays[a - 1]) return llm__loading_bad_tensor(l, x, "none, as the one before it is missing");
        fits = x->dims >= 2 && x->dims <= 1 + LLM_CACHE_MAX_AXES && llm__is_float(x->dtype);
        for (d = 1; d < x->dims && fits; d++) {
            fits = x->shape[d] > 0 && x->shape[d] <= LLM__MOST_WIDTH;
            r->layer.shapes[a][d - 1] = x->shape[d];
        }
        if (!fits) return llm__loading_bad_tensor(l, x, "F32, F16 or BF16 [sequences, ...] with 1 to 3 further axes");
        if ((status = llm__loading_batch(l, layer, x->shape[0])) != LLM_OK) return status;
        r->arrays[a] = x;
    }
    r->empty = !r->arrays[0];
    for (a = 1; a < 3 && !l->old; a++) { /* where a prompt that is being read begins or ends */
        snprintf(path, sizeof path, "%d", a);
        if (!llm__loading_tensor(l, layer, path)) continue;
        if ((status = llm__loading_list(l, layer, path, &r->padding)) != LLM_OK ||
            (status = llm__loading_batch(l, layer, r->padding->shape[0])) != LLM_OK)
            return status;
    }
    return LLM_OK;
}

/* An entry by the name of its class, behind those that are known: a member of `list` or, if that is where it will be
   itself, of none. */
LLM__FN llm_status llm__loading_add(llm__loading *l, const char *name, size_t list, int member) {
    void *layers = l->layers;
    llm__recorded *r;
    char text[120];
    size_t k, layer = l->layer_count;
    if (layer == LLM__MOST_LAYERS)
        return llm__fail(l->error, LLM_BAD_FORMAT, "%s lists too many layers; expected 1 to %d", l->name,
                         (int)LLM__MOST_LAYERS);
    if (!llm__grow(&l->arena.allocator, &layers, &l->layer_capacity, layer + 1, sizeof *r))
        return llm__no_memory(l->error, (layer + 1) * sizeof *r);
    l->layers = (llm__recorded *)layers;
    l->layer_count++;
    r = &l->layers[layer];
    memset(r, 0, sizeof *r);
    r->list = list;
    r->member = member;
    for (k = 0; k < LLM__MOST_CLASSES; k++) {
        const llm__class *type = &llm__classes[k];
        if (strcmp(name, type->name) || (l->old && type->ours)) continue;
        r->type = type;
        r->layer.kind = type->kind;
        return LLM_OK;
    }
    snprintf(text, sizeof text, "\"%.60s\" is a kind of cache that is not known here", name);
    return llm__loading_bad(l, layer, text);
}

/* The class of member number `member` of a list; none, an empty text: there is no such member. */
LLM__FN llm_status llm__loading_member(llm__loading *l, size_t layer, int member, char name[LLM__CLASS_NAME]) {
    char key[LLM__SAVED_NAME + 32], prefix[LLM__SAVED_NAME];
    const char *text;
    const uint8_t *data = NULL;
    llm__tensor *x;
    int64_t i;
    llm_status status;
    name[0] = 0;
    snprintf(key, sizeof key, "%s.0.%d", llm__recorded_path(l, layer, 1, prefix), member);
    if (l->old && (text = llm__loading_text(l, key)) != NULL) snprintf(name, LLM__CLASS_NAME, "%s", text);
    snprintf(key, sizeof key, "%d.1", member);
    if (l->old || !(x = llm__loading_tensor(l, layer, key))) return LLM_OK;
    if (x->dtype != LLM_I32 || x->dims != 1 || x->shape[0] < 1 || x->shape[0] >= LLM__CLASS_NAME)
        return llm__loading_bad_tensor(l, x, "I32 [1 to 39], the name of a class");
    if ((status = llm__tensor_fetch(&l->folder, x, &data, l->error)) != LLM_OK) return status;
    for (i = 0; i < x->shape[0]; i++, data += 4)
        name[i] = (char)(data[0] > 32 && data[0] < 127 && !data[1] && !data[2] && !data[3] ? data[0] : '?');
    name[i] = 0;
    return LLM_OK;
}

/* What an entry holds, and the members of a list with what they hold. */
LLM__FN llm_status llm__loading_entry(llm__loading *l, size_t layer, int depth) {
    char name[LLM__CLASS_NAME];
    int items = 0;
    llm_status status = LLM_OK;
    if (l->layers[layer].layer.kind == LLM_CACHE_RECURRENT) return llm__loading_recurrent(l, layer);
    if (l->layers[layer].layer.kind != LLM_CACHE_LIST) return llm__loading_attention(l, layer);
    if (depth == LLM_CACHE_MAX_DEPTH)
        return llm__loading_bad(l, layer, "expected at most 8 lists within each other");
    for (; status == LLM_OK; items++) {
        status = llm__loading_member(l, layer, items, name);
        if (status != LLM_OK || !*name) break;
        status = llm__loading_add(l, name, layer, items);
        if (status == LLM_OK) status = llm__loading_entry(l, l->layer_count - 1, depth + 1);
    }
    l->layers[layer].layer.items = items;
    return status == LLM_OK && !items ? llm__loading_bad(l, layer, "a list without members") : status;
}

/* What was no array when mlx-lm saved it is listed with its kind: it must look so. */
LLM__FN llm_status llm__loading_scalars(llm__loading *l) {
    char key[32];
    const char *path, *kind;
    llm__tensor *x;
    int n, fits;
    for (n = 1; !l->old; n++) {
        snprintf(key, sizeof key, "2.%d.0", n);
        if (!(path = llm__loading_text(l, key))) break;
        snprintf(key, sizeof key, "2.%d.1", n);
        kind = llm__loading_text(l, key);
        x = llm__tensor_find(&l->tensors, path);
        if (!x)
            return llm__fail(l->error, LLM_BAD_FORMAT, "%s: tensor \"%.60s\", which its metadata list, is missing",
                             l->name, path);
        if (kind && !strcmp(kind, "scalar")) fits = !x->dims;
        else if (kind && !strcmp(kind, "string")) fits = x->dims == 1;
        else if (kind && !strcmp(kind, "none")) fits = x->dims == 1 && !x->bytes;
        else
            return llm__fail(l->error, LLM_BAD_FORMAT, "%s: tensor \"%.60s\" is of kind \"%.40s\"; expected scalar, "
                             "string or none", l->name, path, kind ? kind : "");
        if (!fits) return llm__loading_bad_tensor(l, x, kind);
    }
    return LLM_OK;
}

/* Which layers there are and what each of them is.  A tensor that no layer has would be forgotten, hence refused. */
LLM__FN llm_status llm__loading_layers(llm__loading *l) {
    char key[32];
    const char *name = llm__loading_text(l, "2.0");
    size_t i;
    int n;
    llm_status status = LLM_OK;
    if (!name)
        return llm__fail(l->error, LLM_BAD_FORMAT, "%s is no prompt cache: its metadata do not list its layers",
                         l->name);
    l->old = *name != 0;
    status = llm__loading_scalars(l);
    for (n = 0; status == LLM_OK; n++) {
        snprintf(key, sizeof key, "%d.%d", l->old ? 2 : 1, n);
        if (!(name = llm__loading_text(l, key))) break;
        if (l->after && !strncmp(name, LLM__CONTINUED, sizeof LLM__CONTINUED - 1)) name += sizeof LLM__CONTINUED - 1;
        status = llm__loading_add(l, name, l->layer_count, n);
        if (status == LLM_OK) status = llm__loading_entry(l, l->layer_count - 1, 0);
    }
    if (!l->batch) l->batch = 1;
    if (status == LLM_OK && !l->layer_count)
        return llm__fail(l->error, LLM_BAD_FORMAT, "%s lists no layers; expected 1 to %d", l->name,
                         (int)LLM__MOST_LAYERS);
    for (i = 0; i < l->tensors.count && status == LLM_OK; i++)
        if (!l->tensors.items[i].used)
            status = llm__fail(l->error, LLM_BAD_FORMAT, "%s: tensor \"%.60s\" belongs to none of its %llu layers",
                               l->name, l->tensors.items[i].name, (unsigned long long)l->layer_count);
    return status;
}

/* Hashes the bytes before `end` that have not been: where they lie, or through the hasher's buffer. */
LLM__FN llm_status llm__loading_hash(llm__loading *l, uint64_t end) {
    llm__blob *b = l->folder.first;
    llm__writer *w = l->hasher;
    llm_status status = LLM_OK;
    while (w && l->hashed < end && status == LLM_OK) {
        uint64_t left = end - l->hashed;
        size_t bytes = b->data || left < LLM__WRITE_BUFFER ? (size_t)left : (size_t)LLM__WRITE_BUFFER;
        const uint8_t *piece = b->data ? b->data + l->hashed : w->buffer;
        if (!b->data) status = llm__folder_read(&l->folder, b, l->hashed, w->buffer, bytes, l->error);
        if (status == LLM_OK) llm__checksum_add(&w->checksum, piece, bytes);
        l->hashed += bytes;
    }
    return status;
}

/* Starts to hash, if the file has a checksum of ours. */
LLM__FN llm_status llm__loading_signed(llm__loading *l) {
    char start[LLM__CHECKSUM_AT + LLM__CHECKSUM_DIGITS];
    llm__blob *b = l->folder.first;
    llm_status status;
    if (b->bytes < sizeof start) return LLM_OK;
    status = llm__folder_read(&l->folder, b, 0, start, sizeof start, l->error);
    if (status != LLM_OK || memcmp(start + 8, LLM__CHECKSUM_START, LLM__CHECKSUM_AT - 8)) return status;
    l->hasher = (llm__writer *)llm__arena_alloc(&l->arena, 1, sizeof *l->hasher);
    if (!l->hasher) return llm__no_memory(l->error, sizeof *l->hasher);
    memcpy(l->signature, start + LLM__CHECKSUM_AT, LLM__CHECKSUM_DIGITS);
    memset(start + LLM__CHECKSUM_AT, '0', LLM__CHECKSUM_DIGITS);
    llm__checksum_add(&l->hasher->checksum, start, sizeof start);
    l->hashed = sizeof start;
    return LLM_OK;
}

/* All bytes of the file against its checksum, if they have not been compared yet. */
LLM__FN llm_status llm__loading_verify(llm__loading *l) {
    char got[LLM__CHECKSUM_DIGITS + 1];
    llm__writer *w = l->hasher;
    llm_status status;
    if (!w) return LLM_OK;
    status = llm__loading_hash(l, l->folder.first->bytes);
    l->hasher = NULL;
    if (status != LLM_OK) return status;
    l->checksum = llm__checksum_end(&w->checksum);
    snprintf(got, sizeof got, "%016llx", (unsigned long long)l->checksum);
    if (!memcmp(got, l->signature, LLM__CHECKSUM_DIGITS)) return LLM_OK;
    return llm__fail(l->error, LLM_BAD_FORMAT, "%s is damaged: its checksum is %s; expected %s", l->name, got,
                     l->signature);
}

/* A layer of the file as the one that is wanted: how it is stored and how much it remembers may differ, what it
   remembers may not.  An empty layer says nothing of its sizes and takes those of the description. */
LLM__FN llm_status llm__loading_fit(llm__loading *l, size_t i, const llm_cache_layer *want) {
    llm__recorded *r = &l->layers[i];
    llm_cache_layer *d = &r->layer;
    const int recurrent = want->kind == LLM_CACHE_RECURRENT;
    char path[LLM__SAVED_NAME], have_text[120], want_text[120];
    int fits;
    if (r->empty && recurrent == (d->kind == LLM_CACHE_RECURRENT)) {
        d->heads = want->heads;
        d->key_width = want->key_width;
        d->value_width = want->value_width;
        memcpy(d->shapes, want->shapes, sizeof d->shapes);
    }
    if (want->kind == LLM_CACHE_LATENT && d->kind == LLM_CACHE_ATTENTION && llm__same_codes(d->keys, d->values))
        d->kind = LLM_CACHE_LATENT;
    fits = d->kind == want->kind;
    if (fits && recurrent) fits = llm__same_arrays(d, want);
    else if (fits && want->kind == LLM_CACHE_LIST) fits = d->items == want->items;
    else if (fits)
        fits = d->heads == want->heads && d->key_width == want->key_width && d->value_width == want->value_width &&
               (!want->window || want->window == d->window) && (!want->chunk || want->chunk == d->chunk);
    if (fits) return LLM_OK;
    return llm__fail(l->error, LLM_BAD_ARGUMENT, "%s does not belong to this model: layer %s is %s; expected %s",
                     l->name, llm__recorded_path(l, i, 0, path),
                     r->empty ? "empty" : llm__layer_words(d, have_text, sizeof have_text),
                     llm__layer_words(want, want_text, sizeof want_text));
}

/* The whole number at place `row` of a list with commas; -1: there is none from 0 to 2^40. */
LLM__FN int64_t llm__whole_number_in(const char *text, int64_t row) {
    char number[24];
    size_t length;
    for (; row; row--) {
        if (!(text = strchr(text, ','))) return -1;
        text++;
    }
    length = strcspn(text, ",");
    if (length >= sizeof number) return -1;
    memcpy(number, text, length);
    number[length] = 0;
    return llm__whole_number(number);
}

/* How many tokens the sequence has seen: what its attention layers say, all the same. */
LLM__FN llm_status llm__loading_length(llm__loading *l, int64_t row) {
    const char *text = llm__loading_text(l, "0." LLM__NOTE_TOKENS);
    int64_t length = -1;
    size_t i;
    for (i = 0; i < l->layer_count; i++) {
        if (!llm__holds_tokens(l->layers[i].layer.kind)) continue;
        if (length >= 0 && l->layers[i].offset != length)
            return llm__loading_bad(l, i, "it has seen another number of tokens than the layers before it");
        length = l->layers[i].offset;
    }
    if (length < 0) length = text ? llm__whole_number_in(text, row) : 0; /* recurrent layers do not count */
    if (length < 0)
        return llm__fail(l->error, LLM_BAD_FORMAT, "%s: \"" LLM__NOTE_TOKENS "\" is \"%.40s\"; expected a whole number "
                         "from 0 to 2^40 for each sequence", l->name, text);
    for (i = 0; i < l->layer_count && length; i++)
        if (l->layers[i].empty) return llm__loading_bad(l, i, "it is empty, while tokens have been seen");
    l->length = length;
    return LLM_OK;
}

/* Turns to one sequence of the file. */
LLM__FN llm_status llm__loading_row(llm__loading *l, int64_t row) {
    llm_status status = LLM_OK;
    size_t i;
    for (i = 0; i < l->layer_count && status == LLM_OK; i++) {
        if (l->layers[i].offsets) status = llm__loading_batch_rows(l, i, row);
        else if (llm__holds_tokens(l->layers[i].layer.kind) && !l->layers[i].empty) status = llm__loading_rows(l, i);
    }
    return status == LLM_OK ? llm__loading_length(l, row) : status;
}

/* The row of the file that holds a layer's j-th token, oldest first: a ring goes on in the middle. */
LLM__FN int64_t llm__recorded_row(const llm__recorded *r, int64_t j) {
    int64_t keep = r->layer.keep;
    j += r->first;
    if (!r->ring || j < keep) return j;
    j += r->next - keep;
    return j < r->ring ? j : j - (r->ring - keep);
}

/* How many tokens from the j-th on lie in rows that follow one another, at positions that do. */
LLM__FN int64_t llm__recorded_run(const llm__recorded *r, int64_t j) {
    int64_t row = llm__recorded_row(r, j), left = r->rows - j;
    if (j < r->layer.keep) return r->layer.keep < r->rows ? r->layer.keep - j : left;
    return r->ring && r->ring - row < left ? r->ring - row : left;
}

/* Where tokens go: the rows of one head of keys or values, from a token of a page on. */
typedef struct llm__target {
    const llm__kept *kept;
    llm__page *page;
    int part, head, token;
    int64_t count;
    float *scratch; /* for one token */
} llm__target;

/* Plain numbers or codes, in one piece where a token's row is the whole row of the page. */
LLM__FN void llm__loading_data(const llm__tensor *x, size_t index, const llm__target *t, int value, size_t skip,
                               int coded) {
    const llm__layout *y = &t->kept->layout;
    size_t width = (size_t)x->shape[3], bytes = width * llm__dtype_bytes(x->dtype), stride = y->planes[value].row;
    const uint8_t *from = x->data + index * bytes;
    uint8_t *to = llm__page_row(y, t->page, value, t->head, t->token) + skip;
    int64_t i;
    if (coded || x->dtype == y->dtype) {
        if (bytes == stride) memcpy(to, from, bytes * (size_t)t->count);
        else
            for (i = 0; i < t->count; i++) memcpy(to + (size_t)i * stride, from + (size_t)i * bytes, bytes);
        return;
    }
    for (i = 0; i < t->count; i++) {
        llm__to_f32(x->dtype, from + (size_t)i * bytes, width, t->scratch);
        llm__from_f32(y->dtype, t->scratch, width, to + (size_t)i * stride);
    }
}

/* Scales or biases, likewise. */
LLM__FN void llm__loading_factors(const llm__tensor *x, size_t index, const llm__target *t, int value, size_t skip,
                                  int biases) {
    const llm__layout *y = &t->kept->layout;
    size_t groups = (size_t)x->shape[3], stride = y->planes[value].groups, bytes = groups * llm__dtype_bytes(x->dtype);
    const uint8_t *from = x->data + index * bytes;
    float *to = llm__page_scales(y, t->page, value, t->head, t->token, biases) + skip;
    int64_t i;
    if (groups == stride) llm__to_f32(x->dtype, from, groups * (size_t)t->count, to);
    else
        for (i = 0; i < t->count; i++)
            llm__to_f32(x->dtype, from + (size_t)i * bytes, groups, to + (size_t)i * stride);
}

/* A run of tokens of one head into their place; `sequence` is which one of the file. */
LLM__FN void llm__loading_run(const llm__recorded *r, int64_t sequence, int64_t row, const llm__target *t) {
    const llm__tensor *x = r->parts[t->part][0];
    const llm_cache_layer *d = &t->kept->desc;
    int behind = t->part && d->kind == LLM_CACHE_LATENT, value = t->part && !behind, f;
    size_t head = (size_t)sequence * (size_t)x->shape[1] + (size_t)t->head;
    size_t index = head * (size_t)x->shape[2] + (size_t)row, latent = behind ? (size_t)d->key_width : 0;
    llm_cache_codes c = value ? d->values : d->keys;
    if (!x->shape[3]) return;
    llm__loading_data(x, index, t, value,
                      c.bits ? latent / 8 * (size_t)c.bits : latent * llm__dtype_bytes(t->kept->layout.dtype), c.bits);
    for (f = 1; f < 3 && c.bits; f++)
        llm__loading_factors(r->parts[t->part][f], index, t, value, latent / (size_t)c.group, f == 2);
}

/* Fetches a layer's tensors.  What is still to be hashed is hashed here, so that memory is read once for both. */
LLM__FN llm_status llm__loading_fetch(llm__loading *l, const llm__recorded *r) {
    const uint8_t *data;
    llm_status status = LLM_OK;
    int part, i;
    for (part = 0; part < 2; part++)
        for (i = 0; i < 3; i++) {
            llm__tensor *x = r->parts[part][i];
            if (status == LLM_OK && x) status = llm__tensor_fetch(&l->folder, x, &data, l->error);
            if (status == LLM_OK && x) status = llm__loading_hash(l, x->offset + x->bytes);
        }
    return status;
}

/* The tokens of a layer that this file holds, a run within a page at a time. */
LLM__FN llm_status llm__loading_fill(llm__loading *l, llm_cache *c, size_t layer, int64_t sequence) {
    llm__recorded *r = &l->layers[layer];
    llm__kept *k = &c->layers[layer];
    llm__target t;
    int64_t j, position, since = -1, skip;
    llm_status status = llm__loading_fetch(l, r);
    if (status != LLM_OK) return status;
    t.kept = k;
    t.scratch = (float *)llm__arena_alloc(&l->arena, (size_t)(k->desc.key_width + k->desc.value_width), sizeof(float));
    if (!t.scratch) return llm__no_memory(l->error, k->layout.bytes);
    if (!r->rows && llm__reach(&k->desc)) k->since = c->length;
    for (j = 0; j < r->rows; j += t.count) {
        position = j < r->layer.keep ? j : r->offset - (r->rows - j);
        if (position >= c->length) break;
        t.token = (int)(position % LLM_PAGE_TOKENS);
        t.count = llm__recorded_run(r, j);
        if (t.count > LLM_PAGE_TOKENS - t.token) t.count = LLM_PAGE_TOKENS - t.token;
        if (t.count > c->length - position) t.count = c->length - position;
        skip = j < r->layer.keep ? 0 : llm__oldest_held(&k->desc, c->length) - position;
        if (skip < 1 && !r->offsets && r->type->window && j == r->layer.keep && j == r->next)
            skip = 1; /* a row of zeros: see llm__write_head */
        if (skip > 0) {
            if (t.count > skip) t.count = skip;
            continue;
        }
        if (!llm__page_own(&c->allocator, k, position / LLM_PAGE_TOKENS))
            return llm__no_memory(l->error, llm__page_bytes(&k->layout));
        if (since < 0 && position >= k->desc.keep && llm__reach(&k->desc)) k->since = since = position;
        t.page = *llm__page_entry(k, position / LLM_PAGE_TOKENS);
        for (t.part = 0; t.part < 2; t.part++)
            for (t.head = 0; t.head < k->desc.heads; t.head++)
                llm__loading_run(r, sequence, llm__recorded_row(r, j), &t);
    }
    return LLM_OK;
}

LLM__FN llm_status llm__loading_states(llm__loading *l, llm_cache *c, size_t layer, int64_t sequence) {
    llm__recorded *r = &l->layers[layer];
    const uint8_t *data = NULL;
    int a;
    for (a = 0; a < LLM_CACHE_MAX_ARRAYS && r->arrays[a]; a++) {
        llm_status status = llm__tensor_fetch(&l->folder, r->arrays[a], &data, l->error);
        size_t bytes = (size_t)r->arrays[a]->bytes / (size_t)l->batch;
        if (status != LLM_OK) return status;
        llm__to_f32(r->arrays[a]->dtype, data + (size_t)sequence * bytes,
                    bytes / llm__dtype_bytes(r->arrays[a]->dtype),
                    llm__state(&c->layers[layer], c->layers[layer].turned, a));
    }
    return LLM_OK;
}

/* A layer that sees all tokens has them from all the files, any other its present ones from the last. */
LLM__FN llm_status llm__loading_content(llm__loading *l, llm_cache *c, size_t layer, int64_t sequence) {
    const llm__kept *k = &c->layers[layer];
    llm__loading *f = llm__reach(&k->desc) ? l : l - l->index;
    llm_status status = LLM_OK;
    if (k->desc.kind == LLM_CACHE_LIST) return LLM_OK;
    if (!llm__is_attention(k)) return llm__loading_states(l, c, layer, sequence);
    for (; f <= l && status == LLM_OK; f++)
        if (!f->layers[layer].empty) status = llm__loading_fill(f, c, layer, sequence);
    return status;
}

/* Whether a key of the metadata is one of the user's notes. */
LLM__FN int llm__loading_is_note(const llm__loading *l, const llm__json *key) {
    const char *text = key->as.text;
    return !strncmp(text, l->old ? "1." : "0.", 2) && !llm__note_is_own(text + 2);
}

LLM__FN llm_status llm__loading_notes(llm__loading *l, llm_cache *c) {
    size_t count = 0, bytes = 0, i;
    char *text;
    for (i = 0; i < l->key_count; i++) {
        if (!llm__loading_is_note(l, l->keys[i])) continue;
        bytes += (size_t)l->keys[i]->length + l->keys[i][1].length; /* the prefix's two make room for the two NULs */
        count++;
    }
    if (!count) return LLM_OK;
    c->notes = (llm_note *)llm__arena_alloc(&c->note_arena, count, sizeof *c->notes);
    text = (char *)llm__arena_alloc(&c->note_arena, bytes, 1);
    if (!c->notes || !text) return llm__no_memory(l->error, count * sizeof *c->notes + bytes);
    for (i = 0; i < l->key_count; i++) {
        const llm__json *key = l->keys[i];
        if (!llm__loading_is_note(l, key)) continue;
        c->notes[c->note_count].key = text;
        memcpy(text, key->as.text + 2, key->length - 1);
        text += key->length - 1;
        c->notes[c->note_count++].value = text;
        memcpy(text, key[1].as.text, key[1].length + 1);
        text += key[1].length + 1;
    }
    return LLM_OK;
}

/* Decides how layer i will be kept; `dtype` becomes one that holds all plain keys and values. */
LLM__FN llm_status llm__loading_decide(llm__loading *l, size_t i, int partial, llm_dtype *dtype, int *known) {
    const llm__recorded *r = &l->layers[i];
    const llm_cache_load_desc *d = l->desc;
    const llm__loading *f;
    llm_dtype t;
    int part;
    char path[LLM__SAVED_NAME];
    int recurrent = r->layer.kind == LLM_CACHE_RECURRENT;
    llm__recorded_path(l, i, 0, path);
    if (partial && (recurrent || r->rows < r->offset - (llm__reach(&r->layer) ? 0 : r->start)))
        return llm__fail(l->error, LLM_UNSUPPORTED, "%s: layer %s holds no beginning of %lld tokens: %s", l->name,
                         path, (long long)d->tokens, recurrent ? "it is recurrent" : "its window has moved on");
    if (d->want) return llm__loading_fit(l, i, &d->want->layers[i]);
    if (r->empty)
        return llm__fail(l->error, LLM_BAD_ARGUMENT, "%s: layer %s is empty: what it is must be said by `want`",
                         l->name, path);
    for (part = 0; part < 2 && llm__holds_tokens(r->layer.kind); part++) {
        if ((part ? r->layer.values : r->layer.keys).bits) continue;
        for (f = l - l->index; f <= l; f++) {
            if (f->layers[i].empty) continue;
            t = f->layers[i].parts[part][0]->dtype;
            *dtype = !*known || *dtype == t ? t : LLM_F32;
            *known = 1;
        }
    }
    return LLM_OK;
}

/* The files are checked by now: what can still be wrong is what is wanted of them. */
LLM__FN llm_status llm__loading_cache(llm__loading *l, int64_t sequence, llm_cache **out) {
    const llm_cache_load_desc *d = l->desc;
    llm_cache_desc desc;
    llm_cache_layer *layers;
    llm_status status = LLM_OK;
    size_t i;
    int partial = d->tokens > 0 && d->tokens < l->length, known = 0;
    if (d->want && d->want->layer_count != l->layer_count)
        return llm__fail(l->error, LLM_BAD_ARGUMENT, "%s has %llu layers; expected %llu", l->name,
                         (unsigned long long)l->layer_count, (unsigned long long)d->want->layer_count);
    layers = (llm_cache_layer *)llm__arena_alloc(&l->arena, l->layer_count, sizeof *layers);
    if (!layers) return llm__no_memory(l->error, l->layer_count * sizeof *layers);
    memset(&desc, 0, sizeof desc);
    desc.layers = layers;
    desc.layer_count = l->layer_count;
    desc.dtype = d->want ? d->want->dtype : LLM_F32;
    desc.checkpoint_every = d->want ? d->want->checkpoint_every : 0;
    desc.checkpoints_max = d->want ? d->want->checkpoints_max : 0;
    desc.allocator = l->arena.allocator;
    for (i = 0; i < l->layer_count && status == LLM_OK; i++) {
        status = llm__loading_decide(l, i, partial, &desc.dtype, &known);
        layers[i] = l->layers[i].layer;
    }
    if (status == LLM_OK) status = llm_cache_open(out, &desc, l->error);
    if (status != LLM_OK) return status;
    (*out)->length = partial ? d->tokens : l->length;
    for (i = 0; i < l->layer_count && status == LLM_OK; i++)
        if (!l->layers[i].empty) status = llm__loading_content(l, *out, i, sequence);
    return status == LLM_OK ? llm__loading_notes(l, *out) : status;
}

/* The file as the only one of its folder: memory, or what lies behind the path; messages call it by the path's end. */
LLM__FN llm_status llm__loading_open(llm__loading *l, llm__blob *b) {
    enum { LONGEST = 80 };
    const llm_cache_part *p = &l->source;
    const llm_files *files = &l->folder.files;
    const char *name = p->path, *c;
    l->folder.first = b;
    b->name = l->name = l->index ? "a part of the prompt cache" : "the prompt cache";
    if (p->data) {
        b->data = (const uint8_t *)p->data;
        b->bytes = p->bytes;
        return LLM_OK;
    }
    if (!files->open || files->open(files->user, p->path, &b->handle, &b->bytes))
        return llm__fail(l->error, LLM_BAD_FILE, "%.250s: cannot be opened as a file", p->path);
    if (files->map) b->data = (const uint8_t *)files->map(files->user, b->handle, b->bytes);
#if !defined(LLM_NO_STDIO) && !defined(LLM_NO_MMAP) && (defined(__unix__) || defined(__APPLE__))
    b->mapped = b->data && files->map == llm__posix_map;
#endif
    for (c = name; *c; c++)
        if (*c == '/' || *c == '\\') name = c + 1;
    if (*name && strlen(name) <= LONGEST) b->name = l->name = name;
    return LLM_OK;
}

/* Whether a file continues the one before it, or no other if it is the first. */
LLM__FN llm_status llm__loading_chain(llm__loading *l) {
    const char *before = llm__loading_text(l, "0." LLM__NOTE_BEFORE);
    const char *after = llm__loading_text(l, "0." LLM__NOTE_AFTER);
    char digits[LLM__CHECKSUM_DIGITS + 1];
    const llm__loading *last = l - 1;
    if (after && (l->after = llm__whole_number(after)) < 1)
        return llm__fail(l->error, LLM_BAD_FORMAT, "%s: \"" LLM__NOTE_AFTER "\" is \"%.40s\"; expected a whole number "
                         "from 1 to 2^40", l->name, after);
    if (!l->index && !after) return LLM_OK;
    if (!l->index)
        return llm__fail(l->error, LLM_BAD_ARGUMENT, "%s continues another file, after %s tokens; expected the file "
                         "that holds the first ones, and this one among its parts", l->name, after);
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)last->checksum);
    if (!after || !before)
        return llm__fail(l->error, LLM_BAD_ARGUMENT, "%s continues no file; expected the one that continues %s",
                         l->name, last->name);
    if (!last->checksum || strcmp(before, digits) || l->after != last->length)
        return llm__fail(l->error, LLM_BAD_ARGUMENT, "%s continues a file of %s tokens with checksum %.16s, not %s of "
                         "%lld tokens with checksum %s", l->name, after, before, last->name, (long long)last->length,
                         digits);
    return LLM_OK;
}

/* A file that continues another is of the same layers; only how many tokens they have seen differs. */
LLM__FN llm_status llm__loading_same_layers(llm__loading *l) {
    const llm__loading *last = l - 1;
    char words[2][120];
    size_t i;
    if (l->layer_count != last->layer_count || l->batch != 1 || last->batch != 1)
        return llm__fail(l->error, LLM_BAD_FORMAT, "%s has %llu layers of %lld sequences, %s has %llu of %lld; "
                         "expected as many, of one", l->name, (unsigned long long)l->layer_count,
                         (long long)l->batch, last->name, (unsigned long long)last->layer_count,
                         (long long)last->batch);
    for (i = 0; i < l->layer_count; i++)
        if (!last->layers[i].empty && !llm__same_layer(&l->layers[i].layer, &last->layers[i].layer))
            return llm__fail(l->error, LLM_BAD_FORMAT, "%s: entry %llu is %s; expected %s as in %s", l->name,
                             (unsigned long long)i, llm__layer_words(&l->layers[i].layer, words[0], sizeof words[0]),
                             llm__layer_words(&last->layers[i].layer, words[1], sizeof words[1]), last->name);
    return LLM_OK;
}

/* Reads what one file says; of its tensors only those that say how the others are to be read.  It is compared with its
   checksum now if other files continue it or it must be read, else once everything has been taken from it. */
LLM__FN llm_status llm__loading_read(llm__loading *l) {
    llm__blob *b = (llm__blob *)llm__arena_alloc(&l->arena, 1, sizeof *b);
    llm_status status;
    if (!b) return llm__no_memory(l->error, sizeof *b);
    l->folder.files = llm__files_or_default(l->desc->files);
    l->folder.arena = &l->arena;
    status = llm__loading_open(l, b);
    if (status == LLM_OK) status = llm__safetensors_add(&l->folder, l->name, &l->tensors, l->error);
    if (status == LLM_OK) status = llm__loading_signed(l);
    if (status == LLM_OK && (l->desc->part_count || !b->data)) status = llm__loading_verify(l);
    if (status == LLM_OK) status = llm__loading_index(l);
    if (status == LLM_OK) status = llm__loading_chain(l);
    if (status == LLM_OK) status = llm__loading_layers(l);
    if (status == LLM_OK) status = llm__loading_row(l, 0);
    return status == LLM_OK && l->index ? llm__loading_same_layers(l) : status;
}

/* Reads the files in their order, up to the one with all tokens that are asked for, and makes caches of the last. */
LLM__FN llm_status llm__load(llm__loading *files, llm_cache **out, size_t capacity, size_t *count) {
    const llm_cache_load_desc *d = files->desc;
    llm__loading *l = files;
    llm_status status = llm__loading_read(l);
    int64_t row;
    while (status == LLM_OK && l->index < d->part_count && (!d->tokens || l->length < d->tokens))
        status = llm__loading_read(++l);
    if (status != LLM_OK) return status;
    *count = (size_t)l->batch;
    if (*count > capacity)
        return llm__fail(l->error, LLM_TOO_LARGE, "%s holds %lld sequences; expected at most %llu", l->name,
                         (long long)l->batch, (unsigned long long)capacity);
    for (row = 0; row < l->batch && status == LLM_OK; row++) {
        if (row) status = llm__loading_row(l, row);
        if (status == LLM_OK) status = llm__loading_cache(l, row, &out[row]);
    }
    if (status == LLM_OK) status = llm__loading_verify(l);
    for (row = 0; row < l->batch && status == LLM_OK; row++) {
        out[row]->saved = l->checksum && out[row]->length == l->length && l->batch == 1 ? l->length : 0;
        out[row]->saved_as = l->checksum;
    }
    return status;
}

LLM__FN void llm__loading_close(llm__loading *l) {
    llm__folder_close(&l->folder);
    llm__tensors_free(&l->arena.allocator, &l->tensors);
    llm__free(&l->arena.allocator, l->layers, l->layer_capacity * sizeof *l->layers);
    llm__arena_free(&l->arena);
}

LLM__FN llm_status llm__check_load(const llm_cache_load_desc *d, llm_error *error) {
    size_t i;
    if (!d || (!d->path && !d->data) || d->tokens < 0 || (d->part_count && !d->parts))
        return llm__fail(error, LLM_BAD_ARGUMENT, "loading needs a path or data, its parts if there are some, and 0 or "
                         "more tokens");
    for (i = 0; i < d->part_count; i++)
        if (!d->parts[i].path && !d->parts[i].data)
            return llm__fail(error, LLM_BAD_ARGUMENT, "part %llu of the cache has neither a path nor data",
                             (unsigned long long)i);
    if (d->want && !d->want->layers)
        return llm__fail(error, LLM_BAD_ARGUMENT, "the description of the wanted cache has no layers");
    return LLM_OK;
}

LLM_API llm_status llm_cache_load_rows(llm_cache **out, size_t capacity, size_t *count,
                                       const llm_cache_load_desc *desc, llm_error *error) {
    llm_allocator a;
    llm__loading *files;
    llm_status status;
    size_t found = 0, i, file_count;
    if (count) *count = 0;
    for (i = 0; out && i < capacity; i++) out[i] = NULL;
    if (!out || !capacity || !count)
        return llm__fail(error, LLM_BAD_ARGUMENT, "loading needs room for a cache or more, and for their number");
    if ((status = llm__check_load(desc, error)) != LLM_OK) return status;
    a = llm__allocator_or_default(desc->allocator);
    if (!llm__add_ok(desc->part_count, 1, &file_count)) return llm__no_memory(error, SIZE_MAX);
    files = (llm__loading *)llm__alloc_zero(&a, file_count, sizeof *files);
    if (!files) return llm__no_memory(error, sizeof *files);
    for (i = 0; i < file_count; i++) {
        files[i].desc = desc;
        files[i].error = error;
        files[i].arena.allocator = a;
        files[i].index = i;
        if (i) files[i].source = desc->parts[i - 1];
    }
    files[0].source.path = desc->path;
    files[0].source.data = desc->data;
    files[0].source.bytes = desc->bytes;
    status = llm__load(files, out, capacity, &found);
    if (status != LLM_OK && llm__loading_verify(files) != LLM_OK) status = LLM_BAD_FORMAT; /* damage explains it all */
    for (i = 0; status != LLM_OK && i < capacity; i++) {
        llm_cache_close(out[i]);
        out[i] = NULL;
    }
    for (i = 0; i < file_count; i++) llm__loading_close(&files[i]);
    llm__free(&a, files, file_count * sizeof *files);
    *count = found;
    return status == LLM_OK ? llm__ok(error) : status;
}

LLM_API llm_status llm_cache_load(llm_cache **out, const llm_cache_load_desc *desc, llm_error *error) {
    size_t count;
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a cache cannot be loaded into a NULL pointer");
    return llm_cache_load_rows(out, 1, &count, desc, error);
}

LLM_API llm_status llm_batch_save(const llm_batch *batch, const llm_cache_save_desc *desc, llm_error *error) {
    if (!batch || !batch->count) return llm__fail(error, LLM_BAD_ARGUMENT, "saving a batch needs one that has rows");
    return llm_cache_save_rows((const llm_cache *const *)batch->rows, batch->count, desc, error);
}

/* The first try says how many rows there are, unless there is one. */
LLM_API llm_status llm_batch_load(llm_batch **out, const llm_cache_load_desc *desc, llm_error *error) {
    llm_cache **rows = NULL;
    size_t capacity = 1, count = 0;
    llm_status status = llm_batch_open(out, NULL, 0, desc ? &desc->allocator : NULL, error);
    while (status == LLM_OK && !rows) {
        const llm_allocator *a = &(*out)->allocator;
        rows = (llm_cache **)llm__alloc(a, capacity, sizeof *rows);
        status = rows ? llm_cache_load_rows(rows, capacity, &count, desc, error)
                      : llm__no_memory(error, capacity * sizeof *rows);
        if (status == LLM_OK) break;
        llm__free(a, (void *)rows, capacity * sizeof *rows);
        rows = NULL;
        if (status != LLM_TOO_LARGE || count <= capacity) break;
        capacity = count;
        status = LLM_OK;
    }
    if (status == LLM_OK) {
        llm__batch_replace(*out, rows, count);
        return llm__ok(error);
    }
    if (out) llm_batch_close(*out);
    if (out) *out = NULL;
    return status;
}

LLM_API const char *llm_cache_note(const llm_cache *cache, const char *key) {
    size_t i;
    for (i = 0; cache && key && i < cache->note_count; i++)
        if (!strcmp(cache->notes[i].key, key)) return cache->notes[i].value;
    return NULL;
}

/* ========================================================================================================== >>store
   A trie over token ids whose nodes own runs of tokens, so that its memory follows the tokens that differ and a prompt
   is found in the time it takes to read it.  Nothing recurses: a prompt may have a million tokens.  Beside the trie
   there are three lists of entries, from the least to the most recently used, one for each type, and a table of pages
   that says how many entries hold each.

   After this chapter a prompt that begins like an earlier one can begin with that one's cache, and a store never holds
   more than it may.  What is found and what goes first is as in mlx-lm's LRUPromptCache, except:
   - a fetch makes the entry it used the newest of its type (there, only an insertion does);
   - a prefix of one token is found (there, it takes two);
   - an empty cache is no find, unless for an empty prompt; and of two entries that serve equally well, the one that
     needs no trimming is taken;
   - whether a cache can be trimmed is asked for the very number of tokens, not in general;
   - a cache that is larger than the store is refused (there, it drives everything out, and then itself). */

typedef struct llm__entry {
    llm_cache *cache;
    struct llm__node *node;
    llm_entry_type type;
    size_t shared, own_bytes; /* of the cache: how many pages and checkpoints, and what the rest takes */
    struct llm__entry *older, *newer;
} llm__entry;

/* A node of the trie: the way from the root to it spells a prefix, of which its run is the last part.  The root of a
   model has no parent and an empty run.  Every node has an entry or one below it; one without, that is not a root, has
   at least two children (one, if there was no memory to join the two). */
typedef struct llm__node {
    struct llm__node *parent;
    uint64_t symbol;         /* what the parent knows it by: its first token; of a root: the model */
    struct llm__node *next;  /* in its bucket of the table of edges */
    int32_t *run;            /* [count] tokens */
    size_t count, depth;     /* depth: tokens from the root to the end of the run */
    llm__entry *entry;       /* of the prompt that ends here, or NULL */
    struct llm__node *nearest;                   /* the node with the shortest entry from here on */
    struct llm__node *children;                  /* that with the nearest of them: the top of their heap */
    struct llm__node *below, *beside, *previous; /* in the heap of its parent's children */
} llm__node;

/* A page or a checkpoint, and how often entries of each type hold it. */
typedef struct llm__held {
    const void *what; /* NULL: the slot is free */
    uint32_t entries[LLM_ENTRY_TYPE_COUNT];
} llm__held;

typedef struct llm__queue {
    llm__entry *oldest, *newest;
} llm__queue;

struct llm_store {
    llm_allocator allocator;
    size_t max_entries, max_bytes;
    llm__mutex mutex;  /* protects what follows */
    llm__node **edges; /* [edge_capacity] buckets with every node, by parent and symbol */
    size_t edge_capacity, node_count;
    llm__held *held;   /* [held_capacity] slots, by address: an open table, at most half full */
    size_t held_capacity, held_count;
    llm__queue queues[LLM_ENTRY_TYPE_COUNT];
    llm_store_stats stats;
};

/* ---- memory and hashing */

LLM__FN void *llm__store_alloc(llm_store *s, size_t count, size_t size) {
    void *block = llm__alloc_zero(&s->allocator, count, size);
    if (block) s->stats.index_bytes += count * size;
    return block;
}

LLM__FN void llm__store_free(llm_store *s, void *block, size_t count, size_t size) {
    if (block) s->stats.index_bytes -= count * size;
    llm__free(&s->allocator, block, count * size);
}

/* The finalizer of splitmix64: every bit of x moves every bit of the result. */
LLM__FN uint64_t llm__scatter(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

/* The smallest power of two from 64 on that is not below n.  What tables count is in memory, so that n is far from
   the largest power of two. */
LLM__FN size_t llm__table_size(size_t n) {
    size_t size = 64;
    while (size < n) size *= 2;
    return size;
}

/* ---- the shortest entry below a node
   The children of a node form a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986) by the depth of the shortest
   entry from each of them on: of thousands of siblings the one with the nearest entry is at the top, a new one costs
   one comparison, and taking one out the logarithm of their number, amortized.  Those that lost a comparison to a node
   are a list, by `beside` and `previous`, that begins at its `below`; the first one's `previous` is the winner. */

LLM__FN llm__node *llm__heap_meld(llm__node *a, llm__node *b) {
    if (!a || !b) return a ? a : b;
    if (b->nearest->depth < a->nearest->depth) {
        llm__node *winner = b;
        b = a;
        a = winner;
    }
    b->previous = a;
    b->beside = a->below;
    if (b->beside) b->beside->previous = b;
    a->below = b;
    return a;
}

/* Makes a list one heap: neighbours in pairs, then the pairs from the last to the first. */
LLM__FN llm__node *llm__heap_meld_list(llm__node *first) {
    llm__node *pairs = NULL, *all = NULL, *a, *b;
    while ((a = first) != NULL) {
        b = a->beside;
        first = b ? b->beside : NULL;
        a->previous = a->beside = NULL;
        if (b) b->previous = b->beside = NULL;
        a = llm__heap_meld(a, b);
        a->beside = pairs;
        pairs = a;
    }
    while ((a = pairs) != NULL) {
        pairs = a->beside;
        a->beside = NULL;
        all = llm__heap_meld(all, a);
    }
    return all;
}

LLM__FN void llm__heap_join(llm__node *parent, llm__node *n) {
    parent->children = llm__heap_meld(parent->children, n);
}

LLM__FN void llm__heap_leave(llm__node *parent, llm__node *n) {
    llm__node *losers = llm__heap_meld_list(n->below);
    if (!n->previous) parent->children = NULL;
    else if (n->previous->below == n) n->previous->below = n->beside;
    else n->previous->beside = n->beside;
    if (n->beside) n->beside->previous = n->previous;
    n->below = n->beside = n->previous = NULL;
    llm__heap_join(parent, losers);
}

/* Brings `nearest` up to date from a node whose entry came or went, up as far as it changes. */
LLM__FN void llm__node_renew(llm__node *n) {
    while (n) {
        llm__node *parent = n->parent, *now = n->entry ? n : n->children ? n->children->nearest : NULL;
        if (now == n->nearest) return;
        if (parent && n->nearest) llm__heap_leave(parent, n);
        n->nearest = now;
        if (parent && now) llm__heap_join(parent, n);
        n = parent;
    }
}

/* ---- the trie */

LLM__FN llm__node **llm__edge_bucket(const llm_store *s, const llm__node *parent, uint64_t symbol) {
    uint64_t h = llm__scatter((uint64_t)(uintptr_t)parent + llm__scatter(symbol));
    return &s->edges[(size_t)h & (s->edge_capacity - 1)];
}

/* The child of a node that a symbol leads to, or NULL; parent NULL: the root of a model. */
LLM__FN llm__node *llm__edge_find(const llm_store *s, const llm__node *parent, uint64_t symbol) {
    llm__node *n = s->edge_capacity ? *llm__edge_bucket(s, parent, symbol) : NULL;
    while (n && (n->parent != parent || n->symbol != symbol)) n = n->next;
    return n;
}

LLM__FN void llm__edge_add(llm_store *s, llm__node *n, llm__node *parent, uint64_t symbol) {
    llm__node **bucket = llm__edge_bucket(s, parent, symbol);
    n->parent = parent;
    n->symbol = symbol;
    n->next = *bucket;
    *bucket = n;
    s->node_count++;
}

LLM__FN void llm__edge_remove(llm_store *s, llm__node *n) {
    llm__node **at = llm__edge_bucket(s, n->parent, n->symbol);
    while (*at != n) at = &(*at)->next;
    *at = n->next;
    s->node_count--;
}

/* Buckets for `more` nodes, so that adding them cannot fail. */
LLM__FN int llm__edge_room(llm_store *s, size_t more) {
    size_t capacity = llm__table_size(s->node_count + more), before = s->edge_capacity, i;
    llm__node **edges, **old = s->edges, *n;
    if (before && capacity <= before) return 1;
    edges = (llm__node **)llm__store_alloc(s, capacity, sizeof *edges);
    if (!edges) return 0;
    s->edges = edges;
    s->edge_capacity = capacity;
    s->node_count = 0;
    for (i = 0; i < before; i++)
        while ((n = old[i]) != NULL) {
            old[i] = n->next;
            llm__edge_add(s, n, n->parent, n->symbol);
        }
    llm__store_free(s, old, before, sizeof *old);
    return 1;
}

LLM__FN uint64_t llm__token_symbol(int32_t token) {
    return (uint32_t)token;
}

LLM__FN int32_t *llm__run_new(llm_store *s, const int32_t *tokens, size_t count) {
    int32_t *run = (int32_t *)llm__store_alloc(s, count, sizeof *run);
    if (run) memcpy(run, tokens, count * sizeof *run);
    return run;
}

LLM__FN void llm__node_free(llm_store *s, llm__node *n) {
    if (!n) return;
    llm__store_free(s, n->run, n->count, sizeof *n->run);
    llm__store_free(s, n, 1, sizeof *n);
}

/* A node that is not part of the trie yet.  Without tokens it has no run: a root. */
LLM__FN llm__node *llm__node_new(llm_store *s, const int32_t *tokens, size_t count, size_t depth) {
    llm__node *n = (llm__node *)llm__store_alloc(s, 1, sizeof *n);
    if (!n) return NULL;
    n->run = count ? llm__run_new(s, tokens, count) : NULL;
    if (count && !n->run) {
        llm__store_free(s, n, 1, sizeof *n);
        return NULL;
    }
    n->count = count;
    n->depth = depth;
    return n;
}

/* Cuts the run of a node at a depth within it.  The first part becomes a new node above, which is returned; the node
   keeps the rest, its entry and its children.  NULL: out of memory, nothing changed. */
LLM__FN llm__node *llm__node_split(llm_store *s, llm__node *n, size_t depth) {
    size_t rest = n->depth - depth, first = n->count - rest;
    llm__node *upper = llm__node_new(s, n->run, first, depth);
    int32_t *run = upper ? llm__run_new(s, n->run + first, rest) : NULL;
    if (!run) {
        llm__node_free(s, upper);
        return NULL;
    }
    llm__heap_leave(n->parent, n);
    llm__edge_remove(s, n);
    llm__edge_add(s, upper, n->parent, n->symbol);
    llm__edge_add(s, n, upper, llm__token_symbol(run[0]));
    upper->nearest = n->nearest;
    llm__heap_join(upper->parent, upper);
    llm__heap_join(upper, n);
    llm__store_free(s, n->run, n->count, sizeof *run);
    n->run = run;
    n->count = rest;
    return upper;
}

/* The reverse: an only child takes the place of its parent, which has no entry.  Without memory all stays as it is,
   which takes a little longer to walk. */
LLM__FN void llm__node_merge(llm_store *s, llm__node *n) {
    llm__node *upper = n->parent;
    size_t count = upper->count + n->count;
    int32_t *run = (int32_t *)llm__store_alloc(s, count, sizeof *run);
    if (!run) return;
    memcpy(run, upper->run, upper->count * sizeof *run);
    memcpy(run + upper->count, n->run, n->count * sizeof *run);
    llm__heap_leave(upper->parent, upper);
    llm__edge_remove(s, upper);
    llm__edge_remove(s, n);
    llm__edge_add(s, n, upper->parent, upper->symbol);
    llm__heap_join(n->parent, n);
    llm__store_free(s, n->run, n->count, sizeof *run);
    n->run = run;
    n->count = count;
    llm__node_free(s, upper);
}

/* Takes what a node that lost its entry is no longer needed for out of the trie. */
LLM__FN void llm__node_prune(llm_store *s, llm__node *n) {
    while (n && !n->entry && !n->children) {
        llm__node *parent = n->parent;
        llm__edge_remove(s, n);
        llm__node_free(s, n);
        n = parent;
    }
    if (n && n->parent && !n->entry && !n->children->below) llm__node_merge(s, n->children);
}

/* How far the trie knows a prompt. */
typedef struct llm__way {
    llm__node *node;   /* the last one on the way; NULL: no root, the model is not known */
    size_t depth;      /* tokens in common; less than node->depth: the way ends within its run */
    llm__entry *entry; /* the last one on the way, or NULL */
} llm__way;

LLM__FN llm__way llm__walk(const llm_store *s, uint64_t model, const int32_t *tokens, size_t count) {
    llm__way way = {NULL, 0, NULL};
    llm__node *next = llm__edge_find(s, NULL, model);
    while (next) {
        size_t end = next->depth < count ? next->depth : count;
        const int32_t *run = next->run;
        way.node = next;
        while (way.depth < end && *run == tokens[way.depth]) {
            way.depth++;
            run++;
        }
        if (way.depth < next->depth) return way;
        if (next->entry) way.entry = next->entry;
        next = way.depth < count ? llm__edge_find(s, next, llm__token_symbol(tokens[way.depth])) : NULL;
    }
    return way;
}

/* The node where a prompt ends, made if need be; llm__edge_room has made room for three.  NULL: out of memory, nothing
   changed. */
LLM__FN llm__node *llm__node_at(llm_store *s, uint64_t model, const int32_t *tokens, size_t count) {
    llm__way way = llm__walk(s, model, tokens, count);
    llm__node *branch = way.node, *leaf = NULL;
    if (way.depth < count) {
        leaf = llm__node_new(s, tokens + way.depth, count - way.depth, count);
        if (!leaf) return NULL;
    }
    if (!way.node) {
        branch = llm__node_new(s, NULL, 0, 0);
        if (branch) llm__edge_add(s, branch, NULL, model);
    } else if (way.depth < way.node->depth) {
        branch = llm__node_split(s, way.node, way.depth);
    }
    if (!branch) llm__node_free(s, leaf);
    if (!branch || !leaf) return branch;
    llm__edge_add(s, leaf, branch, llm__token_symbol(leaf->run[0]));
    return leaf;
}

/* ---- bytes: a page or checkpoint once, however many entries hold it */

LLM__FN size_t llm__held_home(const llm_store *s, const void *what) {
    return (size_t)llm__scatter((uint64_t)(uintptr_t)what) & (s->held_capacity - 1);
}

/* The slot of a page or checkpoint, or the free one where it belongs. */
LLM__FN llm__held *llm__held_find(const llm_store *s, const void *what) {
    size_t i = llm__held_home(s, what);
    while (s->held[i].what && s->held[i].what != what) i = (i + 1) & (s->held_capacity - 1);
    return &s->held[i];
}

/* Slots for `more` of them, so that adding them cannot fail. */
LLM__FN int llm__held_room(llm_store *s, size_t more) {
    size_t capacity = llm__table_size(2 * (s->held_count + more)), before = s->held_capacity, i;
    llm__held *old = s->held, *held;
    if (before && capacity <= before) return 1;
    held = (llm__held *)llm__store_alloc(s, capacity, sizeof *held);
    if (!held) return 0;
    s->held = held;
    s->held_capacity = capacity;
    for (i = 0; i < before; i++)
        if (old[i].what) *llm__held_find(s, old[i].what) = old[i];
    llm__store_free(s, old, before, sizeof *old);
    return 1;
}

/* Frees a slot and moves those behind it up that would no longer be found from their homes. */
LLM__FN void llm__held_remove(llm_store *s, llm__held *slot) {
    size_t mask = s->held_capacity - 1, hole = (size_t)(slot - s->held), i;
    for (i = (hole + 1) & mask; s->held[i].what; i = (i + 1) & mask)
        if (((i - llm__held_home(s, s->held[i].what)) & mask) >= ((i - hole) & mask)) {
            s->held[hole] = s->held[i];
            hole = i;
        }
    memset(&s->held[hole], 0, sizeof *s->held);
    s->held_count--;
}

LLM__FN int llm__held_by_none(const llm__held *slot) {
    int type;
    for (type = 0; type < LLM_ENTRY_TYPE_COUNT; type++)
        if (slot->entries[type]) return 0;
    return 1;
}

LLM__FN void llm__held_add(llm_store *s, const void *what, size_t bytes, llm_entry_type type) {
    llm__held *slot = llm__held_find(s, what);
    if (!slot->what) {
        slot->what = what;
        s->held_count++;
        s->stats.bytes += bytes;
    }
    if (!slot->entries[type]++) s->stats.type_bytes[type] += bytes;
}

LLM__FN void llm__held_drop(llm_store *s, const void *what, size_t bytes, llm_entry_type type) {
    llm__held *slot = llm__held_find(s, what);
    if (!--slot->entries[type]) s->stats.type_bytes[type] -= bytes;
    if (!llm__held_by_none(slot)) return;
    s->stats.bytes -= bytes;
    llm__held_remove(s, slot);
}

typedef void llm__visit(llm_store *s, const void *what, size_t bytes, llm_entry_type type);

LLM__FN void llm__cache_pages(llm_store *s, const llm_cache *c, llm_entry_type type, llm__visit *visit) {
    size_t layer;
    int64_t i;
    for (layer = 0; layer < c->layer_count; layer++)
        for (i = 0; i < c->layers[layer].count; i++)
            visit(s, c->layers[layer].pages[i], c->layers[layer].pages[i]->bytes, type);
}

/* Calls `visit` with every page of an entry and of its checkpoints, and with these. */
LLM__FN void llm__entry_shared(llm_store *s, const llm__entry *e, llm__visit *visit) {
    size_t i;
    llm__cache_pages(s, e->cache, e->type, visit);
    for (i = 0; i < e->cache->checkpoint_count; i++) {
        const llm__checkpoint *p = e->cache->checkpoints[i];
        llm__cache_pages(s, p->cache, e->type, visit);
        visit(s, p, sizeof *p + llm__cache_own_bytes(p->cache), e->type);
    }
}

/* ---- entries */

LLM__FN void llm__queue_push(llm_store *s, llm__entry *e) {
    llm__queue *q = &s->queues[e->type];
    e->newer = NULL;
    e->older = q->newest;
    *(q->newest ? &q->newest->newer : &q->oldest) = e;
    q->newest = e;
}

LLM__FN void llm__queue_remove(llm_store *s, llm__entry *e) {
    llm__queue *q = &s->queues[e->type];
    *(e->older ? &e->older->newer : &q->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &q->newest) = e->older;
}

/* Counts an entry in, as the newest of its type. */
LLM__FN void llm__entry_add(llm_store *s, llm__entry *e) {
    llm__queue_push(s, e);
    llm__entry_shared(s, e, llm__held_add);
    s->stats.bytes += e->own_bytes;
    s->stats.type_bytes[e->type] += e->own_bytes;
    s->stats.entries++;
    s->stats.type_entries[e->type]++;
    s->stats.index_bytes += sizeof *e;
}

/* Counts an entry out and puts it into a list by `newer`, to be freed once the store is unlocked: it may take long. */
LLM__FN void llm__entry_drop(llm_store *s, llm__entry *e, llm__entry **gone) {
    llm__queue_remove(s, e);
    llm__entry_shared(s, e, llm__held_drop);
    s->stats.bytes -= e->own_bytes;
    s->stats.type_bytes[e->type] -= e->own_bytes;
    s->stats.entries--;
    s->stats.type_entries[e->type]--;
    s->stats.index_bytes -= sizeof *e;
    e->newer = *gone;
    *gone = e;
}

/* The same, and out of the trie. */
LLM__FN void llm__entry_remove(llm_store *s, llm__entry *e, llm__entry **gone) {
    e->node->entry = NULL;
    llm__node_renew(e->node);
    llm__node_prune(s, e->node);
    llm__entry_drop(s, e, gone);
}

LLM__FN void llm__entries_free(const llm_allocator *a, llm__entry *gone) {
    while (gone) {
        llm__entry *e = gone;
        gone = e->newer;
        llm_cache_close(e->cache);
        llm__free(a, e, sizeof *e);
    }
}

/* Removes the entries that an entry with more tokens can be trimmed to. */
LLM__FN void llm__entry_remove_prefixes(llm_store *s, const llm__entry *e, llm__entry **gone) {
    llm__node *n = e->node->parent;
    while (n) {
        llm__node *parent = n->parent;
        int64_t more = (int64_t)(e->node->depth - n->depth);
        if (n->entry && llm__cache_can_trim(e->cache, more) == more) llm__entry_remove(s, n->entry, gone);
        n = parent;
    }
}

/* The entry that goes first: llm_store_insert's order, which is that of mlx-lm's CacheOrder.pop. */
LLM__FN llm__entry *llm__entry_to_go(const llm_store *s) {
    const size_t *count = s->stats.type_entries;
    int type = LLM_ENTRY_ASSISTANT;
    while (type < LLM_ENTRY_SYSTEM && !(count[type] && count[type] >= count[type + 1])) type++;
    return s->queues[type].oldest;
}

LLM__FN void llm__store_evict(llm_store *s, size_t entries, size_t bytes, llm__entry **gone) {
    while (s->stats.entries && (s->stats.entries > entries || s->stats.bytes > bytes)) {
        llm__entry_remove(s, llm__entry_to_go(s), gone);
        s->stats.evictions++;
    }
}

/* ---- calls */

LLM_API llm_status llm_store_open(llm_store **out, const llm_store_desc *desc, llm_error *error) {
    llm_store_desc d;
    llm_store *s;
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a store cannot be opened into a NULL pointer");
    *out = NULL;
    memset(&d, 0, sizeof d);
    if (desc) d = *desc;
    d.allocator = llm__allocator_or_default(d.allocator);
    s = (llm_store *)llm__alloc_zero(&d.allocator, 1, sizeof *s);
    if (!s) return llm__no_memory(error, sizeof *s);
    s->allocator = d.allocator;
    s->max_entries = d.max_entries ? d.max_entries : d.max_bytes ? SIZE_MAX : 10;
    s->max_bytes = d.max_bytes ? d.max_bytes : SIZE_MAX;
    s->stats.index_bytes = sizeof *s;
    LLM__MUTEX_OPEN(&s->mutex);
    *out = s;
    return llm__ok(error);
}

LLM_API void llm_store_close(llm_store *store) {
    llm_allocator a;
    if (!store) return;
    llm_store_clear(store);
    LLM__MUTEX_CLOSE(&store->mutex);
    a = store->allocator;
    llm__free(&a, store, sizeof *store);
}

/* A fork of a cache as an entry, outside of the store. */
LLM__FN llm_status llm__entry_new(const llm_store *s, const llm_cache *cache, llm_entry_type type, llm__entry **out,
                                  llm_error *error) {
    llm__entry *e = (llm__entry *)llm__alloc_zero(&s->allocator, 1, sizeof *e);
    llm_status status;
    size_t i;
    if (!e) return llm__no_memory(error, sizeof *e);
    e->type = type;
    status = llm_cache_fork(&e->cache, cache, error);
    if (status != LLM_OK) {
        llm__entries_free(&s->allocator, e);
        return status;
    }
    *out = e;
    e->own_bytes = llm__cache_own_bytes(e->cache);
    e->shared = llm__cache_page_count(e->cache) + e->cache->checkpoint_count;
    for (i = 0; i < e->cache->checkpoint_count; i++)
        e->shared += llm__cache_page_count(e->cache->checkpoints[i]->cache);
    return LLM_OK;
}

/* Puts an entry into the locked store.  What fails, fails before anything changes. */
LLM__FN llm_status llm__store_put(llm_store *s, uint64_t model, const int32_t *tokens, size_t count, llm__entry *e,
                                  llm__entry **gone, llm_error *error) {
    llm__entry *before;
    if (!llm__held_room(s, e->shared)) return llm__no_memory(error, 2 * e->shared * sizeof *s->held);
    if (!llm__edge_room(s, 3)) return llm__no_memory(error, 2 * s->edge_capacity * sizeof *s->edges);
    e->node = llm__node_at(s, model, tokens, count);
    if (!e->node) return llm__no_memory(error, count * sizeof *tokens);
    before = e->node->entry;
    e->node->entry = e;
    if (before) llm__entry_drop(s, before, gone);
    else llm__node_renew(e->node);
    llm__entry_add(s, e);
    llm__entry_remove_prefixes(s, e, gone);
    llm__store_evict(s, s->max_entries, s->max_bytes, gone);
    return LLM_OK;
}

LLM_API llm_status llm_store_insert(llm_store *store, uint64_t model, const int32_t *tokens, size_t count,
                                    const llm_cache *cache, llm_entry_type type, llm_error *error) {
    llm__entry *e = NULL, *gone = NULL;
    size_t bytes;
    llm_status status;
    if (!store || !cache || (count && !tokens))
        return llm__fail(error, LLM_BAD_ARGUMENT, "inserting needs a store, a cache and its tokens; one is NULL");
    if ((unsigned)type >= LLM_ENTRY_TYPE_COUNT)
        return llm__fail(error, LLM_BAD_ARGUMENT, "unknown type %d of an entry", (int)type);
    if ((uint64_t)llm_cache_length(cache) != count)
        return llm__fail(error, LLM_BAD_ARGUMENT, "the cache has seen %lld tokens, not the %llu that are given",
                         (long long)llm_cache_length(cache), (unsigned long long)count);
    status = llm__entry_new(store, cache, type, &e, error);
    if (status != LLM_OK) return status;
    bytes = llm_cache_bytes(e->cache);
    if (bytes > store->max_bytes) {
        llm__entries_free(&store->allocator, e);
        return llm__fail(error, LLM_TOO_LARGE, "a cache of %llu bytes does not fit a store of %llu",
                         (unsigned long long)bytes, (unsigned long long)store->max_bytes);
    }
    LLM__LOCK(&store->mutex);
    status = llm__store_put(store, model, tokens, count, e, &gone, error);
    LLM__UNLOCK(&store->mutex);
    llm__entries_free(&store->allocator, status == LLM_OK ? gone : e);
    return status == LLM_OK ? llm__ok(error) : status;
}

/* The entry that serves a prompt best, and how many of its tokens; NULL: none.
   Of the entries behind the point where the ways part only the shortest is asked: another one has moved its windows
   further, and could be trimmed still less. */
LLM__FN llm__entry *llm__store_find(const llm_store *s, uint64_t model, const int32_t *tokens, size_t count,
                                    size_t *used) {
    llm__way way = llm__walk(s, model, tokens, count);
    size_t shorter = way.entry ? way.entry->node->depth : 0, common = way.depth;
    *used = shorter;
    if (way.entry && shorter == count) return way.entry;
    if (common && common == count) common--;
    if (common > shorter) {
        llm__node *longer = way.node->nearest;
        int64_t less = llm__cache_can_trim(longer->entry->cache, (int64_t)(longer->depth - common));
        if (less >= 0 && longer->depth - (size_t)less > shorter) {
            *used = longer->depth - (size_t)less;
            return longer->entry;
        }
    }
    return shorter ? way.entry : NULL;
}

/* Makes the fork that a fetch hands out, of the locked store. */
LLM__FN llm_status llm__store_take(llm_store *s, uint64_t model, const int32_t *tokens, size_t count, llm_cache **out,
                                   size_t *used, llm_error *error) {
    llm__entry *e = llm__store_find(s, model, tokens, count, used);
    llm_status status = e ? llm_cache_fork(out, e->cache, error) : LLM_OK;
    if (status != LLM_OK) return status;
    if (e) {
        llm__queue_remove(s, e);
        llm__queue_push(s, e);
    }
    s->stats.hits += e != NULL;
    s->stats.misses += e == NULL;
    s->stats.asked_tokens += count;
    s->stats.reused_tokens += *used;
    return LLM_OK;
}

LLM_API llm_status llm_store_fetch(llm_store *store, uint64_t model, const int32_t *tokens, size_t count,
                                   llm_cache **out, size_t *used, llm_error *error) {
    llm_status status;
    size_t found = 0;
    if (out) *out = NULL;
    if (used) *used = 0;
    if (!store || !out || !used || (count && !tokens))
        return llm__fail(error, LLM_BAD_ARGUMENT, "fetching needs a store, tokens, out and used; one is NULL");
    LLM__LOCK(&store->mutex);
    status = llm__store_take(store, model, tokens, count, out, &found, error);
    LLM__UNLOCK(&store->mutex);
    if (status == LLM_OK && *out) status = llm_cache_trim(*out, llm_cache_length(*out) - (int64_t)found, NULL, error);
    if (status == LLM_OK) {
        *used = found;
        return llm__ok(error);
    }
    llm_cache_close(*out);
    *out = NULL;
    return status;
}

LLM_API void llm_store_trim_to(llm_store *store, size_t entries, size_t bytes) {
    llm__entry *gone = NULL;
    if (!store) return;
    LLM__LOCK(&store->mutex);
    llm__store_evict(store, entries, bytes, &gone);
    LLM__UNLOCK(&store->mutex);
    llm__entries_free(&store->allocator, gone);
}

/* Every node is in the table of edges, so that nothing has to be taken apart in order. */
LLM__FN void llm__store_free_index(llm_store *s) {
    size_t i;
    for (i = 0; i < s->edge_capacity; i++)
        while (s->edges[i]) {
            llm__node *n = s->edges[i];
            s->edges[i] = n->next;
            llm__node_free(s, n);
        }
    llm__store_free(s, s->edges, s->edge_capacity, sizeof *s->edges);
    llm__store_free(s, s->held, s->held_capacity, sizeof *s->held);
    s->edges = NULL;
    s->held = NULL;
    s->edge_capacity = s->node_count = s->held_capacity = s->held_count = 0;
}

LLM_API void llm_store_clear(llm_store *store) {
    llm__entry *gone = NULL;
    int type;
    if (!store) return;
    LLM__LOCK(&store->mutex);
    for (type = 0; type < LLM_ENTRY_TYPE_COUNT; type++)
        while (store->queues[type].oldest) llm__entry_drop(store, store->queues[type].oldest, &gone);
    llm__store_free_index(store);
    LLM__UNLOCK(&store->mutex);
    llm__entries_free(&store->allocator, gone);
}

LLM_API llm_store_stats llm_store_get_stats(llm_store *store) {
    llm_store_stats stats;
    memset(&stats, 0, sizeof stats);
    if (!store) return stats;
    LLM__LOCK(&store->mutex);
    stats = store->stats;
    LLM__UNLOCK(&store->mutex);
    return stats;
}

/* ========================================================================================================= >>public
   The calls of >>api, in its order.  Whatever can fail is done before anything changes. */

LLM__FN llm_status llm__check_arrays(size_t layer, llm__kept *k, llm_error *error) {
    int a;
    for (a = 0; a < LLM_CACHE_MAX_ARRAYS && k->desc.shapes[a][0]; a++) {
        size_t floats = llm__array_floats(&k->desc, a);
        if (!floats || !llm__add_ok(k->state_floats, floats, &k->state_floats) || k->state_floats > SIZE_MAX / 64)
            return llm__fail(error, LLM_TOO_LARGE, "layer %llu: the arrays are too large", (unsigned long long)layer);
    }
    if (k->state_floats) return LLM_OK;
    return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: a recurrent layer needs at least one array",
                     (unsigned long long)layer);
}

/* Whether the keys and values of layer i can be stored as it says. */
LLM__FN llm_status llm__check_codes(const llm_cache_layer *l, size_t i, llm_error *error) {
    const int widths[2] = {l->key_width, l->value_width};
    int part;
    for (part = 0; part < 2; part++) {
        llm_cache_codes c = part && l->kind != LLM_CACHE_LATENT ? l->values : l->keys;
        if (!c.bits) continue;
        if (!llm__codes_ok(c))
            return llm__fail(error, LLM_BAD_ARGUMENT,
                             "layer %llu: %d bits in groups of %d; expected 2, 3, 4, 5, 6 or 8 and 32, 64 or 128",
                             (unsigned long long)i, c.bits, c.group);
        if (widths[part] % c.group)
            return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: %s of width %d are not divisible by groups of %d",
                             (unsigned long long)i, part ? "values" : "keys", widths[part], c.group);
    }
    return LLM_OK;
}

/* Checks layer i of a description and fills what follows from it alone; allocates nothing. */
LLM__FN llm_status llm__check_layer(const llm_cache_desc *d, size_t i, llm__kept *k, llm_error *error) {
    const llm_cache_layer *l = &d->layers[i];
    unsigned long long n = i;
    llm_status status;
    memset(k, 0, sizeof *k);
    k->desc = *l;
    k->halves = 2;
    if (l->kind == LLM_CACHE_LIST) return LLM_OK;
    k->desc.items = 0;
    if (l->kind == LLM_CACHE_RECURRENT) return llm__check_arrays(i, k, error);
    if (l->kind != LLM_CACHE_ATTENTION && l->kind != LLM_CACHE_LATENT)
        return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: unknown kind %d", n, (int)l->kind);
    if (l->heads < 1 || l->heads > LLM__MOST_WIDTH || (l->kind == LLM_CACHE_LATENT && l->heads != 1))
        return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: %d heads; expected %s", n, l->heads,
                         l->kind == LLM_CACHE_LATENT ? "1, as it is latent" : "1 to 2^24");
    if (l->key_width < 1 || l->key_width > LLM__MOST_WIDTH || l->value_width < 0 || l->value_width > LLM__MOST_WIDTH)
        return llm__fail(error, LLM_BAD_ARGUMENT,
                         "layer %llu: keys of width %d and values of width %d; expected 1 to 2^24 and 0 to 2^24", n,
                         l->key_width, l->value_width);
    if (l->window < 0 || l->window > LLM__MOST_TOKENS || l->keep < 0 || (l->keep && l->keep >= l->window))
        return llm__fail(error, LLM_BAD_ARGUMENT,
                         "layer %llu: a window of %lld of which %lld are kept; expected 0 to 2^40, and fewer kept", n,
                         (long long)l->window, (long long)l->keep);
    if (l->chunk < 0 || l->chunk > LLM__MOST_TOKENS || (l->chunk && l->window))
        return llm__fail(error, LLM_BAD_ARGUMENT,
                         "layer %llu: chunks of %lld and a window of %lld; expected 0 to 2^40, and one of them", n,
                         (long long)l->chunk, (long long)l->window);
    if (l->kind == LLM_CACHE_LATENT) memset(&k->desc.values, 0, sizeof k->desc.values);
    if ((status = llm__check_codes(&k->desc, i, error)) != LLM_OK) return status;
    if (!llm__layout_of(&k->desc, d->dtype, &k->layout))
        return llm__fail(error, LLM_TOO_LARGE, "layer %llu: a page would be too large", n);
    k->pinned = llm__page_count(l->keep);
    return LLM_OK;
}

/* Whether every list is followed by its members, and none lies too deep. */
LLM__FN llm_status llm__check_lists(const llm_cache_desc *d, llm_error *error) {
    int left[LLM_CACHE_MAX_DEPTH], depth = 0; /* members that the lists around still lack */
    size_t i;
    for (i = 0; i <= d->layer_count; i++) {
        while (depth && !left[depth - 1]) depth--;
        if (i == d->layer_count) break;
        if (depth) left[depth - 1]--;
        if (d->layers[i].kind != LLM_CACHE_LIST) continue;
        if (d->layers[i].items < 1)
            return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: a list of %d members; expected 1 or more",
                             (unsigned long long)i, d->layers[i].items);
        if (depth == LLM_CACHE_MAX_DEPTH)
            return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: expected at most %d lists within each other",
                             (unsigned long long)i, (int)LLM_CACHE_MAX_DEPTH);
        left[depth++] = d->layers[i].items;
    }
    if (!depth) return LLM_OK;
    return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu is the last one; expected %d members more of a list",
                     (unsigned long long)(d->layer_count - 1), left[depth - 1]);
}

LLM__FN llm_status llm__check_desc(const llm_cache_desc *d, llm_error *error) {
    if (!d || !d->layers || !d->layer_count || d->layer_count > LLM__MOST_LAYERS)
        return llm__fail(error, LLM_BAD_ARGUMENT, "a cache needs 1 to %d layers, not %llu", (int)LLM__MOST_LAYERS,
                         (unsigned long long)(d && d->layers ? d->layer_count : 0));
    if (d->dtype != LLM_F32 && d->dtype != LLM_F16 && d->dtype != LLM_BF16)
        return llm__fail(error, LLM_BAD_ARGUMENT, "keys and values are stored as F32, F16 or BF16, not %s",
                         llm__dtype_name(d->dtype));
    if (d->checkpoint_every < 0 || d->checkpoint_every > LLM__MOST_TOKENS || d->checkpoints_max < 0 ||
        d->checkpoints_max > LLM__MOST_CHECKPOINTS)
        return llm__fail(error, LLM_BAD_ARGUMENT,
                         "a checkpoint every %lld tokens, %lld at most; expected 0 to 2^40, and 0 to %d",
                         (long long)d->checkpoint_every, (long long)d->checkpoints_max, (int)LLM__MOST_CHECKPOINTS);
    return llm__check_lists(d, error);
}

LLM__FN int64_t llm__checkpoints_max(const llm_cache_desc *d) { return d->checkpoints_max ? d->checkpoints_max : 8; }

LLM__FN llm_status llm__kept_open(llm_cache *c, const llm_cache_desc *d, size_t i, llm_error *error) {
    llm__kept *k = &c->layers[i];
    llm_status status = llm__check_layer(d, i, k, error);
    if (status != LLM_OK || !k->state_floats) return status;
    k->states = (float *)llm__alloc_zero(&c->allocator, 2 * k->state_floats, sizeof(float));
    return k->states ? LLM_OK : llm__no_memory(error, 2 * k->state_floats * sizeof(float));
}

LLM_API llm_status llm_cache_open(llm_cache **out, const llm_cache_desc *desc, llm_error *error) {
    llm_allocator a;
    llm_cache *c;
    llm_status status;
    size_t i;
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a cache cannot be opened into a NULL pointer");
    *out = NULL;
    status = llm__check_desc(desc, error);
    if (status != LLM_OK) return status;
    a = llm__allocator_or_default(desc->allocator);
    c = (llm_cache *)llm__alloc_zero(&a, 1, sizeof *c);
    if (!c) return llm__no_memory(error, sizeof *c);
    c->allocator = c->note_arena.allocator = a;
    c->dtype = desc->dtype;
    c->checkpoint_every = desc->checkpoint_every;
    c->checkpoints_max = llm__checkpoints_max(desc);
    c->layers = (llm__kept *)llm__alloc_zero(&a, desc->layer_count, sizeof *c->layers);
    if (c->layers) c->layer_count = desc->layer_count;
    else status = llm__no_memory(error, desc->layer_count * sizeof *c->layers);
    for (i = 0; i < c->layer_count && status == LLM_OK; i++) status = llm__kept_open(c, desc, i, error);
    if (status != LLM_OK) {
        llm_cache_close(c);
        return status;
    }
    *out = c;
    return llm__ok(error);
}

LLM_API void llm_cache_close(llm_cache *cache) {
    if (cache) llm__cache_free(cache, cache->layer_count);
}

LLM_API llm_status llm_cache_fork(llm_cache **out, const llm_cache *cache, llm_error *error) {
    llm_status status;
    size_t n, i;
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a cache cannot be forked into a NULL pointer");
    *out = NULL;
    if (!cache) return llm__fail(error, LLM_BAD_ARGUMENT, "the cache to fork is NULL");
    if (cache->pending) return llm__fail(error, LLM_BAD_ARGUMENT, "a forward pass is under way on the cache to fork");
    n = cache->checkpoint_count;
    status = llm__cache_share(out, cache, 2, error);
    if (status != LLM_OK) return status;
    if (n && !llm__checkpoints_room(*out, n)) {
        llm_cache_close(*out);
        *out = NULL;
        return llm__no_memory(error, n * sizeof *cache->checkpoints);
    }
    for (i = 0; i < n; i++) llm__atomic_add(&((*out)->checkpoints[i] = cache->checkpoints[i])->holders, 1);
    (*out)->checkpoint_count = n;
    return llm__ok(error);
}

LLM_API llm_status llm_cache_copy(llm_cache **out, const llm_cache *cache, llm_error *error) {
    const llm_cache_codes none[2] = {{0, 0}, {0, 0}};
    llm_status status;
    if (!out) return llm__fail(error, LLM_BAD_ARGUMENT, "a cache cannot be copied into a NULL pointer");
    *out = NULL;
    if (!cache) return llm__fail(error, LLM_BAD_ARGUMENT, "the cache to copy is NULL");
    if (cache->pending) return llm__fail(error, LLM_BAD_ARGUMENT, "a forward pass is under way on the cache to copy");
    status = llm__cache_remake(out, cache, none, error);
    return status == LLM_OK ? llm__ok(error) : status;
}

LLM_API int64_t llm_cache_length(const llm_cache *cache) {
    return cache ? cache->length : 0;
}

LLM_API size_t llm_cache_layers(const llm_cache *cache) {
    return cache ? cache->layer_count : 0;
}

LLM_API llm_cache_info llm_cache_layer_info(const llm_cache *cache, size_t layer) {
    llm_cache_info info;
    const llm__kept *k;
    int64_t length;
    size_t end;
    memset(&info, 0, sizeof info);
    if (!cache || layer >= cache->layer_count) return info;
    k = &cache->layers[layer];
    info.kind = k->desc.kind;
    info.offset = cache->length;
    info.trimmable = cache->length > 0;
    info.empty = !cache->length;
    info.keys = k->desc.keys;
    info.values = k->desc.values;
    for (end = llm__entry_end(cache, layer); layer < end; layer++) {
        k = &cache->layers[layer];
        length = cache->length - llm__oldest_held(&k->desc, cache->length);
        if (length > info.length && k->desc.kind != LLM_CACHE_LIST) info.length = length;
        info.bytes += llm__kept_bytes(k);
        info.trimmable = info.trimmable && llm__can_trim(k, cache->length, 1);
    }
    return info;
}

LLM_API size_t llm_cache_bytes(const llm_cache *cache) {
    size_t bytes, i;
    if (!cache) return 0;
    bytes = llm__cache_own_bytes(cache);
    for (i = 0; i < cache->layer_count; i++)
        bytes += llm__kept_bytes(&cache->layers[i]) - llm__kept_own_bytes(&cache->layers[i]);
    for (i = 0; i < cache->checkpoint_count; i++)
        bytes += llm__checkpoint_bytes(cache->checkpoints[i], i + 1 < cache->checkpoint_count
                                                                  ? cache->checkpoints[i + 1]->cache
                                                                  : cache);
    return bytes;
}

/* The most pages that a layer holds at one time while `more` tokens come in behind `length` others, in passes of at
   most `pass` tokens.  A window or chunk holds what a pass brings and as many tokens as it reaches back before it: so
   many tokens in a row lie on at most one page more than they fill, less one token. */
LLM__FN int64_t llm__most_pages(const llm__kept *k, int64_t length, int64_t more, int64_t pass) {
    int64_t all = llm__page_count(length + more), reach = llm__reach(&k->desc);
    int64_t ring = k->pinned + llm__page_count(reach + (more < pass ? more : pass) - 1) + 1;
    return reach && ring < all ? ring : all;
}

/* Entries of an array that llm__grow has made for so many. */
LLM__FN size_t llm__grown(size_t count) {
    size_t capacity = count ? 16 : 0;
    while (capacity < count) capacity *= 2;
    return capacity;
}

/* The most that a layer adds to a checkpoint of at most `tokens` tokens: its own states and pages that the cache does
   not hold any more, or has copied to write to them.  0: too much for a size_t. */
LLM__FN size_t llm__checkpoint_layer_bytes(const llm__kept *k, int64_t tokens) {
    llm__kept past = *k;
    size_t pages;
    past.count = !llm__is_attention(k) ? 0 : llm__reach(&k->desc) ? llm__most_pages(k, 0, tokens, 1) : 1;
    past.capacity = llm__is_attention(k) ? llm__grown((size_t)llm__most_pages(k, 0, tokens, 1)) : 0;
    past.halves = 1;
    pages = llm__is_attention(k) ? llm__page_bytes(&k->layout) : 1;
    if ((uint64_t)past.count > SIZE_MAX / 4 / pages) return 0;
    return llm__kept_bytes(&past) + sizeof past;
}

LLM_API size_t llm_cache_bytes_for(const llm_cache_desc *desc, int64_t tokens) {
    size_t bytes = sizeof(llm_cache), past = sizeof(llm_cache) + sizeof(llm__checkpoint), i;
    int64_t count;
    int forgets = 0;
    if (tokens < 0 || tokens > LLM__MOST_TOKENS || llm__check_desc(desc, NULL) != LLM_OK) return 0;
    for (i = 0; i < desc->layer_count; i++) {
        llm__kept k; /* as it will be */
        size_t more;
        if (llm__check_layer(desc, i, &k, NULL) != LLM_OK) return 0;
        k.count = llm__is_attention(&k) ? llm__most_pages(&k, 0, tokens, LLM__PASS_TOKENS) : 0;
        if (k.count && (uint64_t)k.count > SIZE_MAX / 4 / llm__page_bytes(&k.layout)) return 0;
        k.capacity = llm__grown((size_t)k.count);
        if (!llm__add_ok(bytes, llm__kept_bytes(&k) + sizeof k, &bytes)) return 0;
        more = llm__checkpoint_layer_bytes(&k, tokens);
        if (!more || !llm__add_ok(past, more, &past)) return 0;
        forgets |= k.desc.kind == LLM_CACHE_RECURRENT || llm__reach(&k.desc);
    }
    if (!desc->checkpoint_every || !forgets) return bytes;
    count = tokens / desc->checkpoint_every; /* one more than are kept, while it is made */
    if (count > llm__checkpoints_max(desc)) count = llm__checkpoints_max(desc) + 1;
    if (!llm__mul_ok(past, (size_t)count, &past) || !llm__add_ok(bytes, past, &bytes)) return 0;
    return llm__add_ok(bytes, llm__grown((size_t)count) * sizeof(void *), &bytes) ? bytes : 0;
}

/* Pages to set aside for `more` tokens.  What a fork shares does not come back when this cache drops it, and the page
   that the next token goes to must be copied if it is shared. */
LLM__FN int64_t llm__pages_missing(const llm__kept *k, int64_t length, int64_t more, int64_t pass) {
    int64_t first = length / LLM_PAGE_TOKENS, missing = llm__page_count(length + more) - first - k->free_count, most, i;
    llm__page **entry = llm__page_entry(k, first);
    if (entry && llm__page_is_own(entry)) missing--;
    if (missing <= 0 || !llm__reach(&k->desc)) return missing;
    most = llm__most_pages(k, length, more, pass) - k->free_count;
    for (i = 0; i < k->count; i++) most -= llm__page_is_own(&k->pages[i]);
    return missing < most ? missing : most;
}

/* Sets pages aside in one layer. */
LLM__FN llm_status llm__kept_reserve(const llm_allocator *a, llm__kept *k, int64_t length, int64_t more, int64_t pass,
                                     llm_error *error) {
    int64_t most = llm__most_pages(k, length, more, pass), missing = llm__pages_missing(k, length, more, pass);
    if (!llm__pages_room(a, k, most)) return llm__no_memory(error, (size_t)most * sizeof *k->pages);
    for (; missing > 0; missing--) {
        llm__page *page = llm__page_new(a, &k->layout);
        if (!page) return llm__no_memory(error, llm__page_bytes(&k->layout));
        llm__page_give(k, page);
        k->added++;
    }
    return LLM_OK;
}

/* As llm_cache_reserve, for an engine whose passes bring up to `pass` tokens. */
LLM__FN llm_status llm__cache_reserve(llm_cache *cache, int64_t tokens, int64_t pass, llm_error *error) {
    llm_status status = LLM_OK;
    size_t i;
    if (!cache) return llm__fail(error, LLM_BAD_ARGUMENT, "the cache to reserve memory in is NULL");
    if (tokens < 0 || tokens > LLM__MOST_TOKENS - cache->length)
        return llm__fail(error, LLM_BAD_ARGUMENT, "reserve of %lld tokens behind %lld; expected 0 to 2^40 in all",
                         (long long)tokens, (long long)cache->length);
    for (i = 0; i < cache->layer_count; i++) cache->layers[i].added = 0;
    for (i = 0; i < cache->layer_count && tokens && status == LLM_OK; i++)
        if (llm__is_attention(&cache->layers[i]))
            status = llm__kept_reserve(&cache->allocator, &cache->layers[i], cache->length, tokens, pass, error);
    if (status == LLM_OK) return llm__ok(error);
    for (i = 0; i < cache->layer_count; i++)
        llm__free_pages(&cache->allocator, &cache->layers[i], cache->layers[i].added);
    return status;
}

LLM_API llm_status llm_cache_reserve(llm_cache *cache, int64_t tokens, llm_error *error) {
    return llm__cache_reserve(cache, tokens, LLM__PASS_TOKENS, error);
}

/* Which layer is in the way. */
LLM__FN llm_status llm__trim_refused(const llm_cache *c, int64_t tokens, llm_error *error) {
    size_t i = 0;
    while (llm__can_trim(&c->layers[i], c->length, tokens)) i++;
    return llm__fail(error, LLM_UNSUPPORTED, "layer %llu cannot take %lld tokens back: %s", (unsigned long long)i,
                     (long long)tokens,
                     llm__is_attention(&c->layers[i]) ? "its window has dropped older ones" : "it is recurrent");
}

LLM_API llm_status llm_cache_trim(llm_cache *cache, int64_t tokens, int64_t *trimmed, llm_error *error) {
    llm_status status;
    int64_t n;
    size_t i;
    if (!cache) return llm__fail(error, LLM_BAD_ARGUMENT, "the cache to trim is NULL");
    if (tokens < 0 || tokens > cache->length)
        return llm__fail(error, LLM_BAD_ARGUMENT, "trim of %lld tokens: expected 0 to %lld, which the cache has seen",
                         (long long)tokens, (long long)cache->length);
    if (cache->pending) return llm__fail(error, LLM_BAD_ARGUMENT, "a forward pass is under way on the cache to trim");
    n = llm__cache_can_trim(cache, tokens);
    if (n < 0 || (n != tokens && !trimmed)) return llm__trim_refused(cache, tokens, error);
    if (n == cache->length) {
        llm_cache_clear(cache);
    } else if (llm__layers_can_trim(cache, tokens)) {
        cache->length -= tokens;
        for (i = 0; i < cache->layer_count; i++)
            if (llm__is_attention(&cache->layers[i])) llm__drop_new(&cache->layers[i], cache->length);
        llm__checkpoints_cut(cache, cache->length);
    } else {
        status = llm__checkpoint_restore(cache, llm__checkpoint_at(cache, cache->length - tokens), error);
        if (status != LLM_OK) return status;
    }
    if (trimmed) *trimmed = n;
    return llm__ok(error);
}

LLM_API int64_t llm_cache_can_trim(const llm_cache *cache, int64_t tokens) {
    if (!cache || cache->pending || tokens < 0 || tokens > cache->length) return -1;
    return llm__cache_can_trim(cache, tokens);
}

LLM_API llm_status llm_cache_checkpoint(llm_cache *cache, llm_error *error) {
    llm_status status;
    if (!cache) return llm__fail(error, LLM_BAD_ARGUMENT, "the cache to make a checkpoint of is NULL");
    if (cache->pending)
        return llm__fail(error, LLM_BAD_ARGUMENT, "a forward pass is under way on the cache to make a checkpoint of");
    status = llm__checkpoint_make(cache, error);
    return status == LLM_OK ? llm__ok(error) : status;
}

LLM_API llm_status llm_cache_quantize(llm_cache *cache, llm_cache_codes keys, llm_cache_codes values, int64_t from,
                                      llm_error *error) {
    const llm_cache_codes wish[2] = {keys, values};
    llm_cache_layer wished;
    llm_status status = LLM_OK;
    size_t i;
    if (!cache) return llm__fail(error, LLM_BAD_ARGUMENT, "the cache to quantize is NULL");
    for (i = 0; i < 2; i++)
        if (wish[i].bits && !llm__codes_ok(wish[i]))
            return llm__fail(error, LLM_BAD_ARGUMENT,
                             "%s of %d bits in groups of %d; expected 2, 3, 4, 5, 6 or 8 and 32, 64 or 128",
                             i ? "values" : "keys", wish[i].bits, wish[i].group);
    if ((!keys.bits && !values.bits) || from < 0 || from > LLM__MOST_TOKENS)
        return llm__fail(error, LLM_BAD_ARGUMENT, "quantizing needs bits for keys or values, and 0 to 2^40 tokens to "
                         "begin with, not %lld", (long long)from);
    if (cache->pending)
        return llm__fail(error, LLM_BAD_ARGUMENT, "a forward pass is under way on the cache to quantize");
    for (i = 0; i < cache->layer_count && status == LLM_OK; i++)
        if (llm__wished(&cache->layers[i], wish, &wished)) status = llm__check_codes(&wished, i, error);
    if (status == LLM_OK && cache->length >= from) status = llm__cache_convert(cache, wish, error);
    else if (status == LLM_OK) {
        memcpy(cache->wish, wish, sizeof cache->wish);
        cache->wish_from = from;
    }
    return status == LLM_OK ? llm__ok(error) : status;
}

LLM_API void llm_cache_clear(llm_cache *cache) {
    size_t i;
    if (!cache || cache->pending) return;
    cache->length = 0;
    llm__checkpoints_cut(cache, 0);
    for (i = 0; i < cache->layer_count; i++) {
        llm__kept *k = &cache->layers[i];
        llm__drop_new(k, 0);
        k->turned = 0;
        if (k->states) memset(k->states, 0, k->state_floats * sizeof(float));
    }
}

/* ---- a cache without a model */

LLM_API llm_status llm_cache_begin(llm_cache *cache, int64_t count, llm_error *error) {
    llm_status status;
    size_t i;
    if (!cache) return llm__fail(error, LLM_BAD_ARGUMENT, "the cache to begin a pass on is NULL");
    if (count < 1 || count > LLM__MOST_TOKENS - cache->length)
        return llm__fail(error, LLM_BAD_ARGUMENT, "a pass of %lld tokens behind %lld; expected 1 to 2^40 in all",
                         (long long)count, (long long)cache->length);
    status = llm__cache_begin(cache, count, cache->length, count, error);
    if (status != LLM_OK) return status;
    cache->by_hand = 1;
    for (i = 0; i < cache->layer_count; i++) cache->layers[i].filled = 0;
    return llm__ok(error);
}

/* Whether there is a layer to fill. */
LLM__FN llm_status llm__check_pass(const llm_cache *c, size_t layer, int attention, llm_error *error) {
    if (!c) return llm__fail(error, LLM_BAD_ARGUMENT, "the cache of the pass is NULL");
    if (!c->pending || !c->by_hand)
        return llm__fail(error, LLM_BAD_ARGUMENT, "no pass that llm_cache_begin began is under way on the cache");
    if (layer >= c->layer_count)
        return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: the cache has %llu", (unsigned long long)layer,
                         (unsigned long long)c->layer_count);
    if (c->layers[layer].desc.kind == LLM_CACHE_LIST || llm__is_attention(&c->layers[layer]) != attention)
        return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu is not %s", (unsigned long long)layer,
                         attention ? "an attention layer" : "recurrent");
    return LLM_OK;
}

LLM_API llm_status llm_cache_put(llm_cache *cache, size_t layer, int64_t count, const float *keys, const float *values,
                                 llm_error *error) {
    llm_status status = llm__check_pass(cache, layer, 1, error);
    llm__kept *k;
    size_t key_floats, value_floats;
    if (status != LLM_OK) return status;
    k = &cache->layers[layer];
    if (!keys || (!values && k->desc.value_width))
        return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: keys or values are NULL", (unsigned long long)layer);
    if (count < 0 || count > cache->pending - k->filled)
        return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: %lld tokens; expected 0 to %lld, which the pass lacks",
                         (unsigned long long)layer, (long long)count, (long long)(cache->pending - k->filled));
    key_floats = (size_t)k->desc.heads * (size_t)k->desc.key_width;
    value_floats = (size_t)k->desc.heads * (size_t)k->desc.value_width;
    if (!values) values = keys; /* none of them is read */
    for (; count; count--, k->filled++, keys += key_floats, values += value_floats)
        llm__cache_put(cache, layer, cache->length + k->filled, keys, values);
    return llm__ok(error);
}

LLM_API llm_status llm_cache_put_state(llm_cache *cache, size_t layer, int array, const float *numbers,
                                       llm_error *error) {
    llm_status status = llm__check_pass(cache, layer, 0, error);
    llm__kept *k;
    if (status != LLM_OK) return status;
    k = &cache->layers[layer];
    if (array < 0 || array >= LLM_CACHE_MAX_ARRAYS || !llm__array_floats(&k->desc, array) || !numbers)
        return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: expected one of its arrays and numbers, not array %d%s",
                         (unsigned long long)layer, array, numbers ? "" : " and NULL");
    memcpy(llm__cache_next_state(cache, layer, array), numbers, llm__array_floats(&k->desc, array) * sizeof(float));
    k->filled |= (int64_t)1 << array;
    return llm__ok(error);
}

/* What a layer of a pass by hand has when it is full. */
LLM__FN int64_t llm__full(const llm_cache *c, const llm__kept *k) {
    int64_t arrays = 0;
    if (k->desc.kind == LLM_CACHE_LIST) return 0;
    if (llm__is_attention(k)) return c->pending;
    while (arrays < LLM_CACHE_MAX_ARRAYS && k->desc.shapes[arrays][0]) arrays++;
    return ((int64_t)1 << arrays) - 1;
}

LLM_API llm_status llm_cache_commit(llm_cache *cache, llm_error *error) {
    size_t i;
    if (!cache) return llm__fail(error, LLM_BAD_ARGUMENT, "the cache to commit is NULL");
    if (!cache->pending || !cache->by_hand)
        return llm__fail(error, LLM_BAD_ARGUMENT, "no pass that llm_cache_begin began is under way on the cache");
    for (i = 0; i < cache->layer_count; i++) {
        const llm__kept *k = &cache->layers[i];
        if (k->filled == llm__full(cache, k)) continue;
        if (!llm__is_attention(k))
            return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: not all of its arrays were put",
                             (unsigned long long)i);
        return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: %lld of the pass's %lld tokens were put",
                         (unsigned long long)i, (long long)k->filled, (long long)cache->pending);
    }
    llm__cache_commit(cache);
    return llm__ok(error);
}

LLM_API void llm_cache_abandon(llm_cache *cache) {
    if (cache && cache->by_hand) llm__cache_abandon(cache);
}

LLM_API const float *llm_cache_state(const llm_cache *cache, size_t layer, int array) {
    if (!cache || layer >= cache->layer_count || cache->layers[layer].desc.kind != LLM_CACHE_RECURRENT || array < 0 ||
        array >= LLM_CACHE_MAX_ARRAYS || !llm__array_floats(&cache->layers[layer].desc, array))
        return NULL;
    return llm__cache_state(cache, layer, array);
}

LLM_API int llm_cache_visible(const llm_cache *cache, size_t layer, int64_t position, llm_span out[2]) {
    if (!cache || !out || layer >= cache->layer_count || !llm__is_attention(&cache->layers[layer])) return 0;
    if (position < cache->length || position > cache->length + (cache->pending ? cache->pending - 1 : 0)) return 0;
    if (cache->pending) return llm__cache_visible(cache, layer, position, out);
    return llm__visible(&cache->layers[layer].desc, position, 1, position, out);
}

/* Whether an attention layer holds some tokens. */
LLM__FN llm_status llm__check_held(const llm_cache *c, size_t layer, int64_t position, int64_t count,
                                   llm_error *error) {
    const llm__kept *k;
    int64_t end, p;
    if (!c || layer >= c->layer_count || !llm__is_attention(&c->layers[layer]))
        return llm__fail(error, LLM_BAD_ARGUMENT, "reading needs a cache and one of its attention layers, not %llu",
                         (unsigned long long)layer);
    k = &c->layers[layer];
    end = c->length + (c->pending && c->by_hand ? k->filled : 0);
    if (position < 0 || count < 0 || position > end || count > end - position)
        return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: %lld tokens from position %lld on; there are %lld",
                         (unsigned long long)layer, (long long)count, (long long)position, (long long)end);
    for (p = position; p < position + count; p++)
        if (llm__lacks(k, p))
            return llm__fail(error, LLM_UNSUPPORTED, "layer %llu does not hold position %lld any more",
                             (unsigned long long)layer, (long long)p);
    return LLM_OK;
}

LLM_API llm_status llm_cache_fetch(const llm_cache *cache, size_t layer, int64_t position, int64_t count, float *keys,
                                   float *values, llm_error *error) {
    llm_status status = llm__check_held(cache, layer, position, count, error);
    const llm__kept *k;
    int kw, vw, head, latent;
    if (status != LLM_OK) return status;
    k = &cache->layers[layer];
    kw = k->desc.key_width;
    vw = k->desc.value_width;
    latent = k->desc.kind == LLM_CACHE_LATENT;
    for (; count; count--, position++)
        for (head = 0; head < k->desc.heads; head++) {
            const llm__page *page = *llm__page_entry(k, position / LLM_PAGE_TOKENS);
            int token = (int)(position % LLM_PAGE_TOKENS);
            if (keys) llm__page_load(&k->layout, page, 0, head, token, 0, kw, keys);
            if (values) llm__page_load(&k->layout, page, !latent, head, token, latent ? kw : 0, vw, values);
            if (keys) keys += kw;
            if (values) values += vw;
        }
    return llm__ok(error);
}

LLM_API llm_status llm_cache_rows(const llm_cache *cache, size_t layer, int values, int head, int64_t position,
                                  llm_rows *out, llm_error *error) {
    llm_status status = llm__check_held(cache, layer, position, 1, error);
    if (status != LLM_OK) return status;
    if (!out || head < 0 || head >= cache->layers[layer].desc.heads ||
        (values && (values != 1 || llm__cache_is_latent(cache, layer))))
        return llm__fail(error, LLM_BAD_ARGUMENT, "layer %llu: rows %d of head %d; expected 0 (keys) or, unless it is "
                         "latent, 1 (values), one of its heads, and where to put them", (unsigned long long)layer,
                         values, head);
    *out = llm__cache_rows(cache, layer, values, head, position / LLM_PAGE_TOKENS);
    return llm__ok(error);
}

#endif /* LLM_CACHE_IMPLEMENTATION */
