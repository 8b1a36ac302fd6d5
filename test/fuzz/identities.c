/*
 * identities.c
 *	  Fuzzing of where credentials come from: shared files, STS, and JSON of
 *	  containers, machines and helper programs.
 */
#include "targets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "credentials_json.h"
#include "ini.h"
#include "sts.h"

/* Every string is a part of the text, and what is looked up is there. */
static void
check_setting(const AwsxIni *ini, const AwsxIniSetting *setting)
{
	assert(setting->section >= ini->text && setting->section + strlen(setting->section) <= ini->text + ini->len);
	assert(setting->section[0] != '\0' && awsx_ini_has(ini, NULL, setting->section));
	if (setting->key == NULL)
		return;
	assert(setting->key[0] != '\0' && setting->key >= ini->text && setting->key + strlen(setting->key) <= ini->text + ini->len);
	assert(setting->value >= ini->text && setting->value + strlen(setting->value) <= ini->text + ini->len);
	assert(awsx_ini_get(ini, NULL, setting->section, setting->block, setting->key) != NULL);
}

void
fuzz_ini(const char *bytes, size_t len)
{
	char	   *text = malloc(len + 1);
	AwsxError	error = {0};
	AwsxIni		ini;
	bool		done;

	memcpy(text, bytes, len);
	text[len] = '\0';
	done = awsx_ini_parse(&ini, text, len, "file", &error);
	assert(done == (error.kind == AWSX_OK) && (done || (ini.text == NULL && ini.count == 0)));
	for (int i = 0; i < ini.count && i < 100; i++)
		check_setting(&ini, &ini.settings[i]);
	awsx_ini_free(&ini);
}

static void
check_key(const char *text)
{
	assert(text != NULL && text[0] != '\0');
	for (; *text != '\0'; text++)
		assert(*text > ' ' && *text <= '~');
}

void
fuzz_sts(const char *bytes, size_t len)
{
	AwsxError	error = {0};
	AwsxCredentials keys;
	bool		done = awsx_sts_answer(bytes, len, &keys, &error);

	assert(done == (error.kind == AWSX_OK) && done == (keys.access_key_id != NULL));
	if (done)
	{
		check_key(keys.access_key_id);
		check_key(keys.secret_access_key);
		check_key(keys.session_token);
		assert(keys.expires_ms > 0);
	}
	awsx_credentials_clear(&keys);
}

/* As an endpoint gives them, and as a helper program does. */
void
fuzz_keys(const char *bytes, size_t len)
{
	AwsxError	error = {0};
	AwsxCredentials keys = {0};
	bool		done = awsx_credentials_json(bytes, len, len % 2 == 0 ? "Token" : "SessionToken", &keys, &error);

	assert(done == (error.kind == AWSX_OK) && done == (keys.access_key_id != NULL) && strpbrk(error.message, "\r\n") == NULL);
	if (done)
	{
		check_key(keys.access_key_id);
		check_key(keys.secret_access_key);
		if (keys.session_token != NULL)
			check_key(keys.session_token);
	}
	awsx_credentials_clear(&keys);
}
