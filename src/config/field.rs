//! A setting as one level gives it: absent, wrong, or a value with its place.

use super::tree::Span;

/// A setting on one level.
#[derive(Debug, Clone, Default)]
pub(super) enum Field<T> {
    /// Not given.
    #[default]
    Absent,
    /// Given, and wrong; the mistake is noted already, so nobody should complain that it is missing.
    Bad,
    /// Given, with its place.
    Good(T, Span),
}

impl<T: Clone> Field<T> {
    /// This level's value, or else the one of the level above.
    pub(super) fn or(&self, above: &Self) -> Self {
        match self {
            Self::Absent => above.clone(),
            Self::Bad | Self::Good(..) => self.clone(),
        }
    }

    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Self::Good(value, _) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }

    pub(super) fn span(&self) -> Option<Span> {
        match self {
            Self::Good(_, span) => Some(span.clone()),
            Self::Absent | Self::Bad => None,
        }
    }
}
