#!/usr/bin/env python3
"""telltale probe against real mail servers of Debian: what it reports must be what their configuration says. The packages are fetched with apt-get download and
unpacked into a cache folder; each server runs in a mount namespace of its own with them laid over /usr. Only 127.0.0.1. Skipped where that cannot be had."""
import json, os, shutil, socket, subprocess, sys, tempfile, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '..', '..')
TELLTALE = os.path.abspath(os.environ.get('TELLTALE', os.path.join(ROOT, 'build', 'telltale')))
CACHE = os.path.abspath(os.environ.get('TELLTALE_E2E_CACHE', os.path.join(ROOT, 'build', 'e2e')))
PASSWORD = 's3cret'
USERS = {'root': 0, 'nobody': 65534, 'Debian-exim': 105, 'postfix': 106, 'dovecot': 107, 'dovenull': 108, 'mailbox': 1109}


def unpacked(*packages):
    """Folder with the packages' files; SkipTest when they cannot be had."""
    folder = os.path.join(CACHE, packages[0])
    if os.path.exists(os.path.join(folder, '.done')):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    try:
        subprocess.run(['apt-get', 'download', '-q', '-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=10', '-o', 'APT::Sandbox::User=root', *packages],
                       cwd=folder, check=True, capture_output=True, timeout=120)
        for name in os.listdir(folder):
            if name.endswith('.deb'):
                subprocess.run(['dpkg', '-x', name, 'root'], cwd=folder, check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError) as e:
        raise unittest.SkipTest(f'{packages[0]} cannot be had: {e}')
    open(os.path.join(folder, '.done'), 'w').close()
    return folder


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


