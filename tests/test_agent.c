/* SPDX-License-Identifier: ISC
 *
 * nacre-agent's insides: what is answered, with the time passed in (lifetimes, lock, constraints,
 * consent); and the server over socket pairs (truncation, floods, slow clients, questions). s68,
 * s72, s73, s74. Memory runs out at each allocation once (s94).
 */
#include "client/agent_server.h"
#include "crypto/ct.h"
#include "proto/wire.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define AGT_MEMORY 0
#else
#define AGT_MEMORY 1
#endif

/* ---- An allocator that can be told to fail, and to look at what is given back ------------- */

#if AGT_MEMORY
static volatile bool agt_armed;
static volatile unsigned long agt_calls, agt_fail_at;
static const uint8_t *agt_secret; /* 16 bytes that must not be in what is freed */
static unsigned agt_leaks;

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t k, size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool agt_fails(void)
{
    if (!agt_armed)
        return false;
    agt_calls = agt_calls + 1;
    if (agt_calls != agt_fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return agt_fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t k, size_t n)
{
    return agt_fails() ? NULL : __libc_calloc(k, n);
}

void *realloc(void *p, size_t n)
{
    return agt_fails() ? NULL : __libc_realloc(p, n);
}

void free(void *p)
{
    if (p != NULL && agt_secret != NULL && memmem(p, malloc_usable_size(p), agt_secret, 16) != NULL)
        agt_leaks++;
    __libc_free(p);
}

/* Ends the test where the allocator is another one after all: under valgrind. */
static void agt_need_counting(void)
{
    void *volatile p;
    const unsigned long before = agt_calls;

    agt_armed = true;
    p = malloc(1);
    agt_armed = false;
    free(p);
    if (agt_calls == before)
        cr_skip_test("the allocator cannot be replaced here");
}
#endif

/* ---- An agent without a socket -------------------------------------------------------------- */

static uint64_t agt_work[NACRE_WORK];
static const struct nacre_bytes agt_none = {NULL, 0};

struct agt {
    struct ncr_agentd d;
    struct ncr_agentd_peer peer;
    struct ncr_agentd_now now;
    struct ncr_agentd_reply reply;
    enum ncr_agentd_next next;
    struct nacre_agent_reply r; /* the reply read */
    nacre_err err;
};

static struct agt agt;
static uint8_t agt_msg[NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX];
static uint8_t agt_out[NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX];
static size_t agt_n;

static bool agt_rng_fails;
static bool agt_fill(void *ctx, uint8_t *out, size_t n)
{
    static uint64_t x = 0x9e3779b97f4a7c15;

    (void)ctx;
    for (size_t i = 0; i < n; i++) { /* xorshift64 */
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out[i] = (uint8_t)(x >> 32);
    }
    return !agt_rng_fails;
}
static const struct nacre_rng agt_rng = {agt_fill, NULL};

static void agt_setup(void)
{
    memset(&agt, 0, sizeof agt);
    agt.d.rng = &agt_rng;
    agt.d.work = agt_work;
    agt.now.ms = 1000;
    agt.now.unix = 1000000;
    agt.reply.p = agt_out;
    agt.reply.cap = sizeof agt_out;
}

static void agt_teardown(void)
{
    ncr_agentd_peer_free(&agt.peer);
    ncr_agentd_wipe(&agt.d);
}
TestSuite(agent, .init = agt_setup, .fini = agt_teardown);

static struct nacre_bytes agt_message(void)
{
    return (struct nacre_bytes){agt_msg + NACRE_AGENT_LEN, agt_n - NACRE_AGENT_LEN};
}

static void agt_read_reply(void)
{
    const struct nacre_bytes b = {agt_out + NACRE_AGENT_LEN, agt.reply.n - NACRE_AGENT_LEN};

    cr_assert_geq(agt.reply.n, NACRE_AGENT_LEN + 1);
    agt.err = nacre_agent_reply_decode(&agt.r, (enum nacre_agent_type)agt_msg[NACRE_AGENT_LEN], b);
}

/* Sends what is in agt_msg; the type of the reply, 0 if there is none yet. */
static int agt_send_as(struct ncr_agentd_peer *peer)
{
    agt.next = ncr_agentd_handle(&agt.d, peer, agt_message(), &agt.now, &agt.reply);
    if (agt.next != NCR_AGENTD_REPLY)
        return 0;
    agt_read_reply();
    cr_assert_eq(agt.err, NACRE_OK);
    return (int)agt.r.type;
}

static int agt_send(void)
{
    return agt_send_as(&agt.peer);
}

static void agt_key(struct nacre_privkey *k, int which)
{
    uint8_t seed[NACRE_ED25519_SEED_LEN];

    memset(seed, 0x51, sizeof seed);
    seed[0] = (uint8_t)which;
    seed[1] = (uint8_t)(which >> 8);
    nacre_privkey_from_seed(k, seed);
}

static struct nacre_bytes agt_blob(int which)
{
    static struct nacre_privkey k[4];
    static unsigned at;

    at = (at + 1) % 4;
    agt_key(&k[at], which);
    return nacre_privkey_public_blob(&k[at]);
}

static void agt_put_add(int which, const char *comment, const struct nacre_agent_limits *limits)
{
    struct nacre_privkey k;

    agt_key(&k, which);
    cr_assert_eq(nacre_agent_put_add(agt_msg, sizeof agt_msg, &agt_n, &k, agt_none,
                                     nacre_bytes_str(comment), limits),
                 NACRE_OK);
    nacre_privkey_wipe(&k);
}

static int agt_add(int which, const char *comment, const struct nacre_agent_limits *limits)
{
    agt_put_add(which, comment, limits);
    return agt_send();
}

static void agt_put_list(void)
{
    cr_assert_eq(
        nacre_agent_put_request(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_REQUEST_IDENTITIES),
        NACRE_OK);
}

/* How many keys a connection sees. */
static size_t agt_list_as(struct ncr_agentd_peer *peer)
{
    agt_put_list();
    cr_assert_eq(agt_send_as(peer), NACRE_AGENT_IDENTITIES_ANSWER);
    return agt.r.n_keys;
}

static size_t agt_list(void)
{
    return agt_list_as(&agt.peer);
}

static void agt_put_sign(struct nacre_bytes key, struct nacre_bytes data, uint32_t flags)
{
    cr_assert_eq(nacre_agent_put_sign(agt_msg, sizeof agt_msg, &agt_n, key, data, flags), NACRE_OK);
}

/* Whether a signature came and verifies. */
static bool agt_signs(int which)
{
    const struct nacre_bytes data = nacre_bytes_str("data");

    agt_put_sign(agt_blob(which), data, 0);
    if (agt_send() != NACRE_AGENT_SIGN_RESPONSE)
        return false;
    cr_assert_eq(nacre_sig_verify(&nacre_algs_default, nacre_bytes_str("ssh-ed25519"),
                                  agt_blob(which), data, agt.r.signature, agt_work),
                 NACRE_OK);
    return true;
}

static int agt_remove(int which)
{
    cr_assert_eq(nacre_agent_put_remove(agt_msg, sizeof agt_msg, &agt_n, agt_blob(which)),
                 NACRE_OK);
    return agt_send();
}

static int agt_remove_all(void)
{
    cr_assert_eq(
        nacre_agent_put_request(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_REMOVE_ALL_IDENTITIES),
        NACRE_OK);
    return agt_send();
}

static int agt_lock(enum nacre_agent_type type, const char *passphrase)
{
    cr_assert_eq(
        nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n, type, nacre_bytes_str(passphrase)),
        NACRE_OK);
    return agt_send();
}

