/* test_store - the prompt store.  The assertions of mlx-lm's TestLRUPromptCache; random operations against a list that
   is searched from end to end; what the trie keeps for speed recomputed by brute force; bytes counted page by page;
   every allocation refused in turn; threads. */
#define LLM_CACHE_IMPLEMENTATION
#define LLM_PAGE_TOKENS 4 /* so that short prompts have pages to share and windows to move */
#include "llm_cache.h"

#include "common.h"
#include "test.h"

#if (defined(__unix__) || defined(__APPLE__)) && !defined(LLM_NO_THREADS)
#define HAVE_THREADS 1
#endif

static size_t below(uint32_t *state, size_t n) { return (size_t)random_bits(state) % n; }

/* ---- caches of three kinds of models, whose content follows from the tokens alone, as a real model's does: the key of
   a position and the state after it are a hash of all tokens up to there */

enum { PLAIN, WINDOW, RECURRENT, KINDS, CHECKPOINTED };
enum { SEEN = 6 }; /* tokens in a window */

static tally cache_tally;

static llm_cache *open_cache(int kind) {
    llm_cache_layer layers[2];
    llm_cache_desc d;
    llm_cache *cache = NULL;
    memset(layers, 0, sizeof layers);
    memset(&d, 0, sizeof d);
    layers[0].heads = layers[0].key_width = layers[0].value_width = 1;
    layers[0].window = kind == WINDOW ? SEEN : 0;
    layers[1].kind = LLM_CACHE_RECURRENT;
    layers[1].shapes[0][0] = 1;
    d.layers = layers;
    d.layer_count = kind == RECURRENT || kind == CHECKPOINTED ? 2 : 1;
    d.checkpoint_every = kind == CHECKPOINTED ? 2 : 0;
    d.dtype = LLM_F32;
    d.allocator = tally_allocator(&cache_tally);
    if (llm_cache_open(&cache, &d, NULL) == LLM_OK) return cache;
    exit(2);
}

static float number_of(const int32_t *tokens, size_t count) {
    uint32_t h = 1;
    size_t i;
    for (i = 0; i < count; i++) h = random_bits(&h) ^ (uint32_t)tokens[i];
    return (float)(random_bits(&h) >> 8);
}

/* Reads tokens up to `count` in. */
static void read_in(llm_cache *c, const int32_t *tokens, size_t count) {
    size_t at = (size_t)c->length;
    if (at == count) return;
    if (llm__cache_begin(c, (int64_t)(count - at), c->length, (int64_t)(count - at), NULL)) exit(2);
    for (; at < count; at++) {
        float key = number_of(tokens, at + 1);
        llm__cache_put(c, 0, (int64_t)at, &key, &key);
    }
    if (c->layer_count > 1) *llm__cache_next_state(c, 1, 0) = number_of(tokens, count);
    llm__cache_commit(c);
}

static llm_cache *cache_of(int kind, const int32_t *tokens, size_t count) {
    llm_cache *c = open_cache(kind);
    read_in(c, tokens, count);
    return c;
}

/* Whether a cache holds what reading the tokens would have left. */
static int holds(const llm_cache *c, const int32_t *tokens, size_t count) {
    int64_t window = c->layers[0].desc.window, at = window && (int64_t)count > window ? (int64_t)count + 1 - window : 0;
    if (c->length != (int64_t)count) return 0;
    for (; at < (int64_t)count; at++) {
        llm_rows rows = llm__cache_keys(c, 0, 0, at / LLM_PAGE_TOKENS);
        const float *row = (const float *)(const void *)(rows.data + rows.stride * (size_t)(at % LLM_PAGE_TOKENS));
        if (*row != number_of(tokens, (size_t)at + 1)) return 0;
    }
    return c->layer_count == 1 || !count || *llm__cache_state(c, 1, 0) == number_of(tokens, count);
}

/* ---- stores in one call each */

static llm_store *open_store(size_t entries, size_t bytes, tally *t) {
    llm_store_desc d;
    llm_store *s = NULL;
    memset(&d, 0, sizeof d);
    d.max_entries = entries;
    d.max_bytes = bytes;
    if (t) d.allocator = tally_allocator(t);
    if (llm_store_open(&s, &d, NULL)) exit(2);
    return s;
}

static size_t entries_of(llm_store *s) { return llm_store_get_stats(s).entries; }
static size_t bytes_of(llm_store *s) { return llm_store_get_stats(s).bytes; }

/* Reads the tokens with a model of that kind, whose number it is too, and inserts the cache. */
static llm_status insert(llm_store *s, int kind, const int32_t *tokens, size_t count, llm_entry_type type) {
    llm_cache *c = cache_of(kind, tokens, count);
    llm_status status = llm_store_insert(s, (uint64_t)kind, tokens, count, c, type, NULL);
    llm_cache_close(c);
    return status;
}

/* How many tokens a fetch covers with a cache that is right; -1: it gives no cache, -2: a wrong one. */
static int fetch(llm_store *s, int kind, const int32_t *tokens, size_t count) {
    llm_cache *c = NULL;
    size_t used = 77;
    llm_error error;
    int result = -1;
    if (llm_store_fetch(s, (uint64_t)kind, tokens, count, &c, &used, &error)) return -3;
    if (c) result = holds(c, tokens, used) ? (int)used : -2;
    else if (used) result = -2;
    llm_cache_close(c);
    return result;
}

