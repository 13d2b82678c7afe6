/* SPDX-License-Identifier: MIT */
/* min.h - the lesser of two numbers. */
#pragma once

#include <stdint.h>

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}
