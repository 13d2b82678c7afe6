/* SPDX-License-Identifier: MIT */
/*
 * internal.h - the engine's own structures; nobody outside src/engine includes it.
 *
 * Who does what:
 *   engine.c     life, look-ups, restore
 *   step.c       an event to the flow it concerns; timers
 *   campaign.c   campaigns: starting members, forming cohorts, ending
 *   waves.c      their waves: who may begin, gates, soak, approval (waves.h)
 *   precondition.c whom a campaign leaves alone (precondition.h)
 *   claim.c      which campaign has a device (claim.h)
 *   member.c     one device: its records, its commands, its outcome
 *   answer.c     what its answers do
 *   silence.c    what it means when there is none: evidence, time, abort
 *   install.c    when it reboots, and what proves it
 *   report.c     State and Update Result: what its answers say of them, what it reports
 *   uplink.c     an uplink to commands, stateless answers, what is learned of the device
 *   load.c       how much gateways listen
 *   round.c      who shares a transmission
 *   limits.c     what a profile says of a device, and who can be sent the same fragments
 *   cohort.c     the transmission of a cohort: plan, lanes, who joins it
 *   setup.c      a transmission up to its session: key, group, members
 *   dates.c      when its sessions are
 *   term.c       when the campaign begins and has to end
 *   session.c    a transmission in its session: fragments, polls, confirmation, end
 *   frame.c      one frame to every lane, in lock-step, and what the server says of it
 *   lane.c       its lanes: groups opened and closed, a lane that is lost
 *   group.c      address and key that devices keep for later transmissions
 *   air.c        ledgers: may this frame be sent, and when
 *
 * Every flow function takes the engine first; engine->out is the list of the step.
 */
#pragma once

#include "base/prng.h"
#include "campaign/calendar.h"
#include "campaign/link.h"
#include "campaign/member.h"
#include "campaign/partition.h"
#include "campaign/plan.h"
#include "codec/frag.h"
#include "engine/engine.h"
#include "engine/timers.h"
#include "fec/encode.h"
#include "fec/sequence.h"
#include "radio/ledger.h"

struct campaign;
struct transmission;
struct member;
struct wave;

/* The turns of a data rate are the same for all transmissions of a fleet. */
struct grid {
    uint16_t turn_count; /* 0: none yet */
    int64_t interval_us;
    size_t member_count; /* of the round that made it */
};

struct fleet {
    struct engine_fleet def;
    const struct region *region;
    struct grid grids[REGION_DR_COUNT];
};

struct device {
    struct device_rec rec;
    struct fleet *fleet;
    const struct profile *profile; /* of its own; see device_profile() */
    struct member *active;         /* in the campaign that is updating it; NULL: none */
    struct report_rec *report;     /* NULL: it has reported nothing in LwM2M */
    struct utc stored;             /* when rec was last stored */
    uint32_t f_cnt;   /* of its last uplink, if there was one since the start */
    uint8_t dr;       /* of its last uplink; ENGINE_DR_UNKNOWN */
    uint8_t sent;     /* uplinks that were counted, and that nobody heard: */
    uint8_t unheard;  /* see uplink.c */
    bool counted;     /* f_cnt is known */
    bool maintenance; /* see engine_set_maintenance() */
    bool told_before; /* a command of a transmission it has left may still reach it */
};

