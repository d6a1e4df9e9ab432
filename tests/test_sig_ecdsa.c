/* SPDX-License-Identifier: ISC
 *
 * ecdsa-sha2-nistp* blobs: signatures of ssh-keygen, then s25 (points, curves and names that do not
 * fit together), s20 (each blob cut at every length, extended, each bit flipped), and r and s that
 * are negative, 0, of the order and over, or written with zeros before them.
 */
#include "crypto/load.h"
#include "proto/wire.h"
#include "tests/sig_rig.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static uint64_t sigec_work[NACRE_WORK];

static const struct sigec_curve {
    const struct ncr_sig *row;
    const char *name, *ident;
    const struct nacre_curve *curve;
    const struct nacre_hash *hash;
} sigec_curves[3] = {
    {&ncr_sig_ecdsa_nistp256, "ecdsa-sha2-nistp256", "nistp256", &nacre_p256, &nacre_hash_sha256},
    {&ncr_sig_ecdsa_nistp384, "ecdsa-sha2-nistp384", "nistp384", &nacre_p384, &nacre_hash_sha384},
    {&ncr_sig_ecdsa_nistp521, "ecdsa-sha2-nistp521", "nistp521", &nacre_p521, &nacre_hash_sha512},
};

struct sigec_blob {
    uint8_t p[400];
    size_t n;
};

static struct nacre_bytes sigec_bytes(const struct sigec_blob *b)
{
    return (struct nacre_bytes){b->p, b->n};
}

static struct sigec_blob sigec_key(const char *name, const char *ident, struct nacre_bytes point)
{
    struct sigec_blob b;
    struct ncr_wr w = ncr_wr(b.p, sizeof b.p);
    ncr_wr_cstring(&w, name);
    ncr_wr_cstring(&w, ident);
    ncr_wr_string(&w, point);
    cr_assert_not(w.bad);
    b.n = w.n;
    return b;
}

/* r and s as the strings that mpints are: not checked, not made minimal. */
static struct sigec_blob sigec_sig(const char *name, struct nacre_bytes r, struct nacre_bytes s)
{
    struct sigec_blob b;
    struct ncr_wr w = ncr_wr(b.p, sizeof b.p);
    ncr_wr_cstring(&w, name);
    size_t mark = ncr_wr_string_begin(&w);
    ncr_wr_string(&w, r);
    ncr_wr_string(&w, s);
    ncr_wr_string_end(&w, mark);
    cr_assert_not(w.bad);
    b.n = w.n;
    return b;
}

/* A key and a signature of ours of 40 bytes; r and s with a zero byte before them. */
struct sigec_case {
    const struct sigec_curve *c;
    struct sigec_blob key, sig;
    uint8_t data[40], point[NACRE_EC_POINT_MAX], r[1 + NACRE_EC_LEN_MAX], s[1 + NACRE_EC_LEN_MAX];
    struct nacre_bytes msg, whole_point, whole_r, whole_s;
};

static void sigec_case(struct sigec_case *x, int i)
{
    const size_t len = nacre_ec_len(sigec_curves[i].curve);
    uint8_t priv[NACRE_EC_LEN_MAX] = {0};
    memset(x, 0, sizeof *x);
    x->c = &sigec_curves[i];
    memset(x->data, 0x5a, sizeof x->data);
    priv[len - 1] = 9;
    cr_assert(nacre_ec_public(x->point, x->c->curve, priv, sigec_work));
    cr_assert(nacre_ecdsa_sign(x->r + 1, x->s + 1, x->c->curve, x->c->hash, priv, x->data,
                               sizeof x->data, sigec_work));
    x->msg = (struct nacre_bytes){x->data, sizeof x->data};
    x->whole_point = (struct nacre_bytes){x->point, 1 + 2 * len};
    x->whole_r = (struct nacre_bytes){x->r, 1 + len};
    x->whole_s = (struct nacre_bytes){x->s, 1 + len};
    x->key = sigec_key(x->c->name, x->c->ident, x->whole_point);
    x->sig = sigec_sig(x->c->name, x->whole_r, x->whole_s);
    cr_assert_eq(sig_check_exact(x->c->row, sigec_bytes(&x->key)), NACRE_OK);
    cr_assert_eq(sig_verify_exact(x->c->row, sigec_bytes(&x->key), x->msg, sigec_bytes(&x->sig)),
                 NACRE_OK);
}

