/* SPDX-License-Identifier: MIT */
/*
 * planning_join.h - the plans of the fleets of a campaign as one.
 *
 * Fleets have servers and gateways of their own and send at the same time, so a wave takes as
 * long as its slowest fleet; airtime and energy add up. A fleet whose server brings the image
 * to each device has no radio to plan: its devices are planned, and cost nothing.
 */
#pragma once

#include "loop/planning.h"

struct planning_part {
    struct planning_request request; /* of that fleet and its devices */
    struct planning *planning;       /* emptied; zeroed if there is no radio to plan */
    bool delivered;
};

/* request: of the campaign. *joined is to be released with planning_finish(). */
void planning_join(const struct planning_request *request, struct planning_part *parts,
                   size_t count, struct planning *joined);
