/* SPDX-License-Identifier: MIT */
/*
 * coap_msg.h - CoAP messages over UDP (RFC 7252, section 3), both directions.
 *
 * A message is checked from its first byte to its last before it is handed out: options can
 * be read without further errors then. Writing appends options in the order of their
 * numbers, then the payload.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state. What is read points
 * into the caller's bytes. Big-endian on the wire, host order here. What messages mean
 * (retransmission, observation, blocks) is not here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "fuotad/error.h"

enum {
    COAP_TOKEN_MAX = 8,
    COAP_MSG_BYTES_MAX = 1500, /* nobody needs more: blocks have at most 1024 */
};

enum coap_type {
    COAP_TYPE_CON = 0,
    COAP_TYPE_NON = 1,
    COAP_TYPE_ACK = 2,
    COAP_TYPE_RST = 3,
};

/* "2.05" is COAP_CODE(2, 5). */
#define COAP_CODE(class, detail) ((uint8_t)((class) << 5 | (detail)))
#define COAP_CODE_CLASS(code)    ((uint8_t)(code) >> 5)

enum {
    COAP_CODE_EMPTY = COAP_CODE(0, 0),
    COAP_CODE_GET = COAP_CODE(0, 1),
    COAP_CODE_POST = COAP_CODE(0, 2),
    COAP_CODE_PUT = COAP_CODE(0, 3),
    COAP_CODE_DELETE = COAP_CODE(0, 4),
    COAP_CODE_CREATED = COAP_CODE(2, 1),
    COAP_CODE_DELETED = COAP_CODE(2, 2),
    COAP_CODE_CHANGED = COAP_CODE(2, 4),
    COAP_CODE_CONTENT = COAP_CODE(2, 5),
    COAP_CODE_CONTINUE = COAP_CODE(2, 31),
    COAP_CODE_BAD_REQUEST = COAP_CODE(4, 0),
    COAP_CODE_FORBIDDEN = COAP_CODE(4, 3),
    COAP_CODE_NOT_FOUND = COAP_CODE(4, 4),
    COAP_CODE_NOT_ALLOWED = COAP_CODE(4, 5),
    COAP_CODE_NOT_ACCEPTABLE = COAP_CODE(4, 6),
    COAP_CODE_INCOMPLETE = COAP_CODE(4, 8),
    COAP_CODE_TOO_LARGE = COAP_CODE(4, 13),
    COAP_CODE_UNSUPPORTED_FORMAT = COAP_CODE(4, 15),
};

enum coap_number {
    COAP_NR_URI_HOST = 3,
    COAP_NR_ETAG = 4,
    COAP_NR_OBSERVE = 6,
    COAP_NR_URI_PORT = 7,
    COAP_NR_LOCATION_PATH = 8,
    COAP_NR_URI_PATH = 11,
    COAP_NR_CONTENT_FORMAT = 12,
    COAP_NR_URI_QUERY = 15,
    COAP_NR_ACCEPT = 17,
    COAP_NR_BLOCK2 = 23,
    COAP_NR_BLOCK1 = 27,
    COAP_NR_SIZE2 = 28,
    COAP_NR_SIZE1 = 60,
};

struct coap_token {
    uint8_t len;
    uint8_t bytes[COAP_TOKEN_MAX];
};

struct coap_option {
    uint16_t number;
    const uint8_t *bytes;
    size_t len;
};

struct coap_msg {
    enum coap_type type;
    uint8_t code;
    uint16_t id;
    struct coap_token token;
    const uint8_t *options; /* for coap_msg_option_next() */
    size_t options_len;
    const uint8_t *payload;
    size_t payload_len;
};

/*
 * FUO_ESHORT: it ends inside of something; FUO_EPROTO: another version, a reserved length, an
 * empty message that is not empty. *msg is written only on success.
 */
FUO_MUST_CHECK int coap_msg_decode(const uint8_t *bytes, size_t len,
                                   struct coap_msg *msg);

/* Options, being read. */
struct coap_options {
    struct rd rest;
    uint16_t number;
};

struct coap_options coap_msg_options(const struct coap_msg *msg);
bool coap_msg_option_next(struct coap_options *options, struct coap_option *option);

/* The first one with that number. */
bool coap_msg_find(const struct coap_msg *msg, enum coap_number number,
                   struct coap_option *option);
/* ... as a number. FUO_ENOENT; FUO_EPROTO: longer than four bytes. */
FUO_MUST_CHECK int coap_msg_number(const struct coap_msg *msg, enum coap_number number,
                                   uint32_t *value);
bool coap_msg_option_is(const struct coap_option *option, const char *text);

bool coap_msg_token_is(const struct coap_token *a, const struct coap_token *b);

/* ---- writing ---- */

struct coap_writer {
    struct wr w;
    uint16_t number;
};

/* Type, code, id and token of *head. */
struct coap_writer coap_msg_write(uint8_t *bytes, size_t cap,
                                  const struct coap_msg *head);
/* FUO_ERANGE at the end if its number is below that of the last one. */
void coap_msg_write_option(struct coap_writer *cw, enum coap_number number,
                           const uint8_t *bytes, size_t len);
/* A number in as few bytes as it takes: none for 0. */
void coap_msg_write_number(struct coap_writer *cw, enum coap_number number,
                           uint32_t value);
/* One option for each step of "/rd/7", or for each pair of "ep=x&lt=60"; none for "". */
void coap_msg_write_steps(struct coap_writer *cw, enum coap_number number,
                          const char *text, char separator);
/* Nothing at all for no bytes. The last thing to be written. */
void coap_msg_write_payload(struct coap_writer *cw, const uint8_t *bytes, size_t len);
FUO_MUST_CHECK int coap_msg_write_end(const struct coap_writer *cw, size_t *len);
