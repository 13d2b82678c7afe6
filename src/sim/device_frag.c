/* SPDX-License-Identifier: MIT */
/* The fragmentation session, TS004 (lorawan.md 4 and 10). */
#include <stdlib.h>
#include <string.h>

#include "crypto/block_mic.h"
#include "sim/device_internal.h"

enum {
    ACKS_MAX = 3, /* FragDataBlockReceivedReq, as LBM repeats it */
};

void device_frag_forget(struct device *device)
{
    free(device->frag.block);
    free(device->frag.workspace);
    memset(&device->frag, 0, sizeof(device->frag));
}

static size_t block_len(const struct frag_setup_req *setup)
{
    return (size_t)setup->frag_count * setup->frag_size_bytes - setup->padding_bytes;
}

/* rand[0,1] * 2^(BlockAckDelay + 4) s, and a second to turn around. */
static struct utc ack_time(struct device *device, struct utc now)
{
    int64_t bound_us = SECONDS_US(INT64_C(16) << device->frag.setup.block_ack_delay_exp);
    return utc_after(now, SECONDS_US(1) + device_random_us(device, bound_us));
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
                     req->frag_size_bytes > config->frag_size_max,
        .session_cnt_replay =
            device_version_of(device, PKG_FRAG) >= 2 &&
            (int32_t)req->session_cnt <= device->session_cnt_prev[req->frag_index],
    };
}

static int open_session(struct device *device, const struct frag_setup_req *req)
{
    uint16_t lost_max = device->config.lost_max;
    struct fec_decoder_config config = {
        .version = (enum fec_version)device_version_of(device, PKG_FRAG),
        .order = FEC_ORDER_STRICT,
        .m = req->frag_count,
        .frag_size = req->frag_size_bytes,
        .max_lost = lost_max < req->frag_count ? lost_max : req->frag_count,
    };
    size_t workspace_bytes = fec_decoder_workspace_bytes(&config);
    device_frag_forget(device);
    device_image_free(&device->received); /* one place in flash for both */
    device->upgrade_requested = false;

    struct device_block *frag = &device->frag;
    frag->setup = *req;
    frag->block = calloc(req->frag_count, req->frag_size_bytes);
    frag->workspace = calloc(1, workspace_bytes == 0 ? 1 : workspace_bytes);
    if (frag->block == NULL || frag->workspace == NULL) {
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
    frag->mic_error = v2 && !mic_good(device, frag->block, len);
    if (!frag->mic_error) {
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
        frag->acks_left = ACKS_MAX;
        queue_ack(device, OUTBOX_BLOCK_RECEIVED, now);
    }
}

static void on_data(struct device *device, const struct frag_data *data, int group,
                    struct utc now)
{
    struct device_block *frag = &device->frag;
    bool allowed = group < 0 || (frag->setup.mc_group_mask >> group & 1) != 0;
    if (!session_is(device, data->frag_index) || frag->complete || !allowed ||
        data->len != frag->setup.frag_size_bytes) {
        return;
    }
    if (!frag->cnt_stored) {
        frag->cnt_stored = true;
        device->session_cnt_prev[data->frag_index] = frag->setup.session_cnt;
    }
    frag->fragment_count++;
    if (fec_decoder_push(&frag->decoder, data->n, data->data) == FEC_PUSH_DONE) {
        complete(device, now);
    }
}

/* ---- status ---- */

static void on_status_req(struct device *device, const struct frag_status_req *req,
                          struct utc now)
{
    struct device_block *frag = &device->frag;
    bool v2 = device_version_of(device, PKG_FRAG) >= 2;
    if (!session_is(device, req->frag_index)) {
        /* v1 has no way to say so */
        struct device_message *m =
            v2 ? device_outbox_add(device, OUTBOX_FRAG_STATUS, FRAG_FPORT,
                                   utc_after(now, SECONDS_US(1)))
               : NULL;
        if (m != NULL) {
            m->frag_index = req->frag_index;
        }
        return;
    }
    if (req->all_participants || !frag->complete) {
        queue_ack(device, OUTBOX_FRAG_STATUS, now);
    }
}

static void status_of(const struct device *device, uint8_t frag_index,
                      struct frag_status_ans *ans)
{
    const struct device_block *frag = &device->frag;
    *ans = (struct frag_status_ans){.frag_index = frag_index};
    if (!session_is(device, frag_index)) {
        ans->no_session = true;
        ans->no_counts = true;
        return;
    }
    uint32_t missing = frag->complete ? 0 : frag->decoder.missing;
    uint32_t received = frag->fragment_count;
    ans->received_count =
        (uint16_t)(received > FRAG_COUNT_MAX ? FRAG_COUNT_MAX : received);
    ans->missing_count =
        (uint8_t)(missing > FRAG_MISSING_SATURATED ? FRAG_MISSING_SATURATED : missing);
    ans->memory_error = frag->decoder.overflow;
    ans->mic_error = frag->mic_error;
}

bool device_frag_fill(struct device *device, struct device_message *m, struct utc now)
{
    struct device_block *frag = &device->frag;
    uint8_t version = device_version_of(device, PKG_FRAG);
    size_t len = 0;
    int err;
    if (m->kind == OUTBOX_FRAG_STATUS) {
        struct frag_status_ans ans;
        status_of(device, m->frag_index, &ans);
        err = frag_status_ans_encode(version, &ans, m->bytes, sizeof(m->bytes), &len);
    } else {
        struct frag_block_received_req req = {
            .frag_index = m->frag_index,
            .mic_error = frag->mic_error,
        };
        if (!frag->ack_pending) {
            return false;
        }
        if (--frag->acks_left > 0) {
            queue_ack(device, OUTBOX_BLOCK_RECEIVED, now);
        }
        err = frag_block_received_req_encode(version, &req, m->bytes, sizeof(m->bytes),
                                             &len);
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
