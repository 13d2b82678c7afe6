/* SPDX-License-Identifier: MIT */
#include "codec/frag.h"

#include "base/wire.h"
#include "codec/package.h"

static int version_check(uint8_t version)
{
    return pkg_version_known(PKG_FRAG, version) ? FUO_OK : FUO_EINVAL;
}

/* For the commands that came with version 2. */
static int version_check_v2(uint8_t version)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    return version >= 2 ? FUO_OK : FUO_ENOTSUP;
}

/* The commands whose body is one byte. */
static int encode_one(uint8_t cid, uint8_t byte, uint8_t *buf, size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, cid);
    wr_u8(&w, byte);
    return wr_end(&w, len);
}

static int decode_one(const uint8_t *body, size_t len, uint8_t *byte)
{
    struct rd r = rd_init(body, len);
    uint8_t b = rd_u8(&r);
    int err = rd_end(&r);
    if (err == FUO_OK) {
        *byte = b;
    }
    return err;
}

int frag_status_req_encode(uint8_t version, const struct frag_status_req *req,
                           uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (req->frag_index > FRAG_INDEX_MAX) {
        return FUO_ERANGE;
    }
    uint8_t param = (uint8_t)(req->frag_index << 1 | req->all_participants);
    return encode_one(FRAG_CID_STATUS, param, buf, cap, len);
}

int frag_status_req_decode(uint8_t version, const uint8_t *body, size_t len,
                           struct frag_status_req *req)
{
    uint8_t param = 0;
    int err = version_check(version);
    if (err == FUO_OK) {
        err = decode_one(body, len, &param);
    }
    if (err != FUO_OK) {
        return err;
    }
    *req = (struct frag_status_req){
        .frag_index = param >> 1 & 0x03,
        .all_participants = (param & 0x01) != 0,
    };
    return FUO_OK;
}

static int status_ans_check(uint8_t version, const struct frag_status_ans *ans)
{
    bool v2_only = ans->mic_error || ans->no_session || ans->no_counts;
    if (ans->frag_index > FRAG_INDEX_MAX || ans->received_count > FRAG_COUNT_MAX ||
        (version == 1 && v2_only) || (ans->no_counts && !ans->no_session)) {
        return FUO_ERANGE;
    }
    return FUO_OK;
}

int frag_status_ans_encode(uint8_t version, const struct frag_status_ans *ans,
                           uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err == FUO_OK) {
        err = status_ans_check(version, ans);
    }
    if (err != FUO_OK) {
        return err;
    }

    uint16_t received_and_index = (uint16_t)(ans->frag_index << 14 | ans->received_count);
    uint8_t status =
        (uint8_t)(ans->no_session << 2 | ans->mic_error << 1 | ans->memory_error);
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, FRAG_CID_STATUS);
    if (version >= 2) {
        wr_u8(&w, status);
    }
    if (!ans->no_counts) {
        wr_le16(&w, received_and_index);
        wr_u8(&w, ans->missing_count);
    }
    if (version == 1) {
        wr_u8(&w, status);
    }
    return wr_end(&w, len);
}

static int status_ans_decode_v1(const uint8_t *body, size_t len,
                                struct frag_status_ans *ans)
{
    struct rd r = rd_init(body, len);
    uint16_t received_and_index = rd_le16(&r);
    uint8_t missing = rd_u8(&r);
    uint8_t status = rd_u8(&r);
    int err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct frag_status_ans){
        .frag_index = (uint8_t)(received_and_index >> 14),
        .received_count = received_and_index & FRAG_COUNT_MAX,
        .missing_count = missing,
        .memory_error = (status & 0x01) != 0,
        .layout = 1,
    };
    return FUO_OK;
}

