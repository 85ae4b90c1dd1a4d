/* fuzz - libFuzzer's way in (make fuzz): one file of a good checkpoint is replaced by the input, then opened and used;
   or the input is a prompt cache, a chat template, what one is rendered with, or a text with tool calls

   The input's first byte says which file of which checkpoint: 'a'.. for tests/golden/models/stories260K (float,
   SentencePiece-style), 'A'.. for examples/model (quantized, byte-level); 'e' is a prompt cache; 'f' the source of a
   template; 'g' the name of a golden template, and messages, tools, documents and variables, each up to a NUL;
   'h' and a capital for the dialect, a text with tool calls; 'i' the number of a style in tests/golden/tokenizers, and
   a text that its tokenizer encodes, 'I' the same and ids of two bytes each to decode; 'j' a grammar, whose next byte
   says of which kind; 'k' to 'o' the only file of a tokenizer, see vocabulary_files; 'p' the packed file of
   examples/model, whose head is corrected before it is read.
   FUZZ_ONLY, a letter, passes over all others.  Whatever comes, the library must leave with an llm_error or work, give
   back all memory and touch nothing that is not its own (the sanitizers look on). */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "stories.h"
#include "styles.h"

#ifndef FUZZ_ONLY
#define FUZZ_ONLY 0
#endif

static llm_memory_file bundled_files[FILES];

/* Golden templates, read when they are first asked for. */
typedef struct golden_template {
    const char *name;
    llm_template *template_;
} golden_template;

static golden_template golden_templates[] = {
    {"chatml-tools.json", NULL}, {"chatml.json", NULL},        {"command_docs.json", NULL},
    {"generation.json", NULL},   {"granite_dates.json", NULL}, {"headers-date.json", NULL},
    {"inst.json", NULL},         {"mistral_v7.json", NULL},    {"multimodal.json", NULL},
    {"olmo_plain.json", NULL},   {"recursive_schema.json", NULL}, {"smol_modes.json", NULL},
    {"thinking.json", NULL},     {"turns.json", NULL},         {"typescript.json", NULL},
    {"xml-tools.json", NULL},
};

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    char path[200];
    int i;
    (void)count;
    (void)arguments;
    stories_read();
    for (i = 0; i < FILES; i++) {
        bundled_files[i].name = stories_files[i].name;
        snprintf(path, sizeof path, "examples/model/%s", stories_files[i].name);
        bundled_files[i].data = read_file(path, &bundled_files[i].bytes);
    }
    return 0;
}

static void use(const llm_model *model) {
    llm_generation_desc gd;
    llm_generation *generation = NULL;
    llm_piece piece;
    int32_t ids[64];
    size_t n = 0;
    char text[256];
    memset(&gd, 0, sizeof gd);
    gd.prompt = "A dog \xC3\xA9 ran.";
    gd.max_tokens = 3;
    gd.session.max_rows = 8;
    if (llm_encode(model, gd.prompt, strlen(gd.prompt), 1, ids, 64, &n, NULL) == LLM_OK && n <= 64)
        llm_decode(model, ids, n, 0, text, sizeof text, &n, NULL);
    if (llm_generation_open(&generation, model, &gd, NULL)) return;
    while (llm_generation_next(generation, &piece, NULL) == LLM_OK) continue;
    llm_generation_close(generation);
}

static int discard(void *user, const void *data, size_t bytes) {
    (void)user;
    (void)data;
    return bytes == 0;
}

/* Loads a prompt cache, now and then with itself as its part or its first token only, and saves what was loaded. */
static void use_cache(const uint8_t *data, size_t bytes) {
    enum { ROWS = 4 };
    llm_cache *rows[ROWS];
    llm_cache_part part;
    llm_cache_load_desc from;
    llm_cache_save_desc to;
    size_t count, i;
    tally memory;
    memset(&part, 0, sizeof part);
    memset(&from, 0, sizeof from);
    memset(&to, 0, sizeof to);
    to.sink.write = discard;
    from.data = part.data = data;
    from.bytes = part.bytes = bytes;
    from.parts = &part;
    from.part_count = bytes && data[bytes - 1] % 8 == 0;
    from.tokens = bytes && data[bytes - 1] % 8 == 1;
    from.allocator = tally_start(&memory);
    if (llm_cache_load_rows(rows, ROWS, &count, &from, NULL) == LLM_OK)
        for (i = 0; i < count; i++) llm_cache_save(rows[i], &to, NULL);
    for (i = 0; i < ROWS; i++) llm_cache_close(rows[i]);
    if (memory.live) abort();
}

