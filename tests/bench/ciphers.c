/* SPDX-License-Identifier: ISC
 *
 * CPU time of sealing and of opening packets of 32 KiB in memory, for each pair of rows: what is
 * left of a transfer's CPU time when this is taken away is not the cipher's.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/limits.h"
#include "proto/pkt.h"

#define CIPHERS_PAYLOAD 32768
#define CIPHERS_PACKETS 2048 /* 64 MiB */

static const struct {
    const struct ncr_cipher *cipher;
    const struct ncr_mac *mac;
} ciphers_cases[] = {
    {&ncr_cipher_chapoly, NULL},
    {&ncr_cipher_aes128_gcm, NULL},
    {&ncr_cipher_aes256_gcm, NULL},
    {&ncr_cipher_aes128_ctr, &ncr_mac_sha2_256_etm},
    {&ncr_cipher_aes256_ctr, &ncr_mac_sha2_256_etm},
    {&ncr_cipher_aes128_ctr, &ncr_mac_sha2_512_etm},
};

static double ciphers_cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ciphers_install(struct ncr_dir *d, size_t i)
{
    struct ncr_keyset k;

    memset(&k, 0, sizeof k);
    memset(d, 0, sizeof *d);
    k.cipher = ciphers_cases[i].cipher;
    k.macrow = ciphers_cases[i].mac;
    k.comp = &ncr_comp_none;
    ncr_pkt_install(d, &k, true);
}

int main(void)
{
    static uint8_t p[CIPHERS_PAYLOAD + 1024];
    static const uint8_t pad[NCR_PKT_PAD_MAX];
    struct ncr_dir tx, rx;
    size_t i, n, total, used;
    struct nacre_bytes payload;

    for (i = 0; i < sizeof ciphers_cases / sizeof ciphers_cases[0]; i++) {
        double seal = 0;
        double open = 0;

        ciphers_install(&tx, i);
        ciphers_install(&rx, i);
        for (n = 0; n < CIPHERS_PACKETS; n++) {
            double t = ciphers_cpu();

            if (ncr_pkt_seal(&tx, p, CIPHERS_PAYLOAD, pad, &total) != NACRE_OK)
                return 1;
            seal += ciphers_cpu() - t;
            t = ciphers_cpu();
            if (ncr_pkt_open(&rx, p, total, NCR_PACKET_MAX, &used, &payload) != NACRE_OK)
                return 1;
            open += ciphers_cpu() - t;
        }
        printf("  %-30s %-30s seal %.2f open %.2f\n", ciphers_cases[i].cipher->name,
               ciphers_cases[i].mac != NULL ? ciphers_cases[i].mac->name : "", seal * 16,
               open * 16);
    }
    return 0;
}
