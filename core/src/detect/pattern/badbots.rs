//! Robots that harvest mail addresses and the like, by the user agent in the access log: it ends with one of these names.

use super::access::Access;
use crate::addr::Addr;
use crate::detect::Mode;

/// Whose failure a request is.
pub(in crate::detect) fn read(access: &Access<'_>, _mode: Mode) -> Option<Addr> {
    let agent = access.agent()?;
    NAMES.iter().any(|name| agent.ends_with(name.as_bytes())).then_some(access.peer)
}

/// fail2ban's list, most of it from user-agents.org. A quote cannot stand in one.
const NAMES: &[&str] = &[
    "Atomic_Email_Hunter/4.0",
    "atSpider/1.0",
    "autoemailspider",
    "bwh3_user_agent",
    "China Local Browse 2.6",
    "ContactBot/0.2",
    "ContentSmartz",
    "DataCha0s/2.0",
    "DBrowse 1.4b",
    "DBrowse 1.4d",
    "Demo Bot DOT 16b",
    "Demo Bot Z 16b",
    "DSurf15a 01",
    "DSurf15a 71",
    "DSurf15a 81",
    "DSurf15a VA",
    "EBrowse 1.4b",
    "Educate Search VxB",
    "EmailCollector",
    "EmailSiphon",
    "EmailSpider",
    "EmailWolf 1.00",
    "ESurf15a 15",
    "ExtractorPro",
    "Franklin Locator 1.8",
    "FSurf15a 01",
    "Full Web Bot 0416B",
    "Full Web Bot 0516B",
    "Full Web Bot 2816B",
    "Guestbook Auto Submitter",
    "Industry Program 1.0.x",
    "ISC Systems iRc Search 2.1",
    "IUPUI Research Bot v 1.9a",
    "Jorgee",
    "LARBIN-EXPERIMENTAL (efp@gmx.net)",
    "LetsCrawl.com/1.0 +http://letscrawl.com/",
    "Lincoln State Web Browser",
    "LMQueueBot/0.2",
    "LWP::Simple/5.803",
    "Mac Finder 1.0.xx",
    "MFC Foundation Class Library 4.0",
    "Microsoft URL Control - 6.00.8xxx",
    "Missauga Locate 1.0.0",
    "Missigua Locator 1.9",
    "Missouri College Browse",
    "Mizzu Labs 2.2",
    "Mo College 1.9",
    "Mozilla/2.0 (compatible; NEWT ActiveX; Win32)",
    "Mozilla/3.0 (compatible; Indy Library)",
    "Mozilla/3.0 (compatible; scan4mail (advanced version) http://www.peterspages.net/?scan4mail)",
    "Mozilla/4.0 (compatible; Advanced Email Extractor v2.xx)",
    "Mozilla/4.0 (compatible; Iplexx Spider/1.0 http://www.iplexx.at)",
    "Mozilla/4.0 (compatible; MSIE 5.0; Windows NT; DigExt; DTS Agent",
    "Mozilla/4.0 efp@gmx.net",
    "Mozilla/5.0 (Version: xxxx Type:xx)",
    "MVAClient",
    "NameOfAgent (CMS Spider)",
    "NASA Search 1.0",
    "Nsauditor/1.x",
    "PBrowse 1.4b",
    "PEval 1.4b",
    "Poirot",
    "Port Huron Labs",
    "Production Bot 0116B",
    "Production Bot 2016B",
    "Production Bot DOT 3016B",
    "Program Shareware 1.0.2",
    "PSurf15a 11",
    "PSurf15a 51",
    "PSurf15a VA",
    "psycheclone",
    "RSurf15a 41",
    "RSurf15a 51",
    "RSurf15a 81",
    "searchbot admin@google.com",
    "ShablastBot 1.0",
    "snap.com beta crawler v0",
    "Snapbot/1.0",
    "Snapbot/1.0 (Snap Shots&#44; +http://www.snap.com)",
    "sogou develop spider",
    "sogou music spider",
    "Sogou Orion spider/3.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
    "sogou spider",
    "Sogou web spider/3.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
    "sohu agent",
    "SSurf15a 11 ",
    "TrackBack/1.02",
    "TSurf15a 11",
    "Under the Rainbow 2.2",
    "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
    "VadixBot",
    "WebEMailExtrac",
    "WebVulnCrawl.unknown/1.0 libwww-perl/5.803",
    "Wells Search II",
    "WEP Search 00",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::pattern::access;
    use std::format;
    use std::string::ToString;

    #[test]
    fn the_end_of_the_user_agent_decides() {
        for (fields, counts) in [
            (r#""-" "EmailSiphon""#, true),
            (r#""-" "Mozilla/5.0 Jorgee""#, true),
            (r#""-" "LWP::Simple/5.803" "203.0.113.9""#, true),
            (r#""-" "EmailSiphon/1.0""#, false),
            (r#""EmailSiphon" "Mozilla/5.0""#, false),
            (r#""-" "Mozilla/5.0" "EmailSiphon""#, false),
            ("", false),
        ] {
            let line = format!(r#"10.1.1.1 - - [05/Mar/2007:14:39:21 +0100] "GET / HTTP/1.0" 301 459 {fields}"#);
            let got = access::read(line.as_bytes())
                .and_then(|access| read(&access, Mode::Normal))
                .map(|addr| addr.to_string());
            assert_eq!(got.as_deref(), counts.then_some("10.1.1.1"), "{line}");
        }
    }
}
