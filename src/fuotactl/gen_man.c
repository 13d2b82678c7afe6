/* SPDX-License-Identifier: MIT */
/*
 * gen-fuotactl-man - print fuotactl(1) as scdoc(5) text, from the table of commands.
 *
 * A tool of the build; never installed.
 */
#include <stdio.h>

#include "fuotactl/cli.h"

int main(void)
{
    cli_print_man(stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
