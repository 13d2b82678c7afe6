/* SPDX-License-Identifier: MIT */
#include "codec/mpa.h"

#include "codec/frag.h"

enum {
    PACKAGE_FLAG = 0x80,
    TOKEN_MASK = 0x03,
};

int mpa_packages_req_encode(uint8_t *buf, size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, MPA_CID_PACKAGES);
    return wr_end(&w, len);
}

int mpa_packages_req_decode(const uint8_t *body, size_t len)
{
    struct rd r = rd_init(body, len);
    return rd_end(&r);
}

int mpa_packages_ans_encode(const struct mpa_packages_ans *ans, uint8_t *buf, size_t cap,
                            size_t *len)
{
    if (ans->package_count > MPA_PACKAGE_COUNT_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, MPA_CID_PACKAGES);
    wr_u8(&w, ans->package_count);
    for (unsigned i = 0; i < ans->package_count; i++) {
        wr_u8(&w, ans->packages[i].id);
        wr_u8(&w, ans->packages[i].version);
        wr_u8(&w, ans->packages[i].fport);
    }
    return wr_end(&w, len);
}

int mpa_packages_ans_decode(const uint8_t *body, size_t len, struct mpa_packages_ans *ans)
{
    struct mpa_packages_ans a = {0};
    struct rd r = rd_init(body, len);
    a.package_count = rd_u8(&r) & 0x0f;
    for (unsigned i = 0; i < a.package_count; i++) {
        a.packages[i].id = rd_u8(&r);
        a.packages[i].version = rd_u8(&r);
        a.packages[i].fport = rd_u8(&r);
    }
    int err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = a;
    return FUO_OK;
}

int mpa_buffer_req_encode(const struct mpa_buffer_req *req, uint8_t *buf, size_t cap,
                          size_t *len)
{
    if (req->start_byte > MPA_BASE_MAX || req->stop_byte > MPA_BASE_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, MPA_CID_BUFFER);
    wr_u8(&w, req->start_byte);
    wr_u8(&w, req->stop_byte);
    return wr_end(&w, len);
}

int mpa_buffer_req_decode(const uint8_t *body, size_t len, struct mpa_buffer_req *req)
{
    struct rd r = rd_init(body, len);
    uint8_t start = rd_u8(&r);
    uint8_t stop = rd_u8(&r);
    int err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *req = (struct mpa_buffer_req){.start_byte = start, .stop_byte = stop};
    return FUO_OK;
}

int mpa_buffer_frag_encode(const struct mpa_buffer_frag *frag, uint8_t *buf, size_t cap,
                           size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, MPA_CID_BUFFER);
    if (frag->error) {
        wr_u8(&w, MPA_BUFFER_ERROR);
        return wr_end(&w, len);
    }
    if (frag->base_byte > MPA_BASE_MAX || frag->len == 0) {
        return FUO_ERANGE;
    }
    wr_u8(&w, frag->base_byte);
    wr_bytes(&w, frag->bytes, frag->len);
    return wr_end(&w, len);
}

int mpa_buffer_frag_decode(const uint8_t *body, size_t len, struct mpa_buffer_frag *frag)
{
    struct rd r = rd_init(body, len);
    uint8_t base = rd_u8(&r);
    if (r.err == FUO_OK && base == MPA_BUFFER_ERROR && r.left == 0) {
        *frag = (struct mpa_buffer_frag){.error = true};
        return FUO_OK;
    }
    if (r.err != FUO_OK || r.left == 0) {
        return FUO_ESHORT;
    }
    if (base > MPA_BASE_MAX) {
        return FUO_ERANGE;
    }
    *frag = (struct mpa_buffer_frag){.base_byte = base, .bytes = r.p, .len = r.left};
    return FUO_OK;
}

struct mpa_msg mpa_msg_init(uint8_t *buf, size_t cap)
{
    return (struct mpa_msg){.w = wr_init(buf, cap), .pkg = PKG_MULTI};
}

void mpa_msg_append(struct mpa_msg *m, enum pkg_id pkg, const uint8_t *cmd, size_t len)
{
    if (pkg != m->pkg) {
        wr_u8(&m->w, (uint8_t)(PACKAGE_FLAG | pkg));
        m->pkg = pkg;
    }
    wr_bytes(&m->w, cmd, len);
}

