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
#include <sys/stat.h>
#include <unistd.h>

#include "client/keygen.h"
#include "proto/posix/escape.h"
#include "proto/posix/file.h"

/* What public-key operations work in. */
static uint64_t keygen_work[NACRE_WORK];

#define KEYGEN_HOST_MAX 256
#define KEYGEN_PASS_MAX 1024

/* A key with what belongs to it. */
struct keygen_key {
    struct nacre_privkey key;
    char comment[NACRE_KEY_COMMENT_MAX + 1];
};

static int keygen_file_error(const char *path, nacre_err err)
{
    ncr_keygen_complain(path, ncr_file_error(err));
    return NCR_KEYGEN_FATAL;
}

/* ---- Reading ---- */

/* `Load key "path": what the file is: what is wrong`. */
static int keygen_load_error(const char *path, const struct nacre_keyfile_info *info)
{
    fprintf(stderr, "Load key \"%s\": %s%s%s: %s\n", path, nacre_keyfile_format_text(info->format),
            info->key_type[0] == '\0' ? "" : " of type ", info->key_type, info->what);
    return NCR_KEYGEN_FATAL;
}

static bool keygen_mode_good(const char *path, const struct stat *st)
{
    unsigned mode = (unsigned)st->st_mode & 0777;

    if (st->st_uid != getuid() || (mode & 077) == 0)
        return true;
    fprintf(stderr,
            "Permissions %04o for '%s' are too open: a private key must not be accessible "
            "by others.\nLoad key \"%s\": bad permissions\n",
            mode, path, path);
    return false;
}

/* Decodes what was read. */
static int keygen_decode(struct keygen_key *k, const struct ncr_keygen *g, const char *path,
                         const struct ncr_file *f)
{
    struct nacre_keyfile_info info;
    struct nacre_bytes file = {f->p, f->n};
    struct nacre_bytes pass = nacre_bytes_str(g->old_pass == NULL ? "" : g->old_pass);
    uint8_t *scratch = malloc(f->n + 1);
    nacre_err err;

    if (scratch == NULL)
        return keygen_file_error(path, NACRE_ERR_NO_MEMORY);
    err = nacre_keyfile_read(&k->key, k->comment, sizeof k->comment, file, pass, scratch, f->n,
                             &info, keygen_work);
    free(scratch);
    return err == NACRE_OK ? 0 : keygen_load_error(path, &info);
}

/* Loads a private key; told if it fails. Wipe k in any case. */
static int keygen_load(struct keygen_key *k, const struct ncr_keygen *g, const char *path)
{
    struct ncr_file f;
    nacre_err err = ncr_file_read(&f, path, NACRE_KEYFILE_MAX);
    int status = NCR_KEYGEN_FATAL;

    memset(k, 0, sizeof *k);
    if (err != NACRE_OK)
        return keygen_file_error(path, err);
    if (keygen_mode_good(path, &f.st))
        status = keygen_decode(k, g, path, &f);
    ncr_file_wipe(&f);
    return status;
}

/* ---- Writing ---- */

static int keygen_save_error(const char *path)
{
    fprintf(stderr, "Saving key \"%s\" failed: %s\n", path, strerror(errno));
    return NCR_KEYGEN_REFUSED;
}

static bool keygen_write_private(const struct keygen_key *k, const char *path)
{
    uint8_t text[NACRE_KEYFILE_TEXT_MAX];
    size_t n;
    nacre_err err = nacre_keyfile_write(text, sizeof text, &n, &k->key, nacre_bytes_str(k->comment),
                                        NULL, &nacre_rng_os, keygen_work);

    if (err == NACRE_OK)
        err = ncr_file_write(path, 0600, text, n);
    else
        errno = EIO; /* the random source; comment and key were checked before */
    nacre_wipe(text, sizeof text);
    return err == NACRE_OK;
}

static bool keygen_write_public(const struct keygen_key *k, const char *path)
{
    char text[NACRE_PUBKEY_TEXT_LEN(NACRE_PRIVKEY_BLOB_MAX, NACRE_KEY_COMMENT_MAX) + 1];
    mode_t mask = umask(0);
    size_t n;

    (void)umask(mask); /* only to read it */
    if (nacre_pubkey_format(text, sizeof text - 1, nacre_privkey_public_blob(&k->key),
                            nacre_bytes_str(k->comment)) != NACRE_OK) {
        errno = EINVAL;
        return false;
    }
    n = strlen(text);
    text[n++] = '\n';
    return ncr_file_write(path, 0644 & ~mask, (const uint8_t *)text, n) == NACRE_OK;
}

