/* SPDX-License-Identifier: MIT */
#include "plugin/loader.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/cleanup.h"
#include "plugin/registry.h"

enum {
    NAME_MAX_LEN = 64,
};

static void cleanup_dlclose(void *handle)
{
    void *h = *(void **)handle;
    if (h != NULL) {
        dlclose(h);
    }
}

static bool name_valid(const char *name)
{
    size_t len = strnlen(name, NAME_MAX_LEN + 1);
    return len > 0 && len <= NAME_MAX_LEN &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static int open_object(const char *folder, const char *name, void **handle, char *why,
                       size_t why_size)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s.so", folder, name);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        snprintf(why, why_size, "the plugin folder's name is too long");
        return FUO_EINVAL;
    }
    if (access(path, F_OK) != 0) {
        snprintf(why, why_size, "%s: no such file", path);
        return FUO_ENOENT;
    }
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*handle == NULL) {
        snprintf(why, why_size, "%s", dlerror());
        return FUO_EIO;
    }
    return FUO_OK;
}

int plugin_load(const char *folder, const char *name, struct loaded_plugin *loaded,
                char *why, size_t why_size)
{
    if (!name_valid(name)) {
        snprintf(why, why_size, "not a plugin name: use a-z, 0-9, '-' and '_'");
        return FUO_EINVAL;
    }
    __attribute__((__cleanup__(cleanup_dlclose))) void *handle = NULL;
    int err = open_object(folder, name, &handle, why, why_size);
    if (err != FUO_OK) {
        return err;
    }
    const struct fuo_ns_plugin *declared = dlsym(handle, FUO_NS_SYMBOL);
    if (declared == NULL) {
        snprintf(why, why_size, "%s.so: no symbol " FUO_NS_SYMBOL, name);
        return FUO_EINVAL;
    }
    struct fuo_ns_plugin plugin;
    err = registry_adopt(declared, &plugin);
    if (err != FUO_OK) {
        snprintf(why, why_size, "%s.so: %s", name,
                 err == FUO_EABI ? "made for another version of the plugin interface"
                                 : "incomplete declaration");
        return err;
    }
    loaded->plugin = plugin;
    loaded->handle = TAKE(handle);
    return FUO_OK;
}

void plugin_unload(struct loaded_plugin *loaded)
{
    if (loaded != NULL && loaded->handle != NULL) {
        dlclose(TAKE(loaded->handle));
        loaded->plugin = (struct fuo_ns_plugin){0};
    }
}
