//! The password in a MySQL option file, read as the servers' own clients read it.
//!
//! Source of the rules: "Using Option Files" of the MySQL manual; where it is silent, what `my_default.cc` does.

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
        let line = line.trim();
        if line.starts_with('!') {
            return Err(NoPassword::Include(index + 1));
        }
        if let Some(name) = line.strip_prefix('[') {
            group = name.split(']').next().unwrap_or_default().trim();
            continue;
        }
        let found = match group {
            "client" => &mut client,
            "flipper" => &mut flipper,
            _ => continue,
        };
        let (name, given) = match before_comment(line).split_once('=') {
            Some((name, given)) => (name.trim(), Some(given.trim())),
            None => (before_comment(line).trim(), None),
        };
        if name == "password" {
            *found = Some(given.map(value).ok_or(NoPassword::Prompt(index + 1)));
        }
    }
    flipper.or(client).unwrap_or(Err(NoPassword::Absent))
}

/// The line up to a `#` outside quotes; a line that starts with `#` or `;` is a comment as a whole.
fn before_comment(line: &str) -> &str {
    if line.starts_with(['#', ';']) {
        return "";
    }
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => return &line[..at],
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open && !escaped => quote = None,
            _ => {}
        }
        escaped = quote.is_some() && c == '\\' && !escaped;
    }
    line
}

/// A value without its quotes, escapes read. An unknown escape keeps its backslash.
fn value(given: &str) -> String {
    let bare = ['"', '\''].iter().find_map(|quote| given.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(given);
    let mut out = String::with_capacity(bare.len());
    let mut chars = bare.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('s') => out.push(' '),
            Some(same @ ('"' | '\'' | '\\')) => out.push(same),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
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
