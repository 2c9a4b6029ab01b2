#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The completions of bash, zsh and fish: what a tab makes of the beginning of a name is that
# name, when the line is executed, whatever it is made of; and no part of it is executed.
#
# about: tool
# long: 7
# kernels: 6.1 7
# vm: --smp 1 --mem 1G
. "$(dirname "$0")/../lib.sh"

need python3 zsh fish
# installed, or in the tree
declare -A FILES
completion() { # SHELL PLACE NAME
	local dir

	for dir in "$TESTS/../../tools/completion" /usr/share/$2 /usr/local/share/$2; do
		[ ! -e "$dir/$3" ] || { FILES[$1]=$dir/$3; return; }
	done
	fail "there is no $3"
}
completion bash bash-completion/completions snapset
completion zsh zsh/site-functions _snapset
completion fish fish/vendor_completions.d snapset.fish
# names that somebody may have made
# shellcheck disable=SC2016 # none is to expand
names=(
	'0plain'
	'1$(touch pwned)'
	'2`touch pwned`'
	'3 blank and  more'
	'4*?[a-z]'
	'5;touch pwned;'
	'6"quo'\''te\back'
	'7&|<>(){}!#~'
	'8$HOME'
	$'9tab\there'
	$'a\001bell'
	$'bnew\nline$(touch pwned)'
	'c-ünïcode'
)
mkdir m
for name in "${names[@]}"; do
	must mkdir "m/$name"
	# as a file system on a disk would be in the list
	must mount -t tmpfs /dev/none "m/$name"
	on_exit umount "$PWD/m/$name"
done

# what "snapset list --json" says
cat >args.json <<-'EOF'
	[
	  {
	    "id": "1111aaaa-0000-4000-8000-000000000001",
	    "set_id": "2222bbbb-0000-4000-8000-000000000002",
	    "state": "created"
	  }
	]
EOF

# begun BEGINNING: for each name, of what its first letter becomes
begun() {
	local name

	for name in "${names[@]}"; do
		case $SHELL_NAME$name in
		fish*[$'\n\t']*) continue ;;	# a line is a candidate there, a tab ends it
		esac
		printf '%s\0%s\0' "$1$PWD/m/${name:0:1}" "$PWD/m/$name"
	done
}
for SHELL_NAME in bash zsh fish; do
	{
		begun 'snapset create --keep '
		begun 'snapset storage add '
		printf '%s\0%s\0' 'snapset cr' create 'snapset create --sto' --store \
			'snapset create --store mem' memory 'snapset create --full old' oldest \
			'snapset show 11' 1111aaaa-0000-4000-8000-000000000001 \
			'snapset show 22' 2222bbbb-0000-4000-8000-000000000002 \
			'snapset delete 11' 1111aaaa-0000-4000-8000-000000000001 \
			'snapset delete --set 22' 2222bbbb-0000-4000-8000-000000000002 \
			'snapset create --store shared:22' shared:2222bbbb-0000-4000-8000-000000000002 \
			'snapset list -o ag' age 'snapset list --output +allo' +allocated \
			'snapset list -o set,wh' set,why 'snapset list --sort ke' kept \
			'snapset storage res' resize 'snapset delete --a' --all \
			'snapset create /x --exec snaps' snapset
	} >tasks
	python3 "$TESTS/tool/completion.py" $SHELL_NAME "${FILES[$SHELL_NAME]}" "$PWD/args" <tasks >out 2>&1 || fail "$(cat out)"
	[ -z "$(find / -xdev -name pwned 2>/dev/null)" ] || fail "$SHELL_NAME: a name was executed"
done

# each knows each option
for option in $(snapset --help | grep -o -- '--[a-z-]*' | sort -u); do
	for SHELL_NAME in bash zsh; do
		grep -q -- "$option\b" "${FILES[$SHELL_NAME]}" || fail "$SHELL_NAME does not know $option"
	done
	grep -Eq -- "(-l |for option in .*\b)${option#--}\b" "${FILES[fish]}" ||
		fail "fish does not know $option"
done
exit 0