static int status_ans_decode_v2(const uint8_t *body, size_t len,
                                struct frag_status_ans *ans)
{
    struct rd r = rd_init(body, len);
    uint8_t status = rd_u8(&r);
    bool no_session = (status & 0x04) != 0;
    bool no_counts = no_session && r.err == FUO_OK && r.left == 0;
    uint16_t received_and_index = 0;
    uint8_t missing = 0;
    if (!no_counts) {
        received_and_index = rd_le16(&r);
        missing = rd_u8(&r);
    }
    int err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct frag_status_ans){
        .frag_index = (uint8_t)(received_and_index >> 14),
        .received_count = received_and_index & FRAG_COUNT_MAX,
        .missing_count = missing,
        .memory_error = (status & 0x01) != 0,
        .mic_error = (status & 0x02) != 0,
        .no_session = no_session,
        .no_counts = no_counts,
        .layout = 2,
    };
    return FUO_OK;
}

int frag_status_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                           struct frag_status_ans *ans)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    return version == 1 ? status_ans_decode_v1(body, len, ans)
                        : status_ans_decode_v2(body, len, ans);
}

int frag_status_ans_decode_big_endian(const uint8_t *body, size_t len,
                                      struct frag_status_ans *ans)
{
    uint8_t turned[4];
    if (len < sizeof(turned)) {
        return FUO_ESHORT;
    }
    turned[0] = body[1];
    turned[1] = body[0];
    memcpy(turned + 2, body + 2, 2);
    return len == sizeof(turned) ? status_ans_decode_v1(turned, len, ans) : FUO_ETRAIL;
}

/* status: the byte that the answer's layout takes for the status, with its RFU bits. */
static bool status_plausible(const struct frag_status_ans *ans, uint8_t status,
                             const struct frag_status_hint *hint)
{
    uint8_t rfu = ans->layout == 1 ? 0xfe : 0xf8;
    return (status & rfu) == 0 && ans->frag_index == hint->frag_index &&
           ans->received_count <= hint->sent_count;
}

int frag_status_ans_decode_lenient(uint8_t version, const struct frag_status_hint *hint,
                                   const uint8_t *body, size_t len,
                                   struct frag_status_ans *ans)
{
    struct frag_status_ans spec;
    int err = frag_status_ans_decode(version, body, len, &spec);
    if (err != FUO_OK) {
        return err;
    }
    struct frag_status_ans other;
    if (version >= 2 && !spec.no_counts && !status_plausible(&spec, body[0], hint) &&
        status_ans_decode_v1(body, len, &other) == FUO_OK &&
        status_plausible(&other, body[3], hint)) {
        *ans = other;
        return FUO_OK;
    }
    *ans = spec;
    return FUO_OK;
}

static int setup_req_check(uint8_t version, const struct frag_setup_req *req)
{
    if (req->frag_index > FRAG_INDEX_MAX || req->mc_group_mask > FRAG_GROUP_MASK_MAX ||
        req->frag_count == 0 || req->frag_count > FRAG_COUNT_MAX ||
        req->padding_bytes >= req->frag_size_bytes || req->frag_algo > FRAG_ALGO_MAX ||
        req->block_ack_delay_exp > FRAG_BLOCK_ACK_DELAY_MAX) {
        return FUO_ERANGE;
    }
    return version == 1 && req->ack_reception ? FUO_ERANGE : FUO_OK;
}

int frag_setup_req_encode(uint8_t version, const struct frag_setup_req *req, uint8_t *buf,
                          size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err == FUO_OK) {
        err = setup_req_check(version, req);
    }
    if (err != FUO_OK) {
        return err;
    }

    struct wr w = wr_init(buf, cap);
    wr_u8(&w, FRAG_CID_SETUP);
    wr_u8(&w, (uint8_t)(req->frag_index << 4 | req->mc_group_mask));
    wr_le16(&w, req->frag_count);
    wr_u8(&w, req->frag_size_bytes);
    wr_u8(&w, (uint8_t)(req->ack_reception << 6 | req->frag_algo << 3 |
                        req->block_ack_delay_exp));
    wr_u8(&w, req->padding_bytes);
    wr_bytes(&w, req->descriptor, sizeof(req->descriptor));
    if (version >= 2) {
        wr_le16(&w, req->session_cnt);
        wr_bytes(&w, req->mic, sizeof(req->mic));
    }
    return wr_end(&w, len);
}

