/* SPDX-License-Identifier: MIT */
/*
 * trim.h - lanes and gateways that a session can do without.
 *
 * A transmission is planned for more devices than take part when it begins: some are late,
 * some are complete when a further session is needed. Lanes that nobody left needs would
 * spend airtime and disturb others. They take no part from now on; their groups stay until
 * the end, as those of all lanes do, and their counters are known. Of a lane that is needed,
 * single gateways take no part any more where each frame names its gateways
 * (engine_fleet.names_gateways); else it is the server that knows them. For the files of the
 * engine only.
 */
#pragma once

#include "engine/internal.h"

/* By the cover that the planner asks for (partition_narrow()). Gateways that were given by hand
 * stay, and so does one lane in any case. */
void lanes_trim(struct engine *e, struct transmission *t);
