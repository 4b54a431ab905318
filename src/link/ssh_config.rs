//! The ssh configuration that flipper gives to `ssh`: a few lines of ours, which win because they come first, and the
//! operator's own.

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::ssh_error::{SshError, SshErrorKind};
use super::target::SshTarget;

/// What the driver cannot pass as options. `RemoteCommand` of an operator's host entry would take the place of ours.
const OURS: &str = "\
ServerAliveCountMax 2
ForwardAgent no
ForwardX11 no
ClearAllForwardings yes
PermitLocalCommand no
RemoteCommand none
RequestTTY no
LogLevel INFO
";

/// Writes the file; `ssh` reads it while it connects, and it is removed with the value.
pub(super) fn write(target: &SshTarget, directory: &Path) -> Result<NamedTempFile, SshError> {
    let text = text(&included(target))?;
    let written = tempfile::Builder::new().prefix("config").tempfile_in(directory).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        Ok(file)
    });
    written.map_err(|why| {
        SshError::new(SshErrorKind::Other, format!("no ssh configuration in {}: {why}", directory.display()))
    })
}

/// The files that `ssh` would read by itself, were it not given ours.
#[expect(clippy::disallowed_methods, reason = "link is the edge to ssh, which reads these files")]
fn included(target: &SshTarget) -> Vec<PathBuf> {
    match &target.config_file {
        Some(file) => vec![file.clone()],
        None => {
            let own = std::env::home_dir().map(|home| home.join(".ssh/config"));
            own.into_iter().chain([PathBuf::from("/etc/ssh/ssh_config")]).filter(|file| file.is_file()).collect()
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "link is the edge to ssh, which would pass over a missing file")]
fn text(included: &[PathBuf]) -> Result<String, SshError> {
    let mut text = OURS.to_owned();
    for file in included {
        let bad = |why: String| SshError::new(SshErrorKind::Other, format!("{}: {why}", file.display()));
        // `Include` looks for a relative name under ~/.ssh, and passes over a file that is not there
        let path = std::path::absolute(file).map_err(|why| bad(why.to_string()))?;
        std::fs::File::open(&path).map_err(|why| bad(format!("the ssh configuration cannot be read: {why}")))?;
        let name = path.to_str().ok_or_else(|| bad("is not text".to_owned()))?;
        // these have a meaning there, and no way to be taken literally that all versions share
        if name.contains(|c: char| c.is_control() || "\"\\*?[]$%".contains(c)) {
            return Err(bad("an ssh configuration file cannot have such a name".to_owned()));
        }
        text.push_str(&format!("Match all\nInclude \"{name}\"\n"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_come_first_and_the_operators_are_included() {
        let file = NamedTempFile::new().unwrap();
        let text = text(&[file.path().to_owned()]).unwrap();
        assert!(text.starts_with(OURS));
        assert!(text.ends_with(&format!("Include \"{}\"\n", file.path().display())), "{text}");
    }

    #[test]
    fn a_missing_file_is_not_passed_over() {
        let error = text(&["/no/such/config".into()]).unwrap_err();
        assert!(error.to_string().contains("/no/such/config"), "{error}");
    }
}
