/* SPDX-License-Identifier: MIT */
#include "ctl/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"

struct ctl_client {
    struct ctl_transport transport;
    int timeout_ms;
    int64_t last_id;
    char version[32];
};

int ctl_client_next(struct ctl_client *client, struct ctl_message *message)
{
    return client->transport.receive(client->transport.arg, client->timeout_ms, message);
}

static int read_hello(struct ctl_client *client)
{
    struct ctl_message message = {0};
    int err = ctl_client_next(client, &message);
    if (err != FUO_OK) {
        return err;
    }
    if (message.type != CTL_MSG_HELLO || message.protocol != CTL_PROTOCOL) {
        err = FUO_EPROTO;
    } else {
        snprintf(client->version, sizeof(client->version), "%s",
                 ctl_text(message.root, "fuotad"));
    }
    ctl_message_finish(&message);
    return err;
}

int ctl_client_over(const struct ctl_transport *transport, int timeout_ms,
                    struct ctl_client **client)
{
    struct ctl_client *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        transport->close(transport->arg);
        return FUO_ENOMEM;
    }
    opened->transport = *transport;
    opened->timeout_ms = timeout_ms;
    int err = read_hello(opened);
    if (err != FUO_OK) {
        ctl_client_close(opened);
        return err;
    }
    *client = opened;
    return FUO_OK;
}

void ctl_client_close(struct ctl_client *client)
{
    if (client != NULL) {
        client->transport.close(client->transport.arg);
        free(client);
    }
}

const char *ctl_client_server_version(const struct ctl_client *client)
{
    return client->version;
}

void ctl_client_set_timeout(struct ctl_client *client, int timeout_ms)
{
    client->timeout_ms = timeout_ms;
}

int ctl_client_send(struct ctl_client *client, enum ctl_method method,
                    struct json_object *params)
{
    return client->transport.send(client->transport.arg, ++client->last_id, method,
                                  params);
}

int ctl_client_call(struct ctl_client *client, enum ctl_method method,
                    struct json_object *params, struct ctl_message *message)
{
    int err = ctl_client_send(client, method, params);
    if (err != FUO_OK) {
        return err;
    }
    for (;;) {
        struct ctl_message got = {0};
        err = ctl_client_next(client, &got);
        if (err != FUO_OK) {
            return err;
        }
        if ((got.type == CTL_MSG_DATA || got.type == CTL_MSG_ERROR) &&
            got.id == client->last_id) {
            *message = got;
            return FUO_OK;
        }
        ctl_message_finish(&got);
    }
}

enum {
    PUT_RETRIES = 32, /* against other clients that upload the same image */
};

/* One put request; data NULL asks how much is there. */
static int put_chunk(struct ctl_client *client, struct json_object *params,
                     const uint8_t *bytes, size_t len, struct ctl_message *message)
{
    if (bytes != NULL) {
        AUTO_FREE char *data = ctl_base64_encode(bytes, len);
        if (data == NULL) {
            json_object_put(params);
            return FUO_ENOMEM;
        }
        json_object_object_add(params, "data", json_object_new_string(data));
    }
    return ctl_client_call(client, CTL_PUT, params, message);
}

static struct json_object *put_params(const char *digest, size_t len, size_t offset)
{
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "digest", json_object_new_string(digest));
    json_object_object_add(params, "size", json_object_new_int64((int64_t)len));
    json_object_object_add(params, "offset", json_object_new_int64((int64_t)offset));
    return params;
}

int ctl_client_put(struct ctl_client *client, const uint8_t *bytes, size_t len,
                   char digest[static CTL_DIGEST_SIZE], struct ctl_message *message)
{
    ctl_digest(bytes, len, digest);
    struct ctl_message got = {0};
    int err = put_chunk(client, put_params(digest, len, 0), NULL, 0, &got);
    size_t before = SIZE_MAX;
    int retries = PUT_RETRIES;
    while (err == FUO_OK && got.type == CTL_MSG_DATA) {
        int64_t have = ctl_int(got.data, "have", -1);
        if (have == (int64_t)len) {
            break;
        }
        /* No progress, or more than there is: not a server we know. */
        if (have < 0 || (uint64_t)have > len || (size_t)have == before) {
            ctl_message_finish(&got);
            return FUO_EPROTO;
        }
        before = (size_t)have;
        size_t chunk = client->transport.chunk_max;
        size_t n = len - before < chunk ? len - before : chunk;
        ctl_message_finish(&got);
        err = put_chunk(client, put_params(digest, len, before), bytes + before, n, &got);
        if (err == FUO_OK && got.type != CTL_MSG_DATA && retries > 0) {
            /* Another client may be uploading the same: go on where it stands now. */
            retries--;
            before = SIZE_MAX;
            ctl_message_finish(&got);
            err = put_chunk(client, put_params(digest, len, 0), NULL, 0, &got);
        }
    }
    if (err == FUO_OK) {
        *message = got;
    }
    return err;
}
