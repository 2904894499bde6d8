#!/usr/bin/env bash
# Lists the lines of Go that are longer than 120 columns, and fails when there are any. A tab is 4 columns wide, a character 1. Lines that
# can't be broken may be longer: those with a URL or a struct tag. Generated files and test data don't count.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

git ls-files -co --exclude-standard '*.go' ':!:*/testdata/*' | xargs perl -e '
  use open qw(:std :utf8);
  my $long = 0;
  for my $file (@ARGV) {
    open my $in, "<", $file or next; # removed, and still in the index
    while (my $line = <$in>) {
      last if $line =~ m{^// Code generated .* DO NOT EDIT\.$};
      chomp $line;
      next if $line =~ m{https?://} || $line =~ m{`\w+:".*"`};
      $line =~ s/\t/    /g;
      next if length($line) <= 120;
      print "$file:$.: ", length($line), " columns\n";
      $long = 1;
    }
    close $in; # so that line numbers begin again
  }
  exit $long'
