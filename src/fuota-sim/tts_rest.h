/* SPDX-License-Identifier: MIT */
/*
 * tts_rest.h - The Things Stack's HTTP API, as far as virtual devices need it
 * (network-servers.md 3.2), on the simulated server:
 *
 *   GET              /api/v3/auth_info                                 who the key is
 *   POST             /api/v3/gs/gateways/connection/stats              tts_gateways.h
 *   GET              /api/v3/applications/{app}/rights                 of the key
 *   POST, GET        /api/v3/applications/{app}/devices                create, list
 *   GET, PUT, DELETE /api/v3/applications/{app}/devices/{id}           Identity Server
 *   GET, PUT, DELETE /api/v3/ns/applications/{app}/devices/{id}        Network Server
 *   GET, PUT, DELETE /api/v3/as/applications/{app}/devices/{id}        Application Server
 *   GET              /api/v3/as/applications/{app}/devices/{id}/down   its queue
 *   POST             /api/v3/as/applications/{app}/devices/{id}/down/push, .../replace
 *
 * A PUT sets what its field mask names, and nothing else. Errors are google.rpc.Status with
 * ErrorDetails: another application than ours is PermissionDenied, and the key has
 * no rights there; a wrong key is Unauthenticated. Real devices are in no answer here.
 */
#pragma once

#include "fuota-sim/directory.h"
#include "fuota-sim/httpd.h"
#include "sim/tts.h"

struct tts_rest {
    struct tts *tts;
    struct utc now;
    const char *uid;   /* "app@tenant", or "app" */
    const char *token; /* NULL: every caller is welcome */
    const struct directory_state *state;
    const struct sim_radio *radio;
};

void tts_rest_serve(const struct tts_rest *rest, const struct httpd_call *call,
                    struct httpd_reply *reply);
