/* SPDX-License-Identifier: MIT */
/*
 * daemon.h - the whole service: what fuotad(8) does between its arguments and its exit code.
 *
 * Reads its files, opens the store, takes up the campaigns where they were, connects, and
 * runs until SIGTERM or SIGINT. Everything that is wrong with its files is printed on
 * standard error, all at once. One daemon per process.
 */
#pragma once

#include <stdbool.h>

struct daemon_options {
    const char *config_file;
    const char *time_scale;    /* F@EPOCH; NULL: real time */
    const char *plugin_folder; /* installed plugins */
    bool check;                /* only say whether the files are right */
};

enum daemon_exit {
    DAEMON_DONE = 0,
    DAEMON_INTERNAL = 1,
    DAEMON_USAGE = 2,
    DAEMON_INVALID = 3,
    DAEMON_MISMATCH = 4, /* the database: newer, damaged, of another key */
};

enum daemon_exit daemon_run(const struct daemon_options *options);
