/* SPDX-License-Identifier: MIT */
#include "loop/planning_budget.h"

#include <stdio.h>

#include "loop/planning_cost.h"

enum {
    AMOUNT_SIZE = 32,
    UJ_PER_MJ = 1000,
};

static void refuse(const struct planning_request *request, struct diag_list *diags,
                   const char *path, const char *text)
{
    const struct diag_place place = {.file = request->file, .path = path};
    diag_error(diags, &place, "%s", text);
}

/* What is needed is rounded up, so that the numbers show which is the larger. */
static const char *time_text(int64_t us, bool up, char text[static AMOUNT_SIZE])
{
    int64_t tenth_us = us >= HOURS_US(2)     ? HOURS_US(1) / 10
                       : us >= MINUTES_US(2) ? MINUTES_US(1) / 10
                                             : SECONDS_US(1) / 10;
    int64_t tenths = (us + (up ? tenth_us - 1 : 0)) / tenth_us;
    snprintf(text, AMOUNT_SIZE, "%lld.%lld %s", (long long)(tenths / 10),
             (long long)(tenths % 10),
             us >= HOURS_US(2)     ? "h"
             : us >= MINUTES_US(2) ? "min"
                                   : "s");
    return text;
}

static int check_time(const struct planning_request *request, struct diag_list *diags,
                      const char *path, const char *what, const int64_t need_and_limit[2])
{
    char need[AMOUNT_SIZE];
    char limit[AMOUNT_SIZE];
    char text[160];
    if (need_and_limit[0] <= need_and_limit[1]) {
        return FUO_OK;
    }
    snprintf(text, sizeof(text), "%s %s, and the budget is %s", what,
             time_text(need_and_limit[0], true, need),
             time_text(need_and_limit[1], false, limit));
    refuse(request, diags, path, text);
    return FUO_ERANGE;
}

/* How many devices would listen longer, or spend more. */
static uint32_t devices_over(const struct planning *planning,
                             const struct spec_budgets *budgets, bool energy)
{
    uint32_t count = 0;
    for (size_t i = 0; i < planning->cohort_count; i++) {
        const struct planned_cohort *cohort = &planning->cohorts[i];
        struct planning_cost cost = planning_cost_of_cohort(cohort);
        bool over = energy ? cost.device_uj / UJ_PER_MJ > budgets->device_energy_mj
                           : cost.listening_us > budgets->device_listening_us;
        count += over ? cohort->device_count : 0;
    }
    return count;
}

static int check_listening(const struct planning_request *request,
                           const struct planning *planning, struct diag_list *diags)
{
    const struct spec_budgets *budgets = &request->spec->budgets;
    uint32_t over = devices_over(planning, budgets, false);
    char what[64];
    snprintf(what, sizeof(what), "%u device%s would listen for up to", (unsigned)over,
             over == 1 ? "" : "s");
    return check_time(request, diags, "spec.budgets.deviceListening", what,
                      (int64_t[]){planning_cost_of(planning).listening_us,
                                  budgets->device_listening_us});
}

static int check_energy(const struct planning_request *request,
                        const struct planning *planning, struct diag_list *diags)
{
    const struct spec_budgets *budgets = &request->spec->budgets;
    int64_t need_mj = planning_cost_of(planning).device_uj / UJ_PER_MJ;
    char text[160];
    if (budgets->device_energy_mj == SPEC_AUTO_U32 ||
        need_mj <= budgets->device_energy_mj) {
        return FUO_OK;
    }
    uint32_t over = devices_over(planning, budgets, true);
    snprintf(text, sizeof(text),
             "%u device%s would spend up to %.3f J, and the budget is %.3f J",
             (unsigned)over, over == 1 ? "" : "s", (double)need_mj / 1e3,
             (double)budgets->device_energy_mj / 1e3);
    refuse(request, diags, "spec.budgets.deviceEnergy", text);
    return FUO_ERANGE;
}

int planning_budget_check(const struct planning_request *request,
                          const struct planning *planning, struct diag_list *diags)
{
    const struct spec_budgets *budgets = &request->spec->budgets;
    int airtime = check_time(request, diags, "spec.budgets.airtime",
                             "the first passes of all gateways take",
                             (int64_t[]){planning->airtime_us, budgets->airtime_us});
    int duration = check_time(
        request, diags, "spec.budgets.duration",
        planning->soak_us > 0 ? "sending and soaking take" : "sending takes",
        (int64_t[]){planning->p50_us + planning->soak_us, budgets->duration_us});
    int listening = check_listening(request, planning, diags);
    int energy = check_energy(request, planning, diags);
    return airtime == FUO_OK && duration == FUO_OK && listening == FUO_OK &&
                   energy == FUO_OK
               ? FUO_OK
               : FUO_ERANGE;
}