class Server(unittest.TestCase):
    maxDiff = None

    @classmethod
    def prepare(cls, *packages):
        if os.geteuid() != 0 or subprocess.run(['unshare', '-m', 'true'], capture_output=True).returncode:
            raise unittest.SkipTest('mount namespaces need root here')
        cls.packages = os.path.join(unpacked(*packages), 'root')
        cls.folder = tempfile.mkdtemp(prefix='telltale-e2e-')
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        os.chmod(cls.folder, 0o755)
        cls.write('passwd', ''.join(f'{n}:x:{i}:{i}::/nonexistent:/bin/false\n' for n, i in USERS.items()))
        cls.write('group', ''.join(f'{n}:x:{i}:\n' for n, i in {**USERS, 'postdrop': 111}.items()))
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '30', '-subj',
                        '/CN=mx.example.net', '-addext', 'subjectAltName=DNS:mx.example.net'], cwd=cls.folder, check=True, capture_output=True)
        cls.port = free_port()

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
        return path

    @classmethod
    def start(cls, command, port=None):
        script = (f'mount -t overlay overlay -o lowerdir={cls.packages}/usr:/usr /usr && mount --bind {cls.folder}/passwd /etc/passwd && '
                  f'mount --bind {cls.folder}/group /etc/group && exec {command}')
        with open(os.path.join(cls.folder, 'out'), 'wb') as log:
            process = subprocess.Popen(['unshare', '-m', 'sh', '-c', script], stdout=log, stderr=log)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)
        for _ in range(100):
            if process.poll() is not None:
                break
            try:
                socket.create_connection(('127.0.0.1', port or cls.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        with open(os.path.join(cls.folder, 'out')) as f:
            raise unittest.SkipTest('the server does not start: ' + f.read()[-500:])

    def probe(self, *args, scheme='smtp', port=None, user=True):
        environment = {**os.environ, 'TELLTALE_PASSWORD': PASSWORD}
        result = subprocess.run([TELLTALE, 'probe', '--json', '--pause', '0', '--ehlo', 'client.example.com', '--ca', os.path.join(self.folder, 'cert.pem'),
                                 *(('--user', 'user') if user else ()), *args, f'{scheme}://127.0.0.1:{port or self.port}'],
                                capture_output=True, timeout=120, env=environment)
        self.assertTrue(result.stdout, result.stderr)
        return json.loads(result.stdout)

    def names(self, doc):
        return {e['form']: e['result'] for e in doc['probe']['ehlo_matrix']}

    def logins(self, doc):
        return {(a['mech'], 'tls' if a['tls'] else 'clear', a['password'], 'at-once' if a['initial_response'] else 'steps'): a['result']
                for a in doc['probe']['auth_matrix']}

    def causes(self, doc):
        return {f['cause'] for f in doc['findings']}


ALL_WORK = dict.fromkeys(('fqdn', 'underscore', 'short', 'localhost', 'bare-ip', 'bracketed-ip', 'empty', 'servers-own', 'helo-only'), 'works')


class Exim(Server):
    """Its own rules for names; PLAIN inside TLS only; CRAM-MD5 offered without a secret to compare with."""
    @classmethod
    def setUpClass(cls):
        cls.prepare('exim4-daemon-light', 'exim4-base', 'libspf2-2', 'libidn12', 'libgnutls-dane0')
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
tls_advertise_hosts = *
tls_certificate = {d}/cert.pem
tls_privatekey = {d}/key.pem
acl_smtp_rcpt = check_rcpt
begin acl
check_rcpt:
  accept local_parts = postmaster
  accept authenticated = *
  deny message = relay not permitted
begin routers
begin transports
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{user}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_advertise_condition = ${{if def:tls_in_cipher}}
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
        cls.doc = cls.probe(cls('test_names'))

    def test_names(self):
        self.assertEqual(self.names(self.doc), {**ALL_WORK, 'underscore': 'refused', 'empty': 'refused'})

    def test_logins(self):
        self.assertEqual(self.logins(self.doc), {
            ('PLAIN', 'clear', 'none', 'steps'): 'refused', ('PLAIN', 'tls', 'none', 'steps'): 'answers', ('PLAIN', 'tls', 'right', 'steps'): 'works',
            ('PLAIN', 'tls', 'right', 'at-once'): 'works', ('PLAIN', 'tls', 'wrong', 'at-once'): 'refused',
            ('LOGIN', 'clear', 'none', 'steps'): 'answers', ('LOGIN', 'tls', 'none', 'steps'): 'answers', ('LOGIN', 'tls', 'right', 'steps'): 'works',
            ('LOGIN', 'tls', 'right', 'at-once'): 'works', ('LOGIN', 'tls', 'wrong', 'at-once'): 'refused',
            ('CRAM-MD5', 'clear', 'none', 'steps'): 'answers', ('CRAM-MD5', 'tls', 'none', 'steps'): 'answers',
            ('CRAM-MD5', 'tls', 'right', 'steps'): 'broken', ('CRAM-MD5', 'tls', 'wrong', 'steps'): 'refused'})

    def test_relaying_and_causes(self):
        self.assertEqual({e['what']: e['result'] for e in self.doc['probe']['relaying']}, {'foreign': 'refused', 'own': 'works', 'sender-not-owned': 'works'})
        self.assertEqual(self.causes(self.doc), {'auth-mech-advertised-but-broken'})


class Postfix(Server):
    """Names are refused where it says so, at RCPT; no TLS below 1.2; no login."""
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
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_cert_file = {d}/cert.pem
smtpd_tls_key_file = {d}/key.pem
smtpd_tls_protocols = >=TLSv1.2
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
        cls.doc = cls.probe(cls('test_names'), user=False)

    def test_names(self):
        refused = dict.fromkeys(('short', 'localhost', 'bare-ip', 'empty'), 'refused')   # it lets underscores pass
        self.assertEqual(self.names(self.doc), {**ALL_WORK, **refused})

    def test_versions_of_tls(self):
        self.assertEqual({v['version']: v['result'] for v in self.doc['probe']['tls_versions']},
                         {'TLSv1': 'refused', 'TLSv1.1': 'refused', 'TLSv1.2': 'works', 'TLSv1.3': 'works'})

    def test_relaying_and_causes(self):
        self.assertEqual({e['what']: e['result'] for e in self.doc['probe']['relaying']}, {'foreign': 'refused', 'own': 'works', 'sender-not-owned': 'works'})
        self.assertEqual(self.causes(self.doc), set())


class Dovecot(Server):
    """IMAP and POP3; CRAM-MD5 offered over hashed passwords."""
    @classmethod
    def setUpClass(cls):
        cls.prepare('dovecot-core', 'dovecot-imapd', 'dovecot-pop3d', 'libexttextcat-2.0-0')
        d, cls.pop3 = cls.folder, free_port()
        cls.write('users', f'user:{{SHA256}}{__import__("base64").b64encode(__import__("hashlib").sha256(PASSWORD.encode()).digest()).decode()}::::::\n')
        cls.write('dovecot.conf', f'''
protocols = imap pop3
base_dir = {d}/run
log_path = {d}/log
ssl = required
ssl_cert = <{d}/cert.pem
ssl_key = <{d}/key.pem
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
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {cls.pop3}
  }}
  inet_listener pop3s {{
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

    def expect(self, mech, clear='answers'):
        """A mechanism that works. In clear too: to Dovecot a connection from its own address is as good as TLS."""
        return {(mech, 'clear', 'none', 'steps'): clear, (mech, 'tls', 'none', 'steps'): 'answers', (mech, 'tls', 'right', 'steps'): 'works',
                (mech, 'tls', 'right', 'at-once'): 'works', (mech, 'tls', 'wrong', 'at-once'): 'refused'}

    def check_protocol(self, scheme, port, own):
        doc = self.probe(scheme=scheme, port=port)
        cells = {k: v for k, v in self.logins(doc).items() if k[0] != 'CRAM-MD5'}
        self.assertEqual(cells, {**self.expect('PLAIN'), **self.expect('LOGIN'), (own, 'tls', 'right', 'steps'): 'works', (own, 'tls', 'wrong', 'steps'): 'refused'})
        self.assertEqual(self.logins(doc)['CRAM-MD5', 'tls', 'right', 'steps'], 'broken')
        self.assertEqual(self.causes(doc), {'auth-mech-advertised-but-broken'})

    def test_imap(self):
        self.check_protocol('imap', self.port, 'LOGIN-CMD')

    def test_pop3(self):
        self.check_protocol('pop3', self.pop3, 'USER/PASS')


if __name__ == '__main__':
    unittest.main()
