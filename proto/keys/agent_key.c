/* SPDX-License-Identifier: ISC
 *
 * Private keys on their way into an agent: RFC 9987 section 4.2, OpenSSH's PROTOCOL.agent.
 *
 *     string type name, the type's private fields, string comment, constraints
 *     string certificate's name, string certificate, the private fields that it does not have, ...
 *
 * The private fields are those of openssh-key-v1: the key type's own reader and writer do both
 * forms. Of a key with a certificate the public fields are put before what came, so that the reader
 * sees the whole and checks the halves against each other; and the certificate must be for that
 * key.
 *
 * Constraints: byte 1, uint32 seconds; byte 2, confirm; byte 255, string name, contents. One that
 * is not understood, or comes twice, refuses the key: it would otherwise be used more freely than
 * its owner said.
 */
#include <string.h>

#include "proto/keys/agent.h"
#include "proto/keys/cert.h"
#include "proto/keys/text.h"
#include "proto/limits.h"

/* Room at the end of work that no key type but RSA works in while it still reads. */
#define AGENT_KEY_SMALL 4096
_Static_assert(8 * (NACRE_WORK - NACRE_MLDSA44_WORK) - NACRE_MLDSA44_ED25519_PK_LEN >=
                   AGENT_KEY_SMALL,
               "room behind what reading the largest of them uses");

enum { AGENT_LIMIT_LIFETIME = 1, AGENT_LIMIT_CONFIRM = 2, AGENT_LIMIT_EXTENSION = 255 };

/* What a key with a certificate leaves out of the private fields, and what remains. */
struct agent_key_form {
    const struct ncr_key_type *type;
    unsigned n_public; /* strings at the front that are left out */
    bool swapped;      /* the public blob has these two in the other order */
    const char *rest;  /* s: string (an mpint is one), b: byte */
};

static const struct agent_key_form agent_key_forms[] = {
    {&ncr_key_type_rsa, 2, true, "ssss"},          {&ncr_key_type_ecdsa_nistp256, 2, false, "s"},
    {&ncr_key_type_ecdsa_nistp384, 2, false, "s"}, {&ncr_key_type_ecdsa_nistp521, 2, false, "s"},
    {&ncr_key_type_ed25519, 0, false, "ss"},       {&ncr_key_type_mldsa44_ed25519, 1, false, "s"},
    {&ncr_key_type_sk_ed25519, 0, false, "ssbss"}, {&ncr_key_type_sk_ecdsa, 2, false, "sbss"},
};

static const struct agent_key_form *agent_key_form(const struct ncr_key_type *type)
{
    size_t i;

    for (i = 0; i < sizeof agent_key_forms / sizeof agent_key_forms[0]; i++)
        if (agent_key_forms[i].type == type)
            return &agent_key_forms[i];
    return NULL;
}

static bool agent_key_is_sk(const struct ncr_key_type *type)
{
    return type == &ncr_key_type_sk_ed25519 || type == &ncr_key_type_sk_ecdsa;
}

/* ---- Writing ---- */

/* The private fields without the first n strings, which are moved over. */
static void agent_put_secret(struct ncr_wr *w, const struct nacre_privkey *k, unsigned n)
{
    const size_t start = w->n;
    struct ncr_rd r;
    size_t gone;

    k->type->write_private(w, k);
    if (w->bad)
        return;
    r = ncr_rd((struct nacre_bytes){w->p + start, w->n - start});
    while (n-- > 0)
        (void)ncr_rd_string(&r); /* what a certificate says */
    gone = w->n - start - r.n;
    memmove(w->p + start, r.p, r.n);
    w->n -= gone;
    nacre_wipe(w->p + w->n, gone);
}

/* A certificate's plain key, in its own fields, is the key's. */
static bool agent_cert_fits(const struct nacre_privkey *k, struct nacre_bytes cert)
{
    const struct nacre_bytes blob = nacre_privkey_public_blob(k);
    struct ncr_rd c = ncr_rd(cert), p = ncr_rd(blob);

    (void)ncr_rd_string(&c); /* name */
    (void)ncr_rd_string(&c); /* nonce */
    (void)ncr_rd_string(&p); /* name */
    return !c.bad && !p.bad && c.n >= p.n && memcmp(c.p, p.p, p.n) == 0;
}

static nacre_err agent_put_key(struct ncr_wr *w, const struct nacre_privkey *k,
                               struct nacre_bytes cert)
{
    const struct agent_key_form *form = agent_key_form(k->type);
    struct nacre_cert c;
    nacre_err err;

