/* SPDX-License-Identifier: MIT */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "loop/notify.h"
#include "loop/restore_internal.h"
#include "loop/xalloc.h"
#include "plugin/host.h"

#define LOG_MODULE "restore"
#include "io/log.h"

/* ---- rows ---- */

void *restore_rows_add(struct rows *rows, const void *row)
{
    if (rows->count == rows->cap) {
        rows->cap = rows->cap == 0 ? 16 : rows->cap * 2;
        rows->bytes = xrealloc(rows->bytes, rows->cap, rows->row_size);
    }
    void *at = rows->bytes + rows->count++ * rows->row_size;
    memcpy(at, row, rows->row_size);
    return at;
}

void *restore_rows_at(const struct rows *rows, size_t i)
{
    return rows->bytes + i * rows->row_size;
}

static int copy_row(void *arg, const void *record)
{
    restore_rows_add(arg, record);
    return FUO_OK;
}

int restore_load_rows(struct restore *r, enum store_kind kind, size_t row_size,
                      struct rows *rows)
{
    *rows = (struct rows){.row_size = row_size};
    return store_load_records(r->d->store, kind, copy_row, rows, r->detail);
}

/* ---- fleets and devices ---- */

static int add_fleets(struct restore *r)
{
    for (size_t i = 0; i < r->d->fleets.count; i++) {
        const struct fleet_entry *fleet = &r->d->fleets.items[i];
        struct fuo_caps caps = {0};
        host_caps(fleet->host, &caps);
        struct engine_fleet def = {
            .id = fleet->id,
            .spec = &fleet->doc->spec,
            .profile = fleet->profile,
            .timing = caps.timing == FUO_TIMING_ABSOLUTE ? ENGINE_TIMING_ABSOLUTE
                                                         : ENGINE_TIMING_QUEUE,
            .multicast_spacing_us = caps.multicast_spacing_us,
            .multicast_jitter_us = caps.multicast_jitter_us,
            .multicast_lead_us = caps.multicast_lead_us,
            .queue_rows_max = caps.queue_rows_max,
            .priority_ceiling_ppm = caps.priority_ceiling_ppm,
            .names_gateways = caps.direct,
            .delivers = caps.delivers,
        };
        int err = engine_add_fleet(r->engine, &def);
        if (err != FUO_OK) {
            detail_set(r->detail, "fleet '%s' cannot be used", fleet->doc->spec.name);
            return err;
        }
    }
    return FUO_OK;
}

static int compare_devices(const void *a, const void *b)
{
    uint64_t x = ((const struct device_rec *)a)->dev_eui;
    uint64_t y = ((const struct device_rec *)b)->dev_eui;
    return (x > y) - (x < y);
}

/* Stored knowledge if there is any; the inventory says to which fleet it belongs. */
static int add_inventory(struct restore *r, const struct fleet_entry *fleet,
                         const struct rows *stored)
{
    for (size_t i = 0; i < fleet->inventory.count; i++) {
        struct device_rec rec = {.dev_eui = fleet->inventory.devices[i].dev_eui};
        const struct device_rec *known = stored->count == 0
                                             ? NULL
                                             : bsearch(&rec, stored->bytes, stored->count,
                                                       stored->row_size, compare_devices);
        if (known != NULL) {
            rec = *known;
        }
        rec.fleet_id = fleet->id;
        int err = engine_add_device(r->engine, &rec);
        const char *profile = fleet->inventory.devices[i].profile;
        if (err == FUO_OK && profile != NULL) {
            err = engine_set_profile(r->engine, rec.dev_eui,
                                     fleets_profile(&r->d->fleets, profile));
        }
        if (err == FUO_OK) {
            err = engine_set_maintenance(
                r->engine, rec.dev_eui,
                inventory_maintenance(&fleet->inventory, &fleet->inventory.devices[i]));
        }
        if (err != FUO_OK) {
            return err;
        }
    }
    return FUO_OK;
}

static int add_devices(struct restore *r)
{
    struct rows stored;
    int err = restore_load_rows(r, STORE_DEVICE, sizeof(struct device_rec), &stored);
    if (stored.count > 0) {
        qsort(stored.bytes, stored.count, stored.row_size, compare_devices);
    }
    for (size_t i = 0; err == FUO_OK && i < r->d->fleets.count; i++) {
        err = add_inventory(r, &r->d->fleets.items[i], &stored);
    }
    /* Gone from the inventory, but perhaps a member of an old campaign. */
    for (size_t i = 0; err == FUO_OK && i < stored.count; i++) {
        const struct device_rec *rec = restore_rows_at(&stored, i);
        if (fleets_by_id(&r->d->fleets, rec->fleet_id) != NULL &&
            engine_device(r->engine, rec->dev_eui) == NULL) {
            err = engine_add_device(r->engine, rec);
        }
    }
    free(stored.bytes);
    return err;
}

/* ---- what belongs to campaigns ---- */

