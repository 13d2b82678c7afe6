/* SPDX-License-Identifier: MIT */
/*
 * watch.h - class A downlinks that the server has queued for us, so that they can be taken
 * back: The Things Stack lets none expire.
 *
 * Bounded (WATCH_MAX): what does not fit is not watched, and goes out whenever the device
 * next speaks. In memory only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WATCH_MAX = 65536,
    WATCH_BUCKETS = 4096,
};

struct watched {
    struct watched *next;
    uint64_t id;
    uint64_t dev_eui;
    int64_t expires_us; /* 0: never */
    char *json;         /* the downlink as it was pushed; owned */
};

struct watch { /* zeroed: empty */
    struct watched **buckets;
    size_t count;
};

/* json is copied. false: there is no room. */
bool watch_add(struct watch *watch, const struct watched *downlink);

/* Forget one, and all of a device. */
void watch_drop(struct watch *watch, uint64_t dev_eui, uint64_t id);
void watch_drop_all(struct watch *watch, uint64_t dev_eui);

bool watch_has(const struct watch *watch, uint64_t dev_eui, uint64_t id);

/* One of the device's that has expired, taken out; the caller frees it (watched_free). */
struct watched *watch_take_expired(struct watch *watch, uint64_t dev_eui, int64_t now_us);

/* The device's, oldest first: the one after `last`; NULL begins and ends. */
const struct watched *watch_next(const struct watch *watch, uint64_t dev_eui,
                                 const struct watched *last);

void watched_free(struct watched *downlink);
void watch_clear(struct watch *watch);
