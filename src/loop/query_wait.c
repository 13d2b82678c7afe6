/* SPDX-License-Identifier: MIT */
/* query_wait.c - clients that wait for what the store is asked. */
#include <stdlib.h>

#include "loop/internal.h"
#include "loop/xalloc.h"

void query_wait_add(struct daemon *d, const struct history_wait *client)
{
    struct history_wait *wait = xcalloc(1, sizeof(*wait));
    *wait = *client;
    wait->next = d->histories;
    d->histories = wait;
}

void query_wait_answer(struct daemon *d, const struct store_done *done,
                       query_wait_fn *add)
{
    struct history_wait **at = &d->histories;
    while (*at != NULL && (*at)->tag != done->tag) {
        at = &(*at)->next;
    }
    struct history_wait *wait = *at;
    if (wait == NULL) {
        return;
    }
    *at = wait->next;
    if (done->err == FUO_OK) {
        add(d, wait->data, done);
        method_reply(d, wait->connection, wait->request_id, wait->data);
    } else {
        struct ctl_error error = {0};
        ctl_fail(&error, CTL_INTERNAL, "the database cannot be read: %s",
                 fuo_strerror(done->err));
        method_refuse(d, wait->connection, wait->request_id, &error);
        json_object_put(wait->data);
    }
    free(wait);
}
