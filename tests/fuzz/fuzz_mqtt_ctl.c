/* SPDX-License-Identifier: MIT */
/*
 * fuzz_mqtt_ctl.c - what a broker hands over as requests of operators, and what the daemon
 * answers: who may ask, once each, and where answers go.
 *
 * Lines: "s TOPIC RESPONSE CORRELATION BODY" is a request whose body the operator has signed,
 * "p TOPIC RESPONSE CORRELATION PAYLOAD" one whose payload is as it is; "r ..." is the first
 * kind, retained; "a N TEXT" answers on the Nth channel from the latest, "e N" ends it, "t
 * SECONDS" lets time pass. '-' is no response topic, and no correlation data.
 *
 * Nothing is handed on that was not signed by the operator, that was retained, or whose
 * nonce was used; nothing is published but below the response topics.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/log.h"
#include "loop/mqtt_ctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY      "0123456789ABCDEF"
#define PREFIX   "fuotad/v1/main"
#define CONTEXT  "fuotad request v1\n"
#define BEGIN_US INT64_C(1767225600000000)

enum {
    LINES_MAX = 600,
    CHANNELS_KEPT = 16,
    SIGNATURE_TEXT_SIZE =
        sodium_base64_ENCODED_LEN(crypto_sign_BYTES, sodium_base64_VARIANT_ORIGINAL),
};

static struct {
    struct mqtt_ctl *ctl;
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    struct operators operators;
    int64_t passed_us;
    bool may_be_handed_on;
    const char *bodies[LINES_MAX]; /* handed on */
    size_t body_count;
    uint64_t channels[CHANNELS_KEPT];
    size_t channel_count;
    size_t published;
} bench;

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static int port_publish(void *arg, const struct mqtt_publish *publish)
{
    static const char allowed[] = PREFIX "/rsp/";
    (void)arg;
    require(strncmp(publish->topic, allowed, sizeof(allowed) - 1) == 0);
    require(strpbrk(publish->topic, "+#") == NULL && !publish->retain);
    require(memchr(publish->payload, '\n', publish->payload_len) == NULL);
    return bench.published++ % 5 == 4 ? FUO_EAGAIN : FUO_OK;
}

static struct utc port_wall(void *arg)
{
    (void)arg;
    return (struct utc){BEGIN_US + bench.passed_us};
}

static uint64_t port_milliseconds(void *arg)
{
    (void)arg;
    return (uint64_t)bench.passed_us / 1000;
}

static void on_request(void *arg, uint64_t connection, struct ctl_request *request)
{
    (void)arg;
    require(bench.may_be_handed_on && mqtt_ctl_is_channel(connection));
    require(strcmp(mqtt_ctl_key(bench.ctl, connection), KEY) == 0);
    require(ctl_method_name(request->method)[0] != '\0');
    bench.may_be_handed_on = false;
    bench.channels[bench.channel_count++ % CHANNELS_KEPT] = connection;
}

static void on_gone(void *arg, uint64_t connection)
{
    (void)arg;
    require(mqtt_ctl_is_channel(connection));
}

/* ---- the script ---- */

/* The next word; what is left begins behind it. Never NULL. */
static const char *word(char **rest)
{
    char *at = *rest;
    size_t len = strcspn(at, " ");
    *rest = at + len + (at[len] == ' ');
    at[len] = '\0';
    return at;
}

/* As fuotactl makes it; the caller frees it. */
static char *sign(const char *body)
{
    uint8_t signature[crypto_sign_BYTES];
    char text[SIGNATURE_TEXT_SIZE];
    char *signed_text = NULL;
    require(asprintf(&signed_text, CONTEXT "%s", body) > 0);
    crypto_sign_detached(signature, NULL, (const uint8_t *)signed_text,
                         strlen(signed_text), bench.secret);
    free(signed_text);
    sodium_bin2base64(text, sizeof(text), signature, sizeof(signature),
                      sodium_base64_VARIANT_ORIGINAL);
    struct json_object *root = json_object_new_object();
    json_object_object_add(root, "key", json_object_new_string(KEY));
    json_object_object_add(root, "signature", json_object_new_string(text));
    json_object_object_add(root, "body", json_object_new_string(body));
    char *payload = strdup(json_object_to_json_string(root));
    json_object_put(root);
    require(payload != NULL);
    return payload;
}

