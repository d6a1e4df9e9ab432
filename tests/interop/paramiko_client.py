# SPDX-License-Identifier: ISC
"""A Paramiko client for the interop tests.

paramiko_client.py [options] PORT exec COMMAND     as ssh does: streams connected, exits with the status
paramiko_client.py [options] PORT sftp BATCHFILE   lines "put LOCAL REMOTE" and "get REMOTE LOCAL"
"""

import argparse
import os
import shutil
import sys
import threading

import paramiko


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
    p.add_argument("port", type=int)
    p.add_argument("what", choices=["exec", "sftp"])
    p.add_argument("argument")
    return p.parse_args()


def connect(o):
    t = paramiko.Transport(("127.0.0.1", o.port))
    if o.rekey:
        t.packetizer.REKEY_BYTES = o.rekey
    t.use_compression(o.compress)
    t.banner_timeout = t.handshake_timeout = t.auth_timeout = 120  # seconds: the machine may be busy
    t.start_client(timeout=120)
    if o.compress and t.remote_compression != "zlib@openssh.com":
        sys.exit("no compression")
    with open(o.hostkey) as f:
        if t.get_remote_server_key().get_base64() != f.read().split()[1]:
            sys.exit("the server shows another host key")
    if o.kbdint:
        t.auth_interactive(o.user, lambda title, text, prompts: [o.password] * len(prompts))
    elif o.password:
        t.auth_password(o.user, o.password, fallback=False)
    else:
        t.auth_publickey(o.user, paramiko.Ed25519Key.from_private_key_file(o.key))
    return t


def run(t, o):
    c = t.open_session()
    if o.pty:
        c.get_pty("xterm", 80, 24)
    c.exec_command(o.argument)

    def feed():
        try:
            while data := os.read(0, 32768):
                c.sendall(data)
            c.shutdown_write()
        except OSError:
            pass  # the command has ended, as its status says

    def drain_errors():
        shutil.copyfileobj(c.makefile_stderr("rb"), sys.stderr.buffer)

    threading.Thread(target=feed, daemon=True).start()
    errors = threading.Thread(target=drain_errors)
    errors.start()
    shutil.copyfileobj(c.makefile("rb"), sys.stdout.buffer)
    errors.join()
    sys.stdout.buffer.flush()
    status = c.recv_exit_status()
    return 255 if status < 0 else status


def sftp(t, o):
    s = paramiko.SFTPClient.from_transport(t)
    with open(o.argument) as batch:
        for line in batch:
            verb, a, b = line.split()
            s.put(a, b) if verb == "put" else s.get(a, b)
    s.close()
    return 0


def main():
    o = options()
    t = connect(o)
    try:
        return run(t, o) if o.what == "exec" else sftp(t, o)
    finally:
        t.close()


# Not by the interpreter's own end: that takes the locks of the streams, and the thread that feeds, which
# still waits for input when the command ends first, may be stopped while it holds one.
status = main()
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
