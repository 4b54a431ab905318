# Removes one lab: processes, namespaces, folder. Arguments: the lab's id, its folder, the test's process.
# Waits for the end of its stdin, whose other end the test holds: it comes when the test is done, and just as well when
# the test was killed. One way out for all cases, so the rare ones work too.
trap '' INT TERM HUP QUIT
while read -r _; do :; done
id=$1 dir=$2 test=$3

namespaces() { ls /run/netns 2>/dev/null | grep "^fl-$id-"; }

for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    left=
    for name in $(namespaces); do
        for pid in $(ip netns pids "$name" 2>/dev/null); do
            # it may still live, with a thread inside
            [ "$pid" = "$test" ] && continue
            left=yes
            kill -KILL "$pid" 2>/dev/null
        done
    done
    [ -z "$left" ] && break
    sleep 0.05
done
for name in $(namespaces); do
    ip netns del "$name" 2>/dev/null
done
# control groups of a machine with systemd; the machine's own are in one of two places
for groups in "/sys/fs/cgroup/fl-$id" "/sys/fs/cgroup/unified/fl-$id"; do
    [ -d "$groups" ] && find "$groups" -depth -type d -exec rmdir {} +
done
# the folder is what a later start would find it by
[ -n "$(namespaces)" ] || rm -rf "$dir"
