/* SPDX-License-Identifier: MIT */
/*
 * any_cmd.h - any application package command, decoded by the codec that its package,
 * version, direction and CID ask for, and encoded again. For tests and fuzz targets.
 */
#pragma once

#include <string.h>

#include "codec/clock.h"
#include "codec/frag.h"
#include "codec/fwmgmt.h"
#include "codec/mcast.h"
#include "codec/mpa.h"
#include "codec/package.h"
#include "codec/split.h"

enum {
    ANY_BYTES_MAX = 300,
};

struct any_cmd {
    enum pkg_id pkg;
    uint8_t version;
    enum pkg_dir dir;
    uint8_t cid;
    union {
        struct pkg_version_ans version_ans;
        struct clock_time_req time_req;
        struct clock_time_ans time_ans;
        struct clock_periodicity_req periodicity_req;
        struct clock_periodicity_ans periodicity_ans;
        struct clock_force_resync_req resync_req;
        struct frag_status_req frag_status_req;
        struct frag_status_ans frag_status_ans;
        struct frag_setup_req frag_setup_req;
        struct frag_setup_ans frag_setup_ans;
        struct frag_delete_req frag_delete_req;
        struct frag_delete_ans frag_delete_ans;
        struct frag_block_received_req received_req;
        struct frag_block_received_ans received_ans;
        struct frag_auth_req auth_req;
        struct frag_data data;
        struct mc_group_status_req group_status_req;
        struct mc_group_status_ans group_status_ans;
        struct mc_group_setup_req group_setup_req;
        struct mc_group_setup_ans group_setup_ans;
        struct mc_group_delete_req group_delete_req;
        struct mc_group_delete_ans group_delete_ans;
        struct mc_session_req session_req;
        struct mc_session_ans session_ans;
        struct fm_version_ans fm_version_ans;
        struct fm_reboot_time_req reboot_time_req;
        struct fm_reboot_time_ans reboot_time_ans;
        struct fm_reboot_countdown countdown;
        struct fm_upgrade_image_ans upgrade_ans;
        struct fm_delete_image_req delete_image_req;
        struct fm_delete_image_ans delete_image_ans;
        struct mpa_packages_ans packages_ans;
        struct mpa_buffer_req buffer_req;
        struct mpa_buffer_frag buffer_frag;
    } u;
};

/* One number for a switch. */
#define ANY_KEY(pkg, dir, cid) ((unsigned)(pkg) << 16 | (unsigned)(dir) << 8 | (cid))

#define ANY_DOWN(pkg, cid) ANY_KEY(pkg, PKG_DOWN, cid)
#define ANY_UP(pkg, cid)   ANY_KEY(pkg, PKG_UP, cid)

static inline int any_decode_clock(struct any_cmd *a, const uint8_t *body, size_t len)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_UP(PKG_CLOCK, CLOCK_CID_APP_TIME):
        return clock_time_req_decode(a->version, body, len, &a->u.time_req);
    case ANY_DOWN(PKG_CLOCK, CLOCK_CID_APP_TIME):
        return clock_time_ans_decode(a->version, body, len, &a->u.time_ans);
    case ANY_DOWN(PKG_CLOCK, CLOCK_CID_PERIODICITY):
        return clock_periodicity_req_decode(a->version, body, len, &a->u.periodicity_req);
    case ANY_UP(PKG_CLOCK, CLOCK_CID_PERIODICITY):
        return clock_periodicity_ans_decode(a->version, body, len, &a->u.periodicity_ans);
    case ANY_DOWN(PKG_CLOCK, CLOCK_CID_FORCE_RESYNC):
        return clock_force_resync_req_decode(a->version, body, len, &a->u.resync_req);
    default:
        return FUO_ENOTSUP;
    }
}

static inline int any_decode_frag(struct any_cmd *a, const uint8_t *body, size_t len)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_FRAG, FRAG_CID_STATUS):
        return frag_status_req_decode(a->version, body, len, &a->u.frag_status_req);
    case ANY_UP(PKG_FRAG, FRAG_CID_STATUS):
        return frag_status_ans_decode(a->version, body, len, &a->u.frag_status_ans);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_SETUP):
        return frag_setup_req_decode(a->version, body, len, &a->u.frag_setup_req);
    case ANY_UP(PKG_FRAG, FRAG_CID_SETUP):
        return frag_setup_ans_decode(a->version, body, len, &a->u.frag_setup_ans);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_DELETE):
        return frag_delete_req_decode(a->version, body, len, &a->u.frag_delete_req);
    case ANY_UP(PKG_FRAG, FRAG_CID_DELETE):
        return frag_delete_ans_decode(a->version, body, len, &a->u.frag_delete_ans);
    case ANY_UP(PKG_FRAG, FRAG_CID_BLOCK_RECEIVED):
        return frag_block_received_req_decode(a->version, body, len, &a->u.received_req);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_BLOCK_RECEIVED):
        return frag_block_received_ans_decode(a->version, body, len, &a->u.received_ans);
    case ANY_UP(PKG_FRAG, FRAG_CID_AUTH):
        return frag_auth_req_decode(a->version, body, len, &a->u.auth_req);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_DATA):
        return frag_data_decode(a->version, body, len, &a->u.data);
    default:
        return FUO_ENOTSUP;
    }
}

