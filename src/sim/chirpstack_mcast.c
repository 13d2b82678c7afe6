/* SPDX-License-Identifier: MIT */
/* Multicast groups and their queue (network-servers.md 2.2 and 2.3). */
#include <stdlib.h>
#include <string.h>

#include "sim/chirpstack_internal.h"
#include "sim/pingslots.h"

enum {
    BATCH_SIZE = 100,  /* rows per scheduler run */
    SLOT_MARGIN_S = 5, /* multicast_class_b_margin */
    SLOT_AHEAD = 2,    /* looks of the scheduler: so early a frame is given to gateways */
};

struct cs_group *cs_group_find(const struct cs *cs, const char *id)
{
    struct cs_group *group = cs->groups;
    while (group != NULL && strcmp(group->id, id) != 0) {
        group = group->next;
    }
    return group;
}

static bool settings_sound(const struct cs *cs, const struct cs_group_settings *s)
{
    return s->name[0] != '\0' && s->frequency_hz != 0 &&
           s->ping_slot_periodicity <= PINGSLOT_PERIODICITY_EXP_MAX &&
           region_data_rate(cs->config.region, s->dr, DIRECTION_DOWN) != NULL &&
           strcmp(s->application_id, cs->config.application_id) == 0;
}

int cs_group_create(struct cs *cs, const struct cs_group_settings *settings,
                    struct utc now, char id[static CS_ID_SIZE])
{
    if (!settings_sound(cs, settings)) {
        return FUO_EINVAL;
    }
    struct cs_group *group = calloc(1, sizeof(*group));
    if (group == NULL) {
        return FUO_ENOSPC;
    }
    cs_make_id(cs, group->id);
    group->created = now;
    group->updated = now;
    group->settings = *settings;
    struct cs_group **link = &cs->groups;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = group;
    memcpy(id, group->id, CS_ID_SIZE);
    return FUO_OK;
}

int cs_group_update(struct cs *cs, const char *id,
                    const struct cs_group_settings *settings, struct utc now)
{
    struct cs_group *group = cs_group_find(cs, id);
    if (group == NULL) {
        return FUO_ENOENT;
    }
    struct cs_group_settings fresh = *settings;
    memcpy(fresh.application_id, group->settings.application_id, CS_ID_SIZE);
    if (!settings_sound(cs, &fresh)) {
        return FUO_EINVAL;
    }
    group->settings = fresh;
    group->updated = now;
    return FUO_OK;
}

static void drop_rows(struct cs_group *group)
{
    while (group->rows != NULL) {
        struct cs_row *row = group->rows;
        group->rows = row->next;
        free(row);
    }
    group->rows_last = NULL;
    group->row_count = 0;
}

static void group_free(struct cs_group *group)
{
    drop_rows(group);
    session_keys_wipe(&group->settings.keys);
    free(group->devices);
    free(group->gateways);
    free(group);
}

int cs_group_delete(struct cs *cs, const char *id)
{
    struct cs_group *group = cs_group_find(cs, id);
    if (group == NULL) {
        return FUO_ENOENT;
    }
    struct cs_group **link = &cs->groups;
    while (*link != group) {
        link = &(*link)->next;
    }
    *link = group->next;
    group_free(group);
    return FUO_OK;
}

void cs_groups_free(struct cs *cs)
{
    while (cs->groups != NULL) {
        struct cs_group *group = cs->groups;
        cs->groups = group->next;
        group_free(group);
    }
}

int cs_group_flush(struct cs *cs, const char *id)
{
    struct cs_group *group = cs_group_find(cs, id);
    if (group == NULL) {
        return FUO_ENOENT;
    }
    drop_rows(group);
    return FUO_OK;
}

/* ---- sets of numbers ---- */

