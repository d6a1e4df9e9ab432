/* SPDX-License-Identifier: ISC
 *
 * An agent for tests of its clients: a process of its own that listens on a socket in a directory
 * of its own, holds the keys given, and misbehaves as told. What it was asked goes to a log, a line
 * a request.
 */
#ifndef NACRE_TESTS_TOY_AGENT_H
#define NACRE_TESTS_TOY_AGENT_H

#include <sys/types.h>

#include "proto/keys/nacre_agent.h"

#define TOY_KEYS 8

enum toy_fault {
    TOY_GOOD = 0,
    TOY_REFUSES,       /* FAILURE to every signature */
    TOY_SIGNS_OTHER,   /* signs other data */
    TOY_SIGNS_RUBBISH, /* a signature that is none */
    TOY_OTHER_KEY,     /* signs with another key */
    TOY_RUBBISH_LIST,  /* a list that is damaged */
    TOY_SILENT,        /* answers nothing */
    TOY_HANGS_UP       /* closes instead of a list */
};

struct toy_agent {
    /* Set before the start. */
    const struct nacre_privkey *keys[TOY_KEYS];
    struct nacre_bytes certs[TOY_KEYS]; /* held instead of the plain key where set */
    struct nacre_bytes opaque;          /* one more blob in the list */
    enum toy_fault fault;
    /* Private. */
    char dir[64], path[96], log[96];
    pid_t pid;
};

void toy_agent_start(struct toy_agent *t);
void toy_agent_stop(struct toy_agent *t);
/* What was asked so far, into out: "list", "sign 2 blob-type", "add life 5 confirm comment",
 * "bind 0", and so on. */
void toy_agent_log(const struct toy_agent *t, char *out, size_t cap);

#endif
