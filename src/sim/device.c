/* SPDX-License-Identifier: MIT */
#include "sim/device.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/join.h"
#include "sim/device_internal.h"

enum {
    JOIN_RX1_S = 5,
    OFF_S = 20, /* from a reboot until it joins: installing, booting */
    CHANNEL_COUNT = 3,
    UPLINK_JITTER_SHARE = 5, /* +- interval / 10 */
};

static const uint32_t channels_hz[CHANNEL_COUNT] = {868100000, 868300000, 868500000};

/* As the LoRa Basics Modem; what its memory holds is in the configuration. */
static const struct profile by_the_book = {
    .lost_ppm = PROFILE_PPM,
    .acks_max = 3,
    .layout = PROFILE_LAYOUT_SPEC,
    .missed = PROFILE_MISSED_START_BIT,
};

int64_t device_random_us(struct device *device, int64_t bound_us)
{
    return (int64_t)prng_below(&device->prng, (uint64_t)bound_us);
}

uint8_t device_max_payload(const struct device *device)
{
    return region_max_payload(device->config.region, device->config.uplink_dr,
                              (struct payload_rules){0});
}

uint8_t device_version_of(const struct device *device, enum pkg_id pkg)
{
    return device->config.versions.of[pkg];
}

/* ---- the outbox ---- */

struct device_message *device_outbox_add(struct device *device,
                                         enum device_outbox_kind kind, uint8_t fport,
                                         struct utc due)
{
    if (device->outbox_len == DEVICE_OUTBOX_MAX) {
        return NULL;
    }
    struct device_message *m = &device->outbox[device->outbox_len++];
    m->kind = kind;
    m->due = due;
    m->fport = fport;
    m->frag_index = 0;
    m->len = 0;
    return m;
}

void device_outbox_bytes(struct device *device, uint8_t fport, const uint8_t *bytes,
                         size_t len, struct utc now)
{
    bool fits = len <= DEVICE_MESSAGE_MAX && len <= device_max_payload(device);
    if (len == 0 || (!fits && !quirks_of(device)->long_empties)) {
        return;
    }
    int64_t least_us = quirks_of(device)->answer_delay_us;
    least_us = least_us > SECONDS_US(1) ? least_us : SECONDS_US(1);
    struct utc due = utc_after(now, least_us + device_random_us(device, 2000000));
    struct device_message *m =
        device_outbox_add(device, fits ? OUTBOX_BYTES : OUTBOX_EMPTY, fport, due);
    if (m != NULL && fits) {
        memcpy(m->bytes, bytes, len);
        m->len = (uint8_t)len;
    }
}

bool device_outbox_has(const struct device *device, enum device_outbox_kind kind)
{
    for (size_t i = 0; i < device->outbox_len; i++) {
        if (device->outbox[i].kind == kind) {
            return true;
        }
    }
    return false;
}

static void outbox_drop(struct device *device, size_t i)
{
    device->outbox_len--;
    memmove(&device->outbox[i], &device->outbox[i + 1],
            (device->outbox_len - i) * sizeof(device->outbox[0]));
}

void device_outbox_remove(struct device *device, enum device_outbox_kind kind)
{
    for (size_t i = device->outbox_len; i > 0; i--) {
        if (device->outbox[i - 1].kind == kind) {
            outbox_drop(device, i - 1);
        }
    }
}

/* What is due while it cannot transmit is lost, in stacks that do not wait. */
static void outbox_drop_due(struct device *device, struct utc now)
{
    for (size_t i = device->outbox_len; i > 0; i--) {
        if (utc_reached(device->outbox[i - 1].due, now)) {
            outbox_drop(device, i - 1);
        }
    }
}

static struct utc outbox_due(const struct device *device)
{
    struct utc due = UTC_NEVER;
    for (size_t i = 0; i < device->outbox_len; i++) {
        due = utc_min(due, device->outbox[i].due);
    }
    return due;
}

/* ---- transmitting ---- */

static void transmit(struct device *device, struct device_transmission *t, struct utc now)
{
    t->frequency_hz = channels_hz[prng_below(&device->prng, CHANNEL_COUNT)];
    t->dr = device->config.uplink_dr;
    device->busy = true;
    device->tx_start = now;
    device->tx_end = UTC_NEVER;
    device->rx1_at = UTC_NEVER;
    device->transmission_count++;
    device->ops->transmit(device->ctx, device, t, now);
}

