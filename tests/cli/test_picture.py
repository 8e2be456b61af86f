#!/usr/bin/env python3
"""Pictures and filters of telltale read: --html, --ladder, --client, --server, --session, --cause. $TELLTALE is the binary."""
import base64, hashlib, html.parser, json, os, re, shutil, socket, stat, struct, subprocess, sys, tempfile, time, unicodedata, unittest, urllib.error, urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import GOOD, UNDERSCORE, Case, run  # noqa: E402

EVIL = (b'220 <script>alert(1)</script> ESMTP Exim\r\nEHLO A_B"><img src=x onerror=alert(2)>\r\n501 Syntactically invalid </style></pre></code> &amp; \x1b[31m\x07\'\r\n'
        b'QUIT\r\n221 <!-- bye ]]>\r\n')
LOGIN = (b'220 mx.example.org ESMTP Postfix\r\nEHLO a.example.org\r\n250-mx.example.org\r\n250 AUTH PLAIN\r\nAUTH PLAIN AHNlY3JldHVzZXIAaHVudGVyMjI=\r\n'
         b'535 5.7.8 Error: authentication failed\r\nQUIT\r\n221 bye\r\n')
TIMED = (b'2024-05-01 10:00:01 SERVER -> CLIENT: 220 mail.example.net ESMTP Postfix\n2024-05-01 10:00:01 CLIENT -> SERVER: EHLO web1.example.org\n'
         b'2024-05-01 10:00:01 SERVER -> CLIENT: 250-mail.example.net\n250 STARTTLS\n2024-05-01 10:00:01 CLIENT -> SERVER: STARTTLS\n'
         b'2024-05-01 10:00:02 SERVER -> CLIENT: 220 2.0.0 Ready to start TLS\n2024-05-01 10:00:02 CLIENT -> SERVER: EHLO web1.example.org\n'
         b'2024-05-01 10:00:02 SERVER -> CLIENT: 250-mail.example.net\n250 AUTH LOGIN\n2024-05-01 10:00:02 CLIENT -> SERVER: AUTH LOGIN\n'
         b'2024-05-01 10:00:02 SERVER -> CLIENT: 334 VXNlcm5hbWU6\n2024-05-01 10:00:02 CLIENT -> SERVER: dXNlckBleGFtcGxlLm9yZw==\n'
         b'2024-05-01 10:00:02 SERVER -> CLIENT: 334 UGFzc3dvcmQ6\n2024-05-01 10:00:02 CLIENT -> SERVER: aHVudGVyMjI=\n'
         b'2024-05-01 10:00:42 SERVER -> CLIENT: 535 5.7.8 Error: authentication failed\n')
CLIENT, SERVER = (b'\xc0\x00\x02\x0a', 40000), (b'\xc0\x00\x02\x19', 25)
SYN, ACK, FIN, RST = 2, 16, 1, 4


def pcap(*packets):
    """A capture. Packets: seconds, does the client send it, flags, sequence number, payload."""
    out = struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
    for t, from_client, flags, seq, payload in packets:
        (source, source_port), (target, target_port) = (CLIENT, SERVER) if from_client else (SERVER, CLIENT)
        tcp = struct.pack('>HHIIBBHHH', source_port, target_port, seq, 1, 5 << 4, flags, 65535, 0, 0) + payload
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, source, target) + tcp
        out += struct.pack('<IIII', 1700000000 + int(t), int(t % 1 * 1000000), len(ip), len(ip)) + ip
    return out


def talk(*more):
    """A connection, a greeting and an EHLO; then what is given."""
    return pcap((0, True, SYN, 1, b''), (0.02, False, SYN | ACK, 1, b''), (0.02, True, ACK, 2, b''), (0.25, False, ACK, 2, b'220 mx.example.net ESMTP Exim\r\n'),
                (0.5, True, ACK, 2, b'EHLO a.example.net\r\n'), *more)


