/* SPDX-License-Identifier: MIT */
/*
 * sample.h - a file of a kind with every key, its default and its help.
 *
 * config/ and campaigns/every-option.yaml are made with it (`gen-man-options --sample
 * KIND`), and a test compares them, so they cannot go stale.
 */
#pragma once

#include <stdio.h>

#include "config/kind.h"

void sample_print(const struct config_kind *kind, FILE *out);
