/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen: making keys, showing their public halves and fingerprints, changing comments.
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
#define KEYGEN_PROMPT_MAX (NCR_KEYGEN_PATH_MAX + 64)

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
    char prompt[KEYGEN_PROMPT_MAX];
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

/* Loads a private key; told if it fails. ask is the prompt for its passphrase. Wipe k in any case.
 */
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

static bool keygen_write_private(const struct ncr_keygen_key *k, const struct ncr_keygen *g,
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
        return false;
    err = nacre_keyfile_write(text, sizeof text, &n, &k->key, nacre_bytes_str(k->comment), &opts,
                              &nacre_rng_os, keygen_work);
    free(opts.mem); /* wiped */
    if (err == NACRE_OK)
        err = ncr_keygen_write(path, 0600, text, n);
    else
        keygen_tell_write(err, &opts);
    nacre_wipe(text, sizeof text);
    return err == NACRE_OK;
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

/* Writes both halves; told if it fails. */
int ncr_keygen_save(const struct ncr_keygen_key *k, const struct ncr_keygen *g, const char *path,
                    const char *pub)
{
    if (!keygen_write_private(k, g, path))
        return keygen_save_error(path);
    if (keygen_write_public(k, pub))
        return 0;
    fprintf(stderr, "Unable to save public key to %s: %s\n", pub, strerror(errno));
    return NCR_KEYGEN_FATAL;
}

/* Takes a comment over; told if it is none. */
static bool keygen_set_comment(struct ncr_keygen_key *k, const char *comment)
{
    if (strlen(comment) > NACRE_KEY_COMMENT_MAX || !ncr_escape_clean(nacre_bytes_str(comment))) {
        ncr_keygen_complain("comment", "too long, or holds control characters");
        return false;
    }
    memcpy(k->comment, comment, strlen(comment) + 1);
    return true;
}

/* ---- -t: making a key ---- */

/* -t names: what they are called in key blobs, by their size if they have one. */
static const struct {
    const char *option, *type;
    unsigned bits; /* 0: any */
    bool any_case; /* RSA too */
} keygen_types[] = {
    {"ed25519", "ssh-ed25519", 0, true},
    {"ssh-ed25519", "ssh-ed25519", 0, false},
    {"rsa", "ssh-rsa", 0, true},
    {"ssh-rsa", "ssh-rsa", 0, false},
    {"rsa-sha2-256", "ssh-rsa", 0, false},
    {"rsa-sha2-512", "ssh-rsa", 0, false},
    {"ecdsa", "ecdsa-sha2-nistp256", 256, true},
    {"ecdsa", "ecdsa-sha2-nistp384", 384, true},
    {"ecdsa", "ecdsa-sha2-nistp521", 521, true},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", 0, false},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", 0, false},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", 0, false},
    {"mldsa44-ed25519", "ssh-mldsa44-ed25519", 0, true},
    {"ssh-mldsa44-ed25519", "ssh-mldsa44-ed25519", 0, false},
};
#define KEYGEN_TYPES (sizeof keygen_types / sizeof keygen_types[0])
#define KEYGEN_RSA_MIN 2048
#define KEYGEN_RSA_MAX 16384

/* Index of the row; KEYGEN_TYPES if told that there is none. */
static size_t keygen_type(const char *name, unsigned bits)
{
    bool known = false;

    for (size_t i = 0; i < KEYGEN_TYPES; i++) {
        const char *option = keygen_types[i].option;

        if ((keygen_types[i].any_case ? strcasecmp(name, option) : strcmp(name, option)) != 0)
            continue;
        known = true;
        if (keygen_types[i].bits == 0 || keygen_types[i].bits == (bits == 0 ? 256 : bits))
            return i;
    }
    if (known)
        fputs("Invalid ECDSA key length: valid lengths are 256, 384 or 521 bits\n", stderr);
    else if (strstr(name, "-sk") != NULL)
        fprintf(stderr, "key type %s needs a security key, which this program does not talk to\n",
                name);
    else
        fprintf(stderr, "unknown key type %s\n", name);
    return KEYGEN_TYPES;
}

/* Bits to make the key with: only RSA keys have a choice. False if told. */
static bool keygen_size(unsigned *bits, size_t type, unsigned wanted)
{
    *bits = 0;
    if (strcmp(keygen_types[type].type, "ssh-rsa") != 0 || wanted == 0)
        return true;
    *bits = wanted;
    if (wanted < KEYGEN_RSA_MIN)
        fprintf(stderr, "Invalid RSA key length: minimum is %d bits\n", KEYGEN_RSA_MIN);
    else if (wanted > KEYGEN_RSA_MAX)
        fprintf(stderr, "Invalid RSA key length: maximum is %d bits\n", KEYGEN_RSA_MAX);
    else if (wanted % 16 != 0)
        fputs("Invalid RSA key length: not in steps of 16 bits\n", stderr);
    else
        return true;
    return false;
}

