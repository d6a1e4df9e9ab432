/* SPDX-License-Identifier: ISC
 *
 * The server library, certificates: fills in what a connection knows and asks the one function that
 * decides (nacre_certauth.h).
 */
#include "server/peer.h"

#include <string.h>
#include <time.h>

/* What the certificate wants of the security key's signature; others have no flags. */
static bool judge_flags(const struct nacre_event *ev, const struct nacre_authkey *rights)
{
    uint8_t flags;
    if (ev->stage != NACRE_STAGE_KEY_PROVED || !rights->verify_required ||
        !nacre_sk_flags(&flags, ev->data)) {
        return true;
    }
    return (flags & NACRE_SK_VERIFIED) != 0;
}

bool nacre_peer_judge_cert(struct nacre_peer *p, const struct nacre_event *ev,
                           const struct nacre_cert_policy *policy, struct nacre_authkey *rights,
                           const char **what)
{
    struct nacre_cert_policy full = *policy;
    struct nacre_cert c;
    memset(rights, 0, sizeof *rights);
    if (nacre_cert_decode(&c, ev->blob, NULL, 0) != NACRE_OK) {
        if (what != NULL) {
            *what = "no certificate";
        }
        return false;
    }
    full.addr = nacre_bytes_str(nacre_peer_addr(p));
    full.now = (uint64_t)time(NULL);
    if (full.n_principals == 0) {
        full.principals = &ev->user;
        full.n_principals = 1;
    }
    if (nacre_cert_judge(&c, &full, rights, what, p->server->work) != NACRE_OK) {
        return false;
    }
    if (judge_flags(ev, rights)) {
        return true;
    }
    if (what != NULL) {
        *what = "the security key has to verify its user";
    }
    memset(rights, 0, sizeof *rights);
    return false;
}
