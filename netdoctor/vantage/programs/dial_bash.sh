# bash -c <this and shuttle.sh> netdoctor <address> <port> <seconds>
# A guard ends us when the connection takes too long: a read that times out on a pipe nobody writes to, so that it
# has no child to leave behind. It holds none of our streams, or they would outlive us.
waiting=$$
( read -rt "$3" <> <(:); [ "$?" -gt 128 ] && kill -ALRM "$waiting" ) </dev/null >/dev/null 2>&1 &
guard=$!
exec 3<&0 4>&1
exec 5<>"/dev/tcp/$1/$2" || { kill "$guard" 2>/dev/null; exit 1; }
kill "$guard" 2>/dev/null
