/* SPDX-License-Identifier: ISC
 *
 * Learning a host's further keys and forgetting the old ones (UpdateHostKeys; s49), against a
 * server that announces and proves as the test says.
 */
#include "tests/desk.h"
#include "tests/oom.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(host_update, learns_and_removes)
{
    struct desk *d = desk_announcing();

    desk_save(d->hosts, "# mine\n");
    desk_line(d, "", "server", -1);
    desk_line(d, "", "server", 3);
    desk_line(d, "", "elsewhere", 0);
    desk_visit(d);
    cr_assert_eq(d->announce.asked, 1);
    cr_assert(desk_has(d, "server", pair_key_blob(0)) && desk_has(d, "server", desk_blob(1)) &&
              desk_has(d, "server", desk_blob(2)));
    cr_assert_not(desk_has(d, "server", desk_blob(3)), "which the server has no more");
    cr_assert(desk_has(d, "elsewhere", desk_blob(0)));
    cr_assert_eq(strncmp(desk_load(d->hosts), "# mine\n", 7), 0);
    cr_assert(desk_logged(d, "Learned new hostkey: ED25519 SHA256:"));
    cr_assert(desk_logged(d, "Deprecating obsolete hostkey: ED25519 SHA256:"));
    desk_free(d);
}

Test(host_update, learned_keys_are_trusted_next_time)
{
    struct desk *d = desk_announcing();

    desk_line(d, "", "server", -1);
    desk_visit(d);
    cr_assert_eq(desk_trust(d, desk_blob(2)), NACRE_ACCEPT);
    desk_free(d);
}

Test(host_update, removal_alone_needs_no_proof)
{
    struct desk *d = desk_announcing();

    d->announce.n = 1;
    desk_line(d, "", "server", -1);
    desk_line(d, "", "server", 3);
    desk_visit(d);
    cr_assert_eq(d->announce.asked, 0);
    cr_assert(desk_has(d, "server", pair_key_blob(0)));
    cr_assert_not(desk_has(d, "server", desk_blob(3)));
    desk_free(d);
}

static enum nacre_trust desk_saves(void *ctx, const struct nacre_host_question *q)
{
    (void)ctx, (void)q;
    return NACRE_TRUST_SAVE;
}

Test(host_update, new_host_that_was_just_confirmed)
{
    struct desk *d = desk_announcing();

    d->cfg.host_policy = NACRE_HOSTS_ASK;
    d->cfg.host_key = desk_saves;
    d->cfg.hash_known_hosts = true;
    desk_visit(d);
    cr_assert_eq(desk_trust(d, desk_blob(2)), NACRE_ACCEPT);
    cr_assert_null(strstr(desk_load(d->hosts), "server"));
    desk_free(d);
}

/* As ssh: a key that nobody looked at vouches for no others, before the next visit. */
Test(host_update, s49_new_host_that_nobody_confirmed)
{
    static const enum nacre_host_policy policies[] = {NACRE_HOSTS_ACCEPT_NEW, NACRE_HOSTS_OFF};

    for (size_t i = 0; i < 2; i++) {
        struct desk *d = desk_announcing();

        d->cfg.host_policy = policies[i];
        desk_visit(d);
        cr_assert(desk_has(d, "server", pair_key_blob(0)));
        cr_assert_not(desk_has(d, "server", desk_blob(1)));
        desk_free(d);
    }
}

/* Whatever is wrong with the announcement, the proofs or what is known: nothing changes. */
static void unchanged(struct desk *d, unsigned asked, const char *why)
{
    char *before = strdup(desk_load(d->hosts));

    desk_visit(d);
    cr_assert_eq(d->announce.asked, asked);
    cr_assert_str_eq(desk_load(d->hosts), before);
    cr_assert(desk_logged(d, why), "%s not in: %.*s", why, (int)d->log.n, (const char *)d->log.p);
    free(before);
    desk_free(d);
}

static struct desk *known_desk(void)
{
    struct desk *d = desk_announcing();

    desk_line(d, "", "server", -1);
    return d;
}

Test(host_update, s49_bad_proof)
{
    struct desk *d = known_desk();

    d->announce.liar = 1; /* key 2 is not the server's */
    unchanged(d, 1, "did not prove");
}

Test(host_update, s49_proof_of_another_session)
{
    struct desk *d = known_desk();

    d->announce.id = nacre_bytes_str("another session's id");
    unchanged(d, 1, "did not prove");
}

Test(host_update, s49_too_few_proofs)
{
    struct desk *d = known_desk();

    d->announce.short_reply = true;
    unchanged(d, 1, "did not prove");
}

Test(host_update, s49_proof_refused)
{
    struct desk *d = known_desk();

    d->announce.refuse = true;
    unchanged(d, 1, "failed to confirm ownership");
}

Test(host_update, s49_a_thousand_keys)
{
    static uint8_t raw[1000 * 5];
    struct desk *d = known_desk();

    for (size_t i = 0; i < 1000; i++)
        memcpy(raw + 5 * i, "\0\0\0\1x", 5);
    d->announce.raw = (struct nacre_bytes){raw, sizeof raw};
    unchanged(d, 0, "malformed or too long");
}

