/* SPDX-License-Identifier: MIT */
/* How an image comes to the device, and whether it is a good one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/device.h"
#include "sim/lwm2m_internal.h"

enum {
    PORT_COAP = 5683,
    PORT_COAPS = 5684,
    /* Header of the packages of Anjay's demo (lwm2m.md 5). */
    HEADER_BYTES = 16,
    HEADER_MAGIC_BYTES = 8,
    HEADER_VERSION = 1,
};

/* ---- the bytes ---- */

bool lwm2m_image_append(struct lwm2m_image *image, const uint8_t *bytes, size_t len)
{
    if (len > LWM2M_IMAGE_MAX - image->len) {
        return false;
    }
    if (image->len + len > image->cap) {
        size_t cap = image->cap == 0 ? 4096 : 2 * image->cap;
        uint8_t *grown = realloc(image->bytes, cap);
        if (grown == NULL) {
            return false;
        }
        image->bytes = grown;
        image->cap = cap;
    }
    if (len > 0) {
        memcpy(image->bytes + image->len, bytes, len);
        image->len += len;
    }
    return true;
}

void lwm2m_image_drop(struct lwm2m_image *image)
{
    free(image->bytes);
    *image = (struct lwm2m_image){0};
}

void lwm2m_image_version(struct lwm2m_client *c)
{
    if (c->config->next_version != NULL) {
        (void)snprintf(c->version, sizeof(c->version), "%s", c->config->next_version);
        return;
    }
    (void)snprintf(c->version, sizeof(c->version), "%08x",
                   (unsigned)device_firmware_version(c->image.bytes, c->image.len));
}

/* ---- is it good? ---- */

static uint32_t be(const uint8_t *bytes, size_t len)
{
    uint32_t v = 0;
    for (size_t i = 0; i < len; i++) {
        v = v << 8 | bytes[i];
    }
    return v;
}

/* What Anjay's demo makes of the failure that its package asks for. */
static uint8_t take_asked(struct lwm2m_client *c, uint32_t asked)
{
    c->stays = asked == 5 || asked == 6;
    switch (asked) {
    case 1:
        return FWO_NO_RAM;
    case 2:
        c->asked = LWM2M_FATE_KEEP;
        break;
    case 4:
    case 6:
        c->asked = LWM2M_FATE_FAIL;
        break;
    case 7:
        c->asked = LWM2M_FATE_STUCK;
        break;
    }
    return FWO_INITIAL;
}

/* The Result of the download. */
static uint8_t check(struct lwm2m_client *c)
{
    const uint8_t *bytes = c->image.bytes;
    size_t len = c->image.len;
    c->asked = LWM2M_FATE_GOOD;
    c->stays = false;
    if (c->quirks->download_result != 0) {
        return c->quirks->download_result;
    }
    if (len == 0 || (c->expected_bytes != 0 && len != c->expected_bytes)) {
        return FWO_INTEGRITY;
    }
    if (len < HEADER_BYTES || memcmp(bytes, "ANJAY_FW", HEADER_MAGIC_BYTES) != 0) {
        return FWO_INITIAL;
    }
    if (be(bytes + 8, 2) != HEADER_VERSION) {
        return FWO_BAD_TYPE;
    }
    if (be(bytes + 12, 4) !=
        device_firmware_version(bytes + HEADER_BYTES, len - HEADER_BYTES)) {
        return FWO_INTEGRITY;
    }
    return take_asked(c, be(bytes + 10, 2));
}

void lwm2m_image_received(struct lwm2m_client *c, struct utc now)
{
    uint8_t result = check(c);
    lwm2m_set_timer(c, LWM2M_TIMER_LOST, UTC_NEVER);
    (void)lwm2m_fw_step(
        c, result == FWO_INITIAL ? FWO_EV_RECEIVED : FWO_EV_DOWNLOAD_FAILED, result, now);
}

static void begin(struct lwm2m_client *c, bool pulls)
{
    c->pulls = pulls;
    c->moved = false;
    c->deferred = 0;
    c->expected_bytes = 0;
    c->szx = c->quirks->szx;
    c->download = (struct coap_download){0};
    lwm2m_image_drop(&c->image);
}

