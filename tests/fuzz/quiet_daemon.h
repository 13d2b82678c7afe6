/* SPDX-License-Identifier: MIT */
/*
 * quiet_daemon.h - the daemon's parts without their connections, for fuzz targets: fleets,
 * store, engine and control methods on a loop that runs only when it is told to.
 *
 * One at a time. The database may be any bytes; quiet_database() gives one with a campaign
 * under way. Its files are in a folder in memory, removed at exit.
 */
#pragma once

#include "loop/internal.h"

/* A database of this version, made once; borrowed. */
const uint8_t *quiet_database(size_t *len);

/* Where quiet_open() looks for it, or quiet_put() left it. */
const char *quiet_database_path(void);
void quiet_put(const uint8_t *bytes, size_t len);

/* Start with what was put; nothing is resumed yet. If that fails, and else, quiet_close()
 * must follow; d->store is NULL if it was not even opened. */
FUO_MUST_CHECK int quiet_open(struct daemon **daemon);
void quiet_close(void);

/* Let the loop do what it can do now, until nothing is on its way to the disk. */
void quiet_run(void);
