/* SPDX-License-Identifier: ISC
 *
 * nacre-add: adding, removing, listing and testing keys. Lines and their streams are ssh-add's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/add.h"
#include "client/ask.h"
#include "client/key_load.h"
#include "client/keygen.h"
#include "proto/posix/escape.h"
#include "proto/posix/file.h"

#define ADD_TEXT_CAP 1200 /* a comment, escaped */
#define ADD_PATH_CAP 4096
#define ADD_OPEN_MODES 077 /* permission bits that a private key file must not have */
#define ADD_TEST_LEN 1024
#define ADD_GRACE 300 /* seconds that a certificate stays after its end */

/* Text of a file or an agent, fit for a terminal and one line. */
static const char *add_text(char out[ADD_TEXT_CAP], struct nacre_bytes b)
{
    (void)ncr_escape(out, ADD_TEXT_CAP, b, NCR_ESCAPE_LINE); /* a longer one is cut */
    return out;
}

/* As ssh-add has it. */
static const char *add_error(nacre_err err)
{
    switch (err) {
    case NACRE_ERR_KEY_REFUSED:
        return "agent refused operation";
    case NACRE_ERR_IO:
    case NACRE_ERR_PEER_CLOSED:
        return "communication with agent failed";
    case NACRE_ERR_FORMAT:
    case NACRE_ERR_ORDER:
        return "invalid format";
    default:
        return nacre_err_text(err);
    }
}

/* ---- Certificates beside keys ------------------------------------------------------------- */

struct add_cert_file {
    char path[ADD_PATH_CAP];
    struct ncr_keygen_public pub;
    uint8_t plain[NACRE_KEY_BLOB_MAX]; /* cert's key */
    struct nacre_cert cert;
};

/* False: there is none, or it cannot be read, which is told. */
static bool add_cert_read(struct add_cert_file *f, const char *key)
{
    struct stat st;
    nacre_err err;

    if (snprintf(f->path, sizeof f->path, "%s-cert.pub", key) >= (int)sizeof f->path ||
        stat(f->path, &st) != 0)
        return false;
    err = ncr_keygen_load_public(&f->pub, f->path);
    if (err == NACRE_OK)
        err = nacre_cert_decode(&f->cert, f->pub.blob, f->plain, sizeof f->plain);
    if (err != NACRE_OK)
        fprintf(stderr, "Failed to load certificate \"%s\": %s\n", f->path,
                ncr_keygen_public_error(err));
    return err == NACRE_OK;
}

static bool add_cert_certifies(const struct add_cert_file *f, const char *file,
                               struct nacre_bytes key)
{
    if (f->cert.plain.n == key.n && memcmp(f->cert.plain.p, key.p, key.n) == 0)
        return true;
    fprintf(stderr, "Certificate %s does not match private key %s\n", f->path, file);
    return false;
}

/* ---- Private keys ------------------------------------------------------------------------ */

/* A key file under way. */
struct add_key {
    struct ncr_add *a;
    const char *name; /* of the file, for messages */
    bool last_tried, asked;
    struct ncr_key_pass pass;
    struct nacre_keyfile_info info;
    struct nacre_privkey key;
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    struct add_cert_file cert;
};

/* The passphrase of the file before first; then the person's, until one is empty. */
static bool add_passphrase(void *ctx, unsigned attempt, char *pass, size_t cap)
{
    struct add_key *k = ctx;
    char prompt[ADD_PATH_CAP + 64];
    size_t n = strlen(k->a->pass);

    (void)attempt;
    if (!k->last_tried && n > 0 && n < cap) {
        k->last_tried = true;
        memcpy(pass, k->a->pass, n + 1);
        return true;
    }
    nacre_wipe(k->a->pass, sizeof k->a->pass);
    (void)snprintf(prompt, sizeof prompt, "%s %.4000s%s: ",
                   k->asked ? "Bad passphrase, try again for" : "Enter passphrase for", k->name,
                   k->a->confirm ? " (will confirm each use)" : "");
    k->asked = true;
    return ncr_ask_piped(prompt, pass, cap) && pass[0] != '\0';
}

