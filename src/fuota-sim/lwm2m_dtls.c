/* SPDX-License-Identifier: MIT */
#include "fuota-sim/lwm2m_dtls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

enum {
    RECORD_MAX = 2048,
    FLIGHT_MAX = 4096,
    LINK_MTU = 1400,
    UNANSWERED_MAX = 6, /* more than a CoAP message is sent */
};

static unsigned give_key(SSL *ssl, const char *hint, char *identity,
                         unsigned identity_max, unsigned char *psk, unsigned psk_max)
{
    const struct lwm2m_dtls *dtls = SSL_get_app_data(ssl);
    (void)hint;
    if (psk_max < sizeof(dtls->key) || strlen(dtls->identity) >= identity_max) {
        return 0;
    }
    (void)snprintf(identity, identity_max, "%s", dtls->identity);
    memcpy(psk, dtls->key, sizeof(dtls->key));
    return sizeof(dtls->key);
}

struct ssl_ctx_st *lwm2m_dtls_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(DTLS_client_method());
    if (ctx == NULL) {
        return NULL;
    }
    SSL_CTX_set_psk_client_callback(ctx, give_key);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU);
    if (SSL_CTX_set_cipher_list(
            ctx, "PSK-AES128-CCM8:PSK-AES128-CBC-SHA256:@SECLEVEL=0") != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

void lwm2m_dtls_context_free(struct ssl_ctx_st *ctx)
{
    SSL_CTX_free(ctx);
}

void lwm2m_dtls_drop(struct lwm2m_dtls *dtls)
{
    SSL_free(dtls->ssl);
    dtls->ssl = NULL;
    dtls->waiting_len = 0;
    dtls->unanswered = 0;
}

static bool begin(struct lwm2m_dtls *dtls)
{
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    SSL *ssl = SSL_new(dtls->ctx);
    if (in == NULL || out == NULL || ssl == NULL) {
        BIO_free(in);
        BIO_free(out);
        SSL_free(ssl);
        return false;
    }
    (void)BIO_set_mem_eof_return(in, -1);
    (void)BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(ssl, in, out);
    (void)SSL_set_app_data(ssl, dtls);
    (void)SSL_set_mtu(ssl, LINK_MTU);
    SSL_set_connect_state(ssl);
    dtls->ssl = ssl;
    return true;
}

/* What it has written goes out; a flight is one datagram, which DTLS allows. */
static void flush(struct lwm2m_dtls *dtls)
{
    uint8_t flight[FLIGHT_MAX];
    int len = BIO_read(SSL_get_wbio(dtls->ssl), flight, sizeof(flight));
    if (len > 0) {
        dtls->send(dtls->arg, flight, (size_t)len);
    }
}

/* After a call that returned that: false, and there is no session any more. */
static bool goes_on(struct lwm2m_dtls *dtls, int returned)
{
    int err = returned > 0 ? SSL_ERROR_NONE : SSL_get_error(dtls->ssl, returned);
    flush(dtls);
    if (err == SSL_ERROR_NONE || err == SSL_ERROR_WANT_READ ||
        err == SSL_ERROR_WANT_WRITE) {
        return true;
    }
    lwm2m_dtls_drop(dtls);
    return false;
}

/* False: it cannot speak yet. */
static bool shake_hands(struct lwm2m_dtls *dtls)
{
    ERR_clear_error();
    if (!SSL_is_init_finished(dtls->ssl) && !goes_on(dtls, SSL_do_handshake(dtls->ssl))) {
        return false;
    }
    if (!SSL_is_init_finished(dtls->ssl)) {
        return false;
    }
    size_t len = dtls->waiting_len;
    dtls->waiting_len = 0;
    return len == 0 || goes_on(dtls, SSL_write(dtls->ssl, dtls->waiting, (int)len));
}

void lwm2m_dtls_send(struct lwm2m_dtls *dtls, const uint8_t *bytes, size_t len)
{
    if (dtls->ssl != NULL && dtls->unanswered >= UNANSWERED_MAX) {
        lwm2m_dtls_drop(dtls);
    }
    if (len > sizeof(dtls->waiting) || (dtls->ssl == NULL && !begin(dtls))) {
        return;
    }
    dtls->unanswered++;
    memcpy(dtls->waiting, bytes, len);
    dtls->waiting_len = len;
    ERR_clear_error();
    if (!SSL_is_init_finished(dtls->ssl) && DTLSv1_handle_timeout(dtls->ssl) < 0) {
        lwm2m_dtls_drop(dtls);
        return;
    }
    (void)shake_hands(dtls);
}

void lwm2m_dtls_take(struct lwm2m_dtls *dtls, const uint8_t *bytes, size_t len)
{
    uint8_t message[RECORD_MAX];
    SSL *ssl = dtls->ssl;
    if (ssl == NULL || BIO_write(SSL_get_rbio(ssl), bytes, (int)len) <= 0 ||
        !shake_hands(dtls)) {
        return;
    }
    while (dtls->ssl == ssl) { /* what is received may end it */
        ERR_clear_error();
        int got = SSL_read(ssl, message, sizeof(message));
        if (got <= 0) {
            (void)goes_on(dtls, got);
            return;
        }
        dtls->unanswered = 0;
        dtls->received(dtls->arg, message, (size_t)got);
    }
}
