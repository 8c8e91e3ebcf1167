//! What the proxy knows of a request that is over.
//!
//! Reading an attribute costs a hostcall, and there are many. Envoy evaluates expressions (CEL) for a plugin: one that is a list of all of them
//! costs as much as a few. Where it does not, they are read one by one; both have the same bytes.

use std::ops::Range;

use portcullis_kit::{Host, pairs};

/// What is read. The numbers are places in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// When the request began; nanoseconds since the epoch.
    Time,
    /// How long it took; nanoseconds.
    Duration,
    /// The status that the client got.
    Code,
    /// Who made the response, and why.
    CodeDetails,
    /// Envoy's response flags, as bits.
    Flags,
    /// The length of the body of the request.
    RequestSize,
    /// Likewise of the response.
    ResponseSize,
    /// `HTTP/1.1`.
    Protocol,
    /// The client, as Envoy sees it.
    Source,
    /// The name of the route.
    Route,
    /// The name of the upstream cluster.
    Cluster,
    /// The address of the upstream.
    Upstream,
    /// How often the upstream was tried.
    Attempts,
    /// The version of TLS.
    TlsVersion,
    /// The name that the client asked for in TLS.
    ServerName,
    /// The URI in the client's certificate.
    PeerUri,
    /// The DNS name in the client's certificate.
    PeerDns,
    /// The subject of the client's certificate.
    PeerSubject,
    /// The SHA-256 of the client's certificate.
    PeerDigest,
}

/// The names of Envoy, in the order of the places: of every request that is over and has come to its route, and its cluster.
const USUAL: [&str; 11] = [
    "request.time",
    "request.duration",
    "response.code",
    "response.code_details",
    "response.flags",
    "request.size",
    "response.size",
    "request.protocol",
    "source.address",
    "xds.route_name",
    CLUSTER,
];
/// A request that Envoy answers itself may have none.
const CLUSTER: &str = "xds.cluster_name";
/// Of a request that has been sent to an upstream.
const OF_UPSTREAM: [&str; 2] = ["upstream.address", "upstream.request_attempt_count"];
/// Of a request that has come by TLS.
const OF_TLS: [&str; 6] = [
    "connection.tls_version",
    "connection.requested_server_name",
    "connection.uri_san_peer_certificate",
    "connection.dns_san_peer_certificate",
    "connection.subject_peer_certificate",
    "connection.sha256_peer_certificate_digest",
];
/// How many there are in all.
const COUNT: usize = USUAL.len() + OF_UPSTREAM.len() + OF_TLS.len();

fn names() -> impl Iterator<Item = &'static str> {
    USUAL.into_iter().chain(OF_UPSTREAM).chain(OF_TLS)
}

/// Reads the attributes of requests.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Filter states that are read as well.
    states: Vec<String>,
    /// The proxy's numbers of the expressions, where it evaluates any.
    usual: Option<Vec<u8>>,
    careful: Option<Vec<u8>>,
}

impl Reader {
    /// One that also reads these filter states.
    pub(crate) fn new(states: Vec<String>, host: &mut dyn Host) -> Self {
        let usual = host.foreign("expr_create", usual(&states).as_bytes()).ok();
        let careful =
            usual.as_ref().and_then(|_| host.foreign("expr_create", careful(&states).as_bytes()).ok());
        Self { states, usual, careful }
    }

    /// Reads all of them. An expression with an attribute that is not there has no value: then it is asked for with care.
    pub(crate) fn read(&self, host: &mut dyn Host) -> Attributes {
        let mut evaluated = |token: &Option<Vec<u8>>| host.foreign("expr_evaluate", token.as_ref()?).ok();
        let usual = evaluated(&self.usual).and_then(|block| self.of_groups(block));
        let read = usual.or_else(|| evaluated(&self.careful).and_then(|block| self.of_list(block)));
        read.unwrap_or_else(|| self.one_by_one(host))
    }

    /// A list comes as pairs whose values are empty.
    fn of_list(&self, block: Vec<u8>) -> Option<Attributes> {
        let places: Vec<_> = pairs::decode(&block)?.into_iter().map(|field| field.name).collect();
        (places.len() == COUNT + self.states.len()).then_some(Attributes { block, places })
    }

