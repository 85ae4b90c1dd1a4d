/* quantize - a checkpoint of floats as one of a few bits, and weights laid out for the next time

       build/quantize --model FOLDER --out FOLDER --bits 4 --group 64
       build/quantize --model FOLDER --out FOLDER --mode mxfp4 --pack
       build/quantize --model FOLDER --pack

   Writes what mlx_lm.convert -q makes of each linear map and each embedding (codes, scales and biases, to the bit),
   config.json with "quantization", and the tokenizer's files.  Names and layout of the tensors stay the checkpoint's:
   mlx-lm opens the result where it takes such a layout quantized, as it always does its own.  --pack writes llm.pack
   into the folder, from which opening then takes the weights.  Shows: tensors, llm_quantize, llm_model_save_pack. */
#define LLM_IMPLEMENTATION
#include "llm.h"

#define TOOL "quantize"
#include "tool.h"

#include <sys/stat.h>
#if defined(_WIN32)
#include <direct.h>
#define MAKE_FOLDER(path) _mkdir(path)
#else
#define MAKE_FOLDER(path) mkdir(path, 0777)
#endif

typedef struct options {
    const char *model, *out, *mode, *dtype;
    int64_t bits, group;
    int pack;
} options;

static const char help[] =
    "usage: quantize [options]\n"
    "  --model FOLDER   checkpoint folder (default examples/model)\n"
    "  --out FOLDER     where the quantized checkpoint goes; it must not hold one.  Without: only --pack\n"
    "  --mode NAME      affine, mxfp4, mxfp8 or nvfp4 (default affine)\n"
    "  --bits N         affine: 2, 3, 4, 5, 6 or 8 (default 4)\n"
    "  --group N        affine: numbers that share a scale: 32, 64 or 128 (default 64)\n"
    "  --dtype NAME     float16, bfloat16 or float32: what floats become (default: as config.json says, else as they\n"
    "                   are)\n"
    "  --pack           also lay the weights out for the kernels, in a file that opening uses from then on\n"
    "  --help           this text\n";

static int read_options(options *o, int count, char **arguments) {
    int i;
    memset(o, 0, sizeof *o);
    o->model = "examples/model";
    for (i = 1; i < count; i++) {
        if (!strcmp(arguments[i], "--help")) return fputs(help, stdout), exit(0), 0;
        if (!strcmp(arguments[i], "--pack")) {
            o->pack = 1;
            continue;
        }
        if (i + 1 == count) return complain("%s needs a value", arguments[i]);
        if (!strcmp(arguments[i], "--model")) o->model = arguments[++i];
        else if (!strcmp(arguments[i], "--out")) o->out = arguments[++i];
        else if (!strcmp(arguments[i], "--mode")) o->mode = arguments[++i];
        else if (!strcmp(arguments[i], "--dtype")) o->dtype = arguments[++i];
        else if (strcmp(arguments[i], "--bits") && strcmp(arguments[i], "--group"))
            return complain("unknown option %s (--help lists them)", arguments[i]);
        else if (!read_integer(arguments[i], arguments[i + 1], 1, 1024,
                               strcmp(arguments[i], "--bits") ? &o->group : &o->bits)) return 0;
        else i++;
    }
    return o->out || o->pack || complain("%s", "neither --out nor --pack: nothing to do");
}

/* ---- what becomes of a tensor */

typedef struct plan {
    llm_quantize_desc how; /* of all but exceptions */
    llm_dtype floats;      /* what floats become... */
    int keep_floats;       /* ...unless they stay as they are */
    const char *model_type;
} plan;

/* Maps that mlx-lm keeps at 8 bits in groups of 64, as so little rests on so much of them: routers above all.  A router
   that no row names stays as it is. */
static const struct {
    const char *types, *ends;
} careful[] = {
    {" Klear qwen3_moe mellum kimi_linear kimi_k3 qwen3_next qwen3_5_moe ", " mlp.gate "},
    {" qwen3_next qwen3_5_moe ", " mlp.shared_expert_gate "},
    {" afmoe ", " mlp.router.gate "},
    {" bailing_moe bailing_hybrid bailing_moe_linear ", " mlp.gate.gate_proj "},
    {" gemma4 gemma4_text ", " router.proj "},
    {" gpt_oss jamba ", " router "},
    {" granite granitemoe ", " self_attn.o_proj mlp.down_proj lm_head "},
    {" granitemoe ", " block_sparse_moe.router.layer "},
    {" granitemoehybrid ", " router.layer "},
    {" laguna ", " mlp.gate.proj "},
    {" lfm2_moe ", " feed_forward.gate "},
    {" longcat_flash longcat_flash_ngram ", " classifier "},
    {" minimax minimax_m3_vl ", " block_sparse_moe.gate "},
};

