/* SPDX-License-Identifier: MIT */
#include <json-c/json.h>
#include <string.h>

#include "loop/internal.h"

#define LOG_MODULE "inventory"
#include "io/log.h"

enum {
    ROWS_PER_BATCH = 5000,
};

/* The labels a device has, as a JSON object. */
static struct json_object *labels_of(const struct inventory *inventory,
                                     const struct inventory_device *device)
{
    struct json_object *labels = json_object_new_object();
    for (size_t i = 0; i < inventory->label_count; i++) {
        if (device->labels[i][0] != '\0') {
            json_object_object_add(labels, inventory->label_keys[i],
                                   json_object_new_string(device->labels[i]));
        }
    }
    return labels;
}

void inventory_put_keys(struct store_batch *rows, const struct store *store,
                        const char *fleet, const struct inventory *inventory,
                        const struct inventory_device *device,
                        const struct inventory_keys *keys)
{
    struct json_object *labels = labels_of(inventory, device);
    struct store_inventory row = {
        .dev_eui = device->dev_eui,
        .fleet = fleet,
        .name = device->name,
        .profile = device->profile != NULL ? device->profile : "",
        .labels = json_object_to_json_string_ext(labels, JSON_C_TO_STRING_PLAIN),
        .lorawan_minor = device->lorawan_minor,
        .origin = device->served     ? STORE_FROM_SERVER
                  : device->imported ? STORE_FROM_IMPORT
                                     : STORE_FROM_FILE,
        .keeps_gen_app_key = keys->keeps_gen_app_key,
        .keeps_app_key = keys->keeps_app_key,
        .gen_app_key = keys->gen_app_key,
        .app_key = keys->app_key,
    };
    store_batch_inventory(rows, store, &row);
    json_object_put(labels);
}

void inventory_put(struct store_batch *rows, const struct store *store, const char *fleet,
                   const struct inventory *inventory,
                   const struct inventory_device *device)
{
    const struct inventory_keys keys = {
        .gen_app_key = device->has_gen_app_key ? device->gen_app_key : NULL,
        .app_key = device->has_app_key ? device->app_key : NULL,
    };
    inventory_put_keys(rows, store, fleet, inventory, device, &keys);
}

/* Rows so far are handed over when they are many. */
static int put_some(struct daemon *d, struct detail *detail)
{
    return d->rows.ops < ROWS_PER_BATCH ? FUO_OK : commit_now(d, detail);
}

static bool is_shared(const struct fleet_entry *fleet)
{
    return fleet->doc->inventory_source == FLEET_INVENTORY_BOTH;
}

static int import_fleet(struct daemon *d, const struct fleet_entry *fleet,
                        struct detail *detail)
{
    int err = FUO_OK;
    for (size_t i = 0; err == FUO_OK && i < fleet->inventory.count; i++) {
        inventory_put(&d->rows, d->store, fleet->doc->spec.name, &fleet->inventory,
                      &fleet->inventory.devices[i]);
        err = put_some(d, detail);
    }
    if (err == FUO_OK) {
        log_info("inventory imported fleet=%s devices=%zu", fleet->doc->spec.name,
                 fleet->inventory.count);
    }
    return err;
}

/* ---- devices of the store ---- */

struct others {
    struct daemon *d;
    struct stored_devices kept;
};

/* Devices of a server stay while their fleet takes them from there. */
static bool is_kept(const struct daemon *d, const struct store_inventory *device,
                    bool in_file)
{
    const struct fleet_entry *fleet = fleets_by_name(&d->fleets, device->fleet);
    switch (device->origin) {
    case STORE_FROM_FILE:
        return false;
    case STORE_FROM_IMPORT:
        return !in_file;
    case STORE_FROM_SERVER:
        return fleet != NULL &&
               (in_file ? is_shared(fleet)
                        : fleet->doc->inventory_source != FLEET_INVENTORY_FILE);
    }
    return false;
}

/* Rows of devices that no file has any more: their keys must not stay. Those that were
 * imported are in no file, or that is newer and holds. */
