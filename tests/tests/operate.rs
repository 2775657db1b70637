//! What an operator asks of the running daemon: jails and their settings, JSON of every verb, answers in many parts, with
//! the real binary on the real kernel.

use edgeban_tests::lab::{ATTACKERS_V4, Edgeban, Lab, LogFile, binary, eventually, numbered, text};
use edgeban_tests::said::{Said, say};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, accept, bind, connect, listen, recv, send, socket,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::thread;
use std::time::Duration;

/// A daemon with two jails, its configuration and their log.
struct World {
    edgeban: Edgeban,
    auth: LogFile,
    config: String,
    // Dropped last: what the others say lies in its directory.
    lab: Lab,
}

impl World {
    fn new() -> Self {
        Self::with("")
    }

    fn with(more: &str) -> Self {
        let lab = Lab::new();
        let auth = LogFile::open(lab.dir().join("auth.log"));
        let config = lab.config(&format!(
            "{more}\n[defaults]\nlogpath = {:?}\nbantime = \"1h\"\n[jails.sshd]\nmaxretry = 2\n[jails.dropbear]\nenabled = false\n",
            auth.name()
        ));
        let edgeban = lab.start_file(&config);
        Self { edgeban, auth, config, lab }
    }

    fn say(&self, arguments: &[&str]) -> Said {
        say(self.lab.edgeban(&[arguments, &["--config", &self.config]].concat()), "")
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        self.say(arguments).ok(arguments)
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32, err: &str) {
        self.say(arguments).fails(arguments, code, err);
    }

    /// What a verb says as JSON, object by object.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        lines(&self.ok(&[arguments, &["--json"]].concat()))
    }

    /// As [`World::json`], of a verb that says one object.
    #[track_caller]
    fn one(&self, arguments: &[&str]) -> Value {
        let mut objects = self.json(arguments);
        assert_eq!(objects.len(), 1, "{objects:?}");
        objects.remove(0)
    }

    fn client(&self) -> OwnedFd {
        let directory = self.lab.inside("/run/edgeban");
        let mut names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let path = names.find(|path| path.to_str().unwrap().ends_with(".sock")).unwrap();
        let fd = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        connect(&fd, &SocketAddrUnix::new(path).unwrap()).unwrap();
        fd
    }
}

