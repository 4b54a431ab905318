//! Config files and password files on disk: where they are found, and which are refused.

#![allow(clippy::disallowed_methods, reason = "files and the environment are what these tests are about")]

use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use flipper::config::{LoadError, PasswordSource, Secret, SecretError, load};
use miette::Diagnostic as _;

type Tested = Result<(), Box<dyn Error>>;

const GOOD: &str = r#"(pairs: {"a": (interface: "lan", mysql: (user: "f", password_file: "secret"),
    nodes: {"x": (host: "x"), "y": (host: "y")}, roles: {"w": (address: "192.0.2.1", access: ReadWrite)})})"#;

#[test]
fn what_is_named_is_used_and_nothing_else() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("my.ron");
    fs::write(&path, GOOD)?;
    let named = path.clone();
    let env = move |name: &str| (name == "FLIPPER_CONFIG").then(|| OsString::from(&named));

    let config = load(None, &env)?;
    assert_eq!(config.path, path);
    assert_eq!(config.pairs[0].reach[0].mysql.password, PasswordSource::File(folder.path().join("secret")));
    assert!(load(Some(&path), &|_| None).is_ok());

    let gone = folder.path().join("gone.ron");
    assert!(matches!(load(Some(&gone), &env), Err(LoadError::NotThere { by: "--config", .. })));
    assert!(matches!(load(Some(folder.path()), &env), Err(LoadError::Unreadable { .. })));
    Ok(())
}

#[test]
fn the_user_s_folder_is_searched() -> Tested {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("flipper"))?;
    fs::write(folder.path().join("flipper/flipper.ron"), GOOD)?;
    let named = folder.path().to_owned();
    let config = load(None, &move |name| (name == "XDG_CONFIG_HOME").then(|| OsString::from(&named)))?;
    assert_eq!(config.path, folder.path().join("flipper/flipper.ron"));
    Ok(())
}

#[test]
fn what_anybody_may_change_is_refused() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("my.ron");
    fs::write(&path, GOOD)?;
    fs::set_permissions(&path, Permissions::from_mode(0o666))?;
    assert!(matches!(load(Some(&path), &|_| None), Err(LoadError::WorldWritable { .. })));
    Ok(())
}

#[test]
fn bytes_that_are_no_text_are_shown_with_their_place() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("my.ron");
    fs::write(&path, b"(\n// M\xfcnchen\n)")?;
    let found = load(Some(&path), &|_| None);
    let Err(LoadError::Wrong(errors)) = found else { return Err(format!("{found:?}").into()) };
    assert_eq!(errors.mistakes()[0].offset(), 6);
    Ok(())
}

fn nothing(_: &str) -> Option<OsString> {
    None
}

fn read_file(contents: &[u8], mode: u32) -> Result<Result<Secret, SecretError>, std::io::Error> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), contents)?;
    fs::set_permissions(file.path(), Permissions::from_mode(mode))?;
    Ok(PasswordSource::File(file.path().to_owned()).read(&nothing))
}

#[test]
fn a_secret_does_not_show() {
    let secret = Secret::new("hunter2");
    assert_eq!(format!("{secret:?} {:#?}", Some(&secret)).matches("hunter2").count(), 0);
    assert_eq!(secret.expose(), "hunter2");
}

#[test]
fn from_the_environment() {
    let source = PasswordSource::Env("P".to_owned());
    assert_eq!(source.read(&|name| (name == "P").then(|| "hunter2".into())), Ok(Secret::new("hunter2")));
    assert_eq!(source.read(&nothing), Err(SecretError::Variable { name: "P".to_owned(), empty: false }));
    assert_eq!(
        source.read(&|_| Some(OsString::new())),
        Err(SecretError::Variable { name: "P".to_owned(), empty: true })
    );
    let latin1 = source.read(&|_| Some(OsString::from_vec(vec![0xfc])));
    assert!(matches!(latin1, Err(SecretError::NotUtf8 { .. })), "{latin1:?}");
    assert_eq!(PasswordSource::None.read(&nothing), Ok(Secret::new("")));
}

#[test]
fn from_a_file_of_one_line() -> Tested {
    for (contents, expected) in [("hunter2\n", "hunter2"), (" a b\r\n", " a b"), ("ü", "ü")] {
        assert_eq!(read_file(contents.as_bytes(), 0o600)?, Ok(Secret::new(expected)));
    }
    assert!(read_file(b"a", 0o400)?.is_ok());
    for contents in ["", "\n"] {
        assert!(matches!(read_file(contents.as_bytes(), 0o600)?, Err(SecretError::Absent { .. })));
    }
    assert!(matches!(read_file(b"[client]\npassword=hunter2\n", 0o600)?, Err(SecretError::Lines { .. })));
    assert!(matches!(read_file(b"\xfc", 0o600)?, Err(SecretError::NotUtf8 { .. })));
    Ok(())
}

#[test]
fn a_file_that_others_may_open_is_refused_with_the_way_out() -> Tested {
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o666] {
        let error = read_file(b"hunter2", mode)?.err().ok_or("read")?;
        assert!(matches!(error, SecretError::Mode { .. }), "{error:?}");
        let help = error.help().map(|help| help.to_string()).unwrap_or_default();
        assert!(help.starts_with("chmod 600 /"), "{help}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    Ok(())
}

#[test]
fn what_is_no_file_is_refused_without_waiting() -> Tested {
    let folder = tempfile::tempdir()?;
    for path in [folder.path().to_owned(), PathBuf::from("/dev/null")] {
        let found = PasswordSource::File(path).read(&nothing);
        assert!(matches!(found, Err(SecretError::NotAFile { .. })), "{found:?}");
    }
    let gone = PasswordSource::OptionFile(folder.path().join("gone")).read(&nothing);
    assert!(matches!(gone, Err(SecretError::Unreadable { .. })), "{gone:?}");
    Ok(())
}

#[test]
fn from_an_option_file() -> Tested {
    let file = tempfile::NamedTempFile::new()?;
    let source = PasswordSource::OptionFile(file.path().to_owned());
    fs::write(file.path(), "[client]\nuser=x\npassword = \"hunter # 2\"\n")?;
    assert_eq!(source.read(&nothing), Ok(Secret::new("hunter # 2")));
    fs::write(file.path(), "[mysqld]\n")?;
    assert!(matches!(source.read(&nothing), Err(SecretError::Absent { .. })));
    fs::write(file.path(), "[client]\n!includedir /etc/mysql\n")?;
    assert!(matches!(source.read(&nothing), Err(SecretError::Include { line: 2, .. })));
    fs::set_permissions(file.path(), Permissions::from_mode(0o644))?;
    assert!(matches!(source.read(&nothing), Err(SecretError::Mode { .. })));
    Ok(())
}
