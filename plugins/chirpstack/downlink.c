/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "chirpstack.h"
#include "event.pb-c.h"
#include "text.h"
#include "topics.h"

enum {
    PAYLOAD_MAX = 242, /* the longest FRMPayload of any region */
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

static int publish(struct fuo_ns *ns, const struct fuo_unicast *downlink,
                   const uint8_t *payload, size_t len)
{
    char topic[TOPIC_SIZE];
    topic_command(ns->config->command_topic, ns->config->application_id,
                  downlink->dev_eui, "down", topic);
    return ns->base.ops->publish(ns->base.host, downlink->id, topic, payload, len, 1);
}

static int send_json(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    char eui[HEX_EUI_SIZE];
    char id[UUID_SIZE];
    char data[BASE64_SIZE(PAYLOAD_MAX)];
    char expiry[TIME_SIZE + 24];
    char json[JSON_SIZE];
    format_eui(downlink->dev_eui, eui);
    format_downlink_id(downlink->id, id);
    format_base64(downlink->payload, downlink->payload_len, data);
    format_expiry(downlink->expires_us, expiry, sizeof(expiry));
    int len = snprintf(json, sizeof(json),
                       "{\"id\":\"%s\",\"devEui\":\"%s\",\"confirmed\":%s,\"fPort\":%u,"
                       "\"data\":\"%s\"%s}",
                       id, eui, downlink->confirmed ? "true" : "false", downlink->fport,
                       data, expiry);
    return publish(ns, downlink, (const uint8_t *)json, (size_t)len);
}

static int send_protobuf(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    char eui[HEX_EUI_SIZE];
    char id[UUID_SIZE];
    uint8_t data[PAYLOAD_MAX];
    uint8_t packed[JSON_SIZE];
    Csev__Command command;
    Csev__Time expires;
    csev__command__init(&command);
    csev__time__init(&expires);
    format_eui(downlink->dev_eui, eui);
    format_downlink_id(downlink->id, id);
    if (downlink->payload_len > 0) {
        memcpy(data, downlink->payload, downlink->payload_len);
    }
    command.id = id;
    command.dev_eui = eui;
    command.confirmed = downlink->confirmed;
    command.f_port = downlink->fport;
    command.data = (ProtobufCBinaryData){downlink->payload_len, data};
    if (downlink->expires_us > 0) {
        expires.seconds = downlink->expires_us / 1000000;
        expires.nanos = (int32_t)(downlink->expires_us % 1000000) * 1000;
        command.expires_at = &expires;
    }
    return publish(ns, downlink, packed, csev__command__pack(&command, packed));
}

int downlink_send(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    if (downlink->payload_len > PAYLOAD_MAX || downlink->fport == 0) {
        return FUO_EINVAL;
    }
    return ns->protobuf ? send_protobuf(ns, downlink) : send_json(ns, downlink);
}
