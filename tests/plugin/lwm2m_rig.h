/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_rig.h - the plugin lwm2m, and a device of the test at the other end of a socket; time as
 * the test says. Reads are answered by themselves; what is written to the device is for the test
 * to see and to answer, and what it fetches to ask for. It notifies when the test says so.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

#include "base/fnv.h"
#include "codec/coap_msg.h"
#include "lwm2m.h"

enum {
    PORT = 5683,
    EUI = 7,
    IMAGE = 1,
    OTHER_IMAGE = 2,
    SZX = 2,
    BLOCK_BYTES = 64,
    BLOCKS = 10,
    IMAGE_BYTES = BLOCKS * BLOCK_BYTES - 3,
    ARRIVES_MS = 20000, /* at most: on loopback it is there at once */
    PATH_BYTES = 32,
    HTTP = 2, /* of /5/0/8 */
    PULL = 0,
    PUSH = 1, /* of /5/0/9 */
};

#define ACK_TIMEOUT_US (60 * SECOND_US) /* nothing is repeated in a test */

struct fuo_host {
    int fd;     /* of the plugin */
    int client; /* of the device */
    struct in_addr address;
    char address_text[INET_ADDRSTRLEN];
    struct config config;
    struct fuo_ns *ns;
    int64_t now_us;
    uint64_t drawn;
    bool at_once;  /* it wants another turn */
    uint8_t state; /* of the device, and so the next three */
    uint8_t result;
    uint8_t protocol;
    uint8_t method;
    size_t reads;  /* of /5/0 */
    bool observes; /* the read that waits for its answer does */
    struct coap_token observer;
    uint64_t order_id;
    /* what came of it */
    uint32_t mark;
    size_t marks;
    size_t ordered;     /* answers to orders */
    int err;            /* the last of them */
    size_t tales;       /* reports that were whole */
    uint8_t told_state; /* by the last report that was whole */
    bool ended;         /* the campaign */
    /* the request that waits for an answer; path empty: none does */
    struct sockaddr_in from;
    struct coap_msg head;
    char path[PATH_BYTES];
    struct coap_block block;
    size_t payload_len;
    char uri[URI_SIZE]; /* that it was told last */
    /* the answer to a fetch; code 0: there is none yet */
    uint8_t served_code;
    struct coap_block served;
};

/* ---- the host ---- */

static inline void on_log(struct fuo_host *h, enum fuo_log_level level, const char *text)
{
    (void)h;
    (void)level;
    printf("# %s\n", text);
}

static inline void on_reject(struct fuo_host *h, const char *kind)
{
    (void)h;
    fail_msg("%s", kind);
}

static inline void on_event(struct fuo_host *h, const struct fuo_event *e)
{
    if (e->type == FUO_EV_PROGRESS) {
        assert_int_equal(e->progress.total_bytes, IMAGE_BYTES);
        h->mark = e->progress.mark != 0 ? e->progress.mark : h->mark;
        h->marks += e->progress.mark != 0;
    } else if (e->type == FUO_EV_ORDERED) {
        assert_int_equal(e->ordered.id, h->order_id);
        h->ordered++;
        h->err = e->ordered.err;
    } else if (e->type == FUO_EV_REPORTED && e->reported.whole) {
        h->tales++;
        h->told_state = e->reported.state;
    }
}

static inline int on_watch(struct fuo_host *h, int fd)
{
    h->fd = fd;
    return FUO_OK;
}

static inline void on_wake_after(struct fuo_host *h, int64_t delay_us)
{
    h->at_once |= delay_us == 0;
}

static inline int64_t on_now(struct fuo_host *h)
{
    return h->now_us;
}

static inline void on_random(struct fuo_host *h, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        h->drawn++;
        bytes[i] = (uint8_t)fnv1a(&h->drawn, sizeof(h->drawn));
    }
}

