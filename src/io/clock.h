/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the only reader of the system's clocks, and the time scale of demos and tests.
 *
 * With a scale F@EPOCH time runs F times as fast since EPOCH (Unix seconds):
 *
 *     virtual = EPOCH + (wall - EPOCH) * F
 *
 * so that processes that start at different moments agree without talking. Without one,
 * F is 1 and virtual time is wall time. A struct clock is a value: copy it freely. Nothing
 * here allocates, sleeps or keeps state; integer arithmetic throughout, saturating.
 */
#pragma once

#include <stdint.h>

#include <stdbool.h>

#include "base/time.h"
#include "fuotad/error.h"

/* What both clocks show, set by whoever makes the time; for simulations. */
struct clock_hands {
    int64_t mono_us;
    int64_t utc_us;
};

struct clock {
    int64_t scale_ppm;               /* F in millionths */
    int64_t epoch_us;                /* EPOCH, Unix time */
    const struct clock_hands *hands; /* borrowed; NULL: the system's clocks */
};

/*
 * time_scale is "F@EPOCH", both decimal with at most six places, F from 0.001 to 100000,
 * EPOCH from 0 to 4102444800; NULL: time is not scaled. FUO_EPROTO for anything else, and
 * *clock is untouched.
 */
FUO_MUST_CHECK int clock_init(struct clock *clock, const char *time_scale);

/* A clock that shows what its hands show, and never asks the system. */
struct clock clock_by_hand(const struct clock_hands *hands);

/* Virtual Unix time; steps when the wall clock is set. */
struct utc clock_utc(const struct clock *clock);

/* Scaled time since some point in the past; never goes back, does not stop in suspend. */
struct instant clock_mono(const struct clock *clock);

/* CPU time that the calling thread has used; not scaled. */
int64_t clock_thread_cpu_us(void);

/*
 * How long to wait on the wall for a virtual duration: rounded up, 0 for what is past,
 * INT64_MAX for INT64_MAX (for ever).
 */
int64_t clock_wall_us(const struct clock *clock, int64_t virtual_us);

/* The other way: how much virtual time a wall duration takes; rounded down. */
int64_t clock_virtual_us(const struct clock *clock, int64_t wall_us);

/*
 * Whether somebody keeps the wall clock right (NTP, PTP): what the kernel was told. Without
 * the kernel's word (a container may hide it) false and -1. *error_us: by how much it may
 * be off, at most.
 */
bool clock_is_synchronised(int64_t *error_us);

/* The arithmetic of clock_utc() for a given wall time (Unix, microseconds). */
struct utc clock_utc_at(const struct clock *clock, int64_t wall_us);
