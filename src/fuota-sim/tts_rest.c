/* SPDX-License-Identifier: MIT */
#include "fuota-sim/tts_rest.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "fuota-sim/api.h"
#include "fuota-sim/tts_gateways.h"
#include "fuota-sim/tts_json.h"
#include "fuota-sim/tts_key.h"
#include "io/cleanup.h"

#define API_STATS "/api/v3/gs/gateways/connection/stats"

enum {
    HTTP_OK = 200,
    DEPTH_MAX = 32,
    MESSAGE_MAX = 400,
};

/* Why a call is refused: of google.rpc.Status. */
struct refusal {
    int code;
    unsigned status;
    const char *name_space;
    const char *name;
    const char *text;
};

static const struct refusal unauthenticated = {16, 401, "pkg/auth", "invalid_token",
                                               "invalid token"};
static const struct refusal no_rights = {
    7, 403, "pkg/auth/rights", "no_application_rights", "no rights for application"};
static const struct refusal no_gateway_rights = {
    7, 403, "pkg/auth/rights", "no_gateway_rights", "no rights for gateway"};
static const struct refusal not_found = {5, 404, "pkg/identityserver/store",
                                         "end_device_not_found", "end device not found"};
static const struct refusal no_route = {5, 404, "pkg/webhandlers", "route_not_found",
                                        "route not found"};
static const struct refusal id_taken = {6, 409, "pkg/identityserver/store", "id_taken",
                                        "id already taken"};
static const struct refusal bad_field = {3, 400, "pkg/networkserver", "field_value",
                                         "invalid value of field"};
static const struct refusal bad_json = {3, 400, "pkg/errors", "unmarshal",
                                        "failed to unmarshal"};
static const struct refusal no_memory = {13, 500, "pkg/errors", "internal", "no memory"};

/* One call on its way through. */
struct work {
    const struct tts_rest *rest;
    const struct httpd_call *call;
    struct httpd_reply *reply;
    struct json_object *in; /* the body; NULL: none */
    char id[TTS_ID_SIZE];   /* of the device */
};

/* ---- answers ---- */

static void answer(struct httpd_reply *reply, unsigned status, struct json_object *body)
{
    reply->body = (uint8_t *)strdup(json_object_to_json_string_ext(
        body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    reply->status = reply->body != NULL ? status : 0;
    reply->len = reply->body != NULL ? strlen((char *)reply->body) : 0;
    httpd_add_header(reply, "content-type", "application/json");
    json_object_put(body);
}

static void add_text(struct json_object *to, const char *key, const char *value)
{
    (void)json_object_object_add(to, key, json_object_new_string(value));
}

static void refuse(const struct work *w, const struct refusal *why)
{
    char message[MESSAGE_MAX];
    struct json_object *body = json_object_new_object();
    struct json_object *list = json_object_new_array();
    struct json_object *detail = json_object_new_object();
    (void)snprintf(message, sizeof(message), "error:%s:%s (%s)", why->name_space,
                   why->name, why->text);
    (void)json_object_object_add(body, "code", json_object_new_int(why->code));
    add_text(body, "message", message);
    add_text(detail, "@type", "type.googleapis.com/ttn.lorawan.v3.ErrorDetails");
    add_text(detail, "namespace", why->name_space);
    add_text(detail, "name", why->name);
    add_text(detail, "message_format", why->text);
    (void)json_object_object_add(detail, "code", json_object_new_int(why->code));
    (void)json_object_array_add(list, detail);
    (void)json_object_object_add(body, "details", list);
    answer(w->reply, why->status, body);
}

/* By the code of the simulated server. */
static void finish(const struct work *w, int err, struct json_object *body)
{
    if (err == FUO_OK) {
        answer(w->reply, HTTP_OK, body);
        return;
    }
    json_object_put(body);
    refuse(w, err == FUO_ENOENT   ? &not_found
              : err == FUO_EEXIST ? &id_taken
              : err == FUO_ENOMEM ? &no_memory
                                  : &bad_field);
}

/* ---- members and field masks ---- */

static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    return json_object_is_type(o, json_type_object) &&
                   json_object_object_get_ex(o, key, &value)
               ? value
               : NULL;
}

/* "session.keys.app_s_key.key" of end_device. */
static struct json_object *dig(const struct work *w, const char *path)
{
    struct json_object *at = member(w->in, "end_device");
    char key[64];
    while (at != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        len = len < sizeof(key) ? len : sizeof(key) - 1;
        memcpy(key, path, len);
        key[len] = '\0';
        at = member(at, key);
        path += len + (path[len] == '.' ? 1 : 0);
    }
    return at;
}

/* Whether the mask names the path or something that holds it. */
static bool masked(const struct work *w, const char *path)
{
    struct json_object *paths = member(member(w->in, "field_mask"), "paths");
    size_t count =
        json_object_is_type(paths, json_type_array) ? json_object_array_length(paths) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *p = json_object_get_string(json_object_array_get_idx(paths, i));
        size_t len = p != NULL ? strlen(p) : 0;
        if (len > 0 && strncmp(path, p, len) == 0 &&
            (path[len] == '\0' || path[len] == '.')) {
            return true;
        }
    }
    return false;
}

