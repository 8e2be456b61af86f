#!/usr/bin/env python3
"""Captures of real programs, compared with what tshark makes of them, and with the verdicts that they must get. $TELLTALE is the binary."""
import glob, json, os, unittest

from talk import CAPTURES, codes, keys_for, ours, read, same, truth

# Where tshark's own talk is not what was on the wire, and why. Reply codes are compared all the same.
SLIPS = {
    'msmtp_auth_ok_2525': 'two pipelined commands as one',
    'postfix_auth_bad_base64_and_cancel': 'replies of one segment as one; login steps cut into verb and argument',
    'postfix_auth_cram_advertised_not_possible': 'replies of one segment as one; login steps cut into verb and argument',
    'postfix_auth_login_initial_response': 'the initial response once more',
    'postfix_auth_reply_delayed_client_hangs_up': 'the initial response once more; a login step cut',
    'postfix_bare_lf': 'QUIT with a bare LF left out',
    'postfix_too_many_errors_421': 'unknown commands left out',
    'sserver_dh1024': 'port 4465 not taken for mail', 'sserver_fragmented_records_512': 'port 4465 not taken for mail',
    'sserver_hello_retry_request': 'port 4465 not taken for mail',
    'submission587_curl_keylog': "the answer to CRAM-MD5's challenge, cut",
    'submission587_msmtp_gnutls_keylog': 'two pipelined commands as one, the message as commands',
    'tcp_wrong_protocol_plain_to_465': 'port 465 is TLS to it',
}

# The first cause of every capture that has a fault; all others must have none. With keys where there are some.
VERDICTS = {
    'alert_expired_client_verifies': 'cert-expired',
    'alert_handshake_failure_no_shared_cipher': 'tls-no-shared-cipher',
    'alert_selfsigned_client_verifies': 'cert-self-signed',
    'alert_unknown_ca_client_verifies': 'cert-self-signed',
    'alert_wrong_name_client_verifies': 'cert-name-mismatch',
    'any_sll2_exim_underscore': 'ehlo-name-underscore',
    'curl_pop3s_old_tls_only_client': 'tls-version-too-old-client',
    'curl_smtp_login_denied': 'auth-mech-advertised-but-broken',
    'curl_unknown_ca': 'cert-self-signed',
    'curl_wrong_name_san': 'cert-name-mismatch',
    'exim_auth_CRAM-MD5_fail535': 'auth-mech-advertised-but-broken',
    'exim_auth_PLAIN_fail535': 'credentials-rejected',
    'exim_cram_md5_wrong_then_quit': 'auth-mech-advertised-but-broken',
    'exim_helo_verify_550': 'ehlo-name-unresolvable',
    'exim_relay_denied_550': 'relay-denied-not-authenticated',
    'exim_swaks_underscore_501': 'ehlo-name-underscore',
    'exim_unknown_user_550': 'user-unknown',
    'fetchmail_imap_authfail': 'credentials-rejected',
    'imap_auth_unsupported': 'auth-mech-not-offered',
    'imap_curl_CRAM-MD5_fail': 'auth-mech-advertised-but-broken',
    'imap_curl_LOGIN_fail': 'credentials-rejected',
    'imap_strict_privacyrequired': 'plaintext-login-disallowed',
    'pop3_curl_LOGIN_fail': 'credentials-rejected',
    'pop3_curl_PLAIN_fail': 'credentials-rejected',
    'pop3_plain_fail': 'credentials-rejected',
    'postfix_auth_CRAM-MD5_fail535': 'auth-mech-advertised-but-broken',
    'postfix_auth_LOGIN_fail535': 'credentials-rejected',
    'postfix_auth_PLAIN_fail535': 'credentials-rejected',
    'postfix_auth_bad_base64_and_cancel': 'early-talker',
    'postfix_auth_cram_advertised_not_possible': 'auth-mech-advertised-but-broken',
    'postfix_auth_reply_delayed_client_hangs_up': 'connection-dropped',
    'postfix_authlogin_before_tls_538ish': 'auth-only-after-starttls',
    'postfix_bare_lf': 'bare-lf',
    'postfix_client_rejected_554': 'authentication-required',
    'postfix_helo_invalid_501': 'ehlo-name-invalid',
    'postfix_helo_nonfqdn_504': 'ehlo-name-not-fqdn',
    'postfix_must_starttls_530': 'starttls-required-not-used',
    'postfix_no_helo_503': 'sequence-error',
    'postfix_relay_denied_454': 'relay-denied-not-authenticated',
    'postfix_size_552_declared': 'message-too-big',
    'postfix_unknown_user_550': 'user-unknown',
    'smtp_s_client_RCPT_renegotiation': 'tls-renegotiation-refused',
    'sserver_client_cert_bad': 'client-cert-rejected',
    'sserver_dh1024': 'early-talker', 'sserver_fragmented_records_512': 'early-talker', 'sserver_hello_retry_request': 'early-talker',
    'sserver_ecdsa_vs_rsa_only_client': 'tls-no-shared-cipher',
    'sserver_no_alpn': 'tls-alpn-not-shared',
    'sserver_notyetvalid_cert': 'cert-not-yet-valid',
    'sserver_rsa1024_cert': 'cert-too-weak',
    'sserver_sha1_selfsigned': 'cert-too-weak',
    'sserver_sigalg_mismatch': 'tls-no-shared-cipher',
    'starttls_454_server_broken': 'server-tls-cert-missing',
    'starttls_454_server_broken_raw': 'server-tls-cert-missing',
    'starttls_not_offered_502': 'starttls-not-offered',
    'starttls_not_offered_raw': 'starttls-not-offered',
    'starttls_then_plaintext_garbage': 'sequence-error',
    'swaks_verify_expired': 'cert-expired',
    'tcp_icmp_prohibited': 'connection-refused',
    'tcp_icmp_unreachable': 'connection-timed-out',
    'tcp_no_such_host_arp': 'connection-timed-out',
    'tcp_plain_imap_to_993': 'plaintext-on-implicit-tls-port',
    'tcp_wrong_protocol_plain_to_465': 'plaintext-on-implicit-tls-port',
    'tcp_wrong_protocol_tls_to_143': 'implicit-tls-on-plaintext-port',
}
# A fault was seen, but nothing says why.
CANNOT_TELL = {'postfix_too_many_errors_421'}

