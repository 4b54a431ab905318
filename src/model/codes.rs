//! The shape of the list of checks: what is said of each, in one place.

/// Writes the enum, the list of all, and what is said of each.
macro_rules! codes {
    ($($(#[$doc:meta])+ $variant:ident {
        id: $id:literal, worst: $worst:ident, hazards: $hazards:literal,
        title: $title:literal, matters: $matters:literal $(,)?
    })+) => {
        /// Why a plan is refused, or what a check looks at: an id for scripts and people, and a closed list for tests.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])+ $variant),+ }

        impl Code {
            /// Every code.
            pub const ALL: [Self; [$($id),+].len()] = [$(Self::$variant),+];

            /// The stable id.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id),+ }
            }

            /// How it is where the check finds nothing, in a line: it says what was looked at.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// Why it matters, in a sentence.
            #[must_use]
            pub fn matters(self) -> &'static str {
                match self { $(Self::$variant => $matters),+ }
            }

            /// The worst that its check says of a pair.
            #[must_use]
            pub fn worst(self) -> Severity {
                match self { $(Self::$variant => Severity::$worst),+ }
            }

            /// The hazards that it is about, by their numbers: `H-02, H-18`.
            #[must_use]
            pub fn hazards(self) -> &'static str {
                match self { $(Self::$variant => $hazards),+ }
            }
        }

        impl std::fmt::Display for Code {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.id())
            }
        }
    };
}

pub(super) use codes;
