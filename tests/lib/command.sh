#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The command's line: what is refused, with which exit code and which words.
#	command.sh path-of-snapset
set -u
snapset=$1
out=$(mktemp)
trap 'rm -f "$out"' EXIT
failed=0

# expect CODE WORDS ARGUMENTS...: it says these words, or with "" nothing
expect() {
	code=$1 words=$2
	shift 2
	"$snapset" "$@" > "$out" 2>&1
	have=$?
	if [ $have -ne "$code" ]; then
		echo "snapset $*: exit code $have, not $code:"
		cat "$out"
		failed=1
	elif [ -z "$words" ] && [ -s "$out" ]; then
		echo "snapset $*: should say nothing, but says:"
		cat "$out"
		failed=1
	elif [ -n "$words" ] && ! grep -qF -- "$words" "$out"; then
		echo "snapset $*: does not say \"$words\" but:"
		cat "$out"
		failed=1
	fi
}

expect 0 'Usage: snapset create' --help
expect 0 'snapset 0.' --version
expect 2 'a command is missing'
expect 2 'no command "nonsense"' nonsense
expect 2 'needs a volume' create
expect 2 'needs a volume' create --json
expect 2 'not valid' create --hold-timeout 0 /srv
expect 2 'not valid' create --budget lots /srv
expect 2 'not valid' create --wait never /srv
expect 2 'not valid' create --retry-delay 0 /srv
expect 2 'not valid' create --store memory:0 /srv
expect 2 'not valid' create --store shared: /srv
expect 2 'not valid' create --full never /srv
expect 2 'not valid' create --full set:1 /srv
expect 2 'not valid' create --quota 0 /srv
expect 2 'wrong option' show --exclusive 12345678
expect 2 'wrong option' create --nonsense /srv
expect 2 'need --transactions' create --window 1000 /srv
expect 2 'not valid' create --transaction-timeout 0 --transactions / /srv
expect 2 'contradict' create --keep --auto-release /srv
expect 2 'needs a command' create /srv --exec
expect 125 'needs a volume' create --exec true
expect 125 'not valid' create --quota 0 /srv --exec true
expect 2 'wrong option' create --nonsense /srv -- --exec true
expect 2 'one volume at most' list /a /b
expect 2 'there is no column "nonsense", only id, set, ' list -o set,nonsense
expect 2 'there is no column "", only id, set, ' list --output +age,
expect 2 'there is no column "+age", only id, set, ' list --sort +age
expect 2 'not for --json' list --json --sort age
expect 2 'one id' show
expect 2 'either' delete
expect 2 'either' delete --all --set 1234
expect 2 'either' delete --dry-run
expect 2 'either' delete --oldest 1234
expect 2 'either' delete --all --volume /srv
expect 2 'either' delete --set 1234 --older-than 1d
for age in 0 0s '' d -1 1y 1mi '1 d' 1dd 4294967296 7102w 99999999999999999999s; do
	expect 2 "\"$age\" is no age" delete --older-than "$age"
done
expect 2 'no argument' watch /srv
expect 2 'takes an id' mount
expect 2 'takes an id' mount 1234 /a /b
expect 2 'needs an id' umount
expect 2 'wrong option' umount --lazy 1234
expect 0 'Usage: snapset storage add' storage --help
for cmd in create list show delete mount umount storage monitor watch doctor; do
	expect 0 "Usage: snapset $cmd" $cmd --help
	expect 0 "Usage: snapset $cmd" $cmd -h
done
expect 2 'wrong option' doctor --wrong
expect 2 'knows only add' storage
expect 2 'knows only add' storage shrink 12345678 /
expect 2 'a set and a directory' storage extend 12345678
expect 2 'nor one with a size' storage extend 12345678 /:lots
expect 2 'wrong option' storage extend --all 12345678 /
expect 2 'wrong option' storage extend --force 12345678 /
expect 2 'wrong option' storage list --maximum 1M
expect 2 'needs a volume and a directory' storage add /srv
expect 2 'needs a volume and a directory' storage add /bin /dev /etc /lib
expect 2 'not valid' storage add --minimum unbounded /srv /
expect 2 'not valid' storage add --minimum 0 /srv /
expect 2 'not valid' storage add --maximum 101% /srv /
expect 2 'not valid' storage add --maximum % /srv /
expect 2 'not valid' storage resize --maximum -1 /srv
expect 2 'minimum or a maximum' storage resize /srv
expect 2 'needs a volume' storage resize --maximum 1M
expect 2 'needs a volume' storage remove --force
expect 2 'takes no argument' storage list /srv
expect 2 'takes no argument' monitor --now

# What is set up is so without the module, too.
SNAPSET_CONF_DIR=$(mktemp -d)
export SNAPSET_CONF_DIR
trap 'rm -rf "$out" "$SNAPSET_CONF_DIR"' EXIT
if ! grep -q '^snapset ' /proc/modules 2>/dev/null; then
	# to add one makes a store for a trial, which needs a file system that can hold it
	echo '* /usr 1M 50%' >"$SNAPSET_CONF_DIR/storage.conf"
	expect 2 'already (SNAP_E_OBJECT_ALREADY_EXISTS' storage add '*' /usr
	expect 0 'all others in /usr' storage list
	expect 0 '"minimum": 1048576' storage list --json
	expect 0 '' storage resize --maximum unbounded '*'
	expect 0 'minimum 1.0 MiB, maximum unbounded' storage list
	expect 0 '' storage remove '*'
	expect 3 'SNAP_E_OBJECT_NOT_FOUND' storage remove '*'
	echo 'this is wrong' > "$SNAPSET_CONF_DIR/storage.conf"
	expect 2 "storage.conf:1: " storage list
fi

# Without the module every command says so; with it this is another test's job.
if ! grep -q '^snapset ' /proc/modules 2>/dev/null; then
	for cmd in 'create /' 'create --json /' 'create --store shared:1234 /' \
			'create --full wait:5 --quota 1M /' list 'list --json' \
			'list --exclusive -n -o +why --sort -kept' \
			'show 12345678' 'delete --all' \
			'delete --older-than 7101w --oldest' \
			'delete --volume / --older-than 4294967295' watch \
			'storage extend 12345678 /'; do
		# shellcheck disable=SC2086
		expect 11 'modprobe snapset (SNAP_E_PROVIDER_NOT_REGISTERED 0x80042304)' $cmd
	done
	expect 125 'SNAP_E_PROVIDER_NOT_REGISTERED' create --json / --exec true
fi
exit $failed
