/* SPDX-License-Identifier: MIT */
/*
 * internal.h - the daemon's own structure; nobody outside src/loop includes it.
 *
 * Who does what:
 *   daemon.c      life: start, run, drain, end
 *   life.c       its parts: opened, closed, freed
 *   virtual.c     the same parts on virtual time, without loop, sockets and signals
 *   restore.c     the engine, rebuilt from the store; restore_campaigns.c its campaigns,
 *                 restore_rows.c what the engine takes row by row
 *   inventory_import.c  the inventories, into the store
 *   commit.c      batches to the store's thread and back; trouble with the disk
 *   exec.c        effects: intents to the plugins, keys
 *   answers.c     what the plugins say, as events of the engine
 *   fleet_link.c  connections of the fleets
 *   status_link.c connection of the status topics
 *   request_link.c requests over MQTT, on the same connection
 *   intake_link.c campaigns from the folder that is watched
 *   status_budget.c airtime of the gateways on the status topics
 *   snapshot.c    results for consumers of those topics
 *   notify.c      webhooks; notify_send.c tells them
 *   windows_link.c when campaigns may send, told to the engine and renewed
 *   methods.c     requests of the control protocol
 *   clients.c     who asks: over the socket or over MQTT
 *   import.c      devices are added; import_remove.c or removed
 *   apply.c       plan and apply; apply_check.c and apply_trust.c look whether it can be done
 *   budget.c      airtime of the gateways; gateway_airtime.c asks servers for what others send
 *   report.c      the parts of a campaign's report
 *   doctor.c      what is right and wrong; doctor_state.c and doctor_fleet.c look
 *   health.c      counters of the daemon itself
 *   audit.c       who did what
 *   device.c      what is known of a device
 *   query_wait.c  clients that wait for what the store is asked
 *   watch.c       streams of the control socket
 *
 * Beside them stand modules with headers of their own that know nothing of this struct.
 * Everything runs on the loop thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "config/daemon.h"
#include "engine/engine.h"
#include "io/clock.h"
#include "io/detail.h"
#include "loop/campaigns.h"
#include "loop/ctl_server.h"
#include "loop/driver.h"
#include "loop/fleets.h"
#include "loop/gateways.h"
#include "loop/keyring.h"
#include "loop/mqtt_ctl.h"
#include "loop/relay.h"
#include "loop/requests.h"
#include "loop/status.h"
#include "loop/status_carrier.h"
#include "loop/turns.h"
#include "loop/uploads.h"
#include "loop/windows.h"
#include "net/mqtt.h"
#include "plugin/host.h"
#include "store/store.h"

/* A client that is answered when the batch with its change is on disk. */
struct waiter {
    struct waiter *next;
    uint64_t connection;
    int64_t request_id;
    uint32_t campaign_id;
    bool applied;              /* answer as `apply`, else the state alone */
    bool changed;              /* ... that was there, and was changed */
    struct json_object *plan;  /* of an apply; owned, may be NULL */
    struct json_object *retry; /* of a retry: what it did; owned, else NULL */
    struct import *import;     /* of an import: what is added then; owned, else NULL */
    struct scan *scan;         /* of a scan: a part of its rows; borrowed, else NULL */
    uint64_t access;           /* of an access that is in the audit log then; else 0 */
};

/* Effects WRAP_KEY and BLOCK_MIC that wait for a device's root key. */
struct key_jobs {
    struct effect *items; /* items[head .. len): first come, first served */
    size_t head;
    size_t len;
    size_t cap;
    uint64_t tag; /* of the query for items[head]; 0: none is out */
};

/* A client that waits for what only the store knows: of a device, or for a report. */
struct history_wait {
    struct history_wait *next;
    uint64_t tag;
    uint64_t connection;
    int64_t request_id;
    struct json_object *data; /* owned; what the store says is added */
};

