/* SPDX-License-Identifier: MIT */
/* snapshot: the results of a campaign's devices, for who has missed some on the topics. */
#include <string.h>

#include "base/eui.h"
#include "loop/internal.h"
#include "loop/render.h"

/* One page behind `after`, in order of DevEUI. *next: the last on it, if there are more. */
static struct json_object *page_of(const struct daemon *d, const struct campaign_rec *rec,
                                   const uint64_t *after, size_t limit,
                                   struct json_object **next)
{
    struct json_object *list = json_object_new_array();
    const struct member_rec *member;
    uint64_t last = 0;
    for (size_t i = 0; (member = engine_member_at(d->engine, rec->id, i)) != NULL; i++) {
        if (after != NULL && member->dev_eui <= *after) {
            continue;
        }
        if (json_object_array_length(list) == limit) {
            *next = render_eui(last);
            break;
        }
        json_object_array_add(list, render_result(member));
        last = member->dev_eui;
    }
    return list;
}

static struct json_object *data_of(const struct daemon *d, const struct campaign_rec *rec,
                                   struct json_object *results, struct json_object *next)
{
    struct json_object *data = json_object_new_object();
    render_add_text(data, "campaign", rec->name);
    render_add_int(data, "id", rec->id);
    render_add_text(data, "phase", campaign_phase_name(rec->phase));
    render_add(data, "seqs",
               d->status != NULL ? status_seqs(d->status, rec->id)
                                 : json_object_new_object());
    render_add(data, "results", results);
    render_add(data, "next", next);
    return data;
}

/* The campaign that is asked for; NULL: error says why there is none. */
static const struct campaign_rec *
campaign_of(const struct daemon *d, struct json_object *params, struct ctl_error *error)
{
    const char *name = ctl_text(params, "name");
    const struct campaign_rec *rec =
        name != NULL ? engine_campaign_by_name(d->engine, name) : NULL;
    if (name == NULL) {
        ctl_fail(error, CTL_USAGE, "params need a name");
    } else if (rec == NULL) {
        ctl_fail(error, CTL_NOT_FOUND, "there is no campaign '%.64s'", name);
    }
    return rec;
}

void snapshot_request(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    const char *after_text = ctl_text(request->params, "after");
    int64_t limit = ctl_int(request->params, "limit", CTL_PAGE_DEFAULT);
    struct ctl_error error = {0};
    uint64_t after = 0;
    limit = limit < 1 ? 1 : limit > CTL_PAGE_MAX ? CTL_PAGE_MAX : limit;
    const struct campaign_rec *rec = campaign_of(d, request->params, &error);
    if (rec == NULL) {
        method_refuse(d, connection, request->id, &error);
        return;
    }
    if (after_text != NULL &&
        eui_parse(after_text, strlen(after_text), &after) != FUO_OK) {
        ctl_fail(&error, CTL_USAGE, "after is not a DevEUI");
        method_refuse(d, connection, request->id, &error);
        return;
    }
    struct json_object *next = NULL;
    struct json_object *results =
        page_of(d, rec, after_text != NULL ? &after : NULL, (size_t)limit, &next);
    method_reply(d, connection, request->id, data_of(d, rec, results, next));
}
