/* SPDX-License-Identifier: MIT */
/* Multicast groups and their sessions, TS005 (lorawan.md 3). */
#include <string.h>

#include "radio/subband.h"
#include "sim/device_internal.h"
#include "sim/pingslots.h"

/* Until a time of the device's own clock; negative: past. */
static int64_t until_us(const struct device *device, struct gps at, struct utc now)
{
    int64_t clock_us = device_clock_us(device, now);
    int64_t fraction_us = clock_us % 1000000;
    fraction_us += fraction_us < 0 ? 1000000 : 0;
    struct gps clock = {(uint32_t)((clock_us - fraction_us) / 1000000)};
    return SECONDS_US(gps_diff_s(at, clock)) - fraction_us;
}

static int64_t duration_us(const struct device *device, const struct device_group *group)
{
    const struct device_group *timed =
        quirks_of(device)->one_timer ? &device->groups[0] : group;
    return SECONDS_US((group->class_b ? INT64_C(128) : 1) << timed->timeout_exp);
}

static struct utc group_due(const struct device *device, const struct device_group *group,
                            struct utc now)
{
    switch (group->state) {
    case MC_SESSION_NONE:
        break;
    case MC_SESSION_WAITING:
        if (device->clock_set || quirks_of(device)->unset == PROFILE_UNSET_GUESSES) {
            return utc_after(now, until_us(device, group->session_time, now));
        }
        break;
    case MC_SESSION_RUNNING:
        return utc_after(group->started, duration_us(device, group));
    }
    return UTC_NEVER;
}

struct utc device_mcast_due(const struct device *device, struct utc now)
{
    struct utc due = UTC_NEVER;
    for (int i = 0; i < MC_GROUP_COUNT_MAX; i++) {
        due = utc_min(due, group_due(device, &device->groups[i], now));
    }
    return due;
}

static bool forgets_counters(const struct device *device)
{
    return quirks_of(device)->counter == PROFILE_COUNTER_SESSION;
}

static void begin_session(struct device *device, struct device_group *group,
                          struct utc now)
{
    group->state = MC_SESSION_RUNNING;
    group->started = utc_after(now, until_us(device, group->session_time, now));
    if (forgets_counters(device)) {
        group->heard = false;
        group->next_fcnt = group->min_fcnt;
    }
    for (int i = 0; quirks_of(device)->one_timer && i < MC_GROUP_COUNT_MAX; i++) {
        device->groups[i].started = group->started; /* the timeout begins anew */
    }
}

static void end_session(const struct device *device, struct device_group *group)
{
    group->state = MC_SESSION_NONE;
    if (forgets_counters(device)) {
        group->min_fcnt = 0;
        group->max_fcnt = UINT32_MAX;
    }
}

void device_mcast_run(struct device *device, struct utc now)
{
    for (int i = 0; i < MC_GROUP_COUNT_MAX; i++) {
        struct device_group *group = &device->groups[i];
        if (group->state == MC_SESSION_WAITING &&
            utc_reached(group_due(device, group, now), now)) {
            begin_session(device, group, now);
        }
        if (group->state == MC_SESSION_RUNNING &&
            utc_reached(group_due(device, group, now), now)) {
            end_session(device, group);
        }
    }
}

/* Whether it is one that the set-up allowed. */
static bool in_window(const struct device *device, const struct device_group *group,
                      uint32_t fcnt)
{
    switch (quirks_of(device)->window) {
    case PROFILE_WINDOW_SPEC:
        return fcnt >= group->min_fcnt && fcnt < group->max_fcnt;
    case PROFILE_WINDOW_INCLUSIVE:
        return fcnt >= group->min_fcnt && fcnt <= group->max_fcnt;
    case PROFILE_WINDOW_NONE:
        break;
    }
    return true;
}

