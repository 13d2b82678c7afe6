/* SPDX-License-Identifier: MIT */
/*
 * access.c - the method `access`: what people ask of the objects of a device (LwM2M).
 *
 * A request becomes an order of its fleet's plugin, which answers when the device has; what
 * changes something is in the audit log, on disk, before the plugin hears of it: with the
 * path, never with values, which may be secret.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "loop/internal.h"
#include "loop/render.h"
#include "loop/xalloc.h"
#include "plugin/host.h"

enum {
    CLIENTS_MAX = 64,
    VALUE_MAX = 1024,
    PATH_MAX_LEN = 32,
    NOTE_SIZE = 96,
};

#define TIMEOUT_DEFAULT_US (INT64_C(30) * 1000000)
#define TIMEOUT_MAX_US     (INT64_C(7) * 86400 * 1000000)

struct access_client {
    struct access_client *next;
    uint64_t id; /* of the order */
    uint64_t connection;
    int64_t request_id;
    uint64_t dev_eui;
    uint32_t fleet_id;
    enum fuo_access_type type;
    int64_t timeout_us;
    struct json_object *params; /* owned: what texts point to */
};

static const struct {
    const char *name;
    enum fuo_access_type type;
    bool changes;
} ops[] = {
    {"read", FUO_ACCESS_READ, false},      {"write", FUO_ACCESS_WRITE, true},
    {"create", FUO_ACCESS_CREATE, true},   {"delete", FUO_ACCESS_DELETE, true},
    {"execute", FUO_ACCESS_EXECUTE, true}, {"observe", FUO_ACCESS_OBSERVE, false},
};

static void free_client(struct access_client *client)
{
    json_object_put(client->params);
    free(client);
}

static struct access_client **find(struct daemon *d, uint64_t id)
{
    struct access_client **at = &d->accesses;
    while (*at != NULL && (*at)->id != id) {
        at = &(*at)->next;
    }
    return at;
}

static void forget(struct access_client **at)
{
    struct access_client *client = *at;
    *at = client->next;
    free_client(client);
}

static void refuse(struct daemon *d, struct access_client **at, enum ctl_code code,
                   const char *text)
{
    struct ctl_error error = {0};
    ctl_fail(&error, code, "%s", text);
    method_refuse(d, (*at)->connection, (*at)->request_id, &error);
    forget(at);
}

/* ---- what is asked ---- */

static struct fuo_host *host_of(const struct daemon *d,
                                const struct access_client *client)
{
    const struct fleet_entry *fleet = fleets_by_id(&d->fleets, client->fleet_id);
    return fleet != NULL ? fleet->host : NULL;
}

static size_t values_of(const struct access_client *client,
                        const char *values[static FUO_ACCESS_VALUES_MAX])
{
    struct json_object *list = NULL;
    size_t count = 0;
    if (json_object_object_get_ex(client->params, "values", &list)) {
        count = json_object_array_length(list);
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = json_object_get_string(json_object_array_get_idx(list, i));
    }
    return count;
}

static void order(struct daemon *d, struct access_client **at)
{
    const struct access_client *client = *at;
    const char *values[FUO_ACCESS_VALUES_MAX];
    struct fuo_access access = {
        .id = client->id,
        .dev_eui = client->dev_eui,
        .type = client->type,
        .path = ctl_text(client->params, "path"),
        .values = values,
        .value_count = values_of(client, values),
        .timeout_us = client->timeout_us,
    };
    struct fuo_host *host = host_of(d, client);
    int err = host != NULL ? host_access(host, &access) : FUO_EAGAIN;
    switch (err) {
    case FUO_OK:
        return;
    case FUO_EINVAL:
        refuse(d, at, CTL_INVALID,
               "path or value are not usable: a resource is /3/0/9 and takes a value of "
               "its type; an instance is /1/0 and takes RESOURCE=VALUE; nothing of "
               "Object 0 can be reached");
        return;
    case FUO_EPERM:
        refuse(d, at, CTL_CONFLICT,
               "a campaign brings the device an image: its Object 5 is not changed now; "
               "abort the campaign first");
        return;
    case FUO_ENOSPC:
        refuse(d, at, CTL_CONFLICT, "the device has enough to answer: try again later");
        return;
    case FUO_ENOTSUP:
        refuse(d, at, CTL_CONFLICT,
               "the device does not speak LwM2M: its objects cannot be reached");
        return;
    default:
        refuse(d, at, CTL_INTERNAL, fuo_strerror(err));
    }
}

