/* SPDX-License-Identifier: MIT */
/*
 * texts.h - texts of an event, copied one behind the other into room of its own.
 *
 * A plugin's texts are its own and gone when its call returns; an event that waits in a
 * queue keeps copies. Whoever owns the event makes the room, as large as texts_room() says
 * for all of them together. No bounds are checked here: that is done before (queue.h).
 */
#pragma once

#include <stddef.h>

/* Bytes that a copy takes; 0 for NULL. */
size_t texts_room(const char *text);
/* The copy, at *next, which is moved behind it; NULL for NULL. */
const char *texts_put(char **next, const char *text);
