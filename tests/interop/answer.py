# SPDX-License-Identifier: ISC
"""answer.py TEXT COMMAND...: types TEXT and Return on COMMAND's terminal at each question.

The terminal is a new one and COMMAND's controlling terminal, so that a password prompt finds it by
/dev/tty; standard input, output and error stay what they are. A question is output that ends with ":",
"?" or ": ". Exits as COMMAND does (255 if a signal ended it).
"""

import os
import pty
import select
import sys


def main():
    text, command = sys.argv[1], sys.argv[2:]
    master, slave = pty.openpty()
    pid = os.fork()
    if pid == 0:
        os.close(master)
        os.setsid()
        os.close(os.open(os.ttyname(slave), os.O_RDWR))  # becomes the controlling terminal
        os.close(slave)
        os.execvp(command[0], command)
    seen = b""
    while True:
        ready, _, _ = select.select([master], [], [], 0.05)
        if ready:
            seen += os.read(master, 4096)
            if seen.rstrip().endswith((b":", b"?")):
                os.write(master, text.encode() + b"\n")
                seen = b""
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            sys.exit(255 if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status))


main()
