/* SPDX-License-Identifier: MIT */
/* Which package gets which bytes; TS007 (lorawan.md 1 and 6). */
#include <string.h>

#include "codec/clock.h"
#include "codec/mpa.h"
#include "sim/device_internal.h"

static void on_package_version(const struct device *device, enum pkg_id pkg, struct wr *w)
{
    struct pkg_version_ans ans = {
        .id = (uint8_t)pkg,
        .version = device_version_of(device, pkg),
    };
    size_t len = 0;
    if (pkg_version_ans_encode(&ans, w->base + w->len, w->cap - w->len, &len) == FUO_OK) {
        w->len += len;
    }
}

static void on_packages(const struct device *device, struct wr *w)
{
    struct mpa_packages_ans ans = {0};
    for (int id = 0; id < PKG_COUNT; id++) {
        uint8_t version = device->config.versions.of[id];
        if (version != 0) {
            ans.packages[ans.package_count++] = (struct mpa_package){
                (uint8_t)id, version, pkg_default_fport((enum pkg_id)id)};
        }
    }
    size_t len = 0;
    if (mpa_packages_ans_encode(&ans, w->base + w->len, w->cap - w->len, &len) ==
        FUO_OK) {
        w->len += len;
    }
}

static void run_command(struct device *device, const struct split_cmd *cmd, int group,
                        struct wr *w, struct utc now)
{
    if (cmd->cid == PKG_CID_VERSION) {
        if (group < 0) {
            on_package_version(device, cmd->pkg, w);
        }
        return;
    }
    if (cmd->pkg == PKG_FRAG) {
        device_frag_command(device, cmd, group, w, now);
        return;
    }
    switch (cmd->pkg) {
    case PKG_MULTI:
        if (cmd->cid == MPA_CID_PACKAGES) {
            on_packages(device, w);
        }
        break;
    case PKG_CLOCK:
        device_clock_command(device, cmd, w, now);
        break;
    case PKG_MCAST:
        device_mcast_command(device, cmd, w, now);
        break;
    case PKG_FWMGMT:
        device_fwmgmt_command(device, cmd, w, now);
        break;
    case PKG_FRAG:
        break;
    }
}

/* ---- TS007 ---- */

/* Bytes [start, stop) of the answer buffer as one MultiPackBufferFrag. */
static void send_buffer_part(struct device *device, size_t start, size_t stop,
                             struct utc now)
{
    uint8_t part[DEVICE_MESSAGE_MAX];
    uint8_t message[DEVICE_MESSAGE_MAX];
    size_t part_len = 0;
    size_t len = 0;
    struct mpa_buffer_frag frag = {
        .error = start >= stop,
        .base_byte = (uint8_t)start,
        .bytes = device->mpa_answers + start,
        .len = stop - start,
    };
    struct mpa_msg msg = mpa_msg_init(message, sizeof(message));
    if (mpa_buffer_frag_encode(&frag, part, sizeof(part), &part_len) != FUO_OK) {
        return;
    }
    mpa_msg_append(&msg, PKG_MULTI, part, part_len);
    if (mpa_msg_finish(&msg, device->mpa_token, &len) == FUO_OK) {
        device_outbox_bytes(device, MPA_FPORT, message, len, now);
    }
}

static void send_buffer_range(struct device *device, size_t start, size_t stop,
                              struct utc now)
{
    size_t room = device_max_payload(device) - 3u;
    do {
        size_t end = stop > start + room ? start + room : stop;
        send_buffer_part(device, start, end, now);
        start = end;
    } while (start < stop);
}

static void send_answers(struct device *device, struct utc now)
{
    size_t len = device->mpa_answers_len;
    if (len == 0) {
        return;
    }
    if (len + 1 > device_max_payload(device)) {
        send_buffer_range(device, 0, len, now);
        return;
    }
    uint8_t message[MPA_BUFFER_BYTES + 1];
    memcpy(message, device->mpa_answers, len);
    message[len] = device->mpa_token;
    device_outbox_bytes(device, MPA_FPORT, message, len + 1, now);
}

