/* SPDX-License-Identifier: MIT */
/*
 * retry.c - which devices of a campaign are to go again: chosen and checked here, carried
 * out by the engine (engine/retry.h).
 *
 * Devices that are named must all be able to, or nothing is done; of those that are chosen
 * by outcome or label, who cannot is counted and left as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "io/cleanup.h"
#include "loop/internal.h"
#include "loop/render.h"
#include "loop/xalloc.h"

enum {
    NOTE_SIZE = 1024,
    LABELS_MAX = 16,
};

struct retry {
    struct daemon *d;
    struct json_object *params;
    const struct campaign_rec *rec;
    const struct campaign_entry *entry; /* NULL: there is none any more */
    bool named;                         /* params have devices */
    uint32_t outcomes;                  /* bits by enum outcome */
    uint64_t *devices;                  /* those that go again; owned */
    size_t count;
    size_t under_way; /* of those that were meant */
    size_t busy;
    size_t succeeded;
    struct diag_list diags; /* of those that are named */
    bool stranger;          /* one of them is not in the campaign */
    struct ctl_error error;
};

/* ---- what is asked for ---- */

static struct json_object *member_of(const struct retry *r, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(r->params, key, &value);
    return value;
}

static int outcome_bit(const char *name, uint32_t *bits)
{
    for (int outcome = OUTCOME_FAILED; outcome < OUTCOME_COUNT; outcome++) {
        if (strcmp(name, outcome_name((enum outcome)outcome)) == 0) {
            *bits |= UINT32_C(1) << outcome;
            return FUO_OK;
        }
    }
    return FUO_EINVAL;
}

/* Without any: those that an operator would want to mend. */
static int read_outcomes(struct retry *r)
{
    struct json_object *list = member_of(r, "outcomes");
    r->outcomes = UINT32_C(1) << OUTCOME_FAILED | UINT32_C(1) << OUTCOME_UNKNOWN;
    if (list == NULL) {
        r->outcomes = r->named ? UINT32_MAX : r->outcomes;
        return CTL_DONE;
    }
    r->outcomes = 0;
    size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(list, i));
        if (name == NULL || outcome_bit(name, &r->outcomes) != FUO_OK) {
            return ctl_fail(&r->error, CTL_USAGE,
                            "no device of outcome '%.40s' can go again; outcomes are "
                            "failed, unknown, cancelled, skipped and superseded",
                            name != NULL ? name : "");
        }
    }
    return n > 0 ? CTL_DONE
                 : ctl_fail(&r->error, CTL_USAGE, "outcomes are a list of names");
}

static int check_labels(struct retry *r)
{
    struct json_object *labels = member_of(r, "labels");
    if (labels == NULL) {
        return CTL_DONE;
    }
    if (!json_object_is_type(labels, json_type_object) ||
        json_object_object_length(labels) == 0 ||
        json_object_object_length(labels) > LABELS_MAX) {
        return ctl_fail(&r->error, CTL_USAGE, "labels are 1 to %d texts by key",
                        LABELS_MAX);
    }
    return CTL_DONE;
}

/* ---- whether the campaign has room for it ---- */

static int check_campaign(struct retry *r)
{
    const struct campaign_rec *rec = r->rec;
    bool open = rec->phase == CAMPAIGN_RUNNING || rec->phase == CAMPAIGN_PAUSED ||
                rec->phase == CAMPAIGN_COMPLETED;
    if (!open) {
        return ctl_fail(&r->error, CTL_CONFLICT,
                        "campaign '%s' is %s: no device of it can go again", rec->name,
                        campaign_phase_name(rec->phase));
    }
    if (r->entry != NULL && r->entry->untrusted) {
        return ctl_fail(&r->error, CTL_UNTRUSTED,
                        "its image does not verify under the fleet's trust policy any "
                        "more");
    }
    if (r->entry != NULL &&
        utc_reached(r->entry->term.deadline, clock_utc(&r->d->clock))) {
        return ctl_fail(&r->error, CTL_CONFLICT,
                        "the deadline of campaign '%s' has passed; apply the rest as a "
                        "campaign of another name",
                        rec->name);
    }
    if (!engine_may_retry(r->d->engine, rec->id, clock_utc(&r->d->clock))) {
        return ctl_fail(
            &r->error, CTL_CONFLICT,
            "campaign '%s' had ended before the daemon started, and its image "
            "cannot be used any more; apply it again",
            rec->name);
    }
    return CTL_DONE;
}