Test(sig_ecdsa, openssh)
{
    struct vec v;
    unsigned count = 0;
    for (vec_open(&v, "ssh_ecdsa_openssh.txt"); vec_next(&v); count++) {
        const struct sigec_curve *c = &sigec_curves[count / 2];
        struct nacre_bytes key, data, sig;
        key.p = vec_get(&v, "key", &key.n);
        data.p = vec_get(&v, "data", &data.n);
        sig.p = vec_get(&v, "sig", &sig.n);
        cr_assert_eq(sig_check_exact(c->row, key), NACRE_OK);
        cr_assert_eq(sig_verify_exact(c->row, key, data, sig), NACRE_OK);
        data.n--;
        cr_assert_eq(sig_verify_exact(c->row, key, data, sig), NACRE_ERR_SIG);
    }
    vec_close(&v);
    cr_assert_eq(count, 6);
}

Test(sig_ecdsa, rows)
{
    for (size_t i = 0; i < 3; i++) {
        const struct sigec_curve *c = &sigec_curves[i];
        cr_assert_str_eq(c->row->name, c->name);
        cr_assert_str_eq(c->row->key_type, c->name);
        cr_assert_eq(c->row->grade, NCR_GRADE_MODERN);
        cr_assert_eq(ncr_alg_sig(&nacre_algs_default, nacre_bytes_str(c->name)), c->row);
    }
}

/* Each way to break a blob must give this error for that argument. */
static void sigec_broken(const struct sigec_case *x, const struct sigec_blob *b, bool is_key)
{
    const struct ncr_sig *row = x->c->row;
    if (is_key) {
        cr_assert_eq(sig_check_exact(row, sigec_bytes(b)), NACRE_ERR_KEY_FORMAT);
        cr_assert_eq(sig_verify_exact(row, sigec_bytes(b), x->msg, sigec_bytes(&x->sig)),
                     NACRE_ERR_KEY_FORMAT);
    } else {
        cr_assert_eq(sig_verify_exact(row, sigec_bytes(&x->key), x->msg, sigec_bytes(b)),
                     NACRE_ERR_SIG_FORMAT);
    }
}

/* The curve is the algorithm's in the name, in the curve's name and in the point. */
Test(s25, names_curves_and_points_that_do_not_fit)
{
    for (int i = 0; i < 3; i++) {
        struct sigec_case x, y;
        sigec_case(&x, i);
        for (int j = 0; j < 3; j++) {
            struct sigec_blob b;
            sigec_case(&y, j);
            if (i == j) {
                continue;
            }
            sigec_broken(&x, &y.key, true);
            b = sigec_key(y.c->name, x.c->ident, x.whole_point);
            sigec_broken(&x, &b, true);
            b = sigec_key(x.c->name, y.c->ident, x.whole_point);
            sigec_broken(&x, &b, true);
            b = sigec_key(x.c->name, x.c->ident, y.whole_point);
            sigec_broken(&x, &b, true);
            b = sigec_sig(y.c->name, x.whole_r, x.whole_s);
            sigec_broken(&x, &b, false);
        }
    }
}

/* Points that a key exchange refuses are no keys. */
Test(s25, points_of_a_key)
{
    struct vec v;
    for (vec_open(&v, "ecdh_openssl.txt"); vec_next(&v);) {
        const uint64_t bits = vec_uint(&v, "curve");
        const struct sigec_curve *c = &sigec_curves[bits == 256 ? 0 : bits == 384 ? 1 : 2];
        struct nacre_bytes point;
        point.p = vec_get(&v, "point", &point.n);
        struct sigec_blob key = sigec_key(c->name, c->ident, point);
        const bool good = nacre_ec_check_vartime(c->curve, point.p, point.n);
        cr_assert(good || !vec_has(&v, "shared"), "line %u", v.line);
        cr_assert_eq(sig_check_exact(c->row, sigec_bytes(&key)),
                     good ? NACRE_OK : NACRE_ERR_KEY_FORMAT, "line %u", v.line);
    }
    vec_close(&v);
}

Test(s20, ecdsa_blobs_cut_and_extended)
{
    for (int i = 0; i < 3; i++) {
        struct sigec_case x;
        sigec_case(&x, i);
        for (int is_key = 0; is_key <= 1; is_key++) {
            const struct sigec_blob *good = is_key ? &x.key : &x.sig;
            struct sigec_blob b = *good;
            for (b.n = 0; b.n < good->n; b.n++) {
                sigec_broken(&x, &b, is_key);
            }
            for (b.n = good->n + 1; b.n <= good->n + 5; b.n++) {
                sigec_broken(&x, &b, is_key);
            }
        }
    }
}

/* Bytes behind s, inside of the string. */
Test(s20, trailing_bytes_inside_of_the_signature)
{
    struct sigec_case x;
    sigec_case(&x, 0);
    const size_t outer = 4 + strlen(x.c->name);
    for (uint32_t more = 1; more <= 4; more++) {
        struct sigec_blob b = x.sig;
        memset(b.p + b.n, 0, more);
        b.n += more;
        ncr_store32be(b.p + outer, ncr_load32be(b.p + outer) + more);
        sigec_broken(&x, &b, false);
    }
}

