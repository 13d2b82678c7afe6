/* SPDX-License-Identifier: MIT */
/*
 * internal.h - the engine's own structures; nobody outside src/engine includes it.
 *
 * Who does what; a flow is declared in the header named behind it, else in its own:
 *   engine.c     life, look-ups, restore (engine.h, this header)
 *   step.c       an event to the flow it concerns; timers (engine.h)
 *   campaign.c   campaigns: starting members, forming cohorts, ending
 *   waves.c      their waves: who may begin, gates, soak, approval
 *   retry.c      devices that have ended go again
 *   precondition.c whom a campaign leaves alone
 *   claim.c      which campaign has a device
 *   member.c     one device: its records, its commands, its outcome
 *   answer.c     what its answers do
 *   proof.c      whether it has the block (answer.h)
 *   agree.c      which version they are to run, when nobody said it
 *   silence.c    what it means when there is none: evidence, time, abort
 *   install.c    when it reboots, and what proves it
 *   reported.c   State and Update Result: what its answers say of them, what it reports
 *   uplink.c     an uplink to commands, stateless answers, what is learned of the device
 *   load.c       how much gateways listen (uplink.h)
 *   round.c      who shares a transmission
 *   forming.c    ... by who hears whom
 *   variant.c    the full image or a delta, and back to the image when one fails
 *   limits.c     what a profile says of a device, and who can be sent the same fragments
 *   grid.c       the turns that all transmissions of a fleet keep to (round.h)
 *   cohort.c     the transmission of a cohort: plan, lanes, who joins it (round.h)
 *   member_setup.c  what a member is told before its session, and in which order
 *   setup.c      a transmission up to its session: key, group, members (session.h)
 *   dates.c      when its sessions are (session.h)
 *   term.c       when the campaign begins and has to end
 *   session.c    a transmission in its session: fragments, polls, confirmation, end
 *   repair.c     how many coded fragments follow
 *   frame.c      one frame to every lane, in lock-step, and what the server says (lane.h)
 *   lane.c       its lanes: groups opened and closed, a lane that is lost
 *   look.c       how a session for few is getting on (look.h)
 *   trim.c       lanes that nobody needs any more (trim.h)
 *   group.c      address and key that devices keep for later transmissions
 *   air.c        ledgers: may this frame be sent, and when
 *   admit.c      the same for what goes to single devices
 *   tap.c        what gateways say of frames (tap.h)
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
#include "campaign/variant.h"
#include "codec/frag.h"
#include "engine/engine.h"
#include "engine/tap.h"
#include "engine/timers.h"
#include "fec/encode.h"
#include "fec/sequence.h"
#include "radio/ledger.h"

struct campaign;
struct transmission;
struct member;
struct wave;
struct forming;

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
    uint8_t uplink_bands; /* sub-bands that its devices were heard in, by number */
    uint8_t second_pct[REGION_DR_COUNT]; /* commands that went out in the second window */
};

/* Airtime of a command under way, of which nobody knows yet how it goes out; see admit.h. */
struct admission {
    /* That may send it, each as likely; [0]: that hears the device best, 0: none is known. The
     * others end with 0. */
    uint64_t gateways[RECORD_LINK_MAX];
    uint32_t rx1_us;
    uint32_t rx2_us;
    uint32_t uplink_hz; /* that it should go out behind; 0: not known yet */
    uint8_t bands;      /* that it may go out in, by number; 0: nothing is reserved */
    uint8_t expected;   /* ... those that it should */
    uint8_t len;
};

struct device {
    struct device_rec rec;
    struct fleet *fleet;
    const struct profile *profile; /* of its own; see device_profile() */
    struct member *active;         /* in the campaign that is updating it; NULL: none */
    struct report_rec *report;     /* NULL: it has reported nothing in LwM2M */
    struct utc stored;             /* when rec was last stored */
    uint32_t
        dated_id; /* the transmission that told it a date last; 0: none since the start */
    uint32_t f_cnt;     /* of its last uplink, if there was one since the start */
    uint32_t uplink_hz; /* ... 0: unknown */
    uint64_t heard_by;  /* ... the gateway that heard it best; 0: unknown */
    uint8_t dr;         /* ... ENGINE_DR_UNKNOWN */
    uint8_t strong;     /* ... the links by their bits that it came in well by */
    uint8_t sent;       /* uplinks that were counted, and that nobody heard: */
    uint8_t unheard;    /* see uplink.c */
    bool counted;       /* f_cnt is known */
    bool server_clock;  /* its server sets its clock: nothing is said on that port */
    bool maintenance;   /* see engine_set_maintenance() */
};

