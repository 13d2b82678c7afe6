/* SPDX-License-Identifier: MIT */
/* version.c - what a server of an older version lacks (network-servers.md 0.5, 2.1, 2.2). */
#include <stdio.h>
#include <stdlib.h>

#include "chirpstack.h"

/* What a server before that release of 4 does not do. */
static const struct {
    unsigned minor;
    const char *lack;
} releases[] = {
    {10, "lets frames expire in its queues (4.10)"},
    {12, "lists the tags of devices, and says whether it answers TS003 (4.12)"},
    {14, "lets commands over MQTT expire (4.14): a device may get one that is stale"},
};

void version_look(struct fuo_ns *ns, uint64_t id, const char *version)
{
    char *rest = NULL;
    unsigned long major = strtoul(version, &rest, 10);
    bool numbers = rest != version && *rest == '.';
    unsigned long minor = numbers ? strtoul(rest + 1, NULL, 10) : 0;
    char lacks[FUO_FINDING_SIZE / 2] = "";
    size_t len = 0;
    if (!numbers || major != 4) {
        ns_finding(ns, id, numbers && major < 4,
                   "the server says that it is version %.20s; known is ChirpStack 4",
                   version);
        return;
    }
    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
        if (minor < releases[i].minor && len < sizeof(lacks)) {
            int n = snprintf(lacks + len, sizeof(lacks) - len, "%s%s",
                             len > 0 ? "; " : "", releases[i].lack);
            len += n > 0 ? (size_t)n : 0;
        }
    }
    if (len > 0) {
        ns_finding(ns, id, false,
                   "the server is version %.20s; only a later one %s; update it", version,
                   lacks);
    }
}
