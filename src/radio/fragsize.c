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
        block_bytes > (size_t)FRAGPLAN_COUNT_PLANNED * size) {
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

static uint16_t least_common_multiple(uint16_t a, uint16_t b)
{
    uint32_t multiple = a;
    while (multiple % b != 0) {
        multiple += a;
    }
    return (uint16_t)multiple;
}

/* 0 is no limit. */
static uint16_t lesser(uint16_t a, uint16_t b)
{
    if (a == 0 || b == 0) {
        return a == 0 ? b : a;
    }
    return a < b ? a : b;
}

int fragplan_merge(const struct fragplan_limits *a, const struct fragplan_limits *b,
                   struct fragplan_limits *merged)
{
    uint16_t multiple =
        least_common_multiple(or_else(a->size_multiple, 1), or_else(b->size_multiple, 1));
    uint16_t size_max = lesser(a->size_max, b->size_max);
    uint8_t size_min = a->size_min > b->size_min ? a->size_min : b->size_min;
    uint16_t largest = or_else(size_max, UINT8_MAX) / multiple * multiple;
    if (largest == 0 || largest < size_min) {
        return FUO_ERANGE;
    }
    *merged = (struct fragplan_limits){
        .size_min = size_min,
        .size_max = (uint8_t)size_max,
        .size_multiple = multiple > 1 ? (uint8_t)multiple : 0,
        .count_max = lesser(a->count_max, b->count_max),
    };
    return FUO_OK;
}

bool fragplan_fits(const struct fragplan_limits *limits, uint8_t size, uint16_t count)
{
    return size >= limits->size_min && size <= or_else(limits->size_max, UINT8_MAX) &&
           size % or_else(limits->size_multiple, 1) == 0 &&
           count <= or_else(limits->count_max, FRAGPLAN_COUNT_MAX);
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

int fragplan_cut(size_t block_bytes, const struct fragplan_limits *limits, uint8_t room,
                 uint32_t wanted, struct fragplan *plan)
{
    struct fragplan_limits asked = *limits;
    struct fragplan cut;
    if (asked.size_max == 0 || asked.size_max > room) {
        asked.size_max = room;
    }
    if (wanted == FRAGPLAN_SIZE_ANY) {
        return fragplan_choose(block_bytes, &asked, plan);
    }
    if (wanted > asked.size_max ||
        fragplan_with_size(block_bytes, (uint8_t)wanted, &cut) != FUO_OK ||
        !fragplan_fits(&asked, cut.size, cut.count)) {
        return FUO_ERANGE;
    }
    *plan = cut;
    return FUO_OK;
}
