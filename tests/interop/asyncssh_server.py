# SPDX-License-Identifier: ISC
"""An AsyncSSH server for the interop tests: commands, terminals, SFTP, forwarding.

Listens on a loopback port that the system picks and prints it. Takes the key of --authorized; with
--password also that password, by the methods "password" and "keyboard-interactive" (two rounds).
"""

import argparse
import asyncio
import signal
import sys

from asyncssh_peer import asyncssh


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--hostkey", required=True)
    p.add_argument("--authorized", required=True, help="public key file")
    p.add_argument("--password")
    p.add_argument("--rekey", type=int, help="bytes after which to exchange keys again")
    p.add_argument("--compress", action="store_true", help="after authentication")
    p.add_argument("--algs", action="append", default=[], metavar="KIND=NAME",
                   help="only this: kex, encryption, mac, signature, server_host_key")
    return p.parse_args()


class Server(asyncssh.SSHServer):
    password = None

    def __init__(self):
        self.rounds = 0

    def password_auth_supported(self):
        return self.password is not None

    def validate_password(self, username, password):
        return password == self.password

    def kbdint_auth_supported(self):
        return self.password is not None

    def get_kbdint_challenge(self, username, lang, submethods):
        return "", "First round", "", [("Password: ", False)]

    def validate_kbdint_response(self, username, responses):
        self.rounds += 1
        if any(r != self.password for r in responses):
            return False
        if self.rounds == 1:
            return "", "", "", [("Again: ", False), ("And again: ", True)]
        return True

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True

    def server_requested(self, listen_host, listen_port):
        return True


# process.redirect() would end the channel at the first of the two outputs that ends.
async def drain(source, sink):
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()


async def feed(source, sink):
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass  # the command does not read to the end
    sink.close()


async def handle(process):
    """A command in the system's shell; with a terminal it runs under script(1), which has one."""
    command = process.command or "true"
    if process.term_type:
        columns, rows, _, _ = process.term_size
        command = f"stty rows {rows} cols {columns}; TERM={process.term_type}; {command}"
        argv = ["script", "-qec", command, "/dev/null"]
    else:
        argv = ["/bin/sh", "-c", command]
    child = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    feeding = asyncio.ensure_future(feed(process.stdin, child.stdin))
    await asyncio.gather(drain(child.stdout, process.stdout), drain(child.stderr, process.stderr))
    status = await child.wait()
    feeding.cancel()
    if status < 0:
        process.exit_with_signal(signal.Signals(-status).name[3:])
    else:
        process.exit(status)


async def main():
    o = options()
    Server.password = o.password
    extra = {"rekey_bytes": o.rekey} if o.rekey else {}
    for kind, name in (a.split("=", 1) for a in o.algs):
        extra[kind + "_algs"] = [name]
    extra["compression_algs"] = ["zlib@openssh.com"] if o.compress else ["none"]
    server = await asyncssh.create_server(
        Server, "127.0.0.1", 0, server_host_keys=[o.hostkey], authorized_client_keys=o.authorized,
        process_factory=handle, sftp_factory=True, encoding=None, **extra)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(0)
