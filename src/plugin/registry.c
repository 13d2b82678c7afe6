/* SPDX-License-Identifier: MIT */
#include "plugin/registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Everything up to here existed in the first release of the ABI. */
#define SIZE_MIN offsetof(struct fuo_ns_plugin, group_open)

enum {
    OPTION_MAX = 64,
    CONFIG_MAX_BYTES = 1 << 16,
};

static size_t value_size(enum fuo_option_type type)
{
    switch (type) {
    case FUO_OPT_STRING:
    case FUO_OPT_SECRET:
        return sizeof(const char *);
    case FUO_OPT_U32:
        return sizeof(uint32_t);
    case FUO_OPT_BOOL:
        return sizeof(bool);
    case FUO_OPT_DURATION_US:
        return sizeof(int64_t);
    }
    return 0; /* a type newer than we are */
}

static bool option_usable(const struct fuo_option *o, size_t config_size)
{
    size_t size = value_size(o->type);
    return size != 0 && o->key[0] != '\0' && o->help != NULL && o->offset % size == 0 &&
           o->offset <= config_size && size <= config_size - o->offset;
}

static bool options_usable(const struct fuo_ns_plugin *p)
{
    if (p->config_size > CONFIG_MAX_BYTES) {
        return false;
    }
    if (p->options == NULL) {
        return true;
    }
    for (size_t i = 0; i < OPTION_MAX; i++) {
        if (p->options[i].key == NULL) {
            return true;
        }
        if (!option_usable(&p->options[i], p->config_size)) {
            return false;
        }
    }
    return false;
}

static bool mandatory_present(const struct fuo_ns_plugin *p)
{
    return p->name != NULL && p->open != NULL && p->close != NULL && p->caps != NULL &&
           p->on_mqtt != NULL && p->on_published != NULL && p->on_http != NULL &&
           p->unicast != NULL && p->unicast_flush != NULL;
}

static bool multicast_consistent(const struct fuo_ns_plugin *p)
{
    int count = (p->group_open != NULL) + (p->group_close != NULL) +
                (p->multicast != NULL) + (p->queue_poll != NULL) +
                (p->queue_flush != NULL);
    return count == 0 || count == 5;
}

static bool orders_consistent(const struct fuo_ns_plugin *p)
{
    return (p->order == NULL) == (p->on_ready == NULL);
}

int registry_adopt(const struct fuo_ns_plugin *declared, struct fuo_ns_plugin *plugin)
{
    if (declared->abi != FUO_NS_ABI || declared->size < SIZE_MIN) {
        return FUO_EABI;
    }
    struct fuo_ns_plugin copy = {0};
    memcpy(&copy, declared,
           declared->size < sizeof(copy) ? declared->size : sizeof(copy));
    if (!mandatory_present(&copy) || !multicast_consistent(&copy) ||
        !orders_consistent(&copy) || !options_usable(&copy)) {
        return FUO_EINVAL;
    }
    *plugin = copy;
    return FUO_OK;
}
