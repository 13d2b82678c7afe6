/* SPDX-License-Identifier: MIT */
/* Requests over MQTT without a broker: what is let through, and where answers go. */
#include "test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "loop/mqtt_ctl.h"

#define WALL_US  INT64_C(1767225600000000)
#define RESPONSE "fuotad/v1/main/rsp/abc"

static struct {
    struct mqtt_ctl *ctl;
    struct operators operators;
    struct envelope_signer signers[2]; /* the second is not an operator's */
    int64_t wall_us;
    uint64_t ms;
    size_t requests;
    uint64_t channel; /* of the last request */
    enum ctl_method method;
    size_t gone;
    uint64_t last_gone;
    size_t answers;
    int publish_err;
    char topic[128];
    char payload[1024];
    char correlation[64];
    uint32_t expiry_s;
    bool retain;
} bench;

static int port_publish(void *arg, const struct mqtt_publish *publish)
{
    (void)arg;
    bench.answers++;
    snprintf(bench.topic, sizeof(bench.topic), "%s", publish->topic);
    snprintf(bench.payload, sizeof(bench.payload), "%.*s", (int)publish->payload_len,
             (const char *)publish->payload);
    snprintf(bench.correlation, sizeof(bench.correlation), "%.*s",
             (int)publish->correlation_len, (const char *)publish->correlation);
    bench.retain = publish->retain;
    bench.expiry_s = publish->expiry_s;
    return bench.publish_err;
}

static struct utc port_wall(void *arg)
{
    (void)arg;
    return (struct utc){bench.wall_us};
}

static uint64_t port_milliseconds(void *arg)
{
    (void)arg;
    return bench.ms;
}

static void on_request(void *arg, uint64_t connection, struct ctl_request *request)
{
    (void)arg;
    bench.requests++;
    bench.channel = connection;
    bench.method = request->method;
}

static void on_gone(void *arg, uint64_t connection)
{
    (void)arg;
    bench.gone++;
    bench.last_gone = connection;
}

static int setup(void **state)
{
    (void)state;
    static const struct mqtt_ctl_ports ports = {port_publish, port_wall,
                                                port_milliseconds};
    static const struct ctl_server_handlers handlers = {on_request, on_gone};
    memset(&bench, 0, sizeof(bench));
    assert_true(sodium_init() >= 0);
    bench.wall_us = WALL_US;
    bench.ms = 1000;
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t seed[32];
        uint8_t public[ENVELOPE_PUBLIC_BYTES];
        memset(seed, i + 1, sizeof(seed));
        crypto_sign_seed_keypair(public, bench.signers[i].secret, seed);
        snprintf(bench.signers[i].key, ENVELOPE_KEY_SIZE, "000000000000000%c", 'A' + i);
        if (i == 0) {
            struct operator_key *key = &bench.operators.keys[bench.operators.count++];
            memcpy(key->id, bench.signers[i].key, sizeof(key->id));
            memcpy(key->public, public, sizeof(key->public));
        }
    }
    struct mqtt_ctl_config config = {
        .prefix = "fuotad/v1/main",
        .instance = "main",
        .operators = &bench.operators,
    };
    memset(config.session, 0x5e, sizeof(config.session));
    bench.ctl = mqtt_ctl_create(&config, &ports, &handlers, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mqtt_ctl_destroy(bench.ctl);
    return 0;
}

/* A request as it should be; a row changes one thing of it. */
struct asked {
    struct envelope_stamp stamp;
    const struct envelope_signer *signer;
    const char *key; /* instead of the signer's */
    const char *topic;
    const char *response;
    const char *correlation;
    bool retained;
};

static struct asked good(uint8_t nonce)
{
    struct asked asked = {
        .stamp = {.instance = "main", .expires = {WALL_US + SECONDS_US(60)}},
        .signer = &bench.signers[0],
        .topic = "fuotad/v1/main/req/status",
        .response = RESPONSE,
        .correlation = "c1",
    };
    memset(asked.stamp.session, 0x5e, sizeof(asked.stamp.session));
    memset(asked.stamp.nonce, nonce, sizeof(asked.stamp.nonce));
    return asked;
}

static void ask(const struct asked *asked)
{
    struct envelope_signer signer = *asked->signer;
    if (asked->key != NULL) {
        memcpy(signer.key, asked->key, sizeof(signer.key));
    }
    AUTO_FREE char *payload = envelope_print(&signer, &asked->stamp, 9, CTL_STATUS, NULL);
    struct mqtt_message message = {
        .topic = asked->topic,
        .payload = (const uint8_t *)payload,
        .payload_len = strlen(payload),
        .qos = 1,
        .retained = asked->retained,
        .response_topic = asked->response,
        .correlation = (const uint8_t *)asked->correlation,
        .correlation_len = asked->correlation != NULL ? strlen(asked->correlation) : 0,
    };
    mqtt_ctl_take(bench.ctl, &message);
}

