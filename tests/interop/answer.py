# SPDX-License-Identifier: ISC
"""A terminal with somebody at it.

answer.py TEXT COMMAND...   types TEXT and Return at each question. Standard input, output and error of
                            COMMAND stay what they are: a password prompt finds the terminal by /dev/tty.
answer.py -t COMMAND...     the three are the terminal, of 37 lines and 91 columns; standard input is
                            typed, what COMMAND writes comes to standard output.

The terminal is a new one and COMMAND's controlling terminal. A question is output that ends with ":" or
"?". Exits as COMMAND does (255 if a signal ended it).
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios


def start(command, slave, all_three):
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(os.open(os.ttyname(slave), os.O_RDWR))  # becomes the controlling terminal
        if all_three:
            for fd in 0, 1, 2:
                os.dup2(slave, fd)
        os.closerange(3, 64)
        os.execvp(command[0], command)
    return pid


def show(master, end):
    """What is there to read; "" at the end, which a terminal reads as an error."""
    ready, _, _ = select.select([master], [], [], 0 if end else 0.05)
    try:
        return os.read(master, 65536) if ready else b""
    except OSError:
        return b""


def main():
    on_terminal = sys.argv[1] == "-t"
    text, command = sys.argv[1].encode(), sys.argv[2:]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 37, 91, 0, 0))
    pid = start(command, slave, on_terminal)
    seen, typed, done = b"", not on_terminal, 0
    while not done:
        done, status = os.waitpid(pid, os.WNOHANG)
        while data := show(master, done):
            seen += data
            if on_terminal:
                sys.stdout.buffer.write(data)
        if not on_terminal and seen.rstrip().endswith((b":", b"?")):
            os.write(master, text + b"\n")
            seen = b""
        elif not typed and seen:  # wait for a prompt: what is typed before it may be thrown away
            os.write(master, sys.stdin.buffer.read())
            typed = True
    sys.stdout.flush()
    sys.exit(255 if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status))


main()
