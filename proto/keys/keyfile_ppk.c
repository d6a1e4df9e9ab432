/* SPDX-License-Identifier: ISC
 *
 * PuTTY's private key files, versions 2 and 3 (PuTTY user manual, appendix C): lines
 *
 *     PuTTY-User-Key-File-3: TYPE
 *     Encryption: none | aes256-cbc
 *     Comment: TEXT
 *     Public-Lines: N             and N lines of base64: the public key blob
 *     Key-Derivation: Argon2id    and four lines of its costs and salt; if encrypted, version 3
 * only Private-Lines: N            and N lines of base64: the private half, encrypted Private-MAC:
 * HEX            HMAC over type, encryption, comment and both halves in clear
 *
 * Both versions are read, the third is written. The MAC is checked before anything of the private
 * half is looked at; in an unencrypted file its key is known, and it tells damage only. Whether a
 * passphrase is wrong or an encrypted file damaged, the format cannot say. Argon2 works in the
 * scratch memory behind the decoded file. Line ends are LF, CR LF or CR.
 */
#include <string.h>

#include "crypto/ct.h"
#include "crypto/load.h"
#include "proto/keys/base64.h"
#include "proto/keys/key_type.h"
#include "proto/keys/keyfile.h"
#include "proto/keys/text.h"
#include "proto/limits.h"
#include "proto/sig_ecdsa.h"
#include "proto/sig_rsa.h"

_Static_assert(NACRE_KEYFILE_ARGON2_KIB_MAX == NCR_ARGON2_KIB_MAX, "one limit, two names");
_Static_assert(NACRE_KEYFILE_ARGON2_FILL_MAX == NCR_ARGON2_FILL_MAX, "one limit, two names");
_Static_assert(NACRE_WORK >= NACRE_ARGON2_WORK, "room for Argon2");

#define PPK_NONE "none"
#define PPK_CIPHER "aes256-cbc"
#define PPK_KEY_LEN 32
#define PPK_MAC_MAX NACRE_SHA256_LEN
#define PPK_SALT_LEN 16
#define PPK_SALT_MAX 64
#define PPK_COLUMNS 64

/* Key of the cipher, its IV, key of the MAC: what a passphrase becomes. */
struct ppk_secrets {
    uint8_t key[PPK_KEY_LEN], iv[NACRE_AES_BLOCK], mac[PPK_MAC_MAX];
    size_t mac_len;
};

struct ppk {
    unsigned version; /* 2 or 3 */
    bool encrypted;
    struct nacre_bytes type, encryption, comment; /* slices of the file */
    struct nacre_bytes pub, priv;                 /* decoded, in scratch */
    struct nacre_argon2 kdf;
    uint8_t salt[PPK_SALT_MAX];
    uint8_t mac[PPK_MAC_MAX];
};

static const struct {
    const char *name;
    enum nacre_argon2_type type;
} ppk_kdfs[] = {
    {"Argon2id", NACRE_ARGON2_ID}, {"Argon2i", NACRE_ARGON2_I}, {"Argon2d", NACRE_ARGON2_D}};
#define PPK_KDFS (sizeof ppk_kdfs / sizeof ppk_kdfs[0])

static const struct ncr_ecdsa *const ppk_curves[] = {&ncr_ecdsa_nistp256, &ncr_ecdsa_nistp384,
                                                     &ncr_ecdsa_nistp521};
#define PPK_CURVES (sizeof ppk_curves / sizeof ppk_curves[0])

/* ---- Lines ---- */

static nacre_err ppk_damaged(const struct ncr_keyfile_in *in, const char *what)
{
    return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, what);
}

/* Takes a line and its end off the file. */
static struct nacre_bytes ppk_line(struct ncr_rd *r)
{
    struct nacre_bytes line = {r->p, 0};

