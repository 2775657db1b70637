//! Who is connected. Generic over the connection, which is the image's business.
//!
//! A client that asks nothing, or asked and does not go away, keeps its place only as long as nobody else wants it: when
//! all [`limits::CLIENTS`] places are taken, a new client takes that of the one that was quiet for longest, unless all of
//! them wait for an answer. Those that are quiet for [`IDLE`] are sent away.

use super::Wait;
use crate::limits;
use crate::time::{Duration, Instant};

/// How long a client may be quiet. A request follows the connection at once.
pub const IDLE: Duration = Duration::from_secs(10);

/// One client.
pub struct Client<C> {
    /// Its connection.
    pub connection: C,
    /// What its answer waits for.
    pub wait: Option<Wait>,
    /// When it came or was last heard.
    heard: Instant,
}

impl<C> Client<C> {
    /// Notes that it said something.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
    }
}

/// What happened with clients since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Connections that were taken.
    pub connected: u64,
    /// Requests that were understood.
    pub requests: u64,
    /// Packets that were not, or were of another version.
    pub malformed: u64,
    /// Connections of users who may not ask.
    pub not_permitted: u64,
    /// Clients that had to make room for others.
    pub evicted: u64,
    /// Clients that were quiet for too long.
    pub idle: u64,
    /// Clients that did not read their answers.
    pub slow: u64,
    /// Clients that found no place because all others waited for answers.
    pub no_room: u64,
}

/// All clients.
pub struct Clients<C> {
    places: [Option<Client<C>>; limits::CLIENTS],
    /// What happened.
    pub counters: Counters,
}

impl<C> Clients<C> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self { places: [const { None }; limits::CLIENTS], counters: Counters::default() }
    }

    /// Gives a client a place and returns its number. The connection of one that made room for it is dropped.
    ///
    /// # Errors
    /// The connection, if all others wait for answers.
    pub fn admit(&mut self, connection: C, now: Instant) -> Result<usize, C> {
        let idle = |place: &Option<Client<C>>| match place {
            None => Some(Instant::ZERO),
            Some(client) if client.wait.is_none() => Some(client.heard),
            Some(_) => None,
        };
        let free = self.places.iter().position(Option::is_none);
        let quietest = || {
            let places = self.places.iter().enumerate();
            places.filter_map(|(n, place)| Some((idle(place)?, n))).min().map(|(_, n)| n)
        };
        let Some((number, place)) = free.or_else(quietest).and_then(|n| Some((n, self.places.get_mut(n)?))) else {
            self.counters.no_room += 1;
            return Err(connection);
        };
        self.counters.connected += 1;
        self.counters.evicted += u64::from(place.is_some());
        *place = Some(Client { connection, wait: None, heard: now });
        Ok(number)
    }

    /// The client at a place.
    pub fn get(&mut self, place: usize) -> Option<&mut Client<C>> {
        self.places.get_mut(place)?.as_mut()
    }

    /// Sends the client at a place away.
    pub fn close(&mut self, place: usize) {
        if let Some(place) = self.places.get_mut(place) {
            *place = None;
        }
    }

    /// Sends away who was quiet for too long.
    pub fn close_idle(&mut self, now: Instant) {
        for place in &mut self.places {
            if place.as_ref().is_some_and(|client| client.wait.is_none() && client.heard + IDLE <= now) {
                *place = None;
                self.counters.idle += 1;
            }
        }
    }

    /// When a client has waited or been quiet for too long.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        let end = |client: &Client<C>| client.wait.as_ref().map_or(client.heard + IDLE, Wait::deadline);
        self.places.iter().flatten().map(end).min()
    }
}

impl<C> Default for Clients<C> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Addr;
    use std::rc::Rc;
    use std::vec::Vec;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn at_capacity_the_quietest_makes_room() {
        let mut clients = Clients::new();
        let connections: Vec<Rc<()>> = (0..=limits::CLIENTS).map(|_| Rc::new(())).collect();
        let mut last = 0;
        for (n, connection) in connections.iter().enumerate() {
            if n == limits::CLIENTS {
                clients.get(0).unwrap().heard(at(500));
            }
            last = clients.admit(Rc::clone(connection), at(u64::try_from(n).unwrap())).unwrap();
        }
        assert_eq!(last, 1, "the first one spoke");
        assert_eq!(Rc::strong_count(&connections[1]), 1, "its connection is closed");
        assert_eq!((clients.counters.connected, clients.counters.evicted), (17, 1));
    }

    #[test]
    fn who_waits_for_an_answer_keeps_its_place() {
        let mut clients = Clients::new();
        for n in 0..limits::CLIENTS {
            assert_eq!(clients.admit(n, at(0)), Ok(n));
            if n != 5 {
                clients.get(n).unwrap().wait = Some(Wait::for_unban(Addr::v4([192, 0, 2, 1]), at(0)));
            }
        }
        assert_eq!(clients.admit(100, at(1)), Ok(5));
        clients.get(5).unwrap().wait = Some(Wait::for_unban(Addr::v4([192, 0, 2, 1]), at(0)));
        assert_eq!(clients.admit(101, at(1)), Err(101));
        assert_eq!(clients.counters.no_room, 1);
        clients.close(7);
        assert_eq!(clients.admit(102, at(1)), Ok(7));
    }

    #[test]
    fn who_is_quiet_for_too_long_is_sent_away() {
        let mut clients = Clients::new();
        assert_eq!(clients.poll_at(), None);
        for n in 0..3 {
            assert_eq!(clients.admit(n, at(0)), Ok(n));
        }
        clients.get(0).unwrap().heard(at(1));
        clients.get(1).unwrap().wait = Some(Wait::for_unban(Addr::v4([192, 0, 2, 1]), at(0)));
        assert_eq!(clients.poll_at(), Some(clients.get(1).unwrap().wait.as_ref().unwrap().deadline()));
        clients.close_idle(at(IDLE.as_millis()));
        assert!(clients.get(0).is_some() && clients.get(1).is_some() && clients.get(2).is_none());
        assert_eq!(clients.counters.idle, 1);
    }
}
