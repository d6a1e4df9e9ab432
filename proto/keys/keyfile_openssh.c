/* SPDX-License-Identifier: ISC
 *
 * openssh-key-v1, the private key file of OpenSSH (PROTOCOL.key), in its text armour:
 *
 *     "openssh-key-v1" NUL
 *     string  cipher, string kdf, string kdf options
 *     uint32  number of keys, here 1
 *     string  public key blob
 *     string  private section, encrypted:
 *         uint32  check, uint32 check again
 *         string  key type, then the type's own fields
 *         string  comment
 *         1, 2, 3, ... up to a multiple of the cipher's block (8 for none)
 *
 * Read whole or refused: one key, nothing behind it but the tag of a cipher that has one, both
 * public halves equal to the one that follows from the private half. The kdf is bcrypt_pbkdf
 * (string salt, uint32 rounds), and gives the cipher's key and IV. Which of wrong passphrase and
 * damage it is, the check values or the tag tell, as far as that can be told.
 */
#include <string.h>

#include "crypto/load.h"
#include "proto/keys/key_type.h"
#include "proto/keys/keyfile.h"
#include "proto/keys/keyfile_cipher.h"
#include "proto/keys/pem.h"
#include "proto/keys/text.h"

static const char openssh_magic[] = "openssh-key-v1"; /* with its NUL */
#define OPENSSH_NONE "none"
#define OPENSSH_BLOCK 8 /* of cipher none, bytes */
#define OPENSSH_PAD_MAX 255
#define OPENSSH_COLUMNS 70
#define OPENSSH_BCRYPT "bcrypt"
#define OPENSSH_CIPHER "aes256-ctr" /* what is written, unless another is asked for */
#define OPENSSH_ROUNDS 24
#define OPENSSH_SALT_LEN 16
#define OPENSSH_SALT_MAX 1024

struct openssh_outer {
    struct nacre_bytes cipher, kdf, kdf_options, pub, priv;
    uint32_t n_keys;
    size_t end; /* bytes of the decoded file */
};

/* Decodes the armour into scratch and takes the outer structure apart. */
static nacre_err openssh_open(struct openssh_outer *o, const struct ncr_keyfile_in *in)
{
    const char *what;
    struct nacre_bytes bin = {in->scratch, 0};
    struct ncr_rd r;
    struct ncr_rd pub;
    nacre_err err = ncr_pem_decode(in->scratch, in->scratch_len, &bin.n, in->file,
                                   NCR_KEYFILE_OPENSSH_LABEL, &what);

    if (err != NACRE_OK)
        return ncr_keyfile_fail(in, err, what == NULL ? "" : what);
    r = ncr_rd(bin);
    if (!ncr_bytes_eq(ncr_rd_bytes(&r, sizeof openssh_magic),
                      (struct nacre_bytes){(const uint8_t *)openssh_magic, sizeof openssh_magic}))
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: bad magic");
    o->cipher = ncr_rd_string(&r);
    o->kdf = ncr_rd_string(&r);
    o->kdf_options = ncr_rd_string(&r);
    o->n_keys = ncr_rd_u32(&r);
    if (r.bad)
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: cut short");
    ncr_keyfile_note(in->info->cipher, o->cipher);
    ncr_keyfile_note(in->info->kdf, o->kdf);
    in->info->encrypted = !nacre_bytes_is(o->cipher, OPENSSH_NONE);
    if (o->n_keys != 1)
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "does not hold exactly one key");
    o->pub = ncr_rd_string_max(&r, NACRE_KEY_BLOB_MAX);
    pub = ncr_rd(o->pub);
    ncr_keyfile_note(in->info->key_type, ncr_rd_string(&pub));
    o->priv = ncr_rd_string(&r);
    o->end = bin.n;
    if (r.bad) /* what is behind the section is the tag of a cipher that has one */
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: cut short, or trailing bytes");
    return NACRE_OK;
}

/* Cipher and kdf fit each other and the section; *cipher NULL: not encrypted. */
static nacre_err openssh_check_cipher(const struct openssh_outer *o,
                                      const struct ncr_keyfile_in *in,
                                      const struct ncr_keyfile_cipher **cipher)
{
    const size_t tag = (size_t)(in->scratch + o->end - (o->priv.p + o->priv.n));
    size_t block = OPENSSH_BLOCK;

    *cipher = NULL;
    if (in->info->encrypted) {
        *cipher = ncr_keyfile_cipher(o->cipher);
        if (*cipher == NULL)
            return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "cipher not supported");
        if (nacre_bytes_is(o->kdf, OPENSSH_NONE))
            return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: cipher without a kdf");
        if (!nacre_bytes_is(o->kdf, OPENSSH_BCRYPT))
            return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "kdf not supported");
        block = (*cipher)->block;
    } else if (!nacre_bytes_is(o->kdf, OPENSSH_NONE) || o->kdf_options.n != 0) {
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: kdf without a cipher");
    }
    if (tag != (*cipher != NULL ? (*cipher)->tag_len : 0))
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: cut short, or trailing bytes");
    if (o->priv.n == 0 || o->priv.n % block != 0)
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT,
                                "damaged: private section is no multiple of the block");
    return NACRE_OK;
}

