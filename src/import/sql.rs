//! Reads the rows of the `masterpair` and `node` tables out of an SQL dump, or out of the INSERTs that somebody kept.
//!
//! Only what puts rows in is understood: INSERT and REPLACE with VALUES, as mysqldump and people write them. Other
//! statements are passed over, unless they would change these rows: then the file does not say what is in the tables.

use super::lex::{Kind, Token, tokens};
use super::yaml::twice;
use super::{LegacyNode, LegacyPair, Said, given};
use crate::config::{Given, Mistake};

/// The two tables, with their columns in the order in which they were made.
const TABLES: [(&str, &[&str]); 2] =
    [("masterpair", &["masterpair", "name", "value"]), ("node", &["masterpair", "node", "name", "value"])];

const DUMP: &str = "dump the two tables alone: mysqldump --no-create-info --skip-triggers DATABASE masterpair node";

fn wrong(token: &Token, message: impl Into<String>, help: &str) -> Mistake {
    Mistake::new("flipper::import::sql", token.from.clone(), message, "here").help(help)
}

/// The pairs of a dump.
pub(super) fn read(text: &str) -> Result<Vec<LegacyPair>, Mistake> {
    let tokens = tokens(text)?;
    let mut reader = Reader { tokens: &tokens, at: 0, pairs: vec![] };
    while reader.at < tokens.len() {
        reader.statement()?;
    }
    Ok(reader.pairs)
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    pairs: Vec<LegacyPair>,
}

