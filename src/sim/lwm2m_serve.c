/* SPDX-License-Identifier: MIT */
/* What the server asks: Read, Discover, Observe, Write, Execute; and notifications. */
#include <string.h>

#include "base/fnv.h"
#include "sim/lwm2m_internal.h"

/* ---- reading a request ---- */

static bool read_step(const struct coap_option *option, struct lwm2m_path *path)
{
    char text[8] = "/";
    struct lwm2m_path step;
    if (option->len + 2 > sizeof(text) || path->depth == LWM2M_PATH_DEPTH) {
        return false;
    }
    memcpy(text + 1, option->bytes, option->len);
    if (lwm2m_path_parse(text, option->len + 1, &step) != FUO_OK || step.depth != 1) {
        return false;
    }
    path->id[path->depth++] = step.id[0];
    return true;
}

/* False: its path names nothing of LwM2M. */
static bool read_path(const struct coap_msg *msg, struct lwm2m_path *path)
{
    struct coap_options options = coap_msg_options(msg);
    struct coap_option option;
    *path = (struct lwm2m_path){0};
    while (coap_msg_option_next(&options, &option)) {
        if (option.number == COAP_NR_URI_PATH && !read_step(&option, path)) {
            return false;
        }
    }
    return true;
}

static uint16_t format_of(const struct coap_msg *msg, enum coap_number number)
{
    uint32_t format;
    return coap_msg_number(msg, number, &format) == FUO_OK && format < LWM2M_NO_FORMAT
               ? (uint16_t)format
               : (uint16_t)LWM2M_NO_FORMAT;
}

/* ---- observation ---- */

void lwm2m_forget_observers(struct lwm2m_client *c)
{
    memset(c->observed, 0, sizeof(c->observed));
}

void lwm2m_on_reset(struct lwm2m_client *c, uint16_t id)
{
    for (size_t i = 0; i < LWM2M_OBSERVED_MAX; i++) {
        if (c->observed[i].used && c->observed[i].seq > 0 && c->observed[i].id == id) {
            c->observed[i].used = false;
        }
    }
}

static bool is_same_path(const struct lwm2m_path *a, const struct lwm2m_path *b)
{
    return a->depth == b->depth && lwm2m_path_is_in(a, b);
}

/* The observation of that path, or a free one, or none. */
static struct lwm2m_observed *find_observed(struct lwm2m_client *c,
                                            const struct lwm2m_path *path)
{
    struct lwm2m_observed *found = NULL;
    for (size_t i = 0; i < LWM2M_OBSERVED_MAX; i++) {
        struct lwm2m_observed *o = &c->observed[i];
        if (o->used && is_same_path(&o->path, path)) {
            return o;
        }
        if (!o->used && found == NULL) {
            found = o;
        }
    }
    return found;
}

/* Whether the answer carries an Observe option. */
static bool observe(struct lwm2m_client *c, const struct coap_msg *msg,
                    const struct lwm2m_path *path, const struct wr *value)
{
    uint32_t wish;
    struct lwm2m_observed *o = find_observed(c, path);
    if (coap_msg_number(msg, COAP_NR_OBSERVE, &wish) != FUO_OK || wish > 1 || o == NULL) {
        return false;
    }
    if (wish == 1) {
        o->used = false;
        return false;
    }
    *o = (struct lwm2m_observed){
        .used = true,
        .path = *path,
        .token = msg->token,
        .accept = format_of(msg, COAP_NR_ACCEPT),
        .hash = fnv1a(value->base, value->len),
    };
    return true;
}

static void send_notification(struct lwm2m_client *c, struct lwm2m_observed *o,
                              uint16_t format, const struct wr *value, struct utc now)
{
    uint8_t bytes[LWM2M_MESSAGE_SIZE];
    size_t len = 0;
    o->id = lwm2m_take_id(c);
    o->seq++;
    struct coap_msg head = {
        .type = COAP_TYPE_NON, .code = COAP_CODE_CONTENT, .id = o->id, .token = o->token};
    struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), &head);
    coap_msg_write_number(&cw, COAP_NR_OBSERVE, o->seq);
    coap_msg_write_number(&cw, COAP_NR_CONTENT_FORMAT, format);
    coap_msg_write_payload(&cw, value->base, value->len);
    if (coap_msg_write_end(&cw, &len) == FUO_OK) {
        lwm2m_send(c, LWM2M_PEER_SERVER, bytes, len, now);
    }
}

void lwm2m_notify(struct lwm2m_client *c, struct utc now)
{
    uint8_t buf[LWM2M_MESSAGE_SIZE];
    for (size_t i = 0; i < LWM2M_OBSERVED_MAX && !c->off; i++) {
        struct lwm2m_observed *o = &c->observed[i];
        struct wr value = wr_init(buf, sizeof(buf));
        uint16_t format;
        if (!o->used ||
            lwm2m_read(c, &o->path, o->accept, &value, &format) != COAP_CODE_CONTENT) {
            continue;
        }
        uint64_t hash = fnv1a(value.base, value.len);
        if (hash != o->hash) {
            o->hash = hash;
            send_notification(c, o, format, &value, now);
        }
    }
}

