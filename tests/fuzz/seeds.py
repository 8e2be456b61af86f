#!/usr/bin/env python3
"""seeds.py FOLDER: first inputs for the fuzz targets, made from samples and corpus: FOLDER/read, FOLDER/dialogue, FOLDER/sasl."""
import glob, os, re, sys

def main(folder):
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
    inputs = [open(p, 'rb').read() for p in glob.glob(os.path.join(top, 'samples', '*.*'))]
    for path in glob.glob(os.path.join(top, 'tests', 'corpus', '*.cases')):
        cases = re.split(rb'^=== .*\n', open(path, 'rb').read(), flags=re.M)[1:]
        inputs += [re.sub(rb'^(?:expect|never|form|mention|file|known-miss):.*\n', b'', case, flags=re.M) for case in cases]
    for name in ('read', 'dialogue', 'sasl'):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for i, data in enumerate(inputs):
        open(os.path.join(folder, 'read', f'{i:05}'), 'wb').write(data)
        pieces = bytearray([i % 5 | (0x80 if i % 2 else 0)])
        for line in data.splitlines()[:60]:
            server = re.match(rb'(?:[SC]: )?(?:\d{3}[ -]|\* |\+|-ERR)', line)
            line = line[:126] + b'\r\n'
            pieces += bytes([(0x80 if server else 0) | len(line) - 1]) + line
        open(os.path.join(folder, 'dialogue', f'{i:05}'), 'wb').write(bytes(pieces))
    for i, text in enumerate((b'PLAIN\n\nAHUAcA==\n', b'LOGIN\nVXNlcm5hbWU6\ndQ==\nUGFzc3dvcmQ6\ncA==\n', b'CRAM-MD5\nPDFAbXg+\ndSAxMjM=\n',
                              b'XOAUTH2\n\ndXNlcj11AWF1dGg9QmVhcmVyIHRvawEB\n', b'NTLM\n\nTlRMTVNTUAABAAAAB4IIAAAAAAAAAAAAAAAAAAAAAAA=\n')):
        open(os.path.join(folder, 'sasl', str(i)), 'wb').write(text)

main(sys.argv[1])
