/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -A: the host keys of every default type that are not there yet, without passphrase,
 * under the directory of -f. As ssh-keygen it says what it makes whether or not it is to be quiet,
 * and what cannot be written is told but is no failure of the whole.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/keygen.h"

static uint64_t hostkeys_work[NACRE_WORK];

static const struct {
    const char *type, *said, *file;
} hostkeys_types[] = {
    {"ssh-rsa", "RSA", "/etc/ssh/ssh_host_rsa_key"},
    {"ecdsa-sha2-nistp256", "ECDSA", "/etc/ssh/ssh_host_ecdsa_key"},
    {"ssh-ed25519", "ED25519", "/etc/ssh/ssh_host_ed25519_key"},
    {"ssh-mldsa44-ed25519", "MLDSA44-ED25519", "/etc/ssh/ssh_host_mldsa44_ed25519_key"},
};
#define HOSTKEYS_TYPES (sizeof hostkeys_types / sizeof hostkeys_types[0])

/* True if there is none, or an empty file; told if that cannot be known. */
static bool hostkeys_missing(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return st.st_size == 0;
    if (errno == ENOENT)
        return true;
    fprintf(stderr, "Could not stat %s: %s\n", path, strerror(errno));
    return false;
}

/* Makes and writes one; false if told. */
static bool hostkeys_make(const struct ncr_keygen *g, const char *type, const char *path)
{
    struct ncr_keygen_key k;
    char pub[NCR_KEYGEN_PATH_MAX];
    bool good = ncr_keygen_path(pub, path, ".pub");
    nacre_err err = NACRE_OK;

    memset(&k, 0, sizeof k);
    if (good)
        err = nacre_privkey_generate(&k.key, type, 0, &nacre_rng_os, hostkeys_work);
    if (err != NACRE_OK)
        ncr_keygen_complain(path, nacre_err_text(err));
    good = good && err == NACRE_OK && ncr_keygen_default_comment(&k) &&
           ncr_keygen_save(&k, g, path, pub) == 0;
    nacre_wipe(&k, sizeof k);
    return good;
}

int ncr_keygen_host_keys(const struct ncr_keygen *g)
{
    char path[NCR_KEYGEN_PATH_MAX];
    bool told = false;

    for (size_t i = 0; i < HOSTKEYS_TYPES; i++) {
        if (!ncr_keygen_path(path, g->file == NULL ? "" : g->file, hostkeys_types[i].file))
            return NCR_KEYGEN_FATAL;
        if (!hostkeys_missing(path))
            continue;
        if (!told)
            printf("nacre-keygen: generating new host keys: ");
        printf("%s ", hostkeys_types[i].said);
        (void)fflush(stdout); /* before what is told of it; errors show at the end */
        told = hostkeys_make(g, hostkeys_types[i].type, path);
    }
    if (told)
        putchar('\n');
    return 0;
}