Test(host_update, s49_malformed)
{
    struct desk *d = known_desk();

    d->announce.raw = nacre_bytes_str("what is this");
    unchanged(d, 0, "malformed or too long");
}

Test(host_update, s49_a_key_twice)
{
    struct desk *d = known_desk();

    d->announce.offered[2] = desk_blob(1);
    unchanged(d, 0, "a key twice");
}

/* Certificates and what is not understood are left out. */
Test(host_update, s49_nothing_of_use)
{
    struct desk *d = known_desk();
    struct nacre_cert c = desk_cert();

    d->announce.offered[0] = desk_sign(&c, 2);
    d->announce.offered[1] = (struct nacre_bytes){(const uint8_t *)"\0\0\0\1x", 5};
    d->announce.n = 2;
    unchanged(d, 0, "no key of use");
}

Test(host_update, s49_announced_twice)
{
    struct desk *d = desk_announcing();

    d->announce.times = 3;
    desk_line(d, "", "server", -1);
    desk_visit(d);
    cr_assert_eq(d->announce.asked, 1);
    cr_assert(desk_logged(d, "server already sent hostkeys"));
    desk_free(d);
}

/* The list is not one of keys that were asked about. */
Test(host_update, s49_unsolicited_reply)
{
    struct nacre_event ev;
    struct desk *d = known_desk();
    char *before = strdup(desk_load(d->hosts));

    desk_visit(d);
    free(before);
    before = strdup(desk_load(d->hosts));
    memset(&ev, 0, sizeof ev);
    ev.type = NACRE_EV_GLOBAL_REPLY;
    ev.accepted = true;
    ev.global.kind = NACRE_GLOBAL_HOSTKEYS_PROVE;
    cr_assert(ncr_host_update_event(d->c, &ev));
    cr_assert_str_eq(desk_load(d->hosts), before);
    free(before);
    desk_free(d);
}

Test(host_update, s49_switched_off)
{
    struct desk *d = known_desk();

    d->cfg.update_hosts = NACRE_UPDATE_NO;
    unchanged(d, 0, "UpdateHostKeys: off");
}

Test(host_update, s49_host_trusted_once_only)
{
    struct desk *d = desk_announcing();

    d->cfg.host_policy = NACRE_HOSTS_OFF;
    desk_line(d, "", "server", 3); /* changed, and let pass */
    unchanged(d, 0, "not a plain one");
}

Test(host_update, s49_known_from_the_systems_file_alone)
{
    struct desk *d = desk_announcing();

    desk_line(d, "", "server", -1);
    desk_save(d->global, desk_load(d->hosts));
    desk_save(d->hosts, "");
    d->hosts_list[1] = d->global;
    d->cfg.n_known_hosts = 2;
    unchanged(d, 0, "not a plain one");
}

Test(host_update, s49_wildcard)
{
    struct desk *d = desk_announcing();

    desk_line(d, "", "serv*", -1);
    unchanged(d, 0, "wildcard host pattern");
}

Test(host_update, s49_several_names)
{
    struct desk *d = desk_announcing();

    desk_line(d, "", "server,alias", -1);
    unchanged(d, 0, "manual host list");
}

Test(host_update, s49_marker)
{
    struct desk *d = known_desk();

    desk_line(d, DESK_REVOKED, "server", 3);
    unchanged(d, 0, "CA/revocation marker");
}

Test(host_update, s49_revoked_by_the_systems_file)
{
    struct desk *d = desk_announcing();

    desk_line(d, DESK_REVOKED, "server", 2);
    desk_save(d->global, desk_load(d->hosts));
    desk_save(d->hosts, "");
    desk_line(d, "", "server", -1);
    d->hosts_list[1] = d->global;
    d->cfg.n_known_hosts = 2;
    unchanged(d, 0, "CA/revocation marker");
}

Test(host_update, s49_key_known_under_another_name)
{
    struct desk *d = known_desk();

    desk_line(d, "", "elsewhere", 2);
    unchanged(d, 0, "different name/address");
}

Test(host_update, s49_old_key_known_under_another_name)
{
    struct desk *d = known_desk();

    desk_line(d, "", "server", 3);
    desk_line(d, "", "elsewhere", 3);
    unchanged(d, 0, "different name/address");
}

Test(host_update, s48_revoked_keys_are_not_learned)
{
    static const struct nacre_bytes none;
    struct desk *d = desk_announcing();
    char text[512];

    desk_line(d, "", "server", -1);
    cr_assert_eq(nacre_pubkey_format(text, sizeof text, desk_blob(2), none), NACRE_OK);
    desk_save(d->revoked, text);
    d->cfg.revoked_host_keys = d->revoked_list;
    d->cfg.n_revoked_host_keys = 1;
    desk_visit(d);
    cr_assert(desk_has(d, "server", desk_blob(1)));
    cr_assert_not(desk_has(d, "server", desk_blob(2)));
    desk_free(d);
}

