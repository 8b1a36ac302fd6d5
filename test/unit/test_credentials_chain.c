/*
 * test_credentials_chain.c
 *	  Explicit keys, the environment, and the chain that asks one provider
 *	  after the other.
 */
#include "tap.h"

#include <stdlib.h>

#include "fetch_now.h"

/* A provider that does what a test says, at once or when it is told to. */
typedef struct Link
{
	AwsxCredentialsProvider base;
	enum
	{
		FINDS, ABSENT, FAILS, WAITS
	}			does;
	AwsxCredentialsFetch *fetch;
	int			starts;
	int			cancels;
	int			frees;
} Link;

static void
answer(Link *link, int how)
{
	AwsxCredentialsFetch *fetch = link->fetch;
	AwsxCredentials keys;
	AwsxError	error = {0};

	link->fetch = NULL;
	if (how == FINDS)
	{
		awsx_credentials_set(&keys, "AK", "secret", NULL, &error);
		awsx_fetch_found(fetch, link->base.name, &keys);
	}
	else if (how == ABSENT)
		awsx_fetch_absent(fetch, "%s has none", link->base.name);
	else
	{
		awsx_error_set(&error, AWSX_ERR_CREDENTIALS, "%s is broken", link->base.name);
		error.retryable = true;
		snprintf(error.code, sizeof(error.code), "InternalError");
		snprintf(error.request_id, sizeof(error.request_id), "r-1");
		error.http_status = 500;
		awsx_fetch_failed(fetch, &error);
	}
}

static void
link_start(AwsxCredentialsProvider *self, AwsxCredentialsFetch *fetch)
{
	Link	   *link = (Link *) self;

	link->starts++;
	link->fetch = fetch;
	if (link->does != WAITS)
		answer(link, link->does);
}

static void
link_cancel(AwsxCredentialsProvider *self)
{
	((Link *) self)->cancels++;
	((Link *) self)->fetch = NULL;
}

static void
link_free(AwsxCredentialsProvider *self)
{
	((Link *) self)->frees++;
}

static Link links[3];
static AwsxCredentialsProvider *chain;
static AwsxCredentialsFetch fetch;
static int	ends;

static void
on_end(AwsxCredentialsFetch *ended)
{
	(void) ended;
	ends++;
}

static void
begin(int one, int two, int three)
{
	static const char *const names[] = {"one", "two", "three"};
	const int	does[] = {one, two, three};
	AwsxCredentialsProvider *providers[3];
	AwsxError	error;

	for (int i = 0; i < 3; i++)
	{
		links[i] = (Link) {.base = {names[i], link_start, link_cancel, link_free},.does = does[i]};
		providers[i] = &links[i].base;
	}
	chain = awsx_credentials_chain(providers, 3, &error);
	fetch = (AwsxCredentialsFetch) {.done = on_end};
	ends = 0;
	chain->start(chain, &fetch);
}

static void
finish(void)
{
	awsx_credentials_clear(&fetch.credentials);
	chain->free(chain);
}

static void
test_at_once(void)
{
	begin(ABSENT, FINDS, FINDS);
	ok(ends == 1 && fetch.error.kind == AWSX_OK, "the first that is not absent decides");
	is_str(fetch.source, "two", "and is named");
	is_int(links[2].starts, 0, "those behind it are not asked");
	awsx_credentials_clear(&fetch.credentials);
	links[0].does = FINDS;
	chain->start(chain, &fetch);
	is_str(fetch.source, "one", "the next fetch begins at the first again");
	finish();
	ok(links[0].frees == 1 && links[1].frees == 1 && links[2].frees == 1, "all are freed with the chain");

	begin(ABSENT, ABSENT, ABSENT);
	ok(ends == 1 && fetch.absent && fetch.error.kind == AWSX_ERR_CREDENTIALS, "all absent: so is the chain");
	is_str(fetch.error.message,
		   "no AWS credentials found (one: one has none; two: two has none; three: three has none)",
		   "an error that names each and its reason");
	finish();

	begin(ABSENT, FAILS, FINDS);
	ok(ends == 1 && !fetch.absent && fetch.error.kind == AWSX_ERR_CREDENTIALS, "one that fails ends the search");
	is_int(links[2].starts, 0, "lest another identity signs than was meant");
	is_str(fetch.error.message, "no AWS credentials found (two: two is broken; one: one has none)", "who and why");
	ok(fetch.error.retryable && fetch.error.http_status == 500 && strcmp(fetch.error.code, "InternalError") == 0 &&
	   strcmp(fetch.error.request_id, "r-1") == 0, "with what AWS said");
	finish();
}

static void
test_later(void)
{
	begin(ABSENT, WAITS, WAITS);
	is_int(ends, 0, "one that takes its time");
	answer(&links[1], ABSENT);
	ok(ends == 0 && links[2].starts == 1, "the next is asked when it has nothing");
	answer(&links[2], FINDS);
	ok(ends == 1 && fetch.error.kind == AWSX_OK, "and decides");
	is_str(fetch.source, "three", "in its time");
	finish();

	begin(WAITS, ABSENT, FINDS);
	answer(&links[0], ABSENT);
	ok(ends == 1 && fetch.error.kind == AWSX_OK, "those that answer at once follow at once");
	finish();

	begin(WAITS, ABSENT, ABSENT);
	answer(&links[0], ABSENT);
	ok(ends == 1 && fetch.absent, "also to the end");
	finish();

	begin(WAITS, FINDS, FINDS);
	answer(&links[0], FAILS);
	ok(ends == 1 && !fetch.absent && links[1].starts == 0, "a late failure ends it too");
	finish();
}

