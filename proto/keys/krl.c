/* SPDX-License-Identifier: ISC
 *
 * Key revocation lists (OpenSSH's PROTOCOL.krl): reading, listing, testing. krl_write.c writes.
 *
 *     "SSHKRL\n\0", uint32 1, uint64 version, uint64 time, uint64 flags, string reserved,
 *     string comment, then sections: byte type, string data
 *
 * One walk serves all three: krl_step() gives the next entry or says what is wrong, reading sees
 * only whether it gets to the end. Each step takes at least a byte, or a bit of a bitmap that is
 * there, off the file: no number in it makes a loop longer. Whatever is not understood refuses the
 * list, since it may be what revokes the key in hand.
 */
#include <string.h>

#include "proto/keys/cert.h"
#include "proto/keys/krl.h"
#include "proto/keys/text.h"

bool nacre_krl_is(struct nacre_bytes file)
{
    return file.n >= KRL_MAGIC_LEN && memcmp(file.p, KRL_MAGIC, KRL_MAGIC_LEN) == 0;
}

/* ---- The walk ---- */

enum krl_found { KRL_END, KRL_ENTRY, KRL_BAD };

static enum krl_found krl_bad(const char **why, const char *text)
{
    *why = text;
    return KRL_BAD;
}

/* One of the extensions of a list or of a certificates section: none is understood. */
static bool krl_extension_harmless(struct nacre_bytes data, const char **why)
{
    struct ncr_rd r = ncr_rd(data);
    bool critical;

    (void)ncr_rd_string(&r); /* name */
    critical = ncr_rd_bool(&r);
    (void)ncr_rd_string(&r); /* contents */
    if (!ncr_rd_end(&r))
        *why = "damaged extension";
    else if (critical)
        *why = "has a critical extension that is not understood";
    else
        return true;
    return false;
}

static bool krl_open_certificates(struct nacre_krl_iter *i, struct nacre_bytes data,
                                  const char **why)
{
    struct ncr_rd r = ncr_rd(data);

    i->ca = ncr_rd_string(&r);
    (void)ncr_rd_string(&r); /* reserved */
    if (r.bad)
        *why = "damaged section of certificates";
    i->section = ncr_rd_rest(&r);
    return !r.bad;
}

/* Opens the next section of the list. */
static bool krl_open_section(struct nacre_krl_iter *i, const char **why)
{
    struct ncr_rd r = ncr_rd(i->rest);
    struct nacre_bytes data;

    i->type = ncr_rd_u8(&r);
    data = ncr_rd_string(&r);
    i->rest = ncr_rd_rest(&r);
    if (r.bad) {
        *why = "cut off";
        return false;
    }
    switch (i->type) {
    case KRL_CERTIFICATES:
        return krl_open_certificates(i, data, why);
    case KRL_KEYS:
    case KRL_KEYS_SHA1:
    case KRL_KEYS_SHA256:
        i->section = data;
        return true;
    case KRL_EXTENSION:
        return krl_extension_harmless(data, why);
    case KRL_SIGNATURE:
        *why = "is signed, which is not supported";
        return false;
    default:
        *why = "has a section that is not understood";
        return false;
    }
}

/* The bits of a bitmap, and what they count from. */
static bool krl_open_bitmap(struct nacre_krl_iter *i, struct nacre_bytes data, const char **why)
{
    struct ncr_rd r = ncr_rd(data);

    i->offset = ncr_rd_u64(&r);
    i->bit = 0;
    i->sub = ncr_rd_mpint(&r, NACRE_KRL_BITMAP_MAX);
    if (ncr_rd_end(&r))
        return true;
    *why = "damaged bitmap of serials";
    return false;
}

/* Opens the next subsection of certificates. */
static bool krl_open_sub(struct nacre_krl_iter *i, const char **why)
{
    struct ncr_rd r = ncr_rd(i->section);
    struct nacre_bytes data;

    i->sub_type = ncr_rd_u8(&r);
    data = ncr_rd_string(&r);
    i->section = ncr_rd_rest(&r);
    if (r.bad) {
        *why = "damaged section of certificates";
        return false;
    }
    switch (i->sub_type) {
    case KRL_CERT_SERIAL_BITMAP:
        return krl_open_bitmap(i, data, why);
    case KRL_CERT_SERIAL_RANGE:
        *why = "damaged range of serials";
        i->sub = data;
        return data.n == 16;
    case KRL_CERT_SERIAL_LIST:
    case KRL_CERT_KEY_ID:
        i->sub = data;
        return true;
    case KRL_CERT_EXTENSION:
        return krl_extension_harmless(data, why);
    default:
        *why = "has a section of certificates that is not understood";
        return false;
    }
}

