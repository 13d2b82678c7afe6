/* SPDX-License-Identifier: MIT */
/* What is on air, and what devices say. */
#include <string.h>

#include "base/fnv.h"
#include "codec/frag.h"
#include "codec/split.h"
#include "crypto/frame.h"
#include "faults/check_internal.h"
#include "radio/subband.h"

/* Sessions and queues of before a step of the clock are over after that. */
#define CLOCK_GRACE_US HOURS_US(2)

/* As long as a frame waits in the queue of the server at most, and a little. */
#define FRAME_LIFE_US MINUTES_US(11)

/* The longest downlink to a device: 51 bytes of payload with SF12. */
#define BUSY_US SECONDS_US(3)

uint16_t check_fragment_n(const uint8_t *payload, size_t len)
{
    struct frag_data data;
    if (len < 1 || payload[0] != FRAG_CID_DATA ||
        frag_data_decode(1, payload + 1, len - 1, &data) != FUO_OK) {
        return 0;
    }
    return data.n;
}

struct check_group *check_group_of(struct check *c, uint32_t mc_addr)
{
    for (size_t i = 0; i < c->group_count; i++) {
        if (c->groups[i].mc_addr == mc_addr) {
            return &c->groups[i];
        }
    }
    c->groups = check_grow(c->groups, c->group_count, &c->group_cap, sizeof(*c->groups));
    c->groups[c->group_count] = (struct check_group){.mc_addr = mc_addr};
    return &c->groups[c->group_count++];
}

void check_group(struct check *c, uint32_t mc_addr, const struct session_keys *keys)
{
    struct check_group *g = check_group_of(c, mc_addr);
    g->has_keys = true;
    g->keys = *keys;
}

/* ---- duty cycle ---- */

static int64_t overlap_us(const struct check_emission *e, int64_t from_us, int64_t to_us)
{
    int64_t start_us = e->start_us > from_us ? e->start_us : from_us;
    int64_t end_us = e->end_us < to_us ? e->end_us : to_us;
    return end_us > start_us ? end_us - start_us : 0;
}

/* The busiest hour that a frame makes worse ends with that frame. */
static void check_duty(struct check *c, const struct air_frame *frame)
{
    const struct data_rate *rate =
        region_data_rate(c->config.region, frame->dr, DIRECTION_DOWN);
    struct check_emission mine = {
        .gateway = frame->sender,
        .start_us = frame->start.us,
        .end_us = frame->start.us + frame->airtime_us,
    };
    const struct subband *band =
        subband_find(c->config.region, frame->frequency_hz,
                     rate != NULL ? rate->bw_hz : 0, &mine.subband);
    if (band == NULL) {
        check_violated(c, CHECK_DUTY, "a gateway sent where nobody may");
        return;
    }
    int64_t from_us = mine.end_us - HOURS_US(1);
    int64_t used_us = mine.end_us - mine.start_us;
    size_t kept = 0;
    for (size_t i = 0; i < c->emission_count; i++) {
        const struct check_emission *e = &c->emissions[i];
        if (e->end_us < mine.start_us - HOURS_US(1)) {
            continue;
        }
        if (e->gateway == mine.gateway && e->subband == mine.subband) {
            used_us += overlap_us(e, from_us, mine.end_us);
        }
        c->emissions[kept++] = *e;
    }
    c->emission_count = kept;
    c->emissions = check_grow(c->emissions, c->emission_count, &c->emission_cap,
                              sizeof(*c->emissions));
    c->emissions[c->emission_count++] = mine;
    if (used_us > (int64_t)band->limit_ppm * 3600) {
        check_violated(c, CHECK_DUTY, "a gateway was on air longer than the law allows");
    }
}

/* ---- windows ---- */

static bool is_within(const struct check_windows *windows, int64_t start_us,
                      int64_t end_us)
{
    for (size_t i = 0; i < windows->span_count; i++) {
        const struct calendar_span *span = &windows->spans[i];
        if (start_us >= span->start.us && end_us <= span->end.us) {
            return true;
        }
    }
    return false;
}

/* By the clock of the daemon. */
static void check_window(struct check *c, const struct air_frame *frame)
{
    int64_t start_us = frame->start.us + c->ahead_us;
    int64_t end_us = start_us + frame->airtime_us;
    const struct check_windows now = {c->config.spans, c->config.span_count};
    bool unsettled =
        c->clock_ever_stepped && c->now.us - c->clock_stepped.us < CLOCK_GRACE_US;
    if (unsettled) {
        return;
    }
    if (now.spans != NULL && !is_within(&now, start_us, end_us) &&
        !is_within(&c->before, start_us, end_us)) {
        check_violated(c, CHECK_WINDOW, "a frame to many was on air outside the windows");
    }
    if (c->config.deadline.us < start_us - FRAME_LIFE_US) {
        check_violated(c, CHECK_DEADLINE,
                       "a frame to many was on air after the deadline");
    }
}