/* Longer after each try, as the specification's join duty cycle asks: 10 s to an hour. */
static int64_t join_wait_us(struct device *device)
{
    int doublings = device->join_tries < 9 ? device->join_tries++ : 9;
    int64_t wait_us = SECONDS_US(10) << doublings;
    return wait_us + device_random_us(device, wait_us);
}

static void send_join_request(struct device *device, struct utc now)
{
    struct join_request request = {
        .join_eui = device->config.join_eui,
        .dev_eui = device->config.dev_eui,
        .dev_nonce = device->dev_nonce,
    };
    struct device_transmission t;
    device->next_uplink = utc_after(now, join_wait_us(device));
    if (join_request_build(&request, &device->config.app_key, t.phy, sizeof(t.phy),
                           &t.len) == FUO_OK) {
        device->dev_nonce++;
        transmit(device, &t, now);
    }
}

static void send_message(struct device *device, const struct device_message *m,
                         struct utc now)
{
    struct frame frame = {
        .type = FRAME_UNCONFIRMED_UP,
        .addr = device->dev_addr,
        .fcnt = device->fcnt_up,
        .adr = true,
        .ack = device->ack_due,
        .has_port = m->kind != OUTBOX_EMPTY,
        .fport = m->fport,
        .payload = m->bytes,
        .payload_len = m->len,
    };
    struct device_transmission t;
    if (frame_build(&frame, &device->keys, t.phy, sizeof(t.phy), &t.len) == FUO_OK) {
        device->fcnt_up++;
        device->ack_due = false;
        transmit(device, &t, now);
    }
}

static bool fill(struct device *device, struct device_message *m, struct utc now)
{
    switch (m->kind) {
    case OUTBOX_BYTES:
    case OUTBOX_EMPTY:
        return true;
    case OUTBOX_APP_TIME:
        return device_clock_fill(device, m, now);
    case OUTBOX_FRAG_STATUS:
    case OUTBOX_BLOCK_RECEIVED:
        return device_frag_fill(device, m, now);
    }
    return false;
}

/* The first message that is due, if any, is sent. */
static void send_due_message(struct device *device, struct utc now)
{
    for (size_t i = 0; i < device->outbox_len && !device->busy;) {
        if (!utc_reached(device->outbox[i].due, now)) {
            i++;
            continue;
        }
        struct device_message m = device->outbox[i];
        outbox_drop(device, i);
        if (fill(device, &m, now)) {
            send_message(device, &m, now);
        }
    }
}

static void send_reading(struct device *device, struct utc now)
{
    int64_t interval = device->config.uplink_interval_us;
    int64_t jitter = device_random_us(device, interval / UPLINK_JITTER_SHARE);
    device->next_uplink =
        utc_after(now, interval - interval / UPLINK_JITTER_SHARE / 2 + jitter);
    struct device_message m = {.kind = OUTBOX_BYTES, .fport = DEVICE_APP_FPORT};
    struct wr w = wr_init(m.bytes, sizeof(m.bytes));
    if (device->config.lwm2m_fport != 0) {
        m.fport = device->config.lwm2m_fport;
        device_report(device, &w);
    } else {
        wr_le32(&w, device->reading++);
        wr_le16(&w, (uint16_t)(1800 + prng_below(&device->prng, 400)));
    }
    if (device->config.lwm2m_fport == 0 && device->config.vendor_fport != 0) {
        wr_le32(&w, device->running.version);
    }
    m.len = (uint8_t)w.len;
    send_message(device, &m, now);
}

/* ---- power ---- */

void device_image_free(struct device_image *image)
{
    free(image->bytes);
    *image = (struct device_image){0};
}

void device_boot(struct device *device, struct utc now)
{
    device->on = true;
    device->joined = false;
    device->busy = false;
    device->outbox_len = 0;
    device->ack_due = false;
    device->booted = now;
    device->next_uplink = now;
    device->quiet_until = now;
    device->reboot_at = UTC_NEVER;
    device->upgrade_requested = false;
    device->mpa_answers_len = 0;
    device->error_kept = false;
    for (int i = 0; i < MC_GROUP_COUNT_MAX; i++) {
        device->groups[i].state = MC_SESSION_NONE;
    }
    if (!device->config.keeps_groups) {
        memset(device->groups, 0, sizeof(device->groups));
    }
    device_frag_forget(device);
    device->stale_received = 0;
    device->stale_missing = 0;
    device_clock_boot(device, now);
}

