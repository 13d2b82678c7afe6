/* SPDX-License-Identifier: MIT */
/*
 * record.h - what outlives a restart, one plain struct per kind of row.
 *
 * The engine works on these very structs, hands out copies in STORE effects whenever one
 * changes, and gets them back when it is restored. src/store maps them to columns. Times
 * are UTC, never monotonic. No pointers: a record is its bytes. Enumerators are stored as
 * their numbers, so numbers are for good and new ones are only appended.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "campaign/lwm2m_fw.h"
#include "campaign/spec.h"
#include "campaign/wave.h"

enum outcome {
    OUTCOME_NONE = 0, /* not ended */
    OUTCOME_SUCCEEDED = 1,
    OUTCOME_FAILED = 2,
    OUTCOME_UNKNOWN = 3,
    OUTCOME_CANCELLED = 4,
    OUTCOME_SKIPPED = 5,
    OUTCOME_SUPERSEDED = 6,
    OUTCOME_COUNT = 7,
};

/* Why a device ended as it did; shown to people and written to results. */
#define MEMBER_REASON_MAP(X)                                                          \
    X(REASON_NONE, 0, "none", "")                                                     \
    X(REASON_VERIFIED, 1, "verified", "the new version was reported")                 \
    X(REASON_ALREADY, 2, "already-installed", "it ran the version before")            \
    X(REASON_NO_ANSWER, 3, "no-answer", "it did not answer a command")                \
    X(REASON_NO_PACKAGE, 4, "no-package", "a package that is needed is missing")      \
    X(REASON_GROUP_REFUSED, 5, "group-refused", "it refused the multicast group")     \
    X(REASON_FRAG_REFUSED, 6, "fragmentation-refused",                                \
      "it refused the fragmentation session")                                         \
    X(REASON_SESSION_REFUSED, 7, "session-refused", "it refused the session")         \
    X(REASON_CLOCK, 8, "clock", "its clock could not be set")                         \
    X(REASON_NOT_SET_UP, 9, "not-set-up", "it was not set up in time")                \
    X(REASON_INCOMPLETE, 10, "incomplete", "fragments were missing at the end")       \
    X(REASON_NO_MEMORY, 11, "no-memory", "it lost too much for its decoder memory")   \
    X(REASON_MIC, 12, "mic", "the data block it rebuilt was not authentic")           \
    X(REASON_IMAGE_REFUSED, 13, "image-refused", "it refused the image")              \
    X(REASON_WRONG_HARDWARE, 14, "wrong-hardware", "the image is not for it")         \
    X(REASON_VERSION_DIFFERS, 15, "version-differs",                                  \
      "it announced another next version than the campaign or the others say")        \
    X(REASON_OLD_VERSION, 16, "old-version", "it still runs the old version")         \
    X(REASON_SILENT, 17, "silent", "it fell silent after activation")                 \
    X(REASON_ABORTED, 18, "aborted", "the campaign was aborted")                      \
    X(REASON_NO_KEY, 19, "no-key", "no root key is known for it")                     \
    X(REASON_TOO_BIG, 20, "too-big", "its decoder cannot take the image")             \
    X(REASON_BUSY, 21, "busy", "another campaign has it")                             \
    X(REASON_DEADLINE, 22, "deadline", "the deadline of the campaign came first")     \
    X(REASON_REPORTED, 23, "reported", "it reported that the update failed")          \
    X(REASON_OUTRANKED, 24, "outranked", "a campaign of higher priority took it")     \
    X(REASON_NO_WAVE, 25, "no-wave", "no wave of the rollout takes it")               \
    X(REASON_WAVE_VERSION, 26, "running-version",                                     \
      "what it runs is not in targets.preconditions.runningVersion")                  \
    X(REASON_WAVE_AGE, 27, "uplink-age", "it was not heard for maxUplinkAge")         \
    X(REASON_WAVE_BATTERY, 28, "battery", "its battery is too low, or unknown")       \
    X(REASON_WAVE_MARGIN, 29, "link-margin", "it hears its gateways too weakly")      \
    X(REASON_WAVE_MAINTENANCE, 30, "maintenance", "it is in maintenance")             \
    X(REASON_RETRIED, 31, "retried", "an operator has it tried again")                \
    X(REASON_DELIVERED, 32, "delivered", "it said that the data block is complete")   \
    X(REASON_UNPROVEN, 33, "unproven", "it cannot say whether it has the data block") \
    X(REASON_DELTA_FAILED, 34, "delta-failed",                                        \
      "the delta failed on it: it gets the full image")                               \
    X(REASON_NO_ROOM, 35, "no-room", "it has less free memory than the image needs")  \
    X(REASON_NO_CLASS_B, 36, "no-class-b", "its stack has no sessions of class B")