static bool add_private(const char *file, const struct stat *st)
{
    static const char line[] = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";

    if (st->st_uid != getuid() || (st->st_mode & ADD_OPEN_MODES) == 0)
        return true;
    fprintf(stderr, "%s\n@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n%s\n", line,
            line);
    fprintf(stderr, "Permissions 0%3.3o for '%s' are too open.\n", (unsigned)st->st_mode & 0777u,
            file);
    fprintf(stderr, "It is required that your private key files are NOT accessible by others.\n"
                    "This private key will be ignored.\n");
    return false;
}

/* The bytes of the file, if they are private. */
static bool add_read(const char *file, struct ncr_file *f)
{
    const bool in = strcmp(file, "-") == 0;
    nacre_err err = in ? ncr_file_read_fd(f, STDIN_FILENO, NACRE_KEYFILE_MAX)
                       : ncr_file_read(f, file, NACRE_KEYFILE_MAX);

    if (err != NACRE_OK) {
        fprintf(stderr, "%s: %s\n", in ? "(stdin)" : file, ncr_file_error(err));
        return false;
    }
    if (in || add_private(file, &f->st))
        return true;
    ncr_file_wipe(f);
    return false;
}

static bool add_load(struct add_key *k, const struct ncr_file *f)
{
    nacre_err err;

    k->pass.ask = add_passphrase;
    k->pass.ctx = k;
    err = ncr_key_load(&k->key, k->comment, sizeof k->comment, (struct nacre_bytes){f->p, f->n},
                       &k->pass, &k->info, k->a->work);
    if (err == NACRE_OK && k->pass.pass[0] != '\0')
        memcpy(k->a->pass, k->pass.pass, sizeof k->a->pass);
    else if (err != NACRE_OK && err != NACRE_ERR_PASSPHRASE)
        fprintf(stderr, "Error loading key \"%s\": %s\n", k->name, k->info.what);
    return err == NACRE_OK;
}
_Static_assert(NCR_ADD_PASS_MAX == NCR_KEY_PASS_MAX, "passphrases are copied whole");

/* ---- Adding ------------------------------------------------------------------------------ */

static struct nacre_agent_limits add_limits(const struct ncr_add *a, const struct nacre_privkey *k)
{
    static const char internal[] = "internal"; /* the agent's own way to security keys */
    const struct nacre_agent_limits l = {
        .has_lifetime = a->lifetime != 0,
        .lifetime = a->lifetime,
        .confirm = a->confirm,
        .dests = {a->dest_list, a->dest_len},
    };
    struct nacre_agent_limits with = l;
    struct nacre_pubkey pub;

    if (nacre_pubkey_decode(&pub, nacre_privkey_public_blob(k)) == NACRE_OK && pub.name.n > 3 &&
        memcmp(pub.name.p, "sk-", 3) == 0)
        with.sk_provider = nacre_bytes_str(internal);
    return with;
}

static void add_told(const struct ncr_add *a, const struct nacre_agent_limits *l, const char *what,
                     const char *file, struct nacre_bytes comment)
{
    char text[ADD_TEXT_CAP];

    if (a->quiet)
        return;
    fprintf(stderr, "%s added: %s (%s)\n", what, file, add_text(text, comment));
    if (l->has_lifetime)
        fprintf(stderr, "Lifetime set to %u seconds\n", (unsigned)l->lifetime);
    if (l->confirm)
        fprintf(stderr, "The user must confirm each use of the key\n");
}

static bool add_plain(struct add_key *k)
{
    const struct nacre_bytes none = {NULL, 0};
    const struct nacre_bytes comment = nacre_bytes_str(k->comment);
    const struct nacre_agent_limits l = add_limits(k->a, &k->key);
    nacre_err err = nacre_agent_store(k->a->agent, &k->key, none, comment, &l);

    if (err == NACRE_OK)
        add_told(k->a, &l, "Identity", k->name, comment);
    else
        fprintf(stderr, "Could not add identity \"%s\": %s\n", k->name, add_error(err));
    return err == NACRE_OK;
}

/* An agent need not keep a certificate that nobody takes any more. */
static bool add_cert_life(const struct ncr_add *a, const struct nacre_cert *cert, const char *path,
                          struct nacre_agent_limits *l)
{
    const uint64_t now = (uint64_t)time(NULL);
    uint64_t left;

    if (a->any_validity || cert->valid_before == NACRE_CERT_FOREVER)
        return true;
    if (now >= cert->valid_before) {
        fprintf(stderr, "Certificate %s has already expired; ignored\n", path);
        return false;
    }
    left = cert->valid_before - now + ADD_GRACE;
    if (left < (l->has_lifetime ? l->lifetime : UINT32_MAX)) {
        l->has_lifetime = true;
        l->lifetime = (uint32_t)left; /* below what it is compared with */
    }
    return true;
}

