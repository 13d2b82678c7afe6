/* SPDX-License-Identifier: MIT */
#include "sim/lwm2m_quirks.h"

#include <string.h>

#include "base/time.h"

enum {
    SZX_64 = 2,
    SZX_1024 = 6,
};

/* Versions, ways and block size that are usual. */
#define V1_1 .version_minor = 1, .object_minor = 1
#define V1_0 .version_minor = 0, .object_minor = 0
#define V1_2 .version_minor = 2, .object_minor = 2
#define WAYS .method = LWM2M_BOTH
#define BIG  .szx = SZX_1024

const struct lwm2m_quirks lwm2m_quirks[] = {
    {V1_1, WAYS, BIG, .name = "plain", .help = "LwM2M 1.1, no quirks"},
    {V1_0, WAYS, BIG, .name = "v1.0", .help = "LwM2M 1.0: no Cancel"},
    {V1_2, WAYS, BIG, .name = "v1.2", .help = "LwM2M 1.2: may install by itself"},
    {V1_1, WAYS, BIG, .name = "components",
     .help = "has the object of components (33629), too", .components = true},
    {V1_1, WAYS, BIG, .name = "queue", .help = "sleeps between its messages (binding Q)",
     .queue = true},
    {V1_0, WAYS, BIG, .name = "queue-v1.0", .help = "the same, binding UQ",
     .queue = true},
    {V1_1, BIG, .name = "pull-only", .help = "takes no Package", .method = LWM2M_PULL},
    {V1_1, BIG, .name = "push-only", .help = "takes no Package URI",
     .method = LWM2M_PUSH},
    {V1_1, WAYS, .name = "small-blocks", .help = "blocks of 64 bytes", .szx = SZX_64},
    {V1_1, .name = "small-push", .help = "the same, and takes no Package URI",
     .method = LWM2M_PUSH, .szx = SZX_64},
    {V1_0, WAYS, BIG, .name = "anjay",
     .help = "plain text, 4.00 out of turn, Result 5 s after State", .text = true,
     .bad_busy = true, .result_late_us = SECONDS_US(5)},
    {V1_0, WAYS, BIG, .name = "zephyr", .help = "State and Result are lost by a reboot",
     .forgets = true, .deaf = true},
    {V1_0, BIG, .name = "wakaama", .help = "State from 1, push only",
     .method = LWM2M_PUSH, .from_one = true},
    {V1_0, WAYS, BIG, .name = "coap-node", .help = "instances are wrapped in TLV",
     .wrapped = true},
    {V1_1, WAYS, BIG, .name = "deferring", .help = "its user puts the update off once",
     .defers = 1},
    {V1_1, WAYS, BIG, .name = "roaming",
     .help = "another port in the middle of a download", .move_at = 50},
    {V1_1, WAYS, BIG, .name = "hasty", .help = "says State 2 before it has the image",
     .hasty = true},
    {V1_1, WAYS, BIG, .name = "odd-state", .help = "says State 7 while it downloads",
     .odd_state = true},
    {V1_1, WAYS, BIG, .name = "liar", .help = "says Result 1, and runs what it ran",
     .fate = LWM2M_FATE_LIE},
    {V1_1, WAYS, BIG, .name = "stuck", .help = "stays in State 3",
     .fate = LWM2M_FATE_STUCK},
    {V1_1, WAYS, BIG, .name = "silent", .help = "is not heard of after Execute",
     .fate = LWM2M_FATE_SILENT},
    {V1_1, WAYS, BIG, .name = "no-flash", .help = "Result 2 at the end of a download",
     .download_result = 2},
    {V1_1, WAYS, BIG, .name = "no-ram", .help = "Result 3", .download_result = 3},
    {V1_1, WAYS, BIG, .name = "lost", .help = "Result 4", .download_result = 4},
    {V1_1, WAYS, BIG, .name = "corrupt", .help = "Result 5", .download_result = 5},
    {V1_1, WAYS, BIG, .name = "wrong-type", .help = "Result 6", .download_result = 6},
    {V1_1, WAYS, BIG, .name = "bad-uri", .help = "Result 7", .download_result = 7},
    {V1_1, WAYS, BIG, .name = "bad-protocol", .help = "Result 9", .download_result = 9},
    {V1_1, WAYS, BIG, .name = "conflict",
     .help = "Result 12, of components, at the end of a download", .download_result = 12,
     .components = true},
    {V1_1, WAYS, BIG, .name = "corrupt-late", .help = "Result 5 of the installation",
     .update_result = 5, .fate = LWM2M_FATE_FAIL},
    {V1_1, WAYS, BIG, .name = "dependency",
     .help = "Result 13, of components, the package is gone", .update_result = 13,
     .fate = LWM2M_FATE_FAIL, .components = true},
    {V1_1, WAYS, BIG, .name = "dependency-kept", .help = "Result 13, the package is kept",
     .update_result = 13, .fate = LWM2M_FATE_KEEP, .components = true},
    {V1_1, WAYS, BIG, .name = "fails", .help = "Result 8, the package is gone",
     .update_result = 8, .fate = LWM2M_FATE_FAIL},
    {V1_1, WAYS, BIG, .name = "fails-kept", .help = "Result 8, the package is kept",
     .update_result = 8, .fate = LWM2M_FATE_KEEP},
};

const size_t lwm2m_quirks_count = sizeof(lwm2m_quirks) / sizeof(lwm2m_quirks[0]);

const struct lwm2m_quirks *lwm2m_quirks_find(const char *name, size_t len)
{
    for (size_t i = 0; i < lwm2m_quirks_count; i++) {
        const char *known = lwm2m_quirks[i].name;
        if (strlen(known) == len && memcmp(known, name, len) == 0) {
            return &lwm2m_quirks[i];
        }
    }
    return NULL;
}
