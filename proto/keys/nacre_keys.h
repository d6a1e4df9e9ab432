/* SPDX-License-Identifier: ISC
 *
 * nacre's keys and trust files: public keys, private keys and their files, known_hosts and
 * authorized_keys text. Bytes to structs and back: no files, no allocation, no clock.
 *
 * Sources: RFC 4253 6.6 and 8709 (public keys and signatures), OpenSSH's PROTOCOL.key
 * (openssh-key-v1), sshd(8) (known_hosts and authorized_keys).
 *
 * Ownership: the caller owns every buffer. A slice in a struct points into the input or into the
 * buffer given with it, and lives as long as that does. Text outputs (char *out, size_t cap) end
 * with a NUL that cap includes; NACRE_ERR_NO_ROOM leaves an empty text. A zeroed struct is safe: an
 * empty key signs nothing, a search that saw nothing trusts nothing.
 *
 * Keys of types that are not understood pass through as name and blob where a function says so.
 * work is memory for public-key operations, NACRE_WORK words (nacre.h).
 */
#ifndef NACRE_KEYS_H
#define NACRE_KEYS_H

#include "proto/nacre.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Public keys ------------------------------------------------------------------------- */

struct ncr_key_type;

#define NACRE_KEY_BLOB_MAX 16384   /* bytes of a public key blob that are read */
#define NACRE_KEY_COMMENT_MAX 1024 /* bytes of a comment */

/* A public key as a blob (RFC 4253 6.6) and what it says of itself; borrows the blob. */
struct nacre_pubkey {
    const struct ncr_key_type *type; /* NULL: a type that this build does not understand */
    struct nacre_bytes name;         /* first string of the blob, "ssh-ed25519" */
    struct nacre_bytes blob;
    unsigned bits; /* as ssh-keygen counts them; 0 if the type is unknown */
};

/* Reads a blob. KEY_FORMAT: damaged, trailing bytes, over NACRE_KEY_BLOB_MAX. UNKNOWN_ALG: whole,
 * but of a type not understood; k is then filled (type NULL), so that a caller who passes keys
 * through may go on. On any other error k is zeroed. */
NACRE_MUST_CHECK nacre_err nacre_pubkey_decode(struct nacre_pubkey *k, struct nacre_bytes blob);
/* True if the key may be trusted: its type is known and it is no weak value (an Ed25519 key of
 * small order is one). Costs a point decoding. */
NACRE_MUST_CHECK bool nacre_pubkey_trustworthy(const struct nacre_pubkey *k);

/* Reads `type base64 [comment]`, the form of .pub files, without options and without line end (see
 * nacre_authkey_parse() for options). The blob is decoded into buf; cap at least line.n * 3 / 4 is
 * enough. *comment (may be NULL) is a slice of line, trimmed, as it stands: escape before printing.
 * FILE_FORMAT: not of that form, or the type differs from the blob's; KEY_FORMAT, UNKNOWN_ALG as
 * nacre_pubkey_decode(); NO_ROOM. */
NACRE_MUST_CHECK nacre_err nacre_pubkey_parse(struct nacre_pubkey *k, struct nacre_bytes *comment,
                                              struct nacre_bytes line, uint8_t *buf, size_t cap);
/* Room that nacre_pubkey_format() needs: type, base64, comment, two blanks, NUL. */
#define NACRE_PUBKEY_TEXT_LEN(blob_len, comment_len)                                               \
    (NACRE_KEY_NAME_MAX + ((blob_len) + 2) / 3 * 4 + (comment_len) + 3)
#define NACRE_KEY_NAME_MAX 64
/* Writes `type base64[ comment]` without line end; a comment must not hold control characters
 * (USAGE). Any well-formed blob, also of an unknown type. */
NACRE_MUST_CHECK nacre_err nacre_pubkey_format(char *out, size_t cap, struct nacre_bytes blob,
                                               struct nacre_bytes comment);

/* Name as ssh-keygen prints it ("ED25519", "ED25519-CERT" of a certificate), "UNKNOWN" for a type
 * that is not understood. */
const char *nacre_pubkey_label(const struct nacre_pubkey *k);
/* The i-th signature algorithm for keys or certificates of that type, most preferred first; NULL
 * past the end or for an unknown type. ssh-ed25519 has one, of the same name; RSA has several. */
const char *nacre_key_type_alg(struct nacre_bytes type_name, size_t i);
/* The algorithm that a signature under a certificate's algorithm bears ("rsa-sha2-512" for
 * "rsa-sha2-512-cert-v01@openssh.com"); NULL: alg is none of a certificate. */
const char *nacre_alg_plain(struct nacre_bytes alg);
/* The i-th key type that this build understands; NULL past the end. */
const char *nacre_key_type_name(size_t i);

enum nacre_fp_hash {
    NACRE_FP_SHA256 = 0,
    NACRE_FP_SHA512,
    NACRE_FP_MD5, /* "MD5:" and hexadecimal bytes with colons between, as old programs show it */
    NACRE_FP_SHA1,
    NACRE_FP_SHA384
};
#define NACRE_FINGERPRINT_LEN 96 /* "SHA512:", 86 characters, NUL */
/* "SHA256:" and the unpadded base64 of the blob's hash. Of a certificate it is the plain key's blob
 * whose fingerprint is shown. */
