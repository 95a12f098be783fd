# Runs inside a container once a connection is open: 3 is our stdin, 4 our stdout, 5 the peer.
# Says so on stderr, then carries bytes both ways. It ends when the peer ends, or soon after our stdin does.
# tee, not cat: BusyBox cat splices, and waits for the peer with our stdout's pipe locked against its reader.
printf '%s\n' 'netdoctor: connected' >&2
main=$$
trap 'kill "$feeder" 2>/dev/null; exit 0' TERM
tee <&3 >&5 2>/dev/null &
feeder=$!
(
    trap 'kill "$copier" 2>/dev/null; exit 0' TERM
    tee <&5 >&4 &
    copier=$!
    wait "$copier"
    kill -TERM "$main"
) &
reader=$!
wait "$feeder"
# What the peer still has to say gets this long.
sleep 2 &
wait "$!"
kill "$reader" 2>/dev/null
wait "$reader"
exit 0