static void reboot(struct device *device, struct utc now)
{
    device->on = false;
    device->reboot_at = UTC_NEVER;
    device->next_uplink = utc_after(now, SECONDS_US(OFF_S));
    bool asked =
        device->upgrade_requested || quirks_of(device)->image == PROFILE_IMAGE_DENIED;
    if (!asked || device->received.bytes == NULL) {
        return;
    }
    device_image_free(&device->running);
    device->running = device->received;
    device->received = (struct device_image){0};
    device->install_count++;
    device->ops->installed(device->ctx, device, now);
}

static void on_timer(struct sim_timer *timer, struct utc now)
{
    struct device *device = SIM_TIMER_OWNER(timer, struct device, timer);
    if (!device->on) {
        device_boot(device, now);
    }
    device_mcast_run(device, now);
    device_clock_run(device, now);
    if (device->busy && quirks_of(device)->busy_drops) {
        outbox_drop_due(device, now);
    }
    if (!device->busy && utc_reached(device->reboot_at, now)) {
        reboot(device, now);
        device_rearm(device, now);
        return;
    }
    if (!device->busy && utc_reached(device->quiet_until, now)) {
        if (device->joined) {
            send_due_message(device, now);
        }
        if (!device->busy && utc_reached(device->next_uplink, now)) {
            (device->joined ? send_reading : send_join_request)(device, now);
        }
    }
    device_rearm(device, now);
}

void device_rearm(struct device *device, struct utc now)
{
    struct utc at = device->on ? device_mcast_due(device, now) : UTC_NEVER;
    if (!device->busy) {
        struct utc talk = device->next_uplink;
        if (device->on && device->joined) {
            talk = utc_min(talk, outbox_due(device));
        }
        if (device->on && !utc_reached(device->quiet_until, talk)) {
            talk = device->quiet_until;
        }
        at = utc_min(at, talk);
        at = device->on ? utc_min(at, device->reboot_at) : at;
    }
    if (device->busy && quirks_of(device)->busy_drops) {
        at = utc_min(at, outbox_due(device));
    }
    if (device->on && device->joined) {
        at = utc_min(at, device_clock_due(device));
    }
    if (at.us == INT64_MAX) {
        sim_timers_cancel(device->timers, &device->timer);
        return;
    }
    sim_timers_set(device->timers, &device->timer, utc_reached(at, now) ? now : at);
}

int device_init(struct device *device, const struct device_config *config,
                const struct device_ops *ops, void *ctx, struct sim_timers *timers)
{
    if (config->uplink_interval_us < SECONDS_US(1)) {
        return FUO_ERANGE;
    }
    *device = (struct device){
        .config = *config,
        .ops = ops,
        .ctx = ctx,
        .timers = timers,
        .timer = {.fire = on_timer},
        .prng = prng_seeded(config->seed),
        .tx_start = {INT64_MIN},
        .tx_end = {INT64_MIN},
        .rx1_at = UTC_NEVER,
        .reboot_at = UTC_NEVER,
        .session_cnt_prev = {-1, -1, -1, -1},
    };
    if (device->config.profile == NULL) {
        device->config.profile = &by_the_book;
    }
    device->dev_nonce = (uint16_t)prng_next(&device->prng);
    sim_timers_set(timers, &device->timer, config->power_on);
    return FUO_OK;
}

int device_flash(struct device *device, const uint8_t *firmware, size_t len)
{
    uint8_t *bytes = malloc(len == 0 ? 1 : len);
    if (bytes == NULL) {
        return FUO_ENOMEM;
    }
    if (len > 0) {
        memcpy(bytes, firmware, len);
    }
    device_image_free(&device->running);
    device->running = (struct device_image){
        .bytes = bytes,
        .len = len,
        .version = device_firmware_version(firmware, len),
    };
    return FUO_OK;
}

void device_free(struct device *device)
{
    device_frag_forget(device);
    device_image_free(&device->running);
    device_image_free(&device->received);
    session_keys_wipe(&device->keys);
}

/* ---- what the network tells ---- */

void device_transmitted(struct device *device, struct utc now)
{
    device->tx_end = now;
    int64_t delay_s = device->joined ? device->rx1_delay_s : JOIN_RX1_S;
    device->rx1_at = utc_after(now, SECONDS_US(delay_s));
}

