/* SPDX-License-Identifier: MIT */
/*
 * driver.h - feeds the engine: stamp, step, store, carry out, rearm.
 *
 * The only caller of engine_step() in the daemon. It stamps each event with both clocks,
 * gives what the step appended to the commit queue, hands one batch at a time to the disk,
 * and carries out what a commit has released, through struct driver_ports: in order, a few
 * in each turn of the loop. It knows neither the database nor the network. A step of the wall clock becomes an event of its
 * own before the event that noticed it.
 *
 * If a commit fails, everything withheld is dropped and events are refused until
 * driver_recover() brings an engine rebuilt from the store; nothing was sent, so nothing
 * is lost (design 7).
 *
 * Loop thread only. Never re-entrant: an event fed while another is being worked on waits
 * in a queue; such events must not carry borrowed pointers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "engine/commitq.h"
#include "engine/engine.h"
#include "io/clock.h"

enum {
    /* Effects withheld; beyond that uplinks, statuses and fates are dropped. */
    DRIVER_BACKLOG_MAX = 200000,
    /* A turn of the loop stays short: so many effects are carried out in one, */
    DRIVER_EXECUTE_MAX = 256,
    /* and so many are stored in a transaction, but whole steps, and taken in a turn. */
    DRIVER_BATCH_MAX = 4096,
};

struct driver_ports {
    /* An effect that may be carried out now; may feed its answer. */
    void (*execute)(void *arg, const struct effect *effect);
    /* Rows of the daemon's own wait for the next batch. */
    bool (*has_rows)(void *arg);
    /* Some of them, or somebody's answer, belong to steps that are not stored yet: all of
     * those go into the next batch. */
    bool (*wants_all)(void *arg);
    /* Those belong to the transaction that commit() is called for in a later turn; what the
     * daemon adds to its own rows meanwhile belongs to it, too. */
    void (*gather)(void *arg, const struct effects *part);
    /*
     * Store STORE and PUBLISH effects and the daemon's own rows in one transaction;
     * driver_committed() follows, never before this returns.
     */
    void (*commit)(void *arg, const struct effects *batch);
    /* The batch is on disk (FUO_OK), or it and everything after it was dropped. */
    void (*settled)(void *arg, int err);
};

struct driver;

/* Down until driver_recover() gives it an engine. clock and ports are copied. */
struct driver *driver_create(uv_loop_t *loop, const struct clock *clock,
                             const struct driver_ports *ports, void *arg);

/* Stops the timer; on_closed (may be NULL) is the last call made. The engine is not freed. */
void driver_close(struct driver *driver, void (*on_closed)(void *arg), void *arg);

/* A (re)built engine: drops what is withheld, resumes it and carries on. */
void driver_recover(struct driver *driver, struct engine *engine);

/* Stamps and steps. Refused (false) while the driver is down. */
bool driver_feed(struct driver *driver, struct engine_event *event);

/* What the disk said of the batch that is out. */
void driver_committed(struct driver *driver, int err);

/* Start a batch if rows of the daemon wait and none is out. */
void driver_flush(struct driver *driver);

/* Events that are fed between these two, and rows, are stored together: no batch is begun
 * before the second, which flushes. Within one callback of the loop. */
void driver_hold(struct driver *driver);
void driver_release(struct driver *driver);

/*
 * No further event and no further effect: only the batch that is out still settles. What
 * was withheld is as after a crash: the next start takes it up.
 */
void driver_stop(struct driver *driver);

bool driver_is_down(const struct driver *driver);
/* Nothing is on its way to the disk, and after driver_stop() nothing will be: what was
 * gathered is as good as never heard of. */
bool driver_is_idle(const struct driver *driver);
/* When the driver wants to be called at the latest, by its own timer; INSTANT_NEVER. */
struct instant driver_deadline(const struct driver *driver);
/* Its time has come. */
void driver_timeout(struct driver *driver);
/* Events dropped because too much was withheld. */
uint64_t driver_dropped(const struct driver *driver);

/* What the clocks may move apart between two events and not be taken for a step. */
#define DRIVER_CLOCK_SLACK_US SECONDS_US(1)

/*
 * Whether UTC was set since the last call: by *delta_us. *ahead_us is UTC minus monotonic
 * time and follows them; small drift is the system slewing its clock.
 */
bool driver_clock_stepped(int64_t *ahead_us, struct instant now, struct utc utc,
                          int64_t *delta_us);