    while (line.n < r->n && r->p[line.n] != '\n' && r->p[line.n] != '\r')
        line.n++;
    (void)ncr_rd_bytes(r, line.n);
    if (r->n > 1 && r->p[0] == '\r' && r->p[1] == '\n')
        (void)ncr_rd_u8(r);
    if (r->n > 0)
        (void)ncr_rd_u8(r);
    return line;
}

/* Takes the line `name: value`; r->bad if it is another. */
static struct nacre_bytes ppk_header(struct ncr_rd *r, const char *name)
{
    const size_t n = strlen(name);
    struct nacre_bytes line = ppk_line(r);

    if (line.n < n + 2 || memcmp(line.p, name, n) != 0 || memcmp(line.p + n, ": ", 2) != 0) {
        r->bad = true;
        line.n = 0;
        return line;
    }
    return ncr_bytes_part(line, n + 2, line.n - n - 2);
}

static uint32_t ppk_number(struct ncr_rd *r, const char *name)
{
    uint64_t v = 0;

    if (!ncr_text_number(&v, ppk_header(r, name), 10, UINT32_MAX))
        r->bad = true;
    return r->bad ? 0 : (uint32_t)v;
}

/* Bytes of a header in hexadecimal; *n of them, 1 to cap. */
static void ppk_hex(uint8_t *out, size_t cap, size_t *n, struct ncr_rd *r, const char *name)
{
    struct nacre_bytes text = ppk_header(r, name);

    *n = text.n / 2;
    if (*n == 0 || *n > cap || !ncr_text_hex(out, *n, text))
        r->bad = true;
}

/* Lines of base64, as many as the header `name` says, decoded to `at`, where what is left of the
 * file would fit. */
static struct nacre_bytes ppk_body(uint8_t *at, struct ncr_rd *r, const char *name)
{
    uint32_t lines = ppk_number(r, name);
    struct nacre_bytes text = {at, 0};
    struct nacre_bytes line;
    size_t n = 0;

    for (; lines > 0 && !r->bad; lines--) {
        line = ppk_line(r);
        if (line.n == 0) {
            r->bad = true;
            break;
        }
        memcpy(at + text.n, line.p, line.n);
        text.n += line.n;
    }
    if (r->bad || !ncr_base64_decode(at, text.n, &n, text))
        r->bad = true;
    text.n = r->bad ? 0 : n;
    return text;
}

/* ---- Taking a file apart ---- */

/* "PuTTY-User-Key-File-3: TYPE" */
static nacre_err ppk_read_version(struct ppk *p, struct ncr_rd *r, const struct ncr_keyfile_in *in)
{
    static const char tag[] = "PuTTY-User-Key-File-";
    struct nacre_bytes line = ppk_line(r);

    if (line.n < sizeof tag + 2 || memcmp(line.p + sizeof tag, ": ", 2) != 0)
        return ppk_damaged(in, "damaged: first line");
    if (line.p[sizeof tag - 1] != '2' && line.p[sizeof tag - 1] != '3')
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "version of the format not supported");
    p->version = line.p[sizeof tag - 1] == '2' ? 2 : 3;
    p->type = ncr_bytes_part(line, sizeof tag + 2, line.n - sizeof tag - 2);
    ncr_keyfile_note(in->info->key_type, p->type);
    return NACRE_OK;
}

/* All up to the public half. */
static nacre_err ppk_read_head(struct ppk *p, struct ncr_rd *r, const struct ncr_keyfile_in *in)
{
    nacre_err err = ppk_read_version(p, r, in);
    struct ncr_rd name;

    if (err != NACRE_OK)
        return err;
    p->encryption = ppk_header(r, "Encryption");
    p->comment = ppk_header(r, "Comment");
    if (r->bad || ncr_text_has(p->comment, 0))
        return ppk_damaged(in, "damaged: headers");
    ncr_keyfile_note(in->info->cipher, p->encryption);
    p->encrypted = !nacre_bytes_is(p->encryption, PPK_NONE);
    in->info->encrypted = p->encrypted;
    if (p->encrypted && !nacre_bytes_is(p->encryption, PPK_CIPHER))
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "cipher not supported");
    p->pub = ppk_body(in->scratch, r, "Public-Lines");
    name = ncr_rd(p->pub);
    if (r->bad || !ncr_bytes_eq(ncr_rd_string_max(&name, NACRE_KEY_NAME_MAX), p->type))
        return ppk_damaged(in, "damaged: public half");
    return NACRE_OK;
}

