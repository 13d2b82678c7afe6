/* SPDX-License-Identifier: MIT */
/*
 * commands.h - what the table of cli_table.c calls. Each returns an enum cli_exit and has
 * said why if it is not CLI_OK. Data goes to stdout, everything else to stderr.
 */
#pragma once

#include "fuotactl/cli.h"

/* Files alone, without the daemon. */
int cmd_validate(const struct cli *cli, const struct cli_args *args);
int cmd_schema(const struct cli *cli, const struct cli_args *args);
int cmd_explain(const struct cli *cli, const struct cli_args *args);
int cmd_airtime(const struct cli *cli, const struct cli_args *args);
int cmd_simulate(const struct cli *cli, const struct cli_args *args);
int cmd_help(const struct cli *cli, const struct cli_args *args);
int cmd_completion(const struct cli *cli, const struct cli_args *args);

/* With the daemon. */
int cmd_plan(const struct cli *cli, const struct cli_args *args);
int cmd_apply(const struct cli *cli, const struct cli_args *args);
int cmd_status(const struct cli *cli, const struct cli_args *args);
int cmd_watch(const struct cli *cli, const struct cli_args *args);
int cmd_wait(const struct cli *cli, const struct cli_args *args);
int cmd_pause(const struct cli *cli, const struct cli_args *args);
int cmd_resume(const struct cli *cli, const struct cli_args *args);
int cmd_abort(const struct cli *cli, const struct cli_args *args);
int cmd_approve(const struct cli *cli, const struct cli_args *args);
int cmd_retry(const struct cli *cli, const struct cli_args *args);
int cmd_rollback(const struct cli *cli, const struct cli_args *args);
int cmd_devices(const struct cli *cli, const struct cli_args *args);
int cmd_import(const struct cli *cli, const struct cli_args *args);
int cmd_remove(const struct cli *cli, const struct cli_args *args);
int cmd_device(const struct cli *cli, const struct cli_args *args);
/* What follows a device: an operation on its objects. */
int cmd_access(const struct cli *cli, const struct cli_args *args);
int cmd_audit(const struct cli *cli, const struct cli_args *args);
int cmd_budget(const struct cli *cli, const struct cli_args *args);
int cmd_report(const struct cli *cli, const struct cli_args *args);

/* Either way. */
int cmd_doctor(const struct cli *cli, const struct cli_args *args);
