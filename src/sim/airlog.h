/* SPDX-License-Identifier: MIT */
/*
 * airlog.h - one line of JSON per frame put on air, for checks from outside.
 *
 *   {"time":1700000000.123456,"direction":"down","gateway":"0016c001f1000001",
 *    "frequency":869525000,"dr":5,"airtime_us":394496,"phy_payload":"60...",
 *    "received_by":["..."],"missed_by":["..."]}
 *
 * time: the start of the frame in virtual Unix seconds. Down: gateway is the sender, the
 * lists name the devices that listened on that channel then, and were the frame for them.
 * Up: gateway is empty, `device` names the sender, the lists name the gateways in reach.
 * A line is written when its frame has ended, so lines are in order of the ends.
 *
 * Only formats: the caller owns file and clock.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "fuotad/error.h"
#include "radio/region.h"

struct air_frame {
    struct utc start;
    enum direction direction;
    uint64_t sender; /* gateway or device */
    uint32_t frequency_hz;
    uint8_t dr;
    int64_t airtime_us;
    const uint8_t *phy;
    size_t phy_len;
    const uint64_t *received_by;
    size_t received_count;
    const uint64_t *missed_by;
    size_t missed_count;
};

/* A line, newline and NUL included, in a fresh buffer that the caller frees; or NULL. */
char *airlog_line(const struct air_frame *frame, size_t *len);
