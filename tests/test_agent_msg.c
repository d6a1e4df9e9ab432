/* SPDX-License-Identifier: ISC
 *
 * The agent protocol, RFC 9987: what ssh-add sends is read and written the same; replies are typed,
 * counts are not believed; s72, s73, s74. Each message is cut at every length and extended.
 */
#include "crypto/ct.h"
#include "proto/keys/agent.h"
#include "tests/rngs.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t agm_work[NACRE_WORK];
static uint8_t agm_out[NACRE_AGENT_MSG_MAX + 64];

static const struct nacre_bytes agm_none = {NULL, 0};

static struct nacre_bytes agm_field(struct vec *v, const char *name)
{
    struct nacre_bytes b = {NULL, 0};

    b.p = vec_get(v, name, &b.n);
    return b;
}

/* A message without its length. */
static struct nacre_bytes agm_cut(const uint8_t *out, size_t n)
{
    struct nacre_bytes stream = {out, n}, msg;
    size_t used, next;

    cr_assert_eq(nacre_agent_frame(&msg, &used, &next, stream), NACRE_OK);
    cr_assert(used == n && next == n);
    return msg;
}

static const struct nacre_rng agm_rng = {rng_fast_fill, NULL};

/* ---- Frames ---- */

Test(agent_msg, s74_length_first)
{
    static const uint8_t stream[] = {0, 0, 0, 2, 11, 7, 0, 0, 0, 1};
    struct nacre_bytes msg;
    size_t used, next;

    for (size_t n = 0; n <= sizeof stream; n++) {
        const struct nacre_bytes b = {stream, n};
        cr_assert_eq(nacre_agent_frame(&msg, &used, &next, b), NACRE_OK);
        cr_assert_eq(used, n < 6 ? 0 : 6);
        cr_assert_eq(next, n < 4 ? 4 : 6);
        cr_assert_eq(msg.n, n < 6 ? 0 : 2);
    }
    const struct {
        uint8_t b[4];
        nacre_err err;
    } lens[] = {
        {{0, 0, 0, 0}, NACRE_ERR_LIMIT},
        {{0, 0, 0, 1}, NACRE_OK},
        {{0, 4, 0, 0}, NACRE_OK},
        {{0, 4, 0, 1}, NACRE_ERR_LIMIT},
        {{0xff, 0xff, 0xff, 0xff}, NACRE_ERR_LIMIT},
    };
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        const struct nacre_bytes b = {lens[i].b, 4};
        cr_assert_eq(nacre_agent_frame(&msg, &used, &next, b), lens[i].err);
        cr_assert_eq(used, 0);
    }
}

/* ---- Requests ---- */

Test(agent_msg, requests_come_back)
{
    const struct nacre_bytes key = nacre_bytes_str("key"), data = nacre_bytes_str("data");
    struct nacre_agent_request r;
    size_t n;

    cr_assert_eq(
        nacre_agent_put_request(agm_out, sizeof agm_out, &n, NACRE_AGENT_REQUEST_IDENTITIES),
        NACRE_OK);
    cr_assert(n == 5 && memcmp(agm_out, "\0\0\0\1\13", 5) == 0);
    cr_assert_eq(nacre_agent_request_decode(&r, agm_cut(agm_out, n)), NACRE_OK);
    cr_assert_eq(r.type, NACRE_AGENT_REQUEST_IDENTITIES);
    cr_assert_eq(nacre_agent_put_request(agm_out, sizeof agm_out, &n, NACRE_AGENT_LOCK),
                 NACRE_ERR_USAGE);

    cr_assert_eq(
        nacre_agent_put_sign(agm_out, sizeof agm_out, &n, key, data, NACRE_AGENT_RSA_SHA2_512),
        NACRE_OK);
    cr_assert_arr_eq(agm_out, "\0\0\0\24\15\0\0\0\3key\0\0\0\4data\0\0\0\4", 24);
    cr_assert_eq(nacre_agent_request_decode(&r, agm_cut(agm_out, n)), NACRE_OK);
    cr_assert(r.type == NACRE_AGENT_SIGN_REQUEST && nacre_bytes_is(r.key, "key") &&
              nacre_bytes_is(r.data, "data") && r.flags == 4);

    cr_assert_eq(nacre_agent_put_remove(agm_out, sizeof agm_out, &n, key), NACRE_OK);
    cr_assert_eq(nacre_agent_request_decode(&r, agm_cut(agm_out, n)), NACRE_OK);
    cr_assert(r.type == NACRE_AGENT_REMOVE_IDENTITY && nacre_bytes_is(r.key, "key"));

    cr_assert_eq(nacre_agent_put_lock(agm_out, sizeof agm_out, &n, NACRE_AGENT_UNLOCK, data),
                 NACRE_OK);
    cr_assert_eq(nacre_agent_request_decode(&r, agm_cut(agm_out, n)), NACRE_OK);
    cr_assert(r.type == NACRE_AGENT_UNLOCK && nacre_bytes_is(r.data, "data"));
    cr_assert_eq(nacre_agent_put_lock(agm_out, sizeof agm_out, &n, NACRE_AGENT_SUCCESS, data),
                 NACRE_ERR_USAGE);

    cr_assert_eq(nacre_agent_put_extension(agm_out, sizeof agm_out, &n, "x@y", data), NACRE_OK);
    cr_assert_eq(nacre_agent_request_decode(&r, agm_cut(agm_out, n)), NACRE_OK);
    cr_assert(r.type == NACRE_AGENT_EXTENSION && nacre_bytes_is(r.name, "x@y") &&
              nacre_bytes_is(r.data, "data"));
}

