/* SPDX-License-Identifier: MIT */
/*
 * fuzz_lwm2m.c - the whole plugin lwm2m, over sockets: what devices send to its ports for
 * registration and bootstrap, what they answer, and what the engine and people want of them.
 *
 * Lines: "r CODE OPTIONS PAYLOAD" is a request to the port for registration, "b ..." one to
 * that for bootstrap, "a ..." answers the oldest request of the plugin, "n ..." notifies what
 * was observed last. "d HEX" and "e HEX" are datagrams as they are, to the two ports. "o TYPE
 * EUI" is an order, "x TYPE EUI PATH VALUE" an access, "z" ends the latest, "f EUI" drops the
 * order, "t SECONDS" lets time pass. OPTIONS are separated by commas, each a letter and a
 * value, "-" are none; in paths '@' is the registration id told last, '$' the name of the
 * image. A payload is as it is, but for %XX. The first line may be "c LETTERS": h the image is
 * at an HTTP server, p it is pushed, s users may put it off, b batteries and memory are looked
 * at, w weak signals.
 *
 * Whatever is sent: an order has at most one answer, an access ends once, progress is within
 * its image, each message that the plugin sends is CoAP, and before a device has answered not
 * more than three times as much is sent to it as came.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fnv.h"
#include "base/hex.h"
#include "codec/coap_block.h"
#include "codec/coap_msg.h"
#include "lwm2m.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PORT = 5683,
    BOOTSTRAP_PORT = 5693,
    LINES_MAX = 300,
    HEARD_MAX = 16,
    IMAGE_BYTES = 150,
    TURNS_MAX = 32,
    ARRIVES_MS = 100, /* on loopback it is there at once */
    NAME_MAX_SIZE = 64,
    DEVICES = 3,
    TIMES_MAX = 3,
};

enum asked { NOT_ASKED, OPEN, ENDED };

/* A request of the plugin that was not answered yet. */
struct heard {
    uint16_t id;
    struct coap_token token;
    struct sockaddr_in from;
};

struct fuo_host {
    int fd;     /* of the plugin */
    int client; /* of all devices */
    struct in_addr address;
    struct fuo_ns *ns;
    int64_t now_us;
    uint64_t drawn;
    bool at_once; /* it wants another turn */
    enum asked orders[LINES_MAX + 1];
    enum asked accesses[LINES_MAX + 1];
    uint64_t accessed_of[LINES_MAX + 1];
    struct heard heard[HEARD_MAX];
    size_t heard_count;
    size_t may_send; /* bytes, in all */
    size_t sent;
    bool answered; /* one of its devices has */
    struct heard observed;
    uint16_t next_id;
    char registration[NAME_MAX_SIZE];
    char image_name[NAME_MAX_SIZE];
};

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

/* ---- the host ---- */

static void on_log(struct fuo_host *h, enum fuo_log_level level, const char *text)
{
    (void)h;
    (void)level;
    require(strchr(text, '\n') == NULL);
}

static void on_reject(struct fuo_host *h, const char *kind)
{
    (void)h;
    require(kind[0] != '\0');
}

static void settle(enum asked *asked, uint64_t id, bool more)
{
    require(id <= LINES_MAX && asked[id] == OPEN);
    asked[id] = more ? OPEN : ENDED;
}

