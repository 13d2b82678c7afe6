/* SPDX-License-Identifier: MIT */
/*
 * server_view.h - what a network server said of itself when it was asked last: which devices
 * and gateways it has, what it takes them for, what is wrong.
 *
 * In memory only, bounded: more findings than SERVER_FINDINGS_MAX are passed over. Nothing
 * secret: of a device's keys a keyed hash tells whether they have changed.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "fuotad/plugin.h"

enum {
    SERVER_FINDINGS_MAX = 8,
    SERVER_PROFILES_MAX = 1000,
    SERVER_GATEWAYS_MAX = 65536,
    SERVER_NO_PROFILE = 0xffff,
};

struct server_device {
    uint64_t dev_eui;
    uint64_t keys_hash; /* 0: it told none */
    uint16_t profile;   /* of the view's names; SERVER_NO_PROFILE */
    bool lacks_class_b;
    bool lacks_class_c;
    bool at_once; /* it is sent commands whether it has spoken or not */
    bool clock_answered;
};

struct server_gateway {
    uint64_t gateway;
    enum fuo_gateway_state state;
};

struct server_finding {
    bool fatal;
    char text[FUO_FINDING_SIZE];
};

/* Zeroed is empty. */
struct server_view {
    struct server_device *devices; /* ascending after server_view_end() */
    size_t count;
    size_t cap;
    struct server_gateway *gateways; /* ascending after server_view_end() */
    size_t gateway_count;
    size_t gateway_cap;
    char **profiles; /* names of the server's device profiles */
    size_t profile_count;
    struct server_finding findings[SERVER_FINDINGS_MAX];
    size_t finding_count;
};

void server_view_add_device(struct server_view *view, const struct fuo_event *event,
                            uint64_t keys_hash);
void server_view_add_gateway(struct server_view *view, const struct fuo_event *event);
__attribute__((format(printf, 3, 4))) void
server_view_add_finding(struct server_view *view, bool fatal, const char *format, ...);
void server_view_end(struct server_view *view); /* all are added */
void server_view_finish(struct server_view *view);

/* NULL: it is not there. */
const struct server_device *server_view_device(const struct server_view *view,
                                               uint64_t dev_eui);
const struct server_gateway *server_view_gateway(const struct server_view *view,
                                                 uint64_t gateway);

/* The first that is fatal; NULL: none is. */
const char *server_view_fatal(const struct server_view *view);

/* The devices of a list that the server does not take for ones of that class ('B', 'C'). */
struct server_lack {
    size_t count;
    uint64_t first;
    const char *profile; /* the first one's device profile; "": it is not known */
};
struct server_lack server_view_lack(const struct server_view *view, char device_class,
                                    const uint64_t *devices, size_t count);
/* Those that it takes for ones that always listen. */
struct server_lack server_view_at_once(const struct server_view *view,
                                       const uint64_t *devices, size_t count);