struct member {
    struct member_rec rec;
    struct campaign *campaign;
    struct transmission *transmission; /* NULL: none */
    struct device *device;
    uint32_t slot;
    uint32_t seat;                    /* its place in transmission->members */
    struct gateway_ledger *queued_at; /* the command under way counts there; NULL */
    int64_t queued_us;
    uint8_t command_len;
    bool held;        /* there was no airtime for its command: again when it speaks */
    uint8_t tail;     /* STATUS: fragments to be sent before it is asked */
    uint8_t tails;    /* begun in this transmission */
    uint8_t evidence; /* uplinks since the command that were no answer to it */
    uint8_t rests;    /* of this phase: its command was given up for a while */
    uint8_t regroups; /* set up anew, because its group was gone */
    bool has_key;
    bool has_mic;
    bool asked_key; /* the driver is at it */
    bool asked_mic;
    bool unsure;           /* never said that it agreed to the first session */
    uint16_t denied_n;     /* news_n when it said that it has no image; 0: news since */
    uint16_t told_n;       /* news_n when it said what it misses; 0: news since */
    bool polled;           /* answered the poll under way */
    bool reboot_doubtful;  /* DevRebootCountdownReq was never answered */
    bool aborted;          /* with its campaign, since the start */
    bool undone;           /* ... was told to delete the image */
    bool in_round;         /* a round is due that will look at it */
    bool waits_for_result; /* it reported State 0, see fw_view */
    bool denies_time;      /* DevRebootTimeReq is of no use to it, see install.h */
    bool version_proven;
    uint16_t uplinks; /* since its reboot */
    uint8_t reboots;  /* times it was asked for because of that doubt */
    uint8_t wrapped[16];
    uint8_t mic[4];
};

/* The answer of the server that a lane waits for. */
enum lane_wait {
    LANE_WAIT_NONE,
    LANE_WAIT_GROUP,
    LANE_WAIT_FRAME,
    LANE_WAIT_QUEUE,
};

struct lane {
    struct lane_rec rec;
    struct gateway_ledger *ledgers[RECORD_GATEWAY_MAX]; /* NULL: not looked up yet */
    enum lane_wait waiting;
    struct utc asked_at; /* since when */
    struct utc due;      /* when it takes the frame under way */
    struct utc retry_at; /* the server is left alone until then */
    uint32_t row_count;  /* rows in its queue, as far as known */
    uint8_t failures;    /* in a row, of calls to the server */
    struct utc stuck_at; /* since then it takes nothing; 0: it does */
    bool away;           /* the last of them: the server cannot be reached */
    bool drained;        /* its queue is empty, or was given up */
    int64_t charged_us;  /* for the frame under way; 0: before a restart */
    struct utc charged_at;
};

struct transmission {
    struct transmission_rec rec;
    struct campaign *campaign;
    struct lane *lanes;
    struct member **members; /* in any order */
    size_t member_count;
    size_t member_cap;
    struct plan plan;
    struct fec_encoder encoder;
    const struct fec_sequence *sequence;
    uint32_t slot;
    size_t pump;          /* members[0..pump) are still to be told, see setup.c */
    int64_t slot_us;      /* turn of a colour */
    struct utc frame_at;  /* start of the interval of the frame under way, or the next */
    struct utc behind_at; /* the first lane took it; UTC_NEVER: none has */
    uint8_t frame_len;    /* 0: to be built */
    uint8_t frame[255];
    int64_t frame_airtime_us;
    int64_t lead_us;     /* of the session dated last */
    int64_t patience_us; /* campaign_patience_us() when the phase began */
    uint32_t remaining;  /* work that was left at progress_at, see setup.c */
    struct utc progress_at;
    struct utc tail_until;      /* so long unicast fragments are given */
    uint16_t session_first_n;   /* next_n when the session began */
    uint16_t news_n;            /* next_n behind the last fragment that was sent to all */
    uint8_t idle_sessions;      /* in a row, without a single fragment */
    uint8_t polls;              /* since the last fragment to all */
    uint32_t sessions_cut;      /* that ended where they had to, and were used */
    struct utc flush_at;        /* what is queued then is dropped; UTC_NEVER */
    enum plan_error plan_error; /* after a restart: why there is no plan any more */
    uint32_t groups_found;      /* members that had the group from before, and had not */
    uint32_t groups_lost;
    uint32_t by_phase[MEMBER_PHASE_COUNT]; /* its members */
};

/* An address and its McKey: of a transmission, or kept for a later one. */
struct group {
    struct group_rec rec;
    bool kept;             /* it has a slot, and is stored */
    bool spent;            /* not to be kept */
    uint32_t device_count; /* who has it */
    uint32_t tally;        /* of the members that are looked at */
};

