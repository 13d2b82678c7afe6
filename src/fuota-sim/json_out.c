/* SPDX-License-Identifier: MIT */
#include "fuota-sim/json_out.h"

#include <json-c/json.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/eui.h"
#include "crypto/frame.h"
#include "io/rfc3339.h"

enum {
    BASE64_MAX = 4 * (FRAME_PHY_MAX_BYTES / 3 + 1) + 1,
};

void out_add(struct json_object *to, const char *key, struct json_object *value)
{
    (void)json_object_object_add(to, key, value);
}

void out_text(struct json_object *to, const char *key, const char *value)
{
    out_add(to, key, json_object_new_string(value));
}

void out_number(struct json_object *to, const char *key, int64_t value)
{
    out_add(to, key, json_object_new_int64(value));
}

/* 2026-01-01T00:00:00.123456+00:00, as chrono writes it. */
void out_time(struct json_object *to, const char *key, struct utc time)
{
    char text[RFC3339_SIZE];
    char out[RFC3339_SIZE + 8];
    rfc3339_format(time, text);
    text[strcspn(text, "Z")] = '\0';
    (void)snprintf(out, sizeof(out), "%s+00:00", text);
    out_text(to, key, out);
}

void out_eui(struct json_object *to, const char *key, uint64_t eui)
{
    char text[EUI_TEXT_SIZE];
    out_text(to, key, eui_format(eui, text));
}

void out_base64(struct json_object *to, const char *key, const uint8_t *bytes, size_t len)
{
    char text[BASE64_MAX];
    sodium_bin2base64(text, sizeof(text), bytes, len, sodium_base64_VARIANT_ORIGINAL);
    out_text(to, key, text);
}

void out_duration(struct json_object *to, const char *key, int64_t us)
{
    char text[40];
    (void)snprintf(text, sizeof(text), "%lld.%06llds", (long long)(us / 1000000),
                   (long long)(us % 1000000));
    out_text(to, key, text);
}
