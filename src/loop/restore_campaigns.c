/* SPDX-License-Identifier: MIT */
/* restore_campaigns.c - campaigns from the store, with the files that they were made from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "io/cleanup.h"
#include "loop/restore_internal.h"
#include "loop/xalloc.h"

#define LOG_MODULE "restore"
#include "io/log.h"

static int copy_source(void *arg, const struct store_source *source)
{
    struct source copy = {
        .campaign_id = source->campaign_id,
        .fleet = xstrdup(source->fleet),
        .yaml = xstrdup(source->yaml),
        .signatures = xstrdup(source->signatures),
        .deltas = xstrdup(source->deltas),
    };
    memcpy(copy.image_digest, source->image_digest, sizeof(copy.image_digest));
    memcpy(copy.spec_digest, source->spec_digest, sizeof(copy.spec_digest));
    restore_rows_add(arg, &copy);
    return FUO_OK;
}

static const struct source *find_source(const struct restore *r, uint32_t campaign_id)
{
    for (size_t i = 0; i < r->sources.count; i++) {
        const struct source *source = restore_rows_at(&r->sources, i);
        if (source->campaign_id == campaign_id) {
            return source;
        }
    }
    return NULL;
}

/* By the policy of each fleet. */
static int check_trust(const struct restore *r, const struct campaign_entry *entry,
                       const struct trust_request *request,
                       char text[static CTL_ERROR_SIZE])
{
    const struct str_list *fleets = &entry->doc->spec.targets.fleets;
    int err = FUO_OK;
    for (size_t i = 0; i < fleets->count && err == FUO_OK; i++) {
        err = apply_check_trust(fleets_by_name(&r->d->fleets, fleets->items[i]), request,
                                text, CTL_ERROR_SIZE);
    }
    return err;
}

static int check_signed(const struct restore *r, const struct campaign_entry *entry,
                        struct trust_request request, struct json_object *array,
                        char text[static CTL_ERROR_SIZE])
{
    struct trust_signature signatures[TRUST_SIGNATURES_MAX];
    request.now = clock_utc(&r->d->clock);
    request.signatures = signatures;
    request.version = entry->doc->spec.image.version;
    int err = apply_signatures(array, signatures, TRUST_SIGNATURES_MAX,
                               &request.signature_count);
    if (err != FUO_OK) {
        snprintf(text, CTL_ERROR_SIZE, "its signatures are damaged");
        return err;
    }
    return check_trust(r, entry, &request, text);
}

/* FUO_OK, or text says why the image, or a delta, must not be sent. */
static int check_image(const struct restore *r, const struct campaign_entry *entry,
                       const struct source *source, char text[static CTL_ERROR_SIZE])
{
    struct json_object *array = json_tokener_parse(source->signatures);
    struct json_object *deltas = json_tokener_parse(source->deltas);
    int err = check_signed(
        r, entry,
        (struct trust_request){.image = entry->image, .image_len = entry->image_len},
        array, text);
    for (size_t i = 0; i < entry->deltas.count && err == FUO_OK; i++) {
        const struct engine_delta *delta = &entry->deltas.items[i];
        err = check_signed(
            r, entry,
            (struct trust_request){.image = delta->bytes, .image_len = delta->len},
            deltas_signatures(deltas, i), text);
    }
    json_object_put(deltas);
    json_object_put(array);
    return err;
}

static int load_delta(struct restore *r, struct campaign_entry *entry,
                      struct json_object *array, size_t i, struct detail *detail)
{
    AUTO_FREE uint8_t *bytes = NULL;
    uint8_t raw[STORE_DIGEST_BYTES];
    char digest[CTL_DIGEST_SIZE];
    size_t len = 0;
    if (deltas_digest(array, i, digest) != FUO_OK ||
        hex_decode(digest, strlen(digest), raw, sizeof(raw)) != FUO_OK) {
        detail_set(detail, "damaged database: the digest of a delta");
        return FUO_EPROTO;
    }
    int err = store_load_image(r->d->store, raw, &bytes, &len, NULL, detail);
    if (err != FUO_OK) {
        return err;
    }
    int64_t from = ctl_int(json_object_array_get_idx(array, i), "from_firmware", -1);
    deltas_put(&entry->deltas, i, digest, bytes, len);
    entry->deltas.items[i].from_known = from >= 0 && from <= UINT32_MAX;
    entry->deltas.items[i].from_firmware = from >= 0 ? (uint32_t)from : 0;
    return FUO_OK;
}

