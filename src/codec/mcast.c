/* SPDX-License-Identifier: MIT */
#include "codec/mcast.h"

#include "base/wire.h"
#include "codec/package.h"

/* StatusAndMcGroupID of McClassC/BSessionAns. */
enum {
    STATUS_DR_ERROR = 0x04,
    STATUS_FREQ_ERROR = 0x08,
    STATUS_GROUP_UNDEFINED = 0x10,
    STATUS_START_MISSED = 0x20,
    STATUS_ERRORS_V1 = STATUS_DR_ERROR | STATUS_FREQ_ERROR | STATUS_GROUP_UNDEFINED,
};

/* Both versions have the same bytes, but for one status bit. */
static int version_check(uint8_t version)
{
    return pkg_version_known(PKG_MCAST, version) ? FUO_OK : FUO_EINVAL;
}

/* The commands whose body is one byte. */
static int encode_one(uint8_t cid, uint8_t byte, uint8_t *buf, size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, cid);
    wr_u8(&w, byte);
    return wr_end(&w, len);
}

static int decode_one(uint8_t version, const uint8_t *body, size_t len, uint8_t *byte)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct rd r = rd_init(body, len);
    uint8_t b = rd_u8(&r);
    err = rd_end(&r);
    if (err == FUO_OK) {
        *byte = b;
    }
    return err;
}

int mc_group_status_req_encode(uint8_t version, const struct mc_group_status_req *req,
                               uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (req->group_mask > MC_GROUP_MASK_MAX) {
        return FUO_ERANGE;
    }
    return encode_one(MC_CID_GROUP_STATUS, req->group_mask, buf, cap, len);
}

int mc_group_status_req_decode(uint8_t version, const uint8_t *body, size_t len,
                               struct mc_group_status_req *req)
{
    uint8_t mask = 0;
    int err = decode_one(version, body, len, &mask);
    if (err != FUO_OK) {
        return err;
    }
    *req = (struct mc_group_status_req){.group_mask = mask & 0x0f};
    return FUO_OK;
}

static unsigned mask_count(uint8_t mask)
{
    return (mask & 1u) + (mask >> 1 & 1u) + (mask >> 2 & 1u) + (mask >> 3 & 1u);
}

int mc_group_status_ans_encode(uint8_t version, const struct mc_group_status_ans *ans,
                               uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (ans->group_mask > MC_GROUP_MASK_MAX || ans->total_count > MC_TOTAL_COUNT_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, MC_CID_GROUP_STATUS);
    wr_u8(&w, (uint8_t)(ans->total_count << 4 | ans->group_mask));
    for (unsigned i = 0; i < mask_count(ans->group_mask); i++) {
        if (ans->groups[i].group_id > MC_GROUP_ID_MAX) {
            return FUO_ERANGE;
        }
        wr_u8(&w, ans->groups[i].group_id);
        wr_le32(&w, ans->groups[i].addr);
    }
    return wr_end(&w, len);
}

int mc_group_status_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                               struct mc_group_status_ans *ans)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct mc_group_status_ans a = {0};
    struct rd r = rd_init(body, len);
    uint8_t status = rd_u8(&r);
    a.group_mask = status & 0x0f;
    a.total_count = status >> 4 & 0x07;
    for (unsigned i = 0; i < mask_count(a.group_mask); i++) {
        a.groups[i].group_id = rd_u8(&r) & 0x03;
        a.groups[i].addr = rd_le32(&r);
    }
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = a;
    return FUO_OK;
}

int mc_group_setup_req_encode(uint8_t version, const struct mc_group_setup_req *req,
                              uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (req->group_id > MC_GROUP_ID_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, MC_CID_GROUP_SETUP);
    wr_u8(&w, req->group_id);
    wr_le32(&w, req->addr);
    wr_bytes(&w, req->key_encrypted, sizeof(req->key_encrypted));
    wr_le32(&w, req->min_fcnt);
    wr_le32(&w, req->max_fcnt);
    return wr_end(&w, len);
}