/* ---- counters ---- */

void check_gateway(struct check *c, uint64_t eui)
{
    size_t i = 0;
    while (i < c->gateway_count && c->gateways[i].eui != eui) {
        i++;
    }
    if (i == c->gateway_count) {
        c->gateways = check_grow(c->gateways, c->gateway_count, &c->gateway_cap,
                                 sizeof(*c->gateways));
        c->gateway_count++;
    }
    c->gateways[i] = (struct check_gateway){eui, c->now};
}

static bool was_gone(const struct check *c, uint64_t eui)
{
    for (size_t i = 0; i < c->gateway_count; i++) {
        if (c->gateways[i].eui == eui &&
            c->now.us - c->gateways[i].at.us < FRAME_LIFE_US) {
            return true;
        }
    }
    return false;
}

/*
 * Whether a higher counter was on air before, by the starts: at this gateway, or at another
 * one by more than a gateway may have been busy with a downlink to a single device.
 */
static bool is_late(const struct check_group *g, uint32_t f_cnt,
                    const struct air_frame *frame)
{
    for (size_t i = f_cnt + 1; i < g->frame_count; i++) {
        const struct check_air_frame *later = &g->frames[i];
        int64_t allowed_us = later->gateway == frame->sender ? 0 : BUSY_US;
        if (later->hash != 0 && later->start_us + allowed_us < frame->start.us) {
            return true;
        }
    }
    return false;
}

/* true: it is the first frame with that counter. */
static bool check_counter(struct check *c, struct check_group *g, uint32_t f_cnt,
                          const struct air_frame *frame)
{
    uint64_t hash = fnv1a(frame->phy, frame->phy_len);
    while (g->frame_count <= f_cnt) {
        g->frames =
            check_grow(g->frames, g->frame_count, &g->frame_cap, sizeof(*g->frames));
        g->frames[g->frame_count++] = (struct check_air_frame){0};
    }
    struct check_air_frame *seen = &g->frames[f_cnt];
    bool first = seen->hash == 0;
    if (!first && seen->hash != hash) {
        check_violated(c, CHECK_PAYLOAD, "an FCnt of a group carried two payloads");
    }
    seen->hash = hash;
    if (first || frame->start.us < seen->start_us) {
        seen->start_us = frame->start.us;
        seen->gateway = frame->sender;
    }
    if (is_late(g, f_cnt, frame) && !was_gone(c, frame->sender)) {
        check_violated(c, CHECK_FCNT, "the FCnt of a group went back on air");
    }
    return first;
}

/* ---- fragments ---- */

static struct check_run *run_of(struct check_group *g, uint32_t f_cnt)
{
    for (size_t i = g->run_count; i > 0; i--) {
        if (g->runs[i - 1].f_cnt <= f_cnt) {
            return &g->runs[i - 1];
        }
    }
    return NULL;
}

/* M of a transmission, from what is on disk; 0: not known. */
static uint16_t uncoded_count(const struct check *c, uint32_t transmission_id)
{
    for (size_t i = 0; i < c->transmission_count; i++) {
        if (c->transmissions[i].id == transmission_id) {
            return c->transmissions[i].frag_count;
        }
    }
    return 0;
}

static void check_coded(struct check *c, const struct check_group *g,
                        const struct check_run *run, uint32_t f_cnt, uint16_t n)
{
    for (size_t i = run->f_cnt; i < g->frame_count; i++) {
        if (i != f_cnt && g->frames[i].n == n &&
            g->frames[i].run == run->transmission_id) {
            check_violated(c, CHECK_CODED, "a coded fragment was on air twice");
        }
    }
}

/* Whether a device acknowledged a set-up for it since the group was opened. It may have left
 * by now: a frame waits for its turn at the server. */
static bool is_acked(const struct check *c, const struct check_run *run)
{
    for (size_t i = 0; i < c->config.device_count; i++) {
        const struct check_device *d = &c->devices[i];
        if (d->acked.us >= run->opened.us && d->acked_id == run->transmission_id) {
            return true;
        }
    }
    return false;
}

