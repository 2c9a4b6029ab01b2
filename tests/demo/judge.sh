# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # the parts share variables
#
# What a second PostgreSQL makes of three images.

IMG=$RUN/images
WRONG=()

right() { line "ok     $*"; }

# wrong SHORT [DETAIL]
wrong() {
	WRONG+=("$1")
	line "WRONG  $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | fold -s -w 86 | head -n 3 | sed 's/^/          /'
}

# said LOG PATTERN: what PostgreSQL wrote there, without the time and the process
said() { grep -a -E "$2" "$1" | sed 's/^.*\] //; s/^[^ ]*: error: //'; }

# mount_images DATA WAL SPACE: each image read-only, below a writable overlay in
# memory, for a PostgreSQL that recovers must write.  A freeze leaves the journals
# no work, so they are not replayed.
mount_images() {
	local name device options

	mkdir -p "$IMG"
	mount -t tmpfs -o size=60% tmpfs "$IMG"
	for name in data wal space; do
		device=$1
		shift
		options=ro,noload
		[ $name != wal ] || options=ro,norecovery,nouuid
		mkdir -p "$IMG/$name"/{image,upper,work,top}
		if ! mount -o $options "$device" "$IMG/$name/image" ||
			! mount -t overlay overlay "$IMG/$name/top" \
				-o "lowerdir=$IMG/$name/image,upperdir=$IMG/$name/upper,workdir=$IMG/$name/work"; then
			die "cannot mount the image $device of /srv/$name"
		fi
	done
	# of the server that still runs
	rm -f "$IMG/data/top/pg/postmaster.pid"
}

umount_images() {
	local name

	for name in data wal space; do
		umount "$IMG/$name/top" "$IMG/$name/image" || die "cannot unmount the image of /srv/$name"
	done
	umount "$IMG"
}

# same_sums SOCKET WHEN: pgbench adds one number to an account, a teller and a
# branch and writes it to the history, all in one transaction
same_sums() {
	local sums accounts tellers branches history count

	if ! sums=$(ask "$1" "select (select sum(abalance) from pgbench_accounts),
			(select sum(tbalance) from pgbench_tellers),
			(select sum(bbalance) from pgbench_branches),
			(select sum(delta) from pgbench_history),
			(select count(*) from pgbench_history)" 2>&1); then
		wrong "the sums cannot be read" "$sums"
		return
	fi
	IFS='|' read -r accounts tellers branches history count <<<"$sums"
	if [ "$accounts $tellers $branches" = "$history $history $history" ]; then
		right "${2:+$2 }the sums agree: accounts, tellers, branches and history $history; $count transactions"
	else
		wrong "the sums differ" "${2:+$2: }accounts $accounts, tellers $tellers, branches $branches, history $history"
	fi
}

# numbers_whole BEFORE AFTER: no number is missing that was acknowledged before
# the first image was asked for, none is there that was sent after the last one
# was done, and there is no gap
numbers_whole() {
	local found count most

	if ! found=$(ask "$SECOND" "select count(*), coalesce(max(n), 0) from numbers" 2>&1); then
		wrong "the side client's numbers cannot be read" "$found"
		return
	fi
	IFS='|' read -r count most <<<"$found"
	if [ "$count" != "$most" ]; then
		wrong "there are gaps in the side client's numbers" "$count of 1 to $most"
	elif [ "$most" -lt "$1" ]; then
		wrong "acknowledged transactions are lost" "$1 were acknowledged, $most are here"
	elif [ "$most" -gt "$2" ]; then
		wrong "transactions are here from after the snapshot" "$2 had been sent, $most are here"
	else
		right "nothing acknowledged is lost: $1 was acknowledged before, 1 to $most are here, $2 was sent by the end"
	fi
}

# same_notes: what the side client wrote on the three disks (see count_up)
same_notes() {
	local volume notes=() text=

	for volume in $VOLUMES; do
		notes+=("$(tail -n 1 "$IMG/$volume/image/noted")")
		text="$text$volume ${notes[-1]}, "
	done
	if ((notes[0] >= notes[1] && notes[1] >= notes[2] && notes[2] >= notes[0] - 1)); then
		right "the disks are of one instant, by the last notes on them: ${text%, }"
	else
		wrong "the disks are of different times" "the last notes on them: ${text%, }"
	fi
}

all_sound() { # SOCKET LOG
	if timeout 120 pg_amcheck --heapallindexed -h "$1" bench >"$2" 2>&1; then
		right "pg_amcheck: every table and index is sound"
	else
		wrong "pg_amcheck finds damage" "$(said "$2" 'ERROR|xmin|xmax|tuple' | sed 's/^ *//' | head -n 2)"
	fi
}

# The second server sees the images where the first one sees its disks, or the
# redo of "create tablespace" would lead it to a disk of the first.
start_second() { # LOG
	# shellcheck disable=SC2016 # for the shell in there
	unshare --mount sh -c 'for volume in data wal space; do
			mount --bind "$0/$volume/top" "/srv/$volume" || exit
		done
		exec runuser -u postgres -- "$@"' "$IMG" \
		pg_ctl -D /srv/data/pg -l "$1" -w -t 120 \
		-o "-k $SECOND -c fsync=off -c autovacuum=off" start >/dev/null 2>&1
}

# judge NAME BEFORE AFTER: starts PostgreSQL on the mounted images and asks it;
# what is wrong is in WRONG
judge() {
	local log=$OUT/log/$1 amcheck=$OUT/log/$1.amcheck work=$OUT/log/$1.work

	WRONG=()
	same_notes
	if ! start_second "$log"; then
		wrong "PostgreSQL does not start" "$(said "$log" 'PANIC|FATAL' | head -n 2)"
		return
	fi
	stamp "$1: starts"
	right "PostgreSQL starts$(sed -n 's/.*LOG: *redo done at .*elapsed: \([0-9.]*\) s.*/ and recovers, in \1 s/p' "$log")"
	same_sums "$SECOND" ""
	numbers_whole "$2" "$3"
	stamp "$1: sums"
	all_sound "$SECOND" "$amcheck"
	stamp "$1: amcheck"
	if timeout 60 pgbench -n -h "$SECOND" -c 4 -t 50 >"$work" 2>&1; then
		same_sums "$SECOND" "after 200 more"
	else
		wrong "it does not work on" "$(said "$work" ERROR | head -n 2)"
	fi
	as_postgres pg_ctl -D "$IMG/data/top/pg" -m immediate stop >/dev/null 2>&1
}

# judge_first: what became of the server whose disks were snapshot
judge_first() {
	WRONG=()
	same_sums "$FIRST" ""
	all_sound "$FIRST" "$OUT/log/first.amcheck"
}
