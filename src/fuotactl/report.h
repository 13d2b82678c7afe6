/* SPDX-License-Identifier: MIT */
/*
 * report.h - a whole campaign in memory, and what is written of it.
 *
 * report_load() fetches the parts over the control protocol, a page at a time, into compact
 * records (a device is some 150 bytes), and sums them up. The writers are functions from
 * that to text on a stream: no sockets, no clock. All that comes from the daemon is escaped
 * by the rules of the format, so that a name cannot become markup.
 *
 *   json      one object with stable fields (fuotactl(1)); for programs. A line for each
 *             device, or all in one line where every line of output is to be an object
 *   junit     a suite per wave, a case per device; for CI servers
 *   markdown  for the summary of a CI job
 *   html      one file with plots, which loads nothing from anywhere
 *
 * Facts: reference/campaigns.md 3.5 and 8.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include "fuotactl/remote.h"

enum report_outcome {
    REPORT_ACTIVE,
    REPORT_SUCCEEDED,
    REPORT_FAILED,
    REPORT_UNKNOWN,
    REPORT_CANCELLED,
    REPORT_SKIPPED,
    REPORT_SUPERSEDED,
    REPORT_OUTCOMES,
};

/* As in the control protocol; "active" for none. */
const char *report_outcome_name(enum report_outcome outcome);

/* Texts are the report's. Times are Unix microseconds, 0: has not been. */
struct report_device {
    uint64_t dev_eui;
    enum report_outcome outcome;
    const char *wave;
    const char *fleet;
    const char *phase;
    const char *reason;
    const char *reason_text;
    const char *result_text;
    const char *source;
    int64_t state;
    int64_t result;
    int64_t version_before; /* -1: not known, as below */
    int64_t version;
    int64_t missing;
    int64_t received;
    int64_t tries;
    int64_t retries;            /* it went again; then how the try before ended */
    const char *outcome_before; /* "": it did not */
    const char *reason_before;
    const char *variant; /* "": it was sent nothing */
    int64_t delta_failures;
    int64_t since_us; /* it was looked at first */
    int64_t downloaded_us;
    int64_t ended_us;
    uint64_t gateway; /* the one that hears it best; 0: never heard */
    int64_t snr_cdb;
    int64_t heard_ppk; /* of its uplinks, by that gateway */
};

struct report_session {
    int64_t id;
    const char *fleet;
    int64_t dr;
    int64_t fragment_size;
    int64_t uncoded;
    int64_t sent;
    int64_t members;
    int64_t gateways;
    int64_t start_us;
    int64_t end_us;
    bool ended;
};

/* Airtime of a gateway in a sub-band in a clock hour. */
struct report_hour {
    uint64_t gateway;
    int64_t hour;
    size_t band;
    int64_t airtime_us;
};

struct report_band {
    int64_t low_hz;
    int64_t high_hz;
    int64_t own_cap_us; /* what campaigns may send in an hour */
    int64_t legal_cap_us;
};

enum {
    REPORT_BANDS = 8,
    /* Ten classes of 1 - heard, by their upper ends in 1/1000, and one for what is above. */
    REPORT_LOSS_CLASSES = 8,
};

extern const int64_t report_loss_ends[REPORT_LOSS_CLASSES];

struct report_gateway {
    uint64_t gateway;
    size_t first_hour; /* in hours, which are sorted by gateway, hour, band */
    size_t hour_count;
    int64_t airtime_us; /* in all hours, of all campaigns */
    int64_t peak_us;    /* in the hour and band that used most of its cap */
    int64_t peak_hour;
    size_t peak_band;
    int64_t peak_ppm; /* of what campaigns may use there */
    uint32_t devices; /* that it hears best */
    uint32_t by_loss[REPORT_LOSS_CLASSES];
    uint32_t not_succeeded; /* of those that took part */
    uint32_t incomplete;    /* that ended without the whole image ... */
    int64_t missing;        /* ... and how many fragments they lack together */
};