static void check_fragment(struct check *c, struct check_group *g, uint32_t f_cnt,
                           uint16_t n)
{
    struct check_run *run = run_of(g, f_cnt);
    if (run == NULL) {
        check_violated(c, CHECK_STORED, "a fragment of no transmission was on air");
        return;
    }
    if (!run->begun && !is_acked(c, run)) {
        check_violated(c, CHECK_ACK, "fragments flow that nobody was set up for");
    }
    run->begun = true;
    uint16_t m = uncoded_count(c, run->transmission_id);
    if (n <= m && run->any_coded && f_cnt > run->first_coded) {
        check_violated(c, CHECK_UNCODED, "an uncoded fragment came after a coded one");
    }
    if (n > m && !run->any_coded) {
        run->any_coded = true;
        run->first_coded = f_cnt;
    }
    if (n > m) {
        check_coded(c, g, run, f_cnt, n);
    }
    g->frames[f_cnt].n = n;
    g->frames[f_cnt].run = run->transmission_id;
}

static void check_to_many(struct check *c, const struct air_frame *air,
                          const struct frame *peeked)
{
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    struct check_group *g = check_group_of(c, peeked->addr);
    struct frame frame;
    check_window(c, air);
    if (!check_counter(c, g, peeked->fcnt, air)) {
        return;
    }
    if (!g->has_keys || frame_open(air->phy, air->phy_len, &g->keys, peeked->fcnt, plain,
                                   &frame) != FUO_OK) {
        check_violated(c, CHECK_PAYLOAD, "a frame to a group has a wrong key");
        return;
    }
    uint16_t n = frame.fport == FRAG_FPORT
                     ? check_fragment_n(frame.payload, frame.payload_len)
                     : 0;
    if (n != 0) {
        check_fragment(c, g, peeked->fcnt, n);
    }
}

void check_frame(struct check *c, const struct air_frame *frame)
{
    struct frame peeked;
    enum frame_type type;
    if (frame->direction != DIRECTION_DOWN) {
        return;
    }
    check_duty(c, frame);
    if (frame_type_of(frame->phy, frame->phy_len, &type) != FUO_OK ||
        type == FRAME_JOIN_ACCEPT ||
        frame_peek(frame->phy, frame->phy_len, &peeked) != FUO_OK) {
        return;
    }
    uint32_t number = peeked.addr - c->config.dev_addr_first;
    if (number >= c->config.device_count) {
        check_to_many(c, frame, &peeked);
    }
}

/* ---- what devices say ---- */

static void take_command(struct check *c, const struct check_uplink *uplink,
                         const struct split_cmd *cmd)
{
    struct frag_setup_ans ans;
    uint8_t version = uplink->versions->of[PKG_FRAG];
    if (cmd->pkg != PKG_FRAG || cmd->cid != FRAG_CID_SETUP ||
        frag_setup_ans_decode(version, cmd->body, cmd->body_len, &ans) != FUO_OK ||
        ans.algo_unsupported || ans.no_memory || ans.index_unsupported ||
        ans.wrong_descriptor || ans.session_cnt_replay) {
        return;
    }
    c->devices[uplink->device].acked = c->now;
    c->devices[uplink->device].acked_id = c->devices[uplink->device].transmission_id;
}

/* A part of an answer too long for one frame: read when it can be. */
static void take_part(struct check *c, const struct check_uplink *uplink,
                      const struct split_cmd *cmd, uint8_t token)
{
    struct check_device *d = &c->devices[uplink->device];
    struct mpa_buffer_frag part;
    if (mpa_buffer_frag_decode(cmd->body, cmd->body_len, &part) != FUO_OK || part.error) {
        return;
    }
    if (token != d->answers_token || part.base_byte == 0) {
        d->answers = (struct mpa_answers){0};
        d->answers_token = token;
    }
    if (mpa_answers_add(&d->answers, &part) != FUO_OK) {
        return;
    }
    struct split_cmd inner;
    struct mpa_split s = mpa_split_answers(uplink->versions, &d->answers);
    while (mpa_split_next(&s, &inner)) {
        take_command(c, uplink, &inner);
    }
}

static void take_packages(struct check *c, const struct check_uplink *uplink)
{
    struct split_cmd cmd;
    struct mpa_split s =
        mpa_split_init(uplink->versions, PKG_UP, uplink->payload, uplink->len);
    while (mpa_split_next(&s, &cmd)) {
        if (cmd.pkg == PKG_MULTI && cmd.cid == MPA_CID_BUFFER) {
            take_part(c, uplink, &cmd, s.token);
        } else {
            take_command(c, uplink, &cmd);
        }
    }
}

void check_uplink(struct check *c, const struct check_uplink *uplink)
{
    if (uplink->fport == MPA_FPORT) {
        take_packages(c, uplink);
    } else if (uplink->fport == FRAG_FPORT) {
        struct split_cmd cmd;
        struct split s = split_init(PKG_FRAG, uplink->versions->of[PKG_FRAG], PKG_UP,
                                    uplink->payload, uplink->len);
        while (split_next(&s, &cmd)) {
            take_command(c, uplink, &cmd);
        }
    }
}
