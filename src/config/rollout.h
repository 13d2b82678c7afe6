/* SPDX-License-Identifier: MIT */
/*
 * rollout.h - the waves of a campaign over the devices that it has selected.
 *
 * campaign/wave.h says in which order; here labels are looked up: of wave.select, and of
 * wave.spread, where devices without a label have a value of their own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/campaign.h"
#include "config/targets.h"
#include "fuotad/error.h"

struct rollout {
    const uint64_t *devices; /* that are selected, each once */
    size_t count;
    uint8_t *waves;  /* of each device: the wave that it is in, or WAVE_NOWHERE */
    uint32_t *sizes; /* of each wave of the campaign: devices in it */
};

/*
 * Fills waves and sizes. FUO_ENOENT (reported at spec.rollout.waves[k].select): there is
 * nobody whom wave k may select.
 */
FUO_MUST_CHECK int rollout_assign(const struct campaign_doc *campaign,
                                  const struct inventories *all,
                                  const struct rollout *rollout, struct diag_list *diags);
