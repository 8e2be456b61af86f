/* capture file: packets out of pcap and pcapng, from memory or a stream, never copied when they lie in memory.
 * pcap: both byte orders, micro- and nanoseconds, also the modified kind with extra fields (magic a1b2cd34). pcapng (draft-ietf-opsawg-pcapng): section
 * headers (several, of either byte order), interface descriptions (time resolution and offset, snap length), enhanced, simple and old packet blocks,
 * name resolution, decryption secrets, comments; unknown blocks are skipped. A file that is cut or damaged gives what comes before and a note. */
#ifndef TT_EVIDENCE_CAPTURE_FILE_H
#define TT_EVIDENCE_CAPTURE_FILE_H

#include "base/arena.h"
#include "base/err.h"

/* No link has larger packets; libpcap refuses beyond the same value. A larger length is damage. */
#define CAPTURE_PACKET_MAX (256u * 1024u)
/* Blocks of pcapng that are no packets: key logs and comments may be long. A longer block is skipped without being kept. */
#define CAPTURE_BLOCK_MAX (16u * 1024u * 1024u)
#define CAPTURE_INTERFACES_MAX 1024u

struct capture_packet {
	uint64_t number;     /* frame number, from 1, as Wireshark counts */
	int64_t time_ns;     /* Unix time; has_time false for simple packet blocks */
	bool has_time;
	uint32_t linktype;   /* LINKTYPE_… */
	uint32_t interface;
	uint32_t length;     /* on the wire */
	struct slice bytes;  /* captured part; valid until the next call */
	uint64_t offset;     /* of the record in the file */
};

/* What a file holds besides packets. */
struct capture_hooks {
	/* Decryption secrets: type 0x544c534b is an NSS key log; also key log lines found in comments. May be NULL. */
	void (*secrets)(void *user, uint32_t type, struct slice data);
	/* Name resolution: address as text. May be NULL. */
	void (*name)(void *user, struct slice address, struct slice name);
	void (*comment)(void *user, uint64_t packet, struct slice text);
	void *user;
};

/* More bytes for a stream: up to n into buf; 0 at the end, -1 on an error of reading (reterr set). */
typedef long (*capture_more)(void *user, uint8_t *buf, size_t n, struct err *reterr);

struct capture_file;

/* True for the first four bytes of a capture. */
bool capture_is_magic(struct slice beginning);

/* From memory (mapped or not); it must stay until the end. NULL and *reterr when this is no capture. */
struct capture_file *capture_open_memory(struct slice bytes, const struct capture_hooks *hooks, struct err *reterr);
/* From a stream. */
struct capture_file *capture_open_stream(capture_more more, void *user, const struct capture_hooks *hooks, struct err *reterr);
void capture_close(struct capture_file *f);

/* 1: *ret is the next packet. 0: end. -1: nothing more can be read, *reterr says why (damage, cut, read error); what came before stands. */
int capture_next(struct capture_file *f, struct capture_packet *ret, struct err *reterr);
/* Bytes consumed. */
uint64_t capture_offset(const struct capture_file *f);
/* "pcap", "pcap-ns", "pcapng" ... */
const char *capture_form(const struct capture_file *f);

#endif
