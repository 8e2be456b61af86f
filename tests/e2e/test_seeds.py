#!/usr/bin/env python3
"""The stories it began with, end to end: clients that behave like those devices, real Exim, Postfix and Dovecot, tcpdump on the loopback, and the verdict from the
capture alone. Skipped where servers or tcpdump cannot be had."""
import base64, hashlib, hmac, json, os, shutil, signal, socket, ssl, subprocess, time, unittest

import test_servers
from test_servers import PASSWORD, TELLTALE, USERS


class Client:
    """Says lines, waits for answers, like a device: no library in between."""
    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), 10)
        self.file = self.socket.makefile('rb')

    def line(self):
        return self.file.readline().decode('ascii', 'replace').rstrip('\r\n')

    def reply(self):
        while True:
            line = self.line()
            if not line or line[3:4] != '-':
                return line

    def say(self, text):
        self.socket.sendall(text.encode() + b'\r\n')
        return self.reply()

    def tagged(self, text):
        self.socket.sendall(text.encode() + b'\r\n')
        while True:
            line = self.line()
            if not line or line.split()[0] == text.split()[0] or line.startswith('+'):
                return line

    def starttls(self, context):
        self.file.close()
        self.socket = context.wrap_socket(self.socket, server_hostname='mx.example.net')
        self.file = self.socket.makefile('rb')

    def close(self):
        self.file.close()
        self.socket.close()


def b64(text):
    return base64.b64encode(text.encode()).decode()


def cram(challenge, user, password):
    digest = hmac.new(password.encode(), base64.b64decode(challenge), hashlib.md5).hexdigest()
    return b64(f'{user} {digest}')


class Story(test_servers.Server):
    @classmethod
    def prepare(cls, *packages):
        if not shutil.which('tcpdump'):
            raise unittest.SkipTest('tcpdump is not here')
        super().prepare(*packages)

    def capture(self, act, port=None):
        """Runs act(Client) under tcpdump; the capture's name."""
        path = os.path.join(self.folder, self.id().split('.')[-1] + '.pcap')
        dump = subprocess.Popen(['tcpdump', '-i', 'lo', '-U', '--immediate-mode', '-s', '0', '-w', path, f'tcp port {port or self.port}'], stderr=subprocess.PIPE)
        try:
            line = dump.stderr.readline()
            while line and b'listening on' not in line:
                line = dump.stderr.readline()
            if not line:
                self.skipTest('tcpdump may not listen here')
            act(port or self.port)
            time.sleep(0.6)
        finally:
            dump.send_signal(signal.SIGINT)
            dump.communicate()
        return path

    def verdict(self, path, *options):
        p = subprocess.run([TELLTALE, 'read', '--json', '--events', *options, path], capture_output=True, timeout=60)
        self.assertTrue(p.stdout, p.stderr)
        document = json.loads(p.stdout)
        return [f['cause'] for f in document['findings']], document


EXIM = ('exim4-daemon-light', 'exim4-base', 'libspf2-2', 'libidn12', 'libgnutls-dane0')