static nacre_err ppk_read_kdf(struct ppk *p, struct ncr_rd *r, const struct ncr_keyfile_in *in)
{
    struct nacre_argon2 *kdf = &p->kdf;
    struct nacre_bytes name = ppk_header(r, "Key-Derivation");
    size_t i;

    ncr_keyfile_note(in->info->kdf, name);
    for (i = 0; i < PPK_KDFS && !nacre_bytes_is(name, ppk_kdfs[i].name); i++)
        ;
    if (!r->bad && i == PPK_KDFS)
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "kdf not supported");
    kdf->kib = ppk_number(r, "Argon2-Memory");
    kdf->passes = ppk_number(r, "Argon2-Passes");
    kdf->lanes = ppk_number(r, "Argon2-Parallelism");
    ppk_hex(p->salt, sizeof p->salt, &kdf->salt_len, r, "Argon2-Salt");
    if (r->bad || kdf->salt_len < 8 || kdf->passes == 0 || kdf->lanes == 0)
        return ppk_damaged(in, "damaged: bad kdf options");
    kdf->type = ppk_kdfs[i].type;
    kdf->salt = p->salt;
    if (kdf->kib > NACRE_KEYFILE_ARGON2_KIB_MAX || kdf->lanes > kdf->kib / 8 ||
        kdf->passes > NACRE_KEYFILE_ARGON2_FILL_MAX / kdf->kib)
        return ncr_keyfile_fail(in, NACRE_ERR_LIMIT,
                                "kdf asks for more memory or passes than are sensible");
    in->info->scratch_needed = in->file.n + (size_t)kdf->kib * 1024;
    return NACRE_OK;
}

/* All behind the public half. */
static nacre_err ppk_read_tail(struct ppk *p, struct ncr_rd *r, const struct ncr_keyfile_in *in)
{
    const size_t mac_len = p->version == 2 ? NACRE_SHA1_LEN : NACRE_SHA256_LEN;
    nacre_err err = NACRE_OK;
    size_t n;

    if (p->encrypted && p->version == 3)
        err = ppk_read_kdf(p, r, in);
    if (err != NACRE_OK)
        return err;
    if (p->encrypted && p->version == 2)
        ncr_keyfile_note(in->info->kdf, nacre_bytes_str("sha1"));
    p->priv = ppk_body(in->scratch + p->pub.n, r, "Private-Lines");
    if (r->bad)
        return ppk_damaged(in, "damaged: private half");
    ppk_hex(p->mac, sizeof p->mac, &n, r, "Private-MAC");
    if (r->bad || n != mac_len)
        return ppk_damaged(in, "damaged: MAC");
    if (!ncr_text_is_space(ncr_rd_rest(r)))
        return ppk_damaged(in, "damaged: text behind the key");
    if (p->encrypted && p->priv.n % NACRE_AES_BLOCK != 0)
        return ppk_damaged(in, "damaged: private half is no multiple of the block");
    return NACRE_OK;
}

/* ---- Passphrase and MAC ---- */

/* SHA-1 of `head` and the passphrase: version 2 makes all its keys so. */
static void ppk_sha1(uint8_t out[NACRE_SHA1_LEN], const void *head, size_t n,
                     struct nacre_bytes passphrase)
{
    struct nacre_sha1 c;

    nacre_sha1_init(&c);
    nacre_sha1_update(&c, head, n);
    nacre_sha1_update(&c, passphrase.p, passphrase.n);
    nacre_sha1_final(out, &c);
}

