# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # lib.sh has the rest
#
# json of lib.sh by one Python for the whole test: to start one takes an emulated processor
# a quarter of a second, to ask it two milliseconds.

need python3
# -I and -S: it needs neither the environment nor packages
coproc JSON { exec python3 -IS "$TESTS/tool/json.py"; }
on_exit kill "$JSON_PID"
# the shell takes its own ones from a $(json ...)
exec {json_ask}>&"${JSON[1]}" {json_answer}<&"${JSON[0]}"

# json FILE EXPRESSION: a Python expression about the document d; of what is no document,
# but lines that are, a list
json() {
	local answer

	printf '%s\0%s\0' "$1" "$2" >&"$json_ask"
	IFS= read -r -d '' -u "$json_answer" answer || answer="there is no Python"
	printf '%s\n' "$answer"
}

# holds FILE EXPRESSION...: each of them is true
holds() {
	local file=$1 answer

	shift
	while [ $# -gt 0 ]; do
		answer=$(json "$file" "$1")
		[ "$answer" = true ] || fail "not $1: $answer: $(cat "$file")"
		shift
	done
}