bool ncr_keygen_may_write(const char *path)
{
    struct stat st;
    char answer[16];

    if (stat(path, &st) != 0)
        return true;
    printf("%s already exists.\n", path);
    return ncr_keygen_ask(answer, sizeof answer, "Overwrite (y/n)? ") &&
           (answer[0] == 'y' || answer[0] == 'Y');
}

/* ~/.ssh for a key that goes there. */
static void keygen_make_directory(const char *path, bool quiet)
{
    char dir[NCR_KEYGEN_PATH_MAX];
    size_t n;

    if (!ncr_keygen_path(dir, ncr_keygen_home(), "/.ssh"))
        return;
    n = strlen(dir);
    if (strncmp(path, dir, n) != 0 || path[n] != '/')
        return;
    if (mkdir(dir, 0700) == 0 && !quiet)
        fprintf(stderr, "Created directory '%s'.\n", dir);
}

/* Asks twice; false if the answers differ. No answer is an empty one, as for ssh-keygen. */
static bool keygen_ask_twice(char pass[NCR_KEYGEN_PASS_MAX], const char *prompt, bool *answered)
{
    char again[NCR_KEYGEN_PASS_MAX] = "";
    bool same;

    pass[0] = '\0';
    *answered = ncr_keygen_ask_secret(pass, NCR_KEYGEN_PASS_MAX, prompt);
    (void)ncr_keygen_ask_secret(again, sizeof again, "Enter same passphrase again: ");
    same = strcmp(pass, again) == 0;
    nacre_wipe(again, sizeof again);
    return same;
}

/* The new passphrase: -N, or what is typed twice; false if told. `tries`: asked until both agree,
 * or nobody answers any more, who shall not get a key without passphrase. */
static bool keygen_new_passphrase(char pass[NCR_KEYGEN_PASS_MAX], const struct ncr_keygen *g,
                                  const char *prompt, bool tries)
{
    bool answered;
    bool good;

    pass[0] = '\0';
    if (g->new_pass != NULL) {
        good = snprintf(pass, NCR_KEYGEN_PASS_MAX, "%s", g->new_pass) < NCR_KEYGEN_PASS_MAX;
        if (!good)
            fputs("The passphrase is too long.\n", stderr);
        return good;
    }
    good = keygen_ask_twice(pass, prompt, &answered);
    while (!good && tries) {
        puts("Passphrases do not match.  Try again.");
        good = keygen_ask_twice(pass, prompt, &answered);
        if (!answered)
            return false;
    }
    if (!good)
        puts("Pass phrases do not match.  Try again.");
    return good;
}

bool ncr_keygen_default_comment(struct ncr_keygen_key *k)
{
    char host[KEYGEN_HOST_MAX];

    if (gethostname(host, sizeof host) != 0)
        host[0] = '\0';
    host[sizeof host - 1] = '\0';
    return snprintf(k->comment, sizeof k->comment, "%s@%s", ncr_keygen_user(), host) > 0;
}

static void keygen_show_art(const struct nacre_pubkey *k, enum nacre_fp_hash hash)
{
    char art[NACRE_RANDOMART_LEN];

    nacre_randomart(art, hash, k);
    printf("%s\n", art);
}

static void keygen_report(const struct ncr_keygen_key *k, const struct ncr_keygen *g,
                          const char *path, const char *pub)
{
    struct nacre_pubkey public;
    char fp[NACRE_FINGERPRINT_LEN];

    if (nacre_pubkey_decode(&public, nacre_privkey_public_blob(&k->key)) != NACRE_OK)
        return; /* cannot be: it was made here */
    nacre_fingerprint(fp, g->hash, public.blob);
    printf("Your identification has been saved in %s\n", path);
    printf("Your public key has been saved in %s\n", pub);
    printf("The key fingerprint is:\n%s %s\n", fp, k->comment);
    printf("The key's randomart image is:\n");
    keygen_show_art(&public, g->hash);
}

int ncr_keygen_generate(const struct ncr_keygen *g)
{
    const char *name = g->type != NULL ? g->type : "ed25519";
    const size_t type = keygen_type(name, g->bits);
    struct ncr_keygen_key k;
    char path[NCR_KEYGEN_PATH_MAX];
    char pub[NCR_KEYGEN_PATH_MAX];
    char prompt[KEYGEN_PROMPT_MAX];
    int status = NCR_KEYGEN_REFUSED;
    unsigned bits;
    nacre_err err;

    if (type == KEYGEN_TYPES || !keygen_size(&bits, type, g->bits))
        return NCR_KEYGEN_FATAL;
    if (!g->quiet)
        printf("Generating public/private %s key pair.\n", name);
    if (!ncr_keygen_file(path, g, "Enter file in which to save the key") ||
        !ncr_keygen_path(pub, path, ".pub"))
        return NCR_KEYGEN_REFUSED;
    keygen_make_directory(path, g->quiet);
    (void)snprintf(prompt, sizeof prompt,
                   "Enter passphrase for \"%s\" (empty for no passphrase): ", path); /* fits */
    memset(&k, 0, sizeof k);
    if (!ncr_keygen_may_write(path) || !keygen_new_passphrase(k.pass, g, prompt, true) ||
        !(g->comment == NULL ? ncr_keygen_default_comment(&k) : keygen_set_comment(&k, g->comment)))
        return NCR_KEYGEN_REFUSED;
    err = nacre_privkey_generate(&k.key, keygen_types[type].type, bits, &nacre_rng_os, keygen_work);
    if (err == NACRE_OK)
        status = ncr_keygen_save(&k, g, path, pub);
    else
        ncr_keygen_complain(path, nacre_err_text(err));
    if (status == 0 && !g->quiet)
        keygen_report(&k, g, path, pub);
    nacre_wipe(&k, sizeof k);
    return status;
}

