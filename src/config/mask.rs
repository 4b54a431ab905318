//! What of a config may be shown: a diagnostic prints the lines around a mistake, and one of them may hold a password
//! that does not belong there.

use super::lex::{Kind, tokens};
use super::near::distance;
use super::tree::Span;

/// The text with the values of password-like fields, and control characters, replaced byte for byte; places stay.
pub(super) fn mask(text: &str) -> String {
    let mut secret = vec![false; text.len()];
    mark(text, &mut secret);
    // and each line for itself: a quote that is missing above would turn strings and what is between them around, and
    // what is commented out is shown as well
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        mark(&line.replace("//", "  ").replace("/*", "  "), &mut secret[start..end]);
        start = end;
    }
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c == '\n' || c == '\t' {
            out.push(c);
        } else if secret.get(at).copied().unwrap_or(false) {
            out.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            out.extend(std::iter::repeat_n(if c == '\r' { ' ' } else { '?' }, c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}

/// Marks the bytes of a text that may be a password.
fn mark(text: &str, secret: &mut [bool]) {
    for window in tokens(text).windows(3) {
        let [key, joint, value] = window else { continue };
        let word = |span: &Span| text.get(span.clone()).unwrap_or_default().trim_matches('"');
        let holds = match word(&key.span) {
            // a name of a variable that is none is perhaps the password itself
            "password_env" => value.kind == Kind::Text && !is_env_name(word(&value.span)),
            name => is_password(name) && !matches!(value.kind, Kind::Comma | Kind::Close | Kind::OpenComment),
        };
        if holds && (joint.kind == Kind::Colon || word(&joint.span) == "=") {
            let span = &value.span;
            let line_end = text[span.start..].find('\n').map_or(text.len(), |end| span.start + end);
            // a string that was not closed, or a bare word: all of the line may be meant
            let closed = value.kind == Kind::Text && span.end < text.len();
            let end = if closed { span.end } else { span.end.max(line_end) };
            secret[span.start..end].fill(true);
        }
    }
}

/// Whether a field of that name would hold a password in clear: `password`, `passwd`, `pwd`, and misspelt.
fn is_password(name: &str) -> bool {
    let name = name.to_lowercase();
    if matches!(name.as_str(), "password_env" | "password_file" | "option_file") {
        return false;
    }
    name.len() <= 40
        && (["pass", "pwd", "secret"].iter().any(|part| name.contains(part)) || distance(&name, "password") <= 2)
}

/// Whether a text can be the name of an environment variable.
pub(super) fn is_env_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn passwords_are_not_shown_however_they_got_there() {
        for text in [
            "(password: \"hunter2\")",
            "(pasword: r#\"hunter2\"#)",
            "(passwd: \"hunter2",
            "(\"password\" : \"hunter2\")",
            "(password: hunter2-$x)",
            "(mysql_pwd: \"hunter2\")",
            "(password: Some(\"hunter2\"))",
            "(password = (\"hunter2\"))",
            "(password_env: \"hunter2!\")",
            "(host: \"x,\n password: \"hunter2\", user: \"y\")",
            "// password: \"hunter2\"\n()",
        ] {
            let masked = mask(text);
            assert!(!masked.contains("hunter2"), "{masked}");
            assert_eq!(masked.len(), text.len());
        }
        let fine = "(password_env: \"FLIPPER_PASSWORD\", password_file: \"/x\", user: \"ü\")";
        assert_eq!(mask(fine), fine);
    }

    #[test]
    fn a_file_cannot_steer_the_terminal() {
        assert_eq!(mask("a\u{1b}[31m\u{202e}\r\n"), "a?[31m??? \n");
    }
}