static inline int any_decode_mcast(struct any_cmd *a, const uint8_t *body, size_t len)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_MCAST, MC_CID_GROUP_STATUS):
        return mc_group_status_req_decode(a->version, body, len, &a->u.group_status_req);
    case ANY_UP(PKG_MCAST, MC_CID_GROUP_STATUS):
        return mc_group_status_ans_decode(a->version, body, len, &a->u.group_status_ans);
    case ANY_DOWN(PKG_MCAST, MC_CID_GROUP_SETUP):
        return mc_group_setup_req_decode(a->version, body, len, &a->u.group_setup_req);
    case ANY_UP(PKG_MCAST, MC_CID_GROUP_SETUP):
        return mc_group_setup_ans_decode(a->version, body, len, &a->u.group_setup_ans);
    case ANY_DOWN(PKG_MCAST, MC_CID_GROUP_DELETE):
        return mc_group_delete_req_decode(a->version, body, len, &a->u.group_delete_req);
    case ANY_UP(PKG_MCAST, MC_CID_GROUP_DELETE):
        return mc_group_delete_ans_decode(a->version, body, len, &a->u.group_delete_ans);
    case ANY_DOWN(PKG_MCAST, MC_CID_CLASS_C_SESSION):
        return mc_class_c_req_decode(a->version, body, len, &a->u.session_req);
    case ANY_DOWN(PKG_MCAST, MC_CID_CLASS_B_SESSION):
        return mc_class_b_req_decode(a->version, body, len, &a->u.session_req);
    case ANY_UP(PKG_MCAST, MC_CID_CLASS_C_SESSION):
    case ANY_UP(PKG_MCAST, MC_CID_CLASS_B_SESSION):
        return mc_session_ans_decode(a->version, body, len, &a->u.session_ans);
    default:
        return FUO_ENOTSUP;
    }
}

static inline int any_decode_fwmgmt(struct any_cmd *a, const uint8_t *body, size_t len)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_FWMGMT, FM_CID_VERSION):
        return fm_version_req_decode(body, len);
    case ANY_UP(PKG_FWMGMT, FM_CID_VERSION):
        return fm_version_ans_decode(body, len, &a->u.fm_version_ans);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_REBOOT_TIME):
        return fm_reboot_time_req_decode(body, len, &a->u.reboot_time_req);
    case ANY_UP(PKG_FWMGMT, FM_CID_REBOOT_TIME):
        return fm_reboot_time_ans_decode(body, len, &a->u.reboot_time_ans);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_REBOOT_COUNTDOWN):
    case ANY_UP(PKG_FWMGMT, FM_CID_REBOOT_COUNTDOWN):
        return fm_reboot_countdown_decode(body, len, &a->u.countdown);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_UPGRADE_IMAGE):
        return fm_upgrade_image_req_decode(body, len);
    case ANY_UP(PKG_FWMGMT, FM_CID_UPGRADE_IMAGE):
        return fm_upgrade_image_ans_decode(body, len, &a->u.upgrade_ans);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_DELETE_IMAGE):
        return fm_delete_image_req_decode(body, len, &a->u.delete_image_req);
    case ANY_UP(PKG_FWMGMT, FM_CID_DELETE_IMAGE):
        return fm_delete_image_ans_decode(body, len, &a->u.delete_image_ans);
    default:
        return FUO_ENOTSUP;
    }
}

static inline int any_decode_multi(struct any_cmd *a, const uint8_t *body, size_t len)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_MULTI, MPA_CID_PACKAGES):
        return mpa_packages_req_decode(body, len);
    case ANY_UP(PKG_MULTI, MPA_CID_PACKAGES):
        return mpa_packages_ans_decode(body, len, &a->u.packages_ans);
    case ANY_DOWN(PKG_MULTI, MPA_CID_BUFFER):
        return mpa_buffer_req_decode(body, len, &a->u.buffer_req);
    case ANY_UP(PKG_MULTI, MPA_CID_BUFFER):
        return mpa_buffer_frag_decode(body, len, &a->u.buffer_frag);
    default:
        return FUO_ENOTSUP;
    }
}

