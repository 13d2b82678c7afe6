/* SPDX-License-Identifier: MIT */
/* member_answer.c - what an answer means in the phase that the member is in. */
#include "campaign/member.h"
#include "codec/frag.h"
#include "codec/fwmgmt.h"
#include "codec/mcast.h"
#include "codec/mpa.h"
#include "codec/package.h"

enum {
    REBOOT_SKEW_MAX_S = 60,
};

static struct member_answer verdict(enum member_verdict v)
{
    return (struct member_answer){.verdict = v};
}

static struct member_answer refused(enum member_reason reason, enum fw_evidence seen)
{
    return (struct member_answer){
        .verdict = VERDICT_REFUSED, .reason = reason, .seen = seen};
}

static struct member_answer answer_package_version(const struct member_rec *member,
                                                   const struct split_cmd *cmd)
{
    struct pkg_version_ans ans;
    bool asked = (member->phase == MEMBER_ASK_FRAG && cmd->pkg == PKG_FRAG) ||
                 (member->phase == MEMBER_ASK_MCAST && cmd->pkg == PKG_MCAST) ||
                 (member->phase == MEMBER_ASK_FWMGMT && cmd->pkg == PKG_FWMGMT);
    bool asking = member->phase >= MEMBER_ASK_FRAG && member->phase <= MEMBER_ASK_FWMGMT;
    /* mbed tells the version of its clock on the port of TS005 (13). */
    if (!asking || pkg_version_ans_decode(cmd->body, cmd->body_len, &ans) != FUO_OK ||
        ans.id != cmd->pkg) {
        return verdict(VERDICT_NOT_MINE);
    }
    struct member_answer a = verdict(VERDICT_PACKAGE);
    a.package_count = 1;
    a.packages[0].id = (uint8_t)cmd->pkg;
    a.packages[0].version = ans.version;
    a.late = !asked;
    return a;
}

static struct member_answer answer_multi(const struct member_rec *member,
                                         const struct split_cmd *cmd)
{
    struct mpa_packages_ans ans;
    if (member->phase != MEMBER_DISCOVER || cmd->cid != MPA_CID_PACKAGES ||
        mpa_packages_ans_decode(cmd->body, cmd->body_len, &ans) != FUO_OK) {
        return verdict(VERDICT_NOT_MINE);
    }
    struct member_answer a = verdict(VERDICT_PACKAGES);
    a.package_count = ans.package_count;
    for (size_t i = 0; i < ans.package_count; i++) {
        a.packages[i].id = ans.packages[i].id;
        a.packages[i].version = ans.packages[i].version;
        a.packages[i].fport = ans.packages[i].fport;
    }
    return a;
}

static struct member_answer answer_group(const struct member_rec *member,
                                         const struct member_context *c,
                                         const struct split_cmd *cmd)
{
    struct mc_group_setup_ans ans;
    if (member->phase != MEMBER_GROUP ||
        mc_group_setup_ans_decode(c->transmission->ts005, cmd->body, cmd->body_len,
                                  &ans) != FUO_OK) {
        return verdict(VERDICT_NOT_MINE);
    }
    /* LBM and others echo an id they cannot serve with the error bit. */
    if (ans.id_error) {
        return refused(REASON_GROUP_REFUSED, FW_SEEN_NO_PACKAGE);
    }
    return verdict(ans.group_id == c->transmission->group_id ? VERDICT_ACCEPTED
                                                             : VERDICT_NOT_MINE);
}

/* SessionTime - now - TimeToStart is the device's clock error, give or take seconds. */
static bool clock_is_wrong(const struct transmission_rec *t, uint32_t time_to_start_s,
                           struct utc received)
{
    int32_t left_s = gps_diff_s(gps_from_utc(t->session_start), gps_from_utc(received));
    if (time_to_start_s == MC_TIME_TO_START_UNKNOWN_S) {
        return left_s < (int32_t)MC_TIME_TO_START_UNKNOWN_S;
    }
    int64_t skew_s = (int64_t)left_s - (int64_t)time_to_start_s;
    return skew_s > MEMBER_SKEW_MAX_S || skew_s < -MEMBER_SKEW_MAX_S;
}

