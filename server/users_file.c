/* SPDX-License-Identifier: ISC
 *
 * Passwords from a users file: see users_file.h. CT in the password and in the stored secret; which
 * line matches, and the lengths, leak nothing that the work done does not hide.
 */
#include "server/users_file.h"

#include <stdio.h>
#include <string.h>

#define USERS_TAG "$pbkdf2-sha256$"
#define USERS_PLAIN "{plain}"
#define USERS_SALT_LEN 16
#define USERS_PASSWORD_MAX 1024 /* as the engine takes them */

/* A stored secret, taken apart. A zeroed one matches nothing. */
struct users_secret {
    bool known;
    bool plain;
    uint32_t rounds;
    uint8_t salt[USERS_SALT_LEN];
    uint8_t hash[NACRE_SHA256_LEN];
    struct nacre_bytes text; /* plain */
};

void ncr_pbkdf2_sha256(uint8_t out[NACRE_SHA256_LEN], struct nacre_bytes password,
                       struct nacre_bytes salt, uint32_t rounds)
{
    static const uint8_t block_one[4] = {0, 0, 0, 1};
    struct nacre_hmac h;
    uint8_t u[NACRE_SHA256_LEN];
    nacre_hmac_init(&h, &nacre_hash_sha256, password.p, password.n);
    nacre_hmac_update(&h, salt.p, salt.n);
    nacre_hmac_update(&h, block_one, sizeof block_one);
    nacre_hmac_final(u, &h);
    memcpy(out, u, sizeof u);
    for (uint32_t i = 1; i < rounds; i++) {
        nacre_hmac_update(&h, u, sizeof u);
        nacre_hmac_final(u, &h);
        for (size_t k = 0; k < sizeof u; k++) {
            out[k] = (uint8_t)(out[k] ^ u[k]);
        }
    }
    nacre_wipe(&h, sizeof h);
    nacre_wipe(u, sizeof u);
}

static bool users_prefix(struct nacre_bytes *b, const char *prefix)
{
    size_t n = strlen(prefix);
    if (b->n < n || memcmp(b->p, prefix, n) != 0) {
        return false;
    }
    b->p += n;
    b->n -= n;
    return true;
}

/* The part up to the separator, which is dropped; all of b if there is none. */
static struct nacre_bytes users_part(struct nacre_bytes *b, uint8_t sep)
{
    struct nacre_bytes part = {b->p, 0};
    while (part.n < b->n && b->p[part.n] != sep) {
        part.n++;
    }
    size_t skip = part.n < b->n ? part.n + 1 : part.n;
    b->p += skip;
    b->n -= skip;
    return part;
}

