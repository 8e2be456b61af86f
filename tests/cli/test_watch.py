#!/usr/bin/env python3
"""telltale watch on the loopback interface, with small servers and clients on high ports. Skipped where nobody may capture. $TELLTALE is the binary."""
import json, os, re, resource, select, shutil, signal, socket, ssl, subprocess, sys, threading, time, unittest

from test_cli import Case, SANITIZED, TELLTALE, run

ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ('LANGUAGE', 'LANG', 'LC_ALL', 'LC_MESSAGES', 'NO_COLOR', 'TELLTALE_KNOWLEDGE', 'SUDO_UID', 'SUDO_GID')}
# The leak checker wants to look into a process that has become somebody else.
ENVIRONMENT['ASAN_OPTIONS'] = ENVIRONMENT.get('ASAN_OPTIONS', '') + ':detect_leaks=0'


def can_capture():
    return subprocess.run([TELLTALE, 'watch', 'lo', '--duration', '1', '--filter', 'port 1'], capture_output=True, env=ENVIRONMENT).returncode == 0


class Server:
    """Speaks as much SMTP as the tests need. greeting=None: accepts and says nothing."""
    def __init__(self, greeting=b'220 mx.example.net ESMTP Exim 4.96', context=None, extension=b'STARTTLS'):
        self.socket = socket.create_server(('127.0.0.1', 0), backlog=1000)
        self.port = self.socket.getsockname()[1]
        self.greeting, self.context, self.extension = greeting, context, extension
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            self.talk(connection)
        except OSError:
            pass

    def talk(self, connection):
        with connection:
            if self.greeting is None:
                connection.recv(100)
                return
            connection.sendall(self.greeting + b'\r\n')
            lines = connection.makefile('rb')
            while line := lines.readline():
                verb = line[:4].upper()
                if verb == b'EHLO':
                    answer = b'501 Syntactically invalid EHLO argument(s)' if b'_' in line else b'250-mx.example.net\r\n250 ' + self.extension
                elif verb == b'RCPT' and b'nobody' in line:
                    answer = b'550 Unrouteable address'
                elif verb == b'STAR':
                    connection.sendall(b'220 go ahead\r\n')
                    return self.talk_inside(connection)
                else:
                    answer = {b'DATA': b'354 go', b'QUIT': b'221 bye'}.get(verb, b'250 OK')
                connection.sendall(answer + b'\r\n')
                if verb == b'DATA':
                    while lines.readline() not in (b'.\r\n', b''):
                        pass
                    connection.sendall(b'250 OK id=1\r\n')
                if verb == b'QUIT':
                    return

    def talk_inside(self, connection):
        with self.context.wrap_socket(connection, server_side=True) as inside:
            lines = inside.makefile('rb')
            while line := lines.readline():
                inside.sendall(b'550 Unrouteable address\r\n' if line[:4] == b'RCPT' else b'250 mx.example.net\r\n')

    def close(self):
        self.socket.close()


def send(port, name='a.example', to='x@x.example', context=None):
    """A client that gives up at the first refusal."""
    with socket.create_connection(('127.0.0.1', port)) as connection:
        def say(text):
            connection.sendall(text.encode() + b'\r\n')
            return answer()

        def answer():
            line = lines.readline()
            while line[3:4] == b'-':
                line = lines.readline()
            return line[:1] in b'23'
        lines = connection.makefile('rb')
        answer()
        if say('EHLO ' + name):
            if context:
                say('STARTTLS')
                with context.wrap_socket(connection) as inside:
                    for command in ('EHLO ' + name, 'MAIL FROM:<a@a.example>', f'RCPT TO:<{to}>', 'QUIT'):
                        inside.sendall(command.encode() + b'\r\n')
                        inside.recv(1000)
                return
            if say('MAIL FROM:<a@a.example>') and say(f'RCPT TO:<{to}>') and say('DATA'):
                say('Subject: x\r\n\r\nhello\r\n.')
        say('QUIT')


class Watching:
    """telltale watch in the background."""
    def __init__(self, port, *args, env={}, interface='lo'):
        ports = ' or '.join(f'port {p}' for p in ([port] if isinstance(port, int) else port))
        self.process = subprocess.Popen([TELLTALE, 'watch', interface, '--filter', ports, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**ENVIRONMENT, **env})
        self.out = b''
        time.sleep(1.5 if SANITIZED else 0.6)

    def line(self, word, seconds=20):
        """Waits until a line with that word was printed."""
        end = time.monotonic() + seconds
        while word.encode() not in self.out and time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                piece = os.read(self.process.stdout.fileno(), 65536)
                self.out += piece
                if not piece:
                    break
        return word.encode() in self.out

    def end(self, number=signal.SIGINT):
        if number:
            self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=60)
        return self.process.returncode, (self.out + out).decode(), errors.decode()


