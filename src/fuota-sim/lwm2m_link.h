/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_link.h - the wires of one simulated LwM2M device: a UDP socket, to its server and to
 * where its image is, with DTLS to the server if it has that.
 *
 * Every device has a socket, so that each has an address of its own and may change it. What
 * does not come from one of the two peers is dropped. Sending never waits: what the socket
 * does not take is lost, as on the air. Loopback only: other addresses are refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "fuota-sim/lwm2m_dtls.h"
#include "fuotad/error.h"
#include "sim/lwm2m_client.h"

enum {
    LWM2M_PEERS = 2,
    LWM2M_DATAGRAM_MAX = 2048,
};

struct lwm2m_link {
    uv_loop_t *loop;
    char *buffer;     /* of LWM2M_DATAGRAM_MAX bytes, shared by all links of a loop */
    uv_udp_t *socket; /* owned; NULL: closed */
    struct sockaddr_storage peers[LWM2M_PEERS];
    bool has_files;
    bool files_secure;      /* they are where the server is, by its session */
    struct lwm2m_dtls dtls; /* with ctx: to the server */
    void (*received)(void *arg, const uint8_t *bytes, size_t len);
    void *arg;
};

/* Of a server's or a file's URI. FUO_EINVAL: no address, or not of this machine. */
FUO_MUST_CHECK int lwm2m_link_address(const char *host, uint16_t port,
                                      struct sockaddr_storage *address);

/* loop, buffer, the server's address, received and arg are set by the owner, and of dtls ctx,
 * identity and key. */
FUO_MUST_CHECK int lwm2m_link_open(struct lwm2m_link *link);
/* Another port. */
FUO_MUST_CHECK int lwm2m_link_move(struct lwm2m_link *link);
void lwm2m_link_close(struct lwm2m_link *link);

/* Where files are. FUO_EINVAL: that cannot be reached from here. */
FUO_MUST_CHECK int lwm2m_link_files(struct lwm2m_link *link, const struct lwm2m_uri *uri);

void lwm2m_link_send(struct lwm2m_link *link, enum lwm2m_peer peer, const uint8_t *bytes,
                     size_t len);
