/* fixture.h - reads a fixture (tests/README.md has the format) and builds its checkpoint in memory.  Include after
   llm.h and its implementation, whose JSON and safetensors readers it uses. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "common.h"

enum { NAME_BYTES = 120 };

/* A fixture, read; everything in it lives in its arena. */
typedef struct fixture {
    char name[NAME_BYTES];
    llm__arena arena;
    llm__folder folder;
    llm_memory_file source;
    llm__tensors tensors;
    const llm__json *metadata, *config, *formulas, *about;
    const int32_t *prompt, *decode, *columns;
    int prompt_count, decode_count, column_count;
    const float *prompt_logits, *decode_logits; /* [prompt_count or decode_count, width] */
    int width;                                  /* columns compared: those listed, or the whole vocabulary */
    double tolerance;                           /* absolute */
    llm_memory_file checkpoint[2];
    char problem[400];                          /* why it failed; empty while it has not */
    double worst;
} fixture;

/* ---- reading */

static int say(fixture *f, const char *format, ...) LLM__PRINTF(2, 3);
static int say(fixture *f, const char *format, ...) {
    va_list list;
    if (f->problem[0]) return 0;
    va_start(list, format);
    vsnprintf(f->problem, sizeof f->problem, format, list);
    va_end(list);
    return 0;
}

static void *take(fixture *f, size_t count, size_t size) { return need(llm__arena_alloc(&f->arena, count, size)); }

static int read_whole(fixture *f, const char *path) {
    FILE *file = fopen(path, "rb");
    long bytes = -1;
    void *data;
    if (!file) return say(f, "cannot be opened");
    if (!fseek(file, 0, SEEK_END)) bytes = ftell(file);
    if (bytes < 0 || fseek(file, 0, SEEK_SET)) {
        fclose(file);
        return say(f, "cannot be read");
    }
    data = take(f, (size_t)bytes, 1);
    f->source.name = "fixture.safetensors";
    f->source.data = data;
    f->source.bytes = fread(data, 1, (size_t)bytes, file);
    fclose(file);
    return f->source.bytes == (size_t)bytes ? 1 : say(f, "cannot be read");
}

static int open_fixture(fixture *f, const char *path) {
    llm_error error;
    const char *slash = strrchr(path, '/');
    size_t length;
    memset(f, 0, sizeof *f);
    snprintf(f->name, sizeof f->name, "%s", slash ? slash + 1 : path);
    length = strlen(f->name);
    if (length > 12 && !strcmp(f->name + length - 12, ".safetensors")) f->name[length - 12] = 0;
    f->arena.allocator = llm__allocator_or_default(f->arena.allocator);
    f->folder.arena = &f->arena;
    f->folder.memory = &f->source;
    f->folder.memory_count = 1;
    if (!read_whole(f, path)) return 0;
    if (llm__safetensors_add(&f->folder, f->source.name, &f->tensors, &error)) return say(f, "%s", error.message);
    f->metadata = f->tensors.metadata;
    return 1;
}

static void close_fixture(fixture *f) {
    llm__folder_close(&f->folder);
    llm__tensors_free(&f->arena.allocator, &f->tensors);
    llm__arena_free(&f->arena);
}

static const uint8_t *fetch(fixture *f, llm__tensor *t) {
    const uint8_t *data = NULL;
    llm_error error;
    if (llm__tensor_fetch(&f->folder, t, &data, &error)) say(f, "%s", error.message);
    return data;
}

static const float *read_floats(fixture *f, const char *name, int64_t *rows, int64_t *columns) {
    llm__tensor *t = llm__tensor_find(&f->tensors, name);
    const uint8_t *data = t && t->dims == 2 ? fetch(f, t) : NULL;
    float *out;
    if (!data) {
        say(f, "array %s is absent", name);
        return NULL;
    }
    *rows = t->shape[0];
    *columns = t->shape[1];
    out = (float *)take(f, (size_t)(*rows * *columns), sizeof *out);
    llm__to_f32(t->dtype, data, (size_t)(*rows * *columns), out);
    return out;
}

