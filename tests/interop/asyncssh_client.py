# SPDX-License-Identifier: ISC
"""An AsyncSSH client for the interop tests; see paramiko_client.py for its use, and

asyncssh_client.py [options] PORT local|remote HOST:PORT:HOST:PORT    forwards until it is killed
"""

import argparse
import asyncio
import os
import sys

from asyncssh_peer import asyncssh


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--user", required=True)
    p.add_argument("--key")
    p.add_argument("--hostkey", required=True, help="public key file that the server must show")
    p.add_argument("--password")
    p.add_argument("--kbdint", action="store_true", help="answer questions with the password")
    p.add_argument("--pty", action="store_true")
    p.add_argument("--rekey", type=int, help="bytes after which to exchange keys again")
    p.add_argument("--compress", action="store_true", help="after authentication")
    p.add_argument("--algs", action="append", default=[], metavar="KIND=NAME",
                   help="only this: kex, encryption, mac, signature, server_host_key")
    p.add_argument("port", type=int)
    p.add_argument("what", choices=["exec", "sftp", "local", "remote"])
    p.add_argument("argument")
    return p.parse_args()


class Answers(asyncssh.SSHClient):
    password = None

    def kbdint_auth_requested(self):
        return ""

    def kbdint_challenge_received(self, name, instructions, lang, prompts):
        return [Answers.password] * len(prompts)


def settings(o):
    with open(o.hostkey) as f:
        known = f"[127.0.0.1]:{o.port} {f.read()}"
    s = {"username": o.user, "known_hosts": asyncssh.import_known_hosts(known), "config": None,
         "agent_path": None, "client_keys": None}
    if o.kbdint:
        Answers.password = o.password
        s.update(client_factory=Answers, preferred_auth="keyboard-interactive")
    elif o.password:
        s.update(password=o.password, preferred_auth="password")
    else:
        s.update(client_keys=[o.key], preferred_auth="publickey")
    if o.rekey:
        s.update(rekey_bytes=o.rekey)
    if o.compress:
        s.update(compression_algs=["zlib@openssh.com"])
    for kind, name in (a.split("=", 1) for a in o.algs):
        s[kind + "_algs"] = [name]
    return s


async def run(conn, o):
    p = await conn.create_process(o.argument, encoding=None, stdin=sys.stdin.buffer,
                                  stdout=os.fdopen(os.dup(1), "wb"),
                                  stderr=os.fdopen(os.dup(2), "wb"),
                                  term_type="xterm" if o.pty else None)
    await p.wait_closed()
    if p.exit_signal:
        print("signal", p.exit_signal[0], file=sys.stderr)
        return 255
    return p.exit_status


async def sftp(conn, o):
    with open(o.argument) as batch:
        lines = [line.split() for line in batch]
    async with conn.start_sftp_client() as s:
        for verb, a, b in lines:
            await (s.put(a, b) if verb == "put" else s.get(a, b))
    return 0


async def forward(conn, o):
    host, port, dest, dest_port = o.argument.split(":")
    start = conn.forward_local_port if o.what == "local" else conn.forward_remote_port
    await start(host, int(port), dest, int(dest_port))
    await asyncio.Event().wait()


async def main():
    o = options()
    work = {"exec": run, "sftp": sftp}.get(o.what, forward)
    async with asyncssh.connect("127.0.0.1", o.port, **settings(o)) as conn:
        return await work(conn, o)


# Not by the interpreter's own end: see paramiko_client.py
status = asyncio.run(main())
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
