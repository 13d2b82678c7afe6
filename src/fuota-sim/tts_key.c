/* SPDX-License-Identifier: MIT */
#include "fuota-sim/tts_key.h"

static struct json_object *with(const char *key, struct json_object *value)
{
    struct json_object *o = json_object_new_object();
    (void)json_object_object_add(o, key, value);
    return o;
}

struct json_object *tts_key_rights(bool own)
{
    static const char *const rights[] = {
        "RIGHT_APPLICATION_INFO",
        "RIGHT_APPLICATION_DEVICES_READ",
        "RIGHT_APPLICATION_DEVICES_WRITE",
        "RIGHT_APPLICATION_DEVICES_READ_KEYS",
        "RIGHT_APPLICATION_DEVICES_WRITE_KEYS",
        "RIGHT_APPLICATION_TRAFFIC_READ",
        "RIGHT_APPLICATION_TRAFFIC_DOWN_WRITE",
        "RIGHT_APPLICATION_LINK",
    };
    if (!own) {
        return json_object_new_object();
    }
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        (void)json_object_array_add(list, json_object_new_string(rights[i]));
    }
    return with("rights", list);
}

struct json_object *tts_key_info(const char *application_id, bool user)
{
    const char *right = user ? "RIGHT_ALL" : "RIGHT_APPLICATION_ALL";
    struct json_object *rights = json_object_new_array();
    (void)json_object_array_add(rights, json_object_new_string(right));
    struct json_object *access = with("api_key", with("rights", rights));
    struct json_object *ids =
        with(user ? "user_id" : "application_id",
             json_object_new_string(user ? "operator" : application_id));
    (void)json_object_object_add(access, "entity_ids",
                                 with(user ? "user_ids" : "application_ids", ids));
    return with("api_key", access);
}
