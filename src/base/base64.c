#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Value of a digit, or -1; the URL-safe two count as well. */
static int digit_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

/* Bytes that the one to three digits of an unfinished group hold. */
static unsigned finish_group(size_t digits, uint32_t bits, uint8_t *out, size_t *n)
{
	bool left = false;
	if (digits == 2) {
		out[(*n)++] = (uint8_t)(bits >> 4);
		left = bits & 0xf;
	} else if (digits == 3) {
		out[(*n)++] = (uint8_t)(bits >> 10);
		out[(*n)++] = (uint8_t)(bits >> 2);
		left = bits & 0x3;
	}
	return left ? BASE64_TRAILING_BITS : BASE64_OK;
}

unsigned base64_decode(struct arena *a, struct slice text, struct slice *ret)
{
	unsigned faults = BASE64_OK;
	uint8_t *out = arena_alloc(a, text.n / 4 * 3 + 4);
	size_t n = 0, digits = 0, pads = 0;
	uint32_t bits = 0;
	*ret = SLICE_NONE;
	if (!out)
		return BASE64_BAD_BYTE;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		if (ascii_is_space(c)) {
			faults |= BASE64_SPACE;
			continue;
		}
		if (c == '=') {
			pads++;
			continue;
		}
		int v = digit_value(c);
		if (v < 0) {
			faults |= BASE64_BAD_BYTE;
			break;
		}
		if (c == '-' || c == '_')
			faults |= BASE64_URL_SAFE;
		if (pads) {
			/* A second base64 text glued on: start a new group, as lenient decoders do. */
			faults |= BASE64_BAD_PADDING | finish_group(digits % 4, bits, out, &n);
			pads = 0;
			digits = 0;
			bits = 0;
		}
		bits = bits << 6 | (uint32_t)v;
		if (++digits % 4 == 0) {
			out[n++] = (uint8_t)(bits >> 16);
			out[n++] = (uint8_t)(bits >> 8);
			out[n++] = (uint8_t)bits;
			bits = 0;
		}
	}
	size_t rest = digits % 4;
	faults |= finish_group(rest, bits, out, &n);
	if (pads > 2 || (pads && (rest + pads) != 4))
		faults |= BASE64_BAD_PADDING;
	else if (rest && !pads)
		faults |= BASE64_NO_PADDING;
	*ret = slice_of(out, n);
	return faults;
}

struct slice base64_encode(struct arena *a, struct slice bytes)
{
	size_t n = (bytes.n + 2) / 3 * 4;
	uint8_t *out = arena_alloc(a, n + 1);
	if (!out)
		return SLICE_NONE;
	for (size_t i = 0, o = 0; i < bytes.n; i += 3) {
		uint32_t v = (uint32_t)bytes.p[i] << 16;
		if (i + 1 < bytes.n)
			v |= (uint32_t)bytes.p[i + 1] << 8;
		if (i + 2 < bytes.n)
			v |= bytes.p[i + 2];
		out[o++] = (uint8_t)alphabet[v >> 18];
		out[o++] = (uint8_t)alphabet[v >> 12 & 63];
		out[o++] = i + 1 < bytes.n ? (uint8_t)alphabet[v >> 6 & 63] : '=';
		out[o++] = i + 2 < bytes.n ? (uint8_t)alphabet[v & 63] : '=';
	}
	return slice_of(out, n);
}

bool base64_is_plausible(struct slice text)
{
	if (text.n < 4 || text.n % 4)
		return false;
	size_t pads = 0;
	while (pads < 2 && text.p[text.n - 1 - pads] == '=')
		pads++;
	for (size_t i = 0; i < text.n - pads; i++)
		if (digit_value(text.p[i]) < 0)
			return false;
	return true;
}
