/* SPDX-License-Identifier: MIT */
/* access_parse.c - what is asked of a device, checked before it becomes a request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"

enum {
    OBJECT_SECURITY = 0,
};

/* "integer:5" is of that type; else as the resource is. */
static int parse_value(const struct lwm2m_path *path, const char *text, struct wr *texts,
                       struct lwm2m_value *value)
{
    enum lwm2m_type type = lwm2m_type_of(path);
    size_t prefix = strcspn(text, ":");
    if (text[prefix] == ':' && lwm2m_type_find(text, prefix, &type)) {
        text += prefix + 1;
    }
    size_t len = strlen(text);
    uint8_t *copy = texts->base + texts->len;
    wr_bytes(texts, (const uint8_t *)text, len);
    return texts->err == FUO_OK
               ? lwm2m_value_parse(type, (const char *)copy, len, texts, value)
               : texts->err;
}

/* "1=300" or "5/0=x", below an instance; or the value of a resource. */
static int add_value(struct access *a, const char *text, struct wr *texts)
{
    struct lwm2m_path path = a->path;
    size_t len = strcspn(text, "=");
    struct lwm2m_path rest;
    if (a->path.depth < DEPTH_RESOURCE) {
        char step[ACCESS_PATH_SIZE];
        if (text[len] != '=' || len + 1 >= sizeof(step)) {
            return FUO_EINVAL;
        }
        snprintf(step, sizeof(step), "/%.*s", (int)len, text);
        if (lwm2m_path_parse(step, len + 1, &rest) != FUO_OK || rest.depth < 1 ||
            rest.depth > 2) {
            return FUO_EINVAL;
        }
        path.id[2] = rest.id[0];
        path.id[3] = rest.id[1];
        path.depth = (uint8_t)(DEPTH_INSTANCE + rest.depth);
        text += len + 1;
    }
    struct lwm2m_entry *entry = &a->entries[a->entry_count];
    int err = parse_value(&path, text, texts, &entry->value);
    if (err == FUO_OK) {
        entry->path = path;
        a->entry_count++;
    }
    return err == FUO_OK ? FUO_OK : FUO_EINVAL;
}

static int take_values(struct access *a, const struct fuo_access *order, size_t room)
{
    struct wr texts = wr_init(a->texts, room);
    int err = FUO_OK;
    for (size_t i = 0; err == FUO_OK && i < order->value_count; i++) {
        err = add_value(a, order->values[i], &texts);
    }
    return err;
}

/* "pmin=1&gt=20" */
static int take_attributes(struct access *a, const struct fuo_access *order)
{
    static const char *const keys[] = {"pmin=", "pmax=", "gt=", "lt=", "st="};
    size_t len = 0;
    for (size_t i = 0; i < order->value_count; i++) {
        const char *text = order->values[i];
        bool known = false;
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            known |= strncmp(text, keys[k], strlen(keys[k])) == 0;
        }
        size_t digits = strspn(strchr(text, '=') != NULL ? strchr(text, '=') + 1 : "",
                               "0123456789.-");
        if (!known || digits == 0 || strchr(text, '=')[1 + digits] != '\0' ||
            len + strlen(text) + 2 > sizeof(a->query)) {
            return FUO_EINVAL;
        }
        len += (size_t)snprintf(a->query + len, sizeof(a->query) - len, "%s%s",
                                len > 0 ? "&" : "", text);
    }
    return FUO_OK;
}

/* Arguments go as they are: "0='x'" (lwm2m.md 6.1). */
static int take_arguments(struct access *a, const struct fuo_access *order)
{
    size_t len = order->value_count > 0 ? strlen(order->values[0]) : 0;
    if (order->value_count > 1 || len > sizeof(a->payload)) {
        return FUO_EINVAL;
    }
    if (len > 0) {
        memcpy(a->payload, order->values[0], len);
    }
    a->payload_len = len;
    return FUO_OK;
}

/* Whether that can be done with what has that path. */
static bool fits(const struct access *a, const struct fuo_access *order)
{
    uint8_t depth = a->path.depth;
    size_t values = order->value_count;
    if (depth == 0 || a->path.id[0] == OBJECT_SECURITY ||
        values > FUO_ACCESS_VALUES_MAX) {
        return false; /* Object 0 is the bootstrap server's */
    }
    switch (order->type) {
    case FUO_ACCESS_READ:
        return values == 0;
    case FUO_ACCESS_WRITE:
        return depth == DEPTH_INSTANCE ? values > 0
                                       : depth >= DEPTH_RESOURCE && values == 1;
    case FUO_ACCESS_CREATE:
        return depth <= DEPTH_INSTANCE;
    case FUO_ACCESS_DELETE:
        return depth == DEPTH_INSTANCE && values == 0;
    case FUO_ACCESS_EXECUTE:
        return depth == DEPTH_RESOURCE;
    case FUO_ACCESS_OBSERVE:
    case FUO_ACCESS_END:
        break;
    }
    return true;
}

static int prepare(struct access *a, const struct fuo_access *order, size_t room)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    if (lwm2m_path_parse(order->path, strlen(order->path), &a->path) != FUO_OK ||
        !fits(a, order)) {
        return FUO_EINVAL;
    }
    struct lwm2m_path target = a->path;
    if (order->type == FUO_ACCESS_CREATE) {
        target.depth = DEPTH_OBJECT;
    }
    snprintf(a->target, sizeof(a->target), "%s", lwm2m_path_format(&target, text) + 1);
    switch (order->type) {
    case FUO_ACCESS_OBSERVE:
        return take_attributes(a, order);
    case FUO_ACCESS_EXECUTE:
        return take_arguments(a, order);
    case FUO_ACCESS_READ:
    case FUO_ACCESS_WRITE:
    case FUO_ACCESS_CREATE:
    case FUO_ACCESS_DELETE:
    case FUO_ACCESS_END:
        break;
    }
    return take_values(a, order, room);
}

/* Texts, and what base64 unpacks to. */
static size_t room_of(const struct fuo_access *order)
{
    size_t room = 0;
    for (size_t i = 0; i < order->value_count; i++) {
        room += 2 * strlen(order->values[i]);
    }
    return room;
}

int access_parse(const struct fuo_access *order, struct access **access)
{
    size_t room = room_of(order);
    struct access *a = calloc(1, sizeof(*a) + room);
    if (a == NULL) {
        return FUO_ENOMEM;
    }
    a->id = order->id;
    a->type = order->type;
    int err = prepare(a, order, room);
    if (err != FUO_OK) {
        free(a);
        return err;
    }
    *access = a;
    return FUO_OK;
}
