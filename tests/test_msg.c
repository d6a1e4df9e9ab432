/* SPDX-License-Identifier: ISC
 *
 * Decoders of messages: each takes a good body, refuses it cut at every length and with a byte more
 * (but where the rest is data), takes no notice of memory around it, and survives every flipped
 * bit; s20 decoders, s21 counts.
 */
#include "proto/limits.h"
#include "proto/msg.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum tail {
    EXACT,    /* nothing may be missing or follow */
    REST,     /* what follows is data */
    OPTIONAL, /* the last string may be missing */
};

static const struct msg_case {
    const char *name;
    ncr_msg_decode_fn decode;
    const char *body;
    enum tail tail;
    size_t least; /* REST: bytes that must be there; OPTIONAL: length without the last string */
} cases[] = {
    {"empty", ncr_msg_get_empty, "", EXACT, 0},
    {"string", ncr_msg_get_string, "'ssh-userauth'", EXACT, 0},
    {"rest", ncr_msg_get_rest, "/anything/", REST, 0},
    {"u32", ncr_msg_get_u32, "u7", EXACT, 0},
    {"disconnect", ncr_msg_get_disconnect, "u2 'bye' 'en'", OPTIONAL, 11},
    {"debug", ncr_msg_get_debug, "1 'text' 'en'", EXACT, 0},
    {"ext_info", ncr_msg_get_ext_info, "u2 'server-sig-algs' 'a,b' 'x' ''", EXACT, 0},
    {"kexinit", ncr_msg_get_kexinit, "z16 'a,b' 'c' 'd' 'e' 'f' 'g' 'h' 'i' 'j' '' 0 u0", EXACT, 0},
    {"kex_reply", ncr_msg_get_kex_reply, "'key' 'pub' 'sig'", EXACT, 0},
    {"none", ncr_msg_get_auth_request, "'joe' 'ssh-connection' 'none'", EXACT, 0},
    {"query", ncr_msg_get_auth_request, "'joe' 'ssh-connection' 'publickey' 0 'alg' 'blob'", EXACT,
     0},
    {"bound query", ncr_msg_get_auth_request,
     "'joe' 'ssh-connection' 'publickey-hostbound-v00@openssh.com' 0 'alg' 'blob' 'host'", EXACT,
     0},
    {"bound", ncr_msg_get_auth_request,
     "'joe' 'ssh-connection' 'publickey-hostbound-v00@openssh.com' 1 'alg' 'blob' 'host' 'sig'",
     EXACT, 0},
    {"signed", ncr_msg_get_auth_request, "'joe' 'ssh-connection' 'publickey' 1 'alg' 'blob' 'sig'",
     EXACT, 0},
    {"password", ncr_msg_get_auth_request, "'joe' 'ssh-connection' 'password' 0 'secret'", EXACT,
     0},
    {"change", ncr_msg_get_auth_request, "'joe' 'ssh-connection' 'password' 1 'old' 'new'", EXACT,
     0},
    {"interactive", ncr_msg_get_auth_request,
     "'joe' 'ssh-connection' 'keyboard-interactive' '' 'pam'", EXACT, 0},
    {"unknown method", ncr_msg_get_auth_request, "'joe' 'ssh-connection' 'hostbased' /whatever/",
     REST, 38},
    {"auth_failure", ncr_msg_get_auth_failure, "'publickey,password' 1", EXACT, 0},
    {"text", ncr_msg_get_text, "'Welcome.' 'en'", EXACT, 0},
    {"pk_ok", ncr_msg_get_pk_ok, "'alg' 'blob'", EXACT, 0},
    {"info_request", ncr_msg_get_info_request, "'n' 'i' '' u2 'p' 1 'q' 0", EXACT, 0},
    {"info_response", ncr_msg_get_info_response, "u2 'a' 'b'", EXACT, 0},
    {"global", ncr_msg_get_global, "'tcpip-forward' 1 'host' u22", REST, 18},
    {"chan_open", ncr_msg_get_chan_open, "'session' u1 u2 u3 /data/", REST, 23},
    {"chan_confirm", ncr_msg_get_chan_confirm, "u1 u2 u3 u4 /data/", REST, 16},
    {"chan_fail", ncr_msg_get_chan_fail, "u1 u2 'why' 'en'", OPTIONAL, 15},
    {"chan", ncr_msg_get_chan, "u1", EXACT, 0},
    {"chan_adjust", ncr_msg_get_chan_adjust, "u1 u2", EXACT, 0},
    {"chan_data", ncr_msg_get_chan_data, "u1 'data'", EXACT, 0},
    {"chan_ext_data", ncr_msg_get_chan_ext_data, "u1 u1 'data'", EXACT, 0},
    {"chan_request", ncr_msg_get_chan_request, "u1 'exec' 1 'command'", REST, 13},
};
#define CASES (sizeof cases / sizeof cases[0])

