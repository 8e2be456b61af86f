/* What was typed at a shell: "$ swaks --tls …", "root@mail:~# postconf -n", "C:\> telnet mx 25". The command and its options are evidence; what it prints
 * belongs to other forms. */
#include "evidence/kit.h"

static const char *const commands[] = {
	"telnet", "nc", "ncat", "netcat", "swaks", "curl", "msmtp", "dig", "host", "nslookup", "postconf", "doveconf", "doveadm", "ls", "ps", "ss",
	"netstat", "nmap", "certbot",
	"testsaslauthd", "ping", "traceroute", "mail", "mailx", "mutt", "sendmail", "exim", "exim4", "systemctl", "service", "journalctl", "tail",
	"grep", "cat", "ip", "ifconfig", "python",
	"python3", "php", "go", "java", "docker", "docker-compose", "kubectl", "iptables", "ufw", "nft", "date", "hwclock", "timedatectl", "s-nail",
	"mbsync", "fetchmail", "offlineimap", "imapsync",
	"sudo", "echo", "printf", "openssl", "gnutls-cli", "socat", "tcpdump", "tshark", "smtp-cli", "mailsend", "sendemail", "blat",
	"Send-MailMessage", "Test-NetConnection", "Get-CASMailbox",
	"saslpasswd2", "sasldblistusers2", "pluginviewer", "postmap", "postqueue", "mailq", "smtpctl", "dovecot", "apt", "yum", "openssl.exe",
	"base64", "perl", "ruby", "node", "npm", "git", "env",
	"export", "lsof", "getenforce", "setsebool", "ausearch", "id", "whoami", "groups", "uname", "lsb_release", "resolvectl", "getent", "mtr",
	"tracepath", "arp", "route", "wget", NULL,
};

/* What stands behind a prompt; empty if the line has none. */
static struct slice behind_prompt(struct slice line)
{
	struct slice s = line;
	if (slice_skip(&s, S("$ ")) || slice_skip(&s, S("# ")) || slice_skip(&s, S("% ")) || slice_skip(&s, S("~# ")) || slice_skip(&s, S("~$ ")) ||
		slice_skip(&s, S("PS> ")))
		return s;
	/* user@host:~$ , [root@host ~]# , C:\> , PS C:\Users\me> */
	bool host = slice_starts(s, S("[")) || slice_find_byte(slice_sub(s, 0, 40), '@') != SLICE_NPOS;
	bool windows = s.n > 3 && (slice_starts(s, S("PS ")) || (ascii_is_alpha(s.p[0]) && s.p[1] == ':' && s.p[2] == '\\'));
	static const char *const ends[] = {"$ ", "# ", "> ", NULL};
	for (size_t i = 0; (host || windows) && ends[i]; i++) {
		size_t at = slice_find(s, slice_from_cstr(ends[i]));
		if (at == SLICE_NPOS || at > 60 || (i == 2) != windows)
			continue;
		struct slice prompt = slice_sub(s, 0, at);
		bool sane = windows || slice_find_byte(prompt, ' ') == SLICE_NPOS || slice_starts(prompt, S("["));
		return sane ? slice_from(s, at + 2) : SLICE_NONE;
	}
	return SLICE_NONE;
}

static struct slice command_of(struct slice line, struct slice *ret_program)
{
	struct slice s = behind_prompt(line), rest;
	slice_skip_space(&s);
	rest = s;
	*ret_program = slice_next_word(&rest);
	if (slice_eq(*ret_program, S("sudo")) && rest.n)
		*ret_program = slice_next_word(&rest);
	size_t slash = slice_find_last_byte(*ret_program, '/');
	if (slash != SLICE_NPOS)
		*ret_program = slice_from(*ret_program, slash + 1);
	for (size_t i = 0; ret_program->n && commands[i]; i++)
		if (slice_eq(*ret_program, slice_from_cstr(commands[i])))
			return s;
	return SLICE_NONE;
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice program;
	(void)r;
	if (line.n < 5 || line.n > 4096)
		return FORM_NO;
	return command_of(line, &program).n ? FORM_STRONG - 5 : FORM_NO;
}

static void take(struct reader *r, struct slice line)
{
	struct slice program, s = command_of(line, &program);
	if (!s.n)
		return;
	struct event *e = reader_event(r, EV_TOOL, SIDE_CLIENT, line);
	reader_program(e, arena_dup(reader_arena(r), program));
	reader_fact(r, e, "command", s);
}

const struct form form_shell = {.name = "shell", .title = N_("commands typed at a shell"), .recognise = recognise, .take = take};