/* What a request of fixed form says is read whole or not at all. */
Test(agent_msg, requests_cut_and_extended)
{
    const struct nacre_bytes key = nacre_bytes_str("key"), data = nacre_bytes_str("data");
    uint8_t copy[64];
    size_t n;

    for (int which = 0; which < 4; which++) {
        nacre_err err;
        if (which == 0) {
            err = nacre_agent_put_sign(agm_out, sizeof agm_out, &n, key, data, 2);
        } else if (which == 1) {
            err = nacre_agent_put_remove(agm_out, sizeof agm_out, &n, key);
        } else if (which == 2) {
            err = nacre_agent_put_lock(agm_out, sizeof agm_out, &n, NACRE_AGENT_LOCK, data);
        } else {
            err = nacre_agent_put_request(agm_out, sizeof agm_out, &n,
                                          NACRE_AGENT_REMOVE_ALL_IDENTITIES);
        }
        cr_assert_eq(err, NACRE_OK);
        const size_t len = n - NACRE_AGENT_LEN;
        memcpy(copy, agm_out + NACRE_AGENT_LEN, len);
        copy[len] = 0;
        for (size_t cut = 0; cut <= len + 1; cut++) {
            struct nacre_agent_request r;
            uint8_t *exact = malloc(cut + 1);
            cr_assert_not_null(exact);
            memcpy(exact, copy, cut);
            err = nacre_agent_request_decode(&r, (struct nacre_bytes){exact, cut});
            cr_assert_eq(err, cut == len ? NACRE_OK : NACRE_ERR_FORMAT, "%d at %zu", which, cut);
            cr_assert(err == NACRE_OK || (r.type == 0 && r.key.n == 0 && r.data.n == 0));
            free(exact);
        }
    }
}

Test(agent_msg, numbers_that_are_no_requests)
{
    for (unsigned type = 0; type < 256; type++) {
        const uint8_t b[1] = {(uint8_t)type};
        struct nacre_agent_request r;
        const nacre_err err = nacre_agent_request_decode(&r, (struct nacre_bytes){b, 1});
        const bool bare = type == 9 || type == 11 || type == 19 || type == 17 || type == 25;
        const bool known = bare || type == 13 || type == 18 || (type >= 20 && type <= 23) ||
                           type == 26 || type == 27;
        cr_assert_eq(err, bare ? NACRE_OK : known ? NACRE_ERR_FORMAT : NACRE_ERR_ORDER, "%u", type);
        cr_assert(err == NACRE_ERR_FORMAT || (unsigned)r.type == type);
    }
}

Test(agent_msg, no_room_and_too_long)
{
    static uint8_t big[NACRE_AGENT_MSG_MAX];
    const struct nacre_bytes key = nacre_bytes_str("key");
    size_t n = 1;

    for (size_t cap = 0; cap < 12; cap++) {
        cr_assert_eq(nacre_agent_put_remove(agm_out, cap, &n, key), NACRE_ERR_NO_ROOM);
        cr_assert_eq(n, 0);
    }
    cr_assert_eq(nacre_agent_put_remove(agm_out, 12, &n, key), NACRE_OK);
    /* type, two lengths, key, flags */
    const size_t most = NACRE_AGENT_MSG_MAX - 1 - 4 - 3 - 4 - 4;
    cr_assert_eq(
        nacre_agent_put_sign(agm_out, sizeof agm_out, &n, key, (struct nacre_bytes){big, most}, 0),
        NACRE_OK);
    cr_assert_eq(nacre_agent_put_sign(agm_out, sizeof agm_out, &n, key,
                                      (struct nacre_bytes){big, most + 1}, 0),
                 NACRE_ERR_LIMIT);
    cr_assert_eq(n, 0);
}