/* A client that waits for a page of the audit log. */
struct audit_wait {
    struct audit_wait *next;
    uint64_t tag;
    uint64_t connection;
    int64_t request_id;
};

struct watcher {
    struct watcher *next;
    uint64_t connection; /* 0: gone */
    int64_t request_id;
    uint32_t campaign_id;
    bool devices;
    bool pending;     /* a change has not been told */
    uint64_t told_ms; /* loop time */
};

/* A device's result is in the batch that is out. */
struct watch_note {
    uint32_t campaign_id;
    uint64_t dev_eui;
};

struct watch_notes {
    struct watch_note *items;
    size_t count;
    size_t cap;
};

enum {
    WAITERS_MAX = 256,  /* clients' requests that wait for the disk */
    WATCHERS_MAX = 256, /* streams, of all connections together */
    PLANNINGS_MAX = 16, /* plans that are computed, or wait for it */
};

struct intake_link;
struct notify;

/* What is on a topic gw/budget/<shard>. */
struct status_budget {
    uint64_t hash; /* 0: nothing of ours */
    uint64_t at_ms;
};

enum {
    STATUS_BUDGET_SHARDS = 64, /* for ever: consumers may subscribe to each */
};

/* The id of what is published past the outbox. */
#define MQTT_DIRECT_ID UINT64_MAX

struct daemon {
    uv_loop_t *loop;
    struct clock clock;
    struct turns turns;
    struct daemon_doc *doc;
    uint32_t boot; /* of this start, or of the engine that a failed commit led to */
    struct fleets fleets;
    struct windows windows;
    uv_timer_t windows_timer;
    const struct host_carrier *carrier; /* of the fleets' messages; NULL: connections */

    struct store *store;
    uv_async_t store_async;
    uv_timer_t retry_timer;
    uv_timer_cb on_retry;
    struct store_batch rows;      /* of the daemon's own, for the next batch */
    struct store_batch parts;     /* gathered of the engine's */
    bool rows_tied;               /* some belong to the step that follows them */
    struct effects publish_later; /* PUBLISH effects for the next batch */
    struct utc charges_pruned;    /* when old charges were deleted last */
    uint64_t outbox_added;        /* rows since it was pruned last */
    int submit_err;               /* the batch could not even be handed over */
    bool probing;                 /* the batch that is out is a trial */
    bool store_alert;             /* nothing can be stored */
    uint64_t commit_began_ns;     /* the batch that is out */
    uint64_t commit_last_us;
    uint64_t commit_worst_us;

    struct engine *engine;
    bool engine_stale; /* ahead of the store, after a commit that failed */
    struct driver *driver;
    struct campaigns campaigns;
    uint32_t last_campaign_id;
    struct keyring *keyring;
    struct key_jobs key_jobs;
    struct requests requests;
    uint64_t uplinks; /* taken from the servers, of devices that are known */
    uint64_t implausible_uplinks;
    struct gateways gateways; /* heard since the start */
    struct utc started;
    uint64_t flushes_dropped;
    uint64_t backlog_logged; /* what was dropped, when that was logged last */
    uint64_t backlog_logged_ms;

    struct notify *notify;
    struct ctl_server *ctl;
    struct intake_link *intake; /* NULL: no folder is watched */
    struct uploads *uploads;
    struct waiter *waiters;     /* for the next batch */
    struct waiter *waiters_out; /* for the one that is out */
    struct history_wait *histories;
    struct audit_wait *audits;
    struct access_client *accesses; /* whoever waits for an answer of a device */
    size_t plannings;               /* under way on other threads */
    bool importing;        /* a file of devices is looked at, or on its way to the disk */
    bool removing;         /* ... and its devices go out of the inventory */
    struct doctor *doctor; /* NULL: nobody has asked */
    uv_timer_t doctor_timer;
    uint64_t last_tag;
    uint64_t outbox_tag; /* of the query whose rows the relay waits for */
    struct watcher *watchers;
    struct watch_notes watch_notes;
    uv_timer_t watch_timer;
    uv_timer_cb on_watch;