static inline int on_derive(struct fuo_host *h, const char *text, uint8_t bytes[16])
{
    (void)h;
    (void)text;
    memset(bytes, 1, 16);
    return FUO_OK;
}

static inline int on_find_device(struct fuo_host *h, const char *name, uint64_t *dev_eui)
{
    (void)h;
    assert_string_equal(name, "meter");
    *dev_eui = EUI;
    return FUO_OK;
}

static inline int on_image(struct fuo_host *h, uint32_t image, const uint8_t **bytes,
                           size_t *len)
{
    static const uint8_t firmware[IMAGE_BYTES] = {1, 2, 3};
    *bytes = firmware;
    *len = sizeof(firmware);
    bool there = !h->ended && (image == IMAGE || image == OTHER_IMAGE);
    return there ? FUO_OK : FUO_ENOENT;
}

static const struct fuo_host_ops ops = {
    .size = sizeof(ops),
    .log = on_log,
    .reject = on_reject,
    .event = on_event,
    .watch = on_watch,
    .wake_after = on_wake_after,
    .now = on_now,
    .random = on_random,
    .derive = on_derive,
    .find_device = on_find_device,
    .image = on_image,
};

/* ---- the device ---- */

static inline void send_message(struct fuo_host *h, const struct coap_writer *cw,
                                const uint8_t *bytes, const struct sockaddr_in *to)
{
    size_t len = 0;
    assert_int_equal(coap_msg_write_end(cw, &len), FUO_OK);
    assert_int_equal(
        sendto(h->client, bytes, len, 0, (const struct sockaddr *)to, sizeof(*to)), len);
}

static inline void send_registration(struct fuo_host *h)
{
    static const char links[] = "</3/0>,</5/0>";
    uint8_t bytes[256];
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = h->address};
    struct coap_msg head = {.type = COAP_TYPE_CON,
                            .code = COAP_CODE_POST,
                            .id = 1,
                            .token = {.len = 1, .bytes = {1}}};
    struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), &head);
    coap_msg_write_steps(&cw, COAP_NR_URI_PATH, "/rd", '/');
    coap_msg_write_number(&cw, COAP_NR_CONTENT_FORMAT, FORMAT_LINK);
    coap_msg_write_steps(&cw, COAP_NR_URI_QUERY, "ep=meter&lt=86400&lwm2m=1.0", '&');
    coap_msg_write_payload(&cw, (const uint8_t *)links, sizeof(links) - 1);
    send_message(h, &cw, bytes, &to);
}

static inline struct coap_writer begin_answer(struct fuo_host *h, uint8_t *bytes,
                                              size_t cap, uint8_t code)
{
    h->head.type = COAP_TYPE_ACK;
    h->head.code = code;
    h->path[0] = '\0';
    return coap_msg_write(bytes, cap, &h->head);
}

/* State, Result, protocol and method. */
static inline void tell_firmware(struct fuo_host *h)
{
    uint8_t bytes[64];
    const uint8_t tlv[] = {0xc1, 3,    h->state, 0xc1,        5,    h->result, 0x83,
                           8,    0x41, 0,        h->protocol, 0xc1, 9,         h->method};
    struct coap_writer cw = begin_answer(h, bytes, sizeof(bytes), COAP_CODE_CONTENT);
    if (h->observes) {
        coap_msg_write_number(&cw, COAP_NR_OBSERVE, 0);
    }
    coap_msg_write_number(&cw, COAP_NR_CONTENT_FORMAT, FORMAT_TLV);
    coap_msg_write_payload(&cw, tlv, sizeof(tlv));
    send_message(h, &cw, bytes, &h->from);
}

static inline void tell_version(struct fuo_host *h)
{
    uint8_t bytes[64];
    struct coap_writer cw = begin_answer(h, bytes, sizeof(bytes), COAP_CODE_CONTENT);
    coap_msg_write_number(&cw, COAP_NR_CONTENT_FORMAT, FORMAT_TEXT);
    coap_msg_write_payload(&cw, (const uint8_t *)"1.4.2", 5);
    send_message(h, &cw, bytes, &h->from);
}

