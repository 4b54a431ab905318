//! Round trips through the gate and without it, in one run.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use flipper::dialect::{self, Deed, Look};
use flipper::link::{Ear, Shell, SshTarget};
use flipper::model::{ArpingKind, System};

use crate::lab::error::LabError;
use crate::lab::{Host, net};
use crate::site::{Account, Site};
use crate::{Outcome, lab};

const TIMES: usize = 200;
const LIMIT: Duration = Duration::from_secs(10);

/// Medians: of the question whether the shell is there, and of a change with nothing to change.
type Medians = [Duration; 2];

pub(crate) fn ratio(site: &Site<'_>) -> Outcome {
    if site.account == Account::Sudo {
        // sudo itself takes longer than all the rest; what the gate adds is the same
        return Ok(());
    }
    let target = |config_file: PathBuf| SshTarget {
        host: Host::Db1.address().parse().expect("an address"),
        port: None,
        user: None,
        sudo: false,
        config_file: Some(config_file),
        ear: Ear::default(),
    };
    let targets = [target(site.lab.ssh_config()), target(site.ssh_config())];
    let (namespace, run) = (net::open_namespace(site.lab.id(), Host::Operator)?, site.lab.dir().join("run"));
    let measured = std::thread::spawn(move || -> lab::error::Result<[Medians; 2]> {
        net::step_into(&namespace)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|why| LabError::new("a runtime", why))?.block_on(measure(targets, run))
    });
    let [plain, gated] = measured.join().map_err(|_| LabError::new("measuring", "it ended badly"))??;
    for (what, (plain, gated)) in ["asked only", "a change"].into_iter().zip(plain.into_iter().zip(gated)) {
        let ratio = gated.as_secs_f64() / plain.as_secs_f64();
        println!("{what}: median of {TIMES} round trips {plain:?} without the gate, {gated:?} through it: {ratio:.2}");
        assert!(ratio < 3.0, "{what}: {plain:?} and {gated:?}");
    }
    Ok(())
}

async fn measure(targets: [SshTarget; 2], run: PathBuf) -> lab::error::Result<[Medians; 2]> {
    let failed = |why: flipper::link::SshError| LabError::new("a round trip", why);
    let control = tempfile::tempdir_in(run).map_err(|why| LabError::new("a folder", why))?;
    let [plain, gated] = targets;
    let mut shells = [
        Shell::open(&plain, control.path(), LIMIT).await.map_err(failed)?,
        Shell::open(&gated, control.path(), LIMIT).await.map_err(failed)?,
    ];
    assert!(!shells[0].is_gated() && shells[1].is_gated());
    let system = System {
        ip: None,
        ss: Some("/usr/bin/ss".to_owned()),
        arping: Some(("/usr/bin/arping".to_owned(), ArpingKind::Iputils)),
        ndptool: None,
        up: vec![],
        promotes_secondaries: false,
        denied: vec![],
    };
    let address = "10.77.0.101/32".parse().expect("an address");
    let (look, deed): ([Look; 1], [Deed; 1]) =
        ([dialect::alive()], [dialect::kill_sockets(&system, false, address, 3306)]);
    let mut times: [[Vec<Duration>; 2]; 2] = Default::default();
    for _ in 0..TIMES {
        // one after the other, so that a noisy machine is noisy for both
        for (shell, times) in shells.iter_mut().zip(&mut times) {
            let begun = Instant::now();
            shell.look(&look, LIMIT).await.map_err(failed)?;
            let between = Instant::now();
            let answers = shell.perform(&deed, LIMIT).await.map_err(failed)?;
            assert_eq!(answers.first().map(|answer| answer.status), Some(0), "{answers:?}");
            times[0].push(between - begun);
            times[1].push(between.elapsed());
        }
    }
    for shell in shells {
        shell.close(LIMIT).await;
    }
    Ok(times.map(|both| {
        both.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2]
        })
    }))
}