    if (form == NULL)
        return NACRE_ERR_USAGE;
    if (cert.n == 0) {
        ncr_wr_cstring(w, k->type->name);
        k->type->write_private(w, k);
        return NACRE_OK;
    }
    err = nacre_cert_decode(&c, cert, NULL, 0);
    if (err != NACRE_OK)
        return err;
    if (c.type != k->type || !agent_cert_fits(k, cert))
        return NACRE_ERR_KEY_REFUSED;
    ncr_wr_string(w, c.name);
    ncr_wr_string(w, cert);
    agent_put_secret(w, k, form->n_public);
    return NACRE_OK;
}

static void agent_put_limits(struct ncr_wr *w, const struct nacre_agent_limits *l)
{
    if (l->has_lifetime) {
        ncr_wr_u8(w, AGENT_LIMIT_LIFETIME);
        ncr_wr_u32(w, l->lifetime);
    }
    if (l->confirm)
        ncr_wr_u8(w, AGENT_LIMIT_CONFIRM);
    if (l->sk_provider.n > 0) {
        ncr_wr_u8(w, AGENT_LIMIT_EXTENSION);
        ncr_wr_cstring(w, NACRE_AGENT_EXT_SK_PROVIDER);
        ncr_wr_string(w, l->sk_provider);
    }
    if (l->dests.n > 0) {
        ncr_wr_u8(w, AGENT_LIMIT_EXTENSION);
        ncr_wr_cstring(w, NACRE_AGENT_EXT_DEST);
        ncr_wr_string(w, l->dests);
    }
}

nacre_err nacre_agent_put_add(uint8_t *out, size_t cap, size_t *n, const struct nacre_privkey *k,
                              struct nacre_bytes cert, struct nacre_bytes comment,
                              const struct nacre_agent_limits *limits)
{
    static const struct nacre_agent_limits none;
    const struct nacre_agent_limits *l = limits != NULL ? limits : &none;
    const bool any = l->has_lifetime || l->confirm || l->sk_provider.n > 0 || l->dests.n > 0;
    struct ncr_wr w =
        ncr_agent_begin(out, cap, any ? NACRE_AGENT_ADD_ID_CONSTRAINED : NACRE_AGENT_ADD_IDENTITY);
    nacre_err err;

    *n = 0;
    if (k->type == NULL || comment.n > NACRE_KEY_COMMENT_MAX || ncr_text_has(comment, 0) ||
        (l->dests.n > 0 && !ncr_agent_dests_whole(l->dests)))
        return NACRE_ERR_USAGE;
    err = agent_put_key(&w, k, cert);
    if (err == NACRE_OK) {
        ncr_wr_string(&w, comment);
        agent_put_limits(&w, l);
        err = ncr_agent_end(&w, n);
    }
    if (err != NACRE_OK)
        nacre_wipe(out, cap);
    return err;
}

/* ---- Reading ---- */

/* The public fields of a certificate's key as the private fields have them. */
static void agent_put_public(struct ncr_wr *w, const struct agent_key_form *form,
                             struct nacre_bytes cert)
{
    struct ncr_rd r = ncr_rd(cert);
    struct nacre_bytes field[2] = {{NULL, 0}, {NULL, 0}};
    unsigned i;

    (void)ncr_rd_string(&r); /* name */
    (void)ncr_rd_string(&r); /* nonce */
    for (i = 0; i < form->n_public; i++)
        field[i] = ncr_rd_string(&r);
    for (i = 0; i < form->n_public; i++)
        ncr_wr_string(w, field[form->swapped ? 1 - i : i]);
}

/* The private fields that came. */
static struct nacre_bytes agent_take_rest(struct ncr_rd *r, const char *form)
{
    const struct nacre_bytes all = {r->p, r->n};

    for (; *form != '\0'; form++) {
        if (*form == 'b')
            (void)ncr_rd_u8(r); /* read for its length, as the strings are */
        else
            (void)ncr_rd_string(r);
    }
    return ncr_bytes_part(all, 0, r->bad ? 0 : all.n - r->n);
}

/* The whole of the private fields is put together at the end of work: behind what reading a key
 * uses while it still looks at them (an RSA key's, which may be longer, are copied first). */
static nacre_err agent_read_with_cert(struct nacre_privkey *k, struct nacre_bytes cert,
                                      const struct agent_key_form *form, struct ncr_rd *r,
                                      uint64_t *work)
{
    const struct nacre_bytes rest = agent_take_rest(r, form->rest);
    const size_t room = cert.n + rest.n < 8 * NACRE_WORK ? cert.n + rest.n : 0;
    uint8_t *whole = (uint8_t *)(work + NACRE_WORK) - room;
    struct ncr_wr w = ncr_wr(whole, room);
    struct ncr_rd fields;
    nacre_err err;

    if (r->bad)
        return NACRE_ERR_FORMAT;
    agent_put_public(&w, form, cert);
    ncr_wr_bytes(&w, rest.p, rest.n);
    if (w.bad || (form->type != &ncr_key_type_rsa && w.n > AGENT_KEY_SMALL))
        return NACRE_ERR_KEY_REFUSED;
    memmove(whole + room - w.n, whole, w.n);
    fields = ncr_rd((struct nacre_bytes){whole + room - w.n, w.n});
    err = form->type->read_private(k, &fields, work);
    if (err == NACRE_OK && (!ncr_rd_end(&fields) || !agent_cert_fits(k, cert)))
        err = NACRE_ERR_KEY_REFUSED;
    nacre_wipe(whole, room);
    return err;
}

