/* SPDX-License-Identifier: MIT */
/* fuotactl - the tool of operators and CI for fuotad. See fuotactl(1). */
#include "fuotactl/run.h"

int main(int argc, char **argv)
{
    return cli_run(argc, argv);
}
