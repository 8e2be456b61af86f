#!/usr/bin/env bash
# check.sh: everything that must hold before a change is taken: builds with gcc and clang (warnings are errors), all tests, the tests again under ASan and
# UBSan, fuzz targets for a moment, static analysis, manual pages, shell scripts. Ends with one line "N passed, N failed" and a status that tells.
# CHECK_SKIP="clang sanitize fuzz analyse" leaves steps out.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0 failed=0 started=$SECONDS
bad=()
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# step NAME COMMAND...: one check; its output only when it fails.
step() {
	local name=$1 t=$SECONDS
	shift
	case " ${CHECK_SKIP:-} " in *" ${name%%-*} "*) return ;; esac
	if "$@" >"$work/out" 2>&1; then
		passed=$((passed + 1))
		printf 'ok    %-22s %4d s\n' "$name" $((SECONDS - t))
	else
		failed=$((failed + 1))
		bad+=("$name")
		printf 'FAIL  %-22s %4d s\n' "$name" $((SECONDS - t))
		tail -n 60 "$work/out" | sed 's/^/      /'
		return 1
	fi
}

# tests DIR: runs its tests and counts what is in them: cmocka tests, corpus cases, command line tests.
tests() {
	local dir=$1 log=$1/meson-logs/testlog.txt status=0
	shift
	meson test -C "$dir" --no-rebuild --print-errorlogs "$@" || status=1
	python3 tools/count-tests.py "$log" >"$work/count" || status=1
	return $status
}

build() {
	local dir=$1 cc=$2
	shift 2
	CC=$cc sh tools/configure.sh "$dir" "$@" && ninja -C "$dir"
}

counted() {
	[ -s "$work/count" ] || return
	read -r p f <"$work/count"
	passed=$((passed + p))
	failed=$((failed + f))
	printf '      %d passed, %d failed\n' "$p" "$f"
	rm -f "$work/count"
}

manual() {
	local out
	out=$(for page in build/man/*.[15]; do mandoc -T lint -W warning "$page"; done | grep -v 'skipping paragraph macro')
	[ -z "$out" ] || { echo "$out"; return 1; }
	[ "$(ls build/man/*.[15] | wc -l)" -ge 3 ]
}

scripts() {
	local f
	for f in tools/*.sh tests/*.sh .ci/run; do sh -n "$f" || bash -n "$f" || return 1; done
	for f in tests/fuzz/*.sh bench/*.sh completion/telltale.bash; do bash -n "$f" || return 1; done
}

analyse() {
	# Of cppcheck: errors, warnings, and what costs time; style is a matter of review. Names are gettext's and the tables' own.
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem \
		--suppress=nullPointerOutOfMemory --suppress=nullPointerOutOfResources --suppress=internalAstError -j2 -Isrc -D__GNUC__=12 src tools/kcompile.c
}

functions() {
	# No function over 80 lines.
	local long
	long=$(git ls-files 'src/*.c' 'tools/*.c' 'tests/*.c' | xargs awk 'FNR==1{s=0} /^\{/{s=FNR} /^\}/{if(s&&FNR-s>80)print FILENAME":"s" ("FNR-s" lines)"; s=0}')
	[ -z "$long" ] || { echo "$long"; return 1; }
}

catalogues() {
	local po
	for po in po/*.po; do msgfmt --check --output-file=/dev/null "$po" 2>&1 | grep -v 'header field' && return 1; done
	return 0
}

if step build build build gcc; then
	step tests tests build
	counted
	step manual manual
	step readme python3 tools/readme.py build/telltale
fi
step scripts scripts
step functions functions
step catalogues catalogues
step clang build build-clang clang -Dbuildtype=debugoptimized
if step sanitize-build build build-asan gcc -Db_sanitize=address,undefined -Db_lundef=false; then
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	step sanitize-tests tests build-asan --timeout-multiplier 5
	counted
	unset ASAN_OPTIONS UBSAN_OPTIONS
fi
step fuzz bash tests/fuzz/run.sh "${FUZZTIME:-20}"
step analyse analyse
[ ${#bad[@]} -eq 0 ] || printf 'failed steps: %s\n' "${bad[*]}"
printf 'took %d s\n' $((SECONDS - started))
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