Test(agent_msg, flags_of_algorithms)
{
    cr_assert_eq(nacre_agent_sign_flags(nacre_bytes_str("rsa-sha2-256")), 2);
    cr_assert_eq(nacre_agent_sign_flags(nacre_bytes_str("rsa-sha2-512")), 4);
    cr_assert_eq(nacre_agent_sign_flags(nacre_bytes_str("rsa-sha2-512-cert-v01@openssh.com")), 4);
    cr_assert_eq(nacre_agent_sign_flags(nacre_bytes_str("rsa-sha2-256-cert-v01@openssh.com")), 2);
    cr_assert_eq(nacre_agent_sign_flags(nacre_bytes_str("ssh-rsa")), 0);
    cr_assert_eq(nacre_agent_sign_flags(nacre_bytes_str("ssh-ed25519")), 0);
}

/* ---- Replies ---- */

static nacre_err agm_reply(struct nacre_agent_reply *r, enum nacre_agent_type request,
                           const void *msg, size_t n)
{
    uint8_t *exact = malloc(n + (n == 0));
    nacre_err err;

    cr_assert_not_null(exact);
    memcpy(exact, msg, n);
    err = nacre_agent_reply_decode(r, request, (struct nacre_bytes){exact, n});
    free(exact); /* only type and sizes are looked at */
    return err;
}

Test(agent_msg, s74_replies_are_typed)
{
    static const enum nacre_agent_type requests[] = {NACRE_AGENT_REQUEST_IDENTITIES,
                                                     NACRE_AGENT_SIGN_REQUEST,
                                                     NACRE_AGENT_ADD_IDENTITY,
                                                     NACRE_AGENT_REMOVE_IDENTITY,
                                                     NACRE_AGENT_LOCK,
                                                     NACRE_AGENT_UNLOCK,
                                                     NACRE_AGENT_EXTENSION,
                                                     NACRE_AGENT_ADD_ID_CONSTRAINED};
    struct nacre_agent_reply r;

    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const enum nacre_agent_type q = requests[i];
        const bool ext = q == NACRE_AGENT_EXTENSION;
        const bool plain =
            !ext && q != NACRE_AGENT_REQUEST_IDENTITIES && q != NACRE_AGENT_SIGN_REQUEST;
        for (unsigned type = 0; type < 256; type++) {
            const uint8_t b[9] = {(uint8_t)type};
            const bool none = type == 5 || (type == 6 && (plain || ext)) || (type == 28 && ext);
            const bool with = (type == 12 && q == NACRE_AGENT_REQUEST_IDENTITIES) ||
                              (type == 14 && q == NACRE_AGENT_SIGN_REQUEST) || (type == 29 && ext);
            cr_assert_eq(agm_reply(&r, q, b, 1), none   ? NACRE_OK
                                                 : with ? NACRE_ERR_FORMAT
                                                        : NACRE_ERR_ORDER);
            cr_assert(!none || (unsigned)r.type == type);
            /* a zero length, or a count of zero, behind it */
            cr_assert_eq(agm_reply(&r, q, b, 5), with || (ext && type == 6) ? NACRE_OK
                                                 : none                     ? NACRE_ERR_FORMAT
                                                                            : NACRE_ERR_ORDER);
        }
        cr_assert_eq(agm_reply(&r, q, "", 0), NACRE_ERR_FORMAT);
    }
}

/* A list of two: an unknown type and one that is no key at all; agents have both. */
static const char agm_list[] = "\14\0\0\0\2\0\0\0\12\0\0\0\3foo\1\2\3\0\0\0\2c\n\0\0\0\0\0\0\0\1d";
#define AGM_LIST_LEN (sizeof agm_list - 1)

/* Paramiko (#2299, #2462) raises AttributeError at the first key of a type that it does not know, a
 * security key's, and shows none of the others. */
Test(agent_msg, trap_paramiko_unknown_types_pass_through)
{
    const struct nacre_bytes msg = {(const uint8_t *)agm_list, AGM_LIST_LEN};
    struct nacre_agent_reply r;
    struct nacre_agent_identity id;
    struct nacre_pubkey k;

    cr_assert_eq(nacre_agent_reply_decode(&r, NACRE_AGENT_REQUEST_IDENTITIES, msg), NACRE_OK);
    cr_assert_eq(r.n_keys, 2);
    cr_assert(nacre_agent_identity_next(&r.keys, &id));
    cr_assert(id.blob.n == 10 && nacre_bytes_is(id.comment, "c\n"));
    cr_assert_eq(nacre_pubkey_decode(&k, id.blob), NACRE_ERR_UNKNOWN_ALG);
    cr_assert(nacre_bytes_is(k.name, "foo"));
    cr_assert(nacre_agent_identity_next(&r.keys, &id));
    cr_assert(id.blob.n == 0 && nacre_bytes_is(id.comment, "d"));
    cr_assert(!nacre_agent_identity_next(&r.keys, &id));
}

