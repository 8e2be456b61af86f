#!/usr/bin/env python3
"""count-tests.py LOG: adds up the single tests in Meson's log: cmocka tests, corpus cases, command line tests; programs that count nothing are one each.
Prints "PASSED FAILED"."""
import re, sys

text = open(sys.argv[1], encoding='utf-8', errors='replace').read()
passed = failed = 0
for part in re.split(r'^=+ \d+/\d+ =+$', text, flags=re.M)[1:]:
    cmocka = re.findall(r'^\[  (PASSED|FAILED)  \] (\d+) test', part, re.M)
    corpus = re.findall(r'^(\d+) passed, (\d+) failed', part, re.M)
    unit = re.search(r'^Ran (\d+) tests? in', part, re.M)
    result = re.search(r'^result: +(.*)$', part, re.M)
    good = bool(result) and 'exit status 0' in result[1]
    before = failed
    for word, n in cmocka:
        passed += int(n) * (word == 'PASSED')
        failed += int(n) * (word == 'FAILED')
    for p, f in corpus:
        passed += int(p)
        failed += int(f)
    if unit:
        bad = re.search(r'^FAILED \((.*)\)', part, re.M)
        n = sum(int(x) for x in re.findall(r'(?:failures|errors)=(\d+)', bad[1])) if bad else 0
        passed += int(unit[1]) - n
        failed += n
    if not (cmocka or corpus or unit):
        passed += good
        failed += not good
    elif not good and failed == before:
        failed += 1
print(passed, failed)
