/* SPDX-License-Identifier: ISC
 *
 * SFTP in the client library, over a channel of the server of rig.h whose files are in memory:
 * every call, downloads that leave nothing half behind, names of a hostile server (s84).
 */
#include "client/files.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/known_hosts_file.h"
#include "tests/rig.h"

#define NODES 64
#define BYTES (24u * 1024 * 1024)

struct shelf {
    struct ncr_loop loop;
    struct rig rig;
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    struct nacre_files *f;
    char dir[64], hosts[80];
    const char *hosts_list[1];
    /* the server's side */
    struct nacre_fs fs, real;
    struct nacre_fs_memory m;
    uint64_t *fs_mem, *sftp_mem;
    struct nacre_sftp_server sftp;
    bool serving, mute;
    uint32_t chan;
    struct pair_buf in;
    uint64_t die_after; /* bytes of output; 0: never */
    uint64_t sent;
    const char *const *names; /* what readdir tells instead */
    size_t next_name;
};

/* ---- Server ------------------------------------------------------------------------------ */

static void shelf_pump(struct shelf *s)
{
    uint8_t *p;
    size_t room, used, n = 1;

    while (s->in.n > 0) {
        cr_assert_eq(nacre_sftp_server_recv(&s->sftp, s->in.p, s->in.n, &used), NACRE_OK);
        pair_buf_drop(&s->in, used);
        if (used == 0)
            break;
    }
    while (!s->mute && n > 0 && (nacre_sftp_server_wants(&s->sftp) & NACRE_WANT_WRITE)) {
        if (nacre_chan_reserve(&s->rig.conn, s->chan, 0, SIZE_MAX, &p, &room) != NACRE_OK ||
            room == 0)
            return;
        n = nacre_sftp_server_output(&s->sftp, p, room);
        cr_assert_eq(nacre_chan_commit(&s->rig.conn, s->chan, n), NACRE_OK);
        s->sent += n;
        if (s->die_after != 0 && s->sent >= s->die_after) {
            cr_assert_eq(nacre_conn_close(&s->rig.conn, NACRE_REASON_BY_APPLICATION, "gone"),
                         NACRE_OK);
            return;
        }
    }
}

static bool shelf_subsystem(void *ctx, struct rig *r, uint32_t chan, struct nacre_bytes name)
{
    struct shelf *s = ctx;
    struct nacre_sftp_server_cfg cfg;

    (void)r;
    if (!nacre_bytes_is(name, "sftp"))
        return false;
    memset(&cfg, 0, sizeof cfg);
    cfg.fs = &s->fs;
    s->sftp_mem = malloc(NACRE_SFTP_SERVER_MEM);
    cr_assert_eq(nacre_sftp_server_init(&s->sftp, s->sftp_mem, NACRE_SFTP_SERVER_MEM, &cfg),
                 NACRE_OK);
    s->chan = chan;
    s->serving = true;
    return true;
}

static void shelf_data(void *ctx, struct rig *r, uint32_t chan, struct nacre_bytes data)
{
    struct shelf *s = ctx;

    pair_buf_add(&s->in, data.p, data.n);
    cr_assert_eq(nacre_chan_consumed(&r->conn, chan, (uint32_t)data.n), NACRE_OK);
}

static void shelf_room(void *ctx, struct rig *r)
{
    struct shelf *s = ctx;

    if (s->serving && r->chan[s->chan].open)
        shelf_pump(s);
}

/* ---- Client ------------------------------------------------------------------------------ */

static struct shelf *shelf_new(void)
{
    struct shelf *s = calloc(1, sizeof *s);
    size_t len = NACRE_FS_MEMORY_MEM(NODES, BYTES);

    (void)signal(SIGPIPE, SIG_IGN);
    strcpy(s->dir, "/tmp/nacre-files-XXXXXX");
    cr_assert_not_null(mkdtemp(s->dir));
    cr_assert_eq(chdir(s->dir), 0);
    snprintf(s->hosts, sizeof s->hosts, "%s.hosts", s->dir);
    s->hosts_list[0] = s->hosts;
    s->fs_mem = malloc(len);
    cr_assert_eq(nacre_fs_memory_init(&s->fs, &s->m, s->fs_mem, len, NODES), NACRE_OK);
    s->real = s->fs;
    cr_assert_eq(ncr_loop_init(&s->loop, NCR_LOOP_POLL), NACRE_OK);
    rig_init(&s->rig);
    s->rig.plan.accept_none = true;
    s->rig.plan.key = -1;
    s->rig.subsystem = shelf_subsystem;
    s->rig.data = shelf_data;
    s->rig.room = shelf_room;
    s->rig.ctx = s;
    s->cfg.host = "server";
    s->cfg.user = "joe";
    s->cfg.identities = s->hosts_list;
    s->cfg.known_hosts = s->hosts_list;
    s->cfg.n_known_hosts = 1;
    return s;
}