static int users_nibble(uint8_t ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static bool users_hex(uint8_t *out, size_t len, struct nacre_bytes hex)
{
    if (hex.n != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int hi = users_nibble(hex.p[2 * i]), lo = users_nibble(hex.p[2 * i + 1]);
        if (hi < 0 || lo < 0) {
            return false;
        }
        out[i] = (uint8_t)(hi * 16 + lo);
    }
    return true;
}

static bool users_rounds(uint32_t *rounds, struct nacre_bytes b)
{
    uint32_t v = 0;
    for (size_t i = 0; i < b.n; i++) {
        if (b.p[i] < '0' || b.p[i] > '9' || v > NCR_PASSWORD_ROUNDS_MAX) {
            return false;
        }
        v = v * 10 + (uint32_t)(b.p[i] - '0');
    }
    *rounds = v;
    return v > 0 && v <= NCR_PASSWORD_ROUNDS_MAX;
}

static void users_secret_read(struct users_secret *s, struct nacre_bytes b)
{
    memset(s, 0, sizeof *s);
    if (users_prefix(&b, USERS_PLAIN)) {
        s->plain = s->known = b.n > 0;
        s->text = b;
        return;
    }
    if (!users_prefix(&b, USERS_TAG)) {
        return;
    }
    struct nacre_bytes rounds = users_part(&b, '$'), salt = users_part(&b, '$');
    s->known = users_rounds(&s->rounds, rounds) && users_hex(s->salt, sizeof s->salt, salt) &&
               users_hex(s->hash, sizeof s->hash, b);
    if (!s->known) {
        s->rounds = 0;
    }
}

/* The next `name:secret` of text. */
static bool users_line(struct nacre_bytes *text, struct nacre_bytes *name,
                       struct nacre_bytes *secret)
{
    while (text->n > 0) {
        *secret = users_part(text, '\n');
        if (secret->n > 0 && secret->p[secret->n - 1] == '\r') {
            secret->n--;
        }
        if (secret->n == 0 || secret->p[0] == '#') {
            continue;
        }
        *name = users_part(secret, ':');
        if (name->n > 0) {
            return true;
        }
    }
    return false;
}

/* Finds the first line of that name, and the rounds of the dearest line. */
static uint32_t users_find(struct users_secret *found, struct nacre_bytes text,
                           struct nacre_bytes wanted)
{
    struct nacre_bytes name, secret;
    uint32_t most = 0;
    bool seen = false;
    memset(found, 0, sizeof *found);
    while (users_line(&text, &name, &secret)) {
        struct users_secret s;
        users_secret_read(&s, secret);
        most = s.rounds > most ? s.rounds : most;
        if (!seen && name.n == wanted.n && memcmp(name.p, wanted.p, name.n) == 0) {
            *found = s;
            seen = true;
        }
    }
    return most;
}

/* Lengths do not show: digests are compared. */
static bool users_same_text(struct nacre_bytes a, struct nacre_bytes b)
{
    struct nacre_sha256 h;
    uint8_t da[NACRE_SHA256_LEN], db[NACRE_SHA256_LEN];
    nacre_sha256_init(&h);
    nacre_sha256_update(&h, a.p, a.n);
    nacre_sha256_final(da, &h);
    nacre_sha256_init(&h);
    nacre_sha256_update(&h, b.p, b.n);
    nacre_sha256_final(db, &h);
    bool same = nacre_ct_eq(da, db, sizeof da);
    nacre_wipe(da, sizeof da);
    nacre_wipe(db, sizeof db);
    return same;
}

bool ncr_users_check(struct nacre_bytes text, struct nacre_bytes name, struct nacre_bytes password)
{
    struct users_secret s;
    uint8_t hash[NACRE_SHA256_LEN], rest[NACRE_SHA256_LEN];
    if (password.n == 0 || password.n > USERS_PASSWORD_MAX) {
        return false;
    }
    uint32_t most = users_find(&s, text, name);
    struct nacre_bytes salt = {s.salt, sizeof s.salt};
    ncr_pbkdf2_sha256(hash, password, salt, s.rounds);
    ncr_pbkdf2_sha256(rest, password, salt, most - s.rounds);
    bool plain_ok = users_same_text(s.text, password);
    bool hash_ok = nacre_ct_eq(hash, s.hash, sizeof hash);
    nacre_wipe(hash, sizeof hash);
    nacre_wipe(rest, sizeof rest);
    return s.known && (s.plain ? plain_ok : hash_ok);
}

static void users_put_hex(char *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

bool ncr_users_hash(char out[NCR_PASSWORD_TEXT_LEN], struct nacre_bytes password, uint32_t rounds,
                    const struct nacre_rng *rng)
{
    uint8_t salt[USERS_SALT_LEN], hash[NACRE_SHA256_LEN];
    char salt_hex[2 * USERS_SALT_LEN + 1], hash_hex[2 * NACRE_SHA256_LEN + 1];
    out[0] = '\0';
    if (password.n == 0 || password.n > USERS_PASSWORD_MAX || rounds == 0 ||
        rounds > NCR_PASSWORD_ROUNDS_MAX || !nacre_rng_fill(rng, salt, sizeof salt)) {
        return false;
    }
    ncr_pbkdf2_sha256(hash, password, (struct nacre_bytes){salt, sizeof salt}, rounds);
    users_put_hex(salt_hex, salt, sizeof salt);
    users_put_hex(hash_hex, hash, sizeof hash);
    int n = snprintf(out, NCR_PASSWORD_TEXT_LEN, USERS_TAG "%u$%s$%s", (unsigned)rounds, salt_hex,
                     hash_hex);
    nacre_wipe(hash, sizeof hash);
    nacre_wipe(hash_hex, sizeof hash_hex);
    return n > 0 && n < NCR_PASSWORD_TEXT_LEN;
}
