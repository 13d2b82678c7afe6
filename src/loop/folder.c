/* SPDX-License-Identifier: MIT */
#include "loop/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

bool folder_is_yaml(const char *name)
{
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot != NULL &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int is_yaml(const struct dirent *entry)
{
    return folder_is_yaml(entry->d_name);
}

void folder_each_yaml(const char *folder, struct diag_list *diags,
                      void (*load)(void *arg, const char *path), void *arg)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_yaml, alphasort);
    if (n < 0) {
        diag_error(diags, &(struct diag_place){.file = folder}, "cannot read: %s",
                   strerror(errno));
        return;
    }
    for (int i = 0; i < n; i++) {
        char path[PATH_SIZE];
        int len = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (len > 0 && (size_t)len < sizeof(path)) {
            load(arg, path);
        }
        free(entries[i]);
    }
    free(entries);
}
