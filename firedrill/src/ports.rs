//! The addresses of a stack: the standard ports, or free ones, and who holds a port that is taken.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use crate::failure::Failure;

/// Every listener of our own processes, with its standard port. The names are keys of `urls` in `run.json`.
pub const STANDARD: [(&str, u16); 11] = [
    ("user-service", 5001),
    ("product-service", 5002),
    ("order-service", 5003),
    ("otlp_grpc", 4317),
    ("otlp_http", 4318),
    ("prometheus", 9090),
    ("loki", 3100),
    ("jaeger", 16686),
    ("alertmanager", 9093),
    ("console", 8080),
    ("loadgen", 5004),
];

/// Listeners that people have no need to know by a number: they get a free port, and `run.json` says which.
pub const FOUND: [&str; 2] = ["control", "network"];

/// Which ports a stack takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Ports {
    /// The documented ones; a taken one ends the start.
    Standard,
    /// Whatever is free; `run.json` says which.
    Auto,
}

impl Ports {
    /// The loopback address to bind for a listener; port 0 lets the system choose.
    pub fn address(self, listener: &str) -> SocketAddr {
        let port = match self {
            Self::Auto => 0,
            Self::Standard => {
                let known = STANDARD.iter().chain(&crate::native::LISTENERS);
                known.into_iter().find(|(name, _)| *name == listener).map_or(0, |(_, port)| *port)
            }
        };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// Fails, naming the first taken port and its holder, before anything is started.
    pub fn check(self, listeners: &[&str]) -> Result<(), Failure> {
        if self == Self::Auto {
            return Ok(());
        }
        for listener in listeners {
            let address = self.address(listener);
            if let Err(error) = TcpListener::bind(address) {
                return Err(taken(listener, address, &error));
            }
        }
        Ok(())
    }
}

/// Where ports are chosen from for programs that bind them later. Below what systems give to connections that go out: there
/// such a port could be gone before its program is there, and with many stacks on one machine often is.
const CHOSEN_FROM: std::ops::Range<u16> = 15_000..32_000;

/// Loopback addresses that nobody listens on, by chance, so that two who choose at the same time choose differently.
///
/// # Errors
/// There are not so many.
pub fn free(count: usize) -> Result<Vec<SocketAddr>, Failure> {
    let mut held = Vec::new();
    // All are held until the last is found, so that none is found twice.
    for _ in 0..CHOSEN_FROM.len() {
        if held.len() == count {
            break;
        }
        let port = rand::random_range(CHOSEN_FROM);
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    }
    let found: io::Result<Vec<SocketAddr>> = held.iter().map(TcpListener::local_addr).collect();
    match found {
        Ok(found) if found.len() == count => Ok(found),
        _ => Err(Failure::environment(format!("cannot find {count} free ports in {CHOSEN_FROM:?}"))),
    }
}

/// The one line for a listener that cannot be bound.
pub fn taken(listener: &str, address: SocketAddr, error: &io::Error) -> Failure {
    if error.kind() != io::ErrorKind::AddrInUse {
        return Failure::environment(format!("cannot listen on {address} for {listener}: {error}"));
    }
    let holder = holder(address.port()).map_or_else(String::new, |who| format!(" by {who}"));
    Failure::environment(format!(
        "port {} ({listener}) is taken{holder}; stop that program, or take free ports with --ports auto",
        address.port()
    ))
}

/// Names the process that listens on a port, where the system tells (Linux, own processes).
pub fn holder(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listening_inode(&table, port).map(str::to_owned))?;
    let socket = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
        let holds = descriptors
            .flatten()
            .filter_map(|fd| fs::read_link(fd.path()).ok())
            .any(|target| target.as_os_str() == socket.as_str());
        if holds {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (pid {pid})", name.trim()));
        }
    }
    None
}

/// The socket's inode from a table of `/proc/net/tcp`: column 2 is the address, 4 the state (0A is LISTEN), 10 the inode.
fn listening_inode(table: &str, port: u16) -> Option<&str> {
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (_, hex) = columns.get(1)?.rsplit_once(':')?;
        let listening = *columns.get(3)? == "0A" && u16::from_str_radix(hex, 16).ok()? == port;
        listening.then(|| columns.get(9).copied()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_its_holder() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let error = TcpListener::bind(address).expect_err("it is taken");
        let failure = taken("prometheus", address, &error);
        assert!(
            failure.message.contains(&format!("port {} (prometheus) is taken", address.port())),
            "{failure}"
        );
        if cfg!(target_os = "linux") {
            assert!(failure.message.contains(&format!("pid {}", std::process::id())), "{failure}");
        }
    }

    #[test]
    fn only_a_listening_socket_counts_as_holder() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:2382 0100007F:D2A6 01 00000000:00000000 00:00000000 00000000     0        0 11 1\n\
             1: 0100007F:2382 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22 1\n";
        assert_eq!(listening_inode(table, 0x2382), Some("22"));
        assert_eq!(listening_inode(table, 80), None);
    }

    #[test]
    fn every_listener_has_its_own_standard_port() {
        let mut ports: Vec<u16> = STANDARD.iter().map(|(_, port)| *port).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), STANDARD.len());
    }
}
