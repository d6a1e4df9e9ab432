/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -Y sign: signatures of files and of standard input (PROTOCOL.sshsig), as git wants
 * them, with a private key's file or with a key of the agent. What is signed is hashed as it is
 * read, never held. keygen_verify.c has the other jobs of -Y.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/keygen.h"
#include "client/nacre_client.h"
#include "proto/posix/file.h"

static uint64_t sign_work[NACRE_WORK];

/* Who signs, and how. */
struct sign_run {
    const struct ncr_keygen *g;
    const char *hash;             /* of the message */
    struct ncr_keygen_public pub; /* key or certificate that the signature shows */
    struct nacre_bytes plain;     /* the key that signs */
    uint8_t plain_room[NACRE_KEY_BLOB_MAX];
    struct nacre_agent *agent; /* NULL: the private key below */
    struct nacre_bytes held;   /* how the agent knows the key: with its certificate, or plain */
    struct ncr_keygen_key key;
};

/* ---- The message ---- */

nacre_err ncr_keygen_digest_fd(uint8_t digest[NACRE_HASH_MAX_LEN], const struct nacre_hash *hash,
                               int fd)
{
    static uint8_t chunk[64 * 1024];
    union nacre_hash_ctx ctx;
    ssize_t got;

    hash->init(&ctx);
    while ((got = read(fd, chunk, sizeof chunk)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return NACRE_ERR_IO;
        hash->update(&ctx, chunk, (size_t)got);
    }
    hash->final(digest, &ctx);
    return NACRE_OK;
}

/* ---- The key ---- */

static bool sign_hash_option(struct sign_run *r)
{
    r->hash = "sha512";
    for (size_t i = 0; i < r->g->opt_n; i++) {
        if (strncasecmp(r->g->opts[i], "hashalg=", 8) != 0) {
            fprintf(stderr, "Invalid option \"%s\"\n", r->g->opts[i]);
            return false;
        }
        r->hash = r->g->opts[i] + 8;
    }
    return true;
}

/* The plain key of what was loaded; false if it can sign nothing here. */
static bool sign_plain(struct sign_run *r)
{
    struct nacre_cert c;

    r->plain = r->pub.blob;
    if (!nacre_cert_is(r->pub.blob))
        return true;
    if (nacre_cert_decode(&c, r->pub.blob, r->plain_room, sizeof r->plain_room) != NACRE_OK)
        return false;
    r->plain = c.plain;
    return true;
}

static bool sign_same(struct nacre_bytes a, struct nacre_bytes b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Whether the agent holds the certificate, or else the plain key. */
static bool sign_find_in_agent(struct sign_run *r)
{
    struct nacre_agent_identity id;
    struct nacre_bytes keys;

    r->held.n = 0;
    if (nacre_agent_list(r->agent, &keys) != NACRE_OK)
        return false;
    while (nacre_agent_identity_next(&keys, &id)) {
        if (sign_same(id.blob, r->pub.blob)) {
            r->held = r->pub.blob;
            return true;
        }
        if (sign_same(id.blob, r->plain))
            r->held = r->plain;
    }
    return r->held.n > 0;
}

/* An agent with the key, if there is one; false if told that -U wants one. */
static bool sign_use_agent(struct sign_run *r)
{
    if (nacre_agent_open(&r->agent, NULL) != NACRE_OK) {
        r->agent = NULL;
        if (r->g->in_agent)
            fputs("Couldn't get agent socket\n", stderr);
        return !r->g->in_agent;
    }
    if (sign_find_in_agent(r))
        return true;
    nacre_agent_close(r->agent);
    r->agent = NULL;
    if (r->g->in_agent)
        fputs("Couldn't find key in agent\n", stderr);
    return !r->g->in_agent;
}

/* The private key's file: -f, without the end that says that it is a public half. */
static bool sign_private_path(char out[NCR_KEYGEN_PATH_MAX], const char *path)
{
    static const char *const ends[] = {"-cert.pub", ".pub"};
    struct stat st;

    if (!ncr_keygen_path(out, path, ""))
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t n = strlen(path);
        size_t end = strlen(ends[i]);

        if (n <= end || strcmp(path + n - end, ends[i]) != 0)
            continue;
        out[n - end] = '\0';
        if (stat(out, &st) == 0)
            return true;
        fprintf(stderr, "No private key found for public key \"%s\"\n", path);
        return false;
    }
    return true;
}

static int sign_load_private(struct sign_run *r)
{
    char path[NCR_KEYGEN_PATH_MAX];
    char prompt[NCR_KEYGEN_PATH_MAX + 32];
    int status;

    if (!sign_private_path(path, r->g->file))
        return NCR_KEYGEN_FATAL;
    (void)snprintf(prompt, sizeof prompt, "Enter passphrase for \"%s\": ", path); /* fits */
    status = ncr_keygen_load(&r->key, r->g, path, prompt);
    if (status != 0)
        return status;
    if (sign_same(nacre_privkey_public_blob(&r->key.key), r->plain))
        return 0;
    fprintf(stderr, "Public key %s doesn't match private %s\n", r->g->file, path);
    return NCR_KEYGEN_FATAL;
}

static int sign_open_key(struct sign_run *r)
{
    nacre_err err = ncr_keygen_load_public(&r->pub, r->g->file);

    if (err == NACRE_OK && !sign_plain(r))
        err = NACRE_ERR_KEY_FORMAT;
    if (err != NACRE_OK) {
        fprintf(stderr, "Couldn't load public key %s: %s\n", r->g->file,
                ncr_keygen_public_error(err));
        return NCR_KEYGEN_FATAL;
    }
    if (!sign_use_agent(r))
        return NCR_KEYGEN_FATAL;
    return r->agent != NULL ? 0 : sign_load_private(r);
}

/* ---- Signing ---- */

/* The first algorithm of a key is never one with SHA-1. */
static nacre_err sign_data(struct sign_run *r, struct nacre_bytes data, uint8_t *sig, size_t *n)
{
    struct nacre_pubkey k;
    const char *alg;
    nacre_err err = nacre_pubkey_decode(&k, r->plain);

    alg = err == NACRE_OK ? nacre_key_type_alg(k.name, 0) : NULL;
    if (alg == NULL)
        return NACRE_ERR_UNKNOWN_ALG;
    if (r->agent == NULL)
        return nacre_privkey_sign(&r->key.key, nacre_bytes_str(alg), data, sig, NACRE_SIG_BLOB_MAX,
                                  n, &nacre_rng_os, sign_work);
    err =
        nacre_agent_sign(r->agent, r->held, nacre_bytes_str(alg), data, sig, NACRE_SIG_BLOB_MAX, n);
    if (err != NACRE_OK)
        return err;
    return nacre_sig_verify(&nacre_algs_default, nacre_bytes_str(alg), r->plain, data,
                            (struct nacre_bytes){sig, *n}, sign_work);
}

/* Signs what fd gives; text gets the armored signature. */
static nacre_err sign_fd(struct sign_run *r, int fd, uint8_t *text, size_t *n)
{
    static uint8_t sig[NACRE_SIG_BLOB_MAX];
    uint8_t message[512], digest[NACRE_HASH_MAX_LEN];
    const struct nacre_hash *hash = nacre_sshsig_hash(nacre_bytes_str(r->hash));
    struct nacre_bytes data = {message, 0};
    struct nacre_bytes blob = {sig, 0};
    nacre_err err = NACRE_ERR_UNKNOWN_ALG;

    if (hash == NULL)
        fprintf(stderr, "unsupported hash algorithm \"%s\"\n", r->hash);
    else
        err = ncr_keygen_digest_fd(digest, hash, fd);
    if (err == NACRE_OK)
        err = nacre_sshsig_message(message, sizeof message, &data.n, r->g->names, r->hash,
                                   (struct nacre_bytes){digest, hash->len});
    if (err == NACRE_OK)
        err = sign_data(r, data, sig, &blob.n);
    if (err == NACRE_OK)
        err = nacre_sshsig_format(text, NCR_KEYGEN_SSHSIG_MAX, n, r->pub.blob, r->g->names, r->hash,
                                  blob);
    return err;
}

static int sign_failed(const char *name, nacre_err err)
{
    fprintf(stderr, "Signing %s failed: %s\n", name, ncr_file_error(err));
    return NCR_KEYGEN_FATAL;
}

static int sign_stdin(struct sign_run *r)
{
    static uint8_t text[NCR_KEYGEN_SSHSIG_MAX];
    size_t n;
    nacre_err err;

    if (!r->g->quiet)
        fputs("Signing data on standard input\n", stderr);
    err = sign_fd(r, STDIN_FILENO, text, &n);
    if (err != NACRE_OK)
        return sign_failed("(stdin)", err);
    return fwrite(text, 1, n, stdout) == n ? 0 : sign_failed("(stdin)", NACRE_ERR_IO);
}

static int sign_save(const struct sign_run *r, const char *path, const uint8_t *text, size_t n)
{
    nacre_err err;

    if (!ncr_keygen_may_write(path))
        return 0; /* as ssh-keygen has it */
    err = ncr_keygen_write(path, 0666, text, n);
    if (err != NACRE_OK) {
        fprintf(stderr, "Cannot write %s: %s\n", path, ncr_file_error(err));
        return NCR_KEYGEN_FATAL;
    }
    if (!r->g->quiet)
        fprintf(stderr, "Write signature to %s\n", path);
    return 0;
}

static int sign_file(struct sign_run *r, const char *path)
{
    static uint8_t text[NCR_KEYGEN_SSHSIG_MAX];
    char out[NCR_KEYGEN_PATH_MAX];
    size_t n;
    nacre_err err;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        fprintf(stderr, "Cannot open %s for signing: %s\n", path, strerror(errno));
        return NCR_KEYGEN_FATAL;
    }
    if (!r->g->quiet)
        fprintf(stderr, "Signing file %s\n", path);
    err = sign_fd(r, fd, text, &n);
    (void)close(fd); /* only read */
    if (err != NACRE_OK)
        return sign_failed(path, err);
    if (!ncr_keygen_path(out, path, ".sig"))
        return NCR_KEYGEN_FATAL;
    return sign_save(r, out, text, n);
}

