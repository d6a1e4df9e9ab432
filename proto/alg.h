/* SPDX-License-Identifier: ISC
 *
 * Algorithms as rows. A row sits in the file that implements it and is named in a table
 * (alg_default.c); what a table does not name is not linked. Algorithm names are compared nowhere
 * but here.
 */
#ifndef NCR_ALG_H
#define NCR_ALG_H

#include "proto/nacre.h"

/* Largest values of any row: they size buffers. */
#define NCR_KEX_PUB_MAX 2048    /* client's or server's public value, bytes */
#define NCR_KEX_SECRET_MAX 4096 /* client's ephemeral secret */
#define NCR_KEX_K_MAX 1024      /* shared secret */
#define NCR_SIG_MAX 2560        /* signature blob: ssh-mldsa44-ed25519 has 2,511 */

/* When a row is offered: always, only when it is named, or to old devices. */
enum ncr_grade { NCR_GRADE_MODERN = 0, NCR_GRADE_NAMED, NCR_GRADE_LEGACY };

union ncr_msg;
struct ncr_wr;

/* Group exchange, RFC 4419: two more messages, after which the public values have the length of the
 * prime. The functions are those of kex_gex.c, here so that a table without such a row does not
 * link them. */
struct ncr_gex {
    /* Client: asks for a group; takes the server's and answers with the public value. */
    nacre_err (*ask)(struct nacre_conn *c);
    nacre_err (*on_group)(struct nacre_conn *c, const union ncr_msg *m);
    /* Server: which sizes the client asks for; answered with a group. */
    nacre_err (*on_request)(struct nacre_conn *c, const union ncr_msg *m);
    /* What enters H before the public values. */
    void (*hash)(struct ncr_wr *w, const struct nacre_conn *c);
    /* As in struct ncr_kex. */
    nacre_err (*respond)(struct nacre_conn *c, uint8_t *reply, uint8_t *k, struct nacre_bytes init);
    nacre_err (*finish)(struct nacre_conn *c, uint8_t *k, struct nacre_bytes reply);
};

/* Key exchange in the shape of a KEM: start -> (public, secret); respond(public) -> (reply, K);
 * finish(reply, secret) -> K. Each returns NACRE_OK, NACRE_ERR_KEX for a value of the peer's that
 * must be refused, or NACRE_ERR_RNG. Outputs are zeroed on failure. work: NACRE_WORK words. */
struct ncr_kex {
    const char *name;
    enum ncr_grade grade;
    bool post_quantum;
    const struct nacre_hash *hash;
    const struct ncr_gex *gex; /* group exchange: this instead of all that follows; else NULL */
    size_t init_len;           /* client's public value */
    size_t reply_len;          /* server's public value */
    size_t secret_len;         /* client's ephemeral secret */
    size_t k_len;              /* shared secret */
    bool k_is_string;          /* K enters hashes as a string (hybrids), else as an mpint */
    /* Public values are mpints on the wire and in hashes (DH), else strings. Ours have full width,
     * the peer's come without leading zeros. */
    bool pub_is_mpint;
    nacre_err (*start)(uint8_t *pub, uint8_t *secret, const struct nacre_rng *rng, uint64_t *work);
    nacre_err (*respond)(uint8_t *reply, uint8_t *k, struct nacre_bytes init,
                         const struct nacre_rng *rng, uint64_t *work);
    nacre_err (*finish)(uint8_t *k, struct nacre_bytes reply, const uint8_t *secret,
                        uint64_t *work);
};

/* A signature algorithm, for host and user keys. */
struct ncr_sig {
    const char *name; /* of the signature, "rsa-sha2-512" */
    enum ncr_grade grade;
    const char *key_type; /* first string of the key blob, "ssh-rsa" */
    /* NACRE_OK if the key blob is whole, of this type, and fit to be trusted (no small order, no
     * refused size); else KEY_FORMAT or KEY_REFUSED. */
    nacre_err (*check_key)(struct nacre_bytes key);
    /* NACRE_OK if sig (string name, string signature) over data verifies under key; else
     * SIG_FORMAT, KEY_FORMAT, KEY_REFUSED or SIG. */
    nacre_err (*verify)(struct nacre_bytes key, struct nacre_bytes data, struct nacre_bytes sig,
                        uint64_t *work);
    /* Security keys: the same, with these flags (enum nacre_sk_flag) demanded, where verify()
     * demands a touch. NULL: no security key. */
    nacre_err (*verify_sk)(struct nacre_bytes key, struct nacre_bytes data, struct nacre_bytes sig,
                           uint8_t demand, uint64_t *work);
    const struct ncr_sig *plain; /* certificates: the algorithm of the key inside; else NULL */
};

