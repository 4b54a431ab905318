//! The questions: each answer is judged at once by the reader of configs, and asked for again with the reason.

use std::io::{BufRead, Write};
use std::path::Path;

use miette::Diagnostic as _;

use super::words::Words;
use crate::config::Mistake;

/// The answers ended before the questions did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unanswered;

/// What stands in for what was not asked yet; nobody has such a host or address.
const HOSTS: [&str; 2] = ["node-1.not-asked.invalid", "node-2.not-asked.invalid"];
const ADDRESS: &str = "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe";

/// Asks for all that is missing.
pub(super) fn ask(
    words: &mut Words,
    home: Option<&Path>,
    answers: &mut impl BufRead,
    questions: &mut impl Write,
) -> Result<(), Unanswered> {
    let mut asker = Asker { home, answers, questions };
    asker.pair(words)?;
    asker.nodes(words)?;
    asker.interfaces(words)?;
    asker.roles(words)?;
    asker.mysql(words)?;
    asker.ssh(words)
}

/// Asks for one line, as often as it takes. Nothing typed is the default, where there is one.
pub(super) fn line<T>(
    answers: &mut impl BufRead,
    questions: &mut impl Write,
    question: &str,
    default: Option<&str>,
    mut take: impl FnMut(&str) -> Result<T, String>,
) -> Result<T, Unanswered> {
    loop {
        let hint = default.map(|default| format!(" [{default}]")).unwrap_or_default();
        // whoever cannot read the question will not answer it either, and that ends it
        let _ = write!(questions, "{question}{hint}: ").and_then(|()| questions.flush());
        let mut typed = String::new();
        if answers.read_line(&mut typed).map_or(0, |read| read) == 0 {
            return Err(Unanswered);
        }
        let typed = typed.trim();
        match take(if typed.is_empty() { default.unwrap_or_default() } else { typed }) {
            Ok(taken) => return Ok(taken),
            Err(why) => {
                let _ = writeln!(questions, "  {why}");
            }
        }
    }
}

struct Asker<'a, A, Q> {
    home: Option<&'a Path>,
    answers: &'a mut A,
    questions: &'a mut Q,
}