void nacre_fingerprint(char out[NACRE_FINGERPRINT_LEN], enum nacre_fp_hash hash,
                       struct nacre_bytes blob);
/* The hash that a "SHA256:" fingerprint stands for; false, and zero, if text is none. */
NACRE_MUST_CHECK bool nacre_fingerprint_parse(uint8_t digest[NACRE_SHA256_LEN],
                                              struct nacre_bytes text);
#define NACRE_BUBBLEBABBLE_LEN 66
/* The SHA-1 of a blob in words that can be read out, as ssh-keygen -B shows it. */
void nacre_bubblebabble(char out[NACRE_BUBBLEBABBLE_LEN], struct nacre_bytes blob);
#define NACRE_RANDOMART_LEN 256 /* 11 lines of 19 characters */
/* The picture that ssh-keygen draws of a fingerprint, lines separated (not ended) by '\n'. */
void nacre_randomart(char out[NACRE_RANDOMART_LEN], enum nacre_fp_hash hash,
                     const struct nacre_pubkey *k);
/* The same with a title of one's own: of a certificate, its plain blob and "ED25519-CERT". */
void nacre_randomart_of(char out[NACRE_RANDOMART_LEN], enum nacre_fp_hash hash,
                        struct nacre_bytes plain, const char *label, unsigned bits);

/* ---- Private keys ------------------------------------------------------------------------ */

#define NACRE_PRIVKEY_BLOB_MAX 2304 /* largest public blob of a private key: RSA of 16,384 bits */
#define NACRE_PRIVKEY_RSA_MAX 8448  /* n, e, d, p, q, iqmp of such a key */
#define NACRE_SIG_BLOB_MAX 4096     /* enough for every signature blob */

/* A private key with its public blob. Not moved by reference anywhere; may be copied; wipe it with
 * nacre_privkey_wipe(). The fields are private. */
struct nacre_privkey {
    const struct ncr_key_type *type; /* NULL: no key */
    size_t blob_len;
    uint8_t blob[NACRE_PRIVKEY_BLOB_MAX];
    union {
        struct {
            uint8_t seed[NACRE_ED25519_SEED_LEN];
            struct nacre_ed25519_key key; /* expanded from the seed, public half recomputed */
        } ed25519;
        struct {
            uint8_t scalar[NACRE_EC_LEN_MAX]; /* big-endian, as long as the curve's coordinates */
        } ecdsa;
        struct {
            uint16_t len[6]; /* of n, e, d, p, q, iqmp, without leading zeros, one after another */
            uint8_t num[NACRE_PRIVKEY_RSA_MAX];
        } rsa;
        struct {
            uint8_t seed[NACRE_MLDSA44_ED25519_SEED_LEN];
        } mldsa44_ed25519;
        struct { /* a security key's file: nothing secret, and nothing to sign with */
            uint8_t flags;
            uint16_t handle_len;
            uint8_t handle[1024];
        } sk;
    } secret;
};

/* Makes a key of a type by name ("ssh-ed25519"); bits 0: the type's own size. Errors: UNKNOWN_ALG,
 * USAGE (bits that the type does not have), RNG. On failure k is zeroed. */
NACRE_MUST_CHECK nacre_err nacre_privkey_generate(struct nacre_privkey *k, const char *type_name,
                                                  unsigned bits, const struct nacre_rng *rng,
                                                  uint64_t *work);
void nacre_privkey_from_seed(struct nacre_privkey *k, const uint8_t seed[NACRE_ED25519_SEED_LEN]);
/* Borrowed from k; empty for an empty key. */
struct nacre_bytes nacre_privkey_public_blob(const struct nacre_privkey *k);
/* The i-th signature algorithm of the key, most preferred first; NULL past the end. */
const char *nacre_privkey_alg(const struct nacre_privkey *k, size_t i);
/* Signs data under the algorithm of that name (or a certificate's, which signs as its plain one
 * does: the certificate is none of the key's business): out gets the signature blob (string name,
 * string signature), *n its length. This answers NACRE_EV_SIGN. rng is for key types that hedge or
 * blind; Ed25519 does not read it. Errors: UNKNOWN_ALG (the key cannot sign with alg, or is empty),
 * NO_ROOM, RNG, SIGNER; *n is then 0. CT in k; data is public. */
NACRE_MUST_CHECK nacre_err nacre_privkey_sign(const struct nacre_privkey *k, struct nacre_bytes alg,
                                              struct nacre_bytes data, uint8_t *out, size_t cap,
                                              size_t *n, const struct nacre_rng *rng,
                                              uint64_t *work);
void nacre_privkey_wipe(struct nacre_privkey *k);

/* ---- Certificates ------------------------------------------------------------------------ */

#define NACRE_CERT_PRINCIPALS_MAX 256
#define NACRE_CERT_OPTIONS_MAX 64
#define NACRE_CERT_KEY_ID_MAX 1024
#define NACRE_CERT_NONCE_LEN 32
#define NACRE_CERT_FOREVER UINT64_MAX

