# PgSqs::Zip: a function's zip, unpacked where Lambda would, in a root that
# holds nothing but it and glibc.
#
#   my $zip = PgSqs::Zip->new('s3_to_sqs') or plan skip_all => PgSqs::Zip::elsewhere();
#   $zip->test_files;                     # what its files want
#   my ($wrapper, $why) = $zip->wrapper;  # a program that runs it in the empty root, or undef and why not
#   $zip->trust($tls);                    # the test's authority in place of the zip's
#   $zip->test_loaded($pid);              # what a process of it has loaded
package PgSqs::Zip;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use IO::Uncompress::Unzip qw($UnzipError);
use Test::More;

my $glibc = qr/^(?:ld-linux.*\.so\.\d|lib(?:c|m|resolv|dl|pthread|rt|util|anl|mvec)\.so\.\d)$/;

sub elsewhere { return "the libraries of this machine are newer than Lambda's: it cannot make a zip" }
sub slurp { my ($file) = @_; open my $in, '<:raw', $file or die "$file: $!"; local $/; return scalar <$in> }

sub new
{
	my ($class, $program) = @_;
	my $zip = "$ENV{PG_SQS_STAGE}/bin/$program.zip";
	return unless -e $zip;
	my $root = "$ENV{TESTDATADIR}/root_$program";
	my $self = bless { file => $zip, root => $root, task => "$root/var/task" }, $class;
	$self->{mode} = { $self->unpack_zip };
	return $self;
}

sub root { return $_[0]{root} }
sub task { return $_[0]{task} }
sub mode { return $_[0]{mode} }
sub file { return $_[0]{file} }

# Unpack with the modes that the zip gives.
sub unpack_zip
{
	my ($self) = @_;
	my ($zip, $task) = @{$self}{qw(file task)};
	my ($content) = slurp($zip);
	my %mode;
	my ($size, $at) = unpack 'x12 V2', substr $content, rindex($content, "PK\5\6");
	while (substr($content, $at, 4) eq "PK\1\2")
	{
		my ($name_len, $extra_len, $comment_len) = unpack 'x28 v3', substr $content, $at, 46;
		$mode{ substr $content, $at + 46, $name_len } = (unpack 'x38 V', substr $content, $at, 46) >> 16;
		$self->{times}{ unpack 'x12 V', substr $content, $at, 46 }++;
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

# What its files want: nothing newer than Lambda's glibc, and no library that is not inside.
sub test_files
{
	my ($self) = @_;
	my %mode = %{ $self->{mode} };
	my $task = $self->{task};
	is($mode{bootstrap} & 0777, 0755, 'the zip has an executable bootstrap');
	cmp_ok(-s $self->{file}, '<', 12_000_000, sprintf 'its size: %.1f MB', (-s $self->{file}) / 1e6);
	is(join(' ', keys %{ $self->{times} }), 0x21 << 16, 'its files bear the first date that a zip knows, whenever it is made');
	like(slurp("$task/ca-certificates.crt"), qr/BEGIN CERTIFICATE/, 'certificate authorities are inside');
	my @files = ('bootstrap', grep { m{^lib/} } sort keys %mode);
	my (@too_new, @missing);
	my %wanted;
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
	$self->{wanted} = \%wanted;
	return;
}

sub find_program { my ($name) = @_; return (grep { -x } map { "$_/$name" } qw(/usr/bin /usr/sbin /bin /sbin))[0] }

# glibc's own files, from where this machine has them.
sub copy_glibc
{
	my ($self) = @_;
	my ($root, $task) = @{$self}{qw(root task)};
	my %place = map { m{(?:(\S+) => )?(/\S+)} ? (basename($2) => $2) : () } qx{ldd '$task/bootstrap'};
	my ($loader) = map { m{interpreter: (/[^\]]+)} ? basename($1) : () } qx{readelf -lW '$task/bootstrap'};
	for my $name (sort keys %{ { %{ $self->{wanted} }, $loader => 1 } })
	{
		my $place = $place{$name} or next;
		make_path($root . dirname($place));
		copy(abs_path($place), $root . $place) or die "$place: $!";
		chmod 0755, $root . $place;
	}
	make_path("$root/proc");    # where a program finds its own place
	return;
}

# A program that runs the function in the empty root; undef, and why, where that cannot be.
sub wrapper
{
	my ($self) = @_;
	my $root = $self->{root};
	my ($unshare, $mount, $chroot) = map { find_program($_) } qw(unshare mount chroot);
	return (undef, 'unshare, mount or chroot is not installed') unless $unshare && $mount && $chroot;
	return (undef, 'this user may not enter a namespace of its own')
	  if system("$unshare --user --map-root-user --mount $chroot / true 2>/dev/null") != 0;
	$self->copy_glibc;
	my $wrapper = "$root.in_it";
	open my $script, '>', $wrapper or die $!;
	print $script "#!/bin/sh\nexec $unshare --user --map-root-user --mount /bin/sh -c "
	  . "'$mount --rbind /proc $root/proc && exec $chroot $root /var/task/bootstrap \"\$@\"' sh \"\$@\"\n";
	close $script;
	chmod 0755, $wrapper;
	return $wrapper;
}

# Nobody names an authority, and the empty root has none: what the zip brings decides.
sub trust
{
	my ($self, $tls) = @_;
	open my $ours, '>', "$self->{task}/ca-certificates.crt" or die $!;
	print $ours slurp($tls->authority('right'));
	close $ours;
	return;
}

# A process of it has loaded its own libraries, and nothing from elsewhere.
sub test_loaded
{
	my ($self, $pid) = @_;
	my %mapped = map { m{\s(/\S+)$} ? ($1 => 1) : () } split /^/, slurp("/proc/$pid/maps");
	my @outside = grep { !m{^(?:\Q$self->{root}\E)?/var/task/} && basename($_) !~ $glibc } keys %mapped;
	my $inside = grep { m{^lib/} } keys %{ $self->{mode} };
	is("@outside", '', 'it has loaded nothing from elsewhere');
	is(scalar(grep { m{/var/task/lib/} } keys %mapped), $inside, "... but its own libraries, all $inside");
	return;
}

1;