enum member_reason {
#define X(name, value, slug, text) name = (value),
    MEMBER_REASON_MAP(X)
#undef X
};

enum campaign_phase {
    CAMPAIGN_RUNNING = 1,
    CAMPAIGN_PAUSED = 2,
    CAMPAIGN_ABORTING = 3,
    CAMPAIGN_COMPLETED = 4, /* every device ended; see the outcomes */
    CAMPAIGN_ABORTED = 5,
    CAMPAIGN_FAILED = 6,    /* could not be carried out */
    CAMPAIGN_SCHEDULED = 7, /* waits for spec.schedule.notBefore */
};

/* What a member is waiting for; the order is that of the way through a campaign. */
enum member_phase {
    MEMBER_WAITING = 0,      /* not discovered yet, or waiting for a transmission */
    MEMBER_DISCOVER = 1,     /* TS007 DevPackageReq */
    MEMBER_ASK_FRAG = 2,     /* PackageVersionReq of TS004, when TS007 is silent */
    MEMBER_ASK_MCAST = 3,    /* ... of TS005 */
    MEMBER_ASK_FWMGMT = 4,   /* ... of TS006 */
    MEMBER_VERSION = 5,      /* TS006 DevVersionReq: what runs before */
    MEMBER_READY = 6,        /* known; waits to be taken into a transmission */
    MEMBER_KEY = 7,          /* waits for its wrapped McKey, and MIC in v2 */
    MEMBER_GROUP = 8,        /* TS005 McGroupSetupReq */
    MEMBER_FRAG = 9,         /* TS004 FragSessionSetupReq */
    MEMBER_SET_UP = 10,      /* waits for the session to be dated */
    MEMBER_SESSION = 11,     /* TS005 McClassCSessionReq */
    MEMBER_RESYNC = 12,      /* TS003 ForceDeviceResyncReq, then MEMBER_SESSION again */
    MEMBER_LISTENING = 13,   /* in the session, or agreed to it */
    MEMBER_STATUS = 14,      /* TS004 FragSessionStatusReq */
    MEMBER_COMPLETE = 15,    /* has the data block; waits to be told to install */
    MEMBER_UPGRADE = 16,     /* TS006 DevUpgradeImageReq */
    MEMBER_REBOOT = 17,      /* TS006 DevRebootCountdownReq */
    MEMBER_VERIFY = 18,      /* waits for the reboot, then DevVersionReq */
    MEMBER_UNDO_REBOOT = 19, /* aborted: DevRebootCountdownReq cancel */
    MEMBER_UNDO_IMAGE = 20,  /* aborted: DevDeleteImageReq */
    MEMBER_ENDED = 21,       /* outcome is set, until an operator has it tried again */
    MEMBER_PENDING = 22, /* before WAITING: its wave, or another campaign, comes first */
    MEMBER_PHASE_COUNT = 23,
};

/* Where a wave stands. */
enum wave_phase {
    WAVE_PENDING = 0,  /* those before it come first */
    WAVE_APPROVAL = 1, /* it is next, and waits for an operator */
    WAVE_RUNNING = 2,
    WAVE_SOAKING = 3, /* went well; the next one waits for soak */
    WAVE_HELD = 4,    /* its gate has paused the campaign */
    WAVE_DONE = 5,
    WAVE_CANCELLED = 6, /* the campaign ended before it did */
};

