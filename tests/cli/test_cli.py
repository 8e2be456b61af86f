#!/usr/bin/env python3
"""Drives the program as people and scripts do. $TELLTALE is the binary; run one test: test_cli.py Class.test_name"""
import json, os, re, resource, shutil, signal, subprocess, sys, tempfile, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '..', '..')
TELLTALE = os.path.abspath(os.environ.get('TELLTALE', os.path.join(ROOT, 'build', 'telltale')))
SANITIZED = os.environ.get('TELLTALE_SANITIZED') == '1'
MEMORY_MAX = 80 << 20   # DESIGN.md: 64 MiB for reading; the rest is the program, its tables and libraries

UNDERSCORE = b'220 mx ESMTP Exim 4.96\r\nEHLO DIGITAL_MFP\r\n501 Syntactically invalid EHLO argument(s)\r\n'
GOOD = (b'220 mx.example.net ESMTP\r\nEHLO a.example\r\n250 mx.example.net\r\nMAIL FROM:<a@a.example>\r\n250 ok\r\nRCPT TO:<b@b.example>\r\n250 ok\r\n'
        b'DATA\r\n354 go\r\nSubject: x\r\n\r\nx\r\n.\r\n250 queued\r\nQUIT\r\n221 bye\r\n')


def run(*args, data=b'', timeout=30, **more):
    environment = {k: v for k, v in os.environ.items() if k not in ('LANGUAGE', 'LANG', 'LC_ALL', 'LC_MESSAGES', 'NO_COLOR', 'TELLTALE_KNOWLEDGE')}
    environment.update(more.pop('env', {}))
    return subprocess.run([TELLTALE, *args], input=data, capture_output=True, timeout=timeout, env=environment, **more)


def capture(dialogue):
    """A pcap of the dialogue (SMTP lines, the server's begin with a digit) over raw IPv4."""
    import struct
    out, seq = struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101), {25: 1, 40000: 1}

    def packet(n, source, flags, data=b''):
        target = 40000 if source == 25 else 25
        tcp = struct.pack('>HHIIBBHHH', source, target, seq[source], seq[target], 5 << 4, flags, 65535, 0, 0) + data
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), n, 0, 64, 6, 0, *(bytes((192, 0, 2, 25 if p == 25 else 7)) for p in (source, target))) + tcp
        seq[source] += len(data) + (flags & 3 != 0)
        return struct.pack('<IIII', 1700000000, n * 1000, len(ip), len(ip)) + ip

    steps = [(40000, 2, b''), (25, 18, b''), (40000, 16, b'')]
    steps += [(25 if line[:1].isdigit() else 40000, 24, line) for line in dialogue.splitlines(True)] + [(40000, 17, b''), (25, 17, b''), (40000, 16, b'')]
    return out + b''.join(packet(n, *step) for n, step in enumerate(steps))


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='telltale-')
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as f:
            f.write(data)
        return path

    def read(self, path):
        with open(path, encoding='utf-8') as f:
            return f.read()

    def check(self, result, status, *words):
        out = (result.stdout + result.stderr).decode('utf-8', 'replace')
        self.assertEqual(result.returncode, status, out)
        for word in words:
            self.assertIn(word, out)
        return out


