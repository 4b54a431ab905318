//! The config file as it is written: what serde reads. Nothing is required here and names are plain text, so that
//! every mistake of meaning is found and shown with its place (`build`), rather than the first one only.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// A goal file.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Goal(pub(super) Entries<Option<String>>);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename = "Config")]
pub(super) struct Config {
    pub(super) defaults: Option<Defaults>,
    pub(super) pairs: Option<Entries<Pair>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Defaults {
    pub(super) interface: Option<String>,
    pub(super) mysql: Option<Mysql>,
    pub(super) ssh: Option<Ssh>,
    pub(super) limits: Option<Limits>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Pair {
    pub(super) interface: Option<String>,
    pub(super) mysql: Option<Mysql>,
    pub(super) ssh: Option<Ssh>,
    pub(super) limits: Option<Limits>,
    pub(super) nodes: Option<Entries<Node>>,
    pub(super) roles: Option<Entries<Role>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Node {
    pub(super) host: Option<String>,
    pub(super) interface: Option<String>,
    pub(super) mysql: Option<Mysql>,
    pub(super) ssh: Option<Ssh>,
    pub(super) fence: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Role {
    pub(super) address: Option<String>,
    pub(super) access: Option<Access>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mysql {
    pub(super) host: Option<String>,
    /// Wider than a port, so that 70000 is a mistake with a place and a help like any other.
    pub(super) port: Option<i64>,
    pub(super) user: Option<String>,
    pub(super) password_env: Option<String>,
    pub(super) password_file: Option<String>,
    pub(super) option_file: Option<String>,
    /// Never read, only refused: see `Reader::password`.
    pub(super) password: Option<IgnoredAny>,
    pub(super) tls: Option<Tls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tls {
    pub(super) ca_file: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ssh {
    pub(super) host: Option<String>,
    pub(super) port: Option<i64>,
    pub(super) user: Option<String>,
    pub(super) sudo: Option<bool>,
    pub(super) config_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) connect: Option<String>,
    pub(super) pre_sync: Option<String>,
    pub(super) fence: Option<String>,
    pub(super) write_outage: Option<String>,
    pub(super) rollback: Option<String>,
    pub(super) forward: Option<String>,
    pub(super) drain: Option<String>,
    pub(super) lag: Option<String>,
    pub(super) recovery: Option<String>,
}

/// A map as it stands in the file: in its order, and with keys that come twice, which serde's own maps would drop.
#[derive(Debug)]
pub(super) struct Entries<T>(pub(super) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map in { } with quoted names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(InOrder(PhantomData))
    }
}