void device_windows_over(struct device *device, struct utc now)
{
    device->busy = false;
    device->quiet_until =
        utc_after(now, SECONDS_US(1) + device_random_us(device, 1000000));
    device_rearm(device, now);
}

static void join_accepted(struct device *device, const uint8_t *phy, size_t len,
                          struct utc now)
{
    struct join_accept accept;
    struct session_keys keys;
    uint16_t nonce = (uint16_t)(device->dev_nonce - 1); /* of the last request */
    if (device->joined ||
        join_accept_open(phy, len, &device->config.app_key, &accept) != FUO_OK ||
        join_session_keys(&device->config.app_key, &accept, nonce, &keys) != FUO_OK) {
        return;
    }
    device->joined = true;
    device->join_tries = 0;
    device->dev_addr = accept.dev_addr;
    device->keys = keys;
    device->fcnt_up = 0;
    device->next_fcnt_down = 0;
    device->rx1_delay_s = accept.rx_delay_s == 0 ? 1 : accept.rx_delay_s;
    device->next_uplink =
        utc_after(now, SECONDS_US(2) + device_random_us(device, 3000000));
    device->clock_due = now;
    session_keys_wipe(&keys);
}

static void received_unicast(struct device *device, const uint8_t *phy, size_t len,
                             uint16_t fcnt_low, struct utc now)
{
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    struct frame frame;
    uint32_t fcnt;
    if (frame_fcnt_extend(device->next_fcnt_down, fcnt_low, &fcnt) != FUO_OK ||
        frame_open(phy, len, &device->keys, fcnt, plain, &frame) != FUO_OK) {
        return;
    }
    device->next_fcnt_down = fcnt + 1;
    device->ack_due = frame.type == FRAME_CONFIRMED_DOWN;
    if (frame.has_port && frame.fport != 0) {
        device_payload(device, frame.fport, frame.payload, frame.payload_len, -1, now);
    }
    if (frame.pending && device->outbox_len == 0) {
        struct utc due =
            utc_after(now, SECONDS_US(2) + device_random_us(device, 3000000));
        (void)device_outbox_add(device, OUTBOX_EMPTY, 0, due);
    }
}

static void received_multicast(struct device *device, int group, const uint8_t *phy,
                               size_t len, uint16_t fcnt_low, struct utc now)
{
    struct device_group *g = &device->groups[group];
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    struct frame frame;
    uint32_t fcnt;
    if (!device_mcast_counter(device, g, fcnt_low, &fcnt) ||
        frame_open(phy, len, &g->keys, fcnt, plain, &frame) != FUO_OK ||
        frame.type != FRAME_UNCONFIRMED_DOWN || !frame.has_port || frame.fport == 0) {
        return;
    }
    g->next_fcnt = fcnt + 1;
    g->heard = true;
    device_payload(device, frame.fport, frame.payload, frame.payload_len, group, now);
}

void device_received(struct device *device, const uint8_t *phy, size_t len,
                     struct utc now)
{
    enum frame_type type;
    struct frame frame;
    if (!device->on || frame_type_of(phy, len, &type) != FUO_OK) {
        return;
    }
    if (type == FRAME_JOIN_ACCEPT) {
        join_accepted(device, phy, len, now);
        return;
    }
    if (!device->joined || frame_is_up(type) || frame_peek(phy, len, &frame) != FUO_OK) {
        return;
    }
    if (frame.addr == device->dev_addr) {
        received_unicast(device, phy, len, (uint16_t)frame.fcnt, now);
    }
    for (int g = 0; g < MC_GROUP_COUNT_MAX; g++) {
        if (device->groups[g].state == MC_SESSION_RUNNING &&
            device->groups[g].addr == frame.addr) {
            received_multicast(device, g, phy, len, (uint16_t)frame.fcnt, now);
        }
    }
    device_rearm(device, now);
}

bool device_was_deaf(const struct device *device, struct utc from, struct utc to)
{
    if (device->tx_start.us < to.us && device->tx_end.us > from.us) {
        return true;
    }
    if (!device->busy || device->rx1_at.us == INT64_MAX) {
        return false;
    }
    int64_t rx2_us = device->rx1_at.us + SECONDS_US(1);
    return (device->rx1_at.us >= from.us && device->rx1_at.us < to.us) ||
           (rx2_us >= from.us && rx2_us < to.us);
}
