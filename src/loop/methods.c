/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "config/campaign.h"
#include "io/cleanup.h"
#include "loop/doctor.h"
#include "loop/internal.h"
#include "loop/render.h"
#include "loop/view.h"
#include "loop/xalloc.h"

enum {
    STATES_MAX = 200,
};

/* A request on its way to its method. */
struct call {
    struct daemon *d;
    uint64_t connection;
    struct ctl_request *request;
    struct json_object *params;
};

/* ---- answers ---- */

void method_reply(struct daemon *d, uint64_t connection, int64_t request_id,
                  struct json_object *data)
{
    if (intake_link_answer(d, connection, NULL)) {
        json_object_put(data);
        return;
    }
    client_send(d, connection, ctl_print_data(request_id, data));
}

void method_refuse(struct daemon *d, uint64_t connection, int64_t request_id,
                   struct ctl_error *error)
{
    if (!intake_link_answer(d, connection, error)) {
        client_send(d, connection, ctl_print_error(request_id, error));
    }
    ctl_error_finish(error);
}

static void reply(const struct call *call, struct json_object *data)
{
    method_reply(call->d, call->connection, call->request->id, data);
}

static void refuse(const struct call *call, enum ctl_code code, const char *text)
{
    struct ctl_error error = {0};
    ctl_fail(&error, code, "%s", text);
    method_refuse(call->d, call->connection, call->request->id, &error);
}

/* No campaign of the engine's has that name. */
static void refuse_name(const struct call *call, const char *name)
{
    struct ctl_error error = {0};
    const struct campaign_left_out *out =
        campaigns_left_out_named(&call->d->campaigns, name);
    if (out != NULL) {
        ctl_fail(&error, CTL_CONFLICT, "campaign '%s' was left out at start: %s",
                 out->rec.name, out->rec.reason);
    } else {
        ctl_fail(&error, CTL_NOT_FOUND, "there is no campaign '%.64s'", name);
    }
    method_refuse(call->d, call->connection, call->request->id, &error);
}

struct json_object *method_state(const struct daemon *d, const struct campaign_rec *rec)
{
    return view_campaign(d->engine, rec, campaigns_find(&d->campaigns, rec->id));
}

void method_add_wave(const struct daemon *d, uint32_t campaign_id,
                     const struct member_rec *member, struct json_object *device)
{
    const struct campaign_entry *entry = campaigns_find(&d->campaigns, campaign_id);
    bool known = entry != NULL &&
                 engine_wave_at(d->engine, campaign_id, member->wave, NULL) != NULL;
    const char *name = known ? entry->doc->spec.rollout.waves[member->wave].name : NULL;
    render_add(device, "wave", name != NULL ? json_object_new_string(name) : NULL);
}

const char *method_fleet_name(const struct daemon *d, uint32_t fleet_id)
{
    const struct fleet_entry *fleet = fleets_by_id(&d->fleets, fleet_id);
    return fleet != NULL ? fleet->doc->spec.name : "";
}

void method_add_fleet(const struct daemon *d, const struct member_rec *member,
                      struct json_object *device)
{
    const struct device_rec *rec = engine_device(d->engine, member->dev_eui);
    render_add_text(device, "fleet",
                    method_fleet_name(d, rec != NULL ? rec->fleet_id : 0));
}

/* The campaign that params name; refused and NULL if there is none. */
static const struct campaign_rec *named_campaign(const struct call *call)
{
    const char *name = ctl_text(call->params, "name");
    if (name == NULL) {
        refuse(call, CTL_USAGE, "params need a name");
        return NULL;
    }
    const struct campaign_rec *rec = engine_campaign_by_name(call->d->engine, name);
    if (rec == NULL) {
        refuse_name(call, name);
    }
    return rec;
}

/* ---- version, validate, put ---- */

static void do_version(const struct call *call)
{
    const struct daemon *d = call->d;
    struct json_object *data = json_object_new_object();
    render_add_text(data, "version", FUO_VERSION);
    render_add_int(data, "protocol", CTL_PROTOCOL);
    render_add_text(data, "instance", d->doc->name);
    render_add_int(data, "boot", d->boot);
    render_add_text(data, "state", d->draining ? "draining" : "ready");
    render_add(data, "stores", json_object_new_boolean(!driver_is_down(d->driver)));
    reply(call, data);
}

