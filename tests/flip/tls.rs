//! Servers that flipper reaches by TLS only, with certificates of an authority of one's own.

use std::process::Command;

use rustix::process::Signal;

use crate::bench::Bench;
use crate::lab::run::run;
use crate::lab::{Node, Server, replication};
use crate::{Case, Outcome};

pub(crate) const CASES: &[Case] = &[("by TLS, with whom the authority vouches for", by_tls)];

/// As docs/config.md has it: an authority, another one, and a certificate for each server, with its name and its address.
const MAKE: &str = "set -e; cd \"$0\"
for ca in ca other; do openssl req -x509 -newkey rsa:2048 -nodes -keyout $ca.key -out $ca.pem -days 2 -subj /CN=$ca; done
for node in db1=$1 db2=$2; do
    name=${node%=*}
    openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /CN=$name
    printf 'subjectAltName=IP:%s,DNS:%s.example.net' \"${node#*=}\" $name >$name.ext
    openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $name.ext -out $name.pem
done";

fn by_tls(bench: &Bench<'_>) -> Outcome {
    let lab = bench.lab;
    let dir = lab.dir().join("tls");
    std::fs::create_dir(&dir).expect("the lab's folder");
    let hosts = Node::BOTH.map(|node| node.host().address());
    run(Command::new("sh").args(["-c", MAKE]).arg(&dir).args(hosts))?;
    for node in Node::BOTH {
        let (dir, name) = (dir.display(), node.name());
        let closed = match lab.server() {
            Server::MySql => "super_read_only=ON",
            Server::MariaDb => "read_only=ON",
        };
        let text =
            format!("[mysqld]\n{closed}\nssl_ca={dir}/ca.pem\nssl_cert={dir}/{name}.pem\nssl_key={dir}/{name}.key\n");
        lab.option_file(node, Some(&text))?;
    }
    starts_anew(bench)?;
    require(bench, "SSL")?;
    let with = |tls: &str| {
        let mut config = lab.config();
        config.mysql = format!("{}, tls: ({tls})", config.mysql);
        config.text()
    };
    let named = |file: &str| format!("ca_file: {:?}", dir.join(file).display().to_string());
    let ours = with(&named("ca.pem"));
    // there and back, the look from outside at the floating address included
    for writer in [Node::Db2, Node::Db1] {
        bench.with_config(&ours, &["apply", "lab", "swap", "write", "--yes"]).ends(0).answers("writes were out for");
        bench.serves_from(writer)?;
    }
    let plan = ["plan", "lab", "swap"];
    bench.flipper(&plan).ends(11).says("Access denied").says("an account that requires TLS");
    for (config, why) in [
        (with(&named("other.pem")), "UnknownIssuer"),
        (with(&format!("{}, name: \"db9.example.net\"", named("ca.pem"))), "not valid for name"),
    ] {
        bench.with_config(&config, &plan).ends(11).says(why).says("subjectAltName");
    }
    bench.with_config(&with(&named("gone.pem")), &plan).ends(3).says("gone.pem");
    require(bench, "NONE")?;
    for node in Node::BOTH {
        lab.option_file(node, None)?;
    }
    starts_anew(bench)
}

/// Both servers, with what their option files say now; the first is the writer again.
fn starts_anew(bench: &Bench<'_>) -> Outcome {
    let lab = bench.lab;
    for node in Node::BOTH {
        // an orderly stop of MySQL's takes ten seconds
        lab.stop_server(node, Signal::KILL)?;
        lab.start_server(node)?;
    }
    lab.admin(Node::Db1).exec("SET GLOBAL read_only=OFF")?;
    for node in Node::BOTH {
        replication::wait_running(&lab.admin(node), node)?;
    }
    Ok(())
}

fn require(bench: &Bench<'_>, what: &str) -> Outcome {
    for node in Node::BOTH {
        let admin = bench.lab.admin(node);
        let closed = admin.value("SELECT @@GLOBAL.read_only")? == "1";
        let [open, close] = match bench.server() {
            Server::MySql if closed => ["SET GLOBAL super_read_only=OFF", "SET GLOBAL super_read_only=ON"],
            _ => ["DO 0", "DO 0"],
        };
        let alter = format!("ALTER USER 'flipper'@'10.77.0.%' REQUIRE {what}");
        admin.exec_all(&[open, "SET SESSION sql_log_bin=0", &alter, close])?;
    }
    Ok(())
}
