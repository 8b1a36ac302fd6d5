/*
 * http_endpoint.c
 *	  What an endpoint and a proxy may be.
 *
 * Both are names that somebody configured: nothing in them may end a line or
 * begin another part of a request, and http without TLS is for this machine.
 */
#include "http_check.h"

#include <arpa/inet.h>
#include <string.h>

#include "text.h"

#define MAX_HOST 253
#define MAX_USER 512			/* user and password of a proxy */

typedef struct Host
{
	size_t		len;			/* with the brackets of an IPv6 address; 0 = no host */
	bool		loopback;
	bool		link_local;		/* or another address of a metadata service */
} Host;

/* host[:port] of an endpoint whose scheme is known; null when it has none. */
static const char *
after_scheme(const char *endpoint, bool *secure)
{
	*secure = strncmp(endpoint, "https://", 8) == 0;
	if (*secure)
		return endpoint + 8;
	return strncmp(endpoint, "http://", 7) == 0 ? endpoint + 7 : NULL;
}

/* fe80::/10, and fd00:ec2::/32, where EC2 and EKS answer over IPv6. */
static void
judge_six(const char *text, Host *host)
{
	static const unsigned char metadata[] = {0xfd, 0x00, 0x0e, 0xc2};
	struct in6_addr address;

	if (inet_pton(AF_INET6, text, &address) != 1)
	{
		host->len = 0;
		return;
	}
	host->loopback = IN6_IS_ADDR_LOOPBACK(&address);
	host->link_local = IN6_IS_ADDR_LINKLOCAL(&address) ||
		memcmp(&address, metadata, sizeof(metadata)) == 0;
}

/* Is it a DNS name, or an address of IPv4, which looks like one? */
static bool
is_name(const char *name)
{
	for (size_t i = 0; name[i] != '\0'; i++)
	{
		if (!awsx_text_is_alnum(name[i]) && strchr("-._", name[i]) == NULL)
			return false;
		if (name[i] == '.' && (i == 0 || name[i - 1] == '.'))
			return false;
	}
	return name[0] != '-';
}

/*
 * "[::1]" or a name.  Numbers are judged by inet_pton(3), so that
 * "127.0.0.1.example.org" is a name and not this machine.
 */
static Host
read_host(const char *text)
{
	Host		host = {.len = text[0] == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":")};
	char		name[MAX_HOST + 1];
	struct in_addr four;

	if (host.len == 0 || host.len > MAX_HOST || host.len > strlen(text))
		return (Host) {0};
	memcpy(name, text, host.len);
	name[host.len] = '\0';
	if (name[0] == '[')
	{
		name[host.len - 1] = '\0';
		judge_six(name + 1, &host);
	}
	else if (!is_name(name))
		host.len = 0;
	else if (inet_pton(AF_INET, name, &four) == 1)
	{
		host.loopback = ntohl(four.s_addr) >> 24 == 127;
		host.link_local = ntohl(four.s_addr) >> 16 == 0xA9FE;	/* 169.254.0.0/16 */
	}
	else
		host.loopback = awsx_text_equal(name, "localhost");
	return host;
}

/* ":1" to ":65535" without leading zeros. */
static bool
is_port(const char *text)
{
	long		port = 0;

	if (text[0] != ':' || text[1] < '1' || strlen(text) > 6)
		return false;
	for (text++; *text != '\0'; text++)
	{
		if (!awsx_text_is_digit(*text))
			return false;
		port = port * 10 + (*text - '0');
	}
	return port <= 65535;
}

bool
awsx_endpoint_check(const char *endpoint, bool allow_plain, AwsxError *error)
{
	bool		secure;
	const char *text;
	Host		host;

	if (endpoint == NULL || endpoint[0] == '\0')
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the endpoint is empty");
	text = after_scheme(endpoint, &secure);
	if (text == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the endpoint does not begin with https:// or http://");
	host = read_host(text);
	if (host.len == 0 || (text[host.len] != '\0' && !is_port(text + host.len)))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the endpoint is not of the form https://host[:port] "
							  "(no user, path or query)");
	if (!secure && !host.loopback && !allow_plain)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the endpoint must use https: plain http is only for this machine "
							  "(localhost, 127.0.0.1, [::1])");
	return true;
}

bool
awsx_http_host(const char *endpoint, AwsxBuf *out)
{
	bool		secure;
	const char *host = after_scheme(endpoint, &secure);
	size_t		len;
	const char *port;

	if (host == NULL)
		return false;
	len = strlen(host);
	port = secure ? ":443" : ":80";
	if (len > strlen(port) && strcmp(host + len - strlen(port), port) == 0)
		len -= strlen(port);
	return awsx_buf_append(out, host, len);
}

/* "user:password", neither of them empty, in the characters of RFC 3986. */
static bool
is_user(const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);

	if (len > MAX_USER || colon == NULL || colon == text || colon == text + len - 1)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (text[i] == '%')
		{
			if (len - i < 3 || awsx_text_hex_value(text[i + 1]) < 0 || awsx_text_hex_value(text[i + 2]) < 0 ||
				(text[i + 1] == '0' && text[i + 2] == '0'))
				return false;
		}
		else if (!awsx_text_is_alnum(text[i]) && strchr("-._~:", text[i]) == NULL)
			return false;
	}
	return memchr(colon + 1, ':', (size_t) (text + len - colon - 1)) == NULL;
}

bool
awsx_proxy_check(const char *proxy, AwsxError *error)
{
	bool		secure;
	const char *text = after_scheme(proxy, &secure);
	const char *at = text != NULL ? strchr(text, '@') : NULL;
	bool		good = text != NULL && (at == NULL || is_user(text, (size_t) (at - text)));
	Host		host = {0};

	if (good)
	{
		text = at != NULL ? at + 1 : text;
		host = read_host(text);
	}
	if (good && host.len > 0 && is_port(text + host.len))
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "the proxy is not of the form http[s]://[user:password@]host:port, with "
						  "special characters of user and password percent-encoded");
}

bool
awsx_proxy_passed_by(const char *endpoint)
{
	bool		secure;
	const char *text = after_scheme(endpoint, &secure);
	Host		host = text != NULL ? read_host(text) : (Host) {0};

	return host.loopback || host.link_local;
}
