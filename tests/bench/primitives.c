/* SPDX-License-Identifier: ISC
 *
 * What each primitive costs in each of its forms (crypto/fast.h): cycles of the time-stamp counter
 * per byte at 16 KiB, or per operation; and beside them what it costs in the libraries of peers.c.
 * OpenSSL's figures are put there by tests/bench/primitives.sh, which runs this.
 *
 * All forms and libraries of a primitive take turns, and each figure is the best of its turns: what
 * it costs undisturbed, in the same minute. An argument selects the primitives whose names contain
 * it.
 *
 * Output: first a line "hz" with the counter's frequency, then name TAB unit TAB portable TAB avx2
 * TAB best TAB the columns of enum bench_library, "-" where there is none; last lines "note TAB
 * text".
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crypto/cpu.h"
#include "crypto/nacre_crypto.h"
#include "tests/bench/peers.h"

#define BYTES BENCH_BYTES
#define ROUNDS 25
#define TURN_SECONDS 0.004

static uint8_t buf[BYTES + 64], out[8192];
static uint64_t work[8704];

/* ---- Clock ---- */

static double bench_clock(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t bench_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return (uint64_t)(bench_clock(CLOCK_MONOTONIC) * 1e9);
#endif
}

static double bench_hz; /* of the ticks */

static void bench_find_hz(void)
{
    const double from = bench_clock(CLOCK_MONOTONIC);
    const uint64_t ticks = bench_ticks();

    while (bench_clock(CLOCK_MONOTONIC) < from + 0.2)
        ;
    bench_hz = (double)(bench_ticks() - ticks) / (bench_clock(CLOCK_MONOTONIC) - from);
}

/* CPU seconds of n calls. */
static double bench_run(void (*fn)(void), double n)
{
    const double from = bench_clock(CLOCK_PROCESS_CPUTIME_ID);

    for (double i = 0; i < n; i++)
        fn();
    return bench_clock(CLOCK_PROCESS_CPUTIME_ID) - from;
}

/* ---- What is measured ---- */

static struct nacre_gcm gcm;
static struct nacre_aes_ctr ctr;
static struct nacre_aes_cbc cbc;
static uint8_t key[NACRE_EC_LEN_MAX], pub[2048], sig[4096], secret[4096];
static struct nacre_ed25519_key ed;
static uint8_t rsa_num[5][512];
static struct nacre_rsa_key rsa;
static const uint8_t three[3] = {1, 0, 1};

static void key_gcm128(void)
{
    (void)!nacre_gcm_init(&gcm, key, 16);
}
static void key_gcm256(void)
{
    (void)!nacre_gcm_init(&gcm, key, 32);
}
static void do_gcm(void)
{
    nacre_gcm_seal(buf, buf + BYTES, &gcm, key, key, 4, buf, BYTES);
}
static void key_ctr128(void)
{
    (void)!nacre_aes_ctr_init(&ctr, key, 16, key);
}
static void key_ctr256(void)
{
    (void)!nacre_aes_ctr_init(&ctr, key, 32, key);
}
static void do_ctr(void)
{
    nacre_aes_ctr_xor(buf, &ctr, buf, BYTES);
}
static void key_cbc(void)
{
    (void)!nacre_aes_cbc_init(&cbc, key, 16, key);
}
static void do_cbc(void)
{
    nacre_aes_cbc_decrypt(buf, &cbc, buf, BYTES);
}
static void do_chacha(void)
{
    nacre_chacha20_xor(buf, buf, BYTES, key, key, 1);
}

static void do_poly(void)
{
    struct nacre_poly1305 c;

    nacre_poly1305_init(&c, key);
    nacre_poly1305_update(&c, buf, BYTES);
    nacre_poly1305_final(out, &c);
}

static void do_chapoly(void)
{
    do_chacha();
    do_poly();
}

#define BENCH_HASH(name)                                                                           \
    static void do_##name(void)                                                                    \
    {                                                                                              \
        union nacre_hash_ctx c;                                                                    \
        nacre_hash_##name.init(&c);                                                                \
        nacre_hash_##name.update(&c, buf, BYTES);                                                  \
        nacre_hash_##name.final(out, &c);                                                          \
    }
BENCH_HASH(md5)
BENCH_HASH(sha1)
BENCH_HASH(sha256)
BENCH_HASH(sha512)

