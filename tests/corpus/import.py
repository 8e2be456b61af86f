#!/usr/bin/env python3
"""import.py FOLDER >given.cases: the case folders (evidence.txt, case.json) as one file of cases; evidence that a line of text
cannot hold goes to files/. Only the expected ids are taken over."""
import json, os, re, sys

def main(folder):
    here = os.path.dirname(os.path.abspath(__file__))
    print('# Made by tests/corpus/import.py from cases given to the project. Change the cases there, not here.')
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name, 'case.json')
        if not os.path.exists(path):
            continue
        case = json.load(open(path, encoding='utf-8'))
        evidence = open(os.path.join(folder, name, 'evidence.txt'), 'rb').read()
        print('===', name)
        print('expect:', ','.join([case['cause'], *case.get('accept', [])]))
        try:
            text = evidence.decode('utf-8')
        except UnicodeDecodeError:
            text = None
        if text is None or re.search(r'[\x00\r]', text) or (text and not text.endswith('\n') and text.strip() == ''):
            os.makedirs(os.path.join(here, 'files'), exist_ok=True)
            open(os.path.join(here, 'files', name + '.txt'), 'wb').write(evidence)
            print('file:', name + '.txt')
            continue
        for line in text.splitlines():
            if re.match(r'\\?(===|expect:)', line):
                line = '\\' + line
            print(line)

main(sys.argv[1])
