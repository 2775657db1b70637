//! Bans that grow, and bans for those who come back, as the kernel holds them.

use edgeban_tests::lab::{ATTACKERS_V4, Lab, LogFile, eventually, text};
use serde_json::Value;

/// The jails of `edgeban status --json` and how many each has banned.
fn banned_by(lab: &Lab, config: &str) -> Vec<(String, u64)> {
    let status = text(&mut lab.edgeban(&["status", "--json", "--config", config])).unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    let jails = status["jails"].as_array().unwrap().iter();
    jails.map(|jail| (jail["jail"].as_str().unwrap().to_owned(), jail["banned"].as_u64().unwrap())).collect()
}

#[test]
fn each_ban_is_twice_as_long_and_the_fourth_is_that_of_recidive() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let config = lab.config(&format!(
        "[jails.sshd]\nmaxretry = 1\nbantime = 2\nbantime_increment = true\nlogpath = {:?}\n\
         [jails.recidive]\nmaxretry = 4\nbantime = \"1h\"\n",
        log.name()
    ));
    let edgeban = lab.start_file(&config);
    let who = ATTACKERS_V4[0].into();
    for (round, secs) in (1..).zip([2, 4, 8]) {
        log.failure(who);
        let ban = eventually("it is banned", || lab.bans().get(&who).copied());
        assert!(ban.lasts(secs), "{ban:?} instead of {secs} s");
        let ended = format!("unbanned {who}: its time is over");
        eventually("the ban ends", || (edgeban.log().matches(&ended).count() == round).then_some(()));
    }
    log.failure(who);
    edgeban.wait_for_log(&format!("banned {who} by recidive for 3600s"));
    assert!(lab.bans()[&who].lasts(3600), "{:?}", lab.bans());
    let banned = banned_by(&lab, &config);
    assert_eq!(banned, [("sshd".into(), 0), ("recidive".into(), 1), ("manual".into(), 0)]);
    let counters = edgeban.stop();
    assert_eq!((counters.bans, counters.unbans), (4, 3));
}
