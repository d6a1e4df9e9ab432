/* SPDX-License-Identifier: ISC
 *
 * Runs a command on a host: run HOST COMMAND. The host's key must be in ~/.ssh/known_hosts, the key
 * of the user is ~/.ssh/id_ed25519.
 */
#include <stdio.h>

#include "client/nacre_client.h"

int main(int argc, char **argv)
{
    struct nacre_client_cfg cfg = {.host = argc > 2 ? argv[1] : NULL};
    struct nacre_run run = {.command = argc > 2 ? argv[2] : "true"};
    struct nacre_client *c;
    int status = 255;

    if (nacre_client_open(&c, &cfg) == NACRE_OK && nacre_client_run(c, &run) == NACRE_OK) {
        (void)fwrite(run.out.p, 1, run.out.n, stdout); /* nothing to be done if nobody listens */
        status = run.status;
    } else {
        fprintf(stderr, "%s\n", nacre_client_error(c));
    }
    nacre_run_free(&run);
    nacre_client_close(c);
    return status;
}
