/* SPDX-License-Identifier: MIT */
/* The fragmentation session, TS004 (lorawan.md 4 and 10). */
#include <stdlib.h>
#include <string.h>

#include "crypto/block_mic.h"
#include "sim/device_internal.h"

#define ACK_GAP_US MILLIS_US(1500) /* between acknowledgements without end */

void device_frag_forget(struct device *device)
{
    struct frag_status_ans last;
    if (device->frag.active) {
        (void)device_frag_status(device, device->frag.setup.frag_index, true, &last);
        device->stale_received = last.received_count;
        device->stale_missing = last.missing_count;
    }
    free(device->frag.block);
    free(device->frag.workspace);
    free(device->frag.late);
    memset(&device->frag, 0, sizeof(device->frag));
}

static size_t block_len(const struct frag_setup_req *setup)
{
    return (size_t)setup->frag_count * setup->frag_size_bytes - setup->padding_bytes;
}

/* rand[0,1] * 2^(BlockAckDelay + 4) s, and a second to turn around. */
static struct utc ack_time(struct device *device, struct utc now)
{
    const struct profile *quirks = quirks_of(device);
    int64_t bound_us = SECONDS_US(INT64_C(16) << device->frag.setup.block_ack_delay_exp);
    if (quirks->ack_delay_ppm != 0) {
        bound_us = bound_us / PROFILE_PPM * quirks->ack_delay_ppm;
    }
    int64_t least_us = quirks->answer_delay_us;
    least_us = least_us > SECONDS_US(1) ? least_us : SECONDS_US(1);
    return utc_after(now, least_us + device_random_us(device, bound_us));
}

static void queue_ack(struct device *device, enum device_outbox_kind kind, struct utc now)
{
    device_outbox_remove(device, kind);
    struct device_message *m =
        device_outbox_add(device, kind, FRAG_FPORT, ack_time(device, now));
    if (m != NULL) {
        m->frag_index = device->frag.setup.frag_index;
    }
}

static bool session_is(const struct device *device, uint8_t frag_index)
{
    return device->frag.active && device->frag.setup.frag_index == frag_index;
}

/* ---- set-up ---- */

static struct frag_setup_ans judge_setup(const struct device *device,
                                         const struct frag_setup_req *req)
{
    const struct device_config *config = &device->config;
    bool sound = req->frag_count > 0 && req->frag_size_bytes > 0 &&
                 req->padding_bytes < req->frag_size_bytes;
    return (struct frag_setup_ans){
        .frag_index = req->frag_index,
        .algo_unsupported = req->frag_algo != 0,
        .no_memory = !sound || req->frag_count > config->frag_count_max ||
                     req->frag_size_bytes > config->frag_size_max ||
                     !fragplan_fits(&config->profile->limits, req->frag_size_bytes,
                                    req->frag_count),
        .session_cnt_replay =
            device_version_of(device, PKG_FRAG) >= 2 &&
            (int32_t)req->session_cnt <= device->session_cnt_prev[req->frag_index],
    };
}

/* Uncoded fragments that its decoder can do without. */
static uint16_t lost_max_of(const struct device *device, uint16_t m)
{
    uint32_t lost_max =
        profile_cap(quirks_of(device), device_version_of(device, PKG_FRAG), m);
    return lost_max < device->config.lost_max ? (uint16_t)lost_max
                                              : device->config.lost_max;
}

static int open_session(struct device *device, const struct frag_setup_req *req)
{
    bool any_order = quirks_of(device)->late == PROFILE_LATE_CORRUPTS;
    struct fec_decoder_config config = {
        .version = (enum fec_version)device_version_of(device, PKG_FRAG),
        .order = any_order ? FEC_ORDER_ANY : FEC_ORDER_STRICT,
        .m = req->frag_count,
        .frag_size = req->frag_size_bytes,
        .max_lost = lost_max_of(device, req->frag_count),
    };
    size_t workspace_bytes = fec_decoder_workspace_bytes(&config);
    device_frag_forget(device);
    device_image_free(&device->received); /* one place in flash for both */
    device->upgrade_requested = false;

    struct device_block *frag = &device->frag;
    frag->setup = *req;
    frag->block = calloc(req->frag_count, req->frag_size_bytes);
    frag->workspace = calloc(1, workspace_bytes == 0 ? 1 : workspace_bytes);
    frag->late = calloc(req->frag_count, 1);
    if (frag->block == NULL || frag->workspace == NULL || frag->late == NULL) {
        return FUO_ENOMEM;
    }
    int err = fec_decoder_init(&frag->decoder, &config, frag->block, frag->workspace,
                               workspace_bytes);
    frag->active = err == FUO_OK;
    return err;
}

