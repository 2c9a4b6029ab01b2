#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# While a set is made that takes its time, a terminal says what it waits for, in one line that
# is gone afterwards; and where there is no terminal nothing is said.
#
# about: tool
# vm: --smp 1 --mem 1G --disk 64M
. "$(dirname "$0")/../lib.sh"

load
need python3
on_exit rm -rf --one-file-system /m
hanging b "$SCRATCH0"
name=/m/$'long-\u00fc-'$(printf '%060d' 0)
mounted ext4 /dev/mapper/b "$name"
on_exit snapset delete --all --force
on_exit dmsetup resume b-below

# the command on a terminal that is 60 wide; what it writes there is in tty
cat >on-tty.py <<'P'
import os, sys
pid, fd = os.forkpty()
if pid == 0:
    os.execvp("sh", ["sh", "-c", "stty cols 60; exec \"$@\""] + sys.argv)
with open("tty", "wb", 0) as f:
    while True:
        try:
            said = os.read(fd, 65536)
        except OSError:
            said = b""
        if not said:
            break
        f.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
P

# hold COMMAND...: it is in the making, and stays so until 'let_go b'
hold() {
	echo $RANDOM >"$name/dirty"
	hang b
	"$@" >out 2>err &
	PID=$!
	on_exit kill -KILL $PID
	wait_for 60 making || fail "it is not being made: $(cat out err)"
}
making() { snapraw list | grep -q ' state [12] '; }
told() { [ "$(grep -ao $'\rsnapset: [a-z]*, [0-9]* s' tty | uniq | wc -l)" -ge 2 ]; }

TERM=linux hold python3 on-tty.py snapset create --store memory "$name"
wait_for 60 told || fail "it does not say what it waits for: $(cat -v tty)"
let_go b
wait $PID || fail "exit $?: $(cat -v tty)"
python3 - <<'P' || fail "$(cat -v tty)"
told, rest = open("tty", "rb").read().decode().rsplit("\r\x1b[K", 1)
lines = told.split("\r")
assert lines[0] == "", lines
for line in lines[1:]:
    assert line.startswith("snapset: ") and line.endswith("\x1b[K"), line
    assert len(line) <= 59 + 3, line
assert any(", waits for /m/long-ü-0" in line for line in lines), lines
assert rest.startswith("set    "), rest
P
must snapset delete --all

TERM=dumb hold python3 on-tty.py snapset create --store memory "$name"
pause 1
let_go b
wait $PID || fail "exit $?: $(cat -v tty)"
! grep -q $'\e' tty || fail "on a terminal that can do nothing: $(cat -v tty)"
must snapset delete --all
hold snapset create --store memory "$name"
pause 1
let_go b
wait $PID || fail "exit $?: $(cat err)"
[ ! -s err ] || fail "without a terminal it says $(cat -v err)"
must snapset delete --all
finish
