/* SPDX-License-Identifier: MIT */
/* options.h - the command line of fuota-sim. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuota-sim/directory.h"
#include "fuota-sim/gateway.h"
#include "fuotad/error.h"
#include "io/clock.h"
#include "io/detail.h"
#include "sim/lwm2m_quirks.h"
#include "sim/network.h"

enum {
    SIM_PROFILES_MAX = 64,
};

/* Devices that speak LwM2M; with them there is no network server. */
struct sim_lwm2m {
    bool wanted;
    bool list_kinds; /* and do nothing else */
    bool secure;     /* DTLS, with the keys of the inventory */
    char host[64];   /* of their server */
    uint16_t port;
    const char *firmware_version; /* after an update; NULL: the CRC-32 of the image */
    int64_t lifetime_us;
    const struct lwm2m_quirks *kinds[SIM_PROFILES_MAX];
    size_t kind_count;
};

struct sim_options {
    bool help;
    bool version;
    bool quiet;
    const char *broker; /* mqtt://host:port */
    char api_host[64];
    uint16_t api_port;
    struct clock clock;
    const char *airlog; /* NULL: none */
    const char *flash;
    const char *genuine[DEVICE_GENUINE_MAX]; /* files; main reads them */
    size_t genuine_count;
    const char *inventory;
    const char *token_file;
    const char *application; /* a UUID, or The Things Stack's "app@tenant" */
    enum gateway_marshaler marshaler;
    struct directory_state server;
    bool protobuf; /* the application's events and commands */
    const struct profile *profiles[SIM_PROFILES_MAX];
    struct network_config network; /* but start, reply_window_us and profiles; the
                                      application_id is ChirpStack's */
    struct sim_lwm2m lwm2m;
};

/* The strings of argv are borrowed. FUO_EINVAL, with a sentence in *detail. */
FUO_MUST_CHECK int options_parse(int argc, char **argv, struct sim_options *options,
                                 struct detail *detail);

const char *options_help(void);
