/* SPDX-License-Identifier: MIT */
#include "image/check.h"

#include "image/version.h"

const char *image_verdict_text(enum image_verdict verdict)
{
    switch (verdict) {
#define X(name, text) \
    case name:        \
        return text;
        IMAGE_VERDICT_MAP(X)
#undef X
    }
    return "unknown";
}

static char *put_number(char *at, uint32_t number)
{
    char digits[10];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (n > 0) {
        *at++ = digits[--n];
    }
    return at;
}

const char *mcuboot_version_format(const struct mcuboot_version *version,
                                   char text[static MCUBOOT_VERSION_SIZE])
{
    char *at = put_number(text, version->major);
    *at++ = '.';
    at = put_number(at, version->minor);
    *at++ = '.';
    at = put_number(at, version->revision);
    if (version->build != 0) {
        *at++ = '+';
        at = put_number(at, version->build);
    }
    *at = '\0';
    return text;
}

/* Cuts text at its '+'; what is behind it, or NULL. False: it does not fit. */
static bool split(const char *text, char base[static MCUBOOT_VERSION_SIZE],
                  const char **build)
{
    size_t len = 0;
    while (text[len] != '\0' && text[len] != '+') {
        if (len + 1 >= MCUBOOT_VERSION_SIZE) {
            return false;
        }
        base[len] = text[len];
        len++;
    }
    base[len] = '\0';
    *build = text[len] == '+' ? text + len + 1 : NULL;
    return true;
}

bool mcuboot_version_matches(const struct mcuboot_version *version, const char *text)
{
    struct mcuboot_version bare = *version;
    char base[MCUBOOT_VERSION_SIZE];
    char mine[MCUBOOT_VERSION_SIZE];
    const char *build = NULL;
    bare.build = 0;
    if (!split(text, base, &build) ||
        version_compare(base, mcuboot_version_format(&bare, mine)) != VERSION_SAME) {
        return false;
    }
    if (build == NULL) {
        return true;
    }
    *put_number(mine, version->build) = '\0';
    return version_compare(build, mine) == VERSION_SAME;
}

enum image_verdict image_check_mcuboot(const uint8_t *data, size_t len,
                                       const char *version, struct image_info *info)
{
    *info = (struct image_info){0};
    if (image_inspect(data, len, info) != FUO_OK) {
        return IMAGE_DAMAGED;
    }
    if (info->format != IMAGE_FORMAT_MCUBOOT) {
        return IMAGE_NOT_MCUBOOT;
    }
    switch (info->mcuboot.hash_state) {
    case IMAGE_HASH_ABSENT:
        return IMAGE_NO_HASH;
    case IMAGE_HASH_DIFFERS:
        return IMAGE_WRONG_HASH;
    case IMAGE_HASH_MATCHES:
    case IMAGE_HASH_UNCHECKED:
        break;
    }
    return mcuboot_version_matches(&info->mcuboot.version, version) ? IMAGE_GOOD
                                                                    : IMAGE_WRONG_VERSION;
}
