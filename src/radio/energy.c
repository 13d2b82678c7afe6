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
