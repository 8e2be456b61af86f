#!/usr/bin/env bash
# run.sh TELLTALE [MEBIBYTES]: reads a large Postfix log with telltale and, in the same run, with cat, grep and pflogsumm; prints times, speeds, ratios and
# peak memory; then how long a cold `explain` takes. Measures only: never fails because something is slow.
set -euo pipefail
cd "$(dirname "$0")/.."
telltale=${1:-build/telltale}
size=${2:-1024}
log=build/bench-$size.log
sh tools/deps.sh pflogsumm || echo "(pflogsumm could not be installed)"
if [ ! -f "$log" ]; then
	echo "making $log"
	python3 bench/make-log.py "$log.part" "$size"
	mv "$log.part" "$log"
fi
cat "$log" >/dev/null # into the page cache
python3 bench/measure.py "$telltale" "$log"
