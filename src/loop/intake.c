/* SPDX-License-Identifier: MIT */
#include "loop/intake.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loop/folder.h"
#include "loop/xalloc.h"

enum { PATH_SIZE = 4096 };

/* Of a file, or of several together. Equal ones: nothing has changed. */
struct stamp {
    uint64_t hash;
};

struct item {
    char *name;
    struct stamp seen;
    uint64_t since_ms;  /* it has been like that */
    struct stamp taken; /* as it was when it was handed over, with those it names */
    bool was_taken;
    bool is_wrong;
    uint64_t again_ms;
    char **named; /* owned */
    size_t named_count;
    bool present;
};

struct intake {
    char *folder;
    const struct intake_ports *ports;
    void *arg;
    struct item *items; /* ascending by name */
    size_t count;
    struct item *taking; /* NULL: none */
    uint64_t now_ms;
    int errnum;
};

struct intake *intake_create(const char *folder, const struct intake_ports *ports,
                             void *arg)
{
    struct intake *intake = xcalloc(1, sizeof(*intake));
    intake->folder = xstrdup(folder);
    intake->ports = ports;
    intake->arg = arg;
    intake->items = xcalloc(INTAKE_FILES_MAX, sizeof(*intake->items));
    return intake;
}

static void forget_named(struct item *item)
{
    for (size_t i = 0; i < item->named_count; i++) {
        free(item->named[i]);
    }
    free(item->named);
    item->named = NULL;
    item->named_count = 0;
}

static void item_finish(struct item *item)
{
    forget_named(item);
    free(item->name);
}

void intake_destroy(struct intake *intake)
{
    if (intake == NULL) {
        return;
    }
    for (size_t i = 0; i < intake->count; i++) {
        item_finish(&intake->items[i]);
    }
    free(intake->items);
    free(intake->folder);
    free(intake);
}

/* ---- stamps ---- */

static void mix(struct stamp *stamp, uint64_t value)
{
    stamp->hash = (stamp->hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    stamp->hash ^= stamp->hash >> 29;
}

/* A file that is not there has a stamp, too. */
static void mix_file(struct stamp *stamp, const char *path)
{
    struct stat st = {0};
    bool found = stat(path, &st) == 0;
    mix(stamp, found);
    mix(stamp, found ? (uint64_t)st.st_ino : 0);
    mix(stamp, found ? (uint64_t)st.st_size : 0);
    mix(stamp, found ? (uint64_t)st.st_mtim.tv_sec : 0);
    mix(stamp, found ? (uint64_t)st.st_mtim.tv_nsec : 0);
}

static void path_of(const struct intake *intake, const struct item *item,
                    char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", intake->folder, item->name);
}

static struct stamp stamp_of(const struct intake *intake, const struct item *item)
{
    struct stamp stamp = {1};
    char path[PATH_SIZE];
    path_of(intake, item, path);
    mix_file(&stamp, path);
    for (size_t i = 0; i < item->named_count; i++) {
        mix_file(&stamp, item->named[i]);
    }
    return stamp;
}

/* ---- what is there ---- */

/* Where it is, or is to be. */
static size_t place_of(const struct intake *intake, const char *name)
{
    size_t at = 0;
    while (at < intake->count && strcmp(intake->items[at].name, name) < 0) {
        at++;
    }
    return at;
}

static void find(struct intake *intake, const char *name)
{
    size_t at = place_of(intake, name);
    if (at < intake->count && strcmp(intake->items[at].name, name) == 0) {
        intake->items[at].present = true;
        return;
    }
    if (intake->count == INTAKE_FILES_MAX) {
        return;
    }
    memmove(&intake->items[at + 1], &intake->items[at],
            (intake->count - at) * sizeof(intake->items[0]));
    intake->items[at] =
        (struct item){.name = xstrdup(name), .since_ms = intake->now_ms, .present = true};
    intake->items[at].seen = stamp_of(intake, &intake->items[at]);
    intake->count++;
}

static void drop_absent(struct intake *intake)
{
    size_t kept = 0;
    for (size_t i = 0; i < intake->count; i++) {
        struct item *item = &intake->items[i];
        if (item->present) {
            intake->items[kept++] = *item;
            continue;
        }
        char path[PATH_SIZE];
        path_of(intake, item, path);
        intake->ports->gone(intake->arg, path);
        item_finish(item);
    }
    intake->count = kept;
}

static void tell_error(struct intake *intake, int errnum)
{
    if (intake->errnum != errnum) {
        intake->errnum = errnum;
        intake->ports->unreadable(intake->arg, errnum);
    }
}

/* Not while one is being taken: its place stays. A folder that cannot be read is not empty. */
static bool list(struct intake *intake)
{
    DIR *dir = opendir(intake->folder);
    if (dir == NULL) {
        tell_error(intake, errno);
        return false;
    }
    for (size_t i = 0; i < intake->count; i++) {
        intake->items[i].present = false;
    }
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL; errno = 0) {
        if (folder_is_yaml(entry->d_name)) {
            find(intake, entry->d_name);
        }
    }
    int errnum = errno;
    closedir(dir);
    tell_error(intake, errnum);
    if (errnum == 0) {
        drop_absent(intake);
    }
    return errnum == 0;
}