    struct status *status; /* NULL: no status on MQTT */
    struct mqtt_client *mqtt;
    const struct status_carrier *status_carrier; /* of the status; NULL: a connection */
    struct operators operators;
    struct mqtt_ctl *mqtt_ctl;           /* NULL: no requests over MQTT */
    char session[ENVELOPE_SESSION_SIZE]; /* of this process, for those; hex */
    struct relay relay;
    uv_timer_t budget_timer;
    uv_timer_t scan_timer;
    uv_timer_t airtime_timer;
    struct scan_wait *scan_waits;
    struct status_budget budgets_said[STATUS_BUDGET_SHARDS];

    uv_signal_t sigterm;
    uv_signal_t sigint;
    uv_timer_t drain_timer;
    bool running; /* the loop handles the store's answers */
    bool draining;
    atomic_bool stopping; /* the same, for what is computed on other threads */
    bool told_draining;   /* the broker has the state `draining` */
    uint64_t drain_started_ms;
    size_t closing; /* connections that are being closed */
};

/* life.c: what the daemon is made of, for whoever runs it. */
struct daemon_options;
/* All files, all problems at once. */
FUO_MUST_CHECK int life_load_files(struct daemon *d, const struct daemon_options *options,
                                   struct diag_list *diags);
/* Handles and driver; d->loop, clock and doc are there. ports are called with arg. */
void life_init(struct daemon *d, const struct driver_ports *ports, void *arg);
/* Store, keys, connections, campaigns; nothing is sent yet. */
FUO_MUST_CHECK int life_open(struct daemon *d, struct diag_list *diags,
                             struct detail *detail);
/* Connections and handles; they are closed when the loop has run out. */
void life_close(struct daemon *d);
/* Memory. Accepts a half-built one; the handles are closed. */
void life_release(struct daemon *d);

/* restore.c: a fresh engine in d->engine, and all that goes with it. */
FUO_MUST_CHECK int restore_engine(struct daemon *d, struct detail *detail);
FUO_MUST_CHECK int restore_waves(struct daemon *d, struct engine *engine,
                                 struct detail *detail);
FUO_MUST_CHECK int restore_rows(struct daemon *d, struct engine *engine,
                                struct detail *detail);
/* inventory_import.c: devices into the store, keys sealed and then forgotten; those that
 * were imported out of it. */
FUO_MUST_CHECK int restore_inventories(struct daemon *d, struct detail *detail);
/* A row, its keys sealed on the way. Thread-safe but for the batch. */
void inventory_put(struct store_batch *rows, const struct store *store, const char *fleet,
                   const struct inventory *inventory,
                   const struct inventory_device *device);

/* The same with other keys than the device's: NULL is none, or that of the row is kept. */
struct inventory_keys {
    const uint8_t *gen_app_key;
    const uint8_t *app_key;
    bool keeps_gen_app_key;
    bool keeps_app_key;
};
void inventory_put_keys(struct store_batch *rows, const struct store *store,
                        const char *fleet, const struct inventory *inventory,
                        const struct inventory_device *device,
                        const struct inventory_keys *keys);

/* inventory_stored.c: devices that were imported, as the store has them. */
struct stored_devices {
    struct store_inventory *items; /* texts owned */
    size_t count;
    size_t cap;
};
void stored_devices_add(struct stored_devices *devices,
                        const struct store_inventory *row);
/* Those of a fleet from there, ascending as they were added. */
void stored_devices_inventory(const struct stored_devices *devices, const char *fleet,
                              enum store_origin origin, struct inventory *inventory);
void stored_devices_finish(struct stored_devices *devices);

/* commit.c */
extern const struct driver_ports commit_ports;
void commit_on_store(struct daemon *d); /* the store has answers */
/* The two halves of it, for who counts them: one answer (false: there is none), and what
 * is left to do after the last. */
