# SPDX-License-Identifier: ISC
"""Small TCP tools for the interop tests, on loopback only.

tcp.py inetd COMMAND...   runs COMMAND with each connection as its standard input and output
tcp.py echo               sends back what it gets
tcp.py send PORT          standard input to the port, what comes back to standard output
tcp.py freeport           prints a port that nobody listens on now
tcp.py listens PORT PID   waits until somebody listens there; fails if that process ends before, or after a minute

inetd and echo let the system pick the port and print it.
"""

import os
import random
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


def connect(port, seconds=60.0):
    """A forwarding may take a moment to listen: try again for a while."""
    end = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def send(port):
    """What cannot be sent shows in what comes back."""
    with connect(port) as conn:
        def writer():
            try:
                while data := os.read(0, 65536):
                    conn.sendall(data)
                conn.shutdown(socket.SHUT_WR)
            except OSError as e:
                os.write(2, f"sending: {e}\n".encode())

        threading.Thread(target=writer, daemon=True).start()
        shutil.copyfileobj(conn.makefile("rb"), sys.stdout.buffer)
    sys.stdout.flush()
    os._exit(0)  # the interpreter's own end could wait for what the thread holds


def bindable(port):
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def freeport():
    """Not of those that the system hands out: one of these may be another's in a moment."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
            low = int(f.read().split()[0])
    except (OSError, ValueError):
        low = 32768
    for _ in range(1000):
        port = random.randrange(10000, low) if low > 12000 else random.randrange(62000, 65536)
        if bindable(port):
            print(port)
            return
    sys.exit("no port is free")


def in_state_listen(port):
    """As the system's table has it, without a connection."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows[1:])


def listens(port, pid):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if in_state_listen(port):
                return
            os.kill(pid, 0)
        except ProcessLookupError:
            sys.exit(f"process {pid} has ended")
        except OSError:
            return  # no table, or another's process: whoever connects will see
        time.sleep(0.02)
    sys.exit(f"nobody listens on port {port}")


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
    elif name == "listens":
        listens(int(rest[0]), int(rest[1]))
    else:
        sys.exit(f"unknown command {name}")