static nacre_err agent_read_key(struct nacre_agent_add *a, struct nacre_privkey *k,
                                struct ncr_rd *r, uint64_t *work)
{
    const struct nacre_bytes name = ncr_rd_string_max(r, NACRE_KEY_NAME_MAX);
    const struct ncr_key_type *type = ncr_key_type(name);
    struct nacre_cert c;
    nacre_err err;

    if (r->bad)
        return NACRE_ERR_FORMAT;
    if (type != NULL)
        return type->read_private(k, r, work);
    type = ncr_cert_type(name);
    if (type == NULL || agent_key_form(type) == NULL)
        return NACRE_ERR_UNKNOWN_ALG;
    a->cert = ncr_rd_string_max(r, NACRE_KEY_BLOB_MAX);
    err = nacre_cert_decode(&c, a->cert, NULL, 0);
    if (err != NACRE_OK)
        return err;
    return c.type == type ? agent_read_with_cert(k, a->cert, agent_key_form(type), r, work)
                          : NACRE_ERR_KEY_REFUSED;
}

/* Each extension at most once: it is empty before. */
static nacre_err agent_read_extension(struct nacre_agent_limits *l, struct ncr_rd *r,
                                      const struct ncr_key_type *type)
{
    const struct nacre_bytes name = ncr_rd_string(r);

    if (nacre_bytes_is(name, NACRE_AGENT_EXT_DEST) && l->dests.n == 0) {
        l->dests = ncr_rd_string(r);
        return ncr_agent_dests_whole(l->dests) ? NACRE_OK : NACRE_ERR_KEY_REFUSED;
    }
    if (nacre_bytes_is(name, NACRE_AGENT_EXT_SK_PROVIDER) && l->sk_provider.n == 0 &&
        agent_key_is_sk(type)) {
        l->sk_provider = ncr_rd_string(r);
        return l->sk_provider.n > 0 ? NACRE_OK : NACRE_ERR_KEY_REFUSED;
    }
    return NACRE_ERR_KEY_REFUSED;
}

static nacre_err agent_read_limits(struct nacre_agent_limits *l, struct ncr_rd *r,
                                   const struct ncr_key_type *type)
{
    nacre_err err = NACRE_OK;

    while (err == NACRE_OK && !r->bad && r->n > 0) {
        const uint8_t kind = ncr_rd_u8(r);

        if (kind == AGENT_LIMIT_LIFETIME && !l->has_lifetime) {
            l->has_lifetime = true;
            l->lifetime = ncr_rd_u32(r);
        } else if (kind == AGENT_LIMIT_CONFIRM && !l->confirm) {
            l->confirm = true;
        } else if (kind == AGENT_LIMIT_EXTENSION) {
            err = agent_read_extension(l, r, type);
        } else {
            err = NACRE_ERR_KEY_REFUSED;
        }
    }
    return err;
}

static nacre_err agent_read_add(struct nacre_agent_add *a, struct nacre_privkey *k,
                                const struct nacre_agent_request *request, uint64_t *work)
{
    struct ncr_rd r = ncr_rd(request->data);
    nacre_err err = agent_read_key(a, k, &r, work);

    if (err != NACRE_OK)
        return err;
    a->comment = ncr_rd_string(&r);
    if (r.bad || ncr_text_has(a->comment, 0))
        return NACRE_ERR_FORMAT;
    if (a->comment.n > NACRE_KEY_COMMENT_MAX)
        return NACRE_ERR_LIMIT;
    if (request->type == NACRE_AGENT_ADD_ID_CONSTRAINED)
        err = agent_read_limits(&a->limits, &r, k->type);
    return err == NACRE_OK && !ncr_rd_end(&r) ? NACRE_ERR_FORMAT : err;
}

nacre_err nacre_agent_add_decode(struct nacre_agent_add *a, struct nacre_privkey *k,
                                 const struct nacre_agent_request *r, uint64_t *work)
{
    nacre_err err;

    memset(a, 0, sizeof *a);
    nacre_privkey_wipe(k);
    err = agent_read_add(a, k, r, work);
    if (err != NACRE_OK) {
        memset(a, 0, sizeof *a);
        nacre_privkey_wipe(k);
    }
    return err;
}
