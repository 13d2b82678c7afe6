/* SPDX-License-Identifier: MIT */
/* fuotactl - the tool of operators and CI for fuotad. See fuotactl(1). */
#include "fuotactl/run.h"
#include "net/tls.h"

int main(int argc, char **argv)
{
    tls_startup();
    return cli_run(argc, argv);
}
