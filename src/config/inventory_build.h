/* SPDX-License-Identifier: MIT */
/*
 * inventory_build.h - an inventory from devices that come one by one: from a server.
 *
 * Bounded as inventory.h: what is more is counted and left out. Keys are in memory that is
 * wiped when the inventory is finished.
 */
#pragma once

#include "config/inventory.h"

struct inventory_label {
    const char *key;
    const char *value;
};

/* Texts are copied. */
struct inventory_entry {
    uint64_t dev_eui;
    const char *name;    /* NULL: none */
    const char *profile; /* NULL: the fleet's default */
    const struct inventory_label *labels;
    size_t label_count;
    const uint8_t *gen_app_key; /* INVENTORY_KEY_SIZE bytes, or NULL */
    const uint8_t *app_key;
    bool has_gen_app_key; /* it has one that is not said */
    bool has_app_key;
    uint8_t lorawan_minor;
};

struct built_device;

/* Zeroed is empty. */
struct inventory_builder {
    struct arena arena;
    struct built_device *devices;
    size_t count;
    size_t capacity;
    const char *label_keys[INVENTORY_COLUMNS_MAX];
    size_t label_count;
    size_t devices_lost; /* one too many */
    size_t labels_lost;  /* one key too many */
};

void inventory_builder_add(struct inventory_builder *builder,
                           const struct inventory_entry *entry);

/* Takes all; the builder is empty again. Of a device that came twice, the first. All are
 * marked as imported and served. */
void inventory_builder_end(struct inventory_builder *builder,
                           struct inventory *inventory);

/* Forgets all; accepts an empty one. */
void inventory_builder_finish(struct inventory_builder *builder);