class Usage(Case):
    def test_version_and_help(self):
        self.check(run('--version'), 0, 'telltale 0.')
        for args in (['--help'], ['help'], ['-h']):
            self.check(run(*args), 0, 'Usage:', 'Subcommands:', 'read')
        self.assertEqual(run('read', '--help').stdout, run('help', 'read').stdout)
        self.check(run('read', '-h'), 0, '--json', '--redact', 'Exit status')

    def test_every_subcommand_has_help(self):
        lines = run('--help').stdout.decode().split('Subcommands:')[1].splitlines()
        names = [line.split()[0] for line in lines if line.startswith('  ') and line[2] != ' ']
        self.assertIn('read', names)
        for name in names:
            out = self.check(run(name, '--help'), 0, 'Usage: telltale ' + name)
            for line in out.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_bad_usage_is_one_clear_line(self):
        for args, words in [
            (['--jsonn'], 'no option --jsonn'),
            (['read', '--jsonn'], 'did you mean --json?'),
            (['read', '--redcat'], 'did you mean --redact?'),
            (['read', '-x'], 'no option -x'),
            (['read', '-vx'], 'no option -x'),
            (['read', '--json=yes'], 'takes no argument'),
            (['read', '--lang'], '--lang CODE'),
            (['read', '-l'], '--lang CODE'),
            (['read', '--color', 'blue'], '--color'),
            (['raed'], 'did you mean “read”?'),
            (['session.txt'], 'telltale read session.txt'),
            (['help', 'nonsense-word'], 'no subcommand'),
        ]:
            result = run(*args)
            self.check(result, 2, words)
            self.assertEqual(result.stdout, b'', args)
            self.assertLessEqual(result.stderr.count(b'\n'), 2, args)

    def test_no_arguments(self):
        self.check(run(), 2, 'Subcommands:')


class ExitStatus(Case):
    def test_fault(self):
        self.check(run('read', self.file('a', UNDERSCORE)), 1, 'underscore', 'helo_allow_chars', 'line 2', 'EHLO DIGITAL_MFP')

    def test_nothing_wrong(self):
        self.check(run('read', data=GOOD), 0, 'Nothing wrong found', '1 session')

    def test_cannot_tell(self):
        self.check(run('read', '-', data=b'220 mx\r\nEHLO a.example\r\n250 mx\r\nNOOP\r\n599 flux\r\nMAIL FROM:<a@a.example>\r\n599 flux frobnicated\r\n'), 1, 'I cannot tell', 'flux')

    def test_unreadable(self):
        self.check(run('read', os.path.join(self.folder, 'none')), 3, 'none')
        self.check(run('read', self.folder), 3)
        self.check(run('read', data=b''), 3, 'empty')

    def test_one_of_several_unreadable(self):
        good, bad = self.file('good', GOOD), self.file('bad', UNDERSCORE)
        self.check(run('read', good, os.path.join(self.folder, 'none')), 3)
        self.check(run('read', bad, os.path.join(self.folder, 'none')), 1)

    def test_stdin_and_file_agree(self):
        self.assertEqual(run('read', data=UNDERSCORE).stdout, run('read', self.file('a', UNDERSCORE)).stdout)

    def test_knowledge_folder(self):
        self.check(run('read', '--knowledge', self.folder, data=GOOD), 3)
        os.mkdir(os.path.join(self.folder, 'causes'))
        self.file('causes/x.yaml', b'causes:\n  - id: x\n    wrong: yes\n')
        self.check(run('read', '--knowledge', self.folder, data=GOOD), 3, 'x.yaml')