enum nacre_cert_kind { NACRE_CERT_USER = 1, NACRE_CERT_HOST = 2 };

/* What a certificate says (OpenSSH's PROTOCOL.certkeys); slices of its blob, but for plain. */
struct nacre_cert {
    const struct ncr_key_type *type; /* of the plain key */
    struct nacre_bytes blob, name, nonce;
    struct nacre_bytes plain; /* public key blob of the key that it is about */
    uint64_t serial;
    enum nacre_cert_kind kind;
    struct nacre_bytes key_id;
    struct nacre_bytes principals;           /* packed strings: nacre_cert_next_string() */
    uint64_t valid_after, valid_before;      /* seconds of Unix time: from, up to but without */
    struct nacre_bytes critical, extensions; /* packed pairs: nacre_cert_next_option() */
    struct nacre_bytes reserved;
    struct nacre_bytes ca; /* public key blob of the authority */
    struct nacre_bytes signed_part, signature;
};

/* True if the blob's first string is the name of a certificate type that is understood. */
bool nacre_cert_is(struct nacre_bytes blob);
/* Takes a certificate apart; plain (cap at least blob.n is enough; NULL: c->plain stays empty) gets
 * the plain key's blob. Says only that it is whole: see nacre_cert_verify(), nacre_cert_check(),
 * and trust no authority that is not known. Errors: KEY_FORMAT, UNKNOWN_ALG (no certificate, or of
 * an unknown type), NO_ROOM; c is then zeroed. */
NACRE_MUST_CHECK nacre_err nacre_cert_decode(struct nacre_cert *c, struct nacre_bytes blob,
                                             uint8_t *plain, size_t cap);
/* NACRE_OK if the authority named in it signed it, other than with SHA-1. Errors: as
 * nacre_sig_verify(). */
NACRE_MUST_CHECK nacre_err nacre_cert_verify(const struct nacre_cert *c, uint64_t *work);
/* NACRE_OK if it is of that kind, valid at `now` (seconds of Unix time), names that principal
 * (NULL: any; hosts' may be patterns; a certificate that names none is for nobody) and all its
 * critical options are understood, well formed and stand there once. KEY_REFUSED: *what (may be
 * NULL) says why. */
NACRE_MUST_CHECK nacre_err nacre_cert_check(const struct nacre_cert *c, enum nacre_cert_kind kind,
                                            const struct nacre_bytes *principal, uint64_t now,
                                            const char **what);
/* The next of packed strings, and of packed pairs; false at the end. */
bool nacre_cert_next_string(struct nacre_bytes *list, struct nacre_bytes *item);
bool nacre_cert_next_option(struct nacre_bytes *list, struct nacre_bytes *name,
                            struct nacre_bytes *data);
/* True if that option is among them; *value is its value, empty for a flag. */
bool nacre_cert_option(struct nacre_bytes list, const char *name, struct nacre_bytes *value);

/* Starts a certificate for a plain public key: all else is zero and to be filled in. UNKNOWN_ALG:
 * no certificates for such keys. */
NACRE_MUST_CHECK nacre_err nacre_cert_begin(struct nacre_cert *c, struct nacre_bytes plain);
/* Writes it, signed by the authority's key under alg (NULL: its first one); nonce, ca and signature
 * are filled in here. USAGE: something in c is malformed (options in order, each once), NO_ROOM,
 * RNG, UNKNOWN_ALG (SHA-1 with RSA is one), SIGNER; *n is then 0. */
NACRE_MUST_CHECK nacre_err nacre_cert_issue(uint8_t *out, size_t cap, size_t *n,
                                            const struct nacre_cert *c,
                                            const struct nacre_privkey *ca, const char *alg,
                                            const struct nacre_rng *rng, uint64_t *work);
/* The same in two steps, for an authority whose key is elsewhere (an agent, an HSM): all that it is
 * to sign, *n bytes of out, which is to have room for the signature too; then its signature blob is
 * appended. Errors as above. */
NACRE_MUST_CHECK nacre_err nacre_cert_message(uint8_t *out, size_t cap, size_t *n,
                                              const struct nacre_cert *c, struct nacre_bytes ca,
                                              const struct nacre_rng *rng);
/* *n: of the message, then of the certificate. NACRE_OK only if the signature is the authority's:
 * errors as nacre_cert_verify(), NO_ROOM; *n is then 0. */
NACRE_MUST_CHECK nacre_err nacre_cert_seal(uint8_t *out, size_t cap, size_t *n,
                                           struct nacre_bytes signature, uint64_t *work);
/* Name of the algorithm of the authority's signature; borrowed, empty if there is none. */
struct nacre_bytes nacre_cert_signature_alg(const struct nacre_cert *c);

/* ---- Signatures of files: OpenSSH's PROTOCOL.sshsig --------------------------------------- */

#define NACRE_SSHSIG_TEXT_MAX 16384 /* enough for every armored signature */
#define NACRE_SSHSIG_NAMESPACE_MAX 255

