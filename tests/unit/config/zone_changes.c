/* SPDX-License-Identifier: MIT */
/* zone_changes ZONE... - the changes of each from 2026 to 2037: "ZONE SECONDS OFFSET" lines. */
#include <stdio.h>

#include "config/zone.h"

#define FIRST SECONDS_US(1767225600) /* 2026-01-01 */
#define LAST  SECONDS_US(2145916800) /* 2038-01-01 */

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct zone *zone = zone_find(argv[i]);
        if (zone == NULL) {
            printf("%s unknown 0\n", argv[i]);
            continue;
        }
        struct utc at = {FIRST};
        struct zone_change change;
        printf("%s %lld %lld\n", argv[i], (long long)(at.us / SECONDS_US(1)),
               (long long)(zone_offset_us(zone, at) / SECONDS_US(1)));
        while (zone_next_change(zone, at, (struct utc){LAST}, &change)) {
            printf("%s %lld %lld\n", argv[i], (long long)(change.at.us / SECONDS_US(1)),
                   (long long)(change.after_us / SECONDS_US(1)));
            at = change.at;
        }
    }
    return 0;
}
