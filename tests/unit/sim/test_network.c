/* SPDX-License-Identifier: MIT */
/*
 * A whole campaign through the simulated network, as a server would run it, but with the
 * simplest of servers: one command per uplink, all fragments, no repair.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "codec/clock.h"
#include "codec/fwmgmt.h"
#include "crypto/block_mic.h"
#include "fec/encode.h"
#include "sim/network.h"

#define NOON    ((struct utc){SECONDS_US(INT64_C(1790000000))})
#define MC_ADDR 0x01020304u

enum {
    DEVICES = 24,
    FRAG_SIZE = 100,
    BLOCK_LEN = 60 * FRAG_SIZE - 31,
    CODED = 40,
    INBOX_MAX = 64,
};

static const struct aes_key mc_key = {{0xa0, 0xa1, 0xa2}};

enum step {
    STEP_GROUP,
    STEP_BLOCK,
    STEP_SESSION,
    STEP_READY,
    STEP_UPGRADE,
    STEP_REBOOT,
    STEP_DONE,
};

struct note {
    size_t device;
    uint8_t fport;
    uint8_t len;
    uint8_t bytes[32];
    struct utc received;
};

struct server {
    struct network network;
    uint8_t version;
    uint8_t block[BLOCK_LEN];
    struct fec_encoder encoder;
    struct utc session_start;
    enum step steps[DEVICES];
    struct note inbox[INBOX_MAX];
    size_t inbox_len;
    size_t joins;
    size_t txacks;
    size_t received;
    size_t missed;
    size_t multicast_frames;
    size_t installed;
};

static void on_frame(void *ctx, const struct air_frame *frame)
{
    struct server *server = ctx;
    if (frame->direction == DIRECTION_DOWN && frame->frequency_hz == 869525000 &&
        frame->dr == 4) {
        server->multicast_frames++;
        server->received += frame->received_count;
        server->missed += frame->missed_count;
    }
    assert_true(frame->airtime_us > 0);
}

static void on_event(void *ctx, const struct cs_event *event)
{
    struct server *server = ctx;
    const struct cs_device *device = event->device;
    server->joins += event->type == CS_EVENT_JOIN ? 1 : 0;
    server->txacks += event->type == CS_EVENT_TXACK ? 1 : 0;
    if (event->type != CS_EVENT_UP) {
        return;
    }
    assert_true(server->inbox_len < INBOX_MAX);
    struct note *note = &server->inbox[server->inbox_len++];
    note->device = device->index;
    note->fport = device->rx_fport;
    note->received = device->rx_time;
    note->len = (uint8_t)device->rx_payload_len;
    assert_true(device->rx_payload_len <= sizeof(note->bytes));
    memcpy(note->bytes, device->rx_payload, note->len);
}

static void on_installed(void *ctx, const struct device *device)
{
    struct server *server = ctx;
    server->installed++;
    assert_int_equal(device->running.len, BLOCK_LEN);
    assert_memory_equal(device->running.bytes, server->block, BLOCK_LEN);
}

static const struct network_sink sink = {
    .frame = on_frame, .event = on_event, .installed = on_installed};

static void send(struct server *server, size_t device, uint8_t fport,
                 const uint8_t *bytes, size_t len)
{
    char id[CS_ID_SIZE];
    struct cs_downlink downlink = {
        .dev_eui = network_device(&server->network, device)->config.dev_eui,
        .fport = fport,
        .data = bytes,
        .len = len,
        .expires = utc_after(server->network.wall, SECONDS_US(60)),
    };
    if (server->network.cs.devices[device].queue == NULL) {
        assert_int_equal(cs_enqueue(&server->network.cs, &downlink, id), FUO_OK);
    }
}

static void answer_clock(struct server *server, const struct note *note)
{
    struct clock_time_req req;
    uint8_t bytes[8];
    size_t len = 0;
    assert_int_equal(
        clock_time_req_decode(server->version, note->bytes + 1, note->len - 1u, &req),
        FUO_OK);
    struct clock_time_ans ans = {
        gps_diff_s(gps_from_utc(note->received), req.device_time), req.token};
    assert_int_equal(
        clock_time_ans_encode(server->version, &ans, bytes, sizeof(bytes), &len), FUO_OK);
    send(server, note->device, CLOCK_FPORT, bytes, len);
}

static void send_group(struct server *server, size_t device)
{
    struct mc_group_setup_req req = {.addr = MC_ADDR, .max_fcnt = UINT32_MAX};
    uint8_t bytes[32];
    size_t len = 0;
    assert_int_equal(keys_mc_wrap_for_device(
                         LORAWAN_1_0,
                         &network_device(&server->network, device)->config.gen_app_key,
                         &mc_key, req.key_encrypted),
                     FUO_OK);
    assert_int_equal(
        mc_group_setup_req_encode(server->version, &req, bytes, sizeof(bytes), &len),
        FUO_OK);
    send(server, device, MC_FPORT, bytes, len);
}

static void send_block_setup(struct server *server, size_t device)
{
    struct block_mic_params params = {.session_cnt = 1, .block_len_bytes = BLOCK_LEN};
    struct frag_setup_req req = {
        .mc_group_mask = 1,
        .frag_count = server->encoder.m,
        .frag_size_bytes = FRAG_SIZE,
        .padding_bytes = server->encoder.padding,
        .session_cnt = 1,
    };
    struct aes_key key;
    uint8_t bytes[32];
    size_t len = 0;
    assert_int_equal(
        keys_data_block_int(&network_device(&server->network, device)->config.gen_app_key,
                            &key),
        FUO_OK);
    assert_int_equal(block_mic(&key, &params, server->block, req.mic), FUO_OK);
    assert_int_equal(
        frag_setup_req_encode(server->version, &req, bytes, sizeof(bytes), &len), FUO_OK);
    send(server, device, FRAG_FPORT, bytes, len);
}

static void send_session(struct server *server, size_t device)
{
    struct mc_session_req req = {
        .session_time = gps_from_utc(server->session_start),
        .timeout_exp = 11,
        .frequency_hz = 869525000,
        .dr = 4,
    };
    uint8_t bytes[16];
    size_t len = 0;
    assert_int_equal(
        mc_class_c_req_encode(server->version, &req, bytes, sizeof(bytes), &len), FUO_OK);
    send(server, device, MC_FPORT, bytes, len);
}

static void send_step(struct server *server, size_t device)
{
    switch (server->steps[device]) {
    case STEP_GROUP:
        send_group(server, device);
        break;
    case STEP_BLOCK:
        send_block_setup(server, device);
        break;
    case STEP_SESSION:
        send_session(server, device);
        break;
    case STEP_UPGRADE:
        send(server, device, FM_FPORT, (const uint8_t *)"\x04", 1);
        break;
    case STEP_REBOOT:
        send(server, device, FM_FPORT, (const uint8_t *)"\x03\x0a\x00\x00", 4);
        break;
    case STEP_READY:
    case STEP_DONE:
        break;
    }
}

/* Whether an uplink is the answer that the step waits for. */
static bool is_answer(enum step step, const struct note *note)
{
    static const struct {
        uint8_t fport;
        uint8_t cid;
    } want[] = {{MC_FPORT, MC_CID_GROUP_SETUP},
                {FRAG_FPORT, FRAG_CID_SETUP},
                {MC_FPORT, MC_CID_CLASS_C_SESSION},
                {0, 0},
                {FM_FPORT, FM_CID_UPGRADE_IMAGE},
                {FM_FPORT, FM_CID_REBOOT_COUNTDOWN},
                {0, 0}};
    return note->len > 1 && note->fport == want[step].fport &&
           note->bytes[0] == want[step].cid;
}

