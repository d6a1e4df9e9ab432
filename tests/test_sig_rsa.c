/* SPDX-License-Identifier: ISC
 *
 * RSA keys and signatures as blobs: signatures of OpenSSH and OpenSSL under each algorithm, s20
 * (each blob cut, extended, each length field wrong), s29 (short and long signature strings, names
 * that do not fit), s33 (sizes and values that a key may not have).
 */
#include "crypto/load.h"
#include "proto/limits.h"
#include "proto/wire.h"
#include "proto/keys/nacre_keys.h"
#include "tests/pair.h"
#include "tests/sig_rig.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const struct ncr_sig *row;
    const char *name, *key;
    enum ncr_grade grade;
} rows[] = {
    {&ncr_sig_rsa_sha2_512, "rsa-sha2-512", "sig512", NCR_GRADE_MODERN},
    {&ncr_sig_rsa_sha2_256, "rsa-sha2-256", "sig256", NCR_GRADE_MODERN},
    {&ncr_sig_rsa_sha1, "ssh-rsa", "sig1", NCR_GRADE_LEGACY},
};
enum { ROWS = sizeof rows / sizeof *rows };

static uint64_t work[NACRE_WORK];

static struct nacre_bytes get(const struct vec *v, const char *key)
{
    struct nacre_bytes b;
    b.p = vec_get(v, key, &b.n);
    return b;
}

/* The first key of the file; v stays open at it. */
static void open_first(struct vec *v)
{
    vec_open(v, "ssh_rsa_openssh.txt");
    cr_assert(vec_next(v));
}

Test(sig_rsa, openssh)
{
    struct vec v;
    for (vec_open(&v, "ssh_rsa_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes key = get(&v, "blob"), data = get(&v, "data");
        bool small = vec_uint(&v, "bits") < 2048;
        for (size_t i = 0; i < ROWS; i++) {
            const struct ncr_sig *row = rows[i].row;
            cr_assert_str_eq(row->name, rows[i].name);
            cr_assert_str_eq(row->key_type, "ssh-rsa");
            cr_assert_eq(row->grade, rows[i].grade);
            cr_assert_eq(sig_check_exact(row, key), small && rows[i].grade == NCR_GRADE_MODERN
                                                        ? NACRE_ERR_KEY_REFUSED
                                                        : NACRE_OK);
            for (size_t j = 0; j < ROWS; j++) {
                nacre_err err = sig_verify_exact(row, key, data, get(&v, rows[j].key));
                cr_assert_eq(err, i == j ? NACRE_OK : NACRE_ERR_SIG_FORMAT, "%zu, %zu", i, j);
            }
            data.n--;
            cr_assert_eq(sig_verify_exact(row, key, data, get(&v, rows[i].key)), NACRE_ERR_SIG);
            data.n++;
        }
    }
    vec_close(&v);
}

/* The name inside is changed to that of another algorithm: the digest is still the first's. */
Test(s29, name_of_another_algorithm)
{
    struct vec v;
    open_first(&v);
    struct nacre_bytes key = get(&v, "blob"), data = get(&v, "data");
    uint8_t *sig = vec_fixed(&v, "sig512", 4 + 12 + 4 + 256);
    memcpy(sig + 4, "rsa-sha2-256", 12);
    struct nacre_bytes b = {sig, 4 + 12 + 4 + 256};
    cr_assert_eq(sig_verify_exact(&ncr_sig_rsa_sha2_512, key, data, b), NACRE_ERR_SIG_FORMAT);
    cr_assert_eq(sig_verify_exact(&ncr_sig_rsa_sha2_256, key, data, b), NACRE_ERR_SIG);
    vec_close(&v);
}

/* A signature blob with a string of n bytes, taken from the end of s. */
static struct nacre_bytes resized(uint8_t out[400], const uint8_t *s, size_t n)
{
    ncr_store32be(out, 12);
    memcpy(out + 4, "rsa-sha2-512", 12);
    ncr_store32be(out + 16, (uint32_t)n);
    memset(out + 20, 0, n);
    if (n > 256) {
        memcpy(out + 20 + (n - 256), s, 256);
    } else {
        memcpy(out + 20, s + (256 - n), n);
    }
    return (struct nacre_bytes){out, 20 + n};
}

/* Leading zeros may be missing: of data that is signed again until the signature has one. */
Test(s29, short_signatures_are_padded_long_ones_refused)
{
    struct vec v;
    open_first(&v);
    struct nacre_privkey k;
    struct nacre_bytes key = get(&v, "blob"), file = get(&v, "file");
    static uint8_t scratch[4096];
    char comment[64];
    cr_assert_eq(nacre_keyfile_read(&k, comment, sizeof comment, file, (struct nacre_bytes){0},
                                    scratch, sizeof scratch, NULL, work),
                 NACRE_OK);
    uint8_t sig[400], other[400];
    struct nacre_bytes data = {(const uint8_t *)&data, 4};
    uint32_t i = 0;
    size_t n;
    do {
        i++;
        data.p = (const uint8_t *)&i;
        cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str("rsa-sha2-512"), data, sig, sizeof sig,
                                        &n, &nacre_rng_os, work),
                     NACRE_OK);
        cr_assert_eq(n, 20 + 256);
        cr_assert_eq(
            sig_verify_exact(&ncr_sig_rsa_sha2_512, key, data, (struct nacre_bytes){sig, n}),
            NACRE_OK);
        cr_assert_lt(i, 10000, "one in 256 begins with a zero");
    } while (sig[20] != 0);
    for (n = 0; n <= 300; n++) {
        struct nacre_bytes b = resized(other, sig + 20, n);
        cr_assert_eq(sig_verify_exact(&ncr_sig_rsa_sha2_512, key, data, b),
                     n > 256    ? NACRE_ERR_SIG_FORMAT
                     : n >= 255 ? NACRE_OK
                                : NACRE_ERR_SIG,
                     "%zu", n);
    }
    nacre_privkey_wipe(&k);
    vec_close(&v);
}

