/* SPDX-License-Identifier: ISC
 *
 * nacre-sftp-server: the SFTP server over standard input and output, for a daemon's Subsystem and
 * for tools that start sftp-server(8). Options, log lines and exit status are those of OpenSSH's:
 * 0 when the input ends, 255 when the client breaks the protocol, 1 for a wrong option.
 *
 * One loop: read what is there, carry it out, write the replies. Files are used as the calling user
 * and not confined further.
 */
#include "proto/posix/file.h"
#include "server/logline.h"
#include "sftp/nacre_sftp.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define SFTPD_BUF (512 * 1024)
#define SFTPD_PATH_MAX 4096

/* What the options say, and the engine. */
struct sftpd {
    struct ncr_log log;
    const char *start;
    uint64_t deny;
    bool read_only;
    struct nacre_fs fs;
    struct nacre_fs_posix posix;
    struct nacre_sftp_server server;
    char *names[NACRE_SFTP_HANDLES_MAX]; /* paths of open handles, kept for the log alone */
    bool dirs[NACRE_SFTP_HANDLES_MAX];
};

static struct sftpd sftpd;
static uint64_t sftpd_mem[NACRE_SFTP_SERVER_MEM / sizeof(uint64_t)];
static uint8_t sftpd_in[SFTPD_BUF], sftpd_out[SFTPD_BUF];

/* ---- Log: the lines of sftp-server(8) ---- */

/* A C string of b for a format; several may be in use in one call. */
static const char *sftpd_text(int i, struct nacre_bytes b)
{
    static char text[2][SFTPD_PATH_MAX + 1];
    size_t n = b.n < SFTPD_PATH_MAX ? b.n : SFTPD_PATH_MAX;

    if (n > 0)
        memcpy(text[i], b.p, n);
    text[i][n] = '\0';
    return text[i];
}

/* "READ,WRITE,CREATE" */
static const char *sftpd_flags(uint32_t pflags)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } names[] = {{NACRE_FXF_READ, "READ"},      {NACRE_FXF_WRITE, "WRITE"},
                 {NACRE_FXF_APPEND, "APPEND"},  {NACRE_FXF_CREAT, "CREATE"},
                 {NACRE_FXF_TRUNC, "TRUNCATE"}, {NACRE_FXF_EXCL, "EXCL"}};
    static char text[64];
    size_t i;

    text[0] = '\0';
    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        if (pflags & names[i].flag) {
            if (text[0] != '\0')
                strcat(text, ","); /* all six names fit */
            strcat(text, names[i].name);
        }
    return text;
}

static void sftpd_log_attrs(const struct sftpd *d, const char *what,
                            const struct nacre_sftp_attrs *a)
{
    const struct ncr_log *l = &d->log;

    if (a->flags & NACRE_SFTP_ATTR_SIZE)
        ncr_log(l, NCR_LOG_INFO, "set \"%s\" size %" PRIu64, what, a->size);
    if (a->flags & NACRE_SFTP_ATTR_MODE)
        ncr_log(l, NCR_LOG_INFO, "set \"%s\" mode %04o", what, (unsigned)a->mode);
    if (a->flags & NACRE_SFTP_ATTR_TIMES)
        ncr_log(l, NCR_LOG_INFO, "set \"%s\" modtime %" PRIu32, what, a->mtime);
    if (a->flags & NACRE_SFTP_ATTR_UIDGID)
        ncr_log(l, NCR_LOG_INFO, "set \"%s\" owner %" PRIu32 " group %" PRIu32, what, a->uid,
                a->gid);
}

static const char *sftpd_handle_name(const struct sftpd *d, uint32_t handle)
{
    if (handle >= NACRE_SFTP_HANDLES_MAX || d->names[handle] == NULL)
        return "";
    return d->names[handle];
}

