/* SPDX-License-Identifier: MIT */
/*
 * status_event.h - what happened to a campaign, as CloudEvents 1.0 in structured JSON on the
 * topic c/<name>/event: QoS 1, not retained, from the outbox like everything of status.h.
 *
 *   {"specversion":"1.0","id":TEXT,"source":"/fuotad/v1/main","type":TYPE,
 *    "subject":"<name>","time":TIME,"datacontenttype":"application/json","data":{...}}
 *
 * TYPE and data:
 *   io.fuotad.campaign.<phase>  {"phase","reason"}: it is in that phase now
 *   io.fuotad.session.started   {"session","dr","members"}
 *   io.fuotad.session.ended     {"session"}
 *   io.fuotad.alert             {"text"}
 *   io.fuotad.action            {"action","actor","reason"}: as in the audit log
 *
 * id is unique for a source: <boot>-<number>, to webhooks (notify.h) <boot>-w<number>. An event may come twice (QoS 1), with the same
 * id. Facts: reference/campaigns.md 4.1, 4.3.
 */
#pragma once

#include <json-c/json.h>

#include "base/time.h"
#include "store/store.h"

struct status_event {
    const char *prefix; /* <root>/<instance> */
    const char *campaign;
    uint32_t campaign_id;
    const char *type; /* behind "io.fuotad." */
    struct utc time;
    uint32_t boot;
    const char *series; /* "", or what sets apart events that are counted elsewhere */
    uint64_t number;
};

/* The event itself, fresh. Takes data. */
struct json_object *status_event_object(const struct status_event *event,
                                        struct json_object *data);

/* Takes data. */
void status_event_row(const struct status_event *event, struct json_object *data,
                      struct store_batch *rows);
