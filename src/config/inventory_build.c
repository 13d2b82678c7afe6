/* SPDX-License-Identifier: MIT */
#include "config/inventory_build.h"

#include <stdlib.h>
#include <string.h>

struct built_label {
    size_t key; /* among the builder's */
    const char *value;
};

struct built_device {
    struct inventory_device device; /* without labels */
    struct built_label *labels;
    size_t label_count;
};

static const char *copy_text(struct arena *arena, const char *text)
{
    return arena_text(arena, text, strlen(text));
}

static struct built_device *new_device(struct inventory_builder *b)
{
    if (b->count == b->capacity) {
        size_t capacity = b->capacity != 0 ? b->capacity * 2 : 256;
        struct built_device *devices = arena_array(&b->arena, capacity, sizeof(*devices));
        if (b->count != 0) {
            memcpy(devices, b->devices, b->count * sizeof(*devices));
        }
        b->devices = devices;
        b->capacity = capacity;
    }
    return &b->devices[b->count++];
}

/* INVENTORY_COLUMNS_MAX: no room for another. */
static size_t key_of(struct inventory_builder *b, const char *key)
{
    size_t at = 0;
    while (at < b->label_count && strcmp(b->label_keys[at], key) != 0) {
        at++;
    }
    if (at == b->label_count && at < INVENTORY_COLUMNS_MAX) {
        b->label_keys[b->label_count++] = copy_text(&b->arena, key);
    }
    return at;
}

static void take_labels(struct inventory_builder *b, const struct inventory_entry *entry,
                        struct built_device *device)
{
    device->labels =
        arena_array(&b->arena, entry->label_count + 1, sizeof(*device->labels));
    for (size_t i = 0; i < entry->label_count; i++) {
        size_t key = key_of(b, entry->labels[i].key);
        if (key == INVENTORY_COLUMNS_MAX) {
            b->labels_lost++;
            continue;
        }
        device->labels[device->label_count++] = (struct built_label){
            .key = key,
            .value = copy_text(&b->arena, entry->labels[i].value),
        };
    }
}

static void take_key(const uint8_t *from, uint8_t to[static INVENTORY_KEY_SIZE],
                     bool *has)
{
    if (from != NULL) {
        memcpy(to, from, INVENTORY_KEY_SIZE);
        *has = true;
    }
}

void inventory_builder_add(struct inventory_builder *builder,
                           const struct inventory_entry *entry)
{
    builder->arena.wipe = true;
    if (builder->count == INVENTORY_DEVICES_MAX) {
        builder->devices_lost++;
        return;
    }
    struct built_device *to = new_device(builder);
    *to = (struct built_device){
        .device = {.dev_eui = entry->dev_eui,
                   .name =
                       entry->name != NULL ? copy_text(&builder->arena, entry->name) : "",
                   .profile = entry->profile != NULL
                                  ? copy_text(&builder->arena, entry->profile)
                                  : NULL,
                   .line = (uint32_t)builder->count, /* in the order of coming */
                   .lorawan_minor = entry->lorawan_minor,
                   .has_gen_app_key = entry->has_gen_app_key,
                   .has_app_key = entry->has_app_key,
                   .imported = true,
                   .served = true},
    };
    take_key(entry->gen_app_key, to->device.gen_app_key, &to->device.has_gen_app_key);
    take_key(entry->app_key, to->device.app_key, &to->device.has_app_key);
    take_labels(builder, entry, to);
}

static int by_eui(const void *a, const void *b)
{
    const struct inventory_device *x = &((const struct built_device *)a)->device;
    const struct inventory_device *y = &((const struct built_device *)b)->device;
    if (x->dev_eui != y->dev_eui) {
        return x->dev_eui < y->dev_eui ? -1 : 1;
    }
    return x->line < y->line ? -1 : x->line > y->line;
}

static const char *const *columns_of(struct inventory_builder *b,
                                     const struct built_device *device)
{
    const char **labels = arena_array(&b->arena, b->label_count + 1, sizeof(*labels));
    for (size_t i = 0; i < b->label_count; i++) {
        labels[i] = "";
    }
    for (size_t i = 0; i < device->label_count; i++) {
        labels[device->labels[i].key] = device->labels[i].value;
    }
    return labels;
}

void inventory_builder_end(struct inventory_builder *builder, struct inventory *inventory)
{
    struct inventory_builder *b = builder;
    if (b->count > 0) {
        qsort(b->devices, b->count, sizeof(*b->devices), by_eui);
    }
    struct inventory_device *devices =
        arena_array(&b->arena, b->count + 1, sizeof(*devices));
    const char **keys = arena_array(&b->arena, b->label_count + 1, sizeof(*keys));
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (count == 0 || devices[count - 1].dev_eui != b->devices[i].device.dev_eui) {
            devices[count] = b->devices[i].device;
            devices[count++].labels = columns_of(b, &b->devices[i]);
        }
    }
    for (size_t i = 0; i < b->label_count; i++) {
        keys[i] = b->label_keys[i];
    }
    *inventory = (struct inventory){
        .arena = b->arena,
        .devices = devices,
        .count = count,
        .label_keys = keys,
        .label_count = b->label_count,
    };
    inventory->arena.wipe = true;
    *b = (struct inventory_builder){0};
}

void inventory_builder_finish(struct inventory_builder *builder)
{
    builder->arena.wipe = true;
    arena_finish(&builder->arena);
    *builder = (struct inventory_builder){0};
}
