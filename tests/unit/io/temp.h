/* SPDX-License-Identifier: MIT */
/* temp.h - a fresh folder for a test, removed at its end. */
#pragma once

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TEMP_PATH_SIZE = 256,
};

struct temp {
    char folder[TEMP_PATH_SIZE];
};

static inline struct temp temp_create(void)
{
    struct temp temp;
    const char *root = getenv("TMPDIR");
    if (root ==
        NULL) { /* in memory: each commit waits for the disk, and tests make thousands */
        root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    (void)snprintf(temp.folder, sizeof(temp.folder), "%s/fuo-test-XXXXXX", root);
    char *made = mkdtemp(temp.folder);
    assert(made != NULL);
    return temp;
}

/* folder/name, in a buffer of the caller. */
static inline const char *temp_path(const struct temp *temp, const char *name,
                                    char path[static 2 * TEMP_PATH_SIZE])
{
    (void)snprintf(path, 2 * TEMP_PATH_SIZE, "%s/%s", temp->folder, name);
    return path;
}

static inline int temp_remove_one(const char *path, const struct stat *st, int type,
                                  struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void temp_remove(struct temp *temp)
{
    (void)nftw(temp->folder, temp_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
