/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_host.h - the host of a fuzzed plugin lwm2m: what the plugin may call, one socket for
 * all its devices, and what has to hold whatever is sent (fuzz_lwm2m.c has the list).
 *
 * Time stands still but for now_us; nothing happens but in host_turns() and host_send(). What
 * does not hold ends the process, as a fuzzer wants it. One at a time in a process, on an
 * address of loopback that no other process has.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "codec/coap_msg.h"
#include "lwm2m.h"

enum {
    HOST_PORT = 5683,
    HOST_BOOTSTRAP_PORT = 5693,
    HOST_IDS_MAX = 300, /* of orders, and of accesses: from 1 to this */
    HOST_HEARD_MAX = 16,
    HOST_NAME_SIZE = 64,
    HOST_DEVICES = 3, /* DevEUI 1 and so on, whose names are "dev1" and so on */
};

enum host_asked { HOST_NOT_ASKED, HOST_OPEN, HOST_ENDED };

/* A request of the plugin that was not answered yet. */
struct host_heard {
    uint16_t id;
    struct coap_token token;
    struct sockaddr_in from;
};

struct fuo_host {
    int fd;     /* of the plugin */
    int client; /* of all devices */
    struct in_addr address;
    char address_text[INET_ADDRSTRLEN];
    struct fuo_ns *ns;
    int64_t now_us;
    uint64_t drawn;
    bool at_once; /* it wants another turn */
    enum host_asked orders[HOST_IDS_MAX + 1];
    enum host_asked accesses[HOST_IDS_MAX + 1];
    struct host_heard heard[HOST_HEARD_MAX];
    size_t heard_count;
    size_t may_send; /* bytes, in all */
    size_t sent;
    bool answered;                     /* one of its devices has */
    struct host_heard observed;        /* the latest; port 0: none */
    char registration[HOST_NAME_SIZE]; /* the id told last */
    char image_name[HOST_NAME_SIZE];   /* in the URI told last */
};

/* End the process unless that is true. */
static inline void host_require(bool truth)
{
    if (!truth) {
        abort();
    }
}

/* Open the plugin with these options, and with an address of the host's; they are borrowed
 * until host_close(), which must follow. *h is zero but for now_us. */
void host_open(struct fuo_host *h, struct config *config);
void host_close(struct fuo_host *h);

/* That id has its answer: it must be open, and is ended unless there is more. */
void host_settle(enum host_asked *asked, uint64_t id, bool more);

/* Let the plugin do what it can do now, and take what it sends. */
void host_turns(struct fuo_host *h);

/* Where the plugin listens. */
struct sockaddr_in host_port(const struct fuo_host *h, uint16_t port);

/* A datagram of a device to the plugin, and its turns. */
void host_send(struct fuo_host *h, const uint8_t *bytes, size_t len,
               const struct sockaddr_in *to);
