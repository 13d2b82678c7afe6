/* SPDX-License-Identifier: MIT */
/* apply_check.c - whether a campaign can be applied: file, name, image and trust, targets. */
#include <string.h>

#include "config/campaign_image.h"
#include "config/rollout.h"
#include "config/targets.h"
#include "image/version.h"
#include "io/cleanup.h"
#include "loop/apply_internal.h"
#include "loop/xalloc.h"

#define LOG_MODULE "apply"
#include "io/log.h"

int apply_fail_diags(struct application *a, enum ctl_code code, const char *what)
{
    json_object_put(a->error.errors);
    a->error.errors = diag_list_json(&a->diags);
    return ctl_fail(&a->error, code, "%s: %zu problem%s", what, a->diags.error_count,
                    a->diags.error_count == 1 ? "" : "s");
}

/* ---- the file ---- */

int apply_check_file(struct application *a)
{
    const char *file = ctl_text(a->params, "file");
    a->yaml = ctl_text(a->params, "campaign");
    if (a->yaml == NULL || strlen(a->yaml) > CTL_CAMPAIGN_MAX) {
        return ctl_fail(&a->error, CTL_USAGE,
                        "params need the text of a campaign, at most 64 KiB");
    }
    if (ctl_digest_text(ctl_text(a->params, "digest"), a->digest) != FUO_OK) {
        return ctl_fail(&a->error, CTL_USAGE, "params need the digest of the image");
    }
    int err = campaign_parse(file != NULL ? file : "campaign.yaml", a->yaml,
                             strlen(a->yaml), &a->doc, &a->diags);
    if (err == FUO_OK) {
        campaign_unsupported(a->doc, &a->diags);
        (void)windows_check(&a->d->windows, a->doc, &a->diags);
    }
    if (err != FUO_OK || a->diags.error_count > 0) {
        return apply_fail_diags(a, CTL_INVALID, "the campaign is not valid");
    }
    if (schedule_term(&a->doc->spec.schedule, &a->term) != FUO_OK) {
        return ctl_fail(&a->error, CTL_INTERNAL, "its zone is not there any more");
    }
    AUTO_FREE char *deltas = deltas_all_digests(apply_deltas_sent(a));
    campaign_spec_digest(a->doc, a->digest, deltas, ctl_text(a->params, "devices_file"),
                         ctl_text(a->params, "exclude_devices_file"), a->spec_digest);
    return CTL_DONE;
}

int apply_check_name(struct application *a, const struct campaign_rec **existing)
{
    const struct campaign_rec *rec =
        engine_campaign_by_name(a->d->engine, a->doc->spec.name);
    const struct campaign_entry *entry =
        rec != NULL ? campaigns_find(&a->d->campaigns, rec->id) : NULL;
    const struct campaign_left_out *out =
        campaigns_left_out_named(&a->d->campaigns, a->doc->spec.name);
    if (out != NULL && !campaign_phase_is_final(out->rec.phase)) {
        return ctl_fail(&a->error, CTL_CONFLICT,
                        "campaign '%s' is not over but was left out at start: %s",
                        out->rec.name, out->rec.reason);
    }
    if (entry == NULL) {
        return CTL_DONE;
    }
    if (memcmp(entry->spec_digest, a->spec_digest, sizeof(a->spec_digest)) == 0) {
        *existing = rec;
        return CTL_DONE;
    }
    if (!campaign_phase_is_final(rec->phase)) {
        return ctl_fail(&a->error, CTL_CONFLICT,
                        "campaign '%s' is under way with other content; abort it or "
                        "choose another metadata.name",
                        rec->name);
    }
    return CTL_DONE;
}

static int check_fleet(struct application *a)
{
    const struct str_list *fleets = &a->doc->spec.targets.fleets;
    if (fleets->count != 1) {
        return ctl_fail(&a->error, CTL_INVALID, "spec.targets: exactly one fleet");
    }
    a->fleet = fleets_by_name(&a->d->fleets, fleets->items[0]);
    if (a->fleet == NULL) {
        return ctl_fail(&a->error, CTL_NOT_FOUND, "there is no fleet '%s'",
                        fleets->items[0]);
    }
    return CTL_DONE;
}

