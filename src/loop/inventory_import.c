/* SPDX-License-Identifier: MIT */
#include <json-c/json.h>

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

static void add_device(struct daemon *d, const struct fleet_entry *fleet,
                       const struct inventory_device *device)
{
    struct json_object *labels = labels_of(&fleet->inventory, device);
    struct store_inventory row = {
        .dev_eui = device->dev_eui,
        .fleet = fleet->doc->spec.name,
        .name = device->name,
        .profile = device->profile != NULL ? device->profile : "",
        .labels = json_object_to_json_string_ext(labels, JSON_C_TO_STRING_PLAIN),
        .lorawan_minor = device->lorawan_minor,
        .gen_app_key = device->has_gen_app_key ? device->gen_app_key : NULL,
        .app_key = device->has_app_key ? device->app_key : NULL,
    };
    store_batch_inventory(&d->rows, d->store, &row);
    json_object_put(labels);
}

static int import_fleet(struct daemon *d, const struct fleet_entry *fleet,
                        struct detail *detail)
{
    for (size_t i = 0; i < fleet->inventory.count; i++) {
        add_device(d, fleet, &fleet->inventory.devices[i]);
        if (d->rows.ops < ROWS_PER_BATCH) {
            continue;
        }
        int err = commit_now(d, detail);
        if (err != FUO_OK) {
            return err;
        }
    }
    log_info("inventory imported fleet=%s devices=%zu", fleet->doc->spec.name,
             fleet->inventory.count);
    return FUO_OK;
}

/* Rows of devices that no inventory has any more: their keys must not stay. */
static int drop_unknown(void *arg, const struct store_inventory *device)
{
    struct daemon *d = arg;
    const struct fleet_entry *fleet = NULL;
    if (fleets_device(&d->fleets, device->dev_eui, &fleet) == NULL) {
        store_batch_inventory_drop(&d->rows, device->dev_eui);
    }
    return FUO_OK;
}

int restore_inventories(struct daemon *d, struct detail *detail)
{
    for (size_t i = 0; i < d->fleets.count; i++) {
        struct fleet_entry *fleet = &d->fleets.items[i];
        int err = store_fleet_id(d->store, fleet->doc->spec.name, &fleet->id, detail);
        if (err == FUO_OK) {
            err = import_fleet(d, fleet, detail);
        }
        if (err != FUO_OK) {
            return err;
        }
    }
    int err = store_load_inventory(d->store, NULL, drop_unknown, d, detail);
    if (err != FUO_OK) {
        return err;
    }
    fleets_forget_keys(&d->fleets);
    return commit_now(d, detail);
}
