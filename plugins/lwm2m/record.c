/* SPDX-License-Identifier: MIT */
/*
 * record.c - answers to GET /5/0 and /3/0/3, and what they say. Ids that are unknown, and
 * values of another type than they should have, are passed over: clients differ.
 */
#include "lwm2m.h"

#include <string.h>

#include "codec/lwm2m_tlv.h"

/* Of /5/0, and the last of /3/0. */
enum {
    RES_URI = 1,
    RES_STATE = 3,
    RES_RESULT = 5,
    RES_PACKAGE_VERSION = 7,
    RES_PROTOCOLS = 8,
    RES_METHOD = 9,
    RES_FIRMWARE_VERSION = 3,
    NUMBER_NONE = 255, /* a number that is none of the object's */
};

static void take_text(const uint8_t *bytes, size_t len, char *text, size_t size)
{
    size_t kept = len < size ? len : size - 1;
    for (size_t i = 0; i < kept; i++) {
        text[i] = (char)(bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '?');
    }
    text[kept] = '\0';
}

static bool take_number(const struct lwm2m_tlv_value *value, uint8_t *number)
{
    int64_t given = 0;
    if (lwm2m_tlv_int(value, &given) != FUO_OK) {
        return false;
    }
    *number = given >= 0 && given < NUMBER_NONE ? (uint8_t)given : NUMBER_NONE;
    return true;
}

static void take_protocol(const struct lwm2m_tlv_value *value, struct record *r)
{
    uint8_t protocol = NUMBER_NONE;
    if (take_number(value, &protocol) && protocol < 8) {
        r->protocols = (uint8_t)(r->protocols | 1u << protocol);
        r->has_protocols = true;
    }
}

static void take_firmware(const struct lwm2m_tlv_value *value, struct record *r)
{
    if (value->index != LWM2M_TLV_NONE) {
        if (value->resource == RES_PROTOCOLS) {
            take_protocol(value, r);
        }
        return;
    }
    switch (value->resource) {
    case RES_URI:
        take_text(value->bytes, value->len, r->uri, sizeof(r->uri));
        break;
    case RES_STATE:
        r->has_state = take_number(value, &r->state);
        break;
    case RES_RESULT:
        r->has_result = take_number(value, &r->result);
        break;
    case RES_PACKAGE_VERSION:
        take_text(value->bytes, value->len, r->package_version,
                  sizeof(r->package_version));
        break;
    case RES_PROTOCOLS:
        take_protocol(value, r);
        break;
    case RES_METHOD:
        r->has_method = take_number(value, &r->method);
        break;
    default: /* of no use here */
        break;
    }
}

static bool is_tlv(uint16_t format)
{
    return format == FORMAT_TLV || format == FORMAT_TLV_OLD;
}

int record_read_firmware(struct record *record, uint16_t format, const uint8_t *bytes,
                         size_t len)
{
    struct record read = {.has_state = false};
    struct lwm2m_tlv_value value;
    if (!is_tlv(format)) {
        return FUO_ENOTSUP;
    }
    struct lwm2m_tlv tlv = lwm2m_tlv_init(bytes, len);
    while (lwm2m_tlv_next(&tlv, &value)) {
        take_firmware(&value, &read);
    }
    int err = lwm2m_tlv_end(&tlv);
    if (err == FUO_OK) {
        memcpy(read.firmware_version, record->firmware_version,
               sizeof(read.firmware_version));
        *record = read;
    }
    return err;
}

int record_read_device(struct record *record, uint16_t format, const uint8_t *bytes,
                       size_t len)
{
    struct lwm2m_tlv_value value;
    if (format == FORMAT_TEXT) {
        take_text(bytes, len, record->firmware_version, sizeof(record->firmware_version));
        return FUO_OK;
    }
    if (!is_tlv(format)) {
        return FUO_ENOTSUP;
    }
    struct lwm2m_tlv tlv = lwm2m_tlv_init(bytes, len);
    char version[FUO_REPORT_SIZE] = "";
    while (lwm2m_tlv_next(&tlv, &value)) {
        if (value.resource == RES_FIRMWARE_VERSION && value.index == LWM2M_TLV_NONE) {
            take_text(value.bytes, value.len, version, sizeof(version));
        }
    }
    int err = lwm2m_tlv_end(&tlv);
    if (err == FUO_OK) {
        memcpy(record->firmware_version, version, sizeof(version));
    }
    return err;
}
