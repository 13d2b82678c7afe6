/* SPDX-License-Identifier: MIT */
/*
 * base.h - what every translator's struct fuo_ns begins with, and what it tells its host.
 *
 * Knows nothing of the rest of the struct.
 */
#pragma once

#include "fuotad/plugin.h"

/* The first member of struct fuo_ns. */
struct ns_base {
    const struct fuo_host_ops *ops;
    struct fuo_host *host;
};

/* Cut to a line and hand to the host. */
__attribute__((format(printf, 3, 4))) void
ns_log(struct fuo_ns *ns, enum fuo_log_level level, const char *format, ...);

/* The fleet's versionDecoder; NULL: there is none, or the daemon is older. */
const char *ns_version_pointer(struct fuo_ns *ns);

/* FUO_EV_RESULT. */
void ns_result(struct fuo_ns *ns, uint64_t id, int err, uint32_t f_cnt);

/* FUO_EV_QUEUE; the numbers count only if err is FUO_OK. */
struct ns_queue {
    uint64_t id;
    int err;
    uint32_t frame_count;
    uint32_t f_cnt;
};

void ns_queue(struct fuo_ns *ns, const struct ns_queue *queue);

/* FUO_EV_FINDING; cut to its size. fatal: nothing works until it is mended. */
__attribute__((format(printf, 4, 5))) void
ns_finding(struct fuo_ns *ns, uint64_t id, bool fatal, const char *format, ...);
