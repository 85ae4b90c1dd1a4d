/* test_bad_input - whatever is wrong with files, configurations and calls leaves as an error that says what; nothing
   leaks, and the library works afterwards. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "stories.h"
#include "test.h"

static llm_model *stories;

/* ---- opening something that is wrong: the files of the good checkpoint, one of them replaced or left out */

typedef struct attempt {
    llm_status status;
    llm_error error;
    tally memory;
} attempt;

static attempt open_files(const llm_memory_file *files, size_t count, int weights_only) {
    attempt a;
    llm_model *model = NULL;
    llm_model_desc md;
    memset(&a, 0, sizeof a);
    memset(&md, 0, sizeof md);
    md.memory = files;
    md.memory_count = count;
    md.weights_only = weights_only;
    md.allocator = tally_start(&a.memory);
    a.status = llm_model_open(&model, &md, &a.error);
    CHECK(a.status == a.error.status);
    CHECK((a.status == LLM_OK) == (model != NULL));
    CHECK((a.status == LLM_OK) == (a.error.message[0] == 0));
    llm_model_close(model);
    CHECK(a.memory.live == 0);
    return a;
}

static attempt open_without(int missing) {
    llm_memory_file files[FILES];
    int i, n = 0;
    for (i = 0; i < FILES; i++)
        if (i != missing) files[n++] = stories_files[i];
    return open_files(files, (size_t)n, 0);
}

static attempt open_with(int which, const void *data, size_t bytes) {
    llm_memory_file files[FILES];
    attempt a;
    void *copy = exactly(data, bytes);
    memcpy(files, stories_files, sizeof files);
    files[which].data = copy;
    files[which].bytes = bytes;
    a = open_files(files, FILES, 0);
    free(copy);
    return a;
}

static attempt open_with_text(int which, const char *text) { return open_with(which, text, strlen(text)); }

static int names(const attempt *a, const char *word) { return says(&a->error, word); }

/* `text` with its first `find` replaced; NULL when it is not there. */
static char *replaced(const char *text, size_t bytes, const char *find, const char *by, size_t *out_bytes) {
    size_t i, n = strlen(find), m = strlen(by);
    char *out = (char *)malloc(bytes + m + 1);
    if (!out) exit(2);
    for (i = 0; i + n <= bytes; i++)
        if (!memcmp(text + i, find, n)) {
            memcpy(out, text, i);
            memcpy(out + i, by, m);
            memcpy(out + i + m, text + i + n, bytes - i - n);
            *out_bytes = bytes - n + m;
            out[*out_bytes] = 0;
            return out;
        }
    free(out);
    printf("the text to replace, %s, is not there\n", find);
    CHECK(0);
    return NULL;
}

static attempt open_with_edit(int which, const char *find, const char *by) {
    size_t bytes = 0;
    char *text = replaced((const char *)stories_files[which].data, stories_files[which].bytes, find, by, &bytes);
    attempt a = open_with(which, text, text ? bytes : 0);
    free(text);
    return a;
}

/* ---- safetensors: the header edited, its length put right */

static uint64_t header_bytes(const uint8_t *image) {
    uint64_t n = 0;
    int i;
    for (i = 0; i < 8; i++) n |= (uint64_t)image[i] << 8 * i;
    return n;
}

static attempt open_with_header(const char *header, size_t bytes) {
    const uint8_t *old = (const uint8_t *)stories_files[WEIGHTS].data;
    size_t skip = 8 + (size_t)header_bytes(old), data = stories_files[WEIGHTS].bytes - skip;
    uint8_t *image = (uint8_t *)malloc(8 + bytes + data);
    attempt a;
    int i;
    if (!image) exit(2);
    for (i = 0; i < 8; i++) image[i] = (uint8_t)((uint64_t)bytes >> 8 * i);
    memcpy(image + 8, header, bytes);
    memcpy(image + 8 + bytes, old + skip, data);
    a = open_with(WEIGHTS, image, 8 + bytes + data);
    free(image);
    return a;
}

