/* SPDX-License-Identifier: MIT */
/* lwm2m_bench.h - a simulated LwM2M device alone, and this end of its wires. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/hex.h"
#include "codec/coap_block.h"
#include "codec/coap_msg.h"
#include "codec/lwm2m_tlv.h"
#include "sim/lwm2m_client.h"

enum {
    SENT_MAX = 64,
    IMAGE_BYTES = 5000,
};

struct datagram {
    enum lwm2m_peer peer;
    size_t len;
    uint8_t bytes[1400];
};

struct bench {
    struct lwm2m_client client;
    struct lwm2m_client_config config;
    struct utc now;
    struct datagram sent[SENT_MAX]; /* and not taken yet */
    size_t sent_count;
    uint16_t next_id;
    unsigned moves;
    unsigned installs;
    bool unreachable;
    uint8_t image[IMAGE_BYTES]; /* what it is to have */
    uint8_t flash[IMAGE_BYTES]; /* what it runs */
    size_t flash_len;
};

static inline void bench_on_send(void *ctx, struct lwm2m_client *client,
                                 enum lwm2m_peer peer, const uint8_t *bytes, size_t len)
{
    struct bench *b = ctx;
    (void)client;
    assert_true(b->sent_count < SENT_MAX && len <= sizeof(b->sent[0].bytes));
    struct datagram *d = &b->sent[b->sent_count++];
    d->peer = peer;
    d->len = len;
    memcpy(d->bytes, bytes, len);
}

static inline bool bench_on_connect(void *ctx, struct lwm2m_client *client,
                                    const struct lwm2m_uri *uri)
{
    const struct bench *b = ctx;
    (void)client;
    assert_string_equal(uri->host, "127.0.0.1");
    return !b->unreachable;
}

static inline void bench_on_move(void *ctx, struct lwm2m_client *client)
{
    struct bench *b = ctx;
    (void)client;
    b->moves++;
}

static inline void bench_on_installed(void *ctx, struct lwm2m_client *client)
{
    struct bench *b = ctx;
    assert_true(client->image.len <= IMAGE_BYTES);
    b->installs++;
    memcpy(b->flash, client->image.bytes, client->image.len);
    b->flash_len = client->image.len;
}

/* Owned by the caller: bench_free(). */
static inline struct bench *bench_new(const char *quirks)
{
    static const struct lwm2m_client_sink sink = {bench_on_send, bench_on_connect,
                                                  bench_on_move, bench_on_installed};
    struct bench *b = test_calloc(1, sizeof(*b));
    const struct lwm2m_quirks *q = lwm2m_quirks_find(quirks, strlen(quirks));
    assert_non_null(q);
    b->now.us = SECONDS_US(1790000000);
    b->config = (struct lwm2m_client_config){
        .sink = &sink,
        .ctx = b,
        .lifetime_s = 86400,
        .update_us = MINUTES_US(30),
        .ack_timeout_us = SECONDS_US(2),
        .lost_us = SECONDS_US(60),
        .awake_us = SECONDS_US(93),
        .install_us = SECONDS_US(10),
        .boot_us = SECONDS_US(3),
    };
    for (size_t i = 0; i < IMAGE_BYTES; i++) {
        b->image[i] = (uint8_t)(i * 31 + i / 256);
    }
    lwm2m_client_init(&b->client, &b->config, q, UINT64_C(0x70b3d57ed0060001), 7, b->now);
    return b;
}

static inline void bench_free(struct bench *b)
{
    lwm2m_client_free(&b->client);
    test_free(b);
}

/* Time goes on until then; what is due on the way happens at its time. */
static inline void bench_wait(struct bench *b, int64_t us)
{
    struct utc until = utc_after(b->now, us);
    for (struct utc at = lwm2m_client_deadline(&b->client); at.us <= until.us;
         at = lwm2m_client_deadline(&b->client)) {
        b->now = at.us > b->now.us ? at : b->now;
        lwm2m_client_run(&b->client, b->now);
    }
    b->now = until;
}

/* The first datagram that was sent, taken away. It points into *d. */
static inline struct coap_msg bench_take(struct bench *b, struct datagram *d)
{
    struct coap_msg msg;
    assert_true(b->sent_count > 0);
    *d = b->sent[0];
    memmove(b->sent, b->sent + 1, --b->sent_count * sizeof(b->sent[0]));
    assert_int_equal(coap_msg_decode(d->bytes, d->len, &msg), FUO_OK);
    return msg;
}

