/* SPDX-License-Identifier: MIT */
/*
 * link.h - what uplinks teach about a device and about the gateways that hear it.
 *
 * Of each device the four best links are kept (struct device_link), each with the median
 * and the lower decile of its SNR and the share of the last uplinks that the gateway heard.
 * Uplink SNR stands for the downlink: it is the weaker direction (performance.md 0.8); what a
 * device says of its downlinks corrects it.
 *
 * SNR is in hundredths of a dB and in a noise bandwidth of 125 kHz: what was measured in
 * 250 or 500 kHz is raised by 3.01 or 6.02 dB. It is taken as sent with 14 dBm: no server
 * says on its application topics what a device radiates, and one whose power ADR lowered
 * is only better than it looks. Integers only, no clock, no allocation. After restoring a
 * device nothing else is needed: all that is learned stands in its record.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "campaign/record.h"
#include "radio/region.h"

enum {
    LINK_WINDOW = 40,        /* uplinks that a share or a quantile goes back, about */
    LINK_HOT_BYTES = 256,    /* of a device, at most */
    LINK_ENGINE_BYTES = 104, /* of these, what the engine keeps: see its struct device */
    LINK_SNR_UNKNOWN = INT16_MIN,
};

/* Performance.md 5: one million devices stay in 256 MB. */
_Static_assert(sizeof(struct device_rec) <= LINK_HOT_BYTES - LINK_ENGINE_BYTES,
               "a device is at most 256 bytes hot");

struct link_rx {
    uint64_t gateway;
    int16_t snr_cdb; /* as measured */
};

/* Uplinks that follow each other within less are one burst, as with answers to commands. */
#define LINK_BURST_US SECONDS_US(30)

/*
 * Note an uplink: its interval (the median, so that a lost uplink does not double it; extra
 * uplinks that answer commands do not count) and the links. rate: of the uplink; NULL: unknown.
 * rx_count 0: the server did not say who heard it, the links stay. sent: uplinks of its
 * interval since the last that was heard, this one too, as its counter tells; 0 or 1 if it
 * does not: then the gap is taken for one interval.
 *
 * The first uplink of a link sets its quantiles, each later one moves them by a step that
 * shrinks with the number of uplinks; a few surprises of 9 dB in a row are a change, to
 * which the link comes at once. A gateway that missed the uplink counts as a weak one
 * where the link is within 10 dB of what the data rate needs; else as a collision, which
 * says nothing of the SNR. A newcomer takes the place of the worst of four links if it is
 * 3 dB better; one that heard less than 1 % of the last uplinks is dropped.
 */
void link_note_uplink(struct device_rec *device, struct utc received,
                      const struct data_rate *rate, const struct link_rx *rx,
                      size_t rx_count, uint32_t sent);

/* Median SNR of the best link; LINK_SNR_UNKNOWN if no link is known. */
int16_t link_best_snr_cdb(const struct device_rec *device);

/*
 * How much too good the median of a link is that is near the floor of the uplinks: only those
 * in which it was good were heard. Their share tells where the floor lies in the spread; not
 * for links that are far above it, where what is lost are collisions. unheard_ppm: uplinks
 * that no gateway heard.
 */
int32_t link_bias_cdb(const struct device_link *link, const struct data_rate *rate,
                      uint32_t unheard_ppm);

/*
 * Uplinks that no gateway hears, in a million, by the shares of its links: too few, for
 * these are shares of what some gateway heard.
 */
uint32_t link_unheard_ppm(const struct device_rec *device);

/* The link to that gateway; NULL if it is not among those kept. */
const struct device_link *link_find(const struct device_rec *device, uint64_t gateway);

/*
 * How far a downlink is above the floor of its data rate: snr + gain - floor. gain is what
 * the downlink has over an uplink (1000 in EU868 at 869.525 MHz: 27 dBm against 14, and a
 * noise figure that is 3 dB worse). LINK_SNR_UNKNOWN stays what it is.
 */
int32_t link_margin_cdb(int16_t snr_cdb, const struct data_rate *rate, int32_t gain_cdb);

/*
 * Note the margin of a DevStatusAns: the SNR in dB, -32..31, at which the device heard the
 * DevStatusReq. That came in RX1 or in RX2, which no server tells: of the two gains (as in
 * link_margin_cdb(), of each window) that counts which is nearer to what was measured. A
 * margin is one sample, so device->down_cdb moves a part of the way only, and it stays
 * between 15 dB worse and 3 dB better than expected: a device that hears less than
 * it should misses the session, one that hears more costs nothing. Where both sides are
 * more than a receiver tells apart, it says nothing; nor does it without a link.
 */
void link_note_status(struct device_rec *device, int8_t margin_db, int32_t rx1_gain_cdb,
                      int32_t rx2_gain_cdb);

/* The SNR of a link as it counts for downlinks: with what statuses told of the device.
 * LINK_SNR_UNKNOWN stays what it is. */
int16_t link_down_snr_cdb(const struct device_rec *device, int16_t snr_cdb);

/* ---- load of a gateway: uplink airtime ---- */

/* Zeroed: nothing heard yet. Persisting it is not worth while. */
struct link_load {
    int64_t period;      /* number of the ten minutes under way, from 1970; 0: none */
    int64_t period_us;   /* airtime in them so far */
    int64_t smoothed_us; /* airtime in an hour, of the periods before */
    uint32_t periods;    /* that smoothed_us rests on, counted up to 18: three hours */
};

/* An uplink that the gateway heard; what is older than the period under way is ignored. */
void link_load_note(struct link_load *load, struct utc received, int64_t airtime_us);

/* Airtime in an hour, smoothed; in the first ten minutes what was heard so far. */
int64_t link_load_us(const struct link_load *load, struct utc now);
