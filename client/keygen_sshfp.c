/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -r: SSHFP records of a key or of this host's keys, for a zone file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "client/keygen.h"
#include "proto/keys/nacre_sshfp.h"

#define SSHFP_ALL 0 /* both hashes */
#define SSHFP_NO_NUMBER 99

/* -O hashalg=: the record's number of it; false if told that there is no such option or hash. */
static bool sshfp_option(unsigned *hash, const struct ncr_keygen *g)
{
    static const struct {
        const char *name;
        unsigned number;
    } hashes[] = {{"sha1", NACRE_SSHFP_SHA1},
                  {"sha256", NACRE_SSHFP_SHA256},
                  {"md5", SSHFP_NO_NUMBER},
                  {"sha384", SSHFP_NO_NUMBER},
                  {"sha512", SSHFP_NO_NUMBER}};
    size_t n = sizeof hashes / sizeof hashes[0];

    *hash = SSHFP_ALL;
    for (size_t i = 0; i < g->opt_n; i++) {
        size_t row = 0;

        if (strncasecmp(g->opts[i], "hashalg=", 8) != 0) {
            fprintf(stderr, "Invalid option \"%s\"\n", g->opts[i]);
            return false;
        }
        while (row < n && strcasecmp(g->opts[i] + 8, hashes[row].name) != 0)
            row++;
        if (row == n) {
            fputs("Unsupported hash algorithm\n", stderr);
            return false;
        }
        *hash = hashes[row].number;
    }
    return true;
}

/* The records of one key; 0, or the exit status if told. A key without a number is told and no
 * failure, as for ssh-keygen. */
static int sshfp_print(const struct ncr_keygen *g, struct nacre_bytes blob, unsigned hash)
{
    char text[NACRE_SSHFP_NAME_MAX + NACRE_SSHFP_TEXT_LEN];
    bool any = false;

    for (unsigned h = NACRE_SSHFP_SHA1; h <= NACRE_SSHFP_SHA256; h++) {
        nacre_err err;

        if (hash != SSHFP_ALL && hash != h)
            continue;
        err = nacre_sshfp_format(text, sizeof text, g->record, blob, (enum nacre_sshfp_hash)h,
                                 g->generic);
        if (err == NACRE_OK) {
            puts(text);
            any = true;
        } else if (err != NACRE_ERR_UNKNOWN_ALG) {
            ncr_keygen_complain(g->record, nacre_err_text(err));
            return NCR_KEYGEN_FATAL;
        }
    }
    if (!any)
        fputs("unsupported algorithm and/or digest_type\n", stderr);
    return 0;
}

/* The records of the key in a file. */
static int sshfp_file(const struct ncr_keygen *g, const char *path, unsigned hash)
{
    static struct ncr_keygen_public p;
    nacre_err err = ncr_keygen_load_public(&p, path);

    if (err == NACRE_OK)
        return sshfp_print(g, p.blob, hash);
    fprintf(stderr, "Failed to read v2 public key from \"%s\": %s\n", path,
            ncr_keygen_public_error(err));
    return NCR_KEYGEN_FATAL;
}

int ncr_keygen_print_records(const struct ncr_keygen *g)
{
    static const char *const types[] = {"rsa", "ecdsa", "ed25519"};
    char path[NCR_KEYGEN_PATH_MAX];
    struct stat st;
    unsigned hash;
    size_t found = 0;
    int status = 0;

    if (!sshfp_option(&hash, g))
        return NCR_KEYGEN_FATAL;
    if (g->file != NULL && stat(g->file, &st) != 0) {
        fprintf(stderr, "%s: %s\n", g->file, strerror(errno));
        return NCR_KEYGEN_FATAL;
    }
    if (g->file != NULL)
        return sshfp_file(g, g->file, hash);
    for (size_t i = 0; status == 0 && i < sizeof types / sizeof types[0]; i++) {
        (void)snprintf(path, sizeof path, "/etc/ssh/ssh_host_%s_key.pub", types[i]); /* fits */
        if (stat(path, &st) != 0)
            continue;
        found++;
        status = sshfp_file(g, path, hash);
    }
    if (found > 0)
        return status;
    fputs("no keys found.\n", stderr);
    return NCR_KEYGEN_FATAL;
}
