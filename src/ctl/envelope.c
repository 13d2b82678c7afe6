/* SPDX-License-Identifier: MIT */
#include "ctl/envelope.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "io/rfc3339.h"

static const char context[] = "fuotad request v1\n";

enum {
    CONTEXT_LEN = sizeof(context) - 1,
    KEY_LEN = ENVELOPE_KEY_SIZE - 1,
    NONCE_SIZE = 2 * ENVELOPE_NONCE_BYTES + 1,
    SIG_TEXT_SIZE = (ENVELOPE_SIG_BYTES + 2) / 3 * 4 + 1,
};

/* ---- reading ---- */

static bool read_key(const char *text, char key[static ENVELOPE_KEY_SIZE])
{
    if (text == NULL || strlen(text) != KEY_LEN) {
        return false;
    }
    for (size_t i = 0; i < KEY_LEN; i++) {
        char c = text[i];
        bool lower = c >= 'a' && c <= 'f';
        if (!lower && !(c >= 'A' && c <= 'F') && !(c >= '0' && c <= '9')) {
            return false;
        }
        key[i] = (char)(lower ? (unsigned char)c & 0xdfU : (unsigned char)c);
    }
    key[KEY_LEN] = '\0';
    return true;
}

static bool read_signature(const char *text, uint8_t signature[static ENVELOPE_SIG_BYTES])
{
    size_t len = 0;
    return text != NULL &&
           ctl_base64_decode(text, strlen(text), signature, ENVELOPE_SIG_BYTES, &len) ==
               FUO_OK &&
           len == ENVELOPE_SIG_BYTES;
}

int envelope_parse(const uint8_t *payload, size_t len, struct envelope *envelope)
{
    struct envelope read = {
        .root = ctl_parse_object((const char *)payload, len, ENVELOPE_MAX),
    };
    read.body = ctl_text(read.root, "body");
    if (read.body == NULL || !read_key(ctl_text(read.root, "key"), read.key) ||
        !read_signature(ctl_text(read.root, "signature"), read.signature)) {
        json_object_put(read.root);
        return FUO_EPROTO;
    }
    read.body_len = strlen(read.body);
    *envelope = read;
    return FUO_OK;
}

void envelope_finish(struct envelope *envelope)
{
    json_object_put(envelope->root);
    *envelope = (struct envelope){0};
}

/* What is signed: context and body, one behind the other. NULL: no memory. */
static uint8_t *signed_bytes(const char *body, size_t len)
{
    uint8_t *bytes = malloc(CONTEXT_LEN + len);
    if (bytes != NULL) {
        memcpy(bytes, context, CONTEXT_LEN);
        memcpy(bytes + CONTEXT_LEN, body, len);
    }
    return bytes;
}

int envelope_verify(const struct envelope *envelope,
                    const uint8_t public[static ENVELOPE_PUBLIC_BYTES])
{
    uint8_t *bytes = signed_bytes(envelope->body, envelope->body_len);
    if (bytes == NULL) {
        return FUO_ENOMEM;
    }
    int rc = crypto_sign_verify_detached(envelope->signature, bytes,
                                         CONTEXT_LEN + envelope->body_len, public);
    free(bytes);
    return rc == 0 ? FUO_OK : FUO_EAUTH;
}

static bool read_hex(const char *text, uint8_t *bytes, size_t len)
{
    return text != NULL && hex_decode(text, strlen(text), bytes, len) == FUO_OK;
}

int envelope_session_parse(const char *text,
                           uint8_t session[static ENVELOPE_SESSION_BYTES])
{
    return read_hex(text, session, ENVELOPE_SESSION_BYTES) ? FUO_OK : FUO_EPROTO;
}

