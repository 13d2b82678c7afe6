/* SPDX-License-Identifier: MIT */
/* doctor_state.c - findings about what runs: store, connections, campaigns. */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/finding.h"
#include "loop/doctor.h"
#include "loop/internal.h"
#include "plugin/host.h"

#define COMMIT_WARN_US SECONDS_US(1) /* an answer in a receive window has less */
#define STUCK_US       DAYS_US(1)

enum {
    WHAT_SIZE = 128,
    REJECTS_SHOWN = 3,
};

/* ---- the store ---- */

void doctor_look_store(struct daemon *d, struct json_object *list)
{
    static const struct finding_subject store = {"store", "database"};
    long long last_ms = (long long)(d->commit_last_us / 1000);
    long long worst_ms = (long long)(d->commit_worst_us / 1000);
    uint64_t dropped = driver_dropped(d->driver);
    if (d->store_alert) {
        finding_add(list, FINDING_FAIL, store,
                    "nothing can be stored, all campaigns wait: make room on the disk or "
                    "mend it; they go on by themselves");
    } else if (d->commit_last_us > COMMIT_WARN_US) {
        finding_add(list, FINDING_WARN, store,
                    "the last commit took %lld ms, the slowest %lld ms: answers miss the "
                    "receive windows of devices; use a faster or less busy disk",
                    last_ms, worst_ms);
    } else if (dropped > 0) {
        finding_add(list, FINDING_WARN, store,
                    "%" PRIu64
                    " messages of servers were lost while nothing could be stored; "
                    "devices are asked again, nothing is to be done",
                    dropped);
    } else {
        finding_add(list, FINDING_OK, store,
                    "the last commit took %lld ms, the slowest %lld ms", last_ms,
                    worst_ms);
    }
}

/* ---- brokers ---- */

static void look_flood(const struct mqtt_stats *stats, struct finding_subject subject,
                       struct json_object *list)
{
    uint64_t lost = stats->dropped_flood + stats->dropped_oversize;
    if (lost > 0) {
        finding_add(list, FINDING_WARN, subject,
                    "of %" PRIu64 " messages %" PRIu64 " came faster than they could be "
                    "taken and %" PRIu64 " were too large; see what publishes so much",
                    stats->received + lost, stats->dropped_flood,
                    stats->dropped_oversize);
    }
}

static void look_broker(const struct host_health *health, struct finding_subject subject,
                        struct json_object *list)
{
    if (!health->mqtt_up) {
        finding_add(
            list, FINDING_FAIL, subject,
            "not connected: %s; start the broker, or correct url and login of the "
            "fleet; the daemon tries again by itself",
            health->mqtt_problem[0] != '\0' ? health->mqtt_problem
                                            : "it does not answer yet");
    } else if (health->mqtt_problem[0] != '\0') {
        finding_add(list, FINDING_FAIL, subject,
                    "%s; let the daemon's user read these topics", health->mqtt_problem);
    } else {
        finding_add(list, FINDING_OK, subject, "connected, %" PRIu64 " messages received",
                    health->mqtt.received);
    }
    look_flood(&health->mqtt, subject, list);
}

static void look_status_broker(struct daemon *d, struct json_object *list)
{
    static const struct finding_subject status = {"status", "status broker"};
    if (d->mqtt == NULL) {
        finding_add(list, FINDING_OK, status, "none is configured");
        return;
    }
    if (!mqtt_is_up(d->mqtt)) {
        const char *problem = mqtt_problem(d->mqtt);
        finding_add(list, FINDING_FAIL, status,
                    "not connected: %s; start the broker, or correct spec.status; what "
                    "there is to tell is kept",
                    problem[0] != '\0' ? problem : "it does not answer yet");
    } else if (!relay_is_idle(&d->relay)) {
        finding_add(list, FINDING_OK, status, "connected; messages are on their way");
    } else {
        finding_add(list, FINDING_OK, status, "connected, nothing waits");
    }
}

/* ---- APIs ---- */

