/* SPDX-License-Identifier: MIT */
#include "rig_check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "rig_internal.h"

#define LEGAL_HOUR_US (HOURS_US(1) / 10) /* 869.4-869.65 MHz: 10 % */

static void violated(struct rig *rig, const char *what)
{
    if (rig->check.violation == NULL) {
        rig->check.violation = what;
    }
}

void rig_check_init(struct rig *rig)
{
    size_t count = network_device_count(&rig->net);
    rig->check.sent_id = calloc(count, sizeof(*rig->check.sent_id));
}

void rig_check_free(struct rig *rig)
{
    for (size_t i = 0; i <= RIG_TRANSMISSIONS; i++) {
        free(rig->check.payloads[i]);
        free(rig->check.lanes[i]);
    }
    free(rig->check.sent_id);
    free(rig->check.frames);
    free(rig->check.senders);
}

/* ---- the store ---- */

static void check_member(struct rig *rig, const struct member_rec *m)
{
    size_t i = rig_index_of(rig, m->dev_eui);
    const struct member_rec *old = &rig->store.members[i];
    if (old->outcome != OUTCOME_NONE && old->outcome != m->outcome) {
        violated(rig, "an outcome changed");
    }
    if ((m->outcome != OUTCOME_NONE) != (m->phase == MEMBER_ENDED)) {
        violated(rig, "an outcome without an end, or an end without an outcome");
    }
    bool begun = m->phase != MEMBER_PENDING && m->phase != MEMBER_ENDED;
    for (size_t no = 0; begun && rig->wave_of != NULL && no < m->wave; no++) {
        if (rig->store.waves[no].phase != WAVE_DONE) {
            violated(rig, "a device was begun with before the waves before were done");
        }
    }
    if (m->tries > 100) {
        violated(rig, "a counter of tries ran under or over");
    }
    if (m->command_id > rig->check.sent_id[i]) {
        rig->check.sent_id[i] = m->command_id;
    }
}

static void check_transmission(struct rig *rig, const struct transmission_rec *t)
{
    assert(t->id <=
           RIG_TRANSMISSIONS); /* else a test needs more of them than there is room for */
    const struct transmission_rec *old = &rig->store.transmissions[t->id];
    if (t->next_n < old->next_n || t->frames_handed < old->frames_handed) {
        violated(rig, "a counter of a transmission went back");
    }
    struct rig_check *c = &rig->check;
    if (old->id == 0) { /* the id of one that is forgotten may come again */
        free(c->lanes[t->id]);
        c->lanes[t->id] = NULL;
    }
    if (t->session_no != old->session_no) {
        assert(c->window_count < RIG_WINDOWS);
        c->windows[c->window_count++] =
            (struct rig_window){t->session_start, t->session_end};
    }
}

void rig_check_store(struct rig *rig, const struct effect *effect)
{
    if (effect->store.kind == STORE_MEMBER) {
        check_member(rig, &effect->store.member);
    } else if (effect->store.kind == STORE_TRANSMISSION) {
        check_transmission(rig, &effect->store.transmission);
    }
}

/* ---- effects ---- */

static uint16_t fragment_n(const struct effect *effect)
{
    const uint8_t *p = effect->multicast.payload;
    return p[0] == 0x08 ? (uint16_t)((p[1] | p[2] << 8) & 0x3fff) : 0;
}

static void check_send(struct rig *rig, const struct effect *effect)
{
    size_t i = rig_index_of(rig, effect->send.dev_eui);
    if (effect->urgent) {
        return;
    }
    if (rig->check.sent_id[i] < effect->send.id) {
        violated(rig, "a command was sent before it was stored");
    }
    uint32_t id = rig->store.members[i].transmission_id;
    if (effect->send.fport == 201 && effect->send.payload[0] == 0x02 && id != 0 &&
        rig->store.transmissions[id].next_n > 1) {
        violated(rig, "a decoder was set up while fragments flow");
    }
}

static void check_multicast(struct rig *rig, const struct effect *effect)
{
    uint32_t id = effect->multicast.transmission_id;
    const struct transmission_rec *t = &rig->store.transmissions[id];
    const struct lane_rec *l = &rig->store.lanes[id][effect->multicast.lane];
    uint16_t n = fragment_n(effect);
    if (n != 0 && t->next_n < (n <= t->frag_count ? n : t->frag_count + 1)) {
        violated(rig, "a fragment was sent before its place was stored");
    }
    if (!t->pending || t->pending_status != (n == 0)) {
        violated(rig, "a frame was sent that is not stored as pending");
    }
    if (!l->pending || l->frames_handed != t->frames_handed || l->lost) {
        violated(rig, "a frame was sent in a lane that is not stored as such");
    }
}

