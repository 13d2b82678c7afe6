/* SPDX-License-Identifier: MIT */
/*
 * flood_uplinks.c - offers uplinks to a broker as ChirpStack v4 does, at a given rate.
 *
 * Speaks MQTT 3.1.1 itself over one socket to 127.0.0.1, QoS 0 as ChirpStack's integration
 * does by default: a client library would be the bottleneck. Each uplink is a JSON event of
 * some 1.6 KB with three receptions, from the next device of a range of DevEUIs, with the
 * time of now. Pace is kept in slices of a millisecond; what the broker does not take in
 * time is sent late, never skipped, so the rate that was reached is part of the result: one
 * JSON object on stdout.
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
    FLUSH_BYTES = 32 << 10,
    SLICE_US = 1000,
    GATEWAYS = 50,
    RECEPTIONS = 3,
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

struct flood {
    struct options options;
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

/* ---- an uplink ---- */

/* Number i of the device's receptions: its gateways stand in a ring, near ones are heard
 * best, and each uplink a little differently. */
static int append_reception(char *at, size_t cap, struct flood *f, const char *when,
                            int i)
{
    double gps_s = virtual_now_s(&f->options) - GPS_EPOCH_S + GPS_LEAP_S;
    uint64_t device = f->sent % f->options.devices;
    uint64_t draw = prng_next(&f->prng);
    uint64_t gateway = (device + (uint64_t)i) % GATEWAYS + 1;
    double snr = 9.0 - 4.0 * i - (double)(device / GATEWAYS % 8) +
                 (double)(draw >> 16 & 31) / 10.0;
    return snprintf(
        at, cap,
        "{\"gatewayId\":\"0016c001f1%06x\",\"uplinkId\":%u,\"gwTime\":\"%s\","
        "\"nsTime\":\"%s\",\"timeSinceGpsEpoch\":\"%.6fs\",\"rssi\":%d,\"snr\":%.1f,"
        "\"channel\":%u,\"location\":{\"latitude\":52.5163,\"longitude\":13.3777},"
        "\"context\":\"AAAAAA==\",\"metadata\":{\"region_common_name\":\"EU868\","
        "\"region_config_id\":\"eu868\"},\"crcStatus\":\"CRC_OK\"}",
        (unsigned)gateway, (unsigned)(draw >> 32), when, when, gps_s,
        (int)(-100 + 2 * snr), snr, (unsigned)(draw >> 24 & 7));
}

static size_t write_event(struct flood *f, const char *eui, char *out)
{
    static const char data[] = "AGcBEAFlAB4CcQPoA+gD6A==";
    double now_s = virtual_now_s(&f->options);
    time_t whole = (time_t)now_s;
    struct tm tm;
    char date[32];
    char when[64];
    gmtime_r(&whole, &tm);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(when, sizeof(when), "%s.%06d+00:00", date,
             (int)((now_s - (double)whole) * 1e6));
    uint64_t draw = prng_next(&f->prng);
    size_t len = (size_t)snprintf(
        out, MESSAGE_MAX,
        "{\"deduplicationId\":\"%08x-1a2b-4c3d-8e4f-%012llx\",\"time\":\"%s\","
        "\"deviceInfo\":{\"tenantId\":\"52f14cd4-c6f1-4fbd-8f87-4025e1d49242\","
        "\"tenantName\":\"utility\",\"applicationId\":\"%s\",\"applicationName\":"
        "\"water-meters\",\"deviceProfileId\":\"14855bf7-d10d-4aee-b618-ebfcb64dc7ad\","
        "\"deviceProfileName\":\"wm1\",\"deviceName\":\"meter-%s\",\"devEui\":\"%s\","
        "\"deviceClassEnabled\":\"CLASS_A\",\"tags\":{\"site\":\"berlin\"}},"
        "\"devAddr\":\"%08x\",\"adr\":true,\"dr\":%u,\"fCnt\":%llu,\"fPort\":10,"
        "\"confirmed\":false,\"data\":\"%s\",\"object\":{\"level\":30,\"temperature\":27."
        "2,"
        "\"acceleration\":{\"x\":1,\"y\":1,\"z\":1}},\"rxInfo\":[",
        (unsigned)(draw >> 32), (unsigned long long)(draw & 0xffffffffffff), when,
        f->options.application, eui, eui, (unsigned)(draw >> 4),
        (unsigned)(f->sent % f->options.devices % 6),
        (unsigned long long)(f->sent / f->options.devices), data);
    for (int i = 0; i < RECEPTIONS; i++) {
        if (i > 0) {
            out[len++] = ',';
        }
        len += (size_t)append_reception(out + len, MESSAGE_MAX - len, f, when, i);
    }
    len += (size_t)snprintf(
        out + len, MESSAGE_MAX - len,
        "],\"txInfo\":{\"frequency\":868100000,\"modulation\":{\"lora\":{\"bandwidth\":"
        "125000,\"spreadingFactor\":9,\"codeRate\":\"CR_4_5\"}}},\"regionConfigId\":"
        "\"eu868\"}");
    return len;
}

static void put_uplink(struct flood *f)
{
    char eui[24];
    char topic[192];
    char event[MESSAGE_MAX];
    snprintf(eui, sizeof(eui), "%016" PRIx64,
             f->options.first_eui + f->sent % f->options.devices);
    size_t topic_len =
        (size_t)snprintf(topic, sizeof(topic), "application/%s/device/%s/event/up",
                         f->options.application, eui);
    size_t len = write_event(f, eui, event);
    put_header(f, MQTT_PUBLISH, 2 + topic_len + len);
    put_text(f, topic, topic_len);
    put(f, event, len);
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
    connect_broker(f);
    run(f);
    static const uint8_t goodbye[] = {MQTT_DISCONNECT, 0};
    put(f, goodbye, sizeof(goodbye));
    flush(f);
    close(f->fd);
    free(f);
    return 0;
}
