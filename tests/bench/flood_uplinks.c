/* SPDX-License-Identifier: MIT */
/*
 * flood_uplinks.c - offers uplinks to a broker as ChirpStack v4 does, at a given rate.
 *
 * Speaks MQTT 3.1.1 itself over one socket to 127.0.0.1, QoS 0 as ChirpStack's integration
 * does by default: a client library would be the bottleneck. Each uplink is a JSON event of
 * some 1.6 KB with three receptions, from the next device of a range of DevEUIs, with the
 * time of now. The event is made once and its values are written into copies, so that the
 * publisher takes little of the processor that broker and daemon need. Pace is kept in
 * slices of a millisecond; what the broker does not take in time is sent late, never
 * skipped, so the rate that was reached is part of the result: one JSON object on stdout.
 *
 * MQTT 3.1.1: OASIS Standard 2014; event: ChirpStack v4, network-servers.md 1.3.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"

enum {
    BUFFER_BYTES = 1 << 20,
    MESSAGE_MAX = 4096,
    FLUSH_BYTES = 256 << 10,
    SLICE_US = 1000,
    GATEWAYS = 50,
    RECEPTIONS = 3,
    PLACE_KINDS = 16,
    PLACES_MAX = 8, /* of one value in an event */
    GPS_EPOCH_S = 315964800,
    GPS_LEAP_S = 18,
    MQTT_CONNECT = 0x10,
    MQTT_CONNACK = 0x20,
    MQTT_PUBLISH = 0x30,
    MQTT_DISCONNECT = 0xe0,
};

struct options {
    uint16_t port;
    uint64_t first_eui;
    uint32_t devices;
    double rate;
    double seconds;
    double scale; /* virtual time, as fuotad's --time-scale */
    double epoch;
    const char *application;
};

/* Of an uplink; offsets of its values are from behind the head. */
struct message {
    uint8_t bytes[MESSAGE_MAX];
    size_t len;
    size_t head_len;
    uint16_t places[PLACE_KINDS][PLACES_MAX];
    size_t place_count[PLACE_KINDS];
};

struct flood {
    struct options options;
    struct message message;
    char when[64];
    char gps[32];
    int fd;
    struct prng prng;
    uint64_t sent;
    uint64_t bytes;
    size_t len;
    uint8_t buffer[BUFFER_BYTES];
};