Test(s16, each_bit_of_an_ecdsa_key_and_signature)
{
    for (int i = 0; i < 3; i++) {
        struct sigec_case x;
        sigec_case(&x, i);
        for (size_t bit = 0; bit < 8 * x.key.n; bit += i == 0 ? 1 : 5) {
            struct sigec_blob b = x.key;
            b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            sigec_broken(&x, &b, true); /* a flipped bit of a point takes it off the curve */
        }
        for (size_t bit = 0; bit < 8 * x.sig.n; bit += i == 0 ? 1 : 5) {
            struct sigec_blob b = x.sig;
            b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            nacre_err err = sig_verify_exact(x.c->row, sigec_bytes(&x.key), x.msg, sigec_bytes(&b));
            cr_assert(err == NACRE_ERR_SIG || err == NACRE_ERR_SIG_FORMAT, "bit %zu", bit);
        }
    }
}

/* The same values in mpints of other forms. */
Test(sig_ecdsa, numbers)
{
    for (int i = 0; i < 3; i++) {
        struct sigec_case x;
        uint8_t pad[8 + NACRE_EC_LEN_MAX] = {0}, big[NACRE_EC_LEN_MAX + 2];
        sigec_case(&x, i);
        const size_t len = nacre_ec_len(x.c->curve);
        const struct nacre_bytes none = {NULL, 0}, negative = {(const uint8_t *)"\xff", 1};
        const struct nacre_bytes bad[] = {none, {(const uint8_t *)"\0", 1}};
        memcpy(pad + 8, x.r + 1, len);
        struct sigec_blob b = sigec_sig(x.c->name, (struct nacre_bytes){pad, 8 + len}, x.whole_s);
        cr_assert_eq(sig_verify_exact(x.c->row, sigec_bytes(&x.key), x.msg, sigec_bytes(&b)),
                     NACRE_OK);
        for (size_t j = 0; j < 2; j++) { /* 0 */
            b = sigec_sig(x.c->name, bad[j], x.whole_s);
            cr_assert_eq(sig_verify_exact(x.c->row, sigec_bytes(&x.key), x.msg, sigec_bytes(&b)),
                         NACRE_ERR_SIG);
            b = sigec_sig(x.c->name, x.whole_r, bad[j]);
            cr_assert_eq(sig_verify_exact(x.c->row, sigec_bytes(&x.key), x.msg, sigec_bytes(&b)),
                         NACRE_ERR_SIG);
        }
        b = sigec_sig(x.c->name, negative, x.whole_s);
        sigec_broken(&x, &b, false);
        b = sigec_sig(x.c->name, x.whole_r, negative);
        sigec_broken(&x, &b, false);
        memset(big, 0x7f, sizeof big); /* more bits than any curve has */
        b = sigec_sig(x.c->name, (struct nacre_bytes){big, 67}, x.whole_s);
        sigec_broken(&x, &b, false);
        memset(big, 0x7f, sizeof big); /* over the order */
        b = sigec_sig(x.c->name, (struct nacre_bytes){big, len + (i < 2)}, x.whole_s);
        cr_assert_eq(sig_verify_exact(x.c->row, sigec_bytes(&x.key), x.msg, sigec_bytes(&b)),
                     NACRE_ERR_SIG);
    }
}

/* What crypto's verification says of its borders, through the row. */
Test(sig_ecdsa, edge_signatures)
{
    struct vec v;
    for (vec_open(&v, "ecdsa_edge.txt"); vec_next(&v);) {
        const uint64_t bits = vec_uint(&v, "curve");
        const struct sigec_curve *c = &sigec_curves[bits == 256 ? 0 : bits == 384 ? 1 : 2];
        struct nacre_bytes point, data;
        uint8_t buf[400];
        struct ncr_wr w = ncr_wr(buf, sizeof buf);
        size_t n;
        point.p = vec_get(&v, "public", &point.n);
        data.p = vec_get(&v, "message", &data.n);
        struct sigec_blob key = sigec_key(c->name, c->ident, point);
        ncr_wr_cstring(&w, c->name);
        size_t mark = ncr_wr_string_begin(&w);
        const uint8_t *p = vec_get(&v, "r", &n);
        ncr_wr_mpint(&w, p, n);
        p = vec_get(&v, "s", &n);
        ncr_wr_mpint(&w, p, n);
        ncr_wr_string_end(&w, mark);
        if (vec_uint(&v, "hash") == 8 * c->hash->len) {
            nacre_err err = sig_verify_exact(c->row, sigec_bytes(&key), data, ncr_wr_done(&w));
            cr_assert_eq(err == NACRE_OK, vec_uint(&v, "valid") != 0, "line %u", v.line);
        }
    }
    vec_close(&v);
}
