/* SPDX-License-Identifier: MIT */
/*
 * member.h - one device's way through a campaign: what to ask, and what an answer means.
 *
 * Two pure functions. member_command() builds the downlink that the member's phase calls
 * for; member_answer() judges one command from the device. Neither changes the member:
 * when to send, when to send again and where to go next is the engine's part.
 *
 * The way (design 4): discover packages (TS007, else PackageVersionReq) and the running
 * version (TS006), group (TS005), fragmentation session (TS004), session (TS005), status
 * (TS004), upgrade and reboot (TS006), version as proof. Answers of packages or indexes
 * that were not asked for are not the member's and change nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "campaign/record.h"
#include "campaign/spec.h"
#include "codec/split.h"
#include "profile/profile.h"

enum {
    MEMBER_PAYLOAD_MAX = 242, /* what any data rate carries */
    MEMBER_SKEW_MAX_S = 12,   /* |SessionTime - now - TimeToStart| that is still right:
                               answers are up to some seconds old when they arrive */
};

/* What a command is made from. transmission is NULL outside of one. */
struct member_context {
    const struct device_rec *device;
    enum profile_layout layout; /* of its FragSessionStatusAns */
    uint32_t error_above;       /* "no matrix memory" counts only if more is missing */
    const struct transmission_rec *transmission;
    const struct spec_radio *radio; /* MEMBER_SESSION: class and ping slots */
    size_t image_len;
    const uint8_t *descriptor;  /* 4 bytes */
    const uint8_t *wrapped_key; /* 16 bytes; MEMBER_GROUP */
    bool with_session;          /* MEMBER_GROUP: what MEMBER_SESSION asks for behind it */
    const uint8_t *mic;         /* 4 bytes; MEMBER_FRAG in v2 */
    uint32_t countdown_s;       /* MEMBER_REBOOT */
    bool reboot_by_time;        /* ... by reboot_time, not by countdown_s */
    struct gps reboot_time;
    /* MEMBER_REBOOT without TS006: what tells the device to install. NULL: TS006 does. */
    const struct spec_activate *vendor;
    uint32_t vendor_version; /* for ${version_u32_le} */
};

struct member_downlink {
    uint8_t fport;
    uint8_t len;
    uint8_t payload[MEMBER_PAYLOAD_MAX];
};

/*
 * FUO_OK and *out for a phase with a command, FUO_ENOENT for one without; codec errors
 * if a field does not fit, which is a fault of the plan.
 */
FUO_MUST_CHECK int member_command(const struct member_rec *member,
                                  const struct member_context *context,
                                  struct member_downlink *out);

enum member_verdict {
    VERDICT_NOT_MINE, /* not an answer to anything this member is in */
    VERDICT_ACCEPTED, /* the answer that the phase waits for */
    VERDICT_REFUSED, /* the device refuses: reason says why, seen what it is for Object 5 */
    VERDICT_PACKAGES, /* packages[] of package_count were reported */
    VERDICT_PACKAGE,  /* one PackageVersionAns: packages[0] */
    VERDICT_VERSION,  /* version and hardware */
    VERDICT_STATUS,   /* missing, received */
    VERDICT_BLOCK,    /* the data block is complete and authentic */
    VERDICT_CLOCK,    /* the clock is wrong: resynchronise, then ask again */
    VERDICT_REPLAY,   /* v2 SessionCnt too low: jump ahead, then ask again */
    VERDICT_IMAGE,    /* an image is ready: version is the next one */
};

struct member_answer {
    enum member_verdict verdict;
    enum member_reason reason;
    enum fw_evidence seen;
    uint8_t package_count;
    struct {
        uint8_t id;
        uint8_t version;
        uint8_t fport;
    } packages[15];
    uint32_t version;
    uint32_t hardware;
    uint16_t missing;
    uint16_t received;
    uint32_t delay_s;     /* VERDICT_ACCEPTED of a reboot */
    bool proven;          /* VERDICT_BLOCK: by its MIC, not by its counts */
    bool nothing_done;    /* ... of a deletion: there was no such image */
    bool group_undefined; /* of a session: so the device says, see answer_session() */
    bool late;            /* VERDICT_PACKAGE: another one is being asked for by now */
    bool corrupt;         /* VERDICT_REFUSED: it has an image, and that is broken */
    bool group_gone;      /* ... and means it: it says that of its channel, too */
};

/* Judge one command that came up at `received`. */
struct member_answer member_answer(const struct member_rec *member,
                                   const struct member_context *context,
                                   const struct split_cmd *cmd, struct utc received);