int mpa_msg_finish(struct mpa_msg *m, uint8_t token, size_t *len)
{
    if (token > MPA_TOKEN_MAX) {
        return FUO_ERANGE;
    }
    wr_u8(&m->w, token);
    return wr_end(&m->w, len);
}

/* [80] 02 start stop, and nothing else: the one message without a token. */
static bool is_buffer_req(const uint8_t *p, size_t len)
{
    size_t flag = len == 4 && p[0] == (PACKAGE_FLAG | PKG_MULTI) ? 1 : 0;
    return len == 3 + flag && p[flag] == MPA_CID_BUFFER;
}

struct mpa_split mpa_split_init(const struct pkg_versions *versions, enum pkg_dir dir,
                                const uint8_t *payload, size_t len)
{
    struct mpa_split s = {
        .versions = *versions, .dir = dir, .pkg = PKG_MULTI, .buf = payload, .len = len};
    s.versions.of[PKG_MULTI] = 1;
    if (len > 0 && (dir == PKG_UP || !is_buffer_req(payload, len))) {
        s.has_token = true;
        s.token = payload[len - 1] & TOKEN_MASK;
        s.len = len - 1;
    }
    return s;
}

/* Moves *offset behind a package byte, if there is one, and takes its package. */
static int read_package(struct mpa_split *s, size_t *offset, enum pkg_id *pkg)
{
    uint8_t byte = s->buf[*offset];
    *pkg = s->pkg;
    if ((byte & PACKAGE_FLAG) == 0) {
        return FUO_OK;
    }
    if ((byte & ~PACKAGE_FLAG) >= PKG_COUNT) {
        return FUO_ENOTSUP;
    }
    *pkg = (enum pkg_id)(byte & ~PACKAGE_FLAG);
    ++*offset;
    return *offset < s->len ? FUO_OK : FUO_ESHORT;
}

/* The two commands that must not be among others. */
static bool misplaced(const struct mpa_split *s, const struct split_cmd *cmd, bool first)
{
    if (cmd->pkg == PKG_FRAG && s->dir == PKG_DOWN && cmd->cid == FRAG_CID_DATA) {
        return true;
    }
    if (cmd->pkg == PKG_MULTI && cmd->cid == MPA_CID_BUFFER) {
        return !first || (s->dir == PKG_DOWN && s->has_token);
    }
    return false;
}

bool mpa_split_next(struct mpa_split *s, struct split_cmd *cmd)
{
    if (s->err != FUO_OK || s->offset >= s->len) {
        return false;
    }
    size_t offset = s->offset;
    struct split_cmd c = {0};
    s->err = read_package(s, &offset, &c.pkg);
    if (s->err != FUO_OK) {
        return false;
    }
    c.cid = s->buf[offset++];
    c.body = s->buf + offset;
    s->err =
        split_body_len(&c, s->versions.of[c.pkg], s->dir, s->len - offset, &c.body_len);
    if (s->err == FUO_OK && misplaced(s, &c, s->offset == 0)) {
        s->err = FUO_EPROTO;
    }
    if (s->err != FUO_OK) {
        return false;
    }
    s->pkg = c.pkg;
    s->offset = offset + c.body_len;
    *cmd = c;
    return true;
}

int mpa_answers_add(struct mpa_answers *a, const struct mpa_buffer_frag *frag)
{
    if (frag->error) {
        return FUO_EINVAL;
    }
    if (frag->base_byte >= sizeof(a->bytes) ||
        frag->len > sizeof(a->bytes) - frag->base_byte) {
        return FUO_ERANGE;
    }
    for (size_t i = 0; i < frag->len; i++) {
        size_t at = frag->base_byte + i;
        a->bytes[at] = frag->bytes[i];
        a->have[at / 8] |= (uint8_t)(1u << at % 8);
    }
    return FUO_OK;
}

size_t mpa_answers_len(const struct mpa_answers *a)
{
    size_t len = 0;
    while (len < sizeof(a->bytes) && (a->have[len / 8] >> len % 8 & 1) != 0) {
        len++;
    }
    return len;
}

struct mpa_split mpa_split_answers(const struct pkg_versions *versions,
                                   const struct mpa_answers *a)
{
    struct mpa_split s = {.versions = *versions,
                          .dir = PKG_UP,
                          .pkg = PKG_MULTI,
                          .buf = a->bytes,
                          .len = mpa_answers_len(a)};
    s.versions.of[PKG_MULTI] = 1;
    return s;
}
