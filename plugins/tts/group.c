/* SPDX-License-Identifier: MIT */
/*
 * group.c - a multicast group is a virtual device in three registries of the server.
 *
 * Opening: is it there (Application Server)? Else Identity Server, Network Server,
 * Application Server, in this order: what the last one has is complete. Every step may be
 * repeated. If one is refused for good, what there is of the device is deleted again.
 * Deleting goes the other way round; what is gone already is fine.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api.h"
#include "json.h"
#include "text.h"

enum {
    KEY_LEN = 16,
    KEY_SIZE = 2 * KEY_LEN + 1,
    NAME_LEN_MAX = 50, /* of an end device */
    BODY_SIZE = 4096,
    VALUE_LEN_MAX = 200, /* of an attribute */
    PERIODICITY_MAX = 7,
};

struct work {
    uint64_t id;
    bool closing; /* asked for; else it ends an opening that failed, with err */
    int err;
    size_t step; /* of deleting */
    char name[NAME_LEN_MAX + 1];
    char device[ID_SIZE];
    char nwk_key[KEY_SIZE];
    char app_key[KEY_SIZE];
    uint32_t mc_addr;
    uint32_t frequency_hz;
    uint32_t f_cnt;
    uint8_t dr;
    bool class_b;
    uint8_t ping_slot_periodicity;
    size_t gateway_count;
    char gateways[GATEWAY_MAX][ID_SIZE];
};

/* ---- groups in memory ---- */

struct group *group_find(const struct fuo_ns *ns, const char *id)
{
    struct group *group = ns->groups;
    while (group != NULL && strcmp(group->id, id) != 0) {
        group = group->next;
    }
    return group;
}

struct group *group_add(struct fuo_ns *ns, const char *id)
{
    struct group *group = group_find(ns, id);
    if (group != NULL) {
        return group;
    }
    group = calloc(1, sizeof(*group));
    if (group != NULL) {
        snprintf(group->id, sizeof(group->id), "%s", id);
        group->next = ns->groups;
        ns->groups = group;
    }
    return group;
}

void group_give_up_frame(struct fuo_ns *ns, struct group *group)
{
    if (group->waiting) {
        group->waiting = false;
        group->counts = false;
        ns_result(ns, group->frame_id, FUO_ETIMEDOUT, 0);
    }
}

void group_forget(struct fuo_ns *ns, const char *id)
{
    struct group **at = &ns->groups;
    while (*at != NULL && strcmp((*at)->id, id) != 0) {
        at = &(*at)->next;
    }
    struct group *group = *at;
    if (group != NULL) {
        *at = group->next;
        free(group);
    }
}

static void work_free(void *context)
{
    struct work *w = context;
    explicit_bzero(w, sizeof(*w));
    free(w);
}

/* ---- deleting ---- */

static void delete_next(struct fuo_ns *ns, struct work *w);

static void tell_group(struct fuo_ns *ns, const struct work *w, int err, uint32_t f_cnt)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_GROUP};
    event.group.id = w->id;
    event.group.err = err;
    event.group.group = err == FUO_OK ? w->device : NULL;
    event.group.f_cnt = f_cnt;
    ns->base.ops->event(ns->base.host, &event);
}

static void deleted(struct fuo_ns *ns, struct work *w, int err)
{
    if (w->closing) {
        ns_result(ns, w->id, err, 0);
    } else {
        tell_group(ns, w, w->err, 0);
    }
    work_free(w);
}

static void on_deleted(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct work *w = context;
    if (answer->err == FUO_OK || answer->err == FUO_ENOENT) {
        w->step++;
        delete_next(ns, w);
        return;
    }
    ns_log(ns, FUO_LOG_WARN, "multicast device %s cannot be deleted: %s (error %d)",
           w->device, answer->text, answer->err);
    deleted(ns, w, answer->err);
}

