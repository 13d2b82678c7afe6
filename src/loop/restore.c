/* SPDX-License-Identifier: MIT */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "io/cleanup.h"
#include "loop/internal.h"
#include "loop/xalloc.h"
#include "plugin/host.h"

#define LOG_MODULE "restore"
#include "io/log.h"

/* Rows of one kind, copied. */
struct rows {
    uint8_t *bytes;
    size_t row_size;
    size_t count;
    size_t cap;
};

/* What one start puts together; taken over by the daemon when all of it is there. */
struct restore {
    struct daemon *d;
    struct detail *detail;
    struct engine *engine;
    struct campaigns campaigns;
    struct rows members;
    struct rows sources; /* struct source */
};

struct source {
    uint32_t campaign_id;
    char *fleet;
    char *yaml;
    char *signatures;
    uint8_t image_digest[STORE_DIGEST_BYTES];
    uint8_t spec_digest[STORE_DIGEST_BYTES];
};

/* ---- rows ---- */

static void *rows_add(struct rows *rows, const void *row)
{
    if (rows->count == rows->cap) {
        rows->cap = rows->cap == 0 ? 16 : rows->cap * 2;
        rows->bytes = xrealloc(rows->bytes, rows->cap, rows->row_size);
    }
    void *at = rows->bytes + rows->count++ * rows->row_size;
    memcpy(at, row, rows->row_size);
    return at;
}

static void *rows_at(const struct rows *rows, size_t i)
{
    return rows->bytes + i * rows->row_size;
}

static int copy_row(void *arg, const void *record)
{
    rows_add(arg, record);
    return FUO_OK;
}

static int load_rows(struct restore *r, enum store_kind kind, size_t row_size,
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
        if (err != FUO_OK) {
            return err;
        }
    }
    return FUO_OK;
}

static int add_devices(struct restore *r)
{
    struct rows stored;
    int err = load_rows(r, STORE_DEVICE, sizeof(struct device_rec), &stored);
    if (stored.count > 0) {
        qsort(stored.bytes, stored.count, stored.row_size, compare_devices);
    }
    for (size_t i = 0; err == FUO_OK && i < r->d->fleets.count; i++) {
        err = add_inventory(r, &r->d->fleets.items[i], &stored);
    }
    /* Gone from the inventory, but perhaps a member of an old campaign. */
    for (size_t i = 0; err == FUO_OK && i < stored.count; i++) {
        const struct device_rec *rec = rows_at(&stored, i);
        if (fleets_by_id(&r->d->fleets, rec->fleet_id) != NULL &&
            engine_device(r->engine, rec->dev_eui) == NULL) {
            err = engine_add_device(r->engine, rec);
        }
    }
    free(stored.bytes);
    return err;
}

/* ---- campaigns ---- */

static int copy_source(void *arg, const struct store_source *source)
{
    struct source copy = {
        .campaign_id = source->campaign_id,
        .fleet = xstrdup(source->fleet),
        .yaml = xstrdup(source->yaml),
        .signatures = xstrdup(source->signatures),
    };
    memcpy(copy.image_digest, source->image_digest, sizeof(copy.image_digest));
    memcpy(copy.spec_digest, source->spec_digest, sizeof(copy.spec_digest));
    rows_add(arg, &copy);
    return FUO_OK;
}

static const struct source *find_source(const struct restore *r, uint32_t campaign_id)
{
    for (size_t i = 0; i < r->sources.count; i++) {
        const struct source *source = rows_at(&r->sources, i);
        if (source->campaign_id == campaign_id) {
            return source;
        }
    }
    return NULL;
}

/* FUO_OK, or text says why the image must not be sent. */
static int check_image(const struct restore *r, const struct campaign_entry *entry,
                       const struct source *source, char *text, size_t text_size)
{
    struct trust_signature signatures[TRUST_SIGNATURES_MAX];
    struct trust_request request = {
        .now = clock_utc(&r->d->clock),
        .image = entry->image,
        .image_len = entry->image_len,
        .signatures = signatures,
        .version = entry->doc->spec.image.version,
    };
    struct json_object *array = json_tokener_parse(source->signatures);
    int err = apply_signatures(array, signatures, TRUST_SIGNATURES_MAX,
                               &request.signature_count);
    if (err == FUO_OK) {
        err = apply_check_trust(fleets_by_name(&r->d->fleets, entry->fleet), &request,
                                text, text_size);
    } else {
        snprintf(text, text_size, "its signatures are damaged");
    }
    json_object_put(array);
    return err;
}