static nacre_err shelf_open(struct shelf *s)
{
    int fds[2];

    cr_assert_eq(ncr_hosts_add(s->hosts, nacre_bytes_str("server"), 22, pair_key_blob(0)),
                 NACRE_OK);
    rig_sockets(fds);
    rig_start(&s->rig, &s->loop, fds[1]);
    cr_assert_eq(nacre_client_start(&s->c, &s->cfg, fds[0], fds[0]), NACRE_OK);
    cr_assert_eq(ncr_client_use_loop(s->c, &s->loop), NACRE_OK);
    cr_assert_eq(nacre_client_wait_ready(s->c), NACRE_OK, "%s", nacre_client_error(s->c));
    return nacre_files_open(&s->f, s->c);
}

static struct shelf *shelf_ready(void)
{
    struct shelf *s = shelf_new();

    cr_assert_eq(shelf_open(s), NACRE_OK, "%s", nacre_files_error(s->f));
    return s;
}

static unsigned local_entries(void)
{
    DIR *d = opendir(".");
    unsigned n = 0;

    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

static void shelf_free(struct shelf *s)
{
    DIR *d = opendir(".");
    const struct dirent *e;

    while ((e = readdir(d)) != NULL)
        unlink(e->d_name);
    closedir(d);
    nacre_files_close(s->f);
    nacre_client_close(s->c);
    rig_free(&s->rig);
    ncr_loop_free(&s->loop);
    pair_buf_free(&s->in);
    unlink(s->hosts);
    cr_assert_eq(chdir("/"), 0);
    rmdir(s->dir);
    free(s->fs_mem);
    free(s->sftp_mem);
    free(s);
}

static void make_file(const char *name, size_t n, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);
    uint8_t block[4096];

    cr_assert_geq(fd, 0);
    for (size_t at = 0; at < n; at += sizeof block) {
        size_t k = n - at < sizeof block ? n - at : sizeof block;

        for (size_t i = 0; i < k; i++)
            block[i] = rig_byte(at + i);
        cr_assert_eq(write(fd, block, k), (ssize_t)k);
    }
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

static void check_file(const char *name, size_t n)
{
    int fd = open(name, O_RDONLY);
    uint8_t block[4096];
    size_t at = 0;
    ssize_t k;

    cr_assert_geq(fd, 0, "%s", name);
    while ((k = read(fd, block, sizeof block)) > 0) {
        for (ssize_t i = 0; i < k; i++)
            cr_assert_eq(block[i], rig_byte(at + (size_t)i), "byte %zu differs", at + (size_t)i);
        at += (size_t)k;
    }
    close(fd);
    cr_assert_eq(at, n);
}

#define OK(call) cr_assert_eq((call), NACRE_OK, "%s", nacre_files_error(s->f))

/* ---- Transfers --------------------------------------------------------------------------- */

Test(files, put_and_get_sizes)
{
    static const size_t sizes[] = {0, 1, 32767, 32768, 1000000, 10000000};
    struct shelf *s = shelf_ready();

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        make_file("in", sizes[i], 0640);
        OK(nacre_files_put(s->f, "in", "f", NULL));
        OK(nacre_files_get(s->f, "f", "out", NULL));
        check_file("out", sizes[i]);
        OK(nacre_files_remove(s->f, "f"));
    }
    cr_assert_eq(local_entries(), 2);
    shelf_free(s);
}

/* Inflated data lie in memory that a few packets share: they are written before it is used
 * again. */
Test(files, get_compressed)
{
    struct shelf *s = shelf_new();

    s->cfg.conn.comps = s->rig.cfg.comps = "zlib@openssh.com";
    cr_assert_eq(shelf_open(s), NACRE_OK);
    make_file("in", 10000000, 0640);
    OK(nacre_files_put(s->f, "in", "f", NULL));
    OK(nacre_files_get(s->f, "f", "out", NULL));
    check_file("out", 10000000);
    shelf_free(s);
}

struct meter {
    unsigned calls;
    uint64_t done, total, stop_at;
};