# Without the keys: what is visible from outside.
VERDICTS_OUTSIDE = {
    'alert_wrong_name_client_verifies': 'cert-name-mismatch', 'alert_unknown_ca_client_verifies': 'cert-self-signed',
    'alert_expired_client_verifies': 'cert-expired', 'smtp_s_client_RCPT_renegotiation': 'tls-renegotiation-refused',
    'sserver_client_cert_bad': 'client-cert-rejected', 'alert_client_cert_required_none_given_tls12': None, 'msmtp_serverinfo_starttls': None,
    'imaps993_tls13': None, 'smtps465_tls12_rsa_AES128-SHA': None, 'sserver_dh1024': None,
}

# Of the damaged copies, those that cannot give the verdict of their original: they must say what is missing.
DAMAGED = {'client_side_only': 'one-direction', 'server_side_only': 'one-direction', 'snap68': 'cut', 'snap96': 'cut'}


def stem(path):
    return os.path.basename(path).rsplit('.pcap', 1)[0]


def originals():
    return sorted(glob.glob(os.path.join(CAPTURES, '*.pcap')) + glob.glob(os.path.join(CAPTURES, '*.pcapng')))


def ends(a, b):
    return frozenset((a, b))


def session_ends(s):
    return ends(*(f"{s[k].get('address')}:{s[k].get('port')}" for k in ('client', 'server')))


