/* SPDX-License-Identifier: MIT */
/*
 * fuotasim.h - one pass of FUOTASim, in closed form.
 *
 * FUOTASim (Abdelfadeel, Farrell, McDonald, Pesch, WoWMoM 2020) sends M + R fragments in
 * class C, each followed by nine times its time on air of silence, and calls a device done
 * with M + 3 receptions, whichever they are. No set-up, no repair, no decoder. Facts and the
 * table that the tests reproduce: reference performance.md 1.1.
 *
 * fuotasim_session() is that model with its own frame sizes (8 bytes of MAC, 2 bytes of
 * fragment header): the calibration. strategy_fuotasim() is its single pass on our fleet.
 */
#pragma once

#include <stdint.h>

#include "fuota-bench/strategy.h"
#include "fuotad/error.h"
#include "radio/region.h"

enum {
    FUOTASIM_MAC_BYTES = 8,
    FUOTASIM_HEADER_BYTES = 2, /* of a fragment, within its size */
    FUOTASIM_EXTRA = 3,        /* receptions beyond M that decode */
    FUOTASIM_CYCLE = 10,       /* a frame and nine times of silence */
    FUOTASIM_REDUNDANCY_PERCENT = 10,
};

struct fuotasim_input {
    const struct region *region;
    uint8_t dr;
    uint8_t frag_bytes; /* with the two bytes of header */
    uint32_t image_bytes;
    uint32_t redundancy_percent;
};

struct fuotasim_session {
    uint32_t m;
    uint32_t redundancy; /* R, rounded up */
    int64_t airtime_us;  /* of one fragment */
    int64_t session_us;  /* (M + R) * 10 * ToA - 9 * ToA */
    int64_t update_us;   /* until M + 3 fragments went out; -1 if R < 3 */
    int64_t energy_uj;   /* of a device that loses nothing, at 48 mW; -1 if R < 3 */
    int64_t gateway_us;  /* on air */
};

/*
 * FUO_ERANGE if there is no such data rate, frag_bytes holds no data, image_bytes is 0, or
 * the frame is too long; *session is untouched then.
 */
FUO_MUST_CHECK int fuotasim_session(const struct fuotasim_input *input,
                                    struct fuotasim_session *session);

/* (n fragments) * 10 * ToA - 9 * ToA; 0 if n is 0. */
int64_t fuotasim_time_us(uint32_t n, int64_t airtime_us);

/*
 * The same single pass as a strategy on a fleet of ours: fragments as our data rate and
 * devices allow, M + 10 %, each device served by its strongest gateway alone, all gateways
 * undisturbed and unsynchronised, from apply on without any set-up, done with M + 3
 * receptions. Draws are those of world/radio.h. FUO_ERANGE if the image cannot be cut for dr;
 * FUO_ENOMEM. *out is written only on success.
 */
FUO_MUST_CHECK int strategy_fuotasim(const struct world_scenario *s, uint8_t dr,
                                     const uint8_t *reachable, struct strategy *out);