static void on_note(struct server *server, const struct note *note)
{
    enum step *step = &server->steps[note->device];
    if (note->fport == CLOCK_FPORT && note->bytes[0] == CLOCK_CID_APP_TIME) {
        answer_clock(server, note);
        return;
    }
    if (is_answer(*step, note)) {
        /* a device without a clock is asked again when it has one */
        bool unsynchronised = *step == STEP_SESSION && note->len == 5 &&
                              memcmp(note->bytes + 2, "\xff\xff\xff", 3) == 0;
        *step = unsynchronised ? *step : (enum step)(*step + 1);
    }
    send_step(server, note->device);
}

static void run_until(struct server *server, struct utc end)
{
    while (network_deadline(&server->network).us <= end.us) {
        network_run(&server->network, network_deadline(&server->network));
        for (size_t i = 0; i < server->inbox_len; i++) {
            on_note(server, &server->inbox[i]);
        }
        server->inbox_len = 0;
    }
}

/* How the gateways of a campaign share it. */
enum sharing {
    ONE_GROUP,     /* of all gateways; the server sends from one after the other */
    LANES,         /* a group for each, all at once: nothing is said to disturb */
    LANES_COLLIDE, /* ... and they do disturb one another */
};

static void open_server(struct server *server, uint8_t version, size_t gateways,
                        int capture_db)
{
    struct network_config config = {
        .start = NOON,
        .region = region_get(REGION_EU868),
        .device_count = DEVICES,
        .gateway_count = gateways,
        .packages = version == 1 ? NETWORK_PACKAGES_V1 : NETWORK_PACKAGES_V2,
        .seed = 5,
        .loss_ppm = 100000,
        .half_duplex = true,
        .capture_db = capture_db,
        .uplink_interval_us = SECONDS_US(120),
        .margin_us = SECONDS_US(5),
        .reply_window_us = MILLIS_US(100),
        .application_id = "5a1c0e1e-0000-4000-8000-000000000001",
        .clocks_wrong = true,
        .uplink_dr = 5,
    };
    *server = (struct server){.version = version};
    server->session_start = utc_after(NOON, SECONDS_US(3600));
    for (size_t i = 0; i < BLOCK_LEN; i++) {
        server->block[i] = (uint8_t)(i * 31 + i / 200);
    }
    assert_int_equal(fec_encoder_init(&server->encoder, (enum fec_version)version,
                                      server->block, BLOCK_LEN, FRAG_SIZE),
                     FUO_OK);
    assert_int_equal(network_init(&server->network, &config, &sink, server), FUO_OK);
}