static bool add_cert_store(struct add_key *k, const char *path, const struct nacre_cert *cert)
{
    struct nacre_agent_limits l = add_limits(k->a, &k->key);
    char text[ADD_TEXT_CAP];
    nacre_err err;

    if (!add_cert_life(k->a, cert, path, &l))
        return false;
    err = nacre_agent_store(k->a->agent, &k->key, cert->blob, nacre_bytes_str(k->comment), &l);
    if (err == NACRE_OK)
        add_told(k->a, &l, "Certificate", path, cert->key_id);
    else
        fprintf(stderr, "Certificate %s (%s) add failed: %s\n", path, add_text(text, cert->key_id),
                add_error(err));
    return err == NACRE_OK;
}

/* The certificate beside the file, if there is one. */
static bool add_cert(struct add_key *k)
{
    return add_cert_read(&k->cert, k->name) &&
           add_cert_certifies(&k->cert, k->name, nacre_privkey_public_blob(&k->key)) &&
           add_cert_store(k, k->cert.path, &k->cert.cert);
}

bool ncr_add_file(struct ncr_add *a, const char *file)
{
    struct add_key *k = calloc(1, sizeof *k);
    struct ncr_file f;
    bool good = false;

    if (k == NULL) {
        fprintf(stderr, "%s\n", nacre_err_text(NACRE_ERR_NO_MEMORY));
        return false;
    }
    k->a = a;
    k->name = strcmp(file, "-") == 0 ? "(stdin)" : file;
    if (add_read(file, &f)) {
        if (add_load(k, &f)) {
            if (k->comment[0] == '\0')
                (void)snprintf(k->comment, sizeof k->comment, "%s", k->name); /* or its start */
            good = !a->certs_only && add_plain(k);
            if (!a->keys_only && add_cert(k) && a->certs_only)
                good = true;
        }
        ncr_file_wipe(&f);
    }
    nacre_wipe(k, sizeof *k);
    free(k);
    return good;
}

/* ---- Removing ---------------------------------------------------------------------------- */

/* Type as a public key file has it. */
static struct nacre_bytes add_type(struct nacre_bytes blob)
{
    struct nacre_pubkey k;
    nacre_err err = nacre_pubkey_decode(&k, blob);

    return err == NACRE_OK || err == NACRE_ERR_UNKNOWN_ALG ? k.name : nacre_bytes_str("UNKNOWN");
}

/* "ED25519", "RSA-CERT", and the size; a type that is not understood has none. */
static const char *add_label(char out[ADD_TEXT_CAP], struct nacre_bytes blob, unsigned *bits)
{
    uint8_t plain[NACRE_KEY_BLOB_MAX];
    struct nacre_cert cert;
    struct nacre_pubkey k;
    const bool is_cert = nacre_cert_decode(&cert, blob, plain, sizeof plain) == NACRE_OK;
    nacre_err err = nacre_pubkey_decode(&k, is_cert ? cert.plain : blob);

    *bits = err == NACRE_OK ? k.bits : 0;
    (void)snprintf(out, ADD_TEXT_CAP, "%s%s", err == NACRE_OK ? nacre_pubkey_label(&k) : "UNKNOWN",
                   is_cert ? "-CERT" : "");
    return out;
}

static bool add_remove_one(struct ncr_add *a, struct nacre_bytes blob, const char *path,
                           const char *comment)
{
    char text[ADD_TEXT_CAP];
    char label[ADD_TEXT_CAP];
    unsigned bits;
    nacre_err err = nacre_agent_remove(a->agent, blob);

    if (err != NACRE_OK)
        fprintf(stderr, "Could not remove identity \"%s\": %s\n", path, add_error(err));
    else if (!a->quiet)
        fprintf(stderr, "Identity removed: %s %s (%s)\n", path, add_label(label, blob, &bits),
                add_text(text, nacre_bytes_str(comment[0] != '\0' ? comment : "no comment")));
    return err == NACRE_OK;
}