static void ppk_derive2(struct ppk_secrets *s, bool encrypted, struct nacre_bytes passphrase)
{
    static const char mac_head[] = "putty-private-key-file-mac-key";
    uint8_t head[4] = {0, 0, 0, 0};
    uint8_t two[2 * NACRE_SHA1_LEN];

    if (!encrypted)
        passphrase.n = 0;
    ppk_sha1(two, head, sizeof head, passphrase);
    head[3] = 1;
    ppk_sha1(two + NACRE_SHA1_LEN, head, sizeof head, passphrase);
    memcpy(s->key, two, sizeof s->key);
    ppk_sha1(s->mac, mac_head, sizeof mac_head - 1, passphrase);
    s->mac_len = NACRE_SHA1_LEN;
    nacre_wipe(two, sizeof two);
}

/* Argon2 in mem; kdf is whole but for the passphrase. */
static bool ppk_derive3(struct ppk_secrets *s, const struct nacre_argon2 *kdf,
                        struct nacre_bytes passphrase, uint8_t *mem, size_t mem_len, uint64_t *work)
{
    uint8_t out[PPK_KEY_LEN + NACRE_AES_BLOCK + PPK_MAC_MAX];
    struct nacre_argon2 a = *kdf;
    bool good;

    a.pass = passphrase.p;
    a.pass_len = passphrase.n;
    good = nacre_argon2(out, sizeof out, &a, mem, mem_len, work);
    memcpy(s->key, out, sizeof s->key);
    memcpy(s->iv, out + PPK_KEY_LEN, sizeof s->iv);
    memcpy(s->mac, out + PPK_KEY_LEN + NACRE_AES_BLOCK, sizeof s->mac);
    s->mac_len = sizeof s->mac;
    nacre_wipe(out, sizeof out);
    return good;
}

/* The keys of a file that is read. */
static nacre_err ppk_derive(struct ppk_secrets *s, const struct ppk *p,
                            const struct ncr_keyfile_in *in)
{
    size_t used = in->file.n;

    memset(s, 0, sizeof *s);
    if (p->encrypted && in->passphrase.n == 0)
        return ncr_keyfile_fail(in, NACRE_ERR_PASSPHRASE, "passphrase needed");
    if (p->version == 2)
        ppk_derive2(s, p->encrypted, in->passphrase);
    if (p->version == 2 || !p->encrypted)
        return NACRE_OK;
    if (in->scratch_len < in->info->scratch_needed)
        return ncr_keyfile_fail(in, NACRE_ERR_NO_ROOM, "scratch memory too small for the kdf");
    if (!ppk_derive3(s, &p->kdf, in->passphrase, in->scratch + used, in->scratch_len - used,
                     in->work))
        return ppk_damaged(in, "damaged: bad kdf options");
    return NACRE_OK;
}

static void ppk_mac_string(struct nacre_hmac *h, struct nacre_bytes b)
{
    uint8_t len[4];

    ncr_store32be(len, (uint32_t)b.n);
    nacre_hmac_update(h, len, sizeof len);
    nacre_hmac_update(h, b.p, b.n);
}

/* The MAC; p->priv is in clear. */
static void ppk_mac(uint8_t out[PPK_MAC_MAX], const struct ppk *p, const struct ppk_secrets *s)
{
    struct nacre_hmac h;

    nacre_hmac_init(&h, p->version == 2 ? &nacre_hash_sha1 : &nacre_hash_sha256, s->mac,
                    s->mac_len);
    ppk_mac_string(&h, p->type);
    ppk_mac_string(&h, p->encryption);
    ppk_mac_string(&h, p->comment);
    ppk_mac_string(&h, p->pub);
    ppk_mac_string(&h, p->priv);
    nacre_hmac_final(out, &h);
    nacre_wipe(&h, sizeof h);
}

