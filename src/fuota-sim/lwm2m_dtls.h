/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_dtls.h - DTLS 1.2 with a pre-shared key (RFC 6347, RFC 4279) for one simulated LwM2M
 * device: messages on one side, datagrams on the other, by OpenSSL, which is not what the
 * server has it from.
 *
 * A session begins with the first message. Until there is one the last message waits; whatever
 * else is sent meanwhile is lost, and so is what a handshake lacks: CoAP repeats its messages,
 * and each of them is the occasion to repeat a flight. So there are no timers. A server that
 * has forgotten the session answers nothing: after some messages without any answer the next
 * one begins another session.
 *
 * No sockets, no clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "sim/lwm2m_client.h"

struct ssl_st;
struct ssl_ctx_st;

enum {
    LWM2M_DTLS_KEY_BYTES = 16,
};

struct lwm2m_dtls {
    struct ssl_ctx_st *ctx; /* borrowed; NULL: there is no DTLS */
    const char *identity;   /* borrowed */
    uint8_t key[LWM2M_DTLS_KEY_BYTES];
    void (*send)(void *arg, const uint8_t *bytes, size_t len);     /* a datagram */
    void (*received)(void *arg, const uint8_t *bytes, size_t len); /* a message */
    void *arg;
    struct ssl_st *ssl; /* owned; NULL: there is no session */
    unsigned unanswered;
    size_t waiting_len;
    uint8_t waiting[LWM2M_MESSAGE_SIZE];
};

/* For all devices; NULL: no memory. lwm2m_dtls_context_free() accepts NULL. */
struct ssl_ctx_st *lwm2m_dtls_context(void);
void lwm2m_dtls_context_free(struct ssl_ctx_st *ctx);

/* ctx, identity, key, send, received and arg are set by the owner. */
void lwm2m_dtls_send(struct lwm2m_dtls *dtls, const uint8_t *bytes, size_t len);
void lwm2m_dtls_take(struct lwm2m_dtls *dtls, const uint8_t *bytes, size_t len);
/* Without a word: what the server has of the session is stale. */
void lwm2m_dtls_drop(struct lwm2m_dtls *dtls);