/* Where a transmission stands. */
enum tx_phase {
    TX_KEY = 0,     /* waits for McAddr and McKey */
    TX_GROUP = 1,   /* the server creates the group */
    TX_SETUP = 2,   /* has no date: no window is known that has room */
    TX_LEAD = 3,    /* the session is dated, members are told */
    TX_SENDING = 4, /* fragments, paced */
    TX_POLL = 5,    /* multicast FragSessionStatusReq sent, answers come in */
    TX_CONFIRM = 6, /* unicast FragSessionStatusReq to those without proof */
    TX_DRAIN = 7,   /* nothing more to send; the server's queue runs empty */
    TX_CLOSE = 8,   /* the server deletes the group */
    TX_ENDED = 9,
};

enum {
    RECORD_GROUP_SIZE = 64,
    RECORD_GATEWAY_MAX = 16, /* gateways of a lane */
    RECORD_LANE_MAX = 32,    /* lanes of a transmission */
    RECORD_LINK_MAX = 4,     /* best gateways remembered of a device */
    RECORD_REPORT_SIZE = 64, /* of a text that a device reports, with its NUL */
    RECORD_NEVER = 255,
};

/* No interval between frames or uplinks is longer; so that products of it fit. */
#define RECORD_SPAN_MAX_US DAYS_US(100)

/* No counter of frames is larger: who tells of one has told nonsense, and sums fit. Real
 * ones end at 65535. */
#define RECORD_F_CNT_MAX (UINT32_C(1) << 20)

struct campaign_rec {
    uint32_t id;
    enum campaign_phase phase;
    char name[SPEC_NAME_SIZE];
    char reason
        [96]; /* of a pause, an abort, or why not all is well at the end; else empty */
    struct utc created;
    struct utc started;
    struct utc ended;       /* 0: not ended */
    uint32_t next_firmware; /* agreed TS006 version; valid if next_known */
    bool next_known;
    uint32_t fragments_sent;    /* uncoded and coded, all transmissions */
    uint32_t fragments_uncoded; /* M of the transmissions, summed */
    int64_t airtime_us;         /* multicast, all gateways */
    uint32_t revision;          /* +1 at each change */
};

/* One wave of a campaign; who is in it stands in member_rec.wave. */
struct wave_rec {
    uint32_t campaign_id;
    uint8_t no; /* in spec.rollout.waves, from 0 */
    enum wave_phase phase;
    enum wave_verdict verdict; /* the last; OPEN: none yet */
    bool approved;
    bool installs; /* activation.mode manual: an operator said that its devices may */
    bool waived;   /* its gate failed, and the campaign goes on all the same */
    struct utc started;    /* 0: it has not */
    struct utc ended;      /* 0: not all of its devices have an outcome */
    struct utc soak_until; /* 0: it does not soak */
};

struct member_rec {
    uint32_t campaign_id;
    uint32_t transmission_id; /* 0: none */
    uint64_t dev_eui;
    enum member_phase phase;
    enum fw_state state;
    enum fw_result result;
    enum fw_source source;
    enum outcome outcome;
    enum member_reason reason;
    uint64_t command_id;    /* of the downlink under way; 0: none */
    struct utc command_at;  /* when it was handed over */
    struct utc expires;     /* when the server drops it */
    bool command_sent;      /* the server said a gateway had it */
    uint8_t tries;          /* of this phase's command */
    uint8_t transmissions;  /* taken part in */
    uint8_t late;           /* times it was not set up when a session began */
    bool kept;              /* it was not told the group: it has it from before */
    bool reports;           /* its State, in this attempt: fw_view.begun */
    uint16_t missing;       /* last MissingFrag; UINT16_MAX: never said */
    uint16_t received;      /* last NbFragReceived */
    uint16_t session_count; /* TS004 v2 SessionCnt used in this transmission */
    uint16_t session_no;    /* last session of the transmission it agreed to */
    uint32_t version_before;
    bool version_before_known;
    uint32_t version_after;
    bool version_after_known;
    uint8_t wave;    /* in spec.rollout.waves; WAVE_NOWHERE: in none */
    bool attempted;  /* a session began for it */
    uint8_t retries; /* times that an operator had it tried again after it had ended */
    uint8_t outcome_before; /* enum outcome of the try before; NONE: this is the first */
    uint8_t reason_before;  /* enum member_reason */
    uint8_t variant;        /* what it is, or was last sent: see variant.h */
    uint8_t delta_failures; /* deltas that failed on it: it goes back to the full image */
    uint32_t
        mark; /* how far its server has brought it this image, in the server's own terms;
                      0: it did not say */
    uint32_t listened_s; /* in the sessions that it has left; class B: its receiver on */
    struct utc phase_since;
    struct utc reboot_at; /* 0: none announced */
    struct utc changed;   /* last change of state, result or outcome */
};

