/* SPDX-License-Identifier: MIT */
/*
 * status.h - what is said on the status topics (design 3.4), as rows of the outbox.
 *
 * Under <root>/<instance>, JSON, QoS 1. Retained: campaigns (the index), c/<name>/state,
 * c/<name>/session/<id> (cleared at its end), c/<name>/wave/<wave>/state (those of an earlier
 * campaign of that name are cleared), alert/<name> (that of a paused campaign is cleared when
 * it goes on or ends). Not retained:
 * c/<name>/results/<shard>, batches of device results; their seq has no gaps per campaign
 * and shard, and prev is the one before. Shards are 00 to 0f, by a hash of the DevEUI.
 * Who has missed some asks for a snapshot (ctl/protocol.h). c/<name>/event: status_event.h.
 *
 * The rows are rendered when a batch is taken and are part of its transaction, so nothing
 * is said that is not on disk. Several changes of one thing within a batch become one
 * message. Never talks to a broker: relay.h does.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "engine/engine.h"
#include "loop/campaigns.h"
#include "store/store.h"

enum {
    STATUS_SHARDS = 16,
    STATUS_RESULTS_MAX = 200, /* device results in one message */
};

#define STATUS_SEQ_PREFIX "results/"

struct status;

/* prefix is <root>/<instance>. */
struct status *status_create(const char *prefix);
void status_destroy(struct status *status); /* accepts NULL */

const char *status_prefix(const struct status *status);

/* After a restart or a failed commit: forget, then give back what the store holds. */
void status_reset(struct status *status);
/* A counter of the store whose name begins with STATUS_SEQ_PREFIX; others are ignored. */
void status_restore_seq(struct status *status, const char *name, uint64_t value);

/* What was rendered last is on disk: a snapshot may say its numbers. */
void status_settled(struct status *status);

/*
 * The last seq of each shard of a campaign that is on disk, {"0a":17,...}, fresh; those
 * that have said nothing are left out.
 */
struct json_object *status_seqs(const struct status *status, uint32_t campaign_id);

struct status_source {
    const struct engine *engine;
    struct campaigns *campaigns; /* what is on the topics is kept there */
    struct utc now;
    uint32_t boot; /* for the ids of events */
};

/* An event that is no PUBLISH effect, for the next batch; type and data as status_event.h
 * has them. Takes data. */
void status_event(struct status *status, const struct status_source *source,
                  const struct campaign_rec *rec, const char *type,
                  struct json_object *data, struct store_batch *rows);

/* The rows for the PUBLISH effects of a batch, appended to rows. */
void status_render(struct status *status, const struct status_source *source,
                   const struct effects *batch, struct store_batch *rows);

/* An alert that is not a campaign's, as topic and payload to publish at once; text NULL
 * clears it. The caller frees both. */
void status_alert(const struct status *status, const char *id, const char *text,
                  struct utc now, char **topic, char **payload);
