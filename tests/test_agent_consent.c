/* SPDX-License-Identifier: ISC
 *
 * Consent for each use of a key, as nacre-agent's server asks for it by a program: answers, nobody
 * to ask, others served meanwhile.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/agent_rig.h"

TestSuite(agent_consent, .init = net_setup, .fini = net_teardown);

Test(agent_consent, consent)
{
    static const struct {
        const char *body;
        bool yes;
    } cases[] = {
        {"exit 0", true},
        {"echo", true},
        {"echo yes", true},
        {"echo YES", true},
        {"echo no", false},
        {"echo yes; exit 1", false},
        {"exit 1", false},
        {"kill -9 $$", false},
        {"echo yesyesyesyesyesyesyes", false},
        {"case \"$SSH_ASKPASS_PROMPT $1\" in 'confirm Allow use of key c?'*) ;; *) exit 1 ;; esac",
         true},
        {"exec >&-; sleep 0.1; exit 0", true},
        {"exec >&-; sleep 0.1; exit 3", false},
    };
    const int fd = net_client();

    net_add_confirmed(fd, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        net_askpass(cases[i].body);
        agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
        cr_assert_eq(net_ask(fd), cases[i].yes ? NACRE_AGENT_SIGN_RESPONSE : NACRE_AGENT_FAILURE,
                     "%s", cases[i].body);
    }
    unlink(net_script);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_FAILURE); /* no such program */
    close(fd);
}

Test(agent_consent, nobody_to_ask_is_no_consent)
{
    const int fd = net_client();

    net_askpass("exit 0");
    net_add_confirmed(fd, 1);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(setenv("SSH_ASKPASS_REQUIRE", i == 0 ? "never" : "prefer", 1), 0);
        cr_assert_eq(setenv("DISPLAY", i == 1 ? "" : ":0", 1), 0);
        cr_assert_eq(unsetenv("WAYLAND_DISPLAY"), 0);
        agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
        cr_assert_eq(net_ask(fd), i == 2 ? NACRE_AGENT_SIGN_RESPONSE : NACRE_AGENT_FAILURE);
    }
    unlink(net_script);
    close(fd);
}

/* While a person thinks, others are served; who asks next waits for the first answer. */
Test(agent_consent, questions_delay_nobody_else)
{
    const int a = net_client(), b = net_client(), gone = net_client(), good = net_client();
    char gate[80], body[160];
    FILE *f;

    net_askpass("exit 0");
    snprintf(gate, sizeof gate, "%s.gate", net_script);
    snprintf(body, sizeof body, "while test ! -e %s; do sleep 0.02; done", gate);
    net_askpass(body);
    net_add_confirmed(good, 1);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    net_write(gone, agt_msg, agt_n);
    while (net.s.asking == NULL)
        net_round(10);
    net_write(a, agt_msg, agt_n);
    net_write(b, agt_msg, agt_n);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(net_list(good), 1);
    cr_assert(net_idle(a) && net_idle(b));
    close(gone); /* its question goes with it */
    f = fopen(gate, "w");
    cr_assert_not_null(f);
    fclose(f);
    agt_msg[NACRE_AGENT_LEN] = NACRE_AGENT_SIGN_REQUEST;
    cr_assert(net_read(a) && agt.r.type == NACRE_AGENT_SIGN_RESPONSE);
    cr_assert(net_read(b) && agt.r.type == NACRE_AGENT_SIGN_RESPONSE);
    cr_assert_eq(net_list(good), 1);
    unlink(gate);
    unlink(net_script);
    close(a);
    close(b);
    close(good);
}

/* Who asked has gone, and so does the question: the next one is asked. */
Test(agent_consent, hanging_up_takes_the_question_back)
{
    const int asking = net_client(), queued = net_client(), last = net_client();
    char here[80], body[240];

    snprintf(here, sizeof here, "/tmp/nacre-askpass.%ld.first", (long)getpid());
    snprintf(body, sizeof body, "test ! -e %s || exit 0\n: > %s\nexec sleep 1000", here, here);
    net_askpass(body);
    net_add_confirmed(last, 1);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    net_write(asking, agt_msg, agt_n);
    net_write(asking, agt_msg, agt_n); /* a request that waits does not hide its end */
    while (net.s.asking == NULL || access(here, F_OK) != 0)
        net_round(10);
    const pid_t pid = net.s.confirm.pid;
    net_write(queued, agt_msg, agt_n);
    net_write(last, agt_msg, agt_n);
    net_round(0);
    close(queued);
    close(asking);
    cr_assert(net_read(last) && agt.r.type == NACRE_AGENT_SIGN_RESPONSE);
    cr_assert(kill(pid, 0) < 0 && errno == ESRCH);
    cr_assert_eq(net.s.n_clients, 1);
    unlink(here);
    unlink(net_script);
    close(last);
}

/* No more is to be said, but the answer is wanted. */
Test(agent_consent, half_closed_clients_get_their_answer)
{
    const int fd = net_client();

    net_askpass("sleep 1; exit 0");
    net_add_confirmed(fd, 1);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    net_write(fd, agt_msg, agt_n);
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    cr_assert(net_read(fd) && agt.r.type == NACRE_AGENT_SIGN_RESPONSE);
    unlink(net_script);
    close(fd);
}

/* The agent ends while somebody is asked: the program does, too. */
Test(agent_consent, ends_while_asking)
{
    const int fd = net_client();

    net_askpass("exec sleep 1000");
    net_add_confirmed(fd, 1);
    agt_put_sign(agt_blob(1), nacre_bytes_str("data"), 0);
    net_write(fd, agt_msg, agt_n);
    while (net.s.asking == NULL)
        net_round(10);
    const pid_t pid = net.s.confirm.pid;
    ncr_agent_server_free(&net.s);
    cr_assert(kill(pid, 0) < 0 && errno == ESRCH);
    unlink(net_script);
    close(fd);
}
