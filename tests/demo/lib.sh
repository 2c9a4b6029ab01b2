# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # the parts share variables
#
# What all parts of the demonstration need: its way to print, the first
# PostgreSQL, its load, and snapset's answers.

PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
RUN=/run/demo				# sockets, and what the side client notes
OUT=/share/out				# goes back to the host
FIRST=$RUN/first SECOND=$RUN/second	# the socket directories of the two servers
VOLUMES="wal space data"
export PGUSER=postgres PGDATABASE=bench

section() { printf '\n== %s\n\n' "$*"; }
line() { printf '   %s\n' "$*"; }
indent() { sed 's/^/     /'; }

# how long the parts take, for who changes them
stamp() { echo "$(cut -d ' ' -f 1 /proc/uptime) $*" >>"$OUT/log/stamps"; }

# the demonstration itself cannot go on: 2, for 1 says that a promise is broken
die() {
	printf '\nThe demonstration cannot go on: %s\n' "$*"
	exit 2
}

as_postgres() { runuser -u postgres -- "$@"; }

# ask SOCKET SQL: the bare answer
ask() { timeout 120 psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$1" -c "$2"; }

make_volume() { # NAME TYPE DISK
	"mkfs.$2" -q "$3" >"$OUT/log/mkfs" 2>&1 && mkdir -p "/srv/$1" && mount "$3" "/srv/$1" && return
	cat "$OUT/log/mkfs"
	die "no $2 on $3"
}

# PostgreSQL's own settings, but for its size: the tables are larger than its
# memory, as they use to be, and a checkpoint comes twice a minute or oftener, so
# that recovery is short.
start_first() {
	install -d -o postgres -g postgres /srv/data/pg /srv/wal/pg /srv/space/pg \
		"$RUN" "$FIRST" "$SECOND" "$OUT/log"
	stamp begin
	as_postgres initdb -D /srv/data/pg --waldir=/srv/wal/pg -A trust -k -N --locale=C -E UTF8 \
		>"$OUT/log/initdb" 2>&1 || die "initdb: $(tail -n 3 "$OUT/log/initdb")"
	cat >>/srv/data/pg/postgresql.conf <<-'EOF'
		listen_addresses = ''
		shared_buffers = 16MB
		min_wal_size = 32MB
		max_wal_size = 64MB
		checkpoint_timeout = 30s
	EOF
	as_postgres pg_ctl -D /srv/data/pg -l "$OUT/log/first" -w -t 120 -o "-k $FIRST" start >/dev/null ||
		die "PostgreSQL does not start: $(tail -n 3 "$OUT/log/first")"
}

# The accounts and their index are on the tablespace, all else in the data
# directory, so that each transaction of pgbench changes all three disks.
make_tables() {
	{
		PGDATABASE=postgres ask "$FIRST" "create tablespace space location '/srv/space/pg'" &&
			PGDATABASE=postgres ask "$FIRST" "create database bench" &&
			pgbench -q -i -s "$SCALE" --tablespace=space --index-tablespace=space -h "$FIRST" &&
			ask "$FIRST" "alter table pgbench_history set tablespace pg_default;
				alter table pgbench_tellers set tablespace pg_default;
				alter table pgbench_branches set tablespace pg_default;
				create table numbers (n bigint primary key);
				create extension amcheck; checkpoint"
	} >"$OUT/log/tables" 2>&1 || die "the tables: $(tail -n 3 "$OUT/log/tables")"
}

# The side client inserts 1, 2, 3, ... into a table, each when the one before is
# acknowledged, and notes what it sent and what it was told is safe.  What is
# safe it also writes on each disk, in the order of VOLUMES: at any instant they
# are equal, or the ones behind are one behind.
count_up() {
	local n=0 answer volume

	coproc psql -X -q -A -t -h "$FIRST"
	while :; do
		n=$((n + 1))
		echo "$n" >>"$RUN/sent"
		echo "insert into numbers values ($n) returning n;" >&"${COPROC[1]}"
		read -r answer <&"${COPROC[0]}" && [ "$answer" = "$n" ] || return
		echo "$n $EPOCHREALTIME" >>"$RUN/acknowledged"
		for volume in $VOLUMES; do
			echo "$n" >>"/srv/$volume/noted"
		done
	done
}

last() { tail -n 1 "$RUN/$1" | cut -d ' ' -f 1; }

start_load() {
	: >"$RUN/sent"
	: >"$RUN/acknowledged"
	pgbench -n -h "$FIRST" -c 4 -j 2 -T 3600 -P 1 >"$OUT/log/pgbench" 2>&1 &
	PGBENCH=$!
	count_up 2>"$OUT/log/side-client" &
	SIDE=$!
	sleep "$1"
	check_load
}

# one after the other: while an image is looked at, the load may rest
rest_load() { kill -STOP "$PGBENCH" "$SIDE"; }
wake_load() {
	kill -CONT "$PGBENCH" "$SIDE"
	sleep "$1"
	check_load
}

stop_load() {
	kill -KILL "$PGBENCH" "$SIDE"
	wait "$PGBENCH" "$SIDE"
} 2>/dev/null

check_load() {
	kill -0 "$PGBENCH" 2>/dev/null || die "pgbench ended: $(tail -n 3 "$OUT/log/pgbench")"
	kill -0 "$SIDE" 2>/dev/null || die "the side client ended: $(tail -n 3 "$OUT/log/side-client")"
}

# longest_wait FROM TO: between two of its acknowledgements, in milliseconds
longest_wait() {
	awk -v from="$1" -v to="$2" 'last && $2 > from && last < to && $2 - last > most { most = $2 - last }
		{ last = $2 } END { printf "%d", most * 1000 }' "$RUN/acknowledged"
}

# what pgbench said of the last N seconds
tps() { grep -a '^progress' "$OUT/log/pgbench" | tail -n "$1" |
	awk '{ n++; sum += $4 } END { printf "%d", n ? sum / n : 0 }'; }

checkpoints() { grep -a -c 'checkpoint complete' "$OUT/log/first"; }

# image_of SET VOLUME: the device of the image
image_of() {
	snapset show --json "$1" | tr -d '",' |
		awk -v v="$2" '$1 == "volume:" { here = $2 == v } $1 == "device:" && here { print $2 }'
}

# microseconds SET KEY
microseconds() {
	snapset show --json "$1" | sed -n "s/.*\"${2}_ns\": *\([0-9]*\).*/\1/p" | head -n 1 |
		awk '{ printf "%d", $1 / 1000 }'
}

# take LOG VOLUME...: one set; sets SET
take() {
	local log=$1

	shift
	snapset create "$@" >"$log" 2>&1 || {
		indent <"$log"
		die "snapset create $* gave no set"
	}
	SET=$(awk '$1 == "set" { print $2; exit }' "$log")
}