static inline int any_decode(struct any_cmd *a, const struct split_cmd *cmd,
                             uint8_t version, enum pkg_dir dir)
{
    memset(a, 0, sizeof(*a));
    a->pkg = cmd->pkg;
    a->version = version;
    a->dir = dir;
    a->cid = cmd->cid;
    if (cmd->cid == PKG_CID_VERSION) {
        return dir == PKG_DOWN
                   ? pkg_version_req_decode(cmd->body, cmd->body_len)
                   : pkg_version_ans_decode(cmd->body, cmd->body_len, &a->u.version_ans);
    }
    switch (cmd->pkg) {
    case PKG_MULTI:
        return any_decode_multi(a, cmd->body, cmd->body_len);
    case PKG_CLOCK:
        return any_decode_clock(a, cmd->body, cmd->body_len);
    case PKG_MCAST:
        return any_decode_mcast(a, cmd->body, cmd->body_len);
    case PKG_FRAG:
        return any_decode_frag(a, cmd->body, cmd->body_len);
    case PKG_FWMGMT:
        return any_decode_fwmgmt(a, cmd->body, cmd->body_len);
    }
    return FUO_ENOTSUP;
}

static inline int any_encode_clock(const struct any_cmd *a, uint8_t *buf, size_t cap,
                                   size_t *len)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_UP(PKG_CLOCK, CLOCK_CID_APP_TIME):
        return clock_time_req_encode(a->version, &a->u.time_req, buf, cap, len);
    case ANY_DOWN(PKG_CLOCK, CLOCK_CID_APP_TIME):
        return clock_time_ans_encode(a->version, &a->u.time_ans, buf, cap, len);
    case ANY_DOWN(PKG_CLOCK, CLOCK_CID_PERIODICITY):
        return clock_periodicity_req_encode(a->version, &a->u.periodicity_req, buf, cap,
                                            len);
    case ANY_UP(PKG_CLOCK, CLOCK_CID_PERIODICITY):
        return clock_periodicity_ans_encode(a->version, &a->u.periodicity_ans, buf, cap,
                                            len);
    case ANY_DOWN(PKG_CLOCK, CLOCK_CID_FORCE_RESYNC):
        return clock_force_resync_req_encode(a->version, &a->u.resync_req, buf, cap, len);
    default:
        return FUO_ENOTSUP;
    }
}

static inline int any_encode_frag(const struct any_cmd *a, uint8_t *buf, size_t cap,
                                  size_t *len)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_FRAG, FRAG_CID_STATUS):
        return frag_status_req_encode(a->version, &a->u.frag_status_req, buf, cap, len);
    case ANY_UP(PKG_FRAG, FRAG_CID_STATUS): /* as it was read, also by the other layout */
        return frag_status_ans_encode(a->u.frag_status_ans.layout, &a->u.frag_status_ans,
                                      buf, cap, len);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_SETUP):
        return frag_setup_req_encode(a->version, &a->u.frag_setup_req, buf, cap, len);
    case ANY_UP(PKG_FRAG, FRAG_CID_SETUP):
        return frag_setup_ans_encode(a->version, &a->u.frag_setup_ans, buf, cap, len);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_DELETE):
        return frag_delete_req_encode(a->version, &a->u.frag_delete_req, buf, cap, len);
    case ANY_UP(PKG_FRAG, FRAG_CID_DELETE):
        return frag_delete_ans_encode(a->version, &a->u.frag_delete_ans, buf, cap, len);
    case ANY_UP(PKG_FRAG, FRAG_CID_BLOCK_RECEIVED):
        return frag_block_received_req_encode(a->version, &a->u.received_req, buf, cap,
                                              len);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_BLOCK_RECEIVED):
        return frag_block_received_ans_encode(a->version, &a->u.received_ans, buf, cap,
                                              len);
    case ANY_UP(PKG_FRAG, FRAG_CID_AUTH):
        return frag_auth_req_encode(a->version, &a->u.auth_req, buf, cap, len);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_DATA):
        return frag_data_encode(a->version, &a->u.data, buf, cap, len);
    default:
        return FUO_ENOTSUP;
    }
}

