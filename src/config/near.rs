//! "Did you mean …?"

/// The candidate that a mistyped word most likely stands for, if one is near enough.
#[must_use]
pub fn nearest<'c>(given: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // the cost grows with the square; nobody mistypes a word of this length
    if given.len() > 100 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (distance(&given.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many characters have to be put in, left out or replaced to make one word of the other (Levenshtein).
pub(super) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, l) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, r) in row.iter_mut().skip(1).zip(&right) {
            let above = *cell;
            *cell = (diagonal + usize::from(l != *r)).min(above + 1).min(before + 1);
            diagonal = above;
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("port", "prot", 2), ("ä", "a", 1)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(nearest("interfaec", ["host", "interface"]), Some("interface"));
        assert_eq!(nearest("prot", ["host", "port"]), Some("port"));
        assert_eq!(nearest("readonly", ["ReadWrite", "ReadOnly"]), Some("ReadOnly"));
        assert_eq!(nearest("colour", ["host", "port"]), None);
    }
}
