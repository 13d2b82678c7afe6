/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "io/cleanup.h"
#include "loop/apply_internal.h"
#include "loop/planning_cost.h"
#include "loop/render.h"
#include "loop/xalloc.h"

#define LOG_MODULE "apply"
#include "io/log.h"

/* ---- apply ---- */

static int make_entry(struct application *a, struct campaign_entry **entry)
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
    made->deltas = a->deltas;
    a->deltas = (struct deltas){0};
    memcpy(made->digest, a->digest, sizeof(made->digest));
    memcpy(made->spec_digest, a->spec_digest, sizeof(made->spec_digest));
    made->alert_out = true; /* perhaps of one that had the name before */
    *entry = made;
    return FUO_OK;
}

static void add_delta_rows(struct store_batch *rows, const struct deltas *deltas)
{
    for (size_t i = 0; i < deltas->count; i++) {
        struct store_image delta = {.bytes = deltas->items[i].bytes,
                                    .len = deltas->items[i].len,
                                    .signatures = "[]"}; /* those are with the campaign */
        store_digest(delta.bytes, delta.len, delta.digest);
        store_batch_image(rows, &delta);
    }
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
        .fleet = entry->fleets,
        .yaml = a->yaml,
        .signatures = signatures,
        .deltas = entry->deltas.text,
    };
    memcpy(source.image_digest, image.digest, sizeof(source.image_digest));
    memcpy(source.spec_digest, entry->spec_digest, sizeof(source.spec_digest));
    a->d->rows_tied = true;
    store_batch_image(rows, &image);
    add_delta_rows(rows, &entry->deltas);
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
    struct waiter *waiter = commit_wait(a->d, a->connection, a->request_id);
    waiter->campaign_id = entry->id;
    waiter->applied = true;
    waiter->plan = apply_plan_data(a, &entry->doc->spec);
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

/* While it was planned devices may have been removed. */
static bool has_its_devices(const struct application *a)
{
    for (size_t i = 0; i < a->fleet_count; i++) {
        const struct application_fleet *f = &a->fleets[i];
        if (inventory_common(&f->fleet->inventory, f->devices, f->device_count, NULL) <
            f->device_count) {
            return false;
        }
    }
    return !a->d->removing;
}

