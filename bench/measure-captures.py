#!/usr/bin/env python3
"""measure-captures.py TELLTALE FOLDER: what make bench prints about captures. FOLDER holds the captures that run.sh made."""
import os, shutil, subprocess, sys, time


def run(command, times=3, folder='.'):
    """Best of some runs: seconds, processor seconds, peak memory in MiB (at least that of this script, whose child it is for a moment)."""
    best, busy, peak = None, None, 0
    for _ in range(times):
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
        seconds = time.monotonic() - start
        best = seconds if best is None else min(best, seconds)
        used = usage.ru_utime + usage.ru_stime
        busy = used if busy is None else min(busy, used)
        peak = max(peak, usage.ru_maxrss / 1024)
        if seconds > 20:
            break
    return best, busy, peak


def show(name, size, result, note=''):
    seconds, busy, peak = result
    print(f'{name:28}{seconds:9.2f}{busy:9.2f}{size / 1e6 / seconds:9.0f}{peak:10.1f}  {note}', flush=True)
    return seconds


def size_of(path):
    with open(path, 'rb') as f:
        while f.read(1 << 24): # into the page cache
            pass
    return os.path.getsize(path)


def main(telltale, folder):
    name = {n: os.path.abspath(os.path.join(folder, f'bench-{n}.pcap')) for n in ('10', '100', '1024', '4096', 'half-open', 'TLSv1_2', 'TLSv1_3')}
    size, slice_size = size_of(name['1024']), size_of(name['100'])
    scale = size / slice_size
    print(f'\n{size / 2**20:.0f} MiB capture of a mail server: some hundred connections at once, half of the bytes mail; page cache warm')
    print(f'{"":28}{"seconds":>9}{"cpu s":>9}{"MB/s":>9}{"peak MiB":>10}')
    ours = show('telltale read', size, run([telltale, 'read', name['1024']], 5))
    others = {'cat': show('cat', size, run(['cat', name['1024']]))}
    if shutil.which('tcpdump'):
        others['tcpdump -w /dev/null'] = show('tcpdump -w /dev/null', size, run(['tcpdump', '-r', name['1024'], '-w', '/dev/null']))
    if shutil.which('tcpflow'):
        flows = os.path.join(folder, 'bench-flows')
        os.makedirs(flows, exist_ok=True)
        result = run(['tcpflow', '-r', name['100']], 1, flows)
        shutil.rmtree(flows)
        others['tcpflow'] = scale * show('tcpflow', slice_size, result, '(100 MiB of it)')
    if shutil.which('tshark'):
        others['tshark -Y smtp'] = scale * show('tshark -Y smtp', slice_size, run(['tshark', '-r', name['100'], '-Y', 'smtp'], 1), '(100 MiB of it)')
    for other, seconds in others.items():
        ratio = ours / seconds
        print(f'  {other}: ' + (f'telltale takes {ratio:.1f} times as long' if ratio > 1 else f'telltale is {1 / ratio:.0f} times as fast'))
    print('  aims: within 4 of cat, within 3 of tcpdump, 10 times tcpflow, 100 times tshark; at most 64 MiB and 1 KiB for every open connection')
    print('\ntime by size')
    for n in ('10', '100', '1024', '4096'):
        show(f'{n} MiB', size_of(name[n]), run([telltale, 'read', name[n]]))
    result = run([telltale, 'read', name['half-open']], 1)
    show('1,000,000 half-open', size_of(name['half-open']), result, f'({(result[2] - 64) * 1024 / 1e6:.2f} KiB for each, aim: 1)')
    for version in ('TLSv1_2', 'TLSv1_3'):
        if os.path.exists(name[version]):
            show(f'AES-GCM, {version}', size_of(name[version]), run([telltale, 'read', '--keylog', name[version] + '.log', name[version]]), '(aim: 300 MB/s)')


main(os.path.abspath(sys.argv[1]), sys.argv[2])