class Exim(Story):
    @classmethod
    def setUpClass(cls):
        cls.prepare(*EXIM)
        d = cls.folder
        cls.write('exim.conf', f'''
primary_hostname = mx.example.net
daemon_smtp_ports = {cls.port}
local_interfaces = 127.0.0.1
spool_directory = {d}/spool
log_file_path = {d}/%slog
pid_file_path = {d}/pid
exim_user = root
exim_group = root
never_users =
host_lookup =
keep_environment =
tls_advertise_hosts =
acl_smtp_rcpt = check_rcpt
acl_smtp_auth = check_auth
begin acl
check_rcpt:
  accept authenticated = *
  deny message = relay not permitted
check_auth:
  deny message = 500 5.5.1 Invalid command
       condition = ${{if match{{$smtp_command_argument}}{{^LOGIN .}}}}
  accept
begin routers
begin transports
begin authenticators
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{user}}}}{{eq{{$auth2}}{{{PASSWORD}}}}}}}}}
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = fail
''')
        cls.start(f'/usr/sbin/exim4 -C {d}/exim.conf -bdf')

    def test_konica_cannot_connect(self):
        """A Konica Minolta greets as DIGITAL_MFP."""
        def act(port):
            c = Client(port)
            self.assertTrue(c.reply().startswith('220'))
            self.assertTrue(c.say('EHLO DIGITAL_MFP').startswith('501'))
            self.assertTrue(c.say('HELO DIGITAL_MFP').startswith('501'))
            c.say('QUIT')
            c.close()
        causes, document = self.verdict(self.capture(act))
        self.assertEqual(causes[:1], ['ehlo-name-underscore'])
        self.assertIn('DIGITAL_MFP', document['findings'][0]['summary'])

    def test_exchange_initial_response(self):
        """Exchange 2003 puts the user name on the AUTH LOGIN line."""
        def act(port):
            c = Client(port)
            c.reply()
            c.say('EHLO y.dyndns.org')
            self.assertTrue(c.say('AUTH LOGIN ' + b64('user')).startswith('500'))
            c.say('QUIT')
            c.close()
        self.assertEqual(self.verdict(self.capture(act))[0][:1], ['auth-login-initial-response'])

    def test_nokia_cram(self):
        """A Nokia takes CRAM-MD5 because it is offered; with LOGIN the same password passes."""
        def act(port):
            c = Client(port)
            c.reply()
            c.say('EHLO nokia.example.net')
            challenge = c.say('AUTH CRAM-MD5')
            self.assertTrue(challenge.startswith('334 '))
            self.assertTrue(c.say(cram(challenge[4:], 'user', PASSWORD)).startswith('535'))
            self.assertTrue(c.say('AUTH LOGIN').startswith('334'))
            c.say(b64('user'))
            self.assertTrue(c.say(b64(PASSWORD)).startswith('235'))
            c.say('QUIT')
            c.close()
        self.assertEqual(self.verdict(self.capture(act))[0][:1], ['auth-mech-advertised-but-broken'])

    def test_relaying(self):
        def act(port):
            c = Client(port)
            c.reply()
            c.say('EHLO scanner.example.net')
            c.say('MAIL FROM:<a@example.net>')
            self.assertTrue(c.say('RCPT TO:<b@elsewhere.example>').startswith('550'))
            c.say('QUIT')
            c.close()
        self.assertEqual(self.verdict(self.capture(act))[0][:1], ['relay-denied-not-authenticated'])


