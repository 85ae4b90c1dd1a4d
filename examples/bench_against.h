/* bench_against.h - the part of bench that runs other engines: bench --against "NAME=COMMAND" --batched COMMAND

   The other engine is any llama-bench, and its llama-batched-bench for texts written together; both are given a GGUF
   file of the same shape, random weights as well, in the format of the same number of bits a weight, tables of tokens
   and head included.  Rounds go over all engines in turn, so that what else the machine does falls on all alike, and a
   ratio is taken within each round.  This process and those it starts stay on the first cores, as many as threads. */

/* ---- a GGUF file of random weights, see shapes and formats in bench.c */

/* How a GGUF type keeps `values` numbers in `bytes`: random bits with one or two float16 factors among them. */
typedef struct codec {
    const char *name;
    uint32_t type, values, bytes;
    int scale_at, second_at; /* where the factors lie; -1: none */
    double scale, second;    /* what makes numbers with mean 0 and standard deviation 1 */
} codec;

static const codec codecs[] = {
    {"F32", 0, 1, 4, -1, -1, 0, 0},
    {"F16", 1, 1, 2, -1, -1, 0, 0},
    {"BF16", 30, 1, 2, -1, -1, 0, 0},
    {"Q4_0", 2, 32, 18, 0, -1, 1 / 4.6, 0},
    {"Q4_1", 3, 32, 20, 0, 2, 1 / 4.6, -7.5 / 4.6},
    {"Q8_0", 8, 32, 34, 0, -1, 1 / 74.0, 0},
    {"Q4_K", 12, 256, 144, 0, 2, 1 / 170.0, 7.5 / 170},
    {"Q6_K", 14, 256, 210, 208, -1, 1 / 1360.0, 0},
};

enum { GGUF_ALIGNMENT = 32, GGUF_U32 = 4, GGUF_F32 = 6, GGUF_TEXT = 8, GGUF_PIECE = 1 << 18 };

/* The tensors are gone through three times: to count them, to list them, and to write them. */
typedef enum gguf_pass { COUNT, LIST, WRITE } gguf_pass;

typedef struct gguf {
    FILE *file;
    gguf_pass pass;
    uint64_t tensors, at, random; /* at: where the next tensor begins, behind the list */
    uint8_t *piece;               /* [GGUF_PIECE] */
} gguf;

static const codec *codec_named(const char *name) {
    size_t i = 0;
    while (strcmp(codecs[i].name, name)) i++;
    return &codecs[i];
}

static void gguf_number(gguf *g, uint64_t value, int bytes) {
    for (; bytes > 0; bytes--, value >>= 8) putc((int)(value & 255), g->file);
}

static void gguf_text(gguf *g, const char *text) {
    gguf_number(g, strlen(text), 8);
    fputs(text, g->file);
}

/* The key is the architecture's, if it begins with a dot. */
static void gguf_key(gguf *g, const shape *s, const char *key, uint32_t type) {
    char name[100];
    snprintf(name, sizeof name, "%s%s", *key != '.' ? "" : s->qkv_bias ? "qwen2" : "llama", key);
    gguf_text(g, name);
    gguf_number(g, type, 4);
}

static void gguf_float(gguf *g, const shape *s, const char *key, float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    gguf_key(g, s, key, GGUF_F32);
    gguf_number(g, bits, 4);
}

/* Without a vocabulary: ids are all that is measured.  The three numbers at the end have no part in speed. */
static void gguf_keys(gguf *g, const shape *s) {
    const struct { const char *key; int value; } numbers[] = {
        {".context_length", 131072}, {".embedding_length", s->hidden}, {".block_count", s->layers},
        {".feed_forward_length", s->inner}, {".attention.head_count", s->heads},
        {".attention.head_count_kv", s->kv_heads}, {".rope.dimension_count", s->head},
        {".vocab_size", s->vocabulary}, {"general.alignment", GGUF_ALIGNMENT}, {"general.file_type", 0}};
    const size_t count = sizeof numbers / sizeof *numbers;
    size_t i;
    gguf_number(g, count + 4, 8);
    gguf_key(g, s, "general.architecture", GGUF_TEXT);
    gguf_text(g, s->qkv_bias ? "qwen2" : "llama");
    gguf_key(g, s, "tokenizer.ggml.model", GGUF_TEXT);
    gguf_text(g, "no_vocab");
    gguf_float(g, s, ".attention.layer_norm_rms_epsilon", 1e-5f);
    gguf_float(g, s, ".rope.freq_base", 1e6f);
    for (i = 0; i < count; i++) {
        gguf_key(g, s, numbers[i].key, GGUF_U32);
        gguf_number(g, (uint64_t)numbers[i].value, 4);
    }
}

