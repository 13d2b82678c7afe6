/* SPDX-License-Identifier: MIT */
/* member.c - the command that a phase of the way calls for. */
#include "campaign/member.h"

#include <string.h>

#include "base/hex.h"
#include "codec/clock.h"
#include "codec/frag.h"
#include "codec/fwmgmt.h"
#include "codec/mcast.h"
#include "codec/mpa.h"
#include "codec/package.h"

enum {
    MPA_TOKEN = 1,
    RESYNC_TRANSMISSIONS = 2,
};

static uint8_t version_of(const struct device_rec *device, enum pkg_id pkg)
{
    return device->package_version[pkg] != 0 ? device->package_version[pkg] : 1;
}

static uint8_t fport_of(const struct device_rec *device, enum pkg_id pkg)
{
    return device->package_fport[pkg] != 0 ? device->package_fport[pkg]
                                           : pkg_default_fport(pkg);
}

static int command_packages(struct member_downlink *out, size_t *len)
{
    uint8_t cmd[4];
    size_t cmd_len = 0;
    int err = mpa_packages_req_encode(cmd, sizeof(cmd), &cmd_len);
    if (err != FUO_OK) {
        return err;
    }
    struct mpa_msg msg = mpa_msg_init(out->payload, sizeof(out->payload));
    mpa_msg_append(&msg, PKG_MULTI, cmd, cmd_len);
    return mpa_msg_finish(&msg, MPA_TOKEN, len);
}

static int command_group(const struct member_context *c, struct member_downlink *out,
                         size_t *len)
{
    struct mc_group_setup_req req = {
        .group_id = c->transmission->group_id,
        .addr = c->transmission->mc_addr,
        .min_fcnt = 0,
        .max_fcnt = 0xffff, /* beyond, real stacks receive nothing (lorawan.md 3.8) */
    };
    memcpy(req.key_encrypted, c->wrapped_key, sizeof(req.key_encrypted));
    return mc_group_setup_req_encode(c->transmission->ts005, &req, out->payload,
                                     sizeof(out->payload), len);
}

static int command_frag(const struct member_rec *member, const struct member_context *c,
                        struct member_downlink *out, size_t *len)
{
    const struct transmission_rec *t = c->transmission;
    struct frag_setup_req req = {
        .frag_index = t->frag_index,
        .mc_group_mask = (uint8_t)(1u << t->group_id),
        .frag_count = t->frag_count,
        .frag_size_bytes = t->frag_size_bytes,
        .frag_algo = 0,
        .block_ack_delay_exp = t->block_ack_delay,
        .ack_reception = t->ts004 >= 2,
        .padding_bytes =
            (uint8_t)((size_t)t->frag_count * t->frag_size_bytes - c->image_len),
        .session_cnt = member->session_count,
    };
    memcpy(req.descriptor, c->descriptor, sizeof(req.descriptor));
    if (t->ts004 >= 2) {
        memcpy(req.mic, c->mic, sizeof(req.mic));
    }
    return frag_setup_req_encode(t->ts004, &req, out->payload, sizeof(out->payload), len);
}

static int command_session(const struct member_context *c, struct member_downlink *out,
                           size_t *len)
{
    const struct transmission_rec *t = c->transmission;
    struct mc_session_req req = {
        .group_id = t->group_id,
        .session_time = gps_from_utc(t->session_start),
        .timeout_exp = t->timeout_exp,
        .frequency_hz = t->frequency_hz,
        .dr = t->dr,
    };
    if (spec_is_class_b(c->radio)) {
        req.periodicity_exp = c->radio->ping_slot_periodicity;
        return mc_class_b_req_encode(t->ts005, &req, out->payload, sizeof(out->payload),
                                     len);
    }
    return mc_class_c_req_encode(t->ts005, &req, out->payload, sizeof(out->payload), len);
}

/* In one message, which is answered in that order (lorawan.md 1). */
static int command_group_and_session(const struct member_context *c,
                                     struct member_downlink *out, size_t *len)
{
    struct member_downlink session;
    size_t session_len = 0;
    int err = command_group(c, out, len);
    err = err == FUO_OK ? command_session(c, &session, &session_len) : err;
    if (err == FUO_OK && *len + session_len > sizeof(out->payload)) {
        err = FUO_ERANGE;
    }
    if (err == FUO_OK) {
        memcpy(out->payload + *len, session.payload, session_len);
        *len += session_len;
    }
    return err;
}

static int command_resync(const struct device_rec *device, struct member_downlink *out,
                          size_t *len)
{
    struct clock_force_resync_req req = {.transmission_count = RESYNC_TRANSMISSIONS};
    return clock_force_resync_req_encode(version_of(device, PKG_CLOCK), &req,
                                         out->payload, sizeof(out->payload), len);
}

static int command_status(const struct member_context *c, struct member_downlink *out,
                          size_t *len)
{
    struct frag_status_req req = {.frag_index = c->transmission->frag_index,
                                  .all_participants = true};
    return frag_status_req_encode(c->transmission->ts004, &req, out->payload,
                                  sizeof(out->payload), len);
}

static int command_countdown(uint32_t delay_s, struct member_downlink *out, size_t *len)
{
    struct fm_reboot_countdown req = {.delay_s = delay_s};
    return fm_reboot_countdown_encode(&req, out->payload, sizeof(out->payload), len);
}