static const int32_t *read_ids(fixture *f, const char *name, int *count) {
    llm__tensor *t = llm__tensor_find(&f->tensors, name);
    const uint8_t *data = t && t->dims == 1 && t->dtype == LLM_I32 ? fetch(f, t) : NULL;
    int32_t *out;
    *count = 0;
    if (!data) return NULL;
    *count = (int)t->shape[0];
    out = (int32_t *)take(f, (size_t)*count + 1, sizeof *out);
    memcpy(out, data, (size_t)*count * sizeof *out);
    return out;
}

/* The metadata's values are JSON inside JSON strings. */
static const llm__json *read_nested(fixture *f, const char *key) {
    const llm__json *text = llm__json_get(f->metadata, key), *root = NULL;
    llm_error error;
    if (!llm__json_is(text, LLM__JSON_STRING)) {
        say(f, "metadata has no %s", key);
        return NULL;
    }
    if (llm__json_parse(&f->arena, key, text->as.text, text->length, &root, &error)) say(f, "%s", error.message);
    return root;
}

static int read_expectations(fixture *f) {
    int64_t rows = 0, columns = 0, decode_rows = 0, decode_columns = 0;
    double tolerance = 0, largest = 0;
    f->config = llm__json_get(f->metadata, "config");
    f->formulas = read_nested(f, "tensors");
    f->about = read_nested(f, "about");
    f->prompt = read_ids(f, "prompt", &f->prompt_count);
    f->decode = read_ids(f, "decode", &f->decode_count);
    f->columns = read_ids(f, "columns", &f->column_count);
    if (!llm__json_text_is(llm__json_get(f->metadata, "kind"), "cachefile"))
        f->prompt_logits = read_floats(f, "prompt_logits", &rows, &columns);
    if (f->decode_count) f->decode_logits = read_floats(f, "decode_logits", &decode_rows, &decode_columns);
    if (f->problem[0]) return 0;
    if (!f->prompt_logits) rows = f->prompt_count, columns = decode_columns; /* a prompt cache goes on from there */
    if (!f->prompt_count || rows != f->prompt_count || decode_rows != f->decode_count ||
        (f->decode_count && decode_columns != columns))
        return say(f, "its arrays contradict each other");
    if (!llm__json_float(llm__json_get(f->about, "tolerance"), &tolerance) ||
        !llm__json_float(llm__json_get(f->about, "largest_logit"), &largest))
        return say(f, "about has no tolerance");
    f->width = (int)columns;
    f->tolerance = tolerance * largest;
    return 1;
}

/* ---- the checkpoint, from formulas */

typedef struct entry {
    const char *name;
    llm_dtype dtype;
    int dims;
    int64_t shape[8];
    size_t count, offset, bytes;
    double at, scale;    /* of a formula */
    llm__tensor *stored; /* or the array itself */
} entry;

static uint64_t fnv1a(uint64_t h, const char *text, size_t bytes) {
    size_t i;
    for (i = 0; i < bytes; i++) h = (h ^ (uint8_t)text[i]) * UINT64_C(0x100000001B3);
    return h;
}

