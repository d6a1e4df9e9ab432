# SPDX-License-Identifier: ISC
"""A Paramiko server for the interop tests: commands (with a terminal or without) and SFTP.

Listens on a loopback port that the system picks and prints it. Takes the key of --authorized; with
--password also that password, by the methods "password" and "keyboard-interactive" (two rounds).
"""

import argparse
import fcntl
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading

import paramiko


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--hostkey", required=True)
    p.add_argument("--authorized", required=True, help="public key file")
    p.add_argument("--password")
    p.add_argument("--rekey", type=int, help="bytes after which to exchange keys again")
    p.add_argument("--compress", action="store_true", help="after authentication")
    return p.parse_args()


class Files(paramiko.SFTPServerInterface):
    """The server's own files, as far as the tests need them."""

    def open(self, path, flags, attr):
        try:
            fd = os.open(path, flags, 0o600)
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno)
        h = paramiko.SFTPHandle(flags)
        f = os.fdopen(fd, "wb" if flags & os.O_WRONLY else "r+b" if flags & os.O_RDWR else "rb")
        h.readfile = h.writefile = f
        h.stat = lambda: paramiko.SFTPAttributes.from_stat(os.fstat(f.fileno()))
        h.chattr = lambda a: paramiko.SFTP_OK
        return h

    def stat(self, path):
        try:
            return paramiko.SFTPAttributes.from_stat(os.stat(path))
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno)

    lstat = stat

    def chattr(self, path, attr):
        return paramiko.SFTP_OK

    def list_folder(self, path):
        try:
            return [paramiko.SFTPAttributes.from_stat(e.stat(), e.name) for e in os.scandir(path)]
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno)


class Server(paramiko.ServerInterface):
    def __init__(self, o, transport):
        self.o, self.transport, self.pty, self.rounds = o, transport, None, 0
        with open(o.authorized) as f:
            self.key = f.read().split()[1]

    def get_allowed_auths(self, username):
        return "publickey,password,keyboard-interactive" if self.o.password else "publickey"

    def check_auth_publickey(self, username, key):
        ok = key.get_base64() == self.key
        return paramiko.AUTH_SUCCESSFUL if ok else paramiko.AUTH_FAILED

    def check_auth_password(self, username, password):
        ok = self.o.password and password == self.o.password
        return paramiko.AUTH_SUCCESSFUL if ok else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username, submethods):
        if not self.o.password:
            return paramiko.AUTH_FAILED
        return paramiko.InteractiveQuery("", "First round", ("Password: ", False))

    def check_auth_interactive_response(self, responses):
        self.rounds += 1
        if any(r != self.o.password for r in responses):
            return paramiko.AUTH_FAILED
        if self.rounds == 1:
            return paramiko.InteractiveQuery("", "", ("Again: ", False), ("And again: ", True))
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind, chanid):
        ok = kind == "session"
        return paramiko.OPEN_SUCCEEDED if ok else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_pty_request(self, channel, term, width, height, *rest):
        self.pty = pty.openpty()
        self.term = term.decode()
        fcntl.ioctl(self.pty[0], termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        return True

    def check_channel_env_request(self, channel, name, value):
        return False

    def check_channel_exec_request(self, channel, command):
        serve = self.run_pty if self.pty else self.run
        threading.Thread(target=serve, args=(channel, command), daemon=True).start()
        return True

    def run(self, channel, command):
        p = subprocess.Popen(["/bin/sh", "-c", command], bufsize=0, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        threading.Thread(target=feed, args=(channel, p), daemon=True).start()
        errors = threading.Thread(target=pump, args=(p.stderr, channel.sendall_stderr))
        errors.start()
        pump(p.stdout, channel.sendall)
        errors.join()
        finish(channel, p.wait())

    def run_pty(self, channel, command):
        master, slave = self.pty
        p = subprocess.Popen(["/bin/sh", "-c", command], stdin=slave, stdout=slave, stderr=slave,
                             start_new_session=True, env={**os.environ, "TERM": self.term})
        os.close(slave)
        status = p.wait()
        try:
            while data := os.read(master, 4096):
                channel.sendall(data)
        except OSError:
            pass  # a terminal that nobody holds any more reads as an error
        finish(channel, status)


def finish(channel, status):
    if status < 0:
        send_exit_signal(channel, signal.Signals(-status).name[3:])
    else:
        channel.send_exit_status(status)
    channel.close()


def send_exit_signal(channel, name):
    """RFC 4254 6.10; Paramiko has no call for it."""
    m = paramiko.Message()
    m.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
    m.add_int(channel.remote_chanid)
    m.add_string("exit-signal")
    m.add_boolean(False)
    m.add_string(name)
    m.add_boolean(False)
    m.add_string("")
    m.add_string("")
    channel.transport._send_user_message(m)


def feed(channel, p):
    try:
        while data := channel.recv(65536):
            p.stdin.write(data)
    except OSError:
        pass  # the command does not read to the end
    p.stdin.close()


def pump(source, sink):
    while data := source.read(65536):
        sink(data)


def serve(conn, o, hostkey):
    t = paramiko.Transport(conn)
    if o.rekey:
        t.packetizer.REKEY_BYTES = o.rekey
    t.banner_timeout = t.handshake_timeout = t.auth_timeout = 120  # seconds: the machine may be busy
    t.use_compression(o.compress)
    t.add_server_key(hostkey)
    t.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
    try:
        t.start_server(server=Server(o, t))
    except (paramiko.SSHException, EOFError) as e:
        print("connection refused:", e, file=sys.stderr)


def main():
    o = options()
    paramiko.util.log_to_file("/dev/stderr", "WARNING")
    hostkey = paramiko.Ed25519Key.from_private_key_file(o.hostkey)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn, o, hostkey), daemon=True).start()


main()