static struct json_object *set_value(const struct work *w, const char *path)
{
    return masked(w, path) ? dig(w, path) : NULL;
}

static const char *text_of(struct json_object *o)
{
    return json_object_is_type(o, json_type_string) ? json_object_get_string(o) : "";
}

static uint32_t number_of(struct json_object *o)
{
    int64_t n = json_object_get_int64(o); /* of a text, too */
    return n < 0 || n > UINT32_MAX ? 0 : (uint32_t)n;
}

static bool read_addr(struct json_object *o, uint32_t *addr)
{
    uint8_t b[4];
    const char *text = text_of(o);
    if (hex_decode(text, strlen(text), b, sizeof(b)) != FUO_OK) {
        return false;
    }
    *addr = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return true;
}

static bool read_key(struct json_object *o, struct aes_key *key)
{
    const char *text = text_of(o);
    return hex_decode(text, strlen(text), key->b, sizeof(key->b)) == FUO_OK;
}

static struct json_object *device_of(const struct work *w)
{
    char id[TTS_UID_SIZE];
    struct json_object *device = json_object_new_object();
    struct json_object *ids = json_object_new_object();
    struct json_object *application = json_object_new_object();
    tts_application_id(w->rest->uid, id);
    add_text(application, "application_id", id);
    add_text(ids, "device_id", w->id);
    (void)json_object_object_add(ids, "application_ids", application);
    (void)json_object_object_add(device, "ids", ids);
    return device;
}

/* ---- Identity Server ---- */

static void read_is(const struct work *w, struct tts_is_settings *s)
{
    struct json_object *attributes = set_value(w, "attributes");
    struct json_object *name = set_value(w, "name");
    if (name != NULL) {
        (void)snprintf(s->name, sizeof(s->name), "%s", text_of(name));
    }
    if (attributes == NULL || !json_object_is_type(attributes, json_type_object)) {
        return;
    }
    s->attribute_count = 0;
    struct json_object_iterator end = json_object_iter_end(attributes);
    for (struct json_object_iterator it = json_object_iter_begin(attributes);
         !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        if (s->attribute_count == TTS_ATTRIBUTE_MAX) {
            return;
        }
        struct tts_attribute *a = &s->attributes[s->attribute_count++];
        (void)snprintf(a->key, sizeof(a->key), "%s", json_object_iter_peek_name(&it));
        (void)snprintf(a->value, sizeof(a->value), "%s",
                       text_of(json_object_iter_peek_value(&it)));
    }
}

static struct json_object *is_json(const struct work *w, const struct tts_virtual *v)
{
    struct json_object *device = device_of(w);
    struct json_object *attributes = json_object_new_object();
    for (size_t i = 0; i < v->is.attribute_count; i++) {
        add_text(attributes, v->is.attributes[i].key, v->is.attributes[i].value);
    }
    if (strstr(w->call->field_mask, "name") != NULL) {
        add_text(device, "name", v->is.name);
    }
    if (strstr(w->call->field_mask, "attributes") != NULL) {
        (void)json_object_object_add(device, "attributes", attributes);
    } else {
        json_object_put(attributes);
    }
    return device;
}

static void is_create(struct work *w)
{
    struct tts_is_settings s = {0};
    (void)snprintf(w->id, sizeof(w->id), "%s", text_of(dig(w, "ids.device_id")));
    read_is(w, &s);
    finish(w, tts_is_create(w->rest->tts, w->id, &s), device_of(w));
}