static int run(struct application *a)
{
    struct daemon *d = a->d;
    if (driver_is_down(d->driver) || d->draining || commit_waiters_full(d) ||
        !has_its_devices(a)) {
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
    entry->fleets = campaign_fleets_text(&entry->doc->spec);
    deltas_note(&entry->deltas, apply_deltas_sent(a));
    add_rows(a, entry);
    note(a, entry);
    campaigns_add(&d->campaigns, entry);
    a->entry = entry;
    d->last_campaign_id = entry->id;
    uploads_drop(d->uploads, a->digest);
    for (size_t i = 0; i < entry->deltas.count; i++) {
        uploads_drop(d->uploads, entry->deltas.digests[i]);
    }
    add_waiter(a, entry);
    struct engine_event event = {
        .type = ENGINE_EV_APPLY,
        .apply = {.id = entry->id,
                  .spec = &entry->doc->spec,
                  .image = entry->image,
                  .image_len = entry->image_len,
                  .deltas = entry->deltas.items,
                  .delta_count = entry->deltas.count,
                  .devices = a->devices,
                  .device_count = a->device_count,
                  .not_before = entry->term.not_before,
                  .deadline = entry->term.deadline,
                  .waves = a->waves},
    };
    log_info("campaign applied campaign=%s id=%u fleet=\"%s\" devices=%zu bytes=%zu",
             entry->doc->spec.name, entry->id, entry->fleets, a->device_count,
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
    render_add(data, "changed", json_object_new_boolean(0));
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
    apply_deltas_finish(a);
    apply_plan_finish(a);
    diag_list_finish(&a->diags);
    ctl_error_finish(&a->error);
    json_object_put(a->params);
    free(a);
}

/* A plan only shows it: it may be reviewed while the other campaign is under way. */
static int check_overlap(struct application *a)
{
    struct planning_request request = apply_plan_request(a, &a->doc->spec);
    int err = planning_overlap_check(a->d->engine, &a->d->campaigns, &request, &a->diags);
    return err == FUO_OK
               ? CTL_DONE
               : apply_refuse(a, CTL_CONFLICT, "other campaigns have its devices");
}

/* Somebody may have applied the same meanwhile, and the image may be another's by now. */
static int apply(struct application *a)
{
    const struct campaign_rec *existing = NULL;
    int code = a->refused == CTL_DONE ? apply_check_name(a, &existing) : CTL_DONE;
    if (existing != NULL) {
        reply(a, existing_data(a, existing));
        return CTL_DONE;
    }
    if (a->refused == CTL_DONE) {
        code = apply_check_image(a);
    }
    if (apply_is_stopped(code)) {
        return code;
    }
    (void)check_overlap(a);
    code = apply_verdict(a);
    return code == CTL_DONE ? run(a) : code;
}

static int show(struct application *a)
{
    int code = apply_verdict(a);
    if (code == CTL_DONE) {
        reply(a, apply_plan_data(a, &a->doc->spec));
    }
    return code;
}

static void planned(struct application *a)
{
    int code = apply_plan_end(a);
    if (!apply_is_stopped(code)) {
        code = apply_deltas_verdict(a);
    }
    if (!apply_is_stopped(code)) {
        code = a->only_plan ? show(a) : apply(a);
    }
    finish(a, code);
}

static void on_work(uv_work_t *work)
{
    struct application *a = work->data;
    apply_deltas_compute(a->delta_work);
    apply_plan_compute(a);
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
    (void)apply_plan_end(a);
    finish(a, CTL_DONE); /* nobody listens any more */
}

/* Not on the loop's thread, if the loop runs: with many devices it takes seconds. */
static int plan(struct application *a)
{
    struct daemon *d = a->d;
    if (d->plannings >= PLANNINGS_MAX) {
        return ctl_fail(&a->error, CTL_INTERNAL, "too many plans are being made");
    }
    if (apply_plan_begin(a) == 0) {
        planned(a);
        return CTL_DONE;
    }
    a->work.data = a;
    if (!d->running || uv_queue_work(d->loop, &a->work, on_work, on_planned) != 0) {
        apply_deltas_compute(a->delta_work);
        apply_plan_compute(a);
        planned(a);
    } else {
        d->plannings++;
    }
    return CTL_DONE;
}

static void check_and_plan(struct application *a)
{
    int code = apply_check_all(a);
    if (code == CTL_DONE) {
        /* and the rest of it, now or later */
        code = a->lacks ? apply_verdict(a) : plan(a);
    }
    if (code != CTL_DONE) {
        finish(a, code);
    }
}

static bool waits_for_servers(struct application *a);

/* A server has been asked, or it took too long. */
static void on_scanned(void *arg)
{
    struct application *a = arg;
    if (!a->d->running) {
        finish(a, CTL_DONE); /* nobody listens any more */
    } else if (!waits_for_servers(a)) {
        check_and_plan(a);
    }
}

/* For one of its fleets after the other. */
static bool waits_for_servers(struct application *a)
{
    const struct str_list *fleets = &a->doc->spec.targets.fleets;
    while (a->asked < fleets->count) {
        struct fleet_entry *fleet =
            fleets_by_name(&a->d->fleets, fleets->items[a->asked++]);
        if (fleet != NULL && scan_wait_for(a->d, fleet, on_scanned, a)) {
            return true;
        }
    }
    return false;
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
    int code = apply_check_file(a);
    struct campaign_entry *edited = code == CTL_DONE ? apply_under_way(a) : NULL;
    if (edited != NULL && !a->only_plan) {
        finish(a, apply_change(a, edited));
        return;
    }
    if (edited != NULL) {
        struct campaign_change change;
        code = apply_check_change(a, edited, &change);
    } else if (code == CTL_DONE && apply_check_name(a, &existing) != CTL_DONE) {
        code = apply_verdict(a); /* its fleet may be what is gone */
    }
    if (code == CTL_DONE && existing != NULL && !a->only_plan) {
        code = apply_verdict(a);
        if (code == CTL_DONE) {
            reply(a, existing_data(a, existing));
        }
        finish(a, code);
        return;
    }
    if (code != CTL_DONE) {
        finish(a, code);
    } else if (!waits_for_servers(a)) {
        check_and_plan(a);
    }
}
