/* SPDX-License-Identifier: ISC
 *
 * The ciphers as this build of the library has them: see twins.h.
 */
#include "tests/twins.h"

const struct twin twin_default = {
    .name = "default",
    .chacha20_xor = nacre_chacha20_xor,
    .poly1305_init = nacre_poly1305_init,
    .poly1305_update = nacre_poly1305_update,
    .poly1305_final = nacre_poly1305_final,
    .aes_init = nacre_aes_init,
    .aes_encrypt_block = nacre_aes_encrypt_block,
    .aes_decrypt_block = nacre_aes_decrypt_block,
    .aes_ctr_init = nacre_aes_ctr_init,
    .aes_ctr_xor = nacre_aes_ctr_xor,
};
