/* SPDX-License-Identifier: MIT */
#include "io/detail.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void detail_set(struct detail *detail, const char *format, ...)
{
    if (detail == NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail->text, sizeof(detail->text), format, args);
    va_end(args);
    for (char *c = detail->text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
}