class Talk(unittest.TestCase):
    maxDiff = 4000

    def compare(self, path, streams, *keys):
        status, document, errors = read(path, '--show-secrets', *keys)
        self.assertIsNotNone(document, errors)
        sessions = {session_ends(s): ours(s) for s in document['sessions']}
        for stream in streams:
            expected = truth(stream.get('talk', []))
            found = sessions.get(ends(stream['a'], stream['b']))
            if found is None:
                self.assertEqual(expected, [], f"no session {stream['a']} {stream['b']}")
            elif stem(path) in SLIPS:
                self.assertEqual(codes(found)[:len(codes(expected))], codes(expected))
            elif not same(found, expected):
                self.assertEqual(found, expected)

    def test_in_clear(self):
        for path in originals():
            if path.endswith('.pcapng'):
                continue
            with self.subTest(stem(path)), open(path + '.truth.json') as f:
                document = json.load(f)
                if not any('tls' in s for s in document['streams']):
                    self.compare(path, document['streams'])

    def test_with_keys(self):
        count = 0
        for path in originals():
            keys = keys_for(path)
            if not keys or path.endswith('.pcapng'):
                continue
            with self.subTest(stem(path)), open(path + '.truth.json') as f:
                document = json.load(f)
                self.compare(path, document['decrypted_streams'] or document['streams'], *keys)
                count += bool(document['decrypted_streams'])
        self.assertGreater(count, 35)

    def test_secrets_in_the_file(self):
        for name, words in (('imap_starttls_tls12_ecdhe_dsb', 'a3 OK Logout'), ('smtp_starttls_tls13_AES256-GCM_dsb', '250 2.0.0 Ok: queued')):
            _, document, _ = read(os.path.join(CAPTURES, name + '.pcapng'))
            said = [w for side, w in ours(document['sessions'][0]) if side == 'S']
            self.assertTrue(any(w.startswith(words) for w in said), said)

    def test_passwords_are_masked(self):
        path = os.path.join(CAPTURES, 'pop3s995_tls12_rsa_AES128-SHA.pcap')
        _, document, _ = read(path, *keys_for(path))
        self.assertNotIn('s3cret-Alice1', json.dumps(document))


class Verdicts(unittest.TestCase):
    def check(self, path, expected, *keys):
        status, document, errors = read(path, *keys)
        self.assertIsNotNone(document, errors)
        found = [f['cause'] for f in document['findings']]
        self.assertEqual(found[0] if found else None, expected, found)
        return status, document

    def test_originals(self):
        for path in originals():
            with self.subTest(stem(path)):
                status, _ = self.check(path, VERDICTS.get(stem(path)), *keys_for(path))
                self.assertEqual(status, 1 if stem(path) in VERDICTS or stem(path) in CANNOT_TELL else 0)

    def test_from_outside(self):
        for name, cause in VERDICTS_OUTSIDE.items():
            with self.subTest(name):
                self.check(os.path.join(CAPTURES, name + '.pcap'), cause)

    def test_tls_facts(self):
        for path in originals():
            if path.endswith('.pcapng'):
                continue
            with open(path + '.truth.json') as f:
                streams = {ends(s['a'], s['b']): s.get('tls') for s in json.load(f)['streams']}
            _, document, _ = read(path)
            for s in document['sessions']:
                tls = streams.get(session_ends(s))
                if not tls or not tls.get('server_version'):
                    continue
                with self.subTest(stem(path)):
                    self.assertEqual(s['tls']['version'], tls['server_version'].replace('TLS', 'TLSv').replace('v1.0', 'v1'))

    def test_derived(self):
        for path in sorted(glob.glob(os.path.join(CAPTURES, 'derived', '*'))):
            original, kind = os.path.basename(path).split('.')[0].split('__')
            with self.subTest(os.path.basename(path)):
                expected = 'ehlo-name-underscore' if original == 'exim_501' else None
                status, document, errors = read(path, *keys_for(path))
                self.assertIsNotNone(document, errors)
                found = [f['cause'] for f in document['findings']]
                missing = [e['text'] for s in document['sessions'] for e in s['events'] if 'are missing:' in e['text']]
                if kind in DAMAGED:
                    self.assertTrue(missing or found[:1] == [expected])
                    self.assertIn(found[:1], ([], [expected], ['ehlo-name-invalid']))
                else:
                    self.assertEqual(found[0] if found else None, expected)
                    self.assertEqual(bool(missing), kind == 'one_data_packet_lost')

    def test_derived_say_the_same(self):
        """Other containers and encapsulations change nothing of the talk."""
        for original, keys in (('exim_501', []), ('smtp_AES128-SHA', ['--key', os.path.join(CAPTURES, 'rsa.key')])):
            talks = {}
            for path in sorted(glob.glob(os.path.join(CAPTURES, 'derived', original + '__*'))):
                kind = os.path.basename(path).split('__')[1].split('.')[0]
                if kind in DAMAGED or kind == 'one_data_packet_lost':
                    continue
                _, document, _ = read(path, '--show-secrets', *keys)
                talks[kind] = [ours(s) for s in document['sessions']]
            for kind, talk in talks.items():
                with self.subTest(original + ' ' + kind):
                    self.assertEqual(talk, talks['ng'])


if __name__ == '__main__':
    unittest.main()