static void on_buffer_req(struct device *device, const struct split_cmd *cmd,
                          struct utc now)
{
    struct mpa_buffer_req req;
    size_t len = device->mpa_answers_len;
    if (mpa_buffer_req_decode(cmd->body, cmd->body_len, &req) != FUO_OK) {
        return;
    }
    bool exclusive = (quirks_of(device)->multi & PROFILE_MULTI_STOP_EXCLUSIVE) != 0;
    size_t stop = exclusive ? req.stop_byte : req.stop_byte + 1u;
    if (req.start_byte >= len || stop <= req.start_byte) {
        send_buffer_part(device, 0, 0, now);
        return;
    }
    send_buffer_range(device, req.start_byte, stop > len ? len : stop, now);
}

/* False: it had no answer. */
static bool run_into(struct device *device, const struct split_cmd *cmd,
                     struct mpa_msg *msg, struct utc now)
{
    uint8_t bytes[DEVICE_MESSAGE_MAX];
    struct wr w = wr_init(bytes, sizeof(bytes));
    run_command(device, cmd, -1, &w, now);
    if (w.len > 0) {
        mpa_msg_append(msg, cmd->pkg, bytes, w.len);
    }
    return w.len > 0;
}

static bool multi_is(const struct device *device, enum profile_multi quirk)
{
    return (quirks_of(device)->multi & quirk) != 0;
}

/* FragSessionDeleteReq is read with a byte more, where there is one. False: there is none. */
static bool has_long_body(const struct device *device, const struct split_cmd *cmd,
                          struct mpa_split *split)
{
    if (!multi_is(device, PROFILE_MULTI_LONG_DELETE) || cmd->pkg != PKG_FRAG ||
        cmd->cid != FRAG_CID_DELETE) {
        return true;
    }
    return split->offset++ < split->len;
}

/* Answers to all: none, where one is missing and each is wanted. */
static bool run_all(struct device *device, struct mpa_split *split, struct mpa_msg *msg,
                    struct utc now)
{
    struct split_cmd cmd;
    bool any = false;
    bool each = true;
    while (mpa_split_next(split, &cmd)) {
        if (!has_long_body(device, &cmd, split)) {
            each = false;
            break;
        }
        each &= run_into(device, &cmd, msg, now);
        any = true;
    }
    each &= split->err == FUO_OK;
    return any && (each || !multi_is(device, PROFILE_MULTI_ALL_ANSWER));
}

static void multi_package(struct device *device, const uint8_t *payload, size_t len,
                          struct utc now)
{
    struct mpa_split split =
        mpa_split_init(&device->config.versions, PKG_DOWN, payload, len);
    struct mpa_split first = split;
    struct split_cmd cmd;
    if (mpa_split_next(&first, &cmd) && cmd.pkg == PKG_MULTI &&
        cmd.cid == MPA_CID_BUFFER) {
        on_buffer_req(device, &cmd, now); /* alone in its message */
        return;
    }
    uint8_t kept[MPA_BUFFER_BYTES];
    memcpy(kept, device->mpa_answers, sizeof(kept));
    struct mpa_msg msg = mpa_msg_init(device->mpa_answers, sizeof(device->mpa_answers));
    if (!run_all(device, &split, &msg, now)) {
        if (!multi_is(device, PROFILE_MULTI_CLOBBERS)) {
            memcpy(device->mpa_answers, kept, sizeof(kept));
        }
    } else {
        device->mpa_answers_len = (uint8_t)msg.w.len;
        device->mpa_token = split.token;
        send_answers(device, now);
    }
}

/* ---- one package ---- */

