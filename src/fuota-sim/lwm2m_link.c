/* SPDX-License-Identifier: MIT */
#include "fuota-sim/lwm2m_link.h"

#include <stdlib.h>
#include <string.h>

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *v6 = (const void *)address;
    return memcmp(&v6->sin6_addr, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
}

int lwm2m_link_address(const char *host, uint16_t port, struct sockaddr_storage *address)
{
    struct sockaddr_storage a = {0};
    const char *name = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (uv_ip4_addr(name, port, (struct sockaddr_in *)&a) != 0 &&
        uv_ip6_addr(name, port, (struct sockaddr_in6 *)&a) != 0) {
        return FUO_EINVAL;
    }
    if (!is_loopback(&a)) {
        return FUO_EINVAL;
    }
    *address = a;
    return FUO_OK;
}

static bool is_same(const struct sockaddr_storage *a, const struct sockaddr *b)
{
    if (a->ss_family != b->sa_family) {
        return false;
    }
    if (b->sa_family == AF_INET) {
        const struct sockaddr_in *x = (const void *)a;
        const struct sockaddr_in *y = (const void *)b;
        return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *x = (const void *)a;
    const struct sockaddr_in6 *y = (const void *)b;
    return x->sin6_port == y->sin6_port &&
           memcmp(&x->sin6_addr, &y->sin6_addr, sizeof(x->sin6_addr)) == 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    const struct lwm2m_link *link = handle->data;
    (void)suggested;
    *buf = uv_buf_init(link != NULL ? link->buffer : NULL,
                       link != NULL ? LWM2M_DATAGRAM_MAX : 0);
}

static void on_datagram(uv_udp_t *socket, ssize_t len, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags)
{
    struct lwm2m_link *link = socket->data;
    bool whole = len > 0 && from != NULL && (flags & UV_UDP_PARTIAL) == 0;
    if (!whole || link == NULL) {
        return;
    }
    bool server = is_same(&link->peers[LWM2M_PEER_SERVER], from);
    if (server && link->dtls.ctx != NULL) {
        lwm2m_dtls_take(&link->dtls, (const uint8_t *)buf->base, (size_t)len);
    } else if (server || (link->has_files && !link->files_secure &&
                          is_same(&link->peers[LWM2M_PEER_FILES], from))) {
        link->received(link->arg, (const uint8_t *)buf->base, (size_t)len);
    }
}

static void send_to(struct lwm2m_link *link, enum lwm2m_peer peer, const uint8_t *bytes,
                    size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
    if (link->socket != NULL) {
        (void)uv_udp_try_send(link->socket, &buf, 1,
                              (const struct sockaddr *)&link->peers[peer]);
    }
}

static void on_dtls_send(void *arg, const uint8_t *bytes, size_t len)
{
    send_to(arg, LWM2M_PEER_SERVER, bytes, len);
}

static void on_dtls_received(void *arg, const uint8_t *bytes, size_t len)
{
    struct lwm2m_link *link = arg;
    link->received(link->arg, bytes, len);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

int lwm2m_link_open(struct lwm2m_link *link)
{
    struct sockaddr_storage any;
    bool v6 = link->peers[LWM2M_PEER_SERVER].ss_family == AF_INET6;
    uv_udp_t *socket = calloc(1, sizeof(*socket));
    if (socket == NULL) {
        return FUO_ENOMEM;
    }
    if (uv_udp_init(link->loop, socket) != 0) {
        free(socket);
        return FUO_EIO;
    }
    socket->data = link;
    link->socket = socket;
    link->dtls.send = on_dtls_send;
    link->dtls.received = on_dtls_received;
    link->dtls.arg = link;
    if (lwm2m_link_address(v6 ? "::1" : "127.0.0.1", 0, &any) != FUO_OK ||
        uv_udp_bind(socket, (const struct sockaddr *)&any, 0) != 0 ||
        uv_udp_recv_start(socket, on_alloc, on_datagram) != 0) {
        lwm2m_link_close(link);
        return FUO_EIO;
    }
    return FUO_OK;
}

void lwm2m_link_close(struct lwm2m_link *link)
{
    if (link->socket != NULL) {
        link->socket->data = NULL;
        uv_close((uv_handle_t *)link->socket, on_closed);
        link->socket = NULL;
    }
    lwm2m_dtls_drop(&link->dtls);
}

int lwm2m_link_move(struct lwm2m_link *link)
{
    struct lwm2m_link old = *link;
    int err = lwm2m_link_open(link); /* first, or it may get the same port again */
    if (err != FUO_OK) {
        link->socket = old.socket;
        return err;
    }
    link->dtls.ssl = NULL; /* the old one's */
    link->dtls.waiting_len = 0;
    link->dtls.unanswered = 0;
    lwm2m_link_close(&old);
    return FUO_OK;
}

int lwm2m_link_files(struct lwm2m_link *link, const struct lwm2m_uri *uri)
{
    struct sockaddr_storage *files = &link->peers[LWM2M_PEER_FILES];
    link->has_files = false;
    if (lwm2m_link_address(uri->host, uri->port, files) != FUO_OK) {
        return FUO_EINVAL;
    }
    link->files_secure = uri->secure;
    link->has_files = !uri->secure ||
                      (link->dtls.ctx != NULL && is_same(&link->peers[LWM2M_PEER_SERVER],
                                                         (const struct sockaddr *)files));
    return link->has_files ? FUO_OK : FUO_EINVAL;
}

void lwm2m_link_send(struct lwm2m_link *link, enum lwm2m_peer peer, const uint8_t *bytes,
                     size_t len)
{
    if (link->dtls.ctx != NULL && (peer == LWM2M_PEER_SERVER || link->files_secure)) {
        lwm2m_dtls_send(&link->dtls, bytes, len);
    } else {
        send_to(link, peer, bytes, len);
    }
}