/* Writes both halves; told if it fails. */
static int keygen_save(const struct keygen_key *k, const char *path, const char *pub)
{
    if (!keygen_write_private(k, path))
        return keygen_save_error(path);
    if (!keygen_write_public(k, pub))
        return keygen_save_error(pub);
    return 0;
}

/* Takes a comment over; told if it is none. */
static bool keygen_set_comment(struct keygen_key *k, const char *comment)
{
    if (strlen(comment) > NACRE_KEY_COMMENT_MAX || !ncr_escape_clean(nacre_bytes_str(comment))) {
        ncr_keygen_complain("comment", "too long, or holds control characters");
        return false;
    }
    memcpy(k->comment, comment, strlen(comment) + 1);
    return true;
}

/* ---- -t: making a key ---- */

/* The name in key blobs for a -t name; NULL if told. */
static const char *keygen_type(const char *name)
{
    static const char *const others[] = {"rsa",      "dsa",        "ecdsa",
                                         "ecdsa-sk", "ed25519-sk", "mldsa44-ed25519"};
    size_t i;

    if (name == NULL || strcmp(name, "ed25519") == 0 || strcmp(name, "ssh-ed25519") == 0)
        return "ssh-ed25519";
    for (i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(name, others[i]) == 0) {
            fprintf(stderr, "key type %s is not supported by this build\n", name);
            return NULL;
        }
    }
    fprintf(stderr, "unknown key type %s\n", name);
    return NULL;
}

/* Asks before a file is written over. */
static bool keygen_may_write(const char *path)
{
    struct stat st;
    char answer[16];

    if (lstat(path, &st) != 0)
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
        printf("Created directory '%s'.\n", dir);
}

/* True if the key is to be without a passphrase: the only kind of this build. */
static bool keygen_no_passphrase(const struct ncr_keygen *g)
{
    char once[KEYGEN_PASS_MAX] = "";
    char again[KEYGEN_PASS_MAX] = "";
    bool same = true;
    bool empty;

    if (g->new_pass == NULL) {
        (void)ncr_keygen_ask_secret(once, sizeof once,
                                    "Enter passphrase (empty for no passphrase): ");
        (void)ncr_keygen_ask_secret(again, sizeof again, "Enter same passphrase again: ");
        same = strcmp(once, again) == 0; /* no answer is an empty one, as for ssh-keygen */
    }
    empty = g->new_pass == NULL ? once[0] == '\0' : g->new_pass[0] == '\0';
    nacre_wipe(once, sizeof once);
    nacre_wipe(again, sizeof again);
    if (!same)
        fputs("Passphrases do not match.\n", stderr);
    else if (!empty)
        fputs("A passphrase is not supported by this build: give -N '' for a key without one.\n",
              stderr);
    return same && empty;
}

static bool keygen_default_comment(struct keygen_key *k)
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

static void keygen_report(const struct keygen_key *k, const struct ncr_keygen *g, const char *path,
                          const char *pub)
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
    const char *type = keygen_type(g->type);
    struct keygen_key k;
    char path[NCR_KEYGEN_PATH_MAX];
    char pub[NCR_KEYGEN_PATH_MAX];
    int status = NCR_KEYGEN_REFUSED;

    if (type == NULL)
        return NCR_KEYGEN_FATAL;
    if (!g->quiet)
        printf("Generating public/private ed25519 key pair.\n");
    if (!ncr_keygen_file(path, g, "Enter file in which to save the key") ||
        !ncr_keygen_path(pub, path, ".pub"))
        return NCR_KEYGEN_REFUSED;
    keygen_make_directory(path, g->quiet);
    memset(&k, 0, sizeof k);
    if (!keygen_may_write(path) || !keygen_no_passphrase(g) ||
        !(g->comment == NULL ? keygen_default_comment(&k) : keygen_set_comment(&k, g->comment)))
        return NCR_KEYGEN_REFUSED;
    if (nacre_privkey_generate(&k.key, type, 0, &nacre_rng_os, keygen_work) == NACRE_OK)
        status = keygen_save(&k, path, pub);
    else
        ncr_keygen_complain(path, nacre_err_text(NACRE_ERR_RNG));
    if (status == 0 && !g->quiet)
        keygen_report(&k, g, path, pub);
    nacre_wipe(&k, sizeof k);
    return status;
}

/* ---- -y ---- */

