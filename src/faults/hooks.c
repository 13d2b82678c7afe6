/* SPDX-License-Identifier: MIT */
/* Effects and commits of the daemon: killed there, shown to the check, tampered with. */
#include <string.h>

#include "faults/check_internal.h"
#include "faults/internal.h"

/* ---- plants in the driver ---- */

/* An uncoded fragment again after a coded one, or a coded one again. */
static void plant_fragment(struct run *r, struct effect *e, uint16_t uncoded_count)
{
    uint16_t n = check_fragment_n(e->multicast.payload, e->multicast.payload_len);
    bool coded = n > uncoded_count;
    bool wanted = r->config->plant == PLANT_CODED ? coded : n != 0 && !coded;
    if (n == 0 || uncoded_count == 0) {
        return;
    }
    if (coded && r->planted_n == 0) {
        r->planted_n = n; /* every lane has this one */
    }
    if (wanted && !r->planted_set) {
        r->planted = *e;
        r->planted_set = true;
    } else if (coded && r->planted_set && n != r->planted_n) {
        memcpy(e->multicast.payload, r->planted.multicast.payload,
               r->planted.multicast.payload_len);
        e->multicast.payload_len = r->planted.multicast.payload_len;
    }
}

static void plant_in_effect(struct run *r, struct effect *e)
{
    enum fault_plant plant = r->config->plant;
    if (e->type != EFFECT_SEND_MULTICAST ||
        (plant != PLANT_UNCODED && plant != PLANT_CODED)) {
        return;
    }
    const struct campaign_rec *rec =
        engine_campaign_by_name(virtual_engine(r->daemon), RUN_CAMPAIGN);
    const struct transmission_rec *t = NULL;
    for (size_t i = 0; rec != NULL; i++) {
        t = engine_transmission_at(virtual_engine(r->daemon), rec->id, i);
        if (t == NULL || t->id == e->multicast.transmission_id) {
            break;
        }
    }
    plant_fragment(r, e, t != NULL ? t->frag_count : 0);
}

/* Of a device that has an outcome: another one, in the next batch. */
static void plant_in_batch(struct run *r, struct effects *batch)
{
    if (r->planted_set && !r->planted_done) {
        struct effect *e = effects_append(batch, EFFECT_STORE);
        e->store.kind = STORE_MEMBER;
        e->store.member = r->planted_member;
        e->store.member.outcome = r->planted_member.outcome == OUTCOME_FAILED
                                      ? OUTCOME_UNKNOWN
                                      : OUTCOME_FAILED;
        r->planted_done = true;
        return;
    }
    for (size_t i = 0; i < batch->len && !r->planted_set; i++) {
        const struct effect *e = batch->items[i];
        if (e->type == EFFECT_STORE && e->store.kind == STORE_MEMBER &&
            e->store.member.outcome != OUTCOME_NONE) {
            r->planted_member = e->store.member;
            r->planted_set = true;
        }
    }
}

/* How a device ended is stored, and nobody is told. */
static void plant_silence(struct effects *batch)
{
    for (size_t i = 0; i < batch->len; i++) {
        struct effect *e = batch->items[i];
        if (e->type == EFFECT_PUBLISH && e->publish.kind == PUBLISH_RESULT) {
            e->publish.dev_eui = 0;
        }
    }
}

static bool has_outcome(const struct effects *batch)
{
    for (size_t i = 0; i < batch->len; i++) {
        const struct effect *e = batch->items[i];
        if (e->type == EFFECT_STORE && e->store.kind == STORE_MEMBER &&
            e->store.member.outcome != OUTCOME_NONE) {
            return true;
        }
    }
    return false;
}

/* ---- effects ---- */

static enum virtual_verdict on_effect(void *arg, struct effect *e)
{
    struct run *r = arg;
    enum virtual_verdict verdict = VIRTUAL_GO_ON;
    if (e->type == EFFECT_STORE || e->type == EFFECT_PUBLISH) {
        return verdict;
    }
    if (run_fault(r, FAULT_KILLED_AT_EFFECT)) {
        verdict =
            prng_chance(&r->prng, RUN_PPM / 2) != 0 ? VIRTUAL_DIE : VIRTUAL_DIE_DONE;
    }
    if (r->config->plant == PLANT_END && e->type == EFFECT_SEND_MULTICAST) {
        r->never_again = true;
        verdict = VIRTUAL_DIE;
    }
    if (verdict == VIRTUAL_DIE) {
        return verdict;
    }
    plant_in_effect(r, e);
    r->report->effects++;
    check_effect(r->check, e);
    return verdict;
}

/* ---- commits ---- */

static void keep_batch(struct run *r, const struct effects *batch)
{
    effects_clear(&r->batch);
    for (size_t i = 0; i < batch->len; i++) {
        effects_copy(&r->batch, batch->items[i]);
    }
}

static bool concerns_member(const struct effects *batch)
{
    for (size_t i = 0; i < batch->len; i++) {
        if (batch->items[i]->type == EFFECT_STORE &&
            batch->items[i]->store.kind == STORE_MEMBER) {
            return true;
        }
    }
    return false;
}

static enum virtual_verdict on_commit(void *arg, struct effects *batch)
{
    struct run *r = arg;
    enum virtual_verdict verdict = VIRTUAL_GO_ON;
    if (r->config->plant == PLANT_OUTCOME) {
        plant_in_batch(r, batch);
    }
    if (r->config->plant == PLANT_RESULT && has_outcome(batch)) {
        plant_silence(batch);
    }
    if (run_fault(r, FAULT_KILLED_AT_COMMIT)) {
        verdict =
            prng_chance(&r->prng, RUN_PPM / 2) != 0 ? VIRTUAL_DIE : VIRTUAL_DIE_DONE;
    }
    keep_batch(r, batch);
    r->batch_forged = r->config->plant == PLANT_STORED && concerns_member(batch) &&
                      r->applied && prng_chance(&r->prng, RUN_PPM / 5) != 0;
    if (r->batch_forged) {
        batch->len = 0;
    }
    return verdict;
}

static bool has_campaign(const struct effects *batch)
{
    for (size_t i = 0; i < batch->len; i++) {
        if (batch->items[i]->type == EFFECT_STORE &&
            batch->items[i]->store.kind == STORE_CAMPAIGN) {
            return true;
        }
    }
    return false;
}

void run_on_disk(struct run *r)
{
    if (!r->batch_forged) {
        check_stored(r->check, &r->batch);
        r->applied = r->applied || has_campaign(&r->batch);
    }
    r->report->commits++;
    effects_clear(&r->batch);
}

static void on_settled(void *arg, int err)
{
    struct run *r = arg;
    if (err == FUO_OK) {
        run_on_disk(r);
    }
    effects_clear(&r->batch);
}

const struct virtual_hooks run_hooks = {
    .effect = on_effect,
    .commit = on_commit,
    .settled = on_settled,
};
