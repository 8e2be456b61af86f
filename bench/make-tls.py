#!/usr/bin/env python3
"""make-tls.py FILE MEBIBYTES VERSION: a capture of one SMTPS session that carries a message of that size, and its key log (FILE.log). VERSION: TLSv1_2, TLSv1_3.
Both sides talk through memory; AES-GCM in either version."""
import os, ssl, struct, subprocess, sys, tempfile

MSS = 1448


class Wire:
    def __init__(self, file):
        self.file, self.seq, self.time = file, [1, 1], 1700000000 * 10**6
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))

    def packet(self, side, flags, data=b''):
        ports = (40000, 465) if side == 0 else (465, 40000)
        hosts = (b'\xc0\x00\x02\x07', b'\xc0\x00\x02\x19')
        tcp = struct.pack('>HHIIBBHHH', *ports, self.seq[side] & 0xffffffff, self.seq[1 - side] & 0xffffffff, 5 << 4, flags, 65535, 0, 0)
        total = 40 + len(data)
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, total, 0, 0x4000, 64, 6, 0, hosts[side], hosts[1 - side])
        self.time += 10
        self.file.write(struct.pack('<IIII', self.time // 10**6, self.time % 10**6, total, total) + ip + tcp + data)
        self.seq[side] += len(data) + (flags & 3 != 0)

    def bytes(self, side, data):
        for at in range(0, len(data), MSS):
            self.packet(side, 24, data[at:at + MSS])


class End:
    def __init__(self, context, server):
        self.input, self.output = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.input, self.output, server_side=server)


def contexts(version, log):
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, n) for n in ('cert', 'key')]
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', names[1], '-out', names[0],
                        '-days', '2', '-subj', '/CN=mx.example.net'], check=True, capture_output=True)
        server.load_cert_chain(*names)
    client.check_hostname, client.verify_mode, client.keylog_filename = False, ssl.CERT_NONE, log
    server.minimum_version = server.maximum_version = getattr(ssl.TLSVersion, version)
    server.set_ciphers('ECDHE+AESGCM')
    return client, server


def main(path, mebibytes, version):
    log = path + '.log'
    if os.path.exists(log):
        os.unlink(log)
    with open(path, 'wb') as file:
        wire = Wire(file)
        client, server = contexts(version, log)
        ends = [End(client, False), End(server, True)]
        wire.packet(0, 2)
        wire.packet(1, 18)
        wire.packet(0, 16)

        def move():
            for side in (0, 1):
                data = ends[side].output.read()
                wire.bytes(side, data)
                ends[1 - side].input.write(data)

        done = [False, False]
        while not all(done):
            for side in (0, 1):
                try:
                    ends[side].tls.do_handshake()
                    done[side] = True
                except ssl.SSLWantReadError:
                    pass
                move()

        def say(side, text):
            ends[side].tls.write(text)
            move()
            while text:
                text = text[len(ends[1 - side].tls.read(1 << 20)):]

        say(1, b'220 mx.example.net ESMTP\r\n')
        for command, answer in ((b'EHLO a.example', b'250 mx'), (b'MAIL FROM:<a@a.example>', b'250 ok'), (b'RCPT TO:<b@b.example>', b'250 ok'), (b'DATA', b'354 go')):
            say(0, command + b'\r\n')
            say(1, answer + b'\r\n')
        say(0, b'Subject: x\r\n\r\n')
        block = (b'a' * 70 + b'\r\n') * 14563
        for _ in range(mebibytes):
            say(0, block)
        say(0, b'.\r\n')
        say(1, b'250 queued\r\n')
        say(0, b'QUIT\r\n')
        say(1, b'221 bye\r\n')
        wire.packet(1, 17)
        wire.packet(0, 17)


main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
