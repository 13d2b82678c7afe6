/* SPDX-License-Identifier: MIT */
/*
 * fnv.h - FNV-1a of 64 bits: whether two things that nobody forges are the same.
 *
 * Never 0, so that 0 can stand for nothing. Who could choose the bytes can make two of the
 * same hash: siphash.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t fnv1a(const void *bytes, size_t len);