/* A signature of a message; slices of the buffer that it was decoded into. */
struct nacre_sshsig {
    struct nacre_bytes key;   /* public key or certificate blob */
    struct nacre_bytes plain; /* the public key, a certificate's too */
    struct nacre_bytes name_space, hash;
    struct nacre_bytes signature; /* blob: string name, string signature */
};

/* Takes an armored signature apart; buf (cap at least 2 * file.n) holds the decoded bytes.
 * FILE_FORMAT: *what (may be NULL) says why; UNKNOWN_ALG: version or hash; NO_ROOM. Verifies
 * nothing. */
NACRE_MUST_CHECK nacre_err nacre_sshsig_decode(struct nacre_sshsig *s, struct nacre_bytes file,
                                               uint8_t *buf, size_t cap, const char **what);
/* The hash that the message is to be hashed with; NULL if it is none of SHA-256 and SHA-512. */
const struct nacre_hash *nacre_sshsig_hash(struct nacre_bytes name);
/* NACRE_OK if it is a signature, in that namespace, of the message with that hash value. With a
 * certificate its key must have signed; whether its authority did and is trusted is the caller's
 * matter. SIG: another namespace too; KEY_FORMAT, UNKNOWN_ALG (SHA-1 with RSA is not taken),
 * KEY_REFUSED, SIG_FORMAT. */
NACRE_MUST_CHECK nacre_err nacre_sshsig_verify(const struct nacre_sshsig *s, const char *name_space,
                                               struct nacre_bytes digest, uint64_t *work);
/* What is signed: for a signer elsewhere. NO_ROOM, USAGE (empty namespace). */
NACRE_MUST_CHECK nacre_err nacre_sshsig_message(uint8_t *out, size_t cap, size_t *n,
                                                const char *name_space, const char *hash,
                                                struct nacre_bytes digest);
/* Armors a signature blob of what nacre_sshsig_message() gave; key is the public key or
 * certificate. */
NACRE_MUST_CHECK nacre_err nacre_sshsig_format(uint8_t *out, size_t cap, size_t *n,
                                               struct nacre_bytes key, const char *name_space,
                                               const char *hash, struct nacre_bytes signature);

/* ---- Key files --------------------------------------------------------------------------- */

#define NACRE_KEYFILE_MAX (1024 * 1024) /* bytes of a key file that are looked at */

/* What a file is, from its content alone. Only those with "(read)" are opened by this build. */
enum nacre_keyfile_format {
    NACRE_KEYFILE_UNKNOWN = 0,
    NACRE_KEYFILE_EMPTY,
    NACRE_KEYFILE_OPENSSH, /* openssh-key-v1 (read, write) */
    NACRE_KEYFILE_PEM_RSA, /* PKCS #1 (read, write) */
    NACRE_KEYFILE_PEM_EC,  /* RFC 5915 (read, write) */
    NACRE_KEYFILE_PEM_DSA,
    NACRE_KEYFILE_PKCS8,           /* RFC 5958, 8410 (read, write) */
    NACRE_KEYFILE_PKCS8_ENCRYPTED, /* the same with PBES2 (read; PKCS8 with a passphrase writes it)
                                    */
    NACRE_KEYFILE_PPK,             /* PuTTY, versions 2 and 3 (read), 3 (write) */
    NACRE_KEYFILE_SSH1,
    NACRE_KEYFILE_PUBLIC,      /* one-line public key (read) */
    NACRE_KEYFILE_PUBLIC_4716, /* ---- BEGIN SSH2 PUBLIC KEY ---- (read, write) */
    NACRE_KEYFILE_PUBLIC_PEM,  /* SubjectPublicKeyInfo (read, write) */
    NACRE_KEYFILE_CERT_X509,
    NACRE_KEYFILE_PUBLIC_PEM_RSA /* PKCS #1 public key (read, write) */
};
/* Text in front of a BEGIN line of ASN.1 is passed over (RFC 7468 2), before other formats it hides
 * them: UNKNOWN, and an OpenSSH key behind it is found but not read. */
enum nacre_keyfile_format nacre_keyfile_sniff(struct nacre_bytes file);
/* "OpenSSH private key", "PuTTY private key (PPK)", ... for messages. */
const char *nacre_keyfile_format_text(enum nacre_keyfile_format format);

/* What was found, for one helpful line; filled on success and failure. */
struct nacre_keyfile_info {
    enum nacre_keyfile_format format;
    const char *what; /* what is wrong, static text; "" if nothing */
    bool encrypted;
    char cipher[NACRE_KEY_NAME_MAX + 1]; /* names as in the file, "" if none was read */
    char kdf[NACRE_KEY_NAME_MAX + 1];
    char key_type[NACRE_KEY_NAME_MAX + 1];
    size_t scratch_needed; /* bytes of scratch that reading takes; more than file.n for a file whose
                            * kdf needs memory (Argon2 of PPK, scrypt) */
};
/* Memory and work of Argon2 that a file may ask for: the memory of RFC 9106's first recommendation,
 * and eight times filling it, which takes some ten seconds. */
#define NACRE_KEYFILE_ARGON2_KIB_MAX (2u * 1024 * 1024)
#define NACRE_KEYFILE_ARGON2_FILL_MAX (16u * 1024 * 1024) /* KiB times passes */

