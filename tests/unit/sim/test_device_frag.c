/* SPDX-License-Identifier: MIT */
/* Blocks, images and reboots of a simulated device: lorawan.md 4 and 5. */
#include "device_bench.h"

#include "codec/frag.h"
#include "codec/fwmgmt.h"
#include "crypto/block_mic.h"
#include "fec/encode.h"

enum {
    FRAG_SIZE = 48,
    BLOCK_LEN = 30 * FRAG_SIZE - 7,
};

struct block {
    uint8_t bytes[BLOCK_LEN];
    struct fec_encoder encoder;
    struct frag_setup_req setup;
};

static void block_make(struct block *block, uint8_t version)
{
    for (size_t i = 0; i < BLOCK_LEN; i++) {
        block->bytes[i] = (uint8_t)(i * 7 + i / 251);
    }
    assert_int_equal(fec_encoder_init(&block->encoder, (enum fec_version)version,
                                      block->bytes, BLOCK_LEN, FRAG_SIZE),
                     FUO_OK);
    block->setup = (struct frag_setup_req){
        .frag_index = 1,
        .frag_count = block->encoder.m,
        .frag_size_bytes = FRAG_SIZE,
        .padding_bytes = block->encoder.padding,
        .descriptor = {1, 2, 3, 4},
    };
}

/* v2: the MIC of this block for this device. */
static void block_sign(struct block *block, const struct bench *bench, uint16_t cnt)
{
    struct block_mic_params params = {
        .session_cnt = cnt,
        .frag_index = block->setup.frag_index,
        .descriptor = {1, 2, 3, 4},
        .block_len_bytes = BLOCK_LEN,
    };
    struct aes_key key;
    block->setup.session_cnt = cnt;
    assert_int_equal(keys_data_block_int(&bench->device.config.gen_app_key, &key),
                     FUO_OK);
    assert_int_equal(block_mic(&key, &params, block->bytes, block->setup.mic), FUO_OK);
}

static uint8_t set_up(struct bench *bench, const struct block *block)
{
    uint8_t bytes[20];
    size_t len = 0;
    assert_int_equal(frag_setup_req_encode(bench->device.config.versions.of[PKG_FRAG],
                                           &block->setup, bytes, sizeof(bytes), &len),
                     FUO_OK);
    assert_true(bench_ask(bench, FRAG_FPORT, bytes, len));
    assert_int_equal(bench->up.payload_len, 2);
    assert_int_equal(bench->up.payload[0], FRAG_CID_SETUP);
    return bench->up.payload[1];
}

/* A fragment out of the blue, by unicast; the device takes it when it comes. */
static void push(struct bench *bench, const struct block *block, uint16_t n)
{
    uint8_t data[FRAG_SIZE];
    uint8_t bytes[FRAG_SIZE + 3];
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    size_t len = 0;
    struct frag_data fragment = {1, n, data, FRAG_SIZE};
    assert_int_equal(fec_fragment(&block->encoder, n, data), FUO_OK);
    assert_int_equal(frag_data_encode(1, &fragment, bytes, sizeof(bytes), &len), FUO_OK);
    struct frame frame = {
        .type = FRAME_UNCONFIRMED_DOWN,
        .addr = BENCH_ADDR,
        .fcnt = bench->fcnt_down++,
        .has_port = true,
        .fport = FRAG_FPORT,
        .payload = bytes,
        .payload_len = len,
    };
    assert_int_equal(frame_build(&frame, &bench->keys, phy, sizeof(phy), &len), FUO_OK);
    device_received(&bench->device, phy, len, bench->now);
}

/* Uncoded ones but every fourth, then coded ones until it is complete. */
static uint16_t push_with_losses(struct bench *bench, const struct block *block)
{
    uint16_t n = 1;
    for (; n <= block->encoder.m; n++) {
        if (n % 4 != 0) {
            push(bench, block, n);
        }
    }
    while (!bench->device.frag.complete && n < block->encoder.m + 40) {
        push(bench, block, n++);
    }
    assert_true(bench->device.frag.complete);
    return n;
}

