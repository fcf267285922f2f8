//! What the rest of the function knows of a service and of a request to it.

use std::any::Any;
use std::fmt::{Debug, Formatter, Result as Formatted};
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use serde_json::{Map, Value};

use super::port::Port;
use super::sweep::Sweep;
use crate::client::Successes;
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::fields::violation::Code;
use crate::pace::Operation;
use crate::variables::Variables;

/// All that is peculiar to a service, as its folder declares it once. No part has a default:
///
/// ```compile_fail,E0063
/// # use countermand::targets::{Service, cloudflow::SERVICE};
/// let Service { cancel, reads, beyond, successes, key_form, is_valid_name, read, configure, .. } = SERVICE;
/// // Without its name and its rehearsal:
/// let service = Service { cancel, reads, beyond, successes, key_form, is_valid_name, read, configure };
/// ```
pub struct Service {
    /// The name that requests and outcomes use.
    pub name: &'static str,
    /// The operation that cancels.
    pub cancel: &'static Operation,
    /// The operations that read.
    pub reads: &'static [&'static Operation],
    /// What it can do that is more than a cancel.
    pub beyond: Option<&'static Beyond>,
    /// The least that a success of each of its operations says.
    pub successes: Successes,
    /// How the keys of its targets are made.
    pub key_form: &'static str,
    /// Whether a target can have a key with this behind the service's name, whatever its length.
    pub is_valid_name: fn(&str) -> bool,
    /// Takes the service's own fields of a request; `None` where one of them is not valid, as the violations tell.
    pub read: fn(&mut Fields, Beside<'_>) -> Option<SharedCancellation>,
    /// Reads its variables, which makes them known. What is missing is told to whoever asks for the service, not
    /// at the start. Where SAM runs the function locally, a placeholder where nobody answers is called in its place.
    pub configure: fn(&mut Variables, placeholder: Option<&str>) -> Connect,
    /// A request that names nothing real, which opens a connection ahead; none where nothing is opened ahead.
    pub rehearsal: Option<&'static str>,
}

/// What is known beside a service's own fields.
#[derive(Clone, Copy, Default)]
pub struct Beside<'a> {
    /// That of the request, which may be passed on.
    pub reason: Option<&'a str>,
    /// That of the request, or of what it came in.
    pub request_id: Option<&'a str>,
    /// The function's own.
    pub region: Option<&'a str>,
}

/// More than a cancel, done only where a request asks for it and the deployment allows it.
pub struct Beyond {
    pub operation: &'static Operation,
    /// The field of a request that asks for it.
    pub field: &'static str,
    /// The variable that allows it.
    pub variable: &'static str,
    /// What a request that asks for it without leave breaks.
    pub refused: Code,
}

/// What a request asks, whichever its service.
pub type SharedCancellation = Arc<dyn Cancellation>;

/// Builds a client of a service, as its variables say. It has to be a port:
///
/// ```compile_fail,E0277
/// # use countermand::targets::Connect;
/// let connect = Connect::new(|_| "no port");
/// ```
#[derive(Clone)]
pub struct Connect(Arc<Building>);

type Building = dyn Fn(&ClientConfig<'_>) -> Box<dyn Port>;

impl Connect {
    pub fn new<P: Port + 'static>(connect: impl Fn(&ClientConfig<'_>) -> P + 'static) -> Self {
        Self(Arc::new(move |config| Box::new(connect(config))))
    }

    pub fn connect(&self, config: &ClientConfig<'_>) -> Box<dyn Port> {
        (self.0)(config)
    }
}

/// It may hold keys.
impl Debug for Connect {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Formatted {
        formatter.write_str("Connect")
    }
}

/// What clients are built on.
#[derive(Clone, Copy)]
pub struct ClientConfig<'a> {
    pub aws: &'a SdkConfig,
    pub connector: &'a SharedHttpConnector,
}

/// What a valid request asks of a service.
pub trait Cancellation: Any + Debug + Send + Sync {
    fn service(&self) -> &'static Service;

    /// The name that policy and outcomes go by, which begins with the service's.
    fn key(&self) -> String;

    /// The `target` of an outcome: what was asked, after the key that names it.
    fn target(&self) -> Value;

    /// The runs that the request names; none where it means whatever runs. To a [`Single`](super::Single) service
    /// it names one.
    fn named_runs(&self) -> Option<&[String]>;

    /// What the ids are that a request without any can mean, and how many a message carries.
    fn runs_rule(&self) -> (&'static Text, usize);

    /// The request means whatever runs.
    fn is_open_ended(&self) -> bool {
        self.named_runs().is_none()
    }

    /// Where leaving the ids out means every active run: whether the request says so in words too.
    fn all_active_in_words(&self) -> Option<bool> {
        None
    }

    /// The request asks for what is more than a cancel.
    fn goes_beyond(&self) -> bool {
        false
    }

    /// So long after its outcome, what still runs is ended by force.
    fn escalates_after(&self) -> Option<Duration> {
        None
    }

    /// What a follow-up has to carry beside the target.
    fn carried(&self) -> Map<String, Value> {
        Map::new()
    }

    /// The request is for every execution that matches.
    fn sweep(&self) -> Option<&Sweep> {
        None
    }

    /// One read of its target tells of every run there.
    fn is_read_as_a_whole(&self) -> bool {
        false
    }
}

impl Service {
    /// The operations that have a pace.
    pub fn operations(&self) -> impl Iterator<Item = &'static Operation> {
        let beyond = self.beyond.map(|beyond| beyond.operation);
        std::iter::once(self.cancel).chain(self.reads.iter().copied()).chain(beyond)
    }
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Debug for Service {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Formatted {
        formatter.write_str(self.name)
    }
}