impl Reader<'_> {
    /// The token here; at the end, one that is nothing and stands there.
    fn here(&self) -> Token {
        self.tokens.get(self.at).cloned().unwrap_or_else(|| {
            let end = self.tokens.last().map_or(0, |last| last.from.end);
            Token { kind: Kind::End, text: String::new(), from: end..end }
        })
    }

    fn next(&mut self) -> Token {
        let token = self.here();
        self.at += 1;
        token
    }

    /// Passes over a word, if it stands here.
    fn word(&mut self, word: &str) -> bool {
        let here = self.here();
        let is = here.kind == Kind::Word && here.text.eq_ignore_ascii_case(word);
        self.at += usize::from(is);
        is
    }

    fn sign(&mut self, sign: &str) -> bool {
        let here = self.here();
        let is = here.kind == Kind::Sign && here.text == sign;
        self.at += usize::from(is);
        is
    }

    fn need(&mut self, sign: &str, what: &str) -> Result<(), Mistake> {
        if self.sign(sign) { Ok(()) } else { Err(wrong(&self.here(), format!("`{sign}` is missing {what}"), DUMP)) }
    }

    /// Passes over the rest of a statement.
    fn skip(&mut self) {
        while self.at < self.tokens.len() && !self.sign(";") {
            self.at += 1;
        }
    }

    fn statement(&mut self) -> Result<(), Mistake> {
        let first = self.here();
        if first.kind != Kind::Word {
            self.skip();
            return Ok(());
        }
        match first.text.to_ascii_uppercase().as_str() {
            "INSERT" | "REPLACE" => self.insert(),
            "DELIMITER" => Err(wrong(
                &first,
                "programs follow here, and their statements cannot be told from those of the dump",
                DUMP,
            )),
            "UPDATE" | "DELETE" | "TRUNCATE" | "LOAD" | "RENAME" => {
                let start = self.at;
                self.skip();
                let names =
                    |token: &&Token| matches!(token.kind, Kind::Word | Kind::Name) && table(&token.text).is_some();
                match self.tokens[start..self.at.min(self.tokens.len())].iter().find(names) {
                    Some(_) => {
                        Err(wrong(&first, "this changes rows, and only a server could tell what comes of it", DUMP))
                    }
                    None => Ok(()),
                }
            }
            _ => {
                self.skip();
                Ok(())
            }
        }
    }

    fn insert(&mut self) -> Result<(), Mistake> {
        self.at += 1;
        while ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"].iter().any(|word| self.word(word)) {}
        let mut name = self.next();
        if self.sign(".") {
            name = self.next();
        }
        let Some((table, known)) = table(&name.text).filter(|_| matches!(name.kind, Kind::Word | Kind::Name)) else {
            self.skip();
            return Ok(());
        };
        let mut columns: Vec<String> = known.iter().map(|column| (*column).to_owned()).collect();
        if self.sign("(") {
            columns = self.columns(known)?;
        }
        if !(self.word("VALUES") || self.word("VALUE")) {
            return Err(wrong(&self.here(), "rows are to follow as VALUES (…)", DUMP));
        }
        loop {
            self.row(table, &columns)?;
            if !self.sign(",") {
                break;
            }
        }
        let here = self.here();
        if here.kind != Kind::End && !self.sign(";") {
            return Err(wrong(&here, "`,` or `;` is missing behind the row", DUMP));
        }
        Ok(())
    }

    fn columns(&mut self, known: &[&str]) -> Result<Vec<String>, Mistake> {
        let mut columns = vec![];
        loop {
            let column = self.next();
            let name = column.text.to_ascii_lowercase();
            if !matches!(column.kind, Kind::Word | Kind::Name)
                || !known.contains(&name.as_str())
                || columns.contains(&name)
            {
                let help = format!("the columns are: {}", known.join(", "));
                return Err(wrong(&column, "this is no column of the table, or is there twice", &help));
            }
            columns.push(name);
            if !self.sign(",") {
                break;
            }
        }
        self.need(")", "behind the columns")?;
        if columns.len() != known.len() {
            return Err(wrong(
                &self.here(),
                "not every column is named",
                &format!("the columns are: {}", known.join(", ")),
            ));
        }
        Ok(columns)
    }

    fn row(&mut self, table: &str, columns: &[String]) -> Result<(), Mistake> {
        self.need("(", "in front of the row")?;
        let mut values = vec![];
        for (index, _) in columns.iter().enumerate() {
            if index > 0 {
                self.need(",", &format!("behind the value; a row of `{table}` has {}", columns.len()))?;
            }
            values.push(self.value()?);
        }
        self.need(")", &format!("behind the row; one of `{table}` has {} values", columns.len()))?;
        let take = |name: &str| {
            let at = columns.iter().position(|column| column == name);
            at.and_then(|at| values.get(at)).cloned().unwrap_or_default()
        };
        let said = Said { name: take("name"), value: take("value"), shared: false };
        let node = (table == "node").then(|| take("node"));
        self.keep(take("masterpair"), node, said)
    }

    fn value(&mut self) -> Result<Given, Mistake> {
        // `_binary '…'`, `_utf8mb4 '…'`: mysqldump writes it in front of a BLOB, and `value` is one
        if self.here().kind == Kind::Word && self.here().text.starts_with('_') {
            self.at += 1;
        }
        let token = self.next();
        match token.kind {
            Kind::Text | Kind::Number => Ok(given(token.text, token.from)),
            Kind::Word | Kind::Name | Kind::Sign | Kind::End => {
                Err(wrong(&token, "this is no value: a text in quotes, a number, or 0x and digits", DUMP))
            }
        }
    }

    fn keep(&mut self, pair: Given, node: Option<Given>, said: Said) -> Result<(), Mistake> {
        let at = match self.pairs.iter().position(|known| known.name.text == pair.text) {
            Some(at) => at,
            None => {
                self.pairs.push(LegacyPair { name: pair, said: vec![], nodes: vec![] });
                self.pairs.len() - 1
            }
        };
        let pair = &mut self.pairs[at];
        let all = match node {
            None => &mut pair.said,
            Some(name) => {
                let at = match pair.nodes.iter().position(|known| known.name.text == name.text) {
                    Some(at) => at,
                    None => {
                        pair.nodes.push(LegacyNode { name, said: vec![] });
                        pair.nodes.len() - 1
                    }
                };
                &mut pair.nodes[at].said
            }
        };
        if let Some(first) = all.iter().find(|known| known.name.text == said.name.text) {
            return Err(twice("setting", &said.name, &first.name));
        }
        all.push(said);
        Ok(())
    }
}

