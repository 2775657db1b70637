//! STUB until merged.
#![allow(missing_docs, unused)]
pub mod duration;
pub mod model;
use model::*;
pub type Tokens = heapless::Vec<u64, 16>;
pub const ERRORS: u32 = 20;
pub struct Error {
    pub line: u32,
    pub column: u32,
}
impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("x")
    }
}
pub struct Refused {
    pub errors: u32,
}
pub fn read(
    text: &[u8],
    tokens: &mut Tokens,
    config: &mut Config,
    report: &mut dyn FnMut(&Error),
) -> Result<(), Refused> {
    defaults(config);
    if let Some(j) = config.jails.first_mut() {
        j.logpath.clear();
        let _ = j
            .logpath
            .push(heapless::String::try_from(core::str::from_utf8(text).unwrap_or("").trim()).unwrap_or_default());
    }
    Ok(())
}
pub fn defaults(config: &mut Config) {
    config.global = Global::default();
    let _ = config.jails.push(Jail {
        name: heapless::String::try_from("sshd").unwrap_or_default(),
        enabled: true,
        filter: crate::detect::Filter::Sshd,
        mode: crate::detect::Mode::Normal,
        logpath: heapless::Vec::new(),
        maxretry: 3,
        findtime: crate::time::Duration::from_secs(86400),
        bantime: BanTime::For(crate::time::Duration::from_secs(600)),
        ignoreip: heapless::Vec::new(),
    });
}
