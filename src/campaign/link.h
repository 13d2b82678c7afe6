/* SPDX-License-Identifier: MIT */
/*
 * link.h - what uplinks teach about a device, and the gateways that reach a cohort.
 *
 * Uplink SNR stands for the downlink: it is the weaker direction (performance.md 0.8).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "campaign/record.h"

struct link_rx {
    uint64_t gateway;
    int16_t snr_cdb;
};

/*
 * Note an uplink: the interval (smoothed, quick to grow and slow to shrink; extra uplinks
 * that answer commands count little) and the best links (each SNR smoothed).
 */
void link_note_uplink(struct device_rec *device, struct utc received,
                      const struct link_rx *rx, size_t rx_count);

/* Best SNR, hundredths of a dB; INT16_MIN if no link is known. */
int16_t link_best_snr_cdb(const struct device_rec *device);

/*
 * Gateways that together are heard by every device with a known link: greedy cover over
 * the four best links of each, ties to the lower id. Writes at most cap ids, ascending;
 * returns how many. Devices without a link are left out.
 */
size_t link_cover(const struct device_rec *const *devices, size_t count,
                  uint64_t *gateways, size_t cap);
