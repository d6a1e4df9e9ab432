/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: ssh_config(5) (client/ssh_config.c, ssh_match.c, ssh_canonical.c, ssh_tokens.c, the
 * options' table, proto/posix/config_lexer.c).
 *
 * Input: up to four files with a byte 0xff between them; the first is the user's, "Include 1"
 * includes the second. Commands are not run and names not looked up: the answers come from their
 * lengths. Whatever is read, what a shell would take does not get into names, and a refusal says
 * why.
 */
#include "client/ssh_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FUZZ_CONFIG_FILES 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct fuzz_config {
    struct nacre_bytes file[FUZZ_CONFIG_FILES];
    bool told;
};

static void fuzz_config_check(bool good)
{
    if (!good)
        abort();
}

static nacre_err fuzz_config_read(void *ctx, struct ncr_file *f, const char *path, bool given)
{
    const struct fuzz_config *c = ctx;
    size_t i = given ? 0 : (size_t)(path[strlen(path) - 1] - '0');

    memset(f, 0, sizeof *f);
    if (i >= FUZZ_CONFIG_FILES) {
        errno = ENOENT;
        return NACRE_ERR_IO;
    }
    f->p = malloc(c->file[i].n + 1);
    if (f->p == NULL)
        return NACRE_ERR_NO_MEMORY;
    if (c->file[i].n > 0)
        memcpy(f->p, c->file[i].p, c->file[i].n);
    f->n = c->file[i].n;
    f->p[f->n] = 0;
    f->st.st_uid = getuid();
    return NACRE_OK;
}

static bool fuzz_config_glob(void *ctx, struct ncr_ssh_config_paths *paths, const char *pattern)
{
    size_t n = strlen(pattern);

    (void)ctx;
    if (n == 0 || pattern[n - 1] < '0' || pattern[n - 1] > '3')
        return n % 3 != 0;
    if (paths->n == NCR_SSH_CONFIG_FILES)
        return false;
    paths->path[paths->n] = strdup(pattern);
    return paths->path[paths->n] != NULL && ++paths->n > 0;
}

static int fuzz_config_run(void *ctx, const char *command)
{
    (void)ctx;
    return (int)(strlen(command) % 3) - 1;
}

static size_t fuzz_config_addrs(void *ctx, char (*addr)[NCR_SSH_CONFIG_ADDR], size_t cap)
{
    (void)ctx;
    fuzz_config_check(cap > 1);
    (void)snprintf(addr[0], NCR_SSH_CONFIG_ADDR, "192.0.2.1"); /* fits */
    (void)snprintf(addr[1], NCR_SSH_CONFIG_ADDR, "2001:db8::1");
    return 2;
}

static bool fuzz_config_resolve(void *ctx, const char *name, char canonical[NCR_SSH_CONFIG_NAME])
{
    (void)ctx;
    (void)snprintf(canonical, NCR_SSH_CONFIG_NAME, "%s", strlen(name) % 2 ? "real.example." : "");
    return strlen(name) % 5 != 0;
}

static void fuzz_config_log(void *ctx, enum nacre_log_level level, const char *line)
{
    struct fuzz_config *c = ctx;

    c->told |= level == NACRE_LOG_ERROR;
    for (; *line != '\0'; line++)
        fuzz_config_check((unsigned char)*line >= ' ' && *line != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct ncr_options o;
    struct fuzz_config c;
    const struct ncr_ssh_config_env env = {&c,
                                           fuzz_config_read,
                                           fuzz_config_glob,
                                           fuzz_config_run,
                                           fuzz_config_addrs,
                                           fuzz_config_resolve};
    const struct ncr_ssh_config cfg = {.opt = &o,
                                       .file = "f",
                                       .command = "uptime",
                                       .session = "exec",
                                       .env = &env,
                                       .log = fuzz_config_log,
                                       .ctx = &c};
    struct nacre_client_cfg client;
    bool good;

    memset(&c, 0, sizeof c);
    for (size_t i = 0, at = 0; i < FUZZ_CONFIG_FILES && at <= n; i++, at++) {
        c.file[i].p = data + at;
        while (at < n && data[at] != 0xff)
            at++;
        c.file[i].n = (size_t)(data + at - c.file[i].p);
    }
    ncr_opt_init(&o, "fuzz");
    fuzz_config_check(ncr_opt_target(&o, "joe@host", "ssh", NULL));
    good = ncr_ssh_config_load(&cfg);
    fuzz_config_check(good || c.told);
    if (good) {
        fuzz_config_check(ncr_host_fit(o.host_name) && ncr_user_fit(o.user) && o.port <= 65535);
        fuzz_config_check(o.n_forwards <= NCR_FORWARD_RULES && o.n_send_env <= NCR_OPT_ENV);
        if (ncr_opt_settle(&o) && ncr_opt_settle_last(&o)) {
            memset(&client, 0, sizeof client);
            fuzz_config_check(ncr_opt_client_cfg(&o, &client));
            fuzz_config_check(client.n_known_hosts > 0);
        }
    }
    ncr_opt_free(&o);
    return 0;
}