static void put_half(uint8_t *at, double value) {
    uint16_t h = llm__f32_to_f16((float)value);
    memcpy(at, &h, 2);
}

static void fill_codec(gguf *g, const codec *c, size_t blocks, int cols) {
    const double size = 1 / sqrt(cols);
    const float one = 1;
    size_t i;
    if (c->bytes == 2) fill_halves(&g->random, g->piece, blocks, exponent_for(cols), !strcmp(c->name, "BF16"));
    else fill_words(&g->random, g->piece, blocks * c->bytes);
    for (i = 0; i < blocks; i++) {
        uint8_t *block = g->piece + i * c->bytes;
        if (c->values == 1 && c->bytes == 4) memcpy(block, &one, 4);
        if (c->scale_at >= 0) put_half(block + c->scale_at, size * c->scale);
        if (c->second_at >= 0) put_half(block + c->second_at, size * c->second);
    }
}

static void gguf_data(gguf *g, const codec *c, uint64_t blocks, int cols) {
    const uint64_t most = GGUF_PIECE / c->bytes;
    uint64_t n, bytes = blocks * c->bytes;
    for (; blocks; blocks -= n) {
        n = blocks < most ? blocks : most;
        fill_codec(g, c, (size_t)n, cols);
        fwrite(g->piece, c->bytes, (size_t)n, g->file);
    }
    for (; bytes % GGUF_ALIGNMENT; bytes++) putc(0, g->file);
}

/* rows 0: a vector. */
static void gguf_tensor(gguf *g, const char *name, int rows, int cols, const codec *c) {
    const uint64_t blocks = (uint64_t)cols * (uint64_t)(rows ? rows : 1) / c->values;
    g->tensors++;
    if (g->pass == LIST) {
        gguf_text(g, name);
        gguf_number(g, rows ? 2 : 1, 4);
        gguf_number(g, (uint64_t)cols, 8);
        if (rows) gguf_number(g, (uint64_t)rows, 8);
        gguf_number(g, c->type, 4);
        gguf_number(g, g->at, 8);
    }
    if (g->pass == WRITE) gguf_data(g, c, blocks, cols);
    g->at += (blocks * c->bytes + GGUF_ALIGNMENT - 1) / GGUF_ALIGNMENT * GGUF_ALIGNMENT;
}

static void gguf_layer(gguf *g, const shape *s, const recipe *f, int layer) {
    const codec *norm = codec_named("F32"), *plain = codec_named(f->gguf);
    const codec *more = keeps_more(s, layer) ? codec_named(f->more_gguf) : plain;
    const int queries = s->heads * s->head, keys = s->kv_heads * s->head;
    const struct { const char *name; int rows, cols; const codec *how; } tensors[] = {
        {"attn_norm.weight", 0, s->hidden, norm}, {"ffn_norm.weight", 0, s->hidden, norm},
        {"attn_q.weight", queries, s->hidden, plain}, {"attn_k.weight", keys, s->hidden, plain},
        {"attn_v.weight", keys, s->hidden, more}, {"attn_output.weight", s->hidden, queries, plain},
        {"ffn_gate.weight", s->inner, s->hidden, plain}, {"ffn_up.weight", s->inner, s->hidden, plain},
        {"ffn_down.weight", s->hidden, s->inner, more},
        {"attn_q.bias", 0, queries, norm}, {"attn_k.bias", 0, keys, norm}, {"attn_v.bias", 0, keys, norm}};
    const size_t count = sizeof tensors / sizeof *tensors - (s->qkv_bias ? 0 : 3);
    char name[60];
    size_t i;
    for (i = 0; i < count; i++) {
        snprintf(name, sizeof name, "blk.%d.%s", layer, tensors[i].name);
        gguf_tensor(g, name, tensors[i].rows, tensors[i].cols, tensors[i].how);
    }
}

static void gguf_tensors(gguf *g, const shape *s, const recipe *f, gguf_pass p) {
    int layer;
    g->pass = p;
    g->tensors = g->at = 0;
    gguf_tensor(g, "token_embd.weight", s->vocabulary, s->hidden, codec_named(f->more_gguf));
    gguf_tensor(g, "output_norm.weight", 0, s->hidden, codec_named("F32"));
    if (!s->tied) gguf_tensor(g, "output.weight", s->vocabulary, s->hidden, codec_named(f->more_gguf));
    for (layer = 0; layer < s->layers; layer++) gguf_layer(g, s, f, layer);
}

