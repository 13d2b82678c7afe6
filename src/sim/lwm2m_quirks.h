/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_quirks.h - what LwM2M clients are like where they differ, and where they break the
 * rules (lwm2m.md 3.2, 5): a table of kinds, data and no code.
 *
 * Times are virtual. Pure: values.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lwm2m_method {
    LWM2M_PULL = 0,
    LWM2M_PUSH = 1,
    LWM2M_BOTH = 2,
};

enum lwm2m_fate {
    LWM2M_FATE_GOOD,
    LWM2M_FATE_STUCK,  /* State 3 for ever */
    LWM2M_FATE_SILENT, /* nothing is heard of it after Execute */
    LWM2M_FATE_LIE,    /* Result 1, and the old version runs */
    LWM2M_FATE_FAIL,   /* update_result, and the package is gone */
    LWM2M_FATE_KEEP,   /* update_result, and the package is still there */
};

struct lwm2m_quirks {
    const char *name;
    const char *help;
    uint8_t version_minor; /* of LwM2M 1.x, in the registration */
    uint8_t object_minor;  /* of Object 5, 1.x */
    enum lwm2m_method method;
    uint8_t szx;     /* of the blocks that it asks for, and takes */
    bool queue;      /* it sleeps between its messages */
    bool text;       /* single resources are plain text */
    bool wrapped;    /* an instance is wrapped in its own TLV */
    bool from_one;   /* State is counted from 1 */
    bool forgets;    /* State and Result are lost by a reboot */
    bool deaf;       /* an empty Package URI does nothing while it downloads */
    bool bad_busy;   /* Package and URI out of turn are 4.00, not 4.05 */
    bool hasty;      /* a URI is State 2 before a byte was fetched */
    bool components; /* Object 33629, with an instance that is Object 5 again */
    bool odd_state;  /* State 7, which does not exist, while it downloads */
    uint8_t defers;  /* Executes that its user puts off */
    uint8_t move_at; /* percent of a download; from there on it has another port */
    uint8_t download_result; /* of every download, at its end; 0: what is right */
    uint8_t update_result;
    enum lwm2m_fate fate;
    int64_t result_late_us; /* between State 0 and its Result */
};

/* Ends with the last one; the first is what is taken without a name. */
extern const struct lwm2m_quirks lwm2m_quirks[];
extern const size_t lwm2m_quirks_count;

/* NULL: there is none of that name. */
const struct lwm2m_quirks *lwm2m_quirks_find(const char *name, size_t len);