static int sort_out(void *arg, const struct store_inventory *device)
{
    struct others *others = arg;
    const struct fleet_entry *fleet = NULL;
    bool in_file = fleets_device(&others->d->fleets, device->dev_eui, &fleet) != NULL;
    bool elsewhere = in_file && strcmp(fleet->doc->spec.name, device->fleet) != 0;
    if (!elsewhere && is_kept(others->d, device, in_file)) {
        stored_devices_add(&others->kept, device);
    } else if (!in_file) {
        store_batch_inventory_drop(&others->d->rows, device->dev_eui);
    }
    return FUO_OK;
}

/* Of a device of the file, what that leaves open is as the server said it last. */
static int put_shared(struct daemon *d, const struct fleet_entry *fleet,
                      const struct inventory *served, struct detail *detail)
{
    struct inventory merged;
    int err = FUO_OK;
    inventory_fill(&fleet->inventory, served, &merged);
    for (size_t i = 0; err == FUO_OK && i < fleet->inventory.count; i++) {
        const struct inventory_device *file = &fleet->inventory.devices[i];
        const struct inventory_keys keys = {
            .gen_app_key = file->has_gen_app_key ? file->gen_app_key : NULL,
            .app_key = file->has_app_key ? file->app_key : NULL,
            .keeps_gen_app_key = !file->has_gen_app_key,
            .keeps_app_key = !file->has_app_key,
        };
        inventory_put_keys(&d->rows, d->store, fleet->doc->spec.name, &merged,
                           inventory_find(&merged, file->dev_eui), &keys);
        err = put_some(d, detail);
    }
    inventory_finish(&merged);
    return err;
}

static int put_all_shared(struct daemon *d, const struct stored_devices *kept,
                          struct detail *detail)
{
    int err = FUO_OK;
    for (size_t i = 0; err == FUO_OK && i < d->fleets.count; i++) {
        const struct fleet_entry *fleet = &d->fleets.items[i];
        if (is_shared(fleet)) {
            struct inventory served;
            stored_devices_inventory(kept, fleet->doc->spec.name, STORE_FROM_SERVER,
                                     &served);
            err = put_shared(d, fleet, &served, detail);
            inventory_finish(&served);
        }
    }
    return err;
}

static void replace(struct inventory *inventory, struct inventory *by)
{
    inventory_finish(inventory);
    *inventory = *by;
    *by = (struct inventory){0};
}

/* What was listed in the file or imported, and what the server said last. */
static void merge_kept(struct daemon *d, const struct stored_devices *kept)
{
    for (size_t i = 0; i < d->fleets.count; i++) {
        struct fleet_entry *fleet = &d->fleets.items[i];
        const char *name = fleet->doc->spec.name;
        struct inventory imported;
        struct inventory served;
        struct inventory merged;
        stored_devices_inventory(kept, name, STORE_FROM_IMPORT, &imported);
        stored_devices_inventory(kept, name, STORE_FROM_SERVER, &served);
        if (imported.count > 0) {
            inventory_merge(&fleet->inventory, &imported, &merged);
            replace(&fleet->inventory, &merged);
        }
        if (fleet->doc->inventory_source != FLEET_INVENTORY_FILE) {
            inventory_fill(&fleet->inventory, &served, &merged);
            fleet->listed = fleet->inventory;
            fleet->inventory = merged;
        }
        if (imported.count + served.count > 0) {
            log_info("devices known before fleet=%s imported=%zu server=%zu", name,
                     imported.count, served.count);
        }
        inventory_finish(&imported);
        inventory_finish(&served);
    }
}

int restore_inventories(struct daemon *d, struct detail *detail)
{
    for (size_t i = 0; i < d->fleets.count; i++) {
        struct fleet_entry *fleet = &d->fleets.items[i];
        int err = store_fleet_id(d->store, fleet->doc->spec.name, &fleet->id, detail);
        if (err == FUO_OK && !is_shared(fleet)) {
            err = import_fleet(d, fleet, detail);
        }
        if (err != FUO_OK) {
            return err;
        }
    }
    struct others others = {.d = d};
    int err = store_load_inventory(d->store, NULL, sort_out, &others, detail);
    if (err == FUO_OK) {
        err = put_all_shared(d, &others.kept, detail);
    }
    if (err == FUO_OK) {
        fleets_forget_keys(&d->fleets);
        merge_kept(d, &others.kept);
        err = commit_now(d, detail);
    }
    stored_devices_finish(&others.kept);
    return err;
}
