//! What the parser says, event by event: the half of [`Reader`] that knows the grammar's order and nothing of settings.

use super::error::{PathFault, Problem};
use super::key::Key;
use super::reader::{Defined, Place, Reader};
use toml_parser::decoder::Encoding;
use toml_parser::parser::EventReceiver;
use toml_parser::{ErrorSink, Span};

impl EventReceiver for Reader<'_, '_, '_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.in_header = true;
        self.open = span;
        self.at = None;
    }

    fn std_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.step(true);
        self.in_header = false;
        self.at = None;
        self.here = self.target.0;
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.in_header = true;
        self.open = span;
        // Its names do not matter: the whole is refused when it closes.
        self.at = Some(Place::Nowhere);
    }

    fn array_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.here = self.wrong(self.open.append(span), Problem::ArrayOfTables);
        self.in_header = false;
        self.segment = None;
        self.at = None;
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, _: &mut dyn ErrorSink) {
        self.segment = Some((span, encoding));
    }

    fn key_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.step(false);
    }

    fn key_val_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.step(true);
        self.at = None;
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, _: &mut dyn ErrorSink) {
        match self.target {
            (Place::Setting(owner, key), _) => self.value(owner, key, span, encoding),
            (Place::Nowhere, _) => {}
            (_, name) => {
                self.wrong(name, Problem::NotAValue);
            }
        }
    }

    fn array_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        let (place, name) = self.target;
        let accepted = match place {
            Place::Setting(owner, key) if key.is_list() && !self.in_array => {
                self.clear(owner, key);
                true
            }
            Place::Setting(_, key) => {
                self.elements = self.elements.saturating_add(1);
                self.wrong(span.before(), Problem::Type("an array", key));
                false
            }
            Place::Nowhere => false,
            _ => {
                self.wrong(name, Problem::NotAValue);
                false
            }
        };
        if accepted {
            self.in_array = true;
            self.open = span;
            self.elements = 0;
        } else {
            self.refused = true;
        }
        accepted
    }

    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        if self.refused {
            self.refused = false;
            return;
        }
        self.in_array = false;
        self.full = false;
        let problem = match self.target.0 {
            Place::Setting(_, Key::Logpath) => Problem::Path(PathFault::None),
            Place::Setting(_, key @ Key::Match) => Problem::Empty(key),
            _ => return,
        };
        if self.elements == 0 {
            self.wrong(self.open, problem);
        }
    }

    fn inline_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        let (place, name) = self.target;
        let place = match place {
            Place::Setting(_, key) => {
                self.elements = self.elements.saturating_add(1);
                self.wrong(span.before(), Problem::Type("a table", key))
            }
            _ => self.define(place, Defined::Inline, name),
        };
        // Two levels are the most that lead anywhere, so there is always room.
        let accepted = place != Place::Nowhere && self.around.push(self.here).is_ok();
        if accepted {
            self.here = place;
        } else {
            self.refused = true;
        }
        accepted
    }

    fn inline_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        if self.refused {
            self.refused = false;
        } else if let Some(here) = self.around.pop() {
            self.here = here;
        }
    }
}
