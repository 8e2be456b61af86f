#!/usr/bin/env python3
"""seeds.py FOLDER: first inputs for the fuzz targets, made from samples and corpus: FOLDER/read, FOLDER/dialogue, FOLDER/sasl, and of
the captures: FOLDER/capture, FOLDER/tcp, FOLDER/tls."""
import glob, os, re, struct, sys


def segments(data):
    """(from server, flags, seq, ack, payload, ms) of the TCP segments over IPv4 in an Ethernet pcap of this machine's byte order."""
    at, out = 24, []
    if data[:4] != b'\xd4\xc3\xb2\xa1' or data[20] != 1:
        return out
    while at + 16 <= len(data):
        s, us, n, _ = struct.unpack('<IIII', data[at:at + 16])
        ip = data[at + 16 + 14:at + 16 + n]
        at += 16 + n
        if len(ip) < 40 or ip[0] >> 4 != 4 or ip[9] != 6:
            continue
        tcp = ip[(ip[0] & 15) * 4:struct.unpack('>H', ip[2:4])[0]]
        sport, dport, seq, ack, offset, flags = struct.unpack('>HHIIBB', tcp[:14])
        out.append((sport < dport, flags, seq, ack, tcp[(offset >> 4) * 4:], s * 1000 + us // 1000))
    return out


def tcp_seed(packets):
    """As fuzz-tcp.c reads them: eight bytes a packet."""
    base, last, out = {}, None, bytearray()
    for server, flags, seq, ack, payload, ms in packets:
        base.setdefault(server, seq)
        base.setdefault(not server, ack - 1 if ack else None)
        if base[not server] is None:
            base[not server] = ack - 1
        relative = (seq - base[server]) & 0xffff, (ack - (base[not server] or 0)) & 0xffff
        out += struct.pack('>BHHBbB', (flags & 0x1f) << 1 | server, *relative, min(255, (len(payload) + 15) >> 4), max(-128, min(127, (ms - (last or ms)) // 20)), 0)
        last = ms
    return bytes(out)


def tls_seed(packets):
    out = bytearray()
    for server, _, _, _, payload, _ in packets:
        if payload and (out or payload[0] in (0x16, 0x80)):
            out += struct.pack('>BH', server, len(payload)) + payload
    return bytes(out)


def captures(folder, top):
    for name in ('capture', 'tcp', 'tls'):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for path in sorted(glob.glob(os.path.join(top, 'tests', 'capture', 'captures', '**', '*.pcap*'), recursive=True)):
        if path.endswith('.json'):
            continue
        name, data = os.path.basename(path), open(path, 'rb').read()
        open(os.path.join(folder, 'capture', name), 'wb').write(data)
        packets = segments(data)
        for kind, seed in (('tcp', tcp_seed(packets)), ('tls', tls_seed(packets))):
            if seed:
                open(os.path.join(folder, kind, name), 'wb').write(seed)


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
    captures(folder, top)

main(sys.argv[1])
