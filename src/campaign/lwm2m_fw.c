/* SPDX-License-Identifier: MIT */
#include "campaign/lwm2m_fw.h"

#include <stddef.h>

#define ROW(from, to, results)      \
    {                               \
        FW_##from, FW_##to, results \
    }
#define R(result) (1u << FW_RESULT_##result)

struct row {
    enum fw_state from;
    enum fw_state to;
    uint32_t results; /* mask */
};

/*
 * lwm2m.md 1.2, row for row; those of requests that change nothing are left out. Write
 * Package and Write Package URI do the same.
 */
static const struct row rows[] = {
    ROW(IDLE, IDLE, R(INITIAL)),        /* 1: instantiated, factory */
    ROW(IDLE, DOWNLOADING, R(INITIAL)), /* 2, 3: write */
    /* 4: a write that is refused */
    ROW(IDLE, IDLE, R(UNSUPPORTED_PROTOCOL) | R(INVALID_URI) | R(UNSUPPORTED_PACKAGE)),
    ROW(DOWNLOADING, DOWNLOADED, R(INITIAL)), /* 5: all there */
    ROW(DOWNLOADING, IDLE, R(NO_FLASH) | R(NO_RAM) | R(CONNECTION_LOST)), /* 6 */
    ROW(DOWNLOADING, IDLE,
        R(INTEGRITY) | R(UNSUPPORTED_PACKAGE) | R(INVALID_URI) |
            R(UNSUPPORTED_PROTOCOL)),             /* 7 */
    ROW(DOWNLOADING, IDLE, R(CANCELLED)),         /* 8: cancel */
    ROW(DOWNLOADING, IDLE, R(INITIAL)),           /* 9: empty URI */
    ROW(DOWNLOADING, IDLE, R(CONFLICTING_STATE)), /* 10 */
    ROW(DOWNLOADED, IDLE, R(INITIAL)),            /* 11: empty URI, NUL to Package */
    ROW(DOWNLOADED, IDLE, R(CANCELLED)),          /* 12: cancel */
    ROW(DOWNLOADED, DOWNLOADED, R(DEFERRED)),     /* 13: the user defers */
    ROW(DOWNLOADED, UPDATING, R(INITIAL)),        /* 14: execute */
    ROW(UPDATING, IDLE, R(SUCCESS)),              /* 15 */
    ROW(UPDATING, IDLE, R(INTEGRITY) | R(UPDATE_FAILED) | R(DEPENDENCY)), /* 16 */
    ROW(UPDATING, DOWNLOADED, R(UPDATE_FAILED) | R(DEPENDENCY)),          /* 17 */
};

static bool is_known(enum fw_result result)
{
    return result <= FW_RESULT_DEPENDENCY;
}

bool fw_is_step(enum fw_state from, const struct fw_status *to)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].from == from && rows[i].to == to->state && is_known(to->result) &&
            (rows[i].results & 1u << to->result) != 0) {
            return true;
        }
    }
    return false;
}

bool fw_has_failed(const struct fw_status *status)
{
    return status->state == FW_IDLE && status->result > FW_RESULT_SUCCESS;
}

static bool has_ended(const struct fw_status *status)
{
    return status->state == FW_IDLE && status->result != FW_RESULT_INITIAL;
}

static bool is_same(const struct fw_status *a, const struct fw_status *b)
{
    return a->state == b->state && a->result == b->result;
}

/* Forward, over rows that nobody has seen; what has ended goes no further. */
static bool leads_to(const struct fw_status *from, const struct fw_status *to)
{
    for (unsigned at = from->state; !has_ended(from) && at <= FW_UPDATING; at++) {
        if (fw_is_step((enum fw_state)at, to)) {
            return true;
        }
    }
    return false;
}

/* Results that are not known yet end an update as any failure does. */
static bool is_possible(const struct fw_status *status)
{
    static const struct fw_status start = {FW_IDLE, FW_RESULT_INITIAL};
    return leads_to(&start, status) ||
           (status->state == FW_IDLE && !is_known(status->result));
}

/* ---- inferred ---- */

struct fw_status fw_status_of(enum fw_evidence evidence)
{
    switch (evidence) {
#define X(name, value, state, result) \
    case name:                        \
        return (struct fw_status){state, result};
        FW_EVIDENCE_MAP(X)
#undef X
    }
    return (struct fw_status){FW_IDLE, FW_RESULT_INITIAL};
}

/* Something was seen that does not follow from the report: is it only late? */
static bool is_stale(const struct fw_status *reported, const struct fw_status *seen)
{
    if (has_ended(reported) && has_ended(seen)) {
        return fw_has_failed(reported) == fw_has_failed(seen); /* it knows the cause */
    }
    return (reported->state == FW_IDLE && !fw_has_failed(reported)) ||
           (reported->state == FW_UPDATING && seen->state == FW_DOWNLOADED);
}