#define INSERT(s, type, ...)                                                                        \
    do {                                                                                            \
        static const int32_t list[] = {__VA_ARGS__};                                                \
        CHECK_EQ(insert(s, PLAIN, list, sizeof list / sizeof *list, LLM_ENTRY_##type), LLM_OK);     \
    } while (0)
#define FETCH(s, expected, ...)                                                                     \
    do {                                                                                            \
        static const int32_t list[] = {__VA_ARGS__};                                                \
        CHECK_EQ(fetch(s, PLAIN, list, sizeof list / sizeof *list), expected);                      \
    } while (0)

/* ---- what mlx-lm's tests assert (tests/test_server.py, TestLRUPromptCache), by their names */

static void fill(int32_t *tokens, size_t from, size_t to, int32_t token) {
    for (; from < to; from++) tokens[from] = token;
}

static void test_caching(void) {
    llm_store *s = open_store(10, 0, NULL);
    llm_cache *c = NULL;
    int32_t tokens[34];
    size_t used;
    fill(tokens, 0, 24, 10);
    CHECK_EQ(fetch(s, PLAIN, tokens, 24), -1);
    CHECK_EQ(insert(s, PLAIN, tokens, 24, LLM_ENTRY_ASSISTANT), LLM_OK);
    fill(tokens, 24, 29, 20);
    CHECK_EQ(llm_store_fetch(s, PLAIN, tokens, 29, &c, &used, NULL), LLM_OK);
    CHECK_EQ(used, 24);
    CHECK(holds(c, tokens, 24));
    CHECK_EQ(entries_of(s), 1);
    fill(tokens, 29, 32, 30);
    read_in(c, tokens, 32);
    CHECK_EQ(llm_store_insert(s, PLAIN, tokens, 32, c, LLM_ENTRY_ASSISTANT, NULL), LLM_OK);
    llm_cache_close(c);
    CHECK_EQ(entries_of(s), 1); /* the longer one in the place of its prefix */
    fill(tokens, 26, 34, 40);
    CHECK_EQ(llm_store_fetch(s, PLAIN, tokens, 34, &c, &used, NULL), LLM_OK);
    CHECK_EQ(used, 26);
    CHECK(holds(c, tokens, 26));
    CHECK_EQ(entries_of(s), 1);
    read_in(c, tokens, 34);
    CHECK_EQ(llm_store_insert(s, PLAIN, tokens, 34, c, LLM_ENTRY_ASSISTANT, NULL), LLM_OK);
    llm_cache_close(c);
    CHECK_EQ(entries_of(s), 2);
    llm_store_close(s);
}

static void test_lru(void) {
    llm_store *s = open_store(2, 0, NULL);
    INSERT(s, ASSISTANT, 1, 2);
    INSERT(s, ASSISTANT, 2, 3);
    FETCH(s, 2, 1, 2);
    FETCH(s, -1, 1); /* mlx-lm gives an empty cache here, we none: see below */
    FETCH(s, 1, 1, 3, 4);
    FETCH(s, 2, 2, 3, 4);
    FETCH(s, 1, 2, 4, 5);
    INSERT(s, ASSISTANT, 1, 2);
    INSERT(s, ASSISTANT, 2, 3);
    INSERT(s, ASSISTANT, 3, 4);
    FETCH(s, -1, 1, 2);
    FETCH(s, 2, 2, 3);
    FETCH(s, 2, 3, 4);
    INSERT(s, USER, 4, 5);
    FETCH(s, -1, 2, 3);
    FETCH(s, 2, 3, 4);
    FETCH(s, 2, 4, 5);
    INSERT(s, ASSISTANT, 5, 6);
    INSERT(s, ASSISTANT, 6, 7);
    FETCH(s, -1, 5, 6);
    FETCH(s, 2, 6, 7);
    FETCH(s, 2, 4, 5);
    llm_store_close(s);
}

static void test_insert_trimmable_cache_removes_immediate_prefix(void) {
    static const int32_t tokens[] = {1, 2, 3, 4, 5};
    llm_store *s = open_store(10, 0, NULL);
    llm_cache *c = cache_of(PLAIN, tokens, 4);
    CHECK_EQ(llm_store_insert(s, PLAIN, tokens, 4, c, LLM_ENTRY_ASSISTANT, NULL), LLM_OK);
    CHECK_EQ(entries_of(s), 1);
    CHECK_EQ(bytes_of(s), llm_cache_bytes(c));
    read_in(c, tokens, 5);
    CHECK_EQ(llm_store_insert(s, PLAIN, tokens, 5, c, LLM_ENTRY_ASSISTANT, NULL), LLM_OK);
    CHECK_EQ(entries_of(s), 1);
    CHECK_EQ(bytes_of(s), llm_cache_bytes(c));
    llm_cache_close(c);
    llm_store_close(s);
}

static void test_insert_empty_tokens_does_not_self_destruct(void) {
    llm_store *s = open_store(10, 0, NULL);
    llm_cache *c = open_cache(PLAIN);
    CHECK_EQ(llm_store_insert(s, PLAIN, NULL, 0, c, LLM_ENTRY_ASSISTANT, NULL), LLM_OK);
    CHECK_EQ(entries_of(s), 1);
    CHECK_EQ(bytes_of(s), llm_cache_bytes(c));
    CHECK_EQ(fetch(s, PLAIN, NULL, 0), 0);
    llm_cache_close(c);
    llm_store_close(s);
}

static void test_fetch_empty_tokens_after_root_eviction(void) {
    llm_store *s = open_store(10, 0, NULL);
    CHECK_EQ(insert(s, PLAIN, NULL, 0, LLM_ENTRY_ASSISTANT), LLM_OK);
    INSERT(s, ASSISTANT, 1);
    CHECK_EQ(fetch(s, PLAIN, NULL, 0), -1);
    llm_store_close(s);
}

static void test_lru_bytes(void) {
    static const int32_t two[] = {1, 2};
    llm_cache *c = cache_of(PLAIN, two, 2);
    size_t bytes = llm_cache_bytes(c);
    llm_store *s = open_store(100, bytes * 10 / 3, NULL);
    INSERT(s, ASSISTANT, 1, 2);
    INSERT(s, ASSISTANT, 3, 4);
    INSERT(s, ASSISTANT, 4, 5);
    INSERT(s, ASSISTANT, 6, 7);
    CHECK_EQ(entries_of(s), 3);
    CHECK_EQ(bytes_of(s), 3 * bytes);
    llm_store_trim_to(s, SIZE_MAX, bytes * 7 / 3);
    CHECK_EQ(entries_of(s), 2);
    CHECK_EQ(bytes_of(s), 2 * bytes);
    FETCH(s, -1, 1, 2);
    FETCH(s, -1, 3, 4);
    FETCH(s, 2, 4, 5);
    llm_cache_close(c);
    llm_store_close(s);
}

/* ---- where this store differs, and what mlx-lm's tests leave open */

static const llm__entry *newest(const llm_store *s, int type) { return s->queues[type].newest; }

/* A hybrid with a checkpoint every two tokens: cut back to the last one in common; all bytes are counted once. */
static void checkpointed(const int32_t *tokens) {
    llm_store *s = open_store(10, 0, NULL);
    llm_cache *c = open_cache(CHECKPOINTED);
    size_t at, bytes;
    for (at = 1; at <= 7; at++) read_in(c, tokens, at);
    CHECK_EQ(llm_store_insert(s, CHECKPOINTED, tokens, 7, c, LLM_ENTRY_USER, NULL), LLM_OK);
    bytes = llm_store_get_stats(s).bytes;
    CHECK_EQ(bytes, llm_cache_bytes(c));
    read_in(c, tokens, 8);
    CHECK_EQ(llm_store_insert(s, CHECKPOINTED, tokens, 8, c, LLM_ENTRY_USER, NULL), LLM_OK);
    CHECK(llm_store_get_stats(s).bytes < 2 * bytes);
    CHECK_EQ(fetch(s, CHECKPOINTED, tokens, 8), 8);
    CHECK_EQ(fetch(s, CHECKPOINTED, tokens, 6), 4); /* one token is left to read */
    CHECK_EQ(fetch(s, CHECKPOINTED, tokens, 4), 2);
    CHECK_EQ(fetch(s, CHECKPOINTED, tokens, 2), -1);
    llm_cache_close(c);
    llm_store_clear(s);
    CHECK_EQ(llm_store_get_stats(s).bytes, 0);
    llm_store_close(s);
}

static void test_differences(void) {
    static const int32_t tokens[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    llm_store *s = open_store(2, 0, NULL);
    INSERT(s, ASSISTANT, 1);
    FETCH(s, 1, 1, 7, 8); /* a prefix of one token */
    INSERT(s, ASSISTANT, 5, 6);
    FETCH(s, 1, 1);
    INSERT(s, ASSISTANT, 8); /* [5, 6] has not been used for longest */
    FETCH(s, -1, 5, 6);
    FETCH(s, 1, 1);
    llm_store_clear(s);
    INSERT(s, ASSISTANT, 1, 2, 3, 4); /* both serve two tokens of [1, 2, 3]: the one that needs no trimming does */
    INSERT(s, USER, 1, 2);
    FETCH(s, 2, 1, 2, 3);
    INSERT(s, USER, 9);
    CHECK_EQ(entries_of(s), 2);
    CHECK_EQ(newest(s, LLM_ENTRY_USER)->node->depth, 1);
    llm_store_close(s);

    /* A window can go back a little, but not far: asked for the very number of tokens. */
    s = open_store(10, 0, NULL);
    CHECK_EQ(insert(s, WINDOW, tokens, 3, LLM_ENTRY_ASSISTANT), LLM_OK);
    CHECK_EQ(insert(s, WINDOW, tokens, 11, LLM_ENTRY_ASSISTANT), LLM_OK);
    CHECK_EQ(entries_of(s), 2);
    CHECK_EQ(fetch(s, WINDOW, tokens, 11), 11);
    CHECK_EQ(fetch(s, WINDOW, tokens, 10), 9);
    CHECK_EQ(fetch(s, WINDOW, tokens, 6), 3);
    CHECK_EQ(insert(s, WINDOW, tokens, 12, LLM_ENTRY_ASSISTANT), LLM_OK); /* serves for 11, not for 3 */
    CHECK_EQ(entries_of(s), 2);
    llm_store_close(s);

    /* Recurrent states cannot go back at all. */
    s = open_store(10, 0, NULL);
    CHECK_EQ(insert(s, RECURRENT, tokens, 3, LLM_ENTRY_ASSISTANT), LLM_OK);
    CHECK_EQ(insert(s, RECURRENT, tokens, 6, LLM_ENTRY_ASSISTANT), LLM_OK);
    CHECK_EQ(fetch(s, RECURRENT, tokens, 6), 6);
    CHECK_EQ(fetch(s, RECURRENT, tokens, 5), 3);
    CHECK_EQ(fetch(s, RECURRENT, tokens, 2), -1);
    CHECK_EQ(fetch(s, PLAIN, tokens, 6), -1); /* another model's */
    llm_store_close(s);

    /* Unless there is a checkpoint at or before what is common. */
    checkpointed(tokens);
}

static void test_limits(void) {
    static const int32_t tokens[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    llm_store *s = open_store(0, 0, NULL);
    llm_cache *c = cache_of(PLAIN, tokens, 10);
    llm_error error;
    int32_t i;
    for (i = 0; i < 20; i++) CHECK_EQ(insert(s, PLAIN, &i, 1, LLM_ENTRY_ASSISTANT), LLM_OK);
    CHECK_EQ(entries_of(s), 10); /* the default is mlx-lm's */
    CHECK_EQ(llm_store_get_stats(s).evictions, 10);
    llm_store_close(s);
    s = open_store(0, (size_t)1 << 30, NULL);
    for (i = 0; i < 20; i++) CHECK_EQ(insert(s, PLAIN, &i, 1, LLM_ENTRY_ASSISTANT), LLM_OK);
    CHECK_EQ(entries_of(s), 20); /* the bytes are the limit */
    llm_store_close(s);
    s = open_store(0, llm_cache_bytes(c) - 1, NULL);
    CHECK_EQ(insert(s, PLAIN, tokens, 2, LLM_ENTRY_ASSISTANT), LLM_OK);
    CHECK_EQ(llm_store_insert(s, PLAIN, tokens, 10, c, LLM_ENTRY_ASSISTANT, &error), LLM_TOO_LARGE);
    CHECK(strstr(error.message, "bytes") != NULL);
    CHECK_EQ(entries_of(s), 1);
    llm_store_close(s);
    s = open_store(0, llm_cache_bytes(c), NULL);
    CHECK_EQ(llm_store_insert(s, PLAIN, tokens, 10, c, LLM_ENTRY_ASSISTANT, NULL), LLM_OK);
    llm_store_trim_to(s, 0, SIZE_MAX);
    CHECK_EQ(entries_of(s), 0);
    CHECK_EQ(bytes_of(s), 0);
    llm_store_close(s);
    llm_cache_close(c);
}

/* ---- what goes first: the rule for every number of entries of each type */

static void test_order_of_types(void) {
    size_t assistants, users, systems, i;
    for (assistants = 0; assistants < 4; assistants++)
        for (users = 0; users < 4; users++)
            for (systems = assistants + users ? 0 : 1; systems < 4; systems++) {
                llm_store *s = open_store(20, 0, NULL);
                llm_store_stats stats;
                int32_t token = 0;
                int goes = assistants && assistants >= users ? 0 : users && users >= systems ? 1 : 2;
                for (i = 0; i < assistants; i++, token++) insert(s, PLAIN, &token, 1, LLM_ENTRY_ASSISTANT);
                for (i = 0; i < users; i++, token++) insert(s, PLAIN, &token, 1, LLM_ENTRY_USER);
                for (i = 0; i < systems; i++, token++) insert(s, PLAIN, &token, 1, LLM_ENTRY_SYSTEM);
                llm_store_trim_to(s, (size_t)token - 1, SIZE_MAX);
                stats = llm_store_get_stats(s);
                CHECK_EQ(stats.type_entries[0], assistants - (goes == 0));
                CHECK_EQ(stats.type_entries[1], users - (goes == 1));
                CHECK_EQ(stats.type_entries[2], systems - (goes == 2));
                llm_store_close(s);
            }
}

/* ---- pages are shared, and count once */

static void test_shared_pages(void) {
    int32_t left[12], right[12];
    tally t;
    llm_store *s;
    llm_cache *a, *b, *c = NULL;
    llm_store_stats stats;
    const llm__page *page;
    size_t used, bytes, page_bytes, own;
    memset(&t, 0, sizeof t);
    s = open_store(10, 0, &t);
    fill(left, 0, 8, 1);
    fill(left, 8, 12, 2);
    fill(right, 0, 8, 1);
    fill(right, 8, 12, 3);
    a = cache_of(PLAIN, left, 8);
    CHECK_EQ(llm_cache_fork(&b, a, NULL), LLM_OK);
    read_in(a, left, 12);
    read_in(b, right, 12);
    bytes = llm_cache_bytes(a);
    page = a->layers[0].pages[0];
    page_bytes = page->bytes;
    own = bytes - 3 * page_bytes;
    CHECK_EQ(llm_store_insert(s, PLAIN, left, 12, a, LLM_ENTRY_ASSISTANT, NULL), LLM_OK);
    CHECK_EQ(bytes_of(s), bytes);
    CHECK_EQ(llm_store_insert(s, PLAIN, right, 12, b, LLM_ENTRY_USER, NULL), LLM_OK);
    stats = llm_store_get_stats(s);
    CHECK_EQ(stats.bytes, 2 * own + 4 * page_bytes); /* of six pages two are the same */
    CHECK_EQ(stats.type_bytes[LLM_ENTRY_ASSISTANT], bytes);
    CHECK_EQ(stats.type_bytes[LLM_ENTRY_USER], bytes);
    CHECK_EQ(stats.type_bytes[LLM_ENTRY_SYSTEM], 0);
    CHECK_EQ(page->holders, 4);
    CHECK_EQ(llm_store_fetch(s, PLAIN, left, 12, &c, &used, NULL), LLM_OK);
    CHECK(c->layers[0].pages[0] == page);
    CHECK_EQ(page->holders, 5);
    CHECK_EQ(llm_store_insert(s, 99, left, 12, c, LLM_ENTRY_ASSISTANT, NULL), LLM_OK); /* another model, same pages */
    CHECK_EQ(bytes_of(s), 3 * own + 4 * page_bytes);
    llm_store_trim_to(s, 1, SIZE_MAX);
    CHECK_EQ(bytes_of(s), bytes);
    llm_cache_close(a);
    llm_cache_close(b);
    CHECK(holds(c, left, 12)); /* what was handed out lives on */
    llm_store_close(s);
    CHECK(holds(c, left, 12));
    CHECK_EQ(page->holders, 1);
    llm_cache_close(c);
    CHECK_EQ(t.live, 0);
    CHECK_EQ(cache_tally.live, 0);
}

/* Writing to a cache after it was inserted, and to one that was fetched, changes nothing in the store. */
static void test_forks_are_apart(void) {
    static const int32_t tokens[] = {1, 2, 3, 4, 5, 6}, other[] = {1, 2, 3, 9, 9, 9};
    llm_store *s = open_store(10, 0, NULL);
    llm_cache *a = cache_of(PLAIN, tokens, 6), *b = NULL;
    size_t used;
    CHECK_EQ(llm_store_insert(s, PLAIN, tokens, 6, a, LLM_ENTRY_ASSISTANT, NULL), LLM_OK);
    CHECK_EQ(llm_store_fetch(s, PLAIN, other, 6, &b, &used, NULL), LLM_OK);
    CHECK_EQ(used, 3);
    read_in(b, other, 6);
    CHECK_EQ(llm_cache_trim(a, 3, NULL, NULL), LLM_OK);
    read_in(a, other, 6);
    CHECK_EQ(fetch(s, PLAIN, tokens, 6), 6);
    CHECK(holds(a, other, 6) && holds(b, other, 6));
    llm_cache_close(a);
    llm_cache_close(b);
    llm_store_close(s);
}

static void test_statistics(void) {
    llm_store *s = open_store(2, 0, NULL);
    llm_store_stats stats;
    INSERT(s, SYSTEM, 1, 2, 3);
    FETCH(s, 3, 1, 2, 3, 4, 5);
    FETCH(s, 2, 1, 2, 9);
    FETCH(s, -1, 7, 7);
    INSERT(s, USER, 1, 2, 4);
    INSERT(s, ASSISTANT, 3);
    stats = llm_store_get_stats(s);
    CHECK_EQ(stats.hits, 2);
    CHECK_EQ(stats.misses, 1);
    CHECK_EQ(stats.asked_tokens, 10);
    CHECK_EQ(stats.reused_tokens, 5);
    CHECK_EQ(stats.evictions, 1);
    CHECK_EQ(stats.entries, 2);
    CHECK_EQ(stats.type_entries[LLM_ENTRY_ASSISTANT], 0); /* one of each: the assistant's goes, new as it is */
    CHECK_EQ(stats.type_entries[LLM_ENTRY_USER], 1);
    CHECK_EQ(stats.type_entries[LLM_ENTRY_SYSTEM], 1);
    llm_store_clear(s);
    stats = llm_store_get_stats(s);
    CHECK_EQ(stats.entries + stats.bytes + stats.type_bytes[LLM_ENTRY_USER], 0);
    CHECK_EQ(stats.index_bytes, sizeof *s);
    CHECK_EQ(stats.hits, 2);
    llm_store_close(s);
}

/* ---- what the store keeps for speed, recomputed */

static int has_child(const llm_store *s, const llm__node *parent, int more_than) {
    size_t i;
    const llm__node *n;
    for (i = 0; i < s->edge_capacity; i++)
        for (n = s->edges[i]; n; n = n->next)
            if (n->parent == parent && more_than-- == 0) return 1;
    return 0;
}

/* The least depth of an entry from a node on. */
static size_t nearest_depth(const llm_store *s, const llm__node *from) {
    size_t best = SIZE_MAX;
    const llm__entry *e;
    const llm__node *n;
    int type;
    for (type = 0; type < LLM_ENTRY_TYPE_COUNT; type++)
        for (e = s->queues[type].oldest; e; e = e->newer)
            for (n = e->node; n; n = n->parent)
                if (n == from && e->node->depth < best) best = e->node->depth;
    return best;
}

/* `merged`: no memory was refused, so that nodes without entries have children to tell apart. */
static int trie_is_right(const llm_store *s, int merged) {
    size_t i, nodes = 0;
    const llm__node *n;
    for (i = 0; i < s->edge_capacity; i++)
        for (n = s->edges[i]; n; n = n->next, nodes++) {
            if (llm__edge_find(s, n->parent, n->symbol) != n) return 0;
            if (n->depth != (n->parent ? n->parent->depth : 0) + n->count || (n->parent && !n->count)) return 0;
            if (n->parent && n->symbol != llm__token_symbol(n->run[0])) return 0;
            if (n->entry && n->entry->node != n) return 0;
            if (!n->nearest || n->nearest->depth != nearest_depth(s, n)) return 0;
            if (merged && !n->entry && !has_child(s, n, n->parent != NULL)) return 0;
        }
    return nodes == s->node_count;
}

/* ---- the reference: a list */

enum { MOST_ENTRIES = 32, LONGEST = 12 };

typedef struct listed {
    int kind;
    size_t count;
    int32_t tokens[LONGEST];
    int type;
    long used; /* when */
    llm_cache *cache;
} listed;

typedef struct list {
    listed entries[MOST_ENTRIES + 1];
    size_t count, max_entries, max_bytes;
    long now;
} list;

static void list_remove(list *l, size_t i) {
    llm_cache_close(l->entries[i].cache);
    l->entries[i] = l->entries[--l->count];
}

static void list_clear(list *l) {
    while (l->count) list_remove(l, 0);
}

/* Bytes of all entries, or of those of one type: every page once. */
static size_t list_bytes(const list *l, int type) {
    const llm__page *pages[(MOST_ENTRIES + 1) * (LONGEST / LLM_PAGE_TOKENS + 1)];
    size_t count = 0, bytes = 0, i, j;
    int64_t p;
    for (i = 0; i < l->count; i++) {
        const llm__kept *k = &l->entries[i].cache->layers[0];
        if (type >= 0 && l->entries[i].type != type) continue;
        bytes += llm_cache_bytes(l->entries[i].cache);
        for (p = 0; p < k->count; p++) {
            for (j = 0; j < count && pages[j] != k->pages[p]; j++) {}
            if (j < count) bytes -= k->pages[p]->bytes;
            else pages[count++] = k->pages[p];
        }
    }
    return bytes;
}

static size_t list_type(const list *l, int type) {
    size_t n = 0, i;
    for (i = 0; i < l->count; i++) n += l->entries[i].type == type;
    return n;
}

static size_t list_oldest(const list *l, int type) {
    size_t best = l->count, i;
    for (i = 0; i < l->count; i++)
        if (l->entries[i].type == type && (best == l->count || l->entries[i].used < l->entries[best].used)) best = i;
    return best;
}

/* mlx-lm's CacheOrder.pop, as it is written there. */
static void list_pop(list *l) {
    int i;
    for (i = 0; i + 1 < LLM_ENTRY_TYPE_COUNT; i++)
        if (list_type(l, i) && list_type(l, i) >= list_type(l, i + 1)) {
            list_remove(l, list_oldest(l, i));
            return;
        }
    list_remove(l, list_oldest(l, i));
}

static void list_evict(list *l, size_t entries, size_t bytes) {
    while (l->count && (l->count > entries || list_bytes(l, -1) > bytes)) list_pop(l);
}

static size_t common(const listed *e, const int32_t *tokens, size_t count) {
    size_t i = 0;
    while (i < e->count && i < count && e->tokens[i] == tokens[i]) i++;
    return i;
}

/* Whether a fork can in fact be trimmed to that length. */
static int can_become(const llm_cache *cache, size_t count) {
    llm_cache *c = NULL;
    int can;
    if (llm_cache_fork(&c, cache, NULL)) exit(2);
    can = llm_cache_trim(c, llm_cache_length(c) - (int64_t)count, NULL, NULL) == LLM_OK;
    llm_cache_close(c);
    return can;
}

static void list_insert(list *l, int kind, const int32_t *tokens, size_t count, const llm_cache *cache, int type) {
    listed e;
    size_t i;
    e.kind = kind;
    e.count = count;
    memcpy(e.tokens, tokens, count * sizeof *tokens);
    e.type = type;
    e.used = ++l->now;
    if (llm_cache_fork(&e.cache, cache, NULL)) exit(2);
    for (i = l->count; i-- > 0;)
        if (l->entries[i].kind == kind && l->entries[i].count <= count &&
            common(&l->entries[i], tokens, count) == l->entries[i].count && can_become(cache, l->entries[i].count))
            list_remove(l, i);
    l->entries[l->count++] = e;
    list_evict(l, l->max_entries, l->max_bytes);
}

/* Whether the store's entries of each type are the list's, in the order of their use. */
static int same_order(const llm_store *s, const list *l) {
    size_t n = 0;
    int type;
    for (type = 0; type < LLM_ENTRY_TYPE_COUNT; type++) {
        const llm__entry *e, *before = NULL;
        long used = 0;
        for (e = s->queues[type].oldest; e; before = e, e = e->newer, n++) {
            const listed *found = NULL;
            const llm__node *root = e->node;
            int32_t tokens[LONGEST];
            size_t i;
            if (e->older != before || e->node->entry != e || e->node->depth > LONGEST) return 0;
            for (; root->parent; root = root->parent)
                memcpy(tokens + root->parent->depth, root->run, root->count * sizeof *tokens);
            for (i = 0; i < l->count; i++)
                if (l->entries[i].kind == (int)root->symbol && l->entries[i].count == e->node->depth &&
                    common(&l->entries[i], tokens, e->node->depth) == e->node->depth)
                    found = &l->entries[i];
            if (!found || found->type != type || found->used <= used) return 0;
            used = found->used;
        }
        if (s->queues[type].newest != before) return 0;
    }
    return n == l->count;
}

/* Whether the store gave what the list says, `used` tokens.  Where several entries are the shortest behind the point
   where the ways part, any of them will do; the order says which it was. */
static int list_fetch(const llm_store *s, list *l, int kind, const int32_t *tokens, size_t count, int found,
                      size_t used) {
    size_t most = 0, shorter = 0, shortest = SIZE_MAX, i;
    int exact = 0, has_shorter = 0, longer = 0, fits = 0;
    for (i = 0; i < l->count; i++) {
        const listed *e = &l->entries[i];
        size_t n = common(e, tokens, count);
        if (e->kind != kind) continue;
        if (n > most) most = n;
        if (n == e->count && n == count) exact = 1;
        if (n && n == e->count && n < count && n >= shorter) {
            shorter = n;
            has_shorter = 1;
        }
    }
    for (i = 0; i < l->count; i++)
        if (l->entries[i].kind == kind && common(&l->entries[i], tokens, count) == most && l->entries[i].count > most &&
            l->entries[i].count < shortest)
            shortest = l->entries[i].count;
    longer = !exact && (most < count ? most : count ? count - 1 : 0) > shorter && shortest != SIZE_MAX;
    for (i = 0; i < l->count && !fits; i++) {
        listed *e = &l->entries[i];
        size_t n = common(e, tokens, count), back = most < count ? most : count - 1;
        long before = e->used;
        if (e->kind != kind) continue;
        if (exact) fits = n == count && e->count == count && used == count;
        else if (longer && n == most && e->count == shortest && can_become(e->cache, back)) fits = used == back;
        else if (has_shorter && n == e->count && n == shorter) fits = used == shorter;
        if (!fits) continue;
        e->used = ++l->now;
        fits = found && same_order(s, l);
        if (!fits) e->used = before;
    }
    return fits || (!found && !exact && !has_shorter && used == 0 && same_order(s, l));
}

/* ---- random operations */

typedef struct game {
    uint32_t random;
    size_t alphabet;
    llm_store *store;
    list list;
    tally tally;
} game;

static size_t random_tokens(game *g, int32_t *tokens) {
    static const int32_t letters[] = {7, -1, INT32_MIN, 0};
    size_t count = below(&g->random, LONGEST + 1), i;
    for (i = 0; i < count; i++) tokens[i] = letters[below(&g->random, g->alphabet)];
    return count;
}

/* A cache for the tokens: read from the start, or on from what the store has, so that pages are shared. */
static void play_insert(game *g) {
    int32_t tokens[LONGEST];
    size_t count = random_tokens(g, tokens), used = 0;
    int kind = (int)below(&g->random, KINDS), type = (int)below(&g->random, LLM_ENTRY_TYPE_COUNT);
    llm_cache *c = NULL;
    llm_status status;
    if (below(&g->random, 2)) {
        if (llm_store_fetch(g->store, (uint64_t)kind, tokens, count, &c, &used, NULL)) exit(2);
        CHECK(list_fetch(g->store, &g->list, kind, tokens, count, c != NULL, used));
    }
    if (!c) c = open_cache(kind);
    read_in(c, tokens, count);
    status = llm_store_insert(g->store, (uint64_t)kind, tokens, count, c, (llm_entry_type)type, NULL);
    if (status == LLM_OK) list_insert(&g->list, kind, tokens, count, c, type);
    else CHECK(status == LLM_TOO_LARGE && llm_cache_bytes(c) > g->list.max_bytes);
    llm_cache_close(c);
}

static void play_fetch(game *g) {
    int32_t tokens[LONGEST];
    size_t count = random_tokens(g, tokens), used = 0;
    int kind = (int)below(&g->random, KINDS);
    llm_cache *c = NULL;
    CHECK_EQ(llm_store_fetch(g->store, (uint64_t)kind, tokens, count, &c, &used, NULL), LLM_OK);
    CHECK(!c || holds(c, tokens, used));
    CHECK(list_fetch(g->store, &g->list, kind, tokens, count, c != NULL, used));
    llm_cache_close(c);
}

static void play_trim(game *g) {
    size_t entries = below(&g->random, 2) ? below(&g->random, MOST_ENTRIES) : SIZE_MAX;
    size_t bytes = below(&g->random, 2) ? below(&g->random, bytes_of(g->store) + 1) : SIZE_MAX;
    llm_store_trim_to(g->store, entries, bytes);
    list_evict(&g->list, entries, bytes);
}

static int game_is_right(const game *g) {
    llm_store_stats stats = llm_store_get_stats(g->store);
    int type;
    for (type = 0; type < LLM_ENTRY_TYPE_COUNT; type++)
        if (stats.type_entries[type] != list_type(&g->list, type) ||
            stats.type_bytes[type] != list_bytes(&g->list, type))
            return 0;
    return stats.entries == g->list.count && stats.bytes == list_bytes(&g->list, -1) &&
           stats.index_bytes == (size_t)g->tally.live && same_order(g->store, &g->list) && trie_is_right(g->store, 1);
}

static void play(uint32_t seed, int moves) {
    static game g;
    int move;
    memset(&g, 0, sizeof g);
    g.random = seed * 1000003;
    g.alphabet = 1 + seed % 4;
    g.list.max_entries = 1 + below(&g.random, MOST_ENTRIES);
    g.list.max_bytes = seed % 2 ? SIZE_MAX : 1000 + below(&g.random, 20000);
    g.store = open_store(g.list.max_entries, seed % 2 ? 0 : g.list.max_bytes, &g.tally);
    for (move = 0; move < moves; move++) {
        size_t dice = below(&g.random, 100);
        if (dice < 55) play_insert(&g);
        else if (dice < 95) play_fetch(&g);
        else if (dice < 99) play_trim(&g);
        else {
            llm_store_clear(g.store);
            list_clear(&g.list);
        }
        if (!game_is_right(&g)) break;
    }
    if (!CHECK_EQ(move, moves)) printf("  game %u\n", (unsigned)seed);
    llm_store_close(g.store);
    list_clear(&g.list);
    CHECK_EQ(g.tally.live, 0);
    CHECK_EQ(cache_tally.live, 0);
}

static void test_random_operations(void) {
    uint32_t seed;
    for (seed = 1; seed <= 40; seed++) play(seed, 250);
}

/* ---- shapes that would hurt a naive trie */

/* Thousands of prompts that part at the same token, the shortest being the oldest: each eviction takes the nearest. */
static void test_many_siblings(void) {
    enum { SIBLINGS = 3000 };
    static int32_t tokens[40];
    llm_store *s = open_store(SIBLINGS, 0, NULL);
    const llm__node *branch;
    int32_t i;
    size_t left;
    fill(tokens, 0, 40, 5);
    for (i = 0; i < SIBLINGS; i++) {
        tokens[1] = 100 + i;
        CHECK_EQ(insert(s, PLAIN, tokens, 3 + (size_t)i * 30 / SIBLINGS, LLM_ENTRY_USER), LLM_OK);
    }
    tokens[1] = 9;
    branch = llm__edge_find(s, llm__edge_find(s, NULL, PLAIN), 5);
    for (left = SIBLINGS; left > 1; left--) {
        llm_store_trim_to(s, left, SIZE_MAX);
        CHECK_EQ(branch->nearest->depth, 3 + (SIBLINGS - left) * 30 / SIBLINGS);
    }
    CHECK_EQ(fetch(s, PLAIN, tokens, 9), 1);
    llm_store_close(s);
}

/* Every prefix of a prompt, which recurrent caches keep: a trie as deep as it is long. */
static void test_nested_prefixes(void) {
    enum { DEEP = 1000 };
    static int32_t tokens[DEEP + 1];
    llm_store *s = open_store(DEEP, 0, NULL);
    llm_cache *c = open_cache(RECURRENT);
    size_t i;
    for (i = 1; i <= DEEP; i++) {
        read_in(c, tokens, i);
        if (llm_store_insert(s, RECURRENT, tokens, i, c, LLM_ENTRY_USER, NULL)) break;
    }
    CHECK_EQ(entries_of(s), DEEP);
    CHECK_EQ(fetch(s, RECURRENT, tokens, DEEP + 1), DEEP);
    CHECK_EQ(fetch(s, RECURRENT, tokens, DEEP / 2), DEEP / 2);
    llm_cache_close(c);
    llm_store_close(s);
}

/* A cache of many tokens that all look the same: only its length counts here. */
static llm_cache *long_cache(size_t count) {
    llm_cache *c = open_cache(PLAIN);
    float key = 1;
    size_t i;
    if (llm__cache_begin(c, (int64_t)count, 0, (int64_t)count, NULL)) exit(2);
    for (i = 0; i < count; i++) llm__cache_put(c, 0, (int64_t)i, &key, &key);
    llm__cache_commit(c);
    return c;
}

static void test_million_tokens(void) {
    size_t million = 1000000, used;
    int32_t *tokens = (int32_t *)need(calloc(million, sizeof *tokens));
    llm_store *s = open_store(10, 0, NULL);
    llm_cache *c = long_cache(million), *fork = NULL;
    CHECK_EQ(llm_store_insert(s, 1, tokens, million, c, LLM_ENTRY_USER, NULL), LLM_OK);
    tokens[million - 1] = 1;
    CHECK_EQ(llm_store_fetch(s, 1, tokens, million, &fork, &used, NULL), LLM_OK);
    CHECK_EQ(used, million - 1);
    CHECK_EQ(llm_cache_length(fork), million - 1);
    llm_cache_close(fork);
    CHECK_EQ(llm_store_insert(s, 1, tokens, million, c, LLM_ENTRY_USER, NULL), LLM_OK);
    CHECK_EQ(entries_of(s), 2);
    CHECK(llm_store_get_stats(s).index_bytes < 2 * million * (sizeof *tokens + 2 * sizeof(llm__held)));
    CHECK_EQ(llm_store_fetch(s, 1, tokens, million / 2, &fork, &used, NULL), LLM_OK);
    CHECK_EQ(used, million / 2 - 1);
    llm_cache_close(fork);
    CHECK_EQ(llm_store_fetch(s, 1, tokens, million, &fork, &used, NULL), LLM_OK);
    CHECK_EQ(used, million);
    llm_cache_close(fork);
    llm_store_trim_to(s, 1, SIZE_MAX); /* joins the two runs again */
    CHECK_EQ(s->node_count, 2);
    CHECK_EQ(llm_store_fetch(s, 1, tokens, million, &fork, &used, NULL), LLM_OK);
    CHECK_EQ(used, million);
    llm_cache_close(fork);
    llm_cache_close(c);
    llm_store_close(s);
    free(tokens);
}

/* ---- bad calls */

static void test_bad_arguments(void) {
    static const int32_t tokens[] = {1, 2, 3};
    llm_store *s = NULL;
    llm_cache *c = cache_of(PLAIN, tokens, 3), *out = c;
    llm_error error;
    llm_store_stats stats;
    size_t used = 5;
    CHECK_EQ(llm_store_open(NULL, NULL, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_store_open(&s, NULL, &error), LLM_OK);
    CHECK_EQ(error.status, LLM_OK);
    CHECK_EQ(llm_store_insert(NULL, 0, tokens, 3, c, LLM_ENTRY_USER, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_store_insert(s, 0, NULL, 3, c, LLM_ENTRY_USER, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_store_insert(s, 0, tokens, 3, NULL, LLM_ENTRY_USER, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_store_insert(s, 0, tokens, 3, c, LLM_ENTRY_TYPE_COUNT, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_store_insert(s, 0, tokens, 2, c, LLM_ENTRY_USER, &error), LLM_BAD_ARGUMENT);
    CHECK_STR(error.message, "the cache has seen 3 tokens, not the 2 that are given");
    CHECK_EQ(llm__cache_begin(c, 1, 3, 1, NULL), LLM_OK);
    CHECK_EQ(llm_store_insert(s, 0, tokens, 3, c, LLM_ENTRY_USER, &error), LLM_BAD_ARGUMENT);
    llm__cache_abandon(c);
    CHECK_EQ(entries_of(s), 0);
    CHECK_EQ(llm_store_insert(s, 0, tokens, 3, c, LLM_ENTRY_USER, &error), LLM_OK);
    CHECK_EQ(error.status, LLM_OK);
    CHECK_EQ(llm_store_fetch(NULL, 0, tokens, 3, &out, &used, &error), LLM_BAD_ARGUMENT);
    CHECK(!out && !used);
    CHECK_EQ(llm_store_fetch(s, 0, NULL, 3, &out, &used, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_store_fetch(s, 0, tokens, 3, NULL, &used, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_store_fetch(s, 0, tokens, 3, &out, NULL, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_store_get_stats(s).hits + llm_store_get_stats(s).misses, 0);
    stats = llm_store_get_stats(NULL);
    CHECK_EQ(stats.entries + stats.index_bytes, 0);
    llm_store_trim_to(NULL, 0, 0);
    llm_store_clear(NULL);
    llm_store_close(NULL);
    llm_store_close(s);
    llm_cache_close(c);
}

/* ---- every allocation refused in turn */

/* What must not change when a call fails. */
typedef struct snapshot {
    llm_store_stats stats;
    const llm__entry *entries[16];
    size_t count;
} snapshot;

static snapshot look(llm_store *s) {
    snapshot shot;
    const llm__entry *e;
    int type;
    memset(&shot, 0, sizeof shot);
    shot.stats = llm_store_get_stats(s);
    shot.stats.index_bytes = 0; /* a table may have grown */
    for (type = 0; type < LLM_ENTRY_TYPE_COUNT; type++)
        for (e = s->queues[type].oldest; e && shot.count < 16; e = e->newer) shot.entries[shot.count++] = e;
    return shot;
}

/* A call that may run out of memory: then nothing has changed, and a second try succeeds. */
static void try_insert(llm_store *s, const int32_t *tokens, size_t count, const llm_cache *c, llm_entry_type type) {
    snapshot before = look(s), after;
    llm_error error;
    llm_status status = llm_store_insert(s, 1, tokens, count, c, type, &error);
    CHECK(trie_is_right(s, 0));
    if (status == LLM_OK) return;
    after = look(s);
    CHECK_EQ(status, LLM_OUT_OF_MEMORY);
    CHECK(strstr(error.message, "refused") != NULL);
    CHECK(!memcmp(&before, &after, sizeof before));
    CHECK_EQ(llm_store_insert(s, 1, tokens, count, c, type, &error), LLM_OK);
}

static void try_fetch(llm_store *s, const int32_t *tokens, size_t count, size_t expected) {
    snapshot before = look(s), after;
    llm_cache *c = NULL;
    size_t used = 9;
    llm_status status = llm_store_fetch(s, 1, tokens, count, &c, &used, NULL);
    if (status != LLM_OK) {
        after = look(s);
        CHECK_EQ(status, LLM_OUT_OF_MEMORY);
        CHECK(!c && !used);
        CHECK(!memcmp(&before, &after, sizeof before));
        CHECK_EQ(llm_store_fetch(s, 1, tokens, count, &c, &used, NULL), LLM_OK);
    }
    CHECK_EQ(used, expected);
    CHECK(c && holds(c, tokens, used));
    llm_cache_close(c);
}

/* Whether memory was refused. */
static int story(tally *t, int refuse) {
    enum { LENGTH = 200 }; /* pages enough for the table of them to grow */
    static int32_t first[LENGTH], second[LENGTH], third[LENGTH];
    llm_store_desc d;
    llm_store *s = NULL;
    llm_cache *a, *b, *c;
    memset(&d, 0, sizeof d);
    fill(second, 100, LENGTH, 2);
    fill(third, 50, LENGTH, 3);
    a = cache_of(PLAIN, first, LENGTH);
    b = cache_of(PLAIN, second, LENGTH);
    c = cache_of(PLAIN, third, LENGTH);
    memset(t, 0, sizeof *t);
    cache_tally.calls = 0;
    if (refuse > 0) t->refuse = refuse;
    else cache_tally.refuse = -refuse;
    d.max_entries = 2;
    d.allocator = tally_allocator(t);
    if (llm_store_open(&s, &d, NULL)) CHECK_EQ(llm_store_open(&s, &d, NULL), LLM_OK);
    try_insert(s, first, LENGTH, a, LLM_ENTRY_USER);
    try_insert(s, second, LENGTH, b, LLM_ENTRY_USER);  /* splits */
    try_fetch(s, third, LENGTH, 50);
    try_insert(s, third, LENGTH, c, LLM_ENTRY_SYSTEM); /* splits, and evicts, which joins */
    try_insert(s, first, LENGTH, a, LLM_ENTRY_ASSISTANT);
    try_insert(s, third, LENGTH, c, LLM_ENTRY_USER);   /* the same tokens */
    try_fetch(s, third, LENGTH, LENGTH);
    CHECK_EQ(entries_of(s), 2);
    refuse = refuse > 0 ? t->calls >= refuse : cache_tally.calls >= -refuse;
    cache_tally.refuse = 0;
    llm_store_close(s);
    llm_cache_close(a);
    llm_cache_close(b);
    llm_cache_close(c);
    CHECK_EQ(t->live, 0);
    CHECK_EQ(cache_tally.live, 0);
    return refuse;
}

static void test_refused_memory(void) {
    tally t;
    int n;
    for (n = 1; story(&t, n); n++) {}
    CHECK(n > 20);
    for (n = 1; story(&t, -n); n++) {}
    CHECK(n > 20);
}

/* ---- threads: everything at once on one store; what comes out must be right */

#ifdef HAVE_THREADS
enum { THREADS = 4, ROUNDS = 1500 };

typedef struct player {
    pthread_t thread;
    llm_store *store;
    uint32_t random;
    int wrong;
} player;

static void player_move(player *p) {
    int32_t tokens[LONGEST];
    size_t count = below(&p->random, LONGEST + 1), used = 0, i;
    int kind = (int)below(&p->random, KINDS);
    llm_cache *c = NULL;
    for (i = 0; i < count; i++) tokens[i] = (int32_t)below(&p->random, 2);
    p->wrong += llm_store_fetch(p->store, (uint64_t)kind, tokens, count, &c, &used, NULL) != LLM_OK;
    p->wrong += c && !holds(c, tokens, used);
    if (!c) c = open_cache(kind);
    read_in(c, tokens, count);
    if (below(&p->random, 2))
        p->wrong += llm_store_insert(p->store, (uint64_t)kind, tokens, count, c,
                                     (llm_entry_type)below(&p->random, LLM_ENTRY_TYPE_COUNT), NULL) != LLM_OK;
    if (below(&p->random, 50) == 0) llm_store_trim_to(p->store, below(&p->random, 10), SIZE_MAX);
    p->wrong += llm_store_get_stats(p->store).entries > 16;
    p->wrong += !holds(c, tokens, count);
    llm_cache_close(c);
}

static void *player_main(void *argument) {
    player *p = (player *)argument;
    int i;
    for (i = 0; i < ROUNDS; i++) player_move(p);
    return NULL;
}

static void test_threads(void) {
    player players[THREADS];
    llm_store_stats stats;
    tally t;
    int i;
    memset(&t, 0, sizeof t);
    memset(players, 0, sizeof players);
    players[0].store = open_store(16, 0, &t);
    for (i = 0; i < THREADS; i++) {
        players[i].store = players[0].store;
        players[i].random = (uint32_t)i * 77777;
        CHECK_EQ(pthread_create(&players[i].thread, NULL, player_main, &players[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(players[i].thread, NULL);
        CHECK_EQ(players[i].wrong, 0);
    }
    stats = llm_store_get_stats(players[0].store);
    CHECK_EQ(stats.hits + stats.misses, THREADS * ROUNDS);
    CHECK_EQ(stats.index_bytes, t.live);
    CHECK(trie_is_right(players[0].store, 1));
    llm_store_close(players[0].store);
    CHECK_EQ(t.live, 0);
    CHECK_EQ(cache_tally.live, 0);
}
#endif

int main(void) {
    TEST(test_caching);
    TEST(test_lru);
    TEST(test_insert_trimmable_cache_removes_immediate_prefix);
    TEST(test_insert_empty_tokens_does_not_self_destruct);
    TEST(test_fetch_empty_tokens_after_root_eviction);
    TEST(test_lru_bytes);
    TEST(test_differences);
    TEST(test_limits);
    TEST(test_order_of_types);
    TEST(test_shared_pages);
    TEST(test_forks_are_apart);
    TEST(test_statistics);
    TEST(test_random_operations);
    TEST(test_many_siblings);
    TEST(test_nested_prefixes);
    TEST(test_million_tokens);
    TEST(test_bad_arguments);
    TEST(test_refused_memory);
#ifdef HAVE_THREADS
    TEST(test_threads);
#endif
    return test_summary("test_store");
}
