/* SPDX-License-Identifier: MIT */
/*
 * variant.h - the full image or a delta: what a member is sent, and back to the image when a
 * delta has failed on it. Rules and numbers are those of campaign/variant.h.
 *
 * Which delta is for a device is told by itself: by TS006 in this campaign (version_before), or
 * by /3/0/3 if its report says the very text. A campaign with deltas takes nobody into a
 * transmission who has not said what it runs. One transmission carries one variant. Where the
 * server delivers there is no airtime: the shortest block is the cheapest.
 */
#pragma once

#include "engine/internal.h"

struct variant_block {
    const uint8_t *bytes;
    size_t len;
};

/* A campaign is new, its members are there: what its variants cost each fleet. */
void variant_open(struct campaign *c);

/* The data block of a variant; empty: there is none (any more). */
struct variant_block variant_block(const struct campaign *c, uint8_t variant);

/* What it is to be sent now. */
uint8_t variant_of(const struct member *m);

/*
 * It is about to fail. True: a delta may be the reason, so it goes back to READY for the full
 * image, or is brought that if its server delivers, with both in its history: what failed, and
 * that.
 */
bool variant_fall_back(struct engine *e, struct member *m, enum member_reason reason,
                       enum fw_evidence seen);
