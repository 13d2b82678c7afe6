/* SPDX-License-Identifier: MIT */
/*
 * dump.h - a run as CSV: tables one after the other in one file, the first column names the
 * table, a line `#table,column,...` before each gives its columns. Times in microseconds.
 */
#pragma once

#include "fuota-bench/report.h"
#include "fuotad/error.h"

/* FUO_EIO if the file cannot be written. */
FUO_MUST_CHECK int dump_write(const char *path, const struct report *r,
                              const uint8_t *reachable);
