/* SPDX-License-Identifier: MIT */
/* "image fragment": what a campaign would put on air, for anybody's decoder. */
#include <inttypes.h>
#include <stdio.h>

#include "base/hex.h"
#include "codec/frag.h"
#include "fec/encode.h"
#include "fuotactl/cmd_image_internal.h"
#include "fuotactl/cmd_util.h"
#include "io/cleanup.h"

enum {
    FRAGMENT_MAX_BYTES = UINT8_MAX, /* the field in FragSessionSetupReq */
    MILLIONTHS = 1000000,
    PERCENT_MAX = 10000, /* a hundred times the image */
};

struct fragment_options {
    const char *file;
    const char *size;
    const char *redundancy;
    const char *ts004;
    bool json;
    uint8_t fragment_bytes;
    uint32_t redundancy_ppm;
    uint8_t version;
};

/* Digits at *text, which moves on; at most max, else false. */
static bool take_number(const char **text, uint32_t max, uint32_t *number)
{
    const char *p = *text;
    uint32_t n = 0;
    for (; *p >= '0' && *p <= '9' && n <= max; p++) {
        n = n * 10 + (uint32_t)(*p - '0');
    }
    bool any = p != *text;
    *text = p;
    *number = n;
    return any && n <= max;
}

/* Up to four decimals at *text, in ten-thousandths; further ones stay there. */
static uint32_t take_decimals(const char **text)
{
    uint32_t decimals = 0;
    for (uint32_t unit = 1000; unit > 0 && **text >= '0' && **text <= '9'; unit /= 10) {
        decimals += unit * (uint32_t)(**text - '0');
        (*text)++;
    }
    return decimals;
}

/* "20%", "12.5%": exactly, in millionths. */
static bool parse_percent(const char *text, uint32_t *ppm)
{
    uint32_t whole = 0;
    uint32_t decimals = 0;
    if (!take_number(&text, PERCENT_MAX, &whole)) {
        return false;
    }
    if (*text == '.') {
        text++;
        decimals = take_decimals(&text);
    }
    *ppm = whole * (MILLIONTHS / 100) + decimals;
    return text[0] == '%' && text[1] == '\0';
}

static int check_options(struct fragment_options *opt)
{
    if (opt->size == NULL || opt->redundancy == NULL || opt->ts004 == NULL) {
        return cmd_usage(USAGE_IMAGE_FRAGMENT, "%s is missing",
                         opt->size == NULL         ? "--fragment-size"
                         : opt->redundancy == NULL ? "--redundancy"
                                                   : "--ts004");
    }
    uint32_t size = 0;
    const char *p = opt->size;
    if (!take_number(&p, FRAGMENT_MAX_BYTES, &size) || *p != '\0' || size == 0) {
        return cmd_usage(USAGE_IMAGE_FRAGMENT,
                         "--fragment-size takes 1 to %d bytes, not %s",
                         FRAGMENT_MAX_BYTES, opt->size);
    }
    if (!parse_percent(opt->redundancy, &opt->redundancy_ppm)) {
        return cmd_usage(USAGE_IMAGE_FRAGMENT,
                         "--redundancy takes a percentage like 20%%, not %s",
                         opt->redundancy);
    }
    uint32_t version = 0;
    p = opt->ts004;
    if (!take_number(&p, 2, &version) || *p != '\0' || version == 0) {
        return cmd_usage(USAGE_IMAGE_FRAGMENT, "--ts004 takes 1 or 2, not %s",
                         opt->ts004);
    }
    opt->fragment_bytes = (uint8_t)size;
    opt->version = (uint8_t)version;
    return CLI_OK;
}

static int print_fragment(const struct fragment_options *opt,
                          const struct fec_encoder *enc, uint32_t n)
{
    uint8_t fragment[FRAGMENT_MAX_BYTES];
    uint8_t command[FRAGMENT_MAX_BYTES + FRAG_DATA_OVERHEAD_BYTES];
    char hex[2 * sizeof(command) + 1];
    struct frag_data data = {
        .n = (uint16_t)n, .data = fragment, .len = opt->fragment_bytes};
    size_t len = 0;
    int err = fec_fragment(enc, n, fragment);
    if (err == FUO_OK) {
        err = frag_data_encode(opt->version, &data, command, sizeof(command), &len);
    }
    if (err != FUO_OK) {
        cmd_say("fragment %" PRIu32 ": %s", n, fuo_strerror(err));
        return CLI_INTERNAL;
    }
    printf(opt->json ? "{\"n\":%" PRIu32 ",\"command\":\"%s\"}\n" : "%" PRIu32 " %s\n", n,
           hex_encode(command, len, hex));
    return CLI_OK;
}

static int fragment(const struct fragment_options *opt, const uint8_t *image, size_t len)
{
    struct fec_encoder enc;
    enum fec_version version = opt->version == 1 ? FEC_V1 : FEC_V2;
    if (fec_encoder_init(&enc, version, image, len, opt->fragment_bytes) != FUO_OK) {
        cmd_say("%s: %zu bytes are more than %d fragments of %d", opt->file, len,
                FEC_N_MAX, opt->fragment_bytes);
        return CLI_DOES_NOT_FIT;
    }
    uint64_t coded =
        ((uint64_t)enc.m * opt->redundancy_ppm + MILLIONTHS - 1) / MILLIONTHS;
    if (enc.m + coded > FEC_N_MAX) {
        cmd_say("%s: %d uncoded and %" PRIu64 " coded fragments; TS004 counts to %d",
                opt->file, enc.m, coded, FEC_N_MAX);
        return CLI_DOES_NOT_FIT;
    }
    for (uint32_t n = 1; n <= enc.m + coded; n++) {
        int rc = print_fragment(opt, &enc, n);
        if (rc != CLI_OK) {
            return rc;
        }
    }
    return cmd_finish();
}

int cmd_image_fragment(int argc, char **argv, bool json)
{
    struct fragment_options opt = {.json = json};
    const struct cmd_option options[] = {
        {"--fragment-size", &opt.size, NULL},
        {"--redundancy", &opt.redundancy, NULL},
        {"--ts004", &opt.ts004, NULL},
        {"--json", NULL, &opt.json},
        {0},
    };
    int rc = cmd_parse(argc, argv,
                       &(struct cmd_syntax){USAGE_IMAGE_FRAGMENT, options, &opt.file});
    if (rc == CLI_OK) {
        rc = check_options(&opt);
    }
    AUTO_FREE uint8_t *image = NULL;
    size_t len = 0;
    if (rc == CLI_OK) {
        rc = cmd_read_file(opt.file, CMD_IMAGE_MAX_BYTES, &image, &len);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    if (len == 0) {
        cmd_say("%s: is empty", opt.file);
        return CLI_INVALID;
    }
    return fragment(&opt, image, len);
}