static attempt open_with_header_edit(const char *find, const char *by) {
    const char *old = (const char *)stories_files[WEIGHTS].data;
    size_t bytes = 0;
    char *header = replaced(old + 8, (size_t)header_bytes((const uint8_t *)old), find, by, &bytes);
    attempt a = open_with_header(header ? header : "", bytes);
    free(header);
    return a;
}

/* The part of the header that describes one tensor, from its name to the closing brace. */
static void tensor_text(const char *name, char *out, size_t capacity) {
    const char *header = (const char *)stories_files[WEIGHTS].data + 8;
    const char *end = header + header_bytes((const uint8_t *)stories_files[WEIGHTS].data), *at = header;
    size_t n = strlen(name);
    while (at + n < end && memcmp(at, name, n)) at++;
    for (n = 0; at + n < end && n + 1 < capacity && (!n || at[n - 1] != '}'); n++) out[n] = at[n];
    out[n] = 0;
}

static attempt open_with_tensor(const char *name, const char *find, const char *by) {
    char text[400], *edited;
    size_t bytes = 0;
    attempt a;
    tensor_text(name, text, sizeof text);
    edited = replaced(text, strlen(text), find, by, &bytes);
    a = open_with_header_edit(text, edited ? edited : text);
    free(edited);
    return a;
}

/* ---- files */

static void missing_files(void) {
    llm_model_desc md;
    llm_model *model = NULL;
    llm_error error;
    attempt a;
    memset(&md, 0, sizeof md);
    CHECK(llm_model_open(&model, &md, &error) == LLM_BAD_ARGUMENT && !model && error.message[0]);
    md.path = "no/such/folder";
    CHECK(llm_model_open(&model, &md, &error) == LLM_BAD_FILE && !model);
    CHECK(strstr(error.message, "no/such/folder") || strstr(error.message, "config.json"));
    CHECK(llm_model_open(&model, &md, NULL) == LLM_BAD_FILE);
    a = open_without(CONFIG);
    CHECK(a.status == LLM_BAD_FILE && names(&a, "config.json"));
    a = open_without(WEIGHTS);
    CHECK(a.status == LLM_BAD_FILE && names(&a, "model.safetensors"));
    a = open_without(TOKENIZER);
    CHECK(a.status == LLM_BAD_FILE && names(&a, "tokenizer.json"));
    a = open_files(stories_files, 2, 1);
    CHECK(a.status == LLM_OK);
    CHECK(still_works());
}

static void truncated_weights(void) {
    size_t whole = stories_files[WEIGHTS].bytes;
    size_t header = 8 + (size_t)header_bytes((const uint8_t *)stories_files[WEIGHTS].data);
    size_t cuts[12], i;
    cuts[0] = 0;
    cuts[1] = 1;
    cuts[2] = 7;
    cuts[3] = 8;
    cuts[4] = 9;
    cuts[5] = header / 2;
    cuts[6] = header - 1;
    cuts[7] = header;
    cuts[8] = header + 1;
    cuts[9] = whole / 2;
    cuts[10] = whole - 4;
    cuts[11] = whole - 1;
    for (i = 0; i < 12; i++) {
        attempt a = open_with(WEIGHTS, stories_files[WEIGHTS].data, cuts[i]);
        CHECK(a.status == LLM_BAD_FORMAT && names(&a, "model.safetensors"));
    }
    CHECK(still_works());
}

static void lying_header_length(void) {
    static const uint64_t lengths[] = {0, 1, 2, 1000000000, UINT64_C(0x7FFFFFFFFFFFFFFF), UINT64_MAX, UINT64_MAX - 7};
    size_t i, k, bytes = stories_files[WEIGHTS].bytes;
    uint8_t *image = (uint8_t *)malloc(bytes);
    if (!image) exit(2);
    memcpy(image, stories_files[WEIGHTS].data, bytes);
    for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        attempt a;
        for (k = 0; k < 8; k++) image[k] = (uint8_t)(lengths[i] >> 8 * k);
        a = open_with(WEIGHTS, image, bytes);
        CHECK(a.status == LLM_BAD_FORMAT && names(&a, "model.safetensors"));
    }
    free(image);
}