static uint64_t splitmix(uint64_t x) {
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static void fill_entry(const entry *e, const llm__json *salt, uint8_t *out) {
    uint64_t h = fnv1a(UINT64_C(0xCBF29CE484222325), salt ? salt->as.text : "", salt ? salt->length : 0);
    size_t i, n, size = llm__dtype_bytes(e->dtype);
    float block[256];
    h = fnv1a(fnv1a(h, ":", 1), e->name, strlen(e->name));
    for (i = 0; i < e->count; i += n) {
        for (n = 0; n < 256 && i + n < e->count; n++)
            block[n] = (float)(e->at + e->scale * ((double)(splitmix(h + i + n) >> 40) / 8388608.0 - 1.0));
        llm__from_f32(e->dtype, block, n, out + i * size);
    }
}

static int entry_from_formula(fixture *f, const llm__json *key, entry *e) {
    const llm__json *v = key + 1, *dtype = llm__json_get(v, "dtype"), *shape = llm__json_get(v, "shape");
    uint32_t i;
    double n;
    e->name = key->as.text;
    e->count = 1;
    if (!llm__json_is(dtype, LLM__JSON_STRING) || !llm__dtype_from_name(dtype->as.text, &e->dtype) || !shape ||
        shape->length > 8 || !llm__json_float(llm__json_get(v, "offset"), &e->at) ||
        !llm__json_float(llm__json_get(v, "scale"), &e->scale))
        return say(f, "the formula of %s makes no sense", e->name);
    e->dims = (int)shape->length;
    for (i = 0; i < shape->length; i++) {
        if (!llm__json_float(llm__json_at(shape, i), &n)) return say(f, "the formula of %s has no shape", e->name);
        e->shape[i] = (int64_t)n;
        e->count *= (size_t)e->shape[i];
    }
    e->bytes = e->count * llm__dtype_bytes(e->dtype);
    return 1;
}

static void entry_from_array(llm__tensor *t, entry *e) {
    e->name = t->name + strlen("weights/");
    e->dtype = t->dtype;
    e->dims = t->dims;
    memcpy(e->shape, t->shape, sizeof e->shape);
    e->bytes = (size_t)t->bytes;
    e->stored = t;
}

static size_t list_entries(fixture *f, entry *entries) {
    const llm__json *key = llm__json_first(f->formulas);
    uint32_t i;
    size_t n = 0, k;
    for (i = 0; i < f->formulas->length; i++, key = llm__json_next(llm__json_next(key)))
        if (key->length && !entry_from_formula(f, key, &entries[n++])) return 0;
    for (k = 0; k < f->tensors.count; k++)
        if (!strncmp(f->tensors.items[k].name, "weights/", 8)) entry_from_array(&f->tensors.items[k], &entries[n++]);
    return n;
}

static void put(llm__text *text, const char *format, ...) LLM__PRINTF(2, 3);
static void put(llm__text *text, const char *format, ...) {
    char line[600];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    llm__text_add(text, line, strlen(line));
}

static void put_entry(llm__text *header, const entry *e) {
    int d;
    put(header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", e->name, llm__dtype_name(e->dtype));
    for (d = 0; d < e->dims; d++) put(header, "%s%lld", d ? "," : "", (long long)e->shape[d]);
    put(header, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)e->offset,
        (unsigned long long)(e->offset + e->bytes));
}

/* Wide elements first, so that each tensor lies aligned as a writer of real checkpoints would have it. */
static size_t place_entries(entry *entries, size_t n, llm__text *header) {
    size_t size, i, at = 0;
    for (size = 8; size; size /= 2)
        for (i = 0; i < n; i++)
            if (llm__dtype_bytes(entries[i].dtype) == size) {
                entries[i].offset = at;
                at += entries[i].bytes;
                put_entry(header, &entries[i]);
            }
    return at;
}

static int build_checkpoint(fixture *f) {
    const llm__json *layout = llm__json_get(f->about, "layout");
    entry *entries = (entry *)take(f, f->tensors.count + f->formulas->length + 1, sizeof *entries);
    llm__text header;
    size_t n = list_entries(f, entries), data, i;
    uint8_t *image;
    if (f->problem[0]) return 0;
    memset(&header, 0, sizeof header);
    header.allocator = f->arena.allocator;
    put(&header, "{\"__metadata__\":{\"format\":\"%s\"}", llm__json_text_is(layout, "original") ? "pt" : "mlx");
    data = place_entries(entries, n, &header);
    put(&header, "}");
    while (header.length % 8) put(&header, " ");
    image = (uint8_t *)take(f, 8 + header.length + data, 1);
    for (i = 0; i < 8; i++) image[i] = (uint8_t)((uint64_t)header.length >> 8 * i);
    memcpy(image + 8, header.data, header.length);
    for (i = 0; i < n; i++) {
        uint8_t *out = image + 8 + header.length + entries[i].offset;
        const uint8_t *stored = entries[i].stored ? fetch(f, entries[i].stored) : NULL;
        if (stored) memcpy(out, stored, entries[i].bytes);
        else fill_entry(&entries[i], llm__json_get(f->formulas, ""), out);
    }
    f->checkpoint[0].name = "config.json";
    f->checkpoint[0].data = f->config->as.text;
    f->checkpoint[0].bytes = f->config->length;
    f->checkpoint[1].name = "model.safetensors";
    f->checkpoint[1].data = image;
    f->checkpoint[1].bytes = 8 + header.length + data;
    llm__text_free(&header);
    return !f->problem[0];
}

#endif /* FIXTURE_H */