static uint8_t busy(const struct lwm2m_client *c)
{
    return c->quirks->bad_busy ? COAP_CODE_BAD_REQUEST : COAP_CODE_NOT_ALLOWED;
}

/* Some way into it, it has another port, and says so by an update of its registration. */
static void maybe_move(struct lwm2m_client *c, struct utc now)
{
    uint64_t percent = c->quirks->move_at;
    if (percent == 0 || c->moved || c->expected_bytes == 0 ||
        (uint64_t)c->image.len * 100 < percent * c->expected_bytes) {
        return;
    }
    c->moved = true;
    lwm2m_set_timer(c, LWM2M_TIMER_MOVE, now);
}

static bool append(struct lwm2m_client *c, const struct coap_msg *msg)
{
    if (c->download.offset == msg->payload_len) { /* the first */
        c->image.len = 0;
    }
    return lwm2m_image_append(&c->image, msg->payload, msg->payload_len);
}

static void expect(struct lwm2m_client *c, const struct coap_msg *msg,
                   enum coap_number number)
{
    uint32_t size;
    if (coap_msg_number(msg, number, &size) == FUO_OK) {
        c->expected_bytes = size;
    }
}

/* ---- push ---- */

static uint8_t clear(struct lwm2m_client *c, struct utc now)
{
    if (c->quirks->deaf && c->fw.state == FWO_DOWNLOADING) {
        return COAP_CODE_CHANGED;
    }
    return lwm2m_fw_step(c, FWO_EV_CLEAR, 0, now) ? COAP_CODE_CHANGED
                                                  : COAP_CODE_NOT_ALLOWED;
}

/* Whether a block may come now; the first one begins a download. */
static uint8_t admit(struct lwm2m_client *c, const struct coap_block *block,
                     struct utc now)
{
    bool pushed = c->fw.state == FWO_DOWNLOADING && !c->pulls;
    if (pushed) {
        return COAP_CODE_CONTINUE;
    }
    if (block->num > 0) {
        return c->fw.state == FWO_IDLE ? COAP_CODE_INCOMPLETE : busy(c);
    }
    if (!lwm2m_fw_step(c, FWO_EV_PACKAGE, 0, now)) {
        return busy(c);
    }
    begin(c, false);
    return COAP_CODE_CONTINUE;
}

static uint8_t take_pushed(struct lwm2m_client *c, const struct lwm2m_request *request,
                           struct utc now)
{
    const struct coap_msg *msg = request->msg;
    enum coap_taken taken =
        coap_download_take(&c->download, &request->block, msg->payload_len);
    uint8_t good = request->block.more ? COAP_CODE_CONTINUE : COAP_CODE_CHANGED;
    switch (taken) {
    case COAP_TAKEN_REPEATED:
        return good;
    case COAP_TAKEN_GAP:
        return COAP_CODE_INCOMPLETE;
    case COAP_TAKEN_MALFORMED:
        return COAP_CODE_BAD_REQUEST;
    case COAP_TAKEN_FIRST:
        expect(c, msg, COAP_NR_SIZE1);
        break;
    case COAP_TAKEN_NEW:
        break;
    }
    if (!append(c, msg)) {
        (void)lwm2m_fw_step(c, FWO_EV_DOWNLOAD_FAILED, FWO_NO_FLASH, now);
        return COAP_CODE_TOO_LARGE;
    }
    if (c->download.done) {
        lwm2m_image_received(c, now);
    } else {
        maybe_move(c, now);
        lwm2m_set_timer(c, LWM2M_TIMER_LOST, utc_after(now, c->config->lost_us));
    }
    return good;
}