static void delete_next(struct fuo_ns *ns, struct work *w)
{
    static const char *const registries[] = {API_AS, API_NS, API_IS};
    if (w->step == sizeof(registries) / sizeof(registries[0])) {
        deleted(ns, w, FUO_OK);
        return;
    }
    struct api_request request = {
        .method = "DELETE",
        .registry = registries[w->step],
        .device = w->device,
        .rest = "",
    };
    int err = api_call(ns, &request, on_deleted, work_free, w);
    if (err != FUO_OK) {
        deleted(ns, w, err);
    }
}

int group_close(struct fuo_ns *ns, uint64_t id, const char *handle)
{
    struct api_request request = {
        .method = "DELETE", .registry = API_AS, .device = handle, .rest = ""};
    if (strnlen(handle, ID_SIZE) == ID_SIZE) {
        return FUO_EINVAL;
    }
    struct work *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return FUO_ENOMEM;
    }
    w->id = id;
    w->closing = true;
    snprintf(w->device, sizeof(w->device), "%s", handle);
    int err = api_call(ns, &request, on_deleted, work_free, w);
    if (err != FUO_OK) {
        work_free(w);
        return err;
    }
    struct group *group = group_find(ns, handle);
    if (group != NULL) {
        group_give_up_frame(ns, group);
        group_forget(ns, handle);
    }
    return FUO_OK;
}

/* ---- opening: the end ---- */

/* What may go away by itself is tried again, and finds what there is. */
static bool is_passing(int err)
{
    return err == FUO_EAGAIN || err == FUO_ETIMEDOUT || err == FUO_ENOMEM;
}

static void give_up(struct fuo_ns *ns, struct work *w, const char *step, int err,
                    const char *text)
{
    ns_log(ns, FUO_LOG_ERROR, "multicast group %s cannot be opened: %s: %s (error %d)",
           w->name, step, text, err);
    if (is_passing(err)) {
        tell_group(ns, w, err, 0);
        work_free(w);
        return;
    }
    w->err = err; /* nothing is left half made */
    delete_next(ns, w);
}

static void call(struct fuo_ns *ns, struct work *w, const struct api_request *request,
                 api_done *done)
{
    int err = api_call(ns, request, done, work_free, w);
    if (err != FUO_OK) {
        give_up(ns, w, request->method, err, "too much is under way");
    }
}

/* The server counts from 1: 0 is what it says of a device that was never sent to. */
static void finish(struct fuo_ns *ns, struct work *w, uint32_t last_f_cnt)
{
    struct group *group = group_add(ns, w->device);
    if (group == NULL) {
        tell_group(ns, w, FUO_ENOMEM, 0);
    } else {
        group->gateway_count = w->gateway_count;
        memcpy(group->gateways, w->gateways, sizeof(group->gateways));
        group->counts = true;
        group->next_f_cnt = last_f_cnt + 1;
        tell_group(ns, w, FUO_OK, last_f_cnt + 1);
    }
    work_free(w);
}

/* Those below the first are used up. */
static uint32_t last_f_cnt(const struct work *w)
{
    return w->f_cnt > 0 ? w->f_cnt - 1 : 0;
}

/* ---- opening: the three registries ---- */

static void on_as_set(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct work *w = context;
    if (answer->err != FUO_OK) {
        give_up(ns, w, "Application Server", answer->err, answer->text);
        return;
    }
    finish(ns, w, last_f_cnt(w));
}