static bool krl_bit(const struct nacre_krl_iter *i, size_t bit)
{
    return bit / 8 < i->sub.n && (i->sub.p[i->sub.n - 1 - bit / 8] >> (bit % 8) & 1) != 0;
}

/* How many bits there are up to the highest that is set. */
static size_t krl_bits(struct nacre_bytes map)
{
    size_t bits = 8 * map.n;

    while (bits > 0 && (map.p[0] >> ((bits - 1) % 8) & 1) == 0)
        bits--;
    return bits;
}

/* The next run of bits; there is one, since the first byte of sub is not zero. */
static enum krl_found krl_bitmap_run(struct nacre_krl_iter *i, struct nacre_krl_entry *e,
                                     const char **why)
{
    size_t from;

    while (!krl_bit(i, i->bit))
        i->bit++;
    from = i->bit;
    while (krl_bit(i, i->bit))
        i->bit++;
    if (i->bit - 1 > UINT64_MAX - i->offset)
        return krl_bad(why, "bitmap of serials goes past the largest serial");
    e->lo = i->offset + from;
    e->hi = i->offset + (i->bit - 1);
    if (i->bit == krl_bits(i->sub))
        i->sub.n = 0;
    return e->lo == 0 ? krl_bad(why, "revokes serial 0") : KRL_ENTRY;
}

static enum krl_found krl_serials(struct nacre_krl_iter *i, struct nacre_krl_entry *e,
                                  const char **why)
{
    struct ncr_rd r = ncr_rd(i->sub);

    e->lo = ncr_rd_u64(&r);
    e->hi = i->sub_type == KRL_CERT_SERIAL_RANGE ? ncr_rd_u64(&r) : e->lo;
    i->sub = ncr_rd_rest(&r);
    if (r.bad)
        return krl_bad(why, "damaged list of serials");
    if (e->lo > e->hi)
        return krl_bad(why, "range of serials goes backwards");
    return e->lo == 0 ? krl_bad(why, "revokes serial 0") : KRL_ENTRY;
}

/* The next entry of the open subsection. */
static enum krl_found krl_cert_entry(struct nacre_krl_iter *i, struct nacre_krl_entry *e,
                                     const char **why)
{
    struct ncr_rd r = ncr_rd(i->sub);

    e->ca = i->ca;
    if (i->sub_type != KRL_CERT_KEY_ID) {
        e->kind = NACRE_KRL_SERIALS;
        return i->sub_type == KRL_CERT_SERIAL_BITMAP ? krl_bitmap_run(i, e, why)
                                                     : krl_serials(i, e, why);
    }
    e->kind = NACRE_KRL_KEY_ID;
    e->value = ncr_rd_string(&r);
    i->sub = ncr_rd_rest(&r);
    return r.bad || ncr_text_has(e->value, 0) ? krl_bad(why, "damaged key id") : KRL_ENTRY;
}

/* The next entry of the open section of keys or hashes. */
static enum krl_found krl_key_entry(struct nacre_krl_iter *i, struct nacre_krl_entry *e,
                                    const char **why)
{
    struct ncr_rd r = ncr_rd(i->section);

    e->value = ncr_rd_string(&r);
    i->section = ncr_rd_rest(&r);
    e->kind = i->type == KRL_KEYS        ? NACRE_KRL_KEY
              : i->type == KRL_KEYS_SHA1 ? NACRE_KRL_SHA1
                                         : NACRE_KRL_SHA256;
    if (r.bad)
        return krl_bad(why, "damaged section of keys");
    return ncr_krl_value_fits(e) ? KRL_ENTRY : krl_bad(why, "key or hash of a wrong length");
}

