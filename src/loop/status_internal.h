/* SPDX-License-Identifier: MIT */
/* status_internal.h - between status.c, status_campaign.c and status_results.c only. */
#pragma once

#include "loop/status.h"

enum {
    STATUS_TOPIC_SIZE = 160, /* below the prefix */
    STATUS_FULL_TOPIC_SIZE = 640,
};

struct status_seq {
    uint32_t campaign_id;
    uint32_t shard;
    uint64_t value;
    uint64_t settled; /* on disk */
};

struct status {
    char *prefix;
    char *index; /* what was said last on `campaigns`; NULL: nothing yet */
    struct status_seq *seqs;
    size_t seq_count;
    uint64_t event_number;
};

/* A batch being rendered. */
struct status_rendering {
    struct status *status;
    const struct status_source *source;
    struct store_batch *rows;
};

/* ---- status.c ---- */

/* One row of the outbox, with what is the same for all. Takes payload; NULL: empty. */
void status_add_row(struct status_rendering *r, const struct store_outbox *row,
                    struct json_object *payload);

/* Below the prefix. Takes payload; NULL clears the topic. */
void status_add_retained(struct status_rendering *r, uint32_t campaign_id,
                         const char *topic, struct json_object *payload);

/* Takes data. */
void status_add_event(struct status_rendering *r, const struct campaign_rec *rec,
                      const char *type, struct json_object *data);

void status_alert_topic(char topic[static STATUS_TOPIC_SIZE], const char *id);

/* ---- status_campaign.c: state, sessions and waves ---- */

void status_render_campaign(struct status_rendering *r, uint32_t campaign_id);

/* ---- status_results.c: device results and their sequence numbers ---- */

void status_render_results(struct status_rendering *r, const struct effects *batch);
