//! The filter's work on the Rust SDK: five labels, a counter, a histogram, an exact quota a user in shared data.
//! The plugin configuration is a prefix for the keys of the quota, so that two copies share no buckets.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, Bytes, ContextType, MetricType, Status};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

const NANOS_PER_REQUEST: u64 = 100_000_000;
const BURST: u64 = 1_000_000;
const TRIES: u32 = 16;
const LABELS: [(&str, &str); 4] = [
    ("symbol", "x-trading-symbol"),
    ("order_type", "x-order-type"),
    ("strategy_id", "x-strategy-id"),
    ("operation", "x-trading-operation"),
];
const USER: &str = "x-user-id";

/// Metric ids by label values: a metric is defined once.
#[derive(Default)]
struct Series {
    counters: HashMap<Vec<u8>, u32>,
    histograms: HashMap<Vec<u8>, u32>,
}

thread_local! {
    static SERIES: RefCell<Series> = RefCell::default();
}

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Peer { prefix: Rc::from("") }));
}}

struct Peer {
    prefix: Rc<str>,
}

impl Context for Peer {}

impl RootContext for Peer {
    fn on_configure(&mut self, _size: usize) -> bool {
        let bytes = self.get_plugin_configuration().unwrap_or_default();
        self.prefix = Rc::from(String::from_utf8_lossy(&bytes).as_ref());
        true
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request {
            prefix: Rc::clone(&self.prefix),
            values: Default::default(),
            begun: 0,
            denied: false,
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Request {
    prefix: Rc<str>,
    values: [Option<Bytes>; 4],
    begun: u64,
    denied: bool,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.begun = now_nanos();
        let mut user = None;
        for (name, value) in self.get_http_request_headers_bytes() {
            if name == USER {
                user = Some(value);
            } else if let Some(label) = LABELS.iter().position(|(_, header)| *header == name) {
                self.values[label] = Some(value);
            }
        }
        let Some(user) = user else { return Action::Continue };
        if self.admits(&user) {
            return Action::Continue;
        }
        self.denied = true;
        self.send_http_response(429, vec![("retry-after", "1")], None);
        Action::Pause
    }

    fn on_log(&mut self) {
        let status = self.get_http_response_header_bytes(":status");
        let result = if self.denied { "quota_denied" } else { result_of(status.as_deref()) };
        let micros = now_nanos().saturating_sub(self.begun) / 1_000;
        SERIES.with_borrow_mut(|series| {
            let mut key = Vec::with_capacity(96);
            for value in &self.values {
                key.extend_from_slice(value.as_deref().unwrap_or(b"none"));
                key.push(0);
            }
            let histogram = series.histogram(&key, &self.values);
            key.extend_from_slice(result.as_bytes());
            let counter = series.counter(&key, &self.values, result);
            let _ = hostcalls::increment_metric(counter, 1);
            let _ = hostcalls::record_metric(histogram, micros);
        });
    }
}

impl Request {
    /// GCRA: the bucket is the time at which it is full again. A request for which the store fails passes.
    fn admits(&self, user: &[u8]) -> bool {
        let key = format!("{}{}", self.prefix, String::from_utf8_lossy(user));
        for _ in 0..TRIES {
            let Ok((value, cas)) = hostcalls::get_shared_data(&key) else { return true };
            let full_at = value.and_then(|v| v.try_into().ok()).map_or(0, u64::from_le_bytes);
            let charged = full_at.max(self.begun) + NANOS_PER_REQUEST;
            if charged > self.begun + BURST * NANOS_PER_REQUEST {
                return false;
            }
            match hostcalls::set_shared_data(&key, Some(&charged.to_le_bytes()), cas) {
                Err(Status::CasMismatch) => continue,
                _ => return true,
            }
        }
        true
    }
}

impl Series {
    fn counter(&mut self, key: &[u8], values: &[Option<Bytes>; 4], result: &str) -> u32 {
        if let Some(id) = self.counters.get(key) {
            return *id;
        }
        let name = format!("rust_requests_total.{}result=.={result};.;", spelled(values));
        define(&mut self.counters, key, MetricType::Counter, &name)
    }

    fn histogram(&mut self, key: &[u8], values: &[Option<Bytes>; 4]) -> u32 {
        if let Some(id) = self.histograms.get(key) {
            return *id;
        }
        let name = format!("rust_request_duration_us.{}", spelled(values));
        define(&mut self.histograms, key, MetricType::Histogram, &name)
    }
}

fn define(ids: &mut HashMap<Vec<u8>, u32>, key: &[u8], kind: MetricType, name: &str) -> u32 {
    let id = hostcalls::define_metric(kind, name).unwrap_or(0);
    ids.insert(key.to_vec(), id);
    id
}

fn spelled(values: &[Option<Bytes>; 4]) -> String {
    let pairs = LABELS.iter().zip(values);
    pairs
        .map(|((label, _), value)| {
            let value = String::from_utf8_lossy(value.as_deref().unwrap_or(b"none"));
            format!("{label}=.={value};.;")
        })
        .collect()
}

fn result_of(status: Option<&[u8]>) -> &'static str {
    match status.and_then(|digits| digits.first()) {
        Some(b'1'..=b'3') => "ok",
        Some(b'4') => "client_error",
        Some(b'5') => "server_error",
        _ => "aborted",
    }
}

fn now_nanos() -> u64 {
    let now = hostcalls::get_current_time().unwrap_or(UNIX_EPOCH);
    now.duration_since(UNIX_EPOCH).map_or(0, |since: std::time::Duration| since.as_nanos() as u64)
}