Test(agent_msg, s21_counts_are_not_believed)
{
    static const uint32_t counts[] = {0, 1, 3, 2048, 2049, 0x7fffffff, 0xffffffff};
    uint8_t b[AGM_LIST_LEN + 1];
    struct nacre_agent_reply r;

    memcpy(b, agm_list, AGM_LIST_LEN);
    b[AGM_LIST_LEN] = 0;
    for (size_t n = 0; n <= AGM_LIST_LEN + 1; n++) {
        cr_assert_eq(agm_reply(&r, NACRE_AGENT_REQUEST_IDENTITIES, b, n),
                     n == AGM_LIST_LEN ? NACRE_OK : NACRE_ERR_FORMAT, "%zu", n);
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (int s = 0; s < 4; s++) {
            b[1 + s] = (uint8_t)(counts[i] >> (24 - 8 * s));
        }
        cr_assert_eq(agm_reply(&r, NACRE_AGENT_REQUEST_IDENTITIES, b, AGM_LIST_LEN),
                     counts[i] > NACRE_AGENT_KEYS_MAX ? NACRE_ERR_LIMIT : NACRE_ERR_FORMAT);
        cr_assert(r.n_keys == 0 && r.keys.n == 0);
    }
    memcpy(b, agm_list, AGM_LIST_LEN);
    for (size_t bit = 0; bit < 8 * AGM_LIST_LEN; bit++) { /* no crash, whatever it says */
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const nacre_err err = agm_reply(&r, NACRE_AGENT_REQUEST_IDENTITIES, b, AGM_LIST_LEN);
        cr_assert(err == NACRE_OK || r.n_keys == 0);
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(agent_msg, lists_grow)
{
    const struct nacre_bytes blob = nacre_bytes_str("blob"), comment = nacre_bytes_str("c");
    struct nacre_agent_reply r;
    size_t n, before;

    cr_assert_eq(nacre_agent_list_begin(agm_out, 9, &n), NACRE_OK);
    cr_assert_eq(nacre_agent_list_append(agm_out, 9 + 12, &n, blob, comment), NACRE_ERR_NO_ROOM);
    cr_assert_eq(n, 9);
    for (unsigned keys = 0; keys <= NACRE_AGENT_KEYS_MAX; keys++) {
        cr_assert_eq(
            nacre_agent_reply_decode(&r, NACRE_AGENT_REQUEST_IDENTITIES, agm_cut(agm_out, n)),
            NACRE_OK);
        cr_assert_eq(r.n_keys, keys);
        before = n;
        const nacre_err err = nacre_agent_list_append(agm_out, sizeof agm_out, &n, blob, comment);
        cr_assert_eq(err, keys == NACRE_AGENT_KEYS_MAX ? NACRE_ERR_LIMIT : NACRE_OK);
        cr_assert_eq(n, err == NACRE_OK ? before + 13 : before);
    }
    /* bytes, before keys, end the next one */
    static uint8_t big[NACRE_AGENT_MSG_MAX - 5 - 8];
    cr_assert_eq(nacre_agent_list_begin(agm_out, sizeof agm_out, &n), NACRE_OK);
    cr_assert_eq(nacre_agent_list_append(agm_out, sizeof agm_out, &n,
                                         (struct nacre_bytes){big, sizeof big}, agm_none),
                 NACRE_OK);
    before = n;
    cr_assert_eq(nacre_agent_list_append(agm_out, sizeof agm_out, &n, agm_none, agm_none),
                 NACRE_ERR_LIMIT);
    cr_assert_eq(n, before);
    cr_assert_eq(nacre_agent_reply_decode(&r, NACRE_AGENT_REQUEST_IDENTITIES, agm_cut(agm_out, n)),
                 NACRE_OK);
}

Test(agent_msg, status_signature_and_query)
{
    static const char *const names[] = {"a@b", NACRE_AGENT_EXT_BIND, NULL};
    struct nacre_agent_reply r;
    size_t n;

    cr_assert_eq(nacre_agent_put_status(agm_out, sizeof agm_out, &n, NACRE_AGENT_SUCCESS),
                 NACRE_OK);
    cr_assert(n == 5 && agm_out[4] == 6);
    cr_assert_eq(nacre_agent_put_status(agm_out, sizeof agm_out, &n, NACRE_AGENT_LOCK),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_agent_put_signature(agm_out, sizeof agm_out, &n, nacre_bytes_str("sig")),
                 NACRE_OK);
    cr_assert_eq(nacre_agent_reply_decode(&r, NACRE_AGENT_SIGN_REQUEST, agm_cut(agm_out, n)),
                 NACRE_OK);
    cr_assert(nacre_bytes_is(r.signature, "sig"));
    cr_assert_eq(nacre_agent_put_extensions(agm_out, sizeof agm_out, &n, names), NACRE_OK);
    cr_assert_eq(nacre_agent_reply_decode(&r, NACRE_AGENT_EXTENSION, agm_cut(agm_out, n)),
                 NACRE_OK);
    cr_assert(nacre_bytes_is(r.name, "query"));
    cr_assert(nacre_agent_reply_offers(&r, NACRE_AGENT_EXT_BIND));
    cr_assert(!nacre_agent_reply_offers(&r, "a@c"));
    r.name = agm_none;
    cr_assert(!nacre_agent_reply_offers(&r, "a@b"));
}

/* ---- Keys on their way in ---- */

static nacre_err agm_read_add(struct nacre_agent_add *a, struct nacre_privkey *k,
                              struct nacre_bytes msg)
{
    struct nacre_agent_request r;
    nacre_err err = nacre_agent_request_decode(&r, msg);

    if (err == NACRE_OK) {
        err = nacre_agent_add_decode(a, k, &r, agm_work);
    }
    return err;
}

Test(agent_msg, as_ssh_add_sends_them)
{
    struct vec v;
    unsigned certs = 0, limited = 0;

    for (vec_open(&v, "agent_openssh.txt"); vec_next(&v);) {
        const struct nacre_bytes msg = agm_field(&v, "message");
        const struct nacre_bytes data = nacre_bytes_str("data");
        struct nacre_agent_add a;
        struct nacre_privkey k;
        struct nacre_bytes blob;
        uint8_t sig[NACRE_SIG_BLOB_MAX];
        size_t n;

        cr_assert_eq(agm_read_add(&a, &k, msg), NACRE_OK, "line %u", v.line);
        blob = nacre_privkey_public_blob(&k);
        vec_expect(&v, "blob", blob.p, blob.n);
        vec_expect(&v, "cert", a.cert.p, a.cert.n);
        vec_expect(&v, "comment", a.comment.p, a.comment.n);
        const struct nacre_bytes alg = nacre_bytes_str(nacre_privkey_alg(&k, 0));
        cr_assert_eq(nacre_privkey_sign(&k, alg, data, sig, sizeof sig, &n, &agm_rng, agm_work),
                     NACRE_OK);
        cr_assert_eq(nacre_sig_verify(&nacre_algs_default, alg, blob, data,
                                      (struct nacre_bytes){sig, n}, agm_work),
                     NACRE_OK);
        cr_assert_eq(a.limits.has_lifetime, vec_has(&v, "lifetime"));
        if (a.limits.has_lifetime) {
            cr_assert_eq(a.limits.lifetime, vec_uint(&v, "lifetime"));
            cr_assert(a.limits.confirm);
            limited++;
        }
        certs += a.cert.n > 0;
        /* and we send the same */
        cr_assert_eq(
            nacre_agent_put_add(agm_out, sizeof agm_out, &n, &k, a.cert, a.comment, &a.limits),
            NACRE_OK);
        cr_assert_eq(n, NACRE_AGENT_LEN + msg.n, "line %u", v.line);
        if (!a.limits.confirm) { /* the order of constraints is free */
            cr_assert_arr_eq(agm_out + NACRE_AGENT_LEN, msg.p, msg.n);
        }
        nacre_privkey_wipe(&k);
    }
    vec_close(&v);
    cr_assert(certs == 7 && limited == 2);
}

/* Cut at every length, extended, each byte changed: never more than was there, never a key whose
 * halves differ, and nothing of the key left. */
Test(agent_msg, adds_cut_and_damaged)
{
    struct vec v;

    for (vec_open(&v, "agent_openssh.txt"); vec_next(&v);) {
        const struct nacre_bytes msg = agm_field(&v, "message");
        const struct nacre_bytes blob = agm_field(&v, "blob");
        const bool costly = msg.n > 1200; /* RSA, ML-DSA: reading one takes a millisecond */
        struct nacre_agent_add a;
        struct nacre_privkey k;
        uint8_t *copy = malloc(msg.n + 1);

        cr_assert_not_null(copy);
        memcpy(copy, msg.p, msg.n);
        copy[msg.n] = 0;
        cr_assert_neq(agm_read_add(&a, &k, (struct nacre_bytes){copy, msg.n + 1}), NACRE_OK);
        for (size_t n = 0; n < msg.n; n += costly ? 23 : 1) {
            uint8_t *exact = malloc(n + 1);
            cr_assert_not_null(exact);
            memcpy(exact, msg.p, n);
            const nacre_err err = agm_read_add(&a, &k, (struct nacre_bytes){exact, n});
            free(exact);
            /* between two constraints a cut is no damage */
            cr_assert(err != NACRE_OK || vec_has(&v, "lifetime"), "at %zu", n);
            cr_assert(err == NACRE_OK || (k.type == NULL && k.blob_len == 0));
        }
        for (size_t i = 1; i < msg.n; i += costly ? 29 : 1) {
            copy[i] ^= 0x41;
            if (agm_read_add(&a, &k, (struct nacre_bytes){copy, msg.n}) == NACRE_OK) {
                const struct nacre_bytes got = nacre_privkey_public_blob(&k);
                cr_assert(got.n == blob.n && memcmp(got.p, blob.p, got.n) == 0, "byte %zu", i);
            }
            copy[i] ^= 0x41;
        }
        free(copy);
    }
    vec_close(&v);
}

/* An ADD_ID_CONSTRAINED of a fixed key with these constraints. */
static nacre_err agm_with_limits(struct nacre_agent_add *a, const void *limits, size_t n_limits)
{
    static const uint8_t seed[NACRE_ED25519_SEED_LEN] = {1};
    static uint8_t msg[2048];
    static struct nacre_privkey k;
    size_t n;

    nacre_privkey_from_seed(&k, seed);
    cr_assert_eq(nacre_agent_put_add(msg, sizeof msg, &n, &k, agm_none, nacre_bytes_str("c"), NULL),
                 NACRE_OK);
    msg[NACRE_AGENT_LEN] = NACRE_AGENT_ADD_ID_CONSTRAINED;
    memcpy(msg + n, limits, n_limits);
    return agm_read_add(
        a, &k, (struct nacre_bytes){msg + NACRE_AGENT_LEN, n - NACRE_AGENT_LEN + n_limits});
}

#define AGM_LIMITS(a, text) agm_with_limits((a), (text), sizeof(text) - 1)

Test(agent_msg, s73_unknown_constraints_refuse)
{
    struct nacre_agent_add a;

    cr_assert_eq(AGM_LIMITS(&a, ""), NACRE_OK);
    cr_assert_eq(AGM_LIMITS(&a, "\1\0\0\0\74\2"), NACRE_OK);
    cr_assert(a.limits.has_lifetime && a.limits.lifetime == 60 && a.limits.confirm);
    cr_assert_eq(AGM_LIMITS(&a, "\1\0\0\0\0"), NACRE_OK);
    cr_assert(a.limits.has_lifetime && a.limits.lifetime == 0); /* gone at once, not unlimited */
    cr_assert_eq(AGM_LIMITS(&a, "\1\0\0\0"), NACRE_ERR_FORMAT);
    cr_assert_eq(AGM_LIMITS(&a, "\1\0\0\0\1\1\0\0\0\1"), NACRE_ERR_KEY_REFUSED);
    cr_assert_eq(AGM_LIMITS(&a, "\2\2"), NACRE_ERR_KEY_REFUSED);
    cr_assert_eq(AGM_LIMITS(&a, "\3\0\0\0\1"), NACRE_ERR_KEY_REFUSED);
    cr_assert_eq(AGM_LIMITS(&a, "\0"), NACRE_ERR_KEY_REFUSED);
    cr_assert_eq(AGM_LIMITS(&a, "\2\377\0\0\0\3x@y\0\0\0\0"), NACRE_ERR_KEY_REFUSED);
    cr_assert(!a.limits.confirm && a.comment.n == 0);
    /* of a certificate's, and of a security key's, which this is not */
    cr_assert_eq(AGM_LIMITS(&a, "\377\0\0\0\44" NACRE_AGENT_EXT_CERTS "\0\0\0\0\0"),
                 NACRE_ERR_KEY_REFUSED);
    cr_assert_eq(AGM_LIMITS(&a, "\377\0\0\0\27" NACRE_AGENT_EXT_SK_PROVIDER "\0\0\0\10internal"),
                 NACRE_ERR_KEY_REFUSED);
    /* destinations that name none, or say nothing */
    cr_assert_eq(AGM_LIMITS(&a, "\377\0\0\0\45" NACRE_AGENT_EXT_DEST "\0\0\0\0"),
                 NACRE_ERR_KEY_REFUSED);
    cr_assert_eq(AGM_LIMITS(&a, "\377\0\0\0\45" NACRE_AGENT_EXT_DEST "\0\0\0\4\0\0\0\0"),
                 NACRE_ERR_KEY_REFUSED);
    cr_assert_eq(AGM_LIMITS(&a, "\377\0\0\0\45" NACRE_AGENT_EXT_DEST), NACRE_ERR_KEY_REFUSED);
}

Test(agent_msg, constraints_only_where_announced)
{
    struct vec v;

    vec_open(&v, "agent_openssh.txt");
    cr_assert(vec_next(&v));
    const struct nacre_bytes first = agm_field(&v, "message");
    struct nacre_agent_add a;
    struct nacre_privkey k;
    uint8_t msg[512];
    memcpy(msg, first.p, first.n);
    msg[first.n] = 2;
    cr_assert_neq(agm_read_add(&a, &k, (struct nacre_bytes){msg, first.n + 1}), NACRE_OK);
    msg[0] = NACRE_AGENT_ADD_ID_CONSTRAINED;
    cr_assert_eq(agm_read_add(&a, &k, (struct nacre_bytes){msg, first.n + 1}), NACRE_OK);
    cr_assert(a.limits.confirm);
    while (vec_next(&v)) {
    }
    vec_close(&v);
}

Test(agent_msg, security_keys_come_with_their_handle)
{
    static const char fields[] = "\0\0\0\4ssh:\1\0\0\0\3hnd\0\0\0\0\0\0\0\1c"
                                 "\377\0\0\0\27" NACRE_AGENT_EXT_SK_PROVIDER "\0\0\0\10internal";
    struct nacre_privkey plain, k;
    struct nacre_agent_add a;
    uint8_t msg[512];
    struct ncr_wr w = ncr_wr(msg, sizeof msg);
    uint8_t sig[256];
    size_t n;

    cr_assert_eq(nacre_privkey_generate(&plain, "ssh-ed25519", 0, &agm_rng, agm_work), NACRE_OK);
    ncr_wr_u8(&w, NACRE_AGENT_ADD_ID_CONSTRAINED);
    ncr_wr_cstring(&w, "sk-ssh-ed25519@openssh.com");
    ncr_wr_bytes(&w, plain.blob + 4 + 11, 4 + NACRE_ED25519_PUB_LEN);
    ncr_wr_bytes(&w, (const uint8_t *)fields, sizeof fields - 1);
    cr_assert(!w.bad);
    cr_assert_eq(agm_read_add(&a, &k, ncr_wr_done(&w)), NACRE_OK);
    cr_assert(nacre_bytes_is(a.limits.sk_provider, "internal") && nacre_bytes_is(a.comment, "c"));
    cr_assert(k.secret.sk.handle_len == 3 && k.secret.sk.flags == 1);
    cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str("sk-ssh-ed25519@openssh.com"), a.comment,
                                    sig, sizeof sig, &n, &agm_rng, agm_work),
                 NACRE_ERR_SIGNER);
    cr_assert_eq(
        nacre_agent_put_add(agm_out, sizeof agm_out, &n, &k, agm_none, a.comment, &a.limits),
        NACRE_OK);
    cr_assert_eq(n, NACRE_AGENT_LEN + w.n);
    cr_assert_arr_eq(agm_out + NACRE_AGENT_LEN, msg, w.n);
}

