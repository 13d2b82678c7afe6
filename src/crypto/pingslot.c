/* SPDX-License-Identifier: MIT */
#include "crypto/pingslot.h"

#include "base/wire.h"
#include "crypto/aes.h"

enum {
    BEACON_PERIOD_MS = PINGSLOT_BEACON_PERIOD_S * 1000,
};

uint16_t pingslot_period_slots(uint8_t periodicity_exp)
{
    return (uint16_t)(PINGSLOT_SLOTS >> (PINGSLOT_PERIODICITY_EXP_MAX - periodicity_exp));
}

int pingslot_offset(struct gps beacon, uint32_t addr, uint8_t periodicity_exp,
                    uint16_t *offset_slots)
{
    static const struct aes_key zero_key = {0};
    uint8_t block[AES_BLOCK_BYTES] = {0};
    uint8_t random[AES_BLOCK_BYTES];

    if (periodicity_exp > PINGSLOT_PERIODICITY_EXP_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(block, sizeof(block));
    wr_le32(&w, beacon.s);
    wr_le32(&w, addr);
    int err = aes128_encrypt_block(&zero_key, block, random);
    if (err != FUO_OK) {
        return err;
    }
    uint16_t value = (uint16_t)(random[0] | random[1] << 8);
    *offset_slots = value % pingslot_period_slots(periodicity_exp);
    return FUO_OK;
}

/* The first slot after after_ms in the period of this beacon, if there is one. */
static bool slot_in_period(int64_t beacon_ms, int64_t after_ms, int64_t offset,
                           int64_t period, int64_t *slot_ms)
{
    int64_t first_ms =
        beacon_ms + PINGSLOT_BEACON_RESERVED_MS + offset * PINGSLOT_SLOT_MS;
    int64_t step_ms = period * PINGSLOT_SLOT_MS;
    int64_t n = after_ms < first_ms ? 0 : (after_ms - first_ms) / step_ms + 1;
    if (offset + n * period >= PINGSLOT_SLOTS) {
        return false;
    }
    *slot_ms = first_ms + n * step_ms;
    return true;
}

int pingslot_next_after(int64_t after_gps_ms, uint32_t addr, uint8_t periodicity_exp,
                        int64_t *slot_gps_ms)
{
    if (after_gps_ms < 0 || after_gps_ms > INT64_MAX - 2 * (int64_t)BEACON_PERIOD_MS) {
        return FUO_ERANGE;
    }
    int64_t beacon_ms = after_gps_ms - after_gps_ms % BEACON_PERIOD_MS;
    for (;; beacon_ms += BEACON_PERIOD_MS) {
        uint16_t offset = 0;
        struct gps beacon = {(uint32_t)(beacon_ms / 1000)};
        int err = pingslot_offset(beacon, addr, periodicity_exp, &offset);
        if (err != FUO_OK) {
            return err;
        }
        if (slot_in_period(beacon_ms, after_gps_ms, offset,
                           pingslot_period_slots(periodicity_exp), slot_gps_ms)) {
            return FUO_OK;
        }
    }
}
