#!/usr/bin/perl
# A web server with one page: the name of the container that responds.
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
$SIG{TERM} = sub { exit 0 };
my $port   = 8000;
my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 64, ReuseAddr => 1) or die "listen: $!\n";
print "listening on port $port\n";

while (1) {
    my $client = $server->accept or next;
    while (my $line = <$client>) { last if $line =~ /^\r?\n$/ }
    my $body = "$ENV{HOSTNAME}\n";
    printf $client "HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s", length $body, $body;
    close $client;
}
