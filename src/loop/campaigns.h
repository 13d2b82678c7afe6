/* SPDX-License-Identifier: MIT */
/*
 * campaigns.h - what the daemon keeps of each campaign beside the engine: the decoded file,
 * the image and where it came from. The engine's pointers point in here.
 *
 * An entry lives as long as the engine knows the campaign. Nothing here is stored or
 * verified; apply_check.c and restore.c do that first. A stored campaign that cannot be given
 * to the engine (its fleet is gone, its image is damaged) is left out: nothing happens to it,
 * but it is still shown, with the reason.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/campaign.h"
#include "config/schedule.h"
#include "ctl/protocol.h"
#include "engine/engine.h"
#include "loop/deltas.h"
#include "store/store.h"

/* A session that has a retained topic, and what was said on it last. */
struct published_session {
    uint32_t id;
    uint64_t hash; /* 0: not known */
};

/* The same of a wave. */
struct published_wave {
    char name[SPEC_NAME_SIZE];
    uint64_t hash; /* 0: not known */
};

/* What webhooks were told, see notify.h. */
struct campaign_told {
    enum campaign_phase phase; /* 0: nothing */
    bool started;
    uint64_t waves; /* those that are over, by number */
};

struct campaign_entry {
    struct campaign_entry *next;
    uint32_t id;
    struct campaign_doc *doc; /* owned */
    uint8_t *image;           /* owned; NULL: it had ended at start, for good */
    size_t image_len;
    struct deltas deltas;         /* without bytes when image is NULL */
    char digest[CTL_DIGEST_SIZE]; /* of the image */
    uint8_t spec_digest[STORE_DIGEST_BYTES];
    char *fleets; /* owned; campaign_fleets_text() */
    struct schedule_term term;
    struct published_session *sessions; /* owned; ascending ids */
    size_t session_count;
    struct published_wave *waves; /* owned */
    size_t wave_count;
    bool untrusted;   /* its image does not verify any more: must not be resumed */
    bool phase_known; /* of the events on MQTT: */
    enum campaign_phase phase; /* the last one that was told */
    struct campaign_told told;
    bool alert_out; /* an alert may be on its topic: cleared once it does not wait */
};

struct campaign_left_out {
    struct campaign_left_out *next;
    struct campaign_rec rec;
    struct campaign_counts counts;
    char *fleets; /* owned; NULL: not known */
};

struct campaigns {
    struct campaign_entry *head;
    struct campaign_left_out *left_out;
};

/* Takes the entry. */
void campaigns_add(struct campaigns *campaigns, struct campaign_entry *entry);
struct campaign_entry *campaigns_find(const struct campaigns *campaigns, uint32_t id);
void campaigns_drop(struct campaigns *campaigns, uint32_t id);
void campaigns_clear(struct campaigns *campaigns); /* those left out too */

/* Takes what is left out. */
void campaigns_leave_out(struct campaigns *campaigns, struct campaign_left_out *left_out);
/* NULL if there is none. */
const struct campaign_left_out *campaigns_left_out(const struct campaigns *campaigns,
                                                   uint32_t id);
const struct campaign_left_out *
campaigns_left_out_named(const struct campaigns *campaigns, const char *name);
void campaigns_left_out_drop(struct campaigns *campaigns, uint32_t id);

/* The image or delta with that digest, of any campaign; NULL if none has it. */
const uint8_t *campaigns_image(const struct campaigns *campaigns, const char *digest,
                               size_t *len);

/* A session has a topic: its place, which is valid until the next call. */
struct published_session *campaign_sessions_add(struct campaign_entry *entry,
                                                uint32_t id);
void campaign_sessions_drop(struct campaign_entry *entry, size_t i);

/* The same of waves, by name. */
struct published_wave *campaign_waves_add(struct campaign_entry *entry, const char *name);
void campaign_waves_drop(struct campaign_entry *entry, size_t i);
/* The number of a wave of the campaign's file; -1: there is none of that name. */
int campaign_wave_named(const struct campaign_entry *entry, const char *name);

/* The names of its fleets, as people read them: "a, b". The caller frees it. */
char *campaign_fleets_text(const struct campaign_spec *spec);
bool campaign_has_fleet(const struct campaign_spec *spec, const char *name);

/* Accepts NULL. */
void campaign_entry_destroy(struct campaign_entry *entry);

/*
 * What makes two applications the same: the values of the file (not its comments or
 * layout), the image, and further inputs: deltas_all_digests() of its deltas, digests of device
 * lists. Those may be NULL.
 */
void campaign_spec_digest(const struct campaign_doc *doc, const char *image_digest,
                          const char *deltas, const char *devices_digest,
                          const char *exclude_digest,
                          uint8_t digest[static STORE_DIGEST_BYTES]);
