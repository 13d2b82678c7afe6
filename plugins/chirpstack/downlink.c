/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "chirpstack.h"
#include "text.h"

enum {
    PAYLOAD_MAX = 242, /* the longest FRMPayload of any region */
    TOPIC_SIZE = 128,
    JSON_SIZE = 768,
};

/* ,"expiresAt":"...", or nothing */
static void format_expiry(int64_t expires_us, char *text, size_t size)
{
    char time[TIME_SIZE];
    text[0] = '\0';
    if (expires_us > 0) {
        format_time(expires_us, time);
        snprintf(text, size, ",\"expiresAt\":\"%s\"", time);
    }
}

int downlink_send(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    char eui[HEX_EUI_SIZE];
    char id[UUID_SIZE];
    char data[BASE64_SIZE(PAYLOAD_MAX)];
    char expiry[TIME_SIZE + 24];
    char topic[TOPIC_SIZE];
    char json[JSON_SIZE];
    if (downlink->payload_len > PAYLOAD_MAX || downlink->fport == 0) {
        return FUO_EINVAL;
    }
    format_eui(downlink->dev_eui, eui);
    format_downlink_id(downlink->id, id);
    format_base64(downlink->payload, downlink->payload_len, data);
    format_expiry(downlink->expires_us, expiry, sizeof(expiry));
    snprintf(topic, sizeof(topic), "application/%s/device/%s/command/down",
             ns->config->application_id, eui);
    int len = snprintf(json, sizeof(json),
                       "{\"id\":\"%s\",\"devEui\":\"%s\",\"confirmed\":%s,\"fPort\":%u,"
                       "\"data\":\"%s\"%s}",
                       id, eui, downlink->confirmed ? "true" : "false", downlink->fport,
                       data, expiry);
    return ns->ops->publish(ns->host, downlink->id, topic, (const uint8_t *)json,
                            (size_t)len, 1);
}