static const llm_date today = {2026, 1, 2, 3, 4, 5, 6};

/* Bounds that keep one input below a second or so. */
static llm_template_desc small_template(llm_allocator allocator) {
    llm_template_desc td;
    memset(&td, 0, sizeof td);
    td.max_steps = 200000;
    td.max_memory_bytes = (size_t)64 << 20;
    td.max_output_bytes = (size_t)4 << 20;
    td.allocator = allocator;
    return td;
}

static void render(const llm_template *t, const llm_render_desc *d) {
    llm_rendering *out = NULL;
    if (llm_template_render(&out, t, d, NULL) == LLM_OK && strlen(out->text) > out->bytes) abort();
    llm_rendering_close(out);
}

static void use_source(const uint8_t *data, size_t bytes) {
    static const llm_note tokens[] = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
    tally memory;
    llm_template_desc td = small_template(tally_start(&memory));
    llm_template *t = NULL;
    llm_render_desc d;
    memset(&d, 0, sizeof d);
    d.messages = "[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
                 "\"text\":\"U\"}]},{\"role\":\"assistant\",\"content\":\"<think>t</think>A\",\"tool_calls\":[{"
                 "\"function\":{\"name\":\"f\",\"arguments\":{\"x\":[1,2.5,null]}}}]}]";
    d.tools = "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}]";
    d.variables = "{\"s\":\"Hi, You\",\"l\":[3,1,2],\"d\":{\"b\":1,\"a\":[true,null]},\"x\":12345678901234567890,"
                  "\"y\":-0.5,\"html\":\"<a href='x'>\",\"items\":[{\"n\":\"b\"},{\"n\":\"A\"}]}";
    d.tokens = tokens;
    d.token_count = 2;
    d.add_generation_prompt = 1;
    d.now = &today;
    td.source = (const char *)data;
    td.source_bytes = bytes;
    if (bytes && llm_template_open(&t, &td, NULL) == LLM_OK) render(t, &d);
    llm_template_close(t);
    if (memory.live) abort();
}

static const llm_template *golden_named(const char *name) {
    size_t i, bytes;
    for (i = 0; i < LLM__LENGTH(golden_templates); i++) {
        golden_template *g = &golden_templates[i];
        llm_template_desc td;
        const llm__json *root;
        llm__arena arena;
        char path[200], *text;
        if (strcmp(g->name, name)) continue;
        if (g->template_) return g->template_;
        memset(&arena, 0, sizeof arena);
        arena.allocator = llm__allocator_or_default(arena.allocator);
        td = small_template(arena.allocator);
        snprintf(path, sizeof path, "tests/golden/templates/%s", name);
        text = (char *)read_file(path, &bytes);
        if (llm__json_parse(&arena, name, text, bytes, &root, NULL)) abort();
        td.source = llm__json_get(root, "template")->as.text;
        if (llm_template_open(&g->template_, &td, NULL)) abort();
        llm__arena_free(&arena);
        free(text);
        return g->template_;
    }
    return NULL;
}

static int use_data(const uint8_t *data, size_t bytes) {
    const char *parts[5], *at;
    const llm_template *t;
    llm_render_desc d;
    char *copy = (char *)malloc(bytes + 1);
    size_t i;
    memcpy(copy, data, bytes);
    copy[bytes] = 0;
    for (i = 0, at = copy; i < 5; i++) {
        parts[i] = at;
        at += strlen(at);
        if (at < copy + bytes) at++;
    }
    memset(&d, 0, sizeof d);
    d.messages = *parts[1] ? parts[1] : NULL;
    d.tools = *parts[2] ? parts[2] : NULL;
    d.documents = *parts[3] ? parts[3] : NULL;
    d.variables = *parts[4] ? parts[4] : NULL;
    d.continue_final_message = bytes && data[bytes - 1] % 4 == 1;
    d.add_generation_prompt = !d.continue_final_message;
    d.now = &today;
    t = golden_named(parts[0]);
    if (t) render(t, &d);
    free(copy);
    return t ? 0 : -1;
}