static void on_event(struct fuo_host *h, const struct fuo_event *e)
{
    require(e->size == sizeof(*e));
    if (e->type == FUO_EV_ORDERED) {
        settle(h->orders, e->ordered.id, false);
    } else if (e->type == FUO_EV_ACCESSED) {
        settle(h->accesses, e->accessed.id, e->accessed.more);
        require(e->accessed.reading_count <= FUO_READINGS_MAX);
    } else if (e->type == FUO_EV_PROGRESS) {
        require(e->progress.done_bytes <= e->progress.total_bytes);
        require(e->progress.total_bytes == IMAGE_BYTES);
    } else if (e->type == FUO_EV_REPORTED) {
        require(memchr(e->reported.firmware_version, '\0', FUO_REPORT_SIZE) != NULL);
        require(memchr(e->reported.package_version, '\0', FUO_REPORT_SIZE) != NULL);
        require(e->reported.dev_eui >= 1 && e->reported.dev_eui <= DEVICES);
    } else {
        require(e->type == FUO_EV_RESULT);
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
    require(name[0] != '\0');
    if (strncmp(name, "dev", 3) != 0 || name[3] < '1' || name[3] > '0' + DEVICES ||
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
    size_t n = len < NAME_MAX_SIZE - 1 ? len : NAME_MAX_SIZE - 1;
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
    struct heard heard = {m->id, m->token, *from};
    note_uri(h, m);
    if (coap_msg_find(m, COAP_NR_OBSERVE, &option)) {
        h->observed = heard;
    }
    if (h->heard_count < HEARD_MAX) {
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
        require(coap_msg_decode(bytes, (size_t)n, &m) == FUO_OK);
        h->sent += (size_t)n;
        require(h->answered || h->sent <= h->may_send);
        take_message(h, &m, &from);
    }
}

static void run_turns(struct fuo_host *h)
{
    h->at_once = true;
    for (int i = 0; i < TURNS_MAX && h->at_once; i++) {
        h->at_once = false;
        fuo_ns_plugin.on_ready(h->ns);
        collect(h);
    }
}

/* ---- what devices send ---- */

static struct sockaddr_in port_of(const struct fuo_host *h, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = h->address};
}

static void send_bytes(struct fuo_host *h, const uint8_t *bytes, size_t len,
                       const struct sockaddr_in *to)
{
    struct pollfd readable = {.fd = h->fd, .events = POLLIN};
    bool asks = len < 2 || COAP_CODE_CLASS(bytes[1]) == 0;
    h->answered |= !asks;
    h->may_send += TIMES_MAX * len;
    (void)sendto(h->client, bytes, len, 0, (const struct sockaddr *)to, sizeof(*to));
    (void)poll(&readable, 1, ARRIVES_MS);
    run_turns(h);
}

/* The next word; what is left begins behind it. Never NULL. */
static const char *word(char **rest)
{
    char *at = *rest;
    size_t len = strcspn(at, " ");
    *rest = at + len + (at[len] == ' ');
    at[len] = '\0';
    return at;
}

static size_t unescape(char *text)
{
    size_t len = 0;
    for (const char *at = text; *at != '\0'; at++) {
        uint8_t byte;
        bool coded =
            *at == '%' && at[1] != '\0' && hex_decode(at + 1, 2, &byte, 1) == FUO_OK;
        memcpy(&text[len++], coded ? (const void *)&byte : at, 1);
        at += coded ? 2 : 0;
    }
    return len;
}

/* "ppath/@" with the id in place of the letter. */
static void write_steps(struct fuo_host *h, struct coap_writer *cw,
                        enum coap_number number, const char *text)
{
    char all[512];
    size_t len = 0;
    for (; *text != '\0' && len < sizeof(all) - NAME_MAX_SIZE; text++) {
        const char *name = *text == '@'   ? h->registration
                           : *text == '$' ? h->image_name
                                          : NULL;
        len += (size_t)(name != NULL ? snprintf(all + len, NAME_MAX_SIZE, "%s", name)
                                     : snprintf(all + len, 2, "%c", *text));
    }
    all[len] = '\0';
    coap_msg_write_steps(cw, number, all, number == COAP_NR_URI_QUERY ? '&' : '/');
}

/* "NUM.MORE.SZX" */
static void write_block(struct coap_writer *cw, enum coap_number number, const char *text)
{
    char *end = NULL;
    unsigned long num = strtoul(text, &end, 10);
    unsigned long more = *end == '.' ? strtoul(end + 1, &end, 10) : 0;
    unsigned long szx = *end == '.' ? strtoul(end + 1, &end, 10) : 0;
    coap_msg_write_number(cw, number,
                          (uint32_t)((num & 0xfffff) << 4 | (more & 1) << 3 | (szx & 7)));
}

static void write_option(struct fuo_host *h, struct coap_writer *cw,
                         enum coap_number number, const char *value)
{
    switch (number) {
    case COAP_NR_LOCATION_PATH:
    case COAP_NR_URI_PATH:
    case COAP_NR_URI_QUERY:
        write_steps(h, cw, number, value);
        return;
    case COAP_NR_BLOCK1:
    case COAP_NR_BLOCK2:
        write_block(cw, number, value);
        return;
    default:
        coap_msg_write_number(cw, number, (uint32_t)strtoul(value, NULL, 10));
    }
}

/* Those with that letter. */
static void write_kind(struct fuo_host *h, struct coap_writer *cw, char letter,
                       enum coap_number number, const char *text)
{
    while (*text != '\0') {
        char value[512];
        size_t len = strcspn(text, ",");
        if (text[0] == letter && len < sizeof(value)) {
            snprintf(value, sizeof(value), "%.*s", (int)len - 1, text + 1);
            write_option(h, cw, number, value);
        }
        text += len + (text[len] == ',');
    }
}

static void write_options(struct fuo_host *h, struct coap_writer *cw, const char *text)
{
    static const struct {
        char letter;
        enum coap_number number;
    } kinds[] = {/* in the order in which they are on the wire */
                 {'o', COAP_NR_OBSERVE},   {'l', COAP_NR_LOCATION_PATH},
                 {'p', COAP_NR_URI_PATH},  {'f', COAP_NR_CONTENT_FORMAT},
                 {'q', COAP_NR_URI_QUERY}, {'c', COAP_NR_ACCEPT},
                 {'2', COAP_NR_BLOCK2},    {'1', COAP_NR_BLOCK1}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        write_kind(h, cw, kinds[i].letter, kinds[i].number, text);
    }
}

/* CODE OPTIONS PAYLOAD, under that head. */
static void say(struct fuo_host *h, struct coap_msg *head, const struct sockaddr_in *to,
                char *rest)
{
    uint8_t bytes[COAP_MSG_BYTES_MAX];
    size_t len = 0;
    unsigned code = (unsigned)strtoul(word(&rest), NULL, 10);
    const char *options = word(&rest);
    head->code = COAP_CODE(code / 100 & 7, code % 100 & 31);
    struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), head);
    write_options(h, &cw, options);
    coap_msg_write_payload(&cw, (const uint8_t *)rest, unescape(rest));
    if (coap_msg_write_end(&cw, &len) == FUO_OK) {
        send_bytes(h, bytes, len, to);
    }
}

