# bash -c <this and shuttle.sh> netdoctor <address> <port> <seconds>
# A guard ends us when the connection takes too long: a read that times out on a pipe nobody writes to, so that it
# has no child to leave behind. It holds none of our streams, or they would outlive us. KILL ends it: bash notes a
# TERM that comes while it enters a read, and then reads on. It is waited for, because a container's first process may not.
waiting=$$
( read -rt "$3" <> <(:); [ "$?" -gt 128 ] && kill -ALRM "$waiting" ) </dev/null >/dev/null 2>&1 &
guard=$!
unguard() { { kill -KILL "$guard"; wait "$guard"; } 2>/dev/null; }
exec 3<&0 4>&1
exec 5<>"/dev/tcp/$1/$2" || { unguard; printf '%s\n' 'netdoctor: not connected' >&2; exit 1; }
unguard