void rig_check_effect(struct rig *rig, const struct effect *effect)
{
    if (effect->type == EFFECT_SEND) {
        check_send(rig, effect);
    } else if (effect->type == EFFECT_SEND_MULTICAST) {
        check_multicast(rig, effect);
    }
}

void rig_check_new_key(struct rig *rig, uint32_t id)
{
    free(rig->check.payloads[id]);
    rig->check.payloads[id] = NULL;
    rig->check.last_f_cnt[id] = 0;
}

static void check_uncoded(struct rig *rig, struct rig_lane *l, uint16_t n, uint8_t copies)
{
    if (l->any_coded) {
        violated(rig, "an uncoded fragment was sent after a coded one");
    }
    l->repeats = n == l->last_n ? (uint16_t)(l->repeats + 1) : 1;
    if (n < l->last_n || l->repeats > (copies > 1 ? copies : 1)) {
        violated(rig, "a fragment was sent twice, or out of order");
    }
    l->last_n = n;
}

void rig_check_taken(struct rig *rig, const struct effect *effect)
{
    uint16_t n = fragment_n(effect);
    uint32_t id = effect->multicast.transmission_id;
    const struct transmission_rec *t = &rig->store.transmissions[id];
    if (n == 0) {
        return;
    }
    if (rig->check.lanes[id] == NULL) {
        rig->check.lanes[id] = calloc(RECORD_LANE_MAX, sizeof(struct rig_lane));
    }
    struct rig_lane *l = &rig->check.lanes[id][effect->multicast.lane];
    if (n <= t->frag_count) {
        check_uncoded(rig, l, n, t->copies);
        return;
    }
    if (l->coded[n]) {
        violated(rig, "a coded fragment was sent twice");
    }
    l->coded[n] = true;
    l->any_coded = true;
}

static bool is_message(const struct effect *effect)
{
    return (effect->type == EFFECT_SEND && !effect->urgent) ||
           effect->type == EFFECT_SEND_MULTICAST;
}

static bool is_past_deadline(const struct rig *rig, struct utc at)
{
    return rig->deadline.us != 0 && at.us >= rig->deadline.us &&
           !rig->check.clock_was_wrong;
}

/* A session that began before the deadline may go on behind it, and so may who installs. */
static void check_term(struct rig *rig, const struct effect *effect)
{
    enum spec_end_behavior end = rig->spec.schedule.end_behavior;
    if (rig->now.us < rig->not_before.us && !rig->check.clock_was_wrong) {
        violated(rig, "something was sent before notBefore");
    }
    if (is_past_deadline(rig, rig->now) && end == SPEC_END_STOP) {
        violated(rig, "something was sent after the deadline");
    }
    if (effect->type == EFFECT_SEND_MULTICAST) {
        uint32_t id = effect->multicast.transmission_id;
        const struct transmission_rec *t = &rig->store.transmissions[id];
        if (is_past_deadline(rig, t->session_start)) {
            violated(rig, "a session began after the deadline");
        }
    }
}

void rig_check_step(struct rig *rig, enum campaign_phase before)
{
    const struct campaign_rec *c = engine_campaign_by_id(rig->engine, rig->campaign_id);
    for (size_t i = 0; c != NULL && i < rig->effects.len; i++) {
        const struct effect *effect = rig->effects.items[i];
        if (!is_message(effect)) {
            continue;
        }
        check_term(rig, effect);
        if (before == CAMPAIGN_PAUSED && c->phase == CAMPAIGN_PAUSED) {
            violated(rig, "something was sent while paused");
        }
        if (effect->type == EFFECT_SEND_MULTICAST && c->phase != CAMPAIGN_RUNNING) {
            violated(rig, "a fragment was sent that nobody waits for");
        }
    }
}

/* ---- on air ---- */

static void check_counter(struct rig *rig, const struct air_frame *frame, uint32_t id)
{
    uint32_t f_cnt = (uint32_t)(frame->phy[6] | frame->phy[7] << 8);
    uint64_t **table = &rig->check.payloads[id];
    if (*table == NULL) {
        *table = calloc(RIG_FCNT_MAX, sizeof(**table));
    }
    uint64_t hash = fnv1a(frame->phy, frame->phy_len);
    if ((*table)[f_cnt] != 0 && (*table)[f_cnt] != hash) {
        violated(rig, "an FCnt was used for two payloads");
    }
    (*table)[f_cnt] = hash;
    if (f_cnt < rig->check.last_f_cnt[id]) {
        violated(rig, "a group's counter went back on air");
    }
    rig->check.last_f_cnt[id] = f_cnt;
}

