/* SPDX-License-Identifier: MIT */
/* image_tool.c - fuotactl's "image" and "key" without the rest of it. */
#include <string.h>

#include "fuotactl/cmd_image.h"
#include "fuotactl/cmd_key.h"
#include "fuotactl/exit.h"

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "image") == 0) {
        return cmd_image(argc - 1, argv + 1, false);
    }
    if (argc >= 2 && strcmp(argv[1], "key") == 0) {
        return cmd_key(argc - 1, argv + 1, false);
    }
    return CLI_USAGE;
}