static void do_sha3(void)
{
    struct nacre_keccak c;

    nacre_sha3_256_init(&c);
    nacre_sha3_update(&c, buf, BYTES);
    nacre_sha3_final(out, &c);
}

static void do_hmac(void)
{
    struct nacre_hmac c;

    nacre_hmac_init(&c, &nacre_hash_sha256, key, 32);
    nacre_hmac_update(&c, buf, BYTES);
    nacre_hmac_final(out, &c);
}

static void do_blake2b(void)
{
    struct nacre_blake2b c;

    (void)!nacre_blake2b_init(&c, 64, NULL, 0);
    nacre_blake2b_update(&c, buf, BYTES);
    nacre_blake2b_final(out, &c);
}

static void do_argon2(void)
{
    static uint8_t mem[1 << 20];
    const struct nacre_argon2 a = {.type = NACRE_ARGON2_ID,
                                   .passes = 1,
                                   .kib = 1024,
                                   .lanes = 1,
                                   .pass = key,
                                   .pass_len = 16,
                                   .salt = key,
                                   .salt_len = 16};

    (void)!nacre_argon2(out, 32, &a, mem, sizeof mem, work);
}

static void do_umac(void)
{
    static struct nacre_umac c;
    static bool keyed;

    if (!keyed)
        nacre_umac_init(&c, 16, key);
    keyed = true;
    nacre_umac_update(&c, buf, BYTES);
    nacre_umac_final(out, &c, key);
}

static void key_x25519(void)
{
    nacre_x25519_base(pub, key);
}
static void do_x25519(void)
{
    (void)!nacre_x25519(out, key, pub);
}
static void do_x25519_base(void)
{
    nacre_x25519_base(out, key);
}

static void key_ed25519(void)
{
    nacre_ed25519_key_init(&ed, key);
    nacre_ed25519_sign(sig, &ed, buf, 64);
}
static void do_ed25519_sign(void)
{
    nacre_ed25519_sign(sig, &ed, buf, 64);
}
static void do_ed25519_verify(void)
{
    (void)!nacre_ed25519_verify_vartime(ed.pub, buf, 64, sig);
}

