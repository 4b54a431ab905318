//! How the nouns of the model become RON and come back.
//!
//! The model knows nothing of serde: a file format must not change because a type was renamed. Each noun that is
//! stored has a mirror type of the same name, written by `mirror!`. Both
//! directions name every field and variant, so that a new one does not compile until somebody decides about it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model;
use crate::model::{Observed, printable};

/// A type with serde for one without.
pub(super) trait Mirror: Sized {
    /// The noun of the model.
    type Of;
    /// Its picture.
    fn of(value: &Self::Of) -> Self;
    /// Back again. What could be wrong was refused when the picture was read.
    fn back(self) -> Self::Of;
}

/// Writes a mirror type (struct, enum of units, or enum of structs) with serde and both directions.
macro_rules! mirror {
    ($(#[$attr:meta])* struct $name:ident { $($(#[$field_attr:meta])* $field:ident: $ty:ty),* $(,)? }) => {
        #[derive(::serde::Serialize, ::serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $(#[$attr])*
        pub(super) struct $name { $($(#[$field_attr])* pub(super) $field: $ty),* }

        impl $crate::planfile::mirror::Mirror for $name {
            type Of = $crate::model::$name;
            fn of(value: &Self::Of) -> Self {
                let $crate::model::$name { $($field),* } = value;
                Self { $($field: $crate::planfile::mirror::Mirror::of($field)),* }
            }
            fn back(self) -> Self::Of {
                let Self { $($field),* } = self;
                $crate::model::$name { $($field: $field.back()),* }
            }
        }
    };
    (words $name:ident { $($variant:ident),* $(,)? }) => {
        #[derive(::serde::Serialize, ::serde::Deserialize)]
        pub(super) enum $name { $($variant),* }

        impl $crate::planfile::mirror::Mirror for $name {
            type Of = $crate::model::$name;
            fn of(value: &Self::Of) -> Self {
                match value { $($crate::model::$name::$variant => Self::$variant),* }
            }
            fn back(self) -> Self::Of {
                match self { $(Self::$variant => $crate::model::$name::$variant),* }
            }
        }
    };
    (enum $name:ident { $($variant:ident { $($field:ident: $ty:ty),* $(,)? }),* $(,)? }) => {
        #[derive(::serde::Serialize, ::serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) enum $name { $($variant { $($field: $ty),* }),* }

        impl $crate::planfile::mirror::Mirror for $name {
            type Of = $crate::model::$name;
            fn of(value: &Self::Of) -> Self {
                match value {
                    $($crate::model::$name::$variant { $($field),* } => Self::$variant {
                        $($field: $crate::planfile::mirror::Mirror::of($field)),*
                    }),*
                }
            }
            fn back(self) -> Self::Of {
                match self {
                    $(Self::$variant { $($field),* } => $crate::model::$name::$variant {
                        $($field: $field.back()),*
                    }),*
                }
            }
        }
    };
}
pub(super) use mirror;

/// What is the same on both sides.
macro_rules! itself {
    ($($ty:ty),*) => { $(
        impl Mirror for $ty {
            type Of = Self;
            fn of(value: &Self) -> Self {
                value.clone()
            }
            fn back(self) -> Self {
                self
            }
        }
    )* };
}
itself!(bool, u16, u32, u64, i64, String);

impl<T: Mirror> Mirror for Vec<T> {
    type Of = Vec<T::Of>;
    fn of(value: &Self::Of) -> Self {
        value.iter().map(T::of).collect()
    }
    fn back(self) -> Self::Of {
        self.into_iter().map(T::back).collect()
    }
}

impl<T: Mirror> Mirror for Option<T> {
    type Of = Option<T::Of>;
    fn of(value: &Self::Of) -> Self {
        value.as_ref().map(T::of)
    }
    fn back(self) -> Self::Of {
        self.map(T::back)
    }
}

impl<A: Mirror, B: Mirror> Mirror for (A, B) {
    type Of = (A::Of, B::Of);
    fn of((a, b): &Self::Of) -> Self {
        (A::of(a), B::of(b))
    }
    fn back(self) -> Self::Of {
        (self.0.back(), self.1.back())
    }
}

impl<A: Mirror, B: Mirror, C: Mirror> Mirror for (A, B, C) {
    type Of = (A::Of, B::Of, C::Of);
    fn of((a, b, c): &Self::Of) -> Self {
        (A::of(a), B::of(b), C::of(c))
    }
    fn back(self) -> Self::Of {
        (self.0.back(), self.1.back(), self.2.back())
    }
}

impl<K: Mirror + Ord, V: Mirror> Mirror for BTreeMap<K, V>
where
    K::Of: Ord,
{
    type Of = BTreeMap<K::Of, V::Of>;
    fn of(value: &Self::Of) -> Self {
        value.iter().map(|(k, v)| (K::of(k), V::of(v))).collect()
    }
    fn back(self) -> Self::Of {
        self.into_iter().map(|(k, v)| (k.back(), v.back())).collect()
    }
}

/// Something that is written as a text and read by its own rules (names, addresses): a bad one does not come in.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<T>(T);

impl<T: Clone> Mirror for Text<T> {
    type Of = T;
    fn of(value: &T) -> Self {
        Self(value.clone())
    }
    fn back(self) -> T {
        self.0
    }
}

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Exactly two, written as a list.
pub(super) struct Both<T>([T; 2]);

impl<T: Mirror> Mirror for Both<T> {
    type Of = [T::Of; 2];
    fn of([first, second]: &Self::Of) -> Self {
        Self([T::of(first), T::of(second)])
    }
    fn back(self) -> Self::Of {
        self.0.map(T::back)
    }
}

impl<T: Serialize> Serialize for Both<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Both<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::deserialize(deserializer)?;
        let found = list.len();
        let both = list.try_into().map_err(|_| D::Error::custom(format!("a pair has two nodes, not {found}")))?;
        Ok(Self(both))
    }
}

/// A mirror that is one string, with what it takes to read it.
macro_rules! string_mirror {
    ($name:ident, |$value:ident| $write:expr, |$text:ident| $read:expr) => {
        pub(super) struct $name(crate::model::$name);

        impl Mirror for $name {
            type Of = crate::model::$name;
            fn of(value: &Self::Of) -> Self {
                Self(value.clone())
            }
            fn back(self) -> Self::Of {
                self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = &self.0;
                serializer.collect_str(&$write)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let $text = String::deserialize(deserializer)?;
                $read.map(Self).map_err(D::Error::custom)
            }
        }
    };
}

string_mirror!(StepId, |id| id, |text| Ok::<_, &str>(model::StepId(text)));
string_mirror!(Rule, |rule| rule.id(), |text| {
    model::Rule::ALL
        .into_iter()
        .find(|rule| rule.id() == text)
        .ok_or_else(|| format!("`{}` is not a rule that this flipper knows", printable(&text)))
});
string_mirror!(Code, |code| code.id(), |text| {
    model::Code::ALL
        .into_iter()
        .find(|code| code.id() == text)
        .ok_or_else(|| format!("`{}` is not a check that this flipper knows", printable(&text)))
});
string_mirror!(Version, |version| version, |text| {
    read_version(&text).ok_or("a version is three numbers with dots between them: \"8.4.3\"")
});

string_mirror!(Prefixed, |address| address, |text| {
    read_address(&text).ok_or("an address has its prefix length behind it: \"10.0.0.11/24\"")
});

/// As found on an interface: what cannot be a floating address (loopback, link-local) is there too.
fn read_address(text: &str) -> Option<model::Prefixed> {
    let (ip, prefix) = text.split_once('/')?;
    let (ip, prefix) = (ip.parse::<std::net::IpAddr>().ok()?, prefix.parse().ok()?);
    (prefix <= model::Prefixed::host(ip).prefix).then_some(model::Prefixed { ip, prefix })
}

fn read_version(text: &str) -> Option<model::Version> {
    let mut parts = text.split('.').map(str::parse::<u16>);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Some(model::Version(major, minor, patch)),
        _ => None,
    }
}

/// [`Observed`], spelled out: unknown is a third value in a file too.
#[derive(Serialize, Deserialize)]
pub(super) enum Fact<T> {
    Known(T),
    Unknown(String),
}

impl<T: Mirror> Mirror for Fact<T> {
    type Of = Observed<T::Of>;
    fn of(value: &Self::Of) -> Self {
        match value {
            Observed::Known(value) => Self::Known(T::of(value)),
            Observed::Unknown(why) => Self::Unknown(why.clone()),
        }
    }
    fn back(self) -> Self::Of {
        match self {
            Self::Known(value) => Observed::Known(value.back()),
            Self::Unknown(why) => Observed::Unknown(why),
        }
    }
}

// words that plans and snapshots share
mirror!(words Access { ReadWrite, ReadOnly });
mirror!(words Fencing { SuperReadOnly, NoLockNoAdmin, ReadLock });
mirror!(words Flavour { MySql, MariaDb });
mirror!(words Isolation { Shell, Hook, Hand });
mirror!(words WriteAccess { Open, Guarded, Fenced, Changing, Unseen });
mirror!(
    struct Held {
        address: Text<model::Prefixed>,
        interface: Text<model::Interface>,
        secondary: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unusable: bool,
    }
);
