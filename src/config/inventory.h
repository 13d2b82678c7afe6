/* SPDX-License-Identifier: MIT */
/*
 * inventory.h - the devices of a Fleet, from a CSV file.
 *
 * The header line is required and names the columns: dev_eui (required), name, lorawan,
 * gen_app_key, app_key, profile and any number of label:KEY, in any order. Fields may be
 * quoted ("" is a quote). Empty lines and lines that begin with # are passed over. Every
 * bad line is reported. Keys are secrets: they never appear in a diagnostic, and memory
 * that held them is wiped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "campaign/spec.h"
#include "config/arena.h"
#include "config/diag.h"
#include "fuotad/error.h"

enum {
    INVENTORY_FILE_MAX_BYTES = 256 << 20,
    INVENTORY_DEVICES_MAX = 1000000,
    INVENTORY_COLUMNS_MAX = 64,
    INVENTORY_KEY_SIZE = 16,
};

struct inventory_device {
    uint64_t dev_eui;
    const char *name;    /* "" if none */
    const char *profile; /* NULL: the fleet's default */
    const char *const
        *labels; /* inventory.label_count values, "" if the field is empty */
    uint32_t line;
    uint8_t lorawan_minor; /* 0: 1.0.x, 1: 1.1 */
    bool has_gen_app_key;
    bool has_app_key;
    bool imported; /* not of the fleet's file, but added since */
    bool served;   /* ... by the network server, or partly */
    uint8_t gen_app_key[INVENTORY_KEY_SIZE];
    uint8_t app_key[INVENTORY_KEY_SIZE];
};

struct inventory {
    struct arena arena;                     /* wiped when released */
    const struct inventory_device *devices; /* by ascending DevEUI, each once */
    size_t count;
    const char *const *label_keys;
    size_t label_count;
};

/*
 * *inventory is set on FUO_OK only; release it with inventory_finish(). FUO_EINVAL: all
 * problems are in diags. Else the code of file_read() (reported, too).
 */
FUO_MUST_CHECK int inventory_load(const char *file, struct inventory *inventory,
                                  struct diag_list *diags);
/* The same from bytes; file is only the name. */
FUO_MUST_CHECK int inventory_parse(const char *file, const char *bytes, size_t len,
                                   struct inventory *inventory, struct diag_list *diags);

/*
 * Both as one, in memory of its own and without keys (has_... still tell of them); of a
 * device that is in both, what `more` says. Either may be zeroed.
 */
void inventory_merge(const struct inventory *base, const struct inventory *more,
                     struct inventory *merged);

/* A copy, as inventory_merge() makes it, without those devices; ascending. */
void inventory_without(const struct inventory *inventory, const uint64_t *devices,
                       size_t count, struct inventory *rest);

/*
 * Both as one, as inventory_merge(); of a device that is in both, what the file says: the
 * server fills what is empty there, field by field, and the version of LoRaWAN is the
 * server's. Every device of the server is marked as imported and served.
 */
void inventory_fill(const struct inventory *file, const struct inventory *server,
                    struct inventory *merged);

/* Wipes and releases; accepts a zeroed one. */
void inventory_finish(struct inventory *inventory);

/* NULL if absent. */
const struct inventory_device *inventory_find(const struct inventory *inventory,
                                              uint64_t dev_eui);

/* Those of euis, which ascend, that are in it: their count, and themselves in `in`, which has
 * room for all or is NULL. One pass over both. */
size_t inventory_common(const struct inventory *inventory, const uint64_t *euis,
                        size_t count, uint64_t *in);

/* The value of a label; NULL if the column is absent or the field empty. */
const char *inventory_label(const struct inventory *inventory,
                            const struct inventory_device *device, const char *key);

/* Whether its label `maintenance` is there, and not "false", "no" or "0". */
bool inventory_maintenance(const struct inventory *inventory,
                           const struct inventory_device *device);

/*
 * A devicesFile: a CSV file with a dev_eui column (others are ignored), or one DevEUI a
 * line. The list is owned by the arena. Errors as inventory_load().
 */
FUO_MUST_CHECK int device_list_load(const char *file, struct arena *arena,
                                    struct eui_list *list, struct diag_list *diags);
FUO_MUST_CHECK int device_list_parse(const char *file, const char *bytes, size_t len,
                                     struct arena *arena, struct eui_list *list,
                                     struct diag_list *diags);
