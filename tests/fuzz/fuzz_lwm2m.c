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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "codec/coap_block.h"
#include "codec/coap_msg.h"
#include "lwm2m.h"
#include "lwm2m_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a text has done so far. */
struct script {
    struct fuo_host host;
    uint64_t accessed_of[HOST_IDS_MAX + 1]; /* whose DevEUI */
    uint16_t next_id;                       /* of a message of a device */
};

/* ---- what devices send ---- */

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
    for (; *text != '\0' && len < sizeof(all) - HOST_NAME_SIZE; text++) {
        const char *name = *text == '@'   ? h->registration
                           : *text == '$' ? h->image_name
                                          : NULL;
        len += (size_t)(name != NULL ? snprintf(all + len, HOST_NAME_SIZE, "%s", name)
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
        host_send(h, bytes, len, to);
    }
}

static void request(struct script *s, uint16_t port, char *rest)
{
    struct sockaddr_in to = host_port(&s->host, port);
    struct coap_msg head = {
        .type = COAP_TYPE_CON, .id = ++s->next_id, .token = {.len = 1, .bytes = {1}}};
    say(&s->host, &head, &to, rest);
}

static void answer(struct fuo_host *h, char *rest)
{
    if (h->heard_count > 0) {
        struct host_heard first = h->heard[0];
        struct coap_msg head = {
            .type = COAP_TYPE_ACK, .id = first.id, .token = first.token};
        h->heard_count--;
        memmove(&h->heard[0], &h->heard[1], h->heard_count * sizeof(h->heard[0]));
        say(h, &head, &first.from, rest);
    }
}

static void notify(struct script *s, char *rest)
{
    struct fuo_host *h = &s->host;
    if (h->observed.from.sin_port != 0) {
        struct coap_msg head = {
            .type = COAP_TYPE_CON, .id = ++s->next_id, .token = h->observed.token};
        say(h, &head, &h->observed.from, rest);
    }
}

static void datagram(struct fuo_host *h, uint16_t port, const char *hex)
{
    uint8_t bytes[COAP_MSG_BYTES_MAX];
    struct sockaddr_in to = host_port(h, port);
    size_t len = strlen(hex) / 2;
    if (len <= sizeof(bytes) && hex_decode(hex, strlen(hex), bytes, len) == FUO_OK) {
        host_send(h, bytes, len, &to);
    }
}

/* ---- what the engine and people want ---- */

static void order(struct fuo_host *h, uint64_t id, char *rest)
{
    unsigned type = (unsigned)strtoul(word(&rest), NULL, 10);
    uint64_t eui = strtoul(word(&rest), NULL, 10);
    struct fuo_order wanted = {
        .id = id,
        .dev_eui = eui % HOST_DEVICES + 1,
        .type = (enum fuo_order_type)(type % FUO_ORDER_CANCEL + FUO_ORDER_READ),
        .image = 1,
    };
    h->orders[id] = HOST_OPEN;
    if (fuo_ns_plugin.order(h->ns, &wanted) != FUO_OK) {
        host_settle(h->orders, id, false);
    }
}

static void ask_access(struct script *s, uint64_t id, char *rest)
{
    struct fuo_host *h = &s->host;
    unsigned type = (unsigned)strtoul(word(&rest), NULL, 10);
    uint64_t eui = strtoul(word(&rest), NULL, 10);
    const char *path = word(&rest);
    const char *value = rest;
    struct fuo_access wanted = {
        .id = id,
        .dev_eui = eui % HOST_DEVICES + 1,
        .type = (enum fuo_access_type)(type % (FUO_ACCESS_OBSERVE - FUO_ACCESS_READ + 1) +
                                       FUO_ACCESS_READ),
        .path = path,
        .values = &value,
        .value_count = value[0] != '\0',
        .timeout_us = 60 * SECOND_US,
    };
    h->accesses[id] = HOST_OPEN;
    s->accessed_of[id] = wanted.dev_eui;
    if (fuo_ns_plugin.access(h->ns, &wanted) != FUO_OK) {
        host_settle(h->accesses, id, false);
    }
}

/* The latest that is open, of those up to this one. */
static void end_access(struct script *s, uint64_t last)
{
    struct fuo_host *h = &s->host;
    uint64_t latest = 0;
    for (uint64_t id = 1; id <= last && id <= HOST_IDS_MAX; id++) {
        latest = h->accesses[id] == HOST_OPEN ? id : latest;
    }
    const struct fuo_access wanted = {
        .id = latest, .dev_eui = s->accessed_of[latest], .type = FUO_ACCESS_END};
    if (latest > 0) {
        host_require(fuo_ns_plugin.access(h->ns, &wanted) == FUO_OK);
    }
    h->accesses[latest] = HOST_ENDED;
}

static void do_line(struct script *s, uint64_t id, char *line)
{
    struct fuo_host *h = &s->host;
    char what = *word(&line);
    switch (what) {
    case 'r':
        request(s, HOST_PORT, line);
        return;
    case 'b':
        request(s, HOST_BOOTSTRAP_PORT, line);
        return;
    case 'a':
        answer(h, line);
        return;
    case 'n':
        notify(s, line);
        return;
    case 'd':
        datagram(h, HOST_PORT, line);
        return;
    case 'e':
        datagram(h, HOST_BOOTSTRAP_PORT, line);
        return;
    case 'o':
        order(h, id, line);
        break;
    case 'x':
        ask_access(s, id, line);
        break;
    case 'z':
        end_access(s, id);
        break;
    case 'f':
        host_require(fuo_ns_plugin.unicast_flush(h->ns, id, strtoul(line, NULL, 10)) ==
                     FUO_OK);
        break;
    case 't':
        h->now_us += (int64_t)(strtoul(line, NULL, 10) % 1000000) * SECOND_US;
        break;
    default:
        return;
    }
    host_turns(h);
}

/* ---- a run ---- */

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

static struct config config_of(const char *letters)
{
    struct config config = {
        .coap_port = HOST_PORT,
        .bootstrap_coap_port = HOST_BOOTSTRAP_PORT,
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
    return config;
}

static void run(struct script *s, char *text)
{
    char *save = NULL;
    char *line = strtok_r(text, "\n", &save);
    bool chooses = line != NULL && line[0] == 'c';
    struct config config = config_of(chooses ? line + 1 : "");
    host_open(&s->host, &config);
    for (uint64_t id = 1; line != NULL && id <= HOST_IDS_MAX; id++) {
        do_line(s, id, line);
        line = strtok_r(NULL, "\n", &save);
    }
    host_close(&s->host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {.host = {.now_us = INT64_C(1767225600000000)}};
    char *text = malloc(size + 1);
    host_require(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    run(&script, text);
    free(text);
    return 0;
}
