/* SPDX-License-Identifier: MIT */
/*
 * campaign_image.h - the image of a campaign against what the campaign says of it.
 *
 * A raw image and data may be anything. An mcuboot image is checked by image/check.h; every problem
 * is reported at place, which is that of spec.image.file.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "campaign/spec.h"
#include "config/diag.h"
#include "fuotad/error.h"

/* FUO_EINVAL: diags say why. */
FUO_MUST_CHECK int campaign_image_check(const struct spec_image *image,
                                        const struct diag_place *place,
                                        const uint8_t *bytes, size_t len,
                                        struct diag_list *diags);