/* With its share of the table of devices: four places when that has just grown. */
_Static_assert(sizeof(struct device) - sizeof(struct device_rec) + 4 * sizeof(void *) <=
                   LINK_ENGINE_BYTES,
               "what the engine keeps of a device");

struct member {
    struct member_rec rec;
    struct campaign *campaign;
    struct transmission *transmission; /* NULL: none */
    struct device *device;
    uint32_t slot;
    uint32_t seat;              /* its place in transmission->members */
    struct admission admission; /* of the command under way */
    uint8_t delays;             /* transmissions that it was late for because of `held` */
    uint8_t tail;               /* STATUS: fragments to be sent before it is asked */
    uint8_t tails;              /* begun in this transmission */
    uint8_t evidence;           /* uplinks since the command that were no answer to it */
    uint8_t rests;              /* of this phase: its command was given up for a while */
    uint8_t regroups;           /* set up anew, because its group was gone */
    uint16_t denied_n;     /* news_n when it said that it has no image; 0: news since */
    uint16_t told_n;       /* news_n when it said what it misses; 0: news since */
    uint16_t told_missing; /* ... and the count that it gave */
    uint16_t look_lost;    /* what it said at the last look, see look.h */
    uint16_t uplinks;      /* since its reboot */
    uint8_t look_missed;   /* requests since the last look */
    uint8_t reboots;       /* times it was asked for because of reboot_doubtful */
    uint8_t looks;    /* deliver.h: times that it was read since, and was as before */
    bool held : 1;    /* there was no airtime for its command: again when it speaks */
    bool delayed : 1; /* that was so in this transmission */
    bool has_key : 1;
    bool has_mic : 1;
    bool asked_key : 1; /* the driver is at it */
    bool asked_mic : 1;
    bool with_session : 1;     /* GROUP: its command asks for the session, too */
    bool apart : 1;            /* it did not answer to two commands in a message */
    bool told_both : 1;        /* ... and was sent at least once */
    bool reads_on : 1;         /* SESSION: its answer may be behind that of GROUP */
    bool has_frag : 1;         /* its decoder is set up for its transmission */
    bool unsure : 1;           /* never said that it agreed to the first session */
    bool polled : 1;           /* answered the poll under way */
    bool reboot_doubtful : 1;  /* DevRebootCountdownReq was never answered */
    bool aborted : 1;          /* with its campaign, since the start */
    bool goes_again : 1;       /* as soon as its turn comes, see retry.h */
    bool undone : 1;           /* ... was told to delete the image */
    bool in_round : 1;         /* a round is due that will look at it */
    bool waits_for_result : 1; /* it reported State 0, see fw_view */
    bool announced : 1;        /* its next version, and waits for others to: agree.h */
    bool denies_time : 1;      /* DevRebootTimeReq is of no use to it, see install.h */
    bool version_proven : 1;
    bool taken : 1;   /* deliver.h: the device has agreed to be brought the image */
    bool refused : 1; /* ... or has not */
    uint32_t had_ppm; /* ... of the image */
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
    bool spare;          /* lost because nobody needed it: its counter is known */
    int64_t charged_us;  /* for the frame under way; 0: before a restart */
    struct utc charged_at;
    struct tap_lane tap;
};

struct transmission {
    struct transmission_rec rec;
    struct campaign *campaign;
    struct fleet *fleet; /* of all its members: whose server sends it */
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
    uint16_t look_n;            /* fragments before the next look; 0: the first */
    uint16_t news_n;            /* next_n behind the last fragment that was sent to all */
    uint16_t made_good;         /* fragments beyond the target for those refused
                                   by a gateway, see tap.h */
    uint8_t idle_sessions;      /* in a row, without a single fragment */
    uint16_t listened_no;       /* the session that listened_s was counted for */
    uint32_t listened_s;        /* the most that a member had listened before it */
    uint8_t polls;              /* since the last fragment to all */
    uint8_t unused_sessions;    /* that nobody had agreed to */
    uint32_t sessions_cut;      /* that ended where they had to, or were not used */
    struct utc flush_at;        /* what is queued then is dropped; UTC_NEVER */
    enum plan_error plan_error; /* after a restart: why there is no plan any more */
    uint32_t groups_found;      /* members that had the group from before, and had not */
    uint32_t groups_lost;
    uint32_t by_phase[MEMBER_PHASE_COUNT]; /* its members */
    uint32_t announced;                    /* of those in MEMBER_UPGRADE */
};

