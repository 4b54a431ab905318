//! Answers for tests.

use crate::link::{Record, Table};

/// One row of these columns; the value `NULL` stands for NULL.
pub(super) fn fields(columns: &[(&str, &str)]) -> Table {
    Table(vec![Record::new(columns.iter().map(|(name, value)| ((*name).to_owned(), field(value))).collect())])
}

fn field(value: &str) -> Option<String> {
    (value != "NULL").then(|| value.replace("\\n", "\n"))
}

/// What `SHOW VARIABLES` answers.
pub(super) fn variables(all: &[(&str, &str)]) -> Table {
    Table(all.iter().flat_map(|(name, value)| fields(&[("Variable_name", name), ("Value", value)]).0).collect())
}

/// A captured row: `name<TAB>value` lines, as `mysql --batch` escapes them.
pub(super) fn captured(text: &str) -> Table {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    fields(&lines.map(|line| line.split_once('\t').unwrap_or((line, ""))).collect::<Vec<_>>())
}

/// Captured rows: a line of names, then a line each, as `mysql --batch` prints them.
pub(super) fn rows(text: &str) -> Table {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let row = |line: &str| {
        let values: Vec<&str> = line.split('\t').collect();
        fields(&names.iter().zip(values).map(|(name, value)| (*name, value)).collect::<Vec<_>>()).0
    };
    Table(lines.flat_map(row).collect())
}
