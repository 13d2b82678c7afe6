/* SPDX-License-Identifier: MIT */
/* exit.h - the exit codes of fuotactl, stable for good: scripts and CI branch on them. */
#pragma once

enum cli_exit {
    CLI_OK = 0,
    CLI_INTERNAL = 1,
    CLI_USAGE = 2,
    CLI_INVALID = 3,   /* wrong from the file alone */
    CLI_FORBIDDEN = 4, /* not allowed */
    CLI_NOT_FOUND = 5,
    CLI_CONFLICT = 6,      /* with what the daemon holds */
    CLI_UNTRUSTED = 7,     /* signature or trust */
    CLI_RUNNING = 8,       /* the wait timed out */
    CLI_PAUSED = 9,        /* at a gate */
    CLI_FAILED = 10,       /* the campaign failed or was aborted */
    CLI_DOES_NOT_FIT = 11, /* radio, window, device or budget */
    CLI_UNREACHABLE = 12,  /* the daemon */
    CLI_INTERRUPTED = 130,
};