bool device_mcast_counter(const struct device *device, const struct device_group *group,
                          uint16_t low, uint32_t *fcnt)
{
    if (quirks_of(device)->counter == PROFILE_COUNTER_SPEC) {
        return frame_fcnt_extend(group->next_fcnt, low, fcnt) == FUO_OK &&
               in_window(device, group, *fcnt);
    }
    if (!group->heard) {
        *fcnt = low; /* nothing to go on from */
        return in_window(device, group, *fcnt);
    }
    bool again = low == ((group->next_fcnt - 1) & 0xffff);
    return !again && frame_fcnt_extend(group->next_fcnt, low, fcnt) == FUO_OK &&
           in_window(device, group, *fcnt);
}

void device_mcast_heard(struct device *device, struct utc now)
{
    for (int i = 0; i < MC_GROUP_COUNT_MAX; i++) {
        struct device_group *group = &device->groups[i];
        if (quirks_of(device)->end == PROFILE_END_IDLE &&
            group->state == MC_SESSION_RUNNING) {
            group->started = now;
        }
    }
}

void device_mcast_complete(struct device *device)
{
    if (quirks_of(device)->end == PROFILE_END_TIMEOUT) {
        return;
    }
    for (int i = 0; i < MC_GROUP_COUNT_MAX; i++) {
        end_session(device, &device->groups[i]);
    }
}

/* One receiver: of several running sessions it follows one. NULL: none runs. */
static const struct device_group *followed(const struct device *device)
{
    const struct device_group *first = NULL;
    bool lowest = quirks_of(device)->lowest_only;
    for (int i = 0; i < MC_GROUP_COUNT_MAX; i++) {
        const struct device_group *g = &device->groups[i];
        if (g->state == MC_SESSION_RUNNING &&
            (first == NULL || (!lowest && g->started.us < first->started.us))) {
            first = g;
        }
    }
    return first;
}

bool device_mcast_is_class_c(const struct device *device)
{
    const struct device_group *group = followed(device);
    return group != NULL && !group->class_b;
}

bool device_listens(const struct device *device, uint32_t frequency_hz, uint8_t dr)
{
    const struct device_group *group = followed(device);
    return device->on && device->joined && group != NULL &&
           group->frequency_hz == frequency_hz && group->dr == dr;
}

bool device_is_open(const struct device *device, struct utc start)
{
    const struct device_group *group = followed(device);
    return group != NULL && (!group->class_b || pingslots_is_one(start, group->addr,
                                                                 group->periodicity_exp));
}

static void commit(struct wr *w, int err, size_t len)
{
    if (err == FUO_OK) {
        w->len += len;
    }
}

static void on_group_status(struct device *device, const struct mc_group_status_req *req,
                            struct wr *w)
{
    struct mc_group_status_ans ans = {0};
    int n = 0;
    for (int i = 0; i < MC_GROUP_COUNT_MAX; i++) {
        const struct device_group *g = &device->groups[i];
        ans.total_count = (uint8_t)(ans.total_count + (g->defined ? 1 : 0));
        if (g->defined && (req->group_mask >> i & 1) != 0) {
            ans.group_mask = (uint8_t)(ans.group_mask | 1 << i);
            ans.groups[n++] = (struct mc_group){(uint8_t)i, g->addr};
        }
    }
    size_t len = 0;
    int err = mc_group_status_ans_encode(device_version_of(device, PKG_MCAST), &ans,
                                         w->base + w->len, w->cap - w->len, &len);
    commit(w, err, len);
}

static void answer_setup(const struct device *device, uint8_t group_id, bool id_error,
                         struct wr *w)
{
    struct mc_group_setup_ans ans = {.group_id = group_id, .id_error = id_error};
    size_t len = 0;
    int err = mc_group_setup_ans_encode(device_version_of(device, PKG_MCAST), &ans,
                                        w->base + w->len, w->cap - w->len, &len);
    commit(w, err, len);
}

