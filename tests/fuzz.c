/* fuzz - libFuzzer's way in (make fuzz): one file of a good checkpoint is replaced by the input, then opened and used;
   or the input is a prompt cache

   The input's first byte says which file of which checkpoint: 'a'.. for tests/golden/models/stories260K (float,
   SentencePiece-style), 'A'.. for examples/model (quantized, byte-level); 'e' is a prompt cache; 'f' a grammar, whose
   next byte says of which kind.  Whatever comes, the library must leave with an llm_error or work, give back all memory
   and touch nothing that is not its own (the sanitizers look on). */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "stories.h"

static llm_memory_file bundled_files[FILES];

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
    from.allocator = tally_allocator(&memory);
    if (llm_cache_load_rows(rows, ROWS, &count, &from, NULL) == LLM_OK)
        for (i = 0; i < count; i++) llm_cache_save(rows[i], &to, NULL);
    for (i = 0; i < ROWS; i++) llm_cache_close(rows[i]);
    if (memory.live) abort();
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
    d.allocator = tally_allocator(&memory);
    if (llm_grammar_open(&grammar, &d, NULL) == LLM_OK) llm_grammar_match(grammar, text, d.bytes, &fits, &whole, NULL);
    llm_grammar_close(grammar);
    free(text);
    if (memory.live) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    llm_memory_file files[FILES];
    llm_model_desc md;
    llm_model *model = NULL;
    tally memory;
    int which = bytes ? (data[0] & 31) - 1 : -1;
    if (which == FILES) return use_cache(data + 1, bytes - 1), 0;
    if (which == FILES + 1) return use_grammar(data + 1, bytes - 1), 0;
    if (which < 0 || which > FILES) return -1;
    memcpy(files, data[0] & 32 ? stories_files : bundled_files, sizeof files);
    files[which].data = data + 1;
    files[which].bytes = bytes - 1;
    memset(&md, 0, sizeof md);
    md.memory = files;
    md.memory_count = FILES;
    md.allocator = tally_allocator(&memory);
    if (llm_model_open(&model, &md, NULL) == LLM_OK) use(model);
    llm_model_close(model);
    if (memory.live) abort();
    return 0;
}
