/* SPDX-License-Identifier: MIT */
#include "config/campaign_image.h"

#include "image/check.h"

static int check_mcuboot(const struct spec_image *image, const struct diag_place *place,
                         const uint8_t *bytes, size_t len, struct diag_list *diags)
{
    struct image_info info;
    char text[MCUBOOT_VERSION_SIZE];
    enum image_verdict verdict = image_check_mcuboot(bytes, len, image->version, &info);
    if (verdict == IMAGE_WRONG_VERSION) {
        diag_error(diags, place, "%s says version %s in its header, the campaign %s",
                   image->file, mcuboot_version_format(&info.mcuboot.version, text),
                   image->version);
    } else if (verdict != IMAGE_GOOD) {
        diag_error(diags, place, "%s %s", image->file, image_verdict_text(verdict));
    } else if (info.mcuboot.trailing_bytes > 0) {
        diag_warn(diags, place,
                  "%zu bytes follow the image in %s and would be sent, too; imgtool "
                  "adds them with --pad",
                  info.mcuboot.trailing_bytes, image->file);
    }
    return verdict == IMAGE_GOOD ? FUO_OK : FUO_EINVAL;
}

int campaign_image_check(const struct spec_image *image, const struct diag_place *place,
                         const uint8_t *bytes, size_t len, struct diag_list *diags)
{
    switch (image->format) {
    case SPEC_IMAGE_RAW:
    case SPEC_IMAGE_DATA:
        break;
    case SPEC_IMAGE_MCUBOOT:
        return check_mcuboot(image, place, bytes, len, diags);
    }
    return FUO_OK;
}
