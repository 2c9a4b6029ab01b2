# SPDX-License-Identifier: GPL-2.0-only
"""A command that runs beside others: its output in a file or line by line, its limit, and
what it took of the processors."""

import os
import select
import signal
import subprocess
import time

HERTZ = os.sysconf("SC_CLK_TCK")
alive = set()       # what an interrupt must end


class Late(Exception):
    """The limit was over."""


class Command:
    """@log: a file that gets all output; without one, line() reads it."""

    def __init__(self, words, log=None, env=None):
        self.begun = time.monotonic()
        self.rest, self.status, self.cpu = b"", None, 0
        output = subprocess.PIPE if log is None else open(log, "wb")
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE if log is None else subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, env=dict(os.environ, **(env or {})), start_new_session=True)
        if log is not None:
            output.close()
        alive.add(self)

    def say(self, text):
        """A line to its standard input; if it has gone, line() will tell."""
        try:
            self.process.stdin.write(text.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def line(self, limit):
        """The next line, None at the end of all; Late after @limit seconds."""
        end = time.monotonic() + limit
        fd = self.process.stdout.fileno()
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise Late
            got = os.read(fd, 65536)
            if not got:
                last, self.rest = self.rest, b""
                return last.decode(errors="replace") or None
            self.rest += got
        first, self.rest = self.rest.split(b"\n", 1)
        return first.decode(errors="replace").rstrip("\r")

    def end(self, limit):
        """Waits for it; sets status, seconds and cpu.  Late: it was killed."""
        late = False
        self.hush()
        if self.status is None:
            try:
                self._wait(limit)
            except Late:
                late = True
                self.kill()
        if self.process.stdout:
            self.process.stdout.close()
        self.seconds = time.monotonic() - self.begun
        if late:
            raise Late
        return self.status

    def hush(self):
        """It is told nothing more."""
        if self.process.stdin:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass

    def _wait(self, limit):
        """By pidfd rather than by Popen.wait(), which says nothing of processor time."""
        fd = os.pidfd_open(self.process.pid)
        try:
            if not select.select([fd], [], [], limit)[0]:
                raise Late
        finally:
            os.close(fd)
        _, status, used = os.wait4(self.process.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self.status = self.process.returncode = code
        self.cpu = used.ru_utime + used.ru_stime
        alive.discard(self)

    def kill(self):
        """Asks it to end, which a VM does in seconds, and then does not ask."""
        for sign, patience in ((signal.SIGTERM, 30), (signal.SIGKILL, 30)):
            try:
                os.killpg(self.process.pid, sign)
                self._wait(patience)
                return
            except Late:
                continue
            except ProcessLookupError:
                break
        self.status = -signal.SIGKILL
        alive.discard(self)

    def cpu_now(self):
        """Seconds of processor that it and what it has started have used so far."""
        parents, used = {}, {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % pid, encoding="ascii", errors="replace") as f:
                    words = f.read().rsplit(")", 1)[1].split()
            except (OSError, IndexError):
                continue
            parents[int(pid)] = int(words[1])
            used[int(pid)] = sum(map(int, words[11:15]))
        total = 0
        for pid in used:
            ancestor = pid
            while ancestor and ancestor != self.process.pid:
                ancestor = parents.get(ancestor, 0)
            if ancestor:
                total += used[pid]
        return total / HERTZ


def end_all():
    """When the run is interrupted."""
    for command in list(alive):
        try:
            os.killpg(command.process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
