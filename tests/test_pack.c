/* test_pack - packed files: what llm_model_save_pack writes gives the bits that opening without it gives, and whatever
   is wrong with such a file, the model opens without it and says so.  Usage: test_pack [FOLDER], where a temporary
   folder is made and removed; else in TMPDIR, else beside the program. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "fixture.h"
#include "test.h"

enum { CONFIG, WEIGHTS, PACK, TOKENS = 5, MOST_LOGITS = TOKENS * 4096 };

static const int32_t tokens[TOKENS] = {1, 7, 42, 3, 19};

/* A checkpoint in memory, and its packed file. */
typedef struct checkpoint {
    llm_memory_file files[3];
    llm__text pack;
    float logits[MOST_LOGITS]; /* as the model gives them without a packed file */
} checkpoint;

static checkpoint stories; /* 4 bits, embeddings of 8, which are the head too */

/* The logits of all tokens; 0: something failed. */
static int read_logits(const llm_model *model, float *logits) {
    llm_session *session = NULL;
    llm_cache *cache = NULL;
    llm_sequence sequence;
    llm_error error;
    int good;
    memset(&sequence, 0, sizeof sequence);
    memset(logits, 0, MOST_LOGITS * sizeof *logits);
    good = !llm_session_open(&session, model, NULL, &error) && !llm_model_cache_open(&cache, model, NULL, &error);
    sequence.cache = cache;
    sequence.tokens = tokens;
    sequence.count = TOKENS;
    sequence.want = LLM_LOGITS_ALL;
    sequence.logits = logits;
    good = good && llm_model_get_info(model).vocabulary * TOKENS <= MOST_LOGITS &&
           !llm_forward(session, &sequence, 1, &error);
    llm_cache_close(cache);
    llm_session_close(session);
    return good;
}

static int same_logits(const llm_model *model, const float *expected) {
    static float logits[MOST_LOGITS];
    return model && read_logits(model, logits) && !memcmp(logits, expected, sizeof logits);
}

static llm_model_desc desc_of(const checkpoint *c, int with_pack) {
    llm_model_desc d;
    memset(&d, 0, sizeof d);
    d.memory = c->files;
    d.memory_count = with_pack ? 3 : 2;
    d.weights_only = 1;
    return d;
}

static llm_model *open_desc(const llm_model_desc *d) {
    llm_model *model = NULL;
    llm_error error;
    if (llm_model_open(&model, d, &error)) printf("%s\n", error.message);
    return model;
}

static llm_model *open_checkpoint(const checkpoint *c, int with_pack) {
    llm_model_desc d = desc_of(c, with_pack);
    return open_desc(&d);
}

/* What a model's packed file is, to be freed. */
static llm__text save_text(const llm_model *model) {
    llm__text text;
    llm_sink sink;
    llm_error error;
    memset(&text, 0, sizeof text);
    memset(&sink, 0, sizeof sink);
    sink.user = &text;
    sink.write = collect;
    if (llm_model_save_pack(model, NULL, &sink, &error)) {
        printf("saving: %s\n", error.message);
        exit(2);
    }
    return text;
}

/* The file that comes with the checkpoint from now on; a copy of exactly its size, aligned to 64. */
static uint8_t *pack_block;

static uint8_t *lend_pack(checkpoint *c, const void *data, size_t bytes) {
    uint8_t *at;
    free(pack_block);
    pack_block = (uint8_t *)need(malloc(bytes + 64));
    at = pack_block + (64 - (uintptr_t)pack_block % 64) % 64;
    memcpy(at, data, bytes);
    c->files[PACK].data = at;
    c->files[PACK].bytes = bytes;
    return at;
}

static uint8_t *lend_own(checkpoint *c) { return lend_pack(c, c->pack.data, c->pack.length); }

static void make_checkpoint(checkpoint *c) {
    llm_model *model;
    c->files[PACK].name = LLM_PACK_FILE;
    model = open_checkpoint(c, 0);
    CHECK(model && read_logits(model, c->logits));
    if (!model) exit(2);
    c->pack = save_text(model);
    llm_model_close(model);
}