int ncr_keygen_sign(const struct ncr_keygen *g)
{
    static struct sign_run r;
    int status;

    memset(&r, 0, sizeof r);
    r.g = g;
    status = sign_hash_option(&r) ? sign_open_key(&r) : NCR_KEYGEN_FATAL;
    if (status == 0 && g->arg_n == 0)
        status = sign_stdin(&r);
    for (size_t i = 0; status == 0 && i < g->arg_n; i++)
        status = strcmp(g->args[i], "-") == 0 ? sign_stdin(&r) : sign_file(&r, g->args[i]);
    nacre_agent_close(r.agent);
    nacre_wipe(&r, sizeof r);
    return status;
}

/* ---- -Y ---- */

struct sign_job {
    const char *name;
    int (*run)(const struct ncr_keygen *g);
    struct {
        char option;
        const char *missing;
    } needs[4];
};

/* In ssh-keygen's words. */
static const struct sign_job sign_jobs[] = {
    {"find-principals",
     ncr_keygen_find_principals,
     {{'s', "Too few arguments for find-principals:missing signature file"},
      {'f', "Too few arguments for find-principals:missing allowed keys file"}}},
    {"match-principals",
     ncr_keygen_match_principals,
     {{'f', "Too few arguments for match-principals:missing allowed keys file"},
      {'I', "Too few arguments for match-principals: missing principal ID"}}},
    {"sign",
     ncr_keygen_sign,
     {{'n', "Too few arguments for sign: missing namespace"},
      {'f', "Too few arguments for sign: missing key"}}},
    {"check-novalidate",
     ncr_keygen_verify,
     {{'n', "Too few arguments for check-novalidate: missing namespace"},
      {'s', "Too few arguments for check-novalidate: missing signature file"}}},
    {"verify",
     ncr_keygen_verify,
     {{'n', "Too few arguments for verify: missing namespace"},
      {'s', "Too few arguments for verify: missing signature file"},
      {'f', "Too few arguments for sign: missing allowed keys file"},
      {'I', "Too few arguments for verify: missing principal identity"}}},
};

static bool sign_needs(const struct sign_job *job, const struct ncr_keygen *g)
{
    for (size_t i = 0; i < sizeof job->needs / sizeof job->needs[0]; i++) {
        char option = job->needs[i].option;

        if (option == '\0' ||
            (ncr_keygen_given(g, option) && (option != 'n' || g->names[0] != '\0')))
            continue;
        fprintf(stderr, "%s\n", job->needs[i].missing);
        return false;
    }
    return true;
}

int ncr_keygen_signature(const struct ncr_keygen *g)
{
    for (size_t i = 0; i < sizeof sign_jobs / sizeof sign_jobs[0]; i++) {
        if (strcmp(g->sign_job, sign_jobs[i].name) == 0)
            return sign_needs(&sign_jobs[i], g) ? sign_jobs[i].run(g) : NCR_KEYGEN_REFUSED;
    }
    fprintf(stderr, "Unsupported operation for -Y: \"%s\"\n", g->sign_job);
    return NCR_KEYGEN_REFUSED;
}
