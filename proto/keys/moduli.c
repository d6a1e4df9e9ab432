/* SPDX-License-Identifier: ISC
 *
 * Files of groups for Diffie-Hellman group exchange: moduli(5) of OpenSSH, one group a line,
 *
 *     time type tests trials size generator modulus
 *
 * numbers in decimal, generator and modulus in hexadecimal; size is one less than the modulus has
 * bits. What a line says of its modulus is believed (that it is a safe prime, that tests were run),
 * what can be seen is checked: the size, p odd, 1 < g < p - 1.
 */
#include <string.h>

#include "proto/keys/nacre_keys.h"
#include "proto/keys/text.h"
#include "proto/limits.h"

/* Values of moduli(5): the type of a safe prime; bits of tests. */
#define MODULI_TYPE_SAFE 2
#define MODULI_TEST_COMPOSITE 1
#define MODULI_TESTS 0x1f
/* Digits of the time, YYYYMMDDHHMMSS. */
#define MODULI_TIME_DIGITS 14

static int moduli_digit(uint8_t c)
{
    c = ncr_text_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number in hexadecimal to the bytes at *n of buf, which move on. */
static nacre_err moduli_hex(struct nacre_num *x, struct nacre_bytes text, uint8_t *buf, size_t cap,
                            size_t *n)
{
    size_t odd = text.n % 2;
    size_t i;

    if (text.n == 0)
        return NACRE_ERR_FILE_FORMAT;
    if (text.n / 2 + odd > cap - *n)
        return NACRE_ERR_NO_ROOM;
    x->p = buf + *n;
    x->n = text.n / 2 + odd;
    memset(buf + *n, 0, x->n);
    for (i = 0; i < text.n; i++) {
        int digit = moduli_digit(text.p[i]);

        if (digit < 0)
            return NACRE_ERR_FILE_FORMAT;
        buf[*n + (i + odd) / 2] |= (uint8_t)(digit << ((i + odd) % 2 == 0 ? 4 : 0));
    }
    *n += x->n;
    return NACRE_OK;
}

/* Without leading zeros; its bits. */
static unsigned moduli_trim(struct nacre_num *x)
{
    unsigned bits;
    unsigned top;

    while (x->n > 0 && x->p[0] == 0) {
        x->p++;
        x->n--;
    }
    bits = 8 * (unsigned)x->n;
    for (top = x->n > 0 ? x->p[0] : 0x80; top < 0x80; top <<= 1)
        bits--;
    return bits;
}

static nacre_err moduli_read(struct nacre_dh_group *g, struct nacre_bytes line, uint8_t *buf,
                             size_t cap)
{
    uint64_t field[5]; /* time, type, tests, trials, size */
    static const uint64_t most[5] = {UINT64_MAX, 99, 255, 1000000, 65535};
    size_t n = 0;
    nacre_err err;
    int i;

    for (i = 0; i < 5; i++) {
        if (!ncr_text_number(&field[i], ncr_text_word(&line), MODULI_TIME_DIGITS, most[i]))
            return NACRE_ERR_FILE_FORMAT;
    }
    err = moduli_hex(&g->g, ncr_text_word(&line), buf, cap, &n);
    if (err == NACRE_OK)
        err = moduli_hex(&g->p, ncr_text_word(&line), buf, cap, &n);
    if (err != NACRE_OK)
        return err;
    if (ncr_text_trim(line).n != 0)
        return NACRE_ERR_FILE_FORMAT;
    (void)moduli_trim(&g->g); /* only the zeros matter */
    g->bits = moduli_trim(&g->p);
    if (field[1] != MODULI_TYPE_SAFE || (field[2] & MODULI_TEST_COMPOSITE) != 0 ||
        (field[2] & MODULI_TESTS) == 0 || field[4] + 1 != g->bits ||
        !nacre_dh_group_ok_vartime(g->p, g->g, NCR_GEX_MIN))
        return NACRE_ERR_KEY_REFUSED;
    return NACRE_OK;
}

nacre_err nacre_moduli_parse(struct nacre_dh_group *g, struct nacre_bytes line, uint8_t *buf,
                             size_t cap)
{
    nacre_err err = NACRE_OK;

    memset(g, 0, sizeof *g);
    line = ncr_text_trim(line);
    if (line.n > 0 && line.p[0] != '#')
        err = moduli_read(g, line, buf, cap);
    if (err != NACRE_OK)
        memset(g, 0, sizeof *g);
    return err;
}
