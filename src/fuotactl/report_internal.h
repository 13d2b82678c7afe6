/* SPDX-License-Identifier: MIT */
/* report_internal.h - what the files of the HTML report share; no one else includes it. */
#pragma once

#include "fuotactl/report.h"

/* The style sheet for light, dark, phones and paper, in parts; ends with NULL. */
extern const char *const report_style[];

enum {
    REPORT_NUMBER_SIZE = 32,
    REPORT_DATE_SIZE = 32,
};

/* "12,345" */
const char *report_count(int64_t number, char text[static REPORT_NUMBER_SIZE]);
/* "22 Nov 14:05"; "-" for 0. */
const char *report_date(int64_t us, char text[static REPORT_DATE_SIZE]);

/* The plots, each with its heading; nothing where there is nothing to show. */
void report_plot_outcomes(FILE *out, const struct report *report);
void report_plot_completion(FILE *out, const struct report *report);
void report_plot_airtime(FILE *out, const struct report *report);
void report_plot_loss(FILE *out, const struct report *report);
