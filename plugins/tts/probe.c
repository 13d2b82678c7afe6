/* SPDX-License-Identifier: MIT */
/*
 * probe.c - may the key do in the application what a campaign will do? The server lists the
 * rights of a key; those of a key of another application are none.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "json.h"

enum {
    LIST_SIZE = 300,
};

static bool has(struct json_object *rights, const char *wanted)
{
    size_t n = rights != NULL ? json_object_array_length(rights) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *right = json_object_get_string(json_object_array_get_idx(rights, i));
        if (right != NULL &&
            (strcmp(right, wanted) == 0 || strcmp(right, "RIGHT_APPLICATION_ALL") == 0)) {
            return true;
        }
    }
    return false;
}

/* "A, B": what the key lacks; "": nothing. */
static void list_missing(struct json_object *rights, char text[static LIST_SIZE])
{
    static const char *const needed[] = {
        "RIGHT_APPLICATION_DEVICES_READ",       "RIGHT_APPLICATION_DEVICES_WRITE",
        "RIGHT_APPLICATION_DEVICES_WRITE_KEYS", "RIGHT_APPLICATION_TRAFFIC_READ",
        "RIGHT_APPLICATION_TRAFFIC_DOWN_WRITE",
    };
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (!has(rights, needed[i])) {
            len += (size_t)snprintf(text + len, LIST_SIZE - len, "%s%s",
                                    len > 0 ? ", " : "", needed[i]);
        }
    }
}

static int judge(struct fuo_ns *ns, const struct api_answer *answer)
{
    char missing[LIST_SIZE];
    struct json_object *rights = json_array(answer->json, "rights");
    if (answer->err != FUO_OK) {
        ns_log(ns, FUO_LOG_WARN, "the API was asked for the rights of the key: %s",
               answer->text);
        return answer->err;
    }
    if (rights == NULL || json_object_array_length(rights) == 0) {
        ns_log(ns, FUO_LOG_WARN, "the API key has no right in application %s",
               ns->application_id);
        return FUO_ENOENT;
    }
    list_missing(rights, missing);
    if (missing[0] != '\0') {
        ns_log(ns, FUO_LOG_WARN, "the API key lacks %s", missing);
        return FUO_EPERM;
    }
    return FUO_OK;
}

static void on_rights(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    uint64_t id;
    memcpy(&id, context, sizeof(id));
    free(context);
    ns_result(ns, id, judge(ns, answer), 0);
}

int application_probe(struct fuo_ns *ns, uint64_t id)
{
    struct api_request request = {.method = "GET", .registry = API_IS, .rest = "/rights"};
    uint64_t *context = malloc(sizeof(*context));
    if (context == NULL) {
        return FUO_ENOMEM;
    }
    *context = id;
    int err = api_call(ns, &request, on_rights, free, context);
    if (err != FUO_OK) {
        free(context);
    }
    return err;
}
