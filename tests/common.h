/* common.h - what test programs of both headers share: an allocator that counts and can refuse, numbers by chance,
   files and blocks of bytes, and what an error says.  Include after a header and its implementation. */
#ifndef COMMON_H
#define COMMON_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- an allocator that counts, for any number of threads; refuses the call number `refuse` (from 1; 0: none), and
   what is larger than 2 GB, whatever this machine has */
typedef struct tally {
    llm__atomic calls, refuse;
    int64_t live, most; /* bytes; most: exact if there is one thread */
} tally;

static void *tally_reallocate(void *user, void *block, size_t old_bytes, size_t new_bytes) {
    tally *t = (tally *)user;
    void *moved;
    int64_t live;
    if (!new_bytes) {
        free(block);
        __atomic_fetch_sub(&t->live, (int64_t)old_bytes, __ATOMIC_SEQ_CST);
        return NULL;
    }
    if (llm__atomic_add(&t->calls, 1) == llm__atomic_get(&t->refuse) || new_bytes > (size_t)1 << 31) return NULL;
    moved = realloc(block, new_bytes);
    if (!moved) return NULL;
    live = __atomic_add_fetch(&t->live, (int64_t)new_bytes - (int64_t)(block ? old_bytes : 0), __ATOMIC_SEQ_CST);
    if (live > __atomic_load_n(&t->most, __ATOMIC_SEQ_CST)) __atomic_store_n(&t->most, live, __ATOMIC_SEQ_CST);
    return moved;
}

static LLM__UNUSED llm_allocator tally_allocator(tally *t) {
    llm_allocator a;
    a.user = t;
    a.reallocate = tally_reallocate;
    return a;
}

/* The same from zero. */
static LLM__UNUSED llm_allocator tally_start(tally *t) {
    memset(t, 0, sizeof *t);
    return tally_allocator(t);
}

/* A block that is there; nothing can be tested without. */
static LLM__UNUSED void *need(void *block) {
    if (block) return block;
    printf("out of memory\n");
    exit(2);
}

/* ---- numbers by chance, the same in every run (the mixer is Wellons's lowbias32) */

static LLM__UNUSED uint32_t mix(uint32_t x) {
    x = (x ^ x >> 16) * 0x7feb352dU;
    x = (x ^ x >> 15) * 0x846ca68bU;
    return x ^ x >> 16;
}

static LLM__UNUSED uint32_t random_bits(uint32_t *state) { return mix(*state += 0x9e3779b9U); }

/* ---- bytes */

/* A copy in a block of exactly that size: a read past its end shows under the address sanitizer. */
static LLM__UNUSED void *exactly(const void *data, size_t bytes) {
    void *copy = need(malloc(bytes ? bytes : 1));
    if (bytes) memcpy(copy, data, bytes);
    return copy;
}

/* A llm_sink's `write` that adds to the llm__text at `user`. */
static LLM__UNUSED int collect(void *user, const void *data, size_t bytes) {
    llm__text *text = (llm__text *)user;
    text->allocator = llm__allocator_or_default(text->allocator);
    return !llm__text_add(text, (const char *)data, bytes);
}

/* What saves a cache as a text, which is empty at first. */
static LLM__UNUSED llm_cache_save_desc into_text(llm__text *file, const llm_note *notes, size_t count) {
    llm_cache_save_desc d;
    memset(file, 0, sizeof *file);
    memset(&d, 0, sizeof d);
    d.sink.user = file;
    d.sink.write = collect;
    d.notes = notes;
    d.note_count = count;
    return d;
}

/* A cache's file, to be freed. */
static LLM__UNUSED llm__text file_of_cache(const llm_cache *cache, const llm_note *notes, size_t count) {
    llm__text file;
    llm_cache_save_desc d = into_text(&file, notes, count);
    llm_error error;
    if (llm_cache_save(cache, &d, &error)) {
        printf("saving: %s\n", error.message);
        exit(2);
    }
    return file;
}

/* A whole file, with a NUL after it; ends the program when it is not there: nothing can be tested then. */
static LLM__UNUSED void *read_file(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    long length = -1;
    char *data = NULL;
    if (file && !fseek(file, 0, SEEK_END) && (length = ftell(file)) >= 0 && !fseek(file, 0, SEEK_SET))
        data = (char *)malloc((size_t)length + 1);
    if (!data || fread(data, 1, (size_t)length, file) != (size_t)length) {
        printf("cannot read %s\n", path);
        exit(2);
    }
    fclose(file);
    data[length] = 0;
    *bytes = (size_t)length;
    return data;
}

/* Writes a file: a head, and what is behind it; 0: it cannot be written. */
static LLM__UNUSED int write_file(const char *folder, const char *name, const char *head, size_t head_bytes,
                                  const char *data, size_t bytes) {
    char path[1200];
    FILE *file;
    int good;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "wb");
    good = file && fwrite(head, 1, head_bytes, file) == head_bytes && fwrite(data, 1, bytes, file) == bytes;
    return file && !fclose(file) && good;
}

/* ---- errors */

static LLM__UNUSED int says(const llm_error *error, const char *word) {
    if (strstr(error->message, word)) return 1;
    printf("the message \"%s\" does not say \"%s\"\n", error->message, word);
    return 0;
}

#endif /* COMMON_H */
