/* SPDX-License-Identifier: MIT */
#include "engine/install.h"

#include "codec/package.h"
#include "engine/agree.h"
#include "engine/answer.h"
#include "engine/campaign.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/session.h"
#include "engine/term.h"
#include "engine/waves.h"

#define REBOOT_MIN_S    30
#define WINDOW_LEAST_US MINUTES_US(2) /* of what is left of a window */
#define LOOK_AGAIN_US   HOURS_US(1)   /* for windows that are not known yet */
#define OTHER_REPORTS   3             /* of an old version, before it is told again */
#define JITTER_MAX_S    0xfffff0      /* what a countdown can tell */

static const struct spec_activate *activation_of(const struct member *m)
{
    return &m->campaign->def.spec->activation;
}

static bool is_scheduled(const struct member *m)
{
    return activation_of(m)->mode == SPEC_ACTIVATE_SCHEDULED;
}

static bool goes_by_time(const struct member *m)
{
    return is_scheduled(m) && !m->denies_time &&
           device_profile(m->device)->reboot != PROFILE_REBOOT_UNIX;
}

/* The rest of the window that is open, or else the next one; none: both are the same. */
static struct calendar_span next_window(const struct campaign *c, struct utc from)
{
    if (c->spans == NULL) {
        return (struct calendar_span){from, UTC_NEVER};
    }
    for (size_t i = 0; i < c->span_count; i++) {
        struct calendar_span span = c->spans[i];
        span.start = span.start.us > from.us ? span.start : from;
        if (span.end.us > utc_after(span.start, WINDOW_LEAST_US).us) {
            return span;
        }
    }
    return (struct calendar_span){from, from};
}

static int64_t jitter_us(struct engine *e, const struct member *m, int64_t most_us)
{
    int64_t jitter_s = activation_of(m)->jitter_us / 1000000;
    if (jitter_s < 0 || jitter_s > JITTER_MAX_S) {
        jitter_s = JITTER_MAX_S;
    }
    if (jitter_s > most_us / 1000000) {
        jitter_s = most_us / 1000000;
    }
    return SECONDS_US((int64_t)prng_below(&e->prng, (uint64_t)jitter_s + 1));
}

/* ---- when ---- */

bool install_by_vendor(const struct member *m)
{
    return activation_of(m)->command_fport != 0 && spec_installs(m->campaign->def.spec) &&
           m->device->rec.package_version[PKG_FWMGMT] == 0;
}

bool install_denies_images(const struct member *m)
{
    return device_denies_images(m->device) || install_by_vendor(m);
}

bool install_waits(const struct member *m)
{
    return m->rec.phase == MEMBER_COMPLETE &&
           activation_of(m)->mode == SPEC_ACTIVATE_MANUAL && !waves_may_install(m);
}

void install_begin(struct engine *e, struct member *m)
{
    if (install_waits(m) && !term_lasts(e, m->campaign)) {
        member_end(e, m, OUTCOME_CANCELLED, REASON_DEADLINE, FW_SEEN_CANCELLED);
        return;
    }
    if (install_waits(m)) {
        waves_note_installable(e, m);
        return;
    }
    member_ask(e, m, install_denies_images(m) ? MEMBER_REBOOT : MEMBER_UPGRADE);
}

/* A time that was told before stays, so that answers to it are right. */
static bool choose_time(struct engine *e, struct member *m, struct utc earliest)
{
    if (!is_scheduled(m)) {
        m->rec.reboot_at = utc_after(earliest, jitter_us(e, m, INT64_MAX));
        return true;
    }
    if (m->rec.tries > 0 && m->rec.reboot_at.us > earliest.us) {
        return true;
    }
    struct calendar_span window = next_window(m->campaign, earliest);
    if (window.end.us == window.start.us) {
        return false;
    }
    int64_t most_us = window.end.us == UTC_NEVER.us
                          ? INT64_MAX
                          : window.end.us - window.start.us - WINDOW_LEAST_US / 2;
    m->rec.reboot_at = utc_after(window.start, jitter_us(e, m, most_us));
    return true;
}

/* It acts at once: so it is told only while a window is open, and not behind its end. */
static bool plan_vendor(struct engine *e, struct member *m,
                        struct member_context *context)
{
    context->vendor = activation_of(m);
    (void)agree_target(m, &context->vendor_version);
    struct calendar_span window = next_window(m->campaign, e->utc);
    bool known = window.end.us != window.start.us;
    if (!is_scheduled(m) || (known && window.start.us == e->utc.us)) {
        m->rec.reboot_at = e->utc;
        return true;
    }
    m->rec.reboot_at = known ? window.start : engine_in(e, LOOK_AGAIN_US);
    engine_set_timer(e, m->slot, m->rec.reboot_at);
    return false;
}

