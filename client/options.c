/* SPDX-License-Identifier: ISC
 *
 * Options of the client programs: see options.h. One table says what each keyword takes; the
 * functions that some of them need are in options_values.c.
 */
#include "client/options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/options_values.h"
#include "proto/keys/nacre_keys.h"
#include "proto/posix/config_lexer.h"

enum opt_kind {
    OPT_TEXT,     /* const char * */
    OPT_REST,     /* const char *: the line as it stands */
    OPT_NUMBER,   /* uint32_t in min..max */
    OPT_WORD,     /* uint32_t out of words */
    OPT_TIME,     /* uint64_t, ms */
    OPT_FILES,    /* struct ncr_opt_files: the first occurrence, all its words */
    OPT_FILE_ADD, /* the same: one more with each occurrence */
    OPT_FIXED,    /* only the words are allowed; nothing to store */
    OPT_OWN,      /* by a function, each occurrence */
    OPT_ONCE,     /* by a function, the first occurrence */
    OPT_ONE       /* the same, of one word */
};

static const struct ncr_opt_word opt_updates[] = {
    {"no", 1 + NACRE_UPDATE_NO},    {"yes", 1 + NACRE_UPDATE_YES},  {"ask", 1 + NACRE_UPDATE_ASK},
    {"false", 1 + NACRE_UPDATE_NO}, {"true", 1 + NACRE_UPDATE_YES}, {NULL, 0}};
static const struct ncr_opt_word opt_only_no[] = {{"no", 0}, {"false", 0}, {"none", 0}, {NULL, 0}};
static const struct ncr_opt_word opt_only_yes[] = {{"yes", 0}, {"true", 0}, {NULL, 0}};
static const struct ncr_opt_word opt_protocol[] = {{"2", 0}, {NULL, 0}};
static const struct ncr_opt_word opt_sha256[] = {{"sha256", 0}, {NULL, 0}};
static const struct ncr_opt_word opt_internal[] = {{"internal", 0}, {NULL, 0}};
static const struct ncr_opt_word opt_one[] = {{"1", 0}, {NULL, 0}};
static const struct ncr_opt_word opt_autos[] = {{"auto", 0}, {"autoask", 0}, {NULL, 0}};
static const struct ncr_opt_word opt_any[] = {{"", 0}, {NULL, 0}}; /* whatever it is */
static const struct ncr_opt_word opt_profiles[] = {
    {"modern", 1 + NACRE_PROFILE_MODERN},
    {"pq-required", 1 + NACRE_PROFILE_PQ_REQUIRED},
    {"legacy-device", 1 + NACRE_PROFILE_LEGACY_DEVICE},
    {NULL, 0}};
static const struct ncr_opt_word opt_families[] = {
    {"any", 0}, {"inet", 4}, {"inet6", 6}, {NULL, 0}};
static const struct ncr_opt_word opt_ttys[] = {{"auto", NCR_TTY_AUTO},
                                               {"no", NCR_TTY_NO},
                                               {"yes", NCR_TTY_YES},
                                               {"force", NCR_TTY_FORCE},
                                               {"false", NCR_TTY_NO},
                                               {"true", NCR_TTY_YES},
                                               {NULL, 0}};
static const struct ncr_opt_word opt_policies[] = {
    {"ask", NACRE_HOSTS_ASK},     {"accept-new", NACRE_HOSTS_ACCEPT_NEW},
    {"yes", NACRE_HOSTS_STRICT},  {"no", NACRE_HOSTS_OFF},
    {"true", NACRE_HOSTS_STRICT}, {"false", NACRE_HOSTS_OFF},
    {"off", NACRE_HOSTS_OFF},     {NULL, 0}};
static const struct ncr_opt_word opt_logs[] = {
    {"quiet", NCR_LOG_QUIET},     {"fatal", NCR_LOG_FATAL},
    {"error", NCR_LOG_ERROR},     {"info", NCR_LOG_INFO},
    {"verbose", NCR_LOG_VERBOSE}, {"debug", NCR_LOG_DEBUG1},
    {"debug1", NCR_LOG_DEBUG1},   {"debug2", NCR_LOG_DEBUG1},
    {"debug3", NCR_LOG_DEBUG1},   {NULL, 0}};