static inline int any_encode_mcast(const struct any_cmd *a, uint8_t *buf, size_t cap,
                                   size_t *len)
{
    uint8_t v = a->version;
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_MCAST, MC_CID_GROUP_STATUS):
        return mc_group_status_req_encode(v, &a->u.group_status_req, buf, cap, len);
    case ANY_UP(PKG_MCAST, MC_CID_GROUP_STATUS):
        return mc_group_status_ans_encode(v, &a->u.group_status_ans, buf, cap, len);
    case ANY_DOWN(PKG_MCAST, MC_CID_GROUP_SETUP):
        return mc_group_setup_req_encode(v, &a->u.group_setup_req, buf, cap, len);
    case ANY_UP(PKG_MCAST, MC_CID_GROUP_SETUP):
        return mc_group_setup_ans_encode(v, &a->u.group_setup_ans, buf, cap, len);
    case ANY_DOWN(PKG_MCAST, MC_CID_GROUP_DELETE):
        return mc_group_delete_req_encode(v, &a->u.group_delete_req, buf, cap, len);
    case ANY_UP(PKG_MCAST, MC_CID_GROUP_DELETE):
        return mc_group_delete_ans_encode(v, &a->u.group_delete_ans, buf, cap, len);
    case ANY_DOWN(PKG_MCAST, MC_CID_CLASS_C_SESSION):
        return mc_class_c_req_encode(v, &a->u.session_req, buf, cap, len);
    case ANY_DOWN(PKG_MCAST, MC_CID_CLASS_B_SESSION):
        return mc_class_b_req_encode(v, &a->u.session_req, buf, cap, len);
    case ANY_UP(PKG_MCAST, MC_CID_CLASS_C_SESSION):
        return mc_class_c_ans_encode(v, &a->u.session_ans, buf, cap, len);
    case ANY_UP(PKG_MCAST, MC_CID_CLASS_B_SESSION):
        return mc_class_b_ans_encode(v, &a->u.session_ans, buf, cap, len);
    default:
        return FUO_ENOTSUP;
    }
}

static inline int any_encode_fwmgmt(const struct any_cmd *a, uint8_t *buf, size_t cap,
                                    size_t *len)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_FWMGMT, FM_CID_VERSION):
        return fm_version_req_encode(buf, cap, len);
    case ANY_UP(PKG_FWMGMT, FM_CID_VERSION):
        return fm_version_ans_encode(&a->u.fm_version_ans, buf, cap, len);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_REBOOT_TIME):
        return fm_reboot_time_req_encode(&a->u.reboot_time_req, buf, cap, len);
    case ANY_UP(PKG_FWMGMT, FM_CID_REBOOT_TIME):
        return fm_reboot_time_ans_encode(&a->u.reboot_time_ans, buf, cap, len);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_REBOOT_COUNTDOWN):
    case ANY_UP(PKG_FWMGMT, FM_CID_REBOOT_COUNTDOWN):
        return fm_reboot_countdown_encode(&a->u.countdown, buf, cap, len);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_UPGRADE_IMAGE):
        return fm_upgrade_image_req_encode(buf, cap, len);
    case ANY_UP(PKG_FWMGMT, FM_CID_UPGRADE_IMAGE):
        return fm_upgrade_image_ans_encode(&a->u.upgrade_ans, buf, cap, len);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_DELETE_IMAGE):
        return fm_delete_image_req_encode(&a->u.delete_image_req, buf, cap, len);
    case ANY_UP(PKG_FWMGMT, FM_CID_DELETE_IMAGE):
        return fm_delete_image_ans_encode(&a->u.delete_image_ans, buf, cap, len);
    default:
        return FUO_ENOTSUP;
    }
}

static inline int any_encode_multi(const struct any_cmd *a, uint8_t *buf, size_t cap,
                                   size_t *len)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_MULTI, MPA_CID_PACKAGES):
        return mpa_packages_req_encode(buf, cap, len);
    case ANY_UP(PKG_MULTI, MPA_CID_PACKAGES):
        return mpa_packages_ans_encode(&a->u.packages_ans, buf, cap, len);
    case ANY_DOWN(PKG_MULTI, MPA_CID_BUFFER):
        return mpa_buffer_req_encode(&a->u.buffer_req, buf, cap, len);
    case ANY_UP(PKG_MULTI, MPA_CID_BUFFER):
        return mpa_buffer_frag_encode(&a->u.buffer_frag, buf, cap, len);
    default:
        return FUO_ENOTSUP;
    }
}

static inline int any_encode(const struct any_cmd *a, uint8_t *buf, size_t cap,
                             size_t *len)
{
    if (a->cid == PKG_CID_VERSION) {
        return a->dir == PKG_DOWN
                   ? pkg_version_req_encode(buf, cap, len)
                   : pkg_version_ans_encode(&a->u.version_ans, buf, cap, len);
    }
    switch (a->pkg) {
    case PKG_MULTI:
        return any_encode_multi(a, buf, cap, len);
    case PKG_CLOCK:
        return any_encode_clock(a, buf, cap, len);
    case PKG_MCAST:
        return any_encode_mcast(a, buf, cap, len);
    case PKG_FRAG:
        return any_encode_frag(a, buf, cap, len);
    case PKG_FWMGMT:
        return any_encode_fwmgmt(a, buf, cap, len);
    }
    return FUO_ENOTSUP;
}
