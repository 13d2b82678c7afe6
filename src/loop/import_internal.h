/* SPDX-License-Identifier: MIT */
/*
 * import_internal.h - between import.c and import_remove.c only.
 *
 * A file of devices that are added to the inventory of a fleet, or removed from it: read on
 * another thread, checked against the engine on the loop, carried out when it is on disk.
 */
#pragma once

#include "loop/internal.h"

struct import {
    struct daemon *d;
    uint64_t connection;
    int64_t request_id;
    struct json_object *params; /* owned */
    uv_work_t work;
    bool removes; /* else it adds */
    struct fleet_entry *fleet;
    char *bytes; /* of the file; wiped */
    size_t len;
    struct inventory merged; /* the fleet's, once they are stored */
    struct store_batch rows;
    struct services_import *keys; /* of each device, sealed; of a removal: none */
    size_t devices;
    size_t added;
    struct arena arena; /* of gone */
    uint64_t *gone; /* DevEUIs of a removal, ascending, each once: so many as devices */
    struct diag_list diags;
    struct ctl_error error;
};

/* The file's name, for people. */
const char *import_file_name(const struct import *import);
/* code, with all that is in diags. */
int import_fail(struct import *import, enum ctl_code code);

/* import_remove.c. On another thread: the list, and what the inventory says of it. */
void import_remove_read(struct import *import);
/* On the loop: whether all of them may go; what is stored then is in rows and merged. */
int import_remove_check(struct import *import);