/* Decrypts the private section in its place. */
static nacre_err openssh_decrypt(const struct openssh_outer *o, const struct ncr_keyfile_in *in,
                                 const struct ncr_keyfile_cipher *cipher)
{
    uint8_t key[NCR_KEYFILE_KEY_MAX + NCR_KEYFILE_IV_MAX];
    uint8_t *p = in->scratch + (o->priv.p - in->scratch);
    struct ncr_rd r = ncr_rd(o->kdf_options);
    struct nacre_bytes salt = ncr_rd_string(&r);
    uint32_t rounds = ncr_rd_u32(&r);
    bool good;

    if (!ncr_rd_end(&r) || salt.n == 0 || rounds == 0)
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: bad kdf options");
    if (rounds > NACRE_KEYFILE_ROUNDS_MAX || salt.n > OPENSSH_SALT_MAX)
        return ncr_keyfile_fail(in, NACRE_ERR_LIMIT, "kdf asks for more rounds than are sensible");
    if (in->passphrase.n == 0)
        return ncr_keyfile_fail(in, NACRE_ERR_PASSPHRASE, "passphrase needed");
    good = nacre_bcrypt_pbkdf(key, cipher->key_len + cipher->iv_len, in->passphrase.p,
                              in->passphrase.n, salt.p, salt.n, rounds, in->work) &&
           cipher->decrypt(p, o->priv.n, key, cipher->key_len, key + cipher->key_len);
    nacre_wipe(key, sizeof key);
    return good ? NACRE_OK : ncr_keyfile_fail(in, NACRE_ERR_PASSPHRASE, "wrong passphrase");
}

static bool openssh_padding_good(struct nacre_bytes pad)
{
    size_t i;

    if (pad.n > OPENSSH_PAD_MAX)
        return false;
    for (i = 0; i < pad.n; i++) {
        if (pad.p[i] != i + 1)
            return false;
    }
    return true;
}

/* Reads the decrypted private section. */
static nacre_err openssh_section(struct nacre_privkey *k, struct nacre_bytes *comment,
                                 const struct openssh_outer *o, const struct ncr_keyfile_in *in)
{
    struct ncr_rd r = ncr_rd(o->priv);
    uint32_t check = ncr_rd_u32(&r);
    uint32_t again = ncr_rd_u32(&r);
    const struct ncr_key_type *type = ncr_key_type(ncr_rd_string(&r));
    nacre_err err;

    if (check != again && in->info->encrypted)
        return ncr_keyfile_fail(in, NACRE_ERR_PASSPHRASE, "wrong passphrase");
    if (r.bad || check != again)
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: check values differ");
    if (type == NULL)
        return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "key type not supported by this build");
    err = type->read_private(k, &r, in->work);
    if (err == NACRE_ERR_KEY_REFUSED)
        return ncr_keyfile_fail(in, err, "public half does not belong to the private half");
    if (err != NACRE_OK)
        return ncr_keyfile_fail(in, err, "damaged: bad private half");
    *comment = ncr_rd_string(&r);
    if (r.bad || ncr_text_has(*comment, 0))
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: bad comment");
    if (!openssh_padding_good(ncr_rd_rest(&r)))
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "damaged: bad padding");
    if (!ncr_bytes_eq(o->pub, nacre_privkey_public_blob(k)))
        return ncr_keyfile_fail(in, NACRE_ERR_KEY_REFUSED,
                                "public key outside does not belong to the private half");
    return NACRE_OK;
}

nacre_err ncr_openssh_read(struct nacre_privkey *k, struct nacre_bytes *comment,
                           const struct ncr_keyfile_in *in)
{
    const struct ncr_keyfile_cipher *cipher;
    struct openssh_outer o;
    nacre_err err = openssh_open(&o, in);

    if (err == NACRE_OK)
        err = openssh_check_cipher(&o, in, &cipher);
    if (err == NACRE_OK && cipher != NULL)
        err = openssh_decrypt(&o, in, cipher);
    if (err == NACRE_OK)
        err = openssh_section(k, comment, &o, in);
    return err;
}

nacre_err ncr_openssh_read_public(struct nacre_pubkey *k, struct nacre_bytes *comment,
                                  const struct ncr_keyfile_in *in)
{
    struct openssh_outer o;
    struct nacre_bytes blob = {in->scratch, 0};
    nacre_err err = openssh_open(&o, in);

    (void)comment; /* it is inside the private section */
    if (err == NACRE_OK) {
        blob.n = o.pub.n;
        memmove(in->scratch, o.pub.p, o.pub.n); /* the rest holds the private half */
        nacre_wipe(in->scratch + blob.n, in->file.n - blob.n);
        err = nacre_pubkey_decode(k, blob);
        if (err == NACRE_ERR_UNKNOWN_ALG)
            return ncr_keyfile_fail(in, err, "key type not supported by this build");
        if (err != NACRE_OK)
            return ncr_keyfile_fail(in, err, "damaged: bad public half");
    } else {
        nacre_wipe(in->scratch, in->file.n);
    }
    return err;
}