#define BENCH_EC(curve, hash)                                                                      \
    static void key_##curve(void)                                                                  \
    {                                                                                              \
        memset(key, 0, sizeof key);                                                                \
        memset(key + 20, 0x5a, 28);                                                                \
        (void)!nacre_ec_public(pub, &nacre_##curve, key, work);                                    \
        (void)!nacre_ecdsa_sign(sig, sig + 66, &nacre_##curve, &nacre_hash_##hash, key, buf, 64,   \
                                work);                                                             \
    }                                                                                              \
    static void do_##curve##_sign(void)                                                            \
    {                                                                                              \
        (void)!nacre_ecdsa_sign(sig, sig + 66, &nacre_##curve, &nacre_hash_##hash, key, buf, 64,   \
                                work);                                                             \
    }                                                                                              \
    static void do_##curve##_verify(void)                                                          \
    {                                                                                              \
        size_t n = nacre_ec_len(&nacre_##curve);                                                   \
        struct nacre_num r = {sig, n}, s = {sig + 66, n};                                          \
        (void)!nacre_ecdsa_verify_vartime(&nacre_##curve, &nacre_hash_##hash, pub, 1 + 2 * n, buf, \
                                          64, r, s, work);                                         \
    }                                                                                              \
    static void do_##curve##_ecdh(void)                                                            \
    {                                                                                              \
        (void)!nacre_ecdh(out, &nacre_##curve, key, pub, 1 + 2 * nacre_ec_len(&nacre_##curve),     \
                          work);                                                                   \
    }
BENCH_EC(p256, sha256)
BENCH_EC(p384, sha384)
BENCH_EC(p521, sha512)

static void key_rsa(unsigned bits)
{
    const size_t n = bits / 8;

    if (rsa.n.n == n) /* has been made for another turn */
        return;
    (void)!nacre_rsa_generate(rsa_num[0], rsa_num[1], rsa_num[2], rsa_num[3], rsa_num[4], bits,
                              &nacre_rng_os, work);
    rsa.n = (struct nacre_num){rsa_num[0], n};
    rsa.e = (struct nacre_num){three, sizeof three};
    rsa.d = (struct nacre_num){rsa_num[1], n};
    rsa.p = (struct nacre_num){rsa_num[2], n / 2};
    rsa.q = (struct nacre_num){rsa_num[3], n / 2};
    rsa.iqmp = (struct nacre_num){rsa_num[4], n / 2};
    (void)!nacre_rsa_sign(sig, &nacre_hash_sha256, &rsa, buf, 64, &nacre_rng_os, work);
}
static void key_rsa2048(void)
{
    key_rsa(2048);
}
static void key_rsa3072(void)
{
    key_rsa(3072);
}
static void key_rsa4096(void)
{
    key_rsa(4096);
}
static void do_rsa_sign(void)
{
    (void)!nacre_rsa_sign(sig, &nacre_hash_sha256, &rsa, buf, 64, &nacre_rng_os, work);
}
static void do_rsa_verify(void)
{
    (void)!nacre_rsa_verify_vartime(&nacre_hash_sha256, rsa.n, rsa.e, buf, 64,
                                    (struct nacre_num){sig, rsa.n.n}, work);
}

static void key_mlkem(void)
{
    nacre_mlkem768_keygen(pub, secret, key, work);
    (void)!nacre_mlkem768_encaps(sig, out, pub, key, work);
}
static void do_mlkem_keygen(void)
{
    nacre_mlkem768_keygen(pub, secret, key, work);
}
static void do_mlkem_encaps(void)
{
    (void)!nacre_mlkem768_encaps(sig, out, pub, key, work);
}
static void do_mlkem_decaps(void)
{
    (void)!nacre_mlkem768_decaps(out, secret, sig, work);
}

static void key_mldsa(void)
{
    nacre_mldsa44_keygen(pub, NULL, key, work);
    (void)!nacre_mldsa44_sign(sig, key, NULL, 0, key + 32, buf, 64, work);
}
static void do_mldsa_sign(void)
{
    buf[0]++; /* the number of tries depends on the message: the mean over many */
    (void)!nacre_mldsa44_sign(sig, key, NULL, 0, key + 32, buf, 64, work);
}
static void do_mldsa_verify(void)
{
    (void)!nacre_mldsa44_verify_vartime(pub, NULL, 0, buf, 64, sig, work);
}

static void do_sntrup_keygen(void)
{
    (void)!nacre_sntrup761_keygen(pub, secret, &nacre_rng_os, work);
}
static void key_sntrup(void)
{
    do_sntrup_keygen();
    (void)!nacre_sntrup761_encaps(sig, out, pub, &nacre_rng_os, work);
}
static void do_sntrup_encaps(void)
{
    (void)!nacre_sntrup761_encaps(sig, out, pub, &nacre_rng_os, work);
}
static void do_sntrup_decaps(void)
{
    nacre_sntrup761_decaps(out, secret, sig, work);
}

static void do_bcrypt(void)
{
    (void)!nacre_bcrypt_pbkdf(out, 48, key, 8, key, 16, 24, work);
}

/* ---- Compression of text, 16 KiB at a time, never the same within a window ---- */

#define TEXT_LEN (16 * BYTES)
static uint8_t text[TEXT_LEN], packed[NACRE_DEFLATE_OUT_MAX(BYTES)], unpacked[BYTES];
static size_t packed_len, text_at;
static struct nacre_deflate deflate_state;
static struct nacre_inflate inflate_state;

/* Lines as logs have them. */
static void text_make(void)
{
    static const char *const words[8] = {
        "Accepted publickey", "Connection closed", "Failed password", "session opened",
        "for user joe",       "from 192.0.2.",     "port ",           "ssh2: ED25519 "};
    uint32_t x = 1;

    for (size_t at = 0; at < TEXT_LEN;) {
        char line[96];
        int n;

        x = x * 1103515245 + 12345;
        n = snprintf(line, sizeof line, "Nov 21 %02u:%02u:%02u host sshd[%u]: %s %s %u\n", x >> 27,
                     x >> 25 & 31, x >> 20 & 63, x >> 18 & 4095, words[x >> 13 & 7],
                     words[x >> 10 & 7], x >> 8 & 255);
        for (int i = 0; i < n && at < TEXT_LEN; i++)
            text[at++] = (uint8_t)line[i];
    }
}
const uint8_t *bench_text_next(void)
{
    text_at = (text_at + BYTES) % TEXT_LEN;
    return text + text_at;
}
static void key_deflate(void)
{
    if (text[0] == 0)
        text_make();
    nacre_deflate_init(&deflate_state, 6);
    packed_len = nacre_deflate(&deflate_state, packed, sizeof packed, bench_text_next(), BYTES);
}
static void do_deflate(void)
{
    static uint8_t to[NACRE_DEFLATE_OUT_MAX(BYTES)];

    (void)nacre_deflate(&deflate_state, to, sizeof to, bench_text_next(), BYTES);
}
static void do_inflate(void)
{
    size_t n, used;

    nacre_inflate_init(&inflate_state, true);
    (void)nacre_inflate(&inflate_state, unpacked, BYTES, &n, packed, packed_len, &used);
}

/* ---- The table ---- */

static const struct {
    const char *name, *unit;
    void (*prepare)(void);
    void (*run)(void);
} bench_rows[] = {
    {"aes128-gcm", "cycles/byte", key_gcm128, do_gcm},
    {"aes256-gcm", "cycles/byte", key_gcm256, do_gcm},
    {"aes128-ctr", "cycles/byte", key_ctr128, do_ctr},
    {"aes256-ctr", "cycles/byte", key_ctr256, do_ctr},
    {"aes128-cbc decrypt", "cycles/byte", key_cbc, do_cbc},
    {"chacha20", "cycles/byte", NULL, do_chacha},
    {"poly1305", "cycles/byte", NULL, do_poly},
    {"chacha20-poly1305", "cycles/byte", NULL, do_chapoly},
    {"md5", "cycles/byte", NULL, do_md5},
    {"sha1", "cycles/byte", NULL, do_sha1},
    {"sha256", "cycles/byte", NULL, do_sha256},
    {"sha512", "cycles/byte", NULL, do_sha512},
    {"hmac-sha256", "cycles/byte", NULL, do_hmac},
    {"blake2b", "cycles/byte", NULL, do_blake2b},
    {"sha3-256", "cycles/byte", NULL, do_sha3},
    {"umac-128", "cycles/byte", NULL, do_umac},
    {"deflate, level 6", "cycles/byte", key_deflate, do_deflate},
    {"inflate", "cycles/byte", key_deflate, do_inflate},
    {"x25519", "kilocycles", key_x25519, do_x25519},
    {"x25519 base point", "kilocycles", NULL, do_x25519_base},
    {"ed25519 sign", "kilocycles", key_ed25519, do_ed25519_sign},
    {"ed25519 verify", "kilocycles", key_ed25519, do_ed25519_verify},
    {"ecdsa p256 sign", "kilocycles", key_p256, do_p256_sign},
    {"ecdsa p256 verify", "kilocycles", key_p256, do_p256_verify},
    {"ecdh p256", "kilocycles", key_p256, do_p256_ecdh},
    {"ecdsa p384 sign", "kilocycles", key_p384, do_p384_sign},
    {"ecdsa p384 verify", "kilocycles", key_p384, do_p384_verify},
    {"ecdh p384", "kilocycles", key_p384, do_p384_ecdh},
    {"ecdsa p521 sign", "kilocycles", key_p521, do_p521_sign},
    {"ecdsa p521 verify", "kilocycles", key_p521, do_p521_verify},
    {"ecdh p521", "kilocycles", key_p521, do_p521_ecdh},
    {"rsa2048 sign", "kilocycles", key_rsa2048, do_rsa_sign},
    {"rsa2048 verify", "kilocycles", key_rsa2048, do_rsa_verify},
    {"rsa3072 sign", "kilocycles", key_rsa3072, do_rsa_sign},
    {"rsa3072 verify", "kilocycles", key_rsa3072, do_rsa_verify},
    {"rsa4096 sign", "kilocycles", key_rsa4096, do_rsa_sign},
    {"rsa4096 verify", "kilocycles", key_rsa4096, do_rsa_verify},
    {"mlkem768 keygen", "kilocycles", key_mlkem, do_mlkem_keygen},
    {"mlkem768 encaps", "kilocycles", key_mlkem, do_mlkem_encaps},
    {"mlkem768 decaps", "kilocycles", key_mlkem, do_mlkem_decaps},
    {"mldsa44 sign", "kilocycles", key_mldsa, do_mldsa_sign},
    {"mldsa44 verify", "kilocycles", key_mldsa, do_mldsa_verify},
    {"sntrup761 keygen", "kilocycles", key_sntrup, do_sntrup_keygen},
    {"sntrup761 encaps", "kilocycles", key_sntrup, do_sntrup_encaps},
    {"sntrup761 decaps", "kilocycles", key_sntrup, do_sntrup_decaps},
    {"argon2id 1 MiB", "kilocycles", NULL, do_argon2},
    {"bcrypt_pbkdf 24 rounds", "kilocycles", NULL, do_bcrypt},
};

static const uint32_t bench_forms[] = {0, NCR_CPU_AVX2 | NCR_CPU_AES | NCR_CPU_SHA | NCR_CPU_ADX,
                                       NCR_CPU_ALL};

enum { BENCH_FORMS = sizeof bench_forms / sizeof bench_forms[0] };

/* One form of ours or one library's: a turn is n calls. */
struct bench_turn {
    void (*prepare)(void);
    void (*run)(void);
    uint32_t form;
    double n, best; /* CPU seconds of a call */
};

static void bench_take(struct bench_turn *t)
{
    double took;

    ncr_cpu_restrict(t->form);
    memset(key, 0x42, sizeof key);
    if (t->prepare != NULL)
        t->prepare();
    if (t->n == 0)
        for (t->n = 1; bench_run(t->run, t->n) < TURN_SECONDS; t->n *= 2)
            ; /* until a turn is long enough for the clock */
    took = bench_run(t->run, t->n) / t->n;
    if (t->best == 0 || took < t->best)
        t->best = took;
}

static void bench_print(const struct bench_turn *t, bool per_byte)
{
    if (t->run == NULL)
        printf("\t-");
    else if (per_byte)
        printf("\t%.2f", t->best * bench_hz / BYTES);
    else
        printf("\t%.1f", t->best * bench_hz / 1000);
}

static void bench_row(size_t row)
{
    struct bench_turn turns[BENCH_FORMS + BENCH_LIBRARIES];
    const bool per_byte = strcmp(bench_rows[row].unit, "cycles/byte") == 0;
    size_t i;

    memset(turns, 0, sizeof turns);
    for (i = 0; i < BENCH_FORMS; i++) {
        turns[i].prepare = bench_rows[row].prepare;
        turns[i].run = bench_rows[row].run;
        turns[i].form = bench_forms[i];
    }
    for (unsigned library = 0; library < BENCH_LIBRARIES; library++)
        turns[i + library].run = bench_peer(bench_rows[row].name, (enum bench_library)library);
    for (int round = 0; round < ROUNDS; round++)
        for (i = 0; i < BENCH_FORMS + BENCH_LIBRARIES; i++)
            if (turns[i].run != NULL)
                bench_take(&turns[i]);
    printf("%s\t%s", bench_rows[row].name, bench_rows[row].unit);
    for (i = 0; i < BENCH_FORMS + BENCH_LIBRARIES; i++)
        bench_print(&turns[i], per_byte);
    printf("\n");
    fflush(stdout);
}

/* What the text is compressed to, by us and by zlib. */
static void bench_sizes(void)
{
    enum { PIECES = TEXT_LEN / BYTES };
    static uint8_t to[NACRE_DEFLATE_OUT_MAX(BYTES)];
    size_t ours = 0;

    key_deflate();
    nacre_deflate_init(&deflate_state, 6);
    for (unsigned i = 0; i < PIECES; i++)
        ours += nacre_deflate(&deflate_state, to, sizeof to, bench_text_next(), BYTES);
    printf("note\tdeflate makes %zu bytes of %d, zlib %zu\n", ours, TEXT_LEN,
           bench_zlib_bytes(PIECES));
}

int main(int argc, char **argv)
{
    bench_peers_open();
    bench_find_hz();
    printf("hz\t%.0f\n", bench_hz);
    for (size_t i = 0; i < sizeof bench_rows / sizeof bench_rows[0]; i++)
        if (argc < 2 || strstr(bench_rows[i].name, argv[1]) != NULL)
            bench_row(i);
    if (argc < 2)
        bench_sizes();
    return 0;
}