static int code_of_answer(void)
{
    struct ctl_message message = {0};
    assert_int_equal(ctl_message_parse(bench.payload, strlen(bench.payload), &message),
                     FUO_OK);
    assert_int_equal(message.type, CTL_MSG_ERROR);
    int code = (int)message.error.code;
    ctl_message_finish(&message);
    return code;
}

static void a_request_is_handed_on_and_its_answer_goes_where_it_says(void **state)
{
    (void)state;
    struct asked asked = good(1);
    ask(&asked);
    assert_int_equal(bench.requests, 1);
    assert_int_equal(bench.method, CTL_STATUS);
    assert_true(mqtt_ctl_is_channel(bench.channel));
    assert_string_equal(mqtt_ctl_key(bench.ctl, bench.channel), "000000000000000A");
    mqtt_ctl_send(bench.ctl, bench.channel, strdup("{\"id\":9}\n"));
    assert_string_equal(bench.topic, RESPONSE);
    assert_string_equal(bench.payload, "{\"id\":9}");
    assert_string_equal(bench.correlation, "c1");
    assert_false(bench.retain);
    assert_int_equal(bench.expiry_s, MQTT_CTL_ANSWER_LIFE_S);
    bench.publish_err = FUO_EAGAIN; /* lost, and nothing else happens */
    mqtt_ctl_send(bench.ctl, bench.channel, strdup("{\"id\":9}\n"));
    assert_int_equal(bench.answers, 2);
    mqtt_ctl_send(bench.ctl, bench.channel, NULL);
    assert_int_equal(bench.last_gone, bench.channel);
    mqtt_ctl_send(bench.ctl, bench.channel, strdup("{}\n"));
    assert_int_equal(bench.answers, 2);
    assert_null(mqtt_ctl_key(bench.ctl, bench.channel));
}

static void set_instance(struct asked *a)
{
    a->stamp.instance[0] = 'x';
}
static void set_session(struct asked *a)
{
    a->stamp.session[7] ^= 1;
}
static void set_expired(struct asked *a)
{
    a->stamp.expires.us = WALL_US;
}
static void set_far(struct asked *a)
{
    a->stamp.expires.us = WALL_US + SECONDS_US(ENVELOPE_LIFE_MAX_S) + 1;
}
static void set_stranger(struct asked *a)
{
    a->signer = &bench.signers[1];
}
static void set_forged(struct asked *a)
{
    a->signer = &bench.signers[1];
    a->key = bench.signers[0].key;
}
static void set_topic(struct asked *a)
{
    a->topic = "fuotad/v1/main/req/abort";
}

static void what_is_not_right_is_refused_with_its_code(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*change)(struct asked *asked);
        int code;
        const char *says;
    } rows[] = {
        {"another instance", set_instance, CTL_FORBIDDEN, "another instance"},
        {"before a restart", set_session, CTL_FORBIDDEN, "another start"},
        {"expired", set_expired, CTL_FORBIDDEN, "expired"},
        {"good for too long", set_far, CTL_FORBIDDEN, "more than 300 s"},
        {"a stranger", set_stranger, CTL_FORBIDDEN, "key 000000000000000B is not one"},
        {"forged", set_forged, CTL_UNTRUSTED, "was not signed by key"},
        {"another method's topic", set_topic, CTL_USAGE, "another method"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct asked asked = good((uint8_t)(i + 1));
        test_row(rows[i].name);
        rows[i].change(&asked);
        ask(&asked);
        assert_int_equal(bench.requests, 0);
        assert_int_equal(bench.answers, i + 1);
        assert_string_equal(bench.topic, RESPONSE);
        assert_int_equal(code_of_answer(), rows[i].code);
        assert_non_null(strstr(bench.payload, rows[i].says));
    }
    struct mqtt_message nonsense = {.topic = "fuotad/v1/main/req/status",
                                    .payload = (const uint8_t *)"{}",
                                    .payload_len = 2,
                                    .response_topic = RESPONSE};
    mqtt_ctl_take(bench.ctl, &nonsense);
    assert_int_equal(code_of_answer(), CTL_USAGE);
}

static void a_request_is_carried_out_once(void **state)
{
    (void)state;
    struct asked asked = good(1);
    ask(&asked);
    ask(&asked);
    assert_int_equal(bench.requests, 1);
    assert_int_equal(code_of_answer(), CTL_FORBIDDEN);
    asked.response = "fuotad/v1/main/rsp/other";
    ask(&asked);
    assert_int_equal(bench.requests, 1);
    bench.wall_us += SECONDS_US(59); /* as long as it could be believed */
    ask(&asked);
    assert_int_equal(bench.requests, 1);
    bench.wall_us += SECONDS_US(1);
    ask(&asked);
    assert_int_equal(bench.requests, 1);
    assert_non_null(strstr(bench.payload, "expired"));
    struct asked next = good(2);
    next.stamp.expires.us += SECONDS_US(60);
    ask(&next);
    assert_int_equal(bench.requests, 2);
}

