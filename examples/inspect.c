/* inspect - what a checkpoint is and what it needs, without reading its weights

       build/inspect --model FOLDER
       build/inspect --model FOLDER --tokens 8192

   Prints the architecture, the layers with their mixers and feed-forwards (runs of equal ones in one line), how the
   weights are stored, and the memory that a conversation takes.  Shows: opening a model for its facts alone. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#define TOOL "inspect"
#include "tool.h"

typedef struct options {
    const char *model;
    int64_t tokens;
} options;

static const char help[] =
    "usage: inspect [options]\n"
    "  --model FOLDER   checkpoint folder (default examples/model)\n"
    "  --tokens N       length of the conversation whose memory is shown (default: what the model was made for)\n"
    "  --help           this text\n";

static int read_options(options *o, int count, char **arguments) {
    int i;
    o->model = "examples/model";
    o->tokens = 0;
    for (i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--help")) return fputs(help, stdout), exit(0), 0;
        if (i + 1 == count) return complain("%s needs a value", arguments[i]);
        if (!strcmp(arguments[i], "--model")) o->model = arguments[++i];
        else if (strcmp(arguments[i], "--tokens"))
            return complain("unknown option %s (--help lists them)", arguments[i]);
        else if (!read_integer(arguments[i], arguments[i + 1], 1, (int64_t)1 << 40, &o->tokens)) return 0;
        else i++;
    }
    return 1;
}

/* A number of bytes with three digits, in one of two buffers by turns. */
static const char *bytes_text(double bytes) {
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB", "PB"};
    static char texts[2][32];
    static int turn;
    int unit = 0;
    while (bytes >= 1000 && unit < 5) bytes /= 1000, unit++;
    turn = !turn;
    snprintf(texts[turn], sizeof texts[turn], unit && bytes < 100 ? "%.3g %s" : "%.0f %s", bytes, units[unit]);
    return texts[turn];
}

static int same_layer(const llm_layer_info *a, const llm_layer_info *b) {
    return !strcmp(a->mixer, b->mixer) && !strcmp(a->ffn, b->ffn) && a->parameters == b->parameters &&
           a->weight_bytes == b->weight_bytes && a->token_bytes == b->token_bytes && a->state_bytes == b->state_bytes;
}

static void print_layers(const llm_model *model, int count) {
    int i, last;
    for (i = 0; i < count; i = last + 1) {
        llm_layer_info layer = llm_model_get_layer(model, i), next;
        char name[48];
        for (last = i; last + 1 < count; last++) {
            next = llm_model_get_layer(model, last + 1);
            if (!same_layer(&layer, &next)) break;
        }
        if (last > i) snprintf(name, sizeof name, "layers %d-%d", i, last);
        else snprintf(name, sizeof name, "layer %d", i);
        printf("%-16s%s%s%s\n", name, layer.mixer, *layer.mixer && *layer.ffn ? "; " : "", layer.ffn);
        printf("%-16s%lld parameters, %s%s\n", "", (long long)layer.parameters, bytes_text((double)layer.weight_bytes),
               last > i ? " each" : "");
    }
}

static void print_weights(const llm_model *model, const llm_model_info *info) {
    llm_storage_info storage;
    size_t n;
    printf("%-16s%lld parameters, %s\n", "weights", (long long)info->parameters,
           bytes_text((double)info->weight_bytes));
    for (n = 0; (storage = llm_model_get_storage(model, n)).bytes > 0; n++)
        printf("%-16s%s in %s\n", "", bytes_text((double)storage.bytes), storage.name);
}

static void print_memory(const llm_model *model, const llm_model_info *info, int64_t tokens, size_t session) {
    size_t growing = 0, turning = 0, states = 0, cache = llm_model_cache_bytes(model, NULL, tokens);
    int i;
    for (i = 0; i < info->layers; i++) {
        llm_layer_info layer = llm_model_get_layer(model, i);
        *(layer.kept_tokens ? &turning : &growing) += layer.token_bytes;
        states += layer.state_bytes;
    }
    printf("%-16s%s a token", "cache", bytes_text((double)growing));
    if (turning) printf(", %s more within windows", bytes_text((double)turning));
    if (states) printf(", %s of states", bytes_text((double)states));
    printf("; %s at %lld tokens\n", bytes_text((double)cache), (long long)tokens);
    printf("%-16s%s of weights, which may stay in the file, and %s\n", "memory", bytes_text((double)info->weight_bytes),
           bytes_text((double)cache + (double)session));
    if (info->pack_bytes)
        printf("%-16s%s more for int8 products, unless no_pack\n", "", bytes_text((double)info->pack_bytes));
}

int main(int count, char **arguments) {
    options o;
    llm_error error;
    llm_model *model;
    llm_session *session;
    llm_model_desc md;
    llm_model_info info;
    memset(&md, 0, sizeof md);
    if (!read_options(&o, count, arguments)) return 1;
    md.path = o.model;
    md.describe = 1;
    if (llm_model_open(&model, &md, &error)) return complain("%s", error.message), 1;
    info = llm_model_get_info(model);
    if (!o.tokens) o.tokens = info.context > 0 ? info.context : 4096;
    printf("%-16s%s, %d layers, hidden %d, vocabulary %d, context %lld\n", "architecture", info.model_type, info.layers,
           info.hidden, info.vocabulary, (long long)info.context);
    print_layers(model, info.layers);
    print_weights(model, &info);
    if (llm_session_open(&session, model, NULL, &error)) complain("%s", error.message);
    else print_memory(model, &info, o.tokens, llm_session_bytes(session));
    llm_session_close(session);
    llm_model_close(model);
    return 0;
}
