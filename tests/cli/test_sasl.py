#!/usr/bin/env python3
"""telltale sasl as people and scripts use it. $TELLTALE is the binary."""
import base64, json, os, shutil, subprocess, time, unittest

from test_cli import Case, run

CHALLENGE = '334 PDMzMjE2NDkzMTA1OTExNDQuMTQxNDc5NTExOUBtYWlsLnNlcnZlci5uZXQ+'
ANSWER = 'dGVzdCAxNTU0YTQwNzA1NTgxZjUwZmI1MmNjZDhlZDhjM2EyYg=='


def sasl(*args, **more):
    return run('sasl', *args, **more)


def jwt(claims, signature=342):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip('=')
    return part({'typ': 'JWT', 'alg': 'RS256'}) + '.' + part(claims) + '.' + 'A' * signature


class Decode(Case):
    def test_secrets_are_masked_until_asked_for(self):
        blob = 'AHVzZXIAczNjcmV0IQ=='   # NUL user NUL s3cret!
        out = self.check(sasl('decode', blob), 0, 'PLAIN', 'user', '*** (7: letters, digits, signs)')
        self.assertNotIn('s3cret!', out)
        self.check(sasl('decode', '--show-secrets', blob), 0, 's3cret!')
        self.assertNotIn('s3cret!', sasl('decode', '--json', blob).stdout.decode())

    def test_a_dialogue_on_standard_input(self):
        out = self.check(sasl('decode', data=b'S: 334 VXNlcm5hbWU6\r\nC: dGVzdA==\r\nS: 334 UGFzc3dvcmQ6\r\nC: dGVzdHBhc3M=\r\n'), 0, 'Username:', 'test')
        self.assertNotIn('testpass', out)

    def test_json(self):
        doc = json.loads(sasl('decode', '--json', CHALLENGE, ANSWER).stdout)
        self.assertEqual(doc['schema'], 'telltale-sasl/1')
        self.assertEqual([m['kind'] for m in doc['messages']], ['cram-md5-challenge', 'cram-md5-response'])
        self.assertEqual(doc['messages'][1]['side'], 'client')
        self.assertTrue(doc['messages'][1]['fields'][1]['secret'])

    def test_status(self):
        self.check(sasl('decode', 'nothing of the kind'), 3)
        self.check(sasl('decode', 'AHRlc3QAdGVzdHBhc3M'), 1, 'no padding')
        self.check(sasl('decode', data=b''), 3, 'nothing to look at')

    def test_escapes_are_shown_not_emitted(self):
        blob = base64.b64encode(b'\0\x1b[31muser\0x').decode()
        self.assertNotIn(b'\x1b', sasl('decode', '--show-secrets', blob).stdout)

    def test_any_bytes_are_survived(self):
        for data in (bytes(range(256)) * 40, b'\0' * 5000, b'=' * 5000, b'A' * 300000, b'\n' * 5000):
            for part in ('decode', 'check'):
                self.assertIn(sasl(part, data=data).returncode, (0, 1, 3))


