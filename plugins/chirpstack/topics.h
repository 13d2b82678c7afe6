/* SPDX-License-Identifier: MIT */
/*
 * topics.h - the topics of ChirpStack's MQTT integration and of its gateways.
 *
 * The server makes them from templates, event_topic and command_topic of integration.mqtt:
 * text with {{application_id}}, {{dev_eui}} and {{event}} or {{command}} in it, blanks
 * inside the braces allowed. A placeholder stands for one or more characters that are no
 * slash, and ends where the text behind it begins.
 *
 * Gateways: <prefix>/gateway/<EUI>/..., the prefix being the topic_prefix of a region; a
 * server may have several for one band (us915_0, us915_1), or an empty one: no prefix, and
 * no slash. Pure. Facts: network-servers.md 2.1 and 2.4.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TOPIC_SIZE = 256,
    TOPIC_KIND_SIZE = 32,
    TOPIC_PREFIX_SIZE = 64,
    TOPIC_PREFIXES_MAX = 8,
};

#define TOPIC_EVENT "application/{{application_id}}/device/{{dev_eui}}/event/{{event}}"
#define TOPIC_COMMAND \
    "application/{{application_id}}/device/{{dev_eui}}/command/{{command}}"

/* NULL: usable. Else why not (a constant). what: "event" or "command". */
const char *topic_template_problem(const char *text, const char *what);

/* What to subscribe to: the application's, any device and any event. */
void topic_filter(const char *text, const char *application_id, char topic[TOPIC_SIZE]);

struct topic_device {
    uint64_t dev_eui;
    char kind[TOPIC_KIND_SIZE]; /* "up" */
};

/* false: a topic of another form, or of another application. */
bool topic_parse(const char *text, const char *application_id, const char *topic,
                 struct topic_device *device);

/* The topic on which the server takes that command. */
void topic_command(const char *text, const char *application_id, uint64_t dev_eui,
                   const char *command, char topic[TOPIC_SIZE]);

/* The prefixes of the gateways' topics. */
struct topic_prefixes {
    char text[TOPIC_PREFIXES_MAX][TOPIC_PREFIX_SIZE]; /* with the slash, or empty */
    size_t count;
};

/* Texts with commas in between. false: wildcards, too long, too many. */
bool topic_prefixes_parse(const char *text, struct topic_prefixes *prefixes);

/* What follows the EUI, "/event/ack", and which prefix; NULL: not of a gateway. An EUI that
 * is none gives 0. */
const char *topic_of_gateway(const struct topic_prefixes *prefixes, const char *topic,
                             uint64_t *gateway, size_t *prefix);
