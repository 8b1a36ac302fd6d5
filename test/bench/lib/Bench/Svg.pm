# Bench::Svg: bars and lines as SVG, with nothing but text.
#
#   Bench::Svg::bars('title', 'unit', [ [ 'label', 3.2 ], [ 'other', 7, 'other colour' ] ]);
#   Bench::Svg::lines('title', 'x', 'y', [ name => [ [ 0, 1 ], [ 1, 3 ] ] ]);
#
# Both return the file's text.  Axes begin at zero, so that lengths compare.
package Bench::Svg;

use strict;
use warnings;

use POSIX ();

my @colours = ('#336791', '#d95f02', '#7a7a7a', '#1b9e77');
my ($width, $left, $right) = (720, 220, 70);

sub escape { my ($text) = @_; my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;'); return $text =~ s/([&<>])/$entity{$1}/gr }

# Three digits, and thousands apart.
sub number
{
	my ($value) = @_;
	my $text = $value == 0 ? '0' : abs $value >= 100 ? sprintf '%.0f', $value : abs $value >= 10 ? sprintf '%.1f', $value : sprintf '%.2f', $value;
	return $text =~ s/(?<=\d)(?=(?:\d{3})+(?:\.|$))/ /gr;
}

sub text
{
	my ($x, $y, $anchor, $text, $more) = @_;
	return sprintf qq(<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>\n), $x, $y, $anchor, $more // '', escape($text);
}

# A white ground, for documents are read in the dark as well.
sub document
{
	my ($height, $title, $content) = @_;
	return qq(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" width="$width" height="$height" font-family="sans-serif" font-size="13">\n)
	  . qq(<title>@{[ escape($title) ]}</title>\n<rect width="$width" height="$height" fill="white"/>\n)
	  . text(12, 24, 'start', $title, ' font-weight="bold" font-size="15"') . $content . "</svg>\n";
}

# A step of 1, 2 or 5 times a power of ten, so that there are about five.
sub step
{
	my ($most) = @_;
	my $rough = ($most > 0 ? $most : 1) / 5;
	my $power = 10**int(log($rough) / log(10) - ($rough < 1 ? 1 : 0));
	for my $factor (1, 2, 5) { return $factor * $power if $factor * $power >= $rough }
	return 10 * $power;
}

sub most { my $most = 0; for (@_) { $most = $_ if $_ > $most } return $most || 1 }

sub bars
{
	my ($title, $unit, $bars) = @_;
	my $scale = ($width - $left - $right) / most(map { $_->[1] } @$bars);
	my ($y, $content) = (44, '');
	for my $bar (@$bars)
	{
		my ($label, $value, $colour) = @$bar;
		$y -= 7 if $label eq '';	# belongs to the one above
		$content .= text($left - 8, $y + 15, 'end', $label);
		$content .= sprintf qq(<rect x="%d" y="%d" width="%.1f" height="20" fill="%s"/>\n), $left, $y, $value * $scale, $colours[ $colour // 0 ];
		$content .= text($left + $value * $scale + 6, $y + 15, 'start', number($value));
		$y += 28;
	}
	return document($y + 26, $title, $content . text(12, $y + 14, 'start', $unit, ' fill="#555"'));
}

sub lines
{
	my ($title, $x_label, $y_label, $series) = @_;
	my ($height, $top, $bottom, $edge) = (320, 60, 50, 70);
	my @points = map { @{ $series->[ 2 * $_ + 1 ] } } 0 .. $#$series / 2;
	my ($x_most, $y_most) = (most(map { $_->[0] } @points), most(map { $_->[1] } @points));
	my ($x_step, $y_step) = (step($x_most), step($y_most));
	$y_most = $y_step * POSIX::ceil($y_most / $y_step);
	my $x_of = sub { return $edge + $_[0] / $x_most * ($width - $edge - 40) };
	my $y_of = sub { return $height - $bottom - $_[0] / $y_most * ($height - $top - $bottom) };
	my $content = '';
	my $mark = sub { return sprintf('%.10g', $_[0]) };
	for (my $y = 0; $y <= $y_most * 1.001; $y += $y_step)
	{
		$content .= sprintf qq(<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>\n), $edge, $width - 40, $y_of->($y), $y_of->($y);
		$content .= text($edge - 8, $y_of->($y) + 4, 'end', $mark->($y));
	}
	for (my $x = 0; $x <= $x_most * 1.001; $x += $x_step)
	{
		$content .= text($x_of->($x), $height - $bottom + 18, 'middle', $mark->($x));
	}
	for my $i (0 .. $#$series / 2)
	{
		my ($name, $line) = @$series[ 2 * $i, 2 * $i + 1 ];
		my $path = join ' ', map { sprintf '%.1f,%.1f', $x_of->($_->[0]), $y_of->($_->[1]) } @$line;
		$content .= qq(<polyline fill="none" stroke="$colours[$i]" stroke-width="2" points="$path"/>\n);
		$content .= text($edge + 10 + 200 * $i, 46, 'start', $name, qq( fill="$colours[$i]"));
	}
	return document($height, $title, $content . text(($edge + $width - 40) / 2, $height - 10, 'middle', $x_label, ' fill="#555"')
		  . text($edge - 8, 46, 'end', $y_label, ' fill="#555"'));
}

1;
