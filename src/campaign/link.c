/* SPDX-License-Identifier: MIT */
#include "campaign/link.h"

#include <string.h>

enum {
    SAME_BURST_US =
        30 * 1000000, /* answers to commands follow an uplink within seconds */
    COVER_CANDIDATES = 256,
    GROWTH_MAX = 4, /* of the interval, at one uplink */
};

static void note_interval(struct device_rec *d, struct utc received)
{
    int64_t gap_us = received.us - d->last_uplink.us;
    if (d->last_uplink.us == 0 || gap_us < SAME_BURST_US) {
        return;
    }
    if (gap_us > d->uplink_interval_us) {
        /* A long silence, ours perhaps, is not its interval at once. */
        int64_t most_us = GROWTH_MAX * d->uplink_interval_us;
        d->uplink_interval_us = most_us > 0 && gap_us > most_us ? most_us : gap_us;
    } else {
        d->uplink_interval_us -= (d->uplink_interval_us - gap_us) / 8;
    }
}

static void sort_links(struct device_rec *d)
{
    for (size_t i = 1; i < d->link_count; i++) {
        for (size_t j = i; j > 0 && d->link[j].snr_cdb > d->link[j - 1].snr_cdb; j--) {
            __typeof__(d->link[0]) t = d->link[j];
            d->link[j] = d->link[j - 1];
            d->link[j - 1] = t;
        }
    }
}

static void note_link(struct device_rec *d, const struct link_rx *rx)
{
    for (size_t i = 0; i < d->link_count; i++) {
        if (d->link[i].gateway == rx->gateway) {
            int32_t old = d->link[i].snr_cdb;
            int32_t smoothed = old + (rx->snr_cdb - old) / 4; /* between the two */
            d->link[i].snr_cdb = (int16_t)smoothed;
            return;
        }
    }
    size_t at = d->link_count;
    if (at == RECORD_LINK_MAX) {
        at--;
        if (d->link[at].snr_cdb >= rx->snr_cdb) {
            return;
        }
    } else {
        d->link_count++;
    }
    d->link[at].gateway = rx->gateway;
    d->link[at].snr_cdb = rx->snr_cdb;
}

void link_note_uplink(struct device_rec *device, struct utc received,
                      const struct link_rx *rx, size_t rx_count)
{
    note_interval(device, received);
    if (received.us > device->last_uplink.us) {
        device->last_uplink = received;
    }
    for (size_t i = 0; i < rx_count; i++) {
        note_link(device, &rx[i]);
        sort_links(device);
    }
}

int16_t link_best_snr_cdb(const struct device_rec *device)
{
    if (device->link_count == 0) {
        return INT16_MIN;
    }
    return device->link[0].snr_cdb;
}

/* ---- cover ---- */

/* Ids in ascending order, each with how many devices it would cover. */
struct candidates {
    size_t count;
    uint64_t ids[COVER_CANDIDATES];
    size_t gains[COVER_CANDIDATES];
};

/* The first place whose id is not below. */
static size_t place_of(const uint64_t *ids, size_t count, uint64_t id)
{
    size_t lo = 0;
    while (lo < count) {
        size_t mid = lo + (count - lo) / 2;
        if (ids[mid] < id) {
            lo = mid + 1;
        } else {
            count = mid;
        }
    }
    return lo;
}

/* Returns the new count; an id that is there already stays alone. */
static size_t insert_sorted(uint64_t *ids, size_t count, uint64_t id)
{
    size_t at = place_of(ids, count, id);
    if (at < count && ids[at] == id) {
        return count;
    }
    memmove(&ids[at + 1], &ids[at], (count - at) * sizeof(*ids));
    ids[at] = id;
    return count + 1;
}

static void collect(const struct device_rec *d, struct candidates *c)
{
    for (size_t k = 0; k < d->link_count && c->count < COVER_CANDIDATES; k++) {
        c->count = insert_sorted(c->ids, c->count, d->link[k].gateway);
    }
}

static bool covered(const struct device_rec *d, const uint64_t *gateways, size_t count)
{
    for (size_t k = 0; k < d->link_count; k++) {
        size_t at = place_of(gateways, count, d->link[k].gateway);
        if (at < count && gateways[at] == d->link[k].gateway) {
            return true;
        }
    }
    return false;
}

static void count_gain(const struct device_rec *d, struct candidates *c)
{
    for (size_t k = 0; k < d->link_count; k++) {
        size_t at = place_of(c->ids, c->count, d->link[k].gateway);
        if (at < c->count && c->ids[at] == d->link[k].gateway) {
            c->gains[at]++;
        }
    }
}

/* The place of the largest gain, the first of equals; count if nothing is gained. */
static size_t best_of(const struct candidates *c)
{
    size_t best = c->count;
    size_t gain = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (c->gains[i] > gain) {
            best = i;
            gain = c->gains[i];
        }
    }
    return best;
}

static void count_gains(const struct device_rec *const *devices, size_t count,
                        const uint64_t *gateways, size_t chosen, struct candidates *c)
{
    memset(c->gains, 0, sizeof(c->gains));
    for (size_t i = 0; i < count; i++) {
        if (!covered(devices[i], gateways, chosen)) {
            count_gain(devices[i], c);
        }
    }
}

/* One pass over the devices per gateway chosen. */
size_t link_cover(const struct device_rec *const *devices, size_t count,
                  uint64_t *gateways, size_t cap)
{
    struct candidates c = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        collect(devices[i], &c);
    }
    size_t chosen = 0;
    while (chosen < cap) {
        count_gains(devices, count, gateways, chosen, &c);
        size_t best = best_of(&c);
        if (best == c.count) {
            break;
        }
        chosen = insert_sorted(gateways, chosen, c.ids[best]);
    }
    return chosen;
}