/* As the campaign says, whenever its sessions are. */
static void check_open(struct rig *rig, const struct air_frame *frame)
{
    struct utc end = utc_after(frame->start, frame->airtime_us);
    bool inside = rig->windows == NULL || rig->check.clock_was_wrong;
    for (size_t i = 0; rig->windows != NULL && i < rig->window_count; i++) {
        inside |= frame->start.us >= rig->windows[i].start.us &&
                  end.us <= rig->windows[i].end.us;
    }
    if (!inside) {
        violated(rig, "a fragment was on air outside the windows");
    }
    if (is_past_deadline(rig, utc_after(end, -1)) &&
        rig->spec.schedule.end_behavior != SPEC_END_DRAIN) {
        violated(rig, "a fragment was on air after the deadline");
    }
}

static void check_window(struct rig *rig, const struct air_frame *frame)
{
    check_open(rig, frame);
    const struct rig_check *c = &rig->check;
    int64_t end_us = frame->start.us + frame->airtime_us;
    for (size_t i = 0; i < c->window_count; i++) {
        if (frame->start.us >= c->windows[i].start.us && end_us <= c->windows[i].end.us) {
            return;
        }
    }
    if (!c->clock_was_wrong) {
        violated(rig, "a fragment was on air outside its session");
    }
}

static void check_duty(struct rig *rig, const struct air_frame *frame)
{
    struct rig_check *c = &rig->check;
    if (c->frame_count == c->frame_cap) {
        c->frame_cap = c->frame_cap == 0 ? 1024 : c->frame_cap * 2;
        c->frames = realloc(c->frames, c->frame_cap * sizeof(*c->frames));
        c->senders = realloc(c->senders, c->frame_cap * sizeof(*c->senders));
        assert(c->frames != NULL && c->senders != NULL);
    }
    struct utc end = utc_after(frame->start, frame->airtime_us);
    c->senders[c->frame_count] = frame->sender;
    c->frames[c->frame_count++] = (struct rig_window){frame->start, end};
    struct utc from = {end.us - HOURS_US(1)};
    while (c->frames[c->frame_first].end.us <= from.us) {
        c->frame_first++;
    }
    int64_t used_us = 0;
    for (size_t i = c->frame_first; i < c->frame_count; i++) {
        bool own = c->senders[i] == frame->sender;
        used_us += own ? c->frames[i].end.us - c->frames[i].start.us : 0;
    }
    c->busiest_us = used_us > c->busiest_us ? used_us : c->busiest_us;
    if (used_us > LEGAL_HOUR_US) {
        violated(rig, "a gateway broke its duty cycle");
    }
}

void rig_check_frame(struct rig *rig, const struct air_frame *frame)
{
    if (frame->direction != DIRECTION_DOWN || frame->phy_len < 12) {
        return;
    }
    uint32_t addr = (uint32_t)frame->phy[1] | (uint32_t)frame->phy[2] << 8 |
                    (uint32_t)frame->phy[3] << 16 | (uint32_t)frame->phy[4] << 24;
    for (uint32_t id = 1; id <= RIG_TRANSMISSIONS; id++) {
        if (rig->mc_addrs[id] == addr && addr != 0) {
            check_counter(rig, frame, id);
            check_window(rig, frame);
            check_duty(rig, frame);
        }
    }
}

void rig_check_installed(struct rig *rig, const struct device *device)
{
    if (device->running.len != rig->image_len ||
        memcmp(device->running.bytes, rig->image, rig->image_len) != 0) {
        violated(rig, "an image was installed that is not the image");
    }
}

/* Data: delivered is all, and what runs is what ran. */
static void check_delivered(struct rig *rig, const struct member_rec *m, size_t index)
{
    if (m->outcome == OUTCOME_SUCCEEDED && !rig_holds_image(rig, index)) {
        violated(rig, "a device succeeded that does not have the data");
    }
    if (rig_runs_image(rig, index)) {
        violated(rig, "a device installed data");
    }
}

static void check_ran(struct rig *rig, const struct member_rec *m, size_t index)
{
    bool runs = rig_runs_image(rig, index);
    if (m->outcome == OUTCOME_SUCCEEDED && !runs) {
        violated(rig, "a device succeeded that does not run the image");
    }
    if (m->outcome == OUTCOME_CANCELLED && runs) {
        violated(rig, "a device was cancelled that runs the image");
    }
}

void rig_check_outcomes(struct rig *rig)
{
    for (size_t i = 0; i < network_device_count(&rig->net); i++) {
        const struct member_rec *m = &rig->store.members[i];
        if (m->outcome == OUTCOME_NONE || m->outcome >= OUTCOME_COUNT) {
            violated(rig, "a device ended without an outcome");
        }
        (spec_installs(&rig->spec) ? check_ran : check_delivered)(rig, m, i);
    }
}
