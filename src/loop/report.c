/* SPDX-License-Identifier: MIT */
/* report.c - the parts of a campaign's report, a page at a time; fuotactl puts them together. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "loop/internal.h"
#include "loop/render.h"
#include "loop/view.h"
#include "radio/subband.h"

enum {
    DEVICES_PAGE = 300,
    SESSIONS_PAGE = 500,
};

struct report_call {
    struct daemon *d;
    uint64_t connection;
    int64_t request_id;
    const struct campaign_rec *rec;
    const char *after; /* NULL: from the beginning */
};

static void refuse(const struct report_call *call, enum ctl_code code, const char *text)
{
    struct ctl_error error = {0};
    ctl_fail(&error, code, "%s", text);
    method_refuse(call->d, call->connection, call->request_id, &error);
}

static struct json_object *page(struct json_object *rows, struct json_object *next)
{
    struct json_object *data = json_object_new_object();
    render_add(data, "rows", rows);
    render_add(data, "next", next);
    return data;
}

static struct json_object *number_text(uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    return json_object_new_string(text);
}

/* count numbers, "12-34"; false: it is something else. */
static bool read_cursor(const char *text, uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *end = NULL;
        if (*text < '0' || *text > '9') {
            return false;
        }
        numbers[i] = strtoull(text, &end, 10);
        if (numbers[i] > INT64_MAX || *end != (i + 1 < count ? '-' : '\0')) {
            return false;
        }
        text = end + 1;
    }
    return true;
}

/* ---- devices ---- */

static struct json_object *device_row(const struct daemon *d, uint32_t campaign_id,
                                      const struct member_rec *member)
{
    const struct device_rec *device = engine_device(d->engine, member->dev_eui);
    bool heard = device != NULL && device->link_count > 0;
    struct json_object *row = render_member(member);
    method_add_wave(d, campaign_id, member, row);
    method_add_fleet(d, member, row);
    view_add_variant(row, campaigns_find(&d->campaigns, member->campaign_id), member);
    render_add(row, "gateway", heard ? render_eui(device->link[0].gateway) : NULL);
    render_add_int(row, "snr_p50_cdb", heard ? device->link[0].snr_p50_cdb : 0);
    render_add_int(row, "heard_ppk", heard ? device->link[0].heard_ppk : 0);
    return row;
}

static void do_devices(const struct report_call *call)
{
    uint64_t after = 0;
    if (call->after != NULL &&
        eui_parse(call->after, strlen(call->after), &after) != FUO_OK) {
        refuse(call, CTL_USAGE, "after is not what next said");
        return;
    }
    struct json_object *rows = json_object_new_array();
    struct json_object *next = NULL;
    const struct member_rec *member;
    uint64_t last = 0;
    for (size_t i = 0;
         (member = engine_member_at(call->d->engine, call->rec->id, i)) != NULL; i++) {
        if (call->after != NULL && member->dev_eui <= after) {
            continue;
        }
        if (json_object_array_length(rows) == DEVICES_PAGE) {
            next = render_eui(last);
            break;
        }
        json_object_array_add(rows, device_row(call->d, call->rec->id, member));
        last = member->dev_eui;
    }
    method_reply(call->d, call->connection, call->request_id, page(rows, next));
}

/* ---- sessions ---- */

static struct json_object *session_row(const struct daemon *d,
                                       const struct transmission_rec *rec)
{
    struct json_object *row = json_object_new_object();
    const struct lane_rec *lane;
    int64_t gateways = 0;
    for (size_t i = 0; (lane = engine_lane_at(d->engine, rec->id, i)) != NULL; i++) {
        gateways += lane->gateway_count;
    }
    render_add_int(row, "id", rec->id);
    render_add_text(row, "fleet", method_fleet_name(d, rec->fleet_id));
    render_add_text(row, "phase", tx_phase_name(rec->phase));
    render_add_int(row, "dr", rec->dr);
    render_add_int(row, "fragment_size", rec->frag_size_bytes);
    render_add_int(row, "uncoded", rec->frag_count);
    render_add_int(row, "sent", rec->next_n > 0 ? rec->next_n - 1 : 0);
    render_add_int(row, "members",
                   (int64_t)engine_transmission_devices(d->engine, rec->id, NULL, 0));
    render_add_int(row, "gateways", gateways);
    render_add_int(row, "colours", rec->colour_count);
    render_add(row, "start", render_time(rec->session_start));
    render_add(row, "end", render_time(rec->session_end));
    return row;
}

