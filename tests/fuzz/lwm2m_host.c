/* SPDX-License-Identifier: MIT */
#include "lwm2m_host.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fnv.h"

enum {
    IMAGE_BYTES = 150,
    TURNS_MAX = 32,
    ARRIVES_MS = 100, /* on loopback it is there at once */
    TIMES_MAX = 3,
};

/* ---- what the plugin calls ---- */

static void on_log(struct fuo_host *h, enum fuo_log_level level, const char *text)
{
    (void)h;
    (void)level;
    host_require(strchr(text, '\n') == NULL);
}

static void on_reject(struct fuo_host *h, const char *kind)
{
    (void)h;
    host_require(kind[0] != '\0');
}

void host_settle(enum host_asked *asked, uint64_t id, bool more)
{
    host_require(id <= HOST_IDS_MAX && asked[id] == HOST_OPEN);
    asked[id] = more ? HOST_OPEN : HOST_ENDED;
}

static void on_event(struct fuo_host *h, const struct fuo_event *e)
{
    host_require(e->size == sizeof(*e));
    if (e->type == FUO_EV_ORDERED) {
        host_settle(h->orders, e->ordered.id, false);
    } else if (e->type == FUO_EV_ACCESSED) {
        host_settle(h->accesses, e->accessed.id, e->accessed.more);
        host_require(e->accessed.reading_count <= FUO_READINGS_MAX);
    } else if (e->type == FUO_EV_PROGRESS) {
        host_require(e->progress.done_bytes <= e->progress.total_bytes);
        host_require(e->progress.total_bytes == IMAGE_BYTES);
    } else if (e->type == FUO_EV_REPORTED) {
        host_require(memchr(e->reported.firmware_version, '\0', FUO_REPORT_SIZE) != NULL);
        host_require(memchr(e->reported.package_version, '\0', FUO_REPORT_SIZE) != NULL);
        host_require(e->reported.dev_eui >= 1 && e->reported.dev_eui <= HOST_DEVICES);
    } else {
        host_require(e->type == FUO_EV_RESULT);
    }
}

static int on_watch(struct fuo_host *h, int fd)
{
    h->fd = fd;
    return FUO_OK;
}

static void on_wake_after(struct fuo_host *h, int64_t delay_us)
{
    h->at_once |= delay_us == 0;
}

static int64_t on_now(struct fuo_host *h)
{
    return h->now_us;
}

static void on_random(struct fuo_host *h, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        h->drawn++;
        bytes[i] = (uint8_t)fnv1a(&h->drawn, sizeof(h->drawn));
    }
}

static int on_derive(struct fuo_host *h, const char *text, uint8_t bytes[16])
{
    (void)h;
    for (size_t i = 0; i < 16; i++) {
        bytes[i] = (uint8_t)(fnv1a(text, strlen(text)) >> (i % 8 * 8));
    }
    return FUO_OK;
}

/* "dev1" and so on. */
static int on_find_device(struct fuo_host *h, const char *name, uint64_t *dev_eui)
{
    (void)h;
    host_require(name[0] != '\0');
    if (strncmp(name, "dev", 3) != 0 || name[3] < '1' || name[3] > '0' + HOST_DEVICES ||
        name[4] != '\0') {
        return FUO_ENOENT;
    }
    *dev_eui = (uint64_t)(name[3] - '0');
    return FUO_OK;
}

static int on_device_key(struct fuo_host *h, uint64_t dev_eui, uint8_t key[16])
{
    (void)h;
    memset(key, (int)dev_eui, 16);
    return FUO_OK;
}

static int on_image(struct fuo_host *h, uint32_t image, const uint8_t **bytes,
                    size_t *len)
{
    static const uint8_t firmware[IMAGE_BYTES] = {0x96, 0xf3, 0xb8, 0x3d};
    (void)h;
    *bytes = firmware;
    *len = sizeof(firmware);
    return image == 1 ? FUO_OK : FUO_ENOENT;
}

static const struct fuo_host_ops ops = {
    .size = sizeof(ops),
    .log = on_log,
    .reject = on_reject,
    .event = on_event,
    .watch = on_watch,
    .wake_after = on_wake_after,
    .now = on_now,
    .random = on_random,
    .derive = on_derive,
    .find_device = on_find_device,
    .device_key = on_device_key,
    .image = on_image,
};

