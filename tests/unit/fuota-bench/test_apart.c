/* SPDX-License-Identifier: MIT */
/* Jobs in processes of their own: what comes back, and what becomes of those that do not end well. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuota-bench/apart.h"
#include "test.h"

enum {
    JOBS = 5,
    LARGE = 300000, /* more than a pipe holds */
    BAD = 1,        /* the job with which something is wrong */
};

static int touched;
static int ends[2]; /* of a pipe */

static const char *name(void *context, size_t job)
{
    static const char *const names[JOBS] = {"one", "two", "three", "four", "five"};
    (void)context;
    return names[job];
}

static int square(void *context, size_t job, void *result, struct apart_child *child)
{
    (void)child;
    int *out = result;
    assert_int_equal(*out, 0);
    *out = *(const int *)context + (int)(job * job);
    touched = *out;
    return FUO_OK;
}

static int fill(void *context, size_t job, void *result, struct apart_child *child)
{
    (void)child;
    (void)context;
    memset(result, (int)job + 1, LARGE);
    return FUO_OK;
}

static int refuse(void *context, size_t job, void *result, struct apart_child *child)
{
    (void)child;
    (void)context;
    (void)result;
    return job == BAD ? FUO_EINVAL : FUO_OK;
}

/* The others would never end. */
static int refuse_or_wait(void *context, size_t job, void *result,
                          struct apart_child *child)
{
    if (job != BAD) {
        (void)pause();
    }
    return refuse(context, job, result, child);
}

static int be_killed(void *context, size_t job, void *result, struct apart_child *child)
{
    if (job == BAD) {
        (void)raise(SIGKILL);
    }
    return square(context, job, result, child);
}

static int leave(void *context, size_t job, void *result, struct apart_child *child)
{
    if (job == BAD) {
        _exit(0);
    }
    return square(context, job, result, child);
}

/* Done when the next one has begun. */
static int make_way(void *context, size_t job, void *result, struct apart_child *child)
{
    char byte = 0;
    assert_int_equal(job == 0 ? 1 : write(ends[1], &byte, 1), 1);
    apart_make_way(child);
    apart_make_way(child); /* once is enough */
    assert_int_equal(job == JOBS - 1 ? 1 : read(ends[0], &byte, 1), 1);
    return square(context, job, result, child);
}

static int make_way_and_leave(void *context, size_t job, void *result,
                              struct apart_child *child)
{
    apart_make_way(job == BAD ? child : NULL);
    return leave(context, job, result, child);
}

static int run(int (*job)(void *, size_t, void *, struct apart_child *), size_t bytes,
               size_t at_once, void *results)
{
    int context = 10;
    const struct apart a = {JOBS, bytes, job, name, &context};
    return apart_run(&a, at_once, results);
}

static void results_stand_in_the_order_of_jobs(void **state)
{
    (void)state;
    const int expected[JOBS] = {10, 11, 14, 19, 26};
    const size_t at_once[] = {1, 2, JOBS, APART_MAX + 1};
    for (size_t i = 0; i < sizeof(at_once) / sizeof(at_once[0]); i++) {
        int results[JOBS] = {0};
        assert_int_equal(run(square, sizeof(int), at_once[i], results), FUO_OK);
        assert_memory_equal(results, expected, sizeof(expected));
        assert_int_equal(touched, 0);
    }
}

static void who_makes_way_holds_nobody_up(void **state)
{
    (void)state;
    const int expected[JOBS] = {10, 11, 14, 19, 26};
    int results[JOBS] = {0};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(run(make_way, sizeof(int), 1, results), FUO_OK);
    assert_memory_equal(results, expected, sizeof(expected));
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    apart_make_way(NULL);
}

static void a_result_may_be_larger_than_a_pipe(void **state)
{
    (void)state;
    uint8_t *results = calloc(JOBS, LARGE);
    assert_non_null(results);
    assert_int_equal(run(fill, LARGE, 2, results), FUO_OK);
    for (size_t i = 0; i < (size_t)JOBS * LARGE; i++) {
        assert_int_equal(results[i], i / LARGE + 1);
    }
    free(results);
}

static void the_error_of_a_job_is_that_of_all(void **state)
{
    (void)state;
    int results[JOBS] = {0};
    assert_int_equal(run(refuse, sizeof(int), 1, results), FUO_EINVAL);
    assert_int_equal(run(refuse, sizeof(int), JOBS, results), FUO_EINVAL);
}

static void a_job_that_fails_ends_the_others(void **state)
{
    (void)state;
    int results[JOBS] = {0};
    assert_int_equal(run(refuse_or_wait, sizeof(int), 2, results), FUO_EINVAL);
}

/* What it says on stderr meanwhile. */
static int run_listening(int (*job)(void *, size_t, void *, struct apart_child *),
                         char *text, size_t size)
{
    int results[JOBS] = {0};
    FILE *said = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_non_null(said);
    assert_true(dup2(fileno(said), STDERR_FILENO) >= 0);
    int err = run(job, sizeof(int), 1, results);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    assert_int_equal(close(before), 0);
    rewind(said);
    text[fread(text, 1, size - 1, said)] = '\0';
    assert_int_equal(fclose(said), 0);
    assert_int_equal(results[0], 10); /* that one had ended */
    return err;
}

static void one_that_dies_is_named(void **state)
{
    (void)state;
    char text[200];
    assert_int_equal(run_listening(be_killed, text, sizeof(text)), FUO_EIO);
    assert_string_equal(text,
                        "fuota-bench: two: its process was killed by signal 9: Killed\n");
    assert_int_equal(run_listening(leave, text, sizeof(text)), FUO_EIO);
    assert_string_equal(text, "fuota-bench: two: its process ended without a result\n");
    assert_int_equal(run_listening(make_way_and_leave, text, sizeof(text)), FUO_EIO);
    assert_string_equal(text, "fuota-bench: two: its process ended without a result\n");
}

static void what_was_buffered_is_written_once(void **state)
{
    (void)state;
    char text[20] = "";
    int results[JOBS] = {0};
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_true(fputs("once", f) >= 0);
    assert_int_equal(run(square, sizeof(int), 2, results), FUO_OK);
    rewind(f);
    assert_int_equal(fread(text, 1, sizeof(text), f), 4);
    assert_string_equal(text, "once");
    assert_int_equal(fclose(f), 0);
}

static void there_is_a_processor(void **state)
{
    (void)state;
    assert_true(apart_processors() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_stand_in_the_order_of_jobs),
        cmocka_unit_test(who_makes_way_holds_nobody_up),
        cmocka_unit_test(a_result_may_be_larger_than_a_pipe),
        cmocka_unit_test(the_error_of_a_job_is_that_of_all),
        cmocka_unit_test(a_job_that_fails_ends_the_others),
        cmocka_unit_test(one_that_dies_is_named),
        cmocka_unit_test(what_was_buffered_is_written_once),
        cmocka_unit_test(there_is_a_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
