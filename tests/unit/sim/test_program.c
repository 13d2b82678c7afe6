/* SPDX-License-Identifier: MIT */
/* fuota-sim around src/sim: command line, JSON both ways, files. */
#include "server_rig.h"

#include <json-c/json.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuota-sim/events.h"
#include "fuota-sim/files.h"
#include "fuota-sim/options.h"

/* ---- options ---- */

static int parse(const char *option, const char *value, struct sim_options *options,
                 struct detail *detail)
{
    char *argv[] = {(char *)(uintptr_t) "fuota-sim", (char *)(uintptr_t)option,
                    (char *)(uintptr_t)value, NULL};
    return options_parse(option == NULL  ? 1
                         : value == NULL ? 2
                                         : 3,
                         argv, options, detail);
}

static void options_have_defaults(void **state)
{
    (void)state;
    struct sim_options o;
    struct detail detail = {0};
    assert_int_equal(parse(NULL, NULL, &o, &detail), FUO_OK);
    assert_string_equal(o.broker, "mqtt://127.0.0.1:1883");
    assert_int_equal(o.api_port, 8080);
    assert_int_equal(o.network.device_count, 10);
    assert_int_equal(o.network.margin_us, SECONDS_US(5));
    assert_string_equal(o.network.application_id, APP_ID);
    assert_int_equal(o.network.dialect, NETWORK_DIALECT_CHIRPSTACK);
    assert_non_null(strstr(options_help(), "--time-scale F@EPOCH"));
}

static void options_are_read_with_their_units(void **state)
{
    (void)state;
    struct sim_options o;
    struct detail detail = {0};
    assert_int_equal(parse("--loss", "12.5%", &o, &detail), FUO_OK);
    assert_int_equal(o.network.loss_ppm, 125000);
    assert_int_equal(parse("--interval", "1.5h", &o, &detail), FUO_OK);
    assert_int_equal(o.network.uplink_interval_us, SECONDS_US(5400));
    assert_int_equal(parse("--margin", "700ms", &o, &detail), FUO_OK);
    assert_int_equal(o.network.margin_us, MILLIS_US(700));
    assert_int_equal(parse("--api", "127.0.0.1:18080", &o, &detail), FUO_OK);
    assert_string_equal(o.api_host, "127.0.0.1");
    assert_int_equal(o.api_port, 18080);
    assert_int_equal(parse("--ts004", "mixed", &o, &detail), FUO_OK);
    assert_int_equal(o.network.packages, NETWORK_PACKAGES_MIXED);
    assert_int_equal(parse("--seed", "18446744073709551615", &o, &detail), FUO_OK);
    assert_int_equal(parse("--time-scale", "100@1790000000", &o, &detail), FUO_OK);
    assert_int_equal(parse("--quiet", NULL, &o, &detail), FUO_OK);
    assert_true(o.quiet);
    assert_int_equal(parse("--dialect", "tts", &o, &detail), FUO_OK);
    assert_int_equal(o.network.dialect, NETWORK_DIALECT_TTS);
    assert_string_equal(o.application, "fuota-app@sim");
    assert_int_equal(parse("--dialect", "gateway", &o, &detail), FUO_OK);
    assert_int_equal(o.network.dialect, NETWORK_DIALECT_GATEWAY);
    assert_int_equal(parse("--full-duplex", NULL, &o, &detail), FUO_OK);
    assert_false(o.network.half_duplex);
    assert_int_equal(o.network.capture_db, 0);
    assert_int_equal(parse("--first-dev-eui", "0102030405060708", &o, &detail), FUO_OK);
    assert_true(o.network.first_dev_eui == UINT64_C(0x0102030405060708));
    assert_int_equal(parse("--first-dev-eui", "1", &o, &detail), FUO_EINVAL);
    assert_int_equal(parse("--refuse", "2.5%", &o, &detail), FUO_OK);
    assert_int_equal(o.network.refuse_ppm, 25000);
    assert_int_equal(parse("--gateway-marshaler", "mixed", &o, &detail), FUO_OK);
    assert_int_equal(o.marshaler, GATEWAY_MIXED);
    assert_int_equal(parse("--collisions", NULL, &o, &detail), FUO_OK);
    assert_int_equal(o.network.capture_db, 6);
    assert_false(o.network.keeps_groups);
    assert_int_equal(parse("--keep-groups", NULL, &o, &detail), FUO_OK);
    assert_true(o.network.keeps_groups);
}

