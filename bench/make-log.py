#!/usr/bin/env python3
"""make-log.py FILE MEBIBYTES: a Postfix log as a busy server writes it, the same at every run: most mail is delivered, one message in forty bounces or
waits for one of a few reasons, logins fail now and then."""
import random, sys

NAMES = ['anna', 'bob', 'carla', 'dmitri', 'eva', 'felix', 'greta', 'hugo', 'ines', 'jan']
TROUBLE = [
    ('5.1.1', 'bounced', '550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table (in reply to RCPT TO command)'),
    ('4.7.1', 'deferred', '450 4.7.1 <{to}>: Recipient address rejected: Greylisted, see http://postgrey.example (in reply to RCPT TO command)'),
    ('5.7.1', 'bounced', '554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org (in reply to RCPT TO command)'),
    ('5.2.2', 'bounced', '552 5.2.2 <{to}>: Mailbox full (in reply to end of DATA command)'),
]

def main(path, mebibytes):
    rng = random.Random(1)
    size, n = mebibytes << 20, 0
    with open(path, 'w') as f:
        while size > 0:
            block = []
            for _ in range(2000):
                n += 1
                stamp = f'Sep {1 + n // 400000 % 28:2d} {n // 16000 % 24:02d}:{n // 300 % 60:02d}:{n // 5 % 60:02d} mx'
                client = f'c{n % 997}.example.net[192.0.2.{n % 250}]'
                pid, queue = 1000 + n % 6000, f'{0x4F000000 + n:09X}'
                sender, to = f'{NAMES[n % 10]}@example.com', f'{rng.choice(NAMES)}{n % 89}@example.org'
                relay = 'mx.example.org[198.51.100.3]:25'
                if n % 57 == 0:
                    block.append(f'{stamp} postfix/smtpd[{pid}]: warning: {client}: SASL LOGIN authentication failed: UGFzc3dvcmQ6\n')
                if n % 40 == 0:
                    dsn, status, said = TROUBLE[n // 40 % 4]
                    result = f'dsn={dsn}, status={status} (host mx.example.org[198.51.100.3] said: {said.format(to=to)})'
                else:
                    result = f'dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {queue[::-1]})'
                block += [
                    f'{stamp} postfix/smtpd[{pid}]: connect from {client}\n',
                    f'{stamp} postfix/smtpd[{pid}]: {queue}: client={client}, sasl_method=PLAIN, sasl_username={sender}\n',
                    f'{stamp} postfix/cleanup[{pid + 1}]: {queue}: message-id=<{n}.{pid}@example.com>\n',
                    f'{stamp} postfix/qmgr[900]: {queue}: from=<{sender}>, size={1000 + n % 90000}, nrcpt=1 (queue active)\n',
                    f'{stamp} postfix/smtpd[{pid}]: disconnect from {client} ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=8\n',
                    f'{stamp} postfix/smtp[{pid + 2}]: {queue}: to=<{to}>, relay={relay}, delay=1.2, delays=0.1/0/0.4/0.7, {result}\n',
                    f'{stamp} postfix/qmgr[900]: {queue}: removed\n',
                ]
            text = ''.join(block)
            f.write(text)
            size -= len(text)

main(sys.argv[1], int(sys.argv[2]))