/* Certificates for security keys: what of the private fields they leave out differs by type. */
Test(agent_msg, certificates_for_every_type)
{
    struct nacre_privkey ca;

    cr_assert_eq(nacre_privkey_generate(&ca, "ssh-ed25519", 0, &agm_rng, agm_work), NACRE_OK);
    for (size_t i = 0; nacre_key_type_name(i) != NULL; i++) {
        const char *name = nacre_key_type_name(i);
        static struct nacre_privkey k, back;
        static uint8_t cert[NACRE_KEY_BLOB_MAX];
        struct nacre_agent_add a;
        struct nacre_cert c;
        size_t n, cert_len;

        const bool sk = memcmp(name, "sk-", 3) == 0;
        if (sk) { /* made of the plain type's public half */
            const bool ed = strstr(name, "ed25519") != NULL;
            const char *base = ed ? "ssh-ed25519" : "ecdsa-sha2-nistp256";
            struct ncr_wr w = ncr_wr(agm_out, 1024);
            cr_assert_eq(nacre_privkey_generate(&k, base, 0, &agm_rng, agm_work), NACRE_OK);
            ncr_wr_u8(&w, NACRE_AGENT_ADD_IDENTITY);
            ncr_wr_cstring(&w, name);
            ncr_wr_bytes(&w, k.blob + 4 + strlen(base), k.blob_len - 4 - strlen(base));
            ncr_wr_bytes(&w, (const uint8_t *)"\0\0\0\4ssh:\1\0\0\0\3hnd\0\0\0\0\0\0\0\1c", 25);
            cr_assert_eq(agm_read_add(&a, &k, ncr_wr_done(&w)), NACRE_OK, "%s", name);
        } else {
            cr_assert_eq(nacre_privkey_generate(&k, name, strcmp(name, "ssh-rsa") == 0 ? 2048 : 0,
                                                &agm_rng, agm_work),
                         NACRE_OK);
        }
        cr_assert_eq(nacre_cert_begin(&c, nacre_privkey_public_blob(&k)), NACRE_OK);
        c.kind = NACRE_CERT_USER;
        c.valid_before = NACRE_CERT_FOREVER;
        cr_assert_eq(
            nacre_cert_issue(cert, sizeof cert, &cert_len, &c, &ca, NULL, &agm_rng, agm_work),
            NACRE_OK);
        const struct nacre_bytes blob = {cert, cert_len};
        cr_assert_eq(
            nacre_agent_put_add(agm_out, sizeof agm_out, &n, &k, blob, nacre_bytes_str("c"), NULL),
            NACRE_OK);
        const nacre_err err = agm_read_add(&a, &back, agm_cut(agm_out, n));
        cr_assert_eq(err, NACRE_OK, "%s: %d", name, err);
        cr_assert(a.cert.n == cert_len && back.blob_len == k.blob_len);
        cr_assert_arr_eq(back.blob, k.blob, k.blob_len);
        cr_assert_arr_eq(&back.secret, &k.secret, sizeof k.secret);
        /* another key's certificate */
        nacre_privkey_wipe(&back);
        if (!sk && strcmp(name, "ssh-rsa") != 0) {
            cr_assert_eq(nacre_privkey_generate(&back, name, 0, &agm_rng, agm_work), NACRE_OK);
            cr_assert_eq(nacre_agent_put_add(agm_out, sizeof agm_out, &n, &back, blob,
                                             nacre_bytes_str("c"), NULL),
                         NACRE_ERR_KEY_REFUSED);
            cr_assert_eq(n, 0);
        }
        cr_assert_eq(nacre_agent_put_add(agm_out, sizeof agm_out, &n, &k, agm_none,
                                         nacre_bytes_str("c"), NULL),
                     NACRE_OK);
    }
}