/* Reads a private key out of the bytes of a file. scratch holds the decoded file and is wiped
 * before the return; scratch_len at least file.n is enough, but for a file whose kdf needs more:
 * with too little of it NO_ROOM, and info->scratch_needed says what to come again with. comment
 * (comment_cap bytes, may be NULL with 0) gets the comment, as it stands: escape before printing; a
 * longer one is cut. The public halves outside and inside are compared with the one derived from
 * the private half. Errors: FILE_FORMAT (no private key file, damaged, trailing bytes, more than
 * one key), KEY_FORMAT, KEY_REFUSED (halves differ), UNKNOWN_ALG (format, key type, cipher or kdf
 * that this build does not have; info says which), PASSPHRASE (wrong or missing), LIMIT (over
 * NACRE_KEYFILE_MAX), NO_ROOM. On failure k and comment are zeroed. info may be NULL. */
NACRE_MUST_CHECK nacre_err nacre_keyfile_read(struct nacre_privkey *k, char *comment,
                                              size_t comment_cap, struct nacre_bytes file,
                                              struct nacre_bytes passphrase, uint8_t *scratch,
                                              size_t scratch_len, struct nacre_keyfile_info *info,
                                              uint64_t *work);
/* Reads the public half of a private key file (openssh-key-v1 and PPK tell it without the
 * passphrase; it is then not yet proved that it belongs to the private half) or a public key file:
 * one line, RFC 4716, PEM. k's blob lies in scratch; *comment (may be NULL) in file or behind the
 * blob, empty where the format hides it or has none. Keys of an
 * unknown type: UNKNOWN_ALG with k filled, as nacre_pubkey_decode(). */
NACRE_MUST_CHECK nacre_err nacre_keyfile_read_public(struct nacre_pubkey *k,
                                                     struct nacre_bytes *comment,
                                                     struct nacre_bytes file, uint8_t *scratch,
                                                     size_t scratch_len,
                                                     struct nacre_keyfile_info *info);

/* How to write; zeroed: openssh-key-v1 without a passphrase. */
struct nacre_keyfile_opts {
    enum nacre_keyfile_format format; /* UNKNOWN: OPENSSH */
    struct nacre_bytes passphrase;    /* empty: not encrypted */
    const char *cipher;               /* OPENSSH: NULL is aes256-ctr */
    uint32_t rounds;                  /* OPENSSH: of bcrypt_pbkdf; 0 is 24 */
    uint32_t iterations;              /* PKCS8: of PBKDF2; 0 is NACRE_KEYFILE_ITERATIONS */
    uint32_t passes;                  /* PPK: of Argon2id; 0 is NACRE_KEYFILE_ARGON2_PASSES */
    uint32_t argon2_kib;              /* PPK: its memory in KiB; 0 is NACRE_KEYFILE_ARGON2_KIB */
    uint8_t *mem; /* PPK with a passphrase: 1,024 bytes for each of those KiB, wiped */
    size_t mem_len;
};
#define NACRE_KEYFILE_ITERATIONS 600000 /* HMAC-SHA-256 */
#define NACRE_KEYFILE_ARGON2_KIB 8192   /* as puttygen */
#define NACRE_KEYFILE_ARGON2_PASSES 16
/* Rounds of bcrypt_pbkdf (5 ms each) that a file may ask for. */
#define NACRE_KEYFILE_ROUNDS_MAX 4096
#define NACRE_KEYFILE_TEXT_MAX 16384 /* enough for every key and comment */
/* Writes the whole file, line ends included and without NUL; *n is its length. rng gives check
 * value, salt and IV. PEM_RSA and PEM_EC and PKCS8 hold no comment. Errors: USAGE (empty key,
 * comment over NACRE_KEY_COMMENT_MAX or, in a PPK, with line ends), UNKNOWN_ALG (the format cannot
 * be written, or has no form for such a key, or the cipher is not supported), NO_ROOM (out or
 * opts->mem), RNG; out is then zeroed and *n 0. out holds a secret. */
NACRE_MUST_CHECK nacre_err nacre_keyfile_write(uint8_t *out, size_t cap, size_t *n,
                                               const struct nacre_privkey *k,
                                               struct nacre_bytes comment,
                                               const struct nacre_keyfile_opts *opts,
                                               const struct nacre_rng *rng, uint64_t *work);
/* True for a cipher that openssh-key-v1 can be written with. */
bool nacre_keyfile_cipher_known(const char *name);

/* Room that nacre_pubkey_write() needs at most. */
#define NACRE_PUBKEY_FILE_LEN(blob_len, comment_len) (2 * (blob_len) + 3 * (comment_len) + 512)
/* Writes a public key file: PUBLIC (one line with its end), PUBLIC_4716 (any type; comment may be
 * empty, control characters are USAGE), PUBLIC_PEM (RSA, ECDSA, Ed25519), PUBLIC_PEM_RSA (RSA); *n
 * is its length, no NUL. UNKNOWN_ALG: no such form for such a key; KEY_FORMAT, USAGE, NO_ROOM: *n
 * is 0. */
