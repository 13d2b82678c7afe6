/* SPDX-License-Identifier: MIT */
/*
 * profile.h - what a device stack can take and how it answers: its quirks, as data.
 *
 * One struct, read from both sides: the engine asks it what an answer is worth and what a
 * decoder can mend, a simulated device asks it how to behave. Nothing else may know a stack
 * by its name. Zeroed, it is a device that keeps to the specifications and whose build is
 * not known. The files are in config/profiles, their keys in config/device_profile.c, and
 * the build makes the table of shipped ones (shipped.h) from them.
 *
 * A limit that is an option of the device's build is left open (0) in shipped profiles: the
 * answer to FragSessionSetupReq tells it, or a profile of the operator's own.
 *
 * Pure; borrowed by everybody, never changed. Facts: lorawan.md 13, performance.md 2.5.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "radio/fragsize.h"

enum {
    PROFILE_NAME_SIZE = 64,
    PROFILE_PPM = 1000000,
    PROFILE_CAP_V1_PPM = 100000, /* of builds nobody knows: the least of the v1 stacks */
};

/* FragSessionStatusAns: where its fields are. */
enum profile_layout {
    PROFILE_LAYOUT_AUTO,          /* that of its version, unless the other is plausible */
    PROFILE_LAYOUT_SPEC,          /* that of its version */
    PROFILE_LAYOUT_V1,            /* that of version 1, whatever the version */
    PROFILE_LAYOUT_V1_BIG_ENDIAN, /* ... with NbFragReceived the wrong way round */
};

/* What NbFragReceived is. */
enum profile_received {
    PROFILE_RECEIVED_ALL,            /* fragments that came, repeated ones too */
    PROFILE_RECEIVED_LAST,           /* N of the last one */
    PROFILE_RECEIVED_LAST_LESS_LOST, /* ... less the uncoded ones that were lost */
};

/* What MissingFrag is. */
enum profile_missing {
    PROFILE_MISSING_RANK,    /* independent fragments still needed; 0 when complete */
    PROFILE_MISSING_LOST,    /* uncoded ones that were lost, for ever */
    PROFILE_MISSING_COUNTED, /* M less those that came: 0 is no proof, more no denial */
};

/* What a status request for an index without session is answered with. */
enum profile_no_session {
    PROFILE_NO_SESSION_SPEC,  /* v2: SessionDoesNotExist in one byte; v1: nothing */
    PROFILE_NO_SESSION_LONG,  /* v2: ... with the old counts behind it */
    PROFILE_NO_SESSION_STALE, /* the counts of the session that was */
};

/* What happens when more is lost than the decoder has memory for. */
enum profile_overflow {
    PROFILE_OVERFLOW_STATUS,   /* the status says so */
    PROFILE_OVERFLOW_COMPLETE, /* it says so, and calls a corrupt block complete */
};

/* An uncoded fragment behind a coded one. */
enum profile_late {
    PROFILE_LATE_IGNORED,
    PROFILE_LATE_CORRUPTS, /* it counts: the block is wrong and is called complete */
    PROFILE_LATE_STALLS,   /* the block never gets complete */
};

/* A fragment without a session for it. */
enum profile_stray {
    PROFILE_STRAY_DROPPED,
    PROFILE_STRAY_COMMANDS,      /* its data are read as commands */
    PROFILE_STRAY_COMMANDS_EVER, /* ... behind completion, too */
};

/* Commands in a message. */
enum profile_commands {
    PROFILE_COMMANDS_MANY,
    PROFILE_COMMANDS_ONE, /* a message with more, or of another length, is rejected */
};

/* A command that it does not know. */
enum profile_unknown {
    PROFILE_UNKNOWN_STOPS,   /* those before it are answered */
    PROFILE_UNKNOWN_DROPS,   /* the whole message is left unanswered */
    PROFILE_UNKNOWN_SKIPPED, /* one byte is, and what follows is misread */
};

