#!/usr/bin/env python3
"""telltale probe against small servers of its own, well-behaved and hostile. Only 127.0.0.1 and [::1]. $TELLTALE is the binary."""
import base64, json, os, shutil, signal, socket, subprocess, threading, time, unittest

from test_cli import Case, TELLTALE, run, SANITIZED

PASSWORD = 's3cret-Word'


class Server(threading.Thread):
    """Accepts connections and hands each to talk(file, connection) until it is told to stop."""
    def __init__(self, talk, host='127.0.0.1'):
        super().__init__(daemon=True)
        self.talk, self.connections = talk, 0
        self.socket = socket.create_server((host, 0), family=socket.AF_INET6 if ':' in host else socket.AF_INET)
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection, connection.makefile('rwb', buffering=0) as f:
                self.talk(f, connection)
        except OSError:
            pass

    def stop(self):
        self.socket.close()


def smtp(hello=b'250-mx.example.net\r\n250-SIZE 1000\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n', on_auth=None, strict=False, relay=b'550 5.7.1 Relaying denied'):
    """An SMTP server as a talk function; passwords are checked for real."""
    good = base64.b64encode(b'\0user\0' + PASSWORD.encode())

    def auth(f, words):
        mech = words[1].upper()
        if mech == b'PLAIN':
            if len(words) == 2:
                f.write(b'334 \r\n')
            answer = words[2] if len(words) > 2 else f.readline().strip()
            return b'501 5.7.0 cancelled' if answer == b'*' else b'235 2.7.0 in' if answer == good else b'535 5.7.8 wrong'
        if mech == b'LOGIN':
            if len(words) > 2:
                return b'501 5.5.4 no initial response here'
            f.write(b'334 VXNlcm5hbWU6\r\n')
            user = f.readline().strip()
            if user == b'*':
                return b'501 5.7.0 cancelled'
            f.write(b'334 UGFzc3dvcmQ6\r\n')
            return b'235 2.7.0 in' if base64.b64decode(f.readline()) == PASSWORD.encode() else b'535 5.7.8 wrong'
        return b'454 4.7.0 Temporary authentication failure' if mech == b'CRAM-MD5' else b'504 5.5.4 no such mechanism'

    def talk(f, _):
        f.write(b'220 mx.example.net ESMTP\r\n')
        for line in f:
            words = line.strip().split(b' ')
            verb = words[0].upper()
            if verb in (b'EHLO', b'HELO'):
                name = words[1] if len(words) > 1 else b''
                f.write(b'501 5.5.2 bad name\r\n' if strict and (b'_' in name or not name) else hello if verb == b'EHLO' else b'250 mx.example.net\r\n')
            elif verb == b'AUTH':
                f.write((on_auth or auth)(f, words) + b'\r\n')
            elif verb == b'RCPT':
                f.write((b'250 2.1.5 ok' if b'postmaster' in line or b'@example.net' in line else relay) + b'\r\n')
            elif verb == b'DATA':
                f.write(b'354 go\r\n')
                while f.readline().strip() != b'.':
                    pass
                f.write(b'250 2.0.0 queued\r\n')
            elif verb == b'QUIT':
                f.write(b'221 2.0.0 bye\r\n')
                return
            else:
                f.write(b'250 2.0.0 ok\r\n' if verb in (b'MAIL', b'RSET') else b'502 5.5.2 what?\r\n')
    return talk


class Probe(Case):
    def server(self, talk, **more):
        s = Server(talk, **more)
        self.addCleanup(s.stop)
        return s

    def probe(self, server, *args, scheme='smtp', host='127.0.0.1', **more):
        return run('probe', '--pause', '0', '--ehlo', 'client.example.com', *args, f'{scheme}://{host}:{server.port}', **more)

    def doc(self, result):
        self.assertTrue(result.stdout, result.stderr)
        return json.loads(result.stdout)


