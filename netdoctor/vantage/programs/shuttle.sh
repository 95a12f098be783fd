# Runs inside a container once a connection is open: 3 is our stdin, 4 our stdout, 5 the peer.
# Says so on stderr, then carries bytes both ways. It ends when the peer ends, or soon after our stdin does.
# tee, not cat: BusyBox cat splices, and waits for the peer with our stdout's pipe locked against its reader.
printf '%s\n' 'netdoctor: connected' >&2
# Whoever is started is waited for: a container's first process may not do that, and keeps what is left for ever.
main=$$
feeder='' reader='' nap=''
over() {
    trap '' TERM
    # shellcheck disable=SC2086 # none of them may be there
    kill $feeder $reader $nap 2>/dev/null
    wait
    exit 0
}
trap over TERM
tee <&3 >&5 2>/dev/null &
feeder=$!
(
    copier=''
    trap 'trap "" TERM; kill $copier 2>/dev/null; wait; exit 0' TERM
    tee <&5 >&4 &
    copier=$!
    wait "$copier"
    kill -TERM "$main"
) &
reader=$!
wait "$feeder"
# What the peer still has to say gets this long.
sleep 2 &
nap=$!
wait "$nap"
over
