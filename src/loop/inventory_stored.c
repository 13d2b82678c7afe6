/* SPDX-License-Identifier: MIT */
/* inventory_stored.c - devices that were imported, from rows of the store to an inventory. */
#include <stdlib.h>
#include <string.h>

#include "loop/internal.h"
#include "loop/xalloc.h"

void stored_devices_add(struct stored_devices *devices, const struct store_inventory *row)
{
    if (devices->count == devices->cap) {
        devices->cap = devices->cap == 0 ? 256 : devices->cap * 2;
        devices->items = xrealloc(devices->items, devices->cap, sizeof(*devices->items));
    }
    struct store_inventory *copy = &devices->items[devices->count++];
    *copy = *row;
    copy->fleet = xstrdup(row->fleet);
    copy->name = xstrdup(row->name);
    copy->profile = xstrdup(row->profile);
    copy->labels = xstrdup(row->labels);
}

void stored_devices_finish(struct stored_devices *devices)
{
    for (size_t i = 0; i < devices->count; i++) {
        free((char *)(uintptr_t)devices->items[i].fleet);
        free((char *)(uintptr_t)devices->items[i].name);
        free((char *)(uintptr_t)devices->items[i].profile);
        free((char *)(uintptr_t)devices->items[i].labels);
    }
    free(devices->items);
    *devices = (struct stored_devices){0};
}

static const char *copy_text(struct inventory *inventory, const char *text)
{
    return arena_text(&inventory->arena, text, strlen(text));
}

/* The place of a key, new if it was not there; INVENTORY_COLUMNS_MAX: no room. */
static size_t place_of(struct inventory *inventory, const char **keys, const char *key)
{
    size_t at = 0;
    while (at < inventory->label_count && strcmp(keys[at], key) != 0) {
        at++;
    }
    if (at == inventory->label_count && at < INVENTORY_COLUMNS_MAX) {
        keys[inventory->label_count++] = copy_text(inventory, key);
    }
    return at;
}

static void take_label(struct inventory *inventory, const char **keys,
                       const char **labels, const struct json_object_iterator *it)
{
    size_t at = place_of(inventory, keys, json_object_iter_peek_name(it));
    const char *value = json_object_get_string(json_object_iter_peek_value(it));
    if (at < INVENTORY_COLUMNS_MAX && value != NULL) {
        labels[at] = copy_text(inventory, value);
    }
}

static const char *const *labels_of(struct inventory *inventory, const char **keys,
                                    const char *text)
{
    const char **labels =
        arena_array(&inventory->arena, INVENTORY_COLUMNS_MAX, sizeof(*labels));
    for (size_t i = 0; i < INVENTORY_COLUMNS_MAX; i++) {
        labels[i] = "";
    }
    struct json_object *object = json_tokener_parse(text);
    if (json_object_is_type(object, json_type_object)) {
        struct json_object_iterator it = json_object_iter_begin(object);
        struct json_object_iterator end = json_object_iter_end(object);
        for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
            take_label(inventory, keys, labels, &it);
        }
    }
    json_object_put(object);
    return labels;
}

void stored_devices_inventory(const struct stored_devices *devices, const char *fleet,
                              enum store_origin origin, struct inventory *inventory)
{
    *inventory = (struct inventory){0};
    const char **keys =
        arena_array(&inventory->arena, INVENTORY_COLUMNS_MAX, sizeof(*keys));
    struct inventory_device *made =
        arena_array(&inventory->arena, devices->count, sizeof(*made));
    for (size_t i = 0; i < devices->count; i++) {
        const struct store_inventory *row = &devices->items[i];
        if (row->origin != origin || strcmp(row->fleet, fleet) != 0) {
            continue;
        }
        made[inventory->count++] = (struct inventory_device){
            .dev_eui = row->dev_eui,
            .name = copy_text(inventory, row->name),
            .profile =
                row->profile[0] != '\0' ? copy_text(inventory, row->profile) : NULL,
            .labels = labels_of(inventory, keys, row->labels),
            .lorawan_minor = row->lorawan_minor,
            .has_gen_app_key = row->has_gen_app_key,
            .has_app_key = row->has_app_key,
            .imported = true,
            .served = row->origin == STORE_FROM_SERVER,
        };
    }
    inventory->devices = made;
    inventory->label_keys = keys;
}