static bool values_usable(struct json_object *params)
{
    struct json_object *list = NULL;
    if (!json_object_object_get_ex(params, "values", &list)) {
        return true;
    }
    bool good = json_object_is_type(list, json_type_array) &&
                json_object_array_length(list) <= FUO_ACCESS_VALUES_MAX;
    for (size_t i = 0; good && i < json_object_array_length(list); i++) {
        struct json_object *value = json_object_array_get_idx(list, i);
        good = json_object_is_type(value, json_type_string) &&
               json_object_get_string_len(value) <= VALUE_MAX &&
               strlen(json_object_get_string(value)) ==
                   (size_t)json_object_get_string_len(value);
    }
    return good;
}

static int check(const struct daemon *d, struct access_client *client, bool *changes,
                 struct ctl_error *error)
{
    const char *op = ctl_text(client->params, "op");
    const char *name = ctl_text(client->params, "device");
    const char *path = ctl_text(client->params, "path");
    size_t i = 0;
    while (op != NULL && i < sizeof(ops) / sizeof(ops[0]) &&
           strcmp(ops[i].name, op) != 0) {
        i++;
    }
    if (op == NULL || i == sizeof(ops) / sizeof(ops[0]) || name == NULL || path == NULL ||
        strlen(path) > PATH_MAX_LEN || !values_usable(client->params)) {
        return ctl_fail(error, CTL_USAGE,
                        "params need a device, an op, a path, and at most %d values of "
                        "at most %d bytes",
                        FUO_ACCESS_VALUES_MAX, VALUE_MAX);
    }
    client->type = ops[i].type;
    client->timeout_us = ctl_int(client->params, "timeout_us", TIMEOUT_DEFAULT_US);
    if (client->timeout_us <= 0 || client->timeout_us > TIMEOUT_MAX_US) {
        return ctl_fail(error, CTL_USAGE, "timeout_us is up to a week");
    }
    if (!fleet_link_device(d, name, &client->dev_eui, &client->fleet_id)) {
        return ctl_fail(error, CTL_NOT_FOUND, "there is no device '%.64s'", name);
    }
    struct json_object *list = NULL;
    json_object_object_get_ex(client->params, "values", &list);
    *changes = ops[i].changes || (client->type == FUO_ACCESS_OBSERVE && list != NULL &&
                                  json_object_array_length(list) > 0);
    return CTL_DONE;
}

static void note(struct daemon *d, const struct access_client *client)
{
    char object[EUI_TEXT_SIZE];
    char detail[NOTE_SIZE];
    snprintf(detail, sizeof(detail), "%s %s", ctl_text(client->params, "op"),
             ctl_text(client->params, "path"));
    struct audit_action action = {
        .action = ctl_method_name(CTL_ACCESS),
        .object = eui_format(client->dev_eui, object),
        .reason = ctl_text(client->params, "reason"),
        .detail = detail,
        .no_campaign = true,
    };
    audit_note(d, client->connection, &action);
}

static size_t count_of(const struct daemon *d)
{
    size_t count = 0;
    for (const struct access_client *c = d->accesses; c != NULL; c = c->next) {
        count++;
    }
    return count;
}

void access_request(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    struct ctl_error error = {0};
    bool changes = false;
    struct access_client *client = xcalloc(1, sizeof(*client));
    client->connection = connection;
    client->request_id = request->id;
    client->params = json_object_get(request->params);
    client->id = requests_new_id(&d->requests);
    int code = check(d, client, &changes, &error);
    if (code == CTL_DONE && count_of(d) >= CLIENTS_MAX) {
        code = ctl_fail(&error, CTL_INTERNAL, "too many requests at a time");
    }
    if (code == CTL_DONE && changes &&
        (driver_is_down(d->driver) || d->draining || commit_waiters_full(d))) {
        code =
            ctl_fail(&error, CTL_INTERNAL, "nothing can be stored now; try again later");
    }
    if (code != CTL_DONE) {
        method_refuse(d, connection, request->id, &error);
        free_client(client);
        return;
    }
    client->next = d->accesses;
    d->accesses = client;
    if (changes) {
        note(d, client);
        commit_wait(d, connection, request->id)->access = client->id;
        driver_flush(d->driver);
    } else {
        order(d, &d->accesses);
    }
}