/* ---- taking ---- */

static bool is_due(struct intake *intake, struct item *item)
{
    struct stamp now = stamp_of(intake, item);
    if (now.hash != item->seen.hash) {
        item->seen = now;
        item->since_ms = intake->now_ms;
    }
    if (intake->now_ms - item->since_ms < INTAKE_SETTLE_MS) {
        return false;
    }
    bool again = item->is_wrong && intake->now_ms >= item->again_ms;
    return !item->was_taken || item->taken.hash != item->seen.hash || again;
}

void intake_note(struct intake *intake, const char *path)
{
    struct item *item = intake->taking;
    assert(item != NULL);
    item->named = xrealloc(item->named, item->named_count + 1, sizeof(char *));
    item->named[item->named_count++] = xstrdup(path);
    mix_file(&item->taken, path);
}

/* What has changed since it was read is seen by the stamp of then. */
void intake_done(struct intake *intake, enum intake_verdict verdict)
{
    struct item *item = intake->taking;
    assert(item != NULL);
    intake->taking = NULL;
    item->was_taken = verdict != INTAKE_LATER;
    item->is_wrong = verdict == INTAKE_WRONG;
    item->again_ms = intake->now_ms + INTAKE_AGAIN_MS;
    item->seen = item->taken;
}

void intake_again(struct intake *intake)
{
    for (size_t i = 0; i < intake->count; i++) {
        intake->items[i].was_taken = false;
    }
}

static void take(struct intake *intake, struct item *item)
{
    char path[PATH_SIZE];
    forget_named(item);
    intake->taking = item;
    item->taken = stamp_of(intake, item);
    path_of(intake, item, path);
    intake->ports->take(intake->arg, path);
}

uint64_t intake_look(struct intake *intake, uint64_t now_ms)
{
    intake->now_ms = now_ms;
    if (intake->taking != NULL || !list(intake)) {
        return intake->taking != NULL ? INTAKE_SETTLE_MS : INTAKE_LOOK_MS;
    }
    uint64_t wait_ms = INTAKE_LOOK_MS;
    for (size_t i = 0; i < intake->count && intake->taking == NULL; i++) {
        struct item *item = &intake->items[i];
        if (is_due(intake, item)) {
            take(intake, item);
        }
        if (now_ms - item->since_ms < INTAKE_SETTLE_MS) {
            wait_ms = INTAKE_SETTLE_MS;
        }
    }
    return intake->taking != NULL ? INTAKE_SETTLE_MS : wait_ms;
}
