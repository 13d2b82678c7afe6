/* SPDX-License-Identifier: MIT */
/*
 * apply_internal.h - between the files apply*.c only.
 *
 * The checks look at everything that can be looked at: each adds its problems to a->diags,
 * notes the code by apply_refuse(), and the next one is made as well, unless it cannot do
 * without what the first was for. apply_verdict() refuses with all of them at once. A check
 * answers CTL_DONE or that code; only CTL_USAGE and CTL_INTERNAL, with a->error filled in, end
 * it there and then (apply_is_stopped()). They change nothing but a.
 */
#pragma once

#include "config/campaign_change.h"
#include "loop/internal.h"
#include "loop/planning.h"

/* A fleet of the campaign, and what of it concerns that fleet. */
struct application_fleet {
    struct fleet_entry *fleet;
    uint64_t *devices; /* owned; of the selected ones, ascending */
    uint8_t *waves;    /* owned; of each device */
    size_t device_count;
    struct planning planning;
    struct planning_job *job; /* NULL: there is no radio to plan, or no more */
    struct diag_list diags;   /* of its planning */
};

/*
 * A plan or an apply on its way through the checks. Nothing is changed before the last. The
 * plan is computed on another thread, so the world may have changed when it is there.
 */
struct application {
    struct daemon *d;
    uint64_t connection;
    int64_t request_id;
    bool only_plan;
    struct json_object *params; /* owned */
    uv_work_t work;
    const char *yaml;
    struct campaign_doc *doc;
    struct application_fleet *fleets; /* owned; in the order of the file */
    size_t fleet_count;
    size_t asked; /* of its fleets: their servers were asked for devices */
    char digest[CTL_DIGEST_SIZE];
    const uint8_t *image; /* borrowed from uploads or another campaign */
    size_t image_len;
    uint8_t spec_digest[STORE_DIGEST_BYTES];
    uint64_t *devices; /* of all fleets, ascending */
    size_t device_count;
    struct schedule_term term;
    uint8_t *waves;       /* of each device */
    uint32_t *wave_sizes; /* of each wave of the file */
    struct deltas deltas;
    const struct campaign_entry
        *entry;                    /* made from this, and has the deltas; NULL: not yet */
    struct delta_work *delta_work; /* NULL: there are none */
    struct planning planning;      /* of all fleets */
    struct diag_list diags;
    enum ctl_code refused; /* the code of the first problem; CTL_DONE: there is none */
    const char *what;      /* that is, or for several kinds of them in general */
    bool lacks;            /* something that a plan cannot be made without */
    struct ctl_error error;
};

enum { APPLY_PATH_SIZE = 64 };

/* There is a problem in a->diags. What it comes to: "the image is not there"; a literal.
 * Returns code. */
int apply_refuse(struct application *a, enum ctl_code code, const char *what);
/* Adds one, at that path of the file. */
__attribute__((format(printf, 3, 4))) void
apply_problem(struct application *a, const char *path, const char *format, ...);
/* CTL_DONE, or the code of the first problem, with all problems in a->error, in the order of the
 * file, each where it is. */
int apply_verdict(struct application *a);
/* The code of a check after which no other is made. */
bool apply_is_stopped(int code);

/* Params and the text of the campaign; fills a->yaml, digest, doc, term, spec_digest. Any
 * code ends it. */
int apply_check_file(struct application *a);

/* *existing: the campaign of that name, if this is the very same one; else untouched. */
int apply_check_name(struct application *a, const struct campaign_rec **existing);

/* The campaign of that name, if it is under way with other content; else NULL. */
struct campaign_entry *apply_under_way(const struct application *a);

/* Whether it may become that: the verdict, with all that must not be changed. */
int apply_check_change(struct application *a, const struct campaign_entry *entry,
                       struct campaign_change *change);

/* The same, and it does; the client is answered when it is on disk. */
int apply_change(struct application *a, struct campaign_entry *entry);

/* That it is here, and trusted; fills a->image, which is borrowed. */
int apply_check_image(struct application *a);

/* apply_deltas.c: that they are here, trusted, smaller than the image, and have a base where
 * one is needed; fills a->deltas. After the image. */
int apply_check_deltas(struct application *a);
/* What they make of their bases, on any thread; NULL: nothing to do. */
void apply_deltas_compute(struct delta_work *work);
/* What came of that. */
int apply_deltas_verdict(struct application *a);
/* As the client sent them; NULL: it sent none. Borrowed. */
struct json_object *apply_deltas_sent(const struct application *a);
void apply_deltas_finish(struct application *a);

/* Fleet, image, deltas, targets and waves; fills the rest but the plan. */
int apply_check_all(struct application *a);

/* The fleet's server brings images to devices one by one; no radio is planned. */
bool apply_is_delivered(const struct fleet_entry *fleet);

enum { APPLY_FLEET_SIZE = SPEC_NAME_SIZE + 16 };

/* "fleet 'x': ", to begin a message about one of several; else "". */
const char *apply_fleet_text(const struct application *a, const struct fleet_entry *fleet,
                             char text[static APPLY_FLEET_SIZE]);

/* apply_plan.c: what it would cost. Begins the jobs of its fleets, and returns how many
 * there are to be computed. */
size_t apply_plan_begin(struct application *a);
void apply_plan_compute(struct application *a); /* on any thread */
/* Fills a->planning. */
int apply_plan_end(struct application *a);
void apply_plan_finish(struct application *a);
/* spec: a's own, or of the campaign that was made from it. */
struct planning_request apply_plan_request(const struct application *a,
                                           const struct campaign_spec *spec);
struct json_object *apply_plan_data(const struct application *a,
                                    const struct campaign_spec *spec);

/* apply_server.c: whether the server can be used at all; then, with devices chosen, whether it
 * would let it happen. */
int apply_check_fatal(struct application *a);
int apply_check_server(struct application *a);
/* What the server says of it is added to the notes of a plan. */
void apply_server_notes(const struct application *a, const struct campaign_spec *spec,
                        struct json_object *plan);
