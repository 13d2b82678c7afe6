/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_path.h - what LwM2M names things by: /object/instance/resource/index, from none of
 * the four (the root) to all of them.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state. Values in host order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    LWM2M_PATH_DEPTH = 4,
    LWM2M_PATH_TEXT_SIZE = 25, /* "/65534" four times, and the end */
    LWM2M_ID_MAX = 65534,      /* 65535 is reserved */
};

struct lwm2m_path {
    uint16_t id[LWM2M_PATH_DEPTH];
    uint8_t depth; /* how many of them it has; the others are 0 */
};

/*
 * "/5/0/3"; "/" and "" are the root. FUO_EPROTO: empty steps, signs, leading zeros, anything
 * that is no number, more than four of them; FUO_ERANGE: beyond LWM2M_ID_MAX. *path is
 * written only on success.
 */
FUO_MUST_CHECK int lwm2m_path_parse(const char *text, size_t len,
                                    struct lwm2m_path *path);

/* "/" for the root. Returns text, 0-terminated. */
const char *lwm2m_path_format(const struct lwm2m_path *path,
                              char text[LWM2M_PATH_TEXT_SIZE]);

/* Whether it is what prefix names, or in it. */
bool lwm2m_path_is_in(const struct lwm2m_path *path, const struct lwm2m_path *prefix);