/* Decrypts the private half in its place and checks the MAC. */
static nacre_err ppk_open(const struct ppk *p, const struct ncr_keyfile_in *in)
{
    uint8_t *priv = in->scratch + p->pub.n;
    uint8_t mac[PPK_MAC_MAX];
    struct ppk_secrets s;
    struct nacre_aes_cbc c;
    nacre_err err = ppk_derive(&s, p, in);
    bool good = err == NACRE_OK;

    if (good && p->encrypted) {
        good = nacre_aes_cbc_init(&c, s.key, sizeof s.key, s.iv);
        nacre_aes_cbc_decrypt(priv, &c, priv, p->priv.n);
        nacre_wipe(&c, sizeof c);
    }
    if (good) {
        ppk_mac(mac, p, &s);
        good = nacre_ct_eq(mac, p->mac, p->version == 2 ? NACRE_SHA1_LEN : NACRE_SHA256_LEN);
        nacre_wipe(mac, sizeof mac);
    }
    nacre_wipe(&s, sizeof s);
    if (good || err != NACRE_OK)
        return err;
    return p->encrypted ? ncr_keyfile_fail(in, NACRE_ERR_PASSPHRASE, "wrong passphrase")
                        : ppk_damaged(in, "damaged: MAC does not fit");
}

/* ---- The key ---- */

static const struct ncr_ecdsa *ppk_curve(struct nacre_bytes type)
{
    size_t i;

    for (i = 0; i < PPK_CURVES; i++)
        if (nacre_bytes_is(type, ppk_curves[i]->name))
            return ppk_curves[i];
    return NULL;
}

static bool ppk_has_type(struct nacre_bytes type)
{
    return nacre_bytes_is(type, "ssh-rsa") || nacre_bytes_is(type, "ssh-ed25519") ||
           ppk_curve(type) != NULL;
}

/* The fields of openssh-key-v1 out of both halves; false if the type is none that the format
 * has. */
static bool ppk_fields(struct ncr_wr *w, struct ncr_rd *pub, struct ncr_rd *priv,
                       struct nacre_bytes type)
{
    static const uint8_t zero[NACRE_ED25519_SEED_LEN];
    struct nacre_bytes a = ncr_rd_string(pub), b;

    if (nacre_bytes_is(type, "ssh-rsa")) { /* e, n; d, p, q, iqmp */
        ncr_wr_string(w, ncr_rd_string(pub));
        ncr_wr_string(w, a);
        ncr_wr_string(w, ncr_rd_string(priv));
        a = ncr_rd_string(priv);
        b = ncr_rd_string(priv);
        ncr_wr_string(w, ncr_rd_string(priv));
        ncr_wr_string(w, a);
        ncr_wr_string(w, b);
    } else if (nacre_bytes_is(type, "ssh-ed25519")) { /* point; seed, zeros behind may be missing */
        b = ncr_rd_string_max(priv, NACRE_ED25519_SEED_LEN);
        ncr_wr_string(w, a);
        ncr_wr_u32(w, NACRE_ED25519_SEED_LEN + NACRE_ED25519_PUB_LEN);
        ncr_wr_bytes(w, b.p, b.n);
        ncr_wr_bytes(w, zero, sizeof zero - b.n);
        ncr_wr_bytes(w, a.p, a.n);
    } else if (ppk_curve(type) != NULL) { /* curve, point; scalar */
        ncr_wr_string(w, a);
        ncr_wr_string(w, ncr_rd_string(pub));
        ncr_wr_string(w, ncr_rd_string(priv));
    } else {
        return false;
    }
    return true;
}

/* Builds the fields in work, which nothing uses yet, and puts them into scratch behind the public
 * half, in place of the private one. They fit: base64 leaves a third of the file, and the public
 * fields, which come twice then, are less than that or shorter than the headers. */
