/* SPDX-License-Identifier: MIT */
/*
 * server_checks.h - what a server's view means for a campaign: cause and remedy, for people.
 * The doctor and plans say the same.
 */
#pragma once

#include "campaign/spec.h"
#include "loop/server_view.h"

enum {
    SERVER_TEXT_SIZE = 480,
};

/* Each: whether something is wrong, and then the text. */

/* The server takes devices for ones without that class. */
bool server_class_text(const struct server_view *view, char device_class,
                       const uint64_t *devices, size_t count,
                       char text[static SERVER_TEXT_SIZE]);

/* A gateway of the list is none of the server's for this application. */
bool server_gateway_text(const struct server_view *view, const struct eui_list *gateways,
                         char text[static SERVER_TEXT_SIZE]);