static void lying_headers(void) {
    static const char *const texts[] = {
        "", "{", "[]", "null", "{\"a\":1}", "{\"a\":{}}", "{\"a\":{\"dtype\":\"F32\"}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,99999999999]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[-16,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-4],\"data_offsets\":[0,16]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,6]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,16]}}",
        "{\"a\":{\"dtype\":\"F99\",\"shape\":[4],\"data_offsets\":[0,16]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1,4],\"data_offsets\":[0,16]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},"
        "\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[8,24]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,32]}}"};
    size_t i;
    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        attempt a = open_with_header(texts[i], strlen(texts[i]));
        CHECK(a.status == LLM_BAD_FORMAT && names(&a, "model.safetensors"));
    }
    CHECK(still_works());
}

static void wrong_tensors(void) {
    attempt a = open_with_header_edit("model.norm.weight", "model.nurm.weight");
    CHECK(a.status == LLM_BAD_TENSOR && names(&a, "model.norm.weight"));
    a = open_with_header_edit("model.layers.3.mlp.up_proj.weight", "model.layers.3.mlp.up_prog.weight");
    CHECK(a.status == LLM_BAD_TENSOR && names(&a, "model.layers.3.mlp.up_proj.weight"));
    a = open_with_tensor("\"model.norm.weight", "[64]", "[2,32]");
    CHECK(a.status == LLM_BAD_TENSOR && names(&a, "model.norm.weight") && names(&a, "[2, 32]") && names(&a, "[64]"));
    a = open_with_tensor("\"model.layers.2.mlp.down_proj.weight", "[64,172]", "[172,64]");
    CHECK(a.status == LLM_BAD_TENSOR && names(&a, "model.layers.2.mlp.down_proj.weight") && names(&a, "[172, 64]") &&
          names(&a, "[64, 172]"));
    a = open_with_tensor("\"model.embed_tokens.weight", "[512,64]", "[256,128]");
    CHECK(a.status == LLM_BAD_TENSOR && names(&a, "model.embed_tokens.weight") && names(&a, "[256, 128]") &&
          names(&a, "[512, 64]"));
    a = open_with_tensor("\"model.layers.0.self_attn.q_proj.weight", "\"F32\"", "\"I32\"");
    CHECK(a.status == LLM_BAD_TENSOR && names(&a, "model.layers.0.self_attn.q_proj.weight"));
    CHECK(still_works());
}

/* ---- configurations */

static void wrong_json(void) {
    static const char *const texts[] = {
        "", " ", "{", "{}", "[]", "3", "{\"model_type\":}", "{\"model_type\":\"llama\",}",
        "{\"model_type\":\"llama\"} x", "{\"model_type\":3}", "{\"model_type\":null}", "{\"model_type\":\"\xFF\"}",
        "\xEF\xBB\xBF{", "{\"model_type\":\"llama\"}"};
    static char deep[200001];
    size_t i;
    attempt a;
    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        a = open_with_text(CONFIG, texts[i]);
        CHECK(a.status != LLM_OK && a.status != LLM_OUT_OF_MEMORY);
        CHECK(names(&a, "config.json") || names(&a, "model_type") || a.status == LLM_BAD_CONFIG);
    }
    memset(deep, '[', 200000);
    a = open_with_text(CONFIG, deep);
    CHECK(a.status == LLM_BAD_FORMAT || a.status == LLM_TOO_LARGE);
    CHECK(names(&a, "config.json"));
    CHECK(still_works());
}

static void unknown_model_type(void) {
    attempt a = open_with_edit(CONFIG, "\"model_type\": \"llama\"", "\"model_type\": \"lama\"");
    CHECK(a.status == LLM_UNSUPPORTED && names(&a, "\"lama\"") && names(&a, "llama"));
    a = open_with_edit(CONFIG, "\"model_type\": \"llama\"", "\"model_type\": \"qwen3_mo\"");
    CHECK(a.status == LLM_UNSUPPORTED && names(&a, "qwen3_moe"));
    CHECK(still_works());
}

