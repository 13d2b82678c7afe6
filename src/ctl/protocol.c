/* SPDX-License-Identifier: MIT */
#include "ctl/protocol.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "io/cleanup.h"

static const char *const method_names[] = {
#define X(id, name) [id] = (name),
    CTL_METHOD_MAP(X)
#undef X
};

enum {
    METHOD_COUNT = sizeof(method_names) / sizeof(method_names[0]),
};

const char *ctl_method_name(enum ctl_method method)
{
    return method_names[method];
}

int ctl_fail(struct ctl_error *error, enum ctl_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    error->code = code;
    return (int)code;
}

void ctl_error_finish(struct ctl_error *error)
{
    json_object_put(error->errors);
    *error = (struct ctl_error){0};
}

/* ---- reading ---- */

struct json_object *ctl_parse_object(const char *text, size_t len, size_t max)
{
    if (len == 0 || len > max) {
        return NULL;
    }
    struct json_tokener *tokener = json_tokener_new_ex(CTL_DEPTH_MAX);
    if (tokener == NULL) {
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)len);
    bool whole = json_tokener_get_error(tokener) == json_tokener_success &&
                 json_tokener_get_parse_end(tokener) == len;
    json_tokener_free(tokener);
    if (!whole || !json_object_is_type(object, json_type_object)) {
        json_object_put(object);
        return NULL;
    }
    return object;
}

static struct json_object *member(struct json_object *object, const char *key,
                                  enum json_type type)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, type)) {
        return NULL;
    }
    return value;
}

const char *ctl_text(struct json_object *object, const char *key)
{
    struct json_object *value = member(object, key, json_type_string);
    if (value == NULL) {
        return NULL;
    }
    const char *text = json_object_get_string(value);
    /* A NUL inside would make two readers see two texts. */
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static bool read_int(struct json_object *object, const char *key, int64_t *number)
{
    struct json_object *value = member(object, key, json_type_int);
    if (value == NULL) {
        return false;
    }
    int64_t read = json_object_get_int64(value);
    if (read < -CTL_INT_MAX || read > CTL_INT_MAX) {
        return false;
    }
    *number = read;
    return true;
}

int64_t ctl_int(struct json_object *object, const char *key, int64_t absent)
{
    int64_t number = absent;
    (void)read_int(object, key, &number);
    return number;
}

bool ctl_bool(struct json_object *object, const char *key, bool absent)
{
    struct json_object *value = member(object, key, json_type_boolean);
    return value != NULL ? json_object_get_boolean(value) != 0 : absent;
}

static bool find_method(const char *name, enum ctl_method *method)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        if (strcmp(name, method_names[i]) == 0) {
            *method = (enum ctl_method)i;
            return true;
        }
    }
    return false;
}

int ctl_request_read(struct json_object *root, struct ctl_request *request,
                     struct ctl_error *error)
{
    *request = (struct ctl_request){0};
    const char *name = ctl_text(root, "method");
    if (!read_int(root, "id", &request->id) || name == NULL) {
        ctl_fail(error, CTL_USAGE, "a request needs an integer id and a method");
        return FUO_EPROTO;
    }
    if (!find_method(name, &request->method)) {
        ctl_fail(error, CTL_USAGE, "unknown method '%.32s'", name);
        return FUO_EPROTO;
    }
    struct json_object *params = NULL;
    if (!json_object_object_get_ex(root, "params", &params)) {
        request->params = json_object_new_object();
        return request->params != NULL ? FUO_OK : FUO_ENOMEM;
    }
    if (!json_object_is_type(params, json_type_object)) {
        ctl_fail(error, CTL_USAGE, "params must be an object");
        return FUO_EPROTO;
    }
    request->params = json_object_get(params);
    return FUO_OK;
}

int ctl_request_parse(const char *line, size_t len, struct ctl_request *request,
                      struct ctl_error *error)
{
    *request = (struct ctl_request){0};
    struct json_object *root = ctl_parse_object(line, len, CTL_LINE_MAX);
    if (root == NULL) {
        ctl_fail(error, CTL_USAGE, "not a JSON object");
        return FUO_EPROTO;
    }
    int err = ctl_request_read(root, request, error);
    json_object_put(root);
    return err;
}

void ctl_request_finish(struct ctl_request *request)
{
    json_object_put(request->params);
    *request = (struct ctl_request){0};
}

static int read_error(struct json_object *root, struct ctl_message *message)
{
    const char *text = ctl_text(root, "error");
    int64_t code = ctl_int(root, "code", CTL_INTERNAL);
    if (text == NULL || code < 1 || code > 255) {
        return FUO_EPROTO;
    }
    message->type = CTL_MSG_ERROR;
    ctl_fail(&message->error, (enum ctl_code)code, "%s", text);
    message->error.errors = json_object_get(member(root, "errors", json_type_array));
    return FUO_OK;
}

