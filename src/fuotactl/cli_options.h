/* SPDX-License-Identifier: MIT */
/*
 * cli_options.h - the options of each command that has some, for its row in cli_table.c;
 * each list ends with a zeroed entry. The global ones are cli_globals of cli.h.
 */
#pragma once

#include "fuotactl/cli.h"

extern const struct cli_option cli_options_plan[];
extern const struct cli_option cli_options_simulate[];
extern const struct cli_option cli_options_apply[];
extern const struct cli_option cli_options_watch[];
extern const struct cli_option cli_options_wait[];
extern const struct cli_option cli_options_reason[];
extern const struct cli_option cli_options_audit[];
extern const struct cli_option cli_options_approve[];
extern const struct cli_option cli_options_device[];
extern const struct cli_option cli_options_retry[];
extern const struct cli_option cli_options_rollback[];
extern const struct cli_option cli_options_devices[];
extern const struct cli_option cli_options_import[];
extern const struct cli_option cli_options_report[];
extern const struct cli_option cli_options_doctor[];
extern const struct cli_option cli_options_airtime[];
extern const struct cli_option cli_options_fragment[];
extern const struct cli_option cli_options_sign[];
extern const struct cli_option cli_options_verify[];
extern const struct cli_option cli_options_generate[];