static const struct ncr_opt_word opt_sessions[] = {{"default", NCR_SESSION_DEFAULT},
                                                   {"none", NCR_SESSION_NONE},
                                                   {"subsystem", NCR_SESSION_SUBSYSTEM},
                                                   {NULL, 0}};
static const struct ncr_opt_word opt_canonicals[] = {
    {"no", NCR_CANONICAL_NO},    {"false", NCR_CANONICAL_NO},      {"yes", NCR_CANONICAL_YES},
    {"true", NCR_CANONICAL_YES}, {"always", NCR_CANONICAL_ALWAYS}, {NULL, 0}};

struct opt_row {
    const char *name;
    enum opt_kind kind;
    size_t at;                        /* offset in struct ncr_options */
    const struct ncr_opt_word *words; /* of WORD and FIXED */
    uint32_t min, max;
    ncr_opt_own *own;
    const struct ncr_opt_word *vain; /* of FIXED: what else a file may have, and does nothing */
};

/* clang-format off */
#define OPT_AT(field) offsetof(struct ncr_options, field)
#define OPT_ROW_TEXT(name, field) {name, OPT_TEXT, OPT_AT(field), NULL, 0, 0, NULL, NULL}
#define OPT_ROW_REST(name, field) {name, OPT_REST, OPT_AT(field), NULL, 0, 0, NULL, NULL}
#define OPT_ROW_NUMBER(name, field, min, max) \
    {name, OPT_NUMBER, OPT_AT(field), NULL, min, max, NULL, NULL}
#define OPT_ROW_WORD(name, field, words) {name, OPT_WORD, OPT_AT(field), words, 0, 0, NULL, NULL}
#define OPT_ROW_TIME(name, field) {name, OPT_TIME, OPT_AT(field), NULL, 0, 0, NULL, NULL}
#define OPT_ROW_FILES(name, field) {name, OPT_FILES, OPT_AT(field), NULL, 0, 0, NULL, NULL}
#define OPT_ROW_FILE_ADD(name, field) {name, OPT_FILE_ADD, OPT_AT(field), NULL, 0, 0, NULL, NULL}
#define OPT_ROW_FIXED(name, words, vain) {name, OPT_FIXED, 0, words, 0, 0, NULL, vain}
#define OPT_ROW_OWN(name, own) {name, OPT_OWN, 0, NULL, 0, 0, own, NULL}
#define OPT_ROW_ONE(name, own) {name, OPT_ONE, 0, NULL, 0, 0, own, NULL}
#define OPT_ROW_ONCE(name, own) {name, OPT_ONCE, 0, NULL, 0, 0, own, NULL}

