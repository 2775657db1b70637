//! What is shipped beside the program: the archives that `image/dist` and `image/openwrt/pack` make of it, what
//! `image/install` does with them, and that the scripts and units in them do with the real program what they are for.

use edgeban_tests::lab::{Lab, binary, text};
use edgeban_tests::said::{Said, say};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The checkout.
fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("edgeban-packages-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// What is in it: names, modes in octal or where a link leads to.
    fn files(&self) -> BTreeMap<String, String> {
        let found = ok(Command::new("find").arg(&self.0).args(["!", "-type", "d", "-printf", "%P %m %l\n"]));
        let entry = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let [name, mode, link] = words[..] else { panic!("{line}") };
            (name.to_owned(), if link.is_empty() { mode } else { link }.to_owned())
        };
        found.lines().map(entry).collect()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn ok(command: &mut Command) -> String {
    text(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Holds that it ended well and complained of nothing.
#[track_caller]
fn well(said: Said) {
    drop(said.ok(&[]));
}

/// What a script makes of the program that is built, made twice by users with different habits.
struct Archive {
    path: PathBuf,
    first: Vec<u8>,
    second: Vec<u8>,
}

impl Archive {
    fn make(script: &str) -> Self {
        let make = |umask: &str, locale: &str| {
            let said = ok(Command::new("sh")
                .args(["-c", &format!("umask {umask}; sh {script} --built")])
                .env("LC_ALL", locale)
                .current_dir(checkout()));
            let path = checkout().join(said.split(':').next().unwrap());
            let bytes = fs::read(&path).unwrap();
            (path, bytes)
        };
        let (_, first) = make("022", "C");
        let (path, second) = make("077", "C.UTF-8");
        Self { path, first, second }
    }

    fn tarball() -> &'static Self {
        static MADE: OnceLock<Archive> = OnceLock::new();
        MADE.get_or_init(|| Self::make("image/dist"))
    }

    fn ipk() -> &'static Self {
        static MADE: OnceLock<Archive> = OnceLock::new();
        MADE.get_or_init(|| Self::make("image/openwrt/pack"))
    }
}

fn unpack(archive: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    ok(Command::new("tar").arg("-xzpf").arg(archive).arg("-C").arg(to));
}

/// The tarball, unpacked; and where in it everything is.
fn tarball() -> (Scratch, PathBuf) {
    let scratch = Scratch::new();
    unpack(&Archive::tarball().path, &scratch.0);
    let top = fs::read_dir(&scratch.0).unwrap().next().unwrap().unwrap().path();
    (scratch, top)
}

/// The tarball's installer, run by this shell for this root.
fn install(shell: &[&str], top: &Path, root: &Scratch, more: &[&str]) -> Said {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(top.join("install")).arg("--root").arg(&root.0).args(more);
    say(command, "")
}

const SHELLS: [&[&str]; 2] = [&["dash"], &["busybox", "ash"]];

#[test]
fn the_same_checkout_makes_the_same_bytes() {
    for Archive { path, first, second } in [Archive::tarball(), Archive::ipk()] {
        assert!(first == second, "{} is not the same again", path.display());
    }
}

#[test]
fn scripts_are_plain_shell() {
    for script in [
        "image/build",
        "image/dist",
        "image/install",
        "image/install.d/edgeban.openrc",
        "image/install.d/edgeban.sysv",
        "image/openwrt/pack",
        "image/openwrt/edgeban/files/etc/init.d/edgeban",
    ] {
        for shell in SHELLS {
            ok(Command::new(shell[0]).args(&shell[1..]).args(["-n", script]).current_dir(checkout()));
        }
        ok(Command::new("shellcheck")
            // An init script's variables are read by what reads it, and its functions called by that; OpenWrt's shell has `local`.
            .args(["-s", "dash", "-e", "SC2034,SC2317,SC3043", script])
            .current_dir(checkout()));
    }
}

#[test]
fn each_init_gets_its_script_and_no_configuration_is_lost() {
    let (_scratch, top) = tarball();
    for (number, (init, seen_by, expected)) in [
        ("systemd", "usr/lib/systemd/systemd", ("etc/systemd/system/edgeban.service", "644")),
        ("openrc", "sbin/openrc-run", ("etc/init.d/edgeban", "755")),
        ("sysv", "etc/init.d/rc", ("etc/init.d/edgeban", "755")),
        ("procd", "sbin/procd", ("etc/init.d/edgeban", "755")),
    ]
    .into_iter()
    .enumerate()
    {
        let shell = SHELLS[number % 2];
        let root = Scratch::new();
        root.write(seen_by, "");
        let before = root.files();
        well(install(shell, &top, &root, &[]));
        let files = root.files();
        assert_eq!(files.get(expected.0).map(String::as_str), Some(expected.1), "{init}: {files:?}");
        assert_eq!(files["usr/sbin/edgeban"], "755");
        assert_eq!(fs::read(root.0.join("usr/sbin/edgeban")).unwrap(), fs::read(binary()).unwrap());
        let config = if init == "procd" { "etc/config/edgeban" } else { "etc/edgeban/edgeban.toml" };

        // Told which, it does the same.
        let told = Scratch::new();
        told.write(seen_by, "");
        well(install(shell, &top, &told, &["--init", init]));
        assert_eq!(told.files(), files);

        root.write(config, "# mine\n");
        well(install(shell, &top, &root, &[]));
        assert_eq!(root.read(config), "# mine\n");
        assert_eq!(root.files().keys().collect::<Vec<_>>(), files.keys().collect::<Vec<_>>());

        well(install(shell, &top, &root, &["--uninstall"]));
        let mut left = before;
        left.insert(config.to_owned(), root.files()[config].clone());
        assert_eq!(root.files(), left, "{init}");
        assert_eq!(root.read(config), "# mine\n");
    }
}

#[test]
fn the_installer_says_what_is_wrong_and_changes_nothing() {
    let (_scratch, top) = tarball();
    let root = Scratch::new();
    for (more, why) in [
        (&[][..], "none of systemd, OpenRC, SysV init and procd"),
        (&["--init", "upstart"], "not 'upstart'"),
        (&["--init"], "--init needs a value"),
        (&["--init", "none", "--program", "/nowhere"], "there is no /nowhere"),
        (&["--instal"], "what is '--instal'?"),
    ] {
        for shell in SHELLS {
            let said = install(shell, &top, &root, more);
            assert_eq!(said.code, Some(1), "{said:?}");
            assert!(said.err.contains(why), "{said:?}");
            assert!(root.files().is_empty());
        }
    }
    let missing = say(
        {
            let mut command = Command::new("dash");
            command.arg(top.join("install")).args(["--root", "/nowhere", "--init", "none"]);
            command
        },
        "",
    );
    assert_eq!((missing.code, &*missing.err), (Some(1), "install: there is no directory /nowhere\n"));
}

#[test]
fn the_sample_configuration_is_valid() {
    let (_scratch, top) = tarball();
    for name in ["install.d/edgeban.toml", "example.toml"] {
        ok(Command::new(binary()).args(["check", "--config"]).arg(top.join(name)));
    }
}

#[test]
fn systemd_takes_the_unit_and_finds_little_exposed() {
    let (_scratch, top) = tarball();
    let root = Scratch::new();
    well(install(SHELLS[0], &top, &root, &["--init", "systemd"]));
    let unit = "etc/systemd/system/edgeban.service";
    // The program is where the unit expects it only in `root`.
    let text = root.read(unit).replace("/usr/sbin/edgeban", root.0.join("usr/sbin/edgeban").to_str().unwrap());
    root.write("verify/edgeban.service", &text);
    let verified = say(
        {
            let mut command = Command::new("systemd-analyze");
            command.args(["verify", "--man=no", "--recursive-errors=no"]).arg(root.0.join("verify/edgeban.service"));
            command
        },
        "",
    );
    assert_eq!((verified.code, &*verified.err), (Some(0), ""));

    let security =
        ok(Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager"]).arg(root.0.join(unit)));
    let verdict = security.lines().last().unwrap();
    println!("{verdict}");
    let score: f32 = verdict.split_once("edgeban.service: ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(score <= 3.0, "{security}");
}

/// The system calls of a set of systemd's.
fn set(name: &str) -> BTreeSet<String> {
    let listed = ok(Command::new("systemd-analyze").args(["syscall-filter", "--no-pager", name]));
    let members = listed.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).skip(1);
    members
        .flat_map(|member| if member.starts_with('@') { set(member) } else { BTreeSet::from([member.to_owned()]) })
        .collect()
}

#[test]
fn the_unit_allows_every_system_call_that_the_program_makes() {
    let unit = fs::read_to_string(checkout().join("image/install.d/edgeban.service")).unwrap();
    let mut allowed = BTreeSet::new();
    for line in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (names, remove) = line.strip_prefix('~').map_or((line, false), |names| (names, true));
        for call in names.split(' ').flat_map(set) {
            if remove {
                allowed.remove(&call)
            } else {
                allowed.insert(call)
            };
        }
    }
    assert!(allowed.contains("read") && !allowed.contains("mount"), "{allowed:?}");

    let lab = Lab::new();
    let log = lab.dir().join("auth.log");
    fs::write(&log, "").unwrap();
    let config = lab.config(&format!(
        "[global]\ncontrol_group = \"adm\"\nkill_connections = true\nweb = \"127.0.0.1:9191\"\n[defaults]\nlogpath = {log:?}\n\
         [jails.sshd]\n[jails.dropbear]\nlogpath = \"journal\"\n"
    ));
    let trace = lab.dir().join("trace");
    let mut command = lab.router("strace");
    command.args(["-f", "-o"]).arg(&trace).arg(binary()).args(["run", "--config", &config]);
    let mut edgeban = lab.spawn(command);
    edgeban.wait_until_ready();
    let metrics = ok(lab.router("curl").args(["-sSf", "--noproxy", "*", "http://127.0.0.1:9191/metrics"]));
    assert!(metrics.contains("\nedgeban_"), "{metrics}");
    for arguments in
        [&["ban", "192.0.2.99"][..], &["list"], &["status"], &["unban", "192.0.2.99"], &["reload"], &["stop"]]
    {
        ok(lab.edgeban(arguments).args(["--config", &config]));
    }
    assert_eq!(edgeban.exit_code(), 0);

    let trace = fs::read_to_string(trace).unwrap();
    let made: BTreeSet<&str> = trace
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('))
        .map(|(name, _)| name)
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'))
        .collect();
    assert!(made.contains("epoll_pwait") && made.contains("sendto"), "{made:?}");
    let refused: Vec<_> = made.iter().filter(|call| !allowed.contains(**call)).collect();
    assert!(refused.is_empty(), "the unit refuses {refused:?}");
}

/// The .ipk, unpacked: control and data.
fn ipk() -> (Scratch, Scratch) {
    let outer = Scratch::new();
    unpack(&Archive::ipk().path, &outer.0);
    let names: Vec<_> = outer.files().into_keys().collect();
    assert_eq!(names, ["control.tar.gz", "data.tar.gz", "debian-binary"]);
    assert_eq!(outer.read("debian-binary"), "2.0\n");
    let (control, data) = (Scratch::new(), Scratch::new());
    unpack(&outer.0.join("control.tar.gz"), &control.0);
    unpack(&outer.0.join("data.tar.gz"), &data.0);
    (control, data)
}

#[test]
fn an_ipk_is_what_opkg_expects() {
    let (control, data) = ipk();
    let owned = |file: &str, mode: &str| (file.to_owned(), mode.to_owned());
    assert_eq!(
        control.files(),
        [owned("conffiles", "644"), owned("control", "644"), owned("postinst", "755"), owned("prerm", "755")].into()
    );
    assert_eq!(
        data.files(),
        [
            owned("etc/capabilities/edgeban.json", "644"),
            owned("etc/config/edgeban", "644"),
            owned("etc/edgeban/edgeban.toml", "/var/run/edgeban/edgeban.toml"),
            owned("etc/init.d/edgeban", "755"),
            owned("lib/upgrade/keep.d/edgeban", "644"),
            owned("usr/sbin/edgeban", "755"),
        ]
        .into()
    );
    let fields: BTreeMap<_, _> = control
        .read("control")
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(fields["Package"], "edgeban");
    assert_eq!(fields["Version"], concat!(env!("CARGO_PKG_VERSION"), "-r1"));
    assert_eq!(fields["Architecture"], std::env::consts::ARCH.replace("aarch64", "aarch64_cortex-a53"));
    for file in control.read("conffiles").lines() {
        assert!(data.0.join(file.trim_start_matches('/')).is_file(), "{file}");
    }
    for script in ["postinst", "prerm"] {
        for shell in SHELLS {
            ok(Command::new(shell[0]).args(&shell[1..]).arg("-n").arg(control.0.join(script)));
        }
        // Without base-files, as when an image is made, there is nothing to do.
        ok(Command::new(control.0.join(script)).env("IPKG_INSTROOT", &data.0));
    }
    let capabilities: BTreeMap<String, Vec<String>> =
        serde_json::from_str(&data.read("etc/capabilities/edgeban.json")).unwrap();
    let unit = fs::read_to_string(checkout().join("image/install.d/edgeban.service")).unwrap();
    let bounding = unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).unwrap();
    assert_eq!(capabilities["bounding"].join(" "), bounding);
}

/// A router to run the init script on: the .ipk's files, BusyBox, and what stands for procd.
struct Router(Scratch);

impl Router {
    fn new() -> Self {
        let (_control, root) = ipk();
        let busybox = ok(Command::new("sh").args(["-c", "command -v busybox"]));
        fs::create_dir_all(root.0.join("bin")).unwrap();
        fs::create_dir_all(root.0.join("var/run")).unwrap();
        fs::copy(busybox.trim(), root.0.join("bin/busybox")).unwrap();
        // What it is linked with, if with anything.
        for library in text(Command::new("ldd").arg(busybox.trim())).unwrap_or_default().split_whitespace() {
            if let Some(inside) = library.strip_prefix('/') {
                root.write(inside, "");
                fs::copy(library, root.0.join(inside)).unwrap();
            }
        }
        for applet in ["sh", "sed", "mkdir", "mv", "cp", "cmp", "cat", "rm", "logger", "echo"] {
            symlink("busybox", root.0.join("bin").join(applet)).unwrap();
        }
        fs::create_dir(root.0.join("dev")).unwrap();
        ok(Command::new("mknod").arg(root.0.join("dev/null")).args(["c", "1", "3"]));
        root.write("etc/rc.common", include_str!("../src/openwrt/rc.common"));
        fs::set_permissions(root.0.join("etc/rc.common"), fs::Permissions::from_mode(0o755)).unwrap();
        Self(root)
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let _ = fs::remove_file(self.0.0.join("procd.log"));
        let mut command = Command::new("chroot");
        command.arg(&self.0.0).args(arguments).env("PATH", "/bin:/usr/sbin");
        say(command, "")
    }

    fn init(&self, action: &str) -> Said {
        self.run(&["/etc/init.d/edgeban", action])
    }

    /// What procd was told.
    fn told(&self) -> String {
        fs::read_to_string(self.0.0.join("procd.log")).unwrap_or_default()
    }

    fn check(&self) -> String {
        let said = self.run(&["/usr/sbin/edgeban", "check"]);
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{said:?}");
        said.out
    }
}

#[test]
fn openwrt_as_shipped_guards_dropbear_and_luci() {
    let router = Router::new();
    let said = router.init("start");
    assert_eq!((said.code, &*said.out, &*said.err), (Some(0), "", ""));
    assert_eq!(
        router.told(),
        "set\nopen_instance\nset_param command /usr/sbin/edgeban run --config /var/run/edgeban/edgeban.toml\n\
         set_param respawn 3600 5 0\nset_param reload_signal HUP\nset_param file /var/run/edgeban/edgeban.toml\n\
         set_param stderr 1\nset_param term_timeout 10\nset_param no_new_privs 1\n\
         set_param capabilities /etc/capabilities/edgeban.json\nadd_jail edgeban procfs ronly\n\
         add_jail_mount_rw /etc/edgeban\nadd_jail_mount /var/log\nadd_jail_mount /etc/group\nadd_jail_mount_rw /var/run/edgeban\nclose_instance\n\
         add_reload_trigger edgeban\n"
    );
    // The verbs find the file by its usual name.
    let check = router.check();
    assert!(check.starts_with("/etc/edgeban/edgeban.toml: valid\n"), "{check}");
    for jail in ["dropbear", "luci"] {
        let expected = format!(
            "jail {jail}: filter {jail} (normal), maxretry 5 within findtime 10m, bantime 1h, /var/log/messages, 2 ignored"
        );
        assert!(check.contains(&expected), "{check}");
    }
}

#[test]
fn every_kind_of_uci_value_becomes_toml() {
    let router = Router::new();
    router.0.write(
        "etc/config/edgeban",
        r#"
config jail 'ssh_slow'
	option filter 'sshd'
	option mode 'aggressive'
	option enabled 'off'
	option maxretry '20'
	option bantime 'permanent'
	list logpath '/mnt/usb/a.log'
	list logpath '/mnt/usb/b.log'
	list logpath '/var/log/messages'

config filter 'myapp'
	list match '<prog:myapp> say "no" \< to <ADDR>'
	list ignore '<prog:myapp> say "yes" to <ADDR>'

config jail 'myapp'

config defaults 'defaults'
	option logpath '/tmp/log/app.log'
	option ignoreself 'yes'
	option bantime_increment '1'
	option bantime_factor '1.5'
	list bantime_multipliers '1'
	list bantime_multipliers '4'
	option findtime '600'

config global 'global'
	option enabled '1'
	option backend 'log-only'
	option counters '0'
	option ipv4_prefix '24'
	option state_dir '/mnt/usb/edgeban'
"#,
    );
    well(router.init("start"));
    let rendered = router.0.read("var/run/edgeban/edgeban.toml");
    assert_eq!(
        rendered,
        r#"# Made of /etc/config/edgeban, and made anew whenever that changes.

[global]
run_dir = "/var/run/edgeban"
backend = "log-only"
counters = false
ipv4_prefix = 24
state_dir = "/mnt/usb/edgeban"

[jails.ssh_slow]
filter = "sshd"
mode = "aggressive"
enabled = false
maxretry = 20
bantime = "permanent"
logpath = [ "/mnt/usb/a.log", "/mnt/usb/b.log", "/var/log/messages" ]

[filters.myapp]
match = [ "<prog:myapp> say \"no\" \\< to <ADDR>" ]
ignore = [ "<prog:myapp> say \"yes\" to <ADDR>" ]

[jails.myapp]

[defaults]
logpath = "/tmp/log/app.log"
ignoreself = true
bantime_increment = true
bantime_factor = 1.5
bantime_multipliers = [ 1, 4 ]
findtime = 600
"#
    );
    assert_eq!(router.init("render").out, rendered);
    let check = router.check();
    assert!(check.contains("jail ssh_slow: disabled, filter sshd (aggressive), maxretry 20 within"), "{check}");
    well(router.init("start"));
    let mounts: Vec<String> =
        router.told().lines().filter_map(|line| line.strip_prefix("add_jail_mount ")).map(str::to_owned).collect();
    assert!(router.told().contains("add_jail_mount_rw /mnt/usb/edgeban\n"), "{}", router.told());
    assert_eq!(mounts, ["/mnt/usb", "/var/log", "/tmp/log", "/etc/group"]);
}

#[test]
fn a_wrong_uci_value_changes_nothing() {
    let router = Router::new();
    well(router.init("start"));
    let before = (router.0.read("var/run/edgeban/edgeban.toml"), router.told());
    let good = router.0.read("etc/config/edgeban");
    for (from, to, why) in [
        ("option maxretry '5'", "option maxretry 'five'", "five"),
        ("option maxretry '5'", "option maxretri '5'", "maxretri"),
        ("option findtime '10m'", "option findtime '10 parsecs'", "10 parsecs"),
        ("option hook 'prerouting'", "option hook 'postrouting'", "postrouting"),
        ("config jail 'luci'", "config jail 'lucy'", "lucy"),
        ("config jail 'luci'", "config jial 'luci'", "jial"),
        ("option bantime '1h'", "option bantime '1h\"\nmaxretry = 1\n'", "/etc/config/edgeban is refused"),
    ] {
        assert!(good.contains(from));
        router.0.write("etc/config/edgeban", &good.replace(from, to));
        for (action, code) in [("reload", 1), ("start", 0)] {
            let said = router.init(action);
            assert_eq!(said.code, Some(code), "{to}: {said:?}");
            assert!(said.err.contains("/etc/config/edgeban is refused, edgeban goes on with what it had:"), "{said:?}");
            assert!(said.err.contains(why), "{said:?}");
            assert_eq!(router.0.read("var/run/edgeban/edgeban.toml"), before.0);
            // What runs is told to procd as it was: a service without instance would be stopped.
            assert_eq!(router.told(), if action == "start" { &*before.1 } else { "" });
        }
    }

    // At a boot there is nothing to go on with.
    let router = Router::new();
    router.0.write("etc/config/edgeban", &good.replace("option maxretry '5'", "option maxretry 'five'"));
    assert!(router.init("start").err.contains("is refused"));
    assert_eq!(router.told(), "set\nadd_reload_trigger edgeban\n");
}

#[test]
fn openwrt_reloads_restarts_and_stops_as_the_change_needs() {
    let router = Router::new();
    well(router.init("start"));
    let good = router.0.read("etc/config/edgeban");

    // Nobody answers: it is started.
    well(router.init("reload"));
    assert!(router.told().starts_with("set\nopen_instance\n"), "{}", router.told());

    // In another directory a log is not seen by the jail as it is.
    router.0.write("etc/config/edgeban", &good.replace("/var/log/messages", "/mnt/usb/messages"));
    well(router.init("reload"));
    assert!(router.told().starts_with("kill\nset\nopen_instance\n"), "{}", router.told());
    assert!(router.told().contains("add_jail_mount /mnt/usb\n"));

    router.0.write("etc/config/edgeban", &good.replace("option enabled '1'", "option enabled '0'"));
    well(router.init("reload"));
    assert_eq!(router.told(), "kill\nset\nadd_reload_trigger edgeban\n");
}