static void request(struct fuo_host *h, uint16_t port, char *rest)
{
    struct sockaddr_in to = port_of(h, port);
    struct coap_msg head = {
        .type = COAP_TYPE_CON, .id = ++h->next_id, .token = {.len = 1, .bytes = {1}}};
    say(h, &head, &to, rest);
}

static void answer(struct fuo_host *h, char *rest)
{
    if (h->heard_count > 0) {
        struct heard first = h->heard[0];
        struct coap_msg head = {
            .type = COAP_TYPE_ACK, .id = first.id, .token = first.token};
        h->heard_count--;
        memmove(&h->heard[0], &h->heard[1], h->heard_count * sizeof(h->heard[0]));
        say(h, &head, &first.from, rest);
    }
}

static void notify(struct fuo_host *h, char *rest)
{
    if (h->observed.from.sin_port != 0) {
        struct coap_msg head = {
            .type = COAP_TYPE_CON, .id = ++h->next_id, .token = h->observed.token};
        say(h, &head, &h->observed.from, rest);
    }
}

static void datagram(struct fuo_host *h, uint16_t port, const char *hex)
{
    uint8_t bytes[COAP_MSG_BYTES_MAX];
    struct sockaddr_in to = port_of(h, port);
    size_t len = strlen(hex) / 2;
    if (len <= sizeof(bytes) && hex_decode(hex, strlen(hex), bytes, len) == FUO_OK) {
        send_bytes(h, bytes, len, &to);
    }
}

/* ---- what the engine and people want ---- */

static void order(struct fuo_host *h, uint64_t id, char *rest)
{
    unsigned type = (unsigned)strtoul(word(&rest), NULL, 10);
    uint64_t eui = strtoul(word(&rest), NULL, 10);
    struct fuo_order wanted = {
        .id = id,
        .dev_eui = eui % DEVICES + 1,
        .type = (enum fuo_order_type)(type % FUO_ORDER_CANCEL + FUO_ORDER_READ),
        .image = 1,
    };
    h->orders[id] = OPEN;
    if (fuo_ns_plugin.order(h->ns, &wanted) != FUO_OK) {
        settle(h->orders, id, false);
    }
}

static void ask_access(struct fuo_host *h, uint64_t id, char *rest)
{
    unsigned type = (unsigned)strtoul(word(&rest), NULL, 10);
    uint64_t eui = strtoul(word(&rest), NULL, 10);
    const char *path = word(&rest);
    const char *value = rest;
    struct fuo_access wanted = {
        .id = id,
        .dev_eui = eui % DEVICES + 1,
        .type = (enum fuo_access_type)(type % (FUO_ACCESS_OBSERVE - FUO_ACCESS_READ + 1) +
                                       FUO_ACCESS_READ),
        .path = path,
        .values = &value,
        .value_count = value[0] != '\0',
        .timeout_us = 60 * SECOND_US,
    };
    h->accesses[id] = OPEN;
    h->accessed_of[id] = wanted.dev_eui;
    if (fuo_ns_plugin.access(h->ns, &wanted) != FUO_OK) {
        settle(h->accesses, id, false);
    }
}

