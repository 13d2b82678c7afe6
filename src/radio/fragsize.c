/* SPDX-License-Identifier: MIT */
#include "radio/fragsize.h"

bool fragplan_count_degenerate(uint32_t count)
{
    bool power_of_two = (count & (count - 1)) == 0;
    return count == 96 || (count != 0 && count % 64 == 0 && !power_of_two);
}

int fragplan_with_size(size_t block_bytes, uint8_t size, struct fragplan *plan)
{
    if (block_bytes == 0 || size == 0 ||
        block_bytes > (size_t)FRAGPLAN_COUNT_MAX * size) {
        return FUO_ERANGE;
    }
    size_t count = (block_bytes + size - 1) / size;
    *plan = (struct fragplan){
        .size = size,
        .count = (uint16_t)count,
        .padding = (uint8_t)(count * size - block_bytes),
    };
    return FUO_OK;
}

static uint16_t or_else(uint16_t value, uint16_t fallback)
{
    return value != 0 ? value : fallback;
}

int fragplan_choose(size_t block_bytes, const struct fragplan_limits *limits,
                    struct fragplan *plan)
{
    uint16_t multiple = or_else(limits->size_multiple, 1);
    uint16_t count_max = or_else(limits->count_max, FRAGPLAN_COUNT_MAX);
    int size_min = or_else(limits->size_min, 1);
    bool found = false;
    struct fragplan best = {0};
    struct fragplan twins = {0}; /* the largest degenerate one */

    /* Downwards: the first sound one is the largest, unless its count is very small. */
    for (int size = limits->size_max / multiple * multiple; size >= size_min && size > 0;
         size -= multiple) {
        struct fragplan p;
        if (fragplan_with_size(block_bytes, (uint8_t)size, &p) != FUO_OK ||
            p.count > count_max) {
            break; /* a smaller size only makes more fragments */
        }
        if (fragplan_count_degenerate(p.count)) {
            twins = twins.size == 0 ? p : twins;
            continue;
        }
        if (!found || p.count >= FRAGPLAN_COUNT_GOOD) {
            best = p;
            found = true;
        }
        if (p.count >= FRAGPLAN_COUNT_GOOD) {
            break;
        }
    }
    if (!found && twins.size == 0) {
        return FUO_ERANGE;
    }
    *plan = found ? best : twins;
    return FUO_OK;
}
