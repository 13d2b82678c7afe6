/* SPDX-License-Identifier: MIT */
/*
 * option_text.h - text into numbers with units, and predicates on text.
 *
 * Internal to src/config. All of the text must be used; nothing is rounded or guessed;
 * what overflows is refused. Results are untouched on failure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

bool text_u32(const char *text, int64_t *num);      /* decimal or 0x... */
bool text_duration(const char *text, int64_t *us);  /* 1h30m, 500ms; unit needed */
bool text_share(const char *text, int64_t *ppm);    /* 0.5% */
bool text_size(const char *text, int64_t *bytes);   /* 222, 222B, 48KiB, 48kB */
bool text_frequency(const char *text, int64_t *hz); /* 869.525MHz, 869525000 */
bool text_data_rate(const char *text, int64_t *dr); /* DR3 */
bool text_decibel(const char *text, int64_t *cdb);  /* -2.5dB */
bool text_energy(const char *text, int64_t *mj);    /* 50J, 200mJ */
bool text_time_of_day(const char *text, int64_t *minutes);

/* A date, or a date and a time, as if in UTC; the calendar is checked. */
bool text_local_time(const char *text, int64_t *us);

bool text_is_printable(const char *text);
bool text_is_dns_label(const char *text);
bool text_is_version(const char *text);
bool text_is_hex(const char *text); /* an even number of digits */
bool text_is_template(const char *text);
bool text_is_zone(const char *text);
bool text_is_address(const char *text);

/* What follows "://": not empty, no spaces, no credentials. */
bool text_is_url_rest(const char *text);

/* ASCII, whatever the locale. */
int text_lower(int c);

/* A plain YAML scalar that other tools would turn into a number. */
bool text_looks_numeric(const char *text);