    /// Likewise, and lists within it as well; an empty one is one of nothing.
    fn of_groups(&self, block: Vec<u8>) -> Option<Attributes> {
        let mut outer = pairs::decode(&block)?.into_iter().map(|field| field.name);
        let mut places: Vec<_> = outer.by_ref().take(USUAL.len()).collect();
        for count in [OF_UPSTREAM.len(), OF_TLS.len()] {
            let Range { start, end } = outer.next()?;
            let inner = pairs::decode(block.get(start..end)?)?;
            match inner.len() {
                0 => places.extend(std::iter::repeat_n(0..0, count)),
                found if found == count => {
                    places.extend(inner.into_iter().map(|it| start + it.name.start..start + it.name.end));
                }
                _ => return None,
            }
        }
        places.extend(outer);
        (places.len() == COUNT + self.states.len()).then_some(Attributes { block, places })
    }

    fn one_by_one(&self, host: &mut dyn Host) -> Attributes {
        let mut attributes = Attributes::default();
        for name in names() {
            let (object, member) = name.split_once('.').unwrap_or_default();
            attributes.push(&host.property(&[object, member]).unwrap_or_default());
        }
        for state in &self.states {
            attributes.push(&host.property(&[state]).unwrap_or_default());
        }
        attributes
    }
}

/// A list with what there is of most requests, and lists with what there is of some.
fn usual(states: &[String]) -> String {
    let [upstream, tls] = [&OF_UPSTREAM[..], &OF_TLS].map(|group| group.iter().copied().map(if_there));
    let upstream = format!("has(upstream.address) ? [{}] : []", upstream.collect::<Vec<_>>().join(", "));
    let tls = format!("has(connection.tls_version) ? [{}] : []", tls.collect::<Vec<_>>().join(", "));
    let usual = USUAL.map(|name| if name == CLUSTER { if_there(name) } else { name.to_owned() });
    let all = usual.into_iter().chain([upstream, tls]).chain(states.iter().map(state));
    format!("[{}]", all.collect::<Vec<_>>().join(", "))
}

/// A list of all attributes, each of which may not be there.
fn careful(states: &[String]) -> String {
    let all = names().map(if_there).chain(states.iter().map(state));
    format!("[{}]", all.collect::<Vec<_>>().join(", "))
}

fn if_there(name: &str) -> String {
    format!("has({name}) ? {name} : \"\"")
}

