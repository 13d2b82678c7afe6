/* SPDX-License-Identifier: MIT */
/*
 * yardstick.h - what fuota-bench measures the engine by. Each is in a file of its own that
 * knows the scenario and the trace but nothing of the planner.
 *
 * Times in microseconds from apply, -1: does not exist.
 */
#pragma once

#include "fuota-bench/bounds.h"
#include "fuota-bench/chirpstack.h"
#include "fuota-bench/cover_best.h"
#include "fuota-bench/fuotasim.h"
#include "fuota-bench/oracle.h"
#include "fuota-bench/reachable.h"
#include "fuota-bench/strategy.h"
#include "radio/energy.h"
