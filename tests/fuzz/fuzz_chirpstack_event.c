/* SPDX-License-Identifier: MIT */
/* fuzz_chirpstack_event.c - first line: topic; the rest: payload. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char application[] = "5a1c0e1e-0000-4000-8000-000000000001";
    char topic[256] = "";
    struct decoded_event out;
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t topic_len = newline != NULL ? (size_t)(newline - data) : 0;
    if (topic_len >= sizeof(topic)) {
        return 0;
    }
    memcpy(topic, data, topic_len);
    size_t used = newline != NULL ? topic_len + 1 : 0;
    struct topic_device from;
    if (!topic_parse(TOPIC_EVENT, application, topic, &from)) {
        return 0;
    }
    const char *problem = event_decode(&from, data + used, size - used, "/a/b", &out);
    if (problem == NULL && out.event.type == FUO_EV_UPLINK &&
        (out.event.uplink.payload_len > EVENT_PAYLOAD_MAX ||
         out.event.uplink.rx_count > FUO_RX_MAX)) {
        abort();
    }
    return 0;
}
