/*
 * s3_crc.c
 *	  CRC-32, CRC-32C and CRC-64/NVME, eight bytes a step.
 *
 * All three are "reflected": the lowest bit comes first, so that one loop
 * over 64-bit words does for 32 bits as well.  entries[k][b] is what byte b
 * does to the sum when k bytes follow it; eight lookups that do not wait for
 * each other take eight bytes.  The tables are computed at a kind's first
 * use: a process has one thread.
 *
 * The polynomials are those of the catalogue of CRCs (reveng), and stand
 * with their check values in the unit test.
 */
#include "s3_crc.h"

#include <stdbool.h>

typedef struct CrcTable
{
	uint64_t	polynomial;		/* reflected */
	uint64_t	ones;			/* all bits of the width; begins and ends a sum */
	bool		made;
	uint64_t	entries[8][256];
} CrcTable;

static CrcTable tables[] = {
	[AWSX_CRC32] = {.polynomial = UINT64_C(0xEDB88320),.ones = UINT32_MAX},
	[AWSX_CRC32C] = {.polynomial = UINT64_C(0x82F63B78),.ones = UINT32_MAX},
	[AWSX_CRC64NVME] = {.polynomial = UINT64_C(0x9A6C9329AC4BC9B5),.ones = UINT64_MAX}
};

static void
make_table(CrcTable *table)
{
	for (unsigned int byte = 0; byte < 256; byte++)
	{
		uint64_t	crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? table->polynomial : 0);
		table->entries[0][byte] = crc;
	}
	for (int k = 1; k < 8; k++)
	{
		for (unsigned int byte = 0; byte < 256; byte++)
		{
			uint64_t	before = table->entries[k - 1][byte];

			table->entries[k][byte] = (before >> 8) ^ table->entries[0][before & 0xFF];
		}
	}
	table->made = true;
}

/* Eight bytes, the first one lowest, on any machine. */
static uint64_t
load(const unsigned char *at)
{
	uint64_t	word = 0;

	for (int i = 0; i < 8; i++)
		word |= (uint64_t) at[i] << (8 * i);
	return word;
}

uint64_t
awsx_crc(AwsxCrcKind kind, uint64_t crc, const void *bytes, size_t len)
{
	CrcTable   *table = &tables[kind];
	const unsigned char *at = bytes;

	if (!table->made)
		make_table(table);
	crc ^= table->ones;
	for (; len >= 8; at += 8, len -= 8)
	{
		uint64_t	word = load(at) ^ crc;

		crc = 0;
		for (int k = 0; k < 8; k++)
			crc ^= table->entries[7 - k][(word >> (8 * k)) & 0xFF];
	}
	for (; len > 0; at++, len--)
		crc = (crc >> 8) ^ table->entries[0][(crc ^ *at) & 0xFF];
	return crc ^ table->ones;
}
