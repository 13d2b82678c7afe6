/* SPDX-License-Identifier: MIT */
/*
 * test_chirpstack_protobuf.c - events that are protobuf, and commands that follow them.
 *
 * The bytes were written by @chirpstack/chirpstack-api.
 */
#include "fake_host.h"

#include "base/hex.h"

#define APP   "5a1c0e1e-0000-4000-8000-000000000001"
#define TOPIC "application/" APP "/device/0102030405060708/event/"

static const struct option_pair pairs[] = {{"applicationId", APP}, {"tap", "off"}};

static const char up[] =
    "0a0178120b08a5ebdcca06108094ef3a1a240a01744210303130323033303430353036303730"
    "384a0d0a047369746512056e6f7274682801300538f0a20440c901520301020362410a103030"
    "30303030303030303030303061311a0c08a4ebdcca061080d293ad038a010b08a5ebdcca0610"
    "8084af5f30a6ffffffffffffffff013d0000e84080010262410a103030303030303030303030"
    "30303061321a0c08a4ebdcca061080d293ad038a010b08a5ebdcca06108084af5f30c4ffffff"
    "ffffffffff013d000020c08001026a1008e0e9849e0312081a0608c8d0071007";
static const char upgps[] =
    "0a0178120b08a5ebdcca06108094ef3a1a240a01744210303130323033303430353036303730"
    "384a0d0a047369746512056e6f7274682801300538f0a20440c901520301020362410a103030"
    "30303030303030303030303061311a0c08a4ebdcca061080d293ad038a010b08a5ebdcca0610"
    "8084af5f30a6ffffffffffffffff013d0000e840800102624f0a103030303030303030303030"
    "30303061321a0c08a4ebdcca061080d293ad038a010b08a5ebdcca06108084af5f220c08b7f0"
    "87b4051080cab5ee0130c4ffffffffffffffff013d000020c08001026a1008e0e9849e031208"
    "1a0608c8d0071007";
static const char txack[] =
    "08071a240a01744210303130323033303430353036303730384a0d0a047369746512056e6f72"
    "7468222436363735366637342d363136342d383030302d303030302d30303030303030303030"
    "32613210303030303030303030303030303061313a100888cccf9e031a081a0608c8d007100c";
static const char ack[] =
    "1a240a01744210303130323033303430353036303730384a0d0a047369746512056e6f727468"
    "222436363735366637342d363136342d383030302d303030302d303030303030303030303261"
    "2801";
static const char nack[] =
    "1a240a01744210303130323033303430353036303730384a0d0a047369746512056e6f727468"
    "222436363735366637342d363136342d383030302d303030302d303030303030303030303261";
static const char expired[] =
    "12240a01744210303130323033303430353036303730384a0d0a047369746512056e6f727468"
    "1802200b32350a0d71756575655f6974656d5f6964122436363735366637342d363136342d38"
    "3030302d303030302d303030303030303030303261";
static const char f_cnt_down[] =
    "12240a01744210303130323033303430353036303730384a0d0a047369746512056e6f727468"
    "1802200a32350a0d71756575655f6974656d5f6964122436363735366637342d363136342d38"
    "3030302d303030302d303030303030303030303261";
static const char payload_size[] =
    "12240a01744210303130323033303430353036303730384a0d0a047369746512056e6f727468"
    "1802200132350a0d71756575655f6974656d5f6964122436363735366637342d363136342d38"
    "3030302d303030302d303030303030303030303261";
static const char gateway_log[] =
    "12240a01744210303130323033303430353036303730384a0d0a047369746512056e6f727468"
    "1802200832350a0d71756575655f6974656d5f6964122436363735366637342d363136342d38"
    "3030302d303030302d303030303030303030303261";
static const char status[] =
    "1a240a01744210303130323033303430353036303730384a0d0a047369746512056e6f727468"
    "28efffffffffffffffff014500004a42";
static const char statusbad[] =
    "1a240a01744210303130323033303430353036303730384a0d0a047369746512056e6f727468"
    "28634500004a42";

