/* SPDX-License-Identifier: MIT */
/*
 * sim_loop.h - what a simulator turns on: a libuv loop with one timer of virtual time, the
 * signals that end it, and the air log, which is written out twice a second.
 *
 * Errors are logged where they happen, and remembered: the program ends with another code.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <uv.h>

#include "fuotad/error.h"
#include "io/clock.h"

struct sim_loop_handlers {
    void (*due)(void *arg);  /* the time has come that sim_loop_wake() named */
    void (*stop)(void *arg); /* SIGTERM or SIGINT: sim_loop_stop(), and close the rest */
};

struct sim_loop {
    uv_loop_t uv;
    uv_timer_t timer;
    uv_timer_t flusher;
    uv_signal_t signals[2];
    const struct clock *clock;
    struct sim_loop_handlers handlers;
    void *arg;
    FILE *airlog; /* NULL: none. Who writes need not look for errors */
    bool stopping;
    bool failed;
};

/* clock is kept. */
void sim_loop_init(struct sim_loop *loop, const struct clock *clock,
                   const struct sim_loop_handlers *handlers, void *arg);

/* NULL: none is wanted. */
FUO_MUST_CHECK int sim_loop_open_airlog(struct sim_loop *loop, const char *path);

/* INT64_MAX: nothing is to happen. What is past is due in the next turn. */
void sim_loop_wake(struct sim_loop *loop, struct utc next);

/* Until everything on it is closed. */
void sim_loop_run(struct sim_loop *loop);

/* false: it stops already. */
bool sim_loop_stop(struct sim_loop *loop);

/* The air log is complete, or it has failed. */
void sim_loop_finish(struct sim_loop *loop);
