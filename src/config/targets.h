/* SPDX-License-Identifier: MIT */
/*
 * targets.h - which devices a campaign selects of the inventories of its fleets.
 *
 * selected = (match + devices + devicesFile) - exclude. Without match and with devices or
 * a devicesFile, those alone are meant; without any of them, all devices. Labels and
 * expressions are AND-ed; NotIn and DoesNotExist hold for a device without the label.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/campaign.h"
#include "config/inventory.h"
#include "fuotad/error.h"

/* Of the fleets of a campaign: a device is in one of them at most. */
struct inventories {
    const struct inventory *const *items;
    size_t count;
};

struct target_selection {
    struct arena arena;
    const uint64_t *devices; /* DevEUIs, ascending */
    size_t count;
    const uint64_t *unknown; /* listed DevEUIs that no inventory has */
    size_t unknown_count;
};

/* *of: which of them has it; NULL: none has. */
const struct inventory_device *inventories_find(const struct inventories *all,
                                                uint64_t dev_eui,
                                                const struct inventory **of);

bool target_matches(const struct spec_match *match, const struct inventory *inventory,
                    const struct inventory_device *device);

/*
 * Select; reads devicesFile and exclude.devicesFile relative to the campaign's file.
 * FUO_ERANGE (reported at spec.targets.limit) if more than the limit is selected,
 * FUO_EINVAL or the code of file_read() (reported) if a file is wrong. *selection is set on FUO_OK only;
 * release it with target_selection_finish().
 */
FUO_MUST_CHECK int targets_select(struct campaign_doc *campaign,
                                  const struct inventories *all,
                                  struct target_selection *selection,
                                  struct diag_list *diags);

void target_selection_finish(struct target_selection *selection);