struct campaign {
    struct campaign_rec rec;
    struct engine *engine;
    struct campaign *next_changed;
    struct engine_campaign def;
    struct fleet *fleet;
    struct member *members; /* ascending by DevEUI */
    size_t member_count;
    struct member **live; /* all that have not ended, perhaps others; NULL: not listed */
    size_t live_count;
    struct transmission **transmissions; /* in order of id, but for a restore */
    size_t transmission_count;
    size_t transmission_cap;
    size_t transmissions_open;   /* not TX_ENDED */
    size_t transmissions_active; /* before TX_DRAIN */
    struct campaign_counts counts;
    uint32_t by_phase[MEMBER_PHASE_COUNT];
    struct utc since;      /* started, resumed or restored: silence counts from here */
    size_t pump;           /* the next member to be started */
    struct utc silence_at; /* who is silent by then is given up */
    struct utc round_at;   /* of the next round; UTC_NEVER: none is due */
    int64_t interval_us;   /* campaign_interval_us() of all, until interval_until */
    struct utc interval_until;
    size_t in_round;             /* READY members that wait for it */
    struct wave *waves;          /* of def.spec->rollout; NULL: it runs without */
    size_t entered;              /* the next member to be let in, see waves.h */
    bool wave_due;               /* something happened that a gate may judge */
    struct calendar_span *spans; /* its windows; NULL: always */
    size_t span_count;
    uint32_t slot;
    bool changed;   /* to be stored and published at the end of the step */
    bool term_over; /* what the deadline ends is ended */
};

enum owner_kind { OWNER_MEMBER, OWNER_TRANSMISSION, OWNER_CAMPAIGN };

struct owner {
    enum owner_kind kind;
    void *object;
};

struct gateway_ledger {
    uint64_t gateway;
    const struct subband *band;
    struct ledger ledger;
    struct transmission **open; /* that use it, not ended */
    size_t open_count;
    struct utc air_from; /* the frame handed over last is on air in between */
    struct utc air_until;
    int64_t queued_us;              /* commands that wait for an uplink to leave */
    uint16_t turn[REGION_DR_COUNT]; /* in the grid of its fleet; PARTITION_NO_TURN */
    uint32_t number;                /* in the round of that number */
    uint32_t round;
};

struct gateway_load {
    uint64_t gateway; /* 0: none */
    struct link_load load;
};

/* Gateways of a round by the number that the partition knows them by. */
struct numbered {
    struct gateway_ledger **gateways;
    size_t count;
    size_t cap;
};

/* A cohort to be made a transmission. */
struct cohort {
    uint8_t ts004;
    uint8_t ts005;
    uint8_t copies;
    uint8_t lane_count;
    uint8_t colour_count;
    uint32_t dr;          /* SPEC_AUTO_U32: by the weakest device */
    uint32_t size_bytes;  /* SPEC_AUTO_U32 */
    uint32_t coded_first; /* SPEC_AUTO_U32 */
    struct fragplan_limits limits;
    int64_t interval_us;          /* 0: by the plan */
    const struct lane_rec *lanes; /* colour and gateways */
};

struct engine {
    struct engine_config config;
    struct prng prng;
    struct fleet **fleets;
    size_t fleet_count;
    struct device **devices; /* hash table by DevEUI, open addressing */
    size_t device_count;
    size_t device_cap;           /* a power of two */
    struct campaign **campaigns; /* ascending by id */
    size_t campaign_count;
    struct campaign *changed; /* list of those to be stored at the end of the step */
    struct transmission **transmissions; /* ascending by id */
    size_t transmission_count;
    size_t transmission_cap;
    struct group **groups; /* ascending by id */
    size_t group_count;
    struct gateway_ledger **ledgers; /* ascending by gateway, then band */
    size_t ledger_count;
    size_t ledger_cap;
    struct gateway_ledger **ledger_table; /* hash table of the same, a power of two */
    size_t ledger_table_cap;
    struct gateway_load *loads; /* hash table, a power of two */
    size_t load_count;
    size_t load_cap;
    struct fec_sequence **sequences; /* by version and M, as they are needed */
    size_t sequence_count;
    uint32_t round; /* rounds formed */
    struct timers timers;
    struct owner *owners; /* by slot */
    size_t owner_cap;
    uint32_t next_transmission;
    uint32_t next_command;
    struct instant now;
    struct utc utc;
    struct utc resumed_at; /* before it nobody listened for away_us */
    int64_t away_us;
    struct effects *out; /* of the step under way */
};

