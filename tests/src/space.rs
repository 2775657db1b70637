//! Network namespaces of threads: sockets that a closure opens there stay there, whoever uses them afterwards.

use crate::netlink::enter_new_namespace;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// A namespace with its thread, which ends with it.
pub struct Space {
    jobs: Sender<Job>,
    tid: i32,
}

impl Default for Space {
    fn default() -> Self {
        Self::new()
    }
}

impl Space {
    /// A new namespace with nothing but a loopback that is up.
    ///
    /// # Panics
    /// Without root.
    #[must_use]
    pub fn new() -> Self {
        let (jobs, inbox) = channel::<Job>();
        let (tell, told) = channel();
        thread::spawn(move || {
            enter_new_namespace();
            tell.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
            inbox.into_iter().for_each(|job| job());
        });
        let space = Self { jobs, tid: told.recv().expect("this test needs root") };
        space.sh("ip link set lo up");
        space
    }

    /// What `job` returns, run in the namespace.
    ///
    /// # Panics
    /// If `job` does.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        let job = move || {
            // Nobody asks any more only if the test has failed already.
            let _ = tell.send(job());
        };
        self.jobs.send(Box::new(job)).unwrap();
        told.recv().expect("the namespace's thread panicked")
    }

    /// What a shell prints that runs `script` in the namespace.
    ///
    /// # Panics
    /// If a command of it fails.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let text = format!("set -e\n{script}");
        let output = self.run(move || Command::new("sh").args(["-c", &text]).output().unwrap());
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A cable from this namespace's interface `here` to `there` of another, both up, with these addresses.
    pub fn cable(&self, here: &str, addrs: &[&str], other: &Self, there: &str, others: &[&str]) {
        let tid = other.tid;
        self.sh(&format!("ip link add {here} type veth peer name {there} netns {tid}"));
        for (space, name, addrs) in [(self, here, addrs), (other, there, others)] {
            space.sh(&format!("sysctl -qw net.ipv6.conf.{name}.disable_ipv6=0 || :"));
            for addr in addrs {
                let nodad = if addr.contains(':') { "nodad" } else { "" };
                space.sh(&format!("ip addr add {addr} dev {name} {nodad}"));
            }
            space.sh(&format!("ip link set {name} up"));
        }
    }
}
