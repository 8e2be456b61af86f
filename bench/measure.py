#!/usr/bin/env python3
"""measure.py TELLTALE LOG: the table that make bench prints."""
import os, shutil, subprocess, sys, time

OUTPUT = 'build/bench.out'

def run(command):
    """Best of two runs: seconds, peak memory of the process in MiB."""
    best, peak = None, 0
    for _ in range(2):
        start = time.monotonic()
        # Not /dev/null: grep stops at the first match when nobody reads.
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
        _, _, usage = os.wait4(pid, 0)
        seconds = time.monotonic() - start
        best = seconds if best is None else min(best, seconds)
        peak = max(peak, usage.ru_maxrss / 1024)
        if seconds > 60:
            break
    return best, peak

def main(telltale, log):
    size = os.path.getsize(log) / 2**20
    rows = [('cat', ['cat', log]), ('grep -c status=', ['grep', '-c', 'status=', log]), ('telltale read', [telltale, 'read', log]),
            ('telltale read --json', [telltale, 'read', '--json', log]), ('telltale read --jsonl', [telltale, 'read', '--jsonl', log])]
    if shutil.which('pflogsumm'):
        rows.append(('pflogsumm', ['pflogsumm', log]))
    took = {}
    print(f'{size:.0f} MiB Postfix log, page cache warm\n{"":24}{"seconds":>9}{"MB/s":>9}{"peak MiB":>10}')
    for name, command in rows:
        took[name], peak = run(command)
        print(f'{name:24}{took[name]:9.2f}{size * 1.048576 / took[name]:9.0f}{peak:10.1f}', flush=True)
    reading = took['telltale read']
    print(f'\ntelltale read takes {reading / took["cat"]:.1f} times as long as cat, {reading / took["grep -c status="]:.1f} times as long as grep -c', end='')
    print(f', and is {took["pflogsumm"] / reading:.1f} times as fast as pflogsumm' if 'pflogsumm' in took else '')
    print(f'aim: at least 200 MB/s in at most 64 MiB')
    if 'explain' in subprocess.run([telltale, '--help'], capture_output=True, text=True).stdout:
        times = []
        for _ in range(20):
            start = time.monotonic()
            subprocess.run([telltale, 'explain', '550'], stdout=subprocess.DEVNULL)
            times.append(time.monotonic() - start)
        print(f'telltale explain 550: {1000 * sorted(times)[10]:.1f} ms (median of 20; aim: under 20 ms)')

main(sys.argv[1], sys.argv[2])
