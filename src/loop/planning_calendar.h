/* SPDX-License-Identifier: MIT */
/*
 * planning_calendar.h - when a plan would be sent: its windows, the changes of the clock in
 * between, and the end.
 *
 * The forecast packs what a plan takes into the windows as one course of sending that starts
 * now. Set-up, which is not bound to windows, and waiting for uplinks come on top.
 */
#pragma once

#include "loop/planning.h"

/* FUO_ERANGE: diags say why it can never be sent. Without windows there is nothing to check. */
FUO_MUST_CHECK int planning_calendar_check(const struct planning_request *request,
                                           const struct planning *planning,
                                           struct diag_list *diags);

/* CALENDAR of ctl/protocol.h, fresh; NULL if the campaign has no windows and blackouts. */
struct json_object *planning_calendar_render(const struct planning_request *request,
                                             const struct planning *planning);
