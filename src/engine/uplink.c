/* SPDX-License-Identifier: MIT */
/*
 * uplink.c - an uplink to commands: what the device says to its campaign, what it asks of
 * anybody (time, an acknowledgement), and what its reception teaches.
 *
 * Stateless answers go out at once (urgent): they have to meet the receive window of this
 * very uplink, and repeating them is harmless. Who asks for the time of a server that gives
 * it itself has no answer from here: two would be one correction too many.
 */
#include <stdlib.h>
#include <string.h>

#include "campaign/detect.h"
#include "campaign/partition.h"
#include "codec/clock.h"
#include "codec/frag.h"
#include "codec/mpa.h"
#include "codec/package.h"
#include "engine/admit.h"
#include "engine/answer.h"
#include "engine/campaign.h"
#include "engine/install.h"
#include "engine/internal.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/member_setup.h"
#include "engine/reported.h"
#include "engine/round.h"
#include "engine/silence.h"
#include "engine/sweep.h"
#include "engine/uplink.h"
#include "radio/airtime.h"

enum {
    COUNTED_MAX = 60, /* uplinks that the share of those unheard goes back, about */
    COUNTED_MIN = 8,
    UNHEARD_MAX_PPM = 500000, /* a worse share is not believed */
};

#define STORE_EVERY_US    HOURS_US(1) /* of what is only statistics */
#define CLOCK_TOLERANCE_S 1           /* the resolution of the command */
#define ANSWER_LIFE_US    MINUTES_US(2)
#define REORDER_MAX_US    MINUTES_US(10) /* older: a clock was wrong */

const struct data_rate *device_uplink_rate(const struct device *d)
{
    return d->dr < REGION_DR_COUNT
               ? region_data_rate(d->fleet->region, d->dr, DIRECTION_UP)
               : NULL;
}

void device_store(struct engine *e, struct device *d)
{
    d->stored = e->utc;
    struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
    effect->store.kind = STORE_DEVICE;
    effect->store.device = d->rec;
}

void device_set_told_before(struct engine *e, struct device *d, bool told)
{
    if (d->rec.told_before != told) {
        d->rec.told_before = told;
        device_store(e, d);
    }
}

/* ---- what anybody may ask ---- */

/* Without airtime not at all: who needs it asks again. */
static void answer_at_once(struct engine *e, const struct device *d, uint8_t fport,
                           const uint8_t *payload, size_t len)
{
    if (!admit_answer(e, d, len)) {
        return;
    }
    struct effect *effect = engine_emit(e, EFFECT_SEND, d->fleet);
    effect->urgent = true;
    effect->repeatable = true;
    effect->send.id = admit_answer_id(e);
    effect->send.dev_eui = d->rec.dev_eui;
    effect->send.expires = engine_in(e, ANSWER_LIFE_US);
    effect->send.fport = fport;
    effect->send.payload_len = (uint8_t)len;
    memcpy(effect->send.payload, payload, len);
}

/* TS003: the correction is that of the moment the uplink was received. */
static void answer_time(struct engine *e, struct device *d,
                        const struct engine_event *event, const struct split_cmd *cmd,
                        uint8_t version)
{
    struct clock_time_req req;
    if (clock_time_req_decode(version, cmd->body, cmd->body_len, &req) != FUO_OK) {
        return;
    }
    struct gps network = gps_from_utc(event->uplink.received);
    if (detect_epoch_twice(req.device_time, network)) {
        device_note_quirk(e, d, DEVICE_EPOCH_TWICE);
    }
    if (device_epoch_twice(d)) {
        network.s -= (uint32_t)DETECT_EPOCH_S; /* so it is right within (13.3) */
    }
    int32_t correction_s = gps_diff_s(network, req.device_time);
    bool right = correction_s <= CLOCK_TOLERANCE_S && correction_s >= -CLOCK_TOLERANCE_S;
    /* Some never require it (13), and count as set only when they are answered. */
    bool required =
        req.ans_required || (d->active != NULL && d->active->rec.phase == MEMBER_RESYNC);
    if ((right && !required) || d->server_clock) {
        return;
    }
    struct clock_time_ans ans = {.correction_s = correction_s, .token = req.token};
    uint8_t buf[8];
    size_t len = 0;
    if (clock_time_ans_encode(version, &ans, buf, sizeof(buf), &len) == FUO_OK) {
        answer_at_once(e, d, event->uplink.fport, buf, len);
    }
}

