/* SPDX-License-Identifier: MIT */
/*
 * rollback.c - the way back: which campaign brought the version before, what it was made from,
 * and its image in pieces. The campaign that goes back is written by fuotactl from that.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "loop/internal.h"
#include "loop/render.h"

/* A request, and the campaign that it names. */
struct rollback_call {
    struct daemon *d;
    uint64_t connection;
    int64_t request_id;
    const struct campaign_rec *rec;
};

__attribute__((format(printf, 3, 4))) static void
refuse(const struct rollback_call *call, enum ctl_code code, const char *format, ...)
{
    struct ctl_error error = {.code = code};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error.text, sizeof(error.text), format, args);
    va_end(args);
    method_refuse(call->d, call->connection, call->request_id, &error);
}

/* false: refused. */
static bool read_call(struct daemon *d, uint64_t connection,
                      const struct ctl_request *request, struct rollback_call *call)
{
    const char *name = ctl_text(request->params, "name");
    *call = (struct rollback_call){
        .d = d,
        .connection = connection,
        .request_id = request->id,
        .rec = name != NULL ? engine_campaign_by_name(d->engine, name) : NULL,
    };
    if (name == NULL) {
        refuse(call, CTL_USAGE, "params need a name");
    } else if (call->rec == NULL) {
        refuse(call, CTL_NOT_FOUND, "the daemon holds no campaign '%.64s'", name);
    }
    return call->rec != NULL;
}

/* ---- which one ---- */

static size_t updated_count(const struct daemon *d, uint32_t campaign_id)
{
    struct campaign_counts counts;
    engine_campaign_counts(d->engine, campaign_id, &counts);
    return counts.by_outcome[OUTCOME_SUCCEEDED];
}

/* Some device has succeeded in both; their members are in order of DevEUI. */
static bool share_a_device(const struct engine *engine, uint32_t one, uint32_t other)
{
    size_t i = 0;
    size_t j = 0;
    const struct member_rec *a = engine_member_at(engine, one, i);
    const struct member_rec *b = engine_member_at(engine, other, j);
    while (a != NULL && b != NULL) {
        bool both = a->dev_eui == b->dev_eui;
        if (both && a->outcome == OUTCOME_SUCCEEDED && b->outcome == OUTCOME_SUCCEEDED) {
            return true;
        }
        bool next_a = a->dev_eui <= b->dev_eui;
        if (both || !next_a) {
            b = engine_member_at(engine, other, ++j);
        }
        if (next_a) {
            a = engine_member_at(engine, one, ++i);
        }
    }
    return false;
}

static bool share_a_fleet(const struct campaign_spec *one,
                          const struct campaign_spec *other)
{
    for (size_t i = 0; i < one->targets.fleets.count; i++) {
        if (campaign_has_fleet(other, one->targets.fleets.items[i])) {
            return true;
        }
    }
    return false;
}

static bool brought_another(const struct daemon *d, const struct campaign_entry *now,
                            const struct campaign_entry *then)
{
    const struct campaign_spec *spec = &then->doc->spec;
    return then->id < now->id && spec_installs(spec) &&
           strcmp(spec->image.version, now->doc->spec.image.version) != 0 &&
           share_a_fleet(&now->doc->spec, spec) && updated_count(d, then->id) > 0 &&
           share_a_device(d->engine, now->id, then->id);
}

/* The newest one; NULL: there is none. */
static const struct campaign_entry *find_before(const struct daemon *d,
                                                const struct campaign_entry *now)
{
    const struct campaign_entry *found = NULL;
    for (const struct campaign_entry *then = d->campaigns.head; then != NULL;
         then = then->next) {
        if ((found == NULL || then->id > found->id) && brought_another(d, now, then)) {
            found = then;
        }
    }
    return found;
}

/* ---- requests ---- */

static void ask(const struct rollback_call *call, uint32_t campaign_id, size_t offset,
                size_t max_bytes, struct json_object *data)
{
    uint64_t tag = ++call->d->last_tag;
    if (store_query_source(call->d->store, tag, campaign_id, offset, max_bytes) !=
        FUO_OK) {
        json_object_put(data);
        refuse(call, CTL_INTERNAL, "too many requests at a time");
        return;
    }
    query_wait_add(call->d, &(struct history_wait){.tag = tag,
                                                   .connection = call->connection,
                                                   .request_id = call->request_id,
                                                   .data = data});
}

void rollback_request(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    struct rollback_call call;
    if (!read_call(d, connection, request, &call)) {
        return;
    }
    const struct campaign_entry *now = campaigns_find(&d->campaigns, call.rec->id);
    if (!spec_installs(&now->doc->spec)) {
        refuse(&call, CTL_CONFLICT,
               "campaign '%s' carries data: there is no version to go back to",
               call.rec->name);
        return;
    }
    if (updated_count(d, now->id) == 0) {
        refuse(&call, CTL_NOT_FOUND, "no device has succeeded in campaign '%s'",
               call.rec->name);
        return;
    }
    const struct campaign_entry *then = find_before(d, now);
    if (then == NULL) {
        refuse(
            &call, CTL_NOT_FOUND,
            "no earlier campaign has brought another version to a device that '%s' has "
            "updated: --to takes the campaign file of the version before",
            call.rec->name);
        return;
    }
    struct json_object *data = json_object_new_object();
    render_add_text(data, "name", then->doc->spec.name);
    ask(&call, then->id, 0, 0, data);
}

void rollback_image_request(struct daemon *d, uint64_t connection,
                            struct ctl_request *request)
{
    struct rollback_call call;
    if (!read_call(d, connection, request, &call)) {
        return;
    }
    int64_t offset = ctl_int(request->params, "offset", 0);
    if (offset < 0) {
        refuse(&call, CTL_USAGE, "offset is not below 0");
        return;
    }
    struct json_object *data = json_object_new_object();
    render_add_int(data, "offset", offset);
    ask(&call, call.rec->id, (size_t)offset, CTL_CHUNK_MAX, data);
}

/* ---- answers of the store ---- */

static void add_answer(struct daemon *d, struct json_object *data,
                       const struct store_done *done)
{
    char digest[CTL_DIGEST_SIZE];
    (void)d;
    hex_encode(done->source.image_digest, STORE_DIGEST_BYTES, digest);
    render_add_text(data, "digest", digest);
    render_add_int(data, "size", (int64_t)done->source.image_len);
    if (ctl_text(data, "name") != NULL) {
        render_add_text(data, "campaign", done->source.yaml);
        render_add(data, "signatures", json_tokener_parse(done->source.signatures));
        return;
    }
    char *text = ctl_base64_encode(done->source.bytes, done->source.len);
    render_add_text(data, "data", text != NULL ? text : "");
    free(text);
}

void rollback_answer(struct daemon *d, const struct store_done *done)
{
    query_wait_answer(d, done, add_answer);
}
