/* SPDX-License-Identifier: MIT */
/*
 * intake_internal.h - the campaigns of the watched folder, on their way into the daemon.
 *
 *   intake_link.c   the folder on the loop, alerts, what was taken before
 *   intake_take.c   one file: read, compared with what the daemon has, applied
 *   intake_change.c a campaign that runs gets what may be changed of it
 */
#pragma once

#include "config/campaign_change.h"
#include "io/cleanup.h"
#include "loop/intake.h"
#include "loop/internal.h"

enum { INTAKE_TEXT_SIZE = 4096 };

/* The file that is being taken. */
struct intake_file {
    struct daemon *d;
    char *path; /* NULL: none is */
    char name[SPEC_NAME_SIZE];
    uint8_t spec_digest[STORE_DIGEST_BYTES];
};

/* The content that was taken last under a name. */
struct intake_memory {
    char name[SPEC_NAME_SIZE];
    uint64_t content; /* of its digest */
    uint64_t seq;
};

/* An alert that is out, or was in the life before. */
struct intake_alert {
    char *id;
    char *text;   /* NULL: it is not known any more */
    uint64_t seq; /* as stored: odd while it is out */
};

struct intake_link {
    struct daemon *d;
    struct intake *intake;
    char *folder;
    uv_fs_event_t events;
    uv_timer_t timer;
    int open_handles;
    bool looked; /* at all that was there at the start */
    struct intake_file file;
    struct intake_memory *memory; /* owned */
    size_t memory_count;
    uint64_t last_seq;
    struct intake_alert *alerts; /* owned */
    size_t alert_count;
};

/* intake_link.c */
bool intake_was_taken(const struct intake_link *link, const struct intake_file *file);
/* Its content is not taken again. With the next batch of rows. */
void intake_remember(struct intake_link *link, const struct intake_file *file);
/* The file that is being taken is done with. text: the alert, NULL to clear it. */
void intake_finish_file(struct intake_link *link, enum intake_verdict verdict,
                        const char *text);

/* intake_take.c */
void intake_take_file(void *arg, const char *path);

/* intake_change.c */
struct intake_change {
    uint64_t connection;      /* who asks for it */
    struct campaign_doc *doc; /* its content goes to the campaign */
    const char *path;         /* of the file */
    const char *reason;       /* may be NULL */
    const char *yaml;
    const char *signatures; /* JSON array */
    const uint8_t *spec_digest;
    struct campaign_change change;
};
void intake_change_campaign(struct daemon *d, struct campaign_entry *entry,
                            const struct intake_change *change);
