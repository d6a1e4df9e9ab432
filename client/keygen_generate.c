/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -t: making a key, and telling of it as ssh-keygen does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "client/keygen.h"

static uint64_t generate_work[NACRE_WORK];

/* -t names: what they are called in key blobs, by their size if they have one. */
static const struct {
    const char *option, *type;
    unsigned bits; /* 0: any */
    bool any_case; /* RSA too */
} generate_types[] = {
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
#define GENERATE_TYPES (sizeof generate_types / sizeof generate_types[0])
#define GENERATE_RSA_MIN 2048
#define GENERATE_RSA_MAX 16384

/* Index of the row; GENERATE_TYPES if told that there is none. */
static size_t generate_type(const char *name, unsigned bits)
{
    bool known = false;

    for (size_t i = 0; i < GENERATE_TYPES; i++) {
        const char *option = generate_types[i].option;

        if ((generate_types[i].any_case ? strcasecmp(name, option) : strcmp(name, option)) != 0)
            continue;
        known = true;
        if (generate_types[i].bits == 0 || generate_types[i].bits == (bits == 0 ? 256 : bits))
            return i;
    }
    if (known)
        fputs("Invalid ECDSA key length: valid lengths are 256, 384 or 521 bits\n", stderr);
    else if (strstr(name, "-sk") != NULL)
        fprintf(stderr, "key type %s needs a security key, which this program does not talk to\n",
                name);
    else
        fprintf(stderr, "unknown key type %s\n", name);
    return GENERATE_TYPES;
}

/* Bits to make the key with: only RSA keys have a choice. False if told. */
static bool generate_size(unsigned *bits, size_t type, unsigned wanted)
{
    *bits = 0;
    if (strcmp(generate_types[type].type, "ssh-rsa") != 0 || wanted == 0)
        return true;
    *bits = wanted;
    if (wanted < GENERATE_RSA_MIN)
        fprintf(stderr, "Invalid RSA key length: minimum is %d bits\n", GENERATE_RSA_MIN);
    else if (wanted > GENERATE_RSA_MAX)
        fprintf(stderr, "Invalid RSA key length: maximum is %d bits\n", GENERATE_RSA_MAX);
    else if (wanted % 16 != 0)
        fputs("Invalid RSA key length: not in steps of 16 bits\n", stderr);
    else
        return true;
    return false;
}

/* ~/.ssh for a key that goes there. */
static void generate_directory(const char *path, bool quiet)
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

static void generate_show_art(const struct nacre_pubkey *k, enum nacre_fp_hash hash)
{
    char art[NACRE_RANDOMART_LEN];

    nacre_randomart(art, hash, k);
    printf("%s\n", art);
}

static void generate_report(const struct ncr_keygen_key *k, const struct ncr_keygen *g,
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
    generate_show_art(&public, g->hash);
}

/* The passphrase and the comment of a new key; false if told, or if nobody answers. */
static bool generate_ask(struct ncr_keygen_key *k, const struct ncr_keygen *g, const char *path)
{
    char prompt[NCR_KEYGEN_PROMPT_MAX];

    (void)snprintf(prompt, sizeof prompt,
                   "Enter passphrase for \"%s\" (empty for no passphrase): ", path); /* fits */
    if (!ncr_keygen_new_passphrase(k->pass, g, prompt, true))
        return false;
    return g->comment == NULL ? ncr_keygen_default_comment(k)
                              : ncr_keygen_set_comment(k, g->comment);
}

int ncr_keygen_generate(const struct ncr_keygen *g)
{
    const char *name = g->type != NULL ? g->type : "ed25519";
    const size_t type = generate_type(name, g->bits);
    struct ncr_keygen_key k;
    char path[NCR_KEYGEN_PATH_MAX];
    char pub[NCR_KEYGEN_PATH_MAX];
    int status = NCR_KEYGEN_REFUSED;
    unsigned bits;
    nacre_err err;

    if (type == GENERATE_TYPES || !generate_size(&bits, type, g->bits))
        return NCR_KEYGEN_FATAL;
    if (!g->quiet)
        printf("Generating public/private %s key pair.\n", name);
    if (!ncr_keygen_file(path, g, "Enter file in which to save the key") ||
        !ncr_keygen_path(pub, path, ".pub"))
        return NCR_KEYGEN_REFUSED;
    generate_directory(path, g->quiet);
    if (!ncr_keygen_may_write(path))
        return NCR_KEYGEN_REFUSED;
    memset(&k, 0, sizeof k);
    if (!generate_ask(&k, g, path))
        goto out;
    err = nacre_privkey_generate(&k.key, generate_types[type].type, bits, &nacre_rng_os,
                                 generate_work);
    if (err == NACRE_OK)
        status = ncr_keygen_save(&k, g, path, pub);
    else
        ncr_keygen_complain(path, nacre_err_text(err));
    if (status == 0 && !g->quiet)
        generate_report(&k, g, path, pub);
out:
    nacre_wipe(&k, sizeof k);
    return status;
}
