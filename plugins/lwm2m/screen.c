/* SPDX-License-Identifier: MIT */
#include "screen.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "codec/coap_msg.h"

enum {
    HEADER_BYTES = 4,
    TIMES_MAX = 3,
    EVENTS_MAX = 8,        /* four ports and a timer, at most */
    READ_BYTES_MAX = 1472, /* as much of a datagram is read by libcoap */
    REFUSED_MAX = 64,      /* of a port, in a turn */
    LINE_SIZE = 256,
    RESERVED_CLASS = 1, /* RFC 7252, 12.1; and those behind 5 */
    CLASS_MAX = 5,
    METHOD_MAX = 7, /* iPATCH; RFC 8132 */
    /* Version 1 and type. */
    CONFIRMABLE = 4,
    RESET = 7,
    /* A record of DTLS, and the message in it. */
    HELLO_BYTES = 14,
    HELLO_RECORD = 22, /* handshake */
    HELLO_EPOCH_AT = 3,
    HELLO_TYPE_AT = 13,
    HELLO_TYPE = 1,
};

/* Options that come up here only (RFC 7252, 5.10; RFC 8768). */
enum {
    NR_IF_MATCH = 1,
    NR_IF_NONE_MATCH = 5,
    NR_HOP_LIMIT = 16,
    NR_PROXY_URI = 35,
    NR_PROXY_SCHEME = 39,
};

/* What libcoap's answers have behind the marker, in bytes. */
enum {
    SAYS_BAD_OPTION = 10,  /* "Bad Option" */
    SAYS_BAD_REQUEST = 11, /* "Bad Request": Hop-Limit 0 */
    SAYS_NO_METHOD = 18,   /* "Method Not Allowed"; "Not Found" is shorter */
    SAYS_NO_PROXY = 22,    /* "Proxying Not Supported" */
    SAYS_HOPS = 3 + 39,    /* Hop-Limit again, and an address as text */
};

/* ---- what libcoap would say ---- */

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Bytes that a delta or a length takes behind the first one. */
static size_t extended(size_t n)
{
    return n < 13 ? 0 : n < 269 ? 1 : 2;
}

/* As libcoap knows them. */
static bool is_unknown_critical(uint16_t number)
{
    switch (number) {
    case NR_IF_MATCH:
    case COAP_NR_URI_HOST:
    case NR_IF_NONE_MATCH:
    case COAP_NR_URI_PORT:
    case COAP_NR_URI_PATH:
    case COAP_NR_URI_QUERY:
    case COAP_NR_ACCEPT:
    case COAP_NR_BLOCK2:
    case COAP_NR_BLOCK1:
    case NR_PROXY_URI:
    case NR_PROXY_SCHEME:
        return false;
    default:
        return number % 2 == 1;
    }
}

static size_t text_for(const struct coap_option *option)
{
    switch (option->number) {
    case NR_PROXY_URI:
    case NR_PROXY_SCHEME:
        return SAYS_NO_PROXY;
    case NR_HOP_LIMIT:
        return option->len != 1 || option->bytes[0] > 1 ? 0
               : option->bytes[0] == 1                  ? SAYS_HOPS
                                                        : SAYS_BAD_REQUEST;
    default:
        return is_unknown_critical(option->number) ? SAYS_BAD_OPTION : 0;
    }
}

/* The longest that may come of a request; 0: it is for a handler of ours. Unknown critical
 * options come back with it. */
static size_t own_answer(const struct coap_msg *m)
{
    struct coap_options options = coap_msg_options(m);
    struct coap_option option;
    size_t text = m->code > METHOD_MAX ? SAYS_NO_METHOD : 0;
    size_t back = 0;
    uint16_t last = 0;
    while (coap_msg_option_next(&options, &option)) {
        text = max_size(text, text_for(&option));
        if (is_unknown_critical(option.number)) {
            back +=
                1 + extended(option.number - last) + extended(option.len) + option.len;
            last = option.number;
        }
    }
    return text == 0 ? 0 : HEADER_BYTES + m->token.len + back + 1 + text;
}

bool screen_passes(const uint8_t *bytes, size_t len)
{
    struct coap_msg m;
    if (coap_msg_decode(bytes, len, &m) != FUO_OK) {
        return false;
    }
    unsigned class = COAP_CODE_CLASS(m.code);
    if (class != 0 || m.code == COAP_CODE_EMPTY) {
        return class != RESERVED_CLASS && class <= CLASS_MAX;
    }
    return (m.type == COAP_TYPE_CON || m.type == COAP_TYPE_NON) &&
           own_answer(&m) <= TIMES_MAX * len;
}

bool screen_is_hello(const uint8_t *bytes, size_t len)
{
    return len >= HELLO_BYTES && bytes[0] == HELLO_RECORD && bytes[HELLO_EPOCH_AT] == 0 &&
           bytes[HELLO_EPOCH_AT + 1] == 0 && bytes[HELLO_TYPE_AT] == HELLO_TYPE;
}