static int set_add(size_t **set, size_t *count, size_t value)
{
    for (size_t i = 0; i < *count; i++) {
        if ((*set)[i] == value) {
            return FUO_EEXIST;
        }
    }
    size_t *grown = realloc(*set, (*count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return FUO_ENOSPC;
    }
    grown[(*count)++] = value;
    *set = grown;
    return FUO_OK;
}

static int set_remove(size_t *set, size_t *count, size_t value)
{
    for (size_t i = 0; i < *count; i++) {
        if (set[i] == value) {
            set[i] = set[--*count];
            return FUO_OK;
        }
    }
    return FUO_ENOENT;
}

static int gateway_number(const struct cs *cs, uint64_t eui, size_t *number)
{
    for (size_t i = 0; i < cs->gateway_count; i++) {
        if (cs->gateways[i] == eui) {
            *number = i;
            return FUO_OK;
        }
    }
    return FUO_ENOENT;
}

int cs_group_add_device(struct cs *cs, const char *id, uint64_t dev_eui)
{
    struct cs_group *group = cs_group_find(cs, id);
    const struct cs_device *device = cs_device_by_eui(cs, dev_eui);
    if (group == NULL || device == NULL) {
        return FUO_ENOENT;
    }
    return set_add(&group->devices, &group->device_count, device->index);
}

int cs_group_remove_device(struct cs *cs, const char *id, uint64_t dev_eui)
{
    struct cs_group *group = cs_group_find(cs, id);
    const struct cs_device *device = cs_device_by_eui(cs, dev_eui);
    if (group == NULL || device == NULL) {
        return FUO_ENOENT;
    }
    return set_remove(group->devices, &group->device_count, device->index);
}

int cs_group_add_gateway(struct cs *cs, const char *id, uint64_t gateway)
{
    struct cs_group *group = cs_group_find(cs, id);
    size_t number = 0;
    if (group == NULL || gateway_number(cs, gateway, &number) != FUO_OK) {
        return FUO_ENOENT;
    }
    return set_add(&group->gateways, &group->gateway_count, number);
}

int cs_group_remove_gateway(struct cs *cs, const char *id, uint64_t gateway)
{
    struct cs_group *group = cs_group_find(cs, id);
    size_t number = 0;
    if (group == NULL || gateway_number(cs, gateway, &number) != FUO_OK) {
        return FUO_ENOENT;
    }
    return set_remove(group->gateways, &group->gateway_count, number);
}

/* ---- the queue ---- */

static bool hears(const struct cs_device *device, size_t gateway)
{
    for (size_t i = 0; i < device->rx_count; i++) {
        if (device->rx[i].gateway == gateway) {
            return true;
        }
    }
    return false;
}

static size_t gain_of(const struct cs *cs, const struct cs_group *group,
                      const bool *covered, size_t gateway)
{
    size_t gain = 0;
    for (size_t i = 0; i < group->device_count; i++) {
        const struct cs_device *device = &cs->devices[group->devices[i]];
        gain += device->active && !covered[i] && hears(device, gateway) ? 1 : 0;
    }
    return gain;
}

/* The gateway that adds most devices; false: none adds any. */
static bool best_gateway(const struct cs *cs, const struct cs_group *group,
                         const bool *covered, size_t *best)
{
    size_t best_gain = 0;
    for (size_t g = 0; g < cs->gateway_count; g++) {
        size_t gain = gain_of(cs, group, covered, g);
        if (gain > best_gain) {
            *best = g;
            best_gain = gain;
        }
    }
    return best_gain > 0;
}

/*
 * Few gateways that heard the last uplink of every device between them, most useful first.
 * Devices without a session are left out. Returns how many.
 */
static size_t learned_gateways(const struct cs *cs, const struct cs_group *group,
                               bool *covered, size_t *out)
{
    size_t count = 0;
    size_t best = 0;
    while (best_gateway(cs, group, covered, &best)) {
        for (size_t i = 0; i < group->device_count; i++) {
            covered[i] = covered[i] || hears(&cs->devices[group->devices[i]], best);
        }
        out[count++] = best;
    }
    return count;
}

struct cs_route {
    const size_t *gateways;
    size_t count;
};

static int row_append(struct cs_group *group, const struct cs_multicast *frame,
                      size_t gateway, struct utc run_after, struct utc slot)
{
    struct cs_row *row = calloc(1, sizeof(*row));
    if (row == NULL) {
        return FUO_ENOSPC;
    }
    row->run_after = run_after;
    row->slot = slot;
    row->expires = frame->expires;
    row->gateway = gateway;
    row->f_cnt = group->settings.f_cnt;
    row->fport = frame->fport;
    row->len = frame->len;
    if (frame->len > 0) {
        memcpy(row->data, frame->data, frame->len);
    }
    *(group->rows == NULL ? &group->rows : &group->rows_last->next) = row;
    group->rows_last = row;
    group->row_count++;
    return FUO_OK;
}

/* The latest row and the margin, or at once. */
static struct utc next_run(const struct cs *cs, const struct cs_group *group,
                           struct utc now)
{
    struct utc latest = {INT64_MIN};
    for (const struct cs_row *row = group->rows; row != NULL; row = row->next) {
        latest = row->run_after.us > latest.us ? row->run_after : latest;
    }
    return group->rows == NULL ? now : utc_after(latest, cs->config.margin_us);
}

/* The scheduler runs at whole intervals only. */
void cs_arm_scheduler(struct cs *cs, struct utc now)
{
    struct utc first = cs->config.class_c ? utc_after(now, 1) : UTC_NEVER;
    for (const struct cs_group *g = cs->groups; g != NULL; g = g->next) {
        for (const struct cs_row *row = g->rows; row != NULL; row = row->next) {
            first = utc_min(first, row->run_after);
        }
    }
    if (first.us == INT64_MAX) {
        sim_timers_cancel(cs->timers, &cs->scheduler);
        return;
    }
    int64_t interval = cs->config.scheduler_us;
    int64_t soonest = first.us > now.us ? first.us : now.us;
    int64_t ticks = (soonest + interval - 1) / interval;
    sim_timers_set(cs->timers, &cs->scheduler, (struct utc){ticks * interval});
}

/* Class B: the first slot behind those that are taken, however near it is; if none is, behind
 * the margin (storage/multicast.rs, enqueue()). */
static struct utc next_slot(const struct cs_group *group, struct utc now)
{
    struct utc from = {INT64_MIN};
    for (const struct cs_row *row = group->rows; row != NULL; row = row->next) {
        from = row->slot.us > from.us ? row->slot : from;
    }
    from = group->rows != NULL ? from : utc_after(now, SECONDS_US(SLOT_MARGIN_S));
    return pingslots_next(from, group->settings.mc_addr,
                          (uint8_t)group->settings.ping_slot_periodicity);
}

static int enqueue_in_slot(const struct cs *cs, struct cs_group *group,
                           const struct cs_multicast *frame, const struct cs_route *route,
                           struct utc now)
{
    struct utc slot = next_slot(group, now);
    struct utc run_after = utc_after(slot, -SLOT_AHEAD * cs->config.scheduler_us);
    for (size_t i = 0; i < route->count; i++) {
        int err = row_append(group, frame, route->gateways[i], run_after, slot);
        if (err != FUO_OK) {
            return err;
        }
    }
    return FUO_OK;
}

/* Class C: the first at once or behind the last, the others follow at the margin. */
static int enqueue_rows(const struct cs *cs, struct cs_group *group,
                        const struct cs_multicast *frame, const struct cs_route *route,
                        struct utc now)
{
    if (group->settings.type == CS_GROUP_CLASS_B) {
        return enqueue_in_slot(cs, group, frame, route, now);
    }
    struct utc run_after = next_run(cs, group, now);
    for (size_t i = 0; i < route->count; i++) {
        int err =
            row_append(group, frame, route->gateways[i], run_after, (struct utc){0});
        if (err != FUO_OK) {
            return err;
        }
        run_after = utc_after(run_after, cs->config.margin_us);
    }
    return FUO_OK;
}

int cs_group_enqueue(struct cs *cs, const struct cs_multicast *frame, struct utc now,
                     uint32_t *f_cnt)
{
    struct cs_group *group = cs_group_find(cs, frame->group);
    if (group == NULL) {
        return FUO_ENOENT;
    }
    if (frame->fport == 0 || frame->len > FRAME_PAYLOAD_MAX_BYTES) {
        return FUO_EINVAL;
    }
    size_t room = cs->gateway_count;
    if (group->row_count + room > CS_GROUP_ROWS_MAX) {
        return FUO_ENOSPC;
    }
    int err = FUO_ENOSPC;
    if (group->gateway_count > 0) {
        struct cs_route route = {group->gateways, group->gateway_count};
        err = enqueue_rows(cs, group, frame, &route, now);
    } else {
        bool *covered = calloc(group->device_count + 1, sizeof(*covered));
        size_t *gateways = calloc(room, sizeof(*gateways));
        if (covered != NULL && gateways != NULL) {
            struct cs_route route = {gateways,
                                     learned_gateways(cs, group, covered, gateways)};
            err = enqueue_rows(cs, group, frame, &route, now);
        }
        free(covered);
        free(gateways);
    }
    if (err == FUO_OK) {
        *f_cnt = group->settings.f_cnt++;
    }
    cs_arm_scheduler(cs, now);
    return err;
}

/* ---- the scheduler ---- */

static enum tx_status send_row(struct cs *cs, const struct cs_group *group,
                               const struct cs_row *row, struct utc now)
{
    const struct cs_group_settings *s = &group->settings;
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    struct frame frame = {
        .type = FRAME_UNCONFIRMED_DOWN,
        .addr = s->mc_addr,
        .fcnt = row->f_cnt,
        .has_port = true,
        .fport = row->fport,
        .payload = row->data,
        .payload_len = row->len,
    };
    struct cs_tx tx = {
        .gateway = row->gateway,
        .at = row->slot.us != 0 ? row->slot : now,
        .immediate = row->slot.us == 0,
        .frequency_hz = s->frequency_hz,
        .dr = s->dr,
        .phy = phy,
    };
    if (row->len > region_max_payload(cs->config.region, s->dr,
                                      (struct payload_rules){.edition = PAYLOAD_RP002}) ||
        frame_build(&frame, &s->keys, phy, sizeof(phy), &tx.phy_len) != FUO_OK) {
        return TX_FREQ; /* dropped in silence */
    }
    struct cs_gateway_frame given = {.count = 1, .items = {tx}};
    return cs_give(cs, &given);
}

static void row_delete(struct cs_group *group, const struct cs_row *row)
{
    struct cs_row *before = NULL;
    struct cs_row *at = group->rows;
    while (at != NULL && at != row) {
        before = at;
        at = at->next;
    }
    if (at == NULL) {
        return;
    }
    *(before == NULL ? &group->rows : &before->next) = at->next;
    group->rows_last = at == group->rows_last ? before : group->rows_last;
    group->row_count--;
    free(at);
}

/* Each row of a batch has a task of its own: which one is at the gateway first, nobody says. */
static void shuffle(struct cs *cs, struct cs_row **rows, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)prng_below(&cs->tasks, i);
        struct cs_row *row = rows[i - 1];
        rows[i - 1] = rows[other];
        rows[other] = row;
    }
}

/* Returns how many of the batch are left. */
static size_t run_group(struct cs *cs, struct cs_group *group, size_t batch,
                        struct utc now)
{
    struct cs_row *due[BATCH_SIZE];
    size_t count = 0;
    for (struct cs_row *row = group->rows; row != NULL && count < batch;
         row = row->next) {
        if (utc_reached(row->run_after, now)) {
            due[count++] = row;
        }
    }
    shuffle(cs, due, count);
    for (size_t i = 0; i < count; i++) {
        if (utc_reached(due[i]->expires, now) ||
            send_row(cs, group, due[i], now) != TX_NO_ACK) {
            row_delete(group, due[i]);
        } else {
            due[i]->run_after = utc_after(now, 2 * cs->config.scheduler_us);
        }
    }
    return batch - count;
}

void cs_on_scheduler(struct sim_timer *timer, struct utc now)
{
    struct cs *cs = SIM_TIMER_OWNER(timer, struct cs, scheduler);
    size_t batch = BATCH_SIZE;
    for (struct cs_group *g = cs->groups; g != NULL; g = g->next) {
        batch = run_group(cs, g, batch, now);
    }
    cs_push(cs, now);
    cs_arm_scheduler(cs, now);
}