static void look_answer(const struct fleet_entry *fleet, const struct doctor_probe *probe,
                        const char *problem, struct finding_subject subject,
                        struct json_object *list)
{
    int err = probe->err;
    const char *token = fleet->doc->api.token_file;
    const char *url = fleet->doc->api.url;
    if (err == FUO_OK) {
        finding_add(list, FINDING_OK, subject, "it answers, and the token is accepted");
        if (probe->finding[0] != '\0') {
            finding_add(list, FINDING_WARN, subject, "%s", probe->finding);
        }
    } else if (probe->finding[0] != '\0') {
        finding_add(list, FINDING_FAIL, subject,
                    "%s refuses the token or the application: %s", url, probe->finding);
    } else if (err == FUO_EPERM || err == FUO_EAUTH) {
        finding_add(list, FINDING_FAIL, subject,
                    "%s refuses the token: put a valid API key of the application's "
                    "tenant into %s and start the daemon again",
                    url, token != NULL ? token : "a file, name it as tokenFile");
    } else if (err == FUO_ENOENT) {
        finding_add(list, FINDING_FAIL, subject,
                    "%s has no such application: correct networkServer.options", url);
    } else if (problem[0] != '\0') {
        finding_add(list, FINDING_FAIL, subject,
                    "%s; start the server, or correct networkServer.api", problem);
    } else {
        finding_add(list, FINDING_FAIL, subject,
                    "%s does not answer as this server would: %s; correct "
                    "networkServer.api, and see its log",
                    url, fuo_strerror(err));
    }
}

static void look_api(const struct fleet_entry *fleet, const struct doctor_probe *probe,
                     const struct host_health *health, struct json_object *list)
{
    char what[WHAT_SIZE];
    snprintf(what, sizeof(what), "API of fleet %s", fleet->doc->spec.name);
    struct finding_subject subject = {"api", what};
    switch (probe->answer) {
    case DOCTOR_NOT_ASKED:
        finding_add(list, FINDING_OK, subject,
                    "not asked: the plugin %s has no question for it",
                    fleet->doc->plugin);
        return;
    case DOCTOR_WAITS:
        finding_add(list, FINDING_FAIL, subject,
                    "%s does not answer within %d s%s%s; see whether the server is "
                    "overloaded, and whether the way there is free",
                    fleet->doc->api.url, DOCTOR_WAIT_MS / 1000,
                    health->http_problem[0] != '\0' ? ": " : "", health->http_problem);
        return;
    case DOCTOR_ANSWERED:
        look_answer(fleet, probe, health->http_problem, subject, list);
        return;
    }
}

/* ---- what came from a server and was of no use ---- */

static void look_rejects(const struct fleet_entry *fleet, bool has_mqtt,
                         struct json_object *list)
{
    char what[WHAT_SIZE];
    const char *area = has_mqtt ? "broker" : "devices";
    const char *advice =
        has_mqtt ? "see who else publishes there, and whether the server's version is "
                   "supported"
                 : "see who sends to the ports of the fleet's networkServer.options";
    snprintf(what, sizeof(what), "%s of fleet %s", area, fleet->doc->spec.name);
    const char *kind = NULL;
    uint64_t count = 0;
    for (size_t i = 0; i < REJECTS_SHOWN && host_reject(fleet->host, i, &kind, &count);
         i++) {
        finding_add(list, FINDING_WARN, (struct finding_subject){area, what},
                    "%" PRIu64 " messages were of no use: %s; %s", count, kind, advice);
    }
}