/* Remembers the path of a new handle; without memory the log has no name for it. */
static void sftpd_log_open(struct sftpd *d, const struct nacre_sftp_trace *t)
{
    const struct nacre_sftp_req *req = t->req;
    const char *path = sftpd_text(0, req->path);
    uint32_t mode = (req->attrs.flags & NACRE_SFTP_ATTR_MODE) ? req->attrs.mode : 0666;

    if (req->op == NACRE_SFTP_OP_OPENDIR)
        ncr_log(&d->log, NCR_LOG_INFO, "opendir \"%s\"", path);
    else
        ncr_log(&d->log, NCR_LOG_INFO, "open \"%s\" flags %s mode 0%o", path,
                sftpd_flags(req->pflags), (unsigned)mode);
    if (t->status != NACRE_FX_OK || t->handle >= NACRE_SFTP_HANDLES_MAX)
        return;
    free(d->names[t->handle]);
    d->names[t->handle] = strdup(path);
    d->dirs[t->handle] = req->op == NACRE_SFTP_OP_OPENDIR;
}

static void sftpd_log_close(struct sftpd *d, const struct nacre_sftp_trace *t)
{
    if (t->handle >= NACRE_SFTP_HANDLES_MAX)
        return;
    if (d->dirs[t->handle])
        ncr_log(&d->log, NCR_LOG_INFO, "closedir \"%s\"", sftpd_handle_name(d, t->handle));
    else
        ncr_log(&d->log, NCR_LOG_INFO, "close \"%s\" bytes read %" PRIu64 " written %" PRIu64,
                sftpd_handle_name(d, t->handle), t->bytes_read, t->bytes_written);
    free(d->names[t->handle]);
    d->names[t->handle] = NULL;
}

/* Requests that only look are of interest to who debugs. */
static void sftpd_log_other(const struct sftpd *d, const struct nacre_sftp_trace *t)
{
    const struct nacre_sftp_req *req = t->req;
    enum ncr_log_level level = nacre_sftp_op_writes(req->op) ? NCR_LOG_INFO : NCR_LOG_DEBUG1;
    const char *name = nacre_sftp_op_name(req->op);
    const char *path = sftpd_text(0, req->path);

    if (req->op == NACRE_SFTP_OP_SETSTAT || req->op == NACRE_SFTP_OP_LSETSTAT)
        sftpd_log_attrs(d, path, &req->attrs);
    else if (req->op == NACRE_SFTP_OP_FSETSTAT)
        sftpd_log_attrs(d, sftpd_handle_name(d, t->handle), &req->attrs);
    else if (req->op == NACRE_SFTP_OP_MKDIR)
        ncr_log(&d->log, level, "mkdir name \"%s\" mode 0%o", path, (unsigned)req->attrs.mode);
    else if (req->op == NACRE_SFTP_OP_EXTENDED)
        ncr_log(&d->log, NCR_LOG_ERROR, "Unknown extended request \"%s\"",
                sftpd_text(1, req->name));
    else if (req->path2.n > 0)
        ncr_log(&d->log, level, "%s old \"%s\" new \"%s\"", name, path, sftpd_text(1, req->path2));
    else
        ncr_log(&d->log, level, "%s name \"%s\"", name,
                req->path.n > 0 ? path : sftpd_handle_name(d, t->handle));
}

static void sftpd_trace(void *ctx, const struct nacre_sftp_trace *t)
{
    struct sftpd *d = ctx;

    if (t->req->op == NACRE_SFTP_OP_OPEN || t->req->op == NACRE_SFTP_OP_OPENDIR)
        sftpd_log_open(d, t);
    else if (t->req->op == NACRE_SFTP_OP_CLOSE)
        sftpd_log_close(d, t);
    else if (t->req->op != NACRE_SFTP_OP_NONE)
        sftpd_log_other(d, t);
    if (t->status != NACRE_FX_OK && t->status != NACRE_FX_EOF)
        ncr_log(&d->log, NCR_LOG_INFO, "sent status %s (%s)", nacre_sftp_status_text(t->status),
                nacre_fs_result_text(t->result));
}

/* ---- The dialogue ---- */