NACRE_MUST_CHECK nacre_err nacre_pubkey_write(uint8_t *out, size_t cap, size_t *n,
                                              enum nacre_keyfile_format format,
                                              struct nacre_bytes blob, struct nacre_bytes comment);

/* ---- Lines ------------------------------------------------------------------------------- */

#define NACRE_LINE_MAX 8192 /* bytes of a line of a trust file, without its end */

/* Cuts chunks of a file into lines. A line over NACRE_LINE_MAX is skipped whole and told. A line
 * that lies whole in one chunk is a slice of it; others are put together in buf. */
struct nacre_lines {
    uint32_t number; /* of the line told last, from 1 */
    size_t n;        /* bytes in buf */
    bool skipping;   /* inside a line that is too long */
    uint8_t buf[NACRE_LINE_MAX];
};

enum nacre_line {
    NACRE_LINE_NONE = 0, /* chunk used up: give the next one, or end */
    NACRE_LINE_OK,       /* *line: without "\n" or "\r\n"; valid until the next call */
    NACRE_LINE_TOO_LONG  /* line `number` was skipped */
};

void nacre_lines_init(struct nacre_lines *l);
/* The next line of *chunk, which is advanced. */
enum nacre_line nacre_lines_next(struct nacre_lines *l, struct nacre_bytes *chunk,
                                 struct nacre_bytes *line);
/* After the last chunk: a last line without line end, if any. */
enum nacre_line nacre_lines_end(struct nacre_lines *l, struct nacre_bytes *line);

/* ---- known_hosts ------------------------------------------------------------------------- */

#define NACRE_HOST_NAME_MAX 255
/* Room for "[host]:port". */
#define NACRE_HOST_TEXT_LEN (NACRE_HOST_NAME_MAX + 9)
#define NACRE_HOST_SALT_LEN 20 /* random bytes of a hashed name */
#define NACRE_HOST_HASH_LEN 61 /* room for "|1|salt|hash" */

enum nacre_host_marker {
    NACRE_HOST_PLAIN = 0,
    NACRE_HOST_CERT_AUTHORITY, /* @cert-authority */
    NACRE_HOST_REVOKED_KEY     /* @revoked */
};

/* One line. */
struct nacre_host_entry {
    bool blank;  /* empty or a comment: the rest is zero */
    bool hashed; /* names is one "|1|salt|hash", decoded below */
    enum nacre_host_marker marker;
    struct nacre_bytes names; /* comma-separated patterns */
    struct nacre_bytes type;
    struct nacre_bytes key; /* base64 text, not decoded */
    struct nacre_bytes comment;
    uint8_t salt[NACRE_HOST_SALT_LEN], hash[NACRE_SHA1_LEN];
    const char *what; /* FILE_FORMAT: what is wrong, static text */
};
/* Takes a line apart; the key itself is not read. FILE_FORMAT: e->what says why. */
NACRE_MUST_CHECK nacre_err nacre_known_hosts_parse(struct nacre_host_entry *e,
                                                   struct nacre_bytes line);

/* "host" for port 22 (or 0), else "[host]:port", in lower case. USAGE: a host that is empty, too
 * long, or holds a blank, comma, control or pattern character or leading '|', '@', '#', '!'. */
NACRE_MUST_CHECK nacre_err nacre_host_text(char out[NACRE_HOST_TEXT_LEN], struct nacre_bytes host,
                                           uint32_t port);
/* True if the comma-separated patterns (`*`, `?`, leading `!`) match name: at least one does, and
 * none with `!`. Letters compare without case. Linear memory, time at most the product of the
 * lengths. */
bool nacre_pattern_list_match(struct nacre_bytes patterns, struct nacre_bytes name);

/* From weakest to strongest: later lines only strengthen it. Only MATCH trusts. */
enum nacre_host_verdict {
    NACRE_HOST_NOT_FOUND = 0,
    NACRE_HOST_OTHER_TYPE, /* only keys of other types are known for the host */
    NACRE_HOST_CHANGED,    /* another key of the same type is known */
    NACRE_HOST_MATCH,
    NACRE_HOST_REVOKED
};

/* A search over the lines of one file or several. */
struct nacre_known_hosts {
    /* Result. */
    enum nacre_host_verdict verdict;
    uint32_t file, line; /* of the line that gave the verdict; file as counted by the caller */
    char known_fp[NACRE_FINGERPRINT_LEN]; /* SHA-256 of the key on that line */
    const char *known_label;              /* its type, "ED25519" */
    uint32_t types; /* set of known key types: bit i is nacre_key_type_name(i) */
    bool authority; /* a @cert-authority line is for the host */
    /* The host is known under another port than 22, but not there: a line for it without the port
     * has this very key (OpenSSH then accepts it). Only of use when the verdict is NOT_FOUND. */
    bool bare_match;
    uint32_t bare_file, bare_line;
    /* Private. */
    bool has_port;
    char name[NACRE_HOST_TEXT_LEN], bare[NACRE_HOST_TEXT_LEN];
    struct nacre_pubkey key;
    struct nacre_bytes ca; /* of a certificate; empty: a plain key */
    uint8_t blob[NACRE_LINE_MAX / 4 * 3];
};

