/* SPDX-License-Identifier: MIT */
/* network_internal.h - what network.c has from network_parts.c. */
#pragma once

#include "sim/network.h"

struct aes_key network_random_key(struct prng *prng);
int64_t network_clock_boot_s(const struct network_config *config,
                             const struct profile *profile, size_t index,
                             struct prng *prng);
int64_t network_boot_spread_us(const struct network_config *config);

bool network_refuses(struct network *network, const struct cs_tx *tx);
void network_on_gateway(void *ctx, const struct cs_gateway_frame *frame);
void network_start_stats(struct network *network);
