/* SPDX-License-Identifier: MIT */
/*
 * screen.h - which datagrams libcoap gets to read, of those that come without DTLS.
 *
 * libcoap 4.3.1 answers some by itself, before any handler: methods that CoAP does not have,
 * proxies, unknown critical options, a Hop-Limit that is used up. It does so with a text, and
 * whoever sends a few bytes from an address that is not its own has more than three times as
 * much sent there. It heeds signals of CoAP over TCP (RFC 8323), too, and repeats its answer
 * to them. There is no hook for any of that.
 *
 * So the head of each port's queue is judged where it is, and taken away if it is nothing for
 * libcoap, which reads one datagram of a port in a turn: the one that was judged. What is
 * refused is counted by the host, and answered with a Reset of four bytes if it was confirmable
 * (RFC 7252, 4.2). No session comes of it.
 *
 * With DTLS whoever speaks has shown that it is there: nothing is refused there. But libcoap
 * passes a ClientHello to the session that it has with the address, where it is dropped: a
 * device that has rebooted could not come back as long as the session of before lasts. So it
 * is told that somebody began a handshake, and from where (RFC 6347, 4.2.8).
 */
#pragma once

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    SCREEN_PORTS_MAX = 3, /* registration, without and with DTLS; bootstrap */
    /* What is asked for of each port's receive buffer: some thousand datagrams. Without, it
     * has room for a few hundred (net.core.rmem_default), and devices may speak at once. */
    SCREEN_QUEUE_BYTES = 4 << 20,
};

struct screen {
    size_t count;
    struct {
        uint64_t key; /* of its events in libcoap's epoll */
        int fd;       /* libcoap's */
        bool dtls;
    } ports[SCREEN_PORTS_MAX];
    bool began;          /* in this turn: a handshake, */
    coap_address_t from; /* from there */
};

/*
 * Pure: a message of RFC 7252 that is no signal, no request in an answer's place (4.2), and
 * to which libcoap has nothing to say that is longer than three times len.
 */
bool screen_passes(const uint8_t *bytes, size_t len);

/* Pure: a ClientHello in the clear (RFC 6347, 4.1 and 4.2.2), not one of a renegotiation. */
bool screen_is_hello(const uint8_t *bytes, size_t len);

/* From now on what comes at the port, where libcoap listens, is judged. FUO_EIO: which socket
 * that is cannot be found, as /proc is not there. Its receive buffer is as large from there on as
 * SCREEN_QUEUE_BYTES and the machine (net.core.rmem_max) allow. */
FUO_MUST_CHECK int screen_add(struct screen *screen, const coap_context_t *ctx,
                              uint16_t port, bool dtls);

/* A turn of libcoap's, as coap_io_process() is one that does not wait. How many datagrams
 * were refused. */
size_t screen_turn(struct screen *screen, coap_context_t *ctx);
