/* SPDX-License-Identifier: MIT */
/*
 * scan.h - what a fleet's server has, as it is read: the state between scans, and one scan.
 * Internal to scan.c, scan_merge.c and those who look at the view.
 *
 * A scan begins with the daemon, and again every SCAN_EVERY_MS, sooner after one that failed,
 * and before a plan of a fleet whose devices are the server's, if the last one is older than
 * SCAN_FRESH_MS. Root keys are read only if the server is a source of the inventory; those
 * that are known are read again every SCAN_KEYS_EVERY_MS.
 */
#pragma once

#include "base/siphash.h"
#include "config/inventory_build.h"
#include "loop/internal.h"
#include "loop/server_view.h"

enum {
    SCAN_LOOK_MS = 1000,
    SCAN_EVERY_MS = 3600 * 1000,
    SCAN_KEYS_EVERY_MS = 6 * 3600 * 1000,
    SCAN_FRESH_MS = 300 * 1000,
    SCAN_AGAIN_MS = 60 * 1000, /* after one that failed; twice that after the next ... */
    SCAN_WAIT_MS = 5000,       /* so long a plan waits at most */
};

/* One that is under way. */
struct scan {
    struct daemon *d;
    struct fleet_entry *fleet;
    uint64_t id;    /* of the intent */
    bool with_keys; /* of all devices */
    int err;
    struct server_view view;
    struct inventory_builder builder;
    size_t elsewhere; /* devices of another fleet */
    uint64_t first_elsewhere;
    size_t strange; /* devices whose profile is not known */
    char first_strange[64];
    uv_work_t work;
    struct inventory found;    /* with keys; ascending */
    struct inventory merged;   /* the fleet's, when all is on disk */
    struct store_batch *parts; /* owned: its rows, some thousands each */
    size_t part_count;
    size_t part; /* that is on its way to the disk */
};

struct server_state {
    struct server_view view;     /* of the last scan that ended well */
    bool known;                  /* there was one */
    bool tried;                  /* there was one at all */
    int err;                     /* what came of the last */
    struct server_finding fatal; /* of the last; text "": none */
    uint64_t ended_ms;           /* loop time; the last good one */
    uint64_t keys_ms;            /* the last that read all keys; 0: none */
    uint64_t next_ms;
    uint64_t again_ms; /* how long to wait after the next failure */
    struct siphash_key key;
    bool unable; /* the plugin cannot, or the server */
    bool untold; /* neither does it tell the airtime of gateways: gateway_airtime.c */
    bool asks_airtime;      /* that was asked, and is not answered */
    struct utc airtime_at;  /* when it last was */
    uint64_t airtime_after; /* gateways up to there were asked about; 0: from the first */
    struct scan *scan;      /* NULL: none is under way */
};

/* scan_merge.c: on another thread: found and the fleet's lists as one, and the rows. */
void scan_merge(struct scan *scan);
/* Everything but the fleet's state. Accepts NULL. */
void scan_free(struct scan *scan);
