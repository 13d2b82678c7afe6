/* SPDX-License-Identifier: MIT */
#include "engine/variant.h"

#include "engine/campaign.h"
#include "engine/claim.h"
#include "engine/deliver.h"
#include "engine/group.h"
#include "engine/member.h"
#include "engine/precondition.h"
#include "engine/reported.h"
#include "engine/round.h"
#include "engine/session.h"
#include "engine/term.h"
#include "engine/uplink.h"

static const struct variant_cost *cost_in(const struct campaign *c,
                                          const struct fleet *fleet)
{
    for (size_t i = 0; i < c->cost_count; i++) {
        if (c->costs[i].fleet == fleet) {
            return &c->costs[i];
        }
    }
    return NULL;
}

static void add_cost(struct campaign *c, const struct fleet *fleet)
{
    const struct plan_input in = {
        .spec = c->def.spec,
        .fleet = fleet->def.spec,
        .device_count = 1,
        .weakest_snr_cdb = PLAN_SNR_UNKNOWN,
        .priority_ceiling_ppm = fleet->def.priority_ceiling_ppm,
    };
    c->costs = engine_grow(c->costs, c->cost_count + 1, sizeof(*c->costs));
    struct variant_cost *cost = &c->costs[c->cost_count++];
    *cost = (struct variant_cost){.fleet = fleet};
    for (size_t i = 0; i <= c->def.delta_count; i++) {
        size_t len = variant_block(c, (uint8_t)i).len;
        cost->airtime_us[i] =
            fleet->def.delivers ? (int64_t)len : variant_airtime_us(&in, len);
    }
}

void variant_open(struct campaign *c)
{
    size_t most = c->def.spec->image.delta_count;
    most = most < VARIANT_DELTAS_MAX ? most : VARIANT_DELTAS_MAX;
    c->def.delta_count = c->def.delta_count < most ? c->def.delta_count : most;
    for (size_t i = 0; c->def.delta_count > 0 && i < c->member_count; i++) {
        const struct fleet *fleet = c->members[i].device->fleet;
        if (cost_in(c, fleet) == NULL) {
            add_cost(c, fleet);
        }
    }
}

struct variant_block variant_block(const struct campaign *c, uint8_t variant)
{
    if (variant == VARIANT_FULL) {
        return (struct variant_block){c->def.image, c->def.image_len};
    }
    if (variant > c->def.delta_count) {
        return (struct variant_block){NULL, 0};
    }
    const struct engine_delta *d = &c->def.deltas[variant - 1];
    return (struct variant_block){d->bytes, d->len};
}

/* What TS006 said goes first; version NULL: nothing. */
static bool is_for(const struct engine_campaign *def, size_t delta,
                   const struct device *d, const uint32_t *version)
{
    const struct engine_delta *from = &def->deltas[delta];
    const char *text = def->spec->image.deltas[delta].from;
    uint32_t base = from->from_firmware;
    bool comparable = from->from_known || precondition_version(d, text, &base);
    if (comparable && version != NULL) {
        return *version == base;
    }
    return d->report != NULL && d->report->firmware_version[0] != '\0' &&
           reported_is_same(d->report->firmware_version, text);
}

static uint32_t fitting(const struct engine_campaign *def, const struct device *d,
                        const uint32_t *version)
{
    uint32_t fits = 0;
    for (size_t i = 0; i < def->delta_count; i++) {
        fits |= is_for(def, i, d, version) ? UINT32_C(1) << i : 0;
    }
    return fits;
}

uint8_t variant_of(const struct member *m)
{
    const struct campaign *c = m->campaign;
    const uint32_t *version = m->rec.version_before_known ? &m->rec.version_before : NULL;
    const struct variant_cost *cost = cost_in(c, m->device->fleet);
    if (cost == NULL) {
        return VARIANT_FULL;
    }
    struct variant_choice choice = {.airtime_us = cost->airtime_us,
                                    .delta_count = c->def.delta_count,
                                    .fits = fitting(&c->def, m->device, version),
                                    .delta_failures = m->rec.delta_failures};
    return variant_choose(&choice);
}

uint8_t engine_variant(const struct engine *engine,
                       const struct engine_campaign *campaign, const int64_t *airtime_us,
                       uint64_t dev_eui)
{
    const struct device *d = engine_find_device(engine, dev_eui);
    if (d == NULL) {
        return VARIANT_FULL;
    }
    const uint32_t *version = d->rec.firmware_known ? &d->rec.firmware_version : NULL;
    struct variant_choice choice = {.airtime_us = airtime_us,
                                    .delta_count = campaign->delta_count,
                                    .fits = fitting(campaign, d, version)};
    return variant_choose(&choice);
}

/* As before its first transmission: the air had no part in it. */
static void begin_again(struct member *m)
{
    m->rec.variant = VARIANT_FULL;
    m->rec.transmissions = 0;
    m->rec.late = 0;
    m->rec.missing = UINT16_MAX;
    m->rec.received = 0;
    m->rec.version_after = 0;
    m->rec.version_after_known = false;
    m->rec.reboot_at = (struct utc){0};
    m->reboot_doubtful = false;
    m->reboots = 0;
    m->version_proven = false;
    m->uplinks = 0;
}

/* A lost connection says nothing of what was brought; on air no Result says more. */
static bool is_of_the_block(const struct member *m, enum member_reason reason)
{
    if (reason != REASON_REPORTED || !deliver_is_way(m)) {
        return true;
    }
    return m->rec.result == FW_RESULT_INTEGRITY ||
           m->rec.result == FW_RESULT_UNSUPPORTED_PACKAGE ||
           m->rec.result == FW_RESULT_UPDATE_FAILED;
}

/* The image is next: in a transmission, or by its server. */
static void go_on(struct engine *e, struct member *m)
{
    if (deliver_is_way(m)) {
        member_seen(e, m, FW_SEEN_TARGETED);
        deliver_fall_back(e, m);
        return;
    }
    member_enter(e, m, MEMBER_READY);
    member_seen(e, m, FW_SEEN_TARGETED);
    round_wish(e, m);
}

bool variant_fall_back(struct engine *e, struct member *m, enum member_reason reason,
                       enum fw_evidence seen)
{
    struct transmission *t = m->transmission;
    if (!variant_is_at_fault(m->rec.variant, reason) || !is_of_the_block(m, reason) ||
        !campaign_is_live(m->campaign) || !term_takes_on(e, m->campaign) ||
        claim_is_wanted(e, m)) {
        return false;
    }
    if (m->rec.command_id != 0) {
        member_part_with(e, m);
    }
    if (m->rec.phase == MEMBER_VERIFY) {
        group_rebooted(e, m);
        device_store(e, m->device);
    }
    m->rec.reason = reason;
    (void)reported_infer(e, m, seen);
    member_fw_changed(e, m);
    member_attach(m, NULL);
    m->rec.delta_failures++;
    begin_again(m);
    m->rec.reason = REASON_DELTA_FAILED;
    go_on(e, m);
    if (t != NULL) {
        transmission_member_changed(e, t);
    }
    return true;
}
