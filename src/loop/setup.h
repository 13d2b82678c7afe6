/* SPDX-License-Identifier: MIT */
/*
 * setup.h - where the daemon's things are: state folder, sealing key, plugins.
 *
 * Path texts are owned by the daemon's document. detail says what is wrong, for people.
 */
#pragma once

#include "config/daemon.h"
#include "fuotad/error.h"
#include "io/detail.h"
#include "io/secrets.h"

enum {
    SETUP_FOLDERS_MAX = 4,
};

/* Makes the state folder (0700) and the socket's (0755) if they are not there. */
FUO_MUST_CHECK int setup_folders(struct daemon_doc *doc, struct detail *detail);

/* The sealing key: the file named, else of systemd's credentials, else of the state folder,
 * where it is made at the first start. FUO_ENOENT: it is gone, and a database made with it
 * is there. */
FUO_MUST_CHECK int setup_sealing_key(struct daemon_doc *doc, struct secret *key,
                                     struct detail *detail);

/*
 * Where to look for plugins: the folder named in the file and no other; else beside the
 * program in a build tree, then installed. Ends with NULL.
 */
void setup_plugin_folders(struct daemon_doc *doc, const char *installed,
                          const char *folders[static SETUP_FOLDERS_MAX]);
