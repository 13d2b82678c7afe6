/* SPDX-License-Identifier: MIT */
/* apply_check.c - whether a campaign can be applied: file, name, image and trust, targets. */
#include <stdarg.h>
#include <stdio.h>
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

/* ---- problems ---- */

int apply_refuse(struct application *a, enum ctl_code code, const char *what)
{
    bool only = a->what == NULL || strcmp(a->what, what) == 0;
    a->what = only ? what : "the campaign cannot be applied";
    a->refused = a->refused == CTL_DONE ? code : a->refused;
    return (int)code;
}

void apply_problem(struct application *a, const char *path, const char *format, ...)
{
    char text[2 * CTL_ERROR_SIZE];
    struct diag_place place = config_place(&a->doc->doc, path);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    diag_error(&a->diags, &place, "%s", text);
}

int apply_verdict(struct application *a)
{
    if (a->refused == CTL_DONE) {
        return CTL_DONE;
    }
    if (a->doc != NULL) {
        config_place_all(&a->doc->doc, &a->diags);
    }
    diag_list_sort(&a->diags);
    json_object_put(a->error.errors);
    a->error.errors = diag_list_json(&a->diags);
    return ctl_fail(&a->error, a->refused, "%s: %zu problem%s", a->what,
                    a->diags.error_count, a->diags.error_count == 1 ? "" : "s");
}

bool apply_is_stopped(int code)
{
    return code == CTL_INTERNAL || code == CTL_USAGE;
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
    }
    if (err != FUO_OK || a->diags.error_count > 0) {
        apply_refuse(a, CTL_INVALID, "the campaign is not valid");
        return apply_verdict(a); /* what else there is depends on what was meant */
    }
    if (!windows_check(&a->d->windows, a->doc, &a->diags)) {
        apply_refuse(a, CTL_NOT_FOUND, "there is no such Window");
        a->lacks = true;
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
        apply_problem(a, "metadata.name",
                      "campaign '%s' is not over but was left out at start: %s",
                      out->rec.name, out->rec.reason);
        return apply_refuse(a, CTL_CONFLICT, "the name is taken");
    }
    if (entry == NULL) {
        return CTL_DONE;
    }
    if (memcmp(entry->spec_digest, a->spec_digest, sizeof(a->spec_digest)) == 0) {
        *existing = rec;
        return CTL_DONE;
    }
    if (!campaign_phase_is_final(rec->phase)) {
        apply_problem(a, "metadata.name",
                      "campaign '%s' is under way with other content; abort it or "
                      "choose another metadata.name",
                      rec->name);
        return apply_refuse(a, CTL_CONFLICT, "the name is taken");
    }
    return CTL_DONE;
}

/* Those that there are, are looked at further. */
static int check_fleets(struct application *a)
{
    const struct str_list *fleets = &a->doc->spec.targets.fleets;
    a->fleets = xcalloc(fleets->count + 1, sizeof(*a->fleets));
    for (size_t i = 0; i < fleets->count; i++) {
        struct fleet_entry *fleet = fleets_by_name(&a->d->fleets, fleets->items[i]);
        char path[APPLY_PATH_SIZE];
        if (fleet != NULL) {
            a->fleets[a->fleet_count++].fleet = fleet;
            continue;
        }
        (void)snprintf(path, sizeof(path), "spec.targets.fleets[%zu]", i);
        bool listed = node_find(a->doc->doc.root, path) != NULL;
        apply_problem(a, listed ? path : "spec.targets.fleet", "there is no fleet '%s'",
                      fleets->items[i]);
    }
    return a->fleet_count == fleets->count
               ? CTL_DONE
               : apply_refuse(a, CTL_NOT_FOUND, "there is no such fleet");
}

const char *apply_fleet_text(const struct application *a, const struct fleet_entry *fleet,
                             char text[static APPLY_FLEET_SIZE])
{
    text[0] = '\0';
    if (a->fleet_count > 1) {
        snprintf(text, APPLY_FLEET_SIZE, "fleet '%s': ", fleet->doc->spec.name);
    }
    return text;
}

/* ---- image and trust ---- */

/* Their versions have to do with each other: both are firmware, or data of one kind. */
static bool are_comparable(const struct campaign_spec *one,
                           const struct campaign_spec *other)
{
    const uint8_t *descriptor = one->fragmentation.descriptor;
    return spec_installs(one) == spec_installs(other) &&
           (spec_installs(one) || memcmp(descriptor, other->fragmentation.descriptor,
                                         sizeof(one->fragmentation.descriptor)) == 0);
}