Test(agent_msg, put_add_usage)
{
    static struct nacre_privkey k;
    static const char long_comment[NACRE_KEY_COMMENT_MAX + 1] = "";
    struct nacre_agent_limits l = {.dests = nacre_bytes_str("junk")};
    size_t n = 1;

    cr_assert_eq(nacre_agent_put_add(agm_out, sizeof agm_out, &n, &k, agm_none, agm_none, NULL),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_privkey_generate(&k, "ssh-ed25519", 0, &agm_rng, agm_work), NACRE_OK);
    cr_assert_eq(nacre_agent_put_add(agm_out, sizeof agm_out, &n, &k, agm_none, agm_none, &l),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_agent_put_add(
                     agm_out, sizeof agm_out, &n, &k, agm_none,
                     (struct nacre_bytes){(const uint8_t *)long_comment, sizeof long_comment},
                     NULL),
                 NACRE_ERR_USAGE);
    cr_assert_eq(
        nacre_agent_put_add(agm_out, sizeof agm_out, &n, &k, agm_none, nacre_bytes_str("c"), NULL),
        NACRE_OK);
    const size_t full = n;
    for (size_t cap = 0; cap < full; cap++) {
        memset(agm_out, 0xee, full);
        cr_assert_eq(
            nacre_agent_put_add(agm_out, cap, &n, &k, agm_none, nacre_bytes_str("c"), NULL),
            NACRE_ERR_NO_ROOM);
        for (size_t i = 0; i < cap; i++) {
            cr_assert_eq(agm_out[i], 0); /* no part of the key is left */
        }
        cr_assert_eq(agm_out[cap], 0xee);
    }
}

/* ---- Constant time ---- */

Test(agent_msg, ct_add)
{
    static const char *const names[] = {"ssh-ed25519", "ssh-mldsa44-ed25519"};
    static struct nacre_privkey k, back;

    for (size_t i = 0; i < 2; i++) {
        static uint8_t msg[4096];
        struct nacre_agent_add a;
        size_t n;

        cr_assert_eq(nacre_privkey_generate(&k, names[i], 0, &agm_rng, agm_work), NACRE_OK);
        cr_assert_eq(
            nacre_agent_put_add(msg, sizeof msg, &n, &k, agm_none, nacre_bytes_str("c"), NULL),
            NACRE_OK);
        const nacre_err err = agm_read_add(&a, &back, agm_cut(msg, n));
        cr_assert_eq(err, NACRE_OK);
        NCR_CT_PUBLIC(&back, sizeof back);
        nacre_privkey_wipe(&back);
    }
}