bool commit_take_answer(struct daemon *d);
void commit_after_answers(struct daemon *d);
void commit_on_retry(struct daemon *d);
/* A client is answered when the next batch is on disk; what it gets is set in the waiter. */
struct waiter *commit_wait(struct daemon *d, uint64_t connection, int64_t request_id);
/* The clients' requests that wait for the next batch are as many as may. */
bool commit_waiters_full(const struct daemon *d);
void commit_tell_alert(struct daemon *d); /* set or clear the alert `store` */
/* PUBLISH effects that come from no step; they go with the next batch. */
void commit_publish_later(struct daemon *d, const struct effects *effects);
/* Hand over the daemon's own rows and wait; only before the loop runs. FUO_EAGAIN: they
 * are stored, but somebody wants the daemon to stop. */
FUO_MUST_CHECK int commit_now(struct daemon *d, struct detail *detail);

/* exec.c */
void exec_effect(struct daemon *d, const struct effect *effect);
void exec_key_answer(struct daemon *d, const struct store_done *done);
/*
 * What the engine is told of a root key that was asked for. FUO_ENOENT is for good: the
 * device has none, or none that can be unsealed. FUO_EAGAIN: the disk cannot be read now.
 */
FUO_MUST_CHECK int exec_root_key_error(const struct store_done *done);
void exec_next_key(struct daemon *d); /* ask for the next key, if none is asked for */
void exec_forget(struct daemon *d); /* requests and key jobs of an engine that is gone */

/* answers.c */
/* fleet_id: whose server said it; what it says of another fleet's device is ignored. */
void answers_take(struct daemon *d, uint32_t fleet_id, const struct fuo_event *event);

/* fleet_link.c */
FUO_MUST_CHECK int fleet_link_open_all(struct daemon *d, struct diag_list *diags);
void fleet_link_close_all(struct daemon *d);
struct services_import;
/* A device of any fleet by its EUI, else by its name in the inventory (of several of that
 * name: the first); false: there is none. */
bool fleet_link_device(const struct daemon *d, const char *text, uint64_t *dev_eui,
                       uint32_t *fleet_id);
/* Devices of that fleet were imported: its plugin can use their names and keys. */
void fleet_link_imported(const struct fleet_entry *fleet,
                         const struct services_import *devices, size_t count);

/* status_link.c */
FUO_MUST_CHECK int status_link_open(struct daemon *d, struct diag_list *diags);
void status_link_set_state(struct daemon *d, const char *state);
/* text NULL clears it. */
void status_link_alert(struct daemon *d, const char *id, const char *text);
void status_link_store_opened(struct daemon *d);
/* The broker is there, or away; what became of a message. */
void status_link_up(struct daemon *d, bool up);
void status_link_published(struct daemon *d, uint64_t id, int err);
void status_link_close(struct daemon *d);

/* request_link.c: requests over MQTT, if the file allows them and names operators. */
bool request_link_wanted(const struct daemon *d);
void request_link_prepare(struct daemon *d); /* before anything is said on $state */
FUO_MUST_CHECK int request_link_open(struct daemon *d);

/* windows_link.c. Without restrictions there is nothing to tell. */
void windows_link_give(struct daemon *d, const struct campaign_entry *entry);
FUO_MUST_CHECK int windows_link_restore(struct daemon *d, struct engine *engine,
                                        const struct campaign_entry *entry);
/* They are others than before, or none any more. */
void windows_link_replace(struct daemon *d, const struct campaign_entry *entry);
void windows_link_start(struct daemon *d); /* renew every few hours */
void windows_link_renew(struct daemon *d);

/* clients.c */
enum {
    CLIENT_ACTOR_SIZE = 96,
};
/* Takes line. Whoever is gone does not hear it. */
void client_send(struct daemon *d, uint64_t connection, char *line);
/* "user:NAME", "uid:N", "key:ID" or "folder"; may write to text. */
const char *client_actor(const struct daemon *d, uint64_t connection,
                         char text[static CLIENT_ACTOR_SIZE]);