static const struct opt_row opt_rows[] = {
    OPT_ROW_ONCE("AddKeysToAgent", ncr_opt_keep),
    OPT_ROW_WORD("AddressFamily", family, opt_families),
    OPT_ROW_WORD("AlgorithmProfile", profile, opt_profiles), /* ours alone */
    OPT_ROW_WORD("BatchMode", batch, ncr_opt_yes_no),
    OPT_ROW_TEXT("BindAddress", bind_addr),
    OPT_ROW_FIXED("BindInterface", opt_only_no, NULL),
    OPT_ROW_ONCE("CanonicalDomains", ncr_opt_canonical_domains),
    OPT_ROW_WORD("CanonicalizeFallbackLocal", canonical_fallback, ncr_opt_yes_no),
    OPT_ROW_WORD("CanonicalizeHostname", canonical, opt_canonicals),
    OPT_ROW_NUMBER("CanonicalizeMaxDots", canonical_dots, 0, INT32_MAX),
    OPT_ROW_ONCE("CanonicalizePermittedCNAMEs", ncr_opt_permitted_cnames),
    OPT_ROW_TEXT("CASignatureAlgorithms", ca_sig_algs),
    OPT_ROW_FILE_ADD("CertificateFile", certificates),
    OPT_ROW_FIXED("ChannelTimeout", opt_only_no, NULL),
    OPT_ROW_FIXED("CheckHostIP", opt_only_no, NULL),
    OPT_ROW_TEXT("Ciphers", ciphers),
    OPT_ROW_WORD("ClearAllForwardings", clear_forwards, ncr_opt_yes_no),
    OPT_ROW_WORD("Compression", compress, ncr_opt_yes_no),
    OPT_ROW_FIXED("ConnectionAttempts", opt_one, opt_any),
    OPT_ROW_TIME("ConnectTimeout", connect_ms),
    OPT_ROW_FIXED("ControlMaster", opt_only_no, opt_autos), /* each has a connection of its own */
    OPT_ROW_FIXED("ControlPath", opt_only_no, opt_any),
    OPT_ROW_FIXED("ControlPersist", opt_only_no, opt_any),
    OPT_ROW_FIXED("DynamicForward", opt_only_no, NULL),
    OPT_ROW_FIXED("EnableEscapeCommandline", opt_only_no, opt_any),
    OPT_ROW_FIXED("EnableSSHKeysign", opt_only_no, opt_any),
    OPT_ROW_ONE("EscapeChar", ncr_opt_escape),
    OPT_ROW_WORD("ExitOnForwardFailure", exit_on_forward_failure, ncr_opt_yes_no),
    OPT_ROW_FIXED("FingerprintHash", opt_sha256, opt_any),
    OPT_ROW_FIXED("ForkAfterAuthentication", opt_only_no, NULL),
    OPT_ROW_ONE("ForwardAgent", ncr_opt_forward_agent),
    OPT_ROW_FIXED("ForwardX11", opt_only_no, NULL),
    OPT_ROW_FIXED("ForwardX11Timeout", opt_only_no, opt_any),
    OPT_ROW_FIXED("ForwardX11Trusted", opt_only_no, opt_any),
    OPT_ROW_WORD("GatewayPorts", gateway, ncr_opt_yes_no),
    OPT_ROW_FILES("GlobalKnownHostsFile", global_hosts),
    OPT_ROW_FIXED("GSSAPIAuthentication", opt_only_no, opt_any), /* one more method to try */
    OPT_ROW_FIXED("GSSAPIClientIdentity", opt_only_no, opt_any),
    OPT_ROW_FIXED("GSSAPIDelegateCredentials", opt_only_no, opt_any),
    OPT_ROW_FIXED("GSSAPIKexAlgorithms", opt_only_no, opt_any),
    OPT_ROW_FIXED("GSSAPIKeyExchange", opt_only_no, opt_any),
    OPT_ROW_FIXED("GSSAPIRenewalForcesRekey", opt_only_no, opt_any),
    OPT_ROW_FIXED("GSSAPIServerIdentity", opt_only_no, opt_any),
    OPT_ROW_FIXED("GSSAPITrustDns", opt_only_no, opt_any),
    OPT_ROW_WORD("HashKnownHosts", hash_hosts, ncr_opt_yes_no),
    OPT_ROW_FIXED("HostbasedAcceptedAlgorithms", opt_only_no, opt_any),
    OPT_ROW_FIXED("HostbasedAuthentication", opt_only_no, opt_any), /* one more method to try */
    OPT_ROW_TEXT("HostKeyAlgorithms", host_key_algs),
    OPT_ROW_TEXT("HostKeyAlias", host_key_alias),
    OPT_ROW_ONE("HostName", ncr_opt_host_name),
    OPT_ROW_WORD("IdentitiesOnly", identities_only, ncr_opt_yes_no),
    OPT_ROW_ONE("IdentityAgent", ncr_opt_agent),
    OPT_ROW_FILE_ADD("IdentityFile", identities),
    OPT_ROW_TEXT("IgnoreUnknown", ignore_unknown),
    OPT_ROW_FIXED("IPQoS", opt_any, NULL),
    OPT_ROW_WORD("KbdInteractiveAuthentication", interactive, ncr_opt_yes_no),
    OPT_ROW_FIXED("KbdInteractiveDevices", opt_only_no, opt_any),
    OPT_ROW_TEXT("KexAlgorithms", kex),
    OPT_ROW_FIXED("KnownHostsCommand", opt_only_no, NULL),
    OPT_ROW_FIXED("LocalCommand", opt_only_no, opt_any), /* PermitLocalCommand decides */
    OPT_ROW_OWN("LocalForward", ncr_opt_local),
    OPT_ROW_WORD("LogLevel", log, opt_logs),
    OPT_ROW_FIXED("LogVerbose", opt_only_no, opt_any),
    OPT_ROW_TEXT("MACs", macs),
    OPT_ROW_TEXT("NegotiationReport", report), /* ours alone */
    OPT_ROW_FIXED("NoHostAuthenticationForLocalhost", opt_only_no, NULL),
    OPT_ROW_NUMBER("NumberOfPasswordPrompts", prompts, 0, 1000),
    OPT_ROW_FIXED("ObscureKeystrokeTiming", opt_only_no, opt_any),
    OPT_ROW_WORD("PasswordAuthentication", password, ncr_opt_yes_no),
    OPT_ROW_FIXED("PermitLocalCommand", opt_only_no, NULL),
    OPT_ROW_FIXED("PermitRemoteOpen", opt_only_no, opt_any), /* of SOCKS over there, which we have not */
    OPT_ROW_FIXED("PKCS11Provider", opt_only_no, NULL),
    OPT_ROW_NUMBER("Port", port, 1, 65535),
    OPT_ROW_TEXT("PreferredAuthentications", auth_order),
    OPT_ROW_FIXED("Protocol", opt_protocol, opt_any),
    OPT_ROW_ONCE("ProxyCommand", ncr_opt_proxy_command),
    OPT_ROW_ONE("ProxyJump", ncr_opt_proxy_jump),
    OPT_ROW_FIXED("ProxyUseFdpass", opt_only_no, NULL),
    OPT_ROW_TEXT("PubkeyAcceptedAlgorithms", pubkey_algs),
    OPT_ROW_WORD("PubkeyAuthentication", pubkey, ncr_opt_yes_no),
    OPT_ROW_TEXT("RefuseConnection", refuse),
    OPT_ROW_ONCE("RekeyLimit", ncr_opt_rekey),
    OPT_ROW_REST("RemoteCommand", remote_command),
    OPT_ROW_OWN("RemoteForward", ncr_opt_remote),
    OPT_ROW_WORD("RequestTTY", tty, opt_ttys),
    OPT_ROW_ONE("RequiredRSASize", ncr_opt_rsa_size),
    OPT_ROW_FILES("RevokedHostKeys", revoked_hosts),
    OPT_ROW_FIXED("SecurityKeyProvider", opt_internal, NULL),
    OPT_ROW_OWN("SendEnv", ncr_opt_send_env),
    OPT_ROW_NUMBER("ServerAliveCountMax", alive_max, 0, 1000000),
    OPT_ROW_TIME("ServerAliveInterval", alive_ms),
    OPT_ROW_WORD("SessionType", session, opt_sessions),
    OPT_ROW_ONCE("SetEnv", ncr_opt_set_env),
    OPT_ROW_WORD("StdinNull", stdin_null, ncr_opt_yes_no),
    OPT_ROW_FIXED("StreamLocalBindMask", opt_only_no, opt_any), /* of sockets that we do not make */
    OPT_ROW_FIXED("StreamLocalBindUnlink", opt_only_no, opt_any),
    OPT_ROW_WORD("StrictHostKeyChecking", policy, opt_policies),
    OPT_ROW_FIXED("SyslogFacility", opt_only_no, opt_any), /* of a log that we do not write */
    OPT_ROW_TEXT("Tag", tag),
    OPT_ROW_FIXED("TCPKeepAlive", opt_only_yes, opt_any),
    OPT_ROW_FIXED("Tunnel", opt_only_no, NULL),
    OPT_ROW_FIXED("TunnelDevice", opt_only_no, opt_any), /* Tunnel decides */
    OPT_ROW_WORD("UpdateHostKeys", update_hosts, opt_updates),
    OPT_ROW_ONE("User", ncr_opt_user),
    OPT_ROW_FILES("UserKnownHostsFile", hosts),
    OPT_ROW_FIXED("VerifyHostKeyDNS", opt_only_no, NULL),
    OPT_ROW_FIXED("VersionAddendum", opt_only_no, opt_any),
    OPT_ROW_FIXED("VisualHostKey", opt_only_no, opt_any),
    OPT_ROW_FIXED("WarnWeakCrypto", opt_only_no, opt_any),
    OPT_ROW_FIXED("XAuthLocation", opt_only_no, opt_any), /* ForwardX11 decides */
};