uint8_t lwm2m_image_pushed(struct lwm2m_client *c, struct lwm2m_request *request,
                           struct utc now)
{
    const struct coap_msg *msg = request->msg;
    struct coap_block *block = &request->block;
    if (!request->has_block) {
        *block = (struct coap_block){.szx = COAP_BLOCK_SZX_MAX};
    }
    if (request->format != LWM2M_OPAQUE && request->format != LWM2M_NO_FORMAT) {
        return COAP_CODE_UNSUPPORTED_FORMAT;
    }
    if (block->num == 0 && !block->more &&
        (msg->payload_len == 0 || (msg->payload_len == 1 && msg->payload[0] == 0))) {
        return clear(c, now);
    }
    if (c->quirks->method == LWM2M_PULL) {
        return COAP_CODE_NOT_ALLOWED;
    }
    uint8_t code = admit(c, block, now);
    if (code == COAP_CODE_CONTINUE) {
        code = take_pushed(c, request, now);
    }
    block->szx = block->szx < c->quirks->szx ? block->szx : c->quirks->szx;
    return code;
}

/* ---- pull ---- */

/* "coap://host:port/path". The Result that it stands for; FWO_INITIAL: it can be tried. */
static uint8_t parse_uri(const struct lwm2m_client *c, const char *text,
                         struct lwm2m_uri *uri)
{
    static const char plain[] = "coap://";
    static const char secure[] = "coaps://";
    *uri = (struct lwm2m_uri){.port = PORT_COAP};
    if (strncmp(text, secure, sizeof(secure) - 1) == 0 && c->config->secure) {
        uri->secure = true;
        uri->port = PORT_COAPS;
        text += sizeof(secure) - 1;
    } else if (strncmp(text, plain, sizeof(plain) - 1) == 0) {
        text += sizeof(plain) - 1;
    } else {
        return strstr(text, "://") != NULL ? FWO_BAD_PROTOCOL : FWO_BAD_URI;
    }
    bool bracket = text[0] == '['; /* an IPv6 address */
    size_t len = strcspn(text += bracket, bracket ? "]" : ":/");
    if (len == 0 || len >= sizeof(uri->host) || strchr(text, '%') != NULL) {
        return FWO_BAD_URI;
    }
    memcpy(uri->host, text, len);
    text += len + (bracket && text[len] == ']' ? 1 : 0);
    if (*text == ':') {
        char *end = NULL;
        unsigned long port = strtoul(text + 1, &end, 10);
        if (text[1] < '0' || text[1] > '9' || port == 0 || port > UINT16_MAX) {
            return FWO_BAD_URI;
        }
        uri->port = (uint16_t)port;
        text = end;
    }
    if (*text != '/' || text[1] == '\0') {
        return FWO_BAD_URI;
    }
    memcpy(uri->path, text, strlen(text) + 1);
    return FWO_INITIAL;
}

uint8_t lwm2m_image_uri(struct lwm2m_client *c, const char *uri, size_t len,
                        struct utc now)
{
    char text[LWM2M_URI_SIZE];
    if (len == 0) {
        return clear(c, now);
    }
    if (c->quirks->method == LWM2M_PUSH) {
        return COAP_CODE_NOT_ALLOWED;
    }
    if (c->fw.state != FWO_IDLE) {
        return busy(c);
    }
    if (len >= sizeof(text) || memchr(uri, '\0', len) != NULL) {
        return COAP_CODE_BAD_REQUEST;
    }
    memcpy(text, uri, len);
    text[len] = '\0';
    uint8_t result = parse_uri(c, text, &c->source);
    if (result != FWO_INITIAL) {
        (void)lwm2m_fw_step(c, FWO_EV_REFUSED_URI, result, now);
        return c->quirks->bad_busy ? COAP_CODE_BAD_REQUEST : COAP_CODE_CHANGED;
    }
    (void)lwm2m_fw_step(c, FWO_EV_URI, 0, now);
    begin(c, true);
    memcpy(c->uri, text, len + 1);
    lwm2m_set_timer(c, LWM2M_TIMER_FETCH, now);
    return COAP_CODE_CHANGED;
}

static void write_target(struct coap_writer *cw, const char *target)
{
    char path[LWM2M_URI_SIZE];
    size_t len = strcspn(target, "?");
    memcpy(path, target, len);
    path[len] = '\0';
    coap_msg_write_steps(cw, COAP_NR_URI_PATH, path, '/');
    coap_msg_write_steps(cw, COAP_NR_URI_QUERY,
                         target[len] == '?' ? target + len + 1 : "", '&');
}

