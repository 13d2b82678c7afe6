/* SPDX-License-Identifier: MIT */
#include "sim/airlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "base/hex.h"

enum {
    FIXED_BYTES = 320,
    PER_EUI_BYTES = EUI_TEXT_LEN + 3, /* quotes and comma */
};

static char *put(char *at, const char *text)
{
    size_t len = strlen(text);
    memcpy(at, text, len + 1);
    return at + len;
}

static char *put_list(char *at, const char *key, const uint64_t *euis, size_t count)
{
    char text[EUI_TEXT_SIZE];
    at = put(at, key);
    for (size_t i = 0; i < count; i++) {
        at = put(at, i == 0 ? "\"" : ",\"");
        at = put(at, eui_format(euis[i], text));
        at = put(at, "\"");
    }
    return put(at, "]");
}

char *airlog_line(const struct air_frame *frame, size_t *len)
{
    bool down = frame->direction == DIRECTION_DOWN;
    char sender[EUI_TEXT_SIZE];
    char *line = malloc(FIXED_BYTES + 2 * frame->phy_len +
                        PER_EUI_BYTES * (frame->received_count + frame->missed_count));
    if (line == NULL) {
        return NULL;
    }
    eui_format(frame->sender, sender);
    int n = snprintf(
        line, FIXED_BYTES,
        "{\"time\":%lld.%06lld,\"direction\":\"%s\",\"gateway\":\"%s\",%s%s%s"
        "\"frequency\":%u,\"dr\":%u,\"airtime_us\":%lld,\"phy_payload\":\"",
        (long long)(frame->start.us / 1000000), (long long)(frame->start.us % 1000000),
        down ? "down" : "up", down ? sender : "", down ? "" : "\"device\":\"",
        down ? "" : sender, down ? "" : "\",", frame->frequency_hz, frame->dr,
        (long long)frame->airtime_us);
    char *at = line + n;
    hex_encode(frame->phy, frame->phy_len, at);
    at += 2 * frame->phy_len;
    at = put(at, "\"");
    at = put_list(at, ",\"received_by\":[", frame->received_by, frame->received_count);
    at = put_list(at, ",\"missed_by\":[", frame->missed_by, frame->missed_count);
    at = put(at, "}\n");
    *len = (size_t)(at - line);
    return line;
}
