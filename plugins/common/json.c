/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <json-c/json.h>
#include <json-c/json_pointer.h>
#include <stdlib.h>
#include <string.h>

struct json_object *json_read(const uint8_t *text, size_t len)
{
    if (len == 0 || len > JSON_MAX_BYTES) {
        return NULL;
    }
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
    if (tokener == NULL) {
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *o = json_tokener_parse_ex(tokener, (const char *)text, (int)len);
    json_tokener_free(tokener);
    if (!json_object_is_type(o, json_type_object)) {
        json_object_put(o);
        return NULL;
    }
    return o;
}

struct json_object *json_member(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    if (o == NULL || !json_object_is_type(o, json_type_object) ||
        !json_object_object_get_ex(o, key, &value)) {
        return NULL;
    }
    return value;
}

struct json_object *json_array(struct json_object *o, const char *key)
{
    struct json_object *value = json_member(o, key);
    return json_object_is_type(value, json_type_array) ? value : NULL;
}

const char *json_text(struct json_object *o, const char *key, size_t *len)
{
    struct json_object *value = json_member(o, key);
    if (!json_object_is_type(value, json_type_string)) {
        *len = 0;
        return "";
    }
    *len = (size_t)json_object_get_string_len(value);
    return json_object_get_string(value);
}

bool json_true(struct json_object *o, const char *key)
{
    struct json_object *value = json_member(o, key);
    return json_object_is_type(value, json_type_boolean) &&
           json_object_get_boolean(value);
}

double json_number(struct json_object *o, const char *key)
{
    struct json_object *value = json_member(o, key);
    double number = 0;
    if (json_object_is_type(value, json_type_int) ||
        json_object_is_type(value, json_type_double)) {
        number = json_object_get_double(value);
    } else if (json_object_is_type(value, json_type_string)) {
        const char *text = json_object_get_string(value);
        char *end;
        number = strtod(text, &end);
        if (end == text || *end != '\0') {
            return 0;
        }
    }
    return number == number ? number : 0;
}

bool json_uint(struct json_object *o, const char *key, uint32_t max, uint32_t *out)
{
    double number = json_number(o, key);
    if (number < 0 || number > max) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

int16_t json_int16(struct json_object *o, const char *key, int scale)
{
    double number = json_number(o, key) * scale;
    if (number < INT16_MIN) {
        return INT16_MIN;
    }
    if (number > INT16_MAX) {
        return INT16_MAX;
    }
    return (int16_t)(number + (number < 0 ? -0.5 : 0.5));
}

static bool is_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return false;
        }
    }
    return true;
}

void json_pointed(struct json_object *o, const char *pointer, char *text, size_t size)
{
    struct json_object *value = NULL;
    text[0] = '\0';
    if (o == NULL || json_pointer_get(o, pointer, &value) != 0 ||
        !(json_object_is_type(value, json_type_string) ||
          json_object_is_type(value, json_type_int) ||
          json_object_is_type(value, json_type_double))) {
        return;
    }
    const char *found = json_object_get_string(value);
    size_t len = strlen(found);
    if (len < size && is_printable(found, len)) {
        memcpy(text, found, len + 1);
    }
}
