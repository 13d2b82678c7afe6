/* SPDX-License-Identifier: MIT */
/*
 * ctl_server.h - the Unix socket of the control protocol: connections and lines.
 *
 * Reads bounded lines, hands each parsed request to a handler, writes what it is told to.
 * It does not know what the methods mean. A connection is named by a number that is never
 * used again, so that an answer may come at any time: for one that is gone it is dropped.
 * Requests of one connection may be answered out of order only if the handler does so.
 *
 * Bounded: CTL_SERVER_CONNECTIONS_MAX connections; a line of CTL_LINE_MAX; a client that
 * does not read what it asked for is cut off at CTL_SERVER_UNSENT_MAX bytes; of requests
 * that come together, from one client or from many, one is handled in a turn of the loop.
 * Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "ctl/protocol.h"
#include "fuotad/error.h"
#include "io/detail.h"

enum {
    CTL_SERVER_CONNECTIONS_MAX = 64,
    CTL_SERVER_UNSENT_MAX = 4 << 20,
    CTL_SERVER_UNSENT_HIGH = 1 << 20, /* streams should pause above */
};

struct ctl_server;

struct ctl_server_handlers {
    /* Answer with ctl_server_send(), now or later. request is borrowed. */
    void (*on_request)(void *arg, uint64_t connection, struct ctl_request *request);
    /* The connection is gone. */
    void (*on_gone)(void *arg, uint64_t connection);
};

struct ctl_server_config {
    const char *path;
    const char *group; /* NULL, or one that does not exist: the process's own */
    const char *hello; /* the line that greets, copied */
};

/*
 * Listen on path (mode 0660); an abandoned socket file is replaced, one that is in use is
 * FUO_EEXIST. FUO_EIO with a detail else.
 */
FUO_MUST_CHECK int ctl_server_open(uv_loop_t *loop,
                                   const struct ctl_server_config *config,
                                   const struct ctl_server_handlers *handlers, void *arg,
                                   struct ctl_server **server, struct detail *detail);

/* Removes the socket; no handler runs afterwards but on_closed (may be NULL). */
void ctl_server_close(struct ctl_server *server, void (*on_closed)(void *arg), void *arg);

/* Takes line (NULL: cuts the connection off). Without a server nobody hears it. */
void ctl_server_send(struct ctl_server *server, uint64_t connection, char *line);

/* The user at the other end, as the kernel knows it; false: gone, or not known. */
bool ctl_server_peer(const struct ctl_server *server, uint64_t connection, uint32_t *uid);

/* Bytes that the connection has not read yet; 0 if it is gone. */
size_t ctl_server_unsent(const struct ctl_server *server, uint64_t connection);
