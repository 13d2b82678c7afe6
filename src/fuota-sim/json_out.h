/* SPDX-License-Identifier: MIT */
/*
 * json_out.h - members of JSON as ChirpStack writes them (protobuf JSON mapping): EUIs in
 * lower-case hex, bytes in base64, durations and times as texts. At most a PHYPayload of
 * bytes; a value that is added belongs to the object.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

struct json_object;

void out_add(struct json_object *to, const char *key, struct json_object *value);
void out_text(struct json_object *to, const char *key, const char *value);
void out_number(struct json_object *to, const char *key, int64_t value);
/* 2026-01-01T00:00:00.123456+00:00, as chrono writes it. */
void out_time(struct json_object *to, const char *key, struct utc time);
void out_eui(struct json_object *to, const char *key, uint64_t eui);
void out_base64(struct json_object *to, const char *key, const uint8_t *bytes,
                size_t len);
void out_duration(struct json_object *to, const char *key, int64_t us);
