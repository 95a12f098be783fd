# Runs inside a container (perl -e <this text>): see the protocol in this folder's __init__.py.
# One thread, one select; nothing but what Debian's perl-base has. It ends when its stdin ends. No pings.
use strict;
use warnings;
use Socket qw(:DEFAULT inet_pton IPPROTO_TCP SHUT_WR);
use Errno qw(EINPROGRESS EWOULDBLOCK EINTR ECONNREFUSED);
use IO::Handle;

# perl-base has no Time::HiRes: without it the kernel's own clock tells hundredths, which also is never set back.
my $fine = eval { require Time::HiRes; 1 };

sub now {
    return Time::HiRes::time() if $fine;
    open(my $clock, '<', '/proc/uptime') or return time;
    my $line = <$clock>;
    close $clock;
    return (split ' ', $line)[0];
}

my $window = 262144;
my $chunk = 65536;
my $backlog = 1 << 20;
my $out = '';
my $incoming = '';
my %things;
$SIG{PIPE} = 'IGNORE';
binmode STDIN;
binmode STDOUT;
STDIN->blocking(0);
STDOUT->blocking(0);

sub say_frame { my ($kind, $number, $payload) = @_; $out .= pack('a1NN', $kind, $number, length $payload) . $payload; }

sub named {
    my ($number) = @_;
    local $! = $number;
    for my $name (qw(ECONNREFUSED ETIMEDOUT ECONNRESET EPIPE EHOSTUNREACH ENETUNREACH ENETDOWN EHOSTDOWN EACCES EPERM
                     EADDRNOTAVAIL EAFNOSUPPORT ECONNABORTED EMFILE ENFILE ENOENT EINVAL)) {
        return ($name, "$!") if $!{$name};
    }
    return ("$number", "$!");
}

sub failed {
    my ($kind, $number, $name, $text, $began) = @_;
    say_frame($kind, $number, sprintf("%s\n%s\n%.6f", $name, $text, now() - $began));
}

sub place {
    my ($address, $port) = @_;
    my $six = $address =~ /:/;
    my $packed = inet_pton($six ? AF_INET6() : AF_INET, $address);
    return unless defined $packed;
    return ($six ? AF_INET6() : AF_INET, $six ? Socket::pack_sockaddr_in6($port, $packed) : pack_sockaddr_in($port, $packed));
}

sub drop { my ($number) = @_; my $thing = delete $things{$number}; close $thing->{socket} if $thing; }

sub packet_sizes {
    my ($number, $folder, $began) = @_;
    opendir(my $listing, $folder) or return failed('E', $number, named($! + 0), $began);
    my $lines = '';
    for my $name (readdir $listing) {
        next if $name =~ /\A\.\.?\z/;
        open(my $handle, '<', "$folder/$name/mtu") or next;
        my $size = <$handle>;
        $lines .= "$name $size" if defined $size;
    }
    say_frame('A', $number, $lines);
}

sub begin {
    my ($kind, $number, $payload) = @_;
    my ($address, $port, $timeout, $body) = split /\n/, $payload, 4;
    my $began = now();
    my ($family, $to) = place($address, $port);
    return failed('E', $number, 'EINVAL', 'no address', $began) unless defined $family;
    my $thing = { began => $began, deadline => $began + $timeout, credit => $window, pending => '', finish => 0, ended => 0 };
    socket($thing->{socket}, $family, $kind eq 'D' ? SOCK_STREAM : SOCK_DGRAM, 0) or return failed('E', $number, named($! + 0), $began);
    $thing->{socket}->blocking(0);
    if ($kind eq 'U') {
        $thing->{datagram} = 1;
        (connect($thing->{socket}, $to) && defined send($thing->{socket}, $body, 0)) or return failed('E', $number, named($! + 0), $began);
    } else {
        $thing->{connecting} = 1;
        if (!connect($thing->{socket}, $to) && $! != EINPROGRESS) { return failed('E', $number, named($! + 0), $began); }
    }
    $things{$number} = $thing;
}

sub connected {
    my ($number, $thing) = @_;
    my $code = unpack 'i', getsockopt($thing->{socket}, SOL_SOCKET, SO_ERROR);
    if (!$code) {
        my $peer = getpeername $thing->{socket};
        return unless defined $peer;    # not yet: the readiness was that of a socket closed a moment ago
        $code = ECONNREFUSED if $peer eq getsockname $thing->{socket};    # connected to itself: nobody listens there
    }
    if ($code) { failed('E', $number, named($code), $thing->{began}); drop($number); return; }
    $thing->{connecting} = 0;
    $thing->{deadline} = undef;
    setsockopt($thing->{socket}, IPPROTO_TCP, 1, 1);
    say_frame('O', $number, sprintf('%.6f', now() - $thing->{began}));
}

sub broke { my ($number, $thing) = @_; failed('X', $number, named($! + 0), $thing->{began}); drop($number); }