enum {
    PUMP_MEMBERS = 256, /* members served in one go, so that a step stays short */
    EVIDENCE_SENT =
        1, /* uplinks without the answer, when it was due, before asking again */
    EVIDENCE_UNSENT = 2, /* ... when the server never said it was sent */
};

/* engine.c */
uint32_t engine_new_slot(struct engine *e, enum owner_kind kind, void *object);
struct device *engine_find_device(const struct engine *e, uint64_t dev_eui);
struct campaign *engine_find_campaign(const struct engine *e, uint32_t id);
struct transmission *engine_find_transmission(const struct engine *e, uint32_t id);
struct fleet *engine_find_fleet(const struct engine *e, uint32_t id);
struct member *campaign_find_member(const struct campaign *c, uint64_t dev_eui);
struct campaign *engine_new_campaign(struct engine *e, const struct engine_campaign *def);
struct transmission *engine_new_transmission(struct engine *e, struct campaign *c,
                                             const struct transmission_rec *rec);
/* As many as rec.lane_count says. */
void engine_new_lanes(struct transmission *t);
void engine_remember_id(struct engine *e, uint32_t transmission_id);
struct utc engine_in(const struct engine *e, int64_t delay_us);
void engine_set_timer(struct engine *e, uint32_t slot, struct utc when);
/* The timer, unless an earlier one is set already. */
void engine_wake(struct engine *e, uint32_t slot, struct utc when);
struct effect *engine_emit(struct engine *e, enum effect_type type,
                           const struct fleet *f);
void *engine_grow(void *items, size_t count, size_t size);
void *engine_zeroed(size_t count, size_t size);

/* campaign.c */
void campaign_start(struct engine *e, const struct engine_campaign *def);
void campaign_tick(struct engine *e, struct campaign *c);
void campaign_control(struct engine *e, struct campaign *c, enum engine_control verb,
                      const char *reason);
/* See ENGINE_APPROVE. */
void campaign_approve(struct engine *e, struct campaign *c, uint8_t wave);
void campaign_pause(struct engine *e, struct campaign *c, const char *reason);
void campaign_touch(struct campaign *c);
/* The only one that writes rec.phase. */
void campaign_enter(struct campaign *c, enum campaign_phase phase, const char *reason);
void campaign_begin_waiting(struct engine *e, struct campaign *c);
void campaign_flush_changes(struct engine *e);
bool campaign_runs(const struct campaign *c);
/* Neither ended nor being aborted. */
bool campaign_is_live(const struct campaign *c);
/* Members that are still being discovered. */
uint32_t campaign_undecided(const struct campaign *c);
void campaign_clock_step(struct engine *e, struct campaign *c, int64_t delta_us);
void campaign_alert(struct engine *e, const struct campaign *c, const char *text);
/* How long to wait for members that talk every so often; see campaign.c. */
int64_t campaign_patience_us(const struct engine *e, struct campaign *c,
                             const struct transmission *t);
/* Of the slowest tenth of its members that are known, or a guess. t: of those in it. */
int64_t campaign_interval_us(const struct engine *e, struct campaign *c,
                             const struct transmission *t);
void campaign_member_settled(struct engine *e, struct campaign *c);
void campaign_member_taken(struct member *m);
/* An abort comes to the members a few at a time: to this one now. */
void campaign_catch_up(struct engine *e, struct member *m);

#define START_MARGIN_US  SECONDS_US(5)  /* clock error and the change of class */
#define SESSION_GUARD_US SECONDS_US(10) /* nothing is sent that late in a session */

/* A request whose answer was lost may reach the server that much later. */
#define SETTLE_US SECONDS_US(2)

/* How long after a reboot, and how often then, to ask what runs. */
#define MEMBER_AFTER_REBOOT_US SECONDS_US(20)
#define MEMBER_ASK_AGAIN_US    MINUTES_US(10)

/* member.c */
/* Into a transmission, or out of it (NULL); keeps the counts by phase. */
void member_attach(struct member *m, struct transmission *t);
/* In place of the record, as stored. */
void member_replace(struct member *m, const struct member_rec *rec,
                    struct transmission *t);