/* ---- Keys ---- */

Test(agent, keys_come_and_go)
{
    struct nacre_agent_identity id;

    cr_assert_eq(agt_list(), 0);
    cr_assert_eq(agt_add(1, "one", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_add(2, "two", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_add(3, "three", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list(), 3);
    cr_assert(agt_signs(1) && agt_signs(3) && !agt_signs(4));
    /* a duplicate takes its place */
    cr_assert_eq(agt_add(1, "another comment", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list(), 3);
    cr_assert(nacre_agent_identity_next(&agt.r.keys, &id) &&
              nacre_bytes_is(id.comment, "another comment"));
    cr_assert(nacre_agent_identity_next(&agt.r.keys, &id) && nacre_bytes_is(id.comment, "two"));
    cr_assert_eq(agt_remove(2), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_remove(2), NACRE_AGENT_FAILURE);
    cr_assert(agt_signs(1) && !agt_signs(2) && agt_signs(3));
    cr_assert_eq(agt_remove_all(), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list(), 0);
    cr_assert(agt.d.keys.first == NULL && agt.d.keys.n == 0 && agt.d.keys.listed == 0);
    cr_assert_eq(agt_remove_all(), NACRE_AGENT_SUCCESS);
}

Test(agent, rsa_flags)
{
    static const struct {
        uint32_t flags;
        const char *alg;
    } cases[] = {{2, "rsa-sha2-256"}, {4, "rsa-sha2-512"}, {6, "rsa-sha2-256"}, {0, "ssh-rsa"}};
    static struct nacre_privkey k;
    const struct nacre_bytes data = nacre_bytes_str("data");

    cr_assert_eq(nacre_privkey_generate(&k, "ssh-rsa", 2048, &agt_rng, agt_work), NACRE_OK);
    cr_assert_eq(nacre_agent_put_add(agt_msg, sizeof agt_msg, &agt_n, &k, agt_none, agt_none, NULL),
                 NACRE_OK);
    cr_assert_eq(agt_send(), NACRE_AGENT_SUCCESS);
    for (size_t i = 0; i < 4; i++) {
        agt_put_sign(nacre_privkey_public_blob(&k), data, cases[i].flags);
#if defined(NACRE_NO_LEGACY)
        if (cases[i].flags == 0) { /* SHA-1 is not there */
            cr_assert_eq(agt_send(), NACRE_AGENT_FAILURE);
            continue;
        }
#endif
        cr_assert_eq(agt_send(), NACRE_AGENT_SIGN_RESPONSE);
        cr_assert_eq(nacre_sig_verify(NACRE_ALGS_ALL, nacre_bytes_str(cases[i].alg),
                                      nacre_privkey_public_blob(&k), data, agt.r.signature,
                                      agt_work),
                     NACRE_OK);
    }
    agt_rng_fails = true; /* blinding cannot be had: no signature */
    agt_put_sign(nacre_privkey_public_blob(&k), data, 2);
    cr_assert_eq(agt_send(), NACRE_AGENT_FAILURE);
    agt_rng_fails = false;
}

/* Paramiko's and others' agents' clients die of these; here they are kept, listed, and fail alone.
 */
Test(agent, security_keys_are_listed)
{
    const char *providers[] = {"internal", "/usr/lib/libsk.so", "/home/u/libsk.so"};
    struct nacre_privkey k;
    struct ncr_wr w;

    agt.d.providers = "/usr/lib*/*";
    agt_key(&k, 1);
    for (size_t i = 0; i < 3; i++) {
        w = ncr_wr(agt_msg + NACRE_AGENT_LEN, sizeof agt_msg - NACRE_AGENT_LEN);
        ncr_wr_u8(&w, NACRE_AGENT_ADD_ID_CONSTRAINED);
        ncr_wr_cstring(&w, "sk-ssh-ed25519@openssh.com");
        ncr_wr_bytes(&w, k.blob + 4 + 11, 4 + NACRE_ED25519_PUB_LEN);
        ncr_wr_bytes(&w, (const uint8_t *)"\0\0\0\4ssh:\1\0\0\0\3hnd\0\0\0\0\0\0\0\1c\377", 26);
        ncr_wr_cstring(&w, NACRE_AGENT_EXT_SK_PROVIDER);
        ncr_wr_cstring(&w, providers[i]);
        agt_n = NACRE_AGENT_LEN + w.n;
        /* s72: nothing is loaded, whatever is named; and only what -P allows may be named */
        cr_assert_eq(agt_send(), i < 2 ? NACRE_AGENT_SUCCESS : NACRE_AGENT_FAILURE);
    }
    cr_assert_eq(agt_add(2, "c", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list(), 2);
    agt_put_sign(agt.d.keys.first->blob, nacre_bytes_str("data"), 0);
    cr_assert_eq(agt_send(), NACRE_AGENT_FAILURE);
    cr_assert(agt_signs(2));
}

Test(agent, s72_no_code_is_loaded)
{
    for (int type = 20; type <= 26; type++) {
        if (type > 21 && type < 26)
            continue;
        struct ncr_wr w = ncr_wr(agt_msg + NACRE_AGENT_LEN, 256);
        ncr_wr_u8(&w, (uint8_t)type);
        ncr_wr_cstring(&w, "/usr/lib/opensc-pkcs11.so");
        ncr_wr_cstring(&w, "1234");
        agt_n = NACRE_AGENT_LEN + w.n;
        cr_assert_eq(agt_send(), NACRE_AGENT_FAILURE);
    }
}

Test(agent, numbers_that_are_not_served)
{
    for (int type = 0; type < 256; type++) {
        agt_msg[NACRE_AGENT_LEN] = (uint8_t)type;
        agt_n = NACRE_AGENT_LEN + 1;
        agt.next = ncr_agentd_handle(&agt.d, &agt.peer, agt_message(), &agt.now, &agt.reply);
        cr_assert_eq(agt.next, NCR_AGENTD_REPLY);
        cr_assert_eq(agt_out[NACRE_AGENT_LEN],
                     type == 11                ? 12
                     : type == 9 || type == 19 ? 6
                                               : 5,
                     "%d", type);
    }
}

Test(agent, query_names_extensions)
{
    cr_assert_eq(
        nacre_agent_put_extension(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_EXT_QUERY, agt_none),
        NACRE_OK);
    cr_assert_eq(agt_send(), NACRE_AGENT_EXTENSION_RESPONSE);
    cr_assert(nacre_agent_reply_offers(&agt.r, NACRE_AGENT_EXT_BIND));
    cr_assert_eq(nacre_agent_put_extension(agt_msg, sizeof agt_msg, &agt_n, "x@y", agt_none),
                 NACRE_OK);
    cr_assert_eq(agt_send(), NACRE_AGENT_FAILURE);
}

/* ---- Lifetimes ---- */

Test(agent, lifetimes)
{
    const struct nacre_agent_limits minute = {.has_lifetime = true, .lifetime = 60};
    const struct nacre_agent_limits zero = {.has_lifetime = true, .lifetime = 0};
    const struct nacre_agent_limits most = {.has_lifetime = true, .lifetime = UINT32_MAX};

    cr_assert_eq(agt_add(1, "a", &minute), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_add(2, "b", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_add(3, "c", &zero), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_add(4, "d", &most), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list(), 3); /* zero is over at once */
    agt.now.ms += 59999;
    cr_assert(agt_signs(1));
    agt.now.ms += 1;
    cr_assert(!agt_signs(1) && agt_signs(2) && agt_signs(4));
    cr_assert_eq(ncr_keyring_expire(&agt.d.keys, agt.now.ms),
                 1000 + (uint64_t)UINT32_MAX * 1000); /* when to look again */
    agt.d.lifetime = 10;                              /* -t, for keys that say nothing */
    cr_assert_eq(agt_add(5, "e", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_add(1, "a", &minute), NACRE_AGENT_SUCCESS);
    agt.now.ms += 10000;
    cr_assert(agt_signs(1) && !agt_signs(5));
    /* added again it lives anew */
    cr_assert_eq(agt_add(1, "a", &minute), NACRE_AGENT_SUCCESS);
    agt.now.ms += 55000;
    cr_assert(agt_signs(1));
    agt.now.ms += 5000;
    cr_assert(!agt_signs(1));
}

/* ---- Lock ---- */

Test(agent, locked)
{
    cr_assert_eq(agt_add(1, "a", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "p"), NACRE_AGENT_FAILURE);
    cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, "p"), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, "p"), NACRE_AGENT_FAILURE);
    cr_assert_eq(agt_list(), 0);
    cr_assert(!agt_signs(1));
    cr_assert_eq(agt_add(2, "b", NULL), NACRE_AGENT_FAILURE);
    cr_assert_eq(agt_remove(1), NACRE_AGENT_FAILURE);
    cr_assert_eq(agt_remove_all(), NACRE_AGENT_FAILURE);
    cr_assert_eq(
        nacre_agent_put_extension(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_EXT_QUERY, agt_none),
        NACRE_OK);
    cr_assert_eq(agt_send(), NACRE_AGENT_FAILURE);
    cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "p"), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list(), 1);
    cr_assert(agt_signs(1));
    /* an empty passphrase is one */
    cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, ""), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "p"), NACRE_AGENT_FAILURE);
    agt.now.ms = agt.reply.when;
    cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, ""), NACRE_AGENT_SUCCESS);
    /* no salt, no lock: better said than weak */
    agt_rng_fails = true;
    cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, "p"), NACRE_AGENT_FAILURE);
    agt_rng_fails = false;
    cr_assert_eq(agt_list(), 1);
}

