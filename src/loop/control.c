/* SPDX-License-Identifier: MIT */
/* pause, resume, abort, approve: checked here, carried out by the engine. */
#include "loop/internal.h"
#include "loop/view.h"

enum { APPROVED_SIZE = 80 };

struct asked {
    struct daemon *d;
    enum ctl_method method;
    struct json_object *params;
    const struct campaign_rec *rec;
    const struct campaign_entry *entry; /* NULL: there is none any more */
    uint8_t wave;                       /* of approve */
    bool install;                       /* ... that its devices do */
    struct ctl_error error;
};

static enum engine_control verb_of(const struct asked *a)
{
    enum ctl_method method = a->method;
    return a->install              ? ENGINE_INSTALL
           : method == CTL_PAUSE   ? ENGINE_PAUSE
           : method == CTL_RESUME  ? ENGINE_RESUME
           : method == CTL_APPROVE ? ENGINE_APPROVE
                                   : ENGINE_ABORT;
}

/* The wave that the campaign waits with in that phase; NULL: none. */
static const char *waiting_wave(const struct asked *a, enum wave_phase phase)
{
    struct render_wave waves[WAVE_MAX];
    size_t count = a->entry != NULL ? view_waves(a->d->engine, a->entry, waves) : 0;
    for (size_t i = 0; i < count; i++) {
        if (waves[i].rec->phase == phase) {
            return waves[i].name;
        }
    }
    return NULL;
}

static int check_trust(struct asked *a)
{
    return a->entry != NULL && a->entry->untrusted
               ? ctl_fail(&a->error, CTL_UNTRUSTED,
                          "its image does not verify under the fleet's trust policy any "
                          "more")
               : CTL_DONE;
}

/* A wave that needs an approval is not begun by a mere resume. */
static int check_resume(struct asked *a)
{
    const char *wave = waiting_wave(a, WAVE_APPROVAL);
    if (wave != NULL) {
        return ctl_fail(&a->error, CTL_CONFLICT,
                        "wave '%s' waits for approval; it begins with: fuotactl approve "
                        "%s",
                        wave, a->rec->name);
    }
    return check_trust(a);
}

/* Once more does no harm: who was approved is. */
static int check_install(struct asked *a)
{
    if (a->entry == NULL || a->entry->doc->spec.activation.mode != SPEC_ACTIVATE_MANUAL) {
        return ctl_fail(&a->error, CTL_CONFLICT,
                        "devices of campaign '%s' install by themselves: its "
                        "activation.mode is not manual",
                        a->rec->name);
    }
    const char *wave = waiting_wave(a, WAVE_APPROVAL);
    if (a->wave == ENGINE_WAVE_NEXT && wave != NULL) {
        return ctl_fail(&a->error, CTL_CONFLICT,
                        "wave '%s' has not begun; --wave %s approves beforehand that its "
                        "devices install",
                        wave, wave);
    }
    return check_trust(a);
}

static int check_approve(struct asked *a)
{
    const char *name = ctl_text(a->params, "wave");
    int no = name != NULL && a->entry != NULL ? campaign_wave_named(a->entry, name) : -1;
    a->wave = no >= 0 ? (uint8_t)no : ENGINE_WAVE_NEXT;
    bool known =
        no >= 0 && engine_wave_at(a->d->engine, a->rec->id, a->wave, NULL) != NULL;
    if (name != NULL && !known) {
        return ctl_fail(&a->error, CTL_NOT_FOUND, "campaign '%s' has no wave '%.64s'",
                        a->rec->name, name);
    }
    if (a->install) {
        return check_install(a);
    }
    if (name == NULL && !engine_wants_approval(a->d->engine, a->rec->id)) {
        return ctl_fail(&a->error, CTL_CONFLICT,
                        "no wave of campaign '%s' waits now; --wave NAME approves one "
                        "beforehand",
                        a->rec->name);
    }
    return check_trust(a);
}

static int check(struct asked *a)
{
    int code = a->method == CTL_RESUME    ? check_resume(a)
               : a->method == CTL_APPROVE ? check_approve(a)
                                          : CTL_DONE;
    if (code != CTL_DONE) {
        return code;
    }
    if (driver_is_down(a->d->driver)) {
        return ctl_fail(&a->error, CTL_INTERNAL,
                        "nothing can be stored now; try again later");
    }
    return commit_waiters_full(a->d)
               ? ctl_fail(&a->error, CTL_INTERNAL, "too many requests at a time")
               : CTL_DONE;
}

/* What was approved, for the audit log. */
static const char *detail_of(const struct asked *a, char text[static APPROVED_SIZE])
{
    const char *wave = ctl_text(a->params, "wave");
    if (!a->install) {
        return a->method == CTL_APPROVE ? wave : NULL;
    }
    snprintf(text, APPROVED_SIZE, "install%s%.64s", wave != NULL ? " " : "",
             wave != NULL ? wave : "");
    return text;
}

void control_request(struct daemon *d, uint64_t connection, struct ctl_request *request,
                     const struct campaign_rec *rec)
{
    struct asked a = {.d = d,
                      .method = request->method,
                      .params = request->params,
                      .rec = rec,
                      .entry = campaigns_find(&d->campaigns, rec->id),
                      .wave = ENGINE_WAVE_NEXT,
                      .install = request->method == CTL_APPROVE &&
                                 ctl_bool(request->params, "install", false)};
    if (check(&a) != CTL_DONE) {
        method_refuse(d, connection, request->id, &a.error);
        return;
    }
    commit_wait(d, connection, request->id)->campaign_id = rec->id;
    const char *reason = ctl_text(request->params, "reason");
    char detail[APPROVED_SIZE];
    struct audit_action action = {
        .action = ctl_method_name(request->method),
        .object = rec->name,
        .reason = reason,
        .detail = detail_of(&a, detail),
    };
    audit_note(d, connection, &action);
    struct engine_event event = {
        .type = ENGINE_EV_CONTROL,
        .control = {.campaign_id = rec->id,
                    .verb = verb_of(&a),
                    .reason = reason,
                    .wave = a.wave},
    };
    driver_feed(d->driver, &event);
    method_answer_unchanged(d);
}
