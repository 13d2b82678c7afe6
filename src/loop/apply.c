/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "config/campaign_image.h"
#include "config/rollout.h"
#include "config/targets.h"
#include "image/version.h"
#include "io/cleanup.h"
#include "loop/internal.h"
#include "loop/planning.h"
#include "loop/planning_cost.h"
#include "loop/render.h"
#include "loop/xalloc.h"

#define LOG_MODULE "apply"
#include "io/log.h"

/*
 * A plan or an apply on its way through the checks. Nothing is changed before the last. The
 * plan is computed on another thread, so the world may have changed when it is there.
 */
struct application {
    struct daemon *d;
    uint64_t connection;
    int64_t request_id;
    bool only_plan;
    struct json_object *params; /* owned */
    uv_work_t work;
    struct planning_job *job;
    const char *yaml;
    struct campaign_doc *doc;
    struct fleet_entry *fleet;
    char digest[CTL_DIGEST_SIZE];
    const uint8_t *image; /* borrowed from uploads or another campaign */
    size_t image_len;
    uint8_t spec_digest[STORE_DIGEST_BYTES];
    uint64_t *devices; /* ascending */
    size_t device_count;
    struct schedule_term term;
    uint8_t *waves;       /* of each device */
    uint32_t *wave_sizes; /* of each wave of the file */
    struct planning planning;
    struct diag_list diags;
    struct ctl_error error;
};

static int fail_with_diags(struct application *a, enum ctl_code code, const char *what)
{
    json_object_put(a->error.errors);
    a->error.errors = diag_list_json(&a->diags);
    return ctl_fail(&a->error, code, "%s: %zu problem%s", what, a->diags.error_count,
                    a->diags.error_count == 1 ? "" : "s");
}

/* ---- the file ---- */

static int check_file(struct application *a)
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
        return fail_with_diags(a, CTL_INVALID, "the campaign is not valid");
    }
    if (schedule_term(&a->doc->spec.schedule, &a->term) != FUO_OK) {
        return ctl_fail(&a->error, CTL_INTERNAL, "its zone is not there any more");
    }
    campaign_spec_digest(a->doc, a->digest, ctl_text(a->params, "devices_file"),
                         ctl_text(a->params, "exclude_devices_file"), a->spec_digest);
    return CTL_DONE;
}

/* *existing: the campaign of that name, if this is the very same one. */
static int check_name(struct application *a, const struct campaign_rec **existing)
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

static int check_image(struct application *a)
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
        return fail_with_diags(a, CTL_INVALID, "the image is not what the campaign says");
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
        return fail_with_diags(a, CTL_INVALID, "a list of devices is not valid");
    }
    *list = join(&a->doc->doc.arena, list, &uploaded);
    *file = NULL;
    return CTL_DONE;
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
        return ctl_fail(&a->error, CTL_NOT_FOUND,
                        "%zu of the listed devices are not in fleet '%s', the first is "
                        "%016llx",
                        selection->unknown_count, a->fleet->doc->spec.name,
                        (unsigned long long)selection->unknown[0]);
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
        return fail_with_diags(a, err == FUO_ERANGE ? CTL_DOES_NOT_FIT : CTL_INVALID,
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
                         : fail_with_diags(a, CTL_NOT_FOUND,
                                           "a wave of the rollout selects nobody");
}

/* ---- plan ---- */

/* spec: a's own, or of the campaign that was made from it. */
static struct planning_request planning_request(const struct application *a,
                                                const struct campaign_spec *spec)
{
    const char *file = ctl_text(a->params, "file");
    return (struct planning_request){
        .engine = a->d->engine,
        .fleet = a->fleet,
        .spec = spec,
        .devices = a->devices,
        .device_count = a->device_count,
        .wave_sizes = a->wave_sizes,
        .image_len = a->image_len,
        .file = file != NULL ? file : "campaign.yaml",
        .windows = &a->d->windows,
        .now = clock_utc(&a->d->clock),
    };
}

static int take_plan(struct application *a)
{
    int err = planning_end(TAKE(a->job));
    if (err == FUO_ERANGE) {
        return fail_with_diags(a, CTL_DOES_NOT_FIT, "the campaign does not fit");
    }
    return err == FUO_OK ? CTL_DONE
                         : ctl_fail(&a->error, CTL_INTERNAL, "%s", fuo_strerror(err));
}

static struct json_object *plan_data(const struct application *a,
                                     const struct campaign_spec *spec)
{
    struct planning_request request = planning_request(a, spec);
    struct json_object *plan = planning_render(&request, &a->planning);
    render_add(plan, "conflicts",
               planning_conflicts(a->d->engine, &a->d->campaigns, &request));
    return plan;
}

/* ---- apply ---- */

