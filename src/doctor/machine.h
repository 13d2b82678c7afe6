/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what the doctor sees of the machine: disk, clock, files with secrets.
 *
 * The same for the daemon, which looks at itself, and for fuotactl, which looks at the files
 * of one that does not run. Each function adds one finding (ctl/finding.h) and changes
 * nothing. Secrets are read into locked memory, wiped, and never shown.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/finding.h"
#include "io/clock.h"

enum {
    MACHINE_DISK_FAIL_MIB = 32, /* an image of 16 MiB, and the log of writing it */
    MACHINE_DISK_WARN_MIB = 256,
};

/* Room where the database is. */
void machine_disk(struct json_object *list, const char *folder);

/* Whether the wall clock is kept right; a scaled clock is for demos. */
void machine_clock(struct json_object *list, const struct clock *clock);

/* The same of a clock that has been looked at. error_us: -1: the system does not tell. */
void machine_judge_clock(struct json_object *list, bool scaled, bool synchronised,
                         int64_t error_us);

/* A file that must hold a secret and be closed to others: not empty, or exactly len bytes
 * if len is not 0. */
void machine_secret(struct json_object *list, struct finding_subject subject,
                    const char *path, size_t len);