struct transmission_rec {
    uint32_t id;
    uint32_t campaign_id;
    uint32_t fleet_id; /* of its members */
    enum tx_phase phase;
    uint8_t ts004; /* package versions of the cohort */
    uint8_t ts005;
    uint8_t dr;
    uint8_t group_id;   /* McGroupID on the devices */
    uint8_t frag_index; /* FragIndex on the devices: 0, for no known stack has a second
                           decoder, and a set-up under another index ends the one it has */
    uint8_t block_ack_delay;
    uint8_t timeout_exp; /* SessionTimeOut: 2^n s; class B: 2^n times 128 s */
    uint8_t frag_size_bytes;
    uint8_t variant;     /* the block that it carries: see variant.h */
    uint16_t frag_count; /* M */
    uint32_t frequency_hz;
    uint32_t mc_addr;
    uint32_t key_id; /* the transmission whose McKey it uses: itself, or one before */
    uint32_t f_cnt_first; /* counters below are used up under that key */
    uint8_t lane_count;
    uint8_t colour_count;   /* turns of an interval, see lane_rec */
    int64_t interval_us;    /* of the grid that frames keep to; 0: as the plan says */
    uint8_t copies;         /* times each uncoded fragment is sent in a row; 0 is 1 */
    uint32_t frames_handed; /* frames that every lane took: fragments, status requests */
    uint16_t next_n;     /* place of the next fragment in the order of sending, from 1 */
    uint16_t target_n;   /* send up to this place, then poll */
    bool pending;        /* a frame is being handed to the lanes ... */
    bool pending_status; /* ... a status request; else the fragment at next_n */
    uint16_t session_no; /* sessions dated so far */
    uint16_t repair_rounds; /* polls that led to coded fragments */
    struct utc session_start;
    struct utc session_end;
    struct utc phase_since;
};

/*
 * One way on air of a transmission: a group of its own at the server, with the gateways
 * that emit it. All lanes share McAddr and key, and each carries every frame once and in
 * order, so that their counters stay equal: a device that hears several lanes takes each
 * counter once. Lanes of one colour are on air together, colours take turns.
 */
struct lane_rec {
    uint32_t transmission_id;
    uint8_t no; /* from 0, ascending in the transmission */
    uint8_t colour;
    bool lost;                     /* given up: it would be behind the others' counters */
    bool pending;                  /* the enqueue of frame frames_handed is under way */
    char group[RECORD_GROUP_SIZE]; /* the server's handle; empty: none */
    uint8_t gateway_count;
    uint64_t gateways[RECORD_GATEWAY_MAX];
    uint32_t f_cnt_base;    /* the server's counter when the group was opened */
    uint32_t frames_handed; /* frames it took since */
};

/*
 * A McKey that is kept when no transmission uses it, because devices have it: who is in a
 * later cohort needs no McGroupSetupReq. There are as many rows as are kept at most.
 */
