/* SPDX-License-Identifier: MIT */
#include "radio/energy.h"

int64_t energy_listening_uj(int64_t listen_us, uint32_t power_uw)
{
    if (listen_us <= 0) {
        return 0;
    }
    /* Whole seconds apart, so that years do not overflow. */
    int64_t s = listen_us / 1000000;
    int64_t rest_us = listen_us % 1000000;
    return s * power_uw + rest_us * power_uw / 1000000;
}

int64_t energy_run_uj(int64_t class_c_us)
{
    return ENERGY_FIXED_UJ + energy_listening_uj(class_c_us, ENERGY_CLASS_C_UW);
}

int64_t energy_slots_us(int64_t session_us, const struct energy_slots *how)
{
    if (session_us <= 0) {
        return 0;
    }
    int64_t slots = INT64_C(1) << (ENERGY_PING_SLOTS_EXP - how->periodicity);
    int64_t periods = session_us / 1000000 / ENERGY_BEACON_PERIOD_S + 1;
    int64_t frames = how->interval_us > 0 ? session_us / how->interval_us + 1 : 0;
    int64_t on_us = periods * (ENERGY_BEACON_US + slots * ENERGY_PING_WINDOW_US) +
                    frames * how->frame_us;
    return on_us < session_us ? on_us : session_us;
}
