//! Lines of a given width, and tables, counted in characters.

/// Breaks a text between words into lines of at most `width`; a word that is longer is broken where it must be.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![];
    let (mut line, mut length) = (String::new(), 0);
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        if length > 0 && length + 1 + rest.len() > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        while rest.len() > width {
            let tail = rest.split_off(width);
            lines.push(rest.into_iter().collect());
            rest = tail;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        length += rest.len();
        line.extend(rest);
    }
    if length > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A wrapped text whose first line starts with `first`, and whose other lines are indented as far.
pub(super) fn hang(first: &str, text: &str, width: usize) -> String {
    let indent = first.chars().count();
    let blank = " ".repeat(indent);
    let lines = wrap(text, width.saturating_sub(indent));
    let line = |(at, line): (usize, &String)| format!("{}{line}", if at == 0 { first } else { &blank });
    lines.iter().enumerate().map(line).map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Rows under a first one of headings, two spaces between columns, each line at most `width` long. When the cells
/// are too long for that, the widest columns are wrapped.
pub(super) fn table(rows: &[Vec<String>], width: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let natural =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell: &String| cell.chars().count()).max();
    let mut widths: Vec<usize> = (0..columns).map(|column| natural(column).unwrap_or(0)).collect();
    let gaps = 2 * columns.saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 1 => *widest -= 1,
            _ => break,
        }
    }
    let mut out = String::new();
    for row in rows {
        let cells: Vec<Vec<String>> = row.iter().zip(&widths).map(|(cell, width)| wrap(cell, *width)).collect();
        for at in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let mut line = String::new();
            for (cell, width) in cells.iter().zip(&widths) {
                let text = cell.get(at).map_or("", String::as_str);
                line.push_str(text);
                line.push_str(&" ".repeat(width.saturating_sub(text.chars().count()) + 2));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// `one`, `one and two`, `one, two and three`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("an ABCDEFGHIJ x", 4), ["an", "ABCD", "EFGH", "IJ x"]);
        assert_eq!(wrap("ABCD", 4), ["ABCD"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("äöü äöü", 3), ["äöü", "äöü"]);
    }

    #[test]
    fn no_line_is_wider_and_no_character_is_lost() {
        let text = "the quick brown fox jumps over a-very-long-word-without-any-space-in-it at last";
        for width in 1..90 {
            let lines = wrap(text, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:?}");
            let bare = |s: &str| s.replace(' ', "");
            assert_eq!(bare(&lines.concat()), bare(text));
        }
        assert_eq!(hang("1. ", "one two", 7), "1. one\n   two\n");
    }

    #[test]
    fn tables_give_way_where_they_are_widest() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["ROLE", "ADDRESS", "NOW"]), row(["write", "10.0.0.100/32", "db1"])];
        assert_eq!(table(&rows, 80), "ROLE   ADDRESS        NOW\nwrite  10.0.0.100/32  db1\n");
        assert_eq!(table(&rows, 20), "ROLE   ADDRESS   NOW\nwrite  10.0.0.1  db1\n       00/32\n");
        assert_eq!(table(&[], 20), "");
    }

    #[test]
    fn lists_read_like_a_sentence() {
        let list = |items: &[&str]| super::list(&items.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            [list(&[]), list(&["a"]), list(&["a", "b"]), list(&["a", "b", "c"])],
            ["", "a", "a and b", "a, b and c"]
        );
    }
}