/// Each line is an object of its own.
#[track_caller]
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn every_verb_speaks_json() {
    let mut world = World::new();
    let version = lines(&say(world.lab.edgeban(&["version", "--json"]), "").ok(&["version"]));
    assert_eq!(version, [json!({ "version": env!("CARGO_PKG_VERSION") })]);
    let pid = world.one(&["status"])["pid"].clone();
    assert_eq!(world.one(&["ping"]), json!({ "pong": true, "pid": pid }));
    assert_eq!(
        world.one(&["ban", "203.0.113.9", "--for", "10m"]),
        json!({ "address": "203.0.113.9", "already": false, "left": 600 })
    );
    assert_eq!(
        world.one(&["ban", "2001:db8:5::/64", "--for", "permanent"]),
        json!({ "address": "2001:db8:5::/64", "already": false, "left": null })
    );
    world.auth.failures([numbered(1), numbered(1), numbered(3)]);
    world.lab.wait_for_bans([ip("203.0.113.9"), numbered(1)]);

    let status = world.one(&["status"]);
    assert_eq!(
        (&status["backend"], &status["banned"], &status["prefixes"]),
        (&json!("nftables"), &json!(2), &json!(1))
    );
    assert_eq!(
        status["jails"][0],
        json!({
            "jail": "sshd", "filter": "sshd", "enabled": 1, "banned": 1, "tracked": 1, "attempts": 3, "bans": 1
        })
    );
    assert_eq!(status["files"][0]["file"], *world.auth.name());
    let jails = world.json(&["jails"]);
    assert_eq!(jails.iter().map(|jail| &jail["jail"]).collect::<Vec<_>>(), ["sshd", "dropbear"]);
    assert_eq!(jails[0], status["jails"][0]);

    let list = world.json(&["list"]);
    let listed: BTreeSet<&str> = list.iter().map(|ban| ban["address"].as_str().unwrap()).collect();
    assert_eq!(listed, ["203.0.113.9", "2001:db8:5::/64", &numbered(1).to_string()].into());
    for ban in &list {
        let left = &ban["left"];
        match ban["address"].as_str().unwrap() {
            "2001:db8:5::/64" => assert!(left.is_null(), "{ban}"),
            "203.0.113.9" => assert!((590..=600).contains(&left.as_u64().unwrap()), "{ban}"),
            _ => assert!((3590..=3600).contains(&left.as_u64().unwrap()), "{ban}"),
        }
    }

    let jail = world.one(&["status", "sshd"]);
    assert_eq!((&jail["jail"], &jail["filter"], &jail["attempts"]), (&json!("sshd"), &json!("sshd"), &json!(3)));
    assert_eq!(jail["settings"]["bantime"], 3600);
    assert_eq!(jail["settings"]["logpath"], json!([world.auth.name()]));
    assert_eq!(jail["settings"]["bantime_multipliers"], json!([]));
    assert_eq!(jail["settings"]["ignoreip"], json!(["127.0.0.0/8", "::1"]));
    assert_eq!(jail["addresses"].as_array().unwrap().len(), 1);
    assert_eq!(jail["addresses"][0]["address"], numbered(1).to_string());
    let manual = world.one(&["status", "manual"]);
    assert_eq!((&manual["settings"]["enabled"], manual["addresses"].as_array().unwrap().len()), (&Value::Null, 2));
    let idle = world.one(&["status", "dropbear"]);
    assert_eq!((&idle["enabled"], &idle["addresses"]), (&json!(0), &json!([])));
    let checked = world.json(&["check"]);
    assert_eq!(checked[0], json!({ "valid": true, "file": world.config, "built_in": false }));
    let settings = checked[1].as_object().unwrap().clone().into_iter().filter(|(name, _)| name != "jail");
    assert_eq!(Value::Object(settings.collect()), jail["settings"], "the file says what the daemon does");

    assert_eq!(world.one(&["get", "sshd", "maxretry"]), json!({ "jail": "sshd", "key": "maxretry", "value": 2 }));
    assert_eq!(world.one(&["get", "sshd", "ignoreip"])["value"], json!(["127.0.0.0/8", "::1"]));
    assert_eq!(world.one(&["get", "sshd", "bantime_multipliers"])["value"], json!([]));
    assert_eq!(world.one(&["get", "sshd", "banip"])["value"], json!([numbered(1).to_string()]));
    assert_eq!(world.one(&["get", "dropbear", "banip"])["value"], json!([]));
    assert_eq!(
        world.one(&["set", "sshd", "maxretry", "7"]),
        json!({ "jail": "sshd", "key": "maxretry", "value": "7", "lifted": 0 })
    );
    assert_eq!(world.one(&["set", "sshd", "unbanip", &numbered(1).to_string()])["unbanned"], 1);
    assert_eq!(world.one(&["unban", "203.0.113.9"]), json!({ "address": "203.0.113.9", "unbanned": 1 }));
    assert_eq!(world.one(&["unban", "--all"]), json!({ "unbanned": 1 }));
    let reloaded = world.one(&["reload"]);
    assert_eq!(
        (&reloaded["reloaded"], &reloaded["jails"], &reloaded["forgotten"]),
        (&json!(true), &json!(1), &json!(1))
    );
    assert!(world.json(&["doctor"]).iter().all(|line| line["check"].is_string() && line["ok"].is_boolean()));
    let test = ["test", "--filter", "sshd", "--json", world.auth.name()];
    let tested = lines(&say(world.lab.edgeban(&test), "").ok(&test));
    assert_eq!((tested.len(), &tested[0]["match"], &tested[0]["address"]), (3, &json!(true), &json!(numbered(1))));
    assert_eq!(world.one(&["stop"]), json!({ "stopped": true, "pid": pid }));
    assert_eq!(world.edgeban.exit_code(), 0);

    // A file that is not valid is told on standard output, too.
    let bad = world.lab.config("[jails.sshd]\nmaxretry = 0\nbantme = 1\n");
    let said = say(world.lab.edgeban(&["check", "--json", "--config", &bad]), "");
    assert_eq!((said.code, &*said.err), (Some(1), ""));
    let faults = lines(&said.out);
    assert_eq!((&faults[0]["valid"], &faults[0]["line"], &faults[0]["column"]), (&json!(false), &json!(2), &json!(12)));
    assert!(faults[1]["error"].as_str().unwrap().contains("`bantme`"), "{faults:?}");
    let nowhere = say(world.lab.edgeban(&["check", "--json", "--config", "/nonexistent"]), "");
    assert_eq!((nowhere.code, lines(&nowhere.out)[0]["line"].clone()), (Some(4), Value::Null));
}

