#!/usr/bin/env python3
"""Captures that want to cost memory and time stay inside the budget of DESIGN: 64 MiB and 1 KiB per live connection. $TELLTALE is the binary."""
import os, subprocess, sys, tempfile, unittest

from talk import HERE, TELLTALE

SANITIZED = os.environ.get('TELLTALE_SANITIZED') == '1'
BASE = 64 << 20
PROGRAM = 24 << 20  # the program itself, its tables and libraries

# Kind, count, live connections, bytes for each, seconds.
CASES = (
    ('syns', 200000, 200000, 1 << 10, 20),
    ('greeted', 20000, 20000, 8 << 10, 20),
    ('overlap', 100000, 1, 0, 10),
    ('records', 50000, 1, 0, 10),
    ('fragments', 100000, 0, 0, 10),
)


class Hostile(unittest.TestCase):
    def test_budget(self):
        for kind, count, live, each, seconds in CASES:
            with self.subTest(kind), tempfile.NamedTemporaryFile(suffix='.pcap') as f:
                subprocess.run([sys.executable, os.path.join(HERE, 'hostile.py'), kind, str(count)], stdout=f, check=True)
                p = subprocess.Popen([TELLTALE, 'read', '--jsonl', f.name], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                _, status, usage = os.wait4(p.pid, 0)
                p.returncode = os.waitstatus_to_exitcode(status)
                p.stderr.close()
                self.assertIn(p.returncode, (0, 1))
                if SANITIZED:
                    continue
                self.assertLess(usage.ru_utime + usage.ru_stime, seconds)
                self.assertLess(usage.ru_maxrss << 10, BASE + PROGRAM + live * each)


if __name__ == '__main__':
    unittest.main()
