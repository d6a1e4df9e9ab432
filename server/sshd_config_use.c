/* SPDX-License-Identifier: ISC
 *
 * What others take from the configuration of nacre-sshd: see sshd_config.h.
 */
#include "server/sshd_line.h"

#include <string.h>
#include <strings.h>

unsigned ncr_sshd_config_method(const char *name, size_t n)
{
    static const struct ncr_sshd_name names[] = {{"publickey", NACRE_AUTH_PUBLICKEY},
                                                 {"password", NACRE_AUTH_PASSWORD},
                                                 {"keyboard-interactive", NACRE_AUTH_INTERACTIVE},
                                                 {"any", ~0u}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i].name) == n && strncasecmp(names[i].name, name, n) == 0) {
            return names[i].value;
        }
    }
    return 0;
}

const char *ncr_sshd_config_subsystem(const struct ncr_sshd_config *c, struct nacre_bytes name)
{
    for (size_t i = 0; i + 1 < c->subsystems.n; i += 2) {
        if (nacre_bytes_is(name, c->subsystems.word[i])) {
            return c->subsystems.word[i + 1];
        }
    }
    return NULL;
}

/* Iterative: a star remembers where to go on; time is the product of the lengths at most. */
bool ncr_sshd_config_glob(const char *pattern, size_t n, const char *name, size_t name_len)
{
    size_t p = 0, s = 0, star = n, mark = 0;
    while (s < name_len) {
        if (p < n && pattern[p] == '*') {
            star = p++;
            mark = s;
        } else if (p < n && (pattern[p] == '?' || pattern[p] == name[s])) {
            p++;
            s++;
        } else if (star < n) {
            p = star + 1;
            s = ++mark;
        } else {
            return false;
        }
    }
    while (p < n && pattern[p] == '*') {
        p++;
    }
    return p == n;
}

bool ncr_sshd_config_user_env(const struct ncr_sshd_config *c, struct nacre_bytes name)
{
    bool yes = false;
    for (const char *p = c->user_env != NULL ? c->user_env : ""; *p != '\0';) {
        size_t n = strcspn(p, ",");
        bool no = *p == '!';
        if (ncr_sshd_config_glob(p + no, n - no, (const char *)name.p, name.n)) {
            if (no) {
                return false;
            }
            yes = true;
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    return yes;
}

void ncr_sshd_config_engine(const struct ncr_sshd_config *c, struct nacre_conn_cfg *out)
{
    memset(out, 0, sizeof *out);
    out->algs = NACRE_ALGS_ALL;
    out->profile = (enum nacre_profile)c->profile;
    out->ciphers = c->ciphers;
    out->allow_not_strict = true; /* as sshd: clients of before 2024 prefer this cipher */
    out->macs = c->macs;
    out->comps = c->compress ? "none,zlib@openssh.com" : NULL;
    out->kex = c->kex;
    out->host_key_algs = c->host_key_algs;
    out->user_sig_algs = c->user_sig_algs;
    out->sk_no_touch = true; /* login.c says which keys may do without */
    out->auth_tries = c->auth_tries;
    out->rekey_bytes = c->rekey_bytes;
    out->rekey_ms = (uint64_t)c->rekey_s * 1000;
    out->auth_ms = c->grace_s != 0 ? (uint64_t)c->grace_s * 1000 : UINT64_MAX / 4; /* 0: none */
    out->keepalive_ms = (uint64_t)c->alive_s * 1000;
    out->keepalive_max = c->alive_max;
    out->auth_methods = (c->pubkey ? (unsigned)NACRE_AUTH_PUBLICKEY : 0) |
                        (c->password ? (unsigned)NACRE_AUTH_PASSWORD : 0) |
                        (c->kbdint ? (unsigned)NACRE_AUTH_INTERACTIVE : 0);
}

bool ncr_sshd_config_takes_sig(const struct ncr_sshd_config *c, struct nacre_bytes alg)
{
    char all[NCR_SSHD_ALGS_CAP];
    if (nacre_algs_expand(all, sizeof all, NACRE_ALGS_ALL, NACRE_ALG_SIG,
                          (enum nacre_profile)c->profile, c->user_sig_algs) != NACRE_OK) {
        return false;
    }
    for (const char *p = all; *p != '\0';) {
        size_t n = strcspn(p, ",");
        if (n == alg.n && memcmp(p, alg.p, n) == 0) {
            return true;
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    return false;
}

void ncr_sshd_config_gate(const struct ncr_sshd_config *c, struct ncr_gate_cfg *out)
{
    *out = ncr_gate_default;
    out->begin = c->startups[0];
    out->rate = c->startups[1];
    out->full = c->startups[2];
    out->per_source = c->per_source;
    out->penalties = c->penalties != 0;
}
