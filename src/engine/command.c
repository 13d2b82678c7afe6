/* SPDX-License-Identifier: MIT */
/* command.c - what one member is sent, alone: built, admitted, stored, then handed over. */
#include <string.h>

#include "codec/frag.h"
#include "codec/package.h"
#include "engine/admit.h"
#include "engine/campaign.h"
#include "engine/deliver.h"
#include "engine/group.h"
#include "engine/install.h"
#include "engine/internal.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/member_setup.h"
#include "engine/repair.h"
#include "engine/session.h"
#include "engine/silence.h"
#include "engine/term.h"
#include "engine/variant.h"

#define EXPIRY_MIN_US HOURS_US(1)
#define EXPIRY_MAX_US HOURS_US(48)

void member_drop_command(struct member *m)
{
    m->rec.command_id = 0;
    admit_drop(m->campaign->engine, m);
}

void member_forget_try(struct member *m)
{
    if (m->rec.tries > 0) {
        m->rec.tries--;
    }
}

struct member_context member_context_of(const struct member *m)
{
    const struct transmission *t = m->transmission;
    return (struct member_context){
        .device = &m->device->rec,
        .layout = device_layout(m->device),
        .error_above = t != NULL ? device_error_above(m->device, t->rec.frag_count) : 0,
        .transmission = t != NULL ? &t->rec : NULL,
        .radio = &m->campaign->def.spec->radio,
        .image_len = variant_block(m->campaign, t != NULL ? t->rec.variant : 0).len,
        .descriptor = m->campaign->def.spec->fragmentation.descriptor,
        .wrapped_key = m->wrapped,
        .mic = m->mic,
    };
}

static bool has_tail(const struct member *m)
{
    return m->rec.phase == MEMBER_STATUS && m->tail > 0;
}

static struct utc useful_until(const struct engine *e, const struct member *m)
{
    const struct transmission *t = m->transmission;
    if (m->rec.phase == MEMBER_SESSION || m->rec.phase == MEMBER_RESYNC) {
        return t->rec.session_start;
    }
    int64_t keep_us = 4 * m->device->rec.uplink_interval_us;
    if (keep_us == 0 || keep_us > EXPIRY_MAX_US) {
        keep_us = EXPIRY_MAX_US;
    }
    struct utc keep = engine_in(e, keep_us < EXPIRY_MIN_US ? EXPIRY_MIN_US : keep_us);
    if (has_tail(m)) {
        return utc_min(keep, dates_open_until(m->campaign, e->utc));
    }
    bool set_up = m->rec.phase == MEMBER_GROUP || m->rec.phase == MEMBER_FRAG;
    /* A set-up that comes when fragments flow would throw away what was received. */
    return set_up && t->rec.phase == TX_LEAD ? utc_min(keep, t->rec.session_start) : keep;
}

/* What the server holds at a deadline that ends everything is dropped. */
static struct utc expiry_of(const struct engine *e, const struct member *m)
{
    struct utc until = utc_min(useful_until(e, m), install_told_by(e, m));
    return term_lasts(e, m->campaign) ? utc_min(until, term_silent_from(m->campaign))
                                      : until;
}

static void ask_key(struct engine *e, struct member *m)
{
    if (m->asked_key) {
        return;
    }
    m->asked_key = true;
    struct effect *effect = engine_emit(e, EFFECT_WRAP_KEY, m->device->fleet);
    effect->repeatable = true;
    effect->key.transmission_id = m->rec.transmission_id;
    effect->key.key_id = m->transmission->rec.key_id;
    effect->key.campaign_id = m->rec.campaign_id;
    effect->key.dev_eui = m->rec.dev_eui;
}

static void ask_mic(struct engine *e, struct member *m)
{
    if (m->asked_mic) {
        return;
    }
    m->asked_mic = true;
    struct effect *effect = engine_emit(e, EFFECT_BLOCK_MIC, m->device->fleet);
    effect->repeatable = true;
    effect->key.transmission_id = m->rec.transmission_id;
    effect->key.campaign_id = m->rec.campaign_id;
    effect->key.dev_eui = m->rec.dev_eui;
    effect->key.session_count = m->rec.session_count;
    effect->key.frag_index = m->transmission->rec.frag_index;
    effect->key.variant = m->transmission->rec.variant;
    memcpy(effect->key.descriptor, m->campaign->def.spec->fragmentation.descriptor,
           sizeof(effect->key.descriptor));
}

/* Whether the phase's command can be built; else the driver is asked for what lacks. */
static bool has_material(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_GROUP && !m->has_key) {
        ask_key(e, m);
        return false;
    }
    if (m->rec.phase == MEMBER_FRAG && m->transmission->rec.ts004 >= 2 && !m->has_mic) {
        ask_mic(e, m);
        return false;
    }
    return true;
}

/* Paused: nothing. Aborting: what undoes, and the question what runs by now. */
static bool may_send(const struct engine *e, const struct member *m)
{
    if (m->campaign->rec.phase != CAMPAIGN_ABORTING) {
        return campaign_runs(m->campaign) &&
               !utc_reached(term_silent_from(m->campaign), e->utc);
    }
    return m->rec.phase == MEMBER_UNDO_REBOOT || m->rec.phase == MEMBER_UNDO_IMAGE ||
           m->rec.phase == MEMBER_VERIFY;
}