static void on_setup(struct device *device, const struct frag_setup_req *req,
                     struct wr *w)
{
    struct frag_setup_ans ans = judge_setup(device, req);
    if (frag_setup_accepted(&ans) && open_session(device, req) != FUO_OK) {
        ans.no_memory = true;
    }
    size_t len = 0;
    if (frag_setup_ans_encode(device_version_of(device, PKG_FRAG), &ans, w->base + w->len,
                              w->cap - w->len, &len) == FUO_OK) {
        w->len += len;
    }
}

/* ---- data ---- */

static bool mic_good(const struct device *device, const uint8_t *block, size_t len)
{
    const struct frag_setup_req *setup = &device->frag.setup;
    struct block_mic_params params = {
        .session_cnt = setup->session_cnt,
        .frag_index = setup->frag_index,
        .block_len_bytes = (uint32_t)len,
    };
    memcpy(params.descriptor, setup->descriptor, sizeof(params.descriptor));
    struct aes_key key;
    uint8_t mic[FRAG_MIC_BYTES];
    int err = keys_data_block_int(&device->config.gen_app_key, &key);
    if (err == FUO_OK) {
        err = block_mic(&key, &params, block, mic);
        aes_key_wipe(&key);
    }
    return err == FUO_OK && memcmp(mic, setup->mic, sizeof(mic)) == 0;
}

/* The received block becomes the image in flash; the decoder's memory is given back. */
static void complete(struct device *device, struct utc now)
{
    struct device_block *frag = &device->frag;
    size_t len = block_len(&frag->setup);
    bool v2 = device_version_of(device, PKG_FRAG) >= 2;
    frag->complete = true;
    frag->mic_error = v2 && (frag->corrupt || !mic_good(device, frag->block, len));
    bool whole = !frag->mic_error && !frag->corrupt;
    if (whole && device_is_patch(frag->block, len)) {
        frag->no_image = !device_patch(device, frag->block, len);
    } else if (whole) {
        device->received = (struct device_image){
            .bytes = frag->block,
            .len = len,
            .version = device_firmware_version(frag->block, len),
        };
        frag->block = NULL;
    }
    free(frag->block);
    free(frag->workspace);
    frag->block = NULL;
    frag->workspace = NULL;
    if (v2 && frag->setup.ack_reception) {
        frag->ack_pending = true;
        frag->acks_sent = 0;
        queue_ack(device, OUTBOX_BLOCK_RECEIVED, now);
    }
    device_mcast_complete(device);
}

/* Only the first: it has not been on air yet. */
static void forget_ack(struct device *device)
{
    struct device_block *frag = &device->frag;
    if (quirks_of(device)->forgets_acks && frag->ack_pending && frag->acks_sent == 0) {
        frag->ack_pending = false;
        device_outbox_remove(device, OUTBOX_BLOCK_RECEIVED);
    }
}

/* Its data, taken for commands: the answers go out as any. */
static void read_stray(struct device *device, const struct frag_data *data,
                       struct utc now)
{
    uint8_t answer[DEVICE_MESSAGE_MAX];
    struct wr w = wr_init(answer, sizeof(answer));
    struct split split = split_init(PKG_FRAG, device_version_of(device, PKG_FRAG),
                                    PKG_DOWN, data->data, data->len);
    struct split_cmd cmd;
    while (split_next(&split, &cmd)) {
        if (cmd.cid != FRAG_CID_DATA && cmd.cid != PKG_CID_VERSION) {
            device_frag_command(device, &cmd, -1, &w, now);
        }
    }
    device_outbox_bytes(device, FRAG_FPORT, answer, w.len, now);
}

