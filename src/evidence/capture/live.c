#define _GNU_SOURCE
#include "evidence/capture/live.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"

#define INTERFACES_SHOWN 40u

struct live {
	pcap_t *pcap;
	const char *name;
	int fd;
	bool nanoseconds;
	uint32_t linktype;
	uint64_t packets;
	/* The kernel's counters have 32 bits. */
	struct pcap_stat last;
	struct live_counts counts;
	void (*take)(void *user, const struct capture_packet *p);
	void *user;
};

struct slice live_interfaces(struct arena *a)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_if_t *all = NULL;
	struct slice names = SLICE_NONE;
	size_t cap = 0, n = 0;
	if (pcap_findalldevs(&all, text) != 0)
		return names;
	for (const pcap_if_t *i = all; i && n < INTERFACES_SHOWN; i = i->next) {
		/* Those that are down, and the sources that are no network (USB, D-Bus, the firewall's log), help nobody here. */
		bool network = (i->flags & PCAP_IF_UP) != 0 && !strstr(i->name, "bluetooth") && strncmp(i->name, "nf", 2) != 0 && strncmp(i->name, "usbmon", 6) != 0 &&
			       strncmp(i->name, "dbus-", 5) != 0;
		if (network && arena_append(a, &names, &cap, n ? S(", ") : SLICE_NONE, slice_from_cstr(i->name)))
			n++;
	}
	pcap_freealldevs(all);
	return names;
}

static void no_such_interface(const char *name, struct err *reterr)
{
	struct arena *a = arena_new(0);
	struct slice names = a ? live_interfaces(a) : SLICE_NONE;
	err_set(reterr, ERR_OPEN, _("there is no interface “%s”; there are: %.*s"), name, SLICE_FMT(names));
	arena_free(a);
}

static void no_permission(const char *name, struct err *reterr)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	self[n > 0 ? n : 0] = 0;
	err_set(reterr, ERR_OPEN, _("%s: no permission to capture; run it with sudo, or allow it once for all: sudo setcap cap_net_raw=ep %s"), name,
		n > 0 ? self : "telltale");
}

/* In words of what to do, where pcap's own do not tell. */
static void explain(pcap_t *p, int rc, const char *name, struct err *reterr)
{
	switch (rc) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		no_such_interface(name, reterr);
		break;
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		no_permission(name, reterr);
		break;
	case PCAP_ERROR_IFACE_NOT_UP:
		err_set(reterr, ERR_OPEN, _("%s: the interface is down; bring it up: sudo ip link set %s up"), name, name);
		break;
	default:
		err_set(reterr, ERR_OPEN, "%s: %s", name, *pcap_geterr(p) ? pcap_geterr(p) : pcap_statustostr(rc));
		break;
	}
}

static bool set_filter(pcap_t *p, const char *filter, struct err *reterr)
{
	struct bpf_program program;
	if (pcap_compile(p, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
		return err_set(reterr, ERR_USAGE, _("the filter is wrong: %s; see pcap-filter(7)"), pcap_geterr(p));
	bool ok = pcap_setfilter(p, &program) == 0;
	pcap_freecode(&program);
	return ok || err_set(reterr, ERR_OPEN, "%s", pcap_geterr(p));
}

static bool activate(struct live *l, const struct live_options *o, struct err *reterr)
{
	unsigned mib = o->buffer_mib ? o->buffer_mib : LIVE_BUFFER_MIB;
	pcap_t *p = l->pcap;
	pcap_set_snaplen(p, (int)CAPTURE_PACKET_MAX);
	pcap_set_promisc(p, o->promiscuous);
	pcap_set_timeout(p, LIVE_LATENCY_MS);
	pcap_set_buffer_size(p, (int)(mib * 1024 * 1024));
	l->nanoseconds = pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO) == 0;
	int rc = pcap_activate(p);
	if (rc < 0) {
		explain(p, rc, o->interface, reterr);
		return false;
	}
	char text[PCAP_ERRBUF_SIZE];
	/* We wait ourselves, with a limit: pcap's own time-out does not count while nothing comes. */
	if (pcap_setnonblock(p, 1, text) != 0)
		return err_set(reterr, ERR_OPEN, "%s: %s", o->interface, text);
	l->fd = pcap_get_selectable_fd(p);
	int linktype = pcap_datalink(p);
	/* pcap's numbers are those of files but for raw IP. */
	l->linktype = linktype == DLT_RAW ? 101 : (uint32_t)linktype;
	return l->fd >= 0 || err_set(reterr, ERR_OPEN, _("%s: cannot be waited for"), o->interface);
}

struct live *live_open(const struct live_options *o, struct err *reterr)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	struct live *l = calloc(1, sizeof *l);
	if (!l) {
		err_set(reterr, ERR_MEMORY, "out of memory");
		return NULL;
	}
	l->name = o->interface;
	l->pcap = pcap_create(o->interface, text);
	if (!l->pcap)
		err_set(reterr, ERR_OPEN, "%s: %s", o->interface, text);
	else if (activate(l, o, reterr) && set_filter(l->pcap, o->filter ? o->filter : LIVE_MAIL_FILTER, reterr))
		return l;
	live_close(l);
	return NULL;
}

void live_close(struct live *l)
{
	if (!l)
		return;
	if (l->pcap)
		pcap_close(l->pcap);
	free(l);
}

static void on_packet(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct live *l = (struct live *)(void *)user;
	struct capture_packet p = {
		.number = ++l->packets,
		.time_ns = (int64_t)h->ts.tv_sec * 1000000000 + (int64_t)h->ts.tv_usec * (l->nanoseconds ? 1 : 1000),
		.has_time = true,
		.linktype = l->linktype,
		.length = h->len,
		.bytes = slice_of(bytes, h->caplen),
	};
	l->take(l->user, &p);
}

bool live_wait(struct live *l, int timeout_ms)
{
	struct pollfd fd = {.fd = l->fd, .events = POLLIN};
	return poll(&fd, 1, timeout_ms) > 0;
}

int live_read(struct live *l, void (*take)(void *user, const struct capture_packet *p), void *user, struct err *reterr)
{
	l->take = take;
	l->user = user;
	int n = pcap_dispatch(l->pcap, LIVE_BATCH, on_packet, (u_char *)l);
	if (n >= 0)
		return n;
	err_set(reterr, ERR_READ, "%s: %s", l->name, pcap_geterr(l->pcap));
	return -1;
}

struct live_counts live_count(struct live *l)
{
	struct pcap_stat now;
	if (pcap_stats(l->pcap, &now) == 0) {
		l->counts.received += now.ps_recv - l->last.ps_recv;
		l->counts.dropped += now.ps_drop - l->last.ps_drop;
		l->counts.dropped_by_interface += now.ps_ifdrop - l->last.ps_ifdrop;
		l->last = now;
	}
	return l->counts;
}

uint32_t live_linktype(const struct live *l)
{
	return l->linktype;
}

uint32_t live_snaplen(const struct live *l)
{
	return (uint32_t)pcap_snapshot(l->pcap);
}
