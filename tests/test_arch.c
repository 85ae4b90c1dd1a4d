/* test_arch - architectures as data: names of tensors, what configurations must not say, layers that share, positions
   that end.  (That the numbers are right is golden's to show.) */
#define LLM_IMPLEMENTATION
#include "llm.h"

#include "test.h"

/* ---- checkpoints of zeros */

typedef struct tensor {
    const char *name;
    int rows, cols; /* cols 0: a vector */
} tensor;

typedef struct checkpoint {
    char *weights;
    size_t bytes;
} checkpoint;

static checkpoint make_checkpoint(const tensor *tensors, size_t count) {
    char header[8192];
    size_t used = 0, offset = 0, i;
    checkpoint c;
    used += (size_t)snprintf(header, sizeof header, "{");
    for (i = 0; i < count; i++) {
        size_t bytes = (size_t)tensors[i].rows * (size_t)(tensors[i].cols ? tensors[i].cols : 1) * sizeof(float);
        char shape[40];
        if (tensors[i].cols) snprintf(shape, sizeof shape, "%d,%d", tensors[i].rows, tensors[i].cols);
        else snprintf(shape, sizeof shape, "%d", tensors[i].rows);
        used += (size_t)snprintf(header + used, sizeof header - used,
                                 "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%lu,%lu]}", i ? "," : "",
                                 tensors[i].name, shape, (unsigned long)offset, (unsigned long)(offset + bytes));
        offset += bytes;
    }
    used += (size_t)snprintf(header + used, sizeof header - used, "}");
    c.bytes = 8 + used + offset;
    c.weights = (char *)calloc(1, c.bytes);
    if (!c.weights || used >= sizeof header) exit(2);
    for (i = 0; i < 8; i++) c.weights[i] = (char)(used >> (8 * i) & 255);
    memcpy(c.weights + 8, header, used);
    return c;
}

static llm_status open_checkpoint(llm_model **model, const char *config, const checkpoint *c, llm_error *error) {
    llm_memory_file files[2];
    llm_model_desc md;
    memset(&md, 0, sizeof md);
    files[0].name = "config.json";
    files[0].data = config;
    files[0].bytes = strlen(config);
    files[1].name = "model.safetensors";
    files[1].data = c->weights;
    files[1].bytes = c->bytes;
    md.memory = files;
    md.memory_count = 2;
    md.weights_only = 1;
    return llm_model_open(model, &md, error);
}

/* ---- names */

static void renamed(const char *name, const char *renames, const char *expected) {
    char text[320];
    snprintf(text, sizeof text, "%s", name);
    llm__rename(text, sizeof text, renames);
    CHECK_STR(text, expected);
}

static void names_change_by_whole_parts(void) {
    renamed("model.layers.3.mlp.gate", ".gate=.router", "model.layers.3.mlp.router");
    renamed("model.layers.3.mlp.gate_proj", ".gate=.router", "model.layers.3.mlp.gate_proj");
    renamed("model.norm", "model.=backbone. ", "backbone.norm");
    renamed("model.norms", "model.norm=last", "model.norms");
    renamed("my.model.norm", "model.norm=last", "my.model.norm");
    renamed("a.gate_proj.gate", ".gate=.g", "a.gate_proj.g");
    renamed("a.b.c", ".b=.x .x=.y .c=.z|.y=.w", "a.y.z");
    renamed("a.b", "", "a.b");
}

/* ---- configurations */

static void refused(const char *config, const char *word, const char *other) {
    checkpoint c = make_checkpoint(NULL, 0);
    llm_model *model = NULL;
    llm_error error;
    llm_status status = open_checkpoint(&model, config, &c, &error);
    CHECK(status == LLM_BAD_CONFIG && !model);
    if (!strstr(error.message, word) || !strstr(error.message, other)) printf("  %s\n", error.message);
    CHECK(strstr(error.message, word) && strstr(error.message, other));
    free(c.weights);
}

