/* For tests/tools/bochs.py, loaded before the package bochscpu: which of the CPUs that it knows it is to be, by the name
   in the environment's BOCHS_CPU (it has no setting for that and asks for the Core i3-8121U), and two names of a newer
   C library than the system may have.  A Sapphire Rapids says that it has AMX, which bochs.py carries out. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *_Z23create_corei3_cnl_cpuidP8BX_CPU_C(void *cpu) {
    void *(*create)(void *) = NULL;
    const char *name = getenv("BOCHS_CPU");
    char symbol[128];
    Dl_info info;
    void *library;
    if (!name || !*name) name = "sapphire_rapids";
    snprintf(symbol, sizeof symbol, "_Z%dcreate_%s_cpuidP8BX_CPU_C", snprintf(NULL, 0, "create_%s_cpuid", name), name);
    if (dladdr(__builtin_return_address(0), &info) && (library = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD)) != NULL)
        *(void **)&create = dlsym(library, symbol);
    if (!create) {
        fprintf(stderr, "bochs: no CPU %s\n", name);
        exit(2);
    }
    return create(cpu);
}

unsigned _ZNK10bx_cpuid_t24get_std_cpuid_leaf_7_edxEj(const void *cpuid, unsigned more) {
    static unsigned (*original)(const void *, unsigned);
    unsigned edx;
    Dl_info info;
    if (!original && dladdr(__builtin_return_address(0), &info))
        *(void **)&original = dlsym(dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD),
                                    "_ZNK10bx_cpuid_t24get_std_cpuid_leaf_7_edxEj");
    edx = original(cpuid, more);
    return edx & 1u << 23 ? edx | 3u << 24 : edx; /* AVX-512 FP16: no other of these CPUs has it */
}

unsigned long long __isoc23_strtoull(const char *text, char **end, int base) { return strtoull(text, end, base); }

int __isoc23_sscanf(const char *text, const char *format, ...) {
    va_list arguments;
    int n;
    va_start(arguments, format);
    n = vsscanf(text, format, arguments);
    va_end(arguments);
    return n;
}
