/* SPDX-License-Identifier: MIT */
#include "faults/check.h"

#include <stdlib.h>
#include <string.h>

#include "faults/check_internal.h"

const char *check_name(enum check_invariant invariant)
{
    static const char *const names[CHECK_COUNT] = {
        "none",        "duty-cycle",    "one-payload",  "fcnt-order",  "stored-first",
        "window",      "uncoded-first", "coded-once",   "setup-acked", "verified-image",
        "one-outcome", "seq-gapless",   "results-told", "ends",        "deadline",
    };
    return invariant < CHECK_COUNT ? names[invariant] : names[0];
}

void check_violated(struct check *c, enum check_invariant invariant, const char *text)
{
    if (c->violation.text == NULL) {
        c->violation = (struct check_violation){invariant, text, c->now};
    }
}

void *check_grow(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) {
        return items;
    }
    *cap = *cap == 0 ? 16 : 2 * *cap;
    void *grown = realloc(items, *cap * size);
    if (grown == NULL) {
        abort(); /* a simulator that runs out of memory: there is nothing to save */
    }
    return grown;
}

struct check *check_new(const struct check_config *config)
{
    struct check *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        abort();
    }
    c->config = *config;
    c->devices = calloc(config->device_count + 1, sizeof(*c->devices));
    if (c->devices == NULL) {
        abort();
    }
    return c;
}

void check_free(struct check *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->group_count; i++) {
        free(c->groups[i].frames);
        free(c->groups[i].runs);
    }
    free(c->groups);
    free(c->emissions);
    free(c->gateways);
    free(c->transmissions);
    free(c->lanes);
    for (size_t i = 0; i < CHECK_SHARDS; i++) {
        free(c->shards[i].hashes);
    }
    free(c->devices);
    free(c);
}

const struct check_violation *check_result(const struct check *c)
{
    return &c->violation;
}

void check_time(struct check *c, struct utc now, int64_t ahead_us)
{
    int64_t change_us = ahead_us - c->ahead_us;
    if (change_us > CHECK_CLOCK_SLACK_US || change_us < -CHECK_CLOCK_SLACK_US) {
        c->clock_stepped = now;
        c->clock_ever_stepped = true;
    }
    c->now = now;
    c->ahead_us = ahead_us;
}

void check_windows(struct check *c, const struct check_windows *now,
                   const struct check_windows *before)
{
    c->config.spans = now->spans;
    c->config.span_count = now->span_count;
    c->before = *before;
}

/* ---- the disk ---- */

struct check_device *check_device_of(struct check *c, uint64_t dev_eui)
{
    for (size_t i = 0; i < c->config.device_count; i++) {
        if (c->config.dev_euis[i] == dev_eui) {
            return &c->devices[i];
        }
    }
    return NULL;
}

void check_may_retry(struct check *c)
{
    for (size_t i = 0; i < c->config.device_count; i++) {
        c->devices[i].may_retry = c->devices[i].outcome != OUTCOME_SUCCEEDED;
    }
}

static void store_member(struct check *c, const struct member_rec *m)
{
    struct check_device *d = check_device_of(c, m->dev_eui);
    if (d == NULL) {
        return;
    }
    bool again = d->may_retry && m->retries == d->retries + 1;
    if (d->outcome != OUTCOME_NONE && m->outcome != d->outcome && !again) {
        check_violated(c, CHECK_OUTCOME, "an outcome on disk has changed");
    }
    d->may_retry = d->may_retry && !again;
    d->retries = m->retries;
    d->outcome = m->outcome;
    d->outcomes |= UINT32_C(1) << m->outcome;
    d->transmission_id = m->transmission_id;
    if (m->command_id > d->command_id) {
        d->command_id = m->command_id;
    }
}

static void store_transmission(struct check *c, const struct transmission_rec *t)
{
    for (size_t i = 0; i < c->transmission_count; i++) {
        if (c->transmissions[i].id == t->id) {
            c->transmissions[i] = *t;
            return;
        }
    }
    c->transmissions = check_grow(c->transmissions, c->transmission_count,
                                  &c->transmission_cap, sizeof(*c->transmissions));
    c->transmissions[c->transmission_count++] = *t;
}

static void store_lane(struct check *c, const struct lane_rec *l)
{
    for (size_t i = 0; i < c->lane_count; i++) {
        if (c->lanes[i].transmission_id == l->transmission_id &&
            c->lanes[i].no == l->no) {
            c->lanes[i] = *l;
            return;
        }
    }
    c->lanes = check_grow(c->lanes, c->lane_count, &c->lane_cap, sizeof(*c->lanes));
    c->lanes[c->lane_count++] = *l;
}