static bool read_stamp(struct json_object *root, struct envelope_stamp *stamp)
{
    const char *instance = ctl_text(root, "instance");
    const char *expires = ctl_text(root, "expires");
    if (instance == NULL || strlen(instance) >= sizeof(stamp->instance) ||
        expires == NULL) {
        return false;
    }
    memcpy(stamp->instance, instance, strlen(instance) + 1);
    return read_hex(ctl_text(root, "session"), stamp->session, sizeof(stamp->session)) &&
           read_hex(ctl_text(root, "nonce"), stamp->nonce, sizeof(stamp->nonce)) &&
           rfc3339_parse(expires, strlen(expires), &stamp->expires) == FUO_OK;
}

int envelope_open(const struct envelope *envelope, struct envelope_stamp *stamp,
                  struct ctl_request *request, struct ctl_error *error)
{
    struct envelope_stamp read = {0};
    *request = (struct ctl_request){0};
    struct json_object *root =
        ctl_parse_object(envelope->body, envelope->body_len, ENVELOPE_MAX);
    if (root == NULL) {
        ctl_fail(error, CTL_USAGE, "the body of the request is not a JSON object");
        return FUO_EPROTO;
    }
    int err = ctl_request_read(root, request, error);
    if (err == FUO_OK && !read_stamp(root, &read)) {
        int64_t id = request->id;
        ctl_request_finish(request);
        request->id = id;
        ctl_fail(error, CTL_USAGE,
                 "a request over MQTT needs instance, session, nonce and expires");
        err = FUO_EPROTO;
    }
    json_object_put(root);
    if (err == FUO_OK) {
        *stamp = read;
    }
    return err;
}

/* ---- writing ---- */

static void add_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

static void add_hex(struct json_object *object, const char *key, const uint8_t *bytes,
                    size_t len)
{
    char text[NONCE_SIZE];
    hex_encode(bytes, len, text);
    add_text(object, key, text);
}

static struct json_object *body_of(const struct envelope_stamp *stamp, int64_t id,
                                   enum ctl_method method, struct json_object *params)
{
    char expires[RFC3339_SIZE];
    struct json_object *body = json_object_new_object();
    json_object_object_add(body, "id", json_object_new_int64(id));
    add_text(body, "method", ctl_method_name(method));
    if (params != NULL) {
        json_object_object_add(body, "params", params);
    }
    add_text(body, "instance", stamp->instance);
    add_hex(body, "session", stamp->session, sizeof(stamp->session));
    add_hex(body, "nonce", stamp->nonce, sizeof(stamp->nonce));
    add_text(body, "expires", rfc3339_format(stamp->expires, expires));
    return body;
}

/* Takes object. */
static char *print(struct json_object *object)
{
    size_t len = 0;
    const char *text = json_object_to_json_string_length(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    char *copy = text != NULL ? malloc(len + 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, text, len + 1);
    }
    json_object_put(object);
    return copy;
}

/* In base64. false: no memory. */
static bool sign(const struct envelope_signer *signer, const char *body,
                 char text[static SIG_TEXT_SIZE])
{
    uint8_t signature[ENVELOPE_SIG_BYTES];
    size_t len = strlen(body);
    uint8_t *bytes = signed_bytes(body, len);
    if (bytes == NULL) {
        return false;
    }
    crypto_sign_detached(signature, NULL, bytes, CONTEXT_LEN + len, signer->secret);
    sodium_bin2base64(text, SIG_TEXT_SIZE, signature, sizeof(signature),
                      sodium_base64_VARIANT_ORIGINAL);
    free(bytes);
    return true;
}

char *envelope_print(const struct envelope_signer *signer,
                     const struct envelope_stamp *stamp, int64_t id,
                     enum ctl_method method, struct json_object *params)
{
    char signature[SIG_TEXT_SIZE];
    char *printed = NULL;
    char *body = print(body_of(stamp, id, method, params));
    if (body != NULL && sign(signer, body, signature)) {
        struct json_object *root = json_object_new_object();
        add_text(root, "key", signer->key);
        add_text(root, "signature", signature);
        add_text(root, "body", body);
        printed = print(root);
    }
    free(body);
    return printed;
}
