/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen, its parts: what the options said, and one function for each job. Each returns the
 * exit status: 0 done, 1 refused or not found, 255 for a file or key that cannot be used, as
 * ssh-keygen has them.
 */
#ifndef NCR_KEYGEN_H
#define NCR_KEYGEN_H

#include "proto/keys/nacre_keys.h"
#include "proto/posix/file.h"

#define NCR_KEYGEN_PATH_MAX 4096
#define NCR_KEYGEN_REFUSED 1
#define NCR_KEYGEN_FATAL 255

#define NCR_KEYGEN_OPTS_MAX 256 /* -O */

/* -m */
enum ncr_keygen_form { NCR_KEYGEN_RFC4716 = 0, NCR_KEYGEN_PKCS8, NCR_KEYGEN_PEM, NCR_KEYGEN_PPK };

/* What the options said. A text that was not given is NULL; an option without a field of its own is
 * asked for with ncr_keygen_given(). */
struct ncr_keygen {
    const char *type;     /* -t: of the new key; the signature algorithm of a certificate */
    const char *file;     /* -f: the key, NULL: ask, or the default; hosts, revocations, signers */
    const char *comment;  /* -C */
    const char *new_pass; /* -N, NULL: ask */
    const char *old_pass; /* -P, NULL: ask if one is needed */
    const char *cipher;   /* -Z, NULL: the usual one */
    unsigned bits;        /* -b, 0: the type's own */
    unsigned rounds;      /* -a, 0: the usual number */
    const char *host;     /* -F, -R */
    enum nacre_fp_hash hash;
    enum ncr_keygen_form form; /* -m; see also given */
    const char *ca_key;        /* -s: the authority's key; the signature's file */
    const char *key_id;        /* -I: of the certificate; who signed */
    const char *names;         /* -n: principals; the namespace */
    const char *validity;      /* -V */
    uint64_t serial;           /* -z: of the certificate; the version of a revocation list */
    bool serial_counts;        /* -z +serial */
    const char *sign_job;      /* -Y */
    const char *record;        /* -r: name of SSHFP records; file of revoked keys */
    const char *opts[NCR_KEYGEN_OPTS_MAX]; /* -O, in their order */
    size_t opt_n;
    char *const *args; /* what follows the options */
    size_t arg_n;
    unsigned verbose; /* how many -v */
    bool quiet, list;
    bool hash_hosts; /* -H */
    bool for_host;   /* -h */
    bool in_agent;   /* -U */
    bool update;     /* -u */
    bool generic;    /* -g */
    bool given[128]; /* by letter */
};

/* True if the option stood there. */
static inline bool ncr_keygen_given(const struct ncr_keygen *g, char option)
{
    return g->given[option & 127];
}

/* ---- The jobs: a row each in main_keygen.c ---- */

int ncr_keygen_generate(const struct ncr_keygen *g);
int ncr_keygen_print_public(const struct ncr_keygen *g);
int ncr_keygen_fingerprint(const struct ncr_keygen *g);
int ncr_keygen_change_comment(const struct ncr_keygen *g);
int ncr_keygen_change_passphrase(const struct ncr_keygen *g);
int ncr_keygen_export(const struct ncr_keygen *g);
int ncr_keygen_import(const struct ncr_keygen *g);
int ncr_keygen_find_host(const struct ncr_keygen *g);
int ncr_keygen_remove_host(const struct ncr_keygen *g);
int ncr_keygen_hash_hosts(const struct ncr_keygen *g);
int ncr_keygen_certify(const struct ncr_keygen *g);
int ncr_keygen_show_certs(const struct ncr_keygen *g);
int ncr_keygen_host_keys(const struct ncr_keygen *g);
int ncr_keygen_make_krl(const struct ncr_keygen *g);
int ncr_keygen_ask_krl(const struct ncr_keygen *g);
int ncr_keygen_signature(const struct ncr_keygen *g); /* -Y, one of the next four */
int ncr_keygen_sign(const struct ncr_keygen *g);
int ncr_keygen_verify(const struct ncr_keygen *g);
int ncr_keygen_find_principals(const struct ncr_keygen *g);
int ncr_keygen_match_principals(const struct ncr_keygen *g);
int ncr_keygen_print_records(const struct ncr_keygen *g);

/* ---- keygen_file.c ---- */

/* Tells that a file cannot be read or written; NCR_KEYGEN_FATAL. */
int ncr_keygen_file_error(const char *path, nacre_err err);
/* Opens a file, a device or a shell's pipe for reading. Errors as ncr_file_open(). */
NACRE_MUST_CHECK nacre_err ncr_keygen_open(int *fd, const char *path);
/* Reads one to its end, at most max bytes. Errors as ncr_file_read(). */
NACRE_MUST_CHECK nacre_err ncr_keygen_read(struct ncr_file *f, const char *path, size_t max);
/* Reads the file of -f, or the one that the user is asked for; "-" is standard input, and then
 * called "(stdin)". 0, or the exit status if told that it fails. */
int ncr_keygen_input(struct ncr_file *f, char path[NCR_KEYGEN_PATH_MAX], const struct ncr_keygen *g,
                     size_t max);
#define NCR_KEYGEN_LINES_MAX ((size_t)64 * 1024 * 1024) /* bytes of a file of many keys */
/* Writes a file as ncr_file_write(), with mode under the umask of others, where a symbolic link
 * leads to; or to the pipe or device that is there. */
