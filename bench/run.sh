#!/usr/bin/env bash
# run.sh TELLTALE [MEBIBYTES]: first logs: reads a large Postfix log with telltale and, in the same run, with cat, grep and pflogsumm; prints times, speeds, ratios and
# peak memory; then how long a cold `explain` takes. Then captures, likewise. Measures only: never fails because something is slow.
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

# Captures: see bench/make-capture.c and bench/make-tls.py.
sh tools/deps.sh tshark tcpflow tcpdump || echo "(tshark, tcpflow or tcpdump could not be installed)"
maker=build/make-capture
[ "$maker" -nt bench/make-capture.c ] || "${CC:-cc}" -O2 -o "$maker" bench/make-capture.c
for n in 10 100 1024 4096; do
	[ build/bench-$n.pcap -nt bench/make-capture.c ] || "$maker" build/bench-$n.pcap "$n"
done
[ build/bench-half-open.pcap -nt bench/make-capture.c ] || "$maker" build/bench-half-open.pcap 0 half-open 1000000
for v in TLSv1_2 TLSv1_3; do
	[ build/bench-$v.pcap -nt bench/make-tls.py ] || python3 bench/make-tls.py build/bench-$v.pcap 256 $v
done
python3 bench/measure-captures.py "$telltale" build