int mc_group_setup_req_decode(uint8_t version, const uint8_t *body, size_t len,
                              struct mc_group_setup_req *req)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct mc_group_setup_req q = {0};
    struct rd r = rd_init(body, len);
    q.group_id = rd_u8(&r) & 0x03;
    q.addr = rd_le32(&r);
    rd_copy(&r, q.key_encrypted, sizeof(q.key_encrypted));
    q.min_fcnt = rd_le32(&r);
    q.max_fcnt = rd_le32(&r);
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *req = q;
    return FUO_OK;
}

int mc_group_setup_ans_encode(uint8_t version, const struct mc_group_setup_ans *ans,
                              uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (ans->group_id > MC_GROUP_ID_MAX) {
        return FUO_ERANGE;
    }
    uint8_t header = (uint8_t)(ans->id_error << 2 | ans->group_id);
    return encode_one(MC_CID_GROUP_SETUP, header, buf, cap, len);
}

int mc_group_setup_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                              struct mc_group_setup_ans *ans)
{
    uint8_t header = 0;
    int err = decode_one(version, body, len, &header);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct mc_group_setup_ans){
        .group_id = header & 0x03,
        .id_error = (header & 0x04) != 0,
    };
    return FUO_OK;
}

int mc_group_delete_req_encode(uint8_t version, const struct mc_group_delete_req *req,
                               uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (req->group_id > MC_GROUP_ID_MAX) {
        return FUO_ERANGE;
    }
    return encode_one(MC_CID_GROUP_DELETE, req->group_id, buf, cap, len);
}

int mc_group_delete_req_decode(uint8_t version, const uint8_t *body, size_t len,
                               struct mc_group_delete_req *req)
{
    uint8_t header = 0;
    int err = decode_one(version, body, len, &header);
    if (err != FUO_OK) {
        return err;
    }
    *req = (struct mc_group_delete_req){.group_id = header & 0x03};
    return FUO_OK;
}

int mc_group_delete_ans_encode(uint8_t version, const struct mc_group_delete_ans *ans,
                               uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (ans->group_id > MC_GROUP_ID_MAX) {
        return FUO_ERANGE;
    }
    uint8_t header = (uint8_t)(ans->group_undefined << 2 | ans->group_id);
    return encode_one(MC_CID_GROUP_DELETE, header, buf, cap, len);
}

int mc_group_delete_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                               struct mc_group_delete_ans *ans)
{
    uint8_t header = 0;
    int err = decode_one(version, body, len, &header);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct mc_group_delete_ans){
        .group_id = header & 0x03,
        .group_undefined = (header & 0x04) != 0,
    };
    return FUO_OK;
}

static int session_req_encode(uint8_t version, uint8_t cid,
                              const struct mc_session_req *req, struct wr *w)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    uint32_t frequency = req->frequency_hz / MC_FREQUENCY_STEP_HZ;
    if (req->group_id > MC_GROUP_ID_MAX || req->timeout_exp > MC_TIMEOUT_EXP_MAX ||
        req->periodicity_exp > MC_PERIODICITY_EXP_MAX || req->dr > MC_DR_MAX ||
        frequency > 0xffffff || req->frequency_hz % MC_FREQUENCY_STEP_HZ != 0) {
        return FUO_ERANGE;
    }
    wr_u8(w, cid);
    wr_u8(w, req->group_id);
    wr_le32(w, req->session_time.s);
    wr_u8(w, (uint8_t)(req->periodicity_exp << 4 | req->timeout_exp));
    wr_le24(w, frequency);
    wr_u8(w, req->dr);
    return FUO_OK;
}

int mc_class_c_req_encode(uint8_t version, const struct mc_session_req *req, uint8_t *buf,
                          size_t cap, size_t *len)
{
    if (req->periodicity_exp != 0) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    int err = session_req_encode(version, MC_CID_CLASS_C_SESSION, req, &w);
    return err != FUO_OK ? err : wr_end(&w, len);
}