static void retained_requests_and_wrong_places_for_answers_are_ignored(void **state)
{
    (void)state;
    static const char *const places[] = {
        NULL,
        "fuotad/v1/main/rsp",
        "fuotad/v1/main/rsp/",
        "fuotad/v1/main/rsp/a/b",
        "fuotad/v1/main/rsp/+",
        "fuotad/v1/main/req/abort",
        "fuotad/v1/mainrsp/a",
        "fuotad/v1/main/$state",
        "application/1/device/2/command/down",
    };
    char too_long[128] = RESPONSE;
    memset(too_long + strlen(RESPONSE), 'd', MQTT_CTL_WORD_MAX - 2);
    struct asked asked = good(1);
    asked.retained = true;
    ask(&asked);
    asked.retained = false;
    asked.response = too_long;
    ask(&asked);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        asked.response = places[i];
        ask(&asked);
    }
    assert_int_equal(bench.requests, 0);
    assert_int_equal(bench.answers, 0);
    asked.response = RESPONSE; /* none of that used the nonce up */
    ask(&asked);
    assert_int_equal(bench.requests, 1);
}

static void a_channel_lasts_while_somebody_asks(void **state)
{
    (void)state;
    struct asked asked = good(1);
    ask(&asked);
    uint64_t channel = bench.channel;
    bench.ms += MQTT_CTL_LAPSE_MS;
    asked = good(2);
    ask(&asked);
    assert_int_equal(bench.channel, channel);
    bench.ms += MQTT_CTL_LAPSE_MS;
    mqtt_ctl_send(bench.ctl, channel, strdup("{}\n"));
    assert_int_equal(bench.answers, 1);
    bench.ms += 1;
    mqtt_ctl_send(bench.ctl, channel, strdup("{}\n"));
    assert_int_equal(bench.answers, 1);
    assert_int_equal(bench.last_gone, channel);
    asked = good(3);
    ask(&asked);
    assert_true(bench.channel != channel); /* a number is never used again */
}

static void correlation_data_tell_channels_apart(void **state)
{
    (void)state;
    struct asked asked = good(1);
    ask(&asked);
    uint64_t first = bench.channel;
    asked = good(2);
    asked.correlation = "c2";
    ask(&asked);
    assert_true(bench.channel != first);
    asked = good(3);
    asked.correlation = NULL;
    ask(&asked);
    mqtt_ctl_send(bench.ctl, bench.channel, strdup("{}\n"));
    assert_string_equal(bench.correlation, "");
    mqtt_ctl_send(bench.ctl, first, strdup("{}\n"));
    assert_string_equal(bench.correlation, "c1");
}

static void channels_are_bounded(void **state)
{
    (void)state;
    uint64_t first = 0;
    for (unsigned i = 0; i <= MQTT_CTL_CHANNELS_MAX; i++) {
        char correlation[16];
        snprintf(correlation, sizeof(correlation), "%u", i);
        struct asked asked = good(1);
        asked.stamp.nonce[0] = (uint8_t)i;
        asked.stamp.nonce[1] = (uint8_t)(i >> 8);
        asked.correlation = correlation;
        bench.ms++;
        ask(&asked);
        first = i == 0 ? bench.channel : first;
    }
    assert_int_equal(bench.requests, MQTT_CTL_CHANNELS_MAX + 1);
    assert_int_equal(bench.gone, 1);
    assert_int_equal(bench.last_gone, first);
}

static void nonces_are_bounded_and_the_check_is_never_left_out(void **state)
{
    (void)state;
    struct nonces nonces = {0};
    struct nonce nonce = {.key = &bench.operators.keys[0], .expires = {100}};
    for (uint32_t i = 0; i < NONCES_MAX; i++) {
        memcpy(nonce.bytes, &i, sizeof(i));
        assert_int_equal(nonces_use(&nonces, &nonce, (struct utc){50}), FUO_OK);
    }
    assert_int_equal(nonces_use(&nonces, &nonce, (struct utc){50}), FUO_EEXIST);
    memset(nonce.bytes, 0xff, sizeof(nonce.bytes));
    assert_int_equal(nonces_use(&nonces, &nonce, (struct utc){50}), FUO_ENOSPC);
    nonce.expires.us = 200;
    assert_int_equal(nonces_use(&nonces, &nonce, (struct utc){100}), FUO_OK);
    assert_int_equal(nonces.count, 1);
    nonces_finish(&nonces);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(a_request_is_handed_on_and_its_answer_goes_where_it_says),
        WITH_BENCH(what_is_not_right_is_refused_with_its_code),
        WITH_BENCH(a_request_is_carried_out_once),
        WITH_BENCH(retained_requests_and_wrong_places_for_answers_are_ignored),
        WITH_BENCH(a_channel_lasts_while_somebody_asks),
        WITH_BENCH(correlation_data_tell_channels_apart),
        WITH_BENCH(channels_are_bounded),
        WITH_BENCH(nonces_are_bounded_and_the_check_is_never_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
