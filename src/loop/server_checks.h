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

/* Each: whether there is something to tell, and then the text. */

/*
 * The server takes devices for ones without that class. Multicast does not ask for it
 * (ChirpStack's downlink/multicast.rs never looks at the device profile), and for devices that
 * change their class for a session only it is right so.
 */
bool server_class_text(const struct server_view *view, char device_class,
                       const uint64_t *devices, size_t count,
                       char text[static SERVER_TEXT_SIZE]);

/*
 * The server takes devices for ones that are of class C for good: it hands them what is queued
 * at once, and who has its windows closed hears nothing. With LoRaWAN 1.0.x ChirpStack enables
 * the class at the join, by the device profile alone (uplink/join.rs); with 1.1 the device says
 * so itself (DeviceModeInd).
 */
bool server_at_once_text(const struct server_view *view, const uint64_t *devices,
                         size_t count, char text[static SERVER_TEXT_SIZE]);

/* A gateway of the list is none of the server's for this application. */
bool server_gateway_text(const struct server_view *view, const struct eui_list *gateways,
                         char text[static SERVER_TEXT_SIZE]);