static void wrong_values(void) {
    static const struct { const char *find, *by, *word; } edits[] = {
        {"\"num_attention_heads\": 8", "\"num_attention_heads\": 7", "num_attention_heads"},
        {"\"num_attention_heads\": 8", "\"num_attention_heads\": 0", "num_attention_heads"},
        {"\"num_attention_heads\": 8", "\"num_attention_heads\": -8", "num_attention_heads"},
        {"\"num_attention_heads\": 8", "\"num_attention_heads\": \"8\"", "num_attention_heads"},
        {"\"num_key_value_heads\": 4", "\"num_key_value_heads\": 3", "num_key_value_heads"},
        {"\"num_key_value_heads\": 4", "\"num_key_value_heads\": 0", "num_key_value_heads"},
        {"\"hidden_size\": 64", "\"hidden_size\": 0", "hidden_size"},
        {"\"hidden_size\": 64", "\"hidden_size\": 1e300", "hidden_size"},
        {"\"hidden_size\": 64", "\"hidden_size\": 64.5", "hidden_size"},
        {"\"hidden_size\": 64", "\"hidden_size\": 99999999999", "hidden_size"},
        {"\"hidden_size\": 64,", "", "hidden_size"},
        {"\"num_hidden_layers\": 5", "\"num_hidden_layers\": -1", "num_hidden_layers"},
        {"\"num_hidden_layers\": 5", "\"num_hidden_layers\": 2000000000", "num_hidden_layers"},
        {"\"intermediate_size\": 172", "\"intermediate_size\": -172", "intermediate_size"},
        {"\"vocab_size\": 512", "\"vocab_size\": 0", "vocab_size"},
        {"\"vocab_size\": 512", "\"vocab_size\": [512]", "vocab_size"},
        {"\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": \"small\"", "rms_norm_eps"},
        {"\"rope_theta\": 10000.0", "\"rope_theta\": -1", "rope_theta"},
        {"\"rope_theta\": 10000.0", "\"rope_scaling\": {\"rope_type\": \"spiral\", \"factor\": 2.0}", "spiral"},
        {"\"rope_theta\": 10000.0", "\"rope_scaling\": {\"type\": \"ntk\"}",
         "\"type\" is \"ntk\"; expected \"default\", \"linear\", \"dynamic\", \"llama3\", \"yarn\""},
        {"\"rope_theta\": 10000.0", "\"rope_scaling\": {\"type\": \"linear\"}", "\"factor\" is missing"},
        {"\"rope_theta\": 10000.0", "\"rope_scaling\": \"yarn\"",
         "\"rope_scaling\" is \"yarn\"; expected an object or null"},
        {"\"rope_theta\": 10000.0", "\"rope_theta\": 1, \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2}",
         "\"rope_theta\" is 1; expected more than 1"},
        {"\"rope_theta\": 10000.0", "\"rope_scaling\": {\"type\": \"longrope\", \"long_factor\": [1, 2, 3]}",
         "\"long_factor\" is a list of 3; expected a list of 4 numbers"},
        {"\"rope_theta\": 10000.0", "\"head_dim\": 9",
         "\"head_dim\" leaves 9 numbers of a head to rotate; expected a positive even number"},
        {"\"num_attention_heads\": 8", "\"num_attention_heads\": 65536, \"head_dim\": 65536",
         "times \"head_dim\" (65536) is too large; expected at most 16777216"},
        {"\"rope_theta\": 10000.0", "\"layer_types\": [\"full_attention\"]",
         "\"layer_types\" is a list of 1; expected a list of 5, a name for each layer"},
        {"\"rope_theta\": 10000.0", "\"layer_types\": [\"full_attention\", \"x\", \"x\", \"x\", \"x\"]",
         "\"layer_types\"[1] is \"x\"; expected \"full_attention\" or \"sliding_attention\""},
        {"\"rope_theta\": 10000.0",
         "\"layer_types\": [\"sliding_attention\", \"x\", \"x\", \"x\", \"x\"], \"sliding_window\": 0",
         "\"sliding_window\" is 0; expected a whole number from 1"},
        {"\"rope_theta\": 10000.0", "\"layer_types\": [\"sliding_attention\", \"x\", \"x\", \"x\", \"x\"]",
         "\"sliding_window\" is missing"},
        {"\"rope_theta\": 10000.0", "\"quantization\": {\"bits\": 7, \"group_size\": 64}",
         "\"quantization\": \"bits\" is 7; expected 2, 3, 4, 5, 6 or 8"},
        {"\"rope_theta\": 10000.0", "\"quantization\": {\"bits\": 4, \"group_size\": 48}",
         "\"group_size\" is 48; expected 16, 32, 64 or 128"},
        {"\"rope_theta\": 10000.0", "\"quantization\": {\"lm_head\": {\"bits\": 4, \"mode\": \"int4\"}}",
         "\"quantization\" of lm_head: \"mode\" is \"int4\"; expected \"affine\""},
        {"\"rope_theta\": 10000.0", "\"quantization\": [4]",
         "\"quantization\" is a list of 1; expected an object or null"},
        {"\"model_type\": \"llama\"",
         "\"model_type\": \"mixtral\", \"num_local_experts\": 4, \"num_experts_per_tok\": 5",
         "\"num_experts_per_tok\" is 5; expected a whole number from 1 to 4"},
        {"\"model_type\": \"llama\"", "\"model_type\": \"gemma3_text\", \"sliding_window\": -1",
         "\"sliding_window\" is -1; expected a whole number from 1"},
        {"\"model_type\": \"llama\"", "\"model_type\": \"phi3\", \"partial_rotary_factor\": 2",
         "\"partial_rotary_factor\" is 2; expected a number from 0 to 1"},
        {"\"model_type\": \"llama\"", "\"model_type\": \"deepseek_v3\", \"n_routed_experts\": 8, \"n_group\": 3",
         "\"n_routed_experts\" (8) is not divisible by \"n_group\" (3)"},
        {"\"model_type\": \"llama\"",
         "\"model_type\": \"deepseek_v3\", \"n_routed_experts\": 8, \"topk_method\": \"greedy\"",
         "\"topk_method\" is \"greedy\"; expected \"noaux_tc\""},
        {"\"model_type\": \"llama\"",
         "\"model_type\": \"deepseek_v3\", \"n_routed_experts\": 8, \"n_shared_experts\": 4096, "
         "\"moe_intermediate_size\": 16777216",
         "\"n_shared_experts\" (4096) times \"moe_intermediate_size\""},
    };
    size_t i;
    for (i = 0; i < sizeof edits / sizeof *edits; i++) {
        attempt a = open_with_edit(CONFIG, edits[i].find, edits[i].by);
        int refused = a.status == LLM_BAD_CONFIG || a.status == LLM_UNSUPPORTED || a.status == LLM_TOO_LARGE;
        CHECK(refused && names(&a, edits[i].word));
        if (!refused) printf("  status %d with %s: %s\n", (int)a.status, edits[i].by, a.error.message);
    }
    CHECK(still_works());
}