static void on_ns_set(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct work *w = context;
    char body[BODY_SIZE];
    if (answer->err != FUO_OK) {
        give_up(ns, w, "Network Server", answer->err, answer->text);
        return;
    }
    snprintf(body, sizeof(body),
             "{\"end_device\":{\"ids\":{\"device_id\":\"%s\",\"application_ids\":{"
             "\"application_id\":\"%s\"}},\"session\":{\"dev_addr\":\"%08X\",\"keys\":{"
             "\"app_s_key\":{\"key\":\"%s\"}},\"last_a_f_cnt_down\":%u}},\"field_mask\":{"
             "\"paths\":[\"session.dev_addr\",\"session.keys.app_s_key.key\","
             "\"session.last_a_f_cnt_down\"]}}",
             w->device, ns->application_id, (unsigned)w->mc_addr, w->app_key,
             (unsigned)last_f_cnt(w));
    struct api_request request = {.method = "PUT",
                                  .registry = API_AS,
                                  .device = w->device,
                                  .rest = "",
                                  .body = body};
    call(ns, w, &request, on_as_set);
    explicit_bzero(body, sizeof(body));
}

enum {
    SETTINGS_SIZE = 400,
};

/* Class C goes out with the parameters of RX2, class B with those of its ping slots: one or
 * the other is supported, as the server prefers class C. DataRateIndexValue, FrequencyValue and
 * PingSlotPeriodValue are bare values in JSON (lorawan.proto: thethings.json.message, wrapper):
 * with a member "value" a real server refuses them. */
static void format_settings(const struct work *w, char settings[static SETTINGS_SIZE],
                            char paths[static SETTINGS_SIZE])
{
    if (!w->class_b) {
        snprintf(settings, SETTINGS_SIZE,
                 "\"rx2_data_rate_index\":\"DATA_RATE_%u\","
                 "\"rx2_frequency\":\"%u\"",
                 w->dr, (unsigned)w->frequency_hz);
        snprintf(paths, SETTINGS_SIZE,
                 "\"mac_settings.rx2_data_rate_index\",\"mac_settings.rx2_frequency\"");
        return;
    }
    snprintf(settings, SETTINGS_SIZE,
             "\"ping_slot_periodicity\":\"PING_EVERY_%uS\","
             "\"ping_slot_data_rate_index\":\"DATA_RATE_%u\","
             "\"ping_slot_frequency\":\"%u\"",
             1u << w->ping_slot_periodicity, w->dr, (unsigned)w->frequency_hz);
    snprintf(paths, SETTINGS_SIZE,
             "\"mac_settings.ping_slot_periodicity\","
             "\"mac_settings.ping_slot_data_rate_index\","
             "\"mac_settings.ping_slot_frequency\"");
}

/* Frames may follow each other closely: they have times of their own, or ping slots. */
static void on_is_made(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct work *w = context;
    char body[BODY_SIZE];
    char settings[SETTINGS_SIZE];
    char paths[SETTINGS_SIZE];
    const char *supports = w->class_b ? "supports_class_b" : "supports_class_c";
    if (answer->err != FUO_OK && answer->err != FUO_EEXIST) {
        give_up(ns, w, "Identity Server", answer->err, answer->text);
        return;
    }
    format_settings(w, settings, paths);
    snprintf(body, sizeof(body),
             "{\"end_device\":{\"ids\":{\"device_id\":\"%s\",\"application_ids\":{"
             "\"application_id\":\"%s\"}},\"multicast\":true,\"%s\":true,"
             "\"supports_join\":false,\"lorawan_version\":\"MAC_V1_0_3\","
             "\"lorawan_phy_version\":\"PHY_V1_0_3_REV_A\",\"frequency_plan_id\":\"%s\","
             "\"session\":{\"dev_addr\":\"%08X\",\"keys\":{\"f_nwk_s_int_key\":{\"key\":"
             "\"%s\"}},\"last_n_f_cnt_down\":%u},\"mac_settings\":{%s,"
             "\"class_b_c_downlink_interval\":\"0.1s\"}},\"field_mask\":{\"paths\":["
             "\"multicast\",\"%s\",\"supports_join\",\"lorawan_version\","
             "\"lorawan_phy_version\",\"frequency_plan_id\",\"session.dev_addr\","
             "\"session.keys.f_nwk_s_int_key.key\",\"session.last_n_f_cnt_down\","
             "%s,\"mac_settings.class_b_c_downlink_interval\"]}}",
             w->device, ns->application_id, supports, ns->config->frequency_plan,
             (unsigned)w->mc_addr, w->nwk_key, (unsigned)last_f_cnt(w), settings,
             supports, paths);
    struct api_request request = {.method = "PUT",
                                  .registry = API_NS,
                                  .device = w->device,
                                  .rest = "",
                                  .body = body};
    call(ns, w, &request, on_ns_set);
    explicit_bzero(body, sizeof(body));
}