static void read_stories(void) {
    stories.files[CONFIG].name = "config.json";
    stories.files[CONFIG].data = read_file("examples/model/config.json", &stories.files[CONFIG].bytes);
    stories.files[WEIGHTS].name = "model.safetensors";
    stories.files[WEIGHTS].data = read_file("examples/model/model.safetensors", &stories.files[WEIGHTS].bytes);
    make_checkpoint(&stories);
}

/* The model opens without that file, says why, and gives the logits that it always gives. */
static int passed_over(const checkpoint *c, const char *word) {
    llm_model *model = open_checkpoint(c, 1);
    const char *note = model ? llm_model_get_info(model).pack_note : NULL;
    int good = note && strstr(note, word) && same_logits(model, c->logits);
    if (!good) printf("the note is \"%s\", expected one with \"%s\"\n", note ? note : "NULL", word);
    llm_model_close(model);
    return good;
}

/* ---- files as they should be */

static void test_round_trip(void) {
    llm_model *without = open_checkpoint(&stories, 0), *with;
    llm_model_info made = llm_model_get_info(without), taken;
    llm__text again;
    lend_own(&stories);
    with = open_checkpoint(&stories, 1);
    taken = llm_model_get_info(with);
    CHECK(!made.pack_note && !taken.pack_note);
    CHECK(!made.pack_file_bytes && made.pack_bytes);
    CHECK_EQ(taken.pack_file_bytes, taken.pack_bytes);
    CHECK_EQ(taken.pack_bytes, made.pack_bytes);
    CHECK(taken.memory_bytes + taken.pack_bytes <= made.memory_bytes + 16384);
    CHECK(same_logits(with, stories.logits));
    again = save_text(with);
    CHECK_EQ(again.length, stories.pack.length);
    CHECK(!memcmp(again.data, stories.pack.data, again.length));
    llm__text_free(&again);
    llm_model_close(with);
    llm_model_close(without);
}

/* All instruction sets lay weights out alike, and take each other's files. */
static void test_every_isa(void) {
    size_t n;
    lend_own(&stories);
    for (n = 0; llm_isa(n); n++) {
        llm_model_desc d = desc_of(&stories, 1);
        llm_model *model;
        llm_model_info info;
        llm__text text;
        d.isa = llm_isa(n);
        model = open_desc(&d);
        info = llm_model_get_info(model);
        CHECK(!info.pack_note && info.pack_file_bytes == info.pack_bytes);
        llm_model_close(model);
        d.memory_count = 2;
        model = open_desc(&d);
        text = save_text(model);
        CHECK(text.length == stories.pack.length && !memcmp(text.data, stories.pack.data, text.length));
        llm__text_free(&text);
        llm_model_close(model);
    }
}

/* Where the file is not mapped, or lies askew, what it holds is copied. */
static void test_copied(void) {
    llm_model_desc d = desc_of(&stories, 1);
    uint8_t *askew = (uint8_t *)need(malloc(stories.pack.length + 65));
    llm_model *model;
    llm_model_info info;
    memcpy(askew + 1, stories.pack.data, stories.pack.length);
    stories.files[PACK].data = askew + 1;
    stories.files[PACK].bytes = stories.pack.length;
    model = open_desc(&d);
    info = llm_model_get_info(model);
    CHECK(!info.pack_note && info.pack_file_bytes == info.pack_bytes && info.memory_bytes > info.pack_bytes);
    CHECK(same_logits(model, stories.logits));
    llm_model_close(model);
    free(askew);
}

/* A fixture's checkpoint with its packed file: stacks of experts, maps that are made of others. */
static void check_fixture(const char *path) {
    static checkpoint c;
    fixture f;
    llm_model *model;
    llm_model_info info;
    CHECK(open_fixture(&f, path) && read_expectations(&f) && build_checkpoint(&f));
    if (!f.problem[0]) {
        memset(&c, 0, sizeof c);
        memcpy(c.files, f.checkpoint, sizeof f.checkpoint);
        make_checkpoint(&c);
        lend_own(&c);
        model = open_checkpoint(&c, 1);
        info = llm_model_get_info(model);
        CHECK(!info.pack_note && info.pack_file_bytes && info.pack_file_bytes == info.pack_bytes);
        CHECK(same_logits(model, c.logits));
        llm_model_close(model);
        llm__text_free(&c.pack);
    }
    close_fixture(&f);
}