/* Writes all that the engine has to say. False: the client is gone. */
static bool sftpd_drain(struct sftpd *d)
{
    while (nacre_sftp_server_wants(&d->server) & NACRE_WANT_WRITE) {
        size_t n = nacre_sftp_server_output(&d->server, sftpd_out, sizeof sftpd_out);

        if (!ncr_file_write_all(STDOUT_FILENO, sftpd_out, n)) {
            ncr_log(&d->log, NCR_LOG_ERROR, "write error: %s", strerror(errno));
            return false;
        }
    }
    return true;
}

/* Carries out n bytes of requests. False: over. */
static bool sftpd_feed(struct sftpd *d, const uint8_t *in, size_t n)
{
    size_t used;

    for (; n > 0; in += used, n -= used) {
        if (nacre_sftp_server_recv(&d->server, in, n, &used) != NACRE_OK) {
            struct nacre_sftp_errinfo info = nacre_sftp_server_errinfo(&d->server);

            ncr_log(&d->log, NCR_LOG_FATAL, "%s%s%s", info.msg_name,
                    *info.msg_name == '\0' ? "" : ": ", info.what);
            return false;
        }
        if (!sftpd_drain(d))
            return false;
    }
    return true;
}

static int sftpd_serve(struct sftpd *d)
{
    for (;;) {
        ssize_t n = read(STDIN_FILENO, sftpd_in, sizeof sftpd_in);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            ncr_log(&d->log, NCR_LOG_ERROR, "read error: %s", strerror(errno));
        if (n <= 0)
            return n < 0 ? 255 : 0;
        if (!sftpd_feed(d, sftpd_in, (size_t)n))
            return 255;
    }
}

/* ---- Options: sftp-server(8) ---- */

static void sftpd_usage(void)
{
    fputs("usage: nacre-sftp-server [-ehR] [-d start_directory] [-f log_facility]\n"
          "           [-l log_level] [-P denied_requests] [-p allowed_requests]\n"
          "           [-u umask]\n"
          "       nacre-sftp-server -Q protocol_feature\n",
          stderr);
    exit(1);
}

static void sftpd_wrong(const char *what, const char *value)
{
    fprintf(stderr, "nacre-sftp-server: %s \"%s\"\n", what, value);
    exit(1);
}

static void sftpd_query(const char *feature)
{
    int op;

    if (strcmp(feature, "requests") != 0)
        sftpd_wrong("unknown query", feature);
    for (op = NACRE_SFTP_OP_NONE + 1; op < NACRE_SFTP_OP_EXTENDED; op++)
        puts(nacre_sftp_op_name((enum nacre_sftp_op)op));
    exit(0);
}

/* The operations that a list names, as a set. */
static uint64_t sftpd_ops(const char *list)
{
    uint64_t ops = 0;

    while (*list != '\0') {
        struct nacre_bytes name = {(const uint8_t *)list, strcspn(list, ",")};
        enum nacre_sftp_op op = nacre_sftp_op_by_name(name);

        if (op == NACRE_SFTP_OP_NONE || op == NACRE_SFTP_OP_EXTENDED)
            sftpd_wrong("unknown request in list", list);
        ops |= (uint64_t)1 << op;
        list += name.n;
        list += *list == ',';
    }
    return ops;
}

static mode_t sftpd_umask(const char *text)
{
    char *end;
    unsigned long v = strtoul(text, &end, 8);

    if (*text < '0' || *text > '7' || *end != '\0' || v > 0777)
        sftpd_wrong("invalid umask", text);
    return (mode_t)v;
}

