/* SPDX-License-Identifier: MIT */
/* test_chirpstack_direct.c - multicast: direct, through the real loader. */
#include "fake_host.h"

#include "base/hex.h"

#define APP     "5a1c0e1e-0000-4000-8000-000000000001"
#define GATEWAY "eu868/gateway/00000000000000a1/"

static const struct option_pair pairs[] = {{"applicationId", APP},
                                           {"multicast", "direct"},
                                           {"directLead", "2s"},
                                           {"directPower", "27"}};

static const uint8_t phy[] = {0x60, 4, 3, 2, 1, 0, 13, 0, 201, 0xaa, 0xbb, 0xcc, 0xdd};
static const uint64_t gateways[] = {0xa1, 0xa2};

static void deliver(struct rig *rig, const char *topic, const void *bytes, size_t len)
{
    rig->loaded.plugin.on_mqtt(rig->ns, topic, bytes, len, false);
}

/* The gateways speak JSON and protobuf: that is how they are spoken to. */
static void hear_gateways(struct rig *rig)
{
    static const char json[] = "{\"gatewayId\":\"00000000000000a1\"}";
    static const uint8_t packed[] = {0x38, 5, 0x40, 4};
    deliver(rig, GATEWAY "event/stats", json, sizeof(json) - 1);
    deliver(rig, "eu868/gateway/00000000000000a2/event/stats", packed, sizeof(packed));
    assert_non_null(rig_event(rig));
    assert_non_null(rig_event(rig));
}

static struct fuo_air air_of(size_t first, size_t count)
{
    return (struct fuo_air){.phy = phy,
                            .phy_len = sizeof(phy),
                            .gateways = gateways + first,
                            .gateway_count = count,
                            .mc_addr = 0x01020304,
                            .f_cnt = 65549,
                            .frequency_hz = 869525000,
                            .bandwidth_hz = 125000,
                            .sf = 9,
                            .dr = 3};
}

/* 2026-01-02T03:04:05.25Z, GPS 1451358263.25 */
#define AT_US INT64_C(1767323045250000)

static int send(struct rig *rig, uint64_t id, const struct fuo_air *air)
{
    struct fuo_multicast frame = {
        .id = id, .group = "direct", .fport = 201, .at_us = AT_US, .air = air};
    return rig->loaded.plugin.multicast(rig->ns, &frame);
}

static void the_daemon_is_told_that_frames_are_its_own(void **state)
{
    (void)state;
    struct rig rig;
    struct fuo_caps caps = {0};
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    rig.loaded.plugin.caps(rig.ns, &caps);
    assert_true(caps.direct);
    assert_int_equal(caps.timing, FUO_TIMING_ABSOLUTE);
    assert_int_equal(caps.multicast_lead_us, 2000000);
    rig_close(&rig);
}

static void a_gateway_is_given_the_frame_with_its_time(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    hear_gateways(&rig);
    struct fuo_air air = air_of(0, 1);
    assert_int_equal(send(&rig, 7, &air), FUO_OK);
    assert_string_equal(rig.host.published.topic, GATEWAY "command/down");
    assert_int_equal(rig.host.published.qos, 1);
    const char *json = rig.host.published.payload;
    assert_non_null(strstr(json, "\"gatewayId\":\"00000000000000a1\""));
    assert_non_null(strstr(json, "\"phyPayload\":\"YAQDAgEADQDJqrvM3Q==\""));
    assert_non_null(strstr(json, "\"frequency\":869525000,\"power\":27"));
    assert_non_null(strstr(json, "\"bandwidth\":125000,\"spreadingFactor\":9"));
    assert_non_null(strstr(json, "\"polarizationInversion\":true"));
    assert_non_null(
        strstr(json, "{\"gpsEpoch\":{\"timeSinceGpsEpoch\":\"1451358263.250000s\"}}"));
    assert_null(rig_event(&rig));
    rig.loaded.plugin.on_published(rig.ns, 7, FUO_OK);
    const struct fuo_event *e = rig_event(&rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_RESULT);
    assert_int_equal(e->result.id, 7);
    assert_int_equal(e->result.err, FUO_OK);
    assert_int_equal(e->result.f_cnt, 65549);
    rig_close(&rig);
}

/* As @chirpstack/chirpstack-api deserializes it; but for the downlinkId, which is drawn. */
static void who_speaks_protobuf_is_spoken_to_in_it(void **state)
{
    (void)state;
    static const uint8_t item[] = {
        0x0a, 13, /* phy_payload */
        0x60, 4,    3,    2,    1,    0,    13,   0,    201,  0xaa, 0xbb,
        0xcc, 0xdd,                                              /* */
        0x1a, 0x27,                                              /* tx_info */
        0x08, 0x88, 0xcc, 0xcf, 0x9e, 0x03,                      /* frequency */
        0x10, 27,                                                /* power */
        0x1a, 0x0c, 0x1a, 0x0a,                                  /* modulation, lora */
        0x08, 0xc8, 0xd0, 0x07, 0x10, 9,    0x20, 1,    0x28, 1, /* */
        0x32, 0x0f, 0x1a, 0x0d, 0x0a, 0x0b, /* timing, gps_epoch, duration */
        0x08, 0xb7, 0xf0, 0x87, 0xb4, 0x05, 0x10, 0x80, 0xe5, 0x9a, 0x77};
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    hear_gateways(&rig);
    struct fuo_air air = air_of(1, 1);
    assert_int_equal(send(&rig, 7, &air), FUO_OK);
    assert_string_equal(rig.host.published.topic,
                        "eu868/gateway/00000000000000a2/command/down");
    bool found = false;
    for (size_t i = 0; i + sizeof(item) < rig.host.published.payload_len; i++) {
        found = found || memcmp(rig.host.published.payload + i, item, sizeof(item)) == 0;
    }
    assert_true(found);
    rig_close(&rig);
}

