/* SPDX-License-Identifier: MIT */
/*
 * tts_internal.h - what the files of tts.h share: tts.c (registries and the events of real
 * devices), tts_down.c (pushes), tts_mcast.c (queues of multicast devices).
 */
#pragma once

#include "sim/tts.h"

extern const struct tts_error tts_error_too_long;
extern const struct tts_error tts_error_expired;
extern const struct tts_error tts_error_absolute_time;
extern const struct tts_error tts_error_fixed_paths;

void tts_tell(struct tts *tts, const struct tts_event *event);

/* Take a downlink out of its list; the caller frees it. */
void tts_unlink(struct tts_downlink **list, struct tts_downlink *downlink);
void tts_list_free(struct tts_downlink **list);

/* False: it is the name of no real device. */
bool tts_device_number(const struct tts *tts, const char *id, size_t *index);

/* Set the timer of a multicast device for what waits. */
void tts_mcast_arm(struct tts_virtual *v, struct utc now);
void tts_mcast_fire(struct sim_timer *timer, struct utc now);
void tts_mcast_drop_queue(struct tts_virtual *v);
