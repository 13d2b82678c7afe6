/* SPDX-License-Identifier: MIT */
/*
 * render.h - what the daemon answers, for people and for programs.
 *
 * Pure functions from the JSON of ctl/protocol.h to text on a stream: no sockets, no
 * clock. Objects are borrowed; a member that is absent or of another type shows as "-".
 * All text is cleaned (words.h).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <json-c/json.h>

/*
 * One line of JSON: {"type":type, members of object}. object may be NULL. Control
 * characters are escaped, those that JSON would allow too.
 */
void render_json(FILE *out, const char *type, struct json_object *object);

/* The same of a value alone, without type and line end. */
void render_json_value(FILE *out, struct json_object *value);

/* Adds the members of from (borrowed; any type, only objects have members) to to. */
void render_merge(struct json_object *to, struct json_object *from);

void render_plan(FILE *out, struct json_object *plan); /* PLAN */
void render_simulation(FILE *out, struct json_object *o);
void render_campaigns(FILE *out, struct json_object *list); /* [STATE] as table */
void render_campaign(FILE *out, struct json_object *state, bool color); /* STATE */
/* Their waves, a line each; nothing without. */
void render_planned_fleets(FILE *out, struct json_object *plan);
void render_planned_variants(FILE *out, struct json_object *plan);
void render_planned_waves(FILE *out, struct json_object *plan);
void render_waves(FILE *out, struct json_object *state);
void render_devices(FILE *out, struct json_object *list); /* [DEVICE] as table */
void render_device(FILE *out, struct json_object *device);
/* [FINDING], a line each: level, what, why and what to do. */
void render_findings(FILE *out, struct json_object *list, bool color);
void render_budgets(FILE *out, struct json_object *list); /* [BUDGET] as table */

void render_audit(FILE *out, struct json_object *list); /* [AUDIT] as table */

/* RFC 4180 with '\n'; text that a spreadsheet would take for a formula gets a quote. */
void render_csv_heading(FILE *out);
void render_csv_row(FILE *out, struct json_object *device);

/* DIAGs of ctl/protocol.h, one line each: file:line:column: path: text. */
void render_problems(FILE *out, struct json_object *list);