static const struct {
    const char *name, *means;
} opt_aliases[] = {
    {"ChallengeResponseAuthentication", "KbdInteractiveAuthentication"},
    {"DSAAuthentication", "PubkeyAuthentication"},
    {"HostbasedKeyTypes", "HostbasedAcceptedAlgorithms"},
    {"IdentityFile2", "IdentityFile"},
    {"KeepAlive", "TCPKeepAlive"},
    {"PubkeyAcceptedKeyTypes", "PubkeyAcceptedAlgorithms"},
    {"SkeyAuthentication", "KbdInteractiveAuthentication"},
    {"SmartcardDevice", "PKCS11Provider"},
    {"TISAuthentication", "KbdInteractiveAuthentication"},
};
/* clang-format on */

/* What ssh once had, and takes no notice of. */
static const char *const opt_gone[] = {"AFSTokenPassing",
                                       "Cipher",
                                       "CompressionLevel",
                                       "FallBackToRsh",
                                       "GlobalKnownHostsFile2",
                                       "KerberosAuthentication",
                                       "KerberosTgtPassing",
                                       "RhostsAuthentication",
                                       "RhostsRSAAuthentication",
                                       "RSAAuthentication",
                                       "UseBlacklistedKeys",
                                       "UsePrivilegedPort",
                                       "UserKnownHostsFile2",
                                       "UseRoaming",
                                       "UseRsh"};

