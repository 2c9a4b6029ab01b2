# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# "vm compile": the module alone, in the form that is released, for what it is not run on:
# other flavours of each kernel, and another compiler.  Every warning is an error.
#
# The cloud flavour is what "vm build" compiles with gcc.

COMPILE_FLAVOURS='generic rt'
COMPILE_COMPILERS='gcc clang'

# compile_list [SERIES]: lines "series flavour compiler"
compile_list() {
	local series flavour compiler

	for series in $(kernel_lines | awk '!/[ \t]source/ { print $1 }'); do
		[ -z "${1:-}" ] || [ "$1" = "$series" ] || continue
		for flavour in $COMPILE_FLAVOURS; do
			for compiler in $COMPILE_COMPILERS; do
				echo "$series $flavour $compiler"
			done
		done
	done
}

# compile_root SERIES: sets ROOT: the headers of all flavours, and clang
compile_root() {
	local suite extra setup inputs=("$VM_DIR/lib/root-kernel")

	suite=$(kernel_field "$1" 2)
	extra=$(kernel_field "$1" 3)
	base_root "$suite"
	CLANG=$CACHE/clang-$suite-$(echo "${BASE##*/} $(packages_for clang "$suite")" |
		hash_of "$VM_DIR/lib/root-packages")
	setup="sh /root-kernel headers $1 cloud $COMPILE_FLAVOURS"
	ROOT=$CACHE/compile-$1-$(echo "$suite $extra ${CLANG##*/} $setup" | hash_of "${inputs[@]}")
	obtain "compile-$1" "$ROOT" make_compile_root "$1" "$suite" "$extra" "$setup" "${inputs[@]}"
}

make_compile_root() {
	local series=$1 suite=$2 extra=$3 setup=$4

	shift 4
	need_tools mmdebstrap
	need_base_root "$suite" || return
	[ -e "$CLANG/.ready" ] || with_lock "clang-$suite" make_clang_root "$suite" || return
	touch -c "$CLANG"
	say "adding the headers of all flavours of $series (once)"
	forget_old "compile-$series-*"
	drop "$ROOT" "$ROOT.tmp"
	layer_root "$CLANG" "$suite" "$extra" "$ROOT.tmp" "$setup" "$@" || return
	touch "$ROOT.tmp/.ready"
	mv "$ROOT.tmp" "$ROOT"
}

make_clang_root() {
	[ ! -e "$CLANG/.ready" ] || return 0
	say "adding clang of $1 (once)"
	forget_old "clang-$1-*"
	drop "$CLANG" "$CLANG.tmp"
	layer_root "$BASE" "$1" - "$CLANG.tmp" \
		"sh /root-packages $(packages_for clang "$1" | tr '\n' ' ')" \
		"$VM_DIR/lib/root-packages" || return
	touch "$CLANG.tmp/.ready"
	mv "$CLANG.tmp" "$CLANG"
}

# compile SERIES FLAVOUR COMPILER
compile() {
	local out=$BUILD/compile/$1/$2-$3

	case " cloud $COMPILE_FLAVOURS / $COMPILE_COMPILERS " in
	*" $2 "*/*" $3 "*) ;;
	*) die "there are the flavours cloud $COMPILE_FLAVOURS, and the compilers $COMPILE_COMPILERS" ;;
	esac
	compile_root "$1"
	mkdir -p "$out"
	(
		flock 9
		renew "$out" "$ROOT"
		in_root "$ROOT" "$out" sh /mnt/top/tests/vm/lib/compile-module "$2" "$3"
	) 9>"$out/.lock" || {
		say "the module does not build: $1, $2, $3"
		exit 1
	}
}
