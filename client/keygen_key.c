/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen: private keys with their comments, from files and to files.
 *
 * A private key is written 0600 by rename, so that it is never readable by others for a moment, and
 * refused where others can read it, as ssh does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/key_load.h"
#include "client/keygen.h"
#include "proto/posix/escape.h"
#include "proto/posix/file.h"

/* What public-key operations work in. */
static uint64_t keygen_work[NACRE_WORK];

#define KEYGEN_HOST_MAX 256

/* ---- Reading ---- */

/* `Load key "path": `, or as the job has it. */
static void keygen_tell_load(const struct ncr_keygen *g, const char *path)
{
    const char *words = ncr_keygen_given(g, 'p')   ? "Failed to load key %s: "
                        : ncr_keygen_given(g, 'c') ? "Cannot load private key \"%s\": "
                                                   : "Load key \"%s\": ";

    fprintf(stderr, words, path);
}

/* What the file is and what is wrong with it; of a wrong passphrase in the words that scripts look
 * for. */
static int keygen_load_error(const struct ncr_keygen *g, const char *path, nacre_err err,
                             const struct nacre_keyfile_info *info)
{
    keygen_tell_load(g, path);
    if (err == NACRE_ERR_PASSPHRASE)
        fputs("incorrect passphrase supplied to decrypt private key\n", stderr);
    else
        fprintf(stderr, "%s%s%s: %s\n", nacre_keyfile_format_text(info->format),
                info->key_type[0] == '\0' ? "" : " of type ", info->key_type, info->what);
    return NCR_KEYGEN_FATAL;
}

/* A file that is there but cannot be read, or none. */
static int keygen_open_error(const struct ncr_keygen *g, const char *path, nacre_err err)
{
    const char *why = ncr_file_error(err);
    struct stat st;

    if (stat(path, &st) == 0)
        keygen_tell_load(g, path);
    else
        fprintf(stderr, "%s: ", path);
    fprintf(stderr, "%s\n", why);
    return NCR_KEYGEN_FATAL;
}

static bool keygen_mode_good(const struct ncr_keygen *g, const char *path, const struct stat *st)
{
    static const char frame[] = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\n";
    unsigned mode = (unsigned)st->st_mode & 0777;

    if (st->st_uid != getuid() || (mode & 077) == 0)
        return true;
    fprintf(stderr, "%s@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n%s", frame,
            frame);
    fprintf(stderr,
            "Permissions %04o for '%s' are too open.\n"
            "It is required that your private key files are NOT accessible by others.\n"
            "This private key will be ignored.\n",
            mode, path);
    keygen_tell_load(g, path);
    fputs("bad permissions\n", stderr);
    return false;
}

/* Asks once for the passphrase of a file. */
static bool keygen_ask_old(void *ctx, unsigned attempt, char *pass, size_t cap)
{
    return attempt == 1 && ncr_keygen_ask_secret(pass, cap, ctx);
}

/* Decodes what was read. */
static int keygen_decode(struct ncr_keygen_key *k, const struct ncr_keygen *g, const char *path,
                         const char *ask, const struct ncr_file *f)
{
    char prompt[NCR_KEYGEN_PROMPT_MAX];
    struct ncr_key_pass pass = {.given = g->old_pass, .ask = keygen_ask_old, .ctx = prompt};
    struct nacre_keyfile_info info;
    nacre_err err;

    _Static_assert(sizeof k->pass == sizeof pass.pass, "one limit, two names");
    (void)snprintf(prompt, sizeof prompt, "%s", ask); /* fits: it is one of ours */
    err = ncr_key_load(&k->key, k->comment, sizeof k->comment, (struct nacre_bytes){f->p, f->n},
                       &pass, &info, keygen_work);
    memcpy(k->pass, pass.pass, sizeof k->pass);
    nacre_wipe(&pass, sizeof pass);
    return err == NACRE_OK ? 0 : keygen_load_error(g, path, err, &info);
}

int ncr_keygen_load(struct ncr_keygen_key *k, const struct ncr_keygen *g, const char *path,
                    const char *ask)
{
    struct ncr_file f;
    nacre_err err = ncr_keygen_read(&f, path, NACRE_KEYFILE_MAX);
    int status = NCR_KEYGEN_FATAL;

    memset(k, 0, sizeof *k);
    if (err != NACRE_OK)
        return keygen_open_error(g, path, err);
    if (keygen_mode_good(g, path, &f.st))
        status = keygen_decode(k, g, path, ask, &f);
    ncr_file_wipe(&f);
    return status;
}

/* ---- Writing ---- */

static int keygen_save_error(const char *path)
{
    fprintf(stderr, "Saving key \"%s\" failed: %s\n", path, strerror(errno));
    return NCR_KEYGEN_REFUSED;
}