static int make_entry(const struct application *a, struct campaign_entry **entry)
{
    uint8_t *image = malloc(a->image_len);
    if (image == NULL) {
        return FUO_ENOMEM;
    }
    memcpy(image, a->image, a->image_len);
    struct campaign_entry *made = xcalloc(1, sizeof(*made));
    made->term = a->term;
    made->id = a->d->last_campaign_id + 1;
    made->image = image;
    made->image_len = a->image_len;
    memcpy(made->digest, a->digest, sizeof(made->digest));
    memcpy(made->spec_digest, a->spec_digest, sizeof(made->spec_digest));
    memcpy(made->fleet, a->fleet->doc->spec.name, sizeof(made->fleet));
    made->alert_out = true; /* perhaps of one that had the name before */
    *entry = made;
    return FUO_OK;
}

/* Rows that go into the same transaction as the engine's. */
static void add_rows(struct application *a, const struct campaign_entry *entry)
{
    struct store_batch *rows = &a->d->rows;
    struct json_object *array = NULL;
    json_object_object_get_ex(a->params, "signatures", &array);
    const char *signatures =
        json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN);
    struct store_image image = {
        .bytes = entry->image,
        .len = entry->image_len,
        .signatures = signatures,
    };
    store_digest(entry->image, entry->image_len, image.digest);
    struct store_source source = {
        .campaign_id = entry->id,
        .name = entry->doc->spec.name,
        .fleet = entry->fleet,
        .yaml = a->yaml,
        .signatures = signatures,
    };
    memcpy(source.image_digest, image.digest, sizeof(source.image_digest));
    memcpy(source.spec_digest, entry->spec_digest, sizeof(source.spec_digest));
    a->d->rows_tied = true;
    store_batch_image(rows, &image);
    store_batch_source(rows, &source);
    store_batch_counter(rows, "campaign", entry->id);
}

/* Its waves have topics: the new one's replace them. */
static void inherit_waves(struct application *a, uint32_t id,
                          struct campaign_entry *entry)
{
    const struct campaign_entry *old = campaigns_find(&a->d->campaigns, id);
    const struct spec_rollout *rollout = &old->doc->spec.rollout;
    for (size_t i = 0; i < rollout->wave_count; i++) {
        campaign_waves_add(entry, rollout->waves[i].name);
    }
}

/* An ended campaign of the same name makes room. */
static void drop_predecessor(struct application *a, struct campaign_entry *entry)
{
    const struct campaign_rec *rec =
        engine_campaign_by_name(a->d->engine, a->doc->spec.name);
    const struct campaign_left_out *out =
        campaigns_left_out_named(&a->d->campaigns, a->doc->spec.name);
    if (out != NULL) {
        store_batch_campaign_drop(&a->d->rows, out->rec.id);
        campaigns_left_out_drop(&a->d->campaigns, out->rec.id);
    }
    if (rec == NULL) {
        return;
    }
    uint32_t id = rec->id;
    if (engine_forget(a->d->engine, id) == FUO_OK) {
        inherit_waves(a, id, entry);
        campaigns_drop(&a->d->campaigns, id);
        store_batch_campaign_drop(&a->d->rows, id);
    }
}

static void add_waiter(struct application *a, const struct campaign_entry *entry)
{
    struct waiter *waiter = xcalloc(1, sizeof(*waiter));
    waiter->connection = a->connection;
    waiter->request_id = a->request_id;
    waiter->campaign_id = entry->id;
    waiter->applied = true;
    waiter->plan = plan_data(a, &entry->doc->spec);
    waiter->next = a->d->waiters;
    a->d->waiters = waiter;
}

static void note(const struct application *a, const struct campaign_entry *entry)
{
    char spec_digest[2 * STORE_DIGEST_BYTES + 1];
    char detail[sizeof("image= campaign=") + CTL_DIGEST_SIZE + sizeof(spec_digest)];
    hex_encode(entry->spec_digest, sizeof(entry->spec_digest), spec_digest);
    snprintf(detail, sizeof(detail), "image=%s campaign=%s", entry->digest, spec_digest);
    struct audit_action action = {
        .action = ctl_method_name(CTL_APPLY),
        .object = entry->doc->spec.name,
        .reason = ctl_text(a->params, "reason"),
        .detail = detail,
    };
    audit_note(a->d, a->connection, &action);
}