/* A text in two pieces through a splitter, and as one call. */
static int use_calls(const uint8_t *data, size_t bytes) {
    static const char tools[] =
        "[{\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{\"s\":{\"type\":\"string\"},\"i\":{\"type\":"
        "\"integer\"},\"n\":{\"type\":\"number\"},\"b\":{\"type\":\"bool\"},\"o\":{\"anyOf\":[{\"type\":\"object\"},{"
        "\"type\":[\"array\",\"null\"]}]},\"d\":{\"type\":\"dict\"},\"u\":{\"enum\":[1,\"x\"]}}}}}]";
    llm_splitter_desc d;
    llm_tool_desc td;
    llm_splitter *s = NULL;
    llm_segment g;
    llm_tool_calls *calls = NULL;
    tally memory;
    size_t cut = bytes / 2;
    memset(&d, 0, sizeof d);
    memset(&td, 0, sizeof td);
    td.dialect = d.dialect = bytes && data[0] >= 'A' ? llm_tool_dialect((size_t)(data[0] - 'A')) : NULL;
    if (!d.dialect) return -1;
    td.tools = d.tools = tools;
    d.think_start = "<think>";
    d.think_end = "</think>";
    td.allocator = d.allocator = tally_start(&memory);
    if (llm_splitter_open(&s, &d, NULL)) abort();
    data++, bytes--;
    if (cut > bytes) cut = bytes;
    llm_splitter_feed(s, (const char *)data, cut, NULL);
    while (llm_splitter_next(s, &g, NULL) == LLM_OK) continue;
    llm_splitter_feed(s, (const char *)data + cut, bytes - cut, NULL);
    llm_splitter_finish(s, 0);
    while (llm_splitter_next(s, &g, NULL) == LLM_OK) continue;
    llm_splitter_close(s);
    llm_tool_parse(&calls, &td, (const char *)data, bytes, NULL);
    llm_tool_calls_close(calls);
    if (memory.live) abort();
    return 0;
}

/* ---- tokenizers */

enum { MOST_IDS = 1 << 14 };

/* Decoded in one call and id by id: the same text. */
static void decode_both(const llm_tokenizer *t, const int32_t *ids, size_t count, int skip_special) {
    llm_detokenizer *d = NULL;
    const char *piece;
    char *whole = NULL, *joined;
    size_t bytes, n, i, at = 0;
    llm_status status = llm_tokenizer_decode(t, ids, count, skip_special, NULL, 0, &bytes, NULL);
    if (status == LLM_TOO_LARGE) return;
    if (status) abort();
    whole = (char *)malloc(2 * bytes + 2);
    joined = whole + bytes + 1;
    if (llm_tokenizer_decode(t, ids, count, skip_special, whole, bytes + 1, &n, NULL) || n != bytes) abort();
    if (llm_detokenizer_open(&d, t, skip_special, NULL, NULL)) abort();
    for (i = 0; i <= count && !status; i++) {
        status = i < count ? llm_detokenizer_add(d, ids[i], &piece, &n, NULL)
                           : llm_detokenizer_finish(d, &piece, &n, NULL);
        if (!status && (n > bytes - at || strlen(piece) > n)) abort();
        if (!status) memcpy(joined + at, piece, n);
        at += status ? 0 : n;
    }
    if (!status && (at != bytes || memcmp(whole, joined, bytes))) abort();
    llm_detokenizer_close(d);
    free(whole);
}

/* Spans lie in the text, and ids in the vocabulary; what was encoded is decoded. */
static void encode_text(const llm_tokenizer *t, const char *text, size_t bytes, int plain) {
    static int32_t ids[MOST_IDS], bare[MOST_IDS];
    static llm_text_span spans[MOST_IDS];
    llm_encode_desc d;
    size_t count, again, i;
    memset(&d, 0, sizeof d);
    d.text = text;
    d.bytes = bytes;
    d.plain = d.special = plain;
    d.ids = ids;
    d.spans = spans;
    d.capacity = MOST_IDS;
    if (!bytes || llm_tokenizer_encode(t, &d, &count, NULL)) return;
    d.ids = bare;
    d.spans = NULL;
    if (llm_tokenizer_encode(t, &d, &again, NULL) || again != count) abort();
    if (count > MOST_IDS) count = MOST_IDS;
    if (memcmp(ids, bare, count * sizeof *ids)) abort();
    for (i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= llm_tokenizer_size(t) || spans[i].from > spans[i].to || spans[i].to > bytes)
            abort();
    decode_both(t, ids, count, plain);
}