/* Of all gateways, or of one. */
static void make_group(struct server *server, size_t first, size_t count, char *id)
{
    struct cs *cs = &server->network.cs;
    struct cs_group_settings settings = {
        .name = "c",
        .mc_addr = MC_ADDR,
        .dr = 4,
        .frequency_hz = 869525000,
    };
    memcpy(settings.application_id, cs->config.application_id, CS_ID_SIZE);
    assert_int_equal(keys_mc_session(&mc_key, MC_ADDR, &settings.keys), FUO_OK);
    assert_int_equal(cs_group_create(cs, &settings, NOON, id), FUO_OK);
    for (size_t g = first; g < first + count; g++) {
        assert_int_equal(cs_group_add_gateway(cs, id, server->network.gateway_euis[g]),
                         FUO_OK);
    }
}

static void send_fragments(struct server *server, const char *id)
{
    for (int n = 1; n <= server->encoder.m + CODED; n++) {
        uint8_t data[FRAG_SIZE];
        uint8_t bytes[FRAG_SIZE + 3];
        size_t len = 0;
        uint32_t f_cnt = 0;
        struct frag_data fragment = {0, (uint16_t)n, data, FRAG_SIZE};
        assert_int_equal(fec_fragment(&server->encoder, (uint32_t)n, data), FUO_OK);
        assert_int_equal(frag_data_encode(1, &fragment, bytes, sizeof(bytes), &len),
                         FUO_OK);
        struct cs_multicast frame = {id, FRAG_FPORT, bytes, len, UTC_NEVER};
        assert_int_equal(
            cs_group_enqueue(&server->network.cs, &frame, server->network.wall, &f_cnt),
            FUO_OK);
        assert_int_equal(f_cnt, n - 1);
    }
}

static void make_and_send(struct server *server, enum sharing sharing)
{
    size_t gateways = server->network.config.gateway_count;
    size_t lanes = sharing == ONE_GROUP ? 1 : gateways;
    char id[CS_ID_SIZE];
    for (size_t i = 0; i < lanes; i++) {
        make_group(server, i, gateways / lanes, id);
        send_fragments(server, id);
    }
}