static bool ppk_put_fields(struct nacre_bytes *fields, const struct ppk *p,
                           const struct ncr_keyfile_in *in)
{
    struct ncr_wr w = ncr_wr((uint8_t *)in->work, NACRE_WORK * sizeof(uint64_t));
    struct ncr_rd pub = ncr_rd(p->pub), priv = ncr_rd(p->priv);
    uint8_t *at = in->scratch + p->pub.n;
    bool good;

    (void)ncr_rd_string(&pub); /* the name: compared */
    good = ppk_fields(&w, &pub, &priv, p->type) && ncr_rd_end(&pub) && !priv.bad && !w.bad;
    good = good && priv.n < (p->encrypted ? NACRE_AES_BLOCK : 1); /* what is left is padding */
    if (good && w.n <= in->scratch_len - p->pub.n)
        memcpy(at, w.p, w.n);
    else
        good = false;
    fields->p = at;
    fields->n = w.n;
    nacre_wipe(in->work, w.n);
    return good;
}

static nacre_err ppk_key(struct nacre_privkey *k, const struct ppk *p,
                         const struct ncr_keyfile_in *in)
{
    const struct ncr_key_type *type = ncr_key_type(p->type);
    struct nacre_bytes fields;
    struct ncr_rd r;
    nacre_err err = NACRE_ERR_KEY_FORMAT;

    if (type == NULL || !ppk_has_type(p->type))
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "key type not supported by this build");
    if (p->pub.n > NACRE_PRIVKEY_BLOB_MAX)
        return ncr_keyfile_fail(in, NACRE_ERR_LIMIT, "key too large");
    if (ppk_put_fields(&fields, p, in)) {
        r = ncr_rd(fields);
        err = type->read_private(k, &r, in->work);
    }
    if (err == NACRE_OK && !ncr_bytes_eq(p->pub, nacre_privkey_public_blob(k)))
        err = NACRE_ERR_KEY_REFUSED;
    if (err == NACRE_ERR_KEY_REFUSED)
        return ncr_keyfile_fail(in, err, "public half does not belong to the private half");
    return err == NACRE_OK ? err : ncr_keyfile_fail(in, err, "damaged: bad private half");
}

nacre_err ncr_ppk_read(struct nacre_privkey *k, struct nacre_bytes *comment,
                       const struct ncr_keyfile_in *in)
{
    struct ppk p = {0};
    struct ncr_rd r = ncr_rd(in->file);
    nacre_err err = ppk_read_head(&p, &r, in);

    if (err == NACRE_OK)
        err = ppk_read_tail(&p, &r, in);
    if (err == NACRE_OK)
        err = ppk_open(&p, in);
    if (err == NACRE_OK)
        err = ppk_key(k, &p, in);
    if (err == NACRE_OK)
        *comment = p.comment;
    return err;
}

nacre_err ncr_ppk_read_public(struct nacre_pubkey *k, struct nacre_bytes *comment,
                              const struct ncr_keyfile_in *in)
{
    struct ppk p = {0};
    struct ncr_rd r = ncr_rd(in->file);
    nacre_err err = ppk_read_head(&p, &r, in);

    if (err != NACRE_OK)
        return err;
    *comment = p.comment;
    err = nacre_pubkey_decode(k, p.pub);
    if (err == NACRE_ERR_UNKNOWN_ALG)
        return ncr_keyfile_fail(in, err, "key type not supported by this build");
    if (err != NACRE_OK)
        return ncr_keyfile_fail(in, err, "damaged: public half");
    return NACRE_OK;
}

/* ---- Writing ---- */

