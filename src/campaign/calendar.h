/* SPDX-License-Identifier: MIT */
/*
 * calendar.h - when a transmission may be sent, and its sessions.
 *
 * Windows are half-open spans of UTC: zones, blackouts and changes of the clock have been
 * resolved by whoever gives them (design 4). A course of sending is cut into sessions where
 * windows end and at the 2^15 s that a class C session may last (TS005; class B: 2^22 s). Which other
 * sessions are on the same gateways, and what airtime is left, is not known here: the engine
 * asks again from a later time (engine/dates.c).
 *
 * Arithmetic only: no allocation, no clock, no errors but those named here. All arrays are
 * the caller's. Design 2 and 5.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum {
    CALENDAR_SESSIONS_MAX = 64, /* of one course */
};

#define CALENDAR_SESSION_MAX_US SECONDS_US(32768)

/* Half open: end does not belong to it. */
struct calendar_span {
    struct utc start;
    struct utc end;
};

/* Ascending and without overlap. spans NULL: always; spans but none of them left: never. */
struct calendar_windows {
    const struct calendar_span *spans;
    size_t count;
};

/* Until when it is open without a break from `at` on: `at` itself if it is not open,
 * UTC_NEVER if it always is. */
struct utc calendar_open_until(const struct calendar_windows *windows, struct utc at);

struct calendar_request {
    int64_t duration_us; /* to be sent, all sessions together */
    int64_t idle_us;     /* of each session, in which nothing is sent */
    int64_t lead_us;     /* to tell the devices, between two sessions */
    int64_t shortest_us; /* a session that is not the last sends for no less than that */
    int64_t longest_us;  /* of a session; 0: CALENDAR_SESSION_MAX_US */
    struct utc not_before; /* of the first session */
    struct utc deadline;   /* of the last session's end; UTC_NEVER: none */
    struct calendar_windows windows;
};

#define CALENDAR_ERROR_MAP(X)                                               \
    X(CALENDAR_OK, "")                                                      \
    X(CALENDAR_EMPTY, "there is nothing to send")                           \
    X(CALENDAR_NO_WINDOW, "the windows end before it is sent")              \
    X(CALENDAR_SHORT_WINDOWS, "no window is long enough for a session")     \
    X(CALENDAR_DEADLINE, "it cannot end by the deadline, all windows used") \
    X(CALENDAR_SESSIONS, "it would take more than 64 sessions")

enum calendar_error {
#define X(name, text) name,
    CALENDAR_ERROR_MAP(X)
#undef X
};

const char *calendar_error_text(enum calendar_error error); /* never NULL */

/* When a transmission is on air: its sessions, ascending. */
struct calendar_course {
    size_t count;
    struct calendar_span sessions[CALENDAR_SESSIONS_MAX];
};

/*
 * The earliest sessions for the request. If it is not all sent in them, the error says why,
 * and *course has those there are: the first of them can begin while later windows are not
 * known yet.
 */
enum calendar_error calendar_course(const struct calendar_request *request,
                                    struct calendar_course *course);