fn table(name: &str) -> Option<(&'static str, &'static [&'static str])> {
    TABLES.into_iter().find(|(table, _)| table.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<String> {
        let said = |of: &str, said: &[Said]| -> Vec<String> {
            said.iter().map(|said| format!("{of} {}={}", said.name.text, said.value.text)).collect()
        };
        let mut rows = vec![];
        for pair in read(text).unwrap() {
            rows.extend(said(&pair.name.text, &pair.said));
            for node in &pair.nodes {
                rows.extend(said(&format!("{}/{}", pair.name.text, node.name.text), &node.said));
            }
        }
        rows
    }

    #[test]
    fn rows_are_found_however_they_were_dumped() {
        let dump = "-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `node`;\nCREATE TABLE `node` (\n  \
                    `value` blob NOT NULL -- ; '\n);\nLOCK TABLES `masterpair` WRITE;\n\
                    INSERT INTO `masterpair` VALUES ('o','a',_binary 'it''s \\'x\\'\\n'),('o','b',0x31302e30);\n\
                    UNLOCK TABLES; # done\ninsert ignore into meta.node (node, masterpair, value, name)\n  values (\"n\", 'o', 3306, 'p');\n\
                    REPLACE masterpair VALUE ('q','a',X'6162')\n";
        assert_eq!(rows(dump), ["o a=it's 'x'\n", "o b=10.0", "o/n p=3306", "q a=ab"]);
        assert_eq!(rows("INSERT INTO other VALUES (1, now());UPDATE other SET a=1;"), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_understood_is_pointed_at() {
        for (text, at, why) in [
            ("INSERT INTO node VALUES ('a','b','c');", 36, "has 4"),
            ("INSERT INTO masterpair VALUES ('a','b','c','d');", 42, "has 3 values"),
            ("INSERT INTO masterpair VALUES ('a','b',NULL);", 39, "no value"),
            ("INSERT INTO masterpair VALUES ('a','b',now());", 39, "no value"),
            ("INSERT INTO masterpair SET name='a';", 23, "VALUES"),
            ("INSERT INTO masterpair SELECT 1;", 23, "VALUES"),
            ("INSERT INTO masterpair VALUES ('a','b','c') ON DUPLICATE KEY UPDATE name='a';", 44, "`,` or `;`"),
            ("INSERT INTO masterpair (name, pair) VALUES ('a','b');", 30, "no column"),
            ("INSERT INTO masterpair (name, value) VALUES ('a','b');", 37, "not every column"),
            ("INSERT INTO masterpair VALUES ('a','b','c'),('a','b','d');", 50, "twice"),
            ("UPDATE node SET value='x';", 0, "changes rows"),
            ("DELIMITER ;;\n", 0, "programs"),
            ("INSERT INTO masterpair VALUES ('a','b','c", 39, "not closed"),
            ("/* never closed", 0, "not closed"),
            ("INSERT INTO masterpair VALUES ('a','b',0xzz);", 39, "hexadecimal"),
            ("INSERT INTO masterpair VALUES ('a','b',0xff);", 39, "UTF-8"),
        ] {
            let mistake = read(text).unwrap_err();
            assert!(mistake.to_string().contains(why), "{text:?}: {mistake}");
            assert_eq!(mistake.offset(), at, "{text:?}: {mistake}");
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        let dump =
            "INSERT INTO `node` (masterpair,node,name,value) VALUES ('a',\"b\",'c',_binary 'ü'),(0x61,'b','d',3); -- x";
        for (at, c) in dump.char_indices() {
            for piece in ["", "'", "\"", "`", "\\", "/*", "0x", "(", ";", "\n", "--"] {
                let _ = read(&format!("{}{piece}{}", &dump[..at], &dump[at + c.len_utf8()..]));
            }
            let _ = read(&dump[..at]);
        }
    }
}
