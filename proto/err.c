/* SPDX-License-Identifier: ISC
 *
 * Names, texts and disconnect reasons of the errors, all from the one X-list in nacre.h.
 */
#include "proto/err.h"

struct err_row {
    nacre_err err;
    uint32_t reason;
    const char *name;
    const char *text;
};

#define ERR_ROW(name, value, reason, text) {NACRE_ERR_##name, (reason), #name, text},
static const struct err_row err_rows[] = {{NACRE_OK, 0, "OK", "success"}, NACRE_ERR_LIST(ERR_ROW)};
#undef ERR_ROW

static const struct err_row err_unknown = {NACRE_ERR_INTERNAL, 2, "?", "?"};

static const struct err_row *err_find(nacre_err err)
{
    size_t i;

    for (i = 0; i < sizeof err_rows / sizeof err_rows[0]; i++)
        if (err_rows[i].err == err)
            return &err_rows[i];
    return &err_unknown;
}

const char *nacre_err_name(nacre_err err)
{
    return err_find(err)->name;
}

const char *nacre_err_text(nacre_err err)
{
    return err_find(err)->text;
}

uint32_t ncr_err_reason(nacre_err err)
{
    return err_find(err)->reason;
}

bool ncr_err_is_usage(nacre_err err)
{
    return err < NACRE_OK && err > NACRE_ERR_FORMAT;
}
