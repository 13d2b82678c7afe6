/* SPDX-License-Identifier: MIT */
/*
 * engine.h - the campaign engine: event and time in, effects out.
 *
 * No I/O, no clock, no randomness but a seeded generator for jitter: the same object code
 * runs the daemon, the tests and the simulator. A step never blocks, never fails, calls
 * nobody and logs nothing. Keys never enter: effects name the device or the transmission,
 * the driver answers with what may be seen.
 *
 * Life: create, add fleets and devices, restore what the store holds (campaigns, then
 * their transmissions and members, then groups and charges), engine_resume() once, then
 * steps. Windows are not stored: the driver knows the calendar that they come from, and
 * gives them again before engine_resume(), to every campaign that had some; one without
 * may send at once. A campaign that is applied gets its own by ENGINE_EV_WINDOWS right
 * behind ENGINE_EV_APPLY.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/effect.h"
#include "engine/event.h"
#include "fuotad/error.h"
#include "profile/profile.h"

struct engine;

struct engine_config {
    uint64_t seed;       /* of the generator for jitter and sampling */
    uint32_t boot;       /* unique per start: part of every command id */
    uint32_t groups_max; /* McKeys that may be kept beyond their transmission; 0: none */
};

/* When a frame that was handed over goes on air. */
enum engine_timing {
    /* As soon as the server gets to it: at once within multicast_jitter_us if the group's
     * queue is empty, else multicast_spacing_us after the last. One gateway a lane. */
    ENGINE_TIMING_QUEUE,
    /* At the time that the effect gives, at all gateways of the lane together. */
    ENGINE_TIMING_ABSOLUTE,
};

/* A fleet and what the planner must know of its server. */
struct engine_fleet {
    uint32_t id;
    const struct fleet_spec *spec; /* lives as long as the engine */
    const struct profile *profile; /* so does it; NULL: nothing is known of its devices */
    enum engine_timing timing;
    int64_t multicast_spacing_us;  /* of the server, per gateway of a group */
    int64_t multicast_jitter_us;   /* how late the server may be, see above */
    int64_t multicast_lead_us;     /* ABSOLUTE: hand over that long before */
    uint32_t queue_rows_max;       /* rows to keep queued in a group at most */
    uint32_t priority_ceiling_ppm; /* of the legal limit, set by the server; 0: none */
    /* A frame is sent by those gateways that its effect names; else by those that
     * its group was opened with. */
    bool names_gateways;
    bool delivers; /* it brings images to devices one by one, without radio of ours */
};

struct engine *engine_create(const struct engine_config *config);
void engine_destroy(struct engine *engine); /* accepts NULL */

/* FUO_EEXIST for an id or DevEUI known already; FUO_EINVAL for an unknown region or fleet. */
FUO_MUST_CHECK int engine_add_fleet(struct engine *engine,
                                    const struct engine_fleet *fleet);
FUO_MUST_CHECK int engine_add_device(struct engine *engine,
                                     const struct device_rec *device);
/* Another profile than that of its fleet; it lives as long as the engine. FUO_ENOENT. */
FUO_MUST_CHECK int engine_set_profile(struct engine *engine, uint64_t dev_eui,
                                      const struct profile *profile);

/* It is in maintenance, or is not any more. FUO_ENOENT. */
FUO_MUST_CHECK int engine_set_maintenance(struct engine *engine, uint64_t dev_eui,
                                          bool maintenance);

/* What the engine goes by, see engine_set_profile(); NULL for a device it does not know. */
const struct profile *engine_profile(const struct engine *engine, uint64_t dev_eui);

/* FUO_ENOENT when what the record belongs to is not there. */
FUO_MUST_CHECK int engine_restore_campaign(struct engine *engine,
                                           const struct engine_campaign *campaign,
                                           const struct campaign_rec *rec);
FUO_MUST_CHECK int engine_restore_transmission(struct engine *engine,
                                               const struct transmission_rec *rec);
/* After its transmission. */
FUO_MUST_CHECK int engine_restore_lane(struct engine *engine, const struct lane_rec *rec);
/* Before its members. A campaign that has none stored runs as one wave without gates. */
FUO_MUST_CHECK int engine_restore_wave(struct engine *engine, const struct wave_rec *rec);
FUO_MUST_CHECK int engine_restore_member(struct engine *engine,
                                         const struct member_rec *rec);
/* As ENGINE_EV_WINDOWS does. */
FUO_MUST_CHECK int engine_restore_windows(struct engine *engine,
                                          const struct engine_windows *windows);
/* Only while its McKey is there. FUO_EEXIST: that id is known already. */
FUO_MUST_CHECK int engine_restore_group(struct engine *engine,
                                        const struct group_rec *rec);
FUO_MUST_CHECK int engine_restore_charge(struct engine *engine,
                                         const struct charge_rec *rec);
FUO_MUST_CHECK int engine_restore_report(struct engine *engine,
                                         const struct report_rec *rec);

/* Ask again what a restart may have lost. */
void engine_resume(struct engine *engine, struct instant now, struct utc utc,
                   struct effects *effects);

void engine_step(struct engine *engine, const struct engine_event *event,
                 struct effects *effects);

/* When to deliver the next ENGINE_EV_TIMEOUT; INSTANT_NEVER if not at all. */
struct instant engine_deadline(const struct engine *engine);

/* ---- looking in; borrowed until the next step ---- */

struct campaign_counts {
    uint32_t total;
    uint32_t pending;                   /* of OUTCOME_NONE: nothing was begun with them */
    uint32_t installable;               /* ... wait for an operator to install */
    uint32_t by_outcome[OUTCOME_COUNT]; /* OUTCOME_NONE: not ended */
    uint32_t by_state[4];
};

