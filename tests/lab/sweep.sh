# Removes one lab: processes, namespaces, folder. Arguments: the lab's id and its folder.
# Waits for the end of its stdin, whose other end the test holds: it comes when the test is done, and
# just as well when the test was killed. One way out, gone every time.
trap '' INT TERM HUP QUIT
while read -r _; do :; done
id=$1 dir=$2
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    left=
    for name in $(ip netns list 2>/dev/null | cut -d' ' -f1 | grep "^fl-$id-"); do
        pids=$(ip netns pids "$name" 2>/dev/null)
        # never the test itself, should it still live with a thread inside
        for pid in $pids; do
            [ "$pid" = "$3" ] && continue
            left=yes
            kill -KILL "$pid" 2>/dev/null
        done
    done
    [ -z "$left" ] && break
    sleep 0.05
done
for name in $(ip netns list 2>/dev/null | cut -d' ' -f1 | grep "^fl-$id-"); do
    ip netns del "$name" 2>/dev/null
done
rm -rf "$dir"