/* ---- -y ---- */

int ncr_keygen_print_public(const struct ncr_keygen *g)
{
    struct ncr_keygen_key k;
    char path[NCR_KEYGEN_PATH_MAX];
    char text[NACRE_PUBKEY_TEXT_LEN(NACRE_PRIVKEY_BLOB_MAX, 0)];
    char prompt[KEYGEN_PROMPT_MAX];
    static const struct nacre_bytes no_comment;
    int status;

    if (!ncr_keygen_file(path, g, "Enter file in which the key is"))
        return NCR_KEYGEN_REFUSED;
    (void)snprintf(prompt, sizeof prompt, "Enter passphrase for \"%s\": ", path); /* fits */
    status = ncr_keygen_load(&k, g, path, prompt);
    if (status == 0 && nacre_pubkey_format(text, sizeof text, nacre_privkey_public_blob(&k.key),
                                           no_comment) == NACRE_OK) {
        fputs(text, stdout);
        if (k.comment[0] != '\0') {
            putchar(' ');
            ncr_keygen_put(nacre_bytes_str(k.comment), true); /* a line end would make two keys */
        }
        putchar('\n');
    }
    nacre_wipe(&k, sizeof k);
    return status;
}

/* ---- -c ---- */

/* The comment from -C or from the user. */
static bool keygen_new_comment(struct ncr_keygen_key *k, const struct ncr_keygen *g)
{
    char answer[NACRE_KEY_COMMENT_MAX + 2]; /* one too many shows that it is too long */

    if (g->comment != NULL)
        return keygen_set_comment(k, g->comment);
    return ncr_keygen_ask(answer, sizeof answer, "New comment: ") && keygen_set_comment(k, answer);
}

int ncr_keygen_change_comment(const struct ncr_keygen *g)
{
    struct ncr_keygen_key k;
    char old[NACRE_KEY_COMMENT_MAX + 1];
    char path[NCR_KEYGEN_PATH_MAX];
    char pub[NCR_KEYGEN_PATH_MAX];
    int status;

    if (!ncr_keygen_file(path, g, "Enter file in which the key is") ||
        !ncr_keygen_path(pub, path, ".pub"))
        return NCR_KEYGEN_REFUSED;
    status = ncr_keygen_load(&k, g, path, "Enter passphrase: ");
    if (status != 0)
        goto out;
    memcpy(old, k.comment, sizeof old);
    printf("Old comment: ");
    ncr_keygen_put(nacre_bytes_str(old), true);
    putchar('\n');
    status = NCR_KEYGEN_REFUSED;
    if (!keygen_new_comment(&k, g))
        goto out;
    status = 0;
    if (strcmp(old, k.comment) == 0) {
        printf("No change to comment\n");
        goto out;
    }
    status = ncr_keygen_save(&k, g, path, pub);
    if (status == 0 && k.comment[0] == '\0')
        printf("Comment removed\n");
    else if (status == 0)
        printf("Comment '%s' applied\n", k.comment);
out:
    nacre_wipe(&k, sizeof k);
    return status;
}

/* ---- -p ---- */

int ncr_keygen_change_passphrase(const struct ncr_keygen *g)
{
    struct ncr_keygen_key k;
    char path[NCR_KEYGEN_PATH_MAX];
    int status;

    if (!ncr_keygen_file(path, g, "Enter file in which the key is"))
        return NCR_KEYGEN_REFUSED;
    status = ncr_keygen_load(&k, g, path, "Enter old passphrase: ");
    if (status == 0) {
        printf("Key has comment '");
        ncr_keygen_put(nacre_bytes_str(k.comment), true);
        printf("'\n");
    }
    if (status == 0 && !keygen_new_passphrase(
                           k.pass, g, "Enter new passphrase (empty for no passphrase): ", false))
        status = NCR_KEYGEN_REFUSED;
    if (status == 0 && !keygen_write_private(&k, g, path))
        status = keygen_save_error(path);
    else if (status == 0)
        printf("Your identification has been saved with the new passphrase.\n");
    nacre_wipe(&k, sizeof k);
    return status;
}

/* The comment of path.pub, if that holds the same key; "" else. */
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