static void is_list(struct work *w)
{
    struct json_object *body = json_object_new_object();
    struct json_object *list = json_object_new_array();
    for (const struct tts_virtual *v = w->rest->tts->virtuals; v != NULL; v = v->next) {
        (void)snprintf(w->id, sizeof(w->id), "%s", v->id);
        (void)json_object_array_add(list, device_of(w));
    }
    (void)json_object_object_add(body, "end_devices", list);
    finish(w, FUO_OK, body);
}

static void is_put(const struct work *w)
{
    const struct tts_virtual *v = tts_virtual_find(w->rest->tts, w->id);
    struct tts_is_settings s = v != NULL ? v->is : (struct tts_is_settings){0};
    read_is(w, &s);
    finish(w, tts_is_update(w->rest->tts, w->id, &s), device_of(w));
}

/* ---- Network Server ---- */

static uint8_t data_rate_of(struct json_object *o)
{
    static const char prefix[] = "DATA_RATE_";
    const char *text = text_of(o);
    return strncmp(text, prefix, sizeof(prefix) - 1) == 0
               ? (uint8_t)strtoul(text + sizeof(prefix) - 1, NULL, 10)
               : UINT8_MAX;
}

static int64_t duration_us(struct json_object *o)
{
    return o != NULL ? (int64_t)(strtod(text_of(o), NULL) * 1e6) : 0;
}

/* lorawan_version, lorawan_phy_version and frequency_plan_id: a device is nothing without. */
static bool has_model(const struct work *w)
{
    return text_of(set_value(w, "lorawan_version"))[0] != '\0' &&
           text_of(set_value(w, "lorawan_phy_version"))[0] != '\0' &&
           text_of(set_value(w, "frequency_plan_id"))[0] != '\0';
}

/* "PING_EVERY_8S" is 3 (lorawan.proto, PingSlotPeriod); absent: 0. */
static uint8_t periodicity_of(struct json_object *o)
{
    static const char *const names[] = {
        "PING_EVERY_1S",  "PING_EVERY_2S",  "PING_EVERY_4S",  "PING_EVERY_8S",
        "PING_EVERY_16S", "PING_EVERY_32S", "PING_EVERY_64S", "PING_EVERY_128S",
    };
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    if (o == NULL) {
        return 0;
    }
    size_t i = 0;
    while (i < COUNT && strcmp(text_of(o), names[i]) != 0) {
        i++;
    }
    return (uint8_t)i; /* none: the device is refused */
}

static void ns_put(const struct work *w)
{
    bool class_b = json_object_get_boolean(set_value(w, "supports_class_b")) != 0;
    struct tts_ns_settings s = {
        .multicast = json_object_get_boolean(set_value(w, "multicast")) != 0,
        .supports_class_c =
            json_object_get_boolean(set_value(w, "supports_class_c")) != 0,
        .supports_class_b = class_b,
        .last_n_f_cnt_down = number_of(set_value(w, "session.last_n_f_cnt_down")),
        .rx2_dr =
            data_rate_of(set_value(w, class_b ? "mac_settings.ping_slot_data_rate_index"
                                              : "mac_settings.rx2_data_rate_index")),
        .rx2_frequency_hz =
            number_of(set_value(w, class_b ? "mac_settings.ping_slot_frequency"
                                           : "mac_settings.rx2_frequency")),
        .ping_slot_periodicity =
            periodicity_of(set_value(w, "mac_settings.ping_slot_periodicity")),
        .interval_us =
            duration_us(set_value(w, "mac_settings.class_b_c_downlink_interval")),
    };
    s.has_session =
        read_addr(set_value(w, "session.dev_addr"), &s.dev_addr) &&
        read_key(set_value(w, "session.keys.f_nwk_s_int_key.key"), &s.f_nwk_s_int_key);
    int err = has_model(w) ? tts_ns_set(w->rest->tts, w->id, &s) : FUO_EINVAL;
    aes_key_wipe(&s.f_nwk_s_int_key);
    finish(w, err, device_of(w));
}

static struct json_object *session_json(uint32_t dev_addr, const char *counter,
                                        uint32_t value)
{
    char addr[16];
    struct json_object *session = json_object_new_object();
    (void)snprintf(addr, sizeof(addr), "%08X", dev_addr);
    add_text(session, "dev_addr", addr);
    if (value != 0) {
        (void)json_object_object_add(session, counter, json_object_new_int64(value));
    }
    return session;
}

