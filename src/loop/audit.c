/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "loop/internal.h"
#include "loop/render.h"
#include "loop/xalloc.h"

#define LOG_MODULE "audit"
#include "io/log.h"

enum {
    TEXT_MAX = 1024, /* bytes of a reason or a detail that are kept */
    TEXT_SIZE = TEXT_MAX + 1,
};

/* ---- writing ---- */

/* At most TEXT_MAX bytes, and no half character at the end. */
static const char *bounded(const char *from, char text[static TEXT_SIZE])
{
    size_t len = from != NULL ? strnlen(from, TEXT_SIZE) : 0;
    if (len > TEXT_MAX) {
        len = TEXT_MAX;
        while (len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    if (len > 0) {
        memcpy(text, from, len);
    }
    text[len] = '\0';
    return text;
}

/* Of a campaign that is being applied nothing is known yet but its name. */
static void tell(struct daemon *d, const struct store_audit *record)
{
    const struct campaign_rec *rec = engine_campaign_by_name(d->engine, record->object);
    struct campaign_rec named = {0};
    if (d->status == NULL || strlen(record->object) >= sizeof(named.name)) {
        return;
    }
    memcpy(named.name, record->object, strlen(record->object) + 1);
    struct status_source source = {.now = record->at, .boot = d->boot};
    struct json_object *data = json_object_new_object();
    render_add_text(data, "action", record->action);
    render_add_text(data, "actor", record->actor);
    render_add_text(data, "reason", record->reason);
    status_event(d->status, &source, rec != NULL ? rec : &named, "action", data,
                 &d->rows);
}

void audit_note(struct daemon *d, uint64_t connection, const struct audit_action *action)
{
    char actor[CLIENT_ACTOR_SIZE];
    char reason[TEXT_SIZE];
    char detail[TEXT_SIZE];
    struct store_audit record = {
        .at = clock_utc(&d->clock),
        .actor = client_actor(d, connection, actor),
        .action = action->action,
        .object = action->object != NULL ? action->object : "",
        .reason = bounded(action->reason, reason),
        .detail = bounded(action->detail, detail),
    };
    store_batch_audit(&d->rows, &record);
    if (!action->no_campaign) {
        tell(d, &record);
    }
    log_info("%s object=%s actor=%s", record.action, record.object, record.actor);
}

/* ---- reading ---- */

void audit_request(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    int64_t after = ctl_int(request->params, "after", 0);
    int64_t limit = ctl_int(request->params, "limit", CTL_PAGE_DEFAULT);
    limit = limit < 1 ? 1 : limit > CTL_PAGE_MAX ? CTL_PAGE_MAX : limit;
    uint64_t tag = ++d->last_tag;
    int err =
        store_query_audit(d->store, tag, after > 0 ? (uint64_t)after : 0, (size_t)limit);
    if (err != FUO_OK) {
        struct ctl_error error = {0};
        ctl_fail(&error, CTL_INTERNAL, "too many requests at a time");
        method_refuse(d, connection, request->id, &error);
        return;
    }
    struct audit_wait *wait = xcalloc(1, sizeof(*wait));
    *wait = (struct audit_wait){
        .next = d->audits,
        .tag = tag,
        .connection = connection,
        .request_id = request->id,
    };
    d->audits = wait;
}

static void add_hash(struct json_object *object, const char *key,
                     const uint8_t hash[static STORE_DIGEST_BYTES])
{
    char text[2 * STORE_DIGEST_BYTES + 1];
    hex_encode(hash, STORE_DIGEST_BYTES, text);
    render_add_text(object, key, text);
}

static struct json_object *render_record(const struct store_audit *record)
{
    struct json_object *object = json_object_new_object();
    render_add_int(object, "id", (int64_t)record->id);
    render_add(object, "time", render_time(record->at));
    render_add_text(object, "actor", record->actor);
    render_add_text(object, "action", record->action);
    render_add_text(object, "object", record->object);
    render_add_text(object, "reason", record->reason);
    render_add_text(object, "detail", record->detail);
    add_hash(object, "previous", record->previous);
    add_hash(object, "hash", record->hash);
    return object;
}

static void answer(struct daemon *d, const struct audit_wait *wait,
                   const struct store_done *done)
{
    if (done->err != FUO_OK) {
        struct ctl_error error = {0};
        ctl_fail(&error, CTL_INTERNAL, "the audit log cannot be read: %s",
                 fuo_strerror(done->err));
        method_refuse(d, wait->connection, wait->request_id, &error);
        return;
    }
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < done->audit.count; i++) {
        json_object_array_add(list, render_record(&done->audit.rows[i]));
    }
    struct json_object *data = json_object_new_object();
    render_add(data, "records", list);
    render_add_int(data, "count", (int64_t)done->audit.total);
    method_reply(d, wait->connection, wait->request_id, data);
}

void audit_answer(struct daemon *d, const struct store_done *done)
{
    struct audit_wait **at = &d->audits;
    while (*at != NULL && (*at)->tag != done->tag) {
        at = &(*at)->next;
    }
    struct audit_wait *wait = *at;
    if (wait != NULL) {
        *at = wait->next;
        answer(d, wait, done);
        free(wait);
    }
}