/* One line of standard input. */
static bool add_remove_line(struct ncr_add *a, struct nacre_bytes line, unsigned number)
{
    uint8_t blob[NACRE_LINE_MAX];
    char comment[NACRE_KEY_COMMENT_MAX + 1] = "";
    struct nacre_bytes text = {NULL, 0};
    struct nacre_pubkey k;
    nacre_err err = nacre_pubkey_parse(&k, &text, line, blob, sizeof blob);

    if (err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG) {
        fprintf(stderr, "(stdin):%u: invalid key: invalid format\n", number);
        return false;
    }
    if ((a->keys_only && nacre_cert_is(k.blob)) || (a->certs_only && !nacre_cert_is(k.blob)))
        return false;
    if (text.n > 0 && text.n < sizeof comment)
        memcpy(comment, text.p, text.n);
    return add_remove_one(a, k.blob, "(stdin)", comment);
}

static bool add_remove_stdin(struct ncr_add *a)
{
    struct ncr_file f;
    unsigned number = 0;
    bool any = false;

    if (ncr_file_read_fd(&f, STDIN_FILENO, NACRE_KEYFILE_MAX) != NACRE_OK)
        return false;
    for (size_t at = 0, end; at < f.n; at = end + 1) {
        for (end = at; end < f.n && f.p[end] != '\n'; end++)
            ;
        number++;
        while (at < end && (f.p[at] == ' ' || f.p[at] == '\t'))
            at++;
        if (at < end && f.p[at] != '#' &&
            add_remove_line(a, (struct nacre_bytes){f.p + at, end - at}, number))
            any = true;
    }
    ncr_file_wipe(&f);
    return any;
}

/* What removing the certificate beside a key comes to. */
enum add_beside { ADD_NO_CERT = 0, ADD_CERT_DONE, ADD_CERT_OF_ANOTHER };

static enum add_beside add_remove_cert(struct ncr_add *a, const char *file, struct nacre_bytes key)
{
    struct add_cert_file *f = malloc(sizeof *f);
    enum add_beside how = ADD_NO_CERT;

    if (f != NULL && add_cert_read(f, file)) {
        if (!add_cert_certifies(f, file, key))
            how = ADD_CERT_OF_ANOTHER;
        else if (add_remove_one(a, f->pub.blob, f->path, f->pub.comment))
            how = ADD_CERT_DONE;
    }
    free(f);
    return how;
}

bool ncr_add_remove_file(struct ncr_add *a, const char *file)
{
    enum add_beside how = ADD_NO_CERT;
    struct ncr_keygen_public *p;
    nacre_err err;
    bool good = false;

    if (strcmp(file, "-") == 0)
        return add_remove_stdin(a);
    p = malloc(sizeof *p);
    err = p != NULL ? ncr_keygen_load_public(p, file) : NACRE_ERR_NO_MEMORY;
    if (err != NACRE_OK) {
        printf("Bad key file %s: %s\n", file, ncr_keygen_public_error(err));
    } else {
        good = !a->certs_only && add_remove_one(a, p->blob, file, p->comment);
        if (!a->keys_only)
            how = add_remove_cert(a, file, p->blob);
        good = how == ADD_CERT_DONE || (good && how == ADD_NO_CERT);
    }
    free(p);
    return good;
}

bool ncr_add_remove_all(struct ncr_add *a)
{
    nacre_err err = nacre_agent_remove_all(a->agent);

    if (err != NACRE_OK)
        fprintf(stderr, "Failed to remove all identities.\n");
    else if (!a->quiet)
        fprintf(stderr, "All identities removed.\n");
    return err == NACRE_OK;
}

/* ---- Listing ----------------------------------------------------------------------------- */

static void add_list_short(const struct ncr_add *a, const struct nacre_agent_identity *id)
{
    uint8_t plain[NACRE_KEY_BLOB_MAX];
    struct nacre_cert cert;
    char fp[NACRE_FINGERPRINT_LEN];
    char comment[ADD_TEXT_CAP];
    char label[ADD_TEXT_CAP];
    unsigned bits;

    nacre_fingerprint(fp, a->hash,
                      nacre_cert_decode(&cert, id->blob, plain, sizeof plain) == NACRE_OK
                          ? cert.plain
                          : id->blob);
    (void)add_label(label, id->blob, &bits);
    printf("%u %s %s (%s)\n", bits, fp, add_text(comment, id->comment), label);
}

