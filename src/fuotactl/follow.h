/* SPDX-License-Identifier: MIT */
/*
 * follow.h - stay with a campaign until it is where it is wanted.
 *
 * On a terminal one line that changes in place, else a line per change and one a minute;
 * with --json the states as JSON Lines. If the daemon goes away (a restart, an update) it
 * tries to come back for FOLLOW_LOST_S. Leaving, in whatever way, never touches the
 * campaign.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuotactl/progress.h"
#include "fuotactl/remote.h"

enum {
    FOLLOW_LOST_S = 60,
    FOLLOW_HEARTBEAT_S = 60,
};

struct follow_options {
    const char *name;
    enum progress_goal goal;
    int64_t timeout_us; /* INT64_MAX: none */
    bool devices;       /* show each device that changes */
};

/* Prints the state at the end; an enum cli_exit. Signals are held from then on. */
int follow(struct remote *remote, const struct follow_options *options);
