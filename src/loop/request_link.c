/* SPDX-License-Identifier: MIT */
/* Requests over MQTT, on the connection of the status topics. */
#include <sodium.h>
#include <stdio.h>

#include "base/hex.h"
#include "loop/internal.h"

#define LOG_MODULE "ctl"
#include "io/log.h"

enum {
    TOPIC_SIZE = 640,
};

static int port_publish(void *arg, const struct mqtt_publish *publish)
{
    const struct daemon *d = arg;
    return d->mqtt != NULL ? mqtt_publish(d->mqtt, publish) : FUO_EAGAIN;
}

/* Clients sign by the clock on their wall, whatever --time-scale makes of ours. */
static struct utc port_wall(void *arg)
{
    struct clock wall;
    (void)arg;
    return clock_init(&wall, NULL) == FUO_OK ? clock_utc(&wall) : (struct utc){0};
}

static uint64_t port_milliseconds(void *arg)
{
    const struct daemon *d = arg;
    return uv_now(d->loop);
}

bool request_link_wanted(const struct daemon *d)
{
    return d->status != NULL && d->doc->status_requests == DAEMON_REQUESTS_SIGNED &&
           d->operators.count > 0;
}

void request_link_prepare(struct daemon *d)
{
    static const struct mqtt_ctl_ports ports = {port_publish, port_wall,
                                                port_milliseconds};
    struct mqtt_ctl_config config = {
        .prefix = d->status != NULL ? status_prefix(d->status) : "",
        .instance = d->doc->name,
        .operators = &d->operators,
    };
    if (request_link_wanted(d)) {
        randombytes_buf(config.session, sizeof(config.session));
        hex_encode(config.session, sizeof(config.session), d->session);
        d->mqtt_ctl = mqtt_ctl_create(&config, &ports, &method_handlers, d);
    }
}

int request_link_open(struct daemon *d)
{
    char filter[TOPIC_SIZE];
    if (d->mqtt_ctl == NULL) {
        return FUO_OK;
    }
    snprintf(filter, sizeof(filter), "%s/req/+", status_prefix(d->status));
    log_info("requests over MQTT are taken topic=%s operators=%zu", filter,
             d->operators.count);
    return mqtt_subscribe(d->mqtt, filter, 1);
}