bool ncr_krl_value_fits(const struct nacre_krl_entry *e)
{
    switch (e->kind) {
    case NACRE_KRL_SHA1:
        return e->value.n == NACRE_SHA1_LEN;
    case NACRE_KRL_SHA256:
        return e->value.n == NACRE_SHA256_LEN;
    case NACRE_KRL_KEY:
        return e->value.n > 0;
    default:
        return !ncr_text_has(e->value, 0);
    }
}

static enum krl_found krl_step(struct nacre_krl_iter *i, struct nacre_krl_entry *e,
                               const char **why)
{
    memset(e, 0, sizeof *e);
    for (;;) {
        if (i->sub.n > 0)
            return krl_cert_entry(i, e, why);
        if (i->section.n > 0 && i->type != KRL_CERTIFICATES)
            return krl_key_entry(i, e, why);
        if (i->section.n > 0) {
            if (!krl_open_sub(i, why))
                return KRL_BAD;
            continue;
        }
        if (i->rest.n == 0)
            return KRL_END;
        if (!krl_open_section(i, why))
            return KRL_BAD;
    }
}

void nacre_krl_first(struct nacre_krl_iter *i, const struct nacre_krl *k)
{
    memset(i, 0, sizeof *i);
    i->rest = k->sections;
}

bool nacre_krl_next(struct nacre_krl_iter *i, struct nacre_krl_entry *e)
{
    const char *why;

    if (krl_step(i, e, &why) == KRL_ENTRY)
        return true;
    memset(i, 0, sizeof *i); /* of a list that was read only the end */
    memset(e, 0, sizeof *e);
    return false;
}

/* ---- Reading ---- */

static nacre_err krl_refuse(struct nacre_krl *k, const char **what, nacre_err err, const char *why)
{
    memset(k, 0, sizeof *k);
    if (what != NULL)
        *what = why;
    return err;
}

static bool krl_read_head(struct nacre_krl *k, struct nacre_bytes file, const char **why)
{
    struct ncr_rd r = ncr_rd(file);

    (void)ncr_rd_bytes(&r, KRL_MAGIC_LEN);
    *why = "version of revocation list not understood";
    if (ncr_rd_u32(&r) != KRL_FORMAT)
        return false;
    *why = "damaged head";
    k->version = ncr_rd_u64(&r);
    k->generated = ncr_rd_u64(&r);
    (void)ncr_rd_u64(&r);    /* flags: none are defined */
    (void)ncr_rd_string(&r); /* reserved */
    k->comment = ncr_rd_string_max(&r, NACRE_KRL_COMMENT_MAX);
    k->sections.p = file.p + (file.n - r.n);
    k->sections.n = r.n;
    return !r.bad && !ncr_text_has(k->comment, 0);
}

nacre_err nacre_krl_decode(struct nacre_krl *k, struct nacre_bytes file, const char **what)
{
    struct nacre_krl_iter i;
    struct nacre_krl_entry e;
    const char *why = "";
    enum krl_found found = KRL_ENTRY;

    memset(k, 0, sizeof *k);
    if (what != NULL)
        *what = "";
    if (!nacre_krl_is(file))
        return krl_refuse(k, what, NACRE_ERR_FILE_FORMAT, "not a key revocation list");
    if (file.n > NACRE_KRL_MAX)
        return krl_refuse(k, what, NACRE_ERR_LIMIT, "too large");
    if (!krl_read_head(k, file, &why))
        return krl_refuse(k, what, NACRE_ERR_FILE_FORMAT, why);
    nacre_krl_first(&i, k);
    while (found == KRL_ENTRY)
        found = krl_step(&i, &e, &why);
    if (found == KRL_BAD)
        return krl_refuse(k, what, NACRE_ERR_FILE_FORMAT, why);
    return NACRE_OK;
}

/* ---- Testing ---- */

/* A plain public key: the blob is string name, fields. */
struct krl_key {
    struct nacre_bytes name, fields;
    uint8_t sha1[NACRE_SHA1_LEN], sha256[NACRE_SHA256_LEN];
};

/* What is tested. */
struct krl_subject {
    struct nacre_bytes blob;
    struct krl_key key;
    struct krl_key ca;      /* of a certificate */
    struct nacre_cert cert; /* type NULL: none */
};