/* The tokenizer of a golden style, by any number. */
static const llm_tokenizer *golden_style(unsigned number) {
    static llm_tokenizer *open[LLM__LENGTH(styles)];
    llm_tokenizer_desc d;
    char path[200];
    size_t i = number % LLM__LENGTH(styles);
    memset(&d, 0, sizeof d);
    snprintf(path, sizeof path, "tests/golden/tokenizers/%s", styles[i]);
    d.path = path;
    if (!open[i] && llm_tokenizer_open(&open[i], &d, NULL)) abort();
    return open[i];
}

static int use_text(const uint8_t *data, size_t bytes) {
    if (!bytes) return -1;
    encode_text(golden_style(data[0]), (const char *)data + 1, bytes - 1, 0);
    encode_text(golden_style(data[0]), (const char *)data + 1, bytes - 1, 1);
    return 0;
}

static int use_ids(const uint8_t *data, size_t bytes) {
    static int32_t ids[MOST_IDS];
    const llm_tokenizer *t = bytes ? golden_style(data[0]) : NULL;
    size_t i;
    if (!t) return -1;
    for (i = 0; 2 * i + 2 < bytes && i < MOST_IDS; i++) /* few beyond the vocabulary */
        ids[i] = (data[2 * i + 1] | data[2 * i + 2] << 8) % (llm_tokenizer_size(t) + 3) - 1;
    decode_both(t, ids, i, (int)(bytes & 1));
    return 0;
}

static const char *const vocabulary_files[] = {"tokenizer.json", "tokenizer.model", "tekken.json", "qwen.tiktoken",
                                               "tiktoken.model"}; /* from 'k' */

/* A tokenizer of one file that opens encodes a text, and decodes the ids around both ends of its vocabulary. */
static int use_vocabulary(const char *name, const uint8_t *data, size_t bytes) {
    static const char text[] = " The quick brown fox's 12,345 jumps\xE2\x80\x94" "over\tthe\r\n\r\n   LAZY dogs; "
                               "na\xC3\xAFve \xE4\xBD\xA0\xE5\xA5\xBD  \xEC\x95\x88 \xF0\x9F\x98\x80\xEF\xB8\x8F "
                               "e\xCC\x81 \xEF\xAC\x81 <s>[INST] a_b</s><|im_end|> \xC0\xFF\x00 zzzzzzzz  ";
    llm_memory_file file;
    llm_tokenizer_desc d;
    llm_tokenizer *t = NULL;
    int32_t ids[600], i, size;
    tally memory;
    memset(&file, 0, sizeof file);
    memset(&d, 0, sizeof d);
    file.name = name;
    file.data = data;
    file.bytes = bytes;
    d.memory = &file;
    d.memory_count = 1;
    d.allocator = tally_start(&memory);
    if (llm_tokenizer_open(&t, &d, NULL) == LLM_OK) {
        size = llm_tokenizer_size(t);
        encode_text(t, text, sizeof text - 1, 0);
        encode_text(t, text, sizeof text - 1, 1);
        for (i = 0; i < 600; i++) ids[i] = i < 300 ? i - 1 : size - 598 + i;
        decode_both(t, ids, 600, 0);
        decode_both(t, ids, 600, 1);
    }
    llm_tokenizer_close(t);
    if (memory.live) abort();
    return 0;
}

/* Compiles a grammar - 's': a schema, 'r': a regular expression, 'g': GBNF - and holds its own source against it. */
static void use_grammar(const uint8_t *data, size_t bytes) {
    llm_grammar_desc d;
    llm_grammar *grammar = NULL;
    tally memory;
    size_t fits;
    int whole;
    char *text = bytes > 1 ? (char *)malloc(bytes) : NULL;
    if (!text) return;
    memcpy(text, data + 1, bytes - 1);
    text[bytes - 1] = 0;
    memset(&d, 0, sizeof d);
    *(data[0] == 'r' ? &d.regex : data[0] == 'g' ? &d.gbnf : &d.schema) = text;
    d.bytes = bytes - 1;
    d.max_states = 20000;
    d.max_memory_bytes = 1 << 20;
    d.allocator = tally_start(&memory);
    if (llm_grammar_open(&grammar, &d, NULL) == LLM_OK) llm_grammar_match(grammar, text, d.bytes, &fits, &whole, NULL);
    llm_grammar_close(grammar);
    free(text);
    if (memory.live) abort();
}

