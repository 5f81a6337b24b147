#!/usr/bin/perl
# Sends every datagram back with the prefix "echo: ".
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
$SIG{TERM} = sub { exit 0 };
my $socket = IO::Socket::INET->new(LocalPort => 9999, Proto => 'udp') or die "bind: $!\n";
print "ready\n";

while (1) {
    my $from = $socket->recv(my $text, 65535) or next;
    $socket->send("echo: $text", 0, $from);
}
