/* SPDX-License-Identifier: MIT */
/*
 * calendar.h - which session is on which gateways when.
 *
 * A book of reservations. A gateway carries one session at a time; a session may also keep
 * others of the same data rate and frequency away from gateways near its own, that would
 * disturb it. Requests are placed as early as possible, cut into sessions at the ends of
 * windows and at the 2^15 s that a class C session may last (TS005), each announced a lead
 * time before. Nothing is moved once it is booked: to let an urgent campaign pass, remove
 * what has not started and pack anew. Ledger and grid make overlaps at run time harmless;
 * the calendar makes them rare and forecasts honest.
 *
 * Arithmetic only: no allocation, no clock, no errors but those named here. All arrays are
 * the caller's; those of gateways must outlive the reservation, be sorted ascending and
 * hold each gateway once. A gateway is a number: an id or an index, but one of them for
 * all of a book. Design 5; reference/performance.md 3.5 (c), (f).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum {
    CALENDAR_SESSIONS_MAX = 64, /* of one transmission */
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

struct calendar_gateways {
    const uint64_t *ids; /* ascending */
    size_t count;
};

struct calendar_slot {
    struct utc start;
    struct utc end;
    uint32_t transmission_id;
    uint32_t frequency_hz;
    struct calendar_gateways gateways;
    uint8_t dr;
};

/* Zeroed with slots and cap set: empty. Slots are ascending by start. */
struct calendar {
    struct calendar_slot *slots;
    size_t count;
    size_t cap;
};

struct calendar_request {
    uint32_t transmission_id;
    uint32_t priority;     /* the higher the earlier, calendar_pack() */
    int64_t duration_us;   /* on air, all sessions together */
    int64_t lead_us;       /* to tell the devices, before each session */
    int64_t shortest_us;   /* a session that is not the last is no shorter than that */
    struct utc not_before; /* of the first lead */
    struct utc deadline;   /* of the last session's end; UTC_NEVER: none */
    uint32_t frequency_hz;
    uint8_t dr;
    struct calendar_gateways gateways;
    struct calendar_gateways near; /* that disturb them; none: not looked at */
    struct calendar_windows windows;
};

#define CALENDAR_ERROR_MAP(X)                                               \
    X(CALENDAR_OK, "")                                                      \
    X(CALENDAR_EMPTY, "there is nothing to send, or no gateway to send it") \
    X(CALENDAR_NO_WINDOW, "the windows end before it is sent")              \
    X(CALENDAR_SHORT_WINDOWS, "no window is long enough for a session")     \
    X(CALENDAR_DEADLINE, "it cannot end by the deadline, all windows used") \
    X(CALENDAR_BUSY, "other sessions leave its gateways too little time")   \
    X(CALENDAR_SESSIONS, "it would take more than 64 sessions")             \
    X(CALENDAR_FULL, "the calendar has no room for more sessions")

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
 * The earliest sessions for the request beside all that is booked; nothing is booked.
 * *course is written on CALENDAR_OK only. One pass over the slots.
 */
enum calendar_error calendar_earliest(const struct calendar *calendar,
                                      const struct calendar_request *request,
                                      struct calendar_course *course);

/* Book the sessions of a course. CALENDAR_FULL: none of them is booked. */
enum calendar_error calendar_book(struct calendar *calendar,
                                  const struct calendar_request *request,
                                  const struct calendar_course *course);

/* Take out the sessions of a transmission that start at `from` or later. */
void calendar_remove(struct calendar *calendar, uint32_t transmission_id,
                     struct utc from);

/* The transmission's session that is under way at `now` ends now. */
void calendar_stop(struct calendar *calendar, uint32_t transmission_id, struct utc now);

/* Forget what ended at `now` or before. */
void calendar_trim(struct calendar *calendar, struct utc now);

/* ---- many at once ---- */

/* Where a request of a set came to lie. */
struct calendar_place {
    enum calendar_error error;
    struct utc start; /* of its first session */
    struct utc end;   /* of its last */
    uint32_t session_count;
};

struct calendar_packing {
    size_t failed;       /* requests that found no place */
    struct utc from;     /* the first time that one could be on air */
    struct utc end;      /* of the last session */
    int64_t makespan_us; /* from `from` to `end`, of those placed */
    int64_t bound_us;    /* no order is shorter: the busiest gateway's sessions */
};

/* Bytes of workspace for calendar_pack(), aligned as for uint64_t. */
size_t calendar_workspace_bytes(const struct calendar_request *requests, size_t count);

/*
 * List scheduling: by priority, then shortest first, then in the order given, each placed
 * by calendar_earliest() and booked. places has room for count. One that fails leaves the
 * others alone.
 */
void calendar_pack(struct calendar *calendar, const struct calendar_request *requests,
                   size_t count, void *workspace, struct calendar_place *places,
                   struct calendar_packing *packing);

/*
 * The least time in which the set can be sent: the largest sum of durations at one
 * gateway. Same workspace.
 */
int64_t calendar_bound_us(const struct calendar_request *requests, size_t count,
                          void *workspace);

/* ---- slots on the devices ---- */

enum {
    DEVICE_SLOT_COUNT = 4, /* McGroupID (TS005) and FragIndex (TS004) are 0..3 */
    DEVICE_SLOT_NONE = 0xff,
};

/* Of one device, or of a cohort by device_slots_join(). Bit i: number i. */
struct device_slots {
    uint8_t group_count; /* that the stack has, 1..4; 0: not known, 4 */
    uint8_t frag_count;
    uint8_t groups_used;
    uint8_t groups_kept; /* of them, those kept for later campaigns: taken last */
    uint8_t frags_used;
};

/* What is free on both: a cohort has one McGroupID and one FragIndex. */
struct device_slots device_slots_join(struct device_slots a, struct device_slots b);

/*
 * Take the lowest free number, marking it used; where all are in use, the lowest kept one,
 * whose group is overwritten. DEVICE_SLOT_NONE if there is none.
 */
uint8_t device_slots_take_group(struct device_slots *slots);
uint8_t device_slots_take_frag(struct device_slots *slots);
void device_slots_give_group(struct device_slots *slots, uint8_t number);
void device_slots_give_frag(struct device_slots *slots, uint8_t number);