/* "/rd?ep=x&lt=1" of a request. */
static inline const char *bench_target(const struct coap_msg *msg, char text[512])
{
    struct coap_options options = coap_msg_options(msg);
    struct coap_option o;
    char separator = '?';
    char *at = text;
    *at = '\0';
    while (coap_msg_option_next(&options, &o)) {
        bool query = o.number == COAP_NR_URI_QUERY;
        if (query || o.number == COAP_NR_URI_PATH) {
            at += snprintf(at, (size_t)(text + 512 - at), "%c%.*s",
                           query ? separator : '/', (int)o.len, (const char *)o.bytes);
            separator = query ? '&' : '?';
        }
    }
    return text;
}

/* Answer a request of the client. */
static inline void bench_answer(struct bench *b, const struct coap_msg *to, uint8_t code,
                                const char *location)
{
    uint8_t bytes[256];
    size_t len = 0;
    struct coap_msg head = {
        .type = COAP_TYPE_ACK, .code = code, .id = to->id, .token = to->token};
    struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), &head);
    coap_msg_write_steps(&cw, COAP_NR_LOCATION_PATH, location, '/');
    assert_int_equal(coap_msg_write_end(&cw, &len), FUO_OK);
    lwm2m_client_receive(&b->client, bytes, len, b->now);
}

/* The next thing that it sends by itself. */
static inline struct coap_msg bench_next(struct bench *b, struct datagram *d)
{
    while (b->sent_count == 0) {
        struct utc at = lwm2m_client_deadline(&b->client);
        assert_int_not_equal(at.us, INT64_MAX);
        bench_wait(b, at.us > b->now.us ? at.us - b->now.us : 0);
    }
    return bench_take(b, d);
}

static inline void bench_register(struct bench *b)
{
    struct datagram d;
    struct coap_msg msg = bench_next(b, &d);
    assert_int_equal(msg.code, COAP_CODE_POST);
    bench_answer(b, &msg, COAP_CODE_CREATED, "/rd/7a");
    assert_true(b->client.registered);
    assert_int_equal(b->sent_count, 0);
}

/* ---- requests of the server ---- */

struct ask {
    uint8_t code;
    const char *path;
    int accept; /* one more than it is; 0: none; and so the next two */
    int format;
    int observe;
    const struct coap_block *block1;
    const void *payload;
    size_t payload_len;
    size_t size1;
    struct coap_token token;
};

#define ASK(method, target) (&(struct ask){.code = (method), .path = (target)})
/* And more of it, by name. */
#define ASK_WITH(method, target, ...) \
    (&(struct ask){.code = (method), .path = (target), __VA_ARGS__})

static inline size_t bench_write(uint8_t bytes[1400], uint16_t id, const struct ask *a)
{
    uint8_t block[COAP_BLOCK_OPTION_BYTES];
    size_t len = 0;
    struct coap_msg head = {
        .type = COAP_TYPE_CON, .code = a->code, .id = id, .token = a->token};
    struct coap_writer cw = coap_msg_write(bytes, 1400, &head);
    if (a->observe > 0) {
        coap_msg_write_number(&cw, COAP_NR_OBSERVE, (uint32_t)a->observe - 1);
    }
    coap_msg_write_steps(&cw, COAP_NR_URI_PATH, a->path, '/');
    if (a->format > 0) {
        coap_msg_write_number(&cw, COAP_NR_CONTENT_FORMAT, (uint32_t)a->format - 1);
    }
    if (a->accept > 0) {
        coap_msg_write_number(&cw, COAP_NR_ACCEPT, (uint32_t)a->accept - 1);
    }
    if (a->block1 != NULL) {
        int n = coap_block_encode(a->block1, block);
        coap_msg_write_option(&cw, COAP_NR_BLOCK1, block, (size_t)n);
    }
    if (a->size1 > 0) {
        coap_msg_write_number(&cw, COAP_NR_SIZE1, (uint32_t)a->size1);
    }
    coap_msg_write_payload(&cw, a->payload, a->payload_len);
    assert_int_equal(coap_msg_write_end(&cw, &len), FUO_OK);
    return len;
}

/* The answer points into *d. */
static inline struct coap_msg bench_ask(struct bench *b, const struct ask *a,
                                        struct datagram *d)
{
    uint8_t bytes[1400];
    size_t before = b->sent_count;
    uint16_t id = b->next_id++;
    size_t len = bench_write(bytes, id, a);
    lwm2m_client_receive(&b->client, bytes, len, b->now);
    assert_true(b->sent_count > before);
    *d = b->sent[before];
    memmove(b->sent + before, b->sent + before + 1,
            (--b->sent_count - before) * sizeof(b->sent[0]));
    struct coap_msg msg;
    assert_int_equal(coap_msg_decode(d->bytes, d->len, &msg), FUO_OK);
    assert_int_equal(msg.type, COAP_TYPE_ACK);
    assert_int_equal(msg.id, id);
    assert_true(coap_msg_token_is(&msg.token, &a->token));
    return msg;
}

