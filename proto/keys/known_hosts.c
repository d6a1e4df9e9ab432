/* SPDX-License-Identifier: ISC
 *
 * known_hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): one trust engine over lines of text. A line
 * is `[@marker] names type base64 [comment]`; names are patterns or one `|1|salt|hash`.
 *
 * A search keeps the strongest verdict seen, so that the order of lines and files does not matter:
 * a match beats a changed key (a host may have several), a revoked key beats everything. A line
 * that cannot be read gives no trust and is told to the caller.
 *
 * A host at another port than 22 is named `[host]:port`. Lines for the host alone revoke there and
 * name authorities, as with OpenSSH; that one has its very key is told apart.
 *
 * A hashed name is HMAC-SHA-1 of the name, keyed with a salt of its own: each line costs a search
 * four compressions. Names in these files are no secret of the reader's: nothing here is CT.
 */
#include "proto/keys/nacre_keys.h"

#include <string.h>

#include "proto/keys/base64.h"
#include "proto/keys/key_type.h"
#include "proto/keys/text.h"
#include "proto/limits.h"

_Static_assert(NACRE_HOST_NAME_MAX == NCR_HOST_MAX, "one limit, two names");

#define HOSTS_SSH_PORT 22
#define HOSTS_PORT_MAX 65535
#define HOSTS_HASH_MAGIC "|1|"
#define HOSTS_HASH_TEXT NCR_BASE64_LEN(NACRE_HOST_SALT_LEN) /* of salt and of hash as text */

_Static_assert(NACRE_HOST_SALT_LEN == NACRE_SHA1_LEN, "salt and hash are of one length");
_Static_assert(NACRE_HOST_HASH_LEN == sizeof HOSTS_HASH_MAGIC + 2 * HOSTS_HASH_TEXT + 1,
               "magic, salt, bar, hash, NUL");

/* ---- One line ---- */

static nacre_err hosts_bad(struct nacre_host_entry *e, const char *what)
{
    memset(e, 0, sizeof *e);
    e->what = what;
    return NACRE_ERR_FILE_FORMAT;
}

/* Decodes salt or hash, at that place of the name. */
static bool hosts_hash_part(uint8_t out[NACRE_SHA1_LEN], struct nacre_bytes names, size_t at)
{
    size_t n;

    return ncr_base64_decode(out, NACRE_SHA1_LEN, &n, ncr_bytes_part(names, at, HOSTS_HASH_TEXT)) &&
           n == NACRE_SHA1_LEN;
}

/* Reads `|1|salt|hash`. */
static bool hosts_hash_decode(struct nacre_host_entry *e)
{
    size_t salt_at = strlen(HOSTS_HASH_MAGIC);
    size_t hash_at = salt_at + HOSTS_HASH_TEXT + 1;

    return e->names.n == hash_at + HOSTS_HASH_TEXT &&
           memcmp(e->names.p, HOSTS_HASH_MAGIC, salt_at) == 0 && e->names.p[hash_at - 1] == '|' &&
           hosts_hash_part(e->salt, e->names, salt_at) &&
           hosts_hash_part(e->hash, e->names, hash_at);
}

static bool hosts_marker(enum nacre_host_marker *marker, struct nacre_bytes word)
{
    *marker = NACRE_HOST_PLAIN;
    if (nacre_bytes_is(word, "@cert-authority"))
        *marker = NACRE_HOST_CERT_AUTHORITY;
    else if (nacre_bytes_is(word, "@revoked"))
        *marker = NACRE_HOST_REVOKED_KEY;
    return *marker != NACRE_HOST_PLAIN;
}

nacre_err nacre_known_hosts_parse(struct nacre_host_entry *e, struct nacre_bytes line)
{
    memset(e, 0, sizeof *e);
    line = ncr_text_trim(line);
    if (line.n == 0 || line.p[0] == '#') {
        e->blank = true;
        return NACRE_OK;
    }
    e->names = ncr_text_word(&line);
    if (e->names.p[0] == '@') {
        if (!hosts_marker(&e->marker, e->names))
            return hosts_bad(e, "unknown marker");
        e->names = ncr_text_word(&line);
    }
    e->type = ncr_text_word(&line);
    e->key = ncr_text_word(&line);
    e->comment = ncr_text_trim(line);
    if (e->key.n == 0)
        return hosts_bad(e, "not of the form: names type key");
    if (!ncr_list_valid(e->type, 1))
        return hosts_bad(e, "bad key type");
    e->hashed = e->names.p[0] == '|';
    if (e->hashed && !hosts_hash_decode(e))
        return hosts_bad(e, "bad hashed name");
    return NACRE_OK;
}