static void do_validate(const struct call *call)
{
    const char *text = ctl_text(call->params, "campaign");
    const char *file = ctl_text(call->params, "file");
    if (text == NULL || strlen(text) > CTL_CAMPAIGN_MAX) {
        refuse(call, CTL_USAGE, "params need the text of a campaign, at most 64 KiB");
        return;
    }
    struct diag_list diags = {0};
    struct campaign_doc *doc = NULL;
    int err = campaign_parse(file != NULL ? file : "campaign.yaml", text, strlen(text),
                             &doc, &diags);
    if (err == FUO_OK) {
        campaign_unsupported(doc, &diags);
    }
    if (diags.error_count > 0 || err != FUO_OK) {
        struct ctl_error error = {.errors = diag_list_json(&diags)};
        ctl_fail(&error, CTL_INVALID, "the campaign is not valid: %zu problems",
                 diags.error_count);
        method_refuse(call->d, call->connection, call->request->id, &error);
    } else {
        struct json_object *data = json_object_new_object();
        render_add_text(data, "name", doc->spec.name);
        reply(call, data);
    }
    campaign_doc_destroy(doc);
    diag_list_finish(&diags);
}

static const char *put_error(int err)
{
    switch (err) {
    case FUO_ERANGE:
        return "an upload has 1 byte to 16 MiB";
    case FUO_EINVAL:
        return "not where the upload stands, or another size than before";
    case FUO_EAUTH:
        return "the upload does not have its digest; it was forgotten";
    default:
        return fuo_strerror(err);
    }
}

static int add_chunk(const struct call *call, const char *digest, size_t *have)
{
    struct json_object *data = NULL;
    if (!json_object_object_get_ex(call->params, "data", &data)) {
        return FUO_OK;
    }
    if (!json_object_is_type(data, json_type_string)) {
        return FUO_EPROTO;
    }
    AUTO_FREE uint8_t *bytes = malloc(CTL_CHUNK_MAX);
    if (bytes == NULL) {
        return FUO_ENOMEM;
    }
    size_t len = 0;
    int err = ctl_base64_decode(json_object_get_string(data),
                                (size_t)json_object_get_string_len(data), bytes,
                                CTL_CHUNK_MAX, &len);
    int64_t offset = ctl_int(call->params, "offset", 0);
    if (err == FUO_OK) {
        err = offset < 0
                  ? FUO_EINVAL
                  : uploads_add(call->d->uploads, digest, (size_t)offset, bytes, len);
    }
    if (err == FUO_OK) {
        *have += len;
    }
    explicit_bzero(bytes, CTL_CHUNK_MAX); /* devices to be imported have keys */
    return err;
}

static void do_put(const struct call *call)
{
    char digest[CTL_DIGEST_SIZE];
    int64_t size = ctl_int(call->params, "size", 0);
    if (ctl_digest_text(ctl_text(call->params, "digest"), digest) != FUO_OK) {
        refuse(call, CTL_USAGE, "params need a digest of 64 hex digits");
        return;
    }
    size_t have = 0;
    int err = FUO_OK;
    if (campaigns_image(&call->d->campaigns, digest, &have) == NULL) {
        err = uploads_begin(call->d->uploads, digest, size > 0 ? (size_t)size : 0, &have);
        if (err == FUO_OK) {
            err = add_chunk(call, digest, &have);
        }
    }
    if (err != FUO_OK) {
        refuse(call, CTL_INVALID, put_error(err));
        return;
    }
    struct json_object *data = json_object_new_object();
    render_add_int(data, "have", (int64_t)have);
    reply(call, data);
}

/* ---- status, devices, device ---- */

/* The newest campaigns, as many as fit into a line. */
static void add_states(const struct daemon *d, struct json_object *list)
{
    const struct campaign_rec *rec;
    size_t count = 0;
    while (engine_campaign_at(d->engine, count) != NULL) {
        count++;
    }
    size_t i = count > STATES_MAX ? count - STATES_MAX : 0;
    for (; (rec = engine_campaign_at(d->engine, i)) != NULL; i++) {
        struct json_object *state = method_state(d, rec);
        json_object_object_del(state, "waves"); /* for who asks for one campaign */
        json_object_array_add(list, state);
    }
    for (const struct campaign_left_out *out = d->campaigns.left_out;
         out != NULL && json_object_array_length(list) < STATES_MAX; out = out->next) {
        json_object_array_add(list, view_left_out(out));
    }
}

