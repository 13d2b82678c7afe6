/* SPDX-License-Identifier: MIT */
/*
 * planning_budget.h - whether the forecast of a plan stays within spec.budgets.
 *
 * Airtime is that of the first passes at all gateways; duration that of sending with the soak
 * times between waves; listening and energy are those of the cohort that needs most. What is
 * as likely as not counts (p50): a budget is no promise that repairs stay within it, and the
 * engine sees to that (engine/budget.h).
 */
#pragma once

#include "loop/planning.h"

/* FUO_ERANGE: they do not allow it; every one that does not is in diags. */
FUO_MUST_CHECK int planning_budget_check(const struct planning_request *request,
                                         const struct planning *planning,
                                         struct diag_list *diags);