/* Starts a search for host and port. key: blob that the host has shown, borrowed until the search
 * is over; empty: only collect the known types. USAGE: bad host; KEY_FORMAT: bad key. A key of a
 * type that is not understood, or a weak one, can be found changed or revoked but never matches. */
NACRE_MUST_CHECK nacre_err nacre_known_hosts_init(struct nacre_known_hosts *s,
                                                  struct nacre_bytes host, uint32_t port,
                                                  struct nacre_bytes key);
/* The same for a host certificate, decoded with its plain key, borrowed too: MATCH if its authority
 * is named by a @cert-authority line for the host, REVOKED if its key or its authority is revoked,
 * else NOT_FOUND. That the certificate is good is for nacre_cert_verify() and nacre_cert_check() to
 * say. USAGE: also a certificate that is zeroed or without its plain key. */
NACRE_MUST_CHECK nacre_err nacre_known_hosts_init_cert(struct nacre_known_hosts *s,
                                                       struct nacre_bytes host, uint32_t port,
                                                       const struct nacre_cert *cert);
/* Looks at one line. FILE_FORMAT, KEY_FORMAT: the line cannot be read and is ignored; KEY_REFUSED:
 * it holds a weak key, which nothing trusts (without a marker it still makes another key a changed
 * one); *what (may be NULL) says why: tell the user file and line, and go on. A line with a marker
 * also counts under the bare host name. A key that cannot be read is noticed only on lines for the
 * host. */
NACRE_MUST_CHECK nacre_err nacre_known_hosts_line(struct nacre_known_hosts *s,
                                                  struct nacre_bytes line, uint32_t file,
                                                  uint32_t number, const char **what);
/* Whether that entry is for the host and port of the search, whatever its marker and key; for
 * listing and removing. */
bool nacre_known_hosts_is_for(const struct nacre_known_hosts *s, const struct nacre_host_entry *e);
/* Host key algorithms of list (comma-separated) in the order to propose: if a plain key of the type
 * of its first name is known or nothing is known, list as it is; else algorithms of known types (s
 * gathered them), and those of certificates if an authority is known, first, each group in the
 * order of list. */
NACRE_MUST_CHECK nacre_err nacre_known_hosts_prefer(char *out, size_t cap,
                                                    const struct nacre_known_hosts *s,
                                                    const char *list);
/* Writes `name type base64\n`, a new line for the file. Errors as nacre_host_text(), KEY_FORMAT. */
NACRE_MUST_CHECK nacre_err nacre_known_hosts_format(char *out, size_t cap, struct nacre_bytes host,
                                                    uint32_t port, struct nacre_bytes blob);
/* The same with the name hashed. */
NACRE_MUST_CHECK nacre_err nacre_known_hosts_format_hashed(char *out, size_t cap,
                                                           struct nacre_bytes host, uint32_t port,
                                                           struct nacre_bytes blob,
                                                           const uint8_t salt[NACRE_HOST_SALT_LEN]);
/* Writes `|1|salt|hash` of a name as it stands in a file, see nacre_host_text(). NO_ROOM: cap below
 * NACRE_HOST_HASH_LEN. */
NACRE_MUST_CHECK nacre_err nacre_known_hosts_hash(char *out, size_t cap,
                                                  const uint8_t salt[NACRE_HOST_SALT_LEN],
                                                  struct nacre_bytes name);

/* ---- authorized_keys --------------------------------------------------------------------- */

/* What a key may be used for besides commands. All clear after a parse error. */
enum nacre_permit {
    NACRE_PERMIT_PORT = 1, /* port forwarding */
    NACRE_PERMIT_AGENT = 2,
    NACRE_PERMIT_X11 = 4,
    NACRE_PERMIT_PTY = 8,
    NACRE_PERMIT_USER_RC = 16
};

#define NACRE_PORT_ANY 0
struct nacre_permit_addr {
    struct nacre_bytes host; /* "*": any; brackets of an IPv6 address removed */
    uint32_t port;           /* NACRE_PORT_ANY for "*" */
};

#define NACRE_AUTHKEY_LIST_MAX 64

/* One line of authorized_keys; options as sshd(8) has them. Slices lie in the line or in the buffer
 * given with it; quoted values are unescaped. */
struct nacre_authkey {
    bool blank;       /* empty or a comment: the rest is zero */
    unsigned permits; /* set of enum nacre_permit */
    bool cert_authority, no_touch_required, verify_required, restricted;
    bool has_command, has_from, has_principals; /* the option stands there */
    bool has_expiry, has_expiry_local;
    uint64_t expiry;       /* seconds since 1970; the earliest if given several times */
    uint64_t expiry_local; /* given without Z: civil local time, counted as if it were UTC */
    struct nacre_bytes command, from, principals;
    struct nacre_bytes principal; /* of a line of a file of principals */
    /* NAME=value; the first of a name wins. */
    struct nacre_bytes environment[NACRE_AUTHKEY_LIST_MAX];
    struct nacre_permit_addr permitopen[NACRE_AUTHKEY_LIST_MAX];
    struct nacre_permit_addr permitlisten[NACRE_AUTHKEY_LIST_MAX];
    size_t n_environment, n_permitopen, n_permitlisten;
    struct nacre_pubkey key; /* type NULL: not understood */
    struct nacre_bytes comment;
    const char *what; /* on failure: what is wrong, static text */
    struct nacre_bytes
        what_word; /* on failure: the option or word at fault, unescaped; may be empty */
};