Test(agent, s74_guesses_cost_more_each_time)
{
    static struct ncr_agentd_peer other;

    cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, "right"), NACRE_AGENT_SUCCESS);
    for (unsigned i = 1; i <= 105; i++) {
        const uint64_t delay = i < 100 ? 100 * i : 10000;
        cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "wrong"), NACRE_AGENT_FAILURE);
        cr_assert_eq(agt.reply.when, agt.now.ms + delay);
        /* no other connection guesses meanwhile, not even right */
        cr_assert_eq(nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_UNLOCK,
                                          nacre_bytes_str("right")),
                     NACRE_OK);
        agt.now.ms += delay - 1;
        cr_assert_eq(agt_send_as(&other), 0);
        cr_assert(agt.next == NCR_AGENTD_AGAIN && agt.reply.when == agt.now.ms + 1);
        cr_assert_eq(agt_list(), 0); /* and everything else is answered at once */
        cr_assert_eq(agt.reply.when, 0);
        agt.now.ms += 1;
    }
    cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "right"), NACRE_AGENT_SUCCESS);
    /* and a new lock begins anew */
    cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, "right"), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "wrong"), NACRE_AGENT_FAILURE);
    cr_assert_eq(agt.reply.when, agt.now.ms + 100);
}

/* ---- Consent ---- */

Test(agent, confirm)
{
    const struct nacre_agent_limits limits = {.confirm = true};

    cr_assert_eq(agt_add(1, "my\033[2Jkey", &limits), NACRE_AGENT_SUCCESS);
    cr_assert(!agt_signs(1));
    cr_assert_eq(agt.next, NCR_AGENTD_ASK);
    cr_assert_not_null(strstr(agt.reply.question, "Allow use of key my\\033[2Jkey?\nKey "
                                                  "fingerprint SHA256:"));
    ncr_agentd_confirmed(&agt.d, &agt.peer, agt_message(), &agt.now, false, &agt.reply);
    agt_read_reply();
    cr_assert_eq(agt.r.type, NACRE_AGENT_FAILURE);
    ncr_agentd_confirmed(&agt.d, &agt.peer, agt_message(), &agt.now, true, &agt.reply);
    agt_read_reply();
    cr_assert_eq(agt.r.type, NACRE_AGENT_SIGN_RESPONSE);
    /* once is not for ever */
    cr_assert(!agt_signs(1) && agt.next == NCR_AGENTD_ASK);
    /* what was agreed to has gone meanwhile */
    struct nacre_bytes msg = agt_message();
    uint8_t copy[512];
    memcpy(copy, msg.p, msg.n);
    msg.p = copy;
    cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, "p"), NACRE_AGENT_SUCCESS);
    ncr_agentd_confirmed(&agt.d, &agt.peer, msg, &agt.now, true, &agt.reply);
    cr_assert_eq(agt_out[NACRE_AGENT_LEN], NACRE_AGENT_FAILURE);
    cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "p"), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_remove(1), NACRE_AGENT_SUCCESS);
    ncr_agentd_confirmed(&agt.d, &agt.peer, msg, &agt.now, true, &agt.reply);
    cr_assert_eq(agt_out[NACRE_AGENT_LEN], NACRE_AGENT_FAILURE);
}

/* ---- Sessions and destinations ---- */

/* Binds a connection to a host's session; the type of the reply. */
static int agt_bind(struct ncr_agentd_peer *peer, int host, const char *session, bool forwarded,
                    int signer)
{
    struct nacre_privkey k;
    uint8_t sig[256];
    size_t n;

    agt_key(&k, signer);
    cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str("ssh-ed25519"), nacre_bytes_str(session),
                                    sig, sizeof sig, &n, &agt_rng, agt_work),
                 NACRE_OK);
    cr_assert_eq(nacre_agent_put_bind(agt_msg, sizeof agt_msg, &agt_n, agt_blob(host),
                                      nacre_bytes_str(session), (struct nacre_bytes){sig, n},
                                      forwarded),
                 NACRE_OK);
    return agt_send_as(peer);
}

enum { AGT_H1 = 101, AGT_H2, AGT_H3 };

/* From here to h1 as u*, from there to h2. */
static struct nacre_bytes agt_dests(uint8_t *list, size_t cap)
{
    uint8_t k1[256], k2[256];
    size_t n1 = 0, n2 = 0, n = 0;
    struct nacre_agent_dest d = {.from = {.host = {NULL, 0}}};

    cr_assert_eq(nacre_agent_keyspec_append(k1, sizeof k1, &n1, agt_blob(AGT_H1), false), NACRE_OK);
    cr_assert_eq(nacre_agent_keyspec_append(k2, sizeof k2, &n2, agt_blob(AGT_H2), false), NACRE_OK);
    d.to.host = nacre_bytes_str("h1");
    d.to.user = nacre_bytes_str("u*");
    d.to.keys = (struct nacre_bytes){k1, n1};
    cr_assert_eq(nacre_agent_dest_append(list, cap, &n, &d), NACRE_OK);
    d.from.host = d.to.host;
    d.from.keys = d.to.keys;
    d.to.host = nacre_bytes_str("h2");
    d.to.user = agt_none;
    d.to.keys = (struct nacre_bytes){k2, n2};
    cr_assert_eq(nacre_agent_dest_append(list, cap, &n, &d), NACRE_OK);
    return (struct nacre_bytes){list, n};
}

