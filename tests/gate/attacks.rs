//! What is tried with the key. Each of them would leave a mark, or change an address, a process or a socket: after each
//! it is looked whether one did. The same tools without the gate show that the look would see it.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Outcome;
use crate::lab::error::{LabError, Result};
use crate::lab::net::WRITE_ADDRESS;
use crate::lab::{Host, User};
use crate::site::Site;

/// What the gate's list has for db1, and would be seen: the read address is on db2.
const TAKE: &str = "/usr/sbin/ip address add 10.77.0.101/32 dev eth0";
const LOOK: &str = "ip -json address show";
const DISK: &str = r#"env LC_ALL=C df -Pk -- "$1""#;

/// Shell text around and inside of a command that is allowed (`{c}`); `{t}` leaves a mark.
const FORMS: [&str; 40] = [
    "{c}; {t}",
    "{t}; {c}",
    "{c} && {t}",
    "{c} || {t}",
    "{c} | {t}",
    "{c} & {t}",
    "{c} $({t})",
    "{c} `{t}`",
    "{c} <({t})",
    "{c}\r{t}",
    "{c}\0; {t}",
    "{c}\t; {t}",
    "{c} '; {t}; '",
    "{c} \"; {t}; \"",
    "{c} \\\n{t}",
    "{c}\n{t}",
    "$({t})",
    "`{t}`",
    "{t}",
    "(  {t} )",
    "{ {t}; }",
    "X=$({t}) {c}",
    "eval {t}",
    "exec {t}",
    ". /dev/stdin; {t}",
    "{c} # \n{t}\n",
    "'{c}'; {t}",
    "end\nabc end\n{t}",
    "END-OF-LIST\n{t}",
    "- {c}; {t}",
    "{c}; sudo /sbin/ifconfig; {t}",
    "id; sudo /sbin/ifconfig eth0:1 down; {t}",
    "{c}\u{85}{t}",
    "{c}\u{2028}{t}",
    "\x1b[A{t}",
    "!!; {t}",
    "${IFS}{t}",
    "{c};{t}>&2",
    "*;{t}",
    "if true; then {t}; fi",
];

pub(crate) fn all(site: &Site<'_>) -> Outcome {
    controls(site)?;
    let sudo = if site.account == crate::Account::Sudo { "sudo -n " } else { "" };
    let before = site.state()?;
    let mut client = site.lab.session(User::App, Host::Clients, WRITE_ADDRESS)?;
    if site.account == crate::Account::Root {
        without_a_gate(site)?;
    }
    let mut count = 0;
    let mut seen = |name: &str| -> Outcome {
        count += 1;
        assert_eq!(site.marks(), Vec::<String>::new(), "`{name}` got through");
        assert_eq!(site.state()?, before, "`{name}` changed something");
        client.exec("DO 1").map_err(|why| LabError::new(format!("a client's session after `{name}`"), why))
    };
    for (name, bytes) in requests(site, sudo) {
        raw(site, &bytes)?;
        seen(&name)?;
    }
    for (name, bytes) in greetings(site) {
        send(site.ssh(&[], &["exec sh"]), &bytes)?;
        seen(&name)?;
    }
    for (name, options, words) in logins(site) {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = send(site.ssh(&options, &words), b"touch nothing\nexit\n")?;
        assert!(!said.contains("MariaDB") && !said.contains("SSH-2.0-"), "`{name}`: {said}");
        seen(&name)?;
    }
    for (name, command) in copies(site) {
        send(command, b"")?;
        seen(&name)?;
    }
    forwarding(site, &mut seen)?;
    println!("{count} attacks with the key, none got through");
    assert!(count >= 80, "{count}");
    Ok(())
}