/* ---- Names ---- */

static bool hosts_char_good(uint8_t c)
{
    return c > 0x20 && c < 0x7f && c != ',' && c != '*' && c != '?' && c != '|' && c != '[' &&
           c != ']';
}

static bool hosts_name_good(struct nacre_bytes host)
{
    size_t i;

    if (host.n == 0 || host.n > NACRE_HOST_NAME_MAX || host.p[0] == '@' || host.p[0] == '#' ||
        host.p[0] == '!')
        return false;
    for (i = 0; i < host.n; i++) {
        if (!hosts_char_good(host.p[i]))
            return false;
    }
    return true;
}

/* "]:port" and NUL. */
static void hosts_put_port(char *out, uint32_t port)
{
    char digits[5];
    size_t d = 0;

    do {
        digits[d++] = (char)('0' + port % 10);
        port /= 10;
    } while (port > 0);
    *out++ = ']';
    *out++ = ':';
    while (d > 0)
        *out++ = digits[--d];
    *out = '\0';
}

nacre_err nacre_host_text(char out[NACRE_HOST_TEXT_LEN], struct nacre_bytes host, uint32_t port)
{
    bool bracket = port != 0 && port != HOSTS_SSH_PORT;
    char *p = out;
    size_t i;

    out[0] = '\0';
    if (!hosts_name_good(host) || port > HOSTS_PORT_MAX)
        return NACRE_ERR_USAGE;
    if (bracket)
        *p++ = '[';
    for (i = 0; i < host.n; i++)
        *p++ = (char)ncr_text_lower(host.p[i]);
    if (bracket)
        hosts_put_port(p, port);
    else
        *p = '\0';
    return NACRE_OK;
}

static void hosts_hmac(uint8_t out[NACRE_SHA1_LEN], const uint8_t salt[NACRE_HOST_SALT_LEN],
                       struct nacre_bytes name)
{
    struct nacre_hmac hmac;

    nacre_hmac_init(&hmac, &nacre_hash_sha1, salt, NACRE_HOST_SALT_LEN);
    nacre_hmac_update(&hmac, name.p, name.n);
    nacre_hmac_final(out, &hmac);
}

nacre_err nacre_known_hosts_hash(char *out, size_t cap, const uint8_t salt[NACRE_HOST_SALT_LEN],
                                 struct nacre_bytes name)
{
    uint8_t hash[NACRE_SHA1_LEN];
    char *p = out;

    if (cap > 0)
        out[0] = '\0';
    if (cap < NACRE_HOST_HASH_LEN)
        return NACRE_ERR_NO_ROOM;
    hosts_hmac(hash, salt, name);
    memcpy(p, HOSTS_HASH_MAGIC, strlen(HOSTS_HASH_MAGIC));
    p += strlen(HOSTS_HASH_MAGIC);
    ncr_base64_encode(p, salt, NACRE_HOST_SALT_LEN);
    p += HOSTS_HASH_TEXT;
    *p++ = '|';
    ncr_base64_encode(p, hash, sizeof hash);
    p[HOSTS_HASH_TEXT] = '\0';
    return NACRE_OK;
}

static bool hosts_entry_is_for(const struct nacre_host_entry *e, const char *name)
{
    struct nacre_bytes n = nacre_bytes_str(name);

    if (e->blank || n.n == 0)
        return false;
    if (e->hashed) {
        uint8_t hash[NACRE_SHA1_LEN];

        hosts_hmac(hash, e->salt, n);
        return memcmp(hash, e->hash, sizeof hash) == 0;
    }
    return nacre_pattern_list_match(e->names, n);
}