int frag_setup_req_decode(uint8_t version, const uint8_t *body, size_t len,
                          struct frag_setup_req *req)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct frag_setup_req q = {0};
    struct rd r = rd_init(body, len);
    uint8_t session = rd_u8(&r);
    q.frag_count = rd_le16(&r);
    q.frag_size_bytes = rd_u8(&r);
    uint8_t control = rd_u8(&r);
    q.padding_bytes = rd_u8(&r);
    rd_copy(&r, q.descriptor, sizeof(q.descriptor));
    if (version >= 2) {
        q.session_cnt = rd_le16(&r);
        rd_copy(&r, q.mic, sizeof(q.mic));
    }
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    q.frag_index = session >> 4 & 0x03;
    q.mc_group_mask = session & 0x0f;
    q.block_ack_delay_exp = control & 0x07;
    q.frag_algo = control >> 3 & 0x07;
    q.ack_reception = version >= 2 && (control & 0x40) != 0;
    *req = q;
    return FUO_OK;
}

int frag_setup_ans_encode(uint8_t version, const struct frag_setup_ans *ans, uint8_t *buf,
                          size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (ans->frag_index > FRAG_INDEX_MAX || (version == 1 && ans->session_cnt_replay)) {
        return FUO_ERANGE;
    }
    uint8_t status = (uint8_t)(ans->frag_index << 6 | ans->session_cnt_replay << 4 |
                               ans->wrong_descriptor << 3 | ans->index_unsupported << 2 |
                               ans->no_memory << 1 | ans->algo_unsupported);
    return encode_one(FRAG_CID_SETUP, status, buf, cap, len);
}

int frag_setup_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                          struct frag_setup_ans *ans)
{
    uint8_t status = 0;
    int err = version_check(version);
    if (err == FUO_OK) {
        err = decode_one(body, len, &status);
    }
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct frag_setup_ans){
        .frag_index = status >> 6,
        .algo_unsupported = (status & 0x01) != 0,
        .no_memory = (status & 0x02) != 0,
        .index_unsupported = (status & 0x04) != 0,
        .wrong_descriptor = (status & 0x08) != 0,
        .session_cnt_replay = version >= 2 && (status & 0x10) != 0,
    };
    return FUO_OK;
}

bool frag_setup_accepted(const struct frag_setup_ans *ans)
{
    return !ans->algo_unsupported && !ans->no_memory && !ans->index_unsupported &&
           !ans->wrong_descriptor && !ans->session_cnt_replay;
}

int frag_delete_req_encode(uint8_t version, const struct frag_delete_req *req,
                           uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (req->frag_index > FRAG_INDEX_MAX) {
        return FUO_ERANGE;
    }
    return encode_one(FRAG_CID_DELETE, req->frag_index, buf, cap, len);
}

int frag_delete_req_decode(uint8_t version, const uint8_t *body, size_t len,
                           struct frag_delete_req *req)
{
    uint8_t param = 0;
    int err = version_check(version);
    if (err == FUO_OK) {
        err = decode_one(body, len, &param);
    }
    if (err != FUO_OK) {
        return err;
    }
    *req = (struct frag_delete_req){.frag_index = param & 0x03};
    return FUO_OK;
}

int frag_delete_ans_encode(uint8_t version, const struct frag_delete_ans *ans,
                           uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (ans->frag_index > FRAG_INDEX_MAX) {
        return FUO_ERANGE;
    }
    uint8_t status = (uint8_t)(ans->no_session << 2 | ans->frag_index);
    return encode_one(FRAG_CID_DELETE, status, buf, cap, len);
}