static struct member_answer answer_session(const struct member_rec *member,
                                           const struct member_context *c,
                                           const struct split_cmd *cmd,
                                           struct utc received)
{
    const struct transmission_rec *t = c->transmission;
    struct mc_session_ans ans;
    if ((member->phase != MEMBER_SESSION && member->phase != MEMBER_RESYNC) ||
        mc_session_ans_decode(t->ts005, cmd->body, cmd->body_len, &ans) != FUO_OK ||
        ans.group_id != t->group_id) {
        return verdict(VERDICT_NOT_MINE);
    }
    /* If the group was acknowledged, "undefined" means a start in the past (13, 14.7); where
     * it is not defined, LoRaMac-node and ST set the other two bits with it. */
    bool wrong_time = ans.group_undefined || ans.start_missed ||
                      clock_is_wrong(t, ans.time_to_start_s, received);
    struct member_answer a = ans.dr_error || ans.freq_error
                                 ? refused(REASON_SESSION_REFUSED, FW_SEEN_NO_PACKAGE)
                             : wrong_time ? verdict(VERDICT_CLOCK)
                                          : verdict(VERDICT_ACCEPTED);
    a.group_undefined = ans.group_undefined;
    a.group_gone = ans.group_undefined && ans.dr_error && ans.freq_error;
    return a;
}

static struct member_answer answer_mcast(const struct member_rec *member,
                                         const struct member_context *c,
                                         const struct split_cmd *cmd, struct utc received)
{
    if (c->transmission == NULL) {
        return verdict(VERDICT_NOT_MINE);
    }
    if (cmd->cid == MC_CID_GROUP_SETUP) {
        return answer_group(member, c, cmd);
    }
    if (cmd->cid ==
        (spec_is_class_b(c->radio) ? MC_CID_CLASS_B_SESSION : MC_CID_CLASS_C_SESSION)) {
        return answer_session(member, c, cmd, received);
    }
    return verdict(VERDICT_NOT_MINE);
}

static struct member_answer answer_frag_setup(const struct member_rec *member,
                                              const struct member_context *c,
                                              const struct split_cmd *cmd)
{
    struct frag_setup_ans ans;
    if (member->phase != MEMBER_FRAG ||
        frag_setup_ans_decode(c->transmission->ts004, cmd->body, cmd->body_len, &ans) !=
            FUO_OK ||
        ans.frag_index != c->transmission->frag_index) {
        return verdict(VERDICT_NOT_MINE);
    }
    if (frag_setup_accepted(&ans)) {
        return verdict(VERDICT_ACCEPTED);
    }
    if (ans.session_cnt_replay && !ans.no_memory && !ans.algo_unsupported &&
        !ans.index_unsupported && !ans.wrong_descriptor) {
        return verdict(VERDICT_REPLAY);
    }
    if (ans.no_memory) {
        return refused(REASON_FRAG_REFUSED, FW_SEEN_NO_FLASH);
    }
    return refused(REASON_FRAG_REFUSED,
                   ans.index_unsupported ? FW_SEEN_NO_PACKAGE : FW_SEEN_UNSUPPORTED);
}

/* Told its group once more, it may be in the session of before. */
static bool takes_fragments(const struct member_rec *member,
                            const struct transmission_rec *t)
{
    enum member_phase phase = member->phase;
    return (phase == MEMBER_GROUP && t->next_n > 1) || phase == MEMBER_LISTENING ||
           phase == MEMBER_STATUS || phase == MEMBER_SESSION || phase == MEMBER_RESYNC;
}

/* By the layout that its profile gives, or the one that makes sense. */
static int status_decode(const struct member_context *c, const struct split_cmd *cmd,
                         struct frag_status_ans *ans)
{
    const struct transmission_rec *t = c->transmission;
    struct frag_status_hint hint = {.frag_index = t->frag_index,
                                    .sent_count = (uint16_t)(t->next_n - 1)};
    switch (c->layout) {
    case PROFILE_LAYOUT_AUTO:
        break;
    case PROFILE_LAYOUT_SPEC:
        return frag_status_ans_decode(t->ts004, cmd->body, cmd->body_len, ans);
    case PROFILE_LAYOUT_V1:
        return frag_status_ans_decode(1, cmd->body, cmd->body_len, ans);
    case PROFILE_LAYOUT_V1_BIG_ENDIAN:
        return frag_status_ans_decode_big_endian(cmd->body, cmd->body_len, ans);
    }
    return frag_status_ans_decode_lenient(t->ts004, &hint, cmd->body, cmd->body_len, ans);
}