/// With the lab's own key each kind of effect happens, and is seen.
fn controls(site: &Site<'_>) -> Outcome {
    if site.account == crate::Account::Sudo {
        // it has no key without a gate here
        return Ok(());
    }
    let mark = site.mark("control");
    send(site.plain_ssh(&[], &["exec sh"]), &request("abc", &format!("{LOOK}; touch {mark}"), ""))?;
    assert_eq!(site.marks(), ["control"]);
    site.clear_marks();
    let before = site.state()?;
    send(site.plain_ssh(&[], &["exec sh"]), &request("abc", TAKE, ""))?;
    assert_ne!(site.state()?, before);
    site.on(crate::lab::Node::Db1, &["ip", "address", "del", "10.77.0.101/32", "dev", "eth0"])?;
    assert_eq!(site.state()?, before);
    let said = send(site.plain_ssh(&["-W", "127.0.0.1:22"], &[]), b"")?;
    assert!(said.contains("SSH-2.0-"), "{said}");
    // and what is on the list goes through the gate, all the same
    let said = raw(site, &request("abc", LOOK, ""))?;
    assert!(said.contains("10.77.0.11") && said.contains("\nabc 1 0\n"), "{said}");
    Ok(())
}

/// The same texts to a shell without a gate: most leave their mark, so that no mark means something.
fn without_a_gate(site: &Site<'_>) -> Outcome {
    let texts: Vec<_> = requests(site, "").into_iter().take(FORMS.len()).collect();
    for (_, bytes) in &texts {
        send(site.plain_ssh(&[], &["exec sh"]), bytes)?;
    }
    let marks = site.marks().len();
    println!("{marks} of {} texts leave a mark without a gate", texts.len());
    assert!(marks >= 12, "{marks}");
    site.clear_marks();
    Ok(())
}

/// Greeting and one request of one command.
fn request(marker: &str, text: &str, values: &str) -> Vec<u8> {
    let kinds = if values.is_empty() { "-" } else { "f" };
    let greeting = flipper::dialect::greeting(marker);
    format!("{greeting}{marker} 1 1 go 0\nwait 3 {kinds} {values}.\n{text}\n{marker} end\n").into_bytes()
}