int frag_delete_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                           struct frag_delete_ans *ans)
{
    uint8_t status = 0;
    int err = version_check(version);
    if (err == FUO_OK) {
        err = decode_one(body, len, &status);
    }
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct frag_delete_ans){
        .frag_index = status & 0x03,
        .no_session = (status & 0x04) != 0,
    };
    return FUO_OK;
}

int frag_block_received_req_encode(uint8_t version,
                                   const struct frag_block_received_req *req,
                                   uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check_v2(version);
    if (err != FUO_OK) {
        return err;
    }
    if (req->frag_index > FRAG_INDEX_MAX) {
        return FUO_ERANGE;
    }
    uint8_t status = (uint8_t)(req->mic_error << 2 | req->frag_index);
    return encode_one(FRAG_CID_BLOCK_RECEIVED, status, buf, cap, len);
}

int frag_block_received_req_decode(uint8_t version, const uint8_t *body, size_t len,
                                   struct frag_block_received_req *req)
{
    uint8_t status = 0;
    int err = version_check_v2(version);
    if (err == FUO_OK) {
        err = decode_one(body, len, &status);
    }
    if (err != FUO_OK) {
        return err;
    }
    *req = (struct frag_block_received_req){
        .frag_index = status & 0x03,
        .mic_error = (status & 0x04) != 0,
    };
    return FUO_OK;
}

int frag_block_received_ans_encode(uint8_t version,
                                   const struct frag_block_received_ans *ans,
                                   uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check_v2(version);
    if (err != FUO_OK) {
        return err;
    }
    if (ans->frag_index > FRAG_INDEX_MAX) {
        return FUO_ERANGE;
    }
    return encode_one(FRAG_CID_BLOCK_RECEIVED, ans->frag_index, buf, cap, len);
}

int frag_block_received_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                                   struct frag_block_received_ans *ans)
{
    uint8_t param = 0;
    int err = version_check_v2(version);
    if (err == FUO_OK) {
        err = decode_one(body, len, &param);
    }
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct frag_block_received_ans){.frag_index = param & 0x03};
    return FUO_OK;
}

int frag_auth_req_encode(uint8_t version, const struct frag_auth_req *req, uint8_t *buf,
                         size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (req->frag_index > FRAG_INDEX_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, FRAG_CID_AUTH);
    if (req->has_index) {
        wr_u8(&w, req->frag_index);
    }
    wr_le32(&w, req->crc32);
    return wr_end(&w, len);
}

int frag_auth_req_decode(uint8_t version, const uint8_t *body, size_t len,
                         struct frag_auth_req *req)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct rd r = rd_init(body, len);
    bool has_index = len > 4;
    uint8_t frag_index = has_index ? rd_u8(&r) : 0;
    uint32_t crc32 = rd_le32(&r);
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *req = (struct frag_auth_req){
        .has_index = has_index,
        .frag_index = frag_index & 0x03,
        .crc32 = crc32,
    };
    return FUO_OK;
}

int frag_data_encode(uint8_t version, const struct frag_data *data, uint8_t *buf,
                     size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (data->frag_index > FRAG_INDEX_MAX || data->n == 0 || data->n > FRAG_COUNT_MAX ||
        data->len == 0 || data->len > UINT8_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, FRAG_CID_DATA);
    wr_le16(&w, (uint16_t)(data->frag_index << 14 | data->n));
    wr_bytes(&w, data->data, data->len);
    return wr_end(&w, len);
}

int frag_data_decode(uint8_t version, const uint8_t *body, size_t len,
                     struct frag_data *data)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct rd r = rd_init(body, len);
    uint16_t index_and_n = rd_le16(&r);
    if (r.err != FUO_OK || r.left == 0) {
        return FUO_ESHORT;
    }
    if ((index_and_n & FRAG_COUNT_MAX) == 0) {
        return FUO_ERANGE;
    }
    *data = (struct frag_data){
        .frag_index = (uint8_t)(index_and_n >> 14),
        .n = index_and_n & FRAG_COUNT_MAX,
        .data = r.p,
        .len = r.left,
    };
    return FUO_OK;
}
