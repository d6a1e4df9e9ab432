# SPDX-License-Identifier: ISC
"""AsyncSSH for the interop tests: imported from here by asyncssh_client.py and asyncssh_server.py.

Debian 12's security update of AsyncSSH 2.10.1 (2.10.1-2+deb12u2) lost the queue for what is sent while keys
are exchanged: it sends channel data between its KEXINIT and its NEWKEYS, which RFC 4253 7.1 forbids and
which ends a connection with us. Where the queue is missing it is put back as other versions have it.
"""

import inspect
import warnings

warnings.filterwarnings("ignore")  # the library's own, about ciphers that are not used here
import asyncssh  # noqa: E402
from asyncssh import connection  # noqa: E402

KEX_LAST = 49
QUEUED_BELOW = {4, 5, 6}  # DEBUG, SERVICE_REQUEST, SERVICE_ACCEPT


def put_queue_back():
    send = connection.SSHConnection.send_packet

    def send_packet(self, pkttype, *args, **keywords):
        if (self._auth_complete and self._kex_complete and pkttype > KEX_LAST
                and self._rekey_bytes_sent >= self._rekey_bytes):
            self._send_kexinit()
            self._kexinit_sent = True
        if not self._kex_complete and (pkttype > KEX_LAST or pkttype in QUEUED_BELOW):
            self._deferred_packets.append((pkttype, args))
        else:
            send(self, pkttype, *args, **keywords)

    connection.SSHConnection.send_packet = send_packet


if "not self._kex_complete" not in inspect.getsource(connection.SSHConnection.send_packet):
    put_queue_back()