static void a_session_with_losses_decodes_in_both_versions(void **state)
{
    (void)state;
    for (uint8_t version = 1; version <= 2; version++) {
        struct device_config config = bench_config(version);
        struct bench *bench = bench_open(&config);
        struct block block;
        block_make(&block, version);
        block_sign(&block, bench, 0);
        assert_int_equal(set_up(bench, &block), 0x40);
        push_with_losses(bench, &block);
        assert_int_equal(bench->device.received.len, BLOCK_LEN);
        assert_memory_equal(bench->device.received.bytes, block.bytes, BLOCK_LEN);
        bench_close(bench);
    }
}

static void set_ups_it_cannot_serve_are_refused(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    config.frag_count_max = 29;
    struct bench *bench = bench_open(&config);
    struct block block;
    block_make(&block, 2);
    assert_int_equal(set_up(bench, &block), 0x42); /* not enough memory */
    block.setup.frag_count = 10;
    block.setup.frag_algo = 1;
    assert_int_equal(set_up(bench, &block), 0x41);
    assert_false(bench->device.frag.active);
    bench_close(bench);
}

static void status_tells_received_and_missing_in_the_layout_of_its_version(void **state)
{
    (void)state;
    for (uint8_t version = 1; version <= 2; version++) {
        struct device_config config = bench_config(version);
        struct bench *bench = bench_open(&config);
        struct block block;
        struct frag_status_ans ans;
        block_make(&block, version);
        assert_int_equal(set_up(bench, &block), 0x40);
        push(bench, &block, 1);
        push(bench, &block, 3);
        push(bench, &block, 3); /* counts as received, not as progress */
        assert_true(bench_ask(bench, FRAG_FPORT, (const uint8_t *)"\x01\x03", 2));
        assert_int_equal(frag_status_ans_decode(version, bench->up.payload + 1,
                                                bench->up.payload_len - 1, &ans),
                         FUO_OK);
        assert_int_equal(ans.frag_index, 1);
        assert_int_equal(ans.received_count, 3);
        assert_int_equal(ans.missing_count, 28);
        bench_close(bench);
    }
}

static void complete_devices_answer_only_when_all_are_asked(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    struct bench *bench = bench_open(&config);
    struct block block;
    block_make(&block, 1);
    assert_int_equal(set_up(bench, &block), 0x40);
    push_with_losses(bench, &block);
    assert_false(bench_ask(bench, FRAG_FPORT, (const uint8_t *)"\x01\x02", 2));
    assert_true(bench_ask(bench, FRAG_FPORT, (const uint8_t *)"\x01\x03", 2));
    assert_int_equal(bench->up.payload[3], 0);
    bench_close(bench);
}

static void an_unknown_session_is_silence_in_v1_and_a_bit_in_v2(void **state)
{
    (void)state;
    struct device_config v1 = bench_config(1);
    struct bench *bench = bench_open(&v1);
    assert_false(bench_ask(bench, FRAG_FPORT, (const uint8_t *)"\x01\x01", 2));
    BENCH_TALK(bench, FRAG_FPORT, "\x03\x02", "\x03\x06");
    bench_close(bench);
    struct device_config v2 = bench_config(2);
    bench = bench_open(&v2);
    BENCH_TALK(bench, FRAG_FPORT, "\x01\x01", "\x01\x04");
    bench_close(bench);
}

static void answers_wait_a_random_part_of_the_block_ack_delay(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    config.uplink_interval_us = HOURS_US(2);
    struct bench *bench = bench_open(&config);
    struct block block;
    block_make(&block, 2);
    block_sign(&block, bench, 1);
    block.setup.block_ack_delay_exp = 5; /* up to 512 s */
    assert_int_equal(set_up(bench, &block), 0x40);
    int64_t longest = 0;
    for (int i = 0; i < 20; i++) {
        bench->device.next_uplink = utc_after(bench->now, SECONDS_US(1));
        bench_uplink(bench);
        bench_down(bench, FRAG_FPORT, (const uint8_t *)"\x01\x03", 2);
        struct utc asked = bench->now;
        assert_true(bench_next_on(bench, FRAG_FPORT, 3));
        int64_t wait_us = bench->now.us - asked.us;
        assert_in_range(wait_us, 0, SECONDS_US(514));
        longest = wait_us > longest ? wait_us : longest;
        bench_end_tx(bench, NULL, 0);
    }
    assert_true(longest > SECONDS_US(256));
    bench_close(bench);
}