bool nacre_known_hosts_is_for(const struct nacre_known_hosts *s, const struct nacre_host_entry *e)
{
    return hosts_entry_is_for(e, s->name);
}

/* ---- The search ---- */

nacre_err nacre_known_hosts_init(struct nacre_known_hosts *s, struct nacre_bytes host,
                                 uint32_t port, struct nacre_bytes key)
{
    nacre_err err;

    memset(s, 0, sizeof *s);
    s->has_port = port != 0 && port != HOSTS_SSH_PORT;
    err = nacre_host_text(s->name, host, port);
    if (err == NACRE_OK)
        err = nacre_host_text(s->bare, host, HOSTS_SSH_PORT);
    if (err == NACRE_OK && key.n > 0)
        err = nacre_pubkey_decode(&s->key, key);
    if (err == NACRE_ERR_UNKNOWN_ALG)
        err = NACRE_OK; /* opaque: see the header */
    if (err != NACRE_OK)
        memset(s, 0, sizeof *s);
    return err;
}

nacre_err nacre_known_hosts_init_cert(struct nacre_known_hosts *s, struct nacre_bytes host,
                                      uint32_t port, const struct nacre_cert *cert)
{
    nacre_err err = NACRE_ERR_USAGE;

    memset(s, 0, sizeof *s);
    if (cert->type != NULL && cert->plain.n > 0 && cert->ca.n > 0)
        err = nacre_known_hosts_init(s, host, port, cert->plain);
    if (err == NACRE_OK)
        s->ca = cert->ca;
    return err;
}

/* How the search has to look at the key of a line. */
enum hosts_concern { HOSTS_NO = 0, HOSTS_BY_NAME, HOSTS_BY_BARE };

static enum hosts_concern hosts_concerns(const struct nacre_known_hosts *s,
                                         const struct nacre_host_entry *e)
{
    if (hosts_entry_is_for(e, s->name))
        return HOSTS_BY_NAME;
    return s->has_port && hosts_entry_is_for(e, s->bare) ? HOSTS_BY_BARE : HOSTS_NO;
}

/* Decodes the key of a line into s->blob. */
static nacre_err hosts_key(struct nacre_pubkey *k, struct nacre_known_hosts *s,
                           const struct nacre_host_entry *e, const char **what)
{
    struct nacre_bytes blob = {s->blob, 0};
    nacre_err err;

    memset(k, 0, sizeof *k);
    *what = "bad base64";
    if (!ncr_base64_decode(s->blob, sizeof s->blob, &blob.n, e->key))
        return NACRE_ERR_KEY_FORMAT;
    *what = "damaged key";
    err = nacre_pubkey_decode(k, blob);
    if (err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG)
        return err;
    *what = "key is not of the type that the line says";
    if (!ncr_bytes_eq(k->name, e->type))
        return NACRE_ERR_KEY_FORMAT;
    *what = "weak key";
    if (k->type != NULL && !nacre_pubkey_trustworthy(k) && e->marker != NACRE_HOST_REVOKED_KEY)
        return NACRE_ERR_KEY_REFUSED;
    *what = "";
    return NACRE_OK;
}

/* What a line with a marker says. */
static enum nacre_host_verdict hosts_judge_marked(const struct nacre_known_hosts *s,
                                                  const struct nacre_pubkey *k,
                                                  enum nacre_host_marker marker)
{
    bool authority = s->ca.n > 0 && ncr_bytes_eq(s->ca, k->blob);
    bool same = s->key.blob.n > 0 && ncr_bytes_eq(s->key.blob, k->blob);

    if (marker == NACRE_HOST_REVOKED_KEY)
        return same || authority ? NACRE_HOST_REVOKED : NACRE_HOST_NOT_FOUND;
    return authority && k->type != NULL ? NACRE_HOST_MATCH : NACRE_HOST_NOT_FOUND;
}

/* Trustworthiness of a known type is for the caller: hosts_key(). Plain lines say nothing about a
 * certificate. */
