#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The example in C of README.md.
#	readme-c.sh README.md
set -eu
code=$(awk '/^## / { here = /^## From C/ } here && /^    / { print substr($0, 5) } here && /^$/ { print }' "$1")
case $code in
*'int main('*) printf '%s\n' "$code" ;;
*) echo "there is no example in $1" >&2; exit 1 ;;
esac
