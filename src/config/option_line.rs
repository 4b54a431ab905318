//! A line of a MySQL option file, read as servers and clients read it.
//!
//! Source of the rules: "Using Option Files" of the MySQL manual; where it is silent, what `my_default.cc` does, which
//! `my_print_defaults` of both families shows.

/// What a line of an option file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionLine<'a> {
    /// `[name]`. A blank after the name is no part of it, one before it is.
    Group(&'a str),
    /// `!include FILE`, as it is written.
    Include(&'a str),
    /// `!includedir FOLDER`, as it is written.
    IncludeFolder(&'a str),
    /// A name, and its value where it has one: without quotes, escapes read.
    Setting(&'a str, Option<String>),
    /// Empty, or a comment, or a word behind `!` that means nothing.
    Nothing,
}

/// Reads one line.
#[must_use]
pub fn option_line(line: &str) -> OptionLine<'_> {
    let line = line.trim();
    if let Some(words) = line.strip_prefix('!') {
        let after = |word: &str| words.strip_prefix(word)?.strip_prefix(char::is_whitespace).map(str::trim);
        return match (after("includedir"), after("include")) {
            (Some(folder), _) => OptionLine::IncludeFolder(folder),
            (None, Some(file)) => OptionLine::Include(file),
            (None, None) => OptionLine::Nothing,
        };
    }
    if let Some(name) = line.strip_prefix('[') {
        return OptionLine::Group(name.split(']').next().unwrap_or_default().trim_end());
    }
    let said = before_comment(line);
    let (name, given) = match said.split_once('=') {
        Some((name, given)) => (name.trim(), Some(value(given.trim()))),
        None => (said.trim(), None),
    };
    if name.is_empty() { OptionLine::Nothing } else { OptionLine::Setting(name, given) }
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

    fn setting<'a>(name: &'a str, value: Option<&str>) -> OptionLine<'a> {
        OptionLine::Setting(name, value.map(str::to_owned))
    }

    /// What `my_print_defaults` of MySQL 9.7 and of MariaDB 10.11 said of the same lines.
    #[test]
    fn lines_as_both_families_read_them() {
        for (line, expected) in [
            ("[mysqld]", OptionLine::Group("mysqld")),
            ("  [mysqld ] # x", OptionLine::Group("mysqld")),
            ("[ mysqld]", OptionLine::Group(" mysqld")),
            ("read_only", setting("read_only", None)),
            ("  read_only   =   D  \r", setting("read_only", Some("D"))),
            ("read_only=A # c", setting("read_only", Some("A"))),
            ("read-only = \"C # x\"", setting("read-only", Some("C # x"))),
            ("read_only=", setting("read_only", Some(""))),
            ("read_only 1", setting("read_only 1", None)),
            ("--read_only=1", setting("--read_only", Some("1"))),
            ("!include /etc/x.cnf", OptionLine::Include("/etc/x.cnf")),
            ("  !includedir   /etc/my.cnf.d/ ", OptionLine::IncludeFolder("/etc/my.cnf.d/")),
            ("!includedirx /tmp", OptionLine::Nothing),
            ("!something", OptionLine::Nothing),
            ("# read_only", OptionLine::Nothing),
            ("; read_only", OptionLine::Nothing),
            ("", OptionLine::Nothing),
        ] {
            assert_eq!(option_line(line), expected, "{line}");
        }
    }
}
