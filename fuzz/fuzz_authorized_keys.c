/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: authorized_keys (proto/keys/authorized_keys.c, addr_list.c).
 *
 * Input: a line; what stands before the first NUL byte, if there is one, is a peer's address, or a
 * list of addresses to match with the line's text. A line lets one key in only if the key's own
 * text stands in it, and a refused line gives no rights.
 */
#include "proto/keys/authorized_keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_authkey_check(bool good)
{
    if (!good)
        abort();
}

static const uint8_t fuzz_authkey_seed[NACRE_ED25519_SEED_LEN];

static bool fuzz_authkey_has(struct nacre_bytes b, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; len <= b.n && i <= b.n - len; i++) {
        if (memcmp(b.p + i, text, len) == 0)
            return true;
    }
    return false;
}

static void fuzz_authkey_line(struct nacre_bytes line, struct nacre_bytes addr)
{
    static struct nacre_authkey a;
    static struct nacre_privkey k;
    char text[128];
    uint8_t *buf = malloc(line.n + 1);
    struct nacre_bytes blob;
    nacre_err err;

    if (buf == NULL)
        return;
    if (k.type == NULL)
        nacre_privkey_from_seed(&k, fuzz_authkey_seed);
    blob = nacre_privkey_public_blob(&k);
    err = nacre_authkey_parse(&a, line, buf, line.n);
    fuzz_authkey_check((err == NACRE_OK) == (a.what == NULL));
    fuzz_authkey_check(err != NACRE_ERR_NO_ROOM);
    if (err != NACRE_OK)
        fuzz_authkey_check(a.permits == 0 && a.key.blob.n == 0);
    if (nacre_authkey_check(&a, blob, addr, 1, 1) == NACRE_AUTHKEY_ALLOW) {
        fuzz_authkey_check(nacre_pubkey_format(text, sizeof text, blob,
                                               (struct nacre_bytes){NULL, 0}) == NACRE_OK);
        fuzz_authkey_check(fuzz_authkey_has(line, text + sizeof "ssh-ed25519"));
        fuzz_authkey_check(!a.cert_authority);
    }
    if (nacre_authkey_permits_forward(&a, NACRE_AUTHKEY_OPEN, addr, 80))
        fuzz_authkey_check((a.permits & NACRE_PERMIT_PORT) != 0);
    err = nacre_authkey_parse_principal(&a, line, buf, line.n);
    fuzz_authkey_check((err == NACRE_OK) == (a.what == NULL));
    fuzz_authkey_check(err == NACRE_OK || a.principal.n == 0);
    if (nacre_authkey_check_principal(&a, addr, 1, 1) == NACRE_AUTHKEY_ALLOW)
        fuzz_authkey_check(a.principal.n > 0 && !a.cert_authority && !a.has_principals);
    free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nacre_bytes line = {data, n};
    struct nacre_bytes addr = {data, 0};

    while (addr.n < n && data[addr.n] != 0)
        addr.n++;
    if (addr.n < n) {
        line.p = data + addr.n + 1;
        line.n = n - addr.n - 1;
        (void)nacre_addr_list_match(line, addr);
        (void)nacre_addr_list_match(addr, nacre_bytes_str("::ffff:192.0.2.1"));
    } else {
        addr = nacre_bytes_str("192.0.2.1");
    }
    fuzz_authkey_line(line, addr);
    return 0;
}