static enum nacre_host_verdict hosts_judge(const struct nacre_known_hosts *s,
                                           const struct nacre_pubkey *k,
                                           enum nacre_host_marker marker)
{
    if (marker != NACRE_HOST_PLAIN)
        return hosts_judge_marked(s, k, marker);
    if (s->ca.n > 0 || s->key.blob.n == 0)
        return NACRE_HOST_NOT_FOUND;
    if (ncr_bytes_eq(s->key.blob, k->blob))
        return k->type != NULL ? NACRE_HOST_MATCH : NACRE_HOST_NOT_FOUND;
    return ncr_bytes_eq(s->key.name, k->name) ? NACRE_HOST_CHANGED : NACRE_HOST_OTHER_TYPE;
}

/* Adds the type to the set of known ones. */
static void hosts_note_type(struct nacre_known_hosts *s, const struct nacre_pubkey *k)
{
    size_t i;

    for (i = 0; ncr_key_types[i] != NULL && i < 32; i++) {
        if (ncr_key_types[i] == k->type)
            s->types |= (uint32_t)1 << i;
    }
}

static void hosts_note(struct nacre_known_hosts *s, const struct nacre_pubkey *k,
                       enum nacre_host_marker marker)
{
    if (marker == NACRE_HOST_PLAIN)
        hosts_note_type(s, k);
    s->authority = s->authority || (marker == NACRE_HOST_CERT_AUTHORITY && k->type != NULL);
}

/* A plain line for the host without its port: it does not contradict, but may know the key. */
static void hosts_note_bare(struct nacre_known_hosts *s, const struct nacre_pubkey *k,
                            uint32_t file, uint32_t number)
{
    if (s->bare_match || hosts_judge(s, k, NACRE_HOST_PLAIN) != NACRE_HOST_MATCH)
        return;
    s->bare_match = true;
    s->bare_file = file;
    s->bare_line = number;
}

static void hosts_strengthen(struct nacre_known_hosts *s, enum nacre_host_verdict verdict,
                             const struct nacre_pubkey *k, uint32_t file, uint32_t number)
{
    if (verdict <= s->verdict)
        return;
    s->verdict = verdict;
    s->file = file;
    s->line = number;
    s->known_label = nacre_pubkey_label(k);
    nacre_fingerprint(s->known_fp, NACRE_FP_SHA256, k->blob);
}

/* A weak key known for the host: it is never trusted, but another one is a change. */
static void hosts_contradict(struct nacre_known_hosts *s, const struct nacre_pubkey *k,
                             uint32_t file, uint32_t number)
{
    enum nacre_host_verdict verdict = hosts_judge(s, k, NACRE_HOST_PLAIN);

    hosts_note(s, k, NACRE_HOST_PLAIN);
    if (verdict != NACRE_HOST_MATCH)
        hosts_strengthen(s, verdict, k, file, number);
}

nacre_err nacre_known_hosts_line(struct nacre_known_hosts *s, struct nacre_bytes line,
                                 uint32_t file, uint32_t number, const char **what)
{
    struct nacre_host_entry e;
    struct nacre_pubkey k;
    const char *own;
    enum hosts_concern concern;
    nacre_err err = nacre_known_hosts_parse(&e, line);

    if (what == NULL)
        what = &own;
    *what = err == NACRE_OK ? "" : e.what;
    if (err != NACRE_OK || e.blank)
        return err;
    concern = hosts_concerns(s, &e);
    if (concern == HOSTS_NO)
        return NACRE_OK;
    err = hosts_key(&k, s, &e, what);
    if (err == NACRE_ERR_KEY_REFUSED && e.marker == NACRE_HOST_PLAIN && concern == HOSTS_BY_NAME)
        hosts_contradict(s, &k, file, number);
    if (err != NACRE_OK)
        return err;
    if (e.marker == NACRE_HOST_PLAIN && concern == HOSTS_BY_BARE) {
        hosts_note_bare(s, &k, file, number);
        return NACRE_OK;
    }
    hosts_note(s, &k, e.marker);
    hosts_strengthen(s, hosts_judge(s, &k, e.marker), &k, file, number);
    return NACRE_OK;
}

/* ---- Preference ---- */

