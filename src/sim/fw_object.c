/* SPDX-License-Identifier: MIT */
#include "sim/fw_object.h"

#include <stddef.h>

#define R(result) (1u << FWO_##result)
#define IN(state) (1u << FWO_##state)
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const struct row {
    unsigned from; /* mask of states */
    enum fw_object_event event;
    enum fw_object_state to;
    unsigned results; /* mask; one: it is that */
} rows[] = {
    {IN(IDLE), FWO_EV_PACKAGE, FWO_DOWNLOADING, R(INITIAL)}, /* 2 */
    {IN(IDLE), FWO_EV_URI, FWO_DOWNLOADING, R(INITIAL)},     /* 3 */
    {IN(IDLE), FWO_EV_REFUSED_URI, FWO_IDLE,
     R(BAD_TYPE) | R(BAD_URI) | R(BAD_PROTOCOL)},                   /* 4 */
    {IN(DOWNLOADING), FWO_EV_RECEIVED, FWO_DOWNLOADED, R(INITIAL)}, /* 5 */
    {IN(DOWNLOADING), FWO_EV_DOWNLOAD_FAILED, FWO_IDLE,             /* 6, 7, 10 */
     R(NO_FLASH) | R(NO_RAM) | R(LOST) | R(INTEGRITY) | R(BAD_TYPE) | R(BAD_URI) |
         R(BAD_PROTOCOL) | R(CONFLICT)},
    {IN(DOWNLOADING) | IN(DOWNLOADED), FWO_EV_CANCEL, FWO_IDLE, R(CANCELLED)}, /* 8, 12 */
    {IN(IDLE) | IN(DOWNLOADING) | IN(DOWNLOADED), FWO_EV_CLEAR, FWO_IDLE,
     R(INITIAL)},                                                /* 1, 9, 11 */
    {IN(DOWNLOADED), FWO_EV_DEFER, FWO_DOWNLOADED, R(DEFERRED)}, /* 13 */
    {IN(DOWNLOADED), FWO_EV_EXECUTE, FWO_UPDATING, R(INITIAL)},  /* 14 */
    {IN(UPDATING), FWO_EV_UPDATED, FWO_IDLE, R(SUCCESS)},        /* 15 */
    {IN(UPDATING), FWO_EV_UPDATE_FAILED, FWO_IDLE,
     R(INTEGRITY) | R(FAILED) | R(DEPENDENCY)}, /* 16 */
    {IN(UPDATING), FWO_EV_UPDATE_KEPT, FWO_DOWNLOADED,
     R(FAILED) | R(DEPENDENCY)}, /* 17 */
};

static bool is_one(unsigned mask)
{
    return (mask & (mask - 1)) == 0;
}

static enum fw_object_result only(unsigned mask)
{
    unsigned result = 0;
    while (mask >> result != 1) {
        result++;
    }
    return (enum fw_object_result)result;
}

bool fw_object_step(struct fw_object *object, enum fw_object_event event,
                    enum fw_object_result result)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        if (row->event != event || (row->from & 1u << object->state) == 0) {
            continue;
        }
        if (!is_one(row->results) && (row->results & 1u << result) == 0) {
            return false;
        }
        object->state = row->to;
        object->result = is_one(row->results) ? only(row->results) : result;
        return true;
    }
    return false;
}
