/* SPDX-License-Identifier: MIT */
/* run.h - all of fuotactl but main(): reads the command line and runs the command. */
#pragma once

/* Returns an enum cli_exit. */
int cli_run(int argc, char **argv);