/* The payload of the send under way; FUO_ENOENT: the phase has no command. */
static int build(struct engine *e, struct member *m, struct effect *effect)
{
    struct member_context context = member_context_of(m);
    context.with_session = member_setup_adds_session(m);
    bool reboot = m->rec.phase == MEMBER_REBOOT || m->rec.phase == MEMBER_UNDO_REBOOT;
    if (reboot && !install_plan(e, m, &context)) {
        return FUO_ENOENT;
    }
    struct member_downlink downlink;
    int err = member_command(&m->rec, &context, &downlink);
    if (err != FUO_OK) {
        return err;
    }
    effect->send.fport = downlink.fport;
    effect->send.payload_len = downlink.len;
    memcpy(effect->send.payload, downlink.payload, downlink.len);
    effect->repeatable = m->rec.phase != MEMBER_FRAG;
    return FUO_OK;
}

/* A fresh coded fragment for this member alone; its place is stored before it is sent. */
static int build_tail(struct engine *e, struct member *m, struct effect *effect)
{
    struct transmission *t = m->transmission;
    size_t len = session_payload(t, false, effect->send.payload);
    if (len == 0) {
        return FUO_ERANGE;
    }
    uint8_t fport = m->device->rec.package_fport[PKG_FRAG];
    effect->send.fport = fport != 0 ? fport : pkg_default_fport(PKG_FRAG);
    effect->send.payload_len = (uint8_t)len;
    t->rec.next_n++;
    t->campaign->rec.fragments_sent++;
    m->denied_n = 0;
    m->told_n = 0;
    m->rec.tries = 0; /* each is another one */
    transmission_store(e, t);
    return FUO_OK;
}

/*
 * Whether its next command is a fragment of its tail. Not beside fragments for all: a place
 * in the order goes to one fragment only. Tails of several take from the same rest.
 * Fragments lie in windows, questions need not.
 */
static bool in_tail(const struct engine *e, struct member *m)
{
    const struct transmission *t = m->transmission;
    if (m->rec.phase != MEMBER_STATUS || t->rec.phase != TX_CONFIRM || t->rec.pending ||
        t->rec.next_n > repair_last_n(t) ||
        utc_reached(dates_open_until(m->campaign, e->utc), e->utc)) {
        m->tail = 0;
    }
    return m->tail > 0;
}

/* Nothing was handed over: it is asked again when the device speaks. */
static bool hold_back(struct member *m)
{
    m->held = true;
    m->delayed = true;
    m->rec.command_id = 0;
    return false;
}

/* What is to be sent, admitted; false: nothing now. A place in the order goes to a fragment
 * of a tail only when it is. */
static bool prepare(struct engine *e, struct member *m, struct effect *send)
{
    bool tail = in_tail(e, m);
    m->held = false;
    if (!tail && build(e, m, send) != FUO_OK) {
        admit_drop(e, m);
        return false; /* a phase without a command */
    }
    size_t len = tail ? FRAG_DATA_OVERHEAD_BYTES + m->transmission->rec.frag_size_bytes
                      : send->send.payload_len;
    if (!admit_command(e, m, len)) {
        return hold_back(m);
    }
    if (tail && build_tail(e, m, send) != FUO_OK) {
        admit_release(e, m);
        return false;
    }
    return true;
}

/* What the command that goes out now may do to its device, whether or not it answers. */
static void note_told(struct engine *e, struct member *m)
{
    if (m->rec.phase == MEMBER_GROUP) {
        m->with_session |= member_setup_adds_session(m);
        group_told(e, m);
    }
    if (m->rec.phase == MEMBER_SESSION || m->with_session) {
        member_setup_told_date(m);
    }
}

void member_send(struct engine *e, struct member *m)
{
    if (deliver_is_way(m)) {
        if (may_send(e, m)) {
            deliver_send(e, m);
        }
        return;
    }
    bool proven = m->rec.phase == MEMBER_VERIFY && !install_wants_version(m);
    if (proven || m->announced || !may_send(e, m) || !has_material(e, m) ||
        silence_on_clock(e, m)) {
        return;
    }
    struct effect send = {.type = EFFECT_SEND};
    if (!prepare(e, m, &send)) {
        return;
    }
    m->rec.command_id = admit_command_id(e);
    m->rec.command_at = e->utc;
    m->rec.command_sent = false;
    m->rec.expires = expiry_of(e, m);
    if (m->rec.tries < UINT8_MAX) {
        m->rec.tries++;
    }
    m->evidence = 0;
    note_told(e, m);
    member_store(e, m);

    struct effect *effect = engine_emit(e, EFFECT_SEND, m->device->fleet);
    send.fleet_id = effect->fleet_id;
    *effect = send;
    effect->send.id = m->rec.command_id;
    effect->send.dev_eui = m->rec.dev_eui;
    effect->send.expires = m->rec.expires;
}

/* A fragment has no answer: the next one, or the question what is missing now. */
bool member_tail_sent(struct engine *e, struct member *m)
{
    if (m->rec.phase != MEMBER_STATUS || m->tail == 0) {
        return false;
    }
    m->tail--;
    member_drop_command(m);
    member_send(e, m);
    return true;
}

void member_ask(struct engine *e, struct member *m, enum member_phase phase)
{
    member_enter(e, m, phase);
    member_send(e, m);
}
