/* SPDX-License-Identifier: MIT */
/* faults_cmd.h - fuota-bench --faults: seeds run or replayed, and what came of them. */
#pragma once

#include <stdio.h>

#include "fuota-bench/options.h"

/*
 * Runs every seed that was asked for; one JSON object on the last line of stdout. 0: all of
 * them kept every invariant; else 1, and a line on stderr for each that did not. 1 too if
 * they were 200 or more and a kind of fault never came.
 */
int faults_cmd(const struct options *options);

/* The names of --plant, a line each. */
void faults_cmd_help(FILE *to);