/* A complete block, just reported; the windows of the report are open. */
static struct bench *bench_that_reports(const struct device_config *config)
{
    struct bench *bench = bench_open(config);
    struct block block;
    block_make(&block, 2);
    block_sign(&block, bench, 7);
    block.setup.ack_reception = true;
    assert_int_equal(set_up(bench, &block), 0x40);
    push_with_losses(bench, &block);
    assert_true(bench_next_on(bench, FRAG_FPORT, 2));
    bench_expect(bench, "\x04\x01", 2);
    return bench;
}

static void v2_reports_the_block_three_times_if_nobody_answers(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    struct bench *bench = bench_that_reports(&config);
    bench_end_tx(bench, NULL, 0);
    for (int i = 0; i < 2; i++) {
        assert_true(bench_next_on(bench, FRAG_FPORT, 2));
        bench_end_tx(bench, NULL, 0);
    }
    assert_false(bench_next_on(bench, FRAG_FPORT, 4));
    bench_close(bench);
}

static void v2_reports_the_block_no_more_once_it_is_answered(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    struct bench *bench = bench_that_reports(&config);
    bench_down(bench, FRAG_FPORT, (const uint8_t *)"\x04\x01", 2);
    assert_false(bench_next_on(bench, FRAG_FPORT, 4));
    bench_close(bench);
}

static void v2_notices_a_wrong_mic(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    struct bench *bench = bench_open(&config);
    struct block block;
    block_make(&block, 2);
    block_sign(&block, bench, 0);
    block.setup.mic[2] ^= 1;
    block.setup.ack_reception = true;
    assert_int_equal(set_up(bench, &block), 0x40);
    push_with_losses(bench, &block);
    assert_null(bench->device.received.bytes);
    assert_true(bench_next_on(bench, FRAG_FPORT, 2));
    bench_expect(bench, "\x04\x05", 2);
    bench_down(bench, FRAG_FPORT, (const uint8_t *)"\x04\x01", 2);
    BENCH_TALK(bench, FM_FPORT, "\x04", "\x04\x01"); /* corrupt */
    assert_true(bench_ask(bench, FRAG_FPORT, (const uint8_t *)"\x01\x03", 2));
    assert_int_equal(bench->up.payload[1], 0x02);
    bench_close(bench);
}

static void v2_refuses_a_session_counter_that_was_used(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    struct bench *bench = bench_open(&config);
    struct block block;
    block_make(&block, 2);
    block_sign(&block, bench, 5);
    assert_int_equal(set_up(bench, &block), 0x40);
    assert_int_equal(set_up(bench, &block), 0x40); /* not stored before data came */
    push(bench, &block, 1);
    assert_int_equal(set_up(bench, &block), 0x50);
    block_sign(&block, bench, 6);
    assert_int_equal(set_up(bench, &block), 0x40);
    bench_close(bench);
}

static void foreign_fragments_change_nothing(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    struct bench *bench = bench_open(&config);
    struct block block;
    block_make(&block, 1);
    push(bench, &block, 1); /* no session */
    block.setup.frag_index = 2;
    assert_int_equal(set_up(bench, &block), 0x80);
    push(bench, &block, 1); /* index 1 */
    block.setup.frag_index = 1;
    block.setup.frag_size_bytes = FRAG_SIZE - 8;
    assert_int_equal(set_up(bench, &block), 0x40);
    push(bench, &block, 1); /* another size */
    assert_int_equal(bench->device.frag.fragment_count, 0);
    bench_close(bench);
}

/* From a complete block to the reboot that installs it. */
static void upgrade(struct bench *bench, const struct block *block)
{
    uint8_t want[6] = {4, 3};
    uint32_t next = device_firmware_version(block->bytes, BLOCK_LEN);
    for (int i = 0; i < 4; i++) {
        want[2 + i] = (uint8_t)(next >> (8 * i));
    }
    assert_true(bench_ask(bench, FM_FPORT, (const uint8_t *)"\x04", 1));
    bench_expect(bench, want, sizeof(want));
}