static void die(const char *what)
{
    fprintf(stderr, "flood-uplinks: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double clock_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double virtual_now_s(const struct options *o)
{
    double wall_s = clock_s(CLOCK_REALTIME);
    return o->scale == 1 ? wall_s : o->epoch + (wall_s - o->epoch) * o->scale;
}

/* ---- the socket ---- */

static void flush(struct flood *f)
{
    size_t at = 0;
    while (at < f->len) {
        ssize_t n = send(f->fd, f->buffer + at, f->len - at, MSG_NOSIGNAL);
        if (n <= 0) {
            die("the broker hung up");
        }
        at += (size_t)n;
    }
    f->bytes += f->len;
    f->len = 0;
}

static void put(struct flood *f, const void *bytes, size_t len)
{
    memcpy(f->buffer + f->len, bytes, len);
    f->len += len;
}

static void put_header(struct flood *f, uint8_t type, size_t remaining)
{
    f->buffer[f->len++] = type;
    do {
        uint8_t digit = remaining & 0x7f;
        remaining >>= 7;
        f->buffer[f->len++] = digit | (remaining > 0 ? 0x80 : 0);
    } while (remaining > 0);
}

static void put_text(struct flood *f, const char *text, size_t len)
{
    f->buffer[f->len++] = (uint8_t)(len >> 8);
    f->buffer[f->len++] = (uint8_t)len;
    put(f, text, len);
}

static void connect_broker(struct flood *f)
{
    static const uint8_t variable[] = {0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0};
    static const char id[] = "flood-uplinks";
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(f->options.port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    uint8_t answer[4];
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (f->fd < 0 ||
        connect(f->fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        die("cannot connect");
    }
    put_header(f, MQTT_CONNECT, sizeof(variable) + 2 + strlen(id));
    put(f, variable, sizeof(variable));
    put_text(f, id, strlen(id));
    flush(f);
    f->bytes = 0;
    if (recv(f->fd, answer, sizeof(answer), MSG_WAITALL) != sizeof(answer) ||
        answer[0] != MQTT_CONNACK || answer[3] != 0) {
        die("not let in");
    }
}

/* ---- the event, once ---- */

/* What stands for a value in the text of the event, and how wide it is. */
enum field {
    FIELD_EUI,     /* 16 hex digits */
    FIELD_WHEN,    /* 32: 2026-01-02T03:04:05.678901+00:00 */
    FIELD_DRAW,    /* 12 hex digits of chance */
    FIELD_DR,      /* a digit */
    FIELD_F_CNT,   /* 10 digits, spaces before them */
    FIELD_GATEWAY, /* 6 hex digits */
    FIELD_GPS,     /* 17: 1234567890.123456 */
    FIELD_RSSI,    /* 5: -123, spaces before it */
    FIELD_SNR,     /* 6: -12.5 */
    FIELD_COUNT,
};

static const struct {
    const char *mark;
    uint8_t width;
} fields[FIELD_COUNT] = {
    [FIELD_EUI] = {"@eui", 16},    [FIELD_WHEN] = {"@when", 32},
    [FIELD_DRAW] = {"@draw", 12},  [FIELD_DR] = {"@dr", 1},
    [FIELD_F_CNT] = {"@fcnt", 10}, [FIELD_GATEWAY] = {"@gw", 6},
    [FIELD_GPS] = {"@gps", 17},    [FIELD_RSSI] = {"@rssi", 5},
    [FIELD_SNR] = {"@snr", 6},
};

static const char event_text[] =
    "{\"deduplicationId\":\"0badcafe-1a2b-4c3d-8e4f-@draw\",\"time\":\"@when\","
    "\"deviceInfo\":{\"tenantId\":\"52f14cd4-c6f1-4fbd-8f87-4025e1d49242\","
    "\"tenantName\":\"utility\",\"applicationId\":\"%s\",\"applicationName\":"
    "\"water-meters\",\"deviceProfileId\":\"14855bf7-d10d-4aee-b618-ebfcb64dc7ad\","
    "\"deviceProfileName\":\"wm1\",\"deviceName\":\"meter-@eui\",\"devEui\":\"@eui\","
    "\"deviceClassEnabled\":\"CLASS_A\",\"tags\":{\"site\":\"berlin\"}},"
    "\"devAddr\":\"01a2b3c4\",\"adr\":true,\"dr\":@dr,\"fCnt\":@fcnt,\"fPort\":10,"
    "\"confirmed\":false,\"data\":\"AGcBEAFlAB4CcQPoA+gD6A==\",\"object\":{\"level\":30,"
    "\"temperature\":27.2,\"acceleration\":{\"x\":1,\"y\":1,\"z\":1}},\"rxInfo\":[";

static const char reception_text[] =
    "{\"gatewayId\":\"0016c001f1@gw\",\"uplinkId\":4711,\"gwTime\":\"@when\","
    "\"nsTime\":\"@when\",\"timeSinceGpsEpoch\":\"@gpss\",\"rssi\":@rssi,"
    "\"snr\":@snr,\"channel\":3,\"location\":{\"latitude\":52.5163,\"longitude\":"
    "13.3777},\"context\":\"AAAAAA==\",\"metadata\":{\"region_common_name\":\"EU868\","
    "\"region_config_id\":\"eu868\"},\"crcStatus\":\"CRC_OK\"}";

static const char end_text[] =
    "],\"txInfo\":{\"frequency\":868100000,\"modulation\":{\"lora\":{\"bandwidth\":"
    "125000,\"spreadingFactor\":9,\"codeRate\":\"CR_4_5\"}}},\"regionConfigId\":"
    "\"eu868\"}";

static void mark_place(struct message *m, enum field field, size_t at)
{
    size_t *count = &m->place_count[field];
    if (*count == PLACES_MAX) {
        die("the event has too many fields");
    }
    m->places[field][(*count)++] = (uint16_t)at;
}

/* The text with room for each value, and where. */
static void append(struct message *m, const char *text)
{
    while (*text != '\0') {
        size_t field = 0;
        while (field < FIELD_COUNT &&
               strncmp(text, fields[field].mark, strlen(fields[field].mark)) != 0) {
            field++;
        }
        if (field == FIELD_COUNT) {
            m->bytes[m->len++] = (uint8_t)*text++;
            continue;
        }
        mark_place(m, (enum field)field, m->len);
        memset(m->bytes + m->len, ' ', fields[field].width);
        m->len += fields[field].width;
        text += strlen(fields[field].mark);
    }
}

/* A PUBLISH as a whole: header, topic, event. All are of one length. */
static void make_message(struct flood *f)
{
    struct message *m = &f->message;
    char text[MESSAGE_MAX / 2];
    uint8_t body[MESSAGE_MAX];
    (void)snprintf(text, sizeof(text), "application/%s/device/@eui/event/up",
                   f->options.application);
    append(m, text);
    size_t topic_len = m->len;
    (void)snprintf(text, sizeof(text), event_text, f->options.application);
    append(m, text);
    for (int i = 0; i < RECEPTIONS; i++) {
        append(m, i > 0 ? "," : "");
        append(m, reception_text);
    }
    append(m, end_text);
    size_t body_len = m->len;
    memcpy(body, m->bytes, body_len);
    put_header(f, MQTT_PUBLISH, 2 + body_len);
    f->buffer[f->len++] = (uint8_t)(topic_len >> 8);
    f->buffer[f->len++] = (uint8_t)topic_len;
    m->head_len = f->len;
    memcpy(m->bytes, f->buffer, m->head_len);
    memcpy(m->bytes + m->head_len, body, body_len);
    m->len = m->head_len + body_len;
    f->len = 0;
}

/* ---- an uplink ---- */

/* At the end of the field; what is before it stays. */
static void set_digits(uint8_t *field, size_t width, uint64_t value, unsigned base)
{
    static const char digits[] = "0123456789abcdef";
    do {
        field[--width] = (uint8_t)digits[value % base];
        value /= base;
    } while (width > 0 && (value > 0 || base == 16));
}

/* With so many decimals; spaces before it. */
static void set_number(uint8_t *field, size_t width, int decimals, double value)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%*.*f", (int)width, decimals, value);
    memcpy(field, text, width);
}

/* Of the millisecond under way, for all that is sent in it. */
static void set_clock(struct flood *f)
{
    double now_s = virtual_now_s(&f->options);
    time_t whole = (time_t)now_s;
    struct tm tm;
    char date[32];
    gmtime_r(&whole, &tm);
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(f->when, sizeof(f->when), "%s.%06d+00:00", date,
                   (int)((now_s - (double)whole) * 1e6));
    (void)snprintf(f->gps, sizeof(f->gps), "%17.6f", now_s - GPS_EPOCH_S + GPS_LEAP_S);
}

static uint8_t *field_at(struct flood *f, enum field field, size_t i)
{
    const struct message *m = &f->message;
    return f->buffer + f->len + m->head_len + m->places[field][i];
}

static void set_all(struct flood *f, enum field field, const void *bytes)
{
    for (size_t i = 0; i < f->message.place_count[field]; i++) {
        memcpy(field_at(f, field, i), bytes, fields[field].width);
    }
}

/* Number i of the device's receptions: its gateways stand in a ring, near ones are heard
 * best, and each uplink a little differently. */
static void set_reception(struct flood *f, size_t i)
{
    uint64_t device = f->sent % f->options.devices;
    uint64_t draw = prng_next(&f->prng);
    double snr = 9.0 - 4.0 * (double)i - (double)(device / GATEWAYS % 8) +
                 (double)(draw & 31) / 10;
    set_digits(field_at(f, FIELD_GATEWAY, i), fields[FIELD_GATEWAY].width,
               (device + i) % GATEWAYS + 1, 16);
    set_number(field_at(f, FIELD_RSSI, i), fields[FIELD_RSSI].width, 0, -100 + 2 * snr);
    set_number(field_at(f, FIELD_SNR, i), fields[FIELD_SNR].width, 1, snr);
}

static void put_uplink(struct flood *f)
{
    uint8_t eui[16];
    uint8_t draw[12];
    uint64_t device = f->sent % f->options.devices;
    memcpy(f->buffer + f->len, f->message.bytes, f->message.len);
    set_digits(eui, sizeof(eui), f->options.first_eui + device, 16);
    set_digits(draw, sizeof(draw), prng_next(&f->prng), 16);
    set_all(f, FIELD_EUI, eui);
    set_all(f, FIELD_DRAW, draw);
    set_all(f, FIELD_WHEN, f->when);
    set_all(f, FIELD_GPS, f->gps);
    set_digits(field_at(f, FIELD_DR, 0), 1, device % 6, 10);
    set_digits(field_at(f, FIELD_F_CNT, 0), fields[FIELD_F_CNT].width,
               f->sent / f->options.devices, 10);
    for (size_t i = 0; i < RECEPTIONS; i++) {
        set_reception(f, i);
    }
    f->len += f->message.len;
    f->sent++;
    if (f->len >= FLUSH_BYTES) {
        flush(f);
    }
}

/* ---- pace ---- */

static void run(struct flood *f)
{
    double start_s = clock_s(CLOCK_MONOTONIC);
    double behind_max = 0;
    double late_s;
    uint64_t total = (uint64_t)(f->options.rate * f->options.seconds);
    while (f->sent < total) {
        late_s = clock_s(CLOCK_MONOTONIC) - start_s;
        uint64_t due = (uint64_t)(late_s * f->options.rate) + 1;
        due = due < total ? due : total;
        double behind = (double)(due - f->sent);
        behind_max = behind > behind_max ? behind : behind_max;
        set_clock(f);
        while (f->sent < due) {
            put_uplink(f);
        }
        flush(f);
        struct timespec slice = {0, SLICE_US * 1000L};
        nanosleep(&slice, NULL);
    }
    double wall_s = clock_s(CLOCK_MONOTONIC) - start_s;
    printf("{\"offered\":%llu,\"wall_s\":%.3f,\"wall_rate\":%.1f,\"bytes\":%llu,"
           "\"behind_max\":%.0f,\"cpu_s\":%.3f}\n",
           (unsigned long long)f->sent, wall_s, (double)f->sent / wall_s,
           (unsigned long long)f->bytes, behind_max, clock_s(CLOCK_PROCESS_CPUTIME_ID));
}

static int usage(void)
{
    fprintf(stderr,
            "usage: flood-uplinks PORT APPLICATION FIRST_EUI DEVICES RATE SECONDS "
            "[F@EPOCH]\n");
    return 2;
}

/* "F@EPOCH", as for fuotad. */
static bool read_scale(const char *text, struct options *options)
{
    char *end = NULL;
    options->scale = strtod(text, &end);
    if (*end != '@') {
        return false;
    }
    options->epoch = strtod(end + 1, &end);
    return *end == '\0';
}

int main(int argc, char **argv)
{
    if (argc < 7 || argc > 8) {
        return usage();
    }
    struct options options = {
        .port = (uint16_t)strtoul(argv[1], NULL, 10),
        .application = argv[2],
        .first_eui = strtoull(argv[3], NULL, 16),
        .devices = (uint32_t)strtoul(argv[4], NULL, 10),
        .rate = strtod(argv[5], NULL),
        .seconds = strtod(argv[6], NULL),
        .scale = 1,
    };
    if ((argc > 7 && !read_scale(argv[7], &options)) || options.port == 0 ||
        options.devices == 0 || options.rate <= 0) {
        return usage();
    }
    struct flood *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        die("memory");
    }
    f->options = options;
    f->prng = prng_seeded(1);
    make_message(f);
    connect_broker(f);
    run(f);
    static const uint8_t goodbye[] = {MQTT_DISCONNECT, 0};
    put(f, goodbye, sizeof(goodbye));
    flush(f);
    close(f->fd);
    free(f);
    return 0;
}
