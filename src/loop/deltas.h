/* SPDX-License-Identifier: MIT */
/*
 * deltas.h - the deltas of a campaign beside its image, as the daemon keeps them.
 *
 * A delta is an artifact like the image: uploaded by digest, signed, stored with the images.
 * What is stored with the campaign is a JSON array, {"digest","signatures":[text,...],
 * "from_firmware"?} for each of spec.image.deltas in their order; what clients send is the
 * same without the last. from_firmware: how devices that run the delta's base say so by
 * TS006, if a campaign that brought the base to the fleet has learned it. Nothing here is
 * verified: apply_deltas.c and restore_campaigns.c do that.
 */
#pragma once

#include <json-c/json.h>

#include "ctl/protocol.h"
#include "engine/event.h"
#include "store/store.h"

/* Zeroed: none. */
struct deltas {
    struct engine_delta *items; /* owned, with their bytes; what the engine is given */
    char (*digests)[CTL_DIGEST_SIZE];
    size_t count;
    char *text; /* as stored; NULL until deltas_note() */
};

/* Room for so many, all empty. */
void deltas_open(struct deltas *deltas, size_t count);
void deltas_finish(struct deltas *deltas);

/* Delta i: takes a copy of the bytes. */
void deltas_put(struct deltas *deltas, size_t i, const char *digest, const uint8_t *bytes,
                size_t len);

/* Makes text, from what the client sent and what items say. */
void deltas_note(struct deltas *deltas, struct json_object *sent);

/*
 * A block of a campaign as one number, for plugins that deliver: of its image that of the
 * campaign, so that it is the same as before there were deltas. There are at most 2^28 campaigns.
 */
uint32_t deltas_block_id(uint32_t campaign_id, uint8_t variant);
uint32_t deltas_campaign_of(uint32_t block_id, size_t *variant);

/* The same digest is looked for in them; NULL if none has it. */
const uint8_t *deltas_find(const struct deltas *deltas, const char *digest, size_t *len);

/* How many there are in such an array; -1: it is none. NULL has none in it. */
int deltas_count(struct json_object *array);

/* Digest of element i in lower case. FUO_EPROTO: there is none. */
FUO_MUST_CHECK int deltas_digest(struct json_object *array, size_t i,
                                 char digest[static CTL_DIGEST_SIZE]);

/* Signatures of element i; NULL: there are none. Borrowed. */
struct json_object *deltas_signatures(struct json_object *array, size_t i);

/* All digests of such an array, for campaign_spec_digest(); NULL: none. To be freed. */
char *deltas_all_digests(struct json_object *array);