/* TS004 v2: always answered, also unknown, duplicate and failed ones (lorawan.md 4.4). */
static void answer_block_received(struct engine *e, const struct device *d,
                                  const struct engine_event *event,
                                  const struct split_cmd *cmd, uint8_t version)
{
    struct frag_block_received_req req;
    if (frag_block_received_req_decode(version, cmd->body, cmd->body_len, &req) !=
        FUO_OK) {
        return;
    }
    struct frag_block_received_ans ans = {.frag_index = req.frag_index};
    uint8_t buf[8];
    size_t len = 0;
    if (frag_block_received_ans_encode(version, &ans, buf, sizeof(buf), &len) == FUO_OK) {
        answer_at_once(e, d, event->uplink.fport, buf, len);
    }
}

/* ---- commands ---- */

static uint8_t known_version(const struct device *d, enum pkg_id pkg)
{
    uint8_t version = d->rec.package_version[pkg];
    return pkg_version_known(pkg, version) ? version : 1;
}

/* What the answer shows of the stack: for the next one, too. */
static void learn_layout(struct engine *e, struct device *d, const struct member *m,
                         const struct split_cmd *cmd)
{
    const struct transmission *t = m->transmission;
    if (t != NULL && cmd->pkg == PKG_FRAG && cmd->cid == FRAG_CID_STATUS) {
        struct frag_status_hint hint = {.frag_index = t->rec.frag_index,
                                        .sent_count = (uint16_t)(t->rec.next_n - 1)};
        if (detect_layout(t->rec.ts004, &hint, cmd->body, cmd->body_len) ==
            PROFILE_LAYOUT_V1) {
            device_note_quirk(e, d, DEVICE_LAYOUT_V1);
        }
    }
}

/* Returns whether the command belonged to the device's campaign. */
static bool take_command(struct engine *e, struct device *d,
                         const struct engine_event *event, const struct split_cmd *cmd)
{
    uint8_t version = known_version(d, cmd->pkg);
    if (cmd->pkg == PKG_CLOCK && cmd->cid == CLOCK_CID_APP_TIME) {
        answer_time(e, d, event, cmd, version);
    } else if (cmd->pkg == PKG_FRAG && cmd->cid == FRAG_CID_BLOCK_RECEIVED) {
        answer_block_received(e, d, event, cmd, version);
    }
    struct member *m = d->active;
    if (m == NULL) {
        return false;
    }
    if (cmd->pkg == PKG_CLOCK && m->rec.phase == MEMBER_RESYNC) {
        member_ask(e, m, MEMBER_SESSION); /* its clock is being set: ask once more */
        return true;
    }
    learn_layout(e, d, m, cmd);
    struct member_context context = member_context_of(m);
    struct member_answer answer =
        member_answer(&m->rec, &context, cmd, event->uplink.received);
    if (answer.verdict == VERDICT_NOT_MINE) {
        return false;
    }
    member_take_answer(e, m, &answer);
    return true;
}

static bool take_multi(struct engine *e, struct device *d,
                       const struct engine_event *event)
{
    struct pkg_versions versions;
    for (size_t i = 0; i < PKG_COUNT; i++) {
        versions.of[i] = d->rec.package_version[i];
    }
    struct mpa_split split = mpa_split_init(&versions, PKG_UP, event->uplink.payload,
                                            event->uplink.payload_len);
    struct split_cmd cmd;
    bool mine = false;
    while (mpa_split_next(&split, &cmd)) {
        mine |= take_command(e, d, event, &cmd);
    }
    return mine;
}