static bool meter(void *ctx, uint64_t done, uint64_t total)
{
    struct meter *m = ctx;

    m->calls++;
    cr_assert_geq(done, m->done, "progress goes back");
    m->done = done;
    m->total = total;
    return m->stop_at == 0 || done < m->stop_at;
}

Test(files, progress_and_attributes)
{
    struct shelf *s = shelf_ready();
    struct meter m = {.calls = 0};
    struct nacre_transfer t = {.preserve = true, .progress = meter, .ctx = &m};
    struct stat st;
    struct timespec when[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1100000000}};

    make_file("in", 3000000, 0604);
    cr_assert_eq(utimensat(AT_FDCWD, "in", when, 0), 0);
    OK(nacre_files_put(s->f, "in", "f", &t));
    cr_assert_eq(t.bytes, 3000000);
    cr_assert_eq(m.done, 3000000);
    cr_assert_eq(m.total, 3000000);
    memset(&m, 0, sizeof m);
    OK(nacre_files_get(s->f, "f", "out", &t));
    cr_assert_eq(m.done, 3000000);
    cr_assert_eq(stat("out", &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0604);
    cr_assert_eq(st.st_mtime, 1100000000);
    shelf_free(s);
}

/* An existing file keeps its permissions, and is replaced as a whole. */
Test(files, get_over_existing)
{
    struct shelf *s = shelf_ready();
    struct stat st;

    make_file("in", 1000, 0644);
    OK(nacre_files_put(s->f, "in", "f", NULL));
    make_file("out", 500000, 0600);
    OK(nacre_files_get(s->f, "f", "out", NULL));
    check_file("out", 1000);
    cr_assert_eq(stat("out", &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    shelf_free(s);
}

/* Called off: the old file is as it was, what came is under another name and can be gone on with.
 */
Test(files, stopped_download)
{
    struct shelf *s = shelf_ready();
    struct meter m = {.stop_at = 2000000};
    struct nacre_transfer t = {.progress = meter, .ctx = &m};
    struct stat st;

    make_file("in", 10000000, 0644);
    OK(nacre_files_put(s->f, "in", "f", NULL));
    make_file("out", 10, 0644);
    cr_assert_eq(nacre_files_get(s->f, "f", "out", &t), NACRE_ERR_CLOSED);
    cr_assert_str_eq(nacre_files_error(s->f), "interrupted");
    check_file("out", 10);
    cr_assert_eq(stat("out.part", &st), 0);
    cr_assert_gt(st.st_size, 0);
    check_file("out.part", (size_t)st.st_size);
    cr_assert_eq(local_entries(), 3);

    memset(&m, 0, sizeof m);
    t.resume = true;
    OK(nacre_files_get(s->f, "f", "out", &t));
    check_file("out", 10000000);
    cr_assert_eq(t.bytes, 10000000 - (uint64_t)st.st_size);
    cr_assert_eq(local_entries(), 2);
    shelf_free(s);
}

/* The connection goes away in the middle. */
Test(files, lost_connection)
{
    struct shelf *s = shelf_ready();
    struct stat st;

    make_file("in", 10000000, 0644);
    OK(nacre_files_put(s->f, "in", "f", NULL));
    s->die_after = s->sent + 3000000;
    cr_assert_neq(nacre_files_get(s->f, "f", "out", NULL), NACRE_OK);
    cr_assert_neq(access("out", F_OK), 0, "nothing looks whole");
    if (stat("out.part", &st) == 0)
        check_file("out.part", (size_t)st.st_size);
    cr_assert_neq(nacre_files_get(s->f, "f", "out", NULL), NACRE_OK);
    cr_assert_not_null(strstr(nacre_files_error(s->f), "gone"));
    shelf_free(s);
}

Test(files, failures_name_the_side)
{
    struct shelf *s = shelf_ready();

    cr_assert_neq(nacre_files_get(s->f, "none", "out", NULL), NACRE_OK);
    cr_assert_str_eq(nacre_files_error(s->f), "No such file");
    cr_assert_eq(nacre_files_status(s->f), NACRE_FX_NO_SUCH_FILE);
    cr_assert_eq(local_entries(), 0, "nothing is left behind");
    cr_assert_eq(nacre_files_put(s->f, "missing", "f", NULL), NACRE_ERR_IO);
    cr_assert_str_eq(nacre_files_error(s->f), "local open missing: No such file or directory");
    cr_assert_eq(nacre_files_put(s->f, "/tmp", "f", NULL), NACRE_ERR_IO);
    make_file("in", 100, 0644);
    OK(nacre_files_put(s->f, "in", "f", NULL));
    cr_assert_eq(nacre_files_get(s->f, "f", "no/such/dir", NULL), NACRE_ERR_IO);
    cr_assert_not_null(strstr(nacre_files_error(s->f), "local open no/such/dir: "));
    shelf_free(s);
}

/* A local disk that is full (a file size limit acts alike) leaves nothing. */
Test(files, local_write_fails)
{
    struct shelf *s = shelf_ready();
    struct rlimit lim;

    make_file("in", 3000000, 0644);
    OK(nacre_files_put(s->f, "in", "f", NULL));
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &lim), 0);
    lim.rlim_cur = 1000000;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &lim), 0);
    cr_assert_eq(nacre_files_get(s->f, "f", "out", NULL), NACRE_ERR_IO);
    cr_assert_str_eq(nacre_files_error(s->f), "local write out: File too large");
    cr_assert_eq(local_entries(), 1);
    lim.rlim_cur = lim.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &lim), 0);
    OK(nacre_files_get(s->f, "f", "out", NULL));
    check_file("out", 3000000);
    shelf_free(s);
}