/* ---- image and trust ---- */

/* The newest version that a campaign has brought to a device of the fleet. */
static const char *current_version(const struct application *a)
{
    const char *newest = NULL;
    const struct campaign_rec *rec;
    for (size_t i = 0; (rec = engine_campaign_at(a->d->engine, i)) != NULL; i++) {
        const struct campaign_entry *entry = campaigns_find(&a->d->campaigns, rec->id);
        struct campaign_counts counts;
        engine_campaign_counts(a->d->engine, rec->id, &counts);
        if (entry == NULL || counts.by_outcome[OUTCOME_SUCCEEDED] == 0 ||
            strcmp(entry->fleet, a->fleet->doc->spec.name) != 0) {
            continue;
        }
        const char *version = entry->doc->spec.image.version;
        if (newest == NULL || version_compare(version, newest) == VERSION_NEWER) {
            newest = version;
        }
    }
    return newest;
}

int apply_check_image(struct application *a)
{
    a->image = uploads_find(a->d->uploads, a->digest, &a->image_len);
    if (a->image == NULL) {
        a->image = campaigns_image(&a->d->campaigns, a->digest, &a->image_len);
    }
    if (a->image == NULL) {
        return ctl_fail(&a->error, CTL_NOT_FOUND,
                        "the image has not been uploaded, or not all of it");
    }
    struct trust_signature signatures[TRUST_SIGNATURES_MAX];
    struct trust_request request = {
        .now = clock_utc(&a->d->clock),
        .image = a->image,
        .image_len = a->image_len,
        .signatures = signatures,
        .version = a->doc->spec.image.version,
        .current_version = current_version(a),
    };
    struct json_object *array = NULL;
    json_object_object_get_ex(a->params, "signatures", &array);
    if (apply_signatures(array, signatures, TRUST_SIGNATURES_MAX,
                         &request.signature_count) != FUO_OK) {
        return ctl_fail(&a->error, CTL_USAGE,
                        "params need signatures: an array of at most %d texts",
                        TRUST_SIGNATURES_MAX);
    }
    char text[CTL_ERROR_SIZE];
    if (apply_check_trust(a->fleet, &request, text, sizeof(text)) != FUO_OK) {
        log_warn("image refused campaign=%s fleet=%s policy=%s reason=%s",
                 a->doc->spec.name, a->fleet->doc->spec.name, a->fleet->trust->name,
                 text);
        return ctl_fail(&a->error, CTL_UNTRUSTED, "the image is not trusted: %s", text);
    }
    const char *file = ctl_text(a->params, "file");
    struct diag_place place = {.file = file != NULL ? file : "campaign.yaml",
                               .path = "spec.image.file"};
    if (campaign_image_check(&a->doc->spec.image, &place, a->image, a->image_len,
                             &a->diags) != FUO_OK) {
        return apply_fail_diags(a, CTL_INVALID,
                                "the image is not what the campaign says");
    }
    return CTL_DONE;
}

/* ---- targets ---- */

static struct eui_list join(struct arena *arena, const struct eui_list *a,
                            const struct eui_list *b)
{
    uint64_t *items = arena_array(arena, a->count + b->count + 1, sizeof(*items));
    if (a->count > 0) {
        memcpy(items, a->items, a->count * sizeof(*items));
    }
    if (b->count > 0) {
        memcpy(items + a->count, b->items, b->count * sizeof(*items));
    }
    return (struct eui_list){.items = items, .count = a->count + b->count};
}