/* ---- which devices ---- */

static bool has_labels(const struct retry *r, uint64_t dev_eui)
{
    struct json_object *labels = member_of(r, "labels");
    if (labels == NULL) {
        return true;
    }
    const struct fleet_entry *fleet = NULL;
    const struct inventory_device *device = fleets_device(&r->d->fleets, dev_eui, &fleet);
    struct json_object_iterator it = json_object_iter_begin(labels);
    struct json_object_iterator end = json_object_iter_end(labels);
    for (; device != NULL && !json_object_iter_equal(&it, &end);
         json_object_iter_next(&it)) {
        const char *has =
            inventory_label(&fleet->inventory, device, json_object_iter_peek_name(&it));
        const char *wanted = json_object_get_string(json_object_iter_peek_value(&it));
        if (has == NULL || wanted == NULL || strcmp(has, wanted) != 0) {
            return false;
        }
    }
    return device != NULL;
}

static void complain(struct retry *r, const char *eui, const char *why)
{
    const struct diag_place place = {.path = eui};
    diag_error(&r->diags, &place, "%s", why);
}

/* Counts the device, or keeps it. */
static void sort_in(struct retry *r, uint64_t dev_eui, const char *eui)
{
    switch (engine_retry_of(r->d->engine, r->rec->id, dev_eui)) {
    case ENGINE_RETRY_YES:
        r->devices[r->count++] = dev_eui;
        break;
    case ENGINE_RETRY_UNDER_WAY:
        r->under_way++;
        break;
    case ENGINE_RETRY_SUCCEEDED:
        r->succeeded++;
        complain(r, eui, "it has succeeded");
        break;
    case ENGINE_RETRY_BUSY:
        r->busy++;
        complain(r, eui, "another campaign has it");
        break;
    case ENGINE_RETRY_NO_WAVE:
        complain(r, eui, "no wave of the rollout takes it");
        break;
    case ENGINE_RETRY_UNKNOWN:
        r->stranger = true;
        complain(r, eui, "it is not in the campaign");
        break;
    }
}

/* Who is at it again is counted, so that the same request twice tells the same. */
static bool is_meant(const struct retry *r, const struct member_rec *member)
{
    return member->outcome == OUTCOME_NONE ? r->named || member->retries > 0
                                           : (r->outcomes >> member->outcome & 1) != 0;
}

static int choose_named(struct retry *r, struct json_object *list)
{
    size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    if (n == 0) {
        return ctl_fail(&r->error, CTL_USAGE, "devices are a list of DevEUIs");
    }
    r->devices = xcalloc(n, sizeof(*r->devices));
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *text = json_object_is_type(item, json_type_string)
                               ? json_object_get_string(item)
                               : "";
        uint64_t dev_eui = 0;
        char eui[EUI_TEXT_SIZE];
        if (eui_parse(text, strlen(text), &dev_eui) != FUO_OK) {
            return ctl_fail(&r->error, CTL_USAGE,
                            "a DevEUI has 16 hex digits, not \"%.40s\"", text);
        }
        const struct member_rec *member =
            engine_member_find(r->d->engine, r->rec->id, dev_eui);
        if (member == NULL || (is_meant(r, member) && has_labels(r, dev_eui))) {
            sort_in(r, dev_eui, eui_format(dev_eui, eui));
        }
    }
    if (r->diags.error_count == 0) {
        return CTL_DONE;
    }
    r->error.errors = diag_list_json(&r->diags);
    return ctl_fail(&r->error, r->stranger ? CTL_NOT_FOUND : CTL_CONFLICT,
                    "%zu of the devices cannot go again; nothing was changed",
                    r->diags.error_count);
}

