/* SPDX-License-Identifier: MIT */
/*
 * tls.h - the one thing to say to OpenSSL before anybody uses it.
 *
 * Left alone, OpenSSL frees its locks when the process exits. The threads of paho are detached:
 * one may still be in the middle of its last words then, and crash a program that had done its
 * work. The kernel frees all of it anyway.
 */
#pragma once

/* First in main(): what has begun with OpenSSL's own settings keeps them. */
void tls_startup(void);