/* ---- Application Server ---- */

static void as_put(const struct work *w)
{
    struct tts_as_settings s = {.last_a_f_cnt_down =
                                    number_of(set_value(w, "session.last_a_f_cnt_down"))};
    bool good = read_addr(set_value(w, "session.dev_addr"), &s.dev_addr) &&
                read_key(set_value(w, "session.keys.app_s_key.key"), &s.app_s_key);
    int err = good ? tts_as_set(w->rest->tts, w->id, &s) : FUO_EINVAL;
    aes_key_wipe(&s.app_s_key);
    finish(w, err, device_of(w));
}

static void get_device(const struct work *w, enum tts_registry registry)
{
    const struct tts_virtual *v = tts_virtual_find(w->rest->tts, w->id);
    if (v == NULL || !v->in[registry]) {
        refuse(w, &not_found);
        return;
    }
    if (registry == TTS_REGISTRY_IS) {
        finish(w, FUO_OK, is_json(w, v));
        return;
    }
    struct json_object *device = device_of(w);
    if (strstr(w->call->field_mask, "session") != NULL) {
        struct json_object *session =
            registry == TTS_REGISTRY_NS
                ? session_json(v->ns.dev_addr, "last_n_f_cnt_down",
                               v->ns.last_n_f_cnt_down)
                : session_json(v->as.dev_addr, "last_a_f_cnt_down",
                               v->as.last_a_f_cnt_down);
        (void)json_object_object_add(device, "session", session);
    }
    finish(w, FUO_OK, device);
}

static void push(const struct work *w, bool replace)
{
    AUTO_FREE struct tts_batch *batch = calloc(1, sizeof(*batch));
    const struct tts_error *why = NULL;
    if (batch == NULL || tts_batch_parse(w->call->body, w->call->len, batch) != FUO_OK) {
        refuse(w, batch == NULL ? &no_memory : &bad_json);
        return;
    }
    struct tts_push request = {w->id, batch->downlinks, batch->count, replace};
    int err = tts_push(w->rest->tts, &request, w->rest->now, &why);
    if (why != NULL) {
        refuse(w, &(struct refusal){why->code, why->code == 5 ? 404 : 400,
                                    why->name_space, why->name, why->message_format});
        return;
    }
    finish(w, err, json_object_new_object());
}

static void list_queue(const struct work *w)
{
    const struct tts_downlink *queue = NULL;
    int err = tts_queue(w->rest->tts, w->id, &queue);
    finish(w, err, err == FUO_OK ? tts_queue_json(queue) : NULL);
}

/* ---- gateways ---- */

static void gateway_stats(const struct work *w)
{
    struct tts_gateways gateways = {.radio = w->rest->radio,
                                    .now = w->rest->now,
                                    .owned = w->rest->state->gateway_rights,
                                    .foreign = w->rest->state->foreign_gateway};
    struct json_object *body = NULL;
    switch (tts_gateways_stats(&gateways, w->in, &body)) {
    case TTS_STATS_GIVEN:
        finish(w, FUO_OK, body);
        return;
    case TTS_STATS_BAD_REQUEST:
        refuse(w, &bad_json);
        return;
    case TTS_STATS_NO_RIGHTS:
        refuse(w, &no_gateway_rights);
        return;
    }
}

/* ---- routes ---- */

static void serve_device(const struct work *w, enum tts_registry registry)
{
    const char *method = w->call->method;
    if (strcmp(method, "GET") == 0) {
        get_device(w, registry);
    } else if (strcmp(method, "DELETE") == 0) {
        finish(w, tts_delete(w->rest->tts, registry, w->id), json_object_new_object());
    } else if (strcmp(method, "PUT") == 0 && w->in == NULL) {
        refuse(w, &bad_json);
    } else if (strcmp(method, "PUT") != 0) {
        refuse(w, &no_route);
    } else if (registry == TTS_REGISTRY_IS) {
        is_put(w);
    } else if (registry == TTS_REGISTRY_NS) {
        ns_put(w);
    } else {
        as_put(w);
    }
}

