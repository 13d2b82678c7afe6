/* SPDX-License-Identifier: MIT */
/*
 * doctor_files.h - what can be said of a daemon that does not run: by its files, and by
 * what listens where they point.
 *
 * Reads files, tries TCP connections (at most DOCTOR_TCP_MS each), changes nothing. Looks
 * with the rights of whoever runs it: root, or the daemon's user, sees everything.
 */
#pragma once

#include <json-c/json.h>

#define DOCTOR_CONFIG "/etc/fuotad/fuotad.yaml"

enum {
    DOCTOR_TCP_MS = 3000,
};

/* Adds findings (ctl/finding.h) to list. config: the daemon's own file. */
void doctor_files(const char *config, struct json_object *list);
