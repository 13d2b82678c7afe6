/* SPDX-License-Identifier: MIT */
/* cmd_image_internal.h - the subcommands of "image"; only cmd_image.c calls them. */
#pragma once

#include <stdbool.h>

#define USAGE_IMAGE_INSPECT "image inspect FILE [--json]"
#define USAGE_IMAGE_SIGN                                                               \
    "image sign FILE --key KEY.key [--product P --version V [--seccnt N]] [--legacy] " \
    "[-o FILE.minisig] [--password-file FILE] [--json]"
#define USAGE_IMAGE_VERIFY                                                    \
    "image verify FILE --signature FILE.minisig --key KEY.pub [--product P] " \
    "[--version V] [--json]"
#define USAGE_IMAGE_FRAGMENT \
    "image fragment FILE --fragment-size S --redundancy R% --ts004 1|2 [--json]"

enum {
    CMD_IMAGE_MAX_BYTES = 64 << 20, /* any firmware; TS004 carries 4 MB */
    CMD_TEXT_MAX_BYTES = 1 << 20,   /* key and signature files, right or wrong */
};

/* argv[0] is the subcommand. Return an enum cli_exit. */
int cmd_image_inspect(int argc, char **argv, bool json);
int cmd_image_sign(int argc, char **argv, bool json);
int cmd_image_verify(int argc, char **argv, bool json);
int cmd_image_fragment(int argc, char **argv, bool json);