struct ncr_pkt_mode;

struct ncr_cipher {
    const char *name;
    enum ncr_grade grade;
    size_t key_len, iv_len;
    size_t block;                    /* for padding: at least 8 */
    size_t tag_len;                  /* AEAD only, else 0 */
    const struct ncr_pkt_mode *aead; /* packet mode of an AEAD; NULL: the MAC row gives it */
    /* Loads the keys into d->key. */
    void (*load)(struct ncr_dir *d, const uint8_t *key, const uint8_t *iv);
    /* Encrypts and decrypts in place; n a multiple of block. NULL for an AEAD. */
    void (*encrypt)(struct ncr_dir *d, uint8_t *p, size_t n);
    void (*decrypt)(struct ncr_dir *d, uint8_t *p, size_t n);
    /* Without strict key exchange packets at its start can be cut off unseen (CVE-2023-48795). */
    bool needs_strict;
    /* CBC: with encrypt-and-MAC, nobody may learn what a block moved to the length decrypts to;
     * with encrypt-then-MAC it needs strict key exchange too. */
    bool cbc;
    /* True if counts inside d->key are what load() makes them; NULL: there are none. */
    bool (*sound)(const struct ncr_dir *d);
};

struct ncr_mac {
    const char *name;
    enum ncr_grade grade;
    size_t key_len, tag_len;
    const struct ncr_pkt_mode *mode; /* encrypt-and-MAC or encrypt-then-MAC */
    /* Loads the key into d->mac. */
    void (*load)(struct ncr_dir *d, const uint8_t *key);
    /* tag = MAC(key, seq || a || b). */
    void (*compute)(uint8_t *tag, struct ncr_dir *d, uint32_t seq, struct nacre_bytes a,
                    struct nacre_bytes b);
    /* True if pointers and counts inside d->mac are what load() makes them. */
    bool (*sound)(const struct ncr_dir *d);
};

/* Compression; what has no start() sends payloads as they are. */
struct ncr_comp {
    const char *name;
    enum ncr_grade grade;
    bool delayed; /* starts when authentication is complete */
    /* Begins a stream, of what is received or sent. */
    void (*start)(struct ncr_comp_mem *m, bool rx);
    /* Inflates a payload to m->buf + at, which it then is. Errors: LIMIT (it is over
     * NCR_COMP_PAYLOAD_MAX), COMPRESSION. */
    nacre_err (*open)(struct ncr_comp_mem *m, uint32_t at, struct nacre_bytes *payload);
    /* Compresses the *n bytes at p in place, to *n; cap at least NACRE_DEFLATE_OUT_MAX(*n), and *n
     * at most NACRE_DEFLATE_IN_MAX (else INTERNAL). */
    nacre_err (*seal)(struct ncr_comp_mem *m, uint8_t *p, size_t cap, size_t *n);
};

/* Rows by name out of a table; NULL if it has none. */
const struct ncr_kex *ncr_alg_kex(const struct nacre_algs *a, struct nacre_bytes name);
const struct ncr_sig *ncr_alg_sig(const struct nacre_algs *a, struct nacre_bytes name);
const struct ncr_cipher *ncr_alg_cipher(const struct nacre_algs *a, struct nacre_bytes name);
const struct ncr_mac *ncr_alg_mac(const struct nacre_algs *a, struct nacre_bytes name);
const struct ncr_comp *ncr_alg_comp(const struct nacre_algs *a, struct nacre_bytes name);

/* The i-th row of a kind, those of the table's base first; NULL past the end. */
const struct ncr_kex *ncr_alg_kex_at(const struct nacre_algs *a, size_t i);
const struct ncr_sig *ncr_alg_sig_at(const struct nacre_algs *a, size_t i);
const struct ncr_cipher *ncr_alg_cipher_at(const struct nacre_algs *a, size_t i);
const struct ncr_mac *ncr_alg_mac_at(const struct nacre_algs *a, size_t i);
const struct ncr_comp *ncr_alg_comp_at(const struct nacre_algs *a, size_t i);