/* The latest that is open, of those up to this one. */
static void end_access(struct fuo_host *h, uint64_t last)
{
    uint64_t latest = 0;
    for (uint64_t id = 1; id <= last && id <= LINES_MAX; id++) {
        latest = h->accesses[id] == OPEN ? id : latest;
    }
    const struct fuo_access wanted = {
        .id = latest, .dev_eui = h->accessed_of[latest], .type = FUO_ACCESS_END};
    if (latest > 0) {
        require(fuo_ns_plugin.access(h->ns, &wanted) == FUO_OK);
    }
    h->accesses[latest] = ENDED;
}

static void do_line(struct fuo_host *h, uint64_t id, char *line)
{
    char what = *word(&line);
    switch (what) {
    case 'r':
        request(h, PORT, line);
        return;
    case 'b':
        request(h, BOOTSTRAP_PORT, line);
        return;
    case 'a':
        answer(h, line);
        return;
    case 'n':
        notify(h, line);
        return;
    case 'd':
        datagram(h, PORT, line);
        return;
    case 'e':
        datagram(h, BOOTSTRAP_PORT, line);
        return;
    case 'o':
        order(h, id, line);
        break;
    case 'x':
        ask_access(h, id, line);
        break;
    case 'z':
        end_access(h, id);
        break;
    case 'f':
        require(fuo_ns_plugin.unicast_flush(h->ns, id, strtoul(line, NULL, 10)) ==
                FUO_OK);
        break;
    case 't':
        h->now_us += (int64_t)(strtoul(line, NULL, 10) % 1000000) * SECOND_US;
        break;
    default:
        return;
    }
    run_turns(h);
}

/* ---- a run ---- */

/* An address of loopback for each process, so that the ports are always free. */
static void open_client(struct fuo_host *h, char text[static INET_ADDRSTRLEN])
{
    uint32_t pid = (uint32_t)getpid();
    h->address.s_addr = htonl(UINT32_C(0x7f400000) | (pid & 0x3fffff));
    struct sockaddr_in any = port_of(h, 0);
    require(inet_ntop(AF_INET, &h->address, text, INET_ADDRSTRLEN) != NULL);
    h->client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    require(h->client >= 0);
    require(bind(h->client, (const struct sockaddr *)&any, sizeof(any)) == 0);
}

/* Texts as they are if nobody says otherwise; numbers are 0. */
static void take_defaults(struct config *config)
{
    for (const struct fuo_option *o = fuo_ns_plugin.options; o->key != NULL; o++) {
        if (o->type == FUO_OPT_STRING) {
            memcpy((char *)config + o->offset, &o->def, sizeof(o->def));
        }
    }
}

static void choose(struct config *config, const char *letters)
{
    if (strchr(letters, 'p') != NULL) {
        config->delivery = "push";
    }
    if (strchr(letters, 'h') != NULL) {
        config->http_uri = "https://files.example/fw";
    }
    if (strchr(letters, 's') != NULL) {
        config->severity = "optional";
    }
    if (strchr(letters, 'b') != NULL) {
        config->memory_step_kb = 5;
        config->battery_step = 10;
    }
    if (strchr(letters, 'w') != NULL) {
        config->weak_signal = "-110";
        config->block_interval_us = SECOND_US;
        config->cell_interval_us = SECOND_US;
    }
}

static struct config config_of(const char *letters, const char *address)
{
    struct config config = {
        .coap_port = PORT,
        .bootstrap_coap_port = BOOTSTRAP_PORT,
        .lifetime_us = 86400 * SECOND_US,
        .max_defer_us = 3 * SECOND_US,
        .cell_devices = 1,
        .block_size = 64,
        .ack_timeout_us = 2 * SECOND_US,
        .awake_us = 93 * SECOND_US,
        .devices_max = 2,
    };
    take_defaults(&config);
    choose(&config, letters);
    config.address = address;
    return config;
}

static void run(struct fuo_host *h, char *text)
{
    char address[INET_ADDRSTRLEN];
    char *save = NULL;
    char *line = strtok_r(text, "\n", &save);
    bool chooses = line != NULL && line[0] == 'c';
    open_client(h, address);
    struct config config = config_of(chooses ? line + 1 : "", address);
    require(fuo_ns_plugin.open(&h->ns, &config, &ops, h) == FUO_OK);
    for (uint64_t id = 1; line != NULL && id <= LINES_MAX; id++) {
        do_line(h, id, line);
        line = strtok_r(NULL, "\n", &save);
    }
    fuo_ns_plugin.close(h->ns);
    close(h->client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuo_host host = {.now_us = INT64_C(1767225600000000)};
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    run(&host, text);
    free(text);
    return 0;
}
