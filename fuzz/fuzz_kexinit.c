/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: a peer's KEXINIT against ours (proto/kexinit.c), in both roles.
 *
 * Input: byte 0 chooses the role, the rest is the body of the KEXINIT. Whatever is agreed upon must
 * be in both proposals, and both roles must agree on the same.
 */
#include "proto/kexinit.h"
#include "tests/pair.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_in_both(const struct nacre_conn *c, enum ncr_kexinit_list list, const char *name)
{
    struct nacre_bytes b = nacre_bytes_str(name);
    PAIR_CHECK(ncr_list_has(ncr_kexinit_list(c, true, list), b));
    PAIR_CHECK(ncr_list_has(ncr_kexinit_list(c, false, list), b));
}

static void fuzz_agreed(const struct nacre_conn *c)
{
    fuzz_in_both(c, NCR_LIST_KEX, c->kex.row->name);
    fuzz_in_both(c, NCR_LIST_HOST_KEY, c->kex.host_sig->name);
    for (int i = 0; i < 2; i++) {
        const struct ncr_keyset *k = &c->kex.next[i];
        fuzz_in_both(c, (enum ncr_kexinit_list)(NCR_LIST_CIPHER_C2S + i), k->cipher->name);
        fuzz_in_both(c, (enum ncr_kexinit_list)(NCR_LIST_COMP_C2S + i), k->comp->name);
        PAIR_CHECK((k->macrow == NULL) == (k->cipher->aead != NULL));
        if (k->macrow != NULL) {
            fuzz_in_both(c, (enum ncr_kexinit_list)(NCR_LIST_MAC_C2S + i), k->macrow->name);
        }
    }
    PAIR_CHECK(!c->kex.drop_guess || c->kex.theirs_len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct pair p;
    union ncr_msg m;
    if (n < 1 || n > NCR_KEXINIT_MAX) {
        return 0;
    }
    pair_init(&p);
    pair_start(&p);
    struct nacre_conn *c = p.side[data[0] % 2].c;
    struct nacre_bytes body = {data + 1, n - 1};
    if (ncr_msg_get_kexinit(&m, body)) {
        uint8_t *theirs = ncr_scratch(c, NCR_SCRATCH_THEIRS);
        theirs[0] = NCR_MSG_KEXINIT;
        memcpy(theirs + 1, body.p, body.n);
        c->kex.theirs_len = (uint32_t)n;
        nacre_err err = ncr_kexinit_negotiate(c, &m.kexinit);
        PAIR_CHECK(err == NACRE_OK || err == NACRE_ERR_NO_COMMON_ALG);
        if (err == NACRE_OK) {
            fuzz_agreed(c);
        }
    }
    pair_free(&p);
    return 0;
}