static void test_other_models(void) {
    check_fixture("tests/golden/logits/mixtral-q4.safetensors");
    check_fixture("tests/golden/logits/kimi_vl-q4.safetensors");
    check_fixture("tests/golden/logits/llama-q4g32.safetensors");
}

/* ---- files that are damaged, of others, or stale */

/* The head with a checksum that fits what the directory has become. */
static void sign(uint8_t *file) {
    llm__pack_head head;
    memcpy(&head, file, sizeof head);
    head.checksum = llm__pack_sum(&head, file + sizeof head,
                                  (size_t)(head.count * sizeof(llm__pack_entry) + head.name_bytes));
    memcpy(file, &head, sizeof head);
}

static size_t directory_end(void) {
    llm__pack_head head;
    memcpy(&head, stories.pack.data, sizeof head);
    return sizeof head + (size_t)(head.count * sizeof(llm__pack_entry) + head.name_bytes);
}

/* Every byte of head and directory has a meaning or is covered by the checksum. */
static void test_flipped_directory(void) {
    uint8_t *file = lend_own(&stories);
    size_t i, bad = 0;
    for (i = 0; i < directory_end(); i++) {
        file[i] ^= (uint8_t)(1u << i % 8);
        bad += !passed_over(&stories, LLM_PACK_FILE);
        file[i] ^= (uint8_t)(1u << i % 8);
    }
    CHECK_EQ(bad, 0);
}

/* A flipped bit in panels: their map is made anew, the others come from the file. */
static void test_flipped_panels(void) {
    uint8_t *file = lend_own(&stories);
    llm__pack_head head;
    const llm__pack_entry *e = (const llm__pack_entry *)(const void *)(file + sizeof head);
    const char *names;
    size_t i, at, bad = 0;
    memcpy(&head, file, sizeof head);
    names = (const char *)(e + head.count);
    for (i = 0; i < head.count; i++, e++)
        for (at = 0; at < e->bytes; at += e->bytes / 5 + 1) {
            llm_model *model;
            llm_model_info info;
            file[e->offset + at] ^= 4;
            bad += !passed_over(&stories, names + e->name);
            model = open_checkpoint(&stories, 1);
            info = llm_model_get_info(model);
            bad += info.pack_file_bytes + e->bytes != info.pack_bytes;
            llm_model_close(model);
            file[e->offset + at] ^= 4;
        }
    CHECK_EQ(bad, 0);
}

static void test_truncated(void) {
    size_t bytes, bad = 0;
    for (bytes = 0; bytes < stories.pack.length; bytes += bytes < directory_end() ? 7 : 4999) {
        lend_pack(&stories, stories.pack.data, bytes);
        bad += !passed_over(&stories, LLM_PACK_FILE);
    }
    CHECK_EQ(bad, 0);
}

static void test_foreign(void) {
    static const uint32_t order = 0x04030201;
    uint8_t *file = lend_own(&stories);
    file[0]++;
    sign(file);
    CHECK(passed_over(&stories, "no packed file"));
    file = lend_own(&stories);
    memcpy(file + offsetof(llm__pack_head, byte_order), &order, sizeof order);
    sign(file);
    CHECK(passed_over(&stories, "order of bytes"));
    file = lend_own(&stories);
    file[offsetof(llm__pack_head, version)]++;
    sign(file);
    CHECK(passed_over(&stories, "version"));
    file = lend_own(&stories);
    file[offsetof(llm__pack_head, layout)]++;
    sign(file);
    CHECK(passed_over(&stories, "other kernels"));
    file = lend_own(&stories);
    file[offsetof(llm__pack_head, checkpoint)]++;
    sign(file);
    CHECK(passed_over(&stories, "another checkpoint"));
}