class Usage(Case):
    def test_wrong_use_is_one_clear_line(self):
        for args, words in (
            ([], 'name an interface'), (['lo', 'eth0'], 'one interface'), (['lo', '--ring-size', '1M'], '--write'), (['lo', '-w', 'x', '--ring-files', '3'], '--ring-size'),
            (['lo', '--count', 'many'], '--count'), (['lo', '--count', '0'], '--count'), (['lo', '--duration', '5y'], '--duration'), (['lo', '--ring-size', '-1'], '--ring-size'),
            (['lo', '--durtion', '5'], 'did you mean --duration'), (['lo', '--count', '99999999999999999999999'], '--count'),
        ):
            result = run('watch', *args)
            self.check(result, 2, words)
            self.assertLessEqual(result.stderr.count(b'\n'), 2, args)

    def test_no_such_interface(self):
        if os.geteuid() == 0:
            self.check(run('watch', 'nonesuch0'), 3, 'nonesuch0', 'lo')

    @unittest.skipUnless(os.geteuid() == 0, 'needs to give a right up')
    def test_no_permission_says_how_to_give_it(self):
        copy = shutil.copy(TELLTALE, self.folder)
        os.chmod(self.folder, 0o755)
        result = subprocess.run([copy, 'watch', 'lo'], capture_output=True, user=65534, group=65534, extra_groups=[], env=ENVIRONMENT)
        self.check(result, 3, 'sudo', 'setcap cap_net_raw')
        self.assertEqual(result.stderr.count(b'\n'), 1)
        self.check(subprocess.run([copy, 'watch', 'lo', '--user', 'root'], capture_output=True, user=65534, group=65534, extra_groups=[], env=ENVIRONMENT), 2, 'only root')