/* The newest version that a campaign has brought to a device of the fleet. */
static const char *current_version(const struct application *a,
                                   const struct fleet_entry *fleet)
{
    const char *newest = NULL;
    const struct campaign_rec *rec;
    for (size_t i = 0; (rec = engine_campaign_at(a->d->engine, i)) != NULL; i++) {
        const struct campaign_entry *entry = campaigns_find(&a->d->campaigns, rec->id);
        struct campaign_counts counts;
        engine_campaign_counts(a->d->engine, rec->id, &counts);
        if (entry == NULL || counts.by_outcome[OUTCOME_SUCCEEDED] == 0 ||
            !campaign_has_fleet(&entry->doc->spec, fleet->doc->spec.name) ||
            !are_comparable(&entry->doc->spec, &a->doc->spec)) {
            continue;
        }
        const char *version = entry->doc->spec.image.version;
        if (newest == NULL || version_compare(version, newest) == VERSION_NEWER) {
            newest = version;
        }
    }
    return newest;
}

/* By the policy of each fleet. */
static int check_trust(struct application *a, struct trust_request *request)
{
    char which[APPLY_FLEET_SIZE];
    char text[CTL_ERROR_SIZE];
    int code = CTL_DONE;
    for (size_t i = 0; i < a->fleet_count; i++) {
        const struct fleet_entry *fleet = a->fleets[i].fleet;
        request->current_version = current_version(a, fleet);
        if (apply_check_trust(fleet, request, text, sizeof(text)) != FUO_OK) {
            log_warn("image refused campaign=%s fleet=%s policy=%s reason=%s",
                     a->doc->spec.name, fleet->doc->spec.name, fleet->trust->name, text);
            apply_problem(a, "spec.image.file", "%sthe image is not trusted: %s",
                          apply_fleet_text(a, fleet, which), text);
            code = apply_refuse(a, CTL_UNTRUSTED, "the image is not trusted");
        }
    }
    return code;
}

static int find_image(struct application *a)
{
    a->image = uploads_find(a->d->uploads, a->digest, &a->image_len);
    if (a->image == NULL) {
        a->image = campaigns_image(&a->d->campaigns, a->digest, &a->image_len);
    }
    if (a->image == NULL) {
        apply_problem(
            a, "spec.image.file",
            "the image has not been uploaded, or not all of it; apply it again");
        return apply_refuse(a, CTL_NOT_FOUND, "the image is not there");
    }
    return CTL_DONE;
}

static int check_image(struct application *a)
{
    struct trust_signature signatures[TRUST_SIGNATURES_MAX];
    struct trust_request request = {
        .now = clock_utc(&a->d->clock),
        .image = a->image,
        .image_len = a->image_len,
        .signatures = signatures,
        .version = a->doc->spec.image.version,
    };
    struct json_object *array = NULL;
    json_object_object_get_ex(a->params, "signatures", &array);
    if (apply_signatures(array, signatures, TRUST_SIGNATURES_MAX,
                         &request.signature_count) != FUO_OK) {
        return ctl_fail(&a->error, CTL_USAGE,
                        "params need signatures: an array of at most %d texts",
                        TRUST_SIGNATURES_MAX);
    }
    int code = check_trust(a, &request);
    if (code != CTL_DONE) {
        return code; /* what is not trusted is not looked into */
    }
    struct diag_place place = config_place(&a->doc->doc, "spec.image.file");
    if (campaign_image_check(&a->doc->spec.image, &place, a->image, a->image_len,
                             &a->diags) != FUO_OK) {
        code = apply_refuse(a, CTL_INVALID, "the image is not what the campaign says");
    }
    return code;
}

int apply_check_image(struct application *a)
{
    int code = find_image(a);
    return code == CTL_DONE ? check_image(a) : code;
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
static int take_list(struct application *a, const char *key, const char *path,
                     const char **file, struct eui_list *list)
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
        apply_problem(a, path, "%s has not been uploaded; apply it again", *file);
        return apply_refuse(a, CTL_NOT_FOUND, "a list of devices is not there");
    }
    struct eui_list uploaded = {0};
    if (device_list_parse(*file, (const char *)bytes, len, &a->doc->doc.arena, &uploaded,
                          &a->diags) != FUO_OK) {
        return apply_refuse(a, CTL_INVALID, "a list of devices is not valid");
    }
    *list = join(&a->doc->doc.arena, list, &uploaded);
    *file = NULL;
    return CTL_DONE;
}

static int refuse_unknown(struct application *a, const struct target_selection *selection)
{
    struct diag_place place = config_place(&a->doc->doc, "spec.targets");
    AUTO_FREE char *fleets = campaign_fleets_text(&a->doc->spec);
    for (size_t i = 0; i < selection->unknown_count; i++) {
        diag_error(&a->diags, &place, "the listed device %016llx is not in %s '%s'",
                   (unsigned long long)selection->unknown[i],
                   a->fleet_count > 1 ? "one of the fleets" : "fleet", fleets);
    }
    return apply_refuse(a, CTL_NOT_FOUND, "there are no such devices");
}