fn requests(site: &Site<'_>, sudo: &str) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = vec![];
    let touch = |all: &Vec<(String, Vec<u8>)>| format!("touch {}", site.mark(&all.len().to_string()));
    for form in FORMS {
        let text = form.replace("{t}", &touch(&all)).replace("{c}", LOOK);
        all.push((form.to_owned(), request("abc", &text, "")));
    }
    // in a value
    for form in [
        "/;{t}|",
        "/$({t})|",
        "/`{t}`|",
        "/'{t}'|",
        "/\"$({t})\"|",
        "/x|;{t}|",
        "/\\|{t}|",
        "{t}|",
        "|",
        "-x|",
        "/a\u{0}{t}|",
    ] {
        let values = form.replace("{t}", &touch(&all));
        all.push((format!("value {form}"), request("abc", DISK, &values)));
    }
    // in the fields before it
    let greeting = flipper::dialect::greeting("abc");
    for form in [
        "abc 1 1 go 0\nwait 3;{i} - .\n{c}\nabc end\n",
        "abc 1 1 go 0\nwait $({i}) - .\n{c}\nabc end\n",
        "abc 1 1 go 0\nwait 3\t{i} - .\n{c}\nabc end\n",
        "abc 1 1 go 0\nwait;{i} 3 - .\n{c}\nabc end\n",
        "abc 1 1 go 0\n$({i}) 3 - .\n{c}\nabc end\n",
        "abc 1 1 go 0\nwait 3 $({i}) .\n{c}\nabc end\n",
        "abc 1 1 go 0\nwait 3 x;{i} .\n{c}\nabc end\n",
        "abc 1 1 go $({i})\nwait 3 - .\n{c}\nabc end\n",
        "abc 1 1 go a[$({i})]\nwait 3 - .\n{c}\nabc end\n",
        "abc a[$({i})] 1 go 0\nwait 3 - .\n{c}\nabc end\n",
        "abc 1 a[$({i})] go 0\nwait 3 - .\n{c}\nabc end\n",
        "abc 1;{i} 1 go 0\nwait 3 - .\n{c}\nabc end\n",
        "abc 1 1 stop;{i} 0\nwait 3 - .\n{c}\nabc end\n",
        "abc 1 1 go 0;{i}\nwait 3 - .\n{c}\nabc end\n",
        "abc 1 1 go 0 {i}\nwait 3 - .\n{c}\nabc end\n",
        "abc 1 99999999999999999999 go 0\nwait 3 - .\n{c}\nabc end\n",
        "abc 1 1 go 0\nwait 3 - .\n{c}\nabc end;{i}\n",
        "{i}\nabc 1 1 go 0\nwait 3 - .\n{c}\nabc end\n",
    ] {
        // no blank: a field has none
        let inner = touch(&all).replace(' ', "${IFS}");
        let text = form.replace("{i}", &inner).replace("{c}", LOOK);
        all.push((form.to_owned(), format!("{greeting}{text}").into_bytes()));
    }
    // one that is refused takes all of its request along; torn or late, one that is allowed does nothing
    let take = format!("{sudo}{TAKE}");
    let whole = format!("{greeting}abc 1 1 stop 0\nwait 3 - .\n{take}\nabc end\n");
    for (name, text) in [
        ("with another", format!("{greeting}abc 1 2 stop 0\nwait 3 - .\n{take}\nwait 3 - .\nid\nabc end\n")),
        ("without its end", whole.replace("abc end\n", "")),
        ("without its last newline", whole.trim_end().to_owned()),
        ("in the middle of a word", whole.split("01/32").next().unwrap_or_default().to_owned()),
        ("too late", whole.replace("stop 0", "stop 1")),
        ("another's marker", whole.replace("abc 1 1", "abd 1 1")),
        ("only asked", whole.replace("stop 0", "ask 0")),
        ("behind a long line", format!("{greeting}{}\n{}", "x".repeat(4 << 20), whole.replace(&greeting, ""))),
    ] {
        all.push((name.to_owned(), text.into_bytes()));
    }
    // commands of the same programs that are not this pair's
    let (mark, victim) = (site.mark("command"), site.victim());
    for command in [
        "ip address add 10.77.0.102/32 dev eth0".to_owned(),
        "ip address add 10.77.0.101/24 dev eth0".to_owned(),
        "ip address add 10.77.0.101/32 dev lo".to_owned(),
        "ip address add 10.77.0.101/32 dev eth0 label eth0:x".to_owned(),
        "/usr/sbin/ip address add 10.77.0.101/32 dev eth0 ".to_owned(),
        "/usr/sbin/ip  address add 10.77.0.101/32 dev eth0".to_owned(),
        "/usr/sbin/ip address add 10.77.0.101/3 dev eth0".to_owned(),
        "/usr/sbin/ip address del 10.77.0.11/24 dev eth0".to_owned(),
        "/usr/sbin/ip address flush dev eth0".to_owned(),
        "/usr/sbin/ip link set eth0 down".to_owned(),
        "/usr/sbin/ip -batch /dev/stdin".to_owned(),
        format!("/usr/sbin/ip netns exec x touch {mark}"),
        format!("/usr/sbin/ip vrf exec x touch {mark}"),
        "/usr/bin/arping -U -c 1 -I lo 10.77.0.101".to_owned(),
        "/usr/bin/arping -U -c 1 -I eth0 10.77.0.12".to_owned(),
        "ip address add fd00:77::102/128 dev eth0 nodad preferred_lft 0".to_owned(),
        "/usr/sbin/ip address add fd00:77::100/64 dev eth0 nodad preferred_lft 0".to_owned(),
        "/usr/sbin/ip address add fd00:77::100/128 dev lo nodad preferred_lft 0".to_owned(),
        "/usr/sbin/ip address add fd00:77::100/128 dev eth0".to_owned(),
        "/usr/sbin/ip address del fd00:77::11/64 dev eth0".to_owned(),
        "/usr/sbin/ip -6 neigh replace fd00:77::100 dev eth0 lladdr 02:00:00:00:00:01 nud permanent".to_owned(),
        "/usr/sbin/ip -6 neigh replace fd00:77::12 dev eth0 lladdr 02:00:00:00:00:01 nud permanent".to_owned(),
        "/usr/sbin/ip -6 neigh replace fd00:77::100 dev eth0 use lladdr 02:00:00:00:00:01".to_owned(),
        "/usr/sbin/ip -6 neigh flush all".to_owned(),
        "/usr/bin/ndptool -t na -U -i eth0 -T fd00:77::12 send".to_owned(),
        "/usr/bin/ndptool -t na -U -i lo -T fd00:77::100 send".to_owned(),
        "/usr/bin/ndptool -t ra -i eth0 send".to_owned(),
        "/usr/bin/ss -K -Htn state connected exclude time-wait src '[fd00:77::100]'".to_owned(),
        "/usr/bin/ss -K".to_owned(),
        "/usr/bin/ss -K -Htn state connected exclude time-wait src 10.77.0.100".to_owned(),
        "/usr/bin/ss -K -Htn state connected exclude time-wait src 10.77.0.100 sport = :22".to_owned(),
        format!("/usr/bin/ss -D {mark}"),
        format!("kill -s KILL {victim}"),
        format!("/bin/sh -c '{{ set -f; kill -s KILL {victim}; }}'"),
        format!("/bin/sh -c 'touch {mark}'"),
        format!("/usr/bin/env touch {mark}"),
        format!("timeout 1 touch {mark}"),
        format!("/usr/bin/systemctl stop ssh; touch {mark}"),
    ] {
        for sudo in ["", "sudo -n "] {
            all.push((format!("{sudo}{command}"), request("abc", &format!("{sudo}{command}"), "")));
        }
    }
    all
}

