#!/bin/sh
# arrows.sh [ROOT]: reads every #include of our own headers and fails on one that the table in docs/ARCHITECTURE.md does not allow.
set -eu
cd "${1:-$(dirname "$0")/..}"
python3 - <<'EOF'
import os, re, sys

allowed = {}
for line in open('docs/ARCHITECTURE.md', encoding='utf-8'):
    row = re.match(r'\| (src/\w+|tools) \|([\w ]*)\|', line)
    if row:
        allowed[row[1]] = set(row[2].split())
if len(allowed) < 5:
    sys.exit('arrows: the table of folders in docs/ARCHITECTURE.md was not found')

bad = seen = 0
for top in ('src', 'tools'):
    for folder, _, files in os.walk(top):
        for name in files:
            if not name.endswith(('.c', '.h')):
                continue
            path = os.path.join(folder, name)
            own = 'tools' if top == 'tools' else '/'.join(path.split('/')[:2])
            for n, line in enumerate(open(path, encoding='utf-8'), 1):
                include = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                if not include:
                    continue
                target = include[1].split('/')[0]
                seen += 1
                if own not in allowed:
                    print(f'{path}:{n}: {own} is not in the table')
                elif f'src/{target}' != own and target not in allowed[own]:
                    print(f'{path}:{n}: {own} may not use {target}')
                else:
                    continue
                bad += 1
if seen < 50:
    sys.exit(f'arrows: only {seen} includes seen')
print(f'arrows: {seen} includes, {bad} not allowed')
sys.exit(bad > 0)
EOF
