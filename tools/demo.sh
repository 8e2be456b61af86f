#!/bin/sh
# demo.sh TELLTALE: diagnoses the samples and shows the verdicts, one of them in full.
set -eu
cd "$(dirname "$0")/.."
telltale=${1:-build/telltale}
wrong=0
while read -r name cause; do
	case $name in '' | '#'*) continue ;; esac
	printf '\n$ telltale read samples/%s\n' "$name"
	"$telltale" read "samples/$name" | sed -n '1,/^$/{/./p}'
	"$telltale" read --json "samples/$name" | grep -q "\"cause\": \"$cause\"" || [ "$cause" = no-fault ] || { echo "expected $cause" >&2; wrong=1; }
done <samples/EXPECTED
printf '\n%s\n\n$ telltale read samples/konica-underscore.txt\n' "The first of them in full:"
"$telltale" read samples/konica-underscore.txt || [ $? = 1 ]
exit $wrong