/* FUO_ENOENT: there is none. */
static int load_key(struct restore *r, uint32_t id)
{
    AUTO_SECRET struct secret bytes = {0};
    uint32_t mc_addr = 0;
    int err = store_load_mc_key(r->d->store, id, &mc_addr, &bytes, r->detail);
    if (err != FUO_OK) {
        return err;
    }
    struct aes_key key;
    memcpy(key.b, bytes.bytes, sizeof(key.b));
    err = keyring_put(r->d->keyring, id, mc_addr, &key);
    aes_key_wipe(&key);
    return err;
}

static int add_transmissions(struct restore *r)
{
    struct rows stored;
    int err = restore_load_rows(r, STORE_TRANSMISSION, sizeof(struct transmission_rec),
                                &stored);
    for (size_t i = 0; err == FUO_OK && i < stored.count; i++) {
        const struct transmission_rec *rec = restore_rows_at(&stored, i);
        struct campaign_entry *entry = campaigns_find(&r->campaigns, rec->campaign_id);
        if (entry == NULL) {
            continue;
        }
        err = engine_restore_transmission(r->engine, rec);
        if (err == FUO_OK && rec->phase != TX_ENDED) {
            campaign_sessions_add(entry, rec->id); /* its topic is cleared at the end */
            err = load_key(r, rec->key_id);
            err = err == FUO_ENOENT ? FUO_OK : err; /* it was not drawn yet */
        }
    }
    free(stored.bytes);
    return err;
}

static int add_members(struct restore *r)
{
    for (size_t i = 0; i < r->members.count; i++) {
        const struct member_rec *rec = restore_rows_at(&r->members, i);
        if (campaigns_find(&r->campaigns, rec->campaign_id) == NULL) {
            continue;
        }
        int err = engine_restore_member(r->engine, rec);
        if (err != FUO_OK) {
            return err;
        }
    }
    return FUO_OK;
}

static int add_groups(struct restore *r)
{
    struct rows stored;
    int err = restore_load_rows(r, STORE_GROUP, sizeof(struct group_rec), &stored);
    for (size_t i = 0; err == FUO_OK && i < stored.count; i++) {
        const struct group_rec *rec = restore_rows_at(&stored, i);
        int found = rec->id != 0 ? load_key(r, rec->id) : FUO_ENOENT;
        if (found == FUO_OK) {
            err = engine_restore_group(r->engine, rec);
        } else if (found != FUO_ENOENT) { /* without its key it is of no use */
            err = found;
        }
    }
    free(stored.bytes);
    return err;
}

/* Before members, which are counted in them. */
static int add_waves(struct restore *r)
{
    return restore_waves(r->d, r->engine, r->detail);
}

static int add_rows(struct restore *r)
{
    return restore_rows(r->d, r->engine, r->detail);
}

static int take_counter(void *arg, const char *name, uint64_t value)
{
    struct daemon *d = arg;
    if (strcmp(name, "campaign") == 0 && value > d->last_campaign_id) {
        d->last_campaign_id = (uint32_t)value;
    }
    if (d->status != NULL) {
        status_restore_seq(d->status, name, value);
    }
    return FUO_OK;
}

static int load_counters(struct restore *r)
{
    if (r->d->status != NULL) {
        status_reset(r->d->status);
    }
    return store_load_counters(r->d->store, "", take_counter, r->d, r->detail);
}

static void forget_rows(struct restore *r)
{
    for (size_t i = 0; i < r->sources.count; i++) {
        struct source *source = restore_rows_at(&r->sources, i);
        free(source->fleet);
        free(source->yaml);
        free(source->signatures);
        free(source->deltas);
    }
    free(r->sources.bytes);
    free(r->members.bytes);
}

static int restore_all(struct restore *r)
{
    static int (*const parts[])(struct restore *) = {
        add_fleets,  add_devices, restore_campaigns, add_waves,     add_transmissions,
        add_members, add_groups,  add_rows,          load_counters,
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int err = parts[i](r);
        if (err != FUO_OK) {
            return err;
        }
    }
    return FUO_OK;
}

int restore_engine(struct daemon *d, struct detail *detail)
{
    struct restore r = {.d = d, .detail = detail};
    struct engine_config config = {.boot = d->boot, .groups_max = KEYRING_KEPT};
    randombytes_buf(&config.seed, sizeof(config.seed));
    r.engine = engine_create(&config);
    keyring_clear(d->keyring);
    exec_forget(d);
    int err = restore_all(&r);
    forget_rows(&r);
    if (err != FUO_OK) {
        log_err("the stored campaigns cannot be restored error=%s detail=%s",
                fuo_strerror(err), detail->text);
        engine_destroy(r.engine);
        campaigns_clear(&r.campaigns);
        return err;
    }
    log_info("engine restored seed=%llu boot=%u", (unsigned long long)config.seed,
             d->boot);
    engine_destroy(d->engine);
    campaigns_clear(&d->campaigns);
    d->engine = r.engine;
    d->campaigns = r.campaigns;
    notify_restored(d);
    status_link_store_opened(d);
    return FUO_OK;
}
