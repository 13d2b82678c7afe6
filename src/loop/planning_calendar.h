/* SPDX-License-Identifier: MIT */
/*
 * planning_calendar.h - when a plan would be sent: its windows, the changes of the clock in
 * between, and the end.
 *
 * The forecast packs what each wave takes into the windows: the first from now, or notBefore,
 * on, each other when the one before it has soaked. Set-up, which is not bound to windows, and
 * waiting for uplinks and approvals come on top.
 */
#pragma once

#include "loop/planning.h"

/* FUO_ERANGE: diags say why it can never be sent, or not by the deadline. */
FUO_MUST_CHECK int planning_calendar_check(const struct planning_request *request,
                                           const struct planning *planning,
                                           struct diag_list *diags);

/* By the deadline it is sent as likely as not, but not in 9 of 10 cases. */
bool planning_calendar_is_tight(const struct planning_request *request,
                                const struct planning *planning);

/* CALENDAR of ctl/protocol.h, fresh; NULL if the campaign may send at any time. */
struct json_object *planning_calendar_render(const struct planning_request *request,
                                             const struct planning *planning);
