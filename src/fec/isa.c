/* SPDX-License-Identifier: MIT */
#include "fec/isa.h"

enum fec_isa fec_isa_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return FEC_ISA_AVX2;
    }
#endif
    return FEC_ISA_BASELINE;
}
