/* SPDX-License-Identifier: MIT */
/*
 * gen-man-options KIND - print the manual page of a kind as scdoc(5) text.
 * gen-man-options --sample KIND - print a file of the kind with every key.
 *
 * A tool of the build; never installed.
 */
#include <stdio.h>
#include <string.h>

#include "config/man.h"
#include "config/sample.h"

int main(int argc, char **argv)
{
    bool sample = argc == 3 && strcmp(argv[1], "--sample") == 0;
    if (argc != 2 && !sample) {
        fprintf(stderr, "usage: gen-man-options [--sample] KIND\n");
        return 2;
    }
    const struct config_kind *kind = config_kind_find(argv[argc - 1]);
    if (kind == NULL) {
        fprintf(stderr, "gen-man-options: no kind %s\n", argv[argc - 1]);
        return 2;
    }
    (sample ? sample_print : man_print)(kind, stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
