/* SPDX-License-Identifier: MIT */
/* uplink.h - uplinks, and what they teach of devices and gateways. */
#pragma once

#include "engine/internal.h"

/* ---- uplink.c ---- */

void uplink_take(struct engine *e, const struct engine_event *event);
void uplink_take_status(struct engine *e, const struct engine_event *event);
/* Uplinks of the device that no gateway hears, in a million. */
uint32_t device_unheard_ppm(const struct device *d);
/*
 * As many tries as `tries` are of a device that is always heard. Of one that is not, more are
 * lost on the way, there or back: that says nothing of the device. Four times as many at most.
 */
uint32_t device_tries(const struct device *d, uint32_t tries);
/* That of its last uplink; NULL: unknown. */
const struct data_rate *device_uplink_rate(const struct device *d);
void device_store(struct engine *e, struct device *d);
/* See device_rec: it outlives a restart. */
void device_set_told_before(struct engine *e, struct device *d, bool told);

/* ---- load.c ---- */

/* An uplink that the gateway heard. */
void load_note(struct engine *e, uint64_t gateway, struct utc received,
               int64_t airtime_us);
/* It has heard devices of ours. */
/* It has no connection to its server, or has it again. */
void load_set_away(struct engine *e, uint64_t gateway, bool away);
bool load_is_away(const struct engine *e, uint64_t gateway);
/* Of those links of a device (a bit each) the ones whose gateways can send now; all of them
 * if none can: nobody else hears it. */
uint32_t load_links(const struct engine *e, const struct device_rec *d, uint32_t links);
bool load_knows(const struct engine *e, uint64_t gateway);
