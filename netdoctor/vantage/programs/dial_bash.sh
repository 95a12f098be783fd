# bash -c <this and shuttle.sh> netdoctor <address> <port> <seconds>
exec 3<&0 4>&1
waiting=$$
( trap 'kill "$nap" 2>/dev/null; exit 0' TERM; sleep "$3" & nap=$!; wait "$nap" && kill -ALRM "$waiting" ) </dev/null >/dev/null 2>&1 &
guard=$!
exec 5<>"/dev/tcp/$1/$2" || { kill "$guard" 2>/dev/null; exit 1; }
kill "$guard" 2>/dev/null