Test(files, resumed_upload)
{
    struct shelf *s = shelf_ready();
    struct nacre_transfer t = {.resume = true};

    make_file("in", 100000, 0644);
    OK(nacre_files_put(s->f, "in", "f", NULL));
    make_file("in", 300000, 0644);
    OK(nacre_files_put(s->f, "in", "f", &t));
    cr_assert_eq(t.bytes, 200000);
    OK(nacre_files_get(s->f, "f", "out", NULL));
    check_file("out", 300000);
    make_file("in", 10, 0644);
    cr_assert_eq(nacre_files_put(s->f, "in", "f", &t), NACRE_ERR_USAGE);
    shelf_free(s);
}

Test(files, get_into_a_device)
{
    struct shelf *s = shelf_ready();
    struct stat st;

    make_file("in", 100000, 0644);
    OK(nacre_files_put(s->f, "in", "f", NULL));
    OK(nacre_files_get(s->f, "f", "/dev/null", NULL));
    cr_assert_eq(stat("/dev/null", &st), 0);
    cr_assert(S_ISCHR(st.st_mode), "the device must stay");
    shelf_free(s);
}

/* ---- Requests ---------------------------------------------------------------------------- */

Test(files, every_call)
{
    struct shelf *s = shelf_ready();
    struct nacre_sftp_attrs a;
    char *p;

    OK(nacre_files_mkdir(s->f, "d", 0755));
    make_file("in", 77, 0600);
    OK(nacre_files_put(s->f, "in", "d/f", NULL));
    OK(nacre_files_stat(s->f, "d/f", true, &a));
    cr_assert_eq(a.size, 77);
    OK(nacre_files_chmod(s->f, "d/f", 0640));
    OK(nacre_files_stat(s->f, "d/f", true, &a));
    cr_assert_eq(a.mode & 0777, 0640);
    OK(nacre_files_symlink(s->f, "d/f", "link"));
    p = nacre_files_readlink(s->f, "link");
    cr_assert_str_eq(p, "d/f");
    free(p);
    OK(nacre_files_stat(s->f, "link", false, &a));
    cr_assert_eq(a.mode & NACRE_SFTP_S_IFMT, NACRE_SFTP_S_IFLNK);
    OK(nacre_files_rename(s->f, "d/f", "g"));
    p = nacre_files_realpath(s->f, "d/../g");
    cr_assert_str_eq(p, "/g");
    free(p);
    cr_assert_null(nacre_files_readlink(s->f, "g"));
    OK(nacre_files_remove(s->f, "g"));
    OK(nacre_files_remove(s->f, "link"));
    OK(nacre_files_rmdir(s->f, "d"));
    cr_assert_eq(nacre_files_rmdir(s->f, "d"), NACRE_ERR_IO);
    cr_assert_eq(nacre_files_status(s->f), NACRE_FX_NO_SUCH_FILE);
    shelf_free(s);
}