/* Name of the i-th row of that kind, NULL past the end. */
const char *ncr_alg_name(const struct nacre_algs *a, enum nacre_alg_kind kind, size_t i);
/* Its grade; i is below the end. */
enum ncr_grade ncr_alg_grade(const struct nacre_algs *a, enum nacre_alg_kind kind, size_t i);

/* Diffie-Hellman in a group that is known at run time only, for rows of group exchange. */
extern const struct ncr_gex ncr_gex_dh;

/* Rows (each in the file that implements it). */
extern const struct ncr_kex ncr_kex_mlkem768_x25519, ncr_kex_mlkem768_nistp256,
    ncr_kex_mlkem1024_nistp384;
extern const struct ncr_kex ncr_kex_sntrup761_x25519, ncr_kex_sntrup761_x25519_openssh;
extern const struct ncr_kex ncr_kex_curve25519, ncr_kex_curve25519_libssh;
extern const struct ncr_kex ncr_kex_ecdh_nistp256, ncr_kex_ecdh_nistp384, ncr_kex_ecdh_nistp521;
extern const struct ncr_kex ncr_kex_gex_sha256, ncr_kex_gex_sha1;
extern const struct ncr_kex ncr_kex_dh14_sha256, ncr_kex_dh16_sha512, ncr_kex_dh18_sha512;
extern const struct ncr_kex ncr_kex_dh14_sha1, ncr_kex_dh1_sha1; /* legacy */
extern const struct ncr_sig ncr_sig_ed25519, ncr_sig_mldsa44_ed25519;
extern const struct ncr_sig ncr_sig_ecdsa_nistp256, ncr_sig_ecdsa_nistp384, ncr_sig_ecdsa_nistp521;
extern const struct ncr_sig ncr_sig_sk_ed25519, ncr_sig_sk_ecdsa, ncr_sig_webauthn_sk_ecdsa;
extern const struct ncr_sig ncr_sig_rsa_sha2_512, ncr_sig_rsa_sha2_256;
extern const struct ncr_sig ncr_sig_rsa_sha1; /* legacy */
extern const struct ncr_sig ncr_sig_cert_ed25519, ncr_sig_cert_mldsa44_ed25519;
extern const struct ncr_sig ncr_sig_cert_ecdsa_nistp256, ncr_sig_cert_ecdsa_nistp384,
    ncr_sig_cert_ecdsa_nistp521;
extern const struct ncr_sig ncr_sig_cert_sk_ed25519, ncr_sig_cert_sk_ecdsa,
    ncr_sig_cert_webauthn_sk_ecdsa;
extern const struct ncr_sig ncr_sig_cert_rsa_sha2_512, ncr_sig_cert_rsa_sha2_256;
extern const struct ncr_sig ncr_sig_cert_rsa_sha1; /* legacy */
extern const struct ncr_cipher ncr_cipher_chapoly;
extern const struct ncr_cipher ncr_cipher_aes128_gcm, ncr_cipher_aes256_gcm;
extern const struct ncr_cipher ncr_cipher_aes128_ctr, ncr_cipher_aes192_ctr, ncr_cipher_aes256_ctr;
extern const struct ncr_cipher ncr_cipher_aes128_cbc, ncr_cipher_aes192_cbc, ncr_cipher_aes256_cbc,
    ncr_cipher_3des_cbc;
extern const struct ncr_mac ncr_mac_sha2_256, ncr_mac_sha2_512, ncr_mac_sha2_256_etm,
    ncr_mac_sha2_512_etm;
extern const struct ncr_mac ncr_mac_umac_64, ncr_mac_umac_128, ncr_mac_umac_64_etm,
    ncr_mac_umac_128_etm;
extern const struct ncr_mac ncr_mac_sha1, ncr_mac_sha1_96, ncr_mac_sha1_etm, ncr_mac_md5;
extern const struct ncr_comp ncr_comp_none, ncr_comp_zlib, ncr_comp_zlib_openssh;

#endif