static inline uint8_t bench_code(struct bench *b, const struct ask *a)
{
    struct datagram d;
    return bench_ask(b, a, &d).code;
}

static inline uint8_t bench_put_text(struct bench *b, const char *path, const char *text)
{
    return bench_code(b, ASK_WITH(COAP_CODE_PUT, path, .format = 1, .payload = text,
                                  .payload_len = strlen(text)));
}

/* A number, as the device says it: from one read of its instance. */
static inline int64_t bench_number(struct bench *b, const char *instance,
                                   uint16_t resource)
{
    struct datagram d;
    struct lwm2m_tlv_value v;
    int64_t number = -1;
    struct coap_msg msg = bench_ask(b, ASK(COAP_CODE_GET, instance), &d);
    assert_int_equal(msg.code, COAP_CODE_CONTENT);
    struct lwm2m_tlv tlv = lwm2m_tlv_init(msg.payload, msg.payload_len);
    while (lwm2m_tlv_next(&tlv, &v)) {
        if (v.resource == resource) {
            assert_int_equal(lwm2m_tlv_int(&v, &number), FUO_OK);
        }
    }
    assert_int_equal(lwm2m_tlv_end(&tlv), FUO_OK);
    return number;
}

/* State and Result, "2/0". */
static inline const char *bench_status(struct bench *b, char text[16])
{
    snprintf(text, 16, "%d/%d", (int)bench_number(b, "/5/0", 3),
             (int)bench_number(b, "/5/0", 5));
    return text;
}

#define assert_status(b, wanted)                               \
    do {                                                       \
        char status_[16];                                      \
        assert_string_equal(bench_status(b, status_), wanted); \
    } while (0)

/* Push so many bytes of the image, or until it refuses; returns the last code. */
static inline uint8_t bench_push(struct bench *b, size_t total, size_t until, uint8_t szx)
{
    struct coap_upload up;
    uint8_t code = 0;
    assert_int_equal(coap_upload_init(&up, total, 0, szx), FUO_OK);
    while (!coap_upload_is_done(&up) && up.offset < until) {
        struct coap_slice slice;
        struct datagram d;
        struct coap_option option;
        struct coap_block block = coap_upload_block(&up, &slice);
        struct coap_msg msg = bench_ask(
            b,
            ASK_WITH(COAP_CODE_PUT, "/5/0/0", .format = 1 + 42, .block1 = &block,
                     .payload = b->image + slice.offset, .payload_len = slice.len,
                     .size1 = slice.offset == 0 ? total : 0),
            &d);
        code = msg.code;
        if (COAP_CODE_CLASS(code) != 2) {
            return code;
        }
        assert_true(coap_msg_find(&msg, COAP_NR_BLOCK1, &option));
        assert_int_equal(coap_block_decode(option.bytes, option.len, &block), FUO_OK);
        assert_int_equal(coap_upload_acked(&up, &block), FUO_OK);
    }
    return code;
}

/* Serve the blocks of the image that it asks for, up to that many; returns how many. */
static inline size_t bench_serve(struct bench *b, size_t most)
{
    size_t served = 0;
    for (; served < most; served++) {
        struct datagram d;
        struct coap_option option;
        struct coap_block block;
        struct coap_slice slice;
        uint8_t bytes[1400];
        uint8_t value[COAP_BLOCK_OPTION_BYTES];
        size_t len = 0;
        bench_wait(b, 0);
        if (b->sent_count == 0) {
            break;
        }
        struct coap_msg ask = bench_take(b, &d);
        if (d.peer == LWM2M_PEER_SERVER) {
            served--; /* an update: answered later, or never */
            continue;
        }
        assert_true(coap_msg_find(&ask, COAP_NR_BLOCK2, &option));
        assert_int_equal(coap_block_decode(option.bytes, option.len, &block), FUO_OK);
        assert_int_equal(coap_block_slice(&block, IMAGE_BYTES, &slice), FUO_OK);
        block.more = slice.more;
        struct coap_msg head = {.type = COAP_TYPE_ACK,
                                .code = COAP_CODE_CONTENT,
                                .id = ask.id,
                                .token = ask.token};
        struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), &head);
        coap_msg_write_option(&cw, COAP_NR_ETAG, (const uint8_t *)"e1", 2);
        coap_msg_write_option(&cw, COAP_NR_BLOCK2, value,
                              (size_t)coap_block_encode(&block, value));
        coap_msg_write_number(&cw, COAP_NR_SIZE2, IMAGE_BYTES);
        coap_msg_write_payload(&cw, b->image + slice.offset, slice.len);
        assert_int_equal(coap_msg_write_end(&cw, &len), FUO_OK);
        lwm2m_client_receive(&b->client, bytes, len, b->now);
    }
    return served;
}
