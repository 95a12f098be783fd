# sh -c <this> netdoctor <address> <port> <seconds> <text of shuttle.sh>
# BusyBox nc runs the program after -e only once it is connected, with the peer as its stdin and stdout.
exec 3<&0 4>&1
exec nc -w "$3" "$1" "$2" -e sh -c 'exec 5<&0; eval "$0"' "$4"
