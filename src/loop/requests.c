/* SPDX-License-Identifier: MIT */
#include "loop/requests.h"

#include "loop/xalloc.h"

uint64_t requests_new_id(struct requests *requests)
{
    return UINT64_C(1) << 63 | ++requests->last;
}

void requests_add(struct requests *requests, const struct request *request)
{
    if (requests->count == requests->cap) {
        requests->cap = requests->cap == 0 ? 16 : requests->cap * 2;
        requests->items =
            xrealloc(requests->items, requests->cap, sizeof(*requests->items));
    }
    requests->items[requests->count++] = *request;
    requests->flushes += request->kind == REQUEST_SEND_FLUSH;
}

bool requests_take(struct requests *requests, uint64_t id, struct request *request)
{
    for (size_t i = 0; i < requests->count; i++) {
        if (requests->items[i].id == id) {
            *request = requests->items[i];
            requests->items[i] = requests->items[--requests->count];
            requests->flushes -= request->kind == REQUEST_SEND_FLUSH;
            return true;
        }
    }
    return false;
}

void requests_clear(struct requests *requests)
{
    free(requests->items);
    requests->items = NULL;
    requests->count = requests->cap = requests->flushes = 0;
}