static struct member_answer answer_frag_status(const struct member_rec *member,
                                               const struct member_context *c,
                                               const struct split_cmd *cmd)
{
    const struct transmission_rec *t = c->transmission;
    struct frag_status_ans ans;
    if (!takes_fragments(member, t) || t->next_n <= 1 ||
        status_decode(c, cmd, &ans) != FUO_OK) {
        return verdict(VERDICT_NOT_MINE);
    }
    if (ans.no_session) {
        return refused(REASON_INCOMPLETE, FW_SEEN_INCOMPLETE);
    }
    if (ans.frag_index != t->frag_index) {
        return verdict(VERDICT_NOT_MINE);
    }
    /* Who misses nothing needs no matrix; some say it ever after they lacked one (13). */
    if (ans.memory_error && ans.missing_count > c->error_above) {
        return refused(REASON_NO_MEMORY, FW_SEEN_NO_MATRIX);
    }
    if (ans.missing_count == 0 && ans.mic_error) {
        return refused(REASON_MIC, FW_SEEN_CORRUPT);
    }
    struct member_answer a =
        verdict(ans.missing_count == 0 ? VERDICT_BLOCK : VERDICT_STATUS);
    a.missing = ans.missing_count;
    a.received = ans.received_count;
    return a;
}

static struct member_answer answer_block_received(const struct member_rec *member,
                                                  const struct member_context *c,
                                                  const struct split_cmd *cmd)
{
    struct frag_block_received_req req;
    if (!takes_fragments(member, c->transmission) ||
        frag_block_received_req_decode(c->transmission->ts004, cmd->body, cmd->body_len,
                                       &req) != FUO_OK ||
        req.frag_index != c->transmission->frag_index) {
        return verdict(VERDICT_NOT_MINE);
    }
    if (req.mic_error) {
        return refused(REASON_MIC, FW_SEEN_CORRUPT);
    }
    struct member_answer a = verdict(VERDICT_BLOCK);
    a.proven = true;
    return a;
}

static struct member_answer answer_frag(const struct member_rec *member,
                                        const struct member_context *c,
                                        const struct split_cmd *cmd)
{
    if (c->transmission == NULL) {
        return verdict(VERDICT_NOT_MINE);
    }
    switch (cmd->cid) {
    case FRAG_CID_SETUP:
        return answer_frag_setup(member, c, cmd);
    case FRAG_CID_STATUS:
        return answer_frag_status(member, c, cmd);
    case FRAG_CID_BLOCK_RECEIVED:
        return answer_block_received(member, c, cmd);
    default: /* a byte from the air, not an enum of ours */
        return verdict(VERDICT_NOT_MINE);
    }
}

static struct member_answer answer_upgrade(const struct member_rec *member,
                                           const struct split_cmd *cmd)
{
    struct fm_upgrade_image_ans ans;
    if (member->phase != MEMBER_UPGRADE ||
        fm_upgrade_image_ans_decode(cmd->body, cmd->body_len, &ans) != FUO_OK) {
        return verdict(VERDICT_NOT_MINE);
    }
    switch (ans.status) {
    case FM_IMAGE_VALID:
        break;
    case FM_IMAGE_INCOMPATIBLE:
        return refused(REASON_WRONG_HARDWARE, FW_SEEN_UNSUPPORTED);
    case FM_IMAGE_NONE:
    case FM_IMAGE_CORRUPT: {
        struct member_answer no = refused(REASON_IMAGE_REFUSED, FW_SEEN_CORRUPT);
        no.corrupt = ans.status == FM_IMAGE_CORRUPT;
        return no;
    }
    }
    struct member_answer a = verdict(VERDICT_IMAGE);
    a.version = ans.next_version;
    return a;
}

static struct member_answer answer_version(const struct split_cmd *cmd)
{
    struct fm_version_ans ans;
    if (fm_version_ans_decode(cmd->body, cmd->body_len, &ans) != FUO_OK) {
        return verdict(VERDICT_NOT_MINE);
    }
    struct member_answer a = verdict(VERDICT_VERSION);
    a.version = ans.firmware_version;
    a.hardware = ans.hardware_version;
    return a;
}