/* Whether a signature algorithm, of a certificate too, is for a key type of the set. */
static bool hosts_alg_has_type(uint32_t types, struct nacre_bytes alg)
{
    const char *plain = nacre_alg_plain(alg);
    size_t i;
    size_t j;

    if (plain != NULL)
        alg = nacre_bytes_str(plain);
    for (i = 0; ncr_key_types[i] != NULL && i < 32; i++) {
        for (j = 0; ncr_key_types[i]->algs[j] != NULL; j++) {
            if (nacre_bytes_is(alg, ncr_key_types[i]->algs[j]))
                return (types >> i & 1) != 0;
        }
    }
    return false;
}

/* An authority may have signed a key of any type. */
static bool hosts_alg_known(const struct nacre_known_hosts *s, struct nacre_bytes alg)
{
    return (s->authority && nacre_alg_plain(alg) != NULL) || hosts_alg_has_type(s->types, alg);
}

/* Appends the algorithms of list that are known, or those that are not. out has room for all. */
static size_t hosts_put_group(char *out, size_t at, const struct nacre_known_hosts *s,
                              struct nacre_bytes list, bool known)
{
    struct nacre_bytes alg;

    while (ncr_list_next(&list, &alg)) {
        if (hosts_alg_known(s, alg) != known)
            continue;
        if (at > 0)
            out[at++] = ',';
        memcpy(out + at, alg.p, alg.n);
        at += alg.n;
    }
    return at;
}

nacre_err nacre_known_hosts_prefer(char *out, size_t cap, const struct nacre_known_hosts *s,
                                   const char *list)
{
    struct nacre_bytes all = nacre_bytes_str(list);
    struct nacre_bytes rest = all;
    struct nacre_bytes first = {NULL, 0};
    size_t at;

    if (cap > 0)
        out[0] = '\0';
    if (all.n >= cap)
        return NACRE_ERR_NO_ROOM;
    (void)ncr_list_next(&rest, &first); /* stays empty for an empty list */
    if ((s->types == 0 && !s->authority) || hosts_alg_has_type(s->types, first)) {
        memcpy(out, list, all.n + 1);
        return NACRE_OK;
    }
    at = hosts_put_group(out, 0, s, all, true);
    at = hosts_put_group(out, at, s, all, false);
    out[at] = '\0';
    return NACRE_OK;
}

/* ---- New lines ---- */

/* Writes `names type base64\n`. */
static nacre_err hosts_format(char *out, size_t cap, const char *names, struct nacre_bytes blob)
{
    static const struct nacre_bytes no_comment;
    size_t n = strlen(names);
    nacre_err err;
    size_t key;

    if (cap < n + 3) /* blank, line end, NUL */
        return NACRE_ERR_NO_ROOM;
    err = nacre_pubkey_format(out + n + 1, cap - n - 2, blob, no_comment);
    if (err != NACRE_OK) {
        out[0] = '\0';
        return err;
    }
    key = strlen(out + n + 1);
    memcpy(out, names, n);
    out[n] = ' ';
    out[n + 1 + key] = '\n';
    out[n + 2 + key] = '\0';
    return NACRE_OK;
}

nacre_err nacre_known_hosts_format(char *out, size_t cap, struct nacre_bytes host, uint32_t port,
                                   struct nacre_bytes blob)
{
    char name[NACRE_HOST_TEXT_LEN];
    nacre_err err = nacre_host_text(name, host, port);

    if (cap > 0)
        out[0] = '\0';
    return err == NACRE_OK ? hosts_format(out, cap, name, blob) : err;
}

nacre_err nacre_known_hosts_format_hashed(char *out, size_t cap, struct nacre_bytes host,
                                          uint32_t port, struct nacre_bytes blob,
                                          const uint8_t salt[NACRE_HOST_SALT_LEN])
{
    char name[NACRE_HOST_TEXT_LEN];
    char hashed[NACRE_HOST_HASH_LEN];
    nacre_err err = nacre_host_text(name, host, port);

    if (cap > 0)
        out[0] = '\0';
    if (err == NACRE_OK)
        err = nacre_known_hosts_hash(hashed, sizeof hashed, salt, nacre_bytes_str(name));
    return err == NACRE_OK ? hosts_format(out, cap, hashed, blob) : err;
}
