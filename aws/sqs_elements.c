/*
 * sqs_elements.c
 *	  The elements of a batch call's answer, read in one pass.
 *
 * A general parser builds a tree of every answer, for strings that are looked
 * at once; that was a tenth of what sending a message cost.  This reader knows
 * only the form that SQS writes, and refuses to guess at any other.
 */
#include "sqs_elements.h"

#include <string.h>

#include "text.h"

typedef struct Reader
{
	char	   *at;
	char	   *end;
	AwsxSqsElement *elements;
	int			count;
	bool		known[2];		/* the lists that were read */
} Reader;

static void
skip_space(Reader *reader)
{
	while (reader->at < reader->end &&
		   (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t'))
		reader->at++;
}

/* Is the byte next, after white space?  Then go behind it. */
static bool
take(Reader *reader, char c)
{
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

/* A plain string, terminated where its closing quote was; null for any other. */
static char *
take_string(Reader *reader)
{
	char	   *start;

	if (!take(reader, '"'))
		return NULL;
	start = reader->at;
	reader->at += awsx_text_plain_run(reader->at, (size_t) (reader->end - reader->at));
	if (reader->at == reader->end || *reader->at != '"')
		return NULL;
	*reader->at++ = '\0';
	return start;
}

static bool
take_word(Reader *reader, const char *word)
{
	size_t		len = strlen(word);

	if (!take(reader, *word) || (size_t) (reader->end - reader->at) < len - 1 ||
		memcmp(reader->at, word + 1, len - 1) != 0)
		return false;
	reader->at += len - 1;
	return true;
}

/* The field of that name; null when it is none of ours. */
static const char **
field_of(AwsxSqsElement *element, const char *name)
{
	const struct
	{
		const char *name;
		const char **field;
	}			all[] = {
		{"Id", &element->id}, {"MessageId", &element->message_id}, {"SequenceNumber", &element->sequence_number},
		{"MD5OfMessageBody", &element->md5_of_body}, {"MD5OfMessageAttributes", &element->md5_of_attributes},
		{"Code", &element->code}, {"Message", &element->message}
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
	{
		if (strcmp(all[i].name, name) == 0)
			return all[i].field;
	}
	return NULL;
}

/* A name and its value, which is a string, but for SenderFault's. */
static bool
read_member(Reader *reader, AwsxSqsElement *element)
{
	const char *name = take_string(reader);
	const char **field = name != NULL ? field_of(element, name) : NULL;
	const char *value;

	if (name == NULL || !take(reader, ':'))
		return false;
	if (strcmp(name, "SenderFault") == 0)
	{
		element->sender_fault = take_word(reader, "true");
		return element->sender_fault || take_word(reader, "false");
	}
	value = take_string(reader);
	if (field != NULL)
		*field = value;
	return value != NULL;
}

static bool
read_element(Reader *reader, bool failed)
{
	AwsxSqsElement *element;

	if (reader->count == AWSX_SQS_ELEMENTS || !take(reader, '{'))
		return false;
	element = &reader->elements[reader->count++];
	*element = (AwsxSqsElement) {.failed = failed};
	if (take(reader, '}'))
		return true;
	do
	{
		if (!read_member(reader, element))
			return false;
	} while (take(reader, ','));
	return take(reader, '}');
}

/* A list that comes twice is not what SQS writes. */
static bool
read_list(Reader *reader)
{
	const char *name = take_string(reader);
	bool		failed;

	if (name == NULL || (strcmp(name, "Successful") != 0 && strcmp(name, "Failed") != 0))
		return false;
	failed = *name == 'F';
	if (reader->known[failed] || !take(reader, ':') || !take(reader, '['))
		return false;
	reader->known[failed] = true;
	if (take(reader, ']'))
		return true;
	do
	{
		if (!read_element(reader, failed))
			return false;
	} while (take(reader, ','));
	return take(reader, ']');
}

int
awsx_sqs_elements_read(char *text, size_t len, AwsxSqsElement elements[AWSX_SQS_ELEMENTS])
{
	Reader		reader = {.at = text, .end = text + len, .elements = elements};

	if (!take(&reader, '{'))
		return -1;
	do
	{
		if (!read_list(&reader))
			return -1;
	} while (take(&reader, ','));
	if (!take(&reader, '}'))
		return -1;
	skip_space(&reader);
	return reader.at == reader.end ? reader.count : -1;
}
