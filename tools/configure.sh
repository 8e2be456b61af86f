#!/bin/sh
# configure.sh BUILDDIR [meson options]: sets the build folder up, again when a source or knowledge file came or went (Meson lists files, not folders).
set -eu
dir=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
list=$(sh tools/list.sh all)
stamp="$dir/.sources"
if [ ! -f "$dir/build.ninja" ]; then
	meson setup "$dir" "$@" >"${TMPDIR:-/tmp}/telltale-meson.$$" 2>&1 || { cat "${TMPDIR:-/tmp}/telltale-meson.$$"; exit 1; }
	rm -f "${TMPDIR:-/tmp}/telltale-meson.$$"
elif [ ! -f "$stamp" ] || [ "$list" != "$(cat "$stamp")" ]; then
	meson setup --reconfigure "$dir" "$@" >/dev/null
fi
printf '%s\n' "$list" >"$stamp"
