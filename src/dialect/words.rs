//! How a statement begins: all that is ever made of its text.

/// Statements that change data, by their first word.
const CHANGES: [&str; 8] = ["CALL", "DELETE", "EXECUTE", "INSERT", "LOAD", "REPLACE", "UPDATE", "XA"];

/// A statement from its first word on, past spaces, brackets and comments; a comment without an end leaves nothing.
#[must_use]
pub fn begins(statement: &str) -> &str {
    let mut rest = statement;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        let (end, comment) = match rest {
            // what is between these is executed
            _ if rest.starts_with("/*!") => return rest,
            _ if rest.starts_with("/*") => ("*/", rest.get(2..)),
            _ if rest.starts_with("-- ") || rest.starts_with('#') => ("\n", rest.get(1..)),
            _ => return rest,
        };
        rest = comment.and_then(|comment| comment.split_once(end)).map_or("", |(_, after)| after);
    }
}

/// Whether it is to change data, as far as its first word tells.
#[must_use]
pub fn changes_data(statement: &str) -> bool {
    let begins = begins(statement);
    let word = begins.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    CHANGES.iter().any(|change| word.eq_ignore_ascii_case(change))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_hide_nothing() {
        for change in
            ["update t", " (REPLACE INTO t", "/* app:7 */ DELETE FROM t", "-- note\nINSERT t", "#x\n CALL p()"]
        {
            assert!(changes_data(change), "{change}");
        }
        for other in ["SELECT 1", "", "/* UPDATE", "/*!40001 SELECT */", "updated", "-- UPDATE t", "'UPDATE'"] {
            assert!(!changes_data(other), "{other}");
        }
    }
}
