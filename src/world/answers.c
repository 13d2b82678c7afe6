/* SPDX-License-Identifier: MIT */
/*
 * answers.c - TS004, TS005 and TS006 as light devices speak them, each stack in its own way
 * (reference lorawan.md 13, performance.md 2.5). Payloads are plain: there are no keys here.
 */
#include <string.h>

#include "codec/frag.h"
#include "codec/fwmgmt.h"
#include "codec/mcast.h"
#include "codec/package.h"
#include "codec/split.h"
#include "world/internal.h"

#define ANSWER_MIN_US  SECONDS_US(1)
#define ANSWER_SPAN_US SECONDS_US(2)

/* The answer to one downlink, in the making. */
struct reply {
    uint8_t bytes[ANSWER_BYTES];
    size_t len;
};

static const struct world_profile *profile_of(const struct world *w, uint32_t device)
{
    return &w->s->profiles[w->s->devices[device].profile];
}

void answers_say(struct world *w, uint32_t device, uint8_t fport, const uint8_t *payload,
                 size_t len, int64_t delay_us)
{
    if (len == 0 || len > ANSWER_BYTES) {
        return;
    }
    struct saying *says = device_saying(w, device);
    says->answer_fport = fport;
    says->answer_len = (uint8_t)len;
    memcpy(says->answer, payload, len);
    heap_push(&w->heap, w->now_us + delay_us, ON_ANSWER, device);
}

/* ---- TS005 ---- */

static void take_group(struct world *w, uint32_t device, const struct split_cmd *cmd,
                       struct reply *r)
{
    struct light *d = &w->devices[device];
    struct mc_group_setup_req req;
    uint8_t version = profile_of(w, device)->ts005;
    if (mc_group_setup_req_decode(version, cmd->body, cmd->body_len, &req) != FUO_OK) {
        return;
    }
    bool has = profile_has_group(profile_of(w, device)->quirks, req.group_id);
    struct tx *tx = has ? server_tx_by_address(w, req.addr) : NULL;
    device_leave_session(w, device);
    if (tx != NULL && d->mc_addr != req.addr) {
        d->mc_addr = req.addr;
        d->mc_next = req.min_fcnt;
        d->tx = (uint32_t)(tx - w->txs);
        if (rank_is_there(&d->rank) && d->rank.heard == 0) {
            d->rank_tx = NONE; /* what it was told to mend is of this group, too */
        }
    }
    d->mc_id = req.group_id;
    struct mc_group_setup_ans ans = {.group_id = req.group_id, .id_error = tx == NULL};
    size_t len = 0;
    if (mc_group_setup_ans_encode(version, &ans, r->bytes + r->len,
                                  sizeof(r->bytes) - r->len, &len) == FUO_OK) {
        r->len += len;
    }
}

static void take_group_delete(struct world *w, uint32_t device,
                              const struct split_cmd *cmd, struct reply *r)
{
    struct light *d = &w->devices[device];
    struct mc_group_delete_req req;
    uint8_t version = profile_of(w, device)->ts005;
    if (mc_group_delete_req_decode(version, cmd->body, cmd->body_len, &req) != FUO_OK) {
        return;
    }
    struct mc_group_delete_ans ans = {.group_id = req.group_id,
                                      .group_undefined = d->mc_addr == 0};
    device_leave_session(w, device);
    d->mc_addr = 0;
    d->tx = NONE;
    size_t len = 0;
    if (mc_group_delete_ans_encode(version, &ans, r->bytes + r->len,
                                   sizeof(r->bytes) - r->len, &len) == FUO_OK) {
        r->len += len;
    }
}

/* What is open in a ping slot that brings nothing: some symbols of the preamble. */
enum { SLOT_OPEN_MS = 10 };