int ncr_keygen_print_public(const struct ncr_keygen *g)
{
    struct keygen_key k;
    char path[NCR_KEYGEN_PATH_MAX];
    char text[NACRE_PUBKEY_TEXT_LEN(NACRE_PRIVKEY_BLOB_MAX, 0)];
    static const struct nacre_bytes no_comment;
    int status;

    if (!ncr_keygen_file(path, g, "Enter file in which the key is"))
        return NCR_KEYGEN_REFUSED;
    status = keygen_load(&k, g, path);
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
static bool keygen_new_comment(struct keygen_key *k, const struct ncr_keygen *g)
{
    char answer[NACRE_KEY_COMMENT_MAX + 2]; /* one too many shows that it is too long */

    if (g->comment != NULL)
        return keygen_set_comment(k, g->comment);
    return ncr_keygen_ask(answer, sizeof answer, "New comment: ") && keygen_set_comment(k, answer);
}

int ncr_keygen_change_comment(const struct ncr_keygen *g)
{
    struct keygen_key k;
    char old[NACRE_KEY_COMMENT_MAX + 1];
    char path[NCR_KEYGEN_PATH_MAX];
    char pub[NCR_KEYGEN_PATH_MAX];
    int status;

    if (!ncr_keygen_file(path, g, "Enter file in which the key is") ||
        !ncr_keygen_path(pub, path, ".pub"))
        return NCR_KEYGEN_REFUSED;
    status = keygen_load(&k, g, path);
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
    status = keygen_save(&k, path, pub);
    if (status == 0 && k.comment[0] == '\0')
        printf("Comment removed\n");
    else if (status == 0)
        printf("Comment '%s' applied\n", k.comment);
out:
    nacre_wipe(&k, sizeof k);
    return status;
}

/* ---- -l ---- */

static void keygen_show(const struct ncr_keygen *g, const struct nacre_pubkey *k,
                        struct nacre_bytes comment)
{
    char fp[NACRE_FINGERPRINT_LEN];

    nacre_fingerprint(fp, g->hash, k->blob);
    printf("%u %s ", k->bits, fp);
    ncr_keygen_put(comment.n == 0 ? nacre_bytes_str("no comment") : comment, true);
    printf(" (%s)\n", nacre_pubkey_label(k));
    if (g->verbose)
        keygen_show_art(k, g->hash);
}

/* Takes a word off the line, blanks within double quotes included: host names or options. */
static struct nacre_bytes keygen_skip_word(struct nacre_bytes *line)
{
    struct nacre_bytes word = *line;
    bool quoted = false;
    size_t n = 0;

    while (n < line->n && (quoted || (line->p[n] != ' ' && line->p[n] != '\t'))) {
        if (line->p[n] == '"')
            quoted = !quoted;
        n++;
    }
    word.n = n;
    while (n < line->n && (line->p[n] == ' ' || line->p[n] == '\t'))
        n++;
    line->p += n;
    line->n -= n;
    return word;
}

enum keygen_line { KEYGEN_LINE_NO_KEY, KEYGEN_LINE_UNKNOWN_TYPE, KEYGEN_LINE_SHOWN };

/* A line of a .pub file, of authorized_keys or of known_hosts: the key may stand first, behind
 * options or host names, or behind a marker and host names. */
static enum keygen_line keygen_show_line(const struct ncr_keygen *g, const char *path,
                                         uint32_t number, struct nacre_bytes line)
{
    uint8_t blob[NACRE_LINE_MAX];
    struct nacre_pubkey k;
    struct nacre_bytes comment;
    struct nacre_bytes before = {NULL, 0};
    unsigned words;

    while (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
        (void)keygen_skip_word(&line); /* an empty word and the blanks behind it */
    for (words = 0; words < 3 && line.n > 0 && line.p[0] != '#'; words++) {
        nacre_err err = nacre_pubkey_parse(&k, &comment, line, blob, sizeof blob);

        if (err == NACRE_OK) {
            keygen_show(g, &k, comment.n == 0 ? before : comment);
            return KEYGEN_LINE_SHOWN;
        }
        if (err == NACRE_ERR_UNKNOWN_ALG) {
            fprintf(stderr, "%s:%u: key type %.*s is not supported by this build\n", path,
                    (unsigned)number, (int)k.name.n, (const char *)k.name.p);
            return KEYGEN_LINE_UNKNOWN_TYPE;
        }
        before = keygen_skip_word(&line);
    }
    return KEYGEN_LINE_NO_KEY;
}

static int keygen_show_lines(const struct ncr_keygen *g, const char *path, const struct ncr_file *f)
{
    struct nacre_lines lines;
    struct nacre_bytes chunk = {f->p, f->n};
    struct nacre_bytes line;
    enum keygen_line best = KEYGEN_LINE_NO_KEY;

    nacre_lines_init(&lines);
    for (;;) {
        enum nacre_line kind = nacre_lines_next(&lines, &chunk, &line);

        if (kind == NACRE_LINE_NONE)
            kind = nacre_lines_end(&lines, &line);
        if (kind == NACRE_LINE_NONE)
            break;
        if (kind == NACRE_LINE_TOO_LONG) {
            fprintf(stderr, "%s:%u: line too long, skipped\n", path, (unsigned)lines.number);
        } else {
            enum keygen_line got = keygen_show_line(g, path, lines.number, line);

            best = got > best ? got : best;
        }
    }
    if (best == KEYGEN_LINE_NO_KEY)
        fprintf(stderr, "%s is not a public key file.\n", path);
    return best == KEYGEN_LINE_SHOWN ? 0 : NCR_KEYGEN_FATAL;
}

/* The comment of path.pub, if that holds the same key; "" else. */
static void keygen_pub_comment(char out[NACRE_KEY_COMMENT_MAX + 1], const char *path,
                               struct nacre_bytes blob)
{
    char pub[NCR_KEYGEN_PATH_MAX];
    uint8_t scratch[NACRE_LINE_MAX];
    struct nacre_bytes file;
    struct nacre_bytes comment;
    struct nacre_pubkey k;
    struct ncr_file f;

    out[0] = '\0';
    if (!ncr_keygen_path(pub, path, ".pub") || ncr_file_read(&f, pub, sizeof scratch) != NACRE_OK)
        return;
    file.p = f.p;
    file.n = f.n;
    if (nacre_keyfile_read_public(&k, &comment, file, scratch, sizeof scratch, NULL) == NACRE_OK &&
        k.blob.n == blob.n && memcmp(k.blob.p, blob.p, blob.n) == 0)
        (void)snprintf(out, NACRE_KEY_COMMENT_MAX + 1, "%.*s", (int)comment.n,
                       (const char *)comment.p); /* a longer one is cut */
    ncr_file_wipe(&f);
}

/* A private key file: its own comment if it opens, else the public half alone. */
static int keygen_show_private(const struct ncr_keygen *g, const char *path,
                               const struct ncr_file *f)
{
    struct nacre_keyfile_info info;
    struct nacre_bytes file = {f->p, f->n};
    static const struct nacre_bytes none;
    struct nacre_pubkey pub;
    struct keygen_key k;
    uint8_t *scratch = malloc(f->n + 1);
    nacre_err err;

    if (scratch == NULL)
        return keygen_file_error(path, NACRE_ERR_NO_MEMORY);
    err = nacre_keyfile_read(&k.key, k.comment, sizeof k.comment, file, none, scratch, f->n, &info,
                             keygen_work);
    if (err == NACRE_OK)
        err = nacre_pubkey_decode(&pub, nacre_privkey_public_blob(&k.key));
    else if (info.encrypted)
        err = nacre_keyfile_read_public(&pub, NULL, file, scratch, f->n, &info);
    if (err == NACRE_OK && k.comment[0] == '\0')
        keygen_pub_comment(k.comment, path, pub.blob);
    if (err == NACRE_OK)
        keygen_show(g, &pub, nacre_bytes_str(k.comment));
    nacre_wipe(&k, sizeof k);
    free(scratch);
    return err == NACRE_OK ? 0 : keygen_load_error(path, &info);
}

int ncr_keygen_fingerprint(const struct ncr_keygen *g)
{
    char path[NCR_KEYGEN_PATH_MAX];
    struct ncr_file f;
    struct nacre_bytes file;
    nacre_err err;
    enum nacre_keyfile_format format;
    int status;

    if (!ncr_keygen_file(path, g, "Enter file in which the key is"))
        return NCR_KEYGEN_REFUSED;
    if (strcmp(path, "-") == 0) {
        (void)ncr_keygen_path(path, "(stdin)", ""); /* fits */
        err = ncr_file_read_fd(&f, STDIN_FILENO, NACRE_KEYFILE_MAX);
    } else {
        err = ncr_file_read(&f, path, NACRE_KEYFILE_MAX);
    }
    if (err != NACRE_OK)
        return keygen_file_error(path, err);
    file.p = f.p;
    file.n = f.n;
    format = nacre_keyfile_sniff(file);
    if (format == NACRE_KEYFILE_UNKNOWN || format == NACRE_KEYFILE_PUBLIC ||
        format == NACRE_KEYFILE_EMPTY)
        status = keygen_show_lines(g, path, &f);
    else
        status = keygen_show_private(g, path, &f);
    ncr_file_wipe(&f);
    return status;
}