VOID = {'meta', 'br', 'hr', 'img', 'input', 'link'}


def log(n):
    """A log of n sessions: every third refused to relay, every third failed to log in."""
    lines = []
    for i in range(n):
        who = f'c{i}.example.org[192.0.2.{i % 250 + 1}]'
        head = f'Mar  4 10:{i // 60 % 60:02}:{i % 60:02} mx postfix/smtpd[{1000 + i}]: '
        lines.append(head + f'connect from {who}')
        if i % 3 == 0:
            lines.append(head + f'NOQUEUE: reject: RCPT from {who}: 454 4.7.1 <b@other.example>: Relay access denied; from=<a@c.example> to=<b@other.example> proto=ESMTP helo=<c{i}>')
        if i % 3 == 1:
            lines.append(head + f'warning: {who}: SASL LOGIN authentication failed: authentication failure')
        lines.append(head + f'disconnect from {who}')
    return '\n'.join(lines).encode() + b'\n'


class Page(html.parser.HTMLParser):
    """A page taken apart; tags must be balanced."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.tags, self.ids, self.links, self.text, self.headings = [], [], [], [], [], []
        self.source = text
        self.feed(text)
        self.close()
        assert not self.stack, f'not closed: {self.stack}'

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag not in VOID:
            self.stack.append(tag)
        if 'id' in attrs:
            self.ids.append(attrs['id'])
        if 'href' in attrs:
            self.links.append(attrs['href'])
        if re.fullmatch('h[1-6]', tag):
            self.headings.append([int(tag[1]), ''])

    def handle_endtag(self, tag):
        assert self.stack and self.stack[-1] == tag, f'</{tag}> closes {self.stack[-3:]}'
        self.stack.pop()

    def handle_data(self, data):
        if self.stack and self.stack[-1] != 'style':
            self.text.append(data)
        if self.stack and re.fullmatch('h[1-6]', self.stack[-1]):
            self.headings[-1][1] += data

    def all(self, tag=None, css=None):
        return [a for t, a in self.tags if tag in (None, t) and (css is None or css in a.get('class', '').split())]

    def words(self):
        return ' '.join(''.join(self.text).split())


class Html(Case):
    def page(self, data, *args, status=1, **more):
        result = run('read', '--html', '-', *args, data=data, **more)
        self.assertIn(result.returncode, (0, 1) if status is None else (status,), result.stderr)
        return Page(result.stdout.decode('utf-8'))

    def sound(self, page):
        """What holds for every page."""
        self.assertEqual(len(page.ids), len(set(page.ids)))
        for link in page.links:
            self.assertTrue(link.startswith('#') and link[1:] in page.ids, link)
        for tag, attrs in page.tags:
            self.assertNotIn(tag, ('script', 'img', 'link', 'iframe', 'object', 'form', 'base'))
            for name in attrs:
                self.assertFalse(name.startswith('on') or name in ('src', 'style', 'srcset', 'action'), (tag, attrs))
        self.assertEqual([h[0] for h in page.headings].count(1), 1)
        self.assertEqual(page.headings[0][0], 1)
        for before, after in zip(page.headings, page.headings[1:]):
            self.assertLessEqual(after[0], before[0] + 1)
        self.assertNotRegex(page.source, '[\x00-\x08\x0b-\x1f\x7f-\x9f]')
        self.assertNotIn('http', page.source.replace('http-equiv', ''))
        style = re.search('<style>(.*?)</style>', page.source, re.S)[1]
        policy = next(a['content'] for a in page.all('meta') if a.get('http-equiv') == 'Content-Security-Policy')
        self.assertIn("default-src 'none'", policy)
        self.assertIn("'sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() + "'", policy)
        return page

    def test_verdict_first(self):
        page = self.sound(self.page(UNDERSCORE))
        words, at = page.words(), 0
        for word in ('The EHLO name holds an underscore', 'the client has to change', '95 %', 'The decisive exchange', 'EHLO DIGITAL_MFP', 'Who said what',
                     '501 Syntactically', 'What to do', 'helo_allow_chars', 'Why', 'To make sure', 'What was read', 'masked'):
            self.assertIn(word, words[at:])
            at = words.index(word, at)
        self.assertEqual(page.tags[0], ('html', {'lang': 'en'}))
        self.assertEqual(len(page.all('section', 'bad')), 1)

    def test_ladder_is_a_list_that_can_be_read_out(self):
        page = self.page(UNDERSCORE)
        rungs = page.all('li', 'rung')
        self.assertEqual(len(rungs), 3)
        self.assertEqual([('client' in r['class'].split(), 'decisive' in r['class'].split()) for r in rungs], [(False, False), (True, True), (False, True)])
        self.assertIn('Client: EHLO DIGITAL_MFP', page.words())
        self.assertIn('Server: 501 Syntactically', page.words())
        self.assertIn('#s1e2', page.links)

    def test_every_kind_of_verdict(self):
        for data, css, status, words in [(GOOD, 'good', 0, 'Nothing wrong found'), (b'', 'unsure', 3, 'nothing to read'),
                                         (b'220 mx\nEHLO a.example\n250 mx\nMAIL FROM:<a@a.example>\n599 flux frobnicated\n', 'unsure', 1, 'What would tell more')]:
            page = self.sound(self.page(data, status=status))
            self.assertEqual(len(page.all('section', css)), 1)
            self.assertIn(words, page.words())

    def test_everything_is_escaped(self):
        for data in (EVIL, EVIL.replace(b'A_B', b'\xff\xfe\x00_\xc2\x9b\xe2\x80\xae'), log(3).replace(b'other.example', b'<b onclick=1>')):
            page = self.sound(self.page(data))
            self.assertIn('&lt;', page.source)
        self.assertIn('<script>alert(1)</script>', self.page(EVIL).words())

    def test_secrets_and_names(self):
        page = self.page(LOGIN)
        self.assertNotIn('hunter22', page.source)
        self.assertNotIn('AHNlY3JldHVzZXIAaHVudGVyMjI=', page.source)
        self.assertIn('password *** (8: letters, digits)', page.words())
        self.assertIn('hunter22', self.page(LOGIN, '--show-secrets').source)
        redacted = self.sound(self.page(LOGIN, '--redact'))
        for name in ('secretuser', 'example.org'):
            self.assertNotIn(name, redacted.source)
        self.assertIn('pseudonyms', redacted.words())

    def test_times_silence_and_tls(self):
        page = self.sound(self.page(TIMED))
        self.assertEqual(len(page.all('li', 'tls')), 1)
        self.assertEqual(len(page.all('p', 'silence')), 1)
        self.assertIn('silence: 40 s', page.words())
        self.assertIn('+40 s', page.words())
        self.assertIn('2024-05-01T10:00:01Z, lasted 41 s', page.words())

    def test_connections_of_a_capture(self):
        page = self.sound(self.page(talk((0.75, False, ACK, 32, b'250-mx.example.net\r\n250-SI'), (60.75, False, ACK, 70, b'TLS\r\n250 HELP\r\n'), (61, True, RST | ACK, 22, b'')), status=None))
        words = page.words()
        for word in ('connects to port 25', 'accepted after 20 ms', 'bytes are missing', 'breaks the connection off (reset)', '192.0.2.10:40000', '192.0.2.25:25, Exim',
                     '2023-11-14T22:13:20Z', 'frame 4', '250 ms +'):
            self.assertIn(word, words)
        self.assertEqual((len(page.all('li', 'starts')), len(page.all('li', 'ends'))), (1, 1))
        self.assertTrue(page.all('li', 'gap'))
        self.assertTrue(page.all('li', 'lost'))
        self.assertTrue(page.all('p', 'silence'))

    def test_connections_that_fail(self):
        refused = pcap((0, True, SYN, 1, b''), (0.001, False, RST | ACK, 1, b''))
        silent = pcap(*[(t, True, SYN, 1, b'') for t in (0, 1, 3, 7)])
        for data, words in [(refused, ['connects to port 25: refused']), (silent, ['connects to port 25: no answer', '4 attempts'])]:
            page = self.sound(self.page(data, status=None))
            for word in words:
                self.assertIn(word, page.words())
            self.assertEqual(len(page.all('li', 'stopped')), 1)

    def test_several_files(self):
        a, b = self.file('a.txt', UNDERSCORE), self.file('b.pcap', talk((0.75, False, ACK, 32, b'501 Syntactically invalid EHLO argument(s)\r\n')))
        page = self.sound(Page(self.check(run('read', '--html', '-', a, b), 1)))
        self.assertEqual(len(page.all('div', 'ladder')), 2)
        for word in ('a.txt:2', 'b.pcap: frame 6'):
            self.assertIn(word, page.words())
        self.assertIn('<p class=when>b.pcap</p>', page.source)

    def test_many_sessions(self):
        page = self.sound(self.page(log(200)))
        ladders = page.all('div', 'ladder')
        self.assertEqual(len(ladders), 50)
        self.assertIn('150 more sessions are not drawn', page.words())
        self.assertEqual(len(page.all('table')), 2)
        self.assertRegex(page.words(), r'Relaying refused because nobody logged in67c0\.example\.org')
        self.assertEqual(len(page.all('details', 'session')) + page.source.count('<h3>'), 50)

    def test_long_session(self):
        talk = b'220 mx ESMTP Exim\r\n' + b'NOOP\r\n250 ok\r\n' * 3000 + b'EHLO A_B\r\n501 Syntactically invalid EHLO argument(s)\r\n'
        page = self.sound(self.page(talk))
        self.assertLess(len(page.all('li', 'rung')), 310)
        self.assertIn('more events are not drawn', page.words())
        self.assertEqual(len(page.all('li', 'decisive')), 2)

    def test_large_log_in_batches(self):
        path = self.file('big.log', log(60) * 20000)
        target = os.path.join(self.folder, 'p.html')
        self.check(run('read', '--html', target, path, timeout=300), 1)
        page = self.sound(Page(self.read(target)))
        self.assertLessEqual(len(page.all('div', 'ladder')), 50)
        self.assertTrue(page.all('li', 'decisive'))
        self.assertLess(os.path.getsize(target), 4 << 20)

    def test_language(self):
        page = self.sound(self.page(UNDERSCORE, '--lang', 'pl'))
        self.assertEqual(page.tags[0], ('html', {'lang': 'pl'}))
        self.assertIn('Kto co powiedział', page.words())

    def test_written_whole_or_not_at_all(self):
        target = os.path.join(self.folder, 'page.html')
        self.check(run('read', '--html', target, data=UNDERSCORE), 1, 'underscore')   # the answer is printed as well
        self.sound(Page(self.read(target)))
        os.chmod(target, 0o640)
        self.check(run('read', '--html', target, '--json', data=GOOD), 0, '"nothing-wrong"')
        self.assertIn('Nothing wrong', self.read(target))
        self.assertEqual(stat.S_IMODE(os.stat(target).st_mode), 0o640)
        link = os.path.join(self.folder, 'link')
        os.symlink(target, link)
        run('read', '--html', link, data=UNDERSCORE)
        self.assertTrue(os.path.islink(link))
        self.assertIn('underscore', self.read(target))
        self.check(run('read', '--html', os.path.join(self.folder, 'none', 'x.html'), data=UNDERSCORE), 3, 'x.html')
        self.check(run('read', '--html', self.folder, data=UNDERSCORE), 3, self.folder)
        self.assertEqual(sorted(os.listdir(self.folder)), ['link', 'page.html'])

    def test_devices_are_written_to(self):
        self.check(run('read', '--html', '/dev/null', data=UNDERSCORE), 1)
        self.assertTrue(stat.S_ISCHR(os.stat('/dev/null').st_mode))
        self.check(run('read', '--html', '/dev/full', data=UNDERSCORE), 3, 'No space left')

    def test_one_thing_on_standard_output(self):
        for args in (['--json'], ['--jsonl'], ['--events'], ['--ladder']):
            self.check(run('read', '--html', '-', *args, data=GOOD), 2, '--html -')
        self.check(run('read', '--ladder', '--json', data=GOOD), 2, '--ladder')
        self.check(run('read', '--html', data=GOOD), 2, '--html FILE')


def columns(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)


class Ladder(Case):
    def ladder(self, data, *args, width=80, charset='C.UTF-8', **more):
        result = run('read', '--ladder', *args, data=data, env={'COLUMNS': str(width), 'LC_ALL': charset}, **more)
        out = result.stdout.decode('utf-8')
        return out[out.index('Session 1'):]

    def test_arrows_between_life_lines(self):
        out = self.ladder(UNDERSCORE)
        self.assertRegex(out, r'(?m)^▶ line 2 │── EHLO DIGITAL_MFP ─+►│$')
        self.assertRegex(out, r'(?m)^▶ line 3 │◄─+ 501 Syntactically invalid EHLO argument\(s\) ──│$')
        self.assertRegex(out, r'(?m)^  line 1 │◄─+ 220 mx ESMTP Exim 4\.96 ──│$')
        self.assertIn('DIGITAL_MFP', out.splitlines()[1])

    def test_ascii_where_the_locale_is(self):
        out = self.ladder(UNDERSCORE, charset='C')
        self.assertTrue(out.isascii())
        self.assertRegex(out, r'(?m)^> line 2 \|-- EHLO DIGITAL_MFP -+>\|$')

    def test_fits_the_width(self):
        wide = GOOD.replace(b'queued', '日本語 żółw '.encode() * 30) + b'X' * 500 + b'\r\n'
        for data in (UNDERSCORE, GOOD, LOGIN, TIMED, EVIL, wide, log(5)):
            for width in (40, 57, 80, 140):
                for line in self.ladder(data, width=width).splitlines():
                    self.assertLessEqual(columns(line), width, line)
        self.assertLessEqual(max(map(columns, self.ladder(GOOD, width=1000).splitlines())), 140)
        self.assertLessEqual(max(map(columns, self.ladder(GOOD, width=1).splitlines())), 40)

    def test_tls_times_and_silence(self):
        out = self.ladder(TIMED)
        self.assertIn('silence: 40 s', out)
        self.assertRegex(out, r'(?m)^▶ +41 s line \d+ ║◄─+ 535 ')
        self.assertIn('password *** (8: letters, digits)', out)
        self.assertNotIn('aHVudGVyMjI=', out)

    def test_colours_only_if_wanted(self):
        plain, colour = self.ladder(UNDERSCORE), self.ladder(UNDERSCORE, '--color', 'always')
        self.assertNotIn('\x1b', plain)
        self.assertEqual(re.sub('\x1b\\[[0-9;]*m', '', colour).split('Session 1')[0], plain.split('Session 1')[0])
        self.assertIn('\x1b[1;31m', colour)

    def test_verbose_shows_whole_replies(self):
        self.assertIn('(+1 line)', self.ladder(LOGIN))
        out = self.ladder(LOGIN, '--verbose')
        self.assertIn('250 AUTH PLAIN', out)
        self.assertNotIn('(+1 line)', out)

    def test_hostile_bytes_never_come_out(self):
        self.assertNotRegex(self.ladder(EVIL), '[\x00-\x09\x0b-\x1f\x7f]')

    def test_only_the_first_sessions_are_drawn(self):
        out = run('read', '--ladder', data=log(200)).stdout.decode()
        self.assertEqual(len(re.findall(r'(?m)^Session \d+: ', out)), 50)
        self.assertIn('150 more sessions are not drawn', out)


class Filters(Case):
    def doc(self, *args, data=None, status=1):
        result = run('read', '--json', *args, data=data or log(9))
        self.assertEqual(result.returncode, status, result.stderr)
        return json.loads(result.stdout)

    def test_by_party(self):
        for args in (['--client', '192.0.2.2'], ['--client', 'c1.example.org'], ['--client', 'C1.EXAMPLE.ORG']):
            doc = self.doc(*args)
            self.assertEqual([s['client']['name'] for s in doc['sessions']], ['c1.example.org'])
            self.assertEqual([f['cause'] for f in doc['findings']], ['credentials-rejected'])
            self.assertEqual(doc['left_out'], {'sessions': 8, 'findings': 0})
        self.assertEqual(len(self.doc('--client', 'example.org')['sessions']), 9)
        self.assertNotIn('left_out', self.doc())
        self.assertEqual(len(self.doc('--server', 'mx', data=UNDERSCORE)['sessions']), 1)

    def test_by_number(self):
        self.assertEqual([s['id'] for s in self.doc('--session', '2,4')['sessions']], [2, 4])
        self.assertEqual([s['id'] for s in self.doc('--session', '3', status=0)['sessions']], [3])
        for bad in ('', 'x', '0', '1,', '1,x', '1 2', '-1', '99999999999', ','.join(['1'] * 65)):
            self.check(run('read', '--session', bad, data=UNDERSCORE), 2, '--session')

    def test_nothing_left(self):
        for args in (['--client', '203.0.113.9'], ['--session', '77'], ['--server', 'nobody.example']):
            out = self.check(run('read', *args, data=log(9)), 3, 'no session')
            self.assertEqual(out.count('\n'), 1)
            self.assertEqual(self.doc(*args, status=3)['sessions'], [])

    def test_by_cause(self):
        doc = self.doc('--cause', 'credentials-rejected')
        self.assertEqual([f['cause'] for f in doc['findings']], ['credentials-rejected'])
        self.assertEqual(doc['left_out']['findings'], 1)
        self.assertTrue(all(s['client']['name'] in ('c1.example.org', 'c4.example.org', 'c7.example.org') for s in doc['sessions']))
        self.assertTrue(doc['sessions'])
        doc = self.doc('--cause', 'ehlo-name-underscore', status=0)
        self.assertEqual((doc['verdict'], doc['findings'], doc['sessions']), ('not-found', [], []))
        self.check(run('read', '--cause', 'ehlo-name-underscor', data=GOOD), 2, 'did you mean “ehlo-name-underscore”?')
        self.check(run('read', '--cause', 'xyzzy', data=GOOD), 2, 'explain --list')

    def test_said_in_one_line_everywhere(self):
        for args in ([], ['--ladder'], ['--html', '-']):
            self.check(run('read', '--session', '1', *args, data=log(9)), 1, 'Left out, as asked: 8 sessions.')
        out = self.check(run('read', '--cause', 'credentials-rejected', '--html', '-', data=log(9)), 1, 'Left out, as asked: 1 finding.')
        self.assertNotIn('Relaying', Page(out).words())


@unittest.skipUnless(shutil.which('chromium') and shutil.which('chromedriver'), 'no chromium here')
class Browser(Case):
    """The page in a real browser, driven by WebDriver."""
    ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
            '--disable-sync', '--disable-dev-shm-usage']

    def setUp(self):
        super().setUp()
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
        self.base = f'http://127.0.0.1:{port}'
        driver = subprocess.Popen(['chromedriver', f'--port={port}'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(driver.wait)
        self.addCleanup(driver.terminate)
        options = {'binary': shutil.which('chromium'), 'args': self.ARGS + [f'--user-data-dir={self.folder}/profile']}
        for _ in range(100):
            try:
                answer = self.ask('/session', {'capabilities': {'alwaysMatch': {'goog:chromeOptions': options, 'goog:loggingPrefs': {'browser': 'ALL'}}}})
                break
            except urllib.error.HTTPError as e:
                self.skipTest('chromium does not start here: ' + e.read().decode('utf-8', 'replace')[:300])
            except OSError:
                time.sleep(0.1)
        else:
            self.fail('chromedriver does not answer')
        self.session = '/session/' + answer['sessionId']
        self.addCleanup(self.ask, self.session, None, 'DELETE')

    def ask(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {'Content-Type': 'application/json'}, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as f:
            return json.load(f)['value']

    def js(self, script):
        return self.ask(self.session + '/execute/sync', {'script': script, 'args': []})

    def cdp(self, command, **params):
        return self.ask(self.session + '/goog/cdp/execute', {'cmd': command, 'params': params})

    def open(self, data, *args):
        path = self.file('page.html', run('read', '--html', '-', *args, data=data).stdout)
        self.ask(self.session + '/url', {'url': 'file://' + path})

    def resize(self, width):
        self.cdp('Emulation.setDeviceMetricsOverride', width=width, height=800, deviceScaleFactor=1, mobile=False)

    def test_in_a_browser(self):
        self.open(EVIL)
        self.assertEqual(self.js('return document.scripts.length + document.images.length'), 0)
        self.assertEqual(self.js('return document.styleSheets.length'), 1)
        self.assertEqual(self.js("return getComputedStyle(document.querySelector('.lane')).borderLeftWidth"), '3px')
        self.assertEqual([m for m in self.ask(self.session + '/se/log', {'type': 'browser'})], [])
        for data in (EVIL, TIMED, LOGIN, log(60)):
            self.open(data)
            self.js("document.querySelectorAll('details').forEach(d => d.open = true)")
            for width in (320, 360, 800, 1400):
                self.resize(width)
                self.assertLessEqual(self.js('return document.documentElement.scrollWidth'), width)

    def test_light_dark_and_paper(self):
        self.open(TIMED)
        seen = set()
        for scheme in ('light', 'dark'):
            self.cdp('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])
            colours = self.js("""
                const value = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(x => (x /= 255) <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
                                     return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
                const style = s => getComputedStyle(document.querySelector(s));
                const contrast = (a, b) => { a = value(a); b = value(b); return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
                const paper = style('html').backgroundColor;
                return [paper, contrast(style('html').color, paper), contrast(style('.where').color, paper), contrast(style('h1').color, style('.verdict').backgroundColor),
                        contrast(style('.label span').color, style('.label span').backgroundColor)];""")
            seen.add(colours[0])
            for ratio in colours[1:]:
                self.assertGreaterEqual(ratio, 4.5, colours)   # WCAG AA
        self.assertEqual(len(seen), 2)
        pdf = base64.b64decode(self.ask(self.session + '/print', {'page': {'width': 21.0, 'height': 29.7}}))
        self.assertTrue(pdf.startswith(b'%PDF'))

    def test_keyboard(self):
        self.open(LOGIN)
        self.js("document.body.focus()")
        key = {'actions': [{'type': 'key', 'id': 'k', 'actions': [{'type': 'keyDown', 'value': '\ue004'}, {'type': 'keyUp', 'value': '\ue004'}]}]}
        self.ask(self.session + '/actions', key)
        self.assertEqual(self.js('return document.activeElement.className'), 'skip')
        self.assertGreaterEqual(self.js("return document.activeElement.getBoundingClientRect().top"), 0)
        reached = set()
        for _ in range(40):
            self.ask(self.session + '/actions', key)
            reached.add(self.js('return document.activeElement.tagName'))
        self.assertIn('SUMMARY', reached)
        self.assertIn('A', reached)


if __name__ == '__main__':
    unittest.main()
