/* SPDX-License-Identifier: MIT */
#include "net/tls.h"

#include <openssl/crypto.h>

void tls_startup(void)
{
    /* Without it all works as before but for the end: there is nothing to do about it. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}
