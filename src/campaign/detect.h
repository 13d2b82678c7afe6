/* SPDX-License-Identifier: MIT */
/*
 * detect.h - quirks of a device that can be told from the air, without knowing its stack.
 *
 * For devices whose profile is missing or wrong. Each function judges one answer and says
 * only what no device that keeps to the specifications can have sent. Pure.
 * Facts: lorawan.md 13, 13.3, 14.2.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "codec/frag.h"
#include "profile/profile.h"

/* Seconds from 1970-01-06 to 1980-01-06: what such clocks are wrong by. */
#define DETECT_EPOCH_S INT32_C(315964800)

/*
 * A clock that subtracts the GPS epoch twice: AppTimeReq shows DETECT_EPOCH_S less than the
 * network's time, or twice that below 0 and the uptime, when it has never been set.
 */
bool detect_epoch_twice(struct gps device_time, struct gps network);

/*
 * The layout of a FragSessionStatusAns body from a device of that version of TS004.
 * PROFILE_LAYOUT_AUTO: it is plausible as its version has it, or in no way.
 */
enum profile_layout detect_layout(uint8_t ts004, const struct frag_status_hint *hint,
                                  const uint8_t *body, size_t len);

/*
 * Whether counts are the last N and what was lost for ever: together more than was sent.
 * sent_count: N of the last fragment on air.
 */
bool detect_lost_for_ever(uint32_t sent_count, uint32_t received, uint32_t missing);
