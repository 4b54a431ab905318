//! The authority that vouches for a server's certificate.

use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use super::Tls;
use super::read::{self, Refused};

/// Why a file cannot be the authority.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
#[error("{}, which `tls.ca_file` names, {why}", crate::model::printable(&.path.display().to_string()))]
#[diagnostic(
    code(flipper::config::authority),
    help("name the file with the certificate of the authority that has signed the servers' own, in PEM or DER")
)]
pub struct AuthorityError {
    /// The file.
    path: PathBuf,
    /// `cannot be read: ...`
    why: String,
}

impl Tls {
    /// Sees that the file of the authority can be read and looks like a certificate: a driver would say later, of a
    /// connection, that there is no such file, and not which.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), AuthorityError> {
        let failed = |why: String| AuthorityError { path: self.ca_file.clone(), why };
        let bytes = read::anybodys(&self.ca_file).map_err(|refused| match refused {
            Refused::Io(why) => failed(format!("cannot be read: {why}")),
            Refused::NotAFile | Refused::Mode(_) | Refused::Owner(_) => failed("is no plain file".to_owned()),
        })?;
        let pem = b"-----BEGIN CERTIFICATE-----";
        // DER begins with the tag of a sequence
        match bytes.windows(pem.len()).any(|window| window == pem) || bytes.first() == Some(&0x30) {
            true => Ok(()),
            false => Err(failed("holds no certificate".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "its subject is files")]
    fn a_file_that_is_no_authority_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let said = |name: &str, bytes: Option<&[u8]>| {
            let ca_file = dir.path().join(name);
            if let Some(bytes) = bytes {
                std::fs::write(&ca_file, bytes).unwrap();
            }
            Tls { ca_file, name: None }.check().map_err(|why| why.to_string())
        };
        assert_eq!(said("pem", Some(b"# ours\n-----BEGIN CERTIFICATE-----\n")), Ok(()));
        assert_eq!(said("der", Some(b"\x30\x82")), Ok(()));
        for (name, bytes, why) in [
            ("gone", None, "gone, which `tls.ca_file` names, cannot be read: No such file"),
            ("empty", Some(&b""[..]), "holds no certificate"),
            ("key", Some(b"-----BEGIN PRIVATE KEY-----\n"), "holds no certificate"),
        ] {
            assert!(said(name, bytes).is_err_and(|said| said.contains(why)), "{name}");
        }
    }
}