/* "fuotad-gateways-0": "gw1,gw2" and so on, as many as it takes. */
static void add_gateways(const struct work *w, struct json_object *attributes)
{
    char key[32];
    char value[VALUE_LEN_MAX + 1] = "";
    size_t len = 0;
    unsigned count = 0;
    for (size_t i = 0; i < w->gateway_count; i++) {
        if (len + 1 + strlen(w->gateways[i]) > VALUE_LEN_MAX) {
            snprintf(key, sizeof(key), "fuotad-gateways-%u", count++);
            json_object_object_add(attributes, key, json_object_new_string(value));
            len = 0;
        }
        len += (size_t)snprintf(value + len, sizeof(value) - len, "%s%s",
                                len > 0 ? "," : "", w->gateways[i]);
    }
    snprintf(key, sizeof(key), "fuotad-gateways-%u", count);
    json_object_object_add(attributes, key, json_object_new_string(value));
}

static void add_text(struct json_object *to, const char *key, const char *text)
{
    json_object_object_add(to, key, json_object_new_string(text));
}

static struct json_object *identity(const struct fuo_ns *ns, const struct work *w)
{
    struct json_object *device = json_object_new_object();
    struct json_object *ids = json_object_new_object();
    struct json_object *application = json_object_new_object();
    struct json_object *attributes = json_object_new_object();
    add_text(application, "application_id", ns->application_id);
    add_text(ids, "device_id", w->device);
    json_object_object_add(ids, "application_ids", application);
    json_object_object_add(device, "ids", ids);
    add_text(device, "name", w->name);
    add_text(device, "description",
             "Multicast group of fuotad, which deletes it when its session is over.");
    add_gateways(w, attributes);
    json_object_object_add(device, "attributes", attributes);
    if (ns->config->server_address[0] != '\0') {
        add_text(device, "network_server_address", ns->config->server_address);
        add_text(device, "application_server_address", ns->config->server_address);
    }
    return device;
}

static void make_identity(struct fuo_ns *ns, struct work *w)
{
    static const char *const paths[] = {"name", "description", "attributes",
                                        "network_server_address",
                                        "application_server_address"};
    size_t count = ns->config->server_address[0] != '\0' ? 5 : 3;
    struct json_object *body = json_object_new_object();
    struct json_object *mask = json_object_new_object();
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        json_object_array_add(list, json_object_new_string(paths[i]));
    }
    json_object_object_add(mask, "paths", list);
    json_object_object_add(body, "end_device", identity(ns, w));
    json_object_object_add(body, "field_mask", mask);
    struct api_request request = {
        .method = "POST",
        .registry = API_IS,
        .rest = "/devices",
        .body = json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN),
    };
    call(ns, w, &request, on_is_made);
    json_object_put(body);
}

/* ---- opening: is it there? ---- */