@unittest.skipUnless(can_capture(), 'nobody may capture here')
class Watch(Case):
    def setUp(self):
        super().setUp()
        self.server = Server()
        self.addCleanup(self.server.close)

    def test_a_line_per_session_and_a_summary(self):
        port, path = self.server.port, os.path.join(self.folder, 'w.pcapng')
        w = Watching(port, '-w', path)
        send(port, name='DIGITAL_MFP')
        send(port, name='DIGITAL_MFP')
        send(port)
        send(port, to='nobody@x.example')
        self.assertTrue(w.line('user-unknown'), w.out)
        status, out, errors = w.end()
        self.assertEqual((status, errors), (1, ''), out)
        lines = out.splitlines()
        self.assertRegex(lines[0], rf'^\d\d:\d\d:\d\d  127\.0\.0\.1 → 127\.0\.0\.1:{port}  SMTP  .*\(ehlo-name-underscore\)$')
        self.assertRegex(lines[2], 'SMTP  nothing wrong$')
        self.assertIn('4 sessions, 3 with a fault', out)
        self.assertIn(', 0 dropped by the kernel', out)
        self.assertRegex(out, r'(?m)^ +2 × .*\(ehlo-name-underscore\)$')
        self.assertRegex(out, r'(?m)^ +1 × .*\(user-unknown\)$')
        self.assertIn('helo_allow_chars', out)
        self.check(run('read', path), 1, 'underscore', 'EHLO DIGITAL_MFP')
        doc = json.loads(run('read', '--json', path).stdout)
        self.assertEqual(len(doc['sessions']), 4)
        self.assertEqual({f['cause'] for f in doc['findings']} & {'ehlo-name-underscore', 'user-unknown'}, {'ehlo-name-underscore', 'user-unknown'})

    def test_nothing_seen(self):
        status, out, _ = Watching(self.server.port).end(signal.SIGTERM)
        self.assertEqual(status, 0)
        self.assertIn('No mail session was seen', out)

    def test_well(self):
        w = Watching(self.server.port, '--quiet', '--count', '2')
        send(self.server.port)
        send(self.server.port)
        status, out, _ = w.end(0)
        self.assertEqual(status, 0, out)
        self.assertIn('2 sessions, 0 with a fault', out)
        self.assertNotIn('nothing wrong', out)

    def test_jsonl(self):
        w = Watching(self.server.port, '--jsonl', '--events', '--redact', '--count', '2')
        send(self.server.port, name='A_B.example')
        send(self.server.port)
        status, out, _ = w.end(0)
        first, second, last = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(status, 1)
        self.assertEqual((first['schema'], first['id'], first['verdict'], first['findings'][0]['cause']), ('telltale/1', 1, 'fault', 'ehlo-name-underscore'))
        self.assertEqual((second['id'], second['verdict'], second['outcome'], second['findings']), (2, 'nothing-wrong', 'ok', []))
        self.assertTrue(any(e['kind'] == 'greeting' for e in second['events']))
        self.assertEqual((last['sessions_seen'], last['findings'][0]['count'], last['inputs'][0]['dropped']), (2, 1, 0))
        self.assertNotIn('a.example', out)

    def test_refused_and_silent(self):
        closed = socket.create_server(('127.0.0.1', 0))
        refusing = closed.getsockname()[1]
        closed.close()
        silent = Server(greeting=None)
        self.addCleanup(silent.close)
        w = Watching([refusing, silent.port], '--idle', '2')
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', refusing))
        with socket.create_connection(('127.0.0.1', silent.port)):
            self.assertTrue(w.line(f':{refusing} '), w.out)
        status, out, _ = w.end()
        self.assertEqual(status, 1, out)

    def test_unfinished_session_is_no_fault(self):
        server = Server(extension=b'SIZE 1000')
        self.addCleanup(server.close)
        w = Watching(server.port)
        with socket.create_connection(('127.0.0.1', server.port)) as connection:
            connection.recv(100)
            connection.sendall(b'EHLO a.example\r\n')
            connection.recv(100)
            time.sleep(0.5)
            status, out, _ = w.end()
        self.assertIn('0 sessions, 0 with a fault, 1 still open', out)
        self.assertEqual(status, 0)

    def test_all_interfaces(self):
        w = Watching(self.server.port, '--count', '1', interface='any')
        send(self.server.port, name='A_B')
        status, out, _ = w.end(0)
        self.assertEqual(status, 1)
        self.assertIn('ehlo-name-underscore', out)

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which('unshare') and shutil.which('ip'), 'makes an interface in a network of its own')
    def test_interface_goes_down_and_away(self):
        script = ('ip link add veth9 type veth peer name veth8 && ip link set veth8 up && ip link set veth9 up || exit 77; "$0" watch veth9 --duration 20 & sleep 1.5; '
                  'ip link set veth9 down; sleep 0.7; ip link set veth9 up; sleep 0.7; kill -0 $! || echo it ended too early; ip link del veth9; wait $!')
        result = subprocess.run(['unshare', '-n', 'sh', '-c', script, TELLTALE], capture_output=True, env=ENVIRONMENT, timeout=60)
        if result.returncode == 77:
            self.skipTest('no such interface can be made')
        out = self.check(result, 3, 'veth9: ')
        self.assertNotIn('too early', out)

    def test_waiting_for_new_mail_is_no_fault(self):
        """IMAP IDLE is silent for as long as nothing comes."""
        server = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(server.close)
        w = Watching(server.getsockname()[1], '--idle', '2', '--count', '1')
        with socket.create_connection(server.getsockname()) as client, server.accept()[0] as connection:
            for side, text in ((connection, '* OK [CAPABILITY IMAP4rev1 IDLE] ready'), (client, 'a LOGIN u p'), (connection, 'a OK Logged in'), (client, 'b SELECT INBOX'),
                               (connection, '* 3 EXISTS\r\nb OK [READ-WRITE] Select completed'), (client, 'c IDLE'), (connection, '+ idling')):
                side.sendall(text.encode() + b'\r\n')
                time.sleep(0.05)
            status, out, _ = w.end(0)
        self.assertEqual(status, 0, out)
        self.assertIn('IMAP  nothing wrong', out)

    def test_duration(self):
        start = time.monotonic()
        self.assertEqual(Watching(self.server.port, '--duration', '2').end(0)[0], 0)
        self.assertGreater(time.monotonic() - start, 1.5)

    def test_ring(self):
        w = Watching(self.server.port, '-w', os.path.join(self.folder, 'ring.pcapng'), '--ring-size', '4K', '--ring-files', '3', '--count', '40')
        for n in range(40):
            send(self.server.port, name='A_B' if n % 2 else 'a.example')
        w.end(0)
        names = sorted(os.listdir(self.folder))
        self.assertEqual(names, ['ring-01.pcapng', 'ring-02.pcapng', 'ring-03.pcapng'])
        for name in names:
            path = os.path.join(self.folder, name)
            self.assertLess(os.path.getsize(path), 12000)
            self.check(run('read', path), 1, 'underscore')

    def test_disk_full(self):
        w = Watching(self.server.port, '-w', '/dev/full')
        status, _, errors = w.end(0)
        self.assertEqual(status, 3)
        self.assertEqual(errors.count('\n'), 1)

    def test_bad_filter_and_user(self):
        result = run('watch', 'lo', '--filter', 'prot 25')
        self.check(result, 2, 'the filter is wrong')
        self.assertEqual(result.stderr.count(b'\n'), 1)
        self.check(run('watch', 'lo', '--user', 'no-such-user'), 2, 'no-such-user')
        self.check(run('watch', 'lo', '-w', os.path.join(self.folder, 'none', 'x')), 3, 'none')

    @unittest.skipUnless(os.geteuid() == 0, 'has nothing to give up')
    def test_rights_are_given_up(self):
        os.chown(self.folder, 12345, 12346)
        path = os.path.join(self.folder, 'x.pcapng')
        w = Watching(self.server.port, '-w', path, env={'SUDO_UID': '12345', 'SUDO_GID': '12346'})
        with open(f'/proc/{w.process.pid}/status') as f:
            status = f.read()
        self.assertRegex(status, r'Uid:\t(\d+)\t\1\t\1\t\1\n')
        self.assertNotIn('Uid:\t0', status)
        self.assertRegex(status, r'CapEff:\t0+\n')
        self.assertRegex(status, r'CapPrm:\t0+\n')
        self.assertRegex(status, r'NoNewPrivs:\t1')
        send(self.server.port)
        self.assertTrue(w.line('nothing wrong'))
        self.assertEqual(w.end()[0], 0)
        self.assertEqual((os.stat(path).st_uid, os.stat(path).st_gid), (12345, 12346))
        # What the caller may not write, telltale does not write for him.
        os.chmod(self.folder, 0o755)
        os.chown(self.folder, 0, 0)
        refused = subprocess.run([TELLTALE, 'watch', 'lo', '-w', os.path.join(self.folder, 'y')], capture_output=True,
                                 env={**ENVIRONMENT, 'SUDO_UID': '12345', 'SUDO_GID': '12346'})
        self.check(refused, 3, 'Permission denied')

    @unittest.skipUnless(shutil.which('openssl'), 'makes its certificate with openssl')
    def test_inside_tls_with_a_key_log(self):
        pem, log = os.path.join(self.folder, 'cert.pem'), os.path.join(self.folder, 'keys.log')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', pem, '-out', pem + '.crt', '-days', '2',
                        '-subj', '/CN=mx.example.net'], check=True, capture_output=True)
        server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_context.load_cert_chain(pem + '.crt', pem)
        server = Server(context=server_context)
        self.addCleanup(server.close)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        open(log, 'w').close()
        client.keylog_filename = log
        os.chmod(log, 0o644)
        w = Watching(server.port, '--keylog', log, '--count', '5')
        for _ in range(5):
            send(server.port, to='nobody@x.example', context=client)
        _, out, _ = w.end(0)
        self.assertRegex(out, r'(?m)^ +5 × .*\(user-unknown\)$')

    def test_load(self):
        """Thousands of sessions at once: all of them are told, or the kernel says that it dropped packets; memory stays bounded."""
        count, workers = (400, 4) if SANITIZED else (3200, 8)
        w = Watching(self.server.port, '--quiet', '--jsonl')
        started = time.monotonic()

        def work():
            for n in range(count // workers):
                send(self.server.port, name='A_B' if n % 2 else 'a.example')
        threads = [threading.Thread(target=work) for _ in range(workers)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            w.line('never said', 0.1)
        rate = count / (time.monotonic() - started)
        w.line('never said', 2)
        with open(f'/proc/{w.process.pid}/status') as f:
            peak = int(re.search(r'VmHWM:\s+(\d+)', f.read())[1]) // 1024
        status, out, _ = w.end()
        last = json.loads(out.splitlines()[-1])
        print(f'\n{count} sessions at {rate:.0f}/s, {last["inputs"][0]["dropped"]} packets dropped, peak {peak} MiB', file=sys.stderr)
        self.assertEqual(status, 1)
        if not last['inputs'][0]['dropped']:
            self.assertEqual(last['sessions_seen'], count)
            self.assertEqual(last['findings'][0]['count'], count // 2)
        self.assertEqual(len(out.splitlines()), last['findings'][0]['count'] + 1)
        if not SANITIZED:
            self.assertLess(peak, 96)


if __name__ == '__main__':
    unittest.main()