/* A file that is empty while it is being written must not make the next identity sign. */
static void
test_once_decided(void)
{
	begin(ABSENT, FINDS, FINDS);
	awsx_credentials_clear(&fetch.credentials);
	links[1].does = ABSENT;
	chain->start(chain, &fetch);
	ok(ends == 2 && fetch.error.kind == AWSX_ERR_CREDENTIALS && !fetch.absent, "what gave keys and has none any more fails");
	is_int(links[2].starts, 0, "... and nobody takes its place");
	ok(strstr(fetch.error.message, "two: it gave keys before") != NULL && strstr(fetch.error.message, "two has none") != NULL,
	   "... which is told: %s", fetch.error.message);
	links[1].does = WAITS;
	chain->start(chain, &fetch);
	answer(&links[1], ABSENT);
	ok(ends == 3 && !fetch.absent && links[2].starts == 0, "... also when it takes its time");
	links[1].does = FINDS;
	chain->start(chain, &fetch);
	ok(ends == 4 && fetch.error.kind == AWSX_OK, "... until it has keys again");
	finish();
}

static void
test_cancel(void)
{
	begin(ABSENT, WAITS, FINDS);
	chain->cancel(chain);
	ok(links[1].cancels == 1 && links[0].cancels == 0 && links[2].cancels == 0, "who is asked is cancelled");
	chain->cancel(chain);
	ok(links[1].cancels == 1 && ends == 0, "once, without a word");
	links[1].does = FINDS;
	chain->start(chain, &fetch);
	is_int(ends, 1, "it can be asked anew");
	finish();
	is_int(links[1].cancels, 1, "and freed when nothing is under way");

	begin(WAITS, FINDS, FINDS);
	finish();
	ok(links[0].cancels == 1 && links[0].frees == 1 && ends == 0, "a chain that is freed cancels");
}

/* Providers with much to say: none may crowd out the others. */
static void
test_long_reasons(void)
{
	static char names[3][151];
	AwsxCredentialsProvider *providers[3];
	AwsxError	error;

	for (int i = 0; i < 3; i++)
	{
		memset(names[i], 'a' + i, 150);
		links[i] = (Link) {.base = {names[i], link_start, link_cancel, link_free},.does = ABSENT};
		providers[i] = &links[i].base;
	}
	chain = awsx_credentials_chain(providers, 3, &error);
	chain->start(chain, &fetch);
	ok(strstr(fetch.error.message, names[0]) != NULL && strstr(fetch.error.message, names[1]) != NULL &&
	   strstr(fetch.error.message, names[2]) != NULL, "every name has its room");
	ok(fetch.error.message[strlen(fetch.error.message) - 1] == ')', "and the message its end");
	finish();
}

static void
test_environment(void)
{
	AwsxCredentials keys;
	AwsxError	error;
	AwsxCredentialsProvider *provider = awsx_credentials_env(&error);

	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	unsetenv("AWS_SESSION_TOKEN");
	unsetenv("AWS_CREDENTIAL_EXPIRATION");
	fetch = (AwsxCredentialsFetch) {.done = on_end};
	provider->start(provider, &fetch);
	ok(fetch.absent, "no variable: absent");
	setenv("AWS_ACCESS_KEY_ID", "", 1);
	provider->start(provider, &fetch);
	ok(fetch.absent, "an empty one is none");
	setenv("AWS_ACCESS_KEY_ID", "AKENV", 1);
	provider->start(provider, &fetch);
	ok(!fetch.absent && strstr(fetch.error.message, "AWS_SECRET_ACCESS_KEY") != NULL, "half of them is a mistake");
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("AWS_SESSION_TOKEN", "", 1);
	ok(fetch_now(provider, &keys, &error) && keys.session_token == NULL && keys.expires_ms == 0, "keys without a token");
	awsx_credentials_clear(&keys);
	setenv("AWS_SESSION_TOKEN", "token", 1);
	setenv("AWS_CREDENTIAL_EXPIRATION", "2026-01-02T03:04:05Z", 1);
	ok(fetch_now(provider, &keys, &error), "with a token and an end");
	is_str(keys.session_token, "token", "the token");
	ok(keys.expires_ms == INT64_C(1767323045000), "the end");
	awsx_credentials_clear(&keys);
	setenv("AWS_CREDENTIAL_EXPIRATION", "tomorrow", 1);
	ok(!fetch_now(provider, &keys, &error) && strstr(error.message, "AWS_CREDENTIAL_EXPIRATION") != NULL, "an end that is no date");
	unsetenv("AWS_CREDENTIAL_EXPIRATION");
	setenv("AWS_SECRET_ACCESS_KEY", "secret\n", 1);
	ok(!fetch_now(provider, &keys, &error) && strstr(error.message, "secret access key") != NULL, "a line break in a key");
	provider->cancel(provider);
	provider->free(provider);
}

static void
test_explicit(void)
{
	AwsxCredentials keys;
	AwsxError	error;
	AwsxCredentialsProvider *provider = awsx_credentials_static("AK", "secret", "", &error);

	ok(fetch_now(provider, &keys, &error) && keys.session_token == NULL, "explicit keys; an empty token is none");
	awsx_credentials_clear(&keys);
	ok(fetch_now(provider, &keys, &error) && strcmp(keys.access_key_id, "AK") == 0, "as often as they are asked for");
	awsx_credentials_clear(&keys);
	provider->cancel(provider);
	provider->free(provider);
	ok(awsx_credentials_static("AK", "sec ret", NULL, &error) == NULL && error.kind == AWSX_ERR_CREDENTIALS,
	   "a blank inside is refused");
}

int
main(void)
{
	test_at_once();
	test_later();
	test_once_decided();
	test_cancel();
	test_long_reasons();
	test_environment();
	test_explicit();
	return tap_done();
}