void lwm2m_image_fetch(struct lwm2m_client *c, struct utc now)
{
    struct lwm2m_exchange *x = &c->to_files;
    struct coap_block block;
    uint8_t value[COAP_BLOCK_OPTION_BYTES];
    if (c->download.offset == 0 &&
        !c->config->sink->connect(c->config->ctx, c, &c->source)) {
        (void)lwm2m_fw_step(c, FWO_EV_DOWNLOAD_FAILED, FWO_LOST, now);
        return;
    }
    if (coap_download_next(&c->download, c->szx, &block) != FUO_OK) {
        (void)lwm2m_fw_step(c, FWO_EV_DOWNLOAD_FAILED, FWO_LOST, now);
        return;
    }
    x->id = lwm2m_take_id(c);
    x->token = lwm2m_take_token(c);
    struct coap_msg head = {
        .type = COAP_TYPE_CON, .code = COAP_CODE_GET, .id = x->id, .token = x->token};
    struct coap_writer cw = coap_msg_write(x->bytes, sizeof(x->bytes), &head);
    write_target(&cw, c->source.path);
    int len = coap_block_encode(&block, value);
    coap_msg_write_option(&cw, COAP_NR_BLOCK2, value, (size_t)(len > 0 ? len : 0));
    if (coap_msg_write_end(&cw, &x->len) == FUO_OK) {
        lwm2m_begin(c, x, LWM2M_FETCH, now);
    }
}

/* Whether it is of the same image as the blocks before. */
static bool same_etag(struct lwm2m_client *c, const struct coap_msg *msg, bool first)
{
    struct coap_option etag = {0};
    if (!coap_msg_find(msg, COAP_NR_ETAG, &etag) || etag.len > sizeof(c->etag.bytes)) {
        etag.len = 0;
    }
    struct coap_token now = {.len = (uint8_t)etag.len};
    if (etag.len > 0) {
        memcpy(now.bytes, etag.bytes, etag.len);
    }
    if (first) {
        c->etag = now;
    }
    return coap_msg_token_is(&c->etag, &now);
}

/* The Result that an answer stands for; FWO_INITIAL: it was taken. */
static uint8_t take_fetched(struct lwm2m_client *c, const struct coap_msg *msg)
{
    struct coap_block block = {.szx = COAP_BLOCK_SZX_MAX};
    struct coap_option option;
    if (msg->code != COAP_CODE_CONTENT) {
        return COAP_CODE_CLASS(msg->code) == 5 ? FWO_LOST : FWO_BAD_URI;
    }
    if (coap_msg_find(msg, COAP_NR_BLOCK2, &option) &&
        coap_block_decode(option.bytes, option.len, &block) != FUO_OK) {
        return FWO_LOST;
    }
    enum coap_taken taken = coap_download_take(&c->download, &block, msg->payload_len);
    if (taken != COAP_TAKEN_FIRST && taken != COAP_TAKEN_NEW) {
        return FWO_LOST;
    }
    if (taken == COAP_TAKEN_FIRST) {
        expect(c, msg, COAP_NR_SIZE2);
    }
    c->szx = block.szx < c->szx ? block.szx : c->szx;
    if (!same_etag(c, msg, taken == COAP_TAKEN_FIRST)) {
        return FWO_INTEGRITY;
    }
    return append(c, msg) ? FWO_INITIAL : FWO_NO_FLASH;
}

void lwm2m_image_fetched(struct lwm2m_client *c, const struct coap_msg *msg,
                         struct utc now)
{
    if (c->fw.state != FWO_DOWNLOADING || !c->pulls) {
        return;
    }
    uint8_t result = take_fetched(c, msg);
    if (result != FWO_INITIAL) {
        (void)lwm2m_fw_step(c, FWO_EV_DOWNLOAD_FAILED, result, now);
    } else if (c->download.done) {
        lwm2m_image_received(c, now);
    } else {
        maybe_move(c, now);
        lwm2m_set_timer(c, LWM2M_TIMER_FETCH, now);
    }
}