/* What a packed file of the bundled model calls its checkpoint. */
static uint64_t bundled_checkpoint(void) {
    static uint64_t checkpoint;
    llm_model_desc d;
    llm_model *model = NULL;
    memset(&d, 0, sizeof d);
    d.memory = bundled_files;
    d.memory_count = FILES;
    if (checkpoint) return checkpoint;
    if (llm_model_open(&model, &d, NULL) || llm__pack_checkpoint(model, &checkpoint, NULL)) abort();
    llm_model_close(model);
    return checkpoint;
}

/* Opens the bundled model with a packed file: the length and checkpoint in its head are made right, and its checksum if
   the directory lies within.  Panels go unchecked in every other file. */
static int use_pack(const uint8_t *data, size_t bytes) {
    llm_memory_file files[FILES + 1];
    llm__pack_head head;
    llm_model_desc d;
    llm_model *model = NULL;
    tally memory;
    uint8_t *file = bytes < sizeof head ? NULL : (uint8_t *)malloc(bytes);
    if (!file) return -1;
    memcpy(file, data, bytes);
    memcpy(&head, file, sizeof head);
    head.file_bytes = bytes;
    head.checkpoint = bundled_checkpoint();
    if (head.count < bytes / sizeof(llm__pack_entry) && head.name_bytes < bytes) {
        const size_t directory = (size_t)(head.count * sizeof(llm__pack_entry) + head.name_bytes);
        if (directory <= bytes - sizeof head) head.checksum = llm__pack_sum(&head, file + sizeof head, directory);
    }
    memcpy(file, &head, sizeof head);
    memcpy(files, bundled_files, sizeof bundled_files);
    files[FILES].name = LLM_PACK_FILE;
    files[FILES].data = file;
    files[FILES].bytes = bytes;
    memset(&d, 0, sizeof d);
    d.memory = files;
    d.memory_count = FILES + 1;
    d.pack_unchecked = data[bytes - 1] & 1;
    d.allocator = tally_start(&memory);
    if (llm_model_open(&model, &d, NULL)) abort(); /* what is wrong with the file is a note */
    use(model);
    llm_model_close(model);
    free(file);
    if (memory.live) abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    llm_memory_file files[FILES];
    llm_model_desc md;
    llm_model *model = NULL;
    tally memory;
    int which = bytes ? (data[0] & 31) - 1 : -1;
    if (FUZZ_ONLY && (!bytes || data[0] != FUZZ_ONLY)) return -1;
    if (bytes && data[0] == 'f') return use_source(data + 1, bytes - 1), 0;
    if (bytes && data[0] == 'g') return use_data(data + 1, bytes - 1);
    if (bytes && data[0] == 'i') return use_text(data + 1, bytes - 1);
    if (bytes && data[0] == 'I') return use_ids(data + 1, bytes - 1);
    if (bytes && data[0] >= 'k' && data[0] <= 'o')
        return use_vocabulary(vocabulary_files[data[0] - 'k'], data + 1, bytes - 1);
    if (bytes && data[0] == 'h') return use_calls(data + 1, bytes - 1);
    if (bytes && data[0] == 'p') return use_pack(data + 1, bytes - 1);
    if (which == FILES) return use_cache(data + 1, bytes - 1), 0;
    if (bytes && data[0] == 'j') return use_grammar(data + 1, bytes - 1), 0;
    if (which < 0 || which > FILES) return -1;
    memcpy(files, data[0] & 32 ? stories_files : bundled_files, sizeof files);
    files[which].data = data + 1;
    files[which].bytes = bytes - 1;
    memset(&md, 0, sizeof md);
    md.memory = files;
    md.memory_count = FILES;
    md.allocator = tally_start(&memory);
    if (llm_model_open(&model, &md, NULL) == LLM_OK) use(model);
    llm_model_close(model);
    if (memory.live) abort();
    return 0;
}
