#!/bin/sh
# list.sh WHAT: the files that the build collects by folder, sorted, one a line: src, forms, rules, knowledge, tests, cases, samples, cli, capture, e2e, man, all.
set -eu
cd "$(dirname "$0")/.."
files() { LC_ALL=C find "$@" -type f | LC_ALL=C sort; }
case $1 in
src) files src -name '*.c' ! -path 'src/cli/main.c' ;;
forms) files src/evidence/forms -name '*.c' | sed 's,.*/,,; s,\.c$,,' ;;
rules) files src/diagnose/rules -name '*.c' | sed 's,.*/,,; s,\.c$,,' ;;
knowledge) files knowledge -name '*.yaml' ;;
tests) files tests/unit -name 'test-*.c' ;;
cases) files tests/corpus -name '*.cases' ;;
samples) files samples ! -name EXPECTED ;;
cli) files tests/cli -name 'test_*.py' ;;
capture) files tests/capture -name 'test_*.py' ;;
e2e) files tests/e2e -name 'test_*.py' ;;
man) files man -name '*.scd' ;;
all) for w in src knowledge tests cases samples cli capture e2e man; do sh tools/list.sh $w; done ;;
*) echo "list.sh: unknown list $1" >&2; exit 2 ;;
esac
