/* SPDX-License-Identifier: MIT */
/* mqtt_text.h - broker URLs, topic names and topic filters (MQTT 5 section 4.7). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "fuotad/error.h"

enum {
    MQTT_URI_SIZE = 320,
};

/*
 * "mqtt://host[:port][/]" as "tcp://host:port", mqtts as ssl, default ports filled in.
 * FUO_EINVAL for anything else, user names in the URL included; then *uri is untouched.
 */
FUO_MUST_CHECK int mqtt_uri_from_url(const char *url, char uri[static MQTT_URI_SIZE],
                                     bool *tls);

/* A name to publish to: 1..MQTT_TOPIC_MAX bytes, UTF-8, no wildcards, no control characters. */
bool mqtt_topic_valid(const char *topic);

/* A filter to subscribe to: as a name, with '+' and '#' where they may stand. */
bool mqtt_filter_valid(const char *filter);
