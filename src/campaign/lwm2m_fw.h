/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_fw.h - State and Update Result of LwM2M Object 5, /5/0/3 and /5/0/5, of one device.
 *
 * They come from two sources. What a device reports in LwM2M is judged by the automaton of
 * lwm2m.md 1.2: a status that no row leads to is impossible, rows may be missed (fast
 * clients, notifications that are dropped), and State 0 says nothing until its Result came,
 * for clients notify them one after the other. What LoRaWAN devices answer in TS003 to
 * TS006 stands for a status by the mapping of lwm2m.md 1.6, which is this module's too.
 *
 * Reported outranks inferred: a report is always taken. What is inferred later replaces it
 * only if the automaton leads there, forward, from what was reported: then the device has
 * gone on since. Where the two cannot both be right the verdict is a conflict, which people
 * are to be told of. A report of State 0 is not judged before the device has reported
 * another State in this attempt: the Result of the update before stays until the next one.
 *
 * Pure: values in, values out. A device stays what it is; nothing here ends a campaign.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Object 5, resource 3. */
enum fw_state {
    FW_IDLE = 0,
    FW_DOWNLOADING = 1,
    FW_DOWNLOADED = 2,
    FW_UPDATING = 3,
};

/* Object 5, resource 5 (object versions 1.0 to 1.2), and the two that Object 33629 adds.
 * Devices may report others: those are kept as numbers, up to FW_RESULT_MAX. */
enum fw_result {
    FW_RESULT_INITIAL = 0,
    FW_RESULT_SUCCESS = 1,
    FW_RESULT_NO_FLASH = 2,
    FW_RESULT_NO_RAM = 3,
    FW_RESULT_CONNECTION_LOST = 4,
    FW_RESULT_INTEGRITY = 5,
    FW_RESULT_UNSUPPORTED_PACKAGE = 6,
    FW_RESULT_INVALID_URI = 7,
    FW_RESULT_UPDATE_FAILED = 8,
    FW_RESULT_UNSUPPORTED_PROTOCOL = 9,
    FW_RESULT_CANCELLED = 10,
    FW_RESULT_DEFERRED = 11,
    FW_RESULT_CONFLICTING_STATE = 12,
    FW_RESULT_DEPENDENCY = 13,
    FW_RESULT_MAX = 255,
};

enum fw_source {
    FW_INFERRED = 0, /* from TS003-TS006 answers */
    FW_REPORTED = 1, /* the device said so in LwM2M */
};

/*
 * What is seen of a LoRaWAN device, and what that says of Object 5: a row of lwm2m.md 1.6
 * each. Those that end in State 0 have the number of their Result.
 */
#define FW_EVIDENCE_MAP(X)                                                                \
    /* an attempt begins; nothing is acknowledged */                                      \
    X(FW_SEEN_TARGETED, 0, FW_IDLE, FW_RESULT_INITIAL)                                    \
    /* DevVersionAns, or a report: the target version runs */                             \
    X(FW_SEEN_TARGET_RUNS, 1, FW_IDLE, FW_RESULT_SUCCESS)                                 \
    /* FragSessionSetupAns: not enough memory */                                          \
    X(FW_SEEN_NO_FLASH, 2, FW_IDLE, FW_RESULT_NO_FLASH)                                   \
    /* FragSessionStatusAns: not enough matrix memory */                                  \
    X(FW_SEEN_NO_MATRIX, 3, FW_IDLE, FW_RESULT_NO_RAM)                                    \
    /* the session is closed, fragments are missing, no repair is left */                 \
    X(FW_SEEN_INCOMPLETE, 4, FW_IDLE, FW_RESULT_CONNECTION_LOST)                          \
    /* a wrong MIC; DevUpgradeImageAns: no valid image */                                 \
    X(FW_SEEN_CORRUPT, 5, FW_IDLE, FW_RESULT_INTEGRITY)                                   \
    /* FragSessionSetupAns: encoding or descriptor; DevUpgradeImageAns: wrong hardware */ \
    X(FW_SEEN_UNSUPPORTED, 6, FW_IDLE, FW_RESULT_UNSUPPORTED_PACKAGE)                     \
    /* it has rebooted, and runs the old version */                                       \
    X(FW_SEEN_OLD_RUNS, 8, FW_IDLE, FW_RESULT_UPDATE_FAILED)                              \
    /* an index, a channel or a package that it lacks */                                  \
    X(FW_SEEN_NO_PACKAGE, 9, FW_IDLE, FW_RESULT_UNSUPPORTED_PROTOCOL)                     \
    /* the operator stopped before it was applied */                                      \
    X(FW_SEEN_CANCELLED, 10, FW_IDLE, FW_RESULT_CANCELLED)                                \
    /* DevRebootTimeAns: it will install later */                                         \
    X(FW_SEEN_DEFERRED, 11, FW_DOWNLOADED, FW_RESULT_DEFERRED)                            \
    /* it agreed to the fragmentation session and to the multicast session */             \
    X(FW_SEEN_SESSION, 12, FW_DOWNLOADING, FW_RESULT_INITIAL)                             \
    /* FragSessionStatusAns: nothing is missing; FragDataBlockReceivedReq */              \
    X(FW_SEEN_BLOCK, 13, FW_DOWNLOADED, FW_RESULT_INITIAL)                                \
    /* DevRebootCountdownAns, its time has come, or the vendor's command was sent */      \
    X(FW_SEEN_APPLYING, 14, FW_UPDATING, FW_RESULT_INITIAL)

enum fw_evidence {
#define X(name, value, state, result) name = (value),
    FW_EVIDENCE_MAP(X)
#undef X
};

struct fw_status {
    enum fw_state state;
    enum fw_result result;
};

/* What is known of a device in one attempt. Zeroed: an attempt begins. */
struct fw_view {
    struct fw_status status;
    enum fw_source source;
    bool begun;   /* it reported a State other than 0 in this attempt */
    bool waiting; /* it reported State 0, and its Result is still to come */
};

/* What a device said; at least one of the two. */
struct fw_report {
    bool has_state;
    bool has_result;
    uint8_t state;
    uint8_t result;
};

enum fw_verdict {
    FW_SAME,          /* nothing new */
    FW_TAKEN,         /* *view has changed */
    FW_TAKEN_AGAINST, /* ... and what was inferred cannot have been right */
    FW_KEPT,          /* it is older news than what was reported */
    FW_KEPT_AGAINST,  /* ... and cannot be right if the report is */
    FW_WAITING,       /* the other half is needed: ask for State and Result together */
    FW_IMPOSSIBLE,    /* no device can be in that status; *view is untouched */
};

/* By lwm2m.md 1.6. */
struct fw_status fw_status_of(enum fw_evidence evidence);

enum fw_verdict fw_infer(struct fw_view *view, enum fw_evidence evidence);
enum fw_verdict fw_take_report(struct fw_view *view, const struct fw_report *report);

/* Whether a row of lwm2m.md 1.2 leads from any status with that State to that status. */
bool fw_is_step(enum fw_state from, const struct fw_status *to);

/* Over, badly: State 0 with a Result other than initial and success. */
bool fw_has_failed(const struct fw_status *status);

const char *fw_state_name(enum fw_state state);
const char *fw_result_text(enum fw_result result);
const char *fw_source_name(enum fw_source source);
