# bash -c <this and shuttle.sh> netdoctor <address> <port> <seconds>
# A guard wakes us when the connection takes too long: a read that times out on a pipe nobody writes to, so that it has
# no child to leave behind. It holds none of our streams, or they would outlive us. KILL ends it: bash notes a TERM that
# comes while it enters a read, and then reads on. It and what makes the pipe are ours and waited for, because a
# container's first process may not wait for what has lost its parent. It wakes us more than once: an alarm that comes
# just before we begin to connect interrupts nothing.
waiting=$$
unguard() { { kill -KILL "$guard"; wait "$guard"; } 2>/dev/null; }
trap 'unguard; exit 142' ALRM
exec 6<> <(:)
wait "$!" 2>/dev/null
(
    trap - ALRM
    read -rt "$3" <&6
    [ "$?" -gt 128 ] && while kill -ALRM "$waiting"; do read -rt 0.2 <&6; done
) </dev/null >/dev/null 2>&1 &
guard=$!
exec 6>&-
exec 3<&0 4>&1
exec 5<>"/dev/tcp/$1/$2" || { unguard; printf '%s\n' 'netdoctor: not connected' >&2; exit 1; }
unguard