/* Expands %%, %d (home directory) and %u (user) into a static buffer. */
static const char *sftpd_start(const char *text, const struct passwd *pw)
{
    static char out[SFTPD_PATH_MAX];
    size_t n = 0;

    for (; *text != '\0'; text++) {
        const char *part = text;
        size_t len = 1;

        if (*text == '%') {
            text++;
            if (*text != '%' && *text != 'd' && *text != 'u')
                sftpd_wrong("unknown token in start directory", text - 1);
            part = *text == 'd' ? pw->pw_dir : *text == 'u' ? pw->pw_name : text;
            len = *text == '%' ? 1 : strlen(part);
        }
        if (len >= sizeof out - n)
            sftpd_wrong("start directory too long", text);
        memcpy(out + n, part, len);
        n += len;
    }
    out[n] = '\0';
    return out;
}

static void sftpd_options(struct sftpd *d, int argc, char **argv)
{
    int facility = LOG_AUTH, c;
    uint64_t allow = 0;
    bool allow_some = false;

    d->log.level = NCR_LOG_ERROR;
    d->log.fd = -1;
    while ((c = getopt(argc, argv, "d:ef:hl:P:p:Q:Ru:")) != -1) {
        switch (c) {
        case 'd':
            d->start = optarg;
            break;
        case 'e':
            d->log.fd = STDERR_FILENO;
            break;
        case 'f':
            if (!ncr_log_facility_parse(&facility, optarg))
                sftpd_wrong("invalid log facility", optarg);
            break;
        case 'l':
            if (!ncr_log_level_parse(&d->log.level, optarg))
                sftpd_wrong("invalid log level", optarg);
            break;
        case 'P':
            d->deny |= sftpd_ops(optarg);
            break;
        case 'p':
            allow |= sftpd_ops(optarg);
            allow_some = true;
            break;
        case 'Q':
            sftpd_query(optarg);
            break;
        case 'R':
            d->read_only = true;
            break;
        case 'u':
            (void)umask(sftpd_umask(optarg)); /* cannot fail */
            break;
        default: /* h, and what getopt has named */
            sftpd_usage();
        }
    }
    if (optind < argc)
        sftpd_wrong("unexpected argument", argv[optind]);
    if (allow_some)
        d->deny |= ~allow;
    if (d->log.fd < 0)
        openlog("nacre-sftp-server", LOG_PID, facility);
}

static void sftpd_prepare(struct sftpd *d, const struct passwd *pw)
{
    struct nacre_fs_posix_cfg fs_cfg = {NULL, NULL, false};
    struct nacre_sftp_server_cfg cfg = {&d->fs, d->read_only, d->deny, NULL, d};

    if (d->start != NULL && chdir(sftpd_start(d->start, pw)) != 0)
        ncr_log(&d->log, NCR_LOG_ERROR, "chdir to \"%s\" failed: %s", sftpd_start(d->start, pw),
                strerror(errno));
    if (d->log.level >= NCR_LOG_ERROR)
        cfg.trace = sftpd_trace;
    if (nacre_fs_posix_init(&d->fs, &d->posix, &fs_cfg) != NACRE_OK) {
        ncr_log(&d->log, NCR_LOG_FATAL, "current directory: %s", strerror(errno));
        exit(255);
    }
    if (nacre_sftp_server_init(&d->server, sftpd_mem, sizeof sftpd_mem, &cfg) != NACRE_OK)
        exit(255); /* the region is as large as it must be */
}

int main(int argc, char **argv)
{
    struct sftpd *d = &sftpd;
    const char *from = getenv("SSH_CONNECTION");
    const struct passwd *pw;
    int status;

    sftpd_options(d, argc, argv);
    pw = getpwuid(getuid());
    if (pw == NULL) {
        fprintf(stderr, "nacre-sftp-server: no user found for uid %lu\n", (unsigned long)getuid());
        return 255;
    }
    ncr_log(&d->log, NCR_LOG_INFO, "session opened for local user %s from [%.*s]", pw->pw_name,
            from == NULL ? 7 : (int)strcspn(from, " "), from == NULL ? "UNKNOWN" : from);
    sftpd_prepare(d, pw);
    status = sftpd_serve(d);
    nacre_sftp_server_close(&d->server);
    ncr_log(&d->log, NCR_LOG_INFO, "session closed");
    return status;
}