/// Names of filter states hold nothing that would end a text in CEL, which the configuration checks.
fn state(name: &String) -> String {
    format!("\"wasm.{name}\" in filter_state ? filter_state[\"wasm.{name}\"] : \"\"")
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    block: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl Attributes {
    /// Its bytes; empty where there is none.
    pub(crate) fn bytes(&self, attribute: Attribute) -> &[u8] {
        self.at(attribute as usize)
    }

    /// A number; `None` where there is none.
    pub(crate) fn number(&self, attribute: Attribute) -> Option<u64> {
        let bytes = self.bytes(attribute).try_into().ok()?;
        // They are signed, and none is negative but where nothing has been measured.
        u64::try_from(i64::from_le_bytes(bytes)).ok()
    }

    /// The filter state of this place in the configuration; empty where there is none.
    pub(crate) fn state(&self, index: usize) -> &[u8] {
        self.at(COUNT.saturating_add(index))
    }

    fn at(&self, index: usize) -> &[u8] {
        self.places.get(index).and_then(|range| self.block.get(range.clone())).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        let start = self.block.len();
        self.block.extend_from_slice(bytes);
        self.places.push(start..self.block.len());
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;

    use super::*;

    fn host() -> TestHost {
        let mut host = TestHost::default();
        host.properties.insert("response.code".into(), 403_u64.to_le_bytes().into());
        host.properties.insert("source.address".into(), b"192.0.2.1:7".into());
        host.properties.insert("user".into(), b"{}".into());
        host
    }

    /// A host that evaluates the first expression to one list, and the second to the other.
    fn evaluating(usual: fn() -> Result<Vec<u8>, portcullis_kit::HostError>) -> TestHost {
        let mut host = host();
        host.foreign.insert("expr_create", |text| Ok(vec![u8::from(text.starts_with(b"[has(")), 0, 0, 0]));
        host.foreign.insert(
            "expr_evaluate",
            match usual() {
                Ok(_) => |token| match token[0] {
                    0 => Ok(grouped()),
                    _ => Err(portcullis_kit::HostError(10)),
                },
                Err(_) => |token| match token[0] {
                    1 => {
                        let mut all: Vec<(Vec<u8>, &str)> = vec![(Vec::new(), ""); COUNT + 1];
                        all[2].0 = 429_u64.to_le_bytes().into();
                        all[COUNT].0 = b"{\"sub\":\"a\"}".into();
                        Ok(pairs::encode(&all))
                    }
                    _ => Err(portcullis_kit::HostError(10)),
                },
            },
        );
        host
    }

    fn grouped() -> Vec<u8> {
        let empty = pairs::encode::<&str, &str>(&[]);
        let upstream = pairs::encode(&[("10.0.0.1:80", ""), ("", "")]);
        let mut all: Vec<(Vec<u8>, &str)> = vec![(Vec::new(), ""); USUAL.len()];
        all[2].0 = 200_u64.to_le_bytes().into();
        all[10].0 = b"backend".into();
        all.extend([(upstream, ""), (empty, ""), (b"{}".to_vec(), "")]);
        pairs::encode(&all)
    }

    #[test]
    fn without_expressions_they_are_read_one_by_one() {
        let mut host = host();
        let reader = Reader::new(vec!["user".into(), "other".into()], &mut host);
        let read = reader.read(&mut host);
        assert_eq!(read.number(Attribute::Code), Some(403));
        assert_eq!(read.number(Attribute::Duration), None);
        assert_eq!(read.bytes(Attribute::Source), b"192.0.2.1:7");
        assert_eq!((read.state(0), read.state(1), read.state(2)), (&b"{}"[..], &b""[..], &b""[..]));
    }

    #[test]
    fn an_expression_reads_all_at_once() {
        let mut host = evaluating(|| Ok(Vec::new()));
        let read = Reader::new(vec!["user".into()], &mut host).read(&mut host);
        assert_eq!(read.number(Attribute::Code), Some(200));
        assert_eq!(
            (read.bytes(Attribute::Cluster), read.bytes(Attribute::Upstream)),
            (&b"backend"[..], &b"10.0.0.1:80"[..])
        );
        assert_eq!((read.bytes(Attribute::TlsVersion), read.state(0)), (&b""[..], &b"{}"[..]));
        assert_eq!(host.foreign_calls["expr_evaluate"], 1);
    }

    #[test]
    fn where_something_is_not_there_it_is_asked_for_with_care() {
        let mut host = evaluating(|| Err(portcullis_kit::HostError(10)));
        let read = Reader::new(vec!["user".into()], &mut host).read(&mut host);
        assert_eq!((read.number(Attribute::Code), read.state(0)), (Some(429), &b"{\"sub\":\"a\"}"[..]));
        assert_eq!(host.foreign_calls["expr_evaluate"], 2);
    }

    #[test]
    fn what_was_not_asked_for_is_not_taken() {
        let mut host = host();
        host.foreign.insert("expr_create", |_| Ok(vec![0; 4]));
        host.foreign.insert("expr_evaluate", |_| Ok(pairs::encode(&[("a", "")])));
        let read = Reader::new(vec!["user".into()], &mut host).read(&mut host);
        assert_eq!((read.number(Attribute::Code), read.state(0)), (Some(403), &b"{}"[..]));
    }

    #[test]
    fn every_attribute_has_its_place() {
        for (attribute, name) in [
            (Attribute::Time, "request.time"),
            (Attribute::Flags, "response.flags"),
            (Attribute::Route, "xds.route_name"),
            (Attribute::Attempts, "upstream.request_attempt_count"),
            (Attribute::TlsVersion, "connection.tls_version"),
            (Attribute::PeerSubject, "connection.subject_peer_certificate"),
        ] {
            assert_eq!(names().nth(attribute as usize), Some(name));
        }
    }

    #[test]
    fn expressions_name_what_is_asked_for() {
        let [usual, careful] = [usual, careful].map(|it| it(&["user".to_owned()]));
        assert!(usual.starts_with("[request.time, request.duration, "), "{usual}");
        assert!(usual.contains(", has(upstream.address) ? [has(upstream.address) ? "), "{usual}");
        assert!(careful.starts_with("[has(request.time) ? request.time : \"\", "), "{careful}");
        for text in [usual, careful] {
            assert!(
                text.ends_with(", \"wasm.user\" in filter_state ? filter_state[\"wasm.user\"] : \"\"]"),
                "{text}"
            );
        }
    }
}
