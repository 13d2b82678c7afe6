/* SPDX-License-Identifier: MIT */
/*
 * json.h - members of what a server sends, forgivingly: what is missing or of another type
 * is empty, zero or false, and numbers may be texts.
 *
 * Pure. Objects may be NULL. Texts are borrowed from the object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

enum {
    JSON_DEPTH_MAX = 16,
    JSON_MAX_BYTES = 256 << 10,
};

/* An object, the caller's to put; NULL: that is none. */
struct json_object *json_read(const uint8_t *text, size_t len);

struct json_object *json_member(struct json_object *o, const char *key);
struct json_object *json_array(struct json_object *o, const char *key);
const char *json_text(struct json_object *o, const char *key, size_t *len);
bool json_true(struct json_object *o, const char *key);
double json_number(struct json_object *o, const char *key); /* never NaN */
/* What a JSON pointer leads to, a text or a number, as printable text of less than size bytes;
 * else empty. */
void json_pointed(struct json_object *o, const char *pointer, char *text, size_t size);
/* false: out of range, and *out is untouched. */
bool json_uint(struct json_object *o, const char *key, uint32_t max, uint32_t *out);
/* scale times the number, rounded, at the limits of the type if it is beyond them. */
int16_t json_int16(struct json_object *o, const char *key, int scale);