#define SIZES \
    "\"hidden_size\":8,\"vocab_size\":6,\"num_hidden_layers\":2,\"num_attention_heads\":2,\"head_dim\":4," \
    "\"num_key_value_heads\":1,\"intermediate_size\":8,\"rms_norm_eps\":0.1,\"rope_theta\":10.0"
#define GPT "\"n_embd\":4,\"n_layer\":1,\"n_head\":2,\"n_positions\":4,\"layer_norm_epsilon\":0.1,\"vocab_size\":6"

static void readers_name_what_is_wrong(void) {
    refused("{\"model_type\":\"exaone4\",\"sliding_window_pattern\":\"LXG\"," SIZES "}", "sliding_window_pattern",
            "LXG");
    refused("{\"model_type\":\"exaone4\",\"sliding_window_pattern\":\"LG\"," SIZES "}", "sliding_window", "missing");
    refused("{\"model_type\":\"smollm3\",\"no_rope_layers\":[1]," SIZES "}", "no_rope_layers", "a list of 2");
    refused("{\"model_type\":\"smollm3\",\"no_rope_layers\":[1,0.5]," SIZES "}", "no_rope_layers", "whole");
    refused("{\"model_type\":\"nemotron-nas\",\"hidden_act\":\"mish\"," SIZES "}", "hidden_act", "gelu_new");
    refused("{\"model_type\":\"nemotron-nas\",\"block_configs\":[{\"ffn\":{}}]," SIZES "}", "block_configs",
            "object");
    refused("{\"model_type\":\"nemotron-nas\",\"block_configs\":[{\"attention\":{\"n_heads_in_group\":3}}]," SIZES "}",
            "n_heads_in_group", "1 to 2");
    refused("{\"model_type\":\"nanbeige\",\"loop_share_kv\":true," SIZES "}", "loop_share_kv", "false");
    refused("{\"model_type\":\"iquestloopcoder\",\"loop_num\":3," SIZES "}", "loop_num", "3");
    refused("{\"model_type\":\"baichuan_m1\",\"tie_word_embeddings\":true," SIZES "}", "tie_word_embeddings", "false");
    refused("{\"model_type\":\"plamo\",\"n_shared_head\":3," SIZES "}", "num_attention_heads", "n_shared_head");
    refused("{\"model_type\":\"qwen\",\"kv_channels\":7," SIZES "}", "kv_channels", "7");
    refused("{\"model_type\":\"nemotron\",\"norm_eps\":0.1,\"rope_scaling\":{\"type\":\"yarn\"}," SIZES "}",
            "rope_scaling", "linear");
    refused("{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"spiral\"}," SIZES "}", "spiral", "llama3");
    refused("{\"model_type\":\"gptj\",\"rotary_dim\":3," GPT "}", "rotary_dim", "2");
    refused("{\"model_type\":\"gpt2\"," GPT ",\"n_head\":3}", "n_embd", "n_head");
}

/* ---- learned positions */