/* A fragment that its decoder has no use for. */
static void on_stray(struct device *device, const struct frag_data *data, struct utc now)
{
    bool is_session = session_is(device, data->frag_index);
    switch (quirks_of(device)->stray) {
    case PROFILE_STRAY_DROPPED:
        return;
    case PROFILE_STRAY_COMMANDS:
        if (is_session) {
            return;
        }
        break;
    case PROFILE_STRAY_COMMANDS_EVER:
        break;
    }
    read_stray(device, data, now);
}

/* Each one that was lost has a row, or came late and is taken for one. */
static bool seems_complete(const struct device_block *frag)
{
    for (uint32_t i = 0; i < frag->decoder.lost_count; i++) {
        if (!fec_row_has(frag->decoder.pivots, i) &&
            frag->late[frag->decoder.lost[i]] == 0) {
            return false;
        }
    }
    return true;
}

/* An uncoded fragment behind a coded one. */
static void note_late(struct device *device, const struct frag_data *data)
{
    struct device_block *frag = &device->frag;
    switch (quirks_of(device)->late) {
    case PROFILE_LATE_IGNORED:
        break;
    case PROFILE_LATE_CORRUPTS:
        frag->corrupt = true;
        frag->late[data->n - 1] = 1;
        break;
    case PROFILE_LATE_STALLS:
        frag->stalled = true;
        break;
    }
}

static void push(struct device *device, const struct frag_data *data, struct utc now)
{
    struct device_block *frag = &device->frag;
    const struct profile *quirks = quirks_of(device);
    if (frag->decoder.coded_seen && data->n > 0 && data->n <= frag->setup.frag_count) {
        note_late(device, data);
    }
    enum fec_push result = fec_decoder_push(&frag->decoder, data->n, data->data);
    device->error_kept |= frag->decoder.overflow && quirks->sticky_error;
    if (result == FEC_PUSH_OVERFLOW && quirks->overflow == PROFILE_OVERFLOW_COMPLETE) {
        frag->corrupt = true;
        complete(device, now);
    } else if ((result == FEC_PUSH_DONE && !frag->stalled) ||
               (frag->corrupt && !frag->decoder.overflow && seems_complete(frag))) {
        complete(device, now);
    }
}

static void on_data(struct device *device, const struct frag_data *data, int group,
                    struct utc now)
{
    struct device_block *frag = &device->frag;
    bool allowed = group < 0 || quirks_of(device)->any_group ||
                   (frag->setup.mc_group_mask >> group & 1) != 0;
    forget_ack(device);
    device_mcast_heard(device, now);
    if (!session_is(device, data->frag_index) || frag->complete) {
        on_stray(device, data, now);
        return;
    }
    if (!allowed || data->len != frag->setup.frag_size_bytes) {
        return;
    }
    if (!frag->cnt_stored) {
        frag->cnt_stored = true;
        device->session_cnt_prev[data->frag_index] = frag->setup.session_cnt;
    }
    frag->fragment_count++;
    push(device, data, now);
}

/* ---- status ---- */

static void on_status_req(struct device *device, const struct frag_status_req *req,
                          struct utc now)
{
    struct frag_status_ans ans;
    if (!device_frag_status(device, req->frag_index, req->all_participants, &ans)) {
        return;
    }
    if (session_is(device, req->frag_index)) {
        queue_ack(device, OUTBOX_FRAG_STATUS, now);
        return;
    }
    struct device_message *m = device_outbox_add(device, OUTBOX_FRAG_STATUS, FRAG_FPORT,
                                                 utc_after(now, SECONDS_US(1)));
    if (m != NULL) {
        m->frag_index = req->frag_index;
    }
}

static int fill_status(const struct device *device, struct device_message *m, size_t *len)
{
    uint8_t version = device_version_of(device, PKG_FRAG);
    enum profile_layout layout = quirks_of(device)->layout;
    struct frag_status_ans ans;
    (void)device_frag_status(device, m->frag_index, true, &ans);
    bool v1 = layout == PROFILE_LAYOUT_V1 || layout == PROFILE_LAYOUT_V1_BIG_ENDIAN;
    if (v1) {
        ans.mic_error = false;
        ans.no_session = false;
        ans.no_counts = false;
    }
    int err =
        frag_status_ans_encode(v1 ? 1 : version, &ans, m->bytes, sizeof(m->bytes), len);
    if (err == FUO_OK && layout == PROFILE_LAYOUT_V1_BIG_ENDIAN) {
        uint8_t low = m->bytes[1];
        m->bytes[1] = m->bytes[2];
        m->bytes[2] = low;
    }
    return err;
}