/* Keys that the server has and that are not to be used here are neither learned nor removed. */
Test(host_update, keys_that_are_not_used_stay)
{
    struct desk *d = desk_announcing();
    static const char dss[] = "server ssh-x AAAABXNzaC14AAAAAQE=\n";

    desk_save(d->hosts, dss);
    desk_line(d, "", "server", -1);
    desk_visit(d);
    cr_assert_not_null(strstr(desk_load(d->hosts), dss));
    cr_assert(desk_has(d, "server", desk_blob(1)));
    desk_free(d);
}

static bool desk_agree(void *ctx, const char *host, const char *text)
{
    struct desk *d = ctx;

    d->asked++;
    cr_assert_str_eq(host, "server");
    cr_assert_not_null(strstr(text, "Learned new hostkey: ED25519 SHA256:"));
    cr_assert_not_null(strstr(text, "Deprecating obsolete hostkey: ED25519 SHA256:"));
    return d->yes;
}

Test(host_update, asked)
{
    for (int yes = 0; yes < 2; yes++) {
        struct desk *d = known_desk();

        desk_line(d, "", "server", 3);
        d->cfg.update_hosts = NACRE_UPDATE_ASK;
        d->cfg.new_host_keys = desk_agree;
        d->yes = yes;
        desk_visit(d);
        cr_assert_eq(d->asked, 1);
        cr_assert_eq(desk_has(d, "server", desk_blob(1)), yes);
        cr_assert_eq(desk_has(d, "server", desk_blob(3)), !yes);
        desk_free(d);
    }
}

/* Another client learns a key and takes an old one away while the user is being asked. */
static bool desk_overtaken(void *ctx, const char *host, const char *text)
{
    (void)host, (void)text;
    struct desk *d = ctx;

    desk_save(d->hosts, "");
    desk_line(d, "", "server", -1);
    desk_line(d, "", "server", 1);
    return true;
}

Test(host_update, learned_meanwhile_by_another_client)
{
    struct desk *d = known_desk();
    char line[512];

    desk_line(d, "", "server", 3);
    d->cfg.update_hosts = NACRE_UPDATE_ASK;
    d->cfg.new_host_keys = desk_overtaken;
    desk_visit(d);
    cr_assert(desk_has(d, "server", desk_blob(1)) && desk_has(d, "server", desk_blob(2)));
    cr_assert_not(desk_has(d, "server", desk_blob(3)));
    cr_assert_eq(
        nacre_known_hosts_format(line, sizeof line, nacre_bytes_str("server"), 22, desk_blob(1)),
        NACRE_OK);
    cr_assert_null(strstr(strstr(desk_load(d->hosts), line) + 1, line), "learned twice");
    desk_free(d);
}

Test(host_update, s46_no_hook_is_no)
{
    struct desk *d = known_desk();

    d->cfg.update_hosts = NACRE_UPDATE_ASK;
    unchanged(d, 1, "Learned new");
}

/* Each allocation behind the announcement fails once: a key is learned only with its proof, and
 * what was known stays or is replaced as a whole. */
Test(host_update, s49_memory_runs_out)
{
    oom_need();
    unsigned long calls = 0;

    for (unsigned long i = 0; i == 0 || i <= calls; i++) {
        struct desk *d = known_desk();
        struct nacre_event ev;
        uint8_t data[1024];
        bool learned;

        desk_line(d, "", "server", 3);
        d->cfg.update_hosts = NACRE_UPDATE_NO; /* the server's own announcement */
        d->announce.n = 0;
        d->cfg.log = NULL;
        desk_visit(d);
        d->c->cfg.update_hosts = NACRE_UPDATE_YES;
        d->announce.n = 3;
        memset(&ev, 0, sizeof ev);
        ev.type = NACRE_EV_GLOBAL;
        ev.global.kind = NACRE_GLOBAL_HOSTKEYS;
        ev.global.data.p = data;
        cr_assert_eq(
            nacre_hostkeys_encode(data, sizeof data, &ev.global.data.n, d->announce.offered, 3),
            NACRE_OK);
        oom_calls = 0;
        oom_fail_at = i;
        oom_armed = true;
        cr_assert(ncr_host_update_event(d->c, &ev));
        for (int turn = 0; turn < 50 && (d->c->update.waiting || d->c->update.to_ask); turn++)
            cr_assert_eq(ncr_loop_once(&d->loop, ncr_clock_ms() + 1000), NACRE_OK);
        oom_armed = false;
        calls = i == 0 ? oom_calls : calls;
        learned = desk_has(d, "server", desk_blob(1));
        cr_assert(i > 0 || learned);
        cr_assert_eq(desk_has(d, "server", desk_blob(2)), learned, "allocation %lu", i);
        cr_assert_eq(desk_has(d, "server", desk_blob(3)), !learned, "allocation %lu", i);
        cr_assert(desk_has(d, "server", pair_key_blob(0)));
        desk_free(d);
    }
    cr_assert_gt(calls, 4);
}
