/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: the connection as a client: the stream before any keys, and scripts of messages
 * under the right keys from every stage on. The input is described in fuzz/conn_script.h.
 */
#include "fuzz/conn_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    return conn_script_run(NACRE_CLIENT, data, n);
}