static struct nacre_bytes agt_auth(const char *session, const char *user, struct nacre_bytes key,
                                   int host)
{
    static uint8_t out[2048];
    struct ncr_rd r = ncr_rd(key);
    struct ncr_wr w = ncr_wr(out, sizeof out);

    ncr_wr_cstring(&w, session);
    ncr_wr_u8(&w, 50);
    ncr_wr_cstring(&w, user);
    ncr_wr_cstring(&w, "ssh-connection");
    ncr_wr_cstring(&w, "publickey-hostbound-v00@openssh.com");
    ncr_wr_u8(&w, 1);
    ncr_wr_string(&w, ncr_rd_string(&r));
    ncr_wr_string(&w, key);
    ncr_wr_string(&w, agt_blob(host));
    cr_assert(!w.bad);
    return ncr_wr_done(&w);
}

static int agt_sign_as(struct ncr_agentd_peer *peer, struct nacre_bytes key,
                       struct nacre_bytes data)
{
    agt_put_sign(key, data, 0);
    return agt_send_as(peer);
}

/* A key and its certificate, both constrained: golang.org/x/crypto (CVE-2026-39832) held only the
 * first of several keys to what was said. */
Test(agent, s73_constraints_hold_for_every_key)
{
    static struct nacre_privkey k, ca;
    static struct ncr_agentd_peer local, first, second, stray;
    uint8_t list[2048], cert[1024];
    const struct nacre_agent_limits limits = {.dests = agt_dests(list, sizeof list)};
    struct nacre_cert c;
    size_t n;

    agt_key(&k, 1);
    agt_key(&ca, 50);
    cr_assert_eq(nacre_cert_begin(&c, nacre_privkey_public_blob(&k)), NACRE_OK);
    c.kind = NACRE_CERT_USER;
    c.valid_before = NACRE_CERT_FOREVER;
    cr_assert_eq(nacre_cert_issue(cert, sizeof cert, &n, &c, &ca, NULL, &agt_rng, agt_work),
                 NACRE_OK);
    const struct nacre_bytes blobs[] = {nacre_privkey_public_blob(&k), {cert, n}};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(nacre_agent_put_add(agt_msg, sizeof agt_msg, &agt_n, &k,
                                         i == 0 ? agt_none : blobs[1], nacre_bytes_str("c"),
                                         &limits),
                     NACRE_OK);
        cr_assert_eq(agt_send(), NACRE_AGENT_SUCCESS);
    }
    cr_assert_eq(agt_list_as(&local), 2);
    cr_assert_eq(agt_bind(&first, AGT_H1, "s1", false, AGT_H1), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&second, AGT_H1, "s1", true, AGT_H1), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list_as(&second), 2); /* forwarded to h1: good for h2 from there */
    cr_assert_eq(agt_bind(&second, AGT_H2, "s2", false, AGT_H2), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&stray, AGT_H3, "s3", false, AGT_H3), NACRE_AGENT_SUCCESS);
    cr_assert(agt_list_as(&first) == 2 && agt_list_as(&second) == 2 && agt_list_as(&stray) == 0);
    for (int i = 0; i < 2; i++) {
        const struct nacre_bytes b = blobs[i];
        const int yes = NACRE_AGENT_SIGN_RESPONSE, no = NACRE_AGENT_FAILURE;
        cr_assert_eq(agt_sign_as(&first, b, agt_auth("s1", "user", b, AGT_H1)), yes);
        cr_assert_eq(agt_sign_as(&first, b, agt_auth("s1", "root", b, AGT_H1)), no);
        cr_assert_eq(agt_sign_as(&first, b, agt_auth("s2", "user", b, AGT_H1)), no);
        cr_assert_eq(agt_sign_as(&second, b, agt_auth("s2", "root", b, AGT_H2)), yes);
        cr_assert_eq(agt_sign_as(&second, b, agt_auth("s1", "user", b, AGT_H1)), no);
        cr_assert_eq(agt_sign_as(&stray, b, agt_auth("s3", "user", b, AGT_H3)), no);
        cr_assert_eq(agt_sign_as(&local, b, agt_auth("s1", "user", b, AGT_H1)), no);
        cr_assert_eq(agt_sign_as(&first, b, nacre_bytes_str("no request")), no);
    }
    /* what a host does not see is not its to remove */
    cr_assert_eq(agt_add(9, "free", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(nacre_agent_put_remove(agt_msg, sizeof agt_msg, &agt_n, blobs[0]), NACRE_OK);
    cr_assert_eq(agt_send_as(&stray), NACRE_AGENT_FAILURE);
    cr_assert_eq(
        nacre_agent_put_request(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_REMOVE_ALL_IDENTITIES),
        NACRE_OK);
    cr_assert_eq(agt_send_as(&stray), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list(), 2);
    ncr_agentd_peer_free(&first);
    ncr_agentd_peer_free(&second);
    ncr_agentd_peer_free(&stray);
}

/* The person is told whom a login is for. */
Test(agent, question_names_the_user)
{
    static struct ncr_agentd_peer peer;
    uint8_t list[2048];
    const struct nacre_agent_limits limits = {.dests = agt_dests(list, sizeof list),
                                              .confirm = true};
    const struct nacre_bytes blob = agt_blob(1);

    cr_assert_eq(agt_add(1, "c", &limits), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&peer, AGT_H1, "s1", false, AGT_H1), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_sign_as(&peer, blob, agt_auth("s1", "us\ner", blob, AGT_H1)), 0);
    cr_assert_eq(agt.next, NCR_AGENTD_ASK);
    cr_assert_not_null(strstr(agt.reply.question, ".\npublic key authentication request for user "
                                                  "\"us\\012er\" to listed host"));
    ncr_agentd_confirmed(&agt.d, &peer, agt_message(), &agt.now, true, &agt.reply);
    agt_read_reply();
    cr_assert_eq(agt.r.type, NACRE_AGENT_SIGN_RESPONSE);
    ncr_agentd_peer_free(&peer);
}

Test(agent, s73_bound_connections_neither_add_nor_lock)
{
    static struct ncr_agentd_peer bound, failed;

    cr_assert_eq(agt_bind(&bound, AGT_H1, "s1", true, AGT_H1), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&failed, AGT_H1, "s1", true, AGT_H2), NACRE_AGENT_EXTENSION_FAILURE);
    cr_assert(failed.attempted && failed.n_binds == 0);
    for (int i = 0; i < 2; i++) {
        struct ncr_agentd_peer *peer = i == 0 ? &bound : &failed;
        agt_put_add(1, "c", NULL);
        cr_assert_eq(agt_send_as(peer), NACRE_AGENT_FAILURE);
        cr_assert_eq(nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_LOCK,
                                          nacre_bytes_str("p")),
                     NACRE_OK);
        cr_assert_eq(agt_send_as(peer), NACRE_AGENT_FAILURE);
        cr_assert(!agt.d.locked);
        /* nor do they unlock, or make guesses slower for the owner */
        cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, "p"), NACRE_AGENT_SUCCESS);
        cr_assert_eq(nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_UNLOCK,
                                          nacre_bytes_str("p")),
                     NACRE_OK);
        cr_assert_eq(agt_send_as(peer), NACRE_AGENT_FAILURE);
        cr_assert(agt.d.locked && agt.d.failures == 0);
        cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "p"), NACRE_AGENT_SUCCESS);
        /* they use what they may */
        cr_assert_eq(agt_add(1, "c", NULL), NACRE_AGENT_SUCCESS);
        cr_assert_eq(agt_list_as(peer), 1);
    }
    ncr_agentd_peer_free(&bound);
    ncr_agentd_peer_free(&failed);
}