/* ---- Writing ---- */

/* The section without its length; returns where it starts. */
static size_t openssh_put_section(struct ncr_wr *w, const struct nacre_privkey *k,
                                  struct nacre_bytes comment, uint32_t check, size_t block)
{
    size_t mark = ncr_wr_string_begin(w);
    size_t start = w->n;
    uint8_t pad = 0;

    ncr_wr_u32(w, check);
    ncr_wr_u32(w, check);
    ncr_wr_cstring(w, k->type->name);
    k->type->write_private(w, k);
    ncr_wr_string(w, comment);
    while (!w->bad && (w->n - start) % block != 0)
        ncr_wr_u8(w, ++pad);
    ncr_wr_string_end(w, mark);
    return start;
}

/* Random bytes of a file: the check value, then the salt if there is a kdf. */
#define OPENSSH_CHECK_LEN 4
#define OPENSSH_RANDOM (OPENSSH_CHECK_LEN + OPENSSH_SALT_LEN)

static void openssh_put_head(struct ncr_wr *w, const struct nacre_privkey *k,
                             const struct ncr_keyfile_cipher *cipher, const uint8_t *salt,
                             uint32_t rounds)
{
    struct nacre_bytes salted = {salt, OPENSSH_SALT_LEN};
    size_t mark;

    ncr_wr_bytes(w, (const uint8_t *)openssh_magic, sizeof openssh_magic);
    ncr_wr_cstring(w, cipher != NULL ? cipher->name : OPENSSH_NONE);
    ncr_wr_cstring(w, cipher != NULL ? OPENSSH_BCRYPT : OPENSSH_NONE);
    mark = ncr_wr_string_begin(w);
    if (cipher != NULL) {
        ncr_wr_string(w, salted);
        ncr_wr_u32(w, rounds);
    }
    ncr_wr_string_end(w, mark);
    ncr_wr_u32(w, 1);
    ncr_wr_string(w, nacre_privkey_public_blob(k));
}

/* Encrypts the section at `start`, the writer's last bytes, and puts the tag behind. */
static bool openssh_encrypt(struct ncr_wr *w, size_t start, const struct ncr_keyfile_cipher *cipher,
                            const uint8_t *salt, uint32_t rounds, struct nacre_bytes passphrase,
                            uint64_t *work)
{
    uint8_t key[NCR_KEYFILE_KEY_MAX + NCR_KEYFILE_IV_MAX];
    static const uint8_t no_tag[NCR_KEYFILE_TAG_LEN];
    size_t n = w->n - start;
    bool good;

    ncr_wr_bytes(w, no_tag, cipher->tag_len); /* its place */
    good = !w->bad && nacre_bcrypt_pbkdf(key, cipher->key_len + cipher->iv_len, passphrase.p,
                                         passphrase.n, salt, OPENSSH_SALT_LEN, rounds, work);
    if (good)
        cipher->encrypt(w->p + start, n, key, cipher->key_len, key + cipher->key_len);
    nacre_wipe(key, sizeof key);
    return good;
}

nacre_err ncr_openssh_write(uint8_t *out, size_t cap, size_t *n, const struct nacre_privkey *k,
                            struct nacre_bytes comment, const struct nacre_keyfile_opts *opts,
                            const struct nacre_rng *rng, uint64_t *work)
{
    const char *name = opts->cipher != NULL ? opts->cipher : OPENSSH_CIPHER;
    const struct ncr_keyfile_cipher *cipher =
        opts->passphrase.n > 0 ? ncr_keyfile_cipher(nacre_bytes_str(name)) : NULL;
    const uint32_t rounds = opts->rounds != 0 ? opts->rounds : OPENSSH_ROUNDS;
    struct ncr_wr w = ncr_wr(out, cap);
    uint8_t random[OPENSSH_RANDOM];
    const uint8_t *salt = random + OPENSSH_CHECK_LEN;
    size_t start;
    bool good;

    if (opts->passphrase.n > 0 && (cipher == NULL || rounds > NACRE_KEYFILE_ROUNDS_MAX))
        return cipher == NULL ? NACRE_ERR_UNKNOWN_ALG : NACRE_ERR_USAGE;
    if (!nacre_rng_fill(rng, random, cipher != NULL ? sizeof random : OPENSSH_CHECK_LEN))
        return NACRE_ERR_RNG;
    openssh_put_head(&w, k, cipher, salt, rounds);
    start = openssh_put_section(&w, k, comment, ncr_load32be(random),
                                cipher != NULL ? cipher->block : OPENSSH_BLOCK);
    good = !w.bad && (cipher == NULL ||
                      openssh_encrypt(&w, start, cipher, salt, rounds, opts->passphrase, work));
    if (!good) {
        nacre_wipe(out, cap);
        return NACRE_ERR_NO_ROOM;
    }
    *n = w.n;
    return ncr_pem_encode(out, cap, n, NCR_KEYFILE_OPENSSH_LABEL, OPENSSH_COLUMNS);
}