const struct campaign_rec *engine_campaign_by_id(const struct engine *engine,
                                                 uint32_t id);
const struct campaign_rec *engine_campaign_by_name(const struct engine *engine,
                                                   const char *name);
/* The i-th campaign in order of id; NULL past the last. */
const struct campaign_rec *engine_campaign_at(const struct engine *engine, size_t i);
void engine_campaign_counts(const struct engine *engine, uint32_t id,
                            struct campaign_counts *counts);
/* The i-th member of a campaign in order of DevEUI; NULL past the last. */
const struct member_rec *engine_member_at(const struct engine *engine,
                                          uint32_t campaign_id, size_t i);
const struct member_rec *engine_member_find(const struct engine *engine,
                                            uint32_t campaign_id, uint64_t dev_eui);
/* The i-th wave of a campaign and its devices so far; NULL past the last, and for one that
 * runs without waves. counts may be NULL. */
const struct wave_rec *engine_wave_at(const struct engine *engine, uint32_t campaign_id,
                                      size_t i, struct wave_counts *counts);
/* It is paused, by whomever, and ENGINE_APPROVE of ENGINE_WAVE_NEXT would change something. */
bool engine_wants_approval(const struct engine *engine, uint32_t campaign_id);
/* The i-th transmission of a campaign in order of id; NULL past the last. */
const struct transmission_rec *engine_transmission_at(const struct engine *engine,
                                                      uint32_t campaign_id, size_t i);
/* Lane no of a transmission; NULL past the last. */
const struct lane_rec *engine_lane_at(const struct engine *engine,
                                      uint32_t transmission_id, size_t no);
/* What gateways told of the frames of a lane since the start; both 0 without a tap. */
struct lane_aired {
    uint32_t sent; /* frames times gateways */
    uint32_t refused;
};

struct lane_aired engine_lane_aired(const struct engine *engine, uint32_t transmission_id,
                                    size_t no);
/* DevEUIs of a transmission's members; returns how many there are, writes at most cap. */
size_t engine_transmission_devices(const struct engine *engine, uint32_t transmission_id,
                                   uint64_t *devices, size_t cap);
const struct device_rec *engine_device(const struct engine *engine, uint64_t dev_eui);

/* How near an event of a device is; each can be asked for when the one before has come. */
enum engine_near {
    ENGINE_NEAR_PLACE, /* where it is to be found */
    ENGINE_NEAR_DEVICE,
    ENGINE_NEAR_MEMBER,
};

/*
 * An event of that device is about to come: of a large fleet it is not in the cache, so ask
 * the memory for that part of it. Changes nothing, and may be left out.
 */
void engine_expect(const struct engine *engine, uint64_t dev_eui, enum engine_near near);

/* What it has reported in LwM2M; NULL: nothing. */
const struct report_rec *engine_report(const struct engine *engine, uint64_t dev_eui);
enum engine_retry {
    ENGINE_RETRY_YES,
    ENGINE_RETRY_UNDER_WAY, /* it has not ended */
    ENGINE_RETRY_SUCCEEDED,
    ENGINE_RETRY_BUSY,    /* another campaign has it */
    ENGINE_RETRY_NO_WAVE, /* no wave of the rollout takes it */
    ENGINE_RETRY_UNKNOWN, /* it is not in the campaign */
};

/* Whether devices of it may go again now: it is not aborted or scheduled, its deadline has
 * not come, and its image is there. */
bool engine_may_retry(const struct engine *engine, uint32_t campaign_id, struct utc now);
/* What ENGINE_EV_RETRY would make of the device, in such a campaign. */
enum engine_retry engine_retry_of(const struct engine *engine, uint32_t campaign_id,
                                  uint64_t dev_eui);

/* How much of the data block a member has, in ppm, as far as it told. */
uint32_t engine_progress_ppm(const struct engine *engine,
                             const struct member_rec *member);

struct engine_budget {
    uint64_t gateway;
    uint32_t low_hz; /* of the sub-band */
    uint32_t high_hz;
    int64_t own_us; /* airtime in the hour that ends now */
    int64_t others_us;
    int64_t waiting_us;   /* commands handed over that may go out there yet */
    int64_t own_cap_us;   /* what campaigns may use of an hour */
    int64_t legal_cap_us; /* what the law allows in an hour */
};

/* Budget of the i-th ledger, ascending by gateway and sub-band; false past the last. */
bool engine_budget_at(const struct engine *engine, size_t i, struct utc now,
                      struct engine_budget *budget);

/*
 * Gateways of transmissions of the fleet that are not over, above `after`, ascending; the
 * number of those that fit into gateways.
 */
size_t engine_gateways_in_use(const struct engine *engine, uint32_t fleet_id,
                              uint64_t after, uint64_t *gateways, size_t cap);

/*
 * What it costs to let a gateway send, by the uplinks that it hears: gateway_weight of
 * partition.h, for a plan that shall be like the engine's own.
 */
uint32_t engine_gateway_weight(const struct engine *engine, uint64_t gateway);

/* Why such a campaign would skip the device if its wave began now, or REASON_ALREADY, as far
 * as is known; else REASON_NONE. See precondition.h. */
enum member_reason engine_precondition(const struct engine *engine,
                                       const struct campaign_spec *spec, uint64_t dev_eui,
                                       struct utc now);

/* The variant (campaign/variant.h) that such a campaign would send to the device, by what it
 * has reported up to now; airtime_us: of each variant. */
uint8_t engine_variant(const struct engine *engine,
                       const struct engine_campaign *campaign, const int64_t *airtime_us,
                       uint64_t dev_eui);

/* Drop an ended campaign from memory. FUO_EPERM while it is not ended. */
FUO_MUST_CHECK int engine_forget(struct engine *engine, uint32_t campaign_id);