class Output(Case):
    def test_json(self):
        doc = json.loads(run('read', '--json', data=UNDERSCORE).stdout)
        self.assertEqual(doc['schema'], 'telltale/1')
        self.assertEqual(doc['inputs'][0]['bytes'], len(UNDERSCORE))
        finding = doc['findings'][0]
        self.assertEqual(finding['cause'], 'ehlo-name-underscore')
        self.assertIn('DIGITAL_MFP', finding['summary'])
        self.assertEqual({'session': 1, 'where': 'line 2', 'quote': 'EHLO DIGITAL_MFP'}.items() - finding['evidence'][0].items(), set())
        self.assertTrue(all(set(fix) == {'for', 'text'} for fix in finding['fix']))
        self.assertNotIn('events', doc['sessions'][0])
        events = json.loads(run('read', '--json', '--events', data=UNDERSCORE).stdout)['sessions'][0]['events']
        self.assertEqual([e['kind'] for e in events], ['greeting', 'command', 'reply'])
        self.assertEqual([e['side'] for e in events], ['server', 'client', 'server'])
        self.assertEqual(json.loads(run('read', '--json', data=GOOD).stdout)['findings'], [])

    def test_json_of_several_files_names_them(self):
        doc = json.loads(run('read', '--json', self.file('one.log', GOOD), self.file('two.log', UNDERSCORE)).stdout)
        self.assertEqual(doc['findings'][0]['evidence'][0]['where'], 'two.log:2')

    def test_jsonl(self):
        lines = [json.loads(line) for line in run('read', '--jsonl', data=GOOD + b'\n' + UNDERSCORE).stdout.splitlines()]
        self.assertEqual([line.get('outcome') for line in lines], ['ok', 'refused', None])
        self.assertEqual(lines[-1]['findings'][0]['cause'], 'ehlo-name-underscore')

    def test_verbose_shows_who_said_what(self):
        self.check(run('read', '-v', data=UNDERSCORE), 1, 'Session 1', 'C  EHLO DIGITAL_MFP', 'S  501')

    def test_width_and_colours(self):
        out = run('read', '-v', data=UNDERSCORE).stdout.decode()
        self.assertNotIn('\033', out)
        for line in out.splitlines():
            self.assertTrue(len(line) <= 80 or ' ' not in line.strip(), line)
        self.assertIn(b'\033[1;31m', run('read', '--color', 'always', data=UNDERSCORE).stdout)

    def test_colours_on_a_terminal_only(self):
        import pty
        for env, expected in (({'TERM': 'xterm'}, True), ({'TERM': 'xterm', 'NO_COLOR': '1'}, False), ({'TERM': 'dumb'}, False)):
            master, slave = pty.openpty()
            child = subprocess.Popen([TELLTALE, 'read', self.file('a', UNDERSCORE)], stdout=slave, env={**os.environ, 'NO_COLOR': '', **env})
            os.close(slave)
            out = b''
            try:
                while chunk := os.read(master, 65536):
                    out += chunk
            except OSError:
                pass
            child.wait(20)
            os.close(master)
            self.assertEqual(b'\033[' in out, expected, env)

    def test_secrets(self):
        data = (b'220 mx ESMTP\r\nEHLO a\r\n250-mx\r\n250 AUTH PLAIN\r\nAUTH PLAIN AGpvaG4AaHVudGVyMnNlY3JldA==\r\n535 5.7.8 authentication failed\r\n'
                b'$ swaks --auth-password hunter2secret\npassword=hunter2secret\n')
        for args in (['read'], ['read', '-v'], ['read', '--json', '--events'], ['read', '--jsonl', '--events'], ['read', '-v', '--redact']):
            out = run(*args, data=data).stdout
            self.assertNotIn(b'hunter2secret', out, args)
            self.assertNotIn(b'AGpvaG4A', out, args)
        self.assertIn(b'hunter2secret', run('read', '-v', '--show-secrets', data=data).stdout)

    def test_redact(self):
        data = UNDERSCORE.replace(b"220 mx", b"220 mx.secret-corp.com").replace(b"DIGITAL", b"OFFICE") + b'MAIL FROM:<boss@secret-corp.com>\r\n550 no 198.18.7.6\r\n'
        for args in (['read', '-v'], ['read', '--json', '--events']):
            out = run(*args, '--redact', data=data).stdout
            for word in (b'secret-corp', b'boss', b'198.18.7.6', b'OFFICE_MFP'):
                self.assertNotIn(word, out)

    def test_the_same_twice(self):
        for args in (['read', '-v'], ['read', '--json', '--events']):
            self.assertEqual(run(*args, data=UNDERSCORE * 20).stdout, run(*args, data=UNDERSCORE * 20).stdout)

    LANGUAGES = (
        ('pl', 'Dowody', 'Nazwa w EHLO zawiera podkreślenie', 'którego mx nie dopuszcza'),
        ('ru', 'Доказательства', 'В имени EHLO есть подчёркивание', 'а mx его не допускает'),
        ('es', 'Pruebas', 'El nombre en EHLO lleva un guion bajo', 'que mx no admite'),
    )

    def test_languages(self):
        for lang, word, title, summary in self.LANGUAGES:
            env = {'TELLTALE_LOCALEDIR': os.environ['TELLTALE_LOCALEDIR']} if 'TELLTALE_LOCALEDIR' in os.environ else {}
            if not env:
                self.skipTest('no message catalogues')
            self.check(run('read', '--lang', lang, data=UNDERSCORE, env=env), 1, word)
            self.check(run('read', data=UNDERSCORE, env={**env, 'LC_ALL': 'C.UTF-8', 'LANGUAGE': lang}), 1, word)
            first = json.loads(run('read', '--json', '--lang', lang, data=UNDERSCORE, env=env).stdout)['findings'][0]
            self.assertEqual((first['cause'], first['title']), ('ehlo-name-underscore', title))
            self.assertIn(summary, first['summary'])
            self.assertIn('DIGITAL_MFP', first['summary'])
        self.check(run('read', '--lang', 'tlh', data=UNDERSCORE), 1, 'Evidence')