/* The private half as the format has it, padded if it is to be encrypted; false: no form for it. */
static bool ppk_put_private(struct ncr_wr *w, const struct nacre_privkey *k)
{
    const struct ncr_ecdsa *e = ppk_curve(nacre_bytes_str(k->type->name));

    if (k->type == &ncr_key_type_rsa) {
        const struct nacre_rsa_key key = ncr_key_rsa_parts(k);

        ncr_wr_mpint(w, key.d.p, key.d.n);
        ncr_wr_mpint(w, key.p.p, key.p.n);
        ncr_wr_mpint(w, key.q.p, key.q.n);
        ncr_wr_mpint(w, key.iqmp.p, key.iqmp.n);
    } else if (k->type == &ncr_key_type_ed25519) {
        ncr_wr_string(w, (struct nacre_bytes){k->secret.ed25519.seed, NACRE_ED25519_SEED_LEN});
    } else if (e != NULL) {
        ncr_wr_mpint(w, k->secret.ecdsa.scalar, nacre_ec_len(e->curve));
    } else {
        return false;
    }
    return true;
}

/* Padding to whole blocks: PuTTY takes the first bytes of the half's SHA-1. */
static void ppk_pad(struct ncr_wr *w)
{
    uint8_t digest[NACRE_SHA1_LEN];
    struct nacre_bytes none = {NULL, 0};

    ppk_sha1(digest, w->p, w->n, none);
    ncr_wr_bytes(w, digest, (NACRE_AES_BLOCK - w->n % NACRE_AES_BLOCK) % NACRE_AES_BLOCK);
    nacre_wipe(digest, sizeof digest);
}

static void ppk_put_text(struct ncr_wr *w, const char *s)
{
    ncr_wr_bytes(w, (const uint8_t *)s, strlen(s));
}

static void ppk_put_header(struct ncr_wr *w, const char *name, struct nacre_bytes value)
{
    ppk_put_text(w, name);
    ppk_put_text(w, ": ");
    ncr_wr_bytes(w, value.p, value.n);
    ppk_put_text(w, "\n");
}

