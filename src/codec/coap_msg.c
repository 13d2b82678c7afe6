/* SPDX-License-Identifier: MIT */
#include "codec/coap_msg.h"

enum {
    VERSION = 1,
    VERSION_SHIFT = 6,
    TYPE_SHIFT = 4,
    TYPE_MASK = 3,
    LENGTH_MASK = 15,
    PAYLOAD_MARKER = 0xff,
    /* Delta and length of an option: one byte more, two bytes more, reserved. */
    EXTENDED_8 = 13,
    EXTENDED_16 = 14,
    EXTENDED_8_BASE = 13,
    EXTENDED_16_BASE = 269,
};

/* ---- reading ---- */

static uint16_t rd_be16(struct rd *r)
{
    uint16_t high = rd_u8(r);
    return (uint16_t)(high << 8 | rd_u8(r));
}

static uint32_t rd_extended(struct rd *r, unsigned nibble)
{
    if (nibble == EXTENDED_8) {
        return EXTENDED_8_BASE + (uint32_t)rd_u8(r);
    }
    if (nibble == EXTENDED_16) {
        return EXTENDED_16_BASE + (uint32_t)rd_be16(r);
    }
    return nibble;
}

static void fail(struct rd *r, int err)
{
    r->err = r->err != FUO_OK ? r->err : err;
}

/* One option, if there is one; r->err tells what is wrong with it. */
static bool read_option(struct rd *r, uint16_t *number, struct coap_option *option)
{
    if (r->left == 0 || r->err != FUO_OK || *r->p == PAYLOAD_MARKER) {
        return false;
    }
    unsigned first = rd_u8(r);
    unsigned delta = first >> 4;
    unsigned length = first & LENGTH_MASK;
    if (delta == LENGTH_MASK || length == LENGTH_MASK) {
        fail(r, FUO_EPROTO);
        return false;
    }
    uint32_t sum = *number + rd_extended(r, delta);
    size_t len = rd_extended(r, length);
    const uint8_t *bytes = rd_bytes(r, len);
    if (sum > UINT16_MAX) {
        fail(r, FUO_EPROTO);
    }
    if (r->err != FUO_OK) {
        return false;
    }
    *number = (uint16_t)sum;
    *option = (struct coap_option){*number, bytes, len};
    return true;
}

static void read_body(struct rd *r, struct coap_msg *m)
{
    struct coap_option option;
    uint16_t number = 0;
    m->options = r->p;
    size_t before = r->left;
    while (read_option(r, &number, &option)) {
    }
    m->options_len = before - r->left;
    if (r->left == 0 || r->err != FUO_OK) {
        return;
    }
    (void)rd_u8(r); /* the marker */
    m->payload_len = r->left;
    m->payload = rd_bytes(r, r->left);
    if (m->payload_len == 0) {
        fail(r, FUO_EPROTO);
    }
}

int coap_msg_decode(const uint8_t *bytes, size_t len, struct coap_msg *msg)
{
    struct rd r = rd_init(bytes, len);
    struct coap_msg m = {0};
    unsigned first = rd_u8(&r);
    m.type = (enum coap_type)(first >> TYPE_SHIFT & TYPE_MASK);
    m.token.len = (uint8_t)(first & LENGTH_MASK);
    m.code = rd_u8(&r);
    m.id = rd_be16(&r);
    if (r.err != FUO_OK) {
        return r.err;
    }
    if (first >> VERSION_SHIFT != VERSION || m.token.len > COAP_TOKEN_MAX ||
        (m.code == COAP_CODE_EMPTY && r.left > 0)) {
        return FUO_EPROTO;
    }
    rd_copy(&r, m.token.bytes, m.token.len);
    if (r.err == FUO_OK) {
        read_body(&r, &m);
    }
    if (r.err == FUO_OK) {
        *msg = m;
    }
    return r.err;
}

struct coap_options coap_msg_options(const struct coap_msg *msg)
{
    return (struct coap_options){.rest = rd_init(msg->options, msg->options_len)};
}

bool coap_msg_option_next(struct coap_options *options, struct coap_option *option)
{
    return read_option(&options->rest, &options->number, option);
}

bool coap_msg_find(const struct coap_msg *msg, enum coap_number number,
                   struct coap_option *option)
{
    struct coap_options options = coap_msg_options(msg);
    while (coap_msg_option_next(&options, option)) {
        if (option->number == number) {
            return true;
        }
    }
    return false;
}