static inline void read_path(const struct coap_msg *m, char path[static PATH_BYTES])
{
    struct coap_option option;
    struct coap_options options = coap_msg_options(m);
    size_t len = 0;
    path[0] = '\0';
    while (coap_msg_option_next(&options, &option)) {
        if (option.number == COAP_NR_URI_PATH) {
            len += (size_t)snprintf(path + len, PATH_BYTES - len, "%s%.*s",
                                    len > 0 ? "/" : "", (int)option.len,
                                    (const char *)option.bytes);
        }
    }
}

static inline void note_observe(struct fuo_host *h, const struct coap_msg *m)
{
    uint32_t wish;
    h->observes = coap_msg_number(m, COAP_NR_OBSERVE, &wish) == FUO_OK && wish == 0;
    if (h->observes) {
        h->observer = m->token;
    }
}

static inline void take_request(struct fuo_host *h, const struct coap_msg *m)
{
    struct coap_option option;
    h->head = (struct coap_msg){.id = m->id, .token = m->token};
    h->block = (struct coap_block){0};
    h->payload_len = m->payload_len;
    read_path(m, h->path);
    if (coap_msg_find(m, COAP_NR_BLOCK1, &option)) {
        assert_int_equal(coap_block_decode(option.bytes, option.len, &h->block), FUO_OK);
    }
    if (strcmp(h->path, "5/0/1") == 0) {
        snprintf(h->uri, sizeof(h->uri), "%.*s", (int)m->payload_len,
                 (const char *)m->payload);
    }
    if (m->code == COAP_CODE_GET && strcmp(h->path, "5/0") == 0) {
        h->reads++;
        note_observe(h, m);
        tell_firmware(h);
    } else if (m->code == COAP_CODE_GET) {
        assert_string_equal(h->path, "3/0/3");
        tell_version(h);
    }
}

static const struct coap_token fetch_token = {.len = 1, .bytes = {'f'}};

static inline void take_served(struct fuo_host *h, const struct coap_msg *m)
{
    struct coap_option option;
    h->served_code = m->code;
    h->served = (struct coap_block){0};
    if (coap_msg_find(m, COAP_NR_BLOCK2, &option)) {
        assert_int_equal(coap_block_decode(option.bytes, option.len, &h->served), FUO_OK);
    }
}

static inline void collect(struct fuo_host *h)
{
    uint8_t bytes[COAP_MSG_BYTES_MAX];
    struct coap_msg m;
    socklen_t from_len = sizeof(h->from);
    ssize_t n = recvfrom(h->client, bytes, sizeof(bytes), MSG_DONTWAIT,
                         (struct sockaddr *)&h->from, &from_len);
    if (n > 0) {
        assert_int_equal(coap_msg_decode(bytes, (size_t)n, &m), FUO_OK);
        if (COAP_CODE_CLASS(m.code) == 0 && m.code != COAP_CODE_EMPTY) {
            take_request(h, &m);
        } else if (coap_msg_token_is(&m.token, &fetch_token)) {
            take_served(h, &m);
        }
    }
}

/* One turn of each, as soon as there is something to do. */
static inline void turn(struct fuo_host *h)
{
    struct pollfd ready[] = {{.fd = h->fd, .events = POLLIN},
                             {.fd = h->client, .events = POLLIN}};
    int n = poll(ready, 2, h->at_once ? 0 : ARRIVES_MS);
    assert_true(n > 0 || h->at_once);
    h->at_once = false;
    fuo_ns_plugin.on_ready(h->ns);
    collect(h);
}

/* Until it is written to, or its order was answered. */
static inline void await_write(struct fuo_host *h)
{
    size_t ordered = h->ordered;
    while (h->path[0] == '\0' && h->ordered == ordered) {
        turn(h);
    }
}

