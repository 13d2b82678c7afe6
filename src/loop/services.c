/* SPDX-License-Identifier: MIT */
#include "loop/services.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "loop/internal.h"
#include "loop/xalloc.h"

struct services {
    struct daemon *daemon;
    const struct fleet_entry *fleet;
    struct store_sealed_key *keys; /* ascending by DevEUI */
    size_t key_count;
    size_t key_cap;
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

static int find_device(void *arg, const char *name, uint64_t *dev_eui)
{
    const struct services *s = arg;
    const struct inventory *inventory = &s->fleet->inventory;
    const struct inventory_device *found = by_eui(s, name);
    for (size_t i = 0; found == NULL && name[0] != '\0' && i < inventory->count; i++) {
        if (strcmp(inventory->devices[i].name, name) == 0) {
            found = &inventory->devices[i];
        }
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

static int device_key(void *arg, uint64_t dev_eui, uint8_t key[16])
{
    const struct services *s = arg;
    const struct store_sealed_key wanted = {.dev_eui = dev_eui};
    const struct store_sealed_key *found =
        s->key_count == 0
            ? NULL
            : bsearch(&wanted, s->keys, s->key_count, sizeof(*s->keys), compare_keys);
    return found != NULL ? store_open_app_key(s->daemon->store, found, key) : FUO_ENOENT;
}

/* ---- images ---- */

static int image(void *arg, uint32_t id, const uint8_t **bytes, size_t *len)
{
    const struct services *s = arg;
    const struct campaign_entry *entry = campaigns_find(&s->daemon->campaigns, id);
    if (entry == NULL || entry->image == NULL) {
        return FUO_ENOENT;
    }
    *bytes = entry->image;
    *len = entry->image_len;
    return FUO_OK;
}

const struct host_services services_ops = {
    .now = now,
    .random = draw,
    .derive = derive,
    .find_device = find_device,
    .device_key = device_key,
    .image = image,
};

/* ---- opening ---- */

static int keep_key(void *arg, const struct store_sealed_key *key)
{
    struct services *s = arg;
    if (s->key_count == s->key_cap) {
        s->key_cap = s->key_cap == 0 ? 64 : s->key_cap * 2;
        s->keys = xrealloc(s->keys, s->key_cap, sizeof(*s->keys));
    }
    s->keys[s->key_count++] = *key;
    return FUO_OK;
}

int services_open(struct daemon *d, const struct fleet_entry *fleet,
                  struct services **services, struct detail *detail)
{
    struct services *s = xcalloc(1, sizeof(*s));
    s->daemon = d;
    s->fleet = fleet;
    int err =
        fleet->plugin.plugin.order == NULL
            ? FUO_OK
            : store_load_app_keys(d->store, fleet->doc->spec.name, keep_key, s, detail);
    if (err != FUO_OK) {
        services_close(s);
        return err;
    }
    *services = s;
    return FUO_OK;
}

void services_close(struct services *services)
{
    if (services != NULL) {
        free(services->keys);
        free(services);
    }
}
