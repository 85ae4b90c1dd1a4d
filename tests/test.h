/* test.h - what a test program needs: CHECK counts, TEST runs a function, test_summary prints the last line. */
#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <string.h>

static int test_passed, test_failed;

/* Counts; a failure says where and goes on. */
#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (condition) {                                                                  \
            test_passed++;                                                                \
        } else {                                                                          \
            test_failed++;                                                                \
            printf("%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition);          \
        }                                                                                 \
    } while (0)

/* The same for two integers and for two texts, which a failure shows. */
#define CHECK_EQ(found, expected) test_equal(__FILE__, __LINE__, #found, (long long)(found), (long long)(expected))
#define CHECK_STR(found, expected) test_text(__FILE__, __LINE__, #found, found, expected)

static inline int test_equal(const char *file, int line, const char *what, long long found, long long expected) {
    if (found == expected) return ++test_passed, 1;
    printf("%s:%d: %s is %lld, expected %lld\n", file, line, what, found, expected);
    return ++test_failed, 0;
}

static inline int test_text(const char *file, int line, const char *what, const char *found, const char *expected) {
    if (found && !strcmp(found, expected)) return ++test_passed, 1;
    printf("%s:%d: %s is \"%s\", expected \"%s\"\n", file, line, what, found ? found : "NULL", expected);
    return ++test_failed, 0;
}

/* Runs a test function and says its name if anything in it failed. */
#define TEST(function)                                                                    \
    do {                                                                                  \
        int test_before = test_failed;                                                    \
        function();                                                                       \
        if (test_failed != test_before) printf("  in %s\n", #function);                   \
    } while (0)

/* Prints the last line and gives main's return value. */
static int test_summary(const char *name) {
    printf("%s: %d passed, %d failed\n", name, test_passed, test_failed);
    return test_failed != 0;
}

#endif /* TEST_H */
