/* SPDX-License-Identifier: MIT */
#include "loop/services.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "base/siphash.h"
#include "campaign/variant.h"
#include "loop/internal.h"
#include "loop/xalloc.h"

/* Of a device's name; devices without one are not in the index. */
struct name {
    uint64_t hash;
    uint32_t device; /* index in the inventory */
};

struct keys {
    struct store_sealed_key *items; /* ascending by DevEUI */
    size_t count;
    size_t cap;
};

struct services {
    struct daemon *daemon;
    const struct fleet_entry *fleet;
    struct keys keys[STORE_DEVICE_KEYS];
    struct name *names; /* ascending by hash; NULL: not made yet */
    size_t name_count;
    struct siphash_key secret; /* nobody outside can make names collide */
};

static int64_t now(void *arg)
{
    struct services *s = arg;
    return clock_utc(&s->daemon->clock).us;
}

static void draw(void *arg, uint8_t *bytes, size_t len)
{
    (void)arg;
    randombytes_buf(bytes, len);
}

static int derive(void *arg, const char *text, uint8_t bytes[16])
{
    const struct services *s = arg;
    return store_derive(s->daemon->store, text, bytes);
}

/* ---- devices ---- */

static const struct inventory_device *by_eui(const struct services *s, const char *name)
{
    uint64_t eui = 0;
    return eui_parse(name, strlen(name), &eui) == FUO_OK
               ? inventory_find(&s->fleet->inventory, eui)
               : NULL;
}

static int compare_names(const void *a, const void *b)
{
    uint64_t x = ((const struct name *)a)->hash;
    uint64_t y = ((const struct name *)b)->hash;
    return (x > y) - (x < y);
}

static void index_names(struct services *s)
{
    const struct inventory *inventory = &s->fleet->inventory;
    s->names = xcalloc(inventory->count + 1, sizeof(*s->names));
    s->name_count = 0;
    for (size_t i = 0; i < inventory->count; i++) {
        const char *name = inventory->devices[i].name;
        if (name[0] != '\0') {
            s->names[s->name_count++] =
                (struct name){siphash(&s->secret, name, strlen(name)), (uint32_t)i};
        }
    }
    qsort(s->names, s->name_count, sizeof(*s->names), compare_names);
}

static const struct inventory_device *by_name(struct services *s, const char *name)
{
    if (s->names == NULL) {
        index_names(s);
    }
    uint64_t hash = siphash(&s->secret, name, strlen(name));
    size_t low = 0;
    size_t high = s->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->names[middle].hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < s->name_count && s->names[low].hash == hash; low++) {
        const struct inventory_device *device =
            &s->fleet->inventory.devices[s->names[low].device];
        if (strcmp(device->name, name) == 0) {
            return device;
        }
    }
    return NULL;
}

static int find_device(void *arg, const char *name, uint64_t *dev_eui)
{
    struct services *s = arg;
    const struct inventory_device *found = by_eui(s, name);
    if (found == NULL && name[0] != '\0') {
        found = by_name(s, name);
    }
    if (found == NULL) {
        return FUO_ENOENT;
    }
    *dev_eui = found->dev_eui;
    return FUO_OK;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = ((const struct store_sealed_key *)a)->dev_eui;
    uint64_t y = ((const struct store_sealed_key *)b)->dev_eui;
    return (x > y) - (x < y);
}

static int open_key(const struct services *s, enum store_device_key which,
                    uint64_t dev_eui, uint8_t key[16])
{
    const struct keys *keys = &s->keys[which];
    const struct store_sealed_key wanted = {.dev_eui = dev_eui};
    const struct store_sealed_key *found =
        keys->count == 0 ? NULL
                         : bsearch(&wanted, keys->items, keys->count,
                                   sizeof(*keys->items), compare_keys);
    return found != NULL ? store_open_device_key(s->daemon->store, which, found, key)
                         : FUO_ENOENT;
}

static int device_key(void *arg, uint64_t dev_eui, uint8_t key[16])
{
    return open_key(arg, STORE_APP_KEY, dev_eui, key);
}

static int factory_key(void *arg, uint64_t dev_eui, uint8_t key[16])
{
    return open_key(arg, STORE_GEN_APP_KEY, dev_eui, key);
}

/* ---- images ---- */