static bool was_handed_on(const char *body)
{
    for (size_t i = 0; i < bench.body_count; i++) {
        if (strcmp(bench.bodies[i], body) == 0) {
            return true;
        }
    }
    return false;
}

static void take(char what, char *rest)
{
    struct mqtt_message message = {.qos = 1, .retained = what == 'r'};
    message.topic = word(&rest);
    const char *response = word(&rest);
    const char *correlation = word(&rest);
    bool raw = what == 'p';
    char *payload = raw ? strdup(rest) : sign(rest);
    require(payload != NULL);
    message.response_topic = strcmp(response, "-") != 0 ? response : NULL;
    message.correlation_len = strcmp(correlation, "-") != 0 ? strlen(correlation) : 0;
    message.correlation = (const uint8_t *)correlation;
    message.payload = (const uint8_t *)payload;
    message.payload_len = strlen(payload);
    bool may = !raw && !message.retained && !was_handed_on(rest);
    bench.may_be_handed_on = may;
    mqtt_ctl_take(bench.ctl, &message);
    if (may && !bench.may_be_handed_on) {
        bench.bodies[bench.body_count++] = rest;
    }
    bench.may_be_handed_on = false;
    free(payload);
}

static void answer(char what, char *rest)
{
    unsigned long back = strtoul(word(&rest), NULL, 10) % CHANNELS_KEPT;
    char *line = NULL;
    if (back >= bench.channel_count) {
        return;
    }
    if (what == 'a') {
        require(asprintf(&line, "{\"text\":\"%s\"}\n", rest) > 0);
    }
    mqtt_ctl_send(bench.ctl,
                  bench.channels[(bench.channel_count - 1 - back) % CHANNELS_KEPT], line);
}

static void do_line(char *line)
{
    char what = *word(&line);
    switch (what) {
    case 's':
    case 'p':
    case 'r':
        take(what, line);
        break;
    case 'a':
    case 'e':
        answer(what, line);
        break;
    case 't':
        bench.passed_us += (int64_t)(strtoul(line, NULL, 10) % 100000) * SECONDS_US(1);
        break;
    default:
        break;
    }
}

/* What is refused is logged; here that would be all that there is to see. */
static void be_quiet(void)
{
    static bool quiet;
    struct log_config log = {.level = LOG_LEVEL_ERROR};
    if (!quiet) {
        log.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        require(log.fd >= 0 && clock_init(&log.clock, NULL) == FUO_OK);
        log_init(&log);
        quiet = true;
    }
}

static void open_bench(void)
{
    static const struct mqtt_ctl_ports ports = {port_publish, port_wall,
                                                port_milliseconds};
    static const struct ctl_server_handlers handlers = {on_request, on_gone};
    uint8_t seed[crypto_sign_SEEDBYTES] = {1};
    struct operator_key *key = &bench.operators.keys[0];
    be_quiet();
    require(sodium_init() >= 0);
    memset(&bench, 0, sizeof(bench));
    crypto_sign_seed_keypair(key->public, bench.secret, seed);
    memcpy(key->id, KEY, sizeof(KEY));
    bench.operators.count = 1;
    struct mqtt_ctl_config config = {
        .prefix = PREFIX, .instance = "main", .operators = &bench.operators};
    memset(config.session, 0x5e, sizeof(config.session));
    bench.ctl = mqtt_ctl_create(&config, &ports, &handlers, NULL);
    require(bench.ctl != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *save = NULL;
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    open_bench();
    char *line = strtok_r(text, "\n", &save);
    for (int i = 0; i < LINES_MAX && line != NULL; i++) {
        do_line(line);
        line = strtok_r(NULL, "\n", &save);
    }
    mqtt_ctl_destroy(bench.ctl);
    free(text);
    return 0;
}