class Well(Probe):
    def test_one_session(self):
        out = self.check(self.probe(self.server(smtp()), '--quick'), 0, '220 mx.example.net ESMTP', 'SIZE 1000', 'Nothing wrong found')
        self.assertNotIn('Names in EHLO', out)

    def test_ehlo_matrix(self):
        doc = self.doc(self.probe(self.server(smtp(strict=True)), '--json', '--no-auth-matrix'))
        cells = {e['form']: e['result'] for e in doc['probe']['ehlo_matrix']}
        self.assertEqual({f for f, c in cells.items() if c == 'refused'}, {'underscore', 'empty'}, cells)
        self.assertEqual(len(cells), 9)
        self.assertEqual(doc['findings'], [])

    def test_the_given_name_is_what_is_diagnosed(self):
        server = self.server(smtp(strict=True))
        result = run('probe', '--quick', '--ehlo', 'my_host', f'smtp://127.0.0.1:{server.port}')
        self.check(result, 1, 'underscore')

    def test_auth_matrix(self):
        doc = self.doc(self.probe(self.server(smtp()), '--json', '--no-ehlo-matrix', '--user', 'user', env={'TELLTALE_PASSWORD': PASSWORD}))
        cells = {(a['mech'], a['password'], a['initial_response']): a['result'] for a in doc['probe']['auth_matrix']}
        self.assertEqual(cells, {
            ('PLAIN', 'none', False): 'answers', ('PLAIN', 'right', False): 'works', ('PLAIN', 'right', True): 'works', ('PLAIN', 'wrong', True): 'refused',
            ('LOGIN', 'none', False): 'answers', ('LOGIN', 'right', False): 'works', ('LOGIN', 'right', True): 'broken', ('LOGIN', 'wrong', True): 'refused',
            ('CRAM-MD5', 'none', False): 'broken', ('CRAM-MD5', 'right', False): 'broken', ('CRAM-MD5', 'wrong', False): 'broken'})
        causes = [f['cause'] for f in doc['findings']]
        self.assertEqual(set(causes), {'auth-mech-advertised-but-broken', 'auth-login-initial-response'})

    def test_secrets_stay_secret(self):
        result = self.probe(self.server(smtp()), '--events', '--user', 'user', env={'TELLTALE_PASSWORD': PASSWORD})
        out = (result.stdout + result.stderr).decode()
        for secret in (PASSWORD, base64.b64encode(b'\0user\0' + PASSWORD.encode()).decode(), base64.b64encode(PASSWORD.encode()).decode()):
            self.assertNotIn(secret, out)

    def test_any_password_and_open_relay(self):
        server = self.server(smtp(on_auth=lambda f, words: b'235 2.7.0 in', relay=b'250 2.1.5 ok'))
        doc = self.doc(self.probe(server, '--json', '--user', 'user', env={'TELLTALE_PASSWORD': PASSWORD}))
        self.assertEqual({f['cause'] for f in doc['findings']}, {'auth-accepts-any-password', 'open-relay'})

    def test_send(self):
        server = self.server(smtp())
        self.check(self.probe(server, '--quick', '--send', '--from', 'a@example.net', '--to', 'b@example.net'), 0, 'Test message', 'accepted')

    def test_quit_after(self):
        server = self.server(smtp())
        doc = self.doc(self.probe(server, '--events', '--quit-after', 'greeting'))
        self.assertEqual([e['text'] for e in doc['sessions'][0]['events'] if e['kind'] == 'command'], ['QUIT'])
        self.assertEqual(server.connections, 1)

    def test_ipv6(self):
        try:
            server = self.server(smtp(), host='::1')
        except OSError:
            self.skipTest('no IPv6 here')
        self.check(self.probe(server, '--quick', host='[::1]'), 0, '::1')

    def test_pop3_and_imap(self):
        def pop3(f, _):
            f.write(b'+OK POP3 ready\r\n')
            for line in f:
                verb = line.split()[0].upper()
                f.write({b'CAPA': b'+OK\r\nUSER\r\nUIDL\r\n.\r\n', b'USER': b'+OK\r\n', b'PASS': b'+OK\r\n' if PASSWORD.encode() in line else b'-ERR [AUTH] no\r\n',
                         b'QUIT': b'+OK\r\n'}.get(verb, b'-ERR what?\r\n'))

        def imap(f, _):
            f.write(b'* OK IMAP ready\r\n')
            for line in f:
                tag, verb = line.split()[:2]
                if verb.upper() == b'CAPABILITY':
                    f.write(b'* CAPABILITY IMAP4rev1 IDLE\r\n')
                no = verb.upper() == b'LOGIN' and PASSWORD.encode() not in line or verb.upper() == b'AUTHENTICATE'
                f.write(tag + (b' NO [AUTHENTICATIONFAILED] no\r\n' if no else b' OK done\r\n'))
        for scheme, talk in (('pop3', pop3), ('imap', imap)):
            result = self.probe(self.server(talk), '--user', 'user', scheme=scheme, env={'TELLTALE_PASSWORD': PASSWORD})
            self.check(result, 0, 'works', 'Nothing wrong found')

    def test_not_reached(self):
        s = socket.create_server(('127.0.0.1', 0))
        port = s.getsockname()[1]
        s.close()
        self.check(run('probe', f'smtp://127.0.0.1:{port}'), 3, 'refused')
        doc = self.doc(run('probe', '--json', f'smtp://127.0.0.1:{port}'))
        self.assertEqual(doc['probe']['fault']['step'], 'connect')

    def test_usage(self):
        for args in ((), ('a', 'b'), ('ftp://x',), ('smtp://x:0',), ('smtp://x:99999',), ('--tls', 'perhaps', 'x'), ('--quit-after', 'never', 'x'), ('smtp://u:p@x',),
                     ('--ehlo', 'a\rQUIT', 'x'), ('--timeout', '-1', 'x')):
            self.check(run('probe', *args), 2)