/* Requests that are never answered, as a mask. */
enum profile_silent {
    PROFILE_SILENT_GROUP_STATUS = 1, /* McGroupStatusReq, a command it does not know */
    PROFILE_SILENT_BAD_CHANNEL = 2, /* a session with a frequency or data rate it lacks */
    PROFILE_SILENT_COMPLETE = 4,    /* FragSessionStatusReq when the block is complete */
};

/* DeviceAppTimePeriodicityReq. */
enum profile_periodicity {
    PROFILE_PERIODICITY_TAKEN,
    PROFILE_PERIODICITY_REFUSED, /* NotSupported */
    PROFILE_PERIODICITY_EATS,    /* taken, and the byte behind it is skipped */
};

/* Where it does not keep to TS003, as a mask. */
enum profile_sync {
    PROFILE_SYNC_OPTIONAL = 1,   /* AnsRequired is 0 in every AppTimeReq */
    PROFILE_SYNC_NOT_IN_C = 2,   /* no AppTimeReq in a class C session */
    PROFILE_SYNC_OTHER_PORT = 4, /* its version is told on the port of TS005 */
};

/* Where it does not keep to TS007, as a mask. */
enum profile_multi {
    PROFILE_MULTI_ALL_ANSWER = 1,     /* one command without an answer: none has any */
    PROFILE_MULTI_LONG_DELETE = 2,    /* FragSessionDeleteReq has a byte more */
    PROFILE_MULTI_STOP_EXCLUSIVE = 4, /* StopByte of MultiPackBufferReq is not sent */
    PROFILE_MULTI_CLOBBERS = 8, /* what it does not answer spoils the last answers */
};

/* A session whose start is in the past. */
enum profile_missed {
    PROFILE_MISSED_SPEC,            /* v2: StartMissed; v1: TimeToStart 0 */
    PROFILE_MISSED_START_BIT,       /* StartMissed, in v1 too */
    PROFILE_MISSED_GROUP_UNDEFINED, /* McGroupUndefined, although it is defined */
};

/* A session while its clock is not set. */
enum profile_unset {
    PROFILE_UNSET_WAITS,   /* TimeToStart FFFFFF; starts when the clock is set */
    PROFILE_UNSET_FORGETS, /* TimeToStart FFFFFF, and nothing is scheduled */
    PROFILE_UNSET_GUESSES, /* by the clock as it is */
};

/* Which counters of a group it takes. */
enum profile_window {
    PROFILE_WINDOW_SPEC,      /* minMcFCount <= FCnt < maxMcFCount */
    PROFILE_WINDOW_INCLUSIVE, /* maxMcFCount too */
    PROFILE_WINDOW_NONE,      /* any */
};

/* The upper half of a counter, of which a frame has the lower one only. */
enum profile_counter {
    PROFILE_COUNTER_SPEC,    /* the first is minMcFCount or the next like it */
    PROFILE_COUNTER_LOW,     /* the first is below 65536, or nothing is ever received */
    PROFILE_COUNTER_SESSION, /* ... of each session, whose end forgets the range, too */
};

/* When a session ends, beside its timeout. */
enum profile_end {
    PROFILE_END_TIMEOUT,
    PROFILE_END_COMPLETE, /* with the block */
    PROFILE_END_IDLE,     /* each fragment begins the timeout anew; with the block */
};

/* McClassBSessionReq. */
enum profile_class_b {
    PROFILE_CLASS_B_SPEC,
    PROFILE_CLASS_B_AS_C, /* it is of class C then, for 2^n s and not 128 times that */
    PROFILE_CLASS_B_NONE, /* not known: never answered */
};

/* How AppTimeReq and AppTimeAns are read. */
enum profile_clock {
    PROFILE_CLOCK_GPS,
    PROFILE_CLOCK_EPOCH_TWICE, /* 315964800 s behind in requests, ahead after answers */
};

/* DevUpgradeImageAns. */
enum profile_image {
    PROFILE_IMAGE_ANNOUNCED,
    PROFILE_IMAGE_DENIED, /* "no image", always */
};

/* DevRebootTimeReq. */
enum profile_reboot {
    PROFILE_REBOOT_GPS,
    PROFILE_REBOOT_UNIX, /* taken for Unix time: the answer is years away, as is the reboot;
                            "now" is answered with 0 */
};

