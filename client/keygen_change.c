/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -y, -c and -p: the public half of a private key's file, another comment, another
 * passphrase.
 */
#include <stdio.h>
#include <string.h>

#include "client/keygen.h"

/* ---- -y ---- */

int ncr_keygen_print_public(const struct ncr_keygen *g)
{
    struct ncr_keygen_key k;
    char path[NCR_KEYGEN_PATH_MAX];
    char text[NACRE_PUBKEY_TEXT_LEN(NACRE_PRIVKEY_BLOB_MAX, 0)];
    char prompt[NCR_KEYGEN_PROMPT_MAX];
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
static bool change_ask_comment(struct ncr_keygen_key *k, const struct ncr_keygen *g)
{
    char answer[NACRE_KEY_COMMENT_MAX + 2]; /* one too many shows that it is too long */

    if (g->comment != NULL)
        return ncr_keygen_set_comment(k, g->comment);
    return ncr_keygen_ask(answer, sizeof answer, "New comment: ") &&
           ncr_keygen_set_comment(k, answer);
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
    if (!change_ask_comment(&k, g))
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
    if (status == 0 && !ncr_keygen_new_passphrase(
                           k.pass, g, "Enter new passphrase (empty for no passphrase): ", false))
        status = NCR_KEYGEN_REFUSED;
    if (status == 0)
        status = ncr_keygen_save_private(&k, g, path);
    if (status == 0)
        printf("Your identification has been saved with the new passphrase.\n");
    nacre_wipe(&k, sizeof k);
    return status;
}