static void ppk_put_number(struct ncr_wr *w, const char *name, uint32_t v)
{
    uint8_t digits[10];
    size_t at = sizeof digits;

    do {
        digits[--at] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    ppk_put_header(w, name, (struct nacre_bytes){digits + at, sizeof digits - at});
}

static void ppk_put_hex(struct ncr_wr *w, const char *name, const uint8_t *p, size_t n)
{
    static const uint8_t hex[] = "0123456789abcdef";
    uint8_t text[2 * PPK_MAC_MAX];
    size_t i;

    for (i = 0; i < n; i++) {
        text[2 * i] = hex[p[i] >> 4];
        text[2 * i + 1] = hex[p[i] & 15];
    }
    ppk_put_header(w, name, (struct nacre_bytes){text, 2 * n});
}

static void ppk_put_body(struct ncr_wr *w, const char *name, struct nacre_bytes b)
{
    const size_t step = PPK_COLUMNS / 4 * 3;
    char line[PPK_COLUMNS];
    size_t at;

    ppk_put_number(w, name, (uint32_t)((b.n + step - 1) / step));
    for (at = 0; at < b.n; at += step) {
        const size_t n = b.n - at < step ? b.n - at : step;

        ncr_base64_encode(line, b.p + at, n);
        ncr_wr_bytes(w, (const uint8_t *)line, NCR_BASE64_LEN(n));
        ppk_put_text(w, "\n");
    }
    nacre_wipe(line, sizeof line);
}

/* All but the secrets, which go to s. */
static nacre_err ppk_plan(struct ppk *p, struct ppk_secrets *s,
                          const struct nacre_keyfile_opts *opts, const struct nacre_rng *rng,
                          uint64_t *work)
{
    struct nacre_argon2 *kdf = &p->kdf;

    memset(s, 0, sizeof *s);
    p->version = 3;
    p->encrypted = opts->passphrase.n > 0;
    p->encryption = nacre_bytes_str(p->encrypted ? PPK_CIPHER : PPK_NONE);
    if (!p->encrypted)
        return NACRE_OK;
    kdf->type = NACRE_ARGON2_ID;
    kdf->lanes = 1;
    kdf->kib = opts->argon2_kib != 0 ? opts->argon2_kib : NACRE_KEYFILE_ARGON2_KIB;
    kdf->passes = opts->passes != 0 ? opts->passes : NACRE_KEYFILE_ARGON2_PASSES;
    kdf->salt = p->salt;
    kdf->salt_len = PPK_SALT_LEN;
    if (kdf->kib < 8 || kdf->kib > NACRE_KEYFILE_ARGON2_KIB_MAX ||
        kdf->passes > NACRE_KEYFILE_ARGON2_FILL_MAX / kdf->kib)
        return NACRE_ERR_USAGE;
    if (opts->mem_len / 1024 < kdf->kib)
        return NACRE_ERR_NO_ROOM;
    if (!nacre_rng_fill(rng, p->salt, PPK_SALT_LEN))
        return NACRE_ERR_RNG;
    return ppk_derive3(s, kdf, opts->passphrase, opts->mem, opts->mem_len, work) ? NACRE_OK
                                                                                 : NACRE_ERR_USAGE;
}

static void ppk_put(struct ncr_wr *w, const struct ppk *p)
{
    ppk_put_header(w, "PuTTY-User-Key-File-3", p->type);
    ppk_put_header(w, "Encryption", p->encryption);
    ppk_put_header(w, "Comment", p->comment);
    ppk_put_body(w, "Public-Lines", p->pub);
    if (p->encrypted) {
        ppk_put_header(w, "Key-Derivation", nacre_bytes_str(ppk_kdfs[0].name));
        ppk_put_number(w, "Argon2-Memory", p->kdf.kib);
        ppk_put_number(w, "Argon2-Passes", p->kdf.passes);
        ppk_put_number(w, "Argon2-Parallelism", p->kdf.lanes);
        ppk_put_hex(w, "Argon2-Salt", p->salt, PPK_SALT_LEN);
    }
    ppk_put_body(w, "Private-Lines", p->priv);
    ppk_put_hex(w, "Private-MAC", p->mac, NACRE_SHA256_LEN);
}

/* The private half is put together in work, behind what Argon2 takes of it. */
nacre_err ncr_ppk_write(uint8_t *out, size_t cap, size_t *n, const struct nacre_privkey *k,
                        struct nacre_bytes comment, const struct nacre_keyfile_opts *opts,
                        const struct nacre_rng *rng, uint64_t *work)
{
    struct ncr_wr priv = ncr_wr((uint8_t *)(work + NACRE_ARGON2_WORK),
                                (NACRE_WORK - NACRE_ARGON2_WORK) * sizeof *work);
    struct ncr_wr w = ncr_wr(out, cap);
    struct ppk p = {.type = nacre_bytes_str(k->type->name), .comment = comment};
    struct ppk_secrets s;
    struct nacre_aes_cbc c = {0};
    nacre_err err;

    if (ncr_text_has(comment, '\n') || ncr_text_has(comment, '\r'))
        return NACRE_ERR_USAGE;
    if (!ppk_put_private(&priv, k))
        return NACRE_ERR_UNKNOWN_ALG;
    err = ppk_plan(&p, &s, opts, rng, work);
    if (p.encrypted)
        ppk_pad(&priv);
    p.pub = nacre_privkey_public_blob(k);
    p.priv = ncr_wr_done(&priv);
    if (err == NACRE_OK) {
        ppk_mac(p.mac, &p, &s);
        NCR_CT_PUBLIC(p.mac, sizeof p.mac); /* stands in the file */
        if (p.encrypted && nacre_aes_cbc_init(&c, s.key, sizeof s.key, s.iv))
            nacre_aes_cbc_encrypt(priv.p, &c, priv.p, priv.n);
        ppk_put(&w, &p);
        err = w.bad ? NACRE_ERR_NO_ROOM : NACRE_OK;
    }
    *n = err == NACRE_OK ? w.n : 0;
    if (err != NACRE_OK)
        nacre_wipe(out, cap);
    nacre_wipe(priv.p, priv.n);
    nacre_wipe(&c, sizeof c);
    nacre_wipe(&s, sizeof s);
    return err;
}