Test(files, raw_read)
{
    struct shelf *s = shelf_ready();
    struct nacre_sftp_req q = {.op = NACRE_SFTP_OP_OPEN, .pflags = NACRE_FXF_READ};
    struct nacre_sftp_handle h;
    struct nacre_sftp_event ev;

    make_file("in", 100000, 0644);
    OK(nacre_files_put(s->f, "in", "f", NULL));
    q.path = nacre_bytes_str("f");
    OK(nacre_files_ask(s->f, &q, &ev));
    cr_assert(nacre_sftp_handle_set(&h, ev.data));
    memset(&q, 0, sizeof q);
    q.op = NACRE_SFTP_OP_READ;
    q.handle = nacre_sftp_handle_bytes(&h);
    q.offset = 5;
    q.len = 30000;
    OK(nacre_files_ask(s->f, &q, &ev));
    cr_assert_eq(ev.data.n, 30000);
    for (size_t i = 0; i < ev.data.n; i++)
        cr_assert_eq(ev.data.p[i], rig_byte(5 + i));
    shelf_free(s);
}

Test(files, silent_server)
{
    struct shelf *s = shelf_ready();
    struct nacre_sftp_attrs a;

    s->mute = true;
    nacre_files_timeout(s->f, 30);
    cr_assert_eq(nacre_files_stat(s->f, ".", true, &a), NACRE_ERR_TIMEOUT);
    cr_assert_str_eq(nacre_files_error(s->f), "the server does not answer");
    s->mute = false;
    shelf_free(s);
}

Test(files, no_subsystem)
{
    struct shelf *s = shelf_new();

    s->rig.subsystem = NULL;
    cr_assert_neq(shelf_open(s), NACRE_OK);
    cr_assert_not_null(strstr(nacre_client_error(s->c), "subsystem request failed"));
    shelf_free(s);
}

/* ---- Names of a server ------------------------------------------------------------------- */

struct names {
    char text[4096];
    unsigned n;
};

static bool add_name(void *ctx, const struct nacre_sftp_name *n)
{
    struct names *l = ctx;

    l->n++;
    snprintf(l->text + strlen(l->text), sizeof l->text - strlen(l->text), "%.*s|", (int)n->name.n,
             (const char *)n->name.p);
    return true;
}

Test(files, listing)
{
    struct shelf *s = shelf_ready();
    struct names l = {.n = 0};
    char name[16];

    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "f%02u", i);
        OK(nacre_files_mkdir(s->f, name, 0700));
    }
    OK(nacre_files_list(s->f, ".", add_name, &l));
    cr_assert_geq(l.n, 40);
    cr_assert_not_null(strstr(l.text, "f00|"));
    cr_assert_not_null(strstr(l.text, "f39|"));
    cr_assert_eq(nacre_files_list(s->f, "none", add_name, &l), NACRE_ERR_IO);
    shelf_free(s);
}

static enum nacre_fs_result evil_readdir(void *ctx, uint64_t dir, struct nacre_sftp_name *name)
{
    static const char *const names[] = {"good", "../escape", "a/b",       "/etc/passwd",      "..",
                                        ".",    "",          "x/../../y", "also\x1b[2J good", NULL};
    struct shelf *s = ctx;

    (void)dir;
    memset(name, 0, sizeof *name);
    if (names[s->next_name] == NULL)
        return NACRE_FS_EOF;
    name->name = nacre_bytes_str(names[s->next_name++]);
    name->longname = nacre_bytes_str("x");
    return NACRE_FS_OK;
}

static enum nacre_fs_result evil_opendir(void *ctx, struct nacre_bytes path, uint64_t *dir)
{
    (void)ctx;
    (void)path;
    *dir = 1;
    return NACRE_FS_OK;
}

static enum nacre_fs_result evil_closedir(void *ctx, uint64_t dir)
{
    (void)ctx;
    (void)dir;
    return NACRE_FS_OK;
}

static enum nacre_fs_result evil_realpath(void *ctx, struct nacre_bytes path,
                                          struct nacre_bytes *out)
{
    (void)ctx;
    *out = path;
    return NACRE_FS_OK;
}

Test(files, s84_names)
{
    struct shelf *s = shelf_new();
    struct names l = {.n = 0};

    memset(&s->fs, 0, sizeof s->fs);
    s->fs.ctx = s;
    s->fs.opendir = evil_opendir;
    s->fs.readdir = evil_readdir;
    s->fs.closedir = evil_closedir;
    s->fs.realpath = evil_realpath;
    cr_assert_eq(shelf_open(s), NACRE_OK);
    OK(nacre_files_list(s->f, "/", add_name, &l));
    cr_assert_str_eq(l.text, "good|..|.|also\x1b[2J good|");
    shelf_free(s);
}
