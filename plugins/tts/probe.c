/* SPDX-License-Identifier: MIT */
/*
 * probe.c - may the key do in the application what a campaign will do? The server lists the
 * rights of a key; those of a key of another application are none. Devices are not read from
 * there: it has no GenAppKeys, and the keys that it has are not of this server's API. Whether
 * it may see what gateways send is told as well (EntityAccess.AuthInfo); airtime.c need not find
 * that out for itself.
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

static bool has_right(struct json_object *rights, const char *wanted)
{
    size_t n = rights != NULL ? json_object_array_length(rights) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *right = json_object_get_string(json_object_array_get_idx(rights, i));
        if (right != NULL && strcmp(right, wanted) == 0) {
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
        if (!has_right(rights, needed[i]) &&
            !has_right(rights, "RIGHT_APPLICATION_ALL")) {
            len += (size_t)snprintf(text + len, LIST_SIZE - len, "%s%s",
                                    len > 0 ? ", " : "", needed[i]);
        }
    }
}

/* Who asked: doctor, or a plan, which has nothing else to read here. */
struct question {
    uint64_t id;
    bool of_inventory;
};

/* What is wrong with the key, as a finding; or FUO_OK. */
static int judge(struct fuo_ns *ns, uint64_t id, const struct api_answer *answer)
{
    char missing[LIST_SIZE];
    struct json_object *rights = json_array(answer->json, "rights");
    if (answer->err == FUO_EPERM) {
        ns_finding(
            ns, id, true,
            "the server does not know the API key, or it has expired (%s): make one "
            "in the Console, at the application '%s', API keys, and put it into the "
            "tokenFile of api and the passwordFile of mqtt",
            answer->text, ns->application_id);
        return FUO_EPERM;
    }
    if (answer->err != FUO_OK) {
        ns_log(ns, FUO_LOG_WARN, "the API was asked for the rights of the key: %s",
               answer->text);
        return answer->err;
    }
    if (rights == NULL || json_object_array_length(rights) == 0) {
        ns_finding(
            ns, id, true,
            "the API key has no right in the application '%s': it is not there, or "
            "the key is another's; correct the option application, or make a key at "
            "that application",
            ns->application_id);
        return FUO_ENOENT;
    }
    list_missing(rights, missing);
    if (missing[0] != '\0') {
        ns_finding(
            ns, id, true,
            "the API key lacks rights in the application '%s': %s; tick them at the "
            "key in the Console, at the application, API keys",
            ns->application_id, missing);
        return FUO_EPERM;
    }
    return FUO_OK;
}

/* Takes the question. */
static void settle(struct fuo_ns *ns, struct question *q, int err)
{
    ns_result(ns, q->id, q->of_inventory && err == FUO_OK ? FUO_ENOTSUP : err, 0);
    free(q);
}

/* A key of an application has no rights at gateways, whatever it is given there. */
static bool sees_gateways(struct json_object *info)
{
    struct json_object *access = json_member(info, "api_key");
    struct json_object *rights = json_array(json_member(access, "api_key"), "rights");
    bool of_application =
        json_member(json_member(access, "entity_ids"), "application_ids") != NULL;
    return !of_application &&
           (has_right(rights, "RIGHT_GATEWAY_STATUS_READ") ||
            has_right(rights, "RIGHT_GATEWAY_ALL") || has_right(rights, "RIGHT_ALL"));
}

static void on_info(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct question *q = context;
    bool told = answer->err == FUO_OK;
    bool sees = told && sees_gateways(answer->json);
    if (told) { /* of other credentials, an OAuth token say, it does not tell enough */
        ns->sees_no_gateways = !sees && json_member(answer->json, "api_key") != NULL;
    }
    if (told && !sees) {
        ns_finding(ns, q->id, false,
                   "the API key may not see how much of their duty cycle gateways have "
                   "used (RIGHT_GATEWAY_STATUS_READ), so what others send is left to the "
                   "reserve: to have it measured, make a key of a user or organization "
                   "with rights in the application and at its gateways");
    }
    settle(ns, q, FUO_OK);
}

static void on_rights(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct question *q = context;
    int err = judge(ns, q->id, answer);
    struct api_request request = {.method = "GET", .registry = API_AUTH, .rest = ""};
    names_reopen(&ns->gateways);
    if (err != FUO_OK || api_call(ns, &request, on_info, free, q) != FUO_OK) {
        settle(ns, q, err);
    }
}

static int ask(struct fuo_ns *ns, uint64_t id, bool of_inventory)
{
    struct api_request request = {.method = "GET", .registry = API_IS, .rest = "/rights"};
    struct question *q = malloc(sizeof(*q));
    if (q == NULL) {
        return FUO_ENOMEM;
    }
    *q = (struct question){.id = id, .of_inventory = of_inventory};
    int err = api_call(ns, &request, on_rights, free, q);
    if (err != FUO_OK) {
        free(q);
    }
    return err;
}

int application_probe(struct fuo_ns *ns, uint64_t id)
{
    return ask(ns, id, false);
}

int application_inventory(struct fuo_ns *ns, const struct fuo_inventory *inventory)
{
    return ask(ns, inventory->id, true);
}
