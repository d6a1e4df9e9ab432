/* SPDX-License-Identifier: ISC
 *
 * Reader of the files under vectors/: see vectors.h.
 *
 * The file is read whole and decoded in place: a value's bytes overwrite its digits, a key's end
 * becomes a NUL.
 */
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *vec_slurp(FILE *f)
{
    size_t n = 0, cap = 1 << 16;
    char *p = malloc(cap);
    while (p != NULL) {
        n += fread(p + n, 1, cap - n - 1, f);
        if (n < cap - 1) {
            p[n] = '\0';
            return p;
        }
        cap *= 2;
        char *q = realloc(p, cap);
        if (q == NULL) {
            free(p);
        }
        p = q;
    }
    return NULL;
}

void vec_open(struct vec *v, const char *name)
{
    const char *dir = getenv("NACRE_VECTORS");
    char path[512];
    int len = snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : "vectors", name);
    cr_assert(len > 0 && (size_t)len < sizeof path, "path of %s is too long", name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s: cannot be opened (working directory, NACRE_VECTORS?)", path);
    memset(v, 0, sizeof *v);
    v->name = name;
    v->text = v->next = vec_slurp(f);
    fclose(f);
    cr_assert_not_null(v->text, "%s: cannot be read", path);
}

/* Cuts the next line off, without its end; NULL at the end of the file. */
static char *vec_line(struct vec *v)
{
    char *line = v->next;
    if (*line == '\0') {
        return NULL;
    }
    size_t n = strcspn(line, "\n");
    v->next = line + n + (line[n] == '\n');
    line[n] = '\0';
    v->line++;
    while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\r')) {
        line[--n] = '\0';
    }
    return line;
}

static int vec_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *p = c != '\0' ? strchr(digits, c) : NULL;
    return p != NULL ? (int)(p - digits) : -1;
}

static void vec_field_add(struct vec *v, char *line)
{
    size_t key = strcspn(line, " =");
    char *val = line + key + strspn(line + key, " ");
    cr_assert(key > 0 && *val == '=', "%s:%u: not `key = hex`", v->name, v->line);
    cr_assert(v->fields < VEC_FIELDS, "%s:%u: too many fields", v->name, v->line);
    val += 1 + strspn(val + 1, " ");
    line[key] = '\0';
    cr_assert(!vec_has(v, line), "%s:%u: %s stands twice", v->name, v->line, line);

    struct vec_field *f = &v->field[v->fields++];
    *f = (struct vec_field){.key = line, .val = (uint8_t *)val};
    for (; *val != '\0'; val += 2) {
        int hi = vec_digit(val[0]), lo = vec_digit(val[1]);
        cr_assert(hi >= 0 && lo >= 0, "%s:%u: not hex", v->name, v->line);
        f->val[f->n++] = (uint8_t)(hi << 4 | lo);
    }
}

bool vec_next(struct vec *v)
{
    char *line;
    v->fields = 0;
    while ((line = vec_line(v)) != NULL && (*line != '\0' || v->fields == 0)) {
        if (*line != '#' && *line != '\0') {
            vec_field_add(v, line);
        }
    }
    v->records += v->fields != 0;
    return v->fields != 0;
}

void vec_close(struct vec *v)
{
    cr_assert_gt(v->records, 0, "%s: no records", v->name);
    free(v->text);
    memset(v, 0, sizeof *v);
}

static const struct vec_field *vec_find(const struct vec *v, const char *key)
{
    for (size_t i = 0; i < v->fields; i++) {
        if (strcmp(v->field[i].key, key) == 0) {
            return &v->field[i];
        }
    }
    return NULL;
}

bool vec_has(const struct vec *v, const char *key)
{
    return vec_find(v, key) != NULL;
}

uint8_t *vec_get(const struct vec *v, const char *key, size_t *n)
{
    const struct vec_field *f = vec_find(v, key);
    cr_assert_not_null(f, "%s: the record before line %u has no %s", v->name, v->line, key);
    *n = f->n;
    return f->val;
}

uint8_t *vec_fixed(const struct vec *v, const char *key, size_t n)
{
    size_t have;
    uint8_t *p = vec_get(v, key, &have);
    cr_assert_eq(have, n, "%s: before line %u: %s has %zu bytes, not %zu", v->name, v->line, key,
                 have, n);
    return p;
}

uint64_t vec_uint(const struct vec *v, const char *key)
{
    size_t n;
    const uint8_t *p = vec_get(v, key, &n);
    cr_assert(n > 0 && n <= 8, "%s: before line %u: %s is no number", v->name, v->line, key);
    uint64_t x = 0;
    for (size_t i = 0; i < n; i++) {
        x = x << 8 | p[i];
    }
    return x;
}

void vec_expect(const struct vec *v, const char *key, const uint8_t *got, size_t n)
{
    const uint8_t *want = vec_fixed(v, key, n);
    size_t i = 0;
    while (i < n && got[i] == want[i]) {
        i++;
    }
    cr_assert_eq(i, n, "%s: before line %u: %s differs at byte %zu", v->name, v->line, key, i);
}

bool all_zero(const void *p, size_t n)
{
    const uint8_t *b = p;
    size_t i = 0;

    while (i < n && b[i] == 0)
        i++;
    return i == n;
}