class Postfix(Story):
    @classmethod
    def setUpClass(cls):
        cls.prepare('postfix')
        d = cls.folder
        cls.write('etc/main.cf', f'''
compatibility_level = 3.6
myhostname = mx.example.net
mydestination = mx.example.net, example.net
queue_directory = {d}/spool
data_directory = {d}/data
maillog_file = {d}/maillog
maillog_file_prefixes = {d}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
local_recipient_maps =
alias_maps =
alias_database =
smtpd_delay_reject = no
smtpd_helo_restrictions = reject_invalid_helo_hostname
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_cert_file = {d}/cert.pem
smtpd_tls_key_file = {d}/key.pem
smtpd_client_connection_rate_limit = 0
''')
        cls.write('etc/master.cf', f'''
127.0.0.1:{cls.port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
rewrite unix - - n - - trivial-rewrite
cleanup unix n - n - 0 cleanup
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
error unix - - n - - error
local unix - n n - - error
smtp unix - - n - - error
relay unix - - n - - error
''')
        for name in ('spool/pid', 'spool/private', 'spool/public', 'spool/incoming', 'spool/active', 'spool/maildrop', 'spool/defer', 'data'):
            os.makedirs(os.path.join(d, name))
        os.chown(os.path.join(d, 'data'), USERS['postfix'], USERS['postfix'])
        for name in os.listdir(os.path.join(d, 'spool')):
            if name != 'pid':
                os.chown(os.path.join(d, 'spool', name), USERS['postfix'], USERS['postfix'])
        cls.start(f'/usr/lib/postfix/sbin/master -c {d}/etc -d')

    def send(self, c):
        c.say('MAIL FROM:<a@example.net>')
        c.say('RCPT TO:<postmaster@example.net>')
        c.say('DATA')
        reply = c.say('Subject: scan\r\n\r\nSee the scan.\r\n.')
        c.say('QUIT')
        c.close()
        return reply

    def test_underscore_passes_here(self):
        def act(port):
            c = Client(port)
            c.reply()
            self.assertTrue(c.say('EHLO DIGITAL_MFP').startswith('250'))
            self.assertTrue(self.send(c).startswith('250'))
        causes, document = self.verdict(self.capture(act))
        self.assertEqual((causes, document['sessions'][0]['outcome']), ([], 'ok'))

    def tls_session(self, context):
        def act(port):
            c = Client(port)
            c.reply()
            c.say('EHLO scanner.example.net')
            self.assertTrue(c.say('STARTTLS').startswith('220'))
            c.starttls(context)
            self.assertTrue(c.say('EHLO scanner.example.net').startswith('250'))
            self.assertTrue(self.send(c).startswith('250'))
        return self.capture(act)

    def test_inside_of_tls(self):
        """Closed without the key log, with the reason; read with it."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.keylog_filename = os.path.join(self.folder, 'keys')
        path = self.tls_session(context)
        causes, document = self.verdict(path)
        self.assertEqual(causes, [])
        self.assertTrue(any('SSLKEYLOGFILE' in e['text'] for e in document['sessions'][0]['events']))
        causes, document = self.verdict(path, '--keylog', context.keylog_filename)
        self.assertEqual((causes, document['sessions'][0]['outcome']), ([], 'ok'))

    def test_distrusted_certificate(self):
        context = ssl.create_default_context()
        def act(port):
            c = Client(port)
            c.reply()
            c.say('EHLO scanner.example.net')
            c.say('STARTTLS')
            with self.assertRaises(ssl.SSLError):
                c.starttls(context)
            c.socket.close()
        causes, _ = self.verdict(self.capture(act))
        self.assertEqual(causes[:1], ['cert-self-signed'])

    def test_tls_on_the_plain_port(self):
        def act(port):
            with self.assertRaises(ssl.SSLError):
                ssl.create_default_context().wrap_socket(socket.create_connection(('127.0.0.1', port)), server_hostname='mx.example.net')
        causes, _ = self.verdict(self.capture(act))
        self.assertEqual(causes[:1], ['implicit-tls-on-plaintext-port'])


class Dovecot(Story):
    @classmethod
    def setUpClass(cls):
        cls.prepare('dovecot-core', 'dovecot-imapd', 'libexttextcat-2.0-0')
        d = cls.folder
        cls.write('users', f'user:{{SHA256}}{base64.b64encode(hashlib.sha256(PASSWORD.encode()).digest()).decode()}::::::\n')
        cls.write('dovecot.conf', f'''
protocols = imap
base_dir = {d}/run
log_path = {d}/log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5
auth_failure_delay = 0
mail_location = maildir:{d}/mail
mail_uid = 1109
mail_gid = 1109
listen = 127.0.0.1
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {cls.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = passwd-file
  args = {d}/users
}}
userdb {{
  driver = static
  args = uid=1109 gid=1109 home={d}/mail
}}
''')
        os.makedirs(os.path.join(d, 'mail'))
        os.chown(os.path.join(d, 'mail'), 1109, 1109)
        cls.start(f'/usr/sbin/dovecot -F -c {d}/dovecot.conf')

    def test_cram_over_hashes(self):
        """CRAM-MD5 needs the password itself; Dovecot has its hash."""
        def act(port):
            c = Client(port)
            c.line()
            challenge = c.tagged('a1 AUTHENTICATE CRAM-MD5')
            self.assertTrue(challenge.startswith('+ '), challenge)
            c.socket.sendall(cram(challenge[2:], 'user', PASSWORD).encode() + b'\r\n')
            self.assertTrue(c.line().startswith('a1 NO'))
            self.assertTrue(c.tagged(f'a2 LOGIN user {PASSWORD}').startswith('a2 OK'))
            c.tagged('a3 LOGOUT')
            c.close()
        self.assertEqual(self.verdict(self.capture(act))[0][:1], ['auth-mech-advertised-but-broken'])

    def test_wrong_password(self):
        def act(port):
            c = Client(port)
            c.line()
            self.assertTrue(c.tagged('a1 LOGIN user wrong').startswith('a1 NO'))
            c.tagged('a2 LOGOUT')
            c.close()
        self.assertEqual(self.verdict(self.capture(act))[0][:1], ['credentials-rejected'])


class Network(Story):
    def setUp(self):
        if not shutil.which('tcpdump') or os.geteuid() != 0:
            self.skipTest('tcpdump may not listen here')
        self.folder = os.environ.get('TMPDIR', '/tmp')

    def test_nothing_listens(self):
        port = 993
        def act(port):
            try:
                socket.create_connection(('127.0.0.1', port), 2).close()
                self.skipTest('something listens on 993 here')
            except ConnectionRefusedError:
                pass
        path = self.capture(act, port)
        self.addCleanup(os.remove, path)
        self.assertEqual(self.verdict(path)[0][:1], ['connection-refused'])


if __name__ == '__main__':
    unittest.main()
