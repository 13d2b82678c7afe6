/* SPDX-License-Identifier: MIT */
/* campaign_table.h - the option table of a Campaign; internal to src/config. */
#pragma once

#include "config/campaign.h"

enum campaign_require {
    CAMPAIGN_REQUIRE_VERSION = 1,
    CAMPAIGN_REQUIRE_UPLINKS = 2,
};

enum {
    CAMPAIGN_COUNT_MAX = 1000000000, /* devices */
};

extern const struct option campaign_options[];

/* Parts of it. */
extern const struct option campaign_match_options[];
extern const struct option campaign_schedule_options[];
extern const struct option campaign_radio_options[];
extern const struct option campaign_fragmentation_options[];
extern const struct option campaign_budgets_options[];
extern const struct option campaign_rollout_options[];
extern const struct option campaign_retry_options[];
extern const struct option campaign_activation_options[];
extern const struct option campaign_verification_options[];
extern const struct option campaign_notify_options[];
