# The zip that Lambda gets: it is whole, wants no newer glibc than Lambda's,
# and works in an empty root that holds nothing but it and glibc, at the place
# where Lambda unpacks it.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use IO::Uncompress::Unzip qw($UnzipError);
use JSON::PP;
use PgSqs::Lab;
use PgSqs::Tls;
use Test::More;
use Time::HiRes qw(sleep);

my $zip = "$ENV{PG_SQS_STAGE}/bin/s3_to_sqs.zip";
my $root = "$ENV{TESTDATADIR}/root";
my $task = "$root/var/task";
plan skip_all => "the libraries of this machine are newer than Lambda's: it cannot make a zip" unless -e $zip;
my $glibc = qr/^(?:ld-linux.*\.so\.\d|lib(?:c|m|resolv|dl|pthread|rt|util|anl|mvec)\.so\.\d)$/;

sub slurp { my ($file) = @_; open my $in, '<:raw', $file or die "$file: $!"; local $/; return scalar <$in> }

# Unpack with the modes that the zip gives.
sub unpack_zip
{
	my ($content) = slurp($zip);
	my %mode;
	my ($size, $at) = unpack 'x12 V2', substr $content, rindex($content, "PK\5\6");
	while (substr($content, $at, 4) eq "PK\1\2")
	{
		my ($name_len, $extra_len, $comment_len) = unpack 'x28 v3', substr $content, $at, 46;
		$mode{ substr $content, $at + 46, $name_len } = (unpack 'x38 V', substr $content, $at, 46) >> 16;
		$at += 46 + $name_len + $extra_len + $comment_len;
	}
	my $unzip = IO::Uncompress::Unzip->new($zip) or die $UnzipError;
	do
	{
		my $name = $unzip->getHeaderInfo->{Name};
		make_path(dirname("$task/$name"));
		open my $out, '>:raw', "$task/$name" or die "$name: $!";
		while ($unzip->read(my $piece) > 0) { print $out $piece }
		close $out;
		chmod $mode{$name} & 0777, "$task/$name";
	} while ($unzip->nextStream > 0);
	return %mode;
}

my %mode = unpack_zip();
is($mode{bootstrap} & 0777, 0755, 'the zip has an executable bootstrap');
cmp_ok(-s $zip, '<', 12_000_000, sprintf 'its size: %.1f MB', (-s $zip) / 1e6);
ok(exists $mode{'programs/transaction.jq'}, 'the example programs are inside');
like(slurp("$task/ca-certificates.crt"), qr/BEGIN CERTIFICATE/, 'certificate authorities are inside');

# -- what its files want ------------------------------------------------------
my @files = ('bootstrap', grep { m{^lib/} } sort keys %mode);
my (@too_new, @missing, %wanted);
for my $file (@files)
{
	for (qx{readelf -WV '$task/$file'})
	{
		next unless /Name: GLIBC_(\S+)/ && $1 ne 'PRIVATE';
		my $version = $1;
		push @too_new, "$file: GLIBC_$version" unless $version =~ /^2\.(\d+)/ && $1 <= 34;
	}
	for my $name (map { /\(NEEDED\).*\[(.+)\]/ ? $1 : () } qx{readelf -Wd '$task/$file'})
	{
		if ($name =~ $glibc) { $wanted{$name} = 1 }
		elsif (!exists $mode{"lib/$name"}) { push @missing, "$file: $name" }
	}
}
is("@too_new", '', 'no file wants a symbol of a glibc after 2.34');
is("@missing", '', 'every library that a file wants is inside, or glibc\'s');
ok(!(grep { basename($_) =~ $glibc } keys %mode), 'glibc itself is not inside');

# -- in an empty root ---------------------------------------------------------
# glibc's own files, from where this machine has them.
my %place = map { m{(?:(\S+) => )?(/\S+)} ? (basename($2) => $2) : () } qx{ldd '$task/bootstrap'};
for my $name (sort keys %wanted)
{
	my $place = $place{$name} or next;
	make_path($root . dirname($place));
	copy(abs_path($place), $root . $place) or die "$place: $!";
	chmod 0755, $root . $place;
}
make_path("$root/proc");    # where a program finds its own place
sub find_program { my ($name) = @_; return (grep { -x } map { "$_/$name" } qw(/usr/bin /usr/sbin /bin /sbin))[0] }
my ($unshare, $mount, $chroot) = map { find_program($_) } qw(unshare mount chroot);

SKIP:
{
	skip 'unshare, mount or chroot is not installed', 5 unless $unshare && $mount && $chroot;
	skip 'this user may not enter a namespace of its own', 5 if system("$unshare --user --map-root-user --mount $chroot / true 2>/dev/null") != 0;

	my $wrapper = "$ENV{TESTDATADIR}/in_empty_root";
	open my $script, '>', $wrapper or die $!;
	print $script "#!/bin/sh\nexec $unshare --user --map-root-user --mount /bin/sh -c "
	  . "'$mount --rbind /proc $root/proc && exec $chroot $root /var/task/bootstrap \"\$@\"' sh \"\$@\"\n";
	close $script;
	chmod 0755, $wrapper;
	like(qx{$wrapper --version}, qr/^s3_to_sqs/, 'it starts in an empty root');

	my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/zip.ndjson");
	my $tls = PgSqs::Tls->new($lab->address);
	my $queue = $lab->create_queue('q.fifo');
	$lab->s3(PUT => 'ledger-l0', undef);
	$lab->s3_notify('ledger-l0', "arn:aws:lambda:$lab->{region}:123456789012:function:s3_to_sqs", 'in/');
	# Nobody names an authority, and the system has none: what the zip brings decides.
	open my $ours, '>', "$task/ca-certificates.crt" or die $!;
	print $ours slurp($tls->authority('right'));
	close $ours;
	local $ENV{PG_SQS_S3_TO_SQS} = $wrapper;
	my $log = "$ENV{TESTDATADIR}/zip-function.log";
	my $pid = $lab->start_function('s3_to_sqs', $log, QUEUE_URL => $queue, AWS_ENDPOINT_URL => $tls->endpoint('good'),
		LAMBDA_TASK_ROOT => '/var/task', JQ_FILE => '/var/task/programs/transaction.jq');
	$lab->s3(PUT => 'ledger-l0', 'in/one.json', content => '{"transaction_id": "T1", "amount": 1.10, "booked_at": "2026-01-31T23:59:58Z"}');
	my @sent;
	for (1 .. 400)
	{
		@sent = grep { ($_->{event} // '') eq 'sqs.sent' } $lab->journal;
		last if @sent;
		sleep 0.05;
	}
	is(scalar(@sent), 1, 'over https, with the zip\'s own authorities, it sends a message') or diag(slurp($log));
	my $message = $lab->sqs(ReceiveMessage => { QueueUrl => $queue })->{Messages}[0];
	is(decode_json($message->{Body} // '{}')->{booked_on}, '2026-01-31', 'through the program from the zip');

	my %mapped = map { m{\s(/\S+)$} ? ($1 => 1) : () } split /^/, slurp("/proc/$pid/maps");
	my @outside = grep { !m{^(?:\Q$root\E)?/var/task/} && basename($_) !~ $glibc } keys %mapped;
	is("@outside", '', 'it has loaded nothing from elsewhere');
	my @libraries = grep { m{/var/task/lib/} } keys %mapped;
	cmp_ok(scalar @libraries, '>=', 5, 'but its own libraries');
	$lab->stop;
}
done_testing;
