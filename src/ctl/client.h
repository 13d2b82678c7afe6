/* SPDX-License-Identifier: MIT */
/*
 * client.h - the blocking client of the control protocol, for fuotactl.
 *
 * One connection, one request at a time. How requests get there and answers back is a
 * transport: the daemon's Unix socket (socket.c), or whatever the caller brings. It prints nothing and does not handle signals: a
 * signal whose handler returns without SA_RESTART ends a read with FUO_EAGAIN, so that the
 * caller can detach (the connection is then only good for ctl_client_close()).
 *
 * Errors: FUO_EIO the daemon cannot be reached or went away (exit code 12; errno says why
 * after open), FUO_EPROTO it speaks something else or another protocol version,
 * FUO_ETIMEDOUT it said nothing for the time given, FUO_EAGAIN interrupted by a signal.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ctl/protocol.h"
#include "fuotad/error.h"

struct ctl_client;

/*
 * What carries requests and messages. The functions return the codes above; send takes
 * params (NULL: none); receive gives the hello first, waits at most timeout_ms (-1: for
 * ever) and hands over a message that the caller finishes.
 */
struct ctl_transport {
    void *arg;
    size_t chunk_max; /* bytes of an upload in one request, at most CTL_CHUNK_MAX */
    int (*send)(void *arg, int64_t id, enum ctl_method method,
                struct json_object *params);
    int (*receive)(void *arg, int timeout_ms, struct ctl_message *message);
    void (*close)(void *arg);
};

/* Reads the hello. Closes the transport on failure; ctl_client_close() does else. */
FUO_MUST_CHECK int ctl_client_over(const struct ctl_transport *transport, int timeout_ms,
                                   struct ctl_client **client);

/* Over the Unix socket: connects and reads the hello. timeout_ms is for each later read too; -1: none. */
FUO_MUST_CHECK int ctl_client_open(const char *socket_path, int timeout_ms,
                                   struct ctl_client **client);
void ctl_client_close(struct ctl_client *client); /* accepts NULL */

/* The server's version, from its hello. */
const char *ctl_client_server_version(const struct ctl_client *client);

/* For a stream (watch) that is silent for long. -1: none. */
void ctl_client_set_timeout(struct ctl_client *client, int timeout_ms);

/*
 * Sends a request without waiting, takes params (NULL: none). The answers are read with
 * ctl_client_next() until one is CTL_MSG_DATA or CTL_MSG_ERROR.
 */
FUO_MUST_CHECK int ctl_client_send(struct ctl_client *client, enum ctl_method method,
                                   struct json_object *params);
FUO_MUST_CHECK int ctl_client_next(struct ctl_client *client,
                                   struct ctl_message *message);

/*
 * Send and the final answer, events passed over. FUO_OK also for CTL_MSG_ERROR: look at
 * message->type. The caller finishes the message.
 */
FUO_MUST_CHECK int ctl_client_call(struct ctl_client *client, enum ctl_method method,
                                   struct json_object *params,
                                   struct ctl_message *message);

/*
 * Uploads bytes in chunks, from where an earlier upload stopped; writes their digest.
 * FUO_OK with message->type CTL_MSG_DATA: it is there; CTL_MSG_ERROR: refused.
 */
FUO_MUST_CHECK int ctl_client_put(struct ctl_client *client, const uint8_t *bytes,
                                  size_t len, char digest[static CTL_DIGEST_SIZE],
                                  struct ctl_message *message);