static int keep_devices(struct application *a, const struct target_selection *selection)
{
    a->devices = xcalloc(selection->count + 1, sizeof(*a->devices));
    if (selection->count > 0) {
        memcpy(a->devices, selection->devices, selection->count * sizeof(*a->devices));
    }
    a->device_count = selection->count;
    int code = selection->unknown_count > 0 ? refuse_unknown(a, selection) : CTL_DONE;
    if (a->device_count == 0 && code == CTL_DONE) { /* else that is why */
        AUTO_FREE char *fleets = campaign_fleets_text(&a->doc->spec);
        apply_problem(a, "spec.targets", "selects no device of %s '%s'",
                      a->fleet_count > 1 ? "the fleets" : "fleet", fleets);
        code = apply_refuse(a, CTL_NOT_FOUND, "there are no targets");
    }
    return code;
}

/* Those of all fleets. */
static const struct inventory **inventories(const struct application *a)
{
    const struct inventory **items =
        xcalloc(a->fleet_count + 1, sizeof(const struct inventory *));
    for (size_t i = 0; i < a->fleet_count; i++) {
        items[i] = &a->fleets[i].fleet->inventory;
    }
    return items;
}

static void take_devices(const struct application *a, struct application_fleet *f)
{
    f->devices = xcalloc(a->device_count + 1, sizeof(*f->devices));
    f->device_count =
        inventory_common(&f->fleet->inventory, a->devices, a->device_count, f->devices);
}

/* A fleet that is named for nothing is more often a mistake than meant. */
static int part_devices(struct application *a)
{
    int code = CTL_DONE;
    for (size_t i = 0; i < a->fleet_count; i++) {
        struct application_fleet *f = &a->fleets[i];
        take_devices(a, f);
        if (f->device_count == 0) {
            apply_problem(a, "spec.targets", "selects no device of fleet '%s'",
                          f->fleet->doc->spec.name);
            code = apply_refuse(a, CTL_NOT_FOUND, "there are no targets");
        }
    }
    return code;
}

static int check_targets(struct application *a)
{
    struct spec_targets *targets = &a->doc->spec.targets;
    int code = take_list(a, "devices_file", "spec.targets.devicesFile",
                         &targets->devices_file, &targets->devices);
    int other = take_list(a, "exclude_devices_file", "spec.targets.exclude.devicesFile",
                          &targets->exclude_devices_file, &targets->exclude_devices);
    if (code != CTL_DONE || other != CTL_DONE) {
        return code != CTL_DONE ? code : other;
    }
    struct target_selection selection = {0};
    AUTO_FREE const struct inventory **items = inventories(a);
    const struct inventories all = {items, a->fleet_count};
    int err = targets_select(a->doc, &all, &selection, &a->diags);
    if (err != FUO_OK) {
        return apply_refuse(a, err == FUO_ERANGE ? CTL_DOES_NOT_FIT : CTL_INVALID,
                            "the targets cannot be selected");
    }
    code = keep_devices(a, &selection);
    target_selection_finish(&selection);
    return code == CTL_DONE ? part_devices(a) : code;
}

/* Those of the fleet's devices. */
static void take_waves(const struct application *a, struct application_fleet *f)
{
    size_t n = 0;
    f->waves = xcalloc(f->device_count + 1, sizeof(*f->waves));
    for (size_t k = 0; k < a->device_count && n < f->device_count; k++) {
        if (a->devices[k] == f->devices[n]) {
            f->waves[n++] = a->waves[k];
        }
    }
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
    AUTO_FREE const struct inventory **items = inventories(a);
    const struct inventories all = {items, a->fleet_count};
    int err = rollout_assign(a->doc, &all, &rollout, &a->diags);
    for (size_t i = 0; i < a->fleet_count; i++) {
        take_waves(a, &a->fleets[i]);
    }
    return err == FUO_OK
               ? CTL_DONE
               : apply_refuse(a, CTL_NOT_FOUND, "a wave of the rollout selects nobody");
}

/* What comes of a check that another, or the plan, cannot do without. */
enum {
    FLEETS = 1,
    IMAGE = 2,
    TARGETS = 4,
    REST = 8, /* needed by the plan only */
};

int apply_check_all(struct application *a)
{
    static const struct {
        int (*check)(struct application *);
        unsigned gives;
        unsigned needs;
    } checks[] = {
        {check_fleets, FLEETS, 0},
        {apply_check_fatal, REST, 0},
        {find_image, IMAGE, 0},
        {check_image, 0, IMAGE},
        {apply_check_deltas, 0, FLEETS | IMAGE},
        {check_targets, TARGETS, FLEETS},
        {apply_check_server, REST, 0},
        {check_waves, REST, TARGETS},
    };
    unsigned missing = 0;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        bool can = (checks[i].needs & missing) == 0;
        int code = can ? checks[i].check(a) : CTL_DONE;
        if (apply_is_stopped(code)) {
            return code;
        }
        missing |= can && code == CTL_DONE ? 0 : checks[i].gives;
    }
    a->lacks = a->lacks || missing != 0;
    return CTL_DONE;
}
