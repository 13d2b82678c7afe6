/* SPDX-License-Identifier: MIT */
/*
 * virtual.h - the daemon's parts on virtual time: no waiting, no socket, no signal.
 *
 * Files, store, plugin, engine, commit queue and all that carries effects out are those of
 * daemon.h, opened, killed and opened again as often as wanted. What the loop does there is
 * done by the owner here: it sets the hands of the clock, hands over what the carrier of the
 * plugin's messages brings (virtual_host()), tells when a deadline has come, and lets the
 * answers of the store in. The store has its thread and its file; nobody else has one.
 *
 * The hooks see every effect before it is carried out and every batch before it is stored,
 * and may end the life of the daemon right there, as a SIGKILL does: nothing of it happens
 * any more, and virtual_is_dead() says so. It is then to be closed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"
#include "io/clock.h"
#include "loop/status_carrier.h"
#include "plugin/host.h"

struct virtual_daemon;

enum virtual_verdict {
    VIRTUAL_GO_ON,
    VIRTUAL_DIE,      /* before it happens */
    VIRTUAL_DIE_DONE, /* when it has happened, before its answer is seen */
};

/* Called for everything there is. Effects and batches may be changed. */
struct virtual_hooks {
    enum virtual_verdict (*effect)(void *arg, struct effect *effect);
    /* rows: only the daemon's own are in it, if batch is empty. */
    enum virtual_verdict (*commit)(void *arg, struct effects *batch);
    /* What became of the batch that commit() saw last. */
    void (*settled)(void *arg, int err);
};

struct virtual_config {
    const char *config_file;
    const struct clock_hands *hands;     /* outlive the daemon */
    const struct host_carrier *carrier;  /* outlives the daemon */
    const struct status_carrier *status; /* outlives it; NULL: no status is carried */
    const struct virtual_hooks *hooks;   /* outlive the daemon */
    void *arg;
};

/*
 * Start: everything restored from the store, engine resumed. Else the error, and a sentence
 * on standard error if a file is wrong.
 */
FUO_MUST_CHECK int virtual_open(const struct virtual_config *config,
                                struct virtual_daemon **v);

/*
 * As a SIGKILL: what is not on disk is gone. *stored (may be NULL): whether the batch that
 * commit() saw last, and that is not settled, is on disk all the same. Accepts NULL.
 */
void virtual_close(struct virtual_daemon *v, bool *stored);

bool virtual_is_dead(const struct virtual_daemon *v);

/* Of the only fleet. */
struct fuo_host *virtual_host(const struct virtual_daemon *v);

const struct engine *virtual_engine(const struct virtual_daemon *v);

/* When virtual_timeout() is wanted; INSTANT_NEVER while nothing can be stored. */
struct instant virtual_deadline(const struct virtual_daemon *v);
void virtual_timeout(struct virtual_daemon *v);

/* Answers of the store that are due, and taking those that are due now: it waits for them. */
size_t virtual_answers_due(const struct virtual_daemon *v);
void virtual_take_answers(struct virtual_daemon *v);
void virtual_wait_answers(struct virtual_daemon *v); /* they are left for later */

/* Nothing could be stored; virtual_retry() is wanted two seconds later. */
bool virtual_wants_retry(const struct virtual_daemon *v);
void virtual_retry(struct virtual_daemon *v);

/* The broker of the status topics is there, or away; what became of a message. */
void virtual_status_up(struct virtual_daemon *v, bool up);
void virtual_status_published(struct virtual_daemon *v, uint64_t id, int err);
/* Nothing is left to be said. */
bool virtual_status_idle(const struct virtual_daemon *v);

/* Every few hours: the engine gets the windows of the weeks to come. */
void virtual_renew_windows(struct virtual_daemon *v);

/* An event that is not from the network; false while nothing can be stored. */
bool virtual_feed(struct virtual_daemon *v, struct engine_event *event);

/*
 * A client's apply: the same checks, the same rows. Whether the engine has the campaign. For
 * one that is under way, the file takes the place of the one before (apply_change.c).
 */
struct virtual_campaign {
    const char *yaml;
    const char *name;      /* in it */
    const char *signature; /* text */
    const uint8_t *image;
    size_t image_len;
};
bool virtual_apply(struct virtual_daemon *v, const struct virtual_campaign *campaign);

/* A client's retry, of all that have not succeeded: how many go again. */
size_t virtual_go_again(struct virtual_daemon *v, const char *name);

/* Whether the campaign goes by that text. */
bool virtual_has_file(const struct virtual_daemon *v, const char *name, const char *yaml);