/* A client of the daemon's own: campaigns from the folder. No other has that number. */
#define INTAKE_CONNECTION UINT64_MAX

/* query_wait.c: the client of a query with that tag; its data is taken. */
void query_wait_add(struct daemon *d, const struct history_wait *client);
/* Adds what the store says to data. */
typedef void query_wait_fn(struct daemon *d, struct json_object *data,
                           const struct store_done *done);
/* Answered with it, or with why the store cannot say it. */
void query_wait_answer(struct daemon *d, const struct store_done *done,
                       query_wait_fn *add);
/* intake_link.c */
void intake_link_start(struct daemon *d);
void intake_link_close(struct daemon *d);
/* A transaction failed, and the store can be written again: what came of files may be lost. */
void intake_link_recover(struct daemon *d);
void intake_link_tell(
    struct daemon *d); /* the alerts, to a broker that may not know them */
/* Whether the answer to that connection is for it. error NULL: it was done. */
bool intake_link_answer(struct daemon *d, uint64_t connection,
                        const struct ctl_error *error);

/* methods.c */
extern const struct ctl_server_handlers method_handlers;
void method_answer_waiters(struct daemon *d, int err);
/* Those whose request changed nothing, once nothing is on its way to the disk. */
void method_answer_unchanged(struct daemon *d);
void method_reply(struct daemon *d, uint64_t connection, int64_t request_id,
                  struct json_object *data /* takes */);
void method_refuse(struct daemon *d, uint64_t connection, int64_t request_id,
                   struct ctl_error *error /* finished */);
struct json_object *method_state(const struct daemon *d, const struct campaign_rec *rec);
/* Adds the name of its wave to what is told of a device; null: it is in none. */
void method_add_wave(const struct daemon *d, uint32_t campaign_id,
                     const struct member_rec *member, struct json_object *device);

/* "" for one that is not there any more. */
const char *method_fleet_name(const struct daemon *d, uint32_t fleet_id);
/* The same with the name of its fleet. */
void method_add_fleet(const struct daemon *d, const struct member_rec *member,
                      struct json_object *device);

/* apply.c: answer a plan or an apply, now or when it is on disk. */
void apply_request(struct daemon *d, uint64_t connection, struct ctl_request *request);
/* apply_trust.c: FUO_OK, or what trust_check() says; text is for people. */
FUO_MUST_CHECK int apply_check_trust(const struct fleet_entry *fleet,
                                     const struct trust_request *request, char *text,
                                     size_t text_size);
/* apply_trust.c: a JSON array of texts; at most max are written. FUO_EPROTO, FUO_ERANGE. */
FUO_MUST_CHECK int apply_signatures(struct json_object *array,
                                    struct trust_signature *signatures, size_t max,
                                    size_t *count);

/* health.c: since the start, of all fleets together. */
struct health {
    uint64_t messages;      /* of the fleets' brokers, as far as they were looked at */
    uint64_t uplinks;       /* of devices that are known */
    uint64_t dropped_flood; /* messages that came faster than the loop could take them */
    uint64_t dropped_backlog; /* what may be lost, while too much waited for the disk */
    uint64_t dropped_oversize;
    uint64_t rejected;    /* by plugins and their hosts: not what a server says */
    uint64_t implausible; /* uplinks from another time */
};

/* Log that events were dropped because too much waits for the disk; not too often. */
void health_report_backlog(struct daemon *d);
struct health health_now(const struct daemon *d);
struct json_object *health_render(const struct daemon *d); /* DAEMON of ctl/protocol.h */

/* audit.c: texts may be NULL. The record is part of the next batch: to be called before
 * the event that it is about is fed. */
