/* SPDX-License-Identifier: ISC
 *
 * The tables of algorithms: what is offered, in which order, found by exact name only; and that no
 * row asks for more than the buffers that were sized for all of them.
 */
#include "proto/alg.h"
#include "proto/limits.h"
#include "proto/pkt.h"
#include "proto/wire.h"

#include <criterion/criterion.h>
#include <string.h>

#define KINDS 5

static const char *const default_names[KINDS][32] = {
    [NACRE_ALG_KEX] = {"mlkem768x25519-sha256", "sntrup761x25519-sha512",
                       "sntrup761x25519-sha512@openssh.com", "mlkem768nistp256-sha256",
                       "mlkem1024nistp384-sha384", "curve25519-sha256",
                       "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
                       "ecdh-sha2-nistp521", "diffie-hellman-group-exchange-sha256",
                       "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512",
                       "diffie-hellman-group14-sha256"},
    [NACRE_ALG_SIG] = {"ssh-ed25519-cert-v01@openssh.com",
                       "ecdsa-sha2-nistp256-cert-v01@openssh.com",
                       "ecdsa-sha2-nistp384-cert-v01@openssh.com",
                       "ecdsa-sha2-nistp521-cert-v01@openssh.com",
                       "sk-ssh-ed25519-cert-v01@openssh.com",
                       "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
                       "webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
                       "rsa-sha2-512-cert-v01@openssh.com",
                       "rsa-sha2-256-cert-v01@openssh.com",
                       "ssh-mldsa44-ed25519-cert",
                       "ssh-ed25519",
                       "ssh-mldsa44-ed25519",
                       "ecdsa-sha2-nistp256",
                       "ecdsa-sha2-nistp384",
                       "ecdsa-sha2-nistp521",
                       "sk-ssh-ed25519@openssh.com",
                       "sk-ecdsa-sha2-nistp256@openssh.com",
                       "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
                       "rsa-sha2-512",
                       "rsa-sha2-256"},
    [NACRE_ALG_CIPHER] = {"chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com",
                          "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"},
    [NACRE_ALG_MAC] = {"umac-128-etm@openssh.com", "hmac-sha2-256-etm@openssh.com",
                       "hmac-sha2-512-etm@openssh.com", "umac-64-etm@openssh.com",
                       "umac-128@openssh.com", "hmac-sha2-256", "hmac-sha2-512",
                       "umac-64@openssh.com"},
    [NACRE_ALG_COMP] = {"none", "zlib@openssh.com", "zlib"},
};

/* The row's own name if a row of that kind and name is found, else NULL. */
static const char *found(const struct nacre_algs *a, size_t kind, struct nacre_bytes name)
{
    const struct ncr_kex *kex = ncr_alg_kex(a, name);
    const struct ncr_sig *sig = ncr_alg_sig(a, name);
    const struct ncr_cipher *cipher = ncr_alg_cipher(a, name);
    const struct ncr_mac *mac = ncr_alg_mac(a, name);
    const struct ncr_comp *comp = ncr_alg_comp(a, name);
    const char *const names[KINDS] = {
        [NACRE_ALG_KEX] = kex != NULL ? kex->name : NULL,
        [NACRE_ALG_SIG] = sig != NULL ? sig->name : NULL,
        [NACRE_ALG_CIPHER] = cipher != NULL ? cipher->name : NULL,
        [NACRE_ALG_MAC] = mac != NULL ? mac->name : NULL,
        [NACRE_ALG_COMP] = comp != NULL ? comp->name : NULL,
    };
    return names[kind];
}

Test(alg, default_tables)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        size_t i = 0;
        for (; default_names[kind][i] != NULL; i++) {
            cr_assert_str_eq(ncr_alg_name(&nacre_algs_default, (enum nacre_alg_kind)kind, i),
                             default_names[kind][i]);
        }
        for (size_t past = i; past < i + 100; past++) {
            cr_assert_null(ncr_alg_name(&nacre_algs_default, (enum nacre_alg_kind)kind, past));
        }
    }
}

Test(alg, rows_are_found_by_exact_name_in_their_kind)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; default_names[kind][i] != NULL; i++) {
            struct nacre_bytes name = nacre_bytes_str(default_names[kind][i]);
            char longer[80] = {0};
            memcpy(longer, name.p, name.n);
            longer[name.n] = 'x';
            for (size_t other = 0; other < KINDS; other++) {
                const char *got = found(&nacre_algs_default, other, name);
                cr_assert(kind == other ? got != NULL && strcmp(got, default_names[kind][i]) == 0
                                        : got == NULL);
            }
            cr_assert_null(found(&nacre_algs_default, kind, nacre_bytes_str(longer)));
            name.n--;
            cr_assert_null(found(&nacre_algs_default, kind, name));
            name.n = 0;
            cr_assert_null(found(&nacre_algs_default, kind, name));
        }
    }
}

Test(alg, names_differing_in_case_or_holding_nul_are_others)
{
    static const uint8_t nul[] = "none";
    struct nacre_bytes with_nul = {nul, sizeof nul};
    cr_assert_null(ncr_alg_comp(&nacre_algs_default, with_nul));
    cr_assert_null(ncr_alg_comp(&nacre_algs_default, nacre_bytes_str("NONE")));
    cr_assert_null(ncr_alg_cipher(&nacre_algs_default, nacre_bytes_str("none")));
    cr_assert_null(ncr_alg_mac(&nacre_algs_default, nacre_bytes_str("none")));
}

