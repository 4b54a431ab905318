//! The pair as flipper's config file.

use std::path::PathBuf;

use super::error::{Doing, Result};
use super::net::{READ_ADDRESS, WRITE_ADDRESS};
use super::{Lab, Node};

/// The config's variable parts, each as RON. Tests change what they are about.
pub(crate) struct ConfigText {
    pub(crate) pair: String,
    pub(crate) mysql: String,
    pub(crate) ssh: String,
    /// (name, address with its prefix length, `ReadWrite` or `ReadOnly`)
    pub(crate) roles: Vec<(String, String, String)>,
    /// What stands between the parentheses of `limits: ()`; without it there is no such line.
    pub(crate) limits: Option<String>,
}

impl ConfigText {
    pub(crate) fn role(mut self, name: &str, address: &str, access: &str) -> Self {
        self.roles.push((name.to_owned(), address.to_owned(), access.to_owned()));
        self
    }

    pub(crate) fn limits(mut self, limits: &str) -> Self {
        self.limits = Some(limits.to_owned());
        self
    }

    pub(crate) fn text(&self) -> String {
        let Self { pair, mysql, ssh, roles, limits } = self;
        let nodes =
            Node::BOTH.map(|node| format!("                {:?}: (host: {:?}),\n", node.name(), node.host().address()));
        let roles: String = roles
            .iter()
            .map(|(name, address, access)| {
                format!("                {name:?}: (address: {address:?}, access: {access}),\n")
            })
            .collect();
        let limits = limits.as_ref().map(|limits| format!("            limits: ({limits}),\n")).unwrap_or_default();
        format!(
            "#![enable(implicit_some)]\n(\n    defaults: (\n        interface: \"eth0\",\n        \
             mysql: ({mysql}),\n        ssh: ({ssh}),\n    ),\n    pairs: {{\n        {pair:?}: (\n            \
             nodes: {{\n{}            }},\n            roles: {{\n{roles}            }},\n{limits}        ),\n    }},\n)\n",
            nodes.concat(),
        )
    }
}

impl Lab {
    /// The config of the pair as it stands, to be changed or written.
    pub(crate) fn config(&self) -> ConfigText {
        ConfigText {
            pair: "lab".to_owned(),
            mysql: "user: \"flipper\", password_env: \"FLIPPER_PASSWORD\", port: 3306".to_owned(),
            ssh: format!("user: \"root\", sudo: false, config_file: {:?}", self.ssh_config().display().to_string(),),
            roles: Vec::new(),
            limits: None,
        }
        .role("write", &format!("{WRITE_ADDRESS}/32"), "ReadWrite")
        .role("read", &format!("{READ_ADDRESS}/32"), "ReadOnly")
    }

    pub(crate) fn config_text(&self) -> String {
        self.config().text()
    }

    /// Where [`Lab::operator`] lets flipper look for it.
    pub(crate) fn config_path(&self) -> PathBuf {
        self.dir().join("flipper.ron")
    }

    /// Writes the plain config; [`Lab::write_config_text`] takes another.
    pub(crate) fn write_config(&self) -> Result<PathBuf> {
        self.write_config_text(&self.config_text())
    }

    pub(crate) fn write_config_text(&self, text: &str) -> Result<PathBuf> {
        let path = self.config_path();
        std::fs::write(&path, text).doing(|| format!("writing {}", path.display()))?;
        Ok(path)
    }
}