static void start_session(struct world *w, uint32_t device,
                          const struct mc_session_req *req, bool class_b,
                          int64_t start_us)
{
    struct light *d = &w->devices[device];
    device_leave_session(w, device);
    d->session_from_us = start_us;
    d->session_until_us = start_us + (SECONDS_US(class_b ? 128 : 1) << req->timeout_exp);
    d->listens_ppt = class_b ? (uint8_t)((SLOT_OPEN_MS >> req->periodicity_exp) + 1) : 0;
    d->session_hz = req->frequency_hz;
    d->session_dr = req->dr;
    heap_push(&w->heap, start_us, ON_SESSION, device);
}

static void take_session(struct world *w, uint32_t device, const struct split_cmd *cmd,
                         struct reply *r)
{
    struct light *d = &w->devices[device];
    const struct world_profile *p = profile_of(w, device);
    struct mc_session_req req;
    bool class_b = cmd->cid == MC_CID_CLASS_B_SESSION;
    int err = class_b ? mc_class_b_req_decode(p->ts005, cmd->body, cmd->body_len, &req)
                      : mc_class_c_req_decode(p->ts005, cmd->body, cmd->body_len, &req);
    if (err != FUO_OK || (class_b && p->quirks->class_b == PROFILE_CLASS_B_NONE)) {
        return;
    }
    int32_t to_start_s = gps_diff_s(req.session_time, gps_from_utc(world_utc(w->now_us)));
    struct mc_session_ans ans = {.group_id = req.group_id};
    if (d->mc_addr == 0) {
        ans.group_undefined = true;
        ans.freq_error = p->quirks->undefined_all;
        ans.dr_error = p->quirks->undefined_all;
    } else if (to_start_s <= 0) {
        ans.group_undefined = p->quirks->missed == PROFILE_MISSED_GROUP_UNDEFINED;
        ans.start_missed = !ans.group_undefined;
    } else {
        ans.time_to_start_s = (uint32_t)to_start_s;
        int64_t whole_us = world_utc(w->now_us).us / 1000000 * 1000000;
        start_session(w, device, &req, class_b && profile_has_class_b(p->quirks),
                      world_of_utc((struct utc){whole_us}) + SECONDS_US(to_start_s));
    }
    size_t len = 0;
    uint8_t *to = r->bytes + r->len;
    size_t room = sizeof(r->bytes) - r->len;
    err = class_b ? mc_class_b_ans_encode(p->ts005, &ans, to, room, &len)
                  : mc_class_c_ans_encode(p->ts005, &ans, to, room, &len);
    r->len += err == FUO_OK ? len : 0;
}

/* ---- TS004 ---- */

static void new_decoder(struct world *w, uint32_t device,
                        const struct frag_setup_req *req)
{
    struct light *d = &w->devices[device];
    d->error_kept |= d->rank.overflow && profile_of(w, device)->quirks->sticky_error;
    rank_finish(&d->rank);
    rank_begin(&d->rank, req->frag_count, profile_of(w, device)->cap_ppm);
    d->complete = false;
    d->corrupt = false;
    d->frag_index = req->frag_index;
    d->frag_mask = req->mc_group_mask;
    d->block_ack_delay = req->block_ack_delay_exp;
    d->ack_reception = req->ack_reception;
    d->acks_left = 0;
    d->frag_size = req->frag_size_bytes;
    d->rank_tx = NONE;
    if (w->trace.devices[device].complete_us < 0) {
        w->trace.devices[device].overflow = false;
    }
}

/* Group and decoder may be set up in any order, and say nothing of each other. */
void answers_take_part(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    if (!rank_is_there(&d->rank) || d->rank_tx != NONE || d->tx == NONE) {
        return;
    }
    struct world_transmission *t = &w->trace.transmissions[d->tx];
    if (t->m != 0 && (t->m != d->rank.m || t->frag_size != d->frag_size)) {
        return; /* fragments of another length: none of them is taken */
    }
    t->ts004 = profile_of(w, device)->ts004;
    t->m = d->rank.m;
    t->frag_size = d->frag_size;
    d->rank_tx = d->tx;
    d->member = record_join(w, d->tx, device);
}

