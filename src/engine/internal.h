/* SPDX-License-Identifier: MIT */
/*
 * internal.h - the engine's own structures; nobody outside src/engine includes it.
 *
 * Who does what:
 *   engine.c     life, look-ups, restore
 *   step.c       an event to the flow it concerns; timers
 *   campaign.c   campaigns: starting members, forming cohorts, ending
 *   member.c     one device: its records, its commands, its outcome
 *   answer.c     what its answers do
 *   silence.c    what it means when there is none: evidence, time, abort
 *   uplink.c     an uplink to commands, stateless answers, what is learned of the device
 *   cohort.c     who shares a transmission, and its plan
 *   setup.c      a transmission up to its session: key, group, members, date
 *   session.c    a transmission in its session: fragments, polls, confirmation, end
 *   queue.c      its frames in the server's queue
 *   air.c        ledgers: may this frame be sent, and when
 *
 * Every flow function takes the engine first; engine->out is the list of the step.
 */
#pragma once

#include "base/prng.h"
#include "campaign/link.h"
#include "campaign/member.h"
#include "campaign/plan.h"
#include "engine/engine.h"
#include "engine/timers.h"
#include "fec/encode.h"
#include "radio/ledger.h"

struct campaign;
struct transmission;
struct member;

struct fleet {
    struct engine_fleet def;
    const struct region *region;
    struct fragplan_limits limits;
};

struct device {
    struct device_rec rec;
    struct fleet *fleet;
    struct member *active; /* in the campaign that is updating it; NULL: none */
    struct utc stored;     /* when rec was last stored */
};

struct member {
    struct member_rec rec;
    struct campaign *campaign;
    struct transmission *transmission; /* NULL: none */
    struct device *device;
    uint32_t slot;
    uint8_t evidence; /* uplinks since the command that were no answer to it */
    bool has_key;
    bool has_mic;
    bool asked_key; /* the driver is at it */
    bool asked_mic;
    bool polled;          /* answered the poll under way */
    bool reboot_doubtful; /* DevRebootCountdownReq was never answered */
    bool undone;          /* aborted: was told to delete the image */
    uint8_t reboots;      /* times it was asked for because of that doubt */
    uint8_t wrapped[16];
    uint8_t mic[4];
};

/* The answer of the driver or the server that a transmission waits for. */
enum tx_wait {
    TX_WAIT_NONE,
    TX_WAIT_GROUP,
    TX_WAIT_FRAME,
    TX_WAIT_QUEUE,
};

struct transmission {
    struct transmission_rec rec;
    struct campaign *campaign;
    struct plan plan;
    struct fec_encoder encoder;
    uint32_t slot;
    uint32_t row_count; /* rows in the server's queue, as far as known */
    size_t pump;        /* the next member to be told, see setup.c */
    enum tx_wait waiting;
    struct utc asked_at; /* since when */
    uint8_t failures;    /* in a row, of calls to the server */
    struct utc next_frame;
    int64_t lead_us;     /* of the session dated last; 0: before a restart */
    int64_t patience_us; /* campaign_patience_us() when the phase began */
    uint32_t remaining;  /* work that was left at progress_at, see setup.c */
    struct utc progress_at;
    int64_t charged_us; /* for the pending frame; 0: before a restart */
    struct utc charged_at;
    uint16_t session_first_n;   /* next_n when the session began */
    uint8_t idle_sessions;      /* in a row, without a single fragment */
    enum plan_error plan_error; /* after a restart: why there is no plan any more */
    uint32_t by_phase[MEMBER_PHASE_COUNT]; /* its members */
};