sub flush_peer {
    my ($number, $thing) = @_;
    my $sent = syswrite $thing->{socket}, $thing->{pending}, $chunk;
    if (!defined $sent) { broke($number, $thing) unless $! == EWOULDBLOCK || $! == EINTR; return; }
    substr($thing->{pending}, 0, $sent, '');
    say_frame('W', $number, $sent);
    shutdown $thing->{socket}, SHUT_WR if $thing->{finish} && $thing->{pending} eq '';
}

sub take_peer {
    my ($number, $thing) = @_;
    my $got = sysread $thing->{socket}, my $data, $thing->{datagram} ? 65535 : $thing->{credit} < $chunk ? $thing->{credit} : $chunk;
    if (!defined $got) {
        return if $! == EWOULDBLOCK || $! == EINTR;
        if ($thing->{datagram}) { failed('E', $number, named($! + 0), $thing->{began}); drop($number); }
        else { broke($number, $thing); }
    } elsif ($thing->{datagram}) { say_frame('A', $number, $data); drop($number); }
    elsif ($got) { $thing->{credit} -= $got; say_frame('S', $number, $data); }
    else { $thing->{ended} = 1; say_frame('F', $number, ''); }
}

sub hear {
    my ($kind, $number, $payload) = @_;
    my $thing = $things{$number};
    if ($kind eq 'D' || $kind eq 'U') { begin($kind, $number, $payload); }
    elsif ($kind eq 'P') { failed('E', $number, 'EPERM', 'this relay has no ICMP sockets', now()); }
    elsif ($kind eq 'R') {
        my $began = now();
        if ($payload eq '/sys/class/net') { packet_sizes($number, $payload, $began); return; }
        my $name = $payload =~ m{\A/etc/(?:resolv\.conf|hosts)\z} ? $payload : $payload =~ /\A[a-z0-9_]+\z/ ? "/proc/self/net/$payload" : '';
        if (open my $handle, '<', $name) { local $/; say_frame('A', $number, scalar(<$handle>) // ''); }
        else { failed('E', $number, named($! + 0), $began); }
    }
    elsif (!$thing) { return; }
    elsif ($kind eq 'S') { $thing->{pending} .= $payload; flush_peer($number, $thing); }
    elsif ($kind eq 'F') { $thing->{finish} = 1; shutdown $thing->{socket}, SHUT_WR if $thing->{pending} eq ''; }
    elsif ($kind eq 'W') { $thing->{credit} += $payload; }
    elsif ($kind eq 'C') { drop($number); }
}

say_frame('H', 0, 'netdoctor relay 1 perl');
while (1) {
    my ($readers, $writers) = ('', '');
    vec($readers, fileno(STDIN), 1) = 1;
    my ($now, $nearest) = (now(), undef);
    for my $number (keys %things) {
        my $thing = $things{$number};
        if (defined $thing->{deadline}) {
            if ($thing->{deadline} <= $now) { failed('E', $number, 'TIMEOUT', '', $thing->{began}); drop($number); next; }
            $nearest = $thing->{deadline} if !defined $nearest || $thing->{deadline} < $nearest;
        }
        my $file = fileno $thing->{socket};
        if ($thing->{connecting}) { vec($writers, $file, 1) = 1; next; }
        vec($readers, $file, 1) = 1 if $thing->{datagram} || (!$thing->{ended} && $thing->{credit} > 0 && length $out < $backlog);
        vec($writers, $file, 1) = 1 if $thing->{pending} ne '';
    }
    vec($writers, fileno(STDOUT), 1) = 1 if length $out;
    my $ready = select $readers, $writers, undef, defined $nearest ? ($nearest > $now ? $nearest - $now : 0) : undef;
    next if $ready < 0;
    if (vec($writers, fileno(STDOUT), 1)) {
        my $sent = syswrite STDOUT, $out, $chunk * 4;
        if (defined $sent) { substr($out, 0, $sent, ''); } elsif ($! != EWOULDBLOCK && $! != EINTR) { exit 0; }
    }
    if (vec($readers, fileno(STDIN), 1)) {
        my $got = sysread STDIN, my $data, $chunk * 4;
        exit 0 if defined $got ? $got == 0 : $! != EWOULDBLOCK && $! != EINTR;
        $incoming .= $data if $got;
        while (length $incoming >= 9) {
            my ($kind, $number, $size) = unpack 'a1NN', $incoming;
            last if length $incoming < 9 + $size;
            my $payload = substr $incoming, 9, $size;
            substr($incoming, 0, 9 + $size, '');
            hear($kind, $number, $payload);
        }
    }
    for my $number (keys %things) {
        my $thing = $things{$number} or next;
        my $file = fileno $thing->{socket};
        if ($thing->{connecting}) { connected($number, $thing) if vec($writers, $file, 1); next; }
        flush_peer($number, $thing) if vec($writers, $file, 1);
        take_peer($number, $thing) if $things{$number} && vec($readers, $file, 1);
    }
}
