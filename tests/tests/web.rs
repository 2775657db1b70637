//! From a refused request to the silence after it: a real nginx, real clients, the kernel's own packet filter.

use edgeban_tests::lab::{ATTACKERS_V4, ATTACKERS_V6, Lab, ROUTER_V4, ROUTER_V6, eventually};
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

/// `openssl passwd -apr1 -salt edgeban "correct horse"`, for the only user.
const USERS: &str = "alice:$apr1$edgeban$GN91lfhiykjIXmT4qpp.O1\n";

/// Starts nginx on port 80 of the router, with a password for everything and an access log in this format.
fn start(lab: &Lab, format: &str, log: &str) {
    let dir = lab.dir().to_str().unwrap();
    let config = format!(
        "user root;\npid {dir}/nginx.pid;\nerror_log {dir}/error.log;\nevents {{}}\nhttp {{\n\
         {format}\naccess_log {log} format;\nclient_body_temp_path {dir}/1;\nproxy_temp_path {dir}/2;\n\
         fastcgi_temp_path {dir}/3;\nuwsgi_temp_path {dir}/4;\nscgi_temp_path {dir}/5;\n\
         server {{ listen 80; listen [::]:80; root {dir};\n\
         auth_basic x; auth_basic_user_file {dir}/users; location / {{ return 200; }}\n\
         location /secret {{ alias {dir}/secret; }} }} }}\n"
    );
    fs::write(lab.dir().join("users"), USERS).unwrap();
    fs::write(lab.dir().join("secret"), "").unwrap();
    fs::write(lab.dir().join("nginx.conf"), config).unwrap();
    lab.service("nginx", &["-c", &format!("{dir}/nginx.conf"), "-g", "daemon off;"]);
    // From the router's side, so that no attacker has made a connection yet.
    for to in [IpAddr::from(ROUTER_V4), ROUTER_V6.into()] {
        eventually("nginx listens", || {
            let mut client = lab.router("busybox");
            client.args(["nc", "-w", "1", &to.to_string(), "80"]);
            client.output().unwrap().status.success().then_some(())
        });
    }
}

/// Asks for the secret from this address; the answer's status, or nothing if nothing comes back.
fn ask(lab: &Lab, from: IpAddr, login: Option<&str>) -> Option<u16> {
    let url = match from {
        IpAddr::V4(_) => format!("http://{ROUTER_V4}/secret"),
        IpAddr::V6(_) => format!("http://[{ROUTER_V6}]/secret"),
    };
    let victim = ATTACKERS_V4[2];
    let mut client = lab.attackers("curl");
    client.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "2", "--interface", &from.to_string()]);
    client.args(["-H", &format!("X-Forwarded-For: {victim}")]);
    client.args(["-A", &format!("x\" 401 1 \"{victim} - - \",\"remote_addr\":\"{victim}\",\"status\":\"401")]);
    if let Some(login) = login {
        client.args(["-u", login]);
    }
    let output = client.arg(url).output().unwrap();
    match output.status.code() {
        Some(0) => Some(String::from_utf8_lossy(&output.stdout).parse().unwrap()),
        Some(28) => None,
        code => panic!("curl ended with {code:?}"),
    }
}

fn attack(format: &str) {
    let lab = Lab::new();
    let log = lab.dir().join("access.log");
    start(&lab, format, log.to_str().unwrap());
    let edgeban = lab.start(&format!(
        "[defaults]\nmaxretry = 3\nfindtime = \"10m\"\nbantime = \"10m\"\n[jails.nginx-access]\nlogpath = \"{}\"\n",
        log.display()
    ));
    let logged = || fs::read_to_string(&log).unwrap();
    let mut banned = BTreeSet::new();
    for (attacker, owner) in [
        (IpAddr::from(ATTACKERS_V4[0]), IpAddr::from(ATTACKERS_V4[1])),
        (ATTACKERS_V6[0].into(), ATTACKERS_V6[1].into()),
    ] {
        let wrong = Some("root:9.9.9.9 x");
        for _ in 0..2 {
            assert_eq!(ask(&lab, attacker, wrong), Some(401));
        }
        // A browser's first request has no password, and the second has the right one.
        assert_eq!(ask(&lab, owner, None), Some(401));
        assert_eq!(ask(&lab, owner, Some("alice:correct horse")), Some(200));
        assert_eq!(lab.banned(), banned, "{}", logged());
        assert_eq!(ask(&lab, attacker, wrong), Some(401), "the third");
        banned.insert(attacker);
        eventually("the attacker is banned", || (lab.banned() == banned).then_some(()));
        assert_eq!(ask(&lab, attacker, wrong), None, "the fourth");
        assert_eq!(ask(&lab, owner, Some("alice:correct horse")), Some(200));
    }
    let counters = edgeban.stop();
    assert_eq!((counters.failed, counters.bans), (8, 2), "{counters:?}\n{}", logged());
}

#[test]
fn nginx_in_the_combined_format() {
    // What nginx calls `combined` itself.
    attack(
        r#"log_format format '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';"#,
    );
}

#[test]
fn nginx_in_json() {
    attack(
        r#"log_format format escape=json '{"time":"$time_iso8601","remote_addr":"$remote_addr","user":"$remote_user","agent":"$http_user_agent","request":"$request","status":$status}';"#,
    );
}