static void on_looked(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct work *w = context;
    char addr[16];
    if (answer->err == FUO_ENOENT) {
        make_identity(ns, w);
        return;
    }
    if (answer->err != FUO_OK) {
        ns_log(ns, FUO_LOG_ERROR, "multicast group %s cannot be opened: %s (error %d)",
               w->name, answer->text, answer->err);
        tell_group(ns, w, answer->err, 0);
        work_free(w);
        return;
    }
    struct json_object *session = json_member(answer->json, "session");
    uint32_t last = 0;
    size_t len;
    snprintf(addr, sizeof(addr), "%08X", (unsigned)w->mc_addr);
    if (strcasecmp(json_text(session, "dev_addr", &len), addr) != 0 ||
        !json_uint(session, "last_a_f_cnt_down", UINT32_MAX - 1, &last)) {
        ns_log(ns, FUO_LOG_ERROR,
               "multicast group %s cannot be opened: another device is called %s",
               w->name, w->device);
        tell_group(ns, w, FUO_EEXIST, 0);
        work_free(w);
        return;
    }
    finish(ns, w, last);
}

/* ---- the intent ---- */

/* A name of any length as a device id: FNV-1a, 64 bits. */
static void device_id_of(const char *name, char id[static ID_SIZE])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *at = name; *at != '\0'; at++) {
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    }
    snprintf(id, ID_SIZE, "fuotad-mc-%016llx", (unsigned long long)hash);
}

static int name_gateways(struct fuo_ns *ns, const struct fuo_group *g, struct work *w)
{
    for (size_t i = 0; i < g->gateway_count; i++) {
        const char *name = names_find(&ns->gateways, g->gateways[i]);
        if (name == NULL) {
            ns_log(ns, FUO_LOG_INFO,
                   "gateway %016llx has not been heard since the start: its name at the "
                   "server is not known yet",
                   (unsigned long long)g->gateways[i]);
            return FUO_EAGAIN;
        }
        memcpy(w->gateways[w->gateway_count++], name, strlen(name) + 1);
    }
    return FUO_OK;
}

static const char *unusable(const struct fuo_ns *ns, const struct fuo_group *g)
{
    if (g->ping_slot_periodicity > PERIODICITY_MAX) {
        return "ping slots are 1 s to 128 s apart";
    }
    if (!plan_has_region(ns->plan, g->region)) {
        return "the option frequencyPlan is not one of the fleet's region";
    }
    return g->gateway_count == 0 || g->gateway_count > GATEWAY_MAX
               ? "it needs 1 to 32 gateways: the server chooses none"
               : NULL;
}

static void uppercase(char *text)
{
    for (; *text != '\0'; text++) {
        *text = (char)(*text >= 'a' && *text <= 'f' ? *text - 'a' + 'A' : *text);
    }
}

static void describe(struct work *w, const struct fuo_group *g)
{
    w->id = g->id;
    snprintf(w->name, sizeof(w->name), "%.*s", (int)NAME_LEN_MAX, g->name);
    device_id_of(g->name, w->device);
    format_hex(g->mc_nwk_s_key, KEY_LEN, w->nwk_key);
    format_hex(g->mc_app_s_key, KEY_LEN, w->app_key);
    uppercase(w->nwk_key);
    uppercase(w->app_key);
    w->mc_addr = g->mc_addr;
    w->frequency_hz = g->frequency_hz;
    w->f_cnt = g->f_cnt;
    w->dr = g->dr;
    w->class_b = g->device_class == 'B';
    w->ping_slot_periodicity = g->ping_slot_periodicity;
}

int group_open(struct fuo_ns *ns, const struct fuo_group *group)
{
    const char *problem = unusable(ns, group);
    if (problem != NULL) {
        ns_log(ns, FUO_LOG_ERROR, "multicast group %.50s cannot be opened: %s",
               group->name, problem);
        return FUO_EINVAL;
    }
    struct work *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return FUO_ENOMEM;
    }
    describe(w, group);
    int err = name_gateways(ns, group, w);
    if (err == FUO_OK) {
        struct api_request request = {
            .method = "GET",
            .registry = API_AS,
            .device = w->device,
            .rest = "?field_mask=session.dev_addr,session.last_a_f_cnt_down",
        };
        err = api_call(ns, &request, on_looked, work_free, w);
    }
    if (err != FUO_OK) {
        work_free(w);
    }
    return err;
}
