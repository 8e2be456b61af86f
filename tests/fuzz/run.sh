#!/usr/bin/env bash
# run.sh [SECONDS]: every fuzz target (or those that FUZZTARGETS names) for so many seconds (default 60) with clang, libFuzzer, ASan and UBSan. What it finds stays in build-fuzz/found.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
dir=build-fuzz
CC=clang sh tools/configure.sh $dir -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized
ninja -C $dir tests/fuzz-read tests/fuzz-dialogue tests/fuzz-sasl tests/fuzz-capture tests/fuzz-tcp tests/fuzz-tls | tail -n 1
python3 tests/fuzz/seeds.py $dir/seeds
mkdir -p $dir/found
status=0
for target in ${FUZZTARGETS:-read dialogue sasl capture tcp tls}; do
	mkdir -p $dir/corpus/$target
	echo "fuzz-$target, $seconds s"
	# An input that takes 10 s or 1 GiB is a finding too.
	$dir/tests/fuzz-$target -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix=$dir/found/$target- $dir/corpus/$target $dir/seeds/$target 2>$dir/found/$target.log || { tail -n 40 $dir/found/$target.log; status=1; }
	grep -E 'number_of_executed_units' $dir/found/$target.log || true
done
exit $status