static int run(struct application *a)
{
    struct daemon *d = a->d;
    if (driver_is_down(d->driver) || d->draining || commit_waiters_full(d)) {
        return ctl_fail(&a->error, CTL_INTERNAL,
                        "nothing can be started now; try again later");
    }
    struct campaign_entry *entry = NULL;
    if (make_entry(a, &entry) != FUO_OK) {
        return ctl_fail(&a->error, CTL_INTERNAL, "no memory for the image");
    }
    /* The image may be borrowed from the predecessor: it was copied above. */
    drop_predecessor(a, entry);
    entry->doc = TAKE(a->doc);
    add_rows(a, entry);
    note(a, entry);
    campaigns_add(&d->campaigns, entry);
    d->last_campaign_id = entry->id;
    uploads_drop(d->uploads, a->digest);
    add_waiter(a, entry);
    struct engine_event event = {
        .type = ENGINE_EV_APPLY,
        .apply = {.id = entry->id,
                  .fleet_id = a->fleet->id,
                  .spec = &entry->doc->spec,
                  .image = entry->image,
                  .image_len = entry->image_len,
                  .devices = a->devices,
                  .device_count = a->device_count,
                  .not_before = entry->term.not_before,
                  .deadline = entry->term.deadline,
                  .waves = a->waves},
    };
    log_info("campaign applied campaign=%s id=%u fleet=%s devices=%zu bytes=%zu",
             entry->doc->spec.name, entry->id, entry->fleet, a->device_count,
             entry->image_len);
    driver_feed(d->driver, &event);
    windows_link_give(d, entry);
    return CTL_DONE;
}

static struct json_object *existing_data(const struct application *a,
                                         const struct campaign_rec *rec)
{
    struct json_object *data = json_object_new_object();
    render_add_text(data, "name", rec->name);
    render_add_int(data, "id", rec->id);
    render_add(data, "existing", json_object_new_boolean(1));
    render_add(data, "state", method_state(a->d, rec));
    render_add(data, "plan", NULL);
    return data;
}

static void reply(const struct application *a, struct json_object *data)
{
    method_reply(a->d, a->connection, a->request_id, data);
}

/* Refused, if code is not CTL_DONE; then it is over. */
static void finish(struct application *a, int code)
{
    if (code != CTL_DONE) {
        method_refuse(a->d, a->connection, a->request_id, &a->error);
    }
    campaign_doc_destroy(a->doc);
    free(a->devices);
    free(a->waves);
    free(a->wave_sizes);
    planning_finish(&a->planning);
    diag_list_finish(&a->diags);
    ctl_error_finish(&a->error);
    json_object_put(a->params);
    free(a);
}

/* Somebody may have applied the same meanwhile, and the image may be another's by now. */
static int apply(struct application *a)
{
    const struct campaign_rec *existing = NULL;
    int code = check_name(a, &existing);
    if (code == CTL_DONE && existing != NULL) {
        reply(a, existing_data(a, existing));
        return CTL_DONE;
    }
    if (code == CTL_DONE) {
        code = check_image(a);
    }
    return code == CTL_DONE ? run(a) : code;
}

static void planned(struct application *a)
{
    int code = take_plan(a);
    if (code == CTL_DONE && a->only_plan) {
        reply(a, plan_data(a, &a->doc->spec));
    } else if (code == CTL_DONE) {
        code = apply(a);
    }
    finish(a, code);
}

static void on_work(uv_work_t *work)
{
    struct application *a = work->data;
    planning_compute(a->job);
}

static void on_planned(uv_work_t *work, int status)
{
    struct application *a = work->data;
    (void)status; /* it is never cancelled */
    a->d->plannings--;
    if (a->d->running) {
        planned(a);
        return;
    }
    (void)take_plan(a);
    finish(a, CTL_DONE); /* nobody listens any more */
}

/* Not on the loop's thread, if the loop runs: with many devices it takes seconds. */
static int plan(struct application *a)
{
    struct daemon *d = a->d;
    if (d->plannings >= PLANNINGS_MAX) {
        return ctl_fail(&a->error, CTL_INTERNAL, "too many plans are being made");
    }
    struct planning_request request = planning_request(a, &a->doc->spec);
    a->job = planning_begin(&request, &a->planning, &a->diags);
    a->work.data = a;
    if (!d->running || uv_queue_work(d->loop, &a->work, on_work, on_planned) != 0) {
        planning_compute(a->job);
        planned(a);
    } else {
        d->plannings++;
    }
    return CTL_DONE;
}

static int check_all(struct application *a)
{
    static int (*const checks[])(struct application *) = {
        check_fleet,
        check_image,
        check_targets,
        check_waves,
    };
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        int code = checks[i](a);
        if (code != CTL_DONE) {
            return code;
        }
    }
    return CTL_DONE;
}

void apply_request(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    struct application *a = xcalloc(1, sizeof(*a));
    a->d = d;
    a->connection = connection;
    a->request_id = request->id;
    a->only_plan = request->method == CTL_PLAN;
    a->params = json_object_get(request->params);
    const struct campaign_rec *existing = NULL;
    int code = check_file(a);
    if (code == CTL_DONE) {
        code = check_name(a, &existing);
    }
    if (code == CTL_DONE && existing != NULL && !a->only_plan) {
        reply(a, existing_data(a, existing));
        finish(a, CTL_DONE);
        return;
    }
    if (code == CTL_DONE) {
        code = check_all(a);
    }
    if (code == CTL_DONE) {
        code = plan(a); /* and the rest of it, now or later */
    }
    if (code != CTL_DONE) {
        finish(a, code);
    }
}
