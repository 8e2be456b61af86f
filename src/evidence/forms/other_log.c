/* Lines of syslog and the journal from programs that have nothing to do with mail or phones. They are kept as statements (someone may have pasted them for
 * a reason), and left out of large logs. */
#include "evidence/kit.h"

static const char *const programs[] = {
	"CRON", "cron", "crond", "anacron", "sshd", "systemd", "systemd-logind", "sudo", "su", "named", "dhclient", "ntpd", "chronyd", "rsyslogd",
	"dbus-daemon", "snmpd", "nrpe", "puppet-agent",
	"logrotate", "smartd", "mysqld", "mariadbd", "postgres", "apache2", "vsftpd", "proftpd", "freshclam", "munin-node", "zabbix_agentd",
	"run-parts", "crontab", "login", "agetty", "auditd",
	"NetworkManager", "dnsmasq", "unbound", "sa1", "ansible-ansible.legacy.setup", "cloud-init", "snapd", "polkitd", "accounts-daemon",
	"irqbalance", "multipathd", "containerd", "dockerd", "kubelet", NULL,
};

static bool is_other(struct reader *r, struct slice line, struct syslog_line *l)
{
	if (line.n < 20 || !reader_syslog(r, line, l) || !l->program.n || !l->time.n)
		return false;
	for (size_t i = 0; programs[i]; i++)
		if (l->program.p[0] == (uint8_t)programs[i][0] && slice_eq(l->program, slice_from_cstr(programs[i])))
			return true;
	return false;
}

static int recognise(struct reader *r, struct slice line)
{
	struct syslog_line l;
	return is_other(r, line, &l) ? FORM_SURE : FORM_NO;
}

static void take(struct reader *r, struct slice line)
{
	struct syslog_line l;
	if (reader_is_big(r) || !is_other(r, line, &l))
		return;
	reader_program(reader_event(r, EV_TOOL, SIDE_UNKNOWN, line), arena_dup(reader_arena(r), l.program));
}

const struct form form_other_log = {.name = "other-log", .title = N_("log of other programs"), .recognise = recognise, .take = take};