static void do_status(const struct call *call)
{
    const struct daemon *d = call->d;
    struct json_object *list = json_object_new_array();
    struct json_object *name = NULL;
    const char *text = ctl_text(call->params, "name");
    const struct campaign_left_out *out =
        text != NULL ? campaigns_left_out_named(&d->campaigns, text) : NULL;
    if (out != NULL) {
        json_object_array_add(list, view_left_out(out));
    } else if (json_object_object_get_ex(call->params, "name", &name)) {
        const struct campaign_rec *rec = named_campaign(call);
        if (rec == NULL) {
            json_object_put(list);
            return;
        }
        json_object_array_add(list, method_state(d, rec));
    } else {
        add_states(d, list);
    }
    struct json_object *data = json_object_new_object();
    render_add(data, "campaigns", list);
    render_add(data, "daemon", health_render(d));
    reply(call, data);
}

/* Which members a page shows. */
struct member_filter {
    const char *outcome; /* NULL: any; "active": not ended */
    int64_t state;       /* -1: any */
    bool after_given;
    uint64_t after;
    size_t limit;
};

static bool read_filter(const struct call *call, struct member_filter *filter)
{
    const char *after = ctl_text(call->params, "after");
    int64_t limit = ctl_int(call->params, "limit", CTL_PAGE_DEFAULT);
    *filter = (struct member_filter){
        .outcome = ctl_text(call->params, "outcome"),
        .state = ctl_int(call->params, "state", -1),
        .after_given = after != NULL,
        .limit = limit < 1              ? 1
                 : limit > CTL_PAGE_MAX ? CTL_PAGE_MAX
                                        : (size_t)limit,
    };
    return after == NULL || eui_parse(after, strlen(after), &filter->after) == FUO_OK;
}

static bool passes(const struct member_filter *filter, const struct member_rec *member)
{
    if (filter->after_given && member->dev_eui <= filter->after) {
        return false;
    }
    if (filter->state >= 0 && (int64_t)member->state != filter->state) {
        return false;
    }
    if (filter->outcome == NULL) {
        return true;
    }
    const char *outcome = member->phase == MEMBER_PENDING ? "pending"
                          : member->outcome == OUTCOME_NONE
                              ? "active"
                              : outcome_name(member->outcome);
    return strcmp(filter->outcome, outcome) == 0;
}

static struct json_object *device_of(const struct daemon *d, uint32_t campaign_id,
                                     const struct member_rec *member)
{
    struct json_object *object = view_member(d->engine, member);
    method_add_wave(d, campaign_id, member, object);
    method_add_fleet(d, member, object);
    view_add_variant(object, campaigns_find(&d->campaigns, campaign_id), member);
    return object;
}

static void do_devices(const struct call *call)
{
    const struct campaign_rec *rec = named_campaign(call);
    struct member_filter filter;
    if (rec == NULL) {
        return;
    }
    if (!read_filter(call, &filter)) {
        refuse(call, CTL_USAGE, "after is not a DevEUI");
        return;
    }
    struct json_object *list = json_object_new_array();
    struct json_object *next = NULL;
    const struct member_rec *member;
    uint64_t last = 0;
    for (size_t i = 0; (member = engine_member_at(call->d->engine, rec->id, i)) != NULL;
         i++) {
        if (!passes(&filter, member)) {
            continue;
        }
        if (json_object_array_length(list) == filter.limit) {
            next = render_eui(last);
            break;
        }
        json_object_array_add(list, device_of(call->d, rec->id, member));
        last = member->dev_eui;
    }
    struct json_object *data = json_object_new_object();
    render_add(data, "devices", list);
    render_add(data, "next", next);
    reply(call, data);
}

/* ---- pause, resume, abort, approve ---- */

static void do_control(const struct call *call)
{
    const struct campaign_rec *rec = named_campaign(call);
    if (rec != NULL) {
        control_request(call->d, call->connection, call->request, rec);
    }
}

static void do_retry(const struct call *call)
{
    const struct campaign_rec *rec = named_campaign(call);
    if (rec != NULL) {
        retry_request(call->d, call->connection, call->request, rec);
    }
}

/* ---- clients that wait for a commit ---- */