#[test]
fn settings_change_until_the_next_reload() {
    let mut world = World::new();
    let get = |world: &World, key: &str| world.ok(&["get", "sshd", key]);
    assert_eq!(get(&world, "maxretry"), "2\n");
    assert_eq!(get(&world, "ignoreip"), "127.0.0.0/8\n::1\n");
    assert_eq!(world.ok(&["set", "sshd", "maxretry", "3"]), "jail sshd: maxretry 3, until the next reload\n");
    assert_eq!(world.ok(&["set", "sshd", "bantime", "-1"]), "jail sshd: bantime -1, until the next reload\n");
    assert_eq!((get(&world, "maxretry"), get(&world, "bantime")), ("3\n".into(), "permanent\n".into()));
    world.auth.failures([numbered(1), numbered(1), numbered(2), numbered(2)]);
    world.edgeban.wait_for_lines(4);
    assert!(world.lab.banned().is_empty(), "two are fewer than three");
    world.auth.failures([numbered(1), numbered(2)]);
    world.lab.wait_for_bans([numbered(1), numbered(2)]);
    assert_eq!(world.lab.bans()[&numbered(1)].timeout, None);

    let second = numbered(2).to_string();
    let said = world.ok(&["set", "sshd", "addignoreip", &second]);
    assert_eq!(said, format!("jail sshd: addignoreip {second}, until the next reload; 1 bans lifted\n"));
    world.lab.wait_for_bans([numbered(1)]);
    world.fails(&["set", "sshd", "banip", &second], 1, "--force");
    let _ = world.ok(&["set", "sshd", "delignoreip", &second]);
    assert_eq!(world.ok(&["set", "sshd", "banip", &second]), format!("{second} is banned for good\n"));
    assert_eq!(get(&world, "banip").lines().collect::<BTreeSet<_>>(), [&*second, &numbered(1).to_string()].into());
    assert_eq!(world.ok(&["set", "sshd", "unbanip", &second]), format!("{second} is not banned any more\n"));

    for (key, value, why) in [
        ("maxretry", "0", "expected a whole number from 1 to 10000"),
        ("mode", "mild", "unknown word `mild`"),
        ("bantme", "1h", "unknown key `bantme`"),
        ("addignoreip", "router.lan", "`router.lan`"),
        ("delignoreip", "198.51.100.1", "this is not in ignoreip"),
        ("filter", "dropbear", "this cannot be set by hand"),
    ] {
        let before = world.ok(&["status", "sshd", "--json"]);
        world.fails(&["set", "sshd", key, value], 1, why);
        assert_eq!(world.ok(&["status", "sshd", "--json"]), before, "{key}");
    }
    world.fails(&["set", "nginx", "maxretry", "5"], 1, "there is no such jail");
    world.fails(&["get", "nginx", "maxretry"], 1, "there is no such jail");
    world.fails(&["get", "sshd", "maxretries"], 1, "a jail has no such setting");
    world.fails(&["status", "nginx"], 1, "there is no such jail");

    // Disabled, it releases its bans and reads nothing.
    assert!(world.ok(&["set", "sshd", "enabled", "false"]).ends_with("1 bans lifted\n"));
    assert!(world.lab.banned().is_empty());
    world.auth.failures([numbered(5); 9]);
    let _ = world.ok(&["set", "sshd", "enabled", "true"]);
    world.auth.failures([numbered(6), numbered(6), numbered(6)]);
    world.lab.wait_for_bans([numbered(6)]);
    let status = world.one(&["status"]);
    assert_eq!(status["by_hand"], 6, "{status}");
    assert_eq!(
        world.ok(&["reload"]),
        "reloaded: 1 jails, 0 of them new, 0 ended; 1 log files; 0 bans lifted; 6 settings made by hand are gone\n"
    );
    assert_eq!((get(&world, "maxretry"), get(&world, "bantime")), ("2\n".into(), "1h\n".into()));
    assert_eq!(world.one(&["status"])["by_hand"], 0);
    world.edgeban.wait_for_log("set by hand, until the next reload: maxretry of jail sshd to 3");
}

#[test]
fn a_log_can_be_added_and_the_former_is_read_on() {
    let mut world = World::new();
    let mut other = LogFile::open(world.lab.dir().join("other.log"));
    let both = format!("[{:?}, {:?}]", world.auth.name(), other.name());
    world.auth.failure(numbered(1));
    let _ = world.ok(&["set", "sshd", "logpath", &both]);
    assert_eq!(world.ok(&["get", "sshd", "logpath"]), format!("{}\n{}\n", world.auth.name(), other.name()));
    world.auth.failure(numbered(1));
    other.failures([numbered(2), numbered(2)]);
    world.lab.wait_for_bans([numbered(1), numbered(2)]);
    let _ = world.ok(&["reload"]);
    let status = world.one(&["status"]);
    assert_eq!(status["files"].as_array().unwrap().len(), 1);
}

