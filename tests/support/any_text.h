/* SPDX-License-Identifier: MIT */
/* any_text.h - a command of any_cmd.h as text: it makes two decoded ones comparable. */
#pragma once

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "any_cmd.h"
#include "base/hex.h"

enum {
    ANY_TEXT_SIZE = 1024,
};

struct any_text {
    char s[ANY_TEXT_SIZE];
};

__attribute__((__format__(__printf__, 1, 2))) static inline struct any_text
any_printf(const char *format, ...)
{
    struct any_text t;
    va_list args;
    va_start(args, format);
    vsnprintf(t.s, sizeof(t.s), format, args);
    va_end(args);
    return t;
}

static inline struct any_text any_hex(const uint8_t *bytes, size_t len)
{
    struct any_text t = {""};
    if (len < sizeof(t.s) / 2) {
        hex_encode(bytes, len, t.s);
    }
    return t;
}

static inline struct any_text any_text_clock(const struct any_cmd *a)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_UP(PKG_CLOCK, CLOCK_CID_APP_TIME):
        return any_printf("AppTimeReq time=%" PRIu32 " token=%u ans_required=%d",
                          a->u.time_req.device_time.s, a->u.time_req.token,
                          a->u.time_req.ans_required);
    case ANY_DOWN(PKG_CLOCK, CLOCK_CID_APP_TIME):
        return any_printf("AppTimeAns correction=%" PRId32 " token=%u",
                          a->u.time_ans.correction_s, a->u.time_ans.token);
    case ANY_DOWN(PKG_CLOCK, CLOCK_CID_PERIODICITY):
        return any_printf("PeriodicityReq period=%u", a->u.periodicity_req.period_exp);
    case ANY_UP(PKG_CLOCK, CLOCK_CID_PERIODICITY):
        return any_printf("PeriodicityAns not_supported=%d time=%" PRIu32,
                          a->u.periodicity_ans.not_supported,
                          a->u.periodicity_ans.device_time.s);
    default:
        return any_printf("ForceResync count=%u", a->u.resync_req.transmission_count);
    }
}

static inline struct any_text any_text_frag_setup(const struct any_cmd *a)
{
    const struct frag_setup_req *q = &a->u.frag_setup_req;
    const struct frag_setup_ans *s = &a->u.frag_setup_ans;
    if (a->dir == PKG_UP) {
        return any_printf(
            "SetupAns index=%u algo=%d memory=%d index=%d descriptor=%d replay=%d",
            s->frag_index, s->algo_unsupported, s->no_memory, s->index_unsupported,
            s->wrong_descriptor, s->session_cnt_replay);
    }
    return any_printf(
        "SetupReq index=%u mask=%u count=%u size=%u algo=%u delay=%u ack=%d "
        "padding=%u descriptor=%s cnt=%u mic=%s",
        q->frag_index, q->mc_group_mask, q->frag_count, q->frag_size_bytes, q->frag_algo,
        q->block_ack_delay_exp, q->ack_reception, q->padding_bytes,
        any_hex(q->descriptor, 4).s, q->session_cnt, any_hex(q->mic, 4).s);
}