/* The acknowledgement once more, unless it has been sent often enough. */
static void queue_next_ack(struct device *device, struct utc now)
{
    struct device_block *frag = &device->frag;
    uint8_t most = quirks_of(device)->acks_max;
    if (frag->acks_sent < UINT8_MAX) {
        frag->acks_sent++;
    }
    if (most != 0) {
        if (frag->acks_sent < most) {
            queue_ack(device, OUTBOX_BLOCK_RECEIVED, now);
        }
        return;
    }
    struct device_message *m = device_outbox_add(device, OUTBOX_BLOCK_RECEIVED,
                                                 FRAG_FPORT, utc_after(now, ACK_GAP_US));
    if (m != NULL) {
        m->frag_index = frag->setup.frag_index;
    }
}

bool device_frag_fill(struct device *device, struct device_message *m, struct utc now)
{
    struct device_block *frag = &device->frag;
    size_t len = 0;
    int err;
    if (m->kind == OUTBOX_FRAG_STATUS) {
        err = fill_status(device, m, &len);
    } else {
        struct frag_block_received_req req = {
            .frag_index = m->frag_index,
            .mic_error = frag->mic_error,
        };
        if (!frag->ack_pending) {
            return false;
        }
        queue_next_ack(device, now);
        err = frag_block_received_req_encode(device_version_of(device, PKG_FRAG), &req,
                                             m->bytes, sizeof(m->bytes), &len);
    }
    m->len = (uint8_t)len;
    return err == FUO_OK;
}

static void on_delete(struct device *device, const struct frag_delete_req *req,
                      struct wr *w)
{
    struct frag_delete_ans ans = {
        .frag_index = req->frag_index,
        .no_session = !session_is(device, req->frag_index),
    };
    if (!ans.no_session) {
        device_frag_forget(device);
    }
    size_t len = 0;
    if (frag_delete_ans_encode(device_version_of(device, PKG_FRAG), &ans,
                               w->base + w->len, w->cap - w->len, &len) == FUO_OK) {
        w->len += len;
    }
}

static void on_block_received_ans(struct device *device,
                                  const struct frag_block_received_ans *ans)
{
    if (session_is(device, ans->frag_index)) {
        device->frag.ack_pending = false;
        device_outbox_remove(device, OUTBOX_BLOCK_RECEIVED);
    }
}

/* What may come by multicast too. */
static void shared_command(struct device *device, const struct split_cmd *cmd, int group,
                           struct utc now)
{
    uint8_t version = device_version_of(device, PKG_FRAG);
    struct frag_data data;
    struct frag_status_req status;
    if (cmd->cid == FRAG_CID_DATA &&
        frag_data_decode(version, cmd->body, cmd->body_len, &data) == FUO_OK) {
        on_data(device, &data, group, now);
    }
    if (cmd->cid == FRAG_CID_STATUS &&
        frag_status_req_decode(version, cmd->body, cmd->body_len, &status) == FUO_OK) {
        on_status_req(device, &status, now);
    }
}

void device_frag_command(struct device *device, const struct split_cmd *cmd, int group,
                         struct wr *w, struct utc now)
{
    uint8_t version = device_version_of(device, PKG_FRAG);
    struct frag_setup_req setup;
    struct frag_delete_req delete;
    struct frag_block_received_ans received;

    if (cmd->cid == FRAG_CID_DATA || cmd->cid == FRAG_CID_STATUS) {
        shared_command(device, cmd, group, now);
        return;
    }
    switch (cmd->cid) {
    case FRAG_CID_SETUP:
        if (frag_setup_req_decode(version, cmd->body, cmd->body_len, &setup) == FUO_OK) {
            on_setup(device, &setup, w);
        }
        break;
    case FRAG_CID_DELETE:
        if (frag_delete_req_decode(version, cmd->body, cmd->body_len, &delete) ==
            FUO_OK) {
            on_delete(device, &delete, w);
        }
        break;
    case FRAG_CID_BLOCK_RECEIVED:
        if (frag_block_received_ans_decode(version, cmd->body, cmd->body_len,
                                           &received) == FUO_OK) {
            on_block_received_ans(device, &received);
        }
        break;
    }
}
