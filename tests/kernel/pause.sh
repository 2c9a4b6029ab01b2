# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# pause SECONDS: sleeps, by the shell itself where that is safe, for to start a program takes
# an emulated processor long.  NEVER is a fifo to which nobody writes.
#
# Before bash 5.2 "read -t" is an alarm and a read().  An alarm that comes between the last
# look at it and the read() is lost, and the read() never returns: a machine that stands
# still there for the time of a pause is enough.  Long limits are no danger, pauses are.
if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 502)); then
	pause() {
		[ -p "$NEVER" ] || mkfifo "$NEVER" 2>/dev/null
		read -r -t "$1" <>"$NEVER" || :
	}
else
	pause() { sleep "$1"; }
fi
