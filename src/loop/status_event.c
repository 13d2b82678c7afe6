/* SPDX-License-Identifier: MIT */
#include "loop/status_event.h"

#include <stdio.h>

#include "loop/render.h"

enum {
    TEXT_SIZE = 640,
};

struct json_object *status_event_object(const struct status_event *event,
                                        struct json_object *data)
{
    char text[TEXT_SIZE];
    struct json_object *object = json_object_new_object();
    render_add_text(object, "specversion", "1.0");
    snprintf(text, sizeof(text), "%u-%s%llu", event->boot, event->series,
             (unsigned long long)event->number);
    render_add_text(object, "id", text);
    snprintf(text, sizeof(text), "/%s", event->prefix);
    render_add_text(object, "source", text);
    snprintf(text, sizeof(text), "io.fuotad.%s", event->type);
    render_add_text(object, "type", text);
    render_add_text(object, "subject", event->campaign);
    render_add(object, "time", render_time(event->time));
    render_add_text(object, "datacontenttype", "application/json");
    render_add(object, "data", data);
    return object;
}

void status_event_row(const struct status_event *event, struct json_object *data,
                      struct store_batch *rows)
{
    char text[TEXT_SIZE];
    struct json_object *object = status_event_object(event, data);
    snprintf(text, sizeof(text), "%s/c/%s/event", event->prefix, event->campaign);
    struct store_outbox row = {
        .topic = text, .campaign_id = event->campaign_id, .qos = 1};
    row.payload = (const uint8_t *)json_object_to_json_string_length(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
        &row.payload_len);
    store_batch_outbox(rows, &row);
    json_object_put(object);
}
