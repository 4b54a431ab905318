//! Unknown is a third value.

/// One observed thing: known, or unknown with the reason why it could not be seen.
///
/// There is deliberately no `unwrap_or`: whoever reads a fact decides about the unknown one in plain sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed<T> {
    /// It was seen, and this is what it is.
    Known(T),
    /// It could not be seen; the text says why, fit to be shown to an operator.
    Unknown(String),
}

impl<T> Observed<T> {
    /// The value, where it is known.
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Why it is not known, where it is not.
    #[must_use]
    pub fn why_unknown(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }

    /// Known, and equal to `value`: an unknown one is never equal to anything.
    #[must_use]
    pub fn is(&self, value: &T) -> bool
    where
        T: PartialEq,
    {
        self.known() == Some(value)
    }

    /// The same knowledge about something that follows from the value.
    #[must_use]
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Known(value) => Observed::Known(f(value)),
            Self::Unknown(why) => Observed::Unknown(why),
        }
    }

    /// The same knowledge, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> Observed<&T> {
        match self {
            Self::Known(value) => Observed::Known(value),
            Self::Unknown(why) => Observed::Unknown(why.clone()),
        }
    }
}

impl<T, E: std::fmt::Display> From<Result<T, E>> for Observed<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Known(value),
            Err(why) => Self::Unknown(why.to_string()),
        }
    }
}
