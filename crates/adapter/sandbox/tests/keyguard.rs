//! The sandbox from inside: this program starts itself anew for each case, with one thread, and tries what is forbidden.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test")]

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use chancery_sandbox::{Network, Profile, Report, Sandbox};
use rustix::process::{Resource, getrlimit};

type Case = (&'static str, fn(&Path));

const CASES: [Case; 8] = [
    ("limits", limits),
    ("network", network),
    ("outbound", outbound),
    ("files", files),
    ("processes", processes),
    ("spawning", spawning),
    ("kernel", kernel),
    ("threads", threads),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Ok(case) = std::env::var("SANDBOX_CASE") {
        let directory = PathBuf::from(std::env::var("SANDBOX_DIRECTORY").unwrap());
        let (_, run) = CASES.into_iter().find(|(name, _)| *name == case).unwrap();
        run(&directory);
        return;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        CASES.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    let mut failed = 0;
    for (name, _) in CASES {
        let ok = run_in_child(name);
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        failed += i32::from(!ok);
    }
    std::process::exit(failed);
}

fn run_in_child(name: &str) -> bool {
    let directory = std::env::temp_dir().join(format!("chancery-sandbox-{}-{name}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .env("SANDBOX_CASE", name)
        .env("SANDBOX_DIRECTORY", &directory)
        .status();
    fs::remove_dir_all(&directory).unwrap();
    child.unwrap().success()
}

fn keyguard(directory: &Path) -> Vec<Report> {
    let profile =
        Profile { write: vec![directory.to_owned()], read: vec!["/proc".into()], ..Profile::default() };
    let reports = Sandbox::keyguard(&profile);
    for report in &reports {
        let degraded = report.item == "landlock" && report.detail.starts_with("not enforced");
        assert!(report.active || degraded, "{report:?}");
    }
    reports
}

fn active(reports: &[Report], item: &str) -> bool {
    reports.iter().find(|report| report.item == item).unwrap().active
}

fn status(field: &str) -> String {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().to_owned()
}

fn denied<T>(result: std::io::Result<T>, what: &str) {
    match result {
        Ok(_) => panic!("{what} is possible"),
        Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::PermissionDenied, "{what}: {e}"),
    }
}

fn limits(directory: &Path) {
    let reports = keyguard(directory);
    let items: Vec<_> = reports.iter().map(|report| report.item).collect();
    assert_eq!(items, ["core-dumps", "dumpable", "no-new-privileges", "landlock", "seccomp"]);
    assert_eq!(status("NoNewPrivs:"), "1");
    assert_eq!(status("Seccomp:"), "2");
    let limit = getrlimit(Resource::Core);
    assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    let dumpable = rustix::process::dumpable_behavior().unwrap();
    assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
}

fn network(directory: &Path) {
    let (mut here, mut there) = UnixStream::pair().unwrap();
    let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = directory.join("socket");
    let _service = UnixListener::bind(&socket).unwrap();
    keyguard(directory);
    denied(UdpSocket::bind("127.0.0.1:0"), "an IPv4 socket");
    denied(UdpSocket::bind("[::1]:0"), "an IPv6 socket");
    denied(std::net::TcpStream::connect(inherited.local_addr().unwrap()), "a TCP connection");
    denied(inherited.accept(), "accepting on an inherited socket");
    denied(UnixListener::bind(directory.join("other")), "listening locally");
    denied(UnixStream::connect(&socket), "connecting locally");
    // What the process was given, and socket pairs of its own, go on working.
    use std::io::{Read as _, Write as _};
    here.write_all(b"x").unwrap();
    there.read_exact(&mut [0]).unwrap();
    UnixStream::pair().unwrap();
}

fn outbound(directory: &Path) {
    let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
    let profile =
        Profile { write: vec![directory.to_owned()], network: Network::Outbound, ..Profile::default() };
    assert!(Sandbox::keyguard(&profile).iter().all(|report| report.active || report.item == "landlock"));
    std::net::TcpStream::connect(inherited.local_addr().unwrap()).unwrap();
    denied(TcpListener::bind("127.0.0.1:0"), "listening");
    denied(inherited.accept(), "accepting on an inherited socket");
    denied(Command::new("/bin/true").status(), "starting a program");
}

fn files(directory: &Path) {
    fs::write(directory.join("before"), b"x").unwrap();
    let reports = keyguard(directory);
    if !active(&reports, "landlock") {
        println!("not compared: Landlock is absent");
        return;
    }
    denied(fs::read("/etc/passwd"), "reading /etc/passwd");
    denied(fs::read_dir("/etc"), "listing /etc");
    denied(fs::write("/tmp/chancery-sandbox-outside", b"x"), "writing elsewhere");
    assert_eq!(fs::read(directory.join("before")).unwrap(), b"x");
    fs::write(directory.join("new"), b"y").unwrap();
    fs::rename(directory.join("new"), directory.join("renamed")).unwrap();
    fs::remove_file(directory.join("renamed")).unwrap();
    fs::File::open(directory).unwrap().sync_all().unwrap();
    denied(fs::write("/proc/self/comm", b"z"), "writing where it may read");
}

fn processes(directory: &Path) {
    keyguard(directory);
    denied(Command::new("/bin/true").status(), "starting a program");
}

fn spawning(directory: &Path) {
    let execute = ["/bin", "/usr", "/lib", "/lib64", "/etc/ld.so.cache"].map(PathBuf::from);
    let execute = execute.into_iter().filter(|path| path.exists()).collect();
    let write = vec![directory.to_owned(), "/dev/null".into()];
    let profile = Profile { write, execute, ..Profile::default() };
    assert!(Sandbox::keyguard(&profile).iter().all(|report| report.active || report.item == "landlock"));
    assert!(Command::new("/bin/true").status().unwrap().success());
    let output = Command::new("/bin/cat").arg("/etc/passwd").output().unwrap();
    let landlocked = fs::read("/etc/passwd").is_err();
    assert_eq!(output.status.success(), !landlocked, "a child is restricted as its parent is");
    denied(UdpSocket::bind("127.0.0.1:0"), "an IPv4 socket");
}

fn kernel(directory: &Path) {
    // As root each of these succeeds without the filter.
    let name = rustix::system::uname();
    let host = name.nodename().to_bytes();
    if rustix::process::geteuid().is_root() {
        rustix::system::sethostname(host).unwrap();
    }
    keyguard(directory);
    denied(rustix::system::sethostname(host).map_err(Into::into), "setting the host name");
    denied(rustix::process::chroot(".").map_err(Into::into), "changing the root");
}

fn threads(directory: &Path) {
    keyguard(directory);
    let inside = std::thread::spawn(|| {
        denied(UdpSocket::bind("127.0.0.1:0"), "an IPv4 socket in a thread");
    });
    inside.join().unwrap();
    denied(UdpSocket::bind("127.0.0.1:0"), "an IPv4 socket");
}