Test(s20, rsa_blobs_cut_extended_flipped)
{
    struct vec v;
    open_first(&v);
    const struct ncr_sig *row = &ncr_sig_rsa_sha2_256;
    struct nacre_bytes key = get(&v, "blob"), data = get(&v, "data"), sig = get(&v, "sig256");
    for (size_t n = 0; n < key.n; n++) {
        struct nacre_bytes cut = {key.p, n};
        cr_assert_eq(sig_check_exact(row, cut), NACRE_ERR_KEY_FORMAT);
        cr_assert_eq(sig_verify_exact(row, cut, data, sig), NACRE_ERR_KEY_FORMAT);
    }
    for (size_t n = 0; n < sig.n; n++) {
        cr_assert_eq(sig_verify_exact(row, key, data, (struct nacre_bytes){sig.p, n}),
                     NACRE_ERR_SIG_FORMAT);
    }
    uint8_t longer[400];
    memcpy(longer, key.p, key.n);
    longer[key.n] = 0;
    cr_assert_eq(sig_check_exact(row, (struct nacre_bytes){longer, key.n + 1}),
                 NACRE_ERR_KEY_FORMAT);
    memcpy(longer, sig.p, sig.n);
    longer[sig.n] = 0;
    cr_assert_eq(sig_verify_exact(row, key, data, (struct nacre_bytes){longer, sig.n + 1}),
                 NACRE_ERR_SIG_FORMAT);
    for (size_t bit = 0; bit < 8 * sig.n; bit += 3) {
        memcpy(longer, sig.p, sig.n);
        longer[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_neq(sig_verify_exact(row, key, data, (struct nacre_bytes){longer, sig.n}),
                      NACRE_OK);
    }
    for (size_t bit = 0; bit < 8 * key.n; bit += 3) {
        memcpy(longer, key.p, key.n);
        longer[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_neq(sig_verify_exact(row, (struct nacre_bytes){longer, key.n}, data, sig),
                      NACRE_OK);
    }
    vec_close(&v);
}

/* A key blob of these numbers, as they are: no zero is put before a top bit. */
static struct nacre_bytes key_of(uint8_t *out, size_t cap, struct nacre_bytes e,
                                 struct nacre_bytes n)
{
    struct ncr_wr w = ncr_wr(out, cap);
    ncr_wr_cstring(&w, "ssh-rsa");
    ncr_wr_string(&w, e);
    ncr_wr_string(&w, n);
    return ncr_wr_done(&w);
}

Test(s33, rsa_key_values)
{
    static uint8_t n[2060], out[4400];
    static const struct {
        uint8_t n, p[10];
        nacre_err err;
    } es[] = {
        {3, {1, 0, 1}, NACRE_OK},
        {1, {3}, NACRE_OK},
        {2, {0, 3}, NACRE_OK},
        {0, {0}, NACRE_ERR_KEY_REFUSED},
        {1, {0}, NACRE_ERR_KEY_REFUSED},
        {1, {1}, NACRE_ERR_KEY_REFUSED},
        {1, {2}, NACRE_ERR_KEY_REFUSED},
        {3, {1, 0, 0}, NACRE_ERR_KEY_REFUSED},
        {1, {0x83}, NACRE_ERR_KEY_FORMAT}, /* negative */
        {9, {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, NACRE_OK},
    };
    memset(n, 0xff, sizeof n);
    n[0] = 0;
    for (size_t i = 0; i < sizeof es / sizeof *es; i++) {
        struct nacre_bytes e = {es[i].p, es[i].n}, m = {n, 257};
        cr_assert_eq(sig_check_exact(&ncr_sig_rsa_sha2_512, key_of(out, sizeof out, e, m)),
                     es[i].err, "%zu", i);
    }
    const struct nacre_bytes e = {es[0].p, 3};
    for (size_t bits = 1000; bits < 16400; bits += bits < 2060 || bits > 16300 ? 1 : 97) {
        struct nacre_bytes m = {n + 1, (bits + 7) / 8};
        n[1] = (uint8_t)(0xff >> (8 * m.n - bits));
        if (bits % 8 == 0) { /* the sign needs a byte */
            m.p = n;
            m.n++;
        }
        nacre_err big = bits > 16384 ? NACRE_ERR_KEY_FORMAT : NACRE_OK;
        struct nacre_bytes key = key_of(out, sizeof out, e, m);
        cr_assert_eq(sig_check_exact(&ncr_sig_rsa_sha2_512, key),
                     bits < NCR_RSA_BITS_MIN ? NACRE_ERR_KEY_REFUSED : big, "%zu", bits);
        cr_assert_eq(sig_check_exact(&ncr_sig_rsa_sha1, key),
                     bits < 1024 ? NACRE_ERR_KEY_REFUSED : big, "%zu", bits);
        n[1] = 0xff;
    }
    struct nacre_bytes m = {n, 257}, negative = {n + 1, 256};
    cr_assert_eq(sig_check_exact(&ncr_sig_rsa_sha2_512, key_of(out, sizeof out, e, negative)),
                 NACRE_ERR_KEY_FORMAT);
    n[256] = 0xfe;
    cr_assert_eq(sig_check_exact(&ncr_sig_rsa_sha2_512, key_of(out, sizeof out, e, m)),
                 NACRE_ERR_KEY_REFUSED);
}

/* The blob of another type of key, with the same fields. */
Test(sig_rsa, names_of_keys)
{
    struct vec v;
    open_first(&v);
    struct nacre_bytes key = get(&v, "blob");
    static const char *const names[] = {"ssh-dsa", "rsa-sha", "SSH-RSA"};
    for (size_t i = 0; i < 3; i++) {
        uint8_t copy[400];
        memcpy(copy, key.p, key.n);
        memcpy(copy + 4, names[i], 7);
        cr_assert_eq(sig_check_exact(&ncr_sig_rsa_sha2_512, (struct nacre_bytes){copy, key.n}),
                     NACRE_ERR_KEY_FORMAT);
    }
    vec_close(&v);
}

/* ---- Sessions with RSA keys on both sides ------------------------------------------------ */

struct rsa_session {
    struct nacre_privkey key[2]; /* host key, user's key */
    const char *alg;             /* of both signatures */
    unsigned made[2], proved;
};

static void session_sign(struct rsa_session *k, struct pair_side *s, const struct nacre_event *ev)
{
    static uint8_t sig[2][NACRE_SIG_BLOB_MAX];
    int who = s->role == NACRE_SERVER ? 0 : 1;
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT};

    cr_assert(nacre_bytes_is(ev->alg, k->alg));
    a.data.p = sig[who];
    cr_assert_eq(nacre_privkey_sign(&k->key[who], ev->alg, ev->data, sig[who], sizeof sig[who],
                                    &a.data.n, &nacre_rng_os, work),
                 NACRE_OK);
    k->made[who]++;
    cr_assert_eq(nacre_conn_answer(s->c, &a), NACRE_OK);
}

static bool session_hook(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct rsa_session *k = p->ctx;
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT};

    if (ev->type == NACRE_EV_SIGN) {
        session_sign(k, s, ev);
    } else if (ev->type == NACRE_EV_AUTH_NEXT) {
        cr_assert_eq(
            nacre_auth_publickey(s->c, "joe", k->alg, nacre_privkey_public_blob(&k->key[1]), true),
            NACRE_OK);
    } else if (ev->type == NACRE_EV_HOST_KEY || ev->type == NACRE_EV_AUTH_REQUEST) {
        k->proved += ev->type == NACRE_EV_AUTH_REQUEST && ev->stage == NACRE_STAGE_KEY_PROVED;
        cr_assert_eq(nacre_conn_answer(s->c, &a), NACRE_OK);
    } else {
        return false;
    }
    return true;
}

static void session_keys(struct rsa_session *k)
{
    struct vec v;

    open_first(&v);
    for (int i = 0; i < 2; i++) {
        struct nacre_bytes file = get(&v, "file");
        static uint8_t scratch[4096];
        char comment[64];
        cr_assert_eq(nacre_keyfile_read(&k->key[i], comment, sizeof comment, file,
                                        (struct nacre_bytes){0}, scratch, sizeof scratch, NULL,
                                        work),
                     NACRE_OK);
        cr_assert(i == 1 || vec_next(&v));
    }
    vec_close(&v);
}

Test(sig_rsa, sessions, .timeout = 120)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct rsa_session k = {.alg = rows[i].name};
        struct nacre_bytes host;
        struct pair p;

        session_keys(&k);
        host = nacre_privkey_public_blob(&k.key[0]);
        pair_init(&p);
        p.hook = session_hook;
        p.ctx = &k;
        p.plan.send = 10000;
        p.plan.rekey_every = 5;
        p.side[1].cfg.host_keys = &host;
        for (int side = 0; side < 2; side++) {
            p.side[side].cfg.algs = NACRE_ALGS_ALL;
            p.side[side].cfg.host_key_algs = rows[i].name;
            p.side[side].cfg.user_sig_algs = rows[i].name;
        }
        pair_session(&p);
        cr_assert(pair_complete(&p), "%s: %s, %s", rows[i].name, nacre_err_name(p.side[0].err),
                  nacre_err_name(p.side[1].err));
        cr_assert_str_eq(nacre_conn_negotiated(p.side[0].c)->host_key, rows[i].name);
        cr_assert(k.made[0] > 1 && k.made[1] == 1 && k.proved == 1);
        pair_free(&p);
    }
}
