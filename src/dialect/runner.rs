//! What runs on a node and carries out requests: a few lines of shell, the same for every POSIX shell.
//!
//! A node without a gate is sent them when its shell starts. A node's gate is these lines in a file, with the list of
//! what may be asked. So both read the same requests, which are data and never program text:
//!
//! ```text
//! MARKER FIRST COUNT AFTER UNTIL      one line, then COUNT times two:
//! HOW LIMIT KINDS VALUES
//! TEXT
//! MARKER end
//! ```
//!
//! Nothing is begun before the last line has arrived whole.

/// The version of requests and answers; a gate names the one that it understands.
pub const PROTOCOL: u32 = 1;

/// The status of a command that was not begun, because its time was over when it arrived.
pub const TOO_LATE: u8 = 125;

/// The status of a request that the node's gate refuses: nothing of it was begun.
pub const REFUSED: u8 = 122;

/// How many commands one request may have.
pub const MOST: usize = 99;

/// How a command is cut off in the way that needs the most of `timeout`: what others than GNU's lack.
pub const CUT_OFF: &str = "timeout --preserve-status -k 1 -s INT 5 true";

/// The start of every answer to a greeting: whether there is a `timeout` that understands what we need of it, as by
/// [`CUT_OFF`], and the machine's clock.
pub(super) const ANSWER_GREETING: &str = r#"timeout --preserve-status -k 1 -s INT 5 true </dev/null >/dev/null 2>&1; s=$?;
read -r u r </proc/uptime;
printf '\nup %s\n' "${u%%.*}";
"#;

/// Reads requests and carries them out, until the input ends or is not understood. `m` is the marker; `allowed` says
/// whether one command may be run: it finds it in `how`, `limit`, `kinds`, `values` and `text`.
///
/// Every line ends so that all of them together are one line, too.
pub(super) const LOOP: &str = r#"printf '\n%s 0 %d\n' "$m" $s;
set -f;
# a number without a leading zero, and not longer than a shell can count
number() { case $1 in ''|*[!0-9]*|0?*|?????????????*) return 1;; esac; };
late() { read -r u r </proc/uptime || return 0; [ "${u%%.*}" -gt "$until" ]; };
run() {
IFS='|'; set -- $values; IFS=' ';
case $how in
wait) eval "timeout -k 1 $limit $text" </dev/null 2>&1;;
# its output is given away, or nothing could end before it
start) eval "{ timeout -k 1 $limit $text >/dev/null 2>&1 & }" </dev/null;;
glimpse) eval "timeout --preserve-status -k 1 -s INT $limit $text" </dev/null 2>&1;;
nothing) :;;
*) return 1;;
esac; };
while IFS=' ' read -r mark first count after until more && [ "$mark$more" = "$m" ]; do
number "$first" && number "$count" && number "$until" && [ "$count" -le 99 ] || exit 1;
i=0; no=;
while [ $i -lt "$count" ]; do
IFS=' ' read -r how limit kinds values && IFS= read -r text || exit 1;
eval "how_$i=\$how limit_$i=\$limit values_$i=\$values text_$i=\$text ok_$i=0";
allowed || { eval "ok_$i=122"; no=${no:-$text}; };
i=$((i + 1));
done;
IFS= read -r end && [ "$end" = "$m end" ] || exit 1;
i=0;
while [ $i -lt "$count" ]; do
eval "how=\$how_$i limit=\$limit_$i values=\$values_$i text=\$text_$i s=\$ok_$i";
case $after in
ask) ;;
*) if [ -n "$no" ]; then s=122; printf %s "$no";
elif [ "$until" -gt 0 ] && late; then s=125;
else run; s=$?; fi;;
esac;
printf '\n%s %d %d\n' "$m" $((first + i)) $s;
if [ $s -ne 0 ] && [ "$after" = stop ]; then break; fi;
i=$((i + 1));
done;
done
"#;

/// What a plain shell is sent when it starts: one line. A gate knows it by its first word, and takes the marker from it.
/// `marker`: letters and digits.
#[must_use]
pub fn greeting(marker: &str) -> String {
    let environment = "PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH; LC_ALL=C; export PATH LC_ALL; unset ENV;";
    let text = format!("m={marker};\n{environment}\nallowed() {{ :; }};\n{ANSWER_GREETING}{LOOP}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.collect::<Vec<_>>().join(" ") + "\n"
}
