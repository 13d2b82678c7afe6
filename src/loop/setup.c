/* SPDX-License-Identifier: MIT */
#include "loop/setup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "store/seal.h"

#define LOG_MODULE "setup"
#include "io/log.h"

/* a/b in the document's arena. */
static const char *join(struct daemon_doc *doc, const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = arena_alloc(&doc->doc.arena, size);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static const char *state_dir(struct daemon_doc *doc)
{
    return config_path(&doc->doc, doc->state_dir);
}

/* The folder a file is in; "." if it names none. */
static const char *folder_of(struct daemon_doc *doc, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? "."
                         : arena_text(&doc->doc.arena, path, (size_t)(slash - path));
}

static int make_folder(const char *path, mode_t mode, struct detail *detail)
{
    int err = path[0] != '\0' ? file_mkdir_p(path, mode) : FUO_OK;
    if (err != FUO_OK) {
        detail_set(detail, "cannot make the folder %s: %s", path, fuo_strerror(err));
    }
    return err;
}

int setup_folders(struct daemon_doc *doc, struct detail *detail)
{
    int err = make_folder(state_dir(doc), 0700, detail);
    if (err != FUO_OK) {
        return err;
    }
    const char *socket = config_path(&doc->doc, doc->control_socket);
    return make_folder(folder_of(doc, socket), 0755, detail);
}

int setup_sealing_key(struct daemon_doc *doc, struct secret *key, struct detail *detail)
{
    const char *path = daemon_sealing_key_path(doc);
    const char *store = daemon_store_path(doc);
    bool created = false;
    if (access(path, F_OK) != 0 && access(store, F_OK) == 0) {
        detail_set(detail,
                   "%s: the sealing key is gone, but %s was made with it: bring it back "
                   "from a backup, or move the database away to start anew",
                   path, store);
        return FUO_ENOENT;
    }
    int err = seal_key_load_or_create(path, key, &created, detail);
    if (err == FUO_OK && created) {
        log_warn("a sealing key was made: back it up, without it the stored keys are "
                 "lost path=%s",
                 path);
    }
    return err;
}

/* The build tree has the program in <build>/ or <build>/src/fuotad/. */
static const char *built_plugins(struct daemon_doc *doc)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n <= 0) {
        return NULL;
    }
    exe[n] = '\0';
    const char *folder = folder_of(doc, exe);
    const char *tail = strstr(folder, "/src/fuotad");
    if (tail != NULL && strcmp(tail, "/src/fuotad") == 0) {
        folder = arena_text(&doc->doc.arena, folder, (size_t)(tail - folder));
    }
    const char *path = join(doc, folder, "plugins");
    return access(path, F_OK) == 0 ? path : NULL;
}

void setup_plugin_folders(struct daemon_doc *doc, const char *installed,
                          const char *folders[static SETUP_FOLDERS_MAX])
{
    size_t n = 0;
    if (doc->plugins != NULL) {
        folders[n++] = config_path(&doc->doc, doc->plugins);
    } else {
        const char *built = built_plugins(doc);
        if (built != NULL) {
            folders[n++] = built;
        }
        folders[n++] = installed;
    }
    folders[n] = NULL;
}