impl<A: BufRead, Q: Write> Asker<'_, A, Q> {
    /// Asks for something that `put` puts into what is known.
    fn one(
        &mut self,
        words: &mut Words,
        question: &str,
        default: Option<&str>,
        put: impl Fn(&mut Words, &str) -> Result<(), String>,
    ) -> Result<(), Unanswered> {
        let home = self.home;
        let known = words.clone();
        *words = line(self.answers, self.questions, question, default, |typed| {
            let mut with = known.clone();
            put(&mut with, typed)?;
            judge(&with, home)?;
            Ok(with)
        })?;
        Ok(())
    }

    fn pair(&mut self, words: &mut Words) -> Result<(), Unanswered> {
        if words.pair.is_some() {
            return Ok(());
        }
        self.one(words, "Name of the pair, as you will call it in commands", None, |words, typed| {
            words.pair = Some(typed.to_owned());
            Ok(())
        })
    }

    fn nodes(&mut self, words: &mut Words) -> Result<(), Unanswered> {
        while words.nodes.len() < 2 {
            let index = words.nodes.len();
            let (which, example) = if index == 0 { ("First", "db1") } else { ("Second", "db2") };
            self.one(words, &format!("{which} node: its name"), Some(example), |words, typed| {
                no_sign(typed)?;
                words.nodes.push(format!("{typed}={}", HOSTS[index]));
                Ok(())
            })?;
            let name = node_name(words, index);
            self.one(words, &format!("Where {name} is: address, DNS name or ssh alias"), None, |words, typed| {
                words.nodes[index] = format!("{name}={typed}");
                Ok(())
            })?;
        }
        Ok(())
    }

    fn interfaces(&mut self, words: &mut Words) -> Result<(), Unanswered> {
        if !words.interfaces.is_empty() {
            return Ok(());
        }
        let (first, second) = (node_name(words, 0), node_name(words, 1));
        let question = format!("Interface that takes the addresses on {first}, as `ip link` calls it");
        self.one(words, &question, None, |words, typed| {
            no_sign(typed)?;
            words.interfaces.push(typed.to_owned());
            Ok(())
        })?;
        let same = words.interfaces[0].clone();
        self.one(words, &format!("The same on {second}"), Some(&same), |words, typed| {
            no_sign(typed)?;
            if typed != same {
                words.interfaces.push(format!("{second}={typed}"));
            }
            Ok(())
        })
    }

    fn roles(&mut self, words: &mut Words) -> Result<(), Unanswered> {
        if !words.roles.is_empty() {
            return Ok(());
        }
        self.one(words, "Address of those who write, such as 10.0.0.100 (nothing: none)", None, |words, typed| {
            words.roles.extend((!typed.is_empty()).then(|| format!("write={typed}:rw")));
            Ok(())
        })?;
        let question = "Addresses of those who only read, with blanks between (nothing: none)";
        self.one(words, question, None, |words, typed| {
            for (index, address) in typed.split_whitespace().enumerate() {
                let name = if index == 0 { "read".to_owned() } else { format!("read{}", index + 1) };
                words.roles.push(format!("{name}={address}:ro"));
            }
            if words.roles.is_empty() {
                return Err("a pair has at least one address that moves".to_owned());
            }
            Ok(())
        })
    }

    fn mysql(&mut self, words: &mut Words) -> Result<(), Unanswered> {
        if words.mysql_user.is_none() {
            self.one(words, "flipper's account on the servers", Some("flipper"), |words, typed| {
                words.mysql_user = Some(typed.to_owned());
                Ok(())
            })?;
        }
        if words.password_from.is_some() {
            return Ok(());
        }
        let question =
            "Where its password is: a file with nothing else in it, env:NAME, or cnf:FILE for an option file";
        self.one(words, question, Some("~/.config/flipper/password"), |words, typed| {
            words.password_from = Some(typed.to_owned());
            Ok(())
        })
    }

    fn ssh(&mut self, words: &mut Words) -> Result<(), Unanswered> {
        if words.ssh_user.is_some() {
            return Ok(());
        }
        self.one(words, "Account for ssh on the machines (nothing: whom ssh takes)", None, |words, typed| {
            words.ssh_user = Some(typed.to_owned()).filter(|user| !user.is_empty());
            Ok(())
        })?;
        if words.sudo || words.ssh_user.as_deref() == Some("root") {
            return Ok(());
        }
        self.one(words, "Does it need sudo to change addresses? yes or no", Some("yes"), |words, typed| {
            words.sudo = match typed {
                "yes" => true,
                "no" => false,
                _ => return Err("type yes or no".to_owned()),
            };
            Ok(())
        })
    }
}

/// A `=` would be taken for the end of a name.
fn no_sign(typed: &str) -> Result<(), String> {
    if typed.contains('=') { Err("no `=`, please".to_owned()) } else { Ok(()) }
}

fn node_name(words: &Words, index: usize) -> String {
    words.nodes.get(index).and_then(|node| node.split_once('=')).map_or_else(String::new, |(name, _)| name.to_owned())
}