static struct member_answer answer_countdown(const struct member_rec *member,
                                             const struct split_cmd *cmd)
{
    struct fm_reboot_countdown ans;
    bool asked = member->phase == MEMBER_REBOOT || member->phase == MEMBER_UNDO_REBOOT;
    if (!asked || fm_reboot_countdown_decode(cmd->body, cmd->body_len, &ans) != FUO_OK) {
        return verdict(VERDICT_NOT_MINE);
    }
    /* A late answer to the countdown does not say that it was cancelled. */
    bool cancelled = ans.delay_s == FM_COUNTDOWN_CANCEL_S;
    if (cancelled != (member->phase == MEMBER_UNDO_REBOOT)) {
        return verdict(VERDICT_NOT_MINE);
    }
    struct member_answer a = verdict(VERDICT_ACCEPTED);
    a.delay_s = ans.delay_s;
    return a;
}

/* Seconds until then; an error, or a delay that is none to that time: by countdown, then. */
static struct member_answer answer_reboot_time(const struct member_rec *member,
                                               const struct split_cmd *cmd,
                                               struct utc received)
{
    struct fm_reboot_time_ans ans;
    bool asked = member->phase == MEMBER_REBOOT || member->phase == MEMBER_UNDO_REBOOT;
    if (!asked || fm_reboot_time_ans_decode(cmd->body, cmd->body_len, &ans) != FUO_OK) {
        return verdict(VERDICT_NOT_MINE);
    }
    bool cancelled = ans.delay_s == FM_REBOOT_TIME_CANCEL;
    if (cancelled != (member->phase == MEMBER_UNDO_REBOOT)) {
        return verdict(VERDICT_NOT_MINE);
    }
    int64_t late_s =
        (int64_t)ans.delay_s - (member->reboot_at.us - received.us) / 1000000;
    bool wrong = late_s > REBOOT_SKEW_MAX_S || late_s < -REBOOT_SKEW_MAX_S;
    struct member_answer a =
        verdict(!cancelled && wrong ? VERDICT_CLOCK : VERDICT_ACCEPTED);
    a.delay_s = ans.delay_s;
    return a;
}

static struct member_answer answer_delete(const struct member_rec *member,
                                          const struct split_cmd *cmd)
{
    struct fm_delete_image_ans ans;
    if (member->phase != MEMBER_UNDO_IMAGE ||
        fm_delete_image_ans_decode(cmd->body, cmd->body_len, &ans) != FUO_OK) {
        return verdict(VERDICT_NOT_MINE);
    }
    struct member_answer a = verdict(VERDICT_ACCEPTED);
    a.nothing_done = ans.no_valid_image || ans.invalid_version;
    return a;
}

static struct member_answer answer_fwmgmt(const struct member_rec *member,
                                          const struct split_cmd *cmd,
                                          struct utc received)
{
    switch (cmd->cid) {
    case FM_CID_VERSION:
        return answer_version(cmd);
    case FM_CID_UPGRADE_IMAGE:
        return answer_upgrade(member, cmd);
    case FM_CID_REBOOT_TIME:
        return answer_reboot_time(member, cmd, received);
    case FM_CID_REBOOT_COUNTDOWN:
        return answer_countdown(member, cmd);
    case FM_CID_DELETE_IMAGE:
        return answer_delete(member, cmd);
    default: /* a byte from the air, not an enum of ours */
        return verdict(VERDICT_NOT_MINE);
    }
}

struct member_answer member_answer(const struct member_rec *member,
                                   const struct member_context *context,
                                   const struct split_cmd *cmd, struct utc received)
{
    if (cmd->cid == PKG_CID_VERSION) {
        return answer_package_version(member, cmd);
    }
    switch (cmd->pkg) {
    case PKG_MULTI:
        return answer_multi(member, cmd);
    case PKG_MCAST:
        return answer_mcast(member, context, cmd, received);
    case PKG_FRAG:
        return answer_frag(member, context, cmd);
    case PKG_FWMGMT:
        return answer_fwmgmt(member, cmd, received);
    case PKG_CLOCK:
        break;
    }
    return verdict(VERDICT_NOT_MINE);
}