/// In the line that a gate takes only the marker from.
fn greetings(site: &Site<'_>) -> Vec<(String, Vec<u8>)> {
    let touch = format!("touch {}", site.mark("greeting"));
    let forms = [
        "{t}\n",
        "m=abc; {t}\n",
        "m=$({t}); x\n",
        "m=`{t}`;\n",
        "m=a b;{t}\n",
        "m=;{t}\n",
        "m=abc\n{t}\n",
        "m='abc';\n",
        "x=1; m=abc; {t}\n",
        "m=a\0bc;{t}\n",
        "\n{t}\n",
        "m=%s%n;\n{t}\n",
    ];
    let form = |form: &str| (format!("greeting {form:?}"), form.replace("{t}", &touch).into_bytes());
    forms.into_iter().map(form).collect()
}

/// By options and words of ssh itself.
fn logins(site: &Site<'_>) -> Vec<(String, Vec<String>, Vec<String>)> {
    let mark = site.mark("login");
    let touch = format!("touch {mark}");
    // what a shell would read when it starts, if it is led to it
    let file = site.mark("rc");
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut all = vec![];
    for command in [
        touch.clone(),
        format!("exec sh; {touch}"),
        format!("exec sh\n{touch}"),
        format!("exec sh -c '{touch}'"),
        format!("id; sudo /sbin/ifconfig eth0:1 down; {touch}"),
        format!("$({touch})"),
        format!("exec sh' ; {touch} ; '"),
        format!("sudo -n {touch}"),
        "clean".to_owned(),
    ] {
        all.push((format!("command {command:?}"), vec![], vec![command]));
    }
    for variable in [
        format!("BASH_ENV={file}"),
        format!("ENV={file}"),
        format!("LD_PRELOAD={file}"),
        format!("LC_ALL=$({touch})"),
        format!("SSH_ORIGINAL_COMMAND={touch}"),
        format!("PATH={}", site.mark("")),
        "IFS=/".to_owned(),
    ] {
        let set = format!("SetEnv={variable}");
        all.push((set.clone(), words(&["-o", &set]), words(&["exec sh"])));
    }
    all.push(("a terminal".to_owned(), words(&["-tt"]), vec![]));
    all.push(("a terminal and a command".to_owned(), words(&["-tt"]), words(&[&touch])));
    all.push(("the agent".to_owned(), words(&["-A"]), words(&[&touch])));
    all.push(("X11".to_owned(), words(&["-X", "-o", "ForwardX11Trusted=yes"]), words(&[&touch])));
    all.push(("no command".to_owned(), vec![], vec![]));
    all.push(("a subsystem".to_owned(), words(&["-s"]), words(&["sftp"])));
    all.push(("to the server".to_owned(), words(&["-W", "127.0.0.1:3306"]), vec![]));
    all.push(("to the other node".to_owned(), words(&["-W", "10.77.0.12:3306"]), vec![]));
    all.push(("to sshd".to_owned(), words(&["-W", "127.0.0.1:22"]), vec![]));
    all
}