/* The first n bytes of the body (zeros behind it) in memory of exactly that size. */
static bool decode(const struct msg_case *c, const struct pair_buf *b, size_t n, size_t flip)
{
    union ncr_msg m;
    uint8_t *copy = malloc(n > 0 ? n : 1);
    struct nacre_bytes body = {copy, n};
    memset(copy, 0, n > 0 ? n : 1);
    if (b->n > 0) {
        memcpy(copy, b->p, n < b->n ? n : b->n);
    }
    if (flip < 8 * n) {
        copy[flip / 8] ^= (uint8_t)(1 << flip % 8);
    }
    bool good = c->decode(&m, body);
    free(copy);
    return good;
}

static bool cut_is_good(const struct msg_case *c, size_t n)
{
    return (c->tail == REST && n >= c->least) || (c->tail == OPTIONAL && n == c->least);
}

Test(msg, s20_cut_at_every_length_and_extended)
{
    for (size_t i = 0; i < CASES; i++) {
        struct pair_buf b = {0};
        pair_buf_add(&b, "", 0);
        rogue_text(&b, cases[i].body);
        cr_assert(decode(&cases[i], &b, b.n, SIZE_MAX), "%s", cases[i].name);
        for (size_t n = 0; n < b.n; n++) {
            cr_assert_eq(decode(&cases[i], &b, n, SIZE_MAX), cut_is_good(&cases[i], n), "%s at %zu",
                         cases[i].name, n);
        }
        cr_assert_eq(decode(&cases[i], &b, b.n + 1, SIZE_MAX), cases[i].tail == REST, "%s longer",
                     cases[i].name);
        pair_buf_free(&b);
    }
}

Test(msg, s20_every_bit_flipped)
{
    for (size_t i = 0; i < CASES; i++) {
        struct pair_buf b = {0};
        pair_buf_add(&b, "", 0);
        rogue_text(&b, cases[i].body);
        unsigned good = 0;
        for (size_t bit = 0; bit < 8 * b.n; bit++) {
            good += decode(&cases[i], &b, b.n, bit); /* the sanitizers judge */
        }
        cr_assert(good <= 8 * b.n);
        pair_buf_free(&b);
    }
}

/* Every uint32 of a body set to what overflows somewhere. */
Test(msg, s20_every_length_far_out)
{
    static const uint8_t far[][4] = {
        {0x7f, 0xff, 0xff, 0xff}, {0x80, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0}};
    for (size_t i = 0; i < CASES; i++) {
        struct pair_buf b = {0}, c = {0};
        pair_buf_add(&b, "", 0);
        rogue_text(&b, cases[i].body);
        for (size_t at = 0; at + 4 <= b.n; at++) {
            for (size_t j = 0; j < 4; j++) {
                c.n = 0;
                pair_buf_add(&c, b.p, b.n);
                memcpy(c.p + at, far[j], 4);
                cr_assert_leq(decode(&cases[i], &c, c.n, SIZE_MAX), 1);
            }
        }
        pair_buf_free(&b);
        pair_buf_free(&c);
    }
}

static bool good(ncr_msg_decode_fn f, const char *text)
{
    struct pair_buf b = {0};
    union ncr_msg m;
    pair_buf_add(&b, "", 0);
    rogue_text(&b, text);
    struct nacre_bytes body = {b.p, b.n};
    bool is = f(&m, body);
    pair_buf_free(&b);
    return is;
}