Test(alg, zeroed_tables_have_no_rows)
{
    static const struct nacre_algs none;
    for (size_t kind = 0; kind < KINDS; kind++) {
        cr_assert_null(ncr_alg_name(&none, (enum nacre_alg_kind)kind, 0));
        cr_assert_null(ncr_alg_name(&none, (enum nacre_alg_kind)kind, 3));
        cr_assert_null(found(&none, kind, nacre_bytes_str(default_names[kind][0])));
    }
}

Test(alg, names_may_stand_in_a_name_list)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; default_names[kind][i] != NULL; i++) {
            cr_assert(ncr_list_valid(nacre_bytes_str(default_names[kind][i]), 1));
        }
    }
}

Test(alg, cipher_rows_fit_their_buffers)
{
    for (size_t i = 0; nacre_algs_default.ciphers[i] != NULL; i++) {
        const struct ncr_cipher *c = nacre_algs_default.ciphers[i];
        cr_assert(c->key_len > 0 && c->key_len <= NCR_KEY_LEN, "%s", c->name);
        cr_assert_leq(c->iv_len, NCR_IV_LEN);
        cr_assert(c->block >= 8 && (c->block & (c->block - 1)) == 0);
        cr_assert_leq(c->block + 3, NCR_PKT_PAD_MAX, "longest padding that sealing makes");
        cr_assert_leq(c->block + 3, NCR_PADDING_MAX);
        cr_assert_not_null(c->load);
        cr_assert_eq(c->aead != NULL, c->encrypt == NULL, "AEAD or cipher");
        cr_assert_eq(c->aead != NULL, c->decrypt == NULL);
        cr_assert_eq(c->aead != NULL, c->tag_len != 0);
    }
}

Test(alg, mac_rows_fit_their_buffers)
{
    for (size_t i = 0; nacre_algs_default.macs[i] != NULL; i++) {
        const struct ncr_mac *m = nacre_algs_default.macs[i];
        cr_assert(m->key_len > 0 && m->key_len <= NCR_KEY_LEN, "%s", m->name);
        cr_assert(m->tag_len > 0 && m->tag_len <= NACRE_HASH_MAX_LEN);
        /* RFC 6668 2: the key is as long as the hash, of which nothing is cut off */
        cr_assert(strncmp(m->name, "hmac-sha2-", 10) != 0 || m->key_len == m->tag_len);
        cr_assert_not_null(m->load);
        cr_assert_not_null(m->compute);
        cr_assert(m->mode == &ncr_pkt_mode_mac || m->mode == &ncr_pkt_mode_etm);
        cr_assert_eq(strstr(m->name, "-etm@") != NULL, m->mode == &ncr_pkt_mode_etm);
    }
}

Test(alg, kex_rows_fit_their_buffers)
{
    for (size_t i = 0; nacre_algs_default.kex[i] != NULL; i++) {
        const struct ncr_kex *k = nacre_algs_default.kex[i];
        cr_assert_leq(k->hash->len, NACRE_HASH_MAX_LEN);
        if (k->gex != NULL) {
            continue;
        }
        cr_assert(k->init_len > 0 && k->init_len <= NCR_KEX_PUB_MAX, "%s", k->name);
        cr_assert(k->reply_len > 0 && k->reply_len <= NCR_KEX_PUB_MAX);
        cr_assert(k->secret_len > 0 && k->secret_len <= NCR_KEX_SECRET_MAX);
        cr_assert(k->k_len > 0 && k->k_len <= NCR_KEX_K_MAX);
        cr_assert(k->start != NULL && k->respond != NULL && k->finish != NULL);
    }
}

/* The list of all names of a kind, with its length. */
static size_t list_len(enum nacre_alg_kind kind)
{
    size_t len = 4;
    const char *name;
    for (size_t i = 0; (name = ncr_alg_name(NACRE_ALGS_ALL, kind, i)) != NULL; i++) {
        len += strlen(name) + 1;
    }
    return len;
}

/* KEXINIT with every row, the indicators that ride in its first list, and empty languages. */
Test(alg, all_rows_fit_a_kexinit)
{
    size_t len = 1 + 16 + 2 * 4 + 1 + 4 + strlen("ext-info-c,kex-strict-c-v00@openssh.com,");
    len += list_len(NACRE_ALG_KEX) + list_len(NACRE_ALG_SIG);
    len += 2 * (list_len(NACRE_ALG_CIPHER) + list_len(NACRE_ALG_MAC) + list_len(NACRE_ALG_COMP));
    cr_assert_leq(len, NCR_KEXINIT_OURS_MAX);
}

/* A server's answer (key, public value, signature, each a string), NEWKEYS and EXT_INFO, with what
 * packets have around them. */
Test(alg, replies_fit_the_reserve)
{
    const size_t around = 5 + NCR_PADDING_MAX + NACRE_HASH_MAX_LEN;
    const size_t ext_info = 128 + list_len(NACRE_ALG_SIG);
    for (size_t i = 0; nacre_algs_default.kex[i] != NULL; i++) {
        const struct ncr_kex *k = nacre_algs_default.kex[i];
        size_t pub = k->gex != NULL ? NACRE_DH_LEN_MAX + 1 : k->reply_len + 1;
        size_t rest = 1 + 4 + 4 + pub + 4 + 1 + ext_info + 3 * around;
        cr_assert_leq(NCR_HOST_KEY_MAX + rest + NCR_SIG_MAX, NCR_OUT_RESERVE, "%s", k->name);
    }
}