/* A command that it does not know, although its package has it. */
static bool is_strange(const struct device *device, const struct split_cmd *cmd)
{
    return cmd->pkg == PKG_MCAST && cmd->cid == MC_CID_GROUP_STATUS &&
           (quirks_of(device)->silent & PROFILE_SILENT_GROUP_STATUS) != 0;
}

/* split_next() by what this device knows. */
static bool known_command(const struct device *device, struct split *split,
                          struct split_cmd *cmd)
{
    size_t offset = split->offset;
    if (!split_next(split, cmd)) {
        return false;
    }
    if (is_strange(device, cmd)) {
        split->offset = offset;
        split->err = FUO_ENOTSUP;
    }
    return split->err == FUO_OK;
}

/* Whether it reads the message at all. */
static bool takes_message(const struct device *device, struct split split)
{
    const struct profile *quirks = quirks_of(device);
    struct split_cmd cmd;
    size_t count = 0;
    while (known_command(device, &split, &cmd)) {
        count++;
    }
    if (quirks->commands == PROFILE_COMMANDS_ONE) {
        return count == 1 && split.err == FUO_OK;
    }
    return split.err == FUO_OK || quirks->unknown != PROFILE_UNKNOWN_DROPS;
}

/* Past what it does not know, if it reads on there. */
static bool next_command(const struct device *device, struct split *split,
                         struct split_cmd *cmd)
{
    while (!known_command(device, split, cmd)) {
        bool skips = split->err == FUO_ENOTSUP &&
                     quirks_of(device)->unknown == PROFILE_UNKNOWN_SKIPPED;
        if (!skips) {
            return false;
        }
        split->err = FUO_OK;
        split->offset++;
    }
    bool eats = quirks_of(device)->periodicity == PROFILE_PERIODICITY_EATS;
    if (eats && cmd->pkg == PKG_CLOCK && cmd->cid == CLOCK_CID_PERIODICITY) {
        split->offset += split->offset < split->len;
    }
    return true;
}

/* Its answer is lost if there is no room for it. */
static void run_with_room(struct device *device, const struct split_cmd *cmd, int group,
                          struct wr *w, struct utc now)
{
    uint8_t most = quirks_of(device)->answer_max;
    size_t before = w->len;
    run_command(device, cmd, group, w, now);
    if (most != 0 && w->len > most) {
        w->len = before;
    }
}

static uint8_t answer_fport(const struct device *device, enum pkg_id pkg, uint8_t fport,
                            const uint8_t *answer)
{
    bool other = (quirks_of(device)->sync & PROFILE_SYNC_OTHER_PORT) != 0 &&
                 pkg == PKG_CLOCK && answer[0] == PKG_CID_VERSION;
    return other ? pkg_default_fport(PKG_MCAST) : fport;
}

void device_payload(struct device *device, uint8_t fport, const uint8_t *payload,
                    size_t len, int group, struct utc now)
{
    enum pkg_id pkg;
    if (group < 0 && device_vendor_command(device, fport, payload, len, now)) {
        return;
    }
    if (pkg_by_default_fport(fport, &pkg) != FUO_OK ||
        device_version_of(device, pkg) == 0 || (group >= 0 && pkg != PKG_FRAG)) {
        return;
    }
    if (pkg == PKG_MULTI) {
        multi_package(device, payload, len, now);
        return;
    }
    uint8_t answer[DEVICE_MESSAGE_MAX] = {0};
    struct wr w = wr_init(answer, sizeof(answer));
    struct split split =
        split_init(pkg, device_version_of(device, pkg), PKG_DOWN, payload, len);
    struct split_cmd cmd;
    if (!takes_message(device, split)) {
        return;
    }
    while (next_command(device, &split, &cmd)) {
        if (group < 0 || cmd.cid == FRAG_CID_DATA || cmd.cid == FRAG_CID_STATUS) {
            run_with_room(device, &cmd, group, &w, now);
        }
    }
    device_outbox_bytes(device, answer_fport(device, pkg, fport, answer), answer, w.len,
                        now);
}