/* It has to wait for its wave or its device. Not stored. */
void member_hold(struct member *m);
/* When the phase it is in ends without an answer; UTC_NEVER: others see to it. */
struct utc member_limit(const struct member *m);
void member_store(struct engine *e, struct member *m);
void member_enter(struct engine *e, struct member *m, enum member_phase phase);
void member_send(struct engine *e, struct member *m);
/* No command is under way any more. */
void member_drop_command(struct member *m);
/* Was what was sent a fragment of its tail? */
bool member_tail_sent(struct engine *e, struct member *m);
/* The device did not have the last try. */
void member_forget_try(struct member *m);
/* member_enter(), then member_send(). */
void member_ask(struct engine *e, struct member *m, enum member_phase phase);
void member_flush_queue(struct engine *e, struct member *m);
/* The same, for good: what it was told belongs to nothing any more. */
void member_part_with(struct engine *e, struct member *m);
void member_end(struct engine *e, struct member *m, enum outcome outcome,
                enum member_reason reason, enum fw_evidence seen);
/* Out of this transmission: to the next one if it may, else failed. */
void member_leave(struct engine *e, struct member *m, enum outcome outcome,
                  enum member_reason reason, enum fw_evidence seen);
/* It was not set up in time: that is no failed attempt, if it does not go on. */
void member_leave_late(struct engine *e, struct member *m);
bool member_in_session(const struct member *m);
struct member_context member_context_of(const struct member *m);

/* answer.c */
void member_begin(struct engine *e, struct member *m);
void member_take_answer(struct engine *e, struct member *m,
                        const struct member_answer *a);
void member_ask_next_package(struct engine *e, struct member *m);
/* After the block and before the end: what runs is of interest. */
bool member_may_be_updated(const struct member *m);
/* The new version runs. */
void member_verified(struct engine *e, struct member *m);
/* It has the block, or is believed to: on to its image. missing: what it last said. */
void member_take_block(struct engine *e, struct member *m, uint16_t missing);
void member_await_reboot(struct engine *e, struct member *m);

/* proof.c */
/* Members that are believed to have the block, and have not answered yet. */
uint32_t proof_pending(const struct transmission *t);
/* Of a member in its session: has it the block, or what is missing? */
void proof_ask(struct engine *e, struct member *m);
void proof_take_status(struct engine *e, struct member *m, const struct member_answer *a);
/* True: it was believed to have the image, and goes on where it was. */
bool proof_take_denial(struct engine *e, struct member *m, const struct member_answer *a);

/* silence.c */
void member_note_evidence(struct engine *e, struct member *m, struct utc received);
void member_clock_step(struct member *m, int64_t delta_us);
void member_abort(struct engine *e, struct member *m);
void member_tick(struct engine *e, struct member *m);
void member_resume(struct engine *e, struct member *m);
void member_on_result(struct engine *e, struct member *m, uint64_t id, int err);
void member_on_fate(struct engine *e, struct member *m, const struct engine_event *event);

/* uplink.c */
void uplink_take(struct engine *e, const struct engine_event *event);
void uplink_take_status(struct engine *e, const struct engine_event *event);
/* Uplinks of the device that no gateway hears, in a million. */
uint32_t device_unheard_ppm(const struct device *d);
void device_store(struct engine *e, struct device *d);

/* round.c */
bool member_has_packages(const struct member *m);
struct utc member_ready_from(const struct member *m);
/* Everybody who can be, into transmissions. */
void round_form(struct engine *e, struct campaign *c);
/* The member is READY: into a transmission that is being set up, or the next round. */
void round_wish(struct engine *e, struct member *m);
/* A session begins without some of its members: they need not wait for more company. */
void round_soon(struct engine *e, struct campaign *c);
/* Is there nobody left to wait for? Then the round is now. */
void round_look(struct engine *e, struct campaign *c);

/* load.c */
/* An uplink that the gateway heard. */
void load_note(struct engine *e, uint64_t gateway, struct utc received,
               int64_t airtime_us);