Test(agent, s73_binds_are_taken_while_locked)
{
    static struct ncr_agentd_peer peer;
    uint8_t list[2048];
    const struct nacre_agent_limits limits = {.dests = agt_dests(list, sizeof list)};

    cr_assert_eq(agt_add(1, "c", &limits), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, "p"), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&peer, AGT_H3, "s1", true, AGT_H3), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list_as(&peer), 0);
    cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "p"), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list_as(&peer), 0); /* a lock does not wash a connection clean */
    cr_assert_eq(agt_list(), 1);
    ncr_agentd_peer_free(&peer);
}

Test(agent, s73_binds_repeated_and_misplaced)
{
    static struct ncr_agentd_peer peer;
    char session[4] = "s0";

    cr_assert_eq(agt_bind(&peer, AGT_H1, "s0", true, AGT_H1), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&peer, AGT_H1, "s0", true, AGT_H1), NACRE_AGENT_SUCCESS);
    cr_assert_eq(peer.n_binds, 1);
    cr_assert_eq(agt_bind(&peer, AGT_H2, "s0", true, AGT_H2), NACRE_AGENT_EXTENSION_FAILURE);
    for (unsigned i = 1; i < NACRE_AGENT_BINDS_MAX; i++) {
        session[1] = (char)('0' + i);
        cr_assert_eq(agt_bind(&peer, AGT_H1, session, true, AGT_H1), NACRE_AGENT_SUCCESS);
    }
    cr_assert_eq(agt_bind(&peer, AGT_H1, "x", true, AGT_H1), NACRE_AGENT_EXTENSION_FAILURE);
    cr_assert_eq(peer.n_binds, NACRE_AGENT_BINDS_MAX);
    ncr_agentd_peer_free(&peer);
    cr_assert_eq(agt_bind(&peer, AGT_H1, "s0", false, AGT_H1), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&peer, AGT_H2, "s1", false, AGT_H2), NACRE_AGENT_EXTENSION_FAILURE);
    ncr_agentd_peer_free(&peer);
}

/* ---- Limits ---- */

Test(agent, s21_as_many_keys_as_an_answer_holds)
{
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    size_t n = 0;

    memset(comment, 'c', NACRE_KEY_COMMENT_MAX);
    comment[NACRE_KEY_COMMENT_MAX] = '\0';
    while (n < NACRE_AGENT_KEYS_MAX + 1 && agt_add((int)n, comment, NULL) == NACRE_AGENT_SUCCESS)
        n++;
    /* each takes two lengths, the blob's 51 bytes, the comment */
    cr_assert_eq(n, (NACRE_AGENT_MSG_MAX - 5) / (8 + 51 + NACRE_KEY_COMMENT_MAX));
    cr_assert_eq(agt_list(), n);
    cr_assert_eq(agt_add(1, "less", NULL), NACRE_AGENT_SUCCESS); /* in its place */
    cr_assert_eq(agt_add((int)n, "one more", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list(), n + 1);
    cr_assert_eq(agt_remove_all(), NACRE_AGENT_SUCCESS);
    for (n = 0; n < NACRE_AGENT_KEYS_MAX; n++)
        cr_assert_eq(agt_add((int)n, "", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_add((int)n, "", NULL), NACRE_AGENT_FAILURE);
    cr_assert_eq(agt_add(3, "again", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list(), NACRE_AGENT_KEYS_MAX);
}

Test(agent, s73_bytes_of_destinations_are_limited)
{
    static uint8_t list[200000];
    uint8_t one[2048];
    const struct nacre_bytes few = agt_dests(one, sizeof one);
    struct nacre_agent_limits limits = {.dests = {list, 0}};
    int n = 0;

    while (limits.dests.n + few.n <= sizeof list && limits.dests.n / few.n < 500) {
        memcpy(list + limits.dests.n, few.p, few.n);
        limits.dests.n += few.n;
    }
    while (n < 100 && agt_add(n, "c", &limits) == NACRE_AGENT_SUCCESS)
        n++;
    cr_assert_eq((size_t)n, NCR_KEYRING_DESTS_MAX / limits.dests.n);
    cr_assert_eq(agt_add(0, "again", &limits), NACRE_AGENT_SUCCESS); /* in its place */
    cr_assert_eq(agt_add(n, "c", NULL), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_remove(0), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_add(n + 1, "c", &limits), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_remove_all(), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt.d.keys.dests, 0);
}

/* ---- Constant time ---- */

/* Passphrases, right and wrong: that it was right is what the reply says. */
Test(agent, ct_unlock)
{
    static const char *const words[] = {"right", "wrong", "right"};

    for (int i = 0; i < 3; i++) {
        uint8_t *word = agt_msg + NACRE_AGENT_LEN + 1 + 4;
        cr_assert_eq(nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n,
                                          i == 0 ? NACRE_AGENT_LOCK : NACRE_AGENT_UNLOCK,
                                          nacre_bytes_str(words[i])),
                     NACRE_OK);
        NCR_CT_SECRET(word, 5);
        cr_assert_eq(agt_send(), i == 1 ? NACRE_AGENT_FAILURE : NACRE_AGENT_SUCCESS);
        NCR_CT_PUBLIC(word, 5);
        agt.now.ms += 1000;
    }
}

/* ---- Memory ---- */

#if AGT_MEMORY
Test(agent, s68_nothing_of_a_key_is_left)
{
    const struct nacre_agent_limits limits = {.has_lifetime = true, .lifetime = 1};
    uint8_t secret[NACRE_ED25519_SEED_LEN];

    agt_need_counting();
    memset(secret, 0x51, sizeof secret); /* the seed's tail */
    agt_secret = secret;
    for (int way = 0; way < 5; way++) {
        cr_assert_eq(agt_add(1, "c", way == 2 ? &limits : NULL), NACRE_AGENT_SUCCESS);
        if (way == 0) {
            cr_assert_eq(agt_remove(1), NACRE_AGENT_SUCCESS);
        } else if (way == 1) {
            cr_assert_eq(agt_remove_all(), NACRE_AGENT_SUCCESS);
        } else if (way == 2) {
            agt.now.ms += 1000;
        } else if (way == 3) {
            cr_assert_eq(agt_add(1, "replaced", NULL), NACRE_AGENT_SUCCESS);
        } else {
            ncr_agentd_wipe(&agt.d);
        }
        cr_assert_eq(agt_list(), way == 3);
    }
    void *volatile probe = malloc(64); /* the check itself works */
    memset(probe, 0x51, 64);
    cr_assert_eq(agt_leaks, 0);
    free(probe);
    cr_assert_eq(agt_leaks, 1);
    agt_secret = NULL;
}

Test(agent, s94_memory_runs_out)
{
    static struct ncr_agentd_peer peer;

    agt_need_counting();
    agt_armed = true;
    agt_fail_at = 1;
    agt_calls = 0;
    cr_assert_eq(agt_add(1, "c", NULL), NACRE_AGENT_FAILURE);
    agt_calls = 0;
    cr_assert_eq(agt_bind(&peer, AGT_H1, "s1", true, AGT_H1), NACRE_AGENT_EXTENSION_FAILURE);
    agt_armed = false;
    cr_assert(peer.attempted && peer.n_binds == 0);
    cr_assert_eq(agt_list(), 0);
    cr_assert_eq(agt_add(1, "c", NULL), NACRE_AGENT_SUCCESS);
    agt_armed = true;
    agt_calls = 0;
    cr_assert_eq(agt_add(1, "d", NULL), NACRE_AGENT_FAILURE); /* the old one stays as it was */
    agt_armed = false;
    cr_assert(agt_signs(1));
}
#endif

/* ---- The server -------------------------------------------------------------------------------
 */

struct agt_net {
    struct ncr_loop loop;
    struct ncr_agent_server s;
};

static struct agt_net net;

static void net_setup(void)
{
    agt_setup();
    memset(&net, 0, sizeof net);
    cr_assert_eq(ncr_loop_init(&net.loop, NCR_LOOP_POLL), NACRE_OK);
    net.s.loop = &net.loop;
    net.s.agent.rng = &agt_rng;
    net.s.agent.work = agt_work;
    cr_assert_eq(ncr_agent_server_init(&net.s), NACRE_OK);
}

static void net_teardown(void)
{
    ncr_agent_server_free(&net.s);
    ncr_loop_free(&net.loop);
    agt_teardown();
}
TestSuite(agent_server, .init = net_setup, .fini = net_teardown);

/* A client's end. */
static int net_client(void)
{
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    cr_assert_eq(ncr_agent_server_add(&net.s, fds[1]), NACRE_OK);
    return fds[0];
}

static void net_round(uint64_t ms)
{
    cr_assert_eq(ncr_loop_once(&net.loop, ncr_clock_ms() + ms), NACRE_OK);
}

static void net_write(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        const ssize_t got = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        } else {
            cr_assert(got < 0 && errno == EAGAIN, "the server has hung up");
            net_round(10);
        }
    }
}

