#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""completion.py SHELL FILE ARGS: types lines at a shell that has loaded the completion FILE.

Reads tasks from standard input, each of two strings that end with a zero byte: what is typed
before a tab and enter, and the last word that the command must then be given. The shell writes
what it is given to ARGS."""

import os
import select
import sys
import time

shell, completion, args = sys.argv[1:]
# the completion itself asks for a list
RECORD = ("snapset() { [ \"$*\" != 'list --json' ] || { cat %(args)s.json; return; }; "
          "printf '%%s\\0' \"$@\" >%(args)s.new && mv %(args)s.new %(args)s; }\n")
START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "bind 'set bell-style none'; bind 'set completion-query-items 0'\n"
             "bind 'set enable-bracketed-paste off'\n"
             + RECORD +
             ". %(file)s\n"),
    "zsh": (["zsh", "-f", "-i"],
            "unsetopt beep; fpath=(%(dir)s $fpath); autoload -U compinit; compinit -u -D\n"
            + RECORD),
    "fish": (["fish", "--no-config", "-i"],
             "function fish_prompt; end; set -g fish_greeting\n"
             "function snapset; [ \"$argv\" = 'list --json' ]; and begin; cat %(args)s.json; return; end; printf '%%s\\0' $argv >%(args)s.new; and mv %(args)s.new %(args)s; end\n"
             "source %(file)s\n"),
}
PATIENCE = 300      # seconds; only tells a shell that is slow from one that hangs


def main():
    words = sys.stdin.buffer.read().split(b"\0")
    tasks = list(zip(words[:-1:2], words[1:-1:2]))
    command, setup = START[shell]
    pid, fd = os.forkpty()
    if pid == 0:
        os.environ.update(TERM="dumb", PS1="", HOME="/nonexistent", XDG_CONFIG_HOME="/nonexistent")
        os.execvp(command[0], command)
    said = b""

    def wait(what):
        nonlocal said
        end = time.monotonic() + PATIENCE
        while not os.path.exists(what):
            ready, _, _ = select.select([fd], [], [], 0.05)
            if ready:
                try:
                    said += os.read(fd, 65536)
                except OSError:
                    sys.exit("%s has ended: %r" % (shell, said[-2000:]))
            if time.monotonic() > end:
                sys.exit("%s does not go on: %r" % (shell, said[-2000:]))

    def type_in(line):
        nonlocal said
        said = b""
        while line:
            line = line[os.write(fd, line[:500]):]

    here = {"args": args, "file": completion, "dir": os.path.dirname(completion)}
    for line in (setup % here).splitlines():
        type_in(line.encode() + b"\r")
    type_in(b"echo >" + (args + ".up").encode() + b"\r")
    wait(args + ".up")
    wrong = 0
    for typed, want in tasks:
        if os.path.exists(args):
            os.remove(args)
        type_in(typed + b"\t\r")
        wait(args)
        with open(args, "rb") as f:
            got = f.read().split(b"\0")[:-1]
        last = got[-1] if got else b""
        if last not in (want, want + b"/"):
            print("%s: %r becomes %r, not %r" % (shell, typed, last, want))
            wrong += 1
    type_in(b"exit\r")
    os.close(fd)
    os.waitpid(pid, 0)
    sys.exit(1 if wrong else 0)


main()
