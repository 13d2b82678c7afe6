/* SPDX-License-Identifier: MIT */
/* What simulated devices do beside the packages: LwM2M TLV and a vendor's command. */
#include "device_bench.h"

enum {
    FPORT = 10,
};

static void received(struct bench *bench, const char *image)
{
    struct device_image *to = &bench->device.received;
    size_t len = strlen(image);
    to->bytes = malloc(len);
    assert_non_null(to->bytes);
    memcpy(to->bytes, image, len);
    to->len = len;
    to->version = device_firmware_version((const uint8_t *)image, len);
}

static void readings_are_state_result_and_version(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    config.versions.of[PKG_CLOCK] = 0;
    config.lwm2m_fport = FPORT;
    struct bench *bench = bench_open(&config);
    char want[32];
    uint8_t bytes[19] = {0xc1, 3, 0, 0xc1, 5, 0, 0xc8, 3, 10};
    snprintf(want, sizeof(want), "0x%08x", bench->device.running.version);
    memcpy(bytes + 9, want, 10);
    for (int step = 0; step < 3; step++) {
        if (step == 1) {
            received(bench, "new");
            bytes[2] = 2; /* downloaded */
        } else if (step == 2) {
            free(bench->device.received.bytes);
            bench->device.received = (struct device_image){0};
            bench->device.frag.mic_error = true;
            bytes[2] = 0;
            bytes[5] = 5; /* integrity */
        }
        bench_uplink(bench);
        assert_int_equal(bench->up.fport, FPORT);
        assert_int_equal(bench->up.payload_len, sizeof(bytes));
        assert_memory_equal(bench->up.payload, bytes, sizeof(bytes));
        bench_end_tx(bench, NULL, 0);
    }
    bench_close(bench);
}

static void a_vendors_command_installs_what_it_names(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    config.versions.of[PKG_CLOCK] = 0;
    config.vendor_fport = FPORT;
    struct bench *bench = bench_open(&config);
    received(bench, "new");
    uint32_t version = bench->device.received.version;
    uint8_t command[5] = {0xaa, (uint8_t)version, (uint8_t)(version >> 8),
                          (uint8_t)(version >> 16), (uint8_t)(version >> 24)};
    uint8_t other[5] = {0xaa, 1, 2, 3, 4};
    bench_uplink(bench);
    assert_int_equal(bench->up.payload_len, 10); /* the version that runs is the end */
    bench_down(bench, FPORT, other, sizeof(other));
    bench_uplink(bench);
    bench_down(bench, FPORT, command, sizeof(command) - 1);
    assert_false(bench->device.upgrade_requested);
    bench_uplink(bench);
    bench_down(bench, FPORT, command, sizeof(command));
    bench_run_to_tx(bench); /* it joins again */
    assert_int_equal(bench->device.install_count, 1);
    assert_int_equal(bench->device.running.version, version);
    bench_close(bench);
}

TEST_MAIN(cmocka_unit_test(readings_are_state_result_and_version),
          cmocka_unit_test(a_vendors_command_installs_what_it_names))
