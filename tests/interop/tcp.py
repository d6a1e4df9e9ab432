# SPDX-License-Identifier: ISC
"""Small TCP tools for the interop tests, on loopback only.

tcp.py inetd COMMAND...   runs COMMAND with each connection as its standard input and output
tcp.py echo               sends back what it gets
tcp.py send PORT          standard input to the port, what comes back to standard output
tcp.py freeport           prints a port that nobody listens on now

inetd and echo let the system pick the port and print it.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time


def listen(serve):
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


def inetd(command):
    def serve(conn):
        with conn:
            child = subprocess.Popen(command, stdin=conn, stdout=conn)
        child.wait()

    listen(serve)


def echo():
    def serve(conn):
        with conn:
            while data := conn.recv(65536):
                conn.sendall(data)

    listen(serve)


def connect(port, seconds=10.0):
    """A forwarding may take a moment to listen: try again for a while."""
    end = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=30)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def send(port):
    with connect(port) as conn:
        def writer():
            try:
                while data := os.read(0, 65536):
                    conn.sendall(data)
                conn.shutdown(socket.SHUT_WR)
            except OSError as e:
                print("sending:", e, file=sys.stderr)

        threading.Thread(target=writer, daemon=True).start()
        shutil.copyfileobj(conn.makefile("rb"), sys.stdout.buffer)


def freeport():
    with socket.create_server(("127.0.0.1", 0)) as s:
        print(s.getsockname()[1])


if __name__ == "__main__":
    name, rest = sys.argv[1], sys.argv[2:]
    if name == "inetd":
        inetd(rest)
    elif name == "echo":
        echo()
    elif name == "send":
        send(int(rest[0]))
    elif name == "freeport":
        freeport()
    else:
        sys.exit(f"unknown command {name}")