/* It may be retried; then it goes on, and with it what is brought for it. */
static bool has_ended(const struct services *s, uint32_t campaign_id)
{
    const struct campaign_rec *c = engine_campaign_by_id(s->daemon->engine, campaign_id);
    return c == NULL || campaign_phase_is_final(c->phase);
}

static int image(void *arg, uint32_t id, const uint8_t **bytes, size_t *len)
{
    const struct services *s = arg;
    size_t variant = 0;
    uint32_t campaign_id = deltas_campaign_of(id, &variant);
    const struct campaign_entry *entry =
        campaigns_find(&s->daemon->campaigns, campaign_id);
    if (entry == NULL || entry->image == NULL || variant > entry->deltas.count ||
        has_ended(s, campaign_id)) {
        return FUO_ENOENT;
    }
    bool whole = variant == VARIANT_FULL;
    *bytes = whole ? entry->image : entry->deltas.items[variant - 1].bytes;
    *len = whole ? entry->image_len : entry->deltas.items[variant - 1].len;
    return FUO_OK;
}

const struct host_services services_ops = {
    .now = now,
    .random = draw,
    .derive = derive,
    .find_device = find_device,
    .device_key = device_key,
    .factory_key = factory_key,
    .image = image,
};

/* ---- opening ---- */

static int keep_key(void *arg, const struct store_sealed_key *key)
{
    struct keys *keys = arg;
    if (keys->count == keys->cap) {
        keys->cap = keys->cap == 0 ? 64 : keys->cap * 2;
        keys->items = xrealloc(keys->items, keys->cap, sizeof(*keys->items));
    }
    keys->items[keys->count++] = *key;
    return FUO_OK;
}

int services_open(struct daemon *d, const struct fleet_entry *fleet,
                  struct services **services, struct detail *detail)
{
    struct services *s = xcalloc(1, sizeof(*s));
    s->daemon = d;
    s->fleet = fleet;
    randombytes_buf(&s->secret, sizeof(s->secret));
    bool needed = fleet->plugin.plugin.order != NULL;
    int err = FUO_OK;
    for (int which = 0; needed && err == FUO_OK && which < STORE_DEVICE_KEYS; which++) {
        err = store_load_device_keys(d->store, fleet->doc->spec.name,
                                     (enum store_device_key)which, keep_key,
                                     &s->keys[which], detail);
    }
    if (err != FUO_OK) {
        services_close(s);
        return err;
    }
    *services = s;
    return FUO_OK;
}

static int compare_euis(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Those of devices that are imported again are left out; euis ascend. */
static void drop_keys(struct keys *keys, const uint64_t *euis, size_t count)
{
    size_t kept = 0;
    size_t at = 0;
    for (size_t i = 0; i < keys->count; i++) {
        while (at < count && euis[at] < keys->items[i].dev_eui) {
            at++;
        }
        if (at == count || euis[at] != keys->items[i].dev_eui) {
            keys->items[kept++] = keys->items[i];
        }
    }
    keys->count = kept;
}

static void replace_keys(struct keys *keys, enum store_device_key which,
                         const struct services_import *devices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (devices[i].has_key[which]) {
            (void)keep_key(keys, &devices[i].key[which]); /* it never fails */
        }
    }
    if (keys->count > 0) {
        qsort(keys->items, keys->count, sizeof(*keys->items), compare_keys);
    }
}

void services_imported(struct services *s, const struct services_import *devices,
                       size_t count)
{
    free(s->names);
    s->names = NULL;
    if (s->fleet->plugin.plugin.order == NULL) {
        return;
    }
    uint64_t *euis = xcalloc(count + 1, sizeof(*euis));
    for (size_t i = 0; i < count; i++) {
        euis[i] = devices[i].dev_eui;
    }
    if (count > 0) {
        qsort(euis, count, sizeof(*euis), compare_euis);
    }
    for (int which = 0; which < STORE_DEVICE_KEYS; which++) {
        drop_keys(&s->keys[which], euis, count);
        replace_keys(&s->keys[which], (enum store_device_key)which, devices, count);
    }
    free(euis);
}

void services_close(struct services *services)
{
    if (services != NULL) {
        for (int which = 0; which < STORE_DEVICE_KEYS; which++) {
            free(services->keys[which].items);
        }
        free(services->names);
        free(services);
    }
}