/* grid.c */
/* Those that hold for a round of so many members, at most one a data rate; *turns is to be
 * freed. */
size_t grid_known(struct engine *e, const struct fleet *f, size_t member_count,
                  const struct numbered *n, struct partition_grid *grids,
                  uint16_t **turns);
void grid_learn(struct fleet *f, size_t member_count, const struct numbered *n,
                const struct partition *p);
/* After a restart, from a transmission that is under way. */
void grid_restore(struct engine *e, const struct transmission *t);

/* cohort.c */
enum plan_error cohort_form(struct engine *e, struct campaign *c,
                            const struct cohort *cohort, struct member *const *members,
                            size_t count);
bool cohort_join(struct engine *e, struct member *m);
void cohort_enlist(struct engine *e, struct transmission *t);
void cohort_strike(struct engine *e, struct transmission *t);
void transmission_plan(struct transmission *t);

/* setup.c */
void transmission_store(struct engine *e, struct transmission *t);
void transmission_enter(struct engine *e, struct transmission *t, enum tx_phase phase);
void transmission_tick(struct engine *e, struct transmission *t);
void transmission_on_key(struct engine *e, struct transmission *t, uint32_t mc_addr);
void transmission_opened(struct engine *e, struct transmission *t);
/* No group is left at the server. */
void transmission_end(struct engine *e, struct transmission *t);
/* After a restart; before it nobody listened for away_us. */
void transmission_resume(struct engine *e, struct transmission *t, int64_t away_us);
/* After a pause: time passed in which nobody could be asked. */
void transmission_go_on(struct engine *e, struct transmission *t);
void transmission_member_changed(struct engine *e, struct transmission *t);
void transmission_clock_step(struct engine *e, struct transmission *t, int64_t delta_us);
/* Calls fn for members not yet served in this phase, a few at a time; true: for all. */
bool transmission_pump(struct engine *e, struct transmission *t,
                       void (*fn)(struct engine *e, struct member *m));
/* Its members in the phases first to last. */
uint32_t transmission_count(const struct transmission *t, enum member_phase first,
                            enum member_phase last);
/* Wait on for members: patience is not over, or was well used; wakes the transmission. */
bool transmission_has_patience(struct engine *e, struct transmission *t,
                               uint32_t remaining, int64_t patience_us);

/* dates.c */
/* Date the next session and tell the members that take part. */
void transmission_date(struct engine *e, struct transmission *t);
/* From now to a session that would be dated now: uplinks that its members need. */
int64_t transmission_lead_us(const struct engine *e, const struct transmission *t);
void dates_set_windows(struct campaign *c, const struct engine_windows *windows);
void dates_take_windows(struct engine *e, const struct engine_windows *windows);
/* Until when its windows are open from `at` on: `at` itself if they are not. */
struct utc dates_open_until(const struct campaign *c, struct utc at);
/* Nothing of its session is sent later. */
struct utc dates_until(const struct engine *e, const struct transmission *t);
bool dates_hold(const struct engine *e, const struct transmission *t);
/* Its session ended because a window did, or because none may last longer. */
bool dates_were_cut(const struct transmission *t);
void dates_watch_queue(struct engine *e, struct transmission *t);

/* session.c */
void session_tick(struct engine *e, struct transmission *t);
void session_begin(struct engine *e, struct transmission *t);
/* Nobody who is still in it can be helped by it. */
void session_fail_rest(struct engine *e, struct transmission *t);
void session_finish(struct engine *e, struct transmission *t);
void session_stop(struct engine *e, struct transmission *t);
/* A new date for who was told the old one. */
void session_date_again(struct engine *e, struct transmission *t);

/* The frame under way is with every lane. */
void session_frame_done(struct engine *e, struct transmission *t);
/* No lane is left. */
void session_lanes_lost(struct engine *e, struct transmission *t);
size_t session_payload(const struct transmission *t, bool status, uint8_t buf[255]);

