/*
 * transaction_rows.c
 *	  What a statement of a transaction returned, page by page.
 */
#include "transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAGES 1000

static AwsxRedshiftRows *
fetch_page(const Transaction *transaction, const char *id, int part, const char *next, AwsxError *error)
{
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxRedshiftRows *rows;

	if (!awsx_redshift_result_request(&transaction->service, id, part, next, &request, error))
		return NULL;
	request.timeout_ms = deadline_left_ms(transaction->deadline);
	if (request.timeout_ms <= 0)
	{
		awsx_http_request_free(&request);
		awsx_error_set(error, AWSX_ERR_CANCELLED, "the time was over before all rows of statement %s were read", id);
		return NULL;
	}
	if (!awsx_client_run(transaction->client, &transaction->service, &request, &answer, error))
		return NULL;
	rows = awsx_redshift_result_answer(&answer, error);
	awsx_http_response_free(&answer);
	return rows;
}

typedef struct Pages
{
	int			count;
	int			columns;		/* 0 while there are no rows */
	AwsxRedshiftRows *items[MAX_PAGES];
} Pages;

/* One after another; false with what was read so far. */
static bool
fetch_pages(const Transaction *transaction, const char *id, int part, Pages *pages, AwsxError *error)
{
	const char *next = NULL;

	do
	{
		AwsxRedshiftRows *page = fetch_page(transaction, id, part, next, error);

		if (page == NULL)
			return false;
		pages->items[pages->count++] = page;
		next = page->next;
		if (pages->columns == 0)
			pages->columns = page->column_count;
		if (page->row_count > 0 && page->column_count != pages->columns)
			return awsx_error_set(error, AWSX_ERR_PROTOCOL, "the pages of a result of Redshift differ in their columns");
	} while (next != NULL && pages->count < MAX_PAGES);
	return next == NULL ||
		awsx_error_set(error, AWSX_ERR_PROTOCOL, "a result of Redshift has more than %d pages", MAX_PAGES);
}

/* The values of a page, behind those of others; returns the place behind its texts. */
static char *
copy_page(AwsxRedshiftRows *all, const AwsxRedshiftRows *page, char *at)
{
	char	  **values = all->values + (size_t) all->row_count * (size_t) all->column_count;

	for (int i = 0; i < page->row_count * page->column_count; i++)
	{
		size_t		size = page->values[i] != NULL ? strlen(page->values[i]) + 1 : 0;

		values[i] = size > 0 ? memcpy(at, page->values[i], size) : NULL;
		at += size;
	}
	all->row_count += page->row_count;
	return at;
}

static AwsxRedshiftRows *
join(const Pages *pages, AwsxError *error)
{
	size_t		values = 0;
	size_t		bytes = 0;
	AwsxRedshiftRows *all;
	char	   *at;

	for (int p = 0; p < pages->count; p++)
	{
		const AwsxRedshiftRows *page = pages->items[p];
		int			count = page->row_count * page->column_count;

		values += (size_t) count;
		for (int i = 0; i < count; i++)
			bytes += page->values[i] != NULL ? strlen(page->values[i]) + 1 : 0;
	}
	all = malloc(sizeof(AwsxRedshiftRows) + values * sizeof(char *) + bytes);
	if (all == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for a result of Redshift");
		return NULL;
	}
	all->row_count = 0;
	all->column_count = pages->columns;
	all->values = (char **) (all + 1);
	all->next = NULL;
	at = (char *) (all->values + values);
	for (int p = 0; p < pages->count; p++)
		at = copy_page(all, pages->items[p], at);
	return all;
}

AwsxRedshiftRows *
transaction_rows(const Transaction *transaction, const char *id, int part, AwsxError *error)
{
	Pages		pages = {0};
	AwsxRedshiftRows *all = NULL;

	if (fetch_pages(transaction, id, part, &pages, error))
		all = join(&pages, error);
	for (int p = 0; p < pages.count; p++)
		awsx_redshift_rows_free(pages.items[p]);
	return all;
}

/* A whole integer, and nothing else. */
static bool
read_number(const char *text, int64_t *number)
{
	char	   *end;

	if (text == NULL || *text == '\0')
		return false;
	errno = 0;
	*number = strtoll(text, &end, 10);
	return *end == '\0' && errno == 0;
}

/* The first column; null and *error when memory ends, or when it is none of numbers. */
static int64_t *
read_numbers(const AwsxRedshiftRows *rows, AwsxError *error)
{
	int64_t    *numbers = malloc(sizeof(int64_t) * ((size_t) rows->row_count + 1));

	if (numbers == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for a result of Redshift");
		return NULL;
	}
	for (int i = 0; i < rows->row_count; i++)
	{
		if (rows->column_count < 1 || !read_number(rows->values[(size_t) i * (size_t) rows->column_count], &numbers[i]))
		{
			awsx_error_set(error, AWSX_ERR_PROTOCOL, "a result of Redshift that should be numbers is not");
			free(numbers);
			return NULL;
		}
	}
	return numbers;
}

bool
transaction_numbers(const Transaction *transaction, const char *id, int part,
					int64_t **numbers, int *count, AwsxError *error)
{
	AwsxRedshiftRows *rows = transaction_rows(transaction, id, part, error);

	*numbers = rows != NULL ? read_numbers(rows, error) : NULL;
	*count = *numbers != NULL ? rows->row_count : 0;
	awsx_redshift_rows_free(rows);
	return *numbers != NULL;
}
