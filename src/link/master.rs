//! The local ssh process that holds a connection: how to know it, and how to end it when it does not answer.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

const HELLO: u32 = 0x0000_0001;
const VERSION: u32 = 4;
const ALIVE_CHECK: u32 = 0x1000_0004;
const ALIVE: u32 = 0x8000_0005;

/// The process id of the master behind a control socket, by the multiplexing protocol (PROTOCOL.mux of OpenSSH):
/// each packet is a length and a list of words.
pub(super) async fn pid(socket: &Path) -> io::Result<u32> {
    let mut stream = UnixStream::connect(socket).await?;
    send(&mut stream, &[HELLO, VERSION]).await?;
    if receive(&mut stream).await?.first() != Some(&HELLO) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    send(&mut stream, &[ALIVE_CHECK, 0]).await?;
    match receive(&mut stream).await?[..] {
        [ALIVE, 0, pid, ..] => Ok(pid),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

async fn send(stream: &mut UnixStream, words: &[u32]) -> io::Result<()> {
    let mut packet = (words.len() as u32 * 4).to_be_bytes().to_vec();
    packet.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    stream.write_all(&packet).await
}

async fn receive(stream: &mut UnixStream) -> io::Result<Vec<u32>> {
    let length = stream.read_u32().await?;
    // the longest that is answered here is far shorter
    if length > 1024 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut packet = vec![0; length as usize];
    stream.read_exact(&mut packet).await?;
    Ok(packet.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word)).collect())
}

/// Ends every `ssh` that was started for connections in this directory and is still there: one whose login took longer
/// than anybody waited for it comes up all the same, and nobody would close it.
#[expect(clippy::disallowed_methods, reason = "local processes of ours, known by their arguments only")]
pub async fn sweep(control_dir: &Path) {
    let wanted = control_dir.as_os_str().as_encoded_bytes();
    let Ok(processes) = std::fs::read_dir("/proc") else { return };
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let arguments = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        if arguments.windows(wanted.len().max(1)).any(|window| window == wanted) {
            kill(pid).await;
        }
    }
}

/// Ends a master that does not answer. Nothing is done when the process is not an `ssh` any more.
#[expect(clippy::disallowed_methods, reason = "a local process of ours, which nothing but a signal ends")]
pub(super) async fn kill(pid: u32) {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    if name.trim() != "ssh" {
        return;
    }
    let killed = tokio::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    // a master that survives this ends by itself when it has been idle
    let _ = timeout(Duration::from_secs(1), killed).await;
}