static void take_setup(struct world *w, uint32_t device, const struct split_cmd *cmd,
                       struct reply *r)
{
    struct light *d = &w->devices[device];
    const struct world_profile *p = profile_of(w, device);
    struct frag_setup_req req;
    if (frag_setup_req_decode(p->ts004, cmd->body, cmd->body_len, &req) != FUO_OK) {
        return;
    }
    struct frag_setup_ans ans = {.frag_index = req.frag_index};
    ans.no_memory =
        req.frag_count == 0 || (p->size_max != 0 && req.frag_size_bytes > p->size_max);
    ans.algo_unsupported = req.frag_algo != 0;
    ans.session_cnt_replay = p->ts004 == 2 && d->session_count_prev != UINT16_MAX &&
                             req.session_cnt <= d->session_count_prev;
    if (frag_setup_accepted(&ans)) {
        d->session_count_prev = p->ts004 == 2 ? req.session_cnt : UINT16_MAX;
        new_decoder(w, device, &req);
    }
    size_t len = 0;
    if (frag_setup_ans_encode(p->ts004, &ans, r->bytes + r->len,
                              sizeof(r->bytes) - r->len, &len) == FUO_OK) {
        r->len += len;
    }
}

static void take_delete(struct world *w, uint32_t device, const struct split_cmd *cmd,
                        struct reply *r)
{
    struct light *d = &w->devices[device];
    struct frag_delete_req req;
    uint8_t version = profile_of(w, device)->ts004;
    if (frag_delete_req_decode(version, cmd->body, cmd->body_len, &req) != FUO_OK) {
        return;
    }
    struct frag_delete_ans ans = {.frag_index = req.frag_index,
                                  .no_session = !rank_is_there(&d->rank)};
    rank_finish(&d->rank);
    d->complete = false;
    size_t len = 0;
    if (frag_delete_ans_encode(version, &ans, r->bytes + r->len,
                               sizeof(r->bytes) - r->len, &len) == FUO_OK) {
        r->len += len;
    }
}

static uint16_t received_of(const struct profile *quirks, const struct rank *r)
{
    switch (quirks->received) {
    case PROFILE_RECEIVED_ALL:
        return r->heard;
    case PROFILE_RECEIVED_LAST:
        return r->last_n;
    case PROFILE_RECEIVED_LAST_LESS_LOST:
        break;
    }
    return r->last_n > r->lost ? (uint16_t)(r->last_n - r->lost) : 0;
}

static uint32_t missing_of(const struct profile *quirks, const struct rank *r)
{
    switch (quirks->missing) {
    case PROFILE_MISSING_LOST:
        return r->lost & 0xffU;
    case PROFILE_MISSING_COUNTED:
        return r->heard < r->m ? (uint32_t)(r->m - r->heard) : 0;
    case PROFILE_MISSING_RANK:
        break;
    }
    return r->missing;
}

/* What each stack thinks of its state; performance.md 2.5. */
static bool fill_status(const struct world *w, uint32_t device, bool all_participants,
                        struct frag_status_ans *ans)
{
    const struct light *d = &w->devices[device];
    const struct profile *quirks = profile_of(w, device)->quirks;
    uint32_t missing = missing_of(quirks, &d->rank);
    *ans = (struct frag_status_ans){
        .frag_index = d->frag_index,
        .received_count = received_of(quirks, &d->rank),
        .memory_error = d->error_kept ||
                        (d->rank.overflow && quirks->missing != PROFILE_MISSING_COUNTED),
    };
    ans->missing_count =
        (uint8_t)(missing < FRAG_MISSING_SATURATED ? missing : FRAG_MISSING_SATURATED);
    return all_participants || missing > 0;
}

static size_t encode_status(const struct world *w, uint32_t device, bool all_participants,
                            uint8_t *buf, size_t cap)
{
    const struct world_profile *p = profile_of(w, device);
    struct frag_status_ans ans;
    size_t len = 0;
    if (!rank_is_there(&w->devices[device].rank)) {
        if (p->ts004 != 2) {
            return 0;
        }
        ans = (struct frag_status_ans){.no_session = true, .no_counts = true};
    } else if (!fill_status(w, device, all_participants, &ans)) {
        return 0;
    }
    int err = frag_status_ans_encode(p->ts004, &ans, buf, cap, &len);
    return err == FUO_OK ? len : 0;
}