void access_stored(struct daemon *d, const struct waiter *waiter, int err)
{
    struct access_client **at = find(d, waiter->access);
    if (*at == NULL) {
        return; /* who asked is gone, and the device was not asked */
    }
    if (err != FUO_OK) {
        refuse(d, at, CTL_INTERNAL, "nothing was asked: the audit log cannot be written");
    } else {
        order(d, at);
    }
}

/* ---- what is answered ---- */

static struct json_object *value_of(const struct fuo_reading *r)
{
    if (strcmp(r->type, "integer") == 0 || strcmp(r->type, "time") == 0) {
        return json_object_new_int64(strtoll(r->text, NULL, 10));
    }
    if (strcmp(r->type, "float") == 0 && r->text[0] != '\0') {
        return json_object_new_double_s(strtod(r->text, NULL), r->text);
    }
    if (strcmp(r->type, "boolean") == 0) {
        return json_object_new_boolean(strcmp(r->text, "1") == 0);
    }
    return json_object_new_string(r->text);
}

static struct json_object *render_answer(const struct access_client *client,
                                         const struct fuo_event *event)
{
    struct json_object *data = json_object_new_object();
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < event->accessed.reading_count; i++) {
        const struct fuo_reading *r = &event->accessed.readings[i];
        struct json_object *reading = json_object_new_object();
        render_add_text(reading, "path", r->path);
        render_add_text(reading, "type", r->type);
        render_add(reading, "value", value_of(r));
        json_object_array_add(list, reading);
    }
    render_add(data, "dev_eui", render_eui(client->dev_eui));
    render_add_text(data, "path", ctl_text(client->params, "path"));
    render_add(data, "values", list);
    if (event->accessed.text != NULL) {
        bool created = client->type == FUO_ACCESS_CREATE;
        render_add_text(data, created ? "location" : "note", event->accessed.text);
    }
    return data;
}

static enum ctl_code code_of(int err)
{
    switch (err) {
    case FUO_ENOENT:
        return CTL_NOT_FOUND;
    case FUO_ETIMEDOUT:
        return CTL_RUNNING;
    case FUO_EAGAIN:
        return CTL_UNREACHABLE;
    default:
        return CTL_CONFLICT;
    }
}

void access_take(struct daemon *d, uint32_t fleet_id, const struct fuo_event *event)
{
    struct access_client **at = find(d, event->accessed.id);
    const struct access_client *client = *at;
    if (client == NULL || client->fleet_id != fleet_id ||
        client->dev_eui != event->accessed.dev_eui) {
        return; /* nobody waits for it */
    }
    if (event->accessed.err != FUO_OK) {
        refuse(d, at, code_of(event->accessed.err),
               event->accessed.text != NULL ? event->accessed.text
                                            : fuo_strerror(event->accessed.err));
        return;
    }
    struct json_object *data = render_answer(client, event);
    if (event->accessed.more) {
        client_send(d, client->connection,
                    ctl_print_event(client->request_id, "values", data));
        return;
    }
    method_reply(d, client->connection, client->request_id, data);
    forget(at);
}

/* ---- ends ---- */

void access_gone(struct daemon *d, uint64_t connection)
{
    struct access_client **at = &d->accesses;
    while (*at != NULL) {
        const struct access_client *client = *at;
        struct fuo_host *host = host_of(d, client);
        struct fuo_access access = {
            .id = client->id, .dev_eui = client->dev_eui, .type = FUO_ACCESS_END};
        if (client->connection != connection) {
            at = &(*at)->next;
            continue;
        }
        if (host != NULL) {
            (void)!host_access(host, &access);
        }
        forget(at);
    }
}

void access_close(struct daemon *d)
{
    while (d->accesses != NULL) {
        forget(&d->accesses);
    }
}