/// Files to the node.
fn copies(site: &Site<'_>) -> Vec<(String, Command)> {
    let (from, to) = (site.lab.config_path().display().to_string(), site.mark("copied"));
    let there = format!("{}@{}:{to}", site.account.name(), Host::Db1.address());
    let config = site.ssh_config().display().to_string();
    let command = |words: &[&str]| {
        let mut command = crate::lab::net::inside(site.lab.id(), Host::Operator);
        command.args(["timeout", "-k", "1", "10"]).args(words);
        command
    };
    let put =
        format!("echo put {from} {to} | sftp -q -F {config} -b - {}@{}", site.account.name(), Host::Db1.address());
    vec![
        ("scp".to_owned(), command(&["scp", "-q", "-B", "-F", &config, &from, &there])),
        ("scp of old".to_owned(), command(&["scp", "-O", "-q", "-B", "-F", &config, &from, &there])),
        ("sftp".to_owned(), command(&["sh", "-c", &put])),
    ]
}

/// Ports, while a login is held open.
fn forwarding(site: &Site<'_>, seen: &mut dyn FnMut(&str) -> Outcome) -> Outcome {
    for (name, option, value) in [
        ("a port here", "-L", "4406:127.0.0.1:3306"),
        ("a port there", "-R", "4407:127.0.0.1:22"),
        ("a proxy", "-D", "4408"),
        ("a socket here", "-L", "4409:/run/sudo.sock"),
    ] {
        let mut held = site.ssh(&["-N", option, value], &[]);
        let mut held = held.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let held = held.as_mut().map_err(|why| LabError::new("ssh", why))?;
        std::thread::sleep(Duration::from_millis(1500));
        let greets = format!("exec 3<>/dev/tcp/127.0.0.1/{} && timeout 1 head -c 9 <&3", &value[..4]);
        let said = site.lab.on(Host::Operator, &["bash", "-c", &greets])?;
        assert_eq!(String::from_utf8_lossy(&said.stdout), "", "{name} leads somewhere");
        // while it is held: a listener on the node would be seen
        seen(name)?;
        let _ = held.kill();
        let _ = held.wait();
    }
    Ok(())
}

/// As flipper opens it: the greeting's answer first, then the rest.
fn raw(site: &Site<'_>, bytes: &[u8]) -> Result<String> {
    send(site.ssh(&[], &["exec sh"]), bytes)
}

/// Everything at once, then the end of the input; at most ten seconds.
fn send(mut command: Command, bytes: &[u8]) -> Result<String> {
    let failed = |why: std::io::Error| LabError::new("ssh", why);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
    let (stdin, mut stdout) = (child.stdin.take(), child.stdout.take());
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || {
        // whoever has hung up reads no more
        let _ = stdin.map(|mut stdin| stdin.write_all(&bytes));
    });
    let mut said = vec![];
    if let Some(stdout) = &mut stdout {
        stdout.read_to_end(&mut said).map_err(failed)?;
    }
    child.wait().map_err(failed)?;
    writer.join().map_err(|_| LabError::new("ssh", "the writer ended badly"))?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}
