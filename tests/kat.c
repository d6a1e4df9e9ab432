/* SPDX-License-Identifier: ISC
 *
 * kat: the known-answer test oracle. Reads requests `VERB ARG ARG ...` on stdin, one a line, and
 * writes one answer a line on stdout: `ok OUT ...`, `reject`, `error TEXT` or `unsupported`. Bytes
 * are lower-case hex (`-` if there are none), integers decimal. An empty line or one that starts
 * with `#` gets no answer. `verbs` lists the verbs. Requests share no state.
 *
 * reject: the value of a peer or a file must be refused. error: the request itself is malformed, or
 * something that its author owns (a key, a nonce) has the wrong length. unsupported: this build
 * lacks the verb or the algorithm.
 */
#include "tests/kat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static const struct kat_verb *const kat_tables[] = {
    kat_comp_verbs,   kat_cipher_verbs, kat_crypto_verbs, kat_ssh_verbs,
    kat_sntrup_verbs, kat_dsa_verbs,    kat_ec_verbs,     kat_kem_verbs,
    kat_key_verbs,    kat_cert_verbs,   kat_rsa_verbs,    kat_hash_verbs,
};
enum { KAT_TABLES = sizeof kat_tables / sizeof *kat_tables };

static void *must(void *p)
{
    if (p == NULL) {
        fputs("kat: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

void *kat_alloc(struct kat_req *r, size_t n)
{
    if ((r->n_mem & (r->n_mem + 1)) == 0) /* 0, 1, 3, 7, ...: double */
        r->mem = must(realloc(r->mem, (r->n_mem + 1) * 2 * sizeof *r->mem));
    r->mem[r->n_mem] = must(calloc(1, n > 0 ? n : 1));
    return r->mem[r->n_mem++];
}

enum kat_result kat_error(struct kat_req *r, const char *why)
{
    r->why = why;
    return KAT_ERROR;
}

bool kat_list_has(const char *list, const char *word, size_t n)
{
    while (*list != '\0') {
        size_t len = strcspn(list, " ");
        if (len == n && memcmp(list, word, n) == 0)
            return true;
        list += len;
        list += strspn(list, " ");
    }
    return false;
}

enum kat_result kat_no_name(struct kat_req *r, const char *name, const char *list)
{
    return kat_list_has(list, name, strlen(name)) ? KAT_UNSUPPORTED : kat_error(r, "unknown name");
}

/* ---- Outputs ----------------------------------------------------------------------------- */

/* Room for n more characters. */
static char *out_room(struct kat_req *r, size_t n)
{
    if (r->out_cap - r->out_len < n) {
        r->out_cap = r->out_len + n + r->out_cap;
        r->out = must(realloc(r->out, r->out_cap));
    }
    r->out_len += n;
    return r->out + r->out_len - n;
}

void kat_put_name(struct kat_req *r, const char *s, size_t n)
{
    char *p = out_room(r, n + 1);

    p[0] = ' ';
    memcpy(p + 1, s, n);
}

void kat_put(struct kat_req *r, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char *to;

    if (n == 0) {
        kat_put_name(r, "-", 1);
        return;
    }
    to = out_room(r, 2 * n + 1);
    *to++ = ' ';
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[p[i] >> 4];
        *to++ = digits[p[i] & 15];
    }
}

void kat_put_int(struct kat_req *r, uint64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)v);

    kat_put_name(r, text, (size_t)n);
}

/* ---- Arguments --------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes text in place. */
static bool parse_bytes(struct nacre_bytes *b, char *text)
{
    uint8_t *to = (uint8_t *)text;
    size_t n = strlen(text);

    b->p = to;
    b->n = 0;
    if (strcmp(text, "-") == 0)
        return true;
    if (n == 0 || n % 2 != 0)
        return false;
    for (size_t i = 0; i < n; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i / 2] = (uint8_t)(high * 16 + low);
    }
    b->n = n / 2;
    return true;
}

static bool parse_int(uint64_t *v, const char *text)
{
    *v = 0;
    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text != '\0'; text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (digit > 9 || *v > (UINT64_MAX - digit) / 10)
            return false;
        *v = *v * 10 + digit;
    }
    return true;
}

/* True if the kind, len characters long, is that word. */
static bool kind_is(const char *kind, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(kind, word, len) == 0;
}