/* The image and its deltas, as they are stored. */
static int load_blocks(struct restore *r, struct campaign_entry *entry,
                       const struct source *source, struct detail *detail)
{
    int err = store_load_image(r->d->store, source->image_digest, &entry->image,
                               &entry->image_len, NULL, detail);
    struct json_object *array = json_tokener_parse(source->deltas);
    int count = deltas_count(array);
    if (err == FUO_OK && (count < 0 || array == NULL)) {
        detail_set(detail, "damaged database: the deltas of a campaign");
        err = FUO_EPROTO;
    }
    if (err == FUO_OK) {
        deltas_open(&entry->deltas, (size_t)count);
        entry->deltas.text = xstrdup(source->deltas);
    }
    for (int i = 0; err == FUO_OK && i < count; i++) {
        err = load_delta(r, entry, array, (size_t)i, detail);
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
        const struct member_rec *member = restore_rows_at(&r->members, i);
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
        out->fleets = xstrdup(source->fleet);
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
    entry->fleets = xstrdup(source->fleet);
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
        const struct member_rec *member = restore_rows_at(&r->members, i);
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
        .spec = &entry->doc->spec,
        .image = entry->image,
        .image_len = entry->image_len,
        .deltas = entry->deltas.items,
        .delta_count = entry->deltas.count,
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

static bool may_go_again(const struct restore *r, const struct campaign_entry *entry,
                         const struct campaign_rec *rec)
{
    if (rec->phase != CAMPAIGN_COMPLETED ||
        utc_reached(entry->term.deadline, clock_utc(&r->d->clock))) {
        return false;
    }
    for (size_t i = 0; i < r->members.count; i++) {
        const struct member_rec *member = restore_rows_at(&r->members, i);
        if (member->campaign_id == rec->id && member->outcome != OUTCOME_SUCCEEDED) {
            return true;
        }
    }
    return false;
}

/* Of one that has completed, for devices that are to go again; without it none can. */
static void load_again(struct restore *r, struct campaign_entry *entry,
                       const struct source *source)
{
    struct detail detail = {0};
    char text[CTL_ERROR_SIZE];
    int err = load_blocks(r, entry, source, &detail);
    if (err != FUO_OK || check_image(r, entry, source, text) != FUO_OK) {
        deltas_finish(&entry->deltas);
        free(entry->image);
        entry->image = NULL;
        entry->image_len = 0;
    }
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
    const struct str_list *fleets = &entry->doc->spec.targets.fleets;
    for (size_t i = 0; i < fleets->count; i++) {
        if (fleets_by_name(&r->d->fleets, fleets->items[i]) == NULL) {
            detail_set(why, "there is no fleet '%s' any more", fleets->items[i]);
            return false;
        }
    }
    if (campaign_phase_is_final(rec->phase)) {
        if (may_go_again(r, entry, rec)) {
            load_again(r, entry, source);
        }
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
    if (load_blocks(r, entry, source, &detail) != FUO_OK) {
        detail_set(why, "its image cannot be read: %s", detail.text);
        return false;
    }
    char text[CTL_ERROR_SIZE];
    if (check_image(r, entry, source, text) != FUO_OK) {
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
    if (entry != NULL) { /* before it is paused for what is found now */
        entry->told.phase = rec.phase;
        entry->told.started = rec.started.us != 0;
    }
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

int restore_campaigns(struct restore *r)
{
    r->sources = (struct rows){.row_size = sizeof(struct source)};
    struct rows stored = {0};
    int err = store_load_sources(r->d->store, copy_source, &r->sources, r->detail);
    if (err == FUO_OK) {
        err = restore_load_rows(r, STORE_MEMBER, sizeof(struct member_rec), &r->members);
    }
    if (err == FUO_OK) {
        err = restore_load_rows(r, STORE_CAMPAIGN, sizeof(struct campaign_rec), &stored);
    }
    for (size_t i = 0; err == FUO_OK && i < stored.count; i++) {
        add_campaign(r, restore_rows_at(&stored, i));
    }
    free(stored.bytes);
    return err;
}
