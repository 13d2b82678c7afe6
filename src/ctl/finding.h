/* SPDX-License-Identifier: MIT */
/*
 * finding.h - what `fuotactl doctor` found out: FINDING of ctl/protocol.h.
 *
 * Made by the daemon of itself, and by fuotactl of the files when there is no daemon. A list
 * is a JSON array, owned by the caller. Texts are for people, on one line; whoever adds a
 * warning or a failure says why and what to do. Control characters and what is not ASCII
 * become '?', what is too long is cut.
 */
#pragma once

#include <json-c/json.h>

enum finding_level {
    FINDING_OK,
    FINDING_WARN,
    FINDING_FAIL,
};

enum {
    FINDING_TEXT_SIZE = 480,
    FINDING_WHAT_SIZE = 160,
    FINDINGS_MAX = 180, /* fit into one line of the protocol; one more says so */
};

/* A word of FINDING: stable, for programs. what: what was looked at, for people. */
struct finding_subject {
    const char *check;
    const char *what;
};

__attribute__((format(printf, 4, 5))) void finding_add(struct json_object *list,
                                                       enum finding_level level,
                                                       struct finding_subject subject,
                                                       const char *format, ...);