/* Values that fit the configuration but not the weights. */
static void config_against_weights(void) {
    attempt a = open_with_edit(CONFIG, "\"num_hidden_layers\": 5", "\"num_hidden_layers\": 6");
    CHECK(a.status == LLM_BAD_TENSOR && names(&a, "model.layers.5."));
    a = open_with_edit(CONFIG, "\"vocab_size\": 512", "\"vocab_size\": 511");
    CHECK(a.status == LLM_BAD_TENSOR && names(&a, "[512, 64]") && names(&a, "[511, 64]"));
    a = open_with_edit(CONFIG, "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
    CHECK(a.status == LLM_BAD_TENSOR && names(&a, "lm_head.weight"));
    CHECK(still_works());
}

static void wrong_tokenizers(void) {
    const char *text = (const char *)stories_files[TOKENIZER].data;
    size_t whole = stories_files[TOKENIZER].bytes, cut;
    attempt a;
    for (cut = 0; cut + 1 < whole; cut += 1 + whole / 60) {
        a = open_with(TOKENIZER, text, cut);
        CHECK(a.status == LLM_BAD_FORMAT && names(&a, "tokenizer.json"));
    }
    a = open_with_text(TOKENIZER, "{}");
    CHECK(a.status != LLM_OK && names(&a, "tokenizer.json"));
    a = open_with_edit(TOKENIZER, "\"BPE\"", "\"BPX\"");
    CHECK(a.status != LLM_OK && names(&a, "BPX"));
    CHECK(still_works());
}

/* Single bytes changed, here and there: any answer will do but a crash, a leak or a wild read. */
static void changed_bytes(void) {
    int which, i;
    uint64_t x = 88172645463325252u;
    for (which = 0; which < FILES; which++) {
        size_t bytes = stories_files[which].bytes, reach = bytes;
        uint8_t *copy = (uint8_t *)malloc(bytes);
        if (!copy) exit(2);
        if (which == WEIGHTS) reach = 8 + (size_t)header_bytes((const uint8_t *)stories_files[which].data);
        for (i = 0; i < 150; i++) {
            memcpy(copy, stories_files[which].data, bytes);
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            copy[x % reach] = (uint8_t)(x >> 40);
            open_with(which, copy, bytes);
        }
        free(copy);
    }
    CHECK(still_works());
}

/* ---- calls */

static void wrong_prompts(void) {
    static const char *const broken[] = {"\xFF", "Once \xC3", "\xED\xA0\x80", "\xF8\x88\x80\x80\x80",
                                         "a\x80", "\xC0\xAF"};
    static told t;
    static const int32_t ids[][2] = {{-1, 1}, {1, 512}, {1, INT32_MAX}, {INT32_MIN, 1}};
    llm_generation_desc desc;
    size_t i, count;
    llm_error error;
    for (i = 0; i < sizeof broken / sizeof *broken; i++) {
        desc = prompt_desc(broken[i], 4);
        tell(stories, &desc, &t);
        CHECK(t.status == LLM_BAD_ARGUMENT && strstr(t.error.message, "UTF-8"));
        CHECK(llm_encode(stories, broken[i], strlen(broken[i]), 1, NULL, 0, &count, &error) == LLM_BAD_ARGUMENT);
    }
    for (i = 0; i < 4; i++) {
        memset(&desc, 0, sizeof desc);
        desc.ids = ids[i];
        desc.id_count = 2;
        tell(stories, &desc, &t);
        CHECK(t.status == LLM_BAD_ARGUMENT && t.error.message[0]);
    }
    memset(&desc, 0, sizeof desc);
    desc.no_special = 1;
    tell(stories, &desc, &t);
    CHECK(t.status == LLM_BAD_ARGUMENT && t.error.message[0]);
    desc = prompt_desc("Once", -3);
    tell(stories, &desc, &t);
    CHECK(t.status == LLM_BAD_ARGUMENT);
    CHECK(still_works());
}

static void wrong_sampling(void) {
    static told t;
    int i;
    for (i = 0; i < 6; i++) {
        llm_generation_desc desc = prompt_desc("Once", 4);
        if (i == 0) desc.sampling.temperature = -1;
        if (i == 1) desc.sampling.temperature = NAN;
        if (i == 2) desc.sampling.top_p = 2;
        if (i == 3) desc.sampling.min_p = -0.5f;
        if (i == 4) desc.sampling.top_k = -1;
        if (i == 5) desc.sampling.min_keep = -1;
        tell(stories, &desc, &t);
        CHECK(t.status == LLM_BAD_ARGUMENT && t.error.message[0]);
    }
}

static void wrong_sequences(void) {
    static float logits[2 * 512];
    static const int32_t good[2] = {1, 403}, bad[2] = {1, 512};
    reading r;
    llm_sequence s[2];
    llm_error error;
    CHECK(reading_open(&r, stories, NULL, NULL));
    s[0] = r.sequence;
    s[0].tokens = bad;
    s[0].count = 2;
    s[0].logits = logits;
    CHECK(llm_forward(r.session, s, 1, &error) == LLM_BAD_ARGUMENT && strstr(error.message, "512"));
    s[0].tokens = good;
    s[0].count = 0;
    CHECK(llm_forward(r.session, s, 1, &error) == LLM_BAD_ARGUMENT);
    s[0].count = 2;
    s[0].cache = NULL;
    CHECK(llm_forward(r.session, s, 1, &error) == LLM_BAD_ARGUMENT);
    s[0].cache = r.cache;
    s[0].logits = NULL;
    CHECK(llm_forward(r.session, s, 1, &error) == LLM_BAD_ARGUMENT);
    s[0].logits = logits;
    s[1] = s[0];
    CHECK(llm_forward(r.session, s, 2, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_forward(r.session, s, 0, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_forward_advance(r.session, -1, &error) == LLM_BAD_ARGUMENT);
    CHECK(llm_cache_length(r.cache) == 0);
    CHECK(llm_forward(r.session, s, 1, &error) == LLM_OK && llm_cache_length(r.cache) == 2);
    reading_close(&r);
}

/* A cache of another shape than the model's. */
static void wrong_cache(void) {
    static float logits[512];
    static const int32_t id = 1;
    llm_cache_layer layer;
    llm_cache_desc desc;
    llm_cache *cache = NULL;
    reading r;
    llm_error error;
    memset(&layer, 0, sizeof layer);
    memset(&desc, 0, sizeof desc);
    layer.heads = 1;
    layer.key_width = layer.value_width = 32;
    desc.layers = &layer;
    desc.layer_count = 1;
    CHECK(llm_cache_open(&cache, &desc, &error) == LLM_OK);
    CHECK(reading_open(&r, stories, NULL, NULL));
    r.sequence.cache = cache;
    r.sequence.tokens = &id;
    r.sequence.count = 1;
    r.sequence.logits = logits;
    CHECK(llm_forward(r.session, &r.sequence, 1, &error) == LLM_BAD_ARGUMENT && error.message[0]);
    reading_close(&r);
    llm_cache_close(cache);
    CHECK(still_works());
}

static void wrong_arguments(void) {
    llm_model *model = NULL;
    llm_model_desc md = stories_desc();
    llm_session_desc sd;
    llm_session *session = NULL;
    llm_error error;
    size_t bytes = 0;
    static const int32_t beyond = 512;
    char text[8];
    md.isa = "vax";
    CHECK(llm_model_open(&model, &md, &error) != LLM_OK && !model && strstr(error.message, "vax") &&
          strstr(error.message, "scalar"));
    memset(&sd, 0, sizeof sd);
    sd.threads = -5;
    CHECK(llm_session_open(&session, stories, &sd, &error) == LLM_BAD_ARGUMENT && !session);
    CHECK(llm_decode(stories, &beyond, 1, 0, text, sizeof text, &bytes, &error) == LLM_BAD_ARGUMENT);
    llm_model_close(NULL);
    llm_session_close(NULL);
    llm_generation_close(NULL);
    llm_cache_close(NULL);
    CHECK(still_works());
}

int main(void) {
    stories_read();
    stories = stories_open();
    TEST(missing_files);
    TEST(truncated_weights);
    TEST(lying_header_length);
    TEST(lying_headers);
    TEST(wrong_tensors);
    TEST(wrong_json);
    TEST(unknown_model_type);
    TEST(wrong_values);
    TEST(config_against_weights);
    TEST(wrong_tokenizers);
    TEST(changed_bytes);
    TEST(wrong_prompts);
    TEST(wrong_sampling);
    TEST(wrong_sequences);
    TEST(wrong_cache);
    TEST(wrong_arguments);
    llm_model_close(stories);
    stories_free();
    return test_summary("test_bad_input");
}
