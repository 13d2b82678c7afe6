/* SPDX-License-Identifier: MIT */
/* tts_group.h - a multicast group of the plugin tts, for the tests of what is done with it. */
#pragma once

#include "tts_rig.h"

static const uint8_t nwk_key[16] = {0xa0, 1, 2, 3};
static const uint8_t app_key[16] = {0xb0, 1, 2, 3};
static const uint64_t gateways[] = {0xa1, 0xa2};

/* FNV-1a of "fuotad-d-wm1-3" */
#define HANDLE "fuotad-mc-8283562d8e423f19"
#define IS     "/api/v3/applications/app1/devices"
#define NS     "/api/v3/ns/applications/app1/devices/"
#define AS     "/api/v3/as/applications/app1/devices/"
#define LOOK   AS HANDLE "?field_mask=session.dev_addr,session.last_a_f_cnt_down"

static inline struct fuo_group group_intent(void)
{
    return (struct fuo_group){
        .id = 7,
        .name = "fuotad-d-wm1-3",
        .mc_nwk_s_key = nwk_key,
        .mc_app_s_key = app_key,
        .region = "EU868",
        .gateways = gateways,
        .gateway_count = ARRAY_LEN(gateways),
        .mc_addr = 0x01ab23cd,
        .frequency_hz = 869525000,
        .f_cnt = 5,
        .dr = 3,
        .device_class = 'C',
    };
}

/* With gateways that were heard. */
static inline void start(struct rig *rig)
{
    setup(rig);
    hear(rig, "meter-1", "2026-01-02T12:00:00Z");
    assert_non_null(rig_event(rig));
}

static inline void begin(struct rig *rig)
{
    struct fuo_group group = group_intent();
    assert_int_equal(rig->loaded.plugin.group_open(rig->ns, &group), FUO_OK);
    assert_null(rig_event(rig));
}

static inline void expect_group(struct rig *rig, int err, uint32_t f_cnt)
{
    const struct fuo_event *e = rig_event(rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_GROUP);
    assert_int_equal(e->group.id, 7);
    assert_int_equal(e->group.err, err);
    assert_int_equal(rig->host.answered_count, rig->host.request_count);
    if (err == FUO_OK) {
        assert_string_equal(e->group.group, HANDLE);
        assert_int_equal(e->group.f_cnt, f_cnt);
    } else {
        assert_null(e->group.group);
    }
    assert_null(strstr(rig->host.log, "B0010203")); /* no key in the log */
}

static inline void open_all(struct rig *rig)
{
    begin(rig);
    expect(rig, "GET", LOOK);
    refuse(rig, 404, "device_not_found");
    expect(rig, "POST", IS);
    answer(rig, 200, "{}");
    expect(rig, "PUT", NS HANDLE);
    answer(rig, 200, "{}");
    expect(rig, "PUT", AS HANDLE);
    answer(rig, 200, "{}");
    expect_group(rig, FUO_OK, 5);
}
