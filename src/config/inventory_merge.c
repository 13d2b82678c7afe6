/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "config/inventory.h"

/* Where the labels of one of both are among those of the whole. */
struct places {
    size_t at[2 * INVENTORY_COLUMNS_MAX];
};

static const char *copy_text(struct arena *arena, const char *text)
{
    return text != NULL ? arena_text(arena, text, strlen(text)) : NULL;
}

static size_t place_of(const char *const *keys, size_t count, const char *key)
{
    size_t at = 0;
    while (at < count && strcmp(keys[at], key) != 0) {
        at++;
    }
    return at;
}

static void add_keys(struct inventory *merged, const char **keys,
                     const struct inventory *from, struct places *places)
{
    for (size_t i = 0; i < from->label_count; i++) {
        size_t at = place_of(keys, merged->label_count, from->label_keys[i]);
        if (at == merged->label_count) {
            keys[merged->label_count++] = copy_text(&merged->arena, from->label_keys[i]);
        }
        places->at[i] = at;
    }
}

static void copy_labels(struct inventory *merged, const char **labels,
                        const struct inventory_device *device,
                        const struct inventory *from, const struct places *places)
{
    for (size_t i = 0; i < from->label_count; i++) {
        if (device->labels[i][0] != '\0') {
            labels[places->at[i]] = copy_text(&merged->arena, device->labels[i]);
        }
    }
}

static const char **no_labels(struct inventory *merged)
{
    const char **labels =
        arena_array(&merged->arena, merged->label_count, sizeof(*labels));
    for (size_t i = 0; i < merged->label_count; i++) {
        labels[i] = "";
    }
    return labels;
}

static struct inventory_device copy_device(struct inventory *merged,
                                           const struct inventory_device *device,
                                           const struct inventory *from,
                                           const struct places *places)
{
    const char **labels = no_labels(merged);
    copy_labels(merged, labels, device, from, places);
    return (struct inventory_device){
        .dev_eui = device->dev_eui,
        .name = copy_text(&merged->arena, device->name),
        .profile = copy_text(&merged->arena, device->profile),
        .labels = labels,
        .line = device->line,
        .lorawan_minor = device->lorawan_minor,
        .has_gen_app_key = device->has_gen_app_key,
        .has_app_key = device->has_app_key,
        .imported = device->imported,
        .served = device->served,
    };
}

/* Two lists, walked together. */
struct pair {
    const struct inventory *base;
    const struct inventory *more;
    struct places of_base;
    struct places of_more;
};

static void fill_device(struct inventory *merged, const struct pair *pair,
                        const struct inventory_device *file,
                        const struct inventory_device *server,
                        struct inventory_device *to)
{
    const char **labels = no_labels(merged);
    copy_labels(merged, labels, server, pair->more, &pair->of_more);
    copy_labels(merged, labels, file, pair->base, &pair->of_base);
    *to = copy_device(merged, server, pair->more, &pair->of_more);
    to->labels = labels;
    to->line = file->line;
    if (file->name[0] != '\0') {
        to->name = copy_text(&merged->arena, file->name);
    }
    if (file->profile != NULL) {
        to->profile = copy_text(&merged->arena, file->profile);
    }
    to->has_gen_app_key |= file->has_gen_app_key;
    to->has_app_key |= file->has_app_key;
}

static void join(struct pair *pair, bool fill, struct inventory *merged)
{
    const struct inventory *base = pair->base;
    const struct inventory *more = pair->more;
    *merged = (struct inventory){0};
    const char **keys = arena_array(
        &merged->arena, base->label_count + more->label_count + 1, sizeof(*keys));
    add_keys(merged, keys, base, &pair->of_base);
    add_keys(merged, keys, more, &pair->of_more);
    struct inventory_device *devices =
        arena_array(&merged->arena, base->count + more->count, sizeof(*devices));
    size_t i = 0;
    size_t k = 0;
    while (i < base->count || k < more->count) {
        struct inventory_device *to = &devices[merged->count++];
        bool take_more =
            i == base->count ||
            (k < more->count && more->devices[k].dev_eui <= base->devices[i].dev_eui);
        bool both = take_more && i < base->count &&
                    base->devices[i].dev_eui == more->devices[k].dev_eui;
        if (both && fill) {
            fill_device(merged, pair, &base->devices[i], &more->devices[k], to);
        } else if (take_more) {
            *to = copy_device(merged, &more->devices[k], more, &pair->of_more);
        } else {
            *to = copy_device(merged, &base->devices[i], base, &pair->of_base);
        }
        i += both || !take_more;
        k += take_more;
    }
    merged->devices = devices;
    merged->label_keys = keys;
}

void inventory_merge(const struct inventory *base, const struct inventory *more,
                     struct inventory *merged)
{
    struct pair pair = {.base = base, .more = more};
    join(&pair, false, merged);
}

void inventory_fill(const struct inventory *file, const struct inventory *server,
                    struct inventory *merged)
{
    struct pair pair = {.base = file, .more = server};
    join(&pair, true, merged);
}

void inventory_without(const struct inventory *inventory, const uint64_t *devices,
                       size_t count, struct inventory *rest)
{
    *rest = (struct inventory){0};
    const char **keys =
        arena_array(&rest->arena, inventory->label_count + 1, sizeof(*keys));
    struct places places;
    add_keys(rest, keys, inventory, &places);
    struct inventory_device *kept =
        arena_array(&rest->arena, inventory->count + 1, sizeof(*kept));
    size_t k = 0;
    for (size_t i = 0; i < inventory->count; i++) {
        const struct inventory_device *device = &inventory->devices[i];
        while (k < count && devices[k] < device->dev_eui) {
            k++;
        }
        if (k == count || devices[k] != device->dev_eui) {
            kept[rest->count++] = copy_device(rest, device, inventory, &places);
        }
    }
    rest->devices = kept;
    rest->label_keys = keys;
}
