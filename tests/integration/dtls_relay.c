/* SPDX-License-Identifier: MIT */
/*
 * dtls_relay.c PORT SERVER_PORT IDENTITY KEY_HEX [FROM_PORT] - DTLS with a pre-shared key for a client
 * that has none: what comes to PORT goes on to SERVER_PORT in a session of its own, and back
 * to whoever was heard last. Loopback only. It handshakes when the first datagram comes, by
 * OpenSSL alone, so that libcoap's DTLS is not judged by itself.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DATAGRAM_MAX = 2048,
    KEY_MAX = 64,
    NOT_OK = 2,
};

static const char *identity;
static unsigned char key[KEY_MAX];
static unsigned key_len;
static int from_port; /* 0: any */

static unsigned give_key(SSL *ssl, const char *hint, char *name, unsigned name_max,
                         unsigned char *psk, unsigned psk_max)
{
    (void)ssl;
    (void)hint;
    snprintf(name, name_max, "%s", identity);
    if (key_len > psk_max) {
        return 0;
    }
    memcpy(psk, key, key_len);
    return key_len;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static SSL *connect_to(int port, int *fd)
{
    struct sockaddr_in address = loopback(port);
    struct sockaddr_in from = loopback(from_port);
    SSL_CTX *ctx = SSL_CTX_new(DTLS_client_method());
    *fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (ctx == NULL || *fd < 0 ||
        bind(*fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(*fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return NULL;
    }
    BIO *bio = BIO_new_dgram(*fd, BIO_NOCLOSE);
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &address);
    SSL_CTX_set_psk_client_callback(ctx, give_key);
    SSL_CTX_set_cipher_list(ctx, "PSK:@SECLEVEL=0");
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx); /* ssl has it */
    SSL_set_bio(ssl, bio, bio);
    if (SSL_connect(ssl) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    /* A datagram that has nothing for us must not be waited behind. */
    (void)fcntl(*fd, F_SETFL, O_NONBLOCK);
    return ssl;
}

/* One datagram of the server goes to the client; false: the connection has failed. */
static bool bring_back(SSL *ssl, int plain, const struct sockaddr_in *client)
{
    unsigned char datagram[DATAGRAM_MAX];
    int n = SSL_read(ssl, datagram, sizeof(datagram));
    if (n <= 0) {
        return SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ;
    }
    (void)!sendto(plain, datagram, (size_t)n, 0, (const struct sockaddr *)client,
                  sizeof(*client));
    return true;
}

/* One datagram of the client goes to the server. */
static bool bring_there(SSL *ssl, const unsigned char *datagram, ssize_t len)
{
    return ssl != NULL && len > 0 && SSL_write(ssl, datagram, (int)len) > 0;
}

/* As a device does, it begins anew with what it has to say next. */
static void forget(SSL **ssl, int *fd)
{
    SSL_free(*ssl);
    *ssl = NULL;
    ERR_clear_error();
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static int relay(int plain, int server_port)
{
    struct sockaddr_in client;
    unsigned char datagram[DATAGRAM_MAX];
    SSL *ssl = NULL;
    int fd = -1;
    for (;;) {
        struct pollfd wait[2] = {{.fd = plain, .events = POLLIN},
                                 {.fd = fd, .events = POLLIN}};
        if (poll(wait, 2, -1) < 0) {
            return NOT_OK;
        }
        bool good = true;
        if ((wait[0].revents & POLLIN) != 0) {
            socklen_t client_len = sizeof(client);
            ssize_t n = recvfrom(plain, datagram, sizeof(datagram), 0,
                                 (struct sockaddr *)&client, &client_len);
            ssl = ssl != NULL ? ssl : connect_to(server_port, &fd);
            good = bring_there(ssl, datagram, n);
        }
        if (good && ssl != NULL && wait[1].revents != 0) {
            good = bring_back(ssl, plain, &client);
        }
        if (!good) {
            forget(&ssl, &fd);
        }
    }
}

static int port_of(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6) {
        return NOT_OK;
    }
    struct sockaddr_in address = loopback(port_of(argv[1]));
    int plain = socket(AF_INET, SOCK_DGRAM, 0);
    identity = argv[3];
    from_port = argc == 6 ? port_of(argv[5]) : 0;
    for (const char *hex = argv[4]; hex[0] != '\0' && hex[1] != '\0' && key_len < KEY_MAX;
         hex += 2) {
        char byte[3] = {hex[0], hex[1], '\0'};
        key[key_len++] = (unsigned char)strtoul(byte, NULL, 16);
    }
    if (plain < 0 || bind(plain, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return NOT_OK;
    }
    return relay(plain, port_of(argv[2]));
}