Test(msg, s21_counts_and_limits)
{
    cr_assert(good(ncr_msg_get_ext_info, "u0"));
    cr_assert(!good(ncr_msg_get_ext_info, "u65"));
    cr_assert(!good(ncr_msg_get_ext_info, "u0xffffffff 'a' 'b'"));
    cr_assert(good(ncr_msg_get_info_request, "'' '' '' u0"));
    cr_assert(!good(ncr_msg_get_info_request, "'' '' '' u33"));
    cr_assert(!good(ncr_msg_get_info_request, "'' '' '' u0xffffffff 'p' 0"));
    cr_assert(good(ncr_msg_get_info_request, "l8192 l8192 '' u1 l8192 0"));
    cr_assert(!good(ncr_msg_get_info_request, "l8193 '' '' u0"));
    cr_assert(!good(ncr_msg_get_info_request, "'' l8193 '' u0"));
    cr_assert(!good(ncr_msg_get_info_request, "'' '' '' u1 l8193 0"));
    cr_assert(good(ncr_msg_get_info_response, "u1 l1024"));
    cr_assert(!good(ncr_msg_get_info_response, "u1 l1025"));
    cr_assert(!good(ncr_msg_get_info_response, "u33"));
    cr_assert(good(ncr_msg_get_text, "l8192 ''"));
    cr_assert(!good(ncr_msg_get_text, "l8193 ''"));
    cr_assert(good(ncr_msg_get_auth_request, "l255 'ssh-connection' 'none'"));
    cr_assert(!good(ncr_msg_get_auth_request, "l256 'ssh-connection' 'none'"));
    cr_assert(good(ncr_msg_get_auth_request, "'j' 's' 'password' 1 l1024 l1024"));
    cr_assert(!good(ncr_msg_get_auth_request, "'j' 's' 'password' 0 l1025"));
    cr_assert(!good(ncr_msg_get_auth_request, "'j' 's' 'password' 1 'x' l1025"));
    cr_assert(!good(ncr_msg_get_auth_request, "'j' 's' 'publickey' 0 l16385 'x'"));
    cr_assert(!good(ncr_msg_get_auth_request, "'j' 's' 'publickey' 0 'x' l16385"));
    cr_assert(!good(ncr_msg_get_auth_request, "'j' 's' 'publickey' 1 'x' 'x' l16385"));
    cr_assert(good(ncr_msg_get_kex_reply, "l16384 'x' l16384"));
    cr_assert(!good(ncr_msg_get_kex_reply, "l16385 'x' 'x'"));
    cr_assert(!good(ncr_msg_get_kex_reply, "'x' 'x' l16385"));
    cr_assert(good(ncr_msg_get_chan_open, "l64 u1 u2 u3"));
    cr_assert(!good(ncr_msg_get_chan_open, "l65 u1 u2 u3"));
    cr_assert(!good(ncr_msg_get_chan_request, "u1 l65 0"));
    cr_assert(!good(ncr_msg_get_global, "l65 0"));
}

/* Any byte but 0 is TRUE; a signature or a new password is read only if the flag says so. */
Test(msg, flags)
{
    cr_assert(good(ncr_msg_get_auth_request, "'j' 's' 'publickey' 255 'a' 'b' 's'"));
    cr_assert(!good(ncr_msg_get_auth_request, "'j' 's' 'publickey' 255 'a' 'b'"));
    cr_assert(!good(ncr_msg_get_auth_request, "'j' 's' 'publickey' 0 'a' 'b' 's'"));
    cr_assert(!good(ncr_msg_get_auth_request, "'j' 's' 'password' 0 'a' 'b'"));
    cr_assert(!good(ncr_msg_get_auth_request, "'j' 's' 'password' 2 'a'"));
    cr_assert(!good(ncr_msg_get_auth_request, "'j' 's' 'none' 0"));
}

Test(msg, addresses)
{
    struct nacre_tcpip t, back;
    uint8_t out[1024];
    struct ncr_wr w = ncr_wr(out, sizeof out);
    t.host = nacre_bytes_str("host");
    t.port = 80;
    t.origin = nacre_bytes_str("::1");
    t.origin_port = 65535;
    ncr_msg_put_tcpip(&w, &t);
    struct nacre_bytes b = ncr_wr_done(&w);
    cr_assert(ncr_msg_get_tcpip(&back, b));
    cr_assert(nacre_bytes_is(back.host, "host") && back.port == 80);
    cr_assert(nacre_bytes_is(back.origin, "::1") && back.origin_port == 65535);
    for (size_t n = 0; n < b.n; n++) {
        struct nacre_bytes cut = {b.p, n};
        cr_assert(!ncr_msg_get_tcpip(&back, cut));
    }
    b.n++;
    cr_assert(!ncr_msg_get_tcpip(&back, b));
}

/* Ports are numbers of 16 bits. */
Test(msg, ports_in_range)
{
    struct pair_buf b = {0};
    struct nacre_tcpip t;
    static const char *const texts[] = {"'h' u65535 'o' u65535", "'h' u65536 'o' u1",
                                        "'h' u0xffffffff 'o' u1"};
    for (int i = 0; i < 3; i++) {
        b.n = 0;
        rogue_text(&b, texts[i]);
        struct nacre_bytes body = {b.p, b.n};
        cr_assert_eq(ncr_msg_get_tcpip(&t, body), i == 0, "%s", texts[i]);
    }
    pair_buf_free(&b);
}