static void answer_waiter(struct daemon *d, struct waiter *waiter, int err)
{
    if (waiter->import != NULL) {
        import_stored(d, waiter, err);
        return;
    }
    if (waiter->access != 0) {
        access_stored(d, waiter, err);
        return;
    }
    if (waiter->scan != NULL) {
        scan_stored(d, waiter->scan, err);
        return;
    }
    const struct campaign_rec *rec =
        engine_campaign_by_id(d->engine, waiter->campaign_id);
    if (err != FUO_OK || rec == NULL) {
        struct ctl_error error = {0};
        ctl_fail(&error, CTL_INTERNAL, "nothing was changed: %s",
                 fuo_strerror(err != FUO_OK ? err : FUO_ENOENT));
        method_refuse(d, waiter->connection, waiter->request_id, &error);
        json_object_put(waiter->plan);
        json_object_put(waiter->retry);
        return;
    }
    struct json_object *state = method_state(d, rec);
    if (waiter->retry != NULL) {
        render_add(waiter->retry, "state", state);
        method_reply(d, waiter->connection, waiter->request_id, waiter->retry);
        return;
    }
    if (!waiter->applied) {
        method_reply(d, waiter->connection, waiter->request_id, state);
        return;
    }
    struct json_object *data = json_object_new_object();
    render_add_text(data, "name", rec->name);
    render_add_int(data, "id", rec->id);
    render_add(data, "existing", json_object_new_boolean(waiter->changed));
    render_add(data, "changed", json_object_new_boolean(waiter->changed));
    render_add(data, "state", state);
    render_add(data, "plan", waiter->plan);
    method_reply(d, waiter->connection, waiter->request_id, data);
}

static void answer_all(struct daemon *d, struct waiter **list, int err)
{
    while (*list != NULL) {
        struct waiter *waiter = *list;
        *list = waiter->next;
        answer_waiter(d, waiter, err);
        free(waiter);
    }
}

void method_answer_waiters(struct daemon *d, int err)
{
    answer_all(d, &d->waiters_out, err);
    if (err != FUO_OK) {
        answer_all(d, &d->waiters, err);
    }
}

void method_answer_unchanged(struct daemon *d)
{
    if (driver_is_idle(d->driver)) {
        answer_all(d, &d->waiters, FUO_OK);
    }
}

/* ---- dispatch ---- */

/* Answered in files of their own. */
static void (*const elsewhere[])(struct daemon *d, uint64_t connection,
                                 struct ctl_request *request) = {
    [CTL_PLAN] = apply_request,        [CTL_APPLY] = apply_request,
    [CTL_DEVICE] = device_request,     [CTL_BUDGET] = budget_request,
    [CTL_REPORT] = report_request,     [CTL_DOCTOR] = doctor_request,
    [CTL_IMPORT] = import_request,     [CTL_REMOVE] = import_request,
    [CTL_ACCESS] = access_request,     [CTL_AUDIT] = audit_request,
    [CTL_ROLLBACK] = rollback_request, [CTL_IMAGE] = rollback_image_request,
    [CTL_SNAPSHOT] = snapshot_request, [CTL_WATCH] = watch_start,
};

static void dispatch(const struct call *call)
{
    switch (call->request->method) {
    case CTL_VERSION:
        do_version(call);
        break;
    case CTL_VALIDATE:
        do_validate(call);
        break;
    case CTL_PUT:
        do_put(call);
        break;
    case CTL_STATUS:
        do_status(call);
        break;
    case CTL_DEVICES:
        do_devices(call);
        break;
    case CTL_PAUSE:
    case CTL_RESUME:
    case CTL_ABORT:
    case CTL_APPROVE:
        do_control(call);
        break;
    case CTL_RETRY:
        do_retry(call);
        break;
    default:
        elsewhere[call->request->method](call->d, call->connection, call->request);
    }
}

static void on_request(void *arg, uint64_t connection, struct ctl_request *request)
{
    struct call call = {
        .d = arg,
        .connection = connection,
        .request = request,
        .params = request->params,
    };
    enum ctl_method method = request->method;
    if (call.d->draining && method != CTL_VERSION && method != CTL_STATUS) {
        refuse(&call, CTL_INTERNAL, "the daemon stops; try again later");
        return;
    }
    dispatch(&call);
}

static void on_gone(void *arg, uint64_t connection)
{
    watch_gone(arg, connection);
    access_gone(arg, connection);
}

const struct ctl_server_handlers method_handlers = {on_request, on_gone};
