"""The talk of a capture in one form for both witnesses: telltale's events, and the truth files made with tshark."""
import json, os, re, subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
CAPTURES = os.path.join(HERE, 'captures')
TELLTALE = os.path.abspath(os.environ.get('TELLTALE', os.path.join(HERE, '..', '..', 'build', 'telltale')))


def keys_for(path):
    """What the notes beside a capture say it can be opened with."""
    name = os.path.basename(path)
    stem = path.rsplit('.pcap', 1)[0]
    keys = []
    if os.path.exists(stem + '.keylog') and os.path.getsize(stem + '.keylog'):
        with open(stem + '.keylog') as f:
            if any(line[:1] not in '#\n' for line in f):
                keys += ['--keylog', stem + '.keylog']
    if 'rsa' in name or 'AES128-SHA__' in name:
        keys += ['--key', os.path.join(CAPTURES, 'rsa.key')]
    return keys


def read(path, *options, env=None):
    """Exit status and the JSON document."""
    p = subprocess.run([TELLTALE, 'read', '--json', '--events', *options, path], capture_output=True, timeout=60, env=env)
    if not p.stdout:
        return p.returncode, None, p.stderr.decode()
    return p.returncode, json.loads(p.stdout), p.stderr.decode()


def one_line(text):
    return re.sub(r'\s+', ' ', text).strip()


def reply(text):
    """"250-a\\n250 b" as tshark joins it: "250 a / b"."""
    lines = text.split('\n')
    first = re.match(r'(\d{3})[- ]?(.*)', lines[0])
    if not first:
        return one_line(text)
    rest = [re.sub(r'^\d{3}[- ]?', '', line) for line in lines]
    return one_line(first[1] + ' ' + ' / '.join(rest))


def ours(session):
    """[(side, words)] of what was said. Left out is what tshark leaves out: messages, untagged lines of IMAP, challenges of POP3 and listings after their
    first line, SMTP's answer to a CRAM-MD5 challenge."""
    talk, cram, protocol = [], False, session['protocol']
    for e in session['events']:
        side, text = {'client': 'C', 'server': 'S'}.get(e['side']), e['text']
        if e['kind'] not in ('greeting', 'command', 'reply', 'challenge', 'response') or 'gap' in e['oddities']:
            continue
        if e['kind'] == 'command':
            cram = protocol == 'smtp' and text.upper().startswith('AUTH CRAM-MD5')
        if e['kind'] == 'response' and cram or protocol == 'imap' and text.startswith('* ') or protocol == 'pop3' and e['kind'] == 'challenge':
            continue
        talk.append((side, reply(text) if protocol != 'pop3' else one_line(text.split('\n')[0])))
    return talk


def same(ours, truth):
    """Truth cuts long words."""
    return len(ours) == len(truth) and all(a[0] == b[0] and (a[1] == b[1] or len(b[1]) > 190 and a[1].startswith(b[1])) for a, b in zip(ours, truth))


def truth(talk):
    """The same of tshark's, its slips mended: names put in front of login steps, "STAR TLS", messages in pieces."""
    out = []
    for side, words in talk:
        words = re.sub(r'^(?:username|password|User|Pass|Password|Username)\s*[=:]\s*', '', words)
        words = words.replace('STAR TLS', 'STARTTLS')
        if not re.match(r'<(?:data fragment|message subject)', words):
            out.append((side, one_line(words)))
    return out


def codes(talk):
    """The server's reply codes; tshark runs the replies of one segment together: "250 354 2.1.5 Ok / End data"."""
    out = []
    for side, words in talk:
        run = re.match(r'(?:\d{3} )*\d{3}(?= |$)', words) if side == 'S' else None
        out += run[0].split() if run else []
    return out
