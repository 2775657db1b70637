//! One connection: its request, its answer, its patience.

use super::World;
use super::answer::{Answer, Body, Filled};
use super::request::{Bad, Request};
use super::text::Text;
use crate::time::{Duration, Instant};
use core::fmt::Write;

/// Bytes of a request's head. A browser's has less than one KiB here: there are no cookies.
pub const INPUT: usize = 2048;

/// Bytes of an answer that are ready at one time. The largest part, a log line of which each byte is escaped, fits.
pub const OUTPUT: usize = 4096;

/// How long a request may take to come, and how long a client may take to read some of its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who may do what.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// Only this machine can connect.
    pub local: bool,
    /// `token`.
    pub token: Option<&'a str>,
}

impl Access<'_> {
    /// Takes the same time wherever the two differ.
    fn has(&self, token: Option<&[u8]>) -> bool {
        let (Some(want), Some(got)) = (self.token, token) else { return false };
        let want = want.as_bytes();
        let differ = want.iter().zip(got).fold(0, |differ, (a, b)| differ | (a ^ b));
        want.len() == got.len() && core::hint::black_box(differ) == 0
    }

    pub(super) fn may_read(&self, token: Option<&[u8]>) -> bool {
        self.local || self.has(token)
    }

    pub(super) fn may_change(&self, token: Option<&[u8]>) -> bool {
        self.has(token)
    }
}

enum State {
    /// The request is not complete.
    Head,
    /// The answer is not complete.
    Body { body: Body, wait: bool },
    /// Nothing more is to be written.
    Over,
}

/// The memory of one connection, apart from what it is about, so that it is all zero bytes until it is used.
pub struct Room {
    input: [u8; INPUT],
    output: [u8; OUTPUT],
}

impl Room {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self { input: [0; INPUT], output: [0; OUTPUT] }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

/// One connection. Its methods take the room that it has.
pub struct Client {
    /// Bytes of the request so far.
    got: usize,
    ready: usize,
    sent: usize,
    state: State,
    deadline: Instant,
}

impl Client {
    /// A connection that was made now.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        let deadline = now + PATIENCE;
        Self { got: 0, ready: 0, sent: 0, state: State::Head, deadline }
    }

    /// Takes bytes of the request, and does what it asks when it is complete. What follows it is ignored.
    pub fn receive(&mut self, bytes: &[u8], room: &mut Room, access: &Access<'_>, world: &mut impl World) {
        if !matches!(self.state, State::Head) {
            return;
        }
        let end = self.got + bytes.len();
        let (answer, only_head) = match room.input.get_mut(self.got..end) {
            None => (Answer::TOO_LARGE, false),
            Some(place) => {
                place.copy_from_slice(bytes);
                self.got = end;
                match Request::parse(room.input.get(..end).unwrap_or_default()) {
                    Err(Bad::Partial) if end < INPUT => return,
                    Err(Bad::Partial | Bad::TooLarge) => (Answer::TOO_LARGE, false),
                    Err(Bad::Malformed) => (Answer::MALFORMED, false),
                    Ok(request) => (Answer::of(&request, access, world), request.method == "HEAD"),
                }
            }
        };
        self.deadline = world.now() + PATIENCE;
        self.answer(answer, only_head, room);
    }

    fn answer(&mut self, answer: Answer, only_head: bool, room: &mut Room) {
        let Answer { status, kind, more, body } = answer;
        let mut text = Text::new(&mut room.output);
        // It ends where the connection ends (RFC 9112, 6.3).
        let written = write!(
            text,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
             Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
        );
        self.ready = text.len();
        self.state = if written.is_err() || only_head { State::Over } else { State::Body { body, wait: false } };
    }

    /// What is to be written now; empty if there is nothing now, or nothing more.
    pub fn transmit<'r>(&mut self, room: &'r mut Room, world: &impl World) -> &'r [u8] {
        if self.sent == self.ready
            && let State::Body { body, wait } = &mut self.state
        {
            let mut text = Text::new(&mut room.output);
            let filled = body.fill(world, &mut text);
            (self.ready, self.sent) = (text.len(), 0);
            match filled {
                Filled::More => *wait = false,
                Filled::Later => *wait = true,
                Filled::All => self.state = State::Over,
            }
            if self.ready == 0 && matches!(filled, Filled::Later) {
                // It reads all that there is: its patience is not at stake.
                self.deadline = world.now() + PATIENCE;
            }
        }
        room.output.get(self.sent..self.ready).unwrap_or_default()
    }

    /// So many bytes of it were written.
    pub fn sent(&mut self, bytes: usize, now: Instant) {
        self.sent = self.ready.min(self.sent + bytes);
        if bytes > 0 {
            self.deadline = now + PATIENCE;
        }
    }

    /// Whether there is something to write, or to look for, at once.
    #[must_use]
    pub const fn wants_to_send(&self) -> bool {
        self.sent < self.ready || matches!(self.state, State::Body { wait: false, .. })
    }

    /// Whether more of the request is wanted.
    #[must_use]
    pub const fn wants_to_receive(&self) -> bool {
        matches!(self.state, State::Head)
    }

    /// Looks at the clock: a request that does not come gets an answer that says so, a client that does not read its answer
    /// none.
    pub fn tick(&mut self, room: &mut Room, now: Instant) {
        if now < self.deadline {
            return;
        }
        match &self.state {
            State::Head if self.ready == 0 => {
                self.deadline = now + PATIENCE;
                self.answer(Answer::LATE, false, room);
            }
            State::Body { wait: true, .. } if self.sent == self.ready => {}
            _ => {
                self.state = State::Over;
                self.sent = self.ready;
            }
        }
    }

    /// Whether the connection can be closed.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over) && self.sent == self.ready
    }

    /// When [`Client::tick`] or [`Client::transmit`] has something to do by time alone.
    #[must_use]
    pub fn poll_at(&self) -> Instant {
        match &self.state {
            State::Body { body, wait: true } if self.sent == self.ready => body.poll_at().unwrap_or(self.deadline),
            _ => self.deadline,
        }
    }

    /// Whether it follows `/events`, for which every event is a reason to look.
    #[must_use]
    pub const fn follows_events(&self) -> bool {
        matches!(self.state, State::Body { wait: true, .. })
    }
}
