//! The machines: addresses, files, other programs.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::thread;

use crate::lab::error::{Doing, LabError, Result};
use crate::lab::machine::FLOATING;
use crate::lab::net::{self, READ_ADDRESS, WRITE_ADDRESS};
use crate::lab::{Host, Node};
use crate::site::{Site, config_text};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("an address on both nodes", on_both)];

/// What no server has a part in.
pub(crate) const ONCE: &[Case] = &[
    ("an address in a file of the system", in_a_file),
    ("another manager of addresses", manager),
    ("another service at a floating address", listener),
    ("ssh leads to one node, MySQL to the other", crossed),
];

fn ip(site: &Site<'_>, host: Host, verb: &str, address: &str) -> Outcome {
    let address = format!("{address}/32");
    let output = site.lab.on(host, &["ip", "addr", verb, &address, "dev", "eth0"])?;
    match output.status.success() {
        true => Ok(()),
        false => Err(LabError::new(format!("ip addr {verb} {address}"), String::from_utf8_lossy(&output.stderr))),
    }
}

fn on_both(site: &Site<'_>) -> Outcome {
    ip(site, Host::Db2, "add", WRITE_ADDRESS)?;
    let said = site.check();
    ip(site, Host::Db2, "del", WRITE_ADDRESS)?;
    said.names("address-on-both", "stop", "write (10.77.0.100/32)").blames_only(&["address-on-both"]);
    ip(site, Host::Db2, "del", READ_ADDRESS)?;
    let said = site.check();
    ip(site, Host::Db2, "add", READ_ADDRESS)?;
    said.names("address-nowhere", "stop", "read").blames_only(&["address-nowhere"]);
    Ok(())
}

fn in_a_file(site: &Site<'_>) -> Outcome {
    // one that only begins like the address, and one behind it in the same line
    let text = "iface eth0 inet static\n# not 10.77.0.10, not 110.77.0.100\n    address 10.77.0.100/32\n";
    site.lab.network_file(Node::Db2, Some(text))?;
    let said = site.check();
    let (code, plan) = site.plan(&[]);
    site.lab.network_file(Node::Db2, None)?;
    let place = format!("{FLOATING}:3");
    said.names("address-at-boot", "override", &place).names("address-at-boot", "override", "db2: ");
    said.blames_only(&["address-at-boot"]);
    assert!(!said.is_said_of("address-at-boot", "db1"), "only one node has that file");
    assert!(code == Some(0) && plan.contains("address-at-boot"), "{plan}");
    Ok(())
}

/// A program that ends with the case.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn manager(site: &Site<'_>) -> Outcome {
    let program = site.lab.dir().join("keepalived");
    fs::copy("/bin/sleep", &program).doing(|| "copying a program".to_owned())?;
    let mut command = net::inside(site.lab.id(), Host::Db1);
    let child = command.arg(&program).arg("60").stdin(Stdio::null()).spawn();
    let running = Program(child.doing(|| "starting a program".to_owned())?);
    // until `ip` has become the program
    let said = site.wait_named("other-manager", "override");
    drop(running);
    said.names("other-manager", "override", "db1: keepalived runs there").blames_only(&["other-manager"]);
    assert!(!said.is_said_of("other-manager", "db2"), "it runs in the network of one node only");
    Ok(())
}

fn listener(site: &Site<'_>) -> Outcome {
    let namespace = net::open_namespace(site.lab.id(), Host::Db1)?;
    let bound = thread::spawn(move || -> Result<TcpListener> {
        net::step_into(&namespace)?;
        TcpListener::bind((WRITE_ADDRESS, 8080)).doing(|| "listening".to_owned())
    });
    let bound = bound.join().expect("a thread that listens")?;
    let said = site.check();
    drop(bound);
    said.names("shared-address", "warn", "10.77.0.100:8080").blames_only(&[]);
    Ok(())
}

fn crossed(site: &Site<'_>) -> Outcome {
    let mut text = config_text(site.lab);
    for node in Node::BOTH {
        let (own, other) = (node.host().address(), node.other().host().address());
        let there = format!("{:?}: (host: {own:?}", node.name());
        text = text.replace(&there, &format!("{there}, ssh: (host: {other:?})"));
    }
    let file = site.file("crossed.ron", &text)?;
    let said = site.check_with(&["--config", &file]);
    for node in Node::BOTH {
        said.names("wrong-machine", "stop", &format!("{}: the machine reached by ssh is not the one", node.name()));
    }
    Ok(())
}
