/* SPDX-License-Identifier: MIT */
/* The device's clock and TS003 (lorawan.md 2). */
#include "codec/clock.h"
#include "sim/device_internal.h"

enum {
    PERIOD_DEFAULT_H = 24,
    RESYNC_GAP_S = 15,
};

int64_t device_clock_us(const struct device *device, struct utc now)
{
    int64_t uptime_us = now.us - device->booted.us;
    int64_t drift_us = uptime_us / 1000000 * device->config.clock_drift_ppm;
    return SECONDS_US(device->config.clock_boot_gps_s + device->clock_correction_s) +
           uptime_us + drift_us;
}

static struct gps clock_gps(const struct device *device, struct utc now)
{
    int64_t us = device_clock_us(device, now);
    int64_t s = us / 1000000 - (us % 1000000 < 0 ? 1 : 0);
    return (struct gps){(uint32_t)s};
}

void device_clock_boot(struct device *device, struct utc now)
{
    (void)now;
    device->clock_set = false;
    device->clock_correction_s = 0;
    device->clock_requests_left = 0;
    device->clock_asked = false;
    device->clock_period_us = HOURS_US(PERIOD_DEFAULT_H);
    device->clock_due = UTC_NEVER; /* until it has joined */
}

struct utc device_clock_due(const struct device *device)
{
    return device_version_of(device, PKG_CLOCK) == 0 ? UTC_NEVER : device->clock_due;
}

static int64_t next_request_us(struct device *device)
{
    if (device->clock_requests_left > 0) {
        return SECONDS_US(RESYNC_GAP_S) + device_random_us(device, 5000000);
    }
    if (!device->clock_set) {
        return device->config.uplink_interval_us;
    }
    return device->clock_period_us - SECONDS_US(30) + device_random_us(device, 60000000);
}

void device_clock_run(struct device *device, struct utc now)
{
    if (!device->joined || !utc_reached(device_clock_due(device), now)) {
        return;
    }
    bool shy = (quirks_of(device)->sync & PROFILE_SYNC_NOT_IN_C) != 0;
    if (shy && device_mcast_is_class_c(device)) {
        device->clock_due = utc_after(now, SECONDS_US(RESYNC_GAP_S));
        return;
    }
    if (!device_outbox_has(device, OUTBOX_APP_TIME)) {
        (void)device_outbox_add(device, OUTBOX_APP_TIME, CLOCK_FPORT,
                                utc_after(now, SECONDS_US(1)));
    }
    if (device->clock_requests_left > 0) {
        device->clock_requests_left--;
    }
    device->clock_due = utc_after(now, next_request_us(device));
}

/* What it takes for GPS time when it asks. */
static struct gps shown_gps(const struct device *device, struct utc now)
{
    struct gps clock = clock_gps(device, now);
    if (quirks_of(device)->clock == PROFILE_CLOCK_EPOCH_TWICE) {
        clock.s -= (uint32_t)GPS_EPOCH_UNIX_S;
    }
    return clock;
}

bool device_clock_fill(struct device *device, struct device_message *m, struct utc now)
{
    bool optional = (quirks_of(device)->sync & PROFILE_SYNC_OPTIONAL) != 0;
    bool needed = !device->clock_set || device->clock_requests_left > 0;
    struct clock_time_req req = {
        .device_time = shown_gps(device, now),
        .token = device->clock_token,
        .ans_required = needed && !optional,
    };
    size_t len = 0;
    if (clock_time_req_encode(device_version_of(device, PKG_CLOCK), &req, m->bytes,
                              sizeof(m->bytes), &len) != FUO_OK) {
        return false;
    }
    m->len = (uint8_t)len;
    device->clock_asked = true;
    return true;
}

static void on_time_ans(struct device *device, const struct clock_time_ans *ans,
                        struct utc now)
{
    if (!device->clock_asked || ans->token != device->clock_token) {
        return;
    }
    device->clock_asked = false;
    device->clock_token = (uint8_t)((device->clock_token + 1) & CLOCK_TOKEN_MAX);
    device->clock_correction_s += ans->correction_s;
    device->clock_requests_left = 0;
    /* The largest correction that can be sent is not the whole one: ask again. */
    bool partial = ans->correction_s == INT32_MAX || ans->correction_s == INT32_MIN;
    device->clock_set = !partial;
    device->clock_due = partial ? now : utc_after(now, next_request_us(device));
}

static void on_periodicity(struct device *device, const struct clock_periodicity_req *req,
                           struct wr *w, struct utc now)
{
    bool refused = quirks_of(device)->periodicity == PROFILE_PERIODICITY_REFUSED;
    if (!refused) {
        device->clock_period_us = SECONDS_US(INT64_C(128) << req->period_exp);
    }
    if (!refused && device->clock_set) {
        device->clock_due = utc_after(now, next_request_us(device));
    }
    struct clock_periodicity_ans ans = {.not_supported = refused,
                                        .device_time = clock_gps(device, now)};
    size_t len = 0;
    if (clock_periodicity_ans_encode(device_version_of(device, PKG_CLOCK), &ans,
                                     w->base + w->len, w->cap - w->len, &len) == FUO_OK) {
        w->len += len;
    }
}

void device_clock_command(struct device *device, const struct split_cmd *cmd,
                          struct wr *w, struct utc now)
{
    uint8_t version = device_version_of(device, PKG_CLOCK);
    struct clock_time_ans time_ans;
    struct clock_periodicity_req periodicity;
    struct clock_force_resync_req force;

    switch (cmd->cid) {
    case CLOCK_CID_APP_TIME:
        if (clock_time_ans_decode(version, cmd->body, cmd->body_len, &time_ans) ==
            FUO_OK) {
            on_time_ans(device, &time_ans, now);
        }
        break;
    case CLOCK_CID_PERIODICITY:
        if (clock_periodicity_req_decode(version, cmd->body, cmd->body_len,
                                         &periodicity) == FUO_OK) {
            on_periodicity(device, &periodicity, w, now);
        }
        break;
    case CLOCK_CID_FORCE_RESYNC:
        if (clock_force_resync_req_decode(version, cmd->body, cmd->body_len, &force) ==
                FUO_OK &&
            force.transmission_count > 0) {
            device->clock_requests_left = force.transmission_count;
            device->clock_due = now;
        }
        break;
    }
}