static void serve_down(const struct work *w, const char *rest)
{
    bool post = strcmp(w->call->method, "POST") == 0;
    if (strcmp(rest, "/down") == 0 && strcmp(w->call->method, "GET") == 0) {
        list_queue(w);
    } else if (post && strcmp(rest, "/down/push") == 0) {
        push(w, false);
    } else if (post && strcmp(rest, "/down/replace") == 0) {
        push(w, true);
    } else {
        refuse(w, &no_route);
    }
}

static void serve_all(struct work *w)
{
    if (strcmp(w->call->method, "GET") == 0) {
        is_list(w);
    } else if (strcmp(w->call->method, "POST") == 0 && w->in != NULL) {
        is_create(w);
    } else {
        refuse(w, w->in == NULL ? &bad_json : &no_route);
    }
}

static const char *skip(const char *at, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(at, prefix, len) == 0 ? at + len : NULL;
}

/* Behind "/api/v3": the registry, and what follows "/applications/". */
static const char *registry_of(const char *at, enum tts_registry *registry)
{
    static const char *const prefixes[] = {"/applications/", "/ns/applications/",
                                           "/as/applications/"};
    for (size_t i = 0; i < TTS_REGISTRY_COUNT; i++) {
        const char *rest = skip(at, prefixes[i]);
        if (rest != NULL) {
            *registry = (enum tts_registry)i;
            return rest;
        }
    }
    return NULL;
}

/* Behind the application: "/devices", and a device's name and what follows it. */
static void serve_application(struct work *w, enum tts_registry registry, const char *at)
{
    at = skip(at, "/devices");
    if (at != NULL && *at == '\0' && registry == TTS_REGISTRY_IS) {
        serve_all(w);
        return;
    }
    size_t len = at != NULL && *at == '/' ? strcspn(at + 1, "/") : 0;
    if (len == 0 || len >= TTS_ID_SIZE) {
        refuse(w, &no_route);
        return;
    }
    memcpy(w->id, at + 1, len);
    w->id[len] = '\0';
    at += 1 + len;
    if (*at == '\0') {
        serve_device(w, registry);
    } else if (registry == TTS_REGISTRY_AS) {
        serve_down(w, at);
    } else {
        refuse(w, &no_route);
    }
}

/* Whether it is about no application. */
static bool serve_others(const struct work *w)
{
    bool post = strcmp(w->call->method, "POST") == 0;
    if (strcmp(w->call->path, "/api/v3/auth_info") == 0 && !post) {
        char id[TTS_UID_SIZE];
        tts_application_id(w->rest->uid, id);
        finish(w, FUO_OK, tts_key_info(id, w->rest->state->gateway_rights));
        return true;
    }
    if (strcmp(w->call->path, API_STATS) == 0 && post) {
        gateway_stats(w);
        return true;
    }
    return false;
}

static void serve(struct work *w)
{
    char application[TTS_UID_SIZE];
    enum tts_registry registry = TTS_REGISTRY_IS;
    const char *at = skip(w->call->path, "/api/v3");
    if (serve_others(w)) {
        return;
    }
    at = at != NULL ? registry_of(at, &registry) : NULL;
    if (at == NULL) {
        refuse(w, &no_route);
        return;
    }
    tts_application_id(w->rest->uid, application);
    size_t len = strlen(application);
    bool own = strncmp(at, application, len) == 0 && at[len] == '/';
    if (registry == TTS_REGISTRY_IS && strcmp(at + strcspn(at, "/"), "/rights") == 0) {
        finish(w, FUO_OK, tts_key_rights(own));
        return;
    }
    if (!own) {
        refuse(w, &no_rights);
        return;
    }
    serve_application(w, registry, at + len);
}

static struct json_object *parse_body(const struct httpd_call *call)
{
    struct json_tokener *tokener = call->len > 0 ? json_tokener_new_ex(DEPTH_MAX) : NULL;
    struct json_object *body = NULL;
    if (tokener != NULL) {
        body = json_tokener_parse_ex(tokener, (const char *)call->body, (int)call->len);
        json_tokener_free(tokener);
    }
    return body;
}

void tts_rest_serve(const struct tts_rest *rest, const struct httpd_call *call,
                    struct httpd_reply *reply)
{
    struct work w = {.rest = rest, .call = call, .reply = reply};
    if (!api_authorized(rest->token, call)) {
        refuse(&w, &unauthenticated);
        return;
    }
    w.in = parse_body(call);
    serve(&w);
    json_object_put(w.in);
}