/* The package that listens on a port of this device. */
static bool package_on(const struct device *d, uint8_t fport, enum pkg_id *pkg)
{
    for (int i = PKG_CLOCK; i < PKG_COUNT; i++) {
        if (d->rec.package_fport[i] == fport && fport != 0) {
            *pkg = (enum pkg_id)i;
            return true;
        }
    }
    enum pkg_id standard;
    if (pkg_by_default_fport(fport, &standard) != FUO_OK || standard == PKG_MULTI ||
        d->rec.package_fport[standard] != 0) {
        return false;
    }
    *pkg = standard;
    return true;
}

static bool take_package(struct engine *e, struct device *d,
                         const struct engine_event *event, enum pkg_id pkg)
{
    struct split split = split_init(pkg, known_version(d, pkg), PKG_UP,
                                    event->uplink.payload, event->uplink.payload_len);
    struct split_cmd cmd;
    bool mine = false;
    while (split_next(&split, &cmd)) {
        mine |= take_command(e, d, event, &cmd);
    }
    return mine;
}

/* Is it named before, with another antenna? */
static bool is_again(const struct engine_rx *rx, size_t at)
{
    size_t i = 0;
    while (rx[i].gateway != rx[at].gateway) {
        i++;
    }
    return i < at;
}

/* Not for an uplink that the server repeats. */
static void learn_load(struct engine *e, const struct device *d,
                       const struct engine_event *event)
{
    int64_t us = 0;
    if (d->dr == ENGINE_DR_UNKNOWN ||
        airtime_uplink_us(d->fleet->region, d->dr, event->uplink.payload_len, &us) !=
            FUO_OK) {
        return;
    }
    for (size_t i = 0; i < event->uplink.rx_count && i < ENGINE_RX_MAX; i++) {
        if (!is_again(event->uplink.rx, i)) {
            load_note(e, event->uplink.rx[i].gateway, event->uplink.received, us);
        }
    }
}

/* By the counter: gateways say nothing of what none of them heard. */
static void count_unheard(struct device *d, uint32_t f_cnt)
{
    bool follows = d->counted && f_cnt > d->f_cnt && f_cnt - d->f_cnt <= COUNTED_MAX / 2;
    if (follows) {
        d->sent = (uint8_t)(d->sent + f_cnt - d->f_cnt);
        d->unheard = (uint8_t)(d->unheard + f_cnt - d->f_cnt - 1);
    }
    if (d->sent > COUNTED_MAX) {
        d->sent /= 2;
        d->unheard /= 2;
    }
    d->f_cnt = f_cnt;
    d->counted = true;
}

uint32_t device_unheard_ppm(const struct device *d)
{
    if (d->sent < COUNTED_MIN) {
        return link_unheard_ppm(&d->rec);
    }
    return (uint32_t)(d->unheard * (uint64_t)SPEC_PPM / d->sent);
}

uint32_t device_tries(const struct device *d, uint32_t tries)
{
    uint64_t unheard_ppm = device_unheard_ppm(d);
    uint64_t heard_ppm =
        SPEC_PPM - (unheard_ppm < UNHEARD_MAX_PPM ? unheard_ppm : UNHEARD_MAX_PPM);
    uint64_t answered_ppm = heard_ppm * heard_ppm / SPEC_PPM;
    return (uint32_t)((uint64_t)tries * SPEC_PPM / answered_ppm);
}

/*
 * Uplinks of its interval since the last one that was heard, this one too; 0: not known. One
 * of them may have been an answer that nobody heard: then the count that fits better.
 */
static uint32_t count_regular(const struct device *d, const struct engine_event *event)
{
    if (!d->counted || event->uplink.f_cnt <= d->f_cnt ||
        event->uplink.f_cnt - d->f_cnt > COUNTED_MAX) {
        return 0;
    }
    uint32_t sent = event->uplink.f_cnt - d->f_cnt;
    if (sent == 1 || d->active == NULL) {
        return sent;
    }
    int64_t gap_us = event->uplink.received.us - d->rec.last_uplink.us;
    int64_t interval_us = d->rec.uplink_interval_us;
    int64_t with_us = llabs(gap_us / sent - interval_us);
    int64_t without_us = llabs(gap_us / (sent - 1) - interval_us);
    return without_us < with_us ? sent - 1 : sent;
}

