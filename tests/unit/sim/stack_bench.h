/* SPDX-License-Identifier: MIT */
/*
 * stack_bench.h - a device of a shipped profile on the bench, and a block for it: as those
 * that the transcripts of tests/vectors are of.
 */
#pragma once

#include "device_bench.h"

#include "codec/frag.h"
#include "fec/encode.h"
#include "profile/shipped.h"

enum {
    M = 20,
    FRAG_SIZE = 50,
    BLOCK_BYTES = 995,
};

static inline struct bench *open_stack(const char *name)
{
    const struct profile *profile = profile_shipped(name);
    assert_non_null(profile);
    uint8_t version = profile->ts004 != 0 ? profile->ts004 : 2;
    struct device_config config = bench_config(version);
    config.profile = profile;
    config.versions.of[PKG_CLOCK] = profile->ts003 != 0 ? profile->ts003 : version;
    struct bench *bench = bench_open(&config);
    bench->device.clock_set = true; /* right, unless a test says otherwise */
    bench->device.clock_correction_s =
        (int64_t)gps_from_utc(bench->now).s - config.clock_boot_gps_s;
    return bench;
}

static inline void send_fragment(struct bench *bench, const struct fec_encoder *encoder,
                                 uint32_t n, uint8_t index)
{
    uint8_t data[FRAG_SIZE];
    uint8_t bytes[FRAG_SIZE + 3];
    size_t len = 0;
    struct frag_data fragment = {
        .frag_index = index, .n = (uint16_t)n, .data = data, .len = sizeof(data)};
    assert_int_equal(fec_fragment(encoder, n, data), FUO_OK);
    assert_int_equal(frag_data_encode(1, &fragment, bytes, sizeof(bytes), &len), FUO_OK);
    bench_uplink(bench);
    bench_down(bench, FRAG_FPORT, bytes, len);
}

struct stack_block {
    uint8_t bytes[BLOCK_BYTES];
    struct fec_encoder encoder; /* of bytes: not to be moved */
};

static inline void stack_block_init(struct stack_block *b, const struct bench *bench)
{
    uint8_t version = bench->device.config.versions.of[PKG_FRAG];
    for (size_t i = 0; i < sizeof(b->bytes); i++) {
        b->bytes[i] = (uint8_t)(i * 31 + 7);
    }
    assert_int_equal(fec_encoder_init(&b->encoder, (enum fec_version)version, b->bytes,
                                      sizeof(b->bytes), FRAG_SIZE),
                     FUO_OK);
}
