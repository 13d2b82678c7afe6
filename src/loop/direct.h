/* SPDX-License-Identifier: MIT */
/*
 * direct.h - multicast without a server: fuo_caps.direct. The daemon makes the frames and
 * counts them, the plugin brings them to gateways; no group is made anywhere.
 *
 * A lane's group is a name that says so. Its counter is what the engine has stored: before a
 * frame is handed over the lane says that one is under way, and one whose fate is unknown
 * counts as sent. So no counter is used twice, and none goes back. The keys of a frame are
 * wiped when it is made.
 */
#pragma once

#include <stdbool.h>

#include "engine/effect.h"
#include "fuotad/plugin.h"

struct daemon;
struct fuo_host;

/* Whether a lane with that handle is one of these. */
bool direct_is_handle(const char *handle);
/* Whether the fleet of the effect has no groups. */
bool direct_is_wanted(const struct fuo_host *host);

/* In place of the plugin: the answer is the event. */
void direct_open(struct daemon *d, const struct effect *effect);
void direct_close(struct daemon *d, const struct effect *effect);
void direct_poll(struct daemon *d, const struct effect *effect);

/* host_multicast() with the frame as it goes on air. FUO_ENOENT: its key is gone. */
FUO_MUST_CHECK int direct_send(struct daemon *d, struct fuo_host *host,
                               const struct effect *effect, struct fuo_multicast *frame);