static int choose_all(struct retry *r)
{
    struct campaign_counts counts;
    const struct member_rec *member;
    engine_campaign_counts(r->d->engine, r->rec->id, &counts);
    r->devices = xcalloc((size_t)counts.total + 1, sizeof(*r->devices));
    for (size_t i = 0; (member = engine_member_at(r->d->engine, r->rec->id, i)) != NULL;
         i++) {
        if (is_meant(r, member) && has_labels(r, member->dev_eui)) {
            sort_in(r, member->dev_eui, NULL);
        }
    }
    return CTL_DONE;
}

static int choose(struct retry *r)
{
    struct json_object *list = member_of(r, "devices");
    return list != NULL ? choose_named(r, list) : choose_all(r);
}

static int check_daemon(struct retry *r)
{
    if (driver_is_down(r->d->driver) || r->d->draining) {
        return ctl_fail(&r->error, CTL_INTERNAL,
                        "nothing can be stored now; try again later");
    }
    return commit_waiters_full(r->d)
               ? ctl_fail(&r->error, CTL_INTERNAL, "too many requests at a time")
               : CTL_DONE;
}

static int check(struct retry *r)
{
    static int (*const checks[])(struct retry *) = {
        read_outcomes, check_labels, check_campaign, check_daemon, choose,
    };
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        int code = checks[i](r);
        if (code != CTL_DONE) {
            return code;
        }
    }
    return CTL_DONE;
}

/* ---- doing it ---- */

/* How many, and the first of them: as many as have room. */
static void note(const struct retry *r, uint64_t connection)
{
    char detail[NOTE_SIZE];
    char eui[EUI_TEXT_SIZE];
    int len = snprintf(detail, sizeof(detail), "devices=%zu", r->count);
    for (size_t i = 0; i < r->count && (size_t)len + sizeof(eui) + 1 < sizeof(detail);
         i++) {
        len += snprintf(detail + len, sizeof(detail) - (size_t)len, " %s",
                        eui_format(r->devices[i], eui));
    }
    struct audit_action action = {
        .action = ctl_method_name(CTL_RETRY),
        .object = r->rec->name,
        .reason = ctl_text(r->params, "reason"),
        .detail = detail,
    };
    audit_note(r->d, connection, &action);
}

static void add_waiter(const struct retry *r, uint64_t connection, int64_t request_id)
{
    struct waiter *waiter = commit_wait(r->d, connection, request_id);
    waiter->campaign_id = r->rec->id;
    waiter->retry = json_object_new_object();
    render_add_int(waiter->retry, "retried", (int64_t)r->count);
    render_add_int(waiter->retry, "under_way", (int64_t)r->under_way);
    render_add_int(waiter->retry, "busy", (int64_t)r->busy);
}

static void carry_out(const struct retry *r)
{
    struct engine_event event = {
        .type = ENGINE_EV_RETRY,
        .retry = {.campaign_id = r->rec->id, .devices = r->devices, .count = r->count}};
    driver_feed(r->d->driver, &event);
}

void retry_request(struct daemon *d, uint64_t connection, struct ctl_request *request,
                   const struct campaign_rec *rec)
{
    struct retry r = {
        .d = d,
        .params = request->params,
        .rec = rec,
        .entry = campaigns_find(&d->campaigns, rec->id),
    };
    r.named = member_of(&r, "devices") != NULL;
    if (check(&r) != CTL_DONE) {
        method_refuse(d, connection, request->id, &r.error);
    } else {
        if (r.count > 0 && rec->phase == CAMPAIGN_COMPLETED) {
            windows_link_give(d, r.entry); /* after a restart it has none */
        }
        add_waiter(&r, connection, request->id);
        note(&r, connection);
        if (r.count > 0) {
            carry_out(&r);
        }
        driver_flush(d->driver);
        method_answer_unchanged(d);
    }
    diag_list_finish(&r.diags);
    free(r.devices);
}
