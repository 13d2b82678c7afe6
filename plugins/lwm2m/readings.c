/* SPDX-License-Identifier: MIT */
/* readings.c - values that a device has told, as texts for the host. */
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "codec/lwm2m_content.h"

enum {
    SCRATCH_SIZE = 4096,
};

/* How long the character is that begins there; 0: it is none that can be shown. */
static size_t character(const uint8_t *bytes, size_t len)
{
    uint8_t first = bytes[0];
    size_t size = first < 0x80                     ? 1
                  : first >= 0xc2 && first <= 0xdf ? 2
                  : first >= 0xe1 && first <= 0xec
                      ? 3 /* without those that are in part */
                  : first == 0xee || first == 0xef ? 3
                  : first >= 0xf1 && first <= 0xf3 ? 4
                                                   : 0;
    if (size == 0 || size > len || first < 0x20 || first == 0x7f) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

/* What cannot be shown becomes '?'. */
static void clean(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t size = character(bytes + i, len - i);
        if (size == 0) {
            bytes[i] = '?';
        }
        i += size > 0 ? size : 1;
    }
}

/* A text with its NUL, in w; NULL: there is no room. */
static const char *put_value(struct wr *w, const struct lwm2m_value *value)
{
    size_t begin = w->len;
    lwm2m_value_format(value, w);
    size_t len = w->len - begin;
    wr_u8(w, '\0');
    if (w->err != FUO_OK) {
        return NULL;
    }
    clean(w->base + begin, len);
    return (const char *)w->base + begin;
}

static const char *put_path(struct wr *w, const struct lwm2m_path *path)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    size_t begin = w->len;
    (void)lwm2m_path_format(path, text);
    wr_bytes(w, (const uint8_t *)text, strlen(text) + 1);
    return w->err == FUO_OK ? (const char *)w->base + begin : NULL;
}

/* As many as fit. */
static size_t put_all(struct wr *w, const struct lwm2m_list *list,
                      struct fuo_reading readings[static FUO_READINGS_MAX])
{
    size_t count = 0;
    for (; count < list->count; count++) {
        const struct lwm2m_entry *entry = &list->entries[count];
        readings[count] = (struct fuo_reading){
            .path = put_path(w, &entry->path),
            .type = lwm2m_type_name(entry->value.type),
            .text = put_value(w, &entry->value),
        };
        if (w->err != FUO_OK) {
            break;
        }
    }
    return count;
}

int readings_tell(struct fuo_ns *ns, const struct peer *p, uint64_t id,
                  const struct lwm2m_path *path, const struct content *content, bool more)
{
    struct lwm2m_entry entries[FUO_READINGS_MAX];
    struct fuo_reading readings[FUO_READINGS_MAX];
    uint8_t scratch[SCRATCH_SIZE];
    uint8_t texts[FUO_READING_SIZE];
    struct wr w = wr_init(texts, sizeof(texts));
    struct lwm2m_list list = {.entries = entries,
                              .cap = FUO_READINGS_MAX,
                              .scratch = wr_init(scratch, sizeof(scratch))};
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_ACCESSED};
    uint16_t format =
        content->format == LWM2M_FORMAT_NONE ? LWM2M_FORMAT_TEXT : content->format;
    int err = lwm2m_content_read(format, path, content->bytes, content->len, &list);
    bool too_many = err == FUO_ENOSPC;
    if ((err != FUO_OK && !too_many) || id == 0) {
        return err;
    }
    event.accessed.id = id;
    event.accessed.dev_eui = p->eui;
    event.accessed.more = more;
    event.accessed.readings = readings;
    event.accessed.reading_count = put_all(&w, &list, readings);
    if (too_many || event.accessed.reading_count < list.count) {
        event.accessed.text = "there is more than is shown: read less at once";
    }
    ns_event(ns, &event);
    return FUO_OK;
}

int readings_watched(struct fuo_ns *ns, struct peer *p, enum watch watch,
                     const struct answer *answer)
{
    static const uint16_t battery[] = {3, 0, 9};
    static const uint16_t memory[] = {3, 0, 10};
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_REPORTED};
    uint32_t number = 0;
    int err =
        record_read_number(watch == WATCH_BATTERY ? battery : memory, answer, &number);
    if (err != FUO_OK || (watch == WATCH_BATTERY && number > 100)) {
        return FUO_EPROTO;
    }
    if (watch == WATCH_MEMORY) {
        p->memory_known = true;
        p->memory_kb = number;
        return FUO_OK;
    }
    event.reported.dev_eui = p->eui;
    event.reported.has_battery = true;
    event.reported.battery_percent = (uint8_t)number;
    ns_event(ns, &event);
    return FUO_OK;
}
