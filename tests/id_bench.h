/* SPDX-License-Identifier: ISC
 *
 * For tests of what a client authenticates with: a client with keys in files, in an agent
 * (toy_agent.h) and in a hook, and a server (rig.h) that takes the blobs in `takes` and writes down
 * what it was asked about. There is one: bench_setup() and bench_teardown() are a suite's .init and
 * .fini, bench_again() is both for a test that needs several.
 */
#ifndef NACRE_TESTS_ID_BENCH_H
#define NACRE_TESTS_ID_BENCH_H

#include "client/client.h"
#include "tests/rig.h"
#include "tests/toy_agent.h"

#define BENCH_FILES 8
#define BENCH_KEYS 6

struct bench {
    struct ncr_loop loop;
    struct rig rig;
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    struct nacre_privkey key[BENCH_KEYS];
    struct nacre_bytes takes[4];
    size_t n_takes;
    struct toy_agent agent;
    char dir[64], hosts[96];
    const char *hosts_list[1];
    char file[BENCH_FILES][128];
    const char *files[BENCH_FILES];
    struct pair_buf asked; /* names of what the server was asked about: "? 0", "! cert" */
    struct pair_buf log;
    unsigned prompts, signs;
    const char *answers[8];
    char prompt[512];
    uint8_t cert[4096]; /* for key 0 */
    size_t cert_len;
    char named[160]; /* file of a certificate */
    const char *named_list[1];
    bool bad_hook, rekey_in_hook;
};

extern struct bench bench;
extern uint64_t bench_work[NACRE_WORK];

void bench_setup(void);
void bench_teardown(void);
void bench_again(void);

struct nacre_bytes bench_blob(int key);
struct nacre_bytes bench_cert(void);
/* Writes a file into the bench's directory. */
void bench_write(const char *name, const uint8_t *p, size_t n);
void bench_private(const char *name, int key, const char *pass, enum nacre_keyfile_format format);
void bench_public(const char *name, struct nacre_bytes blob);
/* That file is an identity. */
void bench_identity(const char *name);
/* A certificate for a key, by key 3: bench_cert(). */
void bench_certify(int key, enum nacre_cert_kind kind);
/* The same as a file that is named a certificate to offer. */
void bench_name_cert(void);
void bench_agent(void);
/* The server takes it. */
void bench_take(struct nacre_bytes blob);
/* A signing hook: it has all keys. */
bool bench_sign(void *ctx, const struct nacre_sign_question *q, uint8_t *sig, size_t cap,
                size_t *n);
/* Opens, and what the server was asked must be this. */
void bench_expect(nacre_err err, const char *asked);
bool bench_logged(const char *text);

#endif
