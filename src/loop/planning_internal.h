/* SPDX-License-Identifier: MIT */
/*
 * planning_internal.h - between planning.c, planning_refuse.c and planning_budget.c only.
 *
 * What refuses adds to the diags of the job and returns FUO_ERANGE.
 */
#pragma once

#include "loop/planning.h"
#include "loop/planning_devices.h"
#include "plugin/host.h"

/* One planning on its way; called m. */
struct planning_job {
    struct planning_request request; /* engine NULL: what it knows was copied */
    int err;
    struct planning *planning;
    struct diag_list *diags;
    struct fuo_caps caps;
    struct plan_input input; /* of the fastest data rate, for what all cohorts share */
    struct plan probe;
    struct planning_radio radio;
    struct planning_devices devices;
    const struct profile *limiting; /* whose limits can be named; NULL: nobody's */
};

/* No device of the request can be updated, for that reason. */
int planning_refuse_all(const struct planning_job *m, enum plan_error error);
/* Devices are left out for good, and others there are none: FUO_ERANGE; else FUO_OK. */
int planning_refuse_left_out(const struct planning_job *m);