static void on_group_setup(struct device *device, const struct mc_group_setup_req *req,
                           struct wr *w)
{
    if (!profile_has_group(quirks_of(device), req->group_id)) {
        answer_setup(device, req->group_id, true, w);
        return;
    }
    struct device_group *group = &device->groups[req->group_id];
    struct aes_key mc_key;
    struct device_group fresh = {
        .defined = true,
        .addr = req->addr,
        .next_fcnt = req->min_fcnt,
        .min_fcnt = req->min_fcnt,
        .max_fcnt = req->max_fcnt,
    };
    if (keys_mc_unwrap_by_device(LORAWAN_1_0, &device->config.gen_app_key,
                                 req->key_encrypted, &mc_key) != FUO_OK ||
        keys_mc_session(&mc_key, req->addr, &fresh.keys) != FUO_OK) {
        return;
    }
    aes_key_wipe(&mc_key);
    *group = fresh;
    answer_setup(device, req->group_id, false, w);
}

static void on_group_delete(struct device *device, const struct mc_group_delete_req *req,
                            struct wr *w)
{
    struct device_group *group = &device->groups[req->group_id];
    struct mc_group_delete_ans ans = {
        .group_id = req->group_id,
        .group_undefined = !group->defined,
    };
    memset(group, 0, sizeof(*group));
    size_t len = 0;
    int err = mc_group_delete_ans_encode(device_version_of(device, PKG_MCAST), &ans,
                                         w->base + w->len, w->cap - w->len, &len);
    commit(w, err, len);
}

/* The start is in the past. */
static void judge_missed(const struct device *device, struct mc_session_ans *ans)
{
    switch (quirks_of(device)->missed) {
    case PROFILE_MISSED_SPEC:
        ans->start_missed = device_version_of(device, PKG_MCAST) >= 2;
        break;
    case PROFILE_MISSED_START_BIT:
        ans->start_missed = true;
        break;
    case PROFILE_MISSED_GROUP_UNDEFINED:
        ans->group_undefined = true;
        break;
    }
}

/* Class B: 0 is the region's own. */
static uint32_t frequency_of(const struct device *device,
                             const struct mc_session_req *req)
{
    return req->frequency_hz != 0 ? req->frequency_hz : device->config.region->beacon_hz;
}

static struct mc_session_ans judge_session(const struct device *device,
                                           const struct mc_session_req *req,
                                           struct utc now)
{
    const struct region *region = device->config.region;
    const struct data_rate *rate = region_data_rate(region, req->dr, DIRECTION_DOWN);
    struct mc_session_ans ans = {
        .group_id = req->group_id,
        .group_undefined = !device->groups[req->group_id].defined,
        .dr_error = rate == NULL,
        .freq_error = subband_find(region, frequency_of(device, req),
                                   rate == NULL ? 0 : rate->bw_hz, NULL) == NULL,
    };
    if (ans.group_undefined && quirks_of(device)->undefined_all) {
        ans.dr_error = true;
        ans.freq_error = true;
    }
    if (ans.group_undefined || ans.dr_error || ans.freq_error) {
        return ans;
    }
    if (!device->clock_set && quirks_of(device)->unset != PROFILE_UNSET_GUESSES) {
        ans.time_to_start_s = MC_TIME_TO_START_UNKNOWN_S;
        return ans;
    }
    int64_t wait_us = until_us(device, req->session_time, now);
    int64_t wait_s = (wait_us + 999999) / 1000000;
    if (wait_us >= 0) {
        bool guess = !device->clock_set; /* 24 bits of whatever it is */
        ans.time_to_start_s = guess || wait_s < MC_TIME_TO_START_UNKNOWN_S
                                  ? (uint32_t)wait_s & MC_TIME_TO_START_UNKNOWN_S
                                  : MC_TIME_TO_START_UNKNOWN_S;
        return ans;
    }
    judge_missed(device, &ans);
    return ans;
}

static bool is_scheduled(const struct device *device, const struct mc_session_ans *ans)
{
    bool forgets =
        !device->clock_set && quirks_of(device)->unset == PROFILE_UNSET_FORGETS;
    return mc_session_accepted(ans) && !forgets;
}