/* Runs the server until a whole reply has come; false: the server hung up. */
static bool net_read(int fd)
{
    size_t n = 0, want = NACRE_AGENT_LEN;
    const uint64_t end = ncr_clock_ms() + 20000;

    while (n < want) {
        struct nacre_bytes msg;
        size_t used;
        const ssize_t got = recv(fd, agt_out + n, want - n, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return false;
        if (got < 0) {
            cr_assert(errno == EAGAIN);
            cr_assert_lt(ncr_clock_ms(), end, "no reply");
            net_round(100);
            continue;
        }
        n += (size_t)got;
        cr_assert_eq(nacre_agent_frame(&msg, &used, &want, (struct nacre_bytes){agt_out, n}),
                     NACRE_OK);
    }
    agt.reply.n = n;
    agt_read_reply();
    cr_assert_eq(agt.err, NACRE_OK);
    return true;
}

static bool net_idle(int fd)
{
    uint8_t b;

    return recv(fd, &b, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

/* Asks with what is in agt_msg; 0: hung up. */
static int net_ask(int fd)
{
    net_write(fd, agt_msg, agt_n);
    return net_read(fd) ? (int)agt.r.type : 0;
}

static size_t net_list(int fd)
{
    agt_put_list();
    cr_assert_eq(net_ask(fd), NACRE_AGENT_IDENTITIES_ANSWER);
    return agt.r.n_keys;
}

static int net_lock(int fd, enum nacre_agent_type type, const char *passphrase)
{
    cr_assert_eq(
        nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n, type, nacre_bytes_str(passphrase)),
        NACRE_OK);
    return net_ask(fd);
}

Test(agent_server, byte_by_byte_and_all_at_once)
{
    const int a = net_client(), b = net_client();
    size_t first;

    agt_put_add(1, "c", NULL);
    for (size_t i = 0; i < agt_n; i++) {
        cr_assert(net_idle(a));
        net_write(a, agt_msg + i, 1);
        net_round(0);
        net_round(0);
    }
    cr_assert(net_read(a) && agt.r.type == NACRE_AGENT_SUCCESS);
    cr_assert_eq(net_list(b), 1);
    /* many requests in one write: answered in their order */
    agt_put_list();
    first = agt_n;
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    uint8_t three[1024];
    const size_t n = first + agt_n + first;
    memcpy(three + first, agt_msg, agt_n);
    agt_put_list();
    memcpy(three, agt_msg, first);
    memcpy(three + n - first, agt_msg, first);
    net_write(a, three, n);
    cr_assert(net_read(a) && agt.r.type == NACRE_AGENT_IDENTITIES_ANSWER);
    agt_msg[NACRE_AGENT_LEN] = NACRE_AGENT_SIGN_REQUEST;
    cr_assert(net_read(a) && agt.r.type == NACRE_AGENT_SIGN_RESPONSE);
    agt_msg[NACRE_AGENT_LEN] = NACRE_AGENT_REQUEST_IDENTITIES;
    cr_assert(net_read(a) && agt.r.type == NACRE_AGENT_IDENTITIES_ANSWER);
    cr_assert(net_idle(a));
    close(a);
    close(b);
    net_round(0);
    net_round(0);
    cr_assert_eq(net.s.n_clients, 0);
}

Test(agent_server, s74_lengths_out_of_range_end_it)
{
    static const uint8_t lens[][4] = {{0, 0, 0, 0}, {0, 4, 0, 1}, {0xff, 0xff, 0xff, 0xff}};
    const int good = net_client();

    for (size_t i = 0; i < 3; i++) {
        const int fd = net_client();
        net_write(fd, lens[i], 4);
        cr_assert(!net_read(fd));
        close(fd);
    }
    cr_assert_eq(net_list(good), 0);
    close(good);
}

Test(agent_server, s74_malformed_requests_fail_and_the_next_is_served)
{
    static const uint8_t bad[] = {0, 0, 0, 2, 13, 0, 0, 0, 0, 1, 99};
    const int fd = net_client();

    net_write(fd, bad, sizeof bad);
    agt_put_list();
    cr_assert(net_read(fd) && agt.r.type == NACRE_AGENT_FAILURE);
    cr_assert(net_read(fd) && agt.r.type == NACRE_AGENT_FAILURE);
    cr_assert_eq(net_list(fd), 0);
    close(fd);
}

/* The largest message, and the largest reply to one who reads late. */
Test(agent_server, largest)
{
    static uint8_t data[NACRE_AGENT_MSG_MAX - 1 - 4 - 51 - 4 - 4];
    const int fd = net_client();

    agt_put_add(1, "c", NULL);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_SUCCESS);
    agt_put_sign(agt_blob(1), (struct nacre_bytes){data, sizeof data}, 0);
    cr_assert_eq(agt_n, NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_SIGN_RESPONSE);
    close(fd);
}

/* Who sends without reading is not read from; who stops in the middle is not waited for. Others do
 * not notice. */
Test(agent_server, floods_and_slow_clients)
{
    const int flood = net_client(), half = net_client(), good = net_client();
    size_t sent = 0;
    const uint8_t start[] = {0, 4, 0, 0, 13, 1, 2, 3};

    for (int i = 0; i < 60; i++) {
        char comment[1000];
        snprintf(comment, sizeof comment, "%0999d", i);
        agt_put_add(i, comment, NULL);
        cr_assert_eq(net_ask(good), NACRE_AGENT_SUCCESS);
    }
    net_write(half, start, sizeof start);
    agt_put_list();
    for (int idle = 0; idle < 20;) {
        const ssize_t n = send(flood, agt_msg, agt_n, MSG_NOSIGNAL | MSG_DONTWAIT);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        net_round(0);
    }
    cr_assert_lt(sent, 4 * 1024 * 1024); /* what sockets hold; nothing piles up here */
    cr_assert_eq(net_list(good), 60);
    cr_assert(net_idle(half));
    close(flood);
    close(half);
    close(good);
}

/* What a late reader did not take at first comes whole, in order. */
Test(agent_server, late_readers_get_all)
{
    const int fd = net_client();
    size_t sent = 0, left, n = 0;

    for (int i = 0; i < 60; i++) {
        char comment[1000];
        snprintf(comment, sizeof comment, "%0999d", i);
        agt_put_add(i, comment, NULL);
        cr_assert_eq(net_ask(fd), NACRE_AGENT_SUCCESS);
    }
    agt_put_list();
    for (int i = 0; i < 40; i++) {
        net_write(fd, agt_msg, agt_n);
        sent++;
        for (int k = 0; k < 4; k++)
            net_round(0);
    }
    for (left = sent; left > 0; left--) {
        cr_assert(net_read(fd) && agt.r.n_keys == 60);
        n++;
    }
    cr_assert_eq(n, 40);
    cr_assert(net_idle(fd));
    close(fd);
}

Test(agent_server, stalled_clients_are_left)
{
    const int half = net_client(), idle = net_client(), deaf = net_client();
    const uint8_t start[] = {0, 4, 0, 0, 13};
    const uint64_t before = ncr_clock_ms();

    net.s.stall_ms = 200;
    net_write(half, start, sizeof start);
    agt_put_add(1, "c", NULL);
    cr_assert_eq(net_ask(idle), NACRE_AGENT_SUCCESS);
    agt_put_list();
    while (net.s.n_clients > 1) { /* deaf sends on and reads nothing */
        (void)!send(deaf, agt_msg, agt_n, MSG_NOSIGNAL | MSG_DONTWAIT);
        net_round(5);
        cr_assert_lt(ncr_clock_ms(), before + 20000);
    }
    cr_assert(ncr_clock_ms() >= before + 200);
    cr_assert(!net_read(half));
    cr_assert_eq(net_list(idle), 1); /* waiting between requests is no stalling */
    close(half);
    close(idle);
    close(deaf);
}

Test(agent_server, s74_guesses_delay_nobody_else)
{
    const int guesser = net_client(), second = net_client(), good = net_client();
    const uint64_t before = ncr_clock_ms();

    cr_assert_eq(net_lock(good, NACRE_AGENT_LOCK, "p"), NACRE_AGENT_SUCCESS);
    cr_assert_eq(nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_UNLOCK,
                                      nacre_bytes_str("q")),
                 NACRE_OK);
    net.s.agent.failures = 4; /* the next costs 500 ms, the one after it 600 */
    net_write(guesser, agt_msg, agt_n);
    while (net.s.agent.failures == 4)
        net_round(10);
    net_write(second, agt_msg, agt_n); /* must wait for the first one's penalty */
    cr_assert_eq(net_list(good), 0);
    const bool idle = net_idle(guesser) && net_idle(second);
    cr_assert(idle || ncr_clock_ms() >= before + 500); /* a slow machine is no failure */
    agt_msg[NACRE_AGENT_LEN] = NACRE_AGENT_UNLOCK;
    cr_assert(net_read(guesser) && agt.r.type == NACRE_AGENT_FAILURE);
    cr_assert(ncr_clock_ms() >= before + 500);
    cr_assert(net_read(second) && agt.r.type == NACRE_AGENT_FAILURE);
    cr_assert(ncr_clock_ms() >= before + 1100);
    cr_assert_eq(net_lock(good, NACRE_AGENT_UNLOCK, "p"), NACRE_AGENT_SUCCESS);
    close(guesser);
    close(second);
    close(good);
}