void check_stored(struct check *c, const struct effects *batch)
{
    for (size_t i = 0; i < batch->len; i++) {
        const struct effect *e = batch->items[i];
        if (e->type != EFFECT_STORE) {
            continue;
        }
        if (e->store.kind == STORE_MEMBER) {
            store_member(c, &e->store.member);
        } else if (e->store.kind == STORE_TRANSMISSION) {
            store_transmission(c, &e->store.transmission);
        } else if (e->store.kind == STORE_LANE) {
            store_lane(c, &e->store.lane);
        }
    }
}

/* ---- what is handed over ---- */

static void check_send(struct check *c, const struct effect *e)
{
    struct check_device *d = check_device_of(c, e->send.dev_eui);
    if (e->urgent) {
        return;
    }
    if (d == NULL || d->command_id < e->send.id) {
        check_violated(c, CHECK_STORED, "a command was sent that is not on disk");
    } else if (d->sent_id >= e->send.id) {
        check_violated(c, CHECK_STORED, "a command has the id of one before");
    } else {
        d->sent_id = e->send.id;
    }
}

static const struct transmission_rec *transmission(const struct check *c, uint32_t id)
{
    for (size_t i = 0; i < c->transmission_count; i++) {
        if (c->transmissions[i].id == id) {
            return &c->transmissions[i];
        }
    }
    return NULL;
}

static const struct lane_rec *lane(const struct check *c, uint32_t id, uint8_t no)
{
    for (size_t i = 0; i < c->lane_count; i++) {
        if (c->lanes[i].transmission_id == id && c->lanes[i].no == no) {
            return &c->lanes[i];
        }
    }
    return NULL;
}

static void check_multicast(struct check *c, const struct effect *e)
{
    uint32_t id = e->multicast.transmission_id;
    const struct transmission_rec *t = transmission(c, id);
    const struct lane_rec *l = lane(c, id, e->multicast.lane);
    uint16_t n = check_fragment_n(e->multicast.payload, e->multicast.payload_len);
    if (t == NULL || l == NULL || !t->pending || t->pending_status != (n == 0)) {
        check_violated(c, CHECK_STORED, "a frame was handed over that is not on disk");
    } else if (!l->pending || l->frames_handed != t->frames_handed) {
        check_violated(c, CHECK_STORED, "a lane was given a frame that is not on disk");
    }
}

/* A transmission takes a group over: its fragments are counted anew. */
static void open_group(struct check *c, const struct effect *e)
{
    struct check_group *g = check_group_of(c, e->group.mc_addr);
    uint32_t id = e->group.transmission_id;
    if (g->run_count > 0 && g->runs[g->run_count - 1].transmission_id == id) {
        return;
    }
    g->runs = check_grow(g->runs, g->run_count, &g->run_cap, sizeof(*g->runs));
    g->runs[g->run_count++] = (struct check_run){
        .transmission_id = id,
        .f_cnt = e->group.f_cnt,
        .opened = c->now,
    };
}

void check_effect(struct check *c, const struct effect *effect)
{
    switch (effect->type) {
    case EFFECT_SEND:
        check_send(c, effect);
        break;
    case EFFECT_SEND_MULTICAST:
        check_multicast(c, effect);
        break;
    case EFFECT_GROUP_OPEN:
        open_group(c, effect);
        break;
    case EFFECT_STORE:
    case EFFECT_PUBLISH:
    case EFFECT_SEND_FLUSH:
    case EFFECT_NEW_KEY:
    case EFFECT_WRAP_KEY:
    case EFFECT_BLOCK_MIC:
    case EFFECT_GROUP_CLOSE:
    case EFFECT_QUEUE_POLL:
    case EFFECT_QUEUE_FLUSH:
    case EFFECT_DROP_KEY:
    case EFFECT_ORDER:
        break;
    }
}

/* ---- the devices ---- */

void check_installed(struct check *c, const uint8_t *image, size_t len)
{
    if (len != c->config.image_len || memcmp(image, c->config.image, len) != 0) {
        check_violated(c, CHECK_IMAGE, "a device installed what is not the image");
    }
}

void check_end(struct check *c, bool ended, const bool *runs)
{
    if (!ended) {
        check_violated(c, CHECK_END, "the campaign has not ended");
        return;
    }
    for (size_t i = 0; i < c->config.device_count; i++) {
        enum outcome outcome = c->devices[i].outcome;
        if (outcome == OUTCOME_NONE) {
            check_violated(c, CHECK_OUTCOME, "a device ended without an outcome");
        } else if (outcome == OUTCOME_SUCCEEDED && !runs[i]) {
            check_violated(c, CHECK_OUTCOME, "a device succeeded without the image");
        }
    }
}

void check_outcomes(const struct check *c, uint32_t counts[static OUTCOME_COUNT])
{
    memset(counts, 0, OUTCOME_COUNT * sizeof(counts[0]));
    for (size_t i = 0; i < c->config.device_count; i++) {
        counts[c->devices[i].outcome]++;
    }
}
