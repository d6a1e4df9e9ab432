/* SPDX-License-Identifier: ISC
 *
 * What nacre-agent answers, with the time passed in: keys, lifetimes, lock, constraints, consent.
 * s68, s72, s73, s74. Memory runs out at each allocation once (s94). The server around it is
 * test_agent_server.c's.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/ct.h"
#include "proto/wire.h"
#include "tests/agent_rig.h"
#include "tests/oom.h"

TestSuite(agent, .init = agt_setup, .fini = agt_teardown);

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
    /* nobody locks with nothing on purpose */
    cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, ""), NACRE_AGENT_FAILURE);
    cr_assert_eq(agt_list(), 1);
    cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, "p"), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, ""), NACRE_AGENT_FAILURE);
    cr_assert_eq(agt.d.failures, 0); /* it is no guess either */
    cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "p"), NACRE_AGENT_SUCCESS);
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

static int agt_lock_as(struct ncr_agentd_peer *peer, enum nacre_agent_type type)
{
    cr_assert_eq(nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n, type, nacre_bytes_str("p")),
                 NACRE_OK);
    return agt_send_as(peer);
}

Test(agent, s73_forwarded_connections_neither_add_nor_lock)
{
    static struct ncr_agentd_peer forwarded, further, failed, then_failed;
    struct ncr_agentd_peer *const peers[] = {&forwarded, &further, &failed, &then_failed};

    cr_assert_eq(agt_bind(&forwarded, AGT_H1, "s1", true, AGT_H1), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&further, AGT_H1, "s1", true, AGT_H1), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&further, AGT_H2, "s2", false, AGT_H2), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&failed, AGT_H1, "s1", false, AGT_H2), NACRE_AGENT_EXTENSION_FAILURE);
    cr_assert(failed.attempted && failed.n_binds == 0);
    cr_assert_eq(agt_bind(&then_failed, AGT_H1, "s1", false, AGT_H1), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_bind(&then_failed, AGT_H2, "s2", true, AGT_H2), NACRE_AGENT_EXTENSION_FAILURE);
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        agt_put_add(1, "c", NULL);
        cr_assert_eq(agt_send_as(peers[i]), NACRE_AGENT_FAILURE);
        cr_assert_eq(agt_lock_as(peers[i], NACRE_AGENT_LOCK), NACRE_AGENT_FAILURE);
        cr_assert(!agt.d.locked);
        /* nor do they unlock, or make guesses slower for the owner */
        cr_assert_eq(agt_lock(NACRE_AGENT_LOCK, "p"), NACRE_AGENT_SUCCESS);
        cr_assert_eq(agt_lock_as(peers[i], NACRE_AGENT_UNLOCK), NACRE_AGENT_FAILURE);
        cr_assert(agt.d.locked && agt.d.failures == 0);
        cr_assert_eq(agt_lock(NACRE_AGENT_UNLOCK, "p"), NACRE_AGENT_SUCCESS);
        /* they use what they may */
        cr_assert_eq(agt_add(1, "c", NULL), NACRE_AGENT_SUCCESS);
        cr_assert_eq(agt_list_as(peers[i]), 1);
        ncr_agentd_peer_free(peers[i]);
    }
}

/* A client that has logged in over it is a program of this machine: only what it forwards is not.
 */
Test(agent, s73_local_connections_add_and_lock)
{
    static struct ncr_agentd_peer local;

    cr_assert_eq(agt_bind(&local, AGT_H1, "s1", false, AGT_H1), NACRE_AGENT_SUCCESS);
    agt_put_add(1, "c", NULL);
    cr_assert_eq(agt_send_as(&local), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_lock_as(&local, NACRE_AGENT_LOCK), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_lock_as(&local, NACRE_AGENT_UNLOCK), NACRE_AGENT_SUCCESS);
    cr_assert_eq(agt_list_as(&local), 1);
    ncr_agentd_peer_free(&local);
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

Test(agent, s68_nothing_of_a_key_is_left)
{
    const struct nacre_agent_limits limits = {.has_lifetime = true, .lifetime = 1};
    uint8_t secret[NACRE_ED25519_SEED_LEN];

    oom_need();
    memset(secret, 0x51, sizeof secret); /* the seed's tail */
    oom_secret = secret;
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
    cr_assert_eq(oom_leaks, 0);
    free(probe);
    cr_assert_eq(oom_leaks, 1);
    oom_secret = NULL;
}

Test(agent, s94_memory_runs_out)
{
    static struct ncr_agentd_peer peer;

    oom_need();
    oom_armed = true;
    oom_fail_at = 1;
    oom_calls = 0;
    cr_assert_eq(agt_add(1, "c", NULL), NACRE_AGENT_FAILURE);
    oom_calls = 0;
    cr_assert_eq(agt_bind(&peer, AGT_H1, "s1", true, AGT_H1), NACRE_AGENT_EXTENSION_FAILURE);
    oom_armed = false;
    cr_assert(peer.attempted && peer.n_binds == 0);
    cr_assert_eq(agt_list(), 0);
    cr_assert_eq(agt_add(1, "c", NULL), NACRE_AGENT_SUCCESS);
    oom_armed = true;
    oom_calls = 0;
    cr_assert_eq(agt_add(1, "d", NULL), NACRE_AGENT_FAILURE); /* the old one stays as it was */
    oom_armed = false;
    cr_assert(agt_signs(1));
}
