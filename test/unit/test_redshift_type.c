/*
 * test_redshift_type.c
 *	  The types of Redshift's columns: what spells one, as DDL has it then, and
 *	  what is none or cannot be loaded.
 */
#include "redshift_words.h"

#include "redshift_table.h"

static const char *const spellings[][2] = {
	{"smallint", "SMALLINT"},
	{"int2", "SMALLINT"},
	{"integer", "INTEGER"},
	{"int", "INTEGER"},
	{"int4", "INTEGER"},
	{" INT\t", "INTEGER"},
	{"bigint", "BIGINT"},
	{"int8", "BIGINT"},
	{"BigInt", "BIGINT"},
	{"decimal", "DECIMAL(18,0)"},
	{"numeric", "DECIMAL(18,0)"},
	{"numeric(12)", "DECIMAL(12,0)"},
	{"numeric(12,2)", "DECIMAL(12,2)"},
	{"DECIMAL ( 38 , 37 )", "DECIMAL(38,37)"},
	{"decimal(37,37)", "DECIMAL(37,37)"},
	{"real", "REAL"},
	{"float4", "REAL"},
	{"double precision", "DOUBLE PRECISION"},
	{"double \n precision", "DOUBLE PRECISION"},
	{"float8", "DOUBLE PRECISION"},
	{"float", "DOUBLE PRECISION"},
	{"boolean", "BOOLEAN"},
	{"bool", "BOOLEAN"},
	{"char", "CHAR(1)"},
	{"character", "CHAR(1)"},
	{"nchar", "CHAR(1)"},
	{"bpchar", "CHAR(256)"},
	{"char(4096)", "CHAR(4096)"},
	{"character(3)", "CHAR(3)"},
	{"nchar(7)", "CHAR(7)"},
	{"char(max)", "CHAR(4096)"},
	{"varchar", "VARCHAR(256)"},
	{"varchar(64)", "VARCHAR(64)"},
	{"nvarchar(9)", "VARCHAR(9)"},
	{"character varying", "VARCHAR(256)"},
	{"Character  Varying (20)", "VARCHAR(20)"},
	{"text", "VARCHAR(256)"},
	{"varchar(max)", "VARCHAR(65535)"},
	{"VARCHAR( MAX )", "VARCHAR(65535)"},
	{"varchar(65535)", "VARCHAR(65535)"},
	{"date", "DATE"},
	{"super", "SUPER"},
	{"timestamp", "TIMESTAMP"},
	{"timestamp without time zone", "TIMESTAMP"},
	{"timestamptz", "TIMESTAMPTZ"},
	{"timestamp with time zone", "TIMESTAMPTZ"},
};

static const char *const refused[] = {
	"",
	" ",
	"(",
	"()",
	"(3)",
	"uuid",
	"jsonb",
	"serial",
	"int(4)",
	"bigint(max)",
	"date(3)",
	"timestamp(6)",
	"super(9)",
	"char()",
	"char(0)",
	"char(4097)",
	"varchar(65536)",
	"varchar(0)",
	"varchar(-1)",
	"varchar(1,2)",
	"varchar(4294967306)",
	"varchar(12",
	"varchar 12)",
	"varchar(12))",
	"varchar(12) x",
	"varchar(maximum)",
	"varchar(max,1)",
	"text(20)",
	"bpchar(3)",
	"decimal(0)",
	"decimal(39,0)",
	"decimal(38,38)",
	"decimal(5,6)",
	"decimal(5,)",
	"decimal(,5)",
	"decimal(5,2,1)",
	"decimal(max)",
	"decimal(5,-1)",
	"decimal(+5)",
	"varchar(1e2)",
	"time",
	"timetz",
	"time with time zone",
	"varbyte(20)",
	"varbinary",
	"geometry",
	"geography",
	"hllsketch",
	"interval day to second",
	"integer; DROP TABLE t",
	"int/**/eger",
	"timestamp with time zone timestamp with time zone timestamp",
	"int\x01",
	"varchar(\xd9\xa1)"
};

static const char *
reads_type(const char *text)
{
	AwsxRedshiftType type;
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	awsx_error_clear(&error);
	if (!awsx_redshift_type_read(text, &type, &error))
		return error.kind == AWSX_ERR_CONFIG && error.message[0] != '\0' ? "refused" : "no error";
	awsx_redshift_type_write(&type, &sql);
	return made(&sql);
}

static void
test_types(void)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		is_str(reads_type(spellings[i][0]), spellings[i][1], shown(spellings[i][0]));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		is_str(reads_type(refused[i]), "refused", shown(refused[i]));
	reads_type("time");
	ok(strstr(error.message, "cannot be loaded") != NULL,
	   "a type that is there but is not loaded is told from one that is not");
}

int
main(void)
{
	test_types();
	return tap_done();
}