/* Stored with that reason, and told. One that is being aborted stays so. */
static void pause_stored(struct restore *r, struct campaign_rec *rec, const char *reason)
{
    if (rec->phase == CAMPAIGN_PAUSED && strcmp(rec->reason, reason) == 0) {
        return; /* as at the last start: told already */
    }
    if (rec->phase == CAMPAIGN_RUNNING || rec->phase == CAMPAIGN_SCHEDULED) {
        rec->phase = CAMPAIGN_PAUSED;
    }
    rec->revision++;
    snprintf(rec->reason, sizeof(rec->reason), "%s", reason);
    store_batch_record(&r->d->rows, STORE_CAMPAIGN, rec);
    struct effects alert = {0};
    struct effect *effect = effects_append(&alert, EFFECT_PUBLISH);
    effect->publish.kind = PUBLISH_ALERT;
    effect->publish.campaign_id = rec->id;
    snprintf(effect->publish.text, sizeof(effect->publish.text), "paused: %s",
             rec->reason);
    effect = effects_append(&alert, EFFECT_PUBLISH);
    effect->publish.kind = PUBLISH_CAMPAIGN;
    effect->publish.campaign_id = rec->id;
    commit_publish_later(r->d, &alert);
    effects_finish(&alert);
}

/* The image does not verify any more: nothing of this campaign is sent. */
static void distrust(struct restore *r, struct campaign_entry *entry,
                     struct campaign_rec *rec, const char *why)
{
    char reason[sizeof(rec->reason)];
    log_err("image does not verify, campaign paused campaign=%s reason=%s", rec->name,
            why);
    entry->untrusted = true;
    snprintf(reason, sizeof(reason), "image: %.80s", why);
    pause_stored(r, rec, reason);
}

/* Its members as they are stored: the engine does not know them. */
static void count_members(const struct restore *r, uint32_t campaign_id,
                          struct campaign_counts *counts)
{
    for (size_t i = 0; i < r->members.count; i++) {
        const struct member_rec *member = rows_at(&r->members, i);
        if (member->campaign_id == campaign_id) {
            counts->total++;
            counts->by_outcome[member->outcome]++;
            counts->by_state[member->state]++;
        }
    }
}

/* The engine cannot have it: it waits, and is shown with the reason. */
static void leave_out(struct restore *r, const struct source *source,
                      struct campaign_rec *rec, const char *why)
{
    log_err("campaign left out campaign=%s reason=%s", rec->name, why);
    if (!campaign_phase_is_final(rec->phase)) {
        pause_stored(r, rec, why);
    }
    struct campaign_left_out *out = xcalloc(1, sizeof(*out));
    out->rec = *rec;
    count_members(r, rec->id, &out->counts);
    if (source != NULL) {
        snprintf(out->fleet, sizeof(out->fleet), "%s", source->fleet);
    }
    campaigns_leave_out(&r->campaigns, out);
}

static struct campaign_entry *make_entry(const struct source *source,
                                         const struct campaign_rec *rec)
{
    struct campaign_entry *entry = xcalloc(1, sizeof(*entry));
    entry->id = rec->id;
    memcpy(entry->spec_digest, source->spec_digest, sizeof(entry->spec_digest));
    hex_encode(source->image_digest, sizeof(source->image_digest), entry->digest);
    snprintf(entry->fleet, sizeof(entry->fleet), "%s", source->fleet);
    entry->alert_out = rec->phase == CAMPAIGN_PAUSED;
    return entry;
}

static int decode_source(const struct source *source, struct campaign_entry *entry)
{
    struct diag_list diags = {0};
    int err = campaign_parse("stored campaign", source->yaml, strlen(source->yaml),
                             &entry->doc, &diags);
    for (size_t i = 0; i < diags.count; i++) {
        AUTO_FREE char *text = diag_format(&diags.items[i]);
        log_err("%s", text);
    }
    diag_list_finish(&diags);
    return err;
}

/* The DevEUIs of a campaign's members, ascending as they were stored. */
static uint64_t *member_list(const struct restore *r, uint32_t campaign_id, size_t *count)
{
    uint64_t *devices = xcalloc(r->members.count + 1, sizeof(*devices));
    size_t n = 0;
    for (size_t i = 0; i < r->members.count; i++) {
        const struct member_rec *member = rows_at(&r->members, i);
        if (member->campaign_id == campaign_id) {
            devices[n++] = member->dev_eui;
        }
    }
    *count = n;
    return devices;
}

