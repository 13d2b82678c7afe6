/* SPDX-License-Identifier: MIT */
#include "fuota-bench/oracle.h"

#include <stdbool.h>
#include <stdlib.h>

#include "fuota-bench/minrank.h"

/* One transmission under examination. */
struct look {
    const struct world_scenario *s;
    const struct world_trace *t;
    const struct world_transmission *tx;
    uint32_t index;
    struct minrank *decoder;
    uint16_t *order;   /* of what went on air */
    uint32_t *numbers; /* its FCnt */
    size_t sent;
    uint64_t *heard; /* by place in the order */
    size_t prefix;   /* the longest that any device needs */
    size_t any;
    uint64_t unicast;
};

static void take_order(struct look *look)
{
    for (size_t i = 0; i < look->tx->number_count; i++) {
        const struct world_number *number = &look->tx->numbers[i];
        if (number->n != 0 && number->at_us >= 0) {
            look->order[look->sent] = number->n;
            look->numbers[look->sent] = (uint32_t)i;
            look->sent++;
        }
    }
}

static void take_heard(struct look *look, size_t member)
{
    size_t words = look->sent / 64 + 1;
    for (size_t w = 0; w < words; w++) {
        look->heard[w] = 0;
    }
    for (size_t i = 0; i < look->sent; i++) {
        if (world_trace_heard(look->tx, member, look->numbers[i])) {
            look->heard[i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
}

static void look_at(struct look *look, size_t member, struct oracle *sum)
{
    uint32_t device = look->tx->devices[member];
    const struct world_device_trace *trace = &look->t->devices[device];
    if (trace->complete_us < 0 || trace->transmission != look->index) {
        return;
    }
    const struct world_profile *profile =
        &look->s->profiles[look->s->devices[device].profile];
    uint32_t max_lost = (uint32_t)((uint64_t)look->tx->m * profile->cap_ppm / WORLD_PPM);
    take_heard(look, member);
    struct minrank_need need =
        minrank_least(look->decoder, look->order, look->heard, look->sent, max_lost);
    sum->completed++;
    look->any = need.any > look->any ? need.any : look->any;
    if (need.prefix > 0) {
        look->prefix = need.prefix > look->prefix ? need.prefix : look->prefix;
    } else if (trace->fragments_unicast > 0) {
        uint32_t sent = trace->fragments_unicast;
        look->unicast += need.missing < sent ? need.missing : sent;
    } else {
        sum->contradicted++;
    }
}

static int look_through(struct look *look, struct oracle *sum)
{
    size_t count = look->tx->number_count;
    look->order = calloc(count + 1, sizeof(*look->order));
    look->numbers = calloc(count + 1, sizeof(*look->numbers));
    look->heard = calloc(count / 64 + 1, sizeof(*look->heard));
    look->decoder = minrank_create(look->tx->ts004 == 2 ? FEC_V2 : FEC_V1, look->tx->m);
    int err = FUO_ENOMEM;
    if (look->order != NULL && look->numbers != NULL && look->heard != NULL &&
        look->decoder != NULL) {
        take_order(look);
        for (size_t i = 0; i < look->tx->device_count; i++) {
            look_at(look, i, sum);
        }
        err = FUO_OK;
    }
    sum->sent += look->sent;
    sum->least += look->prefix + look->unicast;
    sum->least_any += look->any + look->unicast;
    minrank_destroy(look->decoder);
    free(look->heard);
    free(look->numbers);
    free(look->order);
    return err;
}

int oracle_compute(const struct world_scenario *s, const struct world_trace *t,
                   struct oracle *out)
{
    struct oracle sum = {0};
    for (size_t i = 0; i < t->transmission_count; i++) {
        if (t->transmissions[i].m == 0) {
            continue;
        }
        struct look look = {
            .s = s, .t = t, .tx = &t->transmissions[i], .index = (uint32_t)i};
        int err = look_through(&look, &sum);
        if (err != FUO_OK) {
            return err;
        }
    }
    for (size_t i = 0; i < t->device_count; i++) {
        sum.sent += t->devices[i].fragments_unicast;
    }
    *out = sum;
    return FUO_OK;
}