static int command_reboot_time(struct gps time, struct member_downlink *out, size_t *len)
{
    struct fm_reboot_time_req req = {.reboot_time = time};
    return fm_reboot_time_req_encode(&req, out->payload, sizeof(out->payload), len);
}

static int command_delete(const struct member_rec *member, struct member_downlink *out,
                          size_t *len)
{
    struct fm_delete_image_req req = {.version = member->version_after};
    return fm_delete_image_req_encode(&req, out->payload, sizeof(out->payload), len);
}

/* spec.activation.command; its form was checked when the file was read. */
static int command_vendor(const struct member_context *c, struct member_downlink *out,
                          size_t *len)
{
    const char *at = c->vendor->command_data;
    size_t used = 0;
    while (*at != '\0') {
        bool word = *at == '$';
        size_t wanted = word ? sizeof(uint32_t) : 1;
        if (used + wanted > sizeof(out->payload)) {
            return FUO_ERANGE;
        }
        for (size_t i = 0; word && i < wanted; i++) {
            out->payload[used + i] = (uint8_t)(c->vendor_version >> (8 * i));
        }
        if (!word && hex_decode(at, 2, &out->payload[used], 1) != FUO_OK) {
            return FUO_EINVAL;
        }
        used += wanted;
        at += word ? sizeof(SPEC_VERSION_WORD) - 1 : 2;
    }
    *len = used;
    return FUO_OK;
}

/* The package whose port a phase's command goes to. */
static enum pkg_id package_of(enum member_phase phase)
{
    switch (phase) {
    case MEMBER_ASK_FRAG:
    case MEMBER_FRAG:
    case MEMBER_STATUS:
        return PKG_FRAG;
    case MEMBER_ASK_MCAST:
    case MEMBER_GROUP:
    case MEMBER_SESSION:
        return PKG_MCAST;
    case MEMBER_RESYNC:
        return PKG_CLOCK;
    case MEMBER_ASK_FWMGMT:
    case MEMBER_VERSION:
    case MEMBER_UPGRADE:
    case MEMBER_REBOOT:
    case MEMBER_VERIFY:
    case MEMBER_UNDO_REBOOT:
    case MEMBER_UNDO_IMAGE:
        return PKG_FWMGMT;
    case MEMBER_WAITING:
    case MEMBER_DISCOVER:
    case MEMBER_READY:
    case MEMBER_KEY:
    case MEMBER_SET_UP:
    case MEMBER_LISTENING:
    case MEMBER_COMPLETE:
    case MEMBER_ENDED:
    case MEMBER_PENDING:
    case MEMBER_PHASE_COUNT:
        break;
    }
    return PKG_MULTI;
}

static int build(const struct member_rec *member, const struct member_context *c,
                 struct member_downlink *out, size_t *len)
{
    uint8_t *buf = out->payload;
    size_t cap = sizeof(out->payload);
    switch (member->phase) {
    case MEMBER_DISCOVER:
        return command_packages(out, len);
    case MEMBER_ASK_FRAG:
    case MEMBER_ASK_MCAST:
    case MEMBER_ASK_FWMGMT:
        return pkg_version_req_encode(buf, cap, len);
    case MEMBER_VERSION:
    case MEMBER_VERIFY:
        return fm_version_req_encode(buf, cap, len);
    case MEMBER_GROUP:
        return c->with_session ? command_group_and_session(c, out, len)
                               : command_group(c, out, len);
    case MEMBER_FRAG:
        return command_frag(member, c, out, len);
    case MEMBER_SESSION:
        return command_session(c, out, len);
    case MEMBER_RESYNC:
        return command_resync(c->device, out, len);
    case MEMBER_STATUS:
        return command_status(c, out, len);
    case MEMBER_UPGRADE:
        return fm_upgrade_image_req_encode(buf, cap, len);
    case MEMBER_REBOOT:
        if (c->vendor != NULL) {
            return command_vendor(c, out, len);
        }
        return c->reboot_by_time ? command_reboot_time(c->reboot_time, out, len)
                                 : command_countdown(c->countdown_s, out, len);
    case MEMBER_UNDO_REBOOT:
        return c->reboot_by_time
                   ? command_reboot_time((struct gps){FM_REBOOT_TIME_CANCEL}, out, len)
                   : command_countdown(FM_COUNTDOWN_CANCEL_S, out, len);
    case MEMBER_UNDO_IMAGE:
        return command_delete(member, out, len);
    case MEMBER_WAITING:
    case MEMBER_READY:
    case MEMBER_KEY:
    case MEMBER_SET_UP:
    case MEMBER_LISTENING:
    case MEMBER_COMPLETE:
    case MEMBER_ENDED:
    case MEMBER_PENDING:
    case MEMBER_PHASE_COUNT:
        break;
    }
    return FUO_ENOENT;
}

int member_command(const struct member_rec *member, const struct member_context *context,
                   struct member_downlink *out)
{
    struct member_downlink downlink = {
        .fport = fport_of(context->device, package_of(member->phase))};
    size_t len = 0;
    int err = build(member, context, &downlink, &len);
    if (err == FUO_OK) {
        bool vendor = member->phase == MEMBER_REBOOT && context->vendor != NULL;
        downlink.fport =
            vendor ? (uint8_t)context->vendor->command_fport : downlink.fport;
        downlink.len = (uint8_t)len;
        *out = downlink;
    }
    return err;
}