/* "No such channel" is what some do not say. */
static bool is_silent(const struct device *device, const struct mc_session_ans *ans)
{
    return (quirks_of(device)->silent & PROFILE_SILENT_BAD_CHANNEL) != 0 &&
           !ans->group_undefined && (ans->dr_error || ans->freq_error);
}

/* One timer: what was to start by it does not any more. */
static void forget_waiting(struct device *device)
{
    for (int i = 0; i < MC_GROUP_COUNT_MAX; i++) {
        if (device->groups[i].state == MC_SESSION_WAITING) {
            device->groups[i].state = MC_SESSION_NONE;
        }
    }
}

/* Those of class B start with a beacon: in between, with the next one. */
static struct gps start_of(const struct mc_session_req *req, bool class_b)
{
    uint32_t behind_s = req->session_time.s % PINGSLOT_BEACON_PERIOD_S;
    bool between = class_b && behind_s != 0;
    return (struct gps){req->session_time.s +
                        (between ? PINGSLOT_BEACON_PERIOD_S - behind_s : 0)};
}

static void on_session(struct device *device, const struct mc_session_req *req,
                       bool class_b, struct wr *w, struct utc now)
{
    struct mc_session_ans ans = judge_session(device, req, now);
    if (is_silent(device, &ans)) {
        return;
    }
    if (is_scheduled(device, &ans)) {
        struct device_group *group = &device->groups[req->group_id];
        if (quirks_of(device)->one_timer) {
            forget_waiting(device);
        }
        group->state = MC_SESSION_WAITING;
        group->session_time = start_of(req, class_b);
        group->timeout_exp = req->timeout_exp;
        group->frequency_hz = frequency_of(device, req);
        group->dr = req->dr;
        group->class_b = class_b && profile_has_class_b(quirks_of(device));
        group->periodicity_exp = req->periodicity_exp;
        if (!device->clock_set) {
            device->clock_due = now;
        }
    }
    size_t len = 0;
    uint8_t version = device_version_of(device, PKG_MCAST);
    uint8_t *buf = w->base + w->len;
    size_t cap = w->cap - w->len;
    int err = class_b ? mc_class_b_ans_encode(version, &ans, buf, cap, &len)
                      : mc_class_c_ans_encode(version, &ans, buf, cap, &len);
    commit(w, err, len);
}

void device_mcast_command(struct device *device, const struct split_cmd *cmd,
                          struct wr *w, struct utc now)
{
    uint8_t version = device_version_of(device, PKG_MCAST);
    struct mc_group_status_req status;
    struct mc_group_setup_req setup;
    struct mc_group_delete_req delete;
    struct mc_session_req session;

    switch (cmd->cid) {
    case MC_CID_GROUP_STATUS:
        if (mc_group_status_req_decode(version, cmd->body, cmd->body_len, &status) ==
            FUO_OK) {
            on_group_status(device, &status, w);
        }
        break;
    case MC_CID_GROUP_SETUP:
        if (mc_group_setup_req_decode(version, cmd->body, cmd->body_len, &setup) ==
            FUO_OK) {
            on_group_setup(device, &setup, w);
        }
        break;
    case MC_CID_GROUP_DELETE:
        if (mc_group_delete_req_decode(version, cmd->body, cmd->body_len, &delete) ==
            FUO_OK) {
            on_group_delete(device, &delete, w);
        }
        break;
    case MC_CID_CLASS_C_SESSION:
        if (mc_class_c_req_decode(version, cmd->body, cmd->body_len, &session) ==
            FUO_OK) {
            on_session(device, &session, false, w, now);
        }
        break;
    case MC_CID_CLASS_B_SESSION:
        if (quirks_of(device)->class_b != PROFILE_CLASS_B_NONE &&
            mc_class_b_req_decode(version, cmd->body, cmd->body_len, &session) ==
                FUO_OK) {
            on_session(device, &session, true, w, now);
        }
        break;
    }
}