bool answers_status(struct world *w, uint32_t device, bool all_participants)
{
    uint8_t status[STATUS_BYTES];
    size_t len = encode_status(w, device, all_participants, status, sizeof(status));
    if (len > 0) {
        struct saying *says = device_saying(w, device);
        says->status_len = (uint8_t)len;
        memcpy(says->status, status, len);
    }
    return len > 0;
}

void answers_block_received(struct world *w, uint32_t device)
{
    struct light *d = &w->devices[device];
    if (d->saying != NONE && w->sayings[d->saying].answer_len > 0) {
        return; /* after what is to be said first */
    }
    uint8_t buf[4];
    size_t len = 0;
    struct frag_block_received_req req = {.frag_index = d->frag_index};
    if (frag_block_received_req_encode(2, &req, buf, sizeof(buf), &len) != FUO_OK) {
        return;
    }
    d->acks_left--;
    uint64_t span_us = (uint64_t)(SECONDS_US(1) << (d->block_ack_delay + 4));
    answers_say(w, device, FRAG_FPORT, buf, len,
                ANSWER_MIN_US + (int64_t)prng_below(&w->prng, span_us));
}

static void take_frag(struct world *w, uint32_t device, const struct split_cmd *cmd,
                      struct reply *r)
{
    struct light *d = &w->devices[device];
    uint8_t version = profile_of(w, device)->ts004;
    struct frag_status_req status;
    struct frag_data data;
    switch (cmd->cid) {
    case FRAG_CID_STATUS:
        if (frag_status_req_decode(version, cmd->body, cmd->body_len, &status) ==
            FUO_OK) {
            r->len += encode_status(w, device, status.all_participants, r->bytes + r->len,
                                    sizeof(r->bytes) - r->len);
        }
        return;
    case FRAG_CID_SETUP:
        take_setup(w, device, cmd, r);
        return;
    case FRAG_CID_DELETE:
        take_delete(w, device, cmd, r);
        return;
    case FRAG_CID_BLOCK_RECEIVED:
        d->acks_left = 0;
        return;
    case FRAG_CID_DATA:
        if (frag_data_decode(version, cmd->body, cmd->body_len, &data) == FUO_OK) {
            w->trace.devices[device].fragments_unicast++;
            answers_take_part(w, device);
            device_fragment(w, device, data.n);
        }
        return;
    default: /* other bytes */
        return;
    }
}

/* ---- TS006 ---- */

static void take_countdown(struct world *w, uint32_t device, const struct split_cmd *cmd,
                           struct reply *r)
{
    struct light *d = &w->devices[device];
    struct fm_reboot_countdown req;
    if (fm_reboot_countdown_decode(cmd->body, cmd->body_len, &req) != FUO_OK) {
        return;
    }
    size_t len = 0;
    if (fm_reboot_countdown_encode(&req, r->bytes + r->len, sizeof(r->bytes) - r->len,
                                   &len) == FUO_OK) {
        r->len += len;
    }
    d->reboot_planned = req.delay_s != FM_COUNTDOWN_CANCEL_S;
    if (d->reboot_planned) {
        d->reboot_at_us = w->now_us + SECONDS_US(req.delay_s);
        heap_push(&w->heap, d->reboot_at_us, ON_REBOOT, device);
    }
}