/* Reads a line without its end. buf: cap at least line.n is enough. FILE_FORMAT (unknown option,
 * `tunnel`, bad value, no key), KEY_FORMAT, NO_ROOM: the line gives no rights; a is zeroed but for
 * what and what_word. A key of an unknown type is no error. */
NACRE_MUST_CHECK nacre_err nacre_authkey_parse(struct nacre_authkey *a, struct nacre_bytes line,
                                               uint8_t *buf, size_t cap);

/* Reads a line of a file of principals (AuthorizedPrincipalsFile): `[options] name`, `#` starts a
 * comment. a->principal is the name, and there is no key; else as above. */
NACRE_MUST_CHECK nacre_err nacre_authkey_parse_principal(struct nacre_authkey *a,
                                                         struct nacre_bytes line, uint8_t *buf,
                                                         size_t cap);

enum nacre_authkey_verdict {
    NACRE_AUTHKEY_DENY = 0,     /* another key, blank, not trustworthy */
    NACRE_AUTHKEY_DENY_FROM,    /* right key, address not in from= */
    NACRE_AUTHKEY_DENY_EXPIRED, /* right key, past expiry-time= */
    NACRE_AUTHKEY_ALLOW
};
/* Whether a line allows the key with that blob from the peer's numeric address (text, no brackets
 * or scope) at that time. now: seconds since 1970; now_local: the local civil time counted as if it
 * were UTC. A line with cert-authority or principals= allows no plain key. */
enum nacre_authkey_verdict nacre_authkey_check(const struct nacre_authkey *a,
                                               struct nacre_bytes blob, struct nacre_bytes addr,
                                               uint64_t now, uint64_t now_local);
/* The same of a cert-authority line and the authority that a certificate names. ALLOW: so far as
 * this line goes; nacre_cert_judge() (nacre_certauth.h) says whether the certificate is good, for a
 * name of principals= if the line has it, else for the user's. */
enum nacre_authkey_verdict nacre_authkey_check_ca(const struct nacre_authkey *a,
                                                  struct nacre_bytes ca, struct nacre_bytes addr,
                                                  uint64_t now, uint64_t now_local);
/* The same of a line of principals, for a certificate that bears its name; cert-authority and
 * principals= deny there. */
enum nacre_authkey_verdict nacre_authkey_check_principal(const struct nacre_authkey *a,
                                                         struct nacre_bytes addr, uint64_t now,
                                                         uint64_t now_local);
/* Whether a permits a forward to host and port; kind: NACRE_AUTHKEY_OPEN for direct-tcpip,
 * NACRE_AUTHKEY_LISTEN for tcpip-forward. One function decides: NACRE_PERMIT_PORT, then the list.
 */
enum nacre_authkey_forward { NACRE_AUTHKEY_OPEN, NACRE_AUTHKEY_LISTEN };
bool nacre_authkey_permits_forward(const struct nacre_authkey *a, enum nacre_authkey_forward kind,
                                   struct nacre_bytes host, uint32_t port);

enum nacre_addr_match {
    NACRE_ADDR_NO = 0, /* no pattern matches */
    NACRE_ADDR_YES,
    NACRE_ADDR_DENIED, /* a pattern with `!` matches */
    NACRE_ADDR_BAD     /* list or address malformed: deny */
};
/* Numeric IPv4 or IPv6 address against a comma-separated list of addresses, CIDR blocks, and
 * patterns with `*` and `?`, each with `!` before it or not. Names of hosts match nothing. */
enum nacre_addr_match nacre_addr_list_match(struct nacre_bytes list, struct nacre_bytes addr);
/* True for a comma-separated list of addresses and CIDR blocks alone, as source-address of a
 * certificate has them: no patterns, no `!`, not empty. */
bool nacre_addr_blocks_valid(struct nacre_bytes list);

/* ---- Groups for group exchange: moduli(5) ------------------------------------------------ */

/* Bytes that a line of a moduli file takes in buf, at most. */
#define NACRE_MODULI_BUF (2 * NACRE_DH_LEN_MAX)

/* Reads a line of a moduli file without its end (time type tests trials size generator modulus): a
 * group of 2,048 to 8,192 bits whose modulus is marked as a safe prime that tests were run on and
 * none found composite. g borrows from buf, cap at least NACRE_MODULI_BUF is enough. A blank line
 * or a comment is OK and gives a group of no bits. Errors: FILE_FORMAT (no such line), KEY_REFUSED
 * (a group not to be used), NO_ROOM; g is then zeroed. */
NACRE_MUST_CHECK nacre_err nacre_moduli_parse(struct nacre_dh_group *g, struct nacre_bytes line,
                                              uint8_t *buf, size_t cap);

#ifdef __cplusplus
}
#endif
#endif
