/* SPDX-License-Identifier: MIT */
/*
 * report.h - State and Update Result of a member: what its answers say of them, and what it
 * reports itself (campaign/lwm2m_fw.h decides which of the two stands).
 */
#pragma once

#include "engine/internal.h"

/*
 * Its answers say so: rec's State, Result and source follow, not stored. Returns whether
 * they changed; people are told if a report contradicts.
 */
bool report_infer(struct engine *e, struct member *m, enum fw_evidence seen);

/* ... and is stored, with its history, and published; the first does no more than that. */
void member_fw_changed(struct engine *e, struct member *m);
void member_seen(struct engine *e, struct member *m, enum fw_evidence seen);