/* ---- sockets ---- */

static bool is_at(int fd, uint16_t port)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof(at);
    in_port_t found = 0;
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        return false;
    }
    if (at.ss_family == AF_INET) {
        found = ((const struct sockaddr_in *)&at)->sin_port;
    } else if (at.ss_family == AF_INET6) {
        found = ((const struct sockaddr_in6 *)&at)->sin6_port;
    }
    return found == htons(port);
}

/* It has less if the machine allows less; what does not fit is lost, as on the way here. */
static void make_room(int fd)
{
    int bytes = SCREEN_QUEUE_BYTES;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

/* "tfd: 8 events: 19 data: 55d0c0ffee00 ...": proc(5), fdinfo of an epoll. */
static bool add_line(struct screen *s, const char *line, uint16_t port, bool dtls)
{
    static const char first[] = "tfd:";
    static const char second[] = "data:";
    const char *data = strstr(line, second);
    if (strncmp(line, first, sizeof(first) - 1) != 0 || data == NULL) {
        return false;
    }
    int fd = (int)strtol(line + sizeof(first) - 1, NULL, 10);
    if (!is_at(fd, port)) {
        return false;
    }
    make_room(fd);
    s->ports[s->count].dtls = dtls;
    s->ports[s->count].key = strtoull(data + sizeof(second) - 1, NULL, 16);
    s->ports[s->count++].fd = fd;
    return true;
}

int screen_add(struct screen *screen, const coap_context_t *ctx, uint16_t port, bool dtls)
{
    char line[LINE_SIZE];
    bool found = false;
    snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", coap_context_get_coap_fd(ctx));
    FILE *f = fopen(line, "re");
    if (f == NULL || screen->count == SCREEN_PORTS_MAX) {
        return FUO_EIO;
    }
    while (!found && fgets(line, sizeof(line), f) != NULL) {
        found = add_line(screen, line, port, dtls);
    }
    fclose(f);
    return found ? FUO_OK : FUO_EIO;
}

/* Version 1, confirmable. */
static bool wants_reset(const uint8_t head[static HEADER_BYTES])
{
    return head[0] >> 4 == CONFIRMABLE;
}

/* Takes the head of the queue away. A Reset goes out from where it came in. */
static void refuse(int fd)
{
    uint8_t head[HEADER_BYTES]; /* the rest is cut off */
    union {
        struct cmsghdr first; /* aligned */
        uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) +
                      CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control;
    struct sockaddr_storage from;
    struct iovec part = {head, sizeof(head)};
    struct msghdr m = {
        .msg_name = &from,
        .msg_namelen = sizeof(from),
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    if (recvmsg(fd, &m, MSG_DONTWAIT) == HEADER_BYTES && wants_reset(head)) {
        head[0] = RESET << 4;
        head[1] = COAP_CODE_EMPTY;
        (void)sendmsg(fd, &m, MSG_DONTWAIT);
    }
}

/* Whether what libcoap would read next is there, and passes. */
static bool is_good(int fd, size_t *refused)
{
    uint8_t bytes[READ_BYTES_MAX];
    for (size_t i = 0; i < REFUSED_MAX; i++) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
        if (n < 0) {
            return false;
        }
        if (screen_passes(bytes, (size_t)n)) {
            return true;
        }
        refuse(fd);
        (*refused)++;
    }
    return false;
}

/* What libcoap would read next, at a port with DTLS. */
static void look(struct screen *s, int fd)
{
    uint8_t bytes[HELLO_BYTES];
    coap_address_t from;
    coap_address_init(&from);
    ssize_t n = recvfrom(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT, &from.addr.sa,
                         &from.size);
    if (n > 0 && screen_is_hello(bytes, (size_t)n)) {
        s->began = true;
        s->from = from;
    }
}

static void judge(struct screen *s, struct epoll_event *event, size_t *refused)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->ports[i].key != event->data.u64 || (event->events & EPOLLIN) == 0) {
            continue;
        }
        if (s->ports[i].dtls) {
            look(s, s->ports[i].fd);
        } else if (!is_good(s->ports[i].fd, refused)) {
            event->events &= ~(uint32_t)EPOLLIN;
        }
    }
}

size_t screen_turn(struct screen *screen, coap_context_t *ctx)
{
    struct epoll_event events[EVENTS_MAX];
    size_t refused = 0;
    screen->began = false;
    int n = epoll_wait(coap_context_get_coap_fd(ctx), events, EVENTS_MAX, 0);
    for (int i = 0; i < n; i++) {
        judge(screen, &events[i], &refused);
    }
    /* Even without an event: then it looks for what is to be repeated. */
    coap_io_do_epoll(ctx, events, n > 0 ? (size_t)n : 0);
    return refused;
}