void doctor_look_connections(struct daemon *d, const struct doctor_probe *probes,
                             struct json_object *list)
{
    for (size_t i = 0; i < d->fleets.count; i++) {
        const struct fleet_entry *fleet = &d->fleets.items[i];
        struct host_health health;
        char what[WHAT_SIZE];
        host_health(fleet->host, &health);
        snprintf(what, sizeof(what), "broker of fleet %s", fleet->doc->spec.name);
        if (health.has_mqtt) {
            look_broker(&health, (struct finding_subject){"broker", what}, list);
        }
        look_rejects(fleet, health.has_mqtt, list);
        if (health.has_http) {
            look_api(fleet, &probes[i], &health, list);
        }
    }
    look_status_broker(d, list);
    if (d->implausible_uplinks > 0) {
        finding_add(list, FINDING_WARN, (struct finding_subject){"clock", "uplinks"},
                    "%" PRIu64 " came with a time far from ours: set the clock of this "
                    "machine, of the server or of its gateways",
                    d->implausible_uplinks);
    }
}

/* ---- campaigns ---- */

static struct utc later(struct utc a, struct utc b)
{
    return a.us > b.us ? a : b;
}

/* When something last became of one of its devices. */
static struct utc last_change(const struct daemon *d, const struct campaign_rec *rec)
{
    struct utc last = later(rec->created, rec->started);
    const struct member_rec *member;
    for (size_t i = 0; (member = engine_member_at(d->engine, rec->id, i)) != NULL; i++) {
        last = later(last, later(member->changed, member->phase_since));
    }
    return last;
}

static void look_running(struct daemon *d, const struct campaign_rec *rec,
                         struct finding_subject subject, struct json_object *list)
{
    int64_t idle_us = clock_utc(&d->clock).us - last_change(d, rec).us;
    if (idle_us > STUCK_US) {
        finding_add(list, FINDING_WARN, subject,
                    "nothing has become of any device for %lld hours: see with "
                    "`fuotactl devices %s --outcome active` whom it waits for, and the "
                    "findings about gateways and devices",
                    (long long)(idle_us / HOURS_US(1)), rec->name);
        return;
    }
    finding_add(list, FINDING_OK, subject, "%s", campaign_phase_name(rec->phase));
}

static void look_campaign(struct daemon *d, const struct campaign_rec *rec,
                          struct json_object *list)
{
    const struct campaign_entry *entry = campaigns_find(&d->campaigns, rec->id);
    char what[WHAT_SIZE];
    snprintf(what, sizeof(what), "campaign %s", rec->name);
    struct finding_subject subject = {"campaigns", what};
    switch (rec->phase) {
    case CAMPAIGN_PAUSED:
        if (entry != NULL && entry->untrusted) {
            finding_add(list, FINDING_FAIL, subject,
                        "its image does not verify any more: abort it, or put the keys "
                        "back into the trust policy and start the daemon again");
        } else {
            finding_add(list, FINDING_WARN, subject,
                        "paused%s%s: `fuotactl resume %s` when the reason is gone",
                        rec->reason[0] != '\0' ? ", " : "", rec->reason, rec->name);
        }
        return;
    case CAMPAIGN_SCHEDULED:
        finding_add(list, FINDING_OK, subject, "waits for spec.schedule.notBefore");
        return;
    case CAMPAIGN_RUNNING:
    case CAMPAIGN_ABORTING:
        look_running(d, rec, subject, list);
        return;
    case CAMPAIGN_COMPLETED:
    case CAMPAIGN_ABORTED:
    case CAMPAIGN_FAILED:
        return;
    }
}

static void look_left_out(const struct campaign_left_out *out, struct json_object *list)
{
    char what[WHAT_SIZE];
    snprintf(what, sizeof(what), "campaign %s", out->rec.name);
    if (out->rec.ended.us == 0) { /* else it needs nothing any more */
        finding_add(list, FINDING_FAIL, (struct finding_subject){"campaigns", what},
                    "left out at start: %s; mend that and start the daemon again",
                    out->rec.reason);
    }
}

void doctor_look_campaigns(struct daemon *d, struct json_object *list)
{
    const struct campaign_rec *rec;
    for (size_t i = 0; (rec = engine_campaign_at(d->engine, i)) != NULL; i++) {
        look_campaign(d, rec, list);
    }
    for (const struct campaign_left_out *out = d->campaigns.left_out; out != NULL;
         out = out->next) {
        look_left_out(out, list);
    }
}