/* A list that the file names was uploaded: it joins the one in the file. */
static int take_list(struct application *a, const char *key, const char **file,
                     struct eui_list *list)
{
    if (*file == NULL) {
        return CTL_DONE;
    }
    char digest[CTL_DIGEST_SIZE];
    const uint8_t *bytes = NULL;
    size_t len = 0;
    if (ctl_digest_text(ctl_text(a->params, key), digest) == FUO_OK) {
        bytes = uploads_find(a->d->uploads, digest, &len);
    }
    if (bytes == NULL) {
        return ctl_fail(&a->error, CTL_NOT_FOUND, "%s has not been uploaded", *file);
    }
    struct eui_list uploaded = {0};
    if (device_list_parse(*file, (const char *)bytes, len, &a->doc->doc.arena, &uploaded,
                          &a->diags) != FUO_OK) {
        return apply_fail_diags(a, CTL_INVALID, "a list of devices is not valid");
    }
    *list = join(&a->doc->doc.arena, list, &uploaded);
    *file = NULL;
    return CTL_DONE;
}

static int refuse_unknown(struct application *a, const struct target_selection *selection)
{
    struct diag_place place = config_place(&a->doc->doc, "spec.targets");
    for (size_t i = 0; i < selection->unknown_count; i++) {
        diag_error(&a->diags, &place, "the listed device %016llx is not in fleet '%s'",
                   (unsigned long long)selection->unknown[i], a->fleet->doc->spec.name);
    }
    return apply_fail_diags(a, CTL_NOT_FOUND, "there are no such devices");
}

static int keep_devices(struct application *a, const struct target_selection *selection)
{
    const struct inventory *inventory = &a->fleet->inventory;
    a->devices = xcalloc(selection->count + 1, sizeof(*a->devices));
    for (size_t i = 0; i < selection->count; i++) {
        a->devices[i] = inventory->devices[selection->indices[i]].dev_eui;
    }
    a->device_count = selection->count;
    if (selection->unknown_count > 0) {
        return refuse_unknown(a, selection);
    }
    if (a->device_count == 0) {
        return ctl_fail(&a->error, CTL_NOT_FOUND,
                        "spec.targets selects no device of fleet '%s'",
                        a->fleet->doc->spec.name);
    }
    return CTL_DONE;
}

static int check_targets(struct application *a)
{
    struct spec_targets *targets = &a->doc->spec.targets;
    int code = take_list(a, "devices_file", &targets->devices_file, &targets->devices);
    if (code == CTL_DONE) {
        code = take_list(a, "exclude_devices_file", &targets->exclude_devices_file,
                         &targets->exclude_devices);
    }
    if (code != CTL_DONE) {
        return code;
    }
    struct target_selection selection = {0};
    int err = targets_select(a->doc, &a->fleet->inventory, &selection, &a->diags);
    if (err != FUO_OK) {
        return apply_fail_diags(a, err == FUO_ERANGE ? CTL_DOES_NOT_FIT : CTL_INVALID,
                                "the targets cannot be selected");
    }
    code = keep_devices(a, &selection);
    target_selection_finish(&selection);
    return code;
}

static int check_waves(struct application *a)
{
    const struct rollout rollout = {
        .devices = a->devices,
        .count = a->device_count,
        .waves = xcalloc(a->device_count, sizeof(*a->waves)),
        .sizes = xcalloc(a->doc->spec.rollout.wave_count, sizeof(*a->wave_sizes)),
    };
    a->waves = rollout.waves;
    a->wave_sizes = rollout.sizes;
    int err = rollout_assign(a->doc, &a->fleet->inventory, &rollout, &a->diags);
    return err == FUO_OK ? CTL_DONE
                         : apply_fail_diags(a, CTL_NOT_FOUND,
                                            "a wave of the rollout selects nobody");
}

int apply_check_all(struct application *a)
{
    static int (*const checks[])(struct application *) = {
        check_fleet,   apply_check_fatal,  apply_check_image, apply_check_deltas,
        check_targets, apply_check_server, check_waves,
    };
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        int code = checks[i](a);
        if (code != CTL_DONE) {
            return code;
        }
    }
    return CTL_DONE;
}
