/* SPDX-License-Identifier: MIT */
/* status_results.c - device results in batches without gaps, and their sequence numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "loop/render.h"
#include "loop/status_internal.h"
#include "loop/xalloc.h"

enum {
    SEQ_NAME_SIZE = 48,
};

/* ---- sequence numbers ---- */

static struct status_seq *seq_of(struct status *status, uint32_t campaign_id,
                                 uint32_t shard)
{
    for (size_t i = 0; i < status->seq_count; i++) {
        if (status->seqs[i].campaign_id == campaign_id &&
            status->seqs[i].shard == shard) {
            return &status->seqs[i];
        }
    }
    status->seqs = xrealloc(status->seqs, status->seq_count + 1, sizeof(*status->seqs));
    struct status_seq *seq = &status->seqs[status->seq_count++];
    *seq = (struct status_seq){.campaign_id = campaign_id, .shard = shard};
    return seq;
}

void status_restore_seq(struct status *status, const char *name, uint64_t value)
{
    size_t len = strlen(STATUS_SEQ_PREFIX);
    if (strncmp(name, STATUS_SEQ_PREFIX, len) != 0) {
        return;
    }
    char *end = NULL;
    unsigned long campaign_id = strtoul(name + len, &end, 10);
    if (*end != '/') {
        return;
    }
    unsigned long shard = strtoul(end + 1, NULL, 16);
    if (campaign_id <= UINT32_MAX && shard < STATUS_SHARDS) {
        struct status_seq *seq = seq_of(status, (uint32_t)campaign_id, (uint32_t)shard);
        seq->value = seq->settled = value;
    }
}

void status_settled(struct status *status)
{
    for (size_t i = 0; i < status->seq_count; i++) {
        status->seqs[i].settled = status->seqs[i].value;
    }
}

struct json_object *status_seqs(const struct status *status, uint32_t campaign_id)
{
    struct json_object *object = json_object_new_object();
    for (size_t i = 0; i < status->seq_count; i++) {
        const struct status_seq *seq = &status->seqs[i];
        char shard[12];
        snprintf(shard, sizeof(shard), "%02x", seq->shard);
        if (seq->campaign_id == campaign_id && seq->settled > 0) {
            render_add_int(object, shard, (int64_t)seq->settled);
        }
    }
    return object;
}

/* DevEUIs of one maker differ in few bits: spread them. */
static uint32_t shard_of(uint64_t dev_eui)
{
    return (uint32_t)((dev_eui * UINT64_C(0x9e3779b97f4a7c15)) >> 60) % STATUS_SHARDS;
}

/* ---- device results ---- */

struct result_ref {
    uint32_t campaign_id;
    uint32_t shard;
    uint64_t dev_eui;
};

static int compare_refs(const void *a, const void *b)
{
    const struct result_ref *x = a;
    const struct result_ref *y = b;
    if (x->campaign_id != y->campaign_id) {
        return x->campaign_id < y->campaign_id ? -1 : 1;
    }
    if (x->shard != y->shard) {
        return x->shard < y->shard ? -1 : 1;
    }
    return (x->dev_eui > y->dev_eui) - (x->dev_eui < y->dev_eui);
}

static struct json_object *result_message(struct status_seq *seq, const char *name,
                                          struct json_object *results)
{
    struct json_object *object = json_object_new_object();
    render_add_text(object, "campaign", name);
    render_add_int(object, "seq", (int64_t)seq->value + 1);
    render_add_int(object, "prev", (int64_t)seq->value);
    render_add(object, "results", results);
    seq->value++;
    return object;
}

static void add_results(struct status_rendering *r, const struct result_ref *refs,
                        size_t count)
{
    const struct campaign_rec *rec =
        engine_campaign_by_id(r->source->engine, refs->campaign_id);
    if (rec == NULL) {
        return;
    }
    struct json_object *results = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        const struct member_rec *member =
            engine_member_find(r->source->engine, rec->id, refs[i].dev_eui);
        if (member != NULL) {
            json_object_array_add(results, render_result(member));
        }
    }
    struct status_seq *seq = seq_of(r->status, rec->id, refs->shard);
    char topic[STATUS_FULL_TOPIC_SIZE];
    snprintf(topic, sizeof(topic), "%s/c/%s/results/%02x", r->status->prefix, rec->name,
             refs->shard);
    struct json_object *message = result_message(seq, rec->name, results);
    status_add_row(
        r,
        &(struct store_outbox){.topic = topic, .campaign_id = rec->id, .seq = seq->value},
        message);
    char counter[SEQ_NAME_SIZE];
    snprintf(counter, sizeof(counter), STATUS_SEQ_PREFIX "%u/%x", rec->id, refs->shard);
    store_batch_counter(r->rows, counter, seq->value);
}

static bool same_topic(const struct result_ref *a, const struct result_ref *b)
{
    return a->campaign_id == b->campaign_id && a->shard == b->shard;
}

/* Sorted: one message per campaign and shard, each device once. */
static void render_results(struct status_rendering *r, struct result_ref *refs,
                           size_t count)
{
    size_t unique = 0;
    qsort(refs, count, sizeof(*refs), compare_refs);
    for (size_t i = 0; i < count; i++) {
        if (unique == 0 || compare_refs(&refs[unique - 1], &refs[i]) != 0) {
            refs[unique++] = refs[i];
        }
    }
    for (size_t start = 0; start < unique;) {
        size_t n = 1;
        while (start + n < unique && n < STATUS_RESULTS_MAX &&
               same_topic(&refs[start], &refs[start + n])) {
            n++;
        }
        add_results(r, &refs[start], n);
        start += n;
    }
}

/* The results of a batch go out before the campaign that they end: who reads "completed"
 * has seen the outcome of every device. */
void status_render_results(struct status_rendering *r, const struct effects *batch)
{
    AUTO_FREE struct result_ref *refs = xcalloc(batch->len + 1, sizeof(*refs));
    size_t count = 0;
    for (size_t i = 0; i < batch->len; i++) {
        const struct effect *effect = batch->items[i];
        if (effect->type == EFFECT_PUBLISH && effect->publish.kind == PUBLISH_RESULT) {
            refs[count++] = (struct result_ref){
                .campaign_id = effect->publish.campaign_id,
                .shard = shard_of(effect->publish.dev_eui),
                .dev_eui = effect->publish.dev_eui,
            };
        }
    }
    render_results(r, refs, count);
}