static void deliver(struct rig *rig, const char *type, const char *hex)
{
    char topic[128];
    uint8_t bytes[512];
    size_t len = strlen(hex) / 2;
    assert_true(len <= sizeof(bytes));
    assert_int_equal(hex_decode(hex, strlen(hex), bytes, len), FUO_OK);
    snprintf(topic, sizeof(topic), TOPIC "%s", type);
    rig->loaded.plugin.on_mqtt(rig->ns, topic, bytes, len, false);
}

static void an_uplink_says_what_it_says_in_json(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    deliver(&rig, "up", up);
    const struct fuo_event *e = rig_event(&rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_UPLINK);
    assert_true(e->uplink.dev_eui == UINT64_C(0x0102030405060708));
    assert_true(e->uplink.received_us == INT64_C(1767323044900000)); /* gwTime */
    assert_int_equal(e->uplink.payload_len, 3);
    assert_memory_equal(e->uplink.payload, "\1\2\3", 3);
    assert_int_equal(e->uplink.f_cnt, 70000);
    assert_int_equal(e->uplink.fport, 201);
    assert_int_equal(e->uplink.dr, 5);
    assert_int_equal(e->uplink.frequency_hz, 868300000);
    assert_int_equal(e->uplink.rx_count, 2);
    assert_int_equal(e->uplink.rx[0].gateway, 0xa2);
    assert_int_equal(e->uplink.rx[0].rssi_dbm, -60);
    assert_int_equal(e->uplink.rx[0].snr_cdb, -250);
    assert_int_equal(e->uplink.rx[1].snr_cdb, 725);
    deliver(&rig, "up", upgps);
    e = rig_event(&rig);
    assert_non_null(e);
    assert_true(e->uplink.received_us == INT64_C(1767323045500000));
    assert_int_equal(rig.host.reject_count, 0);
    rig_close(&rig);
}

static void fates_and_statuses_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *type;
        const char *hex;
        enum fuo_fate fate;
    } rows[] = {
        {"txack", "txack", txack, FUO_FATE_SENT},
        {"ack", "ack", ack, FUO_FATE_SENT},
        {"not acknowledged", "ack", nack, 0},
        {"expired", "log", expired, FUO_FATE_EXPIRED},
        {"counter", "log", f_cnt_down, FUO_FATE_REFUSED},
        {"too long", "log", payload_size, FUO_FATE_REFUSED},
        {"a gateway's refusal", "log", gateway_log, 0},
        {"no margin", "status", statusbad, 0},
        {"of no interest", "join", "ff", 0},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        deliver(&rig, rows[i].type, rows[i].hex);
        const struct fuo_event *e = rig_event(&rig);
        assert_true((e != NULL) == (rows[i].fate != 0));
        if (e != NULL) {
            assert_int_equal(e->type, FUO_EV_FATE);
            assert_int_equal(e->fate.id, 42);
            assert_int_equal(e->fate.fate, rows[i].fate);
        }
    }
    deliver(&rig, "txack", txack);
    const struct fuo_event *e = rig_event(&rig);
    assert_int_equal(e->fate.gateway, 0xa1);
    assert_int_equal(e->fate.frequency_hz, 869525000);
    assert_int_equal(e->fate.dr, 0);
    deliver(&rig, "status", status);
    e = rig_event(&rig);
    assert_int_equal(e->type, FUO_EV_STATUS);
    assert_int_equal(e->status.margin_db, -17);
    assert_true(e->status.has_battery);
    assert_int_equal(e->status.battery_percent, 50); /* 50.5 */
    assert_int_equal(rig.host.reject_count, 0);
    rig_close(&rig);
}