/* The checkpoint was changed since: its own logits come out, not those of the file. */
static void check_stale(int file, size_t at, uint8_t flip) {
    static float expected[MOST_LOGITS];
    const void *original = stories.files[file].data;
    uint8_t *copy = (uint8_t *)exactly(original, stories.files[file].bytes);
    llm_model *without, *with;
    lend_own(&stories);
    copy[at] ^= flip;
    stories.files[file].data = copy;
    without = open_checkpoint(&stories, 0);
    with = open_checkpoint(&stories, 1);
    CHECK(without && with && read_logits(without, expected) && same_logits(with, expected));
    CHECK_STR(with ? llm_model_get_info(with).pack_note : NULL, LLM_PACK_FILE " was made from another checkpoint");
    CHECK(with && !llm_model_get_info(with).pack_file_bytes);
    llm_model_close(without);
    llm_model_close(with);
    stories.files[file].data = original;
    free(copy);
}

static void test_stale(void) {
    llm_model *model = open_checkpoint(&stories, 0);
    const llm__tensor *t = llm__tensor_find(&model->tensors, "model.layers.1.mlp.up_proj.weight");
    const char *eps = strstr((const char *)stories.files[CONFIG].data, "1e-06");
    CHECK(t && eps);
    if (t) check_stale(WEIGHTS, (size_t)t->offset, 1);
    if (t) check_stale(WEIGHTS, (size_t)(t->offset + t->bytes - 1), 64);
    if (eps) check_stale(CONFIG, (size_t)(eps - (const char *)stories.files[CONFIG].data), '1' ^ '2');
    llm_model_close(model);
}

/* A directory that was written by an enemy, checksum and all: what fits nothing is passed over, and what fits gives
   numbers, whatever they are. */
static void test_forged(void) {
    uint32_t random = 1;
    int i, k;
    for (i = 0; i < 400; i++) {
        uint8_t *file = lend_own(&stories);
        llm_model_desc d = desc_of(&stories, 1);
        llm_model *model;
        static float logits[MOST_LOGITS];
        for (k = random_bits(&random) % 4; k >= 0; k--) {
            size_t field = offsetof(llm__pack_head, file_bytes) + 4 * (random_bits(&random) % 6);
            uint32_t value = random_bits(&random) >> random_bits(&random) % 32;
            if (i % 4)
                field = sizeof(llm__pack_head) +
                        random_bits(&random) % (directory_end() - sizeof(llm__pack_head) - 4);
            if (i % 4 == 3) field &= ~(size_t)3;
            memcpy(file + field, &value, sizeof value);
        }
        d.pack_unchecked = i % 2;
        if (((llm__pack_head *)(void *)file)->count < 4096 && ((llm__pack_head *)(void *)file)->name_bytes < 4096)
            if (directory_end() <= stories.pack.length) sign(file);
        model = open_desc(&d);
        CHECK(model && read_logits(model, logits));
        llm_model_close(model);
    }
}

/* Unchecked: nothing is noticed, and nothing but numbers goes wrong. */
static void test_unchecked(void) {
    static float logits[MOST_LOGITS];
    uint8_t *file = lend_own(&stories);
    llm_model_desc d = desc_of(&stories, 1);
    llm_model *model;
    uint32_t random = 7;
    size_t i;
    d.pack_unchecked = 1;
    model = open_desc(&d);
    CHECK(same_logits(model, stories.logits));
    llm_model_close(model);
    for (i = (directory_end() + 63) / 64 * 64; i < stories.pack.length; i++) file[i] = (uint8_t)random_bits(&random);
    model = open_desc(&d);
    CHECK(model && !llm_model_get_info(model).pack_note && read_logits(model, logits));
    CHECK(memcmp(logits, stories.logits, sizeof logits) != 0);
    llm_model_close(model);
}

/* ---- memory, hooks, calls */