/* What the variants of its image cost a campaign in one of its fleets. */
struct variant_cost {
    const struct fleet *fleet;
    int64_t airtime_us[VARIANT_DELTAS_MAX + 1]; /* by variant */
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
    uint32_t brought[MEMBER_PHASE_COUNT]; /* of those: members of deliver.h */
    uint32_t announced;    /* of those in MEMBER_UPGRADE: member.announced */
    struct utc since;      /* started, resumed or restored: silence counts from here */
    size_t pump;           /* the next member to be started */
    size_t placed;         /* members before it know that it begins, see term.h */
    bool placing;          /* ... and not all do */
    struct utc place_at;   /* ... the next of them */
    struct utc silence_at; /* who is silent by then is given up */
    struct utc round_at;   /* of the next round; UTC_NEVER: none is due */
    int64_t interval_us;   /* campaign_interval_us() of all, until interval_until */
    struct utc interval_until;
    struct forming *forming;    /* the round under way, see forming.h; NULL: none */
    size_t in_round;            /* READY members that wait for it */
    struct variant_cost *costs; /* of each fleet of its devices; none without deltas */
    size_t cost_count;
    struct wave *waves;          /* of def.spec->rollout; NULL: it runs without */
    size_t entered;              /* the next member to be let in, see waves.h */
    bool wave_due;               /* something happened that a gate may judge */
    struct calendar_span *spans; /* its windows; NULL: always */
    size_t span_count;
    uint32_t slot;
    bool changed;   /* to be stored and published at the end of the step */
    bool term_over; /* what the deadline ends is ended, or */
    bool cutting;   /* is being ended */
    bool resuming;  /* it was paused */
    bool dropping;  /* who never spoke is given up */
    bool sweeping;  /* members before swept have had that, see sweep.h */
    size_t swept;
};

enum owner_kind { OWNER_MEMBER, OWNER_TRANSMISSION, OWNER_CAMPAIGN };

struct owner {
    enum owner_kind kind;
    void *object;
};

/* What every command looks at comes first, as the bulk is far from the cache. */
struct gateway_ledger {
    uint64_t gateway;
    const struct subband *band;
    bool restored;      /* from charges, and used by no fleet since */
    int64_t queued_us;  /* commands that may go out there, and have not yet */
    int64_t likely_us;  /* ... those that should */
    int64_t command_us; /* of commands that have, by and by forgotten: see admit.c */
    struct utc command_at;
    struct ledger ledger;
    int64_t asked_us;           /* see admit_setup_us() */
    struct transmission **open; /* that use it, not ended */
    size_t open_count;
    struct utc air_from; /* the frame handed over last is on air in between */
    struct utc air_until;
    uint32_t observer;              /* the fleet whose server tells of others' frames */
    struct utc observed_at;         /* when it last did */
    uint16_t turn[REGION_DR_COUNT]; /* in the grid of its fleet; PARTITION_NO_TURN */
    uint32_t number;                /* in the round of that number */
    uint32_t round;
};

struct gateway_load {
    uint64_t gateway; /* 0: none */
    bool heard;       /* it has heard devices, since the start */
    bool away;        /* it has no connection to its server */
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
    uint8_t variant;
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
    size_t placing;           /* campaigns that are, see effects.open */
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

/*
 * Where to look first for a key in a hash table of a power of two, more than one. Fibonacci
 * hashing: EUIs of one maker differ in their low bits only, and the upper bits of the product,
 * but not those in its middle, lie as far apart as they can.
 */
static inline size_t engine_home(uint64_t key, size_t cap)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >>
                    (__builtin_clzll((unsigned long long)cap) + 1));
}

/* engine.c */
uint32_t engine_new_slot(struct engine *e, enum owner_kind kind, void *object);
struct device *engine_find_device(const struct engine *e, uint64_t dev_eui);
struct campaign *engine_find_campaign(const struct engine *e, uint32_t id);
struct transmission *engine_find_transmission(const struct engine *e, uint32_t id);
struct fleet *engine_find_fleet(const struct engine *e, uint32_t id);
struct member *campaign_find_member(const struct campaign *c, uint64_t dev_eui);
struct campaign *engine_new_campaign(struct engine *e, const struct engine_campaign *def);
/* NULL if the fleet of the record is not known. */
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