class OddInput(Case):
    def same_cause(self, data):
        doc = json.loads(run('read', '--json', data=data).stdout)
        self.assertEqual([f['cause'] for f in doc['findings']][:1], ['ehlo-name-underscore'], data[:80])

    def test_line_ends(self):
        text = UNDERSCORE.replace(b'\r\n', b'\n')
        self.same_cause(UNDERSCORE)
        self.same_cause(text)
        self.same_cause(text.replace(b'\n', b'\r'))
        self.same_cause(text.rstrip(b'\n'))

    def test_encodings(self):
        text = UNDERSCORE.decode()
        self.same_cause(b'\xef\xbb\xbf' + UNDERSCORE)
        self.same_cause(text.encode('utf-16'))
        self.same_cause(b'\xff\xfe' + text.encode('utf-16-le'))
        self.same_cause(b'\xfe\xff' + text.encode('utf-16-be'))

    def test_compressed(self):
        import gzip
        self.same_cause(gzip.compress(UNDERSCORE))

    def test_half_a_paste(self):
        for n in range(0, len(UNDERSCORE), 3):
            self.assertIn(run('read', data=UNDERSCORE[:n]).returncode, (0, 1, 3))
            self.assertIn(run('read', '--json', '--events', data=UNDERSCORE[n:]).returncode, (0, 1, 3))

    def test_binary(self):
        import random
        noise = random.Random(1)
        for data in (bytes(range(256)) * 64, b'\0' * 100000, noise.randbytes(200000), b'\x16\x03\x01' * 1000, b'\x1f\x8b\x08' + noise.randbytes(1000),
                     b'\xff\xfe' + noise.randbytes(999), b'\x28\xb5\x2f\xfd' + noise.randbytes(500), b'220-' * 100000, b'=' * 300000, b'"' * 100001):
            for args in (['read'], ['read', '--json', '--events', '--redact'], ['read', '-v']):
                result = run(*args, data=data)
                self.assertIn(result.returncode, (0, 1, 3), (data[:20], result.stderr[-500:]))
                self.assertNotIn(b'\0', result.stdout)
                self.assertNotIn(b'\033', result.stdout)
                if '--json' in args and result.returncode != 3:
                    json.loads(result.stdout)

    def test_endless_line(self):
        self.assertIn(run('read', data=b'220 ' + b'a' * (8 << 20)).returncode, (0, 1))