static int read_message(struct json_object *root, struct ctl_message *message)
{
    json_object_object_get_ex(root, "data", &message->data);
    if (ctl_text(root, "fuotad") != NULL) {
        message->type = CTL_MSG_HELLO;
        message->protocol = ctl_int(root, "protocol", 0);
        return FUO_OK;
    }
    if (!read_int(root, "id", &message->id)) {
        return FUO_EPROTO;
    }
    message->event = ctl_text(root, "event");
    if (message->event != NULL) {
        message->type = CTL_MSG_EVENT;
        return FUO_OK;
    }
    if (member(root, "ok", json_type_boolean) == NULL) {
        return FUO_EPROTO;
    }
    if (!ctl_bool(root, "ok", false)) {
        return read_error(root, message);
    }
    message->type = CTL_MSG_DATA;
    return FUO_OK;
}

int ctl_message_parse(const char *line, size_t len, struct ctl_message *message)
{
    struct ctl_message read = {.root = ctl_parse_object(line, len, CTL_LINE_MAX)};
    if (read.root == NULL) {
        return FUO_EPROTO;
    }
    int err = read_message(read.root, &read);
    if (err != FUO_OK) {
        ctl_message_finish(&read);
        return err;
    }
    *message = read;
    return FUO_OK;
}

void ctl_message_finish(struct ctl_message *message)
{
    ctl_error_finish(&message->error);
    json_object_put(message->root);
    *message = (struct ctl_message){0};
}

/* ---- writing ---- */

static char *print_line(struct json_object *object)
{
    size_t len = 0;
    const char *text = json_object_to_json_string_length(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    char *line = text != NULL ? malloc(len + 2) : NULL;
    if (line != NULL) {
        memcpy(line, text, len);
        line[len] = '\n';
        line[len + 1] = '\0';
    }
    json_object_put(object);
    return line;
}

static struct json_object *answer(int64_t id)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "id", json_object_new_int64(id));
    return object;
}

char *ctl_print_request(int64_t id, enum ctl_method method, struct json_object *params)
{
    struct json_object *object = answer(id);
    json_object_object_add(object, "method",
                           json_object_new_string(ctl_method_name(method)));
    if (params != NULL) {
        json_object_object_add(object, "params", params);
    }
    return print_line(object);
}

char *ctl_print_data(int64_t id, struct json_object *data)
{
    struct json_object *object = answer(id);
    json_object_object_add(object, "ok", json_object_new_boolean(1));
    json_object_object_add(object, "data", data);
    return print_line(object);
}

char *ctl_print_event(int64_t id, const char *event, struct json_object *data)
{
    struct json_object *object = answer(id);
    json_object_object_add(object, "event", json_object_new_string(event));
    json_object_object_add(object, "data", data);
    return print_line(object);
}

char *ctl_print_error(int64_t id, const struct ctl_error *error)
{
    struct json_object *object = answer(id);
    json_object_object_add(object, "ok", json_object_new_boolean(0));
    json_object_object_add(object, "code", json_object_new_int((int)error->code));
    json_object_object_add(object, "error", json_object_new_string(error->text));
    if (error->errors != NULL) {
        json_object_object_add(object, "errors", json_object_get(error->errors));
    }
    return print_line(object);
}

char *ctl_print_hello(const char *version, const char *instance, uint32_t boot)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "fuotad", json_object_new_string(version));
    json_object_object_add(object, "protocol", json_object_new_int(CTL_PROTOCOL));
    json_object_object_add(object, "instance", json_object_new_string(instance));
    json_object_object_add(object, "boot", json_object_new_int64(boot));
    return print_line(object);
}

/* ---- digests and base64 ---- */

int ctl_digest_text(const char *text, char digest[static CTL_DIGEST_SIZE])
{
    uint8_t bytes[CTL_DIGEST_BYTES];
    if (text == NULL || hex_decode(text, strlen(text), bytes, sizeof(bytes)) != FUO_OK) {
        return FUO_EPROTO;
    }
    hex_encode(bytes, sizeof(bytes), digest);
    return FUO_OK;
}

void ctl_digest(const uint8_t *bytes, size_t len, char digest[static CTL_DIGEST_SIZE])
{
    uint8_t hash[CTL_DIGEST_BYTES];
    crypto_generichash(hash, sizeof(hash), bytes, len, NULL, 0);
    hex_encode(hash, sizeof(hash), digest);
}

int ctl_base64_decode(const char *text, size_t text_len, uint8_t *bytes, size_t cap,
                      size_t *len)
{
    size_t n = 0;
    const char *end = NULL;
    if (text_len / 4 * 3 > cap + 2) {
        return FUO_ENOSPC;
    }
    if (sodium_base642bin(bytes, cap, text, text_len, NULL, &n, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text + text_len) {
        return FUO_EPROTO;
    }
    *len = n;
    return FUO_OK;
}

char *ctl_base64_encode(const uint8_t *bytes, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    if (text != NULL) {
        sodium_bin2base64(text, size, bytes, len, sodium_base64_VARIANT_ORIGINAL);
    }
    return text;
}