static void positions_end(void) {
    static const tensor tensors[] = {
        {"model.wte.weight", 6, 4}, {"model.wpe.weight", 4, 4}, {"model.ln_f.weight", 4, 0}, {"model.ln_f.bias", 4, 0},
        {"model.h.0.ln_1.weight", 4, 0}, {"model.h.0.ln_1.bias", 4, 0}, {"model.h.0.ln_2.weight", 4, 0},
        {"model.h.0.ln_2.bias", 4, 0}, {"model.h.0.attn.c_attn.weight", 12, 4}, {"model.h.0.attn.c_attn.bias", 12, 0},
        {"model.h.0.attn.c_proj.weight", 4, 4}, {"model.h.0.attn.c_proj.bias", 4, 0},
        {"model.h.0.mlp.c_fc.weight", 16, 4}, {"model.h.0.mlp.c_fc.bias", 16, 0},
        {"model.h.0.mlp.c_proj.weight", 4, 16}, {"model.h.0.mlp.c_proj.bias", 4, 0}};
    static const int32_t tokens[5] = {0, 1, 2, 3, 4};
    checkpoint c = make_checkpoint(tensors, sizeof tensors / sizeof tensors[0]);
    llm_model *model = NULL;
    llm_session *session = NULL;
    llm_cache *cache = NULL;
    llm_sequence q;
    llm_error error;
    CHECK(open_checkpoint(&model, "{\"model_type\":\"gpt2\"," GPT "}", &c, &error) == LLM_OK);
    CHECK(llm_session_open(&session, model, NULL, &error) == LLM_OK);
    CHECK(llm_model_cache_open(&cache, model, NULL, &error) == LLM_OK);
    memset(&q, 0, sizeof q);
    q.cache = cache;
    q.tokens = tokens;
    q.want = LLM_LOGITS_NONE;
    q.count = 5;
    CHECK(llm_forward(session, &q, 1, &error) == LLM_TOO_LARGE && strstr(error.message, "4 positions"));
    q.count = 4;
    CHECK(llm_forward(session, &q, 1, &error) == LLM_OK && llm_cache_length(cache) == 4);
    q.count = 1;
    CHECK(llm_forward(session, &q, 1, &error) == LLM_TOO_LARGE && llm_cache_length(cache) == 4);
    llm_cache_close(cache);
    llm_session_close(session);
    llm_model_close(model);
    free(c.weights);
}

/* ---- loops: the same weights counted once, and a cache for each loop */

static void loops_share_weights(void) {
    static const tensor tensors[] = {
        {"model.embed_tokens.weight", 6, 8}, {"lm_head.weight", 6, 8}, {"model.norm.weight", 8, 0},
        {"model.layers.0.input_layernorm.weight", 8, 0}, {"model.layers.0.post_attention_layernorm.weight", 8, 0},
        {"model.layers.0.self_attn.q_proj.weight", 8, 8}, {"model.layers.0.self_attn.k_proj.weight", 4, 8},
        {"model.layers.0.self_attn.v_proj.weight", 4, 8}, {"model.layers.0.self_attn.o_proj.weight", 8, 8},
        {"model.layers.0.mlp.gate_proj.weight", 8, 8}, {"model.layers.0.mlp.up_proj.weight", 8, 8},
        {"model.layers.0.mlp.down_proj.weight", 8, 8}};
    static const char *const configs[2] = {
        "{\"model_type\":\"nanbeige\",\"num_loops\":1," SIZES ",\"num_hidden_layers\":1}",
        "{\"model_type\":\"nanbeige\",\"num_loops\":3," SIZES ",\"num_hidden_layers\":1}"};
    checkpoint c = make_checkpoint(tensors, sizeof tensors / sizeof tensors[0]);
    llm_model_info info[2];
    int i;
    for (i = 0; i < 2; i++) {
        llm_model *model = NULL;
        llm_cache *cache = NULL;
        llm_error error;
        CHECK(open_checkpoint(&model, configs[i], &c, &error) == LLM_OK);
        CHECK(llm_model_cache_open(&cache, model, NULL, &error) == LLM_OK);
        info[i] = llm_model_get_info(model);
        CHECK_EQ(llm_cache_layers(cache), i ? 3 : 1);
        llm_cache_close(cache);
        llm_model_close(model);
    }
    CHECK_EQ(info[1].parameters, info[0].parameters);
    CHECK_EQ(info[1].weight_bytes, info[0].weight_bytes);
    CHECK_EQ(info[0].parameters, 6 * 8 * 2 + 8 * 3 + 8 * 24 + 8 * 24);
    free(c.weights);
}

int main(void) {
    TEST(names_change_by_whole_parts);
    TEST(readers_name_what_is_wrong);
    TEST(positions_end);
    TEST(loops_share_weights);
    return test_summary("test_arch");
}