class Large(Case):
    def measured(self, *args, **more):
        """Exit status and the peak memory of that run alone."""
        code = ('import os, resource, subprocess, sys\n'
                'r = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n'
                'print(r.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n')
        out = subprocess.run([sys.executable, '-c', code, TELLTALE, *args], capture_output=True, timeout=240, **more)
        status, peak = out.stdout.split()
        return int(status), int(peak) << 10

    def test_sparse_gibibyte(self):
        path = os.path.join(self.folder, 'sparse')
        with open(path, 'wb') as f:
            f.truncate(1 << 30 if not SANITIZED else 64 << 20)
        status, peak = self.measured('read', path)
        self.assertIn(status, (0, 1, 3))
        if not SANITIZED:
            self.assertLess(peak, MEMORY_MAX)

    def test_big_log_in_bounded_memory(self):
        path = os.path.join(self.folder, 'mail.log')
        good = ('Sep  1 10:{m:02}:31 mx postfix/smtpd[{p}]: connect from c{i}.example.net[192.0.2.7]\n'
                'Sep  1 10:{m:02}:31 mx postfix/smtpd[{p}]: 4F2A{i:06X}: client=c{i}.example.net[192.0.2.7]\n'
                'Sep  1 10:{m:02}:31 mx postfix/smtp[{p}]: 4F2A{i:06X}: to=<a@example.org>, relay=mx.example.org[198.51.100.3]:25, delay=1, delays=0/0/1/0, '
                'dsn=2.0.0, status=sent (250 2.0.0 Ok: queued)\n'
                'Sep  1 10:{m:02}:32 mx postfix/smtpd[{p}]: disconnect from c{i}.example.net[192.0.2.7] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5\n')
        bad = ('Sep  1 10:{m:02}:33 mx postfix/smtp[{p}]: 4F2B{i:06X}: to=<b@example.org>, relay=mx.example.org[198.51.100.3]:25, delay=1, delays=0/0/1/0, '
               'dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.3] said: 550 5.1.1 <b@example.org>: Recipient address rejected: User unknown '
               'in virtual mailbox table (in reply to RCPT TO command))\n')
        n = 120000 if not SANITIZED else 8000
        with open(path, 'w') as f:
            for i in range(n):
                f.write(good.format(i=i, m=i // 60 % 60, p=1000 + i % 5000))
                if i % 50 == 0:
                    f.write(bad.format(i=i, m=i // 60 % 60, p=1000))
        status, peak = self.measured('read', path)
        self.assertEqual(status, 1)
        if not SANITIZED:
            self.assertLess(peak, MEMORY_MAX)
        doc = json.loads(run('read', '--json', path, timeout=120).stdout)
        self.assertEqual(doc['findings'][0]['cause'], 'user-unknown')
        self.assertEqual(doc['findings'][0]['count'], n // 50)

    def test_time_is_linear(self):
        """Twice the input takes about twice the time: a quadratic reader shows here."""
        def seconds(data):
            start = time.monotonic()
            self.assertIn(run('read', data=data, timeout=120).returncode, (0, 1))
            return time.monotonic() - start
        for piece in (UNDERSCORE, b'password=', b'a@b', b'1 LOGIN "', b':::', b'%a%', b'250-x\n', b'some prose here\n', b'Error: '):
            n = (1 << 20) // len(piece)
            small, large = seconds(piece * n), seconds(piece * n * 3)
            self.assertLess(large, 8 * small + 2, piece)


class Streams(Case):
    def test_closed_stdout(self):
        result = subprocess.run(['sh', '-c', '"$0" read --json "$1" >&-', TELLTALE, self.file('a', UNDERSCORE)], capture_output=True, timeout=20)
        self.assertEqual(result.returncode, 3)
        self.assertIn(b'standard output', result.stderr)

    def test_full_disk(self):
        with open('/dev/full', 'wb') as full:
            result = subprocess.run([TELLTALE, 'read', self.file('a', UNDERSCORE)], stdout=full, stderr=subprocess.PIPE, timeout=20)
        self.assertEqual(result.returncode, 3)
        self.assertIn(b'No space left', result.stderr)

    def test_reader_that_leaves(self):
        result = subprocess.run(['sh', '-c', '"$0" read -v "$1" | head -c 10', TELLTALE, self.file('a', UNDERSCORE * 3000)], capture_output=True, timeout=30)
        self.assertEqual(result.stderr, b'')

    def test_interrupt(self):
        child = subprocess.Popen([TELLTALE, 'read'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.stdin.write(UNDERSCORE)
        child.stdin.flush()
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(5), -signal.SIGINT)
        child.communicate()

    def test_slow_input(self):
        child = subprocess.Popen([TELLTALE, 'read'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for i in range(0, len(UNDERSCORE), 20):
            child.stdin.write(UNDERSCORE[i:i + 20])
            child.stdin.flush()
            time.sleep(0.02)
        out, _ = child.communicate(timeout=20)
        self.assertIn(b'underscore', out)

    def test_same_file_twice_is_two_inputs(self):
        path = self.file('a', UNDERSCORE)
        self.assertEqual(len(json.loads(run('read', '--json', path, path).stdout)['inputs']), 2)


class Sandbox(Case):
    @unittest.skipIf(SANITIZED, 'sanitizers and the sandbox exclude each other')
    def test_reading_gives_up_what_it_does_not_need(self):
        child = subprocess.Popen([TELLTALE, 'read'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        child.stdin.write(UNDERSCORE)
        child.stdin.flush()
        for _ in range(50):
            time.sleep(0.1)
            status = dict(line.split(':', 1) for line in self.read(f'/proc/{child.pid}/status').splitlines() if ':' in line)
            if status['Seccomp'].strip() == '2':
                break
        out, _ = child.communicate(timeout=20)
        self.assertEqual((status['Seccomp'].strip(), status['NoNewPrivs'].strip()), ('2', '1'))
        self.assertIn(b'underscore', out)

    def test_all_uses_work_inside(self):
        """Whatever is read, in whatever way: the same answer as without the sandbox."""
        import gzip
        paths = [self.file('text', UNDERSCORE), self.file('text.gz', gzip.compress(UNDERSCORE)), self.file('utf-16', UNDERSCORE.decode().encode('utf-16')),
                 self.file('capture', capture(UNDERSCORE)), self.file('capture.gz', gzip.compress(capture(UNDERSCORE)))]
        if shutil.which('zstd'):
            paths.append(os.path.join(self.folder, 'text.zst'))
            subprocess.run(['zstd', '-q', paths[0]], check=True)
        for args in ([], ['--html', os.path.join(self.folder, 'page')], ['--ladder'], ['--json'], ['--jsonl', '--events'], ['--verbose'], ['--redact', '--json'], ['--lang', 'pl'], ['--lang', 'ru'], ['--color', 'always']):
            for path in paths:
                inside, outside = run('read', *args, path), run('read', '--no-sandbox', *args, path)
                self.assertEqual((inside.returncode, inside.stdout, inside.stderr), (outside.returncode, outside.stdout, outside.stderr), (args, path))
                self.assertEqual((inside.returncode, inside.stderr), (1, b''), (args, path))
        for locale in ('C', 'C.UTF-8', 'xx_XX.KOI8-R'):
            self.check(run('read', *paths, env={'LC_ALL': locale, 'TZ': 'Europe/Warsaw'}), 1, 'DIGITAL_MFP')
        self.check(run('read', *paths[:2], os.path.join(self.folder, 'none')), 1, 'none', 'DIGITAL_MFP')
        self.assertEqual(run('read', data=gzip.compress(UNDERSCORE)).returncode, 1)

    def test_many_files(self):
        paths = [self.file(f'f{n}', GOOD) for n in range(1500)] + [self.file('last', UNDERSCORE)]
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard == resource.RLIM_INFINITY or hard > 2000:
            self.check(run('read', *paths, timeout=120), 1, 'DIGITAL_MFP')

    def test_named_pipes_are_not_waited_for_in_turn(self):
        first, second = (os.path.join(self.folder, n) for n in ('first', 'second'))
        os.mkfifo(first)
        os.mkfifo(second)
        child = subprocess.Popen([TELLTALE, 'read', first, second], stdout=subprocess.PIPE)
        # Opens the second only after the first took more than a pipe holds.
        for path, data in ((first, b'x\n' * 200000), (second, UNDERSCORE)):
            with open(path, 'wb') as f:
                f.write(data)
        out, _ = child.communicate(timeout=20)
        self.assertIn(b'underscore', out)


class Samples(Case):
    def test_every_sample_has_its_cause(self):
        folder = os.path.join(ROOT, 'samples')
        listed = {}
        for line in self.read(os.path.join(folder, 'EXPECTED')).splitlines():
            if line.strip() and not line.startswith('#'):
                name, cause = line.split()[:2]
                listed[name] = cause
        files = {n for n in os.listdir(folder) if n not in ('EXPECTED', 'README.md')}
        self.assertEqual(files, set(listed))
        for name, cause in listed.items():
            doc = json.loads(run('read', '--json', os.path.join(folder, name)).stdout)
            found = [f['cause'] for f in doc['findings']] or ['no-fault']
            self.assertEqual(found[0], cause, name)


class Knowledge(Case):
    def test_commands_of_ours_exist(self):
        """What a finding tells people to run has to work."""
        names = set(re.findall(r'^  ([a-z]+) ', run('--help').stdout.decode().split('Subcommands:')[1], re.M))
        folder = os.path.join(ROOT, 'knowledge')
        told = set()
        for top, _, files in os.walk(folder):
            for name in files:
                if name.endswith('.yaml'):
                    told |= set(re.findall(r'\btelltale (read|explain|sasl|[a-z]+(?= --| [a-z]+://))', self.read(os.path.join(top, name))))
        self.assertIn('read', told)
        self.assertEqual(told - names, set())


class Arrows(Case):
    def test_an_arrow_that_is_not_allowed_is_seen(self):
        for folder in ('src', 'docs', 'tools'):
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(self.folder, folder))
        script = os.path.join(ROOT, 'tests', 'arrows.sh')
        self.assertEqual(subprocess.run(['sh', script, self.folder], capture_output=True).returncode, 0)
        with open(os.path.join(self.folder, 'src', 'proto', 'smtp.c'), 'a') as f:
            f.write('#include "diagnose/diagnose.h"\n')
        result = subprocess.run(['sh', script, self.folder], capture_output=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b'src/proto may not use diagnose', result.stdout)


class Completion(Case):
    def complete(self, *words):
        script = f'. {ROOT}/completion/telltale.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _telltale; printf "%s\\n" "${{COMPREPLY[@]}}"'
        out = subprocess.run(['bash', '-c', script, 'bash', TELLTALE, *words], capture_output=True, timeout=20, cwd=self.folder)
        self.assertEqual(out.stderr, b'')
        return out.stdout.decode().split()

    def test_bash(self):
        words = run('--help').stdout.decode()
        names = [line.split()[0] for line in words.split('Subcommands:')[1].splitlines() if line.startswith('  ') and line[2] != ' ']
        self.assertEqual(set(names) | {'help', '--help', '--version'}, set(self.complete('')))
        self.assertEqual(self.complete('re'), ['read'])
        for name in names:
            options = set(re.findall(r'^  (?:-\w, |    )(--[a-z0-9-]+)', run(name, '--help').stdout.decode(), re.M))
            self.assertIn('--help', options)
            self.assertEqual(options, set(self.complete(name, '-')), name)
        self.assertEqual(self.complete('read', '--color', 'a'), ['auto', 'always'])
        self.file('evidence.txt', b'')
        self.assertEqual(self.complete('read', 'ev'), ['evidence.txt'])

    def test_other_shells_parse(self):
        for shell, name in (('zsh', '_telltale'), ('fish', 'telltale.fish')):
            if shutil.which(shell):
                self.assertEqual(subprocess.run([shell, '-n', os.path.join(ROOT, 'completion', name)]).returncode, 0)


class Manual(Case):
    def test_every_option_is_in_the_manual(self):
        out = run('read', '--help').stdout.decode().split('Options:')[1].split('Exit status')[0]
        manual = self.read(os.path.join(ROOT, 'man', 'telltale-read.1.scd'))
        for option in re.findall(r'^ +(?:-\w, )? *--([a-z-]+)', out, re.M):
            self.assertIn('--' + option, manual.replace('\\', ''))


if __name__ == '__main__':
    unittest.main()
