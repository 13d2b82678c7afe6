/* SPDX-License-Identifier: MIT */
/*
 * webhook.h - the parts of spec.notify[].webhook, and where one may lead.
 *
 * What is told to a webhook names devices' states, so it goes by TLS; plain HTTP only to the
 * machine itself. Path and query are a secret of many services: nobody shows them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "fuotad/error.h"

enum {
    WEBHOOK_ORIGIN_SIZE = 300, /* "https://" and a name with its port */
    WEBHOOK_URL_MAX = 2000,
};

struct webhook {
    char origin[WEBHOOK_ORIGIN_SIZE]; /* "https://ci.example:8443" */
    const char *path; /* into the URL; "" if it has none; a query is in it */
};

/* FUO_EINVAL: it is no URL of http or https, or has a fragment; FUO_ERANGE: it is too long. */
FUO_MUST_CHECK int webhook_split(const char *url, struct webhook *webhook);

/* Whether what is told there can be read by nobody between: TLS, or this machine itself. */
bool webhook_is_private(const struct webhook *webhook);