static inline struct any_text any_text_frag(const struct any_cmd *a)
{
    const struct frag_status_ans *s = &a->u.frag_status_ans;
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_FRAG, FRAG_CID_STATUS):
        return any_printf("StatusReq index=%u all=%d", a->u.frag_status_req.frag_index,
                          a->u.frag_status_req.all_participants);
    case ANY_UP(PKG_FRAG, FRAG_CID_STATUS):
        return any_printf("StatusAns index=%u received=%u missing=%u memory=%d mic=%d "
                          "no_session=%d no_counts=%d layout=%u",
                          s->frag_index, s->received_count, s->missing_count,
                          s->memory_error, s->mic_error, s->no_session, s->no_counts,
                          s->layout);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_DELETE):
        return any_printf("DeleteReq index=%u", a->u.frag_delete_req.frag_index);
    case ANY_UP(PKG_FRAG, FRAG_CID_DELETE):
        return any_printf("DeleteAns index=%u no_session=%d",
                          a->u.frag_delete_ans.frag_index,
                          a->u.frag_delete_ans.no_session);
    case ANY_UP(PKG_FRAG, FRAG_CID_BLOCK_RECEIVED):
        return any_printf("ReceivedReq index=%u mic_error=%d",
                          a->u.received_req.frag_index, a->u.received_req.mic_error);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_BLOCK_RECEIVED):
        return any_printf("ReceivedAns index=%u", a->u.received_ans.frag_index);
    case ANY_UP(PKG_FRAG, FRAG_CID_AUTH):
        return any_printf("AuthReq has_index=%d index=%u crc=%08" PRIx32,
                          a->u.auth_req.has_index, a->u.auth_req.frag_index,
                          a->u.auth_req.crc32);
    case ANY_DOWN(PKG_FRAG, FRAG_CID_DATA):
        return any_printf("Data index=%u n=%u data=%.900s", a->u.data.frag_index,
                          a->u.data.n, any_hex(a->u.data.data, a->u.data.len).s);
    default:
        return any_text_frag_setup(a);
    }
}

static inline struct any_text any_text_group_status(const struct any_cmd *a)
{
    const struct mc_group_status_ans *s = &a->u.group_status_ans;
    if (a->dir == PKG_DOWN) {
        return any_printf("GroupStatusReq mask=%u", a->u.group_status_req.group_mask);
    }
    struct any_text t =
        any_printf("GroupStatusAns mask=%u total=%u", s->group_mask, s->total_count);
    for (int i = 0; i < __builtin_popcount(s->group_mask); i++) {
        size_t used = strlen(t.s);
        snprintf(t.s + used, sizeof(t.s) - used, " %u:%08" PRIx32, s->groups[i].group_id,
                 s->groups[i].addr);
    }
    return t;
}

static inline struct any_text any_text_session(const struct any_cmd *a)
{
    const struct mc_session_req *q = &a->u.session_req;
    const struct mc_session_ans *s = &a->u.session_ans;
    const char *class = a->cid == MC_CID_CLASS_C_SESSION ? "C" : "B";
    if (a->dir == PKG_UP) {
        return any_printf(
            "Class%sAns id=%u dr=%d freq=%d undefined=%d missed=%d start=%" PRIu32, class,
            s->group_id, s->dr_error, s->freq_error, s->group_undefined, s->start_missed,
            s->time_to_start_s);
    }
    return any_printf("Class%sReq id=%u time=%" PRIu32 " timeout=%u periodicity=%u "
                      "freq=%" PRIu32 " dr=%u",
                      class, q->group_id, q->session_time.s, q->timeout_exp,
                      q->periodicity_exp, q->frequency_hz, q->dr);
}

static inline struct any_text any_text_mcast(const struct any_cmd *a)
{
    const struct mc_group_setup_req *q = &a->u.group_setup_req;
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_MCAST, MC_CID_GROUP_SETUP):
        return any_printf("GroupSetupReq id=%u addr=%08" PRIx32 " key=%s min=%" PRIu32
                          " max=%" PRIu32,
                          q->group_id, q->addr, any_hex(q->key_encrypted, MC_KEY_BYTES).s,
                          q->min_fcnt, q->max_fcnt);
    case ANY_UP(PKG_MCAST, MC_CID_GROUP_SETUP):
        return any_printf("GroupSetupAns id=%u id_error=%d",
                          a->u.group_setup_ans.group_id, a->u.group_setup_ans.id_error);
    case ANY_DOWN(PKG_MCAST, MC_CID_GROUP_DELETE):
        return any_printf("GroupDeleteReq id=%u", a->u.group_delete_req.group_id);
    case ANY_UP(PKG_MCAST, MC_CID_GROUP_DELETE):
        return any_printf("GroupDeleteAns id=%u undefined=%d",
                          a->u.group_delete_ans.group_id,
                          a->u.group_delete_ans.group_undefined);
    case ANY_DOWN(PKG_MCAST, MC_CID_GROUP_STATUS):
    case ANY_UP(PKG_MCAST, MC_CID_GROUP_STATUS):
        return any_text_group_status(a);
    default:
        return any_text_session(a);
    }
}