#define OPT_COUNT (sizeof opt_rows / sizeof opt_rows[0])
_Static_assert(OPT_COUNT <= NCR_OPT_ROWS, "seen has a place for each row");

/* ---- Small things ------------------------------------------------------------------------ */

bool ncr_opt_fail(struct ncr_options *o, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(o->error, sizeof o->error, format, args); /* a longer one is cut */
    va_end(args);
    return false;
}

void ncr_opt_init(struct ncr_options *o, const char *program)
{
    memset(o, 0, sizeof *o);
    o->program = program;
    o->policy = NACRE_HOSTS_ASK;
    o->log = NCR_LOG_INFO;
    o->escape = '~';
    o->canonical_dots = 1;
}

/* A copy of a text that lives as long as the options do. */
struct ncr_opt_text {
    struct ncr_opt_text *next;
    char text[];
};

char *ncr_opt_copy(struct ncr_options *o, const char *s)
{
    const size_t n = strlen(s) + 1;
    struct ncr_opt_text *t = malloc(sizeof *t + n);

    if (t == NULL) {
        (void)ncr_opt_fail(o, "out of memory");
        return NULL;
    }
    memcpy(t->text, s, n);
    t->next = o->texts;
    o->texts = t;
    return t->text;
}

void ncr_opt_free(struct ncr_options *o)
{
    struct ncr_opt_text *t;
    uint32_t i;

    for (i = 0; i < o->n_forwards; i++)
        ncr_forward_rule_free(&o->forwards[i]);
    o->n_forwards = 0;
    while ((t = o->texts) != NULL) {
        o->texts = t->next;
        free(t);
    }
}

