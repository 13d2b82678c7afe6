/* SPDX-License-Identifier: MIT */
/*
 * json_vectors.h - reads the vector files named by the environment variable FUO_VECTORS.
 * Every function fails the running test instead of returning an error.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "test.h"

#include "base/hex.h"

/* The parsed file; release it with json_object_put(). */
static inline struct json_object *vectors_load(const char *file)
{
    char path[4096];
    const char *dir = getenv("FUO_VECTORS");
    assert_non_null(dir);
    snprintf(path, sizeof(path), "%s/%s", dir, file);
    struct json_object *root = json_object_from_file(path);
    if (root == NULL) {
        fail_msg("%s: %s", path, json_util_get_last_err());
    }
    return root;
}

static inline bool vec_has(struct json_object *o, const char *key)
{
    return json_object_object_get_ex(o, key, NULL);
}

static inline struct json_object *vec_get(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(o, key, &value)) {
        fail_msg("no member '%s'", key);
    }
    return value;
}

static inline const char *vec_text(struct json_object *o, const char *key)
{
    return json_object_get_string(vec_get(o, key));
}

static inline int64_t vec_int(struct json_object *o, const char *key)
{
    return json_object_get_int64(vec_get(o, key));
}

/* Number of elements of an array member; element i is vec_at(). */
static inline size_t vec_count(struct json_object *array)
{
    return json_object_array_length(array);
}

static inline struct json_object *vec_at(struct json_object *array, size_t i)
{
    return json_object_array_get_idx(array, i);
}

/* Decodes hex text into bytes[0..cap) and returns the number of bytes. */
static inline size_t hex_bytes(const char *text, uint8_t *bytes, size_t cap)
{
    size_t len = strlen(text) / 2;
    if (len > cap || hex_decode(text, strlen(text), bytes, len) != FUO_OK) {
        fail_msg("not hex of at most %zu bytes: %s", cap, text);
    }
    return len;
}

/* The bytes of a member that is a hex string. */
static inline size_t vec_bytes(struct json_object *o, const char *key, uint8_t *bytes,
                               size_t cap)
{
    return hex_bytes(vec_text(o, key), bytes, cap);
}

/* A member that is a number in hex text, most significant digit first. */
static inline uint32_t vec_hex_u32(struct json_object *o, const char *key)
{
    return (uint32_t)strtoul(vec_text(o, key), NULL, 16);
}