static int has_word(const char *words, const char *word) {
    char spaced[80];
    snprintf(spaced, sizeof spaced, " %.70s ", word);
    return strstr(words, spaced) != NULL;
}

/* Whether a path ends in one of the words, at a dot. */
static int ends_in(const char *words, const char *path) {
    const char *at = path;
    for (; at; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL)
        if (has_word(words, at)) return 1;
    return 0;
}

static int is_careful(const plan *p, const char *path) {
    size_t i;
    for (i = 0; i < sizeof careful / sizeof *careful; i++)
        if (has_word(careful[i].types, p->model_type) && ends_in(careful[i].ends, path)) return 1;
    return 0;
}

static size_t dtype_bytes(llm_dtype t) { return t == LLM_F32 ? 4 : 2; }

static int is_float(llm_dtype t) { return t == LLM_F32 || t == LLM_F16 || t == LLM_BF16; }

static const char *dtype_name(llm_dtype t) {
    static const char *const names[LLM_DTYPE_COUNT] = {"F32", "F16", "BF16", "F64", "F8_E4M3", "F8_E5M2", "F8_E8M0",
                                                       "BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64"};
    return names[t];
}

/* The name of a map without ".weight", in one of two buffers by turns; NULL: it is named otherwise. */
static const char *path_of(const char *name) {
    static char paths[2][400];
    static int turn;
    size_t n = strlen(name);
    turn = !turn;
    if (n < 8 || n >= sizeof paths[0] || strcmp(name + n - 7, ".weight")) return NULL;
    snprintf(paths[turn], sizeof paths[turn], "%.*s", (int)(n - 7), name);
    return paths[turn];
}

/* The type that a tensor's floats take. */
static llm_dtype type_of(const plan *p, const llm_tensor_info *t) {
    const int exact = strstr(t->name, "expert_bias") || strstr(t->name, "e_score_correction_bias");
    return p->keep_floats || exact || !is_float(t->dtype) ? t->dtype : p->floats;
}

/* How a tensor is quantized; 0: it is not. */
static int quantized(const plan *p, const llm_tensor_info *t, llm_quantize_desc *how) {
    const char *path = path_of(t->name);
    const int64_t cols = t->dims ? t->shape[t->dims - 1] : 0;
    *how = p->how;
    how->from = t->dtype;
    how->dtype = type_of(p, t);
    if ((t->role != LLM_TENSOR_MAP && t->role != LLM_TENSOR_ROUTER) || !path || t->dims < 2 || cols % how->group)
        return 0;
    if (!is_careful(p, path)) return t->role == LLM_TENSOR_MAP;
    how->mode = NULL;
    how->bits = 8;
    how->group = 64;
    return cols % 64 == 0;
}

/* ---- files */

/* FOLDER/NAME, in one of four buffers by turns. */
static const char *path_to(const char *folder, const char *name) {
    static char paths[4][4096];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

static int is_there(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file) fclose(file);
    return file != NULL;
}

static int finish_file(FILE *file, const char *path, int good) {
    good = file && good && !ferror(file);
    if (file && fclose(file)) good = 0;
    return good || complain("%s cannot be written", path);
}

static int copy_file(const char *from, const char *to) {
    FILE *in = fopen(from, "rb"), *out;
    size_t bytes;
    char *text;
    int good;
    if (!in) return 1; /* a checkpoint has some of these, none has all */
    text = read_text(in, &bytes);
    fclose(in);
    out = fopen(to, "wb");
    good = finish_file(out, to, text && out && fwrite(text, 1, bytes, out) == bytes);
    free(text);
    return good;
}

/* ---- the weights: the tensors of a shard, listed and then written in the same order */

/* What a tensor gives: itself, or codes, scales and biases. */
enum { PARTS = 3, SHARD_GB = 5 };

typedef struct part {
    char name[420];
    llm_dtype dtype;
    int64_t cols; /* in the place of the tensor's last size */
    size_t bytes;
} part;