int coap_msg_number(const struct coap_msg *msg, enum coap_number number, uint32_t *value)
{
    struct coap_option option;
    uint32_t v = 0;
    if (!coap_msg_find(msg, number, &option)) {
        return FUO_ENOENT;
    }
    if (option.len > sizeof(v)) {
        return FUO_EPROTO;
    }
    for (size_t i = 0; i < option.len; i++) {
        v = v << 8 | option.bytes[i];
    }
    *value = v;
    return FUO_OK;
}

bool coap_msg_option_is(const struct coap_option *option, const char *text)
{
    size_t i = 0;
    while (i < option->len && text[i] != '\0' && option->bytes[i] == (uint8_t)text[i]) {
        i++;
    }
    return i == option->len && text[i] == '\0';
}

bool coap_msg_token_is(const struct coap_token *a, const struct coap_token *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* ---- writing ---- */

static void wr_be16(struct wr *w, uint32_t v)
{
    wr_u8(w, (uint8_t)(v >> 8));
    wr_u8(w, (uint8_t)v);
}

struct coap_writer coap_msg_write(uint8_t *bytes, size_t cap, const struct coap_msg *head)
{
    struct coap_writer cw = {.w = wr_init(bytes, cap)};
    if (head->token.len > COAP_TOKEN_MAX) {
        cw.w.err = FUO_ERANGE;
        return cw;
    }
    wr_u8(&cw.w, (uint8_t)(VERSION << VERSION_SHIFT | (unsigned)head->type << TYPE_SHIFT |
                           head->token.len));
    wr_u8(&cw.w, head->code);
    wr_be16(&cw.w, head->id);
    wr_bytes(&cw.w, head->token.bytes, head->token.len);
    return cw;
}

static unsigned nibble_of(size_t value)
{
    return value < EXTENDED_8_BASE    ? (unsigned)value
           : value < EXTENDED_16_BASE ? (unsigned)EXTENDED_8
                                      : (unsigned)EXTENDED_16;
}

static void wr_extended(struct wr *w, size_t value)
{
    if (value >= EXTENDED_16_BASE) {
        wr_be16(w, (uint32_t)(value - EXTENDED_16_BASE));
    } else if (value >= EXTENDED_8_BASE) {
        wr_u8(w, (uint8_t)(value - EXTENDED_8_BASE));
    }
}

void coap_msg_write_option(struct coap_writer *cw, enum coap_number number,
                           const uint8_t *bytes, size_t len)
{
    if ((unsigned)number < cw->number || len > UINT16_MAX) {
        cw->w.err = cw->w.err != FUO_OK ? cw->w.err : FUO_ERANGE;
        return;
    }
    size_t delta = (size_t)number - cw->number;
    wr_u8(&cw->w, (uint8_t)(nibble_of(delta) << 4 | nibble_of(len)));
    wr_extended(&cw->w, delta);
    wr_extended(&cw->w, len);
    wr_bytes(&cw->w, bytes, len);
    cw->number = (uint16_t)number;
}

void coap_msg_write_number(struct coap_writer *cw, enum coap_number number,
                           uint32_t value)
{
    uint8_t bytes[sizeof(value)];
    size_t len = 0;
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        if (len > 0 || value >> (shift - 8) != 0) {
            bytes[len++] = (uint8_t)(value >> (shift - 8));
        }
    }
    coap_msg_write_option(cw, number, bytes, len);
}

void coap_msg_write_steps(struct coap_writer *cw, enum coap_number number,
                          const char *text, char separator)
{
    if (*text == separator) {
        text++;
    }
    while (*text != '\0') {
        size_t len = 0;
        while (text[len] != '\0' && text[len] != separator) {
            len++;
        }
        coap_msg_write_option(cw, number, (const uint8_t *)text, len);
        text += text[len] == '\0' ? len : len + 1;
    }
}

void coap_msg_write_payload(struct coap_writer *cw, const uint8_t *bytes, size_t len)
{
    if (len > 0) {
        wr_u8(&cw->w, PAYLOAD_MARKER);
        wr_bytes(&cw->w, bytes, len);
    }
}

int coap_msg_write_end(const struct coap_writer *cw, size_t *len)
{
    return wr_end(&cw->w, len);
}
