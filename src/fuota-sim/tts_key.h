/* SPDX-License-Identifier: MIT */
/*
 * tts_key.h - what The Things Stack tells of the API key that asks: answers to
 * ApplicationAccess.ListRights and EntityAccess.AuthInfo (identityserver.proto), the caller's
 * to put. No HTTP.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>

/* In an application; none in another one than the key's. */
struct json_object *tts_key_rights(bool own);

/* A key of the application has no rights elsewhere; one of a user who owns gateways, too, has. */
struct json_object *tts_key_info(const char *application_id, bool user);
