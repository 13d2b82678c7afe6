/* SPDX-License-Identifier: MIT */
/*
 * progress.h - how far a campaign is: read from its STATE, as one line, and what its end
 * means for the exit code. Pure; time is a parameter.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include "fuotactl/exit.h"

enum progress_phase {
    PROGRESS_OTHER, /* one that this version does not know */
    PROGRESS_RUNNING,
    PROGRESS_PAUSED,
    PROGRESS_ABORTING,
    PROGRESS_COMPLETED,
    PROGRESS_ABORTED,
    PROGRESS_FAILED,
};

struct progress {
    enum progress_phase phase;
    char name[64];
    char phase_text[16];
    char reason[96];
    int64_t total;
    int64_t pending;
    int64_t active;
    int64_t succeeded;
    int64_t failed;
    int64_t unknown;
    int64_t cancelled;
    int64_t skipped;
    int64_t superseded;
    int64_t states[4]; /* devices per LwM2M State */
    int64_t sent;      /* fragments */
    int64_t uncoded;   /* M */
    int64_t airtime_us;
    char wave[64];          /* the one that is on; empty: none */
    bool needs_approval;    /* that wave begins by an approval only */
    char session_phase[16]; /* empty: no session */
    int64_t session_id;
    int64_t next; /* N of the session that comes next */
    int64_t target;
};

/* STATE of ctl/protocol.h; what is absent is 0 or empty. */
void progress_read(struct json_object *state, struct progress *progress);

bool progress_has_ended(const struct progress *progress);

/* Worth a line of its own in a log: phase, devices, session, or a tenth of a session. */
bool progress_changed(const struct progress *before, const struct progress *now);

/*
 * How fast the session goes, from what was seen of it: wall time, so that it is right
 * for who waits even if the time of the daemon is scaled. Zeroed is fresh.
 */
struct progress_rate {
    int64_t session_id;
    int64_t first_next;
    int64_t first_us;
    int64_t target;
};

/* Until the session has sent what it is to send; -1: not known. */
int64_t progress_eta_us(struct progress_rate *rate, const struct progress *progress,
                        int64_t now_us);

/* One line without its end. eta_us -1: left out. */
void progress_print(FILE *out, const struct progress *progress, int64_t eta_us);

/*
 * The exit code of an ended or paused campaign (CLI_RUNNING else): CLI_OK completed and
 * no device failed, is unknown or was cancelled; CLI_PAUSED; CLI_FAILED.
 */
enum cli_exit progress_exit(const struct progress *progress);

enum progress_goal {
    PROGRESS_FOR_COMPLETED,
    PROGRESS_FOR_ENDED,
    PROGRESS_FOR_RUNNING,
    PROGRESS_FOR_PAUSED,
    PROGRESS_FOR_ABORTED,
    PROGRESS_FOR_FAILED,
    PROGRESS_FOR_WATCH, /* the end, through pauses; the code is that of completed */
};

/* Whether waiting is over, and with which code. */
bool progress_reached(const struct progress *progress, enum progress_goal goal,
                      enum cli_exit *code);
