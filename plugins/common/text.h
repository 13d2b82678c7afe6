/* SPDX-License-Identifier: MIT */
/*
 * text.h - the notations of servers' JSON: hex, base64, UUID, RFC 3339, Duration.
 *
 * Pure. Parsers take a length, never read past it, and leave the output untouched on
 * failure (false).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEX_EUI_SIZE = 17,
    UUID_SIZE = 37,
    TIME_SIZE = 32,
};

#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)

bool parse_eui(const char *text, size_t len, uint64_t *eui);
void format_hex(const uint8_t *bytes, size_t len, char *text); /* 2*len + 1 */
void format_eui(uint64_t eui, char text[static HEX_EUI_SIZE]);

/* Standard or URL alphabet, padded or not. */
bool parse_base64(const char *text, size_t text_len, uint8_t *bytes, size_t cap,
                  size_t *len);
void format_base64(const uint8_t *bytes, size_t len, char *text); /* BASE64_SIZE(len) */

/* Any UUID in the usual form. */
bool is_uuid(const char *text);

/* A downlink's id as the UUID that ChirpStack gives back as queueItemId. */
void format_downlink_id(uint64_t id, char text[static UUID_SIZE]);
/* false: somebody else's downlink. */
bool parse_downlink_id(const char *text, size_t len, uint64_t *id);

/* UTC microseconds since 1970; years 1970 to 2199. */
bool parse_time(const char *text, size_t len, int64_t *us);
void format_time(int64_t us, char text[static TIME_SIZE]);

/* "12.345678s", never negative, below 2^40 s. */
bool parse_duration(const char *text, size_t len, int64_t *us);
