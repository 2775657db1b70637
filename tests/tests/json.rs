//! The reader of JSON lines against `serde_json`.

use edgeban_core::detect::json::{Object, Value as Read};
use proptest::prelude::*;
use serde_json::{Map, Value};

const KEYS: &[&str] = &["ip", "a", "a b", "\"", "\\", "é", "ip\n", ""];

fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &["\"", "\\", ",", ":", "{", "}", "\",\"ip\":\"9.9.9.9", "ip", "é", "\n", "\u{1}", "x"][..],
    );
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Value> {
    nested(prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
        text().prop_map(Value::String),
    ])
}

fn nested(leaf: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            object(inner).prop_map(Value::Object),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((prop::sample::select(KEYS), inner), 0..5)
        .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn same(read: Option<Read<'_>>, want: Option<&Value>) {
    match (read, want) {
        (None, None) => {}
        (Some(Read::Text(text)), Some(Value::String(want))) => {
            assert_eq!(text.bytes().filter(|b| *b != 0xff).collect::<Vec<_>>(), want.bytes().collect::<Vec<_>>());
            assert!(text.is(want));
        }
        (Some(Read::Plain(plain)), Some(Value::Null | Value::Bool(_) | Value::Number(_))) => {
            assert_eq!(plain, want.unwrap().to_string().as_bytes());
        }
        (Some(Read::Array(inner)), Some(want @ Value::Array(_))) => {
            let inner = format!("[{}]", String::from_utf8_lossy(inner));
            assert_eq!(&serde_json::from_str::<Value>(&inner).unwrap(), want);
        }
        (Some(Read::Object(object)), Some(Value::Object(want))) => all(object, want),
        other => panic!("{other:?}"),
    }
}

fn all(object: Object<'_>, want: &Map<String, Value>) {
    for key in KEYS {
        let [read] = object.fields([key]).expect("no key is there twice");
        same(read, want.get(*key));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_what_was_written(members in object(value()), pretty: bool) {
        let value = Value::Object(members);
        let line = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        all(Object::parse(line.as_bytes()).expect(&line), value.as_object().unwrap());
    }

    #[test]
    fn what_is_damaged_is_refused_or_well_formed(members in object(nested(text().prop_map(Value::String))), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut line = serde_json::to_vec(&Value::Object(members)).unwrap();
        let at = at.index(line.len());
        line[at] = byte;
        if cut {
            line.truncate(at);
        }
        let read = Object::parse(&line).is_some();
        match serde_json::from_slice::<Value>(&line) {
            // A key that is there twice is found when it is asked for.
            Ok(value) => prop_assert_eq!(read, value.is_object()),
            // What is accepted beyond JSON.
            Err(_) if std::str::from_utf8(&line).is_err() || byte == b'x' => {}
            Err(fault) => prop_assert!(!read, "{}: {}", String::from_utf8_lossy(&line), fault),
        }
    }

    #[test]
    fn any_bytes_end_well(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Some(object) = Object::parse(&bytes) {
            let _ = object.fields(["a", "b"]);
        }
    }
}