static int parts_of(const plan *p, const llm_tensor_info *t, part parts[PARTS]) {
    static const char *const suffixes[PARTS] = {".weight", ".scales", ".biases"};
    llm_quantize_desc how;
    const int64_t cols = t->dims ? t->shape[t->dims - 1] : 1;
    const size_t count = t->bytes / (is_float(t->dtype) ? dtype_bytes(t->dtype) : 1);
    const char *path = path_of(t->name);
    int i, affine;
    if (!quantized(p, t, &how)) {
        snprintf(parts[0].name, sizeof parts[0].name, "%s", t->name);
        parts[0].dtype = type_of(p, t);
        parts[0].cols = cols;
        parts[0].bytes = is_float(t->dtype) ? count * dtype_bytes(parts[0].dtype) : t->bytes;
        return 1;
    }
    affine = !how.mode || !strcmp(how.mode, "affine");
    for (i = 0; i < 2 + affine; i++) {
        snprintf(parts[i].name, sizeof parts[i].name, "%s%s", path, suffixes[i]);
        parts[i].dtype = i == 0 ? LLM_U32 : affine ? how.dtype : LLM_U8;
        parts[i].cols = i == 0 ? cols * how.bits / 32 : cols / how.group;
        parts[i].bytes = i == 0 ? count * (size_t)how.bits / 8
                                : count / (size_t)how.group * (affine ? dtype_bytes(how.dtype) : 1);
    }
    return i;
}

static size_t bytes_of(const plan *p, const llm_tensor_info *t) {
    part parts[PARTS];
    size_t bytes = 0;
    int n = parts_of(p, t, parts), i;
    for (i = 0; i < n; i++) bytes += parts[i].bytes;
    return bytes;
}

static void list_part(FILE *file, const llm_tensor_info *t, const part *x, size_t *at) {
    int i;
    fprintf(file, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", x->name, dtype_name(x->dtype));
    for (i = 0; i < t->dims; i++)
        fprintf(file, "%s%lld", i ? "," : "", (long long)(i + 1 < t->dims ? t->shape[i] : x->cols));
    fprintf(file, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)*at, (unsigned long long)(*at + x->bytes));
    *at += x->bytes;
}

/* The header of tensors [first, last), behind its length, which is known at the end. */
static int list_tensors(FILE *file, const llm_model *model, const plan *p, size_t first, size_t last) {
    uint8_t length[8] = {0};
    part parts[PARTS];
    size_t at = 0, i;
    int64_t bytes;
    int n, k, good = fwrite(length, 1, 8, file) == 8;
    fputs("{\"__metadata__\":{\"format\":\"mlx\"}", file);
    for (i = first; i < last; i++) {
        llm_tensor_info t = llm_model_get_tensor(model, i);
        for (n = parts_of(p, &t, parts), k = 0; k < n; k++) list_part(file, &t, &parts[k], &at);
    }
    fputs("}", file);
    for (bytes = ftell(file); bytes % 8; bytes++) fputs(" ", file);
    for (k = 0, bytes -= 8; k < 8; k++) length[k] = (uint8_t)(bytes >> 8 * k);
    return good && !fseek(file, 0, SEEK_SET) && fwrite(length, 1, 8, file) == 8 && !fseek(file, 0, SEEK_END);
}

static int write_tensor(FILE *file, const plan *p, const llm_tensor_info *t) {
    llm_quantize_desc how;
    llm_error error;
    part parts[PARTS];
    const int n = parts_of(p, t, parts), codes = quantized(p, t, &how);
    const size_t count = t->bytes / (is_float(t->dtype) ? dtype_bytes(t->dtype) : 1);
    uint8_t *out[PARTS] = {NULL, NULL, NULL};
    int i, good = t->data || !t->bytes || complain("%s is not in memory", t->name);
    if (good && !codes && parts[0].dtype == t->dtype) return fwrite(t->data, 1, t->bytes, file) == t->bytes;
    for (i = 0; good && i < n; i++)
        if ((out[i] = (uint8_t *)malloc(parts[i].bytes + 1)) == NULL) good = complain("%s", "not enough memory");
    if (good && !codes) llm_convert(t->dtype, t->data, count, parts[0].dtype, out[0]);
    if (good && codes && llm_quantize(&how, t->data, count, out[0], out[1], out[2], &error))
        good = complain("%s", error.message);
    for (i = 0; i < n; i++) {
        good = good && fwrite(out[i], 1, parts[i].bytes, file) == parts[i].bytes;
        free(out[i]);
    }
    return good;
}