/* By hand: {"fw": {"version": "1.4.3", "build": 7}} as google.protobuf.Struct. */
static void what_the_server_decodes_tells_the_version(void **state)
{
    (void)state;
#define VERSION "0a120a0776657273696f6e12071a05312e342e33"
#define BUILD                             \
    "0a120a056275696c6412091100000000000" \
    "01c40"
    static const char decoded[] = "1a12421030313032303330343035303630373038"
                                  "52010040025a320a300a026677122a2a28" VERSION BUILD;
    static const struct {
        const char *pointer;
        const char *version;
    } rows[] = {
        {"/fw/version", "1.4.3"}, {"/fw/build", "7"},    {"/fw/versio", ""}, {"/fw", ""},
        {"/x/version", ""},       {"/fw/version/x", ""}, {"", ""},           {NULL, ""},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].pointer != NULL ? rows[i].pointer : "none");
        rig.host.version_pointer = rows[i].pointer;
        deliver(&rig, "up", decoded);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_int_equal(e->uplink.fport, 2);
        assert_string_equal(e->uplink.version, rows[i].version);
    }
    rig_close(&rig);
}

static void what_is_no_event_of_the_device_is_rejected(void **state)
{
    (void)state;
    static const char *const types[] = {"up", "ack", "txack", "log", "status"};
    static const char *const bad[] = {
        "ff",                                               /* no protobuf */
        "3005",                                             /* nobody's */
        "1a1242103132333435363738313233343536373812023031", /* of another device */
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
            size_t before = rig.host.reject_count;
            test_row(types[i]);
            deliver(&rig, types[i], bad[k]);
            assert_null(rig_event(&rig));
            assert_int_equal(rig.host.reject_count, before + 1);
        }
    }
    rig_close(&rig);
}

static void send(struct rig *rig)
{
    struct fuo_unicast downlink = {.id = 42,
                                   .dev_eui = UINT64_C(0x0102030405060708),
                                   .payload = (const uint8_t *)"\1\2",
                                   .payload_len = 2,
                                   .expires_us = INT64_C(1767323045500000),
                                   .fport = 200};
    assert_int_equal(rig->loaded.plugin.unicast(rig->ns, &downlink), FUO_OK);
}

/* Bytes of what was published last; the fake host keeps them as a text. */
static bool sent_json(const struct rig *rig)
{
    return rig->host.published.payload[0] == '{';
}

static void commands_are_in_the_form_of_the_last_event(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    send(&rig);
    assert_true(sent_json(&rig));
    deliver(&rig, "up", up);
    assert_non_null(rig_event(&rig));
    send(&rig);
    /* Field 1, 36 bytes: the id */
    assert_memory_equal(rig.host.published.payload,
                        "\x0a\x24"
                        "66756f74-6164-8000-0000-00000000002a"
                        "\x12\x10"
                        "0102030405060708",
                        56);
    rig_close(&rig);
}

static void the_form_of_commands_may_be_given(void **state)
{
    (void)state;
    static const struct {
        const char *marshaler;
        int err;
        bool json;
    } rows[] = {
        {"protobuf", FUO_OK, false}, {"json", FUO_OK, true}, {"xml", FUO_EINVAL, true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct option_pair options[] = {
            {"applicationId", APP}, {"tap", "off"}, {"marshaler", rows[i].marshaler}};
        struct rig rig;
        test_row(rows[i].marshaler);
        rig_load(&rig, "chirpstack", options, ARRAY_LEN(options));
        assert_int_equal(rig.loaded.plugin.open(&rig.ns,
                                                plugin_options_config(rig.options),
                                                &fake_ops, &rig.host),
                         rows[i].err);
        if (rows[i].err == FUO_OK) {
            deliver(&rig, "up", rows[i].json ? up : "ff");
            (void)rig_event(&rig);
            send(&rig);
            assert_int_equal(sent_json(&rig), rows[i].json);
        }
        rig_close(&rig);
    }
}

TEST_MAIN(cmocka_unit_test(what_the_server_decodes_tells_the_version),
          cmocka_unit_test(an_uplink_says_what_it_says_in_json),
          cmocka_unit_test(fates_and_statuses_are_told),
          cmocka_unit_test(what_is_no_event_of_the_device_is_rejected),
          cmocka_unit_test(commands_are_in_the_form_of_the_last_event),
          cmocka_unit_test(the_form_of_commands_may_be_given))