static void do_sessions(const struct report_call *call)
{
    uint64_t after = 0;
    if (call->after != NULL && !read_cursor(call->after, &after, 1)) {
        refuse(call, CTL_USAGE, "after is not what next said");
        return;
    }
    struct json_object *rows = json_object_new_array();
    struct json_object *next = NULL;
    const struct transmission_rec *rec;
    for (size_t i = 0;
         (rec = engine_transmission_at(call->d->engine, call->rec->id, i)) != NULL; i++) {
        if (rec->id <= after) {
            continue;
        }
        if (json_object_array_length(rows) == SESSIONS_PAGE) {
            next = number_text(after);
            break;
        }
        json_object_array_add(rows, session_row(call->d, rec));
        after = rec->id;
    }
    method_reply(call->d, call->connection, call->request_id, page(rows, next));
}

/* ---- what the store knows ---- */

static void wait_for(const struct report_call *call, uint64_t tag,
                     struct json_object *data)
{
    query_wait_add(call->d, &(struct history_wait){.tag = tag,
                                                   .connection = call->connection,
                                                   .request_id = call->request_id,
                                                   .data = data});
}

static void do_progress(const struct report_call *call)
{
    uint64_t after = 0;
    uint64_t tag = ++call->d->last_tag;
    if (call->after != NULL && !read_cursor(call->after, &after, 1)) {
        refuse(call, CTL_USAGE, "after is not what next said");
    } else if (store_query_progress(call->d->store, tag, call->rec->id, after) !=
               FUO_OK) {
        refuse(call, CTL_INTERNAL, "too many requests at a time");
    } else {
        wait_for(call, tag, json_object_new_object());
    }
}

static bool has_band(struct json_object *list, const struct subband *band)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        if (ctl_int(json_object_array_get_idx(list, i), "low_hz", 0) == band->min_hz) {
            return true;
        }
    }
    return false;
}

/* What may be sent in an hour in each sub-band of a fleet. */
static void add_bands(struct json_object *list, const struct fleet_entry *fleet)
{
    const struct region *region = region_by_name(fleet->doc->spec.region);
    for (size_t i = 0; region != NULL && i < subband_count(region); i++) {
        const struct subband *band = subband_at(region, i);
        if (has_band(list, band)) {
            continue; /* of another fleet as well */
        }
        int64_t legal_us = HOURS_US(1) * band->limit_ppm / SPEC_PPM;
        int64_t own_us = legal_us * (SPEC_PPM - fleet->doc->spec.reserve_ppm) / SPEC_PPM;
        struct json_object *object = json_object_new_object();
        render_add_int(object, "low_hz", band->min_hz);
        render_add_int(object, "high_hz", band->max_hz);
        render_add_int(object, "own_cap_us", own_us);
        render_add_int(object, "legal_cap_us", legal_us);
        json_object_array_add(list, object);
    }
}

/* Those of all fleets of the campaign. */
static struct json_object *render_bands(const struct report_call *call)
{
    struct json_object *list = json_object_new_array();
    const struct campaign_entry *entry =
        campaigns_find(&call->d->campaigns, call->rec->id);
    for (size_t i = 0; entry != NULL && i < entry->doc->spec.targets.fleets.count; i++) {
        const char *name = entry->doc->spec.targets.fleets.items[i];
        const struct fleet_entry *fleet = fleets_by_name(&call->d->fleets, name);
        if (fleet != NULL) {
            add_bands(list, fleet);
        }
    }
    return list;
}