/* Returns the bytes of the tensors; 0: it cannot be written. */
static uint64_t write_gguf(const char *path, const shape *s, const recipe *f) {
    static uint8_t piece[GGUF_PIECE];
    gguf g;
    int ok;
    memset(&g, 0, sizeof g);
    g.piece = piece;
    g.random = UINT64_C(88172645463325252);
    g.file = fopen(path, "wb");
    if (!g.file) return 0;
    gguf_tensors(&g, s, f, COUNT);
    fputs("GGUF", g.file);
    gguf_number(&g, 3, 4);
    gguf_number(&g, g.tensors, 8);
    gguf_keys(&g, s);
    gguf_tensors(&g, s, f, LIST);
    while (ftell(g.file) % GGUF_ALIGNMENT) putc(0, g.file);
    gguf_tensors(&g, s, f, WRITE);
    ok = !ferror(g.file);
    return !fclose(g.file) && ok ? g.at : 0;
}

/* ---- what is measured */

enum { PROMPT, WRITING, DEEP, TOGETHER, MEASURES = TOGETHER + 3, SHORT_PROMPT = 16, ANSWER_BYTES = 1 << 16 };

static const int texts_together[] = {1, 4, 16};

/* Tokens/s, 0: not measured; and how many CPUs were at work meanwhile. */
typedef struct sample {
    double speed, cpus;
} sample;

typedef struct contest {
    const options *o;
    char path[200]; /* the GGUF file */
    image made;
    llm_model *model;
    llm_session *session;
    sample ours[MEASURES][MAX_REPEAT], theirs[MOST_RIVALS][MEASURES][MAX_REPEAT];
} contest;

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>