static inline struct any_text any_text_fwmgmt(const struct any_cmd *a)
{
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_FWMGMT, FM_CID_VERSION):
        return any_printf("DevVersionReq");
    case ANY_UP(PKG_FWMGMT, FM_CID_VERSION):
        return any_printf("DevVersionAns fw=%" PRIu32 " hw=%" PRIu32,
                          a->u.fm_version_ans.firmware_version,
                          a->u.fm_version_ans.hardware_version);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_REBOOT_TIME):
        return any_printf("RebootTimeReq time=%" PRIu32,
                          a->u.reboot_time_req.reboot_time.s);
    case ANY_UP(PKG_FWMGMT, FM_CID_REBOOT_TIME):
        return any_printf("RebootTimeAns delay=%" PRIu32, a->u.reboot_time_ans.delay_s);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_REBOOT_COUNTDOWN):
    case ANY_UP(PKG_FWMGMT, FM_CID_REBOOT_COUNTDOWN):
        return any_printf("RebootCountdown delay=%" PRIu32, a->u.countdown.delay_s);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_UPGRADE_IMAGE):
        return any_printf("UpgradeImageReq");
    case ANY_UP(PKG_FWMGMT, FM_CID_UPGRADE_IMAGE):
        return any_printf("UpgradeImageAns status=%d next=%" PRIu32,
                          (int)a->u.upgrade_ans.status, a->u.upgrade_ans.next_version);
    case ANY_DOWN(PKG_FWMGMT, FM_CID_DELETE_IMAGE):
        return any_printf("DeleteImageReq version=%" PRIu32,
                          a->u.delete_image_req.version);
    default:
        return any_printf("DeleteImageAns none=%d invalid=%d",
                          a->u.delete_image_ans.no_valid_image,
                          a->u.delete_image_ans.invalid_version);
    }
}

static inline struct any_text any_text_multi(const struct any_cmd *a)
{
    const struct mpa_packages_ans *s = &a->u.packages_ans;
    const struct mpa_buffer_frag *f = &a->u.buffer_frag;
    struct any_text t;
    switch (ANY_KEY(a->pkg, a->dir, a->cid)) {
    case ANY_DOWN(PKG_MULTI, MPA_CID_PACKAGES):
        return any_printf("DevPackageReq");
    case ANY_UP(PKG_MULTI, MPA_CID_PACKAGES):
        t = any_printf("DevPackageAns");
        for (int i = 0; i < s->package_count; i++) {
            size_t used = strlen(t.s);
            snprintf(t.s + used, sizeof(t.s) - used, " %u:v%u:%u", s->packages[i].id,
                     s->packages[i].version, s->packages[i].fport);
        }
        return t;
    case ANY_DOWN(PKG_MULTI, MPA_CID_BUFFER):
        return any_printf("BufferReq %u..%u", a->u.buffer_req.start_byte,
                          a->u.buffer_req.stop_byte);
    default:
        return any_printf("BufferFrag error=%d base=%u bytes=%.900s", f->error,
                          f->base_byte, any_hex(f->bytes, f->len).s);
    }
}

static inline struct any_text any_format(const struct any_cmd *a)
{
    if (a->cid == PKG_CID_VERSION) {
        return a->dir == PKG_DOWN
                   ? any_printf("PackageVersionReq")
                   : any_printf("PackageVersionAns id=%u version=%u", a->u.version_ans.id,
                                a->u.version_ans.version);
    }
    switch (a->pkg) {
    case PKG_MULTI:
        return any_text_multi(a);
    case PKG_CLOCK:
        return any_text_clock(a);
    case PKG_MCAST:
        return any_text_mcast(a);
    case PKG_FRAG:
        return any_text_frag(a);
    case PKG_FWMGMT:
        return any_text_fwmgmt(a);
    }
    return any_printf("?");
}
