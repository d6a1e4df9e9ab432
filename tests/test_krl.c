/* SPDX-License-Identifier: ISC
 *
 * Key revocation lists (PROTOCOL.krl): OpenSSH's own, ours read again, what must refuse; s20 (cut
 * at every byte, extended, each bit flipped), s21 (counts and lengths that are believed), s48
 * (revoked wins, whatever revokes it), krl_serial_zero and krl_unknown_section.
 */
#include "crypto/load.h"
#include "proto/keys/nacre_krl.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROOM 65536

static const struct nacre_bytes nothing;

static struct nacre_bytes text(const char *s)
{
    return nacre_bytes_str(s);
}

/* ---- OpenSSH's lists ---- */

#define SUBJECTS 16

struct subjects {
    uint8_t *blob[SUBJECTS];
    size_t len[SUBJECTS];
    size_t n;
};

static void keep_subject(struct subjects *s, const struct vec *v)
{
    const uint8_t *blob;

    cr_assert(s->n < SUBJECTS);
    blob = vec_get(v, "blob", &s->len[s->n]);
    s->blob[s->n] = malloc(s->len[s->n]);
    cr_assert_not_null(s->blob[s->n]);
    memcpy(s->blob[s->n], blob, s->len[s->n]);
    s->n++;
}

static void drop_subjects(struct subjects *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->blob[i]);
}

static struct nacre_bytes subject(const struct subjects *s, size_t i)
{
    return (struct nacre_bytes){s->blob[i], s->len[i]};
}

static size_t collect(struct nacre_krl_entry *e, size_t cap, const struct nacre_krl *k)
{
    struct nacre_krl_iter i;
    size_t n = 0;

    for (nacre_krl_first(&i, k); n < cap && nacre_krl_next(&i, &e[n]);)
        n++;
    cr_assert(n < cap);
    return n;
}

/* Verdicts on every subject are those expected of a list and of the one made from its entries. */
static void expect_verdicts(const struct subjects *s, struct nacre_bytes krl,
                            const uint8_t *verdicts)
{
    static struct nacre_krl_entry e[2048];
    static uint8_t out[ROOM];
    struct nacre_krl k;
    struct nacre_krl again;
    size_t n;

    cr_assert_eq(nacre_krl_decode(&k, krl, NULL), NACRE_OK);
    n = collect(e, 2048, &k);
    cr_assert_eq(nacre_krl_write(out, sizeof out, &n, e, n, &k), NACRE_OK);
    cr_assert(n <= krl.n, "ours is no longer: %zu, %zu", n, krl.n);
    cr_assert_eq(nacre_krl_decode(&again, (struct nacre_bytes){out, n}, NULL), NACRE_OK);
    cr_assert_eq(again.version, k.version);
    cr_assert_eq(again.generated, k.generated);
    for (size_t i = 0; i < s->n; i++) {
        nacre_err want = verdicts[i] != 0 ? NACRE_ERR_KEY_REFUSED : NACRE_OK;

        cr_assert_eq(nacre_krl_check(&k, subject(s, i)), want, "subject %zu", i);
        cr_assert_eq(nacre_krl_check(&again, subject(s, i)), want, "subject %zu, ours", i);
    }
}

