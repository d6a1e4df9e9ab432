# SPDX-License-Identifier: ISC
#
# Prints, for each file named, its comment and its certificate without nonce and signature, in
# hexadecimal: what two authorities that were asked for the same must agree in.
import base64
import struct
import sys

FIELDS = {  # of the public key, by a part of the certificate type's name; the longer parts first
    "sk-ssh-ed25519": 2,
    "sk-ecdsa": 3,
    "ssh-ed25519": 1,
    "ssh-mldsa44": 1,
    "ecdsa": 2,
    "ssh-rsa": 2,
}


def body(blob):
    at = 0

    def string():
        nonlocal at
        (n,) = struct.unpack(">I", blob[at : at + 4])
        at += 4 + n
        return blob[at - n : at]

    name = string().decode()
    string()
    start = at
    for _ in range(next(FIELDS[part] for part in FIELDS if name.startswith(part))):
        string()
    at += 8 + 4
    string()
    string()
    at += 8 + 8
    for _ in range(4):  # options, extensions, reserved, authority
        string()
    return name, blob[start:at].hex()


for path in sys.argv[1:]:
    words = open(path).read().split(maxsplit=2)
    print(*body(base64.b64decode(words[1])), *words[2:])