static void do_airtime(const struct report_call *call)
{
    const struct campaign_rec *rec = call->rec;
    uint64_t cursor[4] = {0};
    uint64_t tag = ++call->d->last_tag;
    struct utc end = rec->ended.us != 0 ? rec->ended : UTC_NEVER;
    struct store_airtime after = {.hour = rec->created.us / HOURS_US(1) - 1,
                                  .gateway = (uint64_t)INT64_MAX,
                                  .frequency_hz = UINT32_MAX};
    if (call->after != NULL) {
        if (!read_cursor(call->after, cursor, 4)) {
            refuse(call, CTL_USAGE, "after is not what next said");
            return;
        }
        after = (struct store_airtime){
            .hour = (int64_t)cursor[0],
            .gateway = cursor[1] << 32 | (cursor[2] & UINT32_MAX), /* in halves */
            .frequency_hz = (uint32_t)cursor[3],
        };
    }
    if (store_query_airtime(call->d->store, tag, &after, end.us / HOURS_US(1)) !=
        FUO_OK) {
        refuse(call, CTL_INTERNAL, "too many requests at a time");
        return;
    }
    struct json_object *data = json_object_new_object();
    render_add(data, "bands", render_bands(call));
    wait_for(call, tag, data);
}

static struct json_object *progress_rows(const struct store_done *done)
{
    struct json_object *rows = json_object_new_array();
    for (size_t i = 0; i < done->progress.count; i++) {
        const struct store_progress *progress = &done->progress.rows[i];
        struct json_object *row = json_object_new_object();
        render_add(row, "dev_eui", render_eui(progress->dev_eui));
        render_add_int(row, "since", progress->since.us);
        render_add_int(row, "downloaded", progress->downloaded.us);
        render_add_int(row, "ended", progress->ended.us);
        json_object_array_add(rows, row);
    }
    return rows;
}

static struct json_object *airtime_rows(const struct store_done *done)
{
    struct json_object *rows = json_object_new_array();
    for (size_t i = 0; i < done->airtime.count; i++) {
        const struct store_airtime *airtime = &done->airtime.rows[i];
        struct json_object *row = json_object_new_object();
        render_add(row, "gateway", render_eui(airtime->gateway));
        render_add_int(row, "hour", airtime->hour);
        render_add_int(row, "frequency_hz", airtime->frequency_hz);
        render_add_int(row, "airtime_us", airtime->airtime_us);
        json_object_array_add(rows, row);
    }
    return rows;
}

static struct json_object *airtime_next(const struct store_done *done)
{
    if (!done->airtime.more || done->airtime.count == 0) {
        return NULL;
    }
    const struct store_airtime *last = &done->airtime.rows[done->airtime.count - 1];
    char text[64];
    snprintf(text, sizeof(text), "%" PRIi64 "-%" PRIu64 "-%" PRIu64 "-%" PRIu32,
             last->hour, last->gateway >> 32, last->gateway & UINT32_MAX,
             last->frequency_hz);
    return json_object_new_string(text);
}

static void add_answer(struct daemon *d, struct json_object *data,
                       const struct store_done *done)
{
    (void)d;
    if (done->type == STORE_DONE_PROGRESS) {
        uint64_t next = done->progress.next_id;
        render_add(data, "rows", progress_rows(done));
        render_add(data, "next", next != 0 ? number_text(next) : NULL);
    } else {
        render_add(data, "rows", airtime_rows(done));
        render_add(data, "next", airtime_next(done));
    }
}

void report_answer(struct daemon *d, const struct store_done *done)
{
    query_wait_answer(d, done, add_answer);
}

/* ---- requests ---- */

static const struct {
    const char *name;
    void (*answer)(const struct report_call *call);
} parts[] = {
    {"devices", do_devices},
    {"progress", do_progress},
    {"sessions", do_sessions},
    {"airtime", do_airtime},
};

void report_request(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    const char *name = ctl_text(request->params, "name");
    const char *part = ctl_text(request->params, "part");
    struct report_call call = {
        .d = d,
        .connection = connection,
        .request_id = request->id,
        .rec = name != NULL ? engine_campaign_by_name(d->engine, name) : NULL,
        .after = ctl_text(request->params, "after"),
    };
    if (name == NULL || part == NULL) {
        refuse(&call, CTL_USAGE, "params need a name and a part");
        return;
    }
    if (call.rec == NULL) {
        refuse(&call, CTL_NOT_FOUND, "the daemon holds no campaign of that name");
        return;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].name, part) == 0) {
            parts[i].answer(&call);
            return;
        }
    }
    refuse(&call, CTL_USAGE,
           "a report has the parts devices, progress, sessions and airtime");
}