/* How the text of a version becomes the u32 of TS006. */
enum profile_version {
    PROFILE_VERSION_OPAQUE, /* nobody knows: the campaign or the devices say it */
    PROFILE_VERSION_BYTES,  /* 1.2.3.4 is 01 02 03 04 on air */
};

struct profile {
    char name[PROFILE_NAME_SIZE];
    /* Package versions; 0: any. TS006 is the application's. */
    uint8_t ts003;
    uint8_t ts004;
    uint8_t ts005;
    bool multi_package; /* TS007 */

    struct fragplan_limits limits;
    uint16_t lost_max; /* uncoded fragments that its matrix has room for; 0: no limit */
    uint32_t lost_ppm; /* ... as a share of M; 0: not known */
    enum profile_overflow overflow;
    enum profile_late late;
    enum profile_stray stray;
    bool any_group;    /* McGroupBitMask is not looked at */
    bool forgets_acks; /* FragDataBlockReceivedReq is lost if another fragment comes */
    uint8_t acks_max;  /* times it is sent; 0: until it is answered */

    enum profile_layout layout;
    enum profile_received received;
    enum profile_missing missing;
    enum profile_no_session no_session;
    uint32_t ack_delay_ppm;  /* of BlockAckDelay, what it waits at most; 0: all of it */
    int64_t answer_delay_us; /* of every answer, least */
    bool sticky_error;       /* "no matrix memory" is said until it reboots */

    enum profile_commands commands;
    enum profile_unknown unknown;
    uint8_t answer_max; /* bytes of answers a message has room for; 0: no limit */
    uint8_t silent;     /* enum profile_silent */
    bool busy_drops;    /* an answer that is due while it is on air is lost */
    bool long_empties;  /* one that its data rate has no room for is sent empty */
    enum profile_periodicity periodicity;
    uint8_t sync;  /* enum profile_sync */
    uint8_t multi; /* enum profile_multi */

    enum profile_missed missed;
    bool undefined_all; /* "McGroupUndefined" comes with both channel errors */
    enum profile_unset unset;
    enum profile_end end;
    enum profile_window window;
    enum profile_counter counter;
    bool one_timer;     /* of several groups: the last start, the timeout of group 0 */
    bool lowest_only;   /* of several sessions it listens to that of the lowest group */
    uint8_t groups_max; /* ids from there on are refused (IDerror); 0: it has all four */
    enum profile_class_b class_b;
    enum profile_clock clock;

    enum profile_image image;
    enum profile_reboot reboot;
    enum profile_version version;
    uint8_t lwm2m_fport; /* uplinks on it are TLV of /5/0 and /3/0/3; 0: none are */
};

/*
 * What of M uncoded fragments may be lost, in ppm; PROFILE_PPM: all. For a device that runs
 * that version of TS004.
 */
uint32_t profile_cap_ppm(const struct profile *profile, uint8_t ts004, uint32_t m);

/*
 * Whether MissingFrag is what is still missing, so that 0 is proof of the block and more is
 * proof of none.
 */
bool profile_counts_rank(const struct profile *profile, uint8_t ts004);

/* The same as a count of fragments. */
uint32_t profile_cap(const struct profile *profile, uint8_t ts004, uint32_t m);

/* Whether it says how much may be lost; else profile_cap() is a guess. */
bool profile_knows_cap(const struct profile *profile);

/* Whether it can have the multicast group of that id. */
static inline bool profile_has_group(const struct profile *profile, uint8_t group_id)
{
    return profile->groups_max == 0 || group_id < profile->groups_max;
}

/* Whether it keeps to a session of class B as long as it is told, and in its slots. */
static inline bool profile_has_class_b(const struct profile *profile)
{
    return profile->class_b == PROFILE_CLASS_B_SPEC;
}

/* Whether a device that runs those versions of TS004 and TS005 can be one of these. */
bool profile_fits(const struct profile *profile, uint8_t ts004, uint8_t ts005);
