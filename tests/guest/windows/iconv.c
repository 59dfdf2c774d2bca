/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iconv.c - the conversions that libhivex needs, without glibc's modules
 *
 * glibc loads a shared object for each conversion, which a static program in an initramfs
 * does not have. Linked only into the guest. Supports LATIN1, UTF-8 and UTF-16LE.
 */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

#include <iconv.h>

enum charset { LATIN1, UTF8, UTF16, UNKNOWN };

static enum charset charset(const char *name)
{
	if (!strcasecmp(name, "LATIN1") || !strcasecmp(name, "ISO-8859-1"))
		return LATIN1;
	if (!strcasecmp(name, "UTF-8"))
		return UTF8;
	return !strcasecmp(name, "UTF-16LE") ? UTF16 : UNKNOWN;
}

iconv_t iconv_open(const char *to, const char *from)
{
	enum charset t = charset(to), f = charset(from);

	if (t == UNKNOWN || f == UNKNOWN) {
		errno = EINVAL;
		return (iconv_t)-1;
	}
	/* Never 0 and never -1 */
	return (iconv_t)(uintptr_t)(0x100 + (unsigned)t * 4 + (unsigned)f);
}

int iconv_close(iconv_t cd)
{
	(void)cd;
	return 0;
}

/* Return: bytes taken, 0: the rest is not whole, -1: nonsense */
static int get(enum charset from, const unsigned char *p, size_t n, uint32_t *c)
{
	if (from == LATIN1) {
		*c = p[0];
		return 1;
	}
	if (from == UTF16) {
		*c = n < 2 ? 0 : (uint32_t)(p[0] | p[1] << 8);
		return n < 2 ? 0 : 2;
	}
	*c = p[0];
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] >= 0xf0)
		return -1;
	if (p[0] < 0xe0) {
		*c = n < 2 ? 0 : (uint32_t)((p[0] & 0x1f) << 6 | (p[1] & 0x3f));
		return n < 2 ? 0 : 2;
	}
	*c = n < 3 ? 0 : (uint32_t)((p[0] & 0xf) << 12 | (p[1] & 0x3f) << 6 |
				    (p[2] & 0x3f));
	return n < 3 ? 0 : 3;
}

static size_t put(enum charset to, unsigned char out[4], uint32_t c)
{
	if (to == UTF16) {
		out[0] = (unsigned char)c;
		out[1] = (unsigned char)(c >> 8);
		return 2;
	}
	if (to == LATIN1 || c < 0x80) {
		out[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (unsigned char)(0xc0 | c >> 6);
		out[1] = (unsigned char)(0x80 | (c & 0x3f));
		return 2;
	}
	out[0] = (unsigned char)(0xe0 | c >> 12);
	out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	out[2] = (unsigned char)(0x80 | (c & 0x3f));
	return 3;
}

size_t iconv(iconv_t cd, char **restrict in, size_t *restrict inleft,
	     char **restrict out, size_t *restrict outleft)
{
	unsigned code = (unsigned)(uintptr_t)cd - 0x100;
	enum charset to = (enum charset)(code / 4), from = (enum charset)(code % 4);

	if (!in || !*in)
		return 0;
	while (*inleft) {
		unsigned char bytes[4];
		uint32_t c;
		int n = get(from, (const unsigned char *)*in, *inleft, &c);
		size_t m;

		if (n <= 0 || (to == LATIN1 && c > 0xff)) {
			errno = n == 0 ? EINVAL : EILSEQ;
			return (size_t)-1;
		}
		m = put(to, bytes, c);
		if (m > *outleft) {
			errno = E2BIG;
			return (size_t)-1;
		}
		for (size_t i = 0; i < m; i++)
			*(*out)++ = (char)bytes[i];
		*outleft -= m;
		*in += n;
		*inleft -= (size_t)n;
	}
	return 0;
}