static int compare_euis(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Takes the entry on success. */
static int give_campaign(struct restore *r, struct campaign_entry *entry,
                         const struct campaign_rec *rec)
{
    struct engine_campaign campaign = {
        .id = rec->id,
        .fleet_id = fleets_by_name(&r->d->fleets, entry->fleet)->id,
        .spec = &entry->doc->spec,
        .image = entry->image,
        .image_len = entry->image_len,
        .not_before = entry->term.not_before,
        .deadline = entry->term.deadline,
    };
    AUTO_FREE uint64_t *devices = member_list(r, rec->id, &campaign.device_count);
    qsort(devices, campaign.device_count, sizeof(*devices), compare_euis);
    campaign.devices = devices;
    int err = engine_restore_campaign(r->engine, &campaign, rec);
    if (err == FUO_OK && !campaign_phase_is_final(rec->phase)) {
        err = windows_link_restore(r->d, r->engine, entry);
    }
    if (err == FUO_OK) {
        campaigns_add(&r->campaigns, entry);
    }
    return err;
}

/* false: why says what is missing. */
static bool prepare_entry(struct restore *r, struct campaign_entry *entry,
                          const struct source *source, struct campaign_rec *rec,
                          struct detail *why)
{
    if (decode_source(source, entry) != FUO_OK) {
        detail_set(why, "its stored file cannot be read any more");
        return false;
    }
    if (schedule_term(&entry->doc->spec.schedule, &entry->term) != FUO_OK) {
        detail_set(why, "its zone is not known any more");
        return false;
    }
    if (fleets_by_name(&r->d->fleets, entry->fleet) == NULL) {
        detail_set(why, "there is no fleet '%s' any more", entry->fleet);
        return false;
    }
    if (campaign_phase_is_final(rec->phase)) {
        return true;
    }
    struct diag_list diags = {0};
    bool dated = windows_check(&r->d->windows, entry->doc, &diags);
    diag_list_finish(&diags);
    if (!dated) {
        detail_set(why, "a Window that it names is not in the folder windows any more");
        return false;
    }
    struct detail detail = {0};
    if (store_load_image(r->d->store, source->image_digest, &entry->image,
                         &entry->image_len, NULL, &detail) != FUO_OK) {
        detail_set(why, "its image cannot be read: %s", detail.text);
        return false;
    }
    char text[CTL_ERROR_SIZE];
    if (check_image(r, entry, source, text, sizeof(text)) != FUO_OK) {
        distrust(r, entry, rec, text);
    }
    return true;
}

static void add_campaign(struct restore *r, const struct campaign_rec *stored)
{
    struct campaign_rec rec = *stored;
    struct detail why = {"it has no stored file"};
    const struct source *source = find_source(r, rec.id);
    if (rec.id > r->d->last_campaign_id) {
        r->d->last_campaign_id = rec.id;
    }
    struct campaign_entry *entry = source != NULL ? make_entry(source, &rec) : NULL;
    bool usable = entry != NULL && prepare_entry(r, entry, source, &rec, &why);
    if (usable && give_campaign(r, entry, &rec) != FUO_OK) {
        detail_set(&why, "its stored state does not fit its file");
        usable = false;
    }
    if (!usable) {
        campaign_entry_destroy(entry);
        leave_out(r, source, &rec, why.text);
    }
}

static int add_campaigns(struct restore *r)
{
    r->sources = (struct rows){.row_size = sizeof(struct source)};
    struct rows stored = {0};
    int err = store_load_sources(r->d->store, copy_source, &r->sources, r->detail);
    if (err == FUO_OK) {
        err = load_rows(r, STORE_MEMBER, sizeof(struct member_rec), &r->members);
    }
    if (err == FUO_OK) {
        err = load_rows(r, STORE_CAMPAIGN, sizeof(struct campaign_rec), &stored);
    }
    for (size_t i = 0; err == FUO_OK && i < stored.count; i++) {
        add_campaign(r, rows_at(&stored, i));
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
    int err = load_rows(r, STORE_TRANSMISSION, sizeof(struct transmission_rec), &stored);
    for (size_t i = 0; err == FUO_OK && i < stored.count; i++) {
        const struct transmission_rec *rec = rows_at(&stored, i);
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

static int add_lanes(struct restore *r)
{
    struct rows stored;
    int err = load_rows(r, STORE_LANE, sizeof(struct lane_rec), &stored);
    for (size_t i = 0; err == FUO_OK && i < stored.count; i++) {
        err = engine_restore_lane(r->engine, rows_at(&stored, i));
        if (err == FUO_ENOENT) {
            err = FUO_OK; /* of a campaign that was left out */
        }
    }
    free(stored.bytes);
    return err;
}

static int add_members(struct restore *r)
{
    for (size_t i = 0; i < r->members.count; i++) {
        const struct member_rec *rec = rows_at(&r->members, i);
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
    int err = load_rows(r, STORE_GROUP, sizeof(struct group_rec), &stored);
    for (size_t i = 0; err == FUO_OK && i < stored.count; i++) {
        const struct group_rec *rec = rows_at(&stored, i);
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

static int add_charges(struct restore *r)
{
    struct rows stored;
    int err = load_rows(r, STORE_CHARGE, sizeof(struct charge_rec), &stored);
    for (size_t i = 0; err == FUO_OK && i < stored.count; i++) {
        err = engine_restore_charge(r->engine, rows_at(&stored, i));
        if (err == FUO_ENOENT) {
            err = FUO_OK; /* of a gateway or band that is not used any more */
        }
    }
    free(stored.bytes);
    return err;
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
        struct source *source = rows_at(&r->sources, i);
        free(source->fleet);
        free(source->yaml);
        free(source->signatures);
    }
    free(r->sources.bytes);
    free(r->members.bytes);
}

static int restore_all(struct restore *r)
{
    static int (*const parts[])(struct restore *) = {
        add_fleets,  add_devices, add_campaigns, add_transmissions, add_lanes,
        add_members, add_groups,  add_charges,   load_counters,
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
    status_link_store_opened(d);
    return FUO_OK;
}