/* NULL, or what is wrong with the argument. */
static const char *parse_arg(struct kat_arg *a, char *text, const char *kind, size_t len)
{
    if (kind_is(kind, len, "name")) {
        a->name = text;
        return *text != '\0' ? NULL : "empty argument";
    }
    if (kind_is(kind, len, "int") || kind_is(kind, len, "int32") || kind_is(kind, len, "chunk")) {
        if (!parse_int(&a->num, text))
            return "bad integer";
        if (kind_is(kind, len, "int32") && a->num > UINT32_MAX)
            return "integer over 2^32-1";
        return a->num == 0 && kind_is(kind, len, "chunk") ? "chunk of 0" : NULL;
    }
    if (!parse_bytes(&a->b, text))
        return "hex";
    if (kind_is(kind, len, "aeskey"))
        return a->b.n == 16 || a->b.n == 24 || a->b.n == 32 ? NULL : "key length";
    if (len > strlen("bytes") && a->b.n != strtoul(kind + strlen("bytes"), NULL, 10))
        return "length";
    return NULL;
}

/* Takes the arguments in text (NULL: none) apart as the row says. */
static const char *parse_args(struct kat_req *r, const char *kinds, char *text)
{
    size_t most = 1;
    struct kat_arg *arg;
    bool optional = false, repeated = false;

    for (const char *p = text; p != NULL && (p = strchr(p, ' ')) != NULL; p++)
        most++;
    r->arg = arg = kat_alloc(r, most * sizeof *arg);
    while (*kinds != '\0' || repeated) {
        size_t len;
        const char *wrong;
        char *end;

        if (!repeated && *kinds == '?') {
            optional = true;
            kinds++;
        }
        len = strcspn(kinds, " +");
        if (text == NULL)
            return optional || repeated ? NULL : "too few arguments";
        end = strchr(text, ' ');
        if (end != NULL)
            *end = '\0';
        wrong = parse_arg(&arg[r->n++], text, kinds, len);
        if (wrong != NULL)
            return wrong;
        text = end != NULL ? end + 1 : NULL;
        repeated = kinds[len] == '+';
        if (!repeated)
            kinds += len + (kinds[len] == ' ');
    }
    return text == NULL ? NULL : "too many arguments";
}

/* ---- Requests ---------------------------------------------------------------------------- */

static enum kat_result answer_verbs(struct kat_req *r)
{
    kat_put_name(r, "ping", 4);
    kat_put_name(r, "verbs", 5);
    for (size_t t = 0; t < KAT_TABLES; t++) {
        for (const struct kat_verb *v = kat_tables[t]; v->name != NULL; v++)
            kat_put_name(r, v->name, strlen(v->name));
    }
    return KAT_OK;
}

static enum kat_result answer_ping(struct kat_req *r)
{
    (void)r; /* nothing to say */
    return KAT_OK;
}

static const struct kat_verb kat_meta_verbs[] = {
    {"ping", "", answer_ping},
    {"verbs", "", answer_verbs},
    {NULL, NULL, NULL},
};

static const struct kat_verb *find_in(const struct kat_verb *v, const char *name)
{
    while (v->name != NULL && strcmp(v->name, name) != 0)
        v++;
    return v->name != NULL ? v : NULL;
}

static const struct kat_verb *find_verb(const char *name)
{
    const struct kat_verb *v = find_in(kat_meta_verbs, name);

    for (size_t t = 0; v == NULL && t < KAT_TABLES; t++)
        v = find_in(kat_tables[t], name);
    return v;
}

static enum kat_result run(struct kat_req *r, char *line)
{
    char *args = strchr(line, ' ');
    const struct kat_verb *v;

    if (args == line)
        return kat_error(r, "blank at the start");
    if (args != NULL)
        *args++ = '\0';
    v = find_verb(line);
    if (v == NULL)
        return KAT_UNSUPPORTED;
    r->why = parse_args(r, v->args, args);
    return r->why != NULL ? KAT_ERROR : v->fn(r);
}

/* Answers a line of n characters without its end. */
static void answer(char *line, size_t n)
{
    struct kat_req r = {0};
    enum kat_result result;

    if (memchr(line, '\0', n) != NULL)
        result = kat_error(&r, "NUL in the line");
    else
        result = run(&r, line);
    if (result == KAT_OK) {
        fputs("ok", stdout);
        if (r.out_len > 0) /* out is NULL without outputs */
            fwrite(r.out, 1, r.out_len, stdout);
        putchar('\n');
    } else if (result == KAT_REJECT) {
        puts("reject");
    } else if (result == KAT_UNSUPPORTED) {
        puts("unsupported");
    } else {
        printf("error %s\n", r.why);
    }
    while (r.n_mem > 0)
        free(r.mem[--r.n_mem]);
    free(r.mem);
    free(r.out);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t got;

    while ((got = getline(&line, &cap, stdin)) > 0) {
        size_t n = (size_t)got;
        if (line[n - 1] == '\n')
            line[--n] = '\0';
        if (n == 0 || line[0] == '#')
            continue;
        answer(line, n);
        if (fflush(stdout) != 0)
            return 1;
    }
    free(line);
    return 0;
}
