/* SPDX-License-Identifier: ISC
 *
 * The composite of ML-DSA-44 and Ed25519, MLDSA44-Ed25519-SHA512 of the LAMPS composite signatures,
 * as draft-miller-sshm-mldsa44-ed25519-composite-sigs uses it. Public keys, seeds and signatures
 * are those of ML-DSA-44 with those of Ed25519 behind them.
 *
 * Both halves sign one string, which says what it is and holds a hash of the message:
 *     prefix || label || length of the context || context || SHA-512(message)
 * and ML-DSA-44 has the label as its own context as well, so that neither half alone is good for
 * anything else. A signature verifies if both halves do. CT in the seed, as the halves are.
 */
#include "crypto/mldsa44.h"
#include "crypto/nacre_crypto.h"

#include <string.h>

#define COMPOSITE_PREFIX "CompositeAlgorithmSignatures2025"
#define COMPOSITE_LABEL "COMPSIG-MLDSA44-Ed25519-SHA512"
#define COMPOSITE_PREFIX_LEN (sizeof COMPOSITE_PREFIX - 1)
#define COMPOSITE_LABEL_LEN (sizeof COMPOSITE_LABEL - 1)
#define COMPOSITE_CTX_MAX 255

static const uint8_t composite_label[] = COMPOSITE_LABEL;

/* What both halves sign. */
struct composite_message {
    uint8_t
        p[COMPOSITE_PREFIX_LEN + COMPOSITE_LABEL_LEN + 1 + COMPOSITE_CTX_MAX + NACRE_SHA512_LEN];
    size_t n;
};

_Static_assert(sizeof(struct composite_message) <= 8 * (NACRE_MLDSA44_WORK - NCR_MLDSA44_USED),
               "fits behind what ML-DSA-44 uses");

/* Its place: verification of Ed25519 needs the stack. */
static struct composite_message *composite_place(uint64_t *work)
{
    return (void *)(work + NCR_MLDSA44_USED);
}

static void composite_put(struct composite_message *t, const void *p, size_t n)
{
    if (n > 0) {
        memcpy(t->p + t->n, p, n);
        t->n += n;
    }
}

/* ctx_len is at most COMPOSITE_CTX_MAX. */
static void composite_format(struct composite_message *t, const uint8_t *ctx, size_t ctx_len,
                             const uint8_t *m, size_t n)
{
    struct nacre_sha512 h;
    uint8_t digest[NACRE_SHA512_LEN], len = (uint8_t)ctx_len;
    nacre_sha512_init(&h);
    nacre_sha512_update(&h, m, n);
    nacre_sha512_final(digest, &h);
    t->n = 0;
    composite_put(t, COMPOSITE_PREFIX, COMPOSITE_PREFIX_LEN);
    composite_put(t, composite_label, COMPOSITE_LABEL_LEN);
    composite_put(t, &len, 1);
    composite_put(t, ctx, ctx_len);
    composite_put(t, digest, sizeof digest);
}

void nacre_mldsa44_ed25519_keygen(uint8_t pk[NACRE_MLDSA44_ED25519_PK_LEN],
                                  const uint8_t seed[NACRE_MLDSA44_ED25519_SEED_LEN],
                                  uint64_t *work)
{
    struct nacre_ed25519_key k;
    nacre_ed25519_key_init(&k, seed + NACRE_MLDSA44_SEED_LEN);
    nacre_mldsa44_keygen(pk, NULL, seed, work);
    memcpy(pk + NACRE_MLDSA44_PK_LEN, k.pub, sizeof k.pub);
    nacre_wipe(&k, sizeof k);
}

bool nacre_mldsa44_ed25519_sign(uint8_t sig[NACRE_MLDSA44_ED25519_SIG_LEN],
                                const uint8_t seed[NACRE_MLDSA44_ED25519_SEED_LEN],
                                const uint8_t *ctx, size_t ctx_len,
                                const uint8_t rnd[NACRE_MLDSA44_RND_LEN], const uint8_t *m,
                                size_t n, uint64_t *work)
{
    struct composite_message *t = composite_place(work);
    struct nacre_ed25519_key k;
    bool ok = false;
    if (ctx_len <= COMPOSITE_CTX_MAX) {
        composite_format(t, ctx, ctx_len, m, n);
        ok = nacre_mldsa44_sign(sig, seed, composite_label, COMPOSITE_LABEL_LEN, rnd, t->p, t->n,
                                work);
    }
    if (ok) {
        nacre_ed25519_key_init(&k, seed + NACRE_MLDSA44_SEED_LEN);
        nacre_ed25519_sign(sig + NACRE_MLDSA44_SIG_LEN, &k, t->p, t->n);
        nacre_wipe(&k, sizeof k);
    } else {
        memset(sig, 0, NACRE_MLDSA44_ED25519_SIG_LEN);
    }
    nacre_wipe(t, sizeof *t);
    return ok;
}

bool nacre_mldsa44_ed25519_verify_vartime(const uint8_t pk[NACRE_MLDSA44_ED25519_PK_LEN],
                                          const uint8_t *ctx, size_t ctx_len, const uint8_t *m,
                                          size_t n,
                                          const uint8_t sig[NACRE_MLDSA44_ED25519_SIG_LEN],
                                          uint64_t *work)
{
    struct composite_message *t = composite_place(work);
    bool first, second;
    if (ctx_len > COMPOSITE_CTX_MAX) {
        return false;
    }
    composite_format(t, ctx, ctx_len, m, n);
    first = nacre_mldsa44_verify_vartime(pk, composite_label, COMPOSITE_LABEL_LEN, t->p, t->n, sig,
                                         work);
    second = nacre_ed25519_verify_vartime(pk + NACRE_MLDSA44_PK_LEN, t->p, t->n,
                                          sig + NACRE_MLDSA44_SIG_LEN);
    nacre_wipe(t, sizeof *t);
    return first && second;
}