Test(agent_server, keys_expire_without_a_request)
{
    const struct nacre_agent_limits limits = {.has_lifetime = true, .lifetime = 1};
    const int fd = net_client();
    const uint64_t end = ncr_clock_ms() + 20000;

    agt_put_add(1, "c", &limits);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_SUCCESS);
    cr_assert_eq(net.s.agent.keys.n, 1);
    while (net.s.agent.keys.n > 0) {
        net_round(2000);
        cr_assert_lt(ncr_clock_ms(), end);
    }
    close(fd);
}

/* ---- Consent by a program ---- */

static char net_script[64];

/* A program that asks nobody: writes, waits, ends. */
static void net_askpass(const char *body)
{
    FILE *f;

    snprintf(net_script, sizeof net_script, "/tmp/nacre-askpass.%ld", (long)getpid());
    f = fopen(net_script, "w");
    cr_assert_not_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(chmod(net_script, 0700), 0);
    cr_assert_eq(setenv("SSH_ASKPASS", net_script, 1), 0);
    cr_assert_eq(setenv("SSH_ASKPASS_REQUIRE", "force", 1), 0);
}

static void net_add_confirmed(int fd, int which)
{
    const struct nacre_agent_limits limits = {.confirm = true};

    agt_put_add(which, "c", &limits);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_SUCCESS);
}

Test(agent_server, consent)
{
    static const struct {
        const char *body;
        bool yes;
    } cases[] = {
        {"exit 0", true},
        {"echo", true},
        {"echo yes", true},
        {"echo YES", true},
        {"echo no", false},
        {"echo yes; exit 1", false},
        {"exit 1", false},
        {"kill -9 $$", false},
        {"echo yesyesyesyesyesyesyes", false},
        {"case \"$SSH_ASKPASS_PROMPT $1\" in 'confirm Allow use of key c?'*) ;; *) exit 1 ;; esac",
         true},
        {"exec >&-; sleep 0.1; exit 0", true},
        {"exec >&-; sleep 0.1; exit 3", false},
    };
    const int fd = net_client();

    net_add_confirmed(fd, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        net_askpass(cases[i].body);
        agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
        cr_assert_eq(net_ask(fd), cases[i].yes ? NACRE_AGENT_SIGN_RESPONSE : NACRE_AGENT_FAILURE,
                     "%s", cases[i].body);
    }
    unlink(net_script);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_FAILURE); /* no such program */
    close(fd);
}

Test(agent_server, nobody_to_ask_is_no_consent)
{
    const int fd = net_client();

    net_askpass("exit 0");
    net_add_confirmed(fd, 1);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(setenv("SSH_ASKPASS_REQUIRE", i == 0 ? "never" : "prefer", 1), 0);
        cr_assert_eq(setenv("DISPLAY", i == 1 ? "" : ":0", 1), 0);
        cr_assert_eq(unsetenv("WAYLAND_DISPLAY"), 0);
        agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
        cr_assert_eq(net_ask(fd), i == 2 ? NACRE_AGENT_SIGN_RESPONSE : NACRE_AGENT_FAILURE);
    }
    unlink(net_script);
    close(fd);
}

/* While a person thinks, others are served; who asks next waits for the first answer. */
Test(agent_server, questions_delay_nobody_else)
{
    const int a = net_client(), b = net_client(), gone = net_client(), good = net_client();
    char gate[80], body[160];
    FILE *f;

    net_askpass("exit 0");
    snprintf(gate, sizeof gate, "%s.gate", net_script);
    snprintf(body, sizeof body, "while test ! -e %s; do sleep 0.02; done", gate);
    net_askpass(body);
    net_add_confirmed(good, 1);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    net_write(gone, agt_msg, agt_n);
    while (net.s.asking == NULL)
        net_round(10);
    net_write(a, agt_msg, agt_n);
    net_write(b, agt_msg, agt_n);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(net_list(good), 1);
    cr_assert(net_idle(a) && net_idle(b));
    close(gone); /* its question is still answered, to nobody */
    f = fopen(gate, "w");
    cr_assert_not_null(f);
    fclose(f);
    agt_msg[NACRE_AGENT_LEN] = NACRE_AGENT_SIGN_REQUEST;
    cr_assert(net_read(a) && agt.r.type == NACRE_AGENT_SIGN_RESPONSE);
    cr_assert(net_read(b) && agt.r.type == NACRE_AGENT_SIGN_RESPONSE);
    cr_assert_eq(net_list(good), 1);
    unlink(gate);
    unlink(net_script);
    close(a);
    close(b);
    close(good);
}