/* Of the commands that have ended. */
static double cpu_seconds(void) {
    struct rusage r;
    getrusage(RUSAGE_CHILDREN, &r);
    return (double)r.ru_utime.tv_sec + (double)r.ru_stime.tv_sec +
           1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* This process and those it starts, on the first cores. */
static void pin(int cores) {
#ifdef __linux__
    cpu_set_t set;
    int i;
    CPU_ZERO(&set);
    for (i = 0; i < cores && i < CPU_SETSIZE; i++) CPU_SET((size_t)i, &set);
    sched_setaffinity(0, sizeof set, &set);
#else
    (void)cores;
#endif
}

/* ---- this engine */

/* Texts that are written a token at a time, all in one pass. */
static int write_texts(const contest *c, int texts, double *speed) {
    static int32_t prompt[SHORT_PROMPT];
    const size_t vocabulary = (size_t)llm_model_get_info(c->model).vocabulary;
    float *logits = (float *)malloc((size_t)texts * vocabulary * sizeof *logits);
    llm_cache *caches[16] = {NULL};
    llm_sequence s[16];
    llm_model_cache_desc cd;
    llm_error error;
    double start = 0;
    int i, step, ok = logits != NULL || fail("out of memory");
    memset(&cd, 0, sizeof cd);
    memset(s, 0, sizeof s);
    for (i = 0; ok && i < texts; i++) {
        ok = !llm_model_cache_open(&caches[i], c->model, &cd, &error) || fail(error.message);
        s[i].cache = caches[i];
        s[i].tokens = prompt;
        s[i].want = LLM_LOGITS_LAST;
        s[i].logits = logits + (size_t)i * vocabulary;
    }
    for (step = 0; ok && step <= c->o->generate; step++) {
        for (i = 0; i < texts; i++) s[i].count = step ? 1 : SHORT_PROMPT;
        if (step == 1) start = now();
        ok = !llm_forward(c->session, s, (size_t)texts, &error) || fail(error.message);
    }
    *speed = texts * c->o->generate / (now() - start);
    for (i = 0; i < texts; i++) llm_cache_close(caches[i]);
    free(logits);
    return ok;
}

static sample sample_of(double speed, double cpus) {
    sample s;
    s.speed = speed;
    s.cpus = cpus;
    return s;
}

static int run_ours(contest *c, int measure, int round) {
    options o = *c->o;
    const moment start = moment_now();
    speeds speed;
    double got = 0;
    int ok;
    o.repeat = 1;
    if (measure == PROMPT) {
        ok = measure_session(&o, c->model, c->session, &speed);
        c->ours[PROMPT][round] = sample_of(speed.prompt[0], speed.prompt_cpus[0]);
        c->ours[WRITING][round] = sample_of(speed.generate[0], speed.generate_cpus[0]);
        return ok;
    }
    if (measure == DEEP) ok = decode_behind(&o, c->model, c->session, o.depth, 0, &got);
    else ok = write_texts(c, texts_together[measure - TOGETHER], &got);
    c->ours[measure][round] = sample_of(got, cpus_since(start));
    return ok;
}

/* ---- the others */

/* What a command prints, up to ANSWER_BYTES, and how many CPUs it used. */
static char *answer_of(const char *command, double *cpus) {
    static char text[ANSWER_BYTES];
    const double start = now(), cpu = cpu_seconds();
    FILE *f = popen(command, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = 0;
    if (f) pclose(f);
    *cpus = (cpu_seconds() - cpu) / (now() - start);
    return text;
}

/* The name is what stands before the first "=". */
static int name_length(const char *text) { return (int)strcspn(text, "="); }

static const char *command_of(const char *text) {
    const char *equals = strchr(text, '=');
    return equals ? equals + 1 : text;
}

/* In what llama-bench says as JSON: the speed of the test that writes tokens, or of the one that writes none. */
static double speed_of(const char *json, int writes) {
    const char *at;
    for (at = strstr(json, "\"n_gen\":"); at; at = strstr(at + 1, "\"n_gen\":"))
        if ((strtol(at + 8, NULL, 10) > 0) == writes && (at = strstr(at, "\"avg_ts\":")) != NULL)
            return strtod(at + 9, NULL);
    return 0;
}

static const char *ask(const contest *c, const rival *e, const char *tests, double *cpus) {
    char command[2000];
    snprintf(command, sizeof command, "%s -m %s -t %d -r 1 -o json %s 2>/dev/null", command_of(e->bench), c->path,
             c->o->threads, tests);
    return answer_of(command, cpus);
}

static void run_bench(contest *c, int which, int round) {
    sample(*to)[MAX_REPEAT] = c->theirs[which];
    const char *json;
    char tests[100];
    double cpus;
    snprintf(tests, sizeof tests, "-p %d -n %d", c->o->prompt, c->o->generate);
    json = ask(c, &c->o->rivals[which], tests, &cpus);
    to[PROMPT][round] = sample_of(speed_of(json, 0), cpus);
    to[WRITING][round] = sample_of(speed_of(json, 1), cpus);
}

/* Some have an option for depth, others one for writing behind a prompt. */
static void run_deep(contest *c, int which, int round) {
    sample *to = &c->theirs[which][DEEP][round];
    char tests[100];
    snprintf(tests, sizeof tests, "-p 0 -n %d -d %d", c->o->generate, c->o->depth);
    to->speed = speed_of(ask(c, &c->o->rivals[which], tests, &to->cpus), 1);
    if (to->speed > 0) return;
    snprintf(tests, sizeof tests, "-p 0 -n 0 -gp %d,%d", c->o->depth, c->o->generate);
    to->speed = speed_of(ask(c, &c->o->rivals[which], tests, &to->cpus), 1);
}

/* llama-batched-bench prints a table: PP, TG, B, N_KV, T_PP, S_PP, T_TG, S_TG and more. */
static void run_together(contest *c, int which, int round) {
    const rival *e = &c->o->rivals[which];
    char command[2000], *line;
    double cpus, speed;
    int texts, i;
    if (!e->batched) return;
    snprintf(command, sizeof command, "%s -m %s -t %d -npp %d -ntg %d -npl 1,4,16 -c %d -b 2048 -ub 512 2>&1",
             e->batched, c->path, c->o->threads, SHORT_PROMPT, c->o->generate, 16 * (SHORT_PROMPT + c->o->generate));
    for (line = strtok(answer_of(command, &cpus), "\n"); line; line = strtok(NULL, "\n"))
        for (i = 0; sscanf(line, "| %*d | %*d | %d | %*d | %*f | %*f | %*f | %lf", &texts, &speed) == 2 && i < 3; i++)
            if (texts == texts_together[i]) c->theirs[which][TOGETHER + i][round] = sample_of(speed, cpus);
}

/* ---- rounds and tables */

static int run_round(contest *c, int round) {
    const int rivals = c->o->rival_count;
    int i, k, ok = run_ours(c, PROMPT, round);
    for (i = 0; i < rivals; i++) run_bench(c, (i + round) % rivals, round);
    if (c->o->depth) ok = ok && run_ours(c, DEEP, round);
    for (i = 0; c->o->depth && i < rivals; i++) run_deep(c, (i + round) % rivals, round);
    for (i = k = 0; i < rivals; i++) k += c->o->rivals[i].batched != NULL;
    for (i = TOGETHER; k && i < MEASURES; i++) ok = ok && run_ours(c, i, round);
    for (i = 0; i < rivals; i++) run_together(c, (i + round) % rivals, round);
    return ok;
}

static sample middle(const sample *from, int count) {
    double tokens[MAX_REPEAT], cpus[MAX_REPEAT];
    sample s;
    int i;
    for (i = 0; i < count; i++) tokens[i] = from[i].speed, cpus[i] = from[i].cpus;
    s.speed = median(tokens, count);
    s.cpus = median(cpus, count);
    return s;
}

static void show_contest(const contest *c, const shape *s, const recipe *f, int measure) {
    const int count = c->o->repeat;
    const sample own = middle(c->ours[measure], count);
    double ratios[MAX_REPEAT];
    char what[60];
    int i, k;
    if (measure == PROMPT) snprintf(what, sizeof what, "prompt of %d", c->o->prompt);
    else if (measure == WRITING) snprintf(what, sizeof what, "writing %d", c->o->generate);
    else if (measure == DEEP) snprintf(what, sizeof what, "writing behind %d", c->o->depth);
    else snprintf(what, sizeof what, "writing %d texts", texts_together[measure - TOGETHER]);
    if (!(own.speed > 0)) return;
    printf("| %-12s | %-5s | %-19s | %8.2f (%.2f) |", s->name, f->name, what, own.speed, own.cpus);
    for (i = 0; i < c->o->rival_count; i++) {
        const sample other = middle(c->theirs[i][measure], count);
        for (k = 0; k < count; k++) ratios[k] = c->ours[measure][k].speed / c->theirs[i][measure][k].speed;
        median(ratios, count);
        if (other.speed > 0)
            printf(" %8.2f (%.2f) | **%.2f** (%.2f..%.2f) |", other.speed, other.cpus, ratios[count / 2], ratios[0],
                   ratios[count - 1]);
        else printf("      - |   - |");
    }
    printf("\n");
}

static void show_rivals(const options *o) {
    int i;
    printf("| shape | format | measured | llm.h t/s (CPUs) |");
    for (i = 0; i < o->rival_count; i++)
        printf(" %.*s t/s (CPUs) | ratio (least..most) |", name_length(o->rivals[i].bench), o->rivals[i].bench);
    printf("\n|---|---|---|---:|");
    for (i = 0; i < o->rival_count; i++) printf("---:|---:|");
    printf("\n");
}

static int open_ours(contest *c, const shape *s, const recipe *f) {
    llm_model_desc md;
    llm_error error;
    memset(&md, 0, sizeof md);
    if (!make_image(&c->made, s, f)) return 0;
    md.memory = c->made.files;
    md.memory_count = 2;
    md.weights_only = 1;
    md.no_pack = c->o->no_pack;
    md.isa = c->o->isa;
    if (llm_model_open(&c->model, &md, &error)) return fail(error.message);
    return open_session(c->o, c->model, &c->session);
}

static int contest_shape(const options *o, const shape *s, const recipe *f) {
    static contest c;
    uint64_t bytes;
    int i, ok;
    if (s->kind != LLAMA) return 1;
    memset(&c, 0, sizeof c);
    c.o = o;
    snprintf(c.path, sizeof c.path, "bench-%s-%s.gguf", s->name, f->name);
    bytes = write_gguf(c.path, s, f);
    ok = bytes ? open_ours(&c, s, f) : fail("the file for the other engines cannot be written here");
    ok = ok && run_ours(&c, PROMPT, 0); /* as the others do before they measure */
    for (i = 0; ok && i < o->repeat; i++) ok = run_round(&c, i);
    for (i = 0; ok && i < MEASURES; i++) show_contest(&c, s, f, i);
    if (ok) {
        const double own = (double)(llm_model_get_info(c.model).weight_bytes - c.made.skipped_bytes);
        const double memory = bandwidth(o->threads, 1), tokens = middle(c.ours[WRITING], o->repeat).speed;
        printf("| | | | %.0f MB a token, %.0f%% of %.1f GB/s | %.0f MB in the file |\n", own / 1e6,
               100 * own * tokens / memory, memory / 1e9, (double)bytes / 1e6);
    }
    fflush(stdout);
    remove(c.path);
    llm_session_close(c.session);
    llm_model_close(c.model);
    free_image(&c.made);
    return ok;
}

static int bench_against(const options *o) {
    pin(o->threads);
    show_rivals(o);
    return each_listed(o, contest_shape);
}
#else
static int bench_against(const options *o) {
    (void)o;
    return fail("--against needs a POSIX system");
}
#endif