static void add_list_full(const struct nacre_agent_identity *id)
{
    const struct nacre_bytes none = {NULL, 0};
    const size_t cap = NACRE_PUBKEY_TEXT_LEN(id->blob.n, 0);
    char comment[ADD_TEXT_CAP];
    char *line = malloc(cap);

    if (line != NULL && nacre_pubkey_format(line, cap, id->blob, none) == NACRE_OK)
        printf("%s %s\n", line, add_text(comment, id->comment));
    else
        fprintf(stderr, "sshkey_write: invalid format\n");
    free(line);
}

bool ncr_add_list(struct ncr_add *a, bool full)
{
    struct nacre_agent_identity id;
    struct nacre_bytes keys;
    nacre_err err = nacre_agent_list(a->agent, &keys);

    if (err != NACRE_OK) {
        fprintf(stderr, "error fetching identities: %s\n", add_error(err));
        return false;
    }
    if (keys.n == 0) {
        printf("The agent has no identities.\n");
        return false;
    }
    while (nacre_agent_identity_next(&keys, &id)) {
        if (full)
            add_list_full(&id);
        else
            add_list_short(a, &id);
    }
    return true;
}

/* ---- The rest ---------------------------------------------------------------------------- */

/* The algorithm that its key signs with when nobody asks for another one. */
static struct nacre_bytes add_test_alg(struct nacre_bytes plain)
{
    const struct nacre_bytes type = add_type(plain);
    const char *alg = nacre_key_type_alg(type, 0);

    return alg != NULL ? nacre_bytes_str(alg) : type;
}

static bool add_test_key(struct ncr_add *a, const char *file, struct nacre_bytes blob,
                         struct nacre_bytes plain)
{
    const struct nacre_bytes alg = add_test_alg(plain);
    uint8_t data[ADD_TEST_LEN];
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    size_t n;
    nacre_err err = NACRE_ERR_RNG;

    if (nacre_rng_fill(&nacre_rng_os, data, sizeof data))
        err = nacre_agent_sign(a->agent, blob, alg, (struct nacre_bytes){data, sizeof data}, sig,
                               sizeof sig, &n);
    if (err != NACRE_OK) {
        fprintf(stderr, "Agent signature failed for %s: %s\n", file, add_error(err));
        return false;
    }
    err = nacre_sig_verify(NACRE_ALGS_ALL, alg, plain, (struct nacre_bytes){data, sizeof data},
                           (struct nacre_bytes){sig, n}, a->work);
    if (err != NACRE_OK)
        fprintf(stderr, "Signature verification failed for %s: %s\n", file, nacre_err_text(err));
    return err == NACRE_OK;
}

bool ncr_add_test(struct ncr_add *a, const char *file)
{
    uint8_t plain[NACRE_KEY_BLOB_MAX];
    struct ncr_keygen_public *p = malloc(sizeof *p);
    nacre_err err = p != NULL ? ncr_keygen_load_public(p, file) : NACRE_ERR_NO_MEMORY;
    struct nacre_cert cert;
    bool good = false;

    if (err != NACRE_OK)
        fprintf(stderr, "Couldn't read public key %s: %s\n", file, ncr_keygen_public_error(err));
    else if (nacre_cert_decode(&cert, p->blob, plain, sizeof plain) == NACRE_OK)
        good = add_test_key(a, file, p->blob, cert.plain);
    else
        good = add_test_key(a, file, p->blob, p->blob);
    free(p);
    return good;
}

bool ncr_add_lock(struct ncr_add *a, bool lock)
{
    char first[NCR_ADD_PASS_MAX];
    char again[NCR_ADD_PASS_MAX];
    nacre_err err;
    bool good;

    /* without an answer both are empty, which agents refuse */
    (void)ncr_ask_piped("Enter lock password: ", first, sizeof first);
    if (lock)
        (void)ncr_ask_piped("Again: ", again, sizeof again); /* likewise */
    good = !lock || strcmp(first, again) == 0;
    if (!good)
        fprintf(stderr, "Passwords do not match.\n");
    if (good) {
        err = lock ? nacre_agent_lock(a->agent, first) : nacre_agent_unlock(a->agent, first);
        good = err == NACRE_OK;
        if (good)
            fprintf(stderr, "Agent %slocked.\n", lock ? "" : "un");
        else
            fprintf(stderr, "Failed to %slock agent: %s\n", lock ? "" : "un", add_error(err));
    }
    nacre_wipe(first, sizeof first);
    if (lock)
        nacre_wipe(again, sizeof again);
    return good;
}
