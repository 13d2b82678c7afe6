/* SPDX-License-Identifier: MIT */
/*
 * intake.h - a folder of files that people and programs put in, edit and take away.
 *
 * Each file that ends in .yaml or .yml and is not hidden is handed over when it has stood
 * still for INTAKE_SETTLE_MS: one that is renamed into place after that time, one that is
 * written slowly when the writing is over. It is handed over again when it, or a file that it names
 * (intake_note()), has changed; if it could not be taken, also now and then, because what
 * was wrong may be elsewhere. One at a time, in order of name. Looks by size, time and
 * inode: nothing is read here, and nothing remembered over a restart.
 *
 * No clock and no loop: who owns it says when to look, by a timer that also serves folders
 * of a network, which tell of no changes, and when the system tells of one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    INTAKE_SETTLE_MS = 1000,
    INTAKE_LOOK_MS = 5000,   /* while nothing happens */
    INTAKE_AGAIN_MS = 60000, /* what could not be taken */
    INTAKE_FILES_MAX = 1024, /* more are passed over */
};

struct intake;

enum intake_verdict {
    INTAKE_TAKEN,
    INTAKE_WRONG, /* again when something has changed, or after INTAKE_AGAIN_MS */
    INTAKE_LATER, /* nothing is wrong with it: again at the next look */
};

struct intake_ports {
    /* To be answered with intake_done(), from here or later; until then there is no other. */
    void (*take)(void *arg, const char *path);
    /* It was there before. */
    void (*gone)(void *arg, const char *path);
    /* The folder cannot be read, by errno; 0: it can again. Once for each. */
    void (*unreadable)(void *arg, int errnum);
};

struct intake *intake_create(const char *folder, const struct intake_ports *ports,
                             void *arg);
void intake_destroy(struct intake *intake); /* accepts NULL */

/* A file that the one that is being taken names. */
void intake_note(struct intake *intake, const char *path);
void intake_done(struct intake *intake, enum intake_verdict verdict);

/* What was handed over is once more, as if nothing had come of it. */
void intake_again(struct intake *intake);

/* Looks at the folder, and may call the ports. In how many ms to look again. */
uint64_t intake_look(struct intake *intake, uint64_t now_ms);