static void wrong_options_get_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *option;
        const char *value;
        const char *detail;
    } rows[] = {
        {"--loss", "10", "--loss: \"10\" is not valid (try --help)"},
        {"--loss", "101%", "--loss: \"101%\" is not valid (try --help)"},
        {"--devices", "0", "--devices: \"0\" is not valid (try --help)"},
        {"--devices", "-1", "--devices: \"-1\" is not valid (try --help)"},
        {"--gateways", "1x", "--gateways: \"1x\" is not valid (try --help)"},
        {"--interval", "0.5s", "--interval: at least 1s"},
        {"--interval", "5", "--interval: \"5\" is not valid (try --help)"},
        {"--gateway-marshaler", "xml",
         "--gateway-marshaler: \"xml\" is not valid (try --help)"},
        {"--margin", "99999d", "--margin: \"99999d\" is not valid (try --help)"},
        {"--margin", ".5s", "--margin: \".5s\" is not valid (try --help)"},
        {"--api", "8080", "--api: \"8080\" is not valid (try --help)"},
        {"--api", "h:70000", "--api: \"h:70000\" is not valid (try --help)"},
        {"--ts004", "3", "--ts004: \"3\" is not valid (try --help)"},
        {"--time-scale", "100", "--time-scale: \"100\" is not valid (try --help)"},
        {"--dialect", "x", "--dialect: \"x\" is not valid (try --help)"},
        {"--application", "x", "--application: \"x\" is not valid (try --help)"},
        {"--nonsense", NULL, "--nonsense: unknown option (try --help)"},
        {"--devices", NULL, "--devices: needs a value (try --help)"},
        {"stray", NULL, "unexpected argument \"stray\" (try --help)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sim_options o;
        struct detail detail = {0};
        test_row(rows[i].detail);
        assert_int_equal(parse(rows[i].option, rows[i].value, &o, &detail), FUO_EINVAL);
        assert_string_equal(detail.text, rows[i].detail);
    }
}

/* ---- commands ---- */

#define TOPIC "application/" APP_ID "/device/00000000000000a1/command/down"

static int command(const char *topic, const char *text, struct command *out)
{
    return command_parse(APP_ID, topic, (const uint8_t *)text, strlen(text), out);
}

static void commands_are_read_in_both_spellings(void **state)
{
    (void)state;
    struct command c;
    assert_int_equal(command(TOPIC,
                             "{\"id\":\"" ITEM_1 "\",\"devEui\":\"00000000000000A1\","
                             "\"confirmed\":true,\"fPort\":200,\"data\":\"AQID\","
                             "\"expiresAt\":\"2026-01-01T00:00:00Z\",\"x\":[1]}",
                             &c),
                     FUO_OK);
    assert_string_equal(c.downlink.id, ITEM_1);
    assert_int_equal(c.downlink.dev_eui, 0xa1);
    assert_true(c.downlink.confirmed);
    assert_int_equal(c.downlink.fport, 200);
    assert_int_equal(c.downlink.len, 3);
    assert_memory_equal(c.downlink.data, "\x01\x02\x03", 3);
    assert_int_equal(c.downlink.expires.us, SECONDS_US(INT64_C(1767225600)));
    assert_int_equal(
        command(TOPIC, "{\"dev_eui\":\"00000000000000a1\",\"f_port\":5,\"id\":null}", &c),
        FUO_OK);
    assert_null(c.downlink.id);
    assert_int_equal(c.downlink.len, 0);
    assert_int_equal(c.downlink.expires.us, INT64_MAX);
}