NACRE_MUST_CHECK nacre_err ncr_keygen_write(const char *path, mode_t mode, const uint8_t *p,
                                            size_t n);

/* ---- keygen_key.c: what other jobs use ---- */

#define NCR_KEYGEN_PASS_MAX 1024
#define NCR_KEYGEN_PROMPT_MAX (NCR_KEYGEN_PATH_MAX + 64) /* with the name of a file */

/* A private key with what belongs to it; wipe it. */
struct ncr_keygen_key {
    struct nacre_privkey key;
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    char pass[NCR_KEYGEN_PASS_MAX]; /* of the file; empty: none */
};

/* Loads a private key; 0, or the exit status if told that it fails. ask is the prompt for its
 * passphrase. Wipe k in any case. */
int ncr_keygen_load(struct ncr_keygen_key *k, const struct ncr_keygen *g, const char *path,
                    const char *ask);
/* Writes the private key, under its passphrase; 0, or the exit status if told that it fails. */
int ncr_keygen_save_private(const struct ncr_keygen_key *k, const struct ncr_keygen *g,
                            const char *path);
/* Writes both halves; likewise. */
int ncr_keygen_save(const struct ncr_keygen_key *k, const struct ncr_keygen *g, const char *path,
                    const char *pub);
/* The comment of path.pub, if that holds the same key; "" else. */
void ncr_keygen_pub_comment(char out[NACRE_KEY_COMMENT_MAX + 1], const char *path,
                            struct nacre_bytes blob);
/* Takes a comment over; false if told that it is none. */
bool ncr_keygen_set_comment(struct ncr_keygen_key *k, const char *comment);
/* user@host. */
bool ncr_keygen_default_comment(struct ncr_keygen_key *k);

/* ---- keygen_public.c ---- */

/* A public key or certificate of a file. */
struct ncr_keygen_public {
    struct nacre_bytes blob; /* lies in room */
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    uint8_t room[NACRE_KEY_BLOB_MAX];
};
/* Loads one from a .pub file, a private key's file or the .pub file beside path. Keys of a type
 * that is not understood are loaded too. On failure p is zeroed and nothing told. */
NACRE_MUST_CHECK nacre_err ncr_keygen_load_public(struct ncr_keygen_public *p, const char *path);
/* Text of its errors; call it before errno changes. */
const char *ncr_keygen_public_error(nacre_err err);

/* ---- keygen_convert.c ---- */

/* What -m means for a private key of that type. */
enum nacre_keyfile_format ncr_keygen_format(const struct ncr_keygen *g,
                                            const struct nacre_privkey *k);

/* ---- keygen_sign.c ---- */

#define NCR_KEYGEN_SSHSIG_MAX                                                                      \
    65536 /* bytes of a file with a signature, whatever its certificate                            \
           */
/* The hash of all that fd gives; IO with errno. */
NACRE_MUST_CHECK nacre_err ncr_keygen_digest_fd(uint8_t digest[NACRE_HASH_MAX_LEN],
                                                const struct nacre_hash *hash, int fd);

/* ---- keygen_time.c ---- */

/* YYYYMMDD[HHMM[SS]], local or with Z or UTC behind it; false if it is none. */
bool ncr_keygen_absolute_time(uint64_t *t, const char *text);

/* -V; false if told. */
bool ncr_keygen_validity(uint64_t *from, uint64_t *to, const char *text);
#define NCR_KEYGEN_VALIDITY_MAX 192
/* "forever", "from 2026-11-21T20:52:00 to ..." in local time, and so on. */
void ncr_keygen_validity_text(char out[NCR_KEYGEN_VALIDITY_MAX], uint64_t from, uint64_t to);

/* ---- keygen_ask.c: prompts and small things ---- */

/* `nacre-keygen: name: what` on stderr. */
void ncr_keygen_complain(const char *name, const char *what);
/* The home directory and user of the process; "" if unknown. */
const char *ncr_keygen_home(void);
const char *ncr_keygen_user(void);
/* Joins; false (told) if it does not fit. */
bool ncr_keygen_path(char out[NCR_KEYGEN_PATH_MAX], const char *a, const char *b);
/* Prints the prompt, reads a line of standard input without its end; false at its end. */
bool ncr_keygen_ask(char *line, size_t cap, const char *prompt);
/* The same from the terminal without echo; from standard input if there is no terminal. Wipe line.
 */
bool ncr_keygen_ask_secret(char *line, size_t cap, const char *prompt);
/* Asks before a file is written over; true if it may be, or is not there. */
bool ncr_keygen_may_write(const char *path);
/* The new passphrase: -N, or what is typed twice; false if told. `tries`: asked until both agree,
 * or nobody answers any more, who shall not get a key without passphrase. Wipe pass. */
bool ncr_keygen_new_passphrase(char pass[NCR_KEYGEN_PASS_MAX], const struct ncr_keygen *g,
                               const char *prompt, bool tries);
/* The file that ssh-keygen would choose for a type of -t: "/.ssh/id_rsa" and so on. */
const char *ncr_keygen_default_file(const char *type);
/* -f, or the answer to `prompt (default): `; false if there is none. */
bool ncr_keygen_file(char out[NCR_KEYGEN_PATH_MAX], const struct ncr_keygen *g, const char *prompt);
/* Prints text of a file: as it is, but with its controls escaped if `always` or on a terminal. */
void ncr_keygen_put(struct nacre_bytes text, bool always);

#endif
