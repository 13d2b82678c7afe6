/* SPDX-License-Identifier: MIT */
/*
 * doctor.h - the method `doctor`: the daemon looks at itself and at what it needs.
 *
 * The API of each server is asked first (probe() of plugin.h), and brokers that are being
 * connected get their time, at most DOCTOR_WAIT_MS; all clients that have asked meanwhile
 * get the same answer. Nothing is changed.
 */
#pragma once

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/plugin.h"

struct daemon;
struct ctl_request;

enum {
    DOCTOR_WAIT_MS = 5000,
};

/* What came of a question to a server's API. */
enum doctor_answer {
    DOCTOR_NOT_ASKED = 0, /* there is no API, or the plugin has no question */
    DOCTOR_WAITS,         /* no answer yet */
    DOCTOR_ANSWERED,      /* with err */
};

struct doctor_probe {
    uint32_t fleet_id;
    enum doctor_answer answer;
    int err;
    uint64_t request;
    char finding[FUO_FINDING_SIZE]; /* the plugin's own words; "": none */
};

void doctor_request(struct daemon *d, uint64_t connection, struct ctl_request *request);

/* The API of a fleet has answered a probe. */
void doctor_probed(struct daemon *d, uint32_t fleet_id, int err);

/* A plugin says what is wrong, before it answers a probe. */
void doctor_found(struct daemon *d, uint32_t fleet_id, const struct fuo_event *event);

/* Forget the clients that wait; the timer is the daemon's to close. */
void doctor_close(struct daemon *d);

/* Parts of the answer: each adds to a list of findings. probes: one per fleet. */
void doctor_look_connections(struct daemon *d, const struct doctor_probe *probes,
                             struct json_object *list);
void doctor_look_servers(struct daemon *d, const struct doctor_probe *probes,
                         struct json_object *list);
void doctor_look_store(struct daemon *d, struct json_object *list);
void doctor_look_fleets(struct daemon *d, struct json_object *list);
void doctor_look_campaigns(struct daemon *d, struct json_object *list);