static void wrong_commands_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "{",
        "[]",
        "7",
        "{}",
        "{\"devEui\":\"00000000000000a1\"}",
        "{\"devEui\":\"00000000000000a2\",\"fPort\":1}",
        "{\"devEui\":7,\"fPort\":1}",
        "{\"devEui\":\"00000000000000a1\",\"fPort\":0}",
        "{\"devEui\":\"00000000000000a1\",\"fPort\":256}",
        "{\"devEui\":\"00000000000000a1\",\"fPort\":\"1\"}",
        "{\"devEui\":\"00000000000000a1\",\"fPort\":1,\"data\":\"*\"}",
        "{\"devEui\":\"00000000000000a1\",\"fPort\":1,\"data\":7}",
        "{\"devEui\":\"00000000000000a1\",\"fPort\":1,\"id\":\"short\"}",
        "{\"devEui\":\"00000000000000a1\",\"fPort\":1,\"expiresAt\":\"soon\"}",
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}",
    };
    struct command c;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i]);
        assert_int_equal(command(TOPIC, rows[i], &c), FUO_EPROTO);
    }
    static const char *const topics[] = {
        "application/" APP_ID "/device/00000000000000a1/event/up",
        "application/" APP_ID "/device/a1/command/down",
        "application/x/device/00000000000000a1/command/down",
        "application/" APP_ID "/device/zz000000000000a1/command/down",
        "elsewhere",
    };
    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        test_row(topics[i]);
        assert_int_equal(command(topics[i], "{}", &c), FUO_ENOENT);
    }
}

/* ---- events ---- */

static struct json_object *event_object(const struct cs *cs, const struct cs_event *event,
                                        const char *type)
{
    struct prng prng = prng_seeded(1);
    struct event_context context = {cs, &prng};
    char topic[EVENT_TOPIC_MAX];
    event_topic(&context, event, topic);
    assert_non_null(
        strstr(topic, "application/" APP_ID "/device/00000000000000a1/event/"));
    assert_string_equal(strrchr(topic, '/') + 1, type);
    char *text = event_json(&context, event);
    struct json_object *root = json_tokener_parse(text);
    assert_non_null(root);
    free(text);
    return root;
}

static const char *get(struct json_object *root, const char *key)
{
    struct json_object *value = NULL;
    assert_true(json_object_object_get_ex(root, key, &value));
    return json_object_get_string(value);
}

static void uplinks_have_the_form_of_chirpstack(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    struct cs_event event = {
        .type = CS_EVENT_UP, .time = NOON, .device = &rig->cs.devices[0]};
    struct json_object *o = event_object(&rig->cs, &event, "up");
    assert_string_equal(get(o, "time"), "2026-09-21T14:13:20.000000+00:00");
    assert_string_equal(get(o, "data"), "aGk=");
    assert_string_equal(get(o, "fPort"), "2");
    assert_string_equal(get(o, "devAddr"), "26000000");
    json_object_put(o);
    rig_close(rig);
}

static void fates_of_downlinks_name_their_item(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    struct cs_event event = {
        .type = CS_EVENT_TXACK,
        .time = NOON,
        .device = &rig->cs.devices[0],
        .queue_item_id = ITEM_1,
        .f_cnt_down = 4,
        .gateway = 1,
        .frequency_hz = 868100000,
        .dr = 7,
        .delay_us = SECONDS_US(1),
        .acknowledged = true,
    };
    struct json_object *o = event_object(&rig->cs, &event, "txack");
    assert_string_equal(get(o, "queueItemId"), ITEM_1);
    assert_string_equal(get(o, "gatewayId"), "00000000000000b2");
    assert_non_null(strstr(get(o, "txInfo"), "fsk"));
    json_object_put(o);
    event.type = CS_EVENT_ACK;
    o = event_object(&rig->cs, &event, "ack");
    assert_string_equal(get(o, "acknowledged"), "true");
    json_object_put(o);
    rig_close(rig);
}

