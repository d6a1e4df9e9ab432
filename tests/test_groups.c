/* SPDX-License-Identifier: ISC
 *
 * The daemon's moduli file: groups that may be used are taken in the order of the file, others are
 * passed over, and a file without any is a failure unless nobody asked for it.
 */
#include "server/groups.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/nacre-moduli-XXXXXX";
static char said[1024];

static void hear(void *ctx, enum ncr_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    snprintf(said, sizeof said, "%s", line);
}

static const struct ncr_log ear = {.level = NCR_LOG_DEBUG1, .put = hear};

static void put_group(FILE *f, const char *head, const struct nacre_dh_group *g)
{
    fprintf(f, "20200101000000 %s %u 2 ", head, g->bits - 1);
    for (size_t i = 0; i < g->p.n; i++) {
        fprintf(f, "%02X", g->p.p[i]);
    }
    fprintf(f, "\n");
}

static FILE *moduli(void)
{
    strcpy(path + sizeof path - 7, "XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    said[0] = '\0';
    return fdopen(fd, "w");
}

Test(groups, takes_what_may_be_used)
{
    struct ncr_groups g;
    FILE *f = moduli();
    fprintf(f, "# Time Type Tests Tries Size Generator Modulus\n\n");
    put_group(f, "2 6 100", &nacre_dh_group15);
    put_group(f, "2 7 100", &nacre_dh_group16); /* found composite */
    put_group(f, "4 6 100", &nacre_dh_group16); /* no safe prime */
    put_group(f, "2 6 100", &nacre_dh_group1);  /* too small */
    fprintf(f, "nonsense\n");
    put_group(f, "2 6 100", &nacre_dh_group14);
    fclose(f);
    cr_assert(ncr_groups_load(&g, path, false, &ear));
    cr_assert_eq(g.n, 2u);
    cr_assert_eq(g.group[0].bits, 3072u);
    cr_assert_eq(g.group[1].bits, 2048u);
    cr_assert_eq(g.group[0].p.n, nacre_dh_group15.p.n);
    cr_assert_eq(memcmp(g.group[0].p.p, nacre_dh_group15.p.p, g.group[0].p.n), 0);
    cr_assert_eq(memcmp(g.group[1].p.p, nacre_dh_group14.p.p, g.group[1].p.n), 0);
    cr_assert_eq(g.group[0].g.p[g.group[0].g.n - 1], 2);
    cr_assert_not_null(strstr(said, "1 lines could not be read"));
    ncr_groups_free(&g);
    unlink(path);
}

Test(groups, a_file_without_groups)
{
    struct ncr_groups g;
    fclose(moduli());
    cr_assert_not(ncr_groups_load(&g, path, false, &ear));
    cr_assert_not_null(strstr(said, "no group"));
    cr_assert(ncr_groups_load(&g, path, true, &ear));
    cr_assert_eq(g.n, 0u);
    unlink(path);
    said[0] = '\0';
    cr_assert_not(ncr_groups_load(&g, path, false, &ear));
    cr_assert_not_null(strstr(said, path));
    said[0] = '\0';
    cr_assert(ncr_groups_load(&g, path, true, &ear));
    cr_assert_str_eq(said, "");
}