struct campaign {
    struct campaign_rec rec;
    struct engine_campaign def;
    struct fleet *fleet;
    struct member *members; /* ascending by DevEUI */
    size_t member_count;
    struct transmission **transmissions;
    size_t transmission_count;
    struct campaign_counts counts;
    uint32_t by_phase[MEMBER_PHASE_COUNT];
    struct utc since; /* started, resumed or restored: silence counts from here */
    size_t pump;      /* the next member to be started */
    uint32_t slot;
    bool changed; /* to be stored and published at the end of the step */
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
    struct gateway_ledger **ledgers;
    size_t ledger_count;
    struct timers timers;
    struct owner *owners; /* by slot */
    size_t owner_cap;
    uint32_t next_transmission;
    uint32_t next_command;
    struct instant now;
    struct utc utc;
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
void engine_remember_id(struct engine *e, uint32_t transmission_id);
struct utc engine_in(const struct engine *e, int64_t delay_us);
void engine_set_timer(struct engine *e, uint32_t slot, struct utc when);
/* The timer, unless an earlier one is set already. */
void engine_wake(struct engine *e, uint32_t slot, struct utc when);
struct effect *engine_emit(struct engine *e, enum effect_type type,
                           const struct fleet *f);
void *engine_grow(void *items, size_t count, size_t size);

/* campaign.c */
void campaign_start(struct engine *e, const struct engine_campaign *def);
void campaign_tick(struct engine *e, struct campaign *c);
void campaign_control(struct engine *e, struct campaign *c, enum engine_control verb,
                      const char *reason);
void campaign_pause(struct engine *e, struct campaign *c, const char *reason);
void campaign_touch(struct campaign *c);
void campaign_flush_changes(struct engine *e);
bool campaign_runs(const struct campaign *c);
/* Neither ended nor being aborted. */
bool campaign_is_live(const struct campaign *c);
/* Members that are still being discovered. */
uint32_t campaign_undecided(const struct campaign *c);
void campaign_clock_step(struct engine *e, struct campaign *c, int64_t delta_us);
void campaign_alert(struct engine *e, const struct campaign *c, const char *text);
/* How long to wait for members that talk every so often; see campaign.c. */
int64_t campaign_patience_us(const struct engine *e, const struct campaign *c,
                             const struct transmission *t);
void campaign_member_settled(struct engine *e, struct campaign *c);

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
/* When the phase it is in ends without an answer; UTC_NEVER: others see to it. */
struct utc member_limit(const struct member *m);
void member_store(struct engine *e, struct member *m);
void member_enter(struct engine *e, struct member *m, enum member_phase phase);
void member_send(struct engine *e, struct member *m);
/* The device did not have the last try. */
void member_forget_try(struct member *m);
/* member_enter(), then member_send(). */
void member_ask(struct engine *e, struct member *m, enum member_phase phase);
void member_flush_queue(struct engine *e, struct member *m);
void member_set_fw(struct engine *e, struct member *m, enum fw_state state,
                   enum fw_result result);
void member_end(struct engine *e, struct member *m, enum outcome outcome,
                enum member_reason reason, enum fw_result result);
/* Out of this transmission: to the next one if it may, else failed. */
void member_leave(struct engine *e, struct member *m, enum outcome outcome,
                  enum member_reason reason, enum fw_result result);
bool member_in_session(const struct member *m);
struct member_context member_context_of(const struct member *m);

/* answer.c */
void member_begin(struct engine *e, struct member *m);
void member_take_answer(struct engine *e, struct member *m,
                        const struct member_answer *a);
void member_ask_next_package(struct engine *e, struct member *m);
void member_await_reboot(struct engine *e, struct member *m);

/* silence.c */
void member_note_evidence(struct engine *e, struct member *m, struct utc received);
void member_clock_step(struct member *m, int64_t delta_us);
void member_abort(struct engine *e, struct member *m);
void member_tick(struct engine *e, struct member *m);
void member_resume(struct engine *e, struct member *m);
void member_on_result(struct engine *e, struct member *m, uint64_t id, int err);
void member_on_fate(struct engine *e, struct member *m, uint64_t id,
                    enum engine_fate fate);

/* uplink.c */
void uplink_take(struct engine *e, const struct engine_event *event);
void device_store(struct engine *e, struct device *d);

/* cohort.c */
void transmission_create(struct engine *e, struct campaign *c);
void transmission_plan(struct transmission *t);

/* setup.c */
void transmission_store(struct engine *e, struct transmission *t);
void transmission_enter(struct engine *e, struct transmission *t, enum tx_phase phase);
void transmission_tick(struct engine *e, struct transmission *t);
void transmission_on_key(struct engine *e, struct transmission *t, uint32_t mc_addr);
void transmission_on_group(struct engine *e, struct transmission *t,
                           const struct engine_event *event);
void transmission_resume(struct engine *e, struct transmission *t);
/* After a pause: time passed in which nobody could be asked. */
void transmission_go_on(struct engine *e, struct transmission *t);
void transmission_member_changed(struct engine *e, struct transmission *t);
/* Date the next session and tell the members that take part. */
void transmission_date(struct engine *e, struct transmission *t);
bool transmission_backoff(struct engine *e, struct transmission *t);
void transmission_clock_step(struct engine *e, struct transmission *t, int64_t delta_us);
/* Its members in the phases first to last. */
uint32_t transmission_count(const struct transmission *t, enum member_phase first,
                            enum member_phase last);
/* An answer is due; but not for ever: what was asked can be asked again. */
void transmission_await(struct engine *e, struct transmission *t, enum tx_wait what);
bool transmission_awaits(struct engine *e, struct transmission *t);
/* Wait on for members: patience is not over, or was well used; wakes the transmission. */
bool transmission_has_patience(struct engine *e, struct transmission *t,
                               uint32_t remaining, int64_t patience_us);

/* session.c */
void session_tick(struct engine *e, struct transmission *t);
void session_begin(struct engine *e, struct transmission *t);
/* Nobody who is still in it can be helped by it. */
void session_fail_rest(struct engine *e, struct transmission *t);
/* Leave the session alone: nobody in it needs anything more. */
void session_finish(struct engine *e, struct transmission *t);
void session_stop(struct engine *e, struct transmission *t);
/* A new date for who was told the old one. */
void session_date_again(struct engine *e, struct transmission *t);

/* queue.c */
void session_poll_queue(struct engine *e, struct transmission *t);
void session_flush_queue(struct engine *e, const struct transmission *t);
/* Rows that may wait there at most. */
uint32_t session_rows_wanted(const struct transmission *t);
void session_on_result(struct engine *e, struct transmission *t, int err, uint32_t f_cnt);
void session_on_queue(struct engine *e, struct transmission *t,
                      const struct engine_event *event);

/* air.c */
/* The earliest time at which every gateway of the transmission may send the frame. */
struct utc air_earliest(struct engine *e, struct transmission *t, int64_t airtime_us);
void air_charge(struct engine *e, struct transmission *t, int64_t airtime_us);
/* The pending frame was not taken. The stored charge stays: that errs upward. */
void air_refund(struct engine *e, struct transmission *t);
struct gateway_ledger *air_ledger(struct engine *e, const struct fleet *f,
                                  uint64_t gateway, uint32_t frequency_hz);
void air_clock_step(struct engine *e, int64_t delta_us);
/* Charges from a future that a clock set back has made: they count as of now. */
void air_resume(struct engine *e);