static int write_shard(const llm_model *model, const plan *p, size_t first, size_t last, const char *path) {
    FILE *file = fopen(path, "wb");
    int good = file && list_tensors(file, model, p, first, last);
    for (; good && first < last; first++) {
        llm_tensor_info t = llm_model_get_tensor(model, first);
        good = write_tensor(file, p, &t);
    }
    return finish_file(file, path, good);
}

/* Where a shard ends that begins with tensor `first`. */
static size_t shard_end(const llm_model *model, const plan *p, size_t first) {
    uint64_t bytes = 0;
    size_t i = first;
    llm_tensor_info t;
    for (; (t = llm_model_get_tensor(model, i)).name; i++)
        if ((bytes += bytes_of(p, &t)) > (uint64_t)SHARD_GB << 30 && i > first) break;
    return i;
}

static void shard_name(char *name, size_t size, int shard, int count) {
    if (count == 1) snprintf(name, size, "model.safetensors");
    else snprintf(name, size, "model-%05d-of-%05d.safetensors", shard + 1, count);
}

/* Which tensor is in which shard; mlx-lm writes it for a single one, too. */
static void list_shard(FILE *file, const llm_model *model, const plan *p, size_t first, size_t last, const char *name) {
    part parts[PARTS];
    size_t i;
    int n, k;
    for (i = first; i < last; i++) {
        llm_tensor_info t = llm_model_get_tensor(model, i);
        for (n = parts_of(p, &t, parts), k = 0; k < n; k++)
            fprintf(file, "%s\n        \"%s\": \"%s\"", i || k ? "," : "", parts[k].name, name);
    }
}

static int write_weights(const llm_model *model, const plan *p, const char *out) {
    FILE *index = fopen(path_to(out, "model.safetensors.index.json"), "wb");
    char name[60];
    size_t first, last;
    int shard, count = 0, good = index != NULL;
    for (first = 0; llm_model_get_tensor(model, first).name; first = shard_end(model, p, first)) count++;
    if (index) fputs("{\n    \"weight_map\": {", index);
    for (first = 0, shard = 0; good && shard < count; shard++, first = last) {
        last = shard_end(model, p, first);
        shard_name(name, sizeof name, shard, count);
        list_shard(index, model, p, first, last, name);
        good = write_shard(model, p, first, last, path_to(out, name));
    }
    if (index) fputs("\n    }\n}\n", index);
    return finish_file(index, path_to(out, "model.safetensors.index.json"), good);
}

/* ---- config.json */

static void put_quantization(FILE *file, const llm_model *model, const plan *p) {
    llm_tensor_info t;
    llm_quantize_desc how;
    size_t i;
    fprintf(file, "{\"group_size\": %d, \"bits\": %d, \"mode\": \"%s\"", p->how.group, p->how.bits, p->how.mode);
    for (i = 0; (t = llm_model_get_tensor(model, i)).name; i++)
        if (quantized(p, &t, &how) && !how.mode)
            fprintf(file, ", \"%s\": {\"group_size\": %d, \"bits\": %d}", path_of(t.name), how.group, how.bits);
    fputs("}", file);
}

/* The checkpoint's own, with what was done to it before the last brace. */
static int write_config(const llm_model *model, const plan *p, const char *config, const char *out) {
    const char *path = path_to(out, "config.json"), *end = strrchr(config, '}');
    FILE *file = fopen(path, "wb");
    if (!file) return finish_file(file, path, 0);
    while (end > config && strchr(" \t\r\n", end[-1])) end--;
    fwrite(config, 1, (size_t)(end - config), file);
    fputs(",\n  \"quantization\": ", file);
    put_quantization(file, model, p);
    fputs(",\n  \"quantization_config\": ", file);
    put_quantization(file, model, p);
    fputs("\n}\n", file);
    return finish_file(file, path, 1);
}

/* "float16" and its like. */
static int type_named(const char *name, llm_dtype *out) {
    static const char *const names[] = {"float32", "float16", "bfloat16"};
    int i;
    for (i = 0; i < 3; i++)
        if (!strncmp(name, names[i], strlen(names[i]))) return *out = (llm_dtype)i, 1;
    return 0;
}

