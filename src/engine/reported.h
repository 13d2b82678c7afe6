/* SPDX-License-Identifier: MIT */
/*
 * reported.h - State and Update Result of a member: what its answers say of them, and what it
 * reports itself (campaign/lwm2m_fw.h decides which of the two stands).
 *
 * What a device reports is kept, also outside of campaigns. In one it is a hint as to what
 * to ask next, but for two things: an update that it saw fail has failed, and the version
 * that runs, /3/0/3, is proof if it is the text of the campaign's and was another before.
 */
#pragma once

#include "engine/internal.h"

/*
 * Its answers say so: rec's State, Result and source follow, not stored. Returns whether
 * they changed; people are told if a report contradicts.
 */
bool reported_infer(struct engine *e, struct member *m, enum fw_evidence seen);

/* ... and is stored, with its history, and published; the first does no more than that. */
void member_fw_changed(struct engine *e, struct member *m);
void member_seen(struct engine *e, struct member *m, enum fw_evidence seen);

/* One alert of the campaign, however many devices there is something to say of: "device
 * <DevEUI>" and what follows it. */
void reported_tell(struct engine *e, const struct member *m, const char *what);

/* Texts of at most RECORD_REPORT_SIZE. */
bool reported_is_same(const char *a, const char *b);

void reported_take(struct engine *e, const struct engine_report *report);

/* An uplink on the port that the device's profile gives for LwM2M: TLV of /5/0 and /3/0/3. */
void report_take_uplink(struct engine *e, const struct device *d, const uint8_t *payload,
                        size_t len);