/* Each allocation refused in turn: an error or a model that works, and nothing is lost. */
static void test_refused_memory(void) {
    llm_model_desc d = desc_of(&stories, 1);
    llm_error error;
    tally t;
    int refuse, done = 0, bad = 0;
    lend_own(&stories);
    for (refuse = 1; !done; refuse++) {
        llm_model *model = NULL;
        llm_status status;
        d.allocator = tally_start(&t);
        t.refuse = refuse;
        status = llm_model_open(&model, &d, &error);
        done = t.calls < refuse;
        bad += status != LLM_OK && status != LLM_OUT_OF_MEMORY;
        t.refuse = 0;
        if (status == LLM_OK) bad += !same_logits(model, stories.logits);
        llm_model_close(model);
        bad += t.live != 0;
    }
    CHECK_EQ(bad, 0);
}

static void test_saving_without_memory(void) {
    llm_model_desc d = desc_of(&stories, 0);
    llm_model *model;
    llm_error error;
    llm_sink sink;
    llm__text text;
    tally t;
    int refuse, bad = 0;
    llm_status status = LLM_OUT_OF_MEMORY;
    memset(&sink, 0, sizeof sink);
    sink.user = &text;
    sink.write = collect;
    d.allocator = tally_start(&t);
    model = open_desc(&d);
    for (refuse = 1; status != LLM_OK && refuse < 100; refuse++) {
        int64_t live = t.live;
        memset(&text, 0, sizeof text);
        t.refuse = t.calls + refuse;
        status = llm_model_save_pack(model, NULL, &sink, &error);
        bad += status != LLM_OK && status != LLM_OUT_OF_MEMORY;
        bad += t.live != live;
        llm__text_free(&text);
    }
    t.refuse = 0;
    CHECK_EQ(bad, 0);
    CHECK_EQ(status, LLM_OK);
    llm_model_close(model);
    CHECK_EQ(t.live, 0);
}

static int refuse_bytes(void *user, const void *data, size_t bytes) {
    size_t *left = (size_t *)user;
    (void)data;
    if (bytes > *left) return 1;
    *left -= bytes;
    return 0;
}

static void refuses(const llm_model_desc *d, const char *word) {
    llm_model *model = open_desc(d);
    llm_error error;
    llm_sink sink;
    memset(&sink, 0, sizeof sink);
    sink.write = refuse_bytes;
    CHECK(llm_model_save_pack(model, NULL, &sink, &error) == LLM_BAD_ARGUMENT && says(&error, word));
    llm_model_close(model);
}