/* ---- what the plugin sends ---- */

static void keep_text(char *to, const uint8_t *text, size_t len)
{
    size_t n = len < HOST_NAME_SIZE - 1 ? len : HOST_NAME_SIZE - 1;
    memcpy(to, text, n);
    to[n] = '\0';
}

/* "coap://host:port/fw/NAME" */
static void note_uri(struct fuo_host *h, const struct coap_msg *m)
{
    static const char before[] = "/fw/";
    const uint8_t *at = m->payload_len > 0 ? memmem(m->payload, m->payload_len, before,
                                                    sizeof(before) - 1)
                                           : NULL;
    if (at != NULL) {
        at += sizeof(before) - 1;
        keep_text(h->image_name, at, (size_t)(m->payload + m->payload_len - at));
    }
}

/* "rd", then the id. */
static void note_registration(struct fuo_host *h, const struct coap_msg *m)
{
    struct coap_option option;
    struct coap_options options = coap_msg_options(m);
    while (coap_msg_option_next(&options, &option)) {
        if (option.number == COAP_NR_LOCATION_PATH) {
            keep_text(h->registration, option.bytes, option.len);
        }
    }
}

static void take_message(struct fuo_host *h, const struct coap_msg *m,
                         const struct sockaddr_in *from)
{
    struct coap_option option;
    if (COAP_CODE_CLASS(m->code) != 0) {
        note_registration(h, m);
    }
    if (COAP_CODE_CLASS(m->code) != 0 || m->code == COAP_CODE_EMPTY) {
        return;
    }
    struct host_heard heard = {m->id, m->token, *from};
    note_uri(h, m);
    if (coap_msg_find(m, COAP_NR_OBSERVE, &option)) {
        h->observed = heard;
    }
    if (h->heard_count < HOST_HEARD_MAX) {
        h->heard[h->heard_count++] = heard;
    }
}

static void collect(struct fuo_host *h)
{
    uint8_t bytes[COAP_MSG_BYTES_MAX];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t n;
    while ((n = recvfrom(h->client, bytes, sizeof(bytes), MSG_DONTWAIT,
                         (struct sockaddr *)&from, &from_len)) >= 0) {
        struct coap_msg m;
        host_require(coap_msg_decode(bytes, (size_t)n, &m) == FUO_OK);
        h->sent += (size_t)n;
        host_require(h->answered || h->sent <= h->may_send);
        take_message(h, &m, &from);
    }
}

void host_turns(struct fuo_host *h)
{
    h->at_once = true;
    for (int i = 0; i < TURNS_MAX && h->at_once; i++) {
        h->at_once = false;
        fuo_ns_plugin.on_ready(h->ns);
        collect(h);
    }
}

/* ---- what devices send ---- */

struct sockaddr_in host_port(const struct fuo_host *h, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = h->address};
}

void host_send(struct fuo_host *h, const uint8_t *bytes, size_t len,
               const struct sockaddr_in *to)
{
    struct pollfd readable = {.fd = h->fd, .events = POLLIN};
    bool asks = len < 2 || COAP_CODE_CLASS(bytes[1]) == 0;
    h->answered |= !asks;
    h->may_send += TIMES_MAX * len;
    (void)sendto(h->client, bytes, len, 0, (const struct sockaddr *)to, sizeof(*to));
    (void)poll(&readable, 1, ARRIVES_MS);
    host_turns(h);
}

/* ---- open and close ---- */

/* An address of loopback for each process, so that the ports are always free. */
static void open_client(struct fuo_host *h)
{
    uint32_t pid = (uint32_t)getpid();
    h->address.s_addr = htonl(UINT32_C(0x7f400000) | (pid & 0x3fffff));
    struct sockaddr_in any = host_port(h, 0);
    host_require(inet_ntop(AF_INET, &h->address, h->address_text,
                           sizeof(h->address_text)) != NULL);
    h->client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    host_require(h->client >= 0);
    host_require(bind(h->client, (const struct sockaddr *)&any, sizeof(any)) == 0);
}

void host_open(struct fuo_host *h, struct config *config)
{
    open_client(h);
    config->address = h->address_text;
    host_require(fuo_ns_plugin.open(&h->ns, config, &ops, h) == FUO_OK);
}

void host_close(struct fuo_host *h)
{
    fuo_ns_plugin.close(h->ns);
    close(h->client);
}
