//! The page, the metrics, the interface and the events of a running edgeban: by curl, promtool and Chromium.

use edgeban_tests::browser::Browser;
use edgeban_tests::lab::{Lab, LogFile, eventually, numbered};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

const TOKEN: &str = "correct-horse-battery";

/// A router whose page is at port 9191, and its log.
fn config(lab: &Lab, listen: &str, more: &str) -> String {
    let log = lab.dir().join("auth.log");
    format!(
        "[global]\nweb = \"{listen}\"\n{more}\n[defaults]\nmaxretry = 3\nbantime = \"1h\"\n[jails.sshd]\nlogpath = \"{}\"\n",
        log.display()
    )
}

fn curl(command: &mut Command, arguments: &[&str], url: &str) -> (u16, String) {
    let output = command.args(["-s", "-m", "20", "-w", "\n%{http_code}"]).args(arguments).arg(url).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

fn get(lab: &Lab, path: &str) -> (u16, String) {
    curl(&mut lab.router("curl"), &[], &format!("http://127.0.0.1:9191{path}"))
}

fn read(lab: &Lab, path: &str) -> Value {
    let (status, body) = get(lab, path);
    assert_eq!(status, 200, "{path}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

/// What a line of `/events` says.
fn event_of(line: Option<String>) -> String {
    let line = line.expect("the events go on");
    line.strip_prefix("data: ").unwrap_or_else(|| panic!("{line}")).to_owned()
}

/// The list of bans, once edgeban heard of the kernel that it holds so many.
fn list(lab: &Lab, bans: usize) -> Value {
    eventually("edgeban has heard of the bans", || {
        let list = read(lab, "/api/v1/bans?limit=1000");
        let shown = list["bans"].as_array().unwrap().len();
        assert_eq!(list["total"].as_u64(), u64::try_from(shown).ok());
        (shown == bans).then_some(list)
    })
}

#[test]
fn who_is_banned_and_why_is_told_and_lifted_only_with_the_token() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let edgeban = lab.start(&config(&lab, "127.0.0.1:9191", &format!("web_token = \"{TOKEN}\"")));
    let mut events = lab.router("curl");
    let mut events = events.args(["-sN", "http://127.0.0.1:9191/events"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(events.stdout.take().unwrap()).lines().map(Result::unwrap).filter(|l| !l.is_empty());
    // What happens from here on is told.
    assert_eq!(told.next().as_deref(), Some(":"));
    let mut told = told.filter(|line| line != ":");
    let addrs = [numbered(1), numbered(2), numbered(3)];
    for _ in 0..3 {
        log.failures(addrs);
    }
    lab.wait_for_bans(addrs);
    for _ in addrs {
        let event: Value = serde_json::from_str(&event_of(told.next())).unwrap();
        assert_eq!((event["type"].as_str(), event["jail"].as_str()), (Some("ban"), Some("sshd")));
    }

    let bans = list(&lab, 3);
    let status = read(&lab, "/api/v1/status");
    assert_eq!((status["ready"].as_bool(), status["banned"].as_u64()), (Some(true), Some(3)));
    assert_eq!((status["jails"][0]["attempts"].as_u64(), status["jails"][0]["bans"].as_u64()), (Some(9), Some(3)));
    assert_eq!((status["sources"][0]["lines"].as_u64(), status["sources"][0]["fault"].is_null()), (Some(9), true));
    let until = bans["bans"][0]["until"].as_i64().unwrap() - status["now"].as_i64().unwrap();
    assert!((3500..=3600).contains(&until), "{until}");
    let first = addrs[0].to_string();
    let history = read(&lab, &format!("/api/v1/history?address={first}"));
    assert_eq!((history["bans"].as_u64(), history["lines"].as_array().unwrap().len()), (Some(1), 3));
    assert!(history["lines"][2]["line"].as_str().unwrap().contains(&first));
    let series = read(&lab, "/api/v1/series");
    let sum =
        |name: &str, of: &str| series[name].as_array().unwrap().iter().map(|p| p[of].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("minutes", "attempts"), sum("hours", "bans")), (9, 3));

    let delete = |arguments: &[&str]| {
        let url = format!("http://127.0.0.1:9191/api/v1/bans/{first}");
        curl(&mut lab.router("curl"), &[&["-X", "DELETE"], arguments].concat(), &url).0
    };
    assert_eq!(delete(&[]), 401);
    assert_eq!(delete(&["-H", "Authorization: Bearer wrong-horse-battery"]), 401);
    assert_eq!(delete(&["-H", "Host: evil.example", "-H", &format!("Authorization: Bearer {TOKEN}")]), 421);
    assert_eq!(lab.banned().len(), 3);
    assert_eq!(delete(&["-H", &format!("Authorization: Bearer {TOKEN}")]), 202);
    lab.wait_for_bans([addrs[1], addrs[2]]);
    let event: Value = serde_json::from_str(&event_of(told.next())).unwrap();
    assert_eq!((event["type"].as_str(), event["address"].as_str()), (Some("unban"), Some(first.as_str())));
    events.kill().unwrap();
    events.wait().unwrap();
    edgeban.stop();
}

#[test]
fn prometheus_finds_nothing_to_complain_about() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let edgeban = lab.start(&config(&lab, "[::1]:9191", ""));
    (0..3).for_each(|_| log.failure(numbered(1)));
    lab.wait_for_bans([numbered(1)]);
    let (status, metrics) = curl(&mut lab.router("curl"), &[], "http://[::1]:9191/metrics");
    assert_eq!(status, 200);
    let file = lab.dir().join("metrics");
    std::fs::write(&file, &metrics).unwrap();
    let mut promtool = Command::new("promtool");
    let checked = promtool.args(["check", "metrics"]).stdin(std::fs::File::open(file).unwrap()).output().unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    assert!(checked.status.success() && said.is_empty(), "{}\n{metrics}", String::from_utf8_lossy(&said));
    for line in ["edgeban_banned 1", "edgeban_jail_bans_total{jail=\"sshd\"} 1", "edgeban_attempts_total 3"] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    edgeban.stop();
}

#[test]
fn others_need_the_token_and_an_address_for_others_needs_one_to_start() {
    let lab = Lab::new();
    let refused = lab.edgeban(&["check", "--config", &lab.config(&config(&lab, "0.0.0.0:9191", ""))]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned() + &String::from_utf8_lossy(&refused.stdout);
    assert!(said.contains(":2:1: ") && said.contains("needs a `web_token`"), "{said}");

    let _log = LogFile::open(lab.dir().join("auth.log"));
    let edgeban = lab.start(&config(&lab, "0.0.0.0:9191", &format!("web_token = \"{TOKEN}\"")));
    assert_eq!(get(&lab, "/").0, 200);
    for path in ["/metrics", "/api/v1/status", "/api/v1/bans", "/events"] {
        assert_eq!(get(&lab, path).0, 401, "{path}");
    }
    let ours = ["-H", &format!("Authorization: Bearer {TOKEN}")];
    assert_eq!(curl(&mut lab.router("curl"), &ours, "http://127.0.0.1:9191/metrics").0, 200);
    let mut browser = Browser::open(&lab, "http://127.0.0.1:9191/");
    browser.wait("document.getElementById('ask').open");
    browser.write(TOKEN);
    browser.press("Enter");
    browser.wait("document.getElementById('state').textContent === 'working'");
    edgeban.stop();
}

#[test]
fn clients_that_say_and_read_nothing_hold_nobody_up() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let edgeban = lab.start(&config(&lab, "127.0.0.1:9191", ""));
    let idle: Vec<_> =
        lab.on_router(|| (0..40).map(|_| std::net::TcpStream::connect("127.0.0.1:9191").unwrap()).collect());
    let addrs: Vec<_> = (1..=200).map(numbered).collect();
    for _ in 0..3 {
        log.failures(addrs.iter().copied());
    }
    lab.wait_for_bans(addrs.iter().copied());
    list(&lab, 200);
    drop(idle);
    edgeban.stop();
}

#[test]
fn a_browser_shows_who_is_banned_and_why_and_lifts_a_ban_by_keyboard() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let edgeban = lab.start(&config(&lab, "127.0.0.1:9191", &format!("web_token = \"{TOKEN}\"")));
    let mut browser = Browser::open(&lab, "http://127.0.0.1:9191/");
    browser.wait("document.getElementById('state').textContent === 'working'");
    browser.wait("document.getElementById('count').textContent === 'Nobody is banned.'");
    assert_eq!(
        browser.eval("performance.getEntriesByType('resource').every(r => r.name.startsWith(location.origin))"),
        true
    );

    // Shown as it happens, without a reload; what the attacker wrote is text.
    let (addr, other) = (numbered(7), numbered(8));
    for n in 0..3 {
        log.write(format!(
            "Nov 24 05:00:0{n} edge sshd[7]: Failed password for invalid user <img src=x onerror=window.hit=1> from {addr} port 5 ssh2\n"
        ));
        log.failure(other);
    }
    browser.wait(&format!("[...document.querySelectorAll('#list .addr')].some(e => e.textContent === '{addr}')"));
    browser.wait("document.getElementById('banned').textContent === '2'");
    browser.wait("document.getElementById('attempts').textContent === '6'");
    browser.wait("document.querySelectorAll('#chart rect').length === 2");
    browser
        .eval(&format!("[...document.querySelectorAll('#list button')].find(e => e.textContent === '{addr}').click()"));
    browser.wait("document.querySelectorAll('#list pre').length === 3");
    assert_eq!(browser.eval("document.querySelector('#list pre').textContent.includes('<img src=x')"), true);
    assert_eq!(browser.eval("document.querySelectorAll('img').length + (window.hit || 0)"), 0);

    // By keyboard: to the search, and to the button of the one that is found.
    browser.press("/");
    assert_eq!(browser.eval("document.activeElement.id"), "q");
    browser.write(&other.to_string());
    browser.wait("document.getElementById('count').textContent === '1 of 1 shown.'");
    for _ in 0..3 {
        browser.press("Tab");
    }
    assert_eq!(browser.eval("document.activeElement.textContent"), "Unban");
    browser.press("Enter");
    browser.wait("document.getElementById('ask').open");
    browser.write("not the token at all");
    browser.press("Enter");
    browser.wait("document.getElementById('ask-bad').textContent === 'This is not the token.'");
    assert_eq!(lab.banned().len(), 2);
    browser.eval("document.getElementById('token').value = ''; document.getElementById('token').focus()");
    browser.write(TOKEN);
    browser.press("Enter");
    lab.wait_for_bans([addr]);
    browser.wait("document.getElementById('banned').textContent === '1'");
    edgeban.stop();
}

#[test]
fn the_page_fits_a_phone_and_follows_light_and_dark() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let edgeban = lab.start(&config(&lab, "127.0.0.1:9191", ""));
    let addrs: Vec<_> = (1..=30).map(numbered).collect();
    for _ in 0..3 {
        log.failures(addrs.iter().copied());
    }
    lab.wait_for_bans(addrs.iter().copied());
    let mut browser = Browser::open(&lab, "http://127.0.0.1:9191/");
    let phone = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
    browser.call("Emulation.setDeviceMetricsOverride", phone);
    browser.wait("document.querySelectorAll('#list tr').length === 30");
    assert_eq!(browser.eval("document.documentElement.scrollWidth <= 360"), true, "nothing runs out at the side");
    let mut colours = Vec::new();
    for scheme in ["light", "dark"] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.call("Emulation.setEmulatedMedia", media);
        colours.push(
            browser.eval("getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color"),
        );
        if let Some(dir) = std::env::var_os("EDGEBAN_SCREENSHOTS") {
            let shot = browser.call("Page.captureScreenshot", json!({ "format": "png" }));
            let path = std::path::Path::new(&dir).join(format!("{scheme}.png.base64"));
            std::fs::write(path, shot["data"].as_str().unwrap()).unwrap();
        }
    }
    assert_ne!(colours[0], colours[1]);
    edgeban.stop();
}