static void campaign(uint8_t version, size_t gateways, enum sharing sharing)
{
    struct server *server = calloc(1, sizeof(*server));
    open_server(server, version, gateways, sharing == LANES_COLLIDE ? 6 : 0);
    run_until(server, utc_after(server->session_start, SECONDS_US(5)));
    for (size_t i = 0; i < DEVICES; i++) {
        assert_int_equal(server->steps[i], STEP_READY);
    }
    assert_in_range(server->joins, DEVICES, 2 * DEVICES); /* a JoinAccept may be lost */
    make_and_send(server, sharing);
    run_until(server, utc_after(server->session_start, SECONDS_US(2048 + 60)));
    assert_int_equal(server->multicast_frames, (server->encoder.m + CODED) * gateways);
    size_t all = server->received + server->missed;
    if (sharing == LANES_COLLIDE) {
        assert_in_range(server->missed * 100 / all, 25, 70);
        network_free(&server->network);
        free(server);
        return;
    }
    assert_in_range(server->missed * 100 / all, 8, 18);
    for (size_t i = 0; i < DEVICES; i++) {
        assert_true(network_device(&server->network, i)->frag.complete);
        server->steps[i] = STEP_UPGRADE;
    }
    run_until(server, utc_after(server->session_start, SECONDS_US(2048 + 3600)));
    assert_int_equal(server->installed, DEVICES);
    assert_true(server->txacks >= (size_t)5 * DEVICES);
    assert_true(server->joins >= (size_t)2 * DEVICES); /* after the reboot */
    network_free(&server->network);
    free(server);
}

static void all_devices_of_a_lossy_network_are_updated(void **state)
{
    (void)state;
    campaign(1, 1, ONE_GROUP);
    campaign(2, 1, ONE_GROUP);
}

static void two_gateways_send_everything_twice(void **state)
{
    (void)state;
    campaign(2, 2, ONE_GROUP);
}

/* A device that hears several takes each counter once, and completes. */
static void lanes_send_everything_at_once(void **state)
{
    (void)state;
    campaign(2, 3, LANES);
}

static void lanes_at_once_collide_if_asked_for(void **state)
{
    (void)state;
    campaign(2, 3, LANES_COLLIDE);
}

static void the_same_seed_gives_the_same_run(void **state)
{
    (void)state;
    size_t txacks[2];
    for (int run = 0; run < 2; run++) {
        struct server *server = calloc(1, sizeof(*server));
        open_server(server, 2, 2, 0);
        run_until(server, utc_after(NOON, SECONDS_US(2000)));
        txacks[run] = server->txacks;
        network_free(&server->network);
        free(server);
    }
    assert_int_equal(txacks[0], txacks[1]);
}

static void a_late_simulator_does_not_cut_the_reply_window_short(void **state)
{
    (void)state;
    struct server *server = calloc(1, sizeof(*server));
    open_server(server, 2, 1, 0);
    /* time comes in lumps of 20 s: every reply is decided on after RX1 should have been */
    for (int64_t s = 20; s < 3600; s += 20) {
        network_run(&server->network, utc_after(NOON, SECONDS_US(s)));
        for (size_t i = 0; i < server->inbox_len; i++) {
            on_note(server, &server->inbox[i]);
        }
        server->inbox_len = 0;
    }
    for (size_t i = 0; i < DEVICES; i++) {
        assert_int_equal(server->steps[i], STEP_READY);
    }
    network_free(&server->network);
    free(server);
}

static void impossible_networks_are_refused(void **state)
{
    (void)state;
    struct network network;
    struct network_config config = {.region = region_get(REGION_EU868)};
    assert_int_equal(network_init(&network, &config, &sink, NULL), FUO_ERANGE);
}

TEST_MAIN(cmocka_unit_test(all_devices_of_a_lossy_network_are_updated),
          cmocka_unit_test(two_gateways_send_everything_twice),
          cmocka_unit_test(lanes_send_everything_at_once),
          cmocka_unit_test(lanes_at_once_collide_if_asked_for),
          cmocka_unit_test(the_same_seed_gives_the_same_run),
          cmocka_unit_test(a_late_simulator_does_not_cut_the_reply_window_short),
          cmocka_unit_test(impossible_networks_are_refused))