static void log_events_have_a_context(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    struct json_object *context = NULL;
    struct cs_event event = {
        .type = CS_EVENT_LOG,
        .time = NOON,
        .device = &rig->cs.devices[0],
        .queue_item_id = ITEM_1,
        .level = "ERROR",
        .code = "DOWNLINK_PAYLOAD_SIZE",
        .description = "d",
        .max_payload_size = 51,
        .item_size = 60,
    };
    struct json_object *o = event_object(&rig->cs, &event, "log");
    assert_string_equal(get(o, "code"), "DOWNLINK_PAYLOAD_SIZE");
    assert_true(json_object_object_get_ex(o, "context", &context));
    assert_string_equal(get(context, "max_payload_size"), "51");
    assert_string_equal(get(context, "queue_item_id"), ITEM_1);
    json_object_put(o);
    rig_close(rig);
}

static void joins_and_status_have_their_topics(void **state)
{
    (void)state;
    struct rig *rig = rig_with_device();
    struct cs_event event = {
        .type = CS_EVENT_JOIN,
        .time = NOON,
        .device = &rig->cs.devices[0],
        .margin_db = 9,
        .battery_percent = 80,
    };
    struct json_object *o = event_object(&rig->cs, &event, "join");
    assert_string_equal(get(o, "devAddr"), "26000000");
    json_object_put(o);
    event.type = CS_EVENT_STATUS;
    o = event_object(&rig->cs, &event, "status");
    assert_string_equal(get(o, "margin"), "9");
    json_object_put(o);
    rig_close(rig);
}

/* ---- files ---- */

static void files_hold_keys_privately_and_images(void **state)
{
    (void)state;
    char dir[] = "/tmp/test-sim-XXXXXX";
    char path[64];
    static const struct network_sink none;
    struct network network;
    struct sim_options o;
    struct detail detail = {0};
    struct stat st;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(parse("--devices", "3", &o, &detail), FUO_OK);
    o.network.start = NOON;
    assert_int_equal(network_init(&network, &o.network, &none, NULL), FUO_OK);
    (void)snprintf(path, sizeof(path), "%s/inventory", dir);
    assert_int_equal(inventory_write(path, &network), FUO_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    unlink(path);
    assert_int_equal(inventory_write("/nowhere/at/all", &network), FUO_EIO);
    assert_int_equal(flash_write_all(dir, &network), FUO_OK);
    for (int i = 1; i <= 3; i++) {
        (void)snprintf(path, sizeof(path), "%s/70b3d57ed006000%d.bin", dir, i);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(flash_write_all("/nowhere/at/all", &network), FUO_EIO);
    network_free(&network);
    rmdir(dir);
}

static void the_token_is_the_first_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
    } rows[] = {
        {"secret\n", FUO_OK}, {"secret", FUO_OK}, {"\n", FUO_EPROTO}, {"", FUO_EPROTO}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[] = "/tmp/test-sim-XXXXXX";
        char *token = NULL;
        int fd = mkstemp(path);
        size_t len = strlen(rows[i].text);
        assert_int_equal(write(fd, rows[i].text, len), (ssize_t)len);
        close(fd);
        assert_int_equal(token_read(path, &token), rows[i].err);
        unlink(path);
        if (rows[i].err == FUO_OK) {
            assert_string_equal(token, "secret");
            free(token);
        }
    }
    char *token = NULL;
    assert_int_equal(token_read("/nowhere", &token), FUO_ENOENT);
}

TEST_MAIN(cmocka_unit_test(options_have_defaults),
          cmocka_unit_test(options_are_read_with_their_units),
          cmocka_unit_test(wrong_options_get_one_line),
          cmocka_unit_test(commands_are_read_in_both_spellings),
          cmocka_unit_test(wrong_commands_are_refused),
          cmocka_unit_test(uplinks_have_the_form_of_chirpstack),
          cmocka_unit_test(fates_of_downlinks_name_their_item),
          cmocka_unit_test(log_events_have_a_context),
          cmocka_unit_test(joins_and_status_have_their_topics),
          cmocka_unit_test(files_hold_keys_privately_and_images),
          cmocka_unit_test(the_token_is_the_first_line))
