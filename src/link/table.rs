//! What a server answers, as text.

use std::fmt;

/// One row: the columns in their order, each text or NULL.
///
/// Servers answer in text, and text is what is kept: the driver's typed rows panic on a NULL, and replication columns
/// are NULL exactly when replication is broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record(Vec<(String, Option<String>)>);

/// All rows of one statement; empty for one that has none to give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table(pub Vec<Record>);

/// Why a column's value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadColumn(String);

impl fmt::Display for BadColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadColumn {}

impl Record {
    /// A row of these columns.
    #[must_use]
    pub fn new(columns: Vec<(String, Option<String>)>) -> Self {
        Self(columns)
    }

    /// The first of the names that is a column: versions call one thing differently. `None`: no such column;
    /// `Some(None)`: NULL. Servers spell the same name in different cases from version to version.
    #[must_use]
    pub fn get(&self, names: &[&str]) -> Option<Option<&str>> {
        names.iter().find_map(|name| {
            self.0.iter().find(|(column, _)| column.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_deref())
        })
    }

    /// A value that must be there.
    pub fn text(&self, names: &[&str]) -> Result<&str, BadColumn> {
        let name = names.first().copied().unwrap_or_default();
        match self.get(names) {
            Some(Some(text)) => Ok(text),
            Some(None) => Err(BadColumn(format!("the server answered NULL for {name}"))),
            None => Err(BadColumn(format!("the server's answer has no {name}"))),
        }
    }

    /// A number that must be there.
    pub fn number<T: std::str::FromStr>(&self, names: &[&str]) -> Result<T, BadColumn> {
        let text = self.text(names)?;
        text.parse().map_err(|_| {
            let name = names.first().copied().unwrap_or_default();
            BadColumn(format!("the server answered `{}` for {name}", crate::model::printable(text)))
        })
    }

    /// All columns in their order.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}

impl Table {
    /// The only row.
    pub fn row(&self) -> Result<&Record, BadColumn> {
        match &self.0[..] {
            [row] => Ok(row),
            rows => Err(BadColumn(format!("the server answered {} rows instead of one", rows.len()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_missing_are_two_things() {
        let row = Record::new(vec![("Source_Host".into(), Some("db1".into())), ("Lag".into(), None)]);
        assert_eq!(row.get(&["Master_Host", "Source_Host"]), Some(Some("db1")));
        assert_eq!(row.get(&["lag"]), Some(None));
        assert_eq!(row.get(&["other"]), None);
        assert!(row.number::<u64>(&["Source_Host"]).is_err());
        assert!(row.text(&["Lag"]).is_err_and(|why| why.to_string().contains("NULL")));
        assert!(row.text(&["x"]).is_err_and(|why| why.to_string().contains("no x")));
        assert!(Table::default().row().is_err());
    }
}