static void what_gateways_answer_is_told_as_for_frames_of_the_server(void **state)
{
    (void)state;
    struct rig rig;
    char ack[160];
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    hear_gateways(&rig);
    struct fuo_air air = air_of(0, 1);
    assert_int_equal(send(&rig, 7, &air), FUO_OK);
    struct fake_publish p = rig.host.published;
    deliver(&rig, p.topic, p.payload, p.payload_len); /* comes back from the broker */
    const char *id = strstr(p.payload, "\"downlinkId\":");
    assert_non_null(id);
    snprintf(ack, sizeof(ack), "{%.*s,\"items\":[{\"status\":\"TOO_LATE\"}]}",
             (int)strcspn(id, ","), id);
    deliver(&rig, GATEWAY "event/ack", ack, strlen(ack));
    const struct fuo_event *e = rig_event(&rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_AIRED);
    assert_int_equal(e->aired.gateway, 0xa1);
    assert_int_equal(e->aired.address, 0x01020304);
    assert_int_equal(e->aired.f_cnt, 13);
    assert_int_equal(e->aired.status, FUO_AIRED_NO_TIME);
    deliver(&rig, GATEWAY "event/ack", ack, strlen(ack));
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

/* A counter is used up when one gateway may have the frame. */
static void a_frame_is_taken_if_any_of_its_gateways_may_have_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int published[2];
        int err;
    } rows[] = {
        {"both", {FUO_OK, FUO_OK}, FUO_OK},
        {"one", {FUO_EAGAIN, FUO_OK}, FUO_OK},
        {"one, then not", {FUO_OK, FUO_EPERM}, FUO_OK},
        {"nobody knows", {FUO_EAGAIN, FUO_ETIMEDOUT}, FUO_OK},
        {"neither", {FUO_EAGAIN, FUO_EAGAIN}, FUO_EAGAIN},
        {"not allowed", {FUO_EPERM, FUO_EPERM}, FUO_EPERM},
    };
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fuo_air air = air_of(0, 2);
        test_row(rows[i].name);
        assert_int_equal(send(&rig, i + 1, &air), FUO_OK);
        rig.loaded.plugin.on_published(rig.ns, i + 1, rows[i].published[0]);
        assert_null(rig_event(&rig));
        rig.loaded.plugin.on_published(rig.ns, i + 1, rows[i].published[1]);
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_int_equal(e->result.id, i + 1);
        assert_int_equal(e->result.err, rows[i].err);
    }
    rig_close(&rig);
}

static void what_cannot_be_sent_is_not_accepted(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "chirpstack", pairs, ARRAY_LEN(pairs));
    struct fuo_air air = air_of(0, 2);
    rig.host.refuse = FUO_EAGAIN;
    assert_int_equal(send(&rig, 1, &air), FUO_EAGAIN);
    rig.host.refuse = FUO_OK;
    assert_int_equal(send(&rig, 1, NULL), FUO_EINVAL); /* an older daemon */
    air.phy_len = 256;
    assert_int_equal(send(&rig, 1, &air), FUO_EINVAL);
    air = air_of(0, 1);
    for (uint64_t id = 1; id <= 64; id++) {
        assert_int_equal(send(&rig, id, &air), FUO_OK);
    }
    assert_int_equal(send(&rig, 65, &air), FUO_EAGAIN); /* the broker answers nothing */
    rig_close(&rig);
}

static void options_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *multicast;
        const char *tap;
        const char *says;
    } rows[] = {{"queue", "auto", "multicast must be"}, {"direct", "off", "needs tap"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        struct option_pair options[] = {{"applicationId", APP},
                                        {"multicast", rows[i].multicast},
                                        {"tap", rows[i].tap}};
        rig_load(&rig, "chirpstack", options, ARRAY_LEN(options));
        assert_int_equal(rig.loaded.plugin.open(&rig.ns,
                                                plugin_options_config(rig.options),
                                                &fake_ops, &rig.host),
                         FUO_EINVAL);
        assert_non_null(strstr(rig.host.log, rows[i].says));
        rig_close(&rig);
    }
}

TEST_MAIN(cmocka_unit_test(the_daemon_is_told_that_frames_are_its_own),
          cmocka_unit_test(a_gateway_is_given_the_frame_with_its_time),
          cmocka_unit_test(who_speaks_protobuf_is_spoken_to_in_it),
          cmocka_unit_test(what_gateways_answer_is_told_as_for_frames_of_the_server),
          cmocka_unit_test(a_frame_is_taken_if_any_of_its_gateways_may_have_it),
          cmocka_unit_test(what_cannot_be_sent_is_not_accepted),
          cmocka_unit_test(options_that_do_not_go_together_are_refused))