int mc_class_b_req_encode(uint8_t version, const struct mc_session_req *req, uint8_t *buf,
                          size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    int err = session_req_encode(version, MC_CID_CLASS_B_SESSION, req, &w);
    return err != FUO_OK ? err : wr_end(&w, len);
}

int mc_class_b_req_decode(uint8_t version, const uint8_t *body, size_t len,
                          struct mc_session_req *req)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct mc_session_req q = {0};
    struct rd r = rd_init(body, len);
    q.group_id = rd_u8(&r) & 0x03;
    q.session_time.s = rd_le32(&r);
    uint8_t timeout_periodicity = rd_u8(&r);
    q.frequency_hz = rd_le24(&r) * MC_FREQUENCY_STEP_HZ;
    q.dr = rd_u8(&r) & 0x0f;
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    q.timeout_exp = timeout_periodicity & 0x0f;
    q.periodicity_exp = timeout_periodicity >> 4 & 0x07;
    *req = q;
    return FUO_OK;
}

int mc_class_c_req_decode(uint8_t version, const uint8_t *body, size_t len,
                          struct mc_session_req *req)
{
    int err = mc_class_b_req_decode(version, body, len, req);
    if (err == FUO_OK) {
        req->periodicity_exp = 0; /* RFU bits in class C */
    }
    return err;
}

bool mc_session_accepted(const struct mc_session_ans *ans)
{
    return !ans->dr_error && !ans->freq_error && !ans->group_undefined &&
           !ans->start_missed;
}

static int session_ans_encode(uint8_t version, uint8_t cid,
                              const struct mc_session_ans *ans, struct wr *w)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (ans->group_id > MC_GROUP_ID_MAX || ans->time_to_start_s > 0xffffff) {
        return FUO_ERANGE;
    }
    uint8_t status = ans->group_id;
    status |= ans->dr_error ? STATUS_DR_ERROR : 0;
    status |= ans->freq_error ? STATUS_FREQ_ERROR : 0;
    status |= ans->group_undefined ? STATUS_GROUP_UNDEFINED : 0;
    status |= ans->start_missed ? STATUS_START_MISSED : 0;
    wr_u8(w, cid);
    wr_u8(w, status);
    if (mc_session_accepted(ans)) {
        wr_le24(w, ans->time_to_start_s);
    }
    return FUO_OK;
}

int mc_class_c_ans_encode(uint8_t version, const struct mc_session_ans *ans, uint8_t *buf,
                          size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    int err = session_ans_encode(version, MC_CID_CLASS_C_SESSION, ans, &w);
    return err != FUO_OK ? err : wr_end(&w, len);
}

int mc_class_b_ans_encode(uint8_t version, const struct mc_session_ans *ans, uint8_t *buf,
                          size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    int err = session_ans_encode(version, MC_CID_CLASS_B_SESSION, ans, &w);
    return err != FUO_OK ? err : wr_end(&w, len);
}

int mc_session_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                          struct mc_session_ans *ans)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct rd r = rd_init(body, len);
    uint8_t status = rd_u8(&r);
    uint8_t errors = STATUS_ERRORS_V1;
    if (version >= 2 || r.left == 0) {
        errors |= STATUS_START_MISSED;
    }
    uint32_t time_to_start_s = (status & errors) == 0 ? rd_le24(&r) : 0;
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct mc_session_ans){
        .group_id = status & 0x03,
        .dr_error = (status & STATUS_DR_ERROR) != 0,
        .freq_error = (status & STATUS_FREQ_ERROR) != 0,
        .group_undefined = (status & STATUS_GROUP_UNDEFINED) != 0,
        .start_missed = (status & errors & STATUS_START_MISSED) != 0,
        .time_to_start_s = time_to_start_s,
    };
    return FUO_OK;
}