/* ---- answers ---- */

struct answer {
    uint8_t code;
    bool observes;
    bool has_format;
    uint16_t format;
    bool has_block;
    struct coap_block block; /* Block1 */
    struct wr value;
};

static struct answer serve_get(struct lwm2m_client *c, const struct coap_msg *msg,
                               const struct lwm2m_path *path, struct wr value)
{
    struct answer a = {.value = value};
    a.code = lwm2m_read(c, path, format_of(msg, COAP_NR_ACCEPT), &a.value, &a.format);
    if (a.code != COAP_CODE_CONTENT) {
        a.value.len = 0;
        return a;
    }
    a.has_format = true;
    a.observes = observe(c, msg, path, &a.value);
    return a;
}

static struct answer serve_write(struct lwm2m_client *c, const struct coap_msg *msg,
                                 const struct lwm2m_path *path, struct utc now)
{
    struct coap_option option;
    struct lwm2m_request request = {
        .msg = msg, .path = *path, .format = format_of(msg, COAP_NR_CONTENT_FORMAT)};
    struct answer a = {.code = COAP_CODE_BAD_REQUEST};
    request.has_block = coap_msg_find(msg, COAP_NR_BLOCK1, &option);
    if (request.has_block &&
        coap_block_decode(option.bytes, option.len, &request.block) != FUO_OK) {
        return a;
    }
    a.code = lwm2m_write(c, &request, now);
    a.has_block = request.has_block;
    a.block = request.block;
    return a;
}

static struct answer serve(struct lwm2m_client *c, const struct coap_msg *msg,
                           struct wr value, struct utc now)
{
    struct lwm2m_path path;
    struct coap_option query;
    if (!read_path(msg, &path)) {
        return (struct answer){.code = COAP_CODE_NOT_FOUND};
    }
    bool executes =
        path.depth == 3 && (lwm2m_operations(c, &path) & LWM2M_OP_EXECUTE) != 0;
    if (msg->code == COAP_CODE_GET) {
        return serve_get(c, msg, &path, value);
    }
    if (msg->code == COAP_CODE_POST && executes) {
        return (struct answer){.code = lwm2m_execute(c, &path, now)};
    }
    if (msg->code == COAP_CODE_PUT && coap_msg_find(msg, COAP_NR_URI_QUERY, &query) &&
        msg->payload_len == 0) { /* Write-Attributes: it notifies of every change */
        return (struct answer){.code = COAP_CODE_CHANGED};
    }
    if (msg->code == COAP_CODE_PUT || msg->code == COAP_CODE_POST) {
        return serve_write(c, msg, &path, now);
    }
    return (struct answer){.code = COAP_CODE_NOT_ALLOWED};
}

static void send_answer(struct lwm2m_client *c, const struct coap_msg *msg,
                        const struct answer *a, struct utc now)
{
    uint8_t bytes[LWM2M_MESSAGE_SIZE + 64];
    uint8_t block[COAP_BLOCK_OPTION_BYTES];
    size_t len = 0;
    bool confirmable = msg->type == COAP_TYPE_CON;
    struct coap_msg head = {.type = confirmable ? COAP_TYPE_ACK : COAP_TYPE_NON,
                            .code = a->code,
                            .id = confirmable ? msg->id : lwm2m_take_id(c),
                            .token = msg->token};
    struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), &head);
    if (a->observes) {
        coap_msg_write_number(&cw, COAP_NR_OBSERVE, 0);
    }
    if (a->has_format) {
        coap_msg_write_number(&cw, COAP_NR_CONTENT_FORMAT, a->format);
    }
    int block_len = a->has_block ? coap_block_encode(&a->block, block) : -1;
    if (block_len >= 0) {
        coap_msg_write_option(&cw, COAP_NR_BLOCK1, block, (size_t)block_len);
    }
    coap_msg_write_payload(&cw, a->value.base, a->value.len);
    if (coap_msg_write_end(&cw, &len) != FUO_OK) {
        return;
    }
    c->answered.known = len <= sizeof(c->answered.bytes);
    if (c->answered.known) {
        c->answered.id = msg->id;
        c->answered.len = len;
        memcpy(c->answered.bytes, bytes, len);
    }
    lwm2m_send(c, LWM2M_PEER_SERVER, bytes, len, now);
}

void lwm2m_serve(struct lwm2m_client *c, const struct coap_msg *msg, struct utc now)
{
    uint8_t buf[LWM2M_MESSAGE_SIZE];
    if (c->answered.known && c->answered.id == msg->id) {
        lwm2m_send(c, LWM2M_PEER_SERVER, c->answered.bytes, c->answered.len, now);
        return;
    }
    struct answer a = serve(c, msg, wr_init(buf, sizeof(buf)), now);
    send_answer(c, msg, &a, now);
}
