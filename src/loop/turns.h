/* SPDX-License-Identifier: MIT */
/*
 * turns.h - how much CPU time one turn of the loop takes at most.
 *
 * A turn that is too long makes everything late: answers miss the receive windows that they
 * are for, and what the network brings piles up. CPU time of the loop's own thread is
 * measured, so neither waiting nor a busy machine counts. Counts only; does nothing about it.
 *
 * Loop thread only. Times in microseconds.
 */
#pragma once

#include <stdint.h>

#include <uv.h>

struct turns {
    uv_prepare_t prepare; /* runs once a turn, right before the loop waits */
    int64_t since_us;     /* CPU time of the thread when this turn began */
    int64_t longest_us;
    uint64_t count;
    uint64_t long_count;   /* that took more than TURN_LONG_US */
    uint64_t logged_count; /* of them, when that was logged last */
    uint64_t logged_ms;
};

#define TURN_LONG_US INT64_C(100000)

/* The first turn begins now. turns must outlive the handle. */
void turns_start(struct turns *turns, uv_loop_t *loop);
void turns_close(struct turns *turns);