struct audit_action {
    const char *action;
    const char *object;
    const char *reason;
    const char *detail;
    bool no_campaign; /* object is none: no event of one is told */
};
void audit_note(struct daemon *d, uint64_t connection, const struct audit_action *action);
void audit_request(struct daemon *d, uint64_t connection, struct ctl_request *request);
void audit_answer(struct daemon *d, const struct store_done *done);

/* control.c: pause, resume, abort, approve of that campaign. */
void control_request(struct daemon *d, uint64_t connection, struct ctl_request *request,
                     const struct campaign_rec *rec);

/* import.c: devices are added to an inventory, once they are on disk. */
/* access.c: objects of a device. */
struct access_client;
void access_request(struct daemon *d, uint64_t connection, struct ctl_request *request);
void access_take(struct daemon *d, uint32_t fleet_id, const struct fuo_event *event);
void access_stored(struct daemon *d, const struct waiter *waiter, int err);
/* The client is gone: nobody wants the answers any more. */
void access_gone(struct daemon *d, uint64_t connection);
void access_close(struct daemon *d);

void import_request(struct daemon *d, uint64_t connection, struct ctl_request *request);
/* They are, or the disk failed: answers, and frees waiter->import. */
void import_stored(struct daemon *d, struct waiter *waiter, int err);
void import_free(struct import *import); /* accepts NULL */

/* The engine has them before anybody can name them: those that are in no file. */
void import_tell_engine(struct daemon *d, const struct fleet_entry *fleet);

/* scan.c: what the servers have, read at the start and now and then. */
void scan_start(struct daemon *d);
/* Whether the event belongs to a scan. */
bool scan_take(struct daemon *d, uint32_t fleet_id, const struct fuo_event *event);
/* A part of its rows is on disk, or the disk failed. */
void scan_stored(struct daemon *d, struct scan *scan, int err);
/* Whether a plan should wait for a scan, which is begun; then done(arg) follows, soon. */
bool scan_wait_for(struct daemon *d, struct fleet_entry *fleet, void (*done)(void *arg),
                   void *arg);
void scan_close(struct daemon *d); /* those who wait are called */
void scan_free_all(struct daemon *d);

/* retry.c: devices of that campaign go again. */
void retry_request(struct daemon *d, uint64_t connection, struct ctl_request *request,
                   const struct campaign_rec *rec);

/* device.c */
void device_request(struct daemon *d, uint64_t connection, struct ctl_request *request);
void device_history_answer(struct daemon *d, const struct store_done *done);

/* snapshot.c */
void snapshot_request(struct daemon *d, uint64_t connection, struct ctl_request *request);

/* status_budget.c: gw/budget/<shard>, every ten seconds as far as it has changed. */
void status_budget_start(struct daemon *d);
void status_budget_again(struct daemon *d); /* the broker may have lost them */

/* budget.c */
void budget_request(struct daemon *d, uint64_t connection, struct ctl_request *request);
/* BUDGET of ctl/protocol.h, fresh. */
struct json_object *budget_render(const struct engine_budget *budget);

/* report.c: answer a part of a report, now or when the store has answered. */
void report_request(struct daemon *d, uint64_t connection, struct ctl_request *request);
void report_answer(struct daemon *d, const struct store_done *done);

/* rollback.c: what the campaign before brought; a piece of an image. */
void rollback_request(struct daemon *d, uint64_t connection, struct ctl_request *request);
void rollback_image_request(struct daemon *d, uint64_t connection,
                            struct ctl_request *request);
void rollback_answer(struct daemon *d, const struct store_done *done);

/* watch.c */
void watch_start(struct daemon *d, uint64_t connection, struct ctl_request *request);
void watch_gone(struct daemon *d, uint64_t connection);
/* A batch with these effects is on disk. */
void watch_note(struct daemon *d, const struct effects *batch);
void watch_committed(struct daemon *d);
void watch_on_timer(struct daemon *d);
