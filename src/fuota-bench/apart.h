/* SPDX-License-Identifier: MIT */
/*
 * apart.h - jobs in processes of their own, several at once.
 *
 * A job runs in a child made by fork(): it finds the memory of this process as it was then,
 * shared with it until one of the two writes there, and what it writes or allocates goes when
 * it ends. Its result comes back through a pipe: plain bytes of one size, without pointers.
 * Jobs begin in the order of their numbers, so the longest should have the lowest.
 *
 * A child never returns into the caller. What stdio had buffered is written before the fork,
 * once; the child itself ends without flushing and without atexit(), so it may write to
 * stderr and to files that it closes, not to stdout. It ends when its parent does.
 *
 * A job that fails ends the others: nobody waits for results that nobody gets. One whose
 * process is killed, or ends without a result, is named on stderr.
 *
 * Not for programs that have threads.
 */
#pragma once

#include <stddef.h>

#include "fuotad/error.h"

/* A job's end of what it may tell before it is done. */
struct apart_child;

struct apart {
    size_t count;        /* of jobs */
    size_t result_bytes; /* of each */
    /* In the child: fills the zeroed *result, which is aligned for anything; FUO_OK, or the
     * error that apart_run() returns. */
    int (*run)(void *context, size_t job, void *result, struct apart_child *child);
    const char *(*name)(void *context, size_t job); /* on stderr */
    void *context;
};

enum { APART_MAX = 16 }; /* at once */

/*
 * In a job: what others wait for is done, and the rest may take its time. Another one begins
 * in its place, as if it had ended, and it goes on with what processors they leave. NULL:
 * changes nothing.
 */
void apart_make_way(struct apart_child *child);

/* How many processors this process may use: 1 or more. */
size_t apart_processors(void);

/*
 * All jobs, at_once of them (1 or more; APART_MAX at most) at a time, and those that made
 * way. results: count * result_bytes, by job; those of jobs that ended well are written even
 * if another fails. FUO_EIO: a process could not be started, or died; FUO_ENOMEM; or the
 * error of the first job that failed.
 */
FUO_MUST_CHECK int apart_run(const struct apart *a, size_t at_once, void *results);
