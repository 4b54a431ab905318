//! The effective settings of a pair, for people and for machines. Secrets are not in them, only where they come from.

use std::fmt::Write as _;

use humantime::format_duration;
use serde_json::{Value, json};

use super::{MysqlReach, PairConfig, PasswordSource, SshReach};
use crate::model::{Limits, printable};

impl PairConfig {
    /// The settings after the cascade, as text of several lines, for `flipper config`.
    #[must_use]
    pub fn effective(&self) -> String {
        let mut out = format!("{}\n", self.pair.name);
        for (node, reach) in self.pair.nodes.iter().zip(&self.reach) {
            let MysqlReach { host, port, user, password, tls } = &reach.mysql;
            let tls = tls.as_ref().map_or_else(
                || "off".to_owned(),
                |tls| {
                    let name = tls.name.as_ref().unwrap_or(host);
                    format!("CA {}, name {name}", printable(&tls.ca_file.display().to_string()))
                },
            );
            let mut lines = vec![
                ("host", node.host.to_string()),
                ("interface", node.interface.to_string()),
                ("mysql", format!("{} at {host} port {port}", printable(user))),
                ("password", password.to_string()),
                ("tls", tls),
                ("ssh", ssh(&reach.ssh)),
            ];
            lines.extend(reach.fence.as_ref().map(|argv| ("fence", printable(&argv.join(" ")))));
            section(&mut out, &format!("node {}", node.name), &lines);
        }
        for role in &self.pair.roles {
            let lines = [("address", role.address.to_string()), ("access", role.access.to_string())];
            section(&mut out, &format!("role {}", role.name), &lines);
        }
        let limits = limits(&self.pair.limits).map(|(name, limit)| (name, format_duration(limit).to_string()));
        section(&mut out, "limits", &limits);
        out
    }

    /// The same as JSON. Durations are texts with units, as in the config.
    #[must_use]
    pub fn effective_json(&self) -> Value {
        let nodes: Vec<Value> = self.pair.nodes.iter().zip(&self.reach).map(|(node, reach)| {
            let MysqlReach { host, port, user, password, tls } = &reach.mysql;
            let tls = tls.as_ref().map(|tls| {
                json!({ "ca_file": tls.ca_file.display().to_string(), "name": tls.name.as_ref().map(ToString::to_string) })
            });
            let SshReach { host: ssh_host, port: ssh_port, user: ssh_user, sudo, config_file } = &reach.ssh;
            json!({
                "name": node.name.as_str(),
                "host": node.host.as_str(),
                "interface": node.interface.as_str(),
                "mysql": {
                    "host": host.as_str(), "port": port, "user": user, "password": source(password), "tls": tls,
                },
                "ssh": {
                    "host": ssh_host.as_str(), "port": ssh_port, "user": ssh_user.as_ref().map(ToString::to_string),
                    "sudo": sudo, "config_file": config_file.as_ref().map(|path| path.display().to_string()),
                },
                "fence": reach.fence,
            })
        }).collect();
        let roles: Vec<Value> = self
            .pair
            .roles
            .iter()
            .map(|role| {
                json!({
                    "name": role.name.as_str(),
                    "address": role.address.to_string(),
                    "access": role.access.to_string(),
                })
            })
            .collect();
        let limits: serde_json::Map<String, Value> = limits(&self.pair.limits)
            .into_iter()
            .map(|(name, limit)| (name.to_owned(), Value::String(format_duration(limit).to_string())))
            .collect();
        json!({ "pair": self.pair.name.as_str(), "nodes": nodes, "roles": roles, "limits": limits })
    }
}

fn section(out: &mut String, title: &str, lines: &[(&str, String)]) {
    // writing to a String cannot fail
    let _ = writeln!(out, "  {title}");
    for (name, value) in lines {
        let _ = writeln!(out, "    {name:<13} {value}");
    }
}

fn ssh(reach: &SshReach) -> String {
    let SshReach { host, port, user, sudo, config_file } = reach;
    let mut out = match user {
        Some(user) => format!("{user} at {host}"),
        None => host.to_string(),
    };
    if let Some(port) = port {
        let _ = write!(out, " port {port}");
    }
    out.push_str(if *sudo { ", with sudo" } else { ", no sudo" });
    if let Some(path) = config_file {
        let _ = write!(out, ", configuration {}", printable(&path.display().to_string()));
    }
    out
}

fn source(password: &PasswordSource) -> Value {
    match password {
        PasswordSource::Env(name) => json!({ "env": name }),
        PasswordSource::File(path) => json!({ "file": path.display().to_string() }),
        PasswordSource::OptionFile(path) => json!({ "option_file": path.display().to_string() }),
        PasswordSource::None => Value::Null,
    }
}

fn limits(limits: &Limits) -> [(&'static str, std::time::Duration); 9] {
    let Limits { connect, pre_sync, fence, write_outage, rollback, forward, drain, lag, recovery } = *limits;
    [
        ("connect", connect),
        ("pre_sync", pre_sync),
        ("fence", fence),
        ("write_outage", write_outage),
        ("rollback", rollback),
        ("forward", forward),
        ("drain", drain),
        ("lag", lag),
        ("recovery", recovery),
    ]
}
