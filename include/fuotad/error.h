/* SPDX-License-Identifier: MIT */
/* error.h - error codes shared by the daemon and its plugins. */
#pragma once

#define FUO_MUST_CHECK __attribute__((__warn_unused_result__))

/* One table: enumerator, number (stable: it is ABI), text. */
#define FUO_ERR_MAP(X)                                        \
    X(FUO_ENOMEM, -1, "out of memory")                        \
    X(FUO_EINVAL, -2, "invalid argument")                     \
    X(FUO_ESHORT, -3, "message truncated")                    \
    X(FUO_ETRAIL, -4, "trailing bytes")                       \
    X(FUO_ERANGE, -5, "value out of range")                   \
    X(FUO_ENOSPC, -6, "not enough space")                     \
    X(FUO_EABI, -7, "incompatible plugin ABI")                \
    X(FUO_EAGAIN, -8, "temporarily unavailable")              \
    X(FUO_EIO, -9, "input/output error")                      \
    X(FUO_ENOENT, -10, "not found")                           \
    X(FUO_EEXIST, -11, "exists already")                      \
    X(FUO_EAUTH, -12, "not authentic")                        \
    X(FUO_EPERM, -13, "not permitted")                        \
    X(FUO_ETIMEDOUT, -14, "timed out, outcome unknown")       \
    X(FUO_EPROTO, -15, "malformed message")                   \
    X(FUO_EEXPIRED, -16, "expired before it was transmitted") \
    X(FUO_EDUTY, -17, "refused by a duty-cycle limit")        \
    X(FUO_ENOTSUP, -18, "not supported")                      \
    X(FUO_EBUSY, -19, "others are first")

enum fuo_error {
    FUO_OK = 0,
#define X(name, value, text) name = (value),
    FUO_ERR_MAP(X)
#undef X
};

/* Static string, never NULL, also for codes it does not know. */
const char *fuo_strerror(int err);