static void test_bad_calls(void) {
    llm_model_desc d = desc_of(&stories, 0);
    llm_model *model = open_desc(&d);
    llm_error error;
    llm_sink sink;
    size_t left;
    memset(&sink, 0, sizeof sink);
    sink.user = &left;
    CHECK_EQ(llm_model_save_pack(NULL, "x", NULL, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_model_save_pack(model, NULL, NULL, &error), LLM_BAD_ARGUMENT);
    CHECK_EQ(llm_model_save_pack(model, NULL, &sink, NULL), LLM_BAD_ARGUMENT);
    sink.write = refuse_bytes;
    for (left = 0; left < stories.pack.length; left += 100000) {
        size_t room = left;
        sink.user = &room;
        CHECK_EQ(llm_model_save_pack(model, NULL, &sink, &error), LLM_BAD_FILE);
    }
    llm_model_close(model);
    d.no_pack = 1;
    refuses(&d, "no_pack");
    d.no_pack = 0;
    d.describe = 1;
    refuses(&d, "described");
    memset(&d, 0, sizeof d);
    d.path = "tests/golden/models/stories260K";
    refuses(&d, "none can be made");
    /* a model that needs none passes over none */
    lend_own(&stories);
    d = desc_of(&stories, 1);
    d.no_pack = 1;
    model = open_desc(&d);
    CHECK(model && !llm_model_get_info(model).pack_note && !llm_model_get_info(model).pack_bytes);
    llm_model_close(model);
}

/* ---- files on a disk */

#if defined(__unix__) || defined(__APPLE__)
static char folder[1000];

/* A path in the folder, in one of four buffers by turns. */
static const char *in_folder(const char *name) {
    static char paths[4][1200];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

static void files_on_disk(void) {
    llm_model_desc d;
    llm_model *model;
    llm_model_info info;
    llm_error error;
    size_t i;
    for (i = 0; i < 2; i++)
        CHECK(write_file(folder, stories.files[i].name, "", 0, (const char *)stories.files[i].data,
                         stories.files[i].bytes));
    memset(&d, 0, sizeof d);
    d.path = folder;
    d.weights_only = 1;
    model = open_desc(&d);
    CHECK(model && !llm_model_get_info(model).pack_note && !llm_model_get_info(model).pack_file_bytes);
    CHECK_EQ(llm_model_save_pack(model, in_folder(LLM_PACK_FILE), NULL, &error), LLM_OK);
    llm_model_close(model);
    for (d.no_map = 0; d.no_map < 2; d.no_map++) {
        model = open_desc(&d);
        info = llm_model_get_info(model);
        CHECK(!info.pack_note && info.pack_file_bytes && info.pack_file_bytes == info.pack_bytes);
        CHECK_EQ(info.memory_bytes > info.pack_bytes, d.no_map);
        CHECK(same_logits(model, stories.logits));
        /* from the file that it may have mapped, in the place of that file */
        CHECK_EQ(llm_model_save_pack(model, in_folder(LLM_PACK_FILE), NULL, &error), LLM_OK);
        CHECK(same_logits(model, stories.logits));
        llm_model_close(model);
    }
    d.no_map = 0;
    CHECK(!rename(in_folder(LLM_PACK_FILE), in_folder("elsewhere")));
    d.pack_file = in_folder("elsewhere");
    model = open_desc(&d);
    CHECK(model && llm_model_get_info(model).pack_file_bytes && !llm_model_get_info(model).pack_note);
    llm_model_close(model);
    d.pack_file = in_folder("nowhere");
    model = open_desc(&d);
    CHECK(model && !llm_model_get_info(model).pack_file_bytes);
    CHECK(model && strstr(llm_model_get_info(model).pack_note, "nowhere"));
    CHECK(same_logits(model, stories.logits));
    CHECK_EQ(llm_model_save_pack(model, in_folder("no/such/folder"), NULL, &error), LLM_BAD_FILE);
    llm_model_close(model);
}

static void on_disk(const char *program, const char *argument) {
    static const char *const names[] = {"config.json", "model.safetensors", "elsewhere"};
    const char *in = argument ? argument : getenv("TMPDIR"), *slash = strrchr(program, '/');
    size_t i;
    if (in) snprintf(folder, sizeof folder, "%s/pack-XXXXXX", in);
    else snprintf(folder, sizeof folder, "%.*s/pack-XXXXXX", slash ? (int)(slash - program) : 1, slash ? program : ".");
    if (!mkdtemp(folder)) {
        printf("no folder %s can be made\n", folder);
        exit(2);
    }
    TEST(files_on_disk);
    for (i = 0; i < sizeof names / sizeof *names; i++) remove(in_folder(names[i]));
    CHECK(!rmdir(folder)); /* nothing else is left in it */
}
#else
static void on_disk(const char *program, const char *argument) {
    (void)program;
    (void)argument;
}
#endif

int main(int argc, char **argv) {
    read_stories();
    TEST(test_round_trip);
    TEST(test_every_isa);
    TEST(test_copied);
    TEST(test_other_models);
    TEST(test_flipped_directory);
    TEST(test_flipped_panels);
    TEST(test_truncated);
    TEST(test_foreign);
    TEST(test_stale);
    TEST(test_forged);
    TEST(test_unchecked);
    TEST(test_refused_memory);
    TEST(test_saving_without_memory);
    TEST(test_bad_calls);
    on_disk(argv[0], argc > 1 ? argv[1] : NULL);
    free(pack_block);
    llm__text_free(&stories.pack);
    free((void *)(uintptr_t)stories.files[CONFIG].data);
    free((void *)(uintptr_t)stories.files[WEIGHTS].data);
    return test_summary("test_pack");
}
