/* SPDX-License-Identifier: MIT */
/*
 * record.c - answers to GET /5/0 and /3/0/3, and what they say, in whatever format they come.
 * Ids that are unknown, and values of another type than they should have, are passed over:
 * clients differ.
 */
#include "lwm2m.h"

#include <string.h>

#include "base/fnv.h"
#include "codec/lwm2m_content.h"

/* Of /5/0, and the last of /3/0. */
enum {
    RES_URI = 1,
    RES_STATE = 3,
    RES_RESULT = 5,
    RES_PACKAGE_VERSION = 7,
    RES_PROTOCOLS = 8,
    RES_METHOD = 9,
    RES_FIRMWARE_VERSION = 3,
    /* of /4/0 */
    RES_SIGNAL = 2,
    RES_CELL = 8,
    RES_COVERAGE = 13,
    NUMBER_NONE = 255, /* a number that is none of the object's */
    DEPTH_RESOURCE = 3,
    ENTRIES_MAX = 64,
    SCRATCH_SIZE = 2048,
};

static void take_text(const struct lwm2m_value *value, char text[static FUO_REPORT_SIZE])
{
    bool is_text = value->type == LWM2M_STRING || value->type == LWM2M_OPAQUE;
    size_t len = is_text ? value->len : 0;
    size_t kept = len < FUO_REPORT_SIZE ? len : FUO_REPORT_SIZE - 1;
    for (size_t i = 0; i < kept; i++) {
        uint8_t c = value->bytes[i];
        text[i] = (char)(c >= ' ' && c <= '~' ? c : '?');
    }
    text[kept] = '\0';
}

static bool take_number(const struct lwm2m_value *value, uint8_t *number)
{
    if (value->type != LWM2M_INTEGER) {
        return false;
    }
    bool known = value->integer >= 0 && value->integer < NUMBER_NONE;
    *number = known ? (uint8_t)value->integer : NUMBER_NONE;
    return true;
}

static void take_protocol(const struct lwm2m_value *value, struct record *r)
{
    uint8_t protocol = NUMBER_NONE;
    if (take_number(value, &protocol) && protocol < 8) {
        r->protocols = (uint8_t)(r->protocols | 1u << protocol);
        r->has_protocols = true;
    }
}

static void take_firmware(const struct lwm2m_entry *entry, struct record *r,
                          struct versions *versions)
{
    const struct lwm2m_value *value = &entry->value;
    if (entry->path.id[2] == RES_PROTOCOLS) {
        take_protocol(value, r);
        return;
    }
    if (entry->path.depth != DEPTH_RESOURCE) {
        return;
    }
    switch (entry->path.id[2]) {
    case RES_URI:
        r->uri = value->type == LWM2M_STRING ? fnv1a(value->bytes, value->len) : 0;
        break;
    case RES_STATE:
        r->has_state = take_number(value, &r->state);
        break;
    case RES_RESULT:
        r->has_result = take_number(value, &r->result);
        break;
    case RES_PACKAGE_VERSION:
        take_text(value, versions->package);
        break;
    case RES_METHOD:
        r->has_method = take_number(value, &r->method);
        break;
    default: /* of no use here */
        break;
    }
}

int record_read_firmware(struct record *record, struct versions *versions,
                         const struct answer *a)
{
    static const struct lwm2m_path path = {.id = {5, 0}, .depth = 2};
    struct lwm2m_entry entries[ENTRIES_MAX];
    uint8_t scratch[SCRATCH_SIZE];
    struct lwm2m_list list = {.entries = entries,
                              .cap = ENTRIES_MAX,
                              .scratch = wr_init(scratch, sizeof(scratch))};
    int err = lwm2m_content_read(a->format, &path, a->body, a->len, &list);
    if (err != FUO_OK) {
        return err;
    }
    *record = (struct record){.has_state = false};
    versions->package[0] = '\0';
    for (size_t i = 0; i < list.count; i++) {
        take_firmware(&entries[i], record, versions);
    }
    return FUO_OK;
}

int record_read_device(struct versions *versions, const struct answer *a)
{
    static const struct lwm2m_path path = {.id = {3, 0, RES_FIRMWARE_VERSION},
                                           .depth = 3};
    struct lwm2m_entry entries[ENTRIES_MAX];
    uint8_t scratch[SCRATCH_SIZE];
    struct lwm2m_list list = {.entries = entries,
                              .cap = ENTRIES_MAX,
                              .scratch = wr_init(scratch, sizeof(scratch))};
    int err = lwm2m_content_read(a->format, &path, a->body, a->len, &list);
    for (size_t i = 0; err == FUO_OK && i < list.count; i++) {
        if (entries[i].path.id[2] == RES_FIRMWARE_VERSION &&
            entries[i].path.depth == DEPTH_RESOURCE) {
            take_text(&entries[i].value, versions->firmware);
        }
    }
    return err;
}

static void take_radio(const struct lwm2m_entry *entry, struct radio *radio)
{
    const struct lwm2m_value *value = &entry->value;
    if (entry->path.depth != DEPTH_RESOURCE || value->type != LWM2M_INTEGER) {
        return;
    }
    switch (entry->path.id[2]) {
    case RES_SIGNAL:
        radio->has_dbm = true;
        radio->dbm = value->integer;
        break;
    case RES_CELL:
        radio->has_cell = value->integer >= 0 && value->integer <= UINT32_MAX;
        radio->cell = radio->has_cell ? (uint32_t)value->integer : 0;
        break;
    case RES_COVERAGE:
        radio->has_coverage = true;
        radio->coverage = value->integer;
        break;
    default: /* of no use here */
        break;
    }
}

int record_read_radio(struct radio *radio, const struct answer *a)
{
    static const struct lwm2m_path path = {.id = {4, 0}, .depth = 2};
    struct lwm2m_entry entries[ENTRIES_MAX];
    uint8_t scratch[SCRATCH_SIZE];
    struct lwm2m_list list = {.entries = entries,
                              .cap = ENTRIES_MAX,
                              .scratch = wr_init(scratch, sizeof(scratch))};
    int err = lwm2m_content_read(a->format, &path, a->body, a->len, &list);
    *radio = (struct radio){.has_cell = false};
    for (size_t i = 0; err == FUO_OK && i < list.count; i++) {
        take_radio(&entries[i], radio);
    }
    return err;
}

int record_read_number(const uint16_t path[static 3], const struct answer *a,
                       uint32_t *number)
{
    const struct lwm2m_path wanted = {.id = {path[0], path[1], path[2]},
                                      .depth = DEPTH_RESOURCE};
    struct lwm2m_entry entries[ENTRIES_MAX];
    uint8_t scratch[SCRATCH_SIZE];
    struct lwm2m_list list = {.entries = entries,
                              .cap = ENTRIES_MAX,
                              .scratch = wr_init(scratch, sizeof(scratch))};
    int err = lwm2m_content_read(a->format, &wanted, a->body, a->len, &list);
    const struct lwm2m_value *value = &entries[0].value;
    bool usable = err == FUO_OK && list.count == 1 && value->type == LWM2M_INTEGER &&
                  value->integer >= 0 && value->integer <= UINT32_MAX;
    if (usable) {
        *number = (uint32_t)value->integer;
    }
    return usable ? FUO_OK : FUO_EPROTO;
}
