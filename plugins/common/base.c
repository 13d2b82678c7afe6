/* SPDX-License-Identifier: MIT */
#include "base.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    LOG_SIZE = 400,
};

static void tell(struct fuo_ns *ns, const struct fuo_event *event)
{
    const struct ns_base *base = (const struct ns_base *)ns;
    base->ops->event(base->host, event);
}

void ns_log(struct fuo_ns *ns, enum fuo_log_level level, const char *format, ...)
{
    const struct ns_base *base = (const struct ns_base *)ns;
    char text[LOG_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    base->ops->log(base->host, level, text);
}

const char *ns_version_pointer(struct fuo_ns *ns)
{
    const struct ns_base *base = (const struct ns_base *)ns;
    bool known = base->ops->size >= offsetof(struct fuo_host_ops, version_pointer) +
                                        sizeof(base->ops->version_pointer);
    return known && base->ops->version_pointer != NULL
               ? base->ops->version_pointer(base->host)
               : NULL;
}

void ns_result(struct fuo_ns *ns, uint64_t id, int err, uint32_t f_cnt)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_RESULT};
    event.result.id = id;
    event.result.err = err;
    event.result.f_cnt = f_cnt;
    tell(ns, &event);
}

void ns_queue(struct fuo_ns *ns, const struct ns_queue *queue)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_QUEUE};
    event.queue.id = queue->id;
    event.queue.err = queue->err;
    if (queue->err == FUO_OK) {
        event.queue.frame_count = queue->frame_count;
        event.queue.f_cnt = queue->f_cnt;
    }
    tell(ns, &event);
}

void ns_finding(struct fuo_ns *ns, uint64_t id, bool fatal, const char *format, ...)
{
    char text[FUO_FINDING_SIZE];
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_FINDING};
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    event.finding.id = id;
    event.finding.fatal = fatal;
    event.finding.text = text;
    tell(ns, &event);
}
