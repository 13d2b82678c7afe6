/* SPDX-License-Identifier: MIT */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "io/cleanup.h"
#include "loop/credentials.h"
#include "loop/internal.h"
#include "loop/notify.h"
#include "loop/render.h"
#include "loop/xalloc.h"

#define LOG_MODULE "status"
#include "io/log.h"

enum {
    TEXT_SIZE = 320,
};

static bool is_open(const struct daemon *d)
{
    return d->mqtt != NULL || (d->status != NULL && d->status_carrier != NULL);
}

static int hand_over(struct daemon *d, const struct mqtt_publish *publish)
{
    return d->status_carrier != NULL
               ? d->status_carrier->publish(d->status_carrier->arg, publish)
               : mqtt_publish(d->mqtt, publish);
}

static void publish_now(struct daemon *d, const char *topic, const char *payload)
{
    struct mqtt_publish publish = {
        .id = MQTT_DIRECT_ID,
        .topic = topic,
        .payload = (const uint8_t *)payload,
        .payload_len = strlen(payload),
        .qos = 1,
        .retain = true,
    };
    int err = hand_over(d, &publish);
    if (err != FUO_OK) {
        log_warn("status message was not sent topic=%s error=%s", topic,
                 fuo_strerror(err));
    }
}

static char *state_text(const struct daemon *d, const char *state)
{
    struct json_object *object =
        render_daemon_state(state, d->boot, clock_utc(&d->clock));
    render_add_text(object, "fuotad", FUO_VERSION);
    render_add_int(object, "protocol", CTL_PROTOCOL);
    render_add_text(object, "instance", d->doc->name);
    render_add_text(object, "requests", d->mqtt_ctl != NULL ? "signed" : "off");
    if (d->mqtt_ctl != NULL) {
        render_add_text(object, "session", d->session);
    }
    char *text = xstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    json_object_put(object);
    return text;
}

void status_link_set_state(struct daemon *d, const char *state)
{
    if (!is_open(d)) {
        return;
    }
    char topic[TEXT_SIZE];
    snprintf(topic, sizeof(topic), "%s/$state", status_prefix(d->status));
    AUTO_FREE char *payload = state_text(d, state);
    publish_now(d, topic, payload);
}

void status_link_alert(struct daemon *d, const char *id, const char *text)
{
    if (!is_open(d)) {
        return;
    }
    AUTO_FREE char *topic = NULL;
    AUTO_FREE char *payload = NULL;
    status_alert(d->status, id, text, clock_utc(&d->clock), &topic, &payload);
    publish_now(d, topic, payload);
}

/* ---- the client's handlers ---- */

void status_link_up(struct daemon *d, bool up)
{
    log_info("status broker is %s", up ? "connected" : "away");
    if (up) {
        status_link_set_state(d, d->draining ? "draining" : "ready");
        commit_tell_alert(d);
        intake_link_tell(d);
        notify_tell(d);
        status_budget_again(d);
    }
    relay_set_up(&d->relay, up);
}

static void on_state(void *arg, bool up)
{
    status_link_up(arg, up);
}

void status_link_published(struct daemon *d, uint64_t id, int err)
{
    if (id == MQTT_DIRECT_ID) {
        d->told_draining |= d->draining; /* the last one that is sent */
    } else if (!mqtt_ctl_is_channel(id)) {
        relay_published(&d->relay, id, err);
    }
}

/* Nothing but requests is subscribed to. */
static void on_message(void *arg, const struct mqtt_message *message)
{
    struct daemon *d = arg;
    if (!d->draining) {
        mqtt_ctl_take(d->mqtt_ctl, message);
    }
}

static void on_published(void *arg, uint64_t id, int err)
{
    status_link_published(arg, id, err);
}

static void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    (void)arg;
    log_write(level == FUO_LOG_ERROR  ? LOG_LEVEL_ERROR
              : level == FUO_LOG_WARN ? LOG_LEVEL_WARN
              : level == FUO_LOG_INFO ? LOG_LEVEL_INFO
                                      : LOG_LEVEL_DEBUG,
              LOG_MODULE, "%s", text);
}

/* ---- the outbox's ports ---- */

static int query_rows(void *arg, uint64_t after_id, size_t max_rows)
{
    struct daemon *d = arg;
    d->outbox_tag = ++d->last_tag;
    return store_query_outbox(d->store, d->outbox_tag, after_id, max_rows);
}

static int publish_row(void *arg, const struct store_outbox *row)
{
    struct daemon *d = arg;
    struct mqtt_publish publish = {
        .id = row->id,
        .topic = row->topic,
        .payload = row->payload,
        .payload_len = row->payload_len,
        .qos = row->qos,
        .retain = row->retain,
    };
    return hand_over(d, &publish);
}

static void drop_rows(void *arg, uint64_t up_to_id)
{
    struct daemon *d = arg;
    store_batch_outbox_drop(&d->rows, up_to_id);
    driver_flush(d->driver);
}

void status_link_store_opened(struct daemon *d)
{
    static const struct relay_ports ports = {query_rows, publish_row, drop_rows};
    if (d->status != NULL) {
        relay_init(&d->relay, &ports, d);
        relay_added(&d->relay);
    }
}

static int open_client(struct daemon *d, struct credentials *credentials)
{
    static const struct mqtt_handlers handlers = {
        .on_state = on_state,
        .on_message = on_message,
        .on_published = on_published,
        .log = on_log,
    };
    char client_id[TEXT_SIZE];
    char will_topic[TEXT_SIZE];
    snprintf(client_id, sizeof(client_id), "fuotad-%s-status", d->doc->name);
    snprintf(will_topic, sizeof(will_topic), "%s/$state", status_prefix(d->status));
    AUTO_FREE char *will = state_text(d, "lost");
    struct mqtt_config *config = &credentials->mqtt;
    config->client_id = client_id;
    config->will_topic = will_topic;
    config->will_payload = (const uint8_t *)will;
    config->will_payload_len = strlen(will);
    randombytes_buf(&config->jitter_seed, sizeof(config->jitter_seed));
    int err = mqtt_client_open(d->loop, config, &handlers, d, &d->mqtt);
    return err == FUO_OK ? request_link_open(d) : err;
}

int status_link_open(struct daemon *d, struct diag_list *diags)
{
    if (d->status == NULL || d->status_carrier != NULL) {
        return FUO_OK;
    }
    struct credentials credentials = {0};
    int err = credentials_mqtt(&d->doc->doc, &d->doc->status, "spec.status", &credentials,
                               diags);
    if (err == FUO_OK) {
        err = open_client(d, &credentials);
        if (err != FUO_OK) {
            struct diag_place place = config_place(&d->doc->doc, "spec.status");
            diag_error(diags, &place, "cannot be used: %s", fuo_strerror(err));
        }
    }
    credentials_release(&credentials);
    return err;
}

static void on_closed(void *arg)
{
    struct daemon *d = arg;
    d->closing--;
}

void status_link_close(struct daemon *d)
{
    if (d->mqtt != NULL) {
        d->closing++;
        mqtt_client_close(TAKE(d->mqtt), on_closed, d);
    }
}
