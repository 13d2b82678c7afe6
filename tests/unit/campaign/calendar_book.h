/* SPDX-License-Identifier: MIT */
/* calendar_book.h - a calendar with room for its slots, and the requests of its tests. */
#pragma once

#include "test.h"

#include "campaign/calendar.h"

#define AT(minutes) ((struct utc){MINUTES_US(minutes)})

enum {
    SLOTS_MAX = 512,
};

struct book {
    struct calendar calendar;
    struct calendar_slot slots[SLOTS_MAX];
};

static inline void book_open(struct book *book)
{
    book->calendar = (struct calendar){.slots = book->slots, .cap = SLOTS_MAX};
}

static inline struct calendar_request request_of(uint32_t id, int64_t minutes)
{
    static const uint64_t one[] = {1};
    return (struct calendar_request){
        .transmission_id = id,
        .duration_us = MINUTES_US(minutes),
        .lead_us = MINUTES_US(10),
        .deadline = UTC_NEVER,
        .frequency_hz = 869525000,
        .dr = 5,
        .gateways = {one, 1},
    };
}
