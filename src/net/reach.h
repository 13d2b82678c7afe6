/* SPDX-License-Identifier: MIT */
/*
 * reach.h - does anything listen where a URL points? For tools: it blocks.
 *
 * A TCP connection is opened and closed; nothing is said on it, so neither TLS nor a login
 * is tried. mqtt, mqtts, http and https with their default ports; [v6] addresses; no user
 * names in the URL.
 */
#pragma once

#include "fuotad/error.h"
#include "io/detail.h"

/*
 * FUO_EINVAL: no such URL. FUO_ENOENT: no such host. FUO_ETIMEDOUT: nothing came back from
 * any of its addresses. FUO_EAGAIN: refused, or no way there. detail says why.
 */
FUO_MUST_CHECK int reach_url(const char *url, int timeout_ms, struct detail *detail);