class Encode(Case):
    def password(self, text='tanstaaftanstaaf'):
        return self.file('password', text.encode())

    def made(self, *args, **more):
        result = sasl('encode', *args, **more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.decode().split('\n')[:-1]

    def test_plain_and_login(self):
        self.assertEqual(self.made('PLAIN', '-u', 'tim', '--password-file', self.password()), [base64.b64encode(b'\0tim\0tanstaaftanstaaf').decode()])
        self.assertEqual(self.made('login', '-u', 'tim', '--password-env', 'PW', env={'PW': 'x'}), ['dGlt', 'eA=='])

    def test_challenges_come_by_option_or_on_standard_input(self):
        want = [base64.b64encode(b'tim b913a602c7eda7a495b4e6e7334d3890').decode()]
        line = '334 ' + base64.b64encode(b'<1896.697170952@postoffice.reston.mci.net>').decode()
        self.assertEqual(self.made('CRAM-MD5', '-u', 'tim', '--password-file', self.password(), '-c', line), want)
        self.assertEqual(self.made('CRAM-MD5', '-u', 'tim', '--password-file', self.password(), data=line.encode() + b'\r\n'), want)
        self.assertEqual(self.made('CRAM-MD5', '-u', 'tim', '--password-file', '-', data=b'tanstaaftanstaaf\n' + line.encode() + b'\n'), want)

    def test_apop(self):
        self.assertEqual(self.made('APOP', '-u', 'mrose', '--password-file', self.password('tanstaaf\n'), '-c', '+OK ready <1896.697170952@dbc.mtview.ca.us>'),
                         ['APOP mrose c4c9334bac560ecc979e58001b3e22fb'])

    def test_what_is_made_decodes_and_proves(self):
        blob = self.made('XOAUTH2', '-u', 'me@example.com', '--password-file', self.password('tok'))[0]
        self.assertEqual(base64.b64decode(blob), b'user=me@example.com\x01auth=Bearer tok\x01\x01')
        challenge = base64.b64encode(b'realm="r",nonce="n0",qop="auth",algorithm=md5-sess,charset=utf-8').decode()
        answer = self.made('DIGEST-MD5', '-u', 'tim', '--host', 'mx', '--password-file', self.password(), '-c', challenge)[0]
        self.check(sasl('check', '--password-file', self.password(), challenge, answer), 0, 'Proven')

    def test_misuse(self):
        self.check(sasl('encode'), 2)
        self.check(sasl('encode', 'PLAIN'), 2, '--user')
        self.check(sasl('encode', 'NOSUCH', '-u', 'x', '--password-env', 'HOME'), 2)
        self.check(sasl('encode', 'CRAM-MD5', '-u', 'x', '--password-env', 'HOME'), 3, 'challenge')
        self.check(sasl('encode', 'NTLM', '-u', 'x', '--password-env', 'HOME', '-c', '334 AAAA'), 3, 'NTLM')
        self.check(sasl('encode', 'PLAIN', '-u', 'x', '--password-env', 'NO_SUCH_VARIABLE'), 3, 'NO_SUCH_VARIABLE')
        self.check(sasl('encode', 'PLAIN', '-u', 'x', '--password-file', '/no/such'), 3, '/no/such')


class Check(Case):
    def test_digest_is_proven(self):
        right, wrong = self.file('right', b'testpass\n'), self.file('wrong', b'another')
        self.check(sasl('check', '--password-file', right, CHALLENGE, ANSWER), 0, 'Proven', 'this password')
        self.check(sasl('check', '--password-file', wrong, CHALLENGE, ANSWER), 1, 'not made from this password', 'credentials-rejected')

    def test_wrapped_base64(self):
        blob = base64.b64encode(b'user=me@example.com\x01auth=Bearer ' + b'ya29.' + b'x' * 200 + b'\x01\x01').decode()
        self.check(sasl('check', data=blob.encode()), 0)
        folded = '\n'.join(blob[i:i + 76] for i in range(0, len(blob), 76))
        self.check(sasl('check', data=folded.encode()), 1, 'after 76 characters', 'auth-base64-wrapped')
        self.check(sasl('check', folded), 1, 'auth-base64-wrapped')

    def test_tokens(self):
        soon = int(time.time()) + 3000
        good = {'iss': 'https://sts.windows.net/t/', 'aud': 'https://outlook.office.com', 'exp': soon, 'scp': 'SMTP.Send', 'upn': 'me@example.com'}
        cases = [(good, 0, 'serves: smtp'), ({**good, 'aud': 'https://graph.microsoft.com'}, 1, 'oauth-wrong-audience'),
                 ({**good, 'exp': 1}, 1, 'oauth-token-expired'), ({**good, 'upn': 'you@example.com'}, 1, 'oauth-token-wrong-user'),
                 ({**good, 'scp': 'IMAP.AccessAsUser.All'}, 1, 'oauth-scope-wrong'), ({**good, 'nbf': soon}, 1, 'clock-wrong')]
        for claims, status, words in cases:
            token = jwt(claims)
            out = self.check(sasl('check', '-u', 'me@example.com', '-p', 'smtp', '--file', self.file('token', token.encode() + b'\n')), status, words)
            self.assertNotIn(token[:100], out)

    def test_time_can_be_given(self):
        token = jwt({'iss': 'https://sts.windows.net/t/', 'aud': 'https://outlook.office.com', 'exp': 2000, 'scp': 'SMTP.Send'})
        self.check(sasl('check', '--now', '1000', data=token.encode()), 0)
        self.check(sasl('check', '--now', '2001', data=token.encode()), 1)

    def test_password_alone(self):
        self.check(sasl('check', '--password-env', 'PW', env={'PW': 'abcd efgh ijkl mnop'}), 1, 'password-stray-whitespace')
        self.check(sasl('check', '--password-env', 'PW', env={'PW': 'Correct9Horse'}), 0)
        out = self.check(sasl('check', '--json', '--password-env', 'PW', env={'PW': 'Gehé1m'}), 1)
        self.assertEqual(json.loads(out)['advice'][0]['cause'], 'password-non-ascii')

    def test_misuse(self):
        self.check(sasl(), 2)
        self.check(sasl('decod', 'x'), 2, 'sasl decode')
        self.check(sasl('check', '--protocol', 'gopher', 'x'), 2)
        self.check(sasl('check', '--now', 'soon', 'x'), 2)
        self.check(sasl('check', '--password', 'x'), 2)
        self.check(sasl('--help'), 0, 'decode', 'encode', 'check')
        for part in ('decode', 'encode', 'check'):
            self.check(sasl(part, '--help'), 0, 'Usage: telltale sasl ' + part)


if __name__ == '__main__':
    unittest.main()