/* At once, if that time is over. */
static void take_reboot_time(struct world *w, uint32_t device,
                             const struct split_cmd *cmd, struct reply *r)
{
    struct light *d = &w->devices[device];
    struct fm_reboot_time_req req;
    if (fm_reboot_time_req_decode(cmd->body, cmd->body_len, &req) != FUO_OK) {
        return;
    }
    d->reboot_planned = req.reboot_time.s != FM_REBOOT_TIME_CANCEL;
    int32_t wait_s = gps_diff_s(req.reboot_time, gps_from_utc(world_utc(w->now_us)));
    struct fm_reboot_time_ans ans = {.delay_s = FM_REBOOT_TIME_CANCEL};
    if (d->reboot_planned) {
        wait_s = wait_s < 1 ? 1 : wait_s;
        ans.delay_s = (uint32_t)wait_s;
        d->reboot_at_us = w->now_us + SECONDS_US(wait_s);
        heap_push(&w->heap, d->reboot_at_us, ON_REBOOT, device);
    }
    size_t len = 0;
    if (fm_reboot_time_ans_encode(&ans, r->bytes + r->len, sizeof(r->bytes) - r->len,
                                  &len) == FUO_OK) {
        r->len += len;
    }
}

static void take_fwmgmt(struct world *w, uint32_t device, const struct split_cmd *cmd,
                        struct reply *r)
{
    struct light *d = &w->devices[device];
    uint8_t *at = r->bytes + r->len;
    size_t cap = sizeof(r->bytes) - r->len;
    size_t len = 0;
    int err = FUO_ENOTSUP;
    struct fm_version_ans version = {.firmware_version = d->version,
                                     .hardware_version = 1};
    struct fm_upgrade_image_ans image = {.status = d->image     ? FM_IMAGE_VALID
                                                   : d->corrupt ? FM_IMAGE_CORRUPT
                                                                : FM_IMAGE_NONE,
                                         .next_version = d->image ? d->next_version : 0};
    switch (cmd->cid) {
    case FM_CID_VERSION:
        err = fm_version_ans_encode(&version, at, cap, &len);
        break;
    case FM_CID_UPGRADE_IMAGE:
        err = fm_upgrade_image_ans_encode(&image, at, cap, &len);
        break;
    case FM_CID_REBOOT_TIME:
        take_reboot_time(w, device, cmd, r);
        return;
    case FM_CID_REBOOT_COUNTDOWN:
        take_countdown(w, device, cmd, r);
        return;
    case FM_CID_DELETE_IMAGE:
        d->image = false;
        err = fm_delete_image_ans_encode(&(struct fm_delete_image_ans){0}, at, cap, &len);
        break;
    default: /* other bytes */
        return;
    }
    if (err == FUO_OK) {
        r->len += len;
    }
}

static void take_mcast(struct world *w, uint32_t device, const struct split_cmd *cmd,
                       struct reply *r)
{
    switch (cmd->cid) {
    case MC_CID_GROUP_SETUP:
        take_group(w, device, cmd, r);
        return;
    case MC_CID_GROUP_DELETE:
        take_group_delete(w, device, cmd, r);
        return;
    case MC_CID_CLASS_C_SESSION:
    case MC_CID_CLASS_B_SESSION:
        take_session(w, device, cmd, r);
        return;
    default: /* other bytes */
        return;
    }
}

void world_answers_take(struct world *w, uint32_t device, uint8_t fport,
                        const uint8_t *payload, size_t len)
{
    const struct world_profile *p = profile_of(w, device);
    enum pkg_id pkg;
    if (pkg_by_default_fport(fport, &pkg) != FUO_OK) {
        return;
    }
    uint8_t version = pkg == PKG_FRAG ? p->ts004 : pkg == PKG_MCAST ? p->ts005 : 1;
    struct split split = split_init(pkg, version, PKG_DOWN, payload, len);
    struct split_cmd cmd;
    struct reply r = {.len = 0};
    while (split_next(&split, &cmd)) {
        if (pkg == PKG_FRAG) {
            take_frag(w, device, &cmd, &r);
        } else if (pkg == PKG_MCAST) {
            take_mcast(w, device, &cmd, &r);
        } else if (pkg == PKG_FWMGMT) {
            take_fwmgmt(w, device, &cmd, &r);
        }
    }
    int64_t delay_us =
        ANSWER_MIN_US + (int64_t)prng_below(&w->prng, (uint64_t)ANSWER_SPAN_US);
    answers_say(w, device, fport, r.bytes, r.len, delay_us);
}
