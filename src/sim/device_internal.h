/* SPDX-License-Identifier: MIT */
/*
 * device_internal.h - what the files of device.h share: device.c (radio and outbox),
 * device_clock.c (TS003), device_mcast.c (TS005), device_frag.c (TS004), device_fwmgmt.c
 * (TS006) and device_apps.c (which package gets which bytes; TS007).
 */
#pragma once

#include "base/wire.h"
#include "codec/split.h"
#include "sim/device.h"

/* Put off to when the timer has to run next; call after any change. */
void device_rearm(struct device *device, struct utc now);

/* Queue a message; NULL if the outbox is full: then it is lost, as in real devices. */
struct device_message *device_outbox_add(struct device *device,
                                         enum device_outbox_kind kind, uint8_t fport,
                                         struct utc due);
void device_outbox_bytes(struct device *device, uint8_t fport, const uint8_t *bytes,
                         size_t len, struct utc now);
/* Whether one of that kind waits. */
bool device_outbox_has(const struct device *device, enum device_outbox_kind kind);
void device_outbox_remove(struct device *device, enum device_outbox_kind kind);

static inline const struct profile *quirks_of(const struct device *device)
{
    return device->config.profile;
}

int64_t device_random_us(struct device *device, int64_t bound_us);
uint8_t device_max_payload(const struct device *device);
uint8_t device_version_of(const struct device *device, enum pkg_id pkg);

/* Everything a reboot loses. */
void device_boot(struct device *device, struct utc now);

/* Each takes one command and appends its answer, CID included, to w; none is possible. */
void device_clock_command(struct device *device, const struct split_cmd *cmd,
                          struct wr *w, struct utc now);
void device_mcast_command(struct device *device, const struct split_cmd *cmd,
                          struct wr *w, struct utc now);
/* group: the multicast group it came by, or -1. */
void device_frag_command(struct device *device, const struct split_cmd *cmd, int group,
                         struct wr *w, struct utc now);
void device_fwmgmt_command(struct device *device, const struct split_cmd *cmd,
                           struct wr *w, struct utc now);

/* An application payload, decrypted. group as above. */
void device_payload(struct device *device, uint8_t fport, const uint8_t *payload,
                    size_t len, int group, struct utc now);

/* A reading of a device that speaks LwM2M. */
void device_report(const struct device *device, struct wr *w);
/* False: it is none. */
bool device_vendor_command(struct device *device, uint8_t fport, const uint8_t *payload,
                           size_t len, struct utc now);

/* Time-driven parts; each returns when it wants to be called again, UTC_NEVER if not. */
struct utc device_clock_due(const struct device *device);
void device_clock_run(struct device *device, struct utc now);
struct utc device_mcast_due(const struct device *device, struct utc now);
void device_mcast_run(struct device *device, struct utc now);

/* Fill in a message at the moment of its transmission; false: nothing to say any more. */
bool device_clock_fill(struct device *device, struct device_message *m, struct utc now);
bool device_frag_fill(struct device *device, struct device_message *m, struct utc now);

void device_clock_boot(struct device *device, struct utc now);
void device_frag_forget(struct device *device);
/*
 * The counter of a frame that came by the group, by what the device knows of it; false: it
 * is none that it takes. To be noted when the frame has proven to be authentic.
 */
bool device_mcast_counter(const struct device *device, const struct device_group *group,
                          uint16_t low, uint32_t *fcnt);
/* What the session ends with, where it does: a fragment that came, or the block. */
void device_mcast_heard(struct device *device, struct utc now);
void device_mcast_complete(struct device *device);
/* A class C session is being listened to. */
bool device_mcast_is_class_c(const struct device *device);
/* What FragSessionStatusAns says; true: now is the time to say it. */
bool device_frag_status(const struct device *device, uint8_t frag_index,
                        bool all_participants, struct frag_status_ans *ans);
/* device_patch.c: whether it is one; and the image that it makes as device->received, else
 * false. */
bool device_is_patch(const uint8_t *block, size_t len);
bool device_patch(struct device *device, const uint8_t *block, size_t block_len);
void device_image_free(struct device_image *image);
