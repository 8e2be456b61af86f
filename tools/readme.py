#!/usr/bin/env python3
"""readme.py TELLTALE [--update]: runs the commands shown in README.md ("$ telltale …" in fenced blocks) and compares what they print with what stands
there; with --update writes it there."""
import difflib, os, re, subprocess, sys

def main(telltale, update):
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
    path = os.path.dirname(os.path.abspath(telltale)) + ':' + os.environ['PATH']
    environment = {**os.environ, 'PATH': path, 'LC_ALL': 'C.UTF-8', 'LANGUAGE': ''}
    text = open('README.md', encoding='utf-8').read()

    def block(match):
        commands = re.findall(r'^\$ (telltale .*)$', match[1], re.M)
        if not commands:
            return match[0]
        shown = []
        for command in commands:
            out = subprocess.run(['sh', '-c', command], capture_output=True, text=True, env=environment, timeout=60).stdout
            shown.append(f'$ {command}\n{out.rstrip()}\n')
        return '```\n' + '\n'.join(shown) + '```'

    fresh = re.sub(r'```\n(.*?)```', block, text, flags=re.S)
    if update:
        open('README.md', 'w', encoding='utf-8').write(fresh)
    elif fresh != text:
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), fresh.splitlines(True), 'README.md', 'what the program prints'))
        print('run: python3 tools/readme.py build/telltale --update')
        return 1
    return 0

sys.exit(main(sys.argv[1], '--update' in sys.argv))
