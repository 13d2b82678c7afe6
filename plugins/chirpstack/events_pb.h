/* SPDX-License-Identifier: MIT */
/*
 * events_pb.h - what events.c does for JSON, for events that are protobuf (json=false).
 *
 * Each returns NULL, or why the message is unusable; dev_eui is that of the topic.
 */
#pragma once

#include "events.h"

const char *event_pb_up(const uint8_t *bytes, size_t len, uint64_t dev_eui,
                        const char *version_pointer, struct decoded_event *out);
const char *event_pb_ack(const uint8_t *bytes, size_t len, uint64_t dev_eui,
                         struct decoded_event *out);
const char *event_pb_txack(const uint8_t *bytes, size_t len, uint64_t dev_eui,
                           struct decoded_event *out);
const char *event_pb_log(const uint8_t *bytes, size_t len, uint64_t dev_eui,
                         struct decoded_event *out);
const char *event_pb_status(const uint8_t *bytes, size_t len, uint64_t dev_eui,
                            struct decoded_event *out);

/* ---- of events.c, for both ---- */

enum {
    EVENT_RX_SCAN_MAX = 64, /* receptions looked at */
};

/* In order of strength; the weakest falls out when all places are taken. */
void event_insert_rx(struct fuo_rx *rx, size_t *count, struct fuo_rx one);
/* FUO_EV_FATE, if the downlink is one of ours. */
void event_fate(const char *queue_item_id, size_t len, uint64_t dev_eui,
                enum fuo_fate fate, struct decoded_event *out);
/* FUO_EV_STATUS, if the margin is one. */
void event_margin(double margin_db, uint64_t dev_eui, struct decoded_event *out);
/* ... and then how full its battery is, if that is known. */
void event_battery(double percent, bool external, bool unavailable,
                   struct decoded_event *out);
