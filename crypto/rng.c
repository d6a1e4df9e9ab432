/* SPDX-License-Identifier: ISC
 *
 * Asking a source of randomness. A source that fails, or is none, leaves zeros and a false: what
 * was half written is never used as if it were random.
 */
#include "crypto/nacre_crypto.h"

bool nacre_rng_fill(const struct nacre_rng *rng, uint8_t *out, size_t n)
{
    if (rng->fill != NULL && rng->fill(rng->ctx, out, n)) {
        return true;
    }
    nacre_wipe(out, n);
    return false;
}