Test(krl, openssh_lists)
{
    struct subjects s = {.n = 0};
    struct vec v;

    for (vec_open(&v, "krl_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes krl;

        if (vec_has(&v, "subject")) {
            keep_subject(&s, &v);
            continue;
        }
        krl.p = vec_get(&v, "krl", &krl.n);
        expect_verdicts(&s, krl, vec_fixed(&v, "verdicts", s.n));
    }
    vec_close(&v);
    drop_subjects(&s);
}

/* ---- Keys and certificates made here ---- */

#define BLOB 51 /* of an Ed25519 key */

struct key {
    struct nacre_privkey private;
    struct nacre_bytes blob;
};

static void make_key(struct key *k, uint8_t seed)
{
    uint8_t bytes[NACRE_ED25519_SEED_LEN];

    memset(bytes, seed, sizeof bytes);
    nacre_privkey_from_seed(&k->private, bytes);
    k->blob = nacre_privkey_public_blob(&k->private);
    cr_assert_eq(k->blob.n, BLOB);
}

struct certificate {
    uint8_t blob[1024];
    struct nacre_bytes b;
};

static void make_cert(struct certificate *out, const struct key *k, const struct key *ca,
                      uint64_t serial, const char *id)
{
    static const uint8_t principals[] = {0, 0, 0, 1, 'u'};
    static uint64_t work[NACRE_WORK];
    struct nacre_cert c;

    cr_assert_eq(nacre_cert_begin(&c, k->blob), NACRE_OK);
    c.serial = serial;
    c.kind = NACRE_CERT_USER;
    c.key_id = text(id);
    c.principals = (struct nacre_bytes){principals, sizeof principals};
    c.valid_before = NACRE_CERT_FOREVER;
    cr_assert_eq(nacre_cert_issue(out->blob, sizeof out->blob, &out->b.n, &c, &ca->private, NULL,
                                  &nacre_rng_os, work),
                 NACRE_OK);
    out->b.p = out->blob;
}

/* ---- Lists made here ---- */

static uint8_t list[ROOM];

/* Writes the entries, reads them again; the entries end up sorted. */
static size_t make_list(struct nacre_krl *k, struct nacre_krl_entry *e, size_t n)
{
    struct nacre_krl head = {.version = 7, .generated = 1234567890, .comment = text("why")};
    size_t room = nacre_krl_room(e, n, head.comment.n);
    size_t len;

    cr_assert(room <= sizeof list);
    cr_assert_eq(nacre_krl_write(list, room, &len, e, n, &head), NACRE_OK);
    cr_assert_eq(nacre_krl_decode(k, (struct nacre_bytes){list, len}, NULL), NACRE_OK);
    cr_assert_eq(k->version, 7);
    cr_assert_eq(k->generated, 1234567890);
    cr_assert(nacre_bytes_is(k->comment, "why"));
    return len;
}

static struct nacre_krl_entry serials(struct nacre_bytes ca, uint64_t lo, uint64_t hi)
{
    return (struct nacre_krl_entry){.kind = NACRE_KRL_SERIALS, .ca = ca, .lo = lo, .hi = hi};
}

static struct nacre_krl_entry value(enum nacre_krl_kind kind, struct nacre_bytes ca,
                                    struct nacre_bytes v)
{
    return (struct nacre_krl_entry){.kind = kind, .ca = ca, .value = v};
}

static void hash_of(uint8_t *out, const struct nacre_hash *h, struct nacre_bytes blob)
{
    union nacre_hash_ctx ctx;

    h->init(&ctx);
    h->update(&ctx, blob.p, blob.n);
    h->final(out, &ctx);
}

/* S48: revoked by each of the ways that there are; everything else passes. */
Test(krl, s48_each_way_to_revoke)
{
    static struct key k, other, ca, ca2;
    static struct certificate of_ca, of_ca2;
    uint8_t sha1[4][NACRE_SHA1_LEN];
    uint8_t sha256[4][NACRE_SHA256_LEN];
    struct nacre_krl krl;

    make_key(&k, 1);
    make_key(&other, 2);
    make_key(&ca, 3);
    make_key(&ca2, 4);
    make_cert(&of_ca, &k, &ca, 5, "id");
    make_cert(&of_ca2, &k, &ca2, 5, "id");
    {
        const struct key *keys[4] = {&k, &other, &ca, &ca2};

        for (size_t i = 0; i < 4; i++) {
            hash_of(sha1[i], &nacre_hash_sha1, keys[i]->blob);
            hash_of(sha256[i], &nacre_hash_sha256, keys[i]->blob);
        }
    }
#define SHA1(i) value(NACRE_KRL_SHA1, nothing, (struct nacre_bytes){sha1[i], sizeof sha1[i]})
#define SHA256(i)                                                                                  \
    value(NACRE_KRL_SHA256, nothing, (struct nacre_bytes){sha256[i], sizeof sha256[i]})
#define KEY(b) value(NACRE_KRL_KEY, nothing, b)
#define ID(c, s) value(NACRE_KRL_KEY_ID, c, text(s))
    /* revoked: bit 0 the key, 1 another key, 2 the certificate of ca, 3 that of ca2 */
    const struct {
        struct nacre_krl_entry e;
        unsigned revoked;
    } rows[] = {
        {KEY(k.blob), 1 | 4 | 8},
        {SHA1(0), 1 | 4 | 8},
        {SHA256(0), 1 | 4 | 8},
        {KEY(other.blob), 2},
        {SHA1(1), 2},
        {SHA256(1), 2},
        {KEY(ca.blob), 4},
        {SHA1(2), 4},
        {SHA256(2), 4},
        {KEY(ca2.blob), 8},
        {SHA256(3), 8},
        {KEY(of_ca.b), 4},
        {serials(ca.blob, 5, 5), 4},
        {serials(ca.blob, 1, UINT64_MAX), 4},
        {serials(ca.blob, 6, UINT64_MAX), 0},
        {serials(ca.blob, 1, 4), 0},
        {serials(ca2.blob, 5, 6), 8},
        {serials(other.blob, 5, 6), 0},
        {serials(nothing, 5, 5), 4 | 8},
        {ID(ca.blob, "id"), 4},
        {ID(ca.blob, "i"), 0},
        {ID(ca.blob, "id2"), 0},
        {ID(nothing, "id"), 4 | 8},
        {ID(nothing, ""), 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct nacre_bytes tried[4] = {k.blob, other.blob, of_ca.b, of_ca2.b};
        struct nacre_krl_entry e = rows[i].e;

        (void)make_list(&krl, &e, 1);
        for (size_t j = 0; j < 4; j++)
            cr_assert_eq(nacre_krl_check(&krl, tried[j]),
                         (rows[i].revoked >> j & 1) != 0 ? NACRE_ERR_KEY_REFUSED : NACRE_OK,
                         "row %zu, key %zu", i, j);
    }
}

Test(krl, s48_zeroed_list_and_damaged_keys_are_refused)
{
    static struct key k;
    static struct certificate cert;
    static const struct nacre_krl none;
    struct nacre_krl krl;

    make_key(&k, 1);
    make_cert(&cert, &k, &k, 5, "id");
    cr_assert_eq(nacre_krl_check(&none, k.blob), NACRE_ERR_KEY_REFUSED);
    (void)make_list(&krl, NULL, 0);
    cr_assert_eq(nacre_krl_check(&krl, k.blob), NACRE_OK);
    cr_assert_eq(nacre_krl_check(&krl, cert.b), NACRE_OK);
    cr_assert_eq(nacre_krl_check(&krl, nothing), NACRE_ERR_KEY_FORMAT);
    for (size_t n = 1; n < cert.b.n; n++) {
        struct nacre_bytes part = {cert.b.p, n};

        /* cut in its name it is the start of something not understood */
        cr_assert_neq(nacre_krl_check(&krl, part), NACRE_OK);
    }
}

/* Row "krl": serial 0 is "none", so it is neither written, nor read, nor hit by a range. */
Test(krl, krl_serial_zero)
{
    static struct key k, ca;
    static struct certificate cert;
    struct nacre_krl_entry e[2];
    struct nacre_krl head = {.version = 0};
    struct nacre_krl krl;
    size_t n;

    make_key(&k, 1);
    make_key(&ca, 3);
    make_cert(&cert, &k, &ca, 0, "zero");
    e[0] = serials(ca.blob, 0, 5);
    n = 1;
    cr_assert_eq(nacre_krl_write(list, sizeof list, &n, e, 1, &head), NACRE_ERR_USAGE);
    cr_assert_eq(n, 0);
    e[0] = serials(ca.blob, 1, UINT64_MAX);
    e[1] = serials(nothing, 1, UINT64_MAX);
    (void)make_list(&krl, e, 2);
    cr_assert_eq(nacre_krl_check(&krl, cert.b), NACRE_OK);
    e[0] = value(NACRE_KRL_KEY_ID, ca.blob, text("zero"));
    (void)make_list(&krl, e, 1);
    cr_assert_eq(nacre_krl_check(&krl, cert.b), NACRE_ERR_KEY_REFUSED);
}

/* ---- Lists written byte by byte ---- */

struct raw {
    uint8_t p[512];
    size_t n;
};

static void put(struct raw *r, const void *p, size_t n)
{
    cr_assert(n <= sizeof r->p - r->n);
    if (n > 0)
        memcpy(r->p + r->n, p, n);
    r->n += n;
}

static void put_u(struct raw *r, size_t bytes, uint64_t v)
{
    for (size_t i = bytes; i > 0; i--) {
        uint8_t b = (uint8_t)(v >> (8 * (i - 1)) & 0xff);

        put(r, &b, 1);
    }
}

static void put_string(struct raw *r, const struct raw *s)
{
    put_u(r, 4, s->n);
    put(r, s->p, s->n);
}

static void put_head(struct raw *r)
{
    r->n = 0;
    put(r, "SSHKRL\n", 8);
    put_u(r, 4, 1);
    put_u(r, 8, 3);
    put_u(r, 8, 4);
    put_u(r, 8, 0);
    put_u(r, 4, 0);
    put_u(r, 4, 0);
}

/* A list of one section. */
static nacre_err try_section(uint8_t type, const struct raw *data, const char **what)
{
    struct nacre_krl k;
    struct raw r;
    nacre_err err;

    put_head(&r);
    put_u(&r, 1, type);
    put_string(&r, data);
    err = nacre_krl_decode(&k, (struct nacre_bytes){r.p, r.n}, what);
    cr_assert_eq(err == NACRE_OK, k.sections.p != NULL);
    return err;
}

/* A list of one subsection of certificates of any authority. */
static nacre_err try_sub(uint8_t type, const struct raw *data, const char **what)
{
    struct raw r = {.n = 0};

    put_u(&r, 4, 0);
    put_u(&r, 4, 0);
    put_u(&r, 1, type);
    put_string(&r, data);
    return try_section(1, &r, what);
}

static void put_extension(struct raw *r, const char *name, uint8_t critical)
{
    struct raw s = {.n = 0};

    put(&s, name, strlen(name));
    r->n = 0;
    put_string(r, &s);
    put_u(r, 1, critical);
    put_string(r, &s);
}

/* Row "krl": what is not understood may be what revokes the key in hand. */
Test(krl, krl_unknown_section)
{
    struct raw r = {.n = 0};
    const char *what = NULL;

    for (unsigned type = 0; type < 256; type++) {
        nacre_err want = type == 2 || type == 3 || type == 5 ? NACRE_OK : NACRE_ERR_FILE_FORMAT;

        cr_assert_eq(try_section((uint8_t)type, &r, &what), want, "section %u", type);
        want = type == 0x20 || type == 0x23 ? NACRE_OK : NACRE_ERR_FILE_FORMAT;
        cr_assert_eq(try_sub((uint8_t)type, &r, &what), want, "section of certificates %u", type);
    }
    cr_assert_eq(try_section(9, &r, &what), NACRE_ERR_FILE_FORMAT);
    cr_assert_str_eq(what, "has a section that is not understood");
    cr_assert_eq(try_section(4, &r, &what), NACRE_ERR_FILE_FORMAT);
    cr_assert_str_eq(what, "is signed, which is not supported");
    put_extension(&r, "x@example.com", 1);
    cr_assert_eq(try_section(255, &r, &what), NACRE_ERR_FILE_FORMAT);
    cr_assert_str_eq(what, "has a critical extension that is not understood");
    cr_assert_eq(try_sub(0x39, &r, &what), NACRE_ERR_FILE_FORMAT);
    put_extension(&r, "x@example.com", 0);
    cr_assert_eq(try_section(255, &r, &what), NACRE_OK);
    cr_assert_eq(try_sub(0x39, &r, &what), NACRE_OK);
    r.n--;
    cr_assert_eq(try_section(255, &r, &what), NACRE_ERR_FILE_FORMAT);
}

Test(krl, serials_that_are_none)
{
    static const struct {
        uint8_t type;
        size_t n;
        uint64_t a, b;
        nacre_err err;
    } rows[] = {
        {0x20, 1, 0, 0, NACRE_ERR_FILE_FORMAT},
        {0x20, 1, 1, 0, NACRE_OK},
        {0x20, 2, 1, 0, NACRE_ERR_FILE_FORMAT},
        {0x21, 2, 0, 5, NACRE_ERR_FILE_FORMAT},
        {0x21, 2, 5, 5, NACRE_OK},
        {0x21, 2, 6, 5, NACRE_ERR_FILE_FORMAT},
        {0x21, 1, 6, 5, NACRE_ERR_FILE_FORMAT},
        {0x21, 3, 6, 7, NACRE_ERR_FILE_FORMAT},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raw r = {.n = 0};

        put_u(&r, 8, rows[i].a);
        if (rows[i].n > 1)
            put_u(&r, 8, rows[i].b);
        if (rows[i].n > 2)
            put_u(&r, 8, rows[i].b);
        cr_assert_eq(try_sub(rows[i].type, &r, NULL), rows[i].err, "row %zu", i);
        if (i == 1) {
            r.n--;
            cr_assert_eq(try_sub(rows[i].type, &r, NULL), NACRE_ERR_FILE_FORMAT);
        }
    }
}

static nacre_err try_bitmap(uint64_t offset, const uint8_t *p, size_t n)
{
    struct raw r = {.n = 0};

    put_u(&r, 8, offset);
    put_u(&r, 4, n);
    put(&r, p, n);
    return try_sub(0x22, &r, NULL);
}

Test(krl, bitmaps)
{
    static const uint8_t big[] = {0, 0x80, 0, 1};
    static const uint8_t two[] = {2};
    static const uint8_t one[] = {1};
    static const uint8_t negative[] = {0x80};

    cr_assert_eq(try_bitmap(0, NULL, 0), NACRE_OK);
    cr_assert_eq(try_bitmap(0, two, 1), NACRE_OK);
    cr_assert_eq(try_bitmap(0, one, 1), NACRE_ERR_FILE_FORMAT, "serial 0");
    cr_assert_eq(try_bitmap(1, negative, 1), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(try_bitmap(UINT64_MAX, one, 1), NACRE_OK);
    cr_assert_eq(try_bitmap(UINT64_MAX, two, 1), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(try_bitmap(UINT64_MAX - 23, big, sizeof big), NACRE_OK);
    cr_assert_eq(try_bitmap(UINT64_MAX - 22, big, sizeof big), NACRE_ERR_FILE_FORMAT);
}

/* S21: a length that is larger than what is there, and a bitmap above the limit. */
Test(krl, s21_lengths_believed)
{
    static uint8_t file[64 + NACRE_KRL_BITMAP_MAX / 8 + 64];
    static const uint32_t lengths[] = {5, 0x7fffffff, 0x80000000, 0xffffffff};
    struct nacre_krl k;
    struct raw r;

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (uint8_t type = 1; type <= 5; type++) {
            put_head(&r);
            put_u(&r, 1, type);
            put_u(&r, 4, lengths[i]);
            put_u(&r, 4, 0); /* four bytes are there */
            cr_assert_eq(nacre_krl_decode(&k, (struct nacre_bytes){r.p, r.n}, NULL),
                         NACRE_ERR_FILE_FORMAT);
        }
    }
    for (size_t bytes = NACRE_KRL_BITMAP_MAX / 8; bytes <= NACRE_KRL_BITMAP_MAX / 8 + 1; bytes++) {
        put_head(&r);
        put_u(&r, 1, 1);
        put_u(&r, 4, 8 + 5 + 8 + 4 + 1 + bytes);
        put_u(&r, 8, 0);
        put_u(&r, 1, 0x22);
        put_u(&r, 4, 8 + 4 + 1 + bytes);
        put_u(&r, 8, 1);
        put_u(&r, 4, 1 + bytes);
        put_u(&r, 1, 0);
        memcpy(file, r.p, r.n);
        memset(file + r.n, 0xff, bytes);
        cr_assert_eq(nacre_krl_decode(&k, (struct nacre_bytes){file, r.n + bytes}, NULL),
                     bytes == NACRE_KRL_BITMAP_MAX / 8 ? NACRE_OK : NACRE_ERR_FILE_FORMAT);
    }
}

/* A list with something of every kind. */
static size_t make_full(struct nacre_krl *k)
{
    static struct key key, ca;
    static uint8_t digest[NACRE_SHA256_LEN];
    struct nacre_krl_entry e[9];

    make_key(&key, 1);
    make_key(&ca, 2);
    e[0] = value(NACRE_KRL_SHA256, nothing, (struct nacre_bytes){digest, 32});
    e[1] = value(NACRE_KRL_SHA1, nothing, (struct nacre_bytes){digest, 20});
    e[2] = KEY(key.blob);
    e[3] = ID(ca.blob, "somebody");
    e[4] = serials(ca.blob, 1, 3);
    e[5] = serials(ca.blob, 5, 9);
    e[6] = serials(ca.blob, 1000, 2000);
    e[7] = serials(ca.blob, 1u << 20, 1u << 20);
    e[8] = serials(nothing, 12, 12);
    return make_list(k, e, 9);
}

/* Reads a copy of exactly n bytes, and tests a key and lists the entries if that goes. */
static nacre_err read_exact(const uint8_t *p, size_t n)
{
    static struct nacre_krl_entry e[4096];
    static struct key key;
    uint8_t *copy = malloc(n + (n == 0));
    struct nacre_krl k;
    nacre_err err;

    cr_assert_not_null(copy);
    memcpy(copy, p, n);
    err = nacre_krl_decode(&k, (struct nacre_bytes){copy, n}, NULL);
    cr_assert(err == NACRE_OK || err == NACRE_ERR_FILE_FORMAT);
    make_key(&key, 9);
    if (err == NACRE_OK)
        (void)collect(e, 4096, &k);
    cr_assert_eq(nacre_krl_check(&k, key.blob), err == NACRE_OK ? NACRE_OK : NACRE_ERR_KEY_REFUSED);
    free(copy);
    return err;
}

Test(krl, s20_cut_at_every_byte)
{
    struct nacre_krl k;
    size_t len = make_full(&k);
    size_t good = 0;

    /* what ends where a section ends is a whole list, only a shorter one */
    for (size_t n = 0; n < len; n++)
        good += read_exact(list, n) == NACRE_OK;
    cr_assert_eq(good, 5, "head, two of certificates, keys, SHA-1: %zu", good);
    cr_assert_eq(read_exact(list, len), NACRE_OK);
    list[len] = 0;
    cr_assert_eq(read_exact(list, len + 1), NACRE_ERR_FILE_FORMAT);
}

Test(krl, s20_each_bit_flipped)
{
    struct nacre_krl k;
    size_t len = make_full(&k);

    for (size_t i = 0; i < 8 * len; i++) {
        list[i / 8] ^= (uint8_t)(1u << i % 8);
        (void)read_exact(list, len); /* whatever it says, it reads no byte that is not there */
        list[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

/* ---- Writing ---- */

Test(krl, sorted_and_merged)
{
    static struct key k, ca;
    struct nacre_krl_entry e[10];
    size_t n;

    make_key(&k, 1);
    make_key(&ca, 2);
    e[0] = KEY(k.blob);
    e[1] = serials(ca.blob, 10, 20);
    e[2] = serials(ca.blob, 5, 9); /* abuts */
    e[3] = serials(nothing, 30, 40);
    e[4] = serials(nothing, 35, 36); /* inside */
    e[5] = KEY(k.blob);              /* again */
    e[6] = serials(ca.blob, 22, UINT64_MAX);
    e[7] = serials(ca.blob, 25, UINT64_MAX);
    e[8] = ID(ca.blob, "b");
    e[9] = ID(ca.blob, "a");
    n = nacre_krl_sort(e, 10);
    cr_assert_eq(n, 6);
    cr_assert(e[0].ca.n == 0 && e[0].lo == 30 && e[0].hi == 40);
    cr_assert(e[1].ca.n == BLOB && e[1].lo == 5 && e[1].hi == 20);
    cr_assert(e[2].lo == 22 && e[2].hi == UINT64_MAX);
    cr_assert(nacre_bytes_is(e[3].value, "a") && nacre_bytes_is(e[4].value, "b"));
    cr_assert_eq(e[5].kind, NACRE_KRL_KEY);
    cr_assert_eq(nacre_krl_sort(e, 0), 0);
}

/* Every set of serials comes back as it was, in no more bytes than a plain list would take. */
Test(krl, serials_come_back)
{
    static struct nacre_krl_entry e[3000];
    static struct nacre_krl_entry back[3000];
    static const uint64_t steps[] = {1, 2, 3, 7, 60, 64, 65, 66, 200, 16383, 16384, 1u << 30};

    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        for (uint64_t run = 1; run <= 9; run++) {
            struct nacre_krl k;
            size_t len;
            size_t n;

            for (size_t i = 0; i < 1000; i++)
                e[i] = serials(nothing, 1 + i * (steps[s] + run), i * (steps[s] + run) + run);
            len = make_list(&k, e, 1000);
            cr_assert(len <= 44 + 3 + 5 + 8 + 5 + 1000 * 8 * run, "step %zu, run %zu", s,
                      (size_t)run);
            n = nacre_krl_sort(back, collect(back, 3000, &k));
            cr_assert_eq(n, 1000, "step %zu, run %zu: %zu", s, (size_t)run, n);
            for (size_t i = 0; i < n; i++)
                cr_assert(back[i].lo == 1 + i * (steps[s] + run) &&
                          back[i].hi == i * (steps[s] + run) + run);
        }
    }
}

Test(krl, malformed_entries_are_not_written)
{
    static struct key k;
    static uint8_t digest[33];
    struct nacre_krl head = {.version = 0};
    struct nacre_krl long_comment = {.comment = {list, NACRE_KRL_COMMENT_MAX + 1}};
    struct nacre_krl nul = {.comment = {(const uint8_t *)"a\0b", 3}};
    uint8_t out[256];
    size_t n;

    make_key(&k, 1);
    struct nacre_krl_entry rows[] = {
        {.lo = 0, .hi = 0}, /* no kind */
        {.kind = NACRE_KRL_SHA256 + 1, .lo = 1, .hi = 1},
        serials(nothing, 2, 1),
        serials(nothing, 0, 1),
        serials(text("no blob"), 1, 1),
        value(NACRE_KRL_KEY_ID, nothing, (struct nacre_bytes){(const uint8_t *)"a\0b", 3}),
        KEY(nothing),
        KEY(text("ab")),
        value(NACRE_KRL_KEY, k.blob, k.blob),
        value(NACRE_KRL_SHA1, nothing, (struct nacre_bytes){digest, 19}),
        value(NACRE_KRL_SHA256, nothing, (struct nacre_bytes){digest, 33}),
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        n = 1;
        cr_assert_eq(nacre_krl_write(out, sizeof out, &n, &rows[i], 1, &head), NACRE_ERR_USAGE,
                     "row %zu", i);
        cr_assert_eq(n, 0);
    }
    cr_assert_eq(nacre_krl_write(out, sizeof out, &n, NULL, 0, &long_comment), NACRE_ERR_USAGE);
    cr_assert_eq(nacre_krl_write(out, sizeof out, &n, NULL, 0, &nul), NACRE_ERR_USAGE);
}

Test(krl, no_room_for_any_less)
{
    struct nacre_krl k;
    size_t len = make_full(&k);
    static struct nacre_krl_entry e[64];
    static uint8_t out[ROOM];
    size_t entries = collect(e, 64, &k);
    size_t n;

    for (size_t cap = 0; cap < len; cap++) {
        cr_assert_eq(nacre_krl_write(out, cap, &n, e, entries, &k), NACRE_ERR_NO_ROOM);
        cr_assert_eq(n, 0);
    }
    cr_assert_eq(nacre_krl_write(out, len, &n, e, entries, &k), NACRE_OK);
    cr_assert(n == len && memcmp(out, list, len) == 0, "the same again");
}

/* ---- Large lists: no more than linear to read and test, n log n to write ---- */

#define MANY 100000

Test(krl, hundred_thousand)
{
    struct nacre_krl_entry *e = malloc(2 * MANY * sizeof *e);
    uint8_t(*digest)[NACRE_SHA256_LEN] = malloc((size_t)MANY * NACRE_SHA256_LEN);
    static struct key key, ca;
    static struct certificate bad, good;
    struct nacre_krl head = {.version = 1};
    struct nacre_krl k;
    uint8_t *out;
    size_t room;
    size_t n;
    clock_t from;

    cr_assert(e != NULL && digest != NULL);
    make_key(&key, 1);
    make_key(&ca, 2);
    make_cert(&bad, &key, &ca, 1 + (uint64_t)77777 * 977, "bad");
    make_cert(&good, &key, &ca, 2 + (uint64_t)77777 * 977, "good");
    for (size_t i = 0; i < MANY; i++) { /* in an order that is neither up nor down */
        uint32_t mixed = (uint32_t)(i * 2654435761u);

        memset(digest[i], 0, sizeof digest[i]);
        ncr_store32be(digest[i], mixed);
        e[i] = value(NACRE_KRL_SHA256, nothing, (struct nacre_bytes){digest[i], 32});
        e[MANY + i] = serials(ca.blob, 1 + (uint64_t)(i * 48271 % MANY) * 977,
                              1 + (uint64_t)(i * 48271 % MANY) * 977);
    }
    room = nacre_krl_room(e, 2 * MANY, 0);
    out = malloc(room);
    cr_assert_not_null(out);
    from = clock();
    cr_assert_eq(nacre_krl_write(out, room, &n, e, 2 * MANY, &head), NACRE_OK);
    cr_assert_eq(nacre_krl_decode(&k, (struct nacre_bytes){out, n}, NULL), NACRE_OK);
    for (size_t i = 0; i < 10; i++) {
        cr_assert_eq(nacre_krl_check(&k, bad.b), NACRE_ERR_KEY_REFUSED);
        cr_assert_eq(nacre_krl_check(&k, good.b), NACRE_OK);
    }
    /* a quadratic step would take minutes */
    cr_assert_lt((double)(clock() - from) / CLOCKS_PER_SEC, 10.0);
    free(out);
    free(digest);
    free(e);
}