static void learn(struct engine *e, struct device *d, const struct engine_event *event)
{
    uint32_t sent = count_regular(d, event);
    count_unheard(d, event->uplink.f_cnt);
    struct link_rx rx[ENGINE_RX_MAX];
    size_t count = event->uplink.rx_count;
    count = count > ENGINE_RX_MAX ? ENGINE_RX_MAX : count;
    for (size_t i = 0; i < count; i++) {
        rx[i].gateway = event->uplink.rx[i].gateway;
        rx[i].snr_cdb = event->uplink.rx[i].snr_cdb;
    }
    admit_learn(d, event);
    d->server_clock = event->uplink.server_clock;
    d->dr = event->uplink.dr < REGION_DR_COUNT ? event->uplink.dr : ENGINE_DR_UNKNOWN;
    link_note_uplink(&d->rec, event->uplink.received, device_uplink_rate(d), rx, count,
                     sent);
    admit_note_links(d, event);
    if (utc_reached(utc_after(d->stored, STORE_EVERY_US), e->utc)) {
        device_store(e, d);
    }
}

/* Not one that was seen already, or is older than one that was (QoS 1, backlogs). */
static bool is_fresh(const struct device *d, struct utc received)
{
    int64_t behind_us = d->rec.last_uplink.us - received.us;
    return behind_us < 0 || behind_us > REORDER_MAX_US;
}

void uplink_take(struct engine *e, const struct engine_event *event)
{
    struct device *d = engine_find_device(e, event->uplink.dev_eui);
    if (d == NULL) {
        return;
    }
    if (d->active != NULL) {
        sweep_member(e, d->active);
    }
    bool fresh = is_fresh(d, event->uplink.received);
    if (fresh && d->active != NULL && d->counted && event->uplink.f_cnt < d->f_cnt &&
        event->uplink.received.us > d->rec.last_uplink.us) {
        member_setup_forget(d->active); /* it has joined anew */
    }
    learn(e, d, event);
    if (fresh) {
        learn_load(e, d, event);
    }
    enum pkg_id pkg;
    bool mine = false;
    if (event->uplink.fport == MPA_FPORT) {
        mine = take_multi(e, d, event);
    } else if (package_on(d, event->uplink.fport, &pkg)) {
        mine = take_package(e, d, event, pkg);
    } else if (fresh && event->uplink.fport != 0 &&
               event->uplink.fport == device_profile(d)->lwm2m_fport) {
        report_take_uplink(e, d, event->uplink.payload, event->uplink.payload_len);
    }
    struct member *m = d->active;
    if (m == NULL || !fresh) {
        return;
    }
    if (m->rec.phase == MEMBER_READY && m->campaign->rec.phase == CAMPAIGN_RUNNING) {
        round_wish(e, m);
    }
    if (m->reads_on) {
        m->reads_on = false;
        member_send(e, m); /* it said nothing of the session */
    }
    if (!mine) {
        member_note_evidence(e, m, event->uplink.received);
    }
    if (m == d->active) {
        install_note_uplink(e, m, event->uplink.received);
    }
}

void uplink_take_status(struct engine *e, const struct engine_event *event)
{
    struct device *d = engine_find_device(e, event->status.dev_eui);
    if (d == NULL) {
        return;
    }
    const struct region *region = d->fleet->region;
    link_note_status(&d->rec, event->status.margin_db,
                     partition_gain_cdb(region, region->min_hz),
                     partition_gain_cdb(region, region->rx2_hz));
    if (event->status.has_battery) {
        d->rec.battery_known = true;
        d->rec.battery_percent = event->status.battery_percent;
    }
    device_store(e, d);
}
