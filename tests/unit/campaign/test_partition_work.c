/* SPDX-License-Identifier: MIT */
/* A partition that is made in pieces. */
#include <string.h>

#include "base/prng.h"
#include "partition_fleet.h"

/* Clustered as towns are: neighbours hear the same gateways. */
static void many_devices(uint64_t seed)
{
    struct prng prng = prng_seeded(seed);
    for (size_t d = 0; d < DEVICES; d++) {
        devices[d] = (struct partition_device){
            .ts004 = (uint8_t)(1 + prng_below(&prng, 2)), .ts005 = 1, .cap_ppm = 100000};
        uint32_t at = (uint32_t)prng_below(&prng, GATEWAYS);
        for (uint32_t l = 0; l < 3; l++) {
            int16_t snr_cdb = (int16_t)(1000 - (int)prng_below(&prng, 2600));
            devices[d].link[devices[d].link_count++] =
                (struct partition_link){.gateway = (at + l) % GATEWAYS,
                                        .snr_p10_cdb = (int16_t)(snr_cdb - 300),
                                        .snr_p50_cdb = snr_cdb};
        }
    }
    base_input(DEVICES, GATEWAYS);
}

static size_t make_in_pieces(void *memory, uint64_t work_each, struct partition *out)
{
    size_t pieces = 1;
    uint64_t work = work_each;
    assert_int_equal(partition_begin(&input, memory), FUO_OK);
    while (!partition_go(memory, &work, out)) {
        assert_int_equal(work, 0);
        work = work_each;
        pieces++;
    }
    return pieces;
}

static void the_pieces_make_the_same_as_the_whole(void **state)
{
    static const uint64_t sizes[] = {1, 1000, 50000, UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct partition cut;
        many_devices(i + 1);
        assert_int_equal(make(), FUO_OK);
        void *memory = malloc(partition_workspace_bytes(&input));
        size_t pieces = make_in_pieces(memory, sizes[i], &cut);
        assert_true(sizes[i] == UINT64_MAX ? pieces == 1 : pieces > 2);
        assert_int_equal(cut.cohort_count, result.cohort_count);
        assert_int_equal(cut.grid_count, result.grid_count);
        assert_memory_equal(cut.cohort, result.cohort, DEVICES * sizeof(*cut.cohort));
        for (size_t k = 0; k < cut.cohort_count; k++) {
            assert_int_equal(cut.cohorts[k].device_count, result.cohorts[k].device_count);
            assert_int_equal(cut.cohorts[k].coded_first, result.cohorts[k].coded_first);
            assert_memory_equal(cut.cohorts[k].gateways, result.cohorts[k].gateways,
                                cut.cohorts[k].gateway_count *
                                    sizeof(*cut.cohorts[k].gateways));
        }
        free(memory);
    }
}

static void what_cannot_be_sent_is_refused_at_once(void **state)
{
    (void)state;
    many_devices(1);
    input.image_len = 0;
    void *memory = malloc(partition_workspace_bytes(&input));
    assert_int_equal(partition_begin(&input, memory), FUO_ERANGE);
    free(memory);
}

TEST_MAIN(cmocka_unit_test_teardown(the_pieces_make_the_same_as_the_whole, drop),
          cmocka_unit_test(what_cannot_be_sent_is_refused_at_once))