/// As many parts as do not fit a socket's buffer, to somebody who reads when it pleases.
#[test]
fn an_answer_in_many_parts_waits_for_its_reader_and_nobody_waits_for_it() {
    let mut world = World::new();
    let many: BTreeSet<IpAddr> = (0..3000).map(numbered).collect();
    world.auth.failures(many.iter().flat_map(|addr| [*addr, *addr]));
    eventually("all are banned", || (world.one(&["status"])["banned"] == 3000).then_some(()));
    let slow = world.client();
    send(&slow, &[&[1, 12, 0, 1, 4][..], b"sshd"].concat(), SendFlags::empty()).unwrap();
    thread::sleep(Duration::from_millis(200));
    let listed = world.ok(&["get", "sshd", "banip"]);
    assert_eq!(listed.lines().map(ip).collect::<BTreeSet<_>>(), many);
    let attacker = ATTACKERS_V4[0].into();
    world.auth.failures([attacker, attacker]);
    eventually("a ban is made meanwhile", || world.lab.banned().contains(&attacker).then_some(()));
    let mut read = 0;
    loop {
        let mut answer = [0; 384];
        let (len, _) = recv(&slow, &mut answer, RecvFlags::empty()).unwrap();
        assert!(len >= 4, "the daemon sent it away after {read} parts");
        match answer[1] {
            9 => read += 1,
            8 => break,
            other => panic!("an answer of kind {other}"),
        }
    }
    assert!((3000..=3001).contains(&read), "{read}");
    // The same client may ask again.
    send(&slow, &[1, 4, 0, 0], SendFlags::empty()).unwrap();
    let (len, _) = recv(&slow, &mut [0; 384], RecvFlags::empty()).unwrap();
    assert!(len > 100);
}

#[test]
fn the_members_of_a_group_may_ask_and_nobody_else() {
    let mut world = World::new();
    let groups = fs::read_to_string(world.lab.inside("/etc/group")).unwrap();
    fs::write(world.lab.inside("/etc/group"), format!("{groups}edgebanops:x:54321:ann\n")).unwrap();
    // The lab's directory is not for everybody.
    let shared = world.lab.inside("/run/config");
    fs::write(&shared, "").unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o644)).unwrap();
    let ask = |group: &str, groups: &str| {
        let mut command = world.lab.router("setpriv");
        command.args(["--reuid=65534", group, groups]).arg(binary()).args(["ping", "--config", "/run/config"]);
        say(command, "")
    };
    let [member, second, stranger] = [
        ("--regid=54321", "--clear-groups"),
        ("--regid=65534", "--groups=4,54321,9"),
        ("--regid=65534", "--groups=4,9"),
    ];
    let socket = || {
        let mut names = fs::read_dir(world.lab.inside("/run/edgeban")).unwrap().map(|entry| entry.unwrap().path());
        names.find(|path| path.to_str().unwrap().ends_with(".sock")).unwrap()
    };
    let state = || {
        let socket = fs::metadata(socket()).unwrap();
        (socket.mode() & 0o777, socket.uid(), socket.gid())
    };
    let denied = |who: (&str, &str)| {
        let said = ask(who.0, who.1);
        assert_eq!((said.code, &*said.out), (Some(4), ""), "{who:?}");
        assert!(said.err.contains("only root, the user whom edgeban runs as, and the members"), "{}", said.err);
    };
    assert_eq!(state(), (0o600, 0, 0));
    [member, second, stranger].into_iter().for_each(denied);
    let text = fs::read_to_string(&world.config).unwrap();
    let reload = |global: &str| {
        fs::write(&world.config, format!("[global]\n{global}\n{text}")).unwrap();
        world.say(&["reload"])
    };
    for global in ["control_group = \"edgebanops\"", "control_group = 54321"] {
        let _ = reload("").ok(&["reload"]);
        assert_eq!(state().0, 0o600);
        denied(member);
        let _ = reload(global).ok(&["reload"]);
        assert_eq!(state(), (0o660, 0, 54321));
        for who in [member, second] {
            assert_eq!(ask(who.0, who.1).ok(&[who.0]), "Server replied: pong\n");
        }
        denied(stranger);
        // Whoever lets others connect does not let them ask.
        fs::set_permissions(socket(), fs::Permissions::from_mode(0o666)).unwrap();
        denied(stranger);
    }
    let before = state();
    reload("control_group = \"nosuchgroup\"").fails(&["reload"], 1, "[global] control_group: ENOENT (2)");
    assert_eq!(state(), before);
    assert_eq!(ask(member.0, member.1).code, Some(0), "all stays as it was");

    // From the start, too; and not at all where there is no such group.
    let pid = world.one(&["status"])["pid"].to_string();
    fs::write(&world.config, format!("[global]\ncontrol_group = 54321\n{text}")).unwrap();
    assert!(world.ok(&["stop"]).contains(&pid));
    assert_eq!(world.edgeban.exit_code(), 0);
    world.edgeban = world.lab.start_file(&world.config);
    assert_eq!(ask(second.0, second.1).code, Some(0));
    let bad = world.lab.config("[global]\ntable = \"other\"\ncontrol_group = \"nosuchgroup\"");
    let said = say(world.lab.edgeban(&["run", "--config", &bad]), "");
    assert_eq!(said.code, Some(4));
    assert!(said.err.contains("[global] control_group: ENOENT (2)"), "{}", said.err);
    assert!(world.lab.table("other").is_none());
}

