/* SPDX-License-Identifier: MIT */
/*
 * fw_object.h - Object 5 of a simulated LwM2M device: the automaton of lwm2m.md 1.2, rows 1
 * to 17, as a table.
 *
 * What a server writes or executes and what becomes of it in the device are events; an event
 * that no row has in that State changes nothing, and a request is refused then. Nothing here
 * is shared with what judges reports in the daemon: each is checked against the other.
 *
 * Pure: values in, values out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum fw_object_state {
    FWO_IDLE = 0,
    FWO_DOWNLOADING = 1,
    FWO_DOWNLOADED = 2,
    FWO_UPDATING = 3,
};

/* /5/0/5; 12 and 13 are of Object 33629. */
enum fw_object_result {
    FWO_INITIAL = 0,
    FWO_SUCCESS = 1,
    FWO_NO_FLASH = 2,
    FWO_NO_RAM = 3,
    FWO_LOST = 4,
    FWO_INTEGRITY = 5,
    FWO_BAD_TYPE = 6,
    FWO_BAD_URI = 7,
    FWO_FAILED = 8,
    FWO_BAD_PROTOCOL = 9,
    FWO_CANCELLED = 10,
    FWO_DEFERRED = 11,
    FWO_CONFLICT = 12,
    FWO_DEPENDENCY = 13,
};

enum fw_object_event {
    /* requests */
    FWO_EV_PACKAGE,     /* the first bytes of a package */
    FWO_EV_URI,         /* a Package URI that it can fetch */
    FWO_EV_REFUSED_URI, /* ... that it cannot: Result 6, 7 or 9 */
    FWO_EV_CLEAR,       /* an empty Package URI, or NUL to Package */
    FWO_EV_CANCEL,      /* /5/0/10 */
    FWO_EV_EXECUTE,     /* /5/0/2, or the defer period is over */
    FWO_EV_DEFER,       /* /5/0/2, and the user does not want to */
    /* what becomes of them */
    FWO_EV_RECEIVED,        /* all of it, and it is as it should be */
    FWO_EV_DOWNLOAD_FAILED, /* Result 2 to 7, 9 or 12 */
    FWO_EV_UPDATED,
    FWO_EV_UPDATE_FAILED, /* Result 5, 8 or 13: the package is gone */
    FWO_EV_UPDATE_KEPT,   /* Result 8 or 13: it can be tried again */
    FWO_EV_COUNT,
};

/* Zeroed: row 1, from the factory. */
struct fw_object {
    enum fw_object_state state;
    enum fw_object_result result;
};

/*
 * Result is only asked for where the event has several. False: there is no such row, and
 * nothing has changed.
 */
bool fw_object_step(struct fw_object *object, enum fw_object_event event,
                    enum fw_object_result result);
