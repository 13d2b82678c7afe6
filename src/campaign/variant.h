/* SPDX-License-Identifier: MIT */
/*
 * variant.h - which data block a device is sent: the full image, or a delta to what it runs.
 *
 * Variant 0 is the full image, variant i + 1 is spec.image.deltas[i]. A device is sent a delta
 * only if what it reported itself is the version that the delta is for; who has said nothing,
 * or something else, gets the full image. Of several variants that fit, the one whose first
 * pass takes the least airtime is chosen, the full image if they take the same. What devices
 * of other variants are sent anyway is not set against that: who listens to less is done
 * sooner, and pays less.
 *
 * A device on which a delta has failed for a reason that can lie in the delta (it refused the
 * image, reported a failed update, or still runs the old version) is never sent one again in
 * this campaign: its next try is the full image. Losses on air are no such reason.
 *
 * Pure; integers only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "campaign/plan.h"
#include "campaign/record.h"

enum {
    VARIANT_FULL = 0,
    VARIANT_DELTAS_MAX = 8,  /* of a campaign */
    VARIANT_DELTA_TRIES = 1, /* of a device, that failed because of the delta */
};

#define VARIANT_AIRTIME_NONE INT64_MAX

/*
 * Airtime of the first pass of a block, coded fragments included, at one gateway, at the data
 * rate that the campaign gives or at the one where it is least; in->image_len is ignored.
 * VARIANT_AIRTIME_NONE: it cannot be sent.
 */
int64_t variant_airtime_us(const struct plan_input *in, size_t len);

struct variant_choice {
    const int64_t *airtime_us; /* by variant: delta_count + 1 of them */
    size_t delta_count;
    uint32_t fits;          /* bit i: delta i is for what the device reported */
    uint8_t delta_failures; /* of this device, in this campaign */
};

/* The variant of a device. */
uint8_t variant_choose(const struct variant_choice *choice);

/* Whether a device that failed like that may fare better with the full image. */
bool variant_is_at_fault(uint8_t variant, enum member_reason reason);