struct group_rec {
    uint32_t slot; /* number of the row, from 0 */
    uint32_t id;   /* the transmission that it was drawn for; 0: the slot is free */
    uint32_t fleet_id;
    uint32_t transmission_id; /* that uses it; 0: none */
    uint32_t campaign_id;     /* that used it last */
    uint32_t mc_addr;
    uint32_t f_cnt;   /* counters below are used up, unless a transmission uses it */
    uint8_t group_id; /* McGroupID on the devices */
    struct utc used;  /* when a transmission with it ended */
};

/* One gateway that hears a device; how it is learned stands in link.h. */
struct device_link {
    uint64_t gateway;
    int16_t snr_p10_cdb; /* a tenth of the uplinks are weaker */
    int16_t snr_p50_cdb; /* of uplinks at 14 dBm */
    uint16_t heard_ppk;  /* share of the uplinks it heard, in 1/1000 */
};

/* Quirks that its answers have shown, see detect.h; kept until it runs other firmware. */
enum device_quirk {
    DEVICE_EPOCH_TWICE = 1,
    DEVICE_LAYOUT_V1 = 2,
    DEVICE_LOST_FOR_EVER = 4,
    DEVICE_LACKED_MEMORY = 8, /* it said so of a session: some say it ever after */
    DEVICE_QUIRKS = 15,
};

/* What is known of a device across campaigns. */
struct device_rec {
    uint64_t dev_eui;
    uint32_t fleet_id;
    uint8_t package_version[5]; /* by package id; 0: unknown or absent */
    uint8_t package_fport[5];
    bool packages_known;
    bool firmware_known;
    uint32_t firmware_version;
    uint32_t hardware_version;
    struct utc last_uplink;     /* 0: never heard */
    int64_t uplink_interval_us; /* smoothed; 0: unknown */
    uint16_t session_count[4];  /* TS004 v2: next SessionCnt by FragIndex */
    uint32_t mc_group;          /* whose McKey it has, see group_rec.id; 0: none */
    bool forgets_groups;        /* a reboot costs it its group */
    bool told_before; /* a command of a transmission it has left may still reach it */
    uint8_t quirks;   /* enum device_quirk */
    uint16_t uplinks_heard;  /* counted up to a bound: how much the links are worth */
    int16_t down_cdb;        /* what it hears better than expected, see link.h */
    bool battery_known;      /* it told, or its server did */
    uint8_t battery_percent; /* 100 as well: it needs none */
    uint8_t link_count;
    struct device_link link[RECORD_LINK_MAX]; /* best first, see link.h */
};

/* What a device has reported last in LwM2M, in a campaign or not. */
struct report_rec {
    uint64_t dev_eui;
    struct utc at;
    uint8_t state; /* as it said; RECORD_NEVER: it never did */
    uint8_t result;
    char package_version[RECORD_REPORT_SIZE];  /* /5/0/7; empty: it never did */
    char firmware_version[RECORD_REPORT_SIZE]; /* /3/0/3 */
};

/* Airtime charged to a gateway; the ledger is rebuilt from these. */
struct charge_rec {
    uint64_t gateway;
    uint32_t frequency_hz;
    struct utc at;
    int64_t airtime_us;
};

/* One line of a device's history: appended, never changed. */
struct history_rec {
    uint32_t campaign_id;
    uint64_t dev_eui;
    struct utc at;
    enum member_phase phase;
    enum fw_state state;
    enum fw_result result;
    enum fw_source source;
    enum outcome outcome;
    enum member_reason reason;
};

/* Slug and sentence of a reason; the name of a phase, state, outcome. Never NULL. */
const char *member_reason_slug(enum member_reason reason);
const char *member_reason_text(enum member_reason reason);
const char *member_phase_name(enum member_phase phase);
const char *campaign_phase_name(enum campaign_phase phase);
/* It leaves that phase at most because an operator has devices tried again. */
bool campaign_phase_is_final(enum campaign_phase phase);
const char *wave_phase_name(enum wave_phase phase);
const char *tx_phase_name(enum tx_phase phase);
const char *outcome_name(enum outcome outcome);
