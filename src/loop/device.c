/* SPDX-License-Identifier: MIT */
/* device: what is known of one, its campaigns and its history. */
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "loop/internal.h"
#include "loop/render.h"
#include "loop/view.h"

static struct json_object *packages_of(const struct device_rec *rec)
{
    if (!rec->packages_known) {
        return NULL;
    }
    struct json_object *object = json_object_new_object();
    for (int i = 0; i < (int)(sizeof(rec->package_version)); i++) {
        char key[8];
        snprintf(key, sizeof(key), "%d", i);
        if (rec->package_version[i] != 0) {
            render_add_int(object, key, rec->package_version[i]);
        }
    }
    return object;
}

static struct json_object *campaigns_of(const struct daemon *d, uint64_t dev_eui)
{
    struct json_object *list = json_object_new_array();
    const struct campaign_rec *rec;
    for (size_t i = 0; (rec = engine_campaign_at(d->engine, i)) != NULL; i++) {
        const struct member_rec *member = engine_member_find(d->engine, rec->id, dev_eui);
        if (member == NULL) {
            continue;
        }
        struct json_object *object = view_member(d->engine, member);
        view_add_variant(object, campaigns_find(&d->campaigns, rec->id), member);
        render_add_text(object, "campaign", rec->name);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *device_data(const struct daemon *d,
                                       const struct device_rec *rec)
{
    const struct fleet_entry *fleet = fleets_by_id(&d->fleets, rec->fleet_id);
    const struct inventory_device *known =
        fleet != NULL ? inventory_find(&fleet->inventory, rec->dev_eui) : NULL;
    const char *profile = fleet != NULL ? fleet->doc->spec.default_profile : "";
    struct json_object *data = json_object_new_object();
    render_add(data, "dev_eui", render_eui(rec->dev_eui));
    render_add_text(data, "name", known != NULL ? known->name : "");
    render_add_text(data, "fleet", fleet != NULL ? fleet->doc->spec.name : "");
    render_add_text(data, "profile",
                    known != NULL && known->profile != NULL ? known->profile : profile);
    render_add(data, "last_uplink", render_time(rec->last_uplink));
    render_add(data, "firmware_version",
               rec->firmware_known ? json_object_new_int64(rec->firmware_version) : NULL);
    render_add(data, "hardware_version",
               rec->firmware_known ? json_object_new_int64(rec->hardware_version) : NULL);
    render_add(data, "battery_percent",
               rec->battery_known ? json_object_new_int(rec->battery_percent) : NULL);
    render_add(data, "packages", packages_of(rec));
    render_add(data, "reported", render_report(engine_report(d->engine, rec->dev_eui)));
    render_add_int(data, "uplink_interval_us", rec->uplink_interval_us);
    render_add_int(data, "uplinks_heard", rec->uplinks_heard);
    render_add(data, "links", render_links(rec));
    render_add(data, "campaigns", campaigns_of(d, rec->dev_eui));
    return data;
}

static void refuse(struct daemon *d, uint64_t connection,
                   const struct ctl_request *request, enum ctl_code code,
                   const char *text)
{
    struct ctl_error error = {0};
    ctl_fail(&error, code, "%s", text);
    method_refuse(d, connection, request->id, &error);
}

void device_request(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    const char *text = ctl_text(request->params, "dev_eui");
    const char *name = ctl_text(request->params, "device");
    uint64_t dev_eui = 0;
    uint32_t fleet_id = 0;
    bool by_eui = text != NULL && eui_parse(text, strlen(text), &dev_eui) == FUO_OK;
    if (!by_eui && (text != NULL || name == NULL)) {
        refuse(d, connection, request, CTL_USAGE,
               "params need a dev_eui of 16 hex digits, or a device by its name");
        return;
    }
    if (!by_eui && !fleet_link_device(d, name, &dev_eui, &fleet_id)) {
        refuse(d, connection, request, CTL_NOT_FOUND,
               "no fleet has a device of that name");
        return;
    }
    const struct device_rec *rec = engine_device(d->engine, dev_eui);
    if (rec == NULL) {
        refuse(d, connection, request, CTL_NOT_FOUND, "no fleet has such a device");
        return;
    }
    uint64_t tag = ++d->last_tag;
    if (store_query_history(d->store, tag, dev_eui, CTL_PAGE_DEFAULT) != FUO_OK) {
        refuse(d, connection, request, CTL_INTERNAL, "too many requests at a time");
        return;
    }
    query_wait_add(d, &(struct history_wait){.tag = tag,
                                             .connection = connection,
                                             .request_id = request->id,
                                             .data = device_data(d, rec)});
}

static struct json_object *history_of(const struct daemon *d,
                                      const struct store_done *done)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < done->history.count; i++) {
        const struct history_rec *row = &done->history.rows[i];
        const struct campaign_rec *rec =
            engine_campaign_by_id(d->engine, row->campaign_id);
        struct json_object *object = render_history(row);
        render_add(object, "campaign",
                   rec != NULL ? json_object_new_string(rec->name) : NULL);
        json_object_array_add(list, object);
    }
    return list;
}

static void add_history(struct daemon *d, struct json_object *data,
                        const struct store_done *done)
{
    render_add(data, "history", history_of(d, done));
}

void device_history_answer(struct daemon *d, const struct store_done *done)
{
    query_wait_answer(d, done, add_history);
}
