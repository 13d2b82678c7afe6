/* SPDX-License-Identifier: MIT */
/* option_walk.h - helpers of those who walk a table and a tree; internal to src/config. */
#pragma once

#include <stddef.h>

#include "config/option.h"
#include "config/option_value.h"

/* Append to ctx->path; the result is for option_path_pop(). */
size_t option_path_push(struct option_context *ctx, const char *key);
size_t option_path_push_index(struct option_context *ctx, size_t index);
void option_path_pop(struct option_context *ctx, size_t mark);

/* Borrows ctx->path. */
struct diag_place option_place(const struct option_context *ctx, const struct node *node);

/* The option with a key of len characters; NULL if the table has none. */
const struct option *option_of(const struct option *table, const char *key, size_t len);
