/* SPDX-License-Identifier: MIT */
/* Write and Execute. */
#include <string.h>

#include "codec/lwm2m_tlv.h"
#include "sim/lwm2m_internal.h"

/* A value to be written, in whichever format it came. */
struct written {
    const uint8_t *bytes;
    size_t len;
    bool text;
};

static int number_of(const struct written *v, int64_t *number)
{
    int64_t n = 0;
    if (!v->text) {
        struct lwm2m_tlv_value value = {.bytes = v->bytes, .len = v->len};
        return lwm2m_tlv_int(&value, number);
    }
    if (v->len == 0 || v->len > 10) {
        return FUO_EPROTO;
    }
    for (size_t i = 0; i < v->len; i++) {
        if (v->bytes[i] < '0' || v->bytes[i] > '9') {
            return FUO_EPROTO;
        }
        n = n * 10 + (v->bytes[i] - '0');
    }
    *number = n;
    return FUO_OK;
}

static uint8_t write_number(const struct written *v, int64_t least, int64_t most,
                            int64_t *number)
{
    int64_t n;
    if (number_of(v, &n) != FUO_OK || n < least || n > most) {
        return COAP_CODE_BAD_REQUEST;
    }
    *number = n;
    return COAP_CODE_CHANGED;
}

static uint8_t write_one(struct lwm2m_client *c, const struct lwm2m_path *path,
                         const struct written *v, struct utc now)
{
    int64_t yes = 0;
    uint8_t code;
    if (path->id[0] == 1) {
        return write_number(v, 1, INT32_MAX, &c->lifetime_s);
    }
    switch (path->id[2]) {
    case 1:
        return lwm2m_image_uri(c, (const char *)v->bytes, v->len, now);
    case 11:
        return write_number(v, 0, 2, &c->severity);
    case 13:
        return write_number(v, 0, UINT32_MAX, &c->max_defer_s);
    case 14:
        code = write_number(v, 0, 1, &yes);
        c->automatic = code == COAP_CODE_CHANGED ? yes == 1 : c->automatic;
        return code;
    }
    return COAP_CODE_NOT_ALLOWED;
}

static bool may_write(const struct lwm2m_client *c, const struct lwm2m_path *path)
{
    return (lwm2m_operations(c, path) & LWM2M_OP_WRITE) != 0;
}

/* An instance, or a resource in its TLV. */
static uint8_t write_tlv(struct lwm2m_client *c, const struct lwm2m_request *request,
                         struct utc now)
{
    struct lwm2m_tlv tlv =
        lwm2m_tlv_init(request->msg->payload, request->msg->payload_len);
    struct lwm2m_tlv_value value;
    uint8_t code = COAP_CODE_CHANGED;
    while (code == COAP_CODE_CHANGED && lwm2m_tlv_next(&tlv, &value)) {
        struct lwm2m_path path = {
            {request->path.id[0], request->path.id[1], value.resource}, 3};
        struct written v = {value.bytes, value.len, false};
        code = !lwm2m_path_is_in(&path, &request->path) ? COAP_CODE_BAD_REQUEST
               : !may_write(c, &path)                   ? COAP_CODE_NOT_ALLOWED
                                                        : write_one(c, &path, &v, now);
    }
    return lwm2m_tlv_end(&tlv) != FUO_OK ? COAP_CODE_BAD_REQUEST : code;
}

static bool is_package(const struct lwm2m_path *path)
{
    return path->depth == 3 && path->id[0] == 5 && path->id[2] == 0;
}

uint8_t lwm2m_write(struct lwm2m_client *c, struct lwm2m_request *request, struct utc now)
{
    const struct lwm2m_path *path = &request->path;
    struct written v = {request->msg->payload, request->msg->payload_len, true};
    if (path->depth < 2 || path->depth > 3 || (path->depth == 3 && !may_write(c, path))) {
        return COAP_CODE_NOT_ALLOWED;
    }
    if (is_package(path) && request->format != LWM2M_TLV) {
        return lwm2m_image_pushed(c, request, now);
    }
    if (request->has_block && (request->block.num > 0 || request->block.more)) {
        return COAP_CODE_TOO_LARGE;
    }
    if (request->format == LWM2M_TLV) {
        return write_tlv(c, request, now);
    }
    if (path->depth == 2 ||
        (request->format != LWM2M_TEXT && request->format != LWM2M_NO_FORMAT)) {
        return COAP_CODE_UNSUPPORTED_FORMAT;
    }
    return write_one(c, path, &v, now);
}

/* ---- Execute ---- */

static uint8_t execute_update(struct lwm2m_client *c, struct utc now)
{
    if (c->fw.state == FWO_DOWNLOADED && c->deferred < c->quirks->defers &&
        c->max_defer_s > 0) {
        c->deferred++;
        (void)lwm2m_fw_step(c, FWO_EV_DEFER, 0, now);
        lwm2m_set_timer(c, LWM2M_TIMER_DEFER, utc_after(now, SECONDS_US(c->max_defer_s)));
        return COAP_CODE_CHANGED;
    }
    return lwm2m_fw_step(c, FWO_EV_EXECUTE, 0, now) ? COAP_CODE_CHANGED
                                                    : COAP_CODE_NOT_ALLOWED;
}

uint8_t lwm2m_execute(struct lwm2m_client *c, const struct lwm2m_path *path,
                      struct utc now)
{
    if (path->id[0] == 5 && path->id[2] == 2) {
        return execute_update(c, now);
    }
    if (path->id[0] == 5) {
        return lwm2m_fw_step(c, FWO_EV_CANCEL, 0, now) ? COAP_CODE_CHANGED
                                                       : COAP_CODE_NOT_ALLOWED;
    }
    if (path->id[0] == 1) {
        lwm2m_set_timer(c, LWM2M_TIMER_UPDATE, now);
        return COAP_CODE_CHANGED;
    }
    lwm2m_set_timer(c, LWM2M_TIMER_REBOOT, now);
    return COAP_CODE_CHANGED;
}
