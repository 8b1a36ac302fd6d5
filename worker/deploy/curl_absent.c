/*
 * curl_absent.c
 *	  Stands where libcurl's unused libraries would.
 *
 * A distribution's libcurl speaks LDAP, SSH, RTMP, Kerberos, HTTP/2 and more,
 * and drags some thirty libraries along, which the dynamic linker loads and
 * binds at every start.  The functions speak HTTP/1.1 and nothing else, so they
 * are linked with libcurl's archive, and the symbols of those libraries lead
 * here.  What libcurl asks at its start gets the answer of a library that is
 * there and knows nothing; anything else is never reached, and says so if it
 * is, rather than go on.
 */
#include <stdio.h>
#include <stdlib.h>

/* What nghttp2_version() returns (nghttp2.h: nghttp2_info). */
typedef struct Http2Version
{
	int			age;
	int			number;
	const char *version;
	const char *protocol;
} Http2Version;

extern void curl_absent(void) __attribute__((noreturn));
extern void *curl_absent_nothing(void);
extern const Http2Version *curl_absent_http2(void);

void
curl_absent(void)
{
	fputs("libcurl wants a library that this program was linked without\n", stderr);
	abort();
}

/* "No version", "initialised", and "nothing to end". */
void *
curl_absent_nothing(void)
{
	return NULL;
}

const Http2Version *
curl_absent_http2(void)
{
	static const Http2Version none = {.version = "absent", .protocol = ""};

	return &none;
}
