/* capture write: packets into pcapng files as they come (draft-ietf-opsawg-pcapng): one file, or a ring of files of which the oldest is overwritten. The
 * files are opened by the caller beforehand, so that whoever writes needs no rights; every file of a ring is whole in itself. */
#ifndef TT_EVIDENCE_CAPTURE_WRITE_H
#define TT_EVIDENCE_CAPTURE_WRITE_H

#include "evidence/capture/file.h"

#define WRITE_FILES_MAX 256u

struct capture_writer_options {
	const int *fds;        /* open for writing; closed by capture_writer_close */
	size_t n_fds;          /* 1: no ring */
	uint64_t ring_bytes;   /* a file that holds so many is full; 0: no limit */
	uint64_t ring_seconds; /* by the packets' times; 0: no limit */
	uint32_t linktype, snaplen;
	const char *interface, *filter, *program;
};

struct capture_writer;

struct capture_writer *capture_writer_new(const struct capture_writer_options *o, struct err *reterr);
/* False and *reterr when it cannot be written (the disk is full): nothing more is written then. */
bool capture_writer_packet(struct capture_writer *w, const struct capture_packet *p, struct err *reterr);
/* What is buffered goes to the file. */
bool capture_writer_flush(struct capture_writer *w, struct err *reterr);
/* Ends the file with the counters. */
bool capture_writer_close(struct capture_writer *w, uint64_t received, uint64_t dropped, struct err *reterr);
/* Packets written, also to files since overwritten; and times that a file was begun. */
uint64_t capture_writer_packets(const struct capture_writer *w);
uint64_t capture_writer_files(const struct capture_writer *w);

#endif