/* lane.c */
struct lane *lane_at(struct transmission *t, uint8_t no);
void lane_store(struct engine *e, const struct lane *l);
/* Not lost, with a group at the server. */
bool lane_is_live(const struct lane *l);
uint32_t lanes_live(const struct transmission *t);
/* Gateways of the lanes that are not lost. */
uint32_t lanes_gateways(const struct transmission *t);
/* An answer is due; but not for ever: what was asked can be asked again. */
void lane_await(struct engine *e, struct transmission *t, struct lane *l,
                enum lane_wait what);
bool lane_awaits(struct engine *e, struct transmission *t, struct lane *l);
void lane_note_stuck(const struct engine *e, struct lane *l);
/* Leave the server alone, longer at each failure in a row. True: for too long. */
bool lane_backoff(struct engine *e, struct transmission *t, struct lane *l, int err);
/* Nothing more is sent by it. */
void lane_lose(struct engine *e, struct transmission *t, struct lane *l);
void lane_poll_queue(struct engine *e, struct transmission *t, struct lane *l);
void lanes_flush(struct engine *e, struct transmission *t);
/* transmission_opened() when all are open or given up. */
void lanes_open(struct engine *e, struct transmission *t);
void lanes_drain(struct engine *e, struct transmission *t);
void lanes_close(struct engine *e, struct transmission *t);
void lane_on_group(struct engine *e, struct transmission *t, struct lane *l,
                   const struct engine_event *event);
/* The server refuses for good to tell: as if it had been drained. */
void lane_not_told(struct engine *e, struct transmission *t, struct lane *l);
void lane_on_drained(struct engine *e, struct transmission *t, struct lane *l,
                     uint32_t frame_count);
/* How far the group's counter, as the server tells it, is beyond the frame under way. */
int32_t lane_ahead(const struct lane *l, uint32_t f_cnt);
void lanes_clock_step(struct transmission *t, int64_t delta_us);
void lanes_resume(struct engine *e, struct transmission *t);

/* A group whose counter is beyond is not begun with: devices would be deaf (13). */
#define F_CNT_NEW (0xffffu - 2 * FRAG_COUNT_MAX)

/* frame.c */
/* When the first frame after now may begin. */
void frame_schedule(struct engine *e, struct transmission *t);
/* When it is to begin. */
struct utc frame_due(const struct transmission *t);
/* Begin the next frame, to be handed to every lane. */
void frame_begin(struct engine *e, struct transmission *t, bool status);
/* Hand the frame under way to lanes that have not taken it; final: to none any more, only
 * settle what is open. True: no answer is open. */
bool frame_tick(struct engine *e, struct transmission *t, bool final);
void frame_on_result(struct engine *e, struct transmission *t, struct lane *l, int err,
                     uint32_t f_cnt);
void frame_on_queue(struct engine *e, struct transmission *t, struct lane *l,
                    const struct engine_event *event);

/* air.c */
/* The earliest time from `from` on at which every gateway of the lane may send so much. */
struct utc air_earliest(struct engine *e, struct transmission *t, struct lane *l,
                        struct utc from, int64_t airtime_us);
/* Whether all that a session has to send fits what its gateways may use in an hour. */
bool air_pass_fits(struct engine *e, struct transmission *t, struct utc at);
/* From when on it does, so that no session stops half way with its devices listening. */
struct utc air_pass_from(struct engine *e, struct transmission *t, struct utc from);
void air_charge(struct engine *e, struct transmission *t, struct lane *l, struct utc at,
                int64_t airtime_us);
/* The pending frame was not taken. The stored charge stays: that errs upward. */
void air_refund(struct engine *e, struct transmission *t, struct lane *l);
/* Whether a command may be handed over now; then it counts until it is dropped. */
bool air_admit_command(struct engine *e, struct member *m, size_t len);
void air_drop_command(struct member *m);
/* It has left; gateway, frequency_hz 0: nobody knows where. */
void air_charge_command(struct engine *e, struct member *m, uint64_t gateway,
                        uint32_t frequency_hz, uint8_t dr);
struct gateway_ledger *air_ledger(struct engine *e, const struct fleet *f,
                                  uint64_t gateway, uint32_t frequency_hz);
void air_clock_step(struct engine *e, int64_t delta_us);
/* Charges from a future that a clock set back has made: they count as of now. */
void air_resume(struct engine *e);