/// Whether a config with what is known by now, and with what stands in for the rest, would be taken.
pub(super) fn judge(words: &Words, home: Option<&Path>) -> Result<(), String> {
    let mut whole = words.clone();
    whole.pair.get_or_insert_with(|| "not-asked".to_owned());
    for host in &HOSTS[whole.nodes.len().min(2)..] {
        whole.nodes.push(format!("not-asked-{}={host}", whole.nodes.len()));
    }
    if whole.interfaces.is_empty() {
        whole.interfaces.push("eth0".to_owned());
    }
    if whole.roles.is_empty() {
        whole.roles.push(format!("not-asked={ADDRESS}/128:ro"));
    }
    whole.mysql_user.get_or_insert_with(|| "not-asked".to_owned());
    let said = |mistakes: &[Mistake]| {
        mistakes.first().map_or_else(String::new, |mistake| {
            mistake.help().map_or_else(|| mistake.to_string(), |help| format!("{mistake}; {help}"))
        })
    };
    let (draft, _) = whole.draft().map_err(|(mistakes, _)| said(&mistakes))?;
    draft.checked(home).map(drop).map_err(|mistakes| said(&mistakes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known after these answers, and what was said meanwhile.
    fn answered(answers: &[&str]) -> (Result<Words, Unanswered>, String) {
        let mut words = Words::default();
        let mut said = vec![];
        let typed = answers.iter().map(|answer| format!("{answer}\n")).collect::<String>();
        let asked = ask(&mut words, Some(Path::new("/home/ops")), &mut typed.as_bytes(), &mut said);
        (asked.map(|()| words), String::from_utf8(said).unwrap())
    }

    #[test]
    fn answers_make_a_config() {
        let answers = [
            "orders",
            "",
            "10.0.0.11",
            "",
            "10.0.0.12",
            "eth0",
            "",
            "10.0.0.100",
            "10.0.0.101 fd00::7",
            "",
            "",
            "ops",
            "",
        ];
        let (words, said) = answered(&answers);
        let words = words.unwrap();
        assert_eq!(words.missing(), Vec::<&str>::new());
        assert_eq!(words.nodes, ["db1=10.0.0.11", "db2=10.0.0.12"]);
        assert_eq!(words.roles, ["write=10.0.0.100:rw", "read=10.0.0.101:ro", "read2=fd00::7:ro"]);
        assert_eq!((words.interfaces.as_slice(), words.sudo), (&["eth0".to_owned()][..], true));
        assert_eq!(words.password_from.as_deref(), Some("~/.config/flipper/password"));
        assert!(!said.contains('\n'), "nothing is asked twice: {said}");
    }

    #[test]
    fn a_wrong_answer_is_asked_again_with_the_reason() {
        // each wrong answer, what is said of it, and the right one
        let rounds = [
            ("Orders", "lower-case", "orders"),
            ("db 1", "lower-case", "db1"),
            ("10.0.0.11;reboot", "is not a host", "10.0.0.11"),
            ("db1", "two nodes named", "db2"),
            ("10.0.0.11", "the same server", "10.0.0.12"),
            ("eth0; x", "is not an interface", "eth0"),
            ("eth0:1", "may hold only", ""),
            ("10.0.0.12", "of node db2", "10.0.0.100"),
            ("10.0.0.100", "two roles", "10.0.0.101"),
            ("\u{7}", "control characters", "flipper"),
            ("env:1x", "environment variable", "env:FLIPPER_PASSWORD"),
            ("no body", "is not a", "root"),
        ];
        let answers: Vec<&str> = rounds.iter().flat_map(|(wrong, _, right)| [*wrong, *right]).collect();
        let (words, said) = answered(&answers);
        let words = words.unwrap();
        for (wrong, why, _) in rounds {
            assert!(said.lines().any(|line| line.contains(why)), "`{wrong}`: {why}\n{said}");
        }
        assert_eq!(words.password_from.as_deref(), Some("env:FLIPPER_PASSWORD"));
        assert!(!words.sudo && words.missing().is_empty());
    }

    #[test]
    fn only_what_is_missing_is_asked_and_a_pair_without_addresses_is_none() {
        let mut words = Words { pair: Some("orders".to_owned()), mysql_user: Some("f".to_owned()), ..Words::default() };
        words.nodes = vec!["a=10.0.0.1".to_owned(), "b=10.0.0.2".to_owned()];
        words.interfaces = vec!["eth0".to_owned()];
        words.ssh_user = Some("root".to_owned());
        let mut said = vec![];
        ask(&mut words, None, &mut "\n\n10.0.0.3\ncnf:/etc/flipper/my.cnf\n".as_bytes(), &mut said).unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("at least one address") && !said.contains("Name of the pair"), "{said}");
        assert_eq!(words.password_from.as_deref(), Some("cnf:/etc/flipper/my.cnf"));
        assert_eq!(words.roles, ["read=10.0.0.3:ro"]);
    }

    #[test]
    fn answers_that_end_leave_nothing() {
        assert_eq!(answered(&["orders", "db1"]).0.map(|_| ()), Err(Unanswered));
    }
}