/* The agent ends while somebody is asked: the program does, too. */
Test(agent_server, ends_while_asking)
{
    const int fd = net_client();

    net_askpass("exec sleep 1000");
    net_add_confirmed(fd, 1);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    net_write(fd, agt_msg, agt_n);
    while (net.s.asking == NULL)
        net_round(10);
    const pid_t pid = net.s.confirm.pid;
    ncr_agent_server_free(&net.s);
    cr_assert(kill(pid, 0) < 0 && errno == ESRCH);
    unlink(net_script);
    close(fd);
}

/* ---- Its socket ---- */

static int net_listen(char path[64])
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(path, 64, "/tmp/nacre-agent-test.%ld", (long)getpid());
    unlink(path);
    memcpy(sun.sun_path, path, strlen(path));
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&sun, sizeof sun) == 0 && listen(fd, 8) == 0);
    cr_assert_eq(chmod(path, 0666), 0); /* what keeps others out here is not the file's mode */
    cr_assert_eq(ncr_agent_server_listen(&net.s, fd), NACRE_OK);
    return fd;
}

static int net_connect(const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(sun.sun_path, path, strlen(path));
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0);
    return fd;
}

Test(agent_server, more_clients_wait)
{
    char path[64];
    int fds[4];

    net.s.clients_max = 2;
    (void)net_listen(path); /* the server's */
    for (int i = 0; i < 4; i++)
        fds[i] = net_connect(path);
    cr_assert_eq(net_list(fds[0]), 0);
    cr_assert_eq(net_list(fds[1]), 0);
    agt_put_list();
    net_write(fds[2], agt_msg, agt_n);
    net_round(0);
    net_round(0);
    cr_assert(net_idle(fds[2]) && net.s.n_clients == 2);
    close(fds[0]);
    cr_assert(net_read(fds[2]));
    cr_assert_eq(net.s.n_clients, 2);
    close(fds[1]);
    cr_assert_eq(net_list(fds[3]), 0);
    close(fds[2]);
    close(fds[3]);
    unlink(path);
}

/* Out of descriptors it waits, without spinning, and goes on when there are some; nobody can be
 * asked for consent meanwhile. */
Test(agent_server, descriptors_run_out)
{
    struct rlimit limit, few;
    char path[64];
    int fds[2], last, rounds = 0;

    if (getenv("MEMCHECK") != NULL)
        cr_skip_test("valgrind's limit accepts and closes what is over it");
    net_askpass("exit 0");
    (void)net_listen(path); /* the server's */
    fds[0] = net_connect(path);
    net_add_confirmed(fds[0], 1);
    fds[1] = net_connect(path);
    last = dup(fds[0]);
    close(last);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = limit;
    few.rlim_cur = (rlim_t)last;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (const uint64_t end = ncr_clock_ms() + 200; ncr_clock_ms() < end; rounds++)
        net_round(50);
    cr_assert_lt(rounds, 20);
    cr_assert_eq(net.s.n_clients, 1);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    cr_assert_eq(net_ask(fds[0]), NACRE_AGENT_FAILURE);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(net_list(fds[1]), 1);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    cr_assert_eq(net_ask(fds[0]), NACRE_AGENT_SIGN_RESPONSE);
    close(fds[0]);
    close(fds[1]);
    unlink(path);
    unlink(net_script);
}

/* Another user's program gets nothing. Only root can show it: what counts is who connected. */
Test(agent_server, peers_of_other_users)
{
    char path[64];
    int fd;

    if (getuid() != 0)
        cr_skip_test("only root can connect as another user");
    (void)net_listen(path); /* the server's */
    cr_assert_eq(seteuid(65534), 0);
    fd = net_connect(path);
    cr_assert_eq(seteuid(0), 0);
    agt_put_list();
    net_write(fd, agt_msg, agt_n);
    cr_assert(!net_read(fd));
    cr_assert_eq(net.s.n_clients, 0);
    close(fd);
    fd = net_connect(path);
    cr_assert_eq(net_list(fd), 0);
    close(fd);
    unlink(path);
}

/* ---- Memory ---- */

#if AGT_MEMORY
/* A session: a key that asks is added, lists, signs. False: the server hung up, or said no. */
static bool net_session(int fd)
{
    const struct nacre_agent_limits limits = {.confirm = true};

    for (int step = 0; step < 3; step++) {
        agt_armed = false;
        if (step == 0)
            agt_put_add(1, "c", &limits);
        else if (step == 1)
            agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
        else
            agt_put_list();
        agt_armed = true;
        const int type = net_ask(fd);
        if (type == 0 || type == NACRE_AGENT_FAILURE)
            return false;
    }
    return true;
}

/* Each allocation of a session fails once: a client is turned away, told no, or left, and the next
 * one is served. */
Test(agent_server, s94_memory_runs_out)
{
    unsigned long total = 1;

    agt_need_counting();
    net_askpass("exit 0");
    for (unsigned long at = 0; at <= total; at++) {
        int fds[2];
        bool good;

        net_teardown(); /* so that the loop's own arrays grow, too */
        net_setup();
        agt_fail_at = at;
        agt_calls = 0;
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        agt_armed = true;
        good = ncr_agent_server_add(&net.s, fds[1]) == NACRE_OK && net_session(fds[0]);
        agt_armed = false;
        if (at == 0)
            total = agt_calls;
        cr_assert_eq(good, at == 0, "allocation %lu of %lu", at, total);
        cr_assert_geq(total, 8);
        close(fds[0]);
        net_round(0);
        net_round(0);
        cr_assert_eq(net.s.n_clients, 0);
        agt_fail_at = 0;
        fds[0] = net_client();
        cr_assert(net_session(fds[0]));
        agt_armed = false;
        close(fds[0]);
    }
    unlink(net_script);
}

Test(agent_server, s94_memory_runs_out_at_the_start)
{
    agt_need_counting();
    for (agt_fail_at = 1;; agt_fail_at++) {
        struct ncr_loop loop;
        struct ncr_agent_server s;
        nacre_err err;

        memset(&s, 0, sizeof s);
        cr_assert_eq(ncr_loop_init(&loop, NCR_LOOP_POLL), NACRE_OK);
        s.loop = &loop;
        agt_calls = 0;
        agt_armed = true;
        err = ncr_agent_server_init(&s);
        agt_armed = false;
        ncr_agent_server_free(&s);
        ncr_loop_free(&loop);
        if (err == NACRE_OK)
            break;
        cr_assert_eq(err, NACRE_ERR_NO_MEMORY);
    }
    cr_assert_gt(agt_fail_at, 1);
}

Test(agent_server, s68_what_clients_sent_is_wiped)
{
    const int fd = net_client();
    uint8_t secret[NACRE_ED25519_SEED_LEN];
    size_t keys;

    agt_need_counting();
    memset(secret, 0x51, sizeof secret);
    agt_secret = secret;
    agt_put_add(1, "c", NULL);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_SUCCESS);
    net_write(fd, agt_msg, agt_n / 2); /* half of one, and gone */
    net_round(0);
    net_round(0);
    close(fd);
    net_round(0);
    net_round(0);
    keys = net.s.agent.keys.n;
    ncr_agent_server_free(&net.s);
    agt_secret = NULL;
    cr_assert(keys == 1 && agt_leaks == 0);
}
#endif
