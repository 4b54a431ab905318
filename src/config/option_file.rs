//! The password in a MySQL option file, read as the servers' own clients read it.

use super::option_line::{OptionLine, option_line};

/// Why an option file gives no password. Carries line numbers, never text of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPassword {
    /// No `password` in `[client]` or `[flipper]`.
    Absent,
    /// `!include` or `!includedir` at that line (from 1): flipper follows neither.
    Include(usize),
    /// `password` without a value at that line (from 1): it makes other clients ask.
    Prompt(usize),
}

/// The password of `[flipper]`, or else of `[client]`; the last one in the file counts.
pub(super) fn password(text: &str) -> Result<String, NoPassword> {
    let (mut client, mut flipper) = (None, None);
    let mut group = "";
    for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let (name, given) = match option_line(line) {
            OptionLine::Include(_) | OptionLine::IncludeFolder(_) => return Err(NoPassword::Include(index + 1)),
            OptionLine::Group(name) => {
                group = name;
                continue;
            }
            OptionLine::Setting(name, given) => (name, given),
            OptionLine::Nothing => continue,
        };
        let found = match group {
            "client" => &mut client,
            "flipper" => &mut flipper,
            _ => continue,
        };
        if name == "password" {
            *found = Some(given.ok_or(NoPassword::Prompt(index + 1)));
        }
    }
    flipper.or(client).unwrap_or(Err(NoPassword::Absent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_mysql_reads_them() {
        for (line, expected) in [
            ("password=abc", "abc"),
            ("  password = abc  ", "abc"),
            ("password=\"a # b\"", "a # b"),
            ("password='a\"b'", "a\"b"),
            ("password=a#b", "a"),
            ("password=a;b", "a;b"),
            ("password=a=b", "a=b"),
            (r"password=a\sb\tc\\d\x", "a b\tc\\d\\x"),
            (r#"password="a\"b#c" # why"#, "a\"b#c"),
            ("password=\"", "\""),
            ("password=", ""),
            ("password=ü\r", "ü"),
        ] {
            assert_eq!(password(&format!("[client]\n{line}\n")), Ok(expected.to_owned()), "{line}");
        }
    }

    #[test]
    fn groups() {
        assert_eq!(password("[flipper]\npassword=f\n[client]\npassword=c"), Ok("f".into()));
        assert_eq!(password("[client]\npassword=a\npassword=b\n[mysqld]\npassword=x"), Ok("b".into()));
        assert_eq!(password("\u{feff}[client] # local\npassword=a"), Ok("a".into()));
        assert_eq!(password("password=a\n[mysql]\npassword=b\n#[client]\n"), Err(NoPassword::Absent));
        assert_eq!(password("[client]\n# password=a\n;password=b"), Err(NoPassword::Absent));
        assert_eq!(password("[client]\npassword"), Err(NoPassword::Prompt(2)));
        assert_eq!(password("\n!include /etc/x\n"), Err(NoPassword::Include(2)));
    }
}