static void krl_key_digest(uint8_t *out, const struct nacre_hash *hash, const struct krl_key *k)
{
    union nacre_hash_ctx ctx;
    struct ncr_wr w = ncr_wr_hash(hash, &ctx);

    hash->init(&ctx);
    ncr_wr_string(&w, k->name);
    ncr_wr_bytes(&w, k->fields.p, k->fields.n);
    hash->final(out, &ctx);
}

static void krl_key_digests(struct krl_key *k)
{
    krl_key_digest(k->sha1, &nacre_hash_sha1, k);
    krl_key_digest(k->sha256, &nacre_hash_sha256, k);
}

static bool krl_key_read(struct krl_key *k, struct nacre_bytes blob)
{
    struct ncr_rd r = ncr_rd(blob);

    k->name = ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX);
    k->fields = ncr_rd_rest(&r);
    if (r.bad || k->name.n == 0)
        return false;
    krl_key_digests(k);
    return true;
}

static bool krl_cert_read(struct krl_subject *s)
{
    struct nacre_cert *c = &s->cert;

    s->key.name = nacre_bytes_str(c->type->name);
    /* Between the nonce and uint64 serial, uint32 kind, uint32 length of the key id. */
    s->key.fields.p = c->nonce.p + c->nonce.n;
    s->key.fields.n = (size_t)(c->key_id.p - s->key.fields.p) - 16;
    krl_key_digests(&s->key);
    return krl_key_read(&s->ca, c->ca);
}

/* A certificate of a type that is not understood passes as a plain key; it is trusted nowhere. */
static nacre_err krl_subject_read(struct krl_subject *s, struct nacre_bytes blob)
{
    nacre_err err = nacre_cert_decode(&s->cert, blob, NULL, 0);

    s->blob = blob;
    if (err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG)
        return err;
    return (err == NACRE_OK ? krl_cert_read(s) : krl_key_read(&s->key, blob))
               ? NACRE_OK
               : NACRE_ERR_KEY_FORMAT;
}

static bool krl_key_listed(const struct krl_key *k, const struct nacre_krl_entry *e)
{
    struct ncr_rd r = ncr_rd(e->value);

    if (e->kind == NACRE_KRL_SHA1)
        return memcmp(e->value.p, k->sha1, sizeof k->sha1) == 0;
    if (e->kind == NACRE_KRL_SHA256)
        return memcmp(e->value.p, k->sha256, sizeof k->sha256) == 0;
    return ncr_bytes_eq(ncr_rd_string(&r), k->name) && !r.bad &&
           ncr_bytes_eq(ncr_rd_rest(&r), k->fields);
}

static bool krl_cert_listed(const struct nacre_cert *c, const struct nacre_krl_entry *e)
{
    if (e->ca.n > 0 && !ncr_bytes_eq(e->ca, c->ca))
        return false;
    if (e->kind == NACRE_KRL_KEY_ID)
        return ncr_bytes_eq(e->value, c->key_id);
    return c->serial != 0 && c->serial >= e->lo && c->serial <= e->hi;
}

static bool krl_hits(const struct krl_subject *s, const struct nacre_krl_entry *e)
{
    bool is_cert = s->cert.type != NULL;

    if (e->kind == NACRE_KRL_SERIALS || e->kind == NACRE_KRL_KEY_ID)
        return is_cert && krl_cert_listed(&s->cert, e);
    return krl_key_listed(&s->key, e) || (is_cert && krl_key_listed(&s->ca, e)) ||
           (e->kind == NACRE_KRL_KEY && ncr_bytes_eq(e->value, s->blob));
}

nacre_err nacre_krl_check(const struct nacre_krl *k, struct nacre_bytes blob)
{
    struct krl_subject s;
    struct nacre_krl_iter i;
    struct nacre_krl_entry e;
    const char *why;
    enum krl_found found = KRL_ENTRY;
    nacre_err err;

    if (k->sections.p == NULL)
        return NACRE_ERR_KEY_REFUSED;
    memset(&s, 0, sizeof s);
    err = krl_subject_read(&s, blob);
    if (err != NACRE_OK)
        return err;
    nacre_krl_first(&i, k);
    while (found == KRL_ENTRY) {
        found = krl_step(&i, &e, &why);
        if (found == KRL_BAD || (found == KRL_ENTRY && krl_hits(&s, &e)))
            return NACRE_ERR_KEY_REFUSED;
    }
    return NACRE_OK;
}
