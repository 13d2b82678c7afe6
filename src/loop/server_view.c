/* SPDX-License-Identifier: MIT */
#include "loop/server_view.h"

#include <stdarg.h>
#include <stdio.h>

#include "loop/xalloc.h"

/* ---- building ---- */

static uint16_t profile_number(struct server_view *view, const char *name)
{
    size_t at = 0;
    if (name == NULL) {
        return SERVER_NO_PROFILE;
    }
    while (at < view->profile_count && strcmp(view->profiles[at], name) != 0) {
        at++;
    }
    if (at == SERVER_PROFILES_MAX) {
        return SERVER_NO_PROFILE;
    }
    if (at == view->profile_count) {
        view->profiles = xrealloc(view->profiles, at + 1, sizeof(char *));
        view->profiles[view->profile_count++] = xstrdup(name);
    }
    return (uint16_t)at;
}

void server_view_add_device(struct server_view *view, const struct fuo_event *event,
                            uint64_t keys_hash)
{
    if (view->count == view->cap) {
        view->cap = view->cap == 0 ? 256 : view->cap * 2;
        view->devices = xrealloc(view->devices, view->cap, sizeof(*view->devices));
    }
    view->devices[view->count++] = (struct server_device){
        .dev_eui = event->device.dev_eui,
        .keys_hash = keys_hash,
        .profile = profile_number(view, event->device.server_profile),
        .lacks_class_b = event->device.lacks_class_b,
        .lacks_class_c = event->device.lacks_class_c,
        .at_once = !event->device.lacks_class_c && event->device.lorawan_minor == 0,
        .clock_answered = event->device.clock_answered,
    };
}

void server_view_add_gateway(struct server_view *view, const struct fuo_event *event)
{
    if (view->gateway_count == SERVER_GATEWAYS_MAX) {
        return;
    }
    if (view->gateway_count == view->gateway_cap) {
        view->gateway_cap = view->gateway_cap == 0 ? 64 : view->gateway_cap * 2;
        view->gateways =
            xrealloc(view->gateways, view->gateway_cap, sizeof(*view->gateways));
    }
    view->gateways[view->gateway_count++] = (struct server_gateway){
        .gateway = event->listed.gateway,
        .state = event->listed.state,
    };
}

void server_view_add_finding(struct server_view *view, bool fatal, const char *format,
                             ...)
{
    if (view->finding_count == SERVER_FINDINGS_MAX) {
        return;
    }
    struct server_finding *finding = &view->findings[view->finding_count++];
    va_list args;
    finding->fatal = fatal;
    va_start(args, format);
    (void)vsnprintf(finding->text, sizeof(finding->text), format, args);
    va_end(args);
}

static int compare(uint64_t x, uint64_t y)
{
    return (x > y) - (x < y);
}

static int by_eui(const void *a, const void *b)
{
    return compare(((const struct server_device *)a)->dev_eui,
                   ((const struct server_device *)b)->dev_eui);
}

static int by_gateway(const void *a, const void *b)
{
    return compare(((const struct server_gateway *)a)->gateway,
                   ((const struct server_gateway *)b)->gateway);
}

void server_view_end(struct server_view *view)
{
    if (view->count > 0) {
        qsort(view->devices, view->count, sizeof(*view->devices), by_eui);
    }
    if (view->gateway_count > 0) {
        qsort(view->gateways, view->gateway_count, sizeof(*view->gateways), by_gateway);
    }
}

void server_view_finish(struct server_view *view)
{
    for (size_t i = 0; i < view->profile_count; i++) {
        free(view->profiles[i]);
    }
    free(view->profiles);
    free(view->devices);
    free(view->gateways);
    *view = (struct server_view){0};
}

/* ---- looking ---- */

const struct server_device *server_view_device(const struct server_view *view,
                                               uint64_t dev_eui)
{
    const struct server_device key = {.dev_eui = dev_eui};
    return view->count == 0 ? NULL
                            : bsearch(&key, view->devices, view->count,
                                      sizeof(*view->devices), by_eui);
}

const struct server_gateway *server_view_gateway(const struct server_view *view,
                                                 uint64_t gateway)
{
    const struct server_gateway key = {.gateway = gateway};
    return view->gateway_count == 0 ? NULL
                                    : bsearch(&key, view->gateways, view->gateway_count,
                                              sizeof(*view->gateways), by_gateway);
}

const char *server_view_fatal(const struct server_view *view)
{
    for (size_t i = 0; i < view->finding_count; i++) {
        if (view->findings[i].fatal) {
            return view->findings[i].text;
        }
    }
    return NULL;
}

static void count_in(struct server_lack *lack, const struct server_view *view,
                     const struct server_device *device)
{
    if (lack->count++ == 0) {
        lack->first = device->dev_eui;
        lack->profile =
            device->profile != SERVER_NO_PROFILE ? view->profiles[device->profile] : "";
    }
}

struct server_lack server_view_lack(const struct server_view *view, char device_class,
                                    const uint64_t *devices, size_t count)
{
    struct server_lack lack = {.profile = ""};
    for (size_t i = 0; i < count; i++) {
        const struct server_device *device = server_view_device(view, devices[i]);
        if (device != NULL &&
            (device_class == 'B' ? device->lacks_class_b : device->lacks_class_c)) {
            count_in(&lack, view, device);
        }
    }
    return lack;
}

struct server_lack server_view_at_once(const struct server_view *view,
                                       const uint64_t *devices, size_t count)
{
    struct server_lack taken = {.profile = ""};
    for (size_t i = 0; i < count; i++) {
        const struct server_device *device = server_view_device(view, devices[i]);
        if (device != NULL && device->at_once) {
            count_in(&taken, view, device);
        }
    }
    return taken;
}