class Hostile(Probe):
    """Nothing that a peer does may hold the probe up or bloat it."""
    def measured(self, server, *args, limit=12, scheme='smtp'):
        begun = time.monotonic()
        process = subprocess.Popen([TELLTALE, 'probe', '--quick', '--timeout', '2', *args, f'{scheme}://127.0.0.1:{server.port}'], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=limit * (6 if SANITIZED else 1))
        self.assertLess(time.monotonic() - begun, limit * (6 if SANITIZED else 1))
        self.assertIn(process.returncode, (0, 1, 3), err)
        self.assertLess(len(out), 1 << 20)
        return out.decode()

    def endless(self, first, more):
        def talk(f, connection):
            f.write(first)
            while True:
                connection.sendall(more)
        return self.server(talk)

    def test_a_line_without_end(self):
        self.measured(self.endless(b'220 ', b'x' * 65536))

    def test_a_reply_without_end(self):
        self.measured(self.endless(b'220-a\r\n', b'220-more\r\n' * 1000))

    def test_replies_nobody_asked_for(self):
        self.measured(self.endless(b'220 a\r\n', b'250 yes\r\n' * 1000))

    def test_silence(self):
        self.assertIn('silence', self.measured(self.server(lambda f, c: time.sleep(20))))

    def test_a_drip(self):
        def talk(f, _):
            while True:
                f.write(b'2')
                time.sleep(0.2)
        self.assertIn('silence', self.measured(self.server(talk)))

    def test_closes_at_once_and_resets(self):
        self.measured(self.server(lambda f, c: None))
        def reset(f, c):
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        self.measured(self.server(reset))

    def test_garbage(self):
        self.measured(self.server(lambda f, c: f.write(bytes(range(256)) * 100)))
        self.measured(self.server(lambda f, c: f.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')))

    def test_garbage_instead_of_tls(self):
        self.measured(self.server(lambda f, c: f.write(os.urandom(3000))), scheme='smtps')
        self.measured(self.server(smtp()), scheme='smtps')
        def lies(f, _):
            f.write(b'220 a\r\n')
            for line in f:
                f.write(b'250-a\r\n250 STARTTLS\r\n' if line[:1] in b'Ee' else b'220 go\r\n' + os.urandom(500))
        self.measured(self.server(lies))

    def test_a_challenge_without_end(self):
        def talk(f, _):
            f.write(b'220 a\r\n')
            for line in f:
                f.write(b'250-a\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n' if line[:4].upper() == b'EHLO' else b'334 ' + b'QUFB' * 2000 + b'\r\n')
        os.environ['TELLTALE_PASSWORD'] = PASSWORD
        self.addCleanup(os.environ.pop, 'TELLTALE_PASSWORD')
        for mech in ('PLAIN', 'LOGIN', 'CRAM-MD5', 'DIGEST-MD5', 'SCRAM-SHA-256', 'XOAUTH2', 'OAUTHBEARER'):
            self.measured(self.server(talk), '--user', 'user', '--auth', mech)

    def test_interrupted(self):
        server = self.server(lambda f, c: time.sleep(30))
        process = subprocess.Popen([TELLTALE, 'probe', f'smtp://127.0.0.1:{server.port}'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        self.assertIn('stopped by you', out.decode().lower())


if __name__ == '__main__':
    unittest.main()