/* Memory for the key derivation of a file to be written; false (told) if there is none. */
static bool keygen_kdf_memory(struct nacre_keyfile_opts *opts)
{
    if (opts->format != NACRE_KEYFILE_PPK || opts->passphrase.n == 0)
        return true;
    opts->mem_len = (size_t)NACRE_KEYFILE_ARGON2_KIB * 1024;
    opts->mem = malloc(opts->mem_len);
    if (opts->mem == NULL)
        errno = ENOMEM;
    return opts->mem != NULL;
}

/* Why the library does not write it; errno says the same. */
static void keygen_tell_write(nacre_err err, const struct nacre_keyfile_opts *opts)
{
    if (err == NACRE_ERR_UNKNOWN_ALG && opts->format == NACRE_KEYFILE_PPK)
        fputs("PuTTY's format has no form for keys of this type.\n", stderr);
    else if (err == NACRE_ERR_UNKNOWN_ALG)
        fprintf(stderr, "Cipher %s is not supported.\n", opts->cipher);
    errno = err == NACRE_ERR_RNG ? EIO : EINVAL; /* key and comment were checked before */
}

int ncr_keygen_save_private(const struct ncr_keygen_key *k, const struct ncr_keygen *g,
                            const char *path)
{
    uint8_t text[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_keyfile_opts opts = {.format = ncr_keygen_format(g, &k->key),
                                      .passphrase = nacre_bytes_str(k->pass),
                                      .cipher = g->cipher,
                                      .rounds = g->rounds,
                                      .passes = g->rounds};
    size_t n;
    nacre_err err;

    if (!keygen_kdf_memory(&opts))
        return keygen_save_error(path);
    err = nacre_keyfile_write(text, sizeof text, &n, &k->key, nacre_bytes_str(k->comment), &opts,
                              &nacre_rng_os, keygen_work);
    free(opts.mem); /* wiped */
    if (err == NACRE_OK)
        err = ncr_keygen_write(path, 0600, text, n);
    else
        keygen_tell_write(err, &opts);
    nacre_wipe(text, sizeof text);
    return err == NACRE_OK ? 0 : keygen_save_error(path);
}

static bool keygen_write_public(const struct ncr_keygen_key *k, const char *path)
{
    char text[NACRE_PUBKEY_TEXT_LEN(NACRE_PRIVKEY_BLOB_MAX, NACRE_KEY_COMMENT_MAX) + 1];
    size_t n;

    if (nacre_pubkey_format(text, sizeof text - 1, nacre_privkey_public_blob(&k->key),
                            nacre_bytes_str(k->comment)) != NACRE_OK) {
        errno = EINVAL;
        return false;
    }
    n = strlen(text);
    text[n++] = '\n';
    return ncr_keygen_write(path, 0644, (const uint8_t *)text, n) == NACRE_OK;
}

int ncr_keygen_save(const struct ncr_keygen_key *k, const struct ncr_keygen *g, const char *path,
                    const char *pub)
{
    int status = ncr_keygen_save_private(k, g, path);

    if (status != 0 || keygen_write_public(k, pub))
        return status;
    fprintf(stderr, "Unable to save public key to %s: %s\n", pub, strerror(errno));
    return NCR_KEYGEN_FATAL;
}

/* ---- Comments ---- */

bool ncr_keygen_set_comment(struct ncr_keygen_key *k, const char *comment)
{
    if (strlen(comment) > NACRE_KEY_COMMENT_MAX || !ncr_escape_clean(nacre_bytes_str(comment))) {
        ncr_keygen_complain("comment", "too long, or holds control characters");
        return false;
    }
    memcpy(k->comment, comment, strlen(comment) + 1);
    return true;
}

bool ncr_keygen_default_comment(struct ncr_keygen_key *k)
{
    char host[KEYGEN_HOST_MAX];

    if (gethostname(host, sizeof host) != 0)
        host[0] = '\0';
    host[sizeof host - 1] = '\0';
    return snprintf(k->comment, sizeof k->comment, "%s@%s", ncr_keygen_user(), host) > 0;
}

void ncr_keygen_pub_comment(char out[NACRE_KEY_COMMENT_MAX + 1], const char *path,
                            struct nacre_bytes blob)
{
    char pub[NCR_KEYGEN_PATH_MAX];
    uint8_t scratch[NACRE_LINE_MAX];
    struct nacre_bytes file;
    struct nacre_bytes comment;
    struct nacre_pubkey k;
    struct ncr_file f;

    out[0] = '\0';
    if (!ncr_keygen_path(pub, path, ".pub") || ncr_keygen_read(&f, pub, sizeof scratch) != NACRE_OK)
        return;
    file.p = f.p;
    file.n = f.n;
    if (nacre_keyfile_read_public(&k, &comment, file, scratch, sizeof scratch, NULL) == NACRE_OK &&
        k.blob.n == blob.n && memcmp(k.blob.p, blob.p, blob.n) == 0)
        (void)snprintf(out, NACRE_KEY_COMMENT_MAX + 1, "%.*s", (int)comment.n,
                       (const char *)comment.p); /* a longer one is cut */
    ncr_file_wipe(&f);
}