static int make_plan(plan *p, const options *o, const llm_model *model, const char *config) {
    static const struct {
        const char *mode;
        int bits, group;
    } modes[] = {{"affine", 4, 64}, {"mxfp4", 4, 32}, {"mxfp8", 8, 32}, {"nvfp4", 4, 16}};
    const char *said = strstr(config, "\"torch_dtype\"");
    size_t i;
    memset(p, 0, sizeof *p);
    p->model_type = llm_model_get_info(model).model_type;
    p->how.mode = o->mode ? o->mode : "affine";
    for (i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(p->how.mode, modes[i].mode)) p->how.bits = modes[i].bits, p->how.group = modes[i].group;
    if (!p->how.bits) return complain("--mode is %s; expected affine, mxfp4, mxfp8 or nvfp4", p->how.mode);
    if (o->bits) p->how.bits = (int)o->bits;
    if (o->group) p->how.group = (int)o->group;
    if (o->dtype) return type_named(o->dtype, &p->floats) ||
                         complain("--dtype is %s; expected float16, bfloat16 or float32", o->dtype);
    if (said) said = strchr(said, ':');
    if (said) said += 1 + strspn(said + 1, " \t\r\n\"");
    p->keep_floats = !said || !type_named(said, &p->floats);
    return 1;
}

/* What --bits and --group may be is for the library to say. */
static int plan_works(const plan *p) {
    static const float numbers[128] = {0};
    uint8_t out[3][512];
    llm_quantize_desc how = p->how;
    llm_error error;
    how.from = how.dtype = LLM_F32;
    return !llm_quantize(&how, numbers, 128, out[0], out[1], strcmp(how.mode, "affine") ? NULL : out[2], &error) ||
           complain("%s", error.message);
}

/* ---- checkpoints */

static const char *const other_files[] = {
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "tokenizer.model", "tekken.json", "tiktoken.model", "qwen.tiktoken", "chat_template.jinja",
    "chat_template.json", "generation_config.json", "processor_config.json", "preprocessor_config.json",
};

/* config.json comes last: what is not complete does not open. */
static int write_checkpoint(const options *o, const llm_model *model, const char *config) {
    plan p;
    size_t i;
    int good = make_plan(&p, o, model, config) && plan_works(&p);
    if (good && (strstr(config, "\"quantization\"") || strstr(config, "\"quantization_config\"")))
        good = complain("%s is quantized already", o->model);
    if (good && is_there(path_to(o->out, "config.json"))) good = complain("%s holds a checkpoint already", o->out);
    if (good) MAKE_FOLDER(o->out);
    good = good && write_weights(model, &p, o->out);
    for (i = 0; good && i < sizeof other_files / sizeof *other_files; i++)
        good = copy_file(path_to(o->model, other_files[i]), path_to(o->out, other_files[i]));
    return good && write_config(model, &p, config, o->out);
}

static int quantize(const options *o) {
    llm_model *model;
    llm_model_desc md;
    llm_error error;
    FILE *file;
    char *config = NULL;
    size_t bytes;
    int good;
    memset(&md, 0, sizeof md);
    md.path = o->model;
    md.describe = 1;
    if (llm_model_open(&model, &md, &error)) return complain("%s", error.message);
    file = fopen(path_to(o->model, "config.json"), "rb");
    if (file) config = read_text(file, &bytes);
    if (file) fclose(file);
    good = (config || complain("%s: config.json cannot be read", o->model)) && write_checkpoint(o, model, config);
    free(config);
    llm_model_close(model);
    return good;
}

static int pack(const char *folder) {
    const char *path = path_to(folder, LLM_PACK_FILE);
    llm_model *model;
    llm_model_desc md;
    llm_error error;
    int good;
    memset(&md, 0, sizeof md);
    md.path = folder;
    md.weights_only = 1;
    if (llm_model_open(&model, &md, &error)) return complain("%s", error.message);
    good = !llm_model_save_pack(model, path, NULL, &error) || complain("%s", error.message);
    llm_model_close(model);
    return good;
}

int main(int count, char **arguments) {
    options o;
    if (!read_options(&o, count, arguments)) return 1;
    if (o.out && !quantize(&o)) return 1;
    return o.pack && !pack(o.out ? o.out : o.model);
}
