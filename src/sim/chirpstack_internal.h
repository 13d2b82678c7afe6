/* SPDX-License-Identifier: MIT */
/*
 * chirpstack_internal.h - what the files of chirpstack.h share: chirpstack.c (devices and
 * uplinks), chirpstack_down.c (class A downlinks), chirpstack_mcast.c (multicast).
 */
#pragma once

#include "sim/chirpstack.h"

enum {
    CS_CLASS_LOCK_S = 5, /* class_a_lock and class_c_lock */
};

void cs_item_delete(struct cs_device *device, struct cs_item *item);

struct cs_reply {
    const uint8_t *phy;
    size_t len;
    uint8_t rx1_delay_s;
};

/* Where a reply went. */
struct cs_slot {
    size_t gateway;
    int64_t delay_us;
    uint32_t frequency_hz;
    uint8_t dr;
    uint32_t downlink_id;
};

/* Numbers the frame, tries its items, and tells of it. The status of the last try. */
enum tx_status cs_give(struct cs *cs, struct cs_gateway_frame *frame);

/*
 * Hand the answer to the last uplink to its best gateway: RX1, and if it refuses that RX2.
 * The status is that of the last try; *slot (may be NULL) is set on TX_OK.
 */
enum tx_status cs_send_reply(struct cs *cs, struct cs_device *device,
                             const struct cs_reply *reply, struct utc now,
                             struct cs_slot *slot);

/* The reply window is over: send what is queued. */
void cs_reply(struct cs *cs, struct cs_device *device, struct utc now);

/* The last uplink may ask for the time: the server answers, if it is one that does. */
void cs_answer_clock(struct cs *cs, struct cs_device *device);

/* Class C: what is queued for devices that may be sent something leaves. */
void cs_push(struct cs *cs, struct utc now);

void cs_on_scheduler(struct sim_timer *timer, struct utc now);
/* At its next whole interval with anything to do. */
void cs_arm_scheduler(struct cs *cs, struct utc now);

void cs_groups_free(struct cs *cs);