static void a_reboot_after_the_upgrade_request_runs_the_new_image(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    struct bench *bench = bench_open(&config);
    struct block block;
    block_make(&block, 2);
    block_sign(&block, bench, 0);
    assert_int_equal(set_up(bench, &block), 0x40);
    push_with_losses(bench, &block);
    upgrade(bench, &block);
    BENCH_TALK(bench, FM_FPORT, "\x03\x3c\x00\x00", "\x03\x3c\x00\x00");
    assert_false(bench->installed);
    bench_join(bench); /* it comes back with a join request */
    assert_true(bench->installed);
    assert_int_equal(bench->device.running.len, BLOCK_LEN);
    assert_memory_equal(bench->device.running.bytes, block.bytes, BLOCK_LEN);
    assert_true(bench_ask(bench, FM_FPORT, (const uint8_t *)"\x01", 1));
    uint32_t version = device_firmware_version(block.bytes, BLOCK_LEN);
    assert_int_equal(bench->up.payload[1], version & 0xff);
    BENCH_TALK(bench, FM_FPORT, "\x04", "\x04\x00"); /* used up */
    bench_close(bench);
}

static void a_reboot_without_upgrade_request_keeps_the_old_image(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    struct bench *bench = bench_open(&config);
    struct block block;
    block_make(&block, 1);
    assert_int_equal(set_up(bench, &block), 0x40);
    push_with_losses(bench, &block);
    bench_uplink(bench);
    bench_down(bench, FM_FPORT, (const uint8_t *)"\x03\x00\x00\x00", 4); /* at once */
    bench_join(bench);
    assert_false(bench->installed);
    assert_int_equal(bench->device.running.len, 4);
    upgrade(bench, &block); /* the block outlived the reboot */
    BENCH_TALK(bench, FM_FPORT, "\x05\x01\x02\x03\x04", "\x05\x02");
    bench_close(bench);
}

static void a_cancelled_reboot_and_a_deleted_image_leave_it_as_it_was(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    struct bench *bench = bench_open(&config);
    struct block block;
    block_make(&block, 1);
    assert_int_equal(set_up(bench, &block), 0x40);
    push_with_losses(bench, &block);
    upgrade(bench, &block);
    BENCH_TALK(bench, FM_FPORT, "\x03\x00\x10\x00", "\x03\x00\x10\x00");
    BENCH_TALK(bench, FM_FPORT, "\x03\xff\xff\xff", "\x03\xff\xff\xff");
    uint8_t delete[5] = {5};
    uint32_t next = device_firmware_version(block.bytes, BLOCK_LEN);
    for (int i = 0; i < 4; i++) {
        delete[1 + i] = (uint8_t)(next >> (8 * i));
    }
    assert_true(bench_ask(bench, FM_FPORT, delete, sizeof(delete)));
    bench_expect(bench, "\x05\x00", 2);
    BENCH_TALK(bench, FM_FPORT, "\x04", "\x04\x00");
    assert_false(bench->installed);
    bench_close(bench);
}

TEST_MAIN(
    cmocka_unit_test(a_session_with_losses_decodes_in_both_versions),
    cmocka_unit_test(set_ups_it_cannot_serve_are_refused),
    cmocka_unit_test(status_tells_received_and_missing_in_the_layout_of_its_version),
    cmocka_unit_test(complete_devices_answer_only_when_all_are_asked),
    cmocka_unit_test(an_unknown_session_is_silence_in_v1_and_a_bit_in_v2),
    cmocka_unit_test(answers_wait_a_random_part_of_the_block_ack_delay),
    cmocka_unit_test(v2_reports_the_block_three_times_if_nobody_answers),
    cmocka_unit_test(v2_reports_the_block_no_more_once_it_is_answered),
    cmocka_unit_test(v2_notices_a_wrong_mic),
    cmocka_unit_test(v2_refuses_a_session_counter_that_was_used),
    cmocka_unit_test(foreign_fragments_change_nothing),
    cmocka_unit_test(a_reboot_after_the_upgrade_request_runs_the_new_image),
    cmocka_unit_test(a_reboot_without_upgrade_request_keeps_the_old_image),
    cmocka_unit_test(a_cancelled_reboot_and_a_deleted_image_leave_it_as_it_was))
