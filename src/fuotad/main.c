/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>

#include "loop/daemon.h"
#include "net/tls.h"

static const char usage[] =
    "usage: fuotad --config FILE [--time-scale F@EPOCH] [--check]\n"
    "       fuotad --version | --help\n"
    "\n"
    "  --config FILE          the daemon's own file (kind Daemon)\n"
    "  --time-scale F@EPOCH   time runs F times as fast since EPOCH (demos and tests)\n"
    "  --check                only say whether the files are right: 0 or 3\n";

enum {
    OPTION_CHECK = 256,
};

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"time-scale", required_argument, NULL, 't'},
        {"check", no_argument, NULL, OPTION_CHECK},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct daemon_options daemon = {.plugin_folder = FUO_PLUGIN_DIR};
    int option;
    tls_startup();
    while ((option = getopt_long(argc, argv, "c:t:Vh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            daemon.config_file = optarg;
            break;
        case 't':
            daemon.time_scale = optarg;
            break;
        case OPTION_CHECK:
            daemon.check = true;
            break;
        case 'V':
            puts("fuotad " FUO_VERSION);
            return DAEMON_DONE;
        case 'h':
            fputs(usage, stdout);
            return DAEMON_DONE;
        default:
            fputs(usage, stderr);
            return DAEMON_USAGE;
        }
    }
    if (daemon.config_file == NULL || optind != argc) {
        fputs(usage, stderr);
        return DAEMON_USAGE;
    }
    /* A few threads that allocate little: one arena, and freed images go back at once. */
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
    return (int)daemon_run(&daemon);
}
