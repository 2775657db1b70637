//! A real Chromium, driven through its own protocol (`--remote-debugging-pipe`).

use crate::lab::{Lab, eventually, tied};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Child;

/// A browser with one page, on the lab's router.
pub struct Browser {
    child: Child,
    to: File,
    from: BufReader<File>,
    session: String,
    last: u64,
}

impl Browser {
    /// Starts one, with its profile in the lab's directory, and opens the page.
    ///
    /// # Panics
    /// Without Chromium.
    #[must_use]
    pub fn open(lab: &Lab, url: &str) -> Self {
        let dir = lab.dir().display().to_string();
        for fifo in ["to", "from"] {
            mknodat(CWD, format!("{dir}/{fifo}"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        }
        let script = format!(
            "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
             --user-data-dir={dir}/chromium --remote-debugging-pipe about:blank 3<{dir}/to 4>{dir}/from 2>{dir}/chromium.log"
        );
        let mut command = lab.router("sh");
        command.args(["-c", &script]);
        let child = tied(command).spawn().unwrap();
        // Both ends wait for each other, in the shell's order.
        let to = File::options().write(true).open(format!("{dir}/to")).unwrap();
        let from = BufReader::new(File::open(format!("{dir}/from")).unwrap());
        let mut browser = Self { child, to, from, session: String::new(), last: 0 };
        let target = browser.call("Target.createTarget", json!({ "url": url }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    /// Calls a method of the protocol.
    ///
    /// # Panics
    /// If the browser says that it failed.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut answer = Vec::new();
            self.from.read_until(0, &mut answer).unwrap();
            assert_eq!(answer.pop(), Some(0), "the browser ended");
            let mut answer: Value = serde_json::from_slice(&answer).unwrap();
            // Between answers come events.
            if answer["id"].as_u64() == Some(self.last) {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
        }
    }

    /// The value of an expression in the page.
    ///
    /// # Panics
    /// If it throws.
    pub fn eval(&mut self, script: &str) -> Value {
        self.try_eval(script).unwrap_or_else(|thrown| panic!("{script}: {thrown}"))
    }

    fn try_eval(&mut self, script: &str) -> Result<Value, Value> {
        let parameters = json!({ "expression": script, "returnByValue": true, "awaitPromise": true });
        let mut result = self.call("Runtime.evaluate", parameters);
        if result["exceptionDetails"].is_null() { Ok(result["result"]["value"].take()) } else { Err(result) }
    }

    /// Waits until an expression in the page, which may not be there yet, is true.
    ///
    /// # Panics
    /// If it does not become so.
    pub fn wait(&mut self, script: &str) {
        let shown = std::panic::AssertUnwindSafe(|| {
            eventually(script, || self.try_eval(script).is_ok_and(|v| v == true).then_some(()))
        });
        if let Err(panic) = std::panic::catch_unwind(shown) {
            println!("the page: {}", self.eval("document.body.innerText"));
            std::panic::resume_unwind(panic);
        }
    }

    /// Presses a key as a person does.
    pub fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 {
            key
        } else if key == "Enter" {
            "\r"
        } else {
            ""
        };
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            _ => 0,
        };
        let of = |kind: &str, text: &str| json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code });
        self.call("Input.dispatchKeyEvent", of(if text.is_empty() { "rawKeyDown" } else { "keyDown" }, text));
        self.call("Input.dispatchKeyEvent", of("keyUp", ""));
    }

    /// Types text as a person does.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
