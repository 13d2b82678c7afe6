/* SPDX-License-Identifier: MIT */
/*
 * campaign_change.h - what an edited Campaign file changes, and whether it may.
 *
 * A campaign that was applied is what it is: its image, its targets and how they are served
 * are fixed, and other ones need another name. What may be changed while it runs is when it
 * is sent (windows, blackouts), what it may cost (budgets), whether it is paused, and its
 * labels. Values are compared as they are written: a default that is given is another value
 * than none, a comment or another order of keys is not. reference/campaigns.md 2.5.
 */
#pragma once

#include <stdbool.h>

#include "config/campaign.h"
#include "config/diag.h"

struct campaign_change {
    bool any;
    bool paused;   /* spec.paused is another one */
    bool schedule; /* windows or blackouts are */
};

/*
 * From old to new. FUO_EPERM: something that is fixed has changed; each of that is an error
 * in diags, at its place in the new file, or in the file at large where it was removed.
 */
FUO_MUST_CHECK int campaign_change_find(const struct campaign_doc *old,
                                        const struct campaign_doc *now,
                                        struct campaign_change *change,
                                        struct diag_list *diags);