static inline void await_block(struct fuo_host *h, uint32_t num, uint8_t szx)
{
    await_write(h);
    assert_string_equal(h->path, "5/0/0");
    assert_int_equal(h->block.num, num);
    assert_int_equal(h->block.szx, szx);
}

static inline void await_result(struct fuo_host *h, int err)
{
    size_t ordered = h->ordered;
    await_write(h);
    assert_int_equal(h->ordered, ordered + 1);
    assert_int_equal(h->err, err);
}

/* With Block1 as it came, if there was one. */
static inline void answer(struct fuo_host *h, uint8_t code)
{
    uint8_t bytes[64];
    uint8_t value[COAP_BLOCK_OPTION_BYTES];
    int len = coap_block_encode(&h->block, value);
    bool block = strcmp(h->path, "5/0/0") == 0;
    struct coap_writer cw = begin_answer(h, bytes, sizeof(bytes), code);
    if (block) {
        coap_msg_write_option(&cw, COAP_NR_BLOCK1, value, (size_t)len);
    }
    send_message(h, &cw, bytes, &h->from);
}

/* It takes the blocks from that one on, and those before to. */
static inline void take_blocks(struct fuo_host *h, uint32_t from, uint32_t to)
{
    for (uint32_t num = from; num < to; num++) {
        await_block(h, num, SZX);
        assert_int_equal(h->block.more, num + 1 < BLOCKS);
        assert_int_equal(h->payload_len, num + 1 < BLOCKS
                                             ? BLOCK_BYTES
                                             : IMAGE_BYTES - (BLOCKS - 1) * BLOCK_BYTES);
        answer(h, num + 1 < BLOCKS ? COAP_CODE_CONTINUE : COAP_CODE_CHANGED);
    }
}

/* ---- a run ---- */

/* Texts are as they are if nobody says otherwise. */
static inline void configure(struct fuo_host *h, uint32_t block_size)
{
    h->config = (struct config){.coap_port = PORT,
                                .lifetime_us = 86400 * SECOND_US,
                                .block_size = block_size,
                                .ack_timeout_us = ACK_TIMEOUT_US,
                                .awake_us = 93 * SECOND_US,
                                .devices_max = 2};
    for (const struct fuo_option *o = fuo_ns_plugin.options; o->key != NULL; o++) {
        if (o->type == FUO_OPT_STRING) {
            memcpy((char *)&h->config + o->offset, &o->def, sizeof(o->def));
        }
    }
    h->config.address = h->address_text;
}

/* At an address of loopback that each process has to itself: the port is always free. */
static inline void begin(struct fuo_host *h, uint8_t state, uint32_t block_size)
{
    uint32_t pid = (uint32_t)getpid();
    *h = (struct fuo_host){
        .now_us = INT64_C(1767225600000000), .state = state, .method = PUSH};
    h->address.s_addr = htonl(UINT32_C(0x7f800000) | (pid & 0x3fffff));
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = h->address};
    assert_non_null(inet_ntop(AF_INET, &h->address, h->address_text, INET_ADDRSTRLEN));
    h->client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(h->client, (const struct sockaddr *)&any, sizeof(any)), 0);
    configure(h, block_size);
    assert_int_equal(fuo_ns_plugin.open(&h->ns, &h->config, &ops, h), FUO_OK);
    send_registration(h);
}

static inline void end(struct fuo_host *h)
{
    fuo_ns_plugin.close(h->ns);
    close(h->client);
}

static inline void order(struct fuo_host *h, uint32_t image, uint32_t mark)
{
    struct fuo_order wanted = {.id = ++h->order_id,
                               .dev_eui = EUI,
                               .type = FUO_ORDER_DELIVER,
                               .image = image,
                               .mark = mark};
    assert_int_equal(fuo_ns_plugin.order(h->ns, &wanted), FUO_OK);
}
