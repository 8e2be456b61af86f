#!/usr/bin/env python3
"""hostile.py KIND COUNT >FILE: captures that want to cost memory and time; the same bytes every time.

  syns       COUNT half-open connections, one SYN each
  overlap    one connection, COUNT segments behind a gap that overlap with one another
  greeted    COUNT connections that were greeted and then forgotten
  records    one TLS connection that claims the longest records and messages, COUNT segments
  fragments  COUNT first fragments of packets that are never completed
"""
import struct, sys

CLIENT, SERVER = 0x0a000001, 0xc0000219


class Writer:
    def __init__(self, out):
        self.out, self.us = out, 1700000000 * 1000000
        out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))

    def ip(self, source, target, protocol, payload, ident=0, fragment=0):
        header = struct.pack('>BBHHHBBHII', 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0, source, target)
        n = len(header) + len(payload)
        self.us += 3
        self.out.write(struct.pack('<IIII', self.us // 1000000, self.us % 1000000, n, n) + header + payload)

    def tcp(self, source, target, sport, dport, seq, ack, flags, payload=b''):
        self.ip(source, target, 6, struct.pack('>HHIIBBHHH', sport, dport, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 64000, 0, 0) + payload)

    def shake(self, client, port, server_port=25):
        self.tcp(client, SERVER, port, server_port, 0, 0, 2)
        self.tcp(SERVER, client, server_port, port, 0, 1, 18)
        self.tcp(client, SERVER, port, server_port, 1, 1, 16)


def client(i):
    return CLIENT + i // 50000, 1024 + i % 50000


def syns(w, count):
    for i in range(count):
        address, port = client(i)
        w.tcp(address, SERVER, port, 25, i * 7, 0, 2)


def greeted(w, count):
    for i in range(count):
        address, port = client(i)
        w.shake(address, port)
        w.tcp(SERVER, address, 25, port, 1, 1, 24, b'220 mx.example.test ESMTP\r\n')


def overlap(w, count):
    w.shake(CLIENT, 40000)
    for i in range(count):
        seq = 4000000 - 3 * i if i % 2 else 100 + i
        w.tcp(SERVER, CLIENT, 25, 40000, seq, 1, 16, bytes([i % 251]) * (1 + i * 13 % 1400))


def records(w, count):
    w.shake(CLIENT, 40000, 465)
    seq, chunk = 1, b'\x16\x03\x01\x48\x00\x01\xff\xff\xff' + b'\x00' * 1391
    for _ in range(count):
        w.tcp(CLIENT, SERVER, 40000, 465, seq, 1, 16, chunk)
        seq += len(chunk)


def fragments(w, count):
    for i in range(count):
        w.ip(CLIENT + i // 65536, SERVER, 6, bytes(1400), i % 65536, 0x2000)


def main(kind, count):
    w = Writer(sys.stdout.buffer)
    {'syns': syns, 'overlap': overlap, 'greeted': greeted, 'records': records, 'fragments': fragments}[kind](w, int(count))


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
