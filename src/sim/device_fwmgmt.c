/* SPDX-License-Identifier: MIT */
/* Images, reboots and TS006 (lorawan.md 5). */
#include "codec/fwmgmt.h"
#include "sim/device_internal.h"

#define CRC32_POLYNOMIAL 0xedb88320u

uint32_t device_firmware_version(const uint8_t *image, size_t len)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc ^= image[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? CRC32_POLYNOMIAL : 0);
        }
    }
    return ~crc;
}

static void commit(struct wr *w, int err, size_t len)
{
    if (err == FUO_OK) {
        w->len += len;
    }
}

static void on_version(const struct device *device, struct wr *w)
{
    struct fm_version_ans ans = {
        .firmware_version = device->running.version,
        .hardware_version = device->config.hardware_version,
    };
    size_t len = 0;
    int err = fm_version_ans_encode(&ans, w->base + w->len, w->cap - w->len, &len);
    commit(w, err, len);
}

static void on_reboot_time(struct device *device, const struct fm_reboot_time_req *req,
                           struct wr *w, struct utc now)
{
    struct fm_reboot_time_ans ans = {0};
    bool by_unix = quirks_of(device)->reboot == PROFILE_REBOOT_UNIX;
    if (req->reboot_time.s == FM_REBOOT_TIME_NOW) {
        device->reboot_at = now;
        if (!by_unix) {
            return;
        }
    }
    struct gps clock = {(uint32_t)(device_clock_us(device, now) / 1000000)};
    int32_t delay_s = gps_diff_s(req->reboot_time, clock);
    if (req->reboot_time.s == FM_REBOOT_TIME_NOW) {
        ans.delay_s = 0;
    } else if (req->reboot_time.s == FM_REBOOT_TIME_CANCEL) {
        device->reboot_at = UTC_NEVER;
        ans.delay_s = FM_REBOOT_TIME_CANCEL;
    } else if (by_unix) { /* years away: it does not reboot */
        ans.delay_s = req->reboot_time.s - clock.s - (uint32_t)GPS_EPOCH_UNIX_S;
    } else if (device->clock_set && delay_s > 0) {
        device->reboot_at = utc_after(now, SECONDS_US(delay_s));
        ans.delay_s = (uint32_t)delay_s;
    }
    size_t len = 0;
    int err = fm_reboot_time_ans_encode(&ans, w->base + w->len, w->cap - w->len, &len);
    commit(w, err, len);
}

static void on_reboot_countdown(struct device *device,
                                const struct fm_reboot_countdown *req, struct wr *w,
                                struct utc now)
{
    if (req->delay_s == FM_COUNTDOWN_NOW_S) {
        device->reboot_at = now;
        return;
    }
    device->reboot_at = req->delay_s == FM_COUNTDOWN_CANCEL_S
                            ? UTC_NEVER
                            : utc_after(now, SECONDS_US(req->delay_s));
    size_t len = 0;
    int err = fm_reboot_countdown_encode(req, w->base + w->len, w->cap - w->len, &len);
    commit(w, err, len);
}

static void on_upgrade_image(struct device *device, struct wr *w)
{
    struct fm_upgrade_image_ans ans = {.status = FM_IMAGE_NONE};
    if (quirks_of(device)->image == PROFILE_IMAGE_DENIED) {
        /* none, whatever it has */
    } else if (device->received.bytes != NULL) {
        ans.status = FM_IMAGE_VALID;
        ans.next_version = device->received.version;
        device->upgrade_requested = true;
    } else if (device->frag.mic_error || device->frag.corrupt || device->frag.no_image) {
        ans.status = FM_IMAGE_CORRUPT;
    }
    size_t len = 0;
    int err = fm_upgrade_image_ans_encode(&ans, w->base + w->len, w->cap - w->len, &len);
    commit(w, err, len);
}

static void on_delete_image(struct device *device, const struct fm_delete_image_req *req,
                            struct wr *w)
{
    struct fm_delete_image_ans ans = {
        .no_valid_image = device->received.bytes == NULL ||
                          quirks_of(device)->image == PROFILE_IMAGE_DENIED,
    };
    ans.invalid_version = !ans.no_valid_image && req->version != device->received.version;
    if (!ans.no_valid_image && !ans.invalid_version) {
        device_image_free(&device->received);
        device->upgrade_requested = false;
    }
    size_t len = 0;
    int err = fm_delete_image_ans_encode(&ans, w->base + w->len, w->cap - w->len, &len);
    commit(w, err, len);
}

void device_fwmgmt_command(struct device *device, const struct split_cmd *cmd,
                           struct wr *w, struct utc now)
{
    struct fm_reboot_time_req reboot_time;
    struct fm_reboot_countdown countdown;
    struct fm_delete_image_req delete;

    switch (cmd->cid) {
    case FM_CID_VERSION:
        on_version(device, w);
        break;
    case FM_CID_REBOOT_TIME:
        if (fm_reboot_time_req_decode(cmd->body, cmd->body_len, &reboot_time) == FUO_OK) {
            on_reboot_time(device, &reboot_time, w, now);
        }
        break;
    case FM_CID_REBOOT_COUNTDOWN:
        if (fm_reboot_countdown_decode(cmd->body, cmd->body_len, &countdown) == FUO_OK) {
            on_reboot_countdown(device, &countdown, w, now);
        }
        break;
    case FM_CID_UPGRADE_IMAGE:
        on_upgrade_image(device, w);
        break;
    case FM_CID_DELETE_IMAGE:
        if (fm_delete_image_req_decode(cmd->body, cmd->body_len, &delete) == FUO_OK) {
            on_delete_image(device, &delete, w);
        }
        break;
    }
}