bool install_sent(struct engine *e, struct member *m)
{
    if (m->rec.phase != MEMBER_REBOOT || !install_by_vendor(m)) {
        return false;
    }
    m->rec.reboot_at = e->utc;
    member_await_reboot(e, m);
    return true;
}

bool install_plan(struct engine *e, struct member *m, struct member_context *context)
{
    if (m->rec.phase == MEMBER_REBOOT && install_by_vendor(m)) {
        return plan_vendor(e, m, context);
    }
    context->reboot_by_time = goes_by_time(m);
    if (m->rec.phase != MEMBER_REBOOT) {
        return true;
    }
    if (!choose_time(e, m, engine_in(e, SECONDS_US(REBOOT_MIN_S)))) {
        engine_wake(e, m->slot, engine_in(e, LOOK_AGAIN_US));
        return false;
    }
    int64_t delay_s = (m->rec.reboot_at.us - e->utc.us) / 1000000;
    context->reboot_time = gps_from_utc(m->rec.reboot_at);
    context->countdown_s = (uint32_t)(delay_s < JITTER_MAX_S ? delay_s : JITTER_MAX_S);
    return true;
}

void install_set_time(struct engine *e, struct member *m)
{
    if (!choose_time(e, m, e->utc)) {
        m->rec.reboot_at = engine_in(e, LOOK_AGAIN_US);
    }
}

/* A countdown runs from when it is heard: what is late is late by as much. */
struct utc install_told_by(const struct engine *e, const struct member *m)
{
    if (m->rec.phase != MEMBER_REBOOT || !is_scheduled(m)) {
        return UTC_NEVER;
    }
    if (install_by_vendor(m)) {
        return dates_open_until(m->campaign, e->utc);
    }
    if (goes_by_time(m)) {
        return m->rec.reboot_at;
    }
    struct utc until = dates_open_until(m->campaign, m->rec.reboot_at);
    return until.us == UTC_NEVER.us ? until
                                    : engine_in(e, until.us - m->rec.reboot_at.us);
}

void install_deny_time(struct engine *e, struct member *m)
{
    if (goes_by_time(m)) {
        m->denies_time = true;
        member_ask(e, m, MEMBER_REBOOT);
    }
}

enum fw_evidence install_seen(const struct engine *e, const struct member *m)
{
    return is_scheduled(m) && !utc_reached(m->rec.reboot_at, e->utc) ? FW_SEEN_DEFERRED
                                                                     : FW_SEEN_APPLYING;
}

/* ---- proof ---- */

static const struct spec_verification *required(const struct member *m)
{
    return &m->campaign->def.spec->verification;
}

bool install_needs_version(const struct member *m)
{
    return required(m)->require_version || !required(m)->require_uplinks;
}

static bool needs_uplinks(const struct member *m)
{
    return required(m)->require_uplinks && m->uplinks < required(m)->uplinks;
}

static bool lacks_version(const struct member *m)
{
    return install_needs_version(m) && !m->version_proven;
}

bool install_wants_version(const struct member *m)
{
    bool aborting = m->campaign->rec.phase == CAMPAIGN_ABORTING;
    return !install_by_vendor(m) && (aborting || lacks_version(m));
}

bool install_take_version(struct engine *e, struct member *m)
{
    bool aborting = m->campaign->rec.phase == CAMPAIGN_ABORTING;
    m->version_proven = true;
    if (aborting || !needs_uplinks(m)) {
        return true;
    }
    if (m->rec.phase != MEMBER_VERIFY) {
        member_enter(e, m, MEMBER_VERIFY);
    }
    member_drop_command(m);
    member_store(e, m);
    return false;
}

void install_note_uplink(struct engine *e, struct member *m, struct utc received)
{
    if (m->rec.phase != MEMBER_VERIFY || !required(m)->require_uplinks ||
        received.us <= m->rec.reboot_at.us ||
        m->campaign->rec.phase == CAMPAIGN_ABORTING) {
        return;
    }
    m->uplinks = (uint16_t)(m->uplinks < UINT16_MAX ? m->uplinks + 1 : m->uplinks);
    if (!needs_uplinks(m) && !lacks_version(m)) {
        member_verified(e, m);
    }
}

void install_take_other(struct engine *e, struct member *m)
{
    struct utc due = utc_after(m->rec.reboot_at, MEMBER_AFTER_REBOOT_US);
    if (m->rec.phase != MEMBER_VERIFY || !install_by_vendor(m) ||
        !campaign_runs(m->campaign) || !utc_reached(due, e->utc)) {
        return;
    }
    m->looks++;
    if (m->looks < OTHER_REPORTS) {
        return;
    }
    m->looks = 0;
    if (m->reboots < m->campaign->def.spec->retry.command) {
        m->reboots++;
        member_ask(e, m, MEMBER_REBOOT); /* it may never have heard of it */
        return;
    }
    member_end(e, m, OUTCOME_FAILED, REASON_OLD_VERSION, FW_SEEN_OLD_RUNS);
}