/// What the real client says where a daemon answers this.
fn answered(answer: &'static [u8]) -> Said {
    let lab = Lab::new();
    let netns = text(lab.router("readlink").arg("/proc/self/ns/net")).unwrap();
    let inode = netns.trim_matches(|c: char| !c.is_ascii_digit());
    fs::create_dir(lab.inside("/run/edgeban")).unwrap();
    let path = lab.inside(&format!("/run/edgeban/edgeban-{inode}.sock"));
    let listener = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(path).unwrap()).unwrap();
    listen(&listener, 1).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let client = accept(&listener).unwrap();
            let _ = recv(&client, &mut [0; 512], RecvFlags::empty()).unwrap();
            send(&client, answer, SendFlags::empty()).unwrap();
        });
        say(lab.edgeban(&["status"]), "")
    })
}

#[test]
fn another_version_is_told_so() {
    // A daemon of the time before this request says that it is malformed; one of another format refuses in the bytes that all
    // formats have; what a later format answers is not guessed at.
    let refusal = |version: u8, code: u8| -> &'static [u8] {
        [&[version, 4, 2, 0][..], &[0; 7], &[code], &[0; 8]].concat().leak()
    };
    for answer in [refusal(1, 2), refusal(1, 1), refusal(2, 1), b"\x02\x05garbage", b"\x01\xff\x00\x00"] {
        let said = answered(answer);
        assert_eq!((said.code, &*said.out), (Some(4), ""), "{answer:?}");
        assert!(said.err.contains("the running edgeban is of another version"), "{answer:?}: {}", said.err);
    }
    // And a client of another format, by this daemon.
    let world = World::new();
    let client = world.client();
    for request in [&b"\x00\x04\x00\x00"[..], b"\x02\x04\x00\x00", b"\x02\xff\xff\xff\xff"] {
        send(&client, request, SendFlags::empty()).unwrap();
        let mut answer = [0; 64];
        let (len, _) = recv(&client, &mut answer, RecvFlags::empty()).unwrap();
        assert_eq!(&answer[..len], refusal(1, 1), "{request:?}");
    }
}

/// A status has hundreds of parts where there are as many jails and files as may be.
#[test]
fn a_status_of_everything_at_its_limit_is_complete() {
    let lab = Lab::new();
    let dir = lab.dir().to_str().unwrap().to_owned();
    let jails: String = (0..64)
        .map(|n| format!("[jails.j{n}]\nfilter = 'sshd'\nlogpath = ['{dir}/{}', '{dir}/{}']\n", 2 * n, 2 * n + 1))
        .collect();
    let config = lab.config(&jails);
    let _edgeban = lab.start_file(&config);
    let arguments = ["status", "--json", "--config", &config];
    let status = lines(&say(lab.edgeban(&arguments), "").ok(&arguments)).remove(0);
    let names = |array: &str, name: &str| -> Vec<String> {
        let members = status[array].as_array().unwrap().iter();
        members.map(|member| member[name].as_str().unwrap().to_owned()).collect()
    };
    let expected: Vec<String> = (0..64).map(|n| format!("j{n}")).chain(["manual".to_owned()]).collect();
    assert_eq!(names("jails", "jail"), expected);
    assert_eq!(names("files", "file"), (0..128).map(|n| format!("{dir}/{n}")).collect::<Vec<_>>());
}
