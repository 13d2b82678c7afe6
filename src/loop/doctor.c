/* SPDX-License-Identifier: MIT */
#include "loop/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "doctor/machine.h"
#include "loop/internal.h"
#include "loop/render.h"
#include "loop/xalloc.h"
#include "plugin/host.h"
#include "store/seal.h"

enum {
    LOOK_MS = 50, /* from one look for answers to the next */
};

struct doctor_client {
    struct doctor_client *next;
    uint64_t connection;
    int64_t request_id;
};

struct doctor {
    struct doctor_client *clients;
    uint64_t began_ms; /* loop time */
    size_t waiting;    /* probes without an answer */
    size_t count;
    struct doctor_probe probes[]; /* one per fleet */
};

/* ---- the answer ---- */

static struct json_object *look(struct daemon *d, const struct doctor_probe *probes)
{
    static const struct finding_subject key = {"key", "sealing key"};
    struct json_object *list = json_object_new_array();
    struct finding_subject self = {"daemon", d->doc->name};
    finding_add(list, FINDING_OK, self, "fuotad %s answers, boot %u", FUO_VERSION,
                (unsigned)d->boot);
    machine_clock(list, &d->clock);
    machine_disk(list, config_path(&d->doc->doc, d->doc->state_dir));
    machine_secret(list, key, daemon_sealing_key_path(d->doc), SEAL_KEY_BYTES);
    doctor_look_store(d, list);
    doctor_look_connections(d, probes, list);
    doctor_look_servers(d, probes, list);
    doctor_look_fleets(d, list);
    doctor_look_campaigns(d, list);
    return list;
}

static void forget(struct daemon *d)
{
    struct doctor *doctor = d->doctor;
    d->doctor = NULL;
    while (doctor->clients != NULL) {
        struct doctor_client *client = doctor->clients;
        doctor->clients = client->next;
        free(client);
    }
    free(doctor);
}

static void tell(struct daemon *d)
{
    struct json_object *list = look(d, d->doctor->probes);
    for (const struct doctor_client *c = d->doctor->clients; c != NULL; c = c->next) {
        struct json_object *data = json_object_new_object();
        render_add(data, "findings", json_object_get(list));
        method_reply(d, c->connection, c->request_id, data);
    }
    json_object_put(list);
    uv_timer_stop(&d->doctor_timer);
    forget(d);
}

/* Neither connected nor refused: a daemon that has only just started. */
static bool is_undecided(bool up, const char *problem)
{
    return !up && problem[0] == '\0';
}

static bool all_is_known(const struct daemon *d)
{
    for (size_t i = 0; i < d->fleets.count; i++) {
        struct host_health health;
        host_health(d->fleets.items[i].host, &health);
        if (health.has_mqtt && is_undecided(health.mqtt_up, health.mqtt_problem)) {
            return false;
        }
    }
    bool undecided =
        d->mqtt != NULL && is_undecided(mqtt_is_up(d->mqtt), mqtt_problem(d->mqtt));
    return d->doctor->waiting == 0 && !undecided;
}

static void on_timer(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    if (all_is_known(d) || uv_now(d->loop) - d->doctor->began_ms >= DOCTOR_WAIT_MS) {
        tell(d);
    }
}

/* ---- the questions ---- */

static void ask(struct daemon *d, struct fleet_entry *fleet, struct doctor_probe *probe)
{
    struct host_health health;
    probe->fleet_id = fleet->id;
    host_health(fleet->host, &health);
    if (!health.has_http) {
        return;
    }
    struct request request = {
        .id = requests_new_id(&d->requests),
        .kind = REQUEST_PROBE,
        .fleet_id = fleet->id,
    };
    int err = host_probe(fleet->host, request.id);
    if (err == FUO_OK) {
        requests_add(&d->requests, &request);
        probe->answer = DOCTOR_WAITS;
        probe->request = request.id;
        d->doctor->waiting++;
    } else if (err != FUO_ENOTSUP) {
        probe->answer = DOCTOR_ANSWERED;
        probe->err = err;
    }
}

static void start(struct daemon *d)
{
    size_t count = d->fleets.count;
    d->doctor = xcalloc(1, sizeof(*d->doctor) + count * sizeof(struct doctor_probe));
    d->doctor->count = count;
    for (size_t i = 0; i < count; i++) {
        ask(d, &d->fleets.items[i], &d->doctor->probes[i]);
    }
    d->doctor->began_ms = uv_now(d->loop);
    uv_timer_start(&d->doctor_timer, on_timer, 0, LOOK_MS);
}

void doctor_request(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    if (d->doctor == NULL) {
        start(d);
    }
    struct doctor_client *client = xcalloc(1, sizeof(*client));
    client->connection = connection;
    client->request_id = request->id;
    client->next = d->doctor->clients;
    d->doctor->clients = client;
}

void doctor_probed(struct daemon *d, uint32_t fleet_id, int err)
{
    struct doctor *doctor = d->doctor;
    for (size_t i = 0; doctor != NULL && i < doctor->count; i++) {
        struct doctor_probe *probe = &doctor->probes[i];
        if (probe->fleet_id == fleet_id && probe->answer == DOCTOR_WAITS) {
            probe->answer = DOCTOR_ANSWERED;
            probe->err = err;
            doctor->waiting--;
        }
    }
}

void doctor_found(struct daemon *d, uint32_t fleet_id, const struct fuo_event *event)
{
    struct doctor *doctor = d->doctor;
    for (size_t i = 0; doctor != NULL && i < doctor->count; i++) {
        struct doctor_probe *probe = &doctor->probes[i];
        if (probe->fleet_id == fleet_id && probe->request == event->finding.id) {
            memcpy(probe->finding, event->finding.text, strlen(event->finding.text) + 1);
        }
    }
}

void doctor_close(struct daemon *d)
{
    if (d->doctor != NULL) {
        forget(d);
    }
}