/* Row 17, seen from outside: it still has the image, and knows why it does not run it. */
static bool is_kept_failure(const struct fw_status *reported,
                            const struct fw_status *seen)
{
    return reported->state == FW_DOWNLOADED && seen->state == FW_IDLE &&
           seen->result == FW_RESULT_UPDATE_FAILED &&
           (reported->result == FW_RESULT_UPDATE_FAILED ||
            reported->result == FW_RESULT_DEPENDENCY);
}

enum fw_verdict fw_infer(struct fw_view *view, enum fw_evidence evidence)
{
    struct fw_status seen = fw_status_of(evidence);
    bool stands =
        view->source == FW_REPORTED && view->begun && evidence != FW_SEEN_TARGETED;
    if (is_same(&view->status, &seen) && (stands || view->source == FW_INFERRED)) {
        return FW_SAME;
    }
    if (stands && is_kept_failure(&view->status, &seen)) {
        return FW_KEPT;
    }
    if (stands && !leads_to(&view->status, &seen)) {
        return is_stale(&view->status, &seen) ? FW_KEPT : FW_KEPT_AGAINST;
    }
    bool begun = view->begun && evidence != FW_SEEN_TARGETED;
    *view = (struct fw_view){.status = seen, .source = FW_INFERRED, .begun = begun};
    return FW_TAKEN;
}

/* ---- reported ---- */

/*
 * A State alone. Result is 0 from the start of a download or an update on; in Downloaded it
 * stays what it was.
 */
static struct fw_status with_state(const struct fw_status *before, enum fw_state state)
{
    bool stays = state == before->state;
    return (struct fw_status){state, stays ? before->result : FW_RESULT_INITIAL};
}

/* A Result alone: 0 stands with any State, deferral with one, all others end the update. */
static bool with_result(const struct fw_view *view, enum fw_result result,
                        struct fw_status *after)
{
    bool either = result == FW_RESULT_UPDATE_FAILED || result == FW_RESULT_DEPENDENCY;
    *after = (struct fw_status){
        .state = view->waiting                  ? FW_IDLE
                 : result == FW_RESULT_INITIAL  ? view->status.state
                 : result == FW_RESULT_DEFERRED ? FW_DOWNLOADED
                                                : FW_IDLE,
        .result = result,
    };
    /* The image may be kept: its State tells. */
    return view->waiting || !either || view->status.state == FW_IDLE;
}

/* Can what was inferred have been right, if that is reported now? */
static bool is_against(const struct fw_view *view, const struct fw_status *reported)
{
    const struct fw_status *seen = &view->status;
    if (view->source == FW_REPORTED) {
        return false;
    }
    if (has_ended(reported) && has_ended(seen)) {
        return fw_has_failed(reported) != fw_has_failed(seen);
    }
    if (fw_has_failed(reported)) {
        return !leads_to(seen, reported);
    }
    return fw_has_failed(seen) && reported->state >= FW_DOWNLOADED &&
           !leads_to(reported, seen);
}

enum fw_verdict fw_take_report(struct fw_view *view, const struct fw_report *report)
{
    struct fw_status after = {(enum fw_state)report->state,
                              (enum fw_result)report->result};
    if (report->has_state && report->state > FW_UPDATING) {
        return FW_IMPOSSIBLE;
    }
    if (!report->has_result) {
        if (report->state == FW_IDLE && view->status.state != FW_IDLE) {
            view->waiting = true;
            return FW_WAITING;
        }
        after = with_state(&view->status, (enum fw_state)report->state);
    } else if (!report->has_state &&
               !with_result(view, (enum fw_result)report->result, &after)) {
        return FW_WAITING;
    }
    if (!is_possible(&after)) {
        return FW_IMPOSSIBLE;
    }
    bool begun = view->begun || after.state != FW_IDLE;
    bool same = is_same(&view->status, &after) && view->source == FW_REPORTED;
    bool against = begun && is_against(view, &after);
    *view = (struct fw_view){after, FW_REPORTED, begun, false};
    return same ? FW_SAME : against ? FW_TAKEN_AGAINST : FW_TAKEN;
}

/* ---- words ---- */

/* Numbers read back from a store may be anything: a lookup never leaves its table. */
#define NAME_OF(table, index)                                                        \
    ((size_t)(index) < sizeof(table) / sizeof((table)[0]) ? (table)[(size_t)(index)] \
                                                          : "?")

const char *fw_state_name(enum fw_state state)
{
    static const char *const names[] = {"idle", "downloading", "downloaded", "updating"};
    return NAME_OF(names, state);
}

/* The texts of Object 5, resource 5, shortened. */
const char *fw_result_text(enum fw_result result)
{
    static const char *const texts[] = {
        "initial",
        "success",
        "not enough flash",
        "out of RAM",
        "connection lost",
        "integrity check failed",
        "unsupported package",
        "invalid URI",
        "update failed",
        "unsupported protocol",
        "cancelled",
        "deferred",
        "conflicting state",
        "dependency error",
    };
    return NAME_OF(texts, result);
}

const char *fw_source_name(enum fw_source source)
{
    return source == FW_REPORTED ? "reported" : "inferred";
}
