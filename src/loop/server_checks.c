/* SPDX-License-Identifier: MIT */
#include "loop/server_checks.h"

#include <stdio.h>

bool server_class_text(const struct server_view *view, char device_class,
                       const uint64_t *devices, size_t count,
                       char text[static SERVER_TEXT_SIZE])
{
    struct server_lack lack = server_view_lack(view, device_class, devices, count);
    if (lack.count == 0) {
        return false;
    }
    (void)snprintf(
        text, SERVER_TEXT_SIZE,
        "the server takes %zu devices, the first is %016llx, for ones without "
        "class %c: their device profile '%.60s' has it not ticked, and they are "
        "sent commands only after an uplink. That is right for devices that are "
        "of class %c during a session only; if they are for good, tick 'Device "
        "supports Class-%c' there",
        lack.count, (unsigned long long)lack.first, device_class, lack.profile,
        device_class, device_class);
    return true;
}

bool server_at_once_text(const struct server_view *view, const uint64_t *devices,
                         size_t count, char text[static SERVER_TEXT_SIZE])
{
    struct server_lack taken = server_view_at_once(view, devices, count);
    if (taken.count == 0) {
        return false;
    }
    (void)snprintf(
        text, SERVER_TEXT_SIZE,
        "the server takes %zu devices, the first is %016llx, for ones that "
        "always listen: their device profile '%.60s' has 'Device supports "
        "Class-C' ticked, and they are sent commands at once. Devices that are "
        "of class C during a session only do not hear those: untick it for "
        "them, and let them join again",
        taken.count, (unsigned long long)taken.first, taken.profile);
    return true;
}

bool server_gateway_text(const struct server_view *view, const struct eui_list *gateways,
                         char text[static SERVER_TEXT_SIZE])
{
    for (size_t i = 0; i < gateways->count; i++) {
        if (server_view_gateway(view, gateways->items[i]) == NULL) {
            (void)snprintf(text, SERVER_TEXT_SIZE,
                           "gateway %016llx is none of those that the server lets this "
                           "application send by: it is not registered there, or belongs "
                           "to another tenant; register it with the tenant that has the "
                           "application, or take it out of the list",
                           (unsigned long long)gateways->items[i]);
            return true;
        }
    }
    return false;
}
