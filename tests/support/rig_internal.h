/* SPDX-License-Identifier: MIT */
/* rig_internal.h - between the files of the rig only. */
#pragma once

#include "rig.h"

/* A zeroed event to be fed now. */
struct rig_event *rig_new_event(struct rig *rig, enum engine_event_type type);
/* ... or later, by up to what the faults say. */
void rig_delay(struct rig *rig, struct rig_event *event);
void rig_carry_out(struct rig *rig, const struct effect *effect);
size_t rig_index_of(const struct rig *rig, uint64_t dev_eui);

/* What the network tells becomes events. */
extern const struct network_sink rig_sink;

/* A STORE effect of a batch that is committed. */
void rig_store_one(struct rig *rig, const struct effect *effect);
/* All that is stored beside devices and campaign, to the engine. */
void rig_restore_rest(struct rig *rig);

/* What cannot fail in a rig. */
void rig_must(int err);
