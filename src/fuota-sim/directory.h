/* SPDX-License-Identifier: MIT */
/*
 * directory.h - what ChirpStack's API tells of the application: itself, its devices with
 * profiles, tags and keys, the tenant's gateways, the server's version. No HTTP, no clock.
 *
 * api.ApplicationService/Get, api.DeviceService/List and GetKeys, api.DeviceProfileService/
 * Get and ListAdrAlgorithms, api.GatewayService/List, api.InternalService/GetVersion: facts
 * network-servers.md 2.2; order and refusals as chirpstack/src/api/{application,device,
 * device_profile,gateway,internal}.rs and api/auth/validator.rs (v4.20): what the key's
 * tenant does not own is UNAUTHENTICATED without a word, GetVersion is for administrators,
 * a device without keys NOT_FOUND, without a limit only the count comes.
 */
#pragma once

#include <stdbool.h>

#include "fuota-sim/rpc.h"
#include "sim/network.h"

/* What may be wrong at the server; zeroed: nothing, and the key is a tenant's. */
struct directory_state {
    bool class_c;         /* device profiles have it ticked */
    bool no_gen_app_key;  /* the first device's is the default, all zeros */
    bool no_keys;         /* the first device has none at all */
    bool read_only;       /* the API key is */
    bool foreign_gateway; /* the last gateway is another tenant's */
    bool foreign;         /* so is the application */
    bool clock;           /* device profiles have TS003: the server answers it */
    bool
        gateway_rights; /* The Things Stack: the key is a user's, who owns the gateways */
    char version[16];   /* the key is an administrator's; "": a tenant's */
};

struct directory {
    const struct network *network;
    const struct directory_state *state;
};

/* class-c, no-gen-app-key, no-keys, read-only, foreign-gateway, foreign, clock,
 * gateway-rights, version=X.Y.Z, with commas between. false: one is unknown. */
bool directory_state_parse(const char *words, struct directory_state *state);

/* Whether the answer is the directory's: what it tells, or that the key may not do that. */
bool directory_call(const struct directory *directory, const struct rpc_request *request,
                    struct rpc_response *response);