/* ---- The table at work ------------------------------------------------------------------- */

static const struct opt_row *opt_find(const char *keyword)
{
    for (size_t i = 0; i < sizeof opt_aliases / sizeof opt_aliases[0]; i++) {
        if (strcasecmp(opt_aliases[i].name, keyword) == 0)
            keyword = opt_aliases[i].means;
    }
    for (size_t i = 0; i < OPT_COUNT; i++) {
        if (strcasecmp(opt_rows[i].name, keyword) == 0)
            return &opt_rows[i];
    }
    return NULL;
}

static bool opt_is_gone(const char *keyword)
{
    for (size_t i = 0; i < sizeof opt_gone / sizeof opt_gone[0]; i++) {
        if (strcasecmp(opt_gone[i], keyword) == 0)
            return true;
    }
    return false;
}

/* Each occurrence counts. */
static bool opt_grows(const struct opt_row *r)
{
    return r->kind == OPT_FILE_ADD || r->kind == OPT_OWN;
}

static bool opt_takes_one(const struct opt_row *r)
{
    return r->kind == OPT_TEXT || r->kind == OPT_NUMBER || r->kind == OPT_WORD ||
           r->kind == OPT_TIME || r->kind == OPT_FILE_ADD || r->kind == OPT_ONE;
}

/* As ssh says it: keywords in small letters. */
static bool opt_too_many(struct ncr_options *o, const char *name)
{
    char small[64];
    size_t n = 0;

    for (; name[n] != '\0' && n < sizeof small - 1; n++)
        small[n] = (char)tolower((unsigned char)name[n]);
    small[n] = '\0';
    return ncr_opt_fail(o, "keyword %s extra arguments at end of line", small);
}

static bool opt_fixed(struct ncr_options *o, const struct opt_row *r, const struct ncr_opt_args *a)
{
    uint32_t ignored;

    if (r->words == opt_any || (a->n == 1 && ncr_opt_word(r->words, a->word[0], &ignored)))
        return true;
    o->vain = r->vain == opt_any ||
              (r->vain != NULL && a->n == 1 && ncr_opt_word(r->vain, a->word[0], &ignored));
    o->unsupported = true;
    return ncr_opt_fail(o, "option %s with value \"%.200s\" is not supported", r->name, a->rest);
}

static bool opt_files(struct ncr_options *o, struct ncr_opt_files *f, const struct ncr_opt_args *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!ncr_opt_file_add(o, f, a->word[i]))
            return false;
    }
    return true;
}

static bool opt_store(struct ncr_options *o, const struct opt_row *r, const struct ncr_opt_args *a)
{
    const char *v = a->word[0];
    void *at = (char *)o + r->at;
    uint64_t n = 0;

    switch (r->kind) {
    case OPT_TEXT:
    case OPT_REST:
        *(const char **)at = ncr_opt_copy(o, r->kind == OPT_REST ? a->rest : v);
        return *(const char **)at != NULL;
    case OPT_NUMBER:
        if (!ncr_opt_number(v, r->min, r->max, &n))
            return ncr_opt_fail(o, "bad value of %s: \"%s\"", r->name, v);
        *(uint32_t *)at = (uint32_t)n;
        return true;
    case OPT_WORD:
        return ncr_opt_word(r->words, v, at) ||
               ncr_opt_fail(o, "option %s with value \"%s\" is not supported", r->name, v);
    case OPT_TIME:
        return ncr_opt_time(v, at) || ncr_opt_fail(o, "bad time of %s: \"%s\"", r->name, v);
    case OPT_FILES:
        return opt_files(o, at, a);
    case OPT_FILE_ADD:
        return ncr_opt_file_add(o, at, v);
    case OPT_FIXED:
        return opt_fixed(o, r, a);
    default:
        return r->own(o, a);
    }
}

