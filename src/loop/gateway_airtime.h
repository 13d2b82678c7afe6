/* SPDX-License-Identifier: MIT */
/* gateway_airtime.h - what servers know of the airtime of gateways, asked for now and then. */
#pragma once

#include <stdint.h>

struct daemon;

/* From now on. */
void gateway_airtime_start(struct daemon *d);

/* A server has answered; what it told came before. */
void gateway_airtime_answered(struct daemon *d, uint32_t fleet_id, int err);