struct report_wave {
    const char *name;
    uint32_t devices;
    uint32_t by_outcome[REPORT_OUTCOMES];
    int64_t first_us;
    int64_t last_us;
};

struct report_fleet {
    const char *name;
    uint32_t devices;
    uint32_t by_outcome[REPORT_OUTCOMES];
};

/* Devices of a wave that were sent the same: the image, or a delta. */
struct report_variant {
    const char *wave;
    const char *name;
    uint32_t devices;
    uint32_t succeeded;
    uint32_t fell_back; /* a delta had failed on them before */
};

/* Devices that ended alike, the most first. */
struct report_reason {
    enum report_outcome outcome;
    const char *reason;
    const char *text;
    uint32_t devices;
};

struct report {
    struct json_object *state; /* STATE; owned, as all below */
    int64_t created_us;
    int64_t started_us;
    int64_t ended_us;
    int64_t now_us; /* when the report was made */
    char *daemon;   /* version and instance */

    struct report_device *devices; /* by DevEUI */
    size_t device_count;
    struct report_session *sessions;
    size_t session_count;
    struct report_hour *hours;
    size_t hour_count;
    struct report_band bands[REPORT_BANDS];
    size_t band_count;

    /* summed up from the above by report_sum() */
    uint32_t by_outcome[REPORT_OUTCOMES];
    uint32_t with_image;
    struct report_gateway *gateways; /* by id */
    size_t gateway_count;
    struct report_wave *waves;
    size_t wave_count;
    struct report_fleet *fleets;
    size_t fleet_count;
    struct report_variant *variants;
    size_t variant_count;
    struct report_reason *reasons;
    size_t reason_count;
    int64_t *downloaded_us; /* ascending */
    size_t downloaded_count;
    int64_t *ended; /* ascending, of those that succeeded */
    size_t ended_count;

    char **texts; /* each once */
    size_t text_count;
};

/* Asks for everything; every failure is said. An ended or a running campaign. */
int report_load(struct remote *remote, const char *name, struct report *report);
void report_finish(struct report *report); /* accepts a zeroed one */

/* ---- for report_load() and tests ---- */

/* A page of a part, as the daemon sent it. false: memory is exhausted. */
bool report_take(struct report *report, const char *part, struct json_object *page);
void report_take_state(struct report *report, struct json_object *state /* takes */);
bool report_sum(struct report *report);
/* Anybody was sent a delta. */
bool report_has_deltas(const struct report *report);
/* The same pointer for the same text. "" if memory is exhausted. */
const char *report_text(struct report *report, const char *text);

/* ---- writers ---- */

void report_json(FILE *out, const struct report *report);
void report_json_line(FILE *out, const struct report *report);
void report_junit(FILE *out, const struct report *report);
void report_markdown(FILE *out, const struct report *report);
void report_html(FILE *out, const struct report *report);

/* ---- what the writers share ---- */

/* Completed and all that took part succeeded; failed, aborted or one that is not updated;
 * else open. */
enum report_verdict { REPORT_PASSED, REPORT_NOT_PASSED, REPORT_OPEN };
enum report_verdict report_verdict(const struct report *report);

/* Members of the state; "" or 0. */
const char *report_field(const struct report *report, const char *key);
int64_t report_number(const struct report *report, const char *key);

/* How many took part: all but skipped and superseded. */
uint32_t report_attempted(const uint32_t by_outcome[static REPORT_OUTCOMES]);

/* How many of those failed, are unknown or were cancelled: what progress_exit() counts. */
uint32_t report_not_updated(const uint32_t by_outcome[static REPORT_OUTCOMES]);

/* Control characters out, & < > " ' as entities: for HTML and XML, text and attributes. */
void report_escape(FILE *out, const char *text);

#define AUTO_REPORT __attribute__((__cleanup__(report_finish)))