/* A value of that row, unless it has one that counts. */
static bool opt_take(struct ncr_options *o, const struct opt_row *r, const struct ncr_opt_args *a)
{
    bool *seen = &o->seen[r - opt_rows];

    o->vain = o->unsupported = false;
    if (*seen && !opt_grows(r) && r->kind != OPT_FIXED)
        return true;
    if (a->n == 0 || (a->word[0][0] == '\0' && r->kind != OPT_FIXED))
        return ncr_opt_fail(o, "option %s without a value", r->name);
    if (opt_takes_one(r) && a->n > 1)
        return opt_too_many(o, r->name);
    *seen = true;
    return opt_store(o, r, a);
}

bool ncr_opt_has(const struct ncr_options *o, const char *keyword)
{
    const struct opt_row *r = opt_find(keyword);

    return r != NULL && !opt_grows(r) && o->seen[r - opt_rows];
}

void ncr_opt_close(struct ncr_options *o, const char *keyword)
{
    const struct opt_row *r = opt_find(keyword);

    if (r != NULL)
        o->seen[r - opt_rows] = true;
}

enum ncr_opt_result ncr_opt_apply(struct ncr_options *o, const char *keyword,
                                  const struct ncr_opt_args *args)
{
    const struct opt_row *r = opt_find(keyword);

    if (r == NULL && opt_is_gone(keyword))
        return NCR_OPT_VAIN;
    if (r == NULL) {
        (void)ncr_opt_fail(o, "Bad configuration option: %.100s", keyword);
        return NCR_OPT_UNKNOWN;
    }
    if ((r->kind == OPT_FIXED && o->seen[r - opt_rows]) || opt_take(o, r, args))
        return NCR_OPT_TAKEN;
    return o->vain ? NCR_OPT_VAIN : o->unsupported ? NCR_OPT_UNSUPPORTED : NCR_OPT_BAD;
}

/* ---- The command line -------------------------------------------------------------------- */

/* A value in one piece: in words where the keyword takes several. */
static bool opt_set_row(struct ncr_options *o, const struct opt_row *r, const char *value)
{
    char *one[1] = {ncr_opt_copy(o, value)};
    struct ncr_opt_args args = {one, one[0] != NULL && one[0][0] != '\0', one[0]};
    struct ncr_config_line *l;
    const char *what;
    bool good;

    if (one[0] == NULL)
        return false;
    if (opt_takes_one(r) || r->kind == OPT_REST)
        return opt_take(o, r, &args);
    l = malloc(sizeof *l);
    if (l == NULL)
        return ncr_opt_fail(o, "out of memory");
    good = ncr_config_lex_words(l, value, &what) || ncr_opt_fail(o, "%s: %s", r->name, what);
    args.word = l->word;
    args.n = l->n;
    good = good && opt_take(o, r, &args);
    free(l);
    return good;
}

bool ncr_opt_set(struct ncr_options *o, const char *keyword, const char *value)
{
    const struct opt_row *r = opt_find(keyword);

    if (r == NULL)
        return ncr_opt_fail(o, "option %s is not supported", keyword);
    return opt_set_row(o, r, value);
}

bool ncr_opt_parse(struct ncr_options *o, const char *text)
{
    struct ncr_config_line *l = malloc(sizeof *l);
    const struct opt_row *r;
    struct ncr_opt_args args;
    const char *what;
    bool good;

    if (l == NULL)
        return ncr_opt_fail(o, "out of memory");
    good = ncr_config_lex(l, text, strlen(text), &what);
    if (!good || l->keyword == NULL || l->keyword[0] == '\0') {
        free(l);
        return ncr_opt_fail(o, "bad option \"%.100s\"%s%s", text, good ? "" : ": ",
                            good ? "" : what);
    }
    r = opt_find(l->keyword);
    args = (struct ncr_opt_args){l->word, l->n, l->rest};
    good = r != NULL ? opt_take(o, r, &args)
                     : ncr_opt_fail(o, "option %s is not supported", l->keyword);
    free(l);
    return good;
}
